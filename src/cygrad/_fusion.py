"""Fusion: in a captured step, a convolution and what follows it become one kernel call.

Batch normalization at inference, a residual and relu are each a pass over memory; conv2d_fused_forward applies them to
a tile of the convolution's result while that is in the first-level cache. Neither layers nor ops know of it: what is
fused is found among the recorded calls,

    conv2d_forward, or matmul as a 1 x 1 convolution        y = activation(x * kernel + bias)
    batch_normalization_inference_forward                   y = (y - mean) / sqrt(variance + epsilon) * scale + offset
    add                                                     y = y + residual, both of one shape
    relu_forward or clip_forward                            y = min(max(y, low), high)

with any of the last three, in this order, and a pad of zeros before the first. The bits do not change: the kernel
rounds as the calls do, and what it leaves out is a product of zero and a weight. A call joins if
- what lies between is temporary memory that one call writes and the other one alone reads: nobody else needs it, be it
  a gradient, another layer or the caller;
- all else that it reads is there before the convolution runs, whose place the fused call takes. Of two convolutions
  that are added, the later one takes the sum.
"""

from math import inf
from typing import NamedTuple

FUSED = "conv2d_fused_forward"
NOTHING = {
    "mean": None, "variance": None, "scale": None, "offset": None, "residual": None,
    "epsilon": 0.0, "low": -inf, "high": inf,
}  # fmt: skip
ONE_PIXEL = dict.fromkeys(("H", "W", "R", "S", "P", "Q", "stride_h", "stride_w", "dilation_h", "dilation_w"), 1)


class Place(NamedTuple):
    """Where an array lies: in which block of memory, and how many bytes from its start."""

    block: int
    offset: int


class Call(NamedTuple):
    """A recorded kernel call: its arguments by the names of kernels.def, arrays as Places or None."""

    kernel: str
    arguments: dict


class Memory(NamedTuple):
    """A block in a recording: is it made within, and given back as well; the numbers of the calls that write to it and
    that read it, one for each argument."""

    made: bool
    temporary: bool
    writers: list
    readers: list


class Fusion:
    """What becomes of the calls and blocks of a recording.

    calls: {number: Call}, or None where another one has taken it in. dropped: the blocks that are not needed any
    more. moved: {block: the number of the call that writes it now}; kept: of the last call that reads it now.
    """

    def __init__(self, calls, blocks):
        self.calls, self.dropped, self.moved, self.kept = dict(calls), set(), {}, {}
        self.blocks = blocks
        for number, call in calls.items():
            arguments = _convolution(call)
            if arguments is not None:
                self._fuse(number, call, arguments)

    def _fuse(self, number, call, arguments):
        """Takes into the convolution what follows it."""
        y, taken, followers = arguments["y"], [number], []
        size = arguments["N"] * arguments["P"] * arguments["Q"] * arguments["F"]
        for match in (_normalization, _residual, _clip):
            after = self._only_reader(y)
            found = after is not None and match(self.calls[after], y, arguments["F"], size)
            if not found or not self._can_join(after, found, number):
                continue
            followers.append(y.block)
            arguments, y = arguments | found, found["y"]
            taken.append(after)
        if len(taken) > 1:
            self.calls |= dict.fromkeys(taken)
            arguments = self._unpadded(arguments, number)
            self.calls[number] = Call(FUSED, arguments)
            self.dropped.update(followers)
            self.moved[y.block] = number

    def _unpadded(self, arguments, number):
        """The arguments with what their x is a frame of zeros around, if it is; the convolution pads by itself."""
        x = arguments["x"]
        block = self.blocks[x.block]
        if not block.temporary or x.offset or block.readers != [number] or len(block.writers) != 1:
            return arguments
        (before,) = block.writers
        found = self.calls[before] and _padding(self.calls[before], arguments)
        if not found or any(writer >= before for writer in self.blocks[found["x"].block].writers):
            return arguments
        self.calls[before] = None
        self.dropped.add(x.block)
        self.kept[found["x"].block] = number
        return arguments | found

    def _only_reader(self, y):
        """The number of the call that alone reads the temporary result y of another one; None if there is no such."""
        block = self.blocks[y.block]
        alone = block.temporary and not y.offset and len(block.writers) == len(block.readers) == 1
        return block.readers[0] if alone and self.calls[block.readers[0]] is not None else None

    def _can_join(self, after, found, number):
        """Is all that call `after` needs written before call `number`, and its result by itself alone?"""
        needed = [value for name, value in found.items() if type(value) is Place and name != "y"]
        y = self.blocks[found["y"].block]
        return (
            all(writer < number for place in needed for writer in self.blocks[place.block].writers)
            and y.made and not found["y"].offset and y.writers == [after]
        )  # fmt: skip


# ---- what the calls are: arguments of conv2d_fused_forward, or None ----


def _convolution(call):
    a = call.arguments
    if call.kernel == "conv2d_forward":
        return NOTHING | a
    if call.kernel == "matmul" and not a["transpose_a"] and not a["transpose_b"]:
        sizes = {"N": a["M"], "C": a["K"], "F": a["N"], "pad_top": 0, "pad_left": 0, "groups": 1, **ONE_PIXEL}
        arrays = {"y": a["y"], "x": a["a"], "kernel": a["b"], "bias": a["bias"]}
        return NOTHING | arrays | sizes | {"activation": a["activation"]}
    return None


def _padding(call, convolution):
    a, c = call.arguments, convolution
    if call.kernel != "pad" or a["value"] is not None or a["rank"] != 3:  # rows, and columns with their channels
        return None
    if (*a["shape"][:3], a["itemsize"]) != (c["N"], c["H"], c["W"] * c["C"], 4):
        return None
    return {
        "x": a["x"], "H": a["inner"][1], "W": a["inner"][2] // c["C"],
        "pad_top": c["pad_top"] + a["before"][1], "pad_left": c["pad_left"] + a["before"][2] // c["C"],
    }  # fmt: skip


def _normalization(call, y, F, size):
    a = call.arguments
    if call.kernel != "batch_normalization_inference_forward" or (a["x"], a["C"], a["M"] * F) != (y, F, size):
        return None
    return {name: a[name] for name in ("y", "mean", "variance", "scale", "offset", "epsilon")}


def _residual(call, y, F, size):
    a = call.arguments
    if call.kernel != "add" or (a["rank"], a["shape"][0], a["strides_a"][0], a["strides_b"][0]) != (1, size, 1, 1):
        return None
    return {"y": a["y"], "residual": a["b"] if a["a"] == y else a["a"]}


def _clip(call, y, F, size):
    a = call.arguments
    if call.kernel not in ("relu_forward", "clip_forward") or (a["x"], a["n"]) != (y, size):
        return None
    return {"y": a["y"], "low": a.get("low", 0.0), "high": a.get("high", inf)}
