"""Losses: functions that give one value a sample, [...] for y_true and y_pred [..., K], and classes that reduce these.

The cross-entropies come from cygrad.ops, which starts from the logits where y_pred is a softmax's or sigmoid's output.
Mean squared and absolute error are ops of their own here. The reduction is one op for all: scale * sum.
"""

import re
import warnings

import numpy as np

from . import _lookup, ops
from ._core import changed
from ._tensor import Tensor, as_float, empty, gradient_like, record, tracked
from .ops._backend import K

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


# ---- shapes ----


def match_shapes(y_true, y_pred, name):
    """y_true and y_pred with one shape, as in Keras: a last axis of 1 is dropped, or added to a vector.

    Never broadcast: y_true[N] with y_pred[N,1] is N pairs, not N x N. ValueError where the shapes differ otherwise."""
    true, pred = y_true.shape, y_pred.shape
    if true == pred:
        return y_true, y_pred
    if pred == (*true, 1):
        return (ops.reshape(y_true, pred), y_pred) if len(true) == 1 else (y_true, _reshape_prediction(y_pred, true))
    if true == (*pred, 1):
        return (y_true, _reshape_prediction(y_pred, true)) if len(pred) == 1 else (ops.reshape(y_true, pred), y_pred)
    if true[:1] != pred[:1]:
        cause = "Are these different batches?"
    elif true in (pred[:-1], (*pred[:-1], 1)):
        cause = f"Should the last layer have 1 unit instead of {pred[-1]}, or are these labels for a crossentropy?"
    else:
        cause = "Does the last layer give what y_true holds?"
    raise ValueError(f"{name}: y_true has shape {true}, y_pred {pred}; they must be equal. {cause}")


def _reshape_prediction(y_pred, shape):
    reshaped = ops.reshape(y_pred, shape)
    if y_pred.logits_of != "sigmoid":  # a softmax has its axis
        return reshaped
    return reshaped.set_logits(ops.reshape(y_pred.logits, shape), "sigmoid")


def _smooth(name, t, smoothing, classes):
    if not smoothing:
        return t
    if not 0 < smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be in [0, 1]; got {smoothing!r}")
    return ops.add(ops.multiply(t, 1.0 - smoothing), smoothing / classes)


# ---- one value a sample; name is whoever asks, for the errors ----


def _error(name, kernel, y_true, y_pred):
    x, t = as_float(y_pred, name, "y_pred"), as_float(y_true, name, "y_true")
    t, x = match_shapes(t, x, name)
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


