"""Calls of a layer on symbolic tensors: shapes without values, recorded as a functional model's graph."""

import inspect

from .context import context
from .conversion import holds_tensors, zeros_like
from .structure import flatten, map_shapes, map_structure, shapes_of
from .symbolic import KerasTensor, Node


class SymbolicCalls:
    """The part of Layer that says what comes out for inputs that have a shape only."""

    def compute_output_shape(self, *input_shapes):
        """The output's shape for an input's, batch axis included; open axes are None.

        Layers of your own need not define it: this one tries the layer on zeros with a batch of one.
        """
        args = tuple([map_shapes(KerasTensor, shapes) for shapes in input_shapes])
        return shapes_of(self._trial(args, {}))

    def compute_output_spec(self, *args, **kwargs):
        """The symbolic outputs for symbolic inputs, without recording a call."""
        return self._symbolic_outputs(args, kwargs)

    def _call_symbolically(self, args, kwargs):
        """Records the call in a functional model's graph; the outputs have a shape and no values."""
        said = dict(kwargs)
        kwargs.pop("training", None)
        context.stack.append(self)
        try:
            self._prepare(args, kwargs)
            outputs = self.compute_output_spec(*args, **kwargs)
        except (TypeError, ValueError) as error:
            self._name_in(error)
            raise
        finally:
            context.stack.pop()
        Node(self, args, said, outputs)
        return outputs

    def _symbolic_outputs(self, args, kwargs):
        if type(self).compute_output_shape is SymbolicCalls.compute_output_shape:
            return self._trial(args, kwargs)
        tensors = [a for a in (*args, *kwargs.values()) if holds_tensors(a)]
        asked = inspect.signature(self.compute_output_shape).parameters.values()
        several = len(asked) > 1 or any(p.kind == p.VAR_POSITIONAL for p in asked)
        shapes = self.compute_output_shape(*[shapes_of(t) for t in (tensors if several else tensors[:1])])
        return map_shapes(KerasTensor, shapes)

    def _trial(self, args, kwargs):
        """Symbolic outputs as the layer gives on zeros. An open batch is 1; other open axes have two sizes tried, which
        windows, strides and splits usually divide, but not to the same."""
        if not self.built:
            self._build_for(args, kwargs)
        open_axes = any(isinstance(x, KerasTensor) and None in x.shape[1:] for x in flatten((args, kwargs)))
        context.stack.append(self)
        outer = context.training, context.trying
        context.training, context.trying = None, True
        try:
            tried = []
            for size in (32, 48) if open_axes else (32,):
                zeros = map_structure(lambda leaf, size=size: zeros_like(leaf, size), (args, kwargs))
                tried.append(self._computed(*zeros))
        finally:
            context.stack.pop()
            context.training, context.trying = outer
        others = iter(flatten(tried[-1]))

        def symbol(y):
            shape = [a if a == b else None for a, b in zip(y.shape, next(others).shape)]
            dtype = "float32" if y.dtype.startswith("float") else y.dtype
            return KerasTensor([None if i == 0 and s == 1 else s for i, s in enumerate(shape)], dtype)

        return map_structure(symbol, tried[0])

    # ---- what is known of the calls ----

    @property
    def input_shape(self):
        """The shape that the layer was built for, its batch axis open. AttributeError before it is built."""
        if self._inbound_nodes:
            return shapes_of(_single(self._inbound_nodes[0].inputs))
        if self._build_shapes is None:
            raise AttributeError(f"{self._title()}: input_shape is not known before the layer is called or built")
        return map_shapes(lambda shape: (None, *shape[1:]), self._build_shapes)

    @property
    def output_shape(self):
        """The output's shape for input_shape. AttributeError before the layer is built."""
        if self._inbound_nodes:
            return shapes_of(self._inbound_nodes[0].output_structure)
        return self.compute_output_shape(self.input_shape)

    @property
    def input(self):
        """The symbolic input of the layer's first call in a functional model."""
        return _single(self._first_node("input").inputs)

    @property
    def output(self):
        """The symbolic output of the layer's first call in a functional model."""
        return self._first_node("output").output_structure

    def _first_node(self, what):
        if self._inbound_nodes:
            return self._inbound_nodes[0]
        raise AttributeError(
            f"{self._title()}: {what} is not defined, for the layer has had no symbolic call: connect it in a "
            "functional model"
        )


def _single(values):
    return values[0] if len(values) == 1 else values
