"""Entries of csrc/kernels/*_normalization.c.

values "shifted": a mean of many standard deviations, where a sum of squares would cancel; "outlier": the first row far
from the others.
"""

import math

import numpy as np

from .common import ENTRIES, Entry, case, normal, single

EPSILON = single(1e-3)


def numbers(rng, rows, columns, values):
    x = normal(rng, rows, columns)
    if values == "shifted":
        x += 1000
    elif values == "outlier":
        x[:1] *= 1000
    return x


def weights(rng, n, scale, offset):
    return {"scale": normal(rng, n) if scale else None, "offset": normal(rng, n) if offset else None}


def batch_normalization_forward(rng, M, C, scale=True, offset=True, moving=True, values="normal"):
    x = numbers(rng, M, C, values)
    moving = {
        "moving_mean": normal(rng, C) if moving else None,
        "moving_variance": np.abs(normal(rng, C)) if moving else None,
    }
    sizes = {"M": M, "C": C, "epsilon": EPSILON, "momentum": single(0.9)}
    return {"y": (M, C), "mean": (C,), "rstd": (C,), **moving, "x": x, **weights(rng, C, scale, offset), **sizes}


def batch_normalization_backward(rng, M, C, scale=True, offset=True, moving=True, values="normal"):
    x = numbers(rng, M, C, values)
    mean = x.sum(axis=0, dtype=float) / max(M, 1)
    variance = ((x - mean) ** 2).sum(axis=0) / max(M, 1)
    outputs = {"dx": (M, C), "dscale": (C,) if scale else None, "doffset": (C,) if offset else None}
    saved = {"mean": mean.astype(np.float32), "rstd": (1 / np.sqrt(variance + EPSILON)).astype(np.float32)}
    given = {"dy": normal(rng, M, C), "x": x, **saved, "scale": normal(rng, C) if scale else None}
    return {**outputs, **given, "M": M, "C": C}


def batch_normalization_inference_forward(rng, M, C, scale=True, offset=True, moving=True, values="normal"):
    variance = np.abs(normal(rng, C)) + np.float32(0.1)
    given = {"x": numbers(rng, M, C, values), "mean": normal(rng, C), "variance": variance}
    return {"y": (M, C), **given, **weights(rng, C, scale, offset), "M": M, "C": C, "epsilon": EPSILON}


def batch_normalization_inference_backward(rng, M, C, scale=True, offset=True, moving=True, values="normal"):
    a = batch_normalization_inference_forward(rng, M, C, scale, offset, moving, values)
    del a["y"], a["offset"]
    outputs = {"dx": (M, C) if offset else None, "dmean": (C,) if moving else None, "dvariance": (C,)}
    outputs |= {"dscale": (C,) if scale else None, "doffset": (C,)}
    return {**outputs, "dy": normal(rng, M, C), **a}


def layer_normalization_forward(rng, M, K, scale=True, offset=True, values="normal"):
    x = numbers(rng, M, K, values)
    sizes = {"M": M, "K": K, "epsilon": EPSILON}
    return {"y": (M, K), "mean": (M,), "rstd": (M,), "x": x, **weights(rng, K, scale, offset), **sizes}


def layer_normalization_backward(rng, M, K, scale=True, offset=True, values="normal"):
    x = numbers(rng, M, K, values)
    mean = x.mean(axis=1, dtype=float)
    rstd = 1 / np.sqrt(x.var(axis=1, dtype=float) + EPSILON)
    outputs = {"dx": (M, K), "dscale": (K,) if scale else None, "doffset": (K,) if offset else None}
    given = {"dy": normal(rng, M, K), "x": x, "mean": mean.astype(np.float32), "rstd": rstd.astype(np.float32)}
    return {**outputs, **given, "scale": normal(rng, K) if scale else None, "M": M, "K": K}


def rms_normalization_forward(rng, M, K, scale=True, offset=True, values="normal"):
    a = layer_normalization_forward(rng, M, K, scale, False, values)
    del a["mean"], a["offset"]
    return a


def rms_normalization_backward(rng, M, K, scale=True, offset=True, values="normal"):
    a = layer_normalization_backward(rng, M, K, scale, offset, values)
    del a["mean"], a["doffset"]
    a["rstd"] = (1 / np.sqrt((a["x"].astype(float) ** 2).mean(axis=1) + EPSILON)).astype(np.float32)
    return a


