"""Whole numbers with keras.ops's names: bits, divisors and places, by NumPy; and categories, by kernels."""

from math import prod

import numpy as np

from . import _whole
from ._backend import integer_result
from .elementwise import add, is_whole
from .indexing import one_hot
from .logic import less, logical_and, logical_not, logical_or, logical_xor, where
from .reduce import max as _max


def _numbers(op, function, *arguments):
    """function, NumPy's, of whole numbers."""
    for x in arguments:
        if not is_whole(x):
            raise TypeError(f"{op}: expected whole numbers; got {getattr(x, 'dtype', None) or x!r}")
    return integer_result(function, *arguments)


def _booleans(*arguments):
    return all(str(getattr(x, "dtype", type(x).__name__)) == "bool" for x in arguments)


def bitwise_and(x, y):
    """The bits that x and y share, elementwise, with broadcasting.

    >>> cygrad.ops.bitwise_and([12, 10], 6).numpy().tolist()
    [4, 2]
    """
    return logical_and(x, y) if _booleans(x, y) else _numbers("bitwise_and", np.bitwise_and, x, y)


def bitwise_or(x, y):
    """The bits of x and those of y, elementwise, with broadcasting.

    >>> cygrad.ops.bitwise_or([12, 10], 6).numpy().tolist()
    [14, 14]
    """
    return logical_or(x, y) if _booleans(x, y) else _numbers("bitwise_or", np.bitwise_or, x, y)


def bitwise_xor(x, y):
    """The bits that either x or y has, elementwise, with broadcasting.

    >>> cygrad.ops.bitwise_xor([12, 10], 6).numpy().tolist()
    [10, 12]
    """
    return logical_xor(x, y) if _booleans(x, y) else _numbers("bitwise_xor", np.bitwise_xor, x, y)


def bitwise_invert(x):
    """All bits of x the other way round, elementwise: -x - 1; not x, of booleans.

    >>> cygrad.ops.bitwise_invert([0, 5]).numpy().tolist()
    [-1, -6]
    """
    return logical_not(x) if _booleans(x) else _numbers("bitwise_invert", np.invert, x)


bitwise_not = bitwise_invert


def bitwise_left_shift(x, y):
    """x 2^y, elementwise, with broadcasting: its bits y places higher.

    >>> cygrad.ops.bitwise_left_shift([1, 3], 2).numpy().tolist()
    [4, 12]
    """
    return _numbers("bitwise_left_shift", np.left_shift, x, y)


def bitwise_right_shift(x, y):
    """floor(x / 2^y), elementwise, with broadcasting: its bits y places lower.

    >>> cygrad.ops.bitwise_right_shift([12, -3], 1).numpy().tolist()
    [6, -2]
    """
    return _numbers("bitwise_right_shift", np.right_shift, x, y)


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


def gcd(x1, x2):
    """The greatest common divisor of x1 and x2, elementwise, with broadcasting.

    >>> cygrad.ops.gcd([12, 7], 18).numpy().tolist()
    [6, 1]
    """
    return _numbers("gcd", np.gcd, x1, x2)


def lcm(x1, x2):
    """The least common multiple of x1 and x2, elementwise, with broadcasting.

    >>> cygrad.ops.lcm([4, 6], 6).numpy().tolist()
    [12, 6]
    """
    return _numbers("lcm", np.lcm, x1, x2)


def unravel_index(indices, shape):
    """The index along each axis, for indices into a flattened tensor of that shape; -1 is the last of them.

    >>> [t.numpy().tolist() for t in cygrad.ops.unravel_index([1, 5], (2, 3))]
    [[0, 1], [1, 2]]
    """
    flat, found = indices, []
    if not is_whole(flat):
        raise TypeError(f"unravel_index: expected whole numbers for indices; got {indices!r}")
    flat = where(less(flat, 0), add(flat, prod(shape)), flat)
    for n in reversed(shape):
        found.append(_whole.mod(flat, n))
        flat = _whole.floor_divide(flat, n)
    return tuple(reversed(found))


def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """Rows with 1 at each of inputs, 0 elsewhere: inputs[N,T] become [N,num_classes], [T] one such row.

    axis: where the new axis goes. dtype None: float32. sparse must be False. num_tokens is an older name of
    num_classes.

    >>> cygrad.ops.multi_hot([[0, 2], [1, 1]], 3).numpy().tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None or kwargs:
        raise TypeError(f"multi_hot: expected num_classes; got {num_classes} and {kwargs}")
    hot = one_hot(inputs, num_classes, axis, dtype, sparse)
    return _max(hot, 1 if len(hot.shape) > 2 else 0)
