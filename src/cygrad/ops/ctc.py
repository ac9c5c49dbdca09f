"""Connectionist temporal classification, with keras.ops's names. Kernels: csrc/kernels/ctc.c."""

import numpy as np

from ._backend import K, as_float, empty, from_array, gradient_like, integers, record
from .softmax import log_softmax


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """loss = -log of the sum of the probabilities of all ways to spell target: CTC (Graves et al. 2006).

    A way gives each frame a label or the blank; repeated labels count once, then blanks go. Shapes: target[N,L] of
    integers, output[N,T,K] logits (softmax is part of the loss), target_length[N] and output_length[N]: how many labels
    and frames count; loss[N]. mask_index: the blank. Saved for backward: log softmax(output) and the log sums of the
    ways to each label at each frame. A target that fits into its frames in no way has an infinite loss and no gradient.
    Raises ValueError for shapes that do not fit, and labels and lengths out of range.

    >>> round(cygrad.ops.ctc_loss([[1]], np.zeros((1, 2, 2)), [1], [2]).item(), 4)
    0.2877
    """
    op = "ctc_loss"
    x, labels = as_float(output, op, "output"), integers(target, op, "target")
    length, frames = integers(target_length, op, "target_length"), integers(output_length, op, "output_length")
    if len(x.shape) != 3 or len(labels.shape) != 2 or labels.shape[0] != x.shape[0]:
        raise ValueError(
            f"{op}: expected target[N,L] and output[N,T,K]; got shapes {labels.shape} and {x.shape}. "
            "Is a batch or a time axis missing?"
        )
    for argument, given in (("target_length", length), ("output_length", frames)):
        if given.shape != x.shape[:1]:
            raise ValueError(f"{op}: expected one {argument} a sample, shape {x.shape[:1]}; got {given.shape}")
    y = log_softmax(x)
    sizes = (*x.shape, labels.shape[1], int(mask_index))
    loss, alpha = empty(x.shape[:1]), empty((*x.shape[:2], 2 * labels.shape[1] + 1))
    try:
        K.ctc_forward(loss, alpha, y, labels, length, frames, *sizes)
    except IndexError:
        raise ValueError(_misfit(labels, length, frames, x.shape, mask_index)) from None

    def backward(dloss):
        dy = gradient_like(y)
        K.ctc_backward(dy, dloss, loss, alpha, y, labels, length, frames, *sizes)
        return dy

    return record(loss, (y,), backward)


def _misfit(labels, length, frames, shape, blank):
    labels, length, frames = np.asarray(labels), np.asarray(length), np.asarray(frames)
    _, T, classes = shape
    if not 0 <= blank < classes:
        return f"ctc_loss: mask_index must be one of the {classes} classes; got {blank}"
    for argument, given, most in (("target_length", length, labels.shape[1]), ("output_length", frames, T)):
        if given.min() < 0 or given.max() > most:
            return (
                f"ctc_loss: {argument} must be in 0..{most}; got {given.max() if given.max() > most else given.min()}"
            )
    used = labels[np.arange(labels.shape[1]) < length[:, None]]
    return (
        f"ctc_loss: expected labels in 0..{classes - 1} for an output of {classes} classes; got "
        f"{used[(used < 0) | (used >= classes)][0]}. Has the last layer a unit for each label and one for the blank?"
    )


def ctc_decode(
    inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0
):
    """The labels of each sample's most probable frames, and minus the sum of their scores: (decoded, scores).

    Shapes: inputs[N,T,K] logits or log probabilities, sequence_lengths[N]; decoded[1,N,T] int32, -1 behind the last
    label, scores[N,1]. merge_repeated: a label that is repeated from frame to frame counts once. mask_index: the blank,
    which goes; None: the last class. Only strategy="greedy" is there: each frame by itself, so beam_width and top_paths
    have no effect. No gradient.

    >>> frames = np.log(np.eye(3)[[1, 1, 0, 1, 2]] + 0.01)[None]
    >>> cygrad.ops.ctc_decode(frames, [5])[0].numpy().tolist()
    [[[1, 1, 2, -1, -1]]]
    """
    if strategy != "greedy":
        raise ValueError(f"ctc_decode: strategy must be 'greedy', the only one that is there; got {strategy!r}")
    x = np.asarray(as_float(inputs, "ctc_decode", "inputs"))
    lengths = np.asarray(integers(sequence_lengths, "ctc_decode", "sequence_lengths"))
    if x.ndim != 3 or lengths.shape != x.shape[:1]:
        raise ValueError(
            f"ctc_decode: expected inputs[N,T,K] and sequence_lengths[N]; got shapes {x.shape} and {lengths.shape}"
        )
    blank = x.shape[2] - 1 if mask_index is None else mask_index
    beyond = np.arange(x.shape[1]) >= lengths[:, None]
    labels = np.where(beyond, blank, x.argmax(axis=-1))
    scores = -np.where(beyond, 0, x.max(axis=-1)).sum(axis=1, keepdims=True)
    gone = labels == blank
    if merge_repeated:
        gone[:, 1:] |= labels[:, 1:] == labels[:, :-1]
    first = np.argsort(gone, axis=1, kind="stable")
    decoded = np.take_along_axis(np.where(gone, -1, labels), first, axis=1)
    return from_array(decoded[None], "int32"), from_array(scores)
