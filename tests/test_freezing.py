"""freeze: the outputs of the original within rounding, fewer layers, the same names, one file."""

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, Sequential, layers

rng = np.random.default_rng(0)


def random_weights(model):
    """With batch normalizations as after training."""
    for w in model.weights:
        w.assign(rng.uniform(0.2 if "variance" in w.name else -1.0, 1.0, w.shape))
    return model


def kinds(model):
    return [type(layer).__name__ for layer in model.layers if not isinstance(layer, cygrad.layers.InputLayer)]


def check(model, kept, shape):
    x = rng.normal(size=(3, *shape)).astype("f4")
    frozen = model.freeze()
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(frozen.predict(x, verbose=0), wanted, rtol=2e-4, atol=2e-4 * np.abs(wanted).max())
    assert kinds(frozen) == kept
    return frozen, x


FOLDED = [
    ((7,), lambda: layers.Dense(5)),
    ((4, 7), lambda: layers.Dense(5, use_bias=False)),
    ((9, 4), lambda: layers.Conv1D(6, 3, padding="causal")),
    ((8, 9, 4), lambda: layers.Conv2D(6, 3, groups=2, kernel_regularizer="l2", use_bias=False)),
    ((8, 9, 4), lambda: layers.DepthwiseConv2D(3, depth_multiplier=2)),
    ((9, 4), lambda: layers.DepthwiseConv1D(3, use_bias=False)),
    ((8, 9, 4), lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2)),
    ((9, 4), lambda: layers.SeparableConv1D(6, 3)),
    ((5, 6, 4), lambda: layers.Conv2DTranspose(6, 3, strides=2)),
    ((5, 4), lambda: layers.Conv1DTranspose(6, 3, use_bias=False)),
]


@pytest.mark.parametrize(("shape", "make"), FOLDED, ids=[type(make()).__name__ for _, make in FOLDED])
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}], ids=str)
def test_batch_normalization_goes_into_the_layer_before(shape, make, options):
    normalization = layers.BatchNormalization(**options)
    model = random_weights(Sequential([Input(shape), make(), layers.Dropout(0.5), normalization, layers.ReLU()]))
    frozen, _ = check(model, [type(make()).__name__, "ReLU"], shape)
    assert frozen.layers[0].name == model.layers[0].name
    assert frozen.layers[1] is model.layers[3]
    x = Input(shape)
    check(Model(x, model(x)), ["Sequential"], shape)


def bottleneck():
    x = Input((6, 6, 8))
    y = layers.BatchNormalization(name="n1")(layers.Conv2D(4, 1, use_bias=False, name="c1")(x))
    y = layers.GaussianNoise(0.1)(layers.ReLU()(y))
    y = layers.BatchNormalization(name="n2")(layers.Conv2D(8, 3, padding="same", name="c2")(y))
    return random_weights(Model(x, layers.ReLU(name="out")(layers.add([x, layers.SpatialDropout2D(0.3)(y)]))))


def test_a_graph():
    model = bottleneck()
    frozen, _ = check(model, ["Conv2D", "ReLU", "Conv2D", "Add", "ReLU"], (6, 6, 8))
    assert [layer.name for layer in frozen.layers if layer.name in ("c1", "c2", "out")] == ["c1", "c2", "out"]
    assert frozen.output_names == ["out"]


def test_the_original_stays_as_it_is():
    model = bottleneck()
    x = rng.normal(size=(2, 6, 6, 8)).astype("f4")
    before, names = model.predict(x, verbose=0), [layer.name for layer in model.layers]
    frozen = model.freeze()
    assert (model.predict(x, verbose=0) == before).all()
    assert [layer.name for layer in model.layers] == names
    assert frozen is not model


def test_a_file_of_it(tmp_path):
    model = Sequential([Input((6, 6, 8)), bottleneck(), layers.Flatten(), layers.Dense(2), layers.BatchNormalization()])
    frozen, x = check(random_weights(model), ["Functional", "Flatten", "Dense"], (6, 6, 8))
    assert frozen.count_params() < model.count_params()
    frozen.save(tmp_path / "frozen.cygrad")
    again = cygrad.models.load_model(tmp_path / "frozen.cygrad")
    assert (again.predict(x, verbose=0) == frozen.predict(x, verbose=0)).all()
    assert kinds(again) == kinds(frozen)


def test_what_must_stay():
    x = Input((6, 6, 8))
    conv = layers.Conv2D(8, 3, padding="same", name="conv")
    shared, normalization = conv(x), layers.BatchNormalization()
    twice = Model(x, layers.add([normalization(shared), conv(shared)]))  # called twice
    check(random_weights(twice), ["Conv2D", "BatchNormalization", "Add"], (6, 6, 8))
    read_twice = Model(x, layers.add([shared, layers.BatchNormalization()(shared)]))
    check(random_weights(read_twice), ["Conv2D", "BatchNormalization", "Add"], (6, 6, 8))
    active = Sequential([x, layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()])
    check(random_weights(active), ["Conv2D", "BatchNormalization"], (6, 6, 8))
    rows = Sequential([x, layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization(axis=1)])
    check(random_weights(rows), ["Conv2D", "BatchNormalization"], (6, 6, 8))
    again = Sequential([x, layers.Conv2D(4, 3), layers.BatchNormalization(), layers.BatchNormalization()])
    check(random_weights(again), ["Conv2D", "BatchNormalization"], (6, 6, 8))
    output = Model(x, [shared, layers.BatchNormalization()(shared)]).freeze()
    assert "BatchNormalization" in kinds(output)
    noisy = Model(x, layers.Dropout(0.5)(x, training=True)).freeze()
    assert kinds(noisy) == ["Dropout"]


def test_errors():
    class Own(Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Own, whose call is code that nobody can read"):
        Own().freeze()
    with pytest.raises(ValueError, match=r"freeze: .* is not built"):
        Sequential([layers.Dense(2)]).freeze()
