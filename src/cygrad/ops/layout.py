"""Moving values: reshape, transpose, join, cut. Kernels: csrc/kernels/layout.c.

Integers and booleans go through the same kernels, for values of any size, without a gradient.
"""

from functools import lru_cache
from itertools import pairwise
from math import prod
from operator import index as _index

import numpy as np

from .._tensor import fill_zeros
from ._backend import (
    K,
    Tensor,
    Variable,
    as_float,
    axes_of,
    empty,
    gradient_like,
    record,
    shell,
    tracked,
    view,
    zeros,
)
from ._shapes import broadcast_shape, collapse, permutation, reduction_to, spread, strides_of
from .creation import cast, convert_to_tensor, size_of
from .elementwise import unbroadcast


def is_float(x):
    return x.dtype.startswith("float")


def zero_gradient(x):
    """A gradient of x, filled with zeros."""
    if not isinstance(x, Variable):
        return zeros(x.shape)
    dx = gradient_like(x)
    fill_zeros(dx)
    return dx


def axis_of(axis, rank, op):
    """One axis as an integer in 0 .. rank-1."""
    if not -rank <= axis < rank:
        raise ValueError(f"{op}: axis {axis} does not exist in a tensor of rank {rank}")
    return axis % rank


# ---- the same memory under another shape ----


