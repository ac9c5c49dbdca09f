"""Batch, layer and root-mean-square normalization. The C side: csrc/kernels/*_normalization.c.

xhat is x less its mean, over its standard deviation: y = xhat scale + offset. Its derivative subtracts from g = dy
scale what a change of x does to the mean and to the deviation: dx = rstd (g - mean(g) - xhat mean(g xhat)).
"""

import numpy as np


def normalized(x, mean, rstd, scale, offset):
    y = (x - mean) * rstd
    if scale is not None:
        y = y * scale.ravel()
    return y if offset is None else y + offset.ravel()


def moments(x, axis):
    """(mean, variance) along an axis that stays, with size 1; zeros where there is nothing."""
    count = max(x.shape[axis], 1)
    mean = x.sum(axis=axis, keepdims=True) / count
    return mean, ((x - mean) ** 2).sum(axis=axis, keepdims=True) / count


def gradient(dy, xhat, rstd, scale, axis, centered=True):
    """dx, and the terms of dscale."""
    g = dy if scale is None else dy * scale.ravel()
    count = max(dy.shape[axis], 1)
    dx = g - xhat * ((g * xhat).sum(axis=axis, keepdims=True) / count)
    if centered:
        dx = dx - g.sum(axis=axis, keepdims=True) / count
    return dx * rstd, dy * xhat


def write(output, value):
    if output is not None:
        output.reshape(value.shape)[...] = value


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
