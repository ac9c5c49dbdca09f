"""Penalties on weights, added to the loss: regularizer(x) gives a scalar. Names, arguments and defaults are Keras's."""

import math

from . import _lookup, ops
from ._core import changed


def _factor(value, who, argument):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{who}: {argument} must be a finite number; got {value!r}")
    return float(value)


class Regularizer(_lookup.Configurable):
    """The base of all regularizers: a subclass defines __call__(x), and get_config if it has arguments.

    >>> class Quartic(cygrad.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return cygrad.ops.sum(x**4)
    >>> float(Quartic()(cygrad.ops.ones((3,))))
    3.0
    """

    def __setattr__(self, name, value):
        """An argument that is set anew makes captured steps (models/capture.py) out of date."""
        if name in self.__dict__:
            changed()
        object.__setattr__(self, name, value)

    def __call__(self, x):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1(Regularizer):
    """l1 * sum |x|

    >>> float(cygrad.regularizers.L1(0.5)(np.array([1.0, -3.0])))
    2.0
    """

    def __init__(self, l1=0.01):
        self.l1 = _factor(l1, type(self).__name__, "l1")

    def __call__(self, x):
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)


class L2(Regularizer):
    """l2 * sum x^2

    >>> float(cygrad.regularizers.L2(0.5)(np.array([1.0, -3.0])))
    5.0
    """

    def __init__(self, l2=0.01):
        self.l2 = _factor(l2, type(self).__name__, "l2")

    def __call__(self, x):
        return ops.multiply(ops.sum(ops.square(x)), self.l2)


class L1L2(Regularizer):
    """l1 * sum |x| + l2 * sum x^2

    >>> float(cygrad.regularizers.L1L2(l1=0.5, l2=0.25)(np.array([1.0, -2.0])))
    2.75
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _factor(0.0 if l1 is None else l1, type(self).__name__, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, type(self).__name__, "l2")

    def __call__(self, x):
        terms = [term for term, factor in ((L1(self.l1), self.l1), (L2(self.l2), self.l2)) if factor]
        if not terms:
            return ops.multiply(ops.sum(x), 0.0)
        return terms[0](x) if len(terms) == 1 else ops.add(terms[0](x), terms[1](x))


class OrthogonalRegularizer(Regularizer):
    """factor * the mean of |cosine| over all pairs of a matrix's rows (mode="rows") or columns (mode="columns").

    >>> float(cygrad.regularizers.OrthogonalRegularizer()(np.eye(3)))
    0.0
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _factor(factor, type(self).__name__, "factor")
        if mode not in ("rows", "columns"):
            raise _lookup.unknown("OrthogonalRegularizer mode", mode, ("rows", "columns"))
        self.mode = mode

    def __call__(self, x):
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer: expected a matrix; got shape {x.shape}")
        rows = self.mode == "rows"
        n = x.shape[0 if rows else 1]
        if n < 2:
            return ops.multiply(ops.sum(x), 0.0)
        norm = ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=1 if rows else 0, keepdims=True), 1e-12))
        unit = ops.divide(x, norm)
        other = ops.transpose(unit)
        cosines = ops.absolute(ops.matmul(unit, other) if rows else ops.matmul(other, unit))
        # each pair stands twice beside the diagonal, whose entries are not pairs
        off_diagonal = [[float(i != j) for j in range(n)] for i in range(n)]
        return ops.multiply(ops.sum(ops.multiply(cosines, off_diagonal)), self.factor / (n * (n - 1)))


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_NAMES = {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}
_NAMES |= {cls.__name__: cls for cls in (L1, L2, L1L2, OrthogonalRegularizer)}


def get(identifier):
    """The regularizer that a name, a configuration, a class or a function stands for; None stays None.

    identifier: what stands for it, see above.

    >>> cygrad.regularizers.get("l2")
    L2(l2=0.01)
    """
    return _lookup.get(identifier, "regularizer", _NAMES, Regularizer)


def serialize(regularizer):
    """{"class_name", "config"} of a regularizer.

    >>> cygrad.regularizers.serialize(cygrad.regularizers.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return _lookup.serialize(regularizer, "regularizers.serialize", "regularizer")


def deserialize(config, custom_objects=None):
    """The counterpart of serialize.

    config: what serialize gives, or a name. custom_objects: {name: object} of the caller's own.

    >>> cygrad.regularizers.deserialize({'class_name': 'L2', 'config': {'l2': 0.5}})
    L2(l2=0.5)
    """
    with _lookup.custom_object_scope(custom_objects):
        return get(config)
