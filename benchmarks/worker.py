"""python -m benchmarks.worker FRAMEWORK CASE...: verifies, then times each case; one JSON line a case.

benchmarks.report runs it, each framework in a process of its own, because their thread pools do not mix.
"""

import json
import os
import re
import sys
import time

import numpy as np

from .cases import all_cases, expected, inputs, verify
from .frameworks import FRAMEWORKS


def seconds_a_call(run, floor=0.05, rounds=5):
    """Median and CPU seconds of one call: warmed up, then batches of at least `floor` seconds."""
    run(), run()
    n = 1
    while True:
        start = time.perf_counter()
        for _ in range(n):
            run()
        if time.perf_counter() - start > floor:
            break
        n *= 2
    walls, cpu = [], time.process_time()
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(n):
            run()
        walls.append((time.perf_counter() - start) / n)
    return sorted(walls)[rounds // 2], (time.process_time() - cpu) / (n * rounds)


def main():
    framework = FRAMEWORKS[sys.argv[1]]()
    pattern = re.compile("|".join(sys.argv[2:]) or ".")
    for case in all_cases():
        if not pattern.search(case.name):
            continue
        data = inputs(case)
        prepared = framework.prepare(case, data)
        if prepared is None:
            continue
        run, results = prepared
        run()
        found, wanted = results(), expected(case, data)
        if wanted is not None:
            verify(case, found, wanted)
        check = None if wanted is not None or found is None else np.asarray(found[0], "f8").ravel()[:64].tolist()
        wall, cpu = seconds_a_call(run)
        calls = getattr(run, "calls", 1)
        line = {
            "framework": framework.name,
            "case": case.name,
            "seconds": wall / calls,
            "cpu": cpu / calls,
            "check": check,
        }
        print(json.dumps(line), flush=True)
    sys.stdout.flush()
    os._exit(0)  # some frameworks' threads take seconds to end


if __name__ == "__main__":
    main()
