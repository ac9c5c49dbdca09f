"""Intersection over union of classes, for segmentation: true positives / (true positives + false ones of both kinds).

Counted in a confusion matrix over all batches. Places whose class is outside 0 .. num_classes-1 do not count.
"""

import warnings

import numpy as np

from ..losses.loss import EPSILON
from .metric import Metric, weights_of


class IoU(Metric):
    """The mean intersection over union of the classes target_class_ids.

    IoU(num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True,
    axis=-1). y_true and y_pred: class numbers, of any one shape, or, where sparse_y_... is False, one-hot rows or
    scores along axis. ignore_class: places with this label do not count. Weights are cut to whole numbers, unless dtype
    is a float, as in Keras.

    >>> round(cygrad.metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(name, dtype or "int32")
        ids = list(target_class_ids)
        if not 0 <= min(ids) <= max(ids) < num_classes:
            raise ValueError(f"{type(self).__name__}: target_class_ids must be in 0 .. {num_classes - 1}; got {ids}")
        self.num_classes, self.target_class_ids = num_classes, ids
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.reset_state()

    def reset_state(self):
        self.total_cm = np.zeros((self.num_classes, self.num_classes))  # [label, prediction]

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, p = np.asarray(y_true), np.asarray(y_pred)
        t = (t if self.sparse_y_true else t.argmax(self.axis)).astype(np.int64)
        p = (p if self.sparse_y_pred else p.argmax(self.axis)).astype(np.int64)
        weights = self._weights(sample_weight, t.shape)
        t, p = t.reshape(-1), p.reshape(-1)
        if t.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}: y_true and y_pred have different numbers of places: {t.size} and {p.size}"
            )
        n = self.num_classes
        counted = (t >= 0) & (t < n) & (p >= 0) & (p < n)
        if self.ignore_class is not None:
            counted &= t != self.ignore_class
        places = (t * n + p)[counted]
        sums = np.bincount(places, None if weights is None else weights[counted], minlength=n * n)
        self.total_cm = self.total_cm + sums.reshape(n, n)

    def _weights(self, sample_weight, shape):
        if sample_weight is None:
            return None
        weights = weights_of(sample_weight, shape, self.name)
        if "int" in str(self.dtype):
            if not np.array_equal(weights, np.trunc(weights)):
                warnings.warn(
                    f"{type(self).__name__}: its dtype is {self.dtype}, so weights are cut to whole numbers; "
                    "dtype='float32' keeps them",
                    stacklevel=4,
                )
            weights = np.trunc(weights)
        return weights.reshape(-1)

    def result(self):
        right = np.diag(self.total_cm)
        union = self.total_cm.sum(axis=0) + self.total_cm.sum(axis=1) - right
        right, union = right[self.target_class_ids], union[self.target_class_ids]
        seen = union > 1e-9
        return float((right[seen] / (union[seen] + EPSILON)).sum() / (seen.sum() + EPSILON))

    def get_config(self):
        names = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _without(self, *names):
        """get_config without the arguments that a subclass settles itself."""
        return {name: value for name, value in IoU.get_config(self).items() if name not in names}


class BinaryIoU(IoU):
    """IoU of two classes, y_pred positive where it is at least threshold.

    BinaryIoU(target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None)

    >>> round(cygrad.metrics.BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
    0.5833
    """

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, np.asarray(y_pred, np.float32) >= np.float32(self.threshold), sample_weight)

    def get_config(self):
        own = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**self._without(*own), "threshold": self.threshold}


class MeanIoU(IoU):
    """IoU of all classes: MeanIoU(num_classes, name=None, dtype=None, ignore_class=None, ...); arguments as IoU.

    sparse_y_true: class numbers, not scores, in y_true. sparse_y_pred: class numbers, not scores, in y_pred. axis: the
    axis or axes.

    >>> round(cygrad.metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self):
        return self._without("target_class_ids")


class OneHotIoU(IoU):
    """IoU where y_true is one-hot and y_pred scores, both along axis; sparse_y_pred: y_pred is class numbers.

    OneHotIoU(num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1)

    >>> t, p = [[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]]
    >>> round(cygrad.metrics.OneHotIoU(num_classes=2, target_class_ids=[0])(t, p), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_pred=False,
        axis=-1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """OneHotIoU of all classes: OneHotMeanIoU(num_classes, name=None, dtype=None, ignore_class=None, ...).

    sparse_y_pred=False, axis=-1: as there.

    >>> t, p = [[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]]
    >>> round(cygrad.metrics.OneHotMeanIoU(num_classes=2)(t, p), 4)
    0.3333
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._without("target_class_ids", "sparse_y_true")
