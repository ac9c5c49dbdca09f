"""Windows for signals, and signals in pieces, with keras.ops's names."""

import numpy as np

from ._backend import constant_array
from .creation import convert_to_tensor
from .indexing import take


def bartlett(x):
    """A window of x values that rises from 0 to 1 and falls back, straight: 1 - |2 n / (x - 1) - 1|.

    >>> cygrad.ops.bartlett(5).numpy().tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return constant_array(np.bartlett(int(x)))


def hanning(x):
    """A window of x values: 1/2 - 1/2 cos(2 pi n / (x - 1)).

    >>> cygrad.ops.hanning(3).numpy().tolist()
    [0.0, 1.0, 0.0]
    """
    return constant_array(np.hanning(int(x)))


def hamming(x):
    """A window of x values: 0.54 - 0.46 cos(2 pi n / (x - 1)).

    >>> [round(v, 2) for v in cygrad.ops.hamming(3).numpy().tolist()]
    [0.08, 1.0, 0.08]
    """
    return constant_array(np.hamming(int(x)))


def blackman(x):
    """A window of x values: 0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1)).

    >>> [round(v, 2) for v in cygrad.ops.blackman(5).numpy().tolist()[1:4]]
    [0.34, 1.0, 0.34]
    """
    return constant_array(np.blackman(int(x)))


def kaiser(x, beta):
    """A window of x values: I0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / I0(beta), I0 the modified Bessel function.

    >>> [round(v, 2) for v in cygrad.ops.kaiser(3, 3.0).numpy().tolist()]
    [0.2, 1.0, 0.2]
    """
    return constant_array(np.kaiser(int(x), float(beta)))


def extract_sequences(x, sequence_length, sequence_stride):
    """The pieces of x[...,T] of sequence_length values, one each sequence_stride: y[...,n,sequence_length].

    >>> cygrad.ops.extract_sequences([1.0, 2.0, 3.0, 4.0, 5.0], 3, 2).numpy().tolist()
    [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    x = convert_to_tensor(x)
    if not x.shape or sequence_length < 1 or sequence_stride < 1 or sequence_length > x.shape[-1]:
        raise ValueError(
            f"extract_sequences: pieces of {sequence_length}, one each {sequence_stride}, do not fit shape {x.shape}"
        )
    first = np.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return take(x, (first[:, None] + np.arange(sequence_length)).tolist(), -1)
