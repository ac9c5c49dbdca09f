"""Tutorial 1, section 4: handwritten digits with a network of three dense layers.

    python 1_mlp_mnist.py [--epochs N] [--samples N]

The tutorial's code, but for the imports and the lines marked "changed". Needs scikit-learn; MNIST is found through
CYGRAD_DATA or downloaded.
"""

import argparse
import time

from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from cygrad.datasets import mnist
from cygrad.layers import Dense
from cygrad.models import Sequential

parser = argparse.ArgumentParser(description="An MLP on MNIST, with a validation set")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, help="use only the first N images for training")
options = parser.parse_args()
start = time.perf_counter()

# The data
(X_train, y_train), (X_test, y_test) = mnist.load_data()
X_train, y_train = X_train[: options.samples], y_train[: options.samples]

# Each pixel to mean 0 and variance 1
# changed: StandardScaler takes matrices, so the 28x28 images become rows of 784; so does the first Dense layer
X_train, X_test = X_train.reshape(-1, 784), X_test.reshape(-1, 784)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test)

# A fifth of the training images for validation
X_train, X_val, y_train, y_val = train_test_split(X_train, y_train, test_size=0.2, random_state=42)

# The network
model = Sequential(
    [Dense(64, activation="relu", input_shape=(784,)), Dense(64, activation="relu"), Dense(10, activation="softmax")]
)

# Training
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

history = model.fit(X_train, y_train, epochs=options.epochs, batch_size=32, validation_data=(X_val, y_val))

# Evaluation
loss, accuracy = model.evaluate(X_test, y_test)
print("Test loss:", loss)
print("Test accuracy:", accuracy)
print(f"Time: {time.perf_counter() - start:.1f} s")
