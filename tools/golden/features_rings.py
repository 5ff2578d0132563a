"""Features of rings of q: q and chi of the pixels by pyFAI, everything on them by numpy and scipy.

python tools/golden/features_rings.py crates/xscatter-features/tests/golden/rings.json
"""

import datetime
import json
import sys

import numpy as np
import pyFAI
import scipy
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator
from scipy.integrate import quad
from scipy.optimize import curve_fit

SHAPE = (64, 80)
POSES = {
    "upright": dict(dist=0.1, poni1=20.31 * 172e-6, poni2=30.77 * 172e-6, rot1=0.0, rot2=0.0, rot3=0.0),
    "tilted": dict(dist=0.05, poni1=4e-3, poni2=5e-3, rot1=-0.02, rot2=0.03, rot3=0.3),
}
WAVELENGTH = 1e-10
PIXEL = 172e-6


def frame():
    """Whole numbers with a halo and two arms, so that every program has the same."""
    row, column = np.mgrid[:SHAPE[0], :SHAPE[1]].astype(np.int64)
    y, x = row - 20, column - 30
    halo = 60_000 // (60 + y * y + x * x)
    arms = 300 * x * x // (40 + y * y + x * x)
    texture = (row * 37 + column * 101 + row * column * 7) % 59
    return (halo + arms + texture).astype(float)


def gaps():
    row, column = np.mgrid[:SHAPE[0], :SHAPE[1]]
    stop = (np.abs(row - 20) < 4) & (np.abs(column - 30) < 4)
    return ~(((row * 5 + column * 3 + 2) % 17 == 0) | ((row >= 40) & (row < 44)) | stop)


class Cells:
    """The pixels of a pose in rings and sectors."""

    def __init__(self, pose, axis, sectors, valid):
        integrator = AzimuthalIntegrator(
            **POSES[pose], detector=Detector(PIXEL, PIXEL, max_shape=SHAPE), wavelength=WAVELENGTH)
        q = integrator.center_array(SHAPE, unit="q_nm^-1")
        chi = integrator.center_array(SHAPE, unit="chi_rad")
        bins, log = axis["bins"], axis["spacing"] == "log"
        high = axis["q_max_inv_nm"] or q.max()
        low = axis["q_min_inv_nm"] or (max(q.min(), high / 100) if log else q.min())
        place = np.log(q / low) / np.log(high / low) if log else (q - low) / (high - low)
        ring = np.minimum(np.floor(place * bins + 1e-9), bins - 1)
        self.bins, self.sectors = bins, sectors
        share = np.arange(bins + 1) / bins
        edges = low * (high / low) ** share if log else low + (high - low) * share
        self.centres = np.sqrt(edges[1:] * edges[:-1]) if log else (edges[1:] + edges[:-1]) / 2
        self.on = (q >= low) & (q <= high)
        self.ring = np.where(self.on, ring, -1).astype(int)
        self.sector = np.floor(chi / (2 * np.pi) * sectors + 1e-9).astype(int) % sectors
        self.valid = valid
        self.chi = (np.arange(sectors) + 0.5) * 2 * np.pi / sectors
        self.solid_angle = integrator.solidAngleArray(SHAPE)
        self.polarisation = lambda factor: integrator.polarization(SHAPE, factor=factor).astype(float)
        self.integrator = integrator

    def pixels(self, counts, ring):
        return counts[self.valid & (self.ring == ring)]

    def azimuthal(self, counts, band):
        """Eight rings as one: I = R(q) g(chi), R and g by turns from each other."""
        sums, pixels = (np.array(part, float) for part in zip(*(
            self.sums(counts, ring) for ring in range(8 * band, 8 * band + 8))))
        quotient = lambda a, b: np.where(b > 0, a / np.where(b > 0, b, 1), 0).clip(0)
        around = np.ones(self.sectors)
        for _ in range(10):
            radial = quotient(sums.sum(1), (pixels * around).sum(1))
            weights = (pixels * radial[:, None]).sum(0)
            around = quotient(sums.sum(0), weights)
        return sums.sum(0), weights * pixels.sum() / weights.sum()

    def sums(self, counts, ring):
        inside = self.valid & (self.ring == ring)
        sector = self.sector[inside]
        return (np.bincount(sector, counts[inside], self.sectors),
                np.bincount(sector, minlength=self.sectors))


