"""Pooling, channels last. Kernels: csrc/kernels/pool2d.c."""

from functools import lru_cache

import numpy as np

from ._backend import (
    K,
    as_float,
    constant_array,
    empty,
    gradient_like,
    gradient_over,
    record,
    recording,
    relu_before,
    shell,
    tracked,
)
from .conv2d import check_format, output_size, pair
from .indexing import take
from .layout import moveaxis, reshape
from .matmul import matmul
from .reduce import max as _max

LARGEST = 256  # positions in a window of the max_pool kernel, which notes the winner's in a byte


@lru_cache(maxsize=4096)
def _geometry(x, pool_size, strides, padding, data_format, op):
    """(shape of y, the size arguments of the pool2d kernels), once everything has been checked."""
    check_format(data_format, padding, op)
    if len(x) != 4:
        raise ValueError(
            f"{op}: expected inputs[N,H,W,C] (or [N,W,C]); got shape {x}. Is the batch or the channel axis missing?"
        )
    N, H, W, C = x
    R, S = pair(pool_size, op, "pool_size")
    stride_h, stride_w = (R, S) if strides is None else pair(strides, op, "strides")
    P, pad_top = output_size(H, R, stride_h, 1, padding, op, "height")
    Q, pad_left = output_size(W, S, stride_w, 1, padding, op, "width")
    return (N, P, Q, C), (N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left)


def _prepare(inputs, pool_size, strides, op):
    """Tensor, pool_size and strides in a form that _geometry's cache takes."""
    if type(pool_size) is list:
        pool_size = tuple(pool_size)
    if type(strides) is list:
        strides = tuple(strides)
    return as_float(inputs, op, "inputs"), pool_size, strides


def _pool1d(function, x, pool_size, strides, padding, data_format):
    """function for inputs[N,W,C]: an image of one row."""
    if not isinstance(pool_size, int):
        (pool_size,) = pool_size
    if strides is not None and not isinstance(strides, int):
        (strides,) = strides
    N, W, C = x.shape
    strides = (1, pool_size if strides is None else strides)
    y = function(reshape(x, (N, 1, W, C)), (1, pool_size), strides, padding, data_format)
    return reshape(y, (N, *y.shape[2:]))


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """y[n,p,q,c] = the maximum of x over the window at (p*stride, q*stride).

    Shapes: inputs[N,H,W,C], y[N,P,Q,C], sizes as for conv; or inputs[N,W,C], y[N,Q,C]. pool_size: an integer or two;
    strides None: pool_size. padding: "valid" or "same", whose padding never wins. Saved for backward: where each
    maximum was, one byte an output, and y where x is the output of a relu. The gradient goes to the first maximum of a
    window. Raises ValueError for sizes that do not fit.

    data_format: None or "channels_last", the only one.

    >>> cygrad.ops.max_pool(np.arange(4.0).reshape(1, 2, 2, 1), 2).item()
    3.0
    """
    x, pool_size, strides = _prepare(inputs, pool_size, strides, "max_pool")
    if len(x.shape) == 3:
        return _pool1d(max_pool, x, pool_size, strides, padding, data_format)
    shape, sizes = _geometry(x.shape, pool_size, strides, padding, data_format, "max_pool")
    R, S, stride_h, stride_w = sizes[4], sizes[5], sizes[8], sizes[9]
    if R * S > LARGEST and R > 1 and S > 1:  # the maximum of a window is the maximum of its rows' maxima
        rows = max_pool(x, (1, S), (1, stride_w), padding)
        return max_pool(rows, (R, 1), (stride_h, 1), padding)
    if R * S > LARGEST:
        raise ValueError(
            f"max_pool: expected windows of at most {LARGEST} values; got {R} x {S}. Use ops.max over the axis"
        )
    y = empty(shape)
    argmax = empty(shape, "uint8") if recording() and tracked(x) else None
    K.max_pool2d_forward(y, argmax, x, *sizes)
    source, relu = shell(x), relu_before(x)
    maxima = None if relu is None else y

    def backward(dy):
        if (
            relu is not None and relu.y is None
        ):  # its part, on the maxima alone: the other places get no gradient anyway
            dz = gradient_over(maxima, dy)
            K.relu_backward(dz, dy, maxima, dz.size)
            dy = dz
        dx = gradient_like(source)
        K.max_pool2d_backward(dx, dy, argmax, *sizes)
        return dx

    return record(y, (x,), backward, max_pooling=True)


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """y[n,p,q,c] = the mean of x over the part of the window at (p*stride, q*stride) that lies inside x.

    Shapes: inputs[N,H,W,C], y[N,P,Q,C], sizes as for conv; or inputs[N,W,C], y[N,Q,C]. pool_size: an integer or two;
    strides None: pool_size. padding: "valid" or "same". Raises ValueError for sizes that do not fit.

    data_format: None or "channels_last", the only one.

    >>> cygrad.ops.average_pool(np.arange(4.0).reshape(1, 2, 2, 1), 2).item()
    1.5
    """
    x, pool_size, strides = _prepare(inputs, pool_size, strides, "average_pool")
    if len(x.shape) == 3:
        return _pool1d(average_pool, x, pool_size, strides, padding, data_format)
    shape, sizes = _geometry(x.shape, pool_size, strides, padding, data_format, "average_pool")
    y = empty(shape)
    K.average_pool2d_forward(y, x, *sizes)
    source = shell(x)

    def backward(dy):
        dx = gradient_like(source)
        K.average_pool2d_backward(dx, dy, *sizes)
        return dx

    return record(y, (x,), backward)


