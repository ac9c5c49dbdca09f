"""Data of other libraries: pandas, PyTorch. Runs where they are installed."""

import numpy as np
import pytest

import cygrad
from cygrad import Input, Sequential, layers, ops, utils

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype("float32"), RNG.integers(0, 2, 40)


def fit(x, y, **arguments):
    utils.set_random_seed(1)
    model = Sequential([Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, verbose=0, **arguments).history
    return history, model.predict(x, verbose=0).tolist()


def test_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"], index=np.arange(40)[::-1])
    labels = pandas.Series(Y, index=frame.index)
    wanted = fit(X, Y, validation_split=0.25)
    assert fit(frame, labels, validation_split=0.25) == wanted
    assert fit(frame.astype("float64"), labels.astype("Int64"), validation_split=0.25) == wanted
    assert fit(frame.astype({"a": object}), labels.to_frame(), validation_split=0.25) == wanted
    mixed = frame.assign(a=frame["a"] > 0, b=frame["b"].astype("float64"), c=pandas.array([1, 2] * 20, "Int64"))
    plain = np.stack([X[:, 0] > 0, X[:, 1], np.array([1, 2] * 20)], 1).astype("float32")
    weights = pandas.Series(np.linspace(0, 1, 40), index=frame.index)
    assert fit(mixed, labels == 1, sample_weight=weights) == fit(plain, Y, sample_weight=np.linspace(0, 1, 40))
    with pytest.raises(ValueError, match=r"fit: .* The column b cannot be converted to numbers"):
        fit(frame.assign(b="x"), labels)


def test_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, y = torch.tensor(X), torch.tensor(Y)
    wanted = fit(X, Y)
    assert fit(x, y) == fit(x.double(), y.float()) == wanted
    assert fit(x.clone().requires_grad_(), y) == wanted
    pairs = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y.float()), batch_size=8)
    model = Sequential([Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    assert len(model.fit(pairs, epochs=2, verbose=0).history["loss"]) == 2


def test_torch_shares_memory_both_ways():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = ops.convert_to_tensor(X)
    theirs = torch.from_dlpack(tensor)
    theirs[0, 0] = 7.0
    assert tensor.numpy()[0, 0] == 7.0 and theirs.shape == X.shape and theirs.dtype == torch.float32
    again = ops.convert_to_tensor(theirs)
    assert isinstance(again, cygrad.Tensor) and (again.numpy() == tensor.numpy()).all()
    assert torch.from_dlpack(ops.convert_to_tensor(np.arange(4, dtype="int32"))).tolist() == [0, 1, 2, 3]
