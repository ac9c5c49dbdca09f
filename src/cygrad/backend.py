"""keras.backend's names for settings. Functions of tensors, which Keras 2 had here, are in cygrad.ops."""

from .config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from .utils.seeds import clear_session
from .utils.types import is_keras_tensor, standardize_dtype

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "is_float_dtype", "is_int_dtype",
    "is_keras_tensor", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def is_float_dtype(dtype):
    """Is it a type of floats?

    >>> cygrad.backend.is_float_dtype("float32")
    True
    """
    return standardize_dtype(dtype).startswith("float")


def is_int_dtype(dtype):
    """Is it a type of whole numbers?

    >>> cygrad.backend.is_int_dtype("uint8"), cygrad.backend.is_int_dtype("bool")
    (True, False)
    """
    return "int" in standardize_dtype(dtype)


def __getattr__(name):
    from . import ops

    instead = {"set_value": "variable.assign(value)", "get_value": "variable.numpy()"}.get(name)
    instead = instead or (f"cygrad.ops.{name}" if hasattr(ops, name) else None)
    hint = f": {instead} takes its place" if instead else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
