"""cygrad against PyTorch: convolutions, pools, activations and losses with their gradients, optimizers, and ten
training steps of the tutorials' networks. Runs where PyTorch is installed.

PyTorch's images are [N,C,H,W] and its kernels [F,C,R,S]; its padding is alike on both sides, so that "same" is padded
here before the call.
"""

import math

import numpy as np
import pytest
from frameworks import EPSILON, batches, close, cnn, cygrad_vjp, mlp, normal, torch_vjp

import cygrad
from cygrad import ops

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
F = torch.nn.functional


def compare(mine, theirs, arrays, terms):
    ys, dys, gradients = cygrad_vjp(mine, arrays, np.random.default_rng(1))
    expected, expected_gradients = torch_vjp(theirs, arrays, dys)
    for y, wanted in zip(ys + gradients, expected + expected_gradients, strict=True):
        close(y, wanted, terms)


def margins(x, window, strides, dilation=(1, 1)):
    """F.pad's widths for "same", as Keras defines it: the odd one after."""
    widths = []
    for size, w, stride, d in zip(x.shape[1:3], window, strides, dilation):
        total = max((-(-size // stride) - 1) * stride + (w - 1) * d + 1 - size, 0)
        widths = [total // 2, total - total // 2, *widths]
    return widths


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


# ---- layers ----


@pytest.fixture
def without_onednn():
    """In PyTorch 2.13 on AVX-512, oneDNN's convolution leaves outputs unset for small images of one channel and strides
    (1, 2) or (1, 3). PyTorch's own does not, but is slow. (The context manager, backends.mkldnn.flags, warns.)"""
    torch.backends.mkldnn.set_flags(_enabled=False)
    yield
    torch.backends.mkldnn.set_flags(_enabled=True)


@pytest.mark.parametrize("seed", range(40))
def test_conv(seed, without_onednn):
    """Random sizes, strides, dilation, groups, padding, bias."""
    rng = np.random.default_rng(seed)
    groups, channels, filters = (int(n) for n in rng.integers(1, 4, 3))
    window = tuple(rng.integers(1, 6, 2).tolist())
    dilated = rng.random() < 0.4
    strides = (1, 1) if dilated else tuple(rng.integers(1, 4, 2).tolist())
    dilation = tuple(rng.integers(1, 4, 2).tolist()) if dilated else (1, 1)
    size = [(w - 1) * d + 1 + int(rng.integers(0, 8)) for w, d in zip(window, dilation)]
    padding = str(rng.choice(["valid", "same"]))
    arrays = [
        normal(rng, (int(rng.integers(1, 4)), *size, groups * channels)),
        normal(rng, (*window, channels, groups * filters)),
        normal(rng, (groups * filters,)),
    ]

    def theirs(x, kernel, bias):
        x = channels_first(x)
        if padding == "same":
            x = F.pad(x, margins(arrays[0], window, strides, dilation))
        kernel = kernel.permute(3, 2, 0, 1).contiguous()
        return channels_last(F.conv2d(x, kernel, bias, strides, 0, dilation, groups))

    def mine(x, kernel, bias):
        return ops.conv(x, kernel, strides, padding, dilation_rate=dilation, bias=bias)

    compare(mine, theirs, arrays, max(arrays[1][..., 0].size, math.prod(arrays[0].shape[:3])))


@pytest.mark.parametrize("seed", range(15))
def test_pools(seed):
    """Maximum and mean; with "same", the mean leaves the padding out."""
    rng = np.random.default_rng(seed)
    window, strides = tuple(rng.integers(1, 5, 2).tolist()), tuple(rng.integers(1, 4, 2).tolist())
    x = normal(rng, (2, *(w + int(rng.integers(0, 8)) for w in window), 3))
    for padding in ("valid", "same"):
        widths = margins(x, window, strides) if padding == "same" else [0, 0, 0, 0]

        def maximum(x, widths=widths):
            return channels_last(F.max_pool2d(F.pad(channels_first(x), widths, value=-math.inf), window, strides))

        def mean(x, widths=widths):
            total, count = (
                F.avg_pool2d(F.pad(channels_first(values), widths), window, strides)
                for values in (x, torch.ones_like(x))
            )
            return channels_last(total / count)

        compare(lambda x, padding=padding: ops.max_pool(x, window, strides, padding), maximum, [x], 1)
        compare(lambda x, padding=padding: ops.average_pool(x, window, strides, padding), mean, [x], math.prod(window))


@pytest.mark.parametrize("rows", [(), (5,), (4, 5)])
def test_dense(rows):
    rng = np.random.default_rng(0)
    arrays = [normal(rng, (*rows, 7)), normal(rng, (7, 6)), normal(rng, (6,))]
    compare(lambda x, w, b: ops.add(ops.matmul(x, w), b), lambda x, w, b: F.linear(x, w.T, b), arrays, 20)
    if rows:
        compare(lambda x, w, b: ops.dense(x, w, b, "tanh"), lambda x, w, b: torch.tanh(F.linear(x, w.T, b)), arrays, 20)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("relu", F.relu),
        ("relu6", F.relu6),
        ("leaky_relu", lambda x: F.leaky_relu(x, 0.2)),
        ("elu", F.elu),
        ("celu", F.celu),
        ("selu", F.selu),
        ("gelu", F.gelu),
        ("silu", F.silu),
        ("mish", F.mish),
        ("sigmoid", torch.sigmoid),
        ("log_sigmoid", F.logsigmoid),
        ("hard_sigmoid", F.hardsigmoid),
        ("hard_silu", F.hardswish),
        ("hard_tanh", F.hardtanh),
        ("hard_shrink", F.hardshrink),
        ("soft_shrink", F.softshrink),
        ("tanh_shrink", F.tanhshrink),
        ("tanh", torch.tanh),
        ("softplus", F.softplus),
        ("softsign", F.softsign),
        ("exponential", torch.exp),
        ("softmax", lambda x: F.softmax(x, -1)),
        ("log_softmax", lambda x: F.log_softmax(x, -1)),
        ("glu", F.glu),
    ],
)
def test_activations(name, theirs):
    x = 3 * normal(np.random.default_rng(0), (50, 8))
    compare(cygrad.activations.get(name), theirs, [x], 8)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("N", [1, 5, 40])
def test_recurrent(name, N):
    """All steps and the states at the end, from given states; gates in Keras's order."""
    rng, T, C, U = np.random.default_rng(N), 7, 5, 9
    gates = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 1, 2, 3]}[name]  # PyTorch's GRU has the reset gate first
    columns = len(gates) * U
    arrays = [normal(rng, shape) / 3 for shape in ((N, T, C), (C, columns), (U, columns), (columns,), (columns,))]
    arrays += [normal(rng, (N, U)) for _ in range(2 if name == "LSTM" else 1)]

    def mine(x, kernel, recurrent, bias, other, *states):
        if name == "LSTM":
            return ops.lstm(x, kernel, recurrent, bias + other, states, return_sequences=True)
        if name == "GRU":
            return ops.gru(x, kernel, recurrent, ops.stack([bias, other]), *states, return_sequences=True)
        return ops.simple_rnn(x, kernel, recurrent, bias + other, *states, return_sequences=True)

    def theirs(x, kernel, recurrent, bias, other, *states):
        def turned(v):
            return torch.cat([v.split(U, -1)[g] for g in gates], -1)

        layer = getattr(torch.nn, name)(C, U, batch_first=True)
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        weights = [turned(kernel).T, turned(recurrent).T, turned(bias), turned(other)]
        initial = tuple(state[None] for state in states) if name == "LSTM" else states[0][None]
        y, last = torch.func.functional_call(layer, dict(zip(names, weights)), (x, initial))
        return (y, *[state[0] for state in (last if name == "LSTM" else [last])])

    compare(mine, theirs, arrays, N * T)


