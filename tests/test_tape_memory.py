"""The memory of a backward pass: gradients written over others, outputs of relu that are let go; no bit may show it.

What is compared: a walk that is asked for nothing but the leaves may do all that; one that is asked for every result
on the way may do none of it, for the caller holds these gradients.
"""

import numpy as np
import pytest
from cygrad._tensor import GradientTape, Variable, empty, record, shell

from cygrad import _core, layers, ops, random
from cygrad.testing import settings


def same_bits(got, expected):
    assert len(got) == len(expected)
    for g, e in zip(got, expected):
        assert (g is None) == (e is None)
        if g is not None:
            np.testing.assert_array_equal(np.asarray(g).view("uint32"), np.asarray(e).view("uint32"))


def poison(sizes):
    """Freed memory of these sizes, in elements, becomes NaN."""
    blocks = [empty((n,)) for n in sizes for _ in range(30)]
    for block in blocks:
        np.asarray(block).fill(np.nan)


def parameter(rng, *shape):
    return Variable(rng.standard_normal(shape).astype("float32"))


# ---- random graphs ----

SHAPE = (2, 5, 4, 3)
UNARY = [
    ops.relu,
    ops.tanh,
    ops.sigmoid,
    ops.silu,
    ops.softplus,
    ops.negative,
    ops.absolute,
    lambda x: ops.relu(x - 0.5),
    lambda x: ops.exp(ops.clip(x, -2, 1)),
    lambda x: ops.square(x) * 0.1,
    lambda x: ops.leaky_relu(x, 0.1),
    lambda x: ops.reshape(ops.reshape(x, (2, -1)), SHAPE),
    lambda x: ops.transpose(ops.transpose(x, (0, 2, 1, 3)), (0, 2, 1, 3)),
    lambda x: ops.concatenate(ops.split(x, 2), 0),
    lambda x: ops.softmax(x),
    lambda x: ops.log_softmax(x),
    lambda x: ops.layer_normalization(x),
    lambda x: ops.max_pool(x, 3, 1, "same"),
    lambda x: ops.max_pool(x, 2, 1, "same"),
    lambda x: ops.max_pool(ops.relu(x), (3, 2), 1, "same"),
    lambda x: ops.average_pool(x, 2, 1, "same"),
    lambda x: random.dropout(x, 0.3, seed=5),
    lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True),
    lambda x: x[:, ::-1] * 0.5,
]
BINARY = [
    ops.add,
    ops.subtract,
    ops.multiply,
    lambda a, b: a / (b * b + 1.0),
    lambda a, b: a + b[:1],
    lambda a, b: a * ops.mean(b, axis=-1, keepdims=True),
    lambda a, b: ops.max_pool(a, 3, 1, "same") + b,
]


def build(seed):
    """(leaves, all results, the last) of a graph whose results are used once, several times or never."""
    rng = np.random.default_rng(seed)
    leaves = [parameter(rng, *SHAPE), parameter(rng, *SHAPE)]
    kernel, bias, matrix = parameter(rng, 3, 3, 3, 3), parameter(rng, 3), parameter(rng, 3, 3)
    moving = Variable(np.zeros(3), trainable=False), Variable(np.ones(3), trainable=False)
    weighted = [
        lambda x: ops.conv(x, kernel, 1, "same", bias=bias, activation="relu"),
        lambda x: ops.conv(x, kernel, 1, "same", activation="tanh"),
        lambda x: ops.max_pool(ops.conv(x, kernel, 1, "same", bias=bias, activation="relu"), 3, 1, "same"),
        lambda x: ops.dense(x, matrix, bias, "relu"),
        lambda x: ops.batch_normalization_training(x, *moving, -1, bias),
    ]
    results = list(leaves)
    for _ in range(14):
        first, second = (results[-1 - int(i)] for i in np.minimum(rng.geometric(0.5, 2) - 1, len(results) - 1))
        kind = rng.integers(8)
        if kind < 4:
            y = UNARY[rng.integers(len(UNARY))](first)
        elif kind < 6:
            y = BINARY[rng.integers(len(BINARY))](first, second)
        else:
            y = weighted[rng.integers(len(weighted))](first)
        results.append(y * 0.5 if rng.integers(3) == 0 else y)
    return [*leaves, kernel, bias, matrix], results[2:], ops.sum(results[-1] * results[-2])


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed):
    with GradientTape() as tape:
        leaves, results, loss = build(seed)
    expected = tape.gradient(loss, leaves + results)
    for persistent in (False, True):
        with GradientTape(persistent=persistent) as tape:
            again, results, loss = build(seed)
        del results
        for _ in range(2 if persistent else 1):
            poison((120, 360, 40, 24, 9, 3))
            same_bits(tape.gradient(loss, again), expected[: len(leaves)])
    with GradientTape(persistent=True) as tape:  # then some of the results themselves
        again, results, loss = build(seed)
    same_bits(tape.gradient(loss, again), expected[: len(leaves)])
    same_bits(tape.gradient(loss, results[::3]), expected[len(leaves) :: 3])
    same_bits(tape.gradient(loss, again), expected[: len(leaves)])


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_random_graphs_into_the_arena(seed):
    with GradientTape() as tape:
        leaves, results, loss = build(seed)
    expected = tape.gradient(loss, leaves + results)[: len(leaves)]
    with GradientTape() as tape:
        leaves, results, loss = build(seed)
        del results
    n = sum(v.size for v in leaves)
    values, gradients, offset = empty((n,)), empty((n,)), 0
    for v in leaves:
        v.bind(values, gradients, offset)
        offset += v.size
    poison((120, 360, 40, 24, 9, 3, n))
    tape.gradient_into_arena(loss, leaves)
    same_bits(
        [v.gradient for v in leaves], [np.zeros(v.shape, "f4") if e is None else e for v, e in zip(leaves, expected)]
    )


