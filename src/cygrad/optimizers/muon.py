"""Muon."""

import math
import re

from .. import ops
from ..ops._backend import K
from .base import Optimizer, check_count, check_range, norm

_NUMBERS = ("adam_beta_1", "adam_beta_2", "epsilon", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum")
_OTHERS = ("exclude_layers", "exclude_embeddings", "adam_weight_decay", "ns_steps", "nesterov", "rms_rate")


class Muon(Optimizer):
    """Momentum whose matrices are made orthogonal; AdamW for all that is no matrix: Muon(learning_rate=0.001, ...).

    The others: adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, epsilon=1e-7, weight_decay=0.004,
    exclude_layers=None, exclude_embeddings=True, muon_a=3.4445, muon_b=-4.775, muon_c=2.0315, adam_lr_ratio=1,
    momentum=0.95, ns_steps=5, nesterov=True, rms_rate=0.2, and the options of Optimizer.

    Of a variable of rank 2: m = momentum m + g; x = g + momentum m where nesterov, else m; x /= |x| + 1e-7; ns_steps
    times, with A = x x^T: x = muon_a x + (muon_b A + muon_c A A) x, which brings its singular values near 1;
    w -= learning_rate sqrt(max(rows, columns)) rms_rate x (rms_rate None: the last two factors are 1; Jordan et al.
    2024, Liu et al. 2025). Others, those whose path has "embedding" in it (exclude_embeddings), and those whose path a
    regular expression of exclude_layers finds, take Adam's step with learning_rate * adam_lr_ratio.

    >>> w = cygrad.Variable(np.zeros((2, 2)))
    >>> cygrad.optimizers.Muon(learning_rate=1.0, rms_rate=None, ns_steps=10).apply([np.diag([5.0, 3.0])], [w])
    >>> bool(-1.3 < w.numpy()[0, 0] < -0.7), bool(-1.3 < w.numpy()[1, 1] < -0.7)
    (True, True)
    """

    slot_names = ("momentum", "velocity")
    by_variable = True

    def __init__(
        self,
        learning_rate=0.001,
        adam_beta_1=0.9,
        adam_beta_2=0.999,
        adam_weight_decay=0.004,
        epsilon=1e-7,
        weight_decay=0.004,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        exclude_layers=None,
        exclude_embeddings=True,
        muon_a=3.4445,
        muon_b=-4.7750,
        muon_c=2.0315,
        adam_lr_ratio=1,
        momentum=0.95,
        ns_steps=5,
        nesterov=True,
        rms_rate=0.2,
        **options,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **options,
        )
        self.adam_beta_1 = check_range("Muon", "adam_beta_1", adam_beta_1, high=1, high_included=False)
        self.adam_beta_2 = check_range("Muon", "adam_beta_2", adam_beta_2, high=1, high_included=False)
        self.epsilon = check_range("Muon", "epsilon", epsilon)
        self.adam_lr_ratio = check_range("Muon", "adam_lr_ratio", adam_lr_ratio)
        self.momentum = check_range("Muon", "momentum", momentum, high=1)
        for name, value in (("adam_weight_decay", adam_weight_decay), ("rms_rate", rms_rate)):
            setattr(self, name, None if value is None else check_range("Muon", name, value))
        self.muon_a, self.muon_b, self.muon_c = float(muon_a), float(muon_b), float(muon_c)
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or []), bool(exclude_embeddings)
        self.ns_steps, self.nesterov = check_count("Muon", "ns_steps", ns_steps, 0), bool(nesterov)

    def _by_adam(self, variable):
        path = getattr(variable, "path", variable.name)
        embedding = self.exclude_embeddings and "embedding" in path.lower()
        return len(variable.shape) != 2 or embedding or any(re.search(e, path) for e in self.exclude_layers)

    def _decay(self, places, rate, weight_decay=None):
        adams = [i for i in places if self._by_adam(self._variables[i])]
        super()._decay([i for i in places if i not in adams], rate)
        super()._decay(adams, rate, self.adam_weight_decay or 0.0)

    def update_step(self, gradient, variable, learning_rate, slots):
        n, step, (m, v) = variable.size, self.iterations + 1, slots
        if self._by_adam(variable):
            betas, rate = (self.adam_beta_1, self.adam_beta_2), learning_rate * self.adam_lr_ratio
            K.adam_step(variable, m, v, None, gradient, n, rate, *betas, self.epsilon, step)
            return
        if not n:
            return
        K.affine(m, m, n, self.momentum, 0.0)
        K.accumulate(m, gradient, n, 1.0)
        direction = ops.add(gradient, ops.multiply(m, self.momentum)) if self.nesterov else m
        scale = 1.0 if self.rms_rate is None else math.sqrt(max(variable.shape)) * self.rms_rate
        K.accumulate(variable, self._orthogonal(direction), n, -learning_rate * scale)

    def _orthogonal(self, x):
        """Nearly U V^T of x = U S V^T, by Newton and Schulz's iteration; the shorter side is multiplied out."""
        tall = x.shape[0] > x.shape[1]
        x = ops.divide(ops.transpose(x) if tall else x, norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            a = ops.matmul(x, ops.transpose(x))
            b = ops.add(ops.multiply(a, self.muon_b), ops.multiply(ops.matmul(a, a), self.muon_c))
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(b, x))
        return ops.transpose(x) if tall else x

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in (*_NUMBERS, *_OTHERS)}}
