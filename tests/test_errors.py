"""What fit, evaluate and predict say about data that does not fit, before anything is trained."""

import warnings

import numpy as np
import pytest

import cygrad
from cygrad import Input, Sequential, layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3


def classifier(loss="sparse_categorical_crossentropy", units=3):
    cygrad.utils.clear_session()
    cygrad.utils.set_random_seed(0)
    model = Sequential([Input((4,)), layers.Dense(units, activation="softmax" if units > 1 else "sigmoid")], name="net")
    model.compile("sgd", loss)
    return model


def unchanged(model, before):
    return all((a == b).all() for a, b in zip(before, model.get_weights())) and model.optimizer.iterations == 0


CASES = {
    "labels from 1": (X, Y + 1, r"expects labels in 0 \.\. 2.*got labels from 1 to 3. Do the labels start at 1"),
    "label too large": (X, Y * 5, r"from 0 to 10. Is the last layer too narrow\? It has 3 units; they need 11"),
    "negative label": (X, Y - 1, "got labels from -1 to 1"),
    "float labels": (X, Y + 0.5, r"class indices \(whole numbers\); y holds floats such as 0.5. For regression use"),
    "one-hot for sparse": (X, np.eye(3)[Y], "These look like one-hot rows: use loss='categorical_crossentropy'"),
    "lengths": (X, Y[:5], "x and y have different numbers of samples: 12 and 5"),
    "no samples": (X[:0], Y[:0], r"x has no samples, shape \(0, 4\)"),
    "no y": (X, None, "y is None, but the loss 'sparse_categorical_crossentropy' of model .net. needs targets"),
    "no x": (None, Y, "x is None"),
    "features": (X[:, :3], Y, r'layer "dense" \(Dense\): expected x\[N,4\], as built; got shape \(12, 3\)'),
    "flatten": (X.reshape(12, 2, 2), Y, r"got shape \(12, 2, 2\). x.reshape\(len\(x\), 4\) flattens the samples"),
    "no batch axis": (X[0], Y[:4], r"got shape \(4,\). Is the batch axis missing\?"),
    "object": (np.array([[1, None, 2, 3]] * 12), Y, "numbers in x; got an array of dtype object.*None or strings"),
    "ragged": ([[1, 2], [3]], [0, 1], "expected numbers in x; got an array of dtype object.*pad_sequences"),
    "strings": (np.array([["a"] * 4] * 12), Y, "expected numbers in x; got an array of dtype <U1.*These are strings"),
    "string labels": (X, np.array(list("abc" * 4)), "expected numbers in y; got an array of dtype <U1"),
    "complex": (X.astype(complex), Y, "Complex numbers are not supported"),
    "a string": ("data.csv", Y, "expected an array of samples for x; got a string"),
    "a number": (3.5, Y, "expected an array of samples for x; got 3.5"),
    "two outputs": (X, [X, X], "model .net. has one output .dense., but y holds 2 arrays"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_data_that_does_not_fit(case, method):
    x, y, text = CASES[case]
    model = classifier()
    before = model.get_weights()
    with pytest.raises(ValueError, match=text) as raised:
        getattr(model, method)(x, y)
    assert str(raised.value).startswith(f"{method}: ")
    assert unchanged(model, before)


def test_one_bad_label_at_the_end_is_found_before_the_first_step():
    model = classifier()
    before = model.get_weights()
    y = Y.copy()
    y[-1] = 3
    with pytest.raises(ValueError, match=r"fit: SparseCategoricalCrossentropy expects labels in 0 \.\. 2"):
        model.fit(X, y, batch_size=2, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=r"fit, validation_data: SparseCategoricalCrossentropy expects labels"):
        model.fit(X, Y, validation_data=(X, y), verbose=0)
    assert unchanged(model, before)
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("loss", "units", "y", "text"),
    [
        ("categorical_crossentropy", 3, Y, r"These look like class indices: use.*or utils.to_categorical\(y, 3\)"),
        ("mse", 3, X, r"different shapes: \(12, 4\) and \(12, 3\).*has 3 units; y has 4 values a sample"),
        ("mse", 3, Y, r"different shapes: \(12,\) and \(12, 3\)"),
        ("mae", 1, X, "The last layer has 1 unit; y has 4 values a sample"),
        ("binary_crossentropy", 1, np.eye(2)[Y % 2], "BinaryCrossentropy compares them one by one"),
    ],
)  # fmt: skip
def test_targets_of_the_wrong_shape(loss, units, y, text):
    model = classifier(loss, units)
    with pytest.raises(ValueError, match=text):
        model.fit(X, y, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1; got 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer of at least 1; got 2.5"),
        ({"epochs": -1}, "epochs must be an integer of at least 0; got -1"),
        ({"epochs": True}, "epochs must be an integer of at least 0; got True"),
        ({"initial_epoch": -1}, "initial_epoch must be"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be an integer of at least 1"),
        ({"validation_steps": 0}, "validation_steps must be"),
        ({"validation_freq": 0}, "validation_freq must be"),
        ({"verbose": 3}, "verbose must be 'auto', 0"),
        ({"verbose": "loud"}, "verbose must be 'auto', 0"),
        ({"validation_split": 1.0}, r"validation_split must be in \[0, 1\); got 1.0"),
        ({"validation_split": -0.1}, r"validation_split must be in \[0, 1\)"),
        ({"validation_split": 0.99999, "x": X, "y": Y}, "leaves nothing to train on"),
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(12)}, "give class_weight or sample_weight, not both"),
        ({"class_weight": [1, 2]}, "class_weight must map class indices to weights"),
        ({"class_weight": {"a": 1.0}}, "class_weight must map class indices to weights"),
        ({"sample_weight": np.ones(5)}, "x and sample_weight have different numbers of samples: 12 and 5"),
    ],
)
def test_arguments_out_of_range(arguments, text):
    model = classifier()
    with pytest.raises(ValueError, match=text):
        model.fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
    assert model.optimizer.iterations == 0


