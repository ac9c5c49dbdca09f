"""Layers: values by NumPy, gradients by finite differences, configurations, errors by text, and the life of a Layer."""

import copy
import gc
import json
import pickle
import threading
import weakref

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Variable, _lookup, activations, config, initializers, layers, ops, random, regularizers
from cygrad.layers.naming import reset_names
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


# ---- a batch is its samples, bit for bit ----

EVERY = {
    "Activation": (lambda: layers.Activation("tanh"), (3, 4)),
    "AveragePooling2D": (lambda: layers.AveragePooling2D(2), (6, 7, 3)),
    "Conv2D": (lambda: layers.Conv2D(5, 3, padding="same", activation="relu"), (6, 7, 3)),
    "Dense": (lambda: layers.Dense(7, activation="relu"), (33,)),
    "Dropout": (lambda: layers.Dropout(0.5), (4,)),
    "Flatten": (lambda: layers.Flatten(), (3, 4)),
    "GlobalAveragePooling2D": (lambda: layers.GlobalAveragePooling2D(), (6, 7, 3)),
    "GlobalMaxPooling2D": (lambda: layers.GlobalMaxPooling2D(), (6, 7, 3)),
    "Masking": (lambda: layers.Masking(), (7, 3)),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(2), (6, 7, 3)),
    "Rescaling": (lambda: layers.Rescaling(0.5, 1.0), (4,)),
    "Reshape": (lambda: layers.Reshape((2, 6)), (3, 4)),
    "ActivityRegularization": (lambda: layers.ActivityRegularization(0.1, 0.2), (4,)),
    "AlphaDropout": (lambda: layers.AlphaDropout(0.5), (4,)),
    "AveragePooling1D": (lambda: layers.AveragePooling1D(2), (7, 3)),
    "Conv1D": (lambda: layers.Conv1D(5, 3, padding="causal", activation="relu"), (9, 3)),
    "Cropping1D": (lambda: layers.Cropping1D(), (7, 3)),
    "Cropping2D": (lambda: layers.Cropping2D(1), (6, 7, 3)),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), (6, 7, 3)),
    "ELU": (lambda: layers.ELU(), (4,)),
    "GaussianDropout": (lambda: layers.GaussianDropout(0.5), (4,)),
    "GaussianNoise": (lambda: layers.GaussianNoise(0.5), (4,)),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(keepdims=True), (7, 3)),
    "GlobalMaxPooling1D": (lambda: layers.GlobalMaxPooling1D(), (7, 3)),
    "Identity": (lambda: layers.Identity(), (4,)),
    "LeakyReLU": (lambda: layers.LeakyReLU(), (4,)),
    "MaxPooling1D": (lambda: layers.MaxPooling1D(2), (7, 3)),
    "PReLU": (lambda: layers.PReLU("ones"), (4, 2)),
    "Permute": (lambda: layers.Permute((2, 1)), (3, 4)),
    "ReLU": (lambda: layers.ReLU(6.0, 0.1, 0.5), (4,)),
    "RepeatVector": (lambda: layers.RepeatVector(3), (4,)),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(5, 3, padding="same"), (6, 7, 3)),
    "Softmax": (lambda: layers.Softmax(), (4,)),
    "SpatialDropout1D": (lambda: layers.SpatialDropout1D(0.5), (4, 3)),
    "SpatialDropout2D": (lambda: layers.SpatialDropout2D(0.5), (4, 5, 3)),
    "UpSampling1D": (lambda: layers.UpSampling1D(), (4, 3)),
    "UpSampling2D": (lambda: layers.UpSampling2D((2, 3)), (4, 5, 3)),
    "ZeroPadding1D": (lambda: layers.ZeroPadding1D((1, 2)), (4, 3)),
    "ZeroPadding2D": (lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), (4, 5, 3)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (6, 7, 3)),
    "GroupNormalization": (lambda: layers.GroupNormalization(3), (6, 7, 6)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (7, 33)),
    "RMSNormalization": (lambda: layers.RMSNormalization(), (7, 33)),
    "UnitNormalization": (lambda: layers.UnitNormalization(), (7, 33)),
    "SimpleRNN": (lambda: layers.SimpleRNN(5, activation="relu"), (7, 3)),
    "GRU": (lambda: layers.GRU(33, return_sequences=True, go_backwards=True), (7, 3)),
    "LSTM": (lambda: layers.LSTM(17), (7, 3)),
    "RNN": (lambda: layers.RNN([layers.GRUCell(4), layers.LSTMCell(5)]), (7, 3)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=True)), (7, 3)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Conv1D(5, 3)), (2, 7, 3)),
    "Conv1DTranspose": (lambda: layers.Conv1DTranspose(5, 3, 2, "same", activation="relu"), (9, 3)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(5, 3, 2, output_padding=1), (6, 7, 3)),
    "DepthwiseConv1D": (lambda: layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2), (6, 3)),
    "SeparableConv1D": (lambda: layers.SeparableConv1D(5, 3, padding="same"), (6, 3)),
    "Normalization": (lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.5, 1.0]), (4, 3)),
    "CenterCrop": (lambda: layers.CenterCrop(3, 4), (6, 7, 3)),
    "Resizing": (lambda: layers.Resizing(3, 9), (6, 7, 3)),
}


MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
NOT_ALONE = {"GRUCell", "InputLayer", "LSTMCell", "SimpleRNNCell", "StackedRNNCells", "Wrapper"}

ELSEWHERE = {  # of whole numbers, of several tensors, or random: test_embedding.py, test_attention.py, test_images.py
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "AdditiveAttention",
    "Attention",
    "EinsumDense",
    "Embedding",
    "Lambda",
    "GroupQueryAttention",
    "MultiHeadAttention",
}


def public_layers():
    found = {getattr(layers, name) for name in layers.__all__}
    return {cls for cls in found if isinstance(cls, type) and issubclass(cls, layers.Layer)} - {layers.Layer}


def test_every_layer_is_in_the_table():
    assert {cls.__name__ for cls in public_layers()} - set(EVERY) == {*NOT_ALONE, *MERGING, *ELSEWHERE}


@pytest.mark.parametrize("name", EVERY)
def test_batched_equals_one_by_one(name):
    make, shape = EVERY[name]
    layer, x = make(), data(5, *shape)
    together = np.asarray(layer(x))
    apart = np.concatenate([np.asarray(layer(x[i : i + 1])) for i in range(5)])
    assert together.tobytes() == apart.tobytes()


@pytest.mark.parametrize("name", EVERY)
def test_shapes_are_as_computed_before_any_data(name):
    make, shape = EVERY[name]
    layer = make()
    assert layer.compute_output_shape((None, *shape)) == (None, *layer(data(3, *shape)).shape[1:])
    symbolic = make()(cygrad.Input(shape))
    assert symbolic.shape == (None, *layer(data(3, *shape)).shape[1:])


@pytest.mark.parametrize("name", EVERY)
def test_inputs_stay_unchanged_and_copies_are_equal(name):
    make, shape = EVERY[name]
    layer, x = make(), data(2, *shape)
    before = x.copy()
    y = np.asarray(layer(x))
    np.testing.assert_array_equal(x, before)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x), y)
        assert other.get_config() == layer.get_config()
        assert all(a is not b for a, b in zip(layer.weights, other.weights))


