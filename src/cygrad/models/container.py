"""One safetensors file with strict JSON in its metadata: written whole or not at all, and read without trust."""

import json
import os
import struct
import zlib
from collections import Counter

import numpy as np

HEADER_LIMIT = 4 << 20  # bytes of JSON that are parsed; a thousand layers take some 300 KB
_DTYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}


def parse_json(text, where):
    """Plain data from JSON text. ValueError for text that is too long, NaN, infinite or endless numbers, and
    duplicate keys."""
    if isinstance(text, str):
        text = text.encode()
    if not isinstance(text, (bytes, bytearray)):
        raise TypeError(f"{where}: expected JSON text; got {type(text).__name__}")
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"{where}: {len(text)} bytes of JSON are more than {HEADER_LIMIT}")

    def unique(pairs):
        result = dict(pairs)
        if len(result) != len(pairs):
            twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
            raise ValueError(f"the key {twice!r} is there twice")
        return result

    def refuse(token):
        raise ValueError(f"{token} is not JSON")

    def integer(digits):
        if len(digits) > 21:
            raise ValueError("a number is too long")
        return int(digits)

    def real(digits):
        value = float(digits)
        if not np.isfinite(value):
            raise ValueError(f"the number {digits[:20]} is too large")
        return value

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_int=integer, parse_float=real)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: broken JSON: {error}") from None


def check_keys(what, data, required, optional=()):
    """ValueError unless data is a dict with all required keys and no unknown ones."""
    if not isinstance(data, dict):
        raise ValueError(f"{what}: expected an object; got {type(data).__name__}")
    missing, unknown = sorted(set(required) - set(data)), sorted(set(data) - set(required) - set(optional))
    if missing or unknown:
        told = [
            f"{word} {', '.join(map(repr, keys[:5]))}"
            for word, keys in (("missing", missing), ("unknown", unknown))
            if keys
        ]
        raise ValueError(f"{what}: {'; '.join(told)} in its configuration")


# ---- files ----


def checksum(array):
    """The CRC-32 of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def write(path, tensors, metadata):
    """Writes to a file beside the target, then renames: a reader sees the old file or the new one."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    with open(temporary, "xb") as file:  # tells at once whether the folder can be written, and with which mode
        mode = os.fstat(file.fileno()).st_mode
    try:
        if path.exists():
            mode = path.stat().st_mode
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:
            raise OSError(f"{path}: {error}") from error
        os.chmod(temporary, mode & 0o7777)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class File:
    """A safetensors file, or the bytes of one: its JSON, checked, and its tensors, one at a time."""

    def __init__(self, source):
        if isinstance(source, (bytes, bytearray)):
            self.name, self.source = "the bytes of a model", bytes(source)
            length, start = len(source), self.source[:8]
        else:
            self.name, self.source = str(source), os.fspath(source)
            with open(source, "rb") as file:
                length, start = os.fstat(file.fileno()).st_size, file.read(8)
        if len(start) < 8:
            raise ValueError(f"{self.name}: {length} bytes are too few for a model file; is it complete?")
        header = struct.unpack("<Q", start)[0]
        if header > length - 8:
            raise ValueError(f"{self.name}: not a safetensors file, or cut short{_kind_of_file(start)}")
        if header > HEADER_LIMIT:
            raise ValueError(f"{self.name}: a header of {header} bytes is more than {HEADER_LIMIT}")
        if isinstance(self.source, bytes):
            text = self.source[8 : 8 + header]
        else:
            with open(source, "rb") as file:
                file.seek(8)
                text = file.read(header)
        entries = parse_json(text, self.name)
        if not isinstance(entries, dict):
            raise ValueError(f"{self.name}: not a safetensors file: its header is a {type(entries).__name__}")
        metadata = entries.pop("__metadata__", {})
        check_keys(f"{self.name}, metadata", metadata, (), metadata)
        self.metadata = metadata
        self.shapes, self.dtypes = {}, {}
        for name, entry in entries.items():
            check_keys(f"{self.name}, tensor {name!r}", entry, {"dtype", "shape", "data_offsets"})
            if entry["dtype"] not in _DTYPES:
                kind = f"{entry['dtype']!r:.20}"
                raise ValueError(f"{self.name}: tensor {name!r} has dtype {kind}; expected {', '.join(_DTYPES)}")
            shape = entry["shape"]
            if not isinstance(shape, list) or not all(type(s) is int and s >= 0 for s in shape):
                raise ValueError(f"{self.name}: tensor {name!r} has a broken shape")
            self.shapes[name], self.dtypes[name] = tuple(shape), _DTYPES[entry["dtype"]]
        self.document = None
        if "cygrad" in metadata:
            self.document = parse_json(metadata["cygrad"], self.name)

    def tensors(self):
        """Yields (name, array), one array in memory at a time."""
        from safetensors import SafetensorError, deserialize, safe_open

        try:
            if isinstance(self.source, bytes):
                for name, entry in deserialize(self.source):
                    yield name, np.frombuffer(entry["data"], self.dtypes[name]).reshape(self.shapes[name])
                return
            with safe_open(self.source, framework="numpy") as file:
                for name in self.shapes:
                    yield name, file.get_tensor(name)
        except SafetensorError as error:
            raise ValueError(f"{self.name}: damaged: {error}") from None

    def verify(self):
        """Reads everything once: ValueError where a tensor's bytes are not those that were written."""
        if self.document is None:
            for _ in self.tensors():
                pass
            return
        listed = self.document.get("tensors")
        if not isinstance(listed, list) or not all(
            isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) and type(e[1]) is int for e in listed
        ):
            raise ValueError(f"{self.name}: its list of tensors is broken")
        checksums = dict(listed)
        if checksums.keys() != self.shapes.keys() or len(checksums) != len(listed):
            raise ValueError(f"{self.name}: damaged: its tensors are not those that its metadata lists")
        for name, array in self.tensors():
            if checksum(array) != checksums[name]:
                raise ValueError(f"{self.name}: damaged: the bytes of tensor {name!r} do not have their checksum")
        self.shapes = {name: self.shapes[name] for name in checksums}  # in the order of the model


def _kind_of_file(start):
    if start.startswith(b"PK"):
        return "; it looks like a .keras archive or another zip file"
    return "; it looks like an HDF5 file" if start.startswith(b"\x89HDF") else ""
