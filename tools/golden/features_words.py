"""Visual words: k-means and orthogonal matching pursuit by scikit-learn, patches, codes and pooling by NumPy.

python tools/golden/features_words.py crates/xscatter-features/tests/golden/words.json

Codes have no maintained reference program: they are written down here from their definitions, in double precision
from the same single-precision descriptors, with other algorithms (a bordered system for LLC, distances without
expanding the square, least squares for matching pursuit).
"""

import datetime
import json
import sys

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import orthogonal_mp_gram

import scattering_image

SIZE, STEP, FLOOR, MOST_MASKED = 6, 3, 0.25, 0.2
LEVELS, WORDS = 3, 8


def rows(n, width):
    """Rows about a few places, in whole numbers over 128, so that single precision holds them."""
    i, j = np.mgrid[:n, :width].astype(np.int64)
    return ((i * 7919 + j * 104729 + i * j * 31) % 1009) / 128.0 + 6.0 * ((i * 7 + j * (i % 9)) % 5)


def words():
    k, p = np.mgrid[:WORDS, : SIZE * SIZE].astype(np.int64)
    return ((k * 131 + p * 71 + k * p * 17) % 101 - 50) / 256.0


def starts(side):
    return range((side - SIZE) % STEP // 2, side - SIZE + 1, STEP)


def patches(counts, valid):
    values = np.log1p(counts).astype(np.float32).astype(float)
    kept, centres = [], []
    for row in starts(counts.shape[0]):
        for column in starts(counts.shape[1]):
            at = (slice(row, row + SIZE), slice(column, column + SIZE))
            if np.sum(~valid[at]) > np.floor(MOST_MASKED * SIZE * SIZE):
                continue
            seen = values[at][valid[at]]
            patch = np.where(valid[at], values[at] - seen.mean(), 0.0)
            kept.append(patch.ravel() / np.sqrt(SIZE * SIZE * (seen.var() + FLOOR**2)))
            centres.append((row + SIZE / 2, column + SIZE / 2))
    return np.array(kept).astype(np.float32).astype(float), np.array(centres)


def hard(x, w):
    code = np.zeros(len(w))
    code[np.argmin(np.sum((w - x) ** 2, axis=1))] = 1.0
    return code


def soft(x, w, beta=4.0):
    distances = np.sum((w - x) ** 2, axis=1)
    weights = np.exp(-beta * (distances - distances.min()))
    return weights / weights.sum()


def llc(x, w, neighbours=3, regularisation=1e-4):
    """The constrained minimum by its bordered system."""
    taken = np.argsort(np.sum((w - x) ** 2, axis=1), kind="stable")[:neighbours]
    base = w[taken]
    trace = np.sum((base - x) ** 2)
    system = np.zeros((neighbours + 1, neighbours + 1))
    system[:-1, :-1] = base @ base.T + regularisation * trace * np.eye(neighbours)
    system[-1, :-1] = system[:-1, -1] = 1.0
    solution = np.linalg.solve(system, np.append(base @ x, 1.0))
    code = np.zeros(len(w))
    code[taken] = solution[:-1]
    return code


def sparse(x, w, nonzeros=3):
    """Matching pursuit, each step by least squares on the atoms themselves."""
    atoms = w / np.linalg.norm(w, axis=1, keepdims=True)
    taken, rest = [], x
    for _ in range(nonzeros):
        strength = np.abs(atoms @ rest)
        strength[taken] = -1.0
        taken.append(int(np.argmax(strength)))
        solution = np.linalg.lstsq(atoms[taken].T, x, rcond=None)[0]
        rest = x - solution @ atoms[taken]
    code = np.zeros(len(w))
    code[taken] = np.abs(solution)
    return code


def image_cells(centres, shape):
    return [
        [int(c[0] * 2**level / shape[0]) * 2**level + int(c[1] * 2**level / shape[1]) for c in centres]
        for level in range(LEVELS)
    ]


def polar_cells(centres, shape):
    """About (20, 25) at 1 m, pixels of 172 um, 0.1 nm; up to the farthest corner."""
    def q(row, column):
        radius = np.hypot(row - 20.0, column - 25.0) * 172e-6
        return 4.0 * np.pi / 0.1 * np.sin(0.5 * np.arctan(radius / 1.0))

    q_max = max(q(row, column) for row in (0, shape[0]) for column in (0, shape[1]))
    cells = []
    for level in range(LEVELS):
        side = 2**level
        of_level = []
        for row, column in centres:
            band = int(q(row, column) / q_max * side)
            chi = np.mod(np.arctan2(row - 20.0, column - 25.0), np.pi)
            of_level.append(band * side + int(np.floor(chi / np.pi * side + 0.5)) % side)
        cells.append(of_level)
    return cells


def pooled(codes, cells, how):
    blocks = []
    for level, of_level in enumerate(cells):
        block = np.zeros((4**level, codes.shape[1]))
        for cell, code in zip(of_level, codes):
            block[cell] = np.maximum(block[cell], code) if how == "max" else block[cell] + code / len(codes)
        blocks.append(block.ravel())
    return blocks


def finished(blocks, weights, norm):
    row = np.concatenate([weight * block for weight, block in zip(weights, blocks)])
    return row / (np.abs(row).sum() if norm == "l1" else np.linalg.norm(row) if norm == "l2" else 1.0)


EVEN, MATCHING = [1.0, 1.0, 1.0], [0.25, 0.25, 0.5]
ROWS = [
    # encoding, pooling, weights, norm, pyramid, masked
    ("hard", "mean", "matching", "l1", "image", False),
    ("hard", "max", "even", "none", "image", True),
    ("soft", "mean", "even", "l2", "image", False),
    ("soft", "max", "matching", "l2", "polar", True),
    ("llc", "max", "even", "l2", "image", False),
    ("llc", "max", "even", "l2", "image", True),
    ("llc", "mean", "even", "none", "polar", False),
    ("sparse", "max", "even", "l2", "image", True),
    ("sparse", "mean", "matching", "l1", "polar", False),
]


def words_of_image():
    counts = scattering_image.counts()
    for encoding, pooling, weights, norm, pyramid, masked in ROWS:
        valid = scattering_image.valid() if masked else np.ones(counts.shape, bool)
        descriptors, centres = patches(counts, valid)
        encode = {"hard": hard, "soft": soft, "llc": llc, "sparse": sparse}[encoding]
        codes = np.array([encode(x, words()) for x in descriptors])
        cells = {"image": image_cells, "polar": polar_cells}[pyramid](centres, counts.shape)
        row = finished(pooled(codes, cells, pooling), EVEN if weights == "even" else MATCHING, norm)
        yield {
            "encoding": encoding, "pooling": pooling, "weights": weights, "norm": norm, "pyramid": pyramid,
            "masked": masked, "patches": len(descriptors), "row": [float(f"{value:.12g}") for value in row],
        }


def k_means():
    data = rows(700, 5)
    for iterations in (1, 3, 300):
        fitted = KMeans(12, init=data[::53][:12], n_init=1, max_iter=iterations, tol=0.0, algorithm="lloyd").fit(data)
        yield {
            "iterations": iterations, "inertia": float(fitted.inertia_),
            "words": [float(value) for value in fitted.cluster_centers_.ravel()],
        }


def matching_pursuit():
    atoms = rows(30, 12) - 15.0
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    data = rows(52, 12)[30:] - 12.0
    for nonzeros in (1, 4, 9):
        codes = orthogonal_mp_gram(atoms @ atoms.T, atoms @ data.T, n_nonzero_coefs=nonzeros)
        yield {"nonzeros": nonzeros, "codes": [float(f"{value:.13g}") for value in codes.T.ravel()]}


def main(path):
    golden = {
        "provenance": {
            "program": "scikit-learn, NumPy",
            "version": f"{sklearn.__version__}, {np.__version__}",
            "script": "tools/golden/features_words.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "words, distances and products are single precision; relative to the largest of a row",
        },
        "cases": {
            "k_means": list(k_means()),
            "matching_pursuit": list(matching_pursuit()),
            "image": list(words_of_image()),
        },
    }
    with open(path, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
