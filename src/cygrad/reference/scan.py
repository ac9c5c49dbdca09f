"""Running sums and products. The C side: csrc/kernels/scan.c."""

import numpy as np


def cumulative_sum(y, x, O, R, I, reverse):  # noqa: E741
    x = x.reshape(O, R, I)
    sums = np.flip(np.cumsum(np.flip(x, 1), 1), 1) if reverse else np.cumsum(x, 1)
    y.reshape(O, R, I)[...] = sums.astype(y.dtype)


def cumulative_sum_int32(y, x, O, R, I, reverse):  # noqa: E741
    cumulative_sum(y, x, O, R, I, reverse)


def reduce_product_forward(y, x, O, R, I):  # noqa: E741
    y.reshape(O, I)[...] = x.reshape(O, R, I).prod(1)


def reduce_product_backward(dx, dy, x, O, R, I):  # noqa: E741
    x, dx = x.reshape(O, R, I), dx.reshape(O, R, I)
    for r in range(R):
        dx[:, r] = dy.reshape(O, I) * np.delete(x, r, 1).prod(1)
