"""python -m benchmarks.threads [--rows REGEX] [--parts kernels,neighbour,rest,sleep] [--fast]: threads that never hurt.

A second thread is worth nothing if it makes anything slower. Four questions, each with a limit; a limit that is broken
makes the exit code 1:

- kernels: every case of the report and every kernel of kernels.def at several sizes, on one thread and on two.
- neighbour: training steps on two threads while another process keeps one of two CPUs busy, against one thread alone.
- rest: a call 100 ms after the last one, and hot, against the same on one thread.
- sleep: processor time that is burnt in a second of sleep after a call, by threads that wait for more.

What looks broken is measured again before it counts, because a shared machine does worse things than threads.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from cygrad import _core, testing

from . import machine, shapes
from .cases import Predict, Train, all_cases
from .frameworks import Unsupported, load
from .worker import calls_for

KERNEL_LIMIT = 1.05  # two threads over one
NEIGHBOUR_LIMIT = 1.2  # two threads beside a busy process over one thread alone
REST_LIMIT = 1.2  # two threads over one, after a rest or hot
SLEEP_LIMIT = 0.005  # seconds of processor time in a second of sleep
SIZES = (1000, 10_000, 30_000, 100_000, 1_000_000)  # of kernels that take n values
CALLED = [("mlp", 1), ("mlp", 32), ("cnn", 8), ("cnn", 32)]  # predict, after a rest


@dataclass
class Result:
    """One line: its name, what was measured (by column), the figure that the limit is for."""

    name: str
    columns: dict
    figure: float
    limit: float

    @property
    def broken(self):
        return self.figure > self.limit


@contextlib.contextmanager
def busy_neighbour(cpu):
    """Another process computes on this CPU."""
    code = f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def seconds_of(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def on_threads(threads, measure):
    _core.set_num_threads(threads)
    return measure()


def again_if(limit, attempt, times=4):
    """attempt() until its result is within the limit, at most so often; the least result."""
    best = attempt()
    for _ in range(times - 1):
        if best.figure <= limit:
            break
        best = min(best, attempt(), key=lambda result: result.figure)
    return best


def compare_threads(name, run, rounds):
    """One thread against two in many short turns, the best of each."""
    _core.set_num_threads(1)
    run()
    calls, best = calls_for(run, 0.002), {1: np.inf, 2: np.inf}

    def attempt():
        for _ in range(rounds):
            for threads in best:
                best[threads] = min(best[threads], on_threads(threads, lambda: seconds_of(run, calls)))
        return Result(name, {"1 thread": best[1], "2 threads": best[2]}, best[2] / best[1], KERNEL_LIMIT)

    return again_if(KERNEL_LIMIT, attempt)


def case_runs(framework, wanted):
    """(name, run) of the report's operations."""
    for case in all_cases():
        if not isinstance(case, Train | Predict) and wanted.search(case.name) and not case.isa:
            with contextlib.suppress(Unsupported):
                yield case.name, framework.prepare(case, case.inputs())[0]


def kernel_runs(wanted):
    """(name, run) of every kernel: at SIZES if it takes n values, else on the largest case of its entry."""
    for name, entry in testing.ENTRIES.items():
        if not entry.cases or not wanted.search(name):
            continue
        if "n" in entry.cases[0]:
            plain = {k: v for k, v in entry.cases[0].items() if k != "values"}
            choices = [{**plain, "n": n} for n in SIZES]
        else:
            choices = [max(entry.cases, key=lambda c: sum(testing.work(name, testing.make_arguments(name, **c))))]
        for choice in choices:
            arguments = tuple(testing.make_arguments(name, **choice).values())
            kernel = getattr(_core, name)
            yield f"{name} {choice.get('n', choice)}", lambda k=kernel, a=arguments: k(*a)


def kernels(framework, wanted, fast):
    for source in (case_runs(framework, wanted), kernel_runs(wanted)):
        for name, run in source:
            yield compare_threads(name, run, 3 if fast else 8)


def neighbour(framework, wanted, fast):
    """Training steps. The neighbour has the last CPU; the scheduler may move us, as it would anywhere."""
    cpu = machine.usable_cpus()[-1]
    for model, batch in shapes.TRAIN:
        case = Train(model, batch)
        if not wanted.search(case.name):
            continue
        data = case.inputs()
        try:
            step = framework.one_step(case, data)
        except Unsupported:
            continue
        _core.set_num_threads(1)
        step()
        calls = calls_for(step, 0.05 if fast else 0.2)
        taken = {(threads, busy): [] for threads in (1, 2) for busy in (False, True)}

        def attempt(name=case.name, step=step, calls=calls, taken=taken):
            for _ in range(1 if fast else 3):
                for threads, busy in taken:
                    with busy_neighbour(cpu) if busy else contextlib.nullcontext():
                        taken[threads, busy].append(on_threads(threads, lambda: seconds_of(step, calls)))
            median = {key: float(np.median(values)) for key, values in taken.items()}
            columns = {
                f"{threads} thread{'s' * (threads > 1)}, {'busy' if busy else 'alone'}": median[threads, busy]
                for threads, busy in taken
            }
            return Result(name, columns, median[2, True] / median[1, False], NEIGHBOUR_LIMIT)

        yield again_if(NEIGHBOUR_LIMIT, attempt, 1 if fast else 3)


