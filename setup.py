"""Builds csrc/ and the extension modules. The metadata is in pyproject.toml.

One table of instruction sets and flags: each row compiles csrc/isa/NAME.c, which includes every kernel, with that row's
flags. The rest of csrc/ gets baseline flags, and no link-time optimisation, so that no instruction the CPU lacks can
leak out of a row.
"""

import os
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent / "csrc"))
from bindings import write_bindings

X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM = platform.machine().lower() in ("aarch64", "arm64")

# The baseline is for CPUs with nothing better, rare where there is a second row: two fifths smaller, a fifth slower.
ISAS = {"baseline": ["-Os"] if X86 or ARM else []}
if X86:
    ISAS["avx2"] = ["-mavx2", "-mfma"]
    ISAS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"]
    # On every AVX-512 CPU that this was measured on, full-width vectors win in the loops that the compiler vectorises.
    ISAS["avx512"] += ["-mprefer-vector-width=512"]
if ARM:
    ISAS["neon"] = []

# -ffp-contract=off: a fused multiply-add stands where the source says vf_fma, nowhere else: all compilers agree.
# -fno-math-errno and -fno-trapping-math give up errno and exception flags, not one result.
FLAGS = [
    "-std=c11",
    "-O3",
    "-Wall",
    "-Wextra",
    "-fopenmp",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]
FLAGS += ["-fvisibility=hidden", "-fno-lto", "-g0"]
# Nothing unwinds these stacks: no C++ exception passes them, and Python's tracebacks are Python's own.
FLAGS += ["-fno-unwind-tables", "-fno-asynchronous-unwind-tables"]
# What Cython writes calls Python most of the time: -O3 made it a third larger and no faster.
# And its own C is not ours to warn about: unused helper functions and arguments.
CYTHON_FLAGS = [
    "-O2",
    "-Wno-unused-function",
    "-Wno-unused-parameter",
    "-Wno-unused-but-set-variable",
    "-Wno-missing-field-initializers",
]
MACROS = [("CG_HAVE_X86", None)] if X86 else [("CG_HAVE_NEON", None)] if ARM else []


class BuildExt(build_ext):
    """Compiles csrc/ once, each file with its own flags, and links the objects into cygrad._core."""

    def run(self):
        in_place = self.inplace or self.editable_mode  # there, a profiler finds the kernels' names
        if sys.platform == "linux" and not in_place:
            for extension in self.extensions:
                extension.extra_link_args.append("-Wl,--strip-all")
        super().run()

    def build_extensions(self):
        self.check_compiler()
        if self.compiler.compiler_type == "unix":
            common, isa_sources = self.c_library()
            jobs = [(common, []), *(([source], ISAS[name]) for name, source in isa_sources.items())]
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # each job waits for a compiler of its own
                objects = [o for made in pool.map(lambda job: self.compile(*job), jobs) for o in made]
            for extension in self.extensions:
                if extension.name == "cygrad._core":
                    extension.extra_objects += objects
                    extension.depends += objects  # a kernel that changed links again
        super().build_extensions()

    def c_library(self):
        common = ["csrc/dispatch.c", "csrc/parallel.c", "csrc/pool.c", "csrc/alloc.c", "csrc/rows.c"]
        return common, {name: f"csrc/isa/{name}.c" for name in ISAS}

    def compile(self, sources, flags):
        depends = [str(p) for p in sorted(Path("csrc").rglob("*")) if p.suffix in (".h", ".c", ".def", ".inc")]
        return self.compiler.compile(
            sources,
            output_dir=self.build_temp,
            macros=MACROS,
            include_dirs=["csrc"],
            extra_postargs=[*FLAGS, *flags],
            depends=depends,
        )

    def check_compiler(self):
        """One small program: is there a C compiler, and does it know OpenMP? (Its run time is ours: csrc/pool.c.)"""
        words = getattr(self.compiler, "compiler_so", ["cc"])
        command = list(takewhile(lambda word: not word.startswith("-"), words))  # CC may be "ccache gcc"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("int main(void) { return 0; }\n")
            for flags, missing in (([], "a working C compiler"), (["-fopenmp"], "a C compiler that knows -fopenmp")):
                try:
                    run = subprocess.run(
                        [*command, *flags, "-c", str(source), "-o", str(Path(folder, "probe.o"))],
                        capture_output=True,
                        text=True,
                    )
                    error = run.stderr if run.returncode else ""
                except OSError as problem:
                    error = str(problem)
                if error:
                    sys.exit(
                        f"cygrad needs {missing} ('{' '.join(command)}' was tried; set CC to use another).\n"
                        "  Debian, Ubuntu: apt-get install gcc libc6-dev\n"
                        "  Fedora: dnf install gcc    Arch: pacman -S gcc    Alpine: apk add gcc musl-dev\n"
                        f"The compiler said:\n{error.strip()[:2000]}"
                    )


write_bindings("csrc/kernels.def", "src/cygrad/_core.pyx.in", "src/cygrad/_core.pyx")

extensions = [
    Extension(
        f"cygrad.{name}",
        [f"src/cygrad/{name}.pyx"],
        include_dirs=["csrc"],
        # _program runs Python once a recording; its replay is one loop
        extra_compile_args=[*FLAGS, *CYTHON_FLAGS, *(["-Os"] if name == "_program" else [])],
        libraries=["m", "pthread"],
        depends=["csrc/cygrad.h", "csrc/kernels.def", "src/cygrad/_core.pyx.in", "src/cygrad/_core.pxd"],
    )
    for name in ("_core", "_tensor", "_program")
]
for extension in extensions:
    extension.cython_directives = {
        "language_level": "3",
        "boundscheck": False,
        "wraparound": False,
        "embedsignature": True,
    }

if os.environ.get("CYGRAD_WERROR"):  # continuous integration: a warning is an error
    FLAGS.append("-Werror")
    for extension in extensions:
        extension.extra_compile_args.append("-Werror")

setup(ext_modules=extensions, cmdclass={"build_ext": BuildExt})
