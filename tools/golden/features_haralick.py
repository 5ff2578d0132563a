"""Haralick's features by mahotas, with and without masked pixels; the fourteenth by its definition with numpy.

python tools/golden/features_haralick.py crates/xscatter-features/tests/golden/haralick.json
"""

import datetime
import json
import sys

import mahotas
import numpy as np
from mahotas.features import texture

import scattering_image

NAMES = [
    "asm", "contrast", "correlation", "variance", "idm", "sum_average", "sum_variance", "sum_entropy", "entropy",
    "difference_variance", "difference_entropy", "imc1", "imc2",
]
# mahotas' directions 0 to 3 are these angles.
ANGLES_DEG = [0, 45, 90, 135]


def levels_of(counts, number):
    scaled = np.floor(np.log1p(counts) / np.log1p(2.0**16) * number)
    return scaled.clip(0, number - 1).astype(int)


def matrix(levels, valid, direction, distance):
    """Masked pixels take level 0, the others move up by one; row and column 0 are dropped."""
    shifted = np.where(valid, levels + 1, 0)
    return texture.cooccurence(shifted, direction, symmetric=True, distance=distance)[1:, 1:].copy()


def max_correlation(counts):
    p = counts[counts.any(1)][:, counts.any(0)] / counts.sum()
    marginal = p.sum(1)
    q = np.einsum("ik,jk->ij", p / marginal[:, None], p / marginal[None, :])
    return float(np.sqrt(np.sort(np.linalg.eigvals(q).real)[-2]))


def main(path):
    counts = scattering_image.counts()
    cases = []
    for number in (8, 32, 256):
        levels = levels_of(counts, number)
        for masked in (False, True):
            valid = scattering_image.valid() if masked else np.ones(counts.shape, bool)
            # Diagonals of a distance of 2 are others in mahotas.
            for distance, directions in [(1, range(4)), (2, (0, 2))]:
                for direction in directions:
                    counted = matrix(levels, valid, direction, distance)
                    assert counted[-1].any(), "the highest level stands in a pair"
                    values = texture.haralick_features([counted.copy()])[0]
                    features = dict(zip(NAMES, map(float, values)))
                    cases.append({
                        "levels": number,
                        "masked": masked,
                        "distance": distance,
                        "angle_deg": ANGLES_DEG[direction],
                        "features": features | {"max_correlation": max_correlation(counted)},
                    })
    golden = {
        "provenance": {
            "program": "mahotas",
            "version": f"{mahotas.__version__}, numpy {np.__version__}",
            "script": "tools/golden/features_haralick.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "features are stored in single precision, and mahotas subtracts squares of means from means of squares",
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
