"""pad_sequences and timeseries_dataset_from_array against their definitions."""

import numpy as np
import pytest

import cygrad
from cygrad.utils import pad_sequences, timeseries_dataset_from_array


@pytest.mark.parametrize("maxlen", [None, 0, 1, 3, 9])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_padding(padding, truncating, maxlen):
    rng = np.random.default_rng(0)
    sequences = [list(rng.integers(1, 9, n)) for n in (0, 1, 3, 5)]
    length = 5 if maxlen is None else maxlen
    wanted = []
    for s in sequences:
        s = s[:length] if truncating == "post" else s[len(s) - min(len(s), length) :]
        gap = [-1] * (length - len(s))
        wanted.append(s + gap if padding == "post" else gap + s)
    got = pad_sequences(sequences, maxlen, padding=padding, truncating=truncating, value=-1)
    assert got.dtype == np.int32 and got.tolist() == wanted


def test_items_of_any_shape_and_type():
    padded = pad_sequences([np.ones((2, 3)), np.ones((1, 3))], dtype="float32", value=0.5, padding="post")
    assert padded.shape == (2, 2, 3) and padded.dtype == np.float32 and padded[1, 1].tolist() == [0.5] * 3
    words = pad_sequences([["a"], ["b", "c"]], dtype=object, value="")
    assert words.tolist() == [["", "a"], ["b", "c"]]
    assert pad_sequences([]).shape == (0, 0)
    assert cygrad.preprocessing.sequence.pad_sequences is pad_sequences


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad_sequences([[1]], padding="left"), "padding must be 'pre' or 'post'; got 'left'"),
        (lambda: pad_sequences([[1]], truncating="left"), "truncating must be 'pre' or 'post'; got 'left'"),
        (lambda: pad_sequences(3), "expected a list of sequences; got int"),
        (lambda: pad_sequences([[1], 2]), "expected a sequence at position 1; got 2"),
        (lambda: pad_sequences([[1], [[2]]]), r"items of shape \(1,\) at position 1"),
        (lambda: pad_sequences([[1]], value="x"), "dtype=object holds strings"),
        (
            lambda: timeseries_dataset_from_array(np.ones(5), None, 2, sampling_rate=5),
            r"sampling_rate must be in 1 \.\. 4",
        ),
        (
            lambda: timeseries_dataset_from_array(np.ones(5), None, 2, start_index=3, end_index=3),
            "end_index must be in 4",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "options",
    [
        {"sequence_length": 4},
        {"sequence_length": 3, "sequence_stride": 2, "batch_size": 4},
        {"sequence_length": 3, "sampling_rate": 3, "batch_size": 3},
        {"sequence_length": 2, "sampling_rate": 2, "start_index": 4, "end_index": 15, "batch_size": 2},
    ],
)
def test_windows_of_a_series(options):
    data, targets = np.arange(40.0).reshape(20, 2), np.arange(20) * 10
    dataset = timeseries_dataset_from_array(data, targets, **options)
    x, y = (np.concatenate(parts) for parts in zip(*dataset))
    rate, first = options.get("sampling_rate", 1), options.get("start_index", 0)
    last = options.get("end_index", 20) - (options["sequence_length"] - 1) * rate
    starts = range(first, last, options.get("sequence_stride", 1))
    assert y.tolist() == [targets[i] for i in starts]
    assert x.tolist() == [[data[i + k * rate].tolist() for k in range(options["sequence_length"])] for i in starts]
    mixed = timeseries_dataset_from_array(data, targets, shuffle=True, seed=1, **options)
    again = timeseries_dataset_from_array(data, targets, shuffle=True, seed=1, **options)
    order = np.concatenate([y for _, y in mixed])
    assert sorted(order) == sorted(y) and order.tolist() == np.concatenate([y for _, y in again]).tolist()
    assert dataset[0][0].shape[0] <= options.get("batch_size", 128)


def test_a_model_learns_from_windows():
    series = np.sin(np.arange(300) / 7).astype("float32")
    dataset = timeseries_dataset_from_array(series[:, None], series[8:], sequence_length=8, batch_size=32)
    single = timeseries_dataset_from_array(series[:, None], series[8:], sequence_length=8, batch_size=None)
    assert single[0][0].shape == (8, 1) and single[0][1].shape == ()
    model = cygrad.Sequential([cygrad.Input((8, 1)), cygrad.layers.Flatten(), cygrad.layers.Dense(1)])
    model.compile(cygrad.optimizers.Adam(0.05), "mse")
    history = model.fit(dataset, epochs=10, verbose=0).history["loss"]
    assert history[-1] < 0.02 < history[0]