# ---- configurations ----

SCALED = {
    "center": False,
    "scale": False,
    "beta_initializer": "ones",
    "gamma_initializer": "zeros",
    "beta_regularizer": "l1",
    "gamma_regularizer": "l2",
    "beta_constraint": "non_neg",
    "gamma_constraint": "max_norm",
    "name": "n",
}
TRANSPOSED = {
    "filters": 4,
    "padding": "same",
    "data_format": "channels_last",
    "activation": "tanh",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "bias_regularizer": "l2",
    "activity_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "t",
}
DEPTHWISE = {
    "strides": (2,),
    "padding": "same",
    "depth_multiplier": 2,
    "data_format": "channels_last",
    "dilation_rate": (1,),
    "activation": "tanh",
    "use_bias": False,
    "depthwise_initializer": "he_normal",
    "bias_initializer": "ones",
    "depthwise_regularizer": "l1",
    "bias_regularizer": "l2",
    "activity_regularizer": "l1",
    "depthwise_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "d",
}
FILLED = {"fill_mode": "constant", "interpolation": "nearest", "seed": 3, "fill_value": 2.0}
FILLED |= {"data_format": "channels_last", "name": "r"}
PROJECTED = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "name": "p",
}
HEADED = {**PROJECTED, "dropout": 0.5, "use_bias": False, "sliding_window": 3, "activity_regularizer": "l1"}
HEADED |= {"use_gate": True, "seed": 3}
ARGUMENTS = {
    layers.Conv1DTranspose: {
        **TRANSPOSED,
        "kernel_size": (3,),
        "strides": (3,),
        "dilation_rate": (1,),
        "output_padding": (2,),
    },
    layers.Conv2DTranspose: {
        **TRANSPOSED,
        "kernel_size": (3, 2),
        "strides": (3, 2),
        "dilation_rate": (1, 1),
        "output_padding": (2, 1),
    },
    layers.DepthwiseConv1D: {**DEPTHWISE, "kernel_size": (3,)},
    layers.SeparableConv1D: {
        **DEPTHWISE,
        "filters": 4,
        "kernel_size": (3,),
        "pointwise_initializer": "zeros",
        "pointwise_regularizer": "l2",
        "pointwise_constraint": "unit_norm",
    },
    layers.Normalization: {"axis": (1, 2), "mean": [1.0, 2.0], "variance": [3.0, 4.0], "invert": True, "name": "n"},
    layers.CenterCrop: {"height": 3, "width": 4, "data_format": "channels_last", "name": "c"},
    layers.Resizing: {
        "height": 3,
        "width": 4,
        "interpolation": "nearest",
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": True,
        "fill_mode": "constant",
        "fill_value": 2.0,
        "antialias": False,
        "data_format": "channels_last",
        "name": "r",
    },
    layers.RandomFlip: {"mode": "vertical", "seed": 3, "data_format": "channels_last", "name": "r"},
    layers.RandomTranslation: {"height_factor": 0.3, "width_factor": (-0.1, 0.2), **FILLED},
    layers.RandomRotation: {"factor": (-0.1, 0.2), **FILLED},
    layers.RandomZoom: {"height_factor": 0.3, "width_factor": (-0.1, 0.2), **FILLED},
    layers.RandomCrop: {"height": 3, "width": 4, "seed": 3, "data_format": "channels_last", "name": "r"},
    layers.RandomContrast: {"factor": (0.1, 0.2), "value_range": (0, 1), "seed": 3, "name": "r"},
    layers.RandomBrightness: {"factor": (-0.1, 0.2), "value_range": (0, 1), "seed": 3, "name": "r"},
    layers.Lambda: {
        "function": activations.relu,
        "output_shape": (3,),
        "mask": activations.tanh,
        "arguments": {"negative_slope": 0.5},
        "name": "l",
    },
    layers.EinsumDense: {
        "equation": "abc,cd->abd",
        "output_shape": (None, 3),
        "activation": "gelu",
        "bias_axes": "d",
        **PROJECTED,
    },
    layers.MultiHeadAttention: {
        "num_heads": 2,
        "key_dim": 3,
        "value_dim": 4,
        "output_shape": (5,),
        "attention_axes": (1, 2),
        **HEADED,
    },
    layers.GroupQueryAttention: {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, **HEADED},
    layers.Attention: {"use_scale": True, "score_mode": "concat", "dropout": 0.5, "seed": 3, "name": "a"},
    layers.AdditiveAttention: {"use_scale": False, "dropout": 0.5, "name": "a"},
    layers.Embedding: {
        "input_dim": 3,
        "output_dim": 4,
        "embeddings_initializer": "ones",
        "embeddings_regularizer": "l2",
        "embeddings_constraint": "max_norm",
        "mask_zero": True,
        "name": "e",
    },
    layers.Dense: {
        "units": 3,
        "activation": "gelu",
        "use_bias": False,
        "kernel_initializer": initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4),
        "bias_initializer": "ones",
        "kernel_regularizer": regularizers.L1L2(0.1, 0.2),
        "bias_regularizer": "l1",
        "activity_regularizer": regularizers.L2(0.3),
        "kernel_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "name": "d",
        "trainable": False,
    },
    layers.Conv2D: {
        "filters": 4,
        "kernel_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": (1, 1),
        "groups": 2,
        "activation": "relu",
        "use_bias": False,
        "kernel_initializer": initializers.Orthogonal(0.5, seed=1),
        "bias_initializer": initializers.Constant(0.5),
        "kernel_regularizer": "l2",
        "bias_regularizer": regularizers.L1(0.5),
        "activity_regularizer": "l1",
        "kernel_constraint": cygrad.constraints.UnitNorm(axis=[0, 1, 2]),
        "bias_constraint": cygrad.constraints.MinMaxNorm(0.1, 0.9, 0.5, 0),
        "name": "c",
        "trainable": False,
    },
    layers.MaxPooling2D: {
        "pool_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "name": "m",
    },
    layers.AveragePooling2D: {
        "pool_size": (3, 2),
        "strides": (1, 2),
        "padding": "same",
        "data_format": "channels_last",
        "name": "a",
    },
    layers.GlobalAveragePooling2D: {"data_format": "channels_last", "keepdims": True, "name": "g"},
    layers.GlobalMaxPooling2D: {"data_format": "channels_last", "keepdims": True, "name": "g"},
    layers.Activation: {"activation": "leaky_relu", "name": "act"},
    layers.Flatten: {"data_format": "channels_last", "name": "f"},
    layers.Reshape: {"target_shape": (2, -1), "name": "r"},
    layers.Dropout: {"rate": 0.25, "noise_shape": (None, 1), "seed": 7, "name": "drop"},
    layers.Rescaling: {"scale": [1.0, 2.0], "offset": -1.0, "name": "s"},
    layers.InputLayer: {
        "batch_shape": (None, 3),
        "dtype": "int32",
        "sparse": False,
        "ragged": False,
        "optional": True,
        "name": "i",
    },
}


