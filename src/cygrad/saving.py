"""Saving and loading, and objects as plain data, under keras.saving's names."""

import importlib
import inspect

import numpy as np

from . import _lookup
from ._lookup import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .layers.layer import Layer
from .models.pytorch_weights import load_pytorch_weights
from .models.saving import load_model, load_weights, save_model, save_weights
from .models.serialization import deserialize_layer

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_pytorch_weights", "load_weights",
    "register_keras_serializable", "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip

_MODULES = (  # where a class of ours can be found by its name
    "layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers",
    "constraints", "distillation",
)  # fmt: skip


def serialize_keras_object(obj):
    """An object as plain data: {"module", "class_name", "config", "registered_name"}; deserialize_keras_object is the
    reverse.

    Numbers, strings and None are themselves; lists, tuples and dicts are taken apart. TypeError for what has neither a
    get_config method nor a name.

    obj: a class or function.

    >>> data = cygrad.saving.serialize_keras_object(cygrad.layers.Dense(3, name="d"))
    >>> data["class_name"], data["config"]["units"]
    ('Dense', 3)
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, tuple):
        return {"class_name": "__tuple__", "config": {"value": [serialize_keras_object(v) for v in obj]}}
    if isinstance(obj, list):
        return [serialize_keras_object(v) for v in obj]
    if isinstance(obj, dict):
        return {key: serialize_keras_object(v) for key, v in obj.items()}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if hasattr(obj, "get_config") and not inspect.isclass(obj):
        cls = type(obj)
        return {
            "module": _module_of(cls),
            "class_name": cls.__name__,
            "config": obj.get_config(),
            "registered_name": _registered_name(cls),
        }
    if hasattr(obj, "__name__") and obj.__name__ != "<lambda>":
        kind = "type" if inspect.isclass(obj) else "function"
        return {
            "module": _module_of(obj),
            "class_name": kind,
            "config": obj.__name__,
            "registered_name": _registered_name(obj),
        }
    raise TypeError(
        f"serialize_keras_object: a {type(obj).__name__} has no form as plain data; it needs a get_config method, or a "
        "name that register_keras_serializable gives it"
    )


def deserialize_keras_object(config, custom_objects=None, safe_mode=True):
    """The object of serialize_keras_object's result, or of a bare {"class_name", "config"}.

    custom_objects: {name: class or function} of what is not cygrad's own and not registered. safe_mode has no meaning:
    no code is ever run from a configuration. ValueError names what is unknown.

    >>> data = cygrad.saving.serialize_keras_object(cygrad.losses.Huber(delta=2.0))
    >>> cygrad.saving.deserialize_keras_object(data).delta
    2.0
    """
    if isinstance(config, list):
        return [deserialize_keras_object(v, custom_objects) for v in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(v, custom_objects) for key, v in config.items()}
    name, inner = config["class_name"], config["config"]
    if name == "__tuple__":
        return tuple([deserialize_keras_object(v, custom_objects) for v in inner["value"]])
    if name == "__numpy__":
        return np.array(inner["value"], inner["dtype"])
    names = [n for n in (config.get("registered_name"), inner if name in ("function", "type") else name) if n]
    with custom_object_scope(custom_objects or {}):
        found = next((f for f in map(_lookup.custom_object, names) if f is not None), None)
        if found is None:
            found = _ours(names[-1], str(config.get("module") or ""), name in ("function", "type"))
        if name in ("function", "type"):
            return found
        if issubclass(found, Layer):
            return deserialize_layer({"class_name": names[-1], "config": inner}, {names[-1]: found})
        return found.from_config(inner)


def _module_of(thing):
    """The public module of one of cygrad's own; where it was defined, of others."""
    parts = thing.__module__.split(".")
    public = [m for m in _MODULES if parts[0] == __package__ and m.partition(".")[0] == parts[1]]
    return next((f"{__package__}.{m}" for m in public if hasattr(_import(m), thing.__name__)), thing.__module__)


def _registered_name(thing):
    name = get_registered_name(thing)
    return name if ">" in name else None


def _import(module):
    return importlib.import_module(f"{__package__}.{module}")


def _ours(name, module, is_function):
    """A class or function of cygrad by name, first in the public module that the configuration says."""
    said = module.partition(".")[2].partition(".")[0]
    modules = [m for m in (*_MODULES, "activations") if m.partition(".")[0] == said]
    for where in dict.fromkeys([*modules, *_MODULES, *(["activations"] if is_function else [])]):
        found = getattr(_import(where), name, None)
        if found is not None and (is_function or inspect.isclass(found)):
            return found
    raise ValueError(
        f"deserialize_keras_object: unknown name {name!r}. If it is your own, give custom_objects={{{name!r}: {name}}} "
        "or register it by register_keras_serializable"
    )
