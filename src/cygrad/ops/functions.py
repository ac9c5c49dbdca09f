"""Functions of formulas, with keras.ops's names: rounding, logarithms, trigonometric and hyperbolic functions, running
sums, sorting, einsum. Kernels: csrc/kernels/functions.c, scan.c, sort.c.
"""

from math import prod

import numpy as np

from . import _whole
from ._backend import (
    K,
    as_float,
    constant_array,
    empty,
    gradient_like,
    integers,
    operands,
    record,
    shell,
    tracked,
)
from ._shapes import broadcast, strides_of
from .activation import exp, softplus
from .creation import cast, convert_to_tensor
from .elementwise import (
    absolute,
    add,
    divide,
    is_whole,
    maximum,
    minimum,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
    unbroadcast,
)
from .indexing import taken
from .layout import axis_of, broadcast_to, concatenate, moveaxis, ravel, reshape, split, transpose
from .logic import less, less_equal, logical_and, not_equal, where
from .matmul import matmul
from .reduce import mean, var
from .reduce import sum as _sum

# The numbers of enum cg_function, and of the kernel function_pair
(FLOOR, CEIL, ROUND, TRUNC, SIGN, LOG1P, EXPM1, LOG2, LOG10, SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH,
 ARCSINH, ARCCOSH, ARCTANH, ERF, ERFINV) = range(22)  # fmt: skip
_ERF_SLOPE = float(2 / np.sqrt(np.pi))  # of erf at 0
REMAINDER, QUOTIENT, ANGLE, HYPOTENUSE = range(4)


def _computed(x, op, function):
    """function of x, not recorded."""
    x = as_float(x, op)
    y = empty(x.shape)
    K.function(y, x, x.size, function)
    return y


def _recorded(x, op, function, derivative):
    """function of x, whose gradient is derivative(x, y, dy)."""
    x = as_float(x, op)
    y = _computed(x, op, function)
    return record(y, (x,), lambda dy: derivative(x, y, dy))


# ---- rounding: constant nearly everywhere, so no gradient is recorded ----


def sign(x):
    """The sign of x, elementwise: -1, 0 or 1. No gradient is recorded.

    >>> cygrad.ops.sign([-3.0, 0.0, 2.0]).numpy().tolist()
    [-1.0, 0.0, 1.0]
    """
    if is_whole(x):
        return minimum(maximum(convert_to_tensor(x), -1), 1)
    return _computed(x, "sign", SIGN)


def floor(x):
    """The largest whole number not above x, elementwise, as a float. No gradient is recorded.

    >>> cygrad.ops.floor([-1.5, 1.5]).numpy().tolist()
    [-2.0, 1.0]
    """
    return _computed(x, "floor", FLOOR)


def ceil(x):
    """The smallest whole number not below x, elementwise, as a float. No gradient is recorded.

    >>> cygrad.ops.ceil([-1.5, 1.5]).numpy().tolist()
    [-1.0, 2.0]
    """
    return _computed(x, "ceil", CEIL)


def trunc(x):
    """x without its fraction, elementwise. No gradient is recorded.

    >>> cygrad.ops.trunc([-1.5, 1.5]).numpy().tolist()
    [-1.0, 1.0]
    """
    return convert_to_tensor(x) if is_whole(x) else _computed(x, "trunc", TRUNC)


def round(x, decimals=0):
    """x rounded to so many decimals, halves to even. No gradient is recorded.

    >>> cygrad.ops.round([0.5, 1.5, 2.4]).numpy().tolist()
    [0.0, 2.0, 2.0]
    """
    if is_whole(x) and decimals >= 0:
        return convert_to_tensor(x)
    if not decimals:
        return _computed(x, "round", ROUND)
    unit = 10.0 ** (decimals if decimals > 0 else -decimals)
    scaled = multiply(as_float(x, "round"), unit) if decimals > 0 else divide(x, unit)
    y = _computed(scaled, "round", ROUND)
    return divide(y, unit) if decimals > 0 else multiply(y, unit)


