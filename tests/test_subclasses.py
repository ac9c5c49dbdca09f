"""Models of classes of one's own: on a graph, with a step, a loss or metrics of their own."""

import copy

import numpy as np

import cygrad
from cygrad import Input, Model, Sequential, layers, losses, metrics, models, ops, optimizers

RNG = np.random.default_rng(0)
X3, Y1 = RNG.normal(size=(10, 3)).astype("float32"), RNG.normal(size=(10, 1)).astype("float32")
Y2 = np.eye(2, dtype="float32")[np.arange(10) % 2]


class Classifier(Model):
    """Gives its base class inputs and outputs."""

    def __init__(self, units=4, name=None):
        x = Input((3,), name="x")
        h = layers.Dense(units, activation="relu", name="h")(x)
        super().__init__(inputs=x, outputs=layers.Dense(2, name="o")(h), name=name)
        self.units = units
        self.steps_seen = metrics.Sum(name="seen")

    def train_step(self, data):
        self.steps_seen.update_state(1.0)
        return super().train_step(data)


def test_subclasses_that_give_inputs_and_outputs(tmp_path):
    cygrad.utils.clear_session()  # the model's name is automatic
    model = Classifier(5)
    assert isinstance(model, models.Functional) and model.name == "classifier"
    assert model.output_shape == (None, 2) and model.get_layer("h").units == 5
    model.compile("sgd", "mse", metrics=["mae"])
    logs = model.fit(X3, Y2, epochs=2, batch_size=5, verbose=0).history
    assert logs["seen"] == [2.0, 2.0] and list(logs) == ["loss", "mae", "seen"]
    model.save(tmp_path / "model.cygrad")
    again = models.load_model(tmp_path / "model.cygrad", custom_objects={"Classifier": Classifier})
    assert type(again) is Classifier and again.units == 5
    assert np.array_equal(again.predict(X3, verbose=0), model.predict(X3, verbose=0))
    assert type(copy.deepcopy(model)) is Classifier


def test_a_subclass_whose_layers_have_automatic_names_survives():
    class Base(Model):
        def __init__(self):
            x = Input((3,))
            super().__init__(x, layers.Dense(1)(layers.Dense(2)(x)))

    class Derived(Base):
        pass

    model = Derived()
    model.compile("adam", "mse")
    model.fit(X3, Y1, verbose=0)
    again = copy.deepcopy(model)
    assert type(again) is Derived and again.layers[1].name != model.layers[1].name
    for m in (model, again):
        m.fit(X3, Y1, epochs=2, shuffle=False, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), again.get_weights())) and again.optimizer.iterations == 3


def test_a_subclass_of_the_graph_alone():
    class Logged(Model):
        def test_step(self, data):
            return super().test_step(data) | {"extra": 1.0}

    x = Input((3,))
    model = Logged(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    assert model.evaluate(X3, Y1, verbose=0, return_dict=True)["extra"] == 1.0
    again = Logged.from_config(model.get_config())
    assert type(again) is Logged and again.count_params() == 4


class Gan(Model):
    """Two models and two optimizers in one, as in Keras's guide; it has no call."""

    def __init__(self, discriminator, generator, size):
        super().__init__()
        self.discriminator, self.generator, self.size = discriminator, generator, size
        self.d_loss, self.g_loss = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_function = d_optimizer, g_optimizer, loss

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        n = ops.shape(real)[0]
        ones, zeros = ops.ones((n, 1)), ops.zeros((n, 1))
        fake = self.generator(cygrad.random.normal((n, self.size), seed=1))
        with cygrad.GradientTape() as tape:
            scores = self.discriminator(ops.concatenate([fake, real], axis=0))
            d_loss = self.loss_function(ops.concatenate([ones, zeros], axis=0), scores)
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights))
        with cygrad.GradientTape() as tape:
            scores = self.discriminator(self.generator(cygrad.random.normal((n, self.size), seed=2)))
            g_loss = self.loss_function(zeros, scores)
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def test_a_gan_of_two_models_with_an_optimizer_each():
    z = Input((2,))
    generator = Model(z, layers.Dense(3, name="g")(z), name="generator")
    discriminator = Sequential([Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(1)], name="discriminator")
    gan = Gan(discriminator, generator, 2)
    gan.compile(optimizers.Adam(0.01), optimizers.Adam(0.01), losses.BinaryCrossentropy(from_logits=True))
    before = [m.get_weights() for m in (generator, discriminator)]
    logs = gan.fit(X3, epochs=2, batch_size=4, verbose=0).history
    assert list(logs) == ["d_loss", "g_loss"] and np.isfinite(logs["d_loss"]).all()
    after = [m.get_weights() for m in (generator, discriminator)]
    assert not any(all(map(np.array_equal, *pair)) for pair in zip(before, after))


def test_compute_loss_and_metrics_of_ones_own():
    class Own(Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tracker = metrics.Mean(name="loss")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):  # without training, as of old
            loss = ops.mean(ops.square(y_pred - y)) + sum(self.losses)
            self.tracker.update_state(loss)
            return loss

        def reset_metrics(self):
            self.tracker.reset_state()

        @property
        def metrics(self):
            return [self.tracker]

    x = Input((3,))
    model = Own(x, layers.Dense(1, kernel_regularizer="l2")(x))
    model.compile("sgd")
    logs = model.fit(X3, Y1, epochs=3, batch_size=10, verbose=0).history
    assert list(logs) == ["loss"] and logs["loss"][2] < logs["loss"][0]
