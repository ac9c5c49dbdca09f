"""Metrics: sums kept in Python floats over many batches, so that a result does not depend on the size of a batch.

A metric made of a function weighs each sample alike: the function's values [N, ...] are averaged over all axes but the
first. The accuracies count matches with one kernel call a batch.
"""

import math
import re

import numpy as np

from . import _lookup, losses
from ._tensor import Tensor, Variable, as_float, empty, recording, view
from .losses import fit_weights, kind_of_labels, match_shapes
from .ops._backend import K, integers
from .ops.loss import labels_of


class Metric:
    """Base of all metrics: Metric(name=None).

    A new metric defines update_state(y_true, y_pred, sample_weight=None), result() and, unless all its state comes from
    add_variable, reset_state().

    metric(y_true, y_pred) updates and gives the result so far, a Python float.

    >>> class Largest(cygrad.metrics.Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name)
    ...         self.value = self.add_variable(shape=(), initializer="zeros", name="value")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.value.assign(max(float(self.value), np.max(y_pred)))
    ...     def result(self):
    ...         return float(self.value)
    >>> metric = Largest()
    >>> metric(None, [1.0, 3.0]), metric(None, [2.0])
    (3.0, 3.0)
    """

    _direction = None  # "up" or "down": what callbacks take for an improvement

    def __init__(self, name=None, dtype=None):
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.dtype = dtype or "float32"
        self.variables = []

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self):
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self):
        """Back to the state before the first update; all variables to zero unless a metric says otherwise."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def add_variable(self, shape=(), initializer=None, dtype=None, aggregation=None, name=None):
        """A variable for the metric's own state, not trained."""
        from . import initializers

        value = np.asarray(initializers.get(initializer or "zeros")(tuple(shape)))
        variable = Variable(value, trainable=False, dtype=dtype, name=name or "variable")
        self.variables.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """add_variable under its older name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def get_config(self):
        """The constructor's arguments as a dict that JSON can hold; from_config is the reverse."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """The weighted mean of all values seen: Mean(name="mean").

    update_state(values, sample_weight=None): values of any shape, samples first; weights one for all, one a sample or
    one a value. result(): sum of weight * value / sum of weights, 0.0 before the first update.

    >>> metric = cygrad.metrics.Mean()
    >>> metric.update_state([1.0, 2.0], sample_weight=[3.0, 1.0])
    >>> metric.update_state(5.75)
    >>> metric.result()
    2.15
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name, dtype)
        self.reset_state()

    def update_state(self, values, sample_weight=None):
        if isinstance(values, Tensor) and not values.shape:
            values = float(values)
        if isinstance(values, (int, float)) and (sample_weight is None or isinstance(sample_weight, (int, float))):
            weight = 1 if sample_weight is None else sample_weight
            self.total += values * weight
            self.count += weight
        else:
            self.add(as_float(values, self.name, "values"), sample_weight)

    def add(self, values, sample_weight=None):
        """update_state for a tensor. However many values it has, a sample counts once."""
        shape = values.shape
        share = (shape[0] if shape else 1) / max(values.size, 1)
        if sample_weight is None:
            self.total += _sum(values) * share
            self.count += values.size * share
        else:
            weights = np.asarray(fit_weights(sample_weight, shape, self.name), np.float64)
            values, weights = np.broadcast_arrays(np.asarray(values, np.float64), weights)
            self.total += float((values * weights).sum()) * share
            self.count += float(weights.sum()) * share

    def result(self):
        return self.total / self.count if self.count else 0.0

    def reset_state(self):
        self.total, self.count = 0.0, 0


