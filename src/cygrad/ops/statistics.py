"""Sums and products along an axis, means with weights, and what the order of the values says, with keras.ops's names.

Kernels: csrc/kernels/scan.c; the others are formulas.
"""

from math import prod

import numpy as np

from . import functions
from ._backend import K, as_float, axes_of, constant_array, empty, gradient_like, record, shell
from .creation import cast, convert_to_tensor
from .elementwise import add, clip, divide, is_whole, multiply, sqrt, subtract
from .indexing import take
from .layout import axis_of, broadcast_to, concatenate, moveaxis, ravel, reshape, split, transpose
from .logic import isnan, less, not_equal, where
from .matmul import matmul
from .places import diagonal
from .products import outer
from .reduce import max as _max
from .reduce import mean, var
from .reduce import min as _min
from .reduce import sum as _sum
from .scattering import scatter
from .sorting import searchsorted, sort, take_along_axis


def _runs(shape, axis):
    """(O, R, I) of an axis."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def cumsum(x, axis=None, dtype=None):
    """Sums of the values up to each place along axis. axis None: x is flattened first. dtype: x is cast to it before.

    >>> cygrad.ops.cumsum([1.0, 2.0, 3.0]).numpy().tolist()
    [1.0, 3.0, 6.0]
    """
    x = convert_to_tensor(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    runs = _runs(x.shape, axis_of(axis, len(x.shape), "cumsum"))
    if is_whole(x):
        x = cast(x, "int32")
        y = empty(x.shape, "int32")
        K.cumulative_sum_int32(y, x, *runs, 0)
        return y
    x = as_float(x)
    y, source = empty(x.shape), shell(x)
    K.cumulative_sum(y, x, *runs, 0)

    def backward(dy):
        dx = gradient_like(source)
        K.cumulative_sum(dx, dy, *runs, 1)
        return dx

    return record(y, (x,), backward)


def average(x, axis=None, weights=None):
    """The mean over axis, weighted: sum(x weights) / sum(weights). weights: x's shape, or one value a place along axis.

    >>> cygrad.ops.average([1.0, 3.0], weights=[3.0, 1.0]).item()
    1.5
    """
    if weights is None:
        return mean(x, axis)
    x, weights = as_float(x, "average"), as_float(weights, "average", "weights")
    if weights.shape != x.shape:
        if not isinstance(axis, int) or weights.shape != (x.shape[axis_of(axis, len(x.shape), "average")],):
            raise ValueError(f"average: weights of shape {weights.shape} do not fit shape {x.shape} along axis {axis}")
        sizes = [1] * len(x.shape)
        sizes[axis] = x.shape[axis]
        weights = broadcast_to(reshape(weights, sizes), x.shape)
    return divide(_sum(multiply(x, weights), axis), _sum(weights, axis))


def moments(x, axes, keepdims=False, synchronized=False):
    """(mean, variance) over axes. synchronized must be False.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> [m.item() for m in cygrad.ops.moments([1.0, 3.0], 0)]
    [2.0, 1.0]
    """
    if synchronized:
        raise ValueError("moments: expected synchronized=False; there is one device")
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def count_nonzero(x, axis=None):
    """How many values along axis are not 0, as int32.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.count_nonzero([0.0, 3.0]).item()
    1
    """
    return _sum(cast(not_equal(x, 0), "int32"), axis)


def cumprod(x, axis=None, dtype=None):
    """Products of the values up to each place along axis. axis None: x is flattened first.

    dtype: x is cast to it before. In log2(n) steps, each of which doubles how many values are multiplied, so that the
    gradient is right at zeros too.

    >>> cygrad.ops.cumprod([2.0, 3.0, 4.0]).numpy().tolist()
    [2.0, 6.0, 24.0]
    """
    x = convert_to_tensor(x, dtype)
    x = cast(x, "int32") if x.dtype in ("bool", "uint8") else x
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, len(x.shape), "cumprod")
    n, step = x.shape[axis], 1
    while step < n:
        (first, later), (earlier, _) = split(x, [step], axis), split(x, [n - step], axis)
        x, step = concatenate([first, multiply(later, earlier)], axis), 2 * step
    return x


def amax(x, axis=None, keepdims=False):
    """The maximum over axis: max by another name.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.amax([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [2.0, 4.0]
    """
    return _max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    """The minimum over axis: min by another name.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.amin([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [1.0, 3.0]
    """
    return _min(x, axis, keepdims)


def ptp(x, axis=None, keepdims=False):
    """From the minimum to the maximum over axis: their difference.

    x: a tensor, an array or nested numbers. keepdims: the axes stay, with length 1.

    >>> cygrad.ops.ptp([1.0, 4.0, 2.0]).item()
    3.0
    """
    return subtract(_max(x, axis, keepdims), _min(x, axis, keepdims))


# ---- the order of the values ----

_PLACES = {  # of a quantile that falls between two values; f: NumPy, or the ops
    "linear": lambda place, f: place,
    "lower": lambda place, f: f.floor(place),
    "higher": lambda place, f: f.ceil(place),
    "nearest": lambda place, f: f.round(place),
    "midpoint": lambda place, f: (f.floor(place) + f.ceil(place)) * 0.5,
}


def quantile_of(x, q, axis, method, keepdims, op, without_nan=False):
    """quantile, or nanquantile."""
    x, shares = as_float(x, op), np.asarray(q, "float64")
    if method not in _PLACES:
        raise ValueError(f"{op}: method must be one of {', '.join(_PLACES)}; got {method!r}")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"{op}: expected shares from 0 (percentages up to 100) for q; got {q}")
    axes = axes_of(axis, len(x.shape), op)
    others = [a for a in range(len(x.shape)) if a not in axes]
    kept = tuple(x.shape[a] for a in others)
    rows = sort(reshape(transpose(x, [*others, *axes]), (*kept, prod(x.shape[a] for a in axes))))
    if not rows.shape[-1]:
        raise ValueError(f"{op}: there is nothing to choose from along axis {axis} of shape {x.shape}")
    flat = shares.reshape(-1)
    if without_nan:  # NaN lies behind the others: each row has its own places; one without any numbers gives NaN
        count = _sum(cast(not_equal(isnan(rows), True), None), -1, True)
        place = _PLACES[method](multiply(subtract(count, 1.0), constant_array(flat, None)), functions)
        low, high = functions.floor(place), functions.ceil(place)
        weight = subtract(place, low)
        low, high = (take_along_axis(rows, cast(i, "int32"), -1) for i in (low, high))
    else:
        place = _PLACES[method](flat * (rows.shape[-1] - 1), np)
        weight = constant_array(place - np.floor(place), None)
        low, high = (take(rows, i.astype(int).tolist(), -1) for i in (np.floor(place), np.ceil(place)))
    y = where(not_equal(weight, 0.0), add(low, multiply(weight, subtract(high, low))), low)
    if not without_nan:
        y = where(isnan(rows[..., -1:]), float("nan"), y)
    if keepdims:
        kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    return reshape(moveaxis(y, -1, 0), (*shares.shape, *kept))


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """What a share q of x along axis lies below; for several q a first axis. NaN where one of them is NaN.

    method, for what falls between two values: "linear" (by the distance to each), "lower", "higher", "nearest",
    "midpoint". keepdims: the axes stay, with length 1. The gradient goes to the values it is made of. Raises ValueError
    for q outside 0 .. 1.

    >>> cygrad.ops.quantile([1.0, 2.0, 3.0, 4.0], [0.5, 1.0]).numpy().tolist()
    [2.5, 4.0]
    """
    return quantile_of(x, q, axis, method, keepdims, "quantile")


def percentile(x, q, axis=None, method="linear", keepdims=False):
    """quantile(x, q / 100, axis, method, keepdims).

    >>> cygrad.ops.percentile([1.0, 2.0, 3.0, 4.0], 50).item()
    2.5
    """
    return quantile_of(x, np.asarray(q, "float64") / 100, axis, method, keepdims, "percentile")


def median(x, axis=None, keepdims=False):
    """The middle one of the values along axis, the mean of both where there are two: quantile(x, 0.5, axis).

    keepdims: the axes stay, with length 1.

    >>> cygrad.ops.median([4.0, 1.0, 2.0]).item()
    2.0
    """
    return quantile_of(x, 0.5, axis, "linear", keepdims, "median")


def histogram(x, bins=10, range=None):
    """(how many of x's values fall into each bin, as float32; the edges): bins of equal width, or with these edges.

    range: (lowest, highest) edge; None: those of x, with half a unit on each side where they are one. The highest value
    of the last bin belongs to it; values outside count nowhere.

    >>> [t.numpy().tolist() for t in cygrad.ops.histogram([0.0, 1.0, 1.0, 4.0], bins=2)]
    [[3.0, 1.0], [0.0, 2.0, 4.0]]
    """
    x = ravel(as_float(x, "histogram"))
    if isinstance(bins, (int, np.integer)):
        if bins < 1:
            raise ValueError(f"histogram: expected at least one bin; got {bins}")
        low, high = (0.0, 1.0) if range is None and not x.size else range or (_min(x), _max(x))
        single = not_equal(low, high)
        low, high = where(single, low, subtract(low, 0.5)), where(single, high, add(high, 0.5))
        steps = constant_array(np.linspace(0, 1, bins + 1), None)
        edges = add(multiply(low, subtract(1.0, steps)), multiply(high, steps))
    else:
        edges, bins = as_float(bins, "histogram", "bins"), len(bins) - 1
    place = where(not_equal(x, edges[-1]), searchsorted(edges, x, "right"), bins)
    place = where(less(place, bins + 1), place, 0)  # the first count is of what lies outside
    counts = scatter(reshape(place, (-1, 1)), constant_array(np.ones(x.shape), None), (bins + 1,))
    return counts[1:], edges


def corrcoef(x):
    """Pearson's correlation of each row of x[M,N] with each: y[M,M], from -1 to 1; of a vector 1.

    >>> cygrad.ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).numpy().round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = as_float(x, "corrcoef")
    if len(x.shape) not in (1, 2):
        raise ValueError(f"corrcoef: expected x[M,N] or x[N]; got shape {x.shape}")
    rows = x if len(x.shape) == 2 else reshape(x, (1, -1))
    centred = subtract(rows, mean(rows, -1, True))
    covariance = matmul(centred, transpose(centred))
    deviation = sqrt(diagonal(covariance))
    y = clip(divide(covariance, outer(deviation, deviation)), -1.0, 1.0)
    return y if len(x.shape) == 2 else reshape(y, ())
