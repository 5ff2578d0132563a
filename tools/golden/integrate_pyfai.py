"""Golden profiles of xscatter-reduce from pyFAI: small frames of a closed formula.

Usage: python tools/golden/integrate_pyfai.py crates/xscatter-reduce/tests/golden/pyfai.json
"""

import datetime
import json
import sys

import numpy
import pyFAI
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

SHAPE = (64, 80)
NAMES = ("distance_m", "poni1_m", "poni2_m", "rot1_rad", "rot2_rad", "rot3_rad", "pixel1_m", "pixel2_m",
         "wavelength_m")
POSES = [
    # The beam on the detector; the beam outside; strongly rotated, oblong pixels.
    (0.1, 20.31 * 172e-6, 30.77 * 172e-6, 0.0, 0.0, 0.0, 172e-6, 172e-6, 1e-10),
    (0.2, -15.3 * 172e-6, 90.2 * 172e-6, 0.1, -0.05, 0.2, 172e-6, 172e-6, 1e-10),
    (0.05, 1e-3, -2e-3, -0.4, 0.3, -1.2, 296e-6, 100e-6, 0.7e-10),
]


def frame():
    """Integers, so that every program has the same."""
    row, column = numpy.mgrid[:SHAPE[0], :SHAPE[1]]
    counts = (row * 37 + column * 101 + row * column * 7) % 509
    mask = ((row * 5 + column * 3 + 2) % 17 == 0) | ((row >= 40) & (row < 44))
    return counts.astype(numpy.float32), mask.astype(numpy.int8)


def case(pose, orientation, split, unit, bins, radial_range, azimuth_deg, solid_angle, polarisation):
    dist, poni1, poni2, rot1, rot2, rot3, pixel1, pixel2, wavelength = pose
    detector = Detector(pixel1, pixel2, max_shape=SHAPE, orientation=orientation)
    integrator = AzimuthalIntegrator(dist, poni1, poni2, rot1, rot2, rot3, detector=detector, wavelength=wavelength)
    counts, mask = frame()
    result = integrator.integrate1d(
        counts, bins, unit=unit, mask=mask, method=(split, "csr", "cython"), error_model="poisson",
        radial_range=radial_range, azimuth_range=azimuth_deg, correctSolidAngle=solid_angle,
        polarization_factor=polarisation)
    return {
        "orientation": orientation,
        **dict(zip(NAMES, pose)),
        "splitting": split,
        "unit": unit,
        "range": radial_range,
        "azimuth_range_deg": azimuth_deg,
        "solid_angle": solid_angle,
        "polarisation": polarisation,
        "centres": result.radial.tolist(),
        "intensity": result.intensity.tolist(),
        "sigma": result.sigma.tolist(),
        "norm": result.sum_normalization.tolist(),
        "count": result.count.tolist(),
    }


cases = []
for split in ("no", "bbox", "full"):
    for pose in POSES:
        cases.append(case(pose, 3, split, "q_nm^-1", 50, None, None, True, 0.95))
    cases.append(case(POSES[1], 2, split, "2th_deg", 50, None, None, True, None))
    cases.append(case(POSES[1], 1, split, "r_mm", 50, None, None, False, None))
    cases.append(case(POSES[0], 3, split, "q_nm^-1", 25, (2.0, 4.5), None, True, 0.95))
cases.append(case(POSES[0], 3, "no", "q_A^-1", 25, (0.02, 0.7), (-40, 75), True, 0.95))

provenance = {
    "program": "pyFAI",
    "version": pyFAI.version,
    "script": "tools/golden/integrate_pyfai.py",
    "date": datetime.date.today().isoformat(),
    "tolerance": 1e-6,
    "why": "relative; without splitting single precision of the normalisation is all that differs. The test "
           "states wider ones for split pixels, whose corners and weights pyFAI keeps in single precision.",
}
with open(sys.argv[1], "w", encoding="utf-8") as out:
    # One case a line: short, and a change shows in a diff.
    out.write('{"provenance": ' + json.dumps(provenance, indent=1) + ',\n"cases": [\n')
    out.write(",\n".join(map(json.dumps, cases)) + "]}\n")
