"""The reference: backwards by finite differences in float64, forwards by the formulas of kernels.def, one by one."""

import itertools
import math

import numpy as np
import pytest

from cygrad import _core, reference, testing

# the forward of each backward, and the inputs that it differentiates
PAIRS = {
    name: (name.replace("_backward", "_forward"), ["x"]) for name in _core.KERNELS if name.endswith("_backward")
} | {
    "conv2d_backward_input": ("conv2d_forward", ["x"]),
    "conv2d_backward_kernel": ("conv2d_forward", ["kernel"]),
    "reduce_max_backward": ("reduce_max", ["x"]),
    "batch_normalization_backward": ("batch_normalization_forward", ["x", "scale", "offset"]),
    "batch_normalization_inference_backward": (
        "batch_normalization_inference_forward", ["x", "mean", "variance", "scale", "offset"],
    ),
    "layer_normalization_backward": ("layer_normalization_forward", ["x", "scale", "offset"]),
    "rms_normalization_backward": ("rms_normalization_forward", ["x", "scale"]),
    "attention_backward": ("attention_forward", ["q", "k", "v"]),
    "simple_rnn_backward": ("simple_rnn_forward", ["z", "h0"]),
    "gru_backward": ("gru_forward", ["z", "h0"]),
    "lstm_backward": ("lstm_forward", ["z", "h0", "c0"]),
    "ctc_backward": ("ctc_forward", ["y"]),
}  # fmt: skip

CONVOLUTIONS = [
    {**case, "activation": 0}
    for case in testing.ENTRIES["conv2d_forward"].cases
    if case["H"] * case["C"] * case["F"] < 2000
]
SMALL = {
    f"{cell}_forward": [c for c in testing.ENTRIES[f"{cell}_forward"].cases if c.get("saved", True) and c["N"] < 50]
    for cell in ("simple_rnn", "gru", "lstm")
} | {
    "conv2d_forward": CONVOLUTIONS,
    "ctc_forward": [  # where the labels fit into the frames: else the loss is infinite
        c for c in testing.ENTRIES["ctc_forward"].cases if c["N"] and c["T"] < 50 and not {"count", "lengths"} & {*c}
    ],
    "reduce_max": [{"O": 3, "R": 5, "I": 4}, {"O": 2, "R": 7, "I": 1}, {"O": 1, "R": 1, "I": 3}],
}


def small_cases(forward):
    """Cases of an entry that finite differences can deal with: small, and away from infinities and ties."""
    cases = SMALL.get(forward, testing.ENTRIES[forward].cases)
    return [
        case
        for case in cases
        if not {"values", "x", "labels"} & {*case}
        and max(v for v in case.values() if isinstance(v, int)) <= 100
        and case.get("scale", 1) <= 1
    ]


def in_float64(name, parameters, seed=3):
    """The arguments of a reference function, in float64."""
    made = testing.make_arguments(name, np.random.default_rng(seed), **parameters)
    for output in testing.outputs_of(name):
        if made[output] is not None and output not in testing.ENTRIES[name].in_out:
            made[output][...] = 0  # it may hold anything, which astype could warn of
    return {k: v.astype(float) if getattr(v, "dtype", None) == np.float32 else v for k, v in made.items()}


def slope_error(backward, parameters, function=None):
    """|slope by backward - slope by central differences| along a random direction, relative to its terms."""
    forward, differentiated = PAIRS[backward]
    rng = np.random.default_rng(7)
    given = in_float64(forward, parameters)
    arguments = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in given.items()}  # it may change its inputs
    getattr(reference, forward)(**given)
    result = next(iter(arguments))
    upstream = rng.standard_normal(arguments[result].shape)
    directions = {k: rng.standard_normal(arguments[k].shape) for k in differentiated if arguments[k] is not None}
    gradients = {k: np.full(direction.shape, np.nan) for k, direction in directions.items()}
    given = {**given, f"d{result}": upstream, **{f"d{k}": gradient for k, gradient in gradients.items()}}
    (function or getattr(reference, backward))(*[given.get(p[1]) for p in _core.KERNELS[backward]])

    def along(step):
        moved = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
        for k, direction in directions.items():
            moved[k] += step * direction
        getattr(reference, forward)(**moved)
        return (moved[result] * upstream).sum()

    step = 1e-5
    terms = np.concatenate([(gradients[k] * directions[k]).ravel() for k in directions])
    return abs(terms.sum() - (along(step) - along(-step)) / (2 * step)) / (np.abs(terms).sum() + 1e-3)


