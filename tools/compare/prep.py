"""Our transformers against those of scikit-learn, one thread: python tools/compare/prep.py [ROUNDS]

Run it with the Python of `tools/reference/make_env.sh --learners`. It builds the example `prep_times`, hands it the
tables as raw numbers, and times both sides in turn, ROUNDS (5) times; the figures are the least of the rounds, each of
which is the median of three runs after one to warm up. Both get f32 rows; scikit-learn works in f64, as ours does
inside, and its own quantiles leave out their subsample so that both do the same work. What takes it more than a
second is run once a round, without a warm-up.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import sklearn
from sklearn.datasets import load_digits, make_classification
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
INNER = 3
warnings.filterwarnings("ignore")


def tables():
    yield "digits", *load_digits(return_X_y=True)
    yield "syn2k", *make_classification(
        2000, 256, n_informative=40, n_redundant=100, n_classes=4, class_sep=1.0, random_state=0
    )
    x, y = make_classification(
        12000, 128, n_informative=30, n_redundant=60, n_classes=8, class_sep=1.2, random_state=0
    )
    yield "syn10k", x[:9000], y[:9000]


def peers(columns):
    """Name, transformer, and the same number of it as the example prints."""
    shares = lambda model: model.explained_variance_ratio_.sum()
    exact = "covariance_eigh"
    quantile = lambda output: QuantileTransformer(
        n_quantiles=1000, subsample=None, output_distribution=output
    )
    return [
        ("pca-exact-all", PCA(columns, svd_solver=exact), shares),
        ("pca-exact-5", PCA(5, svd_solver=exact), shares),
        ("pca-randomised-5", PCA(5, svd_solver="randomized", random_state=0), shares),
        ("quantile-uniform", quantile("uniform"), lambda model: model.quantiles_[500, 0]),
        ("quantile-normal", quantile("normal"), lambda model: model.quantiles_[500, 0]),
        ("power", PowerTransformer(), lambda model: model.lambdas_[0]),
        ("standard", StandardScaler(), lambda model: model.mean_[0]),
        ("anova", SelectKBest(f_classif, k=20), lambda model: model.scores_[0]),
        ("information", SelectKBest(mutual_info_classif, k=20), lambda model: model.scores_[0]),
    ]


def time_peer(transformer, number, x, y):
    fits, transforms = [], []
    # The conversion to f64 is part of neither side's time.
    for _ in range(INNER + 1):
        start = time.perf_counter()
        transformer.fit(x, y)
        fits.append(time.perf_counter() - start)
        start = time.perf_counter()
        transformer.transform(x)
        transforms.append(time.perf_counter() - start)
        if fits[0] > 1:
            return fits[0], transforms[0], float(number(transformer))
    return statistics.median(fits[1:]), statistics.median(transforms[1:]), float(number(transformer))


def time_ours(path, x, classes):
    command = [EXAMPLE, path, *map(str, x.shape), str(classes), str(INNER)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: tuple(map(float, numbers)) for name, *numbers in map(str.split, lines)}


subprocess.run(
    ["cargo", "build", "--release", "-p", "xscatter-learn", "--example", "prep_times"], cwd=ROOT, check=True
)
target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
EXAMPLE = str(target / "release" / "examples" / "prep_times")

print(f"scikit-learn {sklearn.__version__}, one thread, milliseconds to fit + to transform the same rows\n")
print("| table | transformer | scikit-learn | ours | ours / scikit-learn, fit | transform | a number of both |")
print("|---|---|---:|---:|---:|---:|---|")
for table, x, y in tables():
    x = x.astype(np.float32)
    wide = x.astype(np.float64)
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        file.write(x.tobytes() + y.astype("<u4").tobytes())
        file.flush()
        classes = int(y.max()) + 1
        ours, theirs = {}, {}
        for _ in range(ROUNDS):
            for name, transformer, number in peers(x.shape[1]):
                theirs.setdefault(name, []).append(time_peer(transformer, number, wide, y))
            for name, numbers in time_ours(file.name, x, classes).items():
                ours.setdefault(name, []).append(numbers)
    for name in theirs:
        peer = [min(column) for column in zip(*theirs[name])]
        mine = [min(column) for column in zip(*ours[name])]
        print(
            f"| {table} {x.shape[0]} × {x.shape[1]} | {name} | {peer[0] * 1e3:.2f} + {peer[1] * 1e3:.2f}"
            f" | {mine[0] * 1e3:.2f} + {mine[1] * 1e3:.2f} | {mine[0] / peer[0]:.2f} | {mine[1] / peer[1]:.2f}"
            f" | {peer[2]:.6g}, {mine[2]:.6g} |"
        )
