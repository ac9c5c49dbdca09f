"""Generators of inputs: float32 values, so that kernels and reference see the same numbers; and how a case is run."""

import numpy as np
from cygrad._tensor import GradientTape

from cygrad import ops


def normal(*shape):
    """Values on both sides of 0, none so close to it that a step of a finite difference crosses a kink there."""
    return lambda rng: np.where(rng.random(shape) < 0.5, -1, 1) * (0.1 + np.abs(rng.normal(size=shape)))


def positive(*shape):
    return lambda rng: 0.2 + rng.random(shape)


def distinct(*shape):
    """No two values close to each other: for maxima."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1 - 0.7


def rows(*shape):
    """Rows of probabilities."""
    return lambda rng: (lambda x: x / x.sum(-1, keepdims=True))(0.2 + rng.random(shape))


def run(function, arrays, dy=None):
    """(y, its gradients for dy) as float64 arrays; checks that neither the inputs nor dy are written to."""
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors)
    if dy is None:
        return np.array(y, "float64")
    seed = ops.convert_to_tensor(dy)
    gradients = tape.gradient(y, tensors, output_gradients=seed)
    for array, tensor in zip([*arrays, dy], [*tensors, seed]):
        np.testing.assert_array_equal(np.asarray(array, "float32"), np.asarray(tensor, "float32"))
    for gradient, tensor in zip(gradients, tensors):
        assert gradient.shape == tensor.shape
    return np.array(y, "float64"), [np.array(g, "float64") for g in gradients]
