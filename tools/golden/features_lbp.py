"""Local binary patterns by scikit-image, and histograms of them with gaps and thresholds by NumPy.

python tools/golden/features_lbp.py crates/xscatter-features/tests/golden/lbp.json
"""

import datetime
import json
import sys

import numpy as np
import skimage
from skimage.feature import local_binary_pattern

import scattering_image

CROP = (slice(8, 32), slice(10, 40))
SCALES = [(8, 1.0), (16, 2.0), (24, 4.0), (12, 1.5)]
PERCENT = [5, 25, 50, 75, 95]


def coordinates(points, radius):
    angle = 2 * np.pi * np.arange(points) / points
    return np.round(-radius * np.sin(angle), 5), np.round(radius * np.cos(angle), 5)


def kept(valid, points, radius):
    """Pixels whose neighbourhood lies in the image and is valid."""
    rows, columns = valid.shape
    keep = valid.copy()
    for down, right in zip(*coordinates(points, radius)):
        for a in {int(np.floor(down)), int(np.ceil(down))}:
            for b in {int(np.floor(right)), int(np.ceil(right))}:
                row, column = np.mgrid[:rows, :columns]
                row, column = row + a, column + b
                inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
                keep &= inside & valid[row.clip(0, rows - 1), column.clip(0, columns - 1)]
    return keep


def with_threshold(image, edge, points, radius):
    """Patterns against an edge of one's own; pixels off the image are 0."""
    rows, columns = image.shape
    margin = int(np.ceil(radius)) + 1
    padded = np.pad(image, margin)
    codes = np.zeros(image.shape, np.int64)
    for bit, (down, right) in enumerate(zip(*coordinates(points, radius))):
        row, column = np.arange(rows)[:, None] + down, np.arange(columns)[None, :] + right
        top, left = np.floor(row).astype(int), np.floor(column).astype(int)
        bottom, beyond = np.ceil(row).astype(int), np.ceil(column).astype(int)
        dr, dc = row - top, column - left
        at = lambda r, c: padded[r + margin, c + margin]
        upper = (1 - dc) * at(top, left) + dc * at(top, beyond)
        lower = (1 - dc) * at(bottom, left) + dc * at(bottom, beyond)
        codes |= ((1 - dr) * upper + dr * lower >= edge).astype(np.int64) << bit
    return codes


def shares(labels, number):
    return (np.bincount(labels.astype(int), minlength=number) / labels.size).tolist()


def valid_pixels(masked):
    """Gaps that leave whole neighbourhoods between them."""
    row, column = np.mgrid[: scattering_image.SHAPE[0], : scattering_image.SHAPE[1]]
    gap = ((row >= 20) & (row < 23)) | (column == 30) | ((row * 5 + column * 3) % 97 == 0)
    return ~gap if masked else np.ones(scattering_image.SHAPE, bool)


def main(path):
    hand = ((np.arange(49) * 37) % 101).reshape(7, 7).astype(np.uint8)
    methods = ["default", "ror", "uniform", "nri_uniform", "var"]
    by_hand = {name: local_binary_pattern(hand, 8, 1, name).tolist() for name in methods}

    counts = scattering_image.counts()
    crop = counts[CROP]
    images = []
    for points, radius in SCALES:
        for method in methods:
            if method in ("ror", "nri_uniform") and points > 16:
                continue
            labels = local_binary_pattern(crop, points, radius, method)
            if method == "var":
                labels = labels[::3, ::3]
                if points != 12:
                    continue
            else:
                labels = labels.astype(int)
            images.append({"points": points, "radius_px": radius, "method": method, "labels": labels.tolist()})

    rows = []
    for masked in (False, True):
        valid = valid_pixels(masked)
        for points, radius in [(8, 1.0), (12, 1.5)]:
            keep = kept(valid, points, radius)
            for method, number in [("uniform", points + 2), ("nri_uniform", points * (points - 1) + 3)]:
                labels = local_binary_pattern(counts, points, radius, method)[keep]
                rows.append({"masked": masked, "points": points, "radius_px": radius, "method": method,
                             "threshold": 0.0, "row": shares(labels, number)})
            edge = counts + 1.5 * np.sqrt(np.maximum(counts, 1))
            labels = with_threshold(counts.astype(float), edge, points, radius)
            assert (with_threshold(counts.astype(float), counts, points, radius)
                    == local_binary_pattern(counts, points, radius, "default")).all()
            changes = sum((labels >> k & 1) ^ (labels >> (k + 1) & 1) for k in range(points - 1))
            ones = sum(labels >> k & 1 for k in range(points))
            labels = np.where(changes <= 2, ones, points + 1)[keep]
            rows.append({"masked": masked, "points": points, "radius_px": radius, "method": "uniform",
                         "threshold": 1.5, "row": shares(labels, points + 2)})
            variance = np.log1p(np.nan_to_num(local_binary_pattern(counts, points, radius, "var")[keep]))
            rows.append({"masked": masked, "points": points, "radius_px": radius, "method": "var", "threshold": 0.0,
                         "row": [variance.mean(), variance.std(), *np.percentile(variance, PERCENT)]})

    golden = {
        "provenance": {
            "program": "scikit-image",
            "version": skimage.__version__,
            "script": "tools/golden/features_lbp.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-9,
            "why": "labels are whole numbers and equal; variances cancel in the reference, which does not "
                   "subtract the centre first; rows of features are single precision, 1e-6",
        },
        "cases": {"by_hand": by_hand, "images": images, "rows": rows},
    }
    with open(path, "w") as file:
        json.dump(golden, file)
        file.write("\n")


main(sys.argv[1])
