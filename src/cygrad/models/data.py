"""What fit, evaluate and predict are given, as batches of tensors.

Arrays are kept once, in the type they came in where that is float32, uint8 or int32 (others are converted once), and
a batch is gathered in C by an index. Sparse matrices, memory maps of other types, iterators and PyDatasets are
converted batch by batch.
"""

import inspect
import warnings

import numpy as np

from ..layers.strings import Strings, as_strings
from ..ops._backend import K, Tensor, empty, from_array, scalar, view


def leaves(structure):
    """The arrays of a nest of lists, tuples and dicts; None has none."""
    if structure is None:
        return []
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in leaves(value)]
    return [structure]


def map_leaves(function, structure):
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: map_leaves(function, value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)([map_leaves(function, value) for value in structure])
    return function(structure)


def is_stream(x):
    """Does x yield batches (a generator, a PyDataset, a data loader), where an array would hold samples?"""
    if isinstance(x, (np.ndarray, Tensor, list, tuple, dict, str, bytes)) or hasattr(x, "__array__"):
        return False
    if _is_sparse(x) or hasattr(x, "__dlpack__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def unpack_x_y_sample_weight(data):
    """(x, y, sample_weight) of what train_step, test_step and predict_step receive; what is absent is None.

    data: the tuple.

    >>> cygrad.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"a batch is x, (x,), (x, y) or (x, y, sample_weight); got a {type(data).__name__} of {len(data)}"
        )
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """The tuple that unpack_x_y_sample_weight takes apart.

    x: a tensor, an array or nested numbers. y: targets. sample_weight: weights.

    >>> cygrad.utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _is_sparse(x):
    """Is x a matrix of scipy.sparse?"""
    return hasattr(x, "tocsr") and hasattr(x, "toarray")


class LazyRows:
    """Samples that are converted when a batch needs them: a sparse matrix, or a file in memory of another type. What
    models ask of an array: shape, dtype, len, slices, and NumPy can read it (all at once)."""

    def __init__(self, source, dtype, row=None):
        self.source, self.dtype = source, np.dtype(dtype)
        self.shape = (source.shape[0], *(source.shape[1:] if row is None else row))
        self.ndim = len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """The rows of a slice, still lazy."""
        return LazyRows(self.source[rows], self.dtype, self.shape[1:])

    def __array__(self, dtype=None, copy=None):
        return self._dense(self.source).astype(dtype or self.dtype, copy=False)

    def reshape(self, shape):
        return LazyRows(self.source, self.dtype, shape[1:])

    def take(self, index):
        """The rows at these places as an array."""
        return self._dense(self.source[index])

    def _dense(self, rows):
        rows = rows.toarray() if _is_sparse(rows) else np.asarray(rows)
        return np.ascontiguousarray(rows, self.dtype).reshape(-1, *self.shape[1:])


def _lazy(x, integers):
    """x as LazyRows where converting it at once would take much more memory than it does; else None."""
    float_type = np.dtype(scalar(0).dtype)
    mapped = isinstance(x, np.memmap) and x.ndim > 0 and x.dtype.kind in "biuf"
    if mapped and x.dtype in (float_type, np.uint8, np.int32) and x.flags.c_contiguous and not integers:
        return None  # batches are gathered from the file as it is
    if mapped or _is_sparse(x):
        return LazyRows(x if mapped else x.tocsr(), np.int32 if integers else float_type)
    return None


def _plain_array(x):
    """x, of whatever library, as a NumPy array; dtype object where it is not numbers in rows of one length."""
    if _is_sparse(x):
        return x.toarray()
    if hasattr(x, "detach"):  # a PyTorch tensor that wants a gradient
        x = x.detach()
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        x = np.from_dlpack(x)
    try:
        array = np.asarray(x)
    except ValueError:
        return np.asarray(x, dtype=object)
    if array.dtype.kind == "O" and hasattr(x, "to_numpy"):  # pandas: columns of several types, or missing values
        try:
            return x.to_numpy(dtype="float32", na_value=np.nan)
        except (TypeError, ValueError):
            return array
    return array


def as_array(x, caller, name, integers=False, lazy=False, strings=None):
    """x as a C-contiguous array of a type that batches are gathered from: float32 (the default float), uint8 or int32.

    x: an array, a tensor of any library, a pandas DataFrame or Series, a scipy.sparse matrix, nested lists, LazyRows.
    integers: whole numbers stay whole (token indices); else what does not fit becomes float. lazy: sparse matrices, and
    memory maps that would have to be converted, come as LazyRows. strings: a
    function that says whether strings may be there; they stay an array of strings.
    """
    rows = (x if isinstance(x, LazyRows) else _lazy(x, integers)) if lazy else None
    if rows is not None:
        return rows
    array = _plain_array(x)
    kind = array.dtype.kind
    if kind not in "biuf" or array.ndim == 0:
        if x is None or isinstance(x, (str, bytes)) or array.ndim == 0:
            cause = f"got {'a string' if isinstance(x, (str, bytes)) else repr(x)[:60]}"
            if inspect.isroutine(x):
                cause = f"got the function {x.__name__}. If it is a generator, call it: {x.__name__}()"
            raise ValueError(f"{caller}: expected an array of samples for {name}; {cause}")
        texts = as_strings(array) if strings is not None and kind in "OSTU" and strings() else None
        if texts is not None:
            return texts
        cause = {
            "U": "These are strings: convert them to numbers (labels: np.unique(y, return_inverse=True)[1]).",
            "O": "Rows of different lengths, None or strings inside? (utils.pad_sequences makes rows equally long.)",
            "c": "Complex numbers are not supported.",
        }.get(kind, "")
        found = f"an array of dtype {array.dtype}, shape {array.shape}"
        if hasattr(x, "columns"):
            text = [str(column) for column in x.columns if _plain_array(x[column]).dtype.kind not in "biuf"]
            cause = f"The column{'s' * (len(text) > 1)} {', '.join(text[:5])} cannot be converted to numbers."
        raise ValueError(f"{caller}: expected numbers in {name}; got {found}. {cause}".rstrip())
    float_type = np.dtype(scalar(0).dtype)
    if kind == "b":
        array = array.view(np.uint8)
    elif kind == "f":
        array = array.astype(float_type, copy=False)
    elif array.dtype != np.uint8 and array.dtype != np.int32:
        limits = np.iinfo(np.int32)
        fits = array.size == 0 or array.dtype.itemsize < 4 or (array.min() >= limits.min and array.max() <= limits.max)
        if not fits and integers:
            raise ValueError(f"{caller}: {name} has values outside the range of int32")
        array = array.astype(np.int32 if fits else float_type)
    if integers and array.dtype != np.int32:
        array = array.astype(np.int32)
    return np.ascontiguousarray(array)


class Column:
    """One array of samples; gather(index, n) is a batch of it."""

    def __init__(self, array, integers):
        self.array = array
        self.row = array.shape[1:]
        self.dtype = array.dtype.name
        cast = {"uint8": "cast_uint8", "int32": "cast_int32"}.get(self.dtype)
        self.cast = None if integers or not cast else cast

    def reader(self):
        """gather(index, n) with everything that stays the same bound."""
        array, row, dtype = self.array, self.row, self.dtype
        if array.dtype.kind == "O":
            return lambda index, n: Strings(array[np.asarray(index)])
        if isinstance(array, LazyRows):
            return lambda index, n: from_array(array.take(np.asarray(index)), dtype)
        rows, row_bytes = len(array), array[:1].nbytes
        gather_rows, cast = K.gather_rows, self.cast and getattr(K, self.cast)

        def gather(index, n):
            batch = empty((n, *row), dtype)
            gather_rows(batch, array, index, n, rows, row_bytes)
            if cast is None:
                return batch
            floats = empty((n, *row))
            cast(floats, batch, floats.size)
            return floats

        return gather


class _Columns:
    """The arrays of a nest; the reader's gather(index, n) is a batch of them in the same structure. integers: are they
    whole numbers that stay so, for all or in a list; None: those that are int32."""

    def __init__(self, structure, integers=None):
        self.structure, arrays = structure, leaves(structure)
        kinds = integers if isinstance(integers, list) else [integers] * len(arrays)
        self.columns = [Column(a, a.dtype == np.int32 if k is None else k) for a, k in zip(arrays, kinds)]

    def reader(self):
        readers = [column.reader() for column in self.columns]
        if not readers:
            return None
        if not isinstance(self.structure, (list, tuple, dict)):
            return readers[0]

        def gather(index, n):
            batches = iter([read(index, n) for read in readers])
            return map_leaves(lambda _: next(batches), self.structure)

        return gather


class ArrayBatches:
    """Batches of arrays that are in memory: x, y and sample_weight, each a nest of arrays or None."""

    used_up = False

    def __init__(self, x, y, sample_weight, batch_size, integer_x=False):
        self.x, self.y, self.weight = _Columns(x, integer_x), _Columns(y), _Columns(sample_weight)
        self.samples = len(self.x.columns[0].array)
        self.batch_size = min(batch_size, self.samples)
        self.steps = -(-self.samples // self.batch_size)

    def epoch(self, order=None):
        """Yields (x, y, sample_weight) once over all samples, in the order of an int64 index."""
        if order is None:
            order = np.arange(self.samples, dtype=np.int64)
        order = from_array(order, "int64")
        read, read_y, read_weight = self.x.reader(), self.y.reader(), self.weight.reader()
        samples, batch_size = self.samples, self.batch_size
        for start in range(0, min(samples, self.steps * batch_size), batch_size):
            n = min(batch_size, samples - start)
            index = view(order, (n,), start)
            yield (
                read(index, n),
                read_y(index, n) if read_y else None,
                read_weight(index, n) if read_weight else None,
            )


class StreamBatches:
    """Batches of a generator, a PyDataset or any iterable of x, (x,), (x, y) or (x, y, sample_weight)."""

    def __init__(self, source, steps, convert, caller):
        self.source, self.convert, self.caller = source, convert, caller
        self.steps = steps
        if steps is None and hasattr(source, "__len__"):
            self.steps = len(source)
        self.fixed = steps is not None
        self.iterator = None
        self.samples = None
        self.begun = False
        self.used_up = False  # has a generator, which cannot begin again, come to its end?

    def epoch(self, order=None):
        """Yields the next steps batches; without steps, all there are. order: of a dataset's batches."""
        source, done = self.source, 0
        indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__") and not hasattr(source, "__next__")
        if self.iterator is None or not self.fixed:
            endless = hasattr(source, "__next__")
            if hasattr(source, "batches") and not (self.fixed and endless):  # pictures, which are read ahead
                self.iterator = iter(source.batches(order))
            elif indexed:
                self.iterator = (source[int(i)] for i in (range(len(source)) if order is None else order))
            else:
                if hasattr(source, "reset"):
                    source.reset()
                self.iterator = iter(source)
        while self.steps is None or done < self.steps:
            try:
                batch = next(self.iterator)
            except StopIteration:
                self.iterator = None
                self.used_up = hasattr(source, "__next__")
                if self.steps is not None and done:
                    warnings.warn(
                        f"{self.caller}: the data ran out after {done} of {self.steps} steps; it must yield at least "
                        "steps_per_epoch * epochs batches",
                        stacklevel=4,
                    )
                break
            done += 1
            self.begun = True
            try:
                x, y, sample_weight = unpack_x_y_sample_weight(batch)
            except ValueError as error:
                raise ValueError(f"{self.caller}: {error}") from None
            yield self.convert(x, y, sample_weight)
        if indexed and not self.fixed:
            self.iterator = None
        if hasattr(source, "on_epoch_end"):
            source.on_epoch_end()

    def none_left(self):
        """The ValueError for a pass without a batch."""
        return ValueError(
            f"{self.caller}: the {type(self.source).__name__} has no batches (left). A generator is used up after one "
            "epoch; give steps_per_epoch and an endless generator, or a PyDataset."
        )


def shuffled(n, seed, counter):
    """A permutation of 0 .. n-1 as int64, the same on every machine and for every NumPy: a function of seed and
    counter alone.

    Philox's raw bits (a stream that NumPy guarantees) are sorted with the index in their low bits, so ties cannot
    matter.
    """
    key, start = np.array([seed, 0x73687566], np.uint64), np.array([0, counter, 0, 0], np.uint64)
    bits = np.random.Philox(key=key, counter=start).random_raw(n)
    shift = np.uint64(max(1, int(n - 1).bit_length()))
    keys = (bits << shift) | np.arange(n, dtype=np.uint64)
    keys.sort()
    return (keys & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.int64)


def class_weights(y, class_weight, caller, units=None):
    """One weight a sample: class_weight[label]; 1 for classes that are not mentioned. y: labels, or one-hot rows.
    ValueError for classes that an output of so many units has not."""
    if not isinstance(class_weight, dict) or not all(
        isinstance(k, (int, np.integer)) and not isinstance(k, bool) and float(v) >= 0 for k, v in class_weight.items()
    ):
        raise ValueError(
            f"{caller}: class_weight must map class indices to weights, as in {{0: 1.0, 1: 3.0}}; got {class_weight!r}"
        )
    count = None if units is None else max(units, 2)
    unknown = [k for k in class_weight if count is not None and not 0 <= k < count]
    if unknown:
        raise ValueError(
            f"{caller}: class_weight has the key {unknown[0]}; the output has the classes 0 .. {count - 1}"
        )
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    if labels.ndim != 1:
        raise ValueError(
            f"{caller}: class_weight needs one label a sample; y has shape {np.shape(y)}. Use sample_weight instead."
        )
    classes, inverse = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    table = np.array([class_weight.get(int(c), 1.0) for c in classes], dtype=np.float32)
    return table[inverse.reshape(-1)]
