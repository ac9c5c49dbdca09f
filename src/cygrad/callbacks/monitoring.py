"""Callbacks that watch one entry of the logs: EarlyStopping, ModelCheckpoint, TerminateOnNaN, and their base."""

import math
import os
import warnings

import numpy as np

from .callback import Callback, missing_log


class MonitorCallback(Callback):
    """Base of the callbacks that watch one entry of the logs: MonitorCallback(monitor, mode, baseline, min_delta).

    mode "min" or "max" says which way is better; "auto" knows it for losses and for the package's metrics; ValueError
    for others.

    >>> watch = cygrad.callbacks.MonitorCallback('val_loss')
    >>> watch.is_improvement(0.5, 0.6), watch.is_improvement(0.7, 0.6)
    (True, False)
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max'; got {mode!r}")
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)

    def current(self, logs):
        """The monitored value; None, with a warning, where the logs have none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"{type(self).__name__}: {missing_log(self.monitor, logs or {})}", stacklevel=4)
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

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> stop = cygrad.callbacks.EarlyStopping('loss', min_delta=1e9, patience=2)
    >>> len(model.fit(x, y, epochs=9, verbose=0, callbacks=stop).history['loss'])
    3
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

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> save = cygrad.callbacks.ModelCheckpoint('best.cygrad', monitor='loss', save_best_only=True)
    >>> _ = model.fit(x, y, verbose=0, callbacks=save)
    >>> cygrad.models.load_model('best.cygrad').count_params()
    2
    """

    _lazy_logs = True

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
                logs = logs() if callable(logs) else logs
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


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite: TerminateOnNaN(raise_error=False); True: by a RuntimeError.

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> stop = cygrad.callbacks.TerminateOnNaN()
    >>> _ = model.fit(x, y, verbose=0, callbacks=[stop])
    """

    _lazy_logs = True

    def __init__(self, raise_error=False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs=None):
        if callable(logs):  # the running loss alone, where fit keeps one: other metrics may take long
            tracker = getattr(self.model, "_loss_tracker", None)
            logs = {"loss": tracker.result()} if tracker is not None and tracker.count else logs()
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss became {loss} at batch {batch}")
        print(f"Batch {batch}: the loss became {loss}; training stops")
        self.model.stop_training = True
