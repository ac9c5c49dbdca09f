"""Metrics against Keras, over several updates with and without sample weights. Runs where Keras is installed."""

import inspect

import numpy as np
import pytest
from frameworks import EPSILON

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

N, K = 16, 5
# cygrad adds up in double precision, Keras in float32: a few hundred values, a few eps each
TOLERANCE = {"rel": 64 * EPSILON, "abs": 1e-7}


def one_hot(rng):
    return np.eye(K, dtype=np.float32)[rng.integers(0, K, N)], rng.uniform(0.05, 1, (N, K)).astype(np.float32)


def labels(rng):
    return rng.integers(0, K, N), rng.uniform(0.05, 1, (N, K)).astype(np.float32)


def sequences(rng):
    return rng.integers(0, K, (N, 3)), rng.uniform(0.05, 1, (N, 3, K)).astype(np.float32)


def bits(rng):
    return rng.integers(0, 2, (N, 1)), rng.uniform(0.05, 0.95, (N, 1)).astype(np.float32)


def bit_rows(rng):
    return rng.integers(0, 2, (N, K)).astype(np.float32), rng.uniform(0.05, 0.95, (N, K)).astype(np.float32)


def numbers(rng):
    return rng.normal(size=(N, K)).astype(np.float32), rng.normal(size=(N, K)).astype(np.float32)


def same_labels(rng):
    return rng.integers(0, 3, (N, 2)), rng.integers(0, 3, (N, 2))


CASES = [
    ("Accuracy", {}, same_labels),
    ("BinaryAccuracy", {}, bits),
    ("BinaryAccuracy", {"threshold": 0.3}, bit_rows),
    ("CategoricalAccuracy", {}, one_hot),
    ("SparseCategoricalAccuracy", {}, labels),
    ("SparseCategoricalAccuracy", {}, sequences),
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("RootMeanSquaredError", {}, numbers),
    ("BinaryCrossentropy", {}, bits),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, bit_rows),
    ("CategoricalCrossentropy", {}, one_hot),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, one_hot),
    ("SparseCategoricalCrossentropy", {}, labels),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, sequences),
]


def weights_of(y_pred, kind, rng):
    """None, one weight for all, one a sample, or one a value of the metric's function."""
    return {"none": None, "number": 0.5, "samples": rng.random(N, np.float32)}[kind]


def value(metric):
    return float(keras.ops.convert_to_numpy(metric.result()))


@pytest.mark.parametrize("weighting", ["none", "number", "samples"])
@pytest.mark.parametrize(("name", "arguments", "make"), CASES)
def test_several_updates_and_a_reset(name, arguments, make, weighting):
    mine, theirs = (getattr(package.metrics, name)(**arguments) for package in (cygrad, keras))
    rng = np.random.default_rng(0)
    for _ in range(2):
        assert mine.result() == value(theirs) == 0.0
        for _ in range(3):
            y_true, y_pred = make(rng)
            sample_weight = weights_of(y_pred, weighting, rng)
            mine.update_state(y_true, y_pred, sample_weight)
            theirs.update_state(y_true, y_pred, sample_weight)
            assert mine.result() == pytest.approx(value(theirs), **TOLERANCE)
        mine.reset_state()
        theirs.reset_state()


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_mean_and_sum(name):
    mine, theirs = (getattr(package.metrics, name)() for package in (cygrad, keras))
    rng = np.random.default_rng(0)
    updates = [(3.5, None), (2.0, 0.25), (rng.random(5), None), (rng.random(5), rng.random(5))]
    updates += [(rng.random((4, 1)), rng.random(4)), (rng.random((4, 3)), None)][: 1 if name == "Mean" else 2]
    for values, sample_weight in updates:
        mine.update_state(values, sample_weight)
        theirs.update_state(values, sample_weight)
        assert mine.result() == pytest.approx(value(theirs), **TOLERANCE)


def test_deviation_sparse_crossentropy_averages_over_what_ignore_class_leaves():
    """Keras's metric counts the ignored samples with a loss of 0; its loss, and all of cygrad, leaves them out."""
    mine, theirs = (package.metrics.SparseCategoricalCrossentropy(ignore_class=2) for package in (cygrad, keras))
    y_true, y_pred = labels(np.random.default_rng(0))
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=2)(y_true, y_pred)
    mine.update_state(y_true, y_pred)
    theirs.update_state(y_true, y_pred)
    left = (y_true != 2).mean()
    assert 0 < left < 1
    assert mine.result() == pytest.approx(float(keras.ops.convert_to_numpy(loss)), **TOLERANCE)
    assert mine.result() * left == pytest.approx(value(theirs), **TOLERANCE)


@pytest.mark.parametrize("name", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("make", "loss"),
    [
        (bits, "binary_crossentropy"),
        (bits, "mse"),
        (bit_rows, "binary_crossentropy"),
        (one_hot, "categorical_crossentropy"),
        (one_hot, "mse"),
        (labels, "sparse_categorical_crossentropy"),
        (lambda rng: (rng.integers(0, K, (N, 1)), one_hot(rng)[1]), "sparse_categorical_crossentropy"),
        (sequences, "sparse_categorical_crossentropy"),
        (numbers, "mse"),
    ],
)
def test_accuracy_is_chosen_by_the_shapes(make, loss, name):
    """As in compile(metrics=["accuracy"]): a network that gives its input, evaluated in batches."""
    y_true, y_pred = make(np.random.default_rng(0))
    results = []
    for package in (cygrad, keras):
        model = package.Sequential([package.Input(y_pred.shape[1:]), package.layers.Activation("linear")])
        model.compile(loss=loss, metrics=[name])
        results.append(model.evaluate(y_pred, y_true, batch_size=5, verbose=0, return_dict=True))
    mine, theirs = results
    assert mine.keys() == theirs.keys() == {"loss", name}
    for key in mine:
        assert mine[key] == pytest.approx(theirs[key], **TOLERANCE)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES} | {"Mean", "Sum"}))
def test_signatures(name):
    mine, theirs = (inspect.signature(getattr(package.metrics, name)) for package in (cygrad, keras))
    assert [(p.name, p.default) for p in mine.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


def test_every_metric_is_compared():
    classes = {
        n for n, v in vars(cygrad.metrics).items() if inspect.isclass(v) and issubclass(v, cygrad.metrics.Metric)
    }
    compared = {case[0] for case in CASES} | {"Mean", "Sum"}
    assert {n for n in classes if n[0] != "_"} - {"Metric", "MeanMetricWrapper"} == compared
