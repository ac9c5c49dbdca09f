"""Digits or clothes by a small convolutional network.

    python vision.py [digits|mnist|fashion_mnist] [--epochs N] [--samples N] [--plot FILE.png]

The digits come with cygrad; mnist and fashion_mnist are read from the folder in the environment variable CYGRAD_DATA,
or downloaded once.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Digits or clothes by a convolutional network")
parser.add_argument("dataset", nargs="?", default="digits", choices=["digits", "mnist", "fashion_mnist"])
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--samples", type=int, help="train on this many pictures only")
parser.add_argument("--plot", help="a file for the pictures that are taken for something else")
options = parser.parse_args()
keras.utils.set_random_seed(1)

CLOTHES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
names = CLOTHES if options.dataset == "fashion_mnist" else [str(digit) for digit in range(10)]

# The data: [pictures, height, width, 1] from 0 to 1
(x_train, y_train), (x_test, y_test) = getattr(keras.datasets, options.dataset).load_data()
x_train, y_train = x_train[: options.samples, ..., None], y_train[: options.samples]
scale = 1 / x_train.max()

# The model
model = keras.Sequential(
    [
        keras.Input(x_train.shape[1:]),
        layers.Rescaling(scale),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
model.fit(x_train, y_train, epochs=options.epochs, validation_split=0.1, callbacks=[stop], verbose=2)
_, accuracy = model.evaluate(x_test[..., None], y_test, verbose=0)
print(f"Test accuracy: {accuracy:.3f}")

# The mistakes it is surest of
odds = model.predict(x_test[..., None], verbose=0)
said = odds.argmax(1)
wrong = np.flatnonzero(said != y_test)
wrong = wrong[np.argsort(-odds[wrong, said[wrong]])][:10]
if options.plot:
    from matplotlib.figure import Figure

    rows = max(1, -(-len(wrong) // 5))
    figure = Figure(figsize=(8, 1.9 * rows), layout="constrained")
    for axes in figure.subplots(rows, 5).flat:
        axes.set_axis_off()
    for axes, i in zip(figure.axes, wrong):
        axes.imshow(x_test[i], cmap="gray_r")
        axes.set_title(f"{names[y_test[i]]}, taken\nfor {names[said[i]]}", fontsize=9)
    figure.savefig(options.plot, dpi=100)
