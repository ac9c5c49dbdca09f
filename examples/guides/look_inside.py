"""Looking into a network: its drawing, a learning rate, histograms by epoch, filters, maps, and what it confuses.

    python look_inside.py [--epochs N] [--folder FOLDER]

The digits that come with cygrad, 8 x 8 pixels. Each picture is one call; all go into the folder.
"""

import argparse
from pathlib import Path

import cygrad as keras
from cygrad import layers, utils

parser = argparse.ArgumentParser(description="Pictures of a network that learns digits")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--folder", type=Path, default="look_inside", help="where the pictures go")
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)
utils.set_random_seed(1)

(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = x_train[..., None] / 16.0, x_test[..., None] / 16.0

# Two paths through the picture: narrow and wide filters
inputs = keras.Input((8, 8, 1), name="picture")
narrow = layers.Conv2D(16, 3, padding="same", activation="relu", name="narrow")(inputs)
wide = layers.Conv2D(16, 5, padding="same", activation="relu", name="wide")(inputs)
both = layers.Concatenate(name="both")([narrow, wide])
pooled = layers.MaxPooling2D(2, name="pooled")(both)
outputs = layers.Dense(10, activation="softmax", name="digit")(layers.Flatten(name="flat")(pooled))
model = keras.Model(inputs, outputs)
print(utils.plot_model(model, options.folder / "model.png", show_shapes=True))

model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
found = utils.find_learning_rate(model, x_train, y_train, lowest=1e-4)
utils.plot_learning_rates(found, options.folder / "learning_rate.png")
model.optimizer.learning_rate = found.suggestion

histograms = keras.callbacks.Histograms()
history = model.fit(x_train, y_train, epochs=options.epochs, validation_split=0.1, callbacks=[histograms], verbose=0)
utils.plot_history(history, options.folder / "history.png")
utils.plot_histograms(histograms, options.folder / "histograms.png")
utils.plot_filters(model.get_layer("wide"), options.folder / "filters.png")
utils.plot_feature_maps(model, x_test[3], "wide", options.folder / "feature_maps.png")
utils.plot_confusion_matrix(y_test, model.predict(x_test, verbose=0), path=options.folder / "confusion.png")

_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Learning rate: {found.suggestion:.3f}")
print(f"Test accuracy: {accuracy:.3f}")
print(f"Pictures in {options.folder}")
