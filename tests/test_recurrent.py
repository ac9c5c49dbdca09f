"""Recurrent layers: kernels and cells agree, states between batches, masks, dropout, capture, errors by text."""

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Sequential, Variable, layers, models, ops
from cygrad.ops._backend import use_reference

rng = np.random.default_rng(3)
N, T, C, U = 3, 5, 4, 6
KINDS = ("SimpleRNN", "GRU", "GRU before", "LSTM")


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


def made(kind, **options):
    name, _, before = kind.partition(" ")
    return getattr(layers, name)(U, **({"reset_after": False} if before else {}), **options)


def holes():
    """A mask with a sample of none, one of all, one with steps left out at the beginning, within and at the end."""
    return np.array([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]], bool)


def values_and_gradients(call, variables):
    """All outputs of call, and the gradients of a sum of them, weighted by sines."""
    with GradientTape() as tape:
        outputs = call()
        terms = [ops.sum(y * ops.reshape(ops.sin(ops.arange(y.size, dtype="float32")), y.shape)) for y in outputs]
        total = sum(terms[1:], terms[0])
    return [np.array(v) for v in (*outputs, *tape.gradient(total, variables))]


def same(found, expected, tolerance=2e-5):
    for a, b in zip(map(np.asarray, found), map(np.asarray, expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "zero_output_for_mask": True, "use_bias": False},
        {"activation": "softsign", "zero_output_for_mask": True},
    ],
    ids=str,
)
def test_kernels_do_what_the_cell_does_step_by_step(kind, masked, options):
    layer = made(kind, return_state=True, bias_initializer="glorot_uniform", **options)
    x, mask = Variable(data(N, T, C)), holes() if masked else None
    states = [Variable(data(N, U)) for _ in layer.state_size]
    layer(x)
    variables = [x, *states, *layer.trainable_weights]

    def by_kernel():
        return layer(x, initial_state=states, mask=mask)

    def by_cell():
        output, last = layers.RNN._run(layer, x, states, mask, False)
        return (output, *last)

    same(values_and_gradients(by_kernel, variables), values_and_gradients(by_cell, variables))
    with_zeros = layer(x, mask=mask)
    same(with_zeros, layer(x, initial_state=[np.zeros((N, U), np.float32) for _ in states], mask=mask), 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_by_finite_differences(kind, masked):
    """Of the outputs and the states, by the input, the initial states and the weights, with steps left out."""
    with use_reference():
        layer = made(kind, return_state=True, return_sequences=True, recurrent_initializer="glorot_uniform")
        x, mask = Variable(rng.normal(size=(N, T, C))), holes() if masked else None
        states = [Variable(rng.normal(size=(N, U))) for _ in layer.state_size]
        layer(x)
        for weight in layer.trainable_weights:
            weight.assign(rng.normal(size=weight.shape) / 2)
        variables = [x, *states, *layer.trainable_weights]
        upstream = [rng.normal(size=y.shape) for y in layer(x, initial_state=states, mask=mask)]

        def total():
            outputs = layer(x, initial_state=states, mask=mask)
            terms = [ops.sum(ops.multiply(y, dy)) for y, dy in zip(outputs, upstream)]
            return sum(terms[1:], terms[0])

        with GradientTape() as tape:
            y = total()
        for v, gradient in zip(variables, tape.gradient(y, variables)):
            direction, at, step = rng.normal(size=v.shape), np.array(v), 1e-6
            v.assign(at + step * direction)
            above = float(total())
            v.assign(at - step * direction)
            slope = (above - float(total())) / (2 * step)
            v.assign(at)
            assert np.sum(np.asarray(gradient) * direction) == pytest.approx(slope, rel=1e-6, abs=1e-6), v.path


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_state_alone(kind):
    layer, x = made(kind, return_state=True), Variable(data(N, T, C))
    layer(x)
    with GradientTape() as tape:
        y = ops.sum(layer(x)[-1])
    with GradientTape() as other:
        z = ops.sum(layers.RNN._run(layer, x, None, None, False)[1][-1])
    variables = [x, *layer.trainable_weights]
    same(tape.gradient(y, variables), other.gradient(z, variables))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.kernels
def test_masked_steps_do_not_count(kind):
    x, mask = data(2, 6, C), np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 0, 1]], bool)
    layer = made(kind, return_sequences=True, return_state=True)
    y, *states = layer(x, mask=mask)
    for n in range(2):
        shorter, *expected = layer(x[n : n + 1, mask[n]])
        np.testing.assert_array_equal(np.asarray(y)[n, mask[n]], np.asarray(shorter)[0])
        for state, wanted in zip(states, expected):
            np.testing.assert_array_equal(np.asarray(state)[n], np.asarray(wanted)[0])
    changed = np.where(mask[..., None], x, np.float32(1e30))
    same(layer(changed, mask=mask), [y, *states], 0)
    for form in (mask.astype(np.int32), mask.astype(np.float32), mask.astype(np.uint8)):
        same(layer(x, mask=form), [y, *states], 0)


