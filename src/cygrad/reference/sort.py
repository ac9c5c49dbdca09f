"""The order of values. The C side: csrc/kernels/sort.c."""

import numpy as np


def argsort(index, x, M, K, descending):
    x = x.reshape(M, K).astype(np.float64)
    index.reshape(M, K)[...] = np.argsort(-x if descending else x, axis=1, kind="stable")


def argsort_int32(index, x, M, K, descending):
    argsort(index, x, M, K, descending)
