#!/usr/bin/env python3
"""Five models × ten folds: `xscatter study run` against PyCaret's compare_models on the same rows.

    python tools/compare/pycaret_models.py [--runs 3] [--program target/release/xscatter]

Run it with the Python of `tools/reference/make_env.sh --learners`; PyCaret runs in the environment of
`--pycaret`. 70 % of the rows of digits and breast_cancer (PyCaret's own split, session_id 1), ten folds,
logistic regression, nearest neighbours, naive Bayes, random forest and extra trees with their defaults,
standardised. Seconds of PyCaret are those of compare_models alone, n_jobs 1 as it is fastest; ours are the
whole process on two threads and on one, reading the table and writing the final model included.
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path.home() / ".cache/xscatter"
FAMILIES = "logistic-regression,k-nearest-neighbours,gaussian-naive-bayes,random-forest,extra-trees"

PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
from sklearn.datasets import load_breast_cancer, load_digits
from pycaret.classification import ClassificationExperiment
frame = {"digits": load_digits, "breast_cancer": load_breast_cancer}[sys.argv[1]](as_frame=True).frame
e = ClassificationExperiment()
e.setup(frame, target="target", session_id=1, normalize=True, n_jobs=1, verbose=False, html=False)
train = e.train.copy()
train.to_csv(sys.argv[2], index=False)
times = []
for _ in range(int(sys.argv[3])):
    start = time.time()
    e.compare_models(include=["lr", "knn", "nb", "rf", "et"], verbose=False)
    times.append(time.time() - start)
board = e.pull()
print(json.dumps({"seconds": sorted(times)[len(times) // 2],
                  "accuracy": dict(zip(board.index, board["Accuracy"]))}))
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--program", default=ROOT / "target/release/xscatter")
    arguments = parser.parse_args()
    print("| table | PyCaret, s | xscatter, s (2 threads) | ratio | xscatter, s (1 thread) | best accuracy: PyCaret, xscatter |")
    print("|---|---|---|---|---|---|")
    for name in ["digits", "breast_cancer"]:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            peer = subprocess.run([ENVS / "pycaret-env/bin/python", "-c", PEER, name, folder / "t.csv",
                                   str(arguments.runs)], check=True, capture_output=True, text=True,
                                  cwd=folder)  # it writes a log where it stands
            peer = json.loads(peer.stdout.strip().splitlines()[-1])
            seconds = {}
            for threads in ["2", "1"]:
                times = []
                for run in range(arguments.runs + 1):
                    out = folder / f"study-{threads}-{run}"
                    start = time.time()
                    subprocess.run(
                        [arguments.program, "study", "run", "--table", folder / "t.csv", "--label", "target",
                         "--families", FAMILIES, "--guesses", "1", "--trials", "0", "--folds", "10", "--race",
                         "off", "--rank-by", "accuracy", "--fit", "all", "--seed", "1", "--out", out],
                        check=True, capture_output=True, env={"RAYON_NUM_THREADS": threads})
                    times.append(time.time() - start)
                seconds[threads] = median(times[1:])
            board = json.loads((out / "leaderboard.json").read_text())
            best = board["entries"][0]["scores"]["accuracy"]["mean"]
            print(f"| {name} | {peer['seconds']:.2f} | {seconds['2']:.2f} | {seconds['2'] / peer['seconds']:.2f} "
                  f"| {seconds['1']:.2f} | {max(peer['accuracy'].values()):.4f}, {best:.4f} |", flush=True)


if __name__ == "__main__":
    main()
