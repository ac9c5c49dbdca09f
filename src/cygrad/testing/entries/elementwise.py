"""Entries of csrc/kernels/elementwise.c."""

import math

import numpy as np

from ... import reference
from .activation import unary
from .common import ALL_SIZES, ENTRIES, EXACT, MANY, ROUNDED, Entry, case, normal, single

unary("log", "x", 3, ROUNDED, domain=np.abs, flops=(10, 1))
unary("sqrt", "y", ROUNDED, ROUNDED, domain=np.abs, flops=(1, 2))
unary("square", "x", ROUNDED, ROUNDED, flops=(1, 2))
unary("absolute", "x", EXACT, EXACT, flops=(1, 1))
unary("clip", "x", EXACT, EXACT, flops=(2, 2), low=-0.5, high=1.2)


def affine(rng, n, scale=1.7, shift=-0.3):
    return {"y": (n,), "x": normal(rng, n), "n": n, "scale": single(scale), "shift": single(shift)}


def accumulate(rng, n, scale=-0.6):
    return {"y": normal(rng, n), "x": normal(rng, n), "n": n, "scale": single(scale)}


ENTRIES["affine"] = Entry(
    affine,
    [*ALL_SIZES, case(n=33, scale=0, shift=2), case(n=33, scale=1e30, shift=-1e30)],
    1,
    lambda a, expected: {"y": np.abs(a["scale"] * a["x"]) + abs(a["shift"])},
    lambda a: 2 * a["n"],
    in_place=(("y", "x"),),
)
ENTRIES["accumulate"] = Entry(
    accumulate,
    [*ALL_SIZES, case(n=33, scale=0), case(n=65, scale=1)],
    1,
    lambda a, expected: {"y": np.abs(a["scale"] * a["x"]) + np.abs(a["y"])},
    lambda a: 2 * a["n"],
    in_out=("y",),
)


def strides_of(shape):
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def operand(rng, have, want, values, transposed):
    """An array of shape have and its strides when broadcast to want; transposed: its axes are reversed in memory."""
    have = (1,) * (len(want) - len(have)) + tuple(have)
    strides = strides_of(have[::-1])[::-1] if transposed else strides_of(have)
    strides = tuple(0 if h == 1 and w != 1 else s for h, w, s in zip(have, want, strides))
    x = normal(rng, math.prod(have))
    x[: len(values)] = values[: x.size]
    return x, strides


def binary(rng, a, b, values=((), ()), transposed=(False, False), positive=False):
    shape = np.broadcast_shapes(a, b)
    a, strides_a = operand(rng, a, shape, values[0], transposed[0])
    b, strides_b = operand(rng, b, shape, values[1], transposed[1])
    if positive:
        a = np.abs(a)
    return {
        "y": shape,
        "a": a,
        "b": b,
        "rank": len(shape),
        "shape": shape,
        "strides_a": strides_a,
        "strides_b": strides_b,
    }


_INFINITE = [math.inf, -math.inf, math.nan, 1e30, -0.0, 0.0]
_PAIRS = tuple([v for v in _INFINITE for _ in _INFINITE]), tuple(_INFINITE * len(_INFINITE))
_BINARY = [
    case(a=(), b=()),
    case(a=(0,), b=(0,)),
    case(a=(1,), b=(1,)),
    case(a=(3, 0, 2), b=(2,)),
    *(case(a=(n,), b=(n,)) for n in (7, 8, 16, 17, 33, 257)),
    case(a=(65,), b=()),
    case(a=(), b=(65,)),
    case(a=(5, 17), b=(17,)),
    case(a=(17,), b=(5, 17)),
    case(a=(5, 17), b=(5, 1)),
    case(a=(5, 1), b=(1, 17)),
    case(a=(4, 1, 33), b=(5, 1)),
    case(a=(2, 3, 4, 5), b=(3, 1, 5)),
    case(a=(2, 3, 4, 5), b=(2, 1, 1, 5)),
    case(a=(2, 1, 2, 1, 3, 1, 2, 1), b=(1, 3, 1, 2, 1, 2, 1, 2)),
    case(a=(9, 7), b=(9, 7), transposed=(True, False)),
    case(a=(3, 9, 7), b=(9, 7), transposed=(False, True)),
    case(a=(len(_PAIRS[0]),), b=(len(_PAIRS[1]),), values=_PAIRS),
    case(a=(40, 997), b=(997,)),
    case(a=(MANY,), b=(MANY,)),
    case(a=(31, 1600), b=(31, 1)),
    *(case(a=(rows, n), b=(rows, 1)) for rows, n in ((17, 2), (900, 3), (300, 64), (70, 65), (500, 256), (20, 257))),
    *(case(a=(rows, 1), b=(rows, n)) for rows, n in ((900, 5), (70, 100))),
    case(a=(300, 24), b=(24,)),
    case(a=(50, 7), b=(1,), transposed=(True, False)),
]
for _ulps, _names in ((ROUNDED, ("add", "subtract", "multiply", "divide")), (EXACT, ("maximum", "minimum"))):
    for _name in _names:
        ENTRIES[_name] = Entry(binary, _BINARY, _ulps, flops=lambda a: math.prod(a["shape"]))


def power_magnitude(a, expected):
    """The relative error of exp(b log a) grows with the exponent that goes into exp."""
    base, exponent = reference.elementwise.broadcast(
        *(a[k] for k in ("a", "b", "rank", "shape", "strides_a", "strides_b"))
    )
    size = np.abs(np.where(exponent == 0, 0, exponent * np.log(np.abs(base))))
    return {"y": np.abs(expected["y"]) * (1 + np.minimum(np.nan_to_num(size), 110))}


_POWERS = [
    (-2.0, 3.0),
    (-2.0, 2.0),
    (-2.0, -3.0),
    (-2.0, 0.5),
    (0.0, 0.0),
    (0.0, 2.0),
    (0.0, -1.0),
    (-0.0, 3.0),
    (math.nan, 0.0),
]
_POWERS += [
    (1.0, math.nan),
    (10.0, 38.0),
    (10.0, 39.0),
    (10.0, -37.0),
    (10.0, -50.0),
    (math.inf, -1.0),
    (2.0, -math.inf),
]
_POWERS += [
    (0.5, -math.inf),
    (-1.0, math.inf),
    (3.0, 1.0),
    (-1.5, 1.0),
    (math.nan, 1.0),
    (1.0000001, 1e7),
    (1e-40, 0.5),
]
ENTRIES["power"] = Entry(
    binary,
    [
        *(case(old, positive=True) for old in _BINARY if "values" not in old),
        case(a=(len(_POWERS),), b=(len(_POWERS),), values=tuple(zip(*_POWERS))),
    ],
    4,
    power_magnitude,
    lambda a: 20 * math.prod(a["shape"]),
)
