"""Recurrent layers beside Keras: outputs, states and gradients, for random arguments, masks and initial states."""

import numpy as np
import pytest
from frameworks import close, cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

SHAPE = (3, 5, 4)
ACTIVATIONS = ("tanh", "relu", "linear", "sigmoid", "hard_sigmoid", "softsign", "elu", "gelu", "leaky_relu")
GATES = ("sigmoid", "hard_sigmoid", "tanh", "softsign")  # what does not grow


def random_arguments(rng, name):
    def pick(values):
        return values[rng.integers(len(values))]

    def chance(probability=0.5):
        return bool(rng.random() < probability)

    arguments = {
        "units": int(rng.integers(1, 20)),
        "activation": pick(ACTIVATIONS),
        **{k: chance() for k in ("use_bias", "return_sequences", "return_state", "go_backwards", "unroll")},
        "zero_output_for_mask": chance(0.3),
    }
    if name != "SimpleRNN":
        arguments["recurrent_activation"] = pick(GATES)
    if name == "GRU":
        arguments["reset_after"] = chance()
    if name == "LSTM":
        arguments["unit_forget_bias"] = chance()
    mask = (rng.random(SHAPE[:2]) < 0.5) if chance(0.6) else None
    if mask is not None:
        mask[0] = chance()
        if arguments["go_backwards"]:  # Keras on PyTorch turns an unrolled mask around wrongly
            arguments["unroll"] = False
    return arguments, mask, chance()


def compare(mine, theirs, rng, mask=None, states=(), shape=SHAPE):
    for layer in (mine, theirs):
        if not layer.built:
            layer.build(shape)
    assert [w.name for w in mine.weights] == [w.name for w in theirs.weights]
    weights = [normal(rng, w.shape) / (2 * w.shape[0] ** 0.5) for w in mine.weights]
    mine.set_weights(weights)
    theirs.set_weights(weights)
    options = {} if mask is None else {"mask": mask}

    def own(x, *given):
        return mine(x, **options, **({"initial_state": list(given)} if given else {}))

    def call(x, *given):
        initial, w = given[: len(states)], given[len(states) :]
        more = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
        more |= {"initial_state": list(initial)} if initial else {}
        return theirs.stateless_call(list(w), theirs.non_trainable_variables, x, **more)[0]

    inputs = [normal(rng, shape), *states]
    ys, dys, gradients = cygrad_vjp(own, inputs, rng, mine.trainable_variables)
    expected, expected_gradients = keras_vjp(call, [*inputs, *weights], dys)
    for y, wanted in zip([*ys, *gradients], [*expected, *expected_gradients], strict=True):
        close(y, wanted, 100)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_layer(name, seed):
    rng = np.random.default_rng(seed)
    arguments, mask, initial = random_arguments(rng, name)
    mine, theirs = (getattr(package.layers, name)(**arguments) for package in (cygrad, keras))
    states = [normal(rng, (SHAPE[0], arguments["units"])) for _ in mine.state_size] if initial else []
    compare(mine, theirs, rng, mask, states)
    shapes = theirs.compute_output_shape(SHAPE)
    assert mine.compute_output_shape(SHAPE) == tuple(shapes)
    saved, wanted = mine.get_config(), theirs.get_config()
    assert set(wanted) - {"activity_regularizer"} <= set(saved)
    assert all(saved[key] == wanted[key] for key in arguments)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional(merge_mode, sequences):
    rng = np.random.default_rng(1)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]], bool)
    for given in (None, mask):
        mine, theirs = (
            package.layers.Bidirectional(
                package.layers.LSTM(3, return_sequences=sequences),
                merge_mode=merge_mode,
                backward_layer=package.layers.GRU(3, return_sequences=sequences, go_backwards=True),
            )
            for package in (cygrad, keras)
        )
        compare(mine, theirs, rng, given)
        assert mine.compute_output_shape(SHAPE) == tuple(theirs.compute_output_shape(SHAPE))
    one, other = (
        package.layers.Bidirectional(package.layers.LSTM(3, return_state=True), merge_mode=merge_mode)
        for package in (cygrad, keras)
    )
    compare(one, other, rng, states=[normal(rng, (3, 3)) for _ in range(4)])


def test_stacked_cells():
    rng = np.random.default_rng(2)
    mask = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    for given in (None, mask):
        mine, theirs = (
            p.layers.RNN(
                [p.layers.LSTMCell(3), p.layers.GRUCell(4, reset_after=False), p.layers.SimpleRNNCell(2)],
                return_sequences=True,
            )
            for p in (cygrad, keras)
        )
        compare(mine, theirs, rng, given)
    assert mine.compute_output_shape(SHAPE) == tuple(theirs.compute_output_shape(SHAPE))


@pytest.mark.parametrize("name", ["SimpleRNNCell", "GRUCell", "LSTMCell"])
def test_cells(name):
    rng = np.random.default_rng(3)
    mine, theirs = (getattr(package.layers, name)(5) for package in (cygrad, keras))
    assert mine.state_size == theirs.state_size and mine.output_size == theirs.output_size
    states = [normal(rng, (3, 5)) for _ in range(2 if name == "LSTMCell" else 1)]
    for cell in (mine, theirs):
        cell.build((3, 4))
    weights = [normal(rng, w.shape) for w in mine.weights]
    mine.set_weights(weights)
    theirs.set_weights(weights)
    x = normal(rng, (3, 4))
    y, new = mine(x, states)
    expected, expected_new = theirs(x, [keras.ops.convert_to_tensor(s) for s in states])
    close(y, keras.ops.convert_to_numpy(expected), 20)
    for state, wanted in zip(new, expected_new, strict=True):
        close(state, keras.ops.convert_to_numpy(wanted), 20)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda package: package.layers.Dense(3, activation="relu"), (2, 5, 4)),
        (lambda package: package.layers.Conv2D(3, 2), (2, 3, 5, 4, 2)),
        (lambda package: package.layers.LSTM(3), (2, 3, 4, 5)),
    ],
)
def test_time_distributed(make, shape):
    mine, theirs = (package.layers.TimeDistributed(make(package)) for package in (cygrad, keras))
    compare(mine, theirs, np.random.default_rng(4), shape=shape)
    assert mine.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_stateful_over_batches(name):
    rng = np.random.default_rng(5)
    mine, theirs = (getattr(package.layers, name)(4, stateful=True) for package in (cygrad, keras))
    for layer in (mine, theirs):
        layer.build(SHAPE)
    weights = [normal(rng, w.shape) / 2 for w in mine.weights]
    mine.set_weights(weights)
    theirs.set_weights(weights)
    for i in range(4):
        x = normal(rng, SHAPE)
        close(mine(x), keras.ops.convert_to_numpy(keras.ops.stop_gradient(theirs(x))), 100)
        for state, wanted in zip(mine.states, theirs.states, strict=True):
            close(state, keras.ops.convert_to_numpy(keras.ops.stop_gradient(wanted)), 100)
        if i == 1:
            mine.reset_state()
            theirs.reset_state()


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_first_weights_are_distributed_as_in_keras(name):
    for cell in (package.layers for package in (cygrad, keras)):
        layer = getattr(cell, name)(64)
        layer.build((None, None, 32))
        kernel, recurrent, bias = (np.asarray(keras.ops.convert_to_numpy(w)) for w in layer.get_weights())
        limit = np.sqrt(6 / sum(kernel.shape))
        assert limit * 0.95 < np.abs(kernel).max() <= limit
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)
        assert bias.sum() == (64 if name == "LSTM" else 0)
