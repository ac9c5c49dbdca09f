"""Metric, the base of all, and means: sums kept in Python floats over many batches, so that a result does not depend on
the size of a batch.

A metric made of a function weighs each sample alike: the function's values [N, ...] are averaged over all axes but the
first.
"""

import re

import numpy as np

from .. import _lookup, losses
from .._tensor import Tensor, Variable, as_float, empty, recording, view
from ..losses import fit_weights
from ..ops._backend import K, integers

FUNCTIONS = dict(losses._NAMES)  # what a configuration may name as a wrapper's function; the families add theirs


def snake_case(name):
    """The name of a class as that of an object of it, as Keras has it: AUC is auc, MeanIoU mean_io_u."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


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
        self.name = name or snake_case(type(self).__name__)
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
        from .. import initializers

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


def masked(sample_weight, y_pred):
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
        self.add(as_float(values, self.name, "what the function returned"), masked(sample_weight, y_pred))

    def get_config(self):
        return {**super().get_config(), "fn": losses.serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        fn = _lookup.get(config["fn"], "metric function", FUNCTIONS, losses.Loss)
        return cls(**{**config, "fn": fn})


class LossMetric(MeanMetricWrapper):
    """The mean of a function of cygrad's own, its keyword arguments in the configuration."""

    _direction = "down"

    def get_config(self):
        return {**Metric.get_config(self), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def weights_of(sample_weight, shape, name):
    """sample_weight, broadcast to a shape, as an array; 1.0 where there is none."""
    if sample_weight is None:
        return 1.0
    return np.broadcast_to(np.asarray(fit_weights(sample_weight, shape, name)), shape)


def quotient(a, b):
    """a / b elementwise, 0 where b is 0."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def plain(values):
    """A single number as a Python float, several as an array."""
    return float(values.reshape(())) if values.size == 1 else values
