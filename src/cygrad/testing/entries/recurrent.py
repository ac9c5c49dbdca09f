"""Entries of csrc/kernels/recurrent.c, gru.c and lstm.c.

mask: "holes" (steps left out anywhere, the first sample's all, the second's none), "padded" (the last ones). An error
of one step goes on through the later ones, which shrink it, for the recurrent kernels are small enough: it is measured
by the largest value of its kind.
"""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, Entry, case, normal

GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
SAVED = {"simple_rnn": (), "gru": ("states", "inner"), "lstm": ("cells",)}  # for the backward pass


def mask_of(rng, N, T, mask):
    if mask is None:
        return None
    if mask == "padded":
        return (np.arange(T) < rng.integers(0, T + 1, (N, 1))).astype(np.uint8)
    found = rng.integers(0, 2, (N, T)).astype(np.uint8)
    found[:1], found[1:2] = 0, 1
    return found


def forward(
    rng, cell, N, T, U, initial=True, saved=True, mask=None, activation=6, recurrent_activation=5, reset_after=1,
    reverse=0, sequences=1, zero_output=0, dropped=False,
):  # fmt: skip
    gates = GATES[cell]
    flags = {"reverse": reverse, "sequences": sequences, "zero_output": zero_output}
    state = (N, T, U) if saved else None
    start = {"h0": normal(rng, N, U, scale=0.5) if initial else None}
    result = {"y": (N, T, U) if sequences else (N, U), "h_n": (N, U)}
    weights = {"recurrent_kernel": normal(rng, U, gates * U, scale=0.7 / math.sqrt(U))}
    activations = {"activation": activation}
    saved = {"states": state}
    if cell == "lstm":
        result["c_n"], saved["cells"] = (N, U), state
        start["c0"] = normal(rng, N, U, scale=0.5) if initial else None
    elif cell == "gru":
        saved["inner"] = state
        weights["recurrent_bias"] = normal(rng, 3 * U, scale=0.1) if initial and reset_after else None
    if cell != "simple_rnn":
        activations["recurrent_activation"] = recurrent_activation
    if cell == "gru":
        activations["reset_after"] = reset_after
    z = {"z": normal(rng, N, T, gates * U, scale=0.7)}
    sizes = {"N": N, "T": T, "U": U}
    return {
        **result,
        **saved,
        **z,
        **weights,
        **start,
        "kept": 2.0 * rng.integers(0, 2, (gates, N, U)).astype(np.float32) if dropped else None,
        "mask": mask_of(rng, N, T, mask),
        **sizes,
        **activations,
        **flags,
    }


def backward(rng, cell, N, T, U, initial=True, saved=True, **parameters):
    """After a forward pass. saved=False: only y has a gradient, and that of the first states is not wanted."""
    a = forward(rng, cell, N, T, U, initial, True, **parameters)
    y = a.pop("y")
    outputs = [name for name in ("y", "h_n", "c_n", "states", "cells", "inner") if name == "y" or name in a]
    shapes = {"y": y} | {name: a.pop(name) for name in outputs[1:]}
    ran = {name: np.zeros(shape) for name, shape in shapes.items()} | a | {"z": a["z"].astype(float)}
    getattr(reference, f"{cell}_forward")(**ran)
    kept = {name: ran[name].astype(np.float32) for name in SAVED[cell]}
    result = {"dz": a["z"].shape}
    if cell == "gru":
        result["dinner"] = a["z"].shape if a["reset_after"] else None
    result["dh0"] = (N, U) if saved else None
    upstream = {"dy": normal(rng, *y), "dh_n": normal(rng, N, U) if saved else None}
    if cell == "lstm":
        result["dc0"] = (N, U) if saved else None
        upstream["dc_n"] = normal(rng, N, U) if saved else None
    rest = {name: a[name] for name in a if name not in ("z", "h0", "c0", "recurrent_bias", "recurrent_kernel")}
    return {
        **result,
        **upstream,
        "z": ran["z"].astype(np.float32),
        **kept,
        "recurrent_kernel": a["recurrent_kernel"],
        **rest,
    }


def largest(a, expected):
    return {name: np.full(v.shape, np.abs(v).max(initial=1.0)) for name, v in expected.items()}


def flops(a):
    return a["z"].size * (2 * a["U"] + 40)


_CASES = [
    case(N=0, T=3, U=4),
    case(N=2, T=0, U=3, sequences=0),
    case(N=1, T=1, U=1, initial=False),
    case(N=2, T=3, U=5, mask="holes"),
    case(N=1, T=4, U=17, reverse=1),
    case(N=2, T=3, U=40),
    case(N=1, T=5, U=11),
    case(N=3, T=4, U=35, mask="holes", dropped=True),
    case(N=16, T=3, U=20, dropped=True, reset_after=0, recurrent_activation=12),
    case(N=3, T=4, U=7, mask="holes", zero_output=1, reverse=1, activation=1),
    case(N=2, T=9, U=70, saved=False, mask="padded", sequences=0),
    case(N=4, T=5, U=3, mask="holes", sequences=0, activation=0, recurrent_activation=12),
    case(N=7, T=6, U=33, mask="padded", reset_after=0, activation=8, recurrent_activation=2),
    case(N=5, T=3, U=9, mask="holes", sequences=0, zero_output=1, reset_after=0, activation=3),
    case(N=5, T=4, U=16, initial=False, activation=4, recurrent_activation=7, reset_after=0, reverse=1),
    case(N=15, T=5, U=40, saved=False, recurrent_activation=6, reset_after=0),
    case(N=3, T=1, U=6, activation=11, recurrent_activation=5, initial=False),
    case(N=70, T=4, U=64, mask="holes", reverse=1),
    case(N=33, T=7, U=130, mask="holes", reset_after=0),
]


def entry(cell, make):
    def made(rng, **parameters):
        return make(rng, cell, **parameters)

    cases = _CASES if cell == "gru" else [{k: v for k, v in c.items() if k != "reset_after"} for c in _CASES]
    if cell == "simple_rnn":
        cases = [{k: v for k, v in c.items() if k != "recurrent_activation"} for c in cases]
    places = {"in_out": ("z",)} if make is forward else {"in_place": (("dz", "z"),)}
    return Entry(made, cases, lambda a: 4 * (8 + math.sqrt(a["U"])), largest, flops, **places)


for _cell in GATES:
    ENTRIES[f"{_cell}_forward"], ENTRIES[f"{_cell}_backward"] = entry(_cell, forward), entry(_cell, backward)
