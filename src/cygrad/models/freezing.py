"""freeze: a model for inference, of fewer layers, whose outputs are the original's within rounding.

A batch normalization at inference is a line for each channel, factor * y + shift, and a convolution or dense layer
before it can hold that itself: kernel * factor and bias * factor + shift, computed in float64. Captured predictions run
the two as one kernel anyway, without changing a bit (cygrad/_fusion.py); a frozen model has fewer weights and smaller
files besides, and is as fast op by op.
"""

from collections import Counter

import numpy as np

from .. import activations
from ..layers.convolutional import Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from ..layers.convolutional_transpose import Conv1DTranspose, Conv2DTranspose
from ..layers.core import Dense
from ..layers.normalization import BatchNormalization
from ..layers.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from ..layers.symbolic import KerasTensor
from .functional import Functional
from .graph import pack_like
from .sequential import Sequential

# what can hold a batch normalization: its kernel before the bias, and the axes of that kernel that the filters are
KERNELS = {
    **dict.fromkeys((Dense, Conv1D, Conv2D), ("kernel", (-1,))),
    **dict.fromkeys((DepthwiseConv1D, DepthwiseConv2D), ("kernel", (-2, -1))),
    **dict.fromkeys((SeparableConv1D, SeparableConv2D), ("pointwise_kernel", (-1,))),
    **dict.fromkeys((Conv1DTranspose, Conv2DTranspose), ("kernel", (-2,))),
}
NOISE = (AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D)


def freeze(model):
    """See Model.freeze."""
    if isinstance(model, Sequential) and type(model).call is Sequential.call:
        if not model._symbols:
            raise ValueError(f"freeze: {model._title()} is not built; call it, or add an Input first")
        return _freeze_sequential(model)
    if isinstance(model, Functional) and type(model).call is Functional.call:
        return _freeze_functional(model)
    raise ValueError(
        f"freeze: expected a Sequential or functional model, whose layers say what follows what; {model._title()} is "
        f"a {type(model).__name__}, whose call is code that nobody can read. Write it as Model(inputs, outputs), or "
        "freeze the models inside"
    )


# ---- what may go, and what takes it in ----


def _is_noise(layer):
    return type(layer) in NOISE


def _holds(layer, normalization):
    """Can the layer hold the batch normalization of its output?"""
    return (
        type(layer) in KERNELS
        and layer.activation is activations.linear
        and type(normalization) is BatchNormalization
        and normalization.axis % normalization.input_spec.ndim == normalization.input_spec.ndim - 1
    )


def _without_weights(layer):
    """A layer to hold the normalization too: of the same configuration and name, with a bias."""
    config = layer.get_config() | {"use_bias": True}
    training = [name for name in config if name.endswith(("_regularizer", "_constraint"))]
    return type(layer).from_config(config | dict.fromkeys(training))


def _fold(new, layer, normalization):
    """new's weights from those of the two."""
    mean, variance, gamma, beta = (
        None if v is None else np.asarray(v, "float64")
        for v in (normalization.moving_mean, normalization.moving_variance, normalization.gamma, normalization.beta)
    )
    factor = (1.0 if gamma is None else gamma) / np.sqrt(variance + normalization.epsilon)
    bias = 0.0 if layer.bias is None else np.asarray(layer.bias, "float64")
    new.bias.assign((bias - mean) * factor + (0.0 if beta is None else beta))
    name, axes = KERNELS[type(layer)]
    kernel = getattr(layer, name)
    shape = [size if axis - len(kernel.shape) in axes else 1 for axis, size in enumerate(kernel.shape)]
    getattr(new, name).assign(np.asarray(kernel, "float64") * factor.reshape(shape))
    if name == "pointwise_kernel":
        new.depthwise_kernel.assign(layer.depthwise_kernel)


# ---- models ----


def _freeze_sequential(model):
    kept, folds = [], []
    for layer in model.layers:
        if _is_noise(layer):
            continue
        if kept and _holds(kept[-1], layer) and not (folds and folds[-1][0] is kept[-1]):
            folds.append((_without_weights(kept[-1]), kept[-1], layer))
            kept[-1] = folds[-1][0]
        else:
            kept.append(freeze(layer) if isinstance(layer, (Sequential, Functional)) else layer)
    frozen = Sequential([model._symbols[0], *kept], name=model.name)
    for fold in folds:
        _fold(*fold)
    return frozen


def _is_plain(args, kwargs):
    """Is it a call on one tensor, without training=True or a mask?"""
    return len(args) == 1 and isinstance(args[0], KerasTensor) and not kwargs


def _find_folds(graph):
    """{id of a layer that holds a batch normalization: that one}: each called once, with noise between them at most,
    and what lies between needed by nobody else."""
    readers = Counter([*(key for call in graph.calls for key in call.inputs), *graph.outputs])
    times = Counter(id(call.layer) for call in graph.calls)
    makers = {key: call for call in graph.calls for key in call.outputs}
    folds = {}
    for call in graph.calls:
        before = call
        while before is not None and _is_plain(before.node.args, before.node.kwargs) and times[id(before.layer)] == 1:
            if before is not call and not _is_noise(before.layer):
                break
            key = before.inputs[0]
            before = makers.get(key) if readers[key] == 1 else None
        else:
            continue
        if _holds(before.layer, call.layer):
            folds[id(before.layer)] = call.layer
    return folds


def _freeze_functional(model):
    folds, made = _find_folds(model._graph), {}
    folded = {id(layer) for layer in folds.values()}

    def call(layer, args, kwargs):
        plain = _is_plain(args, kwargs)
        if id(layer) in folded or (plain and _is_noise(layer)):
            return args[0]
        if id(layer) in folds:
            new = _without_weights(layer)
            y = new(*args)
            _fold(new, layer, folds[id(layer)])
            return y
        if isinstance(layer, (Sequential, Functional)) and plain:
            if id(layer) not in made:
                made[id(layer)] = freeze(layer)
            layer = made[id(layer)]
        return layer(*args, **kwargs)

    outputs = model._graph.connect(model.inputs, call)
    return Functional(model.input, pack_like(model.output, iter(outputs)), name=model.name)
