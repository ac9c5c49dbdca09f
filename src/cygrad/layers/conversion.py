"""Arguments of calls as tensors."""

import numpy as np

from .._tensor import Tensor, zeros
from ..ops._backend import from_array
from .strings import Strings, as_strings
from .structure import flatten, map_structure
from .symbolic import KerasTensor


def holds_tensors(value):
    return any(isinstance(leaf, (Tensor, KerasTensor)) for leaf in flatten(value))


def converted(value, data=False):
    """An argument of a call with arrays as tensors: floats as float32, integers as int32. data: numbers, strings and
    lists of them are arrays too (for the first argument; in others they are options)."""
    if isinstance(value, (Tensor, KerasTensor)):
        return value
    if hasattr(value, "__array__") and not isinstance(value, type):
        return _tensor(value)
    if isinstance(value, dict) or (
        isinstance(value, (list, tuple))
        and any(isinstance(leaf, (Tensor, KerasTensor, np.ndarray)) for leaf in flatten(value))
    ):
        return map_structure(converted, value)
    number = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    if data and (number or (isinstance(value, (list, tuple)) and value)):
        return _tensor(value)
    return value


def _tensor(value):
    array = np.asarray(value)
    strings = as_strings(array) if array.dtype.kind in "OSTU" else None
    if strings is not None:
        return Strings(strings)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a layer's input must hold numbers; got an array of {array.dtype}, shape {array.shape}")
    if array.dtype.kind in "iu" and array.dtype.itemsize >= 4 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -(2**31) or high >= 2**31:
            raise ValueError(
                f"expected whole numbers that int32 holds; got {low if low < -(2**31) else high} in an array of "
                f"{array.dtype}, shape {array.shape}. As floats (astype('float32')) they keep some seven digits"
            )
    kept = array.dtype.name in ("bool", "uint8")
    return from_array(array, None if array.dtype.kind == "f" else array.dtype.name if kept else "int32")


def zeros_like(leaf, size):
    """Zeros in the shape of a symbolic tensor, its batch 1 and other open axes of that size; anything else as it is."""
    if not isinstance(leaf, KerasTensor):
        return leaf
    shape = tuple([(1 if i == 0 else size) if s is None else s for i, s in enumerate(leaf.shape)])
    return zeros(shape, None if leaf.dtype == "float32" else leaf.dtype)
