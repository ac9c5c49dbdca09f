"""Layers that move values about: Permute, RepeatVector, padding, cropping, upsampling. (Flatten, Reshape: core.)"""

from .. import _lookup, ops
from .arguments import channels_last, numbers, positive
from .layer import InputSpec, Layer


class Permute(Layer):
    """The axes after the batch's in another order: axis i of y is axis dims[i - 1] of x. dims counts from 1.

    >>> cygrad.layers.Permute((2, 1))(np.zeros((4, 2, 3))).shape
    (4, 3, 2)
    """

    _leaf = True

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims) if isinstance(dims, (list, tuple)) else dims
        if not isinstance(self.dims, tuple) or sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must be an order of 1, 2, ... (0 is the batch's axis); got {dims!r}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *[input_shape[d] for d in self.dims])


class RepeatVector(Layer):
    """x[N,C] n times along a new axis of time: y[N,n,C].

    >>> cygrad.layers.RepeatVector(3)(np.zeros((2, 5))).shape
    (2, 3, 5)
    """

    _leaf = True
    _letters = "NC"

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        batch, channels = inputs.shape
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, channels)), (batch, self.n, channels))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])


def _edges(layer, argument, value, n):
    """((before, after), ...) for n axes, from one number, n numbers, or n pairs."""
    axes = value if isinstance(value, (list, tuple)) else (value,) * n
    if len(axes) != n:
        raise ValueError(
            f"{type(layer).__name__}: {argument} must be an integer, {n} of them or {n} pairs; got {value!r}"
        )
    return tuple([numbers(layer, argument, axis, 2, least=0) for axis in axes])


class ZeroPadding2D(Layer):
    """Zeros around an image: x[N,H,W,C] gives y[N,top+H+bottom,left+W+right,C].

    padding: an integer for all sides, (rows, columns), or ((top, bottom), (left, right)).

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.ZeroPadding2D(((1, 0), 2))(np.zeros((1, 4, 4, 3))).shape
    (1, 5, 8, 3)
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = _edges(self, "padding", padding, 2)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)))

    def compute_output_shape(self, input_shape):
        return _grown(input_shape, self.padding)


class ZeroPadding1D(Layer):
    """Zeros before and after: x[N,T,C] gives y[N,before+T+after,C]. padding: an integer or (before, after).

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.ZeroPadding1D((2, 0))(np.zeros((1, 4, 3))).shape
    (1, 6, 3)
    """

    _leaf = True
    _letters = "NTC"

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = numbers(self, "padding", padding, 2, least=0)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return ops.pad(inputs, ((0, 0), self.padding, (0, 0)))

    def compute_output_shape(self, input_shape):
        return _grown(input_shape, (self.padding,))


def _grown(shape, edges, sign=1):
    sizes = [None if s is None else s + sign * sum(e) for s, e in zip(shape[1:], edges)]
    return (shape[0], *sizes, shape[-1])


class _Cropping(Layer):
    def call(self, inputs):
        kept = self._kept(inputs.shape)
        return ops.get_item(inputs, (slice(None), *[slice(start, stop) for start, stop in kept]))

    def _kept(self, shape):
        kept = [(before, size - after) for size, (before, after) in zip(shape[1:], self._crops())]
        if any(stop <= start for start, stop in kept):
            raise ValueError(
                f"{self._title()}: cropping {self.cropping} leaves nothing of an input of shape {tuple(shape)}"
            )
        return kept

    def compute_output_shape(self, input_shape):
        if None not in input_shape[1:-1]:
            self._kept(input_shape)
        return _grown(input_shape, self._crops(), -1)


class Cropping2D(_Cropping):
    """An image without its borders: x[N,H,W,C] gives y[N,H-top-bottom,W-left-right,C].

    cropping: an integer for all sides, (rows, columns), or ((top, bottom), (left, right)).

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.Cropping2D(((1, 0), (0, 2)))(np.zeros((1, 4, 4, 3))).shape
    (1, 3, 2, 3)
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.cropping = _edges(self, "cropping", cropping, 2)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=4)

    def _crops(self):
        return self.cropping


class Cropping1D(_Cropping):
    """x[N,T,C] without its ends: y[N,T-before-after,C]. cropping: an integer or (before, after).

    >>> cygrad.layers.Cropping1D((1, 2))(np.zeros((1, 5, 3))).shape
    (1, 2, 3)
    """

    _leaf = True
    _letters = "NTC"

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.cropping = numbers(self, "cropping", cropping, 2, least=0)
        self.input_spec = InputSpec(ndim=3)

    def _crops(self):
        return (self.cropping,)


class UpSampling2D(Layer):
    """Every row and column several times: x[N,H,W,C] gives y[N,H*size[0],W*size[1],C]. interpolation: "nearest".

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.UpSampling2D((2, 1))(np.array([1.0, 2.0]).reshape(1, 2, 1, 1)).numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = numbers(self, "size", size, 2)
        self.data_format = channels_last(self, data_format)
        if interpolation != "nearest":
            raise _lookup.unknown("UpSampling2D interpolation", interpolation, ("nearest",))
        self.interpolation = interpolation
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        batch, height, width, channels = inputs.shape
        rows, columns = self.size
        apart = ops.reshape(inputs, (batch, height, 1, width, 1, channels))
        repeated = ops.broadcast_to(apart, (batch, height, rows, width, columns, channels))
        return ops.reshape(repeated, (batch, height * rows, width * columns, channels))

    def compute_output_shape(self, input_shape):
        sizes = [None if s is None else s * n for s, n in zip(input_shape[1:3], self.size)]
        return (input_shape[0], *sizes, input_shape[3])


class UpSampling1D(Layer):
    """Every time step several times: x[N,T,C] gives y[N,T*size,C].

    >>> cygrad.layers.UpSampling1D(2)(np.array([1.0, 2.0]).reshape(1, 2, 1)).numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    _leaf = True
    _letters = "NTC"

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = positive(self, "size", size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        batch, steps, channels = inputs.shape
        repeated = ops.broadcast_to(
            ops.reshape(inputs, (batch, steps, 1, channels)), (batch, steps, self.size, channels)
        )
        return ops.reshape(repeated, (batch, steps * self.size, channels))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], None if input_shape[1] is None else input_shape[1] * self.size, input_shape[2])
