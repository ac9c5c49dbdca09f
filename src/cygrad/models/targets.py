"""Labels and targets, checked once before training: their shape against the model's output, their values against the
loss and the metrics."""

import warnings

import numpy as np

from .. import losses, metrics
from ..ops._backend import scalar
from .data import LazyRows


def _count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def is_sparse(loss):
    return isinstance(loss, (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy))


def prepare_targets(y, output, loss, caller, where):
    """y as the array that the loss wants: int32 labels for the sparse losses, else floats; ValueError says what does
    not fit, and where.

    output: the shape of the output for len(y) samples. A last axis of 1 is added or dropped where only that
    differs. A loss of the caller's own takes any shape.
    """
    if isinstance(y, LazyRows):
        if y.shape == output and not is_sparse(loss):
            return y  # read batch by batch: its values are not checked
        y = np.asarray(y)
    if getattr(loss, "axis", -1) not in (-1, len(output) - 1):
        return np.ascontiguousarray(y, dtype=np.int32) if is_sparse(loss) else y
    if is_sparse(loss):
        return _labels(y, output, loss, caller, where)
    if isinstance(loss, losses.CTC):  # labels without places, of another length than the frames
        return np.ascontiguousarray(y, dtype=np.int32)
    y = y.astype(np.dtype(scalar(0).dtype), copy=False)
    own = isinstance(loss, (losses.LossFunctionWrapper, losses.Circle))
    if own or not type(loss).__module__.startswith("cygrad."):
        return y
    if isinstance(loss, (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)):
        _check_probabilities(y, loss, caller)
    if y.shape != output:
        if y.shape + (1,) == output or (y.shape[-1:] == (1,) and y.shape[:-1] == output):
            return y.reshape(output)
        name = type(loss).__name__
        cause = ""
        if "categorical" in name.lower() and y.ndim <= len(output) and (y.ndim < len(output) or y.shape[-1] == 1):
            cause = (
                f"These look like class indices: use loss='sparse_categorical_crossentropy', or "
                f"utils.to_categorical(y, {output[-1]})."
            )
        elif y.ndim == len(output) and y.shape[:-1] == output[:-1]:
            cause = f"The last layer has {_count(output[-1], 'unit')}; y has {_count(y.shape[-1], 'value')} a sample."
        elif "binary" in name.lower() and y.shape in (output[:-1], (*output[:-1], 1)):
            cause = (
                f"For {output[-1]} classes use loss='sparse_categorical_crossentropy' with a softmax; for two, one "
                "unit with a sigmoid will do."
            )
        elif y.ndim < len(output):
            cause = "Is a Flatten or a pooling layer missing before the last layers?"
        raise ValueError(
            f"{where} have different shapes: {y.shape} and {output}; {name} compares them one by one. {cause}".rstrip()
        )
    return y


def _check_probabilities(y, loss, caller):
    """ValueError for targets of a binary crossentropy far from 0 .. 1, for which it has no minimum."""
    low, high = (float(y.min()), float(y.max())) if y.size else (0.0, 0.0)
    if (low >= -0.01 and high <= 1.01) or low != low:
        return
    whole = y.size < 10**6 and bool((y == np.floor(y)).all())
    if set(np.unique(y[:1000])) <= {-1.0, 1.0}:
        cause = "Labels of -1 and 1 become 0 and 1 by (y + 1) / 2; loss='hinge' takes them as they are."
    elif whole and high < 256 and low >= 0:
        cause = (
            "Class numbers need loss='sparse_categorical_crossentropy' and one unit a class; pixels are divided by 255."
        )
    else:
        cause = "For regression use loss='mse'."
    raise ValueError(
        f"{caller}: {type(loss).__name__} expects y in 0 .. 1; got values from {low:g} to {high:g}. {cause}"
    )


def check_metric(metric, y, output, caller):
    """ValueError where a metric of this package cannot take such targets and outputs: said before the first step, as it
    is tried on zeros. output: the shape of the output, its batch axis open."""
    known = type(metric).__module__.startswith("cygrad.")
    of_others = not getattr(getattr(metric, "fn", None), "__module__", "cygrad.").startswith("cygrad.")
    if not known or of_others or None in output[1:] or not len(y):
        return
    try:
        metric.update_state(y[:1], np.zeros((1, *output[1:]), np.float32))
    except (TypeError, ValueError) as error:
        cause = ""
        if len(output) > 1 and output[-1] > 1 and y.shape[1:] in (output[1:-1], (*output[1:-1], 1)):
            cause = (
                " y holds class numbers: metrics whose names begin with sparse_ take them; others want one-hot rows "
                f"(utils.to_categorical(y, {output[-1]})) and loss='categorical_crossentropy'."
            )
        raise ValueError(
            f"{caller}: the metric {metric.name!r} does not fit y of shape {tuple(y.shape)} and an output of shape "
            f"{(None, *output[1:])}: {error}{'' if str(error)[-1:] in '.?' else '.'}{cause}"
        ) from error
    finally:
        metric.reset_state()


