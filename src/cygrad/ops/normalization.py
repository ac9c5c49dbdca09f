"""Batch, layer and root-mean-square normalization, with keras.ops's names. Kernels: csrc/kernels/*_normalization.c."""

from functools import lru_cache
from math import prod

from ._backend import K, as_float, axes_of, empty, gradient_like, gradient_over, record, recording, tracked
from .layout import transpose

EPSILON = 1e-7  # keras.config.epsilon()


def _vector(value, shape, op, argument, axis):
    """An argument that has one value for each place along axis, as a tensor; None stays None."""
    if value is None:
        return None
    value = as_float(value, op, argument)
    if value.shape != shape and value.size != prod(shape):
        raise ValueError(
            f"{op}: expected {argument} of shape {shape}, the size of the input along axis {axis}; got {value.shape}"
        )
    return value


def _wanted(tensor, dy=None):
    """Memory for the gradient of a tensor that wants one, else None: a kernel leaves out what is not wanted. dy: see
    gradient_over."""
    if tensor is None or not tracked(tensor):
        return None
    return gradient_like(tensor) if dy is None else gradient_over(tensor, dy)


@lru_cache(maxsize=4096)  # a call of few values takes four times as long without
def _axes_last(shape, axis, op):
    """(sizes of a tensor of that shape along axis, of the other axes together, of these axes together, and the orders
    of axes that move these to the end and back, or None twice where they are there already)."""
    rank = len(shape)
    if not shape:
        raise ValueError(f"{op}: expected at least one axis; got a tensor of shape ()")
    axes = axes_of(axis, rank, op)
    if not axes:
        raise ValueError(f"{op}: expected at least one axis; got {axis} for a tensor of shape {shape}")
    sizes = tuple(shape[a] for a in axes)
    order = tuple(a for a in range(rank) if a not in axes) + axes
    here = order == tuple(range(rank))
    back = None if here else tuple(sorted(range(rank), key=order.__getitem__))
    return sizes, prod(shape[a] for a in order[: rank - len(axes)]), prod(sizes), None if here else order, back


def _prepare(x, axis, op):
    """(x with axis at its end, what _axes_last says but for the order)."""
    x = as_float(x, op)
    sizes, M, C, order, back = _axes_last(x.shape, tuple(axis) if type(axis) is list else axis, op)
    return x if order is None else transpose(x, order), sizes, M, C, back


