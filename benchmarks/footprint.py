"""python -m benchmarks.footprint: what cygrad costs besides time in kernels.

Import: the quickest of several fresh interpreters, against NumPy alone and whatever peers are installed. Size: the
files of the installed package. Memory: system allocations and resident size over 10,000 training steps and 100,000
predicts.
"""

import importlib.util
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import cygrad
from cygrad import _core, layers


def import_seconds(statement, rounds=9):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def resident():
    """Megabytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def predict_often(model, x, count):
    for _ in range(count):
        model.predict(x, verbose=0)


def main():
    bare = import_seconds("pass")
    peers = [p for p in ("sklearn", "jax", "torch", "tensorflow", "keras") if importlib.util.find_spec(p)]
    for statement in ("import numpy", "import cygrad", "import numpy, cygrad", "import cygrad; cygrad.Sequential()"):
        print(f"{statement}: {(import_seconds(statement) - bare) * 1e3:.0f} ms")
    for peer in peers:
        print(f"import {peer}: {(import_seconds(f'import {peer}', 3) - bare) * 1e3:.0f} ms")
    files = [p for p in Path(cygrad.__file__).parent.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    print(f"installed: {sum(p.stat().st_size for p in files) / 1e6:.1f} MB")

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
        print(f"{count:,} {what}: {more} allocations from the system, resident {size:.1f} to {resident():.1f} MB")


if __name__ == "__main__":
    main()
