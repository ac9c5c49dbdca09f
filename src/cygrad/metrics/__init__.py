"""Metrics: state over many batches, result() a Python float or an array. By family: accuracy, confusion, f_score, iou,
regression, probabilistic; metric.py has their base and means. The loss functions are here too, as in Keras."""

from .. import _lookup, losses
from ..losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kind_of_labels,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from .f_score import F1Score, FBetaScore
from .iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .metric import Mean, MeanMetricWrapper, Metric, Sum, snake_case
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .regression import (
    ConcordanceCorrelation,
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    R2Score,
    RootMeanSquaredError,
    concordance_correlation,
    pearson_correlation,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

# ---- by name ----

_CLASSES = [
    value
    for name, value in list(globals().items())
    if name in __all__ and isinstance(value, type) and issubclass(value, Metric) and value is not Metric
]
_NAMES = {cls.__name__: cls for cls in _CLASSES}
_NAMES.update({snake_case(cls.__name__): cls for cls in _CLASSES})
_ALIASES = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_NAMES.update({alias.upper(): cls for alias, cls in _ALIASES.items()})
_NAMES.update(_ALIASES, acc=Accuracy)


def get(identifier, loss=None, y_true_shape=None, y_pred_shape=None, custom_objects=None):
    """The Metric for a name ("mse"), a {"class_name", "config"} dict, a function (y_true, y_pred), or a Metric.

    "accuracy" and "acc" choose by the shapes as Keras does: binary for one output, sparse for class numbers,
    categorical for one-hot rows; without shapes, by the loss. A metric found by name has that name. ValueError names
    the nearest when there is no such name.

    identifier: what stands for it, see above. custom_objects: {name: object} of the caller's own.

    >>> cygrad.metrics.get("accuracy", y_true_shape=(32,), y_pred_shape=(32, 10))
    <SparseCategoricalAccuracy name=accuracy>
    """
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _accuracy(loss, y_true_shape, y_pred_shape)(name=identifier)
    with _lookup.custom_object_scope(custom_objects):
        metric = _lookup.get(identifier, "metric", _NAMES, Metric)
    if not isinstance(metric, Metric):
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def _accuracy(loss, y_true_shape, y_pred_shape):
    if y_pred_shape is not None:
        kind = kind_of_labels(y_true_shape, y_pred_shape)
        return {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}[kind]
    kinds = {
        losses.BinaryCrossentropy: BinaryAccuracy,
        losses.SparseCategoricalCrossentropy: SparseCategoricalAccuracy,
        losses.CategoricalCrossentropy: CategoricalAccuracy,
    }
    return kinds.get(type(losses.resolve(loss)), Accuracy)


def serialize(metric):
    """{"class_name", "config"} of a Metric, or a function's name; get() is the reverse.

    metric: a metric or a function.

    >>> cygrad.metrics.serialize(cygrad.metrics.Mean())
    {'class_name': 'Mean', 'config': {'name': 'mean', 'dtype': 'float32'}}
    """
    if isinstance(metric, Metric):
        return {"class_name": type(metric).__name__, "config": metric.get_config()}
    return losses.serialize(metric)


def deserialize(config, custom_objects=None):
    """A metric from serialize()'s result; custom_objects, {name: object}, has the caller's own functions, classes.

    config: what serialize gives, or a name.

    >>> cygrad.metrics.deserialize({'class_name': 'Mean', 'config': {'name': 'm'}})
    <Mean name=m>
    """
    return get(config, custom_objects=custom_objects)
