"""Tutorial 2: linear regression of y = x^2 + noise by three linear layers, which together are one straight line.

    python 2_linear_regression.py [--epochs N]

The tutorial's code, but for the imports and the lines marked "changed".
"""

import argparse
import time

import numpy as np

from cygrad.layers import Dense
from cygrad.models import Sequential
from cygrad.utils import set_random_seed

parser = argparse.ArgumentParser(description="A straight line through noisy points")
parser.add_argument("--epochs", type=int, default=1000)
options = parser.parse_args()
start = time.perf_counter()

# The data
set_random_seed(42)  # changed: also seeds the weights; the product of three can start so near 0 that it stays there
X = np.random.rand(100, 1)
y = X**2 + np.random.rand(100, 1)

# The network
model = Sequential()
model.add(Dense(1, input_dim=1, activation="linear"))
model.add(Dense(1, activation="linear"))
model.add(Dense(1, activation="linear"))

# Training
model.compile(loss="mse", optimizer="sgd")

model.fit(X, y, epochs=options.epochs, verbose=0)  # changed: verbose=0, for a thousand lines say little

# Prediction
predictions = model.predict(X)

# changed: the tutorial prints nothing; least squares is the best that a straight line can do
slope, intercept = np.polyfit(X[:, 0], y[:, 0], 1)
print("Mean squared error:", np.mean((predictions - y) ** 2))
print("Least squares:     ", np.mean((slope * X + intercept - y) ** 2))
print(f"Time: {time.perf_counter() - start:.1f} s")
