"""Small functions on arrays."""

import numpy as np


def to_categorical(x, num_classes=None):
    """Class indices as one-hot rows: y[..., k] = 1 where x[...] == k, else 0.

    x: whole numbers >= 0 of any shape (a last axis of 1 is dropped); num_classes: max(x) + 1 if absent. Returns
    float32, shape x.shape + (num_classes,). Raises ValueError for labels outside 0 .. num_classes - 1.

    >>> cygrad.utils.to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]

    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "biuf" or (labels.dtype.kind == "f" and not np.array_equal(labels, np.floor(labels))):
        raise ValueError(
            f"to_categorical: expected whole numbers for x; got {labels.dtype} values such as {labels.reshape(-1)[:1]}"
        )
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if not labels.size and num_classes is None:
        raise ValueError("to_categorical: x is empty; give num_classes")
    classes = int(labels.max()) + 1 if num_classes is None else int(num_classes)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"to_categorical: expected labels in 0 .. {classes - 1}; got {labels.min()} .. {labels.max()}. "
            "Do they start at 1? (np.unique(x, return_inverse=True)[1] counts from 0.)"
        )
    y = np.zeros((labels.size, classes), dtype=np.float32)
    y[np.arange(labels.size), labels.reshape(-1)] = 1
    return y.reshape(*labels.shape, classes)


def normalize(x, axis=-1, order=2):
    """x / norm(x) along an axis, the norm of the given order; rows of zeros stay zero.

    >>> cygrad.utils.normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]

    """
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None):
    """Two parts of the same samples: (left, right), each in the structure of dataset (an array, or a list or tuple of
    them).

    left_size, right_size: a number of samples, or a fraction of them; one may be absent (0.8 and the rest if both are).
    shuffle: a permutation that seed fixes, before the cut. Raises ValueError for sizes that do not fit.

    >>> left, right = cygrad.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> left.tolist(), right.tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])

    """
    single = not isinstance(dataset, (list, tuple))
    arrays = [np.asarray(a) for a in ([dataset] if single else dataset)]
    if len({len(a) for a in arrays}) != 1:
        raise ValueError(f"split_dataset: arrays have different lengths: {', '.join(str(len(a)) for a in arrays)}")
    n = len(arrays[0])

    def count(size, name):
        if size is None:
            return None
        if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
            raise TypeError(f"split_dataset: expected a number for {name}; got {size!r}")
        samples = round(size * n) if isinstance(size, (float, np.floating)) else int(size)
        if not 0 < samples < n or (isinstance(size, float) and not 0 < size < 1):
            raise ValueError(f"split_dataset: {name}={size} of {n} samples leaves one part empty")
        return samples

    left, right = count(left_size, "left_size"), count(right_size, "right_size")
    if left is None:
        left = count(0.8, "left_size") if right is None else n - right
    right = n - left if right is None else right
    if left + right > n:
        raise ValueError(f"split_dataset: left_size and right_size make {left + right} samples; there are {n}")
    order = np.random.default_rng(seed).permutation(n) if shuffle else np.arange(n)
    parts = tuple([a[order[start : start + size]] for a in arrays] for start, size in ((0, left), (left, right)))
    return tuple(part[0] if single else type(dataset)(part) for part in parts)
