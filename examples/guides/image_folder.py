"""A folder of pictures, one subfolder a class, with and without augmentation.

    python image_folder.py [FOLDER] [--epochs N] [--size N] [--plot FILE.png]

FOLDER holds train/CLASS/*.jpg and test/CLASS/*.jpg; without it, cifar10-sample in the folder that the environment
variable CYGRAD_DATA names: 1,500 small photographs to learn from. The same network is trained twice, on the pictures as
they are, which it soon knows by heart, and on pictures that are turned, moved, zoomed and mirrored anew each time.
"""

import argparse
import os
from pathlib import Path

import cygrad as keras
from cygrad import layers
from cygrad.preprocessing.image import ImageDataGenerator

parser = argparse.ArgumentParser(description="A folder of pictures, with and without augmentation")
parser.add_argument("folder", nargs="?", type=Path, help="holds train/CLASS/ and test/CLASS/")
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--size", type=int, default=32, help="pictures are made that wide and high")
parser.add_argument("--plot", help="a file for the curves and for some augmented pictures")
options = parser.parse_args()
if options.folder is None and not os.environ.get("CYGRAD_DATA"):
    parser.error("give a FOLDER, or set CYGRAD_DATA to the folder that has cifar10-sample")
folder = options.folder or Path(os.environ["CYGRAD_DATA"], "cifar10-sample")
size = (options.size, options.size)

plain = ImageDataGenerator(rescale=1 / 255)
varied = ImageDataGenerator(
    rescale=1 / 255,
    rotation_range=15,
    width_shift_range=0.1,
    height_shift_range=0.1,
    zoom_range=0.15,
    horizontal_flip=True,
)
test = plain.flow_from_directory(folder / "test", target_size=size, batch_size=100, shuffle=False)


def network():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((*size, 3))])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.4))
    model.add(layers.Dense(test.num_classes, activation="softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


# Pictures are read and augmented by threads, ahead of training
histories = {}
for name, generator in (("as they are", plain), ("augmented", varied)):
    train = generator.flow_from_directory(folder / "train", target_size=size, batch_size=32, seed=1)
    model = network()
    histories[name] = model.fit(train, epochs=options.epochs, validation_data=test, verbose=2).history
    _, accuracy = model.evaluate(test, verbose=0)
    print(f"Training accuracy of pictures {name}: {histories[name]['accuracy'][-1]:.3f}")
    print(f"Test accuracy of pictures {name}: {accuracy:.3f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.7), layout="constrained")
    left, right = figure.subfigures(1, 2)
    axes = left.subplots()
    for (name, history), colour, marker in zip(histories.items(), ("#D55E00", "#0072B2"), "so"):
        epochs = range(1, options.epochs + 1)
        style = {"color": colour, "marker": marker, "markersize": 4, "markevery": max(1, options.epochs // 6)}
        axes.plot(epochs, history["accuracy"], "--", label=f"training, {name}", **style)
        axes.plot(epochs, history["val_accuracy"], label=f"test, {name}", **style)
    axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(fontsize=8, loc="lower right")
    # Two pictures, each as it is and in five variations
    x, _ = test[0]
    grid = right.subplots(2, 6, gridspec_kw={"wspace": 0.05, "hspace": 0.05})
    for picture, row in zip(x[[32, 62]], grid):
        for column, axes in enumerate(row):
            shown = picture if column == 0 else varied.random_transform(picture, seed=column)
            axes.imshow(shown, interpolation="nearest")
            axes.set_axis_off()
    right.suptitle("pictures as they are (left), and augmented", fontsize=9)
    figure.savefig(options.plot, dpi=100)
