"""keras.backend's names for settings. Functions of tensors, which Keras 2 had here, are in cygrad.ops."""

from .config import backend, epsilon, floatx, image_data_format, set_floatx, set_image_data_format
from .utils.seeds import clear_session

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "set_floatx", "set_image_data_format",
]  # fmt: skip


def __getattr__(name):
    from . import ops

    instead = {"set_value": "variable.assign(value)", "get_value": "variable.numpy()"}.get(name)
    instead = instead or (f"cygrad.ops.{name}" if hasattr(ops, name) else None)
    hint = f": {instead} takes its place" if instead else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
