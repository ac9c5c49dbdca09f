"""fit, evaluate, predict: the loops over batches.

The loop of fit costs little Python: what is the same for all batches is bound once, no logs are made unless a
callback asks for them, and a value leaves C only to be added to a running mean. A model that overrides train_step,
test_step, predict_step, compute_loss or compute_metrics takes the same loop with its own step.
"""

import inspect
import warnings

import numpy as np

from .. import callbacks as callbacks_module
from .. import ops
from .._program import FLOAT, Arena
from ..ops._backend import GradientTape, Tensor, Variable, from_array
from ..random import SeedGenerator
from .capture import Captured
from .compiling import Compiled, plain
from .data import (
    ArrayBatches,
    is_stream,
    leaves,
    map_leaves,
    pack_x_y_sample_weight,
    shuffled,
    unpack_x_y_sample_weight,
)
from .graph import flat
from .inputs import Inputs
from .outputs import Outputs

FLOAT32 = np.dtype(np.float32)


def _positive(caller, name, value, low=1):
    """value as an int of at least low; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < low:
        raise ValueError(f"{caller}: {name} must be an integer of at least {low}; got {value!r}")
    return int(value)


def _verbosity(caller, verbose):
    if isinstance(verbose, str) and verbose == "auto":
        return verbose
    if verbose not in (0, 1, 2):
        raise ValueError(
            f"{caller}: verbose must be 'auto', 0 (silent), 1 (progress bar) or 2 (one line an epoch); got {verbose!r}"
        )
    return int(verbose)


def _hook(callbacks, name):
    """A hook of a CallbackList, or None where no callback defines it."""
    return getattr(callbacks, name) if callbacks._hooks[name] else None


class Trainer(Compiled, Inputs):
    """What makes a layer a model: compile, fit, evaluate, predict and the methods on single batches."""

    def _init_training(self):
        self._init_compiled()
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history = None
        self._shuffle_seed = SeedGenerator()
        self._captures, self._arena = {}, Arena()

    # ---- one step; Keras's override points ----

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss that is minimised, a scalar tensor: compile's loss and what layers added (regularizers,
        add_loss)."""
        values = []
        if self._compile_arguments.get("loss") is not None:
            y, w = self._flat_targets(y, y_pred, sample_weight)
            values = self._loss_values(y, flat(y_pred), w)
            self._track_losses(values, leaves(y_pred)[0].shape[0])
        return self._total(values)

    def _compute_loss(self, *arguments, training):
        """compute_loss, which an override may define without `training`, as in Keras before 3.3."""
        if "training" in inspect.signature(self.compute_loss).parameters:
            return self.compute_loss(*arguments, training=training)
        return self.compute_loss(*arguments)

    def _flat_targets(self, y, y_pred, sample_weight):
        """y and sample_weight with one entry an output; resolves losses and metrics."""
        if not self._resolved:
            count = len(flat(y_pred))
            known = y is None or count == 1
            outputs = None if known else Outputs(y_pred, getattr(self, "output_names", None))
            listed = [None if y is None else flat(y)[0]] if known else outputs.targets(y, [], "compute_loss")
            self._resolve(None if y is None else listed, y_pred)
        weights = self._outputs.sample_weights(sample_weight, "compute_loss")
        return self._aligned(y), weights or [None] * self._outputs.count

    def _loss_values(self, y, y_pred, weights):
        """[loss of each output], None without; all flat lists."""
        return [None if loss is None else loss(t, p, w) for loss, t, p, w in zip(self._losses, y, y_pred, weights)]

    def _track_losses(self, values, n):
        """Notes the losses of several outputs, n samples."""
        for tracker, value in zip(self._loss_trackers, values):
            if tracker is not None:
                tracker.total += float(value) * n
                tracker.count += n

    def _total(self, values):
        """The outputs' losses by their weights, and what layers have added."""
        total = None
        for value, weight in zip(values, self._loss_weights):
            if value is not None:
                value = value if weight is None else value * weight
                total = value if total is None else total + value
        for loss in self.losses:
            loss = ops.sum(loss) if getattr(loss, "shape", ()) else loss
            total = loss if total is None else total + loss
        if total is None:
            raise ValueError(f'model "{self.name}" has no loss to compute; give compile(loss=...)')
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the metrics of compile with one batch; returns get_metrics_result()."""
        y, weights = self._flat_targets(y, y_pred, sample_weight)
        self._update_metrics(y, flat(y_pred), weights)
        return self.get_metrics_result()

    def _update_metrics(self, y, y_pred, weights):
        for _, i, metric in self._compiled_metrics:
            metric.update_state(y[i], y_pred[i])
        for _, i, metric in self._compiled_weighted:
            metric.update_state(y[i], y_pred[i], sample_weight=weights[i])

    def train_step(self, data):
        """One step on a batch (x, y, sample_weight); returns {name: value}. Override it for a training loop of your
        own."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
        self._loss_tracker.update_state(loss, sample_weight=leaves(x)[0].shape[0])
        self.optimizer.step_from_tape(tape, loss, self.trainable_variables)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        """One evaluation step on a batch; returns {name: value}."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=leaves(x)[0].shape[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _forward(self, x):
        return self(x, training=False)

    def predict_step(self, data):
        """The output for a batch."""
        return self(unpack_x_y_sample_weight(data)[0], training=False)

    def _overrides(self, *names):
        return any(getattr(type(self), name) is not getattr(Trainer, name) for name in names)

    def _bound_step(self, variables=None):
        """step(x, y, sample_weight) for one batch, with everything looked up beforehand; it trains these variables,
        where there are any. Returns logs only for overridden steps."""
        training = variables is not None
        name = "train_step" if training else "test_step"
        if self._overrides(name, "compute_loss", "compute_metrics"):
            method = getattr(self, name)
            return lambda x, y, w: method(pack_x_y_sample_weight(x, y, w))
        tracker = self._loss_tracker
        plain = [(i, m.update_state) for _, i, m in self._compiled_metrics]
        weighted = [(i, m.update_state) for _, i, m in self._compiled_weighted]
        single = self._outputs is None or self._outputs.count == 1
        loss_function = self._losses[0] if single and self._losses else None
        if single:  # the way of most models: no lists
            track = None

            def loss_of(y, y_pred, w):
                values = [] if loss_function is None else [loss_function(y, _only(y_pred), w)]
                return self._total(values), ()

            def update(y, y_pred, w):
                if plain or weighted:
                    y_pred = _only(y_pred)
                for _, update_state in plain:
                    update_state(y, y_pred)
                for _, update_state in weighted:
                    update_state(y, y_pred, w)
        else:
            track = self._track_losses if any(self._loss_trackers) else None

            def loss_of(y, y_pred, w):
                values = self._loss_values(y, flat(y_pred), w or [None] * len(y)) if y is not None else []
                return self._total(values), values if track else ()

            def update(y, y_pred, w):
                if plain or weighted:
                    y_pred = flat(y_pred)
                for i, update_state in plain:
                    update_state(y[i], y_pred[i])
                for i, update_state in weighted:
                    update_state(y[i], y_pred[i], w[i] if w else None)

        def account(x, y, y_pred, w, loss, values):
            n = x.shape[0] if isinstance(x, Tensor) else leaves(x)[0].shape[0]
            tracker.total += float(loss) * n
            tracker.count += n
            if track is not None:
                track(values, n)
            update(y, y_pred, w)

        captured = self._captured("train" if training else "test")
        if not training:

            def forward(x, y, w):
                y_pred = self(x, training=False)
                loss, values = loss_of(y, y_pred, w)
                return y_pred, loss, *values  # flat: a replay gives such a tuple back at no cost

            def test(x, y, w):
                y_pred, loss, *values = captured(forward, x, y, w)
                account(x, y, y_pred, w, loss, values)

            return test
        optimizer = self.optimizer

        def forward_and_backward(x, y, w):
            with GradientTape() as tape:
                y_pred = self(x, training=True)
                loss, values = loss_of(y, y_pred, w)
            tape.gradient_into_arena(loss, variables)
            return y_pred, loss, *values

        def train(x, y, w):
            places = optimizer.locate(variables)
            y_pred, loss, *values = captured(forward_and_backward, x, y, w)
            optimizer.step(places)
            account(x, y, y_pred, w, loss, values)

        return train

    # ---- capture ----

    def _captured(self, what):
        """The programs (see capture.py) for "train", "test" or "predict"; compile starts anew."""
        captured = self._captures.get(what)
        if captured is None:
            objects = [layer for layer in self._flatten_layers() if not getattr(layer, "_direct", False)]
            objects += [*[v.regularizer for v in self.trainable_variables if v.regularizer]]
            if what != "predict":
                objects += self._losses
            wanted = self._compile_arguments.get("jit_compile", "auto")
            captured = self._captures[what] = Captured(self._arena, objects, wanted, logits=what != "predict")
        return captured

    def explain_capture(self):
        """For "train", "test" and "predict", as far as they have run: what is replayed, and what is not, and why.

        >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
        >>> _ = model.predict(np.ones((4, 2)), verbose=0)
        >>> model.explain_capture()
        {'predict': ['(4, 2): has been called once']}
        """
        return {what: captured.describe() for what, captured in self._captures.items()}

    def _bind_optimizer(self, caller):
        """Before the first step: the optimizer takes the variables; later, they must still be the same. caller: for
        a warning where there are none. Returns the variables."""
        variables = self.trainable_variables
        if not variables and caller:
            warnings.warn(
                f'{caller}: model "{self.name}" has no trainable variables; nothing will be learned', stacklevel=3
            )
        if self.optimizer is None:
            raise ValueError(f'{caller}: model "{self.name}" was compiled without an optimizer')
        self.optimizer.build(variables)
        return variables

    # ---- fit ----

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains for epochs passes over the data; returns a History, whose .history maps names to one float an epoch.

        x: samples along the first axis, in arrays of any dtype and layout or nested lists; or a generator, a
        utils.PyDataset or any iterable of (x, y) or (x, y, sample_weight) batches (an endless one needs
        steps_per_epoch). y: targets. batch_size: 32 where absent. verbose: 0 silent, 1 or "auto" a bar on a terminal
        and a line an epoch, 2 the lines alone. callbacks: one, or a list. shuffle: a new order of samples (of batches,
        where a data set gives them) each epoch, which follows from utils.set_random_seed. sample_weight: one a sample,
        class_weight: {class: weight}, for the loss. initial_epoch: epochs are numbered from it, to end at epochs.
        steps_per_epoch: batches an epoch, all where absent.

        validation_split: this fraction at the end of x and y is held out before shuffling; validation_data: (x, y),
        (x, y, sample_weight) or batches, validation_batch_size (that of training where absent) and validation_steps as
        for training. validation_freq: every so many epochs, or a list of epochs from 1. Its values are in the history
        as "val_" + name.

        Everything is checked before the first step: shapes against the built layers, labels against the loss.
        ValueError says what does not fit.

        >>> x = np.linspace(0, 1, 8, dtype="float32")[:, None]
        >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> len(model.fit(x, 2 * x, epochs=3, verbose=0).history["loss"])
        3
        """
        self._assert_compiled("fit")
        verbose = _verbosity("fit", verbose)
        epochs = _positive("fit", "epochs", epochs, 0)
        batch_size = _positive("fit", "batch_size", batch_size)
        initial_epoch = _positive("fit", "initial_epoch", initial_epoch, 0)
        steps_per_epoch = _positive("fit", "steps_per_epoch", steps_per_epoch)
        validation_steps = _positive("fit", "validation_steps", validation_steps)
        validation_batch_size = _positive("fit", "validation_batch_size", validation_batch_size) or batch_size
        should_validate = _schedule(validation_freq)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = self._split(x, y, sample_weight, validation_split)
        batches = self._batches("fit", x, y, sample_weight, batch_size, steps_per_epoch, class_weight)
        validation = None
        if validation_data is not None:
            if not is_stream(validation_data):
                validation_data = unpack_x_y_sample_weight(validation_data)
            else:
                validation_data = (validation_data, None, None)
            validation = self._batches(
                "fit, validation_data", *validation_data, validation_batch_size, validation_steps
            )
        if isinstance(batches, ArrayBatches):
            self._bind_optimizer("fit")  # what does not fit is said before callbacks begin
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=batches.steps,
                model=self,
            )
        self.stop_training = False
        self._initial_epoch = None  # BackupAndRestore sets it to where it goes on
        with self._metrics_found():
            callbacks.on_train_begin()
            span = range(self._initial_epoch or initial_epoch, epochs)
            logs = self._train_epochs(span, batches, shuffle, validation, should_validate, callbacks)
            if epochs > 0 and self.optimizer.use_ema:
                self.optimizer.finalize_variable_values(self.trainable_variables)
            callbacks.on_train_end(logs)
        return self.history

    def _train_epochs(self, epochs, batches, shuffle, validation, should_validate, callbacks):
        """The epochs of fit, a range, and validation after those where it should be; returns the last logs."""
        logs = {}
        for epoch in epochs:
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            trained = self._train_epoch(batches, shuffle, callbacks, epoch)
            if trained is not None:
                logs = trained
                if validation is not None and should_validate(epoch):
                    found = self._evaluate(validation, callbacks)
                    logs = dict(sorted((logs | {f"val_{name}": value for name, value in found.items()}).items()))
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            if batches.used_up and (trained is None or epoch + 1 < epochs.stop):
                warnings.warn(
                    f"fit: the generator was used up in epoch {epoch + (trained is not None)} of {epochs.stop}, "
                    "training ends here. Give steps_per_epoch and an endless generator, or a utils.PyDataset",
                    stacklevel=3,
                )
                break
        return logs

    def _train_epoch(self, batches, shuffle, callbacks, epoch):
        order = None
        if shuffle and (batches.samples or hasattr(batches.source, "__getitem__")):
            seed, counter = self._shuffle_seed.next()
            order = shuffled(batches.samples or len(batches.source), seed, counter)
        return self._run(batches, order, callbacks, training=True, epoch=epoch)

    def _run(self, batches, order, callbacks, training, epoch=0):
        """One pass over batches; returns the logs. None where training has used up a generator before."""
        event = "train" if training else "test"
        begin, end = _hook(callbacks, f"on_{event}_batch_begin"), _hook(callbacks, f"on_{event}_batch_end")
        step, logs, tracker = None, None, self._loss_tracker
        self.stop_evaluating = False
        sound = True
        for i, (x, y, w) in enumerate(batches.epoch(order)):
            if step is None:  # a stream's model is built by its first batch
                # what does not fit has been told where the data are arrays
                variables = self._bind_optimizer("" if batches.samples else "fit") if training else None
                step = self._bound_step(variables)
            if begin is not None:
                begin(i)
            logs = step(x, y, w)
            if end is not None:
                end(i, self.get_metrics_result if logs is None else self._epoch_logs(logs))
            if training:
                if sound and tracker.total != tracker.total:
                    sound = False
                    self._explain_nan(x, y, w, epoch, i)
                if self.stop_training:
                    break
            elif self.stop_evaluating:
                break
        if step is None:
            if training and batches.begun:
                return None
            raise batches.none_left()
        return self._epoch_logs(logs)

    def _epoch_logs(self, logs):
        """What a pass reports: the metrics, or what an overridden step returned under other names."""
        result = self.get_metrics_result()
        if isinstance(logs, dict) and set(logs) != set(result):
            result = {name: plain(value) for name, value in logs.items()}
        return dict(sorted(result.items()))  # as in Keras

    def _explain_nan(self, x, y, w, epoch, i):
        """Once an epoch, when the loss has become NaN: where that may come from."""
        inputs = [np.asarray(a) for a in leaves(x)]
        if any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in inputs):
            cause = "x itself holds NaN or infinite values"
        elif any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in map(np.asarray, leaves(y))):
            cause = "y itself holds NaN or infinite values"
        elif not all(np.isfinite(np.asarray(a)).all() for a in leaves(w)):
            cause = "sample_weight itself holds NaN or infinite values"
        else:
            cause = "the usual causes are a learning rate that is too large and inputs that are not scaled"
        warnings.warn(
            f'fit: the loss of model "{self.name}" became NaN in epoch {epoch + 1}, step {i + 1}: {cause}. '
            "cygrad.config.check_numerics(True) names the layer where it starts; "
            "callbacks.TerminateOnNaN stops training",
            stacklevel=5,
        )

    # ---- evaluate ----

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
    ):
        """The loss and the metrics on data given as for fit: [loss, metric, ...] (the loss alone without metrics), or
        {name: value} where return_dict. Plain floats, means over samples.

        >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(loss="mse")
        >>> model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
        1.0
        """
        self._assert_compiled("evaluate")
        verbose = _verbosity("evaluate", verbose)
        batch_size, steps = _positive("evaluate", "batch_size", batch_size), _positive("evaluate", "steps", steps)
        batches = self._batches("evaluate", x, y, sample_weight, batch_size, steps)
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=batches.steps, model=self
            )
        with self._metrics_found():
            logs = self._evaluate(batches, callbacks)
            return logs if return_dict else self._in_order(logs)

    def _evaluate(self, batches, callbacks):
        self.reset_metrics()
        callbacks.on_test_begin()
        logs = self._run(batches, None, callbacks, training=False)
        callbacks.on_test_end(logs)
        return logs

    # ---- predict ----

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The outputs for x as a NumPy array, computed in batches (of 32 where batch_size is absent).

        x: as for fit. verbose "auto": a bar on a terminal while it lasts, and no line after it. May be called from
        several threads at once. Small inputs cost little: predict of one row is a forward pass and little else.

        >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1, kernel_initializer="ones")])
        >>> model.predict(np.array([[1.0, 2.0]])).tolist()
        [[3.0]]
        """
        if callbacks is None and steps is None and type(x) is np.ndarray and (not verbose or verbose == "auto"):
            y = self._predict_small(x, batch_size or 32)
            if y is not None:
                return y
        batch_size, steps = _positive("predict", "batch_size", batch_size), _positive("predict", "steps", steps)
        batches = self._batches_to_predict(x, batch_size, steps)
        verbose = _verbosity("predict", verbose)
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=batches.steps, model=self
            )
        return self._predict(batches, callbacks)

    def _predict_small(self, x, batch_size):
        """predict for one batch of float32 rows as the model takes them: nothing to check or to convert. Else None."""
        shape = x.shape
        if x.dtype != FLOAT32 or not shape or not 0 < shape[0] <= batch_size:
            return None
        captured = self._captures.get("predict")
        y = captured.replay((x,), ((shape, FLOAT),)) if captured and x.flags.c_contiguous else None
        if y is None:
            overridden = type(self).predict_step is not Trainer.predict_step
            if shape[1:] != self._row or overridden or self._integer_inputs():
                return None
            y = self._captured("predict")(self._forward, from_array(x))
        return np.asarray(y) if type(y) is Tensor else map_leaves(_own, y)

    def _bound_forward(self):
        """The output for one batch as a function of it."""
        if self._overrides("predict_step"):
            return self.predict_step
        captured = self._captured("predict")
        return lambda x: captured(self._forward, x)

    def _predict(self, batches, callbacks):
        begin, end = _hook(callbacks, "on_predict_batch_begin"), _hook(callbacks, "on_predict_batch_end")
        forward = self._bound_forward()
        self.stop_predicting = False
        callbacks.on_predict_begin()
        out, pieces, start = None, [], 0
        for i, (x, _, _) in enumerate(batches.epoch()):
            if begin is not None:
                begin(i)
            y = forward(x)
            if batches.samples and isinstance(y, Tensor):
                if out is None:
                    out = np.empty((batches.samples, *y.shape[1:]), y.dtype)
                n = y.shape[0]
                out[start : start + n] = np.asarray(y)
                start += n
            else:
                pieces.append(map_leaves(_own, y))
            if end is not None:
                end(i, {"outputs": y})
            if self.stop_predicting:
                break
        callbacks.on_predict_end()
        if out is None and not pieces:
            raise batches.none_left()
        return out[:start] if out is not None else _concatenate(pieces)

    # ---- single batches ----

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step on one batch. Returns the loss and the metrics of this batch, as evaluate does.

        >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(cygrad.optimizers.SGD(0.25), "mse")
        >>> [round(model.train_on_batch(np.ones((4, 1)), np.ones((4, 1))), 4) for _ in range(2)]
        [1.0, 0.0]
        """
        self._assert_compiled("train_on_batch")
        batch = self._batch("train_on_batch", x, y, sample_weight, class_weight)
        return self._on_batch(batch, return_dict, self._bind_optimizer("train_on_batch"))

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and the metrics of one batch, as evaluate returns them."""
        self._assert_compiled("test_on_batch")
        return self._on_batch(self._batch("test_on_batch", x, y, sample_weight), return_dict)

    def _on_batch(self, batch, return_dict, variables=None):
        with self._metrics_found(fixed=True):
            self.reset_metrics()
            logs = self._epoch_logs(self._bound_step(variables)(*batch))
            return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x):
        """The output for one batch, of any size, as a NumPy array.

        >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1, kernel_initializer="ones")])
        >>> model.predict_on_batch(np.array([[1.0, 2.0]])).tolist()
        [[3.0]]
        """
        if type(x) is np.ndarray:
            y = self._predict_small(x, x.size)
            if y is not None:
                return y
        return map_leaves(_own, self._bound_forward()(self._tensors(self._inputs("predict_on_batch", x))))


# ---- small helpers ----


def _schedule(frequency):
    """validation_freq as a function of the epoch (from 0): every n-th, or those listed (from 1)."""
    if isinstance(frequency, (list, tuple, set)):
        epochs = set(frequency)
        return lambda epoch: epoch + 1 in epochs
    frequency = _positive("fit", "validation_freq", frequency)
    return lambda epoch: (epoch + 1) % frequency == 0


def _only(y_pred):
    """The output of a model that has one, of whatever structure."""
    return y_pred if isinstance(y_pred, Tensor) else flat(y_pred)[0]


def _own(y):
    """An output as an array: the tensor's own memory, which nobody else writes to, unless it is a variable's."""
    return np.array(y) if isinstance(y, Variable) else np.asarray(y)


def _concatenate(pieces):
    """Outputs of batches, each a nest of arrays, joined along the first axis."""
    first = pieces[0]
    if isinstance(first, dict):
        return {key: _concatenate([p[key] for p in pieces]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)([_concatenate([p[i] for p in pieces]) for i in range(len(first))])
    return np.concatenate(pieces)
