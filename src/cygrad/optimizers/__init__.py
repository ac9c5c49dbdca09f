"""Optimizers, whose step is one kernel over the arena of all variables (base.py), and learning-rate schedules."""

from .. import _lookup
from . import schedules
from .adafactor import Adafactor
from .adagrad import Adadelta, Adagrad
from .adam import Adam, Adamax, AdamW, Nadam
from .base import Optimizer
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .muon import Muon
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam",
    "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip

_CLASSES = {
    cls.__name__.lower(): cls
    for cls in (SGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, RMSprop)
}


def get(identifier):
    """An optimizer from its name in any case ("adam"), a {"class_name", "config"} dict, or an optimizer itself.

    ValueError names the nearest when there is no such name.

    identifier: what stands for it, see above.

    >>> cygrad.optimizers.get("SGD").learning_rate
    0.01
    """
    if isinstance(identifier, str):
        identifier = {"class_name": identifier}
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return _lookup.get(identifier, "optimizer", _CLASSES, Optimizer)


def serialize(optimizer):
    """{"class_name", "config"} of an optimizer.

    >>> cygrad.optimizers.serialize(cygrad.optimizers.SGD(0.5))['class_name']
    'SGD'
    """
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config, custom_objects=None):
    """An optimizer from serialize()'s dict; the caller's own classes come through custom_objects, {name: class}.

    config: what serialize gives, or a name.

    >>> cygrad.optimizers.deserialize({'class_name': 'SGD', 'config': {'learning_rate': 0.5}}).learning_rate
    0.5
    """
    with _lookup.custom_object_scope(custom_objects):
        name = config.get("class_name")
        if isinstance(name, str) and not _lookup.custom_object(name):
            config = {**config, "class_name": name.lower()}
        return _lookup.get(config, "optimizer", _CLASSES, Optimizer)
