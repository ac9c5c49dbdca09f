"""Learning rates: set, and by schedules, whose values follow from their formulas."""

import math

import numpy as np
import pytest

from cygrad import Variable, optimizers
from cygrad.optimizers import schedules

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


# ---- values ----

QUARTER = 0.5 * (1 + math.cos(math.pi / 4))  # a cosine's way down from 1 to 0, a quarter of it over


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (schedules.PiecewiseConstantDecay([2, 5], [0.3, 0.2, 0.1]), {0: 0.3, 2: 0.3, 3: 0.2, 5: 0.2, 6: 0.1}),
        (schedules.PolynomialDecay(1.0, 10, 0.2, power=2.0), {0: 1.0, 5: 0.4, 10: 0.2, 15: 0.2}),
        (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), {5: 0.5, 10: 0.0, 15: 0.25, 20: 0.0, 21: 0.3}),
        (schedules.InverseTimeDecay(1.0, 10, 0.5), {0: 1.0, 5: 0.8, 10: 1 / 1.5}),
        (schedules.InverseTimeDecay(1.0, 10, 0.5, staircase=True), {9: 1.0, 10: 1 / 1.5, 19: 1 / 1.5, 20: 0.5}),
        (
            schedules.CosineDecay(1.0, 8, alpha=0.2),
            {0: 1.0, 2: 0.8 * QUARTER + 0.2, 4: 0.6, 8: 0.2, 9: 0.2},
        ),
        (
            schedules.CosineDecay(0.1, 8, warmup_target=1.0, warmup_steps=3),
            {0: 0.1, 1: 0.4, 3: 1.0, 5: QUARTER, 7: 0.5, 11: 0.0},
        ),
        (
            schedules.CosineDecayRestarts(1.0, 4, t_mul=2.0, m_mul=0.5, alpha=0.1),
            {0: 1.0, 2: 0.55, 4: 0.55, 8: 0.325, 12: 0.325, 28: 0.2125},
        ),
        (schedules.CosineDecayRestarts(1.0, 4, t_mul=1.0), {1: QUARTER, 4: 1.0, 5: QUARTER, 9: QUARTER}),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_rates_follow_the_formulas(schedule, rates):
    assert {step: schedule(step) for step in rates} == pytest.approx(rates)
    again = type(schedule).from_config(schedule.get_config())
    assert {step: again(step) for step in rates} == pytest.approx(rates)
