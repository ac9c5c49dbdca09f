"""Metrics against Keras, over several updates with and without sample weights. Runs where Keras is installed."""

import inspect
import json

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


def signs(rng):
    return rng.choice([-1.0, 1.0], (N, K)).astype(np.float32), rng.normal(size=(N, K)).astype(np.float32)


def positive(rng):
    return tuple(rng.uniform(0.2, 2.0, (2, N, K)).astype(np.float32))


def bit_vectors(rng):
    return rng.integers(0, 2, N), rng.uniform(0, 1, N).astype(np.float32)


def classes(rng):
    return rng.integers(0, K, (N, 3)), rng.integers(0, K, (N, 3))


def scores(rng):
    t, p = sequences(rng)
    return np.eye(K, dtype=np.float32)[t], p


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
    ("MeanAbsolutePercentageError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("LogCoshError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("PearsonCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {}, numbers),
    ("KLDivergence", {}, positive),
    ("Poisson", {}, positive),
    ("Hinge", {}, signs),
    ("Hinge", {}, bit_rows),
    ("SquaredHinge", {}, signs),
    ("CategoricalHinge", {}, one_hot),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, labels),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, sequences),
    *[
        (name, arguments, make)
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
        for arguments, make in (
            ({}, bits),
            ({"thresholds": 0.3}, bit_rows),
            ({"thresholds": [0.7, 0.2]}, bit_vectors),
            ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, bit_rows),
        )
    ],
    *[
        (name, arguments, make)
        for name in ("Precision", "Recall")
        for arguments, make in (
            ({}, bits),
            ({}, bit_vectors),
            ({"thresholds": [0.9, 0.1, 0.4]}, bit_rows),
            ({"thresholds": 0.6, "class_id": 2}, one_hot),
            ({"top_k": 2}, one_hot),
            ({"top_k": 2, "class_id": 1}, one_hot),
            ({"top_k": 3, "thresholds": [0.2, 0.5]}, bit_rows),
        )
    ],
    *[
        (name, {argument: 0.6, **arguments}, make)
        for name, argument in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
        for arguments, make in (
            ({}, bits),
            ({"num_thresholds": 1}, bit_rows),
            ({"num_thresholds": 7, "class_id": 3}, bit_rows),
        )
    ],
    *[
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 11}, bit_rows)
        for curve in ("ROC", "pr", "PRGAIN")
        for method in ("interpolation", "majoring", "minoring")
    ],
    *[
        ("AUC", {"curve": curve, **arguments}, make)
        for curve in ("roc", "PR")
        for arguments, make in (
            ({}, bits),
            ({"thresholds": [0.2, 0.7, 0.3]}, bit_vectors),
            ({"label_weights": [0.5, 1.0, 2.0, 0.1, 3.0]}, bit_rows),
            ({"from_logits": True}, bit_rows),
            ({"multi_label": True}, bit_rows),
            ({"multi_label": True, "num_labels": K, "label_weights": [0.5, 1.0, 2.0, 0.1, 3.0]}, bit_rows),
            ({"multi_label": True, "thresholds": [0.1, 0.8]}, bit_rows),
        )
    ],
    *[
        (name, {"average": average, **arguments}, make)
        for average in (None, "micro", "macro", "weighted")
        for name, arguments, make in (
            ("F1Score", {}, one_hot),
            ("F1Score", {"threshold": 0.4}, bit_rows),
            ("FBetaScore", {"beta": 2.5}, one_hot),
            ("FBetaScore", {"beta": 0.3, "threshold": 0.7}, bit_rows),
        )
    ],
    ("R2Score", {}, numbers),
    ("R2Score", {"class_aggregation": None}, numbers),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, numbers),
    ("R2Score", {"num_regressors": 3}, numbers),
    ("IoU", {"num_classes": K, "target_class_ids": [1, 3]}, classes),
    ("IoU", {"num_classes": K - 1, "target_class_ids": [0, 2], "ignore_class": 2}, classes),
    ("IoU", {"num_classes": K, "target_class_ids": [4], "sparse_y_pred": False}, sequences),
    ("BinaryIoU", {}, bits),
    ("BinaryIoU", {"target_class_ids": (1,), "threshold": 0.3}, bit_rows),
    ("MeanIoU", {"num_classes": K}, classes),
    ("MeanIoU", {"num_classes": K, "ignore_class": 0, "sparse_y_pred": False}, sequences),
    ("OneHotIoU", {"num_classes": K, "target_class_ids": [0, 1]}, scores),
    ("OneHotMeanIoU", {"num_classes": K}, scores),
]
# Before the first update their sums have no shape, or Keras divides by zero
FROM_ONE_UPDATE_ON = {"R2Score", "F1Score", "FBetaScore", "AUC"}


