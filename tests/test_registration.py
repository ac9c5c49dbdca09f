"""Objects by name: registered for the process, given for a call, or cygrad's own."""

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, layers, losses, metrics, models, optimizers, saving, utils


@pytest.fixture(autouse=True)
def unregistered():
    before = dict(saving.get_custom_objects())
    yield
    saving.get_custom_objects().clear()
    saving.get_custom_objects().update(before)


def test_registered_classes_and_functions_are_found_in_files(tmp_path):
    @utils.register_keras_serializable(package="tests")
    class Shift(layers.Layer):
        def __init__(self, by=1.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x + self.by

    @utils.register_keras_serializable("tests", name="cube")
    def cubed(x):
        return x * x * x

    x = Input((3,))
    model = Model(x, layers.Activation(cubed)(Shift(2.0)(x)))
    assert saving.get_registered_name(Shift) == "tests>Shift" and saving.get_registered_name(cubed) == "tests>cube"
    assert saving.get_registered_object("tests>Shift") is Shift and utils.get_registered_object("nothing") is None
    config = model.get_config()
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "tests>Shift", "Activation"]
    saving.get_custom_objects()["cubed"] = cubed
    model.save(tmp_path / "model.cygrad")
    data = np.ones((2, 3), "float32")
    assert np.array_equal(models.load_model(tmp_path / "model.cygrad").predict(data, verbose=0), 27 * data)
    saving.get_custom_objects().clear()
    with pytest.raises(ValueError, match="unknown layer 'tests>Shift'"):
        models.load_model(tmp_path / "model.cygrad")
    again = models.load_model(tmp_path / "model.cygrad", custom_objects={"Shift": Shift, "cubed": cubed})
    assert np.array_equal(again.predict(data, verbose=0), 27 * data)


def test_what_cannot_be_registered():
    with pytest.raises(ValueError, match="the class Plain has no get_config"):

        @saving.register_keras_serializable()
        class Plain:
            pass

    def one(x):
        return x

    def two(x):
        return x

    saving.register_keras_serializable(name="f")(one)
    saving.register_keras_serializable(name="f")(one)  # the same again, as in a notebook
    with pytest.raises(ValueError, match="'Custom>f' is taken"):
        saving.register_keras_serializable(name="f")(two)


@pytest.mark.parametrize(
    "thing",
    [
        layers.Dense(3, activation="relu", kernel_regularizer="l2", name="d"),
        losses.Huber(delta=2.0),
        metrics.MeanSquaredError(name="m"),
        optimizers.Adam(0.1),
        cygrad.initializers.GlorotUniform(seed=3),
        cygrad.regularizers.L1L2(0.1, 0.2),
        cygrad.constraints.MaxNorm(3),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_objects_as_plain_data(thing):
    data = saving.serialize_keras_object(thing)
    assert data["class_name"] == type(thing).__name__ and data["module"].startswith("cygrad.")
    again = saving.deserialize_keras_object(data)
    assert type(again) is type(thing) and again.get_config() == thing.get_config()
    bare = saving.deserialize_keras_object({"class_name": data["class_name"], "config": data["config"]})
    assert type(bare).__name__ == type(thing).__name__


def test_values_and_nests_as_plain_data():
    value = {"a": [1, (2.0, None)], "b": np.arange(3), "c": layers.ReLU(name="r")}
    again = utils.deserialize_keras_object(utils.serialize_keras_object(value))
    assert again["a"] == [1, (2.0, None)] and np.array_equal(again["b"], np.arange(3))
    assert isinstance(again["c"], layers.ReLU)
    assert saving.deserialize_keras_object(saving.serialize_keras_object(cygrad.activations.relu)) is not None
    with pytest.raises(TypeError, match="a object has no form as plain data"):
        saving.serialize_keras_object(object())
    with pytest.raises(ValueError, match="unknown name 'Nobody'"):
        saving.deserialize_keras_object({"class_name": "Nobody", "config": {}})
