"""Optimizers: SGD, Adam, AdamW, RMSprop; learning-rate schedules."""

import difflib

from . import schedules
from .adam import Adam, AdamW
from .base import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize"]

_CLASSES = {cls.__name__.lower(): cls for cls in (SGD, Adam, AdamW, RMSprop)}


def get(identifier):
    """An optimizer from its name in any case ("adam"), a {"class_name", "config"} dict, or an optimizer, which comes
    back as it is.

    ValueError names the nearest when there is no such name; TypeError for a class or anything else.

    >>> cygrad.optimizers.get("SGD").learning_rate
    0.01
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, dict):
        return deserialize(identifier)
    hint = f"; did you mean {identifier.__name__}()?" if isinstance(identifier, type) else ""
    raise TypeError(f"optimizer: expected a name, an Optimizer or a config; got {identifier!r}{hint}")


def serialize(optimizer):
    """{"class_name", "config"} of an optimizer."""
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config, custom_objects=None):
    """An optimizer from serialize()'s dict; classes of the caller's own come through custom_objects, {name: class}."""
    name = config.get("class_name")
    cls = (custom_objects or {}).get(name) or _CLASSES.get(str(name).lower())
    if cls is None:
        near = difflib.get_close_matches(str(name).lower(), _CLASSES, 1, 0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(_CLASSES)}."
        raise ValueError(f"unknown optimizer {name!r}. {hint}")
    return cls.from_config(config.get("config", {}), custom_objects)
