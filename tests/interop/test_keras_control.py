"""Loops and choices against Keras: the same functions, the same values."""

import numpy as np
import pytest
from frameworks import cygrad_vjp, keras_vjp

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")

CASES = {
    "cond": lambda ops, x: [ops.cond(p, lambda: x + 1, lambda: x * 2) for p in (True, False)],
    "switch": lambda ops, x: [ops.switch(i, [lambda a: a + 1, lambda a: a * 2], x) for i in (0, 1, 5)],
    "while_loop": lambda ops, x: ops.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a * 0.5), (0, x))[1],
    "while_loop with a limit": lambda ops, x: ops.while_loop(
        lambda i, a: i < 4, lambda i, a: (i + 1, a * 0.5), (0, x), maximum_iterations=2
    )[1],
    "fori_loop": lambda ops, x: ops.fori_loop(1, 5, lambda i, a: a * i, x),
    "scan": lambda ops, x: list(ops.scan(lambda total, row: (total + row, total * row), x[0], x)),
    "scan in reverse": lambda ops, x: list(ops.scan(lambda s, row: (s + row, s), x[0], x, reverse=True)),
    "map": lambda ops, x: ops.map(lambda row: ops.sum(row) * row, x),
    "vectorized_map": lambda ops, x: ops.vectorized_map(lambda row: row * 2, x),
    "associative_scan": lambda ops, x: ops.associative_scan(lambda a, b: a + b, x),
    "associative_scan of maxima": lambda ops, x: ops.associative_scan(ops.maximum, x, axis=1),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    results = []
    for package in (cygrad, keras):
        y = CASES[name](package.ops, package.ops.convert_to_tensor(X))
        results.append([np.asarray(package.ops.convert_to_numpy(v)) for v in (y if isinstance(y, list) else [y])])
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


def test_custom_gradient():
    def softplus(ops):
        @ops.custom_gradient
        def function(x):
            e = ops.exp(x)

            def gradient(*dy, upstream=None):
                return (dy[0] if upstream is None else upstream) * 2.0 * (1 - 1 / (1 + e))

            return ops.log(1 + e), gradient

        return function

    ys, dys, gradients = cygrad_vjp(softplus(cygrad.ops), [X], np.random.default_rng(1))
    expected, theirs = keras_vjp(softplus(keras.ops), [X], dys)
    np.testing.assert_allclose(ys[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(gradients[0], theirs[0], rtol=1e-5, atol=1e-6)
