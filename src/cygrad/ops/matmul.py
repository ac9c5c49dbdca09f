"""Matrix products with keras.ops's names, and dense, a layer's product with its bias and activation. Kernel:
csrc/kernels/matmul.c."""

from functools import lru_cache
from math import prod

from . import activation as _activation
from ._backend import K, as_float, empty, gradient_from, gradient_like, record, recording, shell, tracked
from ._shapes import broadcast_shape, collapse, reduction_to, repeated_strides, strides_of
from .elementwise import multiply, unbroadcast
from .layout import reshape, transpose
from .softmax import log_softmax, softmax

# ---- activations that a kernel applies to its result ----

# name: (number in enum cg_activation, a function of y that gives backward, None where that needs x, the op)
FUSED = {
    None: (0, None, None),
    "linear": (0, None, None),
    "relu": (1, _activation.relu_gradient, _activation.relu),
    "leaky_relu": (2, None, _activation.leaky_relu),
    "elu": (3, lambda y: gradient_from("elu_backward", y, 1.0), _activation.elu),
    "selu": (4, lambda y: gradient_from("selu_backward", y), _activation.selu),
    # fused only when predicting: in training a cross-entropy wants the logits
    "sigmoid": (5, None, _activation.sigmoid),
    "tanh": (6, lambda y: gradient_from("tanh_backward", y), _activation.tanh),
    "softplus": (7, lambda y: gradient_from("softplus_backward", y), _activation.softplus),
    "softsign": (8, None, _activation.softsign),
    "gelu": (9, None, lambda x: _activation.gelu(x, approximate=False)),
    "silu": (10, None, _activation.silu),
    "swish": (10, None, _activation.silu),
    "exponential": (11, lambda y: gradient_from("exp_backward", y), _activation.exp),
    "exp": (11, lambda y: gradient_from("exp_backward", y), _activation.exp),
    "hard_sigmoid": (12, lambda y: gradient_from("hard_sigmoid_backward", y), _activation.hard_sigmoid),
}
_AFTER = {"softmax": softmax, "log_softmax": log_softmax, "relu6": _activation.relu6}


def fusion(activation, op):
    """How to apply an activation: (number for the kernel, y to backward or None, an op to apply after or None)."""
    try:
        number, from_y, function = FUSED[activation]
    except (KeyError, TypeError):
        function = activation if callable(activation) else _AFTER.get(activation)
        if function is None:
            known = ", ".join(sorted([name for name in FUSED if name] + list(_AFTER)))
            raise ValueError(
                f"{op}: activation {activation!r} is not known; expected a function or one of {known}"
            ) from None
        return 0, None, function
    if number == 0 or from_y is not None or not recording():
        return number, from_y, None
    return 0, None, function


# ---- dense ----


@lru_cache(maxsize=4096)
def _dense_plan(x, kernel, bias):
    """(shape of y, M, N, K) for shapes of x, kernel and bias, once they have been checked."""
    if len(kernel) != 2:
        raise ValueError(f"dense: expected kernel[K,N]; got shape {kernel}")
    if not x or x[-1] != kernel[0]:
        raise ValueError(
            f"dense: expected x[...,{kernel[0]}] for a kernel of shape {kernel}; got shape {x}. "
            "Is the last axis of x the one that holds the features?"
        )
    if bias is not None and bias != kernel[1:]:
        raise ValueError(f"dense: expected bias[{kernel[1]}] for a kernel of shape {kernel}; got shape {bias}")
    return x[:-1] + kernel[1:], prod(x[:-1]), kernel[1], kernel[0]


