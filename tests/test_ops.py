"""The ops: gradients by finite differences, and kernels against the reference, for the cases of tests/op_cases."""

import zlib

import numpy as np
import pytest
from cygrad._tensor import GradientTape, Tensor, Variable
from op_cases import CASES
from op_cases.inputs import run

from cygrad import ops
from cygrad.ops._backend import use_reference


def inputs_of(name):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [np.asarray(make(rng), "float32") for make in CASES[name][1:]], rng


@pytest.mark.parametrize("name", CASES)
def test_gradient_by_finite_differences(name):
    arrays, rng = inputs_of(name)
    function = CASES[name][0]
    with use_reference():
        y = run(function, arrays)
        dy = np.asarray(rng.normal(size=y.shape), "float32")
        _, gradients = run(function, arrays, dy)
        for i, gradient in enumerate(gradients):
            direction = rng.normal(size=arrays[i].shape)
            moved = [np.asarray(a, "float64") for a in arrays]
            h = 1e-5
            values = []
            for step in (h, -h):
                moved[i] = arrays[i] + step * direction
                values.append((dy * run(function, moved)).sum())
            np.testing.assert_allclose(
                (gradient * direction).sum(), (values[0] - values[1]) / (2 * h), rtol=2e-6, atol=2e-7
            )


@pytest.mark.parametrize("name", CASES)
def test_kernels_match_the_reference(name):
    arrays, rng = inputs_of(name)
    function = CASES[name][0]
    with use_reference():
        dy = np.asarray(rng.normal(size=run(function, arrays).shape), "float32")
        y, gradients = run(function, arrays, dy)
    found, found_gradients = run(function, arrays, dy)
    for expected, value in zip([y, *gradients], [found, *found_gradients]):
        # sums of up to 100 terms of size 1, each a few roundings from exact; exp and powers stretch the scale
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-5 * max(1, np.abs(expected).max(initial=0) / 10))


@pytest.mark.parametrize("name", CASES)
def test_predicting_gives_the_values_of_training(name):
    arrays, _ = inputs_of(name)
    function = CASES[name][0]
    y = function(*[ops.convert_to_tensor(a) for a in arrays])
    np.testing.assert_allclose(np.asarray(y), run(function, arrays), rtol=1e-5, atol=1e-5)


def test_only_wanted_gradients_are_computed():
    w, frozen = Variable(np.ones((3, 2))), Variable(np.ones((3, 2)), trainable=False)
    with GradientTape(persistent=True) as tape:
        y = ops.dense(np.ones((4, 3)), w)
        z = ops.dense(np.ones((4, 3)), frozen)
    assert tape.gradient(y, w) is not None
    assert tape.gradient(z, frozen) is None


@pytest.mark.kernels
def test_every_op_with_a_gradient_has_a_case():
    """Every op is differentiated above, or stands here."""
    constant = """add_to_gradient all any arange argmax argmin argsort ceil convert_to_numpy convert_to_tensor
        count_nonzero equal eye floor floor_divide
        full full_like greater greater_equal is_tensor isclose isfinite isinf isnan less less_equal linspace logical_and
        logical_not logical_or logical_xor ndim nonzero not_equal one_hot ones ones_like round shape sign size
        stop_gradient sum_of_gradients trunc zeros zeros_like allclose isposinf isneginf identity tri
        argpartition bitwise_and
        bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor digitize dtype empty
        empty_like gcd geomspace in_top_k isin lcm left_shift logspace multi_hot nanargmax nanargmin right_shift
        saturate_cast searchsorted signbit unique unravel_index
        bartlett blackman hamming hanning kaiser"""
    same = "abs hard_swish ravel swish true_divide"  # another name for one that has a case, or a reshape
    same += " associative_scan cond fori_loop map scan switch vectorized_map while_loop"  # loops: test_control
    same += " ctc_decode ctc_loss"  # test_ctc
    same += " cholesky cholesky_inverse det eigh inv logdet lstsq matrix_rank pinv qr slogdet solve"  # test_linalg
    same += " solve_triangular svd"
    covered = {name.split()[0].rstrip(",") for name in CASES}
    assert set(ops.__all__) - set((constant + " " + same).split()) <= covered


@pytest.mark.kernels
def test_results_are_tensors():
    assert isinstance(ops.relu(1.0), Tensor)
    assert ops.sign([-2.0, 3.0]).numpy().tolist() == [-1, 1]
    assert ops.round([0.126], 2).numpy().round(2).tolist() == np.float32([0.13]).tolist()


def test_ops_on_symbolic_tensors_are_calls_of_layers():
    from cygrad.layers import Input

    x = Input((4,))
    y = ops.concatenate([ops.relu(x), x * 2.0, ops.mean(x, axis=1, keepdims=True), ops.split(x, 2, axis=1)[1]], axis=-1)
    assert (ops.shape(x), y.shape) == ((None, 4), (None, 11))
    with pytest.raises(TypeError, match="relu: expected numbers for x; got str"):
        ops.relu("a")
