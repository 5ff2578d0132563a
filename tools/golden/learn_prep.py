"""Reference transformers and calibrators from scikit-learn: python tools/golden/learn_prep.py OUT.json

One table for all: seven features with three decimals, of which one is skewed, one has many ties, one is constant and
one repeats another; three classes. Holes are made by rule. Our side learns from the same numbers, as f32, and gives
f32; scikit-learn works in f64.
"""

import datetime
import json
import sys

import numpy as np
import scipy
import sklearn
from sklearn.calibration import CalibratedClassifierCV, _SigmoidCalibration, _TemperatureScaling
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import VarianceThreshold, f_classif, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

TRAIN, TEST = 120, 20
rng = np.random.default_rng(20261120)
n = TRAIN + TEST
y = rng.integers(0, 3, n)
x = np.empty((n, 7))
x[:, 0] = rng.normal(y, 1.0)
x[:, 1] = np.exp(rng.normal(0, 1.5, n)) * (1 + y)
x[:, 2] = rng.integers(0, 4, n)
x[:, 3] = 2.5
x[:, 4] = -2 * x[:, 0] + rng.normal(0, 0.3, n)
x[:, 5] = rng.normal(5, 0.5, n) - 0.3 * y
x[:, 6] = rng.normal(0, 1, n) * (1 + y) - 1
x = np.round(x, 3).astype(np.float32)
rows, columns = np.indices(x.shape)
holes = np.where((rows * 5 + columns * 3) % 11 == 0, np.nan, x)
holes[:, 3] = x[:, 3]
train, test = x[:TRAIN].astype(float), x[TRAIN:].astype(float)
train_holes, test_holes = holes[:TRAIN].astype(float), holes[TRAIN:].astype(float)
labels = y[:TRAIN]


def listed(values):
    return np.asarray(values, float).tolist()


def transformed(transformer, holes=True):
    fit, new = (train_holes, test_holes) if holes else (train, test)
    return [[None if np.isnan(z) else z for z in row] for row in transformer.fit(fit).transform(new).tolist()]


# Our side makes 0 of the constant, which is column 3; the test leaves it out where they differ.
quantiles = {
    "uniform": transformed(QuantileTransformer(n_quantiles=1000, subsample=None)),
    "normal": transformed(QuantileTransformer(n_quantiles=1000, subsample=None, output_distribution="normal")),
    "normal_20": transformed(QuantileTransformer(n_quantiles=20, subsample=None, output_distribution="normal"), False),
}
power = PowerTransformer().fit(train_holes)
powers = {"lambdas": listed(power.lambdas_), "rows": transformed(PowerTransformer())}
ranges = {
    "min-max": transformed(MinMaxScaler()),
    "max-abs": transformed(MaxAbsScaler()),
    "robust": transformed(RobustScaler()),
}
standard = StandardScaler()
for part in (train_holes[:50], train_holes[50:]):
    standard.partial_fit(part)
scaler = {"means": listed(standard.mean_), "deviations": listed(np.sqrt(standard.var_))}

pca = {}
for name, options, fit in [
    ("full", {"svd_solver": "full"}, train),
    ("three_whitened", {"n_components": 3, "whiten": True, "svd_solver": "covariance_eigh"}, train),
    ("share", {"n_components": 0.9, "svd_solver": "full"}, train),
    ("wide", {"svd_solver": "full", "n_components": 4}, train[:5]),
]:
    model = PCA(**options).fit(fit)
    # The constant feature leaves one direction without scatter.
    real = model.explained_variance_ > 1e-12
    pca[name] = {
        "components": listed(model.components_[real]),
        "variances": listed(model.explained_variance_[real]),
        "shares": listed(model.explained_variance_ratio_[real]),
        "rows": listed(model.transform(test)[:, real]),
    }
incremental = IncrementalPCA(n_components=3)
for part in (train[:40], train[40:50], train[50:]):
    incremental.partial_fit(part)
pca["incremental"] = {
    "components": listed(incremental.components_),
    "variances": listed(incremental.explained_variance_),
    "shares": listed(incremental.explained_variance_ratio_),
    "rows": listed(incremental.transform(test)),
}

