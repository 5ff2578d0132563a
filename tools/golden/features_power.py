"""Shares of the power spectrum from NumPy's transform, with and without gaps.

python tools/golden/features_power.py crates/xscatter-features/tests/golden/power_spectrum.json
"""

import sys

import numpy as np

import features_filter

CONFIGS = [
    {"bands": 8, "spacing": "logarithmic", "lowest_per_px": 1 / 32, "sectors": 8, "transform": "log1p"},
    {"bands": 5, "spacing": "linear", "lowest_per_px": 0.1, "sectors": 3, "transform": "raw"},
]


def hann(length):
    return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2


def features(config, values, valid):
    window = np.outer(hann(values.shape[0]), hann(values.shape[1])) * valid
    mean = (window * values).sum() / window.sum()
    power = np.abs(np.fft.fft2(window * (values - mean))) ** 2 / (window**2).sum()
    y, x = np.meshgrid(*[np.fft.fftfreq(n) for n in values.shape], indexing="ij")
    frequency = np.hypot(y, x)
    lowest, bands = config["lowest_per_px"], config["bands"]
    spaced = np.geomspace if config["spacing"] == "logarithmic" else np.linspace
    edges = spaced(lowest, 0.5, bands + 1)
    inside = (frequency >= lowest) & (frequency <= 0.5)
    total = power[inside].sum()
    band = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, bands - 1)
    members = [inside & (band == k) for k in range(bands)]
    row = [power[m].sum() / total for m in members]
    sectors = config["sectors"]
    shares = np.zeros(sectors)
    doubled = 0
    # Frequencies of one half have both signs.
    for sign in (1, -1):
        signed_y = np.where(np.abs(y) == 0.5, sign * y, y)
        signed_x = np.where(np.abs(x) == 0.5, sign * x, x)
        angle = np.arctan2(signed_y, signed_x) / np.pi * sectors
        sector = np.round(angle).astype(int) % sectors
        for k in range(sectors):
            shares[k] += 0.5 * power[inside & (sector == k)].sum() / total
        doubled = doubled + 0.5 * (power * np.exp(2j * np.arctan2(signed_y, signed_x)))[inside].sum() / total
    log_f = [np.log(frequency[m]).mean() for m in members]
    log_p = [np.log(power[m].mean()) for m in members]
    (slope, _), covariance = np.polyfit(log_f, log_p, 1, cov=True)
    return row + list(shares) + [np.abs(doubled), slope, np.sqrt(covariance[0, 0]), total / values.size]


def main(path):
    cases = []
    for config in CONFIGS:
        transform = np.log1p if config["transform"] == "log1p" else features_filter.raw
        for masked in (False, True):
            values, valid, _ = features_filter.image(masked, transform=transform)
            cases.append({"config": config, "masked": masked, "row": features(config, values, valid)})
    features_filter.write(
        path, "NumPy", np.__version__, "features_power.py", 1e-6,
        "the same sums in double precision; ours starts from intensities in single precision",
        cases,
    )


main(sys.argv[1])
