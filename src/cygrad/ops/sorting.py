"""Order and search, with keras.ops's names. Kernels: csrc/kernels/sort.c; searches are takes and comparisons."""

from math import prod

import numpy as np

from ._backend import K, as_float, constant_array, empty, from_array, integers
from ._shapes import strides_of
from .creation import cast, convert_to_tensor, zeros
from .elementwise import add, is_whole, minimum, multiply
from .indexing import take, taken
from .layout import axis_of, expand_dims, moveaxis, ravel
from .logic import equal, greater, less, less_equal, logical_and, logical_not, where
from .reduce import sum as _sum


def _order(x, axis, op, descending):
    """argsort, or from the largest to the smallest."""
    x = convert_to_tensor(x)
    if axis is None:
        x, axis = ravel(x), -1
    axis = axis_of(axis, len(x.shape), op)
    if x.dtype == "int64":
        values = np.asarray(x)  # ~ turns their order round, and overflows nowhere
        return from_array(np.argsort(~values if descending else values, axis, kind="stable"), "int32")
    rows = moveaxis(x, axis, -1)
    rows = cast(rows, "int32") if is_whole(x) else as_float(rows)
    index = empty(rows.shape, "int32")
    kernel = K.argsort_int32 if is_whole(x) else K.argsort
    kernel(index, rows, prod(rows.shape[:-1]), rows.shape[-1], descending)
    return moveaxis(index, -1, axis)


def argsort(x, axis=-1):
    """The places of the values in ascending order along axis, as int32; equal values keep their order, NaN comes last.

    axis None: x is flattened first.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.argsort([3.0, 1.0, 2.0]).numpy().tolist()
    [1, 2, 0]
    """
    return _order(x, axis, "argsort", 0)


def take_along_axis(x, indices, axis=None):
    """The value at indices[..., i, ...] along axis, for each place of indices, as numpy.take_along_axis.

    The gradient is added up where a value was taken more than once. Raises IndexError for an index out of range.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).numpy().tolist()
    [[2.0], [3.0]]
    """
    x = convert_to_tensor(x)
    index = integers(indices, "take_along_axis", "indices")
    if axis is None:
        x, axis, index = ravel(x), 0, ravel(index)
    rank = len(x.shape)
    axis = axis_of(axis, rank, "take_along_axis")
    others = [pair for a, pair in enumerate(zip(x.shape, index.shape)) if a != axis]
    if len(index.shape) != rank or any(m != n and m != 1 != n for m, n in others):
        raise ValueError(
            f"take_along_axis: expected indices of {rank} axes that fit x of shape {x.shape} except at axis {axis}; "
            f"got shape {index.shape}"
        )
    A, strides = x.shape[axis], strides_of(x.shape)
    index = where(less(index, 0), add(index, A), index)
    inside = logical_and(less_equal(0, index), less(index, A))
    places = multiply(index, strides[axis])
    for a, n in enumerate(x.shape):
        if a != axis and n > 1:
            steps = np.arange(n).reshape([-1 if i == a else 1 for i in range(rank)]) * strides[a]
            places = add(places, constant_array(steps, "int32"))
    try:  # what is outside becomes -1, which embed and its like refuse
        return taken(ravel(x), where(inside, places, -1), 0, 0)
    except IndexError:
        low, high = np.asarray(indices).min(), np.asarray(indices).max()
        raise IndexError(
            f"take_along_axis: an index in {low} .. {high} is out of range for axis {axis} of shape {x.shape}"
        ) from None


def sort(x, axis=-1):
    """The values in ascending order along axis, NaN last. The gradient goes back to where each came from.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.sort([3.0, 1.0, 2.0]).numpy().tolist()
    [1.0, 2.0, 3.0]
    """
    x = convert_to_tensor(x)
    return take_along_axis(x, argsort(x, axis), axis)


def top_k(x, k, sorted=True):
    """(values, indices) of the k largest along the last axis, the largest first; of equal ones the first.

    x: a tensor, an array or nested numbers. sorted: the largest first.

    >>> [t.numpy().tolist() for t in cygrad.ops.top_k([1.0, 3.0, 2.0], 2)]
    [[3.0, 2.0], [1, 2]]
    """
    x = convert_to_tensor(x)
    if not x.shape or not 0 <= k <= x.shape[-1]:
        raise ValueError(f"top_k: expected k in 0..{x.shape[-1] if x.shape else 0} for shape {x.shape}; got {k}")
    index = _order(x, -1, "top_k", 1)[..., :k]
    return take_along_axis(x, index, -1), index


