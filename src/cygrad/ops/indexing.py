"""Picking values: index, take, repeat, pad. Kernels: csrc/kernels/layout.c.

Integers and booleans go through kernels too, without a gradient; an index that is an array or a list in x[index] of
several axes, or of booleans, through NumPy.
"""

from math import prod
from operator import index as _index

import numpy as np

from . import _whole
from ._backend import (
    K,
    Tensor,
    Variable,
    as_float,
    constant_array,
    empty,
    from_array,
    gradient_like,
    integers,
    record,
    shell,
    view,
)
from ._shapes import CACHED, collapse, strides_of
from .creation import cast, convert_to_tensor
from .layout import axis_of, is_float, moveaxis, ravel, reshape, zero_gradient
from .logic import less


def _basic(shape, key):
    """(shape, strides, offset) of x[key] for integers, slices, None and ...; None where key holds arrays, lists or
    booleans."""
    key = key if isinstance(key, tuple) else (key,)
    used = 0
    for k in key:
        if k is None or k is Ellipsis:
            continue
        if not isinstance(k, (int, slice, np.integer, Tensor)) or isinstance(k, bool):
            return None
        if isinstance(k, Tensor) and (k.shape or k.dtype == "bool"):
            return None
        used += 1
    if used > len(shape):
        raise IndexError(f"get_item: {used} indices for a tensor of shape {shape}, which has {len(shape)} axes")
    if sum(k is Ellipsis for k in key) == 0:
        key = (*key, Ellipsis)
    walk, sizes, strides, offset, axis = strides_of(shape), [], [], 0, 0
    for k in key:
        if k is None:
            sizes.append(1)
            strides.append(0)
        elif k is Ellipsis:
            rest = len(shape) - used
            sizes += shape[axis : axis + rest]
            strides += walk[axis : axis + rest]
            axis += rest
        elif isinstance(k, slice):
            first, last, step = k.indices(shape[axis])
            n = len(range(first, last, step))
            sizes.append(n)
            strides.append(step * walk[axis])
            offset += first * walk[axis] if n else 0
            axis += 1
        else:
            i = _index(k)
            if not -shape[axis] <= i < shape[axis]:
                raise IndexError(f"get_item: index {i} is out of range for axis {axis} of shape {shape}")
            offset += (i % shape[axis]) * walk[axis]
            axis += 1
    return tuple(sizes), tuple(strides), offset


def get_item(x, key):
    """x[key], by NumPy's rules.

    key: integers, slices (with any step), None and ... ; or arrays of integers or booleans, whose gradient is added
    up where an element was taken more than once. A slice that is one block of memory shares it with x, unless x is a
    variable. Raises IndexError for an index out of range.

    >>> cygrad.ops.get_item([[1.0, 2.0], [3.0, 4.0]], (slice(None), -1)).numpy().tolist()
    [2.0, 4.0]
    """
    x = convert_to_tensor(x)
    plan = _basic(x.shape, key)
    if plan is None:
        return _get_items(x, key)
    shape, strides, offset = plan
    sizes, walked = collapse(shape, strides)
    if walked == strides_of(sizes) and not isinstance(x, Variable):
        y = view(x, shape, offset if prod(shape) else 0)
    else:
        y = empty(shape, x.dtype)
        K.gather_elements(y, x, len(sizes), sizes, walked, offset, y.itemsize)
    source = shell(x)

    def backward(dy):
        dx = zero_gradient(source)
        K.scatter_strided(dx, dy, len(sizes), sizes, walked, offset)
        return dx

    return record(y, (x,), backward)


def _get_items(x, key):
    """x[key] where key holds arrays."""
    if isinstance(key, Tensor) and key.dtype == "int32" and x.shape:
        return take(x, key, 0)
    keys = key if isinstance(key, tuple) else (key,)
    keys = tuple(np.asarray(k) if isinstance(k, (Tensor, list)) else k for k in keys)
    keys = tuple(k.astype("int64") if isinstance(k, np.ndarray) and not k.size else k for k in keys)
    try:
        found = np.asarray(x)[keys]
    except IndexError as error:
        raise IndexError(f"get_item: {error} (a tensor of shape {x.shape})") from None
    y = from_array(found, x.dtype)
    source = shell(x)

    def backward(dy):
        dx = zero_gradient(source)
        np.add.at(np.asarray(dx), keys, np.asarray(dy))
        return dx

    return record(y, (x,), backward) if is_float(x) else y


