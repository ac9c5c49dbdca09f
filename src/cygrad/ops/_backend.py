"""What every op stands on: the kernels K, the tape's functions, and the checks that give errors a voice.

K has one attribute a kernel of csrc/kernels.def. It is the compiled kernels, or, inside use_reference() (and with
CYGRAD_BACKEND=reference in the environment), the NumPy reference in float64: the same ops, layers and models then run
on the specification itself, which is how gradients are checked by finite differences.
"""

import contextlib
import os
from types import SimpleNamespace

import numpy as np

from .. import _core
from .._tensor import (
    GradientTape,
    Tensor,
    Variable,
    as_float,
    constant_array,
    empty,
    from_array,
    gradient_from,
    gradient_like,
    gradient_over,
    integer_result,
    last_walk,
    operands,
    record,
    recording,
    relu_before,
    relu_output,
    scalar,
    set_kernels,
    shell,
    tracked,
    unary,
    view,
    zeros,
)

__all__ = [
    "GradientTape",
    "K",
    "Tensor",
    "Variable",
    "as_float",
    "axes_of",
    "constant_array",
    "empty",
    "from_array",
    "gradient_from",
    "gradient_like",
    "gradient_over",
    "integer_result",
    "integers",
    "last_walk",
    "operands",
    "record",
    "recording",
    "relu_before",
    "relu_output",
    "scalar",
    "shell",
    "tracked",
    "unary",
    "use_reference",
    "view",
    "zeros",
]  # fmt: skip

K = SimpleNamespace(**{name: getattr(_core, name) for name in _core.KERNELS})
set_kernels(K)


def _on_numpy(function):
    """A reference kernel that takes tensors: it sees NumPy views of their memory, and a copy of an input that is also
    an output. Infinities and NaN come silently, as in C."""

    def call(*arguments):
        seen = {}
        for i, a in enumerate(arguments):
            if isinstance(a, _core.Array):
                seen[i] = np.array(a) if any(arguments[j] is a for j in seen) else np.asarray(a)
        with np.errstate(all="ignore"):
            return function(*[seen.get(i, a) for i, a in enumerate(arguments)])

    return call


def _switch_to_reference(dtype):
    """From here on K is the reference, new float tensors in dtype; returns a function that undoes it."""
    from .. import reference

    compiled = dict(vars(K))
    old = _core.set_default_float(dtype)
    vars(K).update({name: _on_numpy(getattr(reference, name)) for name in _core.KERNELS})

    def undo():
        vars(K).update(compiled)
        _core.set_default_float(old)

    return undo


@contextlib.contextmanager
def use_reference(dtype="float64"):
    """Runs everything inside the with block on cygrad.reference, new float tensors in dtype. For tests: slow, one
    thread at a time."""
    undo = _switch_to_reference(dtype)
    try:
        yield
    finally:
        undo()


if os.environ.get("CYGRAD_BACKEND", "kernels") != "kernels":
    if os.environ["CYGRAD_BACKEND"] != "reference":
        raise ValueError(f"CYGRAD_BACKEND is {os.environ['CYGRAD_BACKEND']!r}; expected 'kernels' or 'reference'")
    _switch_to_reference("float64")


def integers(x, op, argument, dtype="int32"):
    """x as an integer tensor (labels, indices). Floats are refused unless every value is whole."""
    if isinstance(x, Tensor) and x.dtype == dtype:
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "biu" and not (array.dtype.kind == "f" and np.array_equal(array, np.floor(array))):
        raise TypeError(
            f"{op}: expected integers for {argument}; got {array.dtype} with values that are not whole numbers"
        )
    return constant_array(array, dtype) if isinstance(x, (int, list, tuple, range)) else from_array(array, dtype)


def axes_of(axis, rank, op):
    """An axis argument (None, int or several) as a sorted tuple of axes in 0 .. rank-1."""
    if axis is None:
        return tuple(range(rank))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"{op}: axis {a} does not exist in a tensor of rank {rank}")
    result = tuple(sorted({a % rank for a in axes}))
    if len(result) != len(axes):
        raise ValueError(f"{op}: an axis appears twice in {axis}")
    return result
