"""CSVLogger: the logs of each epoch in a file."""

import os

from .callback import Callback


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file: CSVLogger(filename, separator=",", append=False).

    The first line names the columns: epoch, then the logs in alphabetical order, with those of validation even where
    there is none (NA). append: keeps what the file holds.

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=cygrad.callbacks.CSVLogger('log.csv'))
    >>> np.loadtxt('log.csv', str, delimiter=',', max_rows=1).tolist()
    ['epoch', 'loss', 'val_loss']
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
            import csv  # here, for few programs write such files

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