def dense(x, kernel, bias=None, activation=None):
    """y = activation(x @ kernel + bias), one kernel call: what a Dense layer computes. Not in keras.ops.

    Shapes: x[...,K], kernel[K,N], bias[N] or None, y[...,N]. activation: None, a name of keras.activations, or a
    function. While a tape records, those whose derivative follows from y (relu, elu, selu, tanh, softplus, exponential,
    hard_sigmoid) are fused; otherwise leaky_relu (slope 0.2), sigmoid, softsign, gelu (exact) and silu too; the rest
    are applied after. Saved for backward: x, kernel, y. Raises ValueError where the shapes do not fit.

    >>> cygrad.ops.dense([[1.0, 2.0]], [[1.0, -1.0], [1.0, -1.0]], [0.5, 0.5], "relu").numpy().tolist()
    [[3.5, 0.0]]
    """
    x = as_float(x, "dense")
    kernel = as_float(kernel, "dense", "kernel")
    if bias is None:
        inputs = (x, kernel)
        shape, M, N, K_ = _dense_plan(x.shape, kernel.shape, None)
    else:
        bias = as_float(bias, "dense", "bias")
        inputs = (x, kernel, bias)
        shape, M, N, K_ = _dense_plan(x.shape, kernel.shape, bias.shape)
    number, from_y, after = fusion(activation, "dense")
    y = empty(shape)
    K.matmul(y, x, kernel, bias, M, N, K_, 0, 0, number)
    through_activation = None if from_y is None else from_y(y)
    x = x if tracked(kernel) else shell(x)

    def backward(dy):
        dz = dy if through_activation is None else through_activation(dy)
        dx = dkernel = None
        if tracked(kernel):
            dkernel = gradient_like(kernel)
            K.matmul(dkernel, x, dz, None, K_, N, M, 1, 0, 0)
        if tracked(x):
            dx = gradient_like(x)
            K.matmul(dx, dz, kernel, None, M, K_, N, 0, 1, 0)
        if bias is None:
            return dx, dkernel
        if not tracked(bias):
            return dx, dkernel, None
        dbias = gradient_like(bias)
        K.reduce_sum(dbias, dz, 1, M, N, 1.0)
        return dx, dkernel, dbias

    y = record(y, inputs, backward)
    return y if after is None else after(y)


# ---- matmul of any ranks ----


@lru_cache(maxsize=4096)
def _batch_plan(a, b):
    """(batch shape; its sizes with axes joined, and along those the strides of a, b and y in matrices; M, N, K)."""
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        inner = b[-2] if len(b) > 1 else b[-1]
        raise ValueError(
            f"matmul: inner sizes differ: x1 of shape {a} has {a[-1]} columns, x2 of shape {b} has {inner} rows. "
            "Does one of them have to be transposed?"
        )
    batch = broadcast_shape(a[:-2], b[:-2], "matmul (batch axes)")
    repeated = repeated_strides(a[:-2], batch), repeated_strides(b[:-2], batch)
    sizes, *strides = collapse(batch, *repeated, strides_of(batch))
    return batch, sizes, *strides, a[-2], b[-1], a[-1]


def _batched(y, a, b, sizes, strides_a, strides_b, M, N, K_, transpose_a, transpose_b):
    """y[i] = op(a[i]) op(b[i]) for every index i of the batch."""
    steps_a, steps_b = [M * K_ * n for n in strides_a], [K_ * N * n for n in strides_b]
    K.batched_matmul(y, a, b, len(sizes), sizes, steps_a, steps_b, M, N, K_, transpose_a, transpose_b)


