"""Comparisons, logic and choice, with keras.ops's names; but one of them has a gradient, where. Kernels:
csrc/kernels/compare.c.

Whole numbers are compared as int32, with a float as floats; int64 by NumPy.
"""

from math import prod

import numpy as np

from . import _whole
from ._backend import K, Tensor, as_float, axes_of, empty, from_array, integer_result, operands, record, shell, tracked
from ._shapes import broadcast, reduction, reduction_to
from .creation import cast, convert_to_tensor
from .elementwise import EQUAL, LESS, LESS_EQUAL, NOT_EQUAL, absolute, add, is_whole, masked, multiply, subtract


def _compared(x1, x2, op, relation, function):
    """x1 relation x2 as booleans; function: NumPy's."""
    if is_whole(x1) and is_whole(x2):
        a, b = _whole.int32_pair(x1, x2, "uint8")
        if a is None:
            return integer_result(function, x1, x2)
        kernel = K.compare_int32
    else:
        a, b = operands(x1, x2, op)
        kernel = K.compare
    shape, rank, sizes, sa, sb, *_ = broadcast(a.shape, b.shape, op)
    y = empty(shape, "bool")
    kernel(y, a, b, rank, sizes, sa, sb, relation)
    return y


def as_bool(x):
    """x as a boolean tensor: is it not 0?"""
    return cast(convert_to_tensor(x), "bool")


def _combined(x1, x2, op, operation):
    a, b = as_bool(x1), as_bool(x2)
    shape, rank, sizes, sa, sb, *_ = broadcast(a.shape, b.shape, op)
    y = empty(shape, "bool")
    K.logical(y, a, b, rank, sizes, sa, sb, operation)
    return y


def equal(x1, x2):
    """x1 == x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.equal([1, 2], 2).numpy().tolist()
    [False, True]
    """
    return _compared(x1, x2, "equal", EQUAL, np.equal)


def not_equal(x1, x2):
    """x1 != x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.not_equal([1, 2], 2).numpy().tolist()
    [True, False]
    """
    return _compared(x1, x2, "not_equal", NOT_EQUAL, np.not_equal)


def less(x1, x2):
    """x1 < x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.less([1, 2], 2).numpy().tolist()
    [True, False]
    """
    return _compared(x1, x2, "less", LESS, np.less)


def less_equal(x1, x2):
    """x1 <= x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.less_equal([1, 3], 2).numpy().tolist()
    [True, False]
    """
    return _compared(x1, x2, "less_equal", LESS_EQUAL, np.less_equal)


def greater(x1, x2):
    """x1 > x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.greater([1, 3], 2).numpy().tolist()
    [False, True]
    """
    return _compared(x2, x1, "greater", LESS, np.less)


def greater_equal(x1, x2):
    """x1 >= x2, elementwise, with broadcasting, as booleans.

    >>> cygrad.ops.greater_equal([1, 2], 2).numpy().tolist()
    [False, True]
    """
    return _compared(x2, x1, "greater_equal", LESS_EQUAL, np.less_equal)


def logical_and(x1, x2):
    """x1 and x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_and([True, True], [True, False]).numpy().tolist()
    [True, False]
    """
    return _combined(x1, x2, "logical_and", _whole.AND)


def logical_or(x1, x2):
    """x1 or x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_or([False, True], False).numpy().tolist()
    [False, True]
    """
    return _combined(x1, x2, "logical_or", _whole.OR)


def logical_xor(x1, x2):
    """Either x1 or x2, elementwise, with broadcasting, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_xor([False, True], True).numpy().tolist()
    [True, False]
    """
    return _combined(x1, x2, "logical_xor", _whole.XOR)


def logical_not(x):
    """not x, elementwise, as booleans; numbers other than 0 are true.

    >>> cygrad.ops.logical_not([False, True]).numpy().tolist()
    [True, False]
    """
    return equal(as_bool(x), False)


def isnan(x):
    """Is it NaN, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isnan([1.0, np.nan]).numpy().tolist()
    [False, True]
    """
    x = as_float(x, "isnan")
    return not_equal(x, x)


