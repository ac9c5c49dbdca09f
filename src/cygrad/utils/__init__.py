"""Helpers around models and data, under keras.utils's names."""

from ..models.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from .numerical import normalize, split_dataset, to_categorical
from .py_dataset import PyDataset
from .seeds import clear_session, set_random_seed

Sequence = PyDataset  # Keras 2's name
