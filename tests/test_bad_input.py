"""Mistakes that people make with layers, models and their data: what each is told, and that nothing is lost by it."""

import json
import pickle
import warnings

import numpy as np
import pytest

import cygrad
from cygrad import Input, Sequential, layers, losses, metrics, models, ops, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
Y = np.arange(20) % 3


def classifier(loss="sparse_categorical_crossentropy", units=3, **compiled):
    cygrad.utils.clear_session()
    model = Sequential([Input((4,), name="rows"), layers.Dense(units, name="out")], name="net")
    model.compile("sgd", loss, **compiled)
    return model


def untouched(model, weights):
    return model.optimizer.iterations == 0 and all(map(np.array_equal, weights, model.get_weights()))


def data(*shape):
    return np.zeros(shape, "float32")


# ---- layers ----


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: layers.add([data(2, 3), data(5, 3)]), ValueError, "Do they come from batches of different sizes"),
        (lambda: layers.add([data(2, 9, 9, 3), data(2, 7, 9, 3)]), ValueError, "9 meets 7. Do strides, padding"),
        (lambda: layers.add([data(2, 3, 4), data(2, 3)]), ValueError, r"got \(2, 3, 4\) and \(2, 3\), where 3 meets 2"),
        (
            lambda: layers.concatenate([data(2, 3), data(2, 4, 4)]),
            ValueError,
            "inputs of one rank.* Is a Flatten, a Reshape",
        ),
        (lambda: layers.concatenate(data(2, 3)), ValueError, "a list of at least two inputs; got one input of shape"),
        (lambda: layers.add([data(2, 3)]), ValueError, "a list of at least two inputs; got a list of 1"),
        (
            lambda: layers.Dense(3, name="d")(data(2, 3), mask=data(2)),
            TypeError,
            "its call takes inputs; got .mask.. It does not support mask",
        ),
        (lambda: layers.Dropout(0.5)(data(2, 3), trainig=True), TypeError, "got 'trainig'. Did you mean 'training'"),
        (lambda: layers.Bidirectional(layers.Dense(3)), ValueError, "layer must be a recurrent layer .* got a Dense"),
        (
            lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.Dense(3)),
            ValueError,
            "backward_layer must be a rec",
        ),
        (
            lambda: layers.TimeDistributed(layers.LSTM),
            ValueError,
            r"layer must be a layer; .* Did you mean LSTM\(...\)",
        ),
        (
            lambda: layers.Identity(name="i")(np.array([2**40])),
            ValueError,
            r'Identity "i": .* int32 holds; got 1099511627776 in an array',
        ),
        (lambda: layers.Embedding(9, 2)(np.array([[-(2**32) + 1]])), ValueError, "int32 holds; got -4294967295"),
        (lambda: layers.Embedding(9, 2)(np.array([[2**31]], "uint32")), ValueError, "int32 holds; got 2147483648"),
    ],
)
def test_calls_of_layers(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_whole_numbers_that_int32_holds_stay_as_they_are():
    for values in (np.array([2**31 - 1, -(2**31)]), np.array([7], "uint64"), np.array([], "int64")):
        y = layers.Identity()(values)
        assert y.dtype == "int32"
        np.testing.assert_array_equal(y, values)


def test_a_call_that_returns_nothing():
    class Silent(layers.Layer):
        def call(self, inputs):
            inputs + 1

    with pytest.raises(TypeError, match=r'Silent "silent": its call returned None. Is a return missing'):
        Silent(name="silent")(X)
    with pytest.raises(TypeError, match="its call returned None"):
        Sequential([Input((4,)), Silent(), layers.Dense(1)])


def test_a_softmax_over_one_unit():
    with pytest.warns(UserWarning, match="a softmax over one unit is always 1; is a sigmoid meant"):
        layers.Dense(1, activation="softmax")


# ---- NumPy where a gradient is wanted ----


def test_numpy_functions_of_tensors_name_the_op():
    x = ops.convert_to_tensor([1.0, 2.0])
    for value in (x, Input((2,))):
        with pytest.raises(TypeError, match=r"numpy.exp got a tensor.* use cygrad.ops.exp"):
            np.exp(value)
        with pytest.raises(TypeError, match=r"numpy.add got a tensor"):
            np.add(value, value, out=np.zeros(2))
        with pytest.raises(TypeError, match=r"use one of cygrad.ops"):
            np.nextafter(value, value)


def test_operators_between_arrays_and_tensors_still_make_tensors():
    x, a = ops.convert_to_tensor([1.0, 2.0]), np.array([3.0, 5.0])
    for y, expected in [
        (a - x, [2, 3]),
        (a / x, [3, 2.5]),
        (a**x, [3, 25]),
        (a * x, [3, 10]),
        (a // x, [3, 2]),
        (a % x, [0, 1]),
    ]:
        assert isinstance(y, cygrad.Tensor)
        np.testing.assert_allclose(y, expected, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(a > x), [True, True])
    np.testing.assert_array_equal(np.asarray(a == x), [False, False])
    symbol = Input((2,))
    assert (a * symbol).shape == (None, 2)
    assert (np.float32(2) - symbol).shape == (None, 2)


@pytest.mark.parametrize("numbers", [np.mean, lambda y: float(np.asarray(y).sum())], ids=["mean", "float"])
def test_a_loss_that_leaves_the_tape(numbers):
    model = classifier(loss=lambda y, y_pred: numbers(y_pred))
    weights = model.get_weights()
    with pytest.raises(ValueError, match=r"the loss does not depend on the variables.*use cygrad.ops"):
        model.fit(X, Y, verbose=0)
    assert untouched(model, weights)


# ---- names ----


@pytest.mark.parametrize(
    ("compiled", "text"),
    [
        ({"loss": {"ouut": "mse"}}, "compile, loss: expected the output's name 'out' as key; got 'ouut'. Did you"),
        (
            {"loss": "mse", "metrics": {"foo": "mae"}},
            "compile, metrics: expected the output's name 'out' as key; got 'foo'",
        ),
        (
            {"loss": "mse", "weighted_metrics": {"foo": "mae"}},
            "compile, weighted_metrics: expected the output's name 'out'",
        ),
        ({"loss": "mse", "loss_weights": {"foo": 2.0}}, "compile, loss_weights: expected the output's name 'out'"),
    ],
)
def test_names_of_a_single_output(compiled, text):
    with pytest.raises(ValueError, match=text):
        classifier(**compiled)
    x = Input((4,))
    graph = cygrad.Model(x, layers.Dense(3, name="out")(x))
    with pytest.raises(ValueError, match=text):
        graph.compile("sgd", **compiled)
    graph.compile("sgd", loss={"out": "mse"}, metrics={"out": ["mae"]}, loss_weights={"out": 2.0})
    history = graph.fit(X, data(20, 3), sample_weight={"out": np.ones(20)}, verbose=0).history
    assert list(history) == ["loss", "mae"]


def test_names_of_several_outputs_have_suggestions():
    x = Input((4,))
    model = cygrad.Model(x, [layers.Dense(1, name="price")(x), layers.Dense(1, name="size")(x)])
    with pytest.raises(ValueError, match=r"unknown 'prise'.* Did you mean 'price'"):
        model.compile("sgd", {"prise": "mse", "size": "mse"})


def test_names_in_fit():
    model = classifier()
    with pytest.raises(ValueError, match="fit, sample_weight: expected the output's name 'out' as key; got 'foo'"):
        model.fit(X, Y, sample_weight={"foo": np.ones(20)}, verbose=0)
    with pytest.raises(ValueError, match="has the input 'rows'; x has the key 'foo'"):
        model.fit({"foo": X}, Y, verbose=0)
    model.fit({"rows": X}, {"out": Y}, verbose=0)


def test_get_layer_suggests():
    with pytest.raises(ValueError, match=r"has no layer 'outt'. Did you mean 'out'"):
        classifier().get_layer("outt")


# ---- metrics that do not fit ----


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
@pytest.mark.parametrize(
    ("metric", "loss", "y"),
    [
        (metrics.Precision(), "sparse_categorical_crossentropy", Y),
        ("AUC", "sparse_categorical_crossentropy", Y),
        ("mse", "sparse_categorical_crossentropy", Y),
        ("categorical_accuracy", "sparse_categorical_crossentropy", Y),
        (metrics.F1Score(), "sparse_categorical_crossentropy", Y),
        (metrics.MeanIoU(3), "sparse_categorical_crossentropy", Y),
        ("sparse_categorical_accuracy", "categorical_crossentropy", np.eye(3)[Y]),
    ],
    ids=str,
)
def test_metrics_that_do_not_fit_are_told_before_the_first_step(metric, loss, y, method):
    model = classifier(loss, metrics=[metric])
    weights = model.get_weights()
    with pytest.raises(
        ValueError, match=rf"^{method}: the metric .* does not fit y of shape .* an output of shape \(None, 3\)"
    ):
        getattr(model, method)(X, y)
    assert untouched(model, weights)


def test_a_metric_of_ones_own_is_not_tried():
    seen = []

    def own(y_true, y_pred):
        seen.append(y_pred.shape)
        return ops.mean(y_pred, axis=-1)

    classifier(metrics=[own, metrics.MeanMetricWrapper(own, name="again")]).fit(X, Y, batch_size=20, verbose=0)
    assert seen == [(20, 3)] * 2


def test_trying_a_metric_leaves_nothing_behind():
    model = classifier(metrics=["accuracy"])
    model.fit(X, Y, batch_size=20, shuffle=False, verbose=0)
    assert model.metrics[1].count == 20


def test_accuracy_of_a_regression_is_warned_about():
    model = classifier("mse", units=1, metrics=["accuracy"])
    with pytest.warns(UserWarning, match="'accuracy' counts equal classes, but y holds numbers for a regression"):
        model.fit(X, X[:, 0], verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier("mse", units=1, metrics=["accuracy"]).fit(X, Y % 2 * 1.0, verbose=0)


# ---- targets and weights ----


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (Y + 3.0, "BinaryCrossentropy expects y in 0 .. 1; got values from 3 to 5. Class numbers need"),
        (Y % 2 * 2.0 - 1, r"from -1 to 1. Labels of -1 and 1 become 0 and 1 by \(y \+ 1\) / 2"),
        (X[:, 0] * 3, "For regression use loss='mse'"),
    ],
)
def test_targets_of_a_binary_crossentropy(y, text):
    model = classifier("binary_crossentropy", units=1)
    weights = model.get_weights()
    with pytest.raises(ValueError, match=text):
        model.fit(X, y, verbose=0)
    assert untouched(model, weights)


@pytest.mark.parametrize(
    ("loss", "units", "y", "text"),
    [
        ("binary_crossentropy", 2, Y % 2, "For 2 classes use loss='sparse_categorical_crossentropy' with a softmax"),
        ("sparse_categorical_crossentropy", 1, Y % 2, "One unit with a sigmoid needs loss='binary_crossentropy'"),
        ("sparse_categorical_crossentropy", 3, np.where(Y == 1, np.nan, Y), "7 of 20 in y are NaN"),
    ],
)
def test_targets_and_units(loss, units, y, text):
    with pytest.raises(ValueError, match=text):
        classifier(loss, units).fit(X, y, verbose=0)


def test_class_weight():
    model = classifier()
    with pytest.raises(ValueError, match=r"class_weight has the key 7; the output has the classes 0 .. 2"):
        model.fit(X, Y, class_weight={0: 1.0, 7: 2.0}, verbose=0)
    with pytest.raises(ValueError, match=r"has the key 2; the output has the classes 0 .. 1"):
        classifier("binary_crossentropy", 1).fit(X, Y % 2, class_weight={2: 1.0}, verbose=0)
    part = classifier()
    for some in (model, part):
        some.set_weights([np.ones((4, 3)), np.zeros(3)])
    model.fit(X, Y, class_weight={0: 5.0, 1: 1.0, 2: 1.0}, shuffle=False, verbose=0)
    part.fit(X, Y, class_weight={0: 5.0}, shuffle=False, verbose=0)  # a class that is not mentioned weighs 1
    assert all(map(np.array_equal, model.get_weights(), part.get_weights()))


def test_nan_in_sample_weight_is_found():
    with pytest.warns(UserWarning, match="became NaN in epoch 1, step 1: sample_weight itself holds NaN"):
        classifier().fit(X, Y, sample_weight=np.full(20, np.nan), verbose=0)


# ---- generators ----


def batches(count):
    for _ in range(count):
        yield X, Y


@pytest.mark.parametrize(("count", "steps", "epochs"), [(3, None, 1), (3, 10, 1), (3, 3, 1), (4, 3, 2)])
def test_a_generator_that_is_too_short_ends_training(count, steps, epochs):
    model = classifier()
    ended = []
    stop = cygrad.callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(logs["loss"]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(batches(count), steps_per_epoch=steps, epochs=5, verbose=0, callbacks=[stop]).history
    assert f"used up in epoch {epochs} of 5, training ends here" in str(caught[-1].message)
    assert len(history["loss"]) == epochs and ended == history["loss"][-1:]
    assert model.optimizer.iterations == count


def test_a_generator_without_batches():
    for method in ("fit", "evaluate", "predict"):
        with pytest.raises(ValueError, match=f"{method}: the generator has no batches"):
            getattr(classifier(), method)(batches(0), verbose=0)
    with pytest.raises(ValueError, match=r"fit: a batch is .* got a tuple of 4"):
        classifier().fit(((X, Y, Y, Y) for _ in range(2)), verbose=0)
    with pytest.raises(ValueError, match=r"got the function batches. If it is a generator, call it: batches\(\)"):
        classifier().fit(batches, verbose=0)
    with pytest.raises(ValueError, match=r"y is None.* a generator's batch must be"):
        classifier().fit((X for _ in range(2)), verbose=0)
    with pytest.raises(ValueError, match=r"fit, validation_data: y is None.* validation_data must be"):
        classifier().fit(X, Y, validation_data=X, verbose=0)


# ---- optimizers and variables ----


def test_an_optimizer_of_another_model():
    shared = optimizers.Adam()
    one, other = classifier(), classifier()
    for model in (one, other):
        model.compile(shared, "sparse_categorical_crossentropy")
    one.fit(X, Y, verbose=0)
    weights = other.get_weights()
    with pytest.raises(ValueError, match=r"Does it belong to another model. Each needs its own"):
        other.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, weights, other.get_weights()))


