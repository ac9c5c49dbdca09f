"""BackupAndRestore, whose runs are really killed; SwapEMAWeights."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from cygrad import Input, Sequential, callbacks, layers, optimizers, utils

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.normal(size=(24, 1)).astype("float32")
EPOCHS = 5


class Kill(callbacks.Callback):
    """Ends the process as the system does, without a chance to clean up, in the middle of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (3, 1):
            os.kill(os.getpid(), signal.SIGKILL)


def model(**options):
    utils.set_random_seed(1)
    made = Sequential([Input((3,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(1)])
    made.compile(optimizers.Nadam(0.05, **options), "mse")
    return made


def fit(made, *others, **arguments):
    return made.fit(X, Y, batch_size=6, epochs=EPOCHS, verbose=0, callbacks=list(others), **arguments)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from test_backup import Kill, callbacks, fit, model
fit(model(), callbacks.BackupAndRestore({folder!r}, save_freq={save_freq!r}), Kill())
"""


@pytest.mark.parametrize("save_freq", ["epoch", 5])
def test_a_killed_run_goes_on(save_freq, tmp_path):
    folder = str(tmp_path / "backup")
    program = PROGRAM.format(tests=os.path.dirname(os.path.abspath(__file__)), folder=folder, save_freq=save_freq)
    run = subprocess.run([sys.executable, "-c", program], timeout=60, check=False, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert os.listdir(folder) == ["latest.safetensors"]
    again, uninterrupted = model(), model()
    history = fit(again, callbacks.BackupAndRestore(folder, save_freq=save_freq))
    whole = fit(uninterrupted)
    if save_freq == "epoch":
        assert history.epoch == [3, 4]
        assert history.history["loss"] == whole.history["loss"][3:]
        for mine, wanted in zip(again.get_weights(), uninterrupted.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, wanted)
    else:  # 4 batches an epoch: the backup after batch 10 is in the third epoch, which begins anew
        assert history.epoch == [2, 3, 4]
        assert again.optimizer.iterations == 10 + 3 * 4
    assert not os.path.exists(folder)


def test_the_backup_keeps_a_learning_rate_that_callbacks_changed(tmp_path):
    keep = {"delete_checkpoint": False}
    first = model()
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    fit(first, halve, callbacks.BackupAndRestore(tmp_path, **keep))
    again = model()
    history = fit(again, callbacks.BackupAndRestore(tmp_path, **keep))
    assert history.epoch == [] and again.optimizer.learning_rate == first.optimizer.learning_rate == 0.05 / 32
    (tmp_path / "mine.txt").write_text("kept")
    again.fit(X, Y, epochs=7, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_the_last_but_one_backup_takes_a_damaged_ones_place(tmp_path):
    fit(model(), callbacks.BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False))
    last = tmp_path / "latest.safetensors"
    last.write_bytes(last.read_bytes()[:-4] + b"oops")
    assert fit(model(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)).epoch == [4]
    (tmp_path / "latest.safetensors.bkp").unlink()
    last.write_bytes(last.read_bytes()[:-4] + b"oops")
    with pytest.raises(ValueError, match=r"latest\.safetensors: damaged"):
        fit(model(), callbacks.BackupAndRestore(tmp_path))


def test_backups_are_for_the_model_that_made_them(tmp_path):
    fit(model(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    other = Sequential([Input((3,)), layers.Dense(1)])
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match="optimizer: the variables that it trains are not those of the model"):
        fit(other, callbacks.BackupAndRestore(tmp_path))


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match="backup_dir is empty"):
        callbacks.BackupAndRestore("")
    with pytest.raises(ValueError, match="save_freq must be 'epoch' or a number of batches; got 'batch'"):
        callbacks.BackupAndRestore(tmp_path, save_freq="batch")
    unbuilt = Sequential([layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="is not built before fit"):
        unbuilt.fit(iter([(X, Y)] * 2), steps_per_epoch=1, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


# ---- averages ----


class Look(callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.get_weights())


def same(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluation_sees_the_averages_and_training_does_not(swap_on_epoch):
    look, plain = Look(), Look()
    made, other = model(use_ema=True, ema_momentum=0.9), model()
    swap = callbacks.SwapEMAWeights(swap_on_epoch)
    history = fit(made, swap, look, validation_data=(X, Y))
    fit(other, plain)
    assert all(same(a, b) is not swap_on_epoch for a, b in zip(look.seen, plain.seen))
    averages = made.get_weights()
    assert not same(averages, plain.seen[-1])
    assert made.evaluate(X, Y, batch_size=6, verbose=0) == history.history["val_loss"][-1]
    if swap_on_epoch:
        assert same(look.seen[-1], averages)


def test_the_averages_stay_when_training_stops_early():
    made = model(use_ema=True)
    look = Look()
    stop = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(made, "stop_training", epoch == 2))
    fit(made, callbacks.SwapEMAWeights(swap_on_epoch=True), look, stop)
    assert len(look.seen) == 3 and same(look.seen[-1], made.get_weights())


def test_swapping_needs_averages():
    with pytest.raises(ValueError, match="Nadam: there are no averages to swap; give use_ema=True"):
        fit(model(), callbacks.SwapEMAWeights(), validation_data=(X, Y))
