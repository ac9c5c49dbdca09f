"""Softmax and its logarithm over the rows of x[M,K]. The C side: csrc/kernels/softmax.c."""

import numpy as np


def log_softmax(x):
    """x - max - log sum exp(x - max), along the last axis."""
    shifted = x - x.max(axis=-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax_forward(y, x, M, K):
    e = np.exp(x.reshape(M, K) - x.reshape(M, K).max(axis=1, keepdims=True, initial=-np.inf))
    y.reshape(M, K)[...] = e / e.sum(axis=1, keepdims=True)


def softmax_backward(dx, dy, y, M, K):
    dy, y = dy.reshape(M, K), y.reshape(M, K)
    dx.reshape(M, K)[...] = y * (dy - (dy * y).sum(axis=1, keepdims=True))


def log_softmax_forward(y, x, M, K):
    y.reshape(M, K)[...] = log_softmax(x.reshape(M, K))


def log_softmax_backward(dx, dy, y, M, K):
    dy, y = dy.reshape(M, K), y.reshape(M, K)
    dx.reshape(M, K)[...] = dy - np.exp(y) * dy.sum(axis=1, keepdims=True)
