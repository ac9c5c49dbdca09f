"""Metrics of the confusion matrix at one or more thresholds: counts, precision and recall, areas under curves.

A value is predicted positive at a threshold that it exceeds; a label is positive where it is not 0. A value is counted
once, in the interval between two thresholds where it lies; sums over intervals, made when the result is asked for, give
all four counts at every threshold.
"""

import numpy as np

from .. import ops
from .._tensor import as_float
from ..losses import match_shapes
from ..losses.loss import EPSILON
from .metric import Metric, plain, quotient, weights_of

BELOW_ALL = -1e10  # what a value outside the top k counts as


class ConfusionMetric(Metric):
    """Base of the metrics that count true and false positives and negatives at thresholds.

    Its counts, true_positives, false_positives, true_negatives and false_negatives, are arrays [thresholds], or
    [thresholds, labels] where per_label.
    """

    def __init__(self, thresholds, name=None, dtype=None, top_k=None, class_id=None, per_label=False):
        super().__init__(name, dtype)
        self._cuts = np.asarray(thresholds, np.float32)
        self._order = np.argsort(self._cuts, kind="stable")
        last = len(self._cuts) - 1
        # Keras finds the interval of evenly spread thresholds by multiplication, whose rounding decides in a tie
        self._even = last > 1 and bool(np.allclose(self._cuts, np.arange(last + 1) / last, atol=EPSILON))
        self.top_k, self.class_id, self._per_label = top_k, class_id, per_label
        self.reset_state()

    def reset_state(self):
        """No values yet: _sums[label, is it positive?, how many thresholds its value exceeds]"""
        self._sums = np.zeros((1, 2, len(self._cuts) + 1))

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, p = as_float(y_true, self.name, "y_true"), as_float(y_pred, self.name, "y_pred")
        t, p = match_shapes(t, p, self.name)
        weights = None if sample_weight is None else weights_of(sample_weight, p.shape, self.name)
        t, p = np.asarray(t) != 0, np.asarray(p)
        if self.top_k is not None:
            p = _top_k_only(p, self.top_k)
        if self.class_id is not None:
            if p.ndim < 2:
                raise ValueError(f"{self.name}: class_id needs y_pred[N, classes]; got shape {p.shape}")
            t, p = t[..., self.class_id], p[..., self.class_id]
            weights = None if weights is None else weights[..., self.class_id]
        self._add(t, p, weights)

    def _add(self, t, p, weights):
        """Counts labels t and values p, arrays of one shape; weights likewise, or None."""
        intervals = len(self._cuts) + 1
        columns = p.shape[1] if self._per_label else 1
        places = self._exceeded(p) + t * intervals
        if self._per_label:
            places = places + np.arange(columns) * (2 * intervals)
        weights = None if weights is None else weights.reshape(-1)
        sums = np.bincount(places.reshape(-1), weights, minlength=columns * 2 * intervals)
        self._sums = self._sums + sums.reshape(columns, 2, intervals)

    def _exceeded(self, p):
        """How many thresholds each value exceeds; NaN exceeds none."""
        if len(self._cuts) == 1:
            return p > self._cuts[0]
        if not self._even:
            return np.searchsorted(self._cuts[self._order], np.fmax(p, -np.inf))
        count = np.ceil(np.fmin(np.fmax(p, 0), 1) * np.float32(len(self._cuts) - 1)).astype(np.int64)
        return np.maximum(count, 1) if self._cuts[0] < 0 else count

    # ---- the counts, and their ratios ----

    def _counts(self):
        """(true positives, false positives, true negatives, false negatives)"""
        above = np.cumsum(self._sums[..., ::-1], axis=-1)[..., ::-1]
        predicted = np.empty((*above.shape[:-1], len(self._cuts)))
        predicted[..., self._order] = above[..., 1:]
        rest = above[..., :1] - predicted
        counts = predicted[:, 1].T, predicted[:, 0].T, rest[:, 0].T, rest[:, 1].T
        return counts if self._per_label else tuple(c[:, 0] for c in counts)

    true_positives = property(lambda self: self._counts()[0])
    false_positives = property(lambda self: self._counts()[1])
    true_negatives = property(lambda self: self._counts()[2])
    false_negatives = property(lambda self: self._counts()[3])

    def _recall(self):
        tp, _, _, fn = self._counts()
        return quotient(tp, tp + fn)

    def _precision(self):
        tp, fp, _, _ = self._counts()
        return quotient(tp, tp + fp)

    def _specificity(self):
        _, fp, tn, _ = self._counts()
        return quotient(tn, tn + fp)


