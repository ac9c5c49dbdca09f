"""Sequential: a stack of layers."""

import numpy as np

from .. import config
from .._tensor import Tensor
from ..layers.checks import misfit_cause
from ..layers.context import context
from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.strings import Strings
from ..layers.symbolic import KerasTensor
from ..layers.weights import structure_changed
from .container import check_keys
from .model import Model
from .outputs import Outputs
from .serialization import deserialize_layer, serialize_layer


class Sequential(Model):
    """A stack of layers, each fed with the one before: Sequential(layers=None, trainable=True, name=None).

    With an Input first, or input_shape= on the first layer, layers are built as they are added; else at the first
    call, fit or build(input_shape). ValueError for what is not a layer, for two layers of one name, and for a shape
    that a layer cannot take.

    >>> layers = cygrad.layers
    >>> model = cygrad.Sequential([layers.Input((784,)), layers.Dense(64, activation="relu"), layers.Dense(10)])
    >>> model.output_shape, model.count_params()
    ((None, 10), 50890)
    """

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self._input_layer = None
        self._layers = []
        self._symbols = []  # the symbolic input and the outputs of the layers, while the input's shape is known
        self._row = None  # the shape of one sample, where all of it is fixed: the short way of __call__
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise TypeError(f"Sequential: layers must be a list; got {type(layers).__name__}")
        for layer in layers or ():
            self.add(layer)

    # ---- the stack ----

    def add(self, layer):
        """Puts a layer, or an Input, on top. Builds it when the shape of its input is known."""
        if isinstance(layer, KerasTensor):
            history = layer._keras_history
            if history is None or not isinstance(history.operation, InputLayer):
                raise ValueError(
                    f"{self._title()}: a symbolic tensor can be added only if Input made it; got the output of a layer"
                )
            layer = history.operation
        if not isinstance(layer, Layer):
            hint = (
                f" Did you mean {layer.__name__}(...)?" if isinstance(layer, type) and issubclass(layer, Layer) else ""
            )
            raise ValueError(f"{self._title()}: expected a layer; got {layer!r} of type {type(layer).__name__}.{hint}")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                f'{self._title()}: there is a layer "{layer.name}" already; names must be unique, '
                "and a layer stands once in a stack"
            )
        if isinstance(layer, InputLayer):
            if self._layers or self._input_layer:
                raise ValueError(f"{self._title()}: an Input must come first, and there is one at most")
            self._input_layer = layer
            self._begin(layer.batch_shape, layer.dtype)
            return
        if not self._layers and not self._symbols:
            shape = getattr(layer, "_input_shape_arg", None)
            if shape is not None:
                self._begin((None, *shape))
            elif isinstance(layer, Sequential) and layer.built:
                self._begin(layer.input_shape)
        self._layers.append(layer)
        if self._symbols:
            try:
                self._extend(layer)
            except BaseException:
                self._layers.pop()
                raise
        self._stack_changed()

    def pop(self, rebuild=True):
        """Removes the top layer and returns it."""
        if not self._layers:
            raise ValueError(f"{self._title()}: there is no layer to remove")
        layer = self._layers.pop()
        if self._symbols:
            self._symbols.pop()
        self.built = bool(self._symbols and self._layers)
        self._stack_changed()
        return layer

    @property
    def layers(self):
        """The layers, without the Input."""
        return list(self._layers)

    def _stack_changed(self):
        """Loss and metrics depend on the output's shape; the optimizer on the variables."""
        structure_changed()
        self._unresolve()
        self._output_specs.clear()

    # ---- shapes ----

    def _begin(self, batch_shape, dtype="float32"):
        batch_shape = tuple(None if s is None else int(s) for s in batch_shape)
        self._symbols = [(self._input_layer or InputLayer(batch_shape=batch_shape, dtype=dtype)).output]
        self._row = None if None in batch_shape[1:] else batch_shape[1:]
        self._build_shapes = batch_shape

    def _extend(self, layer):
        """Builds a layer on top of what is there and notes its output."""
        stack = context.stack
        nested = bool(stack) and stack[-1] is self  # in build
        if not nested:
            stack.append(self)
        try:
            y = layer(self._symbols[-1])
        finally:
            if not nested:
                stack.pop()
        if not isinstance(y, KerasTensor):
            raise ValueError(
                f'{self._title()}: layer "{layer.name}" returns a {type(y).__name__}; '
                "a stack needs layers with one output"
            )
        self._symbols.append(y)
        self.built = True

    def build(self, input_shape=None):
        """Builds all layers for inputs of that shape, batch axis included: build((None, 784))."""
        if not self._layers:
            raise ValueError(f"{self._title()}: there is no layer to build; add one first")
        if input_shape is None:
            raise ValueError(
                f"{self._title()}: build needs the shape of the input, batch axis included, such as (None, 784)"
            )
        shape = (None, *tuple(input_shape)[1:])
        if self._symbols:
            expected = self._symbols[0].shape
            if not _fits(shape, expected):
                raise ValueError(
                    f"{self._title()}: expected inputs of shape {expected}, as built; got {tuple(input_shape)}"
                )
            return
        self._begin(shape)
        try:
            for layer in self._layers:
                self._extend(layer)
        except BaseException:
            self._symbols, self._row, self.built = [], None, False
            raise

    @property
    def input_shape(self):
        """The input's shape, batch axis open. AttributeError before it is known."""
        if not self._symbols:
            raise AttributeError(
                f"{self._title()}: input_shape is not known yet; add an Input first, or call the model"
            )
        return self._symbols[0].shape

    @property
    def output_shape(self):
        """The output's shape, batch axis open. AttributeError before it is known."""
        if not self._symbols:
            raise AttributeError(
                f"{self._title()}: output_shape is not known yet; add an Input first, or call the model"
            )
        return self._symbols[-1].shape

    @property
    def input(self):
        """The symbolic input, which functional models may start from. AttributeError before its shape is known."""
        self.input_shape  # noqa: B018 (raises when it is not known)
        return self._symbols[0]

    @property
    def output(self):
        """The symbolic output, which functional models may go on from. AttributeError before it is known."""
        self.output_shape  # noqa: B018
        return self._symbols[-1]

    @property
    def inputs(self):
        """The symbolic input, in a list."""
        self.input_shape  # noqa: B018 (raises when it is not known)
        return self._symbols[:1]

    @property
    def outputs(self):
        """The symbolic output, in a list."""
        self.output_shape  # noqa: B018
        return self._symbols[-1:]

    def compute_output_shape(self, input_shape):
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    # ---- calling ----

    def __call__(self, inputs, training=None, **kwargs):
        if (
            isinstance(inputs, Tensor)
            and inputs.shape[1:] == self._row
            and self.built
            and not config.numerics
            and not kwargs
        ):
            outer, stack = context.training, context.stack
            if not stack and context.loss_adders:
                self._forget_losses(context.loss_adders)
            stack.append(self)
            if training is not None:
                context.training = training
            try:
                for layer in self._layers:
                    inputs = layer(inputs)
                return inputs
            finally:
                stack.pop()
                context.training = outer
        if training is not None:
            kwargs["training"] = training
        return super().__call__(inputs, **kwargs)

    def call(self, inputs, training=None):
        if not self._layers:
            raise ValueError(f"{self._title()}: there are no layers to call; add one first")
        x = self._with_rank(inputs)
        for layer in self._layers:
            x = layer(x)
        return x

    def _with_rank(self, x):
        """x with an axis of length 1 at the end added or dropped where the model was built with or without it, as in
        Keras."""
        shape, expected = tuple(x.shape), self._symbols[0].shape if self._symbols else None
        if expected is None or len(shape) == len(expected) or isinstance(x, KerasTensor):
            return x
        if shape[1:] + (1,) == expected[1:] or _fits(shape + (1,), expected):
            wanted = shape + (1,)
        elif shape[-1:] == (1,) and _fits(shape[:-1], expected):
            wanted = shape[:-1]
        else:
            return x
        if isinstance(x, Tensor) and not isinstance(x, Strings):
            from ..ops import reshape

            return reshape(x, wanted)
        return x.reshape(wanted)

    # ---- what fit and predict ask ----

    @property
    def output_names(self):
        """The name of the last layer, in a list."""
        return [self._layers[-1].name] if self._layers else []

    def _known_outputs(self):
        return Outputs(self._symbols[-1], self.output_names) if len(self._symbols) > 1 else None

    def _integer_inputs(self):
        dtype = self._symbols[0].dtype if self._symbols else "float32"
        first = self._layers[0] if self._layers else None
        return "int" in str(dtype) or bool(getattr(first, "integer_input", False))

    def _takes_several(self, x):
        return False

    def _inputs(self, caller, x):
        if not self._layers:
            raise ValueError(f"{caller}: {self._title()} has no layers; add some first")
        if isinstance(x, dict):
            if len(x) != 1:
                raise ValueError(f"{caller}: x holds {len(x)} arrays; {self._title()} has one input")
            name = self._input_layer.name if self._input_layer else next(iter(x))
            if name not in x:
                raise ValueError(f"{caller}: {self._title()} has the input {name!r}; x has the key {next(iter(x))!r}")
            x = next(iter(x.values()))
        return self._with_rank(super()._inputs(caller, x))

    def _check_input_shapes(self, caller, x):
        if not self._symbols:
            return
        shape, expected = np.shape(self._with_rank(x)), self._symbols[0].shape
        if _fits(shape, expected):
            return
        letters = ",".join("?" if s is None else str(s) for s in expected[1:])
        first = self._layers[0]
        raise ValueError(
            f'{caller}: {self._title()}, layer "{first.name}" ({type(first).__name__}): expected x[N,{letters}], '
            f"as built; got shape {shape}.{misfit_cause(shape, expected)}"
        )

    # ---- configuration ----

    def get_config(self):
        """{"name", "trainable", "layers", "build_input_shape"}: plain data for from_config."""
        layers = [self._input_layer, *self._layers] if self._input_layer else self._layers
        result = {
            "name": self.name,
            "trainable": self._trainable,
            "layers": [serialize_layer(layer) for layer in layers],
        }
        if self._symbols:
            result["build_input_shape"] = list(self._symbols[0].shape)
        return result

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new Sequential from get_config's result; built where the other was."""
        check_keys("Sequential", config, {"name", "layers"}, {"trainable", "build_input_shape", "dtype"})
        model = cls(name=config["name"])
        for layer in config["layers"]:
            model.add(deserialize_layer(layer, custom_objects))
        shape = config.get("build_input_shape")
        if shape and model._layers:
            model.build(tuple(shape))
        if config.get("trainable") is False:
            model._trainable = False
        return model


def _fits(shape, expected):
    return len(shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(shape[1:], expected[1:])
    )
