"""Elementwise functions that are formulas of others, with keras.ops's names; so are their gradients."""

import math

from ._backend import as_float, operands
from .activation import elu, hard_sigmoid, sigmoid, softplus, tanh
from .creation import cast, convert_to_tensor
from .elementwise import (
    absolute,
    add,
    clip,
    divide,
    is_whole,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    reciprocal,
    sqrt,
    square,
    subtract,
)
from .functions import erf, logaddexp, mod, sign, sin
from .layout import split
from .logic import all as _all
from .logic import equal, greater, isclose, isnan, less, where


def exp2(x):
    """y = 2^x, elementwise.

    >>> cygrad.ops.exp2(3.0).item()
    8.0
    """
    return power(2.0, as_float(x, "exp2"))


def cbrt(x):
    """The cube root, elementwise, negative for negative x. Its gradient at 0 is not finite.

    >>> round(cygrad.ops.cbrt(-8.0).item(), 5)
    -2.0
    """
    x = as_float(x, "cbrt")
    return multiply(sign(x), power(absolute(x), 1 / 3))


def erfc(x):
    """1 - erf(x), elementwise, as a difference: below 2^-25 from x = 4 on it is 0.

    >>> cygrad.ops.erfc(0.0).item()
    1.0
    """
    return subtract(1.0, erf(x))


def deg2rad(x):
    """Degrees as radians: x pi / 180, elementwise.

    >>> round(cygrad.ops.deg2rad(180.0).item(), 5)
    3.14159
    """
    return multiply(as_float(x, "deg2rad"), math.pi / 180)


def rad2deg(x):
    """Radians as degrees: x 180 / pi, elementwise.

    >>> round(cygrad.ops.rad2deg(3.1415927).item(), 3)
    180.0
    """
    return multiply(as_float(x, "rad2deg"), 180 / math.pi)


def sinc(x):
    """sin(pi x) / (pi x), elementwise, 1 at 0.

    >>> cygrad.ops.sinc(0.0).item()
    1.0
    """
    x = as_float(x, "sinc")
    at_zero = equal(x, 0.0)
    angle = multiply(where(at_zero, 1.0, x), math.pi)
    return where(at_zero, 1.0, divide(sin(angle), angle))


def heaviside(x1, x2):
    """0 where x1 < 0, 1 where x1 > 0, x2 where it is 0, elementwise, with broadcasting; NaN stays.

    >>> cygrad.ops.heaviside([-1.0, 0.0, 2.0], 0.5).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    x1, x2 = as_float(x1, "heaviside", "x1"), as_float(x2, "heaviside", "x2")
    return where(equal(x1, 0.0), x2, where(isnan(x1), x1, cast(greater(x1, 0.0), None)))


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """x with nan in place of NaN, posinf and neginf in place of infinities (None: the largest and smallest float).

    >>> cygrad.ops.nan_to_num([1.0, float("nan")]).numpy().tolist()
    [1.0, 0.0]
    """
    x, largest = as_float(x, "nan_to_num"), 3.4028234663852886e38
    y = where(isnan(x), float(nan), x)
    y = where(equal(x, float("inf")), largest if posinf is None else float(posinf), y)
    return where(equal(x, float("-inf")), -largest if neginf is None else float(neginf), y)


def divide_no_nan(x1, x2):
    """x1 / x2, elementwise, with broadcasting, 0 where x2 is 0.

    >>> cygrad.ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]).numpy().tolist()
    [0.0, 0.5]
    """
    a, b = operands(x1, x2, "divide_no_nan")
    nothing = equal(b, 0.0)
    return where(nothing, 0.0, divide(a, where(nothing, 1.0, b)))


def isposinf(x):
    """Is x infinity, elementwise?

    >>> cygrad.ops.isposinf([1.0, float("inf")]).numpy().tolist()
    [False, True]
    """
    return equal(as_float(x, "isposinf"), float("inf"))


def isneginf(x):
    """Is x minus infinity, elementwise?

    >>> cygrad.ops.isneginf([1.0, float("-inf")]).numpy().tolist()
    [False, True]
    """
    return equal(as_float(x, "isneginf"), float("-inf"))


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Is isclose(x1, x2, rtol, atol, equal_nan) true everywhere? A boolean tensor of shape ().

    >>> cygrad.ops.allclose([1.0, 2.0], [1.0, 2.0]).item()
    True
    """
    return _all(isclose(x1, x2, rtol, atol, equal_nan))


def fmod(x1, x2):
    """x1 - x2 trunc(x1 / x2), elementwise, with broadcasting: it has the sign of x1.

    >>> cygrad.ops.fmod([7.0, -7.0], 2.0).numpy().tolist()
    [1.0, -1.0]
    """
    rest = mod(absolute(x1), absolute(x2))
    return where(less(x1, 0), negative(rest), rest)


def ldexp(x1, x2):
    """x1 2^x2 for whole numbers x2, elementwise, with broadcasting.

    >>> cygrad.ops.ldexp(3.0, 2).item()
    12.0
    """
    if not is_whole(x2):
        raise TypeError(f"ldexp: expected whole numbers for x2; got {getattr(x2, 'dtype', x2)}")
    return multiply(as_float(x1, "ldexp", "x1"), exp2(x2))


def logaddexp2(x1, x2):
    """log2(2^x1 + 2^x2), elementwise, with broadcasting, without overflow.

    >>> cygrad.ops.logaddexp2(3.0, 3.0).item()
    4.0
    """
    return divide(logaddexp(multiply(x1, math.log(2)), multiply(x2, math.log(2))), math.log(2))


