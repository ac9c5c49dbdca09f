"""Entries of csrc/kernels/softmax.c."""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, ROWS, Entry, case, normal


def softmax_forward(rng, M, K, scale=1.0, x=None):
    x = normal(rng, M, K, scale=scale) if x is None else np.array(x, np.float32)
    return {"y": (M, K), "x": x, "M": M, "K": K}


def softmax_backward(rng, M, K, scale=1.0, logarithm=False):
    y = np.empty((M, K))
    forward = reference.log_softmax_forward if logarithm else reference.softmax_forward
    forward(y, np.float64(normal(rng, M, K, scale=scale)), M, K)
    return {"dx": (M, K), "dy": normal(rng, M, K), "y": y.astype(np.float32), "M": M, "K": K}


def log_softmax_backward(rng, **parameters):
    return softmax_backward(rng, **parameters, logarithm=True)


def row_ulps(a):
    return 6 + math.sqrt(a["K"])


def shifted(x):
    return np.abs(x - x.max(axis=-1, keepdims=True, initial=-np.inf))


def log_softmax_magnitude(x):
    """|x - max| and the logarithm of a sum whose largest term is 1, so that its error is at least an ulp of 1."""
    d = shifted(x)
    return d + 1 + np.log(np.exp(-d).sum(axis=-1, keepdims=True))


def exp_of_shifted(x, p):
    """The relative error of exp(x - max) grows with the rounding of x - max; far below, nothing is left of it."""
    return p * (1 + np.minimum(shifted(x), 110))


WIDE_ROWS = [*ROWS, case(M=9, K=10, scale=30), case(M=5, K=33, scale=1e4)]
_ROWS_SOFTMAX = [
    *WIDE_ROWS,
    case(M=2, K=3, x=[[0, -np.inf, 1], [1e30, 1e30, -1e30]]),
    case(M=1, K=3, x=[[np.nan, 0, 1]]),
]
ENTRIES["softmax_forward"] = Entry(
    softmax_forward,
    _ROWS_SOFTMAX,
    row_ulps,
    lambda a, expected: {"y": exp_of_shifted(a["x"], expected["y"])},
    lambda a: 13 * a["x"].size,
    in_place=(("y", "x"),),
)
ENTRIES["softmax_backward"] = Entry(
    softmax_backward,
    WIDE_ROWS,
    row_ulps,
    lambda a, expected: {"dx": a["y"] * (np.abs(a["dy"]) + (np.abs(a["dy"]) * a["y"]).sum(axis=1, keepdims=True))},
    lambda a: 4 * a["y"].size,
    in_place=(("dx", "dy"), ("dx", "y")),
)
ENTRIES["log_softmax_forward"] = Entry(
    softmax_forward,
    _ROWS_SOFTMAX,
    row_ulps,
    lambda a, expected: {"y": log_softmax_magnitude(a["x"])},
    lambda a: 13 * a["x"].size,
    in_place=(("y", "x"),),
)
ENTRIES["log_softmax_backward"] = Entry(
    log_softmax_backward,
    WIDE_ROWS,
    row_ulps,
    lambda a, expected: {"dx": np.abs(a["dy"]) + np.exp(a["y"]) * np.abs(a["dy"]).sum(axis=1, keepdims=True)},
    lambda a: 13 * a["y"].size,
    in_place=(("dx", "dy"), ("dx", "y")),
)
