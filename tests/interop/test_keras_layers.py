"""Layers, activations, regularizers and constraints against Keras, with the same weights and inputs: shapes, values,
and the gradients of the input and of each weight. Runs where Keras is installed."""

import inspect
import math

import numpy as np
import pytest
from frameworks import close, cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

IMAGES, SERIES, ROWS = (2, 11, 9, 6), (2, 9, 6), (3, 7)
NOT_FUNCTIONS = {"deserialize", "get", "serialize"}
WITH_ARGUMENTS = {"threshold"}
DEVIATIONS = {"sparsemax"}  # see test_keras_ops
ACTIVATIONS = sorted({n for n in dir(keras.activations) if n[0] != "_"} - NOT_FUNCTIONS - WITH_ARGUMENTS - DEVIATIONS)


def a_convolution(rng):
    """Arguments of Conv2D and the shape of its input, at random; the window fits in."""
    groups = int(rng.choice([1, 1, 2, 3]))
    strides = tuple(rng.integers(1, 4, 2).tolist())
    dilation_rate = tuple(rng.integers(1, 4, 2).tolist()) if strides == (1, 1) or rng.random() < 0.4 else (1, 1)
    if max(dilation_rate) > 1:
        strides = (1, 1)
    channels = groups * int(rng.integers(1, 5))
    if channels == 1:  # see test_torch's without_onednn, which TensorFlow has, too
        strides = (strides[0], strides[0])
    kernel_size = tuple(rng.integers(1, 6, 2).tolist())
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation_rate)]
    arguments = {
        "filters": groups * int(rng.integers(1, 6)),
        "kernel_size": kernel_size,
        "strides": strides,
        "dilation_rate": dilation_rate,
        "padding": str(rng.choice(["valid", "same"])),
        "groups": groups,
        "use_bias": bool(rng.random() < 0.8),
        "activation": str(rng.choice(["linear", "relu", "tanh", "gelu", "sigmoid"])),
    }
    height, width = (int(rng.integers(span, span + 9)) for span in spans)
    return arguments, (int(rng.integers(1, 4)), height, width, channels)


def a_pool(rng):
    """The same of MaxPooling2D and AveragePooling2D."""
    pool_size = tuple(rng.integers(1, 5, 2).tolist())
    strides = None if rng.random() < 0.3 else tuple(rng.integers(1, 4, 2).tolist())
    arguments = {"pool_size": pool_size, "strides": strides, "padding": str(rng.choice(["valid", "same"]))}
    return arguments, (int(rng.integers(1, 4)), *(int(rng.integers(p, p + 9)) for p in pool_size), 3)


CASES = []
for seed in range(40):
    CASES.append(("Conv2D", *a_convolution(np.random.default_rng(seed))))
for seed in range(15):
    CASES.append(("MaxPooling2D", *a_pool(np.random.default_rng(seed))))
    CASES.append(("AveragePooling2D", *a_pool(np.random.default_rng(100 + seed))))
for activation in sorted({*ACTIVATIONS} - {"glu"}):  # it halves the last axis, which Keras's output shape ignores
    CASES.append(("Dense", {"units": 6, "activation": activation}, ROWS))
    CASES.append(("Activation", {"activation": activation}, SERIES))
for padding in ("valid", "same"):
    for strides in (1, 2, 3):
        window = {"strides": strides, "padding": padding}
        CASES += [
            ("MaxPooling1D", {**window, "pool_size": 3}, SERIES),
            ("AveragePooling1D", {**window, "pool_size": 2}, SERIES),
            ("Conv1D", {**window, "filters": 4, "kernel_size": 3, "groups": 2}, SERIES),
            ("DepthwiseConv2D", {**window, "kernel_size": 3, "depth_multiplier": 2}, IMAGES),
            ("SeparableConv2D", {**window, "filters": 5, "kernel_size": 3, "depth_multiplier": 2}, IMAGES),
        ]
