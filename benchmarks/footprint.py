"""python -m benchmarks.footprint: what cygrad costs besides time in kernels.

Import: the quickest of several fresh interpreters, against NumPy alone and whatever peers are installed. Size: the
files of the installed package. Memory: system allocations and resident size over 10,000 training steps and 100,000
predicts. fit: what a step costs where there is next to nothing to compute, with three metrics and five callbacks.
"""

import subprocess
import sys
import time

import numpy as np

import cygrad
from cygrad import _core, layers

from .frameworks import available
from .memory import resident

# what a program of each framework begins with, and the packages that it needs beside NumPy
IMPORTS = {
    "cygrad": ("import numpy, cygrad", ["cygrad"]),
    "numpy": ("import numpy", ["numpy"]),
    "sklearn": ("import sklearn.neural_network", ["sklearn"]),
    "onnxruntime": ("import onnxruntime", ["onnxruntime"]),
    "jax": ("import jax", ["jax", "jaxlib"]),
    "torch": ("import torch", ["torch"]),
    "keras": ("import keras", ["keras"]),
    "keras-tensorflow": ("import keras", ["keras", "tensorflow"]),
    "keras-jax": ("import keras", ["keras", "jax", "jaxlib"]),
    "keras-torch": ("import keras", ["keras", "torch"]),
}
SIZE = """
import importlib.util, pathlib, sys
left_by_a_build = {".c", ".in", ".pyx"}  # in a checkout that was built in place; a wheel has none of them
folders = [pathlib.Path(importlib.util.find_spec(p).submodule_search_locations[0]) for p in sys.argv[1:]]
files = [f for folder in folders for f in folder.rglob("*") if f.is_file()]
files = [f for f in files if "__pycache__" not in f.parts and f.suffix not in left_by_a_build]
print(sum(f.stat().st_size for f in files))
"""
FIT = """
import importlib, sys, tempfile, time
import numpy as np
keras = importlib.import_module(sys.argv[1])

class Count(keras.callbacks.Callback):
    steps = 0
    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

rng = np.random.default_rng(0)
x, y = rng.standard_normal((2000, 4), dtype=np.float32), rng.integers(0, 3, 2000)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, "softmax")])
metrics = ["accuracy", "sparse_top_k_categorical_accuracy", "sparse_categorical_crossentropy"]
model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
taken = []
with tempfile.TemporaryDirectory() as folder:
    for _ in range(4):
        callbacks = [
            keras.callbacks.EarlyStopping("loss", patience=9), keras.callbacks.ReduceLROnPlateau("loss"),
            keras.callbacks.TerminateOnNaN(), keras.callbacks.CSVLogger(folder + "/log.csv"), Count(),
        ]
        start = time.perf_counter()
        model.fit(x, y, batch_size=1, verbose=0, callbacks=callbacks)
        taken.append((time.perf_counter() - start) / len(x))
        assert callbacks[-1].steps == len(x)
print(min(taken))
"""


def import_seconds(statement, python=sys.executable, rounds=9, environment=None):
    """Beyond an interpreter that imports nothing."""
    times = {"pass": [], statement: []}
    for _ in range(rounds):
        for code, taken in times.items():
            start = time.perf_counter()
            subprocess.run([python, "-W", "ignore", "-c", code], check=True, capture_output=True, env=environment)
            taken.append(time.perf_counter() - start)
    return min(times[statement]) - min(times["pass"])


def installed_bytes(packages, python=sys.executable, environment=None):
    run = subprocess.run([python, "-c", SIZE, *packages], check=True, capture_output=True, text=True, env=environment)
    return int(run.stdout)


def fit_seconds(module, python=sys.executable, environment=None):
    """A step of fit that is nearly all fit's own."""
    command = [python, "-W", "ignore", "-c", FIT, module]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(run.stdout.split()[-1])


def predict_often(model, x, count):
    for _ in range(count):
        model.predict(x, verbose=0)


def main():
    for statement in ("import numpy, cygrad", "import cygrad; cygrad.Sequential()"):
        print(f"{statement}: {import_seconds(statement) * 1e3:.0f} ms")
    for peer in IMPORTS:
        if "-" not in peer and available(peer):
            print(f"{IMPORTS[peer][0]}: {import_seconds(IMPORTS[peer][0], rounds=3) * 1e3:.0f} ms")
    print(f"fit, three metrics and five callbacks: {fit_seconds('cygrad') * 1e6:.1f} us a step of a tiny network")
    print(f"installed: {installed_bytes(['cygrad']) / 1e6:.1f} MB")

    model = cygrad.Sequential(
        [layers.Input((784,)), layers.Dense(64, "relu"), layers.Dropout(0.1), layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3200, 784), dtype=np.float32), rng.integers(0, 10, 3200)
    model.fit(x, y, verbose=0, epochs=5)
    model.predict(x[:1], verbose=0)
    for what, count, run in (
        ("training steps", 10_000, lambda: model.fit(x, y, verbose=0, epochs=100)),
        ("predicts", 100_000, lambda: predict_often(model, x[:1], 100_000)),
    ):
        calls, size = _core.alloc_stats()["system_calls"], resident()
        run()
        more = _core.alloc_stats()["system_calls"] - calls
        print(
            f"{count:,} {what}: {more} allocations from the system, "
            f"resident {size / 1e6:.1f} to {resident() / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
