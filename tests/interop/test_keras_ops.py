"""Every function of cygrad.ops against keras.ops: values, types, gradients, signatures. Runs where Keras is
installed."""

import inspect

import numpy as np
import pytest
from frameworks import close, cygrad_vjp, keras_vjp, normal

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

rng = np.random.default_rng(0)
A, B = normal(rng, (3, 4)), normal(rng, (3, 4))
ROW, COLUMN = normal(rng, (4,)), normal(rng, (3, 1))
CUBE, LONG = normal(rng, (2, 3, 4)), normal(rng, (2, 5, 4))
POSITIVE = np.abs(A) + np.float32(0.1)
UNIT = rng.uniform(0.05, 0.95, (3, 4)).astype(np.float32)
WHOLE, WHOLE2 = rng.integers(-9, 10, (3, 4)).astype(np.int32), rng.integers(1, 5, (3, 4)).astype(np.int32)
BOOLS, BOOLS2 = WHOLE > 0, WHOLE2 > 2
EXTREME = np.array([[0.0, np.inf, -np.inf, np.nan], [1.0, -2.5, 3.5, 0.5]], np.float32)
IMAGES, KERNEL = normal(rng, (2, 7, 6, 4)), normal(rng, (3, 2, 4, 6))
SERIES = normal(rng, (2, 9, 4))
PICK = rng.integers(0, 3, (2, 5)).astype(np.int32)
LABELS = rng.integers(0, 4, (3,)).astype(np.int32)
ONE_HOT, BITS = np.eye(4, dtype=np.float32)[LABELS], BOOLS.astype(np.float32)

ONE = (  # differentiable functions of one tensor, elementwise
    "abs absolute arctan cos elu exp expm1 gelu hard_sigmoid leaky_relu negative reciprocal relu relu6 selu sigmoid "
    "silu sin softplus softsign square swish tanh log_softmax softmax stop_gradient ravel squeeze transpose normalize"
)
LOGS = "log log10 log1p log2 rsqrt sqrt"
STEPS = "ceil floor round trunc sign isnan isinf isfinite logical_not"
TWO = "add subtract multiply divide true_divide maximum minimum logaddexp"
COMPARISONS = "equal not_equal less less_equal greater greater_equal isclose"
LOGIC = "logical_and logical_or logical_xor"
REDUCTIONS = "sum mean max min prod std var logsumexp"
INDICES = "argmax argmin"

# (name, the call on a module and arrays, the arrays). NUMPY: where keras.ops departs from the NumPy function of that
# name, whose meaning it otherwise has: on PyTorch keepdims without axis, sign(NaN), weights without axis, negative
# indices without axis, mode "symmetric"; on TensorFlow vstack of vectors.
CASES, NUMPY = [], []


def case(name, call, *arrays):
    CASES.append((name, call, arrays))


def numpy_case(name, call, *arrays):
    NUMPY.append((name, call, arrays))


def of(name, **arguments):
    return lambda ops, *x: getattr(ops, name)(*x, **arguments)


for name in ONE.split():
    case(name, of(name), A)
for name in LOGS.split():
    case(name, of(name), POSITIVE)
for name in STEPS.split():
    case(name, of(name), 3 * A)
    if name != "sign":
        case(name, of(name), EXTREME)
for name in TWO.split():
    for x1, x2 in ((A, B), (A, ROW), (COLUMN, ROW), (CUBE, A), (POSITIVE, A)):
        case(name, of(name), x1, x2)
    case(name, lambda ops, x, name=name: getattr(ops, name)(x, 2.5), A)
    if name not in ("divide", "true_divide", "logaddexp"):
        case(name, of(name), WHOLE, WHOLE2)
for name in COMPARISONS.split():
    case(name, of(name), WHOLE, WHOLE2)
    case(name, of(name), np.round(A), np.round(ROW))
for name in LOGIC.split():
    case(name, of(name), BOOLS, BOOLS2)
for name in REDUCTIONS.split():
    for axis in (None, 0, -1, 1, (0, 2)):
        for keepdims in (False, True):
            if axis is not None or not keepdims:
                case(name, of(name, axis=axis, keepdims=keepdims), CUBE)
for name in INDICES.split():
    for axis in (None, 0, -1):
        case(name, of(name, axis=axis), CUBE)
        case(name, of(name, axis=axis, keepdims=True), WHOLE)
for name in ("all", "any"):
    for axis in (None, 0, (0, 1)):
        case(name, of(name, axis=axis), BOOLS)
        case(name, of(name, axis=axis, keepdims=True), BOOLS | True)
