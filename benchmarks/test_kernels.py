"""Every kernel of kernels.def beside its NumPy reference in float32, on arguments of its entry in cygrad.testing."""

import numpy as np
import pytest

from cygrad import _core, reference, testing

KERNELS = list(_core.KERNELS)


@pytest.fixture(params=["cygrad", "numpy"])
def backend(request):
    return _core if request.param == "cygrad" else reference


def large_arguments(name):
    """The largest of the entry's cases; a million values where a kernel takes n of them."""
    rng, entry = np.random.default_rng(0), testing.ENTRIES[name]
    made = [testing.make_arguments(name, rng, **parameters) for parameters in entry.cases]
    largest = max(range(len(made)), key=lambda i: sum(testing.work(name, made[i])))
    if "n" in entry.cases[largest]:
        return testing.make_arguments(name, rng, **{**entry.cases[largest], "n": 1 << 20})
    return made[largest]


@pytest.mark.parametrize("name", KERNELS)
def test_kernel(benchmark, note, name, backend):
    testing.check_kernel(name, threads=_core.get_num_threads())
    arguments = large_arguments(name)
    flops, bytes_ = testing.work(name, arguments)
    benchmark.group = name
    benchmark.pedantic(getattr(backend, name), args=tuple(arguments.values()), rounds=5, iterations=3, warmup_rounds=1)
    note(benchmark, flops, bytes_)
