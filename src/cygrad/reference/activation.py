"""Elementwise activations and their derivatives. The C side: csrc/kernels/activation.c.

A forward writes y = f(x); a backward writes dx = dy f'(x), from y where f' is a function of it.
"""

import math

import numpy as np

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
GELU_SCALE, GELU_CUBE = math.sqrt(2 / math.pi), 0.044715


def apply(y, x, activation):
    """y = the activation with that number in cygrad.h's enum cg_activation, for matmul and conv2d."""
    if activation == 0:
        y[...] = x
        return
    forward, parameters = (
        (relu_forward, ()),
        (leaky_relu_forward, (0.2,)),
        (elu_forward, (1.0,)),
        (selu_forward, ()),
        (sigmoid_forward, ()),
        (tanh_forward, ()),
        (softplus_forward, ()),
        (softsign_forward, ()),
        (gelu_forward, ()),
        (silu_forward, ()),
        (exp_forward, ()),
        (hard_sigmoid_forward, ()),
    )[activation - 1]
    forward(y, x, x.size, *parameters)


def relu_forward(y, x, n):
    y[...] = np.maximum(x, 0)


def relu_backward(dx, dy, y, n):
    dx[...] = np.where(y > 0, dy, 0)


def leaky_relu_forward(y, x, n, negative_slope):
    y[...] = np.where(x >= 0, x, negative_slope * x)


def leaky_relu_backward(dx, dy, x, n, negative_slope):
    dx[...] = np.where(x >= 0, dy, negative_slope * dy)


def elu_forward(y, x, n, alpha):
    y[...] = np.where(x > 0, x, alpha * np.expm1(x))


def elu_backward(dx, dy, y, n, alpha):
    dx[...] = dy * np.where(y > 0, 1, y + alpha)


def selu_forward(y, x, n):
    y[...] = SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(x))


def selu_backward(dx, dy, y, n):
    dx[...] = dy * np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def sigmoid_forward(y, x, n):
    y[...] = sigmoid(x)


def sigmoid_backward(dx, dy, y, n):
    dx[...] = dy * y * (1 - y)


def tanh_forward(y, x, n):
    y[...] = np.tanh(x)


def tanh_backward(dx, dy, y, n):
    dx[...] = dy * (1 - y**2)


def softplus_forward(y, x, n):
    y[...] = np.logaddexp(0, x)


def softplus_backward(dx, dy, y, n):
    dx[...] = dy * -np.expm1(-y)


def softsign_forward(y, x, n):
    y[...] = x / (1 + np.abs(x))


def softsign_backward(dx, dy, x, n):
    dx[...] = dy / (1 + np.abs(x)) ** 2


def normal_cdf(x):
    return np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2, otypes=[x.dtype])(x)


def gelu_forward(y, x, n):
    y[...] = x * normal_cdf(x)


def gelu_backward(dx, dy, x, n):
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    dx[...] = dy * (normal_cdf(x) + x * density)


def gelu_tanh_forward(y, x, n):
    y[...] = x * (1 + np.tanh(GELU_SCALE * (x + GELU_CUBE * x**3))) / 2


def gelu_tanh_backward(dx, dy, x, n):
    t = np.tanh(GELU_SCALE * (x + GELU_CUBE * x**3))
    dx[...] = dy * ((1 + t) / 2 + x * (1 - t**2) / 2 * GELU_SCALE * (1 + 3 * GELU_CUBE * x**2))


def silu_forward(y, x, n):
    y[...] = x * sigmoid(x)


def silu_backward(dx, dy, x, n):
    s = sigmoid(x)
    dx[...] = dy * s * (1 + x * (1 - s))


def exp_forward(y, x, n):
    y[...] = np.exp(x)


def exp_backward(dx, dy, y, n):
    dx[...] = dy * y


def hard_sigmoid_forward(y, x, n):
    y[...] = np.clip(x / 6 + 0.5, 0, 1)


def hard_sigmoid_backward(dx, dy, y, n):
    dx[...] = np.where((y > 0) & (y < 1), dy / 6, 0)
