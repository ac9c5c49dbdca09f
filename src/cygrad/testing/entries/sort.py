"""Entries of csrc/kernels/sort.c."""

import math

import numpy as np

from .common import ENTRIES, EXACT, Entry, case, normal


def argsort(rng, M, K, descending):
    x = np.round(normal(rng, M, K), 1)
    for i, value in enumerate((math.nan, -0.0, math.inf, 0.0, -math.inf, math.nan)):
        x.ravel()[i * 7 : i * 7 + 1] = value
    return {"index": (M, K), "x": x, "M": M, "K": K, "descending": descending}


def argsort_int32(rng, M, K, descending):
    x = rng.integers(-5, 5, (M, K), np.int32)
    x.ravel()[:2] = [-(2**31), 2**31 - 1][: x.size]
    return {"index": (M, K), "x": x, "M": M, "K": K, "descending": descending}


for _make in (argsort, argsort_int32):
    ENTRIES[_make.__name__] = Entry(
        _make,
        [
            case(M=M, K=K, descending=descending)
            for M, K in ((0, 5), (3, 0), (1, 1), (2, 2), (5, 8), (3, 9), (4, 17), (7, 100), (300, 33), (2, 3000))
            for descending in (0, 1)
        ],
        EXACT,
    )
