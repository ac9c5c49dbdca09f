"""cygrad.applications against keras.applications: the same layers, the same outputs from weights in Keras's files."""

import json

import numpy as np
import pytest
from frameworks import normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")
pytest.importorskip("h5py", reason="h5py is not installed: Keras can save no weights")

NETWORKS = [
    "VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "InceptionV3",
    "MobileNet", "MobileNetV2", "DenseNet121", "DenseNet169", "DenseNet201", "EfficientNetB0",
    "EfficientNetB3", "Xception",
]  # fmt: skip


def randomized(model, rng):
    """Gives each weight of a Keras model what training could have: no zeros and ones are left."""
    for weight in model.weights:
        value = np.array(weight)
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(0.5, 1.5, value.shape))
        elif value.ndim == 1:
            weight.assign(value + rng.normal(0, 0.2, value.shape))


def assert_equal_outputs(mine, theirs, x):
    """The largest difference is below 1e-4 of the largest value, over up to two hundred layers."""
    expected = keras.ops.convert_to_numpy(theirs(x, training=False))
    actual = mine.predict(x, verbose=0)
    assert actual.shape == expected.shape
    largest = np.abs(expected).max()
    assert np.isfinite(largest) and expected.std() > 1e-3 * largest
    assert np.abs(actual - expected).max() <= 1e-4 * largest


def fresh(name, **arguments):
    cygrad.utils.clear_session()
    return getattr(cygrad.applications, name)(weights=None, **arguments)


def without_top(model):
    """The features of a Keras application: the same layers, but for the pooling or flattening and what is above."""
    names = [layer.name for layer in model.layers]
    head = next(i for i, name in enumerate(names) if name.startswith(("flatten", "avg_pool", "global_average_pooling")))
    return keras.Model(model.input, model.layers[head].input)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_from_keras(name, tmp_path):
    rng = np.random.default_rng(0)
    size = 75 if name in ("InceptionV3", "Xception") else 64
    arguments = {"input_shape": (size, size, 3), "classes": 7, "classifier_activation": None}
    keras.utils.clear_session()
    theirs = getattr(keras.applications, name)(weights=None, **arguments)
    randomized(theirs, rng)
    mine = fresh(name, **arguments)
    assert mine.name == theirs.name
    assert [layer.name for layer in mine.layers] == [layer.name for layer in theirs.layers]
    assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in theirs.weights]
    assert mine.count_params() == theirs.count_params()

    x = normal(rng, (2, size, size, 3))
    theirs.save_weights(tmp_path / "m.weights.h5")
    mine.load_weights(tmp_path / "m.weights.h5")
    assert_equal_outputs(mine, theirs, x)

    theirs.save(tmp_path / "m.h5")
    features = without_top(theirs)
    mine = fresh(name, include_top=False, input_shape=(size, size, 3))
    assert [layer.name for layer in mine.layers] == [layer.name for layer in features.layers]
    mine.load_weights(tmp_path / "m.h5", by_name=True)
    assert_equal_outputs(mine, features, x)


@pytest.mark.parametrize("name", ["MobileNetV2", "InceptionV3"])
def test_every_kind_of_file(name, tmp_path):
    """The weights argument, and order where automatic names differ: bit for bit."""
    keras.utils.clear_session()
    theirs = getattr(keras.applications, name)(weights=None, include_top=False, pooling="max", input_shape=(75, 75, 3))
    randomized(theirs, np.random.default_rng(1))
    theirs.save_weights(tmp_path / "m.weights.h5")
    theirs.save(tmp_path / "m.keras")
    theirs.save(tmp_path / "m.h5")
    make = getattr(cygrad.applications, name)
    make(weights=None, include_top=False)  # so that automatic names go on from there
    for path in tmp_path.iterdir():
        mine = make(weights=path, include_top=False, pooling="max", input_shape=(75, 75, 3))
        for one, other in zip(mine.weights, theirs.weights, strict=True):
            assert (one.numpy() == np.array(other)).all()


@pytest.mark.parametrize(
    ("alpha", "shape", "include_top"),
    [(0.35, (33, 35, 3), False), (1.4, (96, 96, 1), True), (0.75, (None, None, 3), False)],
)
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2"])
def test_mobilenets_widths_and_sizes(name, alpha, shape, include_top):
    arguments = {"alpha": alpha, "input_shape": shape, "include_top": include_top}
    mine, theirs = fresh(name, **arguments), getattr(keras.applications, name)(weights=None, **arguments)
    assert mine.name == theirs.name
    assert mine.output_shape == theirs.output_shape
    assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in theirs.weights]


# ---- files of other models ----


def recurrent(module):
    layers = module.layers
    return module.Sequential(
        [
            module.Input((6,)),
            layers.Embedding(9, 4),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(4, return_sequences=True),
            layers.TimeDistributed(layers.Dense(2)),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(3, use_bias=False),
        ]
    )


def nested(module):
    layers = module.layers
    inner = module.Sequential([module.Input((8, 8, 8)), layers.BatchNormalization(), layers.Dropout(0.5)])
    x = module.Input((8, 8, 2))
    y = layers.Concatenate()([layers.SeparableConv2D(4, 3, padding="same")(x), layers.Conv2D(4, 1)(x)])
    y = inner(layers.Conv2DTranspose(8, 3, padding="same")(y))
    return module.Model(x, layers.Dense(2)(layers.GlobalMaxPooling2D()(y)))