for name in ("sum", "max", "min", "prod", "cumsum"):
    case(name, of(name, axis=1), WHOLE2)
for p in (-1, 0, 1, 2, 3, 0.5):
    case("power", lambda ops, x, p=p: ops.power(x, p), POSITIVE)
case("power", of("power"), POSITIVE, A)
case("power", lambda ops, x: ops.power(x, 3), A)
case("max", lambda ops, x: ops.max(x, axis=1, initial=0.2), A)
case("min", lambda ops, x: ops.min(x, axis=1, initial=0.2), A)
case("clip", lambda ops, x: ops.clip(x, -0.5, 0.7), A)
case("round", lambda ops, x: ops.round(x, 2), A)
case("gelu", of("gelu", approximate=False), A)
case("leaky_relu", of("leaky_relu", negative_slope=0.4), A)
case("elu", of("elu", alpha=0.4), A)
case("softmax", of("softmax", axis=0), A)
case("log_softmax", of("log_softmax", axis=1), CUBE)
case("sparsemax", of("sparsemax"), np.float32([[0, 2, -1, 0.5], [3, 1, 1, 1]]))
case("floor_divide", of("floor_divide"), WHOLE, WHOLE2)
case("floor_divide", lambda ops, x: ops.floor_divide(x, 0.5), A)
case("mod", of("mod"), WHOLE, WHOLE2)
case("mod", lambda ops, x: ops.mod(x, 0.5), A)
for name in ("tan", "sinh", "cosh", "arcsinh", "erf"):
    case(name, of(name), A)
FORMULAS = (
    "exp2 erfc deg2rad rad2deg fabs log_sigmoid hard_tanh hard_silu hard_swish hard_shrink soft_shrink squareplus celu"
)
PIECES = "fliplr flipud trace diagonal diagflat isposinf isneginf sinc"
for name in f"{FORMULAS} {PIECES}".split():
    case(name, of(name), A)
for name in ("fmax", "fmin", "divide_no_nan"):
    case(name, of(name), A, B)
case("cbrt", of("cbrt"), POSITIVE)
case("nan_to_num", of("nan_to_num"), EXTREME)
case("heaviside", lambda ops, x: ops.heaviside(x, 0.5), WHOLE.astype("float32"))
case("threshold", lambda ops, x: ops.threshold(x, 0.1, 3.0), A)
case("allclose", of("allclose"), A, A)
case("diag", of("diag", k=1), ROW)
case("diag", of("diag", k=-1), A)
case("diagonal", of("diagonal", offset=-1, axis1=2, axis2=0), CUBE)
for indexing in ("xy", "ij"):
    case("meshgrid", lambda ops, x, y, indexing=indexing: list(ops.meshgrid(x, y, indexing=indexing)), ROW, POSITIVE[0])
for k in (-1, 1, 2):
    case("rot90", of("rot90", k=k), A)
case("append", of("append"), A, B)
case("append", of("append", axis=0), A, B)
case("dstack", lambda ops, x, y: ops.dstack([x, y]), A, B)
case("array_split", lambda ops, x: list(ops.array_split(x, 3, axis=1)), A)
case("diff", of("diff", n=2), A)
case("slice", lambda ops, x: ops.slice(x, (1, 0), (2, 3)), A)
case("slice_update", lambda ops, x: ops.slice_update(x, (1, 1), x[:2, :2]), A)
case("scatter", lambda ops, x: ops.scatter([[0], [3], [0]], x, (5, x.shape[1])), A)
case("segment_sum", lambda ops, x: ops.segment_sum(x, ops.convert_to_tensor([2, 0, 2]), 4), A)
case("bincount", of("bincount", minlength=6), np.int32([0, 3, 3, 1]))
case("space_to_depth", of("space_to_depth", block_size=2), normal(rng, (2, 4, 6, 3)))
case("depth_to_space", of("depth_to_space", block_size=2), normal(rng, (2, 2, 3, 8)))
case("identity", lambda ops: ops.identity(3))
case("tri", lambda ops: ops.tri(3, 4, 1))
for name in ("arcsin", "arccos", "arctanh", "erfinv"):
    case(name, of(name), np.tanh(A))
