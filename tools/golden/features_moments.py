"""Hu moments by scikit-image, Zernike moments by mahotas and by least squares in numpy.

python tools/golden/features_moments.py crates/xscatter-features/tests/golden/moments.json

The photograph of the cases with an ID (`skimage.data.camera`) is not ours to pass on: what is written of it
are its central moments.
"""

import datetime
import json
import math
import sys

import mahotas
import numpy as np
import scipy
import skimage
import skimage.data
from skimage import measure

import scattering_image


def central(image):
    total = image.sum()
    row, column = np.indices(image.shape)
    centre = (float((row * image).sum() / total), float((column * image).sum() / total))
    # About the centre itself: from raw moments, digits would cancel.
    return measure.moments_central(image, centre, order=3)


def hu_case(image, masked):
    raw = measure.moments(image, order=3)
    mu = central(image)
    nu = measure.moments_normalized(mu, order=3)
    return {
        "masked": masked,
        "raw": raw.tolist(),
        "central": mu.tolist(),
        "normalised": [[None if math.isnan(v) else v for v in row] for row in nu.tolist()],
        "hu": measure.moments_hu(nu).tolist(),
    }


def hu_of_photograph():
    mu = central(skimage.data.camera().astype(float))
    return {"central": mu.tolist(), "hu": measure.moments_hu(measure.moments_normalized(mu)).tolist()}


def radial(n, m, r):
    total = np.zeros_like(r)
    for k in range((n - m) // 2 + 1):
        c = (-1) ** k * math.factorial(n - k)
        c //= math.factorial(k) * math.factorial((n + m) // 2 - k) * math.factorial((n - m) // 2 - k)
        total += c * r ** (n - 2 * k)
    return total


def least_squares(image, valid, radius, degree, centre):
    """Polynomials fitted to the valid pixels of the disc, one column of a matrix each."""
    row, column = np.indices(image.shape)
    y, x = (row - centre[0]) / radius, (column - centre[1]) / radius
    r, phi = np.hypot(x, y), np.arctan2(y, x)
    use = (r <= 1) & valid
    names, columns = [], []
    for n in range(degree + 1):
        for m in range(n % 2, n + 1, 2):
            names.append((n, m))
            columns.append(radial(n, m, r[use]) * np.cos(m * phi[use]))
            columns.append(radial(n, m, r[use]) * np.sin(m * phi[use]))
    keep = [k for k in range(len(columns)) if k % 2 == 0 or names[k // 2][1] > 0]
    solution = np.linalg.lstsq(np.stack([columns[k] for k in keep], axis=1), image[use], rcond=None)[0]
    values = dict(zip(keep, solution))
    total = np.pi * values[0]
    result = []
    for k, (_, m) in enumerate(names):
        size = abs(values[2 * k]) if m == 0 else 0.5 * math.hypot(values[2 * k], values[2 * k + 1])
        result.append(float(size / total))
    return result


def zernike_cases(counts, valid):
    cases = []
    for logarithm in (False, True):
        # What the features see is single precision.
        image = np.log1p(counts).astype(np.float32).astype(float) if logarithm else counts.astype(float)
        middle = ((image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2)
        for degree, radius, centre in [(8, 24.0, None), (12, 15.5, None), (5, 40.0, None), (20, 24.0, middle)]:
            values = mahotas.features.zernike_moments(image, radius, degree=degree, cm=centre or mahotas.center_of_mass(image))
            cases.append({
                "log1p": logarithm, "degree": degree, "radius_px": radius, "centre": "mass" if centre is None else "image",
                "gaps": None, "values": values.tolist(),
            })
        masked = image * valid
        for degree, radius, centre in [(8, 24.0, None), (6, 20.0, middle)]:
            place = centre or mahotas.center_of_mass(masked)
            case = {"log1p": logarithm, "degree": degree, "radius_px": radius, "centre": "mass" if centre is None else "image"}
            values = mahotas.features.zernike_moments(masked, radius, degree=degree, cm=place)
            cases.append(case | {"gaps": "sums", "values": values.tolist()})
            fitted = least_squares(image, valid, radius, degree, place)
            cases.append(case | {"gaps": "least_squares", "values": fitted})
    return cases


def main(path):
    counts, valid = scattering_image.counts(), scattering_image.valid()
    golden = {
        "provenance": {
            "program": "scikit-image, mahotas, numpy",
            "version": f"{skimage.__version__}, {mahotas.__version__}, {np.__version__} (scipy {scipy.__version__})",
            "script": "tools/golden/features_moments.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "features are stored in single precision; what functions return is held to 1e-9",
        },
        "cases": {
            "photograph": hu_of_photograph(),
            "hu": [hu_case(counts.astype(float), False), hu_case((counts * valid).astype(float), True)],
            "zernike": zernike_cases(counts, valid),
        },
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
