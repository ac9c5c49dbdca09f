"""Affine maps of pictures. The C side: csrc/kernels/image.c."""

import numpy as np

CONSTANT, REFLECT, WRAP, NEAREST, OUTSIDE, OVERLAPPED = range(6)


def filled(i, n, fill_mode):
    """(i within 0 .. n-1 as the fill mode has it, whether there is such a pixel)."""
    inside = (i >= 0) & (i < n)
    if fill_mode == REFLECT:
        place = i % (2 * n)
        return np.where(place < n, place, 2 * n - 1 - place), np.full(i.shape, True)
    if fill_mode == WRAP:
        return i % n, np.full(i.shape, True)
    return np.clip(i, 0, n - 1), inside if fill_mode == CONSTANT else np.full(i.shape, True)


def moved(a, n, fill_mode):
    """(coordinates within 0 .. n-1 where the fill mode moves places rather than pixels, whether there is anything)."""
    if fill_mode == OUTSIDE:
        return a, (a >= 0) & (a <= n - 1)
    if fill_mode == NEAREST or (fill_mode == OVERLAPPED and n == 1):
        a = np.clip(a, 0, n - 1)
    elif fill_mode == OVERLAPPED:
        with np.errstate(all="ignore"):
            below, above = a + (n - 1) * (np.floor(-a / (n - 1)) + 1), a - (n - 1) * np.floor(a / (n - 1))
        a = np.where(a < 0, below, np.where(a > n - 1, above, a))
    return a, np.full(a.shape, True)


def sources(transform, N, H, W, P, Q, bilinear, fill_mode):
    """[(row, column, weight, there)] of the pixels that each y[n,p,q] is made of, as arrays [N,P,Q]."""
    t = np.float64(transform).reshape(N, 6)[:, :, None, None]
    q, p = np.arange(Q), np.arange(P)[:, None]
    column = np.clip(t[:, 0] * q + t[:, 1] * p + t[:, 2], -(2.0**40), 2.0**40)
    row = np.clip(t[:, 3] * q + t[:, 4] * p + t[:, 5], -(2.0**40), 2.0**40)
    column, inside = moved(column, W, fill_mode)
    row, within = moved(row, H, fill_mode)
    half, inside = 0 if bilinear else 0.5, inside & within
    left, top = np.floor(column + half), np.floor(row + half)
    found = []
    for down in (0, 1) if bilinear else (0,):
        for aside in (0, 1) if bilinear else (0,):
            h, there_h = filled(top.astype(np.int64) + down, H, fill_mode)
            w, there_w = filled(left.astype(np.int64) + aside, W, fill_mode)
            share = (column - left if aside else 1 - column + left) * (row - top if down else 1 - row + top)
            found.append((h, w, share if bilinear else np.ones_like(share), there_h & there_w & inside))
    return found


def affine_transform_forward(y, x, transform, N, H, W, C, P, Q, bilinear, fill_mode, fill_value):
    x, picture = x.reshape(N, H, W, C), np.arange(N)[:, None, None]
    y = y.reshape(N, P, Q, C)
    y[...] = 0
    for h, w, share, there in sources(transform, N, H, W, P, Q, bilinear, fill_mode):
        y += share[..., None] * np.where(there[..., None], x[picture, h, w], fill_value)


def affine_transform_backward(dx, dy, transform, N, H, W, C, P, Q, bilinear, fill_mode):
    dx, dy, picture = dx.reshape(N, H, W, C), dy.reshape(N, P, Q, C), np.arange(N)[:, None, None]
    dx[...] = 0
    for h, w, share, there in sources(transform, N, H, W, P, Q, bilinear, fill_mode):
        np.add.at(dx, (np.broadcast_to(picture, h.shape), h, w), (share * there)[..., None] * dy)


def shaded(y, shift, brightness):
    """One picture[P,Q,C] with a number added and another brightness."""
    y = np.clip(y + shift, y.min(), y.max())
    if np.isnan(brightness):
        return y
    low, high = y.min(), y.max()
    stretched = low < 0 or high > 255
    byte = np.trunc((y - low) / (high - low if high > low else 1) * 255 if stretched else y)
    bright = np.trunc(np.clip(brightness * byte, 0, 255))
    if y.shape[-1] == 4:
        bright[..., 3] = byte[..., 3]
    return bright / 255 * (high - low) + low if stretched else bright


def augment_images(y, x, index, transform, shading, N, H, W, C, P, Q, bytes, bilinear, fill_mode, fill_value, scale):
    x = x.reshape(-1, H, W, C) if index is None else x.reshape(-1, H, W, C)[index]
    affine_transform_forward(y, x[:N], transform, N, H, W, C, P, Q, bilinear, fill_mode, fill_value)
    for n in range(N if shading is not None and y.size else 0):
        y[n] = shaded(y[n], *shading[n])
    y *= scale
