"""Layers that bring data into the range that a network wants."""

import numpy as np

from .. import ops
from .arguments import channels_last, choice, flag, positive
from .layer import InputSpec, Layer


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


class Normalization(Layer):
    """y = (x - mean) / sqrt(variance), of each place along axis; invert: y = x sqrt(variance) + mean.

    axis: the axis or axes along which means are kept apart (-1: one a feature), None for a single mean. mean, variance:
    given, or found by adapt(data), which keeps them as weights. Where the deviation is below 1e-7, that divides. Raises
    ValueError where only one of mean and variance is given, or their shapes do not fit.

    >>> layer = cygrad.layers.Normalization()
    >>> layer.adapt(np.array([[0.0, 5.0], [2.0, 9.0]]))
    >>> layer(np.array([[1.0, 9.0]])).numpy().tolist()
    [[0.0, 1.0]]
    """

    _leaf = True
    _unsaved = ("mean", "variance")

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert, self.supports_masking = flag(self, "invert", invert), True
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization: give both mean and variance, or neither; got {mean!r} and {variance!r}")
        if mean is not None and (np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis)):
            raise ValueError(
                f"Normalization: mean and variance must have one shape, of at most {len(self.axis)} axes; "
                f"got shapes {np.shape(mean)} and {np.shape(variance)}"
            )
        self.input_mean, self.input_variance = (None if v is None else np.asarray(v).tolist() for v in (mean, variance))
        self.adapt_mean = self.adapt_variance = self.count = None

    def build(self, input_shape):
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(f"{self._title()}: axis {self.axis} does not exist in shape {tuple(input_shape)}")
        kept = sorted(a % rank for a in self.axis)
        if any(input_shape[a] is None for a in kept):
            raise ValueError(f"{self._title()}: axis {self.axis} needs a known size; got shape {tuple(input_shape)}")
        self._kept = tuple(kept)
        self._broadcast = tuple([n if a in kept else 1 for a, n in enumerate(input_shape)])
        if self.input_mean is None:
            shape = tuple([input_shape[a] for a in kept])
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)
            return
        aligned = [1] * rank  # given values belong to the last of the kept axes
        for i, n in enumerate(np.shape(self.input_mean)[::-1], start=1):
            aligned[kept[-i]] = n
        self._given = []
        for value in (self.input_mean, self.input_variance):
            try:
                value = np.broadcast_to(np.float32(value).reshape(aligned), self._broadcast)
            except ValueError:
                raise ValueError(
                    f"{self._title()}: mean and variance of shape {np.shape(self.input_mean)} do not fit inputs of "
                    f"shape {tuple(input_shape)} with axis {self.axis}"
                ) from None
            self._given.append(ops.convert_to_tensor(value))

    def adapt(self, data):
        """Finds mean and variance of data: an array with a batch axis, or an iterable of such batches."""
        if self.input_mean is not None:
            raise ValueError(f"{self._title()}: mean and variance were given; adapt has nothing to find")
        whole = hasattr(data, "shape") and hasattr(data, "__array__")
        n, mean, variance = 0, 0.0, 0.0
        for batch in [data] if whole else data:
            batch = np.asarray(batch[0] if isinstance(batch, (list, tuple)) else batch, np.float64)
            if not self.built:
                self.build((None, *batch.shape[1:]))
            axes = tuple([a for a in range(batch.ndim) if a not in self._kept])
            sizes = tuple([m if a in self._kept else 1 for a, m in enumerate(batch.shape)])
            if sizes != self._broadcast:
                raise ValueError(
                    f"{self._title()}: built for sizes {self._broadcast} along axis {self.axis}; "
                    f"got data of shape {batch.shape}"
                )
            m = batch.size // max(1, np.prod(sizes, dtype=int))
            if not m:
                continue
            share, found = m / (n + m), batch.mean(axes)  # by batches, as Chan, Golub and LeVeque (1979) combine them
            variance = (1 - share) * variance + share * batch.var(axes) + share * (1 - share) * (found - mean) ** 2
            mean, n = mean + share * (found - mean), n + m
        if not n:
            raise ValueError(f"{self._title()}: adapt got no data")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    @property
    def mean(self):
        """What is subtracted, in a shape that broadcasts over inputs; None before the layer is built."""
        return self._value(self.adapt_mean, 0)

    @property
    def variance(self):
        """The square of what divides, likewise."""
        return self._value(self.adapt_variance, 1)

    def _value(self, weight, i):
        if not self.built:
            return None
        return self._given[i] if weight is None else ops.reshape(weight, self._broadcast)

    def call(self, inputs):
        deviation = ops.maximum(ops.sqrt(self.variance), 1e-7)
        if self.invert:
            return ops.add(ops.multiply(inputs, deviation), self.mean)
        return ops.divide(ops.subtract(inputs, self.mean), deviation)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "mean": self.input_mean, "variance": self.input_variance}


class CenterCrop(Layer):
    """The middle height x width of images; smaller ones are enlarged to that size, cut to its aspect ratio.

    Shapes: x[N,H,W,C] or [H,W,C], y[N,height,width,C], float32.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.CenterCrop(2, 3)(np.zeros((1, 5, 5, 3))).shape
    (1, 2, 3, 3)
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = positive(self, "height", height), positive(self, "width", width)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    @staticmethod
    def cut(x, height, width):
        """The middle of images x."""
        H, W = x.shape[-3:-1]
        if height > H or width > W:
            return ops.image.resize(x, (height, width), crop_to_aspect_ratio=True)
        top, left = (H - height) // 2, (W - width) // 2
        return x[..., top : top + height, left : left + width, :]

    def call(self, inputs):
        return self.cut(ops.cast(inputs, None), self.height, self.width)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])


class Resizing(Layer):
    """Images in another size, as ops.image.resize makes it.

    Shapes: x[N,H,W,C] or [H,W,C], y[N,height,width,C]. interpolation: "bilinear", "nearest". crop_to_aspect_ratio cuts
    the sides that are too long, pad_to_aspect_ratio adds fill_value to those that are too short; otherwise the aspect
    ratio changes. Integers stay integers. antialias is not supported.

    fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap". data_format: None or "channels_last", the
    only one.

    >>> cygrad.layers.Resizing(4, 6)(np.zeros((1, 5, 5, 3))).shape
    (1, 4, 6, 3)
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(
        self,
        height,
        width,
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=False,
        fill_mode="constant",
        fill_value=0.0,
        antialias=False,
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.height, self.width = positive(self, "height", height), positive(self, "width", width)
        self.interpolation = choice(self, "interpolation", interpolation, ("bilinear", "nearest"))
        self.crop_to_aspect_ratio = flag(self, "crop_to_aspect_ratio", crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = flag(self, "pad_to_aspect_ratio", pad_to_aspect_ratio)
        self.fill_mode = choice(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = float(fill_value)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True")
        if antialias:
            raise ValueError("Resizing: antialias is not supported; expected False")
        self.antialias = False
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    def call(self, inputs):
        return ops.image.resize(
            inputs,
            (self.height, self.width),
            self.interpolation,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_value=self.fill_value,
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])
