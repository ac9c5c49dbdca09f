"""Metrics of probabilities and margins: the cross-entropies, KL divergence, Poisson and hinges of cygrad.losses."""

import numpy as np

from .. import losses
from ..losses import fit_weights
from .metric import LossMetric


class BinaryCrossentropy(LossMetric):
    """The mean of losses.binary_crossentropy: BinaryCrossentropy(name, dtype, from_logits=False, label_smoothing=0).

    >>> round(cygrad.metrics.BinaryCrossentropy()([[1], [0]], [[0.5], [0.5]]), 4)
    0.6931
    """

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(LossMetric):
    """The mean of losses.categorical_crossentropy, arguments as there: CategoricalCrossentropy(name=..., ...).

    from_logits: y_pred are logits, not probabilities. label_smoothing: moves the targets by this share towards all
    being equal. axis: the axis or axes.

    >>> round(cygrad.metrics.CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(LossMetric):
    """The mean of losses.sparse_categorical_crossentropy: SparseCategoricalCrossentropy(name=..., ...).

    Arguments as there. With ignore_class, the mean is over the samples that are left.

    from_logits: y_pred are logits, not probabilities. axis: the axis or axes.

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


class KLDivergence(LossMetric):
    """The mean of losses.kl_divergence: KLDivergence(name="kl_divergence").

    >>> round(cygrad.metrics.KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(LossMetric):
    """The mean of losses.poisson: Poisson(name="poisson").

    >>> round(cygrad.metrics.Poisson()([[0.0, 1.0]], [[1.0, 1.0]]), 4)
    1.0
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(losses.poisson, name, dtype)


class Hinge(LossMetric):
    """The mean of losses.hinge: Hinge(name="hinge").

    >>> cygrad.metrics.Hinge()([[-1.0, 1.0]], [[0.5, 0.5]])
    1.0
    """

    def __init__(self, name="hinge", dtype=None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(LossMetric):
    """The mean of losses.squared_hinge: SquaredHinge(name="squared_hinge").

    >>> cygrad.metrics.SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]])
    1.25
    """

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(LossMetric):
    """The mean of losses.categorical_hinge: CategoricalHinge(name="categorical_hinge").

    >>> cygrad.metrics.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]])
    1.25
    """

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(losses.categorical_hinge, name, dtype)
