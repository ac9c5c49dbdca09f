"""Model files whose configuration was changed by hand, for the tests of what reads them."""

import json
import struct


def rewritten(good, change):
    """The file with its JSON changed by change(document)."""
    length = struct.unpack("<Q", good[:8])[0]
    header = json.loads(good[8 : 8 + length])
    document = json.loads(header["__metadata__"]["cygrad"])
    document = change(document) or document
    text = document if isinstance(document, str) else json.dumps(document)
    header["__metadata__"]["cygrad"] = text
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + good[8 + length :]


def set_at(*path, value):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        if value is KeyError:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return change
