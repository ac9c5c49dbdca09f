"""Layers around Dense and Conv2D, by NumPy: 1D, depthwise, activations, reshaping, merging, noise; errors by text."""

import numpy as np
import pytest

import cygrad
from cygrad import layers, ops

rng = np.random.default_rng(1)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


# ---- convolutions ----


def with_weights_of(one, other, x, *kernels):
    """other, built for x and given the weights of one, its kernels in other shapes."""
    other.build(x.shape)
    other.set_weights([*kernels, *one.get_weights()[len(kernels) :]])
    return other


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation", "groups"), [(1, 1, 1), (2, 1, 1), (1, 2, 2)])
def test_conv1d_is_conv2d_of_one_row(padding, strides, dilation, groups):
    x = data(2, 9, 4)
    options = {"padding": padding, "groups": groups, "bias_initializer": "ones", "activation": "tanh"}
    layer = layers.Conv1D(6, 3, strides=strides, dilation_rate=dilation, **options)
    y = layer(x)
    wide = layers.Conv2D(6, (1, 3), strides=(1, strides), dilation_rate=(1, dilation), **options)
    with_weights_of(layer, wide, x[:, None], layer.get_weights()[0][None])
    np.testing.assert_allclose(y, np.asarray(wide(x[:, None]))[:, 0], rtol=1e-5, atol=1e-6)
    assert y.shape == layer.compute_output_shape(x.shape)


def test_causal_convolution_sees_no_future():
    x, layer = data(1, 8, 2), layers.Conv1D(3, 3, padding="causal", dilation_rate=2)
    y = np.asarray(layer(x))
    assert y.shape == (1, 8, 3)
    changed = x.copy()
    changed[:, 5:] = 0
    np.testing.assert_array_equal(np.asarray(layer(changed))[:, :5], y[:, :5])
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(
        y[0, 7], x[0, 3] @ kernel[0] + x[0, 5] @ kernel[1] + x[0, 7] @ kernel[2] + bias, rtol=1e-5
    )


@pytest.mark.parametrize(("strides", "padding", "multiplier"), [(1, "valid", 1), (2, "same", 3)])
def test_depthwise_conv2d_is_a_convolution_a_channel(strides, padding, multiplier):
    x = data(2, 6, 5, 4)
    layer = layers.DepthwiseConv2D(3, strides, padding, multiplier, bias_initializer="he_normal")
    y = np.asarray(layer(x))
    kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 3, 4, multiplier) and y.shape == layer.compute_output_shape(x.shape)
    for c in range(4):
        alone = layers.Conv2D(multiplier, 3, strides, padding)
        alone.build((None, 6, 5, 1))
        alone.set_weights([kernel[:, :, c : c + 1], bias[c * multiplier : (c + 1) * multiplier]])
        mine = y[..., c * multiplier : (c + 1) * multiplier]
        np.testing.assert_allclose(mine, alone(x[..., c : c + 1]), rtol=1e-5, atol=1e-5)


def test_separable_conv2d_is_depthwise_then_pointwise():
    x = data(2, 6, 5, 4)
    layer = layers.SeparableConv2D(7, 3, 2, "same", depth_multiplier=2, activation="relu", bias_initializer="ones")
    y = layer(x)
    depthwise, pointwise, bias = layer.get_weights()
    assert (depthwise.shape, pointwise.shape, bias.shape) == ((3, 3, 4, 2), (1, 1, 8, 7), (7,))
    first = layers.DepthwiseConv2D(3, 2, "same", 2, use_bias=False)
    first.build(x.shape)
    first.set_weights([depthwise])
    np.testing.assert_allclose(y, np.maximum(np.asarray(first(x)) @ pointwise[0, 0] + bias, 0), rtol=1e-4, atol=1e-5)


