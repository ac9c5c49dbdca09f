"""compile: an optimizer, a loss and metrics, found by name once the shapes are known."""

import contextlib
import warnings

import numpy as np

from .. import losses, optimizers
from .. import metrics as metrics_module
from ..layers.configuration import is_ours
from ..layers.weights import PLAIN
from .graph import flat
from .outputs import Outputs, every, weight_of
from .targets import check_metric, warn_about_accuracy


class Compiled:
    """What compile sets and what comes of it: the loss function, the metrics, their results."""

    def _init_compiled(self):
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self._compile_arguments = {}
        self._loss_tracker = None
        self._unresolve()
        self._output_specs = {}  # by the shapes of one sample

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Sets what training needs: an optimizer, a loss, metrics; strings as in Keras, objects, or functions
        (y_true, y_pred).

        loss_weights: a factor for the loss. With several outputs, loss, loss_weights, metrics and weighted_metrics have
        one entry an output, in a list or in a dict by the outputs' names; loss may be one for all, or None for outputs
        without targets. metrics are means over samples; weighted_metrics also take sample_weight and class_weight.
        "accuracy" becomes the binary, sparse or categorical one by the shapes of y and the output. jit_compile: "auto"
        captures a step's kernels and replays them where that is safe, True also through layers and losses of your own,
        which must then do the same at each call; False, or run_eagerly=True, runs every step as it is written. The
        results are the same, bit for bit; explain_capture() says what is done. steps_per_execution and auto_scale_loss
        have no effect. ValueError for names that do not exist, with the nearest one that does.

        >>> model = cygrad.Sequential([cygrad.Input((4,)), cygrad.layers.Dense(3, activation="softmax")])
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        self.optimizer = optimizers.get(optimizer)
        _check_loss(loss)
        _check_loss_weights(loss_weights)
        outputs = self._known_outputs()
        if outputs is not None:
            outputs.weights(loss_weights, outputs.losses(loss))
        for argument, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            _check_metrics(argument, given, outputs is None or outputs.count > 1)
            if outputs is not None:
                outputs.metrics(given, argument)
        if jit_compile not in (True, False, None, "auto"):
            raise ValueError(f"compile: jit_compile must be True, False or 'auto'; got {jit_compile!r}")
        if jit_compile is True and run_eagerly:
            raise ValueError("compile: jit_compile=True and run_eagerly=True contradict each other")
        if (steps_per_execution or 1) > 1:
            ignored = f"steps_per_execution={steps_per_execution}"
            warnings.warn(
                f"compile: {ignored} has no effect here: a step costs little besides its kernels", stacklevel=2
            )
        self.loss = loss
        self._compile_arguments = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "jit_compile": False if run_eagerly or jit_compile is None else jit_compile,
        }
        self._captures.clear()
        self._loss_tracker = metrics_module.Mean(name="loss")
        self._unresolve()
        self.stop_training = False
        self.compiled = True

    def get_compile_config(self):
        """What compile was given, as plain data for compile_from_config; {} before."""
        from ..saving import serialize_keras_object

        given = {"optimizer": self.optimizer, **self._compile_arguments} if self.compiled else {}
        return serialize_keras_object(given)

    def compile_from_config(self, config):
        """compile with what get_compile_config gave; nothing where that is {}."""
        from ..saving import deserialize_keras_object

        if config:
            self.compile(**deserialize_keras_object(config))

    def _known_outputs(self):
        """Outputs where they are known before data comes; else None."""
        return None

    def _unresolve(self):
        self._resolved = False
        self._outputs = None  # Outputs, and of each of them, in order:
        self._losses, self._loss_weights, self._loss_trackers = [], [], []
        self._compiled_metrics, self._compiled_weighted = [], []  # (name in the logs, which output, metric)

    def _resolve(self, y, y_pred, caller="compute_loss"):
        """Turns the names given to compile into losses and metrics, now that shapes are known. y: one entry an output,
        None without targets; y_pred: what the model returns."""
        if self._resolved:
            return
        arguments, predictions = self._compile_arguments, flat(y_pred)
        outputs = self._outputs = Outputs(y_pred, getattr(self, "output_names", None))
        targets = [None] * outputs.count if y is None else y

        def shapes(i):
            return (None, None) if targets[i] is None else (tuple(targets[i].shape), tuple(predictions[i].shape))

        given = outputs.losses(arguments.get("loss"))
        self._losses = [losses.resolve(loss, *shapes(i)) for i, loss in enumerate(given)]
        self._loss_weights = outputs.weights(arguments.get("loss_weights"), self._losses)
        lossy = [i for i, loss in enumerate(self._losses) if loss is not None]
        self._loss_trackers = [None] * outputs.count
        if len(lossy) > 1:
            for i in lossy:
                name = outputs.names[i] or self._losses[i].name
                self._loss_trackers[i] = metrics_module.Mean(name=f"{name}_loss")
        taken = {}
        for weighted in (False, True):
            argument = "weighted_metrics" if weighted else "metrics"
            found = []
            for i, listed in enumerate(outputs.metrics(arguments.get(argument), argument)):
                if listed and targets[i] is None:
                    if y is None:
                        continue
                    raise ValueError(f"{argument}: {outputs.title(i)} has metrics, but y holds no targets for it")
                for identifier in listed:
                    metric = _metric(identifier, given[i], *shapes(i))
                    if isinstance(targets[i], np.ndarray):
                        check_metric(metric, targets[i], shapes(i)[1], caller)
                        warn_about_accuracy(metric, self._losses[i], targets[i], caller)
                    prefix = f"{outputs.names[i]}_" if outputs.count > 1 and outputs.names[i] else ""
                    found.append((_log_name(prefix, metric.name, weighted, taken), i, metric))
            if weighted:
                self._compiled_weighted = found
            else:
                self._compiled_metrics = found
        self._resolved = True

    def _aligned(self, y, caller="compute_loss"):
        """y with one entry an output: a list, or None where there are no targets at all."""
        if y is None:
            return None
        return self._outputs.targets(y, self._losses, caller) if self._outputs.count > 1 else flat(y)[:1]

    def _assert_compiled(self, caller):
        if not self.compiled:
            raise ValueError(
                f'{caller}: model "{self.name}" is not compiled; call model.compile(optimizer, loss) first'
            )

    # ---- metrics ----

    @property
    def metrics(self):
        """The metrics of training: the mean loss, those of compile, the outputs' mean losses where there are several,
        those of the model's own attributes and of its layers."""
        return [metric for _, metric in self._own_metrics()]

    def _named_metrics(self):
        """(name in the logs, metric) of what `metrics` gives, which a subclass may have overridden."""
        if type(self).metrics is Compiled.metrics:
            return self._own_metrics()
        return [(metric.name, metric) for metric in self.metrics]

    def _own_metrics(self):
        """(name in the logs, metric) of all metrics."""
        ours = [("loss", self._loss_tracker)] if self.compiled else []
        if self.compiled:
            ours += [(name, m) for name, _, m in (*self._compiled_metrics, *self._compiled_weighted)]
            ours += [(m.name, m) for m in self._loss_trackers if m is not None]
        seen = {id(metric) for _, metric in ours} | {id(self._loss_tracker)}
        found = self._found_metrics
        own = self._find_metrics() if found is None else found
        return ours + [(m.name, m) for m in {id(m): m for m in own}.values() if id(m) not in seen]

    _found_metrics = None

    @contextlib.contextmanager
    def _metrics_found(self, fixed=False):
        """While no attribute gains or loses a metric, they are looked for once, as a search takes a step's time. fixed:
        in classes of others too."""
        outer = self._found_metrics
        self._found_metrics = self._find_metrics() if fixed or is_ours(type(self)) else None
        try:
            yield
        finally:
            self._found_metrics = outer

    def _find_metrics(self):
        """The metrics among the attributes of the model and of its layers."""
        found = _metrics_in(vars(self))
        for layer in self._flatten_layers()[1:]:
            if not isinstance(layer, Compiled):
                found += _metrics_in(vars(layer))
        return found

    @property
    def metrics_names(self):
        return [m.name for m in self.metrics]

    def reset_metrics(self):
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self):
        """{name: value} of all metrics as plain floats; of two own metrics of one name, the second gets a number."""
        result = {}
        of_compile = {id(m) for _, _, m in (*self._compiled_metrics, *self._compiled_weighted)}
        of_compile |= {id(m) for m in self._loss_trackers}
        for name, metric in self._named_metrics():
            if metric is self._loss_tracker and not metric.count and self.loss is None:
                continue
            value = metric.result()
            for key, v in (value if isinstance(value, dict) else {name: value}).items():
                base, number = key, 1
                while key in result and id(metric) not in of_compile:
                    key, number = f"{base}_{number}", number + 1
                result[key] = plain(v)
        return result

    def _in_order(self, logs):
        """The values of logs as evaluate returns them, in Keras's order: the loss, then the metrics as in compile; with
        several outputs the outputs' losses, then the rest by name."""
        several = self._outputs is not None and self._outputs.count > 1
        names = ["loss"]
        if self.compiled:
            for name, _, metric in (*self._compiled_metrics, *self._compiled_weighted):
                names.append(metric.name if several else name)
            names += [m.name for m in self._loss_trackers if m is not None]
        names += [name for name, _ in self._named_metrics() if not several]
        names = [name for name in dict.fromkeys(names) if name in logs]
        values = [logs[name] for name in (*names, *sorted(logs.keys() - set(names)))]
        return values[0] if len(values) == 1 else values


