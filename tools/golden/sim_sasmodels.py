"""Reference values for the form and structure factors of xscatter-sim, from sasmodels.

    python tools/golden/sim_sasmodels.py crates/xscatter-sim/tests/golden/sasmodels.json

q is in 1/angstrom, lengths in angstrom, scattering length densities in 1e-6/angstrom^2 and the
intensity in 1/cm, as sasmodels has them; scale 1, background 0.
"""

import datetime
import json
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


def compute(model, q, parameters):
    kernel = load_model(model).make_kernel([numpy.asarray(q, dtype=float)])
    values = call_kernel(kernel, {"scale": 1.0, "background": 0.0} | parameters)
    return [float(value) for value in values]


def main(path):
    cases = [
        {"id": name, "model": model, "q_inv_angstrom": q, "intensity": compute(model, q, parameters)}
        for name, model, q, parameters in ROWS
    ]
    golden = {
        "provenance": {
            "program": "sasmodels",
            "version": sasmodels.__version__,
            "script": "tools/golden/sim_sasmodels.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-8,
            "why": "relative; the Guinier row at its smallest value and the averaged shapes lose a few digits to the quadrature, all others agree to 1e-9",
        },
        "cases": cases,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
