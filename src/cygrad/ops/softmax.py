"""Softmax and its logarithm, with keras.ops's names. Kernels: csrc/kernels/softmax.c."""

from math import prod

from ._backend import K, as_float, axes_of, empty, gradient_like, record
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

    def backward(dy):
        dx = gradient_like(x)
        K.softmax_backward(dx, dy, y, M, N)
        return dx

    return record(y, (x,), backward)


def log_softmax(x, axis=-1):
    """y = x - log sum exp(x) along axis, an integer or several.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy - exp(y) sum(dy).

    >>> cygrad.ops.log_softmax([0.0, 0.0]).numpy().round(4).tolist()
    [-0.6930999755859375, -0.6930999755859375]
    """
    x = as_float(x, "log_softmax")
    if axis != -1 and axis != len(x.shape) - 1:
        return _over(log_softmax, x, axis, "log_softmax")
    M, N = _rows(x, "log_softmax")
    y = empty(x.shape)
    K.log_softmax_forward(y, x, M, N)

    def backward(dy):
        dx = gradient_like(x)
        K.log_softmax_backward(dx, dy, y, M, N)
        return dx

    return record(y, (x,), backward)
