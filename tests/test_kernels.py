"""The compiled kernels: against the reference, for any number of threads, and by the laws that they must keep."""

import contextlib
import hashlib
import math

import numpy as np
import pytest
from embedded import FUSED_HERE, bits
from hypothesis import given, settings
from hypothesis import strategies as st

import cygrad
from cygrad import _core, reference, testing
from cygrad.testing import KernelError, call, cases_of, check_kernel

ISAS = _core.available_isas()
FLAGS = [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", _core.KERNELS)  # outermost: its cases and their reference are made once
def test_kernel_is_its_reference(name, isa, threads):
    check_kernel(name, isa, threads)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", _core.KERNELS)
def test_same_bits_for_any_number_of_threads(name, isa):
    digests = set()
    for threads in (1, 2, 3, 7):
        digest = hashlib.sha256()
        with testing.settings(isa, threads):
            for arguments, _, _ in cases_of(name, quick=False):
                for output in call(name, arguments).values():
                    digest.update(output.tobytes())
        digests.add(digest.digest())
    assert len(digests) == 1


@pytest.mark.skipif(len(FUSED_HERE) < 2, reason="this CPU has one instruction set with fused multiply-adds at most")
@pytest.mark.parametrize("name", _core.KERNELS)
def test_same_bits_on_every_instruction_set_with_fused_multiply_adds(name):
    for arguments, _, _ in cases_of(name, quick=False):
        found = []
        for isa in FUSED_HERE:
            with testing.settings(isa, threads=2):
                found.append(bits(call(name, arguments)))
        assert all(other == found[0] for other in found), testing.describe(arguments)


def test_python_m_cygrad_testing(capsys):
    from cygrad.testing.__main__ import main

    assert main(["--kernel", "re[ld]u*", "--isa", "baseline", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["cygrad", "activation", "integer", "reduce", "scan"]
    assert all(line.endswith("ok") for line in lines[1:])
    with pytest.raises(SystemExit):
        main(["--kernel", "no_such_kernel"])


# ---- the checks can fail: wrong kernels are caught ----


def spoiled(name, change):
    """The kernel, with its arguments changed by change before (where it returns arguments) or its outputs after."""

    def kernel(*arguments):
        named = dict(zip([p[1] for p in _core.KERNELS[name]], arguments))
        before = change(named, "before") or named
        getattr(_core, name)(*before.values())
        change(named, "after")

    return kernel


def after(edit):
    return lambda a, when: edit(a) if when == "after" else None


def before(**replaced):
    return lambda a, when: {**a, **{k: f(a) for k, f in replaced.items()}} if when == "before" else None


def last(key, value):
    """Sets or changes the last value of an output."""

    def edit(a):
        if a[key].size:
            a[key].reshape(-1)[-1] = value(a[key].reshape(-1)[-1]) if callable(value) else value

    return after(edit)


def outside(key):
    def edit(a):
        memory, size = a[key].base, a[key].size
        start = (a[key].ctypes.data - memory.ctypes.data) // a[key].itemsize
        memory[start + size] = 1

    return after(edit)


def touched(key):
    def edit(a):
        if a[key].size:
            a[key].reshape(-1)[0] += 1

    return after(edit)


MUTATIONS = [
    ("matmul", before(bias=lambda a: None), "y"),
    ("matmul", before(activation=lambda a: 0), "y"),
    ("matmul", before(K=lambda a: max(0, a["K"] - 1)), "y"),
    ("matmul", last("y", np.nan), "y"),
    ("matmul", last("y", lambda v: v * np.float32(1.0001)), "y"),
    ("matmul", outside("y"), "wrote outside its output y"),
    ("matmul", touched("b"), "changed its input b"),
    ("conv2d_forward", before(pad_top=lambda a: a["pad_top"] + 1), "y"),
    ("conv2d_forward", before(stride_h=lambda a: a["stride_w"], stride_w=lambda a: a["stride_h"]), "y"),
    ("conv2d_forward", before(dilation_h=lambda a: a["dilation_w"], dilation_w=lambda a: a["dilation_h"]), "y"),
    ("conv2d_backward_input", after(lambda a: np.negative(a["dx"], out=a["dx"])), "dx"),
    ("conv2d_backward_kernel", before(N=lambda a: max(0, a["N"] - 1)), "dkernel"),
    ("conv2d_backward_kernel", outside("dkernel"), "wrote outside its output dkernel"),
    ("max_pool2d_forward", last("argmax", lambda v: v ^ 1), "argmax"),
    ("average_pool2d_forward", after(lambda a: np.multiply(a["y"], 0.999, out=a["y"])), "y"),
    ("relu_backward", before(n=lambda a: max(0, a["n"] - 1)), "dx"),
    ("sigmoid_forward", after(lambda a: np.multiply(a["y"], np.float32(1 + 1e-6), out=a["y"])), "y"),
    ("add", before(b=lambda a: a["a"], strides_b=lambda a: a["strides_a"]), "y"),
    ("scatter_strided", before(offset=lambda a: 0), "y"),
    ("gather_rows", before(index=lambda a: np.clip(a["index"], 0, max(0, a["rows"] - 1))), "no IndexError"),
    ("reduce_sum", before(scale=lambda a: 1.0), "y"),
    ("reduce_max", before(y=lambda a: None), "y"),
    ("softmax_backward", before(dy=lambda a: -a["dy"]), "dx"),
    ("batch_normalization_forward", before(momentum=lambda a: 1 - a["momentum"]), "moving_mean"),
    ("batch_normalization_forward", before(epsilon=lambda a: 2 * a["epsilon"]), "y|rstd"),
    ("batch_normalization_backward", before(dy=lambda a: -a["dy"]), "dx"),
    ("batch_normalization_backward", before(mean=lambda a: 1.001 * a["mean"]), "dx|dscale"),
    ("batch_normalization_inference_forward", before(offset=lambda a: None), "y"),
    ("batch_normalization_inference_backward", last("dvariance", lambda v: -v), "dvariance"),
    ("layer_normalization_forward", last("mean", lambda v: v * np.float32(1.001)), "mean"),
    ("layer_normalization_backward", before(scale=lambda a: None), "dx"),
    ("layer_normalization_backward", last("doffset", lambda v: v * np.float32(1.001)), "doffset"),
    ("rms_normalization_backward", after(lambda a: np.multiply(a["dx"], 0.999, out=a["dx"])), "dx"),
    ("adam_step", before(step=lambda a: a["step"] + 1), "w"),
    ("adam_step", before(vhat=lambda a: None), "vhat|w"),
    ("sgd_step", before(nesterov=lambda a: 1 - a["nesterov"]), "w"),
    ("dropout", before(counter=lambda a: (a["counter"] + 1) % 2**64), "y"),
]


@pytest.mark.parametrize("i", range(len(MUTATIONS)), ids=lambda i: f"{MUTATIONS[i][0]}-{i}")
def test_a_wrong_kernel_is_caught(i):
    name, change, message = MUTATIONS[i]
    with pytest.raises(KernelError, match=rf"^{name}: .*({message})"):
        check_kernel(name, kernel=spoiled(name, change))


@pytest.mark.parametrize("name", _core.KERNELS)
def test_a_kernel_that_writes_nothing_is_caught(name):
    with pytest.raises(KernelError):
        check_kernel(name, kernel=lambda *arguments: None)


# ---- matmul ----


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("K", [0, 1, 2, 7, 64, 300])
@pytest.mark.parametrize("transpose_a, transpose_b", FLAGS)
def test_matmul_at_every_tile_edge(isa, K, transpose_a, transpose_b):
    most_rows, most_cols = 15, 33  # the largest register tile has 14 rows and 32 columns
    rng = np.random.default_rng(K)
    a = rng.standard_normal((most_rows, K)).astype(np.float32)
    b = rng.standard_normal((K, most_cols)).astype(np.float32)
    bias = rng.standard_normal(most_cols).astype(np.float32)
    exact, size = a.astype(float) @ b.astype(float), np.abs(a) @ np.abs(b) + np.abs(bias)
    allowed = 2 * (4 + math.sqrt(K)) * testing.EPSILON * (1 + size)
    with testing.settings(isa, 1):
        for m in range(1, most_rows + 1):
            left = np.ascontiguousarray(a[:m].T if transpose_a else a[:m])
            for n in range(1, most_cols + 1):
                right = np.ascontiguousarray(b[:, :n].T if transpose_b else b[:, :n])
                memory = np.full(m * n + 32, np.nan, np.float32)
                y = memory[16:-16]
                for with_bias, activation in ((True, 0), (False, 1), (True, 6)):
                    y[:] = np.nan
                    chosen = bias[:n].copy() if with_bias else None
                    _core.matmul(y, left, right, chosen, m, n, K, transpose_a, transpose_b, activation)
                    want = exact[:m, :n] + (chosen if with_bias else 0)
                    want = np.tanh(want) if activation == 6 else np.maximum(want, 0) if activation else want
                    error = np.abs(y.reshape(m, n) - want)
                    assert (error <= allowed[:m, :n]).all(), (m, n, with_bias, activation)
                assert np.isnan(memory[:16]).all() and np.isnan(memory[-16:]).all(), (m, n)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "M, N, K", [(1, 1500, 1100), (1100, 1, 1500), (517, 389, 1031), (40, 2000, 333), (1999, 37, 301)]
)
@pytest.mark.parametrize("transpose_a, transpose_b", FLAGS)
def test_large_matmul_times_a_vector(isa, M, N, K, transpose_a, transpose_b):
    """(a b) v must be a (b v), which costs O(n^2)."""
    rng = np.random.default_rng(M)
    a = rng.standard_normal((M, K)).astype(np.float32)
    b = rng.standard_normal((K, N)).astype(np.float32)
    v = rng.standard_normal(N)
    y = np.full((M, N), np.nan, np.float32)
    left, right = np.ascontiguousarray(a.T if transpose_a else a), np.ascontiguousarray(b.T if transpose_b else b)
    with testing.settings(isa, 2):
        _core.matmul(y, left, right, None, M, N, K, transpose_a, transpose_b, 0)
    want = a.astype(float) @ (b.astype(float) @ v)
    # each y is wrong by about sqrt(K) eps sqrt(K); N of them, times v, add up like a random walk
    assert np.abs(y.astype(float) @ v - want).max() < 4 * testing.EPSILON * K * math.sqrt(N)


# ---- a batch is its rows ----


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", range(1, len(testing.ENTRIES["conv2d_forward"].cases), 3))
def test_batch_of_two_images_is_one_and_one(isa, case):
    parameters = {**testing.ENTRIES["conv2d_forward"].cases[case], "N": 2}
    for name, output, inputs in (
        ("conv2d_forward", "y", ("x",)),
        ("conv2d_backward_input", "dx", ("dy",)),
    ):
        both = testing.make_arguments(name, **parameters)
        with testing.settings(isa, 2):
            _core_call(name, both)
            for i in range(2):
                one = {**both, "N": 1, output: np.empty_like(both[output][:1])}
                one.update({k: both[k][i : i + 1].copy() for k in inputs})
                _core_call(name, one)
                assert one[output].tobytes() == both[output][i : i + 1].tobytes(), name


def _core_call(name, arguments):
    getattr(_core, name)(*arguments.values())


@pytest.mark.parametrize("isa", ISAS)
def test_rows_of_outputs_too_large_for_caches_are_those_of_small_ones(isa):
    """From 64 MiB on, results are written past the caches: the same bits, and all of them."""
    M, K = (16 << 20) // 256 + 5, 256
    rng = np.random.default_rng(0)
    x, dy = (rng.random((M, K), np.float32) for _ in range(2))
    scale, offset, mean = (rng.random(K, np.float32) for _ in range(3))
    row_mean, rstd, variance = rng.random(M, np.float32), rng.random(M, np.float32), rng.random(K, np.float32)
    y, rows = (np.asarray(cygrad.ops.zeros((n, K))) for n in (M, 7))  # aligned, as a normal array need not be
    empty = lambda y: np.empty(len(y), np.float32)  # noqa: E731
    calls = {
        "layer_normalization_forward": lambda y, i: (y, empty(y), empty(y), x[i], scale, offset, len(y), K, 0.1),
        "layer_normalization_backward": lambda y, i: (
            y, None, None, dy[i], x[i], row_mean[i], rstd[i], scale, len(y), K,
        ),
        "rms_normalization_forward": lambda y, i: (y, empty(y), x[i], scale, len(y), K, 0.1),
        "batch_normalization_inference_forward": lambda y, i: (y, x[i], mean, variance, scale, offset, len(y), K, 0.1),
        "relu_forward": lambda y, i: (y, x[i], y.size),
    }  # fmt: skip
    with testing.settings(isa, 2):
        for name, arguments in calls.items():
            y[:] = np.nan
            getattr(_core, name)(*arguments(y, slice(0, M)))
            assert np.isfinite(y).all(), name
            for first in (0, M // 2 - 3, M - 7):
                getattr(_core, name)(*arguments(rows, slice(first, first + 7)))
                assert rows.tobytes() == y[first : first + 7].tobytes(), name
        saved = np.empty(K, np.float32), np.empty(K, np.float32)
        y[:] = np.nan
        _core.batch_normalization_forward(y, *saved, None, None, x, scale, offset, M, K, 0.1, 0.9)
        want = (x[::1000] - saved[0]) * (saved[1] * scale) + offset
        np.testing.assert_allclose(y[::1000], want, rtol=1e-5, atol=1e-5)
        assert np.isfinite(y).all()
        _core.batch_normalization_backward(y, None, None, dy, x, *saved, scale, M, K)
        xhat = (x.astype("f8") - saved[0]) * saved[1]
        want = (dy - dy.mean(0, "f8") - xhat * (dy * xhat).mean(0)) * saved[1] * scale
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("N, K", [(1, 7), (1, 300), (10, 64), (33, 300), (64, 784), (130, 1031)])
@pytest.mark.parametrize("transpose_b", [0, 1])
def test_rows_of_a_matmul_do_not_depend_on_each_other(isa, N, K, transpose_b):
    both = testing.make_arguments("matmul", M=40, N=N, K=K, transpose_b=transpose_b, bias=True, activation=6)
    with testing.settings(isa, 2):
        _core_call("matmul", both)
        for first, rows in ((0, 1), (39, 1), (3, 2), (5, 14), (9, 31)):
            part = {
                **both,
                "M": rows,
                "a": both["a"][first : first + rows].copy(),
                "y": np.empty((rows, N), np.float32),
            }
            _core_call("matmul", part)
            assert part["y"].tobytes() == both["y"][first : first + rows].tobytes(), (first, rows)


@contextlib.contextmanager
def winograd(enable):
    old = _core.set_winograd(enable)
    try:
        yield
    finally:
        _core.set_winograd(old)


CONVOLUTION = {  # kernel: its output, and the input with a batch axis
    "conv2d_forward": ("y", "x"),
    "conv2d_backward_input": ("dx", "dy"),
    "conv2d_backward_kernel": ("dkernel", "x"),
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("H, C, F, R", [(12, 20, 70, 3), (23, 8, 17, 3), (9, 20, 40, 5)])
def test_winograd_batches_and_threads(isa, H, C, F, R):
    """Few patches and many take different ways to the same bits."""
    parameters = {"H": H, "W": H + 1, "C": C, "F": F, "R": R, "S": R, "padding": "same"}
    for name in ("conv2d_forward", "conv2d_backward_input"):
        output, x = CONVOLUTION[name]
        many = testing.make_arguments(name, N=9, **parameters)
        with testing.settings(isa, 3):
            _core_call(name, many)
        for threads in (1, 2):
            one = {**many, "N": 1, x: many[x][8:].copy(), output: np.empty_like(many[output][8:])}
            with testing.settings(isa, threads):
                _core_call(name, one)
            assert one[output].tobytes() == many[output][8:].tobytes(), (name, threads)


@pytest.mark.parametrize("name", CONVOLUTION)
@pytest.mark.parametrize("isa", ISAS)
def test_winograd_of_a_large_kernel(name, isa):
    """Panels of a kernel that do not fit at once, several parts of dkernel's sum: against direct sums."""
    arguments = testing.make_arguments(name, N=2, H=31, W=33, C=532, F=140, R=3, S=3, padding="same")
    output, _ = CONVOLUTION[name]
    results = []
    for enable in (True, False):
        with testing.settings(isa, 2), winograd(enable):
            _core_call(name, arguments)
        results.append(arguments[output].copy())
    assert np.abs(results[0] - results[1]).max() < 2e-4 * np.abs(results[1]).max()
    assert results[0].tobytes() != results[1].tobytes()


@pytest.mark.parametrize(
    "H, C, F, R",
    [
        (28, 64, 64, 3),
        (14, 128, 128, 3),
        (11, 32, 64, 3),
        (32, 16, 16, 3),
        (27, 64, 32, 5),
        (12, 96, 64, 5),
        (32, 16, 32, 5),
    ],
)
@pytest.mark.parametrize("positive", [False, True])
def test_winograd_error_beside_direct_sums(H, C, F, R, positive):
    """The root mean square error, against float64, for normal numbers and after relu; docs/decisions.md quotes it."""
    for name, most in (("conv2d_forward", 3), ("conv2d_backward_input", 3), ("conv2d_backward_kernel", 6)):
        output, x = CONVOLUTION[name]
        arguments = testing.make_arguments(name, N=2, H=H, W=H, C=C, F=F, R=R, S=R, padding="same")
        if positive:
            np.maximum(arguments[x], 0, out=arguments[x])
        arguments[output][...] = 0
        expected, _ = testing.specify(name, arguments)
        errors = []
        for enable in (True, False):
            with winograd(enable):
                _core_call(name, arguments)
            errors.append(np.sqrt(np.mean((arguments[output] - expected[output]) ** 2)))
        assert 0 < errors[0] < most * errors[1], (name, errors[0] / errors[1])
        assert errors[0] < 1.5e-6 * expected[output].std(), name


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("M, N, K", [(1, 40, 1100), (21, 1, 100), (33, 65, 300), (140, 300, 64), (450, 640, 520)])
@pytest.mark.parametrize("transpose_a, transpose_b", FLAGS)
def test_a_batch_of_products_is_each_of_them(isa, M, N, K, transpose_a, transpose_b):
    """Bit for bit, also where b is packed as a whole, in runs of K, by other numbers of threads."""
    flags = {"M": M, "N": N, "K": K, "transpose_a": transpose_a, "transpose_b": transpose_b}
    batch = testing.make_arguments("batched_matmul", shape=(2, 3), shape_b=(3,), **flags)
    with testing.settings(isa, 2):
        _core_call("batched_matmul", batch)
    for i, (y, a) in enumerate(zip(batch["y"].reshape(6, M, N), batch["a"])):
        one = {"y": np.empty_like(y), "a": a, "b": batch["b"][i % 3], "bias": None, **flags, "activation": 0}
        with testing.settings(isa, 1 + 2 * (i % 2)):
            _core_call("matmul", one)
        assert one["y"].tobytes() == y.tobytes(), i


# ---- algebra ----


convolutions = st.fixed_dictionaries(
    {
        "N": st.integers(1, 2),
        "H": st.integers(1, 9),
        "W": st.integers(1, 9),
        "C": st.sampled_from([1, 2, 3, 4, 6, 8, 17]),
        "F": st.sampled_from([1, 2, 6, 8, 16, 33]),
        "R": st.integers(1, 4),
        "S": st.integers(1, 4),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "dilation": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "padding": st.one_of(st.just("same"), st.tuples(*[st.integers(0, 3)] * 4)),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(convolutions, st.sampled_from(ISAS), st.integers(0, 2**32 - 1))
def test_convolution_is_linear_and_its_gradients_are_adjoint(parameters, isa, seed):
    rng = np.random.default_rng(seed)
    a = testing.make_arguments("conv2d_forward", rng, **parameters)
    shapes = {k: a[k].shape for k in ("x", "kernel", "y")}
    if 0 in shapes["y"]:
        return
    x1, x2, k1, k2, dy = (
        rng.standard_normal(shapes[k]).astype(np.float32) for k in ("x", "x", "kernel", "kernel", "y")
    )  # fmt: skip
    sizes = [v for k, v in a.items() if k not in ("y", "x", "kernel", "bias", "activation")]

    def convolve(x, kernel):
        y = np.empty(shapes["y"], np.float32)
        _core.conv2d_forward(y, x, kernel, None, *sizes, 0)
        return y.astype(float)

    with testing.settings(isa):
        scale = convolve(np.abs(x1) + 2 * np.abs(x2), np.abs(k1) + np.abs(k2))
        allowed = 64 * testing.EPSILON * (scale + 1e-3)
        assert (np.abs(convolve(x1 + 2 * x2, k1) - convolve(x1, k1) - 2 * convolve(x2, k1)) <= allowed).all()
        assert (np.abs(convolve(x1, k1 + k2) - convolve(x1, k1) - convolve(x1, k2)) <= allowed).all()
        dx, dkernel = np.empty(shapes["x"], np.float32), np.empty(shapes["kernel"], np.float32)
        _core.conv2d_backward_input(dx, dy, k1, *sizes)
        _core.conv2d_backward_kernel(dkernel, dy, x1, *sizes)
        product = (convolve(x1, k1) * dy).sum()  # <conv(x, k), dy> = <x, dx> = <k, dk>
        allowed = 64 * testing.EPSILON * (convolve(np.abs(x1), np.abs(k1)) * np.abs(dy)).sum() + 1e-6
        assert abs((dx.astype(float) * x1).sum() - product) <= allowed
        assert abs((dkernel.astype(float) * k1).sum() - product) <= allowed


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 70), st.integers(-500, 500), st.sampled_from(ISAS), st.integers(0, 2**32 - 1))
def test_softmax_does_not_change_when_a_row_is_shifted(M, K, shift, isa, seed):
    x = np.round(np.random.default_rng(seed).standard_normal((M, K)) * 64).astype(np.float32) / 64  # x + shift is exact
    rows = [np.empty((M, K), np.float32) for _ in range(4)]
    with testing.settings(isa):
        _core.softmax_forward(rows[0], x, M, K)
        _core.softmax_forward(rows[1], x + shift, M, K)
        _core.log_softmax_forward(rows[2], x, M, K)
        _core.log_softmax_forward(rows[3], x + shift, M, K)
    assert rows[0].tobytes() == rows[1].tobytes()
    np.testing.assert_allclose(rows[2], rows[3], rtol=0, atol=8 * testing.EPSILON * (np.abs(x).max() + 6))
    np.testing.assert_allclose(rows[0].sum(axis=1, dtype=float), 1, atol=K * testing.EPSILON)


# ---- random numbers ----


def test_philox_of_the_reference_gives_the_published_words():
    """The known answers of Salmon et al.'s Random123 (kat_vectors, philox4x32 10)."""
    for block, counter, key, words in (
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0x85A308D3243F6A88, 0x0370734413198A2E, 0x299F31D0A4093822, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ):
        found = reference.random.philox(np.uint64(block), np.uint64(counter), key)
        assert " ".join(f"{int(word):08x}" for word in found) == words


@pytest.mark.parametrize("isa", ISAS)
def test_random_numbers_have_their_distribution(isa):
    n = 200_000
    y = np.empty(n, np.float32)

    def kolmogorov_smirnov(cdf):
        return np.abs(np.sort(cdf) - (np.arange(n) + 0.5) / n).max() * math.sqrt(n)

    with testing.settings(isa):
        _core.random_uniform(y, n, 12345, 6, -2.0, 3.0)
        assert y.min() >= -2 and y.max() < 3
        assert kolmogorov_smirnov((y.astype(float) + 2) / 5) < 2  # exceeded with probability 7e-4
        _core.random_normal(y, n, 12345, 7, 0.0, 1.0)
        normal_cdf = np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2)
        assert kolmogorov_smirnov(normal_cdf(y)) < 2
        assert abs(np.corrcoef(y[::2], y[1::2])[0, 1]) < 5 / math.sqrt(n / 2)
        _core.random_truncated_normal(y, n, 12345, 8, 1.0, 3.0)
        z = (y.astype(float) - 1) / 3
        assert np.abs(z).max() <= 2 + 1e-6
        low = normal_cdf(-2.0)
        assert kolmogorov_smirnov((normal_cdf(z) - low) / (1 - 2 * low)) < 2
        for rate in (0.1, 0.5, 0.9):
            _core.dropout(y, np.ones(n, np.float32), n, 12345, 9, rate)
            assert abs((y == 0).mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / n)


def test_random_values_depend_on_their_place_alone():
    long, short = np.empty(1000, np.float32), np.empty(37, np.float32)
    for name, scalars in (("random_uniform", (0, 1)), ("random_normal", (0, 1)), ("random_truncated_normal", (0, 1))):
        kernel = getattr(_core, name)
        kernel(long, 1000, 5, 6, *scalars)
        kernel(short, 37, 5, 6, *scalars)
        assert short.tobytes() == long[:37].tobytes(), name
        kernel(short, 37, 5, 7, *scalars)
        assert not (short == long[:37]).any(), name
        kernel(short, 37, 6, 6, *scalars)
        assert not (short == long[:37]).any(), name