case("arccosh", of("arccosh"), 1 + POSITIVE)
case("arctan2", of("arctan2"), A, ROW)
case("hypot", of("hypot"), A, COLUMN)
case("where", lambda ops, c, x, y: ops.where(c, x, y), BOOLS, A, B)
case("where", lambda ops, c, x: ops.where(c, x, 0.0), BOOLS, A)
case("nonzero", lambda ops, x: list(ops.nonzero(x)), WHOLE)
case("count_nonzero", of("count_nonzero", axis=1), WHOLE)
case("count_nonzero", of("count_nonzero"), WHOLE)
for order, axis in ((None, None), (1, 1), (2, 0), (np.inf, -1), (-np.inf, -1), ("fro", (0, 1))):
    case("norm", of("norm", ord=order, axis=axis), A)
case("norm", of("norm", keepdims=True, axis=1), A)
case("normalize", of("normalize", axis=0, order=1), A)
case("moments", lambda ops, x: list(ops.moments(x, axes=[0, 2])), CUBE)
case("moments", lambda ops, x: list(ops.moments(x, axes=[1], keepdims=True)), CUBE)
case("average", lambda ops, x, w: ops.average(x, axis=1, weights=w), A, np.abs(ROW))
case("average", of("average", axis=0), A)
case("cumsum", of("cumsum"), CUBE)
case("cumsum", of("cumsum", axis=1), CUBE)

# more of NumPy's functions
ROWS3 = normal(rng, (4, 3))
HOLES = normal(rng, (4, 5))
HOLES[[0, 1, 3, 3], [2, 0, 4, 1]] = np.nan
NOTHING = np.where(np.arange(4)[:, None] == 1, np.float32("nan"), HOLES)  # a row of NaN
for name in ("cumprod", "cumsum"):
    for axis in (None, 0, -1):
        case(name, of(name, axis=axis), CUBE)
case("cumprod", of("cumprod", axis=1), WHOLE2)
for name in ("amax", "amin", "ptp", "median"):
    for axis in (None, 1, (0, 2)):
        case(name, of(name, axis=axis, keepdims=axis == 1), CUBE)
for method in ("linear", "lower", "higher", "nearest", "midpoint"):
    case("quantile", lambda ops, x, m=method: ops.quantile(x, [0.1, 0.35, 1.0], axis=1, method=m), CUBE)
case("quantile", lambda ops, x: ops.quantile(x, 0.3, axis=(0, 2), keepdims=True), CUBE)
numpy_case("quantile", lambda ops, x: ops.quantile(x, 0.3, axis=0), np.where(WHOLE > 4, np.float32("nan"), A))
case("percentile", lambda ops, x: ops.percentile(x, [20.0, 75.0]), A)
for name in ("nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanstd", "nanvar", "nanmedian"):
    for axis in (None, 0, 1):
        case(name, of(name, axis=axis, keepdims=axis == 1), HOLES)
for name in ("nansum", "nanmax", "nanmin", "nanargmax", "nanargmin"):
    case(name, of(name, axis=1), NOTHING)
case("nancumsum", of("nancumsum", axis=1), HOLES)
case("nancumprod", of("nancumprod", axis=1), HOLES)
case("nanquantile", lambda ops, x: ops.nanquantile(x, [0.2, 0.7], axis=1), HOLES)
case("nanpercentile", lambda ops, x: ops.nanpercentile(x, 30.0, axis=1, keepdims=True), HOLES)
case("histogram", lambda ops, x: list(ops.histogram(x, 4)), A.ravel())
case("histogram", lambda ops, x: list(ops.histogram(x, 3, (-1.0, 1.0))), A.ravel())
case("corrcoef", of("corrcoef"), A)
for side in ("left", "right"):
    case("searchsorted", lambda ops, s, x, side=side: ops.searchsorted(s, x, side), np.sort(LONG.ravel()), A)
    case("searchsorted", lambda ops, s, x, side=side: ops.searchsorted(s, x, side), np.arange(-4, 5, 2, "int32"), WHOLE)
case("digitize", lambda ops, x, b: ops.digitize(x, b), WHOLE, np.int32([-3, 0, 2, 5]))
case("digitize", lambda ops, x, b: ops.digitize(x, b), A, np.float32([-1, 0, 0.5]))
case("isin", of("isin"), WHOLE, WHOLE2)
case("isin", of("isin", invert=True), WHOLE, WHOLE2)
case("in_top_k", lambda ops, t, x: ops.in_top_k(t, x, 2), LABELS, A)
case("unique", of("unique"), WHOLE)
case("unique", lambda ops, x: list(ops.unique(x, return_inverse=True, return_counts=True)), WHOLE.ravel())
case("unique", lambda ops, x: ops.unique(x, axis=0), np.int32([[1, 2], [0, 5], [1, 2]]))
for size in (2, 9):
    case("unique", lambda ops, x, n=size: ops.unique(x, size=n, fill_value=7), np.int32([3, 1, 3, 2, 9]))
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, of(name), WHOLE, WHOLE2)
    case(name, of(name), BOOLS, BOOLS2)
