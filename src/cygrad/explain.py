"""Why a model says what it says: which parts of an input its answer depends on.

Four ways, from the cheapest to the dearest: the gradient of the answer (saliency), gradients along a path (integrated
gradients), what the last convolution saw weighted by its gradient (Grad-CAM), and hiding parts of the input
(occlusion). All look at one score for each sample: output `target` of the model. Gradients are taken of what goes into
a last softmax or sigmoid, for behind it a sure answer has none; occlusion looks at the output itself.
"""

import numpy as np

from . import ops
from ._tensor import GradientTape
from .layers import InputLayer
from .models import Functional, Model, Sequential

__all__ = ["grad_cam", "integrated_gradients", "occlusion", "saliency"]

PATCHES = 256  # pictures with something hidden that are predicted at a time


def saliency(model, x, target=None):
    """|d score / d x|: how much the score changes with each value (Simonyan, Vedaldi and Zisserman, 2014,
    arXiv:1312.6034).

    x: samples, floats. target: which output is the score, one for all samples or one for each; None: each sample's
    largest output. The result has the shape of x. ValueError for outputs that are not [N,K], for a target outside
    0..K-1 and for x that is not floats.

    >>> model = cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(2, use_bias=False)])
    >>> model.set_weights([np.array([[1.0, 0.0], [0.0, 2.0], [0.0, -3.0]])])
    >>> cygrad.explain.saliency(model, np.ones((1, 3)), target=1).tolist()
    [[0.0, 2.0, 3.0]]
    """
    x = _samples("saliency", x)
    return np.abs(_gradient("saliency", model, x, _targets("saliency", model, x, target)))


def integrated_gradients(model, x, target=None, baseline=0.0, steps=64):
    """(x - b) times the mean of d score / d x on the way from b to x: what each value adds to the score (Sundararajan,
    Taly and Yan, 2017, arXiv:1703.01365).

    Over a sample they sum to score(x) - score(b), up to the error of a mean of `steps` gradients in the middles of the
    way's parts. baseline b: a number, or an array of one sample's or of x's shape that stands for "nothing". x, target,
    the result and errors: see saliency.

    >>> model = cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(2, use_bias=False)])
    >>> model.set_weights([np.array([[1.0, 0.0], [0.0, 2.0], [0.0, -3.0]])])
    >>> cygrad.explain.integrated_gradients(model, np.array([[5.0, 1.0, 1.0]]), target=1).tolist()
    [[0.0, 2.0, -3.0]]
    """
    op = "integrated_gradients"
    x = _samples(op, x)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"{op}: steps must be an integer of at least 1; got {steps!r}")
    start = np.asarray(baseline, np.float32)
    if start.shape not in ((), x.shape[1:], x.shape):
        raise ValueError(f"{op}: baseline must be a number or have shape {x.shape[1:]} or {x.shape}; got {start.shape}")
    target = _targets(op, model, x, target)
    total = np.zeros(x.shape)
    for i in range(steps):
        total += _gradient(op, model, (start + (x - start) * ((i + 0.5) / steps)).astype(np.float32), target)
    return ((x - start) * total / steps).astype(np.float32)


def grad_cam(model, x, target=None, layer_name=None):
    """Where a convolution saw what speaks for the score: relu(sum_c w_c A_c), w_c = mean over places of d score / d A_c
    (Selvaraju et al., 2017, arXiv:1610.02391).

    A [N,h,w,C] is the output of the layer called layer_name; None: the last layer with such an output. The result
    [N,H,W] has the size of the pictures x [N,H,W,...], by bilinear resizing, and runs from 0 to 1 in each of them (all
    0 where nothing speaks for the score). Model: a Sequential, or one made of inputs and outputs. x, target and errors:
    see saliency; ValueError also where there is no such layer.
    """
    op = "grad_cam"
    x = _samples(op, x)
    if x.ndim != 4:
        raise ValueError(f"{op}: x must be pictures [N,H,W,C]; got shape {x.shape}")
    target = _targets(op, model, x, target)
    layer = _convolution(op, model, layer_name)
    inside = Model(model.inputs, [layer.output, model.outputs[0]])
    with GradientTape() as tape:
        tensor = ops.convert_to_tensor(x)
        tape.watch(tensor)  # so that the way from x is recorded even where all weights are frozen
        features, y = inside(tensor, training=False)
        score = _score(op, y, target)
    weights = np.mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
    maps = np.maximum(np.sum(weights * features.numpy(), axis=-1, keepdims=True), 0)
    maps = np.asarray(ops.image.resize(maps, x.shape[1:3], interpolation="bilinear"))[..., 0]
    return maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


