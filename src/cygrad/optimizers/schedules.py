"""Learning-rate schedules: functions of the step, for an optimizer's learning_rate."""

import math

from .. import _lookup


class LearningRateSchedule:
    """Base of all schedules: __call__(step) gives the learning rate of a step, from 0; get_config() its arguments."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self):
        raise NotImplementedError(f"{type(self).__name__} must define get_config() to be saved")

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps); staircase: the exponent is rounded down.

    ValueError when decay_steps is not positive.

    >>> schedule = cygrad.optimizers.schedules.ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5, staircase=True)
    >>> schedule(9), schedule(20)
    (1.0, 0.25)
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        if decay_steps <= 0:
            raise ValueError(f"ExponentialDecay: decay_steps must be positive; got {decay_steps!r}")
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step):
        exponent = int(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(exponent) if self.staircase else exponent)

    def get_config(self):
        return dict(vars(self))


SCHEDULES = {"ExponentialDecay": ExponentialDecay}


def serialize(schedule):
    """{"class_name", "config"} of a schedule."""
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(config, custom_objects=None):
    """A schedule from serialize()'s dict; the caller's own classes come through custom_objects, {name: class}."""
    with _lookup.custom_object_scope(custom_objects):
        return _lookup.get(config, "learning-rate schedule", SCHEDULES, LearningRateSchedule)
