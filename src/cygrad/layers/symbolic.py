"""What a functional model is made of before data comes: symbolic tensors, and the calls of layers that connect them.

A tensor holds the layer that made it, the layer a Node for each of its symbolic calls, and a Node the tensors that went
in: from its outputs all of a graph is reached. Nothing holds what comes after it, so that reference counting alone
frees what is no longer used.
"""

import itertools
import weakref
from typing import NamedTuple

from .._tensor import numpy_function
from .naming import auto_name
from .structure import flatten, map_structure


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
        self._layer, self.args, self.kwargs = weakref.ref(layer), args, kwargs
        self.inputs = [x for x in flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        index, places = len(layer._inbound_nodes), itertools.count()
        self._outlets = map_structure(lambda y: _Outlet(y, KerasHistory(layer, index, next(places))), output_structure)
        layer._inbound_nodes.append(self)

    @property
    def layer(self):
        return self._layer()

    @property
    def output_structure(self):
        return map_structure(lambda outlet: outlet.tensor(self.layer), self._outlets)

    @property
    def outputs(self):
        return flatten(self.output_structure)

    def __getstate__(self):  # copies and pickles
        return {**self.__dict__, "_layer": self.layer}

    def __setstate__(self, state):
        self.__dict__.update(state, _layer=weakref.ref(state["_layer"]))

    def __repr__(self):
        return f"<Node of {self.layer.name}: {[x.name for x in self.inputs]} to {[y.name for y in self.outputs]}>"


class _Outlet:
    """Where an output leaves a Node: gives that tensor or, where nobody holds it any more, one like it."""

    def __init__(self, tensor, history):
        tensor._keras_history = history
        self._indices = history[1:]
        self._properties = tensor.shape, tensor.dtype, tensor.name
        self._tensor = weakref.ref(tensor)

    def tensor(self, layer):
        tensor = self._tensor and self._tensor()
        if tensor is None:
            tensor = KerasTensor(*self._properties)
            tensor._keras_history = KerasHistory(layer, *self._indices)
            self._tensor = weakref.ref(tensor)
        return tensor

    def __getstate__(self):
        return {**self.__dict__, "_tensor": None}


class KerasTensor:
    """A tensor without values: a shape, whose None axes are open, a dtype, and the layer call that made it.

    + - * / // % ** @, < <= > >=, & | ~, unary -, abs and indexing make further symbolic tensors.

    >>> x = cygrad.Input((3,))
    >>> x.shape, (x[:, :2] * 2.0).shape
    ((None, 3), (None, 2))
    """

    def __init__(self, shape, dtype="float32", name=None):
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name or auto_name("KerasTensor")
        self._keras_history = None
        self._keras_mask = None  # a symbolic tensor too

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

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        """numpy_array * symbolic is symbolic; NumPy's other functions need values."""
        return numpy_function(operation, ufunc, method, inputs, options)

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

    def __floordiv__(self, other): return operation("floor_divide", self, other)  # fmt: skip

    def __rfloordiv__(self, other): return operation("floor_divide", other, self)  # fmt: skip

    def __mod__(self, other): return operation("mod", self, other)  # fmt: skip

    def __rmod__(self, other): return operation("mod", other, self)  # fmt: skip

    def __lt__(self, other): return operation("less", self, other)  # fmt: skip

    def __le__(self, other): return operation("less_equal", self, other)  # fmt: skip

    def __gt__(self, other): return operation("greater", self, other)  # fmt: skip

    def __ge__(self, other): return operation("greater_equal", self, other)  # fmt: skip

    def __and__(self, other): return operation("logical_and", self, other)  # fmt: skip

    def __or__(self, other): return operation("logical_or", self, other)  # fmt: skip

    def __invert__(self): return operation("logical_not", self)  # fmt: skip

    def __neg__(self): return operation("negative", self)  # fmt: skip

    def __abs__(self): return operation("absolute", self)  # fmt: skip

    def __getitem__(self, index): return operation("get_item", self, index)  # fmt: skip


def operation(name, *args, **kwargs):
    """The symbolic result of cygrad.ops.NAME: a call of a layer that does nothing else."""
    from .core import Operation

    return Operation(name)(*args, **kwargs)