# ---- losses ----

N, K = 12, 5


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["mse", "mae", "sparse", "categorical", "smoothed", "binary", "binary logits"])
def test_losses(name, weighted):
    rng = np.random.default_rng(0)
    x, t = normal(rng, (N, K)), normal(rng, (N, K))
    labels, bits = rng.integers(0, K, N), (rng.random((N, K)) < 0.5).astype(np.float32)
    target, target_bits, index = torch.tensor(t), torch.tensor(bits), torch.tensor(labels)
    w = rng.random(N, np.float32) if weighted else None
    one_hot = np.eye(K, dtype=np.float32)[labels]
    losses = cygrad.losses
    mine, y_true, theirs = {
        "mse": (losses.MeanSquaredError(), t, lambda x: F.mse_loss(x, target, reduction="none").mean(-1)),
        "mae": (losses.MeanAbsoluteError(), t, lambda x: F.l1_loss(x, target, reduction="none").mean(-1)),
        "sparse": (
            losses.SparseCategoricalCrossentropy(from_logits=True),
            labels,
            lambda x: F.cross_entropy(x, index, reduction="none"),
        ),
        "categorical": (
            losses.CategoricalCrossentropy(from_logits=True),
            one_hot,
            lambda x: F.cross_entropy(x, torch.tensor(one_hot), reduction="none"),
        ),
        "smoothed": (
            losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            one_hot,
            lambda x: F.cross_entropy(x, index, reduction="none", label_smoothing=0.1),
        ),
        "binary": (
            losses.BinaryCrossentropy(),
            bits,
            lambda x: F.binary_cross_entropy(x, target_bits, reduction="none").mean(-1),
        ),
        "binary logits": (
            losses.BinaryCrossentropy(from_logits=True),
            bits,
            lambda x: F.binary_cross_entropy_with_logits(x, target_bits, reduction="none").mean(-1),
        ),
    }[name]
    if name == "binary":
        x = rng.uniform(0.05, 0.95, (N, K)).astype(np.float32)
    weights = torch.ones(N) if w is None else torch.tensor(w)
    compare(lambda x: mine(y_true, x, w), lambda x: (theirs(x) * weights).mean(), [x], x.size)


