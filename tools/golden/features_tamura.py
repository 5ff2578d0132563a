"""Tamura's features by the formulas of the paper, with numpy, with and without masked pixels.

python tools/golden/features_tamura.py crates/xscatter-features/tests/golden/tamura.json

No maintained program has them in one piece; the choices that the paper leaves open are those of the module.
"""

import datetime
import itertools
import json
import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import scattering_image


def levels_of(counts, number):
    return np.floor(np.log1p(counts) / np.log1p(2.0**16) * number).clip(0, number - 1)


def coarseness(levels, valid, scales):
    rows, columns = levels.shape
    margin = 2**scales
    values = np.where(valid, levels, np.nan)
    sizes = []
    means = {}
    for scale in range(1, scales + 1):
        windows = sliding_window_view(values, (2**scale, 2**scale))
        known = np.isfinite(windows).mean((2, 3)) >= 0.5
        means[scale] = np.where(known, np.nansum(windows, (2, 3)) / np.maximum(np.isfinite(windows).sum((2, 3)), 1), np.nan)
    for row, column in itertools.product(range(margin, rows - margin + 1), range(margin, columns - margin + 1)):
        if not valid[row, column]:
            continue
        differences = []
        for scale in range(1, scales + 1):
            side, half, mean = 2**scale, 2 ** (scale - 1), means[scale]
            across = mean[row - half, column] - mean[row - half, column - side]
            down = mean[row, column - half] - mean[row - side, column - half]
            differences.append(np.maximum(abs(across), abs(down)))
        if np.isfinite(differences).all():
            sizes.append(2.0 ** (1 + np.argmax(differences)))
    return np.mean(sizes)


def contrast(levels, valid):
    x = levels[valid]
    fourth = ((x - x.mean()) ** 4).mean()
    return x.std() / (fourth / x.var() ** 2) ** 0.25


def directions(levels, valid, number, edge):
    """The direction of every pixel, -1 for those that are no edge."""
    codes = np.full(levels.shape, -1)
    for row, column in itertools.product(range(1, levels.shape[0] - 1), range(1, levels.shape[1] - 1)):
        here = np.s_[row - 1:row + 2, column - 1:column + 2]
        if not valid[here].all():
            continue
        g = levels[here]
        h, v = g[:, 2].sum() - g[:, 0].sum(), g[0].sum() - g[2].sum()
        if (abs(h) + abs(v)) / 2 >= edge:
            angle = (np.arctan(v / h) if h else np.sign(v) * np.pi / 2) + np.pi / 2
            codes[row, column] = int(np.floor(angle * number / np.pi + 0.5)) % number
    return codes


def directionality(codes, number):
    shares = np.bincount(codes[codes >= 0], minlength=number) / (codes >= 0).sum()
    peaks = []
    for k, height in enumerate(shares):
        higher = (shares > height) | ((shares == height) & (np.arange(number) < k))
        right, left = np.roll(shares, -k)[1:], np.roll(shares, -k)[1:][::-1]
        higher_right = np.flatnonzero(np.roll(higher, -k)[1:])
        higher_left = np.flatnonzero(np.roll(higher, -k)[1:][::-1])
        ways = [w[:stop[0]] for w, stop in [(right, higher_right), (left, higher_left)] if len(stop)]
        if height > 0 and all(len(way) and way.min() <= height / 2 for way in ways):
            peaks.append(k)
    steps = np.abs(np.subtract.outer(np.arange(number), peaks))
    nearest = np.minimum(steps, number - steps).min(1)
    flat = np.mean([min(k, number - k) ** 2 for k in range(number)])
    return 1 - len(peaks) * (shares * nearest**2).sum() / flat


def line_likeness(codes, number, length):
    values = []
    for (row, column), code in np.ndenumerate(codes):
        if code < 0:
            continue
        angle = code * np.pi / number
        for way in (1, -1):
            r = row - way * round(length * np.sin(angle))
            c = column + way * round(length * np.cos(angle))
            if 0 <= r < codes.shape[0] and 0 <= c < codes.shape[1] and codes[r, c] >= 0:
                values.append(np.cos(2 * np.pi * (code - codes[r, c]) / number))
    return np.mean(values)


def main(path):
    counts = scattering_image.counts()
    cases = []
    settings = [(256, 4, 16, 12.0, 4), (256, 3, 24, 30.0, 2), (32, 2, 7, 5.0, 6)]
    for (number, scales, angles, edge, line), masked in itertools.product(settings, (False, True)):
        levels = levels_of(counts, number)
        valid = scattering_image.valid() if masked else np.ones(counts.shape, bool)
        codes = directions(levels, valid, angles, edge)
        directional = directionality(codes, angles)
        values = {
            "coarseness": coarseness(levels, valid, scales),
            "contrast": contrast(levels, valid),
            "directionality": directional,
            "line_likeness": line_likeness(codes, angles, line),
        }
        values["roughness"] = values["coarseness"] + values["contrast"]
        cases.append({
            "config": {
                "levels": number, "scales": scales, "directions": angles, "edge_levels": edge, "line_px": line, "grid": "native",
            },
            "masked": masked,
            "values": {name: float(value) for name, value in values.items()},
        })
    golden = {
        "provenance": {
            "program": "numpy",
            "version": np.__version__,
            "script": "tools/golden/features_tamura.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "features are stored in single precision",
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
