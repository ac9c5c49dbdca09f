"""Metrics against their definitions in float64, over batches, with weights; which one a name stands for; errors."""

import json
import math
import pickle

import numpy as np
import pytest

from cygrad import GradientTape, Input, Sequential, Variable, layers, losses, metrics, ops

rng = np.random.default_rng(1)
ROWS = rng.uniform(size=(24, 5))
ROWS /= ROWS.sum(1, keepdims=True)
LABELS = rng.integers(0, 5, 24)
ONE_HOT = np.eye(5)[LABELS]
BITS = rng.integers(0, 2, (24, 1)).astype(float)
CHANCES = rng.uniform(size=(24, 1))
NUMBERS, GUESSES = rng.normal(size=(24, 3)), rng.normal(size=(24, 3))

# metric, y_true, y_pred, one value a sample, from the mean to the result
CASES = {
    "binary_accuracy": (metrics.BinaryAccuracy, BITS, CHANCES, ((CHANCES > 0.5) == BITS)[:, 0], None),
    "categorical_accuracy": (metrics.CategoricalAccuracy, ONE_HOT, ROWS, ROWS.argmax(1) == LABELS, None),
    "sparse_categorical_accuracy": (metrics.SparseCategoricalAccuracy, LABELS, ROWS, ROWS.argmax(1) == LABELS, None),
    "accuracy": (metrics.Accuracy, LABELS, ROWS.argmax(1), ROWS.argmax(1) == LABELS, None),
    "mean_squared_error": (metrics.MeanSquaredError, NUMBERS, GUESSES, ((NUMBERS - GUESSES) ** 2).mean(1), None),
    "mean_absolute_error": (metrics.MeanAbsoluteError, NUMBERS, GUESSES, np.abs(NUMBERS - GUESSES).mean(1), None),
    "root_mean_squared_error": (
        metrics.RootMeanSquaredError,
        NUMBERS,
        GUESSES,
        ((NUMBERS - GUESSES) ** 2).mean(1),
        math.sqrt,
    ),
    "binary_crossentropy": (
        metrics.BinaryCrossentropy,
        BITS,
        CHANCES,
        -np.log(np.where(BITS > 0, CHANCES, 1 - CHANCES))[:, 0],
        None,
    ),
    "categorical_crossentropy": (
        metrics.CategoricalCrossentropy,
        ONE_HOT,
        ROWS,
        -np.log(ROWS[np.arange(24), LABELS]),
        None,
    ),
    "sparse_categorical_crossentropy": (
        metrics.SparseCategoricalCrossentropy,
        LABELS,
        ROWS,
        -np.log(ROWS[np.arange(24), LABELS]),
        None,
    ),
}


@pytest.mark.parametrize("sizes", [[24], [1, 23], [7, 7, 10]])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_results_do_not_depend_on_the_batches(name, weighted, sizes):
    cls, t, p, values, last = CASES[name]
    w = rng.uniform(size=24) if weighted else np.ones(24)
    wanted = (values * w).sum() / w.sum()
    metric = cls()
    for again in range(2):
        start = 0
        for size in sizes:
            part = slice(start, start + size)
            metric.update_state(t[part], p[part], w[part] if weighted else None)
            start += size
        result = metric.result()
        assert type(result) is float
        assert result == pytest.approx(last(wanted) if last else wanted, rel=2e-5), again
        metric.reset_state()
        assert metric.result() == 0.0
    assert metric.name == name


def test_mean():
    metric = metrics.Mean()
    assert metric.result() == 0.0
    assert metric([1.0, 3.0, 5.0, 7.0]) == 4.0
    metric.reset_state()
    assert metric([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0]) == 2.0
    metric.reset_state()
    assert metric([[1.0, 2.0], [3.0, 6.0]]) == 3.0
    assert metric([[8.0, 8.0, 8.0, 8.0]]) == pytest.approx((1.5 + 4.5 + 8) / 3)  # a sample counts once
    metric.reset_state()
    assert metric([[1.0, 3.0], [5.0, 7.0]], sample_weight=[3, 1]) == 3.0
    assert metric([[1.0, 3.0], [5.0, 7.0]], sample_weight=[[3, 1], [0, 0]]) == pytest.approx((12 + 3) / (4 + 2))