# ---- pooling in one dimension ----


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_pooling_1d_is_that_of_one_row(padding):
    x = data(2, 9, 3)
    for one, two in ((layers.MaxPooling1D, layers.MaxPooling2D), (layers.AveragePooling1D, layers.AveragePooling2D)):
        y = one(3, 2, padding)(x)
        np.testing.assert_allclose(y, np.asarray(two((1, 3), (1, 2), padding)(x[:, None]))[:, 0], rtol=1e-6)
    np.testing.assert_allclose(layers.GlobalAveragePooling1D()(x), x.mean(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layers.GlobalMaxPooling1D(keepdims=True)(x), x.max(1, keepdims=True))


# ---- activations ----


def test_activation_layers():
    x = data(3, 4) * 3
    np.testing.assert_array_equal(layers.ReLU()(x), np.maximum(x, 0))
    expected = np.where(x >= 0.5, np.minimum(x, 2), 0.1 * (x - 0.5))
    np.testing.assert_allclose(layers.ReLU(2.0, 0.1, 0.5)(x), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layers.LeakyReLU()(x), np.where(x > 0, x, 0.3 * x), rtol=1e-6)
    np.testing.assert_allclose(layers.ELU(0.5)(x), np.where(x > 0, x, 0.5 * np.expm1(x)), rtol=1e-5, atol=1e-6)


def test_prelu():
    x = data(2, 3, 4, 5)
    layer = layers.PReLU("he_normal", shared_axes=[1, 2])
    y = layer(x)
    (alpha,) = layer.get_weights()
    assert alpha.shape == (1, 1, 5)
    np.testing.assert_allclose(y, np.where(x > 0, x, alpha * x), rtol=1e-5, atol=1e-6)
    whole = layers.PReLU(name="p")
    whole(x)
    assert whole.alpha.shape == (3, 4, 5)
    with pytest.raises(ValueError, match=r'PReLU "p": expected .*; got shape \(2, 3, 4, 6\)'):
        whole(data(2, 3, 4, 6))
    with pytest.raises(ValueError, match="shared_axes must hold axes from 1 on, 0 being the batch's; got"):
        layers.PReLU(shared_axes=[0])
    with pytest.raises(ValueError, match=r'PReLU "q": shared_axes has 4, but the input has shape \(2, 3, 4, 5\)'):
        layers.PReLU(shared_axes=[4], name="q")(x)


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def test_softmax():
    x = data(2, 3, 4) * 5
    np.testing.assert_allclose(layers.Softmax()(x), softmax(x, -1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layers.Softmax(axis=1)(x), softmax(x, 1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layers.Softmax(axis=(1, 2))(x), softmax(x, (1, 2)), rtol=1e-5, atol=1e-7)
    mask = np.array([[True, True, False, True]])
    masked = np.asarray(layers.Softmax()(x[:, 0], mask=mask))
    assert (masked[:, 2] == 0).all()
    np.testing.assert_allclose(masked[:, [0, 1, 3]], softmax(x[:, 0][:, [0, 1, 3]], -1), rtol=1e-5)
    assert np.isfinite(np.asarray(layers.Softmax()(x[:, 0], mask=np.zeros((1, 4), bool)))).all()


# ---- reshaping ----


def test_reshaping_layers():
    x = data(2, 3, 4, 5)
    np.testing.assert_array_equal(layers.Permute((3, 1, 2))(x), x.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(layers.RepeatVector(3)(x[:, 0, 0]), np.repeat(x[:, 0, :1], 3, axis=1))
    np.testing.assert_array_equal(
        layers.ZeroPadding2D(((1, 2), (0, 3)))(x), np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)))
    )
    np.testing.assert_array_equal(layers.ZeroPadding2D(2)(x), np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0))))
    np.testing.assert_array_equal(layers.ZeroPadding2D((1, 2))(x), np.pad(x, ((0, 0), (1, 1), (2, 2), (0, 0))))
    np.testing.assert_array_equal(layers.ZeroPadding1D((1, 2))(x[:, 0]), np.pad(x[:, 0], ((0, 0), (1, 2), (0, 0))))
    np.testing.assert_array_equal(layers.Cropping2D(((1, 0), (0, 3)))(x), x[:, 1:, :1])
    np.testing.assert_array_equal(layers.Cropping1D((1, 2))(x[:, 0]), x[:, 0, 1:2])
    np.testing.assert_array_equal(layers.UpSampling2D((2, 3))(x), x.repeat(2, axis=1).repeat(3, axis=2))
    np.testing.assert_array_equal(layers.UpSampling1D(3)(x[:, 0]), x[:, 0].repeat(3, axis=1))
    np.testing.assert_array_equal(layers.Identity()(x), x)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Permute((0, 1)), "Permute: dims must be an order of 1, 2, .* got"),
        (lambda: layers.Permute(2), "Permute: dims must be an order of 1, 2, .* got 2"),
        (lambda: layers.RepeatVector(0), "RepeatVector: n must be a positive integer; got 0"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), "ZeroPadding2D: padding must be an integer, 2 of them or 2 pairs"),
        (lambda: layers.ZeroPadding1D(-1), "ZeroPadding1D: padding must be an integer or 2 of them, each at least 0"),
        (
            lambda: layers.Cropping2D(2, name="c")(data(1, 4, 9, 1)),
            'Cropping2D "c": cropping .* leaves nothing of an input',
        ),
        (lambda: layers.Cropping2D(2, name="c")(cygrad.Input((4, 9, 1))), 'Cropping2D "c": cropping .* leaves nothing'),
        (lambda: layers.UpSampling2D(interpolation="bilinear"), "unknown UpSampling2D interpolation 'bilinear'"),
        (lambda: layers.ReLU(negative_slope=-1), "ReLU: negative_slope must be a number of at least 0; got -1"),
        (lambda: layers.ELU(None), "ELU: alpha must be a number of at least 0; got None"),
        (lambda: layers.GaussianNoise(-1), "GaussianNoise: stddev must not be negative; got -1"),
        (lambda: layers.SpatialDropout2D(1.5), r"SpatialDropout2D: rate must lie in \[0, 1\); got 1.5"),
        (lambda: layers.Conv1D(3, 3, padding="full"), "unknown Conv1D padding 'full'"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "DepthwiseConv2D: depth_multiplier must be a positive"),
        (lambda: layers.Add(name="a")(data(2, 3)), 'Add "a": expected a list of at least two inputs'),
        (lambda: layers.Add(name="a")([data(2, 3)]), 'Add "a": expected a list of at least two inputs'),
        (
            lambda: layers.Add(name="a")([data(2, 3), data(2, 4)]),
            r'Add "a": .* got \(2, 3\) and \(2, 4\), where 3 meets 4. A Dense',
        ),
        (lambda: layers.Subtract(name="s")([data(2, 3)] * 3), 'Subtract "s": expected two inputs; got 3'),
        (lambda: layers.Concatenate(0), "Concatenate: axis must be an axis other than 0"),
        (
            lambda: layers.Concatenate(name="c")([data(2, 3), data(3, 3)]),
            'Concatenate "c": expected inputs that differ at axis -1 only',
        ),
        (
            lambda: layers.Concatenate(5, name="c")([data(2, 3)] * 2),
            'Concatenate "c": expected inputs of one rank, with an axis 5',
        ),
        (lambda: layers.Dot(0), "Dot: axes must be an axis other than 0"),
        (lambda: layers.Dot(1, name="d")([data(2, 3), data(2, 4)]), r'Dot "d": .* axes=1 have 3 and 4 in shapes'),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# ---- merging ----


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Add", lambda a, b: a + b),
        ("Subtract", lambda a, b: a - b),
        ("Multiply", lambda a, b: a * b),
        ("Average", lambda a, b: (a + b) / 2),
        ("Maximum", np.maximum),
        ("Minimum", np.minimum),
        ("Concatenate", lambda a, b: np.concatenate([a, np.broadcast_to(b, a.shape)], -1)),
    ],
)
def test_merging(name, expected):
    a, b = data(2, 3, 4), data(2, 3, 4)
    layer = getattr(layers, name)
    np.testing.assert_allclose(layer()([a, b]), expected(a, b), rtol=1e-6)
    np.testing.assert_allclose(getattr(layers, name.lower())([a, b]), expected(a, b), rtol=1e-6)
    symbolic = layer()([cygrad.Input((3, 4)), cygrad.Input((3, 4))])
    assert symbolic.shape == (None, *expected(a, b).shape[1:])
    if name != "Concatenate":
        small = data(2, 1, 4)
        np.testing.assert_allclose(layer()([a, small]), expected(a, small), rtol=1e-6)
        assert layer().compute_output_shape([(None, 3, 4), (None, 1, 4)]) == (None, 3, 4)
    if name != "Subtract":
        together = np.asarray(layer()([a, b, a]))
        pairwise = layer()([np.asarray(layer()([a, b])), a]) if name != "Average" else (a + b + a) / 3
        np.testing.assert_allclose(together, pairwise, rtol=1e-5, atol=1e-6)


