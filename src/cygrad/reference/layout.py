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


def items(x, itemsize):
    """An array's values as rows of their bytes."""
    return x.reshape(-1).view(np.uint8).reshape(-1, itemsize)


def gather_elements(y, x, rank, shape, strides, offset, itemsize):
    items(y, itemsize)[...] = items(x, itemsize)[places(rank, shape, strides, offset).reshape(-1)]


def scatter_elements(y, x, rank, shape, strides, offset, itemsize):
    items(y, itemsize)[places(rank, shape, strides, offset).reshape(-1)] = items(x, itemsize)


def pad(y, x, value, rank, shape, inner, before, itemsize):
    y = items(y, itemsize).reshape(*shape[:rank], itemsize)
    y[...] = 0 if value is None else items(value, itemsize)[0]
    y[tuple(slice(b, b + n) for b, n in zip(before, inner))] = items(x, itemsize).reshape(*inner[:rank], itemsize)


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


INTEGERS = {1: np.uint8, 4: np.int32, 8: np.int64}


def convert_integers(y, x, n, y_bytes, x_bytes):
    x = x.reshape(-1).view(INTEGERS[x_bytes])
    y.reshape(-1).view(INTEGERS[y_bytes])[...] = x.astype(INTEGERS[y_bytes])
