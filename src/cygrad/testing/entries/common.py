"""What an entry is, and what the families share."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

EXACT, ROUNDED = 0, 0.51  # no rounding at all; one correctly rounded operation
SIZES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 65, 100, 257, 1031)
MANY = 50021  # values enough for several threads; a prime
EXTREMES = tuple(
    sign * value
    for value in (0.0, 1e-45, 1e-38, 1e-7, 1.0, 3.0, 5.9, 9.1, 17.5, 87.3, 88.8, 103.9, 1e4, 1e30)
    for sign in (1, -1)
)
LIMITS = (math.inf, -math.inf)


@dataclass(frozen=True)
class Entry:
    make: Callable  # (rng, **parameters) -> arguments by name
    cases: Sequence[dict]  # parameters of make
    ulps: float | Callable = 1.0  # or a function of the arguments
    magnitude: Callable | None = None  # (arguments in float64, expected) -> {output: array}; |expected| for the others
    flops: Callable | None = None  # (arguments) -> floating-point operations; None: the kernel only moves values
    in_out: tuple = ()  # arrays that are read and written
    in_place: tuple = ()  # (output, input): may be the same memory
    errors: Sequence[dict] = ()  # parameters of make for which the kernel must raise IndexError


ENTRIES = {}
case = dict  # the parameters of make, written like a call of it
ALL_SIZES = [case(n=n) for n in (*SIZES, MANY)]
ROWS = [
    case(M=M, K=K) for M, K in ((0, 5), (1, 1), (1, 2), (3, 7), (5, 8), (4, 10), (7, 16), (9, 17), (2, 33), (3, 1000))
]
ROWS += [case(M=2500, K=10), case(M=130, K=257)]
OUTSIDE = [-1, 5, 2**31 - 1, -(2**31)]


def normal(rng, *shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def single(value):
    """A Python float as the float that C receives."""
    return float(np.float32(value))


def labels_of(rng, M, K, labels):
    return (rng.integers(0, max(K, 1), M) if labels is None else np.array(labels)).astype(np.int32)
