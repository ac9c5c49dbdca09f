"""Functions that have no kernel of their own, with keras.ops's names: NumPy computes them and their gradients."""

import numpy as np

from ._backend import as_float, from_array, integer_result, operands, record, tracked
from .activation import softplus
from .creation import convert_to_tensor
from .elementwise import absolute, add, divide, is_whole, maximum, multiply, negative, subtract
from .indexing import take
from .layout import axis_of, ravel, reshape
from .logic import where
from .reduce import mean, var
from .reduce import sum as _sum


def _elementwise(x, op, function, derivative):
    """function of x; derivative(x, y)."""
    x = as_float(x, op)
    values = np.asarray(x)
    with np.errstate(all="ignore"):  # infinities and NaN come silently, as from the kernels
        y = from_array(function(values))

    def backward(dy):
        with np.errstate(all="ignore"):
            return from_array(np.asarray(dy) * derivative(values, np.asarray(y)))

    return record(y, (x,), backward)


def log1p(x):
    """y = log(1 + x), elementwise, exact for small x. dx = dy / (1 + x).

    >>> cygrad.ops.log1p(0.0).item()
    0.0
    """
    return _elementwise(x, "log1p", np.log1p, lambda x, y: 1 / (1 + x))


def expm1(x):
    """y = exp(x) - 1, elementwise, exact for small x. dx = dy (y + 1).

    >>> cygrad.ops.expm1(0.0).item()
    0.0
    """
    return _elementwise(x, "expm1", np.expm1, lambda x, y: y + 1)


def log2(x):
    """Logarithm to base 2, elementwise. dx = dy / (x log 2).

    >>> cygrad.ops.log2(8.0).item()
    3.0
    """
    return _elementwise(x, "log2", np.log2, lambda x, y: 1 / (x * np.log(x.dtype.type(2))))


def log10(x):
    """Logarithm to base 10, elementwise. dx = dy / (x log 10).

    >>> round(cygrad.ops.log10(100.0).item(), 4)
    2.0
    """
    return _elementwise(x, "log10", np.log10, lambda x, y: 1 / (x * np.log(x.dtype.type(10))))


def sin(x):
    """Sine, elementwise. dx = dy cos(x).

    >>> cygrad.ops.sin(0.0).item()
    0.0
    """
    return _elementwise(x, "sin", np.sin, lambda x, y: np.cos(x))


def cos(x):
    """Cosine, elementwise. dx = -dy sin(x).

    >>> cygrad.ops.cos(0.0).item()
    1.0
    """
    return _elementwise(x, "cos", np.cos, lambda x, y: -np.sin(x))


def arctan(x):
    """The angle whose tangent is x, elementwise. dx = dy / (1 + x^2).

    >>> cygrad.ops.arctan(0.0).item()
    0.0
    """
    return _elementwise(x, "arctan", np.arctan, lambda x, y: 1 / (1 + x * x))


def logaddexp(x1, x2):
    """y = log(exp(x1) + exp(x2)), elementwise, with broadcasting, without overflow.

    >>> round(cygrad.ops.logaddexp(0.0, 0.0).item(), 4)
    0.6931
    """
    a, b = operands(x1, x2, "logaddexp")
    return add(maximum(a, b), softplus(negative(absolute(subtract(a, b)))))


def floor_divide(x1, x2):
    """The largest whole number not above x1 / x2, elementwise, with broadcasting. No gradient is recorded.

    >>> cygrad.ops.floor_divide([7, -7], 2).numpy().tolist()
    [3, -4]
    """
    return integer_result(np.floor_divide, x1, x2)


def mod(x1, x2):
    """x1 - x2 floor(x1 / x2), elementwise, with broadcasting. No gradient is recorded.

    >>> cygrad.ops.mod([7, -7], 2).numpy().tolist()
    [1, 1]
    """
    return integer_result(np.mod, x1, x2)


def cumsum(x, axis=None, dtype=None):
    """Sums of the values up to each place along axis. axis None: x is flattened first.

    >>> cygrad.ops.cumsum([1.0, 2.0, 3.0]).numpy().tolist()
    [1.0, 3.0, 6.0]
    """
    x = convert_to_tensor(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, len(x.shape), "cumsum")
    if is_whole(x):
        return integer_result(lambda x: np.cumsum(x, axis, dtype="int32"), x)
    y = from_array(np.cumsum(np.asarray(x), axis))

    def backward(dy):
        return from_array(np.flip(np.cumsum(np.flip(np.asarray(dy), axis), axis), axis))

    return record(y, (x,), backward)


def argsort(x, axis=-1):
    """The places of the values in ascending order along axis, as int32; equal values keep their order.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.argsort([3.0, 1.0, 2.0]).numpy().tolist()
    [1, 2, 0]
    """
    return from_array(np.argsort(np.asarray(x), axis, kind="stable"), "int32")


