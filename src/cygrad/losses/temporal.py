"""The loss of sequences whose labels have no places: CTC."""

from .. import ops
from .._tensor import as_float, ones
from .loss import Loss


def ctc(y_true, y_pred):
    """-log of the probability of each label sequence, whichever frames its labels take (Graves et al. 2006).

    Shapes: y_true[N,L] of integers, in which 0 is the blank and fills the end of shorter ones; y_pred[N,T,K] logits
    (without softmax), of which all T frames count; losses[N].

    >>> round(cygrad.losses.ctc([[1, 0]], np.zeros((1, 2, 2))).item(), 4)
    0.2877
    """
    y_pred, labels = as_float(y_pred, "ctc", "y_pred"), ops.cast(y_true, "int32")
    if len(labels.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            f"ctc: expected y_true[N,L] and y_pred[N,T,K]; got shapes {labels.shape} and {y_pred.shape}. "
            "Does the network give one row of logits a frame?"
        )
    length = ops.cast(ops.sum(ops.cast(ops.cast(labels, "bool"), None), -1), "int32")
    frames = ops.cast(ops.multiply(ones(y_pred.shape[:1]), y_pred.shape[1]), "int32")  # by kernels: steps are captured
    return ops.ctc_loss(labels, y_pred, length, frames)


class CTC(Loss):
    """Mean of ctc: CTC(reduction="sum_over_batch_size", name="ctc").

    >>> round(float(cygrad.losses.CTC()([[1, 0]], np.zeros((1, 2, 2)))), 4)
    0.2877
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(name, reduction)

    def _prepare(self, y_true):
        return y_true  # labels stay integers

    def _mask(self, y_true, y_pred, values):
        return None  # a mask is of frames, a loss of a sample

    def call(self, y_true, y_pred):
        return ctc(y_true, y_pred)
