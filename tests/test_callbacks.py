"""Callbacks, with a small stand-in for a model: hooks, History, the bar's output, stopping, saving, learning rates."""

import csv
import io
import pickle
import re
import sys
import time
import types

import numpy as np
import pytest

from cygrad import callbacks, metrics, optimizers


class Model:
    """What callbacks ask of a model: weights, an optimizer, metrics, save, stop_training."""

    def __init__(self):
        self.weights = [np.zeros(2)]
        self.optimizer = optimizers.SGD(0.1)
        self.metrics = [metrics.Mean("loss"), metrics.BinaryAccuracy("accuracy"), metrics.MeanAbsoluteError("mae")]
        self.stop_training = False
        self.saved = []

    def get_weights(self):
        return self.weights  # not copies: a callback must make its own

    def set_weights(self, weights):
        for mine, given in zip(self.weights, weights):
            mine[...] = given

    def save(self, path, overwrite=True):
        self.saved.append(("model", path, self.weights[0][0]))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", path, self.weights[0][0]))


def fit(callback_list, logs_of_epochs, batches=2, model=None, verbose=0, validation=False):
    """fit's order of calls. After epoch e the model's weights are e + 1. Gives (model, epochs run)."""
    model = model or Model()
    model.stop_training = False
    everything = callbacks.CallbackList(
        callback_list, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose,
        epochs=len(logs_of_epochs), steps=batches,
    )  # fmt: skip
    everything.on_train_begin()
    for epoch, logs in enumerate(logs_of_epochs):
        everything.on_epoch_begin(epoch)
        for batch in range(batches):
            everything.on_train_batch_begin(batch)
            everything.on_train_batch_end(batch, lambda logs=logs: dict(logs))
            if model.stop_training:
                break
        model.weights[0][...] = epoch + 1
        if validation:
            everything.on_test_begin()
            everything.on_test_batch_begin(0)
            everything.on_test_batch_end(0, dict(logs))
            everything.on_test_end(dict(logs))
        everything.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
    everything.on_train_end(dict(logs))
    return model, epoch + 1


def losses_of(*values, name="val_loss"):
    return [{name: value} for value in values]


# ---- the protocol ----


def test_hooks_are_called_in_order_with_epochs_batches_and_logs():
    seen = []

    class Recorder(callbacks.Callback):
        pass

    for hook in callbacks.HOOKS:
        setattr(Recorder, hook, lambda self, *arguments, hook=hook: seen.append((hook, *arguments)))
    fit([Recorder()], [{"loss": 0.5}], batches=1, validation=True)
    logs = {"loss": 0.5}
    assert seen == [
        ("on_train_begin", None),
        ("on_epoch_begin", 0, None),
        ("on_train_batch_begin", 0, None),
        ("on_train_batch_end", 0, logs),
        ("on_test_begin", None),
        ("on_test_batch_begin", 0, None),
        ("on_test_batch_end", 0, logs),
        ("on_test_end", logs),
        ("on_epoch_end", 0, logs),
        ("on_train_end", logs),
    ]


@pytest.mark.parametrize("hook", callbacks.HOOKS)
def test_the_list_passes_every_hook_on(hook):
    seen = []
    callback = callbacks.LambdaCallback(**{hook: lambda *arguments: seen.append(arguments)})
    arguments = (3, {"loss": 1.0}) if "batch" in hook or "epoch" in hook else ({"loss": 1.0},)
    getattr(callbacks.CallbackList([callback]), hook)(*arguments)
    assert seen == [arguments]
    getattr(callbacks.Callback(), hook)(*arguments)  # the default does nothing


def test_older_names_of_batch_hooks():
    seen = []

    class Older(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, logs))

    fit([Older()], [{"loss": 0.5}], batches=2)
    assert seen == [(0, {"loss": 0.5}), (1, {"loss": 0.5})]


