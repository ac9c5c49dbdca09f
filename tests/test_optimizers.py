"""Optimizers against their papers' formulas in float64, the arena, clips, decay, state and errors."""

import copy
import json
import math
import pickle

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Input, Sequential, Variable, layers, models, ops, optimizers, utils
from cygrad.ops._backend import use_reference

SHAPES = [(3,), (2, 5), (), (17, 1), (0, 4), (16,)]


def variables_of(rng, shapes=SHAPES):
    variables = [Variable(rng.normal(size=shape), name=f"v{i}") for i, shape in enumerate(shapes)]
    for variable in variables:
        variable.path = f"layer/{variable.name}"
    return variables


def gradients_of(rng, variables, steps):
    return [[np.asarray(rng.normal(size=v.shape), np.float32) for v in variables] for _ in range(steps)]


def run(optimizer, variables, steps):
    for gradients in steps:
        optimizer.apply(gradients, variables)
    return [v.numpy() for v in variables]


# ---- the papers' formulas, one variable, float64: step(w, g, state, t) with t from 1; state starts empty ----


def sgd(learning_rate, momentum=0.0, nesterov=False):
    def step(w, g, s, t):
        s["v"] = momentum * s.get("v", 0) - learning_rate * g
        return w + (momentum * s["v"] - learning_rate * g if nesterov else s["v"])

    return step


def adam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        s["vhat"] = np.maximum(s.get("vhat", 0), s["v"]) if amsgrad else s["v"]
        rate = learning_rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return w - rate * s["m"] / (np.sqrt(s["vhat"]) + epsilon)

    return step