def test_concatenate_along_other_axes():
    a, b = data(2, 3, 4), data(2, 5, 4)
    np.testing.assert_array_equal(layers.Concatenate(axis=1)([a, b]), np.concatenate([a, b], 1))
    assert layers.Concatenate(1).compute_output_shape([(None, 3, None), (None, 5, 4)]) == (None, 8, 4)
    assert layers.Concatenate(1).compute_output_shape([(None, None, 4), (None, 5, 4)]) == (None, None, 4)


@pytest.mark.parametrize(
    ("axes", "shapes", "subscripts"),
    [
        (1, [(2, 5), (2, 5)], "nk,nk->n"),
        (-1, [(2, 3, 5), (2, 4, 5)], "nik,njk->nij"),
        ((2, 1), [(2, 3, 5), (2, 5, 4)], "nik,nkj->nij"),
        ((1, 2), [(2, 5, 3), (2, 4, 5)], "nki,njk->nij"),
        ((1, 1), [(2, 5, 3, 2), (2, 5, 4)], "nkab,nkj->nabj"),
    ],
)
def test_dot(axes, shapes, subscripts):
    a, b = (data(*shape) for shape in shapes)
    expected = np.einsum(subscripts, a, b)
    y = layers.Dot(axes)([a, b])
    np.testing.assert_allclose(np.asarray(y).reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    assert y.shape == layers.Dot(axes).compute_output_shape(shapes)
    assert len(y.shape) >= 2


def test_dot_normalized_is_the_cosine():
    a, b = data(4, 6), data(4, 6)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(layers.dot([a, b], axes=1, normalize=True), cosine[:, None], rtol=1e-5, atol=1e-6)


def test_gradients_of_merging():
    with cygrad.ops._backend.use_reference():
        a, b = cygrad.Variable(rng.normal(size=(2, 3))), cygrad.Variable(rng.normal(size=(2, 3)))
        for make in (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Concatenate):
            check(make(), a, b)
        check(layers.Dot(1), a, b)
        check(layers.Dot(1, normalize=True), a, b)


def check(layer, a, b):
    weights = rng.normal(size=layer([a, b]).shape)
    with cygrad.GradientTape() as tape:
        y = ops.sum(ops.multiply(layer([a, b]), weights))
    for v, gradient in zip((a, b), tape.gradient(y, [a, b])):
        direction, at, values = rng.normal(size=v.shape), np.array(v), []
        for step in (1e-6, -1e-6):
            v.assign(at + step * direction)
            values.append(float(ops.sum(ops.multiply(layer([a, b]), weights))))
        v.assign(at)
        slope = (values[0] - values[1]) / 2e-6
        assert np.sum(np.asarray(gradient) * direction) == pytest.approx(slope, rel=1e-5, abs=1e-7)


# ---- noise ----

NOISE = {
    "AlphaDropout": lambda: layers.AlphaDropout(0.3, seed=1),
    "Dropout": lambda: layers.Dropout(0.3, seed=1),
    "GaussianDropout": lambda: layers.GaussianDropout(0.3, seed=1),
    "GaussianNoise": lambda: layers.GaussianNoise(0.3, seed=1),
    "SpatialDropout1D": lambda: layers.SpatialDropout1D(0.3, seed=1),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.3, seed=1),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_for_training_only_and_follows_its_seed(name):
    x = ops.convert_to_tensor(data(*((8, 6, 50) if name.endswith("1D") else (4, 5, 6, 50))))
    layer = NOISE[name]()
    assert layer(x) is x
    first, second = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
    assert not np.array_equal(first, x) and not np.array_equal(first, second)
    np.testing.assert_array_equal(NOISE[name]()(x, training=True), first)
    assert layer.seed_generators == [layer.seed_generator]
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(again(x, training=True), first)


def test_noise_has_the_promised_moments():
    x = np.full((300, 200), 2.0, np.float32)
    noise = np.asarray(layers.GaussianNoise(0.5, seed=2)(x, training=True)) - x
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.std() == pytest.approx(0.5, rel=0.02)
    factor = np.asarray(layers.GaussianDropout(0.2, seed=2)(x, training=True)) / x
    assert factor.mean() == pytest.approx(1, abs=0.01) and factor.std() == pytest.approx(0.5, rel=0.02)
    normal = rng.normal(size=(300, 200)).astype(np.float32)
    y = np.asarray(layers.AlphaDropout(0.3, seed=2)(normal, training=True))
    assert y.mean() == pytest.approx(0, abs=0.02) and y.std() == pytest.approx(1, rel=0.02)
    assert np.unique(y, return_counts=True)[1].max() / y.size == pytest.approx(0.3, abs=0.02)  # one value: the dropped


def test_spatial_dropout_drops_whole_channels():
    y = np.asarray(layers.SpatialDropout2D(0.5, seed=3)(np.ones((4, 5, 6, 50)), training=True))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert (y[:, 0, 0] == 0).mean() == pytest.approx(0.5, abs=0.15) and set(np.unique(y)) == {0, 2}


def test_activity_regularization():
    layer = layers.ActivityRegularization(0.1, 0.2)
    x = data(3, 4)
    np.testing.assert_array_equal(layer(x), x)
    assert float(layer.losses[0]) == pytest.approx((0.1 * np.abs(x).sum() + 0.2 * (x**2).sum()) / 3, rel=1e-5)


# ---- normalization ----


def test_batch_normalization_learns_statistics_in_training_only():
    layer, x = layers.BatchNormalization(momentum=0.5, epsilon=0.0), data(50, 3) * 4 + 2
    y = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, x.mean(axis=0) / 2, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, (1 + x.var(axis=0)) / 2, rtol=1e-5)
    kept = [w.numpy() for w in layer.non_trainable_variables]
    expected = (x - kept[0]) / np.sqrt(kept[1])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal([w.numpy() for w in layer.weights[2:]], kept)
    assert [w.name for w in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_batch_normalization_of_a_constant_is_its_offset():
    layer, x = layers.BatchNormalization(beta_initializer="ones"), np.full((300, 20), 1e4, np.float32)
    np.testing.assert_array_equal(layer(x, training=True), 1)


def test_masked_batch_normalization_leaves_out_what_the_mask_hides():
    x, mask = data(4, 6, 3), rng.random((4, 6)) < 0.6
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean, x[mask].mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, x[mask].var(axis=0), rtol=1e-4)
    with pytest.raises(ValueError, match=r"expected a mask of one axis less than the input; got shapes \(4,\)"):
        layer(x, training=True, mask=mask[:, 0])


