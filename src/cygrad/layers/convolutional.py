"""Convolutions."""

from .. import constraints, initializers, ops, regularizers
from .arguments import channels_last, choice, flag, numbers, positive, window_output
from .core import ActivationMixin
from .layer import InputSpec, Layer


class Conv2D(ActivationMixin, Layer):
    """A 2D convolution: y = activation(the sum over a window and the channels of a group, plus bias).

    Shapes: x[N,H,W,C], kernel[R,S,C/groups,filters], bias[filters], y[N,P,Q,filters]. padding: "valid" (the window
    stays inside x: P = (H - (R-1)*dilation - 1) // stride + 1) or "same" (x padded with zeros so that P = ceil(H /
    stride)). Raises ValueError for sizes that are not positive integers, for strides and dilation_rate both above 1,
    for filters or channels that groups does not divide, and for data_format="channels_first".

    >>> layer = cygrad.layers.Conv2D(8, 3, padding="same", activation="relu")
    >>> layer(np.zeros((2, 28, 28, 3))).shape
    (2, 28, 28, 8)
    """

    _leaf = True
    _letters = "NHWC"

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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive(self, "filters", filters)
        self.kernel_size = numbers(self, "kernel_size", kernel_size, 2)
        self.strides = numbers(self, "strides", strides, 2)
        self.padding = choice(self, "padding", padding, ("valid", "same"))
        self.data_format = channels_last(self, data_format)
        self.dilation_rate = numbers(self, "dilation_rate", dilation_rate, 2)
        self.groups = positive(self, "groups", groups)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"Conv2D: strides and dilation_rate cannot both be above 1; got {self.strides} and {self.dilation_rate}"
            )
        if self.filters % self.groups:
            raise ValueError(f"Conv2D: groups must divide filters; got groups={self.groups} and filters={self.filters}")
        self.activation = activation
        self.use_bias = flag(self, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel = self.bias = None
        self.input_spec = InputSpec(ndim=4)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{self._title()}: groups must divide the input's channels; "
                f"got groups={self.groups} and shape {tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels and channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(ndim=4, axes={-1: channels})

    def call(self, inputs):
        return ops.conv(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            dilation_rate=self.dilation_rate,
            bias=self.bias,
            activation=self._fused,
        )

    def compute_output_shape(self, input_shape):
        sizes = window_output(self, input_shape, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return (input_shape[0], *sizes, self.filters)


Convolution2D = Conv2D
