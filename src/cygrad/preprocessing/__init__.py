"""keras.preprocessing's names."""

from ..utils.image_dataset import image_dataset_from_directory
from ..utils.sequences import timeseries_dataset_from_array
from . import image, sequence

__all__ = ["image", "image_dataset_from_directory", "sequence", "timeseries_dataset_from_array"]