def rmsprop(learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    def step(w, g, s, t):
        s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g
        s["b"] = momentum * s.get("b", 0) + learning_rate * g / np.sqrt(
            s["v"] - (s["a"] ** 2 if centered else 0) + epsilon
        )
        return w - s["b"]

    return step


def adagrad(learning_rate, initial_accumulator_value=0.1, epsilon=1e-7):
    def step(w, g, s, t):
        s["a"] = s.get("a", initial_accumulator_value) + g * g
        return w - learning_rate * g / np.sqrt(s["a"] + epsilon)

    return step


def adadelta(learning_rate, rho=0.95, epsilon=1e-7):
    def step(w, g, s, t):
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g * g
        u = np.sqrt(s.get("d", 0) + epsilon) / np.sqrt(s["a"] + epsilon) * g
        s["d"] = rho * s.get("d", 0) + (1 - rho) * u * u
        return w - learning_rate * u

    return step


def adamax(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["u"] = np.maximum(beta_2 * s.get("u", 0), np.abs(g))
        return w - learning_rate / (1 - beta_1**t) * s["m"] / (s["u"] + epsilon)

    return step


def nadam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def part(t):
        return beta_1 * (1 - 0.5 * 0.96**t)

    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        product = math.prod(part(i) for i in range(1, t + 1))
        m = part(t + 1) * s["m"] / (1 - product * part(t + 1)) + (1 - part(t)) * g / (1 - product)
        return w - learning_rate * m / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)

    return step


def lion(learning_rate, beta_1=0.9, beta_2=0.99):
    def step(w, g, s, t):
        update = np.sign(beta_1 * s.get("m", 0) + (1 - beta_1) * g)
        s["m"] = beta_2 * s.get("m", 0) + (1 - beta_2) * g
        return w - learning_rate * update

    return step


def ftrl(
    learning_rate,
    learning_rate_power=-0.5,
    initial_accumulator_value=0.1,
    l1_regularization_strength=0.0,
    l2_regularization_strength=0.0,
    l2_shrinkage_regularization_strength=0.0,
    beta=0.0,
):
    def step(w, g, s, t):
        old = s.get("a", initial_accumulator_value)
        s["a"] = old + g * g
        root, before = s["a"] ** -learning_rate_power, old**-learning_rate_power
        s["z"] = s.get("z", 0) + g + 2 * l2_shrinkage_regularization_strength * w - (root - before) / learning_rate * w
        ridge = 2 * l2_regularization_strength + beta / learning_rate
        l1 = l1_regularization_strength
        return (np.clip(s["z"], -l1, l1) - s["z"]) / (root / learning_rate + ridge)

    return step


def lamb(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        u = s["m"] / (1 - beta_1**t) / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)
        sizes = np.sqrt(np.sum(w * w)), np.sqrt(np.sum(u * u))
        return w - learning_rate * (sizes[0] / sizes[1] if min(sizes) > 0 else 1) * u

    return step


def adafactor(learning_rate, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0):
    def rms(x):
        return np.sqrt(np.mean(x * x))

    def step(w, g, s, t):
        if not w.size:
            return w
        b, squares = 1 - t**beta_2_decay, g * g + epsilon_1
        if w.ndim < 2:
            v = s["v"] = b * s.get("v", 0) + (1 - b) * squares
        else:
            s["r"] = b * s.get("r", 0) + (1 - b) * squares.mean(-1)
            s["c"] = b * s.get("c", 0) + (1 - b) * squares.mean(-2)
            v = (s["r"] / s["r"].mean(-1, keepdims=True))[..., None] * s["c"][..., None, :]
        u = g / np.sqrt(v)
        rate = max(epsilon_2, rms(w)) * min(learning_rate, 1 / math.sqrt(t))
        return w - rate * u / max(1, rms(u) / clip_threshold)

    return step


def muon(learning_rate, weight_decay, adam_weight_decay, momentum=0.95, nesterov=True, rms_rate=0.2, ns_steps=5):
    adams = adam(learning_rate)

    def step(w, g, s, t):
        if w.ndim != 2:
            return adams(w, g, s, t)
        if not w.size:
            return w
        s["m"] = momentum * s.get("m", 0) + g
        x = g + momentum * s["m"] if nesterov else s["m"]
        x = x / (np.sqrt(np.sum(x * x)) + 1e-7)
        for _ in range(ns_steps):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        return w - learning_rate * x * (1 if rms_rate is None else rms_rate * math.sqrt(max(w.shape)))

    return step


NO_DECAY = {"weight_decay": None, "adam_weight_decay": None}  # which is not in the formulas here
CASES = {
    "ftrl": (optimizers.Ftrl, ftrl, {"learning_rate": 0.1}),
    "ftrl all": (
        optimizers.Ftrl,
        ftrl,
        {
            "learning_rate": 0.2,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "l1_regularization_strength": 0.2,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.4,
        },
    ),
    "lamb": (optimizers.Lamb, lamb, {"learning_rate": 0.02, "beta_2": 0.9}),
    "adafactor": (optimizers.Adafactor, adafactor, {"learning_rate": 0.3}),
    "adafactor all": (
        optimizers.Adafactor,
        adafactor,
        {"learning_rate": 0.2, "beta_2_decay": -0.5, "epsilon_1": 0.1, "epsilon_2": 0.8, "clip_threshold": 0.5},
    ),
    "muon": (optimizers.Muon, muon, {"learning_rate": 0.02, **NO_DECAY}),
    "muon plain": (
        optimizers.Muon,
        muon,
        {"learning_rate": 0.02, "momentum": 0.5, "nesterov": False, "rms_rate": None, "ns_steps": 3, **NO_DECAY},
    ),
    "adagrad": (optimizers.Adagrad, adagrad, {"learning_rate": 0.1}),
    "adagrad start": (optimizers.Adagrad, adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.0}),
    "adadelta": (optimizers.Adadelta, adadelta, {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    "adamax": (optimizers.Adamax, adamax, {"learning_rate": 0.02, "beta_2": 0.7}),
    "nadam": (optimizers.Nadam, nadam, {"learning_rate": 0.02, "beta_1": 0.8}),
    "lion": (optimizers.Lion, lion, {"learning_rate": 0.02, "beta_1": 0.6}),
    "sgd": (optimizers.SGD, sgd, {"learning_rate": 0.1}),
    "sgd momentum": (optimizers.SGD, sgd, {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": (optimizers.SGD, sgd, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    "adam": (optimizers.Adam, adam, {"learning_rate": 0.02}),
    "adam betas": (optimizers.Adam, adam, {"learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01}),
    "amsgrad": (optimizers.Adam, adam, {"learning_rate": 0.1, "beta_2": 0.5, "amsgrad": True}),
    "rmsprop": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02}),
    "rmsprop momentum": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02, "rho": 0.6, "momentum": 0.7}),
    "rmsprop centered": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02, "epsilon": 0.01, "centered": True}),
    "rmsprop all": (
        optimizers.RMSprop,
        rmsprop,
        {"learning_rate": 0.02, "momentum": 0.5, "epsilon": 0.1, "centered": True},
    ),
}


def expected(formula, starts, steps, change=lambda w, gradients: (w, gradients)):
    weights, states = [np.asarray(w, np.float64) for w in starts], [{} for _ in starts]
    for t, gradients in enumerate(steps, 1):
        weights, gradients = change(weights, [np.asarray(g, np.float64) for g in gradients])
        weights = [formula(w, g, s, t) for w, g, s in zip(weights, gradients, states)]
    return weights


