"""python -m cygrad.testing: checks the kernels on this machine. Exit status 1 when one is wrong."""

import argparse
import fnmatch
import sys
import time

from .. import _core, reference
from . import check_kernel, unmatched


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m cygrad.testing", description="Checks the kernels against the reference."
    )
    parser.add_argument(
        "--kernel", default="*", metavar="PATTERN", help="kernels to check, such as 'conv2d*' (default: all)"
    )
    parser.add_argument(
        "--isa", choices=_core.available_isas(), help="an instruction set (default: all that this CPU has)"
    )
    parser.add_argument("--quick", action="store_true", help="every third case only")
    options = parser.parse_args(arguments)
    isas = [options.isa] if options.isa else _core.available_isas()
    families = {}
    for name in fnmatch.filter(_core.KERNELS, options.kernel):
        families.setdefault(getattr(reference, name).__module__.rpartition(".")[2], []).append(name)
    if not families:
        parser.error(f"no kernel matches {options.kernel!r}")
    failures = unmatched()
    print(f"cygrad {', '.join(isas)}; 1, 2 and 3 threads; errors as a fraction of the tolerance")
    for family, names in families.items():
        start, worst, worst_name, failed = time.perf_counter(), 0.0, "", {}
        for name in names:
            for isa in isas:
                for threads in (1, 2, 3):
                    try:
                        error = check_kernel(name, isa, threads, quick=options.quick)
                        if error >= worst:
                            worst, worst_name = error, name
                    except Exception as problem:  # a kernel may fail in any way; the others shall still be checked
                        failed.setdefault(f"{type(problem).__name__}: {problem}", []).append(f"{isa} {threads}")
        failures += [f"{problem} [{', '.join(where)}]" for problem, where in failed.items()]
        verdict = f"{len(failed)} FAILED" if failed else "ok"
        seconds = time.perf_counter() - start
        print(
            f"{family:12} {len(names):3} kernels  worst {worst:.2f} {worst_name:38} {seconds:5.1f} s  {verdict}",
            flush=True,
        )
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
