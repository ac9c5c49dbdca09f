"""Data sets: IDX and .npz readers that trust no header, the search order, verified downloads, the shipped digits."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
import tracemalloc
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from cygrad.datasets import cifar10, digits, fashion_mnist, mnist
from cygrad.datasets._idx import read_idx, read_npz
from cygrad.datasets._mnist_family import FILES, Source, load

X_TRAIN = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
Y_TRAIN = np.array([2, 0, 1], np.uint8)
X_TEST = X_TRAIN[:2] + 100
Y_TEST = np.array([1, 2], np.uint8)
ARRAYS = dict(zip(FILES, (X_TRAIN, Y_TRAIN, X_TEST, Y_TEST)))


def idx(array):
    return struct.pack(f">{array.ndim + 1}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write_files(folder, compressed=True, arrays=ARRAYS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


def source(*mirrors, of_gzip=False):
    content = {name: gzip.compress(idx(array), mtime=0) if of_gzip else idx(array) for name, array in ARRAYS.items()}
    return Source("tiny", mirrors, {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}, of_gzip)


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    for got, expected in zip((x_train, y_train, x_test, y_test), ARRAYS.values()):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.uint8
        assert got.flags.writeable


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch, tmp_path):
    """No data, no cache and no mirror but the test's own."""
    monkeypatch.delenv("CYGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (mnist, fashion_mnist):
        monkeypatch.setattr(module, "SOURCE", module.SOURCE._replace(mirrors=()))
    monkeypatch.setattr(cifar10, "URLS", ())


# ---- reading files ----


@pytest.mark.parametrize("compressed", [True, False])
def test_a_folder_of_idx_files(tmp_path, compressed):
    write_files(tmp_path / "files", compressed)
    check(mnist.load_data(tmp_path / "files"))
    check(mnist.load_data(str(tmp_path / "files")))


def test_kerass_npz(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, x_train=X_TRAIN, y_train=Y_TRAIN, x_test=X_TEST, y_test=Y_TEST)
    check(mnist.load_data(path))


IMAGES = idx(X_TRAIN)


DAMAGED_IDX = {
    "empty": (b"", "header is cut off after 0 bytes"),
    "half a header": (IMAGES[:15], "header is cut off after 15 bytes"),
    "bad first byte": (b"\x01" + IMAGES[1:], "expected the magic number 2051"),
    "floats": (IMAGES[:2] + b"\x0d" + IMAGES[3:], "expected the magic number 2051"),
    "labels": (idx(Y_TRAIN) + bytes(20), "got 2049"),
    "truncated": (IMAGES[:-1], "60 bytes, but only 59 follow: the file is cut off"),
    "trailing": (IMAGES + b"\0", "60 bytes, but more follow"),
    "trailing, gzip": (gzip.compress(IMAGES + b"\0"), "60 bytes, but more follow"),
    "gzip truncated": (gzip.compress(IMAGES)[:-9], "not a whole gzip file"),
    "gzip with a wrong check sum": (gzip.compress(IMAGES)[:-8] + bytes(8), "not a whole gzip file"),
    "gzip with a bad block": (gzip.compress(IMAGES)[:10] + b"\x07" + bytes(30), "not a whole gzip file"),
    "gzip with a bad header": (b"\x1f\x8b" + bytes(30), "not a whole gzip file"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGED_IDX.values(), ids=DAMAGED_IDX)
def test_a_damaged_idx_file_is_named_with_its_problem(tmp_path, content, problem):
    write_files(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=problem) as error:
        mnist.load_data(tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("compressed", [True, False])
def test_no_memory_is_taken_on_a_headers_word(tmp_path, compressed):
    lie = struct.pack(">4I", 0x803, 60000, 2**15, 2**15) + bytes(100)
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(lie) if compressed else lie)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="only 100 follow"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_as_many_labels_as_images(tmp_path):
    write_files(tmp_path, arrays={**ARRAYS, "t10k-labels-idx1-ubyte": Y_TRAIN})
    with pytest.raises(ValueError, match=r"test images \[N,H,W\] and labels \[N\]; got shapes \(2, 4, 5\) and \(3,\)"):
        mnist.load_data(tmp_path)


def npz_with(name, member):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member)
    return data.getvalue()


def npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


DAMAGED_NPZ = {
    "no archive": (b"no archive", "not a readable .npz file"),
    "no array": (npz_with("x.npy", b"no array"), "not a readable .npz file"),
    "announces more": (npz_with("x.npy", npy(X_TRAIN).replace(b"(3, 4, 5)", b"(3, 4, 9)")), "announces shape"),
    "trailing": (npz_with("x.npy", npy(X_TRAIN) + b"\0"), "announces shape"),
    "truncated": (npz_with("x.npy", npy(X_TRAIN))[:-30], "not a readable .npz file"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGED_NPZ.values(), ids=DAMAGED_NPZ)
def test_a_damaged_npz_file_is_named_with_its_problem(tmp_path, content, problem):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=problem) as error:
        read_npz(path)
    assert str(path) in str(error.value)


def test_an_npz_file_of_objects_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([{"any": "thing"}], dtype=object))
    with pytest.raises(ValueError, match="holds Python objects"):
        read_npz(tmp_path / "x.npz")