def agree(got, wanted, tolerance=2e-5):
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("reference", [False, True])
def test_follows_the_formula(name, reference):
    cls, formula, options = CASES[name]
    rng = np.random.default_rng(3)
    if reference:
        with use_reference():
            variables = variables_of(rng)
            steps = gradients_of(rng, variables, 7)
            starts = [v.numpy() for v in variables]
            got = run(cls(**options), variables, steps)
    else:
        variables = variables_of(rng)
        steps = gradients_of(rng, variables, 7)
        starts = [v.numpy() for v in variables]
        got = run(cls(**options), variables, steps)
    agree(got, expected(formula(**options), starts, steps), 1e-12 if reference else 2e-5)
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(got, starts) if a.size)


@pytest.mark.parametrize("name", CASES)
def test_the_arena_and_single_variables_agree_bit_for_bit(name):
    cls, _, options = CASES[name]
    rng = np.random.default_rng(4)
    together = variables_of(rng)
    alone = [copy.copy(v) for v in together]
    steps = gradients_of(rng, together, 3)
    run(cls(**options), together, steps)
    for i, variable in enumerate(alone):
        run(cls(**options), [variable], [[gradients[i]] for gradients in steps])
        np.testing.assert_array_equal(variable.numpy(), together[i].numpy())


def test_the_arena_is_aligned_and_its_gaps_stay_zero():
    rng = np.random.default_rng(5)
    variables = variables_of(rng)
    optimizer = optimizers.Adam(0.1, weight_decay=0.1, clipnorm=0.5)
    run(optimizer, variables, gradients_of(rng, variables, 3))
    used = np.zeros(optimizer.values.size, bool)
    base = optimizer.values.numpy().ctypes.data
    for variable in variables:
        start = (np.asarray(variable).ctypes.data - base) // optimizer.values.numpy().itemsize
        assert start % 16 == 0
        used[start : start + variable.size] = True
    assert used.sum() == sum(v.size for v in variables)
    for arena in (optimizer.values, optimizer.gradients, *optimizer.slots.values()):
        assert not np.any(arena.numpy()[~used])


