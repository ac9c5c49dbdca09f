"""Losses against their formulas in float64, gradients by finite differences, shapes, weights, lookup and errors."""

import json
import pickle

import numpy as np
import pytest

from cygrad import GradientTape, Input, Sequential, Variable, layers, losses, ops, utils
from cygrad.ops._backend import use_reference

EPSILON = 1e-7


# ---- formulas, one value a sample, float64 ----


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def squared(t, p):
    return ((t - p) ** 2).mean(-1)


def absolute(t, p):
    return np.abs(t - p).mean(-1)


def binary(t, p, from_logits=False, label_smoothing=0.0):
    p = sigmoid(p) if from_logits else np.clip(p, EPSILON, 1 - EPSILON)
    t = t * (1 - label_smoothing) + label_smoothing / 2
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1)


def categorical(t, p, from_logits=False, label_smoothing=0.0):
    p = softmax(p) if from_logits else np.clip(p / p.sum(-1, keepdims=True), EPSILON, 1 - EPSILON)
    t = t * (1 - label_smoothing) + label_smoothing / t.shape[-1]
    return -(t * np.log(p)).sum(-1)


def sparse(t, p, from_logits=False):
    return categorical(np.eye(p.shape[-1])[t.astype(int)], p, from_logits)


def percentage(t, p):
    return 100 * (np.abs(t - p) / np.maximum(np.abs(t), EPSILON)).mean(-1)


def logarithmic(t, p):
    return ((np.log1p(np.maximum(t, EPSILON)) - np.log1p(np.maximum(p, EPSILON))) ** 2).mean(-1)


def huber(t, p, delta=1.0):
    e = np.abs(t - p)
    return np.where(e <= delta, e**2 / 2, delta * e - delta**2 / 2).mean(-1)


def log_cosh(t, p):
    return np.log(np.cosh(p - t)).mean(-1)


def cosine(t, p):
    return -(t * p).sum(-1) / np.linalg.norm(t, axis=-1) / np.linalg.norm(p, axis=-1)


def divergence(t, p):
    t, p = np.clip(t, EPSILON, 1), np.clip(p, EPSILON, 1)
    return (t * np.log(t / p)).sum(-1)


def poisson(t, p):
    return (p - t * np.log(p + EPSILON)).mean(-1)


def hinge(t, p):
    return np.maximum(1 - t * p, 0).mean(-1)


def hinge_of_bits(t, p):
    return hinge(2 * t - 1, p)


def squared_hinge(t, p):
    return (np.maximum(1 - t * p, 0) ** 2).mean(-1)


def categorical_hinge(t, p):
    return np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0)


def binary_focal(t, p, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False):
    p = sigmoid(p) if from_logits else p
    right = np.where(t > 0, p, 1 - p)
    weight = np.where(t > 0, alpha, 1 - alpha) if apply_class_balancing else 1
    return (-weight * (1 - right) ** gamma * np.log(right)).mean(-1)


def categorical_focal(t, p, alpha=0.25, gamma=2.0, from_logits=False):
    p = softmax(p) if from_logits else np.clip(p / p.sum(-1, keepdims=True), EPSILON, 1 - EPSILON)
    return -(np.asarray(alpha) * (1 - p) ** gamma * t * np.log(p)).sum(-1)


def generalized(t, p, q=0.5):
    return (1 - (p * np.eye(p.shape[-1])[t.astype(int)]).sum(-1) ** q) / q


def dice(t, p, axis=None):
    return 1 - 2 * (t * p).sum(axis) / (t.sum(axis) + p.sum(axis) + EPSILON)


def tversky(t, p, alpha=0.5, beta=0.5, axis=None):
    both = (t * p).sum(axis)
    return 1 - both / (both + alpha * (t * (1 - p)).sum(axis) + beta * ((1 - t) * p).sum(axis) + EPSILON)


