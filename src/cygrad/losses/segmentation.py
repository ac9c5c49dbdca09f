"""Losses of overlapping areas, for segmentation: Dice, Tversky. The batch is one area unless axis says otherwise."""

from .. import ops
from .loss import EPSILON, Loss, floats


def dice(y_true, y_pred, axis=None):
    """1 - 2 I / (sum y_true + sum y_pred + 1e-7), I = sum y_true y_pred, sums over axis (None: all axes).

    Shapes: y_true and y_pred alike, loss without axis. (Milletari, Navab and Ahmadi 2016)

    >>> round(cygrad.losses.dice([[1.0, 0.0]], [[1.0, 1.0]]).item(), 4)
    0.3333
    """
    t, p = floats(y_true, y_pred, "dice")
    both = ops.sum(ops.multiply(t, p), axis=axis)
    total = ops.add(ops.add(ops.sum(t, axis=axis), ops.sum(p, axis=axis)), EPSILON)
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), total))


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - I / (I + alpha sum y_true (1 - y_pred) + beta sum y_pred (1 - y_true) + 1e-7), I = sum y_true y_pred.

    Sums over axis (None: all axes). alpha and beta 0.5 give dice. Shapes: y_true and y_pred alike, loss without axis.
    (Salehi, Erdogmus and Gholipour 2017; alpha weighs what is missed, as in Keras)

    >>> round(cygrad.losses.tversky([[1.0, 0.0]], [[1.0, 1.0]], beta=1.0).item(), 4)
    0.5
    """
    t, p = floats(y_true, y_pred, "tversky")
    both = ops.sum(ops.multiply(t, p), axis=axis)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, p), t), axis=axis)
    invented = ops.sum(ops.multiply(p, ops.subtract(1.0, t)), axis=axis)
    total = ops.add(ops.add(both, ops.multiply(missed, alpha)), ops.add(ops.multiply(invented, beta), EPSILON))
    return ops.subtract(1.0, ops.divide(both, total))


class Dice(Loss):
    """dice: Dice(reduction="sum_over_batch_size", name="dice", axis=None).

    >>> round(float(cygrad.losses.Dice()([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.3333
    """

    _options = ("axis",)

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(name, reduction)
        self.axis = axis

    def call(self, y_true, y_pred):
        return dice(y_true, y_pred, self.axis)


class Tversky(Loss):
    """tversky: Tversky(alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None).

    >>> round(float(cygrad.losses.Tversky(beta=1.0)([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.5
    """

    _options = ("alpha", "beta", "axis")

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        super().__init__(name, reduction)
        self.alpha, self.beta, self.axis = alpha, beta, axis

    def call(self, y_true, y_pred):
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)