def test_mean_of_losses_weighted_by_batch_size():
    metric = metrics.Mean("loss")
    metric.update_state(ops.convert_to_tensor(2.0), 32)
    metric.update_state(ops.convert_to_tensor(6.0), sample_weight=np.float32(16))
    assert metric.result() == pytest.approx(10 / 3)
    metric.update_state(1.0)
    assert metric.result() == pytest.approx((64 + 96 + 1) / 49)


def test_long_sums_stay_exact():
    metric = metrics.Mean()
    for _ in range(1000):
        metric.update_state(np.full(1000, 0.1, np.float32))
    assert metric.result() == pytest.approx(float(np.float32(0.1)), rel=1e-6)


def test_sum():
    metric = metrics.Sum()
    metric.update_state([1.0, 3.0])
    assert metric([5.0, 7.0], sample_weight=[1, 0]) == 9.0


def test_binary_accuracy_threshold_and_shapes():
    assert metrics.BinaryAccuracy(threshold=0.2)([1, 0], [0.3, 0.1]) == 1.0
    assert metrics.BinaryAccuracy()([0], [0.5]) == 1.0  # only above the threshold
    for t, p in ((BITS[:, 0], CHANCES), (BITS, CHANCES[:, 0]), (BITS[:, 0], CHANCES[:, 0])):
        assert metrics.BinaryAccuracy()(t, p) == pytest.approx(((CHANCES > 0.5) == BITS).mean())


def test_sparse_accuracy_of_columns_and_sequences():
    assert metrics.SparseCategoricalAccuracy()(LABELS[:, None], ROWS) == pytest.approx(
        (ROWS.argmax(1) == LABELS).mean()
    )
    p, labels = rng.normal(size=(4, 6, 3)), rng.integers(0, 3, (4, 6))
    assert metrics.SparseCategoricalAccuracy()(labels, p) == pytest.approx((p.argmax(-1) == labels).mean())
    assert metrics.CategoricalAccuracy()(np.eye(3)[labels], p) == pytest.approx((p.argmax(-1) == labels).mean())


