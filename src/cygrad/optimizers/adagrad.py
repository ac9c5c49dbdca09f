"""Adagrad and Adadelta."""

from ..ops._backend import K
from .base import Optimizer, check_range


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares.

    Adagrad(learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, **options); options: those of Optimizer.

    a += g^2; w -= learning_rate g / sqrt(a + epsilon), a starts from initial_accumulator_value (Duchi, Hazan and Singer
    2011). initial_accumulator_value and epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Adagrad(0.5, initial_accumulator_value=0.0, epsilon=0.0).apply([np.array([3.0])], [w])
    >>> w.numpy().tolist()
    [0.5]
    """

    slot_names = ("accumulator",)

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, **options):
        super().__init__(learning_rate, **options)
        start = check_range("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        self.initial_accumulator_value, self.epsilon = start, check_range("Adagrad", "epsilon", epsilon)

    def initial_values(self):
        return {"accumulator": self.initial_accumulator_value}

    def update_step(self, gradient, variable, learning_rate, slots):
        K.adagrad_step(variable, slots[0], gradient, variable.size, learning_rate, self.epsilon)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("initial_accumulator_value", "epsilon")}
        return {**super().get_config(), **own}


class Adadelta(Optimizer):
    """Gradients scaled by the ratio of two moving means: of updates, and of gradients.

    Adadelta(learning_rate=0.001, rho=0.95, epsilon=1e-7, **options); options: those of Optimizer.

    a = rho a + (1 - rho) g^2; u = sqrt(d + epsilon) / sqrt(a + epsilon) g; d = rho d + (1 - rho) u^2;
    w -= learning_rate u (Zeiler 2012, where learning_rate is 1). rho in [0, 1), epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Adadelta(1.0, rho=0.75, epsilon=0.25).apply([np.array([3.0])], [w])
    >>> round(float(w[0]), 4)
    0.0513
    """

    slot_names = ("accumulated_grad", "accumulated_delta_var")

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, **options):
        super().__init__(learning_rate, **options)
        self.rho = check_range("Adadelta", "rho", rho, high=1, high_included=False)
        self.epsilon = check_range("Adadelta", "epsilon", epsilon)

    def update_step(self, gradient, variable, learning_rate, slots):
        K.adadelta_step(variable, *slots, gradient, variable.size, learning_rate, self.rho, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
