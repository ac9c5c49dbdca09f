"""FBetaScore and F1Score: precision and recall in one number."""

import numpy as np

from .._tensor import as_float
from ..losses.loss import EPSILON
from .metric import Metric, plain, weights_of


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), of each column of y_true and y_pred [N, classes].

    FBetaScore(average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None). average: None, one score a
    class, an array; "micro", counted over all classes; "macro", the mean of the classes' scores; "weighted", their mean
    weighed by how often each class is. threshold: what a value must exceed to be predicted; None: the largest value of
    a row (or several of them, if equal).

    >>> metric = cygrad.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(4).tolist()
    [0.3846, 0.9091, 0.8333]
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(name, dtype)
        kind = type(self).__name__
        allowed = (None, "micro", "macro", "weighted")
        if average not in allowed:
            raise ValueError(f"{kind}: average must be one of {allowed}; got {average!r}")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"{kind}: beta must be a float above 0; got {beta!r}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"{kind}: threshold must be a float in (0, 1], or None; got {threshold!r}")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.reset_state()

    def reset_state(self):
        self._sums = np.zeros((4, 1))  # of each class: true positives, false positives, false negatives, positives

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, p = as_float(y_true, self.name, "y_true"), as_float(y_pred, self.name, "y_pred")
        if len(p.shape) != 2 or t.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}: expected y_true and y_pred [N, classes] of one shape; got {t.shape}, {p.shape}"
            )
        weights = weights_of(sample_weight, p.shape, self.name)
        t, p = np.asarray(t), np.asarray(p)
        if self.threshold is None:
            p = (p >= p.max(axis=-1, keepdims=True)) & (np.abs(p) > 1e-9)
        else:
            p = p > self.threshold
        terms = np.stack([p * t, p * (1 - t), (1 - p) * t, t]) * weights
        sums = terms.sum(axis=1, dtype=np.float64)
        self._sums = self._sums + (sums.sum(axis=1, keepdims=True) if self.average == "micro" else sums)

    def result(self):
        tp, fp, fn, positives = self._sums
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        scores = precision * recall / (square * precision + recall + EPSILON) * (1 + square)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * positives / (positives.sum() + EPSILON)).sum())
        return plain(scores.mean())

    def get_config(self):
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


class F1Score(FBetaScore):
    """FBetaScore with beta 1, the harmonic mean of precision and recall: F1Score(average=None, threshold=None, ...).

    >>> metric = cygrad.metrics.F1Score(average="micro", threshold=0.5)
    >>> round(metric([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]), 4)
    0.6667
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self):
        config = super().get_config()
        del config["beta"]
        return config
