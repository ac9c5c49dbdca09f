"""Connectionist temporal classification: the loss against the sum over all ways, its gradient, learning, errors."""

import itertools

import numpy as np
import pytest

from cygrad import GradientTape, Input, Sequential, layers, losses, ops, utils
from cygrad.ops._backend import use_reference


def probability_of(labels, frames, blank=0):
    """The sum of the probabilities of all ways to spell labels, one by one."""
    total = 0.0
    for way in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        spelled = [k for k, _ in itertools.groupby(way) if k != blank]
        if spelled == list(labels):
            total += np.prod([frames[t, k] for t, k in enumerate(way)])
    return total


@pytest.mark.parametrize("labels", [[], [1], [1, 2], [2, 2], [1, 2, 1], [1, 1, 2]])
def test_the_loss_sums_over_all_ways(labels):
    x = np.random.default_rng(0).normal(size=(1, 5, 3))
    frames = np.exp(x[0]) / np.exp(x[0]).sum(-1, keepdims=True)
    padded = np.zeros((1, 3), np.int32)
    padded[0, : len(labels)] = labels
    loss = ops.ctc_loss(padded, x, [len(labels)], [5]).item()
    assert loss == pytest.approx(-np.log(probability_of(labels, frames)), rel=1e-5)


def test_gradient_by_differences():
    rng = np.random.default_rng(1)
    x, direction, step = rng.normal(size=(2, 6, 4)), rng.normal(size=(2, 6, 4)), 1e-5

    def loss(x):
        return ops.sum(ops.ctc_loss([[1, 3], [2, 2]], x, [2, 2], [6, 5]))

    with use_reference():
        tensor = ops.convert_to_tensor(x)
        with GradientTape() as tape:
            tape.watch(tensor)
            y = loss(tensor)
        slope = float(ops.sum(ops.multiply(tape.gradient(y, tensor), direction)))
        difference = (float(loss(x + step * direction)) - float(loss(x - step * direction))) / (2 * step)
    assert slope == pytest.approx(difference, rel=1e-7)


def test_frames_beyond_the_length_do_not_count():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 9, 4))
    short = ops.ctc_loss([[1, 2]], x[:, :6], [2], [6]).item()
    assert ops.ctc_loss([[1, 2]], x, [2], [6]).item() == short
    tensor = ops.convert_to_tensor(x)
    with GradientTape() as tape:
        tape.watch(tensor)
        loss = ops.ctc_loss([[1, 2]], tensor, [2], [6])
    gradient = tape.gradient(loss, tensor).numpy()
    assert not gradient[0, 6:].any() and gradient[0, :6].all()


def test_a_target_that_does_not_fit_has_an_infinite_loss_and_no_gradient():
    tensor = ops.convert_to_tensor(np.zeros((2, 2, 3)))
    with GradientTape() as tape:
        tape.watch(tensor)
        loss = ops.ctc_loss([[1, 1], [1, 2]], tensor, [2, 2], [2, 2])
    assert loss.numpy()[0] == np.inf and np.isfinite(loss.numpy()[1])
    gradient = tape.gradient(loss, tensor).numpy()
    assert not gradient[0].any() and gradient[1].any()


def test_many_frames_keep_their_digits():
    """1000 frames, where a probability is far below every float."""
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(1, 1000, 5)), rng.integers(1, 5, (1, 60))
    loss = ops.ctc_loss(labels, x, [60], [1000]).item()
    with use_reference():
        exact = ops.ctc_loss(labels, x, [60], [1000]).item()
    assert loss == pytest.approx(exact, rel=3e-7)


@pytest.mark.kernels
def test_a_network_learns_to_spell_without_places():
    """Each class is a pattern that some frames show, with noise between; the decoded labels are the target."""
    utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    patterns, frames, targets = rng.normal(size=(5, 8)), np.zeros((256, 12, 8)), rng.integers(1, 5, (256, 3))
    for n in range(256):
        places = np.sort(rng.choice(12, 3, replace=False))
        frames[n, places] = patterns[targets[n]]
    frames += 0.1 * rng.normal(size=frames.shape)
    model = Sequential([Input((12, 8)), layers.Dense(32, activation="relu"), layers.Dense(5)])
    model.compile("adam", losses.CTC())
    model.optimizer.learning_rate = 0.02
    history = model.fit(frames, targets, batch_size=32, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]
    assert "replays" in model.explain_capture()["train"][0]
    decoded = ops.ctc_decode(model.predict(frames, verbose=0), np.full(256, 12))[0].numpy()[0, :, :3]
    distinct = (np.diff(targets, axis=1) != 0).all(axis=1)  # repeated labels need a blank between, which may be missing
    assert (decoded == targets)[distinct].all(axis=1).mean() > 0.95


def test_loss_is_saved_by_name():
    loss = losses.deserialize(losses.serialize(losses.CTC(reduction="sum")))
    assert isinstance(loss, losses.CTC) and loss.reduction == "sum"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.ctc_loss([1, 2], np.zeros((1, 3, 4)), [1], [3]), r"expected target\[N,L\] and output\[N,T,K\]"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1, 1], [3]), r"one target_length a sample, shape \(1,\)"),
        (
            lambda: ops.ctc_loss([[4]], np.zeros((1, 3, 4)), [1], [3]),
            r"labels in 0\.\.3 for an output of 4 classes; got 4",
        ),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [2], [3]), r"target_length must be in 0\.\.1; got 2"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [-1]), r"output_length must be in 0\.\.3; got -1"),
        (
            lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [3], 9),
            "mask_index must be one of the 4 classes; got 9",
        ),
        (lambda: ops.ctc_decode(np.zeros((1, 3, 4)), [3], "beam_search"), "strategy must be 'greedy'"),
        (lambda: ops.ctc_decode(np.zeros((3, 4)), [3]), r"expected inputs\[N,T,K\]"),
        (lambda: losses.ctc([[1]], np.zeros((1, 4))), r"ctc: expected y_true\[N,L\] and y_pred\[N,T,K\]"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
