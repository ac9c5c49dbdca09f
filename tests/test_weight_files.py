"""Keras's files of weights, made here by h5py: what is read, and what is refused, with nothing changed. tests/interop
reads files that Keras wrote."""

import contextlib
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, Sequential, layers
from cygrad.models.hdf5_structure import Endless, check_structure
from cygrad.models.hdf5_texts import Damaged, texts

h5py = pytest.importorskip("h5py", reason="h5py is not installed: there is nothing to write HDF5 with")


def network(classes=3, names=("hidden", "head")):
    """Two layers with weights of shapes [4,5], [5] and [5,classes], [classes]; one without between them."""
    return Sequential(
        [
            Input((4,)),
            layers.Dense(5, activation="relu", name=names[0]),
            layers.Dropout(0.5),
            layers.Dense(classes, name=names[1]),
        ],
        name="net",
    )


def arrays(seed=0, classes=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in ((4, 5), (5,), (5, classes), (classes,))]


def by_place(path, values):
    """As Keras 3 writes .weights.h5."""
    with h5py.File(path, "w") as file:
        for layer, pair in (("dense", values[:2]), ("dense_1", values[2:])):
            group = file.create_group(f"layers/{layer}/vars")
            group.attrs["name"] = layer
            for i, value in enumerate(pair):
                group[str(i)] = value
        file.create_group("layers/dropout/vars")
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
        file["optimizer/vars/0"] = 1
        file.create_group("vars")


def legacy(path, values, names=("hidden", "head"), fixed=False, below=""):
    """As Keras writes .h5: lists of names of any length; fixed: as h5py 2 did."""
    as_list = (lambda n: np.array([x.encode() for x in n], "S")) if fixed else (lambda n: [x.encode() for x in n])
    with h5py.File(path, "w") as file:
        root = file.create_group(below) if below else file
        root.attrs["layer_names"] = as_list([names[0], "dropout", names[1]])
        root.create_group("dropout").attrs["weight_names"] = []
        for name, pair in zip(names, (values[:2], values[2:])):
            weights = [f"{name}/kernel:0", f"{name}/bias:0"]
            root.create_group(name).attrs["weight_names"] = as_list(weights)
            for weight, value in zip(weights, pair):
                root[name][weight] = value


WRITERS = {
    "by place": by_place,
    "legacy": legacy,
    "legacy, fixed": lambda path, values: legacy(path, values, fixed=True),
    "legacy, whole model": lambda path, values: legacy(path, values, below="model_weights"),
    "legacy, slashes": lambda path, values: legacy(path, values, names=("net/hidden", "net/head")),
}


def assert_equal(model, values):
    for weight, value in zip(model.weights, values, strict=True):
        assert (weight.numpy() == value).all()


def assert_refused(model, path, message, error=ValueError):
    """load_weights raises the error, which begins with the file's name, and changes nothing."""
    before = model.get_weights()
    with pytest.raises(error, match=message) as raised:
        model.load_weights(path)
    assert str(path) in str(raised.value)
    assert_equal(model, before)


@pytest.mark.parametrize("kind", WRITERS)
def test_weights_come_back(kind, tmp_path):
    path = tmp_path / "w.h5"
    WRITERS[kind](path, arrays())
    model = network(names=("other", "names"))
    model.load_weights(path)
    assert_equal(model, arrays())


def test_keras_archive(tmp_path):
    by_place(tmp_path / "w.h5", arrays())
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "anything, for it is not read")
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    model = network()
    model.load_weights(tmp_path / "m.keras")
    assert_equal(model, arrays())


def test_types_are_turned(tmp_path):
    for dtype in ("<f8", ">f4", "<f2"):
        by_place(tmp_path / "w.h5", [a.astype(dtype) for a in arrays()])
        model = network()
        model.load_weights(tmp_path / "w.h5")
        assert_equal(model, [a.astype(dtype).astype(np.float32) for a in arrays()])


