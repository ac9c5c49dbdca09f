"""Reductions of x[O,R,I] over R. The C side: csrc/kernels/reduce.c."""

import numpy as np


def reduce_sum(y, x, O, R, I, scale):  # noqa: E741
    y.reshape(O, I)[...] = scale * x.reshape(O, R, I).sum(axis=1)


def reduce_max(y, index, x, O, R, I):  # noqa: E741
    x = x.reshape(O, R, I)
    first = np.argmax(x, axis=1)  # NumPy, too, lets a NaN win
    if y is not None:
        y.reshape(O, I)[...] = np.take_along_axis(x, first[:, None, :], axis=1)[:, 0]
    if index is not None:
        index.reshape(O, I)[...] = first


def reduce_min(y, index, x, O, R, I):  # noqa: E741
    x = x.reshape(O, R, I)
    first = np.argmin(x, axis=1)
    if y is not None:
        y.reshape(O, I)[...] = np.take_along_axis(x, first[:, None, :], axis=1)[:, 0]
    if index is not None:
        index.reshape(O, I)[...] = first


def reduce_max_backward(dx, dy, index, O, R, I):  # noqa: E741
    here = np.arange(R)[:, None] == index.reshape(O, 1, I)
    dx.reshape(O, R, I)[...] = np.where(here, dy.reshape(O, 1, I), 0)
