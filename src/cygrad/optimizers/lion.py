"""Lion."""

from ..ops._backend import K
from .base import Optimizer, check_range


class Lion(Optimizer):
    """Steps of one size, the signs from gradient and momentum: Lion(learning_rate=0.001, beta_1=0.9, beta_2=0.99, ...).

    The options of Optimizer follow.

    w -= learning_rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g (Chen et al. 2023).

    beta_1 in (0, 1], beta_2 in [0, 1]; ValueError outside.

    >>> w = cygrad.Variable([1.0, 2.0])
    >>> cygrad.optimizers.Lion(learning_rate=0.5).apply([np.array([3.0, -4.0])], [w])
    >>> w.numpy().tolist()
    [0.5, 2.5]
    """

    slot_names = ("momentum",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, **options):
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = (
            check_range("Lion", "beta_1", beta_1, high=1),
            check_range("Lion", "beta_2", beta_2, high=1),
        )
        if self.beta_1 == 0:
            raise ValueError("Lion: beta_1 must be above 0; got 0, which would leave the sign of the gradient alone")

    def update_step(self, gradient, variable, learning_rate, slots):
        K.lion_step(variable, slots[0], gradient, variable.size, learning_rate, self.beta_1, self.beta_2)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