class Sum(Mean):
    """The weighted sum of all values seen: Sum(name="sum").

    >>> metric = cygrad.metrics.Sum()
    >>> metric.update_state([1.0, 2.0])
    >>> metric(3.0)
    6.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, values, sample_weight=None):
        values = as_float(values, self.name, "values")
        if sample_weight is None:
            self.total += _sum(values)
        else:
            weights = np.asarray(fit_weights(sample_weight, values.shape, self.name), np.float64)
            self.total += float((np.asarray(values, np.float64) * weights).sum())

    def result(self):
        return self.total


def _sum(values):
    if values.size == 1:
        return float(values.item())
    total = empty(())
    K.reduce_sum(total, values, 1, values.size, 1, 1.0)
    return float(total)


def _masked(sample_weight, y_pred):
    """sample_weight, 0 where a mask of y_pred leaves a step out."""
    mask = getattr(y_pred, "_keras_mask", None)
    if mask is None:
        return sample_weight
    kept = np.asarray(mask).astype(np.float32)
    return kept if sample_weight is None else kept * np.asarray(fit_weights(sample_weight, kept.shape, "sample_weight"))


class MeanMetricWrapper(Mean):
    """The mean of a function's values: MeanMetricWrapper(fn, name=None, **kwargs).

    fn(y_true, y_pred, **kwargs) gives [N, ...] or a scalar.

    >>> def largest_error(y_true, y_pred):
    ...     return cygrad.ops.max(cygrad.ops.abs(y_true - y_pred), axis=-1)
    >>> cygrad.metrics.MeanMetricWrapper(largest_error)([[0.0, 0.0]], [[1.0, -2.0]])
    2.0
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None) or getattr(fn, "name", type(fn).__name__), dtype)
        self.fn, self.kwargs = fn, kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = as_float(y_pred, self.name, "y_pred")
        if recording():
            mask, y_pred = y_pred._keras_mask, view(y_pred, y_pred.shape)  # nothing of a metric goes onto a tape
            y_pred._keras_mask = mask
        if not isinstance(y_true, Tensor):
            whole = np.asarray(y_true).dtype.kind in "biu"
            y_true = (integers if whole else as_float)(y_true, self.name, "y_true")
        values = self.fn(y_true, y_pred, **self.kwargs)
        self.add(as_float(values, self.name, "what the function returned"), _masked(sample_weight, y_pred))

    def get_config(self):
        return {**super().get_config(), "fn": losses.serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        fn = _lookup.get(config["fn"], "metric function", _FUNCTIONS, losses.Loss)
        return cls(**{**config, "fn": fn})


# ---- accuracies ----


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where (y_pred > threshold) equals y_true, else 0. Shapes: y_true, y_pred and the result alike; [N] against
    [N,1] fits.

    >>> cygrad.metrics.binary_accuracy([1.0, 0.0], [0.4, 0.4]).numpy().tolist()
    [0.0, 1.0]
    """
    name = "binary_accuracy"
    t, x = match_shapes(as_float(y_true, name, "y_true"), as_float(y_pred, name, "y_pred"), name)
    match = empty(x.shape)
    K.binary_matches(match, x, t, x.size, threshold)
    return match


def categorical_accuracy(y_true, y_pred):
    """1 where y_pred and y_true are largest at the same class (the first, in a tie), else 0. Shapes: both [..., K],
    result [...].

    >>> cygrad.metrics.categorical_accuracy([[0.0, 1.0]], [[0.3, 0.7]]).numpy().tolist()
    [1.0]
    """
    name = "categorical_accuracy"
    t, x = as_float(y_true, name, "y_true"), as_float(y_pred, name, "y_pred")
    if t.shape != x.shape or not x.shape:
        hint = " For class numbers use sparse_categorical_accuracy." if len(t.shape) < len(x.shape) else ""
        raise ValueError(
            f"{name}: y_true has shape {t.shape}, y_pred {x.shape}; expected two of one shape [..., K].{hint}"
        )
    match = empty(x.shape[:-1])
    K.categorical_matches(match, x, t, match.size, x.shape[-1])
    return match


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where y_pred is largest at class y_true, else 0. Shapes: y_pred [..., K], y_true [...] or [..., 1], result
    [...].

    >>> cygrad.metrics.sparse_categorical_accuracy([1, 0], [[0.3, 0.7], [0.3, 0.7]]).numpy().tolist()
    [1.0, 0.0]
    """
    x = as_float(y_pred, "sparse_categorical_accuracy", "y_pred")
    labels = labels_of(y_true, x.shape, "sparse_categorical_accuracy")
    match = empty(x.shape[:-1])
    K.sparse_categorical_matches(match, x, labels, match.size, x.shape[-1])
    return match


class Accuracy(Mean):
    """How often y_pred equals y_true: Accuracy(name="accuracy"), for predictions that are labels themselves.

    >>> cygrad.metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 0])
    0.75
    """

    _direction = "up"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, x = match_shapes(as_float(y_true, self.name, "y_true"), as_float(y_pred, self.name, "y_pred"), self.name)
        self.add(as_float(np.asarray(t) == np.asarray(x)), _masked(sample_weight, y_pred))


class BinaryAccuracy(Mean):
    """The mean of binary_accuracy: BinaryAccuracy(name="binary_accuracy", dtype=None, threshold=0.5).

    >>> cygrad.metrics.BinaryAccuracy()([[1], [0]], [[0.7], [0.6]])
    0.5
    """

    _direction = "up"

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(name, dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(binary_accuracy(y_true, y_pred, self.threshold), _masked(sample_weight, y_pred))

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


class CategoricalAccuracy(Mean):
    """The mean of categorical_accuracy, for one-hot labels: CategoricalAccuracy(name="categorical_accuracy").

    >>> cygrad.metrics.CategoricalAccuracy()([[0, 1], [1, 0]], [[0.3, 0.7], [0.3, 0.7]])
    0.5
    """

    _direction = "up"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(categorical_accuracy(y_true, y_pred), _masked(sample_weight, y_pred))


class SparseCategoricalAccuracy(Mean):
    """The mean of sparse_categorical_accuracy, for class numbers: SparseCategoricalAccuracy(name=...).

    >>> cygrad.metrics.SparseCategoricalAccuracy()([1, 0], [[0.3, 0.7], [0.3, 0.7]])
    0.5
    """

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(sparse_categorical_accuracy(y_true, y_pred), _masked(sample_weight, y_pred))


# ---- losses as metrics ----


class _LossMetric(MeanMetricWrapper):
    """A loss function's mean, its keyword arguments in the configuration."""

    _direction = "down"

    def get_config(self):
        return {**Metric.get_config(self), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class MeanSquaredError(_LossMetric):
    """The mean of (y_true - y_pred)^2: MeanSquaredError(name="mean_squared_error").

    >>> cygrad.metrics.MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]])
    2.0
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(_LossMetric):
    """The mean of |y_true - y_pred|: MeanAbsoluteError(name="mean_absolute_error").

    >>> cygrad.metrics.MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [1.0]])
    1.0
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class RootMeanSquaredError(_LossMetric):
    """The root of the mean of (y_true - y_pred)^2 over all batches: RootMeanSquaredError(name=...).

    >>> cygrad.metrics.RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])
    5.0
    """

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)

    def result(self):
        return math.sqrt(super().result())


