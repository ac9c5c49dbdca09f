"""ops.linalg: values against NumPy in batches, gradients by differences, errors."""

import numpy as np
import pytest

from cygrad import GradientTape, ops
from cygrad.ops._backend import use_reference


def matrices(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def positive(*shape):
    a = matrices(*shape)
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])


SQUARE, TALL, WIDE = matrices(2, 4, 4) + 3 * np.eye(4), matrices(2, 5, 3), matrices(3, 5)
CASES = {
    "inv": (ops.inv, [SQUARE]),
    "det": (ops.det, [SQUARE]),
    "slogdet": (lambda x: ops.slogdet(x)[1], [SQUARE]),
    "logdet": (ops.logdet, [positive(2, 3, 3)]),
    "solve": (ops.solve, [SQUARE, matrices(2, 4, 3)]),
    "solve vector": (ops.solve, [SQUARE[0], matrices(4)]),
    "solve_triangular": (ops.solve_triangular, [SQUARE, matrices(2, 4, 3)]),
    "solve_triangular lower": (lambda a, b: ops.solve_triangular(a, b, lower=True), [SQUARE, matrices(2, 4, 3)]),
    "cholesky": (lambda x: ops.cholesky((x + ops.swapaxes(x, -1, -2)) / 2), [positive(2, 4, 4)]),
    "cholesky upper": (lambda x: ops.cholesky((x + ops.swapaxes(x, -1, -2)) / 2, upper=True), [positive(3, 3)]),
    "eigh values": (lambda x: ops.eigh((x + ops.swapaxes(x, -1, -2)) / 2)[0], [positive(2, 4, 4)]),
    "eigh vectors": (lambda x: ops.square(ops.eigh((x + ops.swapaxes(x, -1, -2)) / 2)[1]), [positive(2, 4, 4)]),
    "pinv": (ops.pinv, [TALL]),
    "pinv wide": (ops.pinv, [WIDE]),
    "cholesky_inverse": (ops.cholesky_inverse, [SQUARE]),
    "cholesky_inverse upper": (lambda x: ops.cholesky_inverse(x, upper=True), [SQUARE]),
    "qr q": (lambda x: ops.qr(x)[0], [TALL]),
    "qr r": (lambda x: ops.qr(x)[1], [TALL]),
    "svd values": (lambda x: ops.svd(x, compute_uv=False), [TALL]),
    "svd u": (lambda x: ops.svd(x, full_matrices=False)[0], [TALL]),
    "svd vh": (lambda x: ops.svd(x, full_matrices=False)[2], [WIDE]),
    "svd together": (lambda x: sum(ops.sum(part**3) for part in ops.svd(x, full_matrices=False)), [WIDE]),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_by_differences(name):
    function, inputs = CASES[name]
    rng, step = np.random.default_rng(1), 1e-6
    with use_reference():
        tensors = [ops.convert_to_tensor(x) for x in inputs]
        with GradientTape() as tape:
            for tensor in tensors:
                tape.watch(tensor)
            y = function(*tensors)
        weights = rng.normal(size=y.shape)
        found = tape.gradient(y, tensors, output_gradients=ops.convert_to_tensor(weights))
        directions = [rng.normal(size=x.shape) for x in inputs]
        ends = [
            float(np.sum(weights * np.asarray(function(*[x + sign * step * d for x, d in zip(inputs, directions)]))))
            for sign in (1, -1)
        ]
        slope = sum(float(np.sum(np.asarray(g) * d)) for g, d in zip(found, directions))
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-7)


def close(a, b):
    np.testing.assert_allclose(np.asarray(a), b, rtol=2e-4, atol=2e-4)


def test_values():
    close(ops.inv(SQUARE), np.linalg.inv(SQUARE))
    close(ops.det(SQUARE), np.linalg.det(SQUARE))
    for mine, theirs in zip(ops.slogdet(-SQUARE), np.linalg.slogdet(-SQUARE), strict=True):
        close(mine, theirs)
    close(ops.matmul(ops.cholesky(positive(3, 3)), ops.cholesky(positive(3, 3), upper=True)), positive(3, 3))
    close(ops.lstsq(TALL[0], TALL[1]), np.linalg.lstsq(TALL[0], TALL[1], rcond=None)[0])
    w, v = ops.eigh(positive(4, 4))
    close(v @ ops.expand_dims(w, -1) * 0 + positive(4, 4) @ v, v * w)
    for full in (True, False):
        for x in (TALL, WIDE):
            u, s, vh = (np.asarray(part) for part in ops.svd(x, full_matrices=full))
            k = s.shape[-1]
            close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], x)
    for mode in ("reduced", "complete"):
        q, r = ops.qr(TALL, mode)
        close(ops.matmul(q, r), TALL)
        assert q.shape == (2, 5, 5 if mode == "complete" else 3)


def test_in_a_model():
    from cygrad import Input, Model

    x = Input((3, 3))
    model = Model(x, ops.inv(x))
    close(model.predict(SQUARE[:, :3, :3], verbose=0), np.linalg.inv(SQUARE[:, :3, :3]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.inv(np.zeros((2, 2))), "inv: Singular matrix. Are rows or columns of the matrix dependent"),
        (lambda: ops.inv(np.zeros((2, 3))), r"inv: expected square matrices \[...,N,N\] for x; got shape \(2, 3\)"),
        (lambda: ops.det(np.zeros(3)), "det: expected square matrices"),
        (lambda: ops.cholesky(-np.eye(2)), "cholesky: Matrix is not positive definite. Is it symmetric"),
        (lambda: ops.solve(np.eye(2), np.ones(3)), r"solve: expected b\[...,N,K\] or b\[...,N\]"),
        (lambda: ops.qr(np.eye(2), "raw"), "qr: mode must be 'reduced' or 'complete'; got 'raw'"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