for name in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm"):
    case(name, of(name), WHOLE, WHOLE2)
for name in ("bitwise_not", "bitwise_invert"):
    case(name, of(name), WHOLE)
    case(name, of(name), BOOLS)
case("unravel_index", lambda ops, x: list(ops.unravel_index(x, (2, 3, 4))), np.int32([0, 5, 23, -1]))
case("multi_hot", of("multi_hot", num_classes=4), PICK)
case("multi_hot", of("multi_hot", num_classes=4), PICK[0])
for reduction in (None, "add", "mul", "max", "min"):
    twice = [[1], [0]] if reduction is None else [[1], [1]]
    case(
        "scatter_update",
        lambda ops, x, u, r=reduction, i=twice: ops.scatter_update(x, ops.convert_to_tensor(i), u, r),
        A,
        normal(rng, (2, 4)),
    )
    case(
        "scatter_update",
        lambda ops, x, u, r=reduction: ops.scatter_update(x, ops.convert_to_tensor([[0, 3], [2, 1]]), u, r),
        A,
        normal(rng, (2,)),
    )
for name in ("segment_max", "segment_min", "segment_prod"):
    case(name, lambda ops, x, name=name: getattr(ops, name)(x, ops.convert_to_tensor([3, 0, 3]), 4), A)
    case(name, lambda ops, x, name=name: getattr(ops, name)(x, ops.convert_to_tensor([1, 0, 1])), WHOLE)
case("select", lambda ops, b, c, x, y: ops.select([b, c], [x, y], 0.5), BOOLS, BOOLS2, A, B)
for name in ("hsplit", "vsplit"):
    case(name, lambda ops, x, name=name: list(getattr(ops, name)(x, [1, 2])), A)
case("dsplit", lambda ops, x: list(ops.dsplit(x, 2)), CUBE)
case("inner", of("inner"), A, B)
case("vdot", of("vdot"), ROW, ROW[::-1].copy())
case("kron", of("kron"), A, B)
case("kron", of("kron"), ROW, A)
case("cross", of("cross", axis=-1), ROWS3, normal(rng, (4, 3)))
case("cross", of("cross", axis=0), normal(rng, (3, 4)), A)
case("cdist", of("cdist"), CUBE, LONG)
case("psnr", lambda ops, x, y: ops.psnr(x, y, 2.0), A, B)
for mode in ("valid", "same", "full"):
    case("correlate", lambda ops, x, y, mode=mode: ops.correlate(x, y, mode), ROW, normal(rng, (3,)))
case("trapezoid", of("trapezoid"), CUBE)
case("trapezoid", lambda ops, y, x: ops.trapezoid(y, x), A, np.sort(ROW))
case("trapezoid", lambda ops, y: ops.trapezoid(y, dx=0.5, axis=1), CUBE)
case("vander", of("vander"), ROW)
case("vander", of("vander", N=3, increasing=True), ROW)
for pattern, sizes in (
    ("b h w -> w b h", {}),
    ("b h (k w) -> b (h k) w", {"k": 2}),
    ("(a b) h w -> a (b h w)", {"b": 2}),
):
    case("rearrange", lambda ops, x, p=pattern, s=sizes: ops.rearrange(x, p, **s), CUBE)
for name in ("glu", "tanh_shrink", "sparse_plus", "sparse_sigmoid", "signbit", "copy", "array"):
    case(name, of(name), A)
case("glu", of("glu", axis=1), normal(rng, (2, 4, 3)))
case("fmod", of("fmod"), 5 * A, POSITIVE)
case("fmod", of("fmod"), WHOLE, WHOLE2)
case("ldexp", of("ldexp"), A, WHOLE2)
case("logaddexp2", of("logaddexp2"), A, ROW)
case("saturate_cast", of("saturate_cast", dtype="uint8"), 300 * A)
case("saturate_cast", of("saturate_cast", dtype="int32"), 300 * A)
for name in ("bartlett", "blackman", "hamming", "hanning"):
    case(name, lambda ops, name=name: getattr(ops, name)(7))
