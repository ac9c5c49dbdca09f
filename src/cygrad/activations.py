"""Activation functions under keras.activations's names, with its defaults. Most are cygrad.ops's own functions."""

import inspect

from . import _lookup, ops
from .ops import (
    elu,
    hard_sigmoid,
    leaky_relu,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    sparsemax,
    tanh,
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


def celu(x, alpha=1.0):
    """max(x, 0) + alpha * expm1(min(x, 0) / alpha). (Barron 2017)

    >>> cygrad.activations.celu([0.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    return ops.multiply(ops.elu(ops.divide(x, alpha)), alpha) if alpha > 0 else _refuse("celu", "alpha", alpha)


def glu(x, axis=-1):
    """a * sigmoid(b), a and b the halves of x along axis. (Dauphin et al. 2017)

    >>> cygrad.activations.glu([[3.0, 0.0]]).numpy().tolist()
    [[1.5]]
    """
    a, b = ops.split(x, 2, axis=axis)
    return ops.multiply(a, ops.sigmoid(b))


def hard_silu(x):
    """x * clip(x / 6 + 1/2, 0, 1). (Howard et al. 2019)

    >>> cygrad.activations.hard_silu([0.0, 4.0]).numpy().tolist()
    [0.0, 4.0]
    """
    return ops.multiply(x, hard_sigmoid(x))


def hard_tanh(x):
    """clip(x, -1, 1)

    >>> cygrad.activations.hard_tanh([-2.0, 2.0]).numpy().tolist()
    [-1.0, 1.0]
    """
    return ops.clip(x, -1.0, 1.0)


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0

    >>> cygrad.activations.hard_shrink([-2.0, 2.0]).numpy().tolist()
    [-2.0, 2.0]
    """
    return ops.where(ops.greater(ops.absolute(x), threshold), x, 0.0)


def soft_shrink(x, threshold=0.5):
    """x - threshold above threshold, x + threshold below -threshold, else 0

    >>> cygrad.activations.soft_shrink([-2.0, 2.0]).numpy().tolist()
    [-1.5, 1.5]
    """
    return ops.subtract(x, ops.clip(x, -threshold, threshold))


def tanh_shrink(x):
    """x - tanh(x)

    >>> cygrad.activations.tanh_shrink([0.0]).numpy().tolist()
    [0.0]
    """
    return ops.subtract(x, ops.tanh(x))


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x)

    >>> round(cygrad.activations.log_sigmoid(0.0).item(), 4)
    -0.6931
    """
    return ops.negative(ops.softplus(ops.negative(x)))


def mish(x):
    """x * tanh(softplus(x)). (Misra 2019)

    >>> cygrad.activations.mish([0.0]).numpy().tolist()
    [0.0]
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def sparse_plus(x):
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x

    >>> cygrad.activations.sparse_plus([-2.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    middle = ops.divide(ops.square(ops.add(ops.clip(x, -1.0, 1.0), 1.0)), 4.0)
    return ops.add(middle, ops.relu(ops.subtract(x, 1.0)))


def sparse_sigmoid(x):
    """clip((x + 1) / 2, 0, 1)

    >>> cygrad.activations.sparse_sigmoid([-2.0, 2.0]).numpy().tolist()
    [0.0, 1.0]
    """
    return ops.divide(ops.add(ops.clip(x, -1.0, 1.0), 1.0), 2.0)


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2. (Ramachandran et al. 2021)

    >>> cygrad.activations.squareplus([0.0]).numpy().tolist()
    [1.0]
    """
    return ops.divide(ops.add(x, ops.sqrt(ops.add(ops.square(x), b))), 2.0)


def threshold(x, threshold, default_value):
    """x where x > threshold, else default_value

    >>> cygrad.activations.threshold([-2.0, 2.0], 1.5, 0.0).numpy().tolist()
    [0.0, 2.0]
    """
    return ops.where(ops.greater(x, threshold), x, default_value)


def _refuse(name, argument, value):
    raise ValueError(f"{name}: {argument} must be positive; got {value!r}")


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
