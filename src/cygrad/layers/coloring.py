"""Layers that vary the colours of images in training, turn some into greys, or erase a part."""

import numpy as np

from .. import ops, random
from .augmentation import _Augmentation, _listed, _Shading, checked_range, limits
from .layer import InputSpec, Layer

_COLOURED = InputSpec(min_ndim=3, max_ndim=4, axes={-1: 3})


class _Colouring(_Shading):
    """What they share: value_range, and drawing for each image."""

    def _happens(self, x, *probability):
        """Is it done, for each image? The probability is drawn anew for each of them, where it is a range."""
        low, high = probability or self.factor
        return ops.less(self._by_picture(x, 0.0, 1.0), self._by_picture(x, low, high))

    def _bytes(self, x):
        """x with 0 .. 255 in place of value_range, and the way back."""
        low, high = self.value_range
        scale = (high - low) / 255
        return ops.divide(ops.subtract(x, low), scale), lambda y: ops.add(ops.multiply(y, scale), low)


class RandomGrayscale(_Augmentation):
    """In training, turns each image into greys with probability factor: 0.2989 red + 0.587 green + 0.114 blue.

    Shapes: x[N,H,W,3] or [H,W,3], y alike, float32. data_format: None or "channels_last", the only one. seed: an
    integer for the same random numbers each time.

    >>> y = cygrad.layers.RandomGrayscale(1.0)(np.float32([[[10, 0, 0]]]), training=True)
    >>> [round(value, 2) for value in y.numpy().ravel().tolist()]
    [2.99, 2.99, 2.99]
    """

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        limits(self, "factor", factor, 0.0, 1.0)
        self.factor, self.input_spec = factor, _COLOURED

    def _vary(self, x):
        chosen = ops.less(self._draw(x.shape[0], 0.0, 1.0), self.factor)
        return ops.where(ops.reshape(chosen, (-1, 1, 1, 1)), ops.image.rgb_to_grayscale(x), x)


class RandomColorDegeneration(_Colouring):
    """In training, takes each image a part of the way to its greys: x + t (grey(x) - x).

    factor: t, two numbers in [0, 1], or one, f, for 0 .. f. value_range: to which values are clipped. Shapes:
    x[N,H,W,3] or [H,W,3], y alike, float32. data_format: None or "channels_last", the only one. seed: an
    integer for the same random numbers each time.

    >>> cygrad.layers.RandomColorDegeneration(0.5, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, seed, 0.0, data_format=data_format, **kwargs)
        self.input_spec = _COLOURED

    def _vary(self, x):
        part = ops.multiply(self._by_picture(x, *self.factor), ops.subtract(ops.image.rgb_to_grayscale(x), x))
        return ops.clip(ops.add(x, part), *self.value_range)


class RandomSaturation(_Colouring):
    """In training, multiplies each image's saturation by t / (1 - t): 0 gives greys, 1/2 leaves it, 1 the purest.

    factor: t, two numbers in [0, 1], or one, f, for 0 .. f. value_range: of x, from 0. Shapes: x[N,H,W,3] or [H,W,3], y
    alike, float32. data_format: None or "channels_last", the only one. seed: an integer for the same random numbers
    each time.

    >>> y = cygrad.layers.RandomSaturation((0.0, 0.0))(np.float32([[[10, 0, 0]]]), training=True)
    >>> y.numpy().tolist()
    [[[10.0, 10.0, 10.0]]]
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, seed, 0.0, data_format=data_format, **kwargs)
        self.input_spec = _COLOURED

    def _vary(self, x):
        part = self._by_picture(x, *self.factor)
        hue, saturation, value = ops.split(ops.image.rgb_to_hsv(x), 3, -1)
        saturation = ops.multiply(saturation, ops.divide(part, ops.subtract(1 + 1e-7, part)))
        return ops.image.hsv_to_rgb(ops.concatenate([hue, ops.clip(saturation, 0.0, 1.0), value], -1))


