"""Reductions with keras.ops's names. Kernels: csrc/kernels/reduce.c.

axis is None (all axes), an integer or several; keepdims leaves the reduced axes in the result, with size 1. Integers
are reduced as int32, int64 by NumPy.
"""

from functools import lru_cache
from math import prod as _product

import numpy as np

from . import _whole
from ._backend import (
    K,
    as_float,
    axes_of,
    empty,
    from_array,
    gradient_like,
    integer_result,
    record,
    shell,
    tracked,
    zeros,
)
from ._shapes import reduction, spread
from .activation import exp
from .creation import cast, convert_to_tensor, stop_gradient
from .elementwise import absolute, add, divide, is_whole, log, maximum, minimum, sqrt, square, subtract
from .layout import reshape, transpose
from .logic import equal, isfinite, where


@lru_cache(maxsize=4096)
def _plan(shape, axis, keepdims, op):
    """(shape of y, shape of y with the reduced axes, the reductions, how many values meet in one)."""
    axes = axes_of(axis, len(shape), op)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    short = tuple(n for i, n in enumerate(shape) if i not in axes)
    count = _product(n for i, n in enumerate(shape) if i in axes)
    return kept if keepdims else short, kept, reduction(shape, axes) or ((_product(kept), 1, 1),), count


def _hashable(axis):
    return tuple(axis) if type(axis) is list else axis


def _sum(x, shape, kept, steps, scale):
    """scale * x summed by steps, recorded."""
    y = x
    for O, R, I in steps[:-1]:  # noqa: E741
        partial = empty((O, I))
        K.reduce_sum(partial, y, O, R, I, 1.0)
        y = partial
    O, R, I = steps[-1]  # noqa: E741
    total = empty(shape)
    K.reduce_sum(total, y, O, R, I, scale)
    source = shell(x)

    def backward(dy):
        if scale != 1.0:
            scaled = empty(dy.shape)
            K.affine(scaled, dy, dy.size, scale, 0.0)
            dy = scaled
        dx = gradient_like(source)
        K.gather_strided(dx, dy, *spread(kept, dx.shape), 0)
        return dx

    return record(total, (x,), backward)


def _whole_result(x, axis, keepdims, initial, op, operation, function):
    """Whole numbers reduced by an operation of the kernel reduce_int32: sums and products as int32, the others in x's
    type. function: NumPy's, for int64."""
    x = convert_to_tensor(x)
    shape, _, steps, count = _plan(x.shape, axis, keepdims, op)
    adds = operation in (_whole.ADD, _whole.MULTIPLY)
    if x.dtype == "int64":
        wanted = {"dtype": "int32"} if adds else {} if initial is None else {"initial": initial}
        return integer_result(lambda x: function(x, axis, keepdims=keepdims, **wanted), x)
    if not adds and not count and initial is None:
        raise ValueError(f"{op}: there is nothing to choose from along axis {axis} of shape {x.shape}; give initial")
    y = _whole.reduced(cast(x, "int32"), shape, steps, operation, K.reduce_int32)
    if initial is not None:
        y = (_whole.maximum if op == "max" else _whole.minimum)(y, initial)
    return y if adds else cast(y, x.dtype)


def sum(x, axis=None, keepdims=False):
    """The sum over axis.

    dx = dy, repeated along axis. Raises ValueError for an axis that does not exist.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [3.0, 7.0]
    """
    if is_whole(x):
        return _whole_result(x, _hashable(axis), keepdims, None, "sum", _whole.ADD, np.sum)
    x = as_float(x, "sum")
    shape, kept, steps, _ = _plan(x.shape, _hashable(axis), keepdims, "sum")
    return _sum(x, shape, kept, steps, 1.0)


def mean(x, axis=None, keepdims=False):
    """The mean over axis; NaN where there is nothing to average.

    dx = dy / count, repeated along axis. Raises ValueError for an axis that does not exist.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=0).numpy().tolist()
    [2.0, 3.0]
    """
    x = as_float(x, "mean")
    shape, kept, steps, count = _plan(x.shape, _hashable(axis), keepdims, "mean")
    return _sum(x, shape, kept, steps, 1.0 / count if count else float("nan"))


def _extreme(x, axis, keepdims, initial, op, kernel):
    """The maximum or minimum, one run of neighbouring axes after the other."""
    shape, _, steps, count = _plan(x.shape, axis, keepdims, op)
    if not count and initial is None:
        raise ValueError(f"{op}: there is nothing to choose from along axis {axis} of shape {x.shape}; give initial")
    if not count:
        return add(zeros(shape), initial)
    y = x
    for O, R, I in steps[:-1]:  # noqa: E741
        y = _first_extreme(y, (O, I), O, R, I, kernel)
    y = _first_extreme(y, shape, *steps[-1], kernel)
    return y if initial is None else (maximum if op == "max" else minimum)(y, initial)


def _first_extreme(x, shape, O, R, I, kernel):  # noqa: E741
    y = empty(shape)
    index = empty((O, I), "int32") if tracked(x) else None
    kernel(y, index, x, O, R, I)
    source = shell(x)

    def backward(dy):
        dx = gradient_like(source)
        K.reduce_max_backward(dx, dy, index, O, R, I)
        return dx

    return record(y, (x,), backward)


def max(x, axis=None, keepdims=False, initial=None):
    """The maximum over axis, and of initial if given.

    The gradient goes to the first of equal maxima (TensorFlow shares it among them). Raises ValueError for an axis
    that does not exist, or is empty without an initial.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.max([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [2.0, 4.0]
    """
    if is_whole(x):
        return _whole_result(x, _hashable(axis), keepdims, initial, "max", _whole.MAXIMUM, np.max)
    return _extreme(as_float(x, "max"), _hashable(axis), keepdims, initial, "max", K.reduce_max)


