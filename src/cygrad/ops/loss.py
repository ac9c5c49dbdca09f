"""Cross-entropies with keras.ops's names, one value a sample. Kernels: csrc/kernels/loss.c.

With from_logits=False and an output that comes straight from softmax (for the binary one: from sigmoid), the loss is
computed from that op's input and the gradient goes straight there: exact where probabilities are near 0 or 1, and
cheaper. (The probabilities themselves then get no gradient from the loss.) Otherwise probabilities are clipped to
[1e-7, 1 - 1e-7], as in Keras.
"""

import numpy as np

from ._backend import K, Tensor, as_float, empty, from_array, gradient_like, record, recording, tracked
from .elementwise import add, clip, divide, log, multiply, negative, subtract
from .layout import moveaxis, squeeze
from .reduce import sum as _sum
from .softmax import log_softmax

EPSILON = 1e-7


def _same_shape(target, output, op):
    if target.shape != output.shape:
        raise ValueError(
            f"{op}: expected target and output of one shape; got {target.shape} and {output.shape}. {_HINTS[op]}"
        )


_HINTS = {
    "binary_crossentropy": "Does the last layer have as many units as there are targets?",
    "categorical_crossentropy": (
        "Does the last layer have one unit for each class? For integer labels use sparse_categorical_crossentropy"
    ),
}


