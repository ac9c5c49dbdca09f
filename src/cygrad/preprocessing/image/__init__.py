"""keras.preprocessing.image's names, those of Keras 2 and of Keras 3's legacy module."""

from ...utils.image_utils import array_to_img, img_to_array, load_img, save_img, smart_resize
from .generator import ImageDataGenerator
from .iterators import DataFrameIterator, DirectoryIterator, Iterator, NumpyArrayIterator
from .transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "Iterator", "NumpyArrayIterator",
    "apply_affine_transform", "apply_brightness_shift", "apply_channel_shift", "array_to_img", "img_to_array",
    "load_img", "random_brightness", "random_channel_shift", "random_rotation", "random_shear", "random_shift",
    "random_zoom", "save_img", "smart_resize",
]  # fmt: skip
