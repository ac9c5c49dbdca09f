"""Ftrl."""

from ..ops._backend import K
from .base import Optimizer, check_range

_OPTIONS = ("l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta")


class Ftrl(Optimizer):
    """Follow the regularized leader, for sparse linear models: Ftrl(learning_rate=0.001, ...).

    The others: learning_rate_power=-0.5, initial_accumulator_value=0.1, l1_regularization_strength=0.0,
    l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0, beta=0.0, and the options of Optimizer.

    With p = -learning_rate_power, lr the learning rate: new = a + g^2; z += g + 2 shrinkage w - (new^p - a^p) / lr w;
    a = new; w = (clip(z, -l1, l1) - z) / (new^p / lr + 2 l2 + beta / lr), a starts from initial_accumulator_value
    (McMahan et al. 2013). learning_rate_power at most 0, the others at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Ftrl(0.5, initial_accumulator_value=0.0).apply([np.array([3.0])], [w])
    >>> w.numpy().tolist()
    [0.5]
    """

    slot_names = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate=0.001,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0,
        beta=0.0,
        **options,
    ):
        super().__init__(learning_rate, **options)
        self.learning_rate_power = -check_range("Ftrl", "-learning_rate_power", -learning_rate_power)
        start = check_range("Ftrl", "initial_accumulator_value", initial_accumulator_value)
        self.initial_accumulator_value = start
        given = l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength, beta
        for name, value in zip(_OPTIONS, given):
            setattr(self, name, check_range("Ftrl", name, value))

    def initial_values(self):
        return {"accumulator": self.initial_accumulator_value}

    def update_step(self, gradient, variable, learning_rate, slots):
        strengths = [getattr(self, name) for name in _OPTIONS]
        n, power = variable.size, self.learning_rate_power
        K.ftrl_step(variable, *slots, gradient, n, learning_rate, power, *strengths)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("learning_rate_power", "initial_accumulator_value", *_OPTIONS)}
        return {**super().get_config(), **own}
