"""Writes the Cython bindings of all kernels from kernels.def: setup.py calls it before every build.

A kernel's binding checks each array's type, releases the GIL, calls the kernel, and turns a status into an exception:

    CG_KERNEL(relu_forward, (float *y, const float *x, int64_t n))

becomes

    def relu_forward(y, x, int64_t n):
        cdef Array y_ = as_array(y, b"f", True), x_ = as_array(x, b"f", False)
        cdef float *y_p = <float *>pointer(y_)
        ...
        with nogil:
            status = cg_relu_forward(y_p, x_p, n)
        if status: fail(status, "relu_forward")
        if recording: (a struct of the arguments goes to the recorder, with a function that makes the call again)
"""

import re
from pathlib import Path
from typing import NamedTuple

ARRAYS = {"float": b"f", "double": b"d", "uint8_t": b"B", "int32_t": b"i", "int64_t": b"q", "void": b"*"}
SCALARS = {"int64_t", "uint64_t", "int", "float"}


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
    """The kernel's arguments as a struct, and a function that calls the kernel with them."""
    types = {"array": "{0.type} *{0.name}", "dims": "int64_t[MAX_RANK] {0.name}", "scalar": "{0.type} {0.name}"}
    lines = [f"cdef struct {name}_arguments:"]
    lines += ["    " + types[p.kind].format(p) for p in parameters]
    lines += ["", "", f"cdef int run_{name}(void *arguments) noexcept nogil:"]
    lines += [f"    cdef {name}_arguments *call = <{name}_arguments *>arguments"]
    lines += [f"    return cg_{name}({', '.join(f'call.{p.name}' for p in parameters)})", "", ""]
    return lines


def note(name, parameters):
    """The end of a binding: the call goes to the recorder, if there is one."""
    lines = ["    if active is not None and recorder() is not None:"]
    lines += [f'        noted = <{name}_arguments *>active.add(run_{name}, sizeof({name}_arguments), "{name}")']
    for p in parameters:
        if p.kind == "array":
            lines.append(f"        active.point(<void **>&noted.{p.name}, {p.name}_, {not p.const})")
        elif p.kind == "dims":
            lines.append(f"        unpack({p.name}, noted.{p.name})")
        else:
            lines.append(f"        noted.{p.name} = {p.name}")
    if {"key", "counter"} <= {p.name for p in parameters}:
        lines.append("        active.draw(&noted.key, &noted.counter)")
    return lines


def binding(name, parameters):
    heading = ", ".join(f"{p.type} {p.name}" if p.kind == "scalar" else p.name for p in parameters)
    lines = [*runner(name, parameters), f"def {name}({heading}):", f"    cdef {name}_arguments *noted"]
    call = []
    for p in parameters:
        if p.kind == "array":
            code = ARRAYS[p.type].decode()
            checked = f'as_array({p.name}, b"{code}", {not p.const}, "{name}", "{p.name}")'
            lines.append(f"    cdef Array {p.name}_ = {checked}")
            lines.append(f"    cdef {p.type} *{p.name}_p = <{p.type} *>pointer({p.name}_)")
            call.append(f"{p.name}_p")
        elif p.kind == "dims":
            lines.append(f"    cdef int64_t[MAX_RANK] {p.name}_p")
            lines.append(f"    unpack({p.name}, {p.name}_p)")
            call.append(f"{p.name}_p")
        else:
            call.append(p.name)
    lines += ["    cdef int status", "    with nogil:", f"        status = cg_{name}({', '.join(call)})"]
    lines += ["    if status:", f'        fail(status, "{name}")', *note(name, parameters), "", ""]
    return "\n".join(lines)


def write_bindings(definitions, template, output):
    """Fills the template's marked places; leaves an unchanged output alone, so that it is not compiled again."""
    kernels = parse_kernels(definitions)
    text = Path(template).read_text()
    text = text.replace("    # <declarations>\n", "".join(declaration(*k) for k in kernels.items()))
    text = text.replace("# <bindings>\n", "\n".join(binding(*k) for k in kernels.items()))
    table = "".join(f'    "{name}": {tuple(map(tuple, parameters))},\n' for name, parameters in kernels.items())
    text = text.replace("    # <table>\n", table)
    path = Path(output)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
