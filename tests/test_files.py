"""utils.get_file: what is kept, checked and unpacked. From file: URLs, without a network."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from cygrad.utils import get_file


@pytest.fixture
def origin(tmp_path):
    file = tmp_path / "source" / "a.txt"
    file.parent.mkdir()
    file.write_text("one")
    return file


def test_a_file_is_downloaded_once(origin, tmp_path):
    path = get_file(origin=origin.as_uri(), cache_dir=tmp_path)
    assert Path(path) == tmp_path / "datasets" / "a.txt" and Path(path).read_text() == "one"
    origin.write_text("two")
    assert Path(get_file(origin=origin.as_uri(), cache_dir=tmp_path)).read_text() == "one"
    path = get_file("b.txt", origin.as_uri(), cache_subdir="mine", cache_dir=tmp_path)
    assert Path(path) == tmp_path / "mine" / "b.txt" and Path(path).read_text() == "two"
    assert Path(get_file(origin=origin.as_uri(), cache_dir=tmp_path, force_download=True)).read_text() == "two"


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_another_hash_downloads_anew_or_is_refused(origin, tmp_path, algorithm):
    get_file(origin=origin.as_uri(), cache_dir=tmp_path)
    origin.write_text("two")
    wanted = hashlib.new(algorithm, b"two").hexdigest()
    path = Path(get_file(origin=origin.as_uri(), cache_dir=tmp_path, file_hash=wanted))
    assert path.read_text() == "two"
    origin.write_text("three")
    with pytest.raises(ValueError, match="hash is not 0000"):
        get_file(origin=origin.as_uri(), cache_dir=tmp_path, file_hash="0" * len(wanted))
    assert path.read_text() == "two"  # what was there stays


def test_archives_are_unpacked(origin, tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("inner/x.txt", "zipped")
    folder = get_file("z.zip", (tmp_path / "z.zip").as_uri(), extract=True, cache_dir=tmp_path)
    assert folder.endswith("z_extracted") and (Path(folder) / "inner" / "x.txt").read_text() == "zipped"
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(origin, "y.txt")
    folder = get_file("data", (tmp_path / "t.tar.gz").as_uri(), untar=True, cache_dir=tmp_path)
    assert Path(folder) == tmp_path / "datasets" / "data" and (Path(folder) / "y.txt").read_text() == "one"
    assert get_file("data", (tmp_path / "t.tar.gz").as_uri(), untar=True, cache_dir=tmp_path) == folder


def test_members_do_not_leave_the_folder(tmp_path):
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        member = tarfile.TarInfo("../../escaped.txt")
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(tarfile.TarError):
        get_file("t", (tmp_path / "t.tar").as_uri(), extract=True, cache_dir=tmp_path / "cache")
    assert not list(tmp_path.rglob("escaped.txt"))


def test_errors(origin, tmp_path):
    with pytest.raises(ValueError, match="expected a URL for origin"):
        get_file("a")
    with pytest.raises(OSError, match=r"get_file: .*nothing\.txt"):
        get_file(origin=(tmp_path / "nothing.txt").as_uri(), cache_dir=tmp_path)
    with pytest.raises(ValueError, match="is no archive of format 'auto'"):
        get_file(origin=origin.as_uri(), extract=True, cache_dir=tmp_path)