# ---- ops that write over dy ----

OVER = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "selu": ops.selu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "gelu": ops.gelu,
    "silu": ops.silu,
    "exp": ops.exp,
    "hard_sigmoid": ops.hard_sigmoid,
    "log": lambda x: ops.log(ops.absolute(x) + 1.0),
    "sqrt": lambda x: ops.sqrt(ops.absolute(x) + 1.0),
    "square": ops.square,
    "clip": lambda x: ops.clip(x, -0.5, 0.5),
    "negative": ops.negative,
    "subtract": lambda x: ops.subtract(1.0, x),
    "multiply": lambda x: ops.multiply(x, 3.0),
    "multiply a row": lambda x: ops.multiply(x, np.arange(1.0, x.shape[1] + 1)),
    "multiply a column": lambda x: ops.multiply(np.arange(1.0, x.shape[0] + 1)[:, None], x),
    "multiply itself": lambda x: ops.multiply(x, x),
    "divide": lambda x: ops.divide(x, 3.0),
    "divide by it": lambda x: ops.divide(1.0, x),
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "dropout": lambda x: random.dropout(x, 0.4, seed=1),
    "layer_normalization": ops.layer_normalization,
    "rms_normalization": ops.rms_normalization,
    "batch_normalization": lambda x: ops.batch_normalization_training(
        x, Variable(np.zeros(x.shape[1])), Variable(np.ones(x.shape[1])), -1
    ),
    "batch_normalization, given": lambda x: ops.batch_normalization(
        x, np.zeros(x.shape[1], "f4"), np.ones(x.shape[1], "f4"), -1
    ),
}


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("name", OVER)
def test_a_gradient_written_over_another_has_the_same_bits(name, isa):
    with settings(isa=isa):
        for shape in [(1, 1), (3, 5), (37, 61), (16, 64), (5, 4099)]:
            rng = np.random.default_rng(7)
            x, weights = parameter(rng, *shape), parameter(rng, *shape).numpy()
            found = []
            for hold in (True, False):
                with GradientTape() as tape:
                    before = ops.negative(x)
                    y = OVER[name](before)
                    z = ops.multiply(y, weights)
                found.append(tape.gradient(z, [x, before, y] if hold else [x])[:1])
            same_bits(*found)


def spied(x, addresses):
    """x, with the address of each gradient that comes by."""

    def backward(dy):
        addresses.append(np.asarray(dy).ctypes.data)
        return dy

    return record(ops.reshape(x, x.shape), (x,), backward)


def test_a_chain_of_activations_has_one_gradient():
    x, addresses = Variable(np.ones((64, 64))), []
    with GradientTape() as tape:
        y = ops.multiply(x, 2.0)
        for f in (ops.relu, ops.tanh, ops.negative, ops.silu, ops.softmax, lambda x: random.dropout(x, 0.5, seed=3)):
            y = f(spied(y, addresses))
        y = y * 2.0
    tape.gradient(y, x)
    assert len(addresses) == 6
    assert len(set(addresses)) == 1


@pytest.mark.parametrize("holder", ["tensor", "numpy", "memoryview", "view"])
def test_a_gradient_that_user_code_holds_is_not_written_over(holder):
    x, held = Variable(np.linspace(-1, 1, 50)), []
    hold = {
        "tensor": lambda dy: dy,
        "numpy": np.asarray,
        "memoryview": memoryview,
        "view": lambda dy: ops.reshape(dy, (5, 10)),
    }[holder]

    def backward(dy):
        held.append((hold(dy), np.array(dy)))
        return dy

    with GradientTape() as tape:
        y = ops.relu(ops.tanh(x))
        y = record(ops.reshape(y, (50,)), (y,), backward)
        y = y * 3.0
    tape.gradient(y, x)
    ((kept, copy),) = held
    np.testing.assert_array_equal(np.asarray(kept).ravel(), copy)


def test_seeds_are_not_written_over():
    x = Variable(np.linspace(-1, 1, 50))
    with GradientTape(persistent=True) as tape:
        y = ops.tanh(ops.negative(x))
    seed = ops.ones((50,))
    expected = tape.gradient(y, x).numpy().copy()
    for _ in range(2):
        np.testing.assert_array_equal(tape.gradient(y, x, output_gradients=seed).numpy(), expected)
        assert (seed.numpy() == 1).all()


