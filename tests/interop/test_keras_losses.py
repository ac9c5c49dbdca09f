"""Losses against Keras: values, gradients of the predictions, weights, reductions. Runs where Keras is installed.

Predictions are plain probabilities where a cross-entropy takes these, so that both compute from them; what differs when
they come from a softmax or sigmoid has a test of its own.
"""

import functools
import inspect

import numpy as np
import pytest
from frameworks import EPSILON, close, cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

N, K = 12, 5
NUMBERS = ["CosineSimilarity", "Huber", "LogCosh", "MeanAbsoluteError", "MeanSquaredError"]
POSITIVE = ["MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson"]
BINARY = ["BinaryCrossentropy", "BinaryFocalCrossentropy", "Dice", "Hinge", "SquaredHinge", "Tversky"]
CLASSES = ["CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge", "KLDivergence"]
SPARSE = ["CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy"]
NAMES = sorted([*NUMBERS, *POSITIVE, *BINARY, *CLASSES, *SPARSE])
ONE_A_SAMPLE = [name for name in NAMES if name not in ("Dice", "Tversky")]


def data(name, rng, shape=(N, K), from_logits=False):
    """Targets and predictions that suit a loss."""
    y_pred = normal(rng, shape)
    if name in NUMBERS:
        return normal(rng, shape), y_pred
    if name in POSITIVE:
        return rng.uniform(0.2, 2.0, shape).astype(np.float32), rng.uniform(0.2, 2.0, shape).astype(np.float32)
    if name in BINARY:
        y_true = (rng.random(shape) < 0.5).astype(np.float32)
        return y_true, y_pred if from_logits else rng.uniform(0.05, 0.95, shape).astype(np.float32)
    labels = rng.integers(0, shape[-1], shape[:-1])
    y_true = labels.astype(np.int32) if name in SPARSE else np.eye(shape[-1], dtype=np.float32)[labels]
    return y_true, y_pred if from_logits else rng.uniform(0.05, 1.0, shape).astype(np.float32)


def compare(mine, theirs, y_true, y_pred, sample_weight=None, terms=None):
    rng = np.random.default_rng(5)
    (y,), dy, (gradient,) = cygrad_vjp(lambda x: mine(y_true, x, sample_weight), [y_pred], rng)
    (expected,), (expected_gradient,) = keras_vjp(lambda x: theirs(y_true, x, sample_weight), [y_pred], dy)
    close(y, expected, terms or y_pred.size)
    close(gradient, expected_gradient, terms or y_pred.size)


def snake(name):
    """The function's name for a class's."""
    return keras.src.utils.naming.to_snake_case(name)


def pair(name, **arguments):
    return [getattr(package.losses, name)(**arguments) for package in (cygrad, keras)]


def weightings(rng, shape, broadcast):
    """Sample weights of every shape that both take, zeros among them."""
    weights = rng.uniform(0.0, 2.0, shape).astype(np.float32)
    weights.flat[::4] = 0
    return [None, weights, *([weights[:, :1]] if broadcast and len(shape) > 1 else [])]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None])
@pytest.mark.parametrize("name", NAMES)
def test_reductions_and_sample_weights(name, reduction):
    mine, theirs = pair(name, reduction=reduction)
    rng = np.random.default_rng(0)
    for shape in ((N, K), (N, 3, K)):
        y_true, y_pred = data(name, rng, shape)
        for sample_weight in weightings(rng, shape[:-1], broadcast=reduction != "mean_with_sample_weight"):
            compare(mine, theirs, y_true, y_pred, sample_weight)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
@pytest.mark.parametrize("name", NAMES)
def test_one_weight_a_sample_as_a_column(name, reduction):
    rng = np.random.default_rng(0)
    compare(*pair(name, reduction=reduction), *data(name, rng), rng.random((N, 1), np.float32))


@pytest.mark.parametrize("name", ONE_A_SAMPLE)
def test_deviation_weights_in_a_column_give_a_vector_of_losses(name):
    """With reduction "none" and weights [N,1], Keras gives [N,1] for losses [N]; cygrad gives one loss a sample."""
    rng = np.random.default_rng(0)
    mine, theirs = pair(name, reduction="none")
    y_true, y_pred = data(name, rng)
    weights = rng.random((N, 1), np.float32)
    expected = keras.ops.convert_to_numpy(theirs(y_true, y_pred, weights))
    assert mine(y_true, y_pred, weights).shape == (N,) and expected.shape == (N, 1)
    close(mine(y_true, y_pred, weights), expected[:, 0], K)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_one_weight_for_all(name, reduction):
    rng = np.random.default_rng(0)
    compare(*pair(name, reduction=reduction), *data(name, rng), 0.5)