def targets(kind, rng, shape):
    if kind == "numbers":
        return rng.normal(size=shape)
    if kind == "positive":
        return rng.uniform(0.1, 3, shape)
    if kind == "signs":
        return rng.choice([-1.0, 1.0], shape)
    if kind.endswith("bits"):
        return rng.integers(0, 2, shape).astype(float)
    labels = rng.integers(0, shape[-1], shape[:-1])
    return labels if kind == "labels" else np.eye(shape[-1])[labels]


def predictions(kind, from_logits, rng, shape):
    x = rng.normal(size=shape) * 2
    if kind in ("numbers", "signs") or from_logits:
        return x
    if kind == "positive":
        return rng.uniform(0.1, 3, shape)
    return sigmoid(x) if kind == "bits" else softmax(x) * 1.5  # not of sum 1: the loss scales them


CASES = {
    "mse": (losses.MeanSquaredError, losses.mean_squared_error, squared, "numbers", {}),
    "mae": (losses.MeanAbsoluteError, losses.mean_absolute_error, absolute, "numbers", {}),
    "bce": (losses.BinaryCrossentropy, losses.binary_crossentropy, binary, "bits", {}),
    "bce logits": (losses.BinaryCrossentropy, losses.binary_crossentropy, binary, "bits", {"from_logits": True}),
    "bce smooth": (losses.BinaryCrossentropy, losses.binary_crossentropy, binary, "bits", {"label_smoothing": 0.3}),
    "cce": (losses.CategoricalCrossentropy, losses.categorical_crossentropy, categorical, "rows", {}),
    "cce logits": (
        losses.CategoricalCrossentropy,
        losses.categorical_crossentropy,
        categorical,
        "rows",
        {"from_logits": True, "label_smoothing": 0.1},
    ),
    "scce": (losses.SparseCategoricalCrossentropy, losses.sparse_categorical_crossentropy, sparse, "labels", {}),
    "scce logits": (
        losses.SparseCategoricalCrossentropy,
        losses.sparse_categorical_crossentropy,
        sparse,
        "labels",
        {"from_logits": True},
    ),
    "mape": (losses.MeanAbsolutePercentageError, losses.mean_absolute_percentage_error, percentage, "positive", {}),
    "msle": (losses.MeanSquaredLogarithmicError, losses.mean_squared_logarithmic_error, logarithmic, "positive", {}),
    "huber": (losses.Huber, losses.huber, huber, "numbers", {"delta": 1.7}),
    "log_cosh": (losses.LogCosh, losses.log_cosh, log_cosh, "numbers", {}),
    "cosine": (losses.CosineSimilarity, losses.cosine_similarity, cosine, "numbers", {}),
    "kld": (losses.KLDivergence, losses.kl_divergence, divergence, "rows", {}),
    "poisson": (losses.Poisson, losses.poisson, poisson, "positive", {}),
    "hinge": (losses.Hinge, losses.hinge, hinge, "signs", {}),
    "hinge bits": (losses.Hinge, losses.hinge, hinge_of_bits, "hinge bits", {}),
    "squared hinge": (losses.SquaredHinge, losses.squared_hinge, squared_hinge, "signs", {}),
    "categorical hinge": (losses.CategoricalHinge, losses.categorical_hinge, categorical_hinge, "rows", {}),
    "binary focal": (losses.BinaryFocalCrossentropy, losses.binary_focal_crossentropy, binary_focal, "bits", {}),
    "binary focal balanced": (
        losses.BinaryFocalCrossentropy,
        losses.binary_focal_crossentropy,
        binary_focal,
        "bits",
        {"from_logits": True, "gamma": 1.5, "alpha": 0.7, "apply_class_balancing": True},
    ),
    "categorical focal": (
        losses.CategoricalFocalCrossentropy,
        losses.categorical_focal_crossentropy,
        categorical_focal,
        "rows",
        {"gamma": 3.0, "from_logits": True},
    ),
    "generalized": (
        losses.CategoricalGeneralizedCrossEntropy,
        losses.categorical_generalized_cross_entropy,
        generalized,
        "labels",
        {"q": 0.7},
    ),
    "dice": (losses.Dice, losses.dice, dice, "bits", {"axis": -1}),
    "tversky": (losses.Tversky, losses.tversky, tversky, "bits", {"axis": -1, "alpha": 0.3, "beta": 0.9}),
}


