"""Reference curves from scikit-learn: python tools/golden/metrics_curves.py OUT.json"""

import datetime
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
rng = np.random.default_rng(20261120)


def case(name, y, p, weights=None):
    q = p.astype(np.float64)
    w = None if weights is None else weights.astype(np.float64)
    fpr, tpr, _ = m.roc_curve(y, q, drop_intermediate=False, sample_weight=w)
    precision, recall, _ = m.precision_recall_curve(y, q, sample_weight=w)
    det_fpr, det_fnr, det_cut = m.det_curve(y, q, sample_weight=w)
    out = {
        "name": name,
        "truth": y.tolist(),
        "scores": [float(v) for v in p],
        "weights": None if w is None else [float(v) for v in weights],
        "roc": [fpr.tolist(), tpr.tolist()],
        # From the highest cut down, without the last point, which is no cut.
        "precision_recall": [precision[:-1][::-1].tolist(), recall[:-1][::-1].tolist()],
        "det": [[float(c) for c in det_cut if np.isfinite(c)],
                [float(v) for v, c in zip(det_fpr, det_cut) if np.isfinite(c)],
                [float(v) for v, c in zip(det_fnr, det_cut) if np.isfinite(c)]],
        "reliability": {},
    }
    if w is None:
        for strategy in ("uniform", "quantile"):
            for bins in (1, 5, 10):
                observed, predicted = calibration_curve(y, q, n_bins=bins, strategy=strategy)
                out["reliability"][f"{strategy}-{bins}"] = [predicted.tolist(), observed.tolist()]
    return out


def draw(n, share, grid):
    y = (rng.random(n) < share).astype(int)
    p = np.clip(0.6 * rng.random(n) + 0.4 * y * rng.random(n), 0, 1)
    if grid:
        p = np.round(p * grid) / grid
    return y, p.astype(np.float32)


cases = []
for n, share, grid in ((60, 0.5, 0), (80, 0.2, 16), (100, 0.7, 8)):
    y, p = draw(n, share, grid)
    cases.append(case(f"{n} samples", y, p))
    cases.append(case(f"{n} weighted samples", y, p, (rng.random(n) + 0.1).round(2).astype(np.float32)))

json.dump(
    {
        "provenance": {
            "program": "scikit-learn",
            "version": sklearn.__version__,
            "script": "tools/golden/metrics_curves.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "both sides divide sums of the same few weights in f64",
        },
        "cases": cases,
    },
    open(sys.argv[1], "w"),
    separators=(",", ":"),
)
