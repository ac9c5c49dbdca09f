"""Attention: the op against its formula, gradients by finite differences, masks that layers hand on, saving, errors."""

import json

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Variable, layers, ops
from cygrad.models.serialization import deserialize_layer, serialize_layer
from cygrad.ops._backend import use_reference
from cygrad.ops.attention import attention_scores

rng = np.random.default_rng(4)


def data(*shape):
    return rng.normal(size=shape).astype("float32")


OPTIONS = {
    "plain": {},
    "causal": {"is_causal": True},
    "mask of keys": {"mask": rng.random((2, 1, 1, 7)) < 0.6},
    "mask and causal": {"mask": rng.random((2, 4, 5, 7)) < 0.6, "is_causal": True},
    "bias": {"bias": data(4, 5, 7)},
    "scale": {"scale": -0.3},
}


@pytest.mark.parametrize("key_heads", [1, 2, 4])
@pytest.mark.parametrize("name", OPTIONS)
def test_fused_is_the_formula(name, key_heads):
    """Values and gradients, also of queries that have no key."""
    x = [data(2, 5, 4, 3), data(2, 7, key_heads, 3), data(2, 7, key_heads, 6)]
    weights, found = data(2, 5, 4, 6), []
    for function in (ops.dot_product_attention, lambda *x, **o: attention_scores(*x, **o)[0]):
        with GradientTape() as tape:
            tensors = [ops.convert_to_tensor(a) for a in x]
            tape.watch(tensors)
            y = function(*tensors, **OPTIONS[name])
            total = ops.sum(ops.multiply(y, weights))
        found.append([y, *tape.gradient(total, tensors)])
    for mine, wanted in zip(*found):
        np.testing.assert_allclose(mine, wanted, rtol=2e-5, atol=2e-6)


def test_a_bias_is_trained():
    x, bias = data(1, 3, 2, 4), Variable(data(2, 3, 3))
    with GradientTape() as tape:
        y = ops.sum(ops.square(ops.dot_product_attention(x, x, x, bias=bias)))
    assert np.abs(np.asarray(tape.gradient(y, bias))).max() > 1e-3


LAYERS = {
    "MultiHeadAttention": (lambda: layers.MultiHeadAttention(2, 3, value_dim=4, use_gate=True), 2),
    "MultiHeadAttention, axes": (lambda: layers.MultiHeadAttention(2, 3, attention_axes=2, output_shape=3), 0),
    "GroupQueryAttention": (lambda: layers.GroupQueryAttention(3, 4, 2), 3),
    "Attention": (lambda: layers.Attention(use_scale=True), -2),
    "Attention, concat": (lambda: layers.Attention(use_scale=True, score_mode="concat"), -3),
    "AdditiveAttention": (lambda: layers.AdditiveAttention(), -2),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cde->abed", (None, 2, 3), "tanh", bias_axes="d"), 1),
}


def arguments(kind):
    """What the layer is called with: several tensors, a list of them (kind below 0), one, or one of four axes twice."""
    shapes = [(2, 3, 5), (2, 4, 5), (2, 4, 5)][: abs(kind)] if kind else [(2, 3, 2, 5)]
    x = [rng.normal(size=s) for s in shapes]
    return x, (lambda layer, x: layer(list(x)) if kind < 0 else layer(*(x if kind else [*x, *x])))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_by_finite_differences(name):
    make, kind = LAYERS[name]
    with use_reference():
        layer = make()
        x, call = arguments(kind)
        x = [Variable(a) for a in x]
        call(layer, x)
        variables = [*x, *layer.trainable_weights]
        for v in layer.trainable_weights:
            v.assign(rng.normal(size=v.shape))
        weights = rng.normal(size=call(layer, x).shape)

        def value():
            return float(ops.sum(ops.multiply(call(layer, x), weights)))

        with GradientTape() as tape:
            y = ops.sum(ops.multiply(call(layer, x), weights))
        for v, gradient in zip(variables, tape.gradient(y, variables)):
            direction, at, slopes = rng.normal(size=v.shape), np.array(v), []
            for step in (1e-5, -1e-5):
                v.assign(at + step * direction)
                slopes.append(value())
            v.assign(at)
            slope = (slopes[0] - slopes[1]) / 2e-5
            assert np.sum(np.asarray(gradient) * direction) == pytest.approx(slope, rel=1e-5, abs=1e-6), v.path


def test_dropout_drops_weights_in_training():
    layer, x = layers.MultiHeadAttention(2, 4, dropout=0.5, seed=1), data(2, 6, 8)
    still, scores = layer(x, x, return_attention_scores=True)
    np.testing.assert_allclose(layer(x, x), still, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(scores).sum(-1), 1, rtol=1e-5)
    one, two = layer(x, x, training=True), layer(x, x, training=True)
    assert np.abs(np.asarray(one) - np.asarray(still)).max() > 1e-3 < np.abs(np.asarray(one) - np.asarray(two)).max()


