"""Trees against scikit-learn, LightGBM, XGBoost and CatBoost: python tools/compare/trees.py [--quality] [TASK ...]

Builds the example tree_times of xscatter-learn, hands it each table as raw little-endian files, fits peer
and ours in turn on one thread (both warmed) and prints a Markdown table: medians of processor time, which other
work on the machine hardly changes, ratio, and accuracy and
log-loss of both on the same held-out quarter. Boosting is timed with equal parameters; --quality compares the
peers as they are there with the first guesses of our families, over ten splits of the small tables.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import numpy as np
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

ROOT = Path(__file__).resolve().parents[2]


def task(name):
    if name == "syn2k":
        return make_classification(
            2000, 256, n_informative=40, n_redundant=100, n_classes=4, class_sep=1.0, random_state=0
        )
    if name == "syn10k":
        return make_classification(
            12000, 128, n_informative=30, n_redundant=60, n_classes=8, class_sep=1.2, random_state=0
        )
    load = {"digits": load_digits, "wine": load_wine, "breast_cancer": load_breast_cancer}[name]
    return load(return_X_y=True)


def lightgbm(seed):
    return LGBMClassifier(
        n_estimators=100, num_leaves=31, learning_rate=0.1, max_bin=255, n_jobs=1, random_state=seed, verbose=-1
    )


def xgboost(seed):
    return XGBClassifier(
        n_estimators=100, max_depth=6, learning_rate=0.1, max_bin=255, tree_method="hist", n_jobs=1,
        random_state=seed,
    )


def catboost(seed):
    return CatBoostClassifier(
        iterations=100, depth=6, learning_rate=0.1, border_count=254, thread_count=1, random_seed=seed,
        verbose=False, allow_writing_files=False,
    )


def boosting(growth, **options):
    config = {"rounds": 100, "learning_rate": 0.1, "max_bins": 255, "growth": growth, **options}
    return lambda seed: {"gradient-boosting": {**config, "seed": seed}}


def forest(name, **options):
    return lambda seed: {name: {"trees": 100, "seed": seed, **options}}


PAIRS = {
    "extra trees": (
        "scikit-learn", lambda seed: ExtraTreesClassifier(100, n_jobs=1, random_state=seed), forest("extra-trees"),
    ),
    "random forest": (
        "scikit-learn", lambda seed: RandomForestClassifier(100, n_jobs=1, random_state=seed),
        forest("random-forest"),
    ),
    "decision tree": (
        "scikit-learn", lambda seed: DecisionTreeClassifier(random_state=seed),
        lambda seed: {"decision-tree": {"seed": seed}},
    ),
    "boosting, leaf by leaf, 31 leaves": (
        "LightGBM", lightgbm, boosting({"leaf-wise": {"max_leaves": 31}}, min_samples_leaf=20, l2=0.0),
    ),
    "boosting, level by level, depth 6": (
        "XGBoost", xgboost,
        boosting({"depth-wise": {"max_depth": 6}}, min_samples_leaf=1, min_child_weight=1.0, l2=1.0),
    ),
    "boosting, symmetric, depth 6": (
        "CatBoost", catboost, boosting({"symmetric": {"depth": 6}}, min_samples_leaf=1, l2=3.0),
    ),
}


def first_guess(growth, **options):
    config = {"rounds": 100, "learning_rate": 0.1, "max_bins": 63, "l2": 1.0, "feature_fraction": 0.5, **options}
    return lambda seed: {"gradient-boosting": {**config, "growth": growth, "seed": seed}}


# As in crates/xscatter-learn/src/family/trees.rs.
FIRST_GUESSES = {
    "boosting, leaf by leaf, 31 leaves": first_guess({"leaf-wise": {"max_leaves": 15}}, min_samples_leaf=10),
    "boosting, level by level, depth 6": first_guess(
        {"depth-wise": {"max_depth": 5}}, min_samples_leaf=1, min_child_weight=1.0
    ),
    "boosting, symmetric, depth 6": first_guess(
        {"symmetric": {"depth": 5}}, rounds=200, learning_rate=0.3, l2=3.0, feature_fraction=0.3, row_fraction=0.6
    ),
}


class Ours:
    """The example, with a table in its folder."""

    def __init__(self, program, train, test, train_labels, n_classes):
        self.folder = tempfile.TemporaryDirectory()
        self.n_classes = n_classes
        folder = Path(self.folder.name)
        np.array([*train.shape, len(test)], "<u4").tofile(folder / "shape")
        train.astype("<f4").tofile(folder / "train")
        test.astype("<f4").tofile(folder / "test")
        train_labels.astype("<u4").tofile(folder / "train_labels")
        self.process = subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, classifier):
        self.process.stdin.write(json.dumps(classifier) + "\n")
        self.process.stdin.flush()
        fit, predict = map(float, self.process.stdout.readline().split())
        proba = np.fromfile(Path(self.folder.name) / "proba", "<f4").reshape(-1, self.n_classes)
        return fit, predict, proba

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def peer(model, train, test, labels):
    start = time.process_time()
    model.fit(train, labels)
    middle = time.process_time()
    proba = model.predict_proba(test)
    return middle - start, time.process_time() - middle, proba


def score(proba, labels):
    of_truth = proba[np.arange(len(labels)), labels].astype(float)
    return np.mean(proba.argmax(axis=1) == labels), -np.log(np.maximum(of_truth, 1e-7)).mean()


def split(name, seed):
    x, y = task(name)
    return train_test_split(x.astype(np.float32), y, test_size=0.25, stratify=y, random_state=seed)


def times(program, tasks, pairs, runs):
    print("| table | model | peer | fit ms: theirs, ours | ratio | predict ms: theirs, ours | ratio "
          "| accuracy: theirs, ours | log-loss: theirs, ours |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in tasks:
        train, test, labels, truth = split(name, 0)
        ours = Ours(program, train, test, labels, len(np.unique(labels)))
        for title, (program_name, theirs, recipe) in pairs.items():
            rows = []
            while len(rows) < runs + 1:
                a = peer(theirs(0), train, test, labels)
                b = ours.run(recipe(0))
                rows.append((*a[:2], *b[:2]))
                # A fit of seconds needs no warming.
                if len(rows) == runs and rows[0][0] > 2:
                    break
            else:
                rows = rows[1:]
            fit, predict, our_fit, our_predict = (1e3 * statistics.median(column) for column in zip(*rows))
            (accuracy, loss), (our_accuracy, our_loss) = score(a[2], truth), score(b[2], truth)
            print(f"| {name} | {title} | {program_name} | {fit:.0f}, {our_fit:.0f} | {our_fit / fit:.2f} "
                  f"| {predict:.1f}, {our_predict:.1f} | {our_predict / predict:.2f} "
                  f"| {accuracy:.4f}, {our_accuracy:.4f} | {loss:.4f}, {our_loss:.4f} |", flush=True)
        ours.close()


def quality(program, tasks, pairs, seeds):
    print("| table | model | peer | accuracy: theirs, ours | difference, points | log-loss: theirs, ours |")
    print("|---|---|---|---|---|---|")
    for name in tasks:
        scores = {title: [] for title in pairs}
        for seed in range(seeds):
            train, test, labels, truth = split(name, seed)
            ours = Ours(program, train, test, labels, len(np.unique(labels)))
            for title, (_, theirs, recipe) in pairs.items():
                a = score(peer(theirs(seed), train, test, labels)[2], truth)
                b = score(ours.run(FIRST_GUESSES.get(title, recipe)(seed))[2], truth)
                scores[title].append((*a, *b))
            ours.close()
        for title, (program_name, _, _) in pairs.items():
            accuracy, loss, our_accuracy, our_loss = np.mean(scores[title], axis=0)
            print(f"| {name} | {title} | {program_name} | {accuracy:.4f}, {our_accuracy:.4f} "
                  f"| {100 * (our_accuracy - accuracy):+.2f} | {loss:.4f}, {our_loss:.4f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--only", help="models whose title holds this")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "-q", "-p", "xscatter-learn", "--example", "tree_times"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = target / "release/examples/tree_times"
    pairs = {title: pair for title, pair in PAIRS.items() if not options.only or options.only in title}
    if options.quality:
        quality(program, options.tasks or ["digits", "wine", "breast_cancer"], pairs, options.seeds)
    else:
        times(program, options.tasks or ["digits", "syn2k", "syn10k"], pairs, options.runs)


if __name__ == "__main__":
    main()
