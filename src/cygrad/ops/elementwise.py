"""Elementwise arithmetic with keras.ops's names. Kernels: csrc/kernels/elementwise.c.

Two operands broadcast as in NumPy; Python numbers and arrays may stand for tensors. Where neither operand is float
the result is an integer tensor (_whole.py). The gradient of a broadcast operand is summed over the axes it was
repeated on.
"""

import numpy as np

from . import _whole
from ._backend import (
    K,
    Tensor,
    as_float,
    empty,
    gradient_like,
    gradient_over,
    operands,
    record,
    scalar,
    shell,
    tracked,
    unary,
)
from ._shapes import broadcast, choice
from .creation import convert_to_tensor

EQUAL, NOT_EQUAL, LESS, LESS_EQUAL = range(4)  # the kernel compare's relations


def unbroadcast(dx, x, steps, scale=1.0):
    """scale * dx summed back to the shape of x. steps: _shapes.reduction_to. Without steps and scale: dx itself."""
    if not steps:
        if scale != 1.0:
            K.affine(dx, dx, x.size, scale, 0.0)
        return dx
    for O, R, I in steps[:-1]:  # noqa: E741
        partial = empty((O, I))
        K.reduce_sum(partial, dx, O, R, I, 1.0)
        dx = partial
    O, R, I = steps[-1]  # noqa: E741
    y = gradient_like(x)
    K.reduce_sum(y, dx, O, R, I, scale)
    return y


def room(x, steps, shape, dy=None):
    """Memory for a gradient before unbroadcast: already that of x where nothing has to be summed, with dy by
    gradient_over."""
    if steps:
        return empty(shape)
    return gradient_like(x) if dy is None else gradient_over(x, dy)


def is_whole(x):
    """Is x made of integers, so that NumPy computes the result?"""
    if isinstance(x, Tensor):
        return not x.dtype.startswith("float")
    return isinstance(x, int) or (not isinstance(x, float) and np.asarray(x).dtype.kind in "biu")


def add(x1, x2):
    """y = x1 + x2, elementwise, with broadcasting.

    Shapes: any two that broadcast. dx1 = dy, dx2 = dy. Raises ValueError where the shapes do not broadcast.

    >>> cygrad.ops.add([[1.0], [2.0]], [10.0, 20.0]).numpy().tolist()
    [[11.0, 21.0], [12.0, 22.0]]
    """
    a, b = operands(x1, x2, "add", _whole.add)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, _, to_a, to_b = broadcast(a.shape, b.shape, "add")
    y = empty(shape)
    K.add(y, a, b, rank, sizes, sa, sb)
    da, db = shell(a), shell(b)

    def backward(dy):
        return unbroadcast(dy, da, to_a) if tracked(da) else None, unbroadcast(dy, db, to_b) if tracked(db) else None

    return record(y, (a, b), backward)


def subtract(x1, x2):
    """y = x1 - x2, elementwise, with broadcasting.

    Shapes: any two that broadcast. dx1 = dy, dx2 = -dy. Raises ValueError where the shapes do not broadcast.

    >>> cygrad.ops.subtract([3.0, 4.0], 1.0).numpy().tolist()
    [2.0, 3.0]
    """
    a, b = operands(x1, x2, "subtract", _whole.subtract)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, _, to_a, to_b = broadcast(a.shape, b.shape, "subtract")
    y = empty(shape)
    K.subtract(y, a, b, rank, sizes, sa, sb)
    first, second = shell(a), shell(b)

    def backward(dy):
        da = unbroadcast(dy, first, to_a) if tracked(first) else None
        if not tracked(second):
            return da, None
        if to_b:
            return da, unbroadcast(dy, second, to_b, -1.0)
        db = gradient_like(second) if da is dy else gradient_over(second, dy)
        K.affine(db, dy, dy.size, -1.0, 0.0)
        return da, db

    return record(y, (a, b), backward)


def multiply(x1, x2):
    """y = x1 * x2, elementwise, with broadcasting.

    Shapes: any two that broadcast. Saved for backward: both. dx1 = dy x2, dx2 = dy x1. Raises ValueError where the
    shapes do not broadcast.

    >>> cygrad.ops.multiply([3.0, 4.0], 2).numpy().tolist()
    [6.0, 8.0]
    """
    a, b = operands(x1, x2, "multiply", _whole.multiply)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, sy, to_a, to_b = broadcast(a.shape, b.shape, "multiply")
    y = empty(shape)
    K.multiply(y, a, b, rank, sizes, sa, sb)
    first, second = a if tracked(b) else shell(a), b if tracked(a) else shell(b)

    def backward(dy):
        da = db = None
        if tracked(first):
            da = room(first, to_a, shape) if tracked(second) else room(first, to_a, shape, dy)
            K.multiply(da, dy, second, rank, sizes, sy, sb)
            da = unbroadcast(da, first, to_a)
        if tracked(second):
            db = room(second, to_b, shape, dy)
            K.multiply(db, dy, first, rank, sizes, sy, sa)
            db = unbroadcast(db, second, to_b)
        return da, db

    return record(y, (a, b), backward)


