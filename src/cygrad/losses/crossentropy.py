"""Cross-entropies, focal and generalized ones too. They come from cygrad.ops, which starts from the logits where y_pred
is a softmax's or sigmoid's output."""

import warnings

import numpy as np

from .. import ops
from .._tensor import Tensor, as_float, empty
from ..ops._backend import K
from ..ops.loss import check_labels, labels_of
from .loss import EPSILON, Loss, floats


def _smooth(name, t, smoothing, classes):
    if not smoothing:
        return t
    if not 0 < smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be in [0, 1]; got {smoothing!r}")
    return ops.add(ops.multiply(t, 1.0 - smoothing), smoothing / classes)


def _rows(name, y_true, y_pred, label_smoothing, axis):
    """Rows of classes, smoothed, and predictions as tensors."""
    x, t = as_float(y_pred, name, "y_pred"), as_float(y_true, name, "y_true")
    if x.shape[-1:] == (1,):
        warnings.warn(
            f"{name}: y_pred has shape {x.shape}, one class, and the loss of that is always 0. For two classes with "
            "one output use a sigmoid and binary_crossentropy",
            stacklevel=3,
        )
    return _smooth(name, t, label_smoothing, x.shape[axis] if x.shape else 1), x


def _binary_crossentropy(name, y_true, y_pred, from_logits, label_smoothing, axis):
    t, x = floats(y_true, y_pred, name)
    values = ops.binary_crossentropy(_smooth(name, t, label_smoothing, 2), x, from_logits=from_logits)
    return ops.mean(values, axis=axis) if values.shape else values


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean over axis of -(t log p + (1 - t) log(1 - p)), p = y_pred, or sigmoid(y_pred) where from_logits.

    label_smoothing s in [0, 1]: t = y_true (1 - s) + s / 2. Shapes: y_true and y_pred alike, loss without axis; [N]
    against [N,1] is brought to one shape. ValueError where they differ.

    >>> round(cygrad.losses.binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    return _binary_crossentropy("binary_crossentropy", y_true, y_pred, from_logits, label_smoothing, axis)


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """binary_crossentropy, each value times (1 - q)^gamma, q = t p + (1 - t)(1 - p): what is right already counts less.

    apply_class_balancing: times alpha where t is 1, 1 - alpha where it is 0, too. Other arguments and shapes: as
    binary_crossentropy. (Lin et al. 2018)

    y_true: targets. y_pred: predictions, of the same shape. from_logits: y_pred are logits, not probabilities.
    label_smoothing: moves the targets by this share towards all being equal. axis: the axis or axes.

    >>> round(cygrad.losses.binary_focal_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).item(), 4)
    0.1733
    """
    name = "binary_focal_crossentropy"
    t, p = floats(y_true, y_pred, name)
    t = _smooth(name, t, label_smoothing, 2)
    if from_logits:
        p = ops.sigmoid(p)
    wrong = ops.subtract(1.0, t)
    right = ops.add(ops.multiply(t, p), ops.multiply(wrong, ops.subtract(1.0, p)))
    values = ops.multiply(ops.power(ops.subtract(1.0, right), gamma), ops.binary_crossentropy(t, p))
    if apply_class_balancing:
        values = ops.multiply(values, ops.add(ops.multiply(t, alpha), ops.multiply(wrong, 1.0 - alpha)))
    return ops.mean(values, axis=axis) if values.shape else values


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum over axis of t log p for one-hot rows t: p = y_pred scaled to sum 1, or softmax(y_pred) where from_logits.

    label_smoothing s in [0, 1]: t = y_true (1 - s) + s / K. Shapes: y_true and y_pred [..., K], loss [...].
    ValueError where shapes differ; class numbers are sparse_categorical_crossentropy's.

    >>> round(cygrad.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    t, x = _rows("categorical_crossentropy", y_true, y_pred, label_smoothing, axis)
    return ops.categorical_crossentropy(t, x, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """-sum over axis of alpha (1 - p)^gamma t log p: categorical_crossentropy where what is right already counts less.

    alpha: a number, or one a class. Other arguments and shapes: as categorical_crossentropy. (Lin et al. 2018)

    y_true: targets. y_pred: predictions, of the same shape. from_logits: y_pred are logits, not probabilities.
    label_smoothing: moves the targets by this share towards all being equal.

    >>> round(cygrad.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.0433
    """
    name = "categorical_focal_crossentropy"
    t, p = floats(*_rows(name, y_true, y_pred, label_smoothing, axis), name)
    if from_logits:
        p = ops.softmax(p, axis=axis)
    p = ops.clip(ops.divide(p, ops.sum(p, axis=axis, keepdims=True)), EPSILON, 1 - EPSILON)
    factor = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.negative(ops.sum(ops.multiply(ops.multiply(factor, t), ops.log(p)), axis=axis))


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p of the true class: p = y_pred scaled to sum 1, or softmax(y_pred) where from_logits.

    Shapes: y_pred [..., K], y_true [...] or [..., 1], whole numbers in 0 .. K-1; loss [...]. ignore_class: samples with
    this label have loss 0. ValueError for one-hot rows (categorical_crossentropy's) and labels outside 0 .. K-1,
    TypeError for labels that are not whole.

    axis: the axis or axes.

    >>> round(cygrad.losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    x = as_float(y_pred, "sparse_categorical_crossentropy", "y_pred")
    labels, kept = _kept(y_true, x, ignore_class, axis)
    rows, classes = empty((*labels.shape, x.shape[axis])), x.shape[axis]
    K.one_hot(rows, labels, labels.size, classes)  # zeros for a label outside 0 .. classes-1, often the ignored one
    rows = ops.multiply(rows, ops.reshape(kept, (*kept.shape, 1)))
    rows = rows if axis in (-1, len(x.shape) - 1) else ops.moveaxis(rows, -1, axis)
    return ops.categorical_crossentropy(rows, x, from_logits=from_logits, axis=axis)


def _kept(y_true, x, ignore_class, axis):
    """(int32 labels, 1 where they are not ignore_class and 0 where they are), both of the shape of the losses."""
    name = "sparse_categorical_crossentropy"
    shape = list(x.shape)
    shape.append(shape.pop(axis))
    if len(np.shape(y_true)) == len(shape) and np.shape(y_true)[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    labels = labels_of(y_true, tuple(shape), name)
    if not isinstance(y_true, Tensor):  # as tensors they come from fit, which has checked them
        check_labels(np.asarray(labels)[np.asarray(labels) != ignore_class], shape[-1], name)
    labels = ops.reshape(labels, tuple(shape[:-1]))
    return labels, ops.clip(ops.abs(ops.subtract(ops.cast(labels, None), float(ignore_class))), 0.0, 1.0)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p^q) / q, p = y_pred of the true class: near cross-entropy for small q, absolute error for q near 1.

    Shapes: y_pred [..., K] (probabilities), y_true [...] or [..., 1], whole numbers in 0 .. K-1; loss [...]. (Zhang and
    Sabuncu 2018)

    >>> round(cygrad.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).item(), 4)
    1.0
    """
    name = "categorical_generalized_cross_entropy"
    p = as_float(y_pred, name, "y_pred")
    labels = labels_of(y_true, p.shape, name)
    if not isinstance(y_true, Tensor):
        check_labels(np.asarray(labels), p.shape[-1], name)
    rows = empty(p.shape)
    K.one_hot(rows, labels, labels.size, p.shape[-1])
    right = ops.sum(ops.multiply(p, rows), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(right, q)), q)


class BinaryCrossentropy(Loss):
    """Mean of binary_crossentropy: BinaryCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1, ...).

    reduction: as for Loss.

    >>> round(float(cygrad.losses.BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[0.0], [0.0]])), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true, y_pred):
        name = "BinaryCrossentropy"
        return _binary_crossentropy(name, y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class BinaryFocalCrossentropy(Loss):
    """Mean of binary_focal_crossentropy: BinaryFocalCrossentropy(apply_class_balancing=False, ...).

    alpha: the weight of the class 1, or of each class. gamma: how much certain predictions count less. from_logits:
    y_pred are logits, not probabilities. label_smoothing: moves the targets by this share towards all being equal.
    axis: the axis or axes. reduction: as for Loss.

    >>> round(float(cygrad.losses.BinaryFocalCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])), 4)
    0.1733
    """

    _options = ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true, y_pred):
        return binary_focal_crossentropy(y_true, y_pred, *[getattr(self, option) for option in self._options])


class CategoricalCrossentropy(Loss):
    """Mean of categorical_crossentropy: CategoricalCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1, ...).

    reduction: as for Loss.

    >>> round(float(cygrad.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true, y_pred):
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class CategoricalFocalCrossentropy(Loss):
    """Mean of categorical_focal_crossentropy: CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0, ...).

    from_logits: y_pred are logits, not probabilities. label_smoothing: moves the targets by this share towards all
    being equal. axis: the axis or axes. reduction: as for Loss.

    >>> round(float(cygrad.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    _options = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.alpha, self.gamma = alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        self._alpha = alpha if isinstance(alpha, (int, float)) else as_float(alpha, name, "alpha")

    def call(self, y_true, y_pred):
        options = (self.gamma, self.from_logits, self.label_smoothing, self.axis)
        return categorical_focal_crossentropy(y_true, y_pred, self._alpha, *options)

    def get_config(self):
        alpha = self.alpha if isinstance(self.alpha, (int, float)) else np.asarray(self.alpha).tolist()
        return {**super().get_config(), "alpha": alpha}


class SparseCategoricalCrossentropy(Loss):
    """Mean of sparse_categorical_crossentropy: SparseCategoricalCrossentropy(from_logits=False, ...).

    With ignore_class, the mean is over the samples that are left.

    reduction: as for Loss. axis: the axis or axes.

    >>> round(float(cygrad.losses.SparseCategoricalCrossentropy()([1, 0], [[0.5, 0.5], [0.5, 0.5]])), 4)
    0.6931
    """

    _options = ("from_logits", "ignore_class", "axis")

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

    def _prepare(self, y_true):
        return y_true  # labels stay integers

    def _mask(self, y_true, y_pred, values):
        mask = super()._mask(y_true, y_pred, values)
        if self.ignore_class is None:
            return mask
        kept = _kept(y_true, y_pred, self.ignore_class, self.axis)[1]
        return kept if mask is None else ops.multiply(kept, mask)

    def call(self, y_true, y_pred):
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)


class CategoricalGeneralizedCrossEntropy(Loss):
    """Mean of categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy(q=0.5, ...).

    reduction: as for Loss.

    >>> float(cygrad.losses.CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    _options = ("q",)

    def __init__(
        self, q=0.5, reduction="sum_over_batch_size", name="categorical_generalized_cross_entropy", dtype=None
    ):
        if not 0 < q < 1:
            raise ValueError(f"CategoricalGeneralizedCrossEntropy: q must be between 0 and 1; got {q!r}")
        super().__init__(name, reduction)
        self.q = q

    def _prepare(self, y_true):
        return y_true

    def call(self, y_true, y_pred):
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)
