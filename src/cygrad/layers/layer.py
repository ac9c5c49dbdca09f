"""Layer: what every layer and model stands on.

A layer is `__init__` (check and keep the arguments), `build` (make the weights, once the input's shape is known) and
`call` (the math, in ops). The rest lives here: calling, names, the search for weights and sublayers, configurations,
errors.

A call has two ways. The short one is for what a training step does all day: a built layer without sublayers, one
tensor of the shape that came last time. Everything else (first call, arrays, symbolic tensors, models) takes the long
one.
"""

import functools
import inspect
import itertools
import math
import re
import threading
import weakref

import numpy as np

from .. import _lookup, config, constraints, initializers, regularizers
from .._tensor import Tensor, Variable, zeros
from ..random import SeedGenerator
from .symbolic import KerasTensor, Node, flatten, map_structure

# ---- names ----

_counters = {}


def auto_name(class_name):
    """The next name of a class, as Keras gives it: Conv2D is conv2d, conv2d_1, ..."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<!^)(?=[A-Z][a-z])", "_", class_name).lower()
    number = next(_counters.setdefault(prefix, itertools.count()))
    return f"{prefix}_{number}" if number else prefix


def reset_names():
    """Starts the numbering of automatic names again, for utils.clear_session."""
    _counters.clear()


# ---- the context of a call ----


class _Context(threading.local):
    """What a thread's running calls share: the layers on the way in, and whether this is training."""

    training = None
    initial_value = None  # while a file is loaded: (layer, name, shape, dtype) gives a new weight's value

    def __init__(self):
        self.stack = []
        self.loss_adders = weakref.WeakSet()


_context = _Context()
_build_lock = threading.RLock()  # two threads may meet at a layer's first call


class _Regularized:
    """Makes `losses` cheap, for fit asks at every step: has any variable a regularizer, and a number that changes
    with the layers' structure, so that a layer may keep the list of those below it."""

    any = False
    version = 0


def structure_changed():
    """To be called where layers are put together otherwise than by making or building them or setting `trainable`."""
    _Regularized.version += 1


class InputSpec:
    """What a layer accepts: a rank, sizes of axes, or a shape whose None axes are open.

    InputSpec(shape=(None, 28, 28)), InputSpec(min_ndim=2, axes={-1: 64}); dtype, name and optional are kept, not
    checked.
    """

    def __init__(
        self,
        dtype=None,
        shape=None,
        ndim=None,
        max_ndim=None,
        min_ndim=None,
        axes=None,
        allow_last_axis_squeeze=False,
        name=None,
        optional=False,
    ):
        self.dtype, self.name, self.optional = dtype, name, optional
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze

    def accepts(self, shape):
        """Does a shape meet it? None, an open axis, meets every size."""
        rank = len(shape)
        if self.shape is not None:
            wanted = self.shape
            if self.allow_last_axis_squeeze and wanted[-1:] == (1,) and rank == len(wanted) - 1:
                wanted = wanted[:-1]
            elif self.allow_last_axis_squeeze and shape[-1:] == (1,) and rank == len(wanted) + 1:
                shape = shape[:-1]
            return len(shape) == len(wanted) and all(a is None or b is None or a == b for a, b in zip(shape, wanted))
        if self.ndim is not None and rank != self.ndim:
            return False
        if (self.max_ndim is not None and rank > self.max_ndim) or (self.min_ndim is not None and rank < self.min_ndim):
            return False
        return all(
            -rank <= axis < rank and (size is None or shape[axis] is None or shape[axis] == size)
            for axis, size in self.axes.items()
        )

    def describe(self, letters=""):
        """The accepted shape in letters: x[N,H,W,3]. letters names the axes, as in "NHWC" or "N...C"."""
        if self.shape is not None:
            return f"x[{','.join('N' if i == 0 and s is None else str(s) for i, s in enumerate(self.shape))}]"
        names = list(letters.replace("...", "\u2026")) if letters else ["N"] + ["?"] * ((self.ndim or 2) - 1)
        if not letters and self.ndim is None:
            names = ["N", "\u2026", "?"]
        for axis, size in self.axes.items():
            if size is not None and -len(names) <= axis < len(names):
                names[axis] = str(size)
        return f"x[{','.join(names)}]".replace("\u2026", "...")

    def get_config(self):
        names = (
            "dtype",
            "shape",
            "ndim",
            "max_ndim",
            "min_ndim",
            "axes",
            "allow_last_axis_squeeze",
            "name",
            "optional",
        )
        return {name: getattr(self, name) for name in names} | ({} if self.shape is None else {"ndim": None})

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        said = [f"{k}={v}" for k, v in self.get_config().items() if v not in (None, False, {})]
        return f"InputSpec({', '.join(said)})"


