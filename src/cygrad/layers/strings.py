"""Strings as tensors: what text and categorical layers read, and models hand on to them."""

import numpy as np

from .._tensor import Tensor


class Strings(Tensor):
    """A tensor of strings: shape and rows like any other, the values in `strings`, a NumPy array of Python strings.

    Layers whose takes_strings is True read it; no op does."""

    dtype = "string"

    def __init__(self, strings):
        super().__init__(strings.shape, "uint8")
        self.strings = strings

    def numpy(self):
        return self.strings

    def __array__(self, dtype=None, copy=None):
        return np.array(self.strings, dtype) if copy or dtype is not None else self.strings

    def reshape(self, shape):
        return Strings(self.strings.reshape(shape))

    def __getitem__(self, index):
        return Strings(self.strings[index])

    def __iter__(self):
        return iter(self.strings)

    def __reduce__(self):
        return Strings, (self.strings,)

    def __copy__(self):
        return Strings(self.strings.copy())

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __repr__(self):
        return f"<Strings shape={self.shape} {np.array2string(self.strings, threshold=20)}>"


def as_strings(x, encoding="utf-8"):
    """x, an array or nested lists of strings or bytes, as a NumPy array of Python strings; None if it is not that."""
    if isinstance(x, Strings):
        return x.strings
    try:
        array = np.asarray(x)
    except ValueError:  # rows of different lengths
        return None
    if array.dtype.kind in "US":
        array = array.astype(object)
    elif array.dtype.kind not in "OT" or not all(isinstance(s, (str, bytes)) for s in array.flat):
        return None
    if any(isinstance(s, bytes) for s in array.flat):
        decoded = [s.decode(encoding) if isinstance(s, bytes) else s for s in array.flat]
        array = _filled(decoded, array.shape)
    return array.astype(object, copy=False)


def _filled(values, shape):
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)
