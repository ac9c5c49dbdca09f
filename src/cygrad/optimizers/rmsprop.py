"""RMSprop."""

from ..ops._backend import K
from .base import Optimizer, check_range


class RMSprop(Optimizer):
    """Gradients divided by the root of their mean square: RMSprop(learning_rate=0.001, rho=0.9, momentum=0.0, ...).

    The others: epsilon=1e-7, centered=False, and the options of Optimizer.

    v = rho v + (1 - rho) g^2; d = v + epsilon; where centered, a = rho a + (1 - rho) g and d = v - a^2 + epsilon;
    u = learning_rate g / sqrt(d); w -= u, or with momentum b = momentum b + u; w -= b (Hinton 2012, lecture 6;
    centered: Graves 2013). The options of Optimizer follow.

    rho in [0, 1), momentum in [0, 1], epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.RMSprop(learning_rate=0.25, rho=0.75, epsilon=0.0).apply([np.array([8.0])], [w])
    >>> w.numpy().tolist()
    [0.5]
    """

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, **options):
        super().__init__(learning_rate, **options)
        self.rho = check_range("RMSprop", "rho", rho, high=1, high_included=False)
        self.momentum = check_range("RMSprop", "momentum", momentum, high=1)
        self.epsilon = check_range("RMSprop", "epsilon", epsilon)
        self.centered = bool(centered)
        wanted = {"velocity": True, "average_gradient": self.centered, "momentum": bool(self.momentum)}
        self.slot_names = tuple(name for name, needed in wanted.items() if needed)

    def update_step(self, gradient, variable, learning_rate, slots):
        v, *rest = slots
        average = rest.pop(0) if self.centered else None
        momentum = rest.pop(0) if self.momentum else None
        n = variable.size
        K.rmsprop_step(
            variable, v, average, momentum, gradient, n, learning_rate, self.rho, self.momentum, self.epsilon
        )

    def get_config(self):
        own = {name: getattr(self, name) for name in ("rho", "momentum", "epsilon", "centered")}
        return {**super().get_config(), **own}
