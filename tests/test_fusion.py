"""Fusion: captured predictions of convolutional networks have the bits of the kernels one after the other, and nothing
is fused that something else needs."""

import itertools
import math

import numpy as np
import pytest

import cygrad
from cygrad import Input, Model, Sequential, _core, layers, ops

rng = np.random.default_rng(0)


@pytest.fixture
def kernels():
    """Any instruction set and number of threads, put back in the end."""
    isa, threads = _core.isa(), _core.get_num_threads()
    yield _core
    _core.set_isa(isa)
    _core.set_num_threads(threads)


def random_weights(model):
    """With batch normalizations as after training."""
    for w in model.weights:
        low = 0.1 if "variance" in w.name else -1.0
        w.assign(rng.uniform(low, 1, w.shape) / math.sqrt(max(1, math.prod(w.shape[:-1]))))
    return model


def eager(model, x):
    return np.array(model(ops.convert_to_tensor(x), training=False))


def replayed(model, x):
    """A prediction that is replayed, and what its program calls."""
    for _ in range(3):
        y = model.predict(x, verbose=0, batch_size=len(x))
    (program,) = [p for p in model._captures["predict"].programs.values() if p != 1]
    return y, program.kernels


# tiles, regions, 1 x 1, Winograd 3 x 3 and 5 x 5, strided, dilated, depthwise, in groups, one filter
CONVOLUTIONS = [
    ((2, 9, 11, 5), {"filters": 7, "kernel_size": 3}),
    ((1, 8, 8, 24), {"filters": 40, "kernel_size": 1}),
    ((3, 13, 7, 16), {"filters": 33, "kernel_size": 1}),
    ((2, 13, 11, 16), {"filters": 17, "kernel_size": 3, "padding": "same"}),
    ((1, 15, 15, 16), {"filters": 33, "kernel_size": 5, "padding": "same"}),
    ((2, 30, 30, 3), {"filters": 24, "kernel_size": 7, "strides": 2, "padding": "same"}),
    ((1, 12, 10, 8), {"filters": 16, "kernel_size": 3, "dilation_rate": 2}),
    ((2, 9, 9, 20), {"filters": 20, "kernel_size": 3, "groups": 20, "padding": "same"}),
    ((1, 9, 10, 16), {"filters": 24, "kernel_size": 3, "groups": 4}),
    ((2, 8, 8, 64), {"filters": 64, "kernel_size": 3, "groups": 2}),
    ((1, 40, 40, 9), {"filters": 1, "kernel_size": 1}),
    ((1, 64, 64, 64), {"filters": 96, "kernel_size": 1}),
]


@pytest.mark.parametrize(
    ("shape", "window"), CONVOLUTIONS, ids=lambda p: "-".join(map(str, p.values() if isinstance(p, dict) else p))
)
def test_every_epilogue_has_the_bits_of_the_layers_one_by_one(shape, window, kernels):
    for normalized, residual, last in itertools.product((False, True), (False, True), (None, "relu", "relu6")):
        if not (normalized or residual or last):
            continue
        x = Input(shape[1:])
        y = layers.Conv2D(**window, activation="tanh" if residual and not normalized else None)(x)
        y = layers.BatchNormalization(scale=residual)(y) if normalized else y
        if residual:
            side = layers.AveragePooling2D(1)(layers.Conv2D(**window)(x))
            y = layers.Add()([side, y])
        y = layers.ReLU(6.0 if last == "relu6" else None)(y) if last else y
        model = random_weights(Model(x, y))
        data = rng.normal(size=shape).astype("f4")
        for isa, threads in [*((isa, 2) for isa in _core.available_isas()), (None, 1), (None, 3)]:
            kernels.set_isa(isa)
            kernels.set_num_threads(threads)
            found, called = replayed(model, data)
            assert "conv2d_fused_forward" in called
            assert found.tobytes() == eager(model, data).tobytes(), (isa, threads)


def test_a_bottleneck_is_three_calls():
    x = Input((14, 14, 32))
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 1, use_bias=False)(x)))
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same", use_bias=False)(y)))
    y = layers.BatchNormalization()(layers.Conv2D(32, 1, use_bias=False)(y))
    model = random_weights(Model(x, layers.Activation("relu")(layers.add([y, x]))))
    data = rng.normal(size=(2, 14, 14, 32)).astype("f4")
    found, called = replayed(model, data)
    assert called == ["conv2d_fused_forward"] * 3
    assert (found == eager(model, data)).all()


def test_dense_layers_are_one_pixel_convolutions():
    model = random_weights(
        Sequential(
            [Input((40,)), layers.Dense(33), layers.BatchNormalization(), layers.ReLU(), layers.Dense(1), layers.ReLU()]
        )
    )
    for n in (1, 5, 200):
        data = rng.normal(size=(n, 40)).astype("f4")
        model._captures.clear()
        found, called = replayed(model, data)
        assert " + ".join(called) == "conv2d_fused_forward + conv2d_fused_forward"  # of many rows as one call
        assert (found == eager(model, data)).all()


