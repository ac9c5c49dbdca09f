"""Optimizer: the arena, what happens to gradients before a step, and the state that is saved.

An optimizer moves the variables it trains into one arena: values, gradients and each slot (a momentum, a moving
average) are one contiguous buffer each, a variable is the same slice of all of them, and a step is one kernel call over
the whole arena. The tape writes gradients straight into it. A slice starts at a multiple of 16 elements; the gap before
the next stays zero.
"""

import inspect
import math
import re
import warnings
from numbers import Real

import numpy as np

from .._tensor import GradientTape, Tensor, Variable, empty, view, zeros
from ..ops._backend import K
from . import schedules
from .schedules import LearningRateSchedule

ALIGNMENT = 16  # elements: 64 bytes of float32, a cache line and the widest vector register


def check_range(owner, argument, value, low=0.0, high=math.inf, high_included=True):
    """value as a float in low .. high; the error names the optimizer and the argument."""
    inside = isinstance(value, Real) and not isinstance(value, bool) and low <= value <= high and math.isfinite(value)
    if not inside or (value == high and not high_included):
        limit = f"a number of at least {low:g}" if high == math.inf else f"a number in [{low:g}, {high:g}"
        limit += "" if high == math.inf else "]" if high_included else ")"
        raise ValueError(f"{owner}: {argument} must be {limit}; got {value!r}")
    return float(value)


