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
import warnings

import numpy as np

from .. import _lookup, ops
from .. import config as configuration
from .._tensor import Tensor, from_array
from ..layers.context import context
from ..layers.core import InputLayer, Operation
from ..layers.layer import Layer
from ..layers.structure import map_shapes, map_structure
from ..layers.symbolic import KerasTensor
from .data import as_array
from .graph import Graph, flat, key_of, pack_like
from .model import Model
from .outputs import Outputs
from .wiring import deserialize_graph, serialize_graph


class Functional(Model):
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

    # ---- the inputs ----

    def _check_tensors(self, argument, given):
        tensors = flat(given)
        if not tensors:
            raise ValueError(f"{self._title()}: {argument} is empty; expected symbolic tensors, as Input makes them")
        for tensor in tensors:
            if not isinstance(tensor, KerasTensor) or tensor._keras_history is None:
                hint = ""
                if isinstance(tensor, (Tensor, np.ndarray)):
                    hint = " These are values: call the layers on Input(shape) instead, and the model on values."
                elif isinstance(tensor, Layer):
                    hint = " This is a layer: call it on a symbolic tensor, or give its .output."
                elif isinstance(tensor, (int, type(None))):
                    hint = " Did you mean Input(shape)?"
                raise ValueError(
                    f"{self._title()}: expected symbolic tensors in {argument}, as Input and calls of layers on them "
                    f"give; got a {type(tensor).__name__}.{hint}"
                )
        twice = {key_of(t) for t in tensors}
        if argument == "inputs" and len(twice) != len(tensors):
            raise ValueError(f"{self._title()}: a tensor stands twice in inputs")

    def _enter(self, inputs):
        """inputs with an Input of its own in place of a tensor that a layer made."""

        def enter(tensor):
            maker = tensor._keras_history.operation
            if isinstance(maker, InputLayer):
                return tensor
            return InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE").output

        return map_structure(enter, inputs)

    def _note_inputs(self):
        """What calls and fit look up."""
        inputs = self._inputs_struct
        self.input_names = [t._keras_history.operation.name for t in self._flat_inputs]
        flat_struct = isinstance(inputs, (list, tuple, dict)) and len(flat(inputs)) == len(inputs)
        keys = sorted(inputs) if flat_struct and isinstance(inputs, dict) else None
        self._keys = keys or self.input_names if flat_struct or isinstance(inputs, KerasTensor) else None
        self._is_flat = flat_struct
        self._optional = [layer.optional for layer in self._graph.input_layers]
        self._accepted = [(t.shape[1:], t.dtype, None in t.shape[1:]) for t in self._flat_inputs]
        row = self._flat_inputs[0].shape[1:]
        single = isinstance(inputs, KerasTensor) or (isinstance(inputs, (list, tuple)) and len(inputs) == 1)
        self._row = row if single and None not in row and self._flat_inputs[0].dtype == "float32" else None
        unused = [t for t in self._flat_inputs if key_of(t) not in self._graph.used]
        for tensor in unused:
            warnings.warn(
                f'{self._title()}: no output depends on the input "{tensor._keras_history.operation.name}"',
                stacklevel=4,
            )
        whole = [t.dtype != "float32" for t in self._flat_inputs]
        takers = {key: [] for key in self._graph.slots}
        for call in self._graph.calls:
            for key in call.inputs:
                takers[key].append(getattr(call.layer, "integer_input", False))
        for i, tensor in enumerate(self._flat_inputs):
            of = takers[key_of(tensor)]
            if not whole[i] and of and all(of):  # Embedding alone looks at it: indices need not be floats
                whole[i] = True
                self._accepted[i] = (tensor.shape[1:], "int32", None in tensor.shape[1:])
        self._integers = whole
        if any(whole):
            self._row = None

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

    def _fitting(self, inputs):
        """The inputs as a list of values where all are tensors as the graph takes them; else None."""
        accepted = self._accepted
        if isinstance(inputs, Tensor):
            values = [inputs]
        elif not self._is_flat:
            return None
        elif isinstance(inputs, (list, tuple)):
            values = list(inputs)
        elif isinstance(inputs, dict) and inputs.keys() == set(self._keys):
            values = [inputs[key] for key in self._keys]
        else:
            return None
        if len(values) != len(accepted) or (isinstance(self._inputs_struct, dict) and not isinstance(inputs, dict)):
            return None
        for x, (row, dtype, is_open) in zip(values, accepted):
            if not isinstance(x, Tensor) or x.dtype != dtype:
                return None
            shape = x.shape[1:]
            if shape != row and not (is_open and fits(shape, row)):
                return None
        return values

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

    def _standardized(self, inputs):
        """The inputs' values, a flat list, in the types and ranks that the graph asks for."""
        values = []
        given = zip(self._in_structure(inputs), self._flat_inputs, self.input_names, self._accepted)
        for x, tensor, name, (_, dtype, _) in given:
            if x is None:
                values.append(None)
                continue
            if x.dtype != dtype:
                x, m = ops.cast(x, dtype), x._keras_mask
                x._keras_mask = m
            shape, expected = tuple(x.shape), tensor.shape
            wanted = _adjusted(shape, expected)
            if not fits(wanted[1:], expected[1:]) or not fits(wanted[:1], expected[:1]):
                raise ValueError(f"{self._title()}: {self._misfit(name, tensor, shape)}")
            values.append(x if wanted == shape else ops.reshape(x, wanted))
        return values

    def _in_structure(self, inputs, caller=""):
        """The inputs as a flat list in the model's order. ValueError where their structure is another."""
        struct, n, where = self._inputs_struct, len(self._flat_inputs), caller or self._title()
        if isinstance(inputs, dict) and (self._is_flat or isinstance(struct, KerasTensor)):
            missing = [k for k, optional in zip(self._keys, self._optional) if k not in inputs and not optional]
            extra = [k for k in inputs if k not in self._keys]
            if missing or (extra and isinstance(struct, dict)):
                told = [f"{word} {', '.join(map(repr, keys))}" for word, keys in
                        (("missing", missing), ("unknown", extra)) if keys]  # fmt: skip
                raise ValueError(
                    f"{where}: expected a dict with the inputs {', '.join(map(repr, self._keys))}; {'; '.join(told)}"
                )
            found = [inputs.get(key) for key in self._keys]
        elif isinstance(struct, KerasTensor):
            found = [inputs[0]] if isinstance(inputs, (list, tuple)) and len(inputs) == 1 else [inputs]
        elif not isinstance(inputs, (list, tuple, dict)) and n == 1:
            found = [inputs]
        elif self._is_flat and isinstance(inputs, (list, tuple)):
            if isinstance(struct, dict) and list(struct) != self._keys:
                names = ", ".join(map(repr, self._keys))
                raise ValueError(f"{where}: expected a dict with the inputs {names}; got a {type(inputs).__name__}")
            found = list(inputs)
        else:
            found = self._nested(inputs, struct, where)
        if len(found) != n:
            named = ", ".join(f'"{name}" {t.shape}' for name, t in zip(self.input_names, self._flat_inputs))
            raise ValueError(f"{where}: expected {n} inputs ({named}); got {len(found)}")
        for x, name, optional in zip(found, self.input_names, self._optional):
            if x is None and not optional:
                raise ValueError(f'{where}: the input "{name}" is None; only an Input with optional=True may be')
            if isinstance(x, (list, tuple, dict)) and not caller:
                raise ValueError(f'{where}: expected a tensor for the input "{name}"; got a {type(x).__name__}')
        return found

    def _nested(self, inputs, struct, where, path="inputs"):
        if isinstance(struct, dict):
            if not isinstance(inputs, dict) or inputs.keys() != struct.keys():
                got = f"keys {sorted(inputs)}" if isinstance(inputs, dict) else f"a {type(inputs).__name__}"
                raise ValueError(f"{where}: expected a dict with the keys {sorted(struct)} for {path}; got {got}")
            parts = [(inputs[key], struct[key], f"{path}[{key!r}]") for key in sorted(struct)]
        elif isinstance(struct, (list, tuple)):
            if not isinstance(inputs, (list, tuple)) or len(inputs) != len(struct):
                got = f"{len(inputs)}" if isinstance(inputs, (list, tuple)) else f"a {type(inputs).__name__}"
                raise ValueError(f"{where}: expected a list of {len(struct)} for {path}; got {got}")
            parts = [(x, s, f"{path}[{i}]") for i, (x, s) in enumerate(zip(inputs, struct))]
        else:
            return [inputs]
        return [leaf for part in parts for leaf in self._nested(part[0], part[1], where, part[2])]

    def _misfit(self, name, tensor, shape):
        """What is wrong with an input's shape, and the likely cause."""
        expected = tensor.shape
        letters = ",".join("?" if s is None else str(s) for s in expected[1:])
        cause = ""
        if shape == expected[1:]:
            cause = " Is the batch axis missing? x[None] adds it."
        elif None not in expected[1:]:
            if len(shape) == len(expected) and sorted(shape[1:]) == sorted(expected[1:]):
                cause = " Are the axes in another order? Channels come last (numpy.moveaxis)."
            elif len(expected) == 2 and int(np.prod(shape[1:])) == expected[1]:
                cause = f" x.reshape(len(x), {expected[1]}) flattens the samples."
            elif len(shape) == 2 and shape[1] == int(np.prod(expected[1:])):
                cause = f" x.reshape(-1, {letters}) restores the axes."
        batch = "N" if expected[0] is None else expected[0]
        return f'input "{name}": expected x[{batch}{"," if letters else ""}{letters}]; got shape {tuple(shape)}.{cause}'

    # ---- shapes without values ----

    def compute_output_spec(self, inputs, training=None, mask=None):
        """The symbolic outputs for symbolic inputs, without recording a call."""
        given = self._in_structure(inputs)
        if all(x is None or x.shape == t.shape for x, t in zip(given, self._flat_inputs)):
            results = [KerasTensor(t.shape, t.dtype) for t in self._flat_outputs]
        else:
            for x, tensor, name in zip(given, self._flat_inputs, self.input_names):
                if not fits(_adjusted(x.shape, tensor.shape)[1:], tensor.shape[1:]):
                    raise ValueError(f"{self._title()}: {self._misfit(name, tensor, x.shape)}")

            def spec(layer, args, kwargs):
                kwargs = {name: value for name, value in kwargs.items() if name != "training"}
                return layer.compute_output_spec(*args, **kwargs)

            given = [KerasTensor(_adjusted(x.shape, t.shape), x.dtype) for x, t in zip(given, self._flat_inputs)]
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

    def _integer_inputs(self):
        return self._integers if any(self._integers) else False

    def _tensors(self, arrays):
        kinds = iter(self._integers)

        def tensor(array):
            integer = next(kinds)
            return None if array is None else from_array(array, "int32" if integer else None)

        if isinstance(arrays, dict) and self._keys is not None:
            return {key: tensor(arrays[key]) for key in self._keys}
        return tensor(arrays) if isinstance(arrays, np.ndarray) else pack_like(arrays, map(tensor, flat(arrays)))

    def _inputs(self, caller, x):
        """x as checked arrays, in the structure that it came in."""
        if x is None:
            raise ValueError(f"{caller}: x is None; expected an array of samples")
        n = len(self._flat_inputs)
        if (
            n == 1
            and isinstance(x, (list, tuple))
            and not (len(x) == 1 and np.ndim(x[0]) == len(self._accepted[0][0]) + 1)
        ):
            x = as_array(x, caller, "x", self._integers[0])  # rows, as nested lists
        elif n > 1 and not isinstance(x, (list, tuple, dict)):
            named = ", ".join(f'"{name}"' for name in self.input_names)
            raise ValueError(f"{caller}: {self._title()} has {n} inputs ({named}); got one array for x")
        found = self._in_structure(x, caller)
        arrays = []
        for a, tensor, name, integers in zip(found, self._flat_inputs, self.input_names, self._integers):
            if a is None:
                arrays.append(None)
                continue
            array = as_array(a, caller, f'the input "{name}"' if n > 1 else "x", integers)
            wanted = _adjusted(array.shape, tensor.shape)
            if not fits(wanted[1:], tensor.shape[1:]):
                raise ValueError(f"{caller}: {self._title()}, {self._misfit(name, tensor, array.shape)}")
            arrays.append(array.reshape(wanted))
        lengths = {len(a) for a in arrays if a is not None}
        if len(lengths) != 1:
            counts = ", ".join(f'"{name}" {len(a)}' for name, a in zip(self.input_names, arrays) if a is not None)
            raise ValueError(f"{caller}: the inputs have different numbers of samples: {counts}")
        if lengths == {0}:
            raise ValueError(f"{caller}: x has no samples, shape {arrays[0].shape}")
        return self._as_given(x, arrays)

    def _as_given(self, x, arrays):
        """Arrays in the model's order, in the structure of x."""
        if isinstance(x, dict) and self._keys is not None:
            return dict(zip(self._keys, arrays))
        if not isinstance(x, (list, tuple, dict)):
            return arrays[0]
        return list(arrays) if self._is_flat or len(arrays) == 1 else pack_like(self._inputs_struct, iter(arrays))

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


def fits(shape, expected):
    """Has a shape the rank and, where both are known, the sizes of another?"""
    return len(shape) == len(expected) and all(a is None or b is None or a == b for a, b in zip(shape, expected))


def _adjusted(shape, expected):
    """shape with a last axis of 1 added or dropped where only that differs, as in Keras."""
    shape = tuple(shape)
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        return (*shape, 1)
    if len(shape) == len(expected) + 1 and shape[-1:] == (1,):
        return shape[:-1]
    return shape


def is_functional_like(cls):
    """Are a class's constructor arguments (inputs, outputs, ...), so that the graph is its configuration?"""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    passed_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    return passed_on or [p.name for p in parameters[:2]] == ["inputs", "outputs"]