# ---- functions of one array ----


def log1p(x):
    """y = log(1 + x), elementwise, exact for small x. dx = dy / (1 + x).

    >>> cygrad.ops.log1p(0.0).item()
    0.0
    """
    return _recorded(x, "log1p", LOG1P, lambda x, y, dy: divide(dy, add(x, 1.0)))


def expm1(x):
    """y = exp(x) - 1, elementwise, exact for small x. dx = dy (y + 1).

    >>> cygrad.ops.expm1(0.0).item()
    0.0
    """
    return _recorded(x, "expm1", EXPM1, lambda x, y, dy: multiply(dy, add(y, 1.0)))


def log2(x):
    """Logarithm to base 2, elementwise. dx = dy / (x log 2).

    >>> cygrad.ops.log2(8.0).item()
    3.0
    """
    return _recorded(x, "log2", LOG2, lambda x, y, dy: divide(dy, multiply(x, float(np.log(2)))))


def log10(x):
    """Logarithm to base 10, elementwise. dx = dy / (x log 10).

    >>> cygrad.ops.log10(100.0).item()
    2.0
    """
    return _recorded(x, "log10", LOG10, lambda x, y, dy: divide(dy, multiply(x, float(np.log(10)))))


def sin(x):
    """Sine, elementwise. dx = dy cos(x).

    >>> cygrad.ops.sin(0.0).item()
    0.0
    """
    return _recorded(x, "sin", SIN, lambda x, y, dy: multiply(dy, cos(x)))


def cos(x):
    """Cosine, elementwise. dx = -dy sin(x).

    >>> cygrad.ops.cos(0.0).item()
    1.0
    """
    return _recorded(x, "cos", COS, lambda x, y, dy: negative(multiply(dy, sin(x))))


def tan(x):
    """Tangent of x, elementwise. dx = dy (1 + y^2).

    >>> cygrad.ops.tan(0.0).item()
    0.0
    """
    return _recorded(x, "tan", TAN, lambda x, y, dy: multiply(dy, add(square(y), 1.0)))


def _root_below_1(x):
    """sqrt(1 - x^2), exact near 1."""
    return sqrt(multiply(subtract(1.0, x), add(x, 1.0)))


def arcsin(x):
    """The angle in -pi/2 .. pi/2 whose sine is x, elementwise; NaN outside -1 .. 1. dx = dy / sqrt(1 - x^2).

    >>> cygrad.ops.arcsin(0.0).item()
    0.0
    """
    return _recorded(x, "arcsin", ARCSIN, lambda x, y, dy: divide(dy, _root_below_1(x)))


def arccos(x):
    """The angle in 0 .. pi whose cosine is x, elementwise; NaN outside -1 .. 1. dx = -dy / sqrt(1 - x^2).

    >>> cygrad.ops.arccos(1.0).item()
    0.0
    """
    return _recorded(x, "arccos", ARCCOS, lambda x, y, dy: divide(negative(dy), _root_below_1(x)))


def arctan(x):
    """The angle whose tangent is x, elementwise. dx = dy / (1 + x^2).

    >>> cygrad.ops.arctan(0.0).item()
    0.0
    """
    return _recorded(x, "arctan", ARCTAN, lambda x, y, dy: divide(dy, add(square(x), 1.0)))


def sinh(x):
    """Hyperbolic sine, elementwise: (exp(x) - exp(-x)) / 2. dx = dy cosh(x).

    >>> cygrad.ops.sinh(0.0).item()
    0.0
    """
    return _recorded(x, "sinh", SINH, lambda x, y, dy: multiply(dy, cosh(x)))


def cosh(x):
    """Hyperbolic cosine, elementwise: (exp(x) + exp(-x)) / 2. dx = dy sinh(x).

    >>> cygrad.ops.cosh(0.0).item()
    1.0
    """
    return _recorded(x, "cosh", COSH, lambda x, y, dy: multiply(dy, sinh(x)))


