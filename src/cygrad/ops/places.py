"""Diagonals, triangles, grids and pieces, with keras.ops's names: made of slices, joins and choices."""

import numpy as np

from ._backend import constant_array
from .creation import convert_to_tensor
from .elementwise import subtract
from .indexing import get_item, pad
from .layout import (
    axis_of,
    broadcast_to,
    concatenate,
    flip,
    moveaxis,
    ravel,
    reshape,
    split,
    swapaxes,
    transpose,
)
from .logic import where
from .reduce import sum as _sum


def diagonal(x, offset=0, axis1=0, axis2=1):
    """The values x[..., i, ..., i + offset, ...] along axis1 and axis2, as a last axis.

    >>> cygrad.ops.diagonal([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [1.0, 4.0]
    """
    x = convert_to_tensor(x)
    rank = len(x.shape)
    first, second = axis_of(axis1, rank, "diagonal"), axis_of(axis2, rank, "diagonal")
    if first == second:
        raise ValueError(f"diagonal: expected two different axes; got {axis1} and {axis2}")
    x = moveaxis(x, (first, second), (-2, -1))
    rows, columns = x.shape[-2:]
    count = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    start = max(-offset, 0) * columns + max(offset, 0)
    flat = reshape(x, (*x.shape[:-2], rows * columns))
    return flat[..., start : start + count * (columns + 1) : columns + 1] if count else flat[..., :0]


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of diagonal(x, offset, axis1, axis2).

    >>> cygrad.ops.trace([[1.0, 2.0], [3.0, 4.0]]).item()
    5.0
    """
    return _sum(diagonal(x, offset, axis1, axis2), -1)


def diag(x, k=0):
    """A matrix with the values of a vector x on its k-th diagonal, 0 elsewhere; of a matrix x: its k-th diagonal.

    >>> cygrad.ops.diag([1.0, 2.0]).numpy().tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    x = convert_to_tensor(x)
    if len(x.shape) == 2:
        return diagonal(x, k)
    if len(x.shape) != 1:
        raise ValueError(f"diag: expected a vector or a matrix; got shape {x.shape}")
    n = x.shape[0]
    rows = pad(reshape(x, (n, 1)), ((0, 0), (0, n)))  # each value n + 1 places after the last one
    square = reshape(reshape(rows, (-1,))[: n * n], (n, n))
    return pad(square, ((max(-k, 0), max(k, 0)), (max(k, 0), max(-k, 0)))) if k else square


def diagflat(x, k=0):
    """diag of x flattened: a matrix with these values on its k-th diagonal.

    >>> cygrad.ops.diagflat([[1.0], [2.0]]).numpy().tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    return diag(ravel(x), k)


def tri(N, M=None, k=0, dtype=None):
    """Ones where column - row <= k in a matrix of zeros, N rows and M columns (None: N). dtype None: float32.

    >>> cygrad.ops.tri(2).numpy().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return constant_array(np.tri(N, M, k), dtype)


def identity(n, dtype=None):
    """Ones on the diagonal of a matrix of zeros of n rows. dtype None: float32.

    >>> cygrad.ops.identity(2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return constant_array(np.eye(n), dtype)


def meshgrid(*x, indexing="xy"):
    """The coordinates of a grid: for each vector a tensor that repeats it along the others' axes.

    indexing: "ij" (axis i is that of the i-th vector) or "xy" (the first two are exchanged).

    >>> [t.numpy().tolist() for t in cygrad.ops.meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}")
    vectors = [ravel(convert_to_tensor(v)) for v in x]
    shape = tuple(v.size for v in vectors)
    grids = []
    for i, v in enumerate(vectors):
        y = broadcast_to(reshape(v, tuple(-1 if a == i else 1 for a in range(len(shape)))), shape)
        grids.append(swapaxes(y, 0, 1) if indexing == "xy" and len(shape) > 1 else y)
    return grids