def test_the_first_of_equal_scores_counts():
    assert metrics.SparseCategoricalAccuracy()([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5


def test_ignore_class():
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    assert metric([-1, 0], [[0.5, 0.5], [0.25, 0.75]]) == pytest.approx(math.log(4), rel=1e-5)


def test_functions_of_the_user():
    def largest_error(y_true, y_pred):
        return ops.max(ops.abs(y_true - y_pred), axis=-1)

    metric = metrics.get(largest_error)
    assert metric.name == "largest_error"
    metric.update_state(NUMBERS[:5], GUESSES[:5])
    assert metric(NUMBERS[5:], GUESSES[5:]) == pytest.approx(np.abs(NUMBERS - GUESSES).max(1).mean(), rel=1e-5)
    assert metrics.get(lambda y, p: ops.mean(p - y))([[1.0]], [[3.0]]) == 2.0
    assert metrics.get(lambda y, p: np.abs(np.asarray(y) - np.asarray(p)))([1, 2], [3.0, 2.0]) == 1.0
    assert metrics.get(losses.MeanSquaredError(name="mine")).name == "mine"


@pytest.mark.parametrize("sizes", [[24], [1, 23], [7, 7, 10]])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_at_thresholds(weighted, sizes):
    """All four counts against their definitions: at one threshold, at a few, at evenly spread ones."""
    w = rng.uniform(size=24).astype("float32") if weighted else np.ones(24, "float32")
    for thresholds in (None, 0.3, [0.8, 0.1, 0.1], [0.0, 0.25, 0.5, 0.75, 1.0]):
        cuts = np.atleast_1d(0.5 if thresholds is None else thresholds).astype("float32")
        above, t = CHANCES.astype("float32") > cuts, BITS > 0  # [24, thresholds]
        chosen = {"TruePositives": above & t, "FalsePositives": above & ~t, "TrueNegatives": ~above & ~t}
        for name, where in {**chosen, "FalseNegatives": ~above & t}.items():
            metric = getattr(metrics, name)(thresholds)
            start = 0
            for size in sizes:
                part = slice(start, start + size)
                metric.update_state(BITS[part], CHANCES[part], w[part] if weighted else None)
                start += size
            np.testing.assert_allclose(np.atleast_1d(metric.result()), (where * w[:, None]).sum(0), rtol=1e-6)
            metric.reset_state()
            assert not np.any(metric.result())


def test_area_under_the_curve_is_the_chance_of_a_right_order():
    """With thresholds between all values, AUC is how often a positive is above a negative (Mann and Whitney)."""
    chances = (rng.permutation(24) + 0.5) / 24
    labels = np.arange(24) % 3 == 0
    pairs = [float(a > b) for a in chances[labels] for b in chances[~labels]]
    metric = metrics.AUC(thresholds=list(np.arange(1, 24) / 24))
    assert metric(labels, chances) == pytest.approx(np.mean(pairs))
    both = metrics.AUC(multi_label=True, thresholds=list(np.arange(1, 24) / 24), label_weights=[3, 1])
    assert both(np.stack([labels, ~labels], 1), np.stack([chances, chances], 1)) == pytest.approx(
        (3 * np.mean(pairs) + 1 - np.mean(pairs)) / 4
    )


def test_predictions_that_are_not_numbers_count_as_negative():
    for thresholds in (None, [0.2, 0.7], [0.0, 0.5, 1.0]):
        metric = metrics.FalseNegatives(thresholds)
        assert np.atleast_1d(metric([1.0, 1.0], [np.nan, 0.9]))[0] == 1


def test_places_outside_the_classes_and_the_ignored_one_do_not_count():
    metric = metrics.MeanIoU(3, ignore_class=2)
    assert metric([0, 1, 2, 255, 1], [0, 1, 0, 0, 7]) == pytest.approx(1.0, rel=1e-6)
    with pytest.warns(UserWarning, match="weights are cut to whole numbers"):
        metric.update_state([0, 0], [1, 0], [0.5, 2.0])
    assert metric.total_cm.tolist() == [[3, 0, 0], [0, 1, 0], [0, 0, 0]]
    weighted = metrics.MeanIoU(2, dtype="float32")
    weighted.update_state([[0, 1], [1, 1]], [[0, 0], [1, 1]], [0.5, 2.0])  # one a sample
    assert weighted.total_cm.tolist() == [[0.5, 0], [0.5, 4]]


def test_top_k_ties_count():
    assert metrics.sparse_top_k_categorical_accuracy([2, 0], [[0.5, 0.5, 0.5]] * 2, k=1).numpy().tolist() == [1, 1]
    rank = (-ROWS).argsort(1).argsort(1)[np.arange(24), LABELS]
    for k in (1, 2, 5, 9):
        assert metrics.SparseTopKCategoricalAccuracy(k)(LABELS, ROWS) == pytest.approx((rank < k).mean())
        assert metrics.TopKCategoricalAccuracy(k)(ONE_HOT, ROWS) == pytest.approx((rank < k).mean())
    assert metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True)(LABELS, (-ROWS).argsort(1)) == pytest.approx(
        (rank < 2).mean()
    )


def test_r2_score_of_batches_is_that_of_all():
    variation = ((NUMBERS - NUMBERS.mean(0)) ** 2).sum(0)
    wanted = 1 - ((NUMBERS - GUESSES) ** 2).sum(0) / variation
    metric = metrics.R2Score(class_aggregation=None)
    metric.update_state(NUMBERS[:5], GUESSES[:5])
    np.testing.assert_allclose(metric(NUMBERS[5:], GUESSES[5:]), wanted, rtol=1e-4)
    with pytest.warns(UserWarning, match="is not adjusted"):
        assert metrics.R2Score(num_regressors=9)(NUMBERS[:3], GUESSES[:3]) == metrics.R2Score()(
            NUMBERS[:3], GUESSES[:3]
        )


def test_metrics_of_all_kinds_in_fit():
    model = Sequential([Input((5,)), layers.Dense(3, activation="softmax")])
    chosen = ["accuracy", "precision", "recall", "auc", metrics.F1Score(), metrics.TopKCategoricalAccuracy(2)]
    model.compile("sgd", "categorical_crossentropy", metrics=chosen, weighted_metrics=["mape"])
    history = model.fit(ROWS, np.eye(3)[LABELS % 3], epochs=2, verbose=0).history
    assert all(type(v) is float for name, values in history.items() if name != "f1_score" for v in values)
    assert len(history["f1_score"][0]) == 3 and "top_k_categorical_accuracy" in history
    assert model.evaluate(ROWS, np.eye(3)[LABELS % 3], verbose=0, return_dict=True).keys() == history.keys()


def test_metrics_put_nothing_on_a_tape():
    w = Variable(GUESSES)
    seen = []
    with GradientTape() as tape:
        y = ops.multiply(w, 1.0)
        metrics.get(lambda t, p: seen.append(ops.square(p)) or ops.mean(seen[0]))(NUMBERS, y)
    assert tape.gradient(seen[0], w) is None


def test_own_metrics_keep_their_state_in_variables():
    class Positives(metrics.Metric):
        def __init__(self, name="positives"):
            super().__init__(name=name)
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(np.sum(np.asarray(y_pred) > 0))

        def result(self):
            return float(self.count)

    metric = Positives()
    assert metric(None, [1.0, -1.0, 2.0]) == 2.0 and metric(None, [1.0]) == 3.0
    metric.reset_state()
    assert metric.result() == 0.0
    assert [v.name for v in metric.variables] == ["count"]
    with pytest.raises(NotImplementedError, match="Metric must define update_state"):
        metrics.Metric()(1)


@pytest.mark.parametrize("name", CASES)
def test_config_round_trip_and_pickle(name):
    cls, t, p, _, _ = CASES[name]
    metric = cls(name="mine")
    result = metric(t, p)
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(again) is cls and again.get_config() == metric.get_config()
    assert again(t, p) == result
    assert pickle.loads(pickle.dumps(metric)).result() == result


def test_config_keeps_options():
    assert metrics.deserialize(metrics.serialize(metrics.BinaryAccuracy(threshold=0.3))).threshold == 0.3
    again = metrics.deserialize(metrics.serialize(metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)))
    assert again.kwargs == {"from_logits": True, "label_smoothing": 0.1}
    wrapped = metrics.MeanMetricWrapper(losses.categorical_crossentropy, name="cce", from_logits=True)
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(wrapped))))
    assert again.fn is losses.categorical_crossentropy and again.kwargs == {"from_logits": True}


