"""Distillation: the losses by their formulas, what a Distiller trains and what it refuses, files."""

import copy
import pickle

import numpy as np
import pytest

import cygrad
from cygrad import distillation, layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype("float32")
Y = np.arange(40) % 3


def network(units, seed, **hidden):
    cygrad.utils.set_random_seed(seed)
    inside = layers.Dense(units, "relu", name=f"hidden_{units}", **hidden)
    return cygrad.Sequential([cygrad.Input((5,)), inside, layers.Dense(3, name="logits")])


def distiller(found, w=0.3, student=None, **arguments):
    made = distillation.Distiller(network(16, 1), student or network(8, 2), found, student_loss_weight=w, **arguments)
    made.compile(
        cygrad.optimizers.SGD(0.3), cygrad.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    return made


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_logits_distillation_by_its_formula():
    teacher, student = RNG.normal(size=(2, 7, 4)).astype("float32") * 3
    p, q = softmax(teacher / 2.5), softmax(student / 2.5)
    expected = 2.5**2 * np.sum(p * np.log(p / q), -1).mean()
    for loss in ("kl_divergence", cygrad.losses.KLDivergence()):
        found = distillation.LogitsDistillation(2.5, loss).compute_loss(teacher, student)
        assert float(found) == pytest.approx(expected, rel=1e-5)
    found = distillation.LogitsDistillation(2.5, "mse").compute_loss(teacher, student)
    assert float(found) == pytest.approx(np.square((teacher - student) / 2.5).mean(), rel=1e-5)


def test_losses_of_several_outputs_are_summed_and_none_is_left_out():
    a, b = RNG.normal(size=(2, 7, 4)).astype("float32")
    loss = distillation.FeatureDistillation(["mse", None, "mae"])
    expected = np.square(a - b).mean() + np.abs(a - b).mean()
    assert float(loss.compute_loss([a, a, a], [b, b, b])) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="loss has 3 entries, but there are 2 outputs"):
        loss.validate_outputs([a, a], [b, b])
    with pytest.raises(ValueError, match="the teacher has 2 outputs, the student 1"):
        loss.validate_outputs([a, a], b)


def test_the_loss_is_the_weighted_sum_and_only_the_student_learns():
    model = distiller([distillation.LogitsDistillation(3.0), distillation.FeatureDistillation()],
                      distillation_loss_weights=[1.0, 0.5])  # fmt: skip
    teacher, student = model.teacher.predict(X, verbose=0), model.student.predict(X, verbose=0)
    own = -np.log(softmax(student)[np.arange(40), Y]).mean()
    p, q = softmax(teacher / 3), softmax(student / 3)
    distilled = 9 * np.sum(p * np.log(p / q), -1).mean() + 0.5 * np.square(teacher - student).mean()
    logs = model.evaluate(X, Y, return_dict=True, verbose=0)
    assert logs["student_loss"] == pytest.approx(own, rel=1e-5)
    assert logs["distillation_loss"] == pytest.approx(distilled, rel=1e-5)
    assert logs["loss"] == logs["total_loss"] == pytest.approx(0.3 * own + 0.7 * distilled, rel=1e-5)
    before = [w.numpy().copy() for w in model.teacher.weights]
    history = model.fit(X, Y, epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert all(np.array_equal(b, w) for b, w in zip(before, model.teacher.weights))
    assert len(model.trainable_variables) == 4
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.student.predict(X, verbose=0))


def test_features_of_layers_inside_pull_the_students_layer():
    found = distillation.FeatureDistillation("mse", "hidden_16", "hidden_16")
    model = distiller(found, w=0.0, student=network(16, 2))
    inside = lambda m: cygrad.Model(m.inputs, m.get_layer("hidden_16").output).predict(X, verbose=0)  # noqa: E731
    expected = np.square(inside(model.teacher) - inside(model.student)).mean()
    assert model.evaluate(X, Y, return_dict=True, verbose=0)["loss"] == pytest.approx(expected, rel=1e-5)
    logits = model.student.get_layer("logits").kernel.numpy().copy()
    model.fit(X, Y, epochs=30, verbose=0)
    assert np.square(inside(model.teacher) - inside(model.student)).mean() < 0.9 * expected
    np.testing.assert_array_equal(logits, model.student.get_layer("logits").kernel.numpy())  # beyond what is compared


