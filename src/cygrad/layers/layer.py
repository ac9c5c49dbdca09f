"""Layer: what every layer and model stands on.

A layer is `__init__` (check and keep the arguments), `build` (make the weights, once the input's shape is known) and
`call` (the math, in ops). Here is what surrounds these: making, building and calling. Its other parts are classes of
their own: Weights (variables, sublayers, losses), SymbolicCalls (shapes and graphs), Masks, Configuration (plain data).

A call has two ways. The short one is for what a training step does all day: a built layer without sublayers, one
tensor of the shape that came last time. Everything else (first call, arrays, masks, symbolic tensors, models) takes the
long one.
"""

import functools
import inspect
import threading

import numpy as np

from .. import _lookup, config, regularizers
from .._tensor import Tensor
from .checks import check_input, check_numerics
from .configuration import Configuration, all_parameters
from .context import context
from .conversion import converted, holds_tensors
from .input_spec import InputSpec
from .masking import Masks
from .naming import auto_name
from .strings import Strings
from .structure import flatten, shapes_of
from .symbolic import KerasTensor
from .symbolic_calls import SymbolicCalls
from .weights import Weights, structure_changed

__all__ = ["InputSpec", "Layer"]

_build_lock = threading.RLock()  # two threads may meet at a layer's first call


def _wrap_build(build):
    """build with what surrounds it: the variables' path, the record of the shapes, built = True."""

    @functools.wraps(build)
    def wrapped(self, *shapes, **named_shapes):
        self._check_initialised()
        own = self._trainable_variables, self._non_trainable_variables
        before = [len(variables) for variables in own]
        stack = context.stack
        nested = bool(stack) and stack[-1] is self
        if not nested:
            stack.append(self)
        try:
            build(self, *shapes, **named_shapes)
        except BaseException:  # leave nothing half built: the next call may bring a good shape
            for variables, n in zip(own, before):
                del variables[n:]
            raise
        finally:
            if not nested:
                stack.pop()
        self.built = True
        structure_changed()
        if shapes or named_shapes:
            self._build_shapes = shapes[0] if len(shapes) == 1 and not named_shapes else None
            self._build_arguments = inspect.signature(build).bind(self, *shapes, **named_shapes).arguments
            self._build_arguments.pop("self", None)

    wrapped._wrapped = True
    return wrapped