def _int32_indices(indices, axis, shape):
    """take's indices as an int32 tensor; those that int32 cannot hold are out of range."""
    if isinstance(indices, Tensor) and indices.dtype in ("int32", "uint8"):
        return cast(indices, "int32")
    plain = isinstance(indices, (int, list, tuple, range))
    given = np.asarray(indices if plain else integers(indices, "take", "indices", "int64"))
    if plain and given.dtype.kind != "i":
        given = np.asarray(integers(given, "take", "indices", "int64"))
    if given.size and (given.min() < -(2**31) or given.max() >= 2**31):
        _outside(given, axis, shape)
    return (from_array if isinstance(indices, (Tensor, np.ndarray)) else constant_array)(given, "int32")


def _outside(indices, axis, shape, wrap=1):
    indices = np.asarray(indices)
    low, high = int(indices.min()), int(indices.max())
    wrong = low if low < -shape[axis] * wrap else high
    raise IndexError(f"take: index {wrong} is out of range for axis {axis} of shape {shape}") from None


def take(x, indices, axis=None):
    """The slices of x along axis at indices; negative ones count from the end. axis None: x is flattened first.

    Shapes: x[O...,A,I...], indices of any shape, y[O...,*indices,I...]. Saved for backward: indices. The gradient is
    added up where an element was taken more than once. Raises IndexError for an index out of range, TypeError for
    indices that are not whole.

    >>> cygrad.ops.take([[1.0, 2.0], [3.0, 4.0]], [1, 0, 1], axis=0).numpy().tolist()
    [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    """
    x = convert_to_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    shape = x.shape
    axis = axis_of(axis, len(shape), "take")
    index = _int32_indices(indices, axis, shape)
    return taken(x, index, axis, 1)


def _taken_rows(x, index, axis, wrap):
    """The same of values of any size, which have no gradient."""
    A, shape = x.shape[axis], x.shape[:axis] + index.shape + x.shape[axis + 1 :]
    rows = moveaxis(x, axis, 0)
    places = cast(_whole.chosen(less(index, 0), _whole.add(index, A), index) if wrap else index, "int64")
    y = empty(index.shape + rows.shape[1:], x.dtype)
    try:
        K.gather_rows(y, rows, places, index.size, A, x.itemsize * prod(rows.shape[1:]))
    except IndexError:
        _outside(index, axis, x.shape, wrap)
    places = tuple(range(len(index.shape)))
    return reshape(moveaxis(y, places, tuple(axis + i for i in places)), shape)


def taken(x, index, axis, wrap):
    """The slices of x along axis at index, an int32 tensor. wrap: do negative ones count from the end?"""
    if not is_float(x):
        return _taken_rows(x, index, axis, wrap)
    shape = x.shape
    A, outer, inner = shape[axis], prod(shape[:axis]), prod(shape[axis + 1 :])
    y = empty(shape[:axis] + index.shape + shape[axis + 1 :])
    try:
        K.take_forward(y, x, index, outer, A, inner, index.size, wrap)
    except IndexError:
        _outside(index, axis, shape, wrap)
    source = shell(x)

    def backward(dy):
        dx = gradient_like(source)
        K.take_backward(dx, dy, index, outer, A, inner, index.size, wrap)
        return dx

    return record(y, (x,), backward)


