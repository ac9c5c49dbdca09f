"""Weights from PyTorch, by an explicit map of names, with their axes turned into the order that layers have here."""

import os
from collections import Counter

import numpy as np

from ..layers import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D
from .container import File
from .serialization import named_weights

COUNTERS = "num_batches_tracked"  # of batch normalization in PyTorch; nothing here needs them


def load_pytorch_weights(model, source, names, flattened=None, strict=True):
    """Fills a model with weights that PyTorch trained.

    source: a `.safetensors` file of a state dict, or the dict itself, {name: tensor or array}. names: {name in source:
    "layer/variable"}, the latter as save_weights names them. Axes are turned: kernels of convolutions from [F,C,R,S] to
    [R,S,C,F] (depthwise ones from [C*M,1,R,S]), of Dense from [F,C] to [C,F]; all else has one shape in both.
    flattened: {"layer/kernel": (C, H, W)} of a Dense on flattened features, which PyTorch flattens by channels and
    cygrad by pixels.

    strict: both sides must be complete, but for num_batches_tracked; otherwise what names does not say stays as it is.
    ValueError names what is missing, unknown or of another shape; nothing is changed then. Pickles (`.pt`, `.pth`) can
    run anything and are not read; safetensors.torch.save_file(module.state_dict(), path) writes what is.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1, name="head")])
    >>> state = {"fc.weight": np.array([[1.0, 2.0]]), "fc.bias": np.array([3.0])}
    >>> names = {"fc.weight": "head/kernel", "fc.bias": "head/bias"}
    >>> cygrad.saving.load_pytorch_weights(model, state, names)
    >>> model.predict(np.array([[1.0, 10.0]]), verbose=0).tolist()
    [[24.0]]
    """
    state = File(source) if isinstance(source, (str, os.PathLike)) else _Arrays(source)
    targets = named_weights(model)
    layouts = _layouts(model, targets, flattened or {})
    problems = [
        f"{what} {', '.join(map(repr, found[:5]))}{', ...' if len(found) > 5 else ''}"
        for what, found in (
            ("not in the model", [n for n in (*names.values(), *(flattened or ())) if n not in targets]),
            ("not in the source", [n for n in names if n not in state.shapes]),
            ("named twice", [n for n, count in Counter(names.values()).items() if count > 1]),
            ("no name for", [n for n in state.shapes if strict and n not in names and not n.endswith(COUNTERS)]),
            ("no source for", [n for n in targets if strict and n not in names.values()]),
        )
        if found
    ]
    if not problems:
        problems = [
            f"{theirs!r} has shape {state.shapes[theirs]}, expected {layouts[ours][0]} for {ours!r}"
            for theirs, ours in names.items()
            if state.shapes[theirs] != layouts[ours][0]
        ]
    if problems:
        raise ValueError(
            f'load_pytorch_weights: {state.name} does not fit model "{model.name}": {"; ".join(problems[:5])}'
        )
    for theirs, array in state.tensors():
        if theirs in names:
            ours = names[theirs]
            np.copyto(np.asarray(targets[ours]), layouts[ours][1](array), casting="same_kind")


class _Arrays:
    """A state dict with File's methods."""

    name = "the state dict"

    def __init__(self, state):
        self._arrays = {
            name: np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
            for name, value in state.items()
        }
        self.shapes = {name: array.shape for name, array in self._arrays.items()}

    def tensors(self):
        return self._arrays.items()


def _layouts(model, targets, flattened):
    """{"layer/variable": (shape in PyTorch, function from there to the shape here)}."""
    layers = {id(v): layer for layer, parts in model._walk() for v in parts.trainable + parts.fixed}
    return {name: _layout(layers[id(variable)], variable, flattened.get(name)) for name, variable in targets.items()}


def _layout(layer, variable, features):
    shape = variable.shape
    if variable.name != "kernel":
        return shape, np.asarray
    if isinstance(layer, DepthwiseConv2D):
        rows, columns, channels, multiplier = shape
        return (channels * multiplier, 1, rows, columns), lambda a: a.transpose(2, 3, 0, 1).reshape(shape)
    if isinstance(layer, (Conv1D, Conv2D, Conv1DTranspose, Conv2DTranspose)):
        return (shape[-1], shape[-2], *shape[:-2]), lambda a: np.moveaxis(a, (0, 1), (-1, -2))
    if not isinstance(layer, Dense):
        return shape, np.asarray
    if features is None:
        return shape[::-1], np.transpose
    units = shape[-1]
    return shape[::-1], lambda a: a.reshape(units, *features).transpose(2, 3, 1, 0).reshape(shape)
