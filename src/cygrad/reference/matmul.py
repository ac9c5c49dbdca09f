"""The matrix product. The C side: csrc/kernels/matmul.c."""

from .activation import apply


def matmul(y, a, b, bias, M, N, K, transpose_a, transpose_b, activation):
    a = a.reshape(K, M).T if transpose_a else a.reshape(M, K)
    b = b.reshape(N, K).T if transpose_b else b.reshape(K, N)
    product = a @ b
    if bias is not None:
        product = product + bias.reshape(N)
    apply(y.reshape(M, N), product, activation)
