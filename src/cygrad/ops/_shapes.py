"""Shape arithmetic for the ops: pure functions of shapes, cached, so that a steady step only looks results up."""

from functools import lru_cache
from math import prod

CACHED = lru_cache(maxsize=4096)


@CACHED
def strides_of(shape):
    """The strides, in elements, of a dense array."""
    strides, stride = [], 1
    for extent in reversed(shape):
        strides.append(stride)
        stride *= extent
    return tuple(reversed(strides))


def collapse(shape, *strides):
    """Joins neighbouring axes that every array walks through as one; axes of size 1 go. Gives (shape, *strides)."""
    kept, joined = [], [[] for _ in strides]
    for i, extent in enumerate(shape):
        if extent == 1:
            continue
        if kept and all(j[-1] == extent * s[i] for j, s in zip(joined, strides)):
            kept[-1] *= extent
            for j, s in zip(joined, strides):
                j[-1] = s[i]
        else:
            kept.append(extent)
            for j, s in zip(joined, strides):
                j.append(s[i])
    if not kept:
        return ((1,), *((1,) for _ in strides))
    return (tuple(kept), *map(tuple, joined))


def broadcast_shape(a, b, op):
    """The shape that arrays of shapes a and b have in common, by NumPy's rule."""
    if a == b:
        return a
    rank = max(len(a), len(b))
    shape = []
    for m, n in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b):
        if m != n and m != 1 and n != 1:
            raise ValueError(
                f"{op}: shapes {a} and {b} do not broadcast: aligned at their last axes, each pair of sizes must be "
                f"equal or contain a 1, and {m} meets {n}. Is an axis missing (expand_dims), or in another place?"
            )
        shape.append(n if m == 1 else m)
    return tuple(shape)


def repeated_strides(small, shape):
    """Strides that read a dense array of shape `small` as if it had `shape`: 0 along the axes that repeat."""
    lead = len(shape) - len(small)
    strides = tuple(0 if m == 1 != n else s for m, n, s in zip(small, shape[lead:], strides_of(small)))
    return (0,) * lead + strides


@CACHED
def reduction(shape, axes):
    """What to call reduce_sum with to sum over axes: ((O, R, I), ...), one for each run of neighbouring axes, last run
    first."""
    steps, sizes = [], list(shape)
    last = len(shape) - 1
    while last >= 0:
        first = last
        if last in axes:
            while first - 1 in axes:
                first -= 1
            R = prod(sizes[first : last + 1])
            if R != 1:
                steps.append((prod(sizes[:first]), R, prod(sizes[last + 1 :])))
            sizes[first : last + 1] = [1] * (last + 1 - first)
        last = first - 1
    return tuple(steps)


@CACHED
def reduction_to(shape, small):
    """The same, to sum the gradient of a broadcast result back to an operand's shape; () where they are the same."""
    lead = len(shape) - len(small)
    steps = reduction(shape, tuple(i for i, n in enumerate(shape) if i < lead or small[i - lead] == 1 != n))
    return steps or (((prod(shape), 1, 1),) if shape != small else ())


@CACHED
def broadcast(a, b, op):
    """How an elementwise op of two arrays runs: (shape of y; rank, sizes, strides of a, of b and of y for the kernel;
    the reductions that bring dy back to a and to b)."""
    shape = broadcast_shape(a, b, op)
    sizes, *strides = collapse(shape, repeated_strides(a, shape), repeated_strides(b, shape), strides_of(shape))
    return (shape, len(sizes), sizes, *strides, reduction_to(shape, a), reduction_to(shape, b))


@CACHED
def choice(condition, a, b, op):
    """How where runs: (shape of y; rank, sizes, strides of condition, of a and of b for the kernel)."""
    shape = broadcast_shape(condition, broadcast_shape(a, b, op), op)
    sizes, *strides, _ = collapse(shape, *(repeated_strides(s, shape) for s in (condition, a, b)), strides_of(shape))
    return (shape, len(sizes), sizes, *strides)


@CACHED
def spread(small, shape):
    """How gather_strided repeats a dense array of shape `small` to fill `shape`: (rank, sizes, strides)."""
    sizes, strides = collapse(shape, repeated_strides(small, shape))
    return len(sizes), sizes, strides


@CACHED
def permutation(shape, axes):
    """How gather_strided transposes: (shape of y, rank, sizes, strides)."""
    strides = strides_of(shape)
    result = tuple(shape[i] for i in axes)
    sizes, walked = collapse(result, tuple(strides[i] for i in axes))
    return result, len(sizes), sizes, walked
