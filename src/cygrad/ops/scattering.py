"""Slices and scattered values, with keras.ops's names: pieces of a tensor read, replaced, and values summed, multiplied
or compared by index. Kernels: take_backward of csrc/kernels/layout.c; the others are formulas.
"""

import builtins
from math import prod

import numpy as np

from ._backend import K, as_float, constant_array, empty, integers, record, shell
from ._shapes import strides_of
from .creation import arange, cast, convert_to_tensor, full, size_of
from .elementwise import add, is_whole, maximum, minimum, multiply
from .indexing import get_item, pad, take, taken
from .layout import broadcast_to, concatenate, is_float, ravel, reshape
from .logic import all as _all
from .logic import equal, less, less_equal, logical_and, where
from .reduce import sum as _sum
from .sorting import argsort, searchsorted

slice_ = builtins.slice


def _window(inputs, start_indices, shape, op):
    starts = [int(i) for i in start_indices]
    if len(starts) != len(inputs.shape) or len(shape) != len(inputs.shape):
        raise ValueError(
            f"{op}: expected a start and a size for each axis of shape {inputs.shape}; got {starts}, {shape}"
        )
    for i, n, total in zip(starts, shape, inputs.shape):
        if i < 0 or i + n > total:
            raise ValueError(f"{op}: a piece of shape {shape} at {starts} leaves shape {inputs.shape}")
    return starts


def slice(inputs, start_indices, shape):
    """The piece of that shape that begins at start_indices, one an axis. Raises ValueError where it leaves inputs.

    >>> cygrad.ops.slice([[1.0, 2.0], [3.0, 4.0]], (0, 1), (2, 1)).numpy().tolist()
    [[2.0], [4.0]]
    """
    x, shape = convert_to_tensor(inputs), size_of(shape, "slice")
    starts = _window(x, start_indices, shape, "slice")
    return get_item(x, tuple(slice_(i, i + n) for i, n in zip(starts, shape)))


def slice_update(inputs, start_indices, updates):
    """inputs with the piece that begins at start_indices replaced by updates.

    Raises ValueError where that leaves inputs.

    >>> cygrad.ops.slice_update([1.0, 2.0, 3.0], (1,), [9.0]).numpy().tolist()
    [1.0, 9.0, 3.0]
    """
    x = convert_to_tensor(inputs)
    new = cast(convert_to_tensor(updates), x.dtype)
    starts = _window(x, start_indices, new.shape, "slice_update")
    widths = [(i, total - i - n) for i, n, total in zip(starts, new.shape, x.shape)]
    inside = np.zeros(x.shape, bool)
    inside[tuple(slice_(i, i + n) for i, n in zip(starts, new.shape))] = True
    return where(constant_array(inside, "bool"), pad(new, widths), x)


def _places(indices, shape, op):
    """The places in flat memory of indices[..., r], which point into the first r axes of shape, -1 for those outside;
    how many values lie at each, and the index's own shape."""
    index = integers(indices, op, "indices")
    r = index.shape[-1] if index.shape else 0
    if not 1 <= r <= len(shape):
        raise ValueError(f"{op}: expected indices[..., r] for the first r of the axes of {shape}; got {index.shape}")
    strides, sizes = (constant_array(n, "int32") for n in (strides_of(shape[:r]), shape[:r]))
    inside = _all(logical_and(less_equal(0, index), less(index, sizes)), -1)
    return where(inside, _sum(multiply(index, strides), -1), -1), prod(shape[r:]), index.shape[:-1]


def scatter(indices, values, shape):
    """Zeros of that shape, to which values[i] is added at indices[i], for each i.

    Shapes: indices[...,r] points into the first r axes of shape, values[..., *shape[r:]]. The gradient goes back to
    values. Raises IndexError for an index out of range.

    >>> cygrad.ops.scatter([[0], [2]], [1.0, 2.0], (3,)).numpy().tolist()
    [1.0, 0.0, 2.0]
    """
    shape = size_of(shape, "scatter")
    whole = not is_float(convert_to_tensor(values))
    x = as_float(values, "scatter", "values")
    places, inner, outer = _places(indices, shape, "scatter")
    if x.shape != outer + shape[len(shape) - len(x.shape) + len(outer) :] or x.size != prod(outer) * inner:
        raise ValueError(f"scatter: values of shape {x.shape} do not fit indices[{outer}] into shape {shape}")
    y, rows = empty(shape), prod(shape) // inner if inner else 0
    try:
        K.take_backward(y, x, places, 1, rows, inner, places.size, 0)
    except IndexError:
        raise IndexError(f"scatter: an index is out of range for shape {shape}") from None
    source = shell(x)

    def backward(dy):
        return reshape(taken(reshape(dy, (rows, inner)), places, 0, 0), source.shape)

    return cast(y, convert_to_tensor(values).dtype) if whole else record(y, (x,), backward)


def _by_segment(x, ids, count, combine):
    """(is there a row for it?, the rows of x combined) for each id 0 .. count-1; combine takes later and earlier ones.

    Rows are sorted by id, and each is combined with the one 1, 2, 4 ... before it while that has the same id.
    """
    order = argsort(ids)
    ids, x, step = take(ids, order), take(x, order, 0), 1
    column = (-1, *(1 for _ in x.shape[1:]))
    while step < x.shape[0]:
        same = reshape(equal(ids[step:], ids[:-step]), column)
        x = concatenate([x[:step], where(same, combine(x[step:], x[:-step]), x[step:])])
        step *= 2
    segments = arange(count)
    last = maximum(add(searchsorted(ids, segments, "right"), -1), 0)
    return reshape(equal(take(ids, last), segments), column), take(x, last, 0)