def example(name, shape=(5, 3), seed=1):
    cls, function, formula, kind, options = CASES[name]
    rng = np.random.default_rng(seed)
    return (
        cls,
        function,
        formula,
        targets(kind, rng, shape),
        predictions(kind, options.get("from_logits"), rng, shape),
        options,
    )


@pytest.mark.parametrize("shape", [(5, 3), (1, 4), (3, 2, 7)])
@pytest.mark.parametrize("name", CASES)
def test_values(name, shape):
    cls, function, formula, t, p, options = example(name, shape)
    wanted = formula(t, p, **options)
    got = function(t, p, **options)
    assert got.shape == shape[:-1]
    np.testing.assert_allclose(got.numpy(), wanted, rtol=2e-5, atol=1e-6)
    for reduction, value in (
        ("sum_over_batch_size", wanted.mean()),
        ("mean", wanted.mean()),
        ("mean_with_sample_weight", wanted.mean()),
        ("sum", wanted.sum()),
        ("none", wanted),
        (None, wanted),
    ):
        result = cls(reduction=reduction, **options)(t, p)
        assert result.shape == np.shape(value)
        np.testing.assert_allclose(result.numpy(), value, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_weights(name):
    cls, _, formula, t, p, options = example(name)
    values = formula(t, p, **options)
    w = np.random.default_rng(2).uniform(0.1, 2, 5)
    for given in (w, w[:, None], list(w)):
        np.testing.assert_allclose(cls(**options)(t, p, given), (values * w).mean(), rtol=3e-5)
    np.testing.assert_allclose(cls(reduction="sum", **options)(t, p, w), (values * w).sum(), rtol=3e-5)
    np.testing.assert_allclose(cls(reduction=None, **options)(t, p, w), values * w, rtol=3e-5)
    np.testing.assert_allclose(cls(**options)(t, p, 0.5), values.mean() / 2, rtol=3e-5)
    weighted = cls(reduction="mean_with_sample_weight", **options)(t, p, w)
    np.testing.assert_allclose(weighted, (values * w).sum() / w.sum(), rtol=3e-5)


def test_weights_of_sequences_belong_to_samples():
    rng = np.random.default_rng(3)
    t, p, w = rng.normal(size=(4, 4, 2)), rng.normal(size=(4, 4, 2)), rng.uniform(size=4)
    loss = losses.MeanSquaredError()
    np.testing.assert_allclose(loss(t, p, w), (squared(t, p) * w[:, None]).mean(), rtol=1e-5)
    steps = rng.uniform(size=(4, 4))
    np.testing.assert_allclose(loss(t, p, steps), (squared(t, p) * steps).mean(), rtol=1e-5)
    with pytest.raises(
        ValueError, match=r"sample_weight has shape \(3,\); expected one weight a sample, shape \(4,\) or \(4, 4\)"
    ):
        loss(t, p, np.ones(3))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
@pytest.mark.parametrize("name", CASES)
def test_gradients(name, reduction, weighted):
    cls, _, _, t, p, options = example(name, (4, 3))
    rng = np.random.default_rng(5)
    w = rng.uniform(size=4) if weighted else None
    direction, seed = rng.normal(size=p.shape), rng.normal(size=4 if reduction == "none" else ())
    with use_reference():
        loss = cls(reduction=reduction, **options)
        x = Variable(p)
        with GradientTape() as tape:
            y = loss(t, x, w)
        dx = tape.gradient(y, x, output_gradients=ops.convert_to_tensor(seed)).numpy()
        h = 1e-6
        up, down = (np.sum(seed * np.asarray(loss(t, p + s * h * direction, w))) for s in (1, -1))
    assert (dx * direction).sum() == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_gradients_reach_y_true(name):
    cls, _, _, t, p, _ = example(name)
    true, pred = Variable(t), Variable(p)
    with GradientTape() as tape:
        loss = cls()(true, pred)
    dt, dp = tape.gradient(loss, [true, pred])
    np.testing.assert_array_equal(dt.numpy(), -dp.numpy())
    assert np.any(dp.numpy())
    with GradientTape() as tape:
        loss = cls()(true, p)
    np.testing.assert_array_equal(tape.gradient(loss, true).numpy(), dt.numpy())


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_saturated_outputs_keep_their_gradient(activation):
    x = Variable(np.array([[60.0, -60.0]]))
    loss = losses.SparseCategoricalCrossentropy() if activation == "softmax" else losses.BinaryCrossentropy()
    t = np.array([1]) if activation == "softmax" else np.array([[0.0, 1.0]])
    with GradientTape() as tape:
        value = loss(t, getattr(ops, activation)(x))
    assert float(value) == pytest.approx(120 if activation == "softmax" else 60)
    wanted = [[1, -1]] if activation == "softmax" else [[0.5, -0.5]]
    np.testing.assert_allclose(tape.gradient(value, x), wanted, rtol=1e-6)


def test_vectors_and_columns_are_pairs_not_tables():
    rng = np.random.default_rng(6)
    t, p = rng.normal(size=6), rng.normal(size=6)
    for a, b in ((t, p[:, None]), (t[:, None], p), (t[:, None], p[:, None])):
        assert losses.mean_squared_error(a, b).shape == (6,)
        assert float(losses.MeanSquaredError()(a, b)) == pytest.approx(((t - p) ** 2).mean(), rel=1e-5)
        bits, probabilities = (a > 0).astype(float), sigmoid(b)
        wanted = binary((t > 0).astype(float)[:, None], sigmoid(p)[:, None]).mean()
        assert float(losses.BinaryCrossentropy()(bits, probabilities)) == pytest.approx(wanted, rel=1e-5)
    assert losses.mean_squared_error(np.ones((3, 4)), np.ones((3, 4, 1))).shape == (3,)
    assert losses.mean_squared_error(np.ones((3, 4, 1)), np.ones((3, 4))).shape == (3,)
    own = losses.LossFunctionWrapper(lambda y, q: ops.square(y - q))
    assert float(own(t, p[:, None])) == pytest.approx(((t - p) ** 2).mean(), rel=1e-5)


def test_dropping_an_axis_keeps_the_logits():
    x = Variable(np.full((1, 2, 1), 60.0))
    with GradientTape() as tape:
        value = losses.BinaryCrossentropy()(np.zeros((1, 2)), ops.sigmoid(x))
    assert float(value) == pytest.approx(60)
    np.testing.assert_allclose(tape.gradient(value, x), np.full((1, 2, 1), 0.5))


def test_integer_and_float_labels_of_any_type():
    p = softmax(np.random.default_rng(7).normal(size=(4, 3)))
    labels = np.array([0, 2, 1, 1])
    wanted = sparse(labels, p).mean()
    for dtype in ("int8", "uint8", "int32", "int64", "float32", "float64"):
        for given in (labels.astype(dtype), labels.astype(dtype)[:, None]):
            assert float(losses.SparseCategoricalCrossentropy()(given, p)) == pytest.approx(wanted, rel=1e-5)
    rows = np.eye(3, dtype="uint8")[labels]
    assert float(losses.CategoricalCrossentropy()(rows, p)) == pytest.approx(wanted, rel=1e-5)


def test_axis_of_classes():
    rng = np.random.default_rng(8)
    p, labels = softmax(rng.normal(size=(2, 5, 3))), rng.integers(0, 3, (2, 5))
    wanted = sparse(labels, p)
    moved = np.moveaxis(p, -1, 1)
    got = losses.SparseCategoricalCrossentropy(axis=1, reduction=None)(labels, moved)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    got = losses.CategoricalCrossentropy(axis=1, reduction=None)(np.moveaxis(np.eye(3)[labels], -1, 1), moved)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_ignore_class_leaves_samples_out():
    rng = np.random.default_rng(9)
    p, labels = softmax(rng.normal(size=(6, 3))), np.array([0, -1, 2, 1, -1, 0])
    kept = labels >= 0
    wanted = np.where(kept, sparse(np.where(kept, labels, 0), p), 0)
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels, p, ignore_class=-1), wanted, rtol=1e-5)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert float(loss(labels, p)) == pytest.approx(wanted.sum() / 4, rel=1e-5)
    w = rng.uniform(size=6)
    assert float(loss(labels[:, None], p, w)) == pytest.approx((wanted * w).sum() / 4, rel=1e-5)
    assert float(loss(np.full(6, -1), p)) == 0
    weighted = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction="mean_with_sample_weight")
    assert float(weighted(labels, p)) == pytest.approx(wanted.sum() / 4, rel=1e-5)
    assert float(weighted(labels[:, None], p, w)) == pytest.approx((wanted * w).sum() / w[kept].sum(), rel=1e-5)
    total = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction="sum")
    assert float(total(labels, p)) == pytest.approx(wanted.sum(), rel=1e-5)


