"""NumPy: products (OpenBLAS) and the functions that it has vectorised."""

import numpy as np

from .base import Framework, Unsupported


class Numpy(Framework):
    name = package = "numpy"

    def matmul(self, case, data):
        (a, b), y = case.factors(data["a"], data["b"]), np.empty((case.M, case.N), "f4")
        return lambda: np.matmul(a, b, out=y), lambda: [y]

    def broadcast(self, case, data):
        y = np.empty_like(data["x"])
        return lambda: np.add(data["x"], data["b"], out=y), lambda: [y]

    def elementwise(self, case, data):
        x, y = data["x"], np.empty_like(data["x"])
        functions = {
            "relu": lambda: np.maximum(x, 0, out=y),
            "tanh": lambda: np.tanh(x, out=y),
            "exp": lambda: np.exp(x, out=y),
        }
        if case.function not in functions or case.backward:
            raise Unsupported(f"numpy has no {case.name}")
        return functions[case.function], lambda: [y]
