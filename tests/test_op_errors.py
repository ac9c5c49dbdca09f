"""The ops' errors, by their text."""

import re

import numpy as np
import pytest

from cygrad import GradientTape, ops


def custom_gradient_of_two():
    product = ops.custom_gradient(lambda a, b: (a * b, lambda dy: dy))
    with GradientTape() as tape:
        tape.watch(x := ops.ones(2))
        y = product(x, x)
    tape.gradient(y, x)


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
    "einsum ellipsis": (lambda: ops.einsum("...i,j", np.zeros(2), np.zeros((3, 4))), ValueError, "einsum: subscripts"),
    "einsum diagonal": (lambda: ops.einsum("ii", np.zeros((2, 3))), ValueError, "einsum: 'i' stands for 2 and for 3"),
    "rearrange": (
        lambda: ops.rearrange(np.zeros((2, 3)), "a b -> a"),
        ValueError,
        "rearrange: pattern 'a b",
    ),
    "rearrange sizes": (
        lambda: ops.rearrange(np.zeros((2, 3)), "a (b c) -> c a b", b=2),
        ValueError,
        "rearrange: an axis of size 3 does not fall into b c with",
    ),
    "scatter": (lambda: ops.scatter([[0, 5]], [1.0], (3, 4)), IndexError, r"scatter: an index is out .*\(3, 4\)"),
    "scatter_update": (
        lambda: ops.scatter_update(np.zeros((3, 4)), [[0, 4]], [1.0]),
        IndexError,
        r"scatter_update: an index is out of range for shape \(3, 4\)",
    ),
    "scatter_update reduction": (
        lambda: ops.scatter_update(np.zeros(3), [[0]], [1.0], "mean"),
        ValueError,
        "scatter_update: expected reduction None, .* got 'mean'",
    ),
    "segment_max": (lambda: ops.segment_max(np.zeros(3), [0, 1]), ValueError, "segment_max: expected a segment for"),
    "quantile": (lambda: ops.quantile(np.zeros(3), 1.5), ValueError, "quantile: expected shares from 0"),
    "quantile method": (lambda: ops.quantile(np.zeros(3), 0.5, method="best"), ValueError, "quantile: method must be"),
    "searchsorted": (lambda: ops.searchsorted(np.zeros((2, 2)), 1.0), ValueError, "searchsorted: expected a vector"),
    "bitwise_and": (lambda: ops.bitwise_and(1.0, 2), TypeError, "bitwise_and: expected whole numbers; got 1.0"),
    "cross": (lambda: ops.cross(np.zeros(4), np.zeros(4)), ValueError, "cross: expected vectors of 2 or 3 values"),
    "cdist": (lambda: ops.cdist(np.zeros((2, 3)), np.zeros((2, 4))), ValueError, r"cdist: expected x\[\.\.\.,M,D\]"),
    "select": (lambda: ops.select([np.ones(2, bool)], []), ValueError, "select: expected as many choices"),
    "multi_hot": (lambda: ops.multi_hot([1, 2]), TypeError, "multi_hot: expected num_classes"),
    "custom_gradient": (custom_gradient_of_two, ValueError, "custom_gradient: expected 2 gradients; got 1"),
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