def test_a_variable_given_twice_is_one_variable():
    w = Variable([1.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.build([w, w])
    assert optimizer.values.size == 16


# ---- steps ----


def quadratic(variables, targets):
    loss = 0.0
    for variable, target in zip(variables, targets):
        loss = loss + ops.sum(ops.square(variable - target))
    return loss


def test_step_from_tape_equals_apply():
    rng = np.random.default_rng(6)
    variables = variables_of(rng, SHAPES[:4])
    targets = [rng.normal(size=v.shape).astype(np.float32) for v in variables]
    twins = [copy.copy(v) for v in variables]
    one, other = optimizers.Adam(0.1), optimizers.Adam(0.1)
    for _ in range(3):
        with GradientTape() as tape:
            loss = quadratic(variables, targets)
        one.step_from_tape(tape, loss, variables)
        with GradientTape() as tape:
            loss = quadratic(twins, targets)
        other.apply_gradients(zip(tape.gradient(loss, twins), twins))
    for a, b in zip(variables, twins):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert one.iterations == other.iterations == 3


def test_minimize_goes_down():
    w = Variable([3.0, -2.0])
    optimizer = optimizers.SGD(0.25)
    for _ in range(20):
        optimizer.minimize(lambda: ops.sum(ops.square(w)), [w])
    assert np.abs(w.numpy()).max() < 1e-4


def test_minimize_wants_the_tape_of_a_tensor():
    w = Variable([3.0])
    with GradientTape():
        loss = ops.sum(ops.square(w))
    with pytest.raises(ValueError, match="needs the tape"):
        optimizers.SGD().minimize(loss, [w])


@pytest.mark.parametrize("trained", [[0, 1], [2], [0, 3], [1, 2, 3]])
def test_frozen_variables_and_their_slots_stay(trained):
    rng = np.random.default_rng(7)
    variables = variables_of(rng, SHAPES[:4])
    optimizer = optimizers.Adam(0.1, weight_decay=0.1)
    optimizer.build(variables)
    before = [v.numpy() for v in variables]
    chosen = [variables[i] for i in trained]
    with GradientTape() as tape:
        loss = quadratic(chosen, [np.zeros(v.shape, np.float32) for v in chosen])
    optimizer.step_from_tape(tape, loss, chosen)
    state = optimizer.state()
    for i, (variable, old) in enumerate(zip(variables, before)):
        moved = not np.array_equal(variable.numpy(), old)
        assert moved == (i in trained)
        assert np.any(state[f"layer/v{i}/velocity"]) == (i in trained)


def test_no_gradient_leaves_a_variable_alone_with_a_warning():
    a, b = Variable([1.0], name="a"), Variable([2.0], name="b")
    optimizer = optimizers.SGD(0.5, momentum=0.9, weight_decay=0.1)
    with pytest.warns(UserWarning, match="no gradient for b"):
        optimizer.apply([np.array([1.0]), None], [a, b])
    assert b.numpy().tolist() == [2.0] and a.numpy().tolist() != [1.0]
    with pytest.raises(ValueError, match="no variable has a gradient; was the loss computed inside the GradientTape"):
        optimizer.apply([None, None], [a, b])


def test_several_optimizers_share_a_model():
    rng = np.random.default_rng(8)
    variables = variables_of(rng, SHAPES[:4])
    starts = [v.numpy() for v in variables]
    steps = gradients_of(rng, variables, 4)
    first, second = optimizers.SGD(0.1), optimizers.Adam(0.02)
    for gradients in steps:
        first.apply(gradients[:2], variables[:2])
        second.apply(gradients[2:], variables[2:])
    agree([v.numpy() for v in variables[:2]], expected(sgd(0.1), starts[:2], [g[:2] for g in steps]))
    agree([v.numpy() for v in variables[2:]], expected(adam(0.02), starts[2:], [g[2:] for g in steps]))


def test_the_last_optimizer_has_the_variable_and_the_first_can_take_it_back():
    w = Variable([1.0, 2.0])
    one = np.ones(2, np.float32)
    first, second = optimizers.SGD(0.5, momentum=0.5), optimizers.SGD(0.25)
    first.apply([one], [w])
    assert w.numpy().tolist() == [0.5, 1.5]
    second.apply([one], [w])
    assert w.numpy().tolist() == [0.25, 1.25]
    first.apply([one], [w])  # velocity: 0.5 * -0.5 - 0.5
    assert w.numpy().tolist() == [-0.5, 0.5]
    with GradientTape() as tape:
        loss = ops.sum(w)
    second.step_from_tape(tape, loss, [w])
    assert w.numpy().tolist() == [-0.75, 0.25]


# ---- clips and decay ----


def by_norm(limit):
    return lambda w, gs: (w, [g * limit / max(np.sqrt((g * g).sum()), limit) for g in gs])


def by_global_norm(limit):
    def change(w, gs):
        norm = np.sqrt(sum((g * g).sum() for g in gs))
        return w, [g * limit / max(norm, limit) for g in gs]

    return change


CHANGES = {
    "clipnorm": by_norm(1.5),
    "global_clipnorm": by_global_norm(1.5),
    "clipvalue": lambda w, gs: (w, [np.clip(g, -1.5, 1.5) for g in gs]),
    "weight_decay": lambda w, gs: ([v - 0.1 * 1.5 * v for v in w], gs),
}


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("size", [0.3, 10.0])
@pytest.mark.parametrize("option", CHANGES)
def test_clips_and_decay(option, size, reference):
    rng = np.random.default_rng(9)

    def trained():
        variables = variables_of(rng)
        steps = [[g * size for g in gradients] for gradients in gradients_of(rng, variables, 4)]
        starts = [v.numpy() for v in variables]
        got = run(optimizers.SGD(0.1, momentum=0.9, **{option: 1.5}), variables, steps)
        return got, expected(sgd(0.1, 0.9), starts, steps, CHANGES[option])

    if reference:
        with use_reference():
            got, wanted = trained()
    else:
        got, wanted = trained()
    agree(got, wanted, 1e-12 if reference else 2e-5)


def test_a_gradient_that_is_not_finite_is_not_hidden_by_clipping():
    for option in ("clipnorm", "global_clipnorm"):
        w = Variable([1.0, 1.0])
        optimizers.SGD(0.1, **{option: 1.0}).apply([np.array([np.inf, 1.0])], [w])
        assert np.isnan(w.numpy()).any()


def test_weight_decay_spares_what_is_excluded():
    kernel, bias, other = Variable([1.0], name="kernel"), Variable([1.0], name="bias"), Variable([1.0], name="other")
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[other], var_names=["bias"])
    optimizer.apply([np.zeros(1)] * 3, [kernel, bias, other])
    assert [float(v) for v in (kernel, bias, other)] == [0.75, 1.0, 1.0]
    with pytest.raises(ValueError, match="before the first step"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_a_step_ends_with_the_constraint():
    w, free = Variable([1.0, -1.0], name="w"), Variable([1.0, -1.0], name="free")
    w.constraint = lambda v: ops.relu(v)
    optimizer = optimizers.SGD(0.5)
    with GradientTape() as tape:
        loss = ops.sum(w) + ops.sum(free)
    optimizer.step_from_tape(tape, loss, [w, free])
    assert w.numpy().tolist() == [0.5, 0.0] and free.numpy().tolist() == [0.5, -1.5]
    w.assign([-1.0, -1.0])
    optimizer.apply([np.zeros(2)], [free])
    assert w.numpy().tolist() == [-1.0, -1.0]  # not trained, not touched


def test_adamw_is_adam_with_decay():
    rng = np.random.default_rng(10)
    variables = variables_of(rng)
    starts = [v.numpy() for v in variables]
    steps = gradients_of(rng, variables, 3)
    got = run(optimizers.AdamW(0.1, weight_decay=0.2), variables, steps)
    agree(got, expected(adam(0.1), starts, steps, lambda w, gs: ([v * (1 - 0.1 * 0.2) for v in w], gs)))


# ---- accumulated gradients, averaged variables ----


def test_accumulated_steps_are_one_step_of_the_mean_gradient():
    rng = np.random.default_rng(20)
    variables = variables_of(rng)
    starts = [v.numpy() for v in variables]
    steps = gradients_of(rng, variables, 7)
    optimizer = optimizers.Adam(0.1, weight_decay=0.1, clipvalue=0.5, gradient_accumulation_steps=3)
    got = run(optimizer, variables, steps)
    means = [[np.mean(gradients, axis=0) for gradients in zip(*steps[i : i + 3])] for i in (0, 3)]
    change = lambda w, gs: ([v * (1 - 0.1 * 0.1) for v in w], [np.clip(g, -0.5, 0.5) for g in gs])  # noqa: E731
    agree(got, expected(adam(0.1), starts, means, change))
    assert optimizer.iterations == 2 and optimizer.steps_taken == 7
    left = optimizer.state()
    np.testing.assert_array_equal(left["layer/v0/gradient_accumulator"], steps[6][0])


def test_a_schedule_sees_all_steps_of_accumulated_gradients():
    seen = []
    optimizer = optimizers.SGD(lambda step: seen.append(step) or 0.1, gradient_accumulation_steps=2)
    run(optimizer, [Variable([1.0])], [[np.ones(1)]] * 4)
    assert seen == [1, 3]


@pytest.mark.parametrize("every", [None, 2])
def test_averages_of_variables(every):
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=every)
    w = Variable([8.0])
    value = average = 8.0
    for t in range(5):
        optimizer.apply([np.ones(1)], [w])
        value -= 1
        average = 0.75 * average + 0.25 * value if t else value
        if every and (t + 1) % every == 0:
            value = average
        assert float(w) == pytest.approx(value, rel=1e-6)
    optimizer.swap_averages()
    assert float(w) == pytest.approx(average, rel=1e-6)
    optimizer.swap_averages()
    assert float(w) == pytest.approx(value, rel=1e-6)
    optimizer.finalize_variable_values()
    assert float(w) == pytest.approx(average, rel=1e-6)
    with pytest.raises(ValueError, match="SGD: there are no averages to swap; give use_ema=True"):
        optimizers.SGD().swap_averages()


def test_fit_ends_with_the_averages():
    model = Sequential([Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "mse")
    model.fit(np.ones((8, 1)), np.zeros((8, 1)), batch_size=4, verbose=0)  # 1, 0.8, 0.64
    assert model.get_weights()[0].item() == pytest.approx(0.72, rel=1e-5)


def test_a_scaled_loss_gives_the_same_steps():
    w = Variable([1.0])
    optimizer = optimizers.SGD(0.5, loss_scale_factor=8.0)
    with GradientTape() as tape:
        loss = optimizer.scale_loss(ops.sum(w * 2.0))
    optimizer.apply(tape.gradient(loss, [w]), [w])
    assert float(w) == 0.0
    optimizer.minimize(lambda: ops.sum(w * 2.0), [w])  # which scales nothing
    assert float(w) == -1.0


SCHEDULES = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7},
    "PiecewiseConstantDecay": {"boundaries": [2, 6], "values": [0.1, 0.05, 0.01]},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "power": 2.0, "cycle": True},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    "CosineDecay": {"initial_learning_rate": 0.01, "decay_steps": 6, "warmup_target": 0.1, "warmup_steps": 2},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 2, "t_mul": 1.5, "m_mul": 0.8},
}
EXTRAS = {
    "plain": {},
    "averages": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "both": {"use_ema": True, "gradient_accumulation_steps": 2, "weight_decay": 0.01, "global_clipnorm": 0.5},
}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *[(name, {**CASES[name][2], **extra}) for name in CASES for extra in EXTRAS.values()],
        *[("adam", {"learning_rate": schedule}) for schedule in SCHEDULES],
        *[("nadam", {"learning_rate": schedule, **EXTRAS["both"]}) for schedule in SCHEDULES],
    ],
    ids=str,
)
def test_a_model_trains_on_after_saving_bit_for_bit(name, options, tmp_path):
    """2N steps are N steps, save, load, N steps: of any optimizer, schedule, and with averages and accumulation."""
    if isinstance(options["learning_rate"], str):
        kind = options["learning_rate"]
        options = {**options, "learning_rate": getattr(optimizers.schedules, kind)(**SCHEDULES[kind])}
    rng = np.random.default_rng(21)
    x, y = rng.normal(size=(20, 3)).astype("float32"), rng.normal(size=(20, 1)).astype("float32")
    utils.set_random_seed(22)
    model = Sequential([Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(CASES[name][0](**options), "mse")
    model.fit(x, y, batch_size=4, verbose=0)
    model.save(tmp_path / "half.cygrad")
    model.fit(x, y, batch_size=4, verbose=0)
    again = models.load_model(tmp_path / "half.cygrad")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    again.fit(x, y, batch_size=4, verbose=0)
    for mine, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, wanted)
    assert again.optimizer.steps_taken == model.optimizer.steps_taken == 10


# ---- learning rate ----


def test_learning_rate_can_be_set():
    w = Variable([1.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(1)], [w])
    assert optimizer.learning_rate == 0.25 and float(w) == 0.75


def test_learning_rate_follows_a_schedule_and_a_function():
    schedule = optimizers.schedules.ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)
    for rate in (schedule, lambda step: 0.5 * 0.5**step):
        w = Variable([1.0])
        optimizer = optimizers.SGD(rate)
        for seen in (0.5, 0.25):
            assert optimizer.learning_rate == seen
            optimizer.apply([np.ones(1)], [w])
        assert float(w) == 0.25
    assert optimizers.SGD(lambda: 0.125).learning_rate == 0.125


