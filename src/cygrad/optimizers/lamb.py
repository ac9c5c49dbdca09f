"""Lamb."""

from .._tensor import empty
from ..ops._backend import K
from .adam import _TwoMoments
from .base import norm


class Lamb(_TwoMoments):
    """Adam with steps in proportion to each variable's norm, for large batches.

    Lamb(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **options); options: those of Optimizer.

    At step t, from 1: m and v as Adam's; u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);
    w -= learning_rate |w| / |u| u, with L2 norms over the variable; where one of them is 0, their ratio counts as 1
    (You et al. 2020).

    beta_1 and beta_2 in [0, 1), epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([3.0, 4.0])
    >>> cygrad.optimizers.Lamb(learning_rate=0.5).apply([np.array([0.0, 1.0])], [w])
    >>> [round(value, 4) for value in w.numpy().tolist()]
    [3.0, 1.5]
    """

    slot_names = ("momentum", "velocity")
    by_variable = True

    def update_step(self, gradient, variable, learning_rate, slots):
        n, step, update = variable.size, self.iterations + 1, empty(variable.shape, variable.dtype)
        K.lamb_update(update, *slots, gradient, n, self.beta_1, self.beta_2, self.epsilon, step)
        size, length = norm(variable), norm(update)
        ratio = size / length if size > 0 and length > 0 else 1.0
        K.accumulate(variable, update, n, -learning_rate * ratio)
