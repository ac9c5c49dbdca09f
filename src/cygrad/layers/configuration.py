"""Layers as plain data, and back."""

import inspect

from .. import _lookup
from .structure import map_shapes

_SHAPE_ARGUMENTS = ("input_shape", "input_dim", "batch_input_shape")
_BASE_ARGUMENTS = ("activity_regularizer", "trainable", "dtype", "autocast", "name")


def is_ours(cls):
    """Is it a class of this package?"""
    return cls.__module__.split(".")[0] == __name__.split(".")[0]


def all_parameters(cls):
    """The names of all arguments that a class and its bases take."""
    constructors = [c.__init__ for c in cls.__mro__ if "__init__" in c.__dict__ and c is not object]
    return list(dict.fromkeys(name for constructor in constructors for name in _lookup.parameters_of(constructor)))


class Configuration:
    """The part of Layer that gives the constructor's arguments as plain data."""

    _unsaved = ()  # arguments that are no attributes of the same name, or that the saved weights say

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._constructor_arguments = (args, kwargs)
        return self

    def get_config(self):
        """The constructor's arguments as plain data; from_config makes an equal layer of them, with weights of its own.

        A layer of your own whose arguments are plain data, or have a get_config themselves, need not define it.
        """
        result = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            result["activity_regularizer"] = _lookup.serialize(self.activity_regularizer)
        # Layers of this package keep their arguments, checked and made uniform, as attributes of the same names. What
        # others' attributes mean we cannot know: unless they define get_config, the arguments as they came are the
        # configuration.
        cls = type(self)
        if cls.get_config is Configuration.get_config and not is_ours(cls):
            arguments = self._arguments_as_given()
        else:
            ours = next(c for c in cls.__mro__ if is_ours(c))
            apart = (*_BASE_ARGUMENTS, *cls._unsaved)
            names = [name for name in _lookup.parameters_of(ours.__init__) if name not in apart]
            arguments = {name: getattr(self, name) for name in names}
        result.update({name: _lookup.serialize(value, self._title(), name) for name, value in arguments.items()})
        return result

    def _arguments_as_given(self):
        positional, keywords = self._constructor_arguments
        bound = inspect.signature(type(self).__init__).bind(self, *positional, **keywords)
        arguments = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                raise NotImplementedError(
                    f"{type(self).__name__}: its __init__ takes *{name}, so it must define get_config"
                )
            arguments.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
        apart = ("trainable", "dtype", "activity_regularizer", "name", *_SHAPE_ARGUMENTS)
        return {name: value for name, value in arguments.items() if name not in apart}

    @classmethod
    def from_config(cls, config):
        """A new layer from get_config's result."""
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"{cls.__name__}.from_config: {error}; the configuration has {', '.join(config)}"
            ) from error

    def get_build_config(self):
        """The shapes that build got, as plain data; None before. build_from_config is its counterpart."""
        return None if self._build_arguments is None else dict(self._build_arguments)

    def build_from_config(self, config):
        if config:
            self.build(**{name: map_shapes(tuple, shape) for name, shape in config.items()})


def serialize(layer):
    """A layer as plain data, {"module", "class_name", "config", "registered_name"}: for the get_config of a layer that
    holds it.

    >>> cygrad.layers.serialize(cygrad.layers.Dense(3, name="d"))["class_name"]
    'Dense'
    """
    from ..saving import serialize_keras_object

    return serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """A layer from serialize's result; custom_objects, {name: class}, has the caller's own classes.

    >>> cygrad.layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)
