#!/usr/bin/env python3
"""A study of 25 representations: how long, how much memory, what racing saves, what joining gains.

    python tools/compare/representations.py [--program target/release/xscatter] [--seeds 3]

Run it with the Python of `tools/reference/make_env.sh --learners`. One hidden table of 2,000 rows (and
1,000 held out) in four classes is seen through 25 representations of 256 columns: each a random linear map
of a random third of the hidden columns, with noise. Five families, ten folds.
"""
import argparse
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, log_loss

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = "logistic-regression,k-nearest-neighbours,random-forest,extra-trees,kernel-svm"


def tables(folder, seed, count=25, rows=2000, held_out=1000):
    X, y = make_classification(rows + held_out, 120, n_informative=40, n_redundant=40, n_classes=4,
                               class_sep=1.0, random_state=seed)
    random = np.random.default_rng(seed)
    for number in range(count):
        columns = random.choice(120, 40, replace=False)
        seen = X[:, columns] @ random.normal(size=(40, 256)) / 6
        seen += random.normal(size=seen.shape) * random.uniform(0.5, 2.0)
        head = ",".join(f"c{i}" for i in range(256))
        for name, part in [("train", slice(0, rows)), ("test", slice(rows, None))]:
            labels = [f"k{label}" for label in y[part]]
            with open(folder / f"{name}-{number:02d}.csv", "w") as file:
                file.write(head + ",y\n")
                for row, label in zip(seen[part], labels):
                    file.write(",".join(f"{v:.5g}" for v in row) + f",{label}\n")
    return y[rows:]


def study(program, folder, out, count, *extra):
    chosen = [x for number in range(count) for x in ("--table", f"r{number:02d}={folder}/train-{number:02d}.csv")]
    start = time.time()
    done = subprocess.run([program, "study", "run", *chosen, "--label", "y", "--families", FAMILIES, "--out",
                           folder / out, "--json", "--seed", "1", "--folds", "10", *extra],
                          check=True, capture_output=True, text=True)
    return time.time() - start, json.loads(done.stdout)


def judge(program, folder, out, count, truth):
    chosen = [x for number in range(count) for x in ("--table", f"r{number:02d}={folder}/test-{number:02d}.csv")]
    subprocess.run([program, "study", "predict", folder / out, *chosen, "--members", "-o", folder / "p.csv"],
                   check=True)
    with open(folder / "p.csv") as file:
        head = file.readline().strip().split(",")
    all_scores = np.loadtxt(folder / "p.csv", delimiter=",", skiprows=1, usecols=range(1, len(head)))
    models = all_scores.reshape(len(truth), -1, 4).transpose(1, 0, 2)
    return [(log_loss(truth, scores), accuracy_score(truth, scores.argmax(1))) for scores in models]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=ROOT / "target/release/xscatter")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            truth = tables(folder, seed)
            if seed == 0:
                seconds, report = study(arguments.program, folder, "whole", 25, "--guesses", "1", "--trials",
                                        "0", "--race", "off")
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
                print(f"25 representations x 5 families x 10 folds: {seconds:.1f} s, {peak:.2f} GiB", flush=True)
                scores = {}
                for race in ["off", "aggressive", "forgiving"]:
                    seconds, report = study(arguments.program, folder, f"race-{race}", 1, "--guesses", "1",
                                            "--trials", "10", "--race", race, "--patience", "1000")
                    result = judge(arguments.program, folder, f"race-{race}", 1, truth)
                    scores[race] = (report["trials"] / seconds, result[0])
                    print(f"race {race}: {report['trials']} trials in {seconds:.1f} s, "
                          f"{scores[race][0]:.2f} a second, {scores[race][0] / scores['off'][0]:.2f} x; held "
                          f"out: log-loss {result[0][0]:.4f}, accuracy {result[0][1]:.4f}", flush=True)
            else:
                _, report = study(arguments.program, folder, "whole", 25, "--guesses", "1", "--trials", "0",
                                  "--race", "aggressive")
            joined, *members = judge(arguments.program, folder, "whole", 25, truth)
            best = min(members)
            print(f"seed {seed}: held-out log-loss of the ensemble {joined[0]:.4f}, of the best member "
                  f"{best[0]:.4f}: {100 * (1 - joined[0] / best[0]):.0f} % lower; out of fold "
                  f"{report['ensemble']['out_of_fold']:.4f} against {report['ensemble']['best_single_out_of_fold']:.4f}",
                  flush=True)


if __name__ == "__main__":
    main()
