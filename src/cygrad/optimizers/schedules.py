"""Learning-rate schedules: functions of the step, for an optimizer's learning_rate."""

import bisect
import math

from .. import _lookup


class LearningRateSchedule:
    """Base of all schedules: __call__(step) gives the learning rate of a step, from 0; get_config() its arguments.

    >>> class Halving(cygrad.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> cygrad.optimizers.SGD(Halving()).learning_rate
    0.1
    """

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
        _check_steps("ExponentialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step):
        exponent = int(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(exponent) if self.staircase else exponent)

    def get_config(self):
        return dict(vars(self))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] for the steps up to and including boundaries[i], values[-1] after the last of them.

    PiecewiseConstantDecay(boundaries, values, name="PiecewiseConstant"); ValueError unless there is one value more.

    >>> schedule = cygrad.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> schedule(10), schedule(11), schedule(21)
    (1.0, 0.5, 0.1)
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: expected one value more than boundaries; got {len(boundaries)} boundaries "
                f"and {len(values)} values"
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step):
        return self.values[bisect.bisect_left(self.boundaries, step)]

    def get_config(self):
        return dict(vars(self))


class PolynomialDecay(LearningRateSchedule):
    """(initial_learning_rate - end_learning_rate) (1 - p)^power + end_learning_rate, p = step / decay_steps, at most 1.

    PolynomialDecay(initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=...).
    cycle: beyond decay_steps, decay_steps is multiplied by the least whole number that is enough. ValueError when
    decay_steps is not positive.

    >>> schedule = cygrad.optimizers.schedules.PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)
    >>> schedule(5), schedule(20)
    (0.5, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name="PolynomialDecay",
    ):
        _check_steps("PolynomialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step):
        steps = self.decay_steps
        if self.cycle:
            steps *= max(math.ceil(int(step) / steps), 1)
        p = min(int(step) / steps, 1.0)
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate

    def get_config(self):
        return dict(vars(self))


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate step / decay_steps); staircase: the quotient is rounded down.

    InverseTimeDecay(initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay").
    ValueError when decay_steps is not positive.

    >>> schedule = cygrad.optimizers.schedules.InverseTimeDecay(1.0, decay_steps=10, decay_rate=1.0)
    >>> schedule(10)
    0.5
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        _check_steps("InverseTimeDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step):
        p = int(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))

    def get_config(self):
        return dict(vars(self))


class CosineDecay(LearningRateSchedule):
    """rate ((1 - alpha) (1 + cos(pi p)) / 2 + alpha), p = step / decay_steps, at most 1: from rate down to alpha rate.

    CosineDecay(initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0).
    rate is initial_learning_rate; with a warmup_target, it is that, and the decay begins after warmup_steps, in which
    the rate goes from initial_learning_rate to it in a straight line. ValueError when decay_steps is not positive.
    (Loshchilov and Hutter 2017)

    >>> schedule = cygrad.optimizers.schedules.CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
    >>> schedule(2), schedule(4), schedule(9), schedule(14)
    (0.5, 1.0, 0.5, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        alpha=0.0,
        name="CosineDecay",
        warmup_target=None,
        warmup_steps=0,
    ):
        _check_steps("CosineDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def __call__(self, step):
        step, rate = int(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return rate + (self.warmup_target - rate) * step / self.warmup_steps
            step, rate = step - self.warmup_steps, self.warmup_target
        return rate * ((1 - self.alpha) * _half_cosine(min(step / self.decay_steps, 1.0)) + self.alpha)

    def get_config(self):
        return dict(vars(self))


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after the other: the i-th, from 0, starts at m_mul^i, lasts first_decay_steps t_mul^i steps.

    CosineDecayRestarts(initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay").
    Each is initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi p)) / 2 + alpha), p the part of it that is over.
    ValueError when first_decay_steps is not positive. (Loshchilov and Hutter 2017)

    >>> schedule = cygrad.optimizers.schedules.CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
    >>> schedule(0), schedule(5), schedule(10), schedule(20)
    (1.0, 0.5, 0.5, 0.25)
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        _check_steps("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step):
        over, restart = int(step) / self.first_decay_steps, 0
        if self.t_mul == 1.0:
            restart = math.floor(over)
            over -= restart
        else:
            whole = math.log(1.0 - over * (1.0 - self.t_mul)) / math.log(self.t_mul)
            restart = math.floor(whole + 1e-9)  # the step of a restart itself is not to miss it by rounding
            before = (1.0 - self.t_mul**restart) / (1.0 - self.t_mul)
            over = (over - before) / self.t_mul**restart
        height = self.m_mul**restart * _half_cosine(over)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

    def get_config(self):
        return dict(vars(self))


def _half_cosine(p):
    """1 at p = 0, 0 at 1, level at both."""
    return 0.5 * (1.0 + math.cos(math.pi * p))


def _check_steps(owner, argument, steps):
    if steps <= 0:
        raise ValueError(f"{owner}: {argument} must be positive; got {steps!r}")


SCHEDULES = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def serialize(schedule):
    """{"class_name", "config"} of a schedule.

    >>> schedule = cygrad.optimizers.schedules.ExponentialDecay(0.1, 100, 0.5)
    >>> cygrad.optimizers.schedules.serialize(schedule)['class_name']
    'ExponentialDecay'
    """
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(config, custom_objects=None):
    """A schedule from serialize()'s dict; the caller's own classes come through custom_objects, {name: class}.

    config: what serialize gives, or a name.

    >>> data = cygrad.optimizers.schedules.serialize(cygrad.optimizers.schedules.ExponentialDecay(0.1, 100, 0.5))
    >>> cygrad.optimizers.schedules.deserialize(data)(100)
    0.05
    """
    with _lookup.custom_object_scope(custom_objects):
        return _lookup.get(config, "learning-rate schedule", SCHEDULES, LearningRateSchedule)
