"""Reference scores of classifiers from scikit-learn: python tools/golden/metrics_sklearn.py OUT.json

A value that scikit-learn fills in or leaves out with a warning (recall of a class without a sample,
precision of a class that was never predicted, correlation without variation) is written as null.
"""

import datetime
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(20261120)


def probabilities(n, k, truth, grid, strength):
    """Noisy scores that favour the truth, as float32 on a coarse grid if there are to be ties."""
    p = rng.dirichlet(np.ones(k), n)
    p[np.arange(n), truth] += strength * rng.random(n)
    p /= p.sum(axis=1, keepdims=True)
    if grid:
        p = np.floor(p * grid)
        p[np.arange(n), p.argmax(axis=1)] += grid - p.sum(axis=1)
        p /= grid
    return p.astype(np.float32)


def averaged(score, y, guess, k):
    """Macro, micro and weighted averages; null where a class that counts has no value."""
    labels = np.arange(k)
    each = score(y, guess, labels=labels, average=None, zero_division=np.nan)
    support = np.bincount(y, minlength=k)
    out = {}
    for how in ("micro", "macro", "weighted"):
        counts = support > 0 if how == "weighted" else np.ones(k, bool)
        missing = how != "micro" and np.isnan(each[counts]).any()
        out[how] = None if missing else float(score(y, guess, labels=labels, average=how, zero_division=0))
    return out


def area(y, p, k, average):
    present = np.bincount(y, minlength=k)
    if (present == 0).any() or (present == len(y)).any():
        return None
    if k == 2:
        return float(m.roc_auc_score(y, p[:, 1]))
    return float(np.average(
        [m.roc_auc_score(y == c, p[:, c]) for c in range(k)],
        weights=present if average == "weighted" else None,
    ))


def case(name, k, y, p):
    labels = np.arange(k)
    guess = p.argmax(axis=1)
    eps = np.finfo(np.float32).eps
    clipped = np.clip(p.astype(np.float64), eps, 1 - eps)
    present = np.bincount(y, minlength=k) > 0
    varied = len(set(y)) > 1 and len(set(guess)) > 1
    scores = {
        "accuracy": float(m.accuracy_score(y, guess)),
        "balanced-accuracy": float(m.balanced_accuracy_score(y, guess)) if present.all() else None,
        "cohens-kappa": None if len(set(y) | set(guess)) == 1 else float(m.cohen_kappa_score(y, guess)),
        "matthews": float(m.matthews_corrcoef(y, guess)) if varied else None,
        "roc-auc-ovr-macro": area(y, p, k, "macro"),
        "roc-auc-ovr-weighted": area(y, p, k, "weighted"),
        "log-loss": float(m.log_loss(y, clipped, labels=labels)),
        "brier": float(m.brier_score_loss(y, p.astype(np.float64), labels=labels, scale_by_half=False)),
    }
    for score, function in {
        "precision": m.precision_score,
        "recall": m.recall_score,
        "f1": m.f1_score,
        "f2": lambda *a, **b: m.fbeta_score(*a, beta=2, **b),
    }.items():
        for how, value in averaged(function, y, guess, k).items():
            scores[f"{score}-{how}"] = value
    matrix = m.confusion_matrix(y, guess, labels=labels)
    return {
        "name": name,
        "classes": k,
        "labels": y.tolist(),
        "probabilities": [[float(v) for v in row] for row in p],
        "confusion": matrix.tolist(),
        "scores": scores,
    }


def draw(n, k, shares):
    return rng.choice(k, n, p=shares)


def all_cases():
    y = draw(60, 2, [0.5, 0.5])
    yield case("two classes", 2, y, probabilities(60, 2, y, 0, 0.6))
    y = draw(60, 2, [0.8, 0.2])
    yield case("two classes with ties", 2, y, probabilities(60, 2, y, 4, 0.6))
    y = draw(80, 4, [0.25] * 4)
    yield case("four classes", 4, y, probabilities(80, 4, y, 0, 0.8))
    y = draw(80, 4, [0.55, 0.2, 0.15, 0.1])
    yield case("four uneven classes with ties", 4, y, probabilities(80, 4, y, 8, 0.8))
    y = draw(120, 9, [1 / 9] * 9)
    yield case("nine classes with ties", 9, y, probabilities(120, 9, y, 16, 0.5))
    y = draw(40, 3, [0.5, 0.5, 0.0])
    yield case("a class without a sample", 3, y, probabilities(40, 3, y, 0, 0.8))
    y = draw(40, 3, [0.4, 0.4, 0.2])
    p = probabilities(40, 3, y, 0, 0.8)
    p[:, 2] = 0
    p /= p.sum(axis=1, keepdims=True)
    yield case("a class never predicted", 3, y, p.astype(np.float32))
    y = draw(30, 3, [0.4, 0.4, 0.2])
    constant = np.tile(np.array([0.5, 0.25, 0.25], np.float32), (30, 1))
    yield case("a constant model", 3, y, constant)
    perfect = np.eye(3, dtype=np.float32)[y]
    yield case("a perfect model", 3, y, perfect)
    yield case("a model that is always wrong", 3, y, np.roll(perfect, 1, axis=1))


json.dump(
    {
        "provenance": {
            "program": "scikit-learn",
            "version": sklearn.__version__,
            "script": "tools/golden/metrics_sklearn.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "both sides compute in f64 from the same f32 scores; only the order of a few hundred additions differs",
        },
        "cases": list(all_cases()),
    },
    open(sys.argv[1], "w"),
    indent=None,
    separators=(",", ":"),
)
