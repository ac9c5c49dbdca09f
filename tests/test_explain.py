"""Explanations: exact on models whose answer is known, and what they refuse."""

import numpy as np
import pytest

import cygrad
from cygrad import explain, layers

RNG = np.random.default_rng(0)


def linear(activation=None):
    model = cygrad.Sequential([cygrad.Input((4,)), layers.Dense(3, activation=activation)])
    model.set_weights([RNG.normal(size=(4, 3)), RNG.normal(size=3)])
    return model


def deep():
    cygrad.utils.set_random_seed(1)
    return cygrad.Sequential(
        [cygrad.Input((5,)), layers.Dense(16, "tanh"), layers.Dense(8, "silu"), layers.Dense(3, "softmax")]
    )


@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_saliency_of_a_linear_model_is_its_weights(activation):
    model, x = linear(activation), RNG.normal(size=(6, 4)).astype("float32")
    targets = np.array([0, 1, 2, 2, 1, 0])
    expected = np.abs(model.get_weights()[0].T[targets])
    np.testing.assert_allclose(explain.saliency(model, x, targets), expected, rtol=1e-6)
    largest = model.predict(x, verbose=0).argmax(1)
    np.testing.assert_array_equal(explain.saliency(model, x), explain.saliency(model, x, largest))


def test_integrated_gradients_sum_to_the_difference_of_the_scores():
    model, x = deep(), RNG.normal(size=(6, 5)).astype("float32")
    logits = cygrad.Model(model.inputs, layers.Dense(3, name="same")(model.layers[-2].output))
    logits.set_weights(model.get_weights())
    for baseline in (0.0, RNG.normal(size=5)):
        found = explain.integrated_gradients(model, x, target=1, baseline=baseline, steps=200)
        start = np.broadcast_to(baseline, x.shape)
        difference = (logits.predict(x, verbose=0) - logits.predict(start, verbose=0))[:, 1]
        np.testing.assert_allclose(found.sum(1), difference, rtol=1e-3, atol=1e-4)


def corner_model(frozen):
    """Its output 1 is the sum of the brightness in the left upper quarter of an 8 x 8 picture, by a convolution."""
    model = cygrad.Sequential(
        [
            cygrad.Input((8, 8, 1)),
            layers.Conv2D(2, 3, padding="same", use_bias=False, name="seen"),
            layers.Flatten(),
            layers.Dense(2, use_bias=False),
        ]
    )
    kernel = np.zeros((3, 3, 1, 2))
    kernel[1, 1, 0] = 1, -1
    weights = np.zeros((8, 8, 2, 2))
    weights[:4, :4, 0, 1] = 1
    model.set_weights([kernel, weights.reshape(128, 2)])
    model.trainable = not frozen
    return model


@pytest.mark.parametrize("frozen", [False, True])
def test_grad_cam_by_its_formula(frozen):
    model = corner_model(frozen)
    x = RNG.uniform(size=(3, 8, 8, 1)).astype("float32")
    found = explain.grad_cam(model, x, target=1)
    weight = 16 / 64  # the mean of the gradient of the first channel; the second has none
    expected = np.maximum(weight * x[..., 0], 0)
    np.testing.assert_allclose(found, expected / expected.max((1, 2), keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(found, explain.grad_cam(model, x, 1, "seen"))
    assert not explain.grad_cam(model, x, target=0).any()  # nothing speaks for the other output


def test_occlusion_finds_the_quarter_that_counts():
    x = RNG.uniform(0.5, 1, size=(2, 8, 8, 1)).astype("float32")
    for size, stride in ((4, 4), (2, None), (3, 2)):
        found = explain.occlusion(corner_model(False), x, target=1, size=size, stride=stride)
        assert found.shape == (2, 8, 8)
        assert found[:, :4, :4].min() > 0
        assert not found[:, 6:, 6:].any()
    whole = explain.occlusion(corner_model(False), x, target=1, size=4, stride=4)
    np.testing.assert_allclose(whole[:, 0, 0], x[:, :4, :4].sum((1, 2, 3)), rtol=1e-5)


class Doubled(cygrad.Model):
    def call(self, x):
        return [x, x]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: explain.saliency(linear(), np.ones((2, 4)), 3), r"target must be one of the outputs 0..2.*got 3"),
        (lambda: explain.saliency(linear(), np.ones((2, 4)), [0, 1, 2]), "one for each of the 2 samples"),
        (lambda: explain.saliency(linear(), np.ones((2, 4)), 0.5), "target must be"),
        (lambda: explain.saliency(linear(), np.ones(4)), "samples along the first axis"),
        (lambda: explain.saliency(linear(), [["a"]]), "x must be numbers"),
        (lambda: explain.saliency(Doubled(), np.ones((2, 4))), "one output of shape.*got 2 outputs"),
        (lambda: explain.integrated_gradients(linear(), np.ones((2, 4)), steps=0), "steps must be"),
        (lambda: explain.integrated_gradients(linear(), np.ones((2, 4)), baseline=np.ones(3)), "baseline must be"),
        (lambda: explain.grad_cam(linear(), np.ones((2, 4))), "must be pictures"),
        (lambda: explain.grad_cam(corner_model(False), np.ones((2, 8, 8, 1)), 1, "flatten"), "flatten"),
        (lambda: explain.occlusion(linear(), np.ones((2, 4))), "must be pictures"),
        (lambda: explain.occlusion(corner_model(False), np.ones((2, 8, 8, 1)), size=0), "size must be"),
    ],
)
def test_what_does_not_fit_is_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# ---- other packages' explanations of our models ----


def test_shap_explains_a_model():
    shap = pytest.importorskip("shap", reason="shap is not installed")
    model, x = linear(), RNG.normal(size=(20, 4)).astype("float32")
    found = shap.KernelExplainer(lambda a: model.predict(a, verbose=0), x)(x[:3])
    expected = (x[:3] - x.mean(0))[:, :, None] * model.get_weights()[0]  # of a linear model: by hand
    np.testing.assert_allclose(found.values, expected, atol=1e-3)


def test_lime_explains_a_model():
    lime_tabular = pytest.importorskip("lime.lime_tabular", reason="lime is not installed")
    model, x = linear("softmax"), RNG.normal(size=(200, 4)).astype("float32")
    kernel = np.zeros((4, 3))
    kernel[2] = 4, 0, -4  # only the third feature counts
    model.set_weights([kernel, np.zeros(3)])
    explainer = lime_tabular.LimeTabularExplainer(x, mode="classification", discretize_continuous=False, random_state=0)
    found = explainer.explain_instance(x[0], lambda a: model.predict(a, verbose=0), labels=(0,), num_features=4)
    weights = dict(found.as_map()[0])
    assert max(weights, key=lambda i: abs(weights[i])) == 2 and weights[2] > 0
