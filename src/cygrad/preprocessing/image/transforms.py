"""Maps of pictures by Keras's parameters, and Keras's functions for one picture.

A picture's value at row p and column q is the old one's where the map says. Keras writes a map for (x, y), x a column
and y a row: rotation by theta, then shift, shear and zoom, about the picture's centre. Two things differ, on purpose:
the centre is the picture's own where its height and width differ (Keras exchanges them), and random_shift's
height goes with rows and its width with columns (Keras exchanges those, too).
"""

import math

import numpy as np

from ...ops.image import augment

ORDERS = {0: "nearest", 1: "bilinear"}


def affine_map(H, W, theta=0.0, tx=0.0, ty=0.0, shear=0.0, zx=1.0, zy=1.0):
    """The six numbers that ops.image.augment takes: row = a0 p + a1 q + a2, column = b0 p + b1 q + b2."""
    turn, lean = math.radians(theta), math.radians(shear)
    cos, sin = math.cos(turn), math.sin(turn)
    # x of (q, p, 1) relative to the centre, y likewise: rotation . shift . shear . zoom
    xx, xy = cos * zx, (-cos * math.sin(lean) - sin * math.cos(lean)) * zy
    yx, yy = sin * zx, (-sin * math.sin(lean) + cos * math.cos(lean)) * zy
    x0, y0 = cos * tx - sin * ty, sin * tx + cos * ty
    cx, cy = W / 2 - 0.5, H / 2 - 0.5
    return [yy, yx, y0 + cy - yy * cy - yx * cx, xy, xx, x0 + cx - xy * cy - xx * cx]


def flipped(numbers, H, W, horizontal, vertical):
    """The map of the picture whose left and right, and top and bottom, change places after the map."""
    a0, a1, a2, b0, b1, b2 = numbers
    if horizontal:
        a1, a2, b1, b2 = -a1, a2 + a1 * (W - 1), -b1, b2 + b1 * (W - 1)
    if vertical:
        a0, a2, b0, b2 = -a0, a2 + a0 * (H - 1), -b0, b2 + b0 * (H - 1)
    return [a0, a1, a2, b0, b1, b2]


def check_order(caller, order):
    if order not in ORDERS:
        raise ValueError(f"{caller}: interpolation_order must be 0 (nearest) or 1 (bilinear); got {order!r}")


def augment_batch(x, index, parameters, fill_mode, cval, order, scale=1.0):
    """The pictures x[index], [S,H,W,C] uint8 or float, each by its dict of parameters as get_random_transform makes it:
    an array [N,H,W,C] of float32."""
    _, H, W, C = x.shape
    transform, shading = np.empty((len(parameters), 6)), np.full((len(parameters), 2), np.nan)
    for row, shade, p in zip(transform, shading, parameters):
        numbers = affine_map(H, W, *(p.get(key, 1 if key[0] == "z" else 0) for key in MAPPED))
        row[:] = flipped(numbers, H, W, p.get("flip_horizontal", False), p.get("flip_vertical", False))
        shift, brightness = p.get("channel_shift_intensity"), p.get("brightness")
        shade[:] = 0 if shift is None else shift, np.nan if brightness is None else brightness
    shaded = shading[:, 0].any() or not np.isnan(shading[:, 1]).all()
    if not np.isnan(shading[:, 1]).all() and C not in (1, 3, 4):
        raise ValueError(f"brightness_range needs pictures with 1, 3 or 4 channels; got shape {x.shape[1:]}")
    if x.dtype != np.uint8:
        x = x.astype(np.float32, copy=False)
    how = (ORDERS[order], fill_mode, cval, shading if shaded else None, scale)
    return np.asarray(augment(x, transform, index, None, *how))


MAPPED = ("theta", "tx", "ty", "shear", "zx", "zy")