def test_batch_normalization_trains_in_a_model():
    x = rng.normal(size=(256, 8)).astype(np.float32) * 30 + 100
    y = (x[:, :1] > 100).astype(np.float32)
    stack = [layers.BatchNormalization(momentum=0.9), layers.Dense(1, "sigmoid", kernel_initializer="zeros")]
    model = cygrad.Sequential([layers.Input((8,)), *stack])
    model.compile(cygrad.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=40, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95
    assert model.count_params() == 4 * 8 + 9 and len(model.trainable_weights) == 4


def test_group_normalization_of_one_and_of_all_groups():
    x = data(2, 5, 6)
    one = layers.GroupNormalization(1)(x)
    np.testing.assert_allclose(one, layers.LayerNormalization(axis=[1, 2])(x), rtol=1e-5, atol=1e-6)
    each = np.asarray(layers.GroupNormalization(-1, epsilon=0.0)(x))
    np.testing.assert_allclose(each, (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: layers.BatchNormalization([1, 2]), TypeError, "axis must be one integer; got"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, r"momentum must lie in \[0, 1\]; got 2"),
        (lambda: layers.BatchNormalization(epsilon=-1), ValueError, "epsilon must be a number of at least 0; got -1"),
        (lambda: layers.BatchNormalization(renorm=True), ValueError, "renorm and synchronized are not supported"),
        (lambda: layers.BatchNormalization(4)(np.ones((2, 3))), ValueError, r"axis 4 does not exist in .* \(2, 3\)"),
        (lambda: layers.LayerNormalization("last"), TypeError, "axis must be an integer or several; got 'last'"),
        (lambda: layers.GroupNormalization(0), ValueError, "groups must be a positive integer, or -1; got 0"),
        (lambda: layers.GroupNormalization(3)(np.ones((2, 4))), ValueError, "groups must divide the input's channels"),
    ],
)
def test_errors_of_normalizations(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


# ---- Lambda ----


def doubled(x, training=None, by=2.0):
    return ops.multiply(x, by if training else -by)


def test_lambda():
    x = data(3, 4)
    np.testing.assert_allclose(layers.Lambda(lambda x: x * x)(x), x * x, rtol=1e-6)
    layer = layers.Lambda(doubled, arguments={"by": 3.0})
    np.testing.assert_allclose(layer(x, training=True), 3 * x, rtol=1e-6)
    np.testing.assert_allclose(layer(x), -3 * x, rtol=1e-6)
    assert layers.Lambda(lambda x: ops.sum(x, axis=1)).compute_output_shape((None, 5, 3)) == (None, 3)
    assert layers.Lambda(lambda x: x, output_shape=(7,)).compute_output_shape((None, 5)) == (None, 7)
    assert layers.Lambda(lambda x: x, output_shape=lambda s: s[::-1]).compute_output_shape((2, 5)) == (5, 2)
    a, b = layers.Input((4,)), layers.Input((4,))
    assert layers.Lambda(lambda both: ops.concatenate(both, axis=-1))([a, b]).shape == (None, 8)


def test_lambda_is_saved_by_name():
    from cygrad.models.serialization import deserialize_layer, serialize_layer

    saved = serialize_layer(layers.Lambda(doubled, output_shape=(4,), arguments={"by": 3.0}, name="l"))
    assert saved["config"]["function"] == {"class_name": "function", "config": "doubled"}
    again = deserialize_layer(saved, {"doubled": doubled})
    assert again.function is doubled and serialize_layer(again) == saved
    with pytest.raises(ValueError, match=r"is the function 'doubled', which is not known here; give custom_objects="):
        deserialize_layer(saved)
    with pytest.raises(NotImplementedError, match="Lambda \"f\": the argument 'function' is a lambda, which a config"):
        layers.Lambda(lambda x: x, name="f").get_config()
    with pytest.raises(TypeError, match="Lambda: function must be a function; got int"):
        layers.Lambda(3)
    relu = layers.Lambda(cygrad.activations.relu)
    assert layers.Lambda.from_config(relu.get_config()).function is cygrad.activations.relu
