#!/usr/bin/env python3
"""Thirty seconds each: `xscatter study run` against FLAML and AutoGluon on the same tables.

    python tools/compare/automl.py [--budget 30] [--splits 1] [--tasks breast_cancer,wine,digits,syn10k]

Run it with the Python of `tools/reference/make_env.sh --learners`; the peers run in the environments that
`--flaml` and `--autogluon` of that script make. Each task is split into 75 % to learn from and 25 % held
out, stratified, seed 0, 1, ...; every program gets the same rows, two cores and the same budget, and is
judged by the log-loss and the accuracy of its probabilities on the rows held out. Seconds are the wall time
of `fit` for the peers and of the whole process (reading the table, searching, writing the model) for ours.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path.home() / ".cache/xscatter"

PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
which, budget, folder = sys.argv[1], float(sys.argv[2]), sys.argv[3]
data = np.load(folder + "/task.npz")
X, y, T = data["X"], data["y"], data["T"]
start = time.time()
if which == "flaml":
    from flaml import AutoML
    model = AutoML()
    model.fit(X, y, task="classification", metric="log_loss", time_budget=budget, n_jobs=2, seed=1, verbose=0)
    seconds = time.time() - start
    proba = model.predict_proba(T)
else:
    import pandas as pd
    from autogluon.tabular import TabularPredictor
    names = [f"c{i}" for i in range(X.shape[1])]
    table = pd.DataFrame(X, columns=names)
    table["y"] = y
    predictor = TabularPredictor("y", eval_metric="log_loss", path=folder + "/ag", verbosity=0)
    predictor.fit(table, time_limit=budget, num_cpus=2)
    seconds = time.time() - start
    proba = predictor.predict_proba(pd.DataFrame(T, columns=names))
    proba = proba[sorted(proba.columns)].to_numpy()
np.save(folder + "/proba.npy", proba)
print(json.dumps({"seconds": seconds}))
"""


def task(name):
    if name == "syn10k":
        return make_classification(12000, 128, n_informative=30, n_redundant=60, n_classes=8,
                                   class_sep=1.2, random_state=0)
    return {"breast_cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}[name](
        return_X_y=True)


def write_csv(path, X, y=None):
    head = [f"c{i}" for i in range(X.shape[1])] + ([] if y is None else ["y"])
    with open(path, "w") as file:
        file.write(",".join(head) + "\n")
        for i, row in enumerate(X):
            cells = [repr(float(v)) for v in row] + ([] if y is None else [f"class{y[i]:02d}"])
            file.write(",".join(cells) + "\n")


def ours(program, folder, X, y, T, budget, extra):
    write_csv(folder / "train.csv", X, y)
    write_csv(folder / "test.csv", T)
    start = time.time()
    done = subprocess.run(
        [program, "study", "run", "--table", folder / "train.csv", "--label", "y", "--budget",
         f"{budget}s", "--seed", "1", "--out", folder / "study", "--json", *extra],
        check=True, capture_output=True, text=True)
    seconds = time.time() - start
    subprocess.run([program, "study", "predict", folder / "study", "--table", folder / "test.csv", "-o",
                    folder / "out.csv"], check=True)
    proba = np.loadtxt(folder / "out.csv", delimiter=",", skiprows=1, usecols=range(1, 1 + len(set(y))))
    return proba, seconds, json.loads(done.stdout)


def peer(which, folder, budget):
    python = ENVS / f"{which}-env/bin/python"
    done = subprocess.run([python, "-c", PEER, which, str(budget), str(folder)], check=True,
                          capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
    return np.load(folder / "proba.npy"), json.loads(done.stdout.strip().splitlines()[-1])["seconds"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=float, default=30)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--tasks", default="breast_cancer,wine,digits,syn10k")
    parser.add_argument("--peers", default="flaml,autogluon")
    parser.add_argument("--program", default=ROOT / "target/release/xscatter")
    parser.add_argument("--extra", default="", help="more arguments for xscatter study run")
    arguments = parser.parse_args()
    peers = [name for name in arguments.peers.split(",") if name]
    print(f"budget {arguments.budget} s, two cores")
    print("| task | split | " + " | ".join(f"{n}: s, log-loss, accuracy" for n in ["xscatter", *peers]) + " |")
    print("|" + "---|" * (3 + len(peers)))
    for name in arguments.tasks.split(","):
        X, y = task(name)
        X = X.astype(np.float32).astype(np.float64)
        for seed in range(arguments.splits):
            train, test, labels, truth = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)
            cells = []
            for which in ["xscatter", *peers]:
                with tempfile.TemporaryDirectory() as folder:
                    folder = Path(folder)
                    if which == "xscatter":
                        proba, seconds, report = ours(arguments.program, folder, train, labels, test,
                                                      arguments.budget, arguments.extra.split())
                        print(json.dumps(report), file=sys.stderr)
                    else:
                        np.savez(folder / "task.npz", X=train, y=labels, T=test)
                        proba, seconds = peer(which, folder, arguments.budget)
                proba = proba / proba.sum(1, keepdims=True)
                accuracy = accuracy_score(truth, proba.argmax(1))
                cells.append(f"{seconds:.1f}, {log_loss(truth, proba):.4f}, {accuracy:.3f}")
            print(f"| {name} | {seed} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
