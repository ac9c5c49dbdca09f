"""Transfer learning: what a network learned on some classes of pictures helps with others, of which there are few.

    python transfer_learning.py [FOLDER] [--epochs N] [--plot FILE.png]

The steps are those of Keras's guide: take a trained network without its classifier, freeze it, train a new classifier
on it, unfreeze, and train all of it a little with a small learning rate. Here the trained network comes from half of
the classes, so that nothing has to be downloaded; in earnest, one of cygrad.applications with its weights from a file
takes its place. FOLDER holds train/CLASS/*.jpg and test/CLASS/*.jpg; without it, cifar10-sample in the folder that the
environment variable CYGRAD_DATA names. Needs Pillow.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Transfer learning on a folder of pictures")
parser.add_argument("folder", nargs="?", type=Path, help="holds train/CLASS/ and test/CLASS/")
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--few", type=int, default=20, help="how many pictures there are of each new class")
parser.add_argument("--plot", help="a file for the accuracies")
options = parser.parse_args()
if options.folder is None and not os.environ.get("CYGRAD_DATA"):
    parser.error("give a FOLDER, or set CYGRAD_DATA to the folder that has cifar10-sample")
folder = options.folder or Path(os.environ["CYGRAD_DATA"], "cifar10-sample")
keras.utils.set_random_seed(1)

# The data: half of the classes is known, the other half is new
classes = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
known, new = classes[: len(classes) // 2], classes[len(classes) // 2 :]


def load(part, names, most=None):
    """Pictures [N,32,32,3] with values in 0 .. 255, and the places of their classes in names."""
    files = [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted((folder / part / name).glob("*.jpg"))[:most]
    ]
    pictures = np.empty((len(files), 32, 32, 3), np.float32)
    for picture, (path, _) in zip(pictures, files):
        with Image.open(path) as image:
            picture[...] = image.convert("RGB").resize((32, 32))
    return pictures, np.array([label for _, label in files])


def make_base():
    """A small network: pictures to features."""
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    for filters in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="base")


def make_classifier(base, count, training=None):
    """The base with a head; training=False keeps its batch normalization to the statistics that it has learned."""
    inputs = keras.Input((32, 32, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.Dropout(0.2)(base(x, training=training))
    return keras.Model(inputs, layers.Dense(count)(x))


def train(model, data, epochs, learning_rate):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(*data, epochs=epochs, batch_size=32, verbose=0)
    return model


# 1. The network that is to be transferred learns the known classes
base = make_base()
trained = train(make_classifier(base, len(known)), load("train", known), options.epochs, 0.002)
print(f"Accuracy on known classes: {trained.evaluate(*load('test', known), verbose=0)[1]:.3f}")
few, test = load("train", new, options.few), load("test", new)
print(f"Pictures of new classes: {len(few[0])}")

# 2. Frozen: its weights stay as they are; a new head learns the new classes
base.trainable = False
model = make_classifier(base, len(new), training=False)
print(f"Weights in training: {sum(w.size for w in model.trainable_weights)}")
before = base.get_weights()
train(model, few, options.epochs, 0.01)
assert all((a == b).all() for a, b in zip(before, base.get_weights()))
accuracies = {"frozen base": model.evaluate(*test, verbose=0)[1]}
print(f"Accuracy with a frozen base: {accuracies['frozen base']:.3f}")

# 3. Unfrozen: all weights learn a little; compile anew, for it takes note of what is trainable. Batch normalization
# still runs with its old statistics, because the base was called with training=False
base.trainable = True
train(model, few, options.epochs // 3, 0.0001)
accuracies["fine tuned"] = model.evaluate(*test, verbose=0)[1]
print(f"Accuracy fine tuned: {accuracies['fine tuned']:.3f}")

# For comparison: the same network, from the start
scratch = train(make_classifier(make_base(), len(new)), few, options.epochs, 0.002)
accuracies["from scratch"] = scratch.evaluate(*test, verbose=0)[1]
print(f"Accuracy from scratch: {accuracies['from scratch']:.3f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 1.9), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(accuracies), list(accuracies.values()), color="#0072B2", height=0.6)
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.set(xlabel=f"accuracy on the new classes; by chance {1 / len(new):.1f}", xlim=(0, 1.1))
    axes.invert_yaxis()
    figure.savefig(options.plot, dpi=100)
