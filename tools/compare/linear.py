"""Linear models and their kin against scikit-learn: python tools/compare/linear.py [FAMILY ...]

One thread each, fits in turn, standard scores in front of both where it matters; the fastest of nine. Prints
a Markdown table. The tables are those that scikit-learn brings along or makes; a quarter is held out.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REPEATS = 9
ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUILD = ["cargo", "build", "--release", "-p", "xscatter-learn", "--example", "linear_times"]
PROGRAM = TARGET / "release" / "examples" / "linear_times"

TABLES = {
    "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "syn2k": lambda: make_classification(
        2000, 256, n_informative=40, n_redundant=100, n_classes=4, class_sep=1.0, random_state=0
    ),
    "syn10k": lambda: make_classification(
        12000, 128, n_informative=30, n_redundant=60, n_classes=8, class_sep=1.2, random_state=0
    ),
}


def scaled(model):
    return make_pipeline(StandardScaler(), model)


# Name of the row: family and parameters of ours, model of theirs.
MODELS = {
    "logistic C=1": ("logistic-regression", {}, lambda: scaled(LogisticRegression(max_iter=300))),
    "logistic C=0.1": ("logistic-regression", {"c": 0.1}, lambda: scaled(LogisticRegression(C=0.1, max_iter=300))),
    "linear discriminant, shrinkage auto": (
        "linear-discriminant", {}, lambda: scaled(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))),
    "linear discriminant, no shrinkage": (
        "linear-discriminant", {"shrinkage": "none"}, lambda: scaled(LinearDiscriminantAnalysis())),
    "quadratic discriminant, regularisation 0.1": (
        "quadratic-discriminant", {}, lambda: scaled(QuadraticDiscriminantAnalysis(reg_param=0.1))),
    "Gaussian naive Bayes": ("gaussian-naive-bayes", {}, lambda: GaussianNB()),
    "ridge, alpha 1": ("ridge", {"alpha": 1.0}, lambda: scaled(RidgeClassifier())),
}


def main(wanted):
    subprocess.run(BUILD, cwd=ROOT, check=True)
    ours = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(job):
        ours.stdin.write(job + "\n")
        ours.stdin.flush()
        return json.loads(ours.stdout.readline())

    print("| model | table | fit, ours | scikit-learn | ratio | predict, ours | scikit-learn | ratio "
          "| accuracy, ours / theirs | log-loss, ours / theirs |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for table, make in TABLES.items():
            x, y = make()
            x = x.astype(np.float32)
            xt, xv, yt, yv = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
            path = pathlib.Path(folder) / table
            rows = np.vstack([np.column_stack([xt, yt]), np.column_stack([xv, yv])])
            path.write_bytes(rows.astype("<f4").tobytes())
            ask(f"table {path} {x.shape[1]} {len(xt)}")
            xt, xv = xt.astype(np.float64), xv.astype(np.float64)
            for name, (family, params, peer) in MODELS.items():
                if wanted and family not in wanted:
                    continue
                job = f"fit {family} {json.dumps(params, separators=(',', ':'))}"
                our_times, peer_times = [], []
                for turn in range(REPEATS + 1):
                    answer = ask(job)
                    start = time.perf_counter()
                    model = peer().fit(xt, yt)
                    middle = time.perf_counter()
                    knows = hasattr(model, "predict_proba")
                    proba = model.predict_proba(xv) if knows else model.decision_function(xv)
                    end = time.perf_counter()
                    if turn > 0:
                        our_times.append(answer[:2])
                        peer_times.append((middle - start, end - middle))
                (fit, predict), (their_fit, their_predict) = (
                    [min(column) for column in zip(*times)] for times in (our_times, peer_times)
                )
                loss = f"{log_loss(yv, proba):.4f}" if knows else "–"
                accuracy = accuracy_score(yv, model.predict(xv))
                print(f"| {name} | {table} | {fit * 1e3:.2f} ms | {their_fit * 1e3:.2f} ms "
                      f"| {fit / their_fit:.2f} | {predict * 1e3:.2f} ms | {their_predict * 1e3:.2f} ms "
                      f"| {predict / their_predict:.2f} | {answer[2]:.4f} / {accuracy:.4f} "
                      f"| {answer[3]:.4f} / {loss} |", flush=True)
    ours.stdin.close()
    ours.wait()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