def test_masks_of_the_inputs_are_taken_and_handed_on():
    """Padding is no key: what stands there changes nothing, and the output has the query's mask."""
    words = layers.Embedding(9, 8, mask_zero=True)
    for layer in (layers.MultiHeadAttention(2, 4), layers.GroupQueryAttention(4, 2, 1)):
        x = words(np.array([[3, 5, 0, 0]]))
        y = layer(x, x)
        assert y._keras_mask.numpy().tolist() == [[True, True, False, False]]
        short = words(np.array([[3, 5]]))
        np.testing.assert_allclose(np.asarray(y)[:, :2], layer(short, short), rtol=1e-5, atol=1e-6)
    x = words(np.array([[3, 5, 0, 0]]))
    y = layers.Attention()([x, x])
    np.testing.assert_array_equal(np.asarray(y)[:, 2:], 0)
    np.testing.assert_allclose(np.asarray(y)[:, :2], layers.Attention()([short, short]), rtol=1e-5, atol=1e-6)


class LooksBack(cygrad.Model):
    def __init__(self):
        super().__init__()
        self.words, self.attention = layers.Embedding(5, 16), layers.MultiHeadAttention(2, 8)
        self.result = cygrad.Sequential([layers.Flatten(), layers.Dense(4)])

    def call(self, x):
        h = self.words(x)
        return self.result(h + self.attention(h, h, use_causal_mask=True))


@pytest.mark.kernels
def test_a_model_learns_to_look_back(tmp_path):
    """Which word stood first? Only attention over positions can say so; trained, replayed, saved and loaded."""
    cygrad.utils.set_random_seed(5)
    x = rng.integers(1, 5, (256, 6))
    model = LooksBack()
    loss = cygrad.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(cygrad.optimizers.Adam(0.02), loss, metrics=["accuracy"], jit_compile=True)
    history = model.fit(x, x[:, 0] - 1, epochs=8, verbose=0).history
    assert history["accuracy"][-1] > 0.95 > history["accuracy"][0]
    assert "replays" in model.explain_capture()["train"][0]
    again = LooksBack()
    again(x[:1])
    model.save_weights(tmp_path / "w.safetensors")
    again.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("name", LAYERS)
def test_saved_and_loaded(name):
    layer = LAYERS[name][0]()
    text = json.dumps(serialize_layer(layer))
    again = deserialize_layer(json.loads(text))
    assert json.dumps(serialize_layer(again)) == text
    x, call = arguments(LAYERS[name][1])
    call(layer, x)
    call(again, x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(call(again, x), call(layer, x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "MultiHeadAttention: num_heads must be a positive integer; got 0"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=1.0), r"dropout must lie in \[0, 1\); got 1.0"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="all"), "attention_axes must be an axis or several"),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=3)(data(1, 2, 4), data(1, 2, 4)),
            "attention_axes must",
        ),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window must be a positive integer"),
        (
            lambda: layers.MultiHeadAttention(2, 3, name="m")(data(1, 2, 4), data(1, 2, 4), data(1, 3, 4)),
            r'MultiHeadAttention "m": value and key must be of one shape .*; got query \(1, 2, 4\), value \(1, 2, 4\)',
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=(1, 2))(
                data(1, 2, 2, 4), data(1, 2, 2, 4), use_causal_mask=True
            ),
            r"a causal mask and sliding_window are for one attention axis; it has \(1, 2\)",
        ),
        (lambda: layers.GroupQueryAttention(4, 3, 2), "must divide num_query_heads; got 2 and 3"),
        (lambda: layers.Attention(score_mode="sum"), 'score_mode must be "dot" or "concat"; got \'sum\''),
        (lambda: layers.Attention()(data(1, 2, 3)), r"expected inputs \[query, value\] or \[query, value, key\]"),
        (lambda: layers.EinsumDense("ab,bc", 3), 'equation must be letters as in "ab,bc->ac"'),
        (lambda: layers.EinsumDense("ab,bc->ad", 3), "'c' stands once only in the equation|'d' stands once"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3, bias_axes="b"), "bias_axes 'b' must be letters of the output 'ac'"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3)(data(1, 2, 3)), "is for inputs of 2 axes; got shape"),
        (
            lambda: layers.EinsumDense("ab,bc->ac", (3, 4))(data(1, 2)),
            "output_shape .* has 2 sizes; .* gives 1 besides",
        ),
        (
            lambda: layers.EinsumDense("abc,cd->abd", (3, 4))(data(1, 2, 5)),
            "'b' is 2 in the input of shape .* and 3 in",
        ),
        (lambda: ops.dot_product_attention(data(2, 3), data(2, 3), data(2, 3)), r"expected query\[B,T,N,H\]"),
        (lambda: ops.dot_product_attention(*[data(1, 2, n, 4) for n in (3, 2, 2)]), "K dividing its 3 heads"),
        (lambda: ops.dot_product_attention(*[data(1, n, 2, 4) for n in (3, 0, 0)]), "there is no key to attend to"),
        (
            lambda: ops.dot_product_attention(*[data(1, 2, 2, 4)] * 3, mask=np.ones((3, 2, 2, 2), bool)),
            r"mask of shape \(3, 2, 2, 2\) does not broadcast to \(1, 2, 2, 2\)",
        ),
        (
            lambda: ops.dot_product_attention(*[data(1, 2, 2, 4)] * 3, attn_logits_soft_cap=2.0),
            "attn_logits_soft_cap is not supported",
        ),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
