"""Lambda: a function as a layer."""

import inspect

from .. import _lookup, activations
from .layer import Layer


class Lambda(Layer):
    """y = function(x, **arguments): what a function of cygrad.ops makes of a tensor.

    output_shape: y's shape without the batch axis, or a function of x's shape that gives it whole; None: found by a
    trial. mask: of the output, a tensor, or a function of (inputs, mask). function gets `training` and `mask` if it
    takes arguments of these names. Variables that it uses are not the layer's, and are not trained: for those, write a
    Layer. A model file holds no code: a named function is saved by its name, and given in custom_objects when loading;
    one without a name cannot be saved (NotImplementedError). Raises TypeError where function is none.

    >>> cygrad.layers.Lambda(lambda x: x * 2)(np.ones((1, 3))).numpy().tolist()
    [[2.0, 2.0, 2.0]]
    """

    _unsaved = ("output_shape",)

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.function = _named(function, "function")
        if not callable(self.function):
            raise TypeError(f"Lambda: function must be a function; got {type(function).__name__}")
        self.arguments = dict(arguments or {})
        self.mask, self.supports_masking = _named(mask, "mask"), mask is not None
        self._shape_of_output = _named(output_shape, "output_shape")
        if isinstance(self._shape_of_output, list):
            self._shape_of_output = tuple(self._shape_of_output)
        try:
            taken = inspect.signature(self.function).parameters
        except (TypeError, ValueError):  # a built-in function keeps them to itself
            taken = {}
        self._passed_on = [name for name in ("mask", "training") if name in taken]

    def call(self, inputs, mask=None, training=None):
        known = {"mask": mask, "training": training}
        return self.function(inputs, **{name: known[name] for name in self._passed_on}, **self.arguments)

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape):
        if self._shape_of_output is None:
            return super().compute_output_shape(input_shape)
        if callable(self._shape_of_output):
            return tuple(self._shape_of_output(input_shape))
        return (input_shape[0], *self._shape_of_output)

    def get_config(self):
        saved = _lookup.serialize(self._shape_of_output, self._title(), "output_shape")
        return {**super().get_config(), "output_shape": saved}


def _named(value, argument):
    """A function that a configuration names: from custom_objects; a string, an activation's. Others as they are."""
    if isinstance(value, str):
        return activations.get(value)
    if isinstance(value, dict) and value.get("class_name") == "function":
        found = _lookup.custom_object(value["config"])
        if found is None:
            raise ValueError(
                f"Lambda: {argument} is the function {value['config']!r}, which is not known here; "
                f"give custom_objects={{{value['config']!r}: {value['config']}}}"
            )
        return found
    return value
