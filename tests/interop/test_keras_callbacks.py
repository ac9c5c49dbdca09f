"""Callbacks against Keras, epoch by epoch on the same losses. Runs where Keras is installed."""

import inspect
import warnings

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")


class Model:
    """What callbacks ask of a model; its weight is the number of epochs done."""

    def __init__(self, package):
        self.optimizer = package.optimizers.SGD(0.1)
        self.metrics = [package.metrics.Mean(name="loss"), package.metrics.BinaryAccuracy(name="accuracy")]
        self.stop_training = False
        self.weights, self.saved = [np.zeros(1)], []

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [np.array(w) for w in weights]

    def save(self, path, overwrite=True):
        self.saved.append(str(path).rpartition(".")[0].rpartition("/")[2])

    save_weights = save


def story(package, callback, logs, batches=3):
    """What happens: for each epoch that is run the learning rate, and what the callback counts; then the rest."""
    model = Model(package)
    callback.set_model(model)
    callback.set_params({"epochs": len(logs)})
    callback.on_train_begin()
    told = []
    for epoch, values in enumerate(logs):
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_begin(batch)
            callback.on_train_batch_end(batch, dict(values))
        model.weights = [np.array([epoch + 1.0])]
        seen = dict(values)
        callback.on_epoch_end(epoch, seen)
        rate = float(np.asarray(package.ops.convert_to_numpy(model.optimizer.learning_rate)))
        counters = [
            getattr(callback, name, None) for name in ("wait", "cooldown_counter", "best_epoch", "stopped_epoch")
        ]
        told.append((round(rate, 7), counters, sorted(seen)))
        if model.stop_training:
            break
    callback.on_train_end({})
    return told, float(model.weights[0][0]), model.saved


def losses(seed, epochs=14):
    """A walk that goes down at first, with ties and a gap. No min_delta falls on its steps of 0.1: Keras compares in
    float32."""
    rng = np.random.default_rng(seed)
    values = np.round(2 - 0.2 * np.arange(epochs).clip(0, 5) + rng.normal(0, 0.15, epochs), 1)
    values[rng.integers(3, epochs)] = np.nan
    return [{"val_loss": float(v), "loss": float(v) / 2, "accuracy": float(1 - v)} for v in values]


def choose(rng, **options):
    return {name: values[rng.integers(len(values))] for name, values in options.items()}


def monitored(rng):
    return [
        {"monitor": "val_loss", "mode": "min"},
        {"monitor": "loss", "mode": "auto"},
        {"monitor": "accuracy", "mode": "max"},
    ][rng.integers(3)]


def compare(name, arguments, logs, **more):
    stories = []
    for package in (cygrad, keras):
        given = dict(arguments)
        if "filepath" in given:
            suffix = {True: (".safetensors", ".weights.h5"), False: (".cygrad", ".keras")}[given["save_weights_only"]]
            given["filepath"] += suffix[package is keras]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stories.append(story(package, getattr(package.callbacks, name)(**given), logs, **more))
    mine, theirs = stories
    theirs[2][:] = [path.removesuffix(".weights") for path in theirs[2]]
    assert mine == theirs, arguments


@pytest.mark.parametrize("seed", range(40))
def test_early_stopping(seed):
    rng = np.random.default_rng(seed)
    choices = {
        **{"patience": [0, 1, 2, 4], "min_delta": [0, 0.07], "baseline": [None, None, 1.0, 0.5]},
        **{"restore_best_weights": [True, False], "start_from_epoch": [0, 0, 3]},
    }
    compare("EarlyStopping", {**monitored(rng), **choose(rng, **choices)}, losses(seed))


@pytest.mark.parametrize("seed", range(40))
def test_reduce_learning_rate(seed):
    rng = np.random.default_rng(seed)
    choices = {
        **{"factor": [0.5, 0.1], "patience": [1, 2, 3], "min_delta": [0, 0.07, 1e-4]},
        **{"cooldown": [0, 1, 3], "min_lr": [0.0, 0.02]},
    }
    compare("ReduceLROnPlateau", {**monitored(rng), **choose(rng, **choices)}, losses(seed))


@pytest.mark.parametrize("seed", range(30))
def test_model_checkpoint(seed, tmp_path):
    rng = np.random.default_rng(seed)
    choices = {
        **{
            "save_best_only": [True, True, False],
            "save_weights_only": [True, False],
            "save_freq": ["epoch", "epoch", 4],
        },
        **{"initial_value_threshold": [None, None, 1.5]},
    }
    chosen = {**monitored(rng), **choose(rng, **choices)}
    name = "{epoch:02d}-{loss:.2f}"
    compare("ModelCheckpoint", {"filepath": str(tmp_path / name), **chosen}, losses(seed))


@pytest.mark.parametrize(
    "name",
    [
        "BackupAndRestore",
        "CSVLogger",
        "EarlyStopping",
        "LambdaCallback",
        "LearningRateScheduler",
        "ModelCheckpoint",
        "ReduceLROnPlateau",
        "SwapEMAWeights",
        "TerminateOnNaN",
    ],
)
def test_signatures(name):
    mine, theirs = (inspect.signature(getattr(package.callbacks, name)).parameters for package in (cygrad, keras))
    kinds = (inspect.Parameter.VAR_KEYWORD,)
    assert [(p.name, p.default) for p in mine.values() if p.kind not in kinds] == [
        (p.name, p.default) for p in theirs.values() if p.kind not in kinds
    ]
