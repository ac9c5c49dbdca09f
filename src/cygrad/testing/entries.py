"""One entry a kernel: how to make its arguments, how exact it must be, what it costs.

An entry's make(rng, **parameters) gives the arguments by name: arrays, dims, scalars; for an output that is written
whole, its shape; None for a NULL pointer. cases lists the parameters that tests use; benchmarks give their own.

The tolerance of a result is ulps * 2^-23 * magnitude. magnitude is the sum of the absolute values of the terms that the
formula adds (|result| where nothing cancels). ulps is 0 where the result must be equal, 0.51 for one correctly rounded
operation, a few for a vector polynomial, and 4 + sqrt(length) for a sum, whose rounding errors grow like a random walk
(Higham and Mary 2019): a dropped or doubled term is larger by orders of magnitude.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .. import reference

EXACT, ROUNDED = 0, 0.51  # no rounding at all; one correctly rounded operation
SIZES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 65, 100, 257, 1031)
MANY = 50021  # values enough for several threads; a prime
EXTREMES = (
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    1e-38,
    -1e-38,
    1e-7,
    -1e-7,
    1.0,
    -1.0,
    3.0,
    -3.0,
    5.9,
    -5.9,
    9.1,
    -9.1,
    17.5,
    -17.5,
)
EXTREMES += (87.3, -87.3, 88.8, -88.8, 103.9, -103.9, 1e4, -1e4, 1e30, -1e30)
LIMITS = (math.inf, -math.inf)


@dataclass(frozen=True)
class Entry:
    make: Callable  # (rng, **parameters) -> arguments by name
    cases: Sequence[dict]  # parameters of make
    ulps: float | Callable = 1.0  # or a function of the arguments
    magnitude: Callable | None = None  # (arguments in float64, expected) -> {output: array}; |expected| for the others
    flops: Callable | None = None  # (arguments) -> floating-point operations; None: the kernel only moves values
    in_out: tuple = ()  # arrays that are read and written
    in_place: tuple = ()  # (output, input): may be the same memory
    errors: Sequence[dict] = ()  # parameters of make for which the kernel must raise IndexError


ENTRIES = {}
case = dict  # the parameters of make, written like a call of it


def normal(rng, *shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def single(value):
    """A Python float as the float that C receives."""
    return float(np.float32(value))


# ---- matmul ----


def matmul(rng, M, N, K, transpose_a=0, transpose_b=0, bias=False, activation=0):
    return {
        "y": (M, N),
        "a": normal(rng, *((K, M) if transpose_a else (M, K))),
        "b": normal(rng, *((N, K) if transpose_b else (K, N)), scale=1 / math.sqrt(max(K, 1))),
        "bias": normal(rng, N) if bias else None,
        **case(M=M, N=N, K=K, transpose_a=transpose_a, transpose_b=transpose_b, activation=activation),
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


# ---- conv2d ----


def window_sizes(H, W, R, S, stride, padding, dilation=(1, 1)):
    """P, Q, pad_top, pad_left. padding: "valid", "same" (an odd one goes to the end), (top, bottom, left, right)."""
    result = []
    given = case(valid=(0, 0, 0, 0), same=None).get(padding, padding)
    for i, (size, taps) in enumerate(((H, R), (W, S))):
        extent = (taps - 1) * dilation[i] + 1
        if given is None:
            out = -(-size // stride[i])
            before = max(0, (out - 1) * stride[i] + extent - size) // 2
        else:
            before, after = given[2 * i : 2 * i + 2]
            out = max(0, (size + before + after - extent) // stride[i] + 1)
        result.append((out, before))
    return result[0][0], result[1][0], result[0][1], result[1][1]


def conv_sizes(N, H, W, C, F, R, S, stride, padding, dilation, groups):
    P, Q, pad_top, pad_left = window_sizes(H, W, R, S, stride, padding, dilation)
    return case(N=N, H=H, W=W, C=C, F=F, R=R, S=S, P=P, Q=Q, stride_h=stride[0], stride_w=stride[1], pad_top=pad_top,
                pad_left=pad_left, dilation_h=dilation[0], dilation_w=dilation[1], groups=groups)  # fmt: skip


def conv2d_forward(
    rng, N, H, W, C, F, R, S, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1, bias=False, activation=0
):
    sizes = conv_sizes(N, H, W, C, F, R, S, stride, padding, dilation, groups)
    return {
        "y": (N, sizes["P"], sizes["Q"], F),
        "x": normal(rng, N, H, W, C),
        "kernel": normal(rng, R, S, C // groups, F, scale=1 / math.sqrt(R * S * max(1, C // groups))),
        "bias": normal(rng, F) if bias else None,
        **sizes,
        "activation": activation,
    }


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


def conv_magnitude(name, output):
    def magnitude(a, expected):
        total = np.empty_like(expected[output])
        inputs = {k: np.abs(v) for k, v in a.items() if isinstance(v, np.ndarray)}
        getattr(reference, name)(**{**a, **inputs, output: total, **({"activation": 0} if "activation" in a else {})})
        return {output: fused(total, expected[output], a.get("activation", 0))}

    return magnitude


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
]
ENTRIES["conv2d_forward"] = Entry(
    conv2d_forward,
    _CONV,
    ulps=lambda a: 4 + math.sqrt(a["R"] * a["S"] * (a["C"] // a["groups"])),
    magnitude=conv_magnitude("conv2d_forward", "y"),
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


# ---- pool2d ----


def pool_sizes(N, H, W, C, R, S, stride, padding):
    P, Q, pad_top, pad_left = window_sizes(H, W, R, S, stride, padding)
    return case(N=N, H=H, W=W, C=C, R=R, S=S, P=P, Q=Q, stride_h=stride[0], stride_w=stride[1], pad_top=pad_top,
                pad_left=pad_left)  # fmt: skip


def max_pool2d_forward(rng, N, H, W, C, R, S, stride, padding="valid", values="normal"):
    x = normal(rng, N, H, W, C)
    if values == "ties":
        x = np.floor(2 * x)
    elif values == "extreme":
        x = rng.choice(
            np.float32([np.nan, -np.inf, np.inf, -3e38, 0, -0.0, 1]), x.shape, p=[0.05, 0.5, 0.05, 0.2, 0.1, 0.05, 0.05]
        )
    sizes = pool_sizes(N, H, W, C, R, S, stride, padding)
    return {"y": (N, sizes["P"], sizes["Q"], C), "argmax": (N, sizes["P"], sizes["Q"], C), "x": x, **sizes}


def max_pool2d_backward(rng, **parameters):
    a = max_pool2d_forward(rng, **parameters)
    shape, x = a["y"], a["x"]
    a["y"], a["argmax"] = np.empty(shape), np.empty(shape, np.uint8)
    reference.max_pool2d_forward(**a)
    argmax = a["argmax"]
    del a["y"], a["argmax"], a["x"]
    return {"dx": x.shape, "dy": normal(rng, *shape), "argmax": argmax, **a}


def average_pool2d_forward(rng, *, values="normal", **parameters):
    a = max_pool2d_forward(rng, **parameters)
    del a["argmax"]
    return a


def average_pool2d_backward(rng, *, values="normal", **parameters):
    a = max_pool2d_forward(rng, **parameters)
    shape, x = a.pop("y"), a.pop("x")
    del a["argmax"]
    return {"dx": x.shape, "dy": normal(rng, *shape), **a}


def pool_magnitude(name, output):
    def magnitude(a, expected):
        total = np.empty_like(expected[output])
        source = "x" if "x" in a else "dy"
        getattr(reference, name)(**{**a, source: np.abs(a[source]), output: total})
        return {output: total}

    return magnitude


def pool(*sizes, **parameters):
    return dict(zip(("N", "H", "W", "C", "R", "S", "stride", "padding"), sizes), **parameters)


_POOL = [
    pool(0, 4, 4, 3, 2, 2, (2, 2)),
    pool(1, 1, 1, 1, 1, 1, (1, 1)),
    pool(2, 6, 8, 3, 2, 2, (2, 2), values="ties"),
    pool(1, 7, 9, 16, 2, 2, (2, 2)),
    pool(1, 7, 9, 17, 2, 2, (2, 2), "same", values="ties"),
    pool(1, 9, 7, 33, 3, 3, (2, 2), "same"),
    pool(1, 8, 8, 5, 3, 3, (1, 1), "same", values="extreme"),
    pool(2, 9, 10, 4, 3, 2, (2, 3), (1, 1, 0, 1), values="ties"),
    pool(1, 11, 5, 31, 2, 5, (3, 1), (0, 1, 2, 2)),
    pool(1, 5, 6, 7, 5, 6, (5, 6)),
    pool(1, 16, 16, 3, 16, 16, (1, 1), values="ties"),
    pool(1, 20, 20, 2, 3, 3, (5, 4), values="extreme"),
    pool(1, 1, 30, 8, 1, 3, (1, 2), "same"),
    pool(2, 40, 40, 16, 2, 2, (2, 2)),
    pool(3, 33, 31, 24, 3, 3, (2, 2), "same", values="ties"),
    pool(2, 28, 28, 13, 3, 3, (1, 1), "same"),
]


def pool_flops(a):
    return a["N"] * a["P"] * a["Q"] * a["C"] * a["R"] * a["S"]


def pool_ulps(a):
    return 4 + math.sqrt(a["R"] * a["S"])


ENTRIES["max_pool2d_forward"] = Entry(max_pool2d_forward, _POOL, EXACT, flops=pool_flops)
ENTRIES["max_pool2d_backward"] = Entry(
    max_pool2d_backward, _POOL, pool_ulps, pool_magnitude("max_pool2d_backward", "dx"), pool_flops
)
ENTRIES["average_pool2d_forward"] = Entry(
    average_pool2d_forward, _POOL, pool_ulps, pool_magnitude("average_pool2d_forward", "y"), pool_flops
)
ENTRIES["average_pool2d_backward"] = Entry(
    average_pool2d_backward, _POOL, pool_ulps, pool_magnitude("average_pool2d_backward", "dx"), pool_flops
)


# ---- activation, and elementwise functions of one input ----


def unary(name, saved, forward, backward, forward_magnitude=None, backward_magnitude=None, limits=LIMITS, domain=None,
          flops=(10, 4), **scalars):  # fmt: skip
    """Adds NAME_forward and NAME_backward, whose ulps are forward and backward; backward takes saved, "x" or "y".

    forward_magnitude(x) and backward_magnitude(dy, saved): where the formula adds. domain maps normal numbers to the
    function's domain. limits: the infinities at which the formula has a value.
    """
    function = getattr(reference, f"{name}_forward")
    scalars = {key: single(value) for key, value in scalars.items()}

    def inputs(rng, n, values):
        x = 2 * rng.standard_normal(n)
        x = (x if domain is None else domain(x)).astype(np.float32)
        x[: len(values)] = values
        return x

    def make_forward(rng, n, values=()):
        return {"y": (n,), "x": inputs(rng, n, values), "n": n, **scalars}

    def make_backward(rng, n, values=()):
        given = inputs(rng, n, values)
        if saved == "y":
            y = np.empty(n)
            with np.errstate(all="ignore"):
                function(y, given.astype(np.float64), n, **scalars)
                given = y.astype(np.float32)
        return {"dx": (n,), "dy": normal(rng, n), saved: given, "n": n, **scalars}

    sizes = [case(n=n) for n in (*SIZES, MANY)]
    ENTRIES[f"{name}_forward"] = Entry(
        make_forward,
        [*sizes, case(n=97, values=(*EXTREMES, *limits, math.nan))],
        forward,
        forward_magnitude and (lambda a, expected: {"y": forward_magnitude(a["x"])}),
        lambda a: flops[0] * a["n"],
        in_place=(("y", "x"),),
    )
    ENTRIES[f"{name}_backward"] = Entry(
        make_backward,
        [*sizes, case(n=97, values=EXTREMES)],
        backward,
        backward_magnitude and (lambda a, expected: {"dx": backward_magnitude(np.abs(a["dy"]), a[saved])}),
        lambda a: flops[1] * a["n"],
        in_place=(("dx", "dy"),),
    )


def gelu_backward_magnitude(dy, x):
    return dy * (1 + np.abs(x) * np.exp(-(x**2) / 2))


def gelu_tanh_backward_magnitude(dy, x):
    x = np.minimum(np.abs(x), 6)  # tanh is 1 beyond, in float32, and 1 - tanh^2 is 0
    return dy * (1 + x * 0.8 * (1 + 0.13 * x**2))


def silu_backward_magnitude(dy, x):
    s = np.exp(-np.logaddexp(0, -x))
    return dy * s * (1 + np.abs(x) * (1 - s))


unary("relu", "y", EXACT, EXACT, flops=(1, 1))
unary("leaky_relu", "x", ROUNDED, ROUNDED, flops=(1, 1), negative_slope=0.3)
unary("elu", "y", 3, 2, None, lambda dy, y: dy * np.where(y > 0, 1, np.abs(y) + 0.7), alpha=0.7)
unary("selu", "y", 4, 3, None, lambda dy, y: dy * np.where(y > 0, 1.1, np.abs(y) + 1.8))
unary("sigmoid", "y", 4, 2)
unary("tanh", "y", 4, 2, None, lambda dy, y: dy * (1 + y**2))
unary("softplus", "y", 4, 4)
unary("softsign", "x", 2, 3, limits=(), flops=(3, 4))
unary("gelu", "x", 6, 6, np.abs, gelu_backward_magnitude, limits=LIMITS[:1], flops=(25, 35))
unary("gelu_tanh", "x", 8, 10, np.abs, gelu_tanh_backward_magnitude, limits=LIMITS[:1], flops=(20, 30))
unary("silu", "x", 4, 6, None, silu_backward_magnitude, limits=LIMITS[:1])
unary("exp", "y", 3, ROUNDED, flops=(10, 1))
unary("hard_sigmoid", "y", 2, 1, lambda x: np.minimum(np.abs(x), 3) / 6 + 0.5, flops=(3, 3))
unary("log", "x", 3, ROUNDED, domain=np.abs, flops=(10, 1))
unary("sqrt", "y", ROUNDED, ROUNDED, domain=np.abs, flops=(1, 2))
unary("square", "x", ROUNDED, ROUNDED, flops=(1, 2))
unary("absolute", "x", EXACT, EXACT, flops=(1, 1))
unary("clip", "x", EXACT, EXACT, flops=(2, 2), low=-0.5, high=1.2)


# ---- elementwise functions of several inputs ----


def affine(rng, n, scale=1.7, shift=-0.3):
    return {"y": (n,), "x": normal(rng, n), "n": n, "scale": single(scale), "shift": single(shift)}


def accumulate(rng, n, scale=-0.6):
    return {"y": normal(rng, n), "x": normal(rng, n), "n": n, "scale": single(scale)}


_SIZES = [case(n=n) for n in (*SIZES, MANY)]
ENTRIES["affine"] = Entry(
    affine,
    [*_SIZES, case(n=33, scale=0, shift=2), case(n=33, scale=1e30, shift=-1e30)],
    1,
    lambda a, expected: {"y": np.abs(a["scale"] * a["x"]) + abs(a["shift"])},
    lambda a: 2 * a["n"],
    in_place=(("y", "x"),),
)
ENTRIES["accumulate"] = Entry(
    accumulate,
    [*_SIZES, case(n=33, scale=0), case(n=65, scale=1)],
    1,
    lambda a, expected: {"y": np.abs(a["scale"] * a["x"]) + np.abs(a["y"])},
    lambda a: 2 * a["n"],
    in_out=("y",),
)


def strides_of(shape):
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def operand(rng, have, want, values, transposed):
    """An array of shape have and its strides when broadcast to want; transposed: its axes are reversed in memory."""
    have = (1,) * (len(want) - len(have)) + tuple(have)
    strides = strides_of(have[::-1])[::-1] if transposed else strides_of(have)
    strides = tuple(0 if h == 1 and w != 1 else s for h, w, s in zip(have, want, strides))
    x = normal(rng, math.prod(have))
    x[: len(values)] = values[: x.size]
    return x, strides


def binary(rng, a, b, values=((), ()), transposed=(False, False), positive=False):
    shape = np.broadcast_shapes(a, b)
    a, strides_a = operand(rng, a, shape, values[0], transposed[0])
    b, strides_b = operand(rng, b, shape, values[1], transposed[1])
    if positive:
        a = np.abs(a)
    return {
        "y": shape,
        "a": a,
        "b": b,
        "rank": len(shape),
        "shape": shape,
        "strides_a": strides_a,
        "strides_b": strides_b,
    }


_INFINITE = [math.inf, -math.inf, math.nan, 1e30, -0.0, 0.0]
_PAIRS = tuple([v for v in _INFINITE for _ in _INFINITE]), tuple(_INFINITE * len(_INFINITE))
_BINARY = [
    case(a=(), b=()),
    case(a=(0,), b=(0,)),
    case(a=(1,), b=(1,)),
    case(a=(3, 0, 2), b=(2,)),
    *(case(a=(n,), b=(n,)) for n in (7, 8, 16, 17, 33, 257)),
    case(a=(65,), b=()),
    case(a=(), b=(65,)),
    case(a=(5, 17), b=(17,)),
    case(a=(17,), b=(5, 17)),
    case(a=(5, 17), b=(5, 1)),
    case(a=(5, 1), b=(1, 17)),
    case(a=(4, 1, 33), b=(5, 1)),
    case(a=(2, 3, 4, 5), b=(3, 1, 5)),
    case(a=(2, 3, 4, 5), b=(2, 1, 1, 5)),
    case(a=(2, 1, 2, 1, 3, 1, 2, 1), b=(1, 3, 1, 2, 1, 2, 1, 2)),
    case(a=(9, 7), b=(9, 7), transposed=(True, False)),
    case(a=(3, 9, 7), b=(9, 7), transposed=(False, True)),
    case(a=(len(_PAIRS[0]),), b=(len(_PAIRS[1]),), values=_PAIRS),
    case(a=(40, 997), b=(997,)),
    case(a=(MANY,), b=(MANY,)),
    case(a=(31, 1600), b=(31, 1)),
]
for _name, _ulps in case(
    add=ROUNDED, subtract=ROUNDED, multiply=ROUNDED, divide=ROUNDED, maximum=EXACT, minimum=EXACT
).items():
    ENTRIES[_name] = Entry(binary, _BINARY, _ulps, flops=lambda a: math.prod(a["shape"]))


def power_magnitude(a, expected):
    """The relative error of exp(b log a) grows with the exponent that goes into exp."""
    base, exponent = reference.elementwise.broadcast(
        *(a[k] for k in ("a", "b", "rank", "shape", "strides_a", "strides_b"))
    )
    size = np.abs(np.where(exponent == 0, 0, exponent * np.log(np.abs(base))))
    return {"y": np.abs(expected["y"]) * (1 + np.minimum(np.nan_to_num(size), 110))}


_POWERS = [
    (-2.0, 3.0),
    (-2.0, 2.0),
    (-2.0, -3.0),
    (-2.0, 0.5),
    (0.0, 0.0),
    (0.0, 2.0),
    (0.0, -1.0),
    (-0.0, 3.0),
    (math.nan, 0.0),
]
_POWERS += [
    (1.0, math.nan),
    (10.0, 38.0),
    (10.0, 39.0),
    (10.0, -37.0),
    (10.0, -50.0),
    (math.inf, -1.0),
    (2.0, -math.inf),
]
_POWERS += [
    (0.5, -math.inf),
    (-1.0, math.inf),
    (3.0, 1.0),
    (-1.5, 1.0),
    (math.nan, 1.0),
    (1.0000001, 1e7),
    (1e-40, 0.5),
]
ENTRIES["power"] = Entry(
    binary,
    [
        *(case(old, positive=True) for old in _BINARY if "values" not in old),
        case(a=(len(_POWERS),), b=(len(_POWERS),), values=tuple(zip(*_POWERS))),
    ],
    4,
    power_magnitude,
    lambda a: 20 * math.prod(a["shape"]),
)


# ---- layout ----


def gather_strided(rng, source, shape, strides, offset=0):
    return {
        "y": shape,
        "x": normal(rng, source),
        "rank": len(shape),
        "shape": shape,
        "strides": strides,
        "offset": offset,
    }


def scatter_strided(rng, source, shape, strides, offset=0):
    return {"y": normal(rng, source), "x": normal(rng, *shape), "rank": len(shape), "shape": shape, "strides": strides,
            "offset": offset}  # fmt: skip


_STRIDED = [
    case(source=1, shape=(), strides=()),
    case(source=5, shape=(0,), strides=(1,)),
    case(source=5, shape=(3, 0), strides=(1, 1), offset=2),
    case(source=1, shape=(1, 1, 1), strides=(1, 1, 1)),
    case(source=37, shape=(33,), strides=(1,), offset=3),
    case(source=70, shape=(33,), strides=(2,), offset=1),
    case(source=33, shape=(33,), strides=(-1,), offset=32),
    case(source=7 * 9, shape=(9, 7), strides=(1, 9)),
    case(source=17 * 33, shape=(33, 17), strides=(1, 33)),
    case(source=64 * 48, shape=(48, 64), strides=(1, 48)),
    case(source=2 * 5 * 6 * 3, shape=(2, 3, 5, 6), strides=(90, 1, 18, 3)),
    case(source=2 * 5 * 6 * 3, shape=(2, 5, 6, 3), strides=(90, 6, 1, 30)),
    case(source=3 * 5 * 7, shape=(3, 5, 7), strides=(35, 7, -1), offset=6),
    case(source=3 * 5 * 7, shape=(3, 5, 7), strides=(35, -7, 1), offset=28),
    case(source=10 * 20, shape=(4, 6), strides=(40, 3), offset=21),
    case(source=2**8, shape=(2,) * 8, strides=(1, 2, 4, 8, 16, 32, 64, 128)),
    case(source=2**8, shape=(2,) * 8, strides=(1, 128, 2, 64, 4, 32, 8, 16)),
    case(source=203 * 251, shape=(251, 203), strides=(1, 251)),
    case(source=60 * 1000, shape=(50, 900), strides=(1000, 1), offset=3050),
]
_REPEATED = [
    case(source=5, shape=(4, 5), strides=(0, 1)),
    case(source=4, shape=(4, 17), strides=(1, 0)),
    case(source=1, shape=(3, 33), strides=(0, 0)),
    case(source=6, shape=(2, 5, 3, 7), strides=(3, 0, 1, 0)),
]
ENTRIES["gather_strided"] = Entry(gather_strided, _STRIDED + _REPEATED, EXACT)
ENTRIES["scatter_strided"] = Entry(scatter_strided, _STRIDED, EXACT, in_out=("y",))


def gather_rows(rng, n, rows, row, dtype="float32", index=None):
    x = rng.integers(0, 256, (rows, row * np.dtype(dtype).itemsize), np.uint8)
    picked = rng.integers(0, rows, n) if index is None else np.array(index)
    return {
        "y": (n, x.shape[1]),
        "x": x,
        "index": picked.astype(np.int64),
        "n": n,
        "rows": rows,
        "row_bytes": x.shape[1],
    }


ENTRIES["gather_rows"] = Entry(
    gather_rows,
    [
        case(n=0, rows=3, row=4),
        case(n=0, rows=0, row=4),
        case(n=3, rows=3, row=0),
        case(n=1, rows=1, row=1, dtype="uint8"),
        case(n=7, rows=5, row=3, dtype="uint8"),
        case(n=5, rows=9, row=17),
        case(n=9, rows=4, row=1, dtype="int64"),
        case(n=33, rows=60, row=784, dtype="uint8"),
        case(n=300, rows=100, row=257),
    ],
    EXACT,
    errors=[
        case(n=3, rows=5, row=4, index=[0, 5, 1]),
        case(n=3, rows=5, row=4, index=[0, 1, -1]),
        case(n=1, rows=0, row=4, index=[0]),
        case(n=300, rows=5, row=200, index=[0] * 299 + [2**62]),
    ],
)


def labels_of(rng, M, K, labels):
    return (rng.integers(0, max(K, 1), M) if labels is None else np.array(labels)).astype(np.int32)


def one_hot(rng, M, K, labels=None):
    return {"y": (M, K), "labels": labels_of(rng, M, K, labels), "M": M, "K": K}


ROWS = [
    case(M=M, K=K) for M, K in ((0, 5), (1, 1), (1, 2), (3, 7), (5, 8), (4, 10), (7, 16), (9, 17), (2, 33), (3, 1000))
]
ROWS += [case(M=2500, K=10), case(M=130, K=257)]
_OUTSIDE = [-1, 5, 2**31 - 1, -(2**31)]
ENTRIES["one_hot"] = Entry(one_hot, [*ROWS, case(M=6, K=5, labels=[*_OUTSIDE, 0, 4])], EXACT)


def cast(dtype, low, high):
    def make(rng, n):
        x = rng.integers(low, high, n, dtype, endpoint=True)
        x[:3] = [low, high, 1][:n]
        return {"y": (n,), "x": x, "n": n}

    return make


ENTRIES["cast_uint8"] = Entry(cast(np.uint8, 0, 255), _SIZES, EXACT)
ENTRIES["cast_int32"] = Entry(cast(np.int32, -(2**31), 2**31 - 1), _SIZES, ROUNDED)


# ---- reduce ----


def reduce_sum(rng, O, R, I, scale=1.0):  # noqa: E741
    return {"y": (O, I), "x": normal(rng, O, R, I), "O": O, "R": R, "I": I, "scale": single(scale)}


def reduce_max(rng, O, R, I, y=True, index=True, values="normal"):  # noqa: E741
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
ENTRIES["reduce_max"] = Entry(
    reduce_max,
    [
        *_REDUCED,
        *(case(old, values=values) for old in _EXTREME for values in ("ties", "extreme")),
        *(case(O=3, R=17, I=inner, **{wanted: False}) for inner in (1, 5) for wanted in ("y", "index")),
    ],
    EXACT,
    flops=lambda a: a["x"].size,
)
ENTRIES["reduce_max_backward"] = Entry(reduce_max_backward, _REDUCED, EXACT)


# ---- softmax ----


def softmax_forward(rng, M, K, scale=1.0, x=None):
    x = normal(rng, M, K, scale=scale) if x is None else np.array(x, np.float32)
    return {"y": (M, K), "x": x, "M": M, "K": K}


def softmax_backward(rng, M, K, scale=1.0, logarithm=False):
    y = np.empty((M, K))
    forward = reference.log_softmax_forward if logarithm else reference.softmax_forward
    forward(y, np.float64(normal(rng, M, K, scale=scale)), M, K)
    return {"dx": (M, K), "dy": normal(rng, M, K), "y": y.astype(np.float32), "M": M, "K": K}


def log_softmax_backward(rng, **parameters):
    return softmax_backward(rng, **parameters, logarithm=True)


def row_ulps(a):
    return 6 + math.sqrt(a["K"])


def shifted(x):
    return np.abs(x - x.max(axis=-1, keepdims=True, initial=-np.inf))


def log_softmax_magnitude(x):
    """|x - max| and the logarithm of a sum whose largest term is 1, so that its error is at least an ulp of 1."""
    d = shifted(x)
    return d + 1 + np.log(np.exp(-d).sum(axis=-1, keepdims=True))


def exp_of_shifted(x, p):
    """The relative error of exp(x - max) grows with the rounding of x - max; far below, nothing is left of it."""
    return p * (1 + np.minimum(shifted(x), 110))


_ROWS_WIDE = [*ROWS, case(M=9, K=10, scale=30), case(M=5, K=33, scale=1e4)]
_ROWS_SOFTMAX = [
    *_ROWS_WIDE,
    case(M=2, K=3, x=[[0, -np.inf, 1], [1e30, 1e30, -1e30]]),
    case(M=1, K=3, x=[[np.nan, 0, 1]]),
]
ENTRIES["softmax_forward"] = Entry(
    softmax_forward,
    _ROWS_SOFTMAX,
    row_ulps,
    lambda a, expected: {"y": exp_of_shifted(a["x"], expected["y"])},
    lambda a: 13 * a["x"].size,
    in_place=(("y", "x"),),
)
ENTRIES["softmax_backward"] = Entry(
    softmax_backward,
    _ROWS_WIDE,
    row_ulps,
    lambda a, expected: {"dx": a["y"] * (np.abs(a["dy"]) + (np.abs(a["dy"]) * a["y"]).sum(axis=1, keepdims=True))},
    lambda a: 4 * a["y"].size,
    in_place=(("dx", "dy"), ("dx", "y")),
)
ENTRIES["log_softmax_forward"] = Entry(
    softmax_forward,
    _ROWS_SOFTMAX,
    row_ulps,
    lambda a, expected: {"y": log_softmax_magnitude(a["x"])},
    lambda a: 13 * a["x"].size,
    in_place=(("y", "x"),),
)
ENTRIES["log_softmax_backward"] = Entry(
    log_softmax_backward,
    _ROWS_WIDE,
    row_ulps,
    lambda a, expected: {"dx": np.abs(a["dy"]) + np.exp(a["y"]) * np.abs(a["dy"]).sum(axis=1, keepdims=True)},
    lambda a: 13 * a["y"].size,
    in_place=(("dx", "dy"), ("dx", "y")),
)


# ---- loss ----


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


_BAD_LABELS = [case(M=3, K=5, labels=[0, bad, 1]) for bad in _OUTSIDE] + [case(M=2500, K=10, labels=[1] * 2499 + [10])]
ENTRIES["sparse_softmax_cross_entropy_forward"] = Entry(
    sparse_softmax_cross_entropy_forward,
    _ROWS_WIDE,
    row_ulps,
    sparse_magnitude,
    lambda a: 14 * a["x"].size,
    errors=_BAD_LABELS,
)
ENTRIES["sparse_softmax_cross_entropy_backward"] = Entry(
    sparse_softmax_cross_entropy_backward,
    _ROWS_WIDE,
    1,
    flops=lambda a: 2 * a["p"].size,
    errors=_BAD_LABELS,
)
ENTRIES["softmax_cross_entropy_forward"] = Entry(
    softmax_cross_entropy_forward, _ROWS_WIDE, row_ulps, dense_magnitude, lambda a: 16 * a["x"].size
)
ENTRIES["softmax_cross_entropy_backward"] = Entry(
    softmax_cross_entropy_backward,
    _ROWS_WIDE,
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


_LOGITS = [*_SIZES, case(n=97, values=(*EXTREMES, math.nan))]
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


def categorical_matches(rng, M, K):
    return {"match": (M,), "x": scores(rng, M, K), "t": scores(rng, M, K), "M": M, "K": K}


def binary_matches(rng, n, threshold=0.5):
    x = np.float32(rng.integers(0, 5, n) / 4)
    return {"match": (n,), "x": x, "t": np.float32(rng.integers(0, 2, n)), "n": n, "threshold": single(threshold)}


ENTRIES["sparse_categorical_matches"] = Entry(
    sparse_categorical_matches, [*ROWS, case(M=4, K=5, labels=_OUTSIDE)], EXACT, flops=lambda a: a["x"].size
)
ENTRIES["categorical_matches"] = Entry(categorical_matches, ROWS, EXACT, flops=lambda a: 2 * a["x"].size)
ENTRIES["binary_matches"] = Entry(binary_matches, [*_SIZES, case(n=50, threshold=0.25)], EXACT, flops=lambda a: a["n"])


# ---- random ----


def randoms(first, second):
    """The maker of a generator's arguments; its two parameters have default values that are not 0 and 1."""

    def make(rng, n, key=0x0123456789ABCDEF, counter=3, **given):
        scalars = {name: single(given.get(name, value)) for name, value in (first, second)}
        return {"y": (n,), "n": n, "key": key, "counter": counter, **scalars}

    return make


