"""Entries of csrc/kernels/loss.c."""

import math

import numpy as np

from ... import reference
from .common import ALL_SIZES, ENTRIES, EXACT, EXTREMES, OUTSIDE, ROWS, Entry, case, labels_of, normal, single
from .softmax import WIDE_ROWS, exp_of_shifted, log_softmax_magnitude, row_ulps


def probabilities(x):
    return np.exp(reference.softmax.log_softmax(x.astype(np.float64))).astype(np.float32)


def sparse_softmax_cross_entropy_forward(rng, M, K, scale=1.0, labels=None):
    return {
        "loss": (M,),
        "p": (M, K),
        "x": normal(rng, M, K, scale=scale),
        "labels": labels_of(rng, M, K, labels),
        "M": M,
        "K": K,
    }


def sparse_softmax_cross_entropy_backward(rng, M, K, scale=1.0, labels=None):
    p = probabilities(normal(rng, M, K, scale=scale))
    return {"dx": (M, K), "dloss": normal(rng, M), "p": p, "labels": labels_of(rng, M, K, labels), "M": M, "K": K}


def softmax_cross_entropy_forward(rng, M, K, scale=1.0):
    t = probabilities(normal(rng, M, K)) * np.float32(1.1)  # the targets need not sum to 1
    return {"loss": (M,), "p": (M, K), "x": normal(rng, M, K, scale=scale), "t": t, "M": M, "K": K}


def softmax_cross_entropy_backward(rng, M, K, scale=1.0):
    p, t = probabilities(normal(rng, M, K, scale=scale)), probabilities(normal(rng, M, K)) * np.float32(1.1)
    return {"dx": (M, K), "dloss": normal(rng, M), "p": p, "t": t, "M": M, "K": K}


def sparse_magnitude(a, expected):
    return {"loss": log_softmax_magnitude(a["x"]).max(axis=1, initial=0), "p": exp_of_shifted(a["x"], expected["p"])}


def dense_magnitude(a, expected):
    terms = np.abs(a["t"]) * log_softmax_magnitude(a["x"])
    return {"loss": terms.sum(axis=1), "p": exp_of_shifted(a["x"], expected["p"])}


_BAD_LABELS = [case(M=3, K=5, labels=[0, bad, 1]) for bad in OUTSIDE] + [case(M=2500, K=10, labels=[1] * 2499 + [10])]
ENTRIES["sparse_softmax_cross_entropy_forward"] = Entry(
    sparse_softmax_cross_entropy_forward,
    WIDE_ROWS,
    row_ulps,
    sparse_magnitude,
    lambda a: 14 * a["x"].size,
    errors=_BAD_LABELS,
)
ENTRIES["sparse_softmax_cross_entropy_backward"] = Entry(
    sparse_softmax_cross_entropy_backward,
    WIDE_ROWS,
    1,
    flops=lambda a: 2 * a["p"].size,
    errors=_BAD_LABELS,
)
ENTRIES["softmax_cross_entropy_forward"] = Entry(
    softmax_cross_entropy_forward, WIDE_ROWS, row_ulps, dense_magnitude, lambda a: 16 * a["x"].size
)
ENTRIES["softmax_cross_entropy_backward"] = Entry(
    softmax_cross_entropy_backward,
    WIDE_ROWS,
    row_ulps,
    lambda a, expected: {"dx": (a["p"] * a["t"].sum(axis=1, keepdims=True) + a["t"]) * np.abs(a["dloss"])[:, None]},
    lambda a: 4 * a["p"].size,
)


def sigmoid_cross_entropy_forward(rng, n, values=()):
    x, t = normal(rng, n, scale=3), rng.integers(0, 2, n).astype(np.float32)
    x[: len(values)] = values
    t[n // 2 :] = rng.random(n - n // 2)
    return {"loss": (n,), "x": x, "t": t, "n": n}


def sigmoid_cross_entropy_backward(rng, n, values=()):
    a = sigmoid_cross_entropy_forward(rng, n, values)
    return {"dx": (n,), "dloss": normal(rng, n), "x": a["x"], "t": a["t"], "n": n}


_LOGITS = [*ALL_SIZES, case(n=97, values=(*EXTREMES, math.nan))]
ENTRIES["sigmoid_cross_entropy_forward"] = Entry(
    sigmoid_cross_entropy_forward,
    _LOGITS,
    4,
    lambda a, expected: {"loss": np.maximum(a["x"], 0) + np.abs(a["x"] * a["t"]) + np.exp(-np.abs(a["x"]))},
    lambda a: 20 * a["n"],
)
ENTRIES["sigmoid_cross_entropy_backward"] = Entry(
    sigmoid_cross_entropy_backward,
    _LOGITS,
    4,
    lambda a, expected: {"dx": (np.exp(-np.logaddexp(0, -a["x"])) + a["t"]) * np.abs(a["dloss"])},
    lambda a: 12 * a["n"],
)


def error_forward(rng, M, K):
    return {"loss": (M,), "x": normal(rng, M, K), "t": normal(rng, M, K), "M": M, "K": K}


def error_backward(rng, M, K):
    x, t = normal(rng, M, K), normal(rng, M, K)
    x[::2, ::3] = t[::2, ::3]  # where the absolute error has no slope
    return {"dx": (M, K), "dloss": normal(rng, M), "x": x, "t": t, "M": M, "K": K}


for _name in ("squared_error", "absolute_error"):
    ENTRIES[f"{_name}_forward"] = Entry(error_forward, ROWS, row_ulps, flops=lambda a: 3 * a["x"].size)
    ENTRIES[f"{_name}_backward"] = Entry(error_backward, ROWS, 2, flops=lambda a: 3 * a["x"].size)


def scores(rng, M, K):
    """Values of which several may share the first place."""
    return np.float32(rng.integers(0, 4, (M, K)))


def sparse_categorical_matches(rng, M, K, labels=None):
    return {"match": (M,), "x": scores(rng, M, K), "labels": labels_of(rng, M, min(K, 4), labels), "M": M, "K": K}


def sparse_top_k_matches(rng, M, K, k, labels=None, nan=False):
    arguments = {**sparse_categorical_matches(rng, M, K, labels), "k": k}
    if nan:
        arguments["x"][::2, ::3] = np.nan
    return arguments


def categorical_matches(rng, M, K):
    return {"match": (M,), "x": scores(rng, M, K), "t": scores(rng, M, K), "M": M, "K": K}


def binary_matches(rng, n, threshold=0.5):
    x = np.float32(rng.integers(0, 5, n) / 4)
    return {"match": (n,), "x": x, "t": np.float32(rng.integers(0, 2, n)), "n": n, "threshold": single(threshold)}


ENTRIES["sparse_categorical_matches"] = Entry(
    sparse_categorical_matches, [*ROWS, case(M=4, K=5, labels=OUTSIDE)], EXACT, flops=lambda a: a["x"].size
)
ENTRIES["sparse_top_k_matches"] = Entry(
    sparse_top_k_matches,
    [
        *(case(**row, k=k) for row in ROWS for k in (1, 3)),
        case(M=4, K=5, k=2, labels=OUTSIDE),
        case(M=6, K=7, k=2, nan=True),
    ],
    EXACT,
    flops=lambda a: a["x"].size,
)
ENTRIES["categorical_matches"] = Entry(categorical_matches, ROWS, EXACT, flops=lambda a: 2 * a["x"].size)
ENTRIES["binary_matches"] = Entry(
    binary_matches, [*ALL_SIZES, case(n=50, threshold=0.25)], EXACT, flops=lambda a: a["n"]
)
