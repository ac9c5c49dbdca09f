"""BackupAndRestore: a run that was killed goes on where it was."""

import os

from .callback import Callback


class BackupAndRestore(Callback):
    """Saves the state of training to a folder; fit of a new process with the same arguments goes on from there.

    BackupAndRestore(backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True). State: weights,
    the optimizer's slots, step count and learning rate, random states and the epoch; after a backup at the end of an
    epoch, training goes on bit for bit as if nothing had happened. save_freq: "epoch", or a number of batches; the
    epoch of such a backup begins anew. double_checkpoint: the last but one is kept, for the case that the last is
    damaged. delete_checkpoint: when fit has ended, the backup is deleted, and the folder, if nothing else is in it.

    The model must be built before fit, by Input or a call. ValueError when it is not, and for a file that is damaged or
    another model's.

    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile('sgd', 'mse')
    >>> backup = cygrad.callbacks.BackupAndRestore('backup')
    >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[backup])
    """

    _lazy_logs = True

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        if not backup_dir:
            raise ValueError("BackupAndRestore: backup_dir is empty; expected a folder")
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f"BackupAndRestore: save_freq must be 'epoch' or a number of batches; got {save_freq!r}")
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._path = os.path.join(self.backup_dir, "latest.safetensors")
        self._previous = self._path + ".bkp"
        self._epoch = self._batches = 0

    def on_train_begin(self, logs=None):
        from ..models.checkpoint import read_checkpoint  # here, for models imports callbacks

        found = [path for path in (self._path, self._previous) if os.path.exists(path)]
        if not self.model.built:
            raise ValueError(
                f'BackupAndRestore: model "{self.model.name}" is not built before fit; give it an Input, or call it '
                "on a batch of data"
            )
        for path in found:
            try:
                self._epoch = read_checkpoint(self.model, path)["epoch"]
            except ValueError:
                if path == found[-1]:
                    raise
            else:
                self.model._initial_epoch = self._epoch
                return

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save()

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches % self.save_freq == 0:
                self._save()

    def _save(self):
        from ..models.checkpoint import write_checkpoint

        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._path):
            os.replace(self._path, self._previous)
        write_checkpoint(self.model, self._path, {"epoch": self._epoch})

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.isdir(self.backup_dir):
            for path in (self._path, self._previous):
                if os.path.exists(path):
                    os.remove(path)
            if not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)
