"""Adam and its variants."""

from ..ops._backend import K
from .base import Optimizer, check_range


class Adam(Optimizer):
    """Adaptive moments: Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, **options).

    options: those of Optimizer.

    At step t, from 1 (Kingma and Ba 2015, the order at the end of section 2):
    m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v);
    w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    amsgrad: the largest v so far takes v's place in the last line (Reddi et al. 2018).

    beta_1 and beta_2 in [0, 1), epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Adam(learning_rate=0.5, epsilon=0.0).apply([np.array([3.0])], [w])
    >>> round(float(w[0]), 5)
    0.5
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, **options):
        super().__init__(learning_rate, **options)
        kind = type(self).__name__
        self.beta_1 = check_range(kind, "beta_1", beta_1, high=1, high_included=False)
        self.beta_2 = check_range(kind, "beta_2", beta_2, high=1, high_included=False)
        self.epsilon = check_range(kind, "epsilon", epsilon)
        self.amsgrad = bool(amsgrad)
        self.slot_names = ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")

    def update_step(self, gradient, variable, learning_rate, slots):
        m, v, *vhat = slots
        n, step = variable.size, self.iterations + 1
        vhat = vhat[0] if vhat else None
        K.adam_step(variable, m, v, vhat, gradient, n, learning_rate, self.beta_1, self.beta_2, self.epsilon, step)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("beta_1", "beta_2", "epsilon", "amsgrad")}
        return {**super().get_config(), **own}


class AdamW(Adam):
    """Adam with decoupled weight decay: AdamW(learning_rate=0.001, weight_decay=0.004, ...).

    Before Adam's step, w -= learning_rate weight_decay w (Loshchilov and Hutter 2019). The other arguments are Adam's;
    weight_decay is needed.

    beta_1: how much of m stays. beta_2: how much of v stays. epsilon: keeps the divisor from 0. amsgrad: divides by the
    largest v so far.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.AdamW(learning_rate=0.5, weight_decay=0.2).apply([np.array([0.0])], [w])
    >>> round(float(w[0]), 5)
    0.9
    """

    def __init__(
        self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, **options
    ):
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a number; got None. Without weight decay, it is Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)


class _TwoMoments(Optimizer):
    """What Adamax and Nadam share with Adam: their arguments."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **options):
        super().__init__(learning_rate, **options)
        kind = type(self).__name__
        self.beta_1 = check_range(kind, "beta_1", beta_1, high=1, high_included=False)
        self.beta_2 = check_range(kind, "beta_2", beta_2, high=1, high_included=False)
        self.epsilon = check_range(kind, "epsilon", epsilon)

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in ("beta_1", "beta_2", "epsilon")}}


class Adamax(_TwoMoments):
    """Adam with the largest gradient in the mean square's place.

    Adamax(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **options); options: those of Optimizer.

    At step t, from 1: m += (1 - beta_1)(g - m); u = max(beta_2 u, |g|);
    w -= learning_rate / (1 - beta_1^t) m / (u + epsilon) (Kingma and Ba 2015, section 7.1).

    beta_1 and beta_2 in [0, 1), epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Adamax(learning_rate=0.5, epsilon=0.0).apply([np.array([3.0])], [w])
    >>> round(float(w[0]), 5)
    0.5
    """

    slot_names = ("momentum", "norm")

    def update_step(self, gradient, variable, learning_rate, slots):
        n, step = variable.size, self.iterations + 1
        K.adamax_step(variable, *slots, gradient, n, learning_rate, self.beta_1, self.beta_2, self.epsilon, step)


class Nadam(_TwoMoments):
    """Adam with Nesterov's momentum.

    Nadam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **options); options: those of Optimizer.

    At step t, from 1: m and v as Adam's; b(t) = beta_1 (1 - 0.96^t / 2), P(t) = b(1) ... b(t);
    w -= learning_rate (b(t+1) m / (1 - P(t+1)) + (1 - b(t)) g / (1 - P(t))) / (sqrt(v / (1 - beta_2^t)) + epsilon)
    (Dozat 2016).

    beta_1 and beta_2 in [0, 1), epsilon at least 0; ValueError outside.

    >>> w = cygrad.Variable([1.0])
    >>> cygrad.optimizers.Nadam(learning_rate=0.5, epsilon=0.0).apply([np.array([3.0])], [w])
    >>> round(float(w[0]), 3)
    0.469
    """

    slot_names = ("momentum", "velocity")
    _product = (0, 1.0)  # (t, P(t)): a function of t alone, kept so that a step need not begin at 1

    def _momentum(self, t):
        return self.beta_1 * (1.0 - 0.5 * 0.96**t)

    def _momenta_until(self, t):
        """P(t), in the same order of multiplication whenever it is asked for."""
        at, product = self._product if self._product[0] <= t else (0, 1.0)
        while at < t and product:
            at += 1
            product *= self._momentum(at)
        self._product = (t, product)
        return product

    def update_step(self, gradient, variable, learning_rate, slots):
        n, step = variable.size, self.iterations + 1
        now, following = self._momentum(step), self._momentum(step + 1)
        product = self._momenta_until(step)
        factors = following / (1 - product * following), (1 - now) / (1 - product)
        betas = self.beta_1, self.beta_2
        K.nadam_step(variable, *slots, gradient, n, learning_rate, *betas, self.epsilon, *factors, step)
