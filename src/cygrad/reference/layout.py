"""Moving values without arithmetic. The C side: csrc/kernels/layout.c."""

import numpy as np


def places(rank, shape, strides, offset=0):
    """The index into flat memory of each element: offset + sum_i index_i strides_i, as an array of that shape."""
    index = np.full(tuple(shape[:rank]), offset, np.int64)
    for axis in range(rank):
        steps = np.arange(shape[axis]) * strides[axis]
        index += steps.reshape([-1 if i == axis else 1 for i in range(rank)])
    return index


def gather_strided(y, x, rank, shape, strides, offset):
    y.reshape(-1)[...] = x.reshape(-1)[places(rank, shape, strides, offset)].reshape(-1)


def scatter_strided(y, x, rank, shape, strides, offset):
    y.reshape(-1)[places(rank, shape, strides, offset).reshape(-1)] = x.reshape(-1)


def gather_rows(y, x, index, n, rows, row_bytes):
    index = index.reshape(n)
    if ((index < 0) | (index >= rows)).any():
        raise IndexError(f"gather_rows: an index lies outside 0 .. {rows - 1}")
    y.reshape(-1).view(np.uint8).reshape(n, row_bytes)[...] = (
        x.reshape(-1).view(np.uint8).reshape(rows, row_bytes)[index]
    )


def one_hot(y, labels, M, K):
    y.reshape(M, K)[...] = labels.reshape(M, 1) == np.arange(K)


def cast_uint8(y, x, n):
    y.reshape(n)[...] = x.reshape(n)


def cast_int32(y, x, n):
    y.reshape(n)[...] = x.reshape(n)


def truncate(y, x, n):
    x = x.reshape(n)
    y.reshape(n)[...] = np.where((x >= -(2**31)) & (x < 2**31), x, -(2**31)).astype(np.int32)


def nonzero(y, x, n):
    y.reshape(n)[...] = x.reshape(n) != 0
