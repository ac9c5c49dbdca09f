"""Functions of formulas, with keras.ops's names: rounding, logarithms, trigonometric and hyperbolic functions. Kernels:
csrc/kernels/functions.c.
"""

import numpy as np

from . import _whole
from ._backend import K, as_float, empty, operands, record, tracked
from ._shapes import broadcast
from .activation import exp, softplus
from .creation import convert_to_tensor
from .elementwise import (
    absolute,
    add,
    divide,
    is_whole,
    maximum,
    minimum,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
    unbroadcast,
)

# The numbers of enum cg_function, and of the kernel function_pair
(FLOOR, CEIL, ROUND, TRUNC, SIGN, LOG1P, EXPM1, LOG2, LOG10, SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH,
 ARCSINH, ARCCOSH, ARCTANH, ERF, ERFINV) = range(22)  # fmt: skip
_ERF_SLOPE = float(2 / np.sqrt(np.pi))  # of erf at 0
REMAINDER, QUOTIENT, ANGLE, HYPOTENUSE = range(4)


def _computed(x, op, function):
    """function of x, not recorded."""
    x = as_float(x, op)
    y = empty(x.shape)
    K.function(y, x, x.size, function)
    return y


def _recorded(x, op, function, derivative):
    """function of x, whose gradient is derivative(x, y, dy)."""
    x = as_float(x, op)
    y = _computed(x, op, function)
    return record(y, (x,), lambda dy: derivative(x, y, dy))


# ---- rounding: constant nearly everywhere, so no gradient is recorded ----


def sign(x):
    """The sign of x, elementwise: -1, 0 or 1. No gradient is recorded.

    >>> cygrad.ops.sign([-3.0, 0.0, 2.0]).numpy().tolist()
    [-1.0, 0.0, 1.0]
    """
    if is_whole(x):
        return minimum(maximum(convert_to_tensor(x), -1), 1)
    return _computed(x, "sign", SIGN)


def floor(x):
    """The largest whole number not above x, elementwise, as a float. No gradient is recorded.

    >>> cygrad.ops.floor([-1.5, 1.5]).numpy().tolist()
    [-2.0, 1.0]
    """
    return _computed(x, "floor", FLOOR)


def ceil(x):
    """The smallest whole number not below x, elementwise, as a float. No gradient is recorded.

    >>> cygrad.ops.ceil([-1.5, 1.5]).numpy().tolist()
    [-1.0, 2.0]
    """
    return _computed(x, "ceil", CEIL)


def trunc(x):
    """x without its fraction, elementwise. No gradient is recorded.

    >>> cygrad.ops.trunc([-1.5, 1.5]).numpy().tolist()
    [-1.0, 1.0]
    """
    return convert_to_tensor(x) if is_whole(x) else _computed(x, "trunc", TRUNC)


def round(x, decimals=0):
    """x rounded to so many decimals, halves to even. No gradient is recorded.

    >>> cygrad.ops.round([0.5, 1.5, 2.4]).numpy().tolist()
    [0.0, 2.0, 2.0]
    """
    if is_whole(x) and decimals >= 0:
        return convert_to_tensor(x)
    if not decimals:
        return _computed(x, "round", ROUND)
    unit = 10.0 ** (decimals if decimals > 0 else -decimals)
    scaled = multiply(as_float(x, "round"), unit) if decimals > 0 else divide(x, unit)
    y = _computed(scaled, "round", ROUND)
    return divide(y, unit) if decimals > 0 else multiply(y, unit)


# ---- functions of one array ----


def log1p(x):
    """y = log(1 + x), elementwise, exact for small x. dx = dy / (1 + x).

    >>> cygrad.ops.log1p(0.0).item()
    0.0
    """
    return _recorded(x, "log1p", LOG1P, lambda x, y, dy: divide(dy, add(x, 1.0)))


def expm1(x):
    """y = exp(x) - 1, elementwise, exact for small x. dx = dy (y + 1).

    >>> cygrad.ops.expm1(0.0).item()
    0.0
    """
    return _recorded(x, "expm1", EXPM1, lambda x, y, dy: multiply(dy, add(y, 1.0)))


