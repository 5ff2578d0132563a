"""DAISY descriptors of scikit-image: python tools/golden/features_daisy.py OUT.json

On the image of `scattering_image.py`, as floats. The masked case is the same sum in NumPy with weights for
the gradients that count; without a mask it agrees with scikit-image, which this script checks.
"""

import datetime
import json
import math
import sys

import numpy as np
import skimage
from scipy.ndimage import gaussian_filter
from skimage.feature import daisy

import scattering_image

COUNTS = scattering_image.counts().astype(float)


def weighted(counts, good, step, radius, rings, histograms, orientations):
    """L1-normalised descriptors and their places; those with less than 80 % of their weight are left out."""
    x, y = np.zeros(counts.shape), np.zeros(counts.shape)
    x[:, :-1], y[:-1] = np.diff(counts, axis=1), np.diff(counts, axis=0)
    counted = good.copy()
    counted[:, :-1] &= good[:, 1:]
    counted[:-1] &= good[1:]
    length, angle = np.hypot(x, y) * counted, np.arctan2(y, x)
    directions = [2 * o * np.pi / orientations - np.pi for o in range(orientations)]
    maps = [length * np.exp(orientations / np.pi * np.cos(angle - o)) for o in directions]
    sigmas = [radius * (i + 1) / (2 * rings) for i in range(rings)]
    smooth = [np.array([gaussian_filter(m, s, mode="reflect", truncate=4) for m in [*maps, counted.astype(float)]]) for s in sigmas]
    points = [(0, 0, 0)]
    for ring in range(rings):
        for k in range(histograms):
            r, theta = radius * (ring + 1) / rings, 2 * np.pi * k / histograms
            points.append((ring, round(r * math.sin(theta)), round(r * math.cos(theta))))
    places, rows = [], []
    for row in range(radius, counts.shape[0] - radius, step):
        for column in range(radius, counts.shape[1] - radius, step):
            found = np.array([smooth[ring][:, row + down, column + right] for ring, down, right in points])
            if found[:, -1].sum() < 0.8 * len(points):
                continue
            values = (found[:, :-1] / np.maximum(found[:, -1:], 0.25)).ravel() + 1e-10
            places.append([row, column])
            rows.append(values / values.sum())
    return places, np.array(rows)


def shown(rows):
    return [[float(f"{v:.8g}") for v in row] for row in rows]


cases = []
for step, radius, rings, histograms, orientations, normalization in [
    (11, 15, 3, 8, 8, "l1"),
    (16, 10, 2, 6, 8, "l2"),
    (9, 15, 3, 2, 8, "daisy"),
    (14, 7, 1, 5, 4, "off"),
]:
    rows = daisy(COUNTS, step, radius, rings, histograms, orientations, normalization)
    rows = rows.reshape(-1, rows.shape[2])
    if normalization == "l1":
        good = np.ones(COUNTS.shape, bool)
        _, same = weighted(COUNTS, good, step, radius, rings, histograms, orientations)
        print("formula against scikit-image:", np.abs(same / rows - 1).max())
    every = -(-len(rows) // 6)
    cases.append({
        "step_px": step, "radius_px": radius, "rings": rings, "histograms": histograms,
        "orientations": orientations, "normalization": normalization, "masked": False,
        "number": len(rows), "every": every, "rows": shown(rows[::every]),
    })

good = scattering_image.valid()
good |= (np.indices(good.shape).sum(axis=0) % 3) > 0
places, rows = weighted(COUNTS, good, 3, 8, 2, 6, 8)
print("masked:", len(rows), "places of", math.ceil((48 - 16) / 3) * math.ceil((61 - 16) / 3))
every = -(-len(rows) // 6)
cases.append({
    "step_px": 3, "radius_px": 8, "rings": 2, "histograms": 6, "orientations": 8, "normalization": "l1",
    "masked": True, "number": len(rows), "every": every, "rows": shown(rows[::every]),
})

out = {
    "provenance": {
        "program": "scikit-image (masked: NumPy and SciPy)",
        "version": skimage.__version__,
        "script": "tools/golden/features_daisy.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-6,
        "why": "relative: single against double precision, some hundred additions of one sign",
    },
    "cases": cases,
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
