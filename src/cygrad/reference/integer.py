"""Arithmetic of int32 values, in int64 and then wrapped around. The C side: csrc/kernels/integer.c."""

import numpy as np

from .elementwise import broadcast


def floor_divide(a, b):
    return np.where(b == 0, 0, a // np.where(b == 0, 1, b))


OPERATIONS = (
    np.add,
    np.subtract,
    np.multiply,
    np.maximum,
    np.minimum,
    floor_divide,
    lambda a, b: np.where(b == 0, 0, a - b * floor_divide(a, b)),
)
FIRST = {0: 0, 2: 1, 3: -(2**31), 4: 2**31 - 1}


def integer(y, a, b, rank, shape, strides_a, strides_b, operation):
    a, b = broadcast(a.astype(np.int64), b.astype(np.int64), rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = OPERATIONS[operation](a, b).astype(np.int32)


def reduce_int32(y, x, O, R, I, operation):  # noqa: E741
    x, total = x.reshape(O, R, I).astype(np.int64), np.full((O, I), FIRST[operation], np.int64)
    for r in range(R):
        total = OPERATIONS[operation](total, x[:, r]).astype(np.int32).astype(np.int64)
    y.reshape(O, I)[...] = total


def reduce_logical(y, x, O, R, I, operation):  # noqa: E741
    y.reshape(O, I)[...] = (np.any if operation else np.all)(x.reshape(O, R, I), axis=1)
