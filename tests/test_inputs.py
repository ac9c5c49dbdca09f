"""Data as people have them: sparse matrices, memory maps, arrays of any type and layout, other libraries' tensors."""

import tracemalloc

import numpy as np
import pytest

import cygrad
from cygrad import Input, Sequential, layers, ops, utils
from cygrad.models.data import LazyRows, as_array

RNG = np.random.default_rng(0)
X = RNG.integers(0, 3, (50, 6)).astype("float32")
Y = RNG.integers(0, 2, 50)


def trained(x, y, **arguments):
    """(weights, losses, predictions) of a small model."""
    utils.set_random_seed(1)
    model = Sequential([Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, **arguments).history
    loss = model.evaluate(x, y, verbose=0)
    return [*model.get_weights(), np.array(loss), model.predict(x, verbose=0)], history


def same(x, y=Y, **arguments):
    (mine, history), (wanted, expected) = trained(x, y, **arguments), trained(X, Y, **arguments)
    assert history == expected
    for a, b in zip(mine, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def generator(batches=7):
    while True:
        for i in range(0, 50, 8):
            yield X[i : i + 8], Y[i : i + 8]


class Shared:
    """A library's tensor that can be shared, and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize(
    "x",
    [
        X.astype("float64"),
        X.astype("int64"),
        X.astype("uint16"),
        X.astype("float16"),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        np.ascontiguousarray(X[::-1])[::-1],
        X.tolist(),
        [list(row) for row in X],
        ops.convert_to_tensor(X),
        Shared(X),
    ],
    ids=[
        "float64",
        "int64",
        "uint16",
        "float16",
        "columns first",
        "strided",
        "reversed",
        "list",
        "rows",
        "tensor",
        "dlpack",
    ],
)
def test_arrays_of_any_type_and_layout(x):
    same(x)
    same(x, validation_split=0.2)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_matrix"])
def test_sparse_matrices(kind):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    x = getattr(sparse, kind)(X.astype("float64"))
    same(x)
    same(x, validation_split=0.2)
    same(x, Y, validation_data=(x, Y))
    assert isinstance(as_array(x, "fit", "x", lazy=True), LazyRows)
    y = sparse.csr_matrix(np.eye(2)[Y])
    model = Sequential([Input((6,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y, verbose=0)
    model.train_on_batch(x, y)
    assert model.predict(x, verbose=0).shape == model.predict_on_batch(x).shape == (50, 2)


def test_sparse_matrices_are_made_dense_batch_by_batch(monkeypatch):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    places = np.arange(20000), np.arange(20000) % 3000
    x = sparse.csr_matrix((np.ones(20000), places), shape=(20000, 3000))
    seen = []
    take = LazyRows.take
    monkeypatch.setattr(LazyRows, "take", lambda self, index: seen.append(len(index)) or take(self, index))
    model = Sequential([Input((3000,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, np.zeros(20000), batch_size=500, verbose=0)
    assert set(seen) == {500} and sum(seen) == 20000


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64", "int64"])
def test_memory_maps_are_read_batch_by_batch(dtype, tmp_path, monkeypatch):
    path = tmp_path / "x.dat"
    X.astype(dtype).tofile(path)
    x = np.memmap(path, dtype, "r", shape=X.shape)
    same(x)
    same(x, validation_split=0.2)
    found = as_array(x, "fit", "x", lazy=True)
    assert isinstance(found, LazyRows) or np.shares_memory(found, x)


def test_token_numbers_stay_whole(tmp_path):
    path = tmp_path / "tokens.dat"
    X.astype("int64").tofile(path)
    x = np.memmap(path, "int64", "r", shape=X.shape)
    model = Sequential([Input((6,)), layers.Embedding(3, 4), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, Y, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(X.astype("int32"), verbose=0))


def test_generators_and_datasets_of_other_shapes():
    class Batches(utils.PyDataset):
        def __len__(self):
            return 7

        def __getitem__(self, i):
            return X[8 * i : 8 * i + 8].astype("float64"), Y[8 * i : 8 * i + 8].tolist()

    (mine, _), (wanted, _) = (trained_on_batches(*given) for given in ((Batches(), None), (generator(), 7)))
    for a, b in zip(mine, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def trained_on_batches(source, steps):
    utils.set_random_seed(1)
    model = Sequential([Input((6,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(source, epochs=2, steps_per_epoch=steps, verbose=0, shuffle=False)
    return model.get_weights(), history


@pytest.mark.kernels
def test_a_tensor_shares_its_memory():
    tensor = ops.convert_to_tensor(X)
    shared = np.from_dlpack(tensor)
    assert shared.dtype == np.float32 and shared.shape == X.shape and tensor.__dlpack_device__() == (1, 0)
    shared[0, 0] = 7
    assert tensor.numpy()[0, 0] == 7
    del tensor
    assert shared[0, 0] == 7 and (shared[1:] == X[1:]).all()
    for values in (
        np.arange(3, dtype="int32"),
        np.array([True, False]),
        np.zeros((0, 2), "float32"),
        np.array(2.5, "f"),
    ):
        np.testing.assert_array_equal(np.from_dlpack(ops.convert_to_tensor(values)), values)
    variable = cygrad.Variable(np.ones(3))
    assert np.from_dlpack(variable).tolist() == [1, 1, 1]


@pytest.mark.kernels
def test_tensors_are_made_of_what_can_be_shared():
    tensor = ops.convert_to_tensor(Shared(X))
    assert tensor.dtype == "float32" and (tensor.numpy() == X).all()


# ---- more data than memory ----


def large(kind, folder, rows=8192, columns=256):
    """A memory map, or a sparse matrix, that would take 8 MB as float32."""
    if kind == "sparse":
        sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
        return sparse.random(rows, columns, density=1e-2, format="csr", random_state=1)
    mapped = np.memmap(folder / f"{kind}.dat", kind, "w+", shape=(rows, columns))
    mapped[::7, ::3] = 3
    return mapped


def peak(function):
    """(result, how many bytes of NumPy's and Python's it took at most)."""
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["float64", "int64", "float32", "sparse"])
def test_functional_models_read_batch_by_batch(kind, tmp_path):
    x, tokens = large(kind, tmp_path), large("int16", tmp_path, columns=64)
    y = np.zeros((len(tokens), 1), "float32")
    a, t = Input((256,), name="a"), Input((64,), name="t")
    joined = layers.concatenate([layers.Dense(2)(a), layers.Flatten()(layers.Embedding(4, 2)(t))])
    model = cygrad.Model([a, t], layers.Dense(1)(joined))
    model.compile("sgd", "mse", metrics=["mae"])
    head = [x[:64], tokens[:64]]
    dense = [x[:64].toarray() if kind == "sparse" else np.array(x[:64]), np.array(tokens[:64])]
    np.testing.assert_array_equal(model.predict(head, verbose=0), model.predict(dense, verbose=0))
    model.fit(head, y[:64], verbose=0)
    both, named = [x, tokens], {"t": tokens, "a": x}
    for run in (
        lambda: model.fit(both, y, batch_size=256, verbose=0),
        lambda: model.fit(named, y, batch_size=256, validation_split=0.25, verbose=0),
        lambda: model.fit(both, y, batch_size=256, validation_data=(both, y), verbose=0),
        lambda: model.evaluate(named, y, batch_size=256, verbose=0),
        lambda: model.predict(both, batch_size=256, verbose=0),
    ):
        assert peak(run)[1] < 4 << 20  # of sparse x, a part is copied as it is


@pytest.mark.parametrize("kind", ["float64", "sparse"])
@pytest.mark.kernels
def test_autoencoders_read_their_targets_batch_by_batch(kind, tmp_path):
    x = large(kind, tmp_path)
    model = Sequential([Input((256,)), layers.Dense(2), layers.Dense(256)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(x[:64], x[:64], verbose=0)
    history, most = peak(lambda: model.fit(x, x, batch_size=256, validation_split=0.25, verbose=0))
    assert most < 4 << 20 and np.isfinite(history.history["val_mae"]).all()
    dense = x[:640].toarray() if kind == "sparse" else np.array(x[:640])
    weights = model.get_weights()
    results = []
    for given in (x[:640], dense):
        model.set_weights(weights)
        model.fit(given, given, shuffle=False, verbose=0)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
