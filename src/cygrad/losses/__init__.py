"""Losses: functions that give one value a sample, [...] for y_true and y_pred [..., K], and classes that reduce these.

By family: crossentropy, regression, probabilistic, hinge, segmentation, similarity, temporal. loss.py has their base,
the reduction and what fits shapes and weights.
"""

from .. import _lookup
from .crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from .hinge import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from .loss import REDUCTIONS, Loss, fit_weights, match_shapes
from .probabilistic import KLDivergence, Poisson, kl_divergence, poisson
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from .segmentation import Dice, Tversky, dice, tversky
from .similarity import Circle, circle
from .temporal import CTC, ctc

__all__ = [
    "CTC",
    "REDUCTIONS",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "fit_weights",
    "get",
    "hinge",
    "huber",
    "kind_of_labels",
    "kl_divergence",
    "log_cosh",
    "match_shapes",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]


class LossFunctionWrapper(Loss):
    """A function as a Loss: LossFunctionWrapper(fn, reduction="sum_over_batch_size", name=None, **kwargs).

    fn(y_true, y_pred, **kwargs) gives one value a sample, or a scalar.

    >>> def doubled(y_true, y_pred):
    ...     return 2 * cygrad.ops.abs(y_true - y_pred)
    >>> float(cygrad.losses.LossFunctionWrapper(doubled)(np.array([1.0]), np.array([3.0])))
    4.0
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction)
        self.fn, self.kwargs = fn, kwargs

    def call(self, y_true, y_pred):
        if y_pred.shape == (*y_true.shape, 1) or y_true.shape == (*y_pred.shape, 1):
            y_true, y_pred = match_shapes(y_true, y_pred, self.name)  # or the function's y_true - y_pred would be N x N
        return self.fn(y_true, y_pred, **self.kwargs)

    def get_config(self):
        return {**super().get_config(), "fn": serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "fn": get(config["fn"])})


# ---- by name ----

_CLASSES = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    cosine_similarity: CosineSimilarity,
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    kl_divergence: KLDivergence,
    poisson: Poisson,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    dice: Dice,
    tversky: Tversky,
    circle: Circle,
    ctc: CTC,
}
_NAMES = {function.__name__: function for function in _CLASSES}
_NAMES.update({cls.__name__: cls for cls in (*_CLASSES.values(), LossFunctionWrapper)})
_ALIASES = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}
_NAMES.update({alias.upper(): function for alias, function in _ALIASES.items()})
_NAMES.update(_ALIASES)  # last, so that errors suggest these


def get(identifier, custom_objects=None):
    """The loss for a name, a {"class_name", "config"} dict, a function or a Loss.

    A function's name or alias ("mse") gives the function, a class's name or a dict a new Loss; the rest comes back.

    ValueError names the nearest when there is no such name.

    identifier: what stands for it, see above. custom_objects: {name: object} of the caller's own.

    >>> cygrad.losses.get("mse") is cygrad.losses.mean_squared_error
    True
    """
    with _lookup.custom_object_scope(custom_objects):
        return _lookup.get(identifier, "loss", _NAMES, Loss)


def resolve(identifier, y_true_shape=None, y_pred_shape=None):
    """What compile's loss= stands for, always a Loss; None for None.

    "crossentropy" and "ce" choose by the shapes: binary for one output, sparse for class numbers, categorical for
    one-hot rows.

    identifier: what stands for it, see above. y_true_shape: the targets' shape. y_pred_shape: the predictions' shape.

    >>> cygrad.losses.resolve('crossentropy', (32,), (32, 10)).name
    'crossentropy'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        if y_pred_shape is None:
            raise ValueError(
                f"loss {identifier!r} is chosen by the shapes of y_true and y_pred, which are not known here"
            )
        kind = kind_of_labels(y_true_shape, y_pred_shape)
        loss = _NAMES[("sparse_categorical" if kind == "sparse" else kind) + "_crossentropy"]
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    name = identifier if isinstance(identifier, str) else getattr(loss, "__name__", None)
    return _CLASSES[loss](name=name) if loss in _CLASSES else LossFunctionWrapper(loss, name=name)


def kind_of_labels(y_true_shape, y_pred_shape):
    """What y_true holds, "binary", "sparse" or "categorical", judged by the shapes as Keras does for "accuracy".

    One deviation: predictions of rank 1, [N], are binary.

    y_true_shape: the targets' shape. y_pred_shape: the predictions' shape.

    >>> cygrad.losses.kind_of_labels((32,), (32, 10))
    'sparse'
    """
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"


def serialize(loss):
    """A function's name, or {"class_name", "config"} of a Loss; get() is the reverse.

    loss: a loss or a function.

    >>> cygrad.losses.serialize(cygrad.losses.mean_squared_error)
    'mean_squared_error'
    """
    if isinstance(loss, Loss):
        return {"class_name": type(loss).__name__, "config": loss.get_config()}
    return getattr(loss, "__name__", type(loss).__name__)


def deserialize(name, custom_objects=None):
    """A loss from serialize()'s result; custom_objects, {name: object}, has the caller's own functions and classes.

    >>> cygrad.losses.deserialize({'class_name': 'Huber', 'config': {'delta': 2.0}}).delta
    2.0
    """
    return get(name, custom_objects)