def test_by_name_takes_the_layers_of_that_name(tmp_path):
    legacy(tmp_path / "w.h5", arrays())
    model = network(classes=2, names=("hidden", "new_head"))
    before = model.get_weights()
    model.load_weights(tmp_path / "w.h5", by_name=True)
    assert_equal(model, [*arrays()[:2], *before[2:]])
    network().save_weights(tmp_path / "w.safetensors")
    model.load_weights(tmp_path / "w.safetensors", by_name=True)
    assert (model.weights[0].numpy() != arrays()[0]).any() and (model.weights[2].numpy() == before[2]).all()

    for path in ("w.h5", "w.safetensors"):
        with pytest.raises(ValueError, match='no layer of model "net" has the name of one in the file'):
            network(names=("a", "b")).load_weights(tmp_path / path, by_name=True)
    by_place(tmp_path / "w.weights.h5", arrays())
    with pytest.raises(ValueError, match=r"by_name needs a legacy \.h5 file"):
        model.load_weights(tmp_path / "w.weights.h5", by_name=True)


@pytest.mark.parametrize("kind", ["by place", "legacy"])
def test_skip_mismatch(kind, tmp_path):
    path = tmp_path / "w.h5"
    WRITERS[kind](path, arrays())
    model = network(classes=2)
    before = model.get_weights()
    assert_refused(model, path, r"'head/kernel' has shape \(5, 3\), expected \(5, 2\)")
    with pytest.warns(UserWarning, match=r"skipped head/kernel, head/bias"):
        model.load_weights(path, skip_mismatch=True)
    assert_equal(model, [*arrays()[:2], *before[2:]])


def test_another_network(tmp_path):
    small = Sequential([Input((4,)), layers.Dense(5, name="hidden")])
    deep = Sequential([Input((4,)), *[layers.Dense(5, name=f"d{i}") for i in range(3)]])
    by_place(tmp_path / "w.h5", arrays())
    assert_refused(small, tmp_path / "w.h5", "not in the model '/layers/dense_1'")
    assert_refused(deep, tmp_path / "w.h5", "missing 'd2/kernel', 'd2/bias'; 'd1/kernel' has shape")
    legacy(tmp_path / "w.h5", arrays())
    assert_refused(small, tmp_path / "w.h5", "2 layers with weights; model .* has 1. Is it another network's")
    assert_refused(deep, tmp_path / "w.h5", "2 layers with weights; model .* has 3.")


def frozen_in_part(frozen, names=("a", "b")):
    """A legacy file lists trainable weights first: what was frozen decides the order in a nested model."""
    inner = [layers.BatchNormalization(name=names[0]), layers.Dense(3, name=names[1])]
    model = Sequential([Input((3,)), Sequential([Input((3,)), *inner], name="inner")])
    inner[0].trainable = not frozen
    return model


@pytest.mark.parametrize("named", [True, False])
def test_order_within_nested_models(named, tmp_path):
    model = frozen_in_part(True)
    variables = model.layers[0].trainable_weights + model.layers[0].non_trainable_weights
    values = [np.random.default_rng(i).normal(size=v.shape).astype(np.float32) for i, v in enumerate(variables)]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"inner"]
        group = file.create_group("inner")
        group.attrs["weight_names"] = [f"{v.path}:0".encode() for v in variables]
        for variable, value in zip(variables, values):
            group[f"{variable.path}:0"] = value
    other = frozen_in_part(False, ("a", "b") if named else ("c", "d"))
    if named:
        other.load_weights(tmp_path / "w.h5")
        found = {w.path: w.numpy() for w in other.weights}
        assert all((found[v.path] == value).all() for v, value in zip(variables, values))
    frozen = frozen_in_part(True, ("a", "b") if named else ("c", "d"))
    frozen.load_weights(tmp_path / "w.h5")
    stored = frozen.layers[0].trainable_weights + frozen.layers[0].non_trainable_weights
    assert all((v.numpy() == value).all() for v, value in zip(stored, values))


def test_an_order_that_cannot_be_told(tmp_path):
    def model(name):
        inner = Sequential([Input((3,)), layers.BatchNormalization(name=name)], name="inner")
        return Sequential([Input((3,)), inner])

    variables = model("a").weights
    paths = [f"inner/{v.name}" for v in reversed(variables)] + ["inner/more/gamma"]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"inner"]
        group = file.create_group("inner")
        group.attrs["weight_names"] = [p.encode() for p in paths]
        for path in paths:
            group[path] = np.zeros(3, np.float32)
    message = "layer 'inner' has a 'moving_variance' where layer 'inner' has a 'gamma'. Were other layers in it frozen"
    assert_refused(model("b"), tmp_path / "w.h5", message)


# ---- hostile and damaged files ----