impute = {}
for fill in ("mean", "median"):
    imputer = SimpleImputer(strategy=fill, add_indicator=True, keep_empty_features=True)
    impute[fill] = listed(imputer.fit(train_holes).transform(test_holes))

varying = [0, 1, 2, 4, 5, 6]
# Without ties: between equal values the noise decides.
untied = np.stack([rng.normal(labels), rng.gamma(1.0 + labels), rng.normal(size=TRAIN) * (1 + labels)], axis=1)
untied = untied.astype(np.float32).astype(float)
select = {
    "variance": listed(VarianceThreshold().fit(train).variances_),
    "anova": listed(f_classif(train[:, varying], labels)[0]),
    "untied": listed(untied),
    "information": listed(mutual_info_classif(untied, labels, n_neighbors=3, random_state=0)),
}

# Scores that are no probabilities yet come from an overconfident classifier.
forest = ExtraTreesClassifier(8, max_depth=4, random_state=0).fit(train[:, [0, 5]], labels)
fresh = rng.normal(size=(200, 2)) * [1.5, 0.6] + [1, 4.8]
truth = np.array([rng.choice(3, p=p) for p in forest.predict_proba(fresh)])
sharp = forest.predict_proba(fresh) ** 2.5 + 1e-4
scores = (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32).astype(float)
score_weights = (1 + np.arange(200) % 3) / 2


def one_against_rest(make):
    columns = []
    for k in range(3):
        model = make().fit(scores[:, k], (truth == k).astype(float), sample_weight=score_weights)
        columns.append(model.predict(scores[:, k]))
    proba = np.stack(columns, axis=1)
    return listed(proba / proba.sum(axis=1, keepdims=True))


temperature = _TemperatureScaling().fit(scores, truth, sample_weight=score_weights)
two = (truth > 0).astype(int)
two_scores = scores[:, 1] + scores[:, 2]
two_scores = two_scores.astype(np.float32).astype(float)
calibrate = {
    "scores": listed(scores),
    "truth": truth.tolist(),
    "weights": listed(score_weights),
    "sigmoid": one_against_rest(_SigmoidCalibration),
    "isotonic": one_against_rest(lambda: IsotonicRegression(out_of_bounds="clip")),
    "temperature": listed(temperature.predict(scores)),
    "beta": float(temperature.beta_),
    "two_scores": listed(two_scores),
    "two_sigmoid": listed(_SigmoidCalibration().fit(two_scores, two).predict(two_scores)),
    "two_isotonic": listed(IsotonicRegression(out_of_bounds="clip").fit(two_scores, two).predict(two_scores)),
    "two_temperature": listed(
        _TemperatureScaling().fit(np.stack([1 - two_scores, two_scores], 1), two).predict(
            np.stack([1 - two_scores, two_scores], 1)
        )[:, 1]
    ),
}
# Neighbours are the same on both sides, so the whole of folds, fits and averages can be compared.
whole = {}
for method in ("sigmoid", "isotonic", "temperature"):
    for ensemble in (True, False):
        model = CalibratedClassifierCV(KNeighborsClassifier(7, algorithm="brute"), method=method, ensemble=ensemble)
        key = f"{method}-{'ensemble' if ensemble else 'single'}"
        whole[key] = listed(model.fit(train[:, [0, 1, 5]], labels).predict_proba(test[:, [0, 1, 5]]))

with open(sys.argv[1], "w") as out:
    json.dump(
        {
            "provenance": {
                "program": "scikit-learn",
                "version": f"{sklearn.__version__} (numpy {np.__version__}, scipy {scipy.__version__})",
                "script": "tools/golden/learn_prep.py",
                "date": datetime.date.today().isoformat(),
                "tolerance": 1e-6,
                "why": "our rows are f32, whose rounding is 6e-8 of a value; their optimisers stop at 1e-8 or so",
            },
            "cases": {
                "train": [[round(float(v), 3) for v in row] for row in train],
                "test": [[round(float(v), 3) for v in row] for row in test],
                "labels": labels.tolist(),
                "quantiles": quantiles,
                "powers": powers,
                "ranges": ranges,
                "scaler": scaler,
                "pca": pca,
                "impute": impute,
                "select": select,
                "calibrate": calibrate,
                "whole": whole,
            },
        },
        out,
    )
