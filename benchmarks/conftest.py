"""python -m pytest benchmarks --benchmark-only: pytest-benchmark suites.

Each result carries, as extra_info, its GFLOP/s and GB/s and the fraction of the peak that peak.c shows in the same run.
"""

import os

import pytest

from .report import machine_peak


@pytest.fixture(scope="session")
def peak():
    """{"flops": GFLOP/s, "memory": GB/s, "cache": GB/s} with as many threads as are used (at most two)."""
    measured = machine_peak()
    threads = min(2, int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0)))
    flops = max(v for (name, t), v in measured.items() if t == threads and name not in ("memory", "cache"))
    return {"flops": flops, "memory": measured["memory", threads], "cache": measured["cache", threads]}


@pytest.fixture
def note(peak):
    """Puts the speed of a finished benchmark, and its fraction of the peak, into extra_info."""

    def add(benchmark, flops, bytes_):
        if benchmark.stats is None:  # --benchmark-disable
            return
        seconds = benchmark.stats.stats.min
        limit = peak["memory"] if bytes_ > 8e6 else peak["cache"]
        benchmark.extra_info["gflops"], benchmark.extra_info["gbytes"] = flops / seconds / 1e9, bytes_ / seconds / 1e9
        benchmark.extra_info["of_peak"] = max(flops / seconds / 1e9 / peak["flops"], bytes_ / seconds / 1e9 / limit)

    return add
