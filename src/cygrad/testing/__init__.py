"""The kernels against their specification: on this machine, with this build, in a few seconds.

    python -m cygrad.testing            # every kernel, on every instruction set of this CPU, with 1, 2 and 3 threads
    python -m cygrad.testing --kernel 'conv2d*' --isa avx2

ENTRIES (entries/) has an entry a kernel: its arguments, tolerance, flops. Tests, benchmarks, this program read it.
A kernel's outputs are filled with NaN and lie between guard values, so that a value that is not written, or written
elsewhere, is found. Inputs lie between NaN, so that a value read from elsewhere shows, and must stay as they are.
"""

import contextlib
import functools
import inspect
import zlib

import numpy as np

from .. import _core, reference
from .entries import ENTRIES, Entry

__all__ = ["ENTRIES", "Entry", "KernelError", "call", "check_kernel", "make_arguments", "settings", "unmatched", "work"]

EPSILON = 2.0**-23
# Results down here may lose their digits: a factor on the way may be below 2^-126, the smallest normal float.
SMALL = 2.0**-119
LARGEST = float(np.finfo(np.float32).max)
DTYPES = {
    "float": np.float32, "double": np.float64, "uint8_t": np.uint8, "int32_t": np.int32, "int64_t": np.int64,
    "void": np.uint8,
}  # fmt: skip
FENCE = 64  # guard values on either side


class KernelError(AssertionError):
    """A kernel does not do what its specification says."""


def make_arguments(name, rng=None, **parameters):
    """The arguments of a kernel by name, in its order, for parameters of its entry: sizes and options. Outputs are
    uninitialised.

    rng: a numpy.random.Generator (default: a fresh one of seed 0). Raises TypeError for a parameter that the
    entry's make does not have.

    >>> arguments = cygrad.testing.make_arguments("matmul", M=2, N=3, K=4)
    >>> cygrad._core.matmul(*arguments.values())
    >>> arguments["y"].shape
    (2, 3)
    """
    arguments = ENTRIES[name].make(rng or np.random.default_rng(0), **parameters)
    return {
        key: np.empty(arguments[key], DTYPES[type_])
        if kind == "array" and isinstance(arguments[key], tuple)
        else arguments[key]
        for type_, key, kind, _ in _core.KERNELS[name]
    }


def work(name, arguments):
    """(flops, bytes) of one call: floating-point operations, and its arrays' bytes (twice where read and written)."""
    entry = ENTRIES[name]
    arrays = {key: np.asarray(v).nbytes for key, v in arguments.items() if isinstance(v, (np.ndarray, _core.Array))}
    flops = entry.flops(arguments) if entry.flops else 0
    return flops, sum(size * (2 if key in entry.in_out else 1) for key, size in arrays.items())


@contextlib.contextmanager
def settings(isa=None, threads=None):
    """An instruction set and a number of threads for the time of a with block; None: as it is."""
    old_isa, old_threads = _core.isa(), _core.get_num_threads()
    try:
        if isa is not None:
            _core.set_isa(isa)
        if threads is not None:
            _core.set_num_threads(threads)
        yield
    finally:
        _core.set_isa(old_isa)
        _core.set_num_threads(old_threads)


def unmatched(kernels=None):
    """Sentences on kernels that lack a reference of the same signature or an entry, and on either without a kernel."""
    problems = []
    kernels = _core.KERNELS if kernels is None else kernels
    for name, parameters in kernels.items():
        wanted = [p[1] for p in parameters]
        function = getattr(reference, name, None)
        if function is None:
            problems.append(f"{name}: cygrad.reference has no such function")
        elif list(inspect.signature(function).parameters) != wanted:
            problems.append(f"{name}: cygrad.reference takes {inspect.signature(function)}; kernels.def says {wanted}")
        if name not in ENTRIES:
            problems.append(f"{name}: cygrad.testing has no entry")
        elif ENTRIES[name].cases:
            made = [*ENTRIES[name].make(np.random.default_rng(0), **ENTRIES[name].cases[0])]
            if sorted(made) != sorted(wanted):
                problems.append(f"{name}: its entry in cygrad.testing makes {made}; kernels.def says {wanted}")
    for extra in sorted(({*ENTRIES} | {*reference.__all__}) - {*kernels}):
        problems.append(f"{extra}: not in kernels.def")
    return problems


def outputs_of(name):
    return [key for _, key, kind, const in _core.KERNELS[name] if kind == "array" and not const]


def fenced(array, fill, shift):
    """A copy of array inside a larger one: guard values before and behind it. shift moves it off its alignment."""
    memory = np.full(array.size + 2 * FENCE + shift, fill, array.dtype)
    inside = memory[FENCE + shift : FENCE + shift + array.size].reshape(array.shape)
    inside[...] = array
    return memory, inside


def poison(dtype):
    return np.nan if dtype.kind == "f" else np.frombuffer(b"\x7f" * dtype.itemsize, dtype)[0]


