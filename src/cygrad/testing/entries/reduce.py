"""Entries of csrc/kernels/reduce.c."""

import math

import numpy as np

from .common import ENTRIES, EXACT, Entry, case, normal, single


def reduce_sum(rng, O, R, I, scale=1.0):  # noqa: E741
    return {"y": (O, I), "x": normal(rng, O, R, I), "O": O, "R": R, "I": I, "scale": single(scale)}


def extreme(rng, O, R, I, y=True, index=True, values="normal"):  # noqa: E741
    x = normal(rng, O, R, I)
    if values == "ties":
        x = np.floor(2 * x)
    elif values == "extreme":
        x = rng.choice(np.float32([np.nan, -np.inf, np.inf, -3e38]), x.shape, p=[0.02, 0.9, 0.02, 0.06])
    return {"y": (O, I) if y else None, "index": (O, I) if index else None, "x": x, "O": O, "R": R, "I": I}


def reduce_max_backward(rng, O, R, I):  # noqa: E741
    index = rng.integers(0, R, (O, I)).astype(np.int32)
    return {"dx": (O, R, I), "dy": normal(rng, O, I), "index": index, "O": O, "R": R, "I": I}


_REDUCED = [
    (0, 3, 2),
    (3, 1, 0),
    (1, 1, 1),
    (1, 7, 1),
    (1, 1031, 1),
    (5, 33, 1),
    (1, 5, 17),
    (1, 100, 3),
    (3, 9, 16),
    (2, 65, 33),
]
_REDUCED += [
    (7, 2, 5),
    (64, 17, 1),
    (1, 50021, 1),
    (1, 3001, 24),
    (2500, 1, 20),
    (300, 181, 1),
    (40, 30, 47),
    (1, 3, 20000),
]
_REDUCED = [dict(zip("ORI", sizes)) for sizes in _REDUCED]
ENTRIES["reduce_sum"] = Entry(
    reduce_sum,
    [*_REDUCED, case(O=2, R=0, I=3), case(O=3, R=50, I=4, scale=0.02), case(O=3, R=50, I=1, scale=-1 / 3)],
    lambda a: 4 + math.sqrt(a["R"]),
    lambda a, expected: {"y": abs(a["scale"]) * np.abs(a["x"]).sum(axis=1)},
    lambda a: a["x"].size,
)
_EXTREME = [case(O=40, R=9, I=1), case(O=4, R=9, I=19), case(O=1, R=300, I=1), case(O=2, R=129, I=5)]
_EXTREMES = [
    *_REDUCED,
    *(case(old, values=values) for old in _EXTREME for values in ("ties", "extreme")),
    *(case(O=3, R=17, I=inner, **{wanted: False}) for inner in (1, 5) for wanted in ("y", "index")),
    *(case(O=o, R=r, I=i, index=False, values="extreme") for o, r, i in ((70, 5, 1), (9, 300, 1), (2, 300, 83))),
    case(O=3, R=5000, I=1),
    case(O=2, R=70001, I=1, values="extreme"),
]  # fmt: skip
ENTRIES["reduce_max"] = Entry(extreme, _EXTREMES, EXACT, flops=lambda a: a["x"].size)
ENTRIES["reduce_min"] = Entry(extreme, _EXTREMES, EXACT, flops=lambda a: a["x"].size)
ENTRIES["reduce_max_backward"] = Entry(reduce_max_backward, _REDUCED, EXACT)
