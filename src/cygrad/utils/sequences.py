"""Sequences as arrays: padded to one length, or cut out of a long series."""

import numpy as np

from .py_dataset import PyDataset


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences of different lengths as one array [N, maxlen, ...], the short ones padded with value.

    maxlen: the longest length if absent; longer sequences are cut. padding, truncating: "pre" or "post", at which end.
    Raises ValueError for what is no sequence, and for sequences whose items have different shapes.

    >>> cygrad.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
    [[0, 1], [2, 3], [5, 6]]
    """
    for argument, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {argument} must be 'pre' or 'post'; got {given!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: expected a list of sequences; got {type(sequences).__name__}")
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"pad_sequences: expected a sequence at position {i}; got {sequence!r}")
    text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_) or dtype is object
    if isinstance(value, str) and not text:
        raise ValueError(f"pad_sequences: value {value!r} is no {dtype}; dtype=object holds strings of any length")
    longest = max(map(len, sequences), default=0) if maxlen is None else maxlen
    item = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    padded = np.full((len(sequences), longest, *item), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        kept = sequence[:longest] if truncating == "post" else sequence[max(len(sequence) - longest, 0) :]
        if not len(kept):
            continue
        try:
            row = np.asarray(kept, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"pad_sequences: expected numbers of {dtype} at position {i}; got {kept!r:.60}. Words become "
                "numbers by layers.TextVectorization or StringLookup"
            ) from error
        if row.shape[1:] != item:
            raise ValueError(f"pad_sequences: items of shape {row.shape[1:]} at position {i}; those before: {item}")
        padded[i, slice(len(row)) if padding == "post" else slice(longest - len(row), None)] = row
    return padded


class _Windows(PyDataset):
    """Batches of equally long pieces of a series, and of the targets at their first steps."""

    def __init__(self, data, targets, starts, offsets, batch_size):
        super().__init__()
        self.data, self.targets, self.starts = data, targets, starts
        self.offsets, self.batch_size = offsets, batch_size

    def __len__(self):
        return -(-len(self.starts) // (self.batch_size or 1))

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        size = self.batch_size or 1
        starts = self.starts[index * size : (index + 1) * size]
        x = self.data[starts[:, None] + self.offsets]
        y = None if self.targets is None else self.targets[starts]
        if self.batch_size is None:
            x, y = x[0], None if y is None else y[0]
        return x if y is None else (x, y)


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
):
    """A data set of batches of data[i], data[i + sampling_rate], ... (sequence_length of them) and targets[i].

    data: samples by time along the first axis; targets: alike, or None. i goes in steps of sequence_stride as far as
    the series, or the part from start_index to before end_index, reaches. shuffle: a permutation of the pieces that
    seed fixes. batch_size None: one piece after the other, without an axis for the batch. Returns a PyDataset, for fit
    or a loop. Raises ValueError for numbers that do not fit the data.

    >>> dataset = cygrad.utils.timeseries_dataset_from_array(np.arange(6), None, sequence_length=3, sampling_rate=2)
    >>> [batch.tolist() for batch in dataset]
    [[[0, 2, 4], [1, 3, 5]]]
    """
    data, n = np.asarray(data), len(data)
    start, end = start_index or 0, n if end_index is None else end_index
    limits = {
        "start_index": (start, 0, n - 1),
        "end_index": (end, start + 1, n),
        "sampling_rate": (sampling_rate, 1, n - 1),
        "sequence_stride": (sequence_stride, 1, n - 1),
    }
    for argument, (given, low, high) in limits.items():
        if not low <= given <= high:
            raise ValueError(
                f"timeseries_dataset_from_array: {argument} must be in {low} .. {high} for data of length {n}; "
                f"got {given}"
            )
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, len(targets))
        targets = targets[start:]
    starts = np.arange(0, max(count, 0), sequence_stride)
    if shuffle:
        np.random.default_rng(seed).shuffle(starts)
    return _Windows(data[start:end], targets, starts, np.arange(sequence_length) * sampling_rate, batch_size)
