"""Capture and replay: a step whose kernels are known runs them one after the other, without the Python between them.

The second time that a model trains, tests or predicts on inputs of the same shapes and types, a recorder notes each
kernel call. From then on these calls are replayed, with the new inputs, new random numbers and one planned piece of
memory for everything temporary; the results have the same bits. What a recording takes for constant (layers' arguments,
which variables are trained) is watched: a change starts a new recording.

Captured are models made of cygrad's own layers, losses and regularizers. The user's own code may do something else at
each call, which nobody can see, so it runs op by op unless compile(jit_compile=True) promises that it does not. What is
seen (a tensor read by NumPy, numbers made in Python) is never replayed. jit_compile=False, run_eagerly=True and
CYGRAD_CAPTURE=0 turn capture off.
"""

import inspect
import os
import threading
from operator import itemgetter

from .. import _core, config
from .._program import CannotReplay, Program, Programs, signature
from ..ops._backend import K, Tensor, recording
from .data import leaves, map_leaves
from .graph import flat

MOST_SHAPES = 16  # programs for one function: each holds a few kilobytes
LARGE = 1 << 22

enabled = os.environ.get("CYGRAD_CAPTURE", "1") != "0"


_one = threading.Lock()  # one recording at a time in the process


class Captured(Programs):
    """The programs of one function of tensors: captured(function, *inputs) is function(*inputs).

    arena: where a model's programs have their temporary tensors; one of them runs at a time. inputs: tensors, None, or
    nests of them. objects: the layers and losses that the function runs through. wanted: True, False or "auto".
    logits: do the results keep the logits that they came from?
    """

    def __init__(self, arena, objects, wanted, logits=True):
        self.logits, self.recordings = logits, 0
        self.reason = "" if enabled and wanted is not False else "capture is turned off"
        if not self.reason and wanted == "auto":
            self.reason = _foreign(objects)

    def __call__(self, function, *inputs):
        arrays, key = inputs, signature(inputs)
        if key is None:
            arrays = tuple(flat(inputs))  # a dict's by its keys, in whatever order they came
            key = signature(arrays)
        result = self.replay(arrays, key)
        if result is not None:
            return result
        return function(*inputs) if self.reason or recording() else self._run(function, inputs, arrays, key)

    def _run(self, function, inputs, arrays, key):
        """function(*inputs), recorded if it is time for that."""
        if self.version != _core.version():
            self.version = _core.version()
            self.programs.clear()
        if key not in self.programs and len(self.programs) < MOST_SHAPES:
            self.programs[key] = 1  # after the first call; then a Program, or the reason why there is none
            return function(*inputs)
        pays = self.recordings < 8 + self.replays // 4  # or what is taken for constant changes all the time
        by_reference = K.matmul is not _core.matmul
        if self.programs.get(key) != 1 or not pays or config.numerics or by_reference or not _one.acquire(False):
            return function(*inputs)
        try:
            self.recordings += 1
            with _core.Recorder() as recorder:
                result = function(*inputs)
        finally:
            _one.release()
        try:
            outputs, restored = _structure(result, self.logits)
            program = self.programs[key] = Program(recorder, arrays, outputs, self.arena, restored)
            if program.arena_bytes >= LARGE:  # the arena takes the place of what the step used so far
                _core.alloc_trim()
        except CannotReplay as error:
            self.programs[key] = str(error)
        return result

    def describe(self):
        """What happens and why, in a line for each shape of input."""
        if self.reason:
            return [f"runs op by op: {self.reason}"]
        lines = []
        for key, program in self.programs.items():
            shapes = ", ".join(str(entry[0]) for entry in key if entry)
            if type(program) is Program:
                kernels = sum(1 + name.count(" + ") for name in program.kernels)
                what = f"replays {kernels} kernels in {program.arena_bytes / 2**20:.1f} MiB"
            else:
                what = "has been called once" if program == 1 else f"runs op by op: {program}"
            lines.append(f"{shapes}: {what}")
        return lines or ["has not been called"]


def _structure(result, logits):
    """The tensors of a result, their logits and masks if wanted, and a function that makes the like of it from
    others."""
    outputs = leaves(result)
    count = len(outputs)
    followers = [(i, t.logits_of, t.logits) for i, t in enumerate(outputs) if logits and t.logits is not None]
    followers += [(i, "mask", t._keras_mask) for i, t in enumerate(outputs) if logits and t._keras_mask is not None]
    kinds = [(i, count + j, kind) for j, (i, kind, _) in enumerate(followers)]
    single = isinstance(result, Tensor)
    plain = type(result) is tuple and all(isinstance(t, Tensor) for t in result)
    if single and not kinds:
        return (*outputs,), itemgetter(0)
    template = map_leaves(lambda _: 0, result)

    def restored(tensors):
        for i, j, kind in kinds:
            if kind == "mask":
                tensors[i]._keras_mask = tensors[j]
            else:
                tensors[i].set_logits(tensors[j], kind)
        if single:
            return tensors[0]
        if plain:
            return tuple(tensors[:count])
        it = iter(tensors)
        return map_leaves(lambda _: next(it), template)

    return (*outputs, *[t for _, _, t in followers]), restored


def _foreign(objects):
    """The first thing among these that is not cygrad's own, as a reason; "" where there is none."""
    for thing in objects:
        for part in (thing, *getattr(thing, "__dict__", {}).values()):
            if part is thing or (callable(part) and not inspect.isclass(part)):
                module = getattr(part if inspect.isroutine(part) else type(part), "__module__", None) or ""
                if module.partition(".")[0] not in ("cygrad", "builtins"):
                    name = getattr(part, "name", None) or getattr(part, "__name__", type(part).__name__)
                    return (
                        f"{name!r} is not one of cygrad's own; compile(jit_compile=True) says that it does the same "
                        "at each call"
                    )
    return ""
