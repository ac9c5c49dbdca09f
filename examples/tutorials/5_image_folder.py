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

from cygrad.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from cygrad.models import Sequential
from cygrad.preprocessing.image import ImageDataGenerator

parser = argparse.ArgumentParser(description="A CNN on a folder of images")
parser.add_argument("folder", nargs="?", type=Path, help="holds train/CLASS/ and test/CLASS/")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, help="use only N images for training and as many for the test")
options = parser.parse_args()
if options.folder is None and not os.environ.get("CYGRAD_DATA"):
    parser.error("give a FOLDER, or set CYGRAD_DATA to the folder that has cifar10-sample")
folder = options.folder or Path(os.environ["CYGRAD_DATA"], "cifar10-sample")
start = time.perf_counter()

train_data_dir, test_data_dir = str(folder / "train"), str(folder / "test")

# The generator
datagen = ImageDataGenerator(
    rescale=1.0 / 255,
    rotation_range=40,
    width_shift_range=0.2,
    height_shift_range=0.2,
    shear_range=0.2,
    zoom_range=0.2,
    horizontal_flip=True,
    fill_mode="nearest",
)

# The folder that it reads
datagen.fit(train_data_dir)


def load(datagen, data_dir):
    X_data, y_data = [], []
    batches = datagen.flow(data_dir, target_size=(224, 224), batch_size=32, class_mode="categorical")
    for X_batch, y_batch in batches:
        X_batch = X_batch.astype("float32")
        # changed: the tutorial divides by 255 here, too, and makes one-hot rows of what are one-hot rows already
        X_data.append(X_batch)
        y_data.append(y_batch)
        # changed: added, for the batches of a generator have no end
        if len(X_data) == len(batches) or 32 * len(X_data) >= (options.samples or np.inf):
            break
    # changed: np.array makes an array of batches, for which fit has no use
    return np.concatenate(X_data)[: options.samples], np.concatenate(y_data)[: options.samples]


X_train, y_train = load(datagen, train_data_dir)
# changed: the tutorial does not say where X_test comes from; pictures for the test are taken as they are
X_test, y_test = load(ImageDataGenerator(rescale=1.0 / 255), test_data_dir)
num_classes = y_train.shape[1]
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
