"""Convolution, channels last. The C side: csrc/kernels/conv2d.c.

With x padded by zeros, the pixel under (r, s) for output (p, q) is (p*stride_h + r*dilation_h, q*stride_w +
s*dilation_w): for a fixed (r, s) a slice of x, and the convolution is a sum of one product a slice. Both gradients
follow from that sum.
Channels and filters are split into (group, member): x[N,H,W,G,C/G], kernel[R,S,C/G,G,F/G], y[N,P,Q,G,F/G].
"""

import numpy as np

from .activation import apply
from .batch_normalization import batch_normalization_inference_forward
from .elementwise import clip_forward


def padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
    """The height and width of x with zeros around it, wide enough for every window."""
    return (
        max(pad_top + H, (P - 1) * stride_h + (R - 1) * dilation_h + 1),
        max(pad_left + W, (Q - 1) * stride_w + (S - 1) * dilation_w + 1),
    )


def window(r, s, P, Q, stride_h, stride_w, dilation_h, dilation_w):
    """What lies under (r, s) in padded x, for all outputs: an index that gives [N,P,Q,...]."""
    top, left = r * dilation_h, s * dilation_w
    return np.s_[:, top : top + P * stride_h : stride_h, left : left + Q * stride_w : stride_w]


def conv2d_forward(
    y, x, kernel, bias, N, H, W, C, F, R, S, P, Q,
    stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, activation,
):  # fmt: skip
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w)
    big_x = np.zeros((N, height, width, groups, C // groups), x.dtype)
    big_x[:, pad_top : pad_top + H, pad_left : pad_left + W] = x.reshape(N, H, W, groups, C // groups)
    kernel = kernel.reshape(R, S, C // groups, groups, F // groups)
    total = np.zeros((N, P, Q, groups, F // groups), y.dtype)
    for r in range(R):
        for s in range(S):
            under = big_x[window(r, s, P, Q, stride_h, stride_w, dilation_h, dilation_w)]
            total += np.einsum("npqgc,cgf->npqgf", under, kernel[r, s])
    if bias is not None:
        total += bias.reshape(groups, F // groups)
    apply(y.reshape(total.shape), total, activation)


def conv2d_fused_forward(
    y, x, kernel, bias, mean, variance, scale, offset, residual, N, H, W, C, F, R, S, P, Q,
    stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, activation, epsilon, low, high,
):  # fmt: skip
    steps = (stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w)
    conv2d_forward(y, x, kernel, bias, N, H, W, C, F, R, S, P, Q, *steps, groups, activation)
    if mean is not None:
        batch_normalization_inference_forward(y, y, mean, variance, scale, offset, N * P * Q, F, epsilon)
    if residual is not None:
        y += residual
    clip_forward(y, y, y.size, low, high)


def conv2d_backward_input(
    dx, dy, kernel, N, H, W, C, F, R, S, P, Q,
    stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups,
):  # fmt: skip
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w)
    big_dx = np.zeros((N, height, width, groups, C // groups), dx.dtype)
    kernel = kernel.reshape(R, S, C // groups, groups, F // groups)
    dy = dy.reshape(N, P, Q, groups, F // groups)
    for r in range(R):
        for s in range(S):
            under = window(r, s, P, Q, stride_h, stride_w, dilation_h, dilation_w)
            big_dx[under] += np.einsum("npqgf,cgf->npqgc", dy, kernel[r, s])
    dx.reshape(N, H, W, groups, C // groups)[...] = big_dx[:, pad_top : pad_top + H, pad_left : pad_left + W]


def conv2d_backward_kernel(
    dkernel, dy, x, N, H, W, C, F, R, S, P, Q,
    stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups,
):  # fmt: skip
    height, width = padded(H, W, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w)
    big_x = np.zeros((N, height, width, groups, C // groups), x.dtype)
    big_x[:, pad_top : pad_top + H, pad_left : pad_left + W] = x.reshape(N, H, W, groups, C // groups)
    dy = dy.reshape(N, P, Q, groups, F // groups)
    dkernel = dkernel.reshape(R, S, C // groups, groups, F // groups)
    for r in range(R):
        for s in range(S):
            under = big_x[window(r, s, P, Q, stride_h, stride_w, dilation_h, dilation_w)]
            dkernel[r, s] = np.einsum("npqgc,npqgf->cgf", under, dy)