# ---- to a given size ----


def _adapted(inputs, output_size, data_format, op):
    """inputs, and (axis, size, first places, places behind the last) for each axis of output_size."""
    check_format(data_format, "valid", op)
    x = as_float(inputs, op, "inputs")
    rank = len(x.shape) - 2
    if rank not in (1, 2) or 0 in x.shape[1:-1]:
        raise ValueError(f"{op}: expected inputs[N,W,C] or [N,H,W,C]; got shape {x.shape}")
    sizes = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    if len(sizes) != rank or any(not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(f"{op}: expected {rank} whole numbers from 1 on for output_size; got {output_size!r}")
    plan = []
    for axis, (n, size) in enumerate(zip(x.shape[1:-1], sizes), start=1):
        places = np.arange(size)
        plan.append((axis, n, places * n // size, -(-(places + 1) * n // size)))
    return x, plan


def adaptive_average_pool(inputs, output_size, data_format=None):
    """The means of output_size windows an axis, of about equal length: window i is i n // s .. ceil((i + 1) n / s).

    Shapes: inputs[N,H,W,C], y[N,*output_size,C], or inputs[N,W,C], y[N,Q,C]. output_size: an integer or one an axis.
    data_format: None or "channels_last", the only one.

    >>> cygrad.ops.adaptive_average_pool(np.arange(5.0).reshape(1, 5, 1), 2).numpy().ravel().tolist()
    [1.0, 3.0]
    """
    x, plan = _adapted(inputs, output_size, data_format, "adaptive_average_pool")
    for axis, n, first, last in plan:
        inside = (first[:, None] <= np.arange(n)) & (np.arange(n) < last[:, None])
        rows = constant_array(inside / (last - first)[:, None])
        x = moveaxis(matmul(rows, moveaxis(x, axis, -2)), -2, axis)
    return x


def adaptive_max_pool(inputs, output_size, data_format=None):
    """The maxima of output_size windows an axis, of about equal length: window i is i n // s .. ceil((i + 1) n / s).

    Shapes: inputs[N,H,W,C], y[N,*output_size,C], or inputs[N,W,C], y[N,Q,C]. output_size: an integer or one an axis.
    data_format: None or "channels_last", the only one.

    >>> cygrad.ops.adaptive_max_pool(np.arange(5.0).reshape(1, 5, 1), 2).numpy().ravel().tolist()
    [2.0, 4.0]
    """
    x, plan = _adapted(inputs, output_size, data_format, "adaptive_max_pool")
    for axis, _, first, last in plan:
        places = np.minimum(first[:, None] + np.arange((last - first).max()), last[:, None] - 1)
        x = _max(take(x, places.tolist(), axis), axis + 1)
    return x