CONVOLUTION = ARGUMENTS[layers.Conv2D]
DEPTHWISE = {
    **{name: value for name, value in CONVOLUTION.items() if not name.startswith("kernel_") and name != "groups"},
    "kernel_size": (3, 2),
    "depth_multiplier": 2,
    "depthwise_initializer": "he_normal",
    "depthwise_regularizer": "l2",
    "depthwise_constraint": "non_neg",
}
ARGUMENTS |= {
    layers.Conv1D: CONVOLUTION
    | {"kernel_size": (3,), "strides": (2,), "padding": "causal", "dilation_rate": (1,)}
    | {"kernel_constraint": "unit_norm"},
    layers.DepthwiseConv2D: {name: value for name, value in DEPTHWISE.items() if name != "filters"},
    layers.SeparableConv2D: DEPTHWISE
    | {"pointwise_initializer": "ones", "pointwise_regularizer": "l1", "pointwise_constraint": "max_norm"},
    layers.MaxPooling1D: {**ARGUMENTS[layers.MaxPooling2D], "pool_size": (3,), "strides": (1,)},
    layers.AveragePooling1D: {**ARGUMENTS[layers.MaxPooling2D], "pool_size": (3,), "strides": (1,)},
    layers.GlobalAveragePooling1D: ARGUMENTS[layers.GlobalAveragePooling2D],
    layers.GlobalMaxPooling1D: ARGUMENTS[layers.GlobalMaxPooling2D],
    layers.Identity: {"name": "i", "trainable": False},
    layers.Masking: {"mask_value": -1.5, "name": "m", "trainable": False},
    layers.ReLU: {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.5, "name": "r"},
    layers.LeakyReLU: {"negative_slope": 0.1, "name": "r"},
    layers.ELU: {"alpha": 0.5, "name": "r"},
    layers.PReLU: {
        "alpha_initializer": "ones",
        "alpha_regularizer": "l1",
        "alpha_constraint": "non_neg",
        "shared_axes": [1],
        "name": "r",
    },
    layers.Softmax: {"axis": [1, 2], "name": "s"},
    layers.Permute: {"dims": (2, 1), "name": "p"},
    layers.RepeatVector: {"n": 3, "name": "r"},
    layers.ZeroPadding1D: {"padding": (1, 2), "data_format": "channels_last", "name": "z"},
    layers.ZeroPadding2D: {"padding": ((1, 2), (3, 4)), "data_format": "channels_last", "name": "z"},
    layers.Cropping1D: {"cropping": (1, 2), "name": "z"},
    layers.Cropping2D: {"cropping": ((1, 2), (3, 4)), "data_format": "channels_last", "name": "z"},
    layers.UpSampling1D: {"size": 3, "name": "u"},
    layers.UpSampling2D: {"size": (2, 3), "data_format": "channels_last", "interpolation": "nearest", "name": "u"},
    layers.SpatialDropout1D: {"rate": 0.25, "seed": 7, "name": "drop"},
    layers.SpatialDropout2D: {"rate": 0.25, "data_format": "channels_last", "seed": 7, "name": "drop"},
    layers.GaussianDropout: {"rate": 0.25, "seed": 7, "name": "drop"},
    layers.GaussianNoise: {"stddev": 0.25, "seed": 7, "name": "drop"},
    layers.AlphaDropout: {"rate": 0.25, "noise_shape": (None, 1), "seed": 7, "name": "drop"},
    layers.ActivityRegularization: {"l1": 0.25, "l2": 0.5, "name": "a"},
    layers.BatchNormalization: {
        "axis": 1,
        "momentum": 0.5,
        "epsilon": 0.1,
        "moving_mean_initializer": "ones",
        "moving_variance_initializer": "zeros",
        "renorm": False,
        "renorm_clipping": {"rmax": 2.0},
        "renorm_momentum": 0.5,
        "synchronized": False,
        **SCALED,
    },
    layers.GroupNormalization: {"groups": 2, "axis": 1, "epsilon": 0.1, **SCALED},
    layers.LayerNormalization: {"axis": [1, 2], "epsilon": 0.1, **SCALED},
    layers.RMSNormalization: {"axis": [1, 2], "epsilon": 0.1, "name": "n"},
    layers.UnitNormalization: {"axis": [1, 2], "name": "n"},
    **{getattr(layers, name): {"name": "m"} for name in MERGING - {"Concatenate", "Dot"}},
    layers.Concatenate: {"axis": 1, "name": "m"},
    layers.Dot: {"axes": [1, 2], "normalize": True, "name": "m"},
}
CELL = {
    "units": 3,
    "activation": "relu",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": initializers.Orthogonal(0.5, seed=1),
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "recurrent_regularizer": regularizers.L1L2(0.1, 0.2),
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "non_neg",
    "dropout": 0.25,
    "recurrent_dropout": 0.5,
    "seed": 7,
    "name": "r",
}
GATED = CELL | {"recurrent_activation": "hard_sigmoid"}
STEPS = {"return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True, "unroll": True}
RECURRENT = STEPS | {"activity_regularizer": "l1", "zero_output_for_mask": True}
ARGUMENTS |= {
    layers.SimpleRNNCell: CELL,
    layers.GRUCell: GATED | {"reset_after": False},
    layers.LSTMCell: GATED | {"unit_forget_bias": False},
    layers.StackedRNNCells: {"cells": [layers.GRUCell(3), layers.LSTMCell(4)], "name": "s"},
    layers.RNN: STEPS | {"cell": layers.GRUCell(3), "zero_output_for_mask": True, "name": "r"},
    layers.SimpleRNN: CELL | RECURRENT,
    layers.GRU: GATED | RECURRENT | {"reset_after": False},
    layers.LSTM: GATED | RECURRENT | {"unit_forget_bias": False},
    layers.Wrapper: {"layer": layers.Dense(3), "name": "w"},
    layers.TimeDistributed: {"layer": layers.Dense(3), "name": "t"},
    layers.Bidirectional: {
        "layer": layers.LSTM(3),
        "merge_mode": "ave",
        "backward_layer": layers.GRU(3, go_backwards=True),
        "name": "b",
    },
}
REQUIRED = {
    layers.Activation: ["activation"],
    layers.InputLayer: ["batch_shape"],
    layers.Dense: ["units"],
    layers.Embedding: ["input_dim", "output_dim"],
    layers.EinsumDense: ["equation", "output_shape"],
    layers.CenterCrop: ["height", "width"],
    layers.Resizing: ["height", "width"],
    layers.RandomCrop: ["height", "width"],
    layers.RandomTranslation: ["height_factor", "width_factor"],
    layers.RandomZoom: ["height_factor"],
    layers.RandomRotation: ["factor"],
    layers.RandomContrast: ["factor"],
    layers.RandomBrightness: ["factor"],
    layers.Normalization: [],
    layers.Lambda: ["function"],
    layers.MultiHeadAttention: ["num_heads", "key_dim"],
    layers.GroupQueryAttention: ["head_dim", "num_query_heads", "num_key_value_heads"],
    layers.GaussianNoise: ["stddev"],
    layers.Dot: ["axes"],
}
OPTIONAL = (layers.MaxPooling1D, layers.MaxPooling2D)


@pytest.mark.parametrize("cls", ARGUMENTS, ids=lambda cls: cls.__name__)
def test_every_argument_survives_get_config_and_json(cls):
    arguments = ARGUMENTS[cls]
    saved = cls(**arguments).get_config()
    assert set(arguments) <= set(saved)
    again = cls.from_config(json.loads(json.dumps(saved)))
    assert again.get_config() == saved
    for name, value in arguments.items():
        if isinstance(value, (int, float, str, bool)) and not isinstance(saved[name], dict):
            assert saved[name] == value
    names = ["filters", "kernel_size", "pool_size", "rate", "target_shape", "scale", "dims", "n"]
    names += ["units", "cell", "cells", "layer"]
    required = {name: arguments[name] for name in REQUIRED.get(cls, names) if name in arguments and cls not in OPTIONAL}
    defaults = cls(**required).get_config()
    only_choice = {"data_format", "sparse", "ragged", "interpolation", "renorm", "synchronized", "fill_mode"}
    only_choice |= {"antialias", "crop_to_aspect_ratio"}
    same = {name for name in arguments if saved[name] == defaults.get(name)} - set(required) - only_choice
    assert same <= ({"dilation_rate"} if "strides" in arguments else set())  # the values above are no defaults


def test_all_constructor_arguments_are_in_the_table():
    assert public_layers() == set(ARGUMENTS)
    ignored = {"shape", "batch_size", "input_tensor"}  # other ways to say batch_shape
    ignored |= {"weights", "flash_attention", "use_cudnn"}  # first values; which kernel Keras takes
    for cls, arguments in ARGUMENTS.items():
        assert set(_lookup.parameters_of(cls.__init__)) - set(arguments) <= ignored, cls


def test_config_values_are_as_in_keras():
    saved = layers.Dense(3).get_config()
    assert saved["activation"] == "linear"
    assert saved["kernel_initializer"] == {
        "class_name": "GlorotUniform",
        "config": {"seed": None, "input_axes": None, "output_axes": None},
    }
    assert layers.MaxPooling2D().get_config()["strides"] == (2, 2)
    assert layers.Conv2D(1, 3).get_config()["kernel_size"] == (3, 3)


def test_a_function_of_the_users_as_activation():
    def double(x):
        return 2 * x

    layer = layers.Activation(double, name="a")
    saved = layer.get_config()
    assert saved["activation"] == {"class_name": "function", "config": "double"}
    with pytest.raises(ValueError, match="unknown activation 'double'"):
        layers.Activation.from_config(saved)
    from cygrad._lookup import custom_object_scope

    with custom_object_scope({"double": double}):
        assert layers.Activation.from_config(saved).activation is double
    with pytest.raises(NotImplementedError, match="Activation \"b\": the argument 'activation' is a lambda"):
        layers.Activation(lambda x: x, name="b").get_config()


# ---- a layer of the user's, as Keras's guide has them ----


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ComputeSum(layers.Layer):
    def __init__(self, input_dim):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class MLPBlock(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.layers_ = [Linear(width), layers.Activation("relu"), layers.Dropout(0.5, seed=1)]
        self.named = {"out": Linear(1, name="out")}

    def call(self, inputs):
        x = inputs
        for layer in self.layers_:
            x = layer(x)
        return self.named["out"](x)


def test_custom_layer_of_the_guide():
    layer = Linear(4)
    x = data(2, 3)
    assert layer.weights == [] and not layer.built
    y = layer(x)
    w, b = layer.get_weights()
    np.testing.assert_allclose(y, x @ w + b, rtol=1e-5, atol=1e-6)
    assert layer.built and layer.weights[0] is layer.w and layer.weights[1] is layer.b
    assert Linear.from_config(layer.get_config()).units == 4
    assert layer.compute_output_shape((None, 3)) == (None, 4)
    assert layer(cygrad.Input((3,))).shape == (None, 4)


def test_non_trainable_weights_of_the_guide():
    layer = ComputeSum(2)
    x = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), [2, 2])
    np.testing.assert_array_equal(layer(x).numpy(), [4, 4])
    assert len(layer.weights) == len(layer.non_trainable_weights) == 1 and layer.trainable_weights == []


