"""Projections of weights after each optimizer step: constraint(w) gives what takes w's place. Keras's names."""

from . import _lookup, ops
from .config import epsilon


class Constraint(_lookup.Configurable):
    """The base of all constraints: a subclass defines __call__(w), and get_config if it has arguments.

    >>> class Rounded(cygrad.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return np.round(w)
    >>> cygrad.layers.Dense(1, kernel_constraint=Rounded()).kernel_constraint
    Rounded()
    """

    def __call__(self, w):
        return w


def _norms(w, axis):
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class NonNeg(Constraint):
    """max(w, 0)

    >>> cygrad.constraints.NonNeg()(np.array([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    def __call__(self, w):
        return ops.maximum(w, 0.0)


class MaxNorm(Constraint):
    """w scaled so that its norms along axis (0 for Dense, [0, 1, 2] for Conv2D) are at most max_value.

    >>> cygrad.constraints.MaxNorm(5.0)(np.array([[6.0], [8.0]])).numpy().round(4).tolist()
    [[3.0], [4.0]]
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        return ops.multiply(w, ops.divide(ops.minimum(norms, self.max_value), ops.add(norms, epsilon())))


class MinMaxNorm(Constraint):
    """w scaled so that its norms along axis lie in [min_value, max_value]; rate < 1 goes only that part of the way.

    >>> cygrad.constraints.MinMaxNorm(1.0, 5.0)(np.array([[6.0], [8.0]])).numpy().round(4).tolist()
    [[3.0], [4.0]]
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        clipped = ops.clip(norms, self.min_value, self.max_value)
        desired = ops.add(ops.multiply(clipped, self.rate), ops.multiply(norms, 1 - self.rate))
        return ops.multiply(w, ops.divide(desired, ops.add(norms, epsilon())))


class UnitNorm(Constraint):
    """w scaled so that its norms along axis are 1.

    >>> cygrad.constraints.UnitNorm()(np.array([[6.0], [8.0]])).numpy().astype('float64').round(4).tolist()
    [[0.6], [0.8]]
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return ops.divide(w, ops.add(_norms(w, self.axis), epsilon()))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_NAMES = {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm}
_NAMES |= {cls.__name__: cls for cls in (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)}


def get(identifier):
    """The constraint that a name, a configuration, a class or a function stands for; None stays None.

    identifier: what stands for it, see above.

    >>> cygrad.constraints.get("max_norm")
    MaxNorm(max_value=2, axis=0)
    """
    return _lookup.get(identifier, "constraint", _NAMES, Constraint)


def serialize(constraint):
    """{"class_name", "config"} of a constraint.

    >>> cygrad.constraints.serialize(cygrad.constraints.NonNeg())
    {'class_name': 'NonNeg', 'config': {}}
    """
    return _lookup.serialize(constraint, "constraints.serialize", "constraint")


def deserialize(config, custom_objects=None):
    """The counterpart of serialize.

    config: what serialize gives, or a name. custom_objects: {name: object} of the caller's own.

    >>> cygrad.constraints.deserialize({'class_name': 'NonNeg', 'config': {}})
    NonNeg()
    """
    with _lookup.custom_object_scope(custom_objects):
        return get(config)
