"""compile: an optimizer, a loss and metrics, found by name once the shapes are known."""

import warnings

import numpy as np

from .. import losses, optimizers
from .. import metrics as metrics_module


class Compiled:
    """What compile sets and what comes of it: the loss function, the metrics, their results."""

    def _init_compiled(self):
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self._compile_arguments = {}
        self._loss_tracker = self._loss_function = self._loss_weight = None
        self._compiled_metrics, self._compiled_weighted = [], []
        self._resolved = False
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

        loss_weights: a factor for the loss. metrics are means over samples; weighted_metrics also take sample_weight
        and class_weight. "accuracy" becomes the binary, sparse or categorical one by the shapes of y and the output.
        jit_compile: "auto" captures a step's kernels and replays them where that is safe, True also through layers and
        losses of your own, which must then do the same at each call; False, or run_eagerly=True, runs every step as it
        is written. The results are the same, bit for bit; explain_capture() says what is done. steps_per_execution and
        auto_scale_loss have no effect. ValueError for names that do not exist, with the nearest one that does.

        >>> model = cygrad.Sequential([cygrad.Input((4,)), cygrad.layers.Dense(3, activation="softmax")])
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        self.optimizer = optimizers.get(optimizer)
        _check_loss(loss)
        for argument, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            _check_metrics(argument, given)
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
        self._loss_weight = _single_loss_weight(loss_weights)
        self._loss_tracker = metrics_module.Mean(name="loss")
        self._loss_function = None
        self._compiled_metrics, self._compiled_weighted = [], []
        self._resolved = False
        self.stop_training = False
        self.compiled = True

    def _resolve(self, y, y_pred):
        """Turns the names given to compile into a loss and metrics, now that shapes are known."""
        if self._resolved:
            return
        arguments = self._compile_arguments
        shapes = (None, None) if y is None else (tuple(y.shape), tuple(y_pred.shape))
        loss = _unwrap(arguments["loss"])
        self._loss_function = losses.resolve(loss, *shapes)
        if y is not None:
            self._compiled_metrics = [_metric(m, loss, *shapes) for m in _flat(arguments["metrics"])]
            self._compiled_weighted = [_metric(m, loss, *shapes) for m in _flat(arguments["weighted_metrics"])]
        self._resolved = True

    def _assert_compiled(self, caller):
        if not self.compiled:
            raise ValueError(
                f'{caller}: model "{self.name}" is not compiled; call model.compile(optimizer, loss) first'
            )

    # ---- metrics ----

    @property
    def metrics(self):
        """The metrics of training: the mean loss, those of compile, those of the model's own attributes."""
        own = [m for m in vars(self).values() if isinstance(m, metrics_module.Metric) and m is not self._loss_tracker]
        if not self.compiled:
            return own
        return [self._loss_tracker, *self._compiled_metrics, *self._compiled_weighted, *own]

    @property
    def metrics_names(self):
        return [m.name for m in self.metrics]

    def reset_metrics(self):
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self):
        """{name: value} of all metrics as plain floats; a second metric of the same name gets a number."""
        result = {}
        weighted = {id(m) for m in self._compiled_weighted} if self.compiled else ()
        for metric in self.metrics:
            if metric is self._loss_tracker and not metric.count and self.loss is None:
                continue
            value = metric.result()
            for name, v in (value if isinstance(value, dict) else {metric.name: value}).items():
                if name in result and id(metric) in weighted:
                    name = f"weighted_{name}"
                base, number = name, 1
                while name in result:
                    name, number = f"{base}_{number}", number + 1
                result[name] = plain(v)
        return result


# ---- what compile was given ----


def _flat(given):
    """metrics=, however nested for a single output, as a list."""
    if given is None:
        return []
    if isinstance(given, dict):
        given = list(given.values())
    if not isinstance(given, (list, tuple)):
        return [given]
    return [m for entry in given for m in ([None] if entry is None else _flat(entry))]


def _unwrap(loss):
    """loss= for a single output: the loss itself, or the only entry of a list or dict."""
    if isinstance(loss, dict):
        loss = list(loss.values())
    return loss[0] if isinstance(loss, (list, tuple)) else loss


def _check_loss(loss):
    if isinstance(loss, (list, tuple, dict)) and len(loss) != 1:
        raise ValueError(f"compile: loss has {len(loss)} entries; models with several outputs are not supported yet")
    loss = _unwrap(loss)
    if loss is not None and not (isinstance(loss, str) and loss.lower() in ("crossentropy", "ce")):
        losses.get(loss)


def _check_metrics(argument, given):
    if given is not None and not isinstance(given, (list, tuple, dict)):
        raise ValueError(f"compile: {argument} must be a list; got {given!r}. Did you mean {argument}=[{given!r}]?")
    for metric in _flat(given):
        if metric is None:
            raise ValueError(f"compile: {argument} must not contain None")
        if not isinstance(metric, str) or metric.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metrics_module.get(metric)


def _single_loss_weight(given):
    if given is None:
        return None
    values = (
        list(given.values())
        if isinstance(given, dict)
        else list(given)
        if isinstance(given, (list, tuple))
        else [given]
    )
    if len(values) != 1 or isinstance(values[0], (bool, str)) or not np.isfinite(values[0]):
        raise ValueError(f"compile: loss_weights must hold one number, as there is one output; got {given!r}")
    return float(values[0])


def _metric(identifier, loss, true_shape, pred_shape):
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found = metrics_module.get(type(losses.resolve("crossentropy", true_shape, pred_shape)).__name__)
        found.name = identifier
        return found
    return metrics_module.get(identifier, loss, true_shape, pred_shape)


def plain(value):
    """A metric's value as a float, or nested lists of floats."""
    value = np.asarray(value)
    return float(value) if value.size == 1 else value.tolist()