@pytest.mark.parametrize("name", ONE_A_SAMPLE)
def test_deviation_the_divisor_counts_a_weight_for_each_value_it_multiplies(name):
    """With reduction "mean_with_sample_weight" and broadcast weights, one for all or [N,1] for losses [N,3], Keras
    divides by the sum of the weights as given. In cygrad equal weights leave the mean as it is."""
    rng = np.random.default_rng(0)
    mine, theirs = pair(name, reduction="mean_with_sample_weight")
    for shape, weights in (((N, K), np.float32(0.5)), ((N, 3, K), rng.random((N, 1), np.float32))):
        y_true, y_pred = data(name, rng, shape)
        times = np.prod(shape[:-1]) / weights.size
        loss = mine(y_true, y_pred, weights)
        close(loss, keras.ops.convert_to_numpy(theirs(y_true, y_pred, weights)) / times, y_pred.size)
        close(mine(y_true, y_pred, 0.5), mine(y_true, y_pred), y_pred.size)


@pytest.mark.parametrize("name", NAMES)
def test_deviation_one_weight_a_sample_fits_sequences(name):
    """Losses [N,3] with weights [N]: Keras wants [N,1]."""
    rng = np.random.default_rng(0)
    mine, theirs = pair(name)
    y_true, y_pred = data(name, rng, (N, 3, K))
    weights = rng.random(N, np.float32)
    close(mine(y_true, y_pred, weights), keras.ops.convert_to_numpy(theirs(y_true, y_pred, weights[:, None])), N)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy"])
def test_logits_and_label_smoothing(name, from_logits, label_smoothing):
    mine, theirs = pair(name, from_logits=from_logits, label_smoothing=label_smoothing)
    rng = np.random.default_rng(0)
    for shape in ((N, K), (N, 4, 3)):
        compare(mine, theirs, *data(name, rng, shape, from_logits), rng.random((N, *shape[1:-1]), np.float32))


@pytest.mark.parametrize("shape", [(N, 2), (N, K), (N, 3, K)])
@pytest.mark.parametrize("from_logits", [False, True])
def test_labels_of_any_shape(from_logits, shape):
    """[...] and [...,1], of every integer type and in floats."""
    mine, theirs = pair("SparseCategoricalCrossentropy", from_logits=from_logits)
    labels, y_pred = data("SparseCategoricalCrossentropy", np.random.default_rng(0), shape, from_logits)
    for y_true in (labels, labels[..., None], labels.astype(np.int64), labels.astype(np.uint8), labels.astype("f")):
        compare(mine, theirs, y_true, y_pred)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
def test_ignore_class(reduction, from_logits):
    """The mean is over what is left, in both."""
    mine, theirs = pair("SparseCategoricalCrossentropy", from_logits=from_logits, reduction=reduction, ignore_class=2)
    y_true, y_pred = data("SparseCategoricalCrossentropy", np.random.default_rng(0), (N, 4, K), from_logits)
    assert (y_true == 2).any()
    compare(mine, theirs, y_true, y_pred)