def test_nested_layers_of_the_guide():
    block = MLPBlock(8)
    x = data(5, 3)
    y = block(x)
    assert y.shape == (5, 1)
    assert [w.shape for w in block.weights] == [(3, 8), (8,), (8, 1), (1,)]
    assert len(block.trainable_weights) == 4 and len(block.seed_generators) == 1
    np.testing.assert_array_equal(block(x), y)  # predicting: no dropout
    assert not np.array_equal(block(x, training=True), y)  # `training` reaches the Dropout though call does not name it
    assert block.count_params() == 3 * 8 + 8 + 8 + 1
    with GradientTape() as tape:
        loss = ops.sum(block(x))
    assert all(g is not None for g in tape.gradient(loss, block.trainable_weights))


def test_layers_appended_later_belong_too():
    class Stack(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = []

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    stack = Stack()
    stack.blocks.append(layers.Dense(2))
    stack(data(1, 3))
    assert len(stack.weights) == 2
    stack.blocks.append(layers.Dense(2))
    stack(data(1, 3))
    assert len(stack.weights) == 4


def test_custom_layer_without_get_config():
    class Block(layers.Layer):
        def __init__(self, units, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units * 2  # not what was given: the configuration must hold what was
            self.activation = activation

    saved = Block(3, activation=activations.relu, name="b").get_config()
    assert saved == {"name": "b", "trainable": True, "dtype": "float32", "units": 3, "activation": "relu"}
    assert Block.from_config(saved).get_config() == saved
    with pytest.raises(NotImplementedError, match=r"the argument 'units' is of type ndarray.*override get_config"):
        Block(np.arange(4), name="b").get_config()


def test_subclass_of_a_layer_keeps_all_its_arguments():
    class Doubled(layers.Dense):
        def __init__(self, units, factor=2, **kwargs):
            super().__init__(units * factor, **kwargs)
            self.factor = factor

    class WithConfig(layers.Dense):
        def __init__(self, units, extra=1, **kwargs):
            super().__init__(units, **kwargs)
            self.extra = extra

        def get_config(self):
            return super().get_config() | {"extra": self.extra}

    layer = Doubled(2, factor=3, activation="relu", name="x")
    again = Doubled.from_config(layer.get_config())
    assert (again.units, again.factor, again.activation) == (6, 3, activations.relu)
    again = WithConfig.from_config(WithConfig(2, 5, use_bias=False).get_config())
    assert (again.units, again.extra, again.use_bias) == (2, 5, False)


def test_build_with_a_shape_for_each_argument():
    class Attend(layers.Layer):
        def build(self, query_shape, value_shape):
            self.w = self.add_weight(shape=(query_shape[-1], value_shape[-1]), initializer="ones")

        def call(self, query, value):
            return ops.sum(ops.matmul(query, self.w) * value, axis=-1)

    layer = Attend()
    assert layer(data(2, 3), data(2, 4)).shape == (2,)
    assert Attend()(query=data(2, 3), value=data(2, 4)).shape == (2,)
    assert Attend()(cygrad.Input((3,)), cygrad.Input((4,))).shape == (None,)


def test_inputs_may_be_lists_and_dicts():
    class Sum(layers.Layer):
        def build(self, input_shape):
            self.shapes = input_shape

        def call(self, inputs):
            values = inputs.values() if isinstance(inputs, dict) else inputs
            total = 0.0
            for value in values:
                total = total + value
            return total

    x = data(2, 3)
    layer = Sum()
    np.testing.assert_array_equal(layer([x, x]), x + x)
    assert layer.shapes == [(2, 3), (2, 3)]
    np.testing.assert_array_equal(Sum()({"a": x, "b": x}), x + x)
    assert Sum()([cygrad.Input((3,)), cygrad.Input((3,))]).shape == (None, 3)
    assert Sum().compute_output_shape([(None, 3), (None, 3)]) == (None, 3)


def test_open_axes_stay_open():
    class Twice(layers.Layer):
        def call(self, inputs):
            return ops.concatenate([inputs, inputs], axis=-1)

    assert Twice().compute_output_shape((None, None, 3)) == (None, None, 6)
    assert layers.Conv2D(4, 3, strides=2).compute_output_shape((None, None, 9, 3)) == (None, None, 4, 4)


# ---- calling ----


def test_arrays_lists_and_numbers_become_tensors():
    layer = layers.Dense(2, kernel_initializer="ones")
    for x in (
        np.ones((1, 3)),
        [[1, 1, 1]],
        np.ones((1, 3), np.int64),
        np.asfortranarray(np.ones((1, 3))),
        ops.ones((1, 3)),
    ):
        y = layer(x)
        assert y.dtype == "float32" and y.numpy().tolist() == [[3.0, 3.0]]
    with pytest.raises(TypeError, match="must hold numbers; got an array of <U1, shape"):
        layer(np.array([["a", "b", "c"]]))


def test_integers_reach_call_as_integers():
    seen = []

    class Look(layers.Layer):
        def call(self, inputs):
            seen.append(inputs.dtype)
            return ops.cast(inputs, "float32")

    for dtype in ("int64", "int32", "uint8", "bool", "float64", "float16"):
        Look()(np.ones((2, 2), dtype))
    assert seen == ["int32", "int32", "uint8", "bool", "float32", "float32"]


def test_training_is_inherited_and_may_be_overridden():
    seen = {}

    class Inner(layers.Layer):
        def call(self, x, training=None):
            seen[self.name] = training
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.follows, self.fixed = Inner(name="follows"), Inner(name="fixed")

        def call(self, x):
            return self.follows(self.fixed(x, training=False))

    outer, x = Outer(), data(1, 2)
    for training in (True, False, None):
        outer(x, training=training)
        assert seen == {"follows": training, "fixed": False}
    Inner(name="alone")(x, True)
    assert seen["alone"] is True
    outer(x, training=True)
    Inner(name="after")(x)
    assert seen["after"] is None  # nothing is left of the earlier call


def test_training_default_of_a_layer_counts_outside():
    class Always(layers.Layer):
        def call(self, x, training=True):
            return ops.convert_to_tensor(float(training))

    assert float(Always()(data(1, 1))) == 1.0
    assert float(Always()(data(1, 1), training=False)) == 0.0


def test_the_context_survives_an_error():
    class Fails(layers.Layer):
        def call(self, x, training=None):
            raise RuntimeError("inside")

    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"^inside$"):
            Fails()(data(1, 1), training=True)
    x = ops.ones((1, 2))
    assert layers.Dropout(0.5)(x) is x


def test_threads_do_not_share_training():
    layer, x = layers.Dropout(0.5, seed=1), ops.ones((1, 1000))

    class Holds(layers.Layer):
        def call(self, inputs):
            started.set()
            finish.wait(10)
            return layer(inputs)

    started, finish = threading.Event(), threading.Event()
    results = {}
    thread = threading.Thread(target=lambda: results.update(y=Holds()(x, training=True)))
    thread.start()
    assert started.wait(10)
    assert layer(x) is x
    finish.set()
    thread.join(10)
    assert (np.asarray(results["y"]) == 0).any()


def test_threads_may_meet_at_the_first_call():
    layer, x = layers.Dense(64), data(2, 64)
    barrier, results = threading.Barrier(4), []

    def run():
        barrier.wait()
        results.append(np.asarray(layer(x)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(layer.weights) == 2 and len(results) == 4
    assert all(np.array_equal(r, results[0]) for r in results)


# ---- names, weights, trainable ----


def test_automatic_names_are_keras_names():
    class MyLayerABC(layers.Layer):
        pass

    reset_names()
    names = [layers.Dense(1).name, layers.Dense(1).name, layers.Conv2D(1, 1).name, layers.MaxPooling2D().name]
    assert names == ["dense", "dense_1", "conv2d", "max_pooling2d"]
    assert layers.GlobalAvgPool2D().name == "global_average_pooling2d"
    assert MyLayerABC().name == "my_layer_abc"
    assert cygrad.Input((3,)).name == "input_layer"
    reset_names()
    assert layers.Dense(1).name == "dense"


def test_paths_of_weights():
    outer = MLPBlock(2)
    outer(data(1, 3))
    assert [w.path for w in outer.weights][2:] == [f"{outer.name}/out/variable"] * 2
    layer = layers.Dense(2, name="d")
    layer.build((None, 3))
    assert [w.path for w in layer.weights] == ["d/kernel", "d/bias"]


def test_trainable_reaches_all_below():
    block = MLPBlock(2)
    block(data(1, 3))
    block.trainable = False
    assert block.trainable_weights == [] and len(block.non_trainable_weights) == 4
    assert not any(w.trainable for w in block.weights) and not block.layers_[0].trainable
    block.trainable = True
    assert len(block.trainable_weights) == 4
    block.layers_[0].trainable = False
    assert len(block.trainable_weights) == 2 and len(block.weights) == 4
    frozen = layers.Dense(2, trainable=False)
    frozen(data(1, 3))
    assert frozen.trainable_weights == [] and len(frozen.non_trainable_weights) == 2
    frozen.trainable = True
    assert len(frozen.trainable_weights) == 2
    summed = ComputeSum(2)
    summed.trainable = False
    summed.trainable = True
    assert summed.trainable_weights == []  # made so: stays so


def test_the_order_of_weights_does_not_change_with_trainable():
    class Norm(layers.Layer):
        def build(self, shape):
            self.mean = self.add_weight(name="mean", shape=(1,), initializer="zeros", trainable=False)
            self.gamma = self.add_weight(name="gamma", shape=(1,), initializer="ones")

        def call(self, x):
            return x * self.gamma - self.mean

    layer = Norm()
    layer(data(2, 1))
    assert [w.name for w in layer.weights] == ["gamma", "mean"]
    layer.trainable = False
    assert [w.name for w in layer.weights] == ["gamma", "mean"]


def test_variables_as_attributes_are_weights():
    class Direct(layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = Variable(np.ones(2), name="scale")
            self.more = [Variable(np.zeros(2), name="shift"), {"a": Variable(np.zeros(1), trainable=False)}]

        def call(self, x):
            return x * self.scale + self.more[0]

    layer = Direct()
    assert len(layer.weights) == 3 and len(layer.trainable_weights) == 2
    layer.trainable = False
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_shared_layers_count_once():
    class Shared(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a = self.b = layers.Dense(2)
            self.all = [self.a, self.b]

        def call(self, x):
            return self.a(self.b(x))

    layer = Shared()
    layer(data(1, 2))
    assert len(layer.weights) == 2


def test_get_and_set_weights():
    a, b = layers.Dense(3, name="a"), layers.Dense(3, name="b")
    x = data(2, 4)
    a(x), b(x)
    b.set_weights(a.get_weights())
    np.testing.assert_array_equal(a(x), b(x))
    kernel = a.get_weights()[0]
    kernel[...] = 0  # a copy
    assert a.get_weights()[0].any()
    with pytest.raises(
        ValueError, match=r'Dense "a": expected 2 weights \(a/kernel \(4, 3\), a/bias \(3,\)\); got 1\.'
    ):
        a.set_weights([kernel])
    with pytest.raises(ValueError, match=r'Dense "a": weight a/bias: expected shape \(3,\); got \(4,\)'):
        a.set_weights([np.zeros((4, 3)), np.zeros(4)])
    assert a.get_weights()[0].any()  # nothing was changed by the failed one
    with pytest.raises(ValueError, match=r'Dense "c": expected 0 weights \(none\); got 2\. The layer is not built yet'):
        layers.Dense(3, name="c").set_weights(a.get_weights())
    with pytest.raises(ValueError, match='Dense "c": count_params needs a built layer'):
        layers.Dense(3, name="c").count_params()


def test_shapes_of_a_built_layer():
    layer = layers.Dense(3, name="d")
    with pytest.raises(AttributeError, match="input_shape is not known before the layer is called or built"):
        _ = layer.input_shape
    assert not hasattr(layer, "output_shape")
    layer(data(5, 4))
    assert layer.input_shape == (None, 4) and layer.output_shape == (None, 3)
    assert repr(layer) == "<Dense name=d, built=True>"
    again = layers.Dense(3)
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    assert [w.shape for w in again.weights] == [(4, 3), (3,)]


def test_input_shape_argument_is_kept_for_sequential():
    assert layers.Dense(3, input_shape=(4,))._input_shape_arg == (4,)
    assert layers.Dense(3, input_dim=4)._input_shape_arg == (4,)
    assert layers.Dense(3, batch_input_shape=(None, 4))._input_shape_arg == (4,)


def test_add_weight():
    layer = layers.Layer(name="l")
    v = layer.add_weight(shape=(2, 3), name="v", regularizer="l2", constraint="non_neg")
    assert v.shape == (2, 3) and v.trainable and isinstance(v.regularizer, regularizers.L2)
    assert isinstance(v.constraint, cygrad.constraints.NonNeg)
    assert layer.add_weight("old_order", (2,)).name == "old_order"
    assert layer.add_weight().shape == ()
    count = layer.add_weight(shape=(), dtype="int32", trainable=False, name="count")
    assert count.dtype == "int32" and int(count) == 0
    made = layer.add_weight(shape=(2,), initializer=lambda shape, dtype=None: np.full(shape, 7.0))
    assert made.numpy().tolist() == [7.0, 7.0]
    with pytest.raises(
        ValueError, match=r'Layer "l": the weight \'w\' needs a shape of whole numbers; got \(None, 3\)'
    ):
        layer.add_weight(shape=(None, 3), name="w")
    with pytest.raises(ValueError, match=r"the initializer of 'w' gave shape \(3,\); expected \(2,\)"):
        layer.add_weight(shape=(2,), name="w", initializer=lambda shape, dtype=None: np.zeros(3))


def test_a_failed_build_leaves_nothing_behind():
    class Picky(layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(shape=(2,), initializer="zeros")
            if shape[-1] != 2:
                raise ValueError("only 2")

        def call(self, x):
            return x + self.a

    layer = Picky(name="p")
    with pytest.raises(ValueError, match='Picky "p": only 2'):
        layer(data(1, 3))
    assert not layer.built and layer._trainable_variables == []
    layer(data(1, 2))
    assert len(layer.weights) == 1


# ---- losses ----


def test_losses_of_regularizers_and_their_gradient():
    layer = layers.Dense(2, kernel_regularizer=regularizers.L1L2(0.1, 0.01), bias_regularizer="l2")
    x = data(3, 4)
    layer(x)
    kernel, bias = layer.get_weights()
    expected = [0.1 * np.abs(kernel).sum() + 0.01 * (kernel**2).sum(), 0.01 * (bias**2).sum()]
    np.testing.assert_allclose([float(loss) for loss in layer.losses], expected, rtol=1e-5)
    with GradientTape() as tape:
        total = layer.losses[0]
    gradient = tape.gradient(total, layer.kernel)
    np.testing.assert_allclose(gradient, 0.1 * np.sign(kernel) + 0.02 * kernel, rtol=1e-4, atol=1e-6)
    layer.trainable = False
    assert layer.losses == []
    layer.trainable = True
    assert len(layer.losses) == 2


def test_added_losses_belong_to_the_last_call():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.penalty = Penalty()

        def call(self, x):
            return self.penalty(self.penalty(x))

    other = Penalty()
    other(np.ones((1, 1)))
    layer = Twice()
    for _ in range(3):
        layer(np.ones((2, 2)))
        assert [float(loss) for loss in layer.losses] == [4.0, 4.0]
    assert [float(loss) for loss in other.losses] == [1.0]  # another model's losses stay


def test_activity_regularizer():
    layer = layers.Dense(2, kernel_initializer="ones", activity_regularizer=regularizers.L2(0.5))
    for _ in range(2):
        layer(np.ones((1, 3)))
        assert [float(loss) for loss in layer.losses] == [9.0]


def test_losses_see_layers_added_after():
    class Stack(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2, kernel_regularizer="l2")]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    stack = Stack()
    stack(data(1, 2))
    assert len(stack.losses) == 1
    stack.blocks.append(layers.Dense(2, kernel_regularizer="l2"))
    stack(data(1, 2))
    assert len(stack.losses) == 2
    assert len(copy.deepcopy(stack).losses) == 2


# ---- errors by their text ----


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: layers.Dense(-1), ValueError, "Dense: units must be a positive integer; got -1"),
        (lambda: layers.Dense(2.5), ValueError, "Dense: units must be a positive integer; got 2.5"),
        (lambda: layers.Dense(True), ValueError, "Dense: units must be a positive integer; got True"),
        (lambda: layers.Dense(3, use_bias="no"), ValueError, "Dense: use_bias must be True or False; got 'no'"),
        (
            lambda: layers.Dense(3, activaton="relu"),
            TypeError,
            "Dense: unknown argument 'activaton'. Did you mean 'activation'?",
        ),
        (lambda: layers.Dense(3, activation="rellu"), ValueError, "unknown activation 'rellu'. Did you mean 'relu'"),
        (
            lambda: layers.Dense(3, kernel_initializer="he_norml"),
            ValueError,
            "unknown initializer 'he_norml'. Did you mean 'he_normal'",
        ),
        (lambda: layers.Dense(3, kernel_regularizer="l9"), ValueError, "unknown regularizer 'l9'. Known: L1,"),
        (
            lambda: layers.Dense(3, kernel_constraint="nonneg"),
            ValueError,
            "unknown constraint 'nonneg'. Did you mean 'NonNeg'",
        ),
        (lambda: layers.Dense(3, name="a/b"), ValueError, "Dense: name must be a string without '/'; got 'a/b'"),
        (lambda: layers.Dense(3, trainable=1), ValueError, "Dense: trainable must be True or False; got 1"),
        (lambda: layers.Dense(3, dtype="float16"), ValueError, 'Dense: dtype must be "float32"'),
        (lambda: layers.Conv2D(0, 3), ValueError, "Conv2D: filters must be a positive integer; got 0"),
        (
            lambda: layers.Conv2D(4, (3, 3, 3)),
            ValueError,
            "Conv2D: kernel_size must be an integer or 2 of them, each positive; got (3, 3, 3)",
        ),
        (
            lambda: layers.Conv2D(4, 0),
            ValueError,
            "Conv2D: kernel_size must be an integer or 2 of them, each positive; got 0",
        ),
        (lambda: layers.Conv2D(4, 3, strides="2"), ValueError, "Conv2D: strides must be an integer or 2 of them"),
        (lambda: layers.Conv2D(4, 3, padding="full"), ValueError, "unknown Conv2D padding 'full'. Known: same, valid"),
        (
            lambda: layers.Conv2D(4, 3, data_format="channels_first"),
            ValueError,
            'Conv2D: data_format="channels_first" is not supported',
        ),
        (lambda: layers.Conv2D(4, 3, data_format="NHWC"), ValueError, "unknown Conv2D data_format 'NHWC'"),
        (
            lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2),
            ValueError,
            "strides and dilation_rate cannot both be above 1; got (2, 2) and (2, 2)",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=3),
            ValueError,
            "Conv2D: groups must divide filters; got groups=3 and filters=4",
        ),
        (
            lambda: layers.MaxPooling2D(0),
            ValueError,
            "MaxPooling2D: pool_size must be an integer or 2 of them, each positive; got 0",
        ),
        (
            lambda: layers.AveragePooling2D(2, strides=-1),
            ValueError,
            "AveragePooling2D: strides must be an integer or 2 of them",
        ),
        (
            lambda: layers.GlobalMaxPooling2D(keepdims=1),
            ValueError,
            "GlobalMaxPooling2D: keepdims must be True or False; got 1",
        ),
        (lambda: layers.Dropout(1.0), ValueError, "Dropout: rate must lie in [0, 1); got 1.0"),
        (lambda: layers.Dropout(-0.1), ValueError, "Dropout: rate must lie in [0, 1); got -0.1"),
        (lambda: layers.Dropout(0.5, seed="x"), ValueError, "seed must be an integer or None; got 'x'"),
        (
            lambda: layers.Reshape((-1, -1)),
            ValueError,
            "Reshape: target_shape must hold sizes, at most one of them -1; got (-1, -1)",
        ),
        (lambda: layers.InputLayer(), ValueError, "InputLayer: expected shape (without the batch axis) or batch_shape"),
        (
            lambda: cygrad.Input((3, "x")),
            ValueError,
            "a shape holds whole numbers, and None for what is open; got (None, 3, 'x')",
        ),
        (lambda: cygrad.Input((3,), sparse=True), ValueError, "InputLayer: sparse is not supported"),
        (lambda: cygrad.Input((3,), dtype="complex64"), ValueError, "InputLayer: dtype must be float32, int32"),
    ],
)
def test_wrong_arguments(make, error, text):
    with pytest.raises(error) as raised:
        make()
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("make", "built_for", "called_with", "text"),
    [
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            (1, 9, 9, 3),
            (28, 28, 3),
            'Conv2D "c": expected x[N,H,W,3], as built; got shape (28, 28, 3). Is the batch axis missing?',
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (28, 28, 3),
            'Conv2D "c": expected x[N,H,W,C]; got shape (28, 28, 3). Is the batch axis missing?',
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            (1, 9, 9, 1),
            (32, 28, 28),
            "got shape (32, 28, 28). Is the axis of channels missing?",
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (32, 28, 28),
            "got shape (32, 28, 28). Is the axis of channels missing?",
        ),
        (lambda: layers.Conv2D(2, 3, name="c"), (1, 9, 9, 3), (2, 3, 9, 9), "Do the channels come first?"),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (1, 2, 9, 3),
            'Conv2D "c": conv: the height of the input is 2, less than the window',
        ),
        (
            lambda: layers.Conv2D(2, 3, groups=2, name="c"),
            None,
            (1, 9, 9, 3),
            'Conv2D "c": groups must divide the input\'s channels; got groups=2',
        ),
        (
            lambda: layers.Dense(2, name="d"),
            (1, 784),
            (5, 28, 28),
            'Dense "d": expected x[N,...,784], as built; got shape (5, 28, 28). Is a Flatten layer missing before it?',
        ),
        (
            lambda: layers.Dense(2, name="d"),
            (1, 4),
            (4,),
            'Dense "d": expected x[N,...,4], as built; got shape (4,). Is the batch axis missing?',
        ),
        (lambda: layers.Dense(2, name="d"), (1, 4), (4, 7), "Is x transposed?"),
        (
            lambda: layers.MaxPooling2D(name="m"),
            None,
            (2, 3),
            'MaxPooling2D "m": expected x[N,H,W,C]; got shape (2, 3).',
        ),
        (
            lambda: layers.Reshape((5, 7), name="r"),
            None,
            (1, 4, 5),
            'Reshape "r": x[N,4,5] has 20 values a sample, which do not go into target_shape (5, 7)',
        ),
        (lambda: layers.Flatten(name="f"), None, (), 'Flatten "f": expected x[N'),
    ],
)
def test_wrong_shapes(make, built_for, called_with, text):
    layer = make()
    if built_for:
        layer(np.zeros(built_for))
    with pytest.raises(ValueError) as raised:
        layer(np.zeros(called_with))
    assert text in str(raised.value)