def embed(indices, embeddings):
    """The rows of embeddings[A,I] at int32 indices in 0 .. A-1: what an Embedding layer computes. Not in keras.ops.

    Shapes: indices of any shape, y[*indices,I]. It is take along axis 0, but that negative indices are refused: they
    are no word's. Saved for backward: indices. Raises IndexError for an index out of range.

    >>> cygrad.ops.embed([1, 0], [[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return taken(as_float(embeddings, "embed", "embeddings"), integers(indices, "embed", "indices"), 0, 0)


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """y[..., k] = 1 where k == x, else 0; an x outside 0 .. num_classes-1 gives zeros, as in Keras.

    axis: where the new axis goes, last by default. dtype None: float32. sparse must be False.

    >>> cygrad.ops.one_hot([0, 2], 3).numpy().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise ValueError("one_hot: sparse tensors are not supported; expected sparse=False")
    x = integers(x, "one_hot", "x")
    y = empty((*x.shape, num_classes))
    K.one_hot(y, x, x.size, num_classes)
    if axis not in (-1, len(x.shape)):
        y = moveaxis(y, -1, axis)
    return y if dtype is None else cast(y, dtype)


def pad(x, pad_width, mode="constant", constant_values=None):
    """x with values added around it.

    pad_width: ((before, after), ...) for each axis, one such pair for all, or one integer for all. mode: "constant"
    (constant_values, None: 0), "reflect" (mirrored without the edge) or "symmetric" (with it).

    >>> cygrad.ops.pad([1.0, 2.0], ((1, 2),)).numpy().tolist()
    [0.0, 1.0, 2.0, 0.0, 0.0]
    """
    x = convert_to_tensor(x)
    rank = len(x.shape)
    try:
        widths = np.broadcast_to(np.asarray(pad_width, "int64"), (rank, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: expected a pair (before, after) for each axis of shape {x.shape}; got {pad_width}"
        ) from None
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: expected widths of at least 0; got {pad_width}")
    if mode in ("reflect", "symmetric"):
        if constant_values is not None:
            raise ValueError(f"pad: constant_values is for mode 'constant'; got mode {mode!r}")
        for axis, pair in enumerate(widths):
            if any(pair):
                x = take(x, constant_array(np.pad(np.arange(x.shape[axis]), pair, mode), "int32"), axis)
        return x
    if mode != "constant":
        raise ValueError(f"pad: expected mode 'constant', 'reflect' or 'symmetric'; got {mode!r}")
    value = 0 if constant_values is None else constant_values
    x = as_float(x) if isinstance(value, float) else x
    shape, rank, sizes, inner, before = _frame(x.shape, tuple(map(tuple, widths)))
    y = empty(shape, x.dtype)
    zero = isinstance(value, int | float) and value == 0
    K.pad(y, x, None if zero else constant_array(value, x.dtype), rank, sizes, inner, before, y.itemsize)
    source, strides = shell(x), strides_of(shape)
    offset = sum(first * s for (first, _), s in zip(widths, strides))

    def backward(dy):
        dx = gradient_like(source)
        walk, strided = collapse(dx.shape, strides)
        K.gather_strided(dx, dy, len(walk), walk, strided, offset)
        return dx

    return record(y, (x,), backward)


@CACHED
def _frame(shape, widths):
    """How pad runs: (shape of y; rank, sizes of y and of x, and where x begins), axes without a frame joined to the one
    before."""
    result = tuple(n + before + after for n, (before, after) in zip(shape, widths))
    sizes, inner, first = [], [], []
    for total, n, (before, _) in zip(result, shape, widths):
        if sizes and total == n:
            sizes[-1] *= n
            inner[-1] *= n
            first[-1] *= n
        else:
            sizes.append(total)
            inner.append(n)
            first.append(before)
    if not sizes:
        sizes, inner, first = [1], [1], [0]
    return result, len(sizes), tuple(sizes), tuple(inner), tuple(first)


def repeat(x, repeats, axis=None):
    """Each element of x along axis, so many times in a row. axis None: x is flattened first.

    repeats: how often, one number or one for each.

    >>> cygrad.ops.repeat([1.0, 2.0], 2).numpy().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    x = convert_to_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    n = x.shape[axis_of(axis, len(x.shape), "repeat")]
    places = np.repeat(np.arange(n), np.asarray(repeats))
    return take(
        x, from_array(places, "int32") if isinstance(repeats, Tensor) else constant_array(places, "int32"), axis
    )
