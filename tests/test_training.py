"""fit, evaluate, predict: values against NumPy, data of every kind, override points, learning, memory."""

import gc
import threading
import weakref

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, Input, Model, Sequential, _core, callbacks, layers, ops
from cygrad.ops._backend import K


@pytest.fixture(autouse=True)
def seed():
    cygrad.utils.set_random_seed(0)


def linear(units=1, features=3, **kwargs):
    """y = x w + b from zeros: SGD on it can be followed by hand."""
    return Sequential([Input((features,)), layers.Dense(units, kernel_initializer="zeros", **kwargs)])


def data(n=20, features=3, units=1):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, features)).astype("float32")
    return x, (x @ rng.normal(size=(features, units)) + 0.5).astype("float32")


def weights_after(x, y, batch_size, epochs, learning_rate=0.1, sample_weight=None):
    """The same training in NumPy: mean squared error, SGD, samples in their order. Returns w, b and the epochs'
    losses."""
    w, b, losses = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1]), []
    weight = np.ones(len(x)) if sample_weight is None else sample_weight
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            n = len(x[rows])
            error = x[rows] @ w + b - y[rows]
            total += (weight[rows] * (error**2).mean(1)).sum() / n * n
            d = 2 * error * weight[rows, None] / error.size
            w, b = w - learning_rate * x[rows].T @ d, b - learning_rate * d.sum(0)
        losses.append(total / len(x))
    return w, b, losses


# ---- values ----


@pytest.mark.parametrize("batch_size", [1, 7, 20, 64])
def test_fit_is_gradient_descent_also_with_a_smaller_last_batch(batch_size):
    x, y = data()
    model = linear()
    model.compile(cygrad.optimizers.SGD(0.1), "mse")
    history = model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
    w, b, losses = weights_after(x, y, batch_size, 3)
    np.testing.assert_allclose(model.weights[0].numpy(), w, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.weights[1].numpy(), b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-4)


def test_sample_weight_scales_each_sample_and_leaves_metrics_alone():
    x, y = data()
    weight = np.linspace(0, 2, len(x))
    model = linear()
    model.compile(cygrad.optimizers.SGD(0.1), "mse", metrics=["mse"], weighted_metrics=["mae"])
    history = model.fit(x, y, batch_size=7, epochs=2, shuffle=False, sample_weight=weight, verbose=0).history
    w, _, losses = weights_after(x, y, 7, 2, sample_weight=weight)
    np.testing.assert_allclose(model.weights[0].numpy(), w, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    error = model.predict(x, verbose=0) - y
    results = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["loss"], (weight * error[:, 0] ** 2).mean(), rtol=1e-5)
    np.testing.assert_allclose(results["mse"], (error**2).mean(), rtol=1e-5)
    np.testing.assert_allclose(results["mae"], (weight * abs(error[:, 0])).sum() / weight.sum(), rtol=1e-5)


@pytest.mark.parametrize("labels", ["sparse", "onehot"])
def test_class_weight_is_sample_weight_by_label(labels):
    x, _ = data(40)
    y = np.arange(40) % 3
    target = y if labels == "sparse" else cygrad.utils.to_categorical(y)
    loss = "sparse_categorical_crossentropy" if labels == "sparse" else "categorical_crossentropy"

    def train(**weights):
        cygrad.utils.set_random_seed(1)
        model = Sequential([Input((3,)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", loss)
        model.fit(x, target, verbose=0, **weights)
        return model.get_weights()

    given = train(class_weight={0: 2.0, 2: 0.5})
    same = train(sample_weight=np.array([2.0, 1.0, 0.5])[y])
    assert all((a == b).all() for a, b in zip(given, same))
    assert not (given[0] == train()[0]).all()


def test_evaluate_weighs_batches_by_their_samples():
    x, y = data(20)
    model = linear(bias_initializer="ones")
    model.compile(loss="mse", metrics=["mae"])
    expected = [((1 - y) ** 2).mean(), abs(1 - y).mean()]
    for batch_size in (1, 7, 32):
        np.testing.assert_allclose(model.evaluate(x, y, batch_size=batch_size, verbose=0), expected, rtol=1e-5)
    alone = linear()
    alone.compile(loss="mse")
    assert isinstance(alone.evaluate(x, y, verbose=0), float)


def test_regularizers_and_added_losses_join_the_loss():
    x, y = data(8)

    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs) * 0 + 3.0)
            return inputs

    model = Sequential(
        [
            Input((3,)),
            layers.Dense(1, kernel_initializer="ones", kernel_regularizer=cygrad.regularizers.L2(0.5)),
            Penalty(),
        ]
    )
    model.compile("sgd", "mse")
    plain = float(((model.predict(x, verbose=0) - y) ** 2).mean())
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), plain + 0.5 * 3 + 3, rtol=1e-5)
    np.testing.assert_allclose(model.fit(x, y, verbose=0).history["loss"], plain + 0.5 * 3 + 3, rtol=1e-5)