class BinaryCrossentropy(_LossMetric):
    """The mean of losses.binary_crossentropy: BinaryCrossentropy(name, dtype, from_logits=False, label_smoothing=0).

    >>> round(cygrad.metrics.BinaryCrossentropy()([[1], [0]], [[0.5], [0.5]]), 4)
    0.6931
    """

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(_LossMetric):
    """The mean of losses.categorical_crossentropy, arguments as there: CategoricalCrossentropy(name=..., ...).

    >>> round(cygrad.metrics.CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(_LossMetric):
    """The mean of losses.sparse_categorical_crossentropy: SparseCategoricalCrossentropy(name=..., ...).

    Arguments as there. With ignore_class, the mean is over the samples that are left.

    >>> round(cygrad.metrics.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(
        self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **options)

    def update_state(self, y_true, y_pred, sample_weight=None):
        ignored = self.kwargs["ignore_class"]
        if ignored is not None:
            y_true = np.asarray(y_true)
            kept = (y_true.reshape(np.shape(y_pred)[:-1]) != ignored).astype(np.float32)
            sample_weight = (
                kept if sample_weight is None else kept * np.asarray(fit_weights(sample_weight, kept.shape, self.name))
            )
        super().update_state(y_true, y_pred, sample_weight)


# ---- by name ----

_LIST = (
    Mean,
    Sum,
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    MeanSquaredError,
    MeanAbsoluteError,
    RootMeanSquaredError,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
_NAMES = {cls.__name__: cls for cls in (*_LIST, MeanMetricWrapper)}
_NAMES.update({cls().name: cls for cls in _LIST})
_NAMES.update(acc=Accuracy, MSE=MeanSquaredError, mse=MeanSquaredError, MAE=MeanAbsoluteError, mae=MeanAbsoluteError)
_NAMES.update(BCE=BinaryCrossentropy, bce=BinaryCrossentropy)
_FUNCTIONS = {f.__name__: f for f in (binary_accuracy, categorical_accuracy, sparse_categorical_accuracy)}
_FUNCTIONS.update(losses._NAMES)


def get(identifier, loss=None, y_true_shape=None, y_pred_shape=None, custom_objects=None):
    """The Metric for a name ("mse"), a {"class_name", "config"} dict, a function (y_true, y_pred), or a Metric.

    "accuracy" and "acc" choose by the shapes as Keras does: binary for one output, sparse for class numbers,
    categorical for one-hot rows; without shapes, by the loss. A metric found by name has that name. ValueError names
    the nearest when there is no such name.

    >>> cygrad.metrics.get("accuracy", y_true_shape=(32,), y_pred_shape=(32, 10))
    <SparseCategoricalAccuracy name=accuracy>
    """
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _accuracy(loss, y_true_shape, y_pred_shape)(name=identifier)
    with _lookup.custom_object_scope(custom_objects):
        metric = _lookup.get(identifier, "metric", _NAMES, Metric)
    if not isinstance(metric, Metric):
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def _accuracy(loss, y_true_shape, y_pred_shape):
    if y_pred_shape is not None:
        kind = kind_of_labels(y_true_shape, y_pred_shape)
        return {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}[kind]
    kinds = {
        losses.BinaryCrossentropy: BinaryAccuracy,
        losses.SparseCategoricalCrossentropy: SparseCategoricalAccuracy,
        losses.CategoricalCrossentropy: CategoricalAccuracy,
    }
    return kinds.get(type(losses.resolve(loss)), Accuracy)


def serialize(metric):
    """{"class_name", "config"} of a Metric, or a function's name; get() is the reverse."""
    if isinstance(metric, Metric):
        return {"class_name": type(metric).__name__, "config": metric.get_config()}
    return losses.serialize(metric)


def deserialize(config, custom_objects=None):
    """A metric from serialize()'s result; custom_objects, {name: object}, has the caller's own functions, classes."""
    return get(config, custom_objects=custom_objects)
