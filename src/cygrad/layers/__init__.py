"""Layers, with Keras's names, arguments and defaults."""

from .convolutional import Conv2D, Convolution2D
from .core import Activation, Dense, Flatten, Input, InputLayer, Reshape
from .layer import InputSpec, Layer
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .preprocessing import Rescaling
from .regularization import Dropout

__all__ = [
    "Activation", "AveragePooling2D", "AvgPool2D", "Conv2D", "Convolution2D", "Dense", "Dropout", "Flatten",
    "GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPool2D", "GlobalMaxPooling2D", "Input", "InputLayer",
    "InputSpec", "Layer", "MaxPool2D", "MaxPooling2D", "Rescaling", "Reshape",
]  # fmt: skip
