"""Augmenting and reading pictures: python -m benchmarks.images [--rounds 5] [--size 224] [--batch 32]

1. A batch of ImageDataGenerator with the settings of tutorial 5 (rotation 40, shifts, shear and zoom 0.2, horizontal
   flip, rescale, nearest) for pictures in memory, beside Keras's generator where Keras, scipy and Pillow are there:
   the same pictures and the same random numbers, compared first, then timed in turns; the best of the rounds counts.
2. Training on JPEG files that this program makes: the seconds of an epoch, and the part of them in which the training
   loop waits for pictures; with files read by the training thread (workers=0), and by threads ahead of it.
"""

import argparse
import importlib
import importlib.util
import os
import tempfile
import time

import numpy as np

import cygrad
from cygrad.preprocessing.image import ImageDataGenerator

SETTINGS = {
    "rescale": 1 / 255, "rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0.2,
    "zoom_range": 0.2, "horizontal_flip": True, "fill_mode": "nearest",
}  # fmt: skip


def keras_generator():
    """Keras's class, or None with the reason printed."""
    for backend in ("torch", "jax", "tensorflow"):
        if importlib.util.find_spec(backend):
            os.environ.setdefault("KERAS_BACKEND", backend)
    try:
        importlib.import_module("scipy.ndimage")
        return importlib.import_module("keras.src.legacy.preprocessing.image").ImageDataGenerator
    except ImportError as error:
        print(f"Keras is left out: {error}")
        return None


def compare(x, keras):
    """Raises AssertionError unless both make the same of the same random numbers. Keras takes a shift of the height for
    one of the width and the reverse, so that shifts are given to both by name."""
    mine, theirs = ImageDataGenerator(**SETTINGS), keras(**SETTINGS)
    drawn = [mine.get_random_transform(x.shape[1:], seed) for seed in range(len(x))]
    got = mine.batch(x, None, drawn)
    want = np.stack([theirs.standardize(theirs.apply_transform(a.astype("float32"), p)) for a, p in zip(x, drawn)])
    np.testing.assert_allclose(got, want, atol=1e-5)


def augment(options):
    # smooth pictures, as photographs are
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (options.batch, 16, 16, 3)).astype("float32")
    x = np.asarray(cygrad.ops.image.resize(coarse, (options.size, options.size))).astype("uint8")
    keras, flows = keras_generator(), {}
    if keras:
        compare(x[:8], keras)
        flows["Keras"] = keras(**SETTINGS).flow(x, batch_size=options.batch, seed=1)
    flows["cygrad, uint8"] = ImageDataGenerator(**SETTINGS).flow(x, batch_size=options.batch, seed=1)
    flows["cygrad, float32"] = ImageDataGenerator(**SETTINGS).flow(
        x.astype("float32"), batch_size=options.batch, seed=1
    )
    best = dict.fromkeys(flows, float("inf"))
    for _ in range(options.rounds):
        for name, flow in flows.items():
            for _ in range(1 if name == "Keras" else 5):
                start = time.perf_counter()
                next(flow)
                best[name] = min(best[name], time.perf_counter() - start)
    print(f"Augmenting {options.batch} pictures of {options.size} x {options.size}")
    for name, seconds in best.items():
        ratio = f", {best['Keras'] / seconds:.0f} times as fast as Keras" if keras and name != "Keras" else ""
        print(f"  {name:16} {1000 * seconds:8.1f} ms{ratio}")


class Watched:
    """An iterator's epochs, with the seconds that its next() takes."""

    def __init__(self, source):
        self.source, self.waited = source, []

    def __len__(self):
        return len(self.source)

    def __iter__(self):
        batches = self.source.batches()
        for _ in range(len(self)):
            start = time.perf_counter()
            batch = next(batches)
            self.waited.append(time.perf_counter() - start)
            yield batch


def read(options):
    from PIL import Image

    rng = np.random.default_rng(0)
    generators = {
        "cheap augmentation (rescale, flip)": ImageDataGenerator(rescale=1 / 255, horizontal_flip=True),
        "tutorial 5's augmentation": ImageDataGenerator(**SETTINGS),
    }
    with tempfile.TemporaryDirectory() as folder:
        for i in range(8 * options.batch):
            os.makedirs(f"{folder}/{i % 2}", exist_ok=True)
            picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((options.size,) * 2)
            picture.save(f"{folder}/{i % 2}/{i}.jpg", quality=90)
        layers = cygrad.layers
        model = cygrad.Sequential([cygrad.Input((options.size, options.size, 3))])
        for filters in (32, 64):  # tutorial 5's network
            model.add(layers.Conv2D(filters, 3, activation="relu"))
            model.add(layers.MaxPooling2D(2))
        model.add(layers.Flatten())
        model.add(layers.Dense(128, activation="relu"))
        model.add(layers.Dense(2, activation="softmax"))
        model.compile("adam", "categorical_crossentropy")
        for name, generator in generators.items():
            sources = {
                workers: Watched(
                    generator.flow_from_directory(
                        folder, (options.size,) * 2, batch_size=options.batch, workers=workers
                    )
                )
                for workers in (0, None)
            }
            best = dict.fromkeys(sources, (float("inf"), []))
            for turn in range(options.rounds + 1):
                for workers, source in sources.items():
                    source.waited, start = [], time.perf_counter()
                    model.fit(source, verbose=0)
                    if turn:  # the first is for the model's memory
                        best[workers] = min(best[workers], (time.perf_counter() - start, source.waited))
            print(f"Training on {8 * options.batch} JPEG files of {options.size} x {options.size}, {name}")
            for workers, (seconds, waited) in best.items():
                who = "the training thread" if workers == 0 else "threads ahead of it"
                waits = f"{1000 * waited[0]:.0f} ms for the first batch, {1000 * sum(waited[1:]):.0f} ms for the others"
                print(f"  read by {who}: {seconds:.2f} s an epoch; waits {waits}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--part", choices=("augment", "read"), help="only this one")
    options = parser.parse_args()
    if options.part != "read":
        augment(options)
    if options.part != "augment":
        read(options)


if __name__ == "__main__":
    main()