@pytest.mark.parametrize("name", [*CASES, "scce ignore"])
@pytest.mark.kernels
def test_training_steps_are_captured_with_the_same_results(name):
    """A loss is made of ops: nothing in it stops a step from being replayed."""
    ignored = (losses.SparseCategoricalCrossentropy, None, None, "labels", {"ignore_class": 2})
    cls, _, _, kind, options = CASES.get(name, ignored)
    rng = np.random.default_rng(11)
    activation = None if kind in ("numbers", "signs") or options.get("from_logits") else "sigmoid"
    activation = "softmax" if kind in ("rows", "labels") and activation else activation
    x, t = rng.normal(size=(32, 4)).astype("float32"), targets(kind, rng, (32, 3))
    weights = rng.uniform(0.5, 2, 32) if not name.startswith("dice") else None
    found = []
    for captured in ("auto", False):
        utils.set_random_seed(1)
        model = Sequential([Input((4,)), layers.Dense(3, activation=activation)])
        model.compile("sgd", cls(**options, reduction="mean_with_sample_weight"), jit_compile=captured)
        history = model.fit(x, t, batch_size=8, epochs=2, sample_weight=weights, verbose=0)
        found.append((history.history, [w.tolist() for w in model.get_weights()]))
    assert found[0] == found[1]
    assert np.isfinite(found[0][0]["loss"]).all()
    utils.set_random_seed(1)
    model = Sequential([Input((4,)), layers.Dense(3, activation=activation)])
    model.compile("sgd", cls(**options))
    model.fit(x, t, batch_size=8, epochs=2, verbose=0)
    assert "replays" in model.explain_capture()["train"][0]


