"""Times oriented form factors against the compiled kernels of sasmodels: the same points, by turns.

Usage: python tools/bench/sim_form_peers.py

Builds the example `sim_form_times` of xscatter-sim and has sasmodels compile its kernels for double
precision (a C compiler is needed; OpenMP is off). Both evaluate 1024 x 1024 points (qx, qy) of oriented
particles, and 200 points of q of particles in random orientation, on one thread, by turns; first their values
in two dimensions are compared. What is printed is the fastest of all rounds, which other work on the
machine disturbs least, and theirs over ours, as a table in Markdown.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

os.environ.pop("SAS_OPENMP", None)
os.environ["SAS_OPENCL"] = "none"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAYON_NUM_THREADS"] = "1"
CACHE = tempfile.TemporaryDirectory()
os.environ["SAS_DLL_PATH"] = CACHE.name

import numpy  # noqa: E402
from sasmodels.core import load_model  # noqa: E402
from sasmodels.direct_model import call_kernel  # noqa: E402

ROUNDS = 15
SIDE, REACH = 1024, 0.2
TURNED = {"theta": 60.0, "phi": 30.0}
# The same particles as in the example; lengths in angstrom.
PARTICLES = {
    "sphere": ("sphere", {"radius": 200.0}),
    "ellipsoid": ("ellipsoid", {"radius_polar": 60.0, "radius_equatorial": 200.0} | TURNED),
    "cylinder": ("cylinder", {"radius": 60.0, "length": 400.0} | TURNED),
    "box": ("parallelepiped", {"length_a": 100.0, "length_b": 150.0, "length_c": 300.0, "psi": 20.0} | TURNED),
}
FIRST_LENGTH = {"sphere": "radius", "ellipsoid": "radius_polar", "cylinder": "radius", "box": "length_a"}


def spread(name, width, points):
    return {f"{name}_pd": width, f"{name}_pd_n": points, f"{name}_pd_nsigma": 3.0, f"{name}_pd_type": "gaussian"}


def jobs():
    for name, (model, parameters) in PARTICLES.items():
        yield name, "one size", model, parameters
    for name, (model, parameters) in PARTICLES.items():
        yield f"{name}+sizes", "15 sizes", model, parameters | spread(FIRST_LENGTH[name], 0.1, 15)
    degrees = float(numpy.degrees(0.1))
    for name, (model, parameters) in PARTICLES.items():
        if name != "sphere":
            axes = spread("theta", degrees, 7) | spread("phi", degrees, 7)
            yield f"{name}+axes", "7 x 7 axes", model, parameters | axes


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "xscatter-sim", "--example", "sim_form_times"], cwd=root, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=root, check=True, capture_output=True)
    program = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples/sim_form_times"
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ours(job):
        process.stdin.write(job + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    axis = numpy.linspace(-REACH, REACH, SIDE)
    qx, qy = (part.ravel() for part in numpy.meshgrid(axis, axis))
    print("| particle | distribution | sasmodels ms | ours ms | theirs / ours | largest deviation |")
    print("|---|---|---|---|---|---|")
    for job, distribution, model, parameters in jobs():
        kernel = load_model(model, dtype="double", platform="dll").make_kernel([qx, qy])
        parameters = {"scale": 1.0, "background": 0.0, "sld": 1.0, "sld_solvent": 0.0} | parameters

        def theirs():
            start = time.perf_counter()
            values = call_kernel(kernel, parameters)
            return (time.perf_counter() - start) * 1e3, values

        # Volumes are in cubic angstrom there and in cubic nanometre here.
        expected = theirs()[1][::997] / 0.1
        found = numpy.array(ours(f"values 997 {job}"))
        deviation = numpy.max(numpy.abs(found - expected)) / numpy.max(expected)
        times, peers = [], []
        rounds = ROUNDS if distribution == "one size" else 5
        for _ in range(rounds):
            peers.append(theirs()[0])
            times += ours(f"times 1 {job}")
        our, peer = min(times), min(peers)
        print(f"| {job.split('+')[0]} | {distribution} | {peer:.1f} | {our:.2f} | {peer / our:.1f} | {deviation:.0e} |", flush=True)
    print()
    print("| 200 points of q, averaged | distribution | sasmodels ms | ours ms | theirs / ours |")
    print("|---|---|---|---|---|")
    radial = 0.002 * numpy.arange(1, 201)
    for job, distribution, model, parameters in jobs():
        if job.endswith("+axes") or job.startswith("sphere"):
            continue
        kernel = load_model(model, dtype="double", platform="dll").make_kernel([radial])
        parameters = {"scale": 1.0, "background": 0.0} | parameters
        call_kernel(kernel, parameters)
        times, peers = [], []
        for _ in range(5):
            start = time.perf_counter()
            call_kernel(kernel, parameters)
            peers.append((time.perf_counter() - start) * 1e3)
            times += ours(f"curves 1 {job}")
        our, peer = min(times), min(peers)
        print(f"| {job.split('+')[0]} | {distribution} | {peer:.2f} | {our:.2f} | {peer / our:.1f} |", flush=True)
    process.stdin.close()
    process.wait()


if __name__ == "__main__":
    main()
