"""Vowels by their sound: a one-dimensional convolution over a spectrogram.

    python audio_vowels.py [--epochs N] [--plot FILE.png]

The sounds are made here, as a voice makes them: harmonics of a pitch, louder where the mouth resounds. Ten vowels have
the resonances that Peterson and Barney measured (J. Acoust. Soc. Am. 24, 1952, table II); pitch, size of the speaker's
mouth, length, loudness and noise are drawn for each sound. Speakers of the test are larger or smaller than all of the
training.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Ten vowels by a convolution over time")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--plot", help="a file for a spectrogram of each vowel")
options = parser.parse_args()
keras.utils.set_random_seed(1)

VOWELS = {  # a word, and the three resonances in Hz
    "heed": (270, 2290, 3010), "hid": (390, 1990, 2550), "head": (530, 1840, 2480), "had": (660, 1720, 2410),
    "hod": (730, 1090, 2440), "hawed": (570, 840, 2410), "hood": (440, 1020, 2240), "who'd": (300, 870, 2240),
    "hud": (640, 1190, 2390), "heard": (490, 1350, 1690),
}  # fmt: skip
RATE, SAMPLES, WINDOW, HOP, BANDS = 8000, 4000, 256, 128, 32


def sound(rng, resonances, size):
    """Half a second: harmonics of a gliding pitch through three resonances, and noise."""
    t = np.arange(SAMPLES) / RATE
    pitch = rng.uniform(90, 180) * size * (1 + 0.1 * rng.normal() * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.zeros(SAMPLES)
    for k in range(1, int(RATE / 2 / pitch.max())):
        f = k * pitch.mean()
        gain = sum(1 / (1 + ((f - size * r) / (40 + 0.03 * r)) ** 2) / (i + 1) for i, r in enumerate(resonances))
        wave += gain / k**0.5 * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
    begin, end = rng.integers(0, SAMPLES // 4), rng.integers(SAMPLES * 3 // 4, SAMPLES)
    wave[:begin] = wave[end:] = 0
    return rng.uniform(0.3, 1) * wave + rng.normal(size=SAMPLES) * 0.02


# Bands that are narrow where pitch is low, as in the ear: the mel scale, 2595 log10(1 + f / 700)
edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
frequency = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
rising, falling = (frequency - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - frequency) / np.diff(edges)[1:]
FILTERS = np.maximum(np.minimum(rising, falling), 0)


def spectrogram(wave):
    """The logarithm of the power in each band: [time, BANDS]."""
    starts = np.arange(0, SAMPLES - WINDOW + 1, HOP)
    frames = wave[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    return np.log(np.abs(np.fft.rfft(frames)) ** 2 @ FILTERS + 1e-3)


def speakers(seed, n, sizes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(VOWELS), n)
    resonances = list(VOWELS.values())
    return np.stack([spectrogram(sound(rng, resonances[i], rng.choice(sizes))) for i in labels]), labels


x_train, y_train = speakers(1, 1500, np.linspace(0.95, 1.15, 50))
x_test, y_test = speakers(2, 500, np.r_[0.9:0.95:10j, 1.15:1.2:10j])

model = keras.Sequential(
    [
        keras.Input(x_train.shape[1:]),
        layers.Normalization(),
        layers.Conv1D(32, 5, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(64, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dropout(0.3),
        layers.Dense(len(VOWELS), activation="softmax"),
    ]
)
model.layers[0].adapt(x_train)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=options.epochs, verbose=2)
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Accuracy for other speakers: {accuracy:.3f}")
print(f"Accuracy by chance: {1 / len(VOWELS):.3f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(2, 5, sharex=True, sharey=True)
    extent = [0, SAMPLES / RATE, 0, BANDS]
    for axes, (word, resonances) in zip(panels.flat, VOWELS.items()):
        picture = spectrogram(sound(np.random.default_rng(3), resonances, 1.0)).T
        axes.imshow(picture, origin="lower", aspect="auto", cmap="gray_r", extent=extent)
        axes.set_title(word)
    figure.supxlabel("time in s")
    figure.supylabel("mel band")
    figure.savefig(options.plot, dpi=100)
