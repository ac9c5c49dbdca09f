"""Batch, layer and root-mean-square normalization, with keras.ops's names. Kernels: csrc/kernels/normalization.c."""

from math import prod

from ._backend import K, as_float, axes_of, empty, gradient_like, gradient_over, record, tracked
from .layout import axis_of, transpose

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


def _axis_last(function, x, axis, op):
    """function of x with the axis moved to the end, moved back."""
    if not x.shape:
        raise ValueError(f"{op}: expected at least one axis; got a tensor of shape ()")
    rank = len(x.shape)
    axis = axis_of(axis, rank, op)
    if axis == rank - 1:
        return function(x)
    order = [a for a in range(rank) if a != axis] + [axis]
    return transpose(function(transpose(x, order)), sorted(range(rank), key=order.__getitem__))


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """y = (x - mean) / sqrt(variance + epsilon) * scale + offset, with one of each for each place along axis.

    Shapes: x[..., C, ...] with C along axis, the others [C], y as x. Mean and variance are given, as in prediction: the
    gradient of those that depend on x flows through them. Saved for backward: x, mean, variance, scale. Raises
    ValueError for sizes that do not fit. (Ioffe and Szegedy 2015)

    >>> cygrad.ops.batch_normalization([[3.0], [5.0]], [3.0], [4.0], axis=-1, epsilon=0.0).numpy().tolist()
    [[0.0], [1.0]]
    """
    op = "batch_normalization"
    x = as_float(x, op)
    axis = axis_of(axis, len(x.shape), op) if x.shape else axis
    C = x.shape[axis] if x.shape else 0
    mean, variance = (_vector(v, (C,), op, name, axis) for v, name in ((mean, "mean"), (variance, "variance")))
    scale, offset = (_vector(v, (C,), op, name, axis) for v, name in ((scale, "scale"), (offset, "offset")))

    def normalize(x):
        M = x.size // C if C else 0
        y = empty(x.shape)
        K.batch_normalization_inference_forward(y, x, mean, variance, scale, offset, M, C, epsilon)
        inputs = tuple(t for t in (x, mean, variance, scale, offset) if t is not None)

        def backward(dy):
            found = [_wanted(x, dy), *(_wanted(t) for t in (mean, variance, scale, offset))]
            K.batch_normalization_inference_backward(*found, dy, x, mean, variance, scale, M, C, epsilon)
            return tuple(g for g, t in zip(found, (x, mean, variance, scale, offset)) if t is not None)

        return record(y, inputs, backward)

    return _axis_last(normalize, x, axis, op)


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
    x = as_float(x, op)
    axis = axis_of(axis, len(x.shape), op) if x.shape else axis
    C = x.shape[axis] if x.shape else 0
    for moving, name in ((moving_mean, "moving_mean"), (moving_variance, "moving_variance")):
        _vector(moving, (C,), op, name, axis)
    scale, offset = (_vector(v, (C,), op, name, axis) for v, name in ((scale, "scale"), (offset, "offset")))

    def normalize(x):
        M = x.size // C if C else 0
        y, mean, rstd = empty(x.shape), empty((C,)), empty((C,))
        K.batch_normalization_forward(
            y, mean, rstd, moving_mean, moving_variance, x, scale, offset, M, C, epsilon, momentum
        )

        def backward(dy):
            dx, dscale, doffset = _wanted(x, dy), _wanted(scale), _wanted(offset)
            K.batch_normalization_backward(dx, dscale, doffset, dy, x, mean, rstd, scale, M, C)
            return tuple(g for g, t in zip((dx, dscale, doffset), (x, scale, offset)) if t is not None)

        return record(y, tuple(t for t in (x, scale, offset) if t is not None), backward)

    return _axis_last(normalize, x, axis, op)


def _over_rows(function, x, axis, weights, names, op):
    """function(x[M,K], ...) along one axis or several, which are moved to the end, and back."""
    rank = len(x.shape)
    axes = axes_of(axis, rank, op)
    if not axes:
        raise ValueError(f"{op}: expected at least one axis; got {axis} for a tensor of shape {x.shape}")
    sizes = tuple(x.shape[a] for a in axes)
    weights = [_vector(w, sizes, op, name, axis) for w, name in zip(weights, names)]
    trailing = axes == tuple(range(rank - len(axes), rank))
    order = [a for a in range(rank) if a not in axes] + list(axes)
    moved = x if trailing else transpose(x, order)
    columns = prod(sizes)
    y = function(moved, *weights, moved.size // columns if columns else 0, columns)
    return y if trailing else transpose(y, sorted(range(rank), key=order.__getitem__))


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

    def normalize(x, gamma, beta, M, N):
        y, mean, rstd = empty(x.shape), empty((M,)), empty((M,))
        if M * N:
            K.layer_normalization_forward(y, mean, rstd, x, gamma, beta, M, N, epsilon)

        def backward(dy):
            dx, dgamma, dbeta = _wanted(x, dy), _wanted(gamma), _wanted(beta)
            K.layer_normalization_backward(dx, dgamma, dbeta, dy, x, mean, rstd, gamma, M, N)
            return tuple(g for g, t in zip((dx, dgamma, dbeta), (x, gamma, beta)) if t is not None)

        return record(y, tuple(t for t in (x, gamma, beta) if t is not None), backward)

    x = as_float(x, "layer_normalization")
    return _over_rows(normalize, x, axis, (gamma, beta), ("gamma", "beta"), "layer_normalization")


def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, the mean over axis, an integer or several.

    Shapes: x of any shape, scale of the sizes along axis, y as x. epsilon None: 1e-7. Saved for backward: x, scale, the
    1 / roots. Raises ValueError for sizes that do not fit. (Zhang and Sennrich 2019)

    >>> [round(y, 4) for y in cygrad.ops.rms_normalization([[1.0, 7.0]], epsilon=0.0).numpy()[0].tolist()]
    [0.2, 1.4]
    """
    epsilon = EPSILON if epsilon is None else epsilon

    def normalize(x, scale, M, N):
        y, rstd = empty(x.shape), empty((M,))
        if M * N:
            K.rms_normalization_forward(y, rstd, x, scale, M, N, epsilon)

        def backward(dy):
            dx, dscale = _wanted(x, dy), _wanted(scale)
            K.rms_normalization_backward(dx, dscale, dy, x, rstd, scale, M, N)
            return tuple(g for g, t in zip((dx, dscale), (x, scale)) if t is not None)

        return record(y, tuple(t for t in (x, scale) if t is not None), backward)

    x = as_float(x, "rms_normalization")
    return _over_rows(normalize, x, axis, (scale,), ("scale",), "rms_normalization")
