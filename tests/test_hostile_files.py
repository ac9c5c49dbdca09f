"""Model files that are broken, or made to do harm: each is refused by a ValueError, in little memory and time."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
from model_files import rewritten, set_at

import cygrad
from cygrad import Input, Sequential, layers
from cygrad.models import load_model
from cygrad.models.container import parse_json
from cygrad.models.saving import from_bytes, to_bytes


@pytest.fixture(scope="module")
def good():
    cygrad.utils.set_random_seed(0)
    hidden = layers.Dense(5, activation="relu", kernel_regularizer="l2", name="hidden")
    out = layers.Dense(3, activation="softmax", name="out")
    model = Sequential([Input((6,)), hidden, layers.Dropout(0.3), out], name="net")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.random.default_rng(0).normal(size=(24, 6)), np.arange(24) % 3, batch_size=7, verbose=0)
    return to_bytes(model)


def load_bytes(data, tmp_path):
    path = tmp_path / "bad.cygrad"
    path.write_bytes(data)
    return load_model(path)


def test_truncated_files(good, tmp_path):
    for n in {0, 1, 7, 8, 9, 100, len(good) // 2, len(good) - 1, *range(0, len(good), len(good) // 40)}:
        with pytest.raises(ValueError, match=r"bad\.cygrad"):
            load_bytes(good[:n], tmp_path)
    with pytest.raises(ValueError, match=r"bad\.cygrad"):
        load_bytes(good + b"\0", tmp_path)


def test_flipped_bits_are_found(good, tmp_path):
    """Anywhere in the tensors; in the header, a model that loads in spite of the flip has the weights that were
    saved."""
    header = 8 + struct.unpack("<Q", good[:8])[0]
    expected = load_bytes(good, tmp_path).get_weights()
    rng = np.random.default_rng(0)
    for place in rng.integers(header, len(good), 60):
        data = bytearray(good)
        data[place] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match=r"bad\.cygrad: damaged"):
            load_bytes(data, tmp_path)
    for place in [*range(8), *rng.integers(8, header, 150)]:
        data = bytearray(good)
        data[place] ^= 1 << rng.integers(8)
        try:
            model = load_bytes(data, tmp_path)
        except ValueError as error:
            assert "bad.cygrad" in str(error)
        else:
            assert all((a == b).all() for a, b in zip(expected, model.get_weights()))


LAYER = ("model", "config", "layers", 1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (set_at("version", value=2), "version 2; this cygrad reads version 1"),
        (set_at("extra", value=1), "unknown 'extra'"),
        (set_at("seeds", value=KeyError), "missing 'seeds'"),
        (set_at("seeds", value=[[1, 2]]), "seeds: expected"),
        (set_at("seeds", 0, value=[-1, 2]), "seeds: expected"),
        (set_at(*LAYER, "class_name", value="os.system"), r"unknown layer 'os\.system'"),
        (set_at(*LAYER, "class_name", value="Layer"), "unknown layer 'Layer'"),
        (set_at(*LAYER, "class_name", value=3), "expected a class name"),
        (set_at(*LAYER, "module", value="os"), "unknown 'module'"),
        (set_at(*LAYER, "config", "units", value=10**12), r"declares a weight 'kernel' of shape \(6, 1000000000000\)"),
        (set_at(*LAYER, "config", "units", value=-1), "units"),
        (set_at(*LAYER, "config", "units", value="many"), "units"),
        (set_at(*LAYER, "config", "unknown", value=1), "unknown argument 'unknown'"),
        (set_at(*LAYER, "config", "activation", value="eval"), "eval"),
        (set_at("model", "config", "layers", 0, "config", "batch_shape", value=[None, 10**15]), "declares a weight"),
        (set_at("model", "config", "layers", value=7), "net"),
        (set_at("model", "config", "layers", value=[{}] * 20000), "20000 layers are more than"),
        (set_at("model", value=[]), "expected an object"),
        (set_at("model", "class_name", value="Dense"), "Dense"),
        (set_at("tensors", value=[]), "not those that its metadata lists"),
        (set_at("tensors", value={}), "list of tensors is broken"),
        (set_at("compile", "loss", value="os.system"), "unknown loss"),
        (set_at("compile", "optimizer", "class_name", value="Popen"), "unknown optimizer"),
        (set_at("compile", "unknown", value=1), "unknown 'unknown'"),
        (set_at("optimizer", "iterations", value=-5), "step count"),
        (set_at("optimizer", "trained", value=["x"]), "not those of the model"),
        (set_at("optimizer", "trained", value=["out/bias"]), r"do not fit the model .*: not in the model 'optimizer/"),
        (lambda d: json.dumps(d).replace('"seeds":', '"seeds": 1, "seeds":'), "'seeds' is there twice"),
        (lambda d: json.dumps(d).replace('"version": 1', '"version": NaN'), "NaN is not JSON"),
        (lambda d: json.dumps(d).replace('"version": 1', '"version": 1e999'), "too large"),
        (lambda d: json.dumps(d).replace('"version": 1', '"version": ' + "9" * 5000), "too long"),
        (lambda d: "[" * 100000, "broken JSON"),
        (lambda d: "{", "broken JSON"),
    ],
)
def test_hostile_configurations(good, tmp_path, change, text):
    with pytest.raises(ValueError, match=text) as raised:
        load_bytes(rewritten(good, change), tmp_path)
    assert "bad.cygrad" in str(raised.value)


VALUES = [None, True, -1, 0, 2**70, 1e300, "", "relu", [], {}, [None], [[1]], {"class_name": "Dense", "config": {}}]


@pytest.mark.filterwarnings("ignore")
def test_any_change_of_the_configuration_loads_or_is_a_value_error(good):
    def places(data, path=()):
        for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
            yield (*path, key)
            yield from places(data[key], (*path, key))

    rng = np.random.default_rng(0)

    def change(document):
        found = list(places(document))
        *path, last = found[rng.integers(len(found))]
        for key in path:
            document = document[key]
        document[last] = VALUES[rng.integers(len(VALUES))]

    refused = 0
    for _ in range(400):
        try:
            from_bytes(rewritten(good, change))
        except ValueError:
            refused += 1
    assert refused > 200


def test_hostile_headers(tmp_path):
    def file(header, data=b""):
        return struct.pack("<Q", len(header)) + header + data

    for data, text in [
        (b"\x80\x04" + b"x" * 50, "not a safetensors file"),
        (b"PK\x03\x04" + b"x" * 50, "looks like a .keras archive"),
        (b"\x89HDF\r\n\x1a\n" + b"x" * 50, "looks like an HDF5 file"),
        (struct.pack("<Q", 2**62) + b"{}", "cut short"),
        (file(b"[]"), "its header is a list"),
        (file(b"{}"), "not a model file"),
        (file(b'{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4]}}', b"0000"), "bad.cygrad"),
        (file(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', b"0000"), "broken shape"),
        (file(b'{"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}', b"0000"), "dtype 'O'"),
        (file(b'{"a": 1}'), "expected an object"),
        (file(b'{"a": 1, "a": 1}'), "twice"),
    ]:
        with pytest.raises(ValueError, match=text) as raised:
            load_bytes(data, tmp_path)
        assert "bad.cygrad" in str(raised.value)


def test_a_small_file_never_costs_much_memory(good, tmp_path):
    """Declared sizes are compared with the file before anything is allocated; the JSON is bounded."""
    hostile = [
        rewritten(good, set_at(*LAYER, "config", "units", value=10**8)),
        rewritten(good, set_at("model", "config", "layers", value=[{}] * 20000)),
        rewritten(good, lambda d: json.dumps(d).replace('"version": 1', '"version": ' + "9" * 100000)),
    ]
    large = struct.pack("<Q", 100 << 20) + b"[" * (5 << 20)
    (tmp_path / "bad.cygrad").write_bytes(large)
    with open(tmp_path / "bad.cygrad", "r+b") as file:
        file.truncate((100 << 20) + 8)  # sparse: a header of 100 MB
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is more than"):
            load_model(tmp_path / "bad.cygrad")
        before = cygrad._core.alloc_stats()["peak"]
        for data in hostile:
            with pytest.raises(ValueError):
                load_bytes(data, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
        assert cygrad._core.alloc_stats()["peak"] < before + 1e6
    finally:
        tracemalloc.stop()


def test_strict_json():
    assert parse_json('{"a": [1, 2.5, null, true]}', "here") == {"a": [1, 2.5, None, True]}
    with pytest.raises(ValueError, match=r"here: .* bytes of JSON are more than"):
        parse_json('"' + "x" * (5 << 20) + '"', "here")
    with pytest.raises(ValueError, match="broken JSON"):
        parse_json(b"\xff\xfe", "here")
    with pytest.raises(TypeError, match="expected JSON text; got int"):
        parse_json(3, "here")
