"""Rows: in a captured step of a small network, calls that work on the same rows become one call, csrc/rows.c's.

A call works on rows if each row that it writes follows from the same row of what it reads, and from arrays that all
rows share: a dense layer, an activation, softmax, a loss for each sample, and the gradients of these with respect to
their inputs. A chain is made of such calls with the same number of rows; a thread takes its rows through all of them,
so that threads meet once and not after each call. The bits do not change, because
- a call that stood between the chain's (the gradient of a layer's weights, say), and comes after it now, is one that
  none of these depends on: they do not read what it writes, nor write what it reads or writes;
- what one of the chain's calls writes, the others touch by the same rows of the same size alone: another thread may be
  ahead, or behind.
"""

from math import prod
from typing import NamedTuple

from ._fusion import FUSED, Place

# kernel: the size that counts rows, and for each array that has rows: how many values, of 4 bytes, a row has
OF_A_ROW = {
    "matmul": ("M", {"y": "N", "a": "K"}),
    FUSED: ("N", {"y": "F", "x": "C", "residual": "F"}),  # of images of one pixel
    "softmax_forward": ("M", {"y": "K", "x": "K"}),
    "softmax_backward": ("M", {"dx": "K", "dy": "K", "y": "K"}),
    "log_softmax_forward": ("M", {"y": "K", "x": "K"}),
    "log_softmax_backward": ("M", {"dx": "K", "dy": "K", "y": "K"}),
    "sparse_softmax_cross_entropy_forward": ("M", {"loss": 1, "p": "K", "x": "K", "labels": 1}),
    "sparse_softmax_cross_entropy_backward": ("M", {"dx": "K", "dloss": 1, "p": "K", "labels": 1}),
    "softmax_cross_entropy_forward": ("M", {"loss": 1, "p": "K", "x": "K", "t": "K"}),
    "softmax_cross_entropy_backward": ("M", {"dx": "K", "dloss": 1, "p": "K", "t": "K"}),
    "layer_normalization_forward": ("M", {"y": "K", "mean": 1, "rstd": 1, "x": "K"}),
}
# of n values: as many a row as n holds for each
ELEMENTWISE = {
    f"{name}_{way}"
    for way in ("forward", "backward")
    for name in (
        "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "softsign", "gelu", "gelu_tanh", "silu",
        "exp", "hard_sigmoid",
    )
}  # fmt: skip
PRODUCTS = {"matmul": "MNK", FUSED: "NFC"}  # rows, columns, products that are added
MOST_SHARED = 1 << 19  # bytes of weights: each thread reads all of them, from its core's second-level cache
MOST_SHARED_A_ROW = 1 << 11  # where they are trained: their last update has left half of them to another core
MOST_BYTES = 1 << 22  # of rows: all of a chain's arrays are there at once
LEAST_ROWS = 32  # two of rows.c's parts
FAR = 16  # as many calls that stay behind end the search


class Chain(NamedTuple):
    """Calls that become one, in the first one's place: {number: {argument: bytes of an array, or minus what of a size,
    a row has}}; how many rows; the operations and bytes of all; the blocks of memory that they touch."""

    first: int
    calls: dict
    rows: int
    flops: float
    bytes: float
    blocks: set


def chains(calls, changed_by, trains):
    """The Chains among calls, {number: Call or None} from 0 on. changed_by(kernel): the names of the arguments that it
    writes to. trains: do the calls compute gradients of weights?"""
    found, taken = [], set()
    for number in range(len(calls)):
        if calls[number] is not None and number not in taken:
            chain = _Search(calls, changed_by, trains).chain(number, taken)
            if chain is not None:
                found.append(chain)
                taken.update(chain.calls)
    return found


def _by_rows(call, rows):
    """(the number of rows, {argument: what of it a row has}); None where the call is not one on (so many) rows."""
    a = call.arguments
    if call.kernel in ELEMENTWISE:
        if rows is None or a["n"] % rows:
            return None
        each = a["n"] // rows
        return rows, {"n": -each} | {name: 4 * each for name, value in a.items() if type(value) is Place}
    size, arrays = OF_A_ROW.get(call.kernel, (None, None))
    if size is None or a[size] != (rows or a[size]) or a[size] < LEAST_ROWS:
        return None
    if call.kernel == FUSED and any(a[size] != 1 for size in "HWRSPQ"):
        return None
    if call.kernel == "matmul" and (a["transpose_a"] or a["N"] == 1):  # one column goes another way
        return None
    return a[size], {size: -1} | {name: 4 * a.get(values, values) for name, values in arrays.items() if a[name]}


class _Search:
    """A chain in the making, and what it has passed by."""

    def __init__(self, calls, changed_by, trains):
        self.calls, self.changed_by, self.trains = calls, changed_by, trains
        self.found, self.rows = {}, None
        self.flops = self.shared = self.bytes = 0
        self.way = {}  # how the chain touches a block: (offset, bytes a row), or None where it reads it as a whole
        self.several = set()  # blocks that it touches in several ways
        self.changed = set()  # blocks that it writes to
        self.left_read, self.left_changed = set(), set()  # by calls that come after it

    def chain(self, first, taken):
        """The Chain that begins with the call of this number, without those that are taken; or None."""
        behind = 0
        for number in range(first, len(self.calls)):
            call = self.calls[number]
            if call is None:
                continue
            if number not in taken and self._take(number, call):
                behind = 0
                continue
            behind += 1
            if not self.found or behind == FAR:
                break
            self._leave(call)
        if len(self.found) < 2:
            return None
        return Chain(first, self.found, self.rows, self.flops, self.bytes, set(self.way))

    def _take(self, number, call):
        """Adds the call to the chain, if it can be."""
        found = _by_rows(call, self.rows)
        if found is None:
            return False
        rows, each = found
        a = call.arguments
        products = [a[size] for size in PRODUCTS.get(call.kernel, ())]
        flops, shared = (2.0 * prod(products), 4 * prod(products[1:])) if products else (0, 0)
        size = rows * sum(per_row for per_row in each.values() if per_row > 0)
        most_shared = min(MOST_SHARED, rows * MOST_SHARED_A_ROW) if self.trains else MOST_SHARED
        if self.shared + shared > most_shared or self.bytes + size > MOST_BYTES:
            return False
        changes = self.changed_by(call.kernel)
        way, several, changed = dict(self.way), set(self.several), set(self.changed)
        for name, place in a.items():
            if type(place) is not Place:
                continue
            touched = (place.offset, each[name]) if name in each else None
            if name in changes:
                changed.add(place.block)
            if place.block in self.left_changed or (name in changes and place.block in self.left_read):
                return False
            if way.setdefault(place.block, touched) != touched:
                several.add(place.block)
        if changed & several:
            return False
        self.found[number], self.rows, self.way, self.several, self.changed = each, rows, way, several, changed
        self.flops, self.shared, self.bytes = self.flops + flops, self.shared + shared, self.bytes + size
        return True

    def _leave(self, call):
        changes = self.changed_by(call.kernel)
        for name, place in call.arguments.items():
            if type(place) is Place:
                (self.left_changed if name in changes else self.left_read).add(place.block)
