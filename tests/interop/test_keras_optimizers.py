"""Optimizers and schedules against Keras: five steps with the same random gradients. Runs where Keras is installed."""

import inspect

import numpy as np
import pytest
from frameworks import EPSILON, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

SHAPES = [(7, 5), (5,), (3, 3, 2, 4), (1,)]
CASES = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.1}),
    ("Adam", {"learning_rate": 0.03, "beta_2": 0.6, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.03}),
    ("AdamW", {"learning_rate": 0.03, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.03, "rho": 0.6, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": 0.03, "momentum": 0.8}),
    ("RMSprop", {"learning_rate": 0.03, "centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": 0.03, "centered": True, "momentum": 0.8, "epsilon": 1e-3}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.7, "epsilon": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.6, "epsilon": 1e-3}),
    ("Adamax", {"learning_rate": 0.03}),
    ("Adamax", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    ("Nadam", {"learning_rate": 0.03}),
    ("Nadam", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    ("Lion", {"learning_rate": 0.03}),
    ("Lion", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.8}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.7, "l1_regularization_strength": 0.2, "beta": 0.3}),
    ("Ftrl", {"learning_rate": 0.1, "l2_regularization_strength": 0.2, "l2_shrinkage_regularization_strength": 0.1}),
    ("Lamb", {"learning_rate": 0.03}),
    ("Lamb", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    ("Adafactor", {"learning_rate": 0.1, "epsilon_1": 1e-6}),
    ("Adafactor", {"learning_rate": 0.1, "epsilon_1": 0.1, "clip_threshold": 0.5, "beta_2_decay": -0.6}),
    ("Muon", {"learning_rate": 0.03}),
    ("Muon", {"learning_rate": 0.03, "nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.3, "weight_decay": 0.1}),
    *[
        (name, {"learning_rate": 0.03, **extra})
        for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Ftrl", "Lamb")
        for extra in (
            {"use_ema": True, "ema_momentum": 0.8, "weight_decay": 0.1},
            {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2},
            {"gradient_accumulation_steps": 2, "weight_decay": 0.1, "clipnorm": 1.5},
            {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 1, "global_clipnorm": 2.0},
            {"loss_scale_factor": 4.0},
        )
    ],
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.2}),
    ("RMSprop", {"learning_rate": 0.03, "weight_decay": 0.2}),
    *[
        (name, {"learning_rate": 0.03, **clip})
        for name in ("SGD", "Adam")
        for clip in ({"clipnorm": 1.5}, {"clipvalue": 0.4}, {"global_clipnorm": 2.0})
    ],
]


def close(mine, theirs, steps=5):
    """Each step rounds a weight, and computes its change, of the size of the learning rate, to a few eps."""
    tolerance = 16 * steps * EPSILON
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


def variables(rng):
    """The same random values as variables of cygrad and Keras."""
    values = [normal(rng, shape) for shape in SHAPES]
    return [cygrad.Variable(v) for v in values], [keras.Variable(v) for v in values]


def gradients(rng):
    """Of very different sizes, some of them 0, as those behind a relu are."""
    found = [normal(rng, shape) * rng.choice([0.0, 1e-3, 1.0, 3.0], shape).astype(np.float32) for shape in SHAPES]
    return found, [keras.ops.convert_to_tensor(g) for g in found]


def five_steps(mine, theirs, seed=0):
    rng = np.random.default_rng(seed)
    own, foreign = variables(rng)
    for step in range(1, 6):
        given, converted = gradients(rng)
        mine.apply_gradients(zip(given, own))
        theirs.apply_gradients(zip(converted, foreign))
        for v, w in zip(own, foreign):
            close(v, keras.ops.convert_to_numpy(w), step)
    assert mine.iterations == int(theirs.iterations)
    mine.finalize_variable_values(own)
    theirs.finalize_variable_values(foreign)
    for v, w in zip(own, foreign):
        close(v, keras.ops.convert_to_numpy(w), 5)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_five_steps(name, arguments):
    five_steps(*(getattr(package.optimizers, name)(**arguments) for package in (cygrad, keras)))


NAMES = sorted({name for name, _ in CASES})


# Lion's sign of rounding errors is anything; Ftrl makes new weights of its sums, whatever the old ones are
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"Lion", "Ftrl"}))
def test_variables_that_do_not_decay(name):
    options = {"learning_rate": 0.1, "weight_decay": 0.5, **({"adam_weight_decay": 0.5} if name == "Muon" else {})}
    optimizers = [getattr(package.optimizers, name)(**options) for package in (cygrad, keras)]
    own, foreign = variables(np.random.default_rng(0))
    start = [v.numpy().copy() for v in own]
    for optimizer, given in zip(optimizers, (own, foreign)):
        optimizer.exclude_from_weight_decay(var_list=given[:2])
        optimizer.build(given)
    zeros = [np.zeros(shape, np.float32) for shape in SHAPES]
    optimizers[0].apply_gradients(zip(zeros, own))
    optimizers[1].apply_gradients(zip(map(keras.ops.convert_to_tensor, zeros), foreign))
    for v, w, before, kept in zip(own, foreign, start, (1, 1, 0.95, 0.95)):
        close(v, before * np.float32(kept), 1)
        close(v, keras.ops.convert_to_numpy(w), 1)