def test_hinge_looks_at_the_labels_of_each_batch():
    p = np.array([[0.5], [-0.25]])
    assert float(losses.Hinge()([[0.0], [1.0]], p)) == float(losses.Hinge()([[-1.0], [1.0]], p)) == 1.375
    assert float(losses.Hinge()([[0.0], [2.0]], p)) == pytest.approx((1 + 1.5) / 2)
    assert losses.hinge(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)


def test_areas_of_the_whole_batch():
    rng = np.random.default_rng(12)
    t, p = rng.integers(0, 2, (4, 3, 3)).astype(float), rng.uniform(size=(4, 3, 3))
    for axis in (None, (1, 2), [1, 2]):
        wanted = dice(t, p, axis if axis is None else (1, 2))
        np.testing.assert_allclose(losses.dice(t, p, axis=axis), wanted, rtol=1e-5)
        np.testing.assert_allclose(losses.Tversky(reduction=None, axis=axis)(t, p), wanted, rtol=1e-5)


def test_circle_is_the_formula_of_its_paper():
    rng = np.random.default_rng(13)
    x = rng.normal(size=(8, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 3])
    d, margin, gamma = 1 - x @ x.T, 0.4, 3.0
    wanted = np.zeros(8)
    for i in range(8):
        alike = [d[i, j] for j in range(8) if labels[i] == labels[j] and i != j]
        others = [d[i, j] for j in range(8) if labels[i] != labels[j]]
        near = sum(np.exp(-gamma * (e + margin) * (margin - e)) for e in alike)
        far = sum(np.exp(gamma * max(1 + margin - e, 0) * (1 - margin - e)) for e in others)
        wanted[i] = np.log1p(near * far)
    np.testing.assert_allclose(losses.circle(labels, x, gamma=gamma), wanted, rtol=1e-4, atol=1e-6)
    assert (wanted[6:] == 0).all()
    assert float(losses.Circle(gamma=gamma)(labels, x)) == pytest.approx(wanted[:6].mean(), rel=1e-4)


