"""Activations: formulas in NumPy, gradients by finite differences, names, and what the fused kernels are told."""

import inspect
import math
import pickle

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Variable, activations, layers, ops
from cygrad._lookup import custom_object_scope
from cygrad.ops._backend import use_reference

X = np.array([[-7.0, -2.5, -1.0, -0.4, -1e-3, 0.0, 0.3, 0.9, 2.0, 6.5]])

erf = np.vectorize(math.erf)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(x)),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "exponential": np.exp,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "log_sigmoid": lambda x: np.log(sigmoid(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) / 2, 1)),
    "sparsemax": lambda x: sparsemax(x),
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "glu": lambda x: x[:, :5] * sigmoid(x[:, 5:]),
}


def sparsemax(x):
    """x less what is cut off where values stay above 0, found by halving; rows sum to 1."""
    low, high = x.min(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        inside = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.maximum(x - high, 0)


def test_every_name_has_a_formula_here():
    assert set(activations._TABLE) - set(FORMULAS) == {"threshold"}


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    np.testing.assert_allclose(function(X), FORMULAS[name](X), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(layers.Activation(name)(X), FORMULAS[name](X), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients(name):
    function, rng = activations.get(name), np.random.default_rng(0)
    with use_reference():
        x = Variable(X + 0.01)  # away from the kinks
        weights = rng.normal(size=np.asarray(function(x)).shape)
        with GradientTape() as tape:
            y = ops.sum(ops.multiply(function(x), weights))
        direction, step = rng.normal(size=X.shape), 1e-6
        above, below = (np.sum(FORMULAS[name](X + 0.01 + s * direction) * weights) for s in (step, -step))
        slope = (above - below) / (2 * step)
        assert np.sum(np.asarray(tape.gradient(y, x)) * direction) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    "arguments", [(0.1, None, 0.0), (0.0, 2.0, 0.0), (0.2, 2.0, 0.5), (0.0, None, 0.5), (0.3, 1.0, -0.5)]
)
def test_relu_with_arguments(arguments):
    slope, top, threshold = arguments
    expected = np.where(threshold <= X, np.minimum(X, np.inf if top is None else top), slope * (X - threshold))
    np.testing.assert_allclose(activations.relu(X, *arguments), expected, rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="relu: negative_slope and max_value must not be negative"):
        activations.relu(X, max_value=-1.0)


def test_other_arguments():
    np.testing.assert_allclose(activations.elu(X, alpha=0.5), np.where(X > 0, X, 0.5 * np.expm1(X)), rtol=1e-5)
    np.testing.assert_allclose(activations.celu(X, alpha=2.0), np.where(X > 0, X, 2 * np.expm1(X / 2)), rtol=1e-5)
    np.testing.assert_allclose(activations.leaky_relu(X, negative_slope=0.5), np.where(X > 0, X, X / 2), rtol=1e-6)
    np.testing.assert_allclose(activations.threshold(X, 0.5, 7.0), np.where(X > 0.5, X, 7.0), rtol=1e-6)
    tanh = X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))) / 2
    np.testing.assert_allclose(activations.gelu(X, approximate=True), tanh, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(activations.softmax(X.T, axis=0), softmax(X).T, rtol=1e-5)
    with pytest.raises(ValueError, match=r"celu: alpha must be positive; got 0"):
        activations.celu(X, alpha=0)


def test_defaults_are_kerass():
    defaults = {"negative_slope": 0.2, "alpha": 1.0, "approximate": False, "axis": -1, "b": 4, "threshold": 0.5}
    for name in ("leaky_relu", "elu", "celu", "gelu", "softmax", "log_softmax", "glu", "squareplus", "hard_shrink"):
        for parameter in list(inspect.signature(getattr(activations, name)).parameters.values())[1:]:
            assert parameter.default == defaults[parameter.name], name
    parameters = inspect.signature(activations.relu).parameters
    assert [p.default for p in parameters.values()][1:] == [0.0, None, 0.0]


@pytest.mark.parametrize("name", [n for n in FORMULAS if n not in ("glu",)])
def test_layers_apply_them_fused_or_not(name):
    """The name that a layer gives its op means the same function."""
    layer = layers.Dense(4, activation=name)
    z = np.asarray(layers.Dense(4, kernel_initializer=layer.kernel_initializer)(X), np.float64)
    expected = FORMULAS[name](z)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-4, atol=1e-5)
    with GradientTape():  # recorded: other kernels are fused
        recorded = layer(X)
    np.testing.assert_allclose(recorded, expected, rtol=1e-4, atol=1e-5)


def test_functions_can_be_pickled_and_called_on_symbolic_tensors():
    for name in FORMULAS:
        function = activations.get(name)
        assert pickle.loads(pickle.dumps(function)) is function
        assert function(cygrad.Input((4,))).shape == (None, 2 if name == "glu" else 4)
        assert function(cygrad.Input((None, 4))).shape == (None, None, 2 if name == "glu" else 4)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize(
    "make",
    [
        layers.Activation,
        lambda activation: layers.Dense(6, activation=activation),
        lambda activation: layers.Conv1D(6, 3, activation=activation),
        lambda activation: layers.SeparableConv2D(6, 1, activation=activation),
    ],
)
def test_layers_know_the_shape_that_comes_out(make, name):
    layer = make(name)
    shape = (2, 5, 3, 4) if isinstance(layer, layers.SeparableConv2D) else (2, 5, 4)
    expected = layer(np.ones(shape, np.float32)).shape
    assert layer.compute_output_shape(shape) == expected
    assert layer(cygrad.Input(shape[1:])).shape == (None, *expected[1:])


def test_what_is_fused():
    assert activations.fusable(activations.linear) is None
    for name in ("relu", "gelu", "softmax", "exponential", "tanh"):
        assert activations.fusable(activations.get(name)) == name
    assert activations.fusable(ops.relu) == "relu" and activations.fusable(ops.gelu) is ops.gelu
    assert activations.fusable(activations.mish) is activations.mish


def test_an_activation_may_be_changed_afterwards():
    layer = layers.Dense(3, activation="softmax")
    before = np.asarray(layer(X))
    layer.activation = activations.linear
    np.testing.assert_allclose(softmax(np.asarray(layer(X))), before, rtol=1e-5)


def test_names():
    assert activations.get(None) is activations.linear
    for name in FORMULAS:
        wanted = {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
        assert activations.serialize(activations.get(name)) == wanted
        assert activations.deserialize(activations.serialize(activations.get(name))) is activations.get(name)

    def mine(x):
        return x

    assert activations.get(mine) is mine
    assert activations.serialize(mine) == {"class_name": "function", "config": "mine"}
    assert activations.deserialize(activations.serialize(mine), {"mine": mine}) is mine
    with custom_object_scope({"relu": mine}):
        assert activations.get("relu") is mine
    assert activations.serialize(ops.relu) == "relu"
    with pytest.raises(ValueError, match=r"unknown activation 'sigmod'\. Did you mean 'sigmoid'"):
        activations.get("sigmod")
    with pytest.raises(TypeError, match=r"activation: expected a name, .*; got int"):
        activations.get(3)
