"""Reference intervals and tests from scipy: python tools/golden/metrics_significance.py OUT.json

The intervals are scipy's from scipy's own resamples, which the file holds. McNemar's test and the
corrected resampled t-test, which scipy lacks, are its binomial, chi-squared and Student distributions
at the published statistics.
"""

import datetime
import json
import sys

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(20261120)


def interval(name, data, level, method):
    found = stats.bootstrap(
        (data,), np.mean, n_resamples=200, confidence_level=level, method=method, rng=rng, vectorized=True
    )
    return {
        "name": name,
        "method": method,
        "level": level,
        "score": float(data.mean()),
        "resampled": found.bootstrap_distribution.tolist(),
        "left_out": [float(np.delete(data, i).mean()) for i in range(len(data))],
        "low": float(found.confidence_interval.low),
        "high": float(found.confidence_interval.high),
    }


def mcnemar(b, c):
    statistic = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    return {
        "first_only": b,
        "second_only": c,
        "p_exact": min(1.0, 2 * stats.binom.cdf(min(b, c), b + c, 0.5)),
        "statistic": statistic,
        "p": stats.chi2.sf(statistic, 1),
    }


def resampled(folds, training, test, shift):
    first = (0.8 + shift + 0.05 * rng.normal(size=folds)).round(4)
    second = (0.8 + 0.05 * rng.normal(size=folds)).round(4)
    d = first - second
    t = d.mean() / np.sqrt((1 / folds + test / training) * d.var(ddof=1))
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "training": training,
        "test": test,
        "t": float(t),
        "p": float(2 * stats.t.sf(abs(t), folds - 1)),
    }


skewed = rng.exponential(1, 40).round(3)
right = (rng.random(60) < 0.85).astype(float)
cases = {
    "intervals": [
        interval(f"{name} {method} {level}", data, level, method)
        for name, data in (("skewed", skewed), ("shares", right))
        for method in ("percentile", "BCa")
        for level in (0.9, 0.95)
    ],
    "mcnemar": [mcnemar(*pair) for pair in ((1, 1), (0, 5), (10, 3), (40, 22), (300, 250), (7, 90))],
    "resampled": [
        resampled(*setting)
        for setting in ((2, 90, 10, 0.0), (5, 80, 20, 0.02), (10, 90, 10, 0.05), (100, 500, 50, 0.01), (30, 2, 1, 0.2))
    ],
}
json.dump(
    {
        "provenance": {
            "program": "scipy",
            "version": scipy.__version__,
            "script": "tools/golden/metrics_significance.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-9,
            "why": "quantiles by bisection and tails by a continued fraction, against the algorithms of scipy",
        },
        "cases": cases,
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
