"""Optimizers against their papers' formulas in float64, the arena, clips, decay and errors."""

import copy

import numpy as np
import pytest
from optimizer_formulas import CASES, SHAPES, adam, agree, expected, gradients_of, run, sgd, variables_of

import cygrad
from cygrad import GradientTape, Input, Sequential, Variable, layers, ops, optimizers
from cygrad.ops._backend import use_reference


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
