"""Optimizers' state and configuration: saved, copied, loaded, trained on with the same bits."""

import copy
import json
import pickle

import numpy as np
import pytest
from optimizer_formulas import CASES, gradients_of, run, variables_of

from cygrad import Input, Sequential, Variable, layers, models, optimizers, utils

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