def test_not_compiled():
    model = Sequential([Input((4,)), layers.Dense(3)], name="net")
    for method in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(
            ValueError, match=r'model "net" is not compiled; call model.compile\(optimizer, loss\) first'
        ):
            method(X, Y)
    assert model.predict(X, verbose=0).shape == (12, 3)
    model.compile("sgd")
    with pytest.raises(ValueError, match="has no loss to compute"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"optimizer": "adm"}, "unknown optimizer 'adm'. Did you mean 'adam'"),
        ({"loss": "spare_categorical_crossentropy"}, "unknown loss .*Did you mean 'sparse_categorical_crossentropy'"),
        (
            {"metrics": ["acuracy"]},
            "unknown metric 'acuracy'. Did you mean 'accuracy'|Did you mean 'Accuracy' or 'accuracy'",
        ),
        ({"metrics": "accuracy"}, r"metrics must be a list; got 'accuracy'. Did you mean metrics=\['accuracy'\]"),
        ({"metrics": [None]}, "metrics must not contain None"),
        ({"loss": ["mse", "mse"]}, "loss has 2 entries"),
        ({"loss_weights": [1, 2]}, "loss_weights must hold one number"),
    ],
)
def test_compile_names_what_it_does_not_know(arguments, text):
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=text):
        model.compile(**arguments)


def test_predict_checks_its_input_too():
    model = classifier()
    for x, text in (
        (X[:, :2], r"predict: Sequential \"net\", layer \"dense\""),
        (None, "predict: x is None"),
        (X[:0], "no samples"),
    ):
        with pytest.raises(ValueError, match=text):
            model.predict(x, verbose=0)
    images = Sequential([Input((8, 8, 3)), layers.Conv2D(2, 3)])
    with pytest.raises(
        ValueError, match=r"expected x\[N,8,8,3\], as built; got shape \(8, 8, 3\). Is the batch axis missing"
    ):
        images.predict(np.zeros((8, 8, 3), "float32"), verbose=0)
    with pytest.raises(ValueError, match="Channels come last"):
        images.predict(np.zeros((2, 3, 8, 8), "float32"), verbose=0)
    with pytest.raises(ValueError, match="has no layers"):
        Sequential().predict(X)


def test_a_failing_callback_or_step_leaves_a_usable_model():
    model = classifier()

    class Bad(cygrad.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyError("mine")

    with pytest.raises(KeyError):
        model.fit(X, Y, callbacks=[Bad()], verbose=0)
    assert not cygrad.ops._backend.recording()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)
        model.evaluate(X, Y, verbose=0)


def test_trainable_changed_after_compile_says_compile_again():
    model = Sequential([Input((4,)), layers.Dense(3, trainable=False), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :3], verbose=0)
    model.layers[0].trainable = True
    with pytest.raises(ValueError, match="compile the model again"):
        model.fit(X, X[:, :3], verbose=0)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :3], verbose=0)


def test_nothing_to_train_is_warned_about():
    model = Sequential([Input((4,)), layers.Flatten()])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="has no trainable variables; nothing will be learned"):
        model.fit(X, X, verbose=0)


def test_a_missing_tensor_argument_is_named():
    with pytest.raises(TypeError, match=r'MultiHeadAttention "\w+": the argument \'value\' is missing from the call'):
        layers.MultiHeadAttention(2, 8)(np.ones((2, 3, 4), "float32"))
