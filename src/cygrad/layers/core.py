"""Layers that hold a network together: Input, Dense, Activation, Identity, Masking, Flatten, Reshape."""

import math
import warnings
from operator import attrgetter

import numpy as np

from .. import _lookup, activations, ops
from .arguments import channels_last, flag, positive
from .layer import InputSpec, Layer
from .naming import auto_name
from .symbolic import KerasTensor, Node
from .weights import BuiltLater


class InputLayer(Layer):
    """Where data enters a functional model. Input makes one and gives its symbolic output.

    shape: one sample's, None for axes that are open. batch_size: the batch's size where it is fixed. batch_shape: shape
    with the batch axis, in its place. optional: the model may be called without it. sparse, ragged and input_tensor are
    not supported: ValueError.

    >>> cygrad.layers.InputLayer((28, 28, 1), name='image').output.shape
    (None, 28, 28, 1)
    """

    def __init__(
        self,
        shape=None,
        batch_size=None,
        dtype=None,
        sparse=None,
        ragged=None,
        batch_shape=None,
        input_tensor=None,
        optional=False,
        name=None,
        **kwargs,
    ):
        kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        for argument, value in (("sparse", sparse), ("ragged", ragged), ("input_tensor", input_tensor)):
            if value is not None and value is not False:
                raise ValueError(f"InputLayer: {argument} is not supported: tensors here are dense")
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "InputLayer: expected shape (without the batch axis) or batch_shape (with it), one of them"
            )
        if shape is not None:
            shape = (shape,) if isinstance(shape, (int, np.integer)) else shape
            batch_shape = (batch_size, *shape)
        elif batch_size is not None:
            raise ValueError("InputLayer: batch_size goes with shape; batch_shape has it as its first number")
        for size in batch_shape:
            if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0):
                raise ValueError(
                    f"InputLayer: a shape holds whole numbers, and None for what is open; got {tuple(batch_shape)}"
                )
        self.batch_shape = tuple([None if s is None else int(s) for s in batch_shape])
        self._dtype = _data_type(dtype)
        self.optional = optional
        self.built = True
        Node(self, (), {}, KerasTensor(self.batch_shape, self._dtype, name=self.name))

    @property
    def dtype(self):
        return self._dtype

    @property
    def batch_size(self):
        return self.batch_shape[0]

    @property
    def shape(self):
        return self.batch_shape[1:]

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape=None):
        return self.batch_shape

    def get_config(self):
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "optional": self.optional,
            "name": self.name,
        }


def _data_type(dtype):
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if dtype in ("string", str):
        return "string"
    name = "float32" if dtype is None else np.dtype(dtype).name
    if name in ("float16", "float64"):
        name = "float32"
    if name not in ("float32", "int32", "int64", "uint8", "bool"):
        raise ValueError(f"InputLayer: dtype must be float32, int32, int64, uint8, bool or string; got {dtype!r}")
    return name


