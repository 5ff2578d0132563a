"""How evenly scikit-learn spreads classes over folds of whole groups:
python tools/golden/split_sklearn.py OUT.json

Unevenness is the mean over the classes of the standard deviation, over the folds, of the share of the
class that the fold judges by.
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

rng = np.random.default_rng(20261120)


def case(name, labels, groups, folds):
    values = []
    for seed in range(20):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        split = splitter.split(np.zeros(len(labels)), labels, groups)
        counts = np.array([np.bincount(labels[v], minlength=labels.max() + 1) for _, v in split])
        values.append((counts / counts.sum(axis=0)).std(axis=0).mean())
    return {
        "name": name,
        "labels": labels.tolist(),
        "groups": groups.tolist(),
        "folds": folds,
        "unevenness": float(np.mean(values)),
    }


def pure(groups, sizes, classes):
    """Each group is of one class."""
    size = rng.integers(*sizes, groups)
    label = rng.integers(0, classes, groups)
    return np.repeat(label, size), np.repeat(np.arange(groups), size)


def mixed(groups, sizes, classes):
    """Each group has its own mixture of classes."""
    size = rng.integers(*sizes, groups)
    mixture = rng.dirichlet(np.full(classes, 0.5), groups)
    labels = np.concatenate([rng.choice(classes, n, p=p) for n, p in zip(size, mixture)])
    return labels, np.repeat(np.arange(groups), size)


json.dump(
    {
        "provenance": {
            "program": "scikit-learn",
            "version": sklearn.__version__,
            "script": "tools/golden/split_sklearn.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.05,
            "why": "both shuffle before a greedy assignment: means over 20 seeds scatter by a few per cent",
        },
        "cases": [
            case("groups of one class", *pure(60, (1, 12), 4), 5),
            case("mixed groups", *mixed(40, (2, 20), 4), 5),
            case("single rows", *pure(150, (1, 2), 3), 10),
            case("few large groups", *mixed(15, (10, 40), 3), 3),
        ],
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