def isinf(x):
    """Is it infinite, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isinf([1.0, -np.inf]).numpy().tolist()
    [False, True]
    """
    return equal(absolute(as_float(x, "isinf")), float("inf"))


def isfinite(x):
    """Is it neither NaN nor infinite, elementwise?

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.isfinite([1.0, np.nan]).numpy().tolist()
    [True, False]
    """
    return less(absolute(as_float(x, "isfinite")), float("inf"))


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x1 - x2| <= atol + rtol |x2|, elementwise, with broadcasting, as booleans.

    equal_nan: is NaN close to NaN?

    >>> cygrad.ops.isclose([1.0, 2.0], 1.0).numpy().tolist()
    [True, False]
    """
    a, b = as_float(x1, "isclose", "x1"), as_float(x2, "isclose", "x2")
    near = less_equal(absolute(subtract(a, b)), add(multiply(absolute(b), rtol), atol))
    y = logical_or(equal(a, b), logical_and(near, isfinite(b)))
    return logical_or(y, logical_and(isnan(a), isnan(b))) if equal_nan else y


def _reduced(x, axis, keepdims, op, operation):
    """Booleans reduced by an operation of the kernel logical."""
    x = as_bool(x)
    axes = axes_of(tuple(axis) if isinstance(axis, list) else axis, len(x.shape), op)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    shape = kept if keepdims else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return _whole.reduced(x, shape, reduction(x.shape, axes) or ((prod(kept), 1, 1),), operation, K.reduce_logical)


def all(x, axis=None, keepdims=False):
    """Are all values along axis true?

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.all([[True, False], [True, True]], axis=1).numpy().tolist()
    [False, True]
    """
    return _reduced(x, axis, keepdims, "all", _whole.AND)


def any(x, axis=None, keepdims=False):
    """Is any value along axis true?

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.any([[True, False], [False, False]], axis=1).numpy().tolist()
    [True, False]
    """
    return _reduced(x, axis, keepdims, "any", _whole.OR)


def where(condition, x1=None, x2=None):
    """x1 where condition, else x2, elementwise, all three broadcast; without x1 and x2, the indices where condition
    holds, one tensor an axis.

        The gradient goes to the one that was chosen. Raises ValueError where the shapes do not broadcast.

        >>> cygrad.ops.where([True, False], [1.0, 2.0], 0.0).numpy().tolist()
        [1.0, 0.0]
    """
    if x1 is None and x2 is None:
        return tuple(from_array(index, "int32") for index in np.nonzero(np.asarray(condition)))
    if x1 is None or x2 is None:
        raise ValueError("where: expected both x1 and x2, or neither; got one")
    chosen = as_bool(condition)
    a, b = operands(x1, x2, "where", lambda a, b: _whole_where(chosen, a, b))
    if b is None:
        return a
    y = _whole.chosen(chosen, a, b)
    first, second = shell(a), shell(b)

    def backward(dy):
        da = masked(dy, chosen, first, reduction_to(dy.shape, first.shape)) if tracked(first) else None
        db = masked(dy, chosen, second, reduction_to(dy.shape, second.shape), True) if tracked(second) else None
        return da, db

    return record(y, (a, b), backward)


def _whole_where(condition, x1, x2):
    """Of whole numbers: in their type where it is one, int32 where NumPy would take that."""
    a, b = (convert_to_tensor(x) if isinstance(x, (Tensor, bool, list, tuple)) else x for x in (x1, x2))
    if getattr(a, "dtype", 1) != getattr(b, "dtype", 2) or not isinstance(a, Tensor) or not isinstance(b, Tensor):
        a, b = _whole.int32_pair(x1, x2)
    if a is None:
        return integer_result(lambda c, a, b: np.where(c, a, b), condition, x1, x2)
    return _whole.chosen(condition, a, b)


def nonzero(x):
    """The indices of values that are not 0, one int32 tensor an axis.

    x: a tensor, an array or nested numbers.

    >>> [index.numpy().tolist() for index in cygrad.ops.nonzero([0, 7, 0, 9])]
    [[1, 3]]
    """
    return where(convert_to_tensor(x))