def test_a_wrong_shape_after_a_good_one_of_the_same_call_is_seen():
    layer = layers.Dense(2)
    x = ops.ones((3, 4))
    layer(x), layer(x)
    with pytest.raises(ValueError, match="got shape"):
        layer(ops.ones((3, 5)))
    assert layer(ops.ones((7, 4))).shape == (7, 2)


def test_an_error_inside_names_the_innermost_layer():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = layers.Conv2D(1, 3, name="inner")

        def call(self, x):
            return self.inner(x)

    with pytest.raises(ValueError, match=r'^Conv2D "inner": conv'):
        Outer()(np.zeros((1, 2, 2, 1)))


def test_forgotten_parts_of_a_custom_layer():
    class NoSuper(layers.Layer):
        def __init__(self):
            self.units = 3

    class NoCall(layers.Layer):
        pass

    with pytest.raises(RuntimeError, match=r"NoSuper: its __init__ must begin with super\(\).__init__\(\)"):
        NoSuper()(data(1, 1))
    with pytest.raises(NotImplementedError, match="NoCall has no call method"):
        NoCall()(data(1, 1))


def test_from_config_names_what_it_cannot_take():
    with pytest.raises(TypeError, match=r"Dense.from_config: Dense: unknown argument 'unit'.*'units'"):
        layers.Dense.from_config({"units": 3, "unit": 3})
    with pytest.raises(TypeError, match=r"Dense.from_config: .*missing 1 required positional argument: 'units'"):
        layers.Dense.from_config({"name": "d"})


