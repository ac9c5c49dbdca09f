"""The ops' values: against NumPy, of whole numbers, at the edges, and fused into other ops."""

import numpy as np
import pytest
from cygrad._tensor import GradientTape, Variable
from hypothesis import given, settings
from hypothesis import strategies as st
from op_cases.inputs import run

from cygrad import ops
from cygrad.ops._backend import use_reference

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def broadcasting_pair(draw):
    shape = draw(shapes)
    return tuple(
        tuple(1 if draw(st.booleans()) else n for n in shape[draw(st.integers(0, len(shape))) :]) for _ in range(2)
    )


@settings(max_examples=60, deadline=None)
@given(broadcasting_pair(), st.sampled_from(["add", "subtract", "multiply", "divide", "maximum", "minimum", "power"]))
def test_broadcasting_matches_numpy(pair, name):
    rng = np.random.default_rng(0)
    a, b = (np.asarray(0.5 + rng.random(shape), "float32") for shape in pair)
    expected = getattr(np, name)(a, b)
    dy = np.asarray(rng.normal(size=expected.shape), "float32")
    y, gradients = run(getattr(ops, name), [a, b], dy)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    with use_reference():
        _, wanted = run(getattr(ops, name), [a, b], dy)
    for found, expected in zip(gradients, wanted):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
def test_basic_indexing_matches_numpy(data, shape):
    def one(n):
        bound = st.none() | st.integers(-n - 1, n + 1)
        step = st.none() | st.integers(-3, 3).filter(bool)
        return st.one_of(st.integers(-n, n - 1), st.builds(slice, bound, bound, step))

    key = [data.draw(one(n)) for n in shape[: data.draw(st.integers(0, len(shape)))]]
    for extra in (None, Ellipsis):
        if data.draw(st.booleans()):
            key.insert(data.draw(st.integers(0, len(key))) if extra is None else len(key), extra)
    key = key[0] if len(key) == 1 else tuple(key)
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    y = ops.get_item(x, key)
    assert y.shape == x[key].shape
    np.testing.assert_array_equal(np.asarray(y), x[key])
    np.testing.assert_array_equal(np.asarray(ops.get_item(x.astype("int32"), key)), x[key])
    dy = np.arange(1, y.size + 1, dtype="float32").reshape(y.shape)
    expected = np.zeros_like(x)
    expected[key] = dy
    np.testing.assert_array_equal(run(lambda x: x[key], [x], dy)[1][0], expected)


@settings(max_examples=40, deadline=None)
@given(
    st.data(), st.lists(st.integers(1, 4), max_size=4).map(tuple), st.sampled_from(["sum", "mean", "max", "min", "var"])
)
def test_reductions_match_numpy(data, shape, name):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1)))) if shape else ()
    keepdims = data.draw(st.booleans())
    x = np.asarray(np.random.default_rng(1).normal(size=shape), "float32")
    y = getattr(ops, name)(x, axis=axes, keepdims=keepdims)
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_argmax(name, axis, keepdims):
    for x in (np.array([[3, 1, 4, 1], [5, 9, 2, 9]]), np.array([[3.5, 1, 4, 1], [5, 9, 2, 9]], "float32")):
        y = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
        assert y.dtype == "int32"
        np.testing.assert_array_equal(np.asarray(y), getattr(np, name)(x, axis=axis, keepdims=keepdims))


def test_sparsemax():
    x = np.random.default_rng(0).normal(size=(50, 7)).astype("float32")
    y = np.asarray(ops.sparsemax(x))
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)
    assert y.min() == 0 and ((y > 0).sum(-1) > 1).any()
    for i in range(50):  # nothing else with that sum is nearer to x
        other = np.random.default_rng(i).dirichlet(np.ones(7), 50)
        assert (((y - x) ** 2).sum(-1) <= ((other - x) ** 2).sum(-1) + 1e-6).all()
    large = x + np.float32(2**20)
    np.testing.assert_array_equal(ops.sparsemax(large).numpy(), ops.sparsemax(large - np.float32(2**20)).numpy())
    third = float(np.asarray(1 / 3, y.dtype))
    assert ops.sparsemax([[1e30, 0.0, -np.inf], [2.0, 2.0, 2.0]]).numpy().tolist() == [[1, 0, 0], [third] * 3]
    assert np.isnan(ops.sparsemax([np.nan, 0.0, 1.0]).numpy()).all()
    assert ops.sparsemax(np.zeros((2, 0))).shape == (2, 0)
    with pytest.raises(ValueError, match="sparsemax: expected at least one axis"):
        ops.sparsemax(1.0)