def series(chi, sums, valid, orders):
    """Coefficients, their Poisson covariance, by a weighted least-squares solver."""
    width = 2 * np.pi / len(sums)
    columns = [np.ones(len(sums))]
    for m in orders:
        damping = np.sinc(m * width / 2 / np.pi)
        columns += [damping * np.cos(m * chi), damping * np.sin(m * chi)]
    basis, filled = np.stack(columns, 1), valid > 0
    if filled.sum() < basis.shape[1]:
        return None
    root = np.sqrt(valid[filled])
    design, n = basis[filled], valid[filled]
    scaled = design / np.sqrt((design ** 2 * n[:, None]).sum(0))
    # What is left of each function without those before it.
    own = np.diag(np.linalg.qr(scaled * root[:, None])[1]) ** 2
    if own.min() < 1e-3:
        return None
    mean = sums[filled] / n
    solution = np.linalg.lstsq(design * root[:, None], mean * root, rcond=None)[0]
    pinv = np.linalg.pinv(design * root[:, None]) * root
    covariance = pinv @ np.diag(sums[filled] / n ** 2) @ pinv.T
    return solution, covariance


def amplitude(fit, index):
    solution, covariance = fit
    mean, c, s = solution[0], solution[1 + 2 * index], solution[2 + 2 * index]
    size = np.hypot(c, s)
    value = size / 2 / mean
    gradient = np.array([-value / mean, c / size / 2 / mean, s / size / 2 / mean])
    part = covariance[np.ix_(*[[0, 1 + 2 * index, 2 + 2 * index]] * 2)]
    return value, np.sqrt(gradient @ part @ gradient)


def phase(fit, index, order):
    solution, covariance = fit
    c, s = solution[1 + 2 * index], solution[2 + 2 * index]
    gradient = np.array([-s, c]) / (c * c + s * s) / order
    part = covariance[np.ix_(*[[1 + 2 * index, 2 + 2 * index]] * 2)]
    return np.arctan2(s, c) / order % (2 * np.pi / order), np.sqrt(gradient @ part @ gradient)


