"""Knowledge distillation: a small model learns from a large one, under keras.distillation's names.

A Distiller is a model around two others. Its loss is a weighted sum of the student's own and of distillation losses,
which compare what teacher and student make of the same batch: their last outputs (Hinton, Vinyals and Dean, 2015,
arXiv:1503.02531) or what a layer inside gives (Romero et al., 2015, arXiv:1412.6550). Intermediate features come from
one model with several outputs, so that teacher and student each run once a step.
"""

from . import losses, ops
from .metrics import Mean
from .models import Functional, Model, Sequential
from .models.graph import flat
from .models.serialization import deserialize_layer
from .saving import deserialize_keras_object, serialize_keras_object

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]


class DistillationLoss:
    """What a distillation loss is: compute_loss(teacher_outputs, student_outputs), a scalar. Subclass it for your own.

    validate_model_compatibility(teacher, student) may refuse models when the Distiller is made, validate_outputs(
    teacher_outputs, student_outputs) refuses outputs at a step: here, another number of outputs (ValueError).

    >>> class Means(cygrad.distillation.DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return cygrad.ops.square(cygrad.ops.mean(teacher_outputs) - cygrad.ops.mean(student_outputs))
    >>> float(Means().compute_loss(np.ones((2, 3)), np.zeros((2, 3))))
    1.0
    """

    teacher_layer_name = student_layer_name = None  # what is compared: the models' outputs, or those of these layers

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The loss of a batch, a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_loss(teacher_outputs, student_outputs)")

    def validate_outputs(self, teacher_outputs, student_outputs):
        """ValueError where the outputs cannot be compared."""
        teacher, student = len(flat(teacher_outputs)), len(flat(student_outputs))
        if teacher != student:
            raise ValueError(f"{type(self).__name__}: the teacher has {teacher} outputs, the student {student}")

    def validate_model_compatibility(self, teacher, student):
        """ValueError where a layer that is named does not exist or cannot be reached."""
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if not isinstance(model, (Functional, Sequential)) or not model.built:
                raise ValueError(
                    f"{type(self).__name__}: {role}_layer_name={name!r} needs a Sequential that is built or a model "
                    f'made of inputs and outputs; "{model.name}" is neither, so what its layers give is not known'
                )
            try:
                model.get_layer(name)
            except ValueError as error:
                raise ValueError(f"{type(self).__name__}: {role}: {error}") from None


class _OfEachOutput(DistillationLoss):
    """Means of a loss, or of one for each output (None: none), summed over the outputs."""

    def __init__(self, loss):
        if all(entry is None for entry in flat(loss)):
            raise ValueError(f"{type(self).__name__}: loss has no entry that is not None; got {loss!r}")
        if isinstance(loss, dict):
            self.loss = {key: losses.get(entry) for key, entry in loss.items()}
        elif isinstance(loss, (list, tuple)):
            self.loss = [losses.get(entry) for entry in loss]
        else:
            self.loss = losses.get(loss)

    def validate_outputs(self, teacher_outputs, student_outputs):
        super().validate_outputs(teacher_outputs, student_outputs)
        given, outputs = len(flat(self.loss)), len(flat(teacher_outputs))
        if given != outputs:
            raise ValueError(
                f"{type(self).__name__}: loss has {given} entries, but there are {outputs} outputs; give one an "
                "output, None for those that are not compared"
            )

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        pairs = zip(flat(self.loss), flat(teacher_outputs), flat(student_outputs))
        values = [ops.mean(self._compare(loss, t, s)) for loss, t, s in pairs if loss is not None]
        return sum(values[1:], values[0])

    def _compare(self, loss, teacher, student):
        return loss(teacher, student)

    def get_config(self):
        return {"loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": deserialize_keras_object(config["loss"])})


