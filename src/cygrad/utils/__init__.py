"""Helpers around models and data, under keras.utils's names."""

from ..models.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from ..saving import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from .files import get_file
from .image_dataset import image_dataset_from_directory
from .image_utils import array_to_img, img_to_array, load_img, save_img
from .learning_rates import LearningRates, find_learning_rate
from .numerical import normalize, split_dataset, to_categorical
from .plotting import plot_activations, plot_history
from .plotting_layers import (
    plot_confusion_matrix,
    plot_feature_maps,
    plot_filters,
    plot_histograms,
    plot_learning_rates,
)
from .plotting_model import plot_model
from .py_dataset import PyDataset
from .seeds import clear_session, set_random_seed
from .sequences import pad_sequences, timeseries_dataset_from_array
from .types import is_keras_tensor, standardize_dtype

Sequence = PyDataset  # Keras 2's name
CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope", "LearningRates", "PyDataset", "Sequence", "array_to_img", "clear_session",
    "custom_object_scope", "deserialize_keras_object", "find_learning_rate", "get_custom_objects", "get_file",
    "get_registered_name", "get_registered_object", "image_dataset_from_directory", "img_to_array",
    "is_keras_tensor", "load_img",
    "normalize", "pack_x_y_sample_weight", "pad_sequences", "plot_activations", "plot_confusion_matrix",
    "plot_feature_maps", "plot_filters", "plot_histograms", "plot_history", "plot_learning_rates", "plot_model",
    "register_keras_serializable", "save_img", "serialize_keras_object", "set_random_seed", "split_dataset",
    "standardize_dtype", "timeseries_dataset_from_array", "to_categorical", "unpack_x_y_sample_weight",
]  # fmt: skip
