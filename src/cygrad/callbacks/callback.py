"""Callback, the base of all; History, which fit returns; LambdaCallback, made of functions."""

import weakref

import numpy as np

from .._lookup import did_you_mean


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
    _lazy_logs = False  # does it take, for a batch, a function that gives the logs in their place?

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


def plain(value):
    """A single number of any kind as a Python float; anything else as it is."""
    if isinstance(value, (str, bytes, bool)) or np.size(value) != 1:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def missing_log(name, logs):
    """What to say of a name that the logs do not have."""
    cause = did_you_mean(name, logs)
    if name.startswith("val_") and not any(known.startswith("val_") for known in logs):
        cause = " Is validation_data missing?"
    return f"there is no {name!r} in the logs, which have {', '.join(logs) or 'nothing'}.{cause}"


class _Curves(dict):
    def __missing__(self, name):
        raise KeyError(missing_log(str(name), self))


class History(Callback):
    """The logs of all epochs, which fit returns: epoch, a list, and history, {name: list of Python floats}.

    >>> history = cygrad.callbacks.History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": np.float32(0.5)})
    >>> history.history
    {'loss': [0.5]}
    """

    _model = None

    def __init__(self):
        self.epoch, self.history = [], _Curves()

    @property
    def model(self):
        """The model that was trained, as long as somebody keeps it: it holds its history, not the other way round."""
        return self._model and self._model()

    @model.setter
    def model(self, model):
        self._model = model and weakref.ref(model)

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(plain(value))

    def __getstate__(self):
        return {**vars(self), "_model": None}


class LambdaCallback(Callback):
    """A callback made of functions, any hook by its name: LambdaCallback(on_epoch_end=lambda epoch, logs: ..., ...).

    on_epoch_begin, on_epoch_end, on_train_batch_begin and on_train_batch_end take (index, logs), on_train_begin and
    on_train_end (logs).

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
