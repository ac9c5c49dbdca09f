"""Convolution, channels last. Kernels: csrc/kernels/conv2d.c."""

from functools import lru_cache
from operator import index

from ._backend import K, as_float, empty, gradient_like, record, shell, tracked
from .elementwise import add
from .layout import reshape
from .matmul import fusion


def pair(value, op, argument, least=1):
    """An integer or two as (vertical, horizontal)."""
    try:
        result = tuple(index(n) for n in value) if isinstance(value, (tuple, list)) else (index(value),)
    except TypeError:
        result = ()
    if len(result) not in (1, 2) or min(result) < least:
        raise ValueError(f"{op}: expected an integer of at least {least}, or two, for {argument}; got {value}")
    return result if len(result) == 2 else result * 2


def output_size(extent, window, stride, dilation, padding, op, axis):
    """(output size, padding before) of one axis: "valid" leaves the edge out, "same" gives ceil(extent / stride), a
    pair is what to add before and after."""
    span = (window - 1) * dilation + 1
    if padding == "same":
        size = -(-extent // stride)
        return size, max((size - 1) * stride + span - extent, 0) // 2
    before, after = (0, 0) if padding == "valid" else padding
    padded = before + extent + after
    if padded < span:
        raise ValueError(
            f"{op}: the {axis} of the input is {padded}, less than the window's {span} "
            f"(size {window}, dilation {dilation}): the output would be empty. "
            "Is the input too small after so many strides, or should padding be 'same'?"
        )
    return (padded - span) // stride + 1, before


def check_format(data_format, padding, op):
    if data_format not in (None, "channels_last"):
        raise ValueError(
            f"{op}: expected data_format 'channels_last' or None; got {data_format!r}. Transpose to (N, H, W, C)"
        )
    if padding not in ("valid", "same"):
        raise ValueError(f"{op}: expected padding 'valid' or 'same'; got {padding!r}")


def _per_axis(padding, axes):
    """padding as a tuple for the cache: a word, or a pair for each of the axes."""
    if isinstance(padding, str):
        return padding
    try:
        pairs = tuple((index(before), index(after)) for before, after in padding)
    except (TypeError, ValueError):
        pairs = ()
    if len(pairs) != axes or any(n < 0 for pair in pairs for n in pair):
        raise ValueError(
            f"conv: expected padding 'valid', 'same', or (before, after) of at least 0 for each of {axes} axes; "
            f"got {padding!r}"
        )
    return pairs


@lru_cache(maxsize=4096)
def _geometry(x, kernel, bias, strides, padding, data_format, dilation_rate):
    """(shape of y, the size arguments of the conv2d kernels), once everything has been checked."""
    check_format(data_format, padding if isinstance(padding, str) else "valid", "conv")
    if len(x) != 4 or len(kernel) != 4:
        raise ValueError(
            f"conv: expected inputs[N,H,W,C] and kernel[R,S,C/groups,F]; got shapes {x} and {kernel}. "
            "Is the batch or the channel axis missing?"
        )
    N, H, W, C = x
    R, S, D, F = kernel
    if D < 1 or F < 1 or R < 1 or S < 1 or C < 1 or C % D:
        raise ValueError(
            f"conv: the input has {C} channels, which is not a multiple of the {D} that kernel[R,S,C/groups,F] "
            f"of shape {kernel} takes. Was the layer built for other data, or are the channels not the last axis?"
        )
    groups = C // D
    if F % groups:
        raise ValueError(
            f"conv: {F} filters cannot be divided into the {groups} groups that {C} channels and kernel {kernel} imply"
        )
    if bias is not None and bias != (F,):
        raise ValueError(f"conv: expected bias[{F}], one for each filter; got shape {bias}")
    stride_h, stride_w = pair(strides, "conv", "strides")
    dilation_h, dilation_w = pair(dilation_rate, "conv", "dilation_rate")
    rows, columns = (padding, padding) if isinstance(padding, str) else padding
    P, pad_top = output_size(H, R, stride_h, dilation_h, rows, "conv", "height")
    Q, pad_left = output_size(W, S, stride_w, dilation_w, columns, "conv", "width")
    sizes = (N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups)
    return (N, P, Q, F), sizes


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1, *, bias=None, activation=None):
    """y[n,p,q,f] = sum over r,s,c of x[n, p*stride - pad + r*dilation, q*stride - pad + s*dilation, c] kernel[r,s,c,f].

    Shapes: inputs[N,H,W,C], kernel[R,S,C/groups,F], y[N,P,Q,F]; or inputs[N,W,C], kernel[S,C/groups,F], y[N,Q,F]. The
    number of groups follows from the channels. padding: "valid" (no padding; P = (H - (R-1)*dilation - 1) // stride +
    1) or "same" (zeros; P = ceil(H / stride), the odd row at the end). data_format: "channels_last" or None. Beyond
    keras.ops, padding may be the zeros themselves, ((top, bottom), (left, right)), which spares the copy that ops.pad
    makes; and bias[F] and activation (as for dense) are applied by the same kernel call. Saved for backward: inputs,
    kernel, and y for an activation. Raises ValueError for sizes that do not fit.

    strides: the window's step, an integer or one an axis. dilation_rate: the distance of the window's taps.

    >>> cygrad.ops.conv(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1))).numpy().ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    x = as_float(inputs, "conv", "inputs")
    kernel = as_float(kernel, "conv", "kernel")
    if len(x.shape) == 3 and len(kernel.shape) == 3:
        return _conv1d(x, kernel, strides, padding, data_format, dilation_rate, bias, activation)
    if type(padding) is not str:
        padding = _per_axis(padding, 2)
    if type(strides) is list:
        strides = tuple(strides)
    if type(dilation_rate) is list:
        dilation_rate = tuple(dilation_rate)
    if bias is None:
        tensors = (x, kernel)
        shape, sizes = _geometry(x.shape, kernel.shape, None, strides, padding, data_format, dilation_rate)
    else:
        bias = as_float(bias, "conv", "bias")
        tensors = (x, kernel, bias)
        shape, sizes = _geometry(x.shape, kernel.shape, bias.shape, strides, padding, data_format, dilation_rate)
    number, from_y, after = fusion(activation, "conv")
    y = empty(shape)
    K.conv2d_forward(y, x, kernel, bias, *sizes, number)
    through_activation = None if from_y is None else from_y(y)
    x = x if tracked(kernel) else shell(x)

    def backward(dy):
        dz = dy if through_activation is None else through_activation(dy)
        dx = dkernel = None
        if tracked(kernel):
            dkernel = gradient_like(kernel)
            K.conv2d_backward_kernel(dkernel, dz, x, *sizes)
        if tracked(x):
            dx = gradient_like(x)
            K.conv2d_backward_input(dx, dz, kernel, *sizes)
        if bias is None:
            return dx, dkernel
        if not tracked(bias):
            return dx, dkernel, None
        dbias = gradient_like(bias)
        F = shape[3]
        K.reduce_sum(dbias, dz, 1, dz.size // F, F, 1.0)
        return dx, dkernel, dbias

    y = record(y, tensors, backward)
    return y if after is None else after(y)


def _conv1d(x, kernel, strides, padding, data_format, dilation_rate, bias, activation):
    """The same for inputs[N,W,C]: an image of one row."""
    if not isinstance(strides, int):
        (strides,) = strides
    if not isinstance(dilation_rate, int):
        (dilation_rate,) = dilation_rate
    if type(padding) is not str:
        padding = ((0, 0), *_per_axis(padding, 1))
    N, W, C = x.shape
    y = conv(
        reshape(x, (N, 1, W, C)), reshape(kernel, (1, *kernel.shape)), (1, strides), padding, data_format,
        (1, dilation_rate), bias=bias, activation=activation,
    )  # fmt: skip
    return reshape(y, (N, *y.shape[2:]))


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """conv of each channel by itself, with D filters a channel: y[n,p,q,c*D+d] from x[n,:,:,c] and kernel[:,:,c,d].

    Shapes: inputs[N,H,W,C], kernel[R,S,C,D], y[N,P,Q,C*D]; or inputs[N,W,C], kernel[S,C,D], y[N,Q,C*D]. The rest is as
    for conv.

    strides: the window's step, an integer or one an axis. padding: "valid" for none, "same" for as many outputs as
    inputs / strides. data_format: None or "channels_last", the only one. dilation_rate: the distance of the window's
    taps.

    >>> cygrad.ops.depthwise_conv(np.ones((1, 2, 2, 3)), np.ones((2, 2, 3, 1))).numpy().ravel().tolist()
    [4.0, 4.0, 4.0]
    """
    x, kernel = as_float(inputs, "depthwise_conv", "inputs"), as_float(kernel, "depthwise_conv", "kernel")
    if len(x.shape) not in (3, 4) or len(kernel.shape) != len(x.shape) or kernel.shape[-2] != x.shape[-1]:
        raise ValueError(
            f"depthwise_conv: expected inputs[N,H,W,C] and kernel[R,S,C,D], or inputs[N,W,C] and kernel[S,C,D]; "
            f"got shapes {x.shape} and {kernel.shape}"
        )
    C, D = kernel.shape[-2:]
    kernel = reshape(kernel, (*kernel.shape[:-2], 1, C * D))
    return conv(x, kernel, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1
):
    """depthwise_conv with depthwise_kernel, then conv of one pixel with pointwise_kernel.

    Shapes: inputs[N,H,W,C], depthwise_kernel[R,S,C,D], pointwise_kernel[1,1,C*D,F], y[N,P,Q,F], or an axis less.

    strides: the window's step, an integer or one an axis. padding: "valid" for none, "same" for as many outputs as
    inputs / strides. data_format: None or "channels_last", the only one. dilation_rate: the distance of the window's
    taps.

    >>> cygrad.ops.separable_conv(np.ones((1, 2, 2, 3)), np.ones((2, 2, 3, 1)), np.ones((1, 1, 3, 1))).item()
    12.0
    """
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format)


def transposed_size(extent, window, stride, dilation, padding, output_padding):
    """(output size, padding that the conv from there back would have) of one axis of conv_transpose, as in Keras."""
    span = (window - 1) * dilation + 1
    if output_padding is None:
        size = extent * stride + (max(span - stride, 0) if padding == "valid" else 0)
    else:
        size = (extent - 1) * stride + span + output_padding - (span // 2 * 2 if padding == "same" else 0)
    return size, max((extent - 1) * stride + span - size, 0) // 2 if padding == "same" else 0


@lru_cache(maxsize=4096)
def _transpose_geometry(x, kernel, strides, padding, output_padding, data_format, dilation_rate):
    """(shape of y, the size arguments of the conv2d kernels for the conv from y to x)."""
    check_format(data_format, padding, "conv_transpose")
    if len(x) != 4 or len(kernel) != 4 or kernel[3] != x[3]:
        raise ValueError(
            f"conv_transpose: expected inputs[N,P,Q,C] and kernel[R,S,F,C]; got shapes {x} and {kernel}. "
            "The kernel's last axis is the input's channels"
        )
    N, P, Q, C = x
    R, S, F, _ = kernel
    stride_h, stride_w = pair(strides, "conv_transpose", "strides")
    dilation_h, dilation_w = pair(dilation_rate, "conv_transpose", "dilation_rate")
    extra = (None, None) if output_padding is None else pair(output_padding, "conv_transpose", "output_padding", 0)
    if output_padding is not None and not (extra[0] < stride_h and extra[1] < stride_w):
        raise ValueError(f"conv_transpose: expected output_padding below strides {strides}; got {output_padding}")
    H, pad_top = transposed_size(P, R, stride_h, dilation_h, padding, extra[0])
    W, pad_left = transposed_size(Q, S, stride_w, dilation_w, padding, extra[1])
    return (N, H, W, F), (
        N, H, W, F, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, 1,
    )  # fmt: skip


def conv_transpose(
    inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1, *, bias=None
):
    """The transpose of conv as a linear map: y[n, p*stride - pad + r*dilation, ..., f] += x[n,p,q,c] kernel[r,s,f,c].

    Shapes: inputs[N,P,Q,C], kernel[R,S,F,C], y[N,H,W,F]; or inputs[N,Q,C], kernel[S,F,C], y[N,W,F]. With span = (R-1) *
    dilation + 1: H = P * stride for padding "same", P * stride + max(span - stride, 0) for "valid"; with output_padding
    (P-1) * stride + span + output_padding, less span // 2 * 2 for "same". bias[F], beyond keras.ops, is added. Raises
    ValueError for sizes that do not fit.

    strides: the window's step, an integer or one an axis. data_format: None or "channels_last", the only one.
    dilation_rate: the distance of the window's taps.

    >>> cygrad.ops.conv_transpose(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1))).numpy().ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    x, kernel = as_float(inputs, "conv_transpose", "inputs"), as_float(kernel, "conv_transpose", "kernel")
    strides = tuple(strides) if type(strides) is list else strides
    dilation_rate = tuple(dilation_rate) if type(dilation_rate) is list else dilation_rate
    output_padding = tuple(output_padding) if type(output_padding) is list else output_padding
    if len(x.shape) == 3 and len(kernel.shape) == 3:
        along = [n if n is None or isinstance(n, int) else n[0] for n in (strides, output_padding, dilation_rate)]
        stride, extra, dilation = along
        y = conv_transpose(
            reshape(x, (x.shape[0], 1, *x.shape[1:])), reshape(kernel, (1, *kernel.shape)), (1, stride), padding,
            None if extra is None else (0, extra), data_format, (1, dilation), bias=bias,
        )  # fmt: skip
        return reshape(y, (y.shape[0], *y.shape[2:]))
    shape, sizes = _transpose_geometry(
        x.shape, kernel.shape, strides, padding, output_padding, data_format, dilation_rate
    )
    y = empty(shape)
    K.conv2d_backward_input(y, x, kernel, *sizes)

    def backward(dy):
        dx = dkernel = None
        if tracked(x):
            dx = gradient_like(x)
            K.conv2d_forward(dx, dy, kernel, None, *sizes, 0)
        if tracked(kernel):
            dkernel = gradient_like(kernel)
            K.conv2d_backward_kernel(dkernel, x, dy, *sizes)
        return dx, dkernel

    y = record(y, (x, kernel), backward)
    return y if bias is None else add(y, bias)
