"""Layers that bring data into the range that a network wants."""

import numpy as np

from .. import ops
from .layer import Layer


class Rescaling(Layer):
    """y = scale * x + offset; scale and offset are numbers, or one number a channel.

    Rescaling(1 / 255) brings bytes to [0, 1]. Integer input (uint8 images) is fine; y is float.

    >>> cygrad.layers.Rescaling(1 / 127.5, offset=-1)(np.array([[0, 255]], np.uint8)).numpy().tolist()
    [[-1.0, 1.0]]
    """

    _leaf = True

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)

    def call(self, inputs):
        return ops.add(ops.multiply(inputs, self.scale), self.offset)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _numbers(argument, value):
    """A number or a list of numbers."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None or not np.isfinite(array).all():
        raise ValueError(f"Rescaling: {argument} must be a number, or one a channel; got {value!r}")
    return array.tolist()
