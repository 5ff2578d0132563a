"""Reference values for the form and structure factors of xscatter-sim, from sasmodels.

    python tools/golden/sim_sasmodels.py crates/xscatter-sim/tests/golden/sasmodels.json
    python tools/golden/sim_sasmodels.py crates/xscatter-sim/tests/golden/sasmodels_rows.json
    python tools/golden/sim_sasmodels.py crates/xscatter-sim/tests/golden/sasmodels_curves.json
    python tools/golden/sim_sasmodels.py crates/xscatter-sim/tests/golden/sasmodels_patterns.json

The name of the file chooses the set: printed reference rows (in two files), curves of all models over q, or
oriented particles over (qx, qy). q is in 1/angstrom, lengths in angstrom, angles in degrees, scattering
length densities in 1e-6/angstrom^2 and the intensity in 1/cm, as sasmodels has them; scale 1,
background 0.
"""

import datetime
import json
import math
import pathlib
import sys

import numpy
import sasmodels
from sasmodels.core import load_model
from sasmodels.direct_model import call_kernel

Q5 = [0.001, 0.01, 0.05, 0.1, 0.2]
SPHERE = {"radius": 50.0, "sld": 1.0, "sld_solvent": 6.0}

ROWS = [
    ("G-SPH-1", "sphere", Q5, SPHERE),
    (
        "G-CSS-1",
        "core_shell_sphere",
        Q5,
        {"radius": 60.0, "thickness": 10.0, "sld_core": 1.0, "sld_shell": 2.0, "sld_solvent": 3.0},
    ),
    (
        "G-ELL-1",
        "ellipsoid",
        Q5,
        {"radius_polar": 20.0, "radius_equatorial": 400.0, "sld": 4.0, "sld_solvent": 1.0},
    ),
    (
        "G-CYL-1",
        "cylinder",
        Q5,
        {"radius": 20.0, "length": 400.0, "sld": 4.0, "sld_solvent": 1.0},
    ),
    (
        "G-PD-1",
        "sphere",
        Q5,
        SPHERE | {"radius_pd": 0.1, "radius_pd_n": 35, "radius_pd_nsigma": 3.0, "radius_pd_type": "gaussian"},
    ),
    ("G-PY-1", "hardsphere", Q5, {"radius_effective": 50.0, "volfraction": 0.2}),
    ("G-PY-4", "sphere@hardsphere", Q5, SPHERE | {"volfraction": 0.2}),
    ("G-SM-2", "porod", Q5, {}),
    ("G-SM-3", "guinier", Q5, {"rg": 60.0}),
    ("G-SM-7", "dab", [0.01, 0.05, 0.1], {"cor_length": 50.0}),
]


Q3 = [0.01, 0.05, 0.1]
PARACRYSTAL_Q = Q5 + [0.03, 0.035, 0.04, 0.0495]
DEFAULT_ROD = {"radius": 20.0, "length": 400.0, "sld": 4.0, "sld_solvent": 1.0}