def test_no_trainable_variables_is_said_once():
    model = classifier()
    model.trainable = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y, verbose=0)
        model.fit(batches(1), verbose=0)
    told = [w for w in caught if "has no trainable variables" in str(w.message)]
    assert len(told) == 2  # once for each fit
    assert told[0].filename == __file__


# ---- callbacks ----


def test_a_misspelt_monitor():
    with pytest.warns(UserWarning, match="no 'val_los' in the logs.* Did you mean 'val_loss'"):
        classifier().fit(X, Y, validation_split=0.2, verbose=0, callbacks=[cygrad.callbacks.EarlyStopping("val_los")])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("acc", "no 'acc' in the logs, which have accuracy, loss. Did you mean 'accuracy'"),
        ("val_loss", "no 'val_loss' in the logs, .* Is validation_data missing"),
    ],
)
def test_a_curve_that_is_not_in_the_history(name, text):
    curves = classifier(metrics=["accuracy"]).fit(X, Y, verbose=0).history
    with pytest.raises(KeyError, match=text):
        curves[name]
    assert curves.get(name) is None and json.loads(json.dumps(curves)) == pickle.loads(pickle.dumps(curves)) == curves


# ---- what Keras 2 and TensorFlow have ----


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda: classifier().fit_generator, "Sequential has no fit_generator: fit takes generators"),
        (lambda: classifier().evaluate_generator, "evaluate takes generators"),
        (lambda: classifier().predict_generator, "predict takes generators"),
        (lambda: classifier().predict_proba, "predict gives the probabilities"),
        (lambda: classifier().predict_classes, r"predict\(x\).argmax\(-1\) gives classes"),
        (lambda: optimizers.Adam().lr, "Adam has no lr: the attribute is learning_rate"),
        (lambda: setattr(optimizers.SGD(), "lr", 0.1), "SGD has no lr"),
        (lambda: cygrad.backend.square, "has no attribute 'square': cygrad.ops.square takes its place"),
        (lambda: cygrad.backend.set_value, r"variable.assign\(value\) takes its place"),
        (lambda: cygrad.backend.nonsense, "has no attribute 'nonsense'$"),
    ],
)
def test_attributes_of_keras_2(ask, text):
    with pytest.raises(AttributeError, match=text):
        ask()


