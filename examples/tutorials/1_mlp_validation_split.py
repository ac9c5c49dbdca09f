"""Tutorial 1, section 3: a network of three dense layers, taught step by step on MNIST.

    python 1_mlp_validation_split.py [--epochs N] [--samples N]

The tutorial's code, but for the imports and the lines marked "changed". Needs scikit-learn; MNIST is found through
CYGRAD_DATA or downloaded.
"""

import argparse
import time
from types import SimpleNamespace

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import cygrad as keras

parser = argparse.ArgumentParser(description="An MLP on MNIST, with validation_split")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, help="use only the first N images")
options = parser.parse_args()
start = time.perf_counter()

# changed: the tutorial does not say what its dataset is; 784 inputs and 10 classes are MNIST
(x_first, y_first), (x_second, y_second) = keras.datasets.mnist.load_data()
dataset = SimpleNamespace(
    data=np.concatenate([x_first, x_second]).reshape(-1, 784)[: options.samples],
    target=np.concatenate([y_first, y_second])[: options.samples],
)

# The network
model = keras.Sequential(
    [
        keras.layers.Dense(64, activation="relu", input_shape=(784,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)

# The data
X = dataset.data
y = dataset.target

# Each pixel to mean 0 and variance 1
scaler = StandardScaler()
X = scaler.fit_transform(X)

# A fifth for the test
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

# Training
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

history = model.fit(X_train, y_train, epochs=options.epochs, batch_size=32, validation_split=0.1)

# Evaluation
loss, accuracy = model.evaluate(X_test, y_test)
print("Test loss:", loss)
print("Test accuracy:", accuracy)
print(f"Time: {time.perf_counter() - start:.1f} s")
