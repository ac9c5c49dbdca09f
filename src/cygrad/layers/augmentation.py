"""Layers that vary images in training: flips, shifts, turns, zooms, crops, contrast and brightness."""

import math

from .. import ops, random
from ..ops.image import FILL_MODES, INTERPOLATIONS, choose, mapped
from .arguments import channels_last, positive
from .layer import InputSpec
from .preprocessing import CenterCrop
from .regularization import _Noise


def limits(layer, argument, factor, low, high):
    """(lower, upper) of a factor: two numbers, or one, f, for -f .. f; within low .. high."""
    pair = sorted(factor) if isinstance(factor, (list, tuple)) and len(factor) == 2 else None
    number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
    if number and low <= factor <= high:
        pair = [max(-abs(factor), low), abs(factor)]
    if pair is None or not (low <= pair[0] and pair[1] <= high):
        raise ValueError(
            f"{type(layer).__name__}: {argument} must be a number in [{low}, {high}] or two of them; got {factor!r}"
        )
    return tuple(pair)


def checked_range(layer, value_range):
    """value_range as a pair of numbers, the lower first."""
    if not isinstance(value_range, (list, tuple)) or len(value_range) != 2 or value_range[0] > value_range[1]:
        raise ValueError(
            f"{type(layer).__name__}: value_range must be two numbers, the lower first; got {value_range!r}"
        )
    return tuple(value_range)


def _listed(factor):
    return tuple(factor) if isinstance(factor, list) else factor