def test_a_model_may_have_methods_of_keras_2s_names():
    class Old(Sequential):
        def predict_classes(self, x):
            return self.predict(x, verbose=0).argmax(-1)

    model = Old([Input((4,)), layers.Dense(3)])
    model.predict_proba = "mine"
    assert model.predict_classes(X).shape == (20,) and model.predict_proba == "mine"


def test_arguments_of_keras_2():
    with pytest.raises(ValueError, match=r"unknown argument 'lr'. Did you mean learning_rate"):
        optimizers.Adam(lr=0.1)
    with pytest.raises(ValueError, match=r"unknown argument 'decay'. A rate that falls is a schedule"):
        optimizers.SGD(0.1, decay=1e-6)


def test_the_backend_has_the_settings():
    assert cygrad.backend.backend() == "cygrad" and cygrad.backend.epsilon() == 1e-7
    assert cygrad.backend.floatx() == "float32" and cygrad.backend.image_data_format() == "channels_last"
    cygrad.backend.clear_session()
    assert layers.Dense(1).name == "dense"


# ---- shapes of pictures and sequences ----


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize(
    ("channels", "shape", "text"),
    [
        (3, (2, 8, 8, 1), r"grey. numpy.repeat\(x, 3, -1\) makes three channels; color_mode='rgb'"),
        (3, (2, 8, 8), r"grey. numpy.repeat\(x\[..., None\], 3, -1\)"),
        (1, (2, 8, 8, 3), r"in colour. x.mean\(-1, keepdims=True\) is their grey"),
        (3, (2, 9, 8, 3), "of another size. target_size= resizes files, layers.Resizing arrays"),
        (3, (8, 8, 3), r"batch axis missing. x\[None\] adds it"),
        (3, (2, 3, 8, 8), "axes in another order. Channels come last"),
        (3, (2, 192), r"x.reshape\(-1, 8,8,3\) restores the axes"),
        (3, (2, 9, 9, 2), r"got shape \(2, 9, 9, 2\).$"),
    ],
)
def test_pictures_of_another_shape(channels, shape, text, functional):
    x = Input((8, 8, channels))
    conv = layers.Conv2D(2, 3)
    model = cygrad.Model(x, conv(x)) if functional else Sequential([x, conv])
    with pytest.raises(ValueError, match=text):
        model.predict(data(*shape), verbose=0)


