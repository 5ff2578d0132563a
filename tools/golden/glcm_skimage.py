"""Co-occurrence matrices and their properties by scikit-image, with and without masked pixels.

python tools/golden/glcm_skimage.py crates/xscatter-features/tests/golden/glcm.json
"""

import datetime
import json
import sys

import numpy as np
import skimage
from skimage.feature import graycomatrix, graycoprops

import scattering_image

PROPERTIES = [
    "contrast", "dissimilarity", "homogeneity", "ASM", "energy",
    "correlation", "mean", "variance", "std", "entropy",
]
ANGLES_DEG = [0, 45, 90, 135]
LEVELS = 32


def matrix(levels, valid, distance, angle_deg, count):
    """Masked pixels take level 0, the others move up by one; row and column 0 are dropped."""
    shifted = np.where(valid, levels + 1, 0)
    angle = np.deg2rad(angle_deg)
    return graycomatrix(shifted.astype(np.uint16), [distance], [angle], count + 1)[1:, 1:]


def properties(counts):
    both = counts + counts.transpose(1, 0, 2, 3)
    shares = both / both.sum()
    return {name.lower(): float(graycoprops(shares, name)[0, 0]) for name in PROPERTIES}


def isotropic(levels, valid, distance, count):
    """The mean of the angles' normalised matrices, in one order, as pyCBIR takes it."""
    matrices = [matrix(levels, valid, distance, angle, count) for angle in ANGLES_DEG]
    shares = sum(counts / counts.sum() for counts in matrices) / len(matrices)
    return {name.lower(): float(graycoprops(shares, name)[0, 0]) for name in PROPERTIES}


def main(path):
    hand = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
    everywhere = np.ones(hand.shape, bool)
    by_hand = []
    for angle in ANGLES_DEG:
        counts = matrix(hand, everywhere, 1, angle, 4)
        by_hand.append({
            "angle_deg": angle,
            "counts": counts[:, :, 0, 0].astype(int).tolist(),
            "properties": properties(counts),
        })

    counts = scattering_image.counts()

    def levels_of(number):
        return np.floor(np.log1p(counts) / np.log1p(2.0**16) * number).clip(0, number - 1).astype(int)

    levels = levels_of(LEVELS)
    image, mean = [], []
    for masked in (False, True):
        valid = scattering_image.valid() if masked else np.ones(counts.shape, bool)
        for count in (8, LEVELS, 256):
            mean.append({
                "masked": masked,
                "levels": count,
                "properties": isotropic(levels_of(count), valid, 1, count),
            })
        for distance in (1, 2, 5):
            for angle in ANGLES_DEG:
                image.append({
                    "masked": masked,
                    "distance": distance,
                    "angle_deg": angle,
                    "properties": properties(matrix(levels, valid, distance, angle, LEVELS)),
                })

    golden = {
        "provenance": {
            "program": "scikit-image",
            "version": skimage.__version__,
            "script": "tools/golden/glcm_skimage.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "counts are whole numbers; the sums over a matrix differ in their order only",
        },
        "cases": {"by_hand": by_hand, "image": image, "isotropic": mean},
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
