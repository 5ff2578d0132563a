"""Where the rings of calibrants lie on a detector, from pyFAI, for xscatter-sim.

Usage: python tools/golden/sim_rings_pyfai.py crates/xscatter-sim/tests/golden/rings.json

For each calibrant and pose: points on the rings as row, column (the centre of a pixel is at index + 0.5)
with the direction on the image in which the scattering angle grows, and q of the ring in 1/nm.
"""

import datetime
import json
import sys

import numpy
import pyFAI
from pyFAI.calibrant import get_calibrant
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator
from scipy.optimize import fsolve

PIXEL_M = 172e-6
SHAPE = (1043, 981)
AZIMUTHS = 8
RINGS = 7
MARGIN = 12
# distance, poni1, poni2, rot1, rot2, rot3, wavelength
WIDE = (0.2, 510.3 * PIXEL_M, 489.1 * PIXEL_M, 0.0, 0.0, 0.0, 0.7e-10)
TILTED = (0.2, 0.1, 0.11, 0.25, -0.18, 0.4, 0.7e-10)
SMALL = (1.5, 480.7 * PIXEL_M, 500.2 * PIXEL_M, 0.0, 0.0, 0.0, 1.2e-10)
SMALL_TILTED = (1.2, 0.1, 0.07, -0.012, 0.02, -1.2, 1.1e-10)
CASES = [
    ("AgBh", SMALL),
    ("AgBh", SMALL_TILTED),
    ("LaB6", WIDE),
    ("LaB6", TILTED),
    ("Si", WIDE),
    ("Si", TILTED),
    ("CeO2", WIDE),
    ("CeO2", TILTED),
]


def points(name, pose):
    *place, wavelength = pose
    integrator = AzimuthalIntegrator(*place, detector=Detector(PIXEL_M, PIXEL_M, max_shape=SHAPE, orientation=3),
                                     wavelength=wavelength)
    assert numpy.isclose(integrator.tth(numpy.array([3.0]), numpy.array([4.0]))[0],
                         integrator.center_array(SHAPE, unit="2th_rad", scale=False)[3, 4])
    calibrant = get_calibrant(name)
    calibrant.wavelength = wavelength
    beam = integrator.getFit2D()
    centre = (beam["centerY"], beam["centerX"])

    def angle(position):
        row, column = numpy.atleast_1d(position[0]), numpy.atleast_1d(position[1])
        return float(integrator.tth(row - 0.5, column - 0.5)[0])

    found = []
    for two_theta in list(calibrant.get_2th())[:RINGS]:
        q = 4e-9 * numpy.pi / wavelength * numpy.sin(two_theta / 2)
        for step in range(AZIMUTHS):
            direction = 2 * numpy.pi * (step + 0.3) / AZIMUTHS
            towards = numpy.array([numpy.sin(direction), numpy.cos(direction)])
            start = place[0] * numpy.tan(two_theta) / PIXEL_M
            radius = float(fsolve(lambda r: (angle(centre + r[0] * towards) - two_theta) * 1e3, [start], xtol=1e-12)[0])
            position = numpy.array(centre) + radius * towards
            if radius < 30 or not all(MARGIN < p < s - MARGIN for p, s in zip(position, SHAPE)):
                continue
            assert abs(angle(position) - two_theta) < 1e-9
            step_px = 0.01
            gradient = numpy.array([
                angle(position + [step_px, 0]) - angle(position - [step_px, 0]),
                angle(position + [0, step_px]) - angle(position - [0, step_px]),
            ])
            normal = gradient / numpy.linalg.norm(gradient)
            found.append([q, *position, *normal])
    assert found
    return {
        "calibrant": name,
        "pose": dict(zip(("distance_m", "poni1_m", "poni2_m", "rot1_rad", "rot2_rad", "rot3_rad", "wavelength_m"), pose)),
        "points": [[round(float(value), 9) for value in row] for row in found],
    }


def main(path):
    document = {
        "provenance": {
            "program": "pyFAI",
            "version": pyFAI.version,
            "script": "tools/golden/sim_rings_pyfai.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.05,
            "why": "in pixels: a ring some three pixels wide on a noise-free frame, fitted by a parabola",
        },
        "cases": {"shape": SHAPE, "pixel_m": PIXEL_M, "frames": [points(*case) for case in CASES]},
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
