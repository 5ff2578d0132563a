"""Golden values of xscatter-geometry from pyFAI: positions, angles, q, corrections, Fit2D, grazing.

Usage: python tools/golden/geometry_pyfai.py crates/xscatter-geometry/tests/golden/pyfai.json
"""

import datetime
import json
import sys

import numpy
import pyFAI
from pyFAI.detectors import Detector
from pyFAI.geometry import Geometry
from pyFAI.geometry.fit2d import convert_from_Fit2d, convert_to_Fit2d
from pyFAI.integrator.fiber import FiberIntegrator
from pyFAI.units import get_unit_fiber

SMALL = ((64, 80), [(0, 0), (0, 79), (63, 0), (63, 79), (20, 31), (41, 7)])
LARGE = ((2162, 2068), [(100, 300), (1500, 1900), (1900, 900)])
NAMES = ("distance_m", "poni1_m", "poni2_m", "rot1_rad", "rot2_rad", "rot3_rad", "pixel1_m", "pixel2_m",
         "wavelength_m")
POSES = [
    (SMALL, (1.0, 20.25 * 172e-6, 30.75 * 172e-6, 0.0, 0.0, 0.0, 172e-6, 172e-6, 1e-10)),
    (SMALL, (0.2, 20.25 * 172e-6, 30.75 * 172e-6, 0.1, -0.05, 0.2, 172e-6, 172e-6, 1e-10)),
    (SMALL, (0.05, 1e-3, -2e-3, -0.4, 0.3, -1.2, 296e-6, 100e-6, 0.7e-10)),
    (SMALL, (0.03, 5e-3, 5e-3, 1.7, 0.2, 2.5, 172e-6, 172e-6, 1.54e-10)),
    (LARGE, (0.2, 0.08, 0.07, 0.05, -0.03, 0.02, 75e-6, 75e-6, 1e-10)),
]


def start(frame, pose, orientation):
    return {"shape": frame[0], "pixels": frame[1], "orientation": orientation} | dict(zip(NAMES, pose))


def build(kind, frame, pose, orientation):
    dist, poni1, poni2, rot1, rot2, rot3, pixel1, pixel2, wavelength = pose
    detector = Detector(pixel1, pixel2, max_shape=frame[0], orientation=orientation)
    return kind(dist, poni1, poni2, rot1, rot2, rot3, detector=detector, wavelength=wavelength)


def transmission(frame, pose, orientation):
    shape, pixels = frame
    geometry = build(Geometry, frame, pose, orientation)

    def pick(array):
        return [float(array[pixel]) for pixel in pixels]

    def centre(unit, scale=False):
        return pick(geometry.center_array(shape, unit=unit, scale=scale))

    t3, t1, t2 = geometry.calc_pos_zyx(corners=False)
    return start(frame, pose, orientation) | {
        "position_m": list(zip(pick(t1), pick(t2), pick(t3))),
        "two_theta_rad": centre("2th_rad"),
        "chi_rad": centre("chi_rad"),
        "q_inv_nm": centre("q_nm^-1"),
        "d_nm": centre("d_nm", scale=True),
        "radius_mm": centre("r_mm", scale=True),
        "solid_angle": pick(geometry.solidAngleArray(shape)),
        "polarisation_0_95": pick(geometry.polarization(shape, factor=0.95)),
    }


def fit2d(frame, pose):
    fit = convert_to_Fit2d(build(Geometry, frame, pose, 3))
    back = convert_from_Fit2d(fit)
    return start(frame, pose, 3) | {
        "direct_distance_m": fit.directDist * 1e-3,
        "row": fit.centerY,
        "column": fit.centerX,
        "tilt_rad": float(numpy.radians(fit.tilt)),
        "tilt_plane_rotation_rad": float(numpy.radians(fit.tiltPlanRotation)),
        "back": [back.dist, back.poni1, back.poni2, back.rot1, back.rot2, back.rot3],
    }


def grazing(frame, pose, alpha, tilt, sample_orientation):
    case = start(frame, pose, 3) | {
        "incident_angle_rad": alpha,
        "tilt_rad": tilt,
        "sample_orientation": sample_orientation,
    }
    for key, name in (("q_ip_inv_nm", "qip_nm^-1"), ("q_oop_inv_nm", "qoop_nm^-1"), ("chi_gi_rad", "chigi_rad")):
        unit = get_unit_fiber(name, incident_angle=alpha, tilt_angle=tilt, sample_orientation=sample_orientation)
        array = build(FiberIntegrator, frame, pose, 3).center_array(frame[0], unit=unit, scale=False)
        case[key] = [float(array[pixel]) for pixel in frame[1]]
    return case


cases = {
    "transmission": [transmission(*pose, orientation) for pose in POSES for orientation in (1, 2, 3, 4)],
    "fit2d": [fit2d(*pose) for pose in POSES if abs(pose[1][3]) < 1.5],
    "grazing": [grazing(*pose, alpha, tilt, number) for pose in (POSES[1], POSES[4])
                for alpha, tilt in ((0.0, 0.0), (numpy.pi / 90, 0.0), (0.0, numpy.pi / 36), (numpy.pi / 90, numpy.pi / 36))
                for number in (range(1, 9) if pose is POSES[1] else (1,))],
}
golden = {
    "provenance": {
        "program": "pyFAI",
        "version": pyFAI.version,
        "script": "tools/golden/geometry_pyfai.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-9,
        "why": "relative, absolute below 1; double precision in both programs, except where "
               "pyFAI is in single precision (2e-7, stated in the test)",
    },
}
with open(sys.argv[1], "w", encoding="utf-8") as out:
    # One case a line: short, and a change shows in a diff.
    out.write('{"provenance": ' + json.dumps(golden["provenance"], indent=1) + ',\n"cases": {\n')
    out.write(",\n".join(f'"{key}": [\n' + ",\n".join(map(json.dumps, values)) + "]" for key, values in cases.items()))
    out.write("\n}}\n")