def _to_last(x, axis, op):
    """x with axis as its last, and whether it was that already."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ValueError(f"{op}: axis {axis} does not exist in an output of shape {x.shape}")
    return x if axis in (-1, rank - 1) else moveaxis(x, axis, -1)


def binary_crossentropy(target, output, from_logits=False):
    """loss = -target log(output) - (1 - target) log(1 - output), elementwise.

    Shapes: target, output and loss alike. from_logits: output is x, the probability sigmoid(x). Saved for backward:
    both; d loss/dx = sigmoid(x) - target. Raises ValueError where the shapes differ.

    >>> [round(loss, 3) for loss in cygrad.ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5]).numpy().tolist()]
    [0.693, 0.693]
    """
    t, p = as_float(target, "binary_crossentropy", "target"), as_float(output, "binary_crossentropy", "output")
    if t.shape != p.shape:
        _same_shape(t, p, "binary_crossentropy")
    x = p if from_logits else p.logits if p.logits_of == "sigmoid" else None
    if x is None:
        p = clip(p, EPSILON, 1 - EPSILON)
        return negative(add(multiply(t, log(p)), multiply(subtract(1.0, t), log(subtract(1.0, p)))))
    loss = empty(t.shape)
    K.sigmoid_cross_entropy_forward(loss, x, t, x.size)

    def backward(dloss):
        dx = dt = None
        if tracked(x):
            dx = gradient_like(x)
            K.sigmoid_cross_entropy_backward(dx, dloss, x, t, x.size)
        if tracked(t):  # the loss is linear in t: d loss/dt = -x
            dt = from_array(-np.asarray(x) * np.asarray(dloss))
        return dx, dt

    return record(loss, (x, t), backward)


def _of_probabilities(t, p):
    """-sum t log p over the last axis, p scaled to a sum of 1 and clipped."""
    p = clip(divide(p, _sum(p, -1, True)), EPSILON, 1 - EPSILON)
    return negative(_sum(multiply(t, log(p)), -1))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """loss = -sum over axis of target log(output): classes as rows of probabilities, such as one-hot ones.

    Shapes: target[...,K] and output[...,K], loss[...]. from_logits: output is x, the probabilities softmax(x);
    otherwise they are scaled to a sum of 1. Saved for backward: target, softmax(x); d loss/dx = softmax(x)
    sum(target) - target. Raises ValueError where the shapes differ.

    >>> round(cygrad.ops.categorical_crossentropy([0.0, 1.0], [0.5, 0.5]).item(), 3)
    0.693
    """
    t, p = (
        as_float(target, "categorical_crossentropy", "target"),
        as_float(output, "categorical_crossentropy", "output"),
    )
    if t.shape != p.shape or not p.shape:
        _same_shape(t, p, "categorical_crossentropy")
        raise ValueError("categorical_crossentropy: expected an axis of classes; got shape ()")
    if axis != -1:
        t, p = _to_last(t, axis, "categorical_crossentropy"), _to_last(p, axis, "categorical_crossentropy")
    x = p if from_logits else p.logits if p.logits_of == "softmax" else None
    if x is None:
        return _of_probabilities(t, p)
    if tracked(t):
        return negative(_sum(multiply(t, log_softmax(x)), -1))
    classes = x.shape[-1]
    M = x.size // classes if classes else 0
    loss = empty(x.shape[:-1])
    p, saved = _softmax_memory(x, p, from_logits)
    K.softmax_cross_entropy_forward(loss, p if saved else None, x, t, M, classes)

    def backward(dloss):
        dx = gradient_like(x)
        K.softmax_cross_entropy_backward(dx, dloss, p, t, M, classes)
        return dx

    return record(loss, (x,), backward)


def _softmax_memory(x, p, from_logits):
    """(softmax(x) for backward, must the forward kernel fill it?): output itself where that is it."""
    if not from_logits:
        return p, False
    wanted = recording() and tracked(x)
    return (empty(x.shape) if wanted else None), wanted


def labels_of(target, shape, op):
    """Integer labels of shape [...] or [...,1] for outputs of shape [...,K], as an int32 tensor."""
    if isinstance(target, Tensor) and target.dtype == "int32":
        labels = target
    else:
        array = np.asarray(target)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{op}: expected integer labels for target; got {array.dtype}")
        if array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
            raise TypeError(
                f"{op}: expected integer labels for target; got {array.dtype} with values that are not whole, such as "
                f"{array[array != np.floor(array)][0]}. For rows of probabilities use categorical_crossentropy, "
                "for numbers to predict a regression loss such as mean_squared_error"
            )
        if array.size and array.dtype.itemsize > 2 and not (array.min() >= -(2**31) and array.max() < 2**31):
            _outside(array, shape[-1], op)
        labels = from_array(array, "int32")
    expected, got = shape[:-1], labels.shape
    if got != expected and got != (*expected, 1):
        hint = (
            "For one-hot targets use categorical_crossentropy"
            if got == shape
            else "Is the batch axis the first of both?"
        )
        raise ValueError(
            f"{op}: expected target of shape {expected} or {(*expected, 1)} for an output of shape {shape}; got {got}. "
            f"{hint}"
        )
    return labels


def check_labels(labels, classes, op):
    """Raises ValueError for the first of these labels, an array, outside 0 .. classes-1."""
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        _outside(labels, classes, op)


def _outside(labels, classes, op):
    """Raises the error for a label outside 0 .. classes-1."""
    labels = np.asarray(labels)
    wrong = labels[(labels < 0) | (labels >= classes)].flat[0]
    cause = (
        "Do the labels start at 1? Subtract 1, or give the last layer one unit more"
        if wrong == classes
        else "Has the last layer as many units as there are classes?"
    )
    raise ValueError(
        f"{op}: expected labels in 0..{classes - 1} for an output of {classes} classes; got {wrong:g}. {cause}"
    ) from None


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """loss = -log(output[label]): classes as integer labels.

    Shapes: target[...] or [...,1] of integers in 0..K-1, output[...,K], loss[...]. from_logits: output is x, the
    probabilities softmax(x); otherwise they are scaled to a sum of 1. Saved for backward: labels, softmax(x); d
    loss/dx = softmax(x) - onehot. Raises ValueError for shapes that do not fit and labels outside the range,
    TypeError for labels that are not whole.

    axis: the axis or axes.

    >>> round(cygrad.ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).item(), 3)
    0.693
    """
    op = "sparse_categorical_crossentropy"
    p = as_float(output, op, "output")
    if not p.shape:
        raise ValueError(f"{op}: expected an axis of classes in output; got shape ()")
    if axis != -1:
        if isinstance(target, Tensor) or np.ndim(target):
            sizes = np.shape(target)
            if len(sizes) == len(p.shape) and sizes[axis] == 1:
                target = squeeze(target, axis)
        p = _to_last(p, axis, op)
    labels = labels_of(target, p.shape, op)
    classes = p.shape[-1]
    M = p.size // classes if classes else 0
    x = p if from_logits else p.logits if p.logits_of == "softmax" else None
    if x is None:
        check_labels(np.asarray(labels), classes, op)
        t = empty(p.shape)
        K.one_hot(t, labels, M, classes)
        return _of_probabilities(t, p)
    loss = empty(p.shape[:-1])
    p, saved = _softmax_memory(x, p, from_logits)
    try:
        K.sparse_softmax_cross_entropy_forward(loss, p if saved else None, x, labels, M, classes)
    except IndexError:
        _outside(labels, classes, op)

    def backward(dloss):
        dx = gradient_like(x)
        K.sparse_softmax_cross_entropy_backward(dx, dloss, p, labels, M, classes)
        return dx

    return record(loss, (x,), backward)