@pytest.mark.parametrize("name", ["sparse", "categorical", "binary"])
def test_losses_of_an_activation_are_those_of_its_logits(name):
    """from_logits=False on a softmax's or sigmoid's result: PyTorch's loss of the logits, however large these are."""
    rng = np.random.default_rng(0)
    x = 20 * normal(rng, (N, K))
    labels, bits = rng.integers(0, K, N), (rng.random((N, K)) < 0.5).astype(np.float32)
    index, target_bits = torch.tensor(labels), torch.tensor(bits)
    losses = cygrad.losses
    mine, theirs = {
        "sparse": (
            lambda x: losses.SparseCategoricalCrossentropy()(labels, ops.softmax(x)),
            lambda x: F.cross_entropy(x, index),
        ),
        "categorical": (
            lambda x: losses.CategoricalCrossentropy()(np.eye(K)[labels], ops.softmax(x)),
            lambda x: F.cross_entropy(x, index),
        ),
        "binary": (
            lambda x: losses.BinaryCrossentropy()(bits, ops.sigmoid(x)),
            lambda x: F.binary_cross_entropy_with_logits(x, target_bits),
        ),
    }[name]
    compare(mine, theirs, [x], x.size)


# ---- optimizers ----

SHAPES = [(7, 5), (5,), (3, 3, 2, 4)]


