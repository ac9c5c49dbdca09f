"""Linear algebra against Keras: values and gradients, or what does not depend on the choice of a sign."""

import numpy as np
import pytest
from frameworks import cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

RNG = np.random.default_rng(0)
SQUARE = normal(RNG, (3, 4, 4)) + 4 * np.eye(4, dtype="float32")
POSITIVE = (SQUARE @ SQUARE.transpose(0, 2, 1)).astype("float32")
LOWER = np.tril(SQUARE)
COLUMN = normal(RNG, (3, 4, 2))
TALL = normal(RNG, (5, 3))

CASES = {
    "cholesky": (lambda ops, a: ops.cholesky(a), [POSITIVE]),
    "det": (lambda ops, a: ops.det(a), [SQUARE]),
    "logdet": (lambda ops, a: ops.logdet(a), [POSITIVE]),
    "slogdet": (lambda ops, a: ops.slogdet(a)[1], [SQUARE]),
    "inv": (lambda ops, a: ops.inv(a), [SQUARE]),
    "solve": (lambda ops, a, b: ops.solve(a, b), [SQUARE, COLUMN]),
    "solve_triangular": (lambda ops, a, b: ops.solve_triangular(a, b, lower=True), [LOWER, COLUMN]),
    "values of eigh": (lambda ops, a: ops.eigh(a)[0], [POSITIVE]),
    "values of svd": (lambda ops, a: ops.svd(a, compute_uv=False), [TALL]),
    "pinv": (lambda ops, a: ops.pinv(a), [TALL]),
    "cholesky_inverse": (lambda ops, a: ops.cholesky_inverse(a), [LOWER]),
    "cholesky_inverse upper": (lambda ops, a: ops.cholesky_inverse(a, upper=True), [np.triu(SQUARE)]),
    "projection of qr": (lambda ops, a: ops.matmul(ops.qr(a)[0], ops.transpose(ops.qr(a)[0])), [TALL]),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    function, inputs = CASES[name]
    ys, dys, gradients = cygrad_vjp(lambda *x: function(cygrad.ops, *x), inputs, np.random.default_rng(1))
    expected, theirs = keras_vjp(lambda *x: function(keras.ops, *x), inputs, dys)
    for a, b in zip(ys, expected):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)
    for a, b in zip(gradients, theirs):
        if name == "cholesky":  # only the lower half is read; how its gradient is shared out is a choice
            a, b = a + a.swapaxes(-1, -2), b + b.swapaxes(-1, -2)
        if name.startswith("cholesky_inverse"):  # one half is read; PyTorch gives the other one a gradient, too
            b = np.where(a == 0, 0, b)
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3 * np.abs(b).max())


def test_lstsq():
    found, expected = (
        np.asarray(m.ops.convert_to_numpy(m.ops.lstsq(TALL, COLUMN[0, :1].repeat(5, 0)))) for m in (cygrad, keras)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_matrix_rank():
    low = TALL @ normal(RNG, (3, 1)) @ normal(RNG, (1, 6))
    for x in (TALL, low, SQUARE):
        found, expected = (np.asarray(m.ops.convert_to_numpy(m.ops.matrix_rank(x))) for m in (cygrad, keras))
        np.testing.assert_array_equal(found, expected)
