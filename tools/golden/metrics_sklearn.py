"""Reference scores of classes, tags and values from scikit-learn: python tools/golden/metrics_sklearn.py OUT.json

A value that scikit-learn fills in or leaves out with a warning (recall of a class without a sample,
precision of a class that was never predicted, correlation without variation) is written as null. Scores
of a kind of target that a metric does not know are left out. Unknown tags are -1; what scikit-learn
cannot do with them is called tag by tag or sample by sample on the known ones. The calibration error,
which scikit-learn lacks, is written out in numpy.
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
EPS = float(np.finfo(np.float32).eps)


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


def tag_scores(n, k, truth, grid, strength):
    p = rng.random((n, k)) * (1 - strength) + strength * rng.random((n, k)) * (truth == 1)
    if grid:
        p = np.round(p * grid) / grid
    return p.astype(np.float32)


def decisions():
    out = {
        "precision": m.precision_score,
        "recall": m.recall_score,
        "jaccard": m.jaccard_score,
    }
    for beta in (0.5, 1, 2):
        out[f"f{beta}"] = lambda *a, beta=beta, **b: m.fbeta_score(*a, beta=beta, **b)
    return out


def value(x):
    return None if x is None or not np.isfinite(x) else float(x)


def over_outputs(each, support, average):
    """None where an output that counts has no value."""
    counts = support > 0 if average == "weighted" else np.ones(len(each), bool)
    if not counts.any() or np.isnan(each[counts]).any():
        return None
    return np.average(each[counts], weights=support[counts] if average == "weighted" else None)


def area(y, p, w):
    return np.nan if y.min() == y.max() else m.roc_auc_score(y, p, sample_weight=w)


def precision_area(y, p, w):
    return m.average_precision_score(y, p, sample_weight=w) if y.any() else np.nan


def calibration_error(confidence, right, w, bins):
    edges = np.linspace(0, 1, bins + 1)
    index = np.searchsorted(edges[1:-1], confidence)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if w[inside].sum() > 0:
            gap = np.average(right[inside], weights=w[inside]) - np.average(confidence[inside], weights=w[inside])
            error += w[inside].sum() * abs(gap)
    return error / w.sum()


def classes(name, k, y, p, weights=None):
    labels = np.arange(k)
    w = np.ones(len(y)) if weights is None else weights.astype(np.float64)
    q = p.astype(np.float64)
    guess = p.argmax(axis=1)
    clipped = np.clip(q, EPS, 1 - EPS)
    support = np.bincount(y, w, minlength=k)
    seen, guessed = y[w > 0], guess[w > 0]
    varied = len(set(seen)) > 1 and len(set(guessed)) > 1
    kappa = len(set(seen) | set(guessed)) > 1
    s = {
        "accuracy": m.accuracy_score(y, guess, sample_weight=w),
        "balanced-accuracy": m.balanced_accuracy_score(y, guess, sample_weight=w) if (support > 0).all() else None,
        "hamming-loss": m.hamming_loss(y, guess, sample_weight=w),
        "matthews": m.matthews_corrcoef(y, guess, sample_weight=w) if varied else None,
        "log-loss": m.log_loss(y, clipped, labels=labels, sample_weight=w),
        "brier": m.brier_score_loss(y, q, labels=labels, scale_by_half=False, sample_weight=w),
        "expected-calibration-error-15": calibration_error(q.max(axis=1), guess == y, w, 15),
    }
    for weighting, suffix in ((None, ""), ("linear", "-linear"), ("quadratic", "-quadratic")):
        s[f"cohens-kappa{suffix}"] = (
            m.cohen_kappa_score(y, guess, labels=labels, weights=weighting, sample_weight=w) if kappa else None
        )
    for top in (2, 3, 5):
        # Of equal scores scikit-learn ranks the last class first: turn the classes round.
        s[f"top-{top}-accuracy"] = 1.0 if top >= k else m.top_k_accuracy_score(
            k - 1 - y, p[:, ::-1], k=top, labels=labels, sample_weight=w
        )
    for score, function in decisions().items():
        each = function(y, guess, labels=labels, average=None, zero_division=np.nan, sample_weight=w) \
            if score != "jaccard" else m.jaccard_score(y, guess, labels=labels, average=None, sample_weight=w)
        if score == "jaccard":
            each[support + np.bincount(guess, w, minlength=k) == 0] = np.nan
        for how in ("macro", "weighted"):
            missing = over_outputs(each, support, how) is None
            s[f"{score}-{how}"] = None if missing else function(
                y, guess, labels=labels, average=how, zero_division=0, sample_weight=w)
        s[f"{score}-micro"] = function(y, guess, labels=labels, average="micro", sample_weight=w)
    hot = np.eye(k, dtype=int)[y]
    for score, function in (("roc-auc-ovr", area), ("average-precision", precision_area)):
        each = np.array([function(hot[w > 0, c], p[w > 0, c], w[w > 0]) for c in range(k)])
        for how in ("macro", "weighted"):
            s[f"{score}-{how}"] = over_outputs(each, support, how)
        s[f"{score}-micro"] = function(hot.ravel(), p.ravel(), np.repeat(w, k))
    if (support > 0).all() and k > 2 and weights is None:
        # What scikit-learn itself calls the multi-class areas.
        for how in ("macro", "weighted"):
            ours = s[f"roc-auc-ovr-{how}"]
            assert abs(m.roc_auc_score(y, q / q.sum(axis=1, keepdims=True), multi_class="ovr", average=how) - ours) < 2e-3
    for how in ("macro", "weighted"):
        pairs, sizes = [], []
        for a in range(k):
            for b in range(a + 1, k):
                both = ((y == a) | (y == b)) & (w > 0)
                there = area((y[both] == a).astype(int), p[both, a], w[both])
                back = area((y[both] == b).astype(int), p[both, b], w[both])
                pairs.append((there + back) / 2)
                sizes.append(w[both].sum())
        mean = None if not (support > 0).all() else np.average(pairs, weights=sizes if how == "weighted" else None)
        s[f"roc-auc-ovo-{how}"] = mean
        if mean is not None and k > 2 and weights is None and np.allclose(q.sum(axis=1), 1, atol=1e-9):
            assert abs(m.roc_auc_score(y, q, multi_class="ovo", average=how) - mean) < 1e-12
    return {
        "name": name,
        "kind": "classes",
        "truth": y.tolist(),
        "scores": [[float(v) for v in row] for row in p],
        "weights": None if weights is None else [float(v) for v in weights],
        "confusion": m.confusion_matrix(y, guess, labels=labels).tolist(),
        "expected": {key: value(x) for key, x in s.items()},
    }


def tags(name, y, p, weights=None):
    n, k = y.shape
    w = np.ones(n) if weights is None else weights.astype(np.float64)
    q = p.astype(np.float64)
    guess = (p >= 0.5).astype(int)
    known = (y >= 0) & (w > 0)[:, None]
    support = ((y == 1) * known * w[:, None]).sum(axis=0)
    rows = [r for r in range(n) if known[r].any()]
    pair_weights = np.broadcast_to(w[:, None], y.shape)[known]
    pairs = (y[known], guess[known])
    s = {
        "accuracy": np.average([(y[r, known[r]] == guess[r, known[r]]).all() for r in rows], weights=w[rows]),
        "hamming-loss": m.zero_one_loss(*pairs, sample_weight=pair_weights),
        "log-loss": m.log_loss(y[known], np.clip(q[known], EPS, 1 - EPS), labels=[0, 1], sample_weight=pair_weights),
        "brier": m.brier_score_loss(y[known], q[known], sample_weight=pair_weights, pos_label=1),
        "expected-calibration-error-15": calibration_error(q[known], y[known], pair_weights, 15),
        "coverage-error": np.average(
            [m.coverage_error(np.atleast_2d(y[r, known[r]]), np.atleast_2d(p[r, known[r]]))
             if known[r].sum() > 1 else y[r, known[r]][0] for r in rows], weights=w[rows]),
        "label-ranking-average-precision": np.average(
            [m.label_ranking_average_precision_score(np.atleast_2d(y[r, known[r]]), np.atleast_2d(p[r, known[r]]))
             if known[r].sum() > 1 else 1.0 for r in rows], weights=w[rows]),
        "label-ranking-loss": np.average(
            [m.label_ranking_loss(np.atleast_2d(y[r, known[r]]), np.atleast_2d(p[r, known[r]]))
             if known[r].sum() > 1 else 0.0 for r in rows], weights=w[rows]),
    }
    if known.all():
        weighted = {"sample_weight": w}
        assert abs(s["accuracy"] - m.accuracy_score(y, guess, **weighted)) < 1e-12
        assert abs(s["hamming-loss"] - m.hamming_loss(y, guess, **weighted)) < 1e-12
        assert abs(s["coverage-error"] - m.coverage_error(y, p, **weighted)) < 1e-12
        whole = m.label_ranking_average_precision_score(y, p, **weighted)
        assert abs(s["label-ranking-average-precision"] - whole) < 1e-12
        assert abs(s["label-ranking-loss"] - m.label_ranking_loss(y, p, **weighted)) < 1e-12
    for score, function in decisions().items():
        binary = lambda a, b, ws: np.nan if empty(score, a, b) else function(a, b, sample_weight=ws)
        each = np.array([binary(y[known[:, t], t], guess[known[:, t], t], w[known[:, t]]) for t in range(k)])
        for how in ("macro", "weighted"):
            s[f"{score}-{how}"] = over_outputs(each, support, how)
        s[f"{score}-micro"] = binary(*pairs, pair_weights)
        samples = np.array([binary(y[r, known[r]], guess[r, known[r]], None) for r in range(n)])
        s[f"{score}-samples"] = over_samples(samples, w)
        if known.all():
            for how in ("macro", "micro", "weighted"):
                if s[f"{score}-{how}"] is not None:
                    whole = function(y, guess, average=how, sample_weight=w)
                    assert abs(s[f"{score}-{how}"] - whole) < 1e-12
            if score != "jaccard":
                whole = function(y, guess, average="samples", sample_weight=w, zero_division=np.nan)
                assert abs(s[f"{score}-samples"] - whole) < 1e-12
    for score, function in (("roc-auc-ovr", area), ("average-precision", precision_area)):
        call = lambda a, b, ws: np.nan if len(a) == 0 else function(a, b, ws)
        each = np.array([call(y[known[:, t], t], p[known[:, t], t], w[known[:, t]]) for t in range(k)])
        for how in ("macro", "weighted"):
            s[f"{score}-{how}"] = over_outputs(each, support, how)
        s[f"{score}-micro"] = call(y[known], p[known], pair_weights)
        samples = np.array([call(y[r, known[r]], p[r, known[r]], None) for r in range(n)])
        s[f"{score}-samples"] = over_samples(samples, w)
    return {
        "name": name,
        "kind": "tags",
        "truth": y.tolist(),
        "scores": [[float(v) for v in row] for row in p],
        "weights": None if weights is None else [float(v) for v in weights],
        "confusion": [m.confusion_matrix(y[known[:, t], t], guess[known[:, t], t], labels=[0, 1]).ravel().tolist()
                      for t in range(k)] if weights is None else [],
        "expected": {key: value(x) for key, x in s.items()},
    }


def empty(score, a, b):
    """Whether a score has no denominator."""
    if score == "recall":
        return not a.any()
    if score == "precision":
        return not b.any()
    return not a.any() and not b.any()


def over_samples(each, w):
    there = ~np.isnan(each) & (w > 0)
    return np.average(each[there], weights=w[there]) if there.any() else None


def values(name, y, p, weights=None):
    w = None if weights is None else weights.astype(np.float64)
    q = p.astype(np.float64)
    constant = (y[slice(None) if w is None else w > 0].std(axis=0) == 0).any()
    return {
        "name": name,
        "kind": "values",
        "truth": y.tolist(),
        "scores": [[float(v) for v in row] for row in p],
        "weights": None if weights is None else [float(v) for v in weights],
        "confusion": [],
        "expected": {
            "rmse": value(m.root_mean_squared_error(y, q, sample_weight=w)),
            "mae": value(m.mean_absolute_error(y, q, sample_weight=w)),
            "r2": None if constant else value(m.r2_score(y, q, sample_weight=w)),
        },
    }


def draw(n, k, shares):
    return rng.choice(k, n, p=shares)


def some_weights(n):
    w = np.round(rng.random(n) * 3, 2).astype(np.float32)
    w[rng.random(n) < 0.15] = 0
    return w


def all_cases():
    y = draw(60, 2, [0.5, 0.5])
    yield classes("two classes", 2, y, probabilities(60, 2, y, 0, 0.6))
    y = draw(60, 2, [0.8, 0.2])
    yield classes("two classes with ties", 2, y, probabilities(60, 2, y, 4, 0.6))
    yield classes("two weighted classes", 2, y, probabilities(60, 2, y, 16, 0.6), some_weights(60))
    y = draw(80, 4, [0.25] * 4)
    yield classes("four classes", 4, y, probabilities(80, 4, y, 0, 0.8))
    yield classes("four weighted classes", 4, y, probabilities(80, 4, y, 32, 0.8), some_weights(80))
    y = draw(80, 4, [0.55, 0.2, 0.15, 0.1])
    yield classes("four uneven classes with ties", 4, y, probabilities(80, 4, y, 8, 0.8))
    y = draw(120, 9, [1 / 9] * 9)
    yield classes("nine classes with ties", 9, y, probabilities(120, 9, y, 16, 0.5))
    y = draw(150, 10, [0.1] * 10)
    yield classes("ten weighted classes", 10, y, probabilities(150, 10, y, 64, 0.5), some_weights(150))
    for k in (3, 5, 6, 7, 8):
        y = draw(70, k, rng.dirichlet(np.full(k, 3)))
        yield classes(f"{k} uneven classes", k, y, probabilities(70, k, y, 32, 0.4), some_weights(70) if k % 2 else None)
    y = draw(40, 3, [0.5, 0.5, 0.0])
    yield classes("a class without a sample", 3, y, probabilities(40, 3, y, 0, 0.8))
    y = draw(40, 3, [0.4, 0.4, 0.2])
    p = probabilities(40, 3, y, 0, 0.8)
    p[:, 2] = 0
    p /= p.sum(axis=1, keepdims=True)
    yield classes("a class never predicted", 3, y, p.astype(np.float32))
    y = draw(30, 3, [0.4, 0.4, 0.2])
    constant = np.tile(np.array([0.5, 0.25, 0.25], np.float32), (30, 1))
    yield classes("a constant model", 3, y, constant)
    perfect = np.eye(3, dtype=np.float32)[y]
    yield classes("a perfect model", 3, y, perfect)
    yield classes("a model that is always wrong", 3, y, np.roll(perfect, 1, axis=1))
    one = np.zeros(20, int)
    yield classes("one class alone", 2, one, probabilities(20, 2, one, 8, 0.2))

    for k, grid in ((2, 8), (5, 16), (10, 0)):
        y = (rng.random((50, k)) < rng.uniform(0.2, 0.7, k)).astype(int)
        yield tags(f"{k} tags", y, tag_scores(50, k, y, grid, 0.4))
        yield tags(f"{k} weighted tags", y, tag_scores(50, k, y, 32, 0.4), some_weights(50))
        y[rng.random(y.shape) < 0.3] = -1
        yield tags(f"{k} tags, some unknown", y, tag_scores(50, k, y, 32, 0.4))
        yield tags(f"{k} weighted tags, some unknown", y, tag_scores(50, k, y, 32, 0.4), some_weights(50))
    y = (rng.random((30, 4)) < 0.4).astype(int)
    y[:, 1] = 0
    y[3:6] = -1
    yield tags("a tag without a positive sample", y, tag_scores(30, 4, y, 16, 0.4))
    y = (rng.random((30, 4)) < 0.4).astype(int)
    p = tag_scores(30, 4, y, 16, 0.4)
    p[:, 2] *= 0.25
    yield tags("a tag never predicted", y, p)

    y = rng.normal(3, 2, (40, 1)).round(3)
    yield values("one value", y, (y + rng.normal(0, 0.5, y.shape)).astype(np.float32))
    y = rng.normal(3, 2, (40, 3)).round(3)
    p = (y + rng.normal(0, 0.5, y.shape)).astype(np.float32)
    yield values("three values", y, p)
    yield values("three weighted values", y, p, some_weights(40))
    y[:, 1] = 2.5
    yield values("a value that does not vary", y, p)


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