def test_an_npz_file_without_an_array(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=X_TRAIN, y_train=Y_TRAIN, x_test=X_TEST)
    with pytest.raises(ValueError, match="y_test missing"):
        mnist.load_data(tmp_path / "x.npz")


# ---- where data is looked for ----


def test_a_path_without_the_files_says_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a folder with .* no train-images-idx3-ubyte"):
        mnist.load_data(tmp_path)


def test_cygrad_data_and_its_subfolder(tmp_path, monkeypatch):
    write_files(tmp_path / "data" / "tiny")
    for folder in (tmp_path / "data", tmp_path / "data" / "tiny"):
        monkeypatch.setenv("CYGRAD_DATA", str(folder))
        check(load(source()))
        check(load(source(), "tiny.npz"))  # Keras's default argument: a name in a cache, no file here


def test_cygrad_data_with_another_sets_files_is_not_mistaken(tmp_path, monkeypatch):
    write_files(tmp_path, arrays={**ARRAYS, FILES[1]: Y_TRAIN[::-1]})
    monkeypatch.setenv("CYGRAD_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"SHA-256.*For tiny beside another set"):
        load(source())
    with pytest.raises(ValueError, match="not tiny's"):
        load(source(of_gzip=True))


# ---- downloads ----


@pytest.mark.parametrize("of_gzip", [True, False])
def test_a_download_is_verified_and_kept(tmp_path, of_gzip, capsys):
    mirror = write_files(tmp_path / "mirror")
    check(load(source("file:///nowhere/at/all", mirror.as_uri(), of_gzip=of_gzip)))
    assert "downloading" in capsys.readouterr().err
    kept = tmp_path / "cache" / "cygrad" / "tiny"
    assert sorted(path.name for path in kept.iterdir()) == sorted(f"{name}.gz" for name in FILES)
    check(load(source(of_gzip=of_gzip)))  # no mirror is asked again
    assert capsys.readouterr().err == ""


def test_a_download_with_another_digest_is_not_kept(tmp_path):
    mirror = write_files(tmp_path / "mirror", arrays={**ARRAYS, FILES[0]: X_TRAIN[::-1]})
    with pytest.raises(FileNotFoundError, match=r"SHA-256.*Put the files .* CYGRAD_DATA") as error:
        load(source(mirror.as_uri()))
    assert str(tmp_path / "cache") in str(error.value)
    assert list((tmp_path / "cache" / "cygrad" / "tiny").iterdir()) == []


def test_a_damaged_cache_says_what_to_do(tmp_path):
    kept = write_files(tmp_path / "cache" / "cygrad" / "tiny")
    (kept / f"{FILES[0]}.gz").write_bytes(gzip.compress(idx(X_TRAIN[::-1])))
    with pytest.raises(ValueError, match="Delete it, and it is downloaded again"):
        load(source())


def test_a_mirror_that_sends_without_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("cygrad.datasets._mnist_family.LARGEST", 10)
    mirror = write_files(tmp_path / "mirror")
    with pytest.raises(FileNotFoundError, match="more than 10 bytes"):
        load(source(mirror.as_uri()))


def test_http(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    write_files(tmp_path / "mirror")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "mirror"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            check(load(source(f"{address}/absent", address)))
        finally:
            server.shutdown()
            thread.join()


def test_without_network_the_error_says_where_to_put_the_files():
    with pytest.raises(FileNotFoundError, match=r"mnist is neither in CYGRAD_DATA \(not set\) nor in .*Put the files"):
        mnist.load_data()
    with pytest.raises(FileNotFoundError, match="subfolder fashion_mnist"):
        fashion_mnist.load_data()


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_every_file_has_a_digest(module):
    assert set(module.SOURCE.digests) == set(FILES)
    assert all(len(digest) == 64 and int(digest, 16) for digest in module.SOURCE.digests.values())


def test_real_mnist(data_folder):
    (x_train, y_train), (x_test, y_test) = load(mnist.SOURCE, data_folder / "mnist")
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_real_mnist_has_the_published_digests(data_folder, monkeypatch):
    monkeypatch.setenv("CYGRAD_DATA", str(data_folder / "mnist"))
    assert mnist.load_data()[0][0].sum(dtype=np.int64) == 1567298545


# ---- CIFAR-10 ----

BATCHES = {}
for i, name in enumerate(cifar10.FILES):
    records = np.random.default_rng(i).integers(0, 256, (3, cifar10.RECORD), dtype=np.uint8)
    records[:, 0] = (i, 9, 0)
    BATCHES[name] = records.tobytes()


def cifar_folder(folder, batches=BATCHES):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in batches.items():
        (folder / name).write_bytes(content)
    return folder


def cifar_archive(path, batches=BATCHES):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"readme.html": b"text", **batches}.items():
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def check_cifar(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    assert x_train.shape == (15, 32, 32, 3) and y_train.shape == (15, 1)
    assert x_test.shape == (3, 32, 32, 3) and y_test[:, 0].tolist() == [5, 9, 0]
    assert y_train[:, 0].tolist() == [0, 9, 0, 1, 9, 0, 2, 9, 0, 3, 9, 0, 4, 9, 0]
    assert x_train.dtype == y_train.dtype == np.uint8
    record = np.frombuffer(BATCHES["data_batch_2.bin"], np.uint8)[: cifar10.RECORD]
    for channel in range(3):  # red, green, blue: row by row in the file, last in the array
        start = 1 + 1024 * channel
        np.testing.assert_array_equal(x_train[3, :, :, channel].reshape(-1), record[start : start + 1024])


def test_cifar10_from_a_folder_an_archive_and_cygrad_data(tmp_path, monkeypatch):
    check_cifar(cifar10.load_data(cifar_folder(tmp_path / "folder")))
    check_cifar(cifar10.load_data(cifar_archive(tmp_path / "any.tar.gz")))
    for place in ("a/cifar10", f"b/cifar10/{cifar10.FOLDER}"):
        cifar_folder(tmp_path / place)
    cifar_archive(tmp_path / "c" / "cifar10" / cifar10.ARCHIVE)
    for root in "abc":
        monkeypatch.setenv("CYGRAD_DATA", str(tmp_path / root))
        check_cifar(cifar10.load_data())


def test_cifar10_download(tmp_path, monkeypatch):
    archive = cifar_archive(tmp_path / "server" / cifar10.ARCHIVE)
    monkeypatch.setattr(cifar10, "URLS", (archive.as_uri(),))
    with pytest.raises(FileNotFoundError, match=rf"SHA-256.*expected {cifar10.DIGEST}.*Put cifar-10-binary"):
        cifar10.load_data()
    monkeypatch.setattr(cifar10, "DIGEST", hashlib.sha256(archive.read_bytes()).hexdigest())
    check_cifar(cifar10.load_data())
    archive.unlink()
    check_cifar(cifar10.load_data())  # from the cache


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "expected whole records of 3073 bytes; got 0 bytes"),
        (bytes(3072), "got 3072 bytes"),
        (b"\x0a" + bytes(3072), r"expected classes 0 \.\. 9 in data_batch_3.bin; got 10"),
        (bytes(10_001 * 3073), "more than 30730000 bytes"),
    ],
    ids=["empty", "cut off", "a class of 10", "too long"],
)
def test_damaged_cifar10(tmp_path, content, problem):
    batches = {**BATCHES, "data_batch_3.bin": content}
    for path in (cifar_folder(tmp_path / "folder", batches), cifar_archive(tmp_path / "any.tar.gz", batches)):
        with pytest.raises(ValueError, match=problem) as error:
            cifar10.load_data(path)
        assert str(path) in str(error.value)