# ---- what compile was given ----


def _check_loss(loss):
    single = not isinstance(loss, (list, tuple, dict)) or "class_name" in loss
    for entry in [loss] if single else flat(loss):
        if entry is not None and not (isinstance(entry, str) and entry.lower() in ("crossentropy", "ce")):
            losses.get(entry)


def _check_loss_weights(given):
    for weight in [] if given is None else flat(given):
        if weight is not None:
            weight_of(weight, given)


def _check_metrics(argument, given, several):
    if given is not None and not isinstance(given, (list, tuple, dict)):
        raise ValueError(f"compile: {argument} must be a list; got {given!r}. Did you mean {argument}=[{given!r}]?")
    entries = [m for m in given or () if m is not None] if several and not isinstance(given, dict) else given
    for metric in every(entries):
        if metric is None:
            raise ValueError(f"compile: {argument} must not contain None")
        if not isinstance(metric, str) or metric.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metrics_module.get(metric)


def _metrics_in(attributes):
    """The metrics among attributes, and in lists and dicts of these."""
    found, ours = [], ("_compiled_metrics", "_compiled_weighted", "_loss_trackers", "_compile_arguments")
    for name, value in attributes.items():
        kind = type(value)
        if kind in _no_metrics or name in ours:
            continue
        if isinstance(value, (list, tuple, dict)):
            values = value.values() if isinstance(value, dict) else value
            found += [v for v in values if isinstance(v, metrics_module.Metric)]
        elif isinstance(value, metrics_module.Metric):
            found.append(value)
        elif kind.__module__.partition(".")[0] in ("cygrad", "builtins"):  # a type that lives as long as we do
            _no_metrics.add(kind)
    return found


_no_metrics = set(PLAIN)  # types of attributes that are no metrics, and hold none


def _log_name(prefix, name, weighted, taken):
    """The name of a metric of compile in the logs, one that is not taken: as Keras counts them."""
    full = prefix + name
    if weighted and full in taken:
        full = f"{prefix}weighted_{name}"
    count = taken.get(full, 0)
    taken[full] = count + 1
    return f"{full}_{count}" if count else full


def _metric(identifier, loss, true_shape, pred_shape):
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found = metrics_module.get(type(losses.resolve("crossentropy", true_shape, pred_shape)).__name__)
        found.name = identifier
        return found
    return metrics_module.get(identifier, loss, true_shape, pred_shape)


def plain(value):
    """A metric's value as a float, or nested lists of floats."""
    if type(value) is float:
        return value
    value = np.asarray(value)
    return float(value) if value.size == 1 else value.tolist()
