"""Choices and loops with keras.ops's names: Python's own, on tensors, so the tape sees the ops that were run."""

import builtins
import functools

from .. import tree
from ._backend import as_float, record, view
from .creation import convert_to_tensor, stop_gradient, zeros_like
from .indexing import take
from .layout import concatenate, flip, squeeze, stack


def cond(pred, true_fn, false_fn):
    """true_fn() where pred, a number or a tensor of one value, is true, else false_fn(); the other one is not run.

    >>> cygrad.ops.cond(1 > 2, lambda: "more", lambda: "less")
    'less'
    """
    return true_fn() if pred else false_fn()


def switch(index, branches, *operands):
    """branches[index](*operands); an index outside is that of the nearest branch.

    >>> cygrad.ops.switch(1, [lambda x: x + 1, lambda x: x * 10], 3)
    30
    """
    return branches[builtins.min(builtins.max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """loop_vars = body(*loop_vars) as long as cond(*loop_vars), at most maximum_iterations times.

    loop_vars: a tuple or list of tensors, and the result a tuple of them; or one tensor.

    >>> i, total = cygrad.ops.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), (0, 0))
    >>> int(total)
    6
    """
    several = isinstance(loop_vars, (tuple, list))
    values = tree.map_structure(convert_to_tensor, tuple(loop_vars) if several else (loop_vars,))
    done = 0
    while (maximum_iterations is None or done < maximum_iterations) and cond(*values):
        values = body(*values)
        values = tuple(values) if isinstance(values, (tuple, list)) else (values,)
        done += 1
    return values if several else values[0]


def fori_loop(lower, upper, body_fun, init_val):
    """value = body_fun(i, value) for i in lower .. upper-1, beginning with init_val.

    >>> cygrad.ops.fori_loop(0, 5, lambda i, total: total + i, 0)
    10
    """
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def _row(x, i):
    return squeeze(take(x, [i], axis=0), 0)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """carry, y = f(carry, x) for each x along the first axis of xs: the last carry, and all y, stacked.

    init: the first carry; xs: a tensor, a nest of tensors with equal first axes, or None, where length says how often.
    reverse: from the last to the first. unroll has no effect. ValueError where xs and length are both None.

    >>> total, sums = cygrad.ops.scan(lambda s, x: (s + x, s + x), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> float(total), sums.numpy().tolist()
    (6.0, [1.0, 3.0, 6.0])
    """
    if xs is None and length is None:
        raise ValueError("scan: expected xs, or length where there are none; got None for both")
    xs = None if xs is None else tree.map_structure(convert_to_tensor, xs)
    n = int(length) if length is not None else tree.flatten(xs)[0].shape[0]
    carry, results = tree.map_structure(convert_to_tensor, init), []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, None if xs is None else tree.map_structure(lambda x, i=i: _row(x, i), xs))
        results.append(tree.map_structure(zeros_like, init) if y is None else y)
    if not results:
        return carry, None
    results = results[::-1] if reverse else results
    return carry, tree.map_structure(lambda *rows: stack(rows), *results)


def map(f, xs):
    """f(x) of each x along the first axis of xs, a tensor or a nest of them, stacked.

    >>> cygrad.ops.map(lambda x: x * x, np.array([1.0, 2.0])).numpy().tolist()
    [1.0, 4.0]
    """
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def vectorized_map(function, elements):
    """function(x) of each x along the first axis of elements, stacked; of a list of tensors, the lists of their rows.

    One after the other: write the function for the whole axis where speed counts.

    >>> cygrad.ops.vectorized_map(lambda x: x + 1, np.array([1.0, 2.0])).numpy().tolist()
    [2.0, 3.0]
    """
    return map(function, elements)


def associative_scan(f, elems, reverse=False, axis=0):
    """The results of f over the first 1, 2, ... n elements along axis, for a function of two with f(a, f(b, c)) =
    f(f(a, b), c), elementwise along axis; in log2(n) calls of it.

    elems: a tensor, or a nest of tensors of one length along axis. reverse: over the last 1, 2, ... n.

    >>> cygrad.ops.associative_scan(lambda a, b: a + b, np.arange(1.0, 5.0)).numpy().tolist()
    [1.0, 3.0, 6.0, 10.0]
    """
    elems = tree.map_structure(convert_to_tensor, elems)
    lengths = {x.shape[axis] for x in tree.flatten(elems)}
    if len(lengths) != 1:
        raise ValueError(f"associative_scan: expected one length along axis {axis}; got {sorted(lengths)}")
    if reverse:
        elems = tree.map_structure(lambda x: flip(x, axis), elems)

    def part(x, begin, end):
        return take(x, list(range(begin, end)), axis=axis)

    n, reach = lengths.pop(), 1
    while reach < n:  # element i covers the reach elements up to i; joined with i - reach, twice as many
        late = tree.map_structure(lambda x, r=reach: part(x, r, n), elems)
        early = tree.map_structure(lambda x, r=reach: part(x, 0, n - r), elems)
        joined = f(early, late)
        elems = tree.map_structure(
            lambda x, y, r=reach: concatenate([part(x, 0, r), convert_to_tensor(y)], axis=axis), elems, joined
        )
        reach *= 2
    return tree.map_structure(lambda x: flip(x, axis), elems) if reverse else elems


def custom_gradient(f):
    """f with a gradient of its own: a function that gives (y, grad) instead, of which a call gives y.

    grad(dy) gives the gradient of each of f's arguments, as a tuple for several; None where there is none. What f
    computes is not differentiated. The arguments of a call are tensors, y is one.

    >>> @cygrad.ops.custom_gradient
    ... def reverse(x):
    ...     return x * 1.0, lambda dy: -dy
    >>> x = cygrad.Variable([1.0])
    >>> with cygrad.GradientTape() as tape:
    ...     y = reverse(x)
    >>> tape.gradient(y, x).numpy().tolist()
    [-1.0]
    """

    @functools.wraps(f)
    def function(*args, **kwargs):
        inputs = tuple(convert_to_tensor(x) for x in args)
        y, grad = f(*(stop_gradient(x) for x in inputs), **kwargs)

        def backward(dy):
            found = grad(dy)
            found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
            if len(found) != len(inputs):
                raise ValueError(f"custom_gradient: expected {len(inputs)} gradients; got {len(found)}")
            given = tuple(None if g is None else as_float(g, "custom_gradient") for g in found)
            return given if len(given) > 1 else given[0]

        y = convert_to_tensor(y)
        return record(view(y, y.shape), inputs, backward)

    return function
