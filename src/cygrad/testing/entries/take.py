"""Entries of csrc/kernels/take.c."""

import math

import numpy as np

from .common import ENTRIES, EXACT, Entry, case, normal


def indices(rng, A, n, wrap, index):
    """Those that are given, or small ones more often than large ones, as words are."""
    if index is None:
        index = (A * rng.random(n) ** 3).astype(int) - wrap * A * rng.integers(0, 2, n)
    return np.array(index, np.int32)


def take_forward(rng, O, A, I, n, wrap=0, index=None):  # noqa: E741
    return {
        "y": (O, n, I),
        "x": normal(rng, O, A, I),
        "index": indices(rng, A, n, wrap, index),
        **{"O": O, "A": A, "I": I, "n": n, "wrap": wrap},
    }


def take_backward(rng, O, A, I, n, wrap=0, index=None):  # noqa: E741
    return {
        "dx": (O, A, I),
        "dy": normal(rng, O, n, I),
        "index": indices(rng, A, n, wrap, index),
        **{"O": O, "A": A, "I": I, "n": n, "wrap": wrap},
    }


def take_backward_magnitude(a, expected):
    total = np.zeros_like(expected["dx"])
    for i, place in enumerate(a["index"] % max(a["A"], 1)):
        total[:, place] += np.abs(a["dy"][:, i])
    return {"dx": total}


_TAKE = [
    case(O=1, A=3, I=4, n=0),
    case(O=2, A=0, I=4, n=0),
    case(O=0, A=2, I=4, n=3),
    case(O=3, A=5, I=0, n=4),
    case(O=1, A=1, I=1, n=1),
    case(O=1, A=7, I=1, n=30, wrap=1),
    case(O=5, A=4, I=3, n=9, wrap=1),
    case(O=1, A=9, I=16, n=40),
    case(O=2, A=11, I=33, n=21),
    case(O=1, A=50, I=63, n=700, wrap=1),
    case(O=1, A=300, I=5, n=9001),
    case(O=1, A=1000, I=128, n=1500),
    case(O=4, A=30, I=100, n=300),
]
_OUTSIDE = [
    case(O=1, A=5, I=4, n=3, index=[0, 5, 1]),
    case(O=2, A=5, I=4, n=3, index=[0, 1, -1]),
    case(O=2, A=5, I=4, n=3, wrap=1, index=[0, 1, -6]),
    case(O=1, A=0, I=4, n=1, index=[0]),
    case(O=1, A=5, I=200, n=300, index=[0] * 299 + [-(2**31)]),
]
ENTRIES["take_forward"] = Entry(take_forward, _TAKE, EXACT, errors=_OUTSIDE)
ENTRIES["take_backward"] = Entry(
    take_backward,
    _TAKE,
    ulps=lambda a: 4 + math.sqrt(a["n"]),
    magnitude=take_backward_magnitude,
    flops=lambda a: a["dy"].size,
    errors=_OUTSIDE,
)