def arcsinh(x):
    """What sinh is x of, elementwise. dx = dy / sqrt(1 + x^2).

    >>> cygrad.ops.arcsinh(0.0).item()
    0.0
    """
    return _recorded(x, "arcsinh", ARCSINH, lambda x, y, dy: divide(dy, sqrt(add(square(x), 1.0))))


def arccosh(x):
    """What cosh is x of, elementwise, at least 0; NaN below 1. dx = dy / sqrt(x^2 - 1).

    >>> cygrad.ops.arccosh(1.0).item()
    0.0
    """
    return _recorded(x, "arccosh", ARCCOSH, lambda x, y, dy: divide(dy, sqrt(multiply(subtract(x, 1.0), add(x, 1.0)))))


def arctanh(x):
    """What tanh is x of, elementwise; NaN outside -1 .. 1. dx = dy / (1 - x^2).

    >>> cygrad.ops.arctanh(0.0).item()
    0.0
    """
    return _recorded(x, "arctanh", ARCTANH, lambda x, y, dy: divide(dy, multiply(subtract(1.0, x), add(x, 1.0))))


def erf(x):
    """The error function, elementwise: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    dx = dy 2 / sqrt(pi) exp(-x^2).

    >>> cygrad.ops.erf(0.0).item()
    0.0
    """
    return _recorded(x, "erf", ERF, lambda x, y, dy: multiply(multiply(dy, exp(negative(square(x)))), _ERF_SLOPE))


def erfinv(x):
    """What erf is x of, elementwise; NaN outside -1 .. 1. dx = dy sqrt(pi) / 2 exp(y^2).

    >>> cygrad.ops.erfinv(0.0).item()
    0.0
    """
    return _recorded(x, "erfinv", ERFINV, lambda x, y, dy: multiply(multiply(dy, exp(square(y))), 1 / _ERF_SLOPE))


# ---- functions of two arrays ----


def _pair(x1, x2, op, function):
    """(function of two float tensors, not recorded, and what backward needs to know)."""
    a, b = operands(x1, x2, op)
    plan = broadcast(a.shape, b.shape, op)
    shape, rank, sizes, sa, sb = plan[:5]
    y = empty(shape)
    K.function_pair(y, a, b, rank, sizes, sa, sb, function)
    return a, b, y, plan[6:]


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
    if is_whole(x1) and is_whole(x2):
        return _whole.floor_divide(x1, x2)
    return _pair(x1, x2, "floor_divide", QUOTIENT)[2]


def mod(x1, x2):
    """x1 - x2 floor(x1 / x2), elementwise, with broadcasting: it has the sign of x2.

    dx1 = dy, dx2 = -dy floor(x1 / x2).

    >>> cygrad.ops.mod([7, -7], 2).numpy().tolist()
    [1, 1]
    """
    if is_whole(x1) and is_whole(x2):
        return _whole.mod(x1, x2)
    a, b, y, (to_a, to_b) = _pair(x1, x2, "mod", REMAINDER)

    def backward(dy):
        da = unbroadcast(dy, a, to_a) if tracked(a) else None
        return da, unbroadcast(negative(multiply(dy, floor_divide(a, b))), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)


def arctan2(x1, x2):
    """The angle of the point (x2, x1), in -pi .. pi, elementwise, with broadcasting.

    dx1 = dy x2 / (x1^2 + x2^2), dx2 = -dy x1 / (x1^2 + x2^2).

    >>> cygrad.ops.arctan2(0.0, 1.0).item()
    0.0
    """
    a, b, y, (to_a, to_b) = _pair(x1, x2, "arctan2", ANGLE)

    def backward(dy):
        scaled = divide(dy, add(square(a), square(b)))
        da = unbroadcast(multiply(scaled, b), a, to_a) if tracked(a) else None
        return da, unbroadcast(negative(multiply(scaled, a)), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)


