"""What holds for every layer: a batch is its samples, shapes are known before data, inputs stay as they are."""

import copy
import pickle

import numpy as np
import pytest

import cygrad
from cygrad import layers

rng = np.random.default_rng(0)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


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
    "AdaptiveAveragePooling1D": (lambda: layers.AdaptiveAveragePooling1D(3), (7, 3)),
    "AdaptiveAveragePooling2D": (lambda: layers.AdaptiveAveragePooling2D((3, 9)), (6, 7, 3)),
    "AdaptiveMaxPooling1D": (lambda: layers.AdaptiveMaxPooling1D(3), (7, 3)),
    "AdaptiveMaxPooling2D": (lambda: layers.AdaptiveMaxPooling2D((3, 9)), (6, 7, 3)),
    "AutoContrast": (lambda: layers.AutoContrast((0, 1)), (6, 7, 3)),
    "CenterCrop": (lambda: layers.CenterCrop(3, 4), (6, 7, 3)),
    "Resizing": (lambda: layers.Resizing(3, 9), (6, 7, 3)),
}


MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
NOT_ALONE = {"GRUCell", "InputLayer", "LSTMCell", "SimpleRNNCell", "StackedRNNCells", "Wrapper"}

ELSEWHERE = {  # of whole numbers, strings, several tensors, or random: in files of their own
    "CategoryEncoding",
    "Discretization",
    "Hashing",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomSaturation",
    "RandomPosterization",
    "RandomShear",
    "Solarization",
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
@pytest.mark.kernels
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
