"""Ops stay in a recording, forward and backward: a step that uses them is replayed (docs/decisions.md, 13)."""

import numpy as np
import pytest

import cygrad
from cygrad import _core, ops

rng = np.random.default_rng(0)
F = rng.random((4, 6)).astype("float32")
I = rng.integers(0, 4, (4, 6)).astype("int32")  # noqa: E741
B = rng.random((4, 6)) < 0.5
INDEX = np.array([0, 2, 1], "int32")

PAIRS = """equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor maximum minimum add
    subtract multiply divide floor_divide mod isclose"""
ANY_TYPE = """logical_not isnan isinf isfinite any all sign floor ceil round trunc square absolute sum mean max min prod
    argmax argmin cumsum cumprod argsort sort count_nonzero amax
    median nansum nanmax nanargmin zeros_like ones_like ravel transpose flip tril triu"""
FLOATS = """log1p expm1 log2 log10 sin cos tan arcsin arccos arctan sinh cosh arcsinh arctanh erf erfinv logsumexp norm
    normalize reciprocal rsqrt var std softmax nanmean nanvar nanmedian corrcoef glu sparse_plus signbit ptp"""
CASES = {
    **{f"{name} {a.dtype}": (getattr(ops, name), a, a) for name in PAIRS.split() for a in (F, I)},
    **{f"{name} number": (lambda x, name=name: getattr(ops, name)(x, 2), a) for name in PAIRS.split() for a in (F, I)},
    **{f"{name} {a.dtype}": (getattr(ops, name), a) for name in ANY_TYPE.split() for a in (F, I, B)},
    **{name: (getattr(ops, name), F) for name in FLOATS.split()},
    "power": (ops.power, F, F),
    "arctan2": (ops.arctan2, F, F),
    "hypot": (ops.hypot, F, F),
    "logaddexp": (ops.logaddexp, F, F),
    "quantile": (lambda x: ops.quantile(x, [0.1, 0.7], 1), F),
    "histogram": (lambda x: ops.histogram(x, 3)[0], F),
    "isin": (ops.isin, I, I),
    "digitize": (lambda x: ops.digitize(x, [0.2, 0.6]), F),
    "in_top_k": (lambda x: ops.in_top_k([0, 1, 2, 3], x, 2), F),
    "multi_hot": (lambda x: ops.multi_hot(x, 4), I),
    "unravel_index": (lambda x: ops.unravel_index(x, (2, 2))[0], I),
    "cdist": (ops.cdist, F, 2 * F),
    "cross": (lambda x: ops.cross(x[:, :3], x[:, 3:]), F),
    "kron": (ops.kron, F, F),
    "correlate": (lambda x: ops.correlate(x[0], x[1], "same"), F),
    "trapezoid": (ops.trapezoid, F),
    "rearrange": (lambda x: ops.rearrange(x, "a (b c) -> c a b", b=2), F),
    "einsum": (lambda x, y: ops.einsum("ij,kj->ik", x, y), F, F),
    "pad reflect": (lambda x: ops.pad(x, 1, "reflect"), F),
    "average": (lambda x, w: ops.average(x, 1, w), F, F[0]),
    "numbers made of sizes": (lambda x: x * ops.reshape(ops.arange(6), (1, 6)) + ops.full((6,), 0.5) @ ops.eye(6), F),
}
SHAPED = {
    "slice": lambda x, b, i: x[:, 1:3],
    "row": lambda x, b, i: x[:, 1],
    "rows": lambda x, b, i: x[i],
    "broadcast_to": lambda x, b, i: ops.broadcast_to(x, (2, 4, 6)),
    "concatenate": lambda x, b, i: ops.concatenate([x, x], 1),
    "stack": lambda x, b, i: ops.stack([x, x]),
    "split": lambda x, b, i: ops.split(x, 2, 1)[0],
    "unstack": lambda x, b, i: ops.unstack(x)[0],
    "tile": lambda x, b, i: ops.tile(x, (2, 1)),
    "pad": lambda x, b, i: ops.pad(x, 1),
    "take": lambda x, b, i: ops.take(x, i, 1),
    "take list": lambda x, b, i: ops.take(x, [0, 1], 1),
    "repeat": lambda x, b, i: ops.repeat(x, 2, 1),
    "roll": lambda x, b, i: ops.roll(x, 1, 1),
    "where": lambda x, b, i: ops.where(b, x, x),
    "where number": lambda x, b, i: ops.where(b, x, 0),
    "where any": lambda x, b, i: ops.where(x, 1.0, x),
    "clip": lambda x, b, i: ops.clip(x, 0, 1),
    "cast float32": lambda x, b, i: ops.cast(x, "float32"),
    "cast int32": lambda x, b, i: ops.cast(x, "int32"),
    "cast bool": lambda x, b, i: ops.cast(x, "bool"),
    "cast uint8": lambda x, b, i: ops.cast(x, "uint8"),
    "take_along_axis": lambda x, b, i: ops.take_along_axis(x, [[0], [1], [2], [3]], 1),
    "top_k": lambda x, b, i: ops.top_k(x, 2)[0],
    "full_like": lambda x, b, i: ops.full_like(x, 3),
    "select": lambda x, b, i: ops.select([b, x > 0.5], [x, x + x]),
    "scatter_update": lambda x, b, i: ops.scatter_update(x, [[1], [2], [1]], x[:3]),
    "segment_prod": lambda x, b, i: ops.segment_prod(x[:3], i, 4),
}
for _name, _function in SHAPED.items():
    for _x in (F, I, B):
        CASES[f"{_name} {_x.dtype}"] = (_function, _x, B, INDEX)


@pytest.mark.parametrize("name", CASES)
def test_no_op_leaves_the_recording(name):
    function, *arrays = CASES[name]
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    watched = [t for t in tensors if t.dtype == "float32"]
    with _core.Recorder() as recorder, cygrad.GradientTape() as tape:
        tape.watch(watched)
        y = function(*tensors)
        if watched and y.dtype == "float32":
            tape.gradient(y, watched)
    assert recorder.reason is None
