"""Whole numbers: int32 and booleans go through the kernels of csrc/kernels/integer.c, uint8 and int64 through NumPy."""

import numpy as np

from ._backend import K, Tensor, empty, integer_result
from ._shapes import broadcast, choice
from .creation import cast, convert_to_tensor

ADD, SUBTRACT, MULTIPLY, MAXIMUM, MINIMUM, FLOOR_DIVIDE, MOD = range(7)
AND, OR, XOR = range(3)  # of the kernel logical


def int32(x, *types):
    """x as an int32 tensor where it is one, or boolean, a Python number or a list of them, or of a type named; else
    None."""
    if isinstance(x, int):
        x = convert_to_tensor(x) if -(2**31) <= x < 2**31 else None
    elif isinstance(x, (list, tuple, range)):
        x = convert_to_tensor(x) if abs(np.asarray(x)).max(initial=0) < 2**31 else None
    if not isinstance(x, Tensor) or x.dtype not in ("int32", "bool", *types):
        return None
    return cast(x, "int32")


def int32_pair(x1, x2, *types):
    """Two operands so, or (None, None)."""
    a, b = int32(x1, *types), int32(x2, *types)
    return (None, None) if a is None or b is None else (a, b)


def arithmetic(function, operation, on_booleans=None):
    """The op on whole numbers that NumPy has as function and the kernel integer as operation; on_booleans: what the
    kernel logical has as the same."""

    def op(x1, x2):
        logical = getattr(x1, "dtype", None) == "bool" == getattr(x2, "dtype", None)
        a, b = (None, None) if logical and on_booleans is None else int32_pair(x1, x2)
        if a is None:
            return integer_result(function, x1, x2)
        a, b = (x1, x2) if logical else (a, b)
        shape, rank, sizes, sa, sb, *_ = broadcast(a.shape, b.shape, function.__name__)
        y = empty(shape, "bool" if logical else "int32")
        kernel = K.logical if logical else K.integer
        kernel(y, a, b, rank, sizes, sa, sb, on_booleans if logical else operation)
        return y

    return op


add = arithmetic(np.add, ADD, OR)
subtract = arithmetic(np.subtract, SUBTRACT)
multiply = arithmetic(np.multiply, MULTIPLY, AND)
maximum = arithmetic(np.maximum, MAXIMUM, OR)
minimum = arithmetic(np.minimum, MINIMUM, AND)
floor_divide = arithmetic(np.floor_divide, FLOOR_DIVIDE)
mod = arithmetic(np.mod, MOD)


def power(x1, x2):
    return integer_result(np.power, x1, x2)


def reduced(x, shape, steps, operation, kernel):
    """x reduced to shape by the steps of _shapes.reduction. kernel: reduce_int32, reduce_logical."""
    for i, (O, R, I) in enumerate(steps):  # noqa: E741
        y = empty(shape if i == len(steps) - 1 else (O, I), x.dtype)
        kernel(y, x, O, R, I, operation)
        x = y
    return x


def chosen(condition, a, b, op="where"):
    """a where condition, else b, of tensors of one type, not recorded."""
    shape, rank, sizes, sc, sa, sb = choice(condition.shape, a.shape, b.shape, op)
    y = empty(shape, a.dtype)
    K.where(y, condition, a, b, rank, sizes, sc, sa, sb, y.itemsize)
    return y