def test_one_alpha_a_class():
    t, p = np.eye(3), softmax(np.random.default_rng(14).normal(size=(3, 3)))
    loss = losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.5, 0.9], reduction=None)
    np.testing.assert_allclose(loss(t, p), categorical_focal(t, p, [0.1, 0.5, 0.9]), rtol=1e-5)
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    np.testing.assert_array_equal(again(t, p), loss(t, p))


def test_an_empty_batch_has_loss_zero():
    assert float(losses.MeanSquaredError()(np.zeros((0, 3)), np.zeros((0, 3)))) == 0


def test_own_functions_and_classes():
    def cubed(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

    t, p = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[0.0, 4.0], [0.0, 0.0]])
    wanted = np.mean(np.abs(t - p) ** 3)
    loss = losses.resolve(cubed)
    assert loss.name == "cubed" and float(loss(t, p)) == pytest.approx(wanted)
    assert float(losses.resolve(lambda y, q: ops.mean(ops.abs(y - q) ** 3))(t, p)) == pytest.approx(wanted)

    class Cubed(losses.Loss):
        def call(self, y_true, y_pred):
            return cubed(y_true, y_pred)

    assert Cubed().name == "cubed"
    assert float(Cubed()(t, p, [0.0, 1.0])) == pytest.approx(0.25)
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(Cubed(reduction="sum")))), {"Cubed": Cubed})
    assert type(again) is Cubed and again.reduction == "sum"
    with pytest.raises(NotImplementedError, match="Loss must define call"):
        losses.Loss()(t, p)


@pytest.mark.parametrize("name", CASES)
def test_config_round_trip_and_pickle(name):
    cls, _, _, t, p, options = example(name)
    loss = cls(reduction="sum", name="mine", **options)
    for again in (losses.get(json.loads(json.dumps(losses.serialize(loss)))), pickle.loads(pickle.dumps(loss))):
        assert type(again) is cls and again.get_config() == loss.get_config()
        assert float(again(t, p)) == float(loss(t, p))


@pytest.mark.parametrize(
    ("names", "function", "cls"),
    [
        (("mse", "MSE", "mean_squared_error"), losses.mean_squared_error, losses.MeanSquaredError),
        (("mae", "MAE", "mean_absolute_error"), losses.mean_absolute_error, losses.MeanAbsoluteError),
        (("bce", "BCE", "binary_crossentropy"), losses.binary_crossentropy, losses.BinaryCrossentropy),
        (("categorical_crossentropy",), losses.categorical_crossentropy, losses.CategoricalCrossentropy),
        (
            ("sparse_categorical_crossentropy",),
            losses.sparse_categorical_crossentropy,
            losses.SparseCategoricalCrossentropy,
        ),
    ],
)
def test_names(names, function, cls):
    for name in names:
        assert losses.get(name) is function
        assert type(losses.resolve(name)) is cls and losses.resolve(name).name == name
    assert type(losses.get(cls.__name__)) is cls and type(losses.get(cls)) is cls
    assert losses.get(function) is function and type(losses.resolve(function)) is cls
    loss = cls()
    assert losses.get(loss) is loss and losses.resolve(loss) is loss
    assert losses.get(None) is None and losses.resolve(None) is None


