"""Pictures, with keras.ops.image's names: affine_transform and resize here, formulas of other ops in pictures.py.

Kernels: csrc/kernels/image.c.
"""

import numpy as np

from ._backend import K, Tensor, as_float, constant_array, empty, from_array, gradient_like, record
from .creation import cast
from .elementwise import clip
from .functions import round
from .indexing import get_item, pad
from .layout import reshape
from .pictures import crop_images, extract_patches, hsv_to_rgb, pad_images, rgb_to_grayscale, rgb_to_hsv

FILL_MODES = {"constant": 0, "reflect": 1, "wrap": 2, "nearest": 3}
INTERPOLATIONS = {"nearest": 0, "bilinear": 1}
_PLACEFILL_MODES = {"constant": 4, "nearest": 3, "reflect": 1, "wrap": 5}

__all__ = [
    "affine_transform", "augment", "crop_images", "extract_patches", "hsv_to_rgb", "pad_images", "resize",
    "rgb_to_grayscale", "rgb_to_hsv",
]  # fmt: skip


def choose(op, argument, value, table):
    """table[value], or an error that names the choices."""
    if value not in table:
        raise ValueError(f"{op}: {argument} must be {' or '.join(map(repr, table))}; got {value!r}")
    return table[value]


def _pictures(images, op, data_format):
    """images as a float tensor [N,H,W,C]."""
    if data_format not in (None, "channels_last"):
        raise ValueError(f"{op}: data_format must be 'channels_last': images are [N,H,W,C]; got {data_format!r}")
    x = as_float(images, op, "images")
    if len(x.shape) not in (3, 4):
        raise ValueError(f"{op}: expected images[N,H,W,C] or one image[H,W,C]; got shape {x.shape}")
    if 0 in x.shape[-3:-1]:
        raise ValueError(f"{op}: there are no pixels in images of shape {x.shape}")
    return x if len(x.shape) == 4 else reshape(x, (1, *x.shape))


def mapped(x, transform, size, bilinear, fill_mode, fill_value):
    """x[N,H,W,C] through transform[N,6], a float tensor, as y[N,*size,C]. bilinear, fill_mode: the kernel's numbers."""
    sizes = (*x.shape, *size, bilinear, fill_mode)
    y = empty((x.shape[0], *size, x.shape[3]))
    K.affine_transform_forward(y, x, transform, *sizes, fill_value)

    def backward(dy):
        dx = gradient_like(x)
        K.affine_transform_backward(dx, dy, transform, *sizes)
        return dx

    return record(y, (x,), backward)


def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None):
    """y[n,p,q] = images[n] at column a0 q + a1 p + a2 and row b0 q + b1 p + b2, for each image by a map of its own.

    Shapes: images[N,H,W,C] or [H,W,C], transform[N,8] or [8]: a0, a1, a2, b0, b1, b2, two zeros (a perspective is not
    supported), y as images. interpolation: "bilinear" or "nearest". fill_mode, of what lies outside: "constant"
    (fill_value), "reflect" (mirrored with the edge), "wrap", "nearest". Saved for backward: transform, which has no
    gradient. Raises ValueError for other shapes and names.

    >>> x = np.arange(3.0).reshape(1, 1, 3, 1)
    >>> cygrad.ops.image.affine_transform(x, [[1, 0, 0.5, 0, 1, 0, 0, 0]]).numpy().ravel().tolist()
    [0.5, 1.5, 1.0]
    """
    op = "affine_transform"
    x = _pictures(images, op, data_format)
    t = np.asarray(transform, np.float32)
    t = np.broadcast_to(t, (x.shape[0], t.shape[-1])) if t.ndim == 1 else t
    if t.shape != (x.shape[0], 8):
        raise ValueError(f"{op}: expected transform[{x.shape[0]},8]; got shape {np.shape(transform)}")
    if t[:, 6:].any():
        raise ValueError(f"{op}: the last two numbers of a transform, its perspective, must be 0")
    bilinear = choose(op, "interpolation", interpolation, INTERPOLATIONS)
    filling = choose(op, "fill_mode", fill_mode, FILL_MODES)
    y = mapped(x, from_array(t[:, :6]), x.shape[1:3], bilinear, filling, float(fill_value))
    return y if len(images.shape) == 4 else reshape(y, y.shape[1:])


