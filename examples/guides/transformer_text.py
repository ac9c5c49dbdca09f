"""A small Transformer: does a sequence hold two equal tokens? A question for attention: each token asks all others.

    python transformer_text.py [--epochs N]

The sequences are made here: 10 of 30 tokens, all different, or with exactly one that comes twice.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers, ops

parser = argparse.ArgumentParser(description="Equal tokens, found by a Transformer")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--samples", type=int, default=20000)
options = parser.parse_args()
keras.utils.set_random_seed(1)

TOKENS, LENGTH, WIDTH = 30, 10, 32
rng = np.random.default_rng(1)


def samples(n):
    x = np.array([rng.permutation(TOKENS)[:LENGTH] for _ in range(n)])
    y = rng.integers(0, 2, n)
    for row in np.flatnonzero(y):
        first, second = rng.choice(LENGTH, 2, replace=False)
        x[row, second] = x[row, first]
    return x, y


class TransformerBlock(layers.Layer):
    def __init__(self, width, heads, hidden, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.att = layers.MultiHeadAttention(num_heads=heads, key_dim=width)
        self.ffn = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(width)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs, training=None):
        attended = self.dropout1(self.att(inputs, inputs), training=training)
        x = self.layernorm1(inputs + attended)
        return self.layernorm2(x + self.dropout2(self.ffn(x), training=training))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, length, tokens, width, **kwargs):
        super().__init__(**kwargs)
        self.token_emb = layers.Embedding(input_dim=tokens, output_dim=width)
        self.pos_emb = layers.Embedding(input_dim=length, output_dim=width)

    def call(self, x):
        positions = ops.arange(0, x.shape[-1], 1)
        return self.token_emb(x) + self.pos_emb(positions)


inputs = layers.Input(shape=(LENGTH,), dtype="int32")
x = TokenAndPositionEmbedding(LENGTH, TOKENS, WIDTH)(inputs)
x = TransformerBlock(WIDTH, 4, 64)(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(32, activation="relu")(x)
outputs = layers.Dense(2, activation="softmax")(x)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.Adam(0.002), loss="sparse_categorical_crossentropy", metrics=["accuracy"])

x_train, y_train = samples(options.samples)
x_test, y_test = samples(2000)
model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, validation_split=0.1, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Test accuracy: {accuracy:.3f}")
