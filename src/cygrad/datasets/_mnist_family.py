"""What MNIST and the sets made in its image share: four IDX files, found on disk or downloaded and verified.

Where load looks, in this order: the path it is given; the folder NAME in CYGRAD_DATA; CYGRAD_DATA itself; the cache;
the mirrors. What is in a path or folder of that name is taken as it is (any set in this format will do); what is found
elsewhere must have the published digests, so that another set's files of the same names are not loaded in its place.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from ._download import cache_folder, download, not_found
from ._idx import read_idx, read_npz

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
NAMES = ("x_train", "y_train", "x_test", "y_test")
LARGEST = 64 << 20  # bytes: no file of the family is larger, whatever a mirror sends


class Source(NamedTuple):
    name: str  # as in cygrad.datasets
    mirrors: tuple  # URLs of folders
    digests: dict  # file: SHA-256
    of_gzip: bool  # whether the digests are those of the .gz files or of their content


def load(source, path=None):
    """((x_train, y_train), (x_test, y_test)) of a source, as the module's docstring says."""
    if path == f"{source.name}.npz" and not Path(path).exists():
        path = None  # Keras's default argument, which tutorials repeat: the name in its own cache
    if path is not None:
        path = Path(path).expanduser()
        arrays = _load_npz(path) if path.is_file() else _load_folder(path)
    else:
        arrays = _find(source)
    for images, labels, what in ((0, 1, "training"), (2, 3, "test")):
        if arrays[images].ndim != 3 or arrays[labels].ndim != 1 or len(arrays[images]) != len(arrays[labels]):
            raise ValueError(
                f"{source.name}.load_data: expected {what} images [N,H,W] and labels [N]; "
                f"got shapes {arrays[images].shape} and {arrays[labels].shape} from {path or 'CYGRAD_DATA'}"
            )
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])


def _find(source):
    root = os.environ.get("CYGRAD_DATA")
    if root:
        folder = Path(root).expanduser()
        if _has_files(folder / source.name):
            return _load_folder(folder / source.name)
        if (folder / f"{source.name}.npz").is_file():
            return _load_npz(folder / f"{source.name}.npz")
        if _has_files(folder):
            hint = f"For {source.name} beside another set, put its files into {folder / source.name}"
            return _load_folder(folder, source, hint)
    return _load_folder(_download(source), source, "Delete it, and it is downloaded again")


def _load_npz(path):
    arrays = read_npz(path)
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise ValueError(f"{path}: expected the arrays {', '.join(NAMES)}; {', '.join(missing)} missing")
    return [arrays[name] for name in NAMES]


def _in_folder(folder, name):
    """The file of that name, compressed or not; None where it is absent."""
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _has_files(folder):
    return all(_in_folder(folder, name) for name in FILES)


def _load_folder(folder, source=None, hint=None):
    """The four arrays in a folder; with a source, its digests must hold, else the error ends with the hint."""
    paths = {name: _in_folder(folder, name) for name in FILES}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise FileNotFoundError(
            f"{folder}: expected a folder with the files {', '.join(FILES)} (.gz or not); no {missing[0]}"
        )
    try:
        return [_read(path, name, source) for name, path in paths.items()]
    except ValueError as error:
        raise (ValueError(f"{error}. {hint}") if hint else error) from None


def _read(path, name, source=None):
    rank = 3 if "images" in name else 1
    if source is None:
        return read_idx(path, rank)
    expected = source.digests[name]
    if source.of_gzip:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != expected:
            raise ValueError(f"{path}: not {source.name}'s: SHA-256 {digest}; expected {expected}")
        return read_idx(path, rank)
    return read_idx(path, rank, expected)


def _download(source):
    """The cache's folder, after what it lacks has been downloaded and verified."""
    folder = cache_folder(source.name)
    for name in FILES:
        target = folder / f"{name}.gz"
        if not target.is_file():
            urls = [f"{mirror}/{target.name}" for mirror in source.mirrors]
            problems = download(urls, target, lambda path, name=name: _read(path, name, source), LARGEST)
            if problems:
                raise not_found(source.name, f"the files {', '.join(FILES)} (.gz or not)", problems)
    return folder