def dropout(rng, n, key=0xFEDCBA9876543210, counter=1, rate=0.3):
    return {"y": (n,), "x": 1 + rng.random(n, np.float32), "n": n, "key": key, "counter": counter, "rate": single(rate)}


_STREAMS = [
    *_SIZES,
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


# ---- optimizer ----


def sgd_step(rng, n, lr=0.1, momentum=0.9, nesterov=0, velocity=True):
    return {
        **{"w": normal(rng, n), "velocity": normal(rng, n) if velocity else None, "g": normal(rng, n)},
        **{"n": n, "lr": single(lr), "momentum": single(momentum), "nesterov": nesterov},
    }


def adam_step(rng, n, lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-7, step=3, vhat=False):
    return {
        **{
            "w": normal(rng, n),
            "m": normal(rng, n),
            "v": normal(rng, n) ** 2,
            "vhat": normal(rng, n) ** 2 if vhat else None,
        },
        **{"g": normal(rng, n), "n": n, "lr": single(lr), "beta1": single(beta1), "beta2": single(beta2)},
        **{"epsilon": single(epsilon), "step": step},
    }


def rmsprop_step(rng, n, lr=0.01, rho=0.9, momentum=0.8, epsilon=1e-7, a=False, b=False):
    mean = normal(rng, n)
    return {
        **{"w": normal(rng, n), "v": mean**2 + np.float32(0.5) + normal(rng, n) ** 2, "a": mean if a else None},
        **{"b": normal(rng, n) if b else None, "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "rho": single(rho), "momentum": single(momentum), "epsilon": single(epsilon)},
    }


def sgd_magnitude(a, expected):
    step = a["lr"] * np.abs(a["g"])
    if a["velocity"] is None:
        return {"w": np.abs(a["w"]) + step}
    velocity = a["momentum"] * np.abs(a["velocity"]) + step
    return {"w": np.abs(a["w"]) + velocity + step, "velocity": velocity}


def adam_magnitude(a, expected):
    m, v = np.abs(a["m"]) + np.abs(a["g"]), a["v"] + (1 - a["beta2"]) * (a["g"] ** 2 + a["v"])
    second = expected["v" if a["vhat"] is None else "vhat"]
    rate = a["lr"] * math.sqrt(1 - a["beta2"] ** a["step"]) / (1 - a["beta1"] ** a["step"])
    return {"w": np.abs(a["w"]) + rate * m / (np.sqrt(second) + a["epsilon"]), "m": m, "v": v}


def rmsprop_magnitude(a, expected):
    mean = 0 if a["a"] is None else expected["a"] ** 2
    d = expected["v"] + a["epsilon"]
    update = a["lr"] * np.abs(a["g"]) / np.sqrt(d - mean) * d / (d - mean)  # the difference cancels
    old = 0 if a["b"] is None else a["momentum"] * np.abs(a["b"])
    average = np.abs(a["rho"] * (0 if a["a"] is None else a["a"])) + np.abs(a["g"])
    return {"w": np.abs(a["w"]) + old + update, "a": average, "b": old + update}


ENTRIES["sgd_step"] = Entry(
    sgd_step,
    [
        *_SIZES,
        case(n=100, nesterov=1),
        case(n=MANY, nesterov=1),
        case(n=100, velocity=False),
        case(n=MANY, velocity=False),
    ],
    2,
    sgd_magnitude,
    lambda a: (2 if a["velocity"] is None else 4) * a["n"],
    in_out=("w", "velocity"),
)
ENTRIES["adam_step"] = Entry(
    adam_step,
    [
        *_SIZES,
        *(case(n=n, vhat=vhat, step=step) for n in (100, MANY) for vhat in (False, True) for step in (1, 10, 100000)),
    ],
    6,
    adam_magnitude,
    lambda a: 11 * a["n"],
    in_out=("w", "m", "v", "vhat"),
)
ENTRIES["rmsprop_step"] = Entry(
    rmsprop_step,
    [*_SIZES, *(case(n=n, a=a, b=b) for n in (100, MANY) for a in (False, True) for b in (False, True))],
    6,
    rmsprop_magnitude,
    lambda a: 8 * a["n"],
    in_out=("w", "v", "a", "b"),
)