@pytest.mark.kernels
def test_masks_come_from_the_layers_before():
    x = data(2, 4, 3)
    x[0, 2:] = 0
    plain = layers.LSTM(U)
    masked = Sequential([layers.Masking(), plain])
    np.testing.assert_array_equal(masked(x)[0], plain(x[:1, :2])[0])
    np.testing.assert_array_equal(masked(x)[1], plain(x[1:])[0])
    both = Sequential([layers.Masking(), layers.GRU(U, return_sequences=True), layers.Bidirectional(layers.GRU(U))])
    alone = Sequential(both.layers[1:])
    np.testing.assert_array_equal(both(x)[0], alone(x[:1, :2])[0])


def test_weights_have_keras_names_and_order():
    layer = layers.Bidirectional(layers.LSTM(2, stateful=True, name="l"), name="b")
    layer.build((3, 4, 5))
    paths = [
        f"b/{way}_l/lstm_cell/{w}" for way in ("forward", "backward") for w in ("kernel", "recurrent_kernel", "bias")
    ]
    assert [w.path for w in layer.weights] == paths
    assert layer.forward_layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert layers.GRU(2)(np.zeros((1, 1, 3))).shape == (1, 2)
    recurrent = layers.SimpleRNN(5)
    recurrent.build((None, None, 3))
    np.testing.assert_allclose(recurrent.get_weights()[1] @ recurrent.get_weights()[1].T, np.eye(5), atol=1e-6)


# ---- states between batches ----


@pytest.mark.parametrize("kind", [*KINDS, "cell"])
def test_stateful_goes_on_where_the_last_batch_ended(kind):
    options = {"stateful": True, "return_sequences": True}
    layer = layers.RNN([layers.LSTMCell(4), layers.GRUCell(U)], **options) if kind == "cell" else made(kind, **options)
    x = data(N, 2 * T, C)
    first, second = layer(x[:, :T]), layer(x[:, T:])
    layer.reset_state()
    whole = layer(x)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-5, atol=1e-6)
    layer.reset_states()
    np.testing.assert_array_equal(layer(x), whole)
    assert not any("state" in w.name for w in layer.weights)
    with pytest.raises(ValueError, match="all batches have the size that it was built with, 3; got 2"):
        layer(x[:2])


def test_a_stateful_layer_takes_batches_of_the_size_that_input_says():
    model = Sequential([cygrad.Input(batch_shape=(4, 3, 2)), layers.LSTM(5, stateful=True)])
    with pytest.raises(ValueError, match="that it was built with, 4; got 2"):
        model(np.zeros((2, 3, 2)))
    assert model(np.zeros((4, 3, 2))).shape == (4, 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.kernels
def test_stateful_in_fit_and_predict_is_the_same_captured(kind):
    x, y = data(8, T, C), data(8, 1)

    def run(jit_compile):
        cygrad.utils.set_random_seed(1)
        model = Sequential([layers.Input((T, C), batch_size=2), made(kind, stateful=True), layers.Dense(1)])
        model.compile("adam", "mse", jit_compile=jit_compile)
        losses = model.fit(x, y, batch_size=2, epochs=3, shuffle=False, verbose=0).history["loss"]
        state = [np.array(v) for v in model.layers[0].states]
        found = [model.predict(x[:2], batch_size=2, verbose=0) for _ in range(5)]
        model.layers[0].reset_state()
        return model, [losses, *state, *found, model.predict(x, batch_size=2, verbose=0), *model.get_weights()]

    (fast, found), (_, expected) = run("auto"), run(False)
    assert "replays" in " ".join(fast.explain_capture()["train"])
    assert "replays" in " ".join(fast.explain_capture()["predict"])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(found[2], found[3])  # the states went on


@pytest.mark.kernels
def test_capture_of_models_with_all_of_them():
    x, y = data(12, T, C), np.arange(12) % 3

    def run(jit_compile):
        cygrad.utils.set_random_seed(2)
        model = Sequential([
            layers.Input((T, C)),
            layers.Bidirectional(layers.LSTM(5, return_sequences=True, dropout=0.2)),
            layers.GRU(6, return_sequences=True, reset_after=False, recurrent_dropout=0.3),
            layers.TimeDistributed(layers.Dense(4, activation="relu")),
            layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)], return_sequences=True),
            layers.SimpleRNN(4),
            layers.Dense(3, activation="softmax"),
        ])  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit_compile)
        history = model.fit(x, y, batch_size=4, epochs=4, verbose=0).history["loss"]
        return model, [history, model.predict(x, verbose=0), model.predict(x, verbose=0), *model.get_weights()]

    (fast, found), (_, expected) = run("auto"), run(False)
    assert "replays" in " ".join(fast.explain_capture()["train"])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_persistent_tape_gives_gradients_twice(kind):
    """The gates, whose memory a tape's only walk takes for their gradients, are still there for the second one."""
    layer, x = made(kind, return_sequences=True), Variable(data(N, T, C))
    layer(x)
    found = []
    for persistent in (True, False):
        with GradientTape(persistent=persistent) as tape:
            total = ops.sum(ops.square(layer(x)))
        found += [tape.gradient(total, [x, *layer.trainable_weights]) for _ in range(1 + persistent)]
    for first, second, once in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, once)


