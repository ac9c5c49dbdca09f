"""A language model of characters: it learns Python's own manual, letter by letter, and writes on.

    python character_language_model.py [--epochs N] [--characters N] [--plot FILE.png]

The text ships with Python: the topics that help() shows. The network reads a character at a time and says how likely
each next one is; trained, it writes by drawing from what it says. Its score is in bits a character: how many one would
need to store the text with its help. Letter frequencies alone give the first figure to beat.
"""

import argparse
import pydoc_data.topics

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Python's manual, letter by letter")
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--characters", type=int, default=200_000)
parser.add_argument("--plot", help="a file for the loss by epoch")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data: windows of the text, and the same a character later
topics = pydoc_data.topics.topics
text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))[: options.characters]
characters = sorted(set(text))
numbers = {c: i for i, c in enumerate(characters)}
codes = np.array([numbers[c] for c in text], "int32")
LENGTH, STEP = 64, 32
starts = np.arange(0, len(codes) - LENGTH - 1, STEP)
windows = codes[starts[:, None] + np.arange(LENGTH + 1)]
split = int(len(windows) * 0.9)
train, test = windows[:split], windows[split + LENGTH // STEP :]  # windows overlap: none stands in both

# The model
model = keras.Sequential(
    [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(characters), 32),
        layers.GRU(128, return_sequences=True),
        layers.Dense(len(characters)),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.004), loss, metrics=["accuracy"])
held_out = (test[:, :-1], test[:, 1:])
history = model.fit(
    train[:, :-1], train[:, 1:], epochs=options.epochs, batch_size=32, validation_data=held_out, verbose=2
)

# Writing: a model of the same weights that takes one character and keeps its state
writer = keras.Sequential(
    [
        keras.Input(batch_shape=(1, 1), dtype="int32"),
        layers.Embedding(len(characters), 32),
        layers.GRU(128, stateful=True),
        layers.Dense(len(characters)),
    ]
)
writer.set_weights(model.get_weights())
rng, written = np.random.default_rng(1), "The "
for c in written:
    logits = writer.predict(np.array([[numbers[c]]]), verbose=0)[0]
for _ in range(240):
    odds = np.exp((logits - logits.max()).astype("float64") / 0.6)  # a temperature of 0.6: the likely becomes likelier
    c = characters[rng.choice(len(characters), p=odds / odds.sum())]
    written += c
    logits = writer.predict(np.array([[numbers[c]]]), verbose=0)[0]
print(written)

frequencies = np.bincount(train[:, 1:].ravel(), minlength=len(characters)) + 1.0
bits = -np.log2(frequencies / frequencies.sum())[test[:, 1:]].mean()
print(f"Bits a character by frequencies: {bits:.2f}")
print(f"Bits a character by the network: {history.history['val_loss'][-1] / np.log(2):.2f}")
if options.plot:
    keras.utils.plot_history(history, options.plot)
