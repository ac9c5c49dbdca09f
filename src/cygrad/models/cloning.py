"""clone_model: the same architecture with new weights."""

from ..layers.core import InputLayer, Operation
from ..layers.layer import Layer
from ..layers.symbolic import KerasTensor
from .functional import Functional
from .graph import flat, pack_like
from .model import Model
from .sequential import Sequential
from .serialization import custom_objects_of, deserialize_layer, deserialize_model, serialize_layer, serialize_model


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False):
    """A model of the same architecture with new weights and no compile state.

    clone_function(layer) gives the layer to put in a layer's place, and call_function(layer, *args, **kwargs) calls it,
    for a graph's layers (not its Inputs). recursive: models inside are cloned by clone_function too, layer by layer.
    input_tensors: symbolic tensors, in the structure of model.input, that the clone starts from. ValueError where a
    model of the caller's own class is given with any of these.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> cygrad.models.clone_model(model).weights[0] is model.weights[0]
    False
    """
    if input_tensors is None and clone_function is None and call_function is None:
        return deserialize_model(serialize_model(model), custom_objects_of(model))
    clone = _cloner(model, clone_function, recursive)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("clone_model: call_function is for functional models; got a Sequential")
        return _clone_sequential(model, input_tensors, clone)
    if isinstance(model, Functional):
        return _clone_functional(model, input_tensors, clone, call_function)
    raise ValueError(
        "clone_model: input_tensors, clone_function and call_function need a Sequential or a functional model; "
        f"got a {type(model).__name__}"
    )


def _cloner(model, clone_function, recursive):
    """clone_function as it is asked for each layer: once, operations and Inputs not at all."""
    own, made = custom_objects_of(model), {}

    def clone(layer):
        if id(layer) not in made:
            if recursive and isinstance(layer, Model):
                new = clone_model(layer, clone_function=clone_function, recursive=True)
            elif clone_function is None or isinstance(layer, (InputLayer, Operation)):
                new = deserialize_layer(serialize_layer(layer), own)
            else:
                new = clone_function(layer)
            if not isinstance(new, Layer):
                raise ValueError(f'clone_model: clone_function gave {new!r} for the layer "{layer.name}", not a layer')
            made[id(layer)] = new
        return made[id(layer)]

    return clone


def _symbolic(input_tensors):
    for tensor in flat(input_tensors):
        if not isinstance(tensor, KerasTensor):
            raise ValueError(f"clone_model: input_tensors must be symbolic tensors; got a {type(tensor).__name__}")
    return flat(input_tensors)


def _clone_sequential(model, input_tensors, clone):
    if input_tensors is None:
        first = [clone(model._input_layer)] if model._input_layer else []
        return Sequential([*first, *[clone(layer) for layer in model.layers]], name=model.name)
    tensors = _symbolic(input_tensors)
    if len(tensors) != 1:
        raise ValueError(f"clone_model: a Sequential has one input; got {len(tensors)} input_tensors")
    y = tensors[0]
    if isinstance(y._keras_history.operation, InputLayer):
        return Sequential([y, *[clone(layer) for layer in model.layers]], name=model.name)
    for layer in model.layers:
        y = clone(layer)(y)
    return Functional(tensors[0], y, name=model.name)


def _clone_functional(model, input_tensors, clone, call_function):
    if input_tensors is None:
        tensors = [clone(t._keras_history.operation).output for t in model.inputs]
    else:
        tensors = _symbolic(input_tensors)
        if len(tensors) != len(model.inputs):
            raise ValueError(f"clone_model: expected {len(model.inputs)} input_tensors; got {len(tensors)}")

    def call(layer, args, kwargs):
        return (call_function or Layer.__call__)(clone(layer), *args, **kwargs)

    outputs = model._graph.connect(tensors, call)
    return Functional(pack_like(model.input, iter(tensors)), pack_like(model.output, iter(outputs)), name=model.name)
