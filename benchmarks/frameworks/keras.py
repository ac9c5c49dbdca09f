"""Keras 3 on the backend that KERAS_BACKEND names."""

import os

from .base import thread_count
from .keras_words import KerasWords


class Keras(KerasWords):
    package = "keras"

    def __init__(self):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras

        self.keras, self.backend = keras, keras.backend.backend()
        self.name = f"keras-{self.backend}"
        if self.backend == "torch":
            import torch

            torch.set_num_threads(thread_count())
        elif self.backend == "tensorflow":
            import tensorflow

            tensorflow.config.threading.set_intra_op_parallelism_threads(thread_count())

    def versions(self):
        import importlib

        return {**super().versions(), self.backend: importlib.import_module(self.backend).__version__}