def _recorded(y, inputs, backward, back):
    """y, recorded with those inputs that are there, and its axes moved back."""
    if recording():
        y = record(y, tuple([t for t in inputs if t is not None]), backward)
    return y if back is None else transpose(y, back)


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + offset, with one of each for each place along axis.

    Shapes: x[..., C, ...] with C along axis, the others [C], y as x. Mean and variance are given, as in prediction: the
    gradient of those that depend on x flows through them. Saved for backward: x, mean, variance, scale. Raises
    ValueError for sizes that do not fit. (Ioffe and Szegedy 2015)

    >>> cygrad.ops.batch_normalization([[3.0], [5.0]], [3.0], [4.0], axis=-1, epsilon=0.0).numpy().tolist()
    [[0.0], [1.0]]
    """
    op = "batch_normalization"
    x, sizes, M, C, back = _prepare(x, axis, op)
    mean, variance = _vector(mean, sizes, op, "mean", axis), _vector(variance, sizes, op, "variance", axis)
    scale, offset = _vector(scale, sizes, op, "scale", axis), _vector(offset, sizes, op, "offset", axis)
    y = empty(x.shape)
    K.batch_normalization_inference_forward(y, x, mean, variance, scale, offset, M, C, epsilon)
    inputs = (x, mean, variance, scale, offset)

    def backward(dy):
        found = [_wanted(x, dy), *[_wanted(t) for t in inputs[1:]]]
        K.batch_normalization_inference_backward(*found, dy, x, mean, variance, scale, M, C, epsilon)
        return tuple([g for g, t in zip(found, inputs) if t is not None])

    return _recorded(y, inputs, backward, back)


def batch_normalization_training(
    x, moving_mean, moving_variance, axis, offset=None, scale=None, epsilon=1e-3, momentum=0.99
):
    """batch_normalization by the mean and variance of x itself over all axes but one. Not in keras.ops.

    moving_mean and moving_variance[C], variables, change in place: moving = momentum * moving + (1 - momentum) * that
    of x. Saved for backward: x, its mean and 1 / standard deviation, scale. Raises ValueError for sizes that do not
    fit.

    offset: beta.

    >>> moving = cygrad.Variable([0.0]), cygrad.Variable([1.0])
    >>> cygrad.ops.batch_normalization_training([[1.0], [3.0]], *moving, axis=-1, epsilon=0.0).numpy().tolist()
    [[-1.0], [1.0]]
    >>> round(moving[0].numpy().item(), 4)
    0.02
    """
    op = "batch_normalization_training"
    x, sizes, M, C, back = _prepare(x, axis, op)
    _vector(moving_mean, sizes, op, "moving_mean", axis)
    _vector(moving_variance, sizes, op, "moving_variance", axis)
    scale, offset = _vector(scale, sizes, op, "scale", axis), _vector(offset, sizes, op, "offset", axis)
    y, mean, rstd = empty(x.shape), empty((C,)), empty((C,))
    K.batch_normalization_forward(
        y, mean, rstd, moving_mean, moving_variance, x, scale, offset, M, C, epsilon, momentum
    )

    def backward(dy):
        dx, dscale, doffset = _wanted(x, dy), _wanted(scale), _wanted(offset)
        K.batch_normalization_backward(dx, dscale, doffset, dy, x, mean, rstd, scale, M, C)
        return tuple([g for g, t in ((dx, x), (dscale, scale), (doffset, offset)) if t is not None])

    return _recorded(y, (x, scale, offset), backward, back)


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance over axis, an integer or several.

    Shapes: x of any shape, gamma and beta of the sizes along axis, y as x. epsilon None: 1e-7. Saved for backward: x,
    gamma, the means and 1 / standard deviations. Raises ValueError for sizes that do not fit, TypeError for Keras's
    deprecated rms_scaling. (Ba, Kiros and Hinton 2016)

    >>> cygrad.ops.layer_normalization([[1.0, 3.0]], epsilon=0.0).numpy().tolist()
    [[-1.0, 1.0]]
    """
    if kwargs.pop("rms_scaling", False):
        raise TypeError(
            "layer_normalization: rms_scaling is not supported; rms_normalization divides by the root mean square"
        )
    if kwargs:
        raise TypeError(f"layer_normalization: unknown argument {next(iter(kwargs))!r}")
    epsilon = EPSILON if epsilon is None else epsilon

    op = "layer_normalization"
    x, sizes, M, N, back = _prepare(x, axis, op)
    gamma, beta = _vector(gamma, sizes, op, "gamma", axis), _vector(beta, sizes, op, "beta", axis)
    y, mean, rstd = empty(x.shape), empty((M,)), empty((M,))
    if M * N:
        K.layer_normalization_forward(y, mean, rstd, x, gamma, beta, M, N, epsilon)

    def backward(dy):
        dx, dgamma, dbeta = _wanted(x, dy), _wanted(gamma), _wanted(beta)
        K.layer_normalization_backward(dx, dgamma, dbeta, dy, x, mean, rstd, gamma, M, N)
        return tuple([g for g, t in ((dx, x), (dgamma, gamma), (dbeta, beta)) if t is not None])

    return _recorded(y, (x, gamma, beta), backward, back)


def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, the mean over axis, an integer or several.

    Shapes: x of any shape, scale of the sizes along axis, y as x. epsilon None: 1e-7. Saved for backward: x, scale, the
    1 / roots. Raises ValueError for sizes that do not fit. (Zhang and Sennrich 2019)

    >>> [round(y, 4) for y in cygrad.ops.rms_normalization([[1.0, 7.0]], epsilon=0.0).numpy()[0].tolist()]
    [0.2, 1.4]
    """
    epsilon = EPSILON if epsilon is None else epsilon

    op = "rms_normalization"
    x, sizes, M, N, back = _prepare(x, axis, op)
    scale = _vector(scale, sizes, op, "scale", axis)
    y, rstd = empty(x.shape), empty((M,))
    if M * N:
        K.rms_normalization_forward(y, rstd, x, scale, M, N, epsilon)

    def backward(dy):
        dx, dscale = _wanted(x, dy), _wanted(scale)
        K.rms_normalization_backward(dx, dscale, dy, x, rstd, scale, M, N)
        return tuple([g for g, t in ((dx, x), (dscale, scale)) if t is not None])

    return _recorded(y, (x, scale), backward, back)