def _wrap_build(build):
    """build with what surrounds it: the variables' path, the record of the shapes, built = True."""

    @functools.wraps(build)
    def wrapped(self, *shapes, **named_shapes):
        self._check_initialised()
        own = self._trainable_variables, self._non_trainable_variables
        before = [len(variables) for variables in own]
        nested = bool(_context.stack) and _context.stack[-1] is self
        if not nested:
            _context.stack.append(self)
        try:
            build(self, *shapes, **named_shapes)
        except BaseException:  # leave nothing half built: the next call may bring a good shape
            for variables, n in zip(own, before):
                del variables[n:]
            raise
        finally:
            if not nested:
                _context.stack.pop()
        self.built = True
        structure_changed()
        if shapes or named_shapes:
            self._build_shapes = shapes[0] if len(shapes) == 1 and not named_shapes else None
            self._build_arguments = inspect.signature(build).bind(self, *shapes, **named_shapes).arguments
            self._build_arguments.pop("self", None)

    wrapped._wrapped = True
    return wrapped


class Layer:
    """The base of all layers: Layer(*, activity_regularizer=None, trainable=True, dtype=None, name=None).

    A layer of your own says what it does in call; weights are made in build, or in __init__ where their shapes are
    known there:

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
    supports_masking = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._leaf = cls.__dict__.get("_leaf", False)
        if "build" in cls.__dict__ and not hasattr(cls.build, "_wrapped"):
            cls.build = _wrap_build(cls.build)
        if "call" in cls.__dict__:
            names = list(inspect.signature(cls.call).parameters)[1:]
            cls._call_parameters = names
            cls._takes_training = "training" in names

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._constructor_arguments = (args, kwargs)
        return self

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        if "batch_input_shape" in kwargs:
            shape = tuple(kwargs.pop("batch_input_shape"))[1:]
        _lookup.check_keywords(type(self).__name__, _all_parameters(type(self)), kwargs)
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"{type(self).__name__}: name must be a string without '/'; got {name!r}")
        if not isinstance(trainable, bool):
            raise ValueError(f"{type(self).__name__}: trainable must be True or False; got {trainable!r}")
        if isinstance(dtype, dict):  # Keras's configurations hold a policy
            dtype = dtype.get("config", {}).get("name")
        if dtype is not None and getattr(dtype, "name", dtype) != "float32" and dtype not in (float, np.float32):
            raise ValueError(
                f'{type(self).__name__}: dtype must be "float32", the type that layers compute in; got {dtype!r}'
            )
        self.name = name if name is not None else auto_name(type(self).__name__)
        self.built = False
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = trainable
        self._trainable_variables = []  # by what they were made as; layer.trainable = False does not move them
        self._non_trainable_variables = []
        self._added_losses = []
        self._inbound_nodes = []
        self._build_shapes = None
        self._build_arguments = None
        self._regularized = (-1, [])
        structure_changed()
        if shape is not None:
            self._input_shape_arg = (shape,) if isinstance(shape, int) else tuple(shape)

    def _check_initialised(self):
        if "_trainable_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: its __init__ must begin with super().__init__()")

    # ---- to be overridden ----

    def build(self, input_shape):
        """Makes the weights for inputs of that shape (batch axis included). Called before the first call."""

    build = _wrap_build(build)

    def call(self, inputs):
        """The layer's math."""
        raise NotImplementedError(f"{type(self).__name__} has no call method; a layer must say what it computes")

    _call_parameters, _takes_training = ["inputs"], False

    def compute_output_shape(self, *input_shapes):
        """The output's shape for an input's, batch axis included; open axes are None.

        Layers of your own need not define it: this one tries the layer on zeros with a batch of one.
        """
        shapes = input_shapes[0] if len(input_shapes) == 1 else input_shapes
        symbols = _tensors_of(shapes)
        args = symbols if len(input_shapes) > 1 else (symbols,)
        return map_structure(lambda y: y.shape, self._trial(args, {}))

    # ---- calling ----

    def __call__(self, *args, **kwargs):
        if len(args) == 1:
            x = args[0]
            if isinstance(x, Tensor) and x.shape == self._seen_shape and not config.numerics:
                if not kwargs:
                    if self._takes_training:
                        training = _context.training
                        if training is not None:
                            return self.call(x, training=training)
                    return self.call(x)
                if len(kwargs) == 1 and kwargs.get("training") is not None:
                    return self.call(x, **kwargs) if self._takes_training else self.call(x)
        return self._call_the_long_way(args, kwargs)

    def _call_the_long_way(self, args, kwargs):
        self._check_initialised()
        if len(args) != 1 or kwargs or not isinstance(args[0], Tensor):
            args = tuple([_converted(a, i == 0) for i, a in enumerate(args)])
            first = self._call_parameters[0] if not args and self._call_parameters else None
            kwargs = {k: _converted(v, k == first) for k, v in kwargs.items()}
            if any(isinstance(leaf, KerasTensor) for leaf in flatten((args, kwargs))):
                return self._call_symbolically(args, kwargs)
        context = _context
        outer_training, stack = context.training, context.stack
        training = self._resolve_training(args, kwargs)
        if not stack and context.loss_adders:
            self._forget_losses(context.loss_adders)
        stack.append(self)
        context.training = training
        try:
            self._prepare(args, kwargs)
            if config.numerics:
                self._check_numerics("input", (args, kwargs))
            y = self.call(*args, **kwargs)
            if config.numerics:
                self._check_numerics("output", y)
            if self.activity_regularizer is not None:
                for leaf in flatten(y):
                    penalty = self.activity_regularizer(leaf)  # a mean over the batch, as in Keras 3
                    self.add_loss(penalty / max(leaf.shape[0], 1) if leaf.shape else penalty)
        except (TypeError, ValueError) as error:
            self._name_in(error)
            raise
        finally:
            stack.pop()
            context.training = outer_training
        if self._leaf and len(args) == 1 and isinstance(args[0], Tensor) and self.activity_regularizer is None:
            self._seen_shape = args[0].shape
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
                return _context.training if args[position] is None else args[position]
        training = _context.training if given is None else given
        if self._takes_training and training is not None:
            kwargs["training"] = training
        return training

    def _prepare(self, args, kwargs):
        """Checks the input, and builds at the first call."""
        x = args[0] if args else next(iter(kwargs.values()), None)
        if self.input_spec is not None:
            self._check_input(x)
        if not self.built:
            with _build_lock:
                if not self.built:
                    self._build_for(args, kwargs)

    def _build_for(self, args, kwargs):
        """Calls build with one shape, or with one for each tensor argument that it names ARGUMENT_shape."""
        named = dict(zip(self._call_parameters, args)) | kwargs
        asked = [
            p
            for p in inspect.signature(self.build).parameters.values()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        if len(asked) > 1:
            shapes = {f"{k}_shape": _shapes_of(v) for k, v in named.items() if _holds_tensors(v)}
            unknown = [p.name for p in asked if p.name not in shapes and p.default is p.empty]
            if unknown:
                raise TypeError(
                    f"{self._title()}: build asks for {unknown[0]!r}, but no tensor argument is called so; "
                    f"it has {', '.join(shapes)}"
                )
            self.build(**{p.name: shapes[p.name] for p in asked if p.name in shapes})
        else:
            first = args[0] if args else next((v for v in kwargs.values() if _holds_tensors(v)), None)
            self.build(_shapes_of(first))

    def _call_symbolically(self, args, kwargs):
        """Records the call in a functional model's graph; the outputs have a shape and no values."""
        stack = _context.stack
        stack.append(self)
        try:
            said = dict(kwargs)
            kwargs.pop("training", None)
            self._prepare(args, kwargs)
            outputs = self._symbolic_outputs(args, kwargs)
        except (TypeError, ValueError) as error:
            self._name_in(error)
            raise
        finally:
            stack.pop()
        Node(self, args, said, outputs)
        return outputs

    def _symbolic_outputs(self, args, kwargs):
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return self._trial(args, kwargs)
        tensors = [a for a in (*args, *kwargs.values()) if _holds_tensors(a)]
        asked = inspect.signature(self.compute_output_shape).parameters.values()
        several = len(asked) > 1 or any(p.kind == p.VAR_POSITIONAL for p in asked)
        shapes = self.compute_output_shape(*[_shapes_of(t) for t in (tensors if several else tensors[:1])])
        return _tensors_of(shapes)

    def _trial(self, args, kwargs):
        """Symbolic outputs as the layer gives on zeros. An open batch is 1; other open axes have two sizes tried, which
        windows, strides and splits usually divide, but not to the same."""
        if not self.built:
            self._build_for(args, kwargs)
        open_axes = any(
            None in leaf.shape[1:] for leaf in flatten((args, kwargs)) if isinstance(leaf, KerasTensor) and leaf.shape
        )
        stack = _context.stack
        stack.append(self)
        outer_training, _context.training = _context.training, None
        try:
            tried = []
            for size in (32, 48) if open_axes else (32,):
                concrete_args, concrete_kwargs = map_structure(
                    lambda leaf, size=size: _zeros_like(leaf, size), (args, kwargs)
                )
                tried.append(self.call(*concrete_args, **concrete_kwargs))
        finally:
            stack.pop()
            _context.training = outer_training
        others = iter(flatten(tried[-1]))

        def symbol(y):
            other = next(others)
            shape = [a if a == b else None for a, b in zip(y.shape, other.shape)]
            dtype = "float32" if y.dtype.startswith("float") else y.dtype
            return KerasTensor([None if i == 0 and s == 1 else s for i, s in enumerate(shape)], dtype)

        return map_structure(symbol, tried[0])

    def compute_output_spec(self, *args, **kwargs):
        """The symbolic outputs for symbolic inputs, without recording a call."""
        return self._symbolic_outputs(args, kwargs)

    # ---- checks ----

    def _title(self):
        return f'{type(self).__name__} "{self.name}"'

    def _check_input(self, x):
        spec = self.input_spec
        if isinstance(spec, (list, tuple)):
            pairs = list(zip(spec, x if isinstance(x, (list, tuple)) else [x]))
        else:
            pairs = [(spec, x)]
        for one, value in pairs:
            shape = getattr(value, "shape", None)
            if shape is None:
                if one.optional and value is None:
                    continue
                raise TypeError(f"{self._title()}: expected a tensor or an array; got {type(value).__name__}")
            if not one.accepts(shape):
                built = ", as built" if self.built and (one.axes or one.shape) else ""
                raise ValueError(
                    f"{self._title()}: expected {one.describe(self._letters)}{built}; got shape {shape}."
                    f"{self._likely_cause(one, shape)}"
                )

    def _likely_cause(self, spec, shape):
        """The usual reason why a shape does not fit, as a question."""
        rank = spec.ndim or spec.min_ndim
        channels = spec.axes.get(-1)
        images = spec.ndim == 4 and channels is None and shape[-1:] > (4,)  # 28 is no number of channels
        if rank is not None and len(shape) == rank - 1 and spec.accepts((None, *shape)) and not images:
            return " Is the batch axis missing?"
        if rank is not None and len(shape) == rank - 1 and spec.accepts((*shape, 1)):
            return " Is the axis of channels missing? x[..., None] adds it."
        if channels is None or len(shape) < 2 or None in shape[1:]:
            return ""
        if len(shape) == spec.ndim == 4 and shape[1] == channels:
            return " Do the channels come first? numpy.moveaxis(x, 1, -1) puts them last."
        if len(shape) > 2 and spec.ndim is None and math.prod(shape[1:]) == channels:
            return " Is a Flatten layer missing before it?"
        if shape[0] == channels and len(shape) == 2:
            return " Is x transposed?"
        return ""

    def _check_numerics(self, what, values):
        for leaf in flatten(values):
            if not isinstance(leaf, Tensor) or leaf.dtype not in ("float32", "float64"):
                continue
            array = np.asarray(leaf)
            if np.isfinite(array).all():
                continue
            message = (
                f"{self._title()}: its {what} has {int(np.isnan(array).sum())} NaN "
                f"and {int(np.isinf(array).sum())} infinite among {array.size} values, shape {array.shape}"
            )
            bad = [w.path for w in self.weights if not np.isfinite(np.asarray(w)).all()]
            if what == "output":
                message += (
                    f"; so have its weights {', '.join(bad)}" if bad else "; its input and its weights are finite"
                )
            raise FloatingPointError(message)

    # ---- weights ----

    def add_weight(
        self,
        *args,
        shape=None,
        initializer=None,
        dtype=None,
        trainable=True,
        autocast=True,
        regularizer=None,
        constraint=None,
        aggregation="none",
        overwrite_with_gradient=False,
        name=None,
    ):
        """A new variable of the layer: add_weight(shape=(), initializer=None, dtype=None, trainable=True, ...).

        initializer: a name, an Initializer or a function of (shape, dtype); None is glorot_uniform, zeros for
        integers. trainable=False keeps it from the optimizer (a running mean). regularizer: a penalty that joins the
        losses. constraint: a function that the optimizer's step ends with. autocast, aggregation and
        overwrite_with_gradient have no meaning here. Returns the Variable.
        """
        self._check_initialised()
        for value in args:  # Keras 2 had the name first
            if isinstance(value, str):
                name = value
            else:
                shape = value
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(not isinstance(s, (int, np.integer)) or s < 0 for s in shape):
            cause = " Is the input's size unknown? Give Input every size but the batch's." if None in shape else ""
            raise ValueError(
                f"{self._title()}: the weight {name!r} needs a shape of whole numbers; got {shape}.{cause}"
            )
        integer = dtype is not None and not str(np.dtype(dtype)).startswith("float")
        initializer = initializers.get(initializer or ("zeros" if integer else "glorot_uniform"))
        shape = tuple([int(s) for s in shape])
        value_dtype = "float32" if integer or dtype is None else dtype
        if _context.initial_value is not None:
            value = _context.initial_value(self, name, shape, value_dtype)
        else:
            value = initializer(shape, dtype=value_dtype)
        variable = Variable(value, trainable and self._trainable, dtype if integer else None, name or "variable")
        if variable.shape != shape:
            raise ValueError(
                f"{self._title()}: the initializer of {name!r} gave shape {variable.shape}; expected {shape}"
            )
        variable.regularizer = regularizers.get(regularizer)
        _Regularized.any |= variable.regularizer is not None
        structure_changed()
        variable.constraint = constraints.get(constraint)
        stack = _context.stack
        owners = [layer.name for layer in stack] if stack and stack[-1] is self else [self.name]
        variable.path = "/".join([*owners, variable.name])
        (self._trainable_variables if trainable else self._non_trainable_variables).append(variable)
        return variable

    def _parts(self):
        """Own variables (those made trainable first), sublayers and seed generators, in the order of the attributes."""
        trainable, fixed = list(self._trainable_variables), list(self._non_trainable_variables)
        layers, generators = [], []
        seen = {id(v) for v in (*trainable, *fixed, self)}

        def visit(value):
            if id(value) in seen:
                return
            if isinstance(value, Variable):
                (trainable if value.trainable else fixed).append(value)
            elif isinstance(value, Layer):
                layers.append(value)
            elif isinstance(value, SeedGenerator):
                generators.append(value)
            elif isinstance(value, (list, tuple, set)):
                seen.add(id(value))
                for v in value:
                    visit(v)
                return
            elif isinstance(value, dict):
                seen.add(id(value))
                for v in value.values():
                    visit(v)
                return
            else:
                return
            seen.add(id(value))

        for key, value in self.__dict__.items():
            if key not in _NOT_PARTS:
                visit(value)
        # A variable that was found as an attribute stays what it was when layer.trainable changes.
        self._trainable_variables, self._non_trainable_variables = trainable, fixed
        return trainable, fixed, layers, generators

    def _flatten_layers(self):
        """This layer and all below it, each once, parents first."""
        found, seen = [], set()

        def visit(layer):
            if id(layer) not in seen:
                seen.add(id(layer))
                found.append(layer)
                for child in layer._parts()[2]:
                    visit(child)

        visit(self)
        return found

    def _collect(self, pick, through=lambda layer: True):
        """What pick(layer) lists, over this layer and those below, each item once, parents first."""
        found, seen, visited = [], set(), set()

        def visit(layer):
            if id(layer) in visited or not through(layer):
                return
            visited.add(id(layer))
            parts = layer._parts()
            for item in pick(layer, parts):
                if id(item) not in seen:
                    seen.add(id(item))
                    found.append(item)
            for child in parts[2]:
                visit(child)

        visit(self)
        return found

    @property
    def weights(self):
        """All variables of the layer and its sublayers: own trainable ones, own others, then sublayers in order."""
        return self._collect(lambda layer, parts: parts[0] + parts[1])

    @property
    def trainable_weights(self):
        """The variables that training changes; none where trainable is False."""
        return self._collect(
            lambda layer, parts: [v for v in parts[0] + parts[1] if v.trainable], lambda layer: layer._trainable
        )

    @property
    def non_trainable_weights(self):
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def variables(self):
        return self.weights

    @property
    def trainable_variables(self):
        return self.trainable_weights

    @property
    def non_trainable_variables(self):
        return self.non_trainable_weights

    @property
    def seed_generators(self):
        """The random streams of the layer and its sublayers; their state belongs to a saved model's."""
        return self._collect(lambda layer, parts: parts[3])

    @property
    def trainable(self):
        """Whether training changes the weights. Setting it sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        structure_changed()
        for layer in self._flatten_layers():
            layer._trainable = value
            for variable in layer._parts()[0]:
                variable.trainable = value

    def get_weights(self):
        """Copies of all weights, as NumPy arrays in the order of `weights`."""
        return [w.numpy() for w in self.weights]

    def set_weights(self, weights):
        """Sets all weights from arrays in the order of `weights`. Nothing is changed where one does not fit."""
        weights, mine = [np.asarray(w) for w in weights], self.weights
        if len(weights) != len(mine):
            expected = ", ".join(f"{w.path} {w.shape}" for w in mine) or "none"
            hint = "" if self.built else " The layer is not built yet; call it or its build first."
            raise ValueError(f"{self._title()}: expected {len(mine)} weights ({expected}); got {len(weights)}.{hint}")
        for variable, value in zip(mine, weights):
            if variable.shape != value.shape:
                raise ValueError(
                    f"{self._title()}: weight {variable.path}: expected shape {variable.shape}; got {value.shape}"
                )
        for variable, value in zip(mine, weights):
            variable.assign(value)

    def count_params(self):
        """How many numbers the weights hold."""
        if not self.built:
            raise ValueError(f"{self._title()}: count_params needs a built layer; call it or its build first")
        return sum(w.size for w in self.weights)

    # ---- losses ----

    def add_loss(self, loss):
        """Adds a penalty, computed in call, to those that fit minimises. It counts until the next call from outside."""
        self._added_losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])
        _context.loss_adders.add(self)

    def _forget_losses(self, adders):
        for layer in self._flatten_layers():
            if layer in adders:
                layer._added_losses = []
                adders.discard(layer)

    @property
    def losses(self):
        """What joins the loss: penalties given to add_loss in the last call, and regularizers of trainable weights."""
        added = self._collect(lambda layer, parts: layer._added_losses) if _context.loss_adders else []
        if not _Regularized.any:
            return added
        version, regularized = self._regularized
        if version != _Regularized.version:
            version = _Regularized.version
            regularized = [w for w in self.trainable_weights if w.regularizer is not None]
            self._regularized = version, regularized
        return added + [w.regularizer(w) for w in regularized if w.trainable]

    # ---- shapes, types, symbolic connections ----

    @property
    def dtype(self):
        return "float32"

    compute_dtype = variable_dtype = dtype

    @property
    def input_shape(self):
        """The shape that the layer was built for, its batch axis open. AttributeError before it is built."""
        if self._inbound_nodes:
            return _shapes_of(_single(self._inbound_nodes[0].inputs))
        if self._build_shapes is None:
            raise AttributeError(f"{self._title()}: input_shape is not known before the layer is called or built")
        return map_shapes(lambda shape: (None, *shape[1:]), self._build_shapes)

    @property
    def output_shape(self):
        """The output's shape for input_shape. AttributeError before the layer is built."""
        if self._inbound_nodes:
            return _shapes_of(self._inbound_nodes[0].output_structure)
        return self.compute_output_shape(self.input_shape)

    @property
    def input(self):
        """The symbolic input of the layer's only call in a functional model."""
        return _single(self._only_node("input").inputs)

    @property
    def output(self):
        """The symbolic output of the layer's only call in a functional model."""
        return self._only_node("output").output_structure

    def _only_node(self, what):
        if len(self._inbound_nodes) != 1:
            calls = (
                "several symbolic calls"
                if self._inbound_nodes
                else "no symbolic call: connect it in a functional model"
            )
            raise AttributeError(f"{self._title()}: {what} is not defined, for the layer has had {calls}")
        return self._inbound_nodes[0]

    # ---- configuration ----

    def get_config(self):
        """The constructor's arguments as plain data; from_config makes an equal layer of them, with weights of its own.

        A layer of your own whose arguments are plain data, or have a get_config themselves, need not define it.
        """
        cls = type(self)
        result = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            result["activity_regularizer"] = _lookup.serialize(self.activity_regularizer)
        # Layers of this package keep their arguments, checked and made uniform, as attributes of the same names. What
        # others' attributes mean we cannot know: unless they define get_config, the arguments as they came are the
        # configuration.
        if cls.get_config is Layer.get_config and not _is_ours(cls):
            positional, keywords = self._constructor_arguments
            bound = inspect.signature(cls.__init__).bind(self, *positional, **keywords)
            arguments = {}
            for name, value in list(bound.arguments.items())[1:]:
                kind = bound.signature.parameters[name].kind
                if kind is inspect.Parameter.VAR_POSITIONAL:
                    raise NotImplementedError(
                        f"{cls.__name__}: its __init__ takes *{name}, so it must define get_config"
                    )
                arguments.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
            for name in ("trainable", "dtype", "activity_regularizer", "name", *_SHAPE_ARGUMENTS):
                arguments.pop(name, None)
        else:
            ours = next(c for c in cls.__mro__ if _is_ours(c))
            arguments = {
                name: getattr(self, name)
                for name in _lookup.parameters_of(ours.__init__)
                if name not in _BASE_ARGUMENTS
            }
        result.update({name: _lookup.serialize(value, self._title(), name) for name, value in arguments.items()})
        return result

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

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __getstate__(self):
        state = dict(self.__dict__)
        state.update(_added_losses=[], _regularized=(-1, []))
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        _Regularized.any |= any(w.regularizer is not None for w in self._trainable_variables)
        structure_changed()


_NOT_PARTS = frozenset(
    ["_trainable_variables", "_non_trainable_variables", "_added_losses", "_inbound_nodes", "_constructor_arguments"]
    + ["_build_shapes", "_build_arguments", "_regularized"]
)
_SHAPE_ARGUMENTS = ("input_shape", "input_dim", "batch_input_shape")
_BASE_ARGUMENTS = frozenset(["activity_regularizer", "trainable", "dtype", "autocast", "name"])


def _is_ours(cls):
    return cls.__module__.split(".")[0] == __name__.split(".")[0]


def _all_parameters(cls):
    """The names of all arguments that a class and its bases take."""
    constructors = [c.__init__ for c in cls.__mro__ if "__init__" in c.__dict__ and c is not object]
    return list(dict.fromkeys(name for constructor in constructors for name in _lookup.parameters_of(constructor)))


def _single(values):
    return values[0] if len(values) == 1 else values


def _holds_tensors(value):
    return any(isinstance(leaf, (Tensor, KerasTensor)) for leaf in flatten(value))


def _shapes_of(value):
    return map_structure(lambda leaf: getattr(leaf, "shape", None), value)


def map_shapes(function, shapes):
    """shapes with function applied to each shape; a shape is a tuple or list of integers and None."""
    if isinstance(shapes, dict):
        return {k: map_shapes(function, v) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shapes):
        return type(shapes)([map_shapes(function, s) for s in shapes])
    return None if shapes is None else function(shapes)


def _tensors_of(shapes):
    return map_shapes(KerasTensor, shapes)


def _zeros_like(leaf, size):
    """Zeros in the shape of a symbolic tensor, its batch 1 and other open axes of that size."""
    if not isinstance(leaf, KerasTensor):
        return leaf
    shape = tuple([(1 if i == 0 else size) if s is None else s for i, s in enumerate(leaf.shape)])
    return zeros(shape, None if leaf.dtype == "float32" else leaf.dtype)


def _converted(value, data):
    """An argument of a call with arrays as tensors: floats as float32, integers as int32. data: numbers and lists of
    numbers are arrays too (for the first argument; in others they are options)."""
    if isinstance(value, (Tensor, KerasTensor)):
        return value
    if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not isinstance(value, type)):
        return _tensor(np.asarray(value))
    if isinstance(value, (list, tuple)):
        if any(isinstance(leaf, (Tensor, KerasTensor, np.ndarray)) for leaf in flatten(value)):
            return map_structure(lambda leaf: _converted(leaf, False), value)
        return _tensor(np.asarray(value)) if data and value else value
    if isinstance(value, dict):
        return map_structure(lambda leaf: _converted(leaf, False), value)
    if data and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _tensor(np.asarray(value))
    return value


def _tensor(array):
    from ..ops._backend import from_array

    if array.dtype.kind not in "biuf":
        raise TypeError(f"a layer's input must hold numbers; got an array of {array.dtype}, shape {array.shape}")
    kept = array.dtype.name in ("bool", "uint8")
    return from_array(array, None if array.dtype.kind == "f" else array.dtype.name if kept else "int32")
