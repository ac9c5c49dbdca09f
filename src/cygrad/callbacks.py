"""Callbacks: what happens around training, evaluation and prediction. History and the progress bar are callbacks too.

CallbackList keeps, for each hook, only the callbacks that define it, so that a step without listeners costs nothing.
The logs of a batch may be a function that makes the dict: it is called when a callback is about to read them, and the
progress bar reads at most ten times a second.
"""

import csv
import inspect
import math
import os
import sys
import time
import warnings

import numpy as np


class Callback:
    """Base of all callbacks: define the hooks you need; model and params are set before training.

    params: a dict with verbose, epochs and steps (None where unknown). epoch and batch count from 0. logs: a dict of
    floats, the metrics so far in this epoch; at the end of an epoch also those of the validation data, as "val_" +
    name.

    >>> class Losses(cygrad.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    >>> cygrad.callbacks.CallbackList([Losses()]).on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    model = None
    params = None

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self.model = model

    def on_train_begin(self, logs=None):
        """Before the first epoch of fit."""

    def on_train_end(self, logs=None):
        """After the last epoch of fit; logs are that epoch's."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before each epoch of fit."""

    def on_epoch_end(self, epoch, logs=None):
        """After each epoch of fit and its validation."""

    def on_batch_begin(self, batch, logs=None):
        """on_train_batch_begin under its older name."""

    def on_batch_end(self, batch, logs=None):
        """on_train_batch_end under its older name."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before each step of fit."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """After each step of fit."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs=None):
        """Before evaluate, and before the validation of an epoch."""

    def on_test_end(self, logs=None):
        """After evaluate, and after the validation of an epoch."""

    def on_test_batch_begin(self, batch, logs=None):
        """Before each batch of evaluate."""

    def on_test_batch_end(self, batch, logs=None):
        """After each batch of evaluate."""

    def on_predict_begin(self, logs=None):
        """Before predict."""

    def on_predict_end(self, logs=None):
        """After predict."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before each batch of predict."""

    def on_predict_batch_end(self, batch, logs=None):
        """After each batch of predict; logs["outputs"] are its predictions."""


HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
OLDER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def _defines(callback, hook):
    found = getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
    return found or (hook in OLDER_NAMES and _defines(callback, OLDER_NAMES[hook]))