def test_accuracy_is_chosen_by_the_shapes():
    x, _ = data(6)
    for units, y, kind in [
        (1, np.zeros((6, 1)), "BinaryAccuracy"),
        (1, np.zeros(6), "BinaryAccuracy"),
        (3, np.zeros(6, int), "SparseCategoricalAccuracy"),
        (3, np.eye(3)[[0, 1, 2, 0, 1, 2]], "CategoricalAccuracy"),
    ]:
        loss = "crossentropy"
        model = linear(units, activation="sigmoid" if units == 1 else "softmax")
        model.compile("sgd", loss, metrics=["accuracy"])
        history = model.fit(x, y, verbose=0).history
        assert type(model.metrics[1]).__name__ == kind
        assert list(history) == ["accuracy", "loss"]  # by name, as in Keras


def test_custom_loss_and_metric_functions():
    def absolute(y_true, y_pred):
        return ops.mean(ops.absolute(y_true - y_pred), axis=-1)

    x, y = data(9)
    results = []
    for loss in (absolute, "mae"):
        model = linear()
        model.compile("sgd", loss, metrics=[absolute, "mae"])
        model.fit(x, y, epochs=2, verbose=0, shuffle=False)
        results.append(model.evaluate(x, y, verbose=0))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    assert results[0][1] == pytest.approx(results[0][2])


# ---- data of every kind ----


def forms(x):
    strided = np.zeros((2 * len(x), *x.shape[1:]), x.dtype)
    strided[::2] = x
    return {
        "float64": x.astype("float64"),
        "float16": x.astype("float16"),
        "fortran": np.asfortranarray(x),
        "strided": strided[::2],
        "reversed": x[::-1].copy()[::-1],
        "int64": x.astype("int64"),
        "int8": x.astype("int8"),
        "list": x.tolist(),
        "tensor": cygrad.ops.convert_to_tensor(x),
        "readonly": np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
        "list of samples": list(x),
        "list of one": [x],
    }


@pytest.mark.parametrize("form", ["uint8", "bool", *forms(np.zeros((1, 1), "float32"))])
def test_data_of_every_kind_trains_the_same(form):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (30, 3)).astype("float32")
    y = rng.integers(0, 2, 30)

    def train(x, y):
        cygrad.utils.set_random_seed(2)
        model = Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return [*model.get_weights(), model.predict(x, batch_size=8, verbose=0)]

    given = {"uint8": x.astype("uint8"), "bool": x.astype(bool), **forms(x)}[form]
    labels = y.astype("float32")[:, None] if form == "float64" else y.astype("uint8") if form == "uint8" else y
    assert all((a == b).all() for a, b in zip(train(x, y), train(given, labels)))


def test_large_integers_become_floats():
    x = np.array([[2**40], [-(2**40)]])
    model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    assert model.predict(x, verbose=0).tolist() == [[2.0**40], [-(2.0**40)]]


@pytest.mark.kernels
def test_inputs_are_not_changed_and_not_copied_when_float32():
    x, y = data(16)
    kept = x.copy(), y.copy()
    from cygrad.models.data import as_array

    assert as_array(x, "fit", "x") is x or np.shares_memory(as_array(x, "fit", "x"), x)
    model = linear()
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    assert (x == kept[0]).all()
    assert (y == kept[1]).all()


def test_targets_of_rank_one_are_pairs_not_a_table():
    x, y = data(12)
    by_rank = []
    for target in (y, y[:, 0]):
        model = linear()
        model.compile("sgd", "mse")
        model.fit(x, target, shuffle=False, verbose=0)
        by_rank.append(model.get_weights())
    assert (by_rank[0][0] == by_rank[1][0]).all()