def test_logs_of_a_batch_are_made_once_and_only_for_those_who_read_them():
    made = []
    logs = lambda: made.append(1) or {"loss": 1.0}  # noqa: E731
    callbacks.CallbackList([callbacks.History(), callbacks.ProgbarLogger()]).on_train_batch_begin(0, logs)
    everything = callbacks.CallbackList([callbacks.EarlyStopping()], add_history=True, add_progbar=True, verbose=0)
    everything.on_epoch_begin(0)
    for batch in range(100):
        everything.on_train_batch_end(batch, logs)
    assert not made
    everything = callbacks.CallbackList([callbacks.ModelCheckpoint("{epoch}.cygrad"), callbacks.TerminateOnNaN()])
    everything.set_model(types.SimpleNamespace(_loss_tracker=types.SimpleNamespace(count=1, result=lambda: 0.5)))
    for batch in range(100):
        everything.on_train_batch_end(batch, logs)
    assert not made

    class Own(callbacks.TerminateOnNaN):
        def on_train_batch_end(self, batch, logs=None):
            assert logs["loss"] == 1.0

    callbacks.CallbackList([Own()]).on_train_batch_end(0, logs)
    assert len(made) == 1
    made.clear()
    reader = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    callbacks.CallbackList([reader, reader]).on_train_batch_end(0, logs)
    assert len(made) == 1


def test_model_and_params_reach_every_callback():
    one, other = callbacks.Callback(), callbacks.Callback()
    everything = callbacks.CallbackList([one], verbose=0, epochs=2, steps=5)
    everything.append(other)
    model = Model()
    everything.set_model(model)
    everything.set_params({"verbose": 0, "epochs": 3, "steps": None})
    for callback in (one, other):
        assert callback.model is model and callback.params["epochs"] == 3


def test_a_single_callback_and_the_user_s_history_are_taken():
    history = callbacks.History()
    model, _ = fit(history, [{"loss": 1.0}])
    assert model.history is history and history.history == {"loss": [1.0]}


def test_what_is_no_callback_is_refused():
    with pytest.raises(
        TypeError, match=r"callbacks: expected instances of Callback; .* did you mean EarlyStopping\(\)\?"
    ):
        callbacks.CallbackList([callbacks.EarlyStopping])
    with pytest.raises(TypeError, match="expected instances of Callback; got 3"):
        callbacks.CallbackList([3])
    with pytest.raises(TypeError, match="LambdaCallback: there is no hook 'on_epoch_ends'"):
        callbacks.LambdaCallback(on_epoch_ends=print)


# ---- History ----


def test_history_holds_plain_floats():
    logs = [{"loss": np.float32(0.5), "accuracy": np.array(0.25)}, {"loss": 0.25, "accuracy": 1}]
    model, _ = fit([], logs)
    history = model.history
    assert history.epoch == [0, 1]
    assert history.history == {"loss": [0.5, 0.25], "accuracy": [0.25, 1.0]}
    assert all(type(v) is float for values in history.history.values() for v in values)
    again = pickle.loads(pickle.dumps(history))
    assert again.history == history.history and again.model is None


# ---- the progress bar ----


class Terminal(io.StringIO):
    def isatty(self):
        return True


def output_of(run, stream, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream)
    run()
    monkeypatch.undo()
    return stream.getvalue()


LOGS = [{"loss": 0.12345, "accuracy": 0.97, "val_loss": 1e-5}, {"loss": 12.5, "accuracy": 0.0, "val_loss": 0.5}]


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_a_log_file_gets_one_line_an_epoch(verbose, monkeypatch):
    text = output_of(lambda: fit([], LOGS, batches=50, verbose=verbose, validation=True), io.StringIO(), monkeypatch)
    assert re.sub(r"\d+\.\ds", "0.0s", text).splitlines() == [
        "Epoch 1/2 - 0.0s - loss: 0.1235 - accuracy: 0.9700 - val_loss: 1.0000e-05",
        "Epoch 2/2 - 0.0s - loss: 12.5000 - accuracy: 0.0000 - val_loss: 0.5000",
    ]


def test_silence(monkeypatch):
    logger = [callbacks.ProgbarLogger()]  # even one that the user gave
    assert output_of(lambda: fit(logger, LOGS, verbose=0), Terminal(), monkeypatch) == ""