def Input(
    shape=None,
    batch_size=None,
    dtype=None,
    sparse=None,
    ragged=None,
    batch_shape=None,
    name=None,
    tensor=None,
    optional=False,
):
    """A symbolic tensor that models start from: Input((28, 28, 1)) stands for x[N,28,28,1]; None leaves an axis open.

    batch_size: the batch's size where it is fixed. batch_shape: shape with the batch axis, in its place. optional: the
    model may be called without it. sparse and ragged are not supported: ValueError.

    >>> cygrad.Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output


class Operation(Layer):
    """A call of one function of cygrad.ops in a functional model: what x + y on symbolic tensors makes."""

    def __init__(self, function, **kwargs):
        known = [*ops.__all__, *(f"image.{name}" for name in ops.image.__all__)]
        if function not in known:
            raise _lookup.unknown("operation of cygrad.ops", function, known)
        kwargs["name"] = kwargs.get("name") or auto_name(function.removeprefix("image."))
        super().__init__(**kwargs)
        self._operation = attrgetter(function)(ops)
        self.function = function

    def call(self, *args, **kwargs):
        return self._operation(*args, **kwargs)


class ActivationMixin:
    """`activation` for a layer whose op applies it: get and set as a function, given to the op as `_fused`."""

    @property
    def activation(self):
        return self._activation

    @activation.setter
    def activation(self, activation):
        self._activation = activations.get(activation)
        self._fused = activations.fusable(self._activation)


class Dense(ActivationMixin, Layer):
    """A fully connected layer: y = activation(x @ kernel + bias).

    Shapes: x[N,...,C], kernel[C,units], bias[units], y[N,...,units]. Raises ValueError where units is not a positive
    integer.

    use_bias: False leaves the bias out. kernel_regularizer, bias_regularizer: penalties on them (regularizers).
    kernel_constraint, bias_constraint: what holds after each step (constraints). activity_regularizer: a penalty on the
    output.

    >>> layer = cygrad.layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]])).numpy().tolist()
    [[7.0, 7.0]]
    """

    kernel = BuiltLater()

    _leaf = True
    _letters = "N...C"

    def __init__(
        self,
        units,
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
        self.units = positive(self, "units", units)
        self.activation = activation
        self.use_bias = flag(self, "use_bias", use_bias)
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.bias = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        if self.units == 1 and self.activation is activations.softmax:
            warnings.warn(
                f"{self._title()}: a softmax over one unit is always 1; is a sigmoid meant, or one unit a class?",
                stacklevel=2,
            )

    def build(self, input_shape):
        features = input_shape[-1]
        self.kernel = self._make_weight("kernel", (features, self.units))
        if self.use_bias:
            self.bias = self._make_weight("bias", (self.units,))
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs):
        return ops.dense(inputs, self.kernel, self.bias, self._fused)

    def compute_output_shape(self, input_shape):
        return activations.output_shape(self.activation, (*input_shape[:-1], self.units))


class Activation(Layer):
    """y = activation(x), for a name or a function.

    >>> cygrad.layers.Activation("relu")(np.array([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    _leaf = True

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs):
        return self.activation(inputs)

    def compute_output_shape(self, input_shape):
        return activations.output_shape(self.activation, input_shape)


class Identity(Layer):
    """y = x.

    >>> cygrad.layers.Identity()(np.array([1.0])).numpy().tolist()
    [1.0]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


class Masking(Layer):
    """y = x, but 0 in the steps where all of x[n,t] is mask_value; the layers after it leave these steps out.

    >>> y = cygrad.layers.Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    >>> y._keras_mask.numpy().tolist()
    [[True, False]]
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        mask = self.compute_mask(inputs)
        y = ops.where(ops.expand_dims(mask, -1), inputs, 0.0)
        y._keras_mask = mask
        return y

    def compute_output_shape(self, input_shape):
        return input_shape


class Flatten(Layer):
    """All axes but the batch's as one: x[N,...] gives y[N,K].

    data_format: None or "channels_last", the only one.

    >>> cygrad.layers.Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    _leaf = True

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        shape = inputs.shape
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def compute_output_shape(self, input_shape):
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))


class Reshape(Layer):
    """x[N,...] in another shape: y[N,*target_shape]. One size may be -1: what is left for it.

    Raises ValueError where the number of values differs.

    >>> cygrad.layers.Reshape((2, -1))(np.zeros((5, 6))).shape
    (5, 2, 3)
    """

    _leaf = True

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = (target_shape,) if isinstance(target_shape, (int, np.integer)) else tuple(target_shape)
        whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= -1 for s in target_shape)
        if not whole or target_shape.count(-1) > 1:
            raise ValueError(f"Reshape: target_shape must hold sizes, at most one of them -1; got {target_shape}")
        self.target_shape = tuple([int(s) for s in target_shape])
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        return ops.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape):
        target, rest = self.target_shape, tuple(input_shape[1:])
        if None in rest:
            return (input_shape[0], *[None if s == -1 else s for s in target])
        size, known = math.prod(rest), math.prod(s for s in target if s != -1)
        if known != size if -1 not in target else (known == 0 or size % known):
            raise ValueError(
                f"{self._title()}: x[N,{','.join(map(str, rest))}] has {size} values a sample, "
                f"which do not go into target_shape {target}"
            )
        return (input_shape[0], *[size // known if s == -1 else s for s in target])
