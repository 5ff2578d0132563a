"""Gabor features from responses of SciPy and OpenCV to the same kernels, with and without gaps.

python tools/golden/features_gabor.py crates/xscatter-features/tests/golden/gabor.json
"""

import sys

import cv2
import numpy as np
import scipy
from scipy.ndimage import correlate

import features_filter

CONFIGS = [
    {"wavelengths_px": [4.0, 8.0], "sigmas_px": [2.0, 3.5], "orientations": 8, "half_width_px": 10, "transform": "log1p"},
    {"wavelengths_px": [3.0, 5.5, 9.25], "sigmas_px": [1.2, 2.6, 4.0], "orientations": 5, "half_width_px": 7, "transform": "raw"},
]


def kernels(config):
    half = config["half_width_px"]
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    for wavelength, sigma in zip(config["wavelengths_px"], config["sigmas_px"]):
        envelope = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        waves = []
        for k in range(config["orientations"]):
            theta = np.pi * k / config["orientations"]
            wave = envelope * np.exp(2j * np.pi / wavelength * (x * np.cos(theta) + y * np.sin(theta)))
            size = (2 * half + 1, 2 * half + 1)
            real = cv2.getGaborKernel(size, sigma, theta, wavelength, 1.0, 0.0, cv2.CV_64F)
            assert np.abs(real - wave.real).max() < 1e-12
            waves.append(wave / envelope.sum())
        yield envelope / envelope.sum(), waves


def scipy_filter(image, kernel):
    if np.iscomplexobj(kernel):
        return scipy_filter(image, kernel.real) + 1j * scipy_filter(image, kernel.imag)
    return correlate(image, kernel, mode="mirror")


def opencv_filter(image, kernel):
    if np.iscomplexobj(kernel):
        return opencv_filter(image, kernel.real) + 1j * opencv_filter(image, kernel.imag)
    return cv2.filter2D(image, cv2.CV_64F, np.ascontiguousarray(kernel), borderType=cv2.BORDER_REFLECT_101)


def plain(values, envelope, wave, apply):
    zero_mean = wave - envelope * (wave.sum() / envelope.sum())
    return np.abs(apply(values, zero_mean))


def normalised(values, valid, envelope, wave):
    weight = scipy_filter(valid.astype(float), envelope)
    level = scipy_filter(values, envelope) / weight
    response = scipy_filter(values, wave) - level * scipy_filter(valid.astype(float), wave)
    return np.where(valid & (weight >= 0.25), np.abs(response) / weight, np.nan)


def features(maps):
    means, squares = [np.nanmean(m) for m in maps], [np.nanmean(m**2) for m in maps]
    stds = [np.nanstd(m) for m in maps]
    return [*means, *stds, np.mean(means), np.mean(squares), np.max(means) / np.mean(means)]


def main(path):
    cases = []
    for config in CONFIGS:
        transform = np.log1p if config["transform"] == "log1p" else features_filter.raw
        for masked in (False, True):
            values, valid, _ = features_filter.image(masked, transform=transform)
            row = []
            for envelope, waves in kernels(config):
                if masked:
                    maps = [normalised(values, valid, envelope, wave) for wave in waves]
                else:
                    maps = [plain(values, envelope, wave, scipy_filter) for wave in waves]
                    theirs = [plain(values, envelope, wave, opencv_filter) for wave in waves]
                    assert max(np.abs(a - b).max() for a, b in zip(maps, theirs)) < 1e-9 * np.max(maps)
                row += features(maps)
            cases.append({"config": config, "masked": masked, "row": row})
    features_filter.write(
        path, "SciPy and OpenCV", f"{scipy.__version__}, {cv2.__version__}", "features_gabor.py", 1e-6,
        "ours adds up in single precision; gaps are normalised convolution written out with SciPy's correlate",
        cases,
    )


main(sys.argv[1])
