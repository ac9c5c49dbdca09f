"""Entries of csrc/kernels/random.c."""

import numpy as np

from .common import ALL_SIZES, ENTRIES, Entry, case, single


def randoms(first, second):
    """The maker of a generator's arguments; its two parameters have default values that are not 0 and 1."""

    def make(rng, n, key=0x0123456789ABCDEF, counter=3, **given):
        scalars = {name: single(given.get(name, value)) for name, value in (first, second)}
        return {"y": (n,), "n": n, "key": key, "counter": counter, **scalars}

    return make


def dropout(rng, n, key=0xFEDCBA9876543210, counter=1, rate=0.3):
    return {"y": (n,), "x": 1 + rng.random(n, np.float32), "n": n, "key": key, "counter": counter, "rate": single(rate)}


_STREAMS = [
    *ALL_SIZES,
    case(n=37, key=0, counter=0),
    case(n=37, key=2**64 - 1, counter=2**64 - 1),
    case(n=37, key=2**32, counter=2**40),
]
ENTRIES["random_uniform"] = Entry(
    randoms(("low", -0.7), ("high", 1.9)),
    _STREAMS,
    1,
    lambda a, expected: {"y": np.full(a["n"], abs(a["low"]) + abs(a["high"] - a["low"]))},
    lambda a: 20 * a["n"],
)
# Box-Muller: a logarithm, a root and a sine in float32, each of a few ulps; no value exceeds 6 standard deviations.
for _name in ("random_normal", "random_truncated_normal"):
    ENTRIES[_name] = Entry(
        randoms(("mean", 0.4), ("stddev", 1.6)),
        _STREAMS,
        8,
        lambda a, expected: {"y": np.full(a["n"], abs(a["mean"]) + 6 * a["stddev"])},
        lambda a: 40 * a["n"],
    )
ENTRIES["dropout"] = Entry(
    dropout,
    [*_STREAMS, case(n=37, rate=0), case(n=1000, rate=0.999), case(n=1000, rate=0.5)],
    2,
    flops=lambda a: 22 * a["n"],
    in_place=(("y", "x"),),
)