@pytest.mark.parametrize("backward", PAIRS)
def test_backward_is_the_slope_of_forward(backward):
    cases = small_cases(PAIRS[backward][0])
    assert len(cases) >= 3
    for parameters in cases:
        assert slope_error(backward, parameters) < 1e-6, parameters


@pytest.mark.parametrize("backward", PAIRS)
def test_a_wrong_backward_is_caught(backward):
    def wrong(dx, *rest):
        getattr(reference, backward)(dx, *rest)
        if dx.size:
            dx.reshape(-1)[-1] *= 1.01
            dx.reshape(-1)[-1] += 0.01

    assert any(slope_error(backward, case, wrong) > 1e-6 for case in small_cases(PAIRS[backward][0]))


def test_every_backward_has_its_forward():
    assert len(PAIRS) > 25
    assert {*PAIRS} == {name for name in _core.KERNELS if "_backward" in name}
    for forward, differentiated in PAIRS.values():
        assert {*differentiated} <= {p[1] for p in _core.KERNELS[forward]}


def test_dropout_is_its_own_backward():
    n = 50
    x, dy, y, dx = (np.random.default_rng(i).standard_normal(n) for i in range(4))
    reference.dropout(y, x, n, 5, 6, 0.4)
    reference.dropout(dx, dy, n, 5, 6, 0.4)
    np.testing.assert_allclose((x * dx).sum(), (y * dy).sum())
    assert 0 < np.count_nonzero(y) < n


@pytest.mark.parametrize("parameters", CONVOLUTIONS, ids=str)
def test_convolution_by_its_formula(parameters):
    a = in_float64("conv2d_forward", parameters)
    reference.conv2d_forward(**a)
    groups, x, kernel = a["groups"], a["x"], a["kernel"]
    for n, p, q, f in itertools.islice(np.ndindex(*a["y"].shape), 0, None, 11):
        first = f // (a["F"] // groups) * (a["C"] // groups)
        total = a["bias"][f] if a["bias"] is not None else 0.0
        for r, s in np.ndindex(a["R"], a["S"]):
            h = p * a["stride_h"] - a["pad_top"] + r * a["dilation_h"]
            w = q * a["stride_w"] - a["pad_left"] + s * a["dilation_w"]
            if 0 <= h < a["H"] and 0 <= w < a["W"]:
                total += (x[n, h, w, first : first + a["C"] // groups] * kernel[r, s, :, f]).sum()
        assert math.isclose(a["y"][n, p, q, f], total, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("parameters", testing.ENTRIES["max_pool2d_forward"].cases[:13], ids=str)
def test_pooling_by_its_formula(parameters):
    a = in_float64("max_pool2d_forward", parameters)
    reference.max_pool2d_forward(**a)
    mean = a["y"].copy()
    with np.errstate(invalid="ignore"):
        reference.average_pool2d_forward(mean, **{k: v for k, v in a.items() if k not in ("y", "argmax")})
    for n, p, q, c in itertools.islice(np.ndindex(*a["y"].shape), 0, None, 5):
        top, left = p * a["stride_h"] - a["pad_top"], q * a["stride_w"] - a["pad_left"]
        inside = [
            (r * a["S"] + s, a["x"][n, top + r, left + s, c])
            for r, s in np.ndindex(a["R"], a["S"])
            if 0 <= top + r < a["H"] and 0 <= left + s < a["W"]
        ]
        place, best = max(
            inside, key=lambda item: (math.isnan(item[1]), 0 if math.isnan(item[1]) else item[1], -item[0])
        )
        assert a["argmax"][n, p, q, c] == place
        np.testing.assert_equal(a["y"][n, p, q, c], best)
        if math.isfinite(best) and all(math.isfinite(v) for _, v in inside):
            assert math.isclose(mean[n, p, q, c], sum(v for _, v in inside) / len(inside), rel_tol=1e-12, abs_tol=1e-12)


def test_activations_of_matmul_are_numbered_as_in_the_header():
    """The order of enum cg_activation, and its slope 0.2 of leaky_relu and alpha 1 of elu."""
    x = np.linspace(-4, 4, 17)
    sigmoid, expm1 = 1 / (1 + np.exp(-x)), np.expm1(x)
    phi = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])
    selu = 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * expm1)
    expected = [x, np.maximum(x, 0), np.maximum(x, 0.2 * x), np.where(x > 0, x, expm1), selu, sigmoid, np.tanh(x)]
    expected += [np.log1p(np.exp(x)), x / (1 + abs(x)), x * phi, x * sigmoid, np.exp(x), np.clip(x / 6 + 0.5, 0, 1)]
    for activation, wanted in enumerate(expected):
        y = np.empty((1, 17))
        reference.matmul(y, np.ones((1, 1)), x, None, 1, 17, 1, 0, 0, activation)
        np.testing.assert_allclose(y[0], wanted, rtol=1e-13, atol=1e-15, err_msg=f"activation {activation}")


