"""Local entropies by scikit-image, with and without gaps.

python tools/golden/features_local_entropy.py crates/xscatter-features/tests/golden/local_entropy.json
"""

import datetime
import json
import sys

import numpy as np
import skimage
from skimage.filters.rank import entropy
from skimage.morphology import disk

import scattering_image

PERCENT = [5, 25, 50, 75, 95]


def main(path):
    counts = scattering_image.counts()
    cases = []
    for levels in (256, 16):
        scaled = np.floor(np.log1p(counts) / np.log1p(65536.0) * levels)
        image = np.clip(scaled, 0, levels - 1).astype(np.uint8)
        for masked in (False, True):
            valid = scattering_image.valid() if masked else np.ones(counts.shape, bool)
            for footprint, radius in [("disk", 1), ("disk", 5), ("square", 3)]:
                side = 2 * radius + 1
                shape = disk(radius) if footprint == "disk" else np.ones((side, side), np.uint8)
                local = entropy(image, shape, mask=valid.astype(np.uint8))
                of_valid = local[valid]
                cases.append({
                    "footprint": footprint, "radius_px": radius, "levels": levels, "masked": masked,
                    "pixels": [float(f"{value:.12g}") for value in local[::5, ::4].ravel()],
                    "row": [of_valid.mean(), of_valid.std(), *np.percentile(of_valid, PERCENT)],
                })
    golden = {
        "provenance": {
            "program": "scikit-image",
            "version": skimage.__version__,
            "script": "tools/golden/features_local_entropy.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-9,
            "why": "absolute, in bits: logarithms are summed in another order; rows of features are single "
                   "precision, 1e-6 relative; where a masked pixel has no valid one around it the reference "
                   "says 0, we say there is no entropy",
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file)
        file.write("\n")


main(sys.argv[1])