class RandomHue(_Colouring):
    """In training, moves each image's hues along the colour circle, forwards or back.

    factor: by how much of half a circle, two numbers in [0, 1], or one, f, for 0 .. f. value_range: of x. Shapes:
    x[N,H,W,3] or [H,W,3], y alike, float32. data_format: None or "channels_last", the only one. seed: an integer for
    the same random numbers each time.

    >>> y = cygrad.layers.RandomHue((1.0, 1.0))(np.float32([[[255, 0, 0]]]), training=True)
    >>> y.numpy().tolist()
    [[[0.0, 255.0, 255.0]]]
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, seed, 0.0, data_format=data_format, **kwargs)
        self.input_spec = _COLOURED

    def _vary(self, x):
        sign = ops.where(ops.greater(self._by_picture(x, 0.0, 1.0), 0.5), -0.5, 0.5)
        y, back = self._bytes(x)
        hue, saturation, value = ops.split(ops.image.rgb_to_hsv(ops.divide(y, 255.0)), 3, -1)
        hue = ops.add(hue, ops.multiply(sign, self._by_picture(x, *self.factor)))  # hsv_to_rgb goes round the circle
        y = ops.image.hsv_to_rgb(ops.concatenate([hue, saturation, value], -1))
        return back(ops.multiply(ops.clip(y, 0.0, 1.0), 255.0))


class AutoContrast(Layer):
    """Stretches each channel of each image to all of value_range, in training or not; one of a single value stays.

    Shapes: x[N,H,W,C] or [H,W,C], y alike, float32.

    >>> cygrad.layers.AutoContrast()(np.float32([[[50], [100], [150]]])).numpy().ravel().tolist()
    [0.0, 127.5, 255.0]
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(**kwargs)
        self.value_range = checked_range(self, value_range)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    def call(self, inputs):
        x, (low, high) = ops.cast(inputs, None), self.value_range
        least, among = ops.min(x, (-3, -2), True), ops.ptp(x, (-3, -2), True)
        y = ops.divide(ops.subtract(x, least), ops.where(ops.equal(among, 0.0), 1.0, among))
        return ops.where(ops.equal(among, 0.0), x, ops.add(ops.multiply(y, high - low), low))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class RandomInvert(_Colouring):
    """In training, turns some images into their negatives: value_range[1] - x.

    factor: the probability, two numbers in [0, 1] between which it is drawn for each image, or one, f, for 0 .. f.
    Shapes: x[N,H,W,C] or [H,W,C], y alike, float32. data_format: None or "channels_last", the only one. seed: an
    integer for the same random numbers each time.

    >>> cygrad.layers.RandomInvert((1.0, 1.0))(np.float32([[[255, 0, 55]]]), training=True).numpy().tolist()
    [[[0.0, 255.0, 200.0]]]
    """

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(factor, value_range, seed, 0.0, data_format=data_format, **kwargs)

    def _vary(self, x):
        return ops.where(self._happens(x), ops.subtract(self.value_range[1], x), x)


