"""python -m benchmarks.report [--rows REGEX] [--rounds 3] [--peer torch=/path/to/python ...] [--out FILE.md]

Times every row in cygrad and in each peer that can be imported, each in a process of its own that is stopped while
another one is measured. Results are verified before timing: operations against NumPy in float64, models' losses and
predictions against each other; what is wrong is not timed but named. The rounds of a row follow each other and go
through the frameworks in turn, so that a noisy minute hits all alike: quoted is the best round of each, beside the
spread of cygrad's rounds (of calls after a rest: the median). --peer names another interpreter for a peer
(keras-tensorflow, keras-torch: Keras on that backend); without it, the peers of this environment are used. Nothing else
may run on the machine meanwhile.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import footprint, machine, shapes
from .cases import all_cases
from .frameworks import FRAMEWORKS, available
from .table import Row, one_line, render

ROOT = Path(__file__).resolve().parent.parent
AGREE = 2e-3  # between the frameworks' losses and probabilities, for each 1 of their size


class Worker:
    """A framework's process (worker.py): stopped unless it is being asked."""

    def __init__(self, framework, python, environment, log):
        self.started = (framework, python, environment, log)
        self.name = framework
        command = [python, "-W", "ignore", "-m", "benchmarks.worker", framework.partition("-")[0]]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            preexec_fn=os.setpgrp,  # if the report is killed, the system wakes and ends a stopped group left behind
        )  # fmt: skip
        self.name = self.answer()["framework"]
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise ConnectionError(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def ask(self, *command):
        self.process.send_signal(signal.SIGCONT)
        print(json.dumps(command), file=self.process.stdin, flush=True)
        answer = self.answer()
        self.stop()
        return answer

    def end(self):
        self.process.kill()
        self.process.__exit__(None, None, None)  # closes its pipes and waits for it

    def again(self):
        self.end()
        return Worker(*self.started)


def environment_of(framework, options):
    count = str(options.threads)
    variables = {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    variables |= {"CYGRAD_ISA": options.isa} if options.isa else {}
    name, _, backend = framework.partition("-")
    if name == "keras":
        variables |= {"KERAS_BACKEND": backend, "TF_NUM_INTRAOP_THREADS": count, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **variables}


def frameworks(options):
    """{framework: interpreter} of cygrad and the peers."""
    given = dict(peer.split("=", 1) for peer in options.peer)
    found = {n: sys.executable for n in FRAMEWORKS if n not in ("cygrad", "keras", *given) and available(n)}
    if available("keras"):
        backends = [b for b in ("tensorflow", "torch") if machine.importable(b)]
        found |= {f"keras-{b}": sys.executable for b in backends if f"keras-{b}" not in given}
    return {"cygrad": sys.executable, **found, **given}


def disagreement(checks):
    """{framework: how far} where losses or predictions are not those of the most frameworks (or, of two, the other)."""
    wrong = {}
    for name, values in checks.items():
        near = [
            other for other, v in checks.items() if np.all(np.abs(np.subtract(v, values)) < AGREE * (1 + np.abs(v)))
        ]
        if len(near) <= len(checks) / 2:
            far = {f: f"{np.abs(np.subtract(v, values)).max():.1e}" for f, v in checks.items() if f not in near}
            wrong[name] = f"differs from {far}"
    return wrong


def ask(workers, name, *command):
    """A worker's answer; if it ends instead, that is the answer, and another one takes its place."""
    try:
        return workers[name].ask(*command)
    except ConnectionError as error:
        workers[name] = workers[name].again()
        return {"error": str(error)}


def measure(case, row, workers, options, apart):
    """Prepares a case everywhere, verifies, then times it round by round."""
    checks, ready = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name in workers:
            answer = ask(workers, name, "prepare", case.name, folder)
            if "skip" in answer:
                row.skipped[name] = answer["skip"]
            elif "error" in answer:
                row.wrong[name] = answer["error"]
            else:
                ready.append(name)
                if answer["check"] is not None:
                    checks[name] = answer["check"]
            if "cygrad" not in ready:
                return  # nothing to compare the others with
    row.wrong |= disagreement(checks)
    ready = [name for name in ready if name not in row.wrong]
    if "cygrad" not in ready:
        return
    command = ("time", 0.01, 1) if options.fast else ("time", 0.02, 3)
    if case.rest:
        command = ("rest", case.rest, 5 if options.fast else 11)
    for number in range(options.rounds):
        turn = number % len(ready)
        row.apart.append(apart())
        for name in ready[turn:] + ready[:turn]:
            if name in row.wrong:
                continue
            answer = ask(workers, name, *command)
            if "error" in answer:
                row.wrong[name] = answer["error"]
                row.rounds.pop(name, None)
                continue
            row.add(name, answer["seconds"], answer["cpu"] / answer["seconds"])


def collect(options, pythons, log):
    """(rows, {package: version}) of all cases that are asked for."""
    wanted = re.compile(options.rows)
    cases = [case for case in all_cases() if wanted.search(case.name)]
    rows, versions, workers, start = [], {}, {}, time.perf_counter()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [worker.end() for worker in workers.values()])
        peak = stack.enter_context(machine.peak_program())
        apart = (lambda: int(peak("apart"))) if options.threads > 1 else (lambda: 0)
        for framework, python in pythons.items() if cases else ():
            worker = Worker(framework, python, environment_of(framework, options), log)
            workers[worker.name] = worker
            versions |= worker.ask("versions")
        for case in cases:
            work = (case.flops, case.bytes, options.isa or case.isa)
            rows.append(Row(case.name, case.section, work, median=bool(case.rest)))
            measure(case, rows[-1], workers, options, apart)
            print(f"{time.perf_counter() - start:4.0f} s  {one_line(rows[-1])}", file=sys.stderr, flush=True)
    return rows, versions


def memory_rows(options, pythons):
    """Peak memory of training steps."""
    for model, batch in shapes.PEAK_MEMORY:
        name = f"peak memory of train {model}-b{batch}"
        rows = [Row(f"{name}, MB", "memory", unit=""), Row(f"{name} beyond the import, MB", "memory", unit="")]
        if not re.search(options.rows, name):
            continue
        for framework, python in pythons.items():
            if framework in ("numpy", "sklearn", "onnxruntime"):
                continue
            module = ["-W", "ignore", "-m", "benchmarks.memory", framework.partition("-")[0], model, str(batch)]
            environment = environment_of(framework, options)
            run = subprocess.run([python, *module], cwd=ROOT, env=environment, capture_output=True, text=True)
            if run.returncode:
                rows[0].wrong[framework] = run.stderr.strip().rpartition("\n")[2]
                continue
            found = json.loads(run.stdout.strip().rpartition("\n")[2])
            rows[0].add(framework, round(found["peak"] / 1e6, 1))
            rows[1].add(framework, round((found["peak"] - found["imported"]) / 1e6, 1))
        yield from rows


FOOTPRINT = ("import", "installed size, MB", "fit of a tiny network, 3 metrics, 5 callbacks, us a step")


def footprint_rows(options, pythons):
    """Import time, installed size, a step of fit where there is next to nothing to compute."""
    rounds = 1 if options.fast else 2

    def figure(name, framework, python, environment):
        statement, packages = footprint.IMPORTS[framework]
        if name == "import":
            return footprint.import_seconds(statement, python, rounds, environment)
        if name == "installed size, MB":
            return round(footprint.installed_bytes(packages, python, environment) / 1e6, 1)
        return round(footprint.fit_seconds(framework.partition("-")[0], python, environment) * 1e6, 1)

    for name in FOOTPRINT:
        if not re.search(options.rows, name):
            continue
        row = Row(name, "footprint", unit="s" if name == "import" else "")
        for framework, python in pythons.items():
            if name.startswith("fit") and not framework.startswith(("cygrad", "keras")):
                continue
            try:
                row.add(framework, figure(name, framework, python, environment_of(framework, options)))
            except subprocess.CalledProcessError as error:
                row.wrong[framework] = error.stderr[-200:]
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fast", action="store_true", help="one short round, no section on threads: a first look")
    parser.add_argument("--threads", type=int, default=len(machine.usable_cpus()))
    parser.add_argument("--isa", help="pin cygrad to an instruction set")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--only", metavar="REGEX", default="", help="only peers whose name matches")
    parser.add_argument("--out", metavar="FILE.md")
    options = parser.parse_args()
    if options.fast:
        options.rounds = 1
    pythons = {n: p for n, p in frameworks(options).items() if n == "cygrad" or re.search(options.only, n)}
    peaks = machine.measure_peaks(options.threads)
    with tempfile.TemporaryFile("w+") as log:
        try:
            rows, versions = collect(options, pythons, log)
        except ConnectionError as error:
            log.seek(0)
            raise SystemExit(f"{error}\n{log.read()[-3000:]}") from None
    rows += [*memory_rows(options, pythons), *footprint_rows(options, pythons)]
    peaks = peaks.best_of(machine.measure_peaks(options.threads))
    for row in rows:
        row.least = peaks.seconds(*row.work)
    section = ""
    if not options.rows and not options.fast:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.threads"], cwd=ROOT, env=environment_of("cygrad", options),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if not run.stdout:  # it ends with 1 where a limit is broken, too
            raise SystemExit("benchmarks.threads failed: see above")
        section = "\n" + run.stdout
    text = render(rows, versions, peaks, options, section)
    with contextlib.suppress(BrokenPipeError):
        print(text)
    if options.out:
        Path(options.out).write_text(text)
    if any("cygrad" in row.wrong for row in rows):
        raise SystemExit("cygrad's results are wrong: see the end of the report")


if __name__ == "__main__":
    main()
