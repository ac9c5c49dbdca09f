"""TensorBoard: logs as TensorBoard reads them, written by tensorboardX."""

import itertools
import os

import numpy as np

from .callback import Callback

_numbers = itertools.count()


class TensorBoard(Callback):
    """Writes losses and metrics, and histograms of weights, for TensorBoard: tensorboard --logdir log_dir.

    log_dir: the folder; training goes to its subfolder "train", validation to "validation", under Keras's tags:
    epoch_NAME, batch_NAME, and evaluation_NAME_vs_iterations for evaluate. histogram_freq: every so many epochs a
    histogram of each weight, 0 for none. write_images: with the histograms, kernels as pictures.
    write_steps_per_second: epoch_steps_per_second. update_freq: "epoch", "batch", or a number of batches, after which
    the epoch's mean so far is written. write_graph has no effect; profile_batch, embeddings_freq and
    embeddings_metadata are not supported: ValueError. Needs tensorboardX (pip install 'cygrad[tensorboard]'):
    ImportError says so.

    >>> model = cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.ones((8, 3)), np.ones(8), verbose=0, callbacks=[cygrad.callbacks.TensorBoard("logs")])
    """

    def __init__(
        self,
        log_dir="logs",
        histogram_freq=0,
        write_graph=True,
        write_images=False,
        write_steps_per_second=False,
        update_freq="epoch",
        profile_batch=0,
        embeddings_freq=0,
        embeddings_metadata=None,
    ):
        if update_freq not in ("epoch", "batch") and (not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(f"TensorBoard: update_freq must be 'epoch', 'batch' or a number; got {update_freq!r}")
        for name, value in (
            ("profile_batch", profile_batch),
            ("embeddings_freq", embeddings_freq),
            ("embeddings_metadata", embeddings_metadata),
        ):
            if value:
                raise ValueError(f"TensorBoard: {name}={value!r} is not supported; leave it out")
        self.log_dir, self.histogram_freq, self.write_images = os.fspath(log_dir), histogram_freq, write_images
        self.write_graph, self.write_steps_per_second = write_graph, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._writers, self._is_training = {}, False
        _writer_class()  # here, not in the middle of training, it is told that the package is missing

    def _writer(self, name):
        if name not in self._writers:
            suffix = f".{os.getpid()}.{next(_numbers)}"  # names go by the second; two in one would share a file
            self._writers[name] = _writer_class()(os.path.join(self.log_dir, name), filename_suffix=suffix)
        return self._writers[name]

    def _close(self):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_train_begin(self, logs=None):
        self._is_training, self._batches = True, 0

    def on_train_end(self, logs=None):
        self._is_training = False
        self._close()

    def on_epoch_begin(self, epoch, logs=None):
        import time

        self._began, self._before = time.perf_counter(), self._batches

    def on_train_batch_end(self, batch, logs=None):
        self._batches += 1
        if self.update_freq != "epoch" and self._batches % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self._batches - 1)

    def on_epoch_end(self, epoch, logs=None):
        import time

        for name, value in (logs or {}).items():
            if np.size(value) == 1:
                where, name = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
                self._writer(where).add_scalar(f"epoch_{name}", float(value), epoch)
        train = self._writer("train")
        train.add_scalar("epoch_learning_rate", float(self.model.optimizer.learning_rate), epoch)
        if self.write_steps_per_second:
            rate = (self._batches - self._before) / (time.perf_counter() - self._began)
            train.add_scalar("epoch_steps_per_second", rate, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                values = np.asarray(weight)
                train.add_histogram(f"{weight.path}/histogram", values, epoch)
                if self.write_images and values.ndim >= 2:
                    train.add_image(f"{weight.path}/image", _picture(values), epoch, dataformats="HW")
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs=None):
        step = self.model.optimizer.iterations if self.model.optimizer is not None else 0
        for name, value in (logs or {}).items():
            if np.size(value) == 1:
                self._writer("validation").add_scalar(f"evaluation_{name}_vs_iterations", float(value), step)
        if not self._is_training:
            self._close()


def _writer_class():
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(f"TensorBoard needs tensorboardX (pip install 'cygrad[tensorboard]'): {error}") from None
    return SummaryWriter


def _picture(values):
    """A weight as a grey picture [H,W] from 0 to 1."""
    values = values.reshape(-1, values.shape[-1])
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.finfo(np.float32).tiny)
