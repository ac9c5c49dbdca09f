"""Softmax, its logarithm and sparsemax, with keras.ops's names. Kernels: csrc/kernels/softmax.c; sparsemax, which has
to sort, is computed by NumPy."""

from math import prod

import numpy as np

from ._backend import K, as_float, axes_of, empty, from_array, gradient_over, record, shell, view
from .layout import reshape, transpose


def _over(function, x, axis, op):
    """function along axes other than the last: those are moved to the end, and back."""
    rank = len(x.shape)
    axes = axes_of(axis, rank, op)
    order = [a for a in range(rank) if a not in axes] + list(axes)
    moved = transpose(x, order)
    split = rank - len(axes)
    y = function(reshape(moved, (*moved.shape[:split], prod(moved.shape[split:]))))
    return transpose(reshape(y, moved.shape), sorted(range(rank), key=order.__getitem__))


def _rows(x, op):
    """(M, K) for x[..., K]."""
    if not x.shape:
        raise ValueError(f"{op}: expected at least one axis; got a tensor of shape ()")
    columns = x.shape[-1]
    return x.size // columns if columns else 0, columns


def softmax(x, axis=-1):
    """y = exp(x) / sum exp(x) along axis, an integer or several.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = y (dy - sum(dy y)). Along the last axis, y remembers
    x as its logits, so that a cross-entropy is computed from x, without the loss of precision near 0.

    >>> cygrad.ops.softmax([0.0, 0.0]).numpy().tolist()
    [0.5, 0.5]
    """
    x = as_float(x, "softmax")
    if axis != -1 and axis != len(x.shape) - 1:
        return _over(softmax, x, axis, "softmax")
    M, N = _rows(x, "softmax")
    y = empty(x.shape)
    K.softmax_forward(y, x, M, N)
    y.set_logits(x, "softmax")
    source, values = shell(x), view(y, y.shape)  # without y's hold on x

    def backward(dy):
        dx = gradient_over(source, dy)
        K.softmax_backward(dx, dy, values, M, N)
        return dx

    return record(y, (x,), backward)


def log_softmax(x, axis=-1):
    """y = x - log sum exp(x) along axis, an integer or several.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy - exp(y) sum(dy).

    >>> [round(y, 4) for y in cygrad.ops.log_softmax([0.0, 0.0]).numpy().tolist()]
    [-0.6931, -0.6931]
    """
    x = as_float(x, "log_softmax")
    if axis != -1 and axis != len(x.shape) - 1:
        return _over(log_softmax, x, axis, "log_softmax")
    M, N = _rows(x, "log_softmax")
    y = empty(x.shape)
    K.log_softmax_forward(y, x, M, N)
    source = shell(x)

    def backward(dy):
        dx = gradient_over(source, dy)
        K.log_softmax_backward(dx, dy, y, M, N)
        return dx

    return record(y, (x,), backward)


def sparsemax(x, axis=-1):
    """The nearest probabilities: y = max(x - t, 0) along axis, with the t for which y sums to 1 (Martins and Astudillo
    2016).

    Shapes: x of any shape, y alike. Unlike softmax's, small values become 0. Saved for backward: y. dx = dy less its
    mean over the places where y > 0, and 0 elsewhere.

    >>> cygrad.ops.sparsemax([2.0, 1.5, -1.0]).numpy().tolist()
    [0.75, 0.25, 0.0]
    """
    x = as_float(x, "sparsemax")
    if axis != -1 and axis != len(x.shape) - 1:
        return _over(sparsemax, x, axis, "sparsemax")
    _, N = _rows(x, "sparsemax")
    if not x.size:
        return x
    values = np.asarray(x)
    with np.errstate(all="ignore"):  # a row with NaN or infinity becomes NaN silently, as in softmax
        shifted = values - values.max(axis=-1, keepdims=True)  # so that a large x loses no digits
        descending = np.flip(np.sort(shifted, axis=-1), axis=-1)
        sums = np.cumsum(descending, axis=-1)
        above = np.sum(1 + np.arange(1, N + 1) * descending > sums, axis=-1, keepdims=True)  # places where y > 0
        t = (np.take_along_axis(sums, above - 1, axis=-1) - 1) / above.astype(sums.dtype)
        y = from_array(np.maximum(shifted - t, 0))

    def backward(dy):
        inside = np.asarray(y) > 0
        dy = np.where(inside, dy, 0)
        return from_array(np.where(inside, dy - dy.sum(axis=-1, keepdims=True) / above.astype(dy.dtype), 0))

    return record(y, (x,), backward)
