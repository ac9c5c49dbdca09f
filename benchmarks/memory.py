"""python -m benchmarks.memory FRAMEWORK [MODEL BATCH]: peak memory of a training step, in a process of its own.

Prints one JSON line in bytes: resident after the import, and the most that was resident during two steps.
"""

import json
import os
import re
import resource
import sys
from pathlib import Path

from .cases import Train
from .frameworks import Unsupported, load


def resident():
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_resident():
    """The most so far. (getrusage's figure may be that of the process which started this one.)"""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024


def main():
    name, model, batch = sys.argv[1], *(sys.argv[2:] or ("cnn224", "32"))
    framework = load(name)
    imported = resident()
    case = Train(model, int(batch))
    data = case.inputs()
    try:
        step = framework.one_step(case, data)
        data.clear()  # the benchmark's own copy of the weights is not the framework's memory
        for _ in range(2):
            step()
    except Unsupported as reason:
        sys.exit(f"Unsupported: {reason}")
    print(json.dumps({"framework": framework.name, "imported": imported, "peak": peak_resident()}), flush=True)
    os._exit(0)  # some frameworks' threads take seconds to end


if __name__ == "__main__":
    main()
