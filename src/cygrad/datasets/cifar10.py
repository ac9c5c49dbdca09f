"""CIFAR-10: 60,000 colour pictures of 32x32 pixels in ten classes (Krizhevsky 2009).

Keras reads the archive of Python pickles; this reads the binary version, the same pictures in plain bytes, because a
pickle can run anything. A record is a class and then 1,024 red, 1,024 green and 1,024 blue values.
"""

import hashlib
import os
import tarfile
import zlib
from pathlib import Path

import numpy as np

from ._download import cache_folder, download, not_found

__all__ = ["load_data"]

URLS = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
ARCHIVE = "cifar-10-binary.tar.gz"
DIGEST = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"  # SHA-256; TensorFlow Datasets has the same
LARGEST = 200 << 20  # bytes of the archive
FOLDER = "cifar-10-batches-bin"  # in the archive
FILES = (
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
)
RECORD = 1 + 3 * 32 * 32
LARGEST_FILE = 10_000 * RECORD


def load_data(path=None):
    """Loads CIFAR-10 as Keras does: ((x_train, y_train), (x_test, y_test)).

    Shapes: x uint8 [50000,32,32,3] and [10000,32,32,3], values 0 .. 255; y uint8 [50000,1] and [10000,1]: 0 airplane,
    1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.
    path: cifar-10-binary.tar.gz, or a folder with its files data_batch_1.bin .. data_batch_5.bin and test_batch.bin.
    Without it: either in the subfolder cifar10 of the folder that the environment variable CYGRAD_DATA names; else a
    download, verified by SHA-256 and kept in ~/.cache/cygrad ($XDG_CACHE_HOME/cygrad).
    Raises ValueError for a damaged file, FileNotFoundError where there is none and no network.
    Source: Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    batches = _read_path(Path(path).expanduser() if path is not None else _find())
    pairs = [_arrays(name, batches[name]) for name in FILES]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*pairs[:5]))
    return (x_train, y_train), pairs[5]


def _find():
    root = os.environ.get("CYGRAD_DATA")
    if root:
        folder = Path(root).expanduser() / "cifar10"
        for place in (folder, folder / FOLDER, folder / ARCHIVE):
            if place.is_file() or (place / FILES[0]).is_file():
                return place
    target = cache_folder("cifar10") / ARCHIVE
    if not target.is_file():
        problems = download(URLS, target, _verify, LARGEST)
        if problems:
            raise not_found("cifar10", f"{ARCHIVE} or the files in it", problems)
    return target


def _verify(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != DIGEST:
        raise ValueError(f"{path}: SHA-256 {digest.hexdigest()}; expected {DIGEST}")


def _read_path(path):
    """{file's name: (where it is, content)} of a folder or the archive."""
    if path.is_dir():
        missing = [name for name in FILES if not (path / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{path}: expected a folder with the files {', '.join(FILES)}; no {missing[0]}")
        return {name: (path / name, _read(open(path / name, "rb"), path / name)) for name in FILES}
    batches = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:  # read in memory, in the archive's order; nothing is extracted
                name = member.name.rpartition("/")[2]
                if member.isfile() and name in FILES:
                    batches[name] = (path, _read(archive.extractfile(member), name))
        missing = [name for name in FILES if name not in batches]
        if missing:
            raise ValueError(f"expected the members {', '.join(FILES)}; no {missing[0]}")
        return batches
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path}: not a readable {ARCHIVE}: {error}") from None


def _read(file, name):
    """The records of a file: no more is read than the largest file may have, whatever a header says."""
    content = bytearray()
    with file:
        while chunk := file.read(1 << 20):
            content += chunk
            if len(content) > LARGEST_FILE:
                raise ValueError(f"{name}: more than {LARGEST_FILE} bytes")
    if not content or len(content) % RECORD:
        raise ValueError(f"{name}: expected whole records of {RECORD} bytes; got {len(content)} bytes")
    return content


def _arrays(name, batch):
    path, content = batch
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(f"{path}: expected classes 0 .. 9 in {name}; got {records[:, 0].max()}")
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.ascontiguousarray(records[:, :1])
