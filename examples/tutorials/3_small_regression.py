"""Tutorial 3: regression of one value from three features with a small network.

    python 3_small_regression.py [--epochs N]

The tutorial's code, but for the imports and the lines marked "changed".
"""

import argparse
import time

import numpy as np

import cygrad as keras

parser = argparse.ArgumentParser(description="A small regression")
parser.add_argument("--epochs", type=int, default=100)
options = parser.parse_args()
start = time.perf_counter()

# changed: the tutorial leaves data, labels, X_test and y_test undefined; here three numbers and a function of them
rng = np.random.default_rng(42)
points = rng.random((1000, 3))
targets = points @ [1, -2, 3] + points[:, 0] * points[:, 1]
data, labels = points[:800], targets[:800]
X_test, y_test = points[800:], targets[800:, None]

# The data
X = np.array([[x1, x2, x3] for x1, x2, x3 in data])
y = np.array([[y] for y in labels])

# The network
model = keras.models.Sequential([keras.layers.Dense(10, activation="relu", input_shape=(3,)), keras.layers.Dense(1)])

# Training
# (accuracy says nothing in a regression: it counts predictions that equal their target. The tutorial asks for it, fit
# warns.)
model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
model.fit(X, y, epochs=options.epochs, batch_size=32, verbose=2)

# Evaluation
loss, accuracy = model.evaluate(X_test, y_test)
print("Loss:", loss)
print("Accuracy:", accuracy)
print("Variance of the targets:", y_test.var())  # changed: added, the loss of a model that always says the mean
print(f"Time: {time.perf_counter() - start:.1f} s")