# The other printed rows, with all parameters written out.
MORE_ROWS = [
    ("G-CYL-2", "cylinder", [[0.05, 0.0, 0.03], [0.0, 0.05, 0.04]], DEFAULT_ROD | {"theta": 60.0, "phi": 60.0}),
    ("G-CYL-3", "cylinder", [[0.05, 0.0, 0.03], [0.0, 0.05, 0.04]], DEFAULT_ROD | {"theta": 90.0, "phi": 0.0}),
    (
        "G-BOX-1",
        "parallelepiped",
        [Q5],
        {"length_a": 35.0, "length_b": 35.0, "length_c": 35.0, "sld": 6.3, "sld_solvent": 1.0},
    ),
    ("G-PAR-1", "fcc_paracrystal", [PARACRYSTAL_Q], {"dnn": 220.0, "d_factor": 0.06, "radius": 40.0, "sld": 3.0, "sld_solvent": 6.3}),
    ("G-PAR-2", "bcc_paracrystal", [PARACRYSTAL_Q], {"dnn": 220.0, "d_factor": 0.06, "radius": 40.0, "sld": 3.0, "sld_solvent": 6.3}),
    ("G-PAR-3", "sc_paracrystal", [PARACRYSTAL_Q], {"dnn": 220.0, "d_factor": 0.06, "radius": 40.0, "sld": 3.0, "sld_solvent": 6.3}),
    ("G-SM-1", "lamellar_stack_paracrystal", [Q5], {"thickness": 33.0, "Nlayers": 20.0, "d_spacing": 250.0, "sigma_d": 0.0}),
    ("G-SM-4", "guinier_porod", [Q5], {"rg": 60.0, "s": 1.0, "porod_exp": 3.0}),
    (
        "G-SM-5",
        "broad_peak",
        [Q5],
        {"porod_scale": 1e-5, "porod_exp": 3.0, "peak_scale": 10.0, "correlation_length": 50.0, "peak_pos": 0.1, "width_exp": 2.0},
    ),
    (
        "G-SM-6",
        "correlation_length",
        [Q5],
        {"lorentz_scale": 10.0, "porod_scale": 1e-6, "porod_exp": 3.0, "cor_length": 50.0, "lorentz_exp": 2.0},
    ),
    ("G-SM-8", "teubner_strey", [Q3], {"volfraction_a": 0.5, "sld_a": 0.3, "sld_b": 6.3, "d": 100.0, "xi": 30.0}),
    ("G-SM-9", "two_lorentzian", [Q3], {
        "lorentz_scale_1": 10.0, "lorentz_length_1": 100.0, "lorentz_exp_1": 3.0,
        "lorentz_scale_2": 1.0, "lorentz_length_2": 10.0, "lorentz_exp_2": 2.0,
    }),
    ("G-SM-10", "mono_gauss_coil", [Q3], {"i_zero": 70.0, "rg": 75.0}),
    ("G-SM-11", "polymer_excl_volume", [Q3], {"rg": 60.0, "porod_exp": 3.0}),
    (
        "G-SM-13",
        "core_shell_cylinder",
        [Q3],
        {"radius": 20.0, "length": 400.0, "thickness": 20.0, "sld_core": 4.0, "sld_shell": 4.0, "sld_solvent": 1.0},
    ),
    (
        "G-SM-14",
        "parallelepiped",
        [Q3],
        {"length_a": 35.0, "length_b": 75.0, "length_c": 400.0, "sld": 4.0, "sld_solvent": 1.0},
    ),
    ("G-SM-16", "squarewell", [Q3], {"radius_effective": 50.0, "volfraction": 0.04, "welldepth": 1.5, "wellwidth": 1.2}),
    ("G-SM-18", "stickyhardsphere", [Q3], {"radius_effective": 50.0, "volfraction": 0.2, "perturb": 0.05, "stickiness": 0.2}),
]

# Twelve values of q, none of them special.
CURVE = [0.0011, 0.0037, 0.0082, 0.0143, 0.0231, 0.0367, 0.0519, 0.0733, 0.0951, 0.137, 0.191, 0.263]

GAUSSIAN = ["gaussian", 0.12, 35, 3.0]
NARROW = ["gaussian", 0.05, 11, 2.5]
LOG_NORMAL = ["lognormal", 0.2, 80, 8.0]
SCHULZ = ["schulz", 0.3, 80, 8.0]
UNIFORM = ["rectangle", 0.15, 35, 1.73205]

BALL = {"radius": 47.0, "sld": 4.0, "sld_solvent": 1.0}
CORE_SHELL_BALL = {"radius": 60.0, "thickness": 12.0, "sld_core": 1.0, "sld_shell": 2.5, "sld_solvent": 3.0}
PROLATE = {"radius_polar": 180.0, "radius_equatorial": 25.0, "sld": 4.0, "sld_solvent": 1.0}
OBLATE = {"radius_polar": 15.0, "radius_equatorial": 110.0, "sld": 4.0, "sld_solvent": 1.0}
ROD = {"radius": 22.0, "length": 410.0, "sld": 4.0, "sld_solvent": 1.0}
DISK = {"radius": 150.0, "length": 12.0, "sld": 4.0, "sld_solvent": 1.0}
CUBE = {"length_a": 70.0, "length_b": 70.0, "length_c": 70.0, "sld": 4.0, "sld_solvent": 1.0}
BRICK = {"length_a": 31.0, "length_b": 77.0, "length_c": 240.0, "sld": 4.0, "sld_solvent": 1.0}
CORE_SHELL_ROD = {
    "radius": 21.0, "length": 210.0, "thickness": 9.0, "sld_core": 1.0, "sld_shell": 4.5, "sld_solvent": 2.0,
}
LIQUID = {"radius_effective": 47.0}
CRYSTAL = {"radius": 40.0, "sld": 3.0, "sld_solvent": 6.3}

