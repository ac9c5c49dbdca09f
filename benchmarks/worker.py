"""python -m benchmarks.worker FRAMEWORK: one framework in a process of its own, told what to do line by line.

benchmarks.report starts one for each framework, because their thread pools do not mix. A line of standard input is a
JSON list, a line of standard output its answer:

    ["prepare", case, folder]  verifies its results      {"check": [...] or null} or {"skip": why} or {"error": text}
    ["time", floor, batches]   times it                  {"seconds": ..., "cpu": ...}, of one call
    ["rest", seconds, calls]   times it after rests      the same
    ["versions"]               {package: version}

folder is where the expected results are left for the other frameworks.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from .cases import all_cases
from .frameworks import Unsupported, load

WARM = 0.01  # seconds of calls before each measurement: the others had the caches meanwhile
LONG = 0.25  # seconds of a call that is an average in itself
CHECKED = 1000  # losses, or probabilities relative to the largest, that are held against the other frameworks'


def calls_for(run, floor):
    """How many calls take `floor` seconds at least, found by calling."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        seconds = time.perf_counter() - start
        if seconds > floor:
            return calls
        calls = max(2 * calls, int(1.1 * calls * floor / seconds) if seconds > floor / 100 else 10 * calls)


def time_calls(run, calls, batches=3):
    """The median of a few batches of calls, and processor seconds, of one call."""
    start = time.perf_counter()
    while calls > 1 and time.perf_counter() - start < WARM:
        run()
    walls, cpu = [], time.process_time()
    while len(walls) < batches:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        walls.append((time.perf_counter() - start) / calls)
        if walls[0] > LONG:
            break
    cpu = (time.process_time() - cpu) / calls / len(walls)
    return sorted(walls)[len(walls) // 2], cpu


def time_after_rest(run, rest, calls):
    """The median of calls after a rest each, and processor seconds of a call with its rest."""
    run()
    walls, cpu = [], time.process_time()
    for _ in range(calls):
        time.sleep(rest)
        start = time.perf_counter()
        run()
        walls.append(time.perf_counter() - start)
    return sorted(walls)[calls // 2], (time.process_time() - cpu) / calls


def expected_once(case, data, folder):
    """case.expected(data), computed by the first framework that asks."""
    files = [folder / f"{i}.npy" for i in range(9)]
    if not files[0].exists():
        wanted = case.expected(data)
        for file, values in zip(files, wanted or ()):
            np.save(file, values)
        return wanted
    return [np.load(file) for file in files if file.exists()]


class Worker:
    def __init__(self, framework):
        self.framework = framework
        self.cases = {case.name: case for case in all_cases()}
        self.run = self.calls = None

    def prepare(self, name, folder):
        self.run = self.calls = None  # frees the last case's memory
        case = self.cases[name]
        data = case.inputs()
        try:
            run, results = self.framework.prepare(case, data)
        except Unsupported as reason:
            return {"skip": str(reason)}
        start = time.perf_counter()
        run()
        if time.perf_counter() - start > LONG:
            self.calls = 1
        found = results()
        if found is not None:
            case.verify(found, data, expected_once(case, data, Path(folder)))
        self.run = run
        if case.section not in ("train", "predict") or found is None:
            return {"check": None}
        check = np.asarray(found[0], "f8").ravel()[:CHECKED]
        return {"check": (check / check.max() if case.section == "predict" else check).tolist()}

    def measured(self, seconds, cpu):
        calls = getattr(self.run, "calls", 1)
        return {"seconds": seconds / calls, "cpu": cpu / calls}

    def time(self, floor, batches):
        if self.calls is None:
            self.calls = calls_for(self.run, floor)
        return self.measured(*time_calls(self.run, self.calls, batches))

    def rest(self, seconds, calls):
        return self.measured(*time_after_rest(self.run, seconds, calls))

    def versions(self):
        return self.framework.versions()


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the frameworks print does not get between the answers
    worker = Worker(load(sys.argv[1]))
    print(json.dumps({"framework": worker.framework.name}), file=answers)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = getattr(worker, command)(*arguments)
        except Exception as error:  # one case's failure is that case's result
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
    os._exit(0)  # some frameworks' threads take seconds to end


if __name__ == "__main__":
    main()