def occlusion(model, x, target=None, size=8, stride=None, value=0.0):
    """How much the output falls when a square of the picture is hidden (Zeiler and Fergus, 2014, arXiv:1311.2901).

    Squares of size x size pixels, every `stride` (size // 2 where None), are set to `value` in turn. The result [N,H,W]
    is output(x) - output(x with the square hidden), averaged over the squares that hide a pixel: positive where the
    model needs what is there. Any model with predict. x: pictures [N,H,W,...]; target and errors: see saliency.
    """
    op = "occlusion"
    x = _samples(op, x)
    if x.ndim < 3:
        raise ValueError(f"{op}: x must be pictures [N,H,W,...]; got shape {x.shape}")
    n, height, width = x.shape[:3]
    stride = max(1, size // 2) if stride is None else stride
    for name, given in (("size", size), ("stride", stride)):
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise ValueError(f"{op}: {name} must be an integer of at least 1; got {given!r}")
    target = _targets(op, model, x, target)

    def score(pictures, which):
        return _table(op, model.predict(pictures, verbose=0))[np.arange(len(which)), target[which]]

    whole = score(x, np.arange(n))
    tops, lefts = (range(0, max(1, extent - size + stride), stride) for extent in (height, width))
    squares = [(i, top, left) for i in range(n) for top in tops for left in lefts]
    falls, counts = np.zeros((n, height, width)), np.zeros((n, height, width))
    for first in range(0, len(squares), PATCHES):
        some = squares[first : first + PATCHES]
        which = np.array([i for i, _, _ in some])
        hidden = x[which]
        for picture, (_, top, left) in zip(hidden, some):
            picture[top : top + size, left : left + size] = value
        for (i, top, left), after in zip(some, score(hidden, which)):
            falls[i, top : top + size, left : left + size] += whole[i] - after
            counts[i, top : top + size, left : left + size] += 1
    return (falls / np.maximum(counts, 1)).astype(np.float32)


# ---- the score ----


def _samples(op, x):
    x = np.asarray(x)
    if x.dtype.kind not in "fiu" or x.ndim < 2 or not len(x):
        raise ValueError(f"{op}: x must be numbers, samples along the first axis; got {x.dtype} of shape {x.shape}")
    return x.astype(np.float32)


def _table(op, y):
    if isinstance(y, (list, tuple, dict)) or y.ndim != 2:
        got = f"shape {y.shape}" if hasattr(y, "shape") else f"{len(y)} outputs"
        raise ValueError(f"{op}: the model must have one output of shape [N,K], a score for each of K; got {got}")
    return y


def _targets(op, model, x, target):
    """An output for each sample."""
    if target is None:
        return _table(op, model.predict(x, verbose=0)).argmax(1)
    outputs = _table(op, model.predict(x[:1], verbose=0)).shape[1]
    found = np.broadcast_to(np.asarray(target), len(x)) if np.ndim(target) == 0 else np.asarray(target)
    if found.dtype.kind not in "iu" or found.shape != (len(x),) or found.min() < 0 or found.max() >= outputs:
        raise ValueError(
            f"{op}: target must be one of the outputs 0..{outputs - 1}, one for all or one for each of the {len(x)} "
            f"samples; got {target!r:.80}"
        )
    return found


def _score(op, y, target):
    """The sum over samples of the output that each asks for, before a last softmax or sigmoid."""
    logits = y.logits if y.logits_of in ("softmax", "sigmoid") else y
    return ops.sum(_table(op, logits) * ops.one_hot(target, logits.shape[1]))


def _gradient(op, model, x, target):
    tensor = ops.convert_to_tensor(x)
    with GradientTape() as tape:
        tape.watch(tensor)
        score = _score(op, model(tensor, training=False), target)
    gradient = tape.gradient(score, tensor)
    if gradient is None:
        raise ValueError(f'{op}: the output of "{model.name}" does not depend on x by way of gradients')
    return np.asarray(gradient)


def _convolution(op, model, name):
    """The layer of that name; else the last one whose output is [N,h,w,C]."""
    if not isinstance(model, (Functional, Sequential)) or not model.built:
        raise ValueError(f'{op}: "{model.name}" must be a Sequential that is built, or made of inputs and outputs')
    if name is not None:
        layer = model.get_layer(name)
        if len(layer.output.shape) != 4:
            raise ValueError(f"{op}: layer {name!r} has output {layer.output.shape}; expected [N,h,w,C]")
        return layer
    found = [m for m in model.layers if not isinstance(m, InputLayer) and len(getattr(m.output, "shape", ())) == 4]
    if not found:
        raise ValueError(f'{op}: no layer of "{model.name}" has an output [N,h,w,C]')
    return found[-1]
