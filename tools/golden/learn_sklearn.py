"""Reference classifiers from scikit-learn: python tools/golden/learn_sklearn.py OUT.json

Three overlapping classes on eight features, two of which say nothing and one of which is a mixture of
others. Features are written with three decimals, which is what both sides learn from.
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

TRAIN, TEST, SHOWN, SEEDS = 200, 300, 60, range(10)

x, y = make_classification(
    TRAIN + TEST, 8, n_informative=5, n_redundant=1, n_classes=3, n_clusters_per_class=2, class_sep=1.1,
    flip_y=0.03, weights=[0.5, 0.3, 0.2], random_state=20261120,
)
x = np.round(x * [1, 10, 0.5, 3, 1, 2, 1, 5] + [0, 100, 0, -7, 0, 0, 3, 0], 3).astype(np.float32)
weights = (1 + np.arange(TRAIN) % 4) / 2
# A tenth of the values goes missing by rule.
rows, columns = np.indices(x.shape)
holes = np.where((rows * 7 + columns * 3) % 10 == 0, np.nan, x)

train, test = x[:TRAIN], x[TRAIN:]
scaler = StandardScaler().fit(train.astype(np.float64))
scaled, shown = scaler.transform(train.astype(np.float64)), scaler.transform(test[:SHOWN].astype(np.float64))


def logistic(labels, rows=slice(None), sample_weight=None, **options):
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000, **options)
    model.fit(scaled[rows], labels[rows], sample_weight=sample_weight)
    return model.predict_proba(shown).round(7).tolist()


def neighbours(weights):
    model = KNeighborsClassifier(5, weights=weights, algorithm="kd_tree").fit(train.astype(np.float64), y[:TRAIN])
    return model.predict_proba(test[:SHOWN].astype(np.float64)).round(7).tolist()


def quality(make, data):
    scores = []
    for seed in SEEDS:
        proba = make(seed).fit(data[:TRAIN], y[:TRAIN]).predict_proba(data[TRAIN:])
        of_truth = proba[np.arange(TEST), y[TRAIN:]]
        scores.append((np.mean(proba.argmax(axis=1) == y[TRAIN:]), -np.log(np.maximum(of_truth, 1e-6)).mean()))
    accuracy, loss = np.mean(scores, axis=0)
    return {"accuracy": round(accuracy, 4), "log_loss": round(loss, 4)}


FAMILIES = {
    "extra-trees": lambda seed: ExtraTreesClassifier(200, random_state=seed),
    "random-forest": lambda seed: RandomForestClassifier(200, random_state=seed),
    "gradient-boosting": lambda seed: HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=10, l2_regularization=1.0,
        max_bins=63, early_stopping=False, random_state=seed,
    ),
}

two = y[:TRAIN] != 2
out = {
    "provenance": {
        "program": "scikit-learn",
        "version": sklearn.__version__,
        "script": "tools/golden/learn_sklearn.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-4,
        "why": "absolute, on probabilities: two minimisers of the same convex loss end at different points "
        "near its minimum; each test states the tighter bound it uses for other values",
    },
    "cases": {
        "train": [[float(v) for v in map(str, row)] for row in train],
        "test": [[float(v) for v in map(str, row)] for row in test],
        "train_labels": y[:TRAIN].tolist(),
        "test_labels": y[TRAIN:].tolist(),
        "weights": weights.tolist(),
        "means": scaler.mean_.tolist(),
        "deviations": scaler.scale_.tolist(),
        "logistic": {
            "plain": logistic(y[:TRAIN]),
            "weighted": logistic(y[:TRAIN], sample_weight=weights),
            "balanced": logistic(y[:TRAIN], class_weight="balanced"),
            "two_classes": logistic(y[:TRAIN], two),
        },
        "neighbours": {"uniform": neighbours("uniform"), "distance": neighbours("distance")},
        "quality": {
            name: {"complete": quality(make, x), "holes": quality(make, holes)} for name, make in FAMILIES.items()
        },
    },
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