def check_count(owner, argument, value, least):
    """value as an int of at least least; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(f"{owner}: {argument} must be an integer of at least {least}, or None; got {value!r}")
    return int(value)


class Optimizer:
    """Base of all optimizers, which share these options: Optimizer(learning_rate, weight_decay=None, ..., name=None).

    learning_rate: a number, a schedules.LearningRateSchedule, or a function of the step or of nothing; the attribute
    can be set. weight_decay: before a step, w -= learning_rate * weight_decay * w (decoupled; Loshchilov and Hutter
    2019). clipnorm: each variable's gradient is scaled down to this L2 norm; global_clipnorm: all gradients together
    are; clipvalue: each value is cut to -clipvalue .. clipvalue. At most one of the three.

    use_ema: after each step, average = ema_momentum average + (1 - ema_momentum) w; every ema_overwrite_frequency
    steps, and at the end of fit (finalize_variable_values), the variables take their averages' values.
    gradient_accumulation_steps n: gradients are summed, and each n-th step updates by their mean; iterations counts the
    updates, while a schedule sees all steps. loss_scale_factor: apply divides gradients by it, those of a loss that
    scale_loss has multiplied by it.

    A new optimizer names its slots and writes its formula; gradient, variable and slots come as flat tensors of one
    length, a run of the arena, in any number of pieces; where by_variable = True, variable by variable in their shapes:

    >>> class SignDescent(cygrad.optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate, slots):
    ...         variable.numpy()[:] -= learning_rate * np.sign(gradient.numpy())
    >>> w = cygrad.Variable([1.0, 2.0])
    >>> optimizer = SignDescent(learning_rate=0.5)
    >>> optimizer.apply([np.array([3.0, -4.0])], [w])
    >>> w.numpy().tolist()
    [0.5, 2.5]
    """

    slot_names = ()
    by_variable = False  # does the formula look at a variable as a whole: its norm, its shape, its path?

    def __init__(
        self,
        learning_rate,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **unknown,
    ):
        kind = type(self).__name__
        for option in unknown:
            hint = {
                "lr": " Did you mean learning_rate?",
                "decay": " A rate that falls is a schedule: learning_rate=schedules.InverseTimeDecay(...).",
            }.get(option, "")
            raise ValueError(f"{kind}: unknown argument {option!r}.{hint}")
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [argument for argument, value in clips.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"{kind}: only one of clipnorm, clipvalue and global_clipnorm can be set; got {', '.join(given)}"
            )
        for argument in given:
            if check_range(kind, argument, clips[argument]) == 0:
                raise ValueError(f"{kind}: {argument} must be positive; got 0, which would stop all learning")
        if weight_decay is not None:
            check_range(kind, "weight_decay", weight_decay)
        self.name = name or kind.lower()
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = (
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
        )
        self.use_ema, self.ema_momentum = bool(use_ema), check_range(kind, "ema_momentum", ema_momentum, high=1)
        self.ema_overwrite_frequency = check_count(kind, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = loss_scale_factor
        if loss_scale_factor is not None and check_range(kind, "loss_scale_factor", loss_scale_factor) == 0:
            raise ValueError(f"{kind}: loss_scale_factor must be positive; got 0")
        self.gradient_accumulation_steps = check_count(
            kind, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        self._swapped = False  # are averages in the variables' place?
        self.steps_taken = 0  # all of them, those that only accumulate a gradient too
        self.built = False
        self._undecayed, self._undecayed_names = set(), None
        self._learning_rate = None
        self.learning_rate = learning_rate

    @property
    def lr(self):
        """Keras 2's name of learning_rate: AttributeError, also where it is set, for that would change nothing."""
        raise AttributeError(f"{type(self).__name__} has no lr: the attribute is learning_rate")

    @lr.setter
    def lr(self, value):
        self.lr  # noqa: B018  (its error)

    @property
    def iterations(self):
        """How many updates there were: all steps, or each n-th where gradient_accumulation_steps is n."""
        return self.steps_taken // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, count):
        self.steps_taken = int(count) * (self.gradient_accumulation_steps or 1)

    @property
    def state_names(self):
        """The names of all slots: those of the formula, then what averages and accumulation keep."""
        extra = {"average": self.use_ema, "gradient_accumulator": self.gradient_accumulation_steps is not None}
        return (*self.slot_names, *[name for name, wanted in extra.items() if wanted])

    # ---- the learning rate ----

    @property
    def learning_rate(self):
        """The learning rate of the next step, a float."""
        rate = self._learning_rate
        return rate if isinstance(rate, float) else float(rate(self.steps_taken) if self._takes_step else rate())

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(value, Tensor | np.ndarray) and value.size == 1:
            value = float(value)
        if callable(value):
            self._takes_step = isinstance(value, LearningRateSchedule) or _takes_an_argument(value)
            self._learning_rate = value
            return
        rate = check_range(type(self).__name__, "learning_rate", value)
        if isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError(
                f"{type(self).__name__}: the learning rate follows {type(self._learning_rate).__name__} and cannot be "
                f"set to {rate:g}; give the optimizer a number if something else (a callback?) is to change it"
            )
        self._learning_rate = rate

    # ---- the arena ----

    def build(self, variables):
        """Moves the variables into a new arena; their values and identity stay. Does nothing when built already.

        A variable that another optimizer had moves here: the last one to use a variable has it.
        """
        if self.built:
            return
        variables = list({id(v): v for v in variables}.values())
        kind = type(self).__name__
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"{kind}: expected variables to train; got {type(v).__name__}")
            if v.dtype != variables[0].dtype or v.dtype not in ("float32", "float64"):
                raise TypeError(f"{kind}: variables must be of one float type; {v.path!r} is {v.dtype}")
        self._variables = variables
        self._index = {id(v): i for i, v in enumerate(variables)}
        self._offsets = [0]
        for v in variables:
            self._offsets.append(self._offsets[-1] + -(-v.size // ALIGNMENT) * ALIGNMENT)
        dtype = variables[0].dtype if variables else None
        total = (self._offsets[-1],)
        self.values, self.gradients = zeros(total, dtype), zeros(total, dtype)
        self.slots = {name: zeros(total, dtype) for name in self.state_names}
        for name, value in self.initial_values().items():
            K.affine(self.slots[name], self.slots[name], total[0], 0.0, value)
        self._gradient_slots = [None] * len(variables)
        self._runs_seen = {}
        self._decayed = {i for i, v in enumerate(variables) if not self._excluded(v)}
        self._constrained = [i for i, v in enumerate(variables) if v.constraint is not None]
        for i in range(len(variables)):
            self._bind(i)
        self.built = True

    def initial_values(self):
        """{slot: the value that it starts from}, where that is not 0."""
        return {}

    def _bind(self, i):
        variable = self._variables[i]
        variable.bind(self.values, self.gradients, self._offsets[i])
        self._gradient_slots[i] = variable.gradient

    def locate(self, variables):
        """The places of these variables in the arena; takes back those that another optimizer moved away."""
        places = []
        for v in variables:
            i = self._index.get(id(v))
            if i is None:
                path = getattr(v, "path", None)
                raise ValueError(
                    f"{type(self).__name__}: unknown variable {path!r} of shape {tuple(v.shape)}; this optimizer was "
                    f"built for {len(self._variables)} others. Does it belong to another model? Each needs its own. "
                    "After new layers, or a change of layer.trainable, compile the model again or make a new optimizer"
                )
            if v.gradient is not self._gradient_slots[i]:
                self._bind(i)
            places.append(i)
        return places

    def _runs(self, places):
        """Neighbours in the arena as runs (variable, gradient, slots), so that each run is one kernel call."""
        key = tuple(places)
        if key not in self._runs_seen:
            spans = []
            for i in sorted(set(places)):
                if spans and spans[-1][1] == self._offsets[i]:
                    spans[-1][1] = self._offsets[i + 1]
                else:
                    spans.append([self._offsets[i], self._offsets[i + 1]])
            self._runs_seen[key] = [
                tuple(view(a, (end - start,), start) for a in (self.values, self.gradients, *self.slots.values()))
                for start, end in spans
            ]
        return self._runs_seen[key]

    def _pieces(self, places):
        """The same variable by variable, each in its own shape."""
        pieces = []
        for i in places:
            variable, start = self._variables[i], self._offsets[i]
            slots = [view(slot, variable.shape, start) for slot in self.slots.values()]
            pieces.append((variable, self._gradient_slots[i], *slots))
        return pieces

    # ---- steps ----

    def step_from_tape(self, tape, loss, variables):
        """One step for these variables: d loss / d variable from the tape into the arena, then the update."""
        if not self.built:
            self.build(variables)
        places = self.locate(variables)
        tape.gradient_into_arena(loss, variables if isinstance(variables, list) else list(variables))
        self.step(places)

    def minimize(self, loss, var_list, tape=None):
        """One step that makes loss smaller: a function of nothing, or a scalar tensor and the tape that recorded it."""
        if callable(loss):
            with GradientTape() as tape:
                loss = loss()
        elif tape is None:
            raise ValueError(f"{type(self).__name__}.minimize: a loss that is a tensor needs the tape that recorded it")
        self.step_from_tape(tape, loss, list(var_list))

    def apply_gradients(self, grads_and_vars):
        """One step from (gradient, variable) pairs. Returns the number of steps taken.

        A gradient that is None leaves its variable alone, with a warning; ValueError when all are None."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads, trainable_variables=None):
        """One step from gradients, tensors or arrays, of the given variables, else of those it was built with."""
        kind = type(self).__name__
        grads = list(grads)
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    f"{kind}.apply: the first call needs trainable_variables, or build(variables) before it"
                )
            trainable_variables = self._variables
        variables = list(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"{kind}.apply: got {len(grads)} gradients for {len(variables)} variables")
        if not self.built:
            self.build(variables)
        places = self.locate(variables)
        missing = [v.path for g, v in zip(grads, variables) if g is None]
        if len(missing) == len(grads):
            raise ValueError(f"{kind}: no variable has a gradient; was the loss computed inside the GradientTape?")
        if missing:
            warnings.warn(
                f"{kind}: no gradient for {', '.join(missing)}; the loss does not depend on them", stacklevel=2
            )
        for gradient, variable in zip(grads, variables):
            if gradient is not None:
                if tuple(np.shape(gradient)) != variable.shape:
                    raise ValueError(
                        f"{kind}: the gradient of {variable.path!r} has shape {tuple(np.shape(gradient))}; "
                        f"expected {variable.shape}"
                    )
                np.copyto(np.asarray(variable.gradient), np.asarray(gradient), casting="unsafe")
                if self.loss_scale_factor is not None:
                    n = variable.size
                    K.affine(variable.gradient, variable.gradient, n, 1.0 / self.loss_scale_factor, 0.0)
        self.step([i for i, g in zip(places, grads) if g is not None])

    def step(self, places):
        """The update of the variables at these places (see locate) from the gradients in the arena."""
        if self.gradient_accumulation_steps is None or self._mean_gradient(places):
            self._update(places)
        if self.use_ema:
            self._average()
        for i in self._constrained:
            if i in places:
                variable = self._variables[i]
                variable.assign(variable.constraint(variable))
        self.steps_taken += 1

    def _update(self, places):
        rate = self.learning_rate
        if self.clipnorm is not None or self.clipvalue is not None or self.global_clipnorm is not None:
            self._clip(places)
        self._decay([i for i in places if i in self._decayed], rate)
        own = len(self.slot_names)
        for variable, gradient, *slots in self._pieces(places) if self.by_variable else self._runs(places):
            self.update_step(gradient, variable, rate, slots[:own])

    def _decay(self, places, rate, weight_decay=None):
        """w -= rate weight_decay w for the variables at these places; weight_decay None: the optimizer's own."""
        decay = self.weight_decay if weight_decay is None else weight_decay
        if decay:
            for run in self._runs(places):
                K.affine(run[0], run[0], run[0].size, 1.0 - rate * decay, 0.0)

    def update_step(self, gradient, variable, learning_rate, slots):
        """The formula for one run of the arena, all flat tensors of one length; slots in the order of slot_names."""
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(gradient, variable, learning_rate, slots)"
        )

    def scale_loss(self, loss):
        """loss * loss_scale_factor, if there is one: what apply's gradients are to be taken of."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ---- accumulated gradients and averaged variables ----

    def _mean_gradient(self, places):
        """Adds the gradients to what was accumulated; True at each n-th step, when the arena has their mean."""
        steps = self.gradient_accumulation_steps
        complete = (self.steps_taken + 1) % steps == 0
        for _, gradient, *slots in self._runs(places):
            accumulated, n = slots[-1], gradient.size
            if complete:
                K.accumulate(gradient, accumulated, n, 1.0)
                K.affine(gradient, gradient, n, 1.0 / steps, 0.0)
            else:
                K.accumulate(accumulated, gradient, n, 1.0)
        if complete:
            np.asarray(self.slots["gradient_accumulator"])[...] = 0.0
        return complete

    def _average(self):
        average, n = self.slots["average"], self.values.size
        if self.iterations:
            K.affine(average, average, n, self.ema_momentum, 0.0)
            K.accumulate(average, self.values, n, 1.0 - self.ema_momentum)
        else:  # the first average is the value itself
            np.copyto(np.asarray(average), np.asarray(self.values))
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            self.finalize_variable_values()

    def finalize_variable_values(self, var_list=None):
        """Where use_ema: each variable takes the value of its average, as fit ends with."""
        if self.use_ema and self.built:
            self.locate(self._variables)
            values, averages = np.asarray(self.values), np.asarray(self.slots["average"])
            if self._swapped:  # the variables have them already
                values, averages = averages, values
            values[...] = averages
            self._swapped = False

    def swap_averages(self):
        """Exchanges the variables' values with their averages, if use_ema; callbacks.SwapEMAWeights does."""
        if not self.use_ema:
            raise ValueError(f"{type(self).__name__}: there are no averages to swap; give use_ema=True")
        if self.built:
            self.locate(self._variables)
            values, averages = np.asarray(self.values), np.asarray(self.slots["average"])
            values[...], averages[...] = averages.copy(), values.copy()
            self._swapped = not self._swapped

    # ---- clipping and decay ----

    def _clip(self, places):
        if self.clipvalue is not None:
            for run in self._runs(places):
                K.clip_forward(run[1], run[1], run[1].size, -self.clipvalue, self.clipvalue)
            return
        pieces = [self._gradient_slots[i] for i in places]
        norms = [norm(gradient) for gradient in pieces]
        limit = self.clipnorm
        if self.global_clipnorm is not None:
            norms = [math.hypot(*norms)] * len(
                pieces
            )  # an infinite norm makes the scale 0 and inf * 0 = NaN, seen at once
            limit = self.global_clipnorm
        for gradient, length in zip(pieces, norms):
            if not length <= limit:
                K.affine(gradient, gradient, gradient.size, limit / length, 0.0)

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Spares those in var_list, and those whose name contains one of var_names, from weight_decay. Before build."""
        if self.built:
            raise ValueError(f"{type(self).__name__}: exclude_from_weight_decay must come before the first step")
        self._undecayed = {id(v) for v in var_list or ()}
        self._undecayed_names = re.compile("|".join(var_names)) if var_names else None

    def _excluded(self, variable):
        named = self._undecayed_names is not None and self._undecayed_names.search(variable.name)
        return bool(named) or id(variable) in self._undecayed

    # ---- state and configuration ----

    def _slot_views(self):
        """{"path/slot": tensor}, the variables' parts of the slots. A number tells variables of one path apart."""
        found, seen = {}, {}
        for i, variable in enumerate(self._variables):
            count = seen[variable.path] = seen.get(variable.path, 0) + 1
            path = variable.path if count == 1 else f"{variable.path}_{count - 1}"
            for name, slot in self.slots.items():
                found[f"{path}/{name}"] = view(slot, variable.shape, self._offsets[i])
        return found

    def state(self):
        """What training needs to go on: {"iterations": steps, "variable path/slot": values}, NumPy copies."""
        views = self._slot_views() if self.built else {}
        return {"iterations": np.array(self.steps_taken, np.int64), **{name: np.array(v) for name, v in views.items()}}

    def load_state(self, state):
        """Puts back what state() gave. ValueError, before any change, names what is missing, extra or misshapen."""
        kind = type(self).__name__
        if not self.built and len(state) > 1:
            raise ValueError(f"{kind}.load_state: build(variables) comes first")
        views = self._slot_views() if self.built else {}
        missing = sorted(({"iterations"} | views.keys()) - state.keys())
        extra = sorted(state.keys() - views.keys() - {"iterations"})
        if missing or extra:
            told = [f"{word}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" for word, names in
                    (("missing", missing), ("not of this optimizer", extra)) if names]  # fmt: skip
            raise ValueError(
                f"{kind}.load_state: the state does not fit this optimizer and its variables; {'; '.join(told)}"
            )
        for name, v in views.items():
            if tuple(state[name].shape) != v.shape:
                raise ValueError(f"{kind}.load_state: {name} has shape {tuple(state[name].shape)}; expected {v.shape}")
        for name, v in views.items():
            np.copyto(np.asarray(v), np.asarray(state[name]), casting="same_kind")
        self.steps_taken = int(state["iterations"])

    def get_config(self):
        """The constructor's arguments, without state, as a dict that JSON can hold; from_config is the reverse."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = schedules.serialize(rate)
        elif not isinstance(rate, float):
            rate = self.learning_rate
        names = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum")
        names += ("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")
        return {"name": self.name, "learning_rate": rate, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config):
        """An optimizer from get_config()'s dict, without state."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = schedules.deserialize(config["learning_rate"])
        return cls(**config)

    def __getstate__(self):
        arena = (
            "values",
            "gradients",
            "slots",
            "_index",
            "_offsets",
            "_gradient_slots",
            "_runs_seen",
            "_decayed",
            "_undecayed",
        )
        kept = {name: value for name, value in vars(self).items() if name not in arena}
        if self.built:
            undecayed = [v for i, v in enumerate(self._variables) if i not in self._decayed]
            kept.update(built=False, _saved=(self.state(), undecayed))
        return kept

    def __setstate__(self, kept):
        saved, undecayed = kept.pop("_saved", (None, ()))
        vars(self).update(kept)
        self._undecayed = {id(v) for v in undecayed}
        if saved is not None:
            self.build(self._variables)
            self.load_state(saved)

    def __repr__(self):
        config = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items() if v is not None and k != "name")
        return f"<{type(self).__name__} {config}>"


def norm(gradient):
    """The L2 norm, by kernels whose order of summation does not depend on the number of threads."""
    squares, total = empty(gradient.shape, gradient.dtype), empty((), gradient.dtype)
    K.square_forward(squares, gradient, gradient.size)
    K.reduce_sum(total, squares, 1, gradient.size, 1, 1.0)
    return math.sqrt(float(total))


def _takes_an_argument(function):
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