case("kaiser", lambda ops: ops.kaiser(7, 3.0))
case("extract_sequences", of("extract_sequences", sequence_length=3, sequence_stride=2), LONG)
case("logspace", lambda ops: ops.logspace(0.0, 2.0, 5))
case("geomspace", lambda ops: ops.geomspace(1.0, 100.0, 5))
case("empty", lambda ops: ops.zeros(ops.empty((2, 3)).shape))
case("empty_like", lambda ops, x: ops.zeros_like(ops.empty_like(x)), A)

case("matmul", of("matmul"), A, normal(rng, (4, 5)))
case("matmul", of("matmul"), CUBE, normal(rng, (2, 4, 5)))
case("matmul", of("matmul"), CUBE, normal(rng, (4, 5)))
case("matmul", of("matmul"), A, ROW)
case("matmul", of("matmul"), ROW, normal(rng, (4, 5)))
case("matmul", of("matmul"), normal(rng, (5, 1, 3, 4)), normal(rng, (2, 4, 3)))
case("dot", of("dot"), A, normal(rng, (4, 5)))
case("dot", of("dot"), ROW, ROW)
case("dot", of("dot"), CUBE, ROW)
case("tensordot", lambda ops, a, b: ops.tensordot(a, b, axes=1), CUBE, normal(rng, (4, 5)))
case("tensordot", lambda ops, a, b: ops.tensordot(a, b, axes=[[0, 2], [0, 2]]), CUBE, LONG)
case("outer", of("outer"), ROW, COLUMN)
for subscripts, arrays in (
    ("ij,ij->", (A, B)),
    ("ij,kj->ik", (A, B)),
    ("bij,bkj->bik", (CUBE, LONG)),
    ("bij,bkj->ki", (CUBE, LONG)),
    ("ij->ji", (A,)),
    ("...ij,...jk->...ik", (CUBE, normal(rng, (4, 5)))),
    ("...i,...i", (CUBE, A)),
    ("bij,...j->...bi", (CUBE, normal(rng, (1, 5, 4)))),
    ("iij->ij", (normal(rng, (3, 3, 2)),)),
    ("ii", (normal(rng, (3, 3)),)),
    ("bij->b", (CUBE,)),
    ("ij,j", (A, ROW)),
    ("bij,bkj,j->ik", (CUBE, LONG, ROW)),
):
    case("einsum", lambda ops, *x, subscripts=subscripts: ops.einsum(subscripts, *x), *arrays)

case("reshape", lambda ops, x: ops.reshape(x, (2, -1, 2)), A)
case("expand_dims", lambda ops, x: ops.expand_dims(x, 1), A)
case("expand_dims", lambda ops, x: ops.expand_dims(x, (0, -1)), A)
case("squeeze", of("squeeze", axis=1), COLUMN)
case("transpose", of("transpose", axes=(2, 0, 1)), CUBE)
case("swapaxes", lambda ops, x: ops.swapaxes(x, 0, -1), CUBE)
case("moveaxis", lambda ops, x: ops.moveaxis(x, 0, -1), CUBE)
case("moveaxis", lambda ops, x: ops.moveaxis(x, [0, 1], [1, 2]), CUBE)
case("broadcast_to", lambda ops, x: ops.broadcast_to(x, (2, 3, 4)), COLUMN)
case("flip", of("flip"), CUBE)
case("flip", of("flip", axis=(0, 2)), CUBE)
case("concatenate", lambda ops, *x: ops.concatenate(x, axis=1), CUBE, LONG)
case("concatenate", lambda ops, *x: ops.concatenate(x), A, B, A)
case("stack", lambda ops, *x: ops.stack(x, axis=1), A, B)
case("hstack", lambda ops, *x: ops.hstack(x), A, B)
case("hstack", lambda ops, *x: ops.hstack(x), ROW, ROW)
case("vstack", lambda ops, *x: ops.vstack(x), A, B)
case("split", lambda ops, x: ops.split(x, 2, axis=1), A)
case("split", lambda ops, x: ops.split(x, [1, 3], axis=-1), CUBE)
case("unstack", lambda ops, x: ops.unstack(x, axis=1), CUBE)
case("tile", lambda ops, x: ops.tile(x, 3), A)
case("tile", lambda ops, x: ops.tile(x, (2, 1, 3)), A)
case("repeat", lambda ops, x: ops.repeat(x, 2), A)
case("repeat", lambda ops, x: ops.repeat(x, 3, axis=1), A)
case("roll", lambda ops, x: ops.roll(x, 2), A)
case("roll", lambda ops, x: ops.roll(x, -1, axis=1), CUBE)
case("pad", lambda ops, x: ops.pad(x, ((1, 0), (2, 3))), A)
case("pad", lambda ops, x: ops.pad(x, ((1, 1), (2, 1)), constant_values=0.5), A)
case("pad", lambda ops, x: ops.pad(x, ((0, 0), (2, 2), (1, 1)), mode="reflect"), CUBE)
case("tril", lambda ops, x: ops.tril(x, 1), CUBE)
case("triu", lambda ops, x: ops.triu(x, -1), A)
case("take", lambda ops, x: ops.take(x, PICK, axis=1), CUBE)
case("take", lambda ops, x: ops.take(x, [5, 0, 11]), A)
case("take", lambda ops, x: ops.take(x, [-1, 0, -2], axis=0), CUBE)
case("take_along_axis", lambda ops, x: ops.take_along_axis(x, PICK[:1, :, None] % 3, axis=1), normal(rng, (1, 3, 1)))
case("take_along_axis", lambda ops, x: ops.take_along_axis(x, np.array([[1, 0, 1, 2]]), axis=0), A)
case("get_item", lambda ops, x: ops.get_item(x, (slice(None), -1)), CUBE)
case("get_item", lambda ops, x: ops.get_item(x, (Ellipsis, slice(None, None, 2))), CUBE)
case("sort", of("sort"), A)
case("sort", of("sort", axis=0), CUBE)
case("argsort", of("argsort", axis=0), CUBE)
case("top_k", lambda ops, x: list(ops.top_k(x, 2)), A)
case("one_hot", lambda ops, x: ops.one_hot(x, 4), LABELS)
case("one_hot", lambda ops, x: ops.one_hot(x, 4, axis=0), PICK)

