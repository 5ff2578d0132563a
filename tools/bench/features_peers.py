"""Times hand-crafted features against the programs that they are compared with: one frame, by turns.

Usage: python tools/bench/features_peers.py [NAME ...]

Builds the example `features_times` of xscatter-features. The frame is simulated here: 1043 x 981 pixels of a
halo with rings and Poisson noise from a fixed seed, as 32-bit floats for us; every peer gets the type that it
works on fastest (grey levels of 8 bits, or floats), made before the clock starts. Ours start from the counts.
One thread on both sides. What is printed is the median of all rounds and the ratio ours / theirs, as a table
in Markdown; with names, those rows alone.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"]:
    os.environ[name] = "1"

import cv2  # noqa: E402
import mahotas  # noqa: E402
import numpy  # noqa: E402
import pywt  # noqa: E402
import scipy.special  # noqa: E402
import skimage.feature  # noqa: E402

# The three-dimensional part of kymatio imports a name that SciPy has dropped; it is not used here.
scipy.special.sph_harm = None
from kymatio.numpy import Scattering2D  # noqa: E402

cv2.setNumThreads(1)
ROUNDS = 7
SHAPE = (1043, 981)


def frame():
    rows, columns = numpy.indices(SHAPE)
    radius = numpy.hypot(rows - 500.0, columns - 520.0)
    mean = 2.0 + 3000.0 * numpy.exp(-((radius / 60.0) ** 2)) + 60.0 * numpy.exp(-((radius - 150.0) ** 2) / 50.0)
    mean += 25.0 * numpy.exp(-((radius - 300.0) ** 2) / 120.0) * (1.0 + 0.8 * numpy.cos(2.0 * numpy.arctan2(rows - 500.0, columns - 520.0)))
    return numpy.random.default_rng(3).poisson(mean).astype(numpy.float32)


def levels(counts, number):
    """Grey levels over what a 16-bit counter can hold, as the default of ours."""
    scaled = numpy.floor(numpy.log1p(counts) / numpy.log1p(65536.0) * number)
    return numpy.clip(scaled, 0, number - 1).astype(numpy.uint8)


ANGLES = [0.0, numpy.pi / 4, numpy.pi / 2, 3 * numpy.pi / 4]
PROPERTIES = ["contrast", "dissimilarity", "homogeneity", "energy", "correlation", "asm"]


def grey_level_matrices(image, number, properties):
    matrices = skimage.feature.graycomatrix(image, [1], ANGLES, levels=number, symmetric=True, normed=True)
    return [skimage.feature.graycoprops(matrices, name) for name in properties]


def gabor_kernels():
    return [
        cv2.getGaborKernel((21, 21), sigma, k * numpy.pi / 8, wavelength, 1.0, 0.0, cv2.CV_32F)
        for wavelength, sigma in [(4.0, 2.0), (8.0, 3.5)]
        for k in range(8)
    ]


def sift(image, step, cell):
    """Descriptors at the places where ours lie; OpenCV's cells are 3/2 of the size of a keypoint."""
    extractor = cv2.SIFT_create()
    points = [
        cv2.KeyPoint(float(column), float(row), cell * 2 / 3)
        for row in range(2 * cell, image.shape[0] - 2 * cell, step)
        for column in range(2 * cell, image.shape[1] - 2 * cell, step)
    ]
    return lambda: extractor.compute(image, points)


def wavelet_energies(image, stationary):
    """What ours computes of each band."""
    if stationary:
        details = [bands for _, bands in pywt.swt2(image, "db2", 3)]
    else:
        details = pywt.wavedec2(image, "db2", "symmetric", 3)[1:]
    for band in (band for bands in details for band in bands):
        energy = band * band
        total = energy.sum()
        share = energy[energy > 0] / total
        yield total / band.size, numpy.abs(band).mean(), band.std(), -(share * numpy.log(share)).sum()