CURVES = [
    ("sphere", BALL, {}),
    ("sphere", BALL, {"radius": GAUSSIAN}),
    ("sphere", BALL, {"radius": LOG_NORMAL}),
    ("sphere", BALL, {"radius": SCHULZ}),
    ("sphere", BALL, {"radius": UNIFORM}),
    ("core_shell_sphere", CORE_SHELL_BALL, {}),
    ("core_shell_sphere", CORE_SHELL_BALL, {"radius": GAUSSIAN, "thickness": SCHULZ}),
    ("ellipsoid", PROLATE, {}),
    ("ellipsoid", PROLATE, {"radius_polar": GAUSSIAN, "radius_equatorial": NARROW}),
    ("ellipsoid", OBLATE, {}),
    ("ellipsoid", OBLATE, {"radius_equatorial": LOG_NORMAL}),
    ("cylinder", ROD, {}),
    ("cylinder", ROD, {"radius": GAUSSIAN, "length": NARROW}),
    ("cylinder", ROD, {"length": SCHULZ}),
    ("cylinder", DISK, {}),
    ("cylinder", DISK, {"radius": UNIFORM}),
    ("parallelepiped", CUBE, {}),
    ("parallelepiped", BRICK, {}),
    ("parallelepiped", BRICK, {"length_a": NARROW, "length_c": NARROW}),
    ("core_shell_cylinder", CORE_SHELL_ROD, {}),
    ("core_shell_cylinder", CORE_SHELL_ROD, {"radius": GAUSSIAN}),
    ("hardsphere", LIQUID | {"volfraction": 0.05}, {}),
    ("hardsphere", LIQUID | {"volfraction": 0.35}, {}),
    ("hardsphere", LIQUID | {"volfraction": 0.49}, {}),
    ("stickyhardsphere", LIQUID | {"volfraction": 0.2, "perturb": 0.05, "stickiness": 0.2}, {}),
    ("stickyhardsphere", LIQUID | {"volfraction": 0.1, "perturb": 0.1, "stickiness": 0.15}, {}),
    ("stickyhardsphere", LIQUID | {"volfraction": 0.4, "perturb": 0.01, "stickiness": 1.5}, {}),
    ("squarewell", LIQUID | {"volfraction": 0.04, "welldepth": 1.5, "wellwidth": 1.2}, {}),
    ("squarewell", LIQUID | {"volfraction": 0.08, "welldepth": 0.5, "wellwidth": 1.5}, {}),
    ("sphere@hardsphere", BALL | {"volfraction": 0.3}, {}),
    ("sphere@hardsphere", BALL | {"volfraction": 0.3}, {"radius": GAUSSIAN}),
    ("sphere@hardsphere", BALL | {"volfraction": 0.3, "structure_factor_mode": 1}, {"radius": GAUSSIAN}),
    ("core_shell_sphere@hardsphere", CORE_SHELL_BALL | {"volfraction": 0.15, "structure_factor_mode": 1}, {}),
    ("ellipsoid@hardsphere", PROLATE | {"volfraction": 0.2, "structure_factor_mode": 1}, {}),
    ("ellipsoid@hardsphere", OBLATE | {"volfraction": 0.2}, {}),
    ("cylinder@hardsphere", ROD | {"volfraction": 0.1, "structure_factor_mode": 1}, {"radius": NARROW}),
    ("cylinder@hardsphere", DISK | {"volfraction": 0.1}, {}),
    ("parallelepiped@hardsphere", BRICK | {"volfraction": 0.1, "structure_factor_mode": 1}, {}),
    ("parallelepiped@hardsphere", CUBE | {"volfraction": 0.1}, {}),
    ("core_shell_cylinder@hardsphere", CORE_SHELL_ROD | {"volfraction": 0.1}, {}),
    ("sc_paracrystal", CRYSTAL | {"dnn": 220.0, "d_factor": 0.06}, {}),
    ("sc_paracrystal", CRYSTAL | {"dnn": 150.0, "d_factor": 0.12}, {}),
    ("bcc_paracrystal", CRYSTAL | {"dnn": 220.0, "d_factor": 0.06}, {}),
    ("bcc_paracrystal", CRYSTAL | {"dnn": 150.0, "d_factor": 0.12}, {}),
    ("fcc_paracrystal", CRYSTAL | {"dnn": 220.0, "d_factor": 0.06}, {}),
    ("fcc_paracrystal", CRYSTAL | {"dnn": 150.0, "d_factor": 0.12}, {}),
    ("lamellar_stack_paracrystal", {"thickness": 33.0, "Nlayers": 20.0, "d_spacing": 250.0, "sigma_d": 0.0}, {}),
    ("lamellar_stack_paracrystal", {"thickness": 41.0, "Nlayers": 7.3, "d_spacing": 120.0, "sigma_d": 0.08}, {}),
    ("guinier", {"rg": 20.0}, {}),
    ("guinier_porod", {"rg": 60.0, "s": 1.0, "porod_exp": 3.0}, {}),
    ("guinier_porod", {"rg": 35.0, "s": 0.0, "porod_exp": 4.0}, {}),
    ("broad_peak", {"porod_scale": 0.0, "peak_scale": 1.0, "correlation_length": 50.0, "peak_pos": 0.1, "width_exp": 1.7}, {}),
    ("correlation_length", {"lorentz_scale": 1.0, "porod_scale": 0.0, "cor_length": 50.0, "lorentz_exp": 1.7}, {}),
    ("dab", {"cor_length": 50.0}, {}),
    ("lorentz", {"cor_length": 50.0}, {}),
    ("teubner_strey", {"volfraction_a": 0.5, "sld_a": 0.3, "sld_b": 6.3, "d": 100.0, "xi": 30.0}, {}),
    ("teubner_strey", {"volfraction_a": 0.3, "sld_a": 0.3, "sld_b": 6.3, "d": 140.0, "xi": 15.0}, {}),
    ("two_lorentzian", {
        "lorentz_scale_1": 10.0, "lorentz_length_1": 100.0, "lorentz_exp_1": 3.0,
        "lorentz_scale_2": 1.0, "lorentz_length_2": 10.0, "lorentz_exp_2": 2.0,
    }, {}),
    ("mono_gauss_coil", {"i_zero": 1.0, "rg": 75.0}, {}),
    ("polymer_excl_volume", {"rg": 60.0, "porod_exp": 3.0}, {}),
    ("polymer_excl_volume", {"rg": 90.0, "porod_exp": 1.7}, {}),
]

