"""Activations as layers, for those with arguments or weights. (Activation, for any function, is in core.)"""

import math

from .. import activations, ops
from .layer import InputSpec, Layer


class _Elementwise(Layer):
    """A layer whose output has its input's shape."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def _number(self, argument, value, least=0.0, optional=False):
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < least:
            raise ValueError(f"{type(self).__name__}: {argument} must be a number of at least {least:g}; got {value!r}")
        return value


class ReLU(_Elementwise):
    """max(x, 0) by default; in general x (at most max_value) from threshold on, below negative_slope * (x - threshold).

    >>> cygrad.layers.ReLU(max_value=6.0)(np.array([-1.0, 9.0])).numpy().tolist()
    [0.0, 6.0]
    """

    _leaf = True

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value = self._number("max_value", max_value, optional=True)
        self.negative_slope = self._number("negative_slope", negative_slope)
        self.threshold = self._number("threshold", threshold)

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Elementwise):
    """x where x >= 0, else negative_slope * x.

    >>> cygrad.layers.LeakyReLU(0.5)(np.array([-2.0, 1.0])).numpy().tolist()
    [-1.0, 1.0]
    """

    _leaf = True

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(**kwargs)
        self.negative_slope = self._number("negative_slope", negative_slope)

    def call(self, inputs):
        return ops.leaky_relu(inputs, self.negative_slope)


class ELU(_Elementwise):
    """x where x > 0, else alpha * expm1(x). (Clevert et al. 2016)

    >>> cygrad.layers.ELU()(np.array([0.0, 1.0])).numpy().tolist()
    [0.0, 1.0]
    """

    _leaf = True

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = self._number("alpha", alpha)

    def call(self, inputs):
        return ops.elu(inputs, self.alpha)


class PReLU(_Elementwise):
    """max(x, 0) + alpha * min(x, 0), alpha learned. (He et al. 2015)

    Shapes: x[N,...], alpha with x's shape but the batch axis; 1 along shared_axes ([1, 2] for images: one alpha a
    channel).

    alpha_regularizer: penalties on them (regularizers). alpha_constraint: what holds after each step (constraints).

    >>> layer = cygrad.layers.PReLU(alpha_initializer="ones", shared_axes=[1, 2])
    >>> layer([[[[-2.0, 0.0, 3.0]]]]).numpy().tolist(), layer.alpha.shape
    ([[[[-2.0, 0.0, 3.0]]]], (1, 1, 3))
    """

    _leaf = True

    def __init__(
        self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs
    ):
        super().__init__(**kwargs)
        self._keep_weight("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        if axes is not None and not all(isinstance(a, int) and a >= 1 for a in axes):
            raise ValueError(f"PReLU: shared_axes must hold axes from 1 on, 0 being the batch's; got {shared_axes!r}")
        self.shared_axes = None if axes is None else list(axes)
        self.alpha = None

    def build(self, input_shape):
        shape = list(input_shape[1:])
        for axis in self.shared_axes or []:
            if axis > len(shape):
                raise ValueError(
                    f"{self._title()}: shared_axes has {axis}, but the input has shape {tuple(input_shape)}"
                )
            shape[axis - 1] = 1
        self.alpha = self._make_weight("alpha", shape)
        fixed = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in (self.shared_axes or [])}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)

    def call(self, inputs):
        return ops.subtract(ops.relu(inputs), ops.multiply(self.alpha, ops.relu(ops.negative(inputs))))


class Softmax(_Elementwise):
    """exp(x) / sum exp(x) along axis, one or several. mask: where it is False, the result is 0.

    >>> cygrad.layers.Softmax()(np.array([[0.0, 0.0]])).numpy().tolist()
    [[0.5, 0.5]]
    """

    _leaf = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, inputs, mask=None):
        if mask is not None:
            inputs = ops.where(mask, inputs, -3e38)  # the least float32, nearly: exp gives 0, and a row of it no NaN
        if not isinstance(self.axis, list):
            return ops.softmax(inputs, axis=self.axis)
        shifted = ops.subtract(inputs, ops.stop_gradient(ops.max(inputs, axis=self.axis, keepdims=True)))
        exponentials = ops.exp(shifted)
        return ops.divide(exponentials, ops.sum(exponentials, axis=self.axis, keepdims=True))