def test_generators_data_sets_and_arrays_train_the_same():
    x, y = data(24)

    def batches():
        while True:
            for i in range(0, 24, 8):
                yield x[i : i + 8], y[i : i + 8]

    class Batches(cygrad.utils.PyDataset):
        ended = 0

        def __len__(self):
            return 3

        def __getitem__(self, i):
            return x[8 * i : 8 * i + 8], y[8 * i : 8 * i + 8]

        def on_epoch_end(self):
            self.ended += 1

    def train(*given, **kwargs):
        model = linear()
        model.compile("sgd", "mse")
        history = model.fit(*given, epochs=2, shuffle=False, verbose=0, **kwargs)
        return model.get_weights(), history.history["loss"], model

    expected, losses, _ = train(x, y, batch_size=8)
    dataset = Batches()
    for given, kwargs in (
        ((batches(),), {"steps_per_epoch": 3}),
        ((dataset,), {}),
        (([*zip(x.reshape(3, 8, 3), y.reshape(3, 8, 1))],), {}),
    ):
        if isinstance(given[0], list):  # any iterable of batches
            given = (iter_again(given[0]),)
        found, found_losses, model = train(*given, **kwargs)
        assert all((a == b).all() for a, b in zip(expected, found))
        assert losses == found_losses
    assert dataset.ended == 2
    assert model.evaluate(Batches(), verbose=0) == model.evaluate(x, y, batch_size=8, verbose=0)
    assert (model.predict(Batches(), verbose=0) == model.predict(x, verbose=0)).all()
    assert (model.predict(batches(), steps=2, verbose=0) == model.predict(x, verbose=0)[:16]).all()


class iter_again:
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


def test_a_generator_that_runs_out_says_so():
    x, y = data(8)
    model = linear()
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="the data ran out after 1 of 3 steps"):
        model.fit(iter([(x, y)]), steps_per_epoch=3, verbose=0)
    with pytest.raises(ValueError, match="has no batches"):
        model.fit(iter([]), verbose=0)
    with pytest.raises(ValueError, match="y and sample_weight come with the batches"):
        model.fit(iter([(x, y)]), y, verbose=0)


def test_steps_per_epoch_limits_an_epoch():
    x, y = data(20)
    seen = []
    model = linear()
    model.compile("sgd", "mse")
    model.fit(
        x, y, batch_size=4, steps_per_epoch=2, verbose=0,
        callbacks=callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch)),
    )  # fmt: skip
    assert seen == [0, 1]


# ---- validation ----


def test_validation_split_takes_the_tail():
    x, y = data(20)
    model = linear()
    model.compile("sgd", "mse")
    history = model.fit(x, y, validation_split=0.25, verbose=0).history
    expected = model.evaluate(x[15:], y[15:], verbose=0)
    assert history["val_loss"] == [expected]
    again = linear()
    again.compile("sgd", "mse")
    cygrad.utils.set_random_seed(0)
    assert again.fit(x[:15], y[:15], validation_data=(x[15:], y[15:]), verbose=0).history.keys() == history.keys()


def test_a_sorted_tail_is_warned_about_and_a_shuffled_one_is_not():
    x = np.zeros((100, 3))
    y = np.repeat(np.arange(10), 10)
    model = Sequential([Input((3,)), layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="classes 8, 9 are in it and not in the training part: is y sorted?"):
        model.fit(x, y, validation_split=0.2, verbose=0)
    with pytest.warns(UserWarning, match="missing from it"):
        model.fit(np.zeros((1000, 3)), np.repeat([0, 1, 0], [400, 400, 200]), validation_split=0.2, verbose=0)
    model.fit(x, np.random.default_rng(0).permutation(y), validation_split=0.2, verbose=0)


def test_validation_freq_and_initial_epoch():
    x, y = data(8)
    model = linear()
    model.compile("sgd", "mse")
    validated = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: validated.append("val_loss" in logs))
    options = {"validation_data": (x, y), "verbose": 0, "callbacks": [note]}
    history = model.fit(x, y, epochs=5, initial_epoch=1, validation_freq=2, **options)
    assert history.epoch == [1, 2, 3, 4]
    assert validated == [True, False, True, False]  # the second and the fourth
    validated.clear()
    model.fit(x, y, epochs=3, validation_freq=[3], **options)
    assert validated == [False, False, True]
    assert model.fit(x, y, epochs=0, verbose=0).history == {}


@pytest.mark.parametrize(("given", "batches"), [({}, 4), ({"validation_batch_size": 8}, 1)])
def test_batches_of_validation(given, batches):
    class Batches(callbacks.Callback):
        seen = 0

        def on_test_batch_end(self, batch, logs=None):
            self.seen += 1

    x, y = data(8)
    model, counter = linear(), Batches()
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=2, validation_data=(x, y), verbose=0, callbacks=[counter], **given)
    assert counter.seen == batches


# ---- History, callbacks, verbosity ----


def test_history_holds_plain_floats():
    x, y = data(8)
    model = linear()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
    assert history is model.history
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert all(type(v) is float for values in history.history.values() for v in values)
    assert all(type(v) is float for v in model.evaluate(x, y, verbose=0))