def test_empty_tensors():
    x = np.zeros((0, 3), "float32")
    assert ops.relu(x).shape == (0, 3)
    assert ops.softmax(x).shape == (0, 3)
    assert ops.transpose(x).shape == (3, 0)
    assert ops.reshape(x, (-1,)).shape == (0,)
    assert ops.sum(x).item() == 0
    assert ops.sum(x, axis=0).numpy().tolist() == [0, 0, 0]
    assert np.isnan(ops.mean(x).item())
    assert ops.dense(x, np.ones((3, 2)), np.ones(2)).shape == (0, 2)
    assert ops.dense(np.zeros((2, 0)), np.zeros((0, 3)), np.ones(3)).numpy().tolist() == [[1, 1, 1]] * 2
    assert ops.concatenate([x, np.ones((2, 3))]).shape == (2, 3)
    assert ops.max(x, axis=0, initial=-1).numpy().tolist() == [-1, -1, -1]
    assert ops.take(np.ones((2, 3)), np.zeros((0,), int), axis=0).shape == (0, 3)
    assert ops.conv(np.zeros((0, 4, 4, 1)), np.zeros((3, 3, 1, 2))).shape == (0, 2, 2, 2)


@pytest.mark.kernels
def test_integers_stay_integers():
    i = ops.convert_to_tensor([1, 2, 3])
    assert i.dtype == "int32"
    for y, expected in [
        (i + 1, [2, 3, 4]),
        (1 - i, [0, -1, -2]),
        (i * i, [1, 4, 9]),
        (i**2, [1, 4, 9]),
        (-i, [-1, -2, -3]),
        (ops.maximum(i, 2), [2, 2, 3]),
        (ops.clip(i, 2, 2), [2, 2, 2]),
        (ops.sum(i), 6),
        (ops.prod(i), 6),
        (ops.max(i), 3),
        (ops.flip(i), [3, 2, 1]),
        (ops.where([True, False, True], i, 0), [1, 0, 3]),
        (ops.concatenate([i, [4]]), [1, 2, 3, 4]),
        (ops.pad(i, 1), [0, 1, 2, 3, 0]),
        (ops.transpose(ops.reshape(i, (3, 1))), [[1, 2, 3]]),
        (ops.broadcast_to(i, (1, 3)), [[1, 2, 3]]),
        (ops.take(i, [2, 0]), [3, 1]),
        (i[1:], [2, 3]),
        (i[[0, 2]], [1, 3]),
        (ops.split(i, [1])[1], [2, 3]),
    ]:
        assert y.dtype == "int32"
        assert y.numpy().tolist() == expected
    assert (i / 2).numpy().tolist() == [0.5, 1, 1.5]
    for x in ([1, 2, 3], np.array([1, 2, 3], "int16"), range(1, 4)):
        for op, expected in (
            (ops.sum, 6),
            (ops.max, 3),
            (ops.min, 1),
            (ops.prod, 6),
            (ops.square, [1, 4, 9]),
            (ops.negative, [-1, -2, -3]),
            (ops.absolute, [1, 2, 3]),
            (lambda x: ops.clip(x, 2, 2), [2, 2, 2]),
        ):
            y = op(x)
            assert y.dtype == "int32" and y.numpy().tolist() == expected
        assert ops.mean(x).dtype == "float32"
    assert ops.max(np.array([2**40])).item() == 2**40  # int64 stays, as in a tensor
    assert ops.sum([True, True]).item() == 2
    assert (i + 0.5).dtype == "float32"
    assert (i == 2).numpy().tolist() == [False, True, False]
    assert ops.mean(i).item() == 2


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_whole_numbers_match_numpy(dtype):
    rng = np.random.default_rng(0)
    x, index = rng.integers(0, 2 if dtype == "bool" else 100, (3, 4, 5)).astype(dtype), np.array([2, -1, 0], "int32")
    t, i = ops.convert_to_tensor(x), ops.convert_to_tensor(index)
    assert t.dtype == dtype
    for y, expected in [
        (t[:, 1:3, ::-2], x[:, 1:3, ::-2]),
        (t[:, -1], x[:, -1]),
        (t[i], x[index]),
        (ops.transpose(t, (2, 0, 1)), x.transpose(2, 0, 1)),
        (ops.broadcast_to(t[:, :1], (3, 4, 5)), np.broadcast_to(x[:, :1], (3, 4, 5))),
        (ops.flip(t, 1), np.flip(x, 1)),
        (ops.concatenate([t, t[:, :2]], 1), np.concatenate([x, x[:, :2]], 1)),
        (ops.split(t, [1, 3], 2)[1], x[:, :, 1:3]),
        (ops.pad(t, 1), np.pad(x, 1)),
        (ops.take(t, i, 1), x.take(index, 1)),
        (ops.repeat(t, 2, 1), x.repeat(2, 1)),
        (ops.roll(t, -2, 2), np.roll(x, -2, 2)),
        (ops.where(t, t, ops.flip(t, 0)), np.where(x, x, np.flip(x, 0))),
        (ops.max(t, axis=(0, 2)), x.max((0, 2))),
        (ops.min(t, axis=1), x.min(1)),
        (ops.sort(t, 1), np.sort(x, 1)),
    ]:
        assert y.dtype == dtype
        np.testing.assert_array_equal(np.asarray(y), expected)
    for y, expected in [
        (ops.sum(t, (0, 2)), x.sum((0, 2))),
        (ops.argmax(t, 1), x.argmax(1)),
        (ops.argmin(t), x.argmin()),
        (ops.cumsum(t, 1), x.cumsum(1)),
        (ops.cast(t, "uint8"), x.astype("uint8")),
        (ops.cast(t, "bool"), x.astype("bool")),
        (ops.equal(t, 1), x == 1),
        (ops.less(t[0], t[1]), x[0] < x[1]),
        (ops.argsort(t, -1), np.argsort(x, -1, kind="stable")),
        (ops.count_nonzero(t, 0), np.count_nonzero(x, 0)),
    ]:
        np.testing.assert_array_equal(np.asarray(y), expected)


