"""Scores against scikit-learn, in turn on one thread: python tools/compare/metrics.py [ROUNDS]

100,000 samples of 10 classes or tags, 5,000 rows of 64 columns in 8 clusters; medians of ROUNDS (5) runs, both
warmed up. Prints a Markdown table.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
rng = np.random.default_rng(0)
N, K = 100_000, 10

y = rng.integers(0, K, N)
p = rng.dirichlet(np.ones(K), N)
p[np.arange(N), y] += rng.random(N)
p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
hot = np.eye(K, dtype=int)[y]
guess = p.argmax(axis=1)
tags = (rng.random((N, K)) < 0.3).astype(int)
q = (0.7 * rng.random((N, K)) + 0.3 * tags * rng.random((N, K))).astype(np.float32)
decided = (q >= 0.5).astype(int)
c = rng.integers(0, 8, 5000)
x = (rng.normal(0, 1, (5000, 64)) + rng.normal(0, 1, (8, 64))[c]).astype(np.float32)
found = np.where(rng.random(N) < 0.3, rng.integers(0, K, N), y)

JOBS = [
    ("accuracy", "classes", y, p, lambda: m.accuracy_score(y, p.argmax(axis=1))),
    ("f1-macro", "classes", y, p, lambda: m.f1_score(y, p.argmax(axis=1), average="macro")),
    ("matthews", "classes", y, p, lambda: m.matthews_corrcoef(y, p.argmax(axis=1))),
    ("log-loss", "classes", y, p, lambda: m.log_loss(y, p, labels=np.arange(K))),
    ("roc-auc-ovr-macro", "classes", y, p, lambda: m.roc_auc_score(hot, p, average="macro")),
    ("roc-auc-ovo-macro", "classes", y, p,
     lambda: m.roc_auc_score(y, p / p.sum(axis=1, keepdims=True, dtype=np.float64), multi_class="ovo")),
    ("average-precision-macro", "classes", y, p, lambda: m.average_precision_score(hot, p)),
    ("f1-samples", "tags", tags, q,
     lambda: m.f1_score(tags, (q >= 0.5).astype(int), average="samples", zero_division=np.nan)),
    ("average-precision-macro", "tags", tags, q, lambda: m.average_precision_score(tags, q)),
    ("coverage-error", "tags", tags, q, lambda: m.coverage_error(tags, q)),
    ("label-ranking-average-precision", "tags", tags, q,
     lambda: m.label_ranking_average_precision_score(tags, q)),
    ("label-ranking-loss", "tags", tags, q, lambda: m.label_ranking_loss(tags, q)),
    ("silhouette", "rows", c, x, lambda: m.silhouette_score(x, c)),
    ("adjusted mutual information", "rows", y, found.astype(np.float32)[:, None],
     lambda: m.adjusted_mutual_info_score(y, found)),
]

command = ["cargo", "build", "--release", "-q", "-p", "xscatter-metrics", "--example", "metrics_times"]
subprocess.run(command, cwd=ROOT, check=True)
target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
program = target / "release" / "examples" / "metrics_times"

print(f"| score | of | scikit-learn {sklearn.__version__} (ms) | xscatter (ms) | ratio | difference |")
print("|---|---|---:|---:|---:|---:|")
for name, kind, truth, scores, peer in JOBS:
    with tempfile.TemporaryDirectory() as folder:
        t, s = f"{folder}/truth", f"{folder}/scores"
        np.ascontiguousarray(truth, dtype="<u4").tofile(t)
        np.ascontiguousarray(scores, dtype="<f4").tofile(s)
        theirs, ours = [], []
        expected = peer()
        for _ in range(rounds):
            start = time.perf_counter()
            peer()
            theirs.append(time.perf_counter() - start)
            said = subprocess.run([program, name, kind, t, s, str(scores.shape[1])],
                                  check=True, capture_output=True, text=True).stdout.split()
            ours.append(float(said[0]))
        theirs, ours = 1e3 * statistics.median(theirs), 1e3 * statistics.median(ours)
        difference = abs(float(said[1]) - expected)
        print(f"| {name} | {kind} | {theirs:.1f} | {ours:.1f} | {ours / theirs:.3f} | {difference:.0e} |", flush=True)