def test_optimizer_steps_by_their_formulas():
    """One value, two steps, by hand in plain Python."""
    lr, b1, b2, epsilon, rho, mu = 0.1, 0.9, 0.99, 1e-7, 0.8, 0.7
    for nesterov in (0, 1):
        w, v, expected_w, expected_v = np.array([1.0]), np.array([0.0]), 1.0, 0.0
        for g in (0.5, -2.0):
            reference.sgd_step(w, v, np.array([g]), 1, lr, mu, nesterov)
            expected_v = mu * expected_v - lr * g
            expected_w += mu * expected_v - lr * g if nesterov else expected_v
        np.testing.assert_allclose([w[0], v[0]], [expected_w, expected_v])
    for amsgrad in (False, True):
        w, m, v = np.array([1.0]), np.array([0.0]), np.array([0.0])
        vhat = np.array([0.0]) if amsgrad else None
        expected, first, second, largest = 1.0, 0.0, 0.0, 0.0
        for step, g in enumerate((3.0, 0.1, -0.2), 1):
            reference.adam_step(w, m, v, vhat, np.array([g]), 1, lr, b1, b2, epsilon, step)
            first, second = b1 * first + (1 - b1) * g, b2 * second + (1 - b2) * g * g
            largest = max(largest, second)
            rate = lr * math.sqrt(1 - b2**step) / (1 - b1**step)
            expected -= rate * first / (math.sqrt(largest if amsgrad else second) + epsilon)
        np.testing.assert_allclose(w[0], expected)
    for centered, momentum in itertools.product((False, True), repeat=2):
        w, v = np.array([1.0]), np.array([0.5])
        a, b = np.array([0.1]) if centered else None, np.array([0.2]) if momentum else None
        reference.rmsprop_step(w, v, a, b, np.array([0.3]), 1, lr, rho, mu, epsilon)
        second, mean = rho * 0.5 + (1 - rho) * 0.09, rho * 0.1 + (1 - rho) * 0.3 if centered else 0.0
        update = lr * 0.3 / math.sqrt(second + epsilon - mean**2)
        np.testing.assert_allclose(w[0], 1 - (mu * 0.2 + update if momentum else update))