def spoiled(path, change):
    """A sound file, changed by a function of the open file and of the path to one of its arrays."""
    by_place(path, arrays())
    with h5py.File(path, "r+") as file:
        change(file, "layers/dense/vars/0")


def replace(make):
    def change(file, place):
        value = file[place][()]
        del file[place]
        make(file, place, value)

    return change


def external_file(file, place, value):
    name = file.filename + ".raw"
    value.tofile(name)
    file.create_dataset(place, value.shape, value.dtype, external=[(name, 0, value.nbytes)])


def virtual(file, place, value):
    other = file.filename + ".other"
    with h5py.File(other, "w") as f:
        f["x"] = value
    layout = h5py.VirtualLayout(value.shape, value.dtype)
    layout[:] = h5py.VirtualSource(other, "x", value.shape)
    file.create_virtual_dataset(place, layout)


def bomb(file, place, value):
    """An array of 4 TB in a file of some thousand bytes: nothing of it is stored."""
    file.create_dataset(place, (10**12,), "f4")


def bomb_of_the_right_shape(file, place, value):
    file.create_dataset(place, value.shape, value.dtype)  # no values: the fill value stands for them


HOSTILE = {
    "soft link": (replace(lambda f, p, v: f.__setitem__(p, h5py.SoftLink("/layers/dense_1/vars/0"))), "is a link"),
    "external link": (replace(lambda f, p, v: f.__setitem__(p, h5py.ExternalLink("/etc/passwd", "/x"))), "is a link"),
    "link to a group": (
        lambda f, p: (f.move("layers/dense", "x"), f.__setitem__("layers/dense", h5py.SoftLink("/x"))),
        "'dense' in /layers is a link",
    ),
    "external file": (replace(external_file), "lies in another file"),
    "virtual": (replace(virtual), "lies in another file"),
    "chunks": (replace(lambda f, p, v: f.create_dataset(p, data=v, chunks=(1, 1))), "is compressed or in chunks"),
    "gzip": (replace(lambda f, p, v: f.create_dataset(p, data=v, compression="gzip")), "is compressed or in chunks"),
    "bomb": (replace(bomb), "needs 4000000000000 bytes; the file holds none"),
    "gzip bomb": (
        replace(lambda f, p, v: f.create_dataset(p, (10**12,), "f4", compression="gzip")),
        "is compressed or in chunks",
    ),
    "no values": (replace(bomb_of_the_right_shape), "needs 80 bytes; the file holds none"),
    "text": (replace(lambda f, p, v: f.__setitem__(p, "text")), "holds no numbers"),
    "record": (replace(lambda f, p, v: f.__setitem__(p, np.zeros((4, 5), "f4,f4"))), "holds no numbers"),
    "integers": (
        replace(lambda f, p, v: f.__setitem__(p, v.astype(int))),
        "'hidden/kernel' is int64; expected float32",
    ),
    "empty": (replace(lambda f, p, v: f.__setitem__(p, h5py.Empty("f4"))), "holds no numbers"),
    "group": (replace(lambda f, p, v: f.create_group(p)), "is no array"),
    "array for a group": (lambda f, p: (f.pop("layers"), f.__setitem__("layers", 1)), "is no group"),
    "missing": (replace(lambda f, p, v: None), "missing 'hidden/kernel'"),
    "transposed": (replace(lambda f, p, v: f.__setitem__(p, v.T)), r"has shape \(5, 4\), expected \(4, 5\)"),
    "another one": (lambda f, p: f.__setitem__("layers/dense/vars/2", 1.0), "not in the model '/layers/dense/vars/2'"),
    "cycle": (lambda f, p: f.__setitem__("layers/dense_2", f["layers"]), "not in the model '/layers/dense_2'"),
    "nothing": (lambda f, p: f.pop("layers"), "missing 'hidden/kernel'"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files(kind, tmp_path):
    change, message = HOSTILE[kind]
    path = tmp_path / "w.weights.h5"
    spoiled(path, change)
    model = network()
    tracemalloc.start()
    try:
        assert_refused(model, path, message)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_cut_short_anywhere(tmp_path):
    for write in (by_place, legacy):
        write(tmp_path / "whole.h5", arrays())
        content = (tmp_path / "whole.h5").read_bytes()
        path = tmp_path / "cut.h5"
        for length in range(8, len(content), len(content) // 25):
            path.write_bytes(content[:length])
            assert_refused(network(), path, "damaged or cut short")


def test_damaged_lists_of_names(tmp_path):
    """Whatever bytes of the file change, a list of names is read or refused; quickly."""
    legacy(tmp_path / "w.h5", arrays())
    with h5py.File(tmp_path / "w.h5") as file:
        address = h5py.h5o.get_info(file.id).addr
    content, rng, refused = (tmp_path / "w.h5").read_bytes(), np.random.default_rng(0), 0
    assert texts(content, address, "layer_names", 3) == ["hidden", "dropout", "head"]
    places = [i for i in range(len(content)) if content[i] or content[i - 8 : i] != bytes(8)]
    for _ in range(2000):
        damaged = bytearray(content)
        for place in rng.choice(places, 4):
            damaged[place] = rng.choice([0, 1, 255, rng.integers(256)])
        try:
            assert len(texts(bytes(damaged), address, "layer_names", 3)) == 3
        except Damaged:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        (np.zeros(1000), "is no list of names"),
        (np.array([[b"a", b"b"]], "S1"), "is no list of names"),
        (b"hidden", "is no list of names"),
        (np.array([b"hidden", b"ghost"], "S6"), "1 layers with weights"),
    ],
)
def test_lists_of_names(attribute, message, tmp_path):
    legacy(tmp_path / "w.h5", arrays())
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file.attrs["layer_names"] = attribute
    assert_refused(network(), tmp_path / "w.h5", message)


def test_references_to_texts(tmp_path):
    """Lengths, addresses and heaps are compared with what is there; HDF5 would take memory, or time without end."""
    legacy(tmp_path / "whole.h5", arrays())
    content, path = (tmp_path / "whole.h5").read_bytes(), tmp_path / "w.h5"
    heap = content.index(b"GCOL")
    reference = content.index(b"layer_names\0")
    reference = content.index(struct.pack("<IQ", len("hidden"), heap), reference)  # the first

    def changed(place, form, value):
        path.write_bytes(content[:place] + struct.pack(form, value) + content[place + struct.calcsize(form) :])

    for place, form, value, message in (
        (reference, "<I", 2**32 - 1, "a text of 4294967295 bytes, of which 6 are there"),
        (reference + 4, "<Q", 2**40, "a part beyond the end"),
        (reference + 4, "<Q", heap + 8, "no heap of texts"),
        (reference + 12, "<I", 99, "a text of 6 bytes, of which 0 are there"),
        (heap + 8, "<Q", 2**40, "no heap of texts"),
        (heap + 24, "<Q", 5000, "a text that is longer than its heap"),
        (heap + 24, "<Q", 2**64 - 8, "a text that is longer than its heap"),
    ):
        changed(place, form, value)
        assert_refused(network(), path, f"damaged: the attribute 'layer_names' of / has {message}")
    changed(reference, "<I", 0)
    assert_refused(network(), path, "1 layers with weights")


def circles(content):
    """The content of a file whose heaps of names have free places that go round in a circle, and how many heaps."""
    damaged, place, count = bytearray(content), -1, 0
    while (place := content.find(b"HEAP", place + 1)) >= 0:
        size, _, start = struct.unpack_from("<QQQ", content, place + 8)
        struct.pack_into("<Q", damaged, place + 16, size - 16)
        struct.pack_into("<QQ", damaged, start + size - 16, size - 16, 16)  # itself, and its size
        count += 1
    return bytes(damaged), count


@pytest.mark.parametrize("kind", [*WRITERS, "archive"])
def test_heaps_that_go_round_in_a_circle(kind, tmp_path):
    """HDF5 would follow it until memory ends: in a process of its own, lest this one does."""
    WRITERS.get(kind, by_place)(tmp_path / "w.h5", arrays())
    damaged, count = circles((tmp_path / "w.h5").read_bytes())
    assert count > 1
    (tmp_path / "w.h5").write_bytes(damaged)
    if kind == "archive":
        with zipfile.ZipFile(tmp_path / "m.h5", "w") as archive:
            archive.write(tmp_path / "w.h5", "model.weights.h5")
        (tmp_path / "m.h5").replace(tmp_path / "w.h5")
    code = """
import sys, cygrad
model = cygrad.Sequential([cygrad.Input((4,)), cygrad.layers.Dense(5)])
try:
    model.load_weights(sys.argv[1])
except ValueError as error:
    print(error)
"""
    run = [sys.executable, "-c", code, str(tmp_path / "w.h5")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, preexec_fn=little_time)
    assert "damaged or cut short: a heap of names whose free places go round in a circle" in done.stdout, done.stderr


def little_time():
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


def test_any_one_of_the_heaps_is_looked_at(tmp_path):
    """Of a tree of groups with many members, in file order: below one list of entries, and below a tree of them."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for i in range(300):
            file.create_group(f"layers/dense_{i}/vars/deep/{i}")
    content = (tmp_path / "w.h5").read_bytes()
    check_structure(content)
    _, count = circles(content)
    assert count > 600
    for place in [i for i in range(len(content)) if content.startswith(b"HEAP", i)][:: count // 20]:
        damaged, _ = circles(content[:place].replace(b"HEAP", b"heap") + content[place:])
        damaged = damaged[:place].replace(b"heap", b"HEAP") + damaged[place:]
        with pytest.raises(Endless, match="in a circle"):
            check_structure(damaged)


def test_whatever_changes_looking_ends(tmp_path):
    for write in (by_place, legacy):
        write(tmp_path / "w.h5", arrays())
        content, rng = (tmp_path / "w.h5").read_bytes(), np.random.default_rng(1)
        places = [i for i in range(0, len(content) - 7, 8) if content[i : i + 8] != bytes(8)]
        for length in [*rng.integers(9, len(content), 200), *[len(content)] * 1000]:
            damaged = bytearray(content)
            for place in rng.choice(places, 3):
                struct.pack_into("<Q", damaged, place, int(rng.choice([rng.choice(places), rng.integers(2**62)])))
            with contextlib.suppress(Endless):
                check_structure(bytes(damaged[:length]))


def test_a_weight_may_look_like_a_heap(tmp_path):
    by_place(tmp_path / "other.h5", arrays())
    damaged, _ = circles((tmp_path / "other.h5").read_bytes())
    start = damaged.index(b"HEAP")
    for write in WRITERS.values():
        values = [np.frombuffer(damaged[start : start + 4 * a.size], "f4").reshape(a.shape) for a in arrays()]
        write(tmp_path / "w.h5", values)
        assert (tmp_path / "w.h5").read_bytes().count(damaged[start : start + 12]) >= len(values)
        model = network()
        model.load_weights(tmp_path / "w.h5")
        assert [w.numpy().tobytes() for w in model.weights] == [v.tobytes() for v in values]


def test_archives(tmp_path):
    by_place(tmp_path / "w.h5", arrays())
    content = (tmp_path / "w.h5").read_bytes()
    path = tmp_path / "m.keras"

    def archive(compression, **members):
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in members.items():
                file.writestr(name.replace("_", "."), data)
        return path.read_bytes()

    archive(zipfile.ZIP_STORED, config_json="{}")
    assert_refused(network(), path, r"a zip archive without model\.weights\.h5, so not a \.keras file")
    archive(zipfile.ZIP_DEFLATED, model_weights_h5=bytes(1 << 26))
    assert_refused(network(), path, "is compressed")
    archive(zipfile.ZIP_STORED, model_weights_h5=content[:1000])
    assert_refused(network(), path, "damaged or cut short")
    whole = archive(zipfile.ZIP_STORED, model_weights_h5=content)
    path.write_bytes(whole[:-500])
    assert_refused(network(), path, "damaged or cut short")
    place = whole.index(arrays()[0].tobytes())
    path.write_bytes(whole[:place] + b"\0\0\0\0" + whole[place + 4 :])
    assert_refused(network(), path, "damaged or cut short: Bad CRC-32")


def test_other_hdf5(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["measurements"] = np.zeros(5)
    assert_refused(network(), tmp_path / "data.h5", "missing 'hidden/kernel'")
    with h5py.File(tmp_path / "data.h5", "a") as file:
        file.create_group("model_weights")
    assert_refused(network(), tmp_path / "data.h5", "0 layers with weights; model .* has 2")


def test_without_h5py(tmp_path, monkeypatch):
    legacy(tmp_path / "w.h5", arrays())
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    assert_refused(network(), tmp_path / "w.h5", r"needs h5py: pip install h5py, or 'cygrad\[keras\]'", ImportError)


# ---- from PyTorch ----


def test_pytorch_layouts(tmp_path):
    """Every turn of axes, from arrays and from a safetensors file."""
    from safetensors.numpy import save_file

    x = Input((4, 4, 2))
    y = layers.Conv2D(3, (1, 2), name="conv")(x)
    y = layers.DepthwiseConv2D(2, depth_multiplier=2, name="depth")(y)
    y = layers.Conv2DTranspose(5, 2, use_bias=False, name="up")(y)
    y = layers.BatchNormalization(name="bn")(y)
    model = Model(x, layers.Dense(7, name="head")(layers.Flatten()(y)))
    rng = np.random.default_rng(0)
    shapes = {
        "conv.weight": (3, 2, 1, 2), "conv.bias": (3,), "depth.weight": (6, 1, 2, 2), "depth.bias": (6,),
        "up.weight": (6, 5, 2, 2), "bn.weight": (5,), "bn.bias": (5,), "bn.running_mean": (5,),
        "bn.running_var": (5,), "bn.num_batches_tracked": (), "head.weight": (7, 4 * 3 * 5), "head.bias": (7,),
    }  # fmt: skip
    state = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    names = {
        f"{layer}.{theirs}": f"{layer}/{ours}"
        for layer in ("conv", "depth", "up", "head")
        for theirs, ours in (("weight", "kernel"), ("bias", "bias"))
        if layer != "up" or theirs == "weight"
    }
    names |= {"bn.weight": "bn/gamma", "bn.bias": "bn/beta"}
    names |= {"bn.running_mean": "bn/moving_mean", "bn.running_var": "bn/moving_variance"}
    load = cygrad.saving.load_pytorch_weights
    load(model, state, names, flattened={"head/kernel": (5, 4, 3)})
    found = {w.path: w.numpy() for w in model.weights}
    assert (found["conv/kernel"][0, 1] == state["conv.weight"][:, :, 0, 1].T).all()
    assert found["depth/kernel"][1, 0, 2, 1] == state["depth.weight"][5, 0, 1, 0]
    assert found["up/kernel"][1, 0, 4, 5] == state["up.weight"][5, 4, 1, 0]
    assert found["head/kernel"].reshape(4, 3, 5, 7)[3, 1, 2, 6] == state["head.weight"].reshape(7, 5, 4, 3)[6, 2, 3, 1]
    assert (found["bn/moving_variance"] == state["bn.running_var"]).all()

    save_file(state, tmp_path / "m.safetensors")
    again = cygrad.models.clone_model(model)
    load(again, tmp_path / "m.safetensors", names, flattened={"head/kernel": (5, 4, 3)})
    assert_equal(again, model.get_weights())


def test_pytorch_states_that_do_not_fit():
    model = network()
    state = dict(zip(("a.weight", "a.bias", "b.weight", "b.bias"), (v.T for v in arrays())))
    names = {"a.weight": "hidden/kernel", "a.bias": "hidden/bias", "b.weight": "head/kernel", "b.bias": "head/bias"}
    before = model.get_weights()
    for change, message in (
        ({"c.weight": "head/scale"}, "not in the model 'head/scale'; not in the source 'c.weight'"),
        ({"b.bias": "hidden/bias"}, "named twice 'hidden/bias'; no source for 'head/bias'"),
        ({"a.weight": "head/kernel", "b.weight": "hidden/kernel"}, r"'a.weight' has shape \(5, 4\), expected \(3, 5\)"),
    ):
        with pytest.raises(ValueError, match=f"the state dict does not fit model .*{message}"):
            cygrad.saving.load_pytorch_weights(model, state, names | change)
    with pytest.raises(ValueError, match=r"no name for 'b.bias'; no source for 'head/bias'"):
        cygrad.saving.load_pytorch_weights(model, state, {k: v for k, v in names.items() if k != "b.bias"})
    assert_equal(model, before)
    half = {k: v for k, v in names.items() if k[0] == "a"}
    cygrad.saving.load_pytorch_weights(model, state, half, strict=False)
    assert_equal(model, [*arrays()[:2], *before[2:]])


def test_pickles_are_not_read(tmp_path):
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:  # PyTorch's format: a zip archive around a pickle
        archive.writestr("m/data.pkl", b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ValueError, match=r"m\.pt: not a safetensors file"):
        cygrad.saving.load_pytorch_weights(network(), path, {})
    assert_refused(network(), path, r"so not a \.keras file")
