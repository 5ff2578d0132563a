"""Machines of pairs of classes and neighbours of scikit-learn: python tools/golden/learn_svm_knn.py OUT.json

Four overlapping classes on six features of 0 or more with three decimals; decision values of all pairs and
the classes that most pairs vote for. Neighbours on whole numbers from 0 to 3, where most distances occur
several times: by exact arithmetic, the earlier row being nearer, and by scikit-learn where no two rows
compete for the last place; by cosine on the first table.
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn.datasets import make_classification
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

TRAIN, TEST, K = 120, 30, 6

x, y = make_classification(
    TRAIN + TEST, 6, n_informative=4, n_redundant=1, n_classes=4, class_sep=1.2, n_clusters_per_class=1, flip_y=0.05,
    weights=[0.4, 0.3, 0.2, 0.1], random_state=20261120,
)
x = np.round((x - x.min(axis=0)) * [0.2, 0.4, 0.1, 0.2, 0.3, 0.6], 3).astype(np.float32).astype(float)
train, test, labels = x[:TRAIN], x[TRAIN:], y[:TRAIN]
weights = (1 + np.arange(TRAIN) % 4) / 2


def intersection(a, b):
    return np.minimum(a[:, None, :], b[None, :, :]).sum(axis=2)


def machine(kernel, c, gamma="scale", class_weight=None, sample_weight=None):
    given = "precomputed" if kernel == "intersection" else kernel
    model = SVC(C=c, kernel=given, gamma=gamma, class_weight=class_weight, tol=1e-8, decision_function_shape="ovo")
    rows, queries = (intersection(a, train) for a in (train, test)) if given == "precomputed" else (train, test)
    model.fit(rows, labels, sample_weight)
    return {
        "kernel": kernel, "c": c, "gamma": None if gamma == "scale" else gamma,
        "balanced": class_weight is not None, "weighted": sample_weight is not None,
        "decisions": model.decision_function(queries).round(7).tolist(),
        "classes": model.predict(queries).tolist(),
    }


# With sample weights scikit-learn balances the numbers of rows; ours balances the sums of weights.
of_class = np.bincount(labels, weights)
by_weight = dict(enumerate(weights.sum() / (len(of_class) * of_class)))
machines = [
    machine("rbf", 1.0),
    machine("rbf", 10.0, gamma=0.5),
    machine("rbf", 3.0, class_weight="balanced"),
    machine("rbf", 3.0, sample_weight=weights),
    machine("linear", 1.0, class_weight=by_weight, sample_weight=weights),
    machine("intersection", 0.5),
]

rng = np.random.default_rng(20261120)
grid, queries = rng.integers(0, 4, (80, 3)), rng.integers(0, 4, (30, 3))
colours = rng.integers(0, 3, 80)
squares = ((queries[:, None] - grid[None]) ** 2).sum(axis=2)
order = np.argsort(squares, axis=1, kind="stable")
proba = np.stack([np.bincount(colours[row[:K]], minlength=3) / K for row in order])
ranked = np.take_along_axis(squares, order, axis=1)
clear = ranked[:, K - 1] < ranked[:, K]
assert 3 < clear.sum() < len(queries)
theirs = KNeighborsClassifier(K, algorithm="brute").fit(grid, colours).predict_proba(queries)
assert np.abs(theirs - proba)[clear].max() < 1e-12
by_distance = KNeighborsClassifier(K, algorithm="brute", weights="distance").fit(grid, colours).predict_proba(queries)
cosine = KNeighborsClassifier(5, metric="cosine", weights="distance").fit(train, labels).predict_proba(test)

out = {
    "provenance": {
        "program": "scikit-learn",
        "version": sklearn.__version__,
        "script": "tools/golden/learn_svm_knn.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-4,
        "why": "absolute, on decision values of size 1: two solvers of the same convex problem stop at different "
        "points near its minimum, and kernel values are single precision; neighbours are held to 2e-7",
    },
    "cases": {
        "train": [[round(v, 4) for v in row] for row in train.tolist()],
        "test": [[round(v, 4) for v in row] for row in test.tolist()],
        "labels": labels.tolist(), "weights": weights.tolist(), "machines": machines,
        "grid": grid.tolist(), "queries": queries.tolist(), "colours": colours.tolist(), "k": K,
        "uniform": proba.round(8).tolist(),
        "clear": clear.tolist(), "distance": by_distance.round(8).tolist(),
        "cosine": cosine.round(8).tolist(),
    },
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