class Layer(Weights, SymbolicCalls, Masks, Configuration):
    """The base of all layers: Layer(*, activity_regularizer=None, trainable=True, dtype=None, name=None).

    A layer of your own says what it does in call; weights are made in build, or in __init__ where their shapes are
    known there:

    autocast: has no effect.

    >>> class Scale(cygrad.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
    ...     def call(self, inputs):
    ...         return inputs * self.scale
    >>> layer = Scale()
    >>> layer(np.array([[1.0, 2.0]])).numpy().tolist()
    [[1.0, 2.0]]
    >>> [w.path for w in layer.weights]
    ['scale/scale']

    call may take `training`: it gets True in fit, False in evaluate and predict, and what the enclosing layer's call
    got otherwise. Layers and variables that are attributes, or stand in attributes that are lists, tuples or dicts,
    belong to the layer. dtype: None or "float32", the type that layers compute in. input_shape or input_dim (without
    the batch axis) on the first layer of a Sequential takes the place of an Input. Raises TypeError for an unknown
    argument.
    """

    _leaf = False  # a class without sublayers and losses of its own, whose call takes one tensor: the short way is open
    _letters = ""  # names of the input's axes, for errors
    _seen_shape = None  # the shape that passed the checks last; None keeps a layer on the long way
    input_spec = None
    takes_strings = False  # may call's tensors be Strings?

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._leaf = cls.__dict__.get("_leaf", False)
        if "build" in cls.__dict__ and not hasattr(cls.build, "_wrapped"):
            cls.build = _wrap_build(cls.build)
        if "call" in cls.__dict__:
            parameters = inspect.signature(cls.call).parameters
            cls._call_parameters = list(parameters)[1:]
            cls._call_takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
            cls._takes_training = "training" in cls._call_parameters
            cls._note_mask_arguments()

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        if "batch_input_shape" in kwargs:
            shape = tuple(kwargs.pop("batch_input_shape"))[1:]
        kind = type(self).__name__
        if kwargs:
            _lookup.check_keywords(kind, all_parameters(type(self)), kwargs)
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"{kind}: name must be a string without '/'; got {name!r}")
        if not isinstance(trainable, bool):
            raise ValueError(f"{kind}: trainable must be True or False; got {trainable!r}")
        if isinstance(dtype, dict):  # Keras's configurations hold a policy
            dtype = dtype.get("config", {}).get("name")
        if dtype is not None and getattr(dtype, "name", dtype) != "float32" and dtype not in (float, np.float32):
            raise ValueError(f'{kind}: dtype must be "float32", the type that layers compute in; got {dtype!r}')
        self.name = auto_name(kind) if name is None else name
        self.built = False
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._init_weights(trainable)
        self._inbound_nodes = []
        self._build_shapes = self._build_arguments = None
        if shape is not None:
            self._input_shape_arg = (shape,) if isinstance(shape, int) else tuple(shape)

    @property
    def dtype(self):
        return "float32"

    compute_dtype = variable_dtype = dtype

    def _title(self):
        return f'{type(self).__name__} "{self.name}"'

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # ---- to be overridden ----

    def build(self, input_shape):
        """Makes the weights for inputs of that shape (batch axis included). Called before the first call."""

    build = _wrap_build(build)

    def call(self, inputs):
        """The layer's math."""
        raise NotImplementedError(f"{type(self).__name__} has no call method; a layer must say what it computes")

    _call_parameters, _call_takes_more, _takes_training = ["inputs"], False, False

    # ---- calling ----

    def __call__(self, *args, **kwargs):
        if len(args) == 1:
            x = args[0]
            if isinstance(x, Tensor) and x.shape == self._seen_shape and x._keras_mask is None and not config.numerics:
                if not kwargs:
                    if self._takes_training:
                        training = context.training
                        if training is not None:
                            return self.call(x, training=training)
                    return self.call(x)
                if len(kwargs) == 1 and kwargs.get("training") is not None:
                    return self.call(x, **kwargs) if self._takes_training else self.call(x)
        return self._call_the_long_way(args, kwargs)

    def _call_the_long_way(self, args, kwargs):
        self._check_initialised()
        if len(args) != 1 or kwargs or not isinstance(args[0], Tensor):
            args, kwargs = self._tensor_arguments(args, kwargs)
            if any(isinstance(leaf, KerasTensor) for leaf in flatten((args, kwargs))):
                return self._call_symbolically(args, kwargs)
        if args and type(args[0]) is Strings and not self.takes_strings:
            raise TypeError(f"{self._title()}: got strings, not numbers; StringLookup or TextVectorization reads them")
        outer_training, stack = context.training, context.stack
        training = self._resolve_training(args, kwargs)
        if not stack and context.loss_adders:
            self._forget_losses(context.loss_adders)
        stack.append(self)
        context.training = training
        try:
            self._prepare(args, kwargs)
            masks = self._take_masks(args, kwargs)
            if config.numerics:
                check_numerics(self, "input", (args, kwargs))
            y = self._computed(args, kwargs)
            if config.numerics:
                check_numerics(self, "output", y)
            if self.activity_regularizer is not None:
                for leaf in flatten(y):
                    penalty = self.activity_regularizer(leaf)  # a mean over the batch, as in Keras 3
                    self.add_loss(penalty / max(leaf.shape[0], 1) if leaf.shape else penalty)
            if masks is not None or self._makes_masks:
                self._hand_on_masks(args, kwargs, y, masks)
        except (TypeError, ValueError) as error:
            self._name_in(error)
            raise
        finally:
            stack.pop()
            context.training = outer_training
        if self._leaf and len(args) == 1 and isinstance(args[0], Tensor) and self.activity_regularizer is None:
            self._seen_shape = None if self._makes_masks and self.supports_masking else args[0].shape
        return y

    def _tensor_arguments(self, args, kwargs):
        """A call's arguments with tensors for arrays. TypeError for names that call does not have."""
        for name in kwargs:
            if name not in self._call_parameters and name != "training" and not self._call_takes_more:
                known = self._call_parameters
                hint = " It does not support masking." if name == "mask" else _lookup.did_you_mean(name, known)
                raise TypeError(f"{self._title()}: its call takes {', '.join(known)}; got {name!r}.{hint}")
        first = self._call_parameters[0] if not args and self._call_parameters else None
        try:
            args = tuple([converted(a, i == 0) for i, a in enumerate(args)])
            return args, {k: converted(v, k == first) for k, v in kwargs.items()}
        except (TypeError, ValueError) as error:
            self._name_in(error)
            raise

    def _computed(self, args, kwargs):
        """call's result."""
        y = self.call(*args, **kwargs)
        if y is None:
            raise TypeError(f"{self._title()}: its call returned None. Is a return missing?")
        return y

    def _name_in(self, error):
        """Puts the name of the innermost layer before the message of an op's error."""
        if type(error) in (TypeError, ValueError) and len(error.args) == 1 and not hasattr(error, "layer_name"):
            error.layer_name = self.name
            if self._title() not in str(error.args[0]):
                error.args = (f"{self._title()}: {error.args[0]}",)

    def _resolve_training(self, args, kwargs):
        """Whether this call trains: as said, else as the enclosing one. Keeps `training` where call takes it."""
        given = kwargs.pop("training", None)
        if self._takes_training:
            position = self._call_parameters.index("training")
            if len(args) > position:
                return context.training if args[position] is None else args[position]
        training = context.training if given is None else given
        if self._takes_training and training is not None:
            kwargs["training"] = training
        return training

    def _prepare(self, args, kwargs):
        """Checks the input, and builds at the first call."""
        if self.input_spec is not None:
            check_input(self, args[0] if args else next(iter(kwargs.values()), None))
        if not self.built:
            with _build_lock:
                if not self.built:
                    self._build_for(args, kwargs)

    def _build_for(self, args, kwargs):
        """Calls build with one shape, or with one for each tensor argument that it names ARGUMENT_shape."""
        parameters = inspect.signature(self.build).parameters.values()
        asked = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if len(asked) <= 1:
            first = args[0] if args else next((v for v in kwargs.values() if holds_tensors(v)), None)
            self.build(shapes_of(first))
            return
        named = dict(zip(self._call_parameters, args)) | kwargs
        shapes = {f"{k}_shape": shapes_of(v) for k, v in named.items() if holds_tensors(v)}
        unknown = [p.name for p in asked if p.name not in shapes and p.default is p.empty]
        if unknown:
            argument = unknown[0].removesuffix("_shape")
            if argument in self._call_parameters and argument not in named:
                raise TypeError(f"{self._title()}: the argument {argument!r} is missing from the call")
            raise TypeError(
                f"{self._title()}: build asks for {unknown[0]!r}, but no tensor argument is called so; "
                f"it has {', '.join(shapes)}"
            )
        self.build(**{p.name: shapes[p.name] for p in asked if p.name in shapes})
