"""Entries of csrc/kernels/scan.c."""

import numpy as np

from .common import ENTRIES, EXACT, Entry, case, normal

_SIZES = [
    case(O=O, R=R, I=I)
    for O, R, I in (  # noqa: E741
        (0, 3, 2), (3, 0, 2), (2, 3, 0), (1, 1, 1), (1, 7, 1), (5, 33, 1), (1, 5, 17), (3, 9, 16), (2, 65, 33),
        (400, 50, 3),
    )
]  # fmt: skip


def cumulative_sum(rng, O, R, I, reverse):  # noqa: E741
    return {"y": (O, R, I), "x": normal(rng, O, R, I), "O": O, "R": R, "I": I, "reverse": reverse}


def cumulative_sum_int32(rng, O, R, I, reverse):  # noqa: E741
    x = rng.integers(-(2**31), 2**31, (O, R, I), np.int32)
    return cumulative_sum(rng, O, R, I, reverse) | {"x": x}


def sums_of_sizes(a, expected):
    sizes = np.abs(a["x"])
    return {"y": np.flip(np.cumsum(np.flip(sizes, 1), 1), 1) if a["reverse"] else np.cumsum(sizes, 1)}


_BOTH_WAYS = [old | {"reverse": reverse} for old in _SIZES for reverse in (0, 1)]
ENTRIES["cumulative_sum"] = Entry(
    cumulative_sum, _BOTH_WAYS, lambda a: 4 + a["R"] ** 0.5, sums_of_sizes, lambda a: a["x"].size
)
ENTRIES["cumulative_sum_int32"] = Entry(cumulative_sum_int32, _BOTH_WAYS, EXACT, flops=lambda a: a["x"].size)


def factors(rng, O, R, I, zero):  # noqa: E741
    x = 1 + normal(rng, O, R, I, scale=0.1)
    x[rng.random(x.shape) < zero] = 0
    return {"x": x, "O": O, "R": R, "I": I}


def reduce_product_forward(rng, O, R, I, zero=0.0):  # noqa: E741
    return {"y": (O, I)} | factors(rng, O, R, I, zero)


def reduce_product_backward(rng, O, R, I, zero=0.0):  # noqa: E741
    return {"dx": (O, R, I), "dy": normal(rng, O, I)} | factors(rng, O, R, I, zero)


_PRODUCTS = [*_SIZES, case(O=4, R=6, I=3, zero=0.3)]
for _make in (reduce_product_forward, reduce_product_backward):
    ENTRIES[_make.__name__] = Entry(_make, _PRODUCTS, lambda a: 4 + a["R"], flops=lambda a: 2 * a["x"].size)
