"""What a functional model is made of before data comes: symbolic tensors, and the calls of layers that connect them."""

from typing import NamedTuple


def map_structure(function, value):
    """value with function applied to everything that is not a list, a tuple or a dict."""
    if isinstance(value, (list, tuple)):
        mapped = [map_structure(function, v) for v in value]
        return type(value)(*mapped) if hasattr(value, "_fields") else type(value)(mapped)
    if isinstance(value, dict):
        return {k: map_structure(function, v) for k, v in value.items()}
    return function(value)


def flatten(value):
    """The leaves of nested lists, tuples and dicts, in order."""
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flatten(v)]
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in flatten(v)]
    return [value]


class KerasHistory(NamedTuple):
    operation: object  # the layer
    node_index: int  # which of its calls
    tensor_index: int  # which of that call's outputs


class Node:
    """One symbolic call: layer(*args, **kwargs) gave outputs.

    inputs and outputs are flat lists of KerasTensors; args, kwargs and output_structure have the structure of the
    call.
    """

    def __init__(self, layer, args, kwargs, output_structure):
        self.layer, self.args, self.kwargs, self.output_structure = layer, args, kwargs, output_structure
        self.inputs = [x for x in flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        self.outputs = flatten(output_structure)
        index = len(layer._inbound_nodes)
        for i, y in enumerate(self.outputs):
            y._keras_history = KerasHistory(layer, index, i)
        layer._inbound_nodes.append(self)

    def __repr__(self):
        return f"<Node of {self.layer.name}: {[x.name for x in self.inputs]} to {[y.name for y in self.outputs]}>"


class KerasTensor:
    """A tensor without values: a shape, whose None axes are open, a dtype, and the layer call that made it.

    + - * / ** @, unary - and abs, and indexing make further symbolic tensors.
    """

    def __init__(self, shape, dtype="float32", name=None):
        from .layer import auto_name

        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name or auto_name("KerasTensor")
        self._keras_history = None

    @property
    def ndim(self):
        return len(self.shape)

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __len__(self):
        raise TypeError(f"{self!r} has no length; it is symbolic, and gets values when the model is called")

    def __iter__(self):
        raise TypeError(f"{self!r} cannot be iterated over; it is symbolic, and gets values when the model is called")

    def __bool__(self):
        raise TypeError(f"{self!r} has no truth value; it is symbolic, and gets values when the model is called")

    def __array__(self, dtype=None, copy=None):
        raise TypeError(f"{self!r} has no values; it is symbolic, and gets them when the model is called")

    __array_ufunc__ = None  # numpy_array * symbolic is symbolic

    def __add__(self, other): return operation("add", self, other)  # fmt: skip

    def __radd__(self, other): return operation("add", other, self)  # fmt: skip

    def __sub__(self, other): return operation("subtract", self, other)  # fmt: skip

    def __rsub__(self, other): return operation("subtract", other, self)  # fmt: skip

    def __mul__(self, other): return operation("multiply", self, other)  # fmt: skip

    def __rmul__(self, other): return operation("multiply", other, self)  # fmt: skip

    def __truediv__(self, other): return operation("divide", self, other)  # fmt: skip

    def __rtruediv__(self, other): return operation("divide", other, self)  # fmt: skip

    def __pow__(self, other): return operation("power", self, other)  # fmt: skip

    def __rpow__(self, other): return operation("power", other, self)  # fmt: skip

    def __matmul__(self, other): return operation("matmul", self, other)  # fmt: skip

    def __rmatmul__(self, other): return operation("matmul", other, self)  # fmt: skip

    def __neg__(self): return operation("negative", self)  # fmt: skip

    def __abs__(self): return operation("absolute", self)  # fmt: skip

    def __getitem__(self, index): return operation("get_item", self, index)  # fmt: skip


def operation(name, *args, **kwargs):
    """The symbolic result of cygrad.ops.NAME: a call of a layer that does nothing else."""
    from .core import Operation

    return Operation(name)(*args, **kwargs)
