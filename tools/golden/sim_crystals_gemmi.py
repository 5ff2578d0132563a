"""Structure factors and powder rings of crystals from gemmi, for xscatter-sim.

Usage: python tools/golden/sim_crystals_gemmi.py crates/xscatter-sim/tests/golden/crystals.json

The environment is that of `tools/reference/make_env.sh --crystals`. The substances are given here by
space group and one atom of each orbit, so that the complete lists of atoms in the crate are checked as
well; the form factors are those of the International Tables, volume C (gemmi's IT92), without
dispersion. A random triclinic cell checks phases, occupancies and temperature factors. Nothing is
written unless xrayutilities agrees on four of the substances.
"""

import datetime
import itertools
import json
import math
import random
import sys

import gemmi
import numpy
import xrayutilities

Q_MAX_INV_NM = 75.0
RINGS = 16
B = 0.5  # in square angstroms

THIRD, TWO_THIRDS = 1 / 3, 2 / 3
# Name, cell in angstroms and degrees, space group, atoms (element, x, y, z, occupancy, B).
SUBSTANCES = [
    ("LaB6", (4.156826,) * 3 + (90, 90, 90), "P m -3 m", [("La", 0, 0, 0), ("B", 0.1997, 0.5, 0.5)]),
    ("Si", (5.431179,) * 3 + (90, 90, 90), "F d -3 m:1", [("Si", 0, 0, 0)]),
    ("CeO2", (5.411651,) * 3 + (90, 90, 90), "F m -3 m", [("Ce", 0, 0, 0), ("O", 0.25, 0.25, 0.25)]),
    ("alpha-Al2O3", (4.759091, 4.759091, 12.991779, 90, 90, 120), "R -3 c:H",
     [("Al", 0, 0, 0.35216), ("O", 0.30624, 0, 0.25)]),
    ("Al", (4.0495,) * 3 + (90, 90, 90), "F m -3 m", [("Al", 0, 0, 0)]),
    ("Au", (4.0786,) * 3 + (90, 90, 90), "F m -3 m", [("Au", 0, 0, 0)]),
    ("Fe", (2.8665,) * 3 + (90, 90, 90), "I m -3 m", [("Fe", 0, 0, 0)]),
    ("NaCl", (5.6402,) * 3 + (90, 90, 90), "F m -3 m", [("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)]),
    ("rutile", (4.59366, 4.59366, 2.95868, 90, 90, 90), "P 42/m n m", [("Ti", 0, 0, 0), ("O", 0.30479, 0.30479, 0)]),
    ("anatase", (3.7845, 3.7845, 9.5143, 90, 90, 90), "I 41/a m d:1", [("Ti", 0, 0, 0), ("O", 0, 0, 0.2081)]),
    ("ZnO", (3.2501, 3.2501, 5.2071, 90, 90, 120), "P 63 m c",
     [("Zn", THIRD, TWO_THIRDS, 0), ("O", THIRD, TWO_THIRDS, 0.3817)]),
    ("PbI2", (4.555, 4.555, 6.977, 90, 90, 120), "P -3 m 1", [("Pb", 0, 0, 0), ("I", THIRD, TWO_THIRDS, 0.265)]),
    ("MAPbI3", (6.3285,) * 3 + (90, 90, 90), "P m -3 m",
     [("Pb", 0, 0, 0), ("I", 0.5, 0, 0, 1, 3.0), ("C", 0.617, 0.5, 0.5, 1 / 6, 8.0), ("N", 0.617, 0.5, 0.5, 1 / 6, 8.0)]),
    ("graphite", (2.464, 2.464, 6.711, 90, 90, 120), "P 63/m m c", [("C", 0, 0, 0.25), ("C", THIRD, TWO_THIRDS, 0.25)]),
    ("ice", (4.519, 4.519, 7.357, 90, 90, 120), "P 63/m m c", [("O", THIRD, TWO_THIRDS, 0.0625)]),
    ("polyethylene", (7.40, 4.93, 2.534, 90, 90, 90), "P n a m", [("C", 0.038, 0.065, 0.25, 1, 4.0)]),
]


def structure(cell, group, atoms):
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*cell)
    small.spacegroup_hm = group
    assert gemmi.find_spacegroup_by_name(group) is not None, group
    for index, atom in enumerate(atoms):
        element, x, y, z, occupancy, b = (tuple(atom) + (1, B))[:6] if len(atom) == 4 else atom
        site = gemmi.SmallStructure.Site()
        site.label = f"{element}{index}"
        site.type_symbol = element
        site.element = gemmi.Element(element)
        site.fract = gemmi.Fractional(x, y, z)
        site.occ = occupancy
        site.u_iso = b / (8 * math.pi**2)
        small.add_site(site)
    small.determine_and_set_spacegroup("h1")
    assert small.spacegroup is not None and small.spacegroup.xhm() == gemmi.SpaceGroup(group).xhm(), group
    small.change_occupancies_to_crystallographic()
    return small


def factors(small, q_max_inv_nm):
    calculator = gemmi.StructureFactorCalculatorX(small.cell)
    reach = [int(q_max_inv_nm / 10 * axis / (2 * math.pi)) + 1 for axis in (small.cell.a, small.cell.b, small.cell.c)]
    for h in range(-reach[0], reach[0] + 1):
        for k in range(-reach[1], reach[1] + 1):
            for l in range(-reach[2], reach[2] + 1):
                if (h, k, l) == (0, 0, 0):
                    continue
                q = 20 * math.pi / small.cell.calculate_d([h, k, l])
                if q <= q_max_inv_nm:
                    yield (h, k, l), q, calculator.calculate_sf_from_small_structure(small, (h, k, l))


def rings(small):
    found = sorted((q, abs(f) ** 2) for _, q, f in factors(small, Q_MAX_INV_NM))
    largest = max(squared for _, squared in found)
    merged = []
    for q, squared in found:
        if squared < 1e-9 * largest:
            continue
        if merged and q - merged[-1][0] < 1e-9 * q:
            merged[-1][1] += 1
            merged[-1][2] += squared
        else:
            merged.append([q, 1, squared])
    return merged[:RINGS]


def second_opinion():
    """The lattices of four substances as xrayutilities has them."""
    element, lattice = xrayutilities.materials.elements, xrayutilities.materials.SGLattice
    return {
        "LaB6": lattice(221, 4.156826, atoms=[element.La, element.B], pos=["1a", ("6f", 0.1997)]),
        "NaCl": lattice(225, 5.6402, atoms=[element.Na, element.Cl], pos=["4a", "4b"]),
        "rutile": lattice(136, 4.59366, 2.95868, atoms=[element.Ti, element.O], pos=["2a", ("4f", 0.30479)]),
        "alpha-Al2O3": lattice("167:H", 4.759091, 12.991779, atoms=[element.Al, element.O],
                               pos=[("12c", 0.35216), ("18e", 0.30624)]),
    }


def agree(name, lattice, expected):
    crystal = xrayutilities.materials.Crystal(name, lattice)
    last = expected[-1][0] / 10
    reach = range(-16, 17)
    found = {}
    for hkl in itertools.product(reach, repeat=3):
        q = float(numpy.linalg.norm(crystal.Q(*hkl)))
        if 0 < q < 1.0001 * last:
            amplitude = sum(
                atom.f0(q) * occupancy * numpy.exp(2j * numpy.pi * numpy.dot(hkl, place))
                for atom, place, occupancy, _ in lattice.base()
            )
            squared = abs(amplitude * math.exp(-B * (q / (4 * math.pi)) ** 2)) ** 2
            found[round(10 * q, 4)] = found.get(round(10 * q, 4), 0.0) + squared
    for q, _, strength in expected:
        nearest = min(found, key=lambda place: abs(place - q))
        assert abs(found[nearest] / strength - 1) < 1e-6, (name, q, found[nearest], strength)


def random_crystal():
    generator = random.Random(7)
    cell = (4.1, 6.3, 5.2, 81.0, 104.0, 95.5)
    elements = ["C", "N", "O", "S", "Ti", "Br", "I", "Pb", "Cs"]
    atoms = [
        (element, *(round(generator.random(), 4) for _ in range(3)), round(0.3 + 0.7 * generator.random(), 3),
         round(4 * generator.random(), 3))
        for element in elements
    ]
    small = structure(cell, "P 1", atoms)
    chosen = generator.sample(sorted(factors(small, 45.0), key=lambda row: row[1]), 40)
    return {
        "cell_angstrom_deg": cell,
        "atoms": atoms,
        "reflections": [[*hkl, f.real, f.imag] for hkl, _, f in chosen],
    }


def main(path):
    powders = {name: rings(structure(cell, group, atoms)) for name, cell, group, atoms in SUBSTANCES}
    for name, lattice in second_opinion().items():
        agree(name, lattice, powders[name])
    document = {
        "provenance": {
            "program": "gemmi",
            "version": gemmi.__version__,
            "script": "tools/golden/sim_crystals_gemmi.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "both are in double precision; gemmi keeps u_iso = B/8 pi^2 and the symmetry images to some 1e-8",
        },
        "cases": {
            "substances": [{"name": name, "rings": found} for name, found in powders.items()],
            "triclinic": random_crystal(),
        },
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
