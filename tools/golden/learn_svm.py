"""Support vector machines of scikit-learn: python tools/golden/learn_svm.py OUT.json

Three overlapping classes on ten features of 0 or more, like shares of visual words, with three decimals.
Decision values of one class against the rest, of the first two classes alone, with weights, and of the
linear solver with both losses; a sigmoid by SciPy.
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from scipy.optimize import minimize
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.svm import SVC, LinearSVC

TRAIN, TEST = 120, 40

x, y = make_classification(
    TRAIN + TEST, 10, n_informative=6, n_redundant=1, n_classes=3, class_sep=1.3, flip_y=0.05, random_state=20261120
)
x = np.round((x - x.min(axis=0)) * [0.2, 0.4, 0.1, 0.2, 0.2, 0.6, 0.2, 0.2, 0.1, 0.2], 3).astype(np.float32).astype(float)
weights = (1 + np.arange(TRAIN) % 4) / 2
train, test = x[:TRAIN], x[TRAIN:]
labels = y[:TRAIN]


def intersection(a, b):
    return np.minimum(a[:, None, :], b[None, :, :]).sum(axis=2)


def decisions(kernel, c, rows, sides, sample_weight=None):
    options = {"C": c, "tol": 1e-8, "cache_size": 200}
    if kernel == "intersection":
        model = SVC(kernel="precomputed", **options)
        model.fit(intersection(train[rows], train[rows]), sides, sample_weight)
        return model.decision_function(intersection(test, train[rows]))
    model = SVC(kernel=kernel, gamma="scale", **options) if kernel != "gaussian" else SVC(gamma=0.05, **options)
    return model.fit(train[rows], sides, sample_weight).decision_function(test)


def linear(loss, c, rows, sides, sample_weight=None):
    model = LinearSVC(loss=loss, C=c, dual=True, tol=1e-9, max_iter=300_000, random_state=0)
    return model.fit(train[rows], sides, sample_weight).decision_function(test)


every, two = np.arange(TRAIN), np.flatnonzero(labels != 2)
cases = []
for kernel, c in [("linear", 1.0), ("intersection", 0.5), ("rbf", 3.0), ("gaussian", 10.0), ("hinge", 0.3), ("squared_hinge", 1.0)]:
    find = (lambda *a: linear(kernel, c, *a)) if "hinge" in kernel else (lambda *a: decisions(kernel, c, *a))
    cases.append({
        "kernel": kernel, "c": c,
        "rest": np.stack([find(every, labels == k) for k in range(3)], axis=1).round(7).tolist(),
        "two": find(two, labels[two] == 1).round(7).tolist(),
        "weighted": find(two, labels[two] == 1, weights[two]).round(7).tolist(),
    })


def sigmoid(values, sides):
    yes, no = (sides > 0).sum(), (sides < 0).sum()
    targets = np.where(sides > 0, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(point):
        z = point[0] * values + point[1]
        return np.sum(targets * np.logaddexp(0, z) + (1 - targets) * np.logaddexp(0, -z))

    a, b = minimize(loss, [0.0, np.log((no + 1) / (yes + 1))], method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-14, "maxiter": 10_000}).x
    return (1 / (1 + np.exp(a * values + b))).tolist()


values = np.array([-3.0, -1.5, -0.4, 0.3, -0.2, 0.9, 2.0, 2.5, 0.1])
sides = np.array([-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0])
print("sigmoid", [round(p, 9) for p in sigmoid(values, sides)])

# Its own probabilities come from other folds: only their quality compares.
with_probabilities = SVC(C=3.0, gamma="scale", probability=True, random_state=0).fit(train, labels)
quality = log_loss(y[TRAIN:], with_probabilities.predict_proba(test), labels=[0, 1, 2])
accuracy = float(np.mean(with_probabilities.predict(test) == y[TRAIN:]))

out = {
    "provenance": {
        "program": "scikit-learn",
        "version": sklearn.__version__,
        "script": "tools/golden/learn_svm.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-4,
        "why": "absolute, on decision values of size 1: two solvers of the same convex problem stop at different "
        "points near its minimum, and kernel values are single precision",
    },
    "cases": {
        "train": train.tolist(), "test": test.tolist(), "labels": labels.tolist(), "test_labels": y[TRAIN:].tolist(),
        "weights": weights.tolist(), "decisions": cases,
        "quality": {"log_loss": round(float(quality), 4), "accuracy": accuracy},
    },
}
for row in out["cases"]["train"] + out["cases"]["test"]:
    row[:] = [round(v, 4) for v in row]
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