def augment_one(x, parameters, axes, fill_mode="nearest", cval=0.0, order=1):
    """One picture, of any float or integer type, whose rows, columns and channels lie along axes."""
    x = np.asarray(x)
    if x.ndim != 3 or sorted(axes) != [0, 1, 2]:
        raise ValueError(
            f"expected a picture of rank 3 with rows, columns, channels along 0, 1, 2; got {x.shape}, {axes}"
        )
    y = augment_batch(x.transpose(axes)[None], None, [parameters], fill_mode, cval, order)[0]
    y = np.ascontiguousarray(y.transpose(np.argsort(axes)))
    if x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        y = np.clip(np.rint(y), limits.min, limits.max)
    return y.astype(x.dtype, copy=False)


def apply_affine_transform(
    x,
    theta=0,
    tx=0,
    ty=0,
    shear=0,
    zx=1,
    zy=1,
    row_axis=1,
    col_axis=2,
    channel_axis=0,
    fill_mode="nearest",
    cval=0.0,
    order=1,
):
    """A picture turned by theta degrees, shifted by tx columns and ty rows, sheared by shear degrees, zoomed by zx and
    zy (less than 1 enlarges). fill_mode "constant" (cval), "nearest", "reflect", "wrap"; order 0 or 1.

    >>> x = np.arange(4.0).reshape(1, 2, 2)
    >>> cygrad.preprocessing.image.apply_affine_transform(x, tx=1).tolist()
    [[[1.0, 1.0], [3.0, 3.0]]]
    """
    check_order("apply_affine_transform", order)
    parameters = dict(zip(MAPPED, (theta, tx, ty, shear, zx, zy)))
    return augment_one(x, parameters, (row_axis, col_axis, channel_axis), fill_mode, cval, order)


def random_rotation(
    x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """A picture turned by a random angle in -rg .. rg degrees."""
    theta = np.random.uniform(-rg, rg)
    return apply_affine_transform(
        x, theta, 0, 0, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    )


def random_shift(
    x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """A picture shifted by random parts of its width, up to wrg, and of its height, up to hrg."""
    ty = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    tx = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(
        x, 0, tx, ty, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    )


def random_shear(
    x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """A picture sheared by a random angle in -intensity .. intensity degrees."""
    shear = np.random.uniform(-intensity, intensity)
    return apply_affine_transform(
        x, 0, 0, 0, shear, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    )


def random_zoom(
    x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """A picture zoomed by two random numbers between zoom_range's two."""
    if np.shape(zoom_range) != (2,):
        raise ValueError(f"random_zoom: zoom_range must be two numbers; got {zoom_range!r}")
    zx, zy = (1, 1) if tuple(zoom_range) == (1, 1) else np.random.uniform(zoom_range[0], zoom_range[1], 2)
    return apply_affine_transform(
        x, 0, 0, 0, 0, zx, zy, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    )


def apply_channel_shift(x, intensity, channel_axis=0):
    """A picture with a number added to all values, which stay within the range that they had.

    >>> cygrad.preprocessing.image.apply_channel_shift(np.arange(4.0).reshape(1, 2, 2), 2).ravel().tolist()
    [2.0, 3.0, 3.0, 3.0]
    """
    return np.clip(x + intensity, np.min(x), np.max(x))


def random_channel_shift(x, intensity_range, channel_axis=0):
    """apply_channel_shift by a random number in -intensity_range .. intensity_range."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_brightness_shift(x, brightness, scale=True):
    """A picture [H,W,C] whose values are multiplied by brightness as whole numbers 0 .. 255, float32.

    scale: they are first stretched to this range, which they then keep; otherwise that is done to values outside it
    alone, and undone.

    >>> cygrad.preprocessing.image.apply_brightness_shift(np.full((1, 2, 1), 100.0), 1.5, scale=False).ravel().tolist()
    [150.0, 150.0]
    """
    x = np.asarray(x, "float32")
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    return augment_one(x, {"brightness": brightness}, (0, 1, 2))


def random_brightness(x, brightness_range, scale=True):
    """apply_brightness_shift by a random number between brightness_range's two."""
    if np.shape(brightness_range) != (2,):
        raise ValueError(f"random_brightness: brightness_range must be two numbers; got {brightness_range!r}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
