"""A convolutional autoencoder: digits through eight numbers and back.

    python autoencoder.py [--epochs N] [--plot FILE.png]

Compared with what a linear map through as many numbers can do at best (the principal components).
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Digits through eight numbers and back")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--code", type=int, default=8, help="how many numbers an image becomes")
parser.add_argument("--plot", help="a file for some digits before and after")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
(x_train, _), (x_test, _) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(-1, 8, 8, 1).astype("float32") / 16 for x in (x_train, x_test))

# The models: the autoencoder is the decoder after the encoder
encoder = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(options.code, name="code"),
    ],
    name="encoder",
)
decoder = keras.Sequential(
    [
        keras.Input((options.code,)),
        layers.Dense(2 * 2 * 32, activation="relu"),
        layers.Reshape((2, 2, 32)),
        layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ],
    name="decoder",
)
image = keras.Input((8, 8, 1))
autoencoder = keras.Model(image, decoder(encoder(image)), name="autoencoder")
autoencoder.summary()

# Training
autoencoder.compile(optimizer=keras.optimizers.Adam(0.003), loss="mse")
autoencoder.fit(x_train, x_train, epochs=options.epochs, batch_size=32, validation_data=(x_test, x_test), verbose=2)

# Evaluation
flat, mean = x_train.reshape(-1, 64), x_train.reshape(-1, 64).mean(0)
axes = np.linalg.svd(flat - mean, full_matrices=False)[2][: options.code]
centred = x_test.reshape(-1, 64) - mean
print(f"Mean squared error: {autoencoder.evaluate(x_test, x_test, verbose=0):.4f}")
components = centred @ axes.T @ axes
print(f"Principal components: {np.mean((centred - components) ** 2):.4f}")

if options.plot:
    from matplotlib.figure import Figure

    rows = {
        "digits": x_test,
        f"through {options.code} numbers": autoencoder.predict(x_test, verbose=0),
        f"{options.code} principal\ncomponents": components + mean,
    }
    figure = Figure(figsize=(8, 2.7), layout="constrained")
    for (name, pictures), places in zip(rows.items(), figure.subplots(3, 10)):
        places[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for picture, place in zip(pictures, places):
            place.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
    figure.savefig(options.plot, dpi=100)