def test_input_spec():
    class Picky(layers.Layer):
        def __init__(self):
            super().__init__(name="p")
            self.input_spec = layers.InputSpec(shape=(None, 28, 28, 1), allow_last_axis_squeeze=True)

        def call(self, x):
            return x

    Picky()(data(2, 28, 28, 1)), Picky()(data(2, 28, 28))
    with pytest.raises(ValueError, match=r'Picky "p": expected x\[N,28,28,1\]; got shape \(2, 27, 28, 1\)\.'):
        Picky()(data(2, 27, 28, 1))
    spec = layers.InputSpec(min_ndim=2, axes={-1: 4})
    assert repr(spec) == "InputSpec(min_ndim=2, axes={-1: 4})"
    assert spec.accepts((3, 4)) and spec.accepts((None, 4)) and not spec.accepts((4,)) and not spec.accepts((3, 5))


# ---- numbers that went wrong ----


def test_check_numerics_names_the_first_layer():
    class Explodes(layers.Layer):
        def call(self, x):
            return ops.log(x)

    class Net(layers.Layer):
        def __init__(self):
            super().__init__(name="net")
            self.a, self.b, self.c = layers.Dense(3, name="a"), Explodes(name="b"), layers.Dense(2, name="c")

        def call(self, x):
            return self.c(self.b(self.a(x)))

    net = Net()
    net(-np.ones((2, 3)))
    assert config.check_numerics(True) is False
    try:
        net.a.set_weights([np.eye(3), np.zeros(3)])
        with pytest.raises(FloatingPointError) as raised:
            net(-np.ones((2, 3)))
        assert str(raised.value) == (
            'Explodes "b": its output has 6 NaN and 0 infinite among 6 values, shape (2, 3); '
            "its input and its weights are finite"
        )
        with pytest.raises(FloatingPointError, match='Net "net": its input has 0 NaN and 1 infinite among 3 values'):
            net(np.array([[1.0, np.inf, 2.0]]))
        net.a.set_weights([np.full((3, 3), np.nan), np.zeros(3)])
        with pytest.raises(
            FloatingPointError, match=r'Dense "a": its output has 6 NaN .*; so have its weights net/a/kernel'
        ):
            net(np.ones((2, 3)))
    finally:
        assert config.check_numerics(False) is True
    net(np.ones((2, 3)))