def test_what_somebody_else_needs_is_not_fused():
    x = Input((8, 8, 8))
    conv = layers.Conv2D(8, 3, padding="same")(x)
    normal = layers.BatchNormalization()(conv)
    for outputs, called_for in (
        ([conv, layers.ReLU()(normal)], ["conv2d_forward", "batch_normalization_inference_forward", "relu_forward"]),
        ([normal, layers.ReLU()(normal)], ["conv2d_fused_forward", "relu_forward"]),
        ([layers.multiply([conv, layers.ReLU()(normal)])], None),
        ([layers.add([normal, normal])], ["conv2d_fused_forward", "add"]),
    ):
        model = random_weights(Model(x, outputs))
        data = rng.normal(size=(2, 8, 8, 8)).astype("f4")
        found, called = replayed(model, data)
        assert called_for is None or called == called_for
        wanted = model(ops.convert_to_tensor(data), training=False)
        found, wanted = (y if isinstance(y, list) else [y] for y in (found, wanted))
        assert all((a == np.asarray(b)).all() for a, b in zip(found, wanted, strict=True))


def test_a_residual_that_comes_later_is_not_waited_for():
    x = Input((8, 8, 8))
    early = layers.BatchNormalization()(layers.Conv2D(8, 1)(x))
    late = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    model = random_weights(Model(x, layers.ReLU()(layers.add([early, late]))))
    data = rng.normal(size=(2, 8, 8, 8)).astype("f4")
    found, called = replayed(model, data)
    assert called == ["conv2d_fused_forward"] * 2
    assert (found == eager(model, data)).all()


def test_training_with_frozen_normalization_keeps_its_gradients():
    def weights_after(jit_compile):
        cygrad.utils.set_random_seed(0)
        model = Sequential(
            [
                Input((8, 8, 8)),
                layers.Conv2D(8, 3),
                layers.BatchNormalization(trainable=False),
                layers.ReLU(),
                layers.Flatten(),
                layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse", jit_compile=jit_compile)
        x = np.random.default_rng(0).normal(size=(16, 8, 8, 8)).astype("f4")
        model.fit(x, x[:, 0, 0, :1], batch_size=4, epochs=2, verbose=0)
        model.evaluate(x, x[:, 0, 0, :1], verbose=0)
        return model.get_weights()

    assert all((a == b).all() for a, b in zip(weights_after(True), weights_after(False), strict=True))


def test_weights_and_statistics_may_change_between_predictions():
    model = random_weights(
        Sequential([Input((9, 9, 8)), layers.Conv2D(16, 3), layers.BatchNormalization(), layers.ReLU()])
    )
    data = rng.normal(size=(2, 9, 9, 8)).astype("f4")
    replayed(model, data)
    for change in (
        lambda: random_weights(model),
        lambda: model.layers[0].kernel.assign_add(np.ones((3, 3, 8, 16))),
        lambda: np.asarray(model.layers[0].kernel).__imul__(0.5),
        lambda: np.asarray(model.layers[1].moving_mean).__iadd__(1.0),
        lambda: model.set_weights([w * 0.9 for w in model.get_weights()]),
    ):
        before = model.predict(data, verbose=0)
        change()
        after = model.predict(data, verbose=0)
        assert (after == eager(model, data)).all()
        assert (after != before).any()


def test_memory_is_not_more_than_without():
    model = random_weights(
        Sequential(
            [
                Input((16, 16, 8)),
                *[
                    layer
                    for _ in range(4)
                    for layer in (layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.ReLU())
                ],
            ]
        )
    )
    replayed(model, np.zeros((2, 16, 16, 8), "f4"))
    (program,) = model._captures["predict"].programs.values()
    assert program.arena_bytes <= 2 * 4 * 2 * 16 * 16 * 8


@pytest.mark.parametrize(
    ("frame", "window"),
    [
        (((0, 1), (0, 1)), {"filters": 24, "kernel_size": 3, "strides": 2, "groups": 24}),
        (((0, 0), (2, 0)), {"filters": 8, "kernel_size": 3, "padding": "same"}),
        (((3, 3), (3, 3)), {"filters": 16, "kernel_size": 7, "strides": 2}),
        (((1, 2), (0, 1)), {"filters": 16, "kernel_size": 3}),
        (((1, 1), (1, 1)), {"filters": 16, "kernel_size": 1}),
    ],
)
def test_a_frame_of_zeros_is_the_convolutions_padding(frame, window):
    """What it is around lives until the convolution reads it, and the bits are those of two kernels."""
    x = Input((12, 10, 24))
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(24, 1)(x)))
    y = layers.BatchNormalization()(layers.Conv2D(**window)(layers.ZeroPadding2D(frame)(y)))
    model = random_weights(Model(x, layers.ReLU()(y)))
    data = rng.normal(size=(2, 12, 10, 24)).astype("f4")
    found, called = replayed(model, data)
    # a frame at the sides only is one around longer rows, and stays
    assert called.count("pad") == (frame[0] == (0, 0)) and called.count("conv2d_fused_forward") == 2
    assert found.tobytes() == eager(model, data).tobytes()


@pytest.mark.parametrize(("value", "twice"), [(0.0, True), (1.0, False)])
def test_a_frame_stays_where_it_is_not_the_convolutions_alone(value, twice):
    class Framed(layers.Layer):
        def call(self, inputs):
            return ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)

    x = Input((8, 8, 8))
    y = Framed()(layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 1)(x))))
    z = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3)(y)))
    z = layers.multiply([z, layers.MaxPooling2D(3, 1)(y)]) if twice else z
    model = random_weights(Model(x, z))
    model.compile(jit_compile=True)
    data = rng.normal(size=(2, 8, 8, 8)).astype("f4")
    found, called = replayed(model, data)
    assert "pad" in called
    assert (found == eager(model, data)).all()
