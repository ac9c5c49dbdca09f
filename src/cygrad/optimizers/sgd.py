"""Stochastic gradient descent."""

from ..ops._backend import K
from .base import Optimizer, check_range


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted: SGD(learning_rate=0.01, momentum=0.0, nesterov=False, **options).

    options: those of Optimizer.

    Without momentum: w -= learning_rate g.
    With it: velocity = momentum velocity - learning_rate g; w += velocity, or, where nesterov,
    w += momentum velocity - learning_rate g (Sutskever et al. 2013).

    momentum in [0, 1]; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.SGD(learning_rate=0.25).apply([np.array([2.0])], [w])
    >>> w.numpy().tolist()
    [0.5]
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **options):
        super().__init__(learning_rate, **options)
        self.momentum = check_range("SGD", "momentum", momentum, high=1)
        self.nesterov = bool(nesterov)
        self.slot_names = ("momentum",) if self.momentum else ()

    def update_step(self, gradient, variable, learning_rate, slots):
        velocity = slots[0] if slots else None
        K.sgd_step(variable, velocity, gradient, variable.size, learning_rate, self.momentum, self.nesterov)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