# ---- symbolic tensors ----


def test_symbolic_calls_make_a_graph():
    x = cygrad.Input((8, 8, 3), name="image")
    assert (x.shape, x.dtype, x.name) == ((None, 8, 8, 3), "float32", "image")
    conv = layers.Conv2D(4, 3)
    y = conv(x)
    z = layers.Dense(2)(layers.Flatten()(y))
    assert y.shape == (None, 6, 6, 4) and z.shape == (None, 2)
    assert conv.input is x and conv.output is y and conv.built
    assert conv.input_shape == (None, 8, 8, 3) and conv.output_shape == (None, 6, 6, 4)
    assert y._keras_history == (conv, 0, 0)
    conv(cygrad.Input((9, 9, 3)))
    assert len(conv._inbound_nodes) == 2
    assert conv.output is y  # of the first call
    with pytest.raises(AttributeError, match="has had no symbolic call"):
        _ = layers.Dense(2).output


def test_symbolic_operators():
    x, y = cygrad.Input((4,)), cygrad.Input((4,))
    for z, shape in (
        (x + y, (None, 4)),
        (2 * x - y / 3, (None, 4)),
        (-(abs(x) ** 2), (None, 4)),
        (x[:, :2], (None, 2)),
        (np.ones(4) * x, (None, 4)),
        (x @ np.ones((4, 3)), (None, 3)),
    ):
        assert z.shape == shape
    for use in (bool, len, list, np.asarray):
        with pytest.raises(TypeError, match="it is symbolic"):
            use(x)


