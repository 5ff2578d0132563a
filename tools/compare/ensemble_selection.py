"""Greedy ensemble selection on the same out-of-fold scores: AutoGluon's and ours, one thread each.

    python tools/compare/ensemble_selection.py

Needs the environment of tools/reference/requirements-autogluon.txt and cargo. Scores are made up: models
of different skill, 2000 rows, 25 rounds by log-loss, without a temperature. Each side is warmed and runs
in turn with the other; the table gives the median of three.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from autogluon.core.metrics import log_loss
from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

ROWS, ROUNDS = 2000, 25
root = Path(__file__).resolve().parents[2]
subprocess.run(
    ["cargo", "build", "--quiet", "--release", "-p", "xscatter-automl", "--example", "ensemble_times"],
    check=True,
    cwd=root,
)
target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
example = target / "release/examples/ensemble_times"


def table(entries, classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, ROWS)
    skill = rng.uniform(0.5, 2.5, entries)
    logits = rng.normal(size=(entries, ROWS, classes))
    logits[:, np.arange(ROWS), labels] += skill[:, None]
    scores = np.exp(logits)
    scores /= scores.sum(axis=2, keepdims=True)
    return scores.astype(np.float32), labels.astype(np.uint32)


def peer(scores, labels):
    selection = EnsembleSelection(ensemble_size=ROUNDS, problem_type="multiclass", metric=log_loss)
    start = time.perf_counter()
    selection.fit(list(scores), labels)
    seconds = time.perf_counter() - start
    mean = np.tensordot(selection.weights_, scores.astype(np.float64), axes=1)
    loss = -np.log(mean[np.arange(ROWS), labels]).mean()
    return seconds, loss, int((selection.weights_ > 0).sum())


def ours(folder, classes):
    command = [example, folder / "scores", folder / "labels", str(classes)]
    seconds, loss, members = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(loss), int(members)


print("| entries × classes | AutoGluon s | xscatter s | ratio | AutoGluon log-loss (members) | xscatter log-loss (members) |")
print("|---|---|---|---|---|---|")
for entries, classes in [(125, 4), (125, 17), (500, 4)]:
    scores, labels = table(entries, classes, seed=entries + classes)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "scores").write_bytes(scores.astype("<f4").tobytes())
        (folder / "labels").write_bytes(labels.astype("<u4").tobytes())
        if entries < 500:
            peer(scores[:5], labels)
        runs = [(peer(scores, labels), ours(folder, classes)) for _ in range(3)]
    there, here = ([run[side] for run in runs] for side in (0, 1))
    there_s, here_s = (statistics.median(run[0] for run in side) for side in (there, here))
    print(
        f"| {entries} × {classes} | {there_s:.2f} | {here_s:.4f} | {here_s / there_s:.4f} "
        f"| {there[0][1]:.6f} ({there[0][2]}) | {here[0][1]:.6f} ({here[0][2]}) |",
        flush=True,
    )
