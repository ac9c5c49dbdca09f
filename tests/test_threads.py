"""A guest in the host's process: models shared by threads, processes that fork."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cygrad
from cygrad import Input, Sequential, _core, layers


def network(built=True):
    cygrad.utils.set_random_seed(0)
    first = [Input((10, 10, 3))] if built else []
    return Sequential(
        [
            *first,
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(32, activation="relu"),
            layers.Dense(5, activation="softmax"),
        ]
    )


X = np.random.default_rng(0).normal(size=(48, 10, 10, 3)).astype("float32")


def together(function, n=6):
    """function(i) in n threads that start at the same moment."""
    barrier = threading.Barrier(n)

    def run(i):
        barrier.wait(timeout=30)
        return function(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def test_threads_predict_with_one_model():
    model = network()
    expected = model.predict(X, verbose=0)
    sizes = [1, 3, 16, 32, 48, 7]

    def work(i):
        n = sizes[i]
        return all((model.predict(X[:n], verbose=0) == expected[:n]).all() for _ in range(60))

    assert all(together(work))


def test_threads_meet_at_the_first_call():
    for _ in range(10):
        model = network(built=False)
        results = together(lambda i, model=model: model.predict(X[:4], verbose=0))
        assert len(model.weights) == 6
        assert all((r == results[0]).all() for r in results)


def test_predicting_while_another_model_trains():
    model, other = network(), network()
    expected = model.predict(X, verbose=0)
    other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(48) % 5
    alone = network()
    alone.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    cygrad.utils.set_random_seed(1)
    alone.fit(X, y, epochs=4, shuffle=False, verbose=0)

    def work(i):
        if i == 0:
            other.fit(X, y, epochs=4, shuffle=False, verbose=0)
            return True
        return all((model.predict(X, verbose=0) == expected).all() for _ in range(30))

    assert all(together(work, 3))
    assert all((a == b).all() for a, b in zip(alone.get_weights(), other.get_weights()))


def test_models_train_side_by_side():
    y = np.arange(48) % 5

    models = [network() for _ in range(4)]

    def train(model):
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(X, y, epochs=3, verbose=0)
        return model.get_weights()

    expected = train(network())
    for weights in together(lambda i: train(models[i]), 4):
        assert all((a == b).all() for a, b in zip(expected, weights))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_computes_and_ends():
    before = _core.get_num_threads()
    _core.set_num_threads(4)
    try:
        model = network()
        large = np.random.default_rng(0).normal(size=(256, 10, 10, 3)).astype("float32")
        expected = model.predict(large, batch_size=256, verbose=0)  # threads have run
        child = os.fork()
        if child == 0:
            code = 1
            try:
                same = (model.predict(large, batch_size=256, verbose=0) == expected).all()
                model.compile("adam", "sparse_categorical_crossentropy")
                model.fit(large, np.arange(256) % 5, batch_size=128, verbose=0)
                code = 0 if same and _core.get_num_threads() == 1 else 2
            finally:
                os._exit(code)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                assert os.waitstatus_to_exitcode(status) == 0
                break
            time.sleep(0.02)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        assert (model.predict(large, batch_size=256, verbose=0) == expected).all()
    finally:
        _core.set_num_threads(before)


def test_helpers_do_not_spin_between_calls():
    before = _core.get_num_threads()
    _core.set_num_threads(4)
    try:
        x = cygrad.ops.ones((1 << 20,))
        cygrad.ops.exp(x)
        used = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - used < 0.05
    finally:
        _core.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "value"), [("CYGRAD_NUM_THREADS", "two"), ("CYGRAD_NUM_THREADS", "0"), ("CYGRAD_ISA", "best")]
)
def test_a_wrong_setting_is_an_error(name, value):
    done = subprocess.run(
        [sys.executable, "-c", "import cygrad.layers"], env={**os.environ, name: value}, capture_output=True, text=True
    )
    assert f"ValueError: the environment variable {name} is '{value}'" in done.stderr
