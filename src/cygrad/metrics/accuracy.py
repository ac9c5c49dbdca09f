"""Accuracies: how often the prediction is the label. Matches are counted with one kernel call a batch."""

import numpy as np

from .._tensor import as_float, empty, from_array
from ..losses import match_shapes
from ..ops._backend import K
from ..ops.loss import labels_of
from .metric import FUNCTIONS, LossMetric, Mean, masked


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
        self.add(as_float(np.asarray(t) == np.asarray(x)), masked(sample_weight, y_pred))


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
        self.add(binary_accuracy(y_true, y_pred, self.threshold), masked(sample_weight, y_pred))

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
        self.add(categorical_accuracy(y_true, y_pred), masked(sample_weight, y_pred))


class SparseCategoricalAccuracy(Mean):
    """The mean of sparse_categorical_accuracy, for class numbers: SparseCategoricalAccuracy(name=...).

    >>> cygrad.metrics.SparseCategoricalAccuracy()([1, 0], [[0.3, 0.7], [0.3, 0.7]])
    0.5
    """

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(sparse_categorical_accuracy(y_true, y_pred), masked(sample_weight, y_pred))


def _rank_matches(labels, x, k):
    """1 where fewer than k classes have a larger score than the label's."""
    match = empty(x.shape[:-1])
    K.sparse_top_k_matches(match, x, labels, match.size, x.shape[-1], k)
    return match


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class that is largest in y_true is among the k largest of y_pred (ties count), else 0. Shapes: both
    [..., K], result [...].

    >>> t, p = [[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.1, 0.0, 0.8]]
    >>> cygrad.metrics.top_k_categorical_accuracy(t, p, k=2).numpy().tolist()
    [1.0, 0.0]
    """
    name = "top_k_categorical_accuracy"
    t, x = as_float(y_true, name, "y_true"), as_float(y_pred, name, "y_pred")
    if t.shape != x.shape or not x.shape:
        raise ValueError(f"{name}: y_true has shape {t.shape}, y_pred {x.shape}; expected two of one shape [..., K]")
    return _rank_matches(from_array(np.asarray(t).argmax(-1), "int32"), x, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where class y_true is among the k largest of y_pred (ties count), else 0. Shapes: y_pred [..., K], y_true [...]
    or [..., 1], result [...]. from_sorted_ids: y_pred holds class numbers, the likeliest first.

    >>> p = [[0.1, 0.9, 0.8], [0.1, 0.0, 0.8]]
    >>> cygrad.metrics.sparse_top_k_categorical_accuracy([2, 1], p, k=2).numpy().tolist()
    [1.0, 0.0]
    """
    name = "sparse_top_k_categorical_accuracy"
    x = as_float(y_pred, name, "y_pred")
    labels = labels_of(y_true, x.shape, name)
    if from_sorted_ids:
        return from_array((np.asarray(x)[..., :k] == np.asarray(labels).reshape(*x.shape[:-1], 1)).any(-1))
    return _rank_matches(labels, x, k)


class TopKCategoricalAccuracy(LossMetric):
    """The mean of top_k_categorical_accuracy: TopKCategoricalAccuracy(k=5, name="top_k_categorical_accuracy").

    >>> cygrad.metrics.TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.1, 0.0, 0.8]])
    0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(LossMetric):
    """The mean of sparse_top_k_categorical_accuracy: SparseTopKCategoricalAccuracy(k=5, name=..., ...).

    from_sorted_ids=False: as there.

    >>> cygrad.metrics.SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.9, 0.8], [0.1, 0.0, 0.8]])
    0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)


FUNCTIONS.update(
    {
        function.__name__: function
        for function in (
            binary_accuracy,
            categorical_accuracy,
            sparse_categorical_accuracy,
            top_k_categorical_accuracy,
            sparse_top_k_categorical_accuracy,
        )
    }
)
