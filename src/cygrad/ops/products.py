"""Products of vectors and tensors by axes, with keras.ops's names: made of elementwise products, matmuls and moves."""

import math
import re
from math import prod

from ._backend import as_float, operands
from .conv2d import conv
from .creation import convert_to_tensor, ones_like
from .elementwise import add, multiply, sqrt, square, subtract
from .functions import log10
from .indexing import get_item, pad
from .layout import axis_of, broadcast_to, expand_dims, flip, moveaxis, ravel, reshape, stack, transpose
from .matmul import dot, matmul, tensordot
from .places import diagonal, diff, roll
from .reduce import mean
from .reduce import sum as _sum


def outer(x1, x2):
    """y[i,j] = x1[i] x2[j], both flattened.

    >>> cygrad.ops.outer([1.0, 2.0], [3.0, 4.0]).numpy().tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def inner(x1, x2):
    """Sums of products over the last axis of both: y[..., i, j] = sum_k x1[..., i, k] x2[j, k]; with a number, x1 x2.

    >>> cygrad.ops.inner([1.0, 2.0], [3.0, 4.0]).item()
    11.0
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    return tensordot(x1, x2, [[-1], [-1]]) if x1.shape and x2.shape else multiply(x1, x2)


def vdot(x1, x2):
    """The sum of the products of all values of x1 and x2, both flattened.

    >>> cygrad.ops.vdot([[1.0, 2.0]], [[3.0], [4.0]]).item()
    11.0
    """
    return dot(ravel(x1), ravel(x2))


def kron(x1, x2):
    """Kronecker's product: a block x1[i,j] x2 for each value of x1; ranks that differ get axes of size 1 in front.

    >>> cygrad.ops.kron([[1.0, 2.0]], [[1.0], [3.0]]).numpy().tolist()
    [[1.0, 2.0], [3.0, 6.0]]
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    rank = max(len(x1.shape), len(x2.shape))
    a, b = ((1,) * (rank - len(x.shape)) + x.shape for x in (x1, x2))
    y = multiply(
        reshape(x1, tuple(n for size in a for n in (size, 1))), reshape(x2, tuple(n for size in b for n in (1, size)))
    )
    return reshape(y, tuple(m * n for m, n in zip(a, b)))


def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector product of vectors of 3 values, or 2 (the third is 0; of two such: the third value of the result).

    axisa, axisb: where the vectors of x1 and x2 lie; axisc: where those of the result will; axis: all three.

    >>> cygrad.ops.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).numpy().tolist()
    [0.0, 0.0, 1.0]
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    sizes = {a.shape[-1], b.shape[-1]}
    if not sizes <= {2, 3}:
        raise ValueError(f"cross: expected vectors of 2 or 3 values; got shapes {a.shape} and {b.shape}, these last")
    a, b = (x if x.shape[-1] == 3 else pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, 1)]) for x in (a, b))
    y = subtract(multiply(roll(a, -1, -1), roll(b, -2, -1)), multiply(roll(a, -2, -1), roll(b, -1, -1)))
    return y[..., 2] if sizes == {2} else moveaxis(y, -1, axisc)


def cdist(x, y):
    """The distances of all vectors of x[...,M,D] to all of y[...,N,D]: [...,M,N]. No finite gradient where one is 0.

    >>> cygrad.ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).numpy().tolist()
    [[5.0, 1.0]]
    """
    x, y = as_float(x, "cdist"), as_float(y, "cdist", "y")
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist: expected x[...,M,D] and y[...,N,D]; got shapes {x.shape} and {y.shape}")
    return sqrt(_sum(square(subtract(expand_dims(x, -2), expand_dims(y, -3))), -1))


def psnr(x1, x2, max_val):
    """The peak signal-to-noise ratio of two images in decibels: 20 log10(max_val) - 10 log10(mean (x1 - x2)^2).

    >>> round(cygrad.ops.psnr([0.0, 1.0], [0.0, 0.9], 1.0).item(), 2)
    23.01
    """
    a, b = operands(x1, x2, "psnr")
    if a.shape != b.shape:
        raise ValueError(f"psnr: expected two images of one shape; got {a.shape} and {b.shape}")
    return subtract(20 * math.log10(max_val), multiply(log10(mean(square(subtract(a, b)))), 10.0))


def correlate(x1, x2, mode="valid"):
    """y[k] = sum_n x1[n + k] x2[n] of two vectors, as numpy.correlate.

    mode: "valid" (where they overlap wholly), "same" (as many as the longer one has), "full" (wherever they overlap).

    >>> cygrad.ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0]).numpy().tolist()
    [2.0, 3.0]
    """
    a, b = as_float(x1, "correlate", "x1"), as_float(x2, "correlate", "x2")
    if len(a.shape) != 1 or len(b.shape) != 1 or not a.size or not b.size:
        raise ValueError(f"correlate: expected two vectors; got shapes {a.shape} and {b.shape}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode must be 'valid', 'same' or 'full'; got {mode!r}")
    if a.size < b.size:
        return flip(correlate(b, a, mode))
    n = b.size
    around = {"valid": (0, 0), "same": (n // 2, n - 1 - n // 2), "full": (n - 1, n - 1)}[mode]
    return ravel(conv(reshape(a, (1, -1, 1)), reshape(b, (-1, 1, 1)), padding=(around,)))


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of y along axis, straight between its values: the sum of (y[i] + y[i+1]) / 2 (x[i+1] - x[i]).

    x: where the values lie, a vector or in y's shape; None: at distances dx.

    >>> cygrad.ops.trapezoid([1.0, 2.0, 3.0]).item()
    4.0
    """
    y = as_float(y, "trapezoid", "y")
    axis = axis_of(axis, len(y.shape), "trapezoid")
    before = (slice(None),) * axis
    middle = multiply(add(get_item(y, (*before, slice(1, None))), get_item(y, (*before, slice(None, -1)))), 0.5)
    if x is not None:
        x = as_float(x, "trapezoid")
        if len(x.shape) == 1:
            x = reshape(x, tuple(-1 if a == axis else 1 for a in range(len(y.shape))))
        dx = diff(x, axis=axis)
    return _sum(multiply(middle, dx), axis)


