"""Comparisons, logic and choice, with keras.ops's names: by NumPy, for but one of them has a gradient, where."""

import numpy as np

from ._backend import as_float, axes_of, from_array, integer_result, operands, record, shell, tracked
from ._shapes import reduction_to
from .elementwise import masked


def equal(x1, x2):
    """x1 == x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.equal([1, 2], 2).numpy().tolist()
    [False, True]
    """
    return integer_result(np.equal, x1, x2)


def not_equal(x1, x2):
    """x1 != x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.not_equal([1, 2], 2).numpy().tolist()
    [True, False]
    """
    return integer_result(np.not_equal, x1, x2)


def less(x1, x2):
    """x1 < x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.less([1, 2], 2).numpy().tolist()
    [True, False]
    """
    return integer_result(np.less, x1, x2)


def less_equal(x1, x2):
    """x1 <= x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.less_equal([1, 3], 2).numpy().tolist()
    [True, False]
    """
    return integer_result(np.less_equal, x1, x2)


def greater(x1, x2):
    """x1 > x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.greater([1, 3], 2).numpy().tolist()
    [False, True]
    """
    return integer_result(np.greater, x1, x2)


def greater_equal(x1, x2):
    """x1 >= x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.greater_equal([1, 2], 2).numpy().tolist()
    [False, True]
    """
    return integer_result(np.greater_equal, x1, x2)


def logical_and(x1, x2):
    """x1 and x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_and([True, True], [True, False]).numpy().tolist()
    [True, False]
    """
    return integer_result(np.logical_and, x1, x2)


def logical_or(x1, x2):
    """x1 or x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_or([False, True], False).numpy().tolist()
    [False, True]
    """
    return integer_result(np.logical_or, x1, x2)


def logical_xor(x1, x2):
    """Either x1 or x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_xor([False, True], True).numpy().tolist()
    [True, False]
    """
    return integer_result(np.logical_xor, x1, x2)


def logical_not(x):
    """not x, elementwise, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_not([False, True]).numpy().tolist()
    [True, False]
    """
    return integer_result(np.logical_not, x)


def isnan(x):
    """Is it NaN, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isnan([1.0, np.nan]).numpy().tolist()
    [False, True]
    """
    return integer_result(np.isnan, x)


def isinf(x):
    """Is it infinite, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isinf([1.0, -np.inf]).numpy().tolist()
    [False, True]
    """
    return integer_result(np.isinf, x)


def isfinite(x):
    """Is it neither NaN nor infinite, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isfinite([1.0, np.nan]).numpy().tolist()
    [True, False]
    """
    return integer_result(np.isfinite, x)


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x1 - x2| <= atol + rtol |x2|, elementwise, with broadcasting, as booleans.

    equal_nan: is NaN close to NaN?

    >>> cygrad.ops.isclose([1.0, 2.0], 1.0).numpy().tolist()
    [True, False]
    """
    return integer_result(lambda a, b: np.isclose(a, b, rtol, atol, equal_nan), x1, x2)


def all(x, axis=None, keepdims=False):
    """Are all values along axis true?

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.all([[True, False], [True, True]], axis=1).numpy().tolist()
    [False, True]
    """
    return integer_result(lambda x: np.all(x, axes_of(axis, np.ndim(x), "all"), keepdims=keepdims), x)


def any(x, axis=None, keepdims=False):
    """Is any value along axis true?

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.any([[True, False], [False, False]], axis=1).numpy().tolist()
    [True, False]
    """
    return integer_result(lambda x: np.any(x, axes_of(axis, np.ndim(x), "any"), keepdims=keepdims), x)


def where(condition, x1=None, x2=None):
    """x1 where condition, else x2, elementwise, all three broadcast; without x1 and x2, the indices where condition
    holds, one tensor an axis.

        The gradient goes to the one that was chosen. Raises ValueError where the shapes do not broadcast.

        >>> cygrad.ops.where([True, False], [1.0, 2.0], 0.0).numpy().tolist()
        [1.0, 0.0]
    """
    chosen = np.asarray(condition).astype(bool)
    if x1 is None and x2 is None:
        return tuple(from_array(index, "int32") for index in np.nonzero(chosen))
    if x1 is None or x2 is None:
        raise ValueError("where: expected both x1 and x2, or neither; got one")
    a, b = operands(x1, x2, "where", lambda a, b: np.where(chosen, a, b))
    if b is None:
        return a
    try:
        values = np.where(chosen, np.asarray(a), np.asarray(b))
    except ValueError:
        raise ValueError(f"where: shapes {chosen.shape}, {a.shape} and {b.shape} do not broadcast") from None
    y = from_array(values)
    first, second = shell(a), shell(b)

    def backward(dy):
        da = masked(dy, chosen, first, reduction_to(dy.shape, first.shape)) if tracked(first) else None
        db = masked(dy, ~chosen, second, reduction_to(dy.shape, second.shape)) if tracked(second) else None
        return da, db

    return record(y, (a, b), backward)


def nonzero(x):
    """The indices of values that are not 0, one int32 tensor an axis.

    x: a tensor, an array or nested numbers.

    >>> [index.numpy().tolist() for index in cygrad.ops.nonzero([0, 7, 0, 9])]
    [[1, 3]]
    """
    return where(as_float(x, "nonzero"))