def slow_epoch(verbose, updates=40, seconds=0.5):
    everything = callbacks.CallbackList(add_progbar=True, verbose=verbose, epochs=1, steps=updates)
    everything.on_train_begin()
    everything.on_epoch_begin(0)
    for batch in range(updates):
        time.sleep(seconds / updates)
        everything.on_train_batch_end(batch, lambda: {"loss": 0.5})
    everything.on_epoch_end(0, {"loss": 0.25})
    everything.on_train_end()


def test_a_terminal_gets_a_bar_at_most_ten_times_a_second_and_then_the_line(monkeypatch):
    start = time.monotonic()
    text = output_of(lambda: slow_epoch("auto"), Terminal(), monkeypatch)
    drawn = re.findall(r"\r(Epoch 1/1:.*?loss: 0\.5000)", text)
    assert 1 <= len(drawn) <= 2 + 10 * (time.monotonic() - start)  # a busy machine sleeps longer
    last = text.rstrip("\n").split("\r")[-1]
    assert re.fullmatch(r"Epoch 1/1 - \d\.\ds - loss: 0\.2500", last)


def test_two_lines_only_has_no_bar_on_a_terminal(monkeypatch):
    text = output_of(lambda: slow_epoch(2, updates=4, seconds=0.25), Terminal(), monkeypatch)
    assert re.fullmatch(r"Epoch 1/1 - \d\.\ds - loss: 0\.2500\n", text)


def test_short_epochs_draw_no_bar(monkeypatch):
    text = output_of(lambda: fit([], LOGS, verbose=1), Terminal(), monkeypatch)
    assert "\r" not in text and len(text.splitlines()) == 2


def test_evaluate_and_predict(monkeypatch):
    def evaluate(verbose):
        everything = callbacks.CallbackList(add_progbar=True, verbose=verbose, epochs=1, steps=None)
        everything.on_test_begin()
        for batch in range(3):
            everything.on_test_batch_end(batch, {"loss": 1.0})
        everything.on_test_end({"loss": 2.0})

    def predict(verbose):
        everything = callbacks.CallbackList(add_progbar=True, verbose=verbose, epochs=1, steps=3)
        everything.on_predict_begin()
        for batch in range(3):
            everything.on_predict_batch_end(batch, {"outputs": None})
        everything.on_predict_end()

    assert re.fullmatch(
        r"3/3 - 0\.\ds - loss: 2\.0000\n", output_of(lambda: evaluate("auto"), io.StringIO(), monkeypatch)
    )
    assert re.fullmatch(r"3/3 - 0\.\ds\n", output_of(lambda: predict(1), io.StringIO(), monkeypatch))
    assert output_of(lambda: predict("auto"), io.StringIO(), monkeypatch) == ""


def test_tqdm_is_imported_only_for_a_bar(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    fit([], LOGS, verbose=2)
    assert "tqdm" not in sys.modules


def test_a_notebook_gets_a_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    text = output_of(lambda: slow_epoch(1, updates=4, seconds=0.3), io.StringIO(), monkeypatch)
    assert "Epoch 1/1:" in text and text.endswith("loss: 0.2500\n")


# ---- monitors ----


def test_early_stopping_waits_for_patience():
    values = losses_of(1.0, 0.8, 0.9, 0.7, 0.8, 0.75, 0.71, 0.1)
    assert fit([callbacks.EarlyStopping(patience=3)], values)[1] == 7
    assert fit([callbacks.EarlyStopping(patience=2)], values)[1] == 6
    assert fit([callbacks.EarlyStopping()], values)[1] == 3
    assert fit([callbacks.EarlyStopping(min_delta=0.15, patience=1)], values)[1] == 3
    assert fit([callbacks.EarlyStopping(patience=1, start_from_epoch=3)], values)[1] == 5


def test_early_stopping_restores_the_best_weights():
    stopped, _ = fit(
        [callbacks.EarlyStopping(patience=2, restore_best_weights=True)], losses_of(1.0, 0.5, 0.6, 0.7, 0.8)
    )
    assert stopped.weights[0].tolist() == [2.0, 2.0]
    finished, _ = fit([callbacks.EarlyStopping(patience=9, restore_best_weights=True)], losses_of(1.0, 0.5, 0.6))
    assert finished.weights[0].tolist() == [2.0, 2.0]
    kept, _ = fit([callbacks.EarlyStopping(patience=1)], losses_of(1.0, 0.5, 0.6))
    assert kept.weights[0].tolist() == [3.0, 3.0]


def test_early_stopping_can_be_used_again():
    callback = callbacks.EarlyStopping(patience=1)
    assert fit([callback], losses_of(1.0, 2.0, 0.5))[1] == 2
    assert fit([callback], losses_of(9.0, 8.0, 7.0))[1] == 3


def test_early_stopping_tells(capsys):
    fit([callbacks.EarlyStopping(restore_best_weights=True, verbose=1)], losses_of(1.0, 2.0, 3.0))
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2: early stopping",
        "The model gets the weights of epoch 1, the best",
    ]


