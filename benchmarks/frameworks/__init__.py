"""What is timed: one module a framework, one class in it, one method a kind of case.

A method takes (case, data) and returns (run, results): run() does the work and is what gets timed, results() gives
NumPy arrays for the verification before. Where run() does several of what the case names, run.calls says how many.
Every framework gets the setting in which it is fastest: PyTorch channels-last and fused Adam, JAX one jitted step with
donated buffers, ONNX Runtime its own layout.
"""

import importlib
import importlib.util
import sys

from .base import Framework, Unsupported

__all__ = ["FRAMEWORKS", "Framework", "Unsupported", "available", "load"]

# name: the class in the module of that name, and the packages it needs
FRAMEWORKS = {
    "cygrad": ("Cygrad", ["cygrad"]),
    "numpy": ("Numpy", ["numpy"]),
    "torch": ("Torch", ["torch"]),
    "onnxruntime": ("Onnxruntime", ["onnxruntime", "onnx", "torch"]),
    "jax": ("Jax", ["jax", "optax"]),
    "keras": ("Keras", ["keras"]),
    "sklearn": ("Sklearn", ["sklearn"]),
}


def available(name):
    """Can this Python import it?"""
    return all(n in sys.modules or importlib.util.find_spec(n) for n in FRAMEWORKS[name][1])


def load(name):
    """The framework, set up."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), FRAMEWORKS[name][0])()
