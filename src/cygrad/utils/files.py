"""get_file: a download that is kept."""

import hashlib
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from ..datasets._download import CHUNK, cache_folder, download

_LARGEST = 1 << 36  # bytes, of a download


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """The path of a file from the web, downloaded unless it is there: as a string.

    origin: its URL. fname: its name on disk, None: that in the URL. cache_dir, cache_subdir: where it is kept, None:
    $XDG_CACHE_HOME/cygrad or ~/.cache/cygrad. file_hash: of what comes, hexadecimal, by hash_algorithm, "sha256", "md5"
    or "auto" (by its length); md5_hash: an older name. A file that is there with another hash is downloaded anew, as is
    any with force_download. extract, untar: the archive is unpacked, and the result is the folder: fname, or of "a.zip"
    "a_extracted". archive_format: "auto", "tar", "zip" or None. Members that would leave the folder are refused.

    Raises ValueError where the hash differs or a file is no archive, OSError where nothing comes.

    >>> from pathlib import Path
    >>> Path("numbers.txt").write_text("1 2 3")
    5
    >>> path = cygrad.utils.get_file("copy.txt", Path("numbers.txt").resolve().as_uri(), cache_dir=".")
    >>> Path(path).read_text()
    '1 2 3'
    """
    if origin is None:
        raise ValueError("get_file: expected a URL for origin; got None")
    name = fname or os.path.basename(urlsplit(str(origin)).path)
    if not name:
        raise ValueError(f"get_file: there is no file name in {origin!r}; give fname")
    if hash_algorithm not in ("auto", "sha256", "md5") or archive_format not in ("auto", "tar", "zip", None):
        raise ValueError(
            "get_file: hash_algorithm must be 'auto', 'sha256' or 'md5', archive_format 'auto', 'tar', 'zip' or None; "
            f"got {hash_algorithm!r} and {archive_format!r}"
        )
    wanted = file_hash or md5_hash
    home = (cache_folder("") if cache_dir is None else Path(cache_dir)) / cache_subdir
    target = folder = home / name
    if extract or untar:
        if fname and "." in fname:
            folder = home / (fname.partition(".")[0] + "_extracted")
        else:
            target = home / (name + "_archive")

    def verify(path):
        if wanted and _hash(path, wanted, hash_algorithm) != wanted.lower():
            raise ValueError(f"its {hash_algorithm} hash is not {wanted}; is the file another one, or broken?")

    if force_download or not _fits(target, verify):
        problem = download([str(origin)], target, verify, _LARGEST)
        if problem:
            raise (ValueError if "hash is not" in problem else OSError)(f"get_file: {problem}")
        if folder != target:
            shutil.rmtree(folder, ignore_errors=True)  # of an older file
    if folder != target and not folder.exists():
        _unpack(target, folder, "tar" if untar else archive_format)
    return str(folder)


def _hash(path, wanted, algorithm):
    digest = hashlib.new(("sha256" if len(wanted) == 64 else "md5") if algorithm == "auto" else algorithm)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _fits(path, verify):
    """Is there such a file?"""
    try:
        verify(path)
    except (OSError, ValueError):
        return False
    return path.exists()


def _unpack(path, folder, archive_format):
    """An archive's members into a folder, all or none."""
    partial = folder.with_name(f"{folder.name}_{os.getpid()}.part")
    try:
        if archive_format in ("auto", "tar") and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(partial, filter="data")
        elif archive_format in ("auto", "zip") and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(partial)
        else:
            raise ValueError(f"get_file: {str(path)!r} is no archive of format {archive_format!r}")
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