def min(x, axis=None, keepdims=False, initial=None):
    """The minimum over axis, and of initial if given.

    The gradient goes to the first of equal minima (TensorFlow shares it among them). Raises ValueError for an axis
    that does not exist, or is empty without an initial.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.min([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [1.0, 3.0]
    """
    if is_whole(x):
        return _whole_result(x, _hashable(axis), keepdims, initial, "min", _whole.MINIMUM, np.min)
    return _extreme(as_float(x, "min"), _hashable(axis), keepdims, initial, "min", K.reduce_min)


def var(x, axis=None, keepdims=False):
    """The variance over axis: the mean of (x - mean(x))^2.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.var([1.0, 3.0]).item()
    1.0
    """
    x = as_float(x, "var")
    return mean(square(subtract(x, mean(x, axis, True))), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """The standard deviation over axis: sqrt(var(x)). Its gradient is not finite where all values are equal.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.std([1.0, 3.0]).item()
    1.0
    """
    return sqrt(var(x, axis, keepdims))


def prod(x, axis=None, keepdims=False, dtype=None):
    """The product over axis.

    dx = dy times the product of the others, right where there are zeros too. dtype None: x's.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.prod([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [2.0, 12.0]
    """
    if is_whole(x):
        y = _whole_result(x, _hashable(axis), keepdims, None, "prod", _whole.MULTIPLY, np.prod)
        return y if dtype is None else cast(y, dtype)
    x = as_float(x, "prod")
    rank = len(x.shape)
    shape, _, _, count = _plan(x.shape, _hashable(axis), keepdims, "prod")
    axes = axes_of(_hashable(axis), rank, "prod")
    x = transpose(x, [a for a in range(rank) if a not in axes] + list(axes))
    y, rows = empty(shape), _product(shape)
    K.reduce_product_forward(y, x, rows, count, 1)

    def backward(dy):
        dx = gradient_like(x)
        K.reduce_product_backward(dx, dy, x, rows, count, 1)
        return dx

    return record(y, (x,), backward)


def _arg(function, x, axis, keepdims, kernel, op):
    x = convert_to_tensor(x)
    if axis is not None and not -len(x.shape) <= axis < len(x.shape):
        raise ValueError(f"{op}: axis {axis} does not exist in a tensor of rank {len(x.shape)}")
    if x.dtype == "int64":
        return from_array(function(np.asarray(x), axis, keepdims=keepdims), "int32")
    if x.dtype == "int32":  # floats do not hold them all: the first place of the extreme value
        x = cast(equal(x, (max if op == "argmax" else min)(x, axis, True)), None)
        kernel = K.reduce_max
    x = as_float(x)
    shape, _, steps, count = _plan(x.shape, axis, keepdims, op)
    if not count:
        raise ValueError(f"{op}: there is nothing to choose from along axis {axis} of shape {x.shape}")
    index = empty(shape, "int32")
    kernel(None, index, x, *steps[0])
    return index


def argmax(x, axis=None, keepdims=False):
    """Where the first maximum along axis is, as int32; axis None: in x flattened.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.argmax([[1.0, 5.0], [3.0, 2.0]], axis=1).numpy().tolist()
    [1, 0]
    """
    return _arg(np.argmax, x, axis, keepdims, K.reduce_max, "argmax")


def argmin(x, axis=None, keepdims=False):
    """Where the first minimum along axis is, as int32; axis None: in x flattened.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.argmin([[1.0, 5.0], [3.0, 2.0]], axis=1).numpy().tolist()
    [0, 1]
    """
    return _arg(np.argmin, x, axis, keepdims, K.reduce_min, "argmin")


def logsumexp(x, axis=None, keepdims=False):
    """log sum exp(x) over axis, without overflow.

    keepdims: the axes stay, with length 1.

    >>> round(cygrad.ops.logsumexp([1000.0, 1000.0]).item(), 3)
    1000.693
    """
    x = as_float(x, "logsumexp")
    top = max(stop_gradient(x), axis, True)
    top = where(isfinite(top), top, 0.0)
    y = log(sum(exp(subtract(x, top)), axis, keepdims))
    return add(y, reshape(top, y.shape))


def norm(x, ord=None, axis=None, keepdims=False):
    """A vector norm over axis (None: of all values): ord None, 2 or "fro": sqrt(sum(x^2)); 1: sum |x|;
    inf and -inf: max and min |x|.

    The gradient of the 2-norm is not finite at 0. Raises ValueError for the other norms of matrices.

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.norm([3.0, 4.0]).item()
    5.0
    """
    x = as_float(x, "norm")
    axes = axes_of(axis, len(x.shape), "norm")
    if ord is None or ord == "fro" or (ord == 2 and len(axes) == 1):
        return sqrt(sum(square(x), axis, keepdims))
    if len(axes) == 1 and ord in (1, float("inf"), float("-inf")):
        reduce = sum if ord == 1 else max if ord > 0 else min
        return reduce(absolute(x), axis, keepdims)
    raise ValueError(f"norm: expected ord None, or 1, 2, inf or -inf over one axis; got {ord!r} over axes {axes}")


def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm along axis; a norm below epsilon (None: 1e-7) counts as epsilon.

    order: of the norm.

    >>> [round(y, 4) for y in cygrad.ops.normalize([3.0, 4.0]).numpy().tolist()]
    [0.6, 0.8]
    """
    x = as_float(x, "normalize")
    least = 1e-7 if epsilon is None else epsilon
    if order == 2:  # the root after the maximum: its gradient at 0 stays finite
        return divide(x, sqrt(maximum(sum(square(x), axis, True), least * least)))
    return divide(x, maximum(norm(x, order, axis, True), least))
