"""Functional: a model made of the calls of layers between symbolic inputs and outputs.

Model(inputs, outputs) makes one, and so does a subclass of Model whose __init__ calls super().__init__(inputs=...,
outputs=...). The graph (graph.py) is found from the outputs through each tensor's history and put in order once; a
call of the model runs a list of layer calls. Inputs and outputs may be single tensors, lists, tuples or dicts, nested:
inside everything is a flat list, a dict in the order of its keys.

A call has two ways, as a layer's: the short one for tensors of the shapes and types that the inputs ask for, which is
what fit, evaluate and predict give; the long one converts, reshapes and explains. Inputs that are not Input's, but
tensors further on, get an InputLayer in their place, and share all layers with the model that they come from.
"""

import inspect

from .. import _lookup
from .. import config as configuration
from ..layers.context import context
from ..layers.core import Operation
from ..layers.structure import map_shapes, map_structure
from ..layers.symbolic import KerasTensor
from .graph import Graph, flat, key_of, pack_like
from .graph_inputs import GraphInputs, adjusted, fits
from .model import Model
from .outputs import Outputs
from .wiring import deserialize_graph, serialize_graph


class Functional(GraphInputs, Model):
    """A model of a graph of layers: what Model(inputs, outputs, name=None) is.

    ValueError for what is no symbolic tensor, for outputs that need an input that is not given, and for two layers of
    one name.

    >>> a, b = cygrad.Input((2,), name="a"), cygrad.Input((3,), name="b")
    >>> both = cygrad.layers.concatenate([cygrad.layers.Dense(4)(a), b])
    >>> model = cygrad.Model([a, b], {"sum": cygrad.layers.Dense(1)(both), "features": both})
    >>> y = model.predict({"b": np.ones((5, 3)), "a": np.ones((5, 2))}, verbose=0)
    >>> y["sum"].shape, y["features"].shape
    ((5, 1), (5, 7))
    """

    def __init__(self, inputs, outputs, name=None, trainable=True, **kwargs):
        super().__init__(trainable=True if trainable is None else trainable, name=name, **kwargs)
        for argument, given in (("inputs", inputs), ("outputs", outputs)):
            self._check_tensors(argument, given)
        given, inputs = inputs, self._enter(inputs)
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._flat_inputs, self._flat_outputs = flat(inputs), flat(outputs)
        replaced = {key_of(old): new for old, new in zip(flat(given), self._flat_inputs) if old is not new}
        self._graph = Graph(self._flat_inputs, self._flat_outputs, replaced, self._title())
        self._layers = list(self._graph.layers)
        self._note_inputs()
        self.output_names = [t._keras_history.operation.name for t in self._flat_outputs]
        self._single_output = isinstance(outputs, KerasTensor) or (
            isinstance(outputs, (list, tuple)) and len(outputs) == 1 and isinstance(outputs[0], KerasTensor)
        )
        self._direct = type(self).call is Functional.call
        self.built = True

    # ---- what it is made of ----

    @property
    def inputs(self):
        """The symbolic inputs, a flat list."""
        return list(self._flat_inputs)

    @property
    def outputs(self):
        """The symbolic outputs, a flat list."""
        return list(self._flat_outputs)

    @property
    def input(self):
        """The symbolic inputs in the structure that the model was made with."""
        return self._inputs_struct

    @property
    def output(self):
        """The symbolic outputs in the structure that the model was made with."""
        return self._outputs_struct

    @property
    def input_shape(self):
        shapes = map_structure(lambda t: t.shape, self._inputs_struct)
        return shapes[0] if isinstance(shapes, list) and len(shapes) == 1 else shapes

    @property
    def output_shape(self):
        shapes = map_structure(lambda t: t.shape, self._outputs_struct)
        return shapes[0] if isinstance(shapes, list) and len(shapes) == 1 else shapes

    @property
    def layers(self):
        """The layers in the order of the graph, Inputs first; not the operations between them."""
        return [layer for layer in self._graph.layers if type(layer) is not Operation]

    @property
    def operations(self):
        """The layers, and the operations of cygrad.ops between them."""
        return list(self._graph.layers)

    def build(self, input_shape=None):
        """Nothing is left to do: the layers were built when they were called."""
        self.built = True

    # ---- calling ----

    def __call__(self, inputs, training=None, mask=None, **kwargs):
        if self._direct and not kwargs and mask is None and not configuration.numerics:
            values = self._fitting(inputs)
            if values is not None:
                return self._run_graph(values, training)
        if training is not None:
            kwargs["training"] = training
        if mask is not None:
            kwargs["mask"] = mask
        return super().__call__(inputs, **kwargs)

    def _run_graph(self, values, training):
        outer, stack = context.training, context.stack
        if not stack and context.loss_adders:
            self._forget_losses(context.loss_adders)
        stack.append(self)
        if training is not None:
            context.training = training
        try:
            results = self._graph.run(values)
        finally:
            stack.pop()
            context.training = outer
        return results[0] if self._single_output else pack_like(self._outputs_struct, iter(results))

    def call(self, inputs, training=None, mask=None):
        values = self._standardized(inputs)
        for x, m in zip(values, [None] * len(values) if mask is None else flat(mask)):
            if m is not None and x is not None:
                x._keras_mask = m
        results = self._graph.run(values, by_layer=True)
        return results[0] if self._single_output else pack_like(self._outputs_struct, iter(results))

    # ---- shapes without values ----

    def compute_output_spec(self, inputs, training=None, mask=None):
        """The symbolic outputs for symbolic inputs, without recording a call."""
        given = self._in_structure(inputs)
        if all(x is None or x.shape == t.shape for x, t in zip(given, self._flat_inputs)):
            results = [KerasTensor(t.shape, t.dtype) for t in self._flat_outputs]
        else:
            for x, tensor, name in zip(given, self._flat_inputs, self.input_names):
                if not fits(adjusted(x.shape, tensor.shape)[1:], tensor.shape[1:]):
                    raise ValueError(f"{self._title()}: {self._misfit(name, tensor, x.shape)}")

            def spec(layer, args, kwargs):
                kwargs = {name: value for name, value in kwargs.items() if name != "training"}
                return layer.compute_output_spec(*args, **kwargs)

            given = [KerasTensor(adjusted(x.shape, t.shape), x.dtype) for x, t in zip(given, self._flat_inputs)]
            results = self._graph.connect(given, spec)
        return results[0] if self._single_output else pack_like(self._outputs_struct, iter(results))

    def compute_output_shape(self, input_shape):
        symbols = map_shapes(KerasTensor, input_shape)
        return map_structure(lambda t: t.shape, self.compute_output_spec(symbols))

    # ---- what fit and predict ask ----

    def _known_outputs(self):
        return Outputs(self._outputs_struct, self.output_names)

    def _output_spec(self, x):
        """The symbolic outputs where all but their batch axis is known; else found as for any model."""
        if self._direct and all(None not in t.shape[1:] for t in self._flat_outputs):
            return self._outputs_struct
        return super()._output_spec(x)

    # ---- configuration ----

    def get_config(self):
        """{"name", "trainable", "layers", "input_layers", "output_layers"}: plain data for from_config.

        A subclass with arguments of its own gives those instead."""
        if not is_functional_like(type(self)):
            given = self._arguments_as_given()
            given = {name: _lookup.serialize(value, self._title(), name) for name, value in given.items()}
            return {"name": self.name, "trainable": self._trainable, **given}
        return {"name": self.name, "trainable": self._trainable, **serialize_graph(self)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from get_config's result, with new weights."""
        if "input_layers" not in config:
            parameters = inspect.signature(cls.__init__).parameters.values()
            takes = {p.name for p in parameters}
            if any(p.kind is p.VAR_KEYWORD for p in parameters):
                takes |= config.keys()
            model = cls(**{name: value for name, value in config.items() if name in takes})
            model.name, model._trainable = config["name"], config["trainable"]
            return model
        inputs, outputs = deserialize_graph(config, custom_objects)
        return cls(inputs=inputs, outputs=outputs, name=config["name"], trainable=config.get("trainable", True))


def is_functional_like(cls):
    """Are a class's constructor arguments (inputs, outputs, ...), so that the graph is its configuration?"""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    passed_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    return passed_on or [p.name for p in parameters[:2]] == ["inputs", "outputs"]
