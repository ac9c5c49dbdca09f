"""An LSTM that reads text: are the brackets of an expression balanced?

    python lstm_text.py [--epochs N]

The texts are made here: expressions such as "(a+[b*c])", half of them spoilt by exchanging, adding or taking away one
bracket. Their letters become numbers, padded with 0, which Embedding(mask_zero=True) hides from the layers after it.
"""

import argparse
import random

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Balanced brackets, read by an LSTM")
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--samples", type=int, default=8000)
options = parser.parse_args()
keras.utils.set_random_seed(1)

LETTERS = "abc+*()[]"
LONGEST = 32


def expression(depth):
    if depth == 0 or random.random() < 0.2:
        return random.choice("abc")
    inner = expression(depth - 1) + random.choice("+*") + expression(depth - 1)
    return random.choice(["({})", "[{}]", "{}"]).format(inner)


def spoilt(text):
    places = [i for i, letter in enumerate(text) if letter in "()[]"]
    place = random.choice(places)
    return text[:place] + random.choice(["", *"()[]".replace(text[place], "")]) + text[place + 1 :]


def samples(n):
    texts, labels = [], []
    while len(texts) < n:
        text = expression(4)
        if len(text) < LONGEST and ("(" in text or "[" in text):
            label = random.randrange(2)
            texts.append(text if label else spoilt(text))
            labels.append(label)
    numbers = [[LETTERS.index(letter) + 1 for letter in text] for text in texts]
    return keras.utils.pad_sequences(numbers, maxlen=LONGEST, padding="post"), np.array(labels)


x_train, y_train = samples(options.samples)
x_test, y_test = samples(1000)

# The model
model = keras.Sequential(
    [
        keras.Input(shape=(LONGEST,), dtype="int32"),
        layers.Embedding(len(LETTERS) + 1, 16, mask_zero=True),
        layers.Bidirectional(layers.LSTM(32)),
        layers.Dense(32, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=options.epochs, batch_size=64, validation_split=0.1, verbose=2)

# Evaluation
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Test accuracy: {accuracy:.3f}")
