"""Tutorial 5: a convolutional network on a folder of images, one subfolder a class.

    python 5_image_folder.py [FOLDER] [--epochs N] [--samples N]

FOLDER holds train/CLASS/*.jpg and test/CLASS/*.jpg (or .png); without it, cifar10-sample in the folder that the
environment variable CYGRAD_DATA names. The tutorial's code, but for the imports and the lines marked "changed". Needs
Pillow.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

import cygrad as keras
from cygrad.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from cygrad.models import Sequential

parser = argparse.ArgumentParser(description="A CNN on a folder of images")
parser.add_argument("folder", nargs="?", type=Path, help="holds train/CLASS/ and test/CLASS/")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, help="use only N images for training and as many for the test, taken evenly")
options = parser.parse_args()
if options.folder is None and not os.environ.get("CYGRAD_DATA"):
    parser.error("give a FOLDER, or set CYGRAD_DATA to the folder that has cifar10-sample")
folder = options.folder or Path(os.environ["CYGRAD_DATA"], "cifar10-sample")
start = time.perf_counter()

classes = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
num_classes = len(classes)


# changed: the tutorial's loop over its generator never ends, passes a folder where arrays are expected, and divides by
# 255 twice (rescale and again in the loop); here each image is read once, resized as target_size says and divided once.
# The generator's rotations, shifts, shears, zooms and flips are left out.
def load(part):
    files = []
    for label, name in enumerate(classes):
        paths = sorted((folder / part / name).iterdir())
        files += [(path, label) for path in paths if path.suffix in (".jpg", ".jpeg", ".png")]
    if options.samples is not None:
        files = files[:: max(len(files) // options.samples, 1)][: options.samples]
    X = np.empty((len(files), 224, 224, 3), dtype="float32")
    for x, (path, _) in zip(X, files):
        with Image.open(path) as image:
            x[...] = image.convert("RGB").resize((224, 224))
    X /= 255
    # The labels as one-hot rows
    y = keras.utils.to_categorical([label for _, label in files], num_classes)
    return X, y


X_train, y_train = load("train")
X_test, y_test = load("test")
print(f"{len(X_train)} images for training, {len(X_test)} for the test, in {num_classes} classes")

# The network
model = Sequential()

model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(224, 224, 3)))
model.add(MaxPooling2D((2, 2)))

model.add(Conv2D(64, (3, 3), activation="relu"))
model.add(MaxPooling2D((2, 2)))

model.add(Flatten())
model.add(Dense(128, activation="relu"))
model.add(Dropout(0.5))
model.add(Dense(num_classes, activation="softmax"))

model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

# Training
model.fit(
    X_train,
    y_train,
    batch_size=32,
    epochs=options.epochs,
    verbose=1,
    validation_data=(X_test, y_test),
)

# changed: added, the tutorial ends here
loss, accuracy = model.evaluate(X_test, y_test)
print("Test loss:", loss)
print("Test accuracy:", accuracy)
print(f"Time: {time.perf_counter() - start:.1f} s")