def test_a_recurrent_layer_after_one_that_gives_its_last_step():
    with pytest.raises(ValueError, match=r"got shape \(None, 4\). Is return_sequences=True missing"):
        Sequential([Input((10, 3)), layers.LSTM(4), layers.LSTM(4)])
    with pytest.raises(ValueError, match="Is the batch axis missing"):
        layers.LSTM(4)(data(10, 3))


def test_a_flatten_that_is_missing():
    model = Sequential([Input((8, 8)), layers.Dense(3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="Is a Flatten or a pooling layer missing"):
        model.fit(data(20, 8, 8), Y, verbose=0)


def test_words_are_not_padded_as_numbers():
    with pytest.raises(ValueError, match=r"expected numbers of int32 at position 1; got 'ab'. Words become numbers by"):
        cygrad.utils.pad_sequences([[1, 2], "ab"])


# ---- files ----


def test_places_that_are_not_there(tmp_path):
    model = classifier()
    with pytest.raises(FileNotFoundError, match=r"save: there is no folder .* to write 'm.cygrad' to"):
        model.save(tmp_path / "no" / "m.cygrad")
    with pytest.raises(FileNotFoundError, match="save_weights: there is no folder"):
        model.save_weights(tmp_path / "no" / "m.safetensors")
    with pytest.raises(IsADirectoryError, match=r"load_model: .* is a folder; expected a file"):
        models.load_model(tmp_path)
    with pytest.raises(IsADirectoryError, match=r"load_weights: .* is a folder; expected a file"):
        model.load_weights(tmp_path)


def test_weights_of_another_architecture_are_compared_in_order(tmp_path):
    classifier().save_weights(tmp_path / "w.safetensors")
    other = Sequential([Input((4,)), layers.Dense(5, name="other")])
    with pytest.raises(
        ValueError, match=r"'out/kernel' has shape \(4, 3\), expected \(4, 5\).* Is it another architecture's"
    ):
        other.load_weights(tmp_path / "w.safetensors")


def test_losses_still_take_what_they_took():
    model = classifier(losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()