def test_a_scheduled_learning_rate_cannot_be_set():
    optimizer = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match=r"SGD: the learning rate follows ExponentialDecay and cannot be set to 0\.1"):
        optimizer.learning_rate = 0.1


def test_exponential_decay():
    smooth = optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    steps = optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5, staircase=True)
    for t in (0, 1, 9, 10, 25):
        assert smooth(t) == pytest.approx(0.1 * math.exp(math.log(0.5) * t / 10))
        assert steps(t) == pytest.approx(0.1 * 0.5 ** (t // 10))
    with pytest.raises(ValueError, match="decay_steps must be positive; got 0"):
        optimizers.schedules.ExponentialDecay(0.1, 0, 0.5)


def test_restarts_come_at_their_steps():
    schedule = optimizers.schedules.CosineDecayRestarts(1.0, first_decay_steps=2, t_mul=1.5, m_mul=0.9)
    assert [step for step in range(1, 9) if schedule(step) > schedule(step - 1)] == [2, 5]
    schedule = optimizers.schedules.CosineDecayRestarts(1.0, first_decay_steps=3)
    assert [step for step in range(1, 100) if schedule(step) > schedule(step - 1)] == [3, 9, 21, 45, 93]


# ---- state and configuration ----


@pytest.mark.parametrize("way", ["state", "pickle", "deepcopy"])
@pytest.mark.parametrize("name", CASES)
def test_training_goes_on_after_saving(name, way):
    cls, _, options = CASES[name]
    rng = np.random.default_rng(11)
    variables = variables_of(rng)
    steps = gradients_of(rng, variables, 6)
    twins = [copy.copy(v) for v in variables]
    run(cls(**options), variables, steps)
    optimizer = cls(**options)
    run(optimizer, twins, steps[:3])
    if way == "state":
        twins = [copy.copy(v) for v in twins]
        again = cls.from_config(json.loads(json.dumps(optimizer.get_config())))
        again.build(twins)
        again.load_state(optimizer.state())
    elif way == "pickle":
        again, twins = pickle.loads(pickle.dumps((optimizer, twins)))
    else:
        again, twins = copy.deepcopy((optimizer, twins))
    assert again.iterations == 3
    run(again, twins, steps[3:])
    for a, b in zip(variables, twins):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_copies_keep_what_is_excluded_from_decay():
    w = Variable([1.0])
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[w])
    optimizer.build([w])
    again, v = copy.deepcopy((optimizer, w))
    again.apply([np.zeros(1)], [v])
    assert float(v) == 1.0


def test_state_names_slots_by_path():
    optimizer = optimizers.Adam()
    optimizer.build([Variable([1.0, 2.0], name="w"), Variable([1.0], name="w")])
    state = optimizer.state()
    assert {k: v.shape for k, v in state.items()} == {
        "iterations": (),
        "w/momentum": (2,),
        "w/velocity": (2,),
        "w_1/momentum": (1,),
        "w_1/velocity": (1,),
    }


def test_load_state_is_strict():
    optimizer = optimizers.Adam()
    optimizer.build([Variable([1.0, 2.0], name="w")])
    state = optimizer.state()
    without = {k: v for k, v in state.items() if k != "w/velocity"}
    with pytest.raises(ValueError, match="missing: w/velocity"):
        optimizer.load_state(without)
    with pytest.raises(ValueError, match="not of this optimizer: b/momentum"):
        optimizer.load_state({**state, "b/momentum": np.ones(1)})
    with pytest.raises(ValueError, match=r"w/velocity has shape \(3,\); expected \(2,\)"):
        optimizer.load_state({**state, "w/velocity": np.ones(3)})
    with pytest.raises(ValueError, match=r"build\(variables\) comes first"):
        optimizers.Adam().load_state(state)
    for name, value in optimizer.state().items():
        np.testing.assert_array_equal(value, state[name])


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.3, momentum=0.5, nesterov=True, weight_decay=0.01, clipvalue=0.5, name="mine"),
        optimizers.Adam(0.3, beta_1=0.5, beta_2=0.6, epsilon=0.1, amsgrad=True, clipnorm=2.0),
        optimizers.AdamW(0.3, weight_decay=0.1),
        optimizers.RMSprop(0.3, rho=0.5, momentum=0.2, epsilon=0.1, centered=True, global_clipnorm=1.0),
        optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True)),
    ],
    ids=repr,
)
def test_config_round_trip(optimizer):
    config = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.get(config)
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    assert again.learning_rate == optimizer.learning_rate


