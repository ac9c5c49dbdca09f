"""Pictures in files and as arrays, with keras.utils's names. Pillow reads and writes them; it is imported when a
picture first needs it.

Pixels are what Keras makes of a file: EXIF's orientation is not looked at; palettes, CMYK and opacity become the asked
colours by Pillow's convert, which cuts off 16-bit grey at 255 (color_mode="grayscale" keeps it). JPEGs are decoded at
their full size and then made smaller: a decoder's shortcut (Pillow's draft) would give other pixels.
"""

import io
import os
import warnings

import numpy as np

from ..ops.image import choose, resize

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")  # Pillow's, in Keras's words
COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}  # and their channels
_FORMATS = dict.fromkeys(("channels_last", "channels_first"))


def pillow(caller):
    """PIL.Image, or an ImportError that says what to install."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{caller}: pictures need Pillow (pip install 'cygrad[images]'): {error}") from None
    return Image


def size_of(caller, argument, size):
    """(height, width) of an argument that must be two positive integers."""
    whole = np.ndim(size) == 1 and len(size) == 2 and all(isinstance(n, (int, np.integer)) and n > 0 for n in size)
    if not whole:
        raise ValueError(f"{caller}: {argument} must be two positive integers, height and width; got {size!r}")
    return int(size[0]), int(size[1])


def _format(caller, data_format):
    choose(caller, "data_format", data_format or "channels_last", _FORMATS)
    return data_format or "channels_last"


def _decoded(caller, path):
    """The picture in a file, whole in memory; OSError names the file, whatever the decoder stumbled over."""
    Image = pillow(caller)
    if isinstance(path, io.BytesIO):
        name, source = "the given bytes", path
    elif isinstance(path, (str, bytes, os.PathLike)):
        name = os.fsdecode(path)
        with open(path, "rb") as file:
            source = io.BytesIO(file.read())
    else:
        raise TypeError(f"{caller}: path must be a file's name or an io.BytesIO; got {type(path).__name__}")
    expected = "expected a whole picture: JPEG, PNG, BMP, GIF, TIFF or PPM"
    try:
        image = Image.open(source)
        image.load()
    except Image.UnidentifiedImageError:
        data = source.getvalue()
        what = f"{len(data)} bytes, the first {data[:8]!r}" if data else "it is empty"
        raise OSError(f"{caller}: {name} is no picture that Pillow can read ({what}); {expected}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise OSError(
            f"{caller}: {name} has too many pixels; expected at most {2 * Image.MAX_IMAGE_PIXELS}. If the file can be "
            f"trusted, raise PIL.Image.MAX_IMAGE_PIXELS. Pillow says: {error}"
        ) from None
    except MemoryError:
        raise
    except (
        Exception
    ) as error:  # each decoder has its own: OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        raise OSError(f"{caller}: {name} is broken ({error}); {expected}") from error
    return image


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """The picture in a file, as a PIL image.

    path: a file's name, or an io.BytesIO. color_mode: "rgb", "rgba", "grayscale" (which leaves 16- and 32-bit grey as
    it is). target_size: (height, width), None for the file's own. interpolation: "nearest", "bilinear", "bicubic",
    "hamming", "box", "lanczos", Pillow's. keep_aspect_ratio: what is wider or higher than target_size is first cut
    equally at both sides. Raises OSError for a file that is missing, broken, not a picture or too large (more than
    PIL.Image.MAX_IMAGE_PIXELS), naming it; ImportError without Pillow; ValueError for other arguments.

    >>> _ = cygrad.utils.save_img("grey.png", np.zeros((4, 6, 1)))
    >>> image = cygrad.utils.load_img("grey.png", target_size=(2, 3))
    >>> image.size, cygrad.utils.img_to_array(image).shape
    ((3, 2), (2, 3, 3))
    """
    caller = "load_img"
    choose(caller, "color_mode", color_mode, COLOR_MODES)
    choose(caller, "interpolation", interpolation, dict.fromkeys(INTERPOLATIONS))
    size = None if target_size is None else size_of(caller, "target_size", target_size)
    image = _decoded(caller, path)
    if color_mode == "grayscale":
        mode = image.mode if image.mode in ("L", "I;16", "I") else "L"
    else:
        mode = color_mode.upper()
    if image.mode != mode:
        image = image.convert(mode)
    return image if size is None else resized(image, size, interpolation, keep_aspect_ratio)


def resized(image, size, interpolation, keep_aspect_ratio):
    """A PIL image in another size, (height, width); keep_aspect_ratio: of its middle, as much as has the size's."""
    height, width = size
    if image.size == (width, height):
        return image
    Image, box = pillow("load_img"), None
    if keep_aspect_ratio:
        w = max(min(image.width, image.height * width // height), 1)
        h = max(min(image.height, image.width * height // width), 1)
        left, top = (image.width - w) // 2, (image.height - h) // 2
        box = (left, top, left + w, top + h)
    return image.resize((width, height), getattr(Image, "Resampling", Image)[interpolation.upper()], box)


def img_to_array(img, data_format=None, dtype=None):
    """img, a PIL image, as an array [H,W,C] (data_format "channels_first": [C,H,W]) of dtype, float32 where absent.

    >>> cygrad.utils.img_to_array(cygrad.utils.array_to_img(np.ones((1, 2, 1)), scale=False)).tolist()
    [[[1.0], [1.0]]]
    """
    x = np.asarray(img, dtype or "float32")
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array: expected a picture, of rank 2 or 3; got shape {x.shape}")
    x = x.reshape(*x.shape[:2], -1)
    return x.transpose(2, 0, 1) if _format("img_to_array", data_format) == "channels_first" else x


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """A PIL image of an array x[H,W,C] (data_format "channels_first": [C,H,W]) with 1, 3 (RGB) or 4 channels (RGBA).

    scale: the smallest value becomes 0 and the largest 255. dtype: that in which this is computed. A single channel
    with values beyond 255 becomes an image of 32-bit integers. Raises ValueError for other shapes.

    >>> cygrad.utils.array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    Image = pillow("array_to_img")
    x = np.asarray(x, dtype or "float32")
    if x.ndim != 3:
        raise ValueError(f"array_to_img: expected one picture, of rank 3; got shape {x.shape}")
    if _format("array_to_img", data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4) or 0 in x.shape:
        raise ValueError(
            f"array_to_img: expected pixels with 1, 3 or 4 channels; got {x.shape[2]}, shape [H,W,C] {x.shape}"
        )
    if scale:
        x = x - x.min()
        largest = x.max()
        if largest != 0:
            x /= largest
        x *= 255
    if x.shape[2] == 1:
        return Image.fromarray(x[:, :, 0].astype("int32" if x.max() > 255 else "uint8"))
    return Image.fromarray(x.astype("uint8"))


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array, as array_to_img takes it, to a file. file_format: of a file object, or other than the name's
    ending says. kwargs: for PIL.Image.Image.save.

    path: the file's name, or a file object. x, data_format, scale: as in array_to_img.

    >>> _ = cygrad.utils.save_img("noise.png", np.random.default_rng(0).random((8, 8, 3)))
    >>> cygrad.utils.load_img("noise.png").size
    (8, 8)
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("save_img: JPEG has no opacity; the picture is converted to RGB", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **kwargs)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last", backend_module=None):
    """x[N,H,W,C] or [H,W,C] in another size without changing its aspect ratio: what is too wide or too high is cut off.

    size: (height, width). interpolation: "bilinear", "nearest". An array gives an array, a tensor a tensor.
    backend_module has no meaning here.

    >>> cygrad.preprocessing.image.smart_resize(np.zeros((4, 8, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    y = resize(
        x, size_of("smart_resize", "size", size), interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return np.asarray(y) if isinstance(x, np.ndarray) else y
