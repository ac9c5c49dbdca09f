"""Layers and models as plain data, by names from a closed table; their weights by name."""

import contextlib
import inspect
import math
import threading

from .. import _lookup, layers
from ..layers.configuration import is_ours
from ..layers.layer import Layer
from ..layers.structure import map_shapes
from ..layers.symbolic import KerasTensor
from ..layers.weights import NOT_PARTS
from .container import check_keys

MOST_LAYERS = 10_000
MOST_VALUES = 1 << 26  # of a sample that a model is tried on: 256 MiB


class _Shared(threading.local):
    """Layers that stand in several places of one model: the first place has a "shared_id", the others name it."""

    written = None  # while a model is serialized: {id of layer: (its number, its data)}
    read = None  # while one is read: {shared_id: layer}


_shared = _Shared()


@contextlib.contextmanager
def _sharing(what):
    outer = getattr(_shared, what)
    setattr(_shared, what, {})
    try:
        yield
    finally:
        setattr(_shared, what, outer)


def serialize_layer(layer):
    """{"class_name", "config"} of a layer or model: plain data, the reverse of deserialize_layer."""
    written, name = _shared.written, _lookup.get_registered_name(type(layer))
    if written is not None and id(layer) in written:
        number, first = written[id(layer)]
        first["shared_id"] = number
        return {"class_name": name, "config": {"shared_with": number}}
    data = {"class_name": name, "config": layer.get_config()}
    if written is not None:
        written[id(layer)] = len(written), data
    return data


def _table():
    """The closed table of what a file can name."""
    from ..distillation import Distiller
    from .functional import Functional
    from .sequential import Sequential

    found = {
        name: value
        for name, value in vars(layers).items()
        if isinstance(value, type) and issubclass(value, Layer) and value is not Layer and value.__name__ == name
    }
    models = {"Distiller": Distiller, "Functional": Functional, "Sequential": Sequential}
    return {**found, **models, "Operation": layers.core.Operation}


def deserialize_layer(data, custom_objects=None):
    """A layer from serialize_layer's result; ValueError names a class that is unknown and arguments that do not fit."""
    check_keys("layer", data, {"class_name", "config"}, {"shared_id"})
    name, config = data["class_name"], data["config"]
    if not isinstance(name, str) or not isinstance(config, dict):
        raise ValueError(
            f"layer: expected a class name and its configuration; got {name!r:.60} and {type(config).__name__}"
        )
    if "shared_with" in config:
        number = config["shared_with"]
        layer = (_shared.read or {}).get(number) if type(number) is int else None
        if layer is None:
            raise ValueError(f"{name}: there is no layer {number!r:.60} that it could be shared with")
        return layer
    if isinstance(config.get("layers"), list) and len(config["layers"]) > MOST_LAYERS:
        raise ValueError(f"{name}: {len(config['layers'])} layers are more than {MOST_LAYERS}")
    custom = (custom_objects or {}).get(name) or _lookup.custom_object(name)
    cls = custom or _table().get(name)
    if cls is None:
        near = _lookup.did_you_mean(name, _table())
        raise ValueError(
            f"unknown layer {name!r}.{near} If it is a class of your own, give custom_objects={{{name!r}: {name}}}"
        )
    label = f"{name} {config.get('name', '')!r}"
    try:
        with _lookup.custom_object_scope(custom_objects or {}):
            if "custom_objects" in inspect.signature(cls.from_config).parameters:
                layer = cls.from_config(config, custom_objects=custom_objects)
            else:
                layer = cls.from_config(config)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError, NotImplementedError) as error:
        raise ValueError(f"{label}: {error}") from error
    if type(data.get("shared_id")) is int and _shared.read is not None:
        _shared.read[data["shared_id"]] = layer
    return layer


def serialize_model(model):
    """The architecture of a model as plain data."""
    with _sharing("written"):
        data = serialize_layer(model)
    if "build_input_shape" not in data["config"] and model.built and model._build_shapes is not None:
        data["input_shape"] = map_shapes(list, model.input_shape)
    return data