class LogitsDistillation(_OfEachOutput):
    """Compares logits at a temperature: T^2 KL(softmax(teacher / T) || softmax(student / T)), T = temperature.

    A higher temperature makes the teacher's probabilities softer, so that the student also learns which wrong classes
    are nearly right; T^2 keeps the gradient's size (Hinton, Vinyals and Dean, 2015). Both models must end in logits,
    not in probabilities.

    temperature: above 0. loss: "kl_divergence", or another one, given logits / T and without the factor T^2; for
    several outputs one an output, None for those that are not compared. ValueError for other values.

    >>> loss = cygrad.distillation.LogitsDistillation(temperature=2.0)
    >>> round(float(loss.compute_loss(np.array([[0.0, 4.0]]), np.array([[4.0, 0.0]]))), 3)
    6.093
    """

    def __init__(self, temperature=3.0, loss="kl_divergence"):
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature > 0:
            raise ValueError(f"LogitsDistillation: temperature must be a number above 0; got {temperature!r}")
        super().__init__(loss)
        self.temperature = temperature

    def _compare(self, loss, teacher, student):
        teacher, student = ops.divide(teacher, self.temperature), ops.divide(student, self.temperature)
        if loss is not losses.kl_divergence and not isinstance(loss, losses.KLDivergence):
            return loss(teacher, student)
        return loss(ops.softmax(teacher), ops.softmax(student)) * self.temperature**2

    def get_config(self):
        return {"temperature": self.temperature, **super().get_config()}


class FeatureDistillation(_OfEachOutput):
    """Compares what a layer of the teacher and one of the student give: mean of loss(teacher's, student's).

    loss: "mse", or another; for layers with several outputs one for each. teacher_layer_name, student_layer_name: names
    of layers; None for the model's outputs. The two must have shapes that the loss can compare. ValueError where a
    layer does not exist.

    >>> loss = cygrad.distillation.FeatureDistillation(teacher_layer_name="wide", student_layer_name="narrow")
    >>> float(loss.compute_loss(np.ones((2, 3)), np.zeros((2, 3))))
    1.0
    """

    def __init__(self, loss="mse", teacher_layer_name=None, student_layer_name=None):
        super().__init__(loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def get_config(self):
        names = {"teacher_layer_name": self.teacher_layer_name, "student_layer_name": self.student_layer_name}
        return {**super().get_config(), **names}


class Distiller(Model):
    """Trains a student on targets and on what a frozen teacher says: loss = w own + (1 - w) sum_i w_i distillation_i.

    teacher, student: models with the same input and output shapes; the teacher is frozen, trainable=False. own is
    compile's loss of the student's outputs with its regularizers. distillation_losses: one or a list; w_i =
    distillation_loss_weights, 1 each where absent; w = student_loss_weight, from 0 to 1. Logs and evaluate also give
    student_loss, distillation_loss and total_loss. `student` is the trained model, to use and save without the teacher.
    ValueError for models that do not fit each other or a loss.

    >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    >>> teacher = cygrad.Sequential([cygrad.Input((5,)), cygrad.layers.Dense(32, "relu"), cygrad.layers.Dense(3)])
    >>> student = cygrad.Sequential([cygrad.Input((5,)), cygrad.layers.Dense(3)])
    >>> distiller = cygrad.distillation.Distiller(
    ...     teacher, student, cygrad.distillation.LogitsDistillation(temperature=3.0), student_loss_weight=0.1)
    >>> distiller.compile("adam", cygrad.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> history = distiller.fit(x, np.arange(64) % 3, epochs=2, verbose=0).history
    >>> sorted(history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(
        self,
        teacher,
        student,
        distillation_losses,
        distillation_loss_weights=None,
        student_loss_weight=0.5,
        name="distiller",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        several = isinstance(distillation_losses, (list, tuple))
        found = list(distillation_losses) if several else [distillation_losses]
        weights = [1.0] * len(found) if distillation_loss_weights is None else list(distillation_loss_weights)
        _check_models(teacher, student)
        _check_weight("student_loss_weight", student_loss_weight)
        if not found or not all(isinstance(loss, DistillationLoss) for loss in found):
            raise ValueError(
                "Distiller: distillation_losses must be one or several DistillationLoss, such as "
                f"LogitsDistillation(); got {distillation_losses!r}"
            )
        if len(weights) != len(found):
            raise ValueError(
                f"Distiller: distillation_loss_weights has {len(weights)} entries for {len(found)} distillation_losses"
            )
        for loss in found:
            loss.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.distillation_losses, self.distillation_loss_weights = found, weights
        self.student_loss_weight = student_loss_weight
        teacher.trainable = False
        self._teacher_features = _features(teacher, [loss.teacher_layer_name for loss in found])
        self._student_features = _features(student, [loss.student_layer_name for loss in found])
        self._seen = None  # what the student's features were in the call under way
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """As Model.compile; loss is the student's own, and must be given."""
        if loss is None:
            raise ValueError("Distiller.compile: give loss=, the student's loss against the targets")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    @property
    def losses(self):
        """What the student's layers add to the loss."""
        return self.student.losses

    def call(self, inputs, training=None):
        if not training or self._student_features is None:
            return self.student(inputs, training=training)
        self._seen = self._student_features(inputs, training=True)
        return self._seen[OUTPUTS]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of the student's loss and the distillation losses."""
        if y_pred is None:
            y_pred = self(x, training=training)
        seen, self._seen = self._seen, None
        own, distilled, w = 0.0, 0.0, self.student_loss_weight
        if w > 0:
            own = super().compute_loss(x, y, y_pred, sample_weight, training)
        if w < 1:
            teacher = _run(self.teacher, self._teacher_features, x, False)
            if seen is None or seen[OUTPUTS] is not y_pred:
                seen = {OUTPUTS: y_pred}
                if self._student_features is not None:
                    seen = _run(self.student, self._student_features, x, training)
            for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights):
                outputs = teacher[loss.teacher_layer_name or OUTPUTS], seen[loss.student_layer_name or OUTPUTS]
                loss.validate_outputs(*outputs)
                value = ops.convert_to_tensor(loss.compute_loss(*outputs))
                if value.shape != ():
                    raise ValueError(f"{type(loss).__name__}: compute_loss must give a scalar; got shape {value.shape}")
                distilled = distilled + value * weight
        total = own * w + distilled * (1 - w)
        batch = flat(y_pred)[0].shape[0]
        self.student_loss_tracker.update_state(own, sample_weight=batch)
        self.distillation_loss_tracker.update_state(distilled, sample_weight=batch)
        self.total_loss_tracker.update_state(total, sample_weight=batch)
        return total

    @classmethod
    def from_config(cls, config, custom_objects=None):
        models = {role: deserialize_layer(config[role], custom_objects) for role in ("teacher", "student")}
        found = deserialize_keras_object(config["distillation_losses"], custom_objects)
        return cls(**{**config, **models, "distillation_losses": found})


