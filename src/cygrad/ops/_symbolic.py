"""Ops called on the symbolic tensors of a functional model: they become part of it."""

import sys
from functools import wraps


def on_symbolic(function, family=""):
    """function, but for the layer cygrad.layers.Operation where an argument is a KerasTensor. Looked for where the op
    fails only, as it does without values, so that a call with values pays next to nothing. family: the
    submodule of keras.ops that has the function, "image"."""
    name = f"{family}.{function.__name__}".lstrip(".")

    @wraps(function)
    def op(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception:
            symbolic = sys.modules.get("cygrad.layers.symbolic")
            if symbolic is None or not any(
                isinstance(leaf, symbolic.KerasTensor) for leaf in symbolic.flatten((args, kwargs))
            ):
                raise
        return symbolic.operation(name, *args, **kwargs)

    op.__module__ = f"{__package__}.{family}".rstrip(".")  # where pickle finds it
    return op
