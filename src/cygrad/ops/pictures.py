"""Pictures by formulas: patches, edges and colours, with keras.ops.image's names."""

import numpy as np

from ._backend import as_float
from .conv2d import check_format, output_size, pair
from .creation import convert_to_tensor
from .elementwise import absolute, add, clip, divide, maximum, minimum, multiply, subtract
from .functions import mod
from .indexing import get_item, pad, take
from .layout import concatenate, reshape, split, transpose
from .logic import equal, greater, less, where
from .reduce import sum as _sum

GREY = (0.2989, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601


def _checked(images, op, data_format, channels=None):
    """images as a tensor; channels: how many there must be."""
    check_format(data_format, "valid", op)
    x = convert_to_tensor(images)
    if len(x.shape) not in (3, 4) or (channels is not None and x.shape[-1] not in channels):
        last = "C" if channels is None else " or ".join(map(str, channels))
        raise ValueError(f"{op}: expected images[N,H,W,{last}] or one image[H,W,{last}]; got shape {x.shape}")
    return x


def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """The patches of images, each as the channels of one pixel: y[n,p,q] = images[n] at p stride + r, q stride + s.

    Shapes: images[N,H,W,C], y[N,P,Q,R S C], P and Q as for conv; or images[H,W,C], y[P,Q,R S C]. size: an integer or
    two, R and S; strides None: size. dilation_rate: the distance of a patch's pixels. padding: "valid", or "same" with
    zeros around. data_format: None or "channels_last", the only one.

    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> cygrad.ops.image.extract_patches(x, 2).numpy()[0, 0].tolist()
    [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """
    op = "extract_patches"
    x = _checked(images, op, data_format)
    check_format(data_format, padding, op)
    single, x = len(x.shape) == 3, x if len(x.shape) == 4 else reshape(x, (1, *x.shape))
    windows = pair(size, op, "size")
    steps = windows if strides is None else pair(strides, op, "strides")
    shape, widths, places = [], [(0, 0)], []
    for n, window, step, dilation, axis in zip(
        x.shape[1:3], windows, steps, pair(dilation_rate, op, "dilation_rate"), ("height", "width")
    ):
        count, before = output_size(n, window, step, dilation, padding, op, axis)
        at = np.arange(count)[:, None] * step + np.arange(window) * dilation
        widths.append((before, max(int(at.max(initial=0)) + 1 - n - before, 0)))
        places.append(at.tolist())
        shape.append(count)
    if any(map(any, widths)):
        x = pad(x, [*widths, (0, 0)])
    x = take(take(x, places[1], 2), places[0], 1)  # [N,P,R,Q,S,C]
    y = reshape(transpose(x, (0, 1, 3, 2, 4, 5)), (x.shape[0], *shape, windows[0] * windows[1] * x.shape[-1]))
    return reshape(y, y.shape[1:]) if single else y


def _edge(op, size, before, after, target, names):
    """(before, after) of one axis, of which two of before, after and the target size are given."""
    if sum(v is None for v in (before, after, target)) != 1:
        raise ValueError(f"{op}: expected two of {', '.join(names)}; got {before}, {after}, {target}")
    change = None if target is None else abs(size - target) if (target > size) == (op == "pad_images") else -1
    before, after = (change - after if before is None else before), (change - before if after is None else after)
    if min(before, after) < 0 or (op == "crop_images" and before + after > size):
        raise ValueError(f"{op}: {', '.join(names)} do not fit a size of {size}; got {before}, {after}, {target}")
    return before, after


def pad_images(
    images,
    top_padding=None,
    left_padding=None,
    bottom_padding=None,
    right_padding=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Zeros around images: of top_padding, bottom_padding and target_height two, the third follows; likewise aside.

    left_padding, right_padding, target_width: the two of these. Shapes: images[N,H,W,C] or [H,W,C]. data_format: None
    or "channels_last", the only one.

    >>> x = np.ones((1, 2, 2, 3))
    >>> cygrad.ops.image.pad_images(x, 1, 0, target_height=4, target_width=5).shape
    (1, 4, 5, 3)
    """
    x = _checked(images, "pad_images", data_format)
    H, W = x.shape[-3:-1]
    high = _edge("pad_images", H, top_padding, bottom_padding, target_height, _names("top", "bottom", "height"))
    wide = _edge("pad_images", W, left_padding, right_padding, target_width, _names("left", "right", "width"))
    return pad(x, [(0, 0)] * (len(x.shape) - 3) + [high, wide, (0, 0)])


def _names(before, after, size, what="padding"):
    return f"{before}_{what}", f"{after}_{what}", f"target_{size}"


def crop_images(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Images without their edges: of top_cropping, bottom_cropping and target_height two, the third follows.

    left_cropping, right_cropping, target_width: two of these, likewise. Shapes: images[N,H,W,C] or [H,W,C].
    data_format: None or "channels_last", the only one.

    >>> x = np.ones((1, 4, 5, 3))
    >>> cygrad.ops.image.crop_images(x, 1, 0, target_height=2, target_width=3).shape
    (1, 2, 3, 3)
    """
    x = _checked(images, "crop_images", data_format)
    H, W = x.shape[-3:-1]
    high = _names("top", "bottom", "height", "cropping")
    wide = _names("left", "right", "width", "cropping")
    top, bottom = _edge("crop_images", H, top_cropping, bottom_cropping, target_height, high)
    left, right = _edge("crop_images", W, left_cropping, right_cropping, target_width, wide)
    return get_item(x, (Ellipsis, slice(top, H - bottom), slice(left, W - right), slice(None)))


def rgb_to_grayscale(images, data_format=None):
    """How bright each pixel looks, 0.2989 red + 0.587 green + 0.114 blue: [N,H,W,3] as [N,H,W,1]; one channel stays.

    images: or one of [H,W,3]. data_format: None or "channels_last", the only one.

    >>> round(cygrad.ops.image.rgb_to_grayscale([[[1.0, 0.0, 0.0]]]).item(), 4)
    0.2989
    """
    x = as_float(_checked(images, "rgb_to_grayscale", data_format, (1, 3)))
    return x if x.shape[-1] == 1 else _sum(multiply(x, list(GREY)), -1, True)


def rgb_to_hsv(images, data_format=None):
    """Red, green and blue in 0 .. 1 as hue, saturation and value in 0 .. 1; a grey has hue 0.

    Shapes: images[N,H,W,3] or [H,W,3], y alike. data_format: None or "channels_last", the only one.

    >>> cygrad.ops.image.rgb_to_hsv([[[0.0, 1.0, 1.0]]]).numpy().tolist()
    [[[0.5, 1.0, 1.0]]]
    """
    x = as_float(_checked(images, "rgb_to_hsv", data_format, (3,)))
    r, g, b = split(where(less(absolute(x), float(np.finfo("f4").eps)), 0.0, x), 3, -1)
    value = maximum(maximum(r, g), b)
    among = subtract(value, minimum(minimum(r, g), b))
    coloured = greater(among, 0.0)
    sixth = divide(1 / 6, where(coloured, among, 1.0))
    hue = where(
        equal(value, g),
        add(multiply(sixth, subtract(b, r)), 1 / 3),
        add(multiply(sixth, subtract(r, g)), 2 / 3),
    )
    hue = where(coloured, where(equal(value, r), multiply(sixth, subtract(g, b)), hue), 0.0)
    saturation = where(greater(value, 0.0), divide(among, where(greater(value, 0.0), value, 1.0)), 0.0)
    return concatenate([where(less(hue, 0.0), add(hue, 1.0), hue), saturation, value], -1)


def hsv_to_rgb(images, data_format=None):
    """Hue, saturation and value in 0 .. 1 as red, green and blue in 0 .. 1: the reverse of rgb_to_hsv.

    Shapes: images[N,H,W,3] or [H,W,3], y alike. data_format: None or "channels_last", the only one.

    >>> cygrad.ops.image.hsv_to_rgb([[[0.5, 1.0, 1.0]]]).numpy().tolist()
    [[[0.0, 1.0, 1.0]]]
    """
    hue, saturation, value = split(as_float(_checked(images, "hsv_to_rgb", data_format, (3,))), 3, -1)
    angle = multiply(mod(hue, 1.0), 6.0)
    parts = [subtract(absolute(subtract(angle, 3.0)), 1.0)]
    parts += [subtract(2.0, absolute(subtract(angle, middle))) for middle in (2.0, 4.0)]
    pure = clip(concatenate(parts, -1), 0.0, 1.0)
    return multiply(value, add(subtract(1.0, saturation), multiply(saturation, pure)))
