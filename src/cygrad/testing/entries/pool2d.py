"""Entries of csrc/kernels/pool2d.c."""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, EXACT, Entry, normal
from .conv2d import window_sizes


def max_pool2d_forward(rng, N, H, W, C, R, S, stride, padding="valid", values="normal"):
    x = normal(rng, N, H, W, C)
    if values == "ties":
        x = np.floor(2 * x)
    elif values == "extreme":
        x = rng.choice(
            np.float32([np.nan, -np.inf, np.inf, -3e38, 0, -0.0, 1]), x.shape, p=[0.05, 0.5, 0.05, 0.2, 0.1, 0.05, 0.05]
        )
    sizes = {"N": N, "H": H, "W": W, "C": C, "R": R, "S": S, **window_sizes(H, W, R, S, stride, padding)}
    return {"y": (N, sizes["P"], sizes["Q"], C), "argmax": (N, sizes["P"], sizes["Q"], C), "x": x, **sizes}


def max_pool2d_backward(rng, **parameters):
    a = max_pool2d_forward(rng, **parameters)
    shape, x = a["y"], a["x"]
    a["y"], a["argmax"] = np.empty(shape), np.empty(shape, np.uint8)
    reference.max_pool2d_forward(**a)
    argmax = a["argmax"]
    del a["y"], a["argmax"], a["x"]
    return {"dx": x.shape, "dy": normal(rng, *shape), "argmax": argmax, **a}


def average_pool2d_forward(rng, *, values="normal", **parameters):
    a = max_pool2d_forward(rng, **parameters)
    del a["argmax"]
    return a


def average_pool2d_backward(rng, *, values="normal", **parameters):
    a = max_pool2d_forward(rng, **parameters)
    shape, x = a.pop("y"), a.pop("x")
    del a["argmax"]
    return {"dx": x.shape, "dy": normal(rng, *shape), **a}


def pool_magnitude(name, output):
    def magnitude(a, expected):
        total = np.empty_like(expected[output])
        source = "x" if "x" in a else "dy"
        getattr(reference, name)(**{**a, source: np.abs(a[source]), output: total})
        return {output: total}

    return magnitude


def pool(*sizes, **parameters):
    return dict(zip(("N", "H", "W", "C", "R", "S", "stride", "padding"), sizes), **parameters)


_POOL = [
    pool(0, 4, 4, 3, 2, 2, (2, 2)),
    pool(1, 1, 1, 1, 1, 1, (1, 1)),
    pool(2, 6, 8, 3, 2, 2, (2, 2), values="ties"),
    pool(1, 7, 9, 16, 2, 2, (2, 2)),
    pool(1, 7, 9, 17, 2, 2, (2, 2), "same", values="ties"),
    pool(1, 9, 7, 33, 3, 3, (2, 2), "same"),
    pool(1, 8, 8, 5, 3, 3, (1, 1), "same", values="extreme"),
    pool(2, 9, 10, 4, 3, 2, (2, 3), (1, 1, 0, 1), values="ties"),
    pool(1, 11, 5, 31, 2, 5, (3, 1), (0, 1, 2, 2)),
    pool(1, 5, 6, 7, 5, 6, (5, 6)),
    pool(1, 16, 16, 3, 16, 16, (1, 1), values="ties"),
    pool(1, 20, 20, 2, 3, 3, (5, 4), values="extreme"),
    pool(1, 1, 30, 8, 1, 3, (1, 2), "same"),
    pool(2, 40, 40, 16, 2, 2, (2, 2)),
    pool(2, 5, 5, 17, 2, 2, (2, 2), values="ties"),
    pool(1, 7, 9, 33, 3, 2, (3, 2)),
    pool(2, 3, 3, 40, 2, 2, (2, 2)),
    pool(3, 8, 7, 1, 2, 3, (2, 3)),
    pool(3, 33, 31, 24, 3, 3, (2, 2), "same", values="ties"),
    pool(2, 28, 28, 13, 3, 3, (1, 1), "same"),
]


def pool_flops(a):
    return a["N"] * a["P"] * a["Q"] * a["C"] * a["R"] * a["S"]


def pool_ulps(a):
    return 4 + math.sqrt(a["R"] * a["S"])


ENTRIES["max_pool2d_forward"] = Entry(max_pool2d_forward, _POOL, EXACT, flops=pool_flops)
ENTRIES["max_pool2d_backward"] = Entry(
    max_pool2d_backward, _POOL, pool_ulps, pool_magnitude("max_pool2d_backward", "dx"), pool_flops
)
ENTRIES["average_pool2d_forward"] = Entry(
    average_pool2d_forward, _POOL, pool_ulps, pool_magnitude("average_pool2d_forward", "y"), pool_flops
)
ENTRIES["average_pool2d_backward"] = Entry(
    average_pool2d_backward, _POOL, pool_ulps, pool_magnitude("average_pool2d_backward", "dx"), pool_flops
)
