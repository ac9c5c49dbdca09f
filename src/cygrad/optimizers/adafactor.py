"""Adafactor."""

import math

from .. import ops
from ..ops._backend import K, view
from .base import Optimizer, check_range, norm


class Adafactor(Optimizer):
    """Gradients divided by a root of mean squares that a matrix keeps by its rows and columns only.

    Adafactor(learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0,
    relative_step=True, **options); options: those of Optimizer.

    At step t, from 1: b = 1 - t^beta_2_decay; s = g^2 + epsilon_1. Over the last two axes:
    r = b r + (1 - b) mean(s, -1), c = b c + (1 - b) mean(s, -2), v = r c / mean(r, -1); of vectors:
    v = b v + (1 - b) s. u = g / sqrt(v); w -= max(epsilon_2, rms(w)) rho u / max(1, rms(u) / clip_threshold), with
    rho = min(learning_rate, 1 / sqrt(t)) and rms the root of the mean square (Shazeer and Stern 2018). relative_step
    changes nothing, as in Keras, where rho is the same either way.

    beta_2_decay at most 0, the others at least 0 (clip_threshold above); ValueError outside.

    >>> w = cygrad.Variable([[1.0, 1.0], [1.0, 1.0]])
    >>> cygrad.optimizers.Adafactor(learning_rate=0.5).apply([np.ones((2, 2))], [w])
    >>> w.numpy().tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    slot_names = ("row", "column")  # their first values; of vectors, "row" is v
    by_variable = True
    _own = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold")

    def __init__(
        self,
        learning_rate=0.001,
        beta_2_decay=-0.8,
        epsilon_1=1e-30,
        epsilon_2=1e-3,
        clip_threshold=1.0,
        relative_step=True,
        **options,
    ):
        super().__init__(learning_rate, **options)
        self.beta_2_decay = -check_range("Adafactor", "-beta_2_decay", -beta_2_decay)
        self.epsilon_1 = check_range("Adafactor", "epsilon_1", epsilon_1)
        self.epsilon_2 = check_range("Adafactor", "epsilon_2", epsilon_2)
        self.clip_threshold = check_range("Adafactor", "clip_threshold", clip_threshold)
        if self.clip_threshold == 0:
            raise ValueError("Adafactor: clip_threshold must be positive; got 0, which would stop all learning")
        self.relative_step = bool(relative_step)

    def update_step(self, gradient, variable, learning_rate, slots):
        n, step, shape = variable.size, self.iterations + 1, variable.shape
        if not n:
            return
        squares = ops.add(ops.square(gradient), self.epsilon_1)
        decay = 1.0 - step**self.beta_2_decay
        if len(shape) < 2:
            mean_squares = _follow(slots[0], squares, decay)
        else:
            row = _follow(view(slots[0], shape[:-1]), ops.mean(squares, -1), decay)
            column = _follow(view(slots[1], (*shape[:-2], shape[-1])), ops.mean(squares, -2), decay)
            share = ops.divide(row, ops.mean(row, -1, True))
            mean_squares = ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(column, -2))
        update = ops.divide(gradient, ops.sqrt(mean_squares))
        excess = max(1.0, _rms(update) / self.clip_threshold)
        rate = min(learning_rate, 1.0 / math.sqrt(step)) * max(self.epsilon_2, _rms(variable))
        K.accumulate(variable, update, n, -rate / excess)

    def get_config(self):
        own = {name: getattr(self, name) for name in (*self._own, "relative_step")}
        return {**super().get_config(), **own}


def _follow(average, values, decay):
    """average = decay average + (1 - decay) values, in place."""
    K.affine(average, average, average.size, decay, 0.0)
    K.accumulate(average, values, average.size, 1.0 - decay)
    return average


def _rms(x):
    return norm(x) / math.sqrt(x.size)
