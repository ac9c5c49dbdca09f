"""Hinge losses, of margins: labels are -1 and 1; a batch of labels 0 and 1 alone is taken for these."""

from .. import ops
from .loss import Loss, floats, is_nonzero


def _signs(t):
    """Labels as they are, or 2 t - 1 where all of them are 0 or 1. Decided by an op, for each replay of a step anew."""
    if not t.size:
        return t
    binary = ops.subtract(1.0, is_nonzero(ops.max(ops.abs(ops.multiply(t, ops.subtract(t, 1.0))))))
    return ops.add(t, ops.multiply(ops.subtract(t, 1.0), binary))


def _shortfall(y_true, y_pred, name):
    """max(1 - y_true y_pred, 0)"""
    t, x = floats(y_true, y_pred, name)
    return ops.relu(ops.subtract(1.0, ops.multiply(_signs(t), x)))


def hinge(y_true, y_pred):
    """Mean over the last axis of max(1 - y_true y_pred, 0).

    Shapes: y_true and y_pred [..., K], loss [...]. y_true: -1 and 1, or 0 and 1.

    >>> cygrad.losses.hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
    [1.0]
    """
    return ops.mean(_shortfall(y_true, y_pred, "hinge"), axis=-1)


def squared_hinge(y_true, y_pred):
    """Mean over the last axis of max(1 - y_true y_pred, 0)^2.

    Shapes and labels: as hinge.

    >>> cygrad.losses.squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
    [1.25]
    """
    return ops.mean(ops.square(_shortfall(y_true, y_pred, "squared_hinge")), axis=-1)


def categorical_hinge(y_true, y_pred):
    """max(wrong - right + 1, 0): right = sum over the last axis of y_true y_pred, wrong = max of (1 - y_true) y_pred.

    Shapes: y_true (one-hot rows) and y_pred [..., K], loss [...].

    >>> cygrad.losses.categorical_hinge([[0.0, 1.0]], [[0.5, 0.25]]).numpy().tolist()
    [1.25]
    """
    t, x = floats(y_true, y_pred, "categorical_hinge")
    right = ops.sum(ops.multiply(t, x), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, t), x), axis=-1)
    return ops.relu(ops.add(ops.subtract(wrong, right), 1.0))


class Hinge(Loss):
    """Mean of hinge: Hinge(reduction="sum_over_batch_size", name="hinge").

    >>> float(cygrad.losses.Hinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
    1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """Mean of squared_hinge: SquaredHinge(reduction="sum_over_batch_size", name="squared_hinge").

    >>> float(cygrad.losses.SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
    1.25
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """Mean of categorical_hinge: CategoricalHinge(reduction="sum_over_batch_size", name="categorical_hinge").

    >>> float(cygrad.losses.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return categorical_hinge(y_true, y_pred)
