"""Entries of csrc/kernels/image.c."""

import numpy as np

from ... import reference
from .common import ENTRIES, Entry, case, normal


def transforms(rng, N, H, W):
    """Maps near the identity, in sixteenths, so that coordinates are exact; the first far away, the second a flip."""
    t = rng.integers(-24, 25, (N, 6)) / 16
    t[:, 2] += rng.integers(-W, W + 1, N)
    t[:, 5] += rng.integers(-H, H + 1, N)
    t[:1] = [1, 0, 1e30, 0, 1, -1e30]
    t[1:2] = [-1, 0, W - 1, 0, 1, 0]
    t[2:3] = [1, 0, 0.25, 0, 1, -0.5]
    return t.astype(np.float32)


def affine_transform_forward(rng, N, H, W, C, P, Q, bilinear, fill_mode, fill_value=0.0):
    return {
        "y": (N, P, Q, C),
        "x": normal(rng, N, H, W, C),
        "transform": transforms(rng, N, H, W),
        **{"N": N, "H": H, "W": W, "C": C, "P": P, "Q": Q},
        **{"bilinear": bilinear, "fill_mode": fill_mode, "fill_value": fill_value},
    }


def affine_transform_backward(rng, N, H, W, C, P, Q, bilinear, fill_mode, fill_value=0.0):
    a = affine_transform_forward(rng, N, H, W, C, P, Q, bilinear, fill_mode)
    sizes = {name: a[name] for name in ("N", "H", "W", "C", "P", "Q", "bilinear", "fill_mode")}
    return {"dx": (N, H, W, C), "dy": normal(rng, N, P, Q, C), "transform": a["transform"], **sizes}


def forward_magnitude(a, expected):
    y = np.empty_like(expected["y"])
    rest = [a[name] for name in ("transform", "N", "H", "W", "C", "P", "Q", "bilinear", "fill_mode")]
    reference.affine_transform_forward(y, np.abs(a["x"]), *rest, abs(a["fill_value"]))
    return {"y": y}


def backward_magnitude(a, expected):
    dx = np.empty_like(expected["dx"])
    rest = [a[name] for name in ("transform", "N", "H", "W", "C", "P", "Q", "bilinear", "fill_mode")]
    reference.affine_transform_backward(dx, np.abs(a["dy"]), *rest)
    return {"dx": dx}


_PICTURES = [
    case(N=0, H=3, W=3, C=1, P=3, Q=3, bilinear=1, fill_mode=0),
    case(N=4, H=1, W=1, C=1, P=3, Q=2, bilinear=1, fill_mode=1),
    case(N=3, H=2, W=3, C=2, P=0, Q=3, bilinear=0, fill_mode=3),
]
_PICTURES += [
    case(N=6, H=7, W=5, C=C, P=P, Q=6, bilinear=bilinear, fill_mode=fill_mode, fill_value=0.5 * fill_mode - 1)
    for bilinear in (0, 1)
    for fill_mode in range(4)
    for C, P in ((1, 7), (3, 4))
]
_PICTURES += [case(N=5, H=40, W=33, C=3, P=50, Q=60, bilinear=1, fill_mode=2)]
ENTRIES["affine_transform_forward"] = Entry(
    affine_transform_forward, _PICTURES, 4, forward_magnitude, lambda a: 8 * a["N"] * a["P"] * a["Q"] * a["C"]
)
ENTRIES["affine_transform_backward"] = Entry(
    affine_transform_backward,
    _PICTURES,
    lambda a: 4 + (a["P"] * a["Q"]) ** 0.5,
    backward_magnitude,
    lambda a: 8 * a["N"] * a["P"] * a["Q"] * a["C"],
)


def augment_images(rng, N, H, W, C, P, Q, bytes, bilinear, fill_mode, scale=1.0, indexed=0, shift=0.0, brightness=None):
    """Floats are integers -9 .. 260, but 0 .. 255 where brightness makes bytes of them: then each value is exact."""
    low, high = (0, 256) if bytes or brightness is not None else (-9, 261)
    shading = np.array([[shift * (n - 1), np.nan if brightness is None or n == 1 else brightness] for n in range(N)])
    return {
        "y": (N, P, Q, C),
        "x": rng.integers(low, high, (N + indexed, H, W, C)).astype(np.uint8 if bytes else np.float32),
        "index": rng.integers(0, N + indexed, N) if indexed else None,
        "transform": transforms(rng, N, H, W).astype(np.float64),
        "shading": shading.astype(np.float32) if shift or brightness is not None else None,
        **{"N": N, "H": H, "W": W, "C": C, "P": P, "Q": Q, "bytes": bytes, "bilinear": bilinear},
        **{"fill_mode": fill_mode, "fill_value": 7.0, "scale": scale},
    }


_AUGMENTED = [
    case(N=0, H=3, W=3, C=3, P=3, Q=3, bytes=1, bilinear=1, fill_mode=0),
    case(N=3, H=1, W=1, C=3, P=2, Q=3, bytes=1, bilinear=1, fill_mode=5, scale=0.5),
    case(N=4, H=1, W=6, C=1, P=3, Q=5, bytes=0, bilinear=1, fill_mode=5, shift=3.0),
]
_AUGMENTED += [
    case(N=6, H=7, W=5, C=C, P=8, Q=6, bytes=bytes, bilinear=bilinear, fill_mode=fill_mode, indexed=2, scale=0.25)
    for C, bytes in ((3, 1), (3, 0), (1, 1), (2, 0))
    for bilinear in (0, 1)
    for fill_mode in range(6)
]
_AUGMENTED += [
    case(N=5, H=9, W=8, C=C, P=9, Q=8, bytes=bytes, bilinear=0, fill_mode=4, shift=shift, brightness=1.75)
    for C, bytes, shift in ((3, 1, 0.0), (3, 0, 20.0), (4, 1, -30.0), (1, 0, 0.0))
]
ENTRIES["augment_images"] = Entry(
    augment_images,
    _AUGMENTED,
    6,
    lambda a, expected: {"y": np.full(expected["y"].shape, 300.0 * a["scale"])},
    lambda a: 8 * a["N"] * a["P"] * a["Q"] * a["C"],
)
