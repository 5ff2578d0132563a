"""Histograms of oriented gradients by scikit-image, and with gaps or odd cells by NumPy.

python tools/golden/features_hog.py crates/xscatter-features/tests/golden/hog.json
"""

import datetime
import json
import sys

import numpy as np
import skimage
from skimage.feature import hog

import scattering_image

# Orientations, side of a cell, cells of a block, norm.
SETTINGS = [(9, 8, 3, "L2-Hys"), (8, 12, 2, "L1"), (7, 10, 1, "L1-sqrt"), (12, 12, 2, "L2")]


def cells(image, valid, orientations, side):
    """Mean magnitude by orientation over the valid gradients of each cell."""
    down, across = np.zeros(image.shape), np.zeros(image.shape)
    down[1:-1] = image[2:] - image[:-2]
    across[:, 1:-1] = image[:, 2:] - image[:, :-2]
    keep = valid.copy()
    keep[1:-1] &= valid[2:] & valid[:-2]
    keep[:, 1:-1] &= valid[:, 2:] & valid[:, :-2]
    angle = np.arctan2(down, across) * (180 / np.pi) % 180
    magnitude = np.hypot(down, across) * keep
    rows, columns = image.shape[0] // side, image.shape[1] // side

    def total(values):
        whole = values[: rows * side, : columns * side]
        return whole.reshape(rows, side, columns, side).sum((1, 3))

    number = total(keep)
    edges = np.float32(180 / orientations * np.arange(orientations + 1)).astype(float)
    sums = [total(magnitude * ((angle >= low) & (angle < high))) for low, high in zip(edges, edges[1:])]
    return np.stack(sums, -1) / np.maximum(number, 1)[..., None], number


def normalised(histograms, side):
    """L2-Hys over all overlapping blocks."""
    rows, columns, orientations = histograms.shape
    blocks = np.zeros((rows - side + 1, columns - side + 1, side, side, orientations))
    for row in range(blocks.shape[0]):
        for column in range(blocks.shape[1]):
            block = histograms[row : row + side, column : column + side]
            block = np.minimum(block / np.sqrt((block**2).sum() + 1e-10), 0.2)
            blocks[row, column] = block / np.sqrt((block**2).sum() + 1e-10)
    return blocks


def pooled(blocks, number, pool):
    """Mean and standard deviation of the cells of each part."""
    entries = [[[] for _ in range(pool)] for _ in range(pool)]
    for row, column, i, j in np.ndindex(blocks.shape[:4]):
        cell = row + i, column + j
        if number[cell] > 0:
            part = cell[0] * pool // number.shape[0], cell[1] * pool // number.shape[1]
            entries[part[0]][part[1]].append(blocks[row, column, i, j])
    row = []
    for parts in entries:
        for part in parts:
            row += np.mean(part, 0).tolist() + np.std(part, 0).tolist()
    return row


def short(values):
    return [float(f"{value:.9g}") for value in np.ravel(values)]


def main(path):
    counts = scattering_image.counts().astype(float)
    everywhere = np.ones(counts.shape, bool)
    blocks = []
    for orientations, side, block, norm in SETTINGS:
        row = hog(counts, orientations, (side, side), (block, block), norm)
        blocks.append({"orientations": orientations, "cell_px": side, "block_cells": block, "norm": norm,
                       "masked": False, "program": "scikit-image", "row": short(row)})
    for masked, side in [(True, 8), (False, 11), (True, 9)]:
        valid = scattering_image.valid() if masked else everywhere
        histograms, _ = cells(counts, valid, 9, side)
        blocks.append({"orientations": 9, "cell_px": side, "block_cells": 2, "norm": "L2-Hys",
                       "masked": masked, "program": "NumPy", "row": short(normalised(histograms, 2))})

    pools = []
    for masked in (False, True):
        valid = scattering_image.valid() if masked else everywhere
        histograms, number = cells(np.log1p(counts), valid, 9, 8)
        pools.append({"masked": masked, "row": short(pooled(normalised(histograms, 2), number, 2))})

    golden = {
        "provenance": {
            "program": "scikit-image",
            "version": skimage.__version__,
            "script": "tools/golden/features_hog.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "the reference adds up cells in single precision, we write single precision; by NumPy in "
                   "double precision where the reference knows no mask or leaves out rows of odd cells",
        },
        "cases": {"blocks": blocks, "pools": pools},
    }
    with open(path, "w") as file:
        json.dump(golden, file)
        file.write("\n")


main(sys.argv[1])