def formula(name, arguments):
    """The optimizer in both, with the same formula. Adam and RMSprop have their epsilon in different places: 0 here."""
    mine = getattr(cygrad.optimizers, name)
    theirs = getattr(torch.optim, name)
    names = {"learning_rate": "lr", "rho": "alpha"}
    given = {names.get(k, k): v for k, v in arguments.items() if not k.startswith("beta")}
    if name != "SGD":
        arguments, given = {**arguments, "epsilon": 0.0}, {**given, "eps": 0.0}
    if "beta_1" in arguments:
        given["betas"] = (arguments["beta_1"], arguments["beta_2"])
    return mine(**arguments), lambda parameters: theirs(parameters, **given)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SGD", {"learning_rate": 0.1}),
        ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
        ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adam", {"learning_rate": 0.01}),
        ("Adam", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.9}),
        ("Adam", {"learning_rate": 0.03, "beta_1": 0.8, "beta_2": 0.6, "amsgrad": True}),
        ("AdamW", {"learning_rate": 0.03, "weight_decay": 0.2}),
        ("RMSprop", {"learning_rate": 0.01, "rho": 0.8}),
        ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.7}),
        ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "centered": True}),
        ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "centered": True, "momentum": 0.7}),
    ],
)
def test_optimizers(name, arguments):
    rng = np.random.default_rng(0)
    mine, make = formula(name, arguments)
    values = [normal(rng, shape) for shape in SHAPES]
    variables = [cygrad.Variable(v) for v in values]
    parameters = [torch.nn.Parameter(torch.tensor(v)) for v in values]
    theirs = make(parameters)
    for step in range(1, 6):
        gradients = [normal(rng, shape) for shape in SHAPES]
        mine.apply_gradients(zip(gradients, variables))
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = torch.tensor(gradient)
        theirs.step()
        for v, p in zip(variables, parameters):
            # a step rounds a weight, and computes its change, of the learning rate's size, to a few eps
            tolerance = 16 * step * EPSILON
            np.testing.assert_allclose(v, p.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("clip", ["global_clipnorm", "clipvalue"])
def test_clipped_gradients(clip):
    rng = np.random.default_rng(0)
    gradients = [normal(rng, shape) for shape in SHAPES]
    variables = [cygrad.Variable(np.zeros(shape)) for shape in SHAPES]
    cygrad.optimizers.SGD(1.0, **{clip: 0.7}).apply_gradients(zip(gradients, variables))
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = torch.tensor(gradient)
    cut = {"global_clipnorm": torch.nn.utils.clip_grad_norm_, "clipvalue": torch.nn.utils.clip_grad_value_}[clip]
    cut(parameters, 0.7)
    for v, p in zip(variables, parameters):
        np.testing.assert_allclose(v, -p.grad.numpy(), rtol=1e-5)  # PyTorch adds 1e-6 to the norm


# ---- training ----


def forward(model):
    """A tutorial's network written in PyTorch's functions: (its parameters, the function from images to logits)."""
    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in model.get_weights()]

    def logits(x):
        w = list(parameters)
        if x.ndim == 4:
            for _ in range(2):
                kernel, bias = w.pop(0), w.pop(0)
                y = F.relu(F.conv2d(channels_first(x), kernel.permute(3, 2, 0, 1), bias))
                x = channels_last(F.max_pool2d(y, 2))
            x = x.reshape(len(x), -1)
        while len(w) > 2:
            x = F.relu(x @ w.pop(0) + w.pop(0))
        return x @ w[0] + w[1]

    return parameters, logits


@pytest.mark.parametrize("make", [mlp, cnn])
def test_ten_training_steps(make):
    """Adam, sparse categorical cross-entropy, the same weights and batches: losses agree to 1e-4, relative (where a
    gradient is nothing but rounding errors, Adam makes a full step of it, so that they grow from step to step)."""
    cygrad.utils.set_random_seed(0)
    model = make(cygrad)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    parameters, logits = forward(model)
    optimizer = torch.optim.Adam(parameters, lr=0.001)
    for step, (x, y) in enumerate(batches(model.input_shape[1:]), start=1):
        mine = model.train_on_batch(x, y, return_dict=True)
        predicted = logits(torch.tensor(x))
        loss = F.cross_entropy(predicted, torch.tensor(y))
        optimizer.zero_grad()
        loss.backward()
        # Keras's epsilon stands beside sqrt(v), PyTorch's beside sqrt(v / (1 - beta_2^t))
        optimizer.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999**step)
        optimizer.step()
        assert float(mine["loss"]) == pytest.approx(loss.item(), rel=1e-4)
    for mine, theirs in zip(model.get_weights(), parameters):
        # ten steps of at most 0.001 each; a tenth of one is what a gradient of rounding errors can make of it
        np.testing.assert_allclose(mine, theirs.detach().numpy(), atol=1e-4)
