"""Anomalies found by an autoencoder: what it cannot draw again is not what it has learnt.

    python anomaly_autoencoder.py [--epochs N] [--plot FILE.png]

The digits that come with cygrad, 8 x 8 pixels. The network learns to squeeze pictures of one digit through four
numbers and back; it never sees another. A picture that comes back changed is an anomaly, and how well the error tells
the others is measured by the area under the ROC curve: 0.5 by chance, 1 if all errors of others are larger.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Which digits are not eights?")
parser.add_argument("--digit", type=int, default=8, help="the digit that is normal")
parser.add_argument("--epochs", type=int, default=150)
parser.add_argument("--plot", help="a file for the errors of normal pictures and of anomalies")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
normal = x_train[y_train == options.digit]
held_out, normal = normal[::4], np.delete(normal, np.s_[::4], 0)  # what the network has seen comes back too well
is_anomaly = (y_test != options.digit).astype("float32")

# The model
inputs = keras.Input((64,))
x = layers.GaussianNoise(0.1)(inputs)
x = layers.Dense(32, activation="relu")(x)
code = layers.Dense(4, name="code")(x)
x = layers.Dense(32, activation="relu")(code)
autoencoder = keras.Model(inputs, layers.Dense(64, activation="sigmoid")(x))
autoencoder.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
autoencoder.fit(normal, normal, epochs=options.epochs, batch_size=16, verbose=0)

# The error of each picture; the border is the 95th percentile of normal pictures that the network has not seen
errors = np.square(autoencoder.predict(x_test, verbose=0) - x_test).mean(1)
border = np.quantile(np.square(autoencoder.predict(held_out, verbose=0) - held_out).mean(1), 0.95)
area = keras.metrics.AUC(num_thresholds=1000)
area.update_state(is_anomaly, errors / errors.max())
print(f"Area under the curve: {area.result():.3f}")
print(f"Anomalies found: {np.mean(errors[is_anomaly == 1] > border):.3f}")
print(f"False alarms: {np.mean(errors[is_anomaly == 0] > border):.3f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(0, errors.max(), 30)
    axes.hist(errors[is_anomaly == 0], bins, density=True, color="#0072B2", label=f"the digit {options.digit}")
    other = {"density": True, "histtype": "step", "color": "#D55E00", "linewidth": 1.8, "label": "other digits"}
    axes.hist(errors[is_anomaly == 1], bins, **other)
    axes.axvline(border, color="black", linestyle=":", label="border")
    axes.set_xlabel("mean squared error of a picture")
    axes.set_ylabel("density")
    axes.legend(frameon=False)
    figure.savefig(options.plot, dpi=100)
