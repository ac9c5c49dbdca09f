"""Masks of sequences: who takes them, who hands them on, who counts by them."""

import warnings

import numpy as np
import pytest

import cygrad
from cygrad import layers, losses, metrics, ops

X = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
X[0, 2:] = X[3, 1:] = X[4] = 0.0
KEPT = (X != 0).any(-1)


def masked(seed=0):
    return layers.Masking()(X + seed * KEPT[..., None])


def test_masking_sets_the_mask_and_layers_hand_it_on():
    y = masked()
    assert np.array_equal(y._keras_mask, KEPT) and np.array_equal(y, X)
    dense, dropout = layers.Dense(2), layers.Dropout(0.0)
    for _ in range(3):  # the short way must not lose it
        assert np.array_equal(dropout(dense(y))._keras_mask, KEPT)
    assert dense(np.asarray(y))._keras_mask is None


def test_a_layer_that_does_not_support_masks_loses_them_with_a_warning():
    flatten = layers.Flatten(name="flat")
    with pytest.warns(UserWarning, match='Flatten "flat" does not support masking'):
        assert flatten(masked())._keras_mask is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flatten(X)


def test_call_gets_masks_by_the_names_of_its_arguments():
    got = {}

    class One(layers.Layer):
        def call(self, inputs, mask=None):
            got["mask"] = mask
            return inputs

    class Two(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            got.update(query=query_mask, value=value_mask)
            return ops.add(query, value)

    warnings.simplefilter("ignore")
    One()(masked())
    assert np.array_equal(got["mask"], KEPT)
    given = np.ones((5, 4), bool)
    One()(masked(), mask=given)
    assert np.array_equal(got["mask"], given)
    One()(X)
    assert got["mask"] is None
    One()([masked(), ops.convert_to_tensor(X)])
    assert np.array_equal(got["mask"][0], KEPT) and got["mask"][1] is None
    Two()(masked(), value=X)
    assert np.array_equal(got["query"], KEPT) and got["value"] is None


def test_compute_mask_of_ones_own():
    class Shift(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

        def compute_mask(self, inputs, previous_mask):
            return ops.logical_not(previous_mask)

    assert np.array_equal(Shift()(masked())._keras_mask, ~KEPT)


def test_merging_layers():
    full = ops.convert_to_tensor(X)
    other = layers.Masking()(X[::-1].copy())
    assert np.array_equal(layers.Add()([masked(), other])._keras_mask, KEPT | KEPT[::-1])
    assert layers.Add()([masked(), full])._keras_mask is None
    joined = layers.Concatenate(axis=1)([masked(), full])
    assert np.array_equal(joined._keras_mask, np.concatenate([KEPT, np.ones_like(KEPT)], 1))
    assert np.array_equal(layers.Concatenate()([masked(), other])._keras_mask, KEPT | KEPT[::-1])
    top = layers.Maximum()([masked(), other])
    both = KEPT[..., None] & KEPT[::-1, :, None]
    want = np.where(both, np.maximum(X, X[::-1]), np.where(KEPT[..., None], X, X[::-1]))
    assert np.array_equal(top, want) and np.array_equal(top._keras_mask, KEPT | KEPT[::-1])


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_metrics_leave_masked_steps_out(weighted):
    rng = np.random.default_rng(1)
    y_true, weights = rng.normal(size=(5, 4, 3)).astype("float32"), rng.random((5, 4)).astype("float32")
    y_pred = masked()
    w = weights if weighted else np.ones_like(weights)
    given = weights if weighted else None
    values = ((y_true - X) ** 2).mean(-1)
    expected = (values * w)[KEPT].sum()
    assert float(losses.MeanSquaredError()(y_true, y_pred, given)) == pytest.approx(expected / KEPT.sum(), rel=1e-5)
    assert float(losses.MeanSquaredError(reduction="sum")(y_true, y_pred, given)) == pytest.approx(expected, rel=1e-5)
    mean = losses.MeanSquaredError(reduction="mean_with_sample_weight")(y_true, y_pred, given)
    assert float(mean) == pytest.approx(expected / w[KEPT].sum(), rel=1e-5)
    metric = metrics.MeanSquaredError()
    metric.update_state(y_true, y_pred, given)
    assert metric.result() == pytest.approx(expected / w[KEPT].sum(), rel=1e-5)


def test_a_mask_that_holds_nothing_gives_zero():
    y_pred = layers.Masking()(np.zeros((2, 3, 4), "float32"))
    assert float(losses.MeanSquaredError()(np.ones((2, 3, 4)), y_pred)) == 0.0


def test_accuracies_count_what_the_mask_holds():
    y_pred = layers.Masking()(np.array([[[0.9, 0.1], [0.2, 0.8], [0.0, 0.0]]], "float32"))
    assert metrics.SparseCategoricalAccuracy()([[0, 0, 0]], y_pred) == 0.5
    assert metrics.CategoricalAccuracy()([[[1, 0], [1, 0], [1, 0]]], y_pred) == 0.5


def test_a_model_trains_the_same_with_steps_cut_off_as_masked():
    """Eight steps, the last four masked, give the gradients of four."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(6, 8, 3)).astype("float32") + 5.0, rng.normal(size=(6, 8, 1)).astype("float32")
    x[:, 4:] = 0.0

    def trained(x, y, *first):
        cygrad.utils.set_random_seed(1)
        model = cygrad.Sequential([*first, layers.Dense(4, activation="tanh"), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        logs = model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0).history
        return model.get_weights(), logs

    weights, logs = trained(x, y, cygrad.Input((8, 3)), layers.Masking())
    expected, expected_logs = trained(x[:, :4].copy(), y[:, :4].copy(), cygrad.Input((4, 3)))
    for a, b in zip(weights, expected):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    for name, values in expected_logs.items():
        assert logs[name] == pytest.approx(values, rel=1e-5)


def test_the_mean_over_time_is_of_what_the_mask_holds():
    kept = KEPT[:4]
    pool = layers.GlobalAveragePooling1D()
    y = pool(layers.Masking()(X[:4]))
    np.testing.assert_allclose(y, (X[:4] * kept[..., None]).sum(1) / kept.sum(1, keepdims=True), rtol=1e-5)
    assert y._keras_mask is None and np.allclose(pool(X[:4]), X[:4].mean(1), atol=1e-6)


@pytest.mark.kernels
def test_masked_steps_are_replayed_with_their_masks():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]] * 4)
    y = np.random.default_rng(3).normal(size=(8, 4, 1)).astype("float32")

    def trained(jit_compile):
        cygrad.utils.set_random_seed(2)
        x = cygrad.Input((4,), dtype="int32")
        model = cygrad.Model(x, layers.Dense(1)(layers.Embedding(5, 3, mask_zero=True)(x)))
        model.compile("adam", "mse", metrics=["mae"], jit_compile=jit_compile)
        return model.fit(ids, y, batch_size=4, epochs=4, verbose=0).history, model.explain_capture()["train"][0]

    (logs, told), (expected, _) = trained("auto"), trained(False)
    assert logs == expected and "replays" in told
