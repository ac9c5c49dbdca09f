"""What a layer owns: variables, sublayers, random streams, losses. It is found where it is kept, in attributes."""

from typing import NamedTuple

import numpy as np

from .. import constraints, initializers, regularizers
from .._core import changed
from .._tensor import Variable
from ..random import SeedGenerator
from .context import context


class _Regularized:
    """Makes `losses` cheap, for fit asks at every step: has any variable a regularizer, and a number that changes
    with the layers' structure, so that a layer may keep the list of those below it."""

    any = False
    version = 0


def structure_changed():
    """To be called where layers are put together otherwise than by making or building them or setting `trainable`."""
    _Regularized.version += 1


class Parts(NamedTuple):
    """What a layer has itself, in the order of the attributes."""

    trainable: list  # variables made as such; layer.trainable = False does not move them
    fixed: list  # the other variables
    layers: list
    generators: list


_PROGRESS = frozenset(  # attributes that say how far a layer or model is, not what it computes
    ["built", "compiled", "optimizer", "loss", "history", "stop_training", "stop_evaluating", "stop_predicting"]
)
NOT_PARTS = frozenset(
    ["_trainable_variables", "_non_trainable_variables", "_added_losses", "_inbound_nodes", "_constructor_arguments"]
    + ["_build_shapes", "_build_arguments", "_regularized", "_running"]
)
PLAIN = frozenset([type(None), bool, int, float, str])  # types of most attributes, which a search passes by
_leaves = set(PLAIN)  # and others found to be neither parts nor to hold any


def _find_parts(value, seen, found):
    """Appends to found the variables, layers and seed generators in a value, however deep in lists, tuples, sets and
    dicts; not those whose id is in seen."""
    if id(value) in seen:
        return
    if isinstance(value, (Variable, Weights, SeedGenerator)):
        seen.add(id(value))
        found.append(value)
    elif isinstance(value, (list, tuple, set, dict)):
        seen.add(id(value))
        for v in value.values() if isinstance(value, dict) else value:
            if type(v) not in _leaves:
                _find_parts(v, seen, found)
    elif type(value).__module__.partition(".")[0] in ("cygrad", "builtins"):  # a type that lives as long as we do
        _leaves.add(type(value))