def divide(x1, x2):
    """y = x1 / x2, elementwise, with broadcasting; integers are divided as floats.

    Shapes: any two that broadcast. Saved for backward: x2, y. dx1 = dy / x2, dx2 = -dy y / x2. Raises ValueError
    where the shapes do not broadcast.

    >>> cygrad.ops.divide([3.0, 4.0], 2).numpy().tolist()
    [1.5, 2.0]
    """
    a, b = operands(x1, x2, "divide")
    shape, rank, sizes, sa, sb, sy, to_a, to_b = broadcast(a.shape, b.shape, "divide")
    y = empty(shape)
    K.divide(y, a, b, rank, sizes, sa, sb)
    first, quotient = shell(a), y if tracked(b) else None

    def backward(dy):
        da = room(first, to_a, shape, dy)
        K.divide(da, dy, b, rank, sizes, sy, sb)
        db = None
        if tracked(b):
            db = room(b, to_b, shape)
            K.multiply(db, da, quotient, rank, sizes, sy, sy)
            db = unbroadcast(db, b, to_b, -1.0)
        return unbroadcast(da, first, to_a) if tracked(first) else None, db

    return record(y, (a, b), backward)


true_divide = divide


def power(x1, x2):
    """y = x1 ** x2, elementwise, with broadcasting; x2 = 2 is square, x2 = 0.5 is sqrt.

    Shapes: any two that broadcast. Saved for backward: both, y. dx1 = dy x2 x1^(x2 - 1), dx2 = dy y log(x1), 0 where
    x1 is 0. A negative x1 with an x2 that is not whole gives NaN.

    >>> cygrad.ops.power([2.0, 3.0], 3).numpy().tolist()
    [8.0, 27.0]
    """
    if type(x2) in (int, float) and x2 in (2, 0.5) and not is_whole(x1):
        return square(x1) if x2 == 2 else sqrt(x1)
    a, b = operands(x1, x2, "power", _whole.power)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, sy, to_a, to_b = broadcast(a.shape, b.shape, "power")
    y = empty(shape)
    K.power(y, a, b, rank, sizes, sa, sb)

    def backward(dy):
        da = db = None
        if tracked(a):
            lower = empty(b.shape)
            K.affine(lower, b, b.size, 1.0, -1.0)
            da = room(a, to_a, shape)
            K.power(da, a, lower, rank, sizes, sa, sb)
            K.multiply(da, da, b, rank, sizes, sy, sb)
            K.multiply(da, da, dy, rank, sizes, sy, sy)
            da = unbroadcast(da, a, to_a)
        if tracked(b):
            one, positive, logs = scalar(1.0), empty(a.shape, "bool"), empty(a.shape)
            K.compare(positive, scalar(0.0), a, 1, (a.size,), (0,), (1,), LESS)
            K.where(logs, positive, a, one, 1, (a.size,), (1,), (1,), (0,), a.itemsize)
            K.log_forward(logs, logs, a.size)
            db = room(b, to_b, shape)
            K.multiply(db, dy, y, rank, sizes, sy, sy)
            K.multiply(db, db, logs, rank, sizes, sy, sa)
            db = unbroadcast(db, b, to_b)
        return da, db

    return record(y, (a, b), backward)


def masked(dy, condition, x, steps, otherwise=False):
    """dy where condition (otherwise: where not), else 0, summed back to the shape of x."""
    zero = scalar(0.0)
    first, second = (zero, dy) if otherwise else (dy, zero)
    _, rank, sizes, *strides = choice(condition.shape, first.shape, second.shape, "where")
    dx = room(x, steps, dy.shape)
    K.where(dx, condition, first, second, rank, sizes, *strides, dx.itemsize)
    return unbroadcast(dx, x, steps)


def maximum(x1, x2):
    """y = max(x1, x2), elementwise, with broadcasting.

    Shapes: any two that broadcast. Saved for backward: both. The gradient goes to the larger one, to x1 where they
    are equal.

    >>> cygrad.ops.maximum([1.0, 5.0], 3.0).numpy().tolist()
    [3.0, 5.0]
    """
    a, b = operands(x1, x2, "maximum", _whole.maximum)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, _, to_a, to_b = broadcast(a.shape, b.shape, "maximum")
    y = empty(shape)
    K.maximum(y, a, b, rank, sizes, sa, sb)

    def backward(dy):
        first = empty(shape, "bool")
        K.compare(first, b, a, rank, sizes, sb, sa, LESS_EQUAL)
        da = masked(dy, first, a, to_a) if tracked(a) else None
        return da, masked(dy, first, b, to_b, otherwise=True) if tracked(b) else None

    return record(y, (a, b), backward)