class CallbackList(Callback):
    """Callbacks called as one: CallbackList(callbacks, add_history=False, add_progbar=False, model=None, **params).

    callbacks: a callback or a list of them, called in that order. History and ProgbarLogger are added after them if
    asked for and not there. logs may be a dict, or a function that gives it, called only if a callback is to read it.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
        for callback in given:
            if not isinstance(callback, Callback):
                hint = f"; did you mean {callback.__name__}()?" if isinstance(callback, type) else ""
                raise TypeError(f"callbacks: expected instances of Callback; got {callback!r}{hint}")
        self.callbacks = given
        self.history = next((c for c in given if isinstance(c, History)), None)
        if add_history and self.history is None:
            self.history = History()
            self.callbacks.append(self.history)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in given):
            self.callbacks.append(ProgbarLogger())
        self._find_hooks()
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _find_hooks(self):
        self._hooks = {
            hook: [(getattr(c, hook), isinstance(c, ProgbarLogger)) for c in self.callbacks if _defines(c, hook)]
            for hook in HOOKS
        }

    def append(self, callback):
        """Adds a callback at the end."""
        self.callbacks.append(callback)
        self._find_hooks()

    def set_params(self, params):
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        self.model = model
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def _call(self, hook, *arguments, logs):
        for function, lazy in self._hooks[hook]:
            if callable(logs) and not lazy:
                logs = logs()
            function(*arguments, logs)

    def on_train_begin(self, logs=None):
        self._call("on_train_begin", logs=logs)

    def on_train_end(self, logs=None):
        self._call("on_train_end", logs=logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", epoch, logs=logs)

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: _plain(value) for name, value in ((logs() if callable(logs) else logs) or {}).items()}
        self._call("on_epoch_end", epoch, logs=logs)

    def on_batch_begin(self, batch, logs=None):
        self._call("on_batch_begin", batch, logs=logs)

    def on_batch_end(self, batch, logs=None):
        self._call("on_batch_end", batch, logs=logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", batch, logs=logs)

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", logs=logs)

    def on_test_end(self, logs=None):
        self._call("on_test_end", logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._call("on_test_batch_begin", batch, logs=logs)

    def on_test_batch_end(self, batch, logs=None):
        self._call("on_test_batch_end", batch, logs=logs)

    def on_predict_begin(self, logs=None):
        self._call("on_predict_begin", logs=logs)

    def on_predict_end(self, logs=None):
        self._call("on_predict_end", logs=logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self._call("on_predict_batch_begin", batch, logs=logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._call("on_predict_batch_end", batch, logs=logs)


def _plain(value):
    """A single number of any kind as a Python float; anything else as it is."""
    if isinstance(value, (str, bytes, bool)) or np.size(value) != 1:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


class History(Callback):
    """The logs of all epochs, which fit returns: epoch, a list, and history, {name: list of Python floats}.

    >>> history = cygrad.callbacks.History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": np.float32(0.5)})
    >>> history.history
    {'loss': [0.5]}
    """

    def __init__(self):
        self.epoch, self.history = [], {}

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(_plain(value))

    def __getstate__(self):
        return {**vars(self), "model": None}


class ProgbarLogger(Callback):
    """The progress of fit, evaluate and predict on standard output, by their verbose: 0 (silent), 1 or "auto", 2.

    An epoch ends as one line, "Epoch 3/10 - 1.2s - loss: 0.1234 - ...". On a terminal and in a notebook verbose=1 shows
    a bar meanwhile, redrawn at most ten times a second; elsewhere (a log file, a pipe) there are only the lines.
    predict leaves no line with verbose="auto", so that calls in a loop do not flood a log.
    """

    interval = 0.1  # seconds between two looks at the bar

    def __init__(self):
        self.verbose, self.epochs, self.target = 1, 1, None
        self._bar, self._in_fit = None, False

    def set_params(self, params):
        self.params = params
        self.verbose = params.get("verbose", 1)
        self.epochs, self.target = params.get("epochs", 1), params.get("steps")

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self._begin(f"Epoch {epoch + 1}/{self.epochs}")

    def on_epoch_end(self, epoch, logs=None):
        self._end(logs)

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._begin()

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs=None):
        self._begin()

    def on_predict_end(self, logs=None):
        self._end(None, line=self.verbose != "auto")

    def on_train_batch_end(self, batch, logs=None):
        self._update(batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._update(batch, None)

    def _begin(self, title=""):
        self._close()  # a bar that an interrupted run left
        self._title, self._seen = title, 0
        self._began = time.monotonic()
        self._due = self._began + self.interval if self.verbose in (1, "auto", True) and _is_live() else math.inf

    def _update(self, batch, logs):
        self._seen = batch + 1
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self.interval
        if self._bar is None:
            self._bar = _bar_class()(
                total=self.target,
                desc=self._title or None,
                leave=False,
                file=sys.stdout,
                dynamic_ncols=True,
                unit="step",
                delay=1e-3,  # not drawn before it is filled in, below
            )
            self._bar.start_t -= now - self._began
        self._bar.n = self._seen
        logs = logs() if callable(logs) else logs
        self._bar.set_postfix_str(" - ".join(_told(logs or {})), refresh=False)
        self._bar.refresh()

    def _end(self, logs, line=True):
        self._close()
        if self.verbose and line:
            title = self._title or f"{self._seen}/{self.target or self._seen}"
            print(" - ".join([title, f"{time.monotonic() - self._began:.1f}s", *_told(logs or {})]), flush=True)

    def _close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __getstate__(self):
        return {**vars(self), "_bar": None, "model": None}


def _told(logs):
    """["loss: 0.1234", ...], with an exponent where four decimals say little."""
    for name, value in logs.items():
        value = _plain(value)
        if isinstance(value, float):
            value = f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"
        yield f"{name}: {value}"


def _in_notebook():
    return "ipykernel" in sys.modules and not _is_terminal()


def _is_terminal():
    return bool(getattr(sys.stdout, "isatty", bool)())


def _is_live():
    return _is_terminal() or _in_notebook()


def _bar_class():
    """tqdm, imported when a bar is first drawn; its notebook bar, which loads much more, only in a notebook."""
    if _in_notebook():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without ipywidgets tqdm warns and draws a plain bar: as good
            from tqdm.auto import tqdm
    else:
        from tqdm import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # no watching thread: it would not survive a fork

    return Bar


class LambdaCallback(Callback):
    """A callback made of functions, any hook by its name: LambdaCallback(on_epoch_end=lambda epoch, logs: ..., ...).

    >>> callback = cygrad.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> callback.on_epoch_begin(0, {})
    epoch 0
    """

    def __init__(
        self,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_train_begin=None,
        on_train_end=None,
        on_train_batch_begin=None,
        on_train_batch_end=None,
        **hooks,
    ):
        hooks.update(
            on_epoch_begin=on_epoch_begin,
            on_epoch_end=on_epoch_end,
            on_train_begin=on_train_begin,
            on_train_end=on_train_end,
            on_train_batch_begin=on_train_batch_begin,
            on_train_batch_end=on_train_batch_end,
        )
        for name, function in hooks.items():
            if name not in HOOKS:
                raise TypeError(f"LambdaCallback: there is no hook {name!r}; the hooks are {', '.join(HOOKS)}")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite: TerminateOnNaN(raise_error=False); True: by a RuntimeError."""

    def __init__(self, raise_error=False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss became {loss} at batch {batch}")
        print(f"Batch {batch}: the loss became {loss}; training stops")
        self.model.stop_training = True


class MonitorCallback(Callback):
    """Base of the callbacks that watch one entry of the logs: MonitorCallback(monitor, mode, baseline, min_delta).

    mode "min" or "max" says which way is better; "auto" knows it for losses and for the package's metrics; ValueError
    for others.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max'; got {mode!r}")
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)

    def current(self, logs):
        """The monitored value; None, with a warning, where the logs have none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: there is no {self.monitor!r} in the logs, which have {', '.join(logs or {})}"
                + ("; is validation_data missing?" if self.monitor.startswith("val_") else ""),
                stacklevel=4,
            )
        return value

    def is_improvement(self, value, reference):
        """Is value better than reference, by more than min_delta? Anything is better than nothing or NaN."""
        if reference is None or math.isnan(reference):
            return not math.isnan(value)
        return value - self.min_delta > reference if self._direction() == "max" else value + self.min_delta < reference

    def _direction(self):
        if self.mode == "auto":
            name = self.monitor.removeprefix("val_")
            metric = next((m for m in getattr(self.model, "metrics", None) or () if m.name == name), None)
            direction = "down" if name == "loss" or name.endswith("_loss") else getattr(metric, "_direction", None)
            if direction is None:
                raise ValueError(
                    f"{type(self).__name__}: is a larger {self.monitor!r} better or worse? Give mode='max' or 'min'"
                )
            self.mode = "max" if direction == "up" else "min"
        return self.mode


