"""Entries of csrc/kernels/conv2d.c."""

import math

import numpy as np

from ... import reference
from .common import ENTRIES, Entry, normal
from .matmul import fused
from .normalization import EPSILON


def axis_sizes(size, taps, stride, padding, dilation=1):
    """An axis's output size and padding before it. padding: "valid", "same" (an odd one goes to the end), or a pair."""
    extent = (taps - 1) * dilation + 1
    if padding == "same":
        out = -(-size // stride)
        return out, max(0, (out - 1) * stride + extent - size) // 2
    before, after = (0, 0) if padding == "valid" else padding
    return max(0, (size + before + after - extent) // stride + 1), before


def window_sizes(H, W, R, S, stride, padding, dilation=(1, 1)):
    """P, Q, strides and padding by name. padding: "valid", "same" or (top, bottom, left, right)."""
    rows, columns = (padding, padding) if isinstance(padding, str) else (padding[:2], padding[2:])
    P, pad_top = axis_sizes(H, R, stride[0], rows, dilation[0])
    Q, pad_left = axis_sizes(W, S, stride[1], columns, dilation[1])
    strides = {"stride_h": stride[0], "stride_w": stride[1]}
    return {"P": P, "Q": Q, **strides, "pad_top": pad_top, "pad_left": pad_left}


def conv2d_forward(
    rng, N, H, W, C, F, R, S, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1, bias=False, activation=0
):
    sizes = window_sizes(H, W, R, S, stride, padding, dilation)
    return {
        "y": (N, sizes["P"], sizes["Q"], F),
        "x": normal(rng, N, H, W, C),
        "kernel": normal(rng, R, S, C // groups, F, scale=1 / math.sqrt(R * S * max(1, C // groups))),
        "bias": normal(rng, F) if bias else None,
        **{"N": N, "H": H, "W": W, "C": C, "F": F, "R": R, "S": S, **sizes},
        **{"dilation_h": dilation[0], "dilation_w": dilation[1], "groups": groups, "activation": activation},
    }


def conv2d_fused_forward(rng, *, normalized=True, scale=True, residual=True, low=0.0, high=math.inf, **parameters):
    a = conv2d_forward(rng, **parameters)
    F = a["F"]
    line = {"mean": normal(rng, F), "variance": np.abs(normal(rng, F)) + np.float32(0.1)} if normalized else {}
    line |= {"scale": normal(rng, F), "offset": normal(rng, F)} if normalized and scale else {}
    given = dict.fromkeys(("mean", "variance", "scale", "offset", "residual")) | line
    given["residual"] = normal(rng, *a["y"]) if residual else None
    return {**a, **given, "epsilon": EPSILON, "low": low, "high": high}


def conv2d_backward_input(rng, *, bias=False, activation=0, **parameters):
    a = conv2d_forward(rng, **parameters)
    del a["bias"], a["activation"]
    x, kernel = a.pop("x"), a.pop("kernel")
    return {"dx": x.shape, "dy": normal(rng, *a.pop("y")), "kernel": kernel, **a}


def conv2d_backward_kernel(rng, *, bias=False, activation=0, **parameters):
    a = conv2d_forward(rng, **parameters)
    del a["bias"], a["activation"]
    x, kernel = a.pop("x"), a.pop("kernel")
    return {"dkernel": kernel.shape, "dy": normal(rng, *a.pop("y")), "x": x, **a}


def patchwise(total, size):
    """The largest value of each patch of size x size pixels, for all of them."""
    N, H, W, C = total.shape
    patches = np.zeros((N, -(-H // size), size, -(-W // size), size, C))
    whole = patches.reshape(N, patches.shape[1] * size, patches.shape[3] * size, C)
    whole[:, :H, :W] = total
    patches[...] = patches.max((2, 4), keepdims=True, initial=0)
    return whole[:, :H, :W]


def conv_magnitude(name, output):
    """The sum of |products|; where Winograd's algorithm may run, the largest of a patch, as it shares its errors.

    These are one to three times those of direct sums, for dkernel up to six (tests/test_kernels.py measures it):
    too few for another tolerance.
    """

    def magnitude(a, expected):
        total = np.empty_like(expected[output])
        inputs = {k: np.abs(v) for k, v in a.items() if isinstance(v, np.ndarray)}
        getattr(reference, name)(**{**a, **inputs, output: total, **({"activation": 0} if "activation" in a else {})})
        steps = ("stride_h", "stride_w", "dilation_h", "dilation_w", "groups")
        if a["R"] == a["S"] and a["R"] in (3, 5) and all(a[k] == 1 for k in steps):
            total = (
                np.broadcast_to(total.max((0, 1)), total.shape) if output == "dkernel" else patchwise(total, 7 - a["R"])
            )
        return {output: fused(total, expected[output], a.get("activation", 0))}

    return magnitude


def fused_magnitude(a, expected):
    """The convolution's by the factor of its normalization, and the other terms."""
    own = ("mean", "variance", "scale", "offset", "residual", "epsilon", "low", "high")
    total = conv_magnitude("conv2d_forward", "y")({k: v for k, v in a.items() if k not in own}, expected)["y"]
    if a["mean"] is not None:
        factor = np.abs(1 if a["scale"] is None else a["scale"]) / np.sqrt(a["variance"] + EPSILON)
        total = (total + np.abs(a["mean"])) * factor + (0 if a["offset"] is None else np.abs(a["offset"]))
    return {"y": total + (0 if a["residual"] is None else np.abs(a["residual"]))}


def conv_flops(a):
    return 2 * a["N"] * a["P"] * a["Q"] * a["F"] * a["R"] * a["S"] * (a["C"] // a["groups"])


def conv(*sizes, **parameters):
    return dict(zip("NHWCFRS", sizes), **parameters)


_CONV = [
    conv(0, 5, 5, 3, 4, 3, 3),
    conv(1, 1, 1, 1, 1, 1, 1),
    conv(1, 5, 7, 1, 1, 3, 3, bias=True),
    conv(2, 6, 9, 3, 16, 3, 3, padding="same", bias=True, activation=1),
    conv(1, 28, 28, 1, 6, 5, 5, padding="same", activation=6),
    conv(1, 14, 14, 6, 16, 5, 5, bias=True, activation=1),
    conv(1, 9, 15, 4, 17, 3, 3, padding="same", stride=(2, 2), bias=True),
    conv(1, 10, 13, 5, 31, 3, 3, padding="same", stride=(2, 1), bias=True, activation=9),
    conv(2, 7, 8, 16, 33, 3, 3, padding="same", bias=True, activation=10),
    conv(1, 8, 8, 8, 32, 1, 1, bias=True),
    conv(1, 9, 9, 17, 48, 1, 1, stride=(2, 2), bias=True, activation=2),
    conv(1, 8, 6, 3, 65, 2, 2, padding="same", activation=3),
    conv(1, 6, 5, 2, 3, 6, 5),
    conv(1, 4, 4, 2, 3, 5, 5, padding=(2, 2, 2, 2)),
    conv(1, 3, 3, 2, 5, 4, 4, padding=(3, 3, 3, 3)),
    conv(1, 11, 10, 3, 7, 3, 2, padding=(0, 3, 2, 1), stride=(3, 2)),
    conv(1, 12, 11, 4, 8, 3, 3, dilation=(2, 2), padding="same"),
    conv(1, 13, 12, 4, 9, 3, 2, dilation=(3, 1), padding=(2, 1, 0, 1), bias=True, activation=5),
    conv(1, 12, 12, 4, 8, 2, 3, dilation=(2, 3), stride=(2, 2), padding="same"),
    conv(1, 9, 9, 1, 8, 7, 7, stride=(2, 2), padding=(3, 3, 3, 3), bias=True, activation=1),
    conv(1, 5, 6, 3, 8, 1, 1, stride=(3, 3)),
    conv(1, 8, 8, 6, 6, 3, 3, groups=6, padding="same", bias=True),
    conv(2, 7, 9, 16, 16, 3, 3, groups=16, padding="same", stride=(2, 2), activation=1, bias=True),
    conv(1, 7, 7, 33, 33, 3, 3, groups=33, padding="same"),
    conv(1, 7, 7, 5, 10, 3, 3, groups=5, padding="same", bias=True, activation=12),
    conv(1, 8, 7, 8, 12, 3, 3, groups=2, padding="same", bias=True, activation=4),
    conv(1, 8, 7, 12, 8, 3, 2, groups=4, padding="same", stride=(1, 2), dilation=(1, 1)),
    conv(1, 10, 9, 6, 9, 3, 3, groups=3, padding="same", dilation=(2, 2), bias=True, activation=7),
    conv(2, 1, 40, 4, 5, 1, 3, padding="same", bias=True, activation=8),  # Conv1D
    conv(1, 1, 30, 3, 6, 1, 5, padding=(0, 0, 8, 0), dilation=(1, 2)),  # causal
    conv(1, 2, 3, 64, 64, 3, 3, padding="same", activation=11, bias=True),
    conv(1, 1, 1, 70, 40, 3, 3, padding="same"),
    conv(2, 16, 16, 64, 64, 3, 3, padding="same", bias=True, activation=1),
    conv(3, 17, 19, 16, 32, 3, 3, padding="same", bias=True),
    conv(2, 30, 30, 3, 24, 3, 3, padding="same", bias=True, activation=1),
    conv(1, 33, 31, 3, 20, 7, 7, stride=(2, 2), padding="same", bias=True),
    conv(5, 12, 12, 24, 40, 1, 1, bias=True, activation=1),
    conv(2, 28, 28, 32, 32, 3, 3, groups=32, padding="same", bias=True),
    conv(1, 9, 11, 40, 40, 3, 5, groups=40, padding="same", bias=True, activation=1),
    conv(2, 7, 6, 70, 70, 5, 3, groups=70, padding=(1, 3, 2, 0), stride=(2, 3)),
    conv(1, 11, 13, 19, 19, 3, 3, groups=19, padding="same", stride=(2, 2), dilation=(3, 2), bias=True),
    conv(1, 12, 10, 16, 16, 2, 3, groups=16, padding=(3, 2, 4, 4), stride=(4, 6), dilation=(2, 4)),
    conv(1, 6, 5, 35, 105, 3, 3, groups=35, padding="same", bias=True, activation=9),
    conv(1, 3, 3, 48, 48, 7, 9, groups=48, padding="same", bias=True),
    conv(3, 14, 15, 64, 64, 3, 3, groups=64, padding="same", stride=(2, 2), bias=True),
    conv(2, 1, 23, 33, 33, 1, 6, groups=33, padding=(0, 0, 5, 0)),
    conv(2, 5, 8, 8, 16, 3, 3, groups=4, padding="same", bias=True, activation=1),
    conv(1, 9, 8, 64, 32, 3, 3, groups=16, padding="same", stride=(2, 1), bias=True),
    conv(2, 12, 11, 64, 64, 3, 3, groups=16, padding="same", bias=True, activation=1),
    conv(1, 9, 7, 48, 24, 3, 4, groups=8, padding=(1, 2, 3, 0), dilation=(2, 1)),
    conv(1, 10, 9, 80, 80, 3, 3, groups=10, padding="same", bias=True),
    conv(1, 70, 60, 8, 12, 5, 5, groups=4, padding="same", stride=(2, 2), bias=True, activation=6),
    conv(1, 8, 9, 18, 18, 3, 3, groups=3, padding="same", bias=True),
    conv(1, 6, 19, 32, 32, 2, 4, groups=2, padding="same", bias=True, activation=2),
    conv(1, 9, 9, 36, 27, 1, 1, groups=9, stride=(2, 2), bias=True),
    conv(1, 3, 4, 16, 16, 5, 7, groups=4, padding="same"),
    conv(2, 12, 13, 24, 40, 3, 3, groups=8, stride=(3, 2), padding=(2, 0, 3, 1)),
    conv(1, 20, 28, 22, 22, 3, 5, groups=11, padding="same", dilation=(2, 3)),
    conv(1, 9, 8, 52, 28, 3, 3, groups=4, padding="same", stride=(2, 2)),
    # regions: corners across the batch, no pixel that sees the whole kernel, windows wholly in the padding
    conv(5, 4, 3, 17, 9, 3, 5, padding="same", bias=True, activation=1),
    conv(6, 2, 5, 3, 20, 5, 7, padding="same", bias=True),
    conv(1, 3, 4, 5, 6, 2, 2, padding=(3, 4, 4, 3), stride=(1, 2), bias=True),
    conv(4, 17, 16, 33, 40, 1, 7, padding="same", bias=True),
    conv(1, 11, 12, 256, 40, 1, 1, stride=(2, 4)),
    conv(1, 40, 41, 9, 20, 1, 1, stride=(2, 2), bias=True),
    # dx by phases of the stride, some without taps; by channels, by pixels
    conv(1, 14, 13, 20, 18, 3, 3, padding="same", stride=(2, 2)),
    conv(2, 9, 10, 24, 16, 2, 3, padding=(0, 2, 0, 2), stride=(3, 4)),
    conv(1, 13, 15, 17, 16, 3, 3, padding=(4, 3, 3, 4), stride=(2, 3), dilation=(2, 2)),
    conv(1, 40, 41, 1, 6, 3, 3, padding="same"),
    conv(1, 13, 50, 2, 8, 3, 5, padding=(2, 2, 5, 1), stride=(3, 2), dilation=(2, 3)),
    conv(1, 21, 37, 6, 9, 5, 3, padding="same", stride=(2, 2), groups=3),
    # dx by products: spans of long rows, a few rows of the kernel at a time, groups, dilated rows in bands
    conv(1, 1, 1037, 1, 5, 1, 4, padding=(0, 0, 3, 1)),
    conv(1, 2, 1301, 2, 6, 1, 7, padding="same", stride=(1, 2)),
    conv(1, 1, 1100, 1, 3, 1, 9, padding=(0, 0, 16, 0), dilation=(1, 2)),
    conv(1, 9, 150, 1, 6, 4, 110, padding=(1, 2, 60, 30)),
    conv(1, 9, 40, 4, 40, 2, 3, stride=(2, 2), groups=2),
    conv(1, 20, 40, 1, 8, 3, 3, dilation=(3, 2), padding="same"),
    conv(2, 7, 6, 1, 20, 2, 2, stride=(3, 3), padding=(0, 1, 1, 0)),
    # Winograd's algorithm: patches cut at both edges, outputs that see only padding, channels and filters past a slice
    conv(1, 6, 7, 16, 8, 3, 3, padding=(1, 1, 0, 2), bias=True, activation=6),
    conv(3, 13, 11, 8, 17, 3, 3, padding=(2, 2, 2, 2), bias=True, activation=1),
    conv(1, 9, 10, 67, 75, 3, 3),
    conv(5, 14, 15, 33, 40, 3, 3, padding="same", bias=True, activation=9),
    conv(2, 4, 33, 65, 16, 3, 3, padding=(1, 1, 3, 0), bias=True),
    conv(1, 9, 15, 16, 33, 5, 5, padding=(3, 1, 0, 4), bias=True, activation=6),
    conv(3, 17, 11, 35, 20, 5, 5, padding="same", bias=True, activation=1),
    conv(2, 13, 14, 67, 8, 5, 5),
]
ENTRIES["conv2d_forward"] = Entry(
    conv2d_forward,
    _CONV,
    ulps=lambda a: 4 + math.sqrt(a["R"] * a["S"] * (a["C"] // a["groups"])),
    magnitude=conv_magnitude("conv2d_forward", "y"),
    flops=conv_flops,
)
_PLAIN = [case for case in _CONV if case.get("activation", 0) <= 1]  # whose magnitude does not depend on y
_EPILOGUES = [
    {},
    {"residual": False, "high": 6.0},
    {"scale": False, "low": -math.inf},
    {"normalized": False},
    {"normalized": False, "residual": False},
]
ENTRIES["conv2d_fused_forward"] = Entry(
    conv2d_fused_forward,
    [case | _EPILOGUES[i % len(_EPILOGUES)] for i, case in enumerate(_PLAIN)],
    ulps=lambda a: 8 + math.sqrt(a["R"] * a["S"] * (a["C"] // a["groups"])),
    magnitude=fused_magnitude,
    flops=conv_flops,
)
ENTRIES["conv2d_backward_input"] = Entry(
    conv2d_backward_input,
    _CONV,
    ulps=lambda a: 4 + math.sqrt(a["R"] * a["S"] * (a["F"] // a["groups"])),
    magnitude=conv_magnitude("conv2d_backward_input", "dx"),
    flops=conv_flops,
)
ENTRIES["conv2d_backward_kernel"] = Entry(
    conv2d_backward_kernel,
    _CONV,
    ulps=lambda a: 4 + math.sqrt(a["N"] * a["P"] * a["Q"]),
    magnitude=conv_magnitude("conv2d_backward_kernel", "dkernel"),
    flops=conv_flops,
)