def rot90(array, k=1, axes=(0, 1)):
    """array turned k times by a quarter, from axes[0] towards axes[1].

    >>> cygrad.ops.rot90([[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    x = convert_to_tensor(array)
    first, second = (axis_of(a, len(x.shape), "rot90") for a in axes)
    if first == second:
        raise ValueError(f"rot90: expected two different axes; got {axes}")
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, (first, second))
    return swapaxes(flip(x, second), first, second) if k % 4 == 1 else flip(swapaxes(x, first, second), second)


def fliplr(x):
    """x in reverse order along axis 1.

    >>> cygrad.ops.fliplr([[1.0, 2.0]]).numpy().tolist()
    [[2.0, 1.0]]
    """
    return flip(x, 1)


def flipud(x):
    """x in reverse order along axis 0.

    >>> cygrad.ops.flipud([[1.0], [2.0]]).numpy().tolist()
    [[2.0], [1.0]]
    """
    return flip(x, 0)


def append(x1, x2, axis=None):
    """x2 after x1 along axis. axis None: both are flattened first.

    >>> cygrad.ops.append([1.0], [2.0]).numpy().tolist()
    [1.0, 2.0]
    """
    return concatenate([ravel(x1), ravel(x2)] if axis is None else [x1, x2], 0 if axis is None else axis)


def dstack(xs):
    """The tensors xs joined along the third axis; those of lower rank get axes of size 1: (n,) becomes (1, n, 1).

    >>> cygrad.ops.dstack([[1.0], [2.0]]).shape
    (1, 1, 2)
    """
    xs = [convert_to_tensor(x) for x in xs]
    shapes = [(1, *x.shape, 1) if len(x.shape) < 2 else (*x.shape, 1) if len(x.shape) == 2 else x.shape for x in xs]
    return concatenate([reshape(x, (1, *shape)[-3:]) for x, shape in zip(xs, shapes)], 2)


def array_split(x, indices_or_sections, axis=0):
    """A list of pieces of x along axis. indices_or_sections: how many, or the places of the cuts.

    If its size is not a multiple of their number, the first pieces are one longer.

    >>> [piece.shape for piece in cygrad.ops.array_split([1.0, 2.0, 3.0], 2)]
    [(2,), (1,)]
    """
    x = convert_to_tensor(x)
    if isinstance(indices_or_sections, (int, np.integer)):
        n, count = x.shape[axis_of(axis, len(x.shape), "array_split")], int(indices_or_sections)
        if count < 1:
            raise ValueError(f"array_split: expected at least one piece; got {count}")
        indices_or_sections = [i * (n // count) + min(i, n % count) for i in range(1, count)]
    return split(x, indices_or_sections, axis)


def diff(a, n=1, axis=-1):
    """The differences of neighbours in a along axis, taken n times.

    >>> cygrad.ops.diff([1.0, 4.0, 9.0]).numpy().tolist()
    [3.0, 5.0]
    """
    a = convert_to_tensor(a)
    axis = axis_of(axis, len(a.shape), "diff")
    before = (slice(None),) * axis
    for _ in range(n):
        a = subtract(get_item(a, (*before, slice(1, None))), get_item(a, (*before, slice(None, -1))))
    return a


def space_to_depth(x, block_size, data_format="channels_last"):
    """x[N,H,W,C] as y[N,H/b,W/b,b b C]: each block of b x b pixels becomes one, b = block_size.

    data_format: "channels_last".

    >>> cygrad.ops.space_to_depth(cygrad.ops.zeros((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    x, b = _blocks(x, block_size, data_format, "space_to_depth")
    N, H, W, C = x.shape
    if H % b or W % b:
        raise ValueError(f"space_to_depth: {H} x {W} pixels do not fall into blocks of {b} x {b}")
    y = transpose(reshape(x, (N, H // b, b, W // b, b, C)), (0, 1, 3, 2, 4, 5))
    return reshape(y, (N, H // b, W // b, b * b * C))


def depth_to_space(x, block_size, data_format="channels_last"):
    """x[N,H,W,b b C] as y[N,b H,b W,C]: each pixel becomes a block of b x b, b = block_size.

    data_format: "channels_last".

    >>> cygrad.ops.depth_to_space(cygrad.ops.zeros((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)
    """
    x, b = _blocks(x, block_size, data_format, "depth_to_space")
    N, H, W, C = x.shape
    if C % (b * b):
        raise ValueError(f"depth_to_space: {C} channels do not fall into blocks of {b} x {b}")
    y = transpose(reshape(x, (N, H, W, b, b, C // (b * b))), (0, 1, 3, 2, 4, 5))
    return reshape(y, (N, H * b, W * b, C // (b * b)))


def _blocks(x, block_size, data_format, op):
    if data_format != "channels_last":
        raise ValueError(f"{op}: data_format must be 'channels_last': images are [N,H,W,C]; got {data_format!r}")
    x = convert_to_tensor(x)
    if len(x.shape) != 4:
        raise ValueError(f"{op}: expected x[N,H,W,C]; got shape {x.shape}")
    return x, int(block_size)


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


def hsplit(x, indices_or_sections):
    """split(x, indices_or_sections, axis=1), or along the only axis of a vector.

    >>> [piece.shape for piece in cygrad.ops.hsplit(cygrad.ops.zeros((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    x = convert_to_tensor(x)
    return split(x, indices_or_sections, min(len(x.shape), 2) - 1)


def vsplit(x, indices_or_sections):
    """split(x, indices_or_sections, axis=0).

    >>> [piece.shape for piece in cygrad.ops.vsplit(cygrad.ops.zeros((3, 4)), [1])]
    [(1, 4), (2, 4)]
    """
    return split(x, indices_or_sections, 0)


def dsplit(x, indices_or_sections):
    """split(x, indices_or_sections, axis=2).

    >>> [piece.shape for piece in cygrad.ops.dsplit(cygrad.ops.zeros((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(x, indices_or_sections, 2)


def select(condlist, choicelist, default=0):
    """The value of the first choice whose condition holds, elementwise, with broadcasting; default where none does.

    condlist, choicelist: as many conditions as choices. The gradient goes to what was chosen.

    >>> x = np.array([1.0, 5.0, 9.0])
    >>> cygrad.ops.select([x < 3, x < 7], [x, 10 * x]).numpy().tolist()
    [1.0, 50.0, 0.0]
    """
    if len(condlist) != len(choicelist):
        raise ValueError(f"select: expected as many choices as conditions; got {len(choicelist)} and {len(condlist)}")
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        y = where(condition, choice, y)
    return convert_to_tensor(y)