def matmul(x1, x2):
    """Matrix product, by numpy.matmul's rules for ranks.

    Shapes: x1[...,M,K] x2[...,K,N] gives y[...,M,N], the leading axes broadcast; an x1 or x2 of rank 1 is a row or a
    column whose axis is dropped again. Saved for backward: both. dx1 = dy x2^T, dx2 = x1^T dy. Raises ValueError
    where the inner sizes differ, the leading axes do not broadcast, or an operand is a scalar (use multiply).

    >>> cygrad.ops.matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy().tolist()
    [[11.0]]
    """
    a, b = as_float(x1, "matmul", "x1"), as_float(x2, "matmul", "x2")
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a == 0 or rank_b == 0:
        raise ValueError(
            f"matmul: expected at least one axis; got shapes {a.shape} and {b.shape}. Use multiply for scalars"
        )
    if rank_a == 1 or rank_b == 1:
        lead = reshape(a, (1, -1)) if rank_a == 1 else a
        tail = reshape(b, (-1, 1)) if rank_b == 1 else b
        y = matmul(lead, tail)
        shape = y.shape if rank_a > 1 else y.shape[:-2] + y.shape[-1:]
        return reshape(y, shape if rank_b > 1 else shape[:-1])
    if rank_b == 2 and a.shape[-1] == b.shape[0]:
        return dense(a, b)
    batch, sizes, strides_a, strides_b, own, M, N, K_ = _batch_plan(a.shape, b.shape)
    y = empty((*batch, M, N))
    _batched(y, a, b, sizes, strides_a, strides_b, M, N, K_, 0, 0)

    def backward(dy):
        da = db = None
        if tracked(a):
            steps = reduction_to((*batch, M, K_), a.shape)
            da = empty((*batch, M, K_)) if steps else gradient_like(a)
            _batched(da, dy, b, sizes, own, strides_b, M, K_, N, 0, 1)
            da = unbroadcast(da, a, steps)
        if tracked(b):
            steps = reduction_to((*batch, K_, N), b.shape)
            db = empty((*batch, K_, N)) if steps else gradient_like(b)
            _batched(db, a, dy, sizes, strides_a, own, K_, N, M, 1, 0)
            db = unbroadcast(db, b, steps)
        return da, db

    return record(y, (a, b), backward)


def tensordot(x1, x2, axes=2):
    """Sum of products over pairs of axes, as numpy.tensordot.

    axes: how many of the last of x1 and the first of x2, or a pair (axes of x1, axes of x2). y has the remaining axes
    of x1, then those of x2. Raises ValueError where the sizes of a pair differ.

    >>> cygrad.ops.tensordot([[1.0, 2.0]], [3.0, 4.0], axes=1).numpy().tolist()
    [11.0]
    """
    a, b = as_float(x1, "tensordot", "x1"), as_float(x2, "tensordot", "x2")
    rank_a, rank_b = len(a.shape), len(b.shape)
    if isinstance(axes, int):
        axes_a, axes_b = list(range(rank_a - axes, rank_a)), list(range(axes))
    else:
        axes_a, axes_b = ([n] if isinstance(n, int) else list(n) for n in axes)
    if max(len(axes_a), len(axes_b)) > min(rank_a, rank_b):
        raise ValueError(f"tensordot: axes {axes} name more axes than shapes {a.shape} and {b.shape} have")
    axes_a, axes_b = [n % rank_a for n in axes_a], [n % rank_b for n in axes_b]
    if [a.shape[n] for n in axes_a] != [b.shape[n] for n in axes_b]:
        raise ValueError(f"tensordot: the axes {axes} of shapes {a.shape} and {b.shape} pair different sizes")
    free_a = [n for n in range(rank_a) if n not in axes_a]
    free_b = [n for n in range(rank_b) if n not in axes_b]
    inner = prod(a.shape[n] for n in axes_a)
    shape_a, shape_b = tuple(a.shape[n] for n in free_a), tuple(b.shape[n] for n in free_b)
    lead = reshape(transpose(a, free_a + axes_a), (prod(shape_a), inner))
    tail = reshape(transpose(b, axes_b + free_b), (inner, prod(shape_b)))
    return reshape(dense(lead, tail), shape_a + shape_b)


def dot(x1, x2):
    """Dot product, by numpy.dot's rules: scalars multiply; otherwise the last axis of x1 meets the last but one of x2.

    Shapes: [K] with [K] gives (), [M,K] with [K,N] gives [M,N], [...,K] with [K] gives [...].

    >>> cygrad.ops.dot([1.0, 2.0], [3.0, 4.0]).item()
    11.0
    """
    a, b = as_float(x1, "dot", "x1"), as_float(x2, "dot", "x2")
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a == 0 or rank_b == 0:
        return multiply(a, b)
    if rank_b <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((rank_a - 1,), (rank_b - 2,)))