@lru_cache(maxsize=4096)
def _reshaped(shape, newshape):
    """newshape with its -1 filled in."""
    size = prod(shape)
    if newshape.count(-1) == 1:
        known = -prod(newshape)
        if known <= 0 or size % known:
            raise ValueError(
                f"reshape: cannot turn shape {shape} ({size} values) into {newshape}: "
                f"{size} is not a multiple of {max(known, 0)}"
            )
        return tuple(size // known if n == -1 else n for n in newshape)
    if newshape.count(-1) > 1 or any(n < 0 for n in newshape):
        raise ValueError(f"reshape: expected sizes of at least 0 and at most one -1 in newshape; got {newshape}")
    if prod(newshape) != size:
        raise ValueError(
            f"reshape: cannot turn shape {shape} ({size} values) into {newshape} ({prod(newshape)} values). "
            "Is the batch axis counted in one of them only?"
        )
    return newshape


def reshape(x, newshape):
    """The same values in another shape, without a copy: y shares the memory of x.

    newshape: an integer or several; one may be -1, and follows from the others. Raises ValueError where the number of
    values differs.

    >>> cygrad.ops.reshape([[1.0, 2.0], [3.0, 4.0]], (-1,)).numpy().tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if not isinstance(x, Tensor):
        x = convert_to_tensor(x)
    if type(newshape) is not tuple:
        newshape = size_of(newshape, "reshape")
    old = x.shape
    y = view(x, _reshaped(old, newshape))

    def backward(dy):
        return view(dy, old)

    return record(y, (x,), backward)


def flatten(x):
    """x[N,...] as y[N,-1]: all axes after the first become one. Shares the memory of x. Not in keras.ops.

    >>> cygrad.ops.flatten(cygrad.ops.zeros((2, 3, 4))).shape
    (2, 12)
    """
    if not isinstance(x, Tensor):
        x = convert_to_tensor(x)
    shape = x.shape
    return reshape(x, (shape[0], prod(shape[1:]))) if shape else reshape(x, (1, 1))


def ravel(x):
    """All values in one axis. Shares the memory of x.

    >>> cygrad.ops.ravel(cygrad.ops.zeros((2, 3))).shape
    (6,)
    """
    return reshape(x, (-1,))


def expand_dims(x, axis):
    """x with axes of size 1 put in, at the places that they have in the result. Shares the memory of x.

    axis: the axis or axes.

    >>> cygrad.ops.expand_dims([1.0, 2.0], -1).shape
    (2, 1)
    """
    x = convert_to_tensor(x)
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = axes_of(axes, len(x.shape) + len(axes), "expand_dims")
    rest = iter(x.shape)
    return reshape(x, tuple(1 if i in axes else next(rest) for i in range(len(x.shape) + len(axes))))


def squeeze(x, axis=None):
    """x without its axes of size 1, or without the given ones. Shares the memory of x. Raises ValueError where one has
    another size.

    axis: the axis or axes.

        >>> cygrad.ops.squeeze([[1.0, 2.0]]).shape
        (2,)
    """
    x = convert_to_tensor(x)
    if axis is None:
        return reshape(x, tuple(n for n in x.shape if n != 1))
    axes = axes_of(axis, len(x.shape), "squeeze")
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: expected size 1 at axis {a}; got shape {x.shape}")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


# ---- transpose, broadcast, flip ----


def transpose(x, axes=None):
    """x with its axes in another order: axis i of y is axis axes[i] of x. None: reversed.

    Raises ValueError where axes is not a permutation.

    >>> cygrad.ops.transpose([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    x = convert_to_tensor(x)
    rank = len(x.shape)
    order = tuple(range(rank - 1, -1, -1)) if axes is None else tuple(a + rank if a < 0 else a for a in axes)
    if sorted(order) != list(range(rank)):
        raise ValueError(
            f"transpose: expected each of the {rank} axes of shape {x.shape} once in axes; got {tuple(axes)}"
        )
    shape, collapsed, sizes, strides = permutation(x.shape, order)
    y = empty(shape, x.dtype)
    K.gather_elements(y, x, collapsed, sizes, strides, 0, y.itemsize)
    source = shell(x)

    def backward(dy):
        inverse = tuple(sorted(range(rank), key=order.__getitem__))
        _, collapsed, sizes, strides = permutation(shape, inverse)
        dx = gradient_like(source)
        K.gather_strided(dx, dy, collapsed, sizes, strides, 0)
        return dx

    return record(y, (x,), backward)


def swapaxes(x, axis1, axis2):
    """x with two axes exchanged.

    axis1: one axis. axis2: the other.

    >>> cygrad.ops.swapaxes(cygrad.ops.zeros((1, 2, 3)), 0, 2).shape
    (3, 2, 1)
    """
    x = convert_to_tensor(x)
    order = list(range(len(x.shape)))
    a, b = axis_of(axis1, len(order), "swapaxes"), axis_of(axis2, len(order), "swapaxes")
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x, source, destination):
    """x with axes moved from source to destination, the others in their order.

    >>> cygrad.ops.moveaxis(cygrad.ops.zeros((1, 2, 3)), 0, -1).shape
    (2, 3, 1)
    """
    x = convert_to_tensor(x)
    rank = len(x.shape)
    sources, destinations = ([a] if isinstance(a, int) else list(a) for a in (source, destination))
    sources = [axis_of(a, rank, "moveaxis") for a in sources]
    order = [a for a in range(rank) if a not in sources]
    for to, a in sorted(zip([axis_of(a, rank, "moveaxis") for a in destinations], sources)):
        order.insert(to, a)
    return transpose(x, order)


def broadcast_to(x, shape):
    """x repeated along axes of size 1, and along new leading axes, up to shape. Its gradient is summed back.

    >>> cygrad.ops.broadcast_to([1.0, 2.0], (2, 2)).numpy().tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    x = convert_to_tensor(x)
    shape = size_of(shape, "broadcast_to")
    if broadcast_shape(x.shape, shape, "broadcast_to") != shape:
        raise ValueError(f"broadcast_to: shape {x.shape} is larger than the target {shape}")
    y = empty(shape, x.dtype)
    K.gather_elements(y, x, *spread(x.shape, shape), 0, y.itemsize)
    source = shell(x)

    def backward(dy):
        return unbroadcast(dy, source, reduction_to(shape, source.shape))

    return record(y, (x,), backward)


def copy(x):
    """The values of x in memory of their own. dx = dy.

    >>> cygrad.ops.copy([1.0, 2.0]).numpy().tolist()
    [1.0, 2.0]
    """
    x = convert_to_tensor(x)
    return broadcast_to(x, x.shape)


def array(x, dtype=None):
    """x as a tensor that does not share its memory; dtype as in convert_to_tensor.

    >>> cygrad.ops.array([1, 2]).dtype
    'int32'
    """
    return copy(convert_to_tensor(x, dtype))


def flip(x, axis=None):
    """x in reverse order along axis (None: along all).

    >>> cygrad.ops.flip([1.0, 2.0, 3.0]).numpy().tolist()
    [3.0, 2.0, 1.0]
    """
    x = convert_to_tensor(x)
    axes = axes_of(axis, len(x.shape), "flip")
    strides = strides_of(x.shape)
    offset = sum((n - 1) * s for i, (n, s) in enumerate(zip(x.shape, strides)) if i in axes and n)
    sizes, walked = collapse(x.shape, tuple(-s if i in axes else s for i, s in enumerate(strides)))
    y = empty(x.shape, x.dtype)
    K.gather_elements(y, x, len(sizes), sizes, walked, offset, y.itemsize)
    source = shell(x)

    def backward(dy):
        dx = gradient_like(source)
        K.gather_strided(dx, dy, len(sizes), sizes, walked, offset)
        return dx

    return record(y, (x,), backward)


# ---- join and cut ----


@lru_cache(maxsize=4096)
def _join_plan(shapes, axis):
    """How to concatenate: (shape of y, [(sizes, strides in y, offset in y) for each x])."""
    first, rank = shapes[0], len(shapes[0])
    axis = axis_of(axis, rank, "concatenate")
    for i, shape in enumerate(shapes):
        if len(shape) != rank or shape[:axis] != first[:axis] or shape[axis + 1 :] != first[axis + 1 :]:
            raise ValueError(
                f"concatenate: xs[{i}] has shape {shape}, xs[0] {first}: they may differ at axis {axis} only"
            )
    total = sum(shape[axis] for shape in shapes)
    outer, inner = prod(first[:axis]), prod(first[axis + 1 :])
    parts, offset = [], 0
    for shape in shapes:
        width = shape[axis] * inner
        parts.append(((outer, width), (total * inner, 1), offset))
        offset += width
    return first[:axis] + (total,) + first[axis + 1 :], parts


def concatenate(xs, axis=0):
    """Tensors joined along an existing axis; their other sizes must agree.

    xs: tensors or arrays.

    >>> cygrad.ops.concatenate([[[1.0]], [[2.0]]], axis=1).numpy().tolist()
    [[1.0, 2.0]]
    """
    xs = tuple(x if isinstance(x, Tensor) else convert_to_tensor(x) for x in xs)
    if not xs:
        raise ValueError("concatenate: expected at least one tensor in xs; got none")
    if any(is_float(x) for x in xs):
        xs = tuple(as_float(x, "concatenate", "xs") for x in xs)
    elif len({x.dtype for x in xs}) > 1:
        common = np.result_type(*(x.dtype for x in xs)).name
        xs = tuple(cast(x, common if common in ("int32", "int64") else "int32") for x in xs)
    shape, parts = _join_plan(tuple(x.shape for x in xs), axis)
    y = empty(shape, xs[0].dtype)
    for x, (sizes, strides, offset) in zip(xs, parts):
        K.scatter_elements(y, x, 2, sizes, strides, offset, y.itemsize)
    sources = [shell(x) for x in xs]

    def backward(dy):
        gradients = []
        for x, (sizes, strides, offset) in zip(sources, parts):
            dx = None
            if tracked(x):
                dx = gradient_like(x)
                K.gather_strided(dx, dy, 2, sizes, strides, offset)
            gradients.append(dx)
        return tuple(gradients)

    return record(y, xs, backward)


def stack(x, axis=0):
    """Tensors of one shape joined along a new axis.

    x: a tensor, an array or nested numbers.

    >>> cygrad.ops.stack([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy().tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    xs = [convert_to_tensor(t) for t in x]
    if any(t.shape != xs[0].shape for t in xs):
        raise ValueError(f"stack: expected tensors of one shape; got {[t.shape for t in xs]}")
    return concatenate([expand_dims(t, axis) for t in xs], axis)


def vstack(xs):
    """Tensors joined along the first axis, rows for those of rank 1.

    xs: tensors or arrays.

    >>> cygrad.ops.vstack([[1.0], [2.0]]).numpy().tolist()
    [[1.0], [2.0]]
    """
    xs = [convert_to_tensor(x) for x in xs]
    return concatenate([reshape(x, (1, -1)) if len(x.shape) < 2 else x for x in xs], 0)


def hstack(xs):
    """Tensors joined along the second axis, along the only one for those of rank 1.

    xs: tensors or arrays.

    >>> cygrad.ops.hstack([[1.0], [2.0]]).numpy().tolist()
    [1.0, 2.0]
    """
    xs = [convert_to_tensor(x) for x in xs]
    xs = [reshape(x, (1,)) if not x.shape else x for x in xs]
    return concatenate(xs, 0 if len(xs[0].shape) == 1 else 1)


def _cut(x, axis, edges):
    """The pieces of x[..., edges[i] : edges[i+1], ...]. Their gradients meet in one buffer, which each piece
    fills in its place."""
    shape, total = x.shape, x.shape[axis]
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    strides = (total * inner, 1)
    source = shell(x)
    shared = []  # the gradient of x in a walk, from the first piece to arrive until x takes it

    def hand_over(dx):
        shared.clear()
        return dx

    whole = record(view(x, shape), (x,), hand_over)

    def piece(first, last):
        offset, sizes = first * inner, (outer, (last - first) * inner)
        y = empty(shape[:axis] + (last - first,) + shape[axis + 1 :], x.dtype)
        K.gather_elements(y, x, 2, sizes, strides, offset, y.itemsize)

        def backward(dy):
            new = not shared
            if new:
                shared.append(zero_gradient(source))
            K.scatter_strided(shared[0], dy, 2, sizes, strides, offset)
            return shared[0] if new else None

        return record(y, (whole,), backward)

    return [piece(first, max(first, last)) for first, last in pairwise(edges)]


def split(x, indices_or_sections, axis=0):
    """A list of pieces of x along axis.

    indices_or_sections: how many pieces of equal size, or the indices at which to cut. Raises ValueError where the
    size is not a multiple of the number of pieces.

    >>> [piece.numpy().tolist() for piece in cygrad.ops.split([1.0, 2.0, 3.0, 4.0], 2)]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    x = convert_to_tensor(x)
    axis = axis_of(axis, len(x.shape), "split")
    total = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1 or total % indices_or_sections:
            raise ValueError(
                f"split: axis {axis} of shape {x.shape} cannot be cut into {indices_or_sections} equal pieces"
            )
        edges = list(range(0, total + 1, total // indices_or_sections)) if total else [0] * (indices_or_sections + 1)
    else:
        cuts = [min(max(_index(i) + (total if i < 0 else 0), 0), total) for i in indices_or_sections]
        edges = [0, *cuts, total]
    return _cut(x, axis, edges)


def unstack(x, num=None, axis=0):
    """The slices of x along axis, as a list of tensors without it. num, if given, must be that axis's size.

    >>> [row.numpy().tolist() for row in cygrad.ops.unstack([[1.0, 2.0], [3.0, 4.0]])]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    x = convert_to_tensor(x)
    axis = axis_of(axis, len(x.shape), "unstack")
    if num is not None and num != x.shape[axis]:
        raise ValueError(f"unstack: num is {num}, but axis {axis} of shape {x.shape} has size {x.shape[axis]}")
    if x.shape[axis] == 0:
        return []
    return [squeeze(piece, axis) for piece in split(x, x.shape[axis], axis)]


def tile(x, repeats):
    """x as a whole, so many times along each axis, as numpy.tile.

    repeats: how often, one number or one for each.

    >>> cygrad.ops.tile([1.0, 2.0], 2).numpy().tolist()
    [1.0, 2.0, 1.0, 2.0]
    """
    x = convert_to_tensor(x)
    times = size_of(repeats, "tile")
    rank = max(len(times), len(x.shape))
    times, shape = (1,) * (rank - len(times)) + times, (1,) * (rank - len(x.shape)) + x.shape
    y = reshape(x, tuple(n for extent in shape for n in (1, extent)))
    y = broadcast_to(y, tuple(n for pair in zip(times, shape) for n in pair))
    return reshape(y, tuple(t * n for t, n in zip(times, shape)))