for dtype in ("float32", "int32", "bool", "uint8"):
    case("cast", of("cast", dtype=dtype), np.abs(WHOLE))
    case("cast", of("cast", dtype=dtype), np.abs(3 * A))
case("convert_to_tensor", of("convert_to_tensor"), A)
case("zeros", lambda ops: ops.zeros((2, 3)))
case("ones", lambda ops: ops.ones((2, 3), dtype="int32"))
case("full", lambda ops: ops.full((2, 3), 0.5))
case("eye", lambda ops: ops.eye(3, 4, k=1))
case("arange", lambda ops: ops.arange(5))
case("arange", lambda ops: ops.arange(1, 7, 2))
case("arange", lambda ops: ops.arange(0.0, 1.0, 0.25))
case("linspace", lambda ops: ops.linspace(0.0, 1.0, 7))
case("linspace", lambda ops: ops.linspace(0.0, 1.0, 7, endpoint=False))
case("zeros_like", of("zeros_like"), WHOLE)
case("ones_like", of("ones_like"), A)
case("full_like", lambda ops, x: ops.full_like(x, 3), A)

for options in ({}, {"padding": "same"}, {"strides": 2, "padding": "same"}, {"strides": (2, 1)}, {"dilation_rate": 2}):
    case("conv", of("conv", **options), IMAGES, KERNEL)
    case("conv", of("conv", **options), IMAGES, normal(rng, (2, 2, 2, 6)))  # two groups
    if options.get("strides") != (2, 1):
        case("conv", of("conv", **options), SERIES, normal(rng, (3, 4, 5)))
        case("depthwise_conv", of("depthwise_conv", **options), IMAGES, normal(rng, (3, 2, 4, 2)))
        case(
            "separable_conv",
            of("separable_conv", **options),
            IMAGES,
            normal(rng, (2, 2, 4, 2)),
            normal(rng, (1, 1, 8, 3)),
        )
for options in ({}, {"padding": "same"}, {"strides": 2}, {"strides": (2, 3), "padding": "same"}, {"dilation_rate": 2}):
    case("conv_transpose", of("conv_transpose", **options), IMAGES, normal(rng, (3, 2, 5, 4)))
case("conv_transpose", of("conv_transpose", strides=2, output_padding=1), IMAGES, normal(rng, (3, 3, 5, 4)))
case("conv_transpose", of("conv_transpose", strides=2), SERIES, normal(rng, (3, 5, 4)))
CHANNELS = normal(rng, (4, 4))
case("batch_normalization", lambda ops, x, m, v: ops.batch_normalization(x, m, ops.exp(v), -1), IMAGES, *CHANNELS[:2])
case(
    "batch_normalization",
    lambda ops, x, m, v, o, s: ops.batch_normalization(x, m, ops.exp(v), 1, o, s, 0.1),
    normal(rng, (2, 4, 3)),
    *CHANNELS,
)
for options in ({}, {"axis": (1, 2), "epsilon": 0.1}, {"axis": [0, 2]}):
    for name in ("layer_normalization", "rms_normalization"):
        case(name, of(name, **options), CUBE)
