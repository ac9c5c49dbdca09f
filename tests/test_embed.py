"""csrc as a C library of its own: C programs that train on it and that run recorded kernel calls, with sanitizers, by
every compiler here, and for 64-bit ARM."""

import os
import shutil
import subprocess

import pytest
from embedded import ARM, COMPILERS, HERE, ROOT, build, check_replay

from cygrad import _core

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler here: gcc or clang builds the C programs")
ISAS = [isa for isa in _core.available_isas() if isa in ("baseline", *HERE)]
# GCC's libgomp is not leak-clean at exit; leaks of ours show in cg_alloc_stats, which the programs check.
UNDER_ASAN = {"env": {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}}
CROSS_COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    return build(tmp_path_factory.mktemp("sanitized"), "main", "replay", flags=flags, pool=False)


def train(command, **options):
    """Runs main.c's program, which trains on every instruction set."""
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("loss") == 2 * len({line.split()[0] for line in run.stdout.splitlines()}) > 0


def test_a_c_program_trains_under_the_sanitizers(sanitized):
    train([sanitized[0]], **UNDER_ASAN)


@pytest.mark.parametrize("isa", ISAS)
def test_every_kernel_under_the_sanitizers(sanitized, isa):
    check_replay([sanitized[1]], isa, threads=3, **UNDER_ASAN)


@pytest.mark.skipif("clang" not in COMPILERS, reason="clang is not installed")
def test_clang_builds_it_without_warnings_and_to_the_same_bits(tmp_path):
    main, replay = build(tmp_path, "main", "replay", compiler=["clang"])
    train([main])
    for isa in ISAS:
        check_replay([replay], isa, threads=2)


def test_neon_has_the_same_bits(tmp_path):
    """The kernels for 64-bit ARM, in an emulator."""
    if HERE is ARM:
        pytest.skip("this is an ARM machine: the other tests run NEON")
    for program, package in ((CROSS_COMPILER, "gcc-aarch64-linux-gnu"), (EMULATOR, "qemu-user")):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (Debian: {package})")
    main, replay = build(tmp_path, "main", "replay", compiler=[CROSS_COMPILER], isas=ARM, flags=["-O2", "-static"])
    train([EMULATOR, main])
    # power is the C library's powf: another one may round otherwise
    check_replay([EMULATOR, replay], "neon", threads=2, unlike={"power"})


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_pool_runs_every_iteration_once(tmp_path, compiler):
    flags = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=thread"]
    objects = []
    for number, source in enumerate(("csrc/pool.c", "csrc/parallel.c", "tests/embed/pool.c")):
        objects.append(str(tmp_path / f"{number}.o"))
        subprocess.run([compiler, *flags, "-fopenmp", "-Icsrc", "-c", source, "-o", objects[-1]], cwd=ROOT, check=True)
    program = str(tmp_path / "pool")
    subprocess.run([compiler, *flags, *objects, "-lpthread", "-o", program], check=True)
    run = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
