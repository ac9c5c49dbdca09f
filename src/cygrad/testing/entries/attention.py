"""Entries of csrc/kernels/attention.c."""

import math

import numpy as np

from ... import reference
from ...reference.attention import weights
from .common import ENTRIES, Entry, case, normal


def strides_for(shape, axes):
    """Strides of a dense array that has the axes in `axes`, a string of b, n, t and s, along all four of shape."""
    strides, stride = [], 1
    for letter, size in zip("stnb", shape[::-1]):
        strides.append(stride if letter in axes else 0)
        stride *= size if letter in axes else 1
    return tuple(strides[::-1]), stride


def attention(rng, B, T, S, heads, D, V=None, key_heads=None, mask="", bias="", causal=0, scale=None, kept=0.7):
    """mask, bias: the axes that they have, out of b, n, t, s; kept: of the mask, that fraction."""
    V, key_heads = V or D, key_heads or heads
    mask_strides, mask_size = strides_for((B, heads, T, S), mask)
    bias_strides, bias_size = strides_for((B, heads, T, S), bias)
    return {
        "q": normal(rng, B, T, heads, D),
        "k": normal(rng, B, S, key_heads, D),
        "v": normal(rng, B, S, key_heads, V),
        "mask": (rng.random(mask_size) < kept).astype(np.uint8) if mask else None,
        "bias": normal(rng, bias_size) if bias else None,
        **{"B": B, "T": T, "S": S, "heads": heads, "key_heads": key_heads, "D": D, "V": V},
        **{"mask_strides": mask_strides, "bias_strides": bias_strides},
        "scale": float(np.float32(1 / math.sqrt(D) if scale is None else scale)),
        "causal": causal,
    }


def attention_forward(rng, **parameters):
    a = attention(rng, **parameters)
    rows = (a["B"], a["heads"], a["T"])
    return {"y": (a["B"], a["T"], a["heads"], a["V"]), "max": rows, "sum": rows, **a}


SIZES = ("B", "T", "S", "heads", "key_heads", "D", "V", "mask_strides", "bias_strides", "scale", "causal")


def attention_backward(rng, **parameters):
    a = attention(rng, **parameters)
    y, dy = np.empty((a["B"], a["T"], a["heads"], a["V"])), normal(rng, a["B"], a["T"], a["heads"], a["V"])
    largest, total = np.empty((2, a["B"], a["heads"], a["T"]))
    tensors = [a[name] if a[name] is None else np.float64(a[name]) for name in ("q", "k", "v", "mask", "bias")]
    reference.attention_forward(y, largest, total, *tensors, *[a[name] for name in SIZES])
    saved = {"y": y, "max": largest, "sum": total}
    return {
        **{"dq": a["q"].shape, "dk": a["k"].shape, "dv": a["v"].shape, "dy": dy},
        **{name: a[name] for name in ("q", "k", "v")},
        **{name: value.astype(np.float32) for name, value in saved.items()},
        **{name: a[name] for name in ("mask", "bias", *SIZES)},
    }


def attention_magnitude(a, expected):
    y, rows = np.empty_like(expected["y"]), np.empty_like(expected["max"])
    tensors = [a["q"], a["k"], np.abs(a["v"]), a["mask"], a["bias"]]
    reference.attention_forward(y, rows, rows.copy(), *tensors, *[a[name] for name in SIZES])
    return {"y": y, "max": 1 + np.abs(expected["max"]), "sum": expected["sum"]}


def attention_gradient_magnitude(a, expected):
    """The terms of the sums, all positive: scale p (|dy| |v| + |dy| |y|) |k| and the like."""
    q, k, v, dy = (np.abs(a[name]) for name in ("q", "k", "v", "dy"))
    sizes = [a[name] for name in SIZES if name != "V"]
    e, _, total, masked = weights(a["q"], a["k"], a["mask"], a["bias"], *sizes)
    group, p = a["heads"] // a["key_heads"], e / total[..., None]
    dp = np.einsum("btnv,bsnv->bnts", dy, np.repeat(v, group, axis=2))
    ds = np.where(masked, 0, np.abs(a["scale"]) * p * (dp + (p * dp).sum(axis=-1, keepdims=True)))
    shared = (*k.shape[:3], group)
    return {
        "dq": np.einsum("bnts,bsnd->btnd", ds, np.repeat(k, group, axis=2)),
        "dk": np.einsum("bnts,btnd->bsnd", ds, q).reshape(*shared, -1).sum(axis=3) if k.size else expected["dk"],
        "dv": np.einsum("bnts,btnv->bsnv", p, dy).reshape(*shared, -1).sum(axis=3) if v.size else expected["dv"],
    }


_ATTENTION = [
    case(B=0, T=3, S=2, heads=1, D=4),
    case(B=2, T=0, S=2, heads=2, D=4),
    case(B=1, T=1, S=1, heads=1, D=1),
    case(B=1, T=5, S=7, heads=1, D=3, V=2),
    case(B=2, T=15, S=16, heads=2, D=8, mask="bs", kept=0.5),
    case(B=2, T=17, S=33, heads=3, D=5, V=33, bias="nts"),
    case(B=1, T=20, S=20, heads=2, D=4, causal=1),
    case(B=2, T=9, S=14, heads=2, D=4, causal=1, mask="bts", kept=0.3),
    case(B=2, T=14, S=9, heads=2, D=4, causal=1, bias="bt"),
    case(B=2, T=6, S=5, heads=4, key_heads=2, D=7, mask="bnts", bias="s"),
    case(B=1, T=6, S=18, heads=3, key_heads=1, D=16, mask="t", scale=-0.5),
    case(B=2, T=130, S=70, heads=2, D=33, mask="bs"),
    case(B=3, T=150, S=131, heads=4, D=32, causal=1),
    case(B=1, T=400, S=300, heads=2, key_heads=1, D=40, V=35),
    case(B=2, T=300, S=310, heads=1, D=17, causal=1, mask="bs", kept=0.9),
]
ENTRIES["attention_forward"] = Entry(
    attention_forward,
    _ATTENTION,
    ulps=lambda a: 12 + math.sqrt(a["D"]) + math.sqrt(a["S"]),
    magnitude=attention_magnitude,
    flops=lambda a: 2 * a["B"] * a["heads"] * a["T"] * a["S"] * (a["D"] + a["V"]),
)
ENTRIES["attention_backward"] = Entry(
    attention_backward,
    _ATTENTION,
    ulps=lambda a: 16 + math.sqrt(a["D"] + a["V"]) + math.sqrt(a["S"]) + math.sqrt(a["T"]),
    magnitude=attention_gradient_magnitude,
    flops=lambda a: 2 * a["B"] * a["heads"] * a["T"] * a["S"] * (3 * a["D"] + 2 * a["V"]),
)