# ---- dropout ----


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rates", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.3, "recurrent_dropout": 0.3}]
)
def test_dropout_is_for_training_only_and_follows_its_seed(kind, rates):
    x = data(N, T, C)
    layer, plain = made(kind, seed=5, **rates), made(kind)
    layer(x)
    plain(x)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    first, second = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
    assert not np.array_equal(first, second) and not np.array_equal(first, plain(x))
    again = made(kind, seed=5, **rates)
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x, training=True), first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rates", [{"recurrent_dropout": 0.4}, {"dropout": 0.3, "recurrent_dropout": 0.4}], ids=str)
def test_kernels_drop_what_the_cell_does_step_by_step(kind, rates):
    layer = made(kind, return_state=True, return_sequences=True, bias_initializer="glorot_uniform", **rates)
    x, mask = Variable(data(N, T, C)), holes()
    layer(x)
    variables = [x, *layer.trainable_weights]

    def by_kernel():
        layer.cell.seed_generator = cygrad.random.SeedGenerator(4)
        return layer(x, mask=mask, training=True)

    def by_cell():
        layer.cell.seed_generator = cygrad.random.SeedGenerator(4)
        output, last = layers.RNN._run(layer, x, None, mask, True)
        return (output, *last)

    same(values_and_gradients(by_kernel, variables), values_and_gradients(by_cell, variables))


def test_inputs_are_dropped_alike_at_all_steps():
    layer = layers.SimpleRNN(
        8, activation=None, dropout=0.5, seed=1, kernel_initializer="identity", recurrent_initializer="zeros",
        return_sequences=True,
    )  # fmt: skip
    y = np.asarray(layer(np.ones((50, 3, 8)), training=True))
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {0, 2} and 0.4 < (y == 0).mean() < 0.6


def test_states_are_dropped_alike_at_all_steps():
    layer = layers.SimpleRNN(
        400, activation=None, recurrent_dropout=0.5, seed=1, recurrent_initializer="identity", return_sequences=True
    )
    y = np.asarray(layer(np.zeros((1, 3, 1)), initial_state=np.ones((1, 400), np.float32), training=True))
    kept = (y[0, 0] > 0).astype(np.float32)
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_array_equal(y[0], [2 * kept, 4 * kept, 8 * kept])


# ---- cells of one's own, wrappers, models ----


class Own(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs, states):
        h = ops.tanh(ops.matmul(inputs, self.kernel) + states[0] / 2)
        return h + 1, [h]