def _binary_crossentropy(name, y_true, y_pred, from_logits, label_smoothing, axis):
    x, t = as_float(y_pred, name, "y_pred"), as_float(y_true, name, "y_true")
    t, x = match_shapes(t, x, name)
    values = ops.binary_crossentropy(_smooth(name, t, label_smoothing, 2), x, from_logits=from_logits)
    return ops.mean(values, axis=axis) if values.shape else values


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


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean over axis of -(t log p + (1 - t) log(1 - p)), p = y_pred, or sigmoid(y_pred) where from_logits.

    label_smoothing s in [0, 1]: t = y_true (1 - s) + s / 2. Shapes: y_true and y_pred alike, loss without axis; [N]
    against [N,1] is brought to one shape. ValueError where they differ.

    >>> round(cygrad.losses.binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    return _binary_crossentropy("binary_crossentropy", y_true, y_pred, from_logits, label_smoothing, axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum over axis of t log p for one-hot rows t: p = y_pred scaled to sum 1, or softmax(y_pred) where from_logits.

    label_smoothing s in [0, 1]: t = y_true (1 - s) + s / K. Shapes: y_true and y_pred [..., K], loss [...].
    ValueError where shapes differ; class numbers are sparse_categorical_crossentropy's.

    >>> round(cygrad.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    name = "categorical_crossentropy"
    x, t = as_float(y_pred, name, "y_pred"), as_float(y_true, name, "y_true")
    if x.shape[-1:] == (1,):
        warnings.warn(
            f"{name}: y_pred has shape {x.shape}, one class, and the loss of that is always 0. For two classes with "
            "one output use a sigmoid and binary_crossentropy",
            stacklevel=2,
        )
    t = _smooth(name, t, label_smoothing, x.shape[axis] if x.shape else 1)
    return ops.categorical_crossentropy(t, x, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p of the true class: p = y_pred scaled to sum 1, or softmax(y_pred) where from_logits.

    Shapes: y_pred [..., K], y_true [...] or [..., 1], whole numbers in 0 .. K-1; loss [...]. ignore_class: samples with
    this label have loss 0. ValueError for one-hot rows (categorical_crossentropy's) and labels outside 0 .. K-1,
    TypeError for labels that are not whole.

    >>> round(cygrad.losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    labels = np.asarray(y_true)
    kept = labels != ignore_class
    values = ops.sparse_categorical_crossentropy(np.where(kept, labels, 0), y_pred, from_logits=from_logits, axis=axis)
    return ops.multiply(values, kept.reshape(values.shape))


# ---- reduction ----


def scaled_sum(values, scale):
    """scale * sum of all values, a scalar: the last op of a training step's forward pass."""
    n = values.size
    y = empty(())
    K.reduce_sum(y, values, 1, n, 1, scale)

    def backward(dy):
        one, dx = empty(()), gradient_like(values)
        K.affine(one, dy, 1, scale, 0.0)
        K.gather_strided(dx, one, 1, (n,), (0,), 0)
        return dx

    return record(y, (values,), backward)


def fit_weights(sample_weight, shape, name):
    """sample_weight ready to multiply values of this shape: one weight for all, one a sample, or one a value."""
    w = as_float(sample_weight, name, "sample_weight")
    given = w.shape[:-1] if w.shape[-1:] == (1,) and len(w.shape) == len(shape) + 1 else w.shape
    padded = given + (1,) * (len(shape) - len(given))
    if shape and (len(padded) > len(shape) or any(g not in (1, s) for g, s in zip(padded, shape))):
        wanted = f"{shape[:1]} or {shape}" if len(shape) > 1 else f"{shape}"
        raise ValueError(f"{name}: sample_weight has shape {w.shape}; expected one weight a sample, shape {wanted}")
    return w if padded == w.shape else ops.reshape(w, padded)


def masked_weights(sample_weight, mask, to_mean=False):
    """sample_weight, or None, with 0 where a mask of y_pred is False. to_mean: the rest is scaled such that dividing by
    the number of all values gives the mean of those that count."""
    kept = ops.cast(mask, "float32")
    if to_mean:
        kept = ops.multiply(kept, ops.divide(kept.size, ops.maximum(ops.sum(kept), 1.0)))
    if sample_weight is None:
        return kept
    return ops.multiply(kept, fit_weights(sample_weight, kept.shape, "sample_weight"))


class Loss:
    """Base of all losses: Loss(name=None, reduction="sum_over_batch_size"). A new loss defines call(y_true, y_pred).

    loss(y_true, y_pred, sample_weight=None) multiplies call's values by the weights, then reduces them:
    "sum_over_batch_size" or "mean" divides their sum by how many they are, "mean_with_sample_weight" by the sum of the
    weights, "sum" does not divide, "none" or None gives the values as they are.

    >>> class Cubed(cygrad.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return cygrad.ops.abs(y_true - y_pred) ** 3
    >>> float(Cubed(reduction="sum")(np.array([1.0, 2.0]), np.array([2.0, 4.0])))
    9.0
    """

    def __setattr__(self, name, value):
        """An argument that is set anew makes captured steps (models/capture.py) out of date."""
        if name in self.__dict__:
            changed()
        object.__setattr__(self, name, value)

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        if reduction not in REDUCTIONS:
            raise ValueError(f"{type(self).__name__}: reduction must be one of {REDUCTIONS}; got {reduction!r}")
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.reduction = reduction

    def __call__(self, y_true, y_pred, sample_weight=None):
        values = self.call(self._prepare(y_true), as_float(y_pred, self.name, "y_pred"))
        if not isinstance(values, Tensor):
            values = as_float(values, self.name, "what call returned")
        weights = None
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            sample_weight = masked_weights(sample_weight, mask, self.reduction in ("sum_over_batch_size", "mean"))
        if sample_weight is not None:
            weights = fit_weights(sample_weight, values.shape, self.name)
            values = ops.multiply(values, weights)
        if self.reduction is None or self.reduction == "none" or not values.shape:
            return values
        if self.reduction == "sum":
            return scaled_sum(values, 1.0)
        count = values.size
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            count = float(np.broadcast_to(np.asarray(weights), values.shape).sum(dtype=np.float64))
        return scaled_sum(values, 1.0 / count if count else 0.0)

    def _prepare(self, y_true):
        return as_float(y_true, self.name, "y_true")

    def call(self, y_true, y_pred):
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def get_config(self):
        """The constructor's arguments as a dict that JSON can hold; from_config is the reverse."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} {', '.join(f'{k}={v!r}' for k, v in self.get_config().items())}>"


class LossFunctionWrapper(Loss):
    """A function as a Loss: LossFunctionWrapper(fn, reduction="sum_over_batch_size", name=None, **kwargs).

    fn(y_true, y_pred, **kwargs) gives one value a sample, or a scalar.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction)
        self.fn, self.kwargs = fn, kwargs

    def call(self, y_true, y_pred):
        if y_pred.shape == (*y_true.shape, 1) or y_true.shape == (*y_pred.shape, 1):
            y_true, y_pred = match_shapes(y_true, y_pred, self.name)  # or the function's y_true - y_pred would be N x N
        return self.fn(y_true, y_pred, **self.kwargs)

    def get_config(self):
        return {**super().get_config(), "fn": serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "fn": get(config["fn"])})


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


class _SmoothedCrossentropy(Loss):
    """What the cross-entropies with label_smoothing share: their arguments."""

    def __init__(self, from_logits, label_smoothing, axis, reduction, name):
        super().__init__(name, reduction)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def get_config(self):
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}
        return {**super().get_config(), **own}


class BinaryCrossentropy(_SmoothedCrossentropy):
    """Mean of binary_crossentropy: BinaryCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1, ...).

    >>> round(float(cygrad.losses.BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[0.0], [0.0]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def call(self, y_true, y_pred):
        name = "BinaryCrossentropy"
        return _binary_crossentropy(name, y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class CategoricalCrossentropy(_SmoothedCrossentropy):
    """Mean of categorical_crossentropy: CategoricalCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1, ...).

    >>> round(float(cygrad.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name)

    def call(self, y_true, y_pred):
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(Loss):
    """Mean of sparse_categorical_crossentropy: SparseCategoricalCrossentropy(from_logits=False, ...).

    With ignore_class, the mean is over the samples that are left.

    >>> round(float(cygrad.losses.SparseCategoricalCrossentropy()([1, 0], [[0.5, 0.5], [0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def __call__(self, y_true, y_pred, sample_weight=None):
        if self.ignore_class is None or self.reduction not in (
            "sum_over_batch_size",
            "mean",
            "mean_with_sample_weight",
        ):
            return super().__call__(y_true, y_pred, sample_weight)
        kept = np.asarray(y_true).reshape(-1) != self.ignore_class
        if self.reduction == "mean_with_sample_weight":
            shape = np.delete(np.shape(y_pred), self.axis)
            weights = 1.0 if sample_weight is None else np.asarray(fit_weights(sample_weight, tuple(shape), self.name))
            return super().__call__(y_true, y_pred, kept.reshape(shape) * weights)
        return super().__call__(y_true, y_pred, sample_weight) * (kept.size / max(np.count_nonzero(kept), 1))

    def _prepare(self, y_true):
        return y_true  # labels stay integers

    def call(self, y_true, y_pred):
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def get_config(self):
        own = {"from_logits": self.from_logits, "ignore_class": self.ignore_class, "axis": self.axis}
        return {**super().get_config(), **own}


# ---- by name ----

_CLASSES = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}
_NAMES = {function.__name__: function for function in _CLASSES}
_NAMES.update({cls.__name__: cls for cls in (*_CLASSES.values(), LossFunctionWrapper)})
_NAMES.update(MSE=mean_squared_error, mse=mean_squared_error, MAE=mean_absolute_error, mae=mean_absolute_error)
_NAMES.update(BCE=binary_crossentropy, bce=binary_crossentropy)


def get(identifier, custom_objects=None):
    """The loss for a name, a {"class_name", "config"} dict, a function or a Loss.

    A function's name or alias ("mse") gives the function, a class's name or a dict a new Loss; the rest comes back.

    ValueError names the nearest when there is no such name.

    >>> cygrad.losses.get("mse") is cygrad.losses.mean_squared_error
    True
    """
    with _lookup.custom_object_scope(custom_objects):
        return _lookup.get(identifier, "loss", _NAMES, Loss)


def resolve(identifier, y_true_shape=None, y_pred_shape=None):
    """What compile's loss= stands for, always a Loss; None for None.

    "crossentropy" and "ce" choose by the shapes: binary for one output, sparse for class numbers, categorical for
    one-hot rows.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        if y_pred_shape is None:
            raise ValueError(
                f"loss {identifier!r} is chosen by the shapes of y_true and y_pred, which are not known here"
            )
        kind = kind_of_labels(y_true_shape, y_pred_shape)
        loss = _NAMES[("sparse_categorical" if kind == "sparse" else kind) + "_crossentropy"]
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    name = identifier if isinstance(identifier, str) else getattr(loss, "__name__", None)
    return _CLASSES[loss](name=name) if loss in _CLASSES else LossFunctionWrapper(loss, name=name)


def kind_of_labels(y_true_shape, y_pred_shape):
    """What y_true holds, "binary", "sparse" or "categorical", judged by the shapes as Keras does for "accuracy".

    One deviation: predictions of rank 1, [N], are binary."""
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"


def serialize(loss):
    """A function's name, or {"class_name", "config"} of a Loss; get() is the reverse."""
    if isinstance(loss, Loss):
        return {"class_name": type(loss).__name__, "config": loss.get_config()}
    return getattr(loss, "__name__", type(loss).__name__)


def deserialize(name, custom_objects=None):
    """A loss from serialize()'s result; custom_objects, {name: object}, has the caller's own functions and classes."""
    return get(name, custom_objects)