def hypot(x1, x2):
    """sqrt(x1^2 + x2^2), elementwise, with broadcasting, without overflow. dx1 = dy x1 / y, dx2 = dy x2 / y.

    >>> cygrad.ops.hypot(3.0, 4.0).item()
    5.0
    """
    a, b, y, (to_a, to_b) = _pair(x1, x2, "hypot", HYPOTENUSE)

    def backward(dy):
        scaled = divide(dy, y)
        da = unbroadcast(multiply(scaled, a), a, to_a) if tracked(a) else None
        return da, unbroadcast(multiply(scaled, b), b, to_b) if tracked(b) else None

    return record(y, (a, b), backward)


# ---- along an axis ----


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


def _order(x, axis, op, descending):
    """argsort, or from the largest to the smallest."""
    x = convert_to_tensor(x)
    if axis is None:
        x, axis = ravel(x), -1
    axis = axis_of(axis, len(x.shape), op)
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
        cut = -places % n if n else 0
        x = concatenate(split(x, [cut], a)[::-1], a) if cut else x
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
    return where(constant_array(np.tri(*x.shape[-2:], k), "bool"), x, 0)


def triu(x, k=0):
    """x[..., i, j] where j - i >= k, else 0.

    >>> cygrad.ops.triu([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[1.0, 2.0], [0.0, 4.0]]
    """
    x = convert_to_tensor(x)
    return where(constant_array(np.tri(*x.shape[-2:], k - 1), "bool"), 0, x)


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
    sizes = {}
    for term, x in zip(terms, tensors):
        for letter, n in zip(term, x.shape):
            if sizes.setdefault(letter, n) != n:
                raise ValueError(
                    f"einsum: {letter!r} stands for {sizes[letter]} and for {n} in {subscripts!r} of shapes "
                    f"{[x.shape for x in tensors]}"
                )
    if len(set(result)) < len(result) or not set(result) <= set(sizes):
        raise ValueError(f"einsum: expected letters of the operands, each once, in the result of {subscripts!r}")
    term, y = terms[0], tensors[0]
    for i in range(1, len(terms)):
        later = {*result, *(c for t in terms[i + 1 :] for c in t)}
        term, y = _contracted(term, y, terms[i], tensors[i], later)
    term, y = _summed(term, y, result)
    return transpose(y, [term.index(c) for c in result]) if term != result else y


def _summed(term, x, kept):
    """x summed over the letters that are not kept, and the rest of its term."""
    axes = tuple(i for i, c in enumerate(term) if c not in kept)
    return "".join(c for c in term if c in kept), _sum(x, axes) if axes else x


def _contracted(first, a, second, b, later):
    """The product of two operands of einsum, summed over the letters that no later one needs: transposed to matrices, a
    batched matmul. Gives its term and itself."""
    first, a = _summed(first, a, {*second, *later})
    second, b = _summed(second, b, {*first, *later})
    size = dict(zip(first + second, a.shape + b.shape))
    batch = [c for c in first if c in second and c in later]
    inner = [c for c in first if c in second and c not in later]
    rows, columns = [c for c in first if c not in second], [c for c in second if c not in first]

    def matrices(term, x, *groups):
        letters = [c for group in groups for c in group]
        order = [term.index(c) for c in letters]
        x = x if order == list(range(len(order))) else transpose(x, order)
        return reshape(x, tuple(prod(size[c] for c in group) for group in groups))

    if not inner and (not rows or not columns):  # nothing is summed: no matmul
        longer, shorter = (columns, rows) if columns else (rows, columns)
        x, y = (b, a) if columns else (a, b)
        terms = (second, first) if columns else (first, second)
        x = matrices(terms[0], x, batch, longer)
        return "".join(batch + longer), reshape(
            multiply(x, matrices(terms[1], y, batch, shorter)), tuple(size[c] for c in batch + longer)
        )
    y = matmul(matrices(first, a, batch, rows, inner), matrices(second, b, batch, inner, columns))
    return "".join(batch + rows + columns), reshape(y, tuple(size[c] for c in batch + rows + columns))
