"""What the networks share: Keras's arguments and their checks, the top, the weights.

A network's module has what is its own: a function from a symbolic picture to its features, with its sizes as data.
"""

import functools
import inspect
import os
from typing import NamedTuple

from .. import activations
from ..layers import Activation, BatchNormalization, Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from ..layers.core import InputLayer
from ..layers.symbolic import KerasTensor
from ..models import Functional
from ._weights import IMAGENET_CLASSES, imagenet_weights

ARGUMENTS = """

include_top: whether the classifier is there. weights: "imagenet", None for random ones, or the path of a file that
load_weights reads. input_tensor: a symbolic tensor to stand on. input_shape: (H, W, C), H and W at least {smallest};
({size}, {size}, 3) where absent, and always with ImageNet's classifier; without the top any size where absent.
pooling: None, "avg" or "max", of the features without the top. classes, classifier_activation: the top's; activation
None gives logits.

Returns a functional model with Keras's names of layers and order of weights. ValueError for arguments that do not fit
each other or the weights; FileNotFoundError where the weights are neither on disk nor to be had.
"""


class Network(NamedTuple):
    """What is fixed for a network."""

    function: str  # its public name, for errors
    features: object  # function of a symbolic picture
    head: object  # function of the features, to what the classifier takes
    published: object  # function of include_top: the path of ImageNet's weights
    named_pools: bool = True  # whether the pooling without the top has a name, or an automatic one
    size: int = 224  # of pictures, height and width
    smallest: int = 32
    by_weights: bool = False  # whether the features depend on the argument weights, too
    top: object = "glorot_uniform"  # the classifier's initializer
    classifier: object = None  # function of the features and Arguments, in place of the head and a Dense


class Arguments(NamedTuple):
    """What the caller chose."""

    include_top: bool
    weights: object
    input_tensor: object
    input_shape: object
    pooling: str | None
    classes: int
    classifier_activation: object


def average(x):
    """The head of most networks."""
    return GlobalAveragePooling2D(name="avg_pool")(x)


def application(name, head=average, **sizes):
    """A decorator: turns a function from a symbolic picture to features into one of Keras's arguments that makes the
    model. sizes: further fields of Network."""

    def decorate(features):
        network = Network(features.__name__, features, head, functools.partial(imagenet_weights, name), **sizes)

        def make(
            include_top=True,
            weights="imagenet",
            input_tensor=None,
            input_shape=None,
            pooling=None,
            classes=1000,
            classifier_activation="softmax",
            name=name,
        ):
            given = Arguments(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation)
            return build(network, given, name)

        functools.update_wrapper(make, features)
        del make.__wrapped__  # the signature is make's own
        make.__doc__ = describe(features.__doc__, network)
        return make

    return decorate


def describe(text, network):
    """A docstring, followed by what all networks have in common."""
    return inspect.cleandoc(text) + ARGUMENTS.format(size=network.size, smallest=network.smallest)


def build(network, given, name):
    """The model of a network."""
    _check(network, given)
    shape = input_shape_of(network, given)
    weights = network.published(given.include_top) if given.weights == "imagenet" else given.weights
    x = Input(shape) if given.input_tensor is None else given.input_tensor
    y = network.features(x, given.weights) if network.by_weights else network.features(x)
    if given.include_top and network.classifier is not None:
        y = network.classifier(y, given)
    elif given.include_top:
        top = Dense(given.classes, given.classifier_activation, kernel_initializer=network.top, name="predictions")
        y = top(network.head(y))
    elif given.pooling is not None:
        layer = GlobalAveragePooling2D if given.pooling == "avg" else GlobalMaxPooling2D
        y = layer(name=f"{given.pooling}_pool" if network.named_pools else None)(y)
    model = Functional(x if given.input_tensor is None else _sources(x), y, name=name)
    if weights is not None:
        model.load_weights(weights)
    return model


