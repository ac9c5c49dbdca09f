"""Elementwise mathematics, and the broadcasting operations of two arrays. The C side: csrc/kernels/elementwise.c."""

import numpy as np

from .layout import places


def log_forward(y, x, n):
    y[...] = np.log(x)


def log_backward(dx, dy, x, n):
    dx[...] = dy / x


def sqrt_forward(y, x, n):
    y[...] = np.sqrt(x)


def sqrt_backward(dx, dy, y, n):
    dx[...] = dy / (2 * y)


def square_forward(y, x, n):
    y[...] = x**2


def square_backward(dx, dy, x, n):
    dx[...] = 2 * x * dy


def absolute_forward(y, x, n):
    y[...] = np.abs(x)


def absolute_backward(dx, dy, x, n):
    dx[...] = dy * np.sign(x)


def clip_forward(y, x, n, low, high):
    y[...] = np.minimum(np.maximum(x, low), high)


def clip_backward(dx, dy, x, n, low, high):
    dx[...] = np.where((low <= x) & (x <= high), dy, 0)


def affine(y, x, n, scale, shift):
    y.reshape(n)[...] = scale * x.reshape(n) + shift


def accumulate(y, x, n, scale):
    y[...] += scale * x


def broadcast(a, b, rank, shape, strides_a, strides_b):
    """a and b as arrays of that shape."""
    return a.reshape(-1)[places(rank, shape, strides_a)], b.reshape(-1)[places(rank, shape, strides_b)]


def add(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = a + b


def subtract(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = a - b


def multiply(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = a * b


def divide(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = a / b


def maximum(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = np.maximum(a, b)


def minimum(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = np.minimum(a, b)


def power(y, a, b, rank, shape, strides_a, strides_b):
    a, b = broadcast(a, b, rank, shape, strides_a, strides_b)
    y.reshape(a.shape)[...] = a**b