# ---- what is let go ----


def in_use(function):
    before = _core.alloc_stats()["in_use"]
    kept = function()
    return _core.alloc_stats()["in_use"] - before, kept


def test_what_no_backward_needs_is_let_go():
    x = Variable(np.ones((1 << 16,)))
    size = x.nbytes
    for chain, expected in [
        (lambda x: ops.tanh(ops.negative(x * 2.0) + 1.0), 1),  # tanh's output alone
        (lambda x: ops.sum(ops.reshape(x * 2.0, (256, 256)), axis=1), 0),
        (lambda x: ops.transpose(ops.reshape(x + 1.0, (256, 256))), 1),  # the result itself
        (lambda x: ops.sum(ops.softmax(ops.reshape(x * 2.0, (256, 256))), axis=1), 1),
        (lambda x: ops.relu(x * 2.0) * 3.0, 2),
        (lambda x: ops.max_pool(ops.relu(ops.reshape(x * 2.0, (1, 64, 64, 16))), 2), 0.25 + 0.0625),
    ]:
        with GradientTape() as tape:
            used, y = in_use(lambda: chain(x))  # noqa: B023
        assert used == pytest.approx(expected * size, abs=0.02 * size)
        assert np.isfinite(tape.gradient(y, x).numpy()).all()


@pytest.mark.parametrize("reader", [ops.sum, lambda y: ops.sum(y * y), lambda y: ops.sum(y[:, 1:]), lambda y: y])
def test_another_reader_of_a_pooled_relu(reader):
    """A loss that also reads y, before or after the pooling does."""
    rng = np.random.default_rng(3)
    x, w = parameter(rng, 2, 6, 6, 3), parameter(rng, 3, 3, 3, 8)
    found = []
    for order in ("held", "after", "before"):
        with GradientTape() as tape:
            y = ops.conv(x, w, 1, "same", activation="relu")
            if order == "before":
                extra = reader(y)
            p = ops.max_pool(y, 2)
            if order != "before":
                extra = reader(y)
            total = [ops.sum(p * p), extra]
        if order != "held":
            del y, p
        found.append(tape.gradient(total, [x, w, y] if order == "held" else [x, w])[:2])
    same_bits(found[1], found[0])
    same_bits(found[2], found[0])


def test_the_gradient_of_a_pooled_relu_itself():
    """It has what the pooling gives, whether y is above zero or not."""
    x = Variable(np.array([-1.0, -2.0, -3.0, -4.0, 1.0, 2.0, 3.0, 4.0], "f4").reshape(2, 2, 2, 1))
    with GradientTape(persistent=True) as tape:
        y = ops.relu(x)
        z = ops.max_pool(y, 2)
    expected = [[1, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1]]
    assert tape.gradient(z, x).numpy().ravel().tolist() == expected[1]
    for _ in range(2):
        assert [g.numpy().ravel().tolist() for g in tape.gradient(z, [y, x])] == expected
        assert tape.gradient(z, x).numpy().ravel().tolist() == expected[1]
    with GradientTape() as outer:
        y = ops.relu(x)
        with GradientTape() as inner:
            z = ops.max_pool(y, 2)
        assert inner.gradient(z, y).numpy().ravel().tolist() == expected[0]
    assert outer.gradient([z, y], x).numpy().ravel().tolist() == [0, 0, 0, 0, 1, 1, 1, 2]


def test_two_poolings_of_one_relu():
    rng = np.random.default_rng(1)
    x = parameter(rng, 2, 7, 7, 5)
    found = []
    for hold in (True, False):
        with GradientTape() as tape:
            y = ops.relu(x)
            z = ops.sum(ops.max_pool(y, 3, 1) * 2.0) + ops.sum(ops.max_pool(y, 2) * 3.0)
        found.append(tape.gradient(z, [x, y] if hold else [x])[:1])
    same_bits(*found)


def test_a_model_lets_the_outputs_of_its_convolutions_go():
    model = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(8, 3), layers.ReLU()]
    model += [layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(4)]
    x = ops.convert_to_tensor(np.random.default_rng(0).standard_normal((8, 34, 34, 3)).astype("f4"))

    def forward():
        y = x
        for layer in model:
            y = layer(y)
        return y

    forward()
    with GradientTape() as tape:
        used, y = in_use(forward)
    first, second = 8 * 16 * 16 * 16, 8 * 7 * 7 * 8  # values after each pooling, each with a byte for its place
    assert used < 1.3 * 5 * (first + second)
    assert all(np.isfinite(g.numpy()).all() for g in tape.gradient(y, [v for part in model for v in part.weights]))


def test_a_shell_has_no_memory_to_read():
    x = Variable([1.0])
    with GradientTape():
        y = shell(x * 2.0)
        assert y.shape == (1,)
        with pytest.raises(BufferError, match="memory"):
            memoryview(y)
        with pytest.raises(TypeError, match="memory"):
            ops.relu(y)