def call(name, arguments, kernel=None, shift=0, in_place=None):
    """Runs a kernel on copies of its arguments, watched: returns its outputs by name.

    in_place: a pair (output, input) that is to be the same memory. Raises KernelError if guard values or inputs change.
    """
    prepared, memories = {}, {}
    for type_, key, kind, const in _core.KERNELS[name]:
        value = arguments[key]
        if kind == "array" and value is not None:
            dtype = np.dtype(DTYPES[type_])
            if isinstance(value, tuple):
                value = np.full(value, poison(dtype), dtype)
            if in_place and key == in_place[0]:
                value = arguments[in_place[1]].reshape(value.shape)
            memories[key] = *fenced(value, poison(value.dtype) if const else 77, shift), const
            value = memories[key][1]
        prepared[key] = value
    if in_place:
        memories.pop(in_place[1])
        prepared[in_place[1]] = prepared[in_place[0]]
    before = {key: memory.copy() for key, (memory, _, _) in memories.items()}
    (kernel or getattr(_core, name))(*prepared.values())
    for key, (memory, inside, const) in memories.items():
        after = memory.copy()
        if not const:
            after[FENCE + shift : FENCE + shift + inside.size] = before[key][
                FENCE + shift : FENCE + shift + inside.size
            ]
        if after.tobytes() != before[key].tobytes():
            what = "changed its input" if const else "wrote outside its output"
            raise KernelError(f"{name}: {what} {key}; {describe(arguments)}")
    return {key: inside for key, (_, inside, const) in memories.items() if not const}


def describe(arguments):
    listed = [f"{k}={v}" for k, v in arguments.items() if not isinstance(v, np.ndarray)]
    return "with " + ", ".join(listed)


def specify(name, arguments):
    """The reference's outputs in float64, and how far a kernel may be from each value."""
    entry = ENTRIES[name]
    exact = {k: v.astype(np.float64) if getattr(v, "dtype", None) == np.float32 else v for k, v in arguments.items()}
    given = {}
    for type_, key, kind, _ in _core.KERNELS[name]:
        given[key] = value = exact[key]
        if kind == "array" and isinstance(value, tuple):
            given[key] = np.zeros(value, np.float64 if type_ == "float" else DTYPES[type_])
        elif key in entry.in_out and value is not None:
            given[key] = value.copy()
    with np.errstate(all="ignore"):
        getattr(reference, name)(*given.values())
        outputs = {k: given[k] for k in outputs_of(name) if given[k] is not None}
        ulps = entry.ulps(arguments) if callable(entry.ulps) else entry.ulps
        magnitudes = entry.magnitude(exact, outputs) if entry.magnitude and ulps else {}
        allowed = {}
        for key, expected in outputs.items():
            magnitude = np.asarray(magnitudes.get(key, np.abs(expected))).reshape(expected.shape)
            inexact = ulps and expected.dtype.kind == "f"
            allowed[key] = ulps * EPSILON * magnitude + SMALL if inexact else np.zeros(expected.shape)
    return outputs, allowed


@functools.lru_cache(maxsize=4)
def cases_of(name, quick):
    """[(arguments, expected, allowed error)] of an entry's cases, the same at every call."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    cases = []
    for parameters in ENTRIES[name].cases[:: 3 if quick else 1]:
        arguments = ENTRIES[name].make(rng, **parameters)
        cases.append((arguments, *specify(name, arguments)))
    return cases


def compare(name, arguments, outputs, expected, allowed):
    """The largest error in units of what is allowed; raises KernelError where it is more than 1."""
    worst = 0.0
    for key, got in outputs.items():
        want = expected[key]
        with np.errstate(all="ignore"):
            error = np.abs(got.astype(np.float64) - want) if want.dtype.kind == "f" else (got != want).astype(float)
            overflow = np.isinf(got) & (np.sign(got) == np.sign(want)) & (np.abs(want) + allowed[key] >= LARGEST)
            right = (got == want) | (np.isnan(got) & np.isnan(want)) | overflow
            ratio = np.where(right, 0.0, np.nan_to_num(error / allowed[key], nan=np.inf))
        if ratio.size and ratio.max() > 1:
            place = np.unravel_index(ratio.argmax(), ratio.shape)
            raise KernelError(
                f"{name}: {key}{[int(i) for i in place]} is {got[place]!r}; expected {want[place]!r} within "
                f"{allowed[key][place]:.3g} ({np.count_nonzero(ratio > 1)} of {ratio.size} values are wrong); "
                f"{describe(arguments)}"
            )
        worst = max(worst, ratio.max(initial=0.0))
    return worst


def check_kernel(name, isa=None, threads=None, kernel=None, quick=False):
    """Compares a kernel with its reference on its entry's cases. Returns the largest error / tolerance.

    isa, threads: as settings has them. kernel: a function to check in the kernel's place. quick: every third case.
    Raises KernelError (an AssertionError) that names the first value that is wrong.

    >>> cygrad.testing.check_kernel("relu_forward")
    0.0
    """
    entry, worst = ENTRIES[name], 0.0
    with settings(isa, threads):
        for i, (arguments, expected, allowed) in enumerate(cases_of(name, quick)):
            outputs = call(name, arguments, kernel, shift=i % 4)
            worst = max(worst, compare(name, arguments, outputs, expected, allowed))
            for pair in entry.in_place:
                again = call(name, arguments, kernel, shift=i % 4, in_place=pair)
                if any(again[key].tobytes() != outputs[key].tobytes() for key in outputs):
                    raise KernelError(
                        f"{name}: another result in place ({pair[0]} is {pair[1]}); {describe(arguments)}"
                    )
        for parameters in entry.errors:
            arguments = entry.make(np.random.default_rng(0), **parameters)
            try:
                call(name, arguments, kernel)
            except IndexError:
                continue
            raise KernelError(f"{name}: no IndexError for {parameters}")
    return float(worst)
