"""The matrix product. The C side: csrc/kernels/matmul.c."""

import numpy as np

from .activation import apply


def matmul(y, a, b, bias, M, N, K, transpose_a, transpose_b, activation):
    a = a.reshape(K, M).T if transpose_a else a.reshape(M, K)
    b = b.reshape(N, K).T if transpose_b else b.reshape(K, N)
    product = a @ b
    if bias is not None:
        product = product + bias.reshape(N)
    apply(y.reshape(M, N), product, activation)


def batched_matmul(y, a, b, rank, shape, strides_a, strides_b, M, N, K, transpose_a, transpose_b):
    y = y.reshape(*shape, M, N)
    for index in np.ndindex(*shape):
        start_a, start_b = np.dot(index, strides_a), np.dot(index, strides_b)
        one_a, one_b = a.reshape(-1)[int(start_a) :][: M * K], b.reshape(-1)[int(start_b) :][: K * N]
        matmul(y[index], one_a, one_b, None, M, N, K, transpose_a, transpose_b, 0)