class BuiltLater:
    """A class attribute for a weight that build makes and sets on the layer: read before, it says so."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, layer, owner=None):
        if layer is None:
            return self
        raise AttributeError(f"{layer._title()}: `{self.name}` is made by build; call the layer or its build first")


class Weights:
    """The part of Layer that makes and finds variables and sublayers."""

    def _init_weights(self, trainable):
        self._trainable = trainable
        self._trainable_variables, self._non_trainable_variables = [], []
        self._added_losses = []
        self._regularized = (-1, [])
        structure_changed()

    def __setattr__(self, name, value):
        """An argument that is set anew makes captured steps (models/capture.py) out of date."""
        if name in self.__dict__ and name[0] != "_" and name not in _PROGRESS:
            changed()
        object.__setattr__(self, name, value)

    def _check_initialised(self):
        if "_trainable_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: its __init__ must begin with super().__init__()")

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
        shape = tuple([int(s) for s in shape])
        integer = dtype is not None and not str(np.dtype(dtype)).startswith("float")
        value_dtype = "float32" if integer or dtype is None else dtype
        initializer = initializers.get(initializer or ("zeros" if integer else "glorot_uniform"))
        if context.initial_value is not None:
            value = context.initial_value(self, name, shape, value_dtype)
        else:
            value = initializer(shape, dtype=value_dtype)
        variable = Variable(value, trainable and self._trainable, dtype if integer else None, name or "variable")
        if variable.shape != shape:
            raise ValueError(
                f"{self._title()}: the initializer of {name!r} gave shape {variable.shape}; expected {shape}"
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        owners = context.stack if context.stack and context.stack[-1] is self else [self]
        variable.path = "/".join([*(layer.name for layer in owners), variable.name])
        (self._trainable_variables if trainable else self._non_trainable_variables).append(variable)
        _Regularized.any |= variable.regularizer is not None
        structure_changed()
        return variable

    def _keep_weight(self, name, initializer, regularizer=None, constraint=None):
        """Keeps how a weight is to be made, as the attributes NAME_initializer, NAME_regularizer, NAME_constraint."""
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{name}_constraint", constraints.get(constraint))

    def _make_weight(self, name, shape, kept=None):
        """A weight made as kept, under its own name or another."""
        options = {o: getattr(self, f"{kept or name}_{o}") for o in ("initializer", "regularizer", "constraint")}
        return self.add_weight(name=name, shape=shape, **options)

    # ---- what there is ----

    def _parts(self):
        """What stands in this layer's attributes, sublayers' parts not included."""
        parts = Parts(list(self._trainable_variables), list(self._non_trainable_variables), [], [])
        seen = {id(v) for v in (*parts.trainable, *parts.fixed, self)}
        found = []
        for key, value in self.__dict__.items():
            if type(value) not in _leaves and key not in NOT_PARTS:
                _find_parts(value, seen, found)
        for part in found:
            if isinstance(part, Variable):
                (parts.trainable if part.trainable else parts.fixed).append(part)
            else:
                (parts.layers if isinstance(part, Weights) else parts.generators).append(part)
        # A variable that was found as an attribute stays what it was when layer.trainable changes.
        self._trainable_variables, self._non_trainable_variables = parts.trainable, parts.fixed
        return parts

    def _walk(self, trainable_only=False):
        """(layer, its parts) of this layer and all below it, each once, parents first. trainable_only: not those where
        trainable is False, nor what is below them."""
        seen, waiting = set(), [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in seen and (layer._trainable or not trainable_only):
                seen.add(id(layer))
                parts = layer._parts()
                yield layer, parts
                waiting.extend(reversed(parts.layers))

    def _flatten_layers(self):
        """This layer and all below it, each once, parents first."""
        return [layer for layer, _ in self._walk()]

    @property
    def weights(self):
        """All variables of the layer and its sublayers: own trainable ones, own others, then sublayers in order."""
        return _once(v for _, parts in self._walk() for v in parts.trainable + parts.fixed)

    @property
    def trainable_weights(self):
        """The variables that training changes; none where trainable is False."""
        walk = self._walk(trainable_only=True)
        return _once(v for _, parts in walk for v in parts.trainable + parts.fixed if v.trainable)

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
        return _once(generator for _, parts in self._walk() for generator in parts.generators)

    @property
    def trainable(self):
        """Whether training changes the weights. Setting it sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        structure_changed()
        for layer, parts in self._walk():
            layer._trainable = value
            for variable in parts.trainable:
                variable.trainable = value

    # ---- values ----

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
        context.loss_adders.add(self)

    def _forget_losses(self, adders):
        for layer in self._flatten_layers():
            if layer in adders:
                layer._added_losses = []
                adders.discard(layer)

    @property
    def losses(self):
        """What joins the loss: penalties given to add_loss in the last call, and regularizers of trainable weights."""
        added = _once(loss for layer, _ in self._walk() for loss in layer._added_losses) if context.loss_adders else []
        if not _Regularized.any:
            return added
        version, regularized = self._regularized
        if version != _Regularized.version:
            regularized = [w for w in self.trainable_weights if w.regularizer is not None]
            self._regularized = _Regularized.version, regularized
        return added + [w.regularizer(w) for w in regularized if w.trainable]

    # ---- copies and pickles ----

    def __getstate__(self):
        return {**self.__dict__, "_added_losses": [], "_regularized": (-1, [])}

    def __setstate__(self, state):
        self.__dict__.update(state)
        _Regularized.any |= any(w.regularizer is not None for w in self._trainable_variables)
        structure_changed()


def _once(items):
    """A list of the items, each object once."""
    return list({id(item): item for item in items}.values())