def subclassed(module):
    class Net(module.Model):
        def __init__(self):
            super().__init__()
            self.first = module.layers.Dense(5, activation="tanh")
            self.blocks = [module.layers.Dense(5), module.layers.LayerNormalization(), module.layers.Dense(4)]

        def call(self, inputs):
            x = self.first(inputs)
            for block in self.blocks:
                x = block(x)
            return x

    model = Net()
    model(np.zeros((1, 3), np.float32))
    return model


def transformer(module):
    layers = module.layers
    x = inputs = module.Input((6, 8))
    for options in ({}, {"value_dim": 3, "use_bias": False, "output_shape": 8, "dropout": 0.1}):
        x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4, **options)(x, x)]))
        y = layers.EinsumDense("abc,cd->abd", output_shape=(None, 16), bias_axes="d", activation="gelu")(x)
        x = layers.RMSNormalization()(layers.Add()([x, layers.Dense(8)(y)]))
    x = layers.Add()([x, layers.GroupQueryAttention(4, 4, 2)(x, x)])
    both = [layers.Attention(use_scale=True)([x, x]), layers.AdditiveAttention()([x, x])]
    return module.Model(inputs, layers.Dense(3)(layers.Concatenate()(both)))


def sequences(module):
    layers = module.layers
    return module.Sequential(
        [
            module.Input((12, 8)),
            layers.SeparableConv1D(6, 3),
            layers.DepthwiseConv1D(2),
            layers.GroupNormalization(2),
            layers.PReLU(),
            layers.BatchNormalization(scale=False),
            layers.SimpleRNN(5, return_sequences=True),
            layers.Bidirectional(layers.GRU(3, reset_after=False, return_sequences=True)),
            layers.RNN([layers.LSTMCell(4), layers.GRUCell(5)]),
        ]
    )


def blocks(module):
    """A subclassed model of subclassed layers, in lists and dicts, with a Sequential within."""

    class Block(module.layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = module.layers.MultiHeadAttention(2, 4)
            self.norm = module.layers.LayerNormalization()
            self.feed_forward = module.Sequential([module.layers.Dense(16), module.layers.Dense(8)])

        def call(self, inputs):
            return self.feed_forward(self.norm(inputs + self.attention(inputs, inputs)))

    class Net(module.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(), Block()]
            self.heads = {"one": module.layers.Dense(2), "other": module.layers.Dense(2)}

        def call(self, inputs):
            for block in self.blocks:
                inputs = block(inputs)
            return self.heads["one"](inputs) + self.heads["other"](inputs)

    model = Net()
    model(np.zeros((1, 6, 8), np.float32))
    return model


SAMPLES = {
    recurrent: (6,),
    nested: (8, 8, 2),
    transformer: (6, 8),
    sequences: (12, 8),
    subclassed: (3,),
    blocks: (6, 8),
}


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
@pytest.mark.parametrize("make", SAMPLES)
def test_other_models(make, suffix, tmp_path):
    if suffix == ".h5" and make in (subclassed, blocks):
        pytest.skip("Keras writes no legacy .h5 of a model without a configuration")
    mine, theirs = make(cygrad), make(keras)
    randomized(theirs, np.random.default_rng(2))
    path = tmp_path / f"m{suffix}"
    theirs.save_weights(path) if suffix == ".weights.h5" else theirs.save(path)
    mine.load_weights(path)
    rng = np.random.default_rng(3)
    x = rng.integers(0, 9, (4, 6)) if make is recurrent else normal(rng, (4, *SAMPLES[make]))
    assert_equal_outputs(mine, theirs, x)


# ---- pictures in, classes out ----


@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocess_input(mode, data_format):
    x = np.random.default_rng(4).uniform(0, 255, (2, 3, 5, 3)).astype(np.float32)
    expected = keras.applications.imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    before = x.copy()
    preprocess = cygrad.applications.imagenet_utils.preprocess_input
    for found in (
        preprocess(x, data_format, mode),
        preprocess(cygrad.ops.convert_to_tensor(x), data_format, mode).numpy(),
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert (x == before).all()
    symbol = cygrad.Input((3, 5, 3), dtype="uint8")
    model = cygrad.Model(symbol, preprocess(symbol, data_format, mode))
    whole = x.astype(np.uint8)
    expected = keras.applications.imagenet_utils.preprocess_input(whole.astype(np.float32), data_format, mode)
    np.testing.assert_allclose(model.predict(whole, verbose=0), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "module",
    [
        "vgg16",
        "vgg19",
        "resnet50",
        "resnet",
        "resnet_v2",
        "inception_v3",
        "mobilenet",
        "mobilenet_v2",
        "densenet",
        "efficientnet",
        "xception",
    ],
)
def test_each_module_has_its_own_preprocessing(module):
    x = np.random.default_rng(5).uniform(0, 255, (1, 2, 2, 3)).astype(np.float32)
    mine, theirs = (getattr(package.applications, module) for package in (cygrad, keras))
    np.testing.assert_allclose(mine.preprocess_input(x), theirs.preprocess_input(x.copy()), rtol=1e-5, atol=1e-4)


def test_decode_predictions(tmp_path, monkeypatch):
    table = {str(i): [f"n{i:08}", f"class {i}"] for i in range(1000)}
    path = tmp_path / "index.json"
    path.write_text(json.dumps(table))
    monkeypatch.setattr("keras.src.applications.imagenet_utils.CLASS_INDEX", table)
    preds = np.random.default_rng(6).random((3, 1000))
    expected = keras.applications.imagenet_utils.decode_predictions(preds, top=4)
    assert cygrad.applications.vgg16.decode_predictions(preds, top=4, path=path) == expected
