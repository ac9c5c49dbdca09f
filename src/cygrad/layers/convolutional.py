"""Convolutions: Conv1D, Conv2D, and those that treat channels apart, depthwise and separable ones in one and two
dimensions."""

from .. import activations, ops
from .arguments import channels_last, choice, flag, given, numbers, positive, window_output
from .core import ActivationMixin
from .layer import InputSpec, Layer
from .weights import BuiltLater


class _Convolution(ActivationMixin, Layer):
    """What all convolutions share: the window, where it goes, and the bias. rank: how many axes the window has."""

    _rank = 2
    _letters = "NHWC"
    _paddings = ("valid", "same")

    def __init__(
        self, *, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer,
        bias_regularizer, bias_constraint, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.kernel_size = numbers(self, "kernel_size", kernel_size, self._rank)
        self.strides = numbers(self, "strides", strides, self._rank)
        self.padding = choice(self, "padding", padding, self._paddings)
        self.data_format = channels_last(self, data_format)
        self.dilation_rate = numbers(self, "dilation_rate", dilation_rate, self._rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides and dilation_rate cannot both be above 1; "
                f"got {self.strides} and {self.dilation_rate}"
            )
        self.activation = activation
        self.use_bias = flag(self, "use_bias", use_bias)
        self._keep_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.bias = None
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def _finish_build(self, input_shape, filters):
        if self.use_bias:
            self.bias = self._make_weight("bias", (filters,))
        self.input_spec = InputSpec(ndim=self._rank + 2, axes={-1: input_shape[-1]})

    def _convolve(self, inputs, kernel, padding=None):
        return ops.conv(
            inputs,
            kernel,
            self.strides,
            padding or self.padding,
            dilation_rate=self.dilation_rate,
            bias=self.bias,
            activation=self._fused,
        )

    def _output_shape(self, input_shape, filters):
        padding = "same" if self.padding == "causal" else self.padding
        sizes = window_output(self, input_shape, self.kernel_size, self.strides, padding, self.dilation_rate)
        return activations.output_shape(self.activation, (input_shape[0], *sizes, filters))


class _Conv(_Convolution):
    """What Conv1D and Conv2D share: one kernel[window, C/groups, filters]."""

    kernel = BuiltLater()

    def __init__(self, *, filters, groups, kernel_initializer, kernel_regularizer, kernel_constraint, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive(self, "filters", filters)
        self.groups = positive(self, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{type(self).__name__}: groups must divide filters; "
                f"got groups={self.groups} and filters={self.filters}"
            )
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{self._title()}: groups must divide the input's channels; "
                f"got groups={self.groups} and shape {tuple(input_shape)}"
            )
        per_group = channels and channels // self.groups
        self.kernel = self._make_weight("kernel", (*self.kernel_size, per_group, self.filters))
        self._finish_build(input_shape, self.filters)

    def call(self, inputs):
        return self._convolve(inputs, self.kernel)

    def compute_output_shape(self, input_shape):
        return self._output_shape(input_shape, self.filters)


class _Depthwise(_Convolution):
    """What depthwise and separable ones share: a kernel[window,C,depth_multiplier] for each channel by itself."""

    def __init__(
        self, *, depth_multiplier, depthwise_initializer, depthwise_regularizer, depthwise_constraint, **kwargs
    ):
        super().__init__(**kwargs)
        self.depth_multiplier = positive(self, "depth_multiplier", depth_multiplier)
        self._keep_weight("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def _make_depthwise(self, name, channels):
        return self._make_weight(name, (*self.kernel_size, channels, self.depth_multiplier), "depthwise")

    @staticmethod
    def _by_channel(kernel):
        """The kernel as that of a convolution of C groups, kernel[R,S,1,C*depth_multiplier]."""
        *window, channels, multiplier = kernel.shape
        return ops.reshape(kernel, (*window, 1, channels * multiplier))


class Conv1D(_Conv):
    """A convolution along one axis, time: y = activation(the sum over a window and the channels of a group, plus bias).

    Shapes: x[N,T,C], kernel[S,C/groups,filters], bias[filters], y[N,Q,filters]. padding: "valid", "same" as in Conv2D,
    or "causal": (S-1)*dilation zeros before x, so that an output sees nothing later than itself.

    kernel_size: the window, an integer or one an axis. strides: the window's step, likewise. data_format: None or
    "channels_last", the only one. dilation_rate: the distance of the window's taps. use_bias: False leaves the bias
    out. kernel_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer,
    bias_regularizer: penalties on them (regularizers). kernel_constraint, bias_constraint: what holds after each step
    (constraints). activity_regularizer: a penalty on the output.

    >>> cygrad.layers.Conv1D(8, 3, padding="causal")(np.zeros((2, 10, 4))).shape
    (2, 10, 8)
    """

    _leaf = True
    _rank = 1
    _letters = "NTC"
    _paddings = ("valid", "same", "causal")

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
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

    def call(self, inputs):
        if self.padding != "causal":
            return super().call(inputs)
        before = (self.kernel_size[0] - 1) * self.dilation_rate[0]
        return self._convolve(inputs, self.kernel, ((before, 0),))


class Conv2D(_Conv):
    """A 2D convolution: y = activation(the sum over a window and the channels of a group, plus bias).

    Shapes: x[N,H,W,C], kernel[R,S,C/groups,filters], bias[filters], y[N,P,Q,filters]. padding: "valid" (the window
    stays inside x: P = (H - (R-1)*dilation - 1) // stride + 1) or "same" (x padded with zeros so that P = ceil(H /
    stride)). Raises ValueError for sizes that are not positive integers, for strides and dilation_rate both above 1,
    for filters or channels that groups does not divide, and for data_format="channels_first".

    kernel_size: the window, an integer or one an axis. use_bias: False leaves the bias out. kernel_initializer,
    bias_initializer: how the weights start (initializers). kernel_regularizer, bias_regularizer: penalties on them
    (regularizers). kernel_constraint, bias_constraint: what holds after each step (constraints). activity_regularizer:
    a penalty on the output.

    >>> layer = cygrad.layers.Conv2D(8, 3, padding="same", activation="relu")
    >>> layer(np.zeros((2, 28, 28, 3))).shape
    (2, 28, 28, 8)
    """

    _leaf = True

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        groups=1,
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


class _DepthwiseConv(_Depthwise):
    """What DepthwiseConv1D and DepthwiseConv2D share: they are that alone."""

    kernel = BuiltLater()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        channels = input_shape[-1]
        self.kernel = self._make_depthwise("kernel", channels)
        self._finish_build(input_shape, channels * self.depth_multiplier)

    def call(self, inputs):
        return self._convolve(inputs, self._by_channel(self.kernel))

    def compute_output_shape(self, input_shape):
        channels = input_shape[-1]
        return self._output_shape(input_shape, None if channels is None else channels * self.depth_multiplier)


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution along time of each channel by itself, with depth_multiplier filters a channel.

    Shapes: x[N,T,C], kernel[S,C,depth_multiplier], bias[C*depth_multiplier], y[N,Q,C*depth_multiplier]. The rest is as
    in DepthwiseConv2D.

    kernel_size: the window, an integer or one an axis. strides: the window's step, likewise. padding: "valid" for none,
    "same" for as many outputs as inputs / strides. data_format: None or "channels_last", the only one. dilation_rate:
    the distance of the window's taps. activation: what the output goes through, a name or a function. use_bias: False
    leaves the bias out. depthwise_initializer, bias_initializer: how the weights start (initializers).
    depthwise_regularizer, bias_regularizer: penalties on them (regularizers). depthwise_constraint, bias_constraint:
    what holds after each step (constraints). activity_regularizer: a penalty on the output.

    >>> cygrad.layers.DepthwiseConv1D(3, depth_multiplier=2)(np.zeros((1, 5, 4))).shape
    (1, 3, 8)
    """

    _leaf = True
    _rank = 1
    _letters = "NTC"

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


class DepthwiseConv2D(_DepthwiseConv):
    """A 2D convolution of each channel by itself, with depth_multiplier filters a channel.

    Shapes: x[N,H,W,C], kernel[R,S,C,depth_multiplier], bias[C*depth_multiplier], y[N,P,Q,C*depth_multiplier]; the
    filters of a channel stand side by side. Sizes, padding and errors as in Conv2D.

    kernel_size: the window, an integer or one an axis. strides: the window's step, likewise. data_format: None or
    "channels_last", the only one. dilation_rate: the distance of the window's taps. activation: what the output goes
    through, a name or a function. use_bias: False leaves the bias out. depthwise_initializer, bias_initializer: how the
    weights start (initializers). depthwise_regularizer, bias_regularizer: penalties on them (regularizers).
    depthwise_constraint, bias_constraint: what holds after each step (constraints). activity_regularizer: a penalty on
    the output.

    >>> cygrad.layers.DepthwiseConv2D(3, depth_multiplier=2)(np.zeros((1, 5, 5, 4))).shape
    (1, 3, 3, 8)
    """

    _leaf = True

    def __init__(
        self,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


class _SeparableConv(_Depthwise):
    """What SeparableConv1D and SeparableConv2D share: the depthwise convolution and the mixing of channels after it."""

    depthwise_kernel = BuiltLater()
    pointwise_kernel = BuiltLater()

    def __init__(self, *, filters, pointwise_initializer, pointwise_regularizer, pointwise_constraint, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive(self, "filters", filters)
        self._keep_weight("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)

    def build(self, input_shape):
        channels = input_shape[-1]
        self.depthwise_kernel = self._make_depthwise("depthwise_kernel", channels)
        mixed = (*(1,) * self._rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._make_weight("pointwise_kernel", mixed, "pointwise")
        self._finish_build(input_shape, self.filters)

    def call(self, inputs):
        kernel = self._by_channel(self.depthwise_kernel)
        y = ops.conv(inputs, kernel, self.strides, self.padding, dilation_rate=self.dilation_rate)
        return ops.conv(y, self.pointwise_kernel, bias=self.bias, activation=self._fused)

    def compute_output_shape(self, input_shape):
        return self._output_shape(input_shape, self.filters)


class SeparableConv1D(_SeparableConv):
    """A depthwise convolution along time, then a product that mixes the channels of a step.

    Shapes: x[N,T,C], depthwise_kernel[S,C,depth_multiplier], pointwise_kernel[1,C*depth_multiplier,filters],
    bias[filters], y[N,Q,filters]. Sizes, padding and errors as in Conv1D; "causal" is not there.

    kernel_size: the window, an integer or one an axis. strides: the window's step, likewise. data_format: None or
    "channels_last", the only one. dilation_rate: the distance of the window's taps. activation: what the output goes
    through, a name or a function. use_bias: False leaves the bias out. depthwise_initializer, pointwise_initializer,
    bias_initializer: how the weights start (initializers). depthwise_regularizer, pointwise_regularizer,
    bias_regularizer: penalties on them (regularizers). depthwise_constraint, pointwise_constraint, bias_constraint:
    what holds after each step (constraints). activity_regularizer: a penalty on the output.

    >>> cygrad.layers.SeparableConv1D(8, 3, padding="same")(np.zeros((1, 5, 4))).shape
    (1, 5, 8)
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
        data_format=None,
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


class SeparableConv2D(_SeparableConv):
    """A depthwise convolution, then one with a 1 x 1 window that mixes the channels. (Chollet 2017)

    Shapes: x[N,H,W,C], depthwise_kernel[R,S,C,depth_multiplier], pointwise_kernel[1,1,C*depth_multiplier,filters],
    bias[filters], y[N,P,Q,filters]. Sizes, padding and errors as in Conv2D; between the two is no activation.

    kernel_size: the window, an integer or one an axis. strides: the window's step, likewise. data_format: None or
    "channels_last", the only one. dilation_rate: the distance of the window's taps. use_bias: False leaves the bias
    out. depthwise_initializer, pointwise_initializer, bias_initializer: how the weights start (initializers).
    depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on them (regularizers).
    depthwise_constraint, pointwise_constraint, bias_constraint: what holds after each step (constraints).
    activity_regularizer: a penalty on the output.

    >>> cygrad.layers.SeparableConv2D(8, 3, padding="same")(np.zeros((1, 5, 5, 4))).shape
    (1, 5, 5, 8)
    """

    _leaf = True

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**given(locals()))


Convolution1D, Convolution2D = Conv1D, Conv2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
