"""Functional models: structures of inputs and outputs, shared layers, models in models, errors, files and copies."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, Sequential, layers, losses, metrics, models, ops, optimizers

RNG = np.random.default_rng(0)
X3, X2 = RNG.normal(size=(10, 3)).astype("float32"), RNG.normal(size=(10, 2)).astype("float32")
Y1, Y2 = RNG.normal(size=(10, 1)).astype("float32"), np.eye(2, dtype="float32")[np.arange(10) % 2]


def two_by_two(structure=list, in_structure=list, name="net"):
    """Two inputs, two outputs, a shared layer."""
    a, b = Input((3,), name="a"), Input((2,), name="b")
    shared = layers.Dense(4, activation="tanh", name="shared")
    h = shared(layers.Dense(4, name="first")(layers.Concatenate(name="cat")([a, b])))
    p = layers.Dense(1, name="p")(shared(h) + 1.0)
    q = layers.Dense(2, activation="softmax", name="q")(h)
    inputs = {"b": b, "a": a} if in_structure is dict else in_structure([a, b])
    return Model(inputs, {"q": q, "p": p} if structure is dict else structure([p, q]), name=name)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b)


# ---- structures ----


def test_what_a_model_knows_of_itself():
    cygrad.utils.clear_session()  # the sum is called "add", not "add_1"
    model = two_by_two()
    assert [layer.name for layer in model.layers][:3] == ["a", "b", "cat"]
    assert model.input_names == ["a", "b"] and model.output_names == ["p", "q"]
    assert model.input_shape == [(None, 3), (None, 2)] and model.output_shape == [(None, 1), (None, 2)]
    assert [t.name for t in model.inputs] == ["a", "b"] and len(model.outputs) == 2
    assert len(model.weights) == 8 and model.count_params() == 24 + 20 + 5 + 10 and model.built
    assert isinstance(model, models.Functional) and "Functional" in repr(model)
    assert model.get_layer("add").function == "add" and "add" not in [layer.name for layer in model.layers]
    assert model.compute_output_shape([(7, 3), (7, 2)]) == [(7, 1), (7, 2)]


@pytest.mark.parametrize("structure", [list, tuple, dict])
@pytest.mark.parametrize("in_structure", [list, tuple, dict])
def test_structures_of_inputs_and_outputs(structure, in_structure):
    model = two_by_two(structure, in_structure)
    by_name = {"a": X3, "b": X2}
    y = model.predict(by_name, verbose=0)
    assert type(y) is structure
    assert same(model.predict({"b": X2, "a": X3}, verbose=0), y)
    assert same(model.predict_on_batch(by_name), y)
    if in_structure is not dict:
        for x in ([X3, X2], (X3, X2), [X3.tolist(), X2]):
            assert same(model.predict(x, verbose=0), y)
        direct = model((ops.convert_to_tensor(X3), X2))
        assert type(direct) is structure and len(direct) == 2
    else:
        with pytest.raises(ValueError, match="expected a dict with the inputs 'a', 'b'"):
            model.predict([X3, X2], verbose=0)
    for _ in range(4):  # captured calls do not mix up a dict's order
        assert same(model.predict({"b": X2, "a": X3}, verbose=0), y) and same(model.predict(by_name, verbose=0), y)


def test_a_dict_of_equal_shapes_is_taken_by_name_in_captured_steps():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    model = Model({"a": a, "b": b}, a - b)
    for _ in range(4):
        assert np.array_equal(model.predict({"a": X2, "b": 2 * X2}, verbose=0), -X2)
        assert np.array_equal(model.predict({"b": X2, "a": 2 * X2}, verbose=0), X2)
    model = Model([a, b], layers.Dense(1, name="d")(a - b))
    model.compile(optimizers.SGD(0.0), "mse")
    values = [model.evaluate({"a": X2, "b": 0 * X2}, Y1, verbose=0) for _ in range(3)]
    values += [model.evaluate({"b": 0 * X2, "a": X2}, Y1, verbose=0) for _ in range(3)]
    assert len(set(values)) == 1


@pytest.mark.kernels
def test_dicts_of_subclassed_models_are_replayed_by_name():
    class Minus(Model):
        def call(self, x):
            return x["a"] - x["b"]

    model = Minus()
    model.compile(jit_compile=True)
    for _ in range(4):
        assert np.array_equal(model.predict({"a": X2, "b": 2 * X2}, verbose=0), -X2)
        assert np.array_equal(model.predict({"b": X2, "a": 2 * X2}, verbose=0), X2)
    assert "replays" in model.explain_capture()["predict"][0]


def test_sample_weights_of_one_output_are_not_taken_for_the_others():
    x = Input((2,))
    model = Model(x, [x * 1.0, x * 2.0])
    model.compile(loss="mse")
    zero, one = np.zeros(10), np.ones(10)
    for _ in range(3):
        first = model.test_on_batch(X2, [Y2, 2 * X2], sample_weight=[zero, None], return_dict=True)
        second = model.test_on_batch(X2, [X2, Y2], sample_weight=[None, zero], return_dict=True)
        assert first["loss"] == 0.0 and second["loss"] == 0.0
        assert model.test_on_batch(X2, [Y2, 2 * X2], sample_weight=[one, zero], return_dict=True)["loss"] > 0


@pytest.mark.kernels
def test_nested_structures():
    a, b, c = Input((2,), name="a"), Input((2,), name="b"), Input((2,), name="c")
    model = Model({"u": [a, b], "v": c}, {"sum": a + b, "rest": (b - c, [c * 2.0])})
    x = {"v": 3 * X2, "u": [X2, 2 * X2]}
    y = model.predict(x, verbose=0)
    assert np.array_equal(y["sum"], X2 + 2 * X2) and type(y["rest"]) is tuple
    assert np.array_equal(y["rest"][1][0], 6 * X2) and np.array_equal(y["rest"][0], 2 * X2 - 3 * X2)
    with pytest.raises(ValueError, match=r"expected a list of 2 for inputs\['u'\]; got 1"):
        model.predict({"v": X2, "u": [X2]}, verbose=0)
    with pytest.raises(ValueError, match=r"expected a dict with the keys \['u', 'v'\] for inputs; got keys \['u'\]"):
        model({"u": [X2, X2]})


def test_one_input_in_a_list_and_one_output_in_a_list():
    x = Input((3,))
    model = Model([x], [layers.Dense(2)(x)])
    assert model.predict(X3, verbose=0).shape == (10, 2) and model.predict([X3], verbose=0).shape == (10, 2)
    assert model(X3).shape == (10, 2) and model.output_shape == (None, 2)


def test_an_input_can_be_an_output():
    x = Input((3,))
    model = Model(x, [x, layers.Dense(2)(x)])
    y = model.predict(X3, verbose=0)
    assert np.array_equal(y[0], X3) and y[1].shape == (10, 2)


def test_open_axes_and_ranks():
    x = Input((None, 3))
    model = Model(x, layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2)(x)))
    assert model.output_shape == (None, 4)
    for steps in (5, 9):
        assert model.predict(np.ones((2, steps, 3)), verbose=0).shape == (2, 4)
    x = Input((3, 1))
    assert Model(x, layers.Flatten()(x))(X3).shape == (10, 3)  # a last axis of 1 is added
    x = Input((3,))
    assert Model(x, x * 2.0)(X3[..., None]).shape == (10, 3)  # and dropped


def test_integer_inputs_stay_integers():
    x = Input((2,), dtype="int32")
    model = Model(x, ops.one_hot(x, 4))
    assert np.array_equal(model.predict(np.array([[1, 3]]), verbose=0), np.eye(4)[[[1, 3]]])
    floats = Input((2,), name="floats")
    both = Model([x, floats], [x + 1, floats * 0.5])
    y = both.predict([np.array([[1, 3]]), np.array([[1, 3]])], verbose=0)
    assert y[0].dtype == np.int32 and y[1].tolist() == [[0.5, 1.5]]


# ---- graphs ----


def test_shared_layers_have_their_weights_once():
    model = two_by_two()
    assert len({id(w) for w in model.weights}) == len(model.weights) == 8
    shared = model.get_layer("shared")
    assert len(shared._inbound_nodes) == 2 and sum(layer is shared for layer in model.layers) == 1
    model.compile("adam", ["mse", "categorical_crossentropy"])
    model.fit([X3, X2], [Y1, Y2], verbose=0)
    assert len(model.optimizer._variables) == 8


def test_features_in_the_middle():
    model = two_by_two()
    features = Model(model.input, model.get_layer("cat").output)
    assert np.array_equal(features.predict([X3, X2], verbose=0), np.concatenate([X3, X2], 1))
    every = Model(model.inputs, [layer.output for layer in model.layers if layer.name in ("first", "shared")])
    assert [y.shape for y in every.predict([X3, X2], verbose=0)] == [(10, 4), (10, 4)]
    rest = Model(model.get_layer("cat").output, model.output)
    assert same(rest.predict(np.concatenate([X3, X2], 1), verbose=0), model.predict([X3, X2], verbose=0))
    assert rest.get_layer("shared") is model.get_layer("shared")


def test_sequential_and_functional_go_into_each_other():
    stack = Sequential([Input((3,)), layers.Dense(4, activation="relu", name="d0"), layers.Dense(2, name="d1")])
    front = Model(stack.input, stack.get_layer("d0").output)
    assert np.array_equal(front.predict(X3, verbose=0), stack.layers[0](X3))
    x = Input((3,))
    outer = Model(x, layers.Dense(1, name="top")(stack(x)))
    assert len(outer.weights) == 6 and outer.get_layer(stack.name) is stack
    again = Sequential([Input((3,)), outer, layers.Dense(5)])
    assert again.predict(X3, verbose=0).shape == (10, 5)
    assert np.array_equal(again.layers[0](X3), outer(X3))
    assert stack.output.shape == (None, 2) and outer.output.shape == (None, 1)


def test_a_model_called_twice_and_on_another_shape():
    x = Input((None, None, 3))
    base = Model(x, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(x)), name="base")
    small, large = Input((8, 8, 3), name="small"), Input((16, 16, 3), name="large")
    model = Model([small, large], layers.concatenate([base(small), base(large)]))
    assert model.output_shape == (None, 8) and len(model.weights) == 2
    assert model.predict([np.ones((2, 8, 8, 3)), np.ones((2, 16, 16, 3))], verbose=0).shape == (2, 8)


def test_operations_on_symbolic_tensors():
    x = Input((4,))
    y = ops.reshape(ops.relu(2.0 * x - np.ones(4, "float32")), (-1, 2, 2))[:, ::-1, 0]
    y = ops.where(y > 1.0, y, -np.inf)
    model = Model(x, [ops.maximum(y, -1.0) @ np.eye(2, dtype="float32"), ops.sum(x, axis=-1, keepdims=True) / 2])
    data = RNG.normal(size=(6, 4)).astype("float32")
    z = np.maximum(2 * data - 1, 0).reshape(-1, 2, 2)[:, ::-1, 0]
    y = model.predict(data, verbose=0)
    np.testing.assert_allclose(y[0], np.where(z > 1, z, -1.0), rtol=1e-6)
    np.testing.assert_allclose(y[1], data.sum(-1, keepdims=True) / 2, rtol=1e-5)
    again = models.model_from_json(model.to_json())
    assert same(again.predict(data, verbose=0), y)


def test_picture_operations_on_symbolic_tensors():
    x = Input((8, 6, 3))
    gray = ops.image.rgb_to_grayscale(ops.image.resize(x, (4, 4)))
    model = Model(x, ops.image.pad_images(gray, 1, 2, target_height=8, target_width=8))
    assert model.output_shape == (None, 8, 8, 1) and [layer.name for layer in model._graph.layers][1][:6] == "resize"
    data = RNG.normal(size=(2, 8, 6, 3)).astype("float32")
    y = model.predict(data, verbose=0)
    inner = ops.image.rgb_to_grayscale(ops.image.resize(data, (4, 4)))
    assert same(y[:, 1:5, 2:6], inner) and not y[:, 0].any() and not y[:, :, :2].any()
    assert same(models.model_from_json(model.to_json()).predict(data, verbose=0), y)
    assert pickle.loads(pickle.dumps(ops.image.resize)) is ops.image.resize
    with pytest.raises(ValueError, match=r"image\.resiz"):
        layers.core.Operation("image.resiz")


def test_arguments_of_calls_are_kept():
    class Scale(layers.Layer):
        def call(self, x, by=1.0, training=None):
            return x * (by if training else -by)

    x = Input((3,))
    model = Model(x, [Scale()(x, by=3.0), Scale()(x, by=2.0, training=True), Scale()(x, training=False)])
    for training, sign in ((None, -1), (False, -1), (True, 1)):
        y = model(X3, training=training)
        assert np.allclose(y[0], sign * 3 * X3) and np.allclose(y[1], 2 * X3) and np.allclose(y[2], -X3)


def test_layers_with_several_outputs():
    class Halves(layers.Layer):
        def call(self, x):
            return {"low": x[:, :2], "high": (x[:, 2:], x)}

        def get_config(self):
            return super().get_config()

    x = Input((4,))
    parts = Halves()(x)
    model = Model(x, [parts["high"][0], parts["low"]])
    data = np.arange(8.0).reshape(2, 4)
    assert model.predict(data, verbose=0)[0].tolist() == [[2, 3], [6, 7]]
    again = models.model_from_json(model.to_json(), custom_objects={"Halves": Halves})
    assert again.predict(data, verbose=0)[1].tolist() == [[0, 1], [4, 5]]


def test_a_long_chain_and_a_wide_graph():
    x = y = Input((2,))
    for _ in range(1500):
        y = y + 0.5
    model = Model(x, y)
    assert np.allclose(model(X2), X2 + 750, atol=1e-2)
    z = layers.Add()([x + float(i) for i in range(200)])
    assert np.allclose(Model(x, z)(X2), 200 * X2 + 199 * 100, rtol=1e-4)


def test_values_are_dropped_when_nobody_needs_them():
    alive = []

    class Watch(layers.Layer):
        def call(self, x):
            y = x + 1.0
            alive.append(weakref.ref(y) if hasattr(type(y), "__weakref__") else None)
            return y

    x = y = Input((2,))
    for _ in range(5):
        y = Watch()(y)
    model = Model(x, y)
    for step in model._graph.steps[1:]:
        assert len(step[-1]) == 1  # each call's input goes after it


def test_models_are_freed_without_a_cycle():
    gc.collect()
    gc.disable()
    try:
        x = Input((3,))
        h = layers.Dense(2, name="h")(x)
        model = Model(x, [h + 1.0, layers.Dense(2)(h)])
        model.compile("sgd", "mse")
        model.fit(X3, [Y2, Y2], epochs=3, batch_size=10, verbose=0)
        layer = weakref.ref(model.get_layer("h"))
        del model, x, h
        assert layer() is None
    finally:
        gc.enable()


# ---- errors ----


def test_disconnected_graphs_name_the_input_and_the_path():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    y = layers.Dense(1, name="top")(layers.Concatenate(name="cat")([a, b]))
    with pytest.raises(ValueError, match=r'need the input "b".* by way of "cat" -> "top", but inputs has only "a"'):
        Model(a, y)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda x, y: Model(np.ones((2, 3)), y), "got a ndarray. These are values"),
        (lambda x, y: Model(layers.Dense(2), y), "got a Dense. This is a layer"),
        (lambda x, y: Model(x, None), "got a NoneType"),
        (lambda x, y: Model([], y), "inputs is empty"),
        (lambda x, y: Model([x, x], y), "a tensor stands twice in inputs"),
        (lambda x, y: Model(x, layers.Dense(1, name="d")(layers.Dense(1, name="d")(x))), 'two layers are called "d"'),
    ],
)
def test_what_no_model_can_be_made_of(make, text):
    x = Input((3,), name="x")
    with pytest.raises(ValueError, match=text):
        make(x, layers.Dense(2)(x))


def test_unused_inputs_are_told():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    with pytest.warns(UserWarning, match='no output depends on the input "b"'):
        model = Model([a, b], a * 2.0)
    assert model.predict([X3, X2], verbose=0).shape == (10, 3)


@pytest.mark.parametrize(
    "x, text",
    [
        ([X3], r'expected 2 inputs \("a" \(None, 3\), "b" \(None, 2\)\); got 1'),
        ([X3, X2, X2], "expected 2 inputs .* got 3"),
        (X3, 'has 2 inputs \\("a", "b"\\); got one array'),
        ({"a": X3}, "expected a dict with the inputs 'a', 'b'; missing 'b'"),
        ([X2, X3], r'input "a": expected x\[N,3\]; got shape \(10, 2\)'),
        ([X3[0], X2], r"got shape \(3,\). Is the batch axis missing\?"),
        ([X3, X2[:4]], 'the inputs have different numbers of samples: "a" 10, "b" 4'),
        ([X3, None], 'the input "b" is None'),
        ([X3, np.array([["x", "y"]] * 10)], 'expected numbers in the input "b"'),
    ],
)
def test_data_that_does_not_fit(x, text):
    model = two_by_two()
    model.compile("sgd", "mse")
    for call in (lambda: model.predict(x, verbose=0), lambda: model.fit(x, [Y1, Y2], verbose=0)):
        with pytest.raises(ValueError, match=text):
            call()
    if not isinstance(x, np.ndarray) and "samples" not in text and "numbers" not in text:
        with pytest.raises(ValueError, match=text):
            model(x)


@pytest.mark.parametrize(
    "y, text",
    [
        ([Y1], "the model has 2 outputs .'p', 'q'., and y must hold one array for each; got a list of 1"),
        (Y1, r"got one array of shape \(10, 1\)"),
        ({"p": Y1, "z": Y2}, "expected the outputs' names 'p', 'q' as keys; unknown 'z'"),
        ({"p": Y1}, 'output "q" has a loss, but y holds no targets'),
        ([Y1, Y2[:4]], 'x and y of output "q" have different numbers of samples: 10 and 4'),
        ([Y1, RNG.normal(size=(10, 3))], r'y and output "q" of "net" have different shapes: \(10, 3\) and \(10, 2\)'),
    ],
)
def test_targets_that_do_not_fit(y, text):
    model = two_by_two()
    model.compile("sgd", "mse")
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=text):
            method([X3, X2], y, verbose=0)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"loss": ["mse"]}, "compile, loss: expected 2 entries, in a list or a dict with the outputs' names 'p', 'q'"),
        ({"loss": {"p": "mse", "z": "mse"}}, "compile, loss: .* unknown 'z'"),
        ({"loss": ["mse", "maee"]}, "unknown loss 'maee'"),
        ({"loss": "mse", "loss_weights": [1, 2, 3]}, "expected one number for each of 2 outputs"),
        ({"loss": "mse", "loss_weights": ["a", 2]}, "loss_weights must hold numbers"),
        ({"loss": "mse", "metrics": ["mae"]}, "metrics: expected a list with one entry"),
        ({"loss": "mse", "metrics": {"z": "mae"}}, "compile, metrics: .* unknown 'z'"),
        ({"loss": "mse", "weighted_metrics": {"z": "mae"}}, "compile, weighted_metrics: .* unknown 'z'"),
    ],
)
def test_compile_checks_several_outputs_at_once(arguments, text):
    with pytest.raises(ValueError, match=text):
        two_by_two().compile("sgd", **arguments)


def test_class_weight_is_for_one_output():
    model = two_by_two()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="class_weight is for models with one output"):
        model.fit([X3, X2], [Y1, Y2], class_weight={0: 1.0}, verbose=0)


# ---- training ----


@pytest.mark.parametrize("structure", [list, tuple, dict])
def test_targets_by_list_dict_and_name(structure):
    def history(y, loss):
        cygrad.utils.set_random_seed(3)
        model = two_by_two(structure)
        model.compile("sgd", loss, metrics={"q": "accuracy"})
        return model.fit([X3, X2], y, epochs=2, batch_size=4, verbose=0).history

    by_name = {"q": Y2, "p": Y1}
    expected = history(by_name, {"p": "mse", "q": "categorical_crossentropy"})
    assert list(expected) == ["loss", "p_loss", "q_accuracy", "q_loss"]
    if structure is not dict:
        assert history([Y1, Y2], ["mse", "categorical_crossentropy"]) == expected
        assert history((Y1, Y2), {"q": "categorical_crossentropy", "p": "mse"}) == expected
        assert history({"p": Y1, "q": Y2}, ["mse", "categorical_crossentropy"]) == expected


@pytest.mark.kernels
def test_captured_steps_of_several_outputs_have_the_same_bits():
    def trained(jit_compile):
        cygrad.utils.set_random_seed(1)
        model = two_by_two()
        model.compile("adam", ["mse", "categorical_crossentropy"], jit_compile=jit_compile, metrics=[["mae"], ["acc"]])
        weights = [np.linspace(0.1, 1, 10), np.linspace(1, 0.1, 10)]
        data = ([X3, X2], [Y1, Y2])
        logs = model.fit(*data, sample_weight=weights, epochs=4, batch_size=5, validation_data=data, verbose=0).history
        return model, logs

    (replayed, logs), (plain, expected) = trained("auto"), trained(False)
    assert logs == expected and same(replayed.get_weights(), plain.get_weights())
    assert "replays" in replayed.explain_capture()["train"][0] and "replays" in replayed.explain_capture()["test"][0]


def test_validation_split_takes_targets_apart():
    model = two_by_two()
    model.compile("sgd", "mse")
    for y in ([Y1, Y2], {"p": Y1, "q": Y2}):
        logs = model.fit([X3, X2], y, validation_split=0.2, sample_weight=[np.ones(10)] * 2, verbose=0).history
        assert list(logs) == ["loss", "p_loss", "q_loss", "val_loss", "val_p_loss", "val_q_loss"]
    x = Input((3,))
    single = Model([x], layers.Dense(1, name="only")(x))
    single.compile("sgd", "mse")
    for y in (Y1, [Y1], {"only": Y1}, Y1.tolist()):
        logs = single.fit([X3], y, validation_split=0.2, verbose=0).history
        assert list(logs) == ["loss", "val_loss"]


def test_overridden_steps_get_targets_as_they_came():
    seen = []

    class Looks(Model):
        def train_step(self, data):
            seen.append(data[1])
            return super().train_step(data)

    x = Input((3,))
    model = Looks(x, [layers.Dense(1, name="p")(x), layers.Dense(2, name="q")(x)])
    for loss, y in (("mse", [Y1, Y2]), ("mse", {"q": Y2, "p": Y1}), (["mse", None], [Y1]), (["mse", None], Y1)):
        model.compile("sgd", loss)
        model.fit(X3, y, verbose=0)
        assert type(seen[-1]) is type(y) or isinstance(y, np.ndarray)
    assert seen[1].keys() == {"p", "q"} and len(seen[2]) == 1 and seen[3].shape == (10, 1)


def test_streams_of_dicts():
    def batches():
        while True:
            yield {"a": X3, "b": X2}, {"p": Y1, "q": Y2}, {"p": np.ones(10), "q": np.zeros(10)}

    model = two_by_two()
    model.compile("sgd", "mse")
    logs = model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0).history
    assert logs["q_loss"] == [0.0, 0.0] and logs["p_loss"][1] < logs["p_loss"][0]
    steps = (({"b": X2, "a": X3},) for _ in range(2))
    assert model.predict(steps, verbose=0)[0].shape == (20, 1)


def test_regularizers_and_add_loss_join_the_losses_of_outputs():
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)))
            return x

    x = Input((3,))
    h = Adds()(layers.Dense(2, kernel_regularizer="l2", kernel_initializer="ones", name="h")(x))
    model = Model(x, [layers.Dense(1, name="p")(h), layers.Dense(2, name="q")(h)])
    model.compile(optimizers.SGD(0.0), ["mse", "mae"], loss_weights=[0.5, 2.0])
    logs = model.evaluate(X3, [Y1, Y2], verbose=0, return_dict=True, batch_size=10)
    hidden = X3.sum(-1, keepdims=True) * np.ones(2)
    expected = 0.5 * logs["p_loss"] + 2 * logs["q_loss"] + 0.01 * 6 + (hidden**2).mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_trainable_takes_effect_in_layers_and_models():
    x = Input((3,))
    base = Model(x, layers.BatchNormalization(name="bn")(layers.Dense(4, name="d")(x)), name="base")
    i = Input((3,))
    model = Model(i, layers.Dense(1, name="top")(base(i)))
    base.trainable = False
    assert [w.path.split("/")[0] for w in model.trainable_weights] == ["top", "top"]
    before = base.get_weights()
    model.compile("sgd", "mse")
    model.fit(X3, Y1, epochs=2, verbose=0)
    assert same(base.get_weights(), before)  # the moving averages, too
    base.trainable = True
    base.get_layer("d").trainable = False
    assert len(model.trainable_weights) == 4
    model.compile("sgd", "mse")
    model.fit(X3, Y1, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(base.get_weights(), before)]
    assert changed == [False, False, True, True, True, True]


def test_custom_loops_on_functional_models():
    model, optimizer = two_by_two(), optimizers.SGD(0.1)
    values = []
    for _ in range(5):
        with cygrad.GradientTape() as tape:
            p, q = model([X3, X2], training=True)
            loss = losses.MeanSquaredError()(Y1, p) + losses.CategoricalCrossentropy()(Y2, q)
        gradients = tape.gradient(loss, model.trainable_variables)
        assert all(g is not None for g in gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        values.append(float(loss))
    assert values[-1] < values[0]


# ---- files, configurations, copies ----


def build_all():
    yield "lists", two_by_two()
    yield "dicts", two_by_two(dict, dict)
    yield "tuples", two_by_two(tuple, tuple)
    stack = Sequential([Input((3,)), layers.Dense(4, name="d")], name="stack")
    x = Input((3,), name="in")
    inner = Model(x, [layers.BatchNormalization(name="bn")(x), x * 2.0], name="inner")
    a, b = inner(stack(x)[:, :3])
    c, d = inner(a)
    yield "nested and shared", Model(x, {"out": layers.Dense(1)(a + b), "other": [c, d]}, name="outer")
    full = Model(x, layers.Dense(2, name="top")(layers.Dense(4, name="mid")(x)))
    yield "from the middle", Model(full.get_layer("mid").output, full.output)
    front = Model(x, full.get_layer("mid").output, name="front")
    yield "a layer in two models", Model(x, front(x) + full.get_layer("mid")(x))


def data_for(model):
    rng = np.random.default_rng(5)
    shapes = {name: t.shape[1:] for name, t in zip(model.input_names, model.inputs)}
    return {name: rng.normal(size=(6, *shape)).astype("float32") for name, shape in shapes.items()}


@pytest.mark.parametrize("which", range(6))
def test_round_trips(which, tmp_path):
    _, model = list(build_all())[which]
    x = data_for(model)
    if len(x) == 1:
        x = next(iter(x.values()))
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "model.cygrad")
    for again in (
        models.load_model(tmp_path / "model.cygrad"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert type(again) is models.Functional and same(again.predict(x, verbose=0), y)
        assert again.get_config() == model.get_config() and again.weights[0] is not model.weights[0]
    clone = models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    clone.set_weights(model.get_weights())
    assert same(clone.predict(x, verbose=0), y)
    model.save_weights(tmp_path / "w.safetensors")
    fresh = models.Functional.from_config(model.get_config()) if which < 5 else models.model_from_json(model.to_json())
    fresh.load_weights(tmp_path / "w.safetensors")
    assert same(fresh.predict(x, verbose=0), y)


def test_training_goes_on_after_loading_bit_for_bit(tmp_path):
    model = two_by_two()
    model.compile(
        optimizers.Adam(0.01), {"p": losses.Huber(), "q": "categorical_crossentropy"}, {"p": 0.5, "q": 2.0},
        metrics=[[metrics.MeanSquaredError("squared")], ["accuracy"]], weighted_metrics=[None, ["mse"]],
    )  # fmt: skip
    data = ([X3, X2], [Y1, Y2])
    model.fit(*data, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "model.cygrad")
    copies = [models.load_model(tmp_path / "model.cygrad"), copy.deepcopy(model)]
    logs = model.fit(*data, epochs=2, verbose=0, shuffle=False).history
    assert "p_squared" in logs
    for again in copies:
        assert again.fit(*data, epochs=2, verbose=0, shuffle=False).history == logs
        assert same(again.get_weights(), model.get_weights())


def test_clones_with_functions_and_tensors():
    model = two_by_two()
    seen = []

    def wider(layer):
        seen.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config(config | {"units": 8} if layer.name == "p" else config)

    clone = models.clone_model(model, clone_function=wider)
    assert clone.output_shape == [(None, 8), (None, 2)]
    assert sorted(seen) == ["cat", "first", "p", "q", "shared"]  # the shared one once, no Inputs, no operations
    tensors = [Input((3,), name="u"), Input((2,), name="v")]
    clone = models.clone_model(model, input_tensors=tensors)
    assert clone.input_names == ["u", "v"] and clone.get_layer("first") is not model.get_layer("first")
    calls = []
    models.clone_model(model, call_function=lambda layer, *a, **k: calls.append(layer.name) or layer(*a, **k))
    assert calls.count("shared") == 2
    with pytest.raises(ValueError, match="need a Sequential or a functional model"):

        class Own(Model):
            def call(self, x):
                return x

        models.clone_model(Own(), clone_function=wider)


BROKEN = {
    "a loop": lambda c: c["layers"][1]["inbound_nodes"][0]["args"].__setitem__(
        0, {"class_name": "__keras_tensor__", "config": {"keras_history": ["d", 0, 0]}}
    ),
    "a layer that is not there": lambda c: c["output_layers"].__setitem__(0, "nobody"),
    "an output that is not there": lambda c: c["output_layers"].__setitem__(2, 5),
    "a broken place": lambda c: c["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=[1, 2]),
    "two of one name": lambda c: c["layers"].append(c["layers"][1]),
    "a huge input": lambda c: c["layers"][0]["config"].update(batch_shape=[None, 1 << 30]),
    "an unknown kind": lambda c: c["layers"][1]["inbound_nodes"][0]["args"].append({"class_name": "__import__"}),
    "no list": lambda c: c.update(layers="x"),
    "a key too many": lambda c: c.update(code="import os"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_configurations(case):
    x = Input((3,), name="x")
    config = Model(x, layers.Dense(2, name="d")(x)).get_config()
    BROKEN[case](config)
    with pytest.raises(ValueError):
        models.Functional.from_config(config)


def test_operations_in_files_cannot_grow_without_bound():
    x = Input((3,), name="x")
    config = Model(x, ops.tile(x, (1, 2))).get_config()
    config["layers"][1]["inbound_nodes"][0]["args"][1]["items"][1] = 1 << 40
    with pytest.raises(ValueError, match="tile would make"):
        models.Functional.from_config(config)


# ---- the summary ----


def summary(model, **arguments):
    lines = []
    model.summary(print_fn=lines.append, **arguments)
    return "\n".join(lines)


def test_the_summary_says_what_is_connected_to_what():
    model = two_by_two()
    text = summary(model)
    assert "Connected to" in text and "a[0][0], b[0][0]" in text
    assert "first[0][0], shared[0][0]" in text and "shared[1][0]" in text
    assert "add (Add)" in text or "(Add)" in text
    assert f"Total params: {model.count_params()} " in text
    x = Input((3,))
    chain = Model(x, layers.Dense(1)(layers.Dense(2)(x)))
    assert "Connected to" not in summary(chain) and "input_layer" in summary(chain)
    outer = Model(x, chain(x) + 1.0)
    assert "└ dense" in summary(outer, expand_nested=True, show_trainable=True)