def test_int64_is_ordered_whole():
    x = np.array([2**40, -(2**63), 5, 2**40 + 1, 5])
    assert ops.argsort(x).numpy().tolist() == [1, 2, 4, 0, 3]
    assert ops.top_k(x, 3)[1].numpy().tolist() == [3, 0, 2]
    assert ops.isin([5, 7], x).numpy().tolist() == [True, False]
    assert ops.isin(x, np.array([2**40])).numpy().tolist() == [True, False, False, False, False]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-5, 5), max_size=9), st.lists(st.integers(-6, 6), max_size=5), st.booleans())
def test_searches_match_numpy(sequence, values, whole):
    sequence, values = (np.array(v, "int32" if whole else "float32") for v in (sorted(sequence), values))
    for side in ("left", "right"):
        np.testing.assert_array_equal(ops.searchsorted(sequence, values, side), np.searchsorted(sequence, values, side))
    np.testing.assert_array_equal(ops.digitize(values, sequence), np.digitize(values, sequence))
    np.testing.assert_array_equal(ops.isin(values, sequence), np.isin(values, sequence))
    np.testing.assert_array_equal(ops.isin(values, sequence, invert=True), np.isin(values, sequence, invert=True))


def test_nan_is_found_behind_all_numbers():
    assert ops.searchsorted([1.0, 2.0], [np.nan, 1.5]).numpy().tolist() == [2, 1]
    assert not ops.isin([np.nan], [np.nan, 1.0]).numpy().any()
    assert np.isnan(ops.quantile([[1.0, np.nan], [1.0, 2.0]], 0.0, axis=1).numpy()).tolist() == [True, False]
    assert ops.quantile([1.0, np.inf], [0.0, 1.0]).numpy().tolist() == [1.0, np.inf]


