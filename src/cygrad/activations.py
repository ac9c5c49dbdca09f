"""Activation functions under keras.activations's names, with its defaults. Most are cygrad.ops's own functions."""

import inspect

from . import _lookup, ops
from .ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from .ops import exp as exponential


def linear(x):
    """x itself.

    >>> cygrad.activations.linear(3.0)
    3.0
    """
    return x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0) by default; in general x (at most max_value) from threshold on, negative_slope * (x - threshold) below.

    >>> cygrad.activations.relu([-2.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0).numpy().tolist()
    [-1.0, 0.5, 6.0]
    """
    if max_value is None and threshold == 0:
        return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    if negative_slope < 0 or (max_value is not None and max_value < 0):
        raise ValueError(
            f"relu: negative_slope and max_value must not be negative; got {negative_slope} and {max_value}"
        )
    if threshold == 0 and not negative_slope:
        return ops.clip(x, 0.0, max_value)
    x = ops.convert_to_tensor(x, dtype="float32") if not hasattr(x, "shape") else x
    above = ops.where(ops.greater_equal(x, threshold), x, 0.0)
    if max_value is not None:
        above = ops.minimum(above, max_value)
    if not negative_slope:
        return above
    return ops.subtract(above, ops.multiply(ops.relu(ops.subtract(threshold, x)), negative_slope))


def gelu(x, approximate=False):
    """x Phi(x), Phi the normal distribution function; approximate=True: by tanh. (Hendrycks and Gimpel 2016)

    >>> cygrad.activations.gelu([0.0]).numpy().tolist()
    [0.0]
    """
    return ops.gelu(x, approximate=approximate)


def mish(x):
    """x * tanh(softplus(x)). (Misra 2019)

    >>> cygrad.activations.mish([0.0]).numpy().tolist()
    [0.0]
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


swish, hard_swish = silu, hard_silu

# Functions that ops.dense and ops.conv know by name, and apply within their kernel where they can. (The name gelu is
# its exact form, the default here, but not in ops.)
_BY_NAME = {
    "linear": linear,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "softsign": softsign,
    "gelu": gelu,
    "silu": silu,
    "exponential": exponential,
    "hard_sigmoid": hard_sigmoid,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
_FUSABLE = {function: name for name, function in _BY_NAME.items()} | {ops.relu: "relu"}
_MORE = (
    relu6, celu, glu, hard_shrink, hard_silu, hard_tanh, log_sigmoid, mish, soft_shrink, sparse_plus, sparse_sigmoid,
    sparsemax, squareplus, tanh_shrink, threshold,
)  # fmt: skip
_TABLE = _BY_NAME | {function.__name__: function for function in _MORE}
_TABLE |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier):
    """The function that a name stands for; None is linear; a function stays itself.

    identifier: what stands for it, see above.

    >>> cygrad.activations.get("relu").__name__
    'relu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str) and identifier in _TABLE and not _lookup.custom_object(identifier):
        return _TABLE[identifier]
    return _lookup.get(identifier, "activation", _TABLE, ())


def fusable(activation):
    """What ops.dense and ops.conv get for a function: its name where they know it, None for linear, else itself.

    activation: what the output goes through, a name or a function.

    >>> cygrad.activations.fusable(cygrad.activations.mish) is None
    False
    """
    try:
        name = _FUSABLE.get(activation, activation)
    except TypeError:  # a callable object that cannot be hashed
        return activation
    return None if name == "linear" else name


def output_shape(activation, shape):
    """The shape of activation(x) for x of a shape: the same, but that glu halves the last axis.

    >>> cygrad.activations.output_shape(cygrad.activations.glu, (None, 8))
    (None, 4)
    """
    if activation is not glu:
        return tuple(shape)
    return (*shape[:-1], None if shape[-1] is None else shape[-1] // 2)


def serialize(activation):
    """A function of this module as its name; others as {"class_name": "function", "config": name}.

    activation: what the output goes through, a name or a function.

    >>> cygrad.activations.serialize(cygrad.activations.relu)
    'relu'
    """
    if activation is None:
        return None
    if activation is ops.relu:
        return "relu"
    for name, function in _TABLE.items():
        if function is activation:
            return name
    if inspect.isroutine(activation):
        return {"class_name": "function", "config": activation.__name__}
    return _lookup.serialize(activation, "activations.serialize", "activation")


def deserialize(config, custom_objects=None):
    """The counterpart of serialize.

    config: what serialize gives, or a name. custom_objects: {name: object} of the caller's own.

    >>> cygrad.activations.deserialize('tanh') is cygrad.activations.tanh
    True
    """
    with _lookup.custom_object_scope(custom_objects):
        return get(config)
