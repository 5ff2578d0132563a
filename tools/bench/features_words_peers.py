"""Times visual words against scikit-learn and NumPy, by turns, one thread on both sides.

Usage: python tools/bench/features_words_peers.py

Builds the example `words_times` of xscatter-features. A frame of 256 x 256 pixels (a halo with rings and Poisson
noise from a fixed seed), patches of 16 x 16 pixels every 8, 256 words; 20,000 patches of such frames to learn from.
What is printed is the median of all rounds as a table in Markdown; lower inertia is better.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy  # noqa: E402
from sklearn.cluster import MiniBatchKMeans  # noqa: E402
from sklearn.decomposition import MiniBatchDictionaryLearning  # noqa: E402
from sklearn.linear_model import orthogonal_mp_gram  # noqa: E402

SIDE, SIZE, STEP, WORDS, FLOOR, ROUNDS = 256, 16, 8, 256, 0.25, 7
CONFIG = {"grid": "native", "sample": 900, "dictionary": {"k_means": {"words": WORDS, "passes": 1}}}


def frame(seed):
    random = numpy.random.default_rng(seed)
    row, column = random.uniform(80, 170, 2)
    rows, columns = numpy.indices((SIDE, SIDE))
    radius = numpy.hypot(rows - row, columns - column)
    mean = 2.0 + 3000.0 * numpy.exp(-((radius / 20.0) ** 2))
    for ring in random.uniform(30, 200, 3):
        mean += 60.0 * numpy.exp(-((radius - ring) ** 2) / 30.0) * (1.0 + numpy.cos(2.0 * numpy.arctan2(rows - row, columns - column)))
    return random.poisson(mean).astype(numpy.float32)


def patches(counts):
    windows = numpy.lib.stride_tricks.sliding_window_view(numpy.log1p(counts), (SIZE, SIZE))[::STEP, ::STEP]
    rows = windows.reshape(-1, SIZE * SIZE)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = numpy.sqrt(SIZE * SIZE * (numpy.mean(rows * rows, axis=1, keepdims=True) + FLOOR**2))
    return (rows / length).astype(numpy.float32)


def histograms(labels):
    """Counts of the words in 1, 4 and 16 cells."""
    n = (SIDE - SIZE) // STEP + 1
    centre = (numpy.arange(n) * STEP + SIZE // 2) / SIDE
    parts = []
    for level in range(3):
        cell = (centre * 2**level).astype(int)
        cells = (cell[:, None] * 2**level + cell[None, :]).ravel()
        parts.append(numpy.bincount(cells * WORDS + labels, minlength=4**level * WORDS))
    row = numpy.concatenate(parts).astype(numpy.float32)
    return row / row.sum()


def timed(job):
    start = time.perf_counter()
    result = job()
    return (time.perf_counter() - start) * 1e3, result


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "xscatter-features", "--example", "words_times"], cwd=root, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=root, check=True, capture_output=True)
    program = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples/words_times"
    counts = frame(0)
    many = numpy.concatenate([patches(frame(seed)) for seed in range(1, 22)])[:20000]
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / name for name in ("frame.f32", "patches.f32")]
        counts.tofile(paths[0])
        many.tofile(paths[1])
        arguments = [program, paths[0], str(SIDE), str(SIDE), paths[1], str(SIZE * SIZE)]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ours(job):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        print("| what | peer | theirs ms | ours ms | ours / theirs |")
        print("|---|---|---|---|---|")

        def row(name, peer, theirs, our):
            a, b = statistics.median(our), statistics.median(theirs)
            print(f"| {name} | {peer} | {b:.2f} | {a:.2f} | {a / b:.3f} |", flush=True)

        k_means = {"k_means": {"words": WORDS, "passes": 10}}
        fitted = MiniBatchKMeans(WORDS, batch_size=1024, max_iter=10, n_init=1, max_no_improvement=None, tol=0.0, random_state=1)
        theirs, our = [], []
        for _ in range(3):
            theirs.append(timed(lambda: fitted.fit(many))[0])
            time_of_ours, inertia = ours({"learn": k_means})
            our.append(time_of_ours)
        row(f"k-means, 20,000 patches, 10 passes (inertia {inertia:.0f}, theirs {-fitted.score(many):.0f})", "scikit-learn MiniBatchKMeans", theirs, our)

        quick = {"k_means": {"words": WORDS, "passes": 1}}
        theirs, our = [], []
        for _ in range(ROUNDS):
            theirs.append(timed(lambda: fitted.predict(many))[0])
            our.append(ours({"assign": quick})[0])
        row("nearest words of 20,000 patches", "scikit-learn predict", theirs, our)

        theirs, our = [], []
        hard = CONFIG | {"encoding": "hard", "pooling": "mean", "norm": "l1"}
        for _ in range(ROUNDS):
            theirs.append(timed(lambda: histograms(fitted.predict(patches(counts))))[0])
            our.append(min(ours({"extract": hard})))
        row("a frame of 256², hard, 21 cells", "scikit-learn predict + NumPy", theirs, our)

        words = fitted.cluster_centers_ / numpy.linalg.norm(fitted.cluster_centers_, axis=1, keepdims=True)
        gram = words @ words.T

        def pursue():
            rows = patches(counts)
            return numpy.abs(orthogonal_mp_gram(gram, words @ rows.T, n_nonzero_coefs=5)).max(axis=1)

        theirs, our = [], []
        for _ in range(ROUNDS):
            theirs.append(timed(pursue)[0])
            our.append(min(ours({"extract": CONFIG | {"encoding": {"sparse": {"nonzeros": 5}}}})))
        row("a frame of 256², OMP codes of 5", "scikit-learn orthogonal_mp_gram + NumPy", theirs, our)

        for name, encoding in [("soft", {"soft": {"beta": 4.0}}), ("LLC of 5", {"llc": {"neighbours": 5, "regularisation": 1e-4}})]:
            our = [min(ours({"extract": CONFIG | {"encoding": encoding}})) for _ in range(ROUNDS)]
            print(f"| a frame of 256², {name} | none | | {statistics.median(our):.2f} | |", flush=True)

        learner = MiniBatchDictionaryLearning(WORDS, batch_size=1024, max_iter=1, fit_algorithm="lars", transform_algorithm="omp", transform_n_nonzero_coefs=5, random_state=1)
        theirs = timed(lambda: learner.fit(many[:4000]))[0]
        ours_ms, _ = ours({"learn": {"sparse": {"words": WORDS, "passes": 1}}})
        print(f"| sparse dictionary, a pass (theirs by LARS on 4,000 patches, ours by OMP on 20,000) | scikit-learn | {theirs:.0f} | {ours_ms:.0f} | |")
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
