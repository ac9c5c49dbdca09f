"""What a call of a layer checks, and the errors that say what is wrong and the likely cause."""

import math

import numpy as np

from .._tensor import Tensor
from .structure import flatten


def check_input(layer, x):
    """Raises TypeError or ValueError where the layer's input_spec, one or a list of them, does not accept x."""
    specs, values = layer.input_spec, x
    if not isinstance(specs, (list, tuple)):
        specs, values = [specs], [x]
    elif not isinstance(x, (list, tuple)):
        values = [x]
    for spec, value in zip(specs, values):
        shape = getattr(value, "shape", None)
        if shape is None:
            if spec.optional and value is None:
                continue
            raise TypeError(f"{layer._title()}: expected a tensor or an array; got {type(value).__name__}")
        if not spec.accepts(shape):
            built = ", as built" if layer.built and (spec.axes or spec.shape) else ""
            raise ValueError(
                f"{layer._title()}: expected {spec.describe(layer._letters)}{built}; got shape {shape}."
                f"{_likely_cause(spec, shape)}"
            )


def _likely_cause(spec, shape):
    """The usual reason why a shape does not fit, as a question."""
    rank = spec.ndim or spec.min_ndim
    channels = spec.axes.get(-1)
    if rank is not None and len(shape) == rank - 1:
        images = spec.ndim == 4 and channels is None and shape[-1:] > (4,)  # 28 is no number of channels
        if spec.accepts((None, *shape)) and not images and shape[:1] != (None,):  # a symbol has its batch axis
            return " Is the batch axis missing?"
        if rank == 3:
            return (
                " Is return_sequences=True missing in a recurrent layer before it, or x[..., None], "
                "where a step is one number?"
            )
        if spec.accepts((*shape, 1)):
            return " Is the axis of channels missing? x[..., None] adds it."
    if channels is None or len(shape) < 2 or None in shape[1:]:
        return ""
    if len(shape) == spec.ndim == 4 and shape[1] == channels:
        return " Do the channels come first? numpy.moveaxis(x, 1, -1) puts them last."
    if len(shape) > 2 and spec.ndim is None and math.prod(shape[1:]) == channels:
        return " Is a Flatten layer missing before it?"
    if shape[0] == channels and len(shape) == 2:
        return " Is x transposed?"
    return ""


def misfit_cause(shape, expected):
    """The usual reason why an array of that shape does not fit the expected one, both with the batch axis."""
    sizes = expected[1:]
    if shape == sizes:
        return " Is the batch axis missing? x[None] adds it."
    if len(shape) == len(expected) and None not in sizes and sorted(shape[1:]) == sorted(sizes):
        return " Are the axes in another order? Channels come last (numpy.moveaxis)."
    if len(expected) == 2 and math.prod(shape[1:]) == expected[1]:
        return f" x.reshape(len(x), {expected[1]}) flattens the samples."
    if len(shape) == 2 and None not in sizes and shape[1] == math.prod(sizes):
        return f" x.reshape(-1, {','.join(map(str, sizes))}) restores the axes."
    if len(expected) != 4 or len(shape) not in (3, 4):
        return ""
    size, channels = shape[1:3], 1 if len(shape) == 3 else shape[3]
    if any(s is not None and s != given for s, given in zip(sizes, size)):
        pictures = channels == sizes[2] and len(shape) == 4
        return " Are the pictures of another size? target_size= resizes files, layers.Resizing arrays." * pictures
    if channels == 1 and sizes[2] == 3:
        last = "" if len(shape) == 4 else "[..., None]"
        return (
            f" Are the pictures grey? numpy.repeat(x{last}, 3, -1) makes three channels; color_mode='rgb' reads three."
        )
    if channels in (3, 4) and sizes[2] == 1:
        return " Are the pictures in colour? x.mean(-1, keepdims=True) is their grey; color_mode='grayscale' reads it."
    return ""


def check_numerics(layer, what, values):
    """Raises FloatingPointError for NaN or infinity in the layer's "input" or "output"."""
    for leaf in flatten(values):
        if not isinstance(leaf, Tensor) or leaf.dtype not in ("float32", "float64"):
            continue
        array = np.asarray(leaf)
        if np.isfinite(array).all():
            continue
        cause = ""
        if what == "output":
            bad = [w.path for w in layer.weights if not np.isfinite(np.asarray(w)).all()]
            cause = f"; so have its weights {', '.join(bad)}" if bad else "; its input and its weights are finite"
        raise FloatingPointError(
            f"{layer._title()}: its {what} has {int(np.isnan(array).sum())} NaN "
            f"and {int(np.isinf(array).sum())} infinite among {array.size} values, shape {array.shape}{cause}"
        )