def minimum(x1, x2):
    """y = min(x1, x2), elementwise, with broadcasting.

    Shapes: any two that broadcast. Saved for backward: both. The gradient goes to the smaller one, to x1 where they
    are equal.

    >>> cygrad.ops.minimum([1.0, 5.0], 3.0).numpy().tolist()
    [1.0, 3.0]
    """
    a, b = operands(x1, x2, "minimum", _whole.minimum)
    if b is None:
        return a
    shape, rank, sizes, sa, sb, _, to_a, to_b = broadcast(a.shape, b.shape, "minimum")
    y = empty(shape)
    K.minimum(y, a, b, rank, sizes, sa, sb)

    def backward(dy):
        first = empty(shape, "bool")
        K.compare(first, a, b, rank, sizes, sa, sb, LESS_EQUAL)
        da = masked(dy, first, a, to_a) if tracked(a) else None
        return da, masked(dy, first, b, to_b, otherwise=True) if tracked(b) else None

    return record(y, (a, b), backward)


def negative(x):
    """y = -x, elementwise.

    >>> cygrad.ops.negative([1.0, -2.0]).numpy().tolist()
    [-1.0, 2.0]
    """
    if is_whole(x):
        return _whole.subtract(0, x if isinstance(x, Tensor) else convert_to_tensor(x))
    x = as_float(x, "negative")
    y = empty(x.shape)
    K.affine(y, x, x.size, -1.0, 0.0)
    source = shell(x)

    def backward(dy):
        dx = gradient_over(source, dy)
        K.affine(dx, dy, dx.size, -1.0, 0.0)
        return dx

    return record(y, (x,), backward)


def log(x):
    """Natural logarithm, elementwise: -inf at 0, NaN below.

    Shapes: x of any shape, y alike. Saved for backward: x. dx = dy / x.

    >>> cygrad.ops.log(1.0).item()
    0.0
    """
    return unary("log", "log", x, "x")


def sqrt(x):
    """Square root, elementwise: NaN below 0.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy / (2 y), which is infinite at 0.

    >>> cygrad.ops.sqrt([4.0, 9.0]).numpy().tolist()
    [2.0, 3.0]
    """
    return unary("sqrt", "sqrt", x, "y")


def square(x):
    """y = x^2, elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x. dx = 2 x dy.

    >>> cygrad.ops.square([-3.0, 2.0]).numpy().tolist()
    [9.0, 4.0]
    """
    if is_whole(x):
        x = convert_to_tensor(x)
        return _whole.multiply(x, x)
    return unary("square", "square", x, "x")


def absolute(x):
    """y = |x|, elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x. dx = dy sign(x), 0 at 0.

    >>> cygrad.ops.absolute([-3.0, 2.0]).numpy().tolist()
    [3.0, 2.0]
    """
    if is_whole(x):
        x = convert_to_tensor(x)
        return x if x.dtype in ("bool", "uint8") else _whole.maximum(x, _whole.subtract(0, x))
    return unary("absolute", "absolute", x, "x")


abs = absolute


def clip(x, x_min, x_max):
    """y = min(max(x, x_min), x_max), elementwise.

    Shapes: x of any shape, y alike; x_min and x_max are numbers, None for no limit, or arrays that broadcast with x.
    Saved for backward: x. dx = dy where x_min <= x <= x_max, else 0.

    >>> cygrad.ops.clip([-3.0, 0.5, 2.0], 0.0, 1.0).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    if not (isinstance(x_min, (int, float, type(None))) and isinstance(x_max, (int, float, type(None)))):
        x = x if x_min is None else maximum(x, x_min)
        return x if x_max is None else minimum(x, x_max)
    if is_whole(x) and not isinstance(x_min, float) and not isinstance(x_max, float):
        x = convert_to_tensor(x)
        x = x if x_min is None else _whole.maximum(x, x_min)
        return x if x_max is None else _whole.minimum(x, x_max)
    low = float("-inf") if x_min is None else x_min
    high = float("inf") if x_max is None else x_max
    return unary("clip", "clip", x, "x", low, high)


def reciprocal(x):
    """y = 1 / x, elementwise.

    >>> cygrad.ops.reciprocal([2.0, 4.0]).numpy().tolist()
    [0.5, 0.25]
    """
    return divide(1.0, x)


def rsqrt(x):
    """y = 1 / sqrt(x), elementwise.

    >>> cygrad.ops.rsqrt([4.0, 16.0]).numpy().tolist()
    [0.5, 0.25]
    """
    return divide(1.0, sqrt(x))


def sum_of_gradients(a, b):
    """a + b of equal shapes in fresh memory, not recorded: what the tape calls where two gradients meet."""
    y = empty(a.shape)
    n = (a.size,)
    K.add(y, a, b, 1, n, (1,), (1,))
    return y


def add_to_gradient(total, dx):
    """total += dx in place: what the tape calls for a sum that it made itself."""
    K.accumulate(total, dx, total.size, 1.0)
