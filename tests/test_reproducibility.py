"""The same seed gives the same weights: for any number of threads, in any process, after an interruption, from any
batch order."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from embedded import FUSED_HERE

import cygrad
from cygrad import Input, Sequential, _core, layers, testing
from cygrad.models.data import shuffled


def digest(model):
    total = hashlib.sha256()
    for weight in model.get_weights():
        total.update(weight.tobytes())
    return total.hexdigest()


def train(epochs=2):
    """A convolutional network large enough that its kernels use several threads."""
    cygrad.utils.set_random_seed(11)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 20, 20, 3)).astype("float32")
    y = rng.integers(0, 10, 96)
    model = Sequential(
        [
            Input((20, 20, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=40, epochs=epochs, verbose=0)
    return model


@pytest.fixture
def threads():
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


def test_threads_do_not_change_a_bit(threads):
    digests = {}
    for n in (1, 2, 3, 7):
        threads(n)
        digests[n] = digest(train())
    assert len(set(digests.values())) == 1, digests


@pytest.mark.skipif(len(FUSED_HERE) < 2, reason="this CPU has one instruction set with fused multiply-adds at most")
def test_instruction_sets_do_not_change_a_bit():
    digests = {}
    for isa in FUSED_HERE:
        with testing.settings(isa):
            digests[isa] = digest(train())
    assert len(set(digests.values())) == 1, digests


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from test_reproducibility import digest, train
print(digest(train()))
"""


def test_processes_agree():
    program = PROGRAM.format(folder=os.path.dirname(os.path.abspath(__file__)))
    found = set()
    for n in ("1", "2"):
        environment = {**os.environ, "CYGRAD_NUM_THREADS": n, "PYTHONHASHSEED": n}
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120, check=True
        )
        found.add(run.stdout.strip())
    assert found == {digest(train())}


def test_another_seed_gives_other_weights():
    cygrad.utils.set_random_seed(1)
    a = Sequential([Input((4,)), layers.Dense(3)]).get_weights()[0]
    cygrad.utils.set_random_seed(2)
    b = Sequential([Input((4,)), layers.Dense(3)]).get_weights()[0]
    assert not (a == b).all()


def test_set_random_seed_seeds_python_and_numpy_too():
    import random

    drawn = []
    for _ in range(2):
        cygrad.utils.set_random_seed(3)
        drawn.append((random.random(), np.random.rand(), float(cygrad.random.uniform((1,)))))
    assert drawn[0] == drawn[1]
    with pytest.raises(ValueError, match="expected an integer in 0"):
        cygrad.utils.set_random_seed(-1)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000])
def test_the_order_of_samples_is_a_permutation_that_seed_and_epoch_fix(n):
    order = shuffled(n, 5, 0)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(n))
    assert (order == shuffled(n, 5, 0)).all()
    if n > 7:
        assert not (order == shuffled(n, 5, 1)).all()
        assert not (order == shuffled(n, 6, 0)).all()


def test_the_order_of_samples_never_changes():
    """Files of interrupted trainings rely on it: these numbers may not change with a NumPy or cygrad version."""
    assert shuffled(12, 1, 0).tolist() == [5, 7, 10, 2, 4, 0, 1, 11, 8, 3, 9, 6]
    assert shuffled(12, 2**64 - 1, 3).tolist() == [3, 6, 8, 1, 4, 0, 7, 5, 9, 10, 11, 2]


def test_every_sample_is_equally_likely_everywhere():
    n, draws = 6, 3000
    counts = np.zeros((n, n))
    for epoch in range(draws):
        counts[np.arange(n), shuffled(n, 9, epoch)] += 1
    expected = draws / n
    assert (((counts - expected) ** 2) / expected).sum() < 60  # chi-squared, 25 degrees of freedom: p about 1e-4
