"""The machine: its name, and what it can do at most, measured by peak.c. Nothing here knows a framework."""

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Peaks:
    """Measured limits: GFLOP/s by (instruction set, threads), GB/s by (bytes in use, threads)."""

    flops: dict
    bandwidth: dict
    threads: int

    def gflops(self, threads=None, isa=None):
        """The FMA peak of an instruction set (default: of the fastest)."""
        threads = self.threads if threads is None else threads
        return max(v for (name, t), v in self.flops.items() if t == threads and isa in (None, name))

    def gbytes(self, size, threads=None):
        """The bandwidth for work on `size` bytes: that of the largest measured size below, so never one too low."""
        threads = self.threads if threads is None else threads
        measured = sorted((n, v) for (n, t), v in self.bandwidth.items() if t == threads)
        return next((v for n, v in reversed(measured) if n <= size), measured[0][1])

    def seconds(self, flops, size, isa=None):
        """The least time for so many operations and bytes with all threads: the roofline."""
        return max(flops / self.gflops(isa=isa) / 1e9, size / self.gbytes(size) / 1e9 if size else 0)

    def best_of(self, other):
        """The larger of each limit: what was measured in a noisy moment does not count."""
        larger = lambda mine, others: {key: max(v, others[key]) for key, v in mine.items()}  # noqa: E731
        return Peaks(larger(self.flops, other.flops), larger(self.bandwidth, other.bandwidth), self.threads)

    def describe(self):
        """Lines of a Markdown table: one limit a row, one thread and all."""
        counts = sorted({1, self.threads})
        rows = ["| limit | " + " | ".join(f"{t} thread{'s' * (t > 1)}" for t in counts) + " |"]
        rows.append("|---" * (1 + len(counts)) + "|")
        for isa in dict.fromkeys(name for name, _ in self.flops):
            values = [f"{self.flops[isa, t]:.0f} GFLOP/s" for t in counts]
            rows.append(f"| multiply-add, {isa} | " + " | ".join(values) + " |")
        by_count = [sorted((n, v) for (n, threads), v in self.bandwidth.items() if threads == t) for t in counts]
        for level in zip(*by_count, strict=True):
            sizes = " / ".join(dict.fromkeys(size_text(n) for n, _ in level))
            rows.append(f"| triad on {sizes} | " + " | ".join(f"{v:.0f} GB/s" for _, v in level) + " |")
        return rows


def size_text(n):
    return f"{n >> 20} MiB" if n >= 1 << 20 else f"{n >> 10} KiB"


@contextlib.contextmanager
def peak_program():
    """peak.c compiled: a function of its arguments that gives its output."""
    with tempfile.TemporaryDirectory() as folder:
        binary, source = Path(folder, "peak"), Path(__file__).with_name("peak.c")
        compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
        subprocess.run([compiler, "-O3", "-fopenmp", str(source), "-o", str(binary)], check=True)
        yield (
            lambda *arguments: (
                subprocess.run([binary, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
            )
        )


def measure_peaks(threads):
    """Peaks from peak.c, compiled now."""
    with peak_program() as run:
        return parse_peaks(run(threads), threads)


def parse_peaks(text, threads):
    flops, bandwidth = {}, {}
    for name, count, value, _ in map(str.split, text.strip().splitlines()):
        if name.startswith("triad:"):
            bandwidth[int(name.removeprefix("triad:")), int(count)] = float(value)
        else:
            flops[name, int(count)] = float(value)
    return Peaks(flops, bandwidth, threads)


def name():
    """The CPU's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
    return f"{model or platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}"


def usable_cpus():
    """The numbers of the CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def importable(package):
    """Is it installed for this Python?"""
    return importlib.util.find_spec(package) is not None