case("layer_normalization", lambda ops, x, g, b: ops.layer_normalization(x, g, b), CUBE, ROW, CHANNELS[0])
case("rms_normalization", lambda ops, x, s: ops.rms_normalization(x, s), CUBE, ROW)
for name in ("max_pool", "average_pool"):
    case(name, of(name, pool_size=2), IMAGES)
    case(name, of(name, pool_size=(3, 2), strides=1), IMAGES)
    case(name, of(name, pool_size=3, strides=2), SERIES)
for name in ("adaptive_average_pool", "adaptive_max_pool"):
    for size in (1, 3, (2, 5), (9, 6)):
        case(name, of(name, output_size=size), IMAGES)
    case(name, of(name, output_size=4), SERIES)
case("max_pool", of("max_pool", pool_size=3, strides=2, padding="same"), IMAGES)
case("average_pool", of("average_pool", pool_size=3, strides=1, padding="same"), IMAGES)  # padding alike on both sides

for from_logits in (False, True):
    x = A if from_logits else UNIT
    options = {"from_logits": from_logits}
    case("binary_crossentropy", lambda ops, x, options=options: ops.binary_crossentropy(BITS, x, **options), x)
    case(
        "categorical_crossentropy",
        lambda ops, x, options=options: ops.categorical_crossentropy(ONE_HOT, x, **options),
        x,
    )
    case(
        "sparse_categorical_crossentropy",
        lambda ops, x, options=options: ops.sparse_categorical_crossentropy(LABELS, x, **options),
        x,
    )

for name in ("sum", "mean", "max", "min", "prod", "std", "var", "argmax"):
    numpy_case(name, of(name, keepdims=True), CUBE)
numpy_case("vstack", lambda ops, *x: ops.vstack(x), ROW, ROW)
numpy_case("sign", of("sign"), EXTREME)
numpy_case("average", lambda ops, x, w: ops.average(x, weights=w), A, POSITIVE)
numpy_case("take", lambda ops, x: ops.take(x, [5, 0, -1]), A)
numpy_case("pad", lambda ops, x: ops.pad(x, ((0, 0), (2, 2), (1, 1)), mode="symmetric"), CUBE)

NOT_IN_KERAS = {
    "add_to_gradient",
    "batch_normalization_training",
    "dense",
    "embed",
    "flatten",
    "gru",
    "lstm",
    "simple_rnn",
    "sum_of_gradients",
}  # what cygrad's layers and tape call
OWN_TESTS = {
    "argpartition",
    "convert_to_numpy",
    "custom_gradient",
    "dot_product_attention",
    "dtype",
    "is_tensor",
    "ndim",
    "shape",
    "size",
}
ELSEWHERE = {  # in test_keras_linalg.py, test_keras_control.py, test_keras_losses.py
    "associative_scan", "cholesky", "cholesky_inverse", "cond", "ctc_decode", "ctc_loss", "det", "eigh", "fori_loop",
    "inv", "logdet", "lstsq", "map", "matrix_rank", "pinv", "qr", "scan", "slogdet", "solve", "solve_triangular", "svd",
    "switch", "vectorized_map", "while_loop",
}  # fmt: skip
# PyTorch has no gradient of these, or computes them in place
IN_PLACE = {"histogram", "scatter_update", "vander"}
WITHOUT_GRADIENT = {*STEPS.split(), *COMPARISONS.split(), "floor_divide", "heaviside", "stop_gradient", *IN_PLACE}


def listed(y):
    return list(y) if isinstance(y, (list, tuple)) else [y]