def test_the_student_runs_once_a_step():
    calls = []

    class Counting(layers.Layer):
        def call(self, x, training=None):
            calls.append(training)
            return x

    student = cygrad.Sequential([cygrad.Input((5,)), layers.Dense(16, name="hidden_16"), Counting(), layers.Dense(3)])
    model = distiller(distillation.FeatureDistillation("mse", "hidden_16", "hidden_16"), student=student)
    model.train_on_batch(X, Y)  # the first also tries the model for its shapes
    calls.clear()
    model.train_on_batch(X, Y)
    assert calls == [True]


def test_regularizers_of_the_student_alone_count():
    teacher, student = network(16, 1, kernel_regularizer="l2"), network(8, 2, kernel_regularizer="l2")
    model = distillation.Distiller(teacher, student, distillation.LogitsDistillation(), student_loss_weight=1.0)
    model.compile("sgd", cygrad.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain = cygrad.losses.SparseCategoricalCrossentropy(from_logits=True)(Y, student(X))
    penalty = 0.01 * np.square(student.get_layer("hidden_8").kernel.numpy()).sum()
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["loss"] == pytest.approx(float(plain) + penalty, rel=1e-5)


def test_files_pickles_and_copies(tmp_path):
    found = [distillation.LogitsDistillation(2.0, "mse"), distillation.FeatureDistillation("mae", None, "logits")]
    model = distiller(found, distillation_loss_weights=[1.0, 0.25])
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "d.cygrad")
    expected = model.evaluate(X, Y, return_dict=True, verbose=0)
    for other in (
        cygrad.models.load_model(tmp_path / "d.cygrad"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        assert other.evaluate(X, Y, return_dict=True, verbose=0) == expected
        assert not other.teacher.trainable and other.distillation_loss_weights == [1.0, 0.25]
        assert other.distillation_losses[0].temperature == 2.0
        assert other.distillation_losses[1].student_layer_name == "logits"


class Own(distillation.DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return ops.mean(ops.square(teacher_outputs - student_outputs), axis=-1)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: distillation.LogitsDistillation(0), "temperature must be a number above 0; got 0"),
        (lambda: distillation.LogitsDistillation(loss=[None]), "loss has no entry that is not None"),
        (lambda: distillation.FeatureDistillation("msee"), "msee"),
        (lambda: distiller([]), "distillation_losses must be one or several DistillationLoss"),
        (lambda: distiller("mse"), "distillation_losses must be one or several"),
        (lambda: distiller(Own(), w=1.5), "student_loss_weight must be a number from 0 to 1; got 1.5"),
        (lambda: distiller([Own()], distillation_loss_weights=[1, 2]), "has 2 entries for 1 distillation_losses"),
        (lambda: distiller(distillation.FeatureDistillation("mse", "hidden_61")), "teacher: get_layer.*hidden_61"),
        (lambda: distiller(Own(), student=cygrad.Sequential([cygrad.Input((5,)), layers.Dense(2)])), "same outputs"),
        (lambda: distiller(Own(), student=cygrad.Sequential([cygrad.Input((4,)), layers.Dense(3)])), "same inputs"),
        (lambda: distiller(Own(), student=layers.Dense(3)), "student must be a model; got Dense"),
        (lambda: distiller(Own()).evaluate(X, Y, verbose=0), r"compute_loss must give a scalar; got shape \(32,\)"),
        (lambda: distiller(Own()).compile("sgd"), "give loss="),
    ],
)
def test_what_does_not_fit_is_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()
