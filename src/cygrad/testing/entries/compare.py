"""Entries of csrc/kernels/compare.c."""

import math

import numpy as np

from .common import ENTRIES, EXACT, Entry, case
from .elementwise import _BINARY, binary, strides_of

INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 7)


def whole(rng, dtype=np.int32, low=-3, high=4, **parameters):
    """binary's arguments with a and b of integers, INTEGERS where the others have infinities."""
    arguments = binary(rng, **{k: v for k, v in parameters.items() if k != "values"})
    for i, key in enumerate("ab"):
        values = rng.integers(low, high, arguments[key].shape, dtype)
        if "values" in parameters and dtype == np.int32:
            grid = np.array([INTEGERS] * len(INTEGERS), dtype)
            values[: grid.size] = (grid.T if i else grid).ravel()
        arguments[key] = values
    return arguments


def compare(rng, relation, **parameters):
    arguments = binary(rng, **parameters)
    for key in "ab":  # so that some are equal
        arguments[key] = np.round(arguments[key], 1)
    return arguments | {"relation": relation}


def compare_int32(rng, relation, **parameters):
    return whole(rng, **parameters) | {"relation": relation}


def logical(rng, operation, **parameters):
    return whole(rng, np.uint8, 0, 3, **parameters) | {"operation": operation}


_NUMBERED = [old | {"i": i % 4} for i, old in enumerate(_BINARY * 4)]
_RELATIONS = [{k: v for k, v in old.items() if k != "i"} | {"relation": old["i"]} for old in _NUMBERED]
_OPERATIONS = [{k: v for k, v in old.items() if k != "i"} | {"operation": i % 3} for i, old in enumerate(_NUMBERED)]
ENTRIES["compare"] = Entry(compare, _RELATIONS, EXACT, flops=lambda a: math.prod(a["shape"]))
ENTRIES["compare_int32"] = Entry(compare_int32, _RELATIONS, EXACT, flops=lambda a: math.prod(a["shape"]))
ENTRIES["logical"] = Entry(logical, _OPERATIONS, EXACT, flops=lambda a: math.prod(a["shape"]))


def where(rng, condition, a, b, itemsize=4):
    shape = np.broadcast_shapes(condition, a, b)
    arguments = {"y": (math.prod(shape), itemsize), "rank": len(shape), "shape": shape, "itemsize": itemsize}
    for key, have in (("condition", condition), ("a", a), ("b", b)):
        have = (1,) * (len(shape) - len(have)) + tuple(have)
        strides = tuple(0 if h == 1 and n != 1 else s for h, n, s in zip(have, shape, strides_of(have)))
        arguments[f"strides_{key}"] = strides
        if key == "condition":
            arguments[key] = rng.integers(0, 3, have, np.uint8)
        else:
            arguments[key] = rng.integers(0, 256, (math.prod(have), itemsize), np.uint8)
    return arguments


ENTRIES["where"] = Entry(
    where,
    [
        case(condition=condition, a=a, b=b, itemsize=itemsize)
        for condition, a, b in (
            ((), (), ()),
            ((0,), (0,), ()),
            ((3, 0), (3, 0), (1,)),
            ((1,), (33,), (33,)),
            ((), (65,), (65,)),
            ((257,), (257,), (257,)),
            ((33,), (33,), ()),
            ((33,), (), (33,)),
            ((65,), (), ()),
            ((5, 17), (17,), (5, 1)),
            ((5, 1), (5, 17), (17,)),
            ((17,), (5, 17), (5, 17)),
            ((4, 1, 3), (5, 1), (4, 5, 3)),
            ((2, 1, 2, 1, 3, 1, 2, 1), (1, 3, 1, 2, 1, 2, 1, 2), (2,)),
            ((50021,), (50021,), (1,)),
        )
        for itemsize in (1, 4, 8)
    ],
    EXACT,
)
