"""python -m pytest benchmarks --benchmark-only: pytest-benchmark suites.

Each result carries, as extra_info, its GFLOP/s and GB/s and the fraction of the peak that peak.c shows in the same run.
"""

import os

import pytest

from . import machine


@pytest.fixture(scope="session")
def peaks():
    """machine.Peaks with as many threads as are used."""
    return machine.measure_peaks(int(os.environ.get("OMP_NUM_THREADS", 0)) or len(machine.usable_cpus()))


@pytest.fixture
def note(request):
    """Puts the speed of a finished benchmark, and its fraction of the peak, into extra_info."""

    def add(benchmark, flops, bytes_):
        if benchmark.stats is None:  # --benchmark-disable
            return
        seconds, peaks = benchmark.stats.stats.min, request.getfixturevalue("peaks")
        benchmark.extra_info["gflops"], benchmark.extra_info["gbytes"] = flops / seconds / 1e9, bytes_ / seconds / 1e9
        benchmark.extra_info["of_peak"] = peaks.seconds(flops, bytes_) / seconds

    return add
