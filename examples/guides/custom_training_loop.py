"""A training loop of one's own: GradientTape, an optimizer, a metric, and nothing of fit.

python custom_training_loop.py [--epochs N]
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="GradientTape instead of fit")
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(len(x), -1).astype("float32") / 16 for x in (x_train, x_test))

# The model
inputs = keras.Input(shape=(64,))
x = layers.Dense(64, activation="relu")(inputs)
outputs = layers.Dense(10)(x)
model = keras.Model(inputs=inputs, outputs=outputs)

optimizer = keras.optimizers.Adam(learning_rate=0.002)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = keras.metrics.SparseCategoricalAccuracy()

# Training
batch, rng = 32, np.random.default_rng(1)
for epoch in range(options.epochs):
    order, losses = rng.permutation(len(x_train)), []
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        with keras.GradientTape() as tape:
            logits = model(x_train[chosen], training=True)
            loss = loss_fn(y_train[chosen], logits)
        gradients = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights))
        accuracy.update_state(y_train[chosen], logits)
        losses.append(float(loss))
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, accuracy {float(accuracy.result()):.3f}")
    accuracy.reset_state()

# Evaluation
accuracy.update_state(y_test, model(x_test, training=False))
print(f"Test accuracy: {float(accuracy.result()):.3f}")