@pytest.mark.filterwarnings("ignore:The use of `x.T`:UserWarning")  # Keras's count_nonzero on PyTorch
@pytest.mark.filterwarnings("ignore:Tensor.T is deprecated:UserWarning")
@pytest.mark.parametrize(("name", "call", "arrays"), [pytest.param(*c, id=f"{c[0]}-{i}") for i, c in enumerate(CASES)])
def test_values_and_gradients(name, call, arrays):
    own, foreign = ([package.ops.convert_to_tensor(a) for a in arrays] for package in (cygrad, keras))
    ys, expected = listed(call(cygrad.ops, *own)), listed(call(keras.ops, *foreign))
    terms = max([a.size for a in arrays], default=1)
    for y, wanted in zip(ys, expected, strict=True):
        wanted, y = keras.ops.convert_to_numpy(wanted), np.asarray(y)
        kinds = {y.dtype.kind, wanted.dtype.kind}
        assert len(kinds) == 1 or kinds <= set("biu"), kinds  # a comparison or an index may be of another whole type
        close(y.astype(np.float32), wanted.astype(np.float32), terms)
    floats = [i for i, a in enumerate(arrays) if a.dtype == np.float32]
    if not floats or name in WITHOUT_GRADIENT or ys[0].dtype != "float32" or name.endswith("_like"):
        return
    # the gradient of what is of float type among the results, by what is of float type among the arrays
    places = [i for i, y in enumerate(ys) if y.dtype == "float32"]

    def by_floats(ops, *x):
        given = list(own if ops is cygrad.ops else foreign)
        for i, a in zip(floats, x):
            given[i] = a
        results = listed(call(ops, *given))
        return [results[i] for i in places]

    inputs = [arrays[i] for i in floats]
    _, dys, gradients = cygrad_vjp(lambda *x: by_floats(cygrad.ops, *x), inputs, np.random.default_rng(1))
    _, expected = keras_vjp(lambda *x: by_floats(keras.ops, *x), inputs, dys)
    for gradient, wanted in zip(gradients, expected, strict=True):
        close(gradient, wanted, terms)


@pytest.mark.parametrize(("name", "call", "arrays"), [pytest.param(*c, id=f"{c[0]}-{i}") for i, c in enumerate(NUMPY)])
def test_values_are_numpys_where_keras_departs(name, call, arrays):
    close(call(cygrad.ops, *arrays), call(np, *arrays), max(a.size for a in arrays))


def test_deviation_sparsemax_sums_to_one():
    """Keras's threshold is made of all partial sums, the paper's of the last: they agree where one place is left."""
    y = np.asarray(cygrad.ops.sparsemax(A))
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)
    assert ((y > 0).sum(-1) > 1).any()
    assert not np.allclose(keras.ops.convert_to_numpy(keras.ops.sparsemax(A)).sum(-1), 1)


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "mean", "absolute", "negative", "square"])
@pytest.mark.parametrize("x", [[[3, -1], [2, 5]], [[True, False]], 3, WHOLE, WHOLE.astype(np.uint8), [1.0, 2.0]])
def test_arrays_and_lists_of_integers_stay_whole(name, x):
    if name in ("negative", "square", "max", "min") and np.asarray(x).dtype == bool:
        return  # NumPy's and PyTorch's booleans have no such functions
    y, expected = (package.ops.convert_to_numpy(getattr(package.ops, name)(x)) for package in (cygrad, keras))
    assert (y.dtype.kind == "f") == (expected.dtype.kind == "f")
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_argpartition():
    for axis in (None, 0, 1):
        order = np.asarray(cygrad.ops.argpartition(A, 1, axis))
        values = np.take_along_axis(A if axis is not None else A.ravel(), order, axis or 0)
        wanted = np.partition(A, 1, axis)
        first = (slice(None),) * (axis or 0)
        np.testing.assert_array_equal(values[(*first, 1)], wanted[(*first, 1)])
        np.testing.assert_array_equal(values[(*first, 0)], wanted.min(axis))


def test_questions():
    for array in (A, WHOLE, BOOLS):
        assert cygrad.ops.dtype(cygrad.ops.array(array)) == keras.ops.dtype(keras.ops.array(array))
    x = cygrad.ops.ones((2, 3))
    theirs = keras.ops.ones((2, 3))
    assert cygrad.ops.is_tensor(x) and not cygrad.ops.is_tensor(A) and keras.ops.is_tensor(theirs)
    for name in ("ndim", "shape", "size"):
        assert getattr(cygrad.ops, name)(x) == getattr(keras.ops, name)(theirs)
    np.testing.assert_array_equal(cygrad.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(theirs))


def test_every_op_is_compared():
    assert set(cygrad.ops.__all__) - NOT_IN_KERAS - OWN_TESTS - ELSEWHERE == {name for name, *_ in CASES}


@pytest.mark.parametrize("name", sorted(set(cygrad.ops.__all__) - NOT_IN_KERAS))
def test_signatures(name):
    """Keras's arguments in Keras's order with Keras's defaults; ours alone are keyword-only and have defaults."""
    mine, theirs = (inspect.signature(getattr(m.ops, name)).parameters.values() for m in (cygrad, keras))
    assert all(p.default is not p.empty for p in mine if p.kind is p.KEYWORD_ONLY)
    own, foreign = (
        [(p.name, p.default) for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
        for parameters in (mine, theirs)
    )
    assert own == foreign
