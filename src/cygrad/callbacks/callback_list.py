"""CallbackList: callbacks called as one.

It keeps, for each hook, only the callbacks that define it, so that a step without listeners costs nothing. The logs of
a batch may be a function that makes the dict: it is called when a callback is about to read them. Those that seldom do
(the progress bar, ten times a second at most; ModelCheckpoint, when it saves) take the function itself.
"""

import functools
import inspect

from .callback import HOOKS, Callback, History, plain
from .progress import ProgbarLogger

OLDER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def _defines(callback, hook):
    found = getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
    return found or (hook in OLDER_NAMES and _defines(callback, OLDER_NAMES[hook]))


def _takes_function(callback, hook):
    """May the logs be a function? Not where a subclass of the user's has the hook."""
    return callback._lazy_logs and getattr(callback, hook).__module__.startswith("cygrad.")


class CallbackList(Callback):
    """Callbacks called as one: CallbackList(callbacks, add_history=False, add_progbar=False, model=None, **params).

    callbacks: a callback or a list of them, called in that order. History and ProgbarLogger are added after them if
    asked for and not there. logs may be a dict, or a function that gives it, called only if a callback is to read it.

    >>> seen = cygrad.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> cygrad.callbacks.CallbackList([seen]).on_epoch_end(3, {'loss': 0.5})
    3 {'loss': 0.5}
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
            hook: [(getattr(c, hook), _takes_function(c, hook)) for c in self.callbacks if _defines(c, hook)]
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

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: plain(value) for name, value in ((logs() if callable(logs) else logs) or {}).items()}
        self._call("on_epoch_end", epoch, logs=logs)


def _broadcast(hook):
    """The method of CallbackList that calls this hook of its callbacks."""

    def with_index(self, index, logs=None):
        self._call(hook, index, logs=logs)

    def without_index(self, logs=None):
        self._call(hook, logs=logs)

    method = getattr(Callback, hook)
    return functools.wraps(method)(with_index if len(inspect.signature(method).parameters) == 3 else without_index)


for _hook in HOOKS:
    if _hook not in vars(CallbackList):
        setattr(CallbackList, _hook, _broadcast(_hook))