def test_of_updates_of_one_place_the_last_counts():
    x = ops.zeros((3, 2))
    y = ops.scatter_update(x, [[2], [-1], [0]], [[1.0, 2], [3, 4], [5, 6]])
    assert y.numpy().tolist() == [[5, 6], [0, 0], [3, 4]]
    assert ops.scatter_update(x, np.zeros((0, 1), int), np.zeros((0, 2))).numpy().tolist() == [[0, 0]] * 3
    assert ops.scatter_update(ops.arange(4), [[1], [3]], [7, 9]).numpy().tolist() == [0, 7, 2, 9]
    found = ops.segment_max(np.array([[1, 5], [4, 2], [3, 3]]), [1, 7, 1], 3)
    least = -(2**31)
    assert found.numpy().tolist() == [[least, least], [3, 5], [least, least]]


def test_histograms_match_numpy():
    rng = np.random.default_rng(0)
    for x in (rng.normal(size=200), np.full(7, 2.5), rng.integers(0, 4, 50)):
        for bins, among in ((5, None), (4, (-1.0, 2.5)), ([0.0, 0.5, 3.0], None)):
            counts, edges = ops.histogram(x.astype("float32"), bins, among)
            wanted, places = np.histogram(x.astype("float32"), bins, among)
            np.testing.assert_array_equal(counts, wanted)
            np.testing.assert_allclose(np.asarray(edges), places, rtol=1e-6, atol=1e-6)


def test_comparisons_and_logic_match_numpy():
    a, b = np.array([[1.0, np.nan, np.inf], [0, 2, -1]], "float32"), np.array([1.0, 2, 0], "float32")
    names = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose"]
    for name in [*names, "logical_and", "logical_or", "logical_xor"]:
        y = getattr(ops, name)(ops.convert_to_tensor(a), b)
        assert y.dtype == "bool"
        np.testing.assert_array_equal(np.asarray(y), getattr(np, name)(a, b))
    for name in ["isnan", "isinf", "isfinite", "logical_not"]:
        np.testing.assert_array_equal(np.asarray(getattr(ops, name)(a)), getattr(np, name)(a))
    for name in ("all", "any"):
        for axis in (None, 0, 1, (0, 1)):
            found = getattr(ops, name)(a > 0, axis=axis, keepdims=True)
            np.testing.assert_array_equal(np.asarray(found), getattr(np, name)(a > 0, axis=axis, keepdims=True))


@pytest.mark.kernels
def test_creation():
    assert ops.convert_to_tensor(2.5).dtype == "float32"
    assert ops.convert_to_tensor(True).dtype == "bool"
    assert ops.convert_to_tensor(np.zeros(2)).dtype == "float32"
    assert ops.convert_to_tensor(np.zeros(2, "int64")).dtype == "int64"
    assert ops.convert_to_tensor(np.zeros(2, "uint8")).dtype == "uint8"
    assert ops.convert_to_tensor(np.zeros(2, "int16")).dtype == "int32"
    assert ops.convert_to_tensor([1], dtype="float32").dtype == "float32"
    x = ops.ones((2, 3))
    assert ops.convert_to_tensor(x) is x
    assert ops.cast(x, "float32") is x
    assert ops.cast(np.array([0, 255], "uint8"), "float32").numpy().tolist() == [0, 255]
    assert ops.cast([-1, 7], "float32").numpy().tolist() == [-1, 7]
    assert ops.cast([0.0, 2.0], "bool").numpy().tolist() == [False, True]
    assert ops.arange(2, 8, 3).numpy().tolist() == [2, 5]
    assert ops.arange(0, 1, 0.5).dtype == "float32"
    assert ops.eye(2, 3, 1).numpy().tolist() == [[0, 1, 0], [0, 0, 1]]
    assert ops.full((2,), 7, "int32").numpy().tolist() == [7, 7]
    assert ops.full_like(x, 2).numpy().tolist() == [[2] * 3] * 2
    assert ops.zeros_like(ops.arange(2)).dtype == "int32"
    assert (ops.shape(x), ops.ndim(x), ops.size(x)) == ((2, 3), 2, 6)
    copy = ops.convert_to_numpy(x)
    copy[...] = 5
    assert x.numpy().max() == 1
    assert ops.one_hot([[0], [5], [-1]], 3, axis=1).numpy().tolist() == [[[1], [0], [0]], [[0]] * 3, [[0]] * 3]


