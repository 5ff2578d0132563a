"""Maxima, fits and reflections for the analyses of curves: SciPy and sasmodels, and counting by hand.

python tools/golden/features_curves.py crates/xscatter-features/tests/golden/curves.json
"""

import datetime
import itertools
import json
import sys

import numpy as np
import sasmodels
import scipy
from sasmodels.core import load_model
from sasmodels.direct_model import call_kernel
from scipy.optimize import curve_fit
from scipy.signal import find_peaks, peak_prominences, peak_widths


def rough(count, factor, modulus):
    """A sequence of whole numbers with plateaus, that any language can make."""
    at = np.arange(count)
    return ((at * factor + at * at * 3) % modulus // 2).astype(float)


def maxima():
    cases = []
    for count, factor, modulus in [(60, 7, 13), (200, 11, 101), (333, 29, 7)]:
        values = rough(count, factor, modulus)
        peaks, _ = find_peaks(values)
        prominences, left, right = peak_prominences(values, peaks)
        widths, _, left_half, right_half = peak_widths(values, peaks, 0.5)
        cases.append({
            "sequence": [count, factor, modulus],
            "index": peaks.tolist(),
            "prominence": prominences.tolist(),
            "left_base": left.tolist(),
            "right_base": right.tolist(),
            "left_half": left_half.tolist(),
            "right_half": right_half.tolist(),
        })
    return cases


def pseudo_voigt(x, position, fwhm, height, share):
    u = (x - position) / fwhm
    return height * (share / (1 + 4 * u * u) + (1 - share) * np.exp(-4 * np.log(2) * u * u))


def fitted(model, x, y, sigma, start):
    found, covariance = curve_fit(
        model, x, y, p0=start, sigma=sigma, absolute_sigma=True,
        ftol=1e-15, xtol=1e-15, gtol=1e-15, maxfev=20_000)
    chi_square = float(np.sum(((y - model(x, *found)) / sigma) ** 2))
    return found, covariance, chi_square / (len(x) - len(found))


def peak_fits():
    """Peaks with counting noise, rounded to whole counts."""
    noise = np.random.default_rng(20261120)
    cases = []
    for starts, truth, slope in [
        ([(1.0, 0.1, 3e4, 0.5)], [(1.02, 0.12, 40_000.0, 0.3)], 30.0),
        ([(0.9, 0.1, 5e4, 0.5), (1.15, 0.1, 5e4, 0.5)],
         [(0.92, 0.11, 9e4, 0.4), (1.12, 0.13, 6e4, 0.6)], -60.0),
        ([(1.1, 0.2, 900.0, 0.5)], [(1.05, 0.15, 5000.0, 0.5)], 0.0),
    ]:
        x = np.round(np.linspace(0.6, 1.5, 91), 6)
        mean = 200 + slope * (x - 1) + sum(pseudo_voigt(x, *peak) for peak in truth)
        y = noise.poisson(mean).astype(float)
        sigma = np.sqrt(np.maximum(y, 1.0))

        def model(x, *p):
            line = p[-2] + p[-1] * (x - (x[0] + x[-1]) / 2)
            return line + sum(pseudo_voigt(x, *p[at:at + 4]) for at in range(0, len(p) - 2, 4))

        start = [number for peak in starts for number in peak] + [float(y.min()), 0.0]
        found, covariance, reduced = fitted(model, x, y, sigma, start)
        assert all(0 < found[at] < 1 for at in range(3, len(found) - 2, 4)), found
        peaks = []
        for at in range(0, len(found) - 2, 4):
            _, fwhm, height, share = found[at:at + 4]
            gauss = np.sqrt(np.pi / np.log(2)) / 2
            mean_height = share * np.pi / 2 + (1 - share) * gauss
            gradient = np.array([
                height * mean_height, fwhm * mean_height, height * fwhm * (np.pi / 2 - gauss)])
            block = covariance[at + 1:at + 4, at + 1:at + 4]
            errors = np.sqrt(np.diag(covariance))[at:at + 4]
            peaks.append({
                "values": [*found[at:at + 4].tolist(), float(height * fwhm * mean_height)],
                "sigma": [*errors.tolist(), float(np.sqrt(gradient @ block @ gradient))],
            })
        cases.append({
            "x": x.tolist(), "y": y.tolist(), "sigma": sigma.tolist(),
            "starts": [list(peak) for peak in starts], "peaks": peaks, "reduced_chi_square": reduced,
        })
    return cases


def laws():
    """Guinier's and Porod's law, a power law and correlation lengths by curve_fit."""
    noise = np.random.default_rng(5)
    q = np.round(np.linspace(0.02, 3.0, 150), 6)
    cases = {}
    mean = 4e4 * np.exp(-(q * 5.0) ** 2 / 3) + 0.5
    y = noise.poisson(mean * 20) / 20
    sigma = np.sqrt(np.maximum(y, 0.05) / 20)
    # The range that holds itself: the last q with q Rg <= 1.3, from the first point.
    points = 5
    for _ in range(50):
        line, covariance, reduced = fitted(
            lambda x, a, b: a + b * x, q[:points] ** 2, np.log(y[:points]),
            sigma[:points] / y[:points], [10.0, -5.0])
        rg = np.sqrt(-3 * line[1])
        after = int(np.sum(q * rg <= 1.3))
        if after == points:
            break
        points = after
    errors = np.sqrt(np.diag(covariance))
    cases["guinier"] = {
        "q": q.tolist(), "y": y.tolist(), "sigma": sigma.tolist(), "points": points,
        "values": [float(rg), float(np.exp(line[0])), float(1.5 * errors[1] / rg),
                   float(np.exp(line[0]) * errors[0]), reduced],
    }
    mean = 30 * q ** -3.4 + 8
    y = noise.poisson(mean * 50) / 50
    sigma = np.sqrt(np.maximum(y, 0.02) / 50)
    upper = q >= q[-1] * (q[0] / q[-1]) ** 0.4
    part = q[upper], y[upper], sigma[upper]
    law, covariance, reduced = fitted(
        lambda x, a, n, b: a * x ** -n + b, *part, [20.0, 3.0, 5.0])
    errors = np.sqrt(np.diag(covariance))
    constant, held, held_reduced = fitted(lambda x, a, b: a * x ** -4.0 + b, *part, [20.0, 5.0])
    held = np.sqrt(np.diag(held))
    cases["porod"] = {
        "q": q.tolist(), "y": y.tolist(), "sigma": sigma.tolist(),
        "power": [law[1], errors[1], law[0], law[2], errors[2], reduced],
        "constant": [constant[0], held[0], constant[1], held[1], held_reduced],
    }
    lengths = []
    for name, power in [("ornstein_zernike", 1), ("debye_bueche", 2)]:
        mean = 5e3 * (1 + (q * 4.0) ** 2) ** -power + 3
        y = noise.poisson(mean * 9) / 9
        sigma = np.sqrt(np.maximum(y, 0.1) / 9)
        found, covariance, reduced = fitted(
            lambda x, i0, xi, b, power=power: i0 * (1 + (x * xi) ** 2) ** -power + b,
            q, y, sigma, [4e3, 3.0, 1.0])
        errors = np.sqrt(np.diag(covariance))
        lengths.append({
            "model": name, "q": q.tolist(), "y": y.tolist(), "sigma": sigma.tolist(),
            "values": [found[1], errors[1], found[0], errors[0], found[2], errors[2], reduced],
        })
    cases["lengths"] = lengths
    return cases


def spheres():
    """Curves of spheres by sasmodels; R in nm, q in 1/nm."""
    kernel = load_model("sphere")
    cases = []
    for radius in [2.0, 5.0, 12.0]:
        q = np.round(np.linspace(0.02, 6.0, 150) / radius, 6)
        values = call_kernel(kernel.make_kernel([q / 10]), {
            "scale": 1.0, "background": 0.0, "sld": 1.0, "sld_solvent": 6.0, "radius": 10 * radius})
        cases.append({
            "radius_nm": radius, "q": q.tolist(), "y": values.tolist(),
            "rg_nm": float(np.sqrt(0.6) * radius),
        })
    return cases


def reflections():
    """Allowed reflections by trying all indices, as the International Tables write the conditions."""

    def even(*numbers):
        return all(number % 2 == 0 for number in numbers)

    def any_order(h, k, l, rule):
        return all(rule(*order) for order in itertools.permutations((h, k, l)))

    cubic = {
        "simple_cubic": lambda h, k, l: True,
        "body_centred_cubic": lambda h, k, l: even(h + k + l),
        "face_centred_cubic": lambda h, k, l: even(h + k, k + l),
        # F, with atoms at (0,0,0) and (1/4,1/4,1/4): the structure factor itself.
        "diamond": lambda h, k, l: even(h + k, k + l)
            and abs(1 + np.exp(2j * np.pi * (h + k + l) / 4)) > 1e-9,
        # Ia-3d: hkl h+k+l=2n; 0kl k,l=2n; hhl 2h+l=4n; h00 h=4n.
        "gyroid": lambda h, k, l: even(h + k + l) and any_order(h, k, l, lambda a, b, c:
            (a != 0 or even(b, c)) and (a != b or (2 * a + c) % 4 == 0)
            and (b != 0 or c != 0 or a % 4 == 0)),
        # Pn-3m: 0kl k+l=2n; h00 h=2n.
        "double_diamond": lambda h, k, l: any_order(h, k, l, lambda a, b, c: a != 0 or even(b + c)),
        # I4(1)32: hkl h+k+l=2n; h00 h=4n.
        "single_gyroid": lambda h, k, l: even(h + k + l) and any_order(h, k, l, lambda a, b, c:
            b != 0 or c != 0 or a % 4 == 0),
    }
    found = {}
    for name, allows in cubic.items():
        found[name] = {
            h * h + k * k + l * l for h, k, l in itertools.product(range(12), repeat=3)
            if (h, k, l) != (0, 0, 0) and allows(h, k, l)}
    found["lamellar"] = {n * n for n in range(1, 40)}
    found["square"] = {h * h + k * k for h, k in itertools.product(range(30), repeat=2)} - {0}
    found["hexagonal"] = {
        4 / 3 * (h * h + h * k + k * k) for h, k in itertools.product(range(30), repeat=2)} - {0}
    # P6_3/mmc with atoms at (1/3,2/3,1/4) and (2/3,1/3,3/4).
    found["hexagonal_close_packed"] = {
        round(4 / 3 * (h * h + h * k + k * k) + 3 / 8 * l * l, 9)
        for h, k, l in itertools.product(range(-12, 13), repeat=3)
        if (h, k, l) != (0, 0, 0)
        and abs(np.exp(2j * np.pi * ((h + 2 * k) / 3 + l / 4))
                + np.exp(2j * np.pi * ((2 * h + k) / 3 + 3 * l / 4))) > 1e-9}
    return {name: [float(np.sqrt(square)) for square in sorted(squares)[:24]]
            for name, squares in found.items()}


def main(path):
    golden = {
        "provenance": {
            "program": "SciPy, sasmodels and NumPy",
            "version": f"{scipy.__version__}, {sasmodels.__version__} and {np.__version__}",
            "script": "tools/golden/features_curves.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "curve_fit stops when a step changes chi square by rounding only, which leaves about "
                   "1e-8 of an uncertainty; its Jacobian is one of differences, so uncertainties agree to "
                   "1e-5. Maxima are exact, reflections to 1e-12, radii of spheres to the error of "
                   "Guinier's law.",
        },
        "cases": {
            "maxima": maxima(), "peak_fits": peak_fits(), "laws": laws(), "spheres": spheres(),
            "reflections": reflections(),
        },
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
