"""Pooling: maxima and means over windows, or over all places, of x[N,H,W,C] (2D) and x[N,T,C] (1D)."""

from .. import ops
from .arguments import channels_last, choice, flag, numbers, window_output
from .layer import InputSpec, Layer


class _Pooling(Layer):
    """What max and average pooling share: the window and where it goes."""

    _rank = 2
    _letters = "NHWC"

    def __init__(self, pool_size, strides, padding, data_format, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.pool_size = numbers(self, "pool_size", pool_size, self._rank)
        self.strides = self.pool_size if strides is None else numbers(self, "strides", strides, self._rank)
        self.padding = choice(self, "padding", padding, ("valid", "same"))
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def compute_output_shape(self, input_shape):
        sizes = window_output(self, input_shape, self.pool_size, self.strides, self.padding)
        return (input_shape[0], *sizes, input_shape[-1])


class MaxPooling2D(_Pooling):
    """The maximum of each window, channel by channel.

    Shapes: x[N,H,W,C], y[N,P,Q,C]; strides None: the window's size. padding "valid": P = (H - R) // stride + 1,
    "same": P = ceil(H / stride), where the padding never wins.

    pool_size: the window, an integer or one an axis. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.MaxPooling2D()(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """

    _leaf = True

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding)


class AveragePooling2D(_Pooling):
    """The mean of each window, channel by channel; with padding="same" of the part that lies inside x.

    Shapes: x[N,H,W,C], y[N,P,Q,C], as in MaxPooling2D.

    pool_size: the window, an integer or one an axis. strides: the window's step, likewise. data_format: None or
    "channels_last", the only one.

    >>> cygrad.layers.AveragePooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    _leaf = True

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding)


class MaxPooling1D(_Pooling):
    """The maximum of each window along time: x[N,T,C] gives y[N,Q,C], as in MaxPooling2D.

    pool_size: the window, an integer or one an axis. strides: the window's step, likewise. padding: "valid" for none,
    "same" for as many outputs as inputs / strides. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.MaxPooling1D(2)(np.arange(4.0).reshape(1, 4, 1)).numpy().ravel().tolist()
    [1.0, 3.0]
    """

    _leaf = True
    _rank = 1
    _letters = "NTC"

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding)


class AveragePooling1D(_Pooling):
    """The mean of each window along time: x[N,T,C] gives y[N,Q,C], as in AveragePooling2D.

    pool_size: the window, an integer or one an axis. strides: the window's step, likewise. padding: "valid" for none,
    "same" for as many outputs as inputs / strides. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.AveragePooling1D(2)(np.arange(4.0).reshape(1, 4, 1)).numpy().ravel().tolist()
    [0.5, 2.5]
    """

    _leaf = True
    _rank = 1
    _letters = "NTC"

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding)


class _GlobalPooling(Layer):
    """What the global ones share: the axes between batch and channels, and shapes."""

    _axes = (1, 2)
    _letters = "NHWC"

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = channels_last(self, data_format)
        self.keepdims = flag(self, "keepdims", keepdims)
        self.input_spec = InputSpec(ndim=len(self._letters))

    def compute_output_shape(self, input_shape):
        kept = (1,) * len(self._axes) if self.keepdims else ()
        return (input_shape[0], *kept, input_shape[-1])


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean over the whole image: x[N,H,W,C] gives y[N,C], or y[N,1,1,C] with keepdims=True.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.GlobalAveragePooling2D()(np.arange(8.0).reshape(1, 2, 2, 2)).numpy().tolist()
    [[3.0, 4.0]]
    """

    _leaf = True

    def call(self, inputs):
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling):
    """The maximum over the whole image: x[N,H,W,C] gives y[N,C], or y[N,1,1,C] with keepdims=True.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.GlobalMaxPooling2D()(np.arange(8.0).reshape(1, 2, 2, 2)).numpy().tolist()
    [[6.0, 7.0]]
    """

    _leaf = True

    def call(self, inputs):
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over time: x[N,T,C] gives y[N,C], or y[N,1,C] with keepdims=True. With a mask[N,T], of what it holds.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.GlobalAveragePooling1D()(np.arange(4.0).reshape(1, 2, 2)).numpy().tolist()
    [[1.0, 2.0]]
    """

    _leaf = True
    _axes = (1,)
    _letters = "NTC"
    _makes_masks = False

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)
        kept = ops.expand_dims(ops.cast(mask, "float32"), -1)
        total = ops.sum(ops.multiply(inputs, kept), axis=1, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(kept, axis=1, keepdims=self.keepdims))

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalMaxPooling1D(_GlobalPooling):
    """The maximum over time: x[N,T,C] gives y[N,C], or y[N,1,C] with keepdims=True.

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.GlobalMaxPooling1D()(np.arange(4.0).reshape(1, 2, 2)).numpy().tolist()
    [[2.0, 3.0]]
    """

    _leaf = True
    _axes = (1,)
    _letters = "NTC"

    def call(self, inputs):
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class _AdaptivePooling(Layer):
    """What the adaptive ones share: the size of their output."""

    _rank = 2
    _letters = "NHWC"
    _leaf = True

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.output_size = numbers(self, "output_size", output_size, self._rank)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.output_size, input_shape[-1])


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The means of output_size windows of about equal size, whatever the image's: x[N,H,W,C], y[N,*output_size,C].

    output_size: an integer or two. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.AdaptiveAveragePooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    def call(self, inputs):
        return ops.adaptive_average_pool(inputs, self.output_size)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The maxima of output_size windows of about equal size, whatever the image's: x[N,H,W,C], y[N,*output_size,C].

    output_size: an integer or two. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.AdaptiveMaxPooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """

    def call(self, inputs):
        return ops.adaptive_max_pool(inputs, self.output_size)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The means of output_size windows of about equal length, however long the sequence: x[N,T,C], y[N,output_size,C].

    output_size: an integer. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.AdaptiveAveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).numpy().ravel().tolist()
    [1.0, 3.0]
    """

    _rank, _letters = 1, "NTC"

    def call(self, inputs):
        return ops.adaptive_average_pool(inputs, self.output_size)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The maxima of output_size windows of about equal length, however long the sequence: x[N,T,C], y[N,output_size,C].

    output_size: an integer. data_format: None or "channels_last", the only one.

    >>> cygrad.layers.AdaptiveMaxPooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).numpy().ravel().tolist()
    [2.0, 4.0]
    """

    _rank, _letters = 1, "NTC"

    def call(self, inputs):
        return ops.adaptive_max_pool(inputs, self.output_size)


MaxPool1D, AvgPool1D, MaxPool2D, AvgPool2D = MaxPooling1D, AveragePooling1D, MaxPooling2D, AveragePooling2D
GlobalMaxPool1D, GlobalAvgPool1D = GlobalMaxPooling1D, GlobalAveragePooling1D
GlobalMaxPool2D, GlobalAvgPool2D = GlobalMaxPooling2D, GlobalAveragePooling2D
