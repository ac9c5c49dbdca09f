"""Transposed convolutions, Conv1DTranspose and Conv2DTranspose: they make an image larger where a convolution makes it
smaller."""

from .. import activations, ops
from ..ops.conv2d import transposed_size
from .arguments import given, numbers, positive
from .convolutional import _Convolution
from .weights import BuiltLater


class _ConvTranspose(_Convolution):
    """What both share: one kernel[window, filters, C], used as a convolution's input gradient uses it."""

    kernel = BuiltLater()

    def __init__(
        self, *, filters, output_padding, kernel_initializer, kernel_regularizer, kernel_constraint, **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = positive(self, "filters", filters)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = numbers(self, "output_padding", output_padding, self._rank, least=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides)):
                raise ValueError(
                    f"{type(self).__name__}: output_padding must be less than strides; "
                    f"got {self.output_padding} and {self.strides}"
                )
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape):
        self.kernel = self._make_weight("kernel", (*self.kernel_size, self.filters, input_shape[-1]))
        self._finish_build(input_shape, self.filters)

    def call(self, inputs):
        y = ops.conv_transpose(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            dilation_rate=self.dilation_rate,
            bias=self.bias,
        )
        return self.activation(y)

    def compute_output_shape(self, input_shape):
        sizes = []
        for axis, size in enumerate(input_shape[1:-1]):
            extra = None if self.output_padding is None else self.output_padding[axis]
            window = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis], self.padding
            sizes.append(None if size is None else transposed_size(size, *window, extra)[0])
        return activations.output_shape(self.activation, (input_shape[0], *sizes, self.filters))


class Conv1DTranspose(_ConvTranspose):
    """The transpose of Conv1D as a linear map: each step of x adds the kernel, times its value, to a window of y.

    Shapes: x[N,T,C], kernel[S,filters,C], bias[filters], y[N,Q,filters]. With span = (S-1) * dilation + 1: Q = T *
    strides for padding "same", T * strides + max(span - strides, 0) for "valid"; output_padding, less than strides,
    says Q's remainder instead: Q = (T-1) * strides + span + output_padding, less span // 2 * 2 for "same".

    kernel_size: the window, an integer or one an axis. data_format: None or "channels_last", the only one.
    dilation_rate: the distance of the window's taps. activation: what the output goes through, a name or a function.
    use_bias: False leaves the bias out. kernel_initializer, bias_initializer: how the weights start (initializers).
    kernel_regularizer, bias_regularizer: penalties on them (regularizers). kernel_constraint, bias_constraint: what
    holds after each step (constraints). activity_regularizer: a penalty on the output.

    >>> cygrad.layers.Conv1DTranspose(8, 3, strides=2, padding="same")(np.zeros((2, 10, 4))).shape
    (2, 20, 8)
    """

    _leaf = True
    _rank = 1
    _letters = "NTC"

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


class Conv2DTranspose(_ConvTranspose):
    """The transpose of Conv2D as a linear map: each pixel of x adds the kernel, times its value, to a window of y.

    Shapes: x[N,H,W,C], kernel[R,S,filters,C], bias[filters], y[N,P,Q,filters]; P and Q as in Conv1DTranspose.

    kernel_size: the window, an integer or one an axis. output_padding: how much longer the output is, within the
    strides. data_format: None or "channels_last", the only one. dilation_rate: the distance of the window's taps.
    activation: what the output goes through, a name or a function. use_bias: False leaves the bias out.
    kernel_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer, bias_regularizer:
    penalties on them (regularizers). kernel_constraint, bias_constraint: what holds after each step (constraints).
    activity_regularizer: a penalty on the output.

    >>> cygrad.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(np.zeros((2, 7, 7, 4))).shape
    (2, 14, 14, 8)
    """

    _leaf = True

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
