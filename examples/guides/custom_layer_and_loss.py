"""A layer and a loss of one's own, written with cygrad.ops, trained by fit, saved and loaded.

    python custom_layer_and_loss.py [--epochs N]

The layer is a dense one with a gate (the first half of its units, times the sigmoid of the second); the loss is a
regression's that counts an estimate which is too low several times (a quantile's). Nine of ten targets should then lie
below the prediction.
"""

import argparse
import os
import tempfile

import numpy as np

import cygrad as keras
from cygrad import layers, ops

parser = argparse.ArgumentParser(description="A layer and a loss of one's own")
parser.add_argument("--epochs", type=int, default=60)
options = parser.parse_args()
keras.utils.set_random_seed(1)


@keras.saving.register_keras_serializable(package="guides")
class GatedDense(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(2 * self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        y = ops.matmul(inputs, self.kernel) + self.bias
        value, gate = ops.split(y, 2, axis=-1)
        return value * ops.sigmoid(gate)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="guides")
class QuantileLoss(keras.losses.Loss):
    def __init__(self, quantile=0.5, name="quantile_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        error = ops.cast(y_true, y_pred.dtype) - y_pred
        return ops.mean(ops.maximum(self.quantile * error, (self.quantile - 1) * error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantile": self.quantile}


# The data: a curve with noise that grows
rng = np.random.default_rng(1)
x = rng.uniform(-3, 3, (2000, 1)).astype("float32")
y = (np.sin(x) + rng.normal(size=x.shape) * (0.1 + 0.1 * np.abs(x))).astype("float32")
x_train, y_train, x_test, y_test = x[:1600], y[:1600], x[1600:], y[1600:]

# The model
model = keras.Sequential([keras.Input((1,)), GatedDense(32), GatedDense(32), layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.005), loss=QuantileLoss(0.9))
model.fit(x_train, y_train, epochs=options.epochs, batch_size=64, verbose=2)
print(f"Targets below the prediction: {np.mean(y_test < model.predict(x_test, verbose=0)):.3f}")

# Saving: the classes are registered, so load_model needs nothing else
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "quantile.cygrad")
    model.save(path)
    loaded = keras.models.load_model(path)
difference = np.abs(loaded.predict(x_test, verbose=0) - model.predict(x_test, verbose=0)).max()
print(f"Difference after loading: {difference}")
