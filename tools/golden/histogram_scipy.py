"""First-order statistics by numpy and scipy.

python tools/golden/histogram_scipy.py crates/xscatter-features/tests/golden/histogram.json
"""

import datetime
import json
import sys

import numpy as np
import scipy
from scipy import stats

import scattering_image

LIMITS = (0.0, float(np.log1p(2.0**20)))


def intensities(counts):
    x = np.log1p(counts)
    shares = np.histogram(x, bins=256, range=LIMITS)[0] / x.size
    ordered = np.abs(counts[:, None] - counts[None, :])
    values = {
        "mean": x.mean(),
        "std": x.std(),
        "variance": x.var(),
        "skewness": stats.skew(x),
        "kurtosis": stats.kurtosis(x),
        "roughness": 1 - 1 / (1 + x.var()),
        "entropy": stats.entropy(shares),
        "energy": (shares**2).sum(),
        "zero_fraction": (counts == 0).mean(),
        "gini": ordered.mean() / (2 * counts.mean()),
        "saturated_fraction": 0.0,
        "max_over_median": np.log((1 + counts.max()) / (1 + np.median(counts))),
    }
    for percent in (1, 5, 25, 50, 75, 95, 99, 99.9):
        values[f"p{percent}"] = np.percentile(x, percent)
    return values


def original(counts):
    shares = np.histogram(counts, bins=256)[0] / counts.size
    return {
        "entropy": stats.entropy(shares, base=2),
        "energy": ((shares / counts.size) ** 2).sum(),
        "mean": counts.mean(),
        "variance": shares.var(),
        "skewness": stats.skew(shares),
        "kurtosis": stats.kurtosis(shares),
        "roughness": 1 - 1 / (1 + shares.var()),
    }


def main(path):
    counts = scattering_image.counts()
    cases = []
    for masked in (False, True):
        used = counts[scattering_image.valid()] if masked else counts.ravel()
        cases.append({
            "masked": masked,
            "intensities": {name: float(value) for name, value in intensities(used).items()},
            "original": {name: float(value) for name, value in original(used).items()},
        })
    golden = {
        "provenance": {
            "program": "scipy",
            "version": f"{scipy.__version__}, numpy {np.__version__}",
            "script": "tools/golden/histogram_scipy.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "features are stored in single precision",
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