def argpartition(x, kth, axis=-1):
    """An order of the places along axis, as int32, in which the kth is as if sorted and no smaller value comes later.

    It is argsort, which does that for each kth. axis None: x is flattened first.

    >>> cygrad.ops.argpartition([3.0, 1.0, 2.0], 1).numpy().tolist()
    [1, 2, 0]
    """
    x = convert_to_tensor(x)
    n = x.size if axis is None else x.shape[axis_of(axis, len(x.shape), "argpartition")]
    if not -n <= kth < n:
        raise ValueError(f"argpartition: kth is {kth}, but there are {n} values along axis {axis}")
    return _order(x, axis, "argpartition", 0)


def in_top_k(targets, predictions, k):
    """Is the prediction for the target among the k largest of its row, equal ones included? Booleans [N].

    Shapes: targets[N], places in the rows of predictions[N,C].

    >>> cygrad.ops.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], 1).numpy().tolist()
    [True, False]
    """
    x = convert_to_tensor(predictions)
    wanted = take_along_axis(x, expand_dims(integers(targets, "in_top_k", "targets"), -1), -1)
    return less(_sum(cast(greater(x, wanted), "int32"), -1), k)


# ---- searches ----


def searchsorted(sorted_sequence, values, side="left"):
    """Where values would go into sorted_sequence, a vector that goes up, so that it still does; int32, NaN at the end.

    side "left": before equal ones; "right": behind them. By halving, for all values at once.

    >>> cygrad.ops.searchsorted([1.0, 2.0, 2.0, 3.0], [2.0, 9.0]).numpy().tolist()
    [1, 4]
    """
    sequence, values = convert_to_tensor(sorted_sequence), convert_to_tensor(values)
    if len(sequence.shape) != 1 or side not in ("left", "right"):
        raise ValueError(
            f"searchsorted: expected a vector and side 'left' or 'right'; got shape {sequence.shape}, {side!r}"
        )
    place, step = zeros(values.shape, "int32"), 1 << sequence.size.bit_length()
    while step := step >> 1:  # place values are known to lie before; are step more?
        further = add(place, step)
        last = take(sequence, add(minimum(further, sequence.size), -1))
        behind = less(values, last) if side == "right" else less_equal(values, last)
        place = where(logical_and(less_equal(further, sequence.size), logical_not(behind)), further, place)
    return place


def digitize(x, bins):
    """How many of bins, a vector that goes up, are at most x, elementwise, as int32.

    >>> cygrad.ops.digitize([0.5, 1.0, 7.0], [0.0, 1.0, 2.0]).numpy().tolist()
    [1, 2, 3]
    """
    return searchsorted(bins, x, "right")


def isin(x1, x2, assume_unique=False, invert=False):
    """Is it one of the values in x2, for each value of x1? invert: is it none of them?

    assume_unique changes nothing.

    >>> cygrad.ops.isin([1, 2, 3], [3, 1]).numpy().tolist()
    [True, False, True]
    """
    x, known = convert_to_tensor(x1), sort(ravel(convert_to_tensor(x2)))
    if not known.size:
        return equal(zeros(x.shape, "int32"), int(not invert))
    found = equal(take(known, minimum(searchsorted(known, x), known.size - 1)), x)
    return logical_not(found) if invert else found


def unique(
    x,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    """The different values of x, or its slices along axis, in ascending order, whatever sorted says. No gradient.

    With return_index also where each comes first, with return_inverse for each of x's the place among them, with
    return_counts how often each comes. size: so many, cut off or filled up with fill_value (None: the first value).

    >>> [t.numpy().tolist() for t in cygrad.ops.unique([3, 1, 3], return_counts=True)]
    [[1, 3], [1, 2]]
    """
    x = convert_to_tensor(x)
    values, *found = np.unique(np.asarray(x), True, True, True, axis=axis)
    wanted = {"index": return_index, "inverse": return_inverse, "counts": return_counts}
    results = {"values": values, **dict(zip(wanted, found))}
    if size is not None:
        along = 0 if axis is None else axis
        for name in ("values", "index", "counts"):
            part, a = results[name], along if name == "values" else 0
            part = np.take(part, np.arange(min(size, part.shape[a])), a)
            filling = np.take(part, [0] * (size - part.shape[a]), a)
            if name == "counts":
                filling[...] = 0
            elif name == "values" and fill_value is not None:
                filling[...] = fill_value
            results[name] = np.concatenate([part, filling], a)
    chosen = [results[name] for name in wanted if wanted[name]]
    tensors = from_array(results["values"], x.dtype), *(from_array(part, "int32") for part in chosen)
    return tensors if chosen else tensors[0]