CASES += [
    ("Dense", {"units": 5, "use_bias": False}, ROWS),
    ("Dense", {"units": 5, "activation": "selu"}, SERIES),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, SERIES),
    ("GlobalAveragePooling2D", {}, IMAGES),
    ("GlobalAveragePooling2D", {"keepdims": True}, IMAGES),
    ("GlobalMaxPooling2D", {}, IMAGES),
    ("GlobalMaxPooling2D", {"keepdims": True}, IMAGES),
    ("GlobalAveragePooling1D", {}, SERIES),
    ("GlobalMaxPooling1D", {}, SERIES),
    ("AutoContrast", {"value_range": (-3, 3)}, IMAGES),
    ("AdaptiveAveragePooling1D", {"output_size": 4}, SERIES),
    ("AdaptiveMaxPooling1D", {"output_size": 4}, SERIES),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 4)}, IMAGES),
    ("AdaptiveMaxPooling2D", {"output_size": (3, 4)}, IMAGES),
    ("Flatten", {}, IMAGES),
    ("Flatten", {}, ROWS),
    ("Reshape", {"target_shape": (3, -1)}, SERIES),
    ("Reshape", {"target_shape": (9, 11, 6)}, IMAGES),
    ("Permute", {"dims": (2, 1)}, SERIES),
    ("Permute", {"dims": (3, 1, 2)}, IMAGES),
    ("RepeatVector", {"n": 4}, ROWS),
    ("Identity", {}, ROWS),
    ("ZeroPadding2D", {"padding": ((1, 2), (3, 0))}, IMAGES),
    ("ZeroPadding1D", {"padding": (2, 1)}, SERIES),
    ("Cropping2D", {"cropping": ((1, 2), (3, 0))}, IMAGES),
    ("Cropping1D", {"cropping": (2, 1)}, SERIES),
    ("UpSampling2D", {"size": (2, 3)}, IMAGES),
    ("UpSampling1D", {"size": 2}, SERIES),
    ("ReLU", {}, SERIES),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}, SERIES),
    ("LeakyReLU", {}, SERIES),
    ("ELU", {"alpha": 0.4}, SERIES),
    ("PReLU", {"shared_axes": [1]}, SERIES),
    ("PReLU", {"shared_axes": [1, 2]}, IMAGES),
    ("Softmax", {}, SERIES),
    ("Softmax", {"axis": (1, 2)}, SERIES),
    ("Masking", {"mask_value": -1.0}, SERIES),
    ("Rescaling", {"scale": 0.3, "offset": -1.0}, SERIES),
    ("Dropout", {"rate": 0.4}, SERIES),
    ("SpatialDropout1D", {"rate": 0.4}, SERIES),
    ("SpatialDropout2D", {"rate": 0.4}, IMAGES),
    ("GaussianNoise", {"stddev": 0.4}, SERIES),
    ("GaussianDropout", {"rate": 0.4}, SERIES),
    ("AlphaDropout", {"rate": 0.4}, SERIES),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, SERIES),
    ("BatchNormalization", {}, IMAGES),
    ("BatchNormalization", {"axis": 1, "scale": False}, SERIES),
    ("LayerNormalization", {}, SERIES),
    ("LayerNormalization", {"epsilon": 0.1, "center": False}, IMAGES),
    ("LayerNormalization", {"axis": [1, 2, 3], "scale": False}, IMAGES),
    ("LayerNormalization", {"axis": [-2, -1]}, SERIES),
    ("RMSNormalization", {}, SERIES),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, SERIES),
    ("UnitNormalization", {}, SERIES),
    ("UnitNormalization", {"axis": 1}, SERIES),
    ("GroupNormalization", {"groups": 3}, IMAGES),
    ("GroupNormalization", {"groups": -1, "scale": False}, SERIES),
    ("GroupNormalization", {"groups": 3, "axis": 1, "epsilon": 0.1}, SERIES),
]
for seed in range(20):
    rng = np.random.default_rng(200 + seed)
    strides, dilation = (
        (tuple(rng.integers(1, 4, 2).tolist()), 1) if seed % 2 else (1, tuple(rng.integers(1, 3, 2).tolist()))
    )
    window = {
        "padding": str(rng.choice(["valid", "same"])),
        "strides": strides,
        "dilation_rate": dilation,
        "filters": 4,
    }
    if seed % 4 == 1:
        window["output_padding"] = tuple(int(rng.integers(0, n)) for n in strides)
    window |= {"kernel_size": tuple(rng.integers(1, 5, 2).tolist()), "activation": str(rng.choice(["linear", "tanh"]))}
    CASES.append(("Conv2DTranspose", window, (2, 5, 4, 3)))
    narrow = {k: v[0] if isinstance(v, tuple) else v for k, v in window.items()}
    CASES.append(("Conv1DTranspose", narrow, SERIES))