@pytest.mark.parametrize("staircase", [False, True])
def test_exponential_decay(staircase):
    arguments = {"initial_learning_rate": 0.3, "decay_steps": 2, "decay_rate": 0.5, "staircase": staircase}
    schedules = [package.optimizers.schedules.ExponentialDecay(**arguments) for package in (cygrad, keras)]
    for step in range(10):
        mine, theirs = (schedule(step) for schedule in schedules)
        assert mine == pytest.approx(float(keras.ops.convert_to_numpy(theirs)), rel=4 * EPSILON)
    five_steps(
        *(package.optimizers.SGD(schedule, momentum=0.5) for package, schedule in zip((cygrad, keras), schedules))
    )


def random_schedules():
    """Random arguments for each schedule."""
    rng = np.random.default_rng(3)
    for _ in range(6):
        start, steps, bit = (
            {"initial_learning_rate": float(rng.uniform(0.01, 1))},
            int(rng.integers(1, 9)),
            rng.integers,
        )
        yield "ExponentialDecay", {**start, "decay_steps": steps, "decay_rate": 0.6, "staircase": bool(bit(2))}
        yield "InverseTimeDecay", {**start, "decay_steps": steps, "decay_rate": 0.6, "staircase": bool(bit(2))}
        end = {"end_learning_rate": float(rng.uniform(0, 0.01)), "power": float(rng.uniform(0.5, 2))}
        yield "PolynomialDecay", {**start, **end, "decay_steps": steps, "cycle": bool(bit(2))}
        yield "CosineDecay", {**start, "decay_steps": steps, "alpha": float(rng.uniform(0, 0.5))}
        yield "CosineDecay", {**start, "decay_steps": steps, "warmup_target": 1.5, "warmup_steps": int(bit(1, 6))}
        # (restarts that fall between two steps: float32 misses some of those that do not)
        wave = {"t_mul": float(rng.choice([1.0, 1.7, 2.3])), "m_mul": float(rng.uniform(0.5, 1))}
        yield "CosineDecayRestarts", {**start, **wave, "first_decay_steps": steps, "alpha": float(rng.uniform(0, 0.2))}
        cuts = sorted(rng.choice(20, 3, replace=False).tolist())
        yield "PiecewiseConstantDecay", {"boundaries": cuts, "values": rng.uniform(0, 1, 4).tolist()}


@pytest.mark.parametrize(("name", "arguments"), list(random_schedules()))
def test_schedules(name, arguments):
    mine, theirs = (getattr(package.optimizers.schedules, name)(**arguments) for package in (cygrad, keras))
    for step in range(40):
        wanted = float(keras.ops.convert_to_numpy(theirs(step)))
        assert mine(step) == pytest.approx(wanted, rel=1e-4, abs=1e-5), step
    assert mine.get_config() == theirs.get_config()
    parameters = [inspect.signature(type(schedule)).parameters for schedule in (mine, theirs)]
    assert [(p.name, p.default) for p in parameters[0].values()] == [
        (p.name, p.default) for p in parameters[1].values()
    ]


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_defaults(name):
    """Our arguments are Keras's first ones in Keras's order; the others have Keras's default when left out."""
    mine, theirs = (
        inspect.signature(getattr(package.optimizers, name).__init__).parameters for package in (cygrad, keras)
    )
    own = [n for n in mine if n != "options"]
    assert own == list(theirs)[: len(own)]
    assert all(mine[n].default == theirs[n].default for n in own)
    options = inspect.signature(cygrad.Optimizer.__init__).parameters
    for n in set(options) & set(theirs) - set(own) - {"name"}:
        assert options[n].default == theirs[n].default, n
    default = getattr(keras.optimizers, name)()
    assert cygrad.optimizers.get(name.lower()).learning_rate == pytest.approx(
        float(keras.ops.convert_to_numpy(default.learning_rate)), rel=EPSILON
    )


def test_every_optimizer_is_compared():
    assert {*cygrad.optimizers._CLASSES} == {name.lower() for name, _ in CASES}