class _Augmentation(_Noise):
    """What they share: images as float32 [N,H,W,C] or one [H,W,C], other ones each time while training, and as they are
    when not. As in Keras, a call outside of any model trains unless it says training=False."""

    _leaf = True
    _letters = "NHWC"

    def __init__(self, seed=None, data_format=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)
        self.supports_masking = False

    def call(self, inputs, training=True):
        x = ops.cast(inputs, None)
        if not training:
            return self._still(x)
        y = self._vary(x if len(x.shape) == 4 else ops.expand_dims(x, 0))
        return y if len(x.shape) == 4 else ops.squeeze(y, 0)

    def _still(self, x):
        return x

    def _draw(self, n, low, high):
        """n numbers from [low, high), as a tensor: a captured step draws anew."""
        return random.uniform((n,), low, high, seed=self.seed_generator)

    def _mapped(self, x, transform, size=None):
        """x through the maps transform[N,6], given by that matrix's columns: tensors, or numbers for all images."""
        columns = [ops.broadcast_to(ops.cast(column, None), x.shape[:1]) for column in transform]
        how = INTERPOLATIONS[self.interpolation], FILL_MODES[self.fill_mode], self.fill_value
        return mapped(x, ops.stack(columns, 1), size or x.shape[1:3], *how)

    def _keep_filling(self, fill_mode, interpolation, fill_value):
        choose(type(self).__name__, "fill_mode", fill_mode, dict.fromkeys(("reflect", "wrap", "constant", "nearest")))
        choose(type(self).__name__, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, float(fill_value)


class RandomFlip(_Augmentation):
    """In training, mirrors each image with probability 1/2.

    mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical" (both at once). Shapes:
    x[N,H,W,C] or [H,W,C], y alike, float32.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.RandomFlip(seed=1)(np.zeros((2, 8, 8, 3), np.uint8), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        choose("RandomFlip", "mode", mode, dict.fromkeys(("horizontal", "vertical", "horizontal_and_vertical")))
        self.mode = mode

    interpolation, fill_mode, fill_value = "nearest", "nearest", 0.0  # no pixel comes from outside

    def _vary(self, x):
        (N, H, W, _), flips = x.shape, ops.cast(self._draw(x.shape[0], 0.0, 1.0) <= 0.5, None)
        aside, down = (flips if kind in self.mode else 0.0 for kind in ("horizontal", "vertical"))
        return self._mapped(x, (1 - 2 * aside, 0, aside * (W - 1), 0, 1 - 2 * down, down * (H - 1))) if N else x


class RandomTranslation(_Augmentation):
    """In training, moves each image by a part of its height and of its width.

    height_factor, width_factor: two numbers in [-1, 1], or one, f, for -f .. f; positive ones move down and right.
    fill_mode ("reflect", "wrap", "constant", "nearest") and fill_value say what comes in at the edge, interpolation
    ("bilinear", "nearest") what lies between pixels.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.RandomTranslation(0.1, 0.2, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor,
        width_factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.height_factor, self.width_factor = _listed(height_factor), _listed(width_factor)
        self._down = limits(self, "height_factor", height_factor, -1.0, 1.0)
        self._aside = limits(self, "width_factor", width_factor, -1.0, 1.0)
        self._keep_filling(fill_mode, interpolation, fill_value)

    def _vary(self, x):
        N, H, W, _ = x.shape
        down, aside = self._draw(N, *self._down) * H, self._draw(N, *self._aside) * W
        return self._mapped(x, (1, 0, -aside, 0, 1, -down))


class RandomRotation(_Augmentation):
    """In training, turns each image about its centre.

    factor: parts of a full turn, two numbers in [-1, 1], or one, f, for -f .. f; positive ones turn counter-clockwise.
    The rest as in RandomTranslation.

    fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap". interpolation: "nearest" or "bilinear".
    fill_value: the number for "constant". data_format: None or "channels_last", the only one.

    >>> cygrad.layers.RandomRotation(0.1, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = limits(self, "factor", factor, -1.0, 1.0)
        self._keep_filling(fill_mode, interpolation, fill_value)

    def _vary(self, x):
        N, H, W, _ = x.shape
        angle = self._draw(N, *self.factor) * (2 * math.pi)
        cos, sin, cx, cy = ops.cos(angle), ops.sin(angle), (W - 1) / 2, (H - 1) / 2
        return self._mapped(x, (cos, -sin, cx - cx * cos + cy * sin, sin, cos, cy - cx * sin - cy * cos))


class RandomZoom(_Augmentation):
    """In training, zooms each image about its centre.

    height_factor, width_factor: by how much more of the image is to be seen, two numbers in [-1, 10], or one, f, for
    -f .. f: 0.2 shows 20 % more (zooms out), -0.2 less. width_factor None: as the height's. The rest as in
    RandomTranslation.

    fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap". interpolation: "nearest" or "bilinear".
    fill_value: the number for "constant". data_format: None or "channels_last", the only one.

    >>> cygrad.layers.RandomZoom(0.2, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor,
        width_factor=None,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.height_factor, self.width_factor = _listed(height_factor), _listed(width_factor)
        self._down = limits(self, "height_factor", height_factor, -1.0, 10.0)
        self._aside = None if width_factor is None else limits(self, "width_factor", width_factor, -1.0, 10.0)
        self._keep_filling(fill_mode, interpolation, fill_value)

    def _vary(self, x):
        N, H, W, _ = x.shape
        down = 1 + self._draw(N, *self._down)
        aside = down if self._aside is None else 1 + self._draw(N, *self._aside)
        return self._mapped(x, (aside, 0, (W - 1) / 2 * (1 - aside), 0, down, (H - 1) / 2 * (1 - down)))


class RandomCrop(_Augmentation):
    """In training, cuts height x width out of the images, all at one place, another each time; otherwise the middle.

    Images that are smaller are enlarged to that size, cut to its aspect ratio.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.RandomCrop(5, 6, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 5, 6, 3)
    """

    def __init__(self, height, width, seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.height, self.width = positive(self, "height", height), positive(self, "width", width)

    interpolation, fill_mode, fill_value = "nearest", "nearest", 0.0  # no pixel comes from outside

    def _still(self, x):
        return CenterCrop.cut(x, self.height, self.width)

    def _vary(self, x):
        _, H, W, _ = x.shape
        if self.height > H or self.width > W:
            return self._still(x)
        places = self._draw(2, 0.0, 1.0) * [H - self.height + 1.0, W - self.width + 1.0]
        top, left = ops.split(ops.floor(places), 2)
        return self._mapped(x, (1, 0, left, 0, 1, top), (self.height, self.width))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])


class _Shading(_Augmentation):
    """What RandomContrast, RandomBrightness and the layers of coloring.py share: values stay within value_range."""

    def __init__(self, factor, value_range, seed, least, most=1.0, **kwargs):
        super().__init__(seed, **kwargs)
        self.factor, self.value_range = limits(self, "factor", factor, least, most), checked_range(self, value_range)

    def _by_picture(self, x, low, high):
        """A number from [low, high) for each image, as a tensor that broadcasts with x."""
        return ops.reshape(self._draw(x.shape[0], low, high), (x.shape[0], 1, 1, 1))


class RandomContrast(_Shading):
    """In training, multiplies each image's distance from its channels' means by a number of its own.

    factor: (lower, upper), each in [0, 1], for numbers from 1 - lower to 1 + upper; a single number is the upper.
    value_range: to which values are clipped. Shapes: x[N,H,W,C] or [H,W,C], y alike, float32.

    >>> cygrad.layers.RandomContrast((0.2, 0.2), seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor, value_range, seed, 0.0, **kwargs)

    def _vary(self, x):
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        factor = self._by_picture(x, 1 - self.factor[0], 1 + self.factor[1])
        return ops.clip(ops.add(ops.multiply(ops.subtract(x, mean), factor), mean), *self.value_range)


class RandomBrightness(_Shading):
    """In training, adds a number of its own to each image.

    factor: (lower, upper), parts of value_range in [-1, 1], or one number, f, for -f .. f. value_range: to which values
    are clipped. Shapes: x[N,H,W,C] or [H,W,C], y alike, float32.

    >>> cygrad.layers.RandomBrightness(0.2, seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor, value_range, seed, -1.0, **kwargs)

    def _vary(self, x):
        low, high = self.value_range
        added = ops.multiply(self._by_picture(x, *self.factor), float(high - low))
        return ops.clip(ops.add(x, added), low, high)
