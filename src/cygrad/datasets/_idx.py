"""Readers that trust no header: IDX files (the format of MNIST), gzip or not, and NumPy's .npz.

IDX: two zero bytes, one byte for the type (8: unsigned bytes), one for the number of axes, their sizes as big-endian
32-bit integers, then the values. Memory grows with the bytes that are really there, never with what a header announces.
"""

import gzip
import hashlib
import math
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

CHUNK = 1 << 20
DEFLATE_RATIO = 1032  # deflate cannot shrink further, so a member that claims more is lying


def read_idx(path, rank, sha256=None):
    """The unsigned bytes of an IDX file, compressed or not, as an array of that rank.

    sha256: the digest that the uncompressed content must have. Raises ValueError that names the file and its problem.
    """
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if compressed else open)(path, "rb") as file:
            header = file.read(4 + 4 * rank)
            if len(header) < 4 + 4 * rank:
                raise ValueError(f"{path}: the IDX header is cut off after {len(header)} bytes")
            if header[:2] != b"\0\0" or header[2] != 8 or header[3] != rank:
                raise ValueError(
                    f"{path}: expected the magic number {0x800 + rank} of an IDX file of bytes with {rank} axes; "
                    f"got {int.from_bytes(header[:4], 'big')}"
                )
            shape = struct.unpack(f">{rank}I", header[4:])
            digest = hashlib.sha256(header)
            content = _read_exactly(file, math.prod(shape), digest, f"{path}: its header announces shape {shape}")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error})") from None
    if sha256 is not None and digest.hexdigest() != sha256:
        raise ValueError(f"{path}: the content's SHA-256 is {digest.hexdigest()}; expected {sha256}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_exactly(file, size, digest, context):
    """The next size bytes, after which the file must end. A bytearray, so that the array on it can be written."""
    content = bytearray()
    while len(content) < size:
        chunk = file.read(min(CHUNK, size - len(content)))
        if not chunk:
            raise ValueError(f"{context}, {size} bytes, but only {len(content)} follow: the file is cut off")
        content += chunk
        digest.update(chunk)
    if file.read(1):
        raise ValueError(f"{context}, {size} bytes, but more follow")
    return content


def read_npz(path):
    """The arrays of a .npz file by name. Nothing in it is run, and no array is larger than its member of the archive.

    Raises ValueError that names the file and its problem.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    read_header = {
                        (1, 0): np.lib.format.read_array_header_1_0,
                        (2, 0): np.lib.format.read_array_header_2_0,
                    }
                    if version not in read_header:
                        raise ValueError(f"{name} is in an unknown version of the .npy format, {version}")
                    shape, _, dtype = read_header[version](file)
                    if dtype.hasobject:
                        raise ValueError(f"{name} holds Python objects; only plain numbers are loaded")
                    size = math.prod(shape) * dtype.itemsize
                    there = member.file_size - file.tell()
                    if size != there or size > DEFLATE_RATIO * min(member.compress_size, Path(path).stat().st_size):
                        raise ValueError(
                            f"{name} announces shape {shape}, {size} bytes; the archive has {there} for it"
                        )
                with archive.open(member) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except (zipfile.BadZipFile, EOFError, zlib.error, ValueError, KeyError, NotImplementedError) as error:
        raise ValueError(f"{path}: not a readable .npz file: {error}") from None
    return arrays
