"""The tutorials' models against Keras: weights, shapes, predictions, and ten training steps. Runs where Keras is
installed."""

import numpy as np
import pytest
from frameworks import batches, close, cnn, cnn224, line, mlp, regression

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

MODELS = {"mlp": mlp, "line": line, "regression": regression, "cnn": cnn, "cnn224": cnn224}
COUNTS = {"mlp": 55_050, "line": 6, "regression": 51, "cnn": 225_034, "cnn224": 23_908_682}


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_shapes(name):
    mine, theirs = (MODELS[name](package) for package in (cygrad, keras))
    assert mine.count_params() == theirs.count_params() == COUNTS[name]
    assert mine.output_shape == theirs.output_shape
    assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.path.split("/")[-1] for w in mine.weights] == [w.path.split("/")[-1] for w in theirs.weights]
    for layer, other in zip(mine.layers, theirs.layers, strict=True):
        assert type(layer).__name__ == type(other).__name__
        assert layer.count_params() == other.count_params()
        assert layer.output.shape == tuple(other.output.shape)


@pytest.mark.parametrize("name", ["mlp", "regression", "cnn"])
def test_predictions(name):
    mine, theirs = (MODELS[name](package) for package in (cygrad, keras))
    mine.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(20, *mine.input_shape[1:])).astype(np.float32)
    # the longest sums of these: 784, 576 and 1600 products
    close(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), 1600)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_ten_training_steps(name, optimizer):
    """Losses agree to 1e-4, relative: Keras's Adam takes 1 - 0.999^t in float32, off by 6e-5 in the first step, and
    where a gradient is nothing but rounding errors, Adam and RMSprop make a full step of it. Accuracies are equal."""
    keras.utils.set_random_seed(0)
    mine, theirs = (MODELS[name](package) for package in (cygrad, keras))
    mine.set_weights(theirs.get_weights())
    for model in (mine, theirs):
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    for x, y in batches(mine.input_shape[1:]):
        own = mine.train_on_batch(x, y, return_dict=True)
        foreign = theirs.train_on_batch(x, y, return_dict=True)
        assert float(own["loss"]) == pytest.approx(float(foreign["loss"]), rel=1e-4)
        assert float(own["accuracy"]) == pytest.approx(float(foreign["accuracy"]), abs=1e-6)
