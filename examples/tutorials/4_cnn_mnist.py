"""Tutorial 4: handwritten digits with a convolutional network.

    python 4_cnn_mnist.py [--epochs N] [--samples N]

The tutorial's code, but for the imports and the lines marked "changed". MNIST is found through CYGRAD_DATA or
downloaded.
"""

import argparse
import time

import cygrad as keras
from cygrad.layers import Conv2D, Dense, Flatten, MaxPooling2D
from cygrad.models import Sequential

parser = argparse.ArgumentParser(description="A CNN on MNIST")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, help="use only the first N images for training")
options = parser.parse_args()
start = time.perf_counter()

# changed: the tutorial leaves its data undefined; a 28x28x1 input and ten classes are MNIST, scaled to 0 .. 1
(X_train, y_train), (X_test, y_test) = keras.datasets.mnist.load_data()
X_train, y_train = X_train[: options.samples], y_train[: options.samples]
X_train = X_train[..., None].astype("float32") / 255
X_test = X_test[..., None].astype("float32") / 255

# The network
model = Sequential()
model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
model.add(MaxPooling2D((2, 2)))
model.add(Conv2D(64, (3, 3), activation="relu"))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dense(128, activation="relu"))
model.add(Dense(10, activation="softmax"))

# Training
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

model.fit(X_train, y_train, epochs=options.epochs, batch_size=32)

# Evaluation
loss, accuracy = model.evaluate(X_test, y_test)  # changed: the tutorial throws the result away
print("Test loss:", loss)
print("Test accuracy:", accuracy)
print(f"Time: {time.perf_counter() - start:.1f} s")
