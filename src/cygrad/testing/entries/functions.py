"""Entries of csrc/kernels/functions.c."""

import math

import numpy as np

from ...reference.functions import FUNCTIONS, PAIRS
from .common import ENTRIES, EXACT, EXTREMES, LIMITS, ROUNDED, SIZES, Entry, case, normal
from .elementwise import _BINARY, binary

NAMES = [f.__name__ for f in FUNCTIONS]
_ULPS = dict.fromkeys(("floor", "ceil", "rint", "trunc", "sign"), EXACT) | {"log1p": 3, "expm1": 3, "erfinv": 6}
_ANGLES = (
    1e5,
    1048575.0,
    1048576.0,
    -1048577.0,
    3e9,
    16367173 * 2.0**72,
    3.4e38,
    -1e22,
    0.7853982,
    1.5707964,
    2.5,
    8388609.5,
)


def function(rng, n, function, values=()):
    x = normal(rng, n, scale=2)
    if FUNCTIONS[function] in (np.arcsin, np.arccos, np.arctanh) or NAMES[function] == "erfinv":
        x = np.tanh(x)
    elif FUNCTIONS[function] in (np.log2, np.log10, np.arccosh):
        x = np.abs(x) + np.float32(FUNCTIONS[function] is np.arccosh)
    x[: len(values)] = values
    return {"y": (n,), "x": x, "n": n, "function": function}


ENTRIES["function"] = Entry(
    function,
    [case(n=n, function=i) for i in range(len(FUNCTIONS)) for n in (*SIZES[::3], 1031)]
    + [case(n=97, function=i, values=(*EXTREMES, *LIMITS, math.nan, *_ANGLES)) for i in range(len(FUNCTIONS))]
    + [case(n=50021, function=i) for i in (0, 9)],
    lambda a: _ULPS.get(NAMES[a["function"]], ROUNDED),
    in_place=(("y", "x"),),
    flops=lambda a: 40 * a["n"],
)


def function_pair(rng, function, **parameters):
    return binary(rng, **parameters) | {"function": function}


def pair_magnitude(a, expected):
    """What is left of a division by b may be b itself, or 0, by a rounding of the reference."""
    return {"y": np.abs(expected["y"])}


ENTRIES["function_pair"] = Entry(
    function_pair,
    [old | {"function": i} for old in _BINARY if "values" not in old for i in range(len(PAIRS))]
    + [old | {"function": i} for old in _BINARY if "values" in old for i in (2, 3)],
    lambda a: 2 if a["function"] < 2 else ROUNDED,
    pair_magnitude,
    lambda a: 20 * math.prod(a["shape"]),
)
