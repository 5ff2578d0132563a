"""Reference linear models and their kin from scikit-learn: python tools/golden/learn_linear.py OUT.json

Three overlapping classes on seven scaled features, one of which is constant and one nearly a mixture of
others, written with three decimals, which is what both sides learn from. Weights are 1, 2 and 3; the
discriminants of scikit-learn know no weights and learn rows that often instead.
"""

import datetime
import json
import sys

import numpy as np
import scipy.optimize
import sklearn
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge, RidgeClassifier, RidgeClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

TRAIN, TEST = 120, 30

x, y = make_classification(
    TRAIN + TEST, 6, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, class_sep=0.9,
    flip_y=0.05, weights=[0.5, 0.3, 0.2], random_state=20261120,
)
x = StandardScaler().fit_transform(x)
x[:, 5] = x[:, 0] + 0.5 * x[:, 1] + 0.05 * x[:, 5]
x = np.column_stack([x, np.full(len(x), 1.5)]).round(3).astype(np.float32)
weights = 1.0 + np.arange(TRAIN) % 3
xt, xv, yt = x[:TRAIN].astype(np.float64), x[TRAIN:].astype(np.float64), y[:TRAIN]
two = yt != 2
balanced = compute_sample_weight("balanced", yt)


def numbers(values):
    return [[float(f"{v:.12g}") for v in row] for row in np.atleast_2d(values)]


def proba(model, *args, **kwargs):
    return numbers(model.fit(*args, **kwargs).predict_proba(xv))


def logistic(l1_ratio, c):
    def make(**options):
        solver = dict(solver="newton-cholesky", tol=1e-12) if l1_ratio == 0 else dict(
            solver="saga", tol=1e-14, random_state=0)
        return LogisticRegression(C=c, l1_ratio=l1_ratio, max_iter=1_000_000, **solver, **options)

    return {
        "l1_ratio": l1_ratio,
        "c": c,
        "plain": proba(make(), xt, yt),
        "weighted": proba(make(), xt, yt, sample_weight=weights),
        "balanced": proba(make(class_weight="balanced"), xt, yt),
        "two_classes": proba(make(), xt[two], yt[two]),
    }


def decisions(model, *args, **kwargs):
    found = model.fit(*args, **kwargs).decision_function(xv)
    return numbers(found.reshape(len(xv), -1))


def ridge():
    alphas = (0.01, 0.1, 1.0, 10.0, 100.0)
    cases = {
        "alphas": alphas,
        "plain": decisions(RidgeClassifier(alpha=2.0, solver="cholesky"), xt, yt),
        "weighted": decisions(RidgeClassifier(alpha=2.0, solver="cholesky"), xt, yt, sample_weight=weights),
        "balanced": decisions(RidgeClassifier(alpha=2.0, class_weight="balanced", solver="cholesky"), xt, yt),
        "two_classes": decisions(RidgeClassifier(alpha=2.0, solver="cholesky"), xt[two], yt[two]),
        "chosen": {
            name: float(RidgeClassifierCV(alphas).fit(rows, labels, sample_weight=w).alpha_)
            for name, rows, labels, w in [
                ("plain", xt, yt, None), ("weighted", xt, yt, weights), ("two_classes", xt[two], yt[two], None)
            ]
        },
    }
    # Probabilities: sigmoids of what each row gets from a fit without it.
    scores = []
    for label in range(3):
        sides = np.where(yt == label, 1.0, -1.0)
        held_out = np.array([
            Ridge(2.0, solver="cholesky").fit(np.delete(xt, i, 0), np.delete(sides, i)).predict(xt[i:i + 1])[0]
            for i in range(TRAIN)
        ])
        a, b = sigmoid(held_out, sides)
        decision = Ridge(2.0, solver="cholesky").fit(xt, sides).predict(xv)
        scores.append(1 / (1 + np.exp(a * decision + b)))
    cases["proba"] = numbers(np.array(scores).T / np.sum(scores, axis=0)[:, None])
    return cases


def sigmoid(f, sides):
    """Platt's sigmoid by a general minimiser."""
    yes, no = np.sum(sides > 0), np.sum(sides < 0)
    t = np.where(sides > 0, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(ab):
        z = ab[0] * f + ab[1]
        p = 1 / (1 + np.exp(z))
        gradient = t - p
        return np.sum(np.logaddexp(0, z) - (1 - t) * z), np.array([gradient @ f, gradient.sum()])

    start = np.array([0.0, np.log((no + 1) / (yes + 1))])
    return scipy.optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-11}).x


