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
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from . import footprint, machine, shapes
from .cases import all_cases
from .frameworks import FRAMEWORKS, available
from .goals import CLIFF, CONVOLUTIONS, CONVOLUTIONS_MEAN, geometric_mean, goals_of

ROOT = Path(__file__).resolve().parent.parent
AGREE = 2e-3  # between the frameworks' losses and probabilities, for each 1 of their size

EXPLANATION = f"""Ratio: the best peer's figure over cygrad's; above 1 cygrad is ahead. Of limit: the time that the
machine's peaks below allow over cygrad's (the larger of multiply-adds and of bytes at the bandwidth of that size). CPU:
processor seconds over wall seconds. Spread: cygrad's slowest round over its best. Goal: the ratio asked for (against
one peer where it is named); rows without a goal must not fall below {CLIFF.ratio}.
`python -m benchmarks.report` makes this table."""


@dataclass
class Row:
    """One line of the report: what each framework took, by round."""

    name: str
    section: str
    least: float = 0.0  # seconds by the machine's limits
    unit: str = "s"
    median: bool = False  # of the rounds; else their best
    rounds: dict = field(default_factory=dict)  # {framework: [seconds]}
    cpu: dict = field(default_factory=dict)  # {framework: [processor seconds over wall seconds]}
    skipped: dict = field(default_factory=dict)  # {framework: why}
    wrong: dict = field(default_factory=dict)  # {framework: what}

    def add(self, framework, value, cpu=None):
        self.rounds.setdefault(framework, []).append(value)
        if cpu is not None:
            self.cpu.setdefault(framework, []).append(cpu)

    def value(self, framework):
        taken = sorted(self.rounds[framework])
        return taken[len(taken) // 2] if self.median else taken[0]

    @property
    def mine(self):
        return self.value("cygrad") if "cygrad" in self.rounds else None

    @property
    def peers(self):
        return {f: self.value(f) for f in self.rounds if f != "cygrad"}

    @property
    def ratio(self):
        return min(self.peers.values()) / self.mine if self.peers and self.mine else None

    def judged(self):
        """[(asked, is, reached)] of the goals that can be judged here."""
        if self.mine is None:
            return []
        return [j for goal in goals_of(self.name) if (j := goal.judge(self.mine, self.peers))]


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


def measure(case, row, workers, options):
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
    command = ("time", 0.01, 1) if options.fast else ("time", 0.03, 3)
    if case.rest:
        command = ("rest", case.rest, 5 if options.fast else 11)
    for number in range(options.rounds):
        turn = number % len(ready)
        for name in ready[turn:] + ready[:turn]:
            if name in row.wrong:
                continue
            answer = ask(workers, name, *command)
            if "error" in answer:
                row.wrong[name] = answer["error"]
                row.rounds.pop(name, None)
                continue
            row.add(name, answer["seconds"], None if case.rest else answer["cpu"] / answer["seconds"])


def collect(options, peaks, pythons, log):
    """(rows, {package: version}) of all cases that are asked for."""
    wanted = re.compile(options.rows)
    cases = [case for case in all_cases() if wanted.search(case.name)]
    rows, versions, workers = [], {}, {}
    try:
        for framework, python in pythons.items() if cases else ():
            worker = Worker(framework, python, environment_of(framework, options), log)
            workers[worker.name] = worker
            versions |= worker.ask("versions")
        for case in cases:
            least = peaks.seconds(case.flops, case.bytes, options.isa or case.isa)
            rows.append(Row(case.name, case.section, least, median=bool(case.rest)))
            measure(case, rows[-1], workers, options)
            print(one_line(rows[-1]), file=sys.stderr, flush=True)
    finally:
        for worker in workers.values():
            worker.end()
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
            command = [
                python,
                "-W",
                "ignore",
                "-m",
                "benchmarks.memory",
                framework.partition("-")[0],
                model,
                str(batch),
            ]
            run = subprocess.run(
                command, cwd=ROOT, env=environment_of(framework, options), capture_output=True, text=True
            )
            if run.returncode:
                rows[0].wrong[framework] = run.stderr.strip().rpartition("\n")[2]
                continue
            found = json.loads(run.stdout.strip().rpartition("\n")[2])
            rows[0].add(framework, round(found["peak"] / 1e6, 1))
            rows[1].add(framework, round((found["peak"] - found["imported"]) / 1e6, 1))
        yield from rows


def footprint_rows(options, pythons):
    """Import time and installed size."""
    kinds = {
        "import": partial(footprint.import_seconds, rounds=1 if options.fast else 3),
        "installed size, MB": lambda *a, **k: round(footprint.installed_bytes(*a, **k) / 1e6, 1),
    }
    for name, figure in kinds.items():
        if not re.search(options.rows, name):
            continue
        row = Row(name, "footprint", unit="s" if name == "import" else "")
        for framework, python in pythons.items():
            what = footprint.IMPORTS[framework][name != "import"]
            try:
                row.add(framework, figure(what, python, environment=environment_of(framework, options)))
            except subprocess.CalledProcessError as error:
                row.wrong[framework] = error.stderr[-200:]
        yield row


def show(row, value):
    if row.unit != "s":
        return f"{value:g}"
    return f"{value * 1e6:.1f} us" if value < 1e-3 else f"{value * 1e3:.2f} ms"


def one_line(row):
    """A row while the report runs."""
    taken = ", ".join(f"{f} {show(row, row.value(f))}" for f in row.rounds)
    rest = [f"{f} WRONG: {why}" for f, why in row.wrong.items()]
    if row.mine is None and "cygrad" in row.skipped:
        rest.append(f"skipped: {row.skipped['cygrad']}")
    return "; ".join([f"{row.name}: {taken}", *rest])


def verdict(asked, found, reached):
    return f"{asked}: reached" if reached else f"**{asked}: is {found}**"


def table(rows):
    """Markdown lines of one section."""
    lines = [
        "| row | cygrad | spread | of limit | CPU | best peer | its CPU | ratio | goal | others |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.mine is None:
            continue
        best, *others = sorted((v, f) for f, v in row.peers.items()) or [(None, None)]
        spread = max(row.rounds["cygrad"]) / min(row.rounds["cygrad"]) - 1
        cells = [
            row.name,
            show(row, row.mine),
            f"{spread:.0%}" if len(row.rounds["cygrad"]) > 1 else "",
            f"{row.least / row.mine:.0%}" if row.least else "",
            f"{min(row.cpu['cygrad']):.1f}" if row.cpu else "",
            f"{best[1]} {show(row, best[0])}" if best[1] else "",
            f"{min(row.cpu[best[1]]):.1f}" if best[1] in row.cpu else "",
            f"{row.ratio:.2f}" if row.ratio else "",
            "; ".join(verdict(*j) for j in row.judged()),
            ", ".join(f"{f} {show(row, v)}" for v, f in others),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def summary(rows):
    """What was reached, and by name what was not."""
    judged = [(row, j) for row in rows for j in row.judged()]
    goals = [(row, j) for row, j in judged if goals_of(row.name) != [CLIFF]]
    lines = [f"{sum(j[2] for _, j in goals)} of {len(goals)} goals are reached."]
    cliffs = [row for row in rows if row.ratio and row.section != "footprint" and row.ratio < CLIFF.ratio]
    compared, named = sum(row.ratio is not None for row in rows), [f"{row.name} ({row.ratio:.2f})" for row in cliffs]
    slower = f"{len(cliffs)} of {compared} rows are slower than {CLIFF.ratio} of the best peer"
    lines.append(slower + (": " + ", ".join(named) if named else "") + ".")
    convolutions = [row.ratio for row in rows if row.ratio and re.fullmatch(CONVOLUTIONS, row.name)]
    if convolutions:
        mean = geometric_mean(convolutions)
        asked = verdict(f"{CONVOLUTIONS_MEAN:g}", f"{mean:.2f}", mean >= CONVOLUTIONS_MEAN)
        over = f"the ratios of {len(convolutions)} rows of conv2d forward+backward"
        lines.append(f"Geometric mean of {over}: {mean:.2f} ({asked}).")
    missed = [f"{row.name} ({j[0]}: {j[1]})" for row, j in goals if not j[2]]
    if missed:
        lines.append("Not reached: " + ", ".join(missed) + ".")
    return lines


def render(rows, versions, peaks, options, threads_section=""):
    """The report as Markdown."""
    text = [
        f"# Results, {datetime.date.today()}",
        "",
        f"{machine.name()}; {options.threads} threads. " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ". "
        f"{options.rounds} round{'s' * (options.rounds > 1)}"
        + (f"; cygrad on {options.isa}" if options.isa else "")
        + ".",
        "",
        EXPLANATION,
        "",
        *(line + "\n" for line in summary(rows)),
        *peaks.describe(),
    ]
    for section in dict.fromkeys(row.section for row in rows):
        chosen = [row for row in rows if row.section == section]
        if any(row.mine is not None for row in chosen):
            text += ["", f"## {section.capitalize()}", "", *table(chosen)]
    missing = [f"- {row.name}: {row.skipped['cygrad']}" for row in rows if "cygrad" in row.skipped]
    wrong = [f"- {row.name}: {name}: {what}" for row in rows for name, what in row.wrong.items()]
    text += ["", "## Not measured", "", *missing] if missing else []
    text += ["", "## Wrong or failed, so not timed", "", *wrong] if wrong else []
    return "\n".join(text) + "\n" + threads_section


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
            rows, versions = collect(options, peaks, pythons, log)
        except ConnectionError as error:
            log.seek(0)
            raise SystemExit(f"{error}\n{log.read()[-3000:]}") from None
    rows += [*memory_rows(options, pythons), *footprint_rows(options, pythons)]
    section = ""
    if not options.rows and not options.fast:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.threads"], cwd=ROOT, env=environment_of("cygrad", options),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
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
