"""Reference values for grazing incidence in xscatter-sim: whole detectors from BornAgain.

    python tools/golden/sim_dwba_bornagain.py crates/xscatter-sim/tests/golden/dwba_bornagain.json

Runs in the environment of tools/reference/requirements-bornagain.txt (`make_env.sh --bornagain`).
BornAgain 22.1 evaluates a pixel at the centre of its bin, without integrating over it, and takes the axes
of a SphericalDetector as the tangents of the angles (found by comparison: with u, v the centre of a bin,
phi = atan(u) and alpha = atan(v) agree to 1e-5, phi = u and alpha = v to some 5e-3 only). Its pixel holds
I0 * solid angle / sin(alpha_i) times the cross-section per area, solid angle = du dv cos^3(alpha) cos^2(phi).
Its y axis points to the other side, so that a lattice is turned the other way.
Averaged materials are switched off. 64 x 64 pixels are simulated; every fourth row is kept.
"""

import datetime
import json
import math
import sys

import bornagain as ba
import numpy

WAVELENGTH_NM = 0.1
DEG = math.radians(1.0)
BINS = 64
PHI_DEG = (-0.5, 2.0)
EXIT_DEG = (0.0, 1.2)
ROW_STEP = 4
PARTICLE = (6e-4, 2e-8)
SUBSTRATE = (6e-6, 2e-8)
FILM = (3e-6, 5e-9)


def shape(kind, sizes):
    if kind == "cylinder":
        return ba.Cylinder(*sizes)
    if kind == "sphere":
        return ba.Sphere(*sizes)
    if kind == "block":
        return ba.Box(*sizes)
    if kind == "dome":
        radius, height = sizes
        return ba.SphericalSegment(radius, 0, 2 * radius - height)
    if kind == "cone":
        base, top, height = sizes
        return ba.Cone(base, height, math.atan2(height, base - top))
    base, top, height = sizes
    return ba.Pyramid4(base, height, math.atan2(height, (base - top) / 2))


def material(name, delta_beta):
    return ba.RefractiveMaterial(name, *delta_beta)


def interference(lateral, density):
    kind = lateral["kind"]
    if kind == "hard disks":
        return ba.InterferenceHardDisk(lateral["radius_nm"], density)
    if kind == "paracrystal":
        order = ba.InterferenceRadialParacrystal(lateral["distance_nm"], lateral["coherence_nm"])
        order.setProbabilityDistribution(ba.Profile1DGauss(lateral["spread_nm"]))
        return order
    lattice = ba.BasicLattice2D(lateral["a_nm"], lateral["b_nm"], lateral["angle_deg"] * DEG, lateral["turn_deg"] * DEG)
    order = ba.Interference2DLattice(lattice)
    order.setDecayFunction(ba.Profile2DGauss(lateral["coherence_nm"], lateral["coherence_nm"], 0))
    return order


def simulate(scene, bins=BINS, threads=1):
    layout = ba.ParticleLayout()
    for kind, sizes, weight in scene["islands"]:
        particle = ba.Particle(material("particle", PARTICLE), shape(kind, sizes))
        particle.setAbundance(weight)
        if scene["depth_nm"] is not None:
            particle.translate(ba.R3(0, 0, -scene["depth_nm"]))
        layout.addParticle(particle)
    layout.setTotalParticleSurfaceDensity(scene["density_inv_nm2"])
    if scene["lateral"] is not None:
        layout.setInterference(interference(scene["lateral"], scene["density_inv_nm2"]))

    vacuum = ba.Layer(material("vacuum", (0, 0)))
    layers = [vacuum]
    if scene["film_nm"] is not None:
        layers.append(ba.Layer(material("film", FILM), scene["film_nm"]))
    layers.append(ba.Layer(material("substrate", SUBSTRATE)))
    layers[0 if scene["depth_nm"] is None else 1].addLayout(layout)
    sample = ba.Sample()
    for layer in layers:
        sample.addLayer(layer)

    beam = ba.Beam(1e9, WAVELENGTH_NM, scene["incident_deg"] * DEG)
    detector = ba.SphericalDetector(bins, PHI_DEG[0] * DEG, PHI_DEG[1] * DEG, bins, EXIT_DEG[0] * DEG, EXIT_DEG[1] * DEG)
    simulation = ba.ScatteringSimulation(beam, sample, detector)
    simulation.options().setUseAvgMaterials(False)
    simulation.options().setNumberOfThreads(threads)
    return simulation


def pixels(result, bins=BINS):
    return numpy.array(result.flatVector()).reshape(bins, bins)


def scene(incident_deg, islands, density=0.002, lateral=None, film=None, depth=None):
    return {
        "incident_deg": incident_deg,
        "islands": islands,
        "density_inv_nm2": density,
        "lateral": lateral,
        "film_nm": film,
        "depth_nm": depth,
    }


CYLINDER = ["cylinder", [5.0, 5.0], 1.0]
SPHERE = ["sphere", [5.0], 1.0]
SIZES = [["cylinder", [4.0, 6.0], 1.0], ["cylinder", [5.5, 7.5], 2.0]]
HEXAGONAL_CELL = 20.0**2 * math.sin(2 * math.pi / 3)
SCENES = {
    "cylinder below": scene(0.1, [CYLINDER]),
    "cylinder at": scene(0.2, [CYLINDER]),
    "cylinder above": scene(0.4, [CYLINDER]),
    "sphere": scene(0.2, [SPHERE]),
    "block": scene(0.4, [["block", [8.0, 6.0, 5.0], 1.0]]),
    "dome": scene(0.2, [["dome", [6.0, 4.5], 1.0]]),
    "cone": scene(0.1, [["cone", [6.0, 2.0, 7.0], 1.0]]),
    "pyramid": scene(0.4, [["pyramid", [10.0, 3.0, 6.0], 1.0]]),
    "paracrystal": scene(0.4, SIZES, lateral={"kind": "paracrystal", "distance_nm": 18.0, "spread_nm": 4.0, "coherence_nm": 1000.0}),
    "hard disks": scene(0.2, [SPHERE], density=0.004, lateral={"kind": "hard disks", "radius_nm": 6.0}),
    "lattice": scene(
        0.2,
        [CYLINDER],
        density=1 / HEXAGONAL_CELL,
        lateral={"kind": "lattice", "a_nm": 20.0, "b_nm": 20.0, "angle_deg": 120.0, "turn_deg": 10.0, "coherence_nm": 12.0},
    ),
    "on a film": scene(0.15, [SPHERE], film=30.0),
    "sphere in a film": scene(0.17, [SPHERE], film=30.0, depth=22.0),
    "cylinder in a film": scene(0.12, [CYLINDER], film=25.0, depth=15.0),
    "dome in a film": scene(0.4, [["dome", [6.0, 4.5], 1.0]], film=40.0, depth=40.0),
}


def main(path):
    cases = []
    for name, sample in SCENES.items():
        values = pixels(simulate(sample).simulate())
        cases.append(
            {
                "name": name,
                **sample,
                "largest": float(f"{values.max():.8g}"),
                "rows": [[float(f"{value:.6g}") for value in row] for row in values[::ROW_STEP]],
            }
        )
    golden = {
        "provenance": {
            "program": "BornAgain",
            "version": "22.1",
            "script": "tools/golden/sim_dwba_bornagain.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 2e-5,
            "why": "relative, at pixels above 1e-3 of the largest; the values are stored with six digits; hard discs follow another approximation and are compared at 5 %",
        },
        "cases": cases,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
