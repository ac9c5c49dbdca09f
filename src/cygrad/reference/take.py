"""Slices picked by an index, and the gradients added back. The C side: csrc/kernels/take.c."""

import numpy as np


def places(index, A, wrap):
    """index as places in 0 .. A-1."""
    if ((index < (-A if wrap else 0)) | (index >= A)).any():
        raise IndexError(f"take: an index lies outside {-A if wrap else 0} .. {A - 1}")
    return np.where(index < 0, index + A, index).reshape(-1)


def take_forward(y, x, index, O, A, I, n, wrap):  # noqa: E741
    y.reshape(O, n, I)[...] = x.reshape(O, A, I)[:, places(index, A, wrap)]


def take_backward(dx, dy, index, O, A, I, n, wrap):  # noqa: E741
    dx.reshape(O, A, I)[...] = 0
    for i, place in enumerate(places(index, A, wrap)):
        dx.reshape(O, A, I)[:, place] += dy.reshape(O, n, I)[:, i]
