"""Convolution, channels last. Kernels: csrc/kernels/conv2d.c."""

from functools import lru_cache

from ._backend import K, as_float, empty, gradient_like, record, tracked
from .layout import reshape
from .matmul import fusion


def pair(value, op, argument, least=1):
    """An int or two as (vertical, horizontal)."""
    result = (value, value) if isinstance(value, int) else tuple(value)
    if len(result) == 1:
        result *= 2
    if len(result) != 2 or any(not isinstance(n, int) or n < least for n in result):
        raise ValueError(f"{op}: expected an integer of at least {least}, or two, for {argument}; got {value}")
    return result


def output_size(extent, window, stride, dilation, padding, op, axis):
    """(output size, padding before) of one axis: "valid" leaves the edge out, "same" gives ceil(extent / stride)."""
    span = (window - 1) * dilation + 1
    if padding == "valid":
        if extent < span:
            raise ValueError(
                f"{op}: the {axis} of the input is {extent}, less than the window's {span} "
                f"(size {window}, dilation {dilation}): the output would be empty. "
                "Is the input too small after so many strides, or should padding be 'same'?"
            )
        return (extent - span) // stride + 1, 0
    size = -(-extent // stride)
    return size, max((size - 1) * stride + span - extent, 0) // 2


def check_format(data_format, padding, op):
    if data_format not in (None, "channels_last"):
        raise ValueError(
            f"{op}: expected data_format 'channels_last' or None; got {data_format!r}. Transpose to (N, H, W, C)"
        )
    if padding not in ("valid", "same"):
        raise ValueError(f"{op}: expected padding 'valid' or 'same'; got {padding!r}")


@lru_cache(maxsize=4096)
def _geometry(x, kernel, bias, strides, padding, data_format, dilation_rate):
    """(shape of y, the size arguments of the conv2d kernels), once everything has been checked."""
    check_format(data_format, padding, "conv")
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
    P, pad_top = output_size(H, R, stride_h, dilation_h, padding, "conv", "height")
    Q, pad_left = output_size(W, S, stride_w, dilation_w, padding, "conv", "width")
    sizes = (N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups)
    return (N, P, Q, F), sizes


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1, *, bias=None, activation=None):
    """y[n,p,q,f] = sum over r,s,c of x[n, p*stride - pad + r*dilation, q*stride - pad + s*dilation, c] kernel[r,s,c,f].

    Shapes: inputs[N,H,W,C], kernel[R,S,C/groups,F], y[N,P,Q,F]; or inputs[N,W,C], kernel[S,C/groups,F], y[N,Q,F]. The
    number of groups follows from the channels. padding: "valid" (no padding; P = (H - (R-1)*dilation - 1) // stride +
    1) or "same" (zeros; P = ceil(H / stride), the odd row at the end). data_format: "channels_last" or None. Beyond
    keras.ops, bias[F] and activation (as for dense) are applied by the same kernel call. Saved for backward: inputs,
    kernel, and y for an activation. Raises ValueError for sizes that do not fit.

    >>> cygrad.ops.conv(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1))).numpy().ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    x = as_float(inputs, "conv", "inputs")
    kernel = as_float(kernel, "conv", "kernel")
    if len(x.shape) == 3 and len(kernel.shape) == 3:
        return _conv1d(x, kernel, strides, padding, data_format, dilation_rate, bias, activation)
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

    def backward(dy):
        if from_y is not None:
            dz = empty(shape)
            from_y(dz, dy, y, y.size)
        else:
            dz = dy
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
        K.reduce_sum(dbias, dz, 1, y.size // F, F, 1.0)
        return dx, dkernel, dbias

    y = record(y, tensors, backward)
    return y if after is None else after(y)


def _conv1d(x, kernel, strides, padding, data_format, dilation_rate, bias, activation):
    """The same for inputs[N,W,C]: an image of one row."""
    if not isinstance(strides, int):
        (strides,) = strides
    if not isinstance(dilation_rate, int):
        (dilation_rate,) = dilation_rate
    N, W, C = x.shape
    y = conv(
        reshape(x, (N, 1, W, C)), reshape(kernel, (1, *kernel.shape)), (1, strides), padding, data_format,
        (1, dilation_rate), bias=bias, activation=activation,
    )  # fmt: skip
    return reshape(y, (N, *y.shape[2:]))
