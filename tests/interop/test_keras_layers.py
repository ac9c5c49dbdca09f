"""Layers, activations, regularizers and constraints against Keras, weights and inputs equal. Runs where keras is."""

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

rng = np.random.default_rng(0)
IMAGES, SERIES, ROWS = ((*shape,) for shape in ((2, 11, 9, 6), (2, 9, 6), (3, 7)))

CASES = [("Dense", {"units": 5, "activation": "gelu"}, ROWS), ("Dense", {"units": 5, "activation": "selu"}, SERIES)]
for padding in ("valid", "same"):
    for strides, dilation_rate, groups in ((1, 1, 1), (2, 1, 2), (3, 1, 3), (1, 2, 1), ((2, 3), 1, 1)):
        for kernel_size in (2, 3, (3, 2)):
            window = {
                "kernel_size": kernel_size,
                "strides": strides,
                "dilation_rate": dilation_rate,
                "padding": padding,
            }
            CASES.append(("Conv2D", {**window, "filters": 6, "groups": groups, "activation": "silu"}, IMAGES))
    for strides in (1, 2, 3):
        pool = {"strides": strides, "padding": padding}
        CASES += [
            ("MaxPooling2D", {**pool, "pool_size": 3}, IMAGES),
            ("AveragePooling2D", {**pool, "pool_size": (2, 3)}, IMAGES),
            ("MaxPooling1D", {**pool, "pool_size": 3}, SERIES),
            ("AveragePooling1D", {**pool, "pool_size": 2}, SERIES),
            ("Conv1D", {**pool, "filters": 4, "kernel_size": 3}, SERIES),
            ("DepthwiseConv2D", {**pool, "kernel_size": 3, "depth_multiplier": 2}, IMAGES),
            ("SeparableConv2D", {**pool, "filters": 5, "kernel_size": 3, "depth_multiplier": 2}, IMAGES),
        ]
CASES += [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, SERIES),
    ("GlobalAveragePooling2D", {"keepdims": True}, IMAGES),
    ("GlobalMaxPooling2D", {}, IMAGES),
    ("GlobalAveragePooling1D", {}, SERIES),
    ("GlobalMaxPooling1D", {}, SERIES),
    ("Flatten", {}, IMAGES),
    ("Reshape", {"target_shape": (3, -1)}, SERIES),
    ("Permute", {"dims": (2, 1)}, SERIES),
    ("RepeatVector", {"n": 4}, ROWS),
    ("ZeroPadding2D", {"padding": ((1, 2), (3, 0))}, IMAGES),
    ("ZeroPadding1D", {"padding": (2, 1)}, SERIES),
    ("Cropping2D", {"cropping": ((1, 2), (3, 0))}, IMAGES),
    ("Cropping1D", {"cropping": (2, 1)}, SERIES),
    ("UpSampling2D", {"size": (2, 3)}, IMAGES),
    ("UpSampling1D", {"size": 2}, SERIES),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}, SERIES),
    ("LeakyReLU", {}, SERIES),
    ("ELU", {"alpha": 0.4}, SERIES),
    ("PReLU", {"shared_axes": [1]}, SERIES),
    ("Softmax", {"axis": (1, 2)}, SERIES),
    ("Rescaling", {"scale": 0.3, "offset": -1.0}, SERIES),
]
MERGING = [(name, {}, SERIES, SERIES) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")]
MERGING += [
    ("Concatenate", {"axis": 1}, SERIES, SERIES),
    ("Dot", {"axes": (2, 2), "normalize": True}, SERIES, SERIES),
    ("Dot", {"axes": (1, 1)}, SERIES, (2, 9, 3)),
    ("Dot", {"axes": 1}, ROWS, ROWS),
]
ACTIVATIONS = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "celu",
    "selu",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "gelu",
    "silu",
    "exponential",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "hard_shrink",
    "soft_shrink",
    "tanh_shrink",
    "log_sigmoid",
    "mish",
    "softmax",
    "log_softmax",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "glu",
    "linear",
]


def values(x):
    return keras.ops.convert_to_numpy(x)


