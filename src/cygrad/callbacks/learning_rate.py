"""Callbacks that change the learning rate: LearningRateScheduler, ReduceLROnPlateau."""

import inspect

from .callback import Callback, plain
from .monitoring import MonitorCallback


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch: LearningRateScheduler(schedule, verbose=0).

    schedule(epoch, learning_rate) or schedule(epoch) gives it, a number. The logs of the epoch get it as
    "learning_rate".

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> schedule = cygrad.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> model.fit(x, y, epochs=2, verbose=0, callbacks=schedule).history['learning_rate']
    [0.005, 0.0025]
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
        if not isinstance(plain(rate), float):
            raise ValueError(f"LearningRateScheduler: schedule must give a number; got {rate!r} for epoch {epoch}")
        optimizer.learning_rate = plain(rate)
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

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> reduce = cygrad.callbacks.ReduceLROnPlateau('loss', factor=0.5, patience=1, min_delta=1e9)
    >>> model.fit(x, y, epochs=3, verbose=0, callbacks=reduce).history['learning_rate']
    [0.01, 0.01, 0.005]
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
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate falls to {optimizer.learning_rate:g}")