def test_reshape_shares_memory_and_stop_gradient_stops():
    x = ops.ones((2, 3))
    assert np.shares_memory(ops.reshape(x, (3, 2)).numpy(), x.numpy())
    v = Variable(np.ones(2))
    with GradientTape() as tape:
        y = ops.sum(v * ops.stop_gradient(v))
    assert tape.gradient(y, v).numpy().tolist() == [1, 1]
    v.assign([5, 5])
    assert ops.stop_gradient(v).numpy().tolist() == [5, 5]


@pytest.mark.kernels
def test_a_tensor_of_another_float_type_is_cast_with_its_gradient():
    x = ops.cast([1.0, 2.0], "float64")
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(x * x)
    assert y.dtype == "float32"
    assert tape.gradient(y, x).numpy().tolist() == [2, 4]


def test_crossentropy_of_extreme_logits_is_exact():
    x = ops.convert_to_tensor([[200.0, -200.0]])
    with GradientTape() as tape:
        tape.watch(x)
        loss = ops.sparse_categorical_crossentropy([1], ops.softmax(x))
    assert loss.numpy().tolist() == [400]
    assert tape.gradient(loss, x).numpy().tolist() == [[1, -1]]
    x = ops.convert_to_tensor([50.0, -50.0])
    with GradientTape() as tape:
        tape.watch(x)
        loss = ops.binary_crossentropy([0.0, 1.0], ops.sigmoid(x))
    assert loss.numpy().tolist() == [50, 50]
    assert tape.gradient(loss, x).numpy().tolist() == [1, -1]
    # probabilities alone are clipped, as in Keras
    clipped = ops.categorical_crossentropy([[0.0, 1.0]], [[1.0, 0.0]])
    np.testing.assert_allclose(np.asarray(clipped), -np.log(1e-7), rtol=1e-6)
    clipped = ops.binary_crossentropy([1.0], [0.0])
    np.testing.assert_allclose(np.asarray(clipped), -np.log(1e-7), rtol=1e-6)