def signbit(x):
    """Is the sign of x minus, elementwise? That of -0.0 is, too.

    >>> cygrad.ops.signbit([-1.0, -0.0, 0.0]).numpy().tolist()
    [True, True, False]
    """
    if is_whole(x):
        return less(x, 0)
    x = as_float(x, "signbit")
    return less(where(equal(x, 0.0), reciprocal(x), x), 0.0)


def saturate_cast(x, dtype):
    """cast(x, dtype), but values that dtype does not reach become the nearest it has.

    >>> cygrad.ops.saturate_cast([-1.0, 300.0], "uint8").numpy().tolist()
    [0, 255]
    """
    x = convert_to_tensor(x)
    low, high = _RANGES.get(dtype, (None, None))
    return cast(x if low is None else clip(x, low, high) if is_whole(x) else clip(x, float(low), float(high)), dtype)


_RANGES = {"bool": (0, 1), "uint8": (0, 255), "int32": (-(2**31), 2**31 - 128)}  # the last one below 2^31 in float32


def fabs(x):
    """|x| as a float, elementwise.

    >>> cygrad.ops.fabs(-3).item()
    3.0
    """
    return absolute(as_float(x, "fabs"))


def fmax(x1, x2):
    """The larger one of x1 and x2, elementwise, with broadcasting; where one is NaN the other.

    >>> cygrad.ops.fmax([1.0, float("nan")], 0.5).numpy().tolist()
    [1.0, 0.5]
    """
    a, b = operands(x1, x2, "fmax")
    return where(isnan(a), b, where(isnan(b), a, maximum(a, b)))


def fmin(x1, x2):
    """The smaller one of x1 and x2, elementwise, with broadcasting; where one is NaN the other.

    >>> cygrad.ops.fmin([1.0, float("nan")], 0.5).numpy().tolist()
    [0.5, 0.5]
    """
    a, b = operands(x1, x2, "fmin")
    return where(isnan(a), b, where(isnan(b), a, minimum(a, b)))


# ---- activations ----


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x), elementwise.

    >>> round(cygrad.ops.log_sigmoid(0.0).item(), 4)
    -0.6931
    """
    return negative(softplus(negative(as_float(x, "log_sigmoid"))))


def hard_tanh(x):
    """x clipped to -1 .. 1, elementwise.

    >>> cygrad.ops.hard_tanh([-2.0, 0.5]).numpy().tolist()
    [-1.0, 0.5]
    """
    return clip(as_float(x, "hard_tanh"), -1.0, 1.0)


def hard_silu(x):
    """x clip(x / 6 + 1/2, 0, 1), elementwise.

    >>> cygrad.ops.hard_silu([0.0, 3.0]).numpy().tolist()
    [0.0, 3.0]
    """
    x = as_float(x, "hard_silu")
    return multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0.

    >>> cygrad.ops.hard_shrink([0.2, -1.0]).numpy().tolist()
    [0.0, -1.0]
    """
    x = as_float(x, "hard_shrink")
    return where(greater(absolute(x), float(threshold)), x, 0.0)


def soft_shrink(x, threshold=0.5):
    """x less threshold above it, x + threshold below -threshold, 0 between.

    >>> cygrad.ops.soft_shrink([0.2, -1.0]).numpy().tolist()
    [0.0, -0.5]
    """
    x = as_float(x, "soft_shrink")
    return subtract(x, clip(x, -float(threshold), float(threshold)))


def threshold(x, threshold, default_value):
    """x where x > threshold, else default_value.

    >>> cygrad.ops.threshold([0.2, 1.0], 0.5, 9.0).numpy().tolist()
    [9.0, 1.0]
    """
    x = as_float(x, "threshold")
    return where(greater(x, float(threshold)), x, float(default_value))


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2, elementwise.

    >>> cygrad.ops.squareplus(0.0).item()
    1.0
    """
    x = as_float(x, "squareplus")
    return multiply(add(x, sqrt(add(square(x), float(b)))), 0.5)


def celu(x, alpha=1.0):
    """x above 0, else alpha (exp(x / alpha) - 1).

    >>> cygrad.ops.celu([2.0, 0.0]).numpy().tolist()
    [2.0, 0.0]
    """
    if not alpha > 0:
        raise ValueError(f"celu: alpha must be positive; got {alpha!r}")
    return multiply(elu(divide(as_float(x, "celu"), alpha)), alpha)


def glu(x, axis=-1):
    """The first half of x along axis times the sigmoid of the second.

    >>> cygrad.ops.glu([2.0, 0.0]).numpy().tolist()
    [1.0]
    """
    first, second = split(as_float(x, "glu"), 2, axis)
    return multiply(first, sigmoid(second))


def tanh_shrink(x):
    """x - tanh(x), elementwise.

    >>> cygrad.ops.tanh_shrink(0.0).item()
    0.0
    """
    x = as_float(x, "tanh_shrink")
    return subtract(x, tanh(x))


def sparse_plus(x):
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x.

    >>> cygrad.ops.sparse_plus([-2.0, 0.0, 2.0]).numpy().tolist()
    [0.0, 0.25, 2.0]
    """
    x = as_float(x, "sparse_plus")
    return add(maximum(x, 1.0), subtract(multiply(square(add(clip(x, -1.0, 1.0), 1.0)), 0.25), 1.0))


def sparse_sigmoid(x):
    """(x + 1) / 2 clipped to 0 .. 1, elementwise: the slope of sparse_plus.

    >>> cygrad.ops.sparse_sigmoid([-2.0, 0.0, 2.0]).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    return multiply(add(clip(as_float(x, "sparse_sigmoid"), -1.0, 1.0), 1.0), 0.5)
