"""Losses of numbers: squared and absolute errors, relative and logarithmic ones, Huber, log cosh, cosine similarity."""

import math

from .. import ops
from .._tensor import empty, gradient_like, record, tracked
from ..ops._backend import K
from .loss import EPSILON, Loss, floats


def _error(name, kernel, y_true, y_pred):
    t, x = floats(y_true, y_pred, name)
    columns = x.shape[-1] if x.shape else 1
    y = empty(x.shape[:-1])
    rows = y.size
    getattr(K, kernel + "_forward")(y, x, t, rows, columns)

    def backward(dy):
        dx = gradient_like(x)
        getattr(K, kernel + "_backward")(dx, dy, x, t, rows, columns)
        if not tracked(t):
            return None, dx
        dt = gradient_like(t)
        K.affine(dt, dx, t.size, -1.0, 0.0)
        return dt, dx

    return record(y, (t, x), backward)


def mean_squared_error(y_true, y_pred):
    """Mean over the last axis of (y_true - y_pred)^2.

    Shapes: y_true and y_pred [..., K], loss [...]; [N] against [N,1] is brought to one shape. ValueError where they
    differ.

    >>> cygrad.losses.mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).numpy().tolist()
    [2.0]
    """
    return _error("mean_squared_error", "squared_error", y_true, y_pred)


def mean_absolute_error(y_true, y_pred):
    """Mean over the last axis of |y_true - y_pred|. Its gradient is 0 where the two are equal.

    Shapes: y_true and y_pred [..., K], loss [...]; [N] against [N,1] is brought to one shape. ValueError where they
    differ.

    >>> cygrad.losses.mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]]).numpy().tolist()
    [1.0]
    """
    return _error("mean_absolute_error", "absolute_error", y_true, y_pred)


def mean_absolute_percentage_error(y_true, y_pred):
    """100 times the mean over the last axis of |y_true - y_pred| / max(|y_true|, 1e-7).

    Shapes: as mean_squared_error.

    >>> cygrad.losses.mean_absolute_percentage_error([[2.0, 4.0]], [[3.0, 4.0]]).numpy().tolist()
    [25.0]
    """
    t, x = floats(y_true, y_pred, "mean_absolute_percentage_error")
    relative = ops.abs(ops.divide(ops.subtract(t, x), ops.clip(ops.abs(t), EPSILON, None)))
    return ops.multiply(ops.mean(relative, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean over the last axis of (log(1 + y_true) - log(1 + y_pred))^2, both first raised to 1e-7 at least.

    Shapes: as mean_squared_error.

    >>> round(cygrad.losses.mean_squared_logarithmic_error([[0.0]], [[1.0]]).item(), 4)
    0.4805
    """
    t, x = (
        ops.log(ops.add(ops.clip(v, EPSILON, None), 1.0))
        for v in floats(y_true, y_pred, "mean_squared_logarithmic_error")
    )
    return _error("mean_squared_logarithmic_error", "squared_error", t, x)


def huber(y_true, y_pred, delta=1.0):
    """Mean over the last axis of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2, e = y_pred - y_true.

    Shapes: as mean_squared_error. (Huber 1964)

    >>> cygrad.losses.huber([[0.0, 0.0]], [[1.0, 3.0]]).numpy().tolist()
    [1.5]
    """
    t, x = floats(y_true, y_pred, "huber")
    error = ops.abs(ops.subtract(x, t))
    near = ops.clip(error, None, delta)  # both branches at once: near (|e| - near / 2)
    return ops.mean(ops.multiply(near, ops.subtract(error, ops.multiply(near, 0.5))), axis=-1)


def log_cosh(y_true, y_pred):
    """Mean over the last axis of log(cosh(e)), e = y_pred - y_true: about e^2 / 2 for small e, |e| - log 2 for large.

    Shapes: as mean_squared_error.

    >>> round(cygrad.losses.log_cosh([[0.0]], [[1.0]]).item(), 4)
    0.4338
    """
    t, x = floats(y_true, y_pred, "log_cosh")
    error = ops.subtract(x, t)
    values = ops.add(ops.add(error, ops.softplus(ops.multiply(error, -2.0))), -math.log(2.0))
    return ops.mean(values, axis=-1)


def unit(x, axis):
    """x divided by its L2 norm along axis; a norm below 1e-7 counts as 1e-7."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.clip(squares, EPSILON * EPSILON, None)))


def cosine_similarity(y_true, y_pred, axis=-1):
    """-sum over axis of y_true y_pred, both of length 1: -1 where the directions agree, 1 where they are opposite.

    Shapes: y_true and y_pred alike, loss without axis; rows of zeros give 0.

    >>> cygrad.losses.cosine_similarity([[0.0, 1.0], [0.0, 1.0]], [[0.0, 2.0], [3.0, 0.0]]).numpy().tolist()
    [-1.0, 0.0]
    """
    t, x = floats(y_true, y_pred, "cosine_similarity")
    return ops.negative(ops.sum(ops.multiply(unit(t, axis), unit(x, axis)), axis=axis))


class MeanSquaredError(Loss):
    """Mean of (y_true - y_pred)^2: MeanSquaredError(reduction="sum_over_batch_size", name="mean_squared_error").

    >>> float(cygrad.losses.MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]]))
    2.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return _error("MeanSquaredError", "squared_error", y_true, y_pred)


class MeanAbsoluteError(Loss):
    """Mean of |y_true - y_pred|: MeanAbsoluteError(reduction="sum_over_batch_size", name="mean_absolute_error").

    >>> float(cygrad.losses.MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [1.0]]))
    1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return _error("MeanAbsoluteError", "absolute_error", y_true, y_pred)


class MeanAbsolutePercentageError(Loss):
    """Mean of mean_absolute_percentage_error: MeanAbsolutePercentageError(reduction="sum_over_batch_size", name=...).

    >>> float(cygrad.losses.MeanAbsolutePercentageError()([[2.0], [4.0]], [[3.0], [4.0]]))
    25.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """Mean of mean_squared_logarithmic_error: MeanSquaredLogarithmicError(reduction="sum_over_batch_size", name=...).

    >>> round(float(cygrad.losses.MeanSquaredLogarithmicError()([[0.0]], [[1.0]])), 4)
    0.4805
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return mean_squared_logarithmic_error(y_true, y_pred)


class Huber(Loss):
    """Mean of huber: Huber(delta=1.0, reduction="sum_over_batch_size", name="huber_loss").

    >>> float(cygrad.losses.Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
    1.5
    """

    _options = ("delta",)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(name, reduction)
        self.delta = delta

    def call(self, y_true, y_pred):
        return huber(y_true, y_pred, self.delta)


class LogCosh(Loss):
    """Mean of log_cosh: LogCosh(reduction="sum_over_batch_size", name="log_cosh").

    >>> round(float(cygrad.losses.LogCosh()([[0.0]], [[1.0]])), 4)
    0.4338
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return log_cosh(y_true, y_pred)


class CosineSimilarity(Loss):
    """Mean of cosine_similarity: CosineSimilarity(axis=-1, reduction="sum_over_batch_size", name="cosine_similarity").

    >>> float(cygrad.losses.CosineSimilarity()([[0.0, 1.0], [0.0, 1.0]], [[0.0, 2.0], [3.0, 0.0]]))
    -0.5
    """

    _options = ("axis",)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(name, reduction)
        self.axis = axis

    def call(self, y_true, y_pred):
        return cosine_similarity(y_true, y_pred, self.axis)