def choose(rng, options):
    """A value for each option: one of a list, a number in a range (low, high)."""
    return {
        name: rng.uniform(*values) if isinstance(values, tuple) else values[rng.integers(len(values))]
        for name, values in options.items()
    }


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Huber", {"delta": (0.1, 3.0)}),
        ("CosineSimilarity", {"axis": [-1, 1, 0]}),
        ("Dice", {"axis": [None, -1, 1, (1, 2)]}),
        ("Tversky", {"axis": [None, -1, 1, (1, 2)], "alpha": (0.0, 1.0), "beta": (0.0, 1.0)}),
        ("CategoricalGeneralizedCrossEntropy", {"q": (0.05, 0.95)}),
        (
            "BinaryFocalCrossentropy",
            {
                **{"apply_class_balancing": [False, True], "alpha": (0.0, 1.0), "gamma": [0.5, 1.0, 2.0, 2.7]},
                **{"from_logits": [False, True], "label_smoothing": [0.0, 0.2], "axis": [-1, 1]},
            },
        ),
        (
            "CategoricalFocalCrossentropy",
            {
                **{"alpha": [0.25, 0.8, [0.1, 0.4, 0.2, 0.9]], "gamma": [0.5, 1.0, 2.0, 2.7]},
                **{"from_logits": [False, True], "label_smoothing": [0.0, 0.2]},
            },
        ),
    ],
)
def test_random_arguments(name, options, seed):
    rng = np.random.default_rng(seed)
    arguments = choose(rng, {**options, "reduction": ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"]})
    mine, theirs = pair(name, **arguments)
    y_true, y_pred = data(name, rng, (6, 3, 4), arguments.get("from_logits", False))
    values = pair(name, **{**arguments, "reduction": None})[0](y_true, y_pred)
    weights = rng.uniform(0.5, 2.0, values.shape).astype(np.float32) if values.shape else None
    compare(mine, theirs, y_true, y_pred, weights)


@pytest.mark.parametrize("seed", range(5))
def test_circle(seed):
    rng = np.random.default_rng(seed)
    arguments = choose(rng, {"gamma": (1.0, 80.0), "margin": (0.1, 0.5), "remove_diagonal": [True, False]})
    x = normal(rng, (N, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3], np.int32)  # no row without another of its label
    for reduction in ("sum_over_batch_size", "none"):
        compare(*pair("Circle", **arguments, reduction=reduction), labels, x, terms=1000)
    others = x[::-1].copy()
    mine, theirs = (p.losses.circle(labels, x, labels[::-1].copy(), others, **arguments) for p in (cygrad, keras))
    close(mine, keras.ops.convert_to_numpy(theirs), 1000)


def test_axis():
    rng = np.random.default_rng(0)
    for name in ("BinaryCrossentropy", "CategoricalCrossentropy"):
        y_true, y_pred = data(name, rng, (N, 4, K), True)
        swapped = [np.ascontiguousarray(np.swapaxes(a, 1, 2)) for a in (y_true, y_pred)]
        compare(*pair(name, from_logits=True, axis=1), *swapped)


@pytest.mark.parametrize("name", sorted({*NUMBERS, *POSITIVE, *BINARY} - {"CosineSimilarity"}))  # a number has no angle
@pytest.mark.parametrize("shapes", [((N,), (N,)), ((N,), (N, 1)), ((N, 1), (N,)), ((N, 1), (N, 1))])
def test_a_vector_and_a_column_are_pairs(name, shapes):
    rng = np.random.default_rng(0)
    y_true, y_pred = (a[:, 0] for a in data(name, rng))
    compare(*pair(name), y_true.reshape(shapes[0]), y_pred.reshape(shapes[1]))


@pytest.mark.parametrize("name", NAMES)
def test_functions(name):
    """losses.mean_squared_error, ...: one value a sample."""
    rng = np.random.default_rng(0)
    y_true, y_pred = data(name, rng)
    mine, theirs = (getattr(package.losses, snake(name)) for package in (cygrad, keras))
    if name == "CategoricalGeneralizedCrossEntropy":
        mine, theirs = functools.partial(mine, q=0.4), functools.partial(theirs, q=0.4)
    (y,), dy, (gradient,) = cygrad_vjp(lambda x: mine(y_true, x), [y_pred], rng)
    # (Keras's function takes y_true as it is, its class makes a tensor of it.)
    (expected,), (expected_gradient,) = keras_vjp(
        lambda x: theirs(keras.ops.convert_to_tensor(y_true), x), [y_pred], dy
    )
    close(y, expected, K)
    close(gradient, expected_gradient, K)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
def test_of_an_activation(name):
    """The probabilities of a softmax or sigmoid: cygrad starts from its input, and the gradient there is Keras's."""
    activation = "sigmoid" if name.startswith("Binary") else "softmax"
    rng = np.random.default_rng(0)
    y_true, x = data(name, rng, from_logits=True)
    mine, theirs = pair(name)
    (y,), dy, (gradient,) = cygrad_vjp(lambda x: mine(y_true, getattr(cygrad.ops, activation)(x)), [x], rng)
    (expected,), (expected_gradient,) = keras_vjp(lambda x: theirs(y_true, getattr(keras.ops, activation)(x)), [x], dy)
    close(y, expected, x.size)
    close(gradient, expected_gradient, x.size)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
def test_deviation_losses_of_an_activation_are_exact_where_keras_clips(name):
    """A wrong answer given with certainty: the loss is the difference of the logits, 40. Keras clips the probability
    at 1e-7, so that its loss ends at 16.1 and learning with it; only on TensorFlow it finds the logits, too."""
    binary = name.startswith("Binary")
    x = np.array([[40.0]] if binary else [[0.0, 40.0]], np.float32)
    y_true = {"BinaryCrossentropy": [[0.0]], "CategoricalCrossentropy": [[1.0, 0.0]]}.get(name, [0])
    activation = "sigmoid" if binary else "softmax"
    mine, theirs = pair(name)
    tensor = cygrad.ops.convert_to_tensor(x)
    with cygrad.GradientTape() as tape:
        tape.watch(tensor)
        loss = mine(y_true, getattr(cygrad.ops, activation)(tensor))
    gradient = tape.gradient(loss, tensor).numpy()
    assert float(loss) == pytest.approx(40.0, rel=4 * EPSILON)
    np.testing.assert_allclose(gradient, [[1.0]] if binary else [[-1.0, 1.0]], rtol=4 * EPSILON)
    end = 40.0 if keras.backend.backend() == "tensorflow" else 16.1
    clipped = theirs(np.array(y_true), getattr(keras.ops, activation)(keras.ops.convert_to_tensor(x)))
    assert float(keras.ops.convert_to_numpy(clipped)) == pytest.approx(end, abs=0.2)


@pytest.mark.parametrize("name", [*NAMES, "Circle", "CTC"])
def test_signatures(name):
    """The arguments of a class and its function: Keras's, in Keras's order, with Keras's defaults."""
    for attribute in (name, name.lower() if name == "CTC" else snake(name)):
        mine, theirs = (inspect.signature(getattr(package.losses, attribute)) for package in (cygrad, keras))
        assert [(p.name, p.default) for p in mine.parameters.values()] == [
            (p.name, p.default) for p in theirs.parameters.values()
        ]


def test_names():
    """What loss= takes: each of our names stands for the same in Keras, and Keras's are ours."""
    known = dict(keras.src.losses.ALL_OBJECTS_DICT)
    assert set(known) - set(cygrad.losses._NAMES) == {"Loss"}
    added = {"CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"}  # Keras forgot these
    assert set(cygrad.losses._NAMES) - set(known) == added
    for name in set(known) & set(cygrad.losses._NAMES):
        assert known[name].__name__ == cygrad.losses._NAMES[name].__name__


def test_every_loss_is_compared():
    classes = {n for n, v in vars(cygrad.losses).items() if inspect.isclass(v) and issubclass(v, cygrad.losses.Loss)}
    public = {name for name in classes if name[0] != "_"}
    assert public - {"Loss", "LossFunctionWrapper"} == {*NAMES, "Circle", "CTC"}


@pytest.mark.parametrize("mask_index", [0, 4])
def test_ctc_loss(mask_index):
    rng = np.random.default_rng(3)
    x = normal(rng, (4, 15, 5))
    labels = (rng.integers(1, 5, (4, 6)) if mask_index == 0 else rng.integers(0, 4, (4, 6))).astype(np.int32)
    lengths, frames = np.int32([6, 1, 0, 3]), np.int32([15, 12, 9, 15])
    arguments = [labels, lengths, frames]
    mine = lambda x: cygrad.ops.ctc_loss(labels, x, lengths, frames, mask_index)  # noqa: E731
    (y,), dy, (gradient,) = cygrad_vjp(mine, [x], rng)
    t, n, m = (keras.ops.convert_to_tensor(a) for a in arguments)
    (expected,), (expected_gradient,) = keras_vjp(lambda x: keras.ops.ctc_loss(t, x, n, m, mask_index), [x], dy)
    close(y, expected, 15)
    np.testing.assert_allclose(gradient, expected_gradient, atol=2e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
def test_ctc(reduction):
    rng = np.random.default_rng(4)
    x, labels = normal(rng, (3, 10, 6)), rng.integers(1, 6, (3, 4)).astype(np.int32)
    labels[1, 2:] = 0
    mine, theirs = cygrad.losses.CTC(reduction), keras.losses.CTC(reduction)
    (y,), dy, (gradient,) = cygrad_vjp(lambda x: mine(labels, x), [x], rng)
    (expected,), (expected_gradient,) = keras_vjp(lambda x: theirs(labels, x), [x], dy)
    close(y, expected, 10)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize("merge_repeated", [True, False])
@pytest.mark.parametrize("mask_index", [0, 3])
def test_ctc_decode(merge_repeated, mask_index):
    x = normal(np.random.default_rng(5), (3, 12, 4))
    lengths = np.int32([12, 7, 1])
    options = {"merge_repeated": merge_repeated, "mask_index": mask_index}
    mine = cygrad.ops.ctc_decode(x, lengths, **options)
    theirs = keras.ops.ctc_decode(x, lengths, **options)
    np.testing.assert_array_equal(mine[0].numpy(), keras.ops.convert_to_numpy(theirs[0]))
    close(mine[1].numpy(), keras.ops.convert_to_numpy(theirs[1]), 12)
