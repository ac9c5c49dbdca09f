"""Reductions that leave NaN out, with keras.ops's names. Whole numbers are never NaN, and go through as they are."""

import numpy as np

from ._backend import as_float
from .creation import convert_to_tensor
from .elementwise import divide, is_whole, sqrt, square, subtract
from .logic import all as _all
from .logic import isnan, where
from .reduce import argmax, argmin, mean, prod, var
from .reduce import max as _max
from .reduce import min as _min
from .reduce import sum as _sum
from .statistics import cumprod, cumsum, quantile_of


def _filled(x, value):
    """x with a value in place of NaN."""
    return convert_to_tensor(x) if is_whole(x) else where(isnan(x), value, as_float(x))


def _unless_all(x, y, value, axis, keepdims):
    """y, a result of reducing x, but value where there was nothing but NaN."""
    return y if is_whole(x) else where(_all(isnan(x), axis, keepdims), value, y)


def nansum(x, axis=None, keepdims=False):
    """The sum over axis of what is not NaN.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nansum([1.0, np.nan, 2.0]).item()
    3.0
    """
    return _sum(_filled(x, 0.0), axis, keepdims)


def nanprod(x, axis=None, keepdims=False):
    """The product over axis of what is not NaN.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanprod([3.0, np.nan, 2.0]).item()
    6.0
    """
    return prod(_filled(x, 1.0), axis, keepdims)


def nanmax(x, axis=None, keepdims=False):
    """The maximum over axis of what is not NaN; NaN where nothing is.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanmax([1.0, np.nan, 2.0]).item()
    2.0
    """
    return _unless_all(x, _max(_filled(x, -float("inf")), axis, keepdims), float("nan"), axis, keepdims)


def nanmin(x, axis=None, keepdims=False):
    """The minimum over axis of what is not NaN; NaN where nothing is.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanmin([1.0, np.nan, 2.0]).item()
    1.0
    """
    return _unless_all(x, _min(_filled(x, float("inf")), axis, keepdims), float("nan"), axis, keepdims)


def nanargmax(x, axis=None, keepdims=False):
    """Where the first maximum along axis is, NaN left out, as int32; -1 where there is nothing else.

    axis None: in x flattened. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanargmax([1.0, np.nan, 2.0]).item()
    2
    """
    return _unless_all(x, argmax(_filled(x, -float("inf")), axis, keepdims), -1, axis, keepdims)


def nanargmin(x, axis=None, keepdims=False):
    """Where the first minimum along axis is, NaN left out, as int32; -1 where there is nothing else.

    axis None: in x flattened. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanargmin([np.nan, 3.0, 2.0]).item()
    2
    """
    return _unless_all(x, argmin(_filled(x, float("inf")), axis, keepdims), -1, axis, keepdims)


def nanmean(x, axis=None, keepdims=False):
    """The mean over axis of what is not NaN; NaN where nothing is.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanmean([1.0, np.nan, 2.0]).item()
    1.5
    """
    if is_whole(x):
        return mean(x, axis, keepdims)
    return divide(nansum(x, axis, keepdims), _count(x, axis, keepdims))


def _count(x, axis, keepdims):
    """How many are not NaN."""
    return _sum(where(isnan(x), 0.0, 1.0), axis, keepdims)


def nanvar(x, axis=None, keepdims=False):
    """The variance over axis of what is not NaN; NaN where nothing is.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanvar([1.0, np.nan, 3.0]).item()
    1.0
    """
    if is_whole(x):
        return var(x, axis, keepdims)
    distance = where(isnan(x), 0.0, subtract(_filled(x, 0.0), nanmean(x, axis, True)))
    return divide(_sum(square(distance), axis, keepdims), _count(x, axis, keepdims))


def nanstd(x, axis=None, keepdims=False):
    """The standard deviation over axis of what is not NaN: sqrt(nanvar(x)).

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanstd([1.0, np.nan, 3.0]).item()
    1.0
    """
    return sqrt(nanvar(x, axis, keepdims))


def nancumsum(x, axis=None, dtype=None):
    """cumsum(x, axis, dtype), NaN counted as 0.

    >>> cygrad.ops.nancumsum([1.0, np.nan, 2.0]).numpy().tolist()
    [1.0, 1.0, 3.0]
    """
    return cumsum(_filled(x, 0.0), axis, dtype)


def nancumprod(x, axis=None, dtype=None):
    """cumprod(x, axis, dtype), NaN counted as 1.

    >>> cygrad.ops.nancumprod([3.0, np.nan, 2.0]).numpy().tolist()
    [3.0, 3.0, 6.0]
    """
    return cumprod(_filled(x, 1.0), axis, dtype)


def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """quantile(x, q, axis, method, keepdims) of what is not NaN; NaN where nothing is.

    >>> cygrad.ops.nanquantile([1.0, np.nan, 3.0], 0.5).item()
    2.0
    """
    return quantile_of(x, q, axis, method, keepdims, "nanquantile", True)


def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """nanquantile(x, q / 100, axis, method, keepdims).

    >>> cygrad.ops.nanpercentile([1.0, np.nan, 3.0], 50).item()
    2.0
    """
    return quantile_of(x, np.asarray(q, "float64") / 100, axis, method, keepdims, "nanpercentile", True)


def nanmedian(x, axis=None, keepdims=False):
    """The median over axis of what is not NaN; NaN where nothing is.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.nanmedian([1.0, np.nan, 2.0]).item()
    1.5
    """
    return quantile_of(x, 0.5, axis, "linear", keepdims, "nanmedian", True)
