"""Entries of csrc/kernels/matmul.c."""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, Entry, case, normal
from .elementwise import operand


def matmul(rng, M, N, K, transpose_a=0, transpose_b=0, bias=False, activation=0):
    return {
        "y": (M, N),
        "a": normal(rng, *((K, M) if transpose_a else (M, K))),
        "b": normal(rng, *((N, K) if transpose_b else (K, N)), scale=1 / math.sqrt(max(K, 1))),
        "bias": normal(rng, N) if bias else None,
        **{"M": M, "N": N, "K": K},
        **{"transpose_a": transpose_a, "transpose_b": transpose_b, "activation": activation},
    }


def fused(total, expected, activation):
    """The magnitude of activation(sum): the sum's times the largest slope (exp's: its value), and the result's own."""
    slope = np.abs(expected) if activation == 11 else 1.8 if activation else 1.0
    own = 0.0 if activation < 2 else 3 * np.abs(expected)
    return slope * total + own


def matmul_magnitude(a, expected):
    total = np.empty((a["M"], a["N"]))
    bias = None if a["bias"] is None else np.abs(a["bias"])
    sizes = [a[name] for name in ("M", "N", "K", "transpose_a", "transpose_b")]
    reference.matmul(total, np.abs(a["a"]), np.abs(a["b"]), bias, *sizes, 0)
    return {"y": fused(total, expected["y"], a["activation"])}


_FLAGS = [(0, 0), (0, 1), (1, 0), (1, 1)]
_MATMUL = [
    (0, 3, 4),
    (3, 0, 4),
    (1, 1, 1),
    (5, 7, 0),
    (1, 64, 31),
    (64, 1, 31),
    (6, 16, 7),
    (7, 17, 8),
    (13, 31, 5),
    (14, 32, 64),
]
_MATMUL += [(15, 33, 65), (28, 64, 129), (29, 67, 300), (97, 101, 103), (2, 200, 513), (200, 2, 513), (128, 130, 70)]
_MATMUL += [(150, 140, 33), (30, 140, 1024)]  # left operands in panels: transposed, and with rows a page apart
_MATMUL += [(1, 1, 40), (7, 1, 32), (21, 1, 77), (38, 1, 33)]
ENTRIES["matmul"] = Entry(
    matmul,
    [
        case(
            M=M, N=N, K=K, transpose_a=ta, transpose_b=tb, bias=(i + ta) % 2 == 0, activation=(5 * i + 2 * ta + tb) % 13
        )
        for i, (M, N, K) in enumerate(_MATMUL)
        for ta, tb in _FLAGS
    ],
    ulps=lambda a: 4 + math.sqrt(a["K"]),
    magnitude=matmul_magnitude,
    flops=lambda a: 2 * a["M"] * a["N"] * a["K"],
)


def batched_matmul(rng, shape, M, N, K, transpose_a=0, transpose_b=0, shape_a=None, shape_b=None):
    """shape_a, shape_b: what is repeated to shape, where it is not shape itself."""
    arguments = {"y": (*shape, M, N)}
    for name, have, size in (("a", shape_a, M * K), ("b", shape_b, K * N)):
        have = shape if have is None else have
        _, strides = operand(rng, have, shape, (), False)
        arguments[name] = normal(rng, math.prod(have), size, scale=1 / math.sqrt(max(K, 1)))
        arguments["strides_" + name] = tuple(size * stride for stride in strides)
    order = ("y", "a", "b", "rank", "shape", "strides_a", "strides_b")
    arguments |= {"rank": len(shape), "shape": tuple(shape)}
    sizes = {"M": M, "N": N, "K": K, "transpose_a": transpose_a, "transpose_b": transpose_b}
    return {name: arguments[name] for name in order} | sizes


def batched_magnitude(a, expected):
    total = np.empty_like(expected["y"])
    reference.batched_matmul(total, np.abs(a["a"]), np.abs(a["b"]), *[a[name] for name in list(a)[3:]])
    return {"y": total}


_BATCHES = [
    case(shape=(3,), M=5, N=7, K=4),
    case(shape=(2,), M=1, N=1, K=1),
    case(shape=(0,), M=2, N=3, K=4),
    case(shape=(3,), M=0, N=3, K=4),
    case(shape=(3,), M=2, N=0, K=4),
    case(shape=(2, 3), M=1, N=17, K=33),
    case(shape=(2, 3), M=15, N=33, K=0),
    case(shape=(2, 3), M=15, N=33, K=9, shape_b=(3,)),
    case(shape=(2, 3), M=16, N=32, K=20, shape_a=(2, 1)),
    case(shape=(4, 2, 3), M=2, N=3, K=5, shape_a=(2, 1), shape_b=(4, 1, 3)),
    case(shape=(7,), M=33, N=65, K=40),
    case(shape=(16,), M=64, N=64, K=48),
    case(shape=(3,), M=130, N=140, K=66),
    case(shape=(3,), M=21, N=1, K=50),
]
ENTRIES["batched_matmul"] = Entry(
    batched_matmul,
    [{**parameters, "transpose_a": ta, "transpose_b": tb} for parameters in _BATCHES for ta, tb in _FLAGS],
    ulps=lambda a: 4 + math.sqrt(a["K"]),
    magnitude=batched_magnitude,
    flops=lambda a: 2 * math.prod(a["shape"]) * a["M"] * a["N"] * a["K"],
)
