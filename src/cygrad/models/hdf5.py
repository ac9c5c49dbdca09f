"""Arrays of floats out of an HDF5 file that nobody vouches for, through h5py (the extra `keras`).

HDF5 can do more than hold arrays, and none of that is wanted here. Only hard links are followed: soft and external
links name other places and files. Only plain storage is read, contiguous or in the header, as Keras writes it: external
and virtual datasets name other files, and chunks and filters can claim any size or load code. A dataset's shape, type
and place are checked, against what is expected and against the file's length, before memory is taken.

What is left to HDF5 itself is finding the members of groups and the headers of arrays, once hdf5_structure.py has seen
that these come to an end; nothing of the file is run.
"""

import contextlib
import math
import mmap
import os

import numpy as np

from .hdf5_structure import check_structure
from .hdf5_texts import Damaged, texts

MOST_NAMES = 100_000  # in one list, or below one group
SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextlib.contextmanager
def opened(source, name):
    """The root Group of a file, given by path or as io.BytesIO. ValueError where it is no HDF5 file, or cut short."""
    try:
        import h5py
    except ImportError:
        raise ImportError(f"{name}: reading HDF5 needs h5py: pip install h5py, or 'cygrad[keras]'") from None
    try:
        bytes_ = _Source(name, source)
        bytes_.check()
        file = h5py.File(source, "r")
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{name}: damaged or cut short: {error}") from None
    with file:
        yield Group(h5py, file, bytes_)


class _Source:
    """A file as bytes. str() of it is its name."""

    def __init__(self, name, source):
        self.name, self._source = name, source
        self.length = source.getbuffer().nbytes if hasattr(source, "getbuffer") else os.path.getsize(source)

    def __str__(self):
        return self.name

    @contextlib.contextmanager
    def _content(self):
        if hasattr(self._source, "getvalue"):
            yield self._source.getvalue()
            return
        with open(self._source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content

    def check(self):
        """Raises Endless for a structure that HDF5's library would go round in (hdf5_structure)."""
        with self._content() as content:
            check_structure(content)

    def texts(self, address, name, count):
        """The list of texts in an attribute (hdf5_texts.texts)."""
        with self._content() as content:
            return texts(content, address, name, count)


def _told(method):
    """The method, whose errors inside HDF5 name the file."""

    def told(self, *args):
        try:
            return method(self, *args)
        except (OSError, RuntimeError, LookupError, TypeError, ArithmeticError, ValueError) as error:
            text = str(error)
            raise ValueError(text if text.startswith(str(self.file)) else f"{self.file}: damaged: {text}") from None

    return told


class Group:
    """A group of a file: what lies in it by hard links, and its lists of names."""

    def __init__(self, h5py, group, file):
        self._h5py, self._group, self.file = h5py, group, file

    @property
    def path(self):
        return self._group.name or "/"

    @_told
    def names(self):
        """The names of what lies in the group."""
        if len(self._group) > MOST_NAMES:
            raise ValueError(f"{self.file}: {len(self._group)} members of {self.path} are more than {MOST_NAMES}")
        return [name.decode() for name in self._group.id]

    @_told
    def has(self, name):
        """Whether there is a member of that name, which may be a link to anything."""
        return self._group.id.links.exists(name.encode())

    def group(self, path):
        """The group at a path, its names parted by slashes; None where there is none."""
        found = self._member(path)
        if found is not None and not isinstance(found, self._h5py.Group):
            raise ValueError(f"{self.file}: {path!r} in {self.path} is no group")
        return None if found is None else Group(self._h5py, found, self.file)

    @_told
    def dataset(self, path):
        """The Dataset at a path; None where there is none."""
        found = self._member(path)
        if found is not None and not isinstance(found, self._h5py.Dataset):
            raise ValueError(f"{self.file}: {path!r} in {self.path} is no array")
        return None if found is None else Dataset(self._h5py, found, self.file)

    @_told
    def _member(self, path):
        found = self._group
        for name in path.split("/"):
            if not name or not isinstance(found, self._h5py.Group) or not found.id.links.exists(name.encode()):
                return None
            if found.id.links.get_info(name.encode()).type != self._h5py.h5l.TYPE_HARD:
                raise ValueError(f"{self.file}: {name!r} in {found.name} is a link, and links are not followed")
            found = found[name]
        return found

    @_told
    def strings(self, name):
        """The list of names in an attribute, or in the attributes NAME0, NAME1, ... that Keras splits a long one into;
        None where there is none."""
        attributes = self._group.attrs
        if name in attributes:
            return self._strings(name)
        found, part = [], 0
        while f"{name}{part}" in attributes:
            found += self._strings(f"{name}{part}")
            part += 1
        return found if part else None

    def _strings(self, name):
        attribute = self._group.attrs.get_id(name)
        count, kind = math.prod(attribute.shape), self._h5py.check_string_dtype(attribute.dtype)
        if count == 0:
            return []
        if kind is None or len(attribute.shape) != 1 or count > MOST_NAMES:
            raise ValueError(f"{self.file}: the attribute {name!r} of {self.path} is no list of names")
        if kind.length is None:
            try:
                return self.file.texts(self._h5py.h5o.get_info(self._group.id).addr, name, count)
            except Damaged as error:
                raise ValueError(f"{self.file}: damaged: the attribute {name!r} of {self.path} has {error}") from None
        if count * kind.length > self.file.length:
            raise ValueError(f"{self.file}: damaged: the attribute {name!r} of {self.path} is larger than the file")
        return [value.decode(errors="replace") for value in self._group.attrs[name]]


class Dataset:
    """An array in a file."""

    def __init__(self, h5py, dataset, file):
        self._dataset, self.file = dataset, file
        plist, where = dataset.id.get_create_plist(), f"{file}: the array {dataset.name}"
        if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
            raise ValueError(f"{where} lies in another file, which is not opened")
        if plist.get_layout() == h5py.h5d.CHUNKED or plist.get_nfilters():
            raise ValueError(f"{where} is compressed or in chunks; only plain arrays, as Keras writes them, are read")
        if dataset.shape is None or dataset.dtype.kind not in "fiu":
            raise ValueError(f"{where} holds no numbers but {dataset.dtype}")
        self.shape, self.dtype = tuple(dataset.shape), np.dtype(dataset.dtype.type)
        size = math.prod(self.shape) * dataset.dtype.itemsize
        offset = 0 if plist.get_layout() == h5py.h5d.COMPACT else dataset.id.get_offset()
        if size and (offset is None or offset + size > file.length):
            held = "holds none of them" if offset is None else f"has {file.length} in all"
            raise ValueError(f"{where}, shape {self.shape}, needs {size} bytes; the file {held}. Is it complete?")

    @_told
    def read(self):
        """The array, a new one."""
        found = np.empty(self.shape, self.dtype)
        if found.size:
            self._dataset.read_direct(found)
        return found