# 24 points over the detector, none of them special.
PATTERN_X = [0.19 * math.sin(1.3 * i + 0.2) * (i + 1) / 24 for i in range(24)]
PATTERN_Y = [0.17 * math.cos(1.9 * i + 0.7) * (i + 1) / 24 for i in range(24)]

TURNED = {"theta": 63.0, "phi": 27.0}
TURNED_BOX = TURNED | {"psi": 19.0}
TILT = ["gaussian", 8.0, 9, 3.0]
TWIST = ["rectangle", 15.0, 7, 1.73205]

PATTERNS = [
    ("sphere", BALL, {"radius": NARROW}),
    ("core_shell_sphere", CORE_SHELL_BALL, {}),
    ("ellipsoid", PROLATE | TURNED, {}),
    ("ellipsoid", OBLATE | TURNED, {"radius_polar": NARROW, "theta": TILT}),
    ("ellipsoid", PROLATE | TURNED, {"theta": TILT, "phi": TWIST}),
    ("cylinder", ROD | TURNED, {}),
    ("cylinder", DISK | TURNED, {}),
    ("cylinder", ROD | {"theta": 90.0, "phi": 0.0}, {"phi": TILT}),
    ("cylinder", ROD | TURNED, {"theta": TILT, "phi": TILT}),
    ("cylinder", ROD | TURNED, {"radius": NARROW, "length": NARROW, "theta": TWIST}),
    ("core_shell_cylinder", CORE_SHELL_ROD | TURNED, {}),
    ("core_shell_cylinder", CORE_SHELL_ROD | TURNED, {"thickness": NARROW, "phi": TILT}),
    ("parallelepiped", CUBE | TURNED_BOX, {}),
    ("parallelepiped", BRICK | TURNED_BOX, {}),
    ("parallelepiped", BRICK | TURNED_BOX, {"theta": TILT, "phi": TWIST, "psi": TILT}),
    ("parallelepiped", BRICK | TURNED_BOX, {"length_b": NARROW, "psi": TWIST}),
    ("sc_paracrystal", CRYSTAL | TURNED_BOX | {"dnn": 220.0, "d_factor": 0.06}, {}),
    ("bcc_paracrystal", CRYSTAL | TURNED_BOX | {"dnn": 220.0, "d_factor": 0.06}, {}),
    ("fcc_paracrystal", CRYSTAL | TURNED_BOX | {"dnn": 220.0, "d_factor": 0.06}, {}),
]


