"""Functional models against Keras: graphs drawn at random, the order of layers and weights, one SGD step, several
outputs with every way of giving losses, weights, metrics and targets. Runs where Keras is installed."""

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

N = 12


def data(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def random_graph(m, seed):
    """A model of two inputs, some layers (one is shared, one is a model), operations, one to three outputs."""
    rng = np.random.default_rng(seed)
    layers, width = m.layers, 4
    inputs = [m.Input((width,), name="left"), m.Input((width,), name="right")]
    inner_input = m.Input((width,), name="inner_input")
    inner = m.Model(inner_input, layers.Dense(width, activation="tanh", name="inner_dense")(inner_input), name="inner")
    shared = layers.Dense(width, name="shared")
    tensors = list(inputs)
    for i in range(rng.integers(4, 9)):
        kind = rng.integers(0, 8)
        a, b = (tensors[j] for j in rng.integers(max(0, len(tensors) - 4), len(tensors), 2))
        if kind == 0:
            y = layers.Dense(width, activation="relu", name=f"dense{i}")(a)
        elif kind == 1:
            y = shared(a)
        elif kind == 2:
            y = inner(a)
        elif kind == 3:
            y = layers.Add(name=f"add{i}")([a, b])
        elif kind == 4:
            y = layers.Dense(width, name=f"after{i}")(layers.Concatenate(name=f"cat{i}")([a, b]))
        elif kind == 5:
            y = a * 0.5 + b
        elif kind == 6:
            y = m.ops.reshape(m.ops.transpose(m.ops.reshape(a, (-1, 2, 2)), (0, 2, 1))[:, :2], (-1, width))
        else:
            y = layers.LayerNormalization(name=f"norm{i}")(a - b * 0.25)
        tensors.append(y)
    ends = rng.permutation(np.arange(2, len(tensors)))[: rng.integers(1, 4)]
    head = layers.Average(name="mean")([*inputs, tensors[-1]])  # all inputs are used
    outputs = [layers.Dense(2 + int(i % 3), name=f"out{n}")(tensors[i]) for n, i in enumerate(ends)]
    outputs.append(layers.Dense(1, name="head")(head))
    return m.Model(inputs, outputs, name="graph")


def with_weights(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([(rng.normal(size=w.shape) * 0.5).astype("float32") for w in model.weights])
    return model


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed):
    ours, theirs = (with_weights(random_graph(m, seed), seed) for m in (cygrad, keras))
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert ["/".join(w.path.split("/")[-2:]) for w in ours.weights] == [
        "/".join(w.path.split("/")[-2:]) for w in theirs.weights
    ]
    assert ours.output_names == theirs.output_names and ours.count_params() == theirs.count_params()
    assert [tuple(s) for s in ours.output_shape] == [tuple(s) for s in theirs.output_shape]
    x = [data(seed, N, 4), data(seed + 100, N, 4)]
    y = [data(seed + i, N, *shape[1:]) for i, shape in enumerate(ours.output_shape)]
    for a, b in zip(ours.predict(x, verbose=0), theirs.predict(x, verbose=0)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)
    logs = []
    for m, model in ((cygrad, ours), (keras, theirs)):
        model.compile(m.optimizers.SGD(0.1), "mse", metrics=[["mae"]] + [None] * (len(y) - 1))
        logs.append(model.fit(x, y, batch_size=N, epochs=1, verbose=0).history)
    assert list(logs[0]) == list(logs[1])
    for name, values in logs[1].items():
        np.testing.assert_allclose(logs[0][name], values, rtol=1e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# ---- several outputs ----

XA, XB = data(1, N, 3), data(2, N, 2)
YP, YQ = data(3, N, 1), np.eye(2, dtype="float32")[np.arange(N) % 2]
RAMP = np.linspace(0.2, 1, N).astype("float32")


def two(m, structure=list):
    layers = m.layers
    a, b = m.Input((3,), name="a"), m.Input((2,), name="b")
    h = layers.Dense(5, activation="tanh", name="h", kernel_regularizer="l2")(layers.Concatenate(name="cat")([a, b]))
    p = layers.Dense(1, name="zp")(h)
    q = layers.Dense(2, activation="softmax", name="aq")(h)
    outputs = {"p": p, "q": q} if structure is dict else structure([p, q])
    return with_weights(m.Model([a, b], outputs), 7)


CE = "categorical_crossentropy"
CASES = {
    "one loss": (list, [YP, YQ], {"loss": "mse"}, {}),
    "lists": (
        list, [YP, YQ], {"loss": ["mse", CE], "loss_weights": [0.3, 2.0], "metrics": [["mae"], ["accuracy", "mse"]]}, {}
    ),
    "tuple": (tuple, (YP, YQ), {"loss": {"zp": "mse", "aq": CE}, "metrics": {"aq": "accuracy"}}, {}),
    "dicts": (
        dict, {"p": YP, "q": YQ}, {"loss": {"p": "mse", "q": CE}, "metrics": {"q": ["accuracy"], "p": ["mae"]}}, {}
    ),
    "names": (
        list, {"zp": YP, "aq": YQ},
        {"loss": {"zp": "mae", "aq": CE}, "loss_weights": {"zp": 0.5, "aq": 0.25}, "metrics": [["mse"], None]}, {},
    ),
    "no loss for one": (list, [YP, YQ], {"loss": ["mse", None], "metrics": [["mae"], None]}, {}),
    "targets for one": (list, [YP], {"loss": ["mse", None]}, {}),
    "part of a dict": (dict, {"p": YP, "q": YQ}, {"loss": {"q": CE}, "metrics": {"p": ["mae"]}}, {}),
    "one sample weight": (
        list, [YP, YQ], {"loss": "mse", "weighted_metrics": [["mae"], ["mae"]]}, {"sample_weight": RAMP}
    ),
    "sample weights": (
        list, [YP, YQ], {"loss": ["mse", CE], "metrics": [["mae"], []], "weighted_metrics": [["mae"], ["accuracy"]]},
        {"sample_weight": [RAMP, 1 - RAMP]},
    ),
    "sample weights by name": (
        dict, {"p": YP, "q": YQ}, {"loss": {"p": "mse", "q": CE}}, {"sample_weight": {"p": RAMP, "q": 1 - RAMP}}
    ),
    "validation": (
        list, [YP, YQ], {"loss": ["mse", CE], "metrics": [[], ["acc"]]},
        {"validation_data": ([XA, XB], [YP, YQ]), "epochs": 2},
    ),
    "validation split": (list, [YP, YQ], {"loss": "mse"}, {"validation_split": 0.25, "batch_size": 4}),
}  # fmt: skip


def plain(value):
    return np.asarray([float(v) for v in value] if isinstance(value, (list, tuple)) else float(value))


@pytest.mark.filterwarnings("ignore:.*validation_split takes the last")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("case", CASES)
def test_several_outputs(case):
    structure, y, compiled, fitted = CASES[case]
    found = []
    for m in (cygrad, keras):
        model = two(m, structure)
        model.compile(m.optimizers.SGD(0.05), **compiled)
        history = model.fit([XA, XB], y, **{"batch_size": 5, "epochs": 2, "shuffle": False, "verbose": 0} | fitted)
        weight = {k: v for k, v in fitted.items() if k == "sample_weight"}
        scores = model.evaluate([XA, XB], y, verbose=0, batch_size=5, **weight)
        named = model.evaluate([XA, XB], y, verbose=0, batch_size=5, return_dict=True, **weight)
        step = model.train_on_batch([XA, XB], y, **weight)
        predicted = model.predict([XA, XB], verbose=0)
        found.append((history.history, scores, named, step, predicted))
    (ours, our_scores, our_named, our_step, our_y), (theirs, scores, named, step, y_pred) = found
    assert list(ours) == list(theirs) and list(our_named) == list(named)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    for name, value in named.items():
        assert our_named[name] == pytest.approx(value, rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(plain(our_scores), plain(scores), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(plain(our_step), plain(step), rtol=1e-4, atol=1e-6)
    assert type(our_y) is type(y_pred) and (not isinstance(y_pred, dict) or list(our_y) == list(y_pred))


def test_a_subclass_with_several_outputs():
    def build(m):
        class Heads(m.Model):
            def __init__(self):
                super().__init__()
                self.one = m.layers.Dense(1, kernel_initializer="ones")
                self.two = m.layers.Dense(2, kernel_initializer="ones")

            def call(self, x):
                return self.one(x), self.two(x)

        model = Heads()
        model.compile(m.optimizers.SGD(0.01), ["mse", "mae"], metrics=[["mae"], None])
        return model.fit(XA, [YP, YQ], batch_size=5, epochs=2, shuffle=False, verbose=0).history

    ours, theirs = build(cygrad), build(keras)
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, err_msg=name)


def test_frozen_layers_and_batch_normalization():
    """A frozen model inside: its batch normalization runs as in prediction, its weights stay."""
    results = []
    for m in (cygrad, keras):
        layers = m.layers
        x = m.Input((3,))
        h = layers.BatchNormalization(name="bn")(layers.Dense(4, name="d")(x))
        base = with_weights(m.Model(x, h, name="base"), 3)
        base.get_layer("bn").moving_variance.assign(np.array([1.0, 2.0, 0.5, 3.0]))
        base.trainable = False
        i = m.Input((3,))
        model = m.Model(i, layers.Dense(1, name="top", kernel_initializer="ones")(base(i)))
        assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 6
        model.compile(m.optimizers.SGD(0.05), "mse")
        history = model.fit(XA, YP, epochs=2, shuffle=False, verbose=0).history["loss"]
        base.trainable = True
        model.compile(m.optimizers.SGD(0.05), "mse")
        history += model.fit(XA, YP, epochs=2, shuffle=False, verbose=0).history["loss"]
        results.append((history, model.get_weights()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)
    for a, b in zip(results[0][1], results[1][1]):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_intermediate_inputs_share_their_layers():
    models = []
    for m in (cygrad, keras):
        x = m.Input((4,), name="x")
        h = m.layers.Dense(3, activation="relu", name="h")(x)
        full = with_weights(m.Model(x, m.layers.Dense(2, name="o")(h + 1.0)), 5)
        models.append((full, m.Model(x, h), m.Model(h, full.output)))
    x = data(4, N, 4)
    for full, front, back in models:
        np.testing.assert_allclose(back.predict(front.predict(x, verbose=0), verbose=0), full.predict(x, verbose=0))
    np.testing.assert_allclose(models[0][0].predict(x, verbose=0), models[1][0].predict(x, verbose=0), rtol=1e-5)


def test_masks_go_through_graphs_into_losses_and_metrics():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [4, 4, 5, 1], [2, 1, 3, 0]] * 3, "int32")
    steps, whole = data(8, N, 4, 1), data(9, N, 1)
    results = []
    for m in (cygrad, keras):
        layers = m.layers
        x = m.Input((4,), dtype="int32", name="ids")
        h = layers.Dense(5, activation="tanh", name="h")(layers.Embedding(6, 3, mask_zero=True, name="e")(x))
        h = layers.Add(name="sum")([h, layers.Dropout(0.0, name="none")(h)])
        outputs = [
            layers.Dense(1, name="each")(h),
            layers.Dense(1, name="mean")(layers.GlobalAveragePooling1D(name="pool")(h)),
        ]
        model = with_weights(m.Model(x, outputs), 11)
        model.compile(m.optimizers.SGD(0.1), "mse", metrics=[["mae"], ["mae"]])
        history = model.fit(ids, [steps, whole], batch_size=N, epochs=4, verbose=0).history
        results.append((history, model.get_weights()))
    (ours, our_weights), (theirs, weights) = results
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, err_msg=name)
    for a, b in zip(our_weights, weights):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
