"""SIFT descriptors of OpenCV and of the formula: python tools/golden/features_dense_sift.py OUT.json

The image is made by a formula of whole numbers below 256. OpenCV rounds its descriptors to whole numbers of
1/512 and its arc tangent is good to 0.3 degrees, so the formula in double precision is given too; it knows
masks, which OpenCV does not. Both are printed against each other.
"""

import datetime
import json
import sys

import cv2
import numpy as np

SHAPE = (64, 90)
SIGMA = float(np.sqrt(1.6**2 - 0.5**2))


def image():
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.int64)
    halo = 30_000 // (200 + (row - 20) ** 2 + (column - 35) ** 2)
    texture = (row * 37 + column * 61 + row * column * 11) % 23
    return np.minimum(halo + 3 * texture, 255)


def valid():
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ~(((column >= 60) & (column < 66)) | ((row * 5 + column * 3) % 97 == 0))


def kernel(sigma):
    radius = int(round(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2) if sigma else np.ones(1)
    return weights / weights.sum()


def blur(values, sigma):
    weights = kernel(sigma)
    radius = len(weights) // 2
    padded = np.pad(values, radius, mode="reflect")
    rows = sum(w * padded[k : k + values.shape[0]] for k, w in enumerate(weights))
    return sum(w * rows[:, k : k + values.shape[1]] for k, w in enumerate(weights))


def descriptors(counts, good, cell, step, sigma, flat):
    smooth = blur(counts * good, sigma)
    share = blur(good.astype(float), sigma)
    smooth = np.where(share >= 0.25, smooth / np.maximum(share, 0.25), 0.0)
    gradient_x, gradient_y = np.zeros(SHAPE), np.zeros(SHAPE)
    gradient_x[:, 1:-1] = smooth[:, 2:] - smooth[:, :-2]
    gradient_y[1:-1] = smooth[:-2] - smooth[2:]
    counted, inside = np.zeros(SHAPE), np.zeros(SHAPE)
    known = share >= 0.25
    inside[1:-1, 1:-1] = 1
    counted[1:-1, 1:-1] = (good[1:-1, 1:-1] & known[:-2, 1:-1] & known[2:, 1:-1] & known[1:-1, :-2] & known[1:-1, 2:])
    magnitude = np.hypot(gradient_x, gradient_y) * counted
    place = np.mod(np.arctan2(gradient_y, gradient_x) / (2 * np.pi) * 8, 8)
    channels = []
    for orientation in range(8):
        distance = np.abs(place - orientation)
        distance = np.minimum(distance, 8 - distance)
        channels.append(magnitude * np.maximum(0, 1 - distance))
    reach = int(np.ceil(2.5 * cell)) - 1
    offsets = np.arange(-reach, reach + 1)
    taps = []
    for index in range(4):
        centre = cell * (index - 1.5)
        triangle = np.maximum(0, 1 - np.abs(offsets - centre) / cell)
        around = centre + np.arange(1 - cell, cell)
        window = np.mean(np.exp(-((around / cell) ** 2) / 8)) if flat else np.exp(-((offsets / cell) ** 2) / 8)
        taps.append(triangle * window)
    padded = [np.pad(channel, reach) for channel in [*channels, counted, inside]]
    places, out = [], []
    for row in range(2 * cell, SHAPE[0] - 2 * cell, step):
        for column in range(2 * cell, SHAPE[1] - 2 * cell, step):
            patch = [p[row : row + 2 * reach + 1, column : column + 2 * reach + 1] for p in padded]
            sums = np.array([[[down @ p @ right for p in patch] for right in taps] for down in taps])
            if sums[..., 8].sum() < 0.8 * sums[..., 9].sum():
                continue
            full = sums[..., 9:]
            row_of = (sums[..., :8] * full / np.maximum(sums[..., 8:9], 0.25 * full)).ravel()
            row_of /= np.linalg.norm(row_of)
            row_of = np.minimum(row_of, 0.2)
            places.append([row, column])
            out.append(row_of / np.linalg.norm(row_of))
    return places, np.array(out)


def opencv(counts, places, cell):
    points = [cv2.KeyPoint(float(column), float(row), cell * 2 / 3, 0.0, 0.0, 0) for row, column in places]
    return cv2.SIFT_create().compute(counts.astype(np.uint8), points)[1]


cases = []
for cell, step, sigma, flat, masked in [
    (4, 8, SIGMA, False, False),
    (3, 11, SIGMA, False, False),
    (6, 9, SIGMA, False, False),
    (4, 9, 0.0, False, True),
    (5, 8, 2.0, True, True),
    (4, 13, SIGMA, True, False),
]:
    good = valid() if masked else np.ones(SHAPE, bool)
    places, rows = descriptors(image(), good, cell, step, sigma, flat)
    case = {"cell_px": cell, "step_px": step, "smoothing_px": sigma, "flat": flat, "masked": masked, "places": places}
    case["every"] = -(-len(rows) // 5)
    case["formula"] = np.round(rows[:: case["every"]], 7).tolist()
    if sigma == SIGMA and not flat and not masked:
        theirs = opencv(image(), places, cell)
        case["opencv"] = theirs[:: case["every"]].astype(int).tolist()
        deviation = np.abs(512 * rows - theirs)
        correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(rows, theirs)]
        print(f"cell {cell}: {len(rows)} descriptors, largest deviation {deviation.max():.3f} of 512, lowest correlation {min(correlation):.6f}")
    cases.append(case)

out = {
    "provenance": {
        "program": "OpenCV (whole numbers) and NumPy (formula)",
        "version": f"{cv2.__version__} and {np.__version__}",
        "script": "tools/golden/features_dense_sift.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-6,
        "why": "absolute, on descriptors of norm 1, for the formula: single against double precision; OpenCV's "
        "numbers are rounded to 1/512 and its arc tangent to 0.3 degrees, so there the test allows 1/512",
    },
    "cases": cases,
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
