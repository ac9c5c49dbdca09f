"""Layers of the user's own, as Keras's guides write them."""

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, activations, layers, ops

rng = np.random.default_rng(0)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


# ---- a layer of the user's, as Keras's guide has them ----


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ComputeSum(layers.Layer):
    def __init__(self, input_dim):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class MLPBlock(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.layers_ = [Linear(width), layers.Activation("relu"), layers.Dropout(0.5, seed=1)]
        self.named = {"out": Linear(1, name="out")}

    def call(self, inputs):
        x = inputs
        for layer in self.layers_:
            x = layer(x)
        return self.named["out"](x)


def test_custom_layer_of_the_guide():
    layer = Linear(4)
    x = data(2, 3)
    assert layer.weights == [] and not layer.built
    y = layer(x)
    w, b = layer.get_weights()
    np.testing.assert_allclose(y, x @ w + b, rtol=1e-5, atol=1e-6)
    assert layer.built and layer.weights[0] is layer.w and layer.weights[1] is layer.b
    assert Linear.from_config(layer.get_config()).units == 4
    assert layer.compute_output_shape((None, 3)) == (None, 4)
    assert layer(cygrad.Input((3,))).shape == (None, 4)


def test_non_trainable_weights_of_the_guide():
    layer = ComputeSum(2)
    x = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), [2, 2])
    np.testing.assert_array_equal(layer(x).numpy(), [4, 4])
    assert len(layer.weights) == len(layer.non_trainable_weights) == 1 and layer.trainable_weights == []


def test_nested_layers_of_the_guide():
    block = MLPBlock(8)
    x = data(5, 3)
    y = block(x)
    assert y.shape == (5, 1)
    assert [w.shape for w in block.weights] == [(3, 8), (8,), (8, 1), (1,)]
    assert len(block.trainable_weights) == 4 and len(block.seed_generators) == 1
    np.testing.assert_array_equal(block(x), y)  # predicting: no dropout
    assert not np.array_equal(block(x, training=True), y)  # `training` reaches the Dropout though call does not name it
    assert block.count_params() == 3 * 8 + 8 + 8 + 1
    with GradientTape() as tape:
        loss = ops.sum(block(x))
    assert all(g is not None for g in tape.gradient(loss, block.trainable_weights))


def test_layers_appended_later_belong_too():
    class Stack(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = []

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    stack = Stack()
    stack.blocks.append(layers.Dense(2))
    stack(data(1, 3))
    assert len(stack.weights) == 2
    stack.blocks.append(layers.Dense(2))
    stack(data(1, 3))
    assert len(stack.weights) == 4


def test_custom_layer_without_get_config():
    class Block(layers.Layer):
        def __init__(self, units, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units * 2  # not what was given: the configuration must hold what was
            self.activation = activation

    saved = Block(3, activation=activations.relu, name="b").get_config()
    assert saved == {"name": "b", "trainable": True, "dtype": "float32", "units": 3, "activation": "relu"}
    assert Block.from_config(saved).get_config() == saved
    with pytest.raises(NotImplementedError, match=r"the argument 'units' is of type ndarray.*override get_config"):
        Block(np.arange(4), name="b").get_config()


def test_subclass_of_a_layer_keeps_all_its_arguments():
    class Doubled(layers.Dense):
        def __init__(self, units, factor=2, **kwargs):
            super().__init__(units * factor, **kwargs)
            self.factor = factor

    class WithConfig(layers.Dense):
        def __init__(self, units, extra=1, **kwargs):
            super().__init__(units, **kwargs)
            self.extra = extra

        def get_config(self):
            return super().get_config() | {"extra": self.extra}

    layer = Doubled(2, factor=3, activation="relu", name="x")
    again = Doubled.from_config(layer.get_config())
    assert (again.units, again.factor, again.activation) == (6, 3, activations.relu)
    again = WithConfig.from_config(WithConfig(2, 5, use_bias=False).get_config())
    assert (again.units, again.extra, again.use_bias) == (2, 5, False)


def test_build_with_a_shape_for_each_argument():
    class Attend(layers.Layer):
        def build(self, query_shape, value_shape):
            self.w = self.add_weight(shape=(query_shape[-1], value_shape[-1]), initializer="ones")

        def call(self, query, value):
            return ops.sum(ops.matmul(query, self.w) * value, axis=-1)

    layer = Attend()
    assert layer(data(2, 3), data(2, 4)).shape == (2,)
    assert Attend()(query=data(2, 3), value=data(2, 4)).shape == (2,)
    assert Attend()(cygrad.Input((3,)), cygrad.Input((4,))).shape == (None,)


def test_inputs_may_be_lists_and_dicts():
    class Sum(layers.Layer):
        def build(self, input_shape):
            self.shapes = input_shape

        def call(self, inputs):
            values = inputs.values() if isinstance(inputs, dict) else inputs
            total = 0.0
            for value in values:
                total = total + value
            return total

    x = data(2, 3)
    layer = Sum()
    np.testing.assert_array_equal(layer([x, x]), x + x)
    assert layer.shapes == [(2, 3), (2, 3)]
    np.testing.assert_array_equal(Sum()({"a": x, "b": x}), x + x)
    assert Sum()([cygrad.Input((3,)), cygrad.Input((3,))]).shape == (None, 3)
    assert Sum().compute_output_shape([(None, 3), (None, 3)]) == (None, 3)


def test_open_axes_stay_open():
    class Twice(layers.Layer):
        def call(self, inputs):
            return ops.concatenate([inputs, inputs], axis=-1)

    assert Twice().compute_output_shape((None, None, 3)) == (None, None, 6)
    assert layers.Conv2D(4, 3, strides=2).compute_output_shape((None, None, 9, 3)) == (None, None, 4, 4)
