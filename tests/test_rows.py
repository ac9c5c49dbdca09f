"""Rows: calls on the same rows, replayed as one, have the bits of the calls one by one, and none is moved past one that
it depends on."""

import numpy as np
import pytest
from cygrad._program import changed_by

import cygrad
from cygrad import Input, Model, Sequential, _core, _rows, layers
from cygrad._fusion import NOTHING, ONE_PIXEL, Call, Place

rng = np.random.default_rng(0)
ACTIVATIONS = [
    "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "softsign", "gelu", "silu", "exponential",
    "hard_sigmoid",
]  # fmt: skip


@pytest.fixture(params=[(isa, threads) for isa in _core.available_isas() for threads in (1, 2, 3)], ids=str)
def machine(request):
    """Every instruction set, one and several threads."""
    before = _core.isa(), _core.get_num_threads()
    _core.set_isa(request.param[0])
    _core.set_num_threads(request.param[1])
    yield request.param
    _core.set_isa(before[0])
    _core.set_num_threads(before[1])


def random(*shape):
    return rng.normal(size=shape).astype("f4")


def kernels_of(model, what):
    (program,) = [p for p in model._captures[what].programs.values() if p != 1]
    return program.kernels


# ---- the same bits ----


@pytest.mark.parametrize("rows", [32, 33, 61, 130])
def test_predictions_have_the_bits_of_layers_one_by_one(machine, rows):
    x = y = Input((37,))
    for i, activation in enumerate(ACTIVATIONS):  # as the product's epilogue, and as kernels of their own
        y = layers.Activation(activation)(layers.Dense(18 + i, activation="tanh")(y))
    y = layers.LayerNormalization()(layers.ReLU()(layers.BatchNormalization()(layers.Dense(33)(y))))
    model = Model(x, layers.Dense(10, activation="softmax")(y))
    for _ in range(2):
        model.predict(random(rows, 37), verbose=0, batch_size=rows)
    data = random(rows, 37)  # what an earlier replay left behind is wrong for these
    found = model.predict(data, verbose=0, batch_size=rows)
    assert len(kernels_of(model, "predict")) == 1 and kernels_of(model, "predict")[0].count(" + ") == 26
    assert "replays 27 kernels" in model.explain_capture()["predict"][0]
    assert found.tobytes() == np.asarray(model(data, training=False)).tobytes()