def test_baseline():
    assert fit([callbacks.EarlyStopping(baseline=0.5, patience=2)], losses_of(0.9, 0.8, 0.85, 0.1))[1] == 3
    assert fit([callbacks.EarlyStopping(baseline=0.5, patience=2)], losses_of(0.9, 0.4, 0.85, 0.1))[1] == 4


def test_direction_comes_from_the_metric():
    rising = losses_of(0.1, 0.5, 0.9, name="val_accuracy")
    falling = losses_of(0.9, 0.5, 0.1, name="val_mae")
    assert fit([callbacks.EarlyStopping("val_accuracy")], rising)[1] == 3
    assert fit([callbacks.EarlyStopping("val_mae")], falling)[1] == 3
    assert fit([callbacks.EarlyStopping("val_accuracy", mode="min")], rising)[1] == 2
    with pytest.raises(ValueError, match="EarlyStopping: is a larger 'score' better or worse"):
        fit([callbacks.EarlyStopping("score")], losses_of(1.0, 2.0, name="score"))
    with pytest.raises(ValueError, match="mode must be 'auto', 'min' or 'max'; got 'down'"):
        callbacks.EarlyStopping(mode="down")


def test_nan_is_no_best_value():
    assert fit([callbacks.EarlyStopping(patience=2)], losses_of(float("nan"), 0.9, 0.8, 0.7))[1] == 4


def test_a_missing_value_is_warned_about():
    with pytest.warns(UserWarning, match="no 'val_loss' in the logs, which have loss. Is validation_data missing"):
        assert fit([callbacks.EarlyStopping()], losses_of(1.0, 1.0, name="loss"))[1] == 2


def test_terminate_on_nan(capsys):
    values = losses_of(1.0, float("nan"), 1.0, name="loss")
    assert fit([callbacks.TerminateOnNaN()], values)[1] == 2
    assert capsys.readouterr().out == "Batch 0: the loss became nan; training stops\n"
    with pytest.raises(RuntimeError, match="TerminateOnNaN: the loss became inf at batch 0"):
        fit([callbacks.TerminateOnNaN(raise_error=True)], losses_of(float("inf"), name="loss"))


# ---- saving ----


def test_checkpoints_of_every_epoch(tmp_path):
    path = str(tmp_path / "new" / "{epoch:02d}-{val_loss:.1f}.cygrad")
    model, _ = fit([callbacks.ModelCheckpoint(path)], losses_of(1.0, 2.0))
    folder = tmp_path / "new"
    assert folder.is_dir()
    assert model.saved == [("model", str(folder / "01-1.0.cygrad"), 1.0), ("model", str(folder / "02-2.0.cygrad"), 2.0)]


def test_checkpoints_of_the_best_epochs(tmp_path, capsys):
    path = tmp_path / "best.safetensors"
    callback = callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True, verbose=1)
    model, _ = fit([callback], losses_of(1.0, 2.0, 0.5))
    assert model.saved == [("weights", str(path), 1.0), ("weights", str(path), 3.0)]
    assert "Epoch 2: val_loss did not improve from 1.00000" in capsys.readouterr().out
    threshold = callbacks.ModelCheckpoint(tmp_path / "best.cygrad", save_best_only=True, initial_value_threshold=0.7)
    model, _ = fit([threshold], losses_of(1.0, 2.0, 0.5))
    assert [weight for _, _, weight in model.saved] == [3.0]


