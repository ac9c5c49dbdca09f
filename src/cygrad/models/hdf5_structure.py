"""A look at the heaps of names in an HDF5 file, before HDF5's library gets it.

The free places in a group's heap are linked. The library follows the links until one says that it is the last, and
remembers each: where they go round in a circle, until memory ends. (Circles elsewhere, in headers and trees, it finds.)
Here every heap that the file's root leads to is looked at once:

    superblock (II.A) -> object's header (IV.A.1.a) with its continuations -> a group's symbol table (IV.A.2.r)
    -> its heap (III.D) and its tree (III.A.1) -> lists of entries (III.B) -> objects' headers

The numbers are sections of HDF5's specification, of the format that h5py writes unless told otherwise. What else is
wrong is left to the library, and so are newer formats, whose superblock is of version 2 or 3.
"""

import contextlib
from struct import error, unpack_from

MOST_PARTS = 1_000_000
_SIZES_PLACE, _BASE_PLACE, _ROOT_PLACES = 13, 24, {0: 56, 1: 60}  # in the superblock
_ENTRY = "<8xQI4xQQ"  # of a symbol table: header's address, kind of what is cached, that: a tree's and a heap's address
_HEADER, _MESSAGE = "<BxHII", "<HHB"
_TREE, _LIST, _HEAP = "<4sBBH", "<4sBxH", "<4s4xQQQ"
_CONTINUATION, _SYMBOL_TABLE = 0x10, 0x11
_CACHED_TABLE, _LAST_FREE = 1, 1


class Endless(ValueError):
    """HDF5's library would not come to an end."""


def check_structure(content):
    """Raises Endless for the content of a file, bytes or a memory map, that HDF5's library would go round in."""
    version = content[8] if len(content) > 8 else None
    if version not in _ROOT_PLACES:
        return
    if content[_SIZES_PLACE : _SIZES_PLACE + 2] != b"\x08\x08" or any(content[_BASE_PLACE : _BASE_PLACE + 8]):
        raise Endless("addresses of a kind that is not read")
    waiting, seen = [(_entry, _ROOT_PLACES[version])], set()
    while waiting:
        part = waiting.pop()
        if part not in seen:
            seen.add(part)
            look, address = part
            with contextlib.suppress(error, OverflowError):  # beyond the file's end
                waiting += look(content, address)
        if len(waiting) + len(seen) > MOST_PARTS:
            raise Endless(f"more than {MOST_PARTS} parts")


# ---- the parts: functions of the content and an address, to the parts (function, address) that they lead to ----


def _entry(content, address):
    header, cached, tree, heap = unpack_from(_ENTRY, content, address)
    return [(_header, header), *([(_tree, tree), (_heap, heap)] if cached == _CACHED_TABLE else [])]


def _header(content, address):
    version, messages, _, size = unpack_from(_HEADER, content, address)
    blocks, found = [(address + 16, size)] if version == 1 else [], []
    for place, left in blocks:
        while left >= 8 and messages:
            kind, size, _ = unpack_from(_MESSAGE, content, place)
            if kind == _CONTINUATION and len(blocks) <= messages:
                blocks.append(unpack_from("<QQ", content, place + 8))
            elif kind == _SYMBOL_TABLE:
                tree, heap = unpack_from("<QQ", content, place + 8)
                found += [(_tree, tree), (_heap, heap)]
            place, left, messages = place + 8 + size, left - 8 - size, messages - 1
    return found


def _tree(content, address):
    signature, _, level, count = unpack_from(_TREE, content, address)
    children = [
        unpack_from("<Q", content, address + 32 + 16 * i)[0] for i in range(count if signature == b"TREE" else 0)
    ]
    return [(_tree if level else _list, child) for child in children]


def _list(content, address):
    signature, _, count = unpack_from(_LIST, content, address)
    return [(_entry, address + 8 + 40 * i) for i in range(count if signature == b"SNOD" else 0)]


def _heap(content, address):
    signature, size, free, start = unpack_from(_HEAP, content, address)
    passed = set()
    while signature == b"HEAP" and free != _LAST_FREE and free + 16 <= size:
        if free in passed:
            raise Endless("a heap of names whose free places go round in a circle")
        passed.add(free)
        (free,) = unpack_from("<Q", content, start + free)
    return []
