"""Attention of several heads, its scores all at once. The C side: csrc/kernels/attention.c."""

import numpy as np

from .layout import places

LOW = -1.375 * 2.0**127  # of a masked score


def weights(q, k, mask, bias, B, T, S, heads, key_heads, D, mask_strides, bias_strides, scale, causal):
    """(exp(x - max), max, sum of it) of the scores x[B,heads,T,S]; where they are masked."""
    shape = (B, heads, T, S)
    k = np.repeat(k.reshape(B, S, key_heads, D), heads // key_heads, axis=2)
    x = scale * np.einsum("btnd,bsnd->bnts", q.reshape(B, T, heads, D), k)
    if bias is not None:
        x += bias.reshape(-1)[places(4, shape, bias_strides)]
    masked = np.zeros(shape, bool)
    if mask is not None:
        masked |= mask.reshape(-1)[places(4, shape, mask_strides)] == 0
    if causal:
        masked |= np.arange(S) > np.arange(T)[:, None]
    x[masked] = LOW
    largest = x.max(axis=-1, initial=-np.inf)
    e = np.exp(x - largest[..., None])
    return e, largest, e.sum(axis=-1), masked


def attention_forward(
    y, max, sum, q, k, v, mask, bias, B, T, S, heads, key_heads, D, V, mask_strides, bias_strides, scale, causal
):  # fmt: skip
    sizes = (B, T, S, heads, key_heads, D, mask_strides, bias_strides, scale, causal)
    e, largest, total, _ = weights(q, k, mask, bias, *sizes)
    max.reshape(B, heads, T)[...], sum.reshape(B, heads, T)[...] = largest, total
    v = np.repeat(v.reshape(B, S, key_heads, V), heads // key_heads, axis=2)
    y.reshape(B, T, heads, V)[...] = np.einsum("bnts,bsnv->btnv", e / total[..., None], v)


def attention_backward(
    dq, dk, dv, dy, q, k, v, y, max, sum, mask, bias, B, T, S, heads, key_heads, D, V, mask_strides, bias_strides,
    scale, causal,
):  # fmt: skip
    sizes = (B, T, S, heads, key_heads, D, mask_strides, bias_strides, scale, causal)
    e, _, total, masked = weights(q, k, mask, bias, *sizes)
    group, p = heads // key_heads, e / total[..., None]
    q, k, v = q.reshape(B, T, heads, D), k.reshape(B, S, key_heads, D), v.reshape(B, S, key_heads, V)
    dy = dy.reshape(B, T, heads, V)
    dp = np.einsum("btnv,bsnv->bnts", dy, np.repeat(v, group, axis=2))
    ds = np.where(masked, 0, scale * p * (dp - (p * dp).sum(axis=-1, keepdims=True)))
    dq.reshape(B, T, heads, D)[...] = np.einsum("bnts,bsnd->btnd", ds, np.repeat(k, group, axis=2))
    shared = (B, S, key_heads, group, -1)
    dk.reshape(k.shape)[...] = np.einsum("bnts,btnd->bsnd", ds, q).reshape(*shared[:4], D).sum(axis=3)
    dv.reshape(v.shape)[...] = np.einsum("bnts,btnv->bsnv", p, dy).reshape(*shared[:4], V).sum(axis=3)
