"""A small image with a halo, a texture and gaps, in whole numbers so that any language can make it."""

import numpy as np

SHAPE = (48, 61)


def counts():
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.int64)
    halo = 200_000 // (40 + (row - 20) ** 2 + (column - 25) ** 2)
    texture = (row * 37 + column * 61 + row * column * 11) % 23
    return np.maximum(halo + texture - 130, 0)


def valid():
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    gap = ((row >= 20) & (row < 23)) | (column == 30) | ((row * 5 + column * 3) % 17 == 0)
    return ~gap