for padding in ("valid", "same"):
    for strides in (1, 2):
        window = {"padding": padding, "strides": strides, "kernel_size": 3, "depth_multiplier": 2}
        CASES += [("DepthwiseConv1D", window, SERIES), ("SeparableConv1D", {**window, "filters": 5}, SERIES)]
CASES += [
    ("Normalization", {"mean": 0.3, "variance": 2.0}, SERIES),
    ("Normalization", {"axis": (1, 2), "mean": [0.3] * 6, "variance": [2.0] * 6, "invert": True}, SERIES),
    ("Masking", {"mask_value": 0.5}, SERIES),
    ("CenterCrop", {"height": 4, "width": 5}, IMAGES),
    ("CenterCrop", {"height": 14, "width": 5}, IMAGES),
    ("Resizing", {"height": 7, "width": 20}, IMAGES),
    ("Resizing", {"height": 7, "width": 20, "interpolation": "nearest"}, IMAGES),
    ("Resizing", {"height": 7, "width": 20, "crop_to_aspect_ratio": True}, IMAGES),
    ("Resizing", {"height": 7, "width": 20, "pad_to_aspect_ratio": True, "fill_value": 0.5}, IMAGES),
]
MERGING = [(name, {}, SERIES, SERIES) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")]
MERGING += [
    ("Add", {}, SERIES, (2, 1, 6)),
    ("Concatenate", {}, ROWS, (3, 2)),
    ("Concatenate", {"axis": 1}, SERIES, (2, 4, 6)),
    ("Dot", {"axes": (2, 2), "normalize": True}, SERIES, SERIES),
    ("Dot", {"axes": (1, 1)}, SERIES, (2, 9, 3)),
    ("Dot", {"axes": 1}, ROWS, ROWS),
]


RECURRENT = {  # test_keras_recurrent.py
    "Bidirectional", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells",
    "TimeDistributed", "Wrapper",
}  # fmt: skip


def pair(module, name, arguments):
    return [getattr(getattr(package, module), name)(**arguments) for package in (cygrad, keras)]


def same_average(x, pool_size, strides):
    """The mean of what lies inside x: of zeros around it, divided by that of ones. (On PyTorch, Keras repeats the
    border where the padding is not the same on both sides, and averages over that.)"""
    widths = [(0, 0)]
    for size, window, stride in zip(x.shape[1:-1], pool_size, strides or pool_size):
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        widths.append((total // 2, total - total // 2))
    widths.append((0, 0))
    total, count = (
        keras.ops.average_pool(keras.ops.pad(values, widths), pool_size, strides)
        for values in (x, keras.ops.ones_like(x))
    )
    return total / count


def compare(name, arguments, shapes):
    """A layer in both frameworks, with the same random weights and inputs, its output weighted at random."""
    rng = np.random.default_rng(0)
    mine, theirs = pair("layers", name, arguments)
    several = len(shapes) > 1
    given = list(shapes) if several else shapes[0]
    for layer in (mine, theirs):
        layer.build(given)
    assert [w.name for w in mine.trainable_weights] == [w.name for w in theirs.trainable_weights]
    assert [w.shape for w in mine.trainable_weights] == [tuple(w.shape) for w in theirs.trainable_weights]
    inputs, weights = [normal(rng, s) for s in shapes], [normal(rng, w.shape) for w in mine.trainable_weights]
    for variable, weight in zip(mine.trainable_weights, weights):
        variable.assign(weight)
    state = theirs.non_trainable_variables

    def call(*tensors):
        x, w = tensors[: len(shapes)], tensors[len(shapes) :]
        if name.startswith("AveragePooling") and arguments["padding"] == "same":
            return same_average(*x, theirs.pool_size, theirs.strides)
        return theirs.stateless_call(list(w), state, list(x) if several else x[0])[0]

    def own_call(*x):
        return mine(list(x) if several else x[0])

    (y,), dy, gradients = cygrad_vjp(own_call, inputs, rng, mine.trainable_variables)
    (expected,), expected_gradients = keras_vjp(call, inputs + weights, dy)
    assert mine.compute_output_shape(given) == tuple(theirs.compute_output_shape(given)) == expected.shape
    terms = max([math.prod(s[:-1]) for s in shapes] + [math.prod(w.shape[:-1]) for w in weights])
    close(y, expected, terms)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        close(gradient, wanted, terms)


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_layer(name, arguments, shape):
    compare(name, arguments, [shape])


@pytest.mark.parametrize(("name", "arguments", "shape_a", "shape_b"), MERGING)
def test_merging(name, arguments, shape_a, shape_b):
    compare(name, arguments, [shape_a, shape_b])


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", [(7, 5), SERIES, IMAGES])
def test_batch_normalization_in_training(shape, axis, masked):
    """Values, gradients and the moving statistics of three steps; then prediction with them."""
    rng = np.random.default_rng(0)
    mine, theirs = pair("layers", "BatchNormalization", {"axis": axis, "momentum": 0.7, "epsilon": 0.01})
    channels = shape[axis]
    weights = [normal(rng, channels) for _ in range(3)] + [rng.random(channels).astype(np.float32)]
    for layer in (mine, theirs):
        layer.build(shape)
        layer.set_weights(weights)
    state = theirs.non_trainable_variables
    options = {"training": True, **({"mask": rng.random(shape[:-1]) < 0.7} if masked else {})}
    terms = math.prod(shape) // channels
    for _ in range(3):
        x = 2 * normal(rng, shape) + 3
        (y,), dy, gradients = cygrad_vjp(lambda x: mine(x, **options), [x], rng, mine.trainable_variables)
        found = []

        def call(x, gamma, beta, state=state, found=found):
            y, new = theirs.stateless_call([gamma, beta], state, x, **options)
            found[:] = new
            return y

        (expected,), expected_gradients = keras_vjp(call, [x, *weights[:2]], dy)
        state = [keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(keras.ops.stop_gradient(v))) for v in found]
        close(y, expected, terms)
        for gradient, wanted in zip(gradients, expected_gradients, strict=True):
            close(gradient, wanted, terms)
        for variable, wanted in zip(mine.non_trainable_variables, state, strict=True):
            close(variable, keras.ops.convert_to_numpy(wanted), terms)
    x = normal(rng, shape)
    expected = theirs.stateless_call(weights[:2], state, x, training=False)[0]
    close(mine(x, training=False), keras.ops.convert_to_numpy(expected), terms)
    mine.trainable = False
    np.testing.assert_array_equal(mine(x, training=True), mine(x, training=False))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_functions(name):
    rng = np.random.default_rng(1)
    x = 3 * normal(rng, SERIES)
    (y,), dy, (gradient,) = cygrad_vjp(cygrad.activations.get(name), [x], rng)
    (expected,), (expected_gradient,) = keras_vjp(keras.activations.get(name), [x], dy)
    close(y, expected, 6)
    close(gradient, expected_gradient, 6)


RANDOM = {"Brightness", "Contrast", "Crop", "Flip", "Rotation", "Translation", "Zoom", "ColorDegeneration", "Erasing"}
RANDOM |= {"Grayscale", "Hue", "Invert", "Posterization", "Saturation", "Shear"}
RANDOM = {f"Random{name}" for name in RANDOM} | {"Solarization"}
ELSEWHERE = RANDOM | {"Embedding"} | {  # compared by tests of their own, below, in test_keras_attention and _text
    "AdditiveAttention", "Attention", "EinsumDense", "GroupQueryAttention", "Lambda", "MultiHeadAttention",
    "CategoryEncoding", "Discretization", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization",
}  # fmt: skip


@pytest.mark.parametrize("mask_zero", [False, True])
def test_embedding(mask_zero):
    rng = np.random.default_rng(0)
    x, table = rng.integers(0, 11, (5, 7)), normal(rng, (11, 6))
    mine, theirs = pair("layers", "Embedding", {"input_dim": 11, "output_dim": 6, "mask_zero": mask_zero})
    for layer in (mine, theirs):
        layer.build((5, 7))
        layer.set_weights([table])
    (y,), dy, (gradient,) = cygrad_vjp(lambda: mine(x), [], rng, mine.trainable_variables)
    (expected,), (expected_gradient,) = keras_vjp(lambda w: theirs.stateless_call([w], [], x)[0], [table], dy)
    close(y, expected)
    close(gradient, expected_gradient, 35)
    assert mine.compute_output_shape((5, 7)) == tuple(theirs.compute_output_shape((5, 7)))
    if mask_zero:
        mask = keras.ops.convert_to_numpy(theirs.compute_mask(keras.ops.convert_to_tensor(x)))
        np.testing.assert_array_equal(mine.compute_mask(x), mask)


@pytest.mark.parametrize("fill_mode", ["constant", "reflect", "wrap", "nearest"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_affine_transform(fill_mode, interpolation):
    rng = np.random.default_rng(0)
    images = normal(rng, (6, 7, 5, 2))
    transform = np.concatenate([rng.normal(size=(6, 6)) * [1, 1, 6, 1, 1, 6], np.zeros((6, 2))], axis=1).astype(
        "float32"
    )
    transform[:3, [0, 1, 3, 4]] = np.round(transform[:3, [0, 1, 3, 4]] * 4) / 4
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 0.5}
    (y,), dy, (gradient,) = cygrad_vjp(
        lambda x: cygrad.ops.image.affine_transform(x, transform, **options), [images], rng
    )

    def theirs(x):
        return keras.ops.image.affine_transform(x, keras.ops.convert_to_tensor(transform.copy()), **options)

    (expected,), (expected_gradient,) = keras_vjp(theirs, [images], dy)
    close(y, expected, 100)
    close(gradient, expected_gradient, 100)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomTranslation", {"height_factor": (0.2, 0.2), "width_factor": (-0.13, -0.13)}),
        ("RandomRotation", {"factor": (0.07, 0.07)}),
        ("RandomZoom", {"height_factor": (0.3, 0.3)}),
        ("RandomZoom", {"height_factor": (-0.3, -0.3), "width_factor": (0.1, 0.1), "fill_mode": "constant"}),
        ("RandomBrightness", {"factor": (0.2, 0.2), "value_range": (-3, 3)}),
        ("RandomInvert", {"factor": (1, 1), "value_range": (-3, 3)}),
        ("RandomPosterization", {"factor": (3, 3), "value_range": (-4, 4)}),
        ("Solarization", {"value_range": (-4, 4)}),
        ("RandomErasing", {"factor": (1, 1), "scale": (1, 1), "fill_value": 2, "value_range": (-3, 3)}),
        ("RandomShear", {"fill_mode": "nearest"}),
    ],
)
def test_random_layers_without_chance(name, arguments):
    """Where both limits are the same, there is no chance: all images as Keras has them."""
    x = normal(np.random.default_rng(0), IMAGES)
    mine, theirs = pair("layers", name, arguments)
    close(mine(x, training=True), keras.ops.convert_to_numpy(theirs(x, training=True)), 400)


def test_colours():
    x = np.abs(normal(np.random.default_rng(0), (4, 5, 6, 3)))
    for name, arguments in (
        ("RandomGrayscale", {"factor": 1.0}),
        ("RandomColorDegeneration", {"factor": (0.4, 0.4), "value_range": (0, 2)}),
        ("RandomSaturation", {"factor": (0.3, 0.3), "value_range": (0, 1)}),
        ("RandomHue", {"factor": (1, 1), "value_range": (0, 4)}),
    ):
        mine, theirs = pair("layers", name, arguments)
        close(mine(x, training=True), keras.ops.convert_to_numpy(theirs(x, training=True)), 400)


def test_layers_as_data():
    config = cygrad.layers.serialize(cygrad.layers.Dense(3, name="d"))
    assert {**config, "module": 0, "config": 0} == {
        **keras.layers.serialize(keras.layers.Dense(3, name="d")),
        "module": 0,
        "config": 0,
    }
    assert cygrad.layers.deserialize(config).get_config() == cygrad.layers.Dense(3, name="d").get_config()


def test_normalization_adapts():
    x = 3 * normal(np.random.default_rng(0), SERIES) + 1
    for axis in (-1, None, (1, 2)):
        mine, theirs = pair("layers", "Normalization", {"axis": axis})
        for layer in (mine, theirs):
            layer.adapt(x)
        close(mine(x), keras.ops.convert_to_numpy(theirs(x)), 100)
        assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in theirs.weights]


