"""Attention, with keras.ops's name. Kernels: csrc/kernels/attention.c."""

from functools import lru_cache
from math import sqrt

import numpy as np

from ._backend import K, Tensor, as_float, empty, gradient_like, record, tracked
from ._shapes import broadcast_shape, repeated_strides
from .creation import cast, convert_to_tensor
from .elementwise import add, multiply
from .layout import reshape, transpose
from .logic import where
from .matmul import matmul
from .softmax import softmax

LOW = -1.375 * 2.0**127  # of a masked score, as in the kernel
NONE = (0, 0, 0, 0)


@lru_cache(maxsize=4096)
def _sizes(query, key, value, mask, bias):
    """(B, T, S, heads, key_heads, D, V, strides of mask, of bias), once the shapes have been checked."""
    op = "dot_product_attention"
    if not (len(query) == len(key) == len(value) == 4):
        raise ValueError(
            f"{op}: expected query[B,T,N,H], key[B,S,K,H] and value[B,S,K,V]; got shapes {query}, {key} and {value}"
        )
    (B, T, heads, D), (_, S, key_heads, _), V = query, key, value[3]
    if key != (B, S, key_heads, D) or value[:3] != key[:3] or not key_heads or heads % key_heads:
        raise ValueError(
            f"{op}: expected key[{B},S,K,{D}] and value[{B},S,K,V] for query of shape {query}, K dividing its "
            f"{heads} heads; got shapes {key} and {value}"
        )
    if S == 0:
        raise ValueError(f"{op}: there is no key to attend to; got key of shape {key}")
    full, strides = (B, heads, T, S), []
    for name, shape in (("mask", mask), ("bias", bias)):
        if shape is not None and broadcast_shape(shape, full, f"{op} ({name} against [B,N,T,S])") != full:
            raise ValueError(f"{op}: {name} of shape {shape} does not broadcast to {full}: [B,N,T,S]")
        strides.append(NONE if shape is None else repeated_strides(shape, full))
    return B, T, S, heads, key_heads, D, V, *strides


def attention_scores(query, key, value, bias=None, mask=None, scale=None, is_causal=False, dropout=None):
    """dot_product_attention by its formula, op by op: (y, the weights[B,N,T,S]). For those who want to see the weights,
    to train the bias, or to drop weights out: dropout is a function of them. Not in keras.ops."""
    q, k, v = (as_float(x, "attention_scores") for x in (query, key, value))
    extra = [None if x is None else tuple(x.shape) for x in (mask, bias)]
    B, T, S, heads, key_heads, D, V, *_ = _sizes(q.shape, k.shape, v.shape, *extra)
    group = heads // key_heads
    if scale is None:
        scale = 1 / sqrt(D)
    q = reshape(transpose(multiply(q, scale), (0, 2, 1, 3)), (B, key_heads, group * T, D))
    x = reshape(matmul(q, transpose(k, (0, 2, 3, 1))), (B, heads, T, S))
    if bias is not None:
        x = add(x, bias)
    if mask is not None:
        x = where(mask, x, LOW)
    if is_causal:
        x = where(causal_mask(T, S), x, LOW)
    weights = softmax(x)
    kept = weights if dropout is None else dropout(weights)
    y = matmul(reshape(kept, (B, key_heads, group * T, S)), transpose(v, (0, 2, 1, 3)))
    return transpose(reshape(y, (B, heads, T, V)), (0, 2, 1, 3)), weights


@lru_cache(maxsize=64)
def causal_mask(T, S):
    """A bool tensor [T,S] that is True where s <= t."""
    return convert_to_tensor(np.tri(T, S, dtype=bool))


def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    scale=None,
    is_causal=False,
    flash_attention=None,
    attn_logits_soft_cap=None,
):
    """y = softmax(scale q k^T + bias) v for each head, without a matrix of all scores.

    Shapes: query[B,T,N,H], key[B,S,K,H], value[B,S,K,V], y[B,T,N,V]; K divides N, and N / K neighbouring heads share a
    key's and a value's. mask (booleans) and bias broadcast to [B,N,T,S]: where mask is False, a key is left out; a
    query that has none left gets the mean of the values. is_causal: query t sees the keys 0 .. t. scale None: 1 /
    sqrt(H). Saved for backward: y, and of each query the largest score and the sum. flash_attention has no meaning
    here; attn_logits_soft_cap is not supported. Raises ValueError for shapes that do not fit. (Vaswani et al. 2017)

    >>> x = np.ones((1, 3, 2, 4))
    >>> cygrad.ops.dot_product_attention(x, x, x).shape
    (1, 3, 2, 4)
    """
    op = "dot_product_attention"
    if attn_logits_soft_cap is not None:
        raise ValueError(f"{op}: attn_logits_soft_cap is not supported; leave it out")
    q, k, v = as_float(query, op, "query"), as_float(key, op, "key"), as_float(value, op, "value")
    if mask is not None and not (isinstance(mask, Tensor) and mask.dtype == "bool"):
        mask = cast(mask, "bool")
    if bias is not None:
        bias = as_float(bias, op, "bias")
        if tracked(bias):
            return attention_scores(q, k, v, bias, mask, scale, is_causal)[0]
    sizes = _sizes(q.shape, k.shape, v.shape, *[None if x is None else x.shape for x in (mask, bias)])
    B, T, _, heads, _, D, V, *_ = sizes
    options = (*sizes, 1 / sqrt(D) if scale is None else float(scale), int(bool(is_causal)))
    y, largest, total = empty((B, T, heads, V)), empty((B, heads, T)), empty((B, heads, T))
    K.attention_forward(y, largest, total, q, k, v, mask, bias, *options)

    def backward(dy):
        dq, dk, dv = gradient_like(q), gradient_like(k), gradient_like(v)
        K.attention_backward(dq, dk, dv, dy, q, k, v, y, largest, total, mask, bias, *options)
        return dq, dk, dv

    return record(y, (q, k, v), backward)
