"""python -m benchmarks.report [--out FILE.md] [--rounds 3] [--peer torch=/path/to/python ...] [CASE ...]

Times every case (or those whose name matches one of the regular expressions) in cygrad and in each peer that can be
imported, each in a process of its own, one after another, in several rounds, so that a noisy minute hits all alike;
quotes the best round of each. Results are verified before timing: operations against NumPy in float64, models' losses
and predictions against each other. --peer names another interpreter for a peer (keras-tensorflow, keras-torch: Keras on
that backend); without it, the peers of this environment are used. Nothing else may run on the machine meanwhile.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .cases import all_cases
from .frameworks import FRAMEWORKS, available

ROOT = Path(__file__).resolve().parent.parent


def machine_peak():
    """{(name, threads): value} from peak.c, compiled now."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder, "peak")
        compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
        subprocess.run(
            [compiler, "-O3", "-fopenmp", str(Path(__file__).with_name("peak.c")), "-o", str(binary)], check=True
        )
        lines = subprocess.run([str(binary)], check=True, capture_output=True, text=True).stdout.split("\n")
    return {(f[0], int(f[1])): float(f[2]) for f in map(str.split, lines) if f}


def run_worker(python, framework, patterns, environment):
    command = [python, "-W", "ignore", "-m", "benchmarks.worker", framework, *patterns]
    run = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{framework} failed:\n{run.stderr[-3000:]}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def compare_models(checks):
    """Losses and predictions of a model case must agree between the frameworks."""
    for case, by_framework in checks.items():
        reference = np.array(by_framework["cygrad"])
        for name, values in by_framework.items():
            error = np.abs(np.array(values) - reference).max()
            assert error < 2e-3, (
                f"{case}: {name} and cygrad differ by {error:.1e}: {values[:4]} and {reference[:4].tolist()}"
            )


def show(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--out", metavar="FILE.md")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--isa", help="pin cygrad to an instruction set")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args()

    peers = dict(p.split("=", 1) for p in options.peer)
    peers = {**{n: sys.executable for n in FRAMEWORKS if n != "cygrad" and n not in peers and available(n)}, **peers}
    pythons = {"cygrad": sys.executable, **peers}
    environment = {"OMP_NUM_THREADS": str(options.threads), "OPENBLAS_NUM_THREADS": str(options.threads)}
    if options.isa:
        environment["CYGRAD_ISA"] = options.isa
    peak = machine_peak()
    best, cpu, checks = {}, {}, {}
    for _ in range(options.rounds):
        for framework, python in pythons.items():
            backends = ["tensorflow", "torch"] if framework == "keras" else [None]
            for backend in backends:
                extra = {"KERAS_BACKEND": backend} if backend else {}
                name, _, worker = framework.partition("-") if framework.startswith("keras-") else (framework, "", "")
                if worker:
                    extra = {"KERAS_BACKEND": worker}
                try:
                    lines = run_worker(python, name, options.cases, {**environment, **extra})
                except SystemExit:
                    if backend:  # a Keras backend that is not installed here
                        continue
                    raise
                for line in lines:
                    key = (line["case"], line["framework"])
                    if line["seconds"] < best.get(key, float("inf")):
                        best[key], cpu[key] = line["seconds"], line["cpu"]
                    if line["check"] is not None:
                        checks.setdefault(line["case"], {})[line["framework"]] = line["check"]
    compare_models(checks)
    text = table(best, cpu, peak, options)
    print(text)
    if options.out:
        Path(options.out).write_text(text)


def table(best, cpu, peak, options):
    threads = min(options.threads, 2)
    fma, memory, cache = max(v for (n, t), v in peak.items() if t == threads and n not in ("cache", "memory")), \
        peak["memory", threads], peak["cache", threads]  # fmt: skip
    import cygrad
    from cygrad import _core

    cpu_name = next(
        (ln.split(":", 1)[1].strip() for ln in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in ln),
        "?",
    )
    rows = [
        f"# Results, {datetime.date.today()}",
        "",
        f"{cpu_name}, {options.threads} threads, {platform.system()}; cygrad {cygrad.__version__} "
        f"({options.isa or _core.isa()}, {_core.compiler()}), NumPy {np.__version__}. Peak measured in this run: "
        f"{fma:.0f} GFLOP/s, memory {memory:.0f} GB/s, in cache {cache:.0f} GB/s. Best of {options.rounds} rounds.",
        "",
        "Ratio: the best peer's time over cygrad's. Of peak: cygrad's fraction of the FMA peak, or of bandwidth (in "
        "cache below 8 MB). CPU: processor seconds over wall seconds. Reproduce: `python -m benchmarks.report`.",
        "",
        "| case | cygrad | of peak | CPU | best peer | ratio | others |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in all_cases():
        mine = best.get((case.name, "cygrad"))
        if mine is None:
            continue
        others = sorted((s, f) for (c, f), s in best.items() if c == case.name and f != "cygrad")
        limit = memory if case.bytes > 8e6 else cache
        fraction = case.flops / mine / 1e9 / fma if case.flops else case.bytes / mine / 1e9 / limit
        peer = f"{others[0][1]} {show(others[0][0])} | {others[0][0] / mine:.2f}" if others else "| "
        rest = ", ".join(f"{f} {show(s)}" for s, f in others[1:])
        rows.append(
            f"| {case.name} | {show(mine)} | {fraction:.0%} | {cpu[case.name, 'cygrad'] / mine:.1f} | {peer} | {rest} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