def rows(counts):
    few, many = levels(counts, 32), levels(counts, 256)
    floats = many.astype(numpy.float32)
    kernels = gabor_kernels()
    glcm = {"distances_px": [1], "aggregation": "per_angle"}
    yield (
        "GLCM 32 levels, 4 angles", 0.35, "scikit-image",
        [{"glcm": glcm | {"levels": 32, "properties": ["contrast"]}}],
        lambda: grey_level_matrices(few, 32, []),
    )
    yield (
        "GLCM 256 levels, 4 angles, 6 properties", 0.15, "scikit-image",
        [{"glcm": glcm | {"levels": 256, "properties": PROPERTIES}}],
        lambda: grey_level_matrices(many, 256, ["contrast", "dissimilarity", "homogeneity", "energy", "correlation", "ASM"]),
    )
    yield (
        "Haralick 13 features, 4 angles, 256 levels", 0.4, "mahotas",
        [{"haralick": {"distances_px": [1], "levels": 256, "max_correlation": False, "aggregation": "per_angle"}}],
        lambda: mahotas.features.haralick(many),
    )
    for points, radius in [(8, 1.0), (16, 2.0)]:
        yield (
            f"LBP P={points} R={radius:g} uniform", 0.06, "scikit-image",
            [{"lbp": {"points": points, "radius_px": radius, "method": "uniform"}}],
            lambda points=points, radius=radius: skimage.feature.local_binary_pattern(many, points, radius, "uniform"),
        )
    yield (
        "HOG 9, 8x8, 3x3", 0.08, "scikit-image",
        [{"hog": {"grid": {"exact": {"rows": SHAPE[0], "columns": SHAPE[1]}}, "orientations": 9, "cell_px": 8, "block_cells": 3, "aggregation": "blocks"}}],
        lambda: skimage.feature.hog(floats, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(3, 3)),
    )
    yield (
        "Gabor bank 16 kernels 21x21", 0.6, "OpenCV",
        [{"gabor": {"wavelengths_px": [4.0, 8.0], "orientations": 8, "sigmas_px": [2.0, 3.5], "half_width_px": 10, "grid": "native"}}],
        lambda: [cv2.filter2D(floats, cv2.CV_32F, kernel) for kernel in kernels],
    )
    # A keypoint of size 16 has cells of 24 pixels; cells of 4 pixels are our default.
    for cell, asked in [(24, 0.05), (4, "")]:
        yield (
            f"dense SIFT step 8, cells of {cell} px", asked, "OpenCV",
            [{"dense-sift": {"grid": "native", "step_px": 8, "cell_px": cell}}],
            sift(many, 8, cell),
        )
    yield (
        "DAISY step 4, radius 15", "", "scikit-image",
        [{"daisy": {"grid": "native", "step_px": 4, "radius_px": 15}}],
        lambda: skimage.feature.daisy(floats, step=4, radius=15),
    )
    yield (
        "Zernike degree 8", 0.1, "mahotas",
        [{"zernike": {"degree": 8, "grid": "native"}}],
        lambda: mahotas.features.zernike_moments(many, min(SHAPE) / 2, degree=8),
    )
    logarithms = numpy.log1p(counts)
    yield (
        "wavelet db2, 3 levels, transform alone", "", "PyWavelets",
        [{"wavelet": {"levels": 3}}],
        lambda: pywt.wavedec2(logarithms, "db2", "symmetric", 3),
    )
    yield (
        "wavelet db2, 3 levels, 4 features a band", "", "PyWavelets",
        [{"wavelet": {"levels": 3}}],
        lambda: list(wavelet_energies(logarithms, False)),
    )
    # Sides that 8 divides, which the peer asks for.
    even = numpy.ascontiguousarray(logarithms[:1040, :976])
    yield (
        "stationary wavelet db2, 3 levels, 4 features a band", "", "PyWavelets",
        [{"wavelet": {"levels": 3, "scheme": "stationary"}}],
        lambda: list(wavelet_energies(even, True)),
    )
    small = cv2.resize(logarithms, (128, 128), interpolation=cv2.INTER_AREA)
    scattering = Scattering2D(3, (128, 128), 8)
    yield (
        "scattering 128x128, J 3, L 8, from the full frame", "", "kymatio",
        [{"scattering": {}}],
        lambda: scattering(small),
    )
    yield (
        "power spectrum at full resolution", "", "NumPy fft2",
        [{"power-spectrum": {"grid": "native"}}],
        lambda: numpy.fft.rfft2(logarithms),
    )


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "xscatter-features", "--example", "features_times"], cwd=root, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=root, check=True, capture_output=True)
    program = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples/features_times"
    counts = frame()
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        counts.tofile(file.name)
        arguments = [program, file.name, *map(str, SHAPE)]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ours(configs, frames=1, threads=1):
            job = {"times": configs, "rounds": 1, "frames": frames, "threads": threads}
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())[0]

        print("| feature | peer | theirs ms | ours ms | ours / theirs | asked |")
        print("|---|---|---|---|---|---|")
        everything, total = [], 0.0
        for name, asked, peer, configs, job in rows(counts):
            if sys.argv[1:] and not any(word.lower() in name.lower() for word in sys.argv[1:]):
                continue
            job()
            theirs, our = [], []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                job()
                theirs.append((time.perf_counter() - start) * 1e3)
                our.append(ours(configs))
            a, b = statistics.median(our), statistics.median(theirs)
            if asked:
                everything += configs
                total += b
            print(f"| {name} | {peer} | {b:.2f} | {a:.2f} | {a / b:.3f} | {asked} |", flush=True)
        process.stdin.close()
        process.wait()
        if not sys.argv[1:]:
            process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            together = statistics.median(ours(everything) for _ in range(ROUNDS))
            print(f"| all that have a figure asked, in one pass | sum | {total:.0f} | {together:.0f} | {together / total:.3f} | 0.1 |")
            print()
            print("| eight frames, all of these | one thread ms | two threads ms | one / two |")
            print("|---|---|---|---|")
            times = {threads: statistics.median(ours(everything, 8, threads) for _ in range(ROUNDS)) for threads in [1, 2]}
            print(f"| | {times[1]:.0f} | {times[2]:.0f} | {times[1] / times[2]:.2f} |")
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    main()