def deserialize_model(data, custom_objects=None):
    """A new model from serialize_model's result; built where the other was."""
    check_keys("model", data, {"class_name", "config"}, {"input_shape"})
    with _sharing("read"):
        model = deserialize_layer({key: data[key] for key in ("class_name", "config")}, custom_objects)
    from .model import Model

    if not isinstance(model, Model):
        raise ValueError(f"{data['class_name']} is a layer, not a model")
    if "input_shape" in data and not model.built:
        model._trial((symbols_of(data["input_shape"]),), {})
    return model


def symbols_of(shapes):
    """Symbolic inputs for a shape, batch axis included, or a nest of shapes, on which a model can be tried."""

    def symbol(shape):
        sizes = shape[1:] if isinstance(shape, (list, tuple)) else [shape]
        if not all(s is None or (isinstance(s, int) and s >= 0) for s in sizes):
            raise ValueError(f"input_shape: expected whole numbers, and None for open axes; got {shape!r:.60}")
        if math.prod(1 if s is None else s for s in sizes) > MOST_VALUES:
            raise ValueError(f"input_shape: one sample of shape {tuple(sizes)} is larger than {MOST_VALUES} values")
        return KerasTensor((None, *sizes))

    return map_shapes(symbol, shapes)


def custom_objects_of(model):
    """{name: object} of the classes and functions that a model's configuration names and this package does not have."""
    return custom_objects_in(model, model._compile_arguments, model.optimizer)


def custom_objects_in(layer, *more):
    """The same of a layer, and of more arguments."""
    found = {}

    def visit(value):
        if isinstance(value, (list, tuple, set)):
            for v in value:
                visit(v)
        elif isinstance(value, dict):
            for v in value.values():
                visit(v)
        elif inspect.isfunction(value):
            if not value.__module__.startswith("cygrad."):
                found[value.__name__] = value
        elif hasattr(value, "get_config") and not isinstance(value, type) and not is_ours(type(value)):
            found[type(value).__name__] = type(value)

    for part in layer._flatten_layers():
        visit(part)
        for key, value in vars(part).items():
            if not key.startswith("_"):
                visit(value)
    visit(more)
    return found


# ---- weights by name ----


def named_weights(model):
    """{"layer/variable": variable} of a model. A layer in a Sequential or a graph goes by its name, in other layers by
    the attribute that holds it, for automatic names differ from one instance to the next. What has the same name gets
    a number."""
    found, prefixes, seen = {}, {}, set()

    def visit(layer, prefix):
        trainable, fixed, sublayers, _ = layer._parts()
        for variable in trainable + fixed:
            if id(variable) not in seen:
                seen.add(id(variable))
                found[_unused(prefix + variable.name, found)] = variable
        places = dict(_places(layer))
        for child in sublayers:
            if id(child) not in seen:
                seen.add(id(child))
                child_prefix = _unused(prefix + places.get(id(child), child.name), prefixes)
                prefixes[child_prefix] = None
                visit(child, child_prefix + "/")

    visit(model, "")
    return found


def _places(layer):
    """(id of sublayer, its place): "attribute", "attribute/0", "attribute/key". None for those of a Sequential or a
    graph whose configuration holds their names."""
    from .functional import Functional, is_functional_like
    from .sequential import Sequential

    if isinstance(layer, Sequential):
        return
    named = isinstance(layer, Functional) and is_functional_like(type(layer))

    def walk(value, place):
        if isinstance(value, Layer):
            yield id(value), place
        elif isinstance(value, (list, tuple, dict)):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield from walk(item, f"{place}/{key}")

    for name, value in vars(layer).items():
        if name not in NOT_PARTS and not (name == "_layers" and named):
            yield from walk(value, name.lstrip("_"))


def _unused(name, taken):
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
