"""Data as people have them: sparse matrices, memory maps, arrays of any type and layout, other libraries' tensors."""

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
    x = sparse.random(20000, 3000, density=1e-4, format="csr", random_state=1)
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


def test_tensors_are_made_of_what_can_be_shared():
    tensor = ops.convert_to_tensor(Shared(X))
    assert tensor.dtype == "float32" and (tensor.numpy() == X).all()
