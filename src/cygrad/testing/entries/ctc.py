"""Entries of csrc/kernels/ctc.c."""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, Entry, case, normal


def ctc_forward(rng, N, T, K, L, blank=0, scale=1.0, label=None, repeated=False, count=None, lengths=None):
    """Labels that fit into the frames, but where lengths and count, those of all samples, say otherwise."""
    x = normal(rng, N, T, K, scale=scale).astype(np.float64)
    y = (x - np.log(np.exp(x).sum(axis=-1, keepdims=True))).astype(np.float32)
    others = np.array([k for k in range(K) if k != blank] or [blank])
    labels = others[rng.integers(0, 1 if repeated else len(others), (N, L))].astype(np.int32)
    if label is not None:
        labels[-1, 0] = label
    frames = (
        rng.integers(min(2 * L + 1, T), T + 1, N).astype(np.int32) if count is None else np.full(N, count, np.int32)
    )
    length = rng.integers(0, L + 1, N).astype(np.int32) if lengths is None else np.full(N, lengths, np.int32)
    return {
        **{"loss": (N,), "alpha": (N, T, 2 * L + 1), "y": y, "labels": labels, "label_length": length},
        **{"frames": frames, "N": N, "T": T, "K": K, "L": L, "blank": blank},
    }


def ctc_backward(rng, **parameters):
    a = ctc_forward(rng, **parameters)
    loss, alpha = np.empty(a["loss"]), np.empty(a["alpha"])
    arguments = [*a.values()][2:]
    try:
        reference.ctc_forward(loss, alpha, arguments[0].astype(np.float64), *arguments[1:])
    except IndexError:  # that is what the case is about
        loss[...], alpha[...] = 0, 0
    return {
        **{"dy": a["y"].shape, "dloss": normal(rng, a["N"]), "loss": loss.astype(np.float32)},
        **{"alpha": alpha.astype(np.float32), **dict([*a.items()][2:])},
    }


def _size(a):
    """The largest sum of logarithms on the way: rounding errors are in proportion to it."""
    return 1 + np.abs(a["y"]).max(axis=(1, 2), initial=0)[:, None, None] * max(a["T"], 1)


def forward_magnitude(a, expected):
    near = np.where(expected["alpha"] > -1e29, _size(a), 1e30)
    return {"loss": _size(a)[:, 0, 0], "alpha": near}


CASES = [
    *(case(N=n, T=t, K=k, L=label) for n, t, k, label in ((1, 1, 2, 1), (2, 5, 3, 2), (3, 9, 4, 4), (4, 40, 11, 12))),
    *(case(N=2, T=t, K=6, L=label) for t, label in ((15, 7), (17, 8), (33, 16), (35, 17))),  # 15, 17, 33, 35 states
    case(N=0, T=4, K=3, L=2),
    case(N=2, T=4, K=3, L=0),
    case(N=3, T=12, K=5, L=4, blank=4),
    case(N=3, T=12, K=5, L=4, blank=2, scale=8.0),
    case(N=3, T=12, K=5, L=4, repeated=True),
    case(N=2, T=3, K=5, L=4, lengths=4),  # no way is short enough
    case(N=2, T=3, K=5, L=2, lengths=2, repeated=True, count=2),  # nor where a blank must lie between
    case(N=2, T=3, K=5, L=2, count=0),
    case(N=2, T=3, K=5, L=2, count=0, lengths=0),
    case(N=2, T=300, K=20, L=40),
]
ERRORS = [
    *(case(N=2, T=5, K=4, L=2, lengths=2, label=label) for label in (-1, 4, 2**31 - 1)),
    *(case(N=2, T=5, K=4, L=2, lengths=length) for length in (-1, 3)),
    *(case(N=2, T=5, K=4, L=2, count=count) for count in (-1, 6)),
    case(N=2, T=5, K=4, L=2, blank=4),
]

ENTRIES["ctc_forward"] = Entry(
    ctc_forward,
    CASES,
    lambda a: 4 + math.sqrt(a["T"]),
    forward_magnitude,
    lambda a: 60 * a["N"] * a["T"] * (2 * a["L"] + 1),
    errors=ERRORS,
)
ENTRIES["ctc_backward"] = Entry(
    ctc_backward,
    CASES,
    lambda a: 4 + math.sqrt(a["T"]),
    lambda a, expected: {"dy": (np.abs(a["dloss"])[:, None, None] + np.abs(expected["dy"])) * _size(a)},
    lambda a: 90 * a["N"] * a["T"] * (2 * a["L"] + 1),
    errors=ERRORS,
)
