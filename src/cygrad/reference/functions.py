"""Rounding, logarithms, trigonometric and hyperbolic functions, erf. The C side: csrc/kernels/functions.c."""

import math

import numpy as np

from .elementwise import broadcast


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def one_erfinv(x):
    """Newton's method on erf, on erfc where erf is near 1."""
    if not abs(x) < 1:
        return math.inf * x if abs(x) == 1 else math.nan
    y, size = 0.0, abs(x)
    for _ in range(100):
        error = math.erf(y) - size if size < 0.5 else (1 - size) - math.erfc(y)
        y -= error * math.sqrt(math.pi) / 2 * math.exp(y * y)
    return math.copysign(y, x)


def erfinv(x):
    return np.vectorize(one_erfinv, otypes=[np.float64])(x)


# In the order of enum cg_function
FUNCTIONS = (
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
    np.sign,
    np.log1p,
    np.expm1,
    np.log2,
    np.log10,
    np.sin,
    np.cos,
    np.tan,
    np.arcsin,
    np.arccos,
    np.arctan,
    np.sinh,
    np.cosh,
    np.arcsinh,
    np.arccosh,
    np.arctanh,
    erf,
    erfinv,
)
PAIRS = (np.mod, np.floor_divide, np.arctan2, np.hypot)


def function(y, x, n, function):
    y.reshape(n)[...] = FUNCTIONS[function](x.reshape(n))


def function_pair(y, a, b, rank, shape, strides_a, strides_b, function):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = PAIRS[function](a, b)
