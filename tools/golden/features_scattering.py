"""Wavelet scattering by kymatio, and with gaps by the formula of the module in double precision.

python tools/golden/features_scattering.py crates/xscatter-features/tests/golden/scattering.json
"""

import sys
from importlib.metadata import version

import numpy as np
import scipy.special

# The three-dimensional part of kymatio imports a name that SciPy has dropped; it is not used here.
scipy.special.sph_harm = None
from kymatio.numpy import Scattering2D  # noqa: E402

import features_filter  # noqa: E402

CONFIGS = [{"scales": 3, "orientations": 8, "shape": (48, 61)}, {"scales": 2, "orientations": 5, "shape": (41, 56)}]

KYMATIO, FORMULA = 1e-5, 1e-5


def wave(shape, sigma, slant, theta, frequency):
    """A periodic Gabor function in the Fourier domain; the sum of its envelope is 1."""
    total = 0
    for m in range(-3, 4):
        for n in range(-3, 4):
            x, y = np.mgrid[: shape[0], : shape[1]].astype(float)
            x, y = x + m * shape[0], y + n * shape[1]
            along, across = x * np.cos(theta) + y * np.sin(theta), y * np.cos(theta) - x * np.sin(theta)
            total = total + np.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2) + 1j * frequency * along)
    return np.fft.fft2(total).real * slant / (2 * np.pi * sigma**2)


def thin(spectrum, factor):
    rows, columns = spectrum.shape
    return spectrum.reshape(factor, rows // factor, factor, columns // factor).mean(axis=(0, 2))


def crop(filter_, factor):
    """The low frequencies of a filter, for images thinned out by a factor."""
    for axis in (0, 1):
        length = filter_.shape[axis]
        short = length // factor
        index = np.r_[: short // 2, length - (short - short // 2) : length]
        filter_ = filter_.take(index, axis)
    return filter_


def transform(values, valid, level, scales, directions):
    """Normalised convolution at each order; without gaps what kymatio does."""
    shape = values.shape
    padded = [((side >> scales) + 2) << scales for side in shape]
    margins = [((p - s) // 2, (p - s + 1) // 2) for p, s in zip(padded, shape)]
    x, w = [np.pad(a.astype(float), margins, mode="reflect") for a in (values, valid)]
    slant = 4 / directions
    waves, envelopes = {}, {}
    for j in range(scales):
        sigma = 0.8 * 2**j
        envelopes[j] = wave(padded, sigma, 1.0, 0.0, 0.0)
        envelopes[j] /= envelopes[j][0, 0]
        for t in range(directions):
            theta = (int(directions - directions / 2 - 1) - t) * np.pi / directions
            plain, mean = [wave(padded, sigma, slant, theta, f) for f in (0.75 * np.pi / 2**j, 0.0)]
            waves[j, t] = plain - plain[0, 0] / mean[0, 0] * mean
    low = wave(padded, 0.8 * 2 ** (scales - 1), 1.0, 0.0, 0.0)

    def convolved(image, filter_, source, target):
        spectrum = np.fft.fft2(image) * crop(filter_, 2**source)
        return np.fft.ifft2(thin(spectrum, 2 ** (target - source)))

    def blurred(image, filter_, source, target):
        return convolved(image, filter_, source, target).real

    def low_pass(product, weights, source):
        norm = blurred(weights, low, source, scales)[1:-1, 1:-1]
        value = blurred(product, low, source, scales)[1:-1, 1:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(norm >= 0.25, value / norm, np.nan)

    def step(product, weights, source, j, t):
        weight = blurred(weights, envelopes[j], source, j)
        kept = weight >= 0.25
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(kept, blurred(product, envelopes[j], source, j) / weight, 0.0)
        response = convolved(product, waves[j, t], source, j) - mean * convolved(weights, waves[j, t], source, j)
        return np.where(kept, np.abs(response), 0.0), np.where(kept, weight, 0.0)

    orders = [[low_pass(x * w, w, 0) + level], [], []]
    for j, t in [(j, t) for j in range(scales) for t in range(directions)]:
        one = step(x * w, w, 0, j, t)
        orders[1].append(low_pass(*one, j))
        for k, s in [(k, s) for k in range(j + 1, scales) for s in range(directions)]:
            orders[2].append(low_pass(*step(*one, j, k, s), k))
    return orders[0] + orders[1] + orders[2]


def listed(one):
    """Row by row, with nothing where too little was measured."""
    return [None if np.isnan(value) else float(f"{value:.9g}") for value in one.ravel()]


def row(maps):
    return [value for one in maps for value in (float(f"{f(one):.9g}") for f in (np.nanmean, np.nanstd))]


def case(config, masked, tolerance, maps):
    some = [listed(one) for one in (maps[0], maps[1], maps[-1])]
    return config | {"masked": masked, "tolerance": tolerance, "row": row(maps), "maps": some}


def main(path):
    cases = []
    for config in CONFIGS:
        scales, directions, shape = config["scales"], config["orientations"], config["shape"]
        values, valid, level = features_filter.image(False, shape)
        theirs = Scattering2D(scales, shape, directions)(values + level)
        formula = transform(values, valid, level, scales, directions)
        # kymatio divides every filter by 3.1415 for pi.
        order = [0] + [1] * scales * directions
        order = np.array(order + [2] * (len(theirs) - len(order)))
        factor = (3.1415 / np.pi) ** (order + 1)
        maps = theirs * factor[:, None, None]
        deviation = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(maps, formula)]
        print(f"formula against kymatio: {max(deviation):.1e} of the largest value of a map")
        cases.append(case(config, False, KYMATIO, maps))
        cases.append(case(config, False, FORMULA, formula))
        values, valid, level = features_filter.image(True, shape)
        cases.append(case(config, True, FORMULA, transform(values, valid, level, scales, directions)))
    features_filter.write(
        path, "kymatio", version("kymatio"), "features_scattering.py", KYMATIO,
        "single precision on both sides: the weakest second orders are a thousandth of the first ones; the formula "
        "in double precision, with and without gaps, is met as closely",
        cases,
    )


main(sys.argv[1])
