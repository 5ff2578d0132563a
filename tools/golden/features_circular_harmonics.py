"""Angular harmonics of rings by numpy.linalg.lstsq.

python tools/golden/features_circular_harmonics.py crates/xscatter-features/tests/golden/circular_harmonics.json
"""

import datetime
import json
import sys

import numpy as np

import scattering_image

RINGS = 16
LEAST_PIVOT = 0.05


def bands(image, valid, centre, number, orders):
    row, column = np.indices(image.shape)
    y, x = row + 0.5 - centre[0], column + 0.5 - centre[1]
    reach = max(centre[0], image.shape[0] - centre[0], centre[1], image.shape[1] - centre[1])
    r, phi = np.hypot(x, y), np.arctan2(y, x)
    ring = np.minimum((r / reach * number * RINGS).astype(int), number * RINGS - 1)
    use = valid & (r > 0) & (r <= reach)
    result = []
    for band in range(number):
        pixels, total = 0, np.zeros(1 + len(orders), complex)
        for k in range(band * RINGS, (band + 1) * RINGS):
            here = use & (ring == k)
            n = int(here.sum())
            functions = [np.ones(n)]
            for m in orders:
                functions += [np.sqrt(2) * np.cos(m * phi[here]), np.sqrt(2) * np.sin(m * phi[here])]
            if n < len(functions):
                continue
            matrix = np.stack(functions, axis=1)
            try:
                pivots = np.diag(np.linalg.cholesky(matrix.T @ matrix / n)) ** 2
            except np.linalg.LinAlgError:
                continue
            if pivots.min() <= LEAST_PIVOT:
                continue
            fit = np.linalg.lstsq(matrix, image[here], rcond=None)[0]
            total += n * np.concatenate([[fit[0]], (fit[1::2] - 1j * fit[2::2]) / np.sqrt(2)])
            pixels += n
        if pixels == 0:
            result.append(None)
            continue
        total /= pixels
        result.append({"mean": float(total[0].real), "harmonics": [[float(v.real), float(v.imag)] for v in total[1:]]})
    return result


def main(path):
    counts, valid = scattering_image.counts().astype(float), scattering_image.valid()
    cases = []
    for centre, number, orders, masked in [
        ((20.5, 25.5), 2, [1, 2, 3, 4], False),
        ((20.5, 25.5), 2, [1, 2, 3, 4, 5, 6], True),
        ((22.3, 30.9), 3, [2, 4], True),
        ((2.2, 31.4), 1, [2], True),
    ]:
        use = valid if masked else np.ones_like(valid)
        cases.append({
            "centre": centre, "bands": number, "orders": orders, "masked": masked,
            "values": bands(counts, use, centre, number, orders),
        })
    golden = {
        "provenance": {
            "program": "numpy",
            "version": np.__version__,
            "script": "tools/golden/features_circular_harmonics.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-9,
            "why": "of the mean around the ring: double precision on both sides, normal equations against orthogonal factors",
        },
        "cases": cases,
    }
    with open(path, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(sys.argv[1])
