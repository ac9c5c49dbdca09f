"""Sequential and Model: stacks, shapes, names, summaries, configurations."""

import json
import subprocess
import sys

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, Sequential, layers


@pytest.fixture(autouse=True)
def seed():
    cygrad.utils.clear_session()
    cygrad.utils.set_random_seed(0)


def stack():
    return Sequential(
        [Input((4,)), layers.Dense(3, activation="relu", name="a"), layers.Dense(2, name="b")], name="net"
    )


class Pair(Model):
    """A model of its own, with a layer in a list and one as an attribute."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, activation="relu", name="hidden")]
        self.out = layers.Dense(2, name="out")

    def call(self, inputs, training=None):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


# ---- Sequential ----


def test_layers_build_as_they_are_added_when_the_shape_is_known():
    model = Sequential()
    model.add(Input((4,)))
    assert not model.built
    model.add(layers.Dense(3))
    assert model.built
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2))
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert model.input_shape == (None, 4)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]


@pytest.mark.parametrize("first", [{"input_shape": (4,)}, {"input_dim": 4}])
def test_the_first_layer_may_say_the_input_shape(first):
    model = Sequential([layers.Dense(3, **first)])
    assert model.built
    assert model.output_shape == (None, 3)


def test_without_a_shape_the_first_call_builds():
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    with pytest.raises(AttributeError, match="input_shape is not known yet"):
        model.input_shape  # noqa: B018
    assert model(np.zeros((5, 4), "float32")).shape == (5, 2)
    assert model.input_shape == (None, 4)
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_build_gives_the_shape_by_hand_and_refuses_another():
    model = Sequential([layers.Dense(3)])
    model.build((None, 4))
    model.build((32, 4))
    with pytest.raises(ValueError, match=r"expected inputs of shape \(None, 4\), as built; got \(None, 5\)"):
        model.build((None, 5))


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r'Conv2D "conv2d": expected x\[N,H,W,C\]'):
        model.add(layers.Conv2D(2, 3))
    assert len(model.layers) == 1
    assert model(np.zeros((1, 4), "float32")).shape == (1, 3)


def test_pop_takes_the_top_layer_off():
    model = stack()
    layer = model.pop()
    assert layer.name == "b"
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(7))
    assert model.predict(np.zeros((2, 4), "float32"), verbose=0).shape == (2, 7)
    with pytest.raises(ValueError, match="there is no layer to remove"):
        Sequential().pop()


def test_a_stack_in_a_stack():
    inner = Sequential([Input((4,)), layers.Dense(3)], name="inner")
    outer = Sequential([inner, layers.Dense(2)], name="outer")
    assert outer.built
    assert outer.output_shape == (None, 2)
    late = Sequential([Sequential([layers.Dense(3)]), layers.Dense(2)])
    assert late(np.zeros((1, 4), "float32")).shape == (1, 2)
    assert len(late.weights) == 4


def test_the_short_way_and_the_long_way_give_the_same():
    model = stack()
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    expected = np.maximum(x @ model.weights[0].numpy() + model.weights[1].numpy(), 0)
    expected = expected @ model.weights[2].numpy() + model.weights[3].numpy()
    for y in (
        model(x),
        model(cygrad.ops.convert_to_tensor(x)),
        model.call(cygrad.ops.convert_to_tensor(x)),
        model(x.tolist()),
    ):
        np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-5, atol=1e-6)


def test_an_axis_of_one_is_added_or_dropped_as_in_keras():
    images = Sequential([Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    x = np.random.default_rng(0).normal(size=(3, 6, 6)).astype("float32")
    assert (images.predict(x, verbose=0) == images.predict(x[..., None], verbose=0)).all()
    scalars = Sequential([Input((1,)), layers.Dense(1)])
    assert (scalars.predict(x[0, 0], verbose=0) == scalars.predict(x[0, 0][:, None], verbose=0)).all()


def test_training_reaches_the_layers():
    seen = []

    class Spy(layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    model = Sequential([Input((2,)), layers.Dense(2), Spy()])
    x = np.ones((4, 2), "float32")
    seen.clear()
    model(x)
    model(x, training=True)
    model.predict(x, verbose=0)
    assert seen == [None, True, False]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Sequential([layers.Dense]), r"expected a layer; got <class .*Did you mean Dense\(\.\.\.\)\?"),
        (lambda: Sequential(["dense"]), "expected a layer; got 'dense' of type str"),
        (lambda: Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")]), 'there is a layer "a" already'),
        (lambda: Sequential([layers.Dense(2), Input((2,))]), "an Input must come first"),
        (lambda: Sequential([Input((2,)), Input((2,))]), "an Input must come first, and there is one at most"),
        (lambda: Sequential([Input((2,)), layers.Dense(2)(Input((2,)))]), "only if Input made it"),
        (lambda: Sequential([])(np.zeros((1, 2), "float32")), "there is no layer to build"),
    ],
)
def test_what_cannot_be_stacked(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# ---- Model ----


def test_a_subclass_finds_its_layers_and_weights():
    model = Pair(name="pair")
    model(np.zeros((1, 4), "float32"))
    assert [layer.name for layer in model.layers] == ["hidden", "out"]
    assert [w.shape for w in model.trainable_variables] == [(4, 3), (3,), (3, 2), (2,)]


def test_build_makes_the_weights_of_a_subclass():
    model = Pair()
    model.build((None, 4))
    assert model.built
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert model.count_params() == 23
    with pytest.raises(ValueError, match="expected x"):
        model(np.zeros((1, 5), "float32"))


def test_get_layer():
    model = stack()
    assert model.get_layer("b") is model.layers[1]
    assert model.get_layer(index=-2) is model.layers[0]
    with pytest.raises(ValueError, match=r"has no layer 'c'. It has a, b."):
        model.get_layer("c")
    with pytest.raises(ValueError, match="index 2 does not exist"):
        model.get_layer(index=2)
    with pytest.raises(ValueError, match="give a name or an index"):
        model.get_layer()


@pytest.mark.kernels
def test_summary_lists_layers_shapes_parameters_and_memory():
    lines = []
    model = stack()
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert lines[0] == 'Model: "net"'
    assert "│ a (Dense)    │ (None, 3)    │      15 │" in text
    assert "Total params: 23 (92.00 B)" in text
    assert "Optimizer" not in text
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    lines.clear()
    model.summary(print_fn=lines.append, show_trainable=True, line_length=80)
    text = "\n".join(lines)
    assert "Optimizer params: 46 (184.00 B)" in text
    assert "Total params: 69 (276.00 B)" in text
    assert " Y" in text
    assert len(lines[1]) >= 77


def test_summary_of_an_unbuilt_model_says_so(capsys):
    Sequential([layers.Dense(3, name="a")]).summary()
    text = capsys.readouterr().out
    assert "a (Dense)" in text
    assert "0 (unbuilt)" in text
    assert "Not built yet" in text


def test_summary_of_some_layers_and_of_nested_ones(capsys):
    inner = Sequential([Input((4,)), layers.Dense(3, name="deep")], name="inner")
    model = Sequential([inner, layers.Dense(2, name="last")])
    model.summary(expand_nested=True)
    assert "└ deep (Dense)" in capsys.readouterr().out
    model.summary(layer_range=("la.*", "last"))
    assert "inner" not in capsys.readouterr().out
    with pytest.raises(ValueError, match="no layer matches"):
        model.summary(layer_range=("x", "y"))


def test_frozen_layers_are_not_trained():
    model = stack()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)
    after = model.get_weights()
    assert all((a == b).all() for a, b in zip(before[:2], after[:2]))
    assert not (before[3] == after[3]).all()
    assert len(model.trainable_weights) == len(model.non_trainable_weights) == 2


# ---- configurations ----


def test_config_round_trip():
    model = stack()
    again = Sequential.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert json.loads(model.to_json())["class_name"] == "Sequential"
    assert cygrad.models.model_from_json(model.to_json(indent=1)).get_config() == model.get_config()


def test_what_compile_was_given_survives_as_data():
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    assert model.get_compile_config() == {}
    loss = cygrad.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(cygrad.optimizers.SGD(0.5, momentum=0.9), loss, metrics=["accuracy", cygrad.metrics.AUC(name="a")])
    config = json.loads(json.dumps(model.get_compile_config()))
    other = cygrad.models.clone_model(model)
    other.set_weights(model.get_weights())
    other.compile_from_config(config)
    x, y = np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), np.eye(3, dtype="float32")[[0, 1, 2, 1] * 2]
    for each in (model, other):
        each.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    assert model.evaluate(x, y, verbose=0) == other.evaluate(x, y, verbose=0)
    assert list(other.get_metrics_result()) == ["loss", "accuracy", "a"]


def test_a_functional_model_comes_back_by_model_from_config():
    x = Input((4,))
    model = Model(x, layers.Dense(3)(x) * 2.0)
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    data = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))


def test_a_subclass_from_json_is_built_as_it_was():
    model = Pair(5)
    model(np.zeros((1, 4), "float32"))
    again = cygrad.models.model_from_json(model.to_json(), custom_objects={"Pair": Pair})
    assert again.units == 5
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    with pytest.raises(ValueError, match=r"unknown layer 'Pair'.*custom_objects=\{'Pair': Pair\}"):
        cygrad.models.model_from_json(model.to_json())


def test_clone_model_shares_nothing():
    model = stack()
    model.compile("sgd", "mse")
    clone = cygrad.models.clone_model(model)
    assert not clone.compiled
    clone.set_weights([w * 0 for w in model.get_weights()])
    assert model.weights[0].numpy().any()
    wider = cygrad.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "units": 9})
    )
    assert wider.output_shape == (None, 9)


@pytest.mark.kernels
def test_import_loads_little_but_numpy():
    program = (
        "import cygrad, sys; first = set(sys.modules); cygrad.Sequential; "
        "heavy = {'safetensors', 'tqdm', 'matplotlib', 'PIL', 'sklearn', 'cygrad.reference', 'cygrad.cli'}; "
        "print(sorted(m for m in first if m.startswith('cygrad')), sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "['cygrad', 'cygrad._core'] []"


def test_public_names():
    import cygrad as keras

    for name in cygrad.__all__:
        assert getattr(keras, name) is not None
    assert keras.models.Sequential is keras.Sequential
    assert keras.layers.Input is keras.Input
    assert "Sequential" in dir(keras)
    with pytest.raises(AttributeError, match="no attribute 'Sequentail'"):
        keras.Sequentail  # noqa: B018