@pytest.mark.parametrize(
    ("true", "pred", "cls"),
    [
        ((8, 1), (8, 1), metrics.BinaryAccuracy),  # a regression with one output, too, as in Keras
        ((8,), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8,), metrics.BinaryAccuracy),
        ((8,), (8, 3), metrics.SparseCategoricalAccuracy),
        ((8, 1), (8, 3), metrics.SparseCategoricalAccuracy),
        ((8, 4), (8, 4, 3), metrics.SparseCategoricalAccuracy),
        ((8, 3), (8, 3), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_chosen_by_shape(true, pred, cls):
    for name in ("accuracy", "acc"):
        metric = metrics.get(name, None, true, pred)
        assert type(metric) is cls and metric.name == name


def test_what_is_counted_as_positive():
    metric = metrics.TruePositives()
    metric.update_state([1.0, 1.0, 0.3, 0.0], [0.5, 0.6, 0.9, 0.9])  # 0.5 does not exceed the threshold; 0.3 is not 0
    assert metric.result() == 2.0
    metric = metrics.Precision(top_k=1)
    metric.update_state([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[0.7, 0.7, 0.1], [0.8, 0.8, 0.8]])
    assert metric.result() == 0.5  # of equal values, the first counts


def test_accuracy_without_shapes_is_chosen_by_the_loss():
    assert type(metrics.get("accuracy", "sparse_categorical_crossentropy")) is metrics.SparseCategoricalAccuracy
    assert type(metrics.get("accuracy", losses.CategoricalCrossentropy())) is metrics.CategoricalAccuracy
    assert type(metrics.get("accuracy", "bce")) is metrics.BinaryAccuracy
    assert type(metrics.get("accuracy")) is type(metrics.get("accuracy", "mse")) is metrics.Accuracy


@pytest.mark.parametrize("name", [*CASES, "mse", "MSE", "mae", "MAE", "bce", "BCE", "MeanSquaredError"])
def test_names(name):
    metric = metrics.get(name)
    assert isinstance(metric, metrics.Metric) and metric.name == name
    assert metrics.get(metric) is metric and metrics.get(None) is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.get("acuracy"), ValueError, "unknown metric 'acuracy'.*'accuracy'"),
        (lambda: metrics.get(3), TypeError, "metric: expected a name"),
        (
            lambda: metrics.CategoricalAccuracy()(LABELS, ROWS),
            ValueError,
            "For class numbers use sparse_categorical_accuracy",
        ),
        (
            lambda: metrics.SparseCategoricalAccuracy()(ONE_HOT, ROWS),
            ValueError,
            "sparse_categorical_accuracy: .* one-hot",
        ),
        (lambda: metrics.BinaryAccuracy()(BITS, ROWS), ValueError, r"y_true has shape \(24, 1\), y_pred \(24, 5\)"),
        (lambda: metrics.MeanSquaredError()(BITS[:3], CHANCES), ValueError, "different batches"),
        (lambda: metrics.Precision(thresholds=[0.5, 2]), ValueError, r"Precision: thresholds must be in \[0, 1\]"),
        (lambda: metrics.Recall(class_id=1)([1], [0.5]), ValueError, r"class_id needs y_pred\[N, classes\]"),
        (lambda: metrics.AUC(curve="RCO"), ValueError, "AUC: curve must be one of .*got 'RCO'"),
        (lambda: metrics.AUC(num_thresholds=1), ValueError, "num_thresholds must be at least 2; got 1"),
        (lambda: metrics.AUC(num_labels=3), ValueError, "num_labels is for multi_label=True"),
        (
            lambda: metrics.AUC(multi_label=True)([1], [0.5]),
            ValueError,
            r"expects y_pred\[N,labels\]; got shape \(1,\)",
        ),
        (lambda: metrics.SensitivityAtSpecificity(2), ValueError, r"specificity must be in \[0, 1\]; got 2"),
        (lambda: metrics.F1Score(average="mean"), ValueError, "F1Score: average must be one of"),
        (lambda: metrics.FBetaScore(beta=2), ValueError, "FBetaScore: beta must be a float above 0; got 2"),
        (lambda: metrics.F1Score()([1.0], [1.0]), ValueError, r"F1Score: expected y_true and y_pred \[N, classes\]"),
        (lambda: metrics.IoU(2, [2]), ValueError, r"IoU: target_class_ids must be in 0 \.\. 1; got \[2\]"),
        (lambda: metrics.R2Score(class_aggregation="mean"), ValueError, "R2Score: class_aggregation must be one of"),
        (lambda: metrics.R2Score()([1.0], [1.0]), ValueError, r"R2Score: expected y_true\[N,K\]"),
        (lambda: metrics.Mean()([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, r"sample_weight has shape \(3,\)"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