def weights_of(kind, rng):
    """None, one weight for all, one a sample, or one a value of the metric's function."""
    return {"none": None, "number": 0.5, "samples": rng.random(N, np.float32)}[kind]


def value(metric):
    return keras.ops.convert_to_numpy(metric.result())


def agree(mine, theirs):
    mine, theirs = mine.result(), value(theirs)
    assert np.shape(mine) == theirs.shape
    assert type(mine) is float or theirs.shape
    largest = max(1.0, theirs.max(initial=0.0))  # Keras's negatives are differences of sums in float32
    np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE["rel"], atol=4 * EPSILON * largest * N)


@pytest.mark.parametrize("weighting", ["none", "number", "samples"])
@pytest.mark.parametrize(("name", "arguments", "make"), CASES)
def test_several_updates_and_a_reset(name, arguments, make, weighting):
    if name in ("F1Score", "FBetaScore") and weighting == "number":
        pytest.skip("Keras's takes one weight a sample only")
    if name.endswith("IoU") and weighting != "none":
        arguments = {**arguments, "dtype": "float32"}  # or weights are cut to whole numbers, in both
    mine, theirs = (getattr(package.metrics, name)(**arguments) for package in (cygrad, keras))
    rng = np.random.default_rng(0)
    for _ in range(2):
        if name not in FROM_ONE_UPDATE_ON:
            agree(mine, theirs)
        for _ in range(2):
            y_true, y_pred = make(rng)
            sample_weight = weights_of(weighting, rng)
            if name.endswith("IoU") and weighting == "samples":  # Keras wants one a place
                places = y_true.shape[:-1] if name.startswith("OneHot") else y_true.shape
                sample_weight = rng.random(places, np.float32)
            mine.update_state(y_true, y_pred, sample_weight)
            theirs.update_state(y_true, y_pred, sample_weight)
            agree(mine, theirs)
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
        agree(mine, theirs)


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


@pytest.mark.filterwarnings("ignore:.*counts equal classes:UserWarning")  # told of numbers, and computed all the same
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


def test_names():
    """What metrics= takes: each of Keras's names stands for the same here; "acc" is compile's, in both."""
    known = {n: cls.__name__ for n, cls in keras.src.metrics.ALL_OBJECTS_DICT.items()}
    mine = {n: cls.__name__ for n, cls in cygrad.metrics._NAMES.items()}
    del mine["acc"], known["Metric"], known["metric"]
    assert mine == known
    functions = {n for n in dir(keras.metrics) if n[0] != "_"}
    assert functions - set(vars(cygrad.metrics)) == set()


@pytest.mark.parametrize("name", ["accuracy", "precision", "Recall", "auc", "f1_score", "mean_io_u", "r2_score"])
def test_configurations_keep_every_argument(name):
    found = []
    for cls_name, arguments, make in CASES:
        if cls_name == cygrad.metrics._NAMES[name].__name__:
            metric = getattr(cygrad.metrics, cls_name)(**arguments)
            theirs = getattr(keras.metrics, cls_name)(**arguments).get_config()
            mine = metric.get_config()
            assert set(mine) == set(theirs)
            y_true, y_pred = make(np.random.default_rng(1))
            again = cygrad.metrics.deserialize(json.loads(json.dumps(cygrad.metrics.serialize(metric))))
            np.testing.assert_array_equal(again(y_true, y_pred), metric(y_true, y_pred))
            found.append(again)
    assert found


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