def _top_k_only(p, k):
    """p with all but the k largest of each row below every threshold."""
    order = np.argsort(-p, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(p, BELOW_ALL)
    np.put_along_axis(kept, order, np.take_along_axis(p, order, -1), -1)
    return kept


def _listed(owner, thresholds, default):
    """thresholds, a number in [0, 1] or several, as a list."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in listed if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"{owner}: thresholds must be in [0, 1]; got {wrong}")
    return listed


def _spread(n):
    """n thresholds from 0 to 1, as Keras computes them."""
    return [0.0, *[(i + 1) * 1.0 / (n - 1) for i in range(n - 2)], 1.0]


class _Count(ConfusionMetric):
    """One of the four counts: a float, or an array where several thresholds were given."""

    _counted = ""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(_listed(type(self).__name__, thresholds, 0.5), name, dtype)
        self.thresholds = thresholds

    def result(self):
        return plain(getattr(self, self._counted))

    def get_config(self):
        return {**super().get_config(), "thresholds": self.thresholds}


class TruePositives(_Count):
    """How many positives are predicted positive: TruePositives(thresholds=None, name=None); threshold 0.5 if absent.

    >>> cygrad.metrics.TruePositives()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
    2.0
    """

    _counted = "true_positives"


class FalsePositives(_Count):
    """How many negatives are predicted positive: FalsePositives(thresholds=None, name=None); threshold 0.5 if absent.

    >>> cygrad.metrics.FalsePositives()([0, 1, 0, 0], [0.0, 0.0, 1.0, 1.0])
    2.0
    """

    _counted = "false_positives"


class TrueNegatives(_Count):
    """How many negatives are predicted negative: TrueNegatives(thresholds=None, name=None); threshold 0.5 if absent.

    >>> cygrad.metrics.TrueNegatives()([0, 1, 0, 0], [1.0, 1.0, 0.0, 0.0])
    2.0
    """

    _counted = "true_negatives"


class FalseNegatives(_Count):
    """How many positives are predicted negative: FalseNegatives(thresholds=None, name=None); threshold 0.5 if absent.

    >>> cygrad.metrics.FalseNegatives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 0.0])
    2.0
    """

    _counted = "false_negatives"


class _Rate(ConfusionMetric):
    """What Precision and Recall share: their arguments."""

    _direction = "up"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        default = 0.5 if top_k is None else BELOW_ALL
        super().__init__(_listed(type(self).__name__, thresholds, default), name, dtype, top_k, class_id)
        self.thresholds = thresholds

    def get_config(self):
        own = {"thresholds": self.thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


class Precision(_Rate):
    """The part of what is predicted positive that is: Precision(thresholds=None, top_k=None, class_id=None, name=None).

    thresholds: 0.5 if absent; several give an array. top_k: only the k largest values of a row can be positive, and
    they are, unless thresholds say otherwise. class_id: only this column counts. 0 where nothing is predicted positive.

    >>> cygrad.metrics.Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]) == 2 / 3
    True
    """

    def result(self):
        return plain(self._precision())


class Recall(_Rate):
    """The part of what is positive that is found: Recall(thresholds=None, top_k=None, class_id=None, name=None).

    Arguments: as Precision. 0 where nothing is positive.

    >>> cygrad.metrics.Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]) == 2 / 3
    True
    """

    def result(self):
        return plain(self._recall())


class _BestUnderConstraint(ConfusionMetric):
    """The largest of one rate among thresholds where another one is at least a given value; 0 where there is none."""

    _direction = "up"
    _argument = ""

    def __init__(self, value, num_thresholds, class_id, name, dtype):
        kind = type(self).__name__
        if not 0 <= value <= 1:
            raise ValueError(f"{kind}: {self._argument} must be in [0, 1]; got {value!r}")
        if num_thresholds <= 0:
            raise ValueError(f"{kind}: num_thresholds must be at least 1; got {num_thresholds!r}")
        super().__init__([0.5] if num_thresholds == 1 else _spread(num_thresholds), name, dtype, class_id=class_id)
        self.num_thresholds = num_thresholds
        setattr(self, self._argument, value)

    def _best(self, constrained, wanted):
        return float(np.max(wanted, where=constrained >= getattr(self, self._argument), initial=0.0))

    def get_config(self):
        own = {name: getattr(self, name) for name in ("num_thresholds", self._argument, "class_id")}
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(_BestUnderConstraint):
    """The best recall at a specificity, true negatives / negatives, of at least the given one.

    SensitivityAtSpecificity(specificity, num_thresholds=200, class_id=None, name=None)

    >>> cygrad.metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    _argument = "specificity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._specificity(), self._recall())


class SpecificityAtSensitivity(_BestUnderConstraint):
    """The best specificity, true negatives / negatives, at a recall of at least the given one.

    SpecificityAtSensitivity(sensitivity, num_thresholds=200, class_id=None, name=None)

    >>> round(cygrad.metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]), 4)
    0.6667
    """

    _argument = "sensitivity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._specificity())