def test_callbacks_hear_everything_in_order():
    heard = []

    class Listener(callbacks.Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                heard.append(name)
            return super().__getattribute__(name)

    class Recorder(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            heard.append((batch, sorted(logs)))

        def on_epoch_end(self, epoch, logs=None):
            heard.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

        def on_test_end(self, logs=None):
            heard.append(sorted(logs))

    x, y = data(8)
    model = linear()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(x, y, batch_size=4, epochs=9, validation_data=(x, y), callbacks=[Recorder()], verbose=0)
    once = [(0, ["loss", "mae"]), (1, ["loss", "mae"]), ["loss", "mae"]]
    names = ["loss", "mae", "val_loss", "val_mae"]
    assert heard == [*once, (0, names), *once, (1, names)]
    assert history.epoch == [0, 1]


def test_stop_training_takes_effect_within_an_epoch():
    x, y = data(20)
    model = linear()
    model.compile("sgd", "mse")

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model.fit(x, y, batch_size=4, epochs=5, callbacks=[Stop()], verbose=0)
    assert model.optimizer.iterations == 2


def test_verbose_writes_one_line_an_epoch_to_a_log(capsys):
    x, y = data(8)
    model = linear()
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    model.predict(x, batch_size=2)
    model.fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""


# ---- override points ----


class Doubled(Sequential):
    """train_step as Keras's guide writes it."""

    def train_step(self, data):
        x, y, _ = cygrad.utils.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def test_train_step_can_be_overridden():
    x, y = data(16)
    results = []
    for cls in (Sequential, Doubled):
        model = cls([Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
        model.compile("sgd", "mse", metrics=["mae"])
        history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        results.append((model.get_weights(), history.history))
    assert all((a == b).all() for a, b in zip(results[0][0], results[1][0]))
    assert results[0][1].keys() == results[1][1].keys()
    np.testing.assert_allclose(results[0][1]["loss"], results[1][1]["loss"], rtol=1e-5)


def test_other_override_points():
    x, y = data(8)

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.seen = cygrad.metrics.Mean(name="seen")

        def call(self, inputs):
            return self.dense(inputs)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(y - y_pred)) * 0 + 7.0

        def test_step(self, data):
            return {"answer": 42.0}

        def predict_step(self, data):
            return super().predict_step(data) * 0 + 1

    model = Own()
    model.compile("sgd")
    history = model.fit(x, y, verbose=0).history
    assert history["loss"] == [7.0]
    assert model.seen in model.metrics
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {"answer": 42.0}
    assert (model.predict(x, verbose=0) == 1).all()
    assert (model.predict_on_batch(x) == 1).all()


def test_steps_on_single_batches():
    x, y = data(8)
    model = linear()
    model.compile(cygrad.optimizers.SGD(0.1), "mse", metrics=["mae"])
    first = model.test_on_batch(x, y)
    assert model.train_on_batch(x, y) == first
    w, _, _ = weights_after(x, y, 8, 1)
    np.testing.assert_allclose(model.weights[0].numpy(), w, rtol=1e-4, atol=1e-5)
    assert model.test_on_batch(x, y, return_dict=True)["loss"] < first[0]
    assert model.train_on_batch(x, y, sample_weight=np.zeros(8), return_dict=True)["loss"] == 0
    assert model.predict_on_batch(x).shape == (8, 1)


def test_compile_again_starts_the_optimizer_anew():
    x, y = data(8)
    model = linear()
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    model.compile("sgd", "mae")
    model.fit(x, y, epochs=2, verbose=0)
    assert model.optimizer.iterations == 2
    with pytest.warns(UserWarning, match="steps_per_execution=4 has no effect"):
        model.compile("sgd", "mse", steps_per_execution=4)


@pytest.mark.kernels
def test_nan_is_explained_and_findable():
    x, y = data(8)
    model = linear()
    model.compile(cygrad.optimizers.SGD(1e30), "mse")
    with pytest.warns(
        UserWarning, match=r"became NaN in epoch \d, step 1: .*learning rate.*check_numerics\(True\) names"
    ):
        model.fit(x, y, epochs=5, verbose=0)
    clean = linear()
    clean.compile("sgd", "mse")
    x[0, 0] = np.nan
    with pytest.warns(UserWarning, match="x itself holds NaN"):
        clean.fit(x, y, verbose=0)
    old = cygrad.config.check_numerics(True)
    try:
        with pytest.raises(FloatingPointError, match="its input has 1 NaN"):
            clean.fit(x, y, verbose=0)
    finally:
        cygrad.config.check_numerics(old)


# ---- learning ----


def digits():
    (x, y), (x_test, y_test) = cygrad.datasets.digits.load_data()
    return x, y, x_test, y_test


def accuracy_on_digits(seed):
    x, y, x_test, y_test = digits()
    cygrad.utils.set_random_seed(seed)
    model = Sequential(
        [
            Input(x.shape[1:]),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x.astype("float32") / 16, y, epochs=15, verbose=0)
    return model.evaluate(x_test / 16, y_test, verbose=0)[1]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_are_learned(seed):
    assert accuracy_on_digits(seed) > 0.9


@pytest.mark.parametrize("kernel", ["relu_backward", "sparse_softmax_cross_entropy_backward"])
def test_digits_are_not_learned_with_a_gradient_of_the_wrong_sign(monkeypatch, kernel):
    original = getattr(K, kernel)

    def flipped(dx, *arguments):
        original(dx, *arguments)
        np.negative(np.asarray(dx), out=np.asarray(dx))

    monkeypatch.setattr(K, kernel, flipped)
    assert accuracy_on_digits(0) < 0.9


# ---- predict, memory ----


@pytest.mark.kernels
def test_predict_does_not_depend_on_the_batches():
    model = Sequential([Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(3, activation="softmax")])
    x = np.random.default_rng(0).normal(size=(67, 6)).astype("float32")
    whole = model.predict(x, batch_size=67, verbose=0)
    assert whole.dtype == np.float32
    for batch_size in (1, 32, 50):
        assert (model.predict(x, batch_size=batch_size, verbose=0) == whole).all()
    assert (model.predict(x[:1], verbose=0) == whole[:1]).all()


def test_predictions_belong_to_the_caller():
    model = linear()
    first = model.predict(np.zeros((2, 3), "float32"), verbose=0)
    first[:] = 7
    second = model.predict(np.ones((2, 3), "float32"), verbose=0)
    assert (first == 7).all()
    assert (second == 0).all()


def test_a_steady_step_and_predict_ask_the_system_for_nothing():
    x, y = data(96, 8)
    model = Sequential([Input((8,)), layers.Dense(16, activation="relu"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, batch_size=20, epochs=3, verbose=0)
    for _ in range(3):  # the second one is recorded
        model.predict(x[:1], verbose=0)
    gc.collect()  # what earlier tests left
    before = _core.alloc_stats()
    model.fit(x, y, batch_size=20, epochs=20, verbose=0)
    for _ in range(500):
        model.predict(x[:1], verbose=0)
    gc.collect()
    after = _core.alloc_stats()
    assert after["system_calls"] == before["system_calls"]
    assert after["in_use"] == before["in_use"]


def test_a_thousand_models_leave_nothing_behind():
    import gc

    x, y = data(4)

    def use():
        model = linear()
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)
        model.predict(x, verbose=0)

    for _ in range(3):
        use()
    gc.collect()
    before = _core.alloc_stats()["in_use"]
    for _ in range(200):
        use()
    gc.collect()
    assert _core.alloc_stats()["in_use"] == before
    assert threading.active_count() < 10


def test_a_subclass_may_have_several_inputs():
    class Sum(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="ones")

        def call(self, inputs):
            a, b = inputs.values() if isinstance(inputs, dict) else inputs
            return self.dense(a) + self.dense(b)

    a, b = data(40)[0], data(40)[0] * 2
    target = (a + b).sum(1)
    for given in ([a, b], (a, b), {"a": a, "b": b}):
        model = Sum()
        model.compile("sgd", "mse")
        assert model.evaluate(given, target, verbose=0) < 1e-6
        np.testing.assert_allclose(model.predict(given, verbose=0)[:, 0], target, rtol=1e-4, atol=1e-5)
        assert model.fit(given, target, verbose=0).history["loss"][0] < 1e-6
    with pytest.raises(ValueError, match="the arrays of x have different numbers of samples: 40, 39"):
        model.fit([a, b[1:]], target)


@pytest.mark.parametrize("kept", [False, True], ids=["history dropped", "history kept"])
def test_a_trained_model_is_freed_without_the_garbage_collector(kept):
    x, y = data()
    gc.collect()
    gc.disable()
    try:
        model = linear(kernel_regularizer="l2")
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(x, y, verbose=0, validation_split=0.2, callbacks=[callbacks.EarlyStopping("loss")])
        assert history.model is model and model.history is history
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        if not kept:
            del history
        references = [weakref.ref(thing) for thing in (model, *model.layers)]
        del model
        assert [reference() for reference in references] == [None, None]
        if kept:
            assert history.model is None and len(history.history["loss"]) == 1
    finally:
        gc.enable()
