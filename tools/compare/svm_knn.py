"""Support vector machines and neighbours against scikit-learn: python tools/compare/svm_knn.py [TABLE ...]

Builds the example svm_knn_times of xscatter-learn, hands it standard scores as raw little-endian files, runs
peer and ours in turn on one thread (both warmed) and prints Markdown tables with the shortest times, which
other work on the machine disturbs least, and their ratios. The peer's machine gives decision values alone;
its log-loss is that of a softmax of them with the best scale on the test rows, which flatters it.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

ROOT = Path(__file__).resolve().parents[2]
BUILD = ["cargo", "build", "--release", "-q", "-p", "xscatter-learn", "--example", "svm_knn_times"]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/svm_knn_times"

TABLES = {
    "digits": lambda: load_digits(return_X_y=True),
    "syn2k": lambda: make_classification(
        2000, 256, n_informative=40, n_redundant=100, n_classes=4, class_sep=1.0, random_state=0
    ),
    "syn10k": lambda: make_classification(
        12000, 128, n_informative=30, n_redundant=60, n_classes=8, class_sep=1.2, random_state=0
    ),
}

# Title: ours, theirs.
MACHINES = {
    "RBF C=1, pairs, 5 folds": ({"kernel-svm": {}}, lambda: SVC(C=1, cache_size=200)),
    "RBF C=1, pairs, no folds": ({"kernel-svm": {"folds": 0}}, lambda: SVC(C=1, cache_size=200)),
    "RBF C=1, each class, 5 folds": ({"kernel-svm": {"multi_class": "one-vs-rest"}}, lambda: SVC(C=1, cache_size=200)),
    "RBF C=10, pairs, 5 folds": ({"kernel-svm": {"c": 10.0}}, lambda: SVC(C=10, cache_size=200)),
    "linear, each class, 5 folds": ({"linear-svm": {"c": 0.01}}, lambda: LinearSVC(C=0.01)),
}


def neighbours(metric, dtype, algorithm):
    return lambda: KNeighborsClassifier(5, weights="distance", metric=metric, algorithm=algorithm, n_jobs=1), dtype


NEIGHBOURS = {
    metric: [neighbours(metric, dtype, algorithm) for dtype in ("f4", "f8") for algorithm in ("auto", "brute")]
    for metric in ("euclidean", "cosine")
}


class Ours:
    """The example, with a table in its folder."""

    def __init__(self, train, test, labels):
        self.folder = tempfile.TemporaryDirectory()
        self.n_classes = len(np.unique(labels))
        folder = Path(self.folder.name)
        np.array([*train.shape, len(test), self.n_classes], "<u4").tofile(folder / "shape")
        train.astype("<f4").tofile(folder / "train")
        test.astype("<f4").tofile(folder / "test")
        labels.astype("<u4").tofile(folder / "train_labels")
        self.process = subprocess.Popen([PROGRAM, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, recipe):
        self.process.stdin.write(json.dumps(recipe) + "\n")
        self.process.stdin.flush()
        times = [float(word) for word in self.process.stdout.readline().split()]
        return times, np.fromfile(Path(self.folder.name) / "proba", "<f4").reshape(-1, self.n_classes)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def score(proba, truth):
    of_truth = proba[np.arange(len(truth)), truth].astype(float)
    return np.mean(proba.argmax(axis=1) == truth), -np.log(np.maximum(of_truth, 1e-7)).mean()


def milliseconds(seconds):
    return f"{1e3 * seconds:.1f}"


def machines(name, ours, train, test, labels, truth, only, runs):
    for title, (recipe, peer) in MACHINES.items():
        if only not in title:
            continue
        rows = []
        for run in range(runs + 1):
            model = peer()
            _, fit = timed(lambda: model.fit(train, labels))
            decisions, decide = timed(lambda: model.decision_function(test))
            (our_fit, our_decide, _), proba = ours.run(recipe)
            if run or runs == 1:
                rows.append((fit, decide, our_fit, our_decide))
        fit, decide, our_fit, our_decide = (min(column) for column in zip(*rows))
        accuracy, loss = score(proba, truth)
        # Scales of 0.1 to 20.
        losses = [score(softmax(scale * decisions, axis=1), truth)[1] for scale in np.geomspace(0.1, 20, 40)]
        print(f"| {name} | {title} | {milliseconds(fit)} + {milliseconds(decide)} "
              f"| {milliseconds(our_fit)} + {milliseconds(our_decide)} "
              f"| {(our_fit + our_decide) / (fit + decide):.2f} | {np.mean(model.predict(test) == truth):.4f}, {accuracy:.4f} "
              f"| {min(losses):.4f}, {loss:.4f} |", flush=True)


def voters(name, ours, train, test, labels, truth, runs):
    for metric, peers in NEIGHBOURS.items():
        rows = []
        fitted = [(peer().fit(train.astype(dtype), labels), test.astype(dtype)) for peer, dtype in peers]
        for run in range(7 * runs + 1):
            theirs = [timed(lambda: model.predict_proba(queries)) for model, queries in fitted]
            (_, _, seconds), proba = ours.run({"k-nearest-neighbours": {"k": 5, "metric": metric}})
            if run:
                rows.append((*(one[1] for one in theirs), seconds))
        *peer_times, seconds = (min(column) for column in zip(*rows))
        largest = np.abs(theirs[-1][0] - proba).max()
        best = min(peer_times)
        print(f"| {name} | {metric}, {len(test)} queries | {milliseconds(best)} | {milliseconds(seconds)} "
              f"| {seconds / best:.2f} | {score(theirs[-1][0], truth)[0]:.4f}, {score(proba, truth)[0]:.4f} | {largest:.1e} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--only", default="", help="machines whose title holds this")
    parser.add_argument("--part", choices=["machines", "neighbours"])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    subprocess.run(BUILD, cwd=ROOT, check=True)
    tables = {}
    for name in options.tables:
        x, y = TABLES[name]()
        train, test, labels, truth = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
        scaler = StandardScaler().fit(train)
        train, test = (scaler.transform(rows).astype("f4").astype("f8") for rows in (train, test))
        tables[name] = (Ours(train, test, labels), train, test, labels, truth)
    if options.part != "neighbours":
        print("| table | machine | fit + decisions ms: theirs | ours | ratio | accuracy: theirs, ours | log-loss: theirs, ours |")
        print("|---|---|---:|---:|---:|---|---|")
        for name, table in tables.items():
            machines(name, *table, options.only, options.runs)
    if options.part != "machines":
        print("\n| table | neighbours | prediction ms: theirs, the fastest of brute, auto, f32, f64 | ours | ratio "
              "| accuracy: theirs, ours | largest difference of a probability |")
        print("|---|---|---:|---:|---:|---|---|")
        for name, table in tables.items():
            voters(name, *table, options.runs)


if __name__ == "__main__":
    main()
