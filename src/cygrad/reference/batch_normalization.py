"""Normalization of columns. The C side: csrc/kernels/batch_normalization.c. The formulas: moments.py."""

import numpy as np

from .moments import gradient, moments, normalized, write


def batch_normalization_forward(
    y, mean, rstd, moving_mean, moving_variance, x, scale, offset, M, C, epsilon, momentum
):  # fmt: skip
    x = x.reshape(M, C)
    batch_mean, variance = moments(x, 0)
    write(mean, batch_mean)
    write(rstd, 1 / np.sqrt(variance + epsilon))
    for moving, batch in ((moving_mean, batch_mean), (moving_variance, variance)):
        if moving is not None and M > 0:
            moving[...] = momentum * moving + (1 - momentum) * batch.reshape(moving.shape)
    write(y, normalized(x, mean, rstd, scale, offset))


def batch_normalization_backward(dx, dscale, doffset, dy, x, mean, rstd, scale, M, C):
    dy = dy.reshape(M, C)
    found, terms = gradient(dy, (x.reshape(M, C) - mean) * rstd, rstd, scale, 0)
    write(dx, found)
    write(dscale, terms.sum(axis=0))
    write(doffset, dy.sum(axis=0))


def batch_normalization_inference_forward(y, x, mean, variance, scale, offset, M, C, epsilon):
    write(y, normalized(x.reshape(M, C), mean, 1 / np.sqrt(variance + epsilon), scale, offset))


def batch_normalization_inference_backward(
    dx, dmean, dvariance, dscale, doffset, dy, x, mean, variance, scale, M, C, epsilon
):  # fmt: skip
    dy, rstd = dy.reshape(M, C), 1 / np.sqrt(variance + epsilon)
    g = dy if scale is None else dy * scale.ravel()
    centered = x.reshape(M, C) - mean
    write(dx, g * rstd)
    write(dmean, -(g * rstd).sum(axis=0))
    write(dvariance, -(g * centered * rstd**3).sum(axis=0) / 2)
    write(dscale, (dy * centered * rstd).sum(axis=0))
    write(doffset, dy.sum(axis=0))
