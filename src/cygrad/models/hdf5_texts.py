"""Lists of texts in attributes of HDF5 files, read from the file's bytes.

A list of texts of any length is a list of references: a length, the address of a heap, a number in that heap. HDF5
takes memory for whatever length a reference claims, and looks for the end of some damaged heaps for ever, so it is not
asked to follow them. Here every step is compared with the bytes that are there. The formats are those of HDF5's
specification: version 1 of object headers (IV.A.1.a), attributes (IV.A.2.m), global heaps (III.E); h5py writes these.
"""

import struct

LONGEST = 4096  # bytes of a text
HEAP = b"GCOL"
_HEADER, _MESSAGE, _REFERENCE, _OBJECT = "<BxHII", "<HHB", "<IQI", "<H6xQ"
_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_SHARED = 0x02  # a flag of a message that lies elsewhere


class Damaged(ValueError):
    """The bytes are no such list."""


def texts(content, address, name, count):
    """A list of count texts in the attribute of that name, of the object whose header is at an address of a file's
    content, bytes or a memory map. Damaged says what is wrong."""
    data = _attribute(content, address, name.encode())
    heaps, found = {}, []
    for i in range(count):
        length, heap, number = _unpack(_REFERENCE, data, 16 * i)
        if length == 0:
            found.append("")
            continue
        if heap not in heaps:
            heaps[heap] = _objects(content, heap)
        start, size = heaps[heap].get(number, (0, 0))
        if length > min(size, LONGEST):
            raise Damaged(f"a text of {length} bytes, of which {min(size, LONGEST)} are there or allowed")
        found.append(content[start : start + length].decode(errors="replace"))
    return found


def _unpack(form, content, place):
    if not 0 <= place <= len(content) - struct.calcsize(form):
        raise Damaged("a part beyond the end")
    return struct.unpack_from(form, content, place)


def _attribute(content, address, name):
    """The bytes of an attribute's value."""
    version, messages, _, size = _unpack(_HEADER, content, address)
    if version != 1:
        raise Damaged(f"an object header of version {version}, which is not read")
    blocks = [(address + 16, size)]
    for _ in range(messages):
        while blocks and blocks[0][1] < 8:
            blocks.pop(0)
        if not blocks:
            break
        place, left = blocks[0]
        kind, size, flags = _unpack(_MESSAGE, content, place)
        blocks[0] = place + 8 + size, left - 8 - size
        body = content[place + 8 : place + 8 + size]
        if kind == _CONTINUATION:
            blocks.append(_unpack("<QQ", body, 0))
        elif kind == _ATTRIBUTE and not flags & _SHARED:
            version, *sizes = _unpack("<BxHHH", body, 0)
            start = 9 if version == 3 else 8
            if body[start : start + len(name) + 1] == name + b"\0":
                return body[start + sum(-(-s // 8) * 8 if version == 1 else s for s in sizes) :]
    raise Damaged("a list in a form that is not read")


def _objects(content, address):
    """{number: (place, size)} of the texts in a heap."""
    signature, size = _unpack("<4s4xQ", content, address)
    if signature != HEAP or size > len(content) - address:
        raise Damaged("no heap of texts where there should be one")
    found, place, end = {}, address + 16, address + size
    while place + 16 <= end:
        number, size = _unpack(_OBJECT, content, place)
        if number == 0:  # what is free, to the end
            break
        if size > end - place - 16:
            raise Damaged("a text that is longer than its heap")
        found[number] = place + 16, size
        place += 16 + -(-size // 8) * 8
    return found