class RandomPosterization(_Colouring):
    """In training, keeps so many bits of each colour's 8, so that few shades are left.

    factor: how many bits, two whole numbers in 1 .. 8 of which one below the second is drawn for each image, or one, f,
    for 1 .. f. value_range: of x. Shapes: x[N,H,W,C] or [H,W,C], y alike, float32. data_format: None or
    "channels_last", the only one. seed: an integer for the same random numbers each time.

    >>> cygrad.layers.RandomPosterization((1, 1))(np.float32([[[255, 127, 128]]]), training=True).numpy().tolist()
    [[[128.0, 0.0, 128.0]]]
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, seed, 1, 8, data_format=data_format, **kwargs)

    def _vary(self, x):
        low, high = self.factor
        unit = ops.exp2(ops.subtract(8.0, ops.floor(self._by_picture(x, low, high)) if low < high else float(low)))
        y, back = self._bytes(x)
        return back(ops.multiply(ops.floor(ops.divide(y, unit)), unit))


class Solarization(_Colouring):
    """In training, adds a number to each image's colours of 0 .. 255, and turns what is then at least a threshold into
    its negative.

    addition_factor, threshold_factor: parts of 255, two numbers in [0, 1] between which they are drawn for each image,
    or one, f, for 0 .. f. value_range: of x. Shapes: x[N,H,W,C] or [H,W,C], y alike, float32. seed: an integer for the
    same random numbers each time.

    >>> x = np.float32([[[255, 100, 130]]])
    >>> cygrad.layers.Solarization(0.0, (0.502, 0.502))(x, training=True).numpy().tolist()
    [[[0.0, 100.0, 125.0]]]
    """

    def __init__(self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(0.0, value_range, seed, 0.0, **kwargs)
        self.addition_factor = limits(self, "addition_factor", addition_factor, 0.0, 1.0)
        self.threshold_factor = limits(self, "threshold_factor", threshold_factor, 0.0, 1.0)

    def _vary(self, x):
        added, threshold = (
            self._by_picture(x, 255 * low, 255 * high) for low, high in (self.addition_factor, self.threshold_factor)
        )
        y, back = self._bytes(x)
        y = ops.clip(ops.add(y, added), 0.0, 255.0)
        return back(ops.where(ops.less(y, threshold), y, ops.subtract(255.0, y)))


class RandomErasing(_Colouring):
    """In training, fills a rectangle of some images. (Zhong et al. 2017)

    factor: the probability, two numbers in [0, 1] between which it is drawn for each image, or one, f, for 0 .. f.
    scale: the rectangle's height and width are the square roots of numbers drawn between these two (or 0 .. f), as
    parts of the image's. fill_value: a number, or one a channel; None: normal noise times value_range[1]. value_range:
    to which the filling is clipped. Shapes: x[N,H,W,C] or [H,W,C], y alike, float32. data_format: None or
    "channels_last", the only one. seed: an integer for the same random numbers each time.

    >>> layer = cygrad.layers.RandomErasing((1, 1), (1, 1), fill_value=7)
    >>> layer(np.zeros((1, 2, 1)), training=True).numpy().tolist()
    [[[7.0], [7.0]]]
    """

    def __init__(
        self,
        factor=1.0,
        scale=(0.02, 0.33),
        fill_value=None,
        value_range=(0, 255),
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(factor, value_range, seed, 0.0, data_format=data_format, **kwargs)
        self.scale = limits(self, "scale", scale, 0.0, 1.0)
        self.fill_value = fill_value

    def _inside(self, x, axis):
        """Which places along an axis of images lie in each one's rectangle."""
        n = x.shape[axis]
        length = ops.multiply(ops.sqrt(self._by_picture(x, *self.scale)), float(n))
        first = ops.multiply(self._by_picture(x, 0.0, 1.0), ops.subtract(float(n), length))
        places = np.arange(n, dtype="f4").reshape([-1 if a == axis else 1 for a in range(4)]).tolist()
        return ops.logical_and(ops.greater_equal(places, first), ops.less(places, ops.add(first, length)))

    def _vary(self, x):
        erased = ops.logical_and(ops.logical_and(self._inside(x, 1), self._inside(x, 2)), self._happens(x))
        filling = self.fill_value
        if filling is None:
            filling = ops.multiply(random.normal(x.shape, seed=self.seed_generator), float(self.value_range[1]))
        return ops.where(erased, ops.clip(ops.cast(filling, None), *self.value_range), x)


class RandomShear(_Augmentation):
    """In training, slants each image: a row is moved aside by a part of its distance from the top, a column down.

    x_factor, y_factor: these parts, two numbers in [0, 1], or one, f, for -f .. f; each image's direction is drawn.
    fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap". interpolation: "nearest" or "bilinear".
    fill_value: the number for "constant". data_format: None or "channels_last", the only one. seed: an
    integer for the same random numbers each time.

    >>> cygrad.layers.RandomShear(0.2, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        x_factor=0.0,
        y_factor=0.0,
        interpolation="bilinear",
        fill_mode="reflect",
        fill_value=0.0,
        data_format=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.x_factor, self.y_factor = _listed(x_factor), _listed(y_factor)
        self._aside, self._down = (self._range(name) for name in ("x_factor", "y_factor"))
        self._keep_filling(fill_mode, interpolation, fill_value)

    def _range(self, name):
        factor = getattr(self, name)
        low, high = limits(self, name, factor, 0.0, 1.0)
        return (low, high) if isinstance(factor, (list, tuple)) else (-high, high)

    def _vary(self, x):
        N = x.shape[0]
        sign = ops.where(self._draw(N, 0.0, 1.0) > 0.5, -1.0, 1.0)
        return self._mapped(x, (1, sign * self._draw(N, *self._aside), 0, sign * self._draw(N, *self._down), 1, 0))