def test_own_optimizers_have_slots_and_load_by_custom_objects():
    class Heavy(optimizers.Optimizer):
        slot_names = ("sum",)

        def update_step(self, gradient, variable, learning_rate, slots):
            slots[0].numpy()[:] += gradient.numpy()
            variable.numpy()[:] -= learning_rate * slots[0].numpy()

    w = Variable([0.0])
    optimizer = optimizers.deserialize(optimizers.serialize(Heavy(0.5)), custom_objects={"Heavy": Heavy})
    for _ in range(2):
        optimizer.apply([np.ones(1)], [w])
    assert float(w) == -1.5
    assert optimizer.state()["variable/sum"].tolist() == [2.0]
    with pytest.raises(ValueError, match="unknown optimizer 'heavy'"):
        optimizers.deserialize({"class_name": "Heavy", "config": {}})


def test_defaults_are_keras_s():
    assert optimizers.SGD().learning_rate == 0.01 and optimizers.SGD().momentum == 0 and not optimizers.SGD().nesterov
    adam = optimizers.Adam()
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon, adam.amsgrad) == (
        0.001,
        0.9,
        0.999,
        1e-7,
        False,
    )
    rms = optimizers.RMSprop()
    assert (rms.learning_rate, rms.rho, rms.momentum, rms.epsilon, rms.centered) == (0.001, 0.9, 0.0, 1e-7, False)
    assert optimizers.AdamW().weight_decay == 0.004


