"""What the tests of csrc as a C library share: building programs on it, for this CPU and for 64-bit ARM, running
recorded kernel calls in one of them, tests/embed/replay.c, and comparing bits."""

import functools
import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cygrad import _core, testing

ROOT = Path(__file__).resolve().parent.parent
COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
X86 = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"],
}
ARM = {"neon": []}  # and baseline, which is the same vectors with other tiles
HERE = X86 if platform.machine() in ("x86_64", "AMD64") else ARM
FUSED = ("avx2", "avx512", "neon")  # instruction sets with fused multiply-adds: the same bits on all
FUSED_HERE = [isa for isa in FUSED if isa in _core.available_isas()]
SCALAR, INPUT, OUTPUT, NOTHING = range(4)


def build(folder, *programs, compiler=COMPILERS[:1], isas=HERE, flags=("-O2", "-g"), pool=True):
    """tests/embed/PROGRAM.c for each of programs, linked with csrc as compiled for isas: their paths in folder. pool:
    on csrc's own threads, as the Python extension is; else on the compiler's OpenMP library."""
    common = [*compiler, "-std=c11", *flags, "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    common += ["-Icsrc", f"-I{folder}", "-DCG_HAVE_X86" if isas is X86 else "-DCG_HAVE_NEON"]
    sources = {source: [] for source in sorted(ROOT.glob("csrc/*.c")) if pool or source.stem != "pool"}
    sources.update({ROOT / f"csrc/isa/{isa}.c": isas.get(isa, []) for isa in ("baseline", *isas)})
    sources.update({ROOT / f"tests/embed/{program}.c": [] for program in programs})
    objects = {source: folder / f"{source.stem}.o" for source in sources}
    library = [o for source, o in objects.items() if source.stem not in programs]
    libraries = ["-lm", "-lpthread", *([] if pool else ["-fopenmp"])]
    (folder / "calls.inc").write_text("".join(map(line_of_calls, _core.KERNELS)))
    compile_all = [[*common, *sources[source], "-fopenmp", "-c", source, "-o", o] for source, o in objects.items()]
    link_all = [[*common, folder / f"{p}.o", *library, *libraries, "-o", folder / p] for p in programs]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for commands in (compile_all, link_all):
            list(workers.map(functools.partial(subprocess.run, cwd=ROOT, check=True), commands))
    return [folder / program for program in programs]


def line_of_calls(name):
    """A kernel's line of calls.inc, as replay.c describes it."""
    parameters = _core.KERNELS[name]
    members = ["p" if kind != "scalar" else "f" if type_ == "float" else "i" for type_, _, kind, _ in parameters]
    return f"CALL({name}, {len(members)}, {', '.join(f'a[{i}].{member}' for i, member in enumerate(members))})\n"


def recorded(name, arguments):
    """The bytes of a kernel's call, as replay.c reads them."""
    parts = [np.int64([*_core.KERNELS].index(name))]
    for type_, key, kind, const in _core.KERNELS[name]:
        value, what = arguments[key], INPUT if const else OUTPUT
        if kind == "scalar":
            what = SCALAR
            value = np.float32([value, 0]) if type_ == "float" else np.array(value, "u8" if value >= 2**63 else "i8")
        elif kind == "dims":
            what, value = INPUT, np.array(value, "i8")
        elif value is None:
            what, value = NOTHING, np.empty(0)
        elif isinstance(value, tuple):
            dtype = np.dtype(testing.DTYPES[type_])
            value = np.full(value, testing.poison(dtype), dtype)
        parts += [np.int64([what, value.nbytes]), value]
    return b"".join(part.tobytes() for part in parts)


def replay(command, calls, isa, threads, **options):
    """Runs replay.c by command on calls, pairs of a kernel's name and arguments: each call's outputs by name."""
    folder = Path(command[-1]).parent
    (folder / "calls").write_bytes(b"".join(recorded(*call) for call in calls))
    command = [*command, isa, str(threads), folder / "calls", folder / "results"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert run.returncode == 0, f"{isa}, {threads} threads: exit status {run.returncode}\n{run.stderr[-3000:]}"
    results, at, outputs = (folder / "results").read_bytes(), 0, []
    for name, arguments in calls:
        outputs.append({})
        for type_, key, kind, const in _core.KERNELS[name]:
            value = arguments[key]
            if kind == "array" and not const and value is not None:
                shape = value if isinstance(value, tuple) else value.shape
                found = np.frombuffer(results, testing.DTYPES[type_], int(np.prod(shape)), at)
                outputs[-1][key] = found.reshape(shape)
                at += found.nbytes
    assert at == len(results)
    return outputs


def all_cases():
    """Every case of cygrad.testing: (name, arguments, expected, allowed)."""
    return [(name, *case) for name in _core.KERNELS for case in testing.cases_of(name, quick=False)]


def bits(outputs):
    """The outputs' bytes, by name. Which of the many NaNs a result is depends on the CPU: all count as one here."""
    return {
        key: (np.where(np.isnan(v), np.float32(np.nan), v) if v.dtype.kind == "f" else v).tobytes()
        for key, v in outputs.items()
    }


def check_replay(command, isa, threads, unlike=(), **options):
    """Replays all cases: each must be as near to its reference as its entry asks and, where isa has fused
    multiply-adds, have the bits that this process computes, but for the kernels in unlike."""
    cases = all_cases()
    found = replay(command, [case[:2] for case in cases], isa, threads, **options)
    for (name, arguments, expected, allowed), outputs in zip(cases, found):
        testing.compare(name, arguments, outputs, expected, allowed)
        if isa in FUSED and FUSED_HERE and name not in unlike:
            with testing.settings(FUSED_HERE[-1], threads=1):
                assert bits(outputs) == bits(testing.call(name, arguments)), f"{name}: {testing.describe(arguments)}"
