"""Small questions about types and symbolic tensors."""

import numpy as np


def standardize_dtype(dtype):
    """The name of a type: of a name, a NumPy type or Python's int, float or bool; None: "float32".

    >>> cygrad.utils.standardize_dtype(np.int64), cygrad.utils.standardize_dtype(float)
    ('int64', 'float32')
    """
    if dtype is None:
        return "float32"
    python = {bool: "bool", int: "int32", float: "float32", str: "string"}
    name = python.get(dtype) if isinstance(dtype, type) else None
    if name is None and dtype != "string":
        try:
            name = np.dtype(dtype).name
        except TypeError:
            raise ValueError(f"standardize_dtype: expected a type or its name; got {dtype!r}") from None
    return name or "string"


def is_keras_tensor(x):
    """Is x a symbolic tensor, as Input gives it?

    >>> cygrad.utils.is_keras_tensor(cygrad.Input((3,))), cygrad.utils.is_keras_tensor(np.ones(3))
    (True, False)
    """
    from ..layers.symbolic import KerasTensor

    return isinstance(x, KerasTensor)