def compare(name, arguments, inputs):
    theirs, mine = (getattr(module.layers, name)(**arguments) for module in (keras, cygrad))
    shape = [x.shape for x in inputs] if isinstance(inputs, list) else inputs.shape
    theirs.build(shape)
    mine.build(shape)
    assert [tuple(w.shape) for w in theirs.weights] == [w.shape for w in mine.weights]
    assert [w.name for w in theirs.weights] == [w.name for w in mine.weights]
    weights = [rng.normal(size=w.shape).astype(np.float32) for w in mine.weights]
    theirs.set_weights(weights)
    mine.set_weights(weights)
    expected = values(theirs(inputs))
    assert mine.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape)) == expected.shape
    np.testing.assert_allclose(mine(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_layer(name, arguments, shape):
    if name == "AveragePooling2D" and arguments["padding"] == "same" and keras.backend.backend() == "torch":
        pytest.skip("Keras on torch averages over the padding here; on TensorFlow and JAX it does not, nor do we")
    compare(name, arguments, rng.normal(size=shape).astype(np.float32))


@pytest.mark.parametrize(("name", "arguments", "shape_a", "shape_b"), MERGING)
def test_merging(name, arguments, shape_a, shape_b):
    compare(name, arguments, [rng.normal(size=shape).astype(np.float32) for shape in (shape_a, shape_b)])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    x = (3 * rng.normal(size=SERIES)).astype(np.float32)
    expected = values(keras.activations.get(name)(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose(cygrad.activations.get(name)(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("regularizers", "L1", {"l1": 0.3}),
        ("regularizers", "L2", {"l2": 0.3}),
        ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
        ("regularizers", "OrthogonalRegularizer", {}),
        ("regularizers", "OrthogonalRegularizer", {"mode": "columns"}),
        ("constraints", "MaxNorm", {"max_value": 0.5}),
        ("constraints", "MinMaxNorm", {"min_value": 0.7, "max_value": 0.8, "rate": 0.5}),
        ("constraints", "NonNeg", {}),
        ("constraints", "UnitNorm", {"axis": 1}),
    ],
)
def test_regularizers_and_constraints(module, name, arguments):
    w = rng.normal(size=(4, 3)).astype(np.float32)
    theirs, mine = (getattr(getattr(package, module), name)(**arguments) for package in (keras, cygrad))
    expected = values(theirs(keras.ops.convert_to_tensor(w)))
    np.testing.assert_allclose(mine(cygrad.Variable(w)), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"]
)
def test_initializers_have_keras_spread(name):
    shape = (3, 3, 40, 60)
    theirs = values(getattr(keras.initializers, name)(seed=1)(shape))
    mine = np.asarray(getattr(cygrad.initializers, name)(seed=1)(shape))
    assert mine.std() == pytest.approx(theirs.std(), rel=0.03)
    assert np.abs(mine).max() == pytest.approx(np.abs(theirs).max(), rel=0.01)


@pytest.mark.parametrize("name", sorted({case[0] for case in (*CASES, *MERGING)} | {"Dropout", "GaussianNoise"}))
def test_signatures(name):
    """Every argument of ours is Keras's, in its place and with its default; what Keras has more is named here."""
    import inspect

    theirs, mine = (inspect.signature(getattr(m.layers, name).__init__).parameters for m in (keras, cygrad))
    not_here = {"lora_rank", "lora_alpha", "quantization_config"}
    listed = [n for n in theirs if n not in not_here]
    assert [n for n in mine if n != "kwargs"] == [n for n in listed if n != "kwargs"]
    for parameter in mine.values():
        assert parameter.default == theirs[parameter.name].default, parameter.name


@pytest.mark.parametrize(
    "name", ["Dense", "Conv2D", "MaxPooling2D", "ReLU", "PReLU", "GlobalAveragePooling2D", "LeakyReLU"]
)
def test_automatic_names(name):
    arguments = {"Dense": [1], "Conv2D": [1, 1]}.get(name, [])
    strip = str.rstrip
    theirs, mine = (getattr(m.layers, name)(*arguments).name for m in (keras, cygrad))
    assert strip(strip(mine, "0123456789"), "_") == strip(strip(theirs, "0123456789"), "_")