def test_checkpoints_by_batches(tmp_path):
    callback = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.cygrad", save_freq=3)
    model, _ = fit([callback], losses_of(1.0, 2.0), batches=4)
    assert [path.rsplit("/", 1)[1] for _, path, _ in model.saved] == ["1-3.cygrad", "2-2.cygrad"]


def test_checkpoint_errors(tmp_path):
    with pytest.raises(ValueError, match="save_freq must be 'epoch' or a number of batches; got 'batch'"):
        callbacks.ModelCheckpoint("x.cygrad", save_freq="batch")
    with pytest.raises(ValueError, match=r"a file with weights ends in \.safetensors; got filepath='w\.weights\.h5'"):
        callbacks.ModelCheckpoint("w.weights.h5", save_weights_only=True)
    with pytest.raises(ValueError, match=r"a file with a model ends in \.cygrad; got filepath='m\.keras'"):
        callbacks.ModelCheckpoint("m.keras")
    with pytest.raises(KeyError, match="asks for 'accuracy'; there are epoch, val_loss"):
        fit([callbacks.ModelCheckpoint(tmp_path / "{accuracy}.cygrad")], losses_of(1.0))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    logs = [{"loss": 0.5, "accuracy": 0.25}, {"loss": 0.125, "accuracy": 1.0, "val_loss": 2.0}]
    fit([callbacks.CSVLogger(path)], logs)
    header = "epoch,accuracy,loss,val_accuracy,val_loss"
    assert path.read_text() == f"{header}\n0,0.25,0.5,NA,NA\n1,1.0,0.125,NA,2.0\n"
    fit([callbacks.CSVLogger(path, append=True)], [{"loss": 0.75, "accuracy": 0.5}])
    assert path.read_text().splitlines()[-2:] == ["1,1.0,0.125,NA,2.0", "0,0.5,0.75,NA,NA"]
    fit([callbacks.CSVLogger(path, separator=";")], [{"loss": 0.75, "val_loss": 0.5}])
    with open(path, newline="") as file:
        assert list(csv.reader(file, delimiter=";")) == [["epoch", "loss", "val_loss"], ["0", "0.75", "0.5"]]


# ---- the learning rate ----


def test_learning_rate_scheduler(capsys):
    rates = []
    probe = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"]))
    model, _ = fit([callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1), probe], losses_of(1, 1))
    assert rates == model.history.history["learning_rate"] == [0.05, 0.025]
    assert capsys.readouterr().out.splitlines()[0] == "Epoch 1: the learning rate is 0.05"
    model, _ = fit([callbacks.LearningRateScheduler(lambda epoch: 0.5)], losses_of(1))
    assert model.optimizer.learning_rate == 0.5
    with pytest.raises(ValueError, match="schedule must give a number; got None for epoch 0"):
        fit([callbacks.LearningRateScheduler(lambda epoch, rate: None)], losses_of(1))


def test_reduce_lr_on_plateau():
    model, _ = fit([callbacks.ReduceLROnPlateau(factor=0.5, patience=2)], losses_of(1.0, 1.0, 1.0, 1.0, 1.0, 0.5))
    assert model.history.history["learning_rate"] == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]
    model, _ = fit([callbacks.ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2)], losses_of(*[1.0] * 7))
    assert model.history.history["learning_rate"] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125]
    model, _ = fit([callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.05)], losses_of(*[1.0] * 4))
    assert model.optimizer.learning_rate == 0.05
    model, _ = fit([callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.5)], losses_of(*[1.0] * 4))
    assert model.optimizer.learning_rate == 0.1  # one that is below min_lr already does not rise to it
    with pytest.raises(ValueError, match="factor must be between 0 and 1; got 1"):
        callbacks.ReduceLROnPlateau(factor=1)
