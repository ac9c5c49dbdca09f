"""ProgbarLogger: the progress bar, and the line that an epoch ends with."""

import math
import sys
import time
import warnings

from .callback import Callback, plain


class ProgbarLogger(Callback):
    """The progress of fit, evaluate and predict on standard output, by their verbose: 0 (silent), 1 or "auto", 2.

    An epoch ends as one line, "Epoch 3/10 - 1.2s - loss: 0.1234 - ...". On a terminal and in a notebook verbose=1 shows
    a bar meanwhile, redrawn at most ten times a second; elsewhere (a log file, a pipe) there are only the lines.
    predict leaves no line with verbose="auto", so that calls in a loop do not flood a log.

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> _ = model.fit(x, y, verbose=0, callbacks=[cygrad.callbacks.ProgbarLogger()])
    """

    interval = 0.1  # seconds between two looks at the bar

    _lazy_logs = True

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
        value = plain(value)
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