def log2(x):
    """Logarithm to base 2, elementwise. dx = dy / (x log 2).

    >>> cygrad.ops.log2(8.0).item()
    3.0
    """
    return _recorded(x, "log2", LOG2, lambda x, y, dy: divide(dy, multiply(x, float(np.log(2)))))


def log10(x):
    """Logarithm to base 10, elementwise. dx = dy / (x log 10).

    >>> cygrad.ops.log10(100.0).item()
    2.0
    """
    return _recorded(x, "log10", LOG10, lambda x, y, dy: divide(dy, multiply(x, float(np.log(10)))))


def sin(x):
    """Sine, elementwise. dx = dy cos(x).

    >>> cygrad.ops.sin(0.0).item()
    0.0
    """
    return _recorded(x, "sin", SIN, lambda x, y, dy: multiply(dy, cos(x)))


def cos(x):
    """Cosine, elementwise. dx = -dy sin(x).

    >>> cygrad.ops.cos(0.0).item()
    1.0
    """
    return _recorded(x, "cos", COS, lambda x, y, dy: negative(multiply(dy, sin(x))))


def tan(x):
    """Tangent of x, elementwise. dx = dy (1 + y^2).

    >>> cygrad.ops.tan(0.0).item()
    0.0
    """
    return _recorded(x, "tan", TAN, lambda x, y, dy: multiply(dy, add(square(y), 1.0)))


def _root_below_1(x):
    """sqrt(1 - x^2), exact near 1."""
    return sqrt(multiply(subtract(1.0, x), add(x, 1.0)))


def arcsin(x):
    """The angle in -pi/2 .. pi/2 whose sine is x, elementwise; NaN outside -1 .. 1. dx = dy / sqrt(1 - x^2).

    >>> cygrad.ops.arcsin(0.0).item()
    0.0
    """
    return _recorded(x, "arcsin", ARCSIN, lambda x, y, dy: divide(dy, _root_below_1(x)))


def arccos(x):
    """The angle in 0 .. pi whose cosine is x, elementwise; NaN outside -1 .. 1. dx = -dy / sqrt(1 - x^2).

    >>> cygrad.ops.arccos(1.0).item()
    0.0
    """
    return _recorded(x, "arccos", ARCCOS, lambda x, y, dy: divide(negative(dy), _root_below_1(x)))


def arctan(x):
    """The angle whose tangent is x, elementwise. dx = dy / (1 + x^2).

    >>> cygrad.ops.arctan(0.0).item()
    0.0
    """
    return _recorded(x, "arctan", ARCTAN, lambda x, y, dy: divide(dy, add(square(x), 1.0)))


def sinh(x):
    """Hyperbolic sine, elementwise: (exp(x) - exp(-x)) / 2. dx = dy cosh(x).

    >>> cygrad.ops.sinh(0.0).item()
    0.0
    """
    return _recorded(x, "sinh", SINH, lambda x, y, dy: multiply(dy, cosh(x)))


def cosh(x):
    """Hyperbolic cosine, elementwise: (exp(x) + exp(-x)) / 2. dx = dy sinh(x).

    >>> cygrad.ops.cosh(0.0).item()
    1.0
    """
    return _recorded(x, "cosh", COSH, lambda x, y, dy: multiply(dy, sinh(x)))


def arcsinh(x):
    """What sinh is x of, elementwise. dx = dy / sqrt(1 + x^2).

    >>> cygrad.ops.arcsinh(0.0).item()
    0.0
    """
    return _recorded(x, "arcsinh", ARCSINH, lambda x, y, dy: divide(dy, sqrt(add(square(x), 1.0))))


def arccosh(x):
    """What cosh is x of, elementwise, at least 0; NaN below 1. dx = dy / sqrt(x^2 - 1).

    >>> cygrad.ops.arccosh(1.0).item()
    0.0
    """
    return _recorded(x, "arccosh", ARCCOSH, lambda x, y, dy: divide(dy, sqrt(multiply(subtract(x, 1.0), add(x, 1.0)))))