def test_crossentropy_takes_the_logits_of_its_own_activation_only():
    x, t = np.array([[1.0, -2.0, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    s, p = ops.sigmoid(x), ops.softmax(x)
    for of in (lambda y: ops.categorical_crossentropy(t, y), lambda y: ops.sparse_categorical_crossentropy([1], y)):
        np.testing.assert_allclose(of(s).numpy(), -np.log(s.numpy()[:, 1] / s.numpy().sum()), rtol=1e-5)
    expected = -np.log(np.where(t == 1, p.numpy(), 1 - p.numpy()))
    np.testing.assert_allclose(ops.binary_crossentropy(t, p).numpy(), expected, rtol=1e-5)


def test_labels_of_many_types():
    p = np.eye(3, dtype="float32") * 0.5 + 0.2
    expected = ops.sparse_categorical_crossentropy([0, 1, 2], p).numpy()
    for labels in (np.arange(3, dtype="uint8"), np.arange(3.0), np.arange(3)[:, None], ops.arange(3), [0, 1, 2]):
        np.testing.assert_array_equal(ops.sparse_categorical_crossentropy(labels, p).numpy(), expected)


@pytest.mark.parametrize("shape", [(1, 1000), (300, 7), (3, 70_000)])
def test_extremes_are_the_first_whether_watched_or_not(shape):
    rng = np.random.default_rng(7)
    zeros = rng.choice(np.float32([0.0, -0.0]), shape)
    for op, x in ((ops.max, np.where(rng.random(shape) < 0.3, np.float32(-1), zeros)), (ops.min, zeros)):
        for axis in (0, 1):
            with GradientTape() as tape:
                tape.watch(watched := ops.convert_to_tensor(x))
                y = op(watched, axis=axis)
            first = np.take_along_axis(x, np.expand_dims(getattr(np, "arg" + op.__name__)(x, axis), axis), axis)
            for found in (np.asarray(y), np.asarray(op(x, axis=axis))):
                np.testing.assert_array_equal(np.signbit(found), np.signbit(first.reshape(found.shape)))


# ---- fused activations ----

ACTIVATIONS = {
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "selu": ops.selu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "silu": ops.silu,
    "swish": ops.silu,
    "exponential": ops.exp,
    "hard_sigmoid": ops.hard_sigmoid,
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "relu6": ops.relu6,
    "linear": lambda x: x,
}


def test_conv_pads_as_pad_does():
    rng = np.random.default_rng(5)
    x, kernel = (rng.normal(size=s).astype("float32") for s in ((2, 5, 6, 4), (3, 3, 2, 6)))
    padded = ops.conv(ops.pad(x, ((0, 0), (2, 0), (1, 3), (0, 0))), kernel, 2)
    np.testing.assert_array_equal(ops.conv(x, kernel, 2, ((2, 0), (1, 3))), padded)
    line = ops.conv(ops.pad(x[0], ((0, 0), (1, 2), (0, 0))), kernel[0])
    np.testing.assert_array_equal(ops.conv(x[0], kernel[0], padding=((1, 2),)), line)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_and_conv_apply_the_activation(name):
    rng = np.random.default_rng(3)
    dy = rng.normal(size=(6, 5)).astype("float32")
    arrays = [rng.normal(size=s).astype("float32") for s in ((6, 4), (4, 5), (5,))]
    activation = ACTIVATIONS[name]
    expected = run(lambda x, w, b: activation(ops.matmul(x, w) + b), arrays, dy)

    def by_conv(x, w, b):
        y = ops.conv(ops.reshape(x, (6, 1, 1, 4)), ops.reshape(w, (1, 1, 4, 5)), bias=b, activation=name)
        return ops.reshape(y, (6, 5))

    for function in (lambda x, w, b: ops.dense(x, w, b, name), by_conv):
        y, gradients = run(function, arrays, dy)
        np.testing.assert_allclose(y, expected[0], rtol=1e-5, atol=1e-6)
        for found, wanted in zip(gradients, expected[1]):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
        predicted = function(*map(ops.convert_to_tensor, arrays))  # no tape: fused in one more way
        np.testing.assert_allclose(np.asarray(predicted), y, rtol=1e-5, atol=1e-6)


def test_same_padding_puts_the_odd_row_at_the_end():
    x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1)
    assert ops.conv(x, np.ones((2, 1, 1)), padding="same").numpy().ravel().tolist() == [3, 5, 7, 4]
    assert ops.conv(x, np.ones((4, 1, 1)), padding="same").numpy().ravel().tolist() == [6, 10, 9, 7]
    assert ops.conv(x, np.ones((3, 1, 1)), 2, padding="same").numpy().ravel().tolist() == [6, 7]
    assert ops.max_pool(-x, 2, 1, "same").numpy().ravel().tolist() == [-1, -2, -3, -4]
    assert ops.average_pool(x, 2, 1, "same").numpy().ravel().tolist() == [1.5, 2.5, 3.5, 4]  # without the padding
    assert ops.conv_transpose(x, np.ones((3, 1, 1)), 2, "same").numpy().ravel().tolist() == [1, 1, 3, 2, 5, 3, 7, 4]


def test_whole_numbers_beyond_int32_are_kept():
    """They become int64 where they come without a type of their own; int32 where it holds them."""
    large = 2**40
    cases = {
        "a number": (ops.convert_to_tensor(large), large),
        "a list": (ops.convert_to_tensor([large, 1])[0], large),
        "uint32": (ops.convert_to_tensor(np.uint32([2**32 - 1]))[0], 2**32 - 1),
        "a sum": (ops.add(1, large), large + 1),
        "a maximum": (ops.maximum([large], 1)[0], large),
        "a choice": (ops.where(True, large, 1), large),
    }
    for name, (found, expected) in cases.items():
        assert (found.dtype, found.numpy()) == ("int64", expected), name
    assert ops.convert_to_tensor(np.uint32([7])).dtype == ops.convert_to_tensor([-(2**31)]).dtype == "int32"
    with pytest.raises(TypeError, match="below 2\\^63"):
        ops.convert_to_tensor([2**63])
