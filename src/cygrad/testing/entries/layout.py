"""Entries of csrc/kernels/layout.c."""

import math

import numpy as np

from .common import (
    ALL_SIZES,
    ENTRIES,
    EXACT,
    EXTREMES,
    LIMITS,
    OUTSIDE,
    ROUNDED,
    ROWS,
    Entry,
    case,
    labels_of,
    normal,
)


def gather_strided(rng, source, shape, strides, offset=0):
    return {
        "y": shape,
        "x": normal(rng, source),
        "rank": len(shape),
        "shape": shape,
        "strides": strides,
        "offset": offset,
    }


def scatter_strided(rng, source, shape, strides, offset=0):
    return {"y": normal(rng, source), "x": normal(rng, *shape), "rank": len(shape), "shape": shape, "strides": strides,
            "offset": offset}  # fmt: skip


_STRIDED = [
    case(source=1, shape=(), strides=()),
    case(source=5, shape=(0,), strides=(1,)),
    case(source=5, shape=(3, 0), strides=(1, 1), offset=2),
    case(source=1, shape=(1, 1, 1), strides=(1, 1, 1)),
    case(source=37, shape=(33,), strides=(1,), offset=3),
    case(source=70, shape=(33,), strides=(2,), offset=1),
    case(source=33, shape=(33,), strides=(-1,), offset=32),
    case(source=7 * 9, shape=(9, 7), strides=(1, 9)),
    case(source=17 * 33, shape=(33, 17), strides=(1, 33)),
    case(source=64 * 48, shape=(48, 64), strides=(1, 48)),
    case(source=2 * 5 * 6 * 3, shape=(2, 3, 5, 6), strides=(90, 1, 18, 3)),
    case(source=2 * 5 * 6 * 3, shape=(2, 5, 6, 3), strides=(90, 6, 1, 30)),
    case(source=3 * 5 * 7, shape=(3, 5, 7), strides=(35, 7, -1), offset=6),
    case(source=3 * 5 * 7, shape=(3, 5, 7), strides=(35, -7, 1), offset=28),
    case(source=10 * 20, shape=(4, 6), strides=(40, 3), offset=21),
    case(source=2**8, shape=(2,) * 8, strides=(1, 2, 4, 8, 16, 32, 64, 128)),
    case(source=2**8, shape=(2,) * 8, strides=(1, 128, 2, 64, 4, 32, 8, 16)),
    case(source=203 * 251, shape=(251, 203), strides=(1, 251)),
    case(source=60 * 1000, shape=(50, 900), strides=(1000, 1), offset=3050),
]
_REPEATED = [
    case(source=5, shape=(4, 5), strides=(0, 1)),
    case(source=4, shape=(4, 17), strides=(1, 0)),
    case(source=1, shape=(3, 33), strides=(0, 0)),
    case(source=6, shape=(2, 5, 3, 7), strides=(3, 0, 1, 0)),
]
ENTRIES["gather_strided"] = Entry(gather_strided, _STRIDED + _REPEATED, EXACT)
ENTRIES["scatter_strided"] = Entry(scatter_strided, _STRIDED, EXACT, in_out=("y",))


def elements(name, cases, make):
    """The entry of the kernel for values of any size, from the cases of that for floats."""

    def any_size(rng, itemsize, **parameters):
        a = make(rng, **parameters)
        for key in "xy":
            if isinstance(a[key], tuple):
                a[key] = (math.prod(a[key]), itemsize)
            else:
                a[key] = rng.integers(0, 256, (a[key].size, itemsize), np.uint8)
        return a | {"itemsize": itemsize}

    sized = [old | {"itemsize": size} for old in cases for size in (1, 4, 8)]
    ENTRIES[name] = Entry(any_size, sized, EXACT, in_out=() if name.startswith("gather") else ("y",))


elements("gather_elements", _STRIDED + _REPEATED, gather_strided)
elements("scatter_elements", _STRIDED, scatter_strided)


def pad(rng, inner, before, after, itemsize=4, value=None):
    shape = tuple(b + n + a for b, n, a in zip(before, inner, after))
    values = rng.integers(0, 256, (math.prod(inner), itemsize), np.uint8)
    bytes_ = rng.integers(0, 256, itemsize, np.uint8) if value is None else np.full(itemsize, value, np.uint8)
    return {"y": (math.prod(shape), itemsize), "x": values, "value": bytes_ if value != 0 else None,
            "rank": len(shape), "shape": shape,
            "inner": inner, "before": before, "itemsize": itemsize}  # fmt: skip