def warn_about_accuracy(metric, loss, y, caller):
    """Warns where a metric counts hits, and the targets are numbers for a regression."""
    regression = (losses.MeanSquaredError, losses.MeanAbsoluteError, losses.Huber, losses.LogCosh)
    if not isinstance(metric, _COUNTING) or not isinstance(loss, regression):
        return
    some = np.asarray(y[:1000])
    if some.dtype.kind == "f" and not np.array_equal(some, np.floor(some)):
        warnings.warn(
            f"{caller}: the metric {metric.name!r} counts equal classes, but y holds numbers for a regression by "
            f"{type(loss).__name__}: it means nothing here; 'mae' or 'r2_score' would",
            stacklevel=6,
        )


_COUNTING = (
    metrics.Accuracy,
    metrics.BinaryAccuracy,
    metrics.CategoricalAccuracy,
    metrics.SparseCategoricalAccuracy,
)


def _labels(y, output, loss, caller, where):
    classes = output[-1] if len(output) > 1 else 1
    rows = output[:-1]
    if y.shape != rows and y.shape == (*rows, 1):
        y = y.reshape(rows)
    if y.shape != rows:
        cause = "Is the batch axis missing?" if not rows else ""
        if 0 < y.ndim < len(rows):
            cause = "Is a Flatten or a pooling layer missing before the last layers?"
        if y.shape == output:
            cause = "These look like one-hot rows: use loss='categorical_crossentropy', or y.argmax(-1)."
        raise ValueError(
            f"{where} do not fit: {type(loss).__name__} expects one class index for each row of the output, "
            f"shape {rows}; got y of shape {y.shape}. {cause}".rstrip()
        )
    if y.dtype.kind == "f":
        if np.isnan(y).any():
            missing = int(np.isnan(y).sum())
            raise ValueError(
                f"{caller}: {type(loss).__name__} expects class indices; {missing} of {y.size} in y are NaN"
            )
        if not np.array_equal(y, np.floor(y)):
            raise ValueError(
                f"{caller}: {type(loss).__name__} expects class indices (whole numbers); y holds floats such as "
                f"{y.reshape(-1)[y.reshape(-1) != np.floor(y.reshape(-1))][0]:g}. For regression use loss='mse'."
            )
        y = y.astype(np.int64)
    ignored = getattr(loss, "ignore_class", None)
    checked = y if ignored is None else y[y != ignored]
    if checked.size:
        low, high = int(checked.min()), int(checked.max())
        if low < 0 or high >= classes:
            cause = "Do the labels start at 1? Subtract 1." if low == 1 and high == classes else ""
            if classes == 1 and low >= 0:
                cause = "One unit with a sigmoid needs loss='binary_crossentropy'; else one unit a class and a softmax."
            elif low >= 0 and not cause:
                cause = f"Is the last layer too narrow? It has {_count(classes, 'unit')}; they need {high + 1}."
            raise ValueError(
                f"{caller}: {type(loss).__name__} expects labels in 0 .. {classes - 1}, the classes of the "
                f"output; got labels from {low} to {high}. {cause}".rstrip()
            )
    return np.ascontiguousarray(y, dtype=np.int32)


def warn_about_split(y, split_at):
    """A text when the classes of the tail differ from the head's in a way that a shuffled data set would not show;
    else None."""
    y = np.asarray(y)
    if y.ndim > 1 and y.shape[-1] > 1 and y.dtype.kind in "biuf" and y.ndim == 2 and np.all((y == 0) | (y == 1)):
        y = y.argmax(-1)
    elif y.ndim == 2 and y.shape[-1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or (y.dtype.kind not in "biu" and not (y.dtype.kind == "f" and np.array_equal(y, np.floor(y)))):
        return None
    head, counts = np.unique(y[:split_at], return_counts=True)
    tail = np.unique(y[split_at:])
    if len(head) > 1000 or len(head) * 2 > split_at:
        return None  # numbers, not classes
    expected = counts / split_at * (len(y) - split_at)
    only_tail = np.setdiff1d(tail, head)
    lost = head[(expected > 10) & ~np.isin(head, tail)]  # chance of none in a shuffled set: below e^-10
    if not len(only_tail) and not len(lost):
        return None

    def listed(values):
        return ", ".join(f"{v:g}" for v in values[:8]) + (", ..." if len(values) > 8 else "")

    found = []
    if len(only_tail):
        found.append(f"classes {listed(only_tail)} are in it and not in the training part")
    if len(lost):
        found.append(f"classes {listed(lost)} are missing from it")
    return (
        f"validation_split takes the last {len(y) - split_at} samples, and {' and '.join(found)}: is y sorted? "
        "Shuffle x and y together first, or give validation_data"
    )