def rounded(tree):
    """Ten digits of every number are more than any test asks for."""
    if isinstance(tree, dict):
        return {key: rounded(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [rounded(value) for value in tree]
    return float(f"{tree:.10g}") if isinstance(tree, float) else tree


def number(value):
    """JSON has no NaN: missing is null."""
    return None if value is None or not np.isfinite(value) else float(value)


def linear(bins, low=None, high=None):
    return {"bins": bins, "spacing": "linear", "q_min_inv_nm": low, "q_max_inv_nm": high}


def log(bins, low=None, high=None):
    return {"bins": bins, "spacing": "log", "q_min_inv_nm": low, "q_max_inv_nm": high}


def views():
    for pose in POSES:
        for masked in (False, True):
            yield pose, masked, gaps() if masked else np.ones(SHAPE, bool)


def profiles(counts):
    settings = [
        (linear(16), False, None, "poisson"),
        (linear(9, 1.0, 7.0), True, 0.95, "poisson"),
        (log(12), True, None, "scatter"),
        (log(8, 0.5, 6.0), False, None, "scatter"),
    ]
    for pose, masked, valid in views():
        for axis, solid_angle, polarisation, sigma in settings:
            cells = Cells(pose, axis, 4, valid)
            norm = np.ones(SHAPE)
            if solid_angle:
                norm = norm * cells.solid_angle
            if polarisation is not None:
                norm = norm * cells.polarisation(polarisation)
            rows = []
            for ring in range(cells.bins):
                c, w = cells.pixels(counts, ring), cells.pixels(norm, ring)
                if len(c) < (2 if sigma == "scatter" else 1):
                    continue
                mean = c.sum() / w.sum()
                if sigma == "poisson":
                    error = np.sqrt(c.sum()) / w.sum()
                else:
                    error = np.sqrt(((c - w * mean) ** 2).sum() * len(c) / (len(c) - 1)) / w.sum()
                rows.append([cells.centres[ring], mean, error])
            case = {
                "pose": pose, "masked": masked,
                "config": {"axis": axis, "solid_angle": solid_angle, "polarisation": polarisation, "sigma": sigma},
                "rows": rows,
            }
            if axis["spacing"] == "linear" and sigma == "poisson":
                # pyFAI itself, which must agree with the formula above.
                result = cells.integrator.integrate1d(
                    counts, axis["bins"], unit="q_nm^-1", mask=~valid, method=("no", "histogram", "cython"),
                    error_model="poisson", correctSolidAngle=solid_angle, polarization_factor=polarisation,
                    radial_range=None if axis["q_min_inv_nm"] is None else (1.0, 7.0))
                rows = np.stack([result.radial, result.intensity, result.sigma], 1)[result.count > 0].tolist()
                # With a range given, pyFAI puts the pixels up to a bin below it into the first bin.
                case["pyfai"] = rows if axis["q_min_inv_nm"] is None else [None] + rows[1:]
            yield case


def rings(counts):
    for pose, masked, valid in views():
        axis, sectors = linear(6), 60
        cells = Cells(pose, axis, sectors, valid)
        rows = []
        for ring in range(cells.bins):
            c = cells.pixels(counts, ring)
            n = len(c)
            mean, var = c.mean(), c.var(ddof=1)
            m2, m3, m4 = (((c - mean) ** k).mean() for k in (2, 3, 4))
            var_sigma = np.sqrt((m4 - m2 ** 2 * (n - 3) / (n - 1)) / n)
            ratio = var / mean
            gradient = np.array([1 / mean, -ratio / mean])
            both = np.array([[var_sigma ** 2, m3 / n], [m3 / n, var / n]])
            sums, pixels = cells.sums(counts, ring)
            fit = series(cells.chi, sums, pixels, [1, 2, 3, 4])
            anisotropy = amplitude(fit, 1) if fit else (None, None)
            with np.errstate(all="ignore"):
                u, w = sums / pixels, sums / pixels ** 2
            pair = (u - np.roll(u, -1)) ** 2 - w - np.roll(w, -1)
            count = np.isfinite(pair).sum()
            grain = np.nanmean(pair) / 2 / mean ** 2
            grain_sigma = np.sqrt(1.5 * np.nansum((pair - np.nanmean(pair)) ** 2)) / count / 2 / mean ** 2
            rows.append({
                "mean": [mean, np.sqrt(var / n)],
                "variance": [var, var_sigma],
                "over_dispersion": [ratio - 1, np.sqrt(gradient @ both @ gradient)],
                "skewness": [scipy.stats.skew(c), np.sqrt(6 / n)],
                "anisotropy": [number(value) for value in anisotropy],
                "graininess": [grain, grain_sigma],
                "valid_fraction": [n / (cells.ring == ring).sum(), None],
            })
        yield {"pose": pose, "masked": masked, "config": {"axis": axis, "sectors": sectors}, "rings": rows}


def harmonics(counts):
    for pose, masked, valid in views():
        for axis, sectors, orders in [(linear(4), 72, [1, 2, 3, 4, 5, 6]), (log(3, 1.5, 8.0), 60, [2, 4])]:
            cells = Cells(pose, axis | {"bins": 8 * axis["bins"]}, sectors, valid)
            bands = []
            for band in range(axis["bins"]):
                fit = series(cells.chi, *cells.azimuthal(counts, band), orders)
                if fit is None:
                    bands.append(None)
                    continue
                bands.append({
                    "mean": [fit[0][0], np.sqrt(fit[1][0, 0])],
                    "amplitude": [amplitude(fit, k) for k in range(len(orders))],
                    "phase": [phase(fit, k, m) for k, m in enumerate(orders)],
                })
            yield {"pose": pose, "masked": masked,
                   "config": {"axis": axis, "sectors": sectors, "orders": orders}, "bands": bands}


def correlation(counts):
    for pose, masked, valid in views():
        for subtract in (False, True):
            axis, sectors, orders, angles = linear(4), 72, [1, 2, 3, 4, 6], [0, 35, 37, 90, 180]
            cells = Cells(pose, axis | {"bins": 8 * axis["bins"]}, sectors, valid)
            bands = []
            for band in range(axis["bins"]):
                sums, pixels = cells.azimuthal(counts, band)
                filled = pixels > 0
                mean = (sums[filled] / pixels[filled]).mean()
                values = []
                for shift in range(sectors):
                    terms = [
                        (sums[a] / pixels[a] - mean) * (sums[b] / pixels[b] - mean)
                        for a in range(sectors) for b in [(a + shift) % sectors] if filled[a] and filled[b]]
                    noise = (sums[filled] / pixels[filled] ** 2).sum() if subtract and shift == 0 else 0.0
                    values.append((sum(terms) - noise) / len(terms) / mean ** 2 if terms else np.nan)
                values = np.array(values)
                shifts = np.arange(sectors) * 2 * np.pi / sectors
                at = [np.interp(angle * sectors / 360, np.arange(sectors), values) for angle in angles]
                bands.append({
                    "values": [number(value) for value in values[::3]],
                    "orders": [number((values * np.cos(order * shifts)).mean()) for order in orders],
                    "at": [number(value) for value in at],
                })
            yield {"pose": pose, "masked": masked,
                   "config": {"axis": axis, "sectors": sectors, "orders": orders, "angles_deg": angles,
                              "subtract_noise": subtract},
                   "bands": bands}


def maier_saupe(chi, background, height, m, director):
    return background + height * np.exp(m * (np.cos(chi - director) ** 2 - 1))


def p2(m):
    power = lambda k: quad(lambda x: x ** k * np.exp(m * (x * x - 1)), 0, 1, epsabs=0, epsrel=1e-12)[0]
    return 1.5 * power(2) / power(0) - 0.5


def hermans(sums, valid, director, level):
    """About a director: missing sectors from the opposite one, else between their neighbours."""
    sectors = len(sums)
    with np.errstate(all="ignore"):
        means = sums / valid
    known = np.where(valid > 0, means, np.roll(means, sectors // 2))
    if np.isnan(known).any():
        filled = np.flatnonzero(~np.isnan(known))
        known = np.interp(np.arange(sectors), filled, known[filled], period=sectors)
    background = 0.0 if level is None else np.quantile(means[valid > 0], level)
    width = 2 * np.pi / sectors
    net = square = 0.0
    for sector in range(sectors):
        ends = np.array([sector, sector + 1]) * width - director
        # The kinks of |sin| are known to the integrator.
        kinks = [k * np.pi for k in range(-3, 4) if ends[0] < k * np.pi < ends[1]] or None
        plain = quad(lambda x: abs(np.sin(x)), *ends, points=kinks, epsabs=1e-14)[0]
        squared = quad(lambda x: abs(np.sin(x)) * np.cos(x) ** 2, *ends, points=kinks, epsabs=1e-14)[0]
        net += plain * (known[sector] - background)
        square += squared * (known[sector] - background)
    return 1.5 * square / net - 0.5


def orientation():
    """Counts of sectors, as drawn; everything on them."""
    draw = np.random.default_rng(20261120)
    sectors = 90
    chi = (np.arange(sectors) + 0.5) * 2 * np.pi / sectors
    for m, director, background, gap in [
            (1.5, 0.7, 20.0, False), (4.0, 2.9, 5.0, True), (25.0, 0.05, 50.0, False), (3.0, 1.6, 0.5, True)]:
        valid = np.full(sectors, 30) + np.arange(sectors) % 4
        if gap:
            valid[10:16] = 0
            valid[60:64] = 0
            valid[57] = 0
        sums = draw.poisson(maier_saupe(chi, background, 100.0, m, director) * valid).astype(float)
        fit = series(chi, sums, valid, [2, 4, 6, 8])
        fourier, angle = amplitude(fit, 0), phase(fit, 0, 2)
        filled = valid > 0
        x, y, n = chi[filled], (sums / np.maximum(valid, 1))[filled], valid[filled]
        mean = sums.sum() / valid.sum()
        options = dict(absolute_sigma=True, xtol=1e-15, ftol=1e-15, gtol=1e-15, maxfev=20000)
        first, _ = curve_fit(maier_saupe, x, y, [y.min(), y.max() - y.min(), 2.0, angle[0]],
                             sigma=np.sqrt(mean / n), **options)
        variance = np.maximum(maier_saupe(x, *first), 1e-3 * mean) / n
        found, covariance = curve_fit(maier_saupe, x, y, first, sigma=np.sqrt(variance), **options)
        sigma = np.sqrt(np.diag(covariance))
        slope = (p2(found[2] + 1e-4) - p2(found[2] - 1e-4)) / 2e-4
        yield {
            "sums": sums.tolist(), "valid": valid.tolist(),
            "fourier": list(fourier), "director": list(angle),
            "hermans": hermans(sums, valid, angle[0], None),
            "hermans_above": hermans(sums, valid, angle[0], 0.05),
            "background": [found[0], sigma[0]], "height": [found[1], sigma[1]], "m": [found[2], sigma[2]],
            "angle": [found[3] % np.pi, sigma[3]],
            "s2": [p2(found[2]), slope * sigma[2]],
        }


def main(path):
    counts = frame()
    cases = {
        "profile": list(profiles(counts)),
        "rings": list(rings(counts)),
        "harmonics": list(harmonics(counts)),
        "correlation": list(correlation(counts)),
        "orientation": list(orientation()),
    }
    golden = {
        "provenance": {
            "program": "pyFAI, numpy, scipy",
            "version": f"{pyFAI.version}, {np.__version__}, {scipy.__version__}",
            "script": "tools/golden/features_rings.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "features are single precision and pyFAI corrects in single precision; fits stop at a step of 1e-11",
        },
        "cases": rounded(cases),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
