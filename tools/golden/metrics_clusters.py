"""Reference agreement of partitions and silhouettes: python tools/golden/metrics_clusters.py OUT.json"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn import metrics as m

rng = np.random.default_rng(20261120)


def partitions(name, classes, clusters):
    homogeneity, completeness, v = m.homogeneity_completeness_v_measure(classes, clusters)
    return {
        "name": name,
        "classes": classes.tolist(),
        "clusters": clusters.tolist(),
        "expected": {
            "ari": m.adjusted_rand_score(classes, clusters),
            "nmi": m.normalized_mutual_info_score(classes, clusters),
            "ami": m.adjusted_mutual_info_score(classes, clusters),
            "homogeneity": homogeneity,
            "completeness": completeness,
            "v": v,
        },
    }


def rows(name, x, clusters):
    samples = m.silhouette_samples(x.astype(np.float64), clusters)
    return {
        "name": name,
        "rows": [[float(v) for v in row] for row in x],
        "clusters": clusters.tolist(),
        "samples": samples.tolist(),
    }


def noisy(n, k, wrong):
    y = rng.integers(0, k, n)
    found = np.where(rng.random(n) < wrong, rng.integers(0, k, n), y)
    return y, rng.permutation(k)[found]


y, found = noisy(200, 5, 0.3)
one = np.zeros(30, int)
cases = {
    "partitions": [
        partitions("noisy", y, found),
        partitions("nearly independent", *noisy(150, 8, 0.95)),
        partitions("merged", y, found // 2),
        partitions("many clusters", y[:60], rng.integers(0, 40, 60)),
        partitions("each its own", y[:25], np.arange(25)),
        partitions("one cluster", y[:30], one),
        partitions("one class", one, y[:30]),
        partitions("the same", y[:40], 7 - y[:40]),
    ],
    "rows": [],
}
y = rng.integers(0, 4, 180)
x = (rng.normal(0, 1, (180, 6)) + rng.normal(0, 2, (4, 6))[y]).round(2).astype(np.float32)
cases["rows"].append(rows("four clusters", x, y))
far = (x + 1000).astype(np.float32)
cases["rows"].append(rows("far from the origin", far[:90], y[:90]))
alone = y[:60].copy()
alone[7] = 9
copies = x[:60].copy()
copies[30:40] = copies[20]
cases["rows"].append(rows("copies and a cluster of one", copies, alone))

json.dump(
    {
        "provenance": {
            "program": "scikit-learn",
            "version": sklearn.__version__,
            "script": "tools/golden/metrics_clusters.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-9,
            "why": "both sides take logarithms of factorials and products of distances in f64, which cancel",
        },
        "cases": cases,
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
