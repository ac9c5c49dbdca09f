"""The 1,797 handwritten digits of 8x8 pixels that ship with the package (source and licence: digits.txt)."""

import gzip
from importlib import resources

import numpy as np

__all__ = ["load_data"]


def load_data(test_split=0.2, seed=113):
    """Loads the 8x8 digits, shuffled by seed and split: ((x_train, y_train), (x_test, y_test)).

    Shapes: x uint8 [N,8,8] with values 0 .. 16, y uint8 [N] with the classes 0 .. 9; 1,797 images in all, the last
    test_split of them (rounded down) for the test. The same seed gives the same split on every machine; seed None
    keeps the file's order. Raises ValueError for a test_split outside 0 .. 1.
    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi 10.24432/C50P49, CC BY 4.0.

    >>> (x_train, y_train), (x_test, y_test) = cygrad.datasets.digits.load_data()
    >>> x_train.shape, y_train.shape, x_test.shape
    ((1438, 8, 8), (1438,), (359, 8, 8))
    """
    if not 0 <= test_split <= 1:
        raise ValueError(f"digits.load_data: expected test_split in 0 .. 1; got {test_split}")
    text = gzip.decompress((resources.files(__package__) / "digits.csv.gz").read_bytes())
    rows = np.array([line.split(b",") for line in text.split()], dtype=np.int64).astype(np.uint8)
    if seed is not None:
        rows = rows[np.random.RandomState(seed).permutation(len(rows))]
    x, y = np.ascontiguousarray(rows[:, :64]).reshape(-1, 8, 8), np.ascontiguousarray(rows[:, 64])
    split = len(x) - int(len(x) * test_split)
    return (x[:split], y[:split]), (x[split:], y[split:])
