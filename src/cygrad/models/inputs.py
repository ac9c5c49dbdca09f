"""What fit, evaluate and predict check about their data before the first step, and the batches that they make of it."""

import warnings

import numpy as np

from ..layers.context import context
from ..layers.layer import Layer
from ..layers.strings import Strings
from ..layers.symbolic import KerasTensor
from ..ops._backend import from_array
from .data import ArrayBatches, StreamBatches, as_array, class_weights, is_stream, leaves, map_leaves
from .graph import flat
from .outputs import Outputs
from .targets import prepare_targets, warn_about_split


class Inputs:
    """Data as arrays and batches that a model can take. Everything raises ValueError that says what does not fit."""

    takes_strings = True  # to hand them on to layers that do
    _row = None  # the shape of one sample, where the model has one input of a fixed shape

    def _batches(self, caller, x, y, sample_weight, batch_size, steps, class_weight=None):
        """Batches of the arguments that fit and evaluate take, checked; builds the model, resolves loss and metrics."""
        if is_stream(x):
            if y is not None or sample_weight is not None:
                raise ValueError(
                    f"{caller}: y and sample_weight come with the batches of a generator or data set; "
                    "they must be None here"
                )
            return self._stream(caller, x, steps, class_weight)
        arrays = self._inputs(caller, x)
        n = len(leaves(arrays)[0])
        y, weight = self._targets(caller, arrays, y, sample_weight, class_weight, n)
        batch_size = batch_size or (-(-n // steps) if steps else 32)
        batches = ArrayBatches(arrays, y, weight, batch_size, self._integer_inputs())
        if steps:
            if steps > batches.steps:
                warnings.warn(
                    f"{caller}: {n} samples make {batches.steps} batches of {batch_size}; not {steps}", stacklevel=3
                )
            batches.steps = min(steps, batches.steps)
        return batches

    def _batches_to_predict(self, x, batch_size, steps):
        if is_stream(x):

            def convert(x, y, w):
                return self._tensors(self._inputs("predict", x)), None, None

            return StreamBatches(x, steps, convert, "predict")
        arrays = self._inputs("predict", x)
        batch_size = batch_size or (-(-len(leaves(arrays)[0]) // steps) if steps else 32)
        batches = ArrayBatches(arrays, None, None, batch_size, self._integer_inputs())
        batches.steps = min(steps, batches.steps) if steps else batches.steps
        return batches

    def _inputs(self, caller, x):
        """x as arrays that batches are gathered from, all of one length, of a shape that the model can take."""
        if x is None:
            raise ValueError(f"{caller}: x is None; expected an array of samples")
        integers = self._integer_inputs()
        if isinstance(x, (list, tuple)) and not self._takes_several(x):
            x = x[0] if len(x) == 1 and hasattr(x[0], "__array__") and np.ndim(x[0]) > 1 else x
            x = as_array(x, caller, "x", integers, lazy=True, strings=self._reads_strings)
        else:
            x = map_leaves(lambda a: as_array(a, caller, "x", integers, lazy=True, strings=self._reads_strings), x)
        arrays = leaves(x)
        lengths = {len(a) for a in arrays}
        if len(lengths) != 1:
            raise ValueError(
                f"{caller}: the arrays of x have different numbers of samples: {', '.join(str(len(a)) for a in arrays)}"
            )
        if lengths == {0}:
            raise ValueError(f"{caller}: x has no samples, shape {arrays[0].shape}")
        self._check_input_shapes(caller, x)
        return x

    def _takes_several(self, x):
        """Is a list given as x several inputs, one an array? Else it is nested numbers, or a list of samples."""
        return bool(x) and all(hasattr(a, "__array__") and np.ndim(a) > 0 for a in x)

    def _reads_strings(self):
        """Is there a layer that takes strings?"""
        return any(layer.takes_strings for layer in self._flatten_layers() if not isinstance(layer, Inputs))

    def _integer_inputs(self):
        """Should integers reach the first layer as they are (Embedding), not as floats? Or a list of this, for each
        input."""
        return False

    def _check_input_shapes(self, caller, x):
        """Raises ValueError where arrays cannot be what the model was built for."""

    def _output_spec(self, x):
        """The shape of the model's output for x, as symbolic tensors. Found by a first sample, which builds what is not
        built yet, and kept."""
        rows = tuple([a.shape[1:] for a in leaves(x)])
        spec = self._output_specs.get(rows)
        if spec is None:
            outer, context.trying = context.trying, True
            try:
                y = self(self._tensors(map_leaves(lambda a: a[:1], x)), training=False)
            finally:
                context.trying = outer
            spec = map_leaves(lambda t: KerasTensor((None, *t.shape[1:])), y)
            if len(self._output_specs) > 100:  # sequences of many lengths
                self._output_specs.clear()
            self._output_specs[rows] = spec
        return spec

    def _tensors(self, arrays):
        """Arrays of x as tensors."""
        dtype = "int32" if self._integer_inputs() else None
        return map_leaves(lambda a: Strings(a) if a.dtype.kind == "O" else from_array(a, dtype), arrays)

    def _targets(self, caller, x, y, sample_weight, class_weight, n):
        """y and sample_weight as checked arrays; resolves losses and metrics.

        With several outputs both are lists, one entry an output; for steps that are overridden, they keep the structure
        that they came in."""
        name = self.name
        if class_weight is not None and sample_weight is not None:
            raise ValueError(f"{caller}: give class_weight or sample_weight, not both")
        overridden = self._overrides("train_step", "test_step", "compute_loss", "compute_metrics")
        if type(self).call is Layer.call:  # all is in the steps, as in a GAN
            return _as_given(caller, y, sample_weight, n, isinstance(y, dict))
        spec = self._output_spec(x)
        several = len(flat(spec)) > 1
        if y is None:
            if self._compile_arguments.get("loss") is not None and not overridden:
                of_batches = "validation_data" if "validation_data" in caller else "a generator's batch"
                raise ValueError(
                    f'{caller}: y is None, but the loss {self.loss!r} of model "{name}" needs targets. Give y; '
                    f"{of_batches} must be (x, y) or (x, y, sample_weight)"
                )
            return None, None if sample_weight is None else _weight_array(caller, sample_weight, n)
        if not several:
            return self._single_target(caller, spec, y, sample_weight, class_weight, n)
        if class_weight is not None:
            raise ValueError(
                f'{caller}: class_weight is for models with one output; "{name}" has {len(flat(spec))}. '
                "Use sample_weight, one array an output."
            )
        outputs = Outputs(spec, getattr(self, "output_names", None))
        if overridden and self._compile_arguments.get("loss") is None:  # the step knows what y is
            return _as_given(caller, y, sample_weight, n, isinstance(y, (dict, list, tuple)))
        given = outputs.losses(self._compile_arguments.get("loss"))
        targets, convert = outputs.targets(y, given, caller), _converter(caller, n)
        for i, target in enumerate(targets):
            if target is not None:
                targets[i] = convert(target, f"y of {outputs.title(i)}")
        self._resolve(targets, spec, caller)
        for i, (target, loss, leaf) in enumerate(zip(targets, self._losses, flat(spec))):
            if target is not None and loss is not None:
                where = f'{caller}: y and {outputs.title(i)} of "{name}"'
                targets[i] = prepare_targets(target, (n, *leaf.shape[1:]), loss, caller, where)
        weights = outputs.sample_weights(sample_weight, caller)
        if weights is not None:
            weights = [None if w is None else _weight_array(caller, w, n) for w in weights]
        if not overridden:
            return targets, weights
        if isinstance(y, dict):
            return {key: targets[i] for i, key in enumerate(outputs.names) if key in y}, weights
        if isinstance(y, (list, tuple)) and len(y) == outputs.count:
            return type(y)(targets), weights
        given = [t for t in targets if t is not None]  # those that have losses
        return given if isinstance(y, (list, tuple)) else given[0], weights

    def _single_target(self, caller, spec, y, sample_weight, class_weight, n):
        """_targets for a model with one output: arrays."""
        name, y_pred = self.name, flat(spec)[0]
        if isinstance(y, dict) or (
            isinstance(y, (list, tuple)) and y and all(np.ndim(a) > 1 and hasattr(a, "__array__") for a in y)
        ):
            names = getattr(self, "output_names", None) or []
            if len(y) != 1 or (isinstance(y, dict) and names and next(iter(y)) not in (*names, *_keys(spec))):
                got = f"the keys {list(y)}" if isinstance(y, dict) else f"{len(y)} arrays"
                raise ValueError(f'{caller}: model "{name}" has one output{_named(names)}, but y holds {got}')
            y = leaves(y)[0]
        elif _holds_one(y, n):
            y = y[0]
        y = _converter(caller, n)(y, "y")
        if class_weight is not None:
            sample_weight = class_weights(y, class_weight, caller, y_pred.shape[-1])
        self._resolve([y], spec, caller)
        if self._losses[0] is not None:
            where = f'{caller}: y and the output of "{name}"'
            y = prepare_targets(y, (n, *y_pred.shape[1:]), self._losses[0], caller, where)
        if isinstance(sample_weight, dict) or _holds_one(sample_weight, n):
            sample_weight = self._outputs.sample_weights(sample_weight, caller)[0]
        return y, None if sample_weight is None else _weight_array(caller, sample_weight, n)

    def _stream(self, caller, x, steps, class_weight):
        """Batches of an iterable: each is checked and converted as it comes."""
        return StreamBatches(x, steps, lambda x, y, w: self._batch(caller, x, y, w, class_weight), caller)

    def _batch(self, caller, x, y, sample_weight, class_weight=None):
        """One batch as tensors, checked."""
        arrays = self._inputs(caller, x)
        n = len(leaves(arrays)[0])
        y, w = self._targets(caller, arrays, y, sample_weight, class_weight, n)
        y = map_leaves(lambda a: from_array(a, "int32" if a.dtype == np.int32 else None), y)
        return self._tensors(arrays), y, map_leaves(from_array, w)

    def _split(self, x, y, sample_weight, fraction):
        """The head for training, the tail for validation."""
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
            raise ValueError(f"fit: validation_split must be in [0, 1); got {fraction!r}")
        if is_stream(x):
            raise ValueError("fit: validation_split needs arrays; give validation_data with a generator or data set")
        x = self._inputs("fit", x)
        n = len(leaves(x)[0])
        at = int(n * (1.0 - fraction))
        if at == 0 or at == n:
            left = "nothing to train on" if at == 0 else "no validation data"
            raise ValueError(f"fit: validation_split={fraction} of {n} samples leaves {left}")
        several = type(self).call is not Layer.call and len(flat(self._output_spec(x))) > 1
        parts = []
        for name, given in (("y", y), ("sample_weight", sample_weight)):
            listed = several and isinstance(given, (list, tuple)) and any(a is not None and np.ndim(a) for a in given)
            if isinstance(given, dict) or listed or _holds_one(given, n):
                parts.append(map_nest(lambda a, name=name: _sized(as_array(a, "fit", name, lazy=True), n, name), given))
            else:
                parts.append(None if given is None else _sized(as_array(given, "fit", name, lazy=True), n, name))
        y, sample_weight = parts
        text = warn_about_split(y, at) if isinstance(y, np.ndarray) else None
        if text:
            warnings.warn(f"fit: {text}", stacklevel=3)

        def part(span):
            return tuple(map_leaves(lambda a: a[span], s) for s in (x, y, sample_weight))

        return part(slice(None, at)), part(slice(at, None))


def _weight_array(caller, sample_weight, n):
    weight = as_array(sample_weight, caller, "sample_weight")
    if len(weight) != n:
        raise ValueError(f"{caller}: x and sample_weight have different numbers of samples: {n} and {len(weight)}")
    return weight.astype(np.float32, copy=False)


def _converter(caller, n):
    """convert(a, name): targets as an array of n samples."""

    def convert(a, name):
        array = as_array(a, caller, name, lazy=True)
        if len(array) != n:
            raise ValueError(
                f"{caller}: x and {name} have different numbers of samples: {n} and {len(array)}"
                ". Do they belong to different splits?"
            )
        return array

    return convert


def _as_given(caller, y, sample_weight, n, nested):
    """y and sample_weight as arrays in the structure that they came in, for a step that knows what they are."""
    convert, weights = _converter(caller, n), isinstance(sample_weight, (dict, list, tuple))
    if nested:
        y = map_nest(lambda a: convert(a, "y"), y)
    elif y is not None:
        y = convert(y, "y")
    if weights and (isinstance(sample_weight, dict) or any(np.ndim(w) for w in sample_weight)):
        return y, map_nest(lambda w: _weight_array(caller, w, n), sample_weight)
    return y, None if sample_weight is None else _weight_array(caller, sample_weight, n)


def _sized(array, n, name):
    if len(array) != n:
        raise ValueError(f"fit: x and {name} have different numbers of samples: {n} and {len(array)}")
    return array


def map_nest(function, structure):
    """function of the arrays of a dict, or of a list one level deep, whose entries may be nested numbers."""
    if isinstance(structure, dict):
        return {key: None if a is None else function(a) for key, a in structure.items()}
    return [None if a is None else function(a) for a in structure]


def _holds_one(given, n):
    """Is it a list with the n samples of one output, and not a list of samples?"""
    return isinstance(given, (list, tuple)) and len(given) == 1 and np.ndim(given[0]) > 0 and len(given[0]) == n > 1


def _keys(spec):
    return list(spec) if isinstance(spec, dict) else []


def _named(names):
    return f' "{names[0]}"' if names else ""
