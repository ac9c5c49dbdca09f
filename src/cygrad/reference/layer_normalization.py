"""Normalization of rows. The C side: csrc/kernels/layer_normalization.c. The formulas: moments.py."""

import numpy as np

from .moments import gradient, moments, normalized, write


def layer_normalization_forward(y, mean, rstd, x, scale, offset, M, K, epsilon):
    x = x.reshape(M, K)
    row_mean, variance = moments(x, 1)
    row_rstd = 1 / np.sqrt(variance + epsilon)
    write(mean, row_mean)
    write(rstd, row_rstd)
    write(y, normalized(x, row_mean, row_rstd, scale, offset))


def layer_normalization_backward(dx, dscale, doffset, dy, x, mean, rstd, scale, M, K):
    dy, rstd = dy.reshape(M, K), rstd.reshape(M, 1)
    found, terms = gradient(dy, (x.reshape(M, K) - mean.reshape(M, 1)) * rstd, rstd, scale, 1)
    write(dx, found)
    write(dscale, terms.sum(axis=0))
    write(doffset, dy.sum(axis=0))


def rms_normalization_forward(y, rstd, x, scale, M, K, epsilon):
    x = x.reshape(M, K)
    row_rstd = 1 / np.sqrt((x**2).sum(axis=1, keepdims=True) / max(K, 1) + epsilon)
    write(rstd, row_rstd)
    write(y, normalized(x, 0, row_rstd, scale, None))


def rms_normalization_backward(dx, dscale, dy, x, rstd, scale, M, K):
    rstd = rstd.reshape(M, 1)
    found, terms = gradient(dy.reshape(M, K), x.reshape(M, K) * rstd, rstd, scale, 1, centered=False)
    write(dx, found)
    write(dscale, terms.sum(axis=0))