def test_every_layer_is_compared():
    layers = {getattr(cygrad.layers, name).__name__ for name in cygrad.layers.__all__ if name[0].isupper()}
    compared = {case[0] for case in (*CASES, *MERGING)} | ELSEWHERE | RECURRENT
    assert layers - {"Input", "InputLayer", "InputSpec", "Layer"} == compared


@pytest.mark.parametrize(
    ("name", "argument", "mean", "spread"),
    [
        ("Dropout", 0.3, 2.0, 2 * math.sqrt(0.3 / 0.7)),
        ("GaussianDropout", 0.3, 2.0, 2 * math.sqrt(0.3 / 0.7)),
        ("GaussianNoise", 0.3, 2.0, 0.3),
        ("AlphaDropout", 0.3, None, None),
    ],
)
def test_noise_has_keras_moments(name, argument, mean, spread):
    """Random numbers differ; mean and standard deviation of 10^5 of them agree within 1 % or more than 5 sigma."""
    x = np.full((1000, 100), 2.0, np.float32)
    mine, theirs = (
        np.asarray(layer(x, training=True))
        for layer in (getattr(package.layers, name)(argument, seed=3) for package in (cygrad, keras))
    )
    assert mine.mean() == pytest.approx(theirs.mean(), rel=0.01) and mine.std() == pytest.approx(theirs.std(), rel=0.01)
    if mean is not None:
        assert mine.mean() == pytest.approx(mean, rel=0.01) and mine.std() == pytest.approx(spread, rel=0.01)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("L1", {}),
        ("L1", {"l1": 0.3}),
        ("L2", {"l2": 0.3}),
        ("L1L2", {"l1": 0.1, "l2": 0.2}),
        ("OrthogonalRegularizer", {}),
        ("OrthogonalRegularizer", {"factor": 0.2, "mode": "columns"}),
    ],
)
def test_regularizers(name, arguments):
    rng = np.random.default_rng(0)
    w = normal(rng, (4, 3))
    mine, theirs = pair("regularizers", name, arguments)
    (y,), dy, (gradient,) = cygrad_vjp(mine, [w], rng)
    (expected,), (expected_gradient,) = keras_vjp(theirs, [w], dy)
    close(y, expected, w.size)
    close(gradient, expected_gradient, w.size)


