"""Entries of csrc/kernels/integer.c."""

import math

import numpy as np

from .common import ENTRIES, EXACT, Entry, case
from .compare import whole
from .elementwise import _BINARY


def integer(rng, operation, **parameters):
    return whole(rng, low=-(2**31), high=2**31, **parameters) | {"operation": operation}


ENTRIES["integer"] = Entry(
    integer,
    [old | {"operation": i} for old in _BINARY[::2] for i in range(7)]
    + [old | {"operation": i} for old in _BINARY if "values" in old for i in range(7)],
    EXACT,
    flops=lambda a: math.prod(a["shape"]),
)


def reduce_int32(rng, O, R, I, operation):  # noqa: E741
    x = rng.integers(-(2**31), 2**31, (O, R, I), np.int32)
    return {"y": (O, I), "x": x, "O": O, "R": R, "I": I, "operation": operation}


def reduce_logical(rng, O, R, I, operation):  # noqa: E741
    x = (rng.random((O, R, I)) < (0.5 / max(R, 1) if operation else 1 - 0.5 / max(R, 1))).astype(np.uint8)
    return {"y": (O, I), "x": x, "O": O, "R": R, "I": I, "operation": operation}


_REDUCED = [
    case(O=O, R=R, I=I)
    for O, R, I in (  # noqa: E741
        (0, 3, 2), (3, 0, 2), (2, 3, 0), (3, 0, 1), (1, 1, 1), (5, 7, 1), (3, 2031, 1), (2, 9, 1300), (2, 5, 3),
        (600, 33, 5),
    )
]  # fmt: skip
for _make, _operations in ((reduce_int32, (0, 2, 3, 4)), (reduce_logical, (0, 1))):
    ENTRIES[_make.__name__] = Entry(
        _make,
        [old | {"operation": operation} for old in _REDUCED for operation in _operations],
        EXACT,
        flops=lambda a: a["x"].size,
    )