def test_input_of_a_fixed_batch_and_of_integers():
    x = cygrad.Input((3,), batch_size=5, dtype="int32")
    assert x.shape == (5, 3) and x.dtype == "int32"
    assert cygrad.Input(batch_shape=(2, None)).shape == (2, None)
    assert cygrad.Input(()).shape == (None,)


def test_symbolic_shape_errors_name_the_layer():
    with pytest.raises(
        ValueError, match=r'Dense "d": the weight \'kernel\' needs a shape of whole numbers; got \(None, 3\)'
    ):
        layers.Dense(3, name="d")(cygrad.Input((None,)))
    with pytest.raises(
        ValueError, match=r'Conv2D "c": a window of 3 does not fit axis 1, 2; got shape \(None, 2, 2, 1\)'
    ):
        layers.Conv2D(3, 3, name="c")(cygrad.Input((2, 2, 1)))


def test_layers_leave_no_cycles_of_tensors():
    layer, x = layers.Dense(3, activation="relu"), ops.ones((2, 4))
    layer(x)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            layer(x)
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


def test_unseeded_layers_follow_the_global_seed():
    def values():
        random.set_seed(3)
        layer, drop = layers.Dense(3), layers.Dropout(0.5)
        return np.asarray(layer(np.ones((1, 4)))), np.asarray(drop(np.ones((1, 40)), training=True))

    first, second = values(), values()
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    other = layers.Dense(3)
    other.build((None, 4))
    assert not np.array_equal(other.get_weights()[0], np.zeros((4, 3)))


# ---- memory ----


def test_layers_and_graphs_are_freed_without_the_garbage_collector(monkeypatch):
    def alone():
        layer = layers.Dense(3)
        layer(np.ones((2, 4)))
        return [layer]

    def connected():
        x = cygrad.Input((4,))
        first, second = layers.Dense(3), layers.Dense(3, kernel_regularizer="l2")
        return [first, second, layers.Concatenate()([second(first(x) * 2.0), x])]

    def nested():
        inner = cygrad.Sequential([layers.Dense(3), layers.Dropout(0.5)])
        model = cygrad.Sequential([cygrad.Input((4,)), inner, layers.Dense(2)])
        assert len(model.weights) == 4 and len(model.losses) == 0 and model.seed_generators
        return [model, *model._flatten_layers()]

    gc.collect()
    gc.disable()
    try:
        for make in (alone, connected, nested):
            made = make()
            references = [weakref.ref(thing) for thing in made]
            del made
            assert [reference() for reference in references] == [None] * len(references), make
    finally:
        gc.enable()


def test_a_layer_gives_its_symbolic_output_also_when_nobody_kept_it():
    x = cygrad.Input((4,), name="x")
    layer = layers.Dense(3)
    y = layer(x)
    assert layer.output is y and layer.input is x
    name = y.name
    del y
    again = layer.output
    assert again is layer.output and again.name == name and again.shape == (None, 3)
    assert again._keras_history == (layer, 0, 0)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.output.shape == (None, 3) and copied.output._keras_history.operation is copied
        assert copied.input.name == "x" and copied.input is not x
        assert copied._inbound_nodes[0].layer is copied
