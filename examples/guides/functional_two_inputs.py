"""A functional model with two inputs and two outputs: an image of a digit and a number, their sum and the digit itself.

    python functional_two_inputs.py [--epochs N]

The images are the digits that come with cygrad; the second input is a one-digit number, one-hot. One network reads the
image; its features serve both outputs, each with a loss and a weight of its own.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Two inputs, two outputs")
parser.add_argument("--epochs", type=int, default=40)
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
rng = np.random.default_rng(1)


def with_numbers(images, digits):
    """Inputs and targets by name: every image with a random number."""
    numbers = rng.integers(0, 10, len(digits))
    inputs = {"image": images / 16, "number": keras.utils.to_categorical(numbers, 10)}
    return inputs, {"digit": digits, "sum": digits + numbers}


train, test = with_numbers(x_train, y_train), with_numbers(x_test, y_test)

# The model
image = keras.Input(shape=(8, 8), name="image")
number = keras.Input(shape=(10,), name="number")
features = layers.Dense(64, activation="relu")(layers.Flatten()(image))
digit = layers.Dense(10, activation="softmax", name="digit")(features)
both = layers.concatenate([features, number])
total = layers.Dense(64, activation="relu")(both)
total = layers.Dense(19, activation="softmax", name="sum")(total)
model = keras.Model(inputs=[image, number], outputs={"digit": digit, "sum": total})
model.summary()

# Training
model.compile(
    optimizer="adam",
    loss={"digit": "sparse_categorical_crossentropy", "sum": "sparse_categorical_crossentropy"},
    loss_weights={"digit": 0.3, "sum": 1.0},
    metrics={"digit": ["accuracy"], "sum": ["accuracy"]},
)
model.fit(*train, epochs=options.epochs, batch_size=32, validation_split=0.1, verbose=2)

# Evaluation
results = model.evaluate(*test, verbose=0, return_dict=True)
print(f"Accuracy of digits: {results['digit_accuracy']:.3f}")
print(f"Accuracy of sums: {results['sum_accuracy']:.3f}")
