"""fit, evaluate, train_on_batch against Keras: the same weights, data and order give the same losses and metrics,
epoch by epoch. Runs where Keras is installed."""

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 3, 50)
W = [(RNG.normal(size=shape) * 0.3).astype("float32") for shape in ((6, 8), (8,), (8, 3), (3,))]
RAMP = np.linspace(0, 1, 50)


def classifier(module, loss="sparse_categorical_crossentropy", activation="softmax", **arguments):
    layers = module.layers
    model = module.Sequential(
        [
            module.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            layers.Dense(3, activation=activation),
        ]
    )
    model.set_weights(W)
    model.compile(**{"optimizer": "adam", "loss": loss, **arguments})
    return model


def binary(module, **arguments):
    layers = module.layers
    model = module.Sequential([module.Input((6,)), layers.Dense(1, activation="sigmoid", kernel_initializer="ones")])
    model.compile("rmsprop", "binary_crossentropy", **arguments)
    return model


def fit(model, x, y, **arguments):
    return model.fit(x, y, shuffle=False, verbose=0, **arguments).history


CASES = {
    "smaller last batch": lambda m: fit(classifier(m, metrics=["accuracy"]), X, Y, epochs=3, batch_size=8),
    "momentum": lambda m: fit(classifier(m, optimizer=m.optimizers.SGD(0.1, momentum=0.9)), X, Y, epochs=3),
    "class weight, validation split": lambda m: fit(
        classifier(m, metrics=["accuracy"], weighted_metrics=["accuracy", "sparse_categorical_crossentropy"]),
        X, Y, epochs=2, class_weight={0: 2.0, 1: 0.5}, validation_split=0.3,
    ),
    "sample weight, validation every second epoch": lambda m: fit(
        classifier(m, weighted_metrics=["acc"]),
        X, Y, epochs=2, sample_weight=RAMP, validation_data=(X, Y, 1 - RAMP), validation_freq=2,
    ),
    "loss weight": lambda m: fit(
        classifier(m, "mse", "linear", metrics=["mae", "mse"], loss_weights=[0.5]), X, np.eye(3)[Y], epochs=2
    ),
    "one-hot": lambda m: fit(
        classifier(m, "categorical_crossentropy", metrics=["accuracy"]), X, np.eye(3)[Y], epochs=2
    ),
    "binary": lambda m: fit(binary(m, metrics=["accuracy"]), X, Y > 0, epochs=2),
    "steps": lambda m: fit(binary(m, metrics=["accuracy"]), X, Y > 0.0, batch_size=10, steps_per_epoch=2),
    "evaluate": lambda m: classifier(m, metrics=["accuracy"]).evaluate(X, Y, verbose=0, return_dict=True),
    "evaluate, list": lambda m: {"values": classifier(m, metrics=["accuracy"]).evaluate(X, Y, verbose=0)},
    "train_on_batch": lambda m: {
        "values": classifier(m, metrics=["accuracy"]).train_on_batch(X, Y, class_weight={0: 3.0})
    },
    "test_on_batch": lambda m: {"values": classifier(m, metrics=["accuracy"]).test_on_batch(X, Y, sample_weight=RAMP)},
    "predict": lambda m: {"values": classifier(m).predict(X, verbose=0, batch_size=7)},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_training_gives_kerass_values(case):
    ours, theirs = CASES[case](cygrad), CASES[case](keras)
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], np.asarray(theirs[name], "float64"), rtol=2e-5, atol=1e-6, err_msg=name)
