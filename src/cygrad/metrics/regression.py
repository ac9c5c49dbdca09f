"""Metrics of numbers: mean errors, the coefficient of determination, correlations."""

import math
import warnings

import numpy as np

from .. import losses, ops
from .._tensor import as_float
from ..losses import match_shapes
from .metric import FUNCTIONS, LossMetric, Metric, plain, weights_of


class MeanSquaredError(LossMetric):
    """The mean of (y_true - y_pred)^2: MeanSquaredError(name="mean_squared_error").

    >>> cygrad.metrics.MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]])
    2.0
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(LossMetric):
    """The mean of |y_true - y_pred|: MeanAbsoluteError(name="mean_absolute_error").

    >>> cygrad.metrics.MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [1.0]])
    1.0
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class RootMeanSquaredError(LossMetric):
    """The root of the mean of (y_true - y_pred)^2 over all batches: RootMeanSquaredError(name=...).

    >>> cygrad.metrics.RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])
    5.0
    """

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)

    def result(self):
        return math.sqrt(super().result())


class MeanAbsolutePercentageError(LossMetric):
    """The mean of losses.mean_absolute_percentage_error: MeanAbsolutePercentageError(name=...).

    >>> cygrad.metrics.MeanAbsolutePercentageError()([[2.0], [4.0]], [[3.0], [4.0]])
    25.0
    """

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of losses.mean_squared_logarithmic_error: MeanSquaredLogarithmicError(name=...).

    >>> round(cygrad.metrics.MeanSquaredLogarithmicError()([[0.0]], [[1.0]]), 4)
    0.4805
    """

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(LossMetric):
    """The mean of losses.log_cosh: LogCoshError(name="logcosh").

    >>> round(cygrad.metrics.LogCoshError()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(losses.log_cosh, name, dtype)


def _cosine_similarity(y_true, y_pred, axis=-1):
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis))


class CosineSimilarity(LossMetric):
    """The mean cosine of the angle between y_true and y_pred along axis, 1 where they agree (the loss's is -1).

    CosineSimilarity(name="cosine_similarity", dtype=None, axis=-1)

    >>> cygrad.metrics.CosineSimilarity()([[0.0, 1.0], [0.0, 1.0]], [[0.0, 2.0], [3.0, 0.0]])
    0.5
    """

    _direction = "up"

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(_cosine_similarity, name, dtype, axis=axis)


def pearson_correlation(y_true, y_pred, axis=-1):
    """The correlation of y_true and y_pred along axis: the mean of their products, each of mean 0 and deviation 1.

    Shapes: both alike, result without axis. NaN where all values are equal.

    >>> round(cygrad.metrics.pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).item(), 4)
    1.0
    """
    name = "pearson_correlation"
    t, x = match_shapes(as_float(y_true, name, "y_true"), as_float(y_pred, name, "y_pred"), name)
    t, x = (ops.subtract(v, ops.mean(v, axis, True)) for v in (t, x))
    t, x = (ops.divide(v, ops.std(v, axis, True)) for v in (t, x))
    return ops.mean(ops.multiply(t, x), axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Along axis: 2 covariance / (both variances + the square of the difference of the means + 1e-7): 1 only where
    y_pred is y_true. (Lin 1989)

    Shapes: both alike, result without axis.

    >>> round(cygrad.metrics.concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]).item(), 4)
    0.5714
    """
    name = "concordance_correlation"
    t, x = match_shapes(as_float(y_true, name, "y_true"), as_float(y_pred, name, "y_pred"), name)
    mean_t, mean_x = ops.mean(t, axis, True), ops.mean(x, axis, True)
    products = ops.multiply(ops.subtract(t, mean_t), ops.subtract(x, mean_x))
    spread = ops.add(ops.var(t, axis, True), ops.var(x, axis, True))
    norm = ops.add(ops.add(spread, ops.square(ops.subtract(mean_t, mean_x))), losses.loss.EPSILON)
    return ops.mean(ops.divide(ops.multiply(products, 2.0), norm), axis)


class PearsonCorrelation(LossMetric):
    """The mean of pearson_correlation over batches and rows: PearsonCorrelation(name=..., dtype=None, axis=-1).

    >>> round(cygrad.metrics.PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(LossMetric):
    """The mean of concordance_correlation over batches and rows: ConcordanceCorrelation(name=..., dtype=None, axis=-1).

    >>> round(cygrad.metrics.ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]), 4)
    0.5714
    """

    _direction = "up"

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class R2Score(Metric):
    """The coefficient of determination, 1 - sum (t - p)^2 / sum (t - mean t)^2, t = y_true and p = y_pred.

    R2Score(class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None). y_true and y_pred are
    [N, K]; of the K scores class_aggregation makes one, their mean or "variance_weighted_average", or None keeps them.
    num_regressors p > 0: adjusted, 1 - (1 - score)(n - 1) / (n - p - 1), n the number of values seen. A score that
    would be infinite is 0, as in Keras.

    >>> round(cygrad.metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
    0.5714
    """

    _direction = "up"

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(name, dtype)
        allowed = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in allowed:
            raise ValueError(f"R2Score: class_aggregation must be one of {allowed}; got {class_aggregation!r}")
        if num_regressors < 0:
            raise ValueError(f"R2Score: num_regressors must be at least 0; got {num_regressors!r}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.reset_state()

    def reset_state(self):
        self._sums = 0.0  # of each column: weights, t, t^2, (t - p)^2
        self.num_samples = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, p = as_float(y_true, self.name, "y_true"), as_float(y_pred, self.name, "y_pred")
        t, p = match_shapes(t, p, self.name)
        if len(p.shape) != 2:
            raise ValueError(f"R2Score: expected y_true[N,K] and y_pred[N,K]; got shapes {t.shape} and {p.shape}")
        weights = weights_of(sample_weight, p.shape, self.name)
        t, p = np.asarray(t, np.float64), np.asarray(p, np.float64)
        terms = np.stack([np.ones_like(t), t, t * t, (t - p) ** 2]) * weights
        self._sums = self._sums + terms.sum(axis=1)
        self.num_samples += t.size

    def result(self):
        if not self.num_samples:
            return 0.0
        count, total, squares, residual = self._sums
        with np.errstate(all="ignore"):
            variation = squares - total * total / count
            scores = 1 - residual / variation
            scores[np.isinf(scores)] = 0.0
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (variation * scores).sum() / variation.sum()
        free = self.num_samples - self.num_regressors - 1
        if self.num_regressors and free <= 0:
            warnings.warn(
                f"R2Score: {self.num_regressors} regressors for {self.num_samples} values leave nothing to adjust "
                "by; the score is not adjusted",
                stacklevel=2,
            )
        elif self.num_regressors:
            scores = 1 - (1 - scores) * (self.num_samples - 1) / free
        return plain(np.asarray(scores))

    def get_config(self):
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}


FUNCTIONS.update(pearson_correlation=pearson_correlation, concordance_correlation=concordance_correlation)