def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    """images in another size: a pixel's value is taken where its centre lies in the old image.

    Shapes: images[N,H,W,C] or [H,W,C], size (P, Q), y[N,P,Q,C]. interpolation: "bilinear", "nearest". The aspect ratio
    changes with the size unless, before, crop_to_aspect_ratio cuts equally much off both sides, or pad_to_aspect_ratio
    adds fill_value to them. Integers come out as integers, rounded. Raises ValueError for antialias, other names of
    interpolation, and fill_mode other than "constant".

    >>> cygrad.ops.image.resize(np.array([[[1.0], [3.0]]]), (1, 4)).numpy().ravel().tolist()
    [1.0, 1.5, 2.5, 3.0]
    """
    op = "resize"
    if antialias:
        raise ValueError(f"{op}: antialias is not supported; expected False")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{op}: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True")
    if pad_to_aspect_ratio and fill_mode != "constant":
        raise ValueError(f"{op}: fill_mode must be 'constant'; got {fill_mode!r}")
    if np.ndim(size) != 1 or len(size) != 2 or any(not isinstance(n, (int, np.integer)) or n < 1 for n in size):
        raise ValueError(f"{op}: size must be two positive integers, height and width; got {size!r}")
    bilinear = choose(op, "interpolation", interpolation, INTERPOLATIONS)
    x = _pictures(images, op, data_format)
    (P, Q), (N, H, W, _) = size, x.shape
    if crop_to_aspect_ratio:
        h, w = max(min(H, W * P // Q), 1), max(min(W, H * Q // P), 1)
        top, left = (H - h) // 2, (W - w) // 2
        x = get_item(x, (slice(None), slice(top, top + h), slice(left, left + w)))
    elif pad_to_aspect_ratio:
        h, w = max(H, W * P // Q), max(W, H * Q // P)
        top, left = (h - H) // 2, (w - W) // 2
        x = pad(
            x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=fill_value
        )  # as Keras: an odd one is not
    _, H, W, _ = x.shape
    down, aside = H / P, W / Q
    transform = np.float32([aside, 0, 0.5 * aside - 0.5, 0, down, 0.5 * down - 0.5])
    y = mapped(x, constant_array(np.broadcast_to(transform, (N, 6))), (int(P), int(Q)), bilinear, 3, 0.0)
    dtype = images.dtype if isinstance(images, Tensor) else np.asarray(images).dtype.name
    if dtype in ("uint8", "int32", "int64"):
        y = cast(clip(round(y), 0, 255) if dtype == "uint8" else round(y), dtype)
    return y if len(images.shape) == 4 else reshape(y, y.shape[1:])


def augment(
    images,
    transform,
    index=None,
    size=None,
    interpolation="bilinear",
    fill_mode="nearest",
    fill_value=0.0,
    shading=None,
    scale=1.0,
):
    """y[n,p,q] = scale shaded(images[index[n]] at row a0 p + a1 q + a2 and column b0 p + b1 q + b2): a batch of
    augmented pictures, each by a map of its own, in one pass. For data: there is no gradient.

    Shapes: images[S,H,W,C], a NumPy array or a tensor of uint8 or float32; index[N] or None (all), transform[N,6] in
    double precision: a0, a1, a2, b0, b1, b2; y[N,*size,C] float32, size (H, W) where absent. interpolation: "bilinear",
    "nearest". fill_mode, outside the centres of the outermost pixels: SciPy's "constant" (fill_value), "nearest",
    "reflect" (mirrored with the edge) or "wrap" (the last pixel lies on the first). shading[N,2]: a number added to all
    channels, within the range of the picture, then a factor of brightness (NaN: none), which multiplies the values as
    whole numbers 0 .. 255, as Pillow does; a picture that leaves that range is stretched to it and back, and the last
    of four channels, opacity, is left alone. Raises ValueError for other shapes and names.

    >>> x = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    >>> y = cygrad.ops.image.augment(x, [[1, 0, 0, 0, -1, 1]], scale=0.5)  # left and right change places
    >>> y.numpy().ravel().tolist()
    [0.5, 0.0, 1.5, 1.0]
    """
    op = "augment"
    x = images if isinstance(images, Tensor) else np.ascontiguousarray(images)
    if str(x.dtype) not in ("uint8", "float32") or len(x.shape) != 4 or 0 in x.shape[1:]:
        raise ValueError(f"{op}: expected images[S,H,W,C] of uint8 or float32; got {x.dtype}, shape {tuple(x.shape)}")
    if index is not None:
        index = np.ascontiguousarray(index, np.int64)
        if index.ndim != 1 or (index.size and not 0 <= index.min() <= index.max() < len(x)):
            raise ValueError(f"{op}: index must be numbers of images, 0 .. {len(x) - 1}; got {index}")
    N = x.shape[0] if index is None else len(index)
    t = np.asarray(transform, np.float64)
    if t.shape != (N, 6):
        raise ValueError(f"{op}: expected transform[{N},6]; got shape {t.shape}")
    if shading is not None:
        shading = np.ascontiguousarray(shading, np.float32)
        if shading.shape != (N, 2):
            raise ValueError(f"{op}: expected shading[{N},2]; got shape {shading.shape}")
    bilinear = choose(op, "interpolation", interpolation, INTERPOLATIONS)
    filling = choose(op, "fill_mode", fill_mode, _PLACEFILL_MODES)
    _, H, W, C = x.shape
    P, Q = (H, W) if size is None else size
    columns_first = np.ascontiguousarray(t[:, [4, 3, 5, 1, 0, 2]])
    y, whole = empty((N, P, Q, C)), int(str(x.dtype) == "uint8")
    sizes = (N, H, W, C, P, Q, whole, bilinear, filling, float(fill_value), float(scale))
    K.augment_images(y, x, index, columns_first, shading, *sizes)
    return y
