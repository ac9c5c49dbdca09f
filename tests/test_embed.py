"""csrc as a C library of its own: a C program that trains on it, built with sanitizers."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
X86 = platform.machine() in ("x86_64", "AMD64")
ISAS = {"baseline": []}
if X86:
    ISAS["avx2"] = ["-mavx2", "-mfma"]
    ISAS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"]
else:
    ISAS["neon"] = []


def build(compiler, folder, *flags):
    """The program, from csrc and tests/embed/main.c."""
    common = [
        compiler,
        "-std=c11",
        "-O2",
        "-g",
        "-fopenmp",
        "-ffp-contract=off",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Icsrc",
    ]
    common += ["-DCG_HAVE_X86" if X86 else "-DCG_HAVE_NEON", *flags]
    objects = []
    for name, isa_flags in ISAS.items():
        objects.append(str(folder / f"{name}.o"))
        subprocess.run([*common, *isa_flags, "-c", f"csrc/isa/{name}.c", "-o", objects[-1]], cwd=ROOT, check=True)
    sources = ["csrc/dispatch.c", "csrc/parallel.c", "csrc/alloc.c", "tests/embed/main.c"]
    program = folder / "embed"
    subprocess.run([*common, *sources, *objects, "-lm", "-lpthread", "-o", str(program)], cwd=ROOT, check=True)
    return program


@pytest.mark.skipif(not COMPILERS, reason="no C compiler here: gcc or clang builds the C program")
def test_a_c_program_trains_under_the_sanitizers(tmp_path):
    # GCC's libgomp is not leak-clean at exit; leaks of ours show in cg_alloc_stats, which the program checks.
    program = build(COMPILERS[0], tmp_path, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    run = subprocess.run([str(program)], capture_output=True, text=True, env=environment, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("loss") == 2 * len({line.split()[0] for line in run.stdout.splitlines()}) > 0


@pytest.mark.skipif("clang" not in COMPILERS, reason="clang is not installed")
def test_clang_builds_it_without_warnings(tmp_path):
    omp = subprocess.run(
        ["clang", "-fopenmp", "-x", "c", "-", "-o", str(tmp_path / "probe")], input=b"int main(void){return 0;}"
    )
    if omp.returncode:
        pytest.skip("clang has no OpenMP library here")
    assert subprocess.run([str(build("clang", tmp_path))], capture_output=True, timeout=300).returncode == 0


@pytest.mark.parametrize("compiler", COMPILERS or ["none"])
def test_the_pool_runs_every_iteration_once(tmp_path, compiler):
    if compiler == "none":
        pytest.skip("no C compiler here: gcc or clang builds the C program")
    flags = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=thread"]
    for source in ("csrc/pool.c", "tests/embed/pool.c"):
        to = str(tmp_path / f"{Path(source).parent.name}.o")
        subprocess.run([compiler, *flags, "-fopenmp", "-Icsrc", "-c", source, "-o", to], cwd=ROOT, check=True)
    objects = [str(tmp_path / "csrc.o"), str(tmp_path / "embed.o")]
    program = str(tmp_path / "pool")
    subprocess.run([compiler, *flags, *objects, "-lpthread", "-o", program], check=True)
    run = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
