"""Shared by the golden scripts of the linear filters: the test image, its crops, and how a file is written."""

import datetime
import json

import numpy as np

import scattering_image


def image(masked, shape=scattering_image.SHAPE, transform=np.log1p):
    """Transformed intensities about the mean of the valid ones (0 in gaps), the validity, and the mean."""
    values = transform(scattering_image.counts().astype(float))[: shape[0], : shape[1]]
    valid = scattering_image.valid()[: shape[0], : shape[1]] if masked else np.ones(shape, bool)
    level = values[valid].mean()
    return np.where(valid, values - level, 0.0), valid, level


def raw(counts):
    return counts


def write(path, program, version, script, tolerance, why, cases):
    golden = {
        "provenance": {
            "program": program,
            "version": version,
            "script": f"tools/golden/{script}",
            "date": datetime.date.today().isoformat(),
            "tolerance": tolerance,
            "why": why,
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