def test_losses_of_regularized_layers():
    """Kernel, bias and activity: what fit adds to the loss. Both divide the activity's by the batch's size."""
    options = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}
    rng = np.random.default_rng(0)
    x, weights = normal(rng, ROWS), [normal(rng, (7, 5)), normal(rng, (5,))]
    mine, theirs = pair("layers", "Dense", {"units": 5, **options})
    for layer in (mine, theirs):
        layer.build(ROWS)
        layer.set_weights(weights)
        layer(x)
    close(sorted(map(float, mine.losses)), sorted(float(keras.ops.convert_to_numpy(x)) for x in theirs.losses), 35)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("MaxNorm", {"max_value": 0.5}),
        ("MaxNorm", {"max_value": 0.5, "axis": [0, 1, 2]}),
        ("MinMaxNorm", {"min_value": 0.7, "max_value": 0.8, "rate": 0.5}),
        ("NonNeg", {}),
        ("UnitNorm", {"axis": 1}),
    ],
)
def test_constraints(name, arguments):
    w = normal(np.random.default_rng(0), (4, 3, 2, 2))
    mine, theirs = pair("constraints", name, arguments)
    close(mine(cygrad.Variable(w)), keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(w))), 48)


@pytest.mark.parametrize("name", sorted({case[0] for case in (*CASES, *MERGING)} | ELSEWHERE | RECURRENT))
def test_signatures(name):
    """Every argument of ours is Keras's, in its place and with its default; what Keras has more is named here."""
    mine, theirs = (inspect.signature(getattr(m.layers, name).__init__).parameters for m in (cygrad, keras))
    not_here = {"lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size", "kwargs"}
    not_here |= {"name", "dtype"} - set(mine)  # among our **kwargs, as in most of Keras's layers
    assert [n for n in mine if n != "kwargs"] == [n for n in theirs if n not in not_here]
    for name in set(mine) - {"kwargs"}:
        assert mine[name].default == theirs[name].default, name


@pytest.mark.parametrize(
    "name", ["Dense", "Conv2D", "MaxPooling2D", "ReLU", "PReLU", "GlobalAveragePooling2D", "LeakyReLU"]
)
def test_automatic_names(name):
    arguments = {"Dense": [1], "Conv2D": [1, 1]}.get(name, [])
    mine, theirs = (getattr(m.layers, name)(*arguments).name for m in (cygrad, keras))
    assert mine.rstrip("0123456789").rstrip("_") == theirs.rstrip("0123456789").rstrip("_")