OUTPUTS = "outputs of the model"  # the key of a model's outputs beside those of layers, no layer's name


def _features(model, names):
    """A model that gives the outputs of these layers by name, and its own; None where only its own are asked for."""
    names = {name for name in names if name is not None}
    if not names:
        return None
    outputs = model.outputs if len(model.outputs) > 1 else model.outputs[0]
    return Model(model.inputs, {OUTPUTS: outputs, **{name: model.get_layer(name).output for name in names}})


def _run(model, features, x, training):
    """{name: outputs} of the model and of the layers that are asked for."""
    return {OUTPUTS: model(x, training=training)} if features is None else features(x, training=training)


def _check_weight(name, weight):
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
        raise ValueError(f"Distiller: {name} must be a number from 0 to 1; got {weight!r}")


def _check_models(teacher, student):
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"Distiller: {role} must be a model; got {type(model).__name__}")
    for what in ("inputs", "outputs"):
        theirs, ours = (getattr(model, what, None) if model.built else None for model in (teacher, student))
        if theirs is None or ours is None:
            continue  # a model that has not seen data: validate_outputs looks at the first step
        shapes = [[tuple(t.shape) for t in tensors] for tensors in (theirs, ours)]
        if len(theirs) != len(ours) or not all(map(_compatible, *shapes)):
            raise ValueError(
                f"Distiller: teacher and student must have the same {what}; the teacher has shapes {shapes[0]}, the "
                f"student {shapes[1]}"
            )


def _compatible(a, b):
    return len(a) == len(b) and all(p is None or q is None or p == q for p, q in zip(a, b))
