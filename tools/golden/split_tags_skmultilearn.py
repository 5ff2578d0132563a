"""How evenly scikit-multilearn spreads tags over folds:
python tools/golden/split_tags_skmultilearn.py OUT.json

Needs the environment of tools/reference/requirements-multilabel.txt. The measures are those of Sechidis
et al. 2011: the distribution of labels (the mean over the tags of the mean deviation, over the folds,
of the odds of the tag from those in all rows), the distribution of examples (the mean deviation of the
size of a fold from rows / folds), and the number of pairs of a fold and a tag without a row. With
order 2 the distribution of labels is also that of the pairs of tags.
"""

import datetime
import importlib.metadata
import itertools
import json
import sys

import numpy as np
from skmultilearn.model_selection import IterativeStratification

SEEDS = 20
rng = np.random.default_rng(20261122)


def odds_distance(columns, folds):
    rows = len(columns)
    total = columns.sum(axis=0)
    kept = (total > 0) & (total < rows)
    whole = total[kept] / (rows - total[kept])
    distances = []
    for fold in folds:
        have = columns[fold][:, kept].sum(axis=0)
        distances.append(np.abs(have / np.maximum(len(fold) - have, 1e-300) - whole))
    return float(np.mean(distances))


def case(name, tags, folds, order):
    pairs = np.array([tags[:, i] * tags[:, j] for i, j in itertools.combinations(range(tags.shape[1]), 2)]).T
    labels, examples, empty, of_pairs = [], [], [], []
    for seed in range(SEEDS):
        np.random.seed(seed)
        # Rows in another order each time: the program draws for ties alone.
        rows = np.random.permutation(len(tags))
        splitter = IterativeStratification(n_splits=folds, order=order)
        split = [rows[v] for _, v in splitter.split(rows.reshape(-1, 1), tags[rows])]
        labels.append(odds_distance(tags, split))
        of_pairs.append(odds_distance(pairs, split))
        examples.append(np.mean([abs(len(v) - len(tags) / folds) for v in split]))
        empty.append(sum(int((tags[v].sum(axis=0) == 0).sum()) for v in split))
    return {
        "name": name,
        "tags": ["".join(map(str, row)) for row in tags.tolist()],
        "folds": folds,
        "pairs": order == 2,
        "label_distance": float(np.mean(labels)),
        "pair_distance": float(np.mean(of_pairs)),
        "example_distance": float(np.mean(examples)),
        "empty": float(np.mean(empty)),
    }


def independent(rows, shares):
    return (rng.random((rows, len(shares))) < np.array(shares)).astype(int)


def correlated(rows, n_tags, topics):
    """A row has the tags of one or two topics."""
    topic = rng.random((topics, n_tags)) < 0.3
    first, second = rng.integers(0, topics, (2, rows))
    both = rng.random(rows) < 0.4
    tags = topic[first] | (topic[second] & both[:, None])
    tags = (tags & (rng.random((rows, n_tags)) < 0.8)).astype(int)
    return tags[:, tags.sum(axis=0) > 0]


tables = [
    ("few tags", independent(200, [0.5, 0.3, 0.1, 0.1]), 5),
    ("rare tags", independent(400, [0.6, 0.3, 0.1, 0.06, 0.05, 0.04, 0.04]), 5),
    ("topics", correlated(500, 17, 8), 10),
    ("small", correlated(80, 6, 5), 3),
]
json.dump(
    {
        "provenance": {
            "program": "scikit-multilearn",
            "version": importlib.metadata.version("scikit-multilearn"),
            "script": "tools/golden/split_tags_skmultilearn.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.05,
            "why": "both draw for ties: means over 20 seeds scatter by a few per cent",
        },
        "cases": [case(*table, order) for table in tables for order in (1, 2)],
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