def test_a_cell_of_ones_own(tmp_path):
    model = Sequential(
        [layers.Input((T, C)), layers.Bidirectional(layers.RNN(Own(3), return_state=False)), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(data(4, T, C), data(4, 1), verbose=0)
    model.save(tmp_path / "m.cygrad")
    again = models.load_model(tmp_path / "m.cygrad", custom_objects={"Own": Own})
    x = data(2, T, C)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    with pytest.raises(ValueError, match="unknown layer 'Own'"):
        models.load_model(tmp_path / "m.cygrad")
    h = np.zeros((2, 3), np.float32)
    cell = model.layers[0].forward_layer.cell
    for t in range(T):
        h = np.tanh(x[:, t] @ np.asarray(cell.kernel) + h / 2)
    np.testing.assert_allclose(model.layers[0].forward_layer(x), h + 1, rtol=1e-5, atol=1e-6)


def test_functional_models_take_and_give_states():
    encoder_in, decoder_in = layers.Input((None, C)), layers.Input((None, 2))
    _, *states = layers.LSTM(U, return_state=True)(encoder_in)
    assert [s.shape for s in states] == [(None, U), (None, U)]
    y = layers.LSTM(U, return_sequences=True)(decoder_in, initial_state=states)
    assert y.shape == (None, None, U)
    model = cygrad.Model([encoder_in, decoder_in], layers.Dense(1)(y))
    model.compile("adam", "mse")
    inputs, target = [data(6, T, C), data(6, 3, 2)], data(6, 3, 1)
    losses = model.fit(inputs, target, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    again = models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(inputs, verbose=0), model.predict(inputs, verbose=0))


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
def test_bidirectional_is_two_layers(merge_mode):
    x = data(N, T, C)
    layer = layers.Bidirectional(layers.GRU(U, return_sequences=True, return_state=True), merge_mode)
    y = layer(x)
    forward, state = layer.forward_layer(x)
    backward, other = layer.backward_layer(x)
    a, b = np.asarray(forward), np.asarray(backward)[:, ::-1]
    joined = {
        "concat": [np.concatenate([a, b], -1)],
        "sum": [a + b],
        "mul": [a * b],
        "ave": [(a + b) / 2],
        None: [a, b],
    }
    same(y, [*joined[merge_mode], state, other], 1e-6)
    assert [v.shape for v in y] == [(N, *s[1:]) for s in layer.compute_output_shape((None, T, C))]


def test_time_distributed_over_steps():
    x = data(N, T, 6)
    dense = layers.TimeDistributed(layers.Dense(2, activation="tanh"))
    y = dense(x)
    for t in range(T):
        np.testing.assert_array_equal(np.asarray(y)[:, t], dense.layer(x[:, t]))
    normal = layers.TimeDistributed(layers.BatchNormalization())
    y = np.asarray(normal(x, training=True))
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)  # each step by its own statistics
    assert layers.TimeDistributed(layers.LSTM(2))(data(2, 3, 4, 5)).shape == (2, 3, 2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.LSTM(0), "units must be a positive integer; got 0"),
        (lambda: layers.GRU(3)(np.zeros((2, 3))), r"expected x\[N,T,C\]; got shape \(2, 3\)"),
        (lambda: layers.LSTM(3)(np.zeros((2, 3, 4)), initial_state=np.zeros((2, 3))), "must hold 2 states; got 1"),
        (
            lambda: layers.GRU(3)(np.zeros((2, 3, 4)), initial_state=np.zeros((2, 4))),
            r"expected initial_state\[0\] of shape \(2, 3\) for x of shape \(2, 3, 4\); got shape \(2, 4\)",
        ),
        (lambda: layers.GRU(3)(np.zeros((2, 3, 4)), mask=np.ones((2, 4))), r"expected mask of shape \(2, 3\)"),
        (lambda: layers.LSTM(3, unit=4), "unknown argument 'unit'"),
        (lambda: layers.LSTM(3, use_cudnn=True), "there is no cuDNN"),
        (lambda: layers.RNN(3), "a cell needs `call\\(inputs, states\\)` and `state_size`"),
        (lambda: layers.StackedRNNCells([]), "at least one cell"),
        (lambda: layers.LSTM(3, stateful=True).build((None, 3, 4)), "the batch's size must be known"),
        (lambda: layers.Bidirectional(3), "layer must be a layer; got 3"),
        (lambda: layers.Bidirectional(layers.GRU(3), "add"), "merge_mode must be one of .*; got 'add'"),
        (lambda: layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3)), "opposite directions"),
        (
            lambda: layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3, go_backwards=True, stateful=True)),
            "must agree in stateful; got False and True",
        ),
        (lambda: layers.TimeDistributed(layers.Dense(2))(np.zeros((2, 3))), r"at least three axes; got shape \(2, 3\)"),
        (lambda: ops.lstm(np.zeros((1, 2, 3)), np.zeros((3, 8)), np.zeros((2, 6))), "expected recurrent_kernel of"),
        (
            lambda: ops.simple_rnn(np.zeros((1, 2, 3)), np.zeros((3, 2)), np.zeros((2, 2)), activation="gelu"),
            "activation 'gelu' is not one that its kernel has; expected one of elu, exp",
        ),
    ],
)  # fmt: skip
def test_errors(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()
    if "stateful" not in text:
        return
    with pytest.raises(AttributeError, match="only a stateful layer"):
        layers.Bidirectional(layers.GRU(3)).reset_state()
