"""cygrad: a small, fast deep-learning framework for the CPU, with Keras's API.

`import cygrad as keras` carries a Keras tutorial: the module tree, the names and the defaults are Keras 3's. Modules
are imported when they are first used, so that `import cygrad` costs little more than NumPy.
"""

import importlib

from . import _core as _core

__version__ = "0.1.0"

_MODULES = [
    "activations", "applications", "backend", "callbacks", "cli", "config", "constraints", "datasets", "distillation",
    "explain", "initializers", "layers", "legacy", "losses", "metrics", "models", "ops", "optimizers", "preprocessing",
    "random", "reference", "regularizers", "saving", "sklearn", "testing", "tree", "utils",
]  # fmt: skip

_NAMES = {
    "GradientTape": "ops._backend",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "layers.symbolic",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Tensor": "ops._backend",
    "Variable": "ops._backend",
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