def compute(model, q, parameters):
    kernel = load_model(model, dtype="double").make_kernel([numpy.asarray(part, dtype=float) for part in q])
    values = call_kernel(kernel, {"scale": 1.0, "background": 0.0} | parameters)
    return [float(value) for value in values]


def dispersed(parameters, spreads):
    """The parameters with the keys by which sasmodels knows distributions."""
    out = dict(parameters)
    for name, (law, width, points, reach) in spreads.items():
        out |= {f"{name}_pd": width, f"{name}_pd_n": points, f"{name}_pd_nsigma": reach, f"{name}_pd_type": law}
    return out


def rows():
    return 1e-8, (
        "relative; the Guinier row at its smallest value and the averaged shapes lose a few digits to the "
        "quadrature, all others agree to 1e-9"
    ), [
        {"id": name, "model": model, "q_inv_angstrom": q, "intensity": compute(model, [q], parameters)}
        for name, model, q, parameters in ROWS
    ]


def more_rows():
    return 1e-6, (
        "relative; both sides average by quadratures that differ in points, and evaluate sums that cancel near minima"
    ), [
        {
            "id": name,
            "model": model,
            "parameters": parameters,
            "spreads": {},
            **({"q_inv_angstrom": q[0]} if len(q) == 1 else {"qx_inv_angstrom": q[0], "qy_inv_angstrom": q[1]}),
            "intensity": compute(model, q, parameters),
        }
        for name, model, q, parameters in MORE_ROWS
    ]


def curves():
    return 1e-6, (
        "relative; both sides average by quadratures that differ in points, and evaluate sums that cancel near minima"
    ), [
        {
            "model": model,
            "parameters": parameters,
            "spreads": spreads,
            "q_inv_angstrom": CURVE,
            "intensity": compute(model, [CURVE], dispersed(parameters, spreads)),
        }
        for model, parameters, spreads in CURVES
    ]


def patterns():
    return 1e-6, (
        "relative; closed forms and sums over the same points, but the amplitude near its zeros is as good as its "
        "argument"
    ), [
        {
            "model": model,
            "parameters": parameters,
            "spreads": spreads,
            "qx_inv_angstrom": PATTERN_X,
            "qy_inv_angstrom": PATTERN_Y,
            "intensity": compute(model, [PATTERN_X, PATTERN_Y], dispersed(parameters, spreads)),
        }
        for model, parameters, spreads in PATTERNS
    ]


def main(path):
    sets = {"sasmodels": rows, "sasmodels_rows": more_rows, "sasmodels_curves": curves, "sasmodels_patterns": patterns}
    tolerance, why, cases = sets[pathlib.Path(path).stem]()
    golden = {
        "provenance": {
            "program": "sasmodels",
            "version": sasmodels.__version__,
            "script": "tools/golden/sim_sasmodels.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": tolerance,
            "why": why,
        },
        "cases": cases,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
