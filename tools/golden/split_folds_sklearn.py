"""Folds of scikit-learn's splitters that draw no random number:
python tools/golden/split_folds_sklearn.py OUT.json
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

rng = np.random.default_rng(20261121)
cases = []


def add(split, splitter, labels, groups):
    folds = splitter.split(np.zeros(len(labels)), labels, groups)
    cases.append(
        {
            "split": split,
            "labels": labels.tolist(),
            "groups": [str(group) for group in groups],
            "folds": [{"train": t.tolist(), "validation": v.tolist()} for t, v in folds],
        }
    )


for rows, classes, n_groups, folds in [(23, 2, 7, 3), (60, 4, 20, 5), (101, 3, 40, 4), (200, 5, 12, 10)]:
    labels = rng.permutation(np.arange(rows) % classes) if rows % 2 else np.sort(rng.integers(0, classes, rows))
    groups = np.array([f"scan {g:02}" for g in rng.integers(0, n_groups, rows)])
    while min(np.bincount(labels)) < folds:
        labels = rng.integers(0, classes, rows)
    add({"k-fold": {"folds": folds, "shuffle": False}}, KFold(folds), labels, groups)
    add({"stratified-k-fold": {"folds": folds, "shuffle": False}}, StratifiedKFold(folds), labels, groups)
    add({"group-k-fold": {"folds": folds, "shuffle": False}}, GroupKFold(folds), labels, groups)
    add("leave-one-group-out", LeaveOneGroupOut(), labels, groups)
    add({"time-series": {"folds": folds}}, TimeSeriesSplit(folds), labels, groups)
    add(
        {"time-series": {"folds": 2, "gap": 2, "validation_rows": 3, "max_train_rows": 9}},
        TimeSeriesSplit(2, gap=2, test_size=3, max_train_size=9),
        labels,
        groups,
    )
    known = rng.integers(-1, 3, rows)
    add(
        {"predefined": {"fold_of_row": [None if f < 0 else int(f) for f in known]}},
        PredefinedSplit(known),
        labels,
        groups,
    )

json.dump(
    {
        "provenance": {
            "program": "scikit-learn",
            "version": sklearn.__version__,
            "script": "tools/golden/split_folds_sklearn.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.0,
            "why": "positions of rows, equal or not",
        },
        "cases": cases,
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