def vander(x, N=None, increasing=False):
    """Vandermonde's matrix: the powers N-1, ... 1, 0 of a vector x as columns (N None: as many as values).

    increasing: the powers 0, 1, ... N-1.

    >>> cygrad.ops.vander([2.0, 3.0], increasing=True, N=3).numpy().tolist()
    [[1.0, 2.0, 4.0], [1.0, 3.0, 9.0]]
    """
    x = convert_to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(f"vander: expected a vector; got shape {x.shape}")
    powers = [ones_like(x)]
    while len(powers) < (x.size if N is None else N):
        powers.append(multiply(powers[-1], x))
    return stack(powers[: x.size if N is None else N][:: 1 if increasing else -1], 1)


# ---- by letters ----


def rearrange(tensor, pattern, **axes_lengths):
    """The axes in another order, parted and joined, as a pattern says: "b (h k) c -> b h (k c)", k=2 given by name.

    On the left a word for each axis, or words in parentheses for the parts of one, from the slowest to the fastest; the
    size of one part follows from the others', which axes_lengths gives. On the right the same words. Raises ValueError
    for a pattern that does not fit tensor.

    >>> cygrad.ops.rearrange(cygrad.ops.zeros((2, 6, 3)), "b (h k) c -> b h (k c)", k=2).shape
    (2, 3, 6)
    """
    x = convert_to_tensor(tensor)
    sides = [
        [words.strip("()").split() for words in re.findall(r"\([^()]*\)|\w+", side)] for side in pattern.split("->")
    ]
    names = [[word for group in side for word in group] for side in sides]
    if len(sides) != 2 or len(sides[0]) != len(x.shape) or sorted(names[0]) != sorted(set(names[-1])):
        raise ValueError(
            f"rearrange: pattern {pattern!r} does not fit shape {x.shape}: expected words for its {len(x.shape)} axes, "
            "'->', and the same words"
        )
    sizes = dict(axes_lengths)
    for group, n in zip(sides[0], x.shape):
        unknown = [word for word in group if word not in sizes]
        known = prod(sizes[word] for word in group if word in sizes)
        if len(unknown) > 1 or (n % known if unknown and known else n != known):
            raise ValueError(f"rearrange: an axis of size {n} does not fall into {' '.join(group)} with {axes_lengths}")
        sizes.update(dict.fromkeys(unknown, n // known))
    x = reshape(x, tuple(sizes[word] for word in names[0]))
    y = transpose(x, [names[0].index(word) for word in names[1]])
    return reshape(y, tuple(prod(sizes[word] for word in group) for group in sides[1]))


def einsum(subscripts, *operands):
    """Sums of products by Einstein's convention, as numpy.einsum. subscripts: "bij,bjk->bik" is a batched matmul.

    A letter for each axis; one that comes twice in an operand takes its diagonal; "..." stands for any axes, which
    broadcast. "->" and the result's letters may be left out, as in NumPy. Raises ValueError for what does not fit.

    >>> cygrad.ops.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy().tolist()
    [3.0, 7.0]
    """
    tensors = tuple(as_float(x, "einsum", "operands") for x in operands)
    terms, result = _spelled(subscripts, tensors)
    terms, tensors = zip(*map(_diagonals, terms, _broadcast(terms, tensors)))
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


def _spelled(subscripts, tensors):
    """einsum's terms and its result, with digits of their own for the axes of '...', the last axis 0."""
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = given.split(",")
    if not arrow:
        letters = "".join(terms).replace(".", "")
        result = "..." * ("..." in given) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    rest = [len(x.shape) - len(t.replace("...", "", 1)) for t, x in zip(terms, tensors)]  # axes of each "..."
    fits = len(terms) == len(tensors) and all(n >= 0 if "..." in t else n == 0 for t, n in zip(terms, rest))
    if not fits or not re.fullmatch(r"[^\W\d_]*", "".join(t.replace("...", "", 1) for t in (*terms, result))):
        raise ValueError(
            f"einsum: subscripts {subscripts!r} do not fit operands of shapes {[x.shape for x in tensors]}: expected a "
            "letter for each axis, or one '...' for some of them"
        )
    digits = "9876543210"
    terms = [t.replace("...", digits[10 - n :]) for t, n in zip(terms, rest)]
    return terms, result.replace("...", digits[10 - max(rest) :])


def _broadcast(terms, tensors):
    """The tensors, repeated where an axis of '...' has one value and another operand's more."""
    sizes = {}
    for term, x in zip(terms, tensors):
        for c, n in zip(term, x.shape):
            sizes[c] = max(sizes.get(c, 1), n) if c.isdigit() else n
    for term, x in zip(terms, tensors):
        shape = tuple(sizes[c] if c.isdigit() and n == 1 else n for c, n in zip(term, x.shape))
        yield x if shape == x.shape else broadcast_to(x, shape)


def _diagonals(term, x):
    """An operand and its term with each letter once."""
    for c in sorted({c for c in term if term.count(c) > 1}):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum: {c!r} stands for {x.shape[first]} and for {x.shape[second]} in one operand")
            x = diagonal(x, 0, first, second)
            term = "".join(letter for i, letter in enumerate(term) if i not in (first, second)) + c
    return term, x


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
