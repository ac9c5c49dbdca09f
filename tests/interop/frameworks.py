"""What the comparisons share: a function's values and its gradients in cygrad, in Keras on any backend, in PyTorch.

Gradients are vector-Jacobian products: sums over the function's values, weighted by random numbers, never by ones.
"""

import numpy as np

import cygrad

EPSILON = float(np.finfo(np.float32).eps)


def close(actual, expected, terms=1):
    """Asserts that two arrays agree up to float32's rounding.

    The rounding errors of a sum of random products grow as the root of their number, terms, in units of eps times the
    largest sum; 16 eps more are for the functions around it (exp, tanh: a few eps each, in each framework)."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    largest = np.abs(expected[np.isfinite(expected)], dtype=np.float64).max(initial=0)
    tolerance = (2 * terms**0.5 + 16) * EPSILON
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * largest)


def normal(rng, shape):
    return rng.normal(size=shape).astype(np.float32)


def _listed(y):
    return list(y) if isinstance(y, (list, tuple)) else [y]


def _zeros_for_none(gradients, inputs):
    return [np.zeros_like(x) if g is None else np.asarray(g) for g, x in zip(gradients, inputs)]


def cygrad_vjp(function, inputs, rng, variables=()):
    """(values, the random weights dy, gradients of the inputs and of the variables)."""
    tensors = [cygrad.ops.convert_to_tensor(x) for x in inputs]
    sources = [*tensors, *variables]
    with cygrad.GradientTape() as tape:
        tape.watch(tensors)
        ys = _listed(function(*tensors))
    dys = [normal(rng, y.shape) for y in ys]
    gradients = tape.gradient(ys, sources, output_gradients=[cygrad.ops.convert_to_tensor(dy) for dy in dys])
    return [y.numpy() for y in ys], dys, _zeros_for_none(gradients, sources)


def torch_vjp(function, inputs, dys):
    """(values, gradients of the inputs) for the weights dys."""
    import torch

    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    ys = _listed(function(*tensors))
    torch.autograd.backward(ys, [torch.tensor(dy) for dy in dys])
    gradients = [None if t.grad is None else t.grad.numpy() for t in tensors]
    return [y.detach().numpy() for y in ys], _zeros_for_none(gradients, inputs)


def keras_vjp(function, inputs, dys):
    """torch_vjp for a function in keras.ops, on any backend."""
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        return torch_vjp(function, inputs, dys)
    tensors = [keras.ops.convert_to_tensor(x) for x in inputs]
    weights = [keras.ops.convert_to_tensor(dy) for dy in dys]
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            ys = _listed(function(*tensors))
        gradients = tape.gradient(ys, tensors, weights)
        gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    else:
        import jax

        ys, pull = jax.vjp(lambda *tensors: _listed(function(*tensors)), *tensors)
        gradients = pull(weights)
    return [np.asarray(y) for y in ys], _zeros_for_none(gradients, inputs)


def mlp(module):
    """Tutorial 1's network, in cygrad or Keras."""
    layers = module.layers
    return module.Sequential(
        [
            module.Input((784,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def line(module):
    """Tutorial 2's."""
    layers = module.layers
    return module.Sequential([module.Input((1,)), layers.Dense(1), layers.Dense(1), layers.Dense(1)])


def regression(module):
    """Tutorial 3's."""
    layers = module.layers
    return module.Sequential([module.Input((3,)), layers.Dense(10, activation="relu"), layers.Dense(1)])


def cnn(module):
    """Tutorial 4's."""
    layers = module.layers
    return module.Sequential(
        [
            module.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn224(module):
    """Tutorial 5's."""
    layers = module.layers
    return module.Sequential(
        [
            module.Input((224, 224, 3)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def batches(shape, steps=10, size=32, classes=10):
    """Batches of images that can be learned: a random pattern a class, and noise."""
    rng = np.random.default_rng(7)
    patterns = rng.random((classes, *shape))
    for _ in range(steps):
        y = rng.integers(0, classes, size)
        yield (0.7 * patterns[y] + 0.3 * rng.random((size, *shape))).astype(np.float32), y