ENTRIES["pad"] = Entry(
    pad,
    [
        case(inner=inner, before=before, after=after, itemsize=itemsize, value=value)
        for inner, before, after in (
            ((5,), (0,), (0,)),
            ((5,), (2,), (1,)),
            ((0,), (2,), (1,)),
            ((2, 0, 3), (1, 1, 0), (1, 0, 2)),
            ((3, 4, 15), (0, 1, 3), (0, 2, 0)),
            ((2, 3, 2, 5), (1, 0, 2, 1), (0, 2, 0, 1)),
            ((9, 30, 200), (0, 1, 3), (0, 1, 3)),
        )
        for itemsize in (1, 4, 8)
        for value in (None, 255, 0)  # all bytes differ, all alike, absent
    ],
    EXACT,
)


def convert_integers(rng, n, y_bytes, x_bytes):
    x = rng.integers(0, 256, (n, x_bytes), np.uint8)
    return {"y": (n, y_bytes), "x": x, "n": n, "y_bytes": y_bytes, "x_bytes": x_bytes}


ENTRIES["convert_integers"] = Entry(
    convert_integers,
    [case(n=n, y_bytes=to, x_bytes=of) for n in (0, 1, 17, 50021) for to in (1, 4, 8) for of in (1, 4, 8)],
    EXACT,
)


def gather_rows(rng, n, rows, row, dtype="float32", index=None):
    x = rng.integers(0, 256, (rows, row * np.dtype(dtype).itemsize), np.uint8)
    picked = rng.integers(0, rows, n) if index is None else np.array(index)
    return {
        "y": (n, x.shape[1]),
        "x": x,
        "index": picked.astype(np.int64),
        "n": n,
        "rows": rows,
        "row_bytes": x.shape[1],
    }


ENTRIES["gather_rows"] = Entry(
    gather_rows,
    [
        case(n=0, rows=3, row=4),
        case(n=0, rows=0, row=4),
        case(n=3, rows=3, row=0),
        case(n=1, rows=1, row=1, dtype="uint8"),
        case(n=7, rows=5, row=3, dtype="uint8"),
        case(n=5, rows=9, row=17),
        case(n=9, rows=4, row=1, dtype="int64"),
        case(n=33, rows=60, row=784, dtype="uint8"),
        case(n=300, rows=100, row=257),
    ],
    EXACT,
    errors=[
        case(n=3, rows=5, row=4, index=[0, 5, 1]),
        case(n=3, rows=5, row=4, index=[0, 1, -1]),
        case(n=1, rows=0, row=4, index=[0]),
        case(n=300, rows=5, row=200, index=[0] * 299 + [2**62]),
    ],
)


def one_hot(rng, M, K, labels=None):
    return {"y": (M, K), "labels": labels_of(rng, M, K, labels), "M": M, "K": K}


ENTRIES["one_hot"] = Entry(one_hot, [*ROWS, case(M=6, K=5, labels=[*OUTSIDE, 0, 4])], EXACT)


def cast(dtype, low, high):
    def make(rng, n):
        x = rng.integers(low, high, n, dtype, endpoint=True)
        x[:3] = [low, high, 1][:n]
        return {"y": (n,), "x": x, "n": n}

    return make


ENTRIES["cast_uint8"] = Entry(cast(np.uint8, 0, 255), ALL_SIZES, EXACT)
ENTRIES["cast_int32"] = Entry(cast(np.int32, -(2**31), 2**31 - 1), ALL_SIZES, ROUNDED)


def truncate(rng, n):
    x = normal(rng, n, scale=1e9)
    some = (*EXTREMES, *LIMITS, np.nan, -(2.0**31), 2.0**31, 2.0**31 - 128, 0.9, -2.9)[:n]
    x[: len(some)] = some
    return {"y": (n,), "x": x, "n": n}


ENTRIES["truncate"] = Entry(truncate, ALL_SIZES, EXACT)


def nonzero(rng, n):
    x = rng.integers(-1, 2, n, np.int32)
    x[:3] = [256, -(2**31), 0][:n]
    return {"y": (n,), "x": x, "n": n}


ENTRIES["nonzero"] = Entry(nonzero, ALL_SIZES, EXACT)