def test_damaged_cifar10_archives(tmp_path):
    path = cifar_archive(tmp_path / "any.tar.gz", {name: BATCHES[name] for name in cifar10.FILES[1:]})
    with pytest.raises(ValueError, match=r"no data_batch_1\.bin"):
        cifar10.load_data(path)
    path.write_bytes(cifar_archive(path).read_bytes()[:-2000])
    with pytest.raises(ValueError, match="not a readable cifar-10-binary"):
        cifar10.load_data(path)
    with pytest.raises(FileNotFoundError, match="expected a folder with the files data_batch_1"):
        cifar10.load_data(tmp_path)


# ---- digits ----


def test_digits_shapes_and_values():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8) and x_test.shape == (359, 8, 8)
    assert y_train.shape == (1438,) and y_test.shape == (359,)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.max() == 16
    assert sorted(np.unique(y_test)) == list(range(10))


def test_digits_split_follows_from_the_seed():
    first, again, other = digits.load_data(), digits.load_data(), digits.load_data(seed=1)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], other[0][0])
    content = b"".join(part.tobytes() for pair in first for part in pair)
    assert hashlib.sha256(content).hexdigest() == "a76506aa173698f6099c2b99c7c561ecb4cd8f8b09f1d54ec2019d77d4552348"


@pytest.mark.parametrize(("test_split", "test"), [(0, 0), (0.5, 898), (1, 1797)])
def test_digits_test_split(test_split, test):
    (x_train, _), (x_test, _) = digits.load_data(test_split)
    assert len(x_test) == test and len(x_train) == 1797 - test


def test_digits_refuses_a_split_outside_0_to_1():
    with pytest.raises(ValueError, match=r"test_split in 0 \.\. 1; got 1\.5"):
        digits.load_data(1.5)


def test_digits_are_scikit_learns():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    expected = sklearn_datasets.load_digits()
    (x, y), _ = digits.load_data(test_split=0, seed=None)
    np.testing.assert_array_equal(x, expected.images)
    np.testing.assert_array_equal(y, expected.target)