def _check(network, given):
    """ValueError for arguments that do not fit each other; before anything is built or downloaded."""
    weights, classes = given.weights, given.classes
    if weights not in (None, "imagenet") and not os.path.isfile(weights):
        raise ValueError(
            f'{network.function}: weights must be None, "imagenet" or the path of a file; there is no file '
            f"{str(weights)!r}"
        )
    if given.pooling not in (None, "avg", "max"):
        raise ValueError(f'{network.function}: pooling must be None, "avg" or "max"; got {given.pooling!r}')
    if type(classes) is not int or classes < 1:
        raise ValueError(f"{network.function}: classes must be a positive integer; got {classes!r}")
    if not given.include_top or weights is None:
        return
    if weights == "imagenet" and classes != IMAGENET_CLASSES:
        raise ValueError(
            f"{network.function}: ImageNet's weights have {IMAGENET_CLASSES} classes; got classes={classes}. For other "
            "classes take include_top=False and put a Dense of your own on top"
        )
    if activations.get(given.classifier_activation) not in (activations.softmax, activations.linear):
        raise ValueError(
            f'{network.function}: classifier_activation must be None or "softmax" where weights are given; '
            f"got {given.classifier_activation!r}"
        )


def input_shape_of(network, given):
    """(H, W, C) of the pictures. ValueError for one that the network cannot have."""
    function, size, shape = network.function, network.size, given.input_shape
    tensor = given.input_tensor
    if tensor is not None:
        if not isinstance(tensor, KerasTensor) or len(tensor.shape) != 4:
            raise ValueError(f"{function}: input_tensor must be symbolic and of shape (N, H, W, C); got {tensor!r}")
        if shape is not None and tuple(shape) != tensor.shape[1:]:
            raise ValueError(f"{function}: input_shape {tuple(shape)} is not that of input_tensor, {tensor.shape[1:]}")
        shape = tensor.shape[1:]
    if shape is None:
        shape = (size, size, 3) if given.include_top else (None, None, 3)
    shape = tuple(shape)
    if len(shape) != 3 or not all(s is None or (type(s) is int and s > 0) for s in shape) or shape[2] is None:
        raise ValueError(f"{function}: input_shape must be (H, W, C), whole numbers; got {shape}")
    if any(s is not None and s < network.smallest for s in shape[:2]):
        raise ValueError(
            f"{function}: pictures must have {network.smallest} x {network.smallest} pixels or more; got {shape}"
        )
    if given.include_top and None in shape:
        raise ValueError(f"{function}: the classifier needs a known height and width; got input_shape {shape}")
    if given.weights == "imagenet":
        if shape[2] != 3:
            raise ValueError(f"{function}: ImageNet's weights are for 3 channels; got input_shape {shape}")
        if given.include_top and shape != (size, size, 3):
            raise ValueError(f"{function}: ImageNet's classifier wants input_shape {(size, size, 3)}; got {shape}")
    return shape


def size_among(sizes, given):
    """The height and width of the pictures that are asked for, if they are the same and among sizes; else 224."""
    pictures = getattr(given.input_tensor, "shape", (None, *(given.input_shape or ())))[1:3]
    return pictures[0] if pictures in [(n, n) for n in sizes] else 224


def _sources(tensor):
    """The Inputs that a symbolic tensor comes from; itself where it is one."""
    found, waiting = {}, [tensor]
    while waiting:
        tensor = waiting.pop()
        layer, node, _ = tensor._keras_history
        if isinstance(layer, InputLayer):
            found[id(layer)] = tensor
        else:
            waiting.extend(reversed(layer._inbound_nodes[node].inputs))
    return next(iter(found.values())) if len(found) == 1 else list(found.values())


def normalized(x, name=""):
    """Batch normalization and relu, called NAME_bn and NAME_relu, as ResNet and DenseNet have it."""
    prefix = f"{name}_" if name else ""
    x = BatchNormalization(epsilon=1.001e-5, name=f"{prefix}bn")(x)
    return Activation("relu", name=f"{prefix}relu")(x)
