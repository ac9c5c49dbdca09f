"""What goes into a functional model: its symbolic inputs, and the values for them in whatever structure they come.

The inputs may be one tensor, a list, tuple or dict, nested. Data for them may be given in that structure, as a list for
a dict whose keys are in order, or as a dict by the inputs' names. Everything that does not fit is said with the input's
name, what it expects and what came.
"""

import warnings

import numpy as np

from .. import ops
from .._tensor import Tensor, from_array
from ..layers.checks import misfit_cause
from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.strings import Strings
from ..layers.structure import map_structure
from ..layers.symbolic import KerasTensor
from .data import as_array
from .graph import flat, key_of, pack_like


class GraphInputs:
    """The part of Functional that checks its symbolic inputs, and brings values into their order, types and ranks."""

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

    def _standardized(self, inputs):
        """The inputs' values, a flat list, in the types and ranks that the graph asks for."""
        values = []
        given = zip(self._in_structure(inputs), self._flat_inputs, self.input_names, self._accepted)
        for x, tensor, name, (_, dtype, _) in given:
            if x is None:
                values.append(None)
                continue
            if (x.dtype == "string") != (dtype == "string"):
                kinds = {True: "strings", False: "numbers"}
                expected, got = kinds[dtype == "string"], kinds[x.dtype == "string"]
                raise ValueError(f'{self._title()}: expected {expected} for the input "{name}"; got {got}')
            if x.dtype != dtype:
                x, m = ops.cast(x, dtype), x._keras_mask
                x._keras_mask = m
            shape, expected = tuple(x.shape), tensor.shape
            wanted = adjusted(shape, expected)
            if not fits(wanted[1:], expected[1:]) or not fits(wanted[:1], expected[:1]):
                raise ValueError(f"{self._title()}: {self._misfit(name, tensor, shape)}")
            reshape = x.reshape if dtype == "string" else lambda shape, x=x: ops.reshape(x, shape)
            values.append(x if wanted == shape else reshape(wanted))
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
        batch = "N" if expected[0] is None else expected[0]
        expectation = f"expected x[{batch}{',' if letters else ''}{letters}]; got shape {tuple(shape)}"
        return f'input "{name}": {expectation}.{misfit_cause(tuple(shape), tuple(expected))}'

    # ---- what fit and predict ask ----

    def _integer_inputs(self):
        return self._integers if any(self._integers) else False

    def _tensors(self, arrays):
        kinds = iter(self._integers)

        def tensor(array):
            integer = next(kinds)
            if array is not None and array.dtype.kind == "O":
                return Strings(array)
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
            strings = _are_strings(self._flat_inputs[0])  # rows, as nested lists
            x = as_array(x, caller, "x", self._integers[0], lazy=True, strings=strings)
        elif n > 1 and not isinstance(x, (list, tuple, dict)):
            named = ", ".join(f'"{name}"' for name in self.input_names)
            raise ValueError(f"{caller}: {self._title()} has {n} inputs ({named}); got one array for x")
        found = self._in_structure(x, caller)
        arrays = []
        for a, tensor, name, integers in zip(found, self._flat_inputs, self.input_names, self._integers):
            if a is None:
                arrays.append(None)
                continue
            title = f'the input "{name}"' if n > 1 else "x"
            array = as_array(a, caller, title, integers, lazy=True, strings=_are_strings(tensor))
            wanted = adjusted(array.shape, tensor.shape)
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


def _are_strings(tensor):
    """For as_array: may the values of a symbolic input be strings?"""
    return lambda: tensor.dtype == "string"


def fits(shape, expected):
    """Has a shape the rank and, where both are known, the sizes of another?"""
    return len(shape) == len(expected) and all(a is None or b is None or a == b for a, b in zip(shape, expected))


def adjusted(shape, expected):
    """shape with a last axis of 1 added or dropped where only that differs, as in Keras."""
    shape = tuple(shape)
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        return (*shape, 1)
    if len(shape) == len(expected) + 1 and shape[-1:] == (1,):
        return shape[:-1]
    return shape
