"""Zeros of Bessel functions and their norms by SciPy; Fourier-Bessel coefficients by numpy.linalg.lstsq.

python tools/golden/features_fourier_bessel.py crates/xscatter-features/tests/golden/fourier_bessel.json

The matrix has a row for each valid pixel of the disc and a column for each real function, evaluated at the
pixel's own radius; a ridge adds rows of its square root.
"""

import datetime
import json
import sys

import numpy as np
import scipy
from scipy import special

import scattering_image


def coefficients(image, valid, centre, radius, radial, orders, ridge, unit_norm):
    row, column = np.indices(image.shape)
    y, x = (row + 0.5 - centre[0]) / radius, (column + 0.5 - centre[1]) / radius
    r, phi = np.hypot(x, y), np.arctan2(y, x)
    use = (r <= 1) & valid
    r, phi, values = r[use], phi[use], image[use]
    columns = []
    for m in orders:
        for zero in special.jn_zeros(m, radial):
            function = np.sqrt(2) / special.jv(m + 1, zero) * special.jv(m, zero * r) / np.sqrt(2 * np.pi)
            if m == 0:
                columns.append(function)
            else:
                # 2 Re(c psi) with c = (p + i q)/sqrt(2) has columns of unit norm.
                columns.append(np.sqrt(2) * function * np.cos(m * phi))
                columns.append(-np.sqrt(2) * function * np.sin(m * phi))
    matrix = np.stack(columns, axis=1) / radius
    right = values / radius
    if ridge > 0:
        matrix = np.vstack([matrix, np.sqrt(ridge) * np.eye(len(columns))])
        right = np.concatenate([right, np.zeros(len(columns))])
    solution = list(np.linalg.lstsq(matrix, right, rcond=None)[0])
    norm = np.sqrt(np.pi * np.mean(values**2)) if unit_norm else 1.0
    parts = []
    for m in orders:
        for _ in range(radial):
            if m == 0:
                parts.append([solution.pop(0) / norm, 0.0])
            else:
                parts.append([solution.pop(0) / np.sqrt(2) / norm, solution.pop(0) / np.sqrt(2) / norm])
    return parts


def main(path):
    counts, valid = scattering_image.counts().astype(float), scattering_image.valid()
    edges = lambda c: max(c[0], 48 - c[0], c[1], 61 - c[1])
    cases = []
    for centre, radial, orders, ridge, masked, unit_norm, log1p in [
        ((20.5, 25.5), 5, [0, 2, 4], 0.0, False, False, False),
        ((20.5, 25.5), 5, [0, 2, 4], 1e-3, True, True, True),
        ((22.3, 30.9), 7, [0, 1, 2, 3], 1e-2, True, False, True),
        ((3.2, 58.4), 6, [0, 2, 6], 1e-3, True, True, True),
        ((24.0, 30.5), 10, [2, 8], 0.0, True, False, False),
    ]:
        image = np.log1p(counts).astype(np.float32).astype(float) if log1p else counts
        cases.append({
            "centre": centre, "radial_orders": radial, "angular_orders": orders, "ridge": ridge, "masked": masked,
            "unit_norm": unit_norm, "log1p": log1p,
            "coefficients": coefficients(image, valid if masked else np.ones_like(valid), centre, edges(centre), radial, orders, ridge, unit_norm),
        })
    golden = {
        "provenance": {
            "program": "SciPy, numpy",
            "version": f"{scipy.__version__}, {np.__version__}",
            "script": "tools/golden/features_fourier_bessel.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "of the largest coefficient: pixels are shared among rings, exact to this figure; zeros are held to 1e-12",
        },
        "cases": {
            "zeros": [{"m": m, "values": special.jn_zeros(m, 40).tolist()} for m in range(0, 21)],
            "norms": [
                {"m": m, "n": n, "value": float(0.5 * special.jv(m + 1, special.jn_zeros(m, n)[-1]) ** 2)}
                for m, n in [(0, 1), (2, 1), (6, 3)]
            ],
            "fits": cases,
        },
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=None)
        file.write("\n")


main(sys.argv[1])
