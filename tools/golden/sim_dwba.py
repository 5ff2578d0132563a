"""Reference values for grazing incidence in xscatter-sim: particles on a substrate, DWBA.

    python tools/golden/sim_dwba.py crates/xscatter-sim/tests/golden/dwba.json

An independent closed form in numpy: four terms, kernel exp(-i q.r), base of the particle at z = 0.
The same set-up run through BornAgain 22.1 agrees within 0.6 % at every pixel (to 1e-5 once the axes of its
detector are taken as tangents, see sim_dwba_bornagain.py); those values are in
the file too (rounded to seven digits, for phi = 0), so that the sign is checked against a second program.

Set-up: wavelength 0.1 nm, angle of incidence 0.4 degrees, 11 x 11 bins over phi -1..1 degrees and
alpha_f 0..1.1 degrees at the bin centres, density 0.01/nm^2, incident intensity 1e9, particle
delta 6e-4, substrate delta 6e-6, beta 2e-8 for both.
"""

import datetime
import json
import sys

import numpy
from scipy.special import j1, spherical_jn

WAVELENGTH_NM = 0.1
INCIDENT_RAD = numpy.radians(0.4)
PARTICLE = 1 - 6e-4 + 2e-8j
SUBSTRATE = 1 - 6e-6 + 2e-8j
DENSITY_INV_NM2 = 0.01
BEAM = 1e9
BINS = 11
K = 2 * numpy.pi / WAVELENGTH_NM

BORNAGAIN_22_1 = {
    "cylinder": [6.041800e7, 3.621251e8, 6.632560e7, 2.560756e7, 1.046849e7, 3.264714e6, 5.119696e5, 6.160556e5, 2.450221e6, 5.013085e6, 7.392524e6],
    "sphere": [1.199634e8, 3.914012e8, 7.728716e5, 5.309241e6, 4.690124e6, 2.683532e6, 3.083600e6, 3.147040e6, 1.749626e6, 4.359494e5, 7.630204e4],
    "block": [2.256680e7, 1.352577e8, 2.477332e7, 9.564690e6, 3.910091e6, 1.219407e6, 1.912271e5, 2.301063e5, 9.152074e5, 1.872526e6, 2.761390e6],
}


def sinc(x):
    return numpy.sinc(x / numpy.pi)


def cylinder(qx, qy, qz, radius=5.0, height=5.0):
    x = numpy.hypot(qx, qy) * radius
    ring = numpy.where(x == 0, 1.0, 2 * j1(x) / numpy.where(x == 0, 1.0, x))
    return numpy.pi * radius**2 * height * ring * sinc(qz * height / 2) * numpy.exp(-0.5j * qz * height)


def sphere(qx, qy, qz, radius=5.0):
    x = numpy.sqrt(qx**2 + qy**2 + qz**2) * radius
    safe = numpy.where(x == 0, 1.0, x)
    shape = numpy.where(x == 0, 1.0, 3 * spherical_jn(1, safe) / safe)
    return 4 / 3 * numpy.pi * radius**3 * shape * numpy.exp(-1j * qz * radius)


def block(qx, qy, qz, a=8.0, b=6.0, c=5.0):
    return a * b * c * sinc(qx * a / 2) * sinc(qy * b / 2) * sinc(qz * c / 2) * numpy.exp(-0.5j * qz * c)


def reflection(alpha):
    kz = numpy.sin(alpha)
    inside = numpy.sqrt(SUBSTRATE**2 - numpy.cos(alpha) ** 2 + 0j)
    return (kz - inside) / (kz + inside)


def pixel(form, exit_rad, azimuth_rad):
    qx = K * (numpy.cos(exit_rad) * numpy.cos(azimuth_rad) - numpy.cos(INCIDENT_RAD))
    qy = K * numpy.cos(exit_rad) * numpy.sin(azimuth_rad)
    ki, kf = K * numpy.sin(INCIDENT_RAD), K * numpy.sin(exit_rad)
    ri, rf = reflection(INCIDENT_RAD), reflection(exit_rad)
    amplitude = (
        form(qx, qy, kf + ki)
        + ri * form(qx, qy, kf - ki)
        + rf * form(qx, qy, ki - kf)
        + ri * rf * form(qx, qy, -kf - ki)
    )
    factor = K**2 * (PARTICLE**2 - 1) / (4 * numpy.pi)
    solid_angle = numpy.radians(2.0 / BINS) * numpy.radians(1.1 / BINS) * numpy.cos(exit_rad)
    return float(BEAM * solid_angle / numpy.sin(INCIDENT_RAD) * DENSITY_INV_NM2 * abs(factor * amplitude) ** 2)


def main(path):
    exits = [numpy.radians(1.1 * (i + 0.5) / BINS) for i in range(BINS)]
    azimuths = [numpy.radians(-1 + 2 * (i + 0.5) / BINS) for i in range(BINS)]
    cases = [
        {
            "island": name,
            "column": [pixel(form, exit_rad, 0.0) for exit_rad in exits],
            "row": [pixel(form, exits[5], azimuth_rad) for azimuth_rad in azimuths],
            "column_bornagain": BORNAGAIN_22_1[name],
        }
        for name, form in [("cylinder", cylinder), ("sphere", sphere), ("block", block)]
    ]
    golden = {
        "provenance": {
            "program": "numpy",
            "version": numpy.__version__,
            "script": "tools/golden/sim_dwba.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-8,
            "why": "relative; both sides evaluate the same closed form in double precision and differ by cancellation near the minima; the BornAgain 22.1 column is compared at 1e-2",
        },
        "cases": cases,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