class PrecisionAtRecall(_BestUnderConstraint):
    """The best precision at a recall of at least the given one: PrecisionAtRecall(recall, num_thresholds=200, ...).

    class_id=None, name=None.

    >>> cygrad.metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    _argument = "recall"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._precision())


class RecallAtPrecision(_BestUnderConstraint):
    """The best recall at a precision of at least the given one: RecallAtPrecision(precision, num_thresholds=200, ...).

    class_id=None, name=None.

    >>> cygrad.metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.5
    """

    _argument = "precision"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._precision(), self._recall())


def _one_of(argument, value, allowed):
    """value as one of allowed, in whichever case it was written."""
    for choice in allowed:
        if value in (choice, choice.lower(), choice.capitalize()):
            return choice
    raise ValueError(f"AUC: {argument} must be one of {allowed}; got {value!r}")


class AUC(ConfusionMetric):
    """The area under a curve through the points at all thresholds.

    AUC(num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None, thresholds=None,
    multi_label=False, num_labels=None, label_weights=None, from_logits=False).

    curve: "ROC" (recall by false-positive rate), "PR" (precision by recall) or "PRGAIN" (the gains of both; Flach and
    Kull 2015). summation_method: "interpolation" (the mid-point of neighbours; for "PR" as Davis and Goadrich 2006),
    "minoring" or "majoring" (the lower or higher neighbour). thresholds: between 0 and 1, instead of num_thresholds
    evenly spread ones. multi_label: the mean over the columns of y_pred[N, num_labels], weighed by label_weights;
    otherwise all values are one set, and label_weights weigh the columns' values. from_logits: sigmoid first.

    >>> cygrad.metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
        multi_label=False,
        num_labels=None,
        label_weights=None,
        from_logits=False,
    ):
        self.curve = _one_of("curve", curve, ("ROC", "PR", "PRGAIN"))
        methods = ("interpolation", "majoring", "minoring")
        self.summation_method = _one_of("summation_method", summation_method, methods)
        if thresholds is None:
            if num_thresholds <= 1:
                raise ValueError(f"AUC: num_thresholds must be at least 2; got {num_thresholds!r}")
            inner = _spread(num_thresholds)[1:-1]
        else:
            inner = sorted(_listed("AUC", thresholds, None))
        if num_labels and not multi_label:
            raise ValueError("AUC: num_labels is for multi_label=True")
        self._given = None if thresholds is None else inner
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else [float(w) for w in label_weights]
        super().__init__([-EPSILON, *inner, 1.0 + EPSILON], name, dtype, per_label=multi_label)
        self.num_thresholds = len(inner) + 2

    @property
    def thresholds(self):
        """All thresholds, those just outside 0 and 1 included."""
        return self._cuts.tolist()

    def update_state(self, y_true, y_pred, sample_weight=None):
        shape = np.shape(y_pred)
        if self.multi_label and (len(shape) != 2 or (self.num_labels and shape[1] != self.num_labels)):
            expected = f"y_pred[N,{self.num_labels or 'labels'}]"
            raise ValueError(f"AUC: multi_label expects {expected}; got shape {shape}")
        if self.from_logits:
            y_pred = ops.sigmoid(as_float(y_pred, self.name, "y_pred"))
        super().update_state(y_true, y_pred, sample_weight)

    def _add(self, t, p, weights):
        if self.label_weights is not None:
            if p.shape[-1] != len(self.label_weights):
                raise ValueError(f"AUC: {len(self.label_weights)} label_weights for y_pred of shape {p.shape}")
            if not self.multi_label:
                weights = np.broadcast_to((1.0 if weights is None else weights) * np.array(self.label_weights), p.shape)
        super()._add(t, p, weights)

    def result(self):
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean_over_labels(self._interpolated_precision_recall().sum(axis=0))
        x, y = self._curve_points()
        low, high = y[1:], y[:-1]
        if self.summation_method == "interpolation":
            heights = (low + high) / 2
        else:
            heights = (np.minimum if self.summation_method == "minoring" else np.maximum)(low, high)
        return self._mean_over_labels(((x[:-1] - x[1:]) * heights).sum(axis=0))

    def _curve_points(self):
        tp, fp, tn, fn = self._counts()
        if self.curve == "ROC":
            return quotient(fp, fp + tn), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        odds = quotient(tp + fn, tn + fp)
        recall_gain = np.where(tp == 0, 0.0, 1 - odds * quotient(fn, tp))
        precision_gain = np.where(tp == 0, 1.0, 1 - odds * quotient(fp, tp))
        return np.maximum(recall_gain, 0.0), precision_gain

    def _interpolated_precision_recall(self):
        """The areas between neighbouring thresholds; true positives are linear in all that is predicted positive."""
        tp, fp, _, fn = self._counts()
        predicted = tp + fp
        dtp, dp = tp[:-1] - tp[1:], predicted[:-1] - predicted[1:]
        slope = quotient(dtp, np.maximum(dp, 0))
        intercept = tp[1:] - slope * predicted[1:]
        ratio = np.where((predicted[:-1] > 0) & (predicted[1:] > 0), quotient(predicted[:-1], predicted[1:]), 1.0)
        return quotient(slope * (dtp + intercept * np.log(ratio)), tp[1:] + fn[1:])

    def _mean_over_labels(self, areas):
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        return float(quotient((areas * self.label_weights).sum(), sum(self.label_weights)))

    def get_config(self):
        names = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "label_weights")
        own = {**{name: getattr(self, name) for name in names}, "from_logits": self.from_logits}
        if self._given is not None:
            own["thresholds"] = self._given
        return {**super().get_config(), **own}