def arctanh(x):
    """What tanh is x of, elementwise; NaN outside -1 .. 1. dx = dy / (1 - x^2).

    >>> cygrad.ops.arctanh(0.0).item()
    0.0
    """
    return _recorded(x, "arctanh", ARCTANH, lambda x, y, dy: divide(dy, multiply(subtract(1.0, x), add(x, 1.0))))


def erf(x):
    """The error function, elementwise: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    dx = dy 2 / sqrt(pi) exp(-x^2).

    >>> cygrad.ops.erf(0.0).item()
    0.0
    """
    return _recorded(x, "erf", ERF, lambda x, y, dy: multiply(multiply(dy, exp(negative(square(x)))), _ERF_SLOPE))


def erfinv(x):
    """What erf is x of, elementwise; NaN outside -1 .. 1. dx = dy sqrt(pi) / 2 exp(y^2).

    >>> cygrad.ops.erfinv(0.0).item()
    0.0
    """
    return _recorded(x, "erfinv", ERFINV, lambda x, y, dy: multiply(multiply(dy, exp(square(y))), 1 / _ERF_SLOPE))


# ---- functions of two arrays ----


def _pair(x1, x2, op, function):
    """(function of two float tensors, not recorded, and what backward needs to know)."""
    a, b = operands(x1, x2, op)
    plan = broadcast(a.shape, b.shape, op)
    shape, rank, sizes, sa, sb = plan[:5]
    y = empty(shape)
    K.function_pair(y, a, b, rank, sizes, sa, sb, function)
    return a, b, y, plan[6:]


def logaddexp(x1, x2):
    """y = log(exp(x1) + exp(x2)), elementwise, with broadcasting, without overflow.

    >>> round(cygrad.ops.logaddexp(0.0, 0.0).item(), 4)
    0.6931
    """
    a, b = operands(x1, x2, "logaddexp")
    return add(maximum(a, b), softplus(negative(absolute(subtract(a, b)))))


def floor_divide(x1, x2):
    """The largest whole number not above x1 / x2, elementwise, with broadcasting. No gradient is recorded.

    >>> cygrad.ops.floor_divide([7, -7], 2).numpy().tolist()
    [3, -4]
    """
    if is_whole(x1) and is_whole(x2):
        return _whole.floor_divide(x1, x2)
    return _pair(x1, x2, "floor_divide", QUOTIENT)[2]


def mod(x1, x2):
    """x1 - x2 floor(x1 / x2), elementwise, with broadcasting: it has the sign of x2.

    dx1 = dy, dx2 = -dy floor(x1 / x2).

    >>> cygrad.ops.mod([7, -7], 2).numpy().tolist()
    [1, 1]
    """
    if is_whole(x1) and is_whole(x2):
        return _whole.mod(x1, x2)
    a, b, y, (to_a, to_b) = _pair(x1, x2, "mod", REMAINDER)

    def backward(dy):
        da = unbroadcast(dy, a, to_a) if tracked(a) else None
        return da, unbroadcast(negative(multiply(dy, floor_divide(a, b))), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)


def arctan2(x1, x2):
    """The angle of the point (x2, x1), in -pi .. pi, elementwise, with broadcasting.

    dx1 = dy x2 / (x1^2 + x2^2), dx2 = -dy x1 / (x1^2 + x2^2).

    >>> cygrad.ops.arctan2(0.0, 1.0).item()
    0.0
    """
    a, b, y, (to_a, to_b) = _pair(x1, x2, "arctan2", ANGLE)

    def backward(dy):
        scaled = divide(dy, add(square(a), square(b)))
        da = unbroadcast(multiply(scaled, b), a, to_a) if tracked(a) else None
        return da, unbroadcast(negative(multiply(scaled, a)), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)


def hypot(x1, x2):
    """sqrt(x1^2 + x2^2), elementwise, with broadcasting, without overflow. dx1 = dy x1 / y, dx2 = dy x2 / y.

    >>> cygrad.ops.hypot(3.0, 4.0).item()
    5.0
    """
    a, b, y, (to_a, to_b) = _pair(x1, x2, "hypot", HYPOTENUSE)

    def backward(dy):
        scaled = divide(dy, y)
        da = unbroadcast(multiply(scaled, a), a, to_a) if tracked(a) else None
        return da, unbroadcast(multiply(scaled, b), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)