def test_crossentropy_is_chosen_by_shape():
    def kind(*shapes):
        return type(losses.resolve("crossentropy", *shapes)).__name__

    assert kind((8, 1), (8, 1)) == "BinaryCrossentropy"
    assert kind((8,), (8, 3)) == kind((8, 1), (8, 3)) == "SparseCategoricalCrossentropy"
    assert kind((8, 3), (8, 3)) == "CategoricalCrossentropy"
    with pytest.raises(ValueError, match="chosen by the shapes"):
        losses.resolve("ce")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: losses.MeanSquaredError()(np.ones((32, 2)), np.ones((32, 3))),
            ValueError,
            r"MeanSquaredError: y_true has shape \(32, 2\), y_pred \(32, 3\); they must be equal\. Does the last layer",
        ),
        (
            lambda: losses.MeanSquaredError()(np.ones(32), np.ones((32, 10))),
            ValueError,
            r"shape \(32,\), y_pred \(32, 10\); they must be equal\. Should the last layer have 1 unit instead of 10",
        ),
        (
            lambda: losses.MeanAbsoluteError()(np.ones((3, 1)), np.ones((4, 1))),
            ValueError,
            "MeanAbsoluteError: .* different batches",
        ),
        (
            lambda: losses.BinaryCrossentropy()(np.ones((4, 2)), np.ones((4, 3))),
            ValueError,
            r"BinaryCrossentropy: y_true has shape \(4, 2\), y_pred \(4, 3\)",
        ),
        (
            lambda: losses.CategoricalCrossentropy()(np.array([1, 2]), np.full((2, 3), 0.3)),
            ValueError,
            "categorical_crossentropy: .*use sparse_categorical_crossentropy",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.eye(3), np.full((3, 3), 0.3)),
            ValueError,
            "sparse_categorical_crossentropy: .*use categorical_crossentropy",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.array([0.5]), np.full((1, 3), 0.3)),
            TypeError,
            "sparse_categorical_crossentropy: .*mean_squared_error",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([3]), np.full((1, 3), 0.3)),
            ValueError,
            r"labels in 0\.\.2 .* got 3",
        ),
        (lambda: losses.MeanSquaredError(reduction="average"), ValueError, "reduction must be one of .* got 'average'"),
        (
            lambda: losses.binary_crossentropy([1.0], [1.0], label_smoothing=2),
            ValueError,
            r"label_smoothing must be in \[0, 1\]",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([0, 7], np.full((2, 3), 0.3), ignore_class=0),
            ValueError,
            r"labels in 0\.\.2 .* got 7",
        ),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), ValueError, "q must be between 0 and 1; got 1.0"),
        (lambda: losses.get("msee"), ValueError, "unknown loss 'msee'.*'mse'"),
        (lambda: losses.get("MeanSquareError"), ValueError, "Did you mean 'MeanSquaredError'"),
        (lambda: losses.get(3), TypeError, "loss: expected a name"),
        (lambda: losses.MeanSquaredError()(["a"], [1.0]), TypeError, "expected numbers for y_true"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_one_class_is_warned_about():
    with pytest.warns(UserWarning, match=r"one class, and the loss of that is always 0\. .* binary_crossentropy"):
        losses.CategoricalCrossentropy()(np.ones((4, 1)), np.ones((4, 1)))
