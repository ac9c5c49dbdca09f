"""Which backend Keras computes on, KERAS_BACKEND's or the first that is installed; the one foreign warning."""

import importlib.util
import os
import warnings

import pytest

for backend in ("torch", "jax", "tensorflow"):
    if importlib.util.find_spec(backend):
        os.environ.setdefault("KERAS_BACKEND", backend)


@pytest.fixture(autouse=True)
def foreign_warnings():
    """Keras reads PyTorch's tensors by np.array, which NumPy 2 warns of as long as Tensor.__array__ takes no copy."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword", DeprecationWarning)
        yield
