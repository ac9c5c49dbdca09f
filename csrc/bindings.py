"""Writes what Cython needs of all kernels, from kernels.def: setup.py calls it before every build.

All kernels are called in one way: `call` in _core.pyx.in checks Python's arguments, converts them to C's as the table
of parameters says, and puts them side by side. What is left to each kernel is a function that hands them over:

    CG_KERNEL(relu_forward, (float *y, const float *x, int64_t n))

becomes

    cdef int run_relu_forward(void *arguments) noexcept nogil:
        cdef Argument *a = <Argument *>arguments
        return cg_relu_forward(<float *>a[0].array, <const float *>a[1].array, a[2].int64)

which replays a recorded call, too.
"""

import re
from pathlib import Path
from typing import NamedTuple

ARRAYS = {"float": b"f", "double": b"d", "uint8_t": b"B", "int32_t": b"i", "int64_t": b"q", "void": b"*"}
SCALARS = {"int64_t": "int64", "uint64_t": "uint64", "int": "integer", "float": "real"}  # members of Argument
MAX_RANK = 8
MOST_ARGUMENTS = 64  # as _core.pyx.in has it


class Parameter(NamedTuple):
    type: str  # without const and *
    name: str
    kind: str  # "array", "dims" or "scalar"
    const: bool


def parse_kernels(path):
    """The kernels of a kernels.def: {name: [Parameter, ...]}, in its order."""
    text = re.sub(r"/\*.*?\*/", "", Path(path).read_text(), flags=re.S)
    kernels = {}
    for name, parameters in re.findall(r"^CG_KERNEL\((\w+), \((.*)\)\)$", text, flags=re.M):
        kernels[name] = []
        for parameter in parameters.split(","):
            const, type_, star, parameter_name = re.fullmatch(r"\s*(const )?(\w+) (\*?)(\w+)", parameter).groups()
            kind = "array" if star else "dims" if type_ == "cg_dims" else "scalar"
            if (kind == "array" and type_ not in ARRAYS) or (kind == "scalar" and type_ not in SCALARS):
                raise ValueError(f"{path}: {name}: no binding for the parameter {parameter.strip()!r}")
            kernels[name].append(Parameter(type_, parameter_name, kind, bool(const)))
    return kernels


def declaration(name, parameters):
    types = {"array": "{0.type} *{0.name}", "dims": "const int64_t *{0.name}", "scalar": "{0.type} {0.name}"}
    listed = ", ".join(("const " if p.const else "") + types[p.kind].format(p) for p in parameters)
    return f"    int (*cg_{name})({listed}) nogil\n"


def runner(name, parameters):
    """The function that calls the kernel with arguments side by side; a list of sizes takes MAX_RANK places."""
    values, place = [], 0
    for p in parameters:
        if p.kind == "array":
            values.append(f"<{'const ' if p.const else ''}{p.type} *>a[{place}].array")
        else:
            values.append(f"&a[{place}].int64" if p.kind == "dims" else f"a[{place}].{SCALARS[p.type]}")
        place += MAX_RANK if p.kind == "dims" else 1
    if place > MOST_ARGUMENTS:
        raise ValueError(f"{name} has {place} arguments; at most {MOST_ARGUMENTS} are possible")
    lines = [f"cdef int run_{name}(void *arguments) noexcept nogil:", "    cdef Argument *a = <Argument *>arguments"]
    return "\n".join([*lines, f"    return cg_{name}({', '.join(values)})", "", ""])


def write_bindings(definitions, template, output):
    """Fills the template's marked places; leaves an unchanged output alone, so that it is not compiled again."""
    kernels = parse_kernels(definitions)
    text = Path(template).read_text()
    text = text.replace("    # <declarations>\n", "".join(declaration(*k) for k in kernels.items()))
    text = text.replace("# <runners>\n", "\n".join(runner(*k) for k in kernels.items()))
    runners = f"cdef runner[{len(kernels)}] RUNNERS = [{', '.join(f'run_{name}' for name in kernels)}]\n"
    text = text.replace("# <list of runners>\n", runners)
    table = "".join(f'    "{name}": {tuple(map(tuple, parameters))},\n' for name, parameters in kernels.items())
    text = text.replace("    # <table>\n", table)
    path = Path(output)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