def forward_magnitude(axis):
    """The terms of y: x, the mean, the offset. Of the statistics: what is averaged. The deviation's relative error
    grows with the mean's, in units of the deviation."""

    def magnitude(a, expected):
        mean = np.abs(a["x"]).mean(axis=axis, keepdims=True) if a["x"].size else 0.0
        rstd = np.expand_dims(expected["rstd"], axis)
        scale = 1 if a["scale"] is None else np.abs(a["scale"])
        total = (np.abs(a["x"]) + mean) * rstd * scale + (0 if a.get("offset") is None else np.abs(a["offset"]))
        found = {"y": total, "mean": np.broadcast_to(mean, rstd.shape), "rstd": rstd * (1 + (EPSILON + mean * rstd))}
        if "moving_mean" in a and a["moving_mean"] is not None:
            found["moving_mean"] = np.abs(a["moving_mean"]) + mean
            variance = (a["x"] ** 2).mean(axis=axis, keepdims=True) if a["x"].size else 0.0
            found["moving_variance"] = a["moving_variance"] + variance
        return {key: value for key, value in found.items() if key in expected}

    return magnitude


def backward_magnitude(axis):
    def magnitude(a, expected):
        mean = np.expand_dims(a["mean"], axis) if "mean" in a else 0.0
        rstd, dy = np.expand_dims(a["rstd"], axis), np.abs(a["dy"])
        xhat = (np.abs(a["x"]) + np.abs(mean)) * rstd
        g = dy * (1 if a["scale"] is None else np.abs(a["scale"]))
        count = max(1, dy.shape[axis])
        means = [(term).sum(axis=axis, keepdims=True) / count for term in (g, g * xhat)]
        found = {
            "dx": rstd * (g + means[0] + xhat * means[1]),
            "dscale": (dy * xhat).sum(axis=0),
            "doffset": dy.sum(axis=0),
        }
        return {key: value for key, value in found.items() if key in expected}

    return magnitude


def inference_magnitude(a, expected):
    rstd = 1 / np.sqrt(a["variance"] + a["epsilon"])
    factor = rstd * (1 if a["scale"] is None else np.abs(a["scale"]))
    centered = np.abs(a["x"]) + np.abs(a["mean"])
    if "y" in expected:
        return {"y": centered * factor + (0 if a["offset"] is None else np.abs(a["offset"]))}
    dy = np.abs(a["dy"])
    found = {
        "dx": dy * factor,
        "dmean": (dy * factor).sum(axis=0),
        "dvariance": (dy * centered * factor * rstd**2).sum(axis=0),
        "dscale": (dy * centered * rstd).sum(axis=0),
        "doffset": dy.sum(axis=0),
    }
    return {key: value for key, value in found.items() if key in expected}


_COLUMNS = [
    case(M=0, C=5),
    case(M=1, C=1),
    case(M=1, C=33),
    case(M=7, C=3, scale=False),
    case(M=9, C=16, offset=False),
    case(M=33, C=17, scale=False, offset=False, moving=False),
    case(M=100, C=6),
    case(M=17, C=64, values="shifted"),
    case(M=130, C=65, values="outlier"),
    case(M=1031, C=1),
    case(M=257, C=31, values="shifted"),
    case(M=50, C=1100),
    case(M=3001, C=24, values="outlier"),
    case(M=2500, C=48),
    case(M=200003, C=1),
    case(M=300, C=513, moving=False),
]
_ROWS = [
    case(M=0, K=5),
    case(M=1, K=1),
    case(M=3, K=7, scale=False),
    case(M=5, K=16, offset=False),
    case(M=4, K=17, scale=False, offset=False),
    case(M=9, K=33, values="shifted"),
    case(M=33, K=64),
    case(M=6, K=100, values="outlier"),
    case(M=130, K=257),
    case(M=2500, K=10),
    case(M=3, K=4099, values="shifted"),
    case(M=13, K=9001),
    case(M=700, K=128),
    case(M=7, K=600),
    case(M=101, K=1024),
]


def sum_ulps(length):
    return lambda a: 8 + math.sqrt(a[length])


for _name, _make, _cases, _length, _magnitude in (
    ("batch_normalization_forward", batch_normalization_forward, _COLUMNS, "M", forward_magnitude(0)),
    ("batch_normalization_backward", batch_normalization_backward, _COLUMNS, "M", backward_magnitude(0)),
    (
        "batch_normalization_inference_forward",
        batch_normalization_inference_forward,
        _COLUMNS,
        None,
        inference_magnitude,
    ),
    (
        "batch_normalization_inference_backward",
        batch_normalization_inference_backward,
        _COLUMNS,
        "M",
        inference_magnitude,
    ),
    ("layer_normalization_forward", layer_normalization_forward, _ROWS, "K", forward_magnitude(1)),
    ("layer_normalization_backward", layer_normalization_backward, _ROWS, "K", backward_magnitude(1)),
    ("rms_normalization_forward", rms_normalization_forward, _ROWS, "K", forward_magnitude(1)),
    ("rms_normalization_backward", rms_normalization_backward, _ROWS, "K", backward_magnitude(1)),
):
    ENTRIES[_name] = Entry(
        _make,
        _cases,
        sum_ulps(_length) if _length else 8,
        _magnitude,
        lambda a: 8 * a["x"].size,
        in_out=("moving_mean", "moving_variance") if _name == "batch_normalization_forward" else (),
    )
