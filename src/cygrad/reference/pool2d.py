"""Pooling over windows, channels last. The C side: csrc/kernels/pool2d.c. Windows are taken as in conv2d.py."""

import numpy as np

from .conv2d import padded, window


def max_pool2d_forward(y, argmax, x, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left):
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, 1, 1)
    inside = np.s_[:, pad_top : pad_top + H, pad_left : pad_left + W]
    big_x, is_x = np.zeros((N, height, width, C), x.dtype), np.zeros((N, height, width, C), bool)
    big_x[inside], is_x[inside] = x.reshape(N, H, W, C), True
    best, place, found = (
        np.full((N, P, Q, C), -np.inf, x.dtype),
        np.zeros((N, P, Q, C), np.uint8),
        np.zeros((N, P, Q, C), bool),
    )
    for r in range(R):
        for s in range(S):
            under = window(r, s, P, Q, stride_h, stride_w, 1, 1)
            value = big_x[under]
            wins = is_x[under] & (~found | (value > best) | (np.isnan(value) & ~np.isnan(best)))
            best, place, found = np.where(wins, value, best), np.where(wins, np.uint8(r * S + s), place), found | wins
    y.reshape(N, P, Q, C)[...] = best
    if argmax is not None:
        argmax.reshape(N, P, Q, C)[...] = place


def max_pool2d_backward(dx, dy, argmax, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left):
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, 1, 1)
    big_dx = np.zeros((N, height, width, C), dx.dtype)
    dy, argmax = dy.reshape(N, P, Q, C), argmax.reshape(N, P, Q, C)
    for r in range(R):
        for s in range(S):
            big_dx[window(r, s, P, Q, stride_h, stride_w, 1, 1)] += np.where(argmax == r * S + s, dy, 0)
    dx.reshape(N, H, W, C)[...] = big_dx[:, pad_top : pad_top + H, pad_left : pad_left + W]


def average_pool2d_forward(y, x, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left):
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, 1, 1)
    inside = np.s_[:, pad_top : pad_top + H, pad_left : pad_left + W]
    big_x, is_x = np.zeros((N, height, width, C), x.dtype), np.zeros((1, height, width, 1), x.dtype)
    big_x[inside], is_x[inside] = x.reshape(N, H, W, C), 1
    total, count = np.zeros((N, P, Q, C), x.dtype), np.zeros((1, P, Q, 1), x.dtype)
    for r in range(R):
        for s in range(S):
            under = window(r, s, P, Q, stride_h, stride_w, 1, 1)
            total += big_x[under]
            count += is_x[under]
    y.reshape(N, P, Q, C)[...] = total / count


def average_pool2d_backward(dx, dy, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left):
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, 1, 1)
    inside = np.s_[:, pad_top : pad_top + H, pad_left : pad_left + W]
    big_dx, is_x = np.zeros((N, height, width, C), dx.dtype), np.zeros((1, height, width, 1), dx.dtype)
    is_x[inside] = 1
    count = np.zeros((1, P, Q, 1), dx.dtype)
    for r in range(R):
        for s in range(S):
            count += is_x[window(r, s, P, Q, stride_h, stride_w, 1, 1)]
    for r in range(R):
        for s in range(S):
            big_dx[window(r, s, P, Q, stride_h, stride_w, 1, 1)] += dy.reshape(N, P, Q, C) / count
    dx.reshape(N, H, W, C)[...] = big_dx[inside]