def take_along_axis(x, indices, axis=None):
    """The value at indices[..., i, ...] along axis, for each place of indices, as numpy.take_along_axis.

    The gradient is added up where a value was taken more than once. Raises IndexError for an index out of range.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).numpy().tolist()
    [[2.0], [3.0]]
    """
    x = convert_to_tensor(x)
    index = np.asarray(indices)
    if axis is None:
        x, axis, index = ravel(x), 0, index.ravel()
    axis = axis_of(axis, len(x.shape), "take_along_axis")
    try:
        y = from_array(np.take_along_axis(np.asarray(x), index, axis), x.dtype)
    except (IndexError, ValueError) as error:
        raise type(error)(f"take_along_axis: {error} (x of shape {x.shape}, indices of {index.shape})") from None
    if is_whole(x):
        return y

    def backward(dy):
        dx = np.zeros(x.shape, np.asarray(dy).dtype)
        places = list(np.ix_(*map(np.arange, index.shape)))
        places[axis] = index
        np.add.at(dx, tuple(places), np.asarray(dy))
        return from_array(dx)

    return record(y, (x,), backward)


def sort(x, axis=-1):
    """The values in ascending order along axis. The gradient goes back to where each came from.

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
    order = np.argsort(-np.asarray(x).astype("float64"), axis=-1, kind="stable")[..., :k]
    return take_along_axis(x, order, -1), from_array(order, "int32")


def roll(x, shift, axis=None):
    """The values moved by shift places along axis, those beyond the end back to the start. axis None: in x flattened.

    >>> cygrad.ops.roll([1.0, 2.0, 3.0], 1).numpy().tolist()
    [3.0, 1.0, 2.0]
    """
    x = convert_to_tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    pairs = [(shift, axis)] if isinstance(axis, int) else list(zip(np.broadcast_to(shift, len(axis)).tolist(), axis))
    for places, a in pairs:
        n = x.shape[axis_of(a, len(x.shape), "roll")]
        x = take(x, np.roll(np.arange(n), places), a)
    return x


def outer(x1, x2):
    """y[i,j] = x1[i] x2[j], both flattened.

    >>> cygrad.ops.outer([1.0, 2.0], [3.0, 4.0]).numpy().tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def tril(x, k=0):
    """x[..., i, j] where j - i <= k, else 0.

    >>> cygrad.ops.tril([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[1.0, 0.0], [3.0, 4.0]]
    """
    x = convert_to_tensor(x)
    return where(np.tri(*x.shape[-2:], k, dtype=bool), x, 0)


def triu(x, k=0):
    """x[..., i, j] where j - i >= k, else 0.

    >>> cygrad.ops.triu([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[1.0, 2.0], [0.0, 4.0]]
    """
    x = convert_to_tensor(x)
    return where(np.tri(*x.shape[-2:], k - 1, dtype=bool), 0, x)


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
        weights = multiply(reshape(weights, sizes), np.ones(x.shape, "float32"))
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
    return from_array(np.count_nonzero(np.asarray(x), axis), "int32")


def einsum(subscripts, *operands):
    """Sums of products by Einstein's convention, as numpy.einsum: "bij,bjk->bik" is a batched matmul.

    Letters only, each at most once in an operand; "->" and the result's letters may be left out, as in NumPy. Raises
    ValueError for subscripts that do not fit, and for "...".

    >>> cygrad.ops.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy().tolist()
    [3.0, 7.0]
    """
    tensors = tuple(as_float(x, "einsum", "operands") for x in operands)
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = given.split(",")
    if not arrow:
        letters = "".join(terms)
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    fits = len(terms) == len(tensors) and all(len(t) == len(x.shape) for t, x in zip(terms, tensors))
    if not fits or any(not t.isalpha() for t in (*terms, result) if t) or any(len(set(t)) < len(t) for t in terms):
        raise ValueError(
            f"einsum: subscripts {subscripts!r} do not fit operands of shapes {[x.shape for x in tensors]}: expected a "
            "letter for each axis, none twice in one operand, and no '...'"
        )
    arrays = [np.asarray(x) for x in tensors]
    try:
        y = from_array(np.einsum(f"{given}->{result}", *arrays, optimize=True))
    except ValueError as error:
        raise ValueError(f"einsum: {error} ({subscripts!r}, shapes {[x.shape for x in tensors]})") from None

    def backward(dy):
        gradients = []
        for i, (term, x) in enumerate(zip(terms, tensors)):
            if not tracked(x):
                gradients.append(None)
                continue
            others = [(t, a) for j, (t, a) in enumerate(zip(terms, arrays)) if j != i]
            found = "".join(c for c in term if c in result or any(c in t for t, _ in others))
            inputs = ",".join([result, *(t for t, _ in others)])
            dx = np.einsum(f"{inputs}->{found}", np.asarray(dy), *(a for _, a in others), optimize=True)
            # a letter of this operand alone was summed away: its gradient repeats along that axis
            sizes = [n if c in found else 1 for c, n in zip(term, x.shape)]
            gradients.append(from_array(np.broadcast_to(dx.reshape(sizes), x.shape)))
        return tuple(gradients)

    return record(y, tensors, backward)