# ---- by name, and errors ----


def test_get():
    for name, cls in (("sgd", "SGD"), ("Adam", "Adam"), ("ADAM", "Adam"), ("adamw", "AdamW"), ("RMSprop", "RMSprop")):
        assert type(optimizers.get(name)).__name__ == cls
    optimizer = optimizers.SGD()
    assert optimizers.get(optimizer) is optimizer and optimizers.get(None) is None
    with pytest.raises(ValueError, match=r"unknown optimizer 'adm'\. Did you mean 'adam'"):
        optimizers.get("adm")
    with pytest.raises(TypeError, match="optimizer: expected a name"):
        optimizers.get(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.SGD(-0.1), "SGD: learning_rate must be a number of at least 0; got -0.1"),
        (lambda: optimizers.SGD("fast"), "SGD: learning_rate must be a number of at least 0; got 'fast'"),
        (lambda: optimizers.SGD(float("nan")), "SGD: learning_rate must be"),
        (lambda: optimizers.SGD(momentum=1.5), r"SGD: momentum must be a number in \[0, 1\]; got 1.5"),
        (lambda: optimizers.Adam(beta_1=1.0), r"Adam: beta_1 must be a number in \[0, 1\); got 1.0"),
        (lambda: optimizers.Adam(beta_2=-0.1), r"Adam: beta_2 must be a number in \[0, 1\); got -0.1"),
        (lambda: optimizers.Adam(epsilon=-1.0), "Adam: epsilon must be a number of at least 0; got -1.0"),
        (lambda: optimizers.AdamW(weight_decay=None), "AdamW: weight_decay must be a number; got None"),
        (lambda: optimizers.RMSprop(rho=1), r"RMSprop: rho must be a number in \[0, 1\); got 1"),
        (lambda: optimizers.RMSprop(momentum=-1), r"RMSprop: momentum must be a number in \[0, 1\]; got -1"),
        (lambda: optimizers.SGD(weight_decay=-0.1), "SGD: weight_decay must be a number of at least 0; got -0.1"),
        (lambda: optimizers.SGD(clipnorm=0), "SGD: clipnorm must be positive; got 0"),
        (lambda: optimizers.SGD(clipnorm=1, clipvalue=1), "only one of .* can be set; got clipnorm, clipvalue"),
        (lambda: optimizers.SGD(lr=0.1), "SGD: unknown argument 'lr'. Did you mean learning_rate"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), r"SGD: ema_momentum must be a number in \[0, 1\]"),
        (lambda: optimizers.SGD(ema_overwrite_frequency=0), "ema_overwrite_frequency must be an integer of at least 1"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps must be .* at least 2"),
        (lambda: optimizers.Adam(loss_scale_factor=0), "Adam: loss_scale_factor must be positive; got 0"),
        (lambda: optimizers.Lion(beta_1=0), "Lion: beta_1 must be above 0; got 0"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value must be a number of at"),
        (lambda: optimizers.schedules.CosineDecay(0.1, 0), "CosineDecay: decay_steps must be positive; got 0"),
        (
            lambda: optimizers.schedules.PiecewiseConstantDecay([1], [1.0]),
            "one value more .* 1 boundaries and 1 values",
        ),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_calls_are_checked():
    w, other = Variable([1.0, 2.0], name="w"), Variable([1.0], name="other")
    optimizer = optimizers.SGD()
    with pytest.raises(ValueError, match="first call needs trainable_variables"):
        optimizer.apply([np.ones(2)])
    with pytest.raises(ValueError, match="got 1 gradients for 2 variables"):
        optimizer.apply([np.ones(2)], [w, other])
    optimizer.build([w])
    optimizer.apply([np.ones(2)])
    with pytest.raises(
        ValueError, match=r"SGD: unknown variable 'other' of shape \(1,\); this optimizer was built for 1"
    ):
        optimizer.apply([np.ones(1)], [other])
    with pytest.raises(ValueError, match=r"gradient of 'w' has shape \(3,\); expected \(2,\)"):
        optimizer.apply([np.ones(3)], [w])
    with pytest.raises(TypeError, match="SGD: expected variables to train; got Tensor"):
        optimizers.SGD().build([ops.convert_to_tensor([1.0])])
    with pytest.raises(TypeError, match="one float type; 'n' is int32"):
        optimizers.SGD().build([Variable([1], dtype="int32", name="n")])
    with pytest.raises(NotImplementedError, match="Optimizer must define update_step"):
        optimizers.Optimizer(0.1).apply([np.ones(2)], [w])


def test_public_names():
    assert cygrad.optimizers.Optimizer is cygrad.Optimizer


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", cygrad.optimizers.SGD(0.1, momentum=0.9)], ids=str)
@pytest.mark.kernels
def test_averages_of_gradients_that_died_out_become_zero(optimizer):
    optimizer = cygrad.optimizers.get(optimizer)
    w = cygrad.Variable(np.ones(20, "float32"))
    optimizer.apply([np.full(20, 1e-17)], [w])
    for _ in range(1000):
        optimizer.apply([np.zeros(20)], [w])
    for slot in optimizer.slots.values():
        values = np.abs(np.asarray(slot))
        assert not ((values > 0) & (values < 1e-36)).any()
    assert np.isfinite(w.numpy()).all()
