"""Layers: values by NumPy, dropout, and gradients by finite differences."""

import numpy as np
import pytest

from cygrad import GradientTape, Variable, layers, ops
from cygrad.ops._backend import use_reference

rng = np.random.default_rng(0)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


# ---- values, by the formula, in NumPy's float64 ----


def conv2d(x, kernel, bias, strides, padding, dilation, groups):
    n, h, w, _ = x.shape
    r, s, cg, f = kernel.shape
    reach = [(k - 1) * d + 1 for k, d in zip((r, s), dilation)]
    if padding == "same":
        out = [-(-size // stride) for size, stride in zip((h, w), strides)]
        pads = [max((o - 1) * st + re - size, 0) for o, st, re, size in zip(out, strides, reach, (h, w))]
        x = np.pad(x, [(0, 0), *((p // 2, p - p // 2) for p in pads), (0, 0)])
    out = [(size - re) // st + 1 for size, re, st in zip(x.shape[1:3], reach, strides)]
    y = np.zeros((n, *out, f))
    for p in range(out[0]):
        for q in range(out[1]):
            rows = slice(p * strides[0], p * strides[0] + reach[0], dilation[0])
            columns = slice(q * strides[1], q * strides[1] + reach[1], dilation[1])
            for g in range(groups):
                filters = slice(g * f // groups, (g + 1) * f // groups)
                window = x[:, rows, columns, g * cg : (g + 1) * cg]
                y[:, p, q, filters] = np.einsum("nrsc,rscf->nf", window, kernel[..., filters])
    return y + bias


def pooled(x, size, strides, padding, reduce):
    h, w = x.shape[1:3]
    out = [-(-s // st) if padding == "same" else (s - k) // st + 1 for s, k, st in zip((h, w), size, strides)]
    pads = [
        max((o - 1) * st + k - s, 0) // 2 if padding == "same" else 0 for o, st, k, s in zip(out, strides, size, (h, w))
    ]
    y = np.zeros((len(x), *out, x.shape[-1]))
    for p in range(out[0]):
        for q in range(out[1]):
            top, left = p * strides[0] - pads[0], q * strides[1] - pads[1]
            window = x[:, max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
            y[:, p, q] = reduce(window, axis=(1, 2))
    return y


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5), (1, 2, 3, 5), (0, 5)])
@pytest.mark.parametrize("activation", [None, "relu", "softmax", "sigmoid", "gelu", np.negative])
def test_dense(shape, activation):
    function = (lambda y: ops.negative(y)) if activation is np.negative else activation
    layer = layers.Dense(4, activation=function, bias_initializer="ones")
    x = data(*shape)
    y = layer(x)
    kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
    z = x.astype(np.float64) @ kernel + bias
    expected = {
        None: lambda: z,
        "relu": lambda: np.maximum(z, 0),
        "softmax": lambda: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
        "sigmoid": lambda: 1 / (1 + np.exp(-z)),
        "gelu": lambda: z * np.vectorize(normal_distribution, otypes=[float])(z),
        np.negative: lambda: -z,
    }[activation]()
    assert y.shape == (*shape[:-1], 4)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def normal_distribution(z):
    import math

    return (1 + math.erf(z / math.sqrt(2))) / 2


def test_dense_without_bias():
    layer = layers.Dense(3, use_bias=False)
    x = data(2, 4)
    y = layer(x)
    assert layer.bias is None and len(layer.weights) == 1
    np.testing.assert_allclose(y, x @ layer.get_weights()[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation", "groups"),
    [
        (3, 1, 1, 1),
        ((2, 3), (2, 1), 1, 1),
        (3, 2, 1, 2),
        (2, 1, (2, 1), 1),
        (3, 1, 2, 2),
        (1, 1, 1, 1),
        (1, 3, 1, 1),
    ],
)
def test_conv2d(padding, kernel_size, strides, dilation, groups):
    layer = layers.Conv2D(
        6, kernel_size, strides, padding, dilation_rate=dilation, groups=groups, bias_initializer="he_normal"
    )
    x = data(2, 7, 8, 4)
    y = layer(x)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (*layer.kernel_size, 4 // groups, 6)
    expected = conv2d(x.astype(np.float64), kernel, bias, layer.strides, padding, layer.dilation_rate, groups)
    assert y.shape == expected.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_conv2d_applies_its_activation():
    x = data(1, 5, 5, 2)
    plain, activated = layers.Conv2D(3, 2), layers.Conv2D(3, 2, activation="tanh")
    y = plain(x)
    activated.build(x.shape)
    activated.set_weights(plain.get_weights())
    np.testing.assert_allclose(activated(x), np.tanh(np.asarray(y)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [((2, 2), None), ((3, 2), (2, 3)), ((3, 3), (1, 1)), ((1, 2), None)])
def test_pooling(padding, size, strides):
    x = data(2, 7, 8, 3)
    for layer, reduce in (
        (layers.MaxPooling2D(size, strides, padding), np.max),
        (layers.AveragePooling2D(size, strides, padding), np.mean),
    ):
        y = layer(x)
        expected = pooled(x.astype(np.float64), size, strides or size, padding, reduce)
        assert y.shape == expected.shape == layer.compute_output_shape(x.shape)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pooling(keepdims):
    x = data(2, 4, 5, 3)
    for layer, reduce in ((layers.GlobalMaxPooling2D, np.max), (layers.GlobalAveragePooling2D, np.mean)):
        y = layer(keepdims=keepdims)(x)
        np.testing.assert_allclose(y, reduce(x, axis=(1, 2), keepdims=keepdims), rtol=1e-5, atol=1e-6)
        assert y.shape == layer(keepdims=keepdims).compute_output_shape(x.shape)


def test_flatten_and_reshape_keep_the_order():
    x = data(2, 3, 4)
    np.testing.assert_array_equal(layers.Flatten()(x), x.reshape(2, 12))
    np.testing.assert_array_equal(layers.Flatten()(data(3)[:, None]).shape, (3, 1))
    assert layers.Flatten()(data(3)).shape == (3, 1)
    assert layers.Flatten()(np.zeros((0, 3, 4))).shape == (0, 12)
    np.testing.assert_array_equal(layers.Reshape((4, 3))(x), x.reshape(2, 4, 3))
    np.testing.assert_array_equal(layers.Reshape((2, -1, 2))(x), x.reshape(2, 2, 3, 2))
    assert layers.Reshape((-1,))(x).shape == (2, 12)
    assert layers.Flatten().compute_output_shape((None, None, 3)) == (None, None)
    assert layers.Reshape((-1, 2)).compute_output_shape((None, 4, 5)) == (None, 10, 2)


def test_activation_layer():
    x = data(3, 4)
    np.testing.assert_array_equal(layers.Activation("relu")(x), np.maximum(x, 0))
    np.testing.assert_array_equal(layers.Activation(ops.negative)(x), -x)
    np.testing.assert_array_equal(layers.Activation(None)(x), x)


def test_rescaling():
    x = rng.integers(0, 256, (2, 3, 3, 3)).astype(np.uint8)
    np.testing.assert_allclose(layers.Rescaling(1 / 127.5, -1)(x), x / 127.5 - 1, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        layers.Rescaling([1.0, 2.0, 3.0], [0.5, 0.0, -1.0])(x), x * [1.0, 2, 3] + [0.5, 0, -1], rtol=1e-6
    )
    with pytest.raises(ValueError, match=r"Rescaling: scale must be a number, or one a channel; got 'half'"):
        layers.Rescaling("half")


# ---- dropout ----


def test_dropout_is_silent_at_prediction():
    layer = layers.Dropout(0.5)
    x = ops.convert_to_tensor(data(4, 5))
    assert layer(x) is x and layer(x, training=False) is x
    assert layers.Dropout(0.0)(x, training=True) is x


@pytest.mark.kernels
def test_dropout_in_training():
    layer = layers.Dropout(0.25, seed=3)
    x = np.ones((400, 100), np.float32)
    first, second = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
    assert set(np.unique(first)) == {0, np.float32(1 / 0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.01
    assert not np.array_equal(first, second)  # every call draws anew
    again = layers.Dropout(0.25, seed=3)
    np.testing.assert_array_equal(again(x, training=True), first)
    assert again.seed_generator.state.tolist() == [3, 1]
    again.seed_generator.state = [3, 0]
    np.testing.assert_array_equal(again(x, training=True), first)


def test_dropout_noise_shape():
    y = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1, None), seed=1)(np.ones((3, 4, 50)), training=True))
    assert np.array_equal(y, np.broadcast_to(y[:, :1], y.shape)) and 0 < (y == 0).mean() < 1
    with pytest.raises(ValueError, match=r"noise_shape \(2, 1\) does not broadcast to the inputs' shape \(3, 4, 50\)"):
        layers.Dropout(0.5, noise_shape=(2, 1))(np.ones((3, 4, 50)), training=True)


def test_dropout_backward_is_the_same_choice():
    layer, x = layers.Dropout(0.4, seed=5), ops.convert_to_tensor(data(6, 7))
    with GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    gradient = np.asarray(tape.gradient(y, x))
    np.testing.assert_allclose(gradient * np.asarray(x), y, rtol=1e-6)


# ---- gradients ----

GRADIENTS = {
    "Dense": (lambda: layers.Dense(3), (4, 5)),
    "Dense of rank 3, gelu": (lambda: layers.Dense(3, activation="gelu"), (2, 3, 4)),
    "Dense, softmax": (lambda: layers.Dense(4, activation="softmax"), (3, 5)),
    "Dense without bias": (lambda: layers.Dense(3, use_bias=False, activation="tanh"), (4, 5)),
    "Conv2D": (lambda: layers.Conv2D(4, 3, activation="sigmoid"), (2, 5, 6, 3)),
    "Conv2D, same, strides": (lambda: layers.Conv2D(4, (3, 2), 2, "same"), (2, 5, 6, 3)),
    "Conv2D, groups, dilation": (lambda: layers.Conv2D(4, 2, groups=2, dilation_rate=2), (2, 5, 6, 4)),
    "Masking": (lambda: layers.Masking(), (7, 3)),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(3, 2, "same"), (2, 5, 6, 3)),
    "AveragePooling2D": (lambda: layers.AveragePooling2D(3, 2, "same"), (2, 5, 6, 3)),
    "GlobalAveragePooling2D": (lambda: layers.GlobalAveragePooling2D(), (2, 4, 5, 3)),
    "GlobalMaxPooling2D": (lambda: layers.GlobalMaxPooling2D(), (2, 4, 5, 3)),
    "Flatten": (lambda: layers.Flatten(), (2, 3, 4)),
    "Reshape": (lambda: layers.Reshape((4, -1)), (2, 3, 4)),
    "Activation": (lambda: layers.Activation("silu"), (3, 4)),
    "Rescaling": (lambda: layers.Rescaling([1.0, -2.0], 3.0), (3, 2)),
    "Conv1D": (lambda: layers.Conv1D(4, 3, 2, "same", activation="relu"), (2, 7, 3)),
    "Conv1D, causal": (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (2, 7, 3)),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(3, 2, "same", 2, activation="tanh"), (2, 5, 6, 3)),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2), (2, 5, 6, 3)),
    "MaxPooling1D": (lambda: layers.MaxPooling1D(3, 2, "same"), (2, 7, 3)),
    "AveragePooling1D": (lambda: layers.AveragePooling1D(3, 2, "same"), (2, 7, 3)),
    "GlobalMaxPooling1D": (lambda: layers.GlobalMaxPooling1D(), (2, 7, 3)),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(), (2, 7, 3)),
    "ReLU": (lambda: layers.ReLU(1.0, 0.1, 0.2), (3, 4)),
    "LeakyReLU": (lambda: layers.LeakyReLU(0.1), (3, 4)),
    "ELU": (lambda: layers.ELU(0.5), (3, 4)),
    "PReLU": (lambda: layers.PReLU("ones", shared_axes=[1]), (3, 4, 2)),
    "Softmax": (lambda: layers.Softmax(), (3, 4)),
    "Softmax of two axes": (lambda: layers.Softmax([1, 2]), (3, 4, 2)),
    "Permute": (lambda: layers.Permute((3, 1, 2)), (2, 3, 4, 5)),
    "RepeatVector": (lambda: layers.RepeatVector(3), (2, 4)),
    "ZeroPadding2D": (lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), (2, 3, 4, 2)),
    "ZeroPadding1D": (lambda: layers.ZeroPadding1D((1, 2)), (2, 3, 2)),
    "Cropping2D": (lambda: layers.Cropping2D(((1, 0), (0, 2))), (2, 3, 4, 2)),
    "Cropping1D": (lambda: layers.Cropping1D((1, 2)), (2, 5, 2)),
    "UpSampling2D": (lambda: layers.UpSampling2D((2, 3)), (2, 3, 4, 2)),
    "UpSampling1D": (lambda: layers.UpSampling1D(3), (2, 3, 2)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (5, 4)),
    "BatchNormalization of axis 1": (lambda: layers.BatchNormalization(1), (2, 3, 4)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (3, 5)),
    "LayerNormalization of two axes": (lambda: layers.LayerNormalization([1, 2]), (2, 3, 4)),
    "LayerNormalization of the middle axis": (lambda: layers.LayerNormalization(1), (2, 3, 4)),
    "RMSNormalization": (lambda: layers.RMSNormalization(), (3, 5)),
    "UnitNormalization": (lambda: layers.UnitNormalization(), (3, 5)),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), (2, 3, 3, 4)),
    "Conv1DTranspose": (lambda: layers.Conv1DTranspose(4, 3, 2, "same", activation="tanh"), (2, 5, 3)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(4, (3, 2), 2, output_padding=1), (2, 3, 4, 3)),
    "DepthwiseConv1D": (lambda: layers.DepthwiseConv1D(3, 2, "same", 2, activation="tanh"), (2, 5, 3)),
    "SeparableConv1D": (lambda: layers.SeparableConv1D(4, 3, depth_multiplier=2), (2, 6, 3)),
    "Normalization": (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.5]), (3, 2)),
    "Normalization, inverted": (lambda: layers.Normalization(None, 1.0, 4.0, invert=True), (3, 2)),
    "CenterCrop": (lambda: layers.CenterCrop(2, 3), (2, 4, 4, 2)),
    "Resizing": (lambda: layers.Resizing(5, 3), (2, 4, 4, 2)),
    "Resizing, cropped": (lambda: layers.Resizing(5, 3, "nearest", crop_to_aspect_ratio=True), (2, 4, 4, 2)),
    "GroupNormalization of axis 1": (lambda: layers.GroupNormalization(2, axis=1), (2, 4, 3)),
    "SimpleRNN, by its cell": (lambda: layers.SimpleRNN(3, activation="gelu"), (2, 4, 3)),
    "GRU, by its cell": (lambda: layers.GRU(3, activation="gelu", reset_after=False, go_backwards=True), (2, 4, 3)),
    "LSTM, by its cell": (lambda: layers.LSTM(3, recurrent_activation="silu", return_sequences=True), (2, 4, 3)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True), "mul"), (2, 4, 3)),
    "StackedRNNCells": (lambda: layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(4)]), (2, 4, 3)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Conv1D(2, 2)), (2, 3, 4, 3)),
    "TimeDistributed, step by step": (lambda: layers.TimeDistributed(layers.BatchNormalization()), (4, 3, 2)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_by_finite_differences(name):
    make, shape = GRADIENTS[name]
    with use_reference():
        layer = make()
        x = Variable(rng.normal(size=shape))
        layer(x)
        variables = [x, *layer.trainable_weights]
        for v in layer.trainable_weights:
            v.assign(rng.normal(size=v.shape))
        weights = rng.normal(size=layer(x).shape)

        def value():
            return float(ops.sum(ops.multiply(layer(x), weights)))

        with GradientTape() as tape:
            y = ops.sum(ops.multiply(layer(x), weights))
        for v, gradient in zip(variables, tape.gradient(y, variables)):
            direction, at = rng.normal(size=v.shape), np.array(v)
            step = 1e-6
            v.assign(at + step * direction)
            above = value()
            v.assign(at - step * direction)
            below = value()
            v.assign(at)
            slope = (above - below) / (2 * step)
            assert np.sum(np.asarray(gradient) * direction) == pytest.approx(slope, rel=1e-6, abs=1e-7), v.path