def predictors(framework, wanted):
    for model, batch in CALLED:
        case = Predict(model, batch)
        if wanted.search(case.name):
            run = framework.prepare(case, case.inputs())[0]
            run()
            yield case.name, run


def rest(framework, wanted, fast):
    for name, run in predictors(framework, wanted):
        calls = calls_for(run, 0.01)

        def rested(run=run):
            times = []
            for _ in range(5 if fast else 15):
                time.sleep(0.1)
                times.append(seconds_of(run, 1))
            return times

        taken, hot = {1: [], 2: []}, {1: np.inf, 2: np.inf}

        def attempt(name=name, run=run, calls=calls, rested=rested, taken=taken, hot=hot):
            for _ in range(1 if fast else 2):
                for threads in taken:
                    hot[threads] = min(hot[threads], on_threads(threads, lambda: seconds_of(run, calls)))
                    taken[threads] += on_threads(threads, rested)
            median = {threads: float(np.median(times)) for threads, times in taken.items()}
            columns = {"1 thread, hot": hot[1], "2 threads, hot": hot[2]}
            columns |= {"1 thread, after rest": median[1], "2 threads, after rest": median[2]}
            return Result(name, columns, max(median[2] / median[1], hot[2] / hot[1]), REST_LIMIT)

        yield again_if(REST_LIMIT, attempt, 1 if fast else 3)


def sleep(framework, wanted, fast):
    for name, run in predictors(framework, wanted):

        def attempt(name=name, run=run):
            on_threads(2, lambda: seconds_of(run, 20))
            before = time.process_time()
            time.sleep(1)
            burnt = time.process_time() - before
            return Result(name, {"burnt in 1 s of sleep": burnt}, burnt, SLEEP_LIMIT)

        yield again_if(SLEEP_LIMIT, attempt, 2)


PARTS = {
    "kernels": (kernels, f"Kernels: two threads over one, at most {KERNEL_LIMIT}"),
    "neighbour": (
        neighbour,
        f"A busy neighbour: two threads beside it over one thread alone, at most {NEIGHBOUR_LIMIT}",
    ),
    "rest": (rest, f"A call after 100 ms of rest, and hot: two threads over one, at most {REST_LIMIT}"),
    "sleep": (sleep, f"Processor seconds in a second of sleep after a call, at most {SLEEP_LIMIT}"),
}


def show(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def table(results, heading, most=12):
    """Markdown lines: what is broken, and the nearest to it."""
    ordered = sorted(results, key=lambda result: -result.figure)
    broken = [result for result in ordered if result.broken]
    shown = ordered[: max(most, len(broken))]
    text = [f"### {heading}", "", f"{len(broken)} of {len(results)} are beyond."]
    if len(shown) < len(results):
        text[-1] += f" The {len(shown)} highest:"
    columns = list(ordered[0].columns)
    text += ["", "| " + " | ".join(["what", *columns, "figure", ""]) + " |", "|---" * (len(columns) + 3) + "|"]
    for result in shown:
        cells = [result.name, *map(show, result.columns.values()), f"{result.figure:.3g}"]
        text.append("| " + " | ".join([*cells, "**beyond**" if result.broken else ""]) + " |")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="REGEX", help="only cases and kernels whose name matches")
    parser.add_argument("--parts", default=",".join(PARTS), metavar="PART,...")
    parser.add_argument("--fast", action="store_true", help="fewer rounds: a first look")
    options = parser.parse_args()
    if len(machine.usable_cpus()) < 2:
        print("threads: not measured, this process may use one CPU only")
        return
    framework, wanted, broken = load("cygrad"), re.compile(options.rows), False
    text = ["## Threads that never hurt", "", "`python -m benchmarks.threads`"]
    for part in options.parts.split(","):
        measure, heading = PARTS[part]
        with machine.peak_program() as peak:
            apart = [int(peak("apart"))]
            results = list(measure(framework, wanted, options.fast))
            apart.append(int(peak("apart")))
        if results:
            text += ["", *table(results, heading), "", f"Apart, before and after: {apart[0]} and {apart[1]} ns."]
            broken |= any(result.broken for result in results)
    print("\n".join(text), flush=True)
    os._exit(broken)


if __name__ == "__main__":
    main()