class EarlyStopping(MonitorCallback):
    """Stops training when a value has not improved for `patience` epochs.

    EarlyStopping(monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
    restore_best_weights=False, start_from_epoch=0). min_delta: what counts as an improvement; baseline: without a
    better value than this, training stops too; restore_best_weights: at the end of training, stopped or not, the model
    gets the weights of the best epoch; start_from_epoch: epochs before it do not count.
    """

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        value = self.current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        improved = self.is_improvement(value, self.best)
        if improved:
            self.best, self.best_epoch = value, epoch
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        if self.restore_best_weights and (improved or self.best_weights is None):
            self.best_weights = [np.array(w) for w in self.model.get_weights()]
        if not improved and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"The model gets the weights of epoch {self.best_epoch + 1}, the best")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(MonitorCallback):
    """Saves the model (to .cygrad), or its weights (to .safetensors), in the course of training.

    ModelCheckpoint(filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
    save_freq="epoch", initial_value_threshold=None). filepath may hold {epoch} (from 1), {batch} and the names of the
    logs, as in "{epoch:02d}-{val_loss:.2f}.cygrad"; its folder is made. save_freq: "epoch", or a number of batches.
    initial_value_threshold: save_best_only starts from this value.
    """

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        save_weights_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
    ):
        super().__init__(monitor, mode, baseline=initial_value_threshold)
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f"ModelCheckpoint: save_freq must be 'epoch' or a number of batches; got {save_freq!r}")
        self.filepath = os.fspath(filepath)
        suffix = ".safetensors" if save_weights_only else ".cygrad"
        if not self.filepath.endswith(suffix):  # now, not after an epoch of training
            what = "weights" if save_weights_only else "a model"
            raise ValueError(
                f"ModelCheckpoint: a file with {what} ends in {suffix}; got filepath={self.filepath!r}, "
                f"save_weights_only={bool(save_weights_only)}"
            )
        self.verbose, self.save_freq = verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self._batches = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches % self.save_freq == 0:
                self._save(self._epoch, {**(logs or {}), "batch": batch + 1})

    def _save(self, epoch, logs):
        try:
            path = self.filepath.format(**{"epoch": epoch + 1, **logs})
        except KeyError as error:
            names = ", ".join(["epoch", *logs])
            raise KeyError(f"ModelCheckpoint: filepath {self.filepath!r} asks for {error}; there are {names}") from None
        if self.save_best_only:
            value = self.current(logs)
            if value is not None:
                if not self.is_improvement(value, self.best):
                    self._tell(epoch, f"{self.monitor} did not improve from {self.best:.5f}")
                    return
                self.best = value
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        self._tell(epoch, f"saved {path}")

    def _tell(self, epoch, message):
        if self.verbose:
            print(f"Epoch {epoch + 1}: {message}")


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch: LearningRateScheduler(schedule, verbose=0).

    schedule(epoch, learning_rate) or schedule(epoch) gives it, a number.

    The logs of the epoch get it as "learning_rate". schedule(epoch) works too.
    """

    def __init__(self, schedule, verbose=0):
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        arguments = (epoch, optimizer.learning_rate)
        try:
            inspect.signature(self.schedule).bind(*arguments)
        except TypeError:
            arguments = (epoch,)
        except ValueError:  # a function of C without a signature
            pass
        rate = self.schedule(*arguments)
        if not isinstance(_plain(rate), float):
            raise ValueError(f"LearningRateScheduler: schedule must give a number; got {rate!r} for epoch {epoch}")
        optimizer.learning_rate = _plain(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a value has not improved for `patience` epochs.

    ReduceLROnPlateau(monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
    min_lr=0.0). cooldown: after a reduction, epochs that do not count; min_lr: not below this. The logs of the epoch
    get "learning_rate". ValueError unless 0 < factor < 1.
    """

    def __init__(
        self,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        verbose=0,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
        min_lr=0.0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if not 0 < factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be between 0 and 1; got {factor!r}")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.current(logs)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate falls to {optimizer.learning_rate:g}")


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file: CSVLogger(filename, separator=",", append=False).

    The first line names the columns: epoch, then the logs in alphabetical order, with those of validation even where
    there is none (NA). append: keeps what the file holds.
    """

    def __init__(self, filename, separator=",", append=False):
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self._file = self._writer = None

    def on_train_begin(self, logs=None):
        self._headed = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self._writer is None:
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):  # they may come in a later epoch: validation_freq
                names += [f"val_{name}" for name in names]
            self._writer = csv.DictWriter(
                self._file,
                ["epoch", *names],
                restval="NA",
                extrasaction="ignore",
                delimiter=self.separator,
                lineterminator="\n",
            )
            if not self._headed:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **logs})
        self._file.flush()

    def on_train_end(self, logs=None):
        self._file.close()
        self._file = self._writer = None
