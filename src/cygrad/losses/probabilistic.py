"""Losses of distributions: Kullback-Leibler divergence, Poisson."""

from .. import ops
from .loss import EPSILON, Loss, floats


def kl_divergence(y_true, y_pred):
    """Sum over the last axis of t log(t / p), t = y_true and p = y_pred, both first clipped to 1e-7 .. 1.

    Shapes: y_true and y_pred [..., K], loss [...].

    >>> round(cygrad.losses.kl_divergence([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    t, p = (ops.clip(v, EPSILON, 1.0) for v in floats(y_true, y_pred, "kl_divergence"))
    return ops.sum(ops.multiply(t, ops.log(ops.divide(t, p))), axis=-1)


def poisson(y_true, y_pred):
    """Mean over the last axis of y_pred - y_true log(y_pred + 1e-7): Poisson's log-likelihood, y_pred the rate.

    Shapes: y_true and y_pred [..., K], loss [...].

    >>> round(cygrad.losses.poisson([[0.0, 1.0]], [[1.0, 1.0]]).item(), 4)
    1.0
    """
    t, p = floats(y_true, y_pred, "poisson")
    return ops.mean(ops.subtract(p, ops.multiply(t, ops.log(ops.add(p, EPSILON)))), axis=-1)


class KLDivergence(Loss):
    """Mean of kl_divergence: KLDivergence(reduction="sum_over_batch_size", name="kl_divergence").

    >>> round(float(cygrad.losses.KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return kl_divergence(y_true, y_pred)


class Poisson(Loss):
    """Mean of poisson: Poisson(reduction="sum_over_batch_size", name="poisson").

    >>> round(float(cygrad.losses.Poisson()([[0.0, 1.0]], [[1.0, 1.0]])), 4)
    1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        return poisson(y_true, y_pred)
