"""Circle, a loss of embeddings: near those of the same label, far from all others."""

import numpy as np

from .. import ops
from .._tensor import as_float, from_array
from ..ops._backend import integers
from .loss import Loss


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """log(1 + S T), S = sum over others of exp(gamma max(1 + m - d, 0)(1 - m - d)), T = sum over alike of
    exp(-gamma (m + d)(m - d)).

    d: the distance 1 - cosine, at least 0, from a row of y_pred to each row of ref_embeddings (absent: y_pred itself),
    which has a row's label (alike) or another one; m: margin. remove_diagonal: a row is not alike to itself. Shapes:
    y_true[N] whole numbers, y_pred[N,D] rows of length 1, loss [N]. (Sun et al. 2020)

    ref_labels: the labels of ref_embeddings.

    >>> rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> [round(loss, 2) for loss in cygrad.losses.circle([0, 0, 1], rows, gamma=1.0).numpy().tolist()]
    [0.55, 0.55, 0.0]
    """
    x = as_float(y_pred, "circle", "y_pred")
    others = x if ref_embeddings is None else as_float(ref_embeddings, "circle", "ref_embeddings")
    labels = np.asarray(integers(y_true, "circle", "y_true")).reshape(-1, 1)
    known = labels if ref_labels is None else np.asarray(integers(ref_labels, "circle", "ref_labels")).reshape(-1, 1)
    alike = labels == known.T
    other = ~alike
    if remove_diagonal:
        alike = alike & ~np.eye(*alike.shape, dtype=bool)
    d = ops.relu(ops.subtract(1.0, ops.matmul(x, ops.transpose(others))))
    near = ops.multiply(ops.multiply(ops.add(d, margin), ops.subtract(margin, d)), -gamma)
    far = ops.multiply(ops.multiply(ops.relu(ops.subtract(1.0 + margin, d)), ops.subtract(1.0 - margin, d)), gamma)
    return ops.softplus(ops.add(_log_sum(near, alike), _log_sum(far, other)))


def _log_sum(values, chosen):
    """log sum exp over the chosen of each row; -infinity where there is none."""
    bounded = ops.add(ops.multiply(values, from_array(chosen)), from_array(np.where(chosen, 0.0, -np.inf)))
    return ops.logsumexp(bounded, axis=1)


class Circle(Loss):
    """Mean of circle over the rows whose loss is not 0: Circle(gamma=80.0, margin=0.4, remove_diagonal=True, ...).

    Its steps are not captured: which rows belong together is found by NumPy.

    reduction: as for Loss.

    >>> float(cygrad.losses.Circle()([0, 1], np.eye(2, dtype="float32")))
    0.0
    """

    _options = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma=80.0,
        margin=0.4,
        remove_diagonal=True,
        reduction="sum_over_batch_size",
        name="circle",
        dtype=None,
    ):
        super().__init__(name, reduction)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def _prepare(self, y_true):
        return y_true

    def _mask(self, y_true, y_pred, values):
        positive = from_array(np.asarray(values) > 0)
        mask = super()._mask(y_true, y_pred, values)
        return positive if mask is None else ops.multiply(positive, mask)

    def call(self, y_true, y_pred):
        return circle(y_true, y_pred, remove_diagonal=self.remove_diagonal, gamma=self.gamma, margin=self.margin)
