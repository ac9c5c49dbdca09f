"""The ops: gradients by finite differences, kernels against the reference, values against NumPy, errors by text."""

import re
import zlib

import numpy as np
import pytest
from cygrad._tensor import GradientTape, Tensor, Variable
from hypothesis import given, settings
from hypothesis import strategies as st

from cygrad import ops
from cygrad.ops._backend import use_reference

# ---- inputs: float32 values, so that both backends see the same numbers ----


def normal(*shape):
    """Values on both sides of 0, none so close to it that a step of a finite difference crosses a kink there."""
    return lambda rng: np.where(rng.random(shape) < 0.5, -1, 1) * (0.1 + np.abs(rng.normal(size=shape)))


def positive(*shape):
    return lambda rng: 0.2 + rng.random(shape)


def distinct(*shape):
    """No two values close to each other: for maxima."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1 - 0.7


def rows(*shape):
    """Rows of probabilities."""
    return lambda rng: (lambda x: x / x.sum(-1, keepdims=True))(0.2 + rng.random(shape))


LABELS = np.array([1, 0, 3, 3, 2])
MASK = np.array([[True, False, True, False], [False, False, True, True], [True, True, False, False]])

# name: (function of tensors, one input generator for each)
STEPS = np.array([[True, False, True], [True, True, False]])  # of recurrent layers: those that count
CASES = {
    # activation
    "relu": (ops.relu, normal(3, 5)),
    "relu6": (lambda x: ops.relu6(x * 4.0), normal(3, 5)),
    "leaky_relu": (ops.leaky_relu, normal(3, 5)),
    "leaky_relu slope": (lambda x: ops.leaky_relu(x, negative_slope=0.7), normal(3, 5)),
    "elu": (ops.elu, normal(3, 5)),
    "elu alpha": (lambda x: ops.elu(x, alpha=0.6), normal(3, 5)),
    "selu": (ops.selu, normal(3, 5)),
    "sigmoid": (ops.sigmoid, normal(3, 5)),
    "tanh": (ops.tanh, normal(3, 5)),
    "softplus": (ops.softplus, normal(3, 5)),
    "softsign": (ops.softsign, normal(3, 5)),
    "gelu": (ops.gelu, normal(3, 5)),
    "gelu exact": (lambda x: ops.gelu(x, approximate=False), normal(3, 5)),
    "silu": (ops.silu, normal(3, 5)),
    "exp": (ops.exp, normal(3, 5)),
    "hard_sigmoid": (lambda x: ops.hard_sigmoid(x * 2.0), normal(3, 5)),
    # elementwise
    "log": (ops.log, positive(3, 5)),
    "sqrt": (ops.sqrt, positive(3, 5)),
    "square": (ops.square, normal(3, 5)),
    "absolute": (ops.absolute, normal(3, 5)),
    "negative": (ops.negative, normal(3, 5)),
    "clip": (lambda x: ops.clip(x, -0.8, 0.7), normal(3, 5)),
    "clip one side": (lambda x: ops.clip(x, None, 0.7), normal(3, 5)),
    "clip arrays": (lambda x: ops.clip(x, np.full(5, -0.7), 0.8), normal(3, 5)),
    "reciprocal": (ops.reciprocal, normal(3, 5)),
    "rsqrt": (ops.rsqrt, positive(3, 5)),
    "add": (ops.add, normal(3, 5), normal(3, 5)),
    "add row": (ops.add, normal(3, 5), normal(5)),
    "add column and row": (ops.add, normal(3, 1), normal(1, 5)),
    "add scalar tensor": (ops.add, normal(3, 5), normal()),
    "subtract": (ops.subtract, normal(3, 5), normal(3, 5)),
    "subtract broadcast": (ops.subtract, normal(2, 3, 5), normal(3, 1)),
    "multiply": (ops.multiply, normal(3, 5), normal(3, 5)),
    "multiply broadcast": (ops.multiply, normal(4, 1, 5), normal(3, 1)),
    "multiply number": (lambda x: 3 * x - x * 0.5, normal(3, 5)),
    "divide": (ops.divide, normal(3, 5), normal(3, 5)),
    "divide broadcast": (ops.divide, normal(5), normal(2, 3, 5)),
    "power": (ops.power, positive(3, 5), normal(3, 5)),
    "power broadcast": (ops.power, positive(3, 1), normal(5)),
    "power 2": (lambda x: x**2, normal(3, 5)),
    "power 3": (lambda x: x**3, normal(3, 5)),
    "power half": (lambda x: x**0.5, positive(3, 5)),
    "power of 2": (lambda x: 2.0**x, normal(3, 5)),
    "maximum": (ops.maximum, distinct(3, 5), normal(3, 5)),
    "maximum broadcast": (ops.maximum, normal(3, 5), normal(3, 1)),
    "minimum": (ops.minimum, normal(3, 5), normal(3, 5)),
    "minimum number": (lambda x: ops.minimum(x, 0.05), normal(3, 5)),
    # reduce
    "sum": (ops.sum, normal(3, 5)),
    "sum axis": (lambda x: ops.sum(x, axis=1), normal(3, 5, 2)),
    "sum axes": (lambda x: ops.sum(x, axis=(0, 2)), normal(3, 5, 2)),
    "sum list keepdims": (lambda x: ops.sum(x, axis=[0, -1], keepdims=True), normal(3, 5, 2)),
    "mean": (ops.mean, normal(3, 5)),
    "mean axis": (lambda x: ops.mean(x, axis=0), normal(3, 5, 2)),
    "mean axes": (lambda x: ops.mean(x, axis=(1, 2), keepdims=True), normal(2, 3, 5, 2)),
    "max": (ops.max, distinct(3, 5)),
    "max axis": (lambda x: ops.max(x, axis=1), distinct(3, 5, 2)),
    "max axes": (lambda x: ops.max(x, axis=(0, 2), keepdims=True), distinct(3, 5, 2)),
    "max initial": (lambda x: ops.max(x, axis=1, initial=0.35), distinct(3, 5)),
    "min": (lambda x: ops.min(x, axis=0), distinct(3, 5)),
    "min initial": (lambda x: ops.min(x, axis=0, initial=-0.35), distinct(3, 5)),
    "var": (lambda x: ops.var(x, axis=0), normal(4, 5)),
    "std": (ops.std, normal(4, 5)),
    "prod": (lambda x: ops.prod(x, axis=(0, 2)), normal(2, 3, 2)),
    "prod with a zero": (lambda x: ops.prod(ops.concatenate([x, np.zeros(1)])), normal(4)),
    "logsumexp": (lambda x: ops.logsumexp(x * 30.0, axis=1), normal(3, 5)),
    "norm": (lambda x: ops.norm(x, axis=-1), normal(3, 5)),
    "norm of all": (ops.norm, normal(3, 5)),
    "norm 1": (lambda x: ops.norm(x, ord=1, axis=0), normal(3, 5)),
    "norm inf": (lambda x: ops.norm(x, ord=np.inf, axis=0), distinct(3, 5)),
    "normalize": (ops.normalize, normal(3, 5)),
    # matmul
    "matmul": (ops.matmul, normal(3, 5), normal(5, 4)),
    "matmul vectors": (ops.matmul, normal(5), normal(5)),
    "matmul row": (ops.matmul, normal(5), normal(5, 4)),
    "matmul column": (ops.matmul, normal(2, 3, 5), normal(5)),
    "matmul folded": (ops.matmul, normal(2, 3, 5), normal(5, 4)),
    "matmul batch": (ops.matmul, normal(2, 3, 5), normal(2, 5, 4)),
    "matmul broadcast": (ops.matmul, normal(2, 1, 3, 5), normal(3, 5, 2)),
    "matmul batch of b": (ops.matmul, normal(3, 5), normal(2, 5, 2)),
    "matmul batch of rows": (ops.matmul, normal(5), normal(2, 5, 2)),
    "dot": (ops.dot, normal(3, 5), normal(5)),
    "dot of ranks 2 and 3": (ops.dot, normal(3, 5), normal(2, 5, 4)),
    "tensordot": (lambda a, b: ops.tensordot(a, b, axes=((0, 2), (1, 0))), normal(3, 2, 4), normal(4, 3, 5)),
    "dense": (ops.dense, normal(4, 3), normal(3, 5), normal(5)),
    "dense ranks": (ops.dense, normal(2, 4, 3), normal(3, 5), normal(5)),
    "dense without bias": (lambda x, w: ops.dense(x, w, activation="tanh"), normal(4, 3), normal(3, 5)),
    "dense function": (lambda x, w: ops.dense(x, w, activation=ops.square), normal(4, 3), normal(3, 5)),
    # conv2d
    "conv": (ops.conv, normal(2, 5, 6, 3), normal(3, 2, 3, 4)),
    "conv same strides": (
        lambda x, k: ops.conv(x, k, strides=(2, 3), padding="same"),
        normal(2, 5, 7, 3),
        normal(3, 4, 3, 2),
    ),
    "conv dilation": (
        lambda x, k: ops.conv(x, k, dilation_rate=2, padding="same"),
        normal(1, 6, 5, 2),
        normal(3, 3, 2, 2),
    ),
    "conv padding": (
        lambda x, k: ops.conv(x, k, 2, [(1, 0), [2, 3]]),
        normal(2, 4, 5, 3),
        normal(3, 2, 3, 4),
    ),
    "conv 1d padding": (lambda x, k: ops.conv(x, k, padding=((4, 0),)), normal(2, 7, 3), normal(5, 3, 2)),
    "conv groups": (lambda x, k: ops.conv(x, k, 2), normal(2, 5, 5, 6), normal(2, 2, 2, 9)),
    "conv depthwise": (lambda x, k: ops.conv(x, k, padding="same"), normal(2, 4, 4, 3), normal(3, 3, 1, 6)),
    "conv bias": (
        lambda x, k, b: ops.conv(x, k, bias=b, activation="softplus"),
        normal(2, 4, 4, 3),
        normal(3, 3, 3, 4),
        normal(4),
    ),
    "conv after": (
        lambda x, k, b: ops.conv(x, k, bias=b, activation="silu"),
        normal(2, 4, 4, 3),
        normal(3, 3, 3, 4),
        normal(4),
    ),
    "conv 1d": (lambda x, k: ops.conv(x, k, strides=2, padding="same"), normal(2, 7, 3), normal(3, 3, 4)),
    "conv strides as a list": (
        lambda x, k: ops.conv(x, k, [2, 1], dilation_rate=[1, 2]),
        normal(1, 5, 5, 2),
        normal(2, 2, 2, 2),
    ),
    "depthwise_conv": (lambda x, k: ops.depthwise_conv(x, k, 2, "same"), normal(2, 5, 5, 3), normal(3, 3, 3, 2)),
    "depthwise_conv 1d": (ops.depthwise_conv, normal(2, 5, 3), normal(3, 3, 2)),
    "separable_conv": (ops.separable_conv, normal(2, 5, 5, 3), normal(3, 3, 3, 2), normal(1, 1, 6, 4)),
    "conv_transpose": (lambda x, k: ops.conv_transpose(x, k, 2), normal(2, 3, 4, 3), normal(3, 3, 2, 3)),
    "conv_transpose same": (
        lambda x, k, b: ops.conv_transpose(x, k, (2, 3), "same", dilation_rate=2, bias=b),
        normal(1, 3, 4, 3),
        normal(3, 2, 2, 3),
        normal(2),
    ),
    "conv_transpose output_padding": (
        lambda x, k: ops.conv_transpose(x, k, 3, "same", output_padding=1),
        normal(1, 3, 4, 2),
        normal(4, 3, 2, 2),
    ),
    "conv_transpose 1d": (lambda x, k: ops.conv_transpose(x, k, 3), normal(2, 4, 3), normal(2, 2, 3)),
    # pool2d
    "max_pool": (lambda x: ops.max_pool(x, 2), distinct(2, 5, 4, 3)),
    "max_pool same": (lambda x: ops.max_pool(x, (3, 2), strides=(2, 1), padding="same"), distinct(2, 5, 4, 3)),
    "max_pool 1d": (lambda x: ops.max_pool(x, 3, 2), distinct(2, 7, 3)),
    "max_pool of a large window": (lambda x: ops.max_pool(x, 17, padding="same"), distinct(1, 20, 18, 2)),
    "average_pool": (lambda x: ops.average_pool(x, 2), normal(2, 5, 4, 3)),
    "average_pool same": (lambda x: ops.average_pool(x, 3, strides=2, padding="same"), normal(2, 5, 4, 3)),
    "average_pool 1d": (lambda x: ops.average_pool(x, 2, padding="same"), normal(2, 5, 3)),
    # normalization
    "batch_normalization": (
        lambda x, m, v, o, s: ops.batch_normalization(x, m, ops.exp(v), -1, o, s),
        normal(5, 2, 3),
        normal(3),
        normal(3),
        normal(3),
        normal(3),
    ),
    "batch_normalization axis": (
        lambda x, m, v: ops.batch_normalization(x, m, ops.exp(v), 1),
        normal(2, 3, 4),
        normal(3),
        normal(3),
    ),
    "batch_normalization_training": (
        lambda x, o, s: ops.batch_normalization_training(x, Variable(np.zeros(3)), Variable(np.ones(3)), 1, o, s),
        normal(4, 3, 2),
        normal(3),
        normal(3),
    ),
    "layer_normalization": (lambda x, g, b: ops.layer_normalization(x, g, b), normal(3, 5), normal(5), normal(5)),
    "layer_normalization axis": (
        lambda x, g: ops.layer_normalization(x, g, axis=(0, 2)),
        normal(3, 4, 2),
        normal(3, 2),
    ),
    "rms_normalization": (lambda x, s: ops.rms_normalization(x, s, axis=(1, 2)), normal(2, 4, 3), normal(4, 3)),
    # softmax
    "softmax": (ops.softmax, normal(3, 5)),
    "softmax axis": (lambda x: ops.softmax(x, axis=1), normal(2, 3, 4)),
    "softmax axes": (lambda x: ops.softmax(x, axis=(0, 2)), normal(2, 3, 4)),
    "log_softmax": (ops.log_softmax, normal(3, 5)),
    "log_softmax axis": (lambda x: ops.log_softmax(x, axis=0), normal(3, 5)),
    "sparsemax": (ops.sparsemax, normal(4, 5)),
    "sparsemax axis": (lambda x: ops.sparsemax(3.0 * x, axis=1), normal(2, 3, 4)),
    # loss
    "binary_crossentropy": (lambda t, p: ops.binary_crossentropy(t, p), positive(3, 5), rows(3, 5)),
    "binary_crossentropy logits": (lambda t, x: ops.binary_crossentropy(t, x, True), positive(3, 5), normal(3, 5)),
    "binary_crossentropy of sigmoid": (lambda t, x: ops.binary_crossentropy(t, ops.sigmoid(x)), positive(4), normal(4)),
    "categorical_crossentropy": (lambda p: ops.categorical_crossentropy(np.eye(4)[LABELS], p), positive(5, 4)),
    "categorical_crossentropy of both": (ops.categorical_crossentropy, rows(5, 4), positive(5, 4)),
    "categorical_crossentropy axis": (
        lambda t, p: ops.categorical_crossentropy(t, p, axis=1),
        rows(2, 4, 3),
        positive(2, 4, 3),
    ),
    "categorical_crossentropy logits": (
        lambda x: ops.categorical_crossentropy(0.3 + np.eye(4)[LABELS], x, from_logits=True),
        normal(5, 4),
    ),
    "categorical_crossentropy of softmax": (
        lambda x: ops.categorical_crossentropy(np.eye(4)[LABELS], ops.softmax(x)),
        normal(5, 4),
    ),
    "categorical_crossentropy targets": (
        lambda t, x: ops.categorical_crossentropy(t, x, True),
        rows(5, 4),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy": (lambda p: ops.sparse_categorical_crossentropy(LABELS, p), positive(5, 4)),
    "sparse_categorical_crossentropy logits": (
        lambda x: ops.sparse_categorical_crossentropy(LABELS[:, None], x, from_logits=True),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy of softmax": (
        lambda x: ops.sparse_categorical_crossentropy(LABELS, ops.softmax(x)),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy axis": (
        lambda x: ops.sparse_categorical_crossentropy(np.array([[0, 2, 1]]), x, from_logits=True, axis=1),
        normal(1, 4, 3),
    ),
    # functions
    "log1p": (ops.log1p, positive(3, 4)),
    "expm1": (ops.expm1, normal(3, 4)),
    "log2": (ops.log2, positive(3, 4)),
    "log10": (ops.log10, positive(3, 4)),
    "sin": (ops.sin, normal(3, 4)),
    "cos": (ops.cos, normal(3, 4)),
    "arctan": (ops.arctan, normal(3, 4)),
    "logaddexp": (ops.logaddexp, normal(3, 4), distinct(4)),
    "tan": (ops.tan, normal(3, 4)),
    "arcsin": (lambda x: ops.arcsin(ops.tanh(x)), normal(3, 4)),
    "arccos": (lambda x: ops.arccos(ops.tanh(x)), normal(3, 4)),
    "sinh": (ops.sinh, normal(3, 4)),
    "cosh": (ops.cosh, normal(3, 4)),
    "arcsinh": (ops.arcsinh, normal(3, 4)),
    "arccosh": (lambda x: ops.arccosh(x + 1.0), positive(3, 4)),
    "arctanh": (lambda x: ops.arctanh(ops.tanh(x)), normal(3, 4)),
    "erf": (ops.erf, normal(3, 4)),
    "erfinv": (lambda x: ops.erfinv(x * 0.7), positive(3, 4)),
    "arctan2": (ops.arctan2, normal(3, 4), normal(4)),
    "hypot": (ops.hypot, normal(3, 1), normal(3, 4)),
    "mod": (lambda a, b: ops.mod(a * 3.0, b), normal(3, 4), positive(4)),
    "exp2": (ops.exp2, normal(3, 4)),
    "cbrt": (ops.cbrt, normal(3, 4)),
    "erfc": (ops.erfc, normal(3, 4)),
    "deg2rad": (ops.deg2rad, normal(3, 4)),
    "rad2deg": (ops.rad2deg, normal(3, 4)),
    "sinc": (ops.sinc, normal(3, 4)),
    "heaviside": (lambda x: ops.heaviside(0.0, x), normal(3, 4)),
    "nan_to_num": (ops.nan_to_num, normal(3, 4)),
    "divide_no_nan": (ops.divide_no_nan, normal(3, 4), normal(4)),
    "fabs": (ops.fabs, normal(3, 4)),
    "fmax": (ops.fmax, normal(3, 4), normal(4)),
    "fmin": (ops.fmin, normal(3, 4), normal(4)),
    "log_sigmoid": (ops.log_sigmoid, normal(3, 4)),
    "hard_tanh": (lambda x: ops.hard_tanh(x * 3.0), normal(3, 4)),
    "hard_silu": (lambda x: ops.hard_silu(x * 5.0), normal(3, 4)),
    "hard_shrink": (ops.hard_shrink, normal(3, 4)),
    "soft_shrink": (ops.soft_shrink, normal(3, 4)),
    "threshold": (lambda x: ops.threshold(x, 0.05, 2.0), normal(3, 4)),
    "squareplus": (ops.squareplus, normal(3, 4)),
    "celu": (lambda x: ops.celu(x, 0.7), normal(3, 4)),
    "diagonal": (lambda x: ops.diagonal(x, 1, 0, 2), normal(3, 2, 4)),
    "trace": (lambda x: ops.trace(x, -1), normal(3, 4)),
    "diag": (lambda x: ops.diag(x, -2), normal(4)),
    "diagflat": (ops.diagflat, normal(2, 2)),
    "meshgrid": (lambda a, b: ops.meshgrid(a, b)[0] * ops.meshgrid(a, b)[1], normal(3), normal(4)),
    "rot90": (lambda x: ops.rot90(x, 3), normal(3, 4)),
    "fliplr": (ops.fliplr, normal(3, 4)),
    "flipud": (ops.flipud, normal(3, 4)),
    "append": (lambda a, b: ops.append(a, b, 0), normal(3, 4), normal(2, 4)),
    "dstack": (lambda a, b: ops.dstack([a, b]), normal(3, 4), normal(3, 4)),
    "array_split": (lambda x: ops.array_split(x, 3, 1)[1] * 2.0, normal(3, 5)),
    "diff": (lambda x: ops.diff(x, 2, 0), normal(4, 3)),
    "slice": (lambda x: ops.slice(x, (1, 0), (2, 3)), normal(3, 4)),
    "slice_update": (lambda a, b: ops.slice_update(a, (1, 2), b), normal(3, 4), normal(2, 2)),
    "scatter": (lambda x: ops.scatter([[0], [2], [0]], x, (4, 2)), normal(3, 2)),
    "segment_sum": (lambda x: ops.segment_sum(x, [2, 0, 2], 4), normal(3, 2)),
    "bincount": (lambda x: ops.bincount([1, 0, 1], x, 4), normal(3)),
    "space_to_depth": (lambda x: ops.space_to_depth(x, 2), normal(1, 4, 2, 3)),
    "depth_to_space": (lambda x: ops.depth_to_space(x, 2), normal(2, 1, 2, 8)),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), normal(2, 3, 4)),
    "cumsum flat": (ops.cumsum, normal(3, 4)),
    "take_along_axis": (lambda x: ops.take_along_axis(x, [[[1], [1], [0]]] * 2, axis=2), normal(2, 3, 4)),
    "sort": (lambda x: ops.sort(x, axis=0), distinct(4, 3)),
    "top_k": (lambda x: ops.top_k(x, 2)[0], distinct(4, 3)),
    "roll": (lambda x: ops.roll(x, 2, axis=1), normal(2, 3)),
    "roll flat": (lambda x: ops.roll(x, -2), normal(2, 3)),
    "roll axes": (lambda x: ops.roll(x, (1, 2), axis=(0, 1)), normal(2, 3)),
    "outer": (ops.outer, normal(3), normal(2, 2)),
    "tril": (lambda x: ops.tril(x, 1), normal(2, 3, 4)),
    "triu": (ops.triu, normal(3, 4)),
    "average": (lambda x, w: ops.average(x, axis=1, weights=w), normal(2, 3), positive(3)),
    "moments": (lambda x: (lambda m, v: m * v)(*ops.moments(x, (0, 1))), normal(2, 3, 4)),
    "einsum": (lambda a, b: ops.einsum("bij,kj->bik", a, b), normal(2, 3, 4), normal(5, 4)),
    "einsum of three": (lambda a, b, c: ops.einsum("ij, jk, k -> i", a, b, c), normal(2, 3), normal(3, 4), normal(4)),
    "einsum of outer products": (lambda a, b: ops.einsum("ki,kj->jki", a, b), normal(2, 3), normal(2, 4)),
    "einsum over one operand's letter": (lambda a, b: ops.einsum("bij,k->ki", a, b), normal(2, 3, 4), normal(5)),
    "einsum of equal letters": (lambda a, b: ops.einsum("ij,ij->i", a, b), normal(3, 4), normal(3, 4)),
    "einsum of one": (lambda a: ops.einsum("ijk->k", a), normal(2, 3, 4)),
    "einsum without arrow": (lambda a, b: ops.einsum("ij,jk", a, b), normal(2, 3), normal(3, 4)),
    # layout
    "reshape": (lambda x: ops.reshape(x, (-1, 5)), normal(2, 5, 3)),
    "flatten": (ops.flatten, normal(2, 5, 3)),
    "transpose": (ops.transpose, normal(2, 5, 3)),
    "transpose axes": (lambda x: ops.transpose(x, (1, 2, 0, 3)), normal(2, 5, 3, 2)),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, -1), normal(2, 5, 3)),
    "moveaxis": (lambda x: ops.moveaxis(x, (0, 1), (-1, 0)), normal(2, 5, 3)),
    "expand_dims": (lambda x: ops.expand_dims(x, (0, -1)), normal(2, 5)),
    "squeeze": (lambda x: ops.squeeze(x, 1), normal(2, 1, 5)),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (4, 2, 3, 5)), normal(2, 1, 5)),
    "concatenate": (lambda a, b: ops.concatenate([a, b, a], axis=1), normal(2, 1, 3), normal(2, 4, 3)),
    "stack": (lambda a, b: ops.stack([a, b], axis=-1), normal(2, 3), normal(2, 3)),
    "vstack": (lambda a, b: ops.vstack([a, b]), normal(3), normal(3)),
    "hstack": (lambda a, b: ops.hstack([a, b]), normal(2, 3), normal(2, 1)),
    "split": (lambda x: (lambda a, b, c: a * c + ops.square(b))(*ops.split(x, 3, axis=1)), normal(2, 6, 2)),
    "split, one unused": (lambda x: (lambda a, b, c: a * x[:, :2] + c)(*ops.split(x, 3, axis=1)), normal(2, 6, 2)),
    "split indices": (lambda x: ops.split(x, [1, 4])[1] * 2.0, normal(6, 2)),
    "unstack": (lambda x: (lambda a, b: a * b)(*ops.unstack(x, axis=1)), normal(3, 2, 4)),
    "get_item": (lambda x: x[1], normal(3, 4)),
    "get_item slices": (lambda x: x[::-2, None, ..., 1:3], normal(5, 2, 4)),
    "get_item negative": (lambda x: x[-1, ::-1], normal(3, 4)),
    "get_item block": (lambda x: x[1:3] * x[0:2], normal(3, 4)),
    "get_item array": (lambda x: x[np.array([2, 0, 2])], normal(3, 4)),
    "get_item arrays": (lambda x: x[[2, 0, 2], 1:, np.array([[0], [1]])], normal(3, 4, 2)),
    "get_item mask": (lambda x: x[MASK], normal(3, 4)),
    "dot_product_attention": (
        lambda q, k, v: ops.dot_product_attention(q, k, v, is_causal=True, scale=0.7),
        normal(2, 3, 4, 2),
        normal(2, 5, 2, 2),
        normal(2, 5, 2, 3),
    ),
    "simple_rnn": (
        lambda x, w, u, b, h: ops.concatenate(ops.simple_rnn(x, w, u, b, h, STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 2),
        normal(2, 2),
        normal(2),
        normal(2, 2),
    ),
    "gru": (
        lambda x, w, u, b, h: ops.concatenate(ops.gru(x, w, u, b, h, STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 6),
        normal(2, 6),
        normal(2, 6),
        normal(2, 2),
    ),
    "lstm": (
        lambda x, w, u, b, h, c: ops.concatenate(ops.lstm(x, w, u, b, (h, c), STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 8),
        normal(2, 8),
        normal(8),
        normal(2, 2),
        normal(2, 2),
    ),
    "embed": (lambda x: ops.embed([[2, 0], [1, 2]], x), normal(3, 4)),
    "take": (lambda x: ops.take(x, [[2, 0], [-1, 2]], axis=1), normal(2, 3, 4)),
    "take rows": (lambda x: ops.take(x, [2, 0, 2, 2], axis=0), normal(3, 4)),
    "take flat": (lambda x: ops.take(x, [2, 0, 2, 7]), normal(3, 4)),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), normal(3, 4)),
    "tile": (lambda x: ops.tile(x, (2, 1, 3)), normal(3, 4)),
    "flip": (ops.flip, normal(3, 4)),
    "flip axis": (lambda x: ops.flip(x, axis=1), normal(3, 4, 2)),
    "pad": (lambda x: ops.pad(x, ((0, 0), (1, 2))), normal(3, 4)),
    "pad value": (lambda x: ops.pad(x, 1, constant_values=2.5) ** 2, normal(3, 4)),
    "pad reflect": (lambda x: ops.pad(x, ((2, 1), (0, 3)), mode="reflect"), normal(3, 4)),
    "where": (lambda a, b: ops.where(MASK, a, b), normal(3, 4), normal(4)),
    "cast": (lambda x: ops.cast(x, None) * 2.0, normal(3)),
}


def inputs_of(name):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [np.asarray(make(rng), "float32") for make in CASES[name][1:]], rng


def run(function, arrays, dy=None):
    """(y, its gradients for dy) as float64 arrays; checks that neither the inputs nor dy are written to."""
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors)
    if dy is None:
        return np.array(y, "float64")
    seed = ops.convert_to_tensor(dy)
    gradients = tape.gradient(y, tensors, output_gradients=seed)
    for array, tensor in zip([*arrays, dy], [*tensors, seed]):
        np.testing.assert_array_equal(np.asarray(array, "float32"), np.asarray(tensor, "float32"))
    for gradient, tensor in zip(gradients, tensors):
        assert gradient.shape == tensor.shape
    return np.array(y, "float64"), [np.array(g, "float64") for g in gradients]


@pytest.mark.parametrize("name", CASES)
def test_gradient_by_finite_differences(name):
    arrays, rng = inputs_of(name)
    function = CASES[name][0]
    with use_reference():
        y = run(function, arrays)
        dy = np.asarray(rng.normal(size=y.shape), "float32")
        _, gradients = run(function, arrays, dy)
        for i, gradient in enumerate(gradients):
            direction = rng.normal(size=arrays[i].shape)
            moved = [np.asarray(a, "float64") for a in arrays]
            h = 1e-5
            values = []
            for step in (h, -h):
                moved[i] = arrays[i] + step * direction
                values.append((dy * run(function, moved)).sum())
            np.testing.assert_allclose(
                (gradient * direction).sum(), (values[0] - values[1]) / (2 * h), rtol=2e-6, atol=2e-7
            )


@pytest.mark.parametrize("name", CASES)
def test_kernels_match_the_reference(name):
    arrays, rng = inputs_of(name)
    function = CASES[name][0]
    with use_reference():
        dy = np.asarray(rng.normal(size=run(function, arrays).shape), "float32")
        y, gradients = run(function, arrays, dy)
    found, found_gradients = run(function, arrays, dy)
    for expected, value in zip([y, *gradients], [found, *found_gradients]):
        # sums of up to 100 terms of size 1, each a few roundings from exact; exp and powers stretch the scale
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-5 * max(1, np.abs(expected).max(initial=0) / 10))


@pytest.mark.parametrize("name", CASES)
def test_predicting_gives_the_values_of_training(name):
    arrays, _ = inputs_of(name)
    function = CASES[name][0]
    y = function(*[ops.convert_to_tensor(a) for a in arrays])
    np.testing.assert_allclose(np.asarray(y), run(function, arrays), rtol=1e-5, atol=1e-5)


# ---- fused activations ----

ACTIVATIONS = {
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "selu": ops.selu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "silu": ops.silu,
    "swish": ops.silu,
    "exponential": ops.exp,
    "hard_sigmoid": ops.hard_sigmoid,
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "relu6": ops.relu6,
    "linear": lambda x: x,
}


@pytest.mark.parametrize("shape", [(1, 1000), (300, 7), (3, 70_000)])
def test_extremes_are_the_first_whether_watched_or_not(shape):
    rng = np.random.default_rng(7)
    zeros = rng.choice(np.float32([0.0, -0.0]), shape)
    for op, x in ((ops.max, np.where(rng.random(shape) < 0.3, np.float32(-1), zeros)), (ops.min, zeros)):
        for axis in (0, 1):
            with GradientTape() as tape:
                tape.watch(watched := ops.convert_to_tensor(x))
                y = op(watched, axis=axis)
            first = np.take_along_axis(x, np.expand_dims(getattr(np, "arg" + op.__name__)(x, axis), axis), axis)
            for found in (np.asarray(y), np.asarray(op(x, axis=axis))):
                np.testing.assert_array_equal(np.signbit(found), np.signbit(first.reshape(found.shape)))


def test_conv_pads_as_pad_does():
    rng = np.random.default_rng(5)
    x, kernel = (rng.normal(size=s).astype("float32") for s in ((2, 5, 6, 4), (3, 3, 2, 6)))
    padded = ops.conv(ops.pad(x, ((0, 0), (2, 0), (1, 3), (0, 0))), kernel, 2)
    np.testing.assert_array_equal(ops.conv(x, kernel, 2, ((2, 0), (1, 3))), padded)
    line = ops.conv(ops.pad(x[0], ((0, 0), (1, 2), (0, 0))), kernel[0])
    np.testing.assert_array_equal(ops.conv(x[0], kernel[0], padding=((1, 2),)), line)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_and_conv_apply_the_activation(name):
    rng = np.random.default_rng(3)
    dy = rng.normal(size=(6, 5)).astype("float32")
    arrays = [rng.normal(size=s).astype("float32") for s in ((6, 4), (4, 5), (5,))]
    activation = ACTIVATIONS[name]
    expected = run(lambda x, w, b: activation(ops.matmul(x, w) + b), arrays, dy)

    def by_conv(x, w, b):
        y = ops.conv(ops.reshape(x, (6, 1, 1, 4)), ops.reshape(w, (1, 1, 4, 5)), bias=b, activation=name)
        return ops.reshape(y, (6, 5))

    for function in (lambda x, w, b: ops.dense(x, w, b, name), by_conv):
        y, gradients = run(function, arrays, dy)
        np.testing.assert_allclose(y, expected[0], rtol=1e-5, atol=1e-6)
        for found, wanted in zip(gradients, expected[1]):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
        predicted = function(*map(ops.convert_to_tensor, arrays))  # no tape: fused in one more way
        np.testing.assert_allclose(np.asarray(predicted), y, rtol=1e-5, atol=1e-6)


def test_only_wanted_gradients_are_computed():
    w, frozen = Variable(np.ones((3, 2))), Variable(np.ones((3, 2)), trainable=False)
    with GradientTape(persistent=True) as tape:
        y = ops.dense(np.ones((4, 3)), w)
        z = ops.dense(np.ones((4, 3)), frozen)
    assert tape.gradient(y, w) is not None
    assert tape.gradient(z, frozen) is None


# ---- values against NumPy ----

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def broadcasting_pair(draw):
    shape = draw(shapes)
    return tuple(
        tuple(1 if draw(st.booleans()) else n for n in shape[draw(st.integers(0, len(shape))) :]) for _ in range(2)
    )


@settings(max_examples=60, deadline=None)
@given(broadcasting_pair(), st.sampled_from(["add", "subtract", "multiply", "divide", "maximum", "minimum", "power"]))
def test_broadcasting_matches_numpy(pair, name):
    rng = np.random.default_rng(0)
    a, b = (np.asarray(0.5 + rng.random(shape), "float32") for shape in pair)
    expected = getattr(np, name)(a, b)
    dy = np.asarray(rng.normal(size=expected.shape), "float32")
    y, gradients = run(getattr(ops, name), [a, b], dy)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    with use_reference():
        _, wanted = run(getattr(ops, name), [a, b], dy)
    for found, expected in zip(gradients, wanted):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
def test_basic_indexing_matches_numpy(data, shape):
    def one(n):
        bound = st.none() | st.integers(-n - 1, n + 1)
        step = st.none() | st.integers(-3, 3).filter(bool)
        return st.one_of(st.integers(-n, n - 1), st.builds(slice, bound, bound, step))

    key = [data.draw(one(n)) for n in shape[: data.draw(st.integers(0, len(shape)))]]
    for extra in (None, Ellipsis):
        if data.draw(st.booleans()):
            key.insert(data.draw(st.integers(0, len(key))) if extra is None else len(key), extra)
    key = key[0] if len(key) == 1 else tuple(key)
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    y = ops.get_item(x, key)
    assert y.shape == x[key].shape
    np.testing.assert_array_equal(np.asarray(y), x[key])
    np.testing.assert_array_equal(np.asarray(ops.get_item(x.astype("int32"), key)), x[key])
    dy = np.arange(1, y.size + 1, dtype="float32").reshape(y.shape)
    expected = np.zeros_like(x)
    expected[key] = dy
    np.testing.assert_array_equal(run(lambda x: x[key], [x], dy)[1][0], expected)


@settings(max_examples=40, deadline=None)
@given(
    st.data(), st.lists(st.integers(1, 4), max_size=4).map(tuple), st.sampled_from(["sum", "mean", "max", "min", "var"])
)
def test_reductions_match_numpy(data, shape, name):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1)))) if shape else ()
    keepdims = data.draw(st.booleans())
    x = np.asarray(np.random.default_rng(1).normal(size=shape), "float32")
    y = getattr(ops, name)(x, axis=axes, keepdims=keepdims)
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_argmax(name, axis, keepdims):
    for x in (np.array([[3, 1, 4, 1], [5, 9, 2, 9]]), np.array([[3.5, 1, 4, 1], [5, 9, 2, 9]], "float32")):
        y = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
        assert y.dtype == "int32"
        np.testing.assert_array_equal(np.asarray(y), getattr(np, name)(x, axis=axis, keepdims=keepdims))


def test_sparsemax():
    x = np.random.default_rng(0).normal(size=(50, 7)).astype("float32")
    y = np.asarray(ops.sparsemax(x))
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)
    assert y.min() == 0 and ((y > 0).sum(-1) > 1).any()
    for i in range(50):  # nothing else with that sum is nearer to x
        other = np.random.default_rng(i).dirichlet(np.ones(7), 50)
        assert (((y - x) ** 2).sum(-1) <= ((other - x) ** 2).sum(-1) + 1e-6).all()
    large = x + np.float32(2**20)
    np.testing.assert_array_equal(ops.sparsemax(large).numpy(), ops.sparsemax(large - np.float32(2**20)).numpy())
    third = float(np.asarray(1 / 3, y.dtype))
    assert ops.sparsemax([[1e30, 0.0, -np.inf], [2.0, 2.0, 2.0]]).numpy().tolist() == [[1, 0, 0], [third] * 3]
    assert np.isnan(ops.sparsemax([np.nan, 0.0, 1.0]).numpy()).all()
    assert ops.sparsemax(np.zeros((2, 0))).shape == (2, 0)
    with pytest.raises(ValueError, match="sparsemax: expected at least one axis"):
        ops.sparsemax(1.0)


def test_empty_tensors():
    x = np.zeros((0, 3), "float32")
    assert ops.relu(x).shape == (0, 3)
    assert ops.softmax(x).shape == (0, 3)
    assert ops.transpose(x).shape == (3, 0)
    assert ops.reshape(x, (-1,)).shape == (0,)
    assert ops.sum(x).item() == 0
    assert ops.sum(x, axis=0).numpy().tolist() == [0, 0, 0]
    assert np.isnan(ops.mean(x).item())
    assert ops.dense(x, np.ones((3, 2)), np.ones(2)).shape == (0, 2)
    assert ops.dense(np.zeros((2, 0)), np.zeros((0, 3)), np.ones(3)).numpy().tolist() == [[1, 1, 1]] * 2
    assert ops.concatenate([x, np.ones((2, 3))]).shape == (2, 3)
    assert ops.max(x, axis=0, initial=-1).numpy().tolist() == [-1, -1, -1]
    assert ops.take(np.ones((2, 3)), np.zeros((0,), int), axis=0).shape == (0, 3)
    assert ops.conv(np.zeros((0, 4, 4, 1)), np.zeros((3, 3, 1, 2))).shape == (0, 2, 2, 2)


@pytest.mark.kernels
def test_integers_stay_integers():
    i = ops.convert_to_tensor([1, 2, 3])
    assert i.dtype == "int32"
    for y, expected in [
        (i + 1, [2, 3, 4]),
        (1 - i, [0, -1, -2]),
        (i * i, [1, 4, 9]),
        (i**2, [1, 4, 9]),
        (-i, [-1, -2, -3]),
        (ops.maximum(i, 2), [2, 2, 3]),
        (ops.clip(i, 2, 2), [2, 2, 2]),
        (ops.sum(i), 6),
        (ops.prod(i), 6),
        (ops.max(i), 3),
        (ops.flip(i), [3, 2, 1]),
        (ops.where([True, False, True], i, 0), [1, 0, 3]),
        (ops.concatenate([i, [4]]), [1, 2, 3, 4]),
        (ops.pad(i, 1), [0, 1, 2, 3, 0]),
        (ops.transpose(ops.reshape(i, (3, 1))), [[1, 2, 3]]),
        (ops.broadcast_to(i, (1, 3)), [[1, 2, 3]]),
        (ops.take(i, [2, 0]), [3, 1]),
        (i[1:], [2, 3]),
        (i[[0, 2]], [1, 3]),
        (ops.split(i, [1])[1], [2, 3]),
    ]:
        assert y.dtype == "int32"
        assert y.numpy().tolist() == expected
    assert (i / 2).numpy().tolist() == [0.5, 1, 1.5]
    for x in ([1, 2, 3], np.array([1, 2, 3], "int16"), range(1, 4)):
        for op, expected in (
            (ops.sum, 6),
            (ops.max, 3),
            (ops.min, 1),
            (ops.prod, 6),
            (ops.square, [1, 4, 9]),
            (ops.negative, [-1, -2, -3]),
            (ops.absolute, [1, 2, 3]),
            (lambda x: ops.clip(x, 2, 2), [2, 2, 2]),
        ):
            y = op(x)
            assert y.dtype == "int32" and y.numpy().tolist() == expected
        assert ops.mean(x).dtype == "float32"
    assert ops.max(np.array([2**40])).item() == 2**40  # int64 stays, as in a tensor
    assert ops.sum([True, True]).item() == 2
    assert (i + 0.5).dtype == "float32"
    assert (i == 2).numpy().tolist() == [False, True, False]
    assert ops.mean(i).item() == 2


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_whole_numbers_match_numpy(dtype):
    rng = np.random.default_rng(0)
    x, index = rng.integers(0, 2 if dtype == "bool" else 100, (3, 4, 5)).astype(dtype), np.array([2, -1, 0], "int32")
    t, i = ops.convert_to_tensor(x), ops.convert_to_tensor(index)
    assert t.dtype == dtype
    for y, expected in [
        (t[:, 1:3, ::-2], x[:, 1:3, ::-2]),
        (t[:, -1], x[:, -1]),
        (t[i], x[index]),
        (ops.transpose(t, (2, 0, 1)), x.transpose(2, 0, 1)),
        (ops.broadcast_to(t[:, :1], (3, 4, 5)), np.broadcast_to(x[:, :1], (3, 4, 5))),
        (ops.flip(t, 1), np.flip(x, 1)),
        (ops.concatenate([t, t[:, :2]], 1), np.concatenate([x, x[:, :2]], 1)),
        (ops.split(t, [1, 3], 2)[1], x[:, :, 1:3]),
        (ops.pad(t, 1), np.pad(x, 1)),
        (ops.take(t, i, 1), x.take(index, 1)),
        (ops.repeat(t, 2, 1), x.repeat(2, 1)),
        (ops.roll(t, -2, 2), np.roll(x, -2, 2)),
        (ops.where(t, t, ops.flip(t, 0)), np.where(x, x, np.flip(x, 0))),
        (ops.max(t, axis=(0, 2)), x.max((0, 2))),
        (ops.min(t, axis=1), x.min(1)),
        (ops.sort(t, 1), np.sort(x, 1)),
    ]:
        assert y.dtype == dtype
        np.testing.assert_array_equal(np.asarray(y), expected)
    for y, expected in [
        (ops.sum(t, (0, 2)), x.sum((0, 2))),
        (ops.argmax(t, 1), x.argmax(1)),
        (ops.argmin(t), x.argmin()),
        (ops.cumsum(t, 1), x.cumsum(1)),
        (ops.cast(t, "uint8"), x.astype("uint8")),
        (ops.cast(t, "bool"), x.astype("bool")),
        (ops.equal(t, 1), x == 1),
        (ops.less(t[0], t[1]), x[0] < x[1]),
        (ops.argsort(t, -1), np.argsort(x, -1, kind="stable")),
        (ops.count_nonzero(t, 0), np.count_nonzero(x, 0)),
    ]:
        np.testing.assert_array_equal(np.asarray(y), expected)


def test_comparisons_and_logic_match_numpy():
    a, b = np.array([[1.0, np.nan, np.inf], [0, 2, -1]], "float32"), np.array([1.0, 2, 0], "float32")
    names = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose"]
    for name in [*names, "logical_and", "logical_or", "logical_xor"]:
        y = getattr(ops, name)(ops.convert_to_tensor(a), b)
        assert y.dtype == "bool"
        np.testing.assert_array_equal(np.asarray(y), getattr(np, name)(a, b))
    for name in ["isnan", "isinf", "isfinite", "logical_not"]:
        np.testing.assert_array_equal(np.asarray(getattr(ops, name)(a)), getattr(np, name)(a))
    for name in ("all", "any"):
        for axis in (None, 0, 1, (0, 1)):
            found = getattr(ops, name)(a > 0, axis=axis, keepdims=True)
            np.testing.assert_array_equal(np.asarray(found), getattr(np, name)(a > 0, axis=axis, keepdims=True))


@pytest.mark.kernels
def test_creation():
    assert ops.convert_to_tensor(2.5).dtype == "float32"
    assert ops.convert_to_tensor(True).dtype == "bool"
    assert ops.convert_to_tensor(np.zeros(2)).dtype == "float32"
    assert ops.convert_to_tensor(np.zeros(2, "int64")).dtype == "int64"
    assert ops.convert_to_tensor(np.zeros(2, "uint8")).dtype == "uint8"
    assert ops.convert_to_tensor(np.zeros(2, "int16")).dtype == "int32"
    assert ops.convert_to_tensor([1], dtype="float32").dtype == "float32"
    x = ops.ones((2, 3))
    assert ops.convert_to_tensor(x) is x
    assert ops.cast(x, "float32") is x
    assert ops.cast(np.array([0, 255], "uint8"), "float32").numpy().tolist() == [0, 255]
    assert ops.cast([-1, 7], "float32").numpy().tolist() == [-1, 7]
    assert ops.cast([0.0, 2.0], "bool").numpy().tolist() == [False, True]
    assert ops.arange(2, 8, 3).numpy().tolist() == [2, 5]
    assert ops.arange(0, 1, 0.5).dtype == "float32"
    assert ops.eye(2, 3, 1).numpy().tolist() == [[0, 1, 0], [0, 0, 1]]
    assert ops.full((2,), 7, "int32").numpy().tolist() == [7, 7]
    assert ops.full_like(x, 2).numpy().tolist() == [[2] * 3] * 2
    assert ops.zeros_like(ops.arange(2)).dtype == "int32"
    assert (ops.shape(x), ops.ndim(x), ops.size(x)) == ((2, 3), 2, 6)
    copy = ops.convert_to_numpy(x)
    copy[...] = 5
    assert x.numpy().max() == 1
    assert ops.one_hot([[0], [5], [-1]], 3, axis=1).numpy().tolist() == [[[1], [0], [0]], [[0]] * 3, [[0]] * 3]


def test_reshape_shares_memory_and_stop_gradient_stops():
    x = ops.ones((2, 3))
    assert np.shares_memory(ops.reshape(x, (3, 2)).numpy(), x.numpy())
    v = Variable(np.ones(2))
    with GradientTape() as tape:
        y = ops.sum(v * ops.stop_gradient(v))
    assert tape.gradient(y, v).numpy().tolist() == [1, 1]
    v.assign([5, 5])
    assert ops.stop_gradient(v).numpy().tolist() == [5, 5]


@pytest.mark.kernels
def test_a_tensor_of_another_float_type_is_cast_with_its_gradient():
    x = ops.cast([1.0, 2.0], "float64")
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(x * x)
    assert y.dtype == "float32"
    assert tape.gradient(y, x).numpy().tolist() == [2, 4]


def test_crossentropy_of_extreme_logits_is_exact():
    x = ops.convert_to_tensor([[200.0, -200.0]])
    with GradientTape() as tape:
        tape.watch(x)
        loss = ops.sparse_categorical_crossentropy([1], ops.softmax(x))
    assert loss.numpy().tolist() == [400]
    assert tape.gradient(loss, x).numpy().tolist() == [[1, -1]]
    x = ops.convert_to_tensor([50.0, -50.0])
    with GradientTape() as tape:
        tape.watch(x)
        loss = ops.binary_crossentropy([0.0, 1.0], ops.sigmoid(x))
    assert loss.numpy().tolist() == [50, 50]
    assert tape.gradient(loss, x).numpy().tolist() == [1, -1]
    # probabilities alone are clipped, as in Keras
    clipped = ops.categorical_crossentropy([[0.0, 1.0]], [[1.0, 0.0]])
    np.testing.assert_allclose(np.asarray(clipped), -np.log(1e-7), rtol=1e-6)
    clipped = ops.binary_crossentropy([1.0], [0.0])
    np.testing.assert_allclose(np.asarray(clipped), -np.log(1e-7), rtol=1e-6)


def test_crossentropy_takes_the_logits_of_its_own_activation_only():
    x, t = np.array([[1.0, -2.0, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    s, p = ops.sigmoid(x), ops.softmax(x)
    for of in (lambda y: ops.categorical_crossentropy(t, y), lambda y: ops.sparse_categorical_crossentropy([1], y)):
        np.testing.assert_allclose(of(s).numpy(), -np.log(s.numpy()[:, 1] / s.numpy().sum()), rtol=1e-5)
    expected = -np.log(np.where(t == 1, p.numpy(), 1 - p.numpy()))
    np.testing.assert_allclose(ops.binary_crossentropy(t, p).numpy(), expected, rtol=1e-5)


def test_labels_of_many_types():
    p = np.eye(3, dtype="float32") * 0.5 + 0.2
    expected = ops.sparse_categorical_crossentropy([0, 1, 2], p).numpy()
    for labels in (np.arange(3, dtype="uint8"), np.arange(3.0), np.arange(3)[:, None], ops.arange(3), [0, 1, 2]):
        np.testing.assert_array_equal(ops.sparse_categorical_crossentropy(labels, p).numpy(), expected)


# ---- errors ----

x4 = np.zeros((2, 8, 8, 3), "float32")
ERRORS = {
    "add": (
        lambda: ops.add(np.zeros((2, 3)), np.zeros(4)),
        ValueError,
        r"add: shapes \(2, 3\) and \(4,\) do not broadcast.*3 meets 4",
    ),
    "relu text": (lambda: ops.relu("a"), TypeError, "relu: expected numbers for x; got str"),
    "multiply ragged": (
        lambda: ops.multiply([[1], [1, 2]], 2.0),
        (TypeError, ValueError),
        "inhomogeneous|expected numbers",
    ),
    "elu": (lambda: ops.elu(1.0, alpha=-1), ValueError, "elu: expected alpha >= 0; got -1"),
    "dense x": (
        lambda: ops.dense(np.zeros((2, 4)), np.zeros((3, 2))),
        ValueError,
        r"dense: expected x\[\.\.\.,3\] for a kernel of shape \(3, 2\); got shape \(2, 4\)\. Is the last axis",
    ),
    "dense kernel": (
        lambda: ops.dense(np.zeros((2, 4)), np.zeros(4)),
        ValueError,
        r"dense: expected kernel\[K,N\]; got shape \(4,\)",
    ),
    "dense bias": (
        lambda: ops.dense(np.zeros((2, 4)), np.zeros((4, 3)), np.zeros(2)),
        ValueError,
        r"dense: expected bias\[3\] .* got shape \(2,\)",
    ),
    "activation": (
        lambda: ops.dense(np.zeros((2, 4)), np.zeros((4, 3)), activation="rleu"),
        ValueError,
        "dense: activation 'rleu' is not known; expected a function or one of .*relu",
    ),
    "matmul": (
        lambda: ops.matmul(np.zeros((2, 3)), np.zeros((4, 5))),
        ValueError,
        r"matmul: inner sizes differ: x1 of shape \(2, 3\) has 3 columns, x2 of shape \(4, 5\) has 4 rows.*transposed",
    ),
    "matmul batch": (
        lambda: ops.matmul(np.zeros((2, 3, 4)), np.zeros((3, 4, 5))),
        ValueError,
        r"matmul \(batch axes\): shapes \(2,\) and \(3,\)",
    ),
    "matmul scalar": (
        lambda: ops.matmul(2.0, np.zeros(3)),
        ValueError,
        "matmul: expected at least one axis.*Use multiply",
    ),
    "tensordot": (
        lambda: ops.tensordot(np.zeros((2, 3)), np.zeros((4, 5)), 1),
        ValueError,
        "tensordot: .* pair different sizes",
    ),
    "conv rank": (
        lambda: ops.conv(np.zeros((8, 8, 3)), np.zeros((3, 3, 3, 4))),
        ValueError,
        r"conv: expected inputs\[N,H,W,C\] and kernel.*got shapes \(8, 8, 3\) and .*Is the batch",
    ),
    "conv channels": (
        lambda: ops.conv(x4, np.zeros((3, 3, 2, 4))),
        ValueError,
        r"conv: the input has 3 channels, which is not a multiple of the 2 .*\(3, 3, 2, 4\)",
    ),
    "conv filters": (
        lambda: ops.conv(x4, np.zeros((3, 3, 1, 4))),
        ValueError,
        "conv: 4 filters cannot be divided into the 3 groups",
    ),
    "conv size": (
        lambda: ops.conv(x4, np.zeros((5, 3, 3, 4)), dilation_rate=2),
        ValueError,
        r"conv: the height of the input is 8, less than the window's 9 \(size 5, dilation 2\)",
    ),
    "conv bias": (
        lambda: ops.conv(x4, np.zeros((3, 3, 3, 4)), bias=np.zeros(3)),
        ValueError,
        r"conv: expected bias\[4\]",
    ),
    "conv padding": (
        lambda: ops.conv(x4, np.zeros((3, 3, 3, 4)), padding="full"),
        ValueError,
        "expected padding 'valid' or 'same'; got 'full'",
    ),
    "conv padding pairs": (
        lambda: ops.conv(x4, np.zeros((3, 3, 3, 4)), padding=((1, 1), (-1, 0))),
        ValueError,
        r"of at least 0 for each of 2 axes; got \(\(1, 1\), \(-1, 0\)\)",
    ),
    "conv strides": (
        lambda: ops.conv(x4, np.zeros((3, 3, 3, 4)), strides=0),
        ValueError,
        "at least 1, or two, for strides; got 0",
    ),
    "conv format": (
        lambda: ops.conv(x4, np.zeros((3, 3, 3, 4)), data_format="channels_first"),
        ValueError,
        "expected data_format 'channels_last'.*got 'channels_first'",
    ),
    "pool rank": (
        lambda: ops.max_pool(np.zeros((8, 8)), 2),
        ValueError,
        r"max_pool: expected inputs\[N,H,W,C\].*got shape \(8, 8\)",
    ),
    "pool size": (
        lambda: ops.average_pool(x4, 9),
        ValueError,
        "average_pool: the height of the input is 8, less than the window's 9",
    ),
    "axis": (lambda: ops.sum(np.zeros((2, 3)), axis=2), ValueError, "sum: axis 2 does not exist in a tensor of rank 2"),
    "axis twice": (lambda: ops.mean(np.zeros((2, 3)), axis=(1, -1)), ValueError, "mean: an axis appears twice"),
    "batch_normalization axis": (
        lambda: ops.batch_normalization(np.zeros((2, 3)), np.zeros(3), np.ones(3), 2),
        ValueError,
        "batch_normalization: axis 2 does not exist",
    ),
    "batch_normalization mean": (
        lambda: ops.batch_normalization(np.zeros((2, 3)), np.zeros(2), np.ones(3), 1),
        ValueError,
        r"batch_normalization: expected mean of shape \(3,\), the size of the input along axis 1; got \(2,\)",
    ),
    "layer_normalization gamma": (
        lambda: ops.layer_normalization(np.zeros((2, 3)), gamma=np.zeros(2)),
        ValueError,
        r"layer_normalization: expected gamma of shape \(3,\)",
    ),
    "layer_normalization rms_scaling": (
        lambda: ops.layer_normalization(np.zeros((2, 3)), rms_scaling=True),
        TypeError,
        "rms_scaling is not supported; rms_normalization",
    ),
    "softmax axis": (lambda: ops.softmax(np.zeros((2, 3)), axis=5), ValueError, "softmax: axis 5 does not exist"),
    "argmax axis": (lambda: ops.argmax(np.zeros((2, 3)), axis=5), ValueError, "argmax: axis 5 does not exist"),
    "max of nothing": (lambda: ops.max(np.zeros((0, 3)), axis=0), ValueError, "max: there is nothing to choose from"),
    "norm": (lambda: ops.norm(np.zeros((2, 3)), ord=2), ValueError, "norm: expected ord None"),
    "reshape": (
        lambda: ops.reshape(np.zeros((2, 3)), (4, 2)),
        ValueError,
        r"reshape: cannot turn shape \(2, 3\) \(6 values\) into \(4, 2\) \(8 values\)",
    ),
    "reshape -1": (lambda: ops.reshape(np.zeros((2, 3)), (-1, 4)), ValueError, "reshape: .*6 is not a multiple of 4"),
    "reshape two": (lambda: ops.reshape(np.zeros((2, 3)), (-1, -1)), ValueError, "reshape: .*at most one -1"),
    "transpose": (
        lambda: ops.transpose(np.zeros((2, 3)), (0, 0)),
        ValueError,
        "transpose: expected each of the 2 axes",
    ),
    "squeeze": (
        lambda: ops.squeeze(np.zeros((2, 3)), 0),
        ValueError,
        r"squeeze: expected size 1 at axis 0; got shape \(2, 3\)",
    ),
    "broadcast_to": (lambda: ops.broadcast_to(np.zeros((2, 3)), (3,)), ValueError, "broadcast_to"),
    "concatenate": (
        lambda: ops.concatenate([np.zeros((2, 3)), np.zeros((3, 4))], axis=1),
        ValueError,
        r"concatenate: xs\[1\] has shape \(3, 4\), xs\[0\] \(2, 3\): they may differ at axis 1 only",
    ),
    "stack": (lambda: ops.stack([np.zeros(2), np.zeros(3)]), ValueError, "stack: expected tensors of one shape"),
    "split": (
        lambda: ops.split(np.zeros(5), 2),
        ValueError,
        r"split: axis 0 of shape \(5,\) cannot be cut into 2 equal pieces",
    ),
    "take": (
        lambda: ops.take(np.zeros((2, 3)), [0, 3], axis=1),
        IndexError,
        r"take: index 3 is out of range for axis 1 of shape \(2, 3\)",
    ),
    "take, no int32": (lambda: ops.take(np.zeros(3), 2**32), IndexError, r"take: index 4294967296 is out of range"),
    "embed": (lambda: ops.embed([0, -1], np.zeros((3, 2))), IndexError, r"take: index -1 is out of range for axis 0"),
    "take float": (lambda: ops.take(np.zeros(3), [0.5]), TypeError, "take: expected integers for indices"),
    "index": (
        lambda: ops.zeros((2, 3))[2],
        IndexError,
        r"get_item: index 2 is out of range for axis 0 of shape \(2, 3\)",
    ),
    "indices": (lambda: ops.zeros((2, 3))[[0, 2]], IndexError, r"get_item: .*out of bounds.*shape \(2, 3\)"),
    "too many indices": (lambda: ops.zeros((2, 3))[0, 0, 0], IndexError, "get_item: 3 indices for a tensor of shape"),
    "conv_transpose": (
        lambda: ops.conv_transpose(x4, np.zeros((3, 3, 3, 4))),
        ValueError,
        r"conv_transpose: expected inputs\[N,P,Q,C\] and kernel\[R,S,F,C\]",
    ),
    "conv_transpose output_padding": (
        lambda: ops.conv_transpose(x4, np.zeros((3, 3, 4, 3)), 2, output_padding=2),
        ValueError,
        "expected output_padding below strides 2; got 2",
    ),
    "depthwise_conv": (lambda: ops.depthwise_conv(x4, np.zeros((3, 3, 4, 3))), ValueError, "depthwise_conv: expected"),
    "einsum": (
        lambda: ops.einsum("ij,jk", np.zeros((2, 3)), np.zeros(3)),
        ValueError,
        "einsum: subscripts 'ij,jk' do not",
    ),
    "einsum sizes": (lambda: ops.einsum("ij,jk", np.zeros((2, 3)), np.zeros((4, 3))), ValueError, "einsum: .*shapes"),
    "top_k": (lambda: ops.top_k(np.zeros(3), 4), ValueError, r"top_k: expected k in 0\.\.3"),
    "average": (lambda: ops.average(np.zeros((2, 3)), 0, np.zeros(3)), ValueError, "average: weights of shape"),
    "pad": (lambda: ops.pad(np.zeros((2, 3)), ((1, 1), (1, 1), (1, 1))), ValueError, "pad: expected a pair"),
    "pad mode": (lambda: ops.pad(np.zeros(3), 1, mode="wrap"), ValueError, "pad: expected mode 'constant'"),
    "where": (lambda: ops.where(np.zeros(3), 1.0), ValueError, "where: expected both x1 and x2, or neither"),
    "sparse": (
        lambda: ops.convert_to_tensor([1], sparse=True),
        ValueError,
        "sparse and ragged tensors are not supported",
    ),
    "dtype": (
        lambda: ops.zeros(2, "complex64"),
        TypeError,
        "dtype 'complex64' is not supported; choose one of float32",
    ),
    "binary": (
        lambda: ops.binary_crossentropy(np.zeros(3), np.zeros((3, 1))),
        ValueError,
        r"binary_crossentropy: expected target and output of one shape; got \(3,\) and \(3, 1\)",
    ),
    "categorical": (
        lambda: ops.categorical_crossentropy(np.zeros(3), np.zeros((3, 4))),
        ValueError,
        "categorical_crossentropy: expected target and output of one shape.*sparse_categorical_crossentropy",
    ),
    "label": (
        lambda: ops.sparse_categorical_crossentropy([1, 3], np.ones((2, 3)), from_logits=True),
        ValueError,
        r"sparse_categorical_crossentropy: expected labels in 0\.\.2 for an output of 3 classes; got 3\. Do .* at 1",
    ),
    "label of probabilities": (
        lambda: ops.sparse_categorical_crossentropy([1, -7], np.ones((2, 3))),
        ValueError,
        r"expected labels in 0\.\.2 for an output of 3 classes; got -7\. Has the last layer",
    ),
    "huge label": (
        lambda: ops.sparse_categorical_crossentropy([2**32], np.ones((1, 3))),
        ValueError,
        r"got 4\.29497e\+09",
    ),
    "float label": (
        lambda: ops.sparse_categorical_crossentropy([0.5, 1], np.ones((2, 3))),
        TypeError,
        "sparse_categorical_crossentropy: expected integer labels.*such as 0.5.*categorical_crossentropy",
    ),
    "one-hot labels": (
        lambda: ops.sparse_categorical_crossentropy(np.eye(3), np.ones((3, 3))),
        ValueError,
        r"expected target of shape \(3,\) or \(3, 1\) .*got \(3, 3\)\. For one-hot targets use categorical_cross",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    function, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        function()
    assert re.search(text, str(caught.value), re.S), caught.value


@pytest.mark.kernels
def test_every_op_with_a_gradient_has_a_case():
    """Every op is differentiated above, or stands here."""
    constant = """add_to_gradient all any arange argmax argmin argsort ceil convert_to_numpy convert_to_tensor
        count_nonzero equal eye floor floor_divide
        full full_like greater greater_equal is_tensor isclose isfinite isinf isnan less less_equal linspace logical_and
        logical_not logical_or logical_xor ndim nonzero not_equal one_hot ones ones_like round shape sign size
        stop_gradient sum_of_gradients trunc zeros zeros_like allclose isposinf isneginf identity tri"""
    same = "abs hard_swish ravel swish true_divide"  # another name for one that has a case, or a reshape
    same += " associative_scan cond fori_loop map scan switch vectorized_map while_loop"  # loops: test_control
    same += " ctc_decode ctc_loss"  # test_ctc
    same += " cholesky det eigh inv logdet lstsq qr slogdet solve solve_triangular svd"  # test_linalg
    covered = {name.split()[0].rstrip(",") for name in CASES}
    assert set(ops.__all__) - set((constant + " " + same).split()) <= covered


@pytest.mark.kernels
def test_results_are_tensors():
    assert isinstance(ops.relu(1.0), Tensor)
    assert ops.sign([-2.0, 3.0]).numpy().tolist() == [-1, 1]
    assert ops.round([0.126], 2).numpy().round(2).tolist() == np.float32([0.13]).tolist()


def test_ops_on_symbolic_tensors_are_calls_of_layers():
    from cygrad.layers import Input

    x = Input((4,))
    y = ops.concatenate([ops.relu(x), x * 2.0, ops.mean(x, axis=1, keepdims=True), ops.split(x, 2, axis=1)[1]], axis=-1)
    assert (ops.shape(x), y.shape) == ((None, 4), (None, 11))
    with pytest.raises(TypeError, match="relu: expected numbers for x; got str"):
        ops.relu("a")


def test_same_padding_puts_the_odd_row_at_the_end():
    x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1)
    assert ops.conv(x, np.ones((2, 1, 1)), padding="same").numpy().ravel().tolist() == [3, 5, 7, 4]
    assert ops.conv(x, np.ones((4, 1, 1)), padding="same").numpy().ravel().tolist() == [6, 10, 9, 7]
    assert ops.conv(x, np.ones((3, 1, 1)), 2, padding="same").numpy().ravel().tolist() == [6, 7]
    assert ops.max_pool(-x, 2, 1, "same").numpy().ravel().tolist() == [-1, -2, -3, -4]
    assert ops.average_pool(x, 2, 1, "same").numpy().ravel().tolist() == [1.5, 2.5, 3.5, 4]  # without the padding
    assert ops.conv_transpose(x, np.ones((3, 1, 1)), 2, "same").numpy().ravel().tolist() == [1, 1, 3, 2, 5, 3, 7, 4]