def scatter_update(inputs, indices, updates, reduction=None):
    """inputs with updates[i] in place of the values at indices[i], for each i; of several at one place the last.

    reduction: "add", "mul", "max", "min": the values there and all updates for them together. Shapes: indices[...,r]
    points into the first r axes of inputs, updates[..., *inputs.shape[r:]]. The gradient goes to what is in the result.
    Raises IndexError for an index out of range; negative ones count from the end.

    >>> cygrad.ops.scatter_update([1.0, 2.0, 3.0], [[0], [2]], [7.0, 9.0]).numpy().tolist()
    [7.0, 2.0, 9.0]
    """
    x = convert_to_tensor(inputs)
    if reduction not in _REDUCTIONS and reduction != "add":
        raise ValueError(f"scatter_update: expected reduction None, 'add', 'mul', 'max' or 'min'; got {reduction!r}")
    index = integers(indices, "scatter_update", "indices")
    if index.shape and index.shape[-1] <= len(x.shape):
        index = where(less(index, 0), add(index, constant_array(x.shape[: index.shape[-1]], "int32")), index)
    places, inner, outer = _places(index, x.shape, "scatter_update")
    new = broadcast_to(cast(convert_to_tensor(updates), x.dtype), outer + x.shape[index.shape[-1] :])
    if not places.size or not x.size:
        return x
    if reduction == "add":
        return add(x, scatter(index, new, x.shape))
    rows, places = reshape(x, (-1, inner)), ravel(places)
    try:
        taken(arange(rows.shape[0]), places, 0, 0)
    except IndexError:
        raise IndexError(f"scatter_update: an index is out of range for shape {x.shape}") from None
    hit, found = _by_segment(reshape(new, (-1, inner)), places, rows.shape[0], _REDUCTIONS[reduction])
    return reshape(where(hit, _REDUCTIONS[reduction](found, rows), rows), x.shape)


_REDUCTIONS = {None: lambda later, earlier: later, "mul": multiply, "max": maximum, "min": minimum}


def _segments(data, segment_ids, num_segments, combine, nothing, op):
    """What segment_max and its like share; nothing: the value of a segment without any."""
    x, ids = convert_to_tensor(data), integers(segment_ids, op, "segment_ids")
    if ids.shape != x.shape[:1]:
        raise ValueError(f"{op}: expected a segment for each of the {x.shape[:1]} rows; got shape {ids.shape}")
    count = int(np.asarray(ids).max(initial=-1)) + 1 if num_segments is None else num_segments
    if not x.size:
        return full((count, *x.shape[1:]), nothing, x.dtype)
    there, y = _by_segment(x, ids, count, combine)
    return where(there, y, nothing)


def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """y[s] = the sum of data[i] over the i whose segment_ids[i] is s. num_segments None: the largest id + 1.

    sorted changes nothing.

    >>> cygrad.ops.segment_sum([1.0, 2.0, 4.0], [0, 2, 0], 3).numpy().tolist()
    [5.0, 0.0, 2.0]
    """
    x, ids = convert_to_tensor(data), integers(segment_ids, "segment_sum", "segment_ids")
    count = int(np.asarray(ids).max(initial=-1)) + 1 if num_segments is None else num_segments
    return scatter(reshape(ids, (-1, 1)), x, (count, *x.shape[1:]))


def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """y[s] = the maximum of data[i] over the i whose segment_ids[i] is s; where there is none, minus infinity.

    num_segments None: the largest id + 1; ids outside count nowhere. Of whole numbers, the least stands for minus
    infinity. sorted changes nothing.

    >>> cygrad.ops.segment_max([1.0, 2.0, 4.0], [1, 0, 1]).numpy().tolist()
    [2.0, 4.0]
    """
    nothing = -(2**31) if is_whole(data) else -float("inf")
    return _segments(data, segment_ids, num_segments, maximum, nothing, "segment_max")


def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """y[s] = the minimum of data[i] over the i whose segment_ids[i] is s; where there is none, infinity.

    num_segments None: the largest id + 1; ids outside count nowhere. Of whole numbers, the largest stands for infinity.
    sorted changes nothing.

    >>> cygrad.ops.segment_min([1.0, 2.0, 4.0], [1, 0, 1]).numpy().tolist()
    [2.0, 1.0]
    """
    nothing = 2**31 - 1 if is_whole(data) else float("inf")
    return _segments(data, segment_ids, num_segments, minimum, nothing, "segment_min")


def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """y[s] = the product of data[i] over the i whose segment_ids[i] is s; where there is none, 1.

    num_segments None: the largest id + 1; ids outside count nowhere. sorted changes nothing.

    >>> cygrad.ops.segment_prod([3.0, 2.0, 4.0], [1, 0, 1]).numpy().tolist()
    [2.0, 12.0]
    """
    return _segments(data, segment_ids, num_segments, multiply, 1, "segment_prod")


def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each whole number from 0 up to the largest, or minlength - 1, occurs in x, or the sum of its weights.

    sparse must be False.

    >>> cygrad.ops.bincount([0, 2, 2]).numpy().tolist()
    [1, 0, 2]
    """
    if sparse:
        raise ValueError("bincount: sparse tensors are not supported; expected sparse=False")
    x = integers(x, "bincount", "x")
    count = max(int(np.asarray(x).max(initial=-1)) + 1, minlength)
    rows = x.shape[:-1]
    ones = constant_array(np.ones(x.shape), None) if weights is None else as_float(weights, "bincount", "weights")
    if rows:
        numbers = constant_array(np.arange(prod(rows)).reshape(*rows, 1) * count, "int32")
        y = reshape(scatter(reshape(add(x, numbers), (-1, 1)), ravel(ones), (prod(rows) * count,)), (*rows, count))
    else:
        y = scatter(reshape(x, (-1, 1)), ones, (count,))
    return cast(y, "int32") if weights is None else y