def net(labels, l1_ratio, alpha, rows=slice(None), sample_weight=None):
    columns = []
    for label in labels:
        model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-15, max_iter=1_000_000)
        sides = np.where(yt[rows] == label, 1.0, -1.0)
        columns.append(model.fit(xt[rows], sides, sample_weight=sample_weight).predict(xv))
    return numbers(np.array(columns).T)


def lda(rows=slice(None), labels=None, test=None, **options):
    model = LinearDiscriminantAnalysis(**options).fit(xt[rows], yt[rows] if labels is None else labels)
    return numbers(model.predict_proba(xv))


repeated = np.repeat(np.arange(TRAIN), weights.astype(int))
thirds = [1 / 3] * 3
given = [0.2, 0.5, 0.3]
projection = LinearDiscriminantAnalysis().fit(xt, yt)
# More features than rows: seventy columns made from seven, the same way on both sides.
wide = np.column_stack([x[:, j % 7] * x[:, (j // 7 + j) % 7] for j in range(70)]).astype(np.float64)
few = np.arange(45)
wide_model = LinearDiscriminantAnalysis().fit(wide[few], yt[few])

full = slice(0, 6)


def qda(columns=slice(None), rows=slice(None), **options):
    model = QuadraticDiscriminantAnalysis(**options).fit(xt[rows][:, columns], yt[rows])
    return numbers(model.predict_proba(xv[:, columns]))


# Without the constant feature: partial_fit takes off the smoothing of the new rows where that of the old
# ones had been put on, which leaves a variance of 0 at the mercy of the portions.
portions = GaussianNB()
for start in range(0, TRAIN, 40):
    portions.partial_fit(xt[start:start + 40, full], yt[start:start + 40], classes=[0, 1, 2])

out = {
    "provenance": {
        "program": "scikit-learn",
        "version": sklearn.__version__,
        "script": "tools/golden/learn_linear.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-6,
        "why": "relative, on probabilities and decisions: both sides compute in double precision and end at "
        "the same point; ours are given back as f32, which rounds by 6e-8",
    },
    "cases": {
        "train": [[float(v) for v in map(str, row)] for row in x[:TRAIN]],
        "test": [[float(v) for v in map(str, row)] for row in x[TRAIN:]],
        "train_labels": yt.tolist(),
        "weights": weights.tolist(),
        "logistic": [logistic(0.0, 1.0), logistic(0.5, 0.3), logistic(1.0, 0.2)],
        "ridge": ridge(),
        "elastic_net": {
            "alpha": 0.03,
            "l1_ratio": 0.7,
            "plain": net(range(3), 0.7, 0.03),
            "weighted": net(range(3), 0.7, 0.03, sample_weight=weights),
            "balanced": net(range(3), 0.7, 0.03, sample_weight=balanced),
            "two_classes": net([1], 0.7, 0.03, two),
        },
        "linear_discriminant": {
            "none": lda(),
            "none_lsqr": lda(solver="lsqr"),
            "fixed": lda(solver="lsqr", shrinkage=0.3),
            "auto": lda(solver="lsqr", shrinkage="auto"),
            "auto_uniform": lda(solver="lsqr", shrinkage="auto", priors=thirds),
            "none_given": lda(solver="lsqr", priors=given),
            "none_weighted": lda(repeated),
            "auto_weighted": lda(repeated, solver="lsqr", shrinkage="auto"),
            "none_two": lda(two),
            "auto_two": lda(two, solver="lsqr", shrinkage="auto"),
            "projected": numbers(projection.transform(xv)),
            "explained": [float(v) for v in projection.explained_variance_ratio_],
            "wide": numbers(wide_model.predict_proba(wide[TRAIN:])),
        },
        "quadratic_discriminant": {
            "none": qda(full),
            "regularised": qda(reg_param=0.1),
            "weighted": qda(rows=repeated, reg_param=0.1),
            "uniform": qda(reg_param=0.1, priors=thirds),
            "two_classes": qda(rows=two, reg_param=0.1),
            "auto": qda(full, solver="eigen", shrinkage="auto"),
        },
        "naive_bayes": {
            "plain": proba(GaussianNB(), xt, yt),
            "smooth": proba(GaussianNB(var_smoothing=0.01), xt, yt),
            "weighted": proba(GaussianNB(), xt, yt, sample_weight=weights),
            "repeated": proba(GaussianNB(var_smoothing=0.01), xt[repeated], yt[repeated]),
            "uniform": proba(GaussianNB(priors=thirds), xt, yt),
            "balanced": proba(GaussianNB(), xt, yt, sample_weight=balanced),
            "two_classes": proba(GaussianNB(), xt[two], yt[two]),
            "portions": numbers(portions.predict_proba(xv[:, full])),
        },
    },
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