@pytest.mark.parametrize(
    ("loss", "last"),
    [("sparse_categorical_crossentropy", "softmax"), ("categorical_crossentropy", None), ("mse", "tanh")],
)
@pytest.mark.parametrize("rows", [48, 131])
def test_training_has_the_bits_of_kernels_one_by_one(machine, rows, loss, last):
    weights = None
    for compiled in (True, False):
        model = Sequential(
            [Input((200,)), *[layers.Dense(n, a) for n, a in ((64, "relu"), (50, "tanh"), (70, "gelu"), (5, last))]]
        )
        weights = weights or model.get_weights()
        model.set_weights(weights)
        if last is None:
            loss = cygrad.losses.CategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, jit_compile=compiled)
        again, losses = np.random.default_rng(1), []
        for _ in range(4):
            labels = again.integers(0, 5, rows)
            labels = labels if loss == "sparse_categorical_crossentropy" else np.eye(5, dtype="f4")[labels]
            losses.append(model.train_on_batch(again.normal(size=(rows, 200)).astype("f4"), labels))
        if compiled:
            joined = [name for name in kernels_of(model, "train") if " + " in name]
            assert len(joined) == 2 and "backward" in joined[1], "forward and backward"
            fast = losses, model.get_weights()
    assert fast[0] == losses
    for a, b in zip(fast[1], model.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_label_outside_of_the_classes_is_told_as_ever():
    model = Sequential([Input((200,)), layers.Dense(64, "relu"), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = random(40, 200), np.zeros(40, "i4")
    for _ in range(3):
        model.train_on_batch(x, y)
    assert " + " in kernels_of(model, "train")[0]
    y[39] = 3
    with pytest.raises(ValueError, match="3"):
        model.train_on_batch(x, y)


# ---- what is joined ----


def test_the_table_is_that_of_the_kernels():
    assert set(ACTIVATIONS) - {"exponential"} <= {name.removesuffix("_forward") for name in _rows.ELEMENTWISE}
    elementwise = dict.fromkeys(_rows.ELEMENTWISE, ("n", None))
    for kernel, (size, arrays) in (_rows.OF_A_ROW | elementwise).items():
        parameters = {name: (kind, type_) for type_, name, kind, _ in _core.KERNELS[kernel]}
        assert len(parameters) <= 32 and parameters[size] == ("scalar", "int64_t")
        of_rows = arrays or {name for name, (kind, _) in parameters.items() if kind == "array"}
        assert changed_by(kernel) <= set(of_rows), f"{kernel} writes into what all rows share"
        assert all(parameters[name] in (("array", "float"), ("array", "int32_t")) for name in of_rows)
        assert all(value == 1 or parameters[value] == ("scalar", "int64_t") for value in (arrays or {}).values())


X, W, H, V, Y, Z, U = range(7)  # blocks: two dense layers' arrays, and more


def dense(y, x, w, M=64, N=16, K=16, transpose_a=0, transpose_b=0):
    sizes = {"M": M, "N": N, "K": K, "transpose_a": transpose_a, "transpose_b": transpose_b, "activation": 0}
    return Call("matmul", {"y": Place(y, 0), "a": Place(x, 0), "b": Place(w, 0), "bias": None} | sizes)


def relu(y, x, n=64 * 16, offset=0):
    return Call("relu_forward", {"y": Place(y, 0), "x": Place(x, offset), "n": n})


def images(y, x, w, H=1):
    """A convolution of 16 channels and filters with its epilogue."""
    arrays = {"y": Place(y, 0), "x": Place(x, 0), "kernel": Place(w, 0)}
    sizes = {"N": 64, "H": H, "W": 1, "C": 16, "F": 16, "P": H, "Q": 1}
    return Call("conv2d_fused_forward", NOTHING | ONE_PIXEL | arrays | sizes | {"bias": None})


def total(y, x):
    sizes = {"O": 1, "A": 64, "I": 16, "scale": 1.0}
    return Call("reduce_sum", {"y": Place(y, 0), "x": Place(x, 0)} | sizes)


def joined(*calls, trains=False):
    return [list(chain.calls) for chain in _rows.chains(dict(enumerate(calls)), changed_by, trains)]


@pytest.mark.parametrize(
    ("calls", "wanted"),
    [
        ((dense(H, X, W), dense(Y, H, V)), [[0, 1]]),
        ((dense(H, X, W), total(Z, H), dense(Y, H, V)), [[0, 2]]),
        ((dense(H, X, W), total(Z, H), relu(H, H)), []),  # what is left behind reads what relu would change
        ((dense(H, X, W), total(V, H), dense(Y, H, V)), []),  # and writes what a product reads
        ((dense(H, X, W), total(Y, H), dense(Y, X, V)), []),  # and writes what a product writes, too
        ((dense(H, X, W), dense(Y, V, H)), []),  # all rows of H are needed
        ((dense(H, X, W), dense(W, H, V)), []),  # another thread still reads W
        ((dense(H, X, W), relu(Y, H, offset=64)), []),  # rows that begin elsewhere
        ((dense(H, X, W), relu(Y, H, n=64 * 8)), []),  # and shorter ones
        ((dense(H, X, W), relu(H, H)), [[0, 1]]),
        ((dense(H, X, W, N=1, K=32), relu(Y, H, n=64)), []),
        ((dense(H, X, W, transpose_a=1), relu(Y, H)), []),
        ((dense(H, X, W, transpose_b=1), relu(Y, H)), [[0, 1]]),
        ((dense(H, X, W), images(Y, H, V)), [[0, 1]]),
        ((dense(H, X, W), images(Y, H, V, H=2)), []),  # two pixels an image
        ((dense(H, X, W, M=31), relu(Y, H, n=31 * 16)), []),
        ((dense(H, X, W), dense(Y, Z, V, M=32), relu(U, H)), [[0, 2]]),
        ((dense(H, X, W), dense(Z, Y, V, M=65), dense(U, Z, V, M=65), relu(H, H)), [[0, 3], [1, 2]]),
        ((relu(H, X), dense(Y, H, W), relu(Z, Y)), [[1, 2]]),  # how many rows, a product says
        ((dense(H, X, W, N=512, K=256), dense(Y, H, V, K=512)), []),  # more weights than a core keeps
        ((dense(H, X, W), *[total(Z, X)] * 16, relu(H, H)), []),  # too far apart to look for
    ],
)
def test_only_independent_calls_are_joined(calls, wanted):
    assert joined(*calls) == wanted


def test_where_weights_are_trained_there_must_be_rows_for_them():
    calls = dense(H, X, W, K=1024), relu(Y, H)
    assert joined(*calls) == [[0, 1]] and joined(*calls, trains=True) == [[0, 1]]
    calls = dense(H, X, W, K=4096), relu(Y, H)
    assert joined(*calls) == [[0, 1]] and joined(*calls, trains=True) == []
