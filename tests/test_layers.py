"""The life of a Layer: calls, names, weights, losses, symbolic tensors, memory."""

import copy
import gc
import json
import pickle
import threading
import weakref

import numpy as np
import pytest
from test_custom_layers import ComputeSum, MLPBlock

import cygrad
from cygrad import GradientTape, Variable, layers, ops, random, regularizers
from cygrad.layers.naming import reset_names

rng = np.random.default_rng(0)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


# ---- calling ----


@pytest.mark.kernels
def test_arrays_lists_and_numbers_become_tensors():
    layer = layers.Dense(2, kernel_initializer="ones")
    for x in (
        np.ones((1, 3)),
        [[1, 1, 1]],
        np.ones((1, 3), np.int64),
        np.asfortranarray(np.ones((1, 3))),
        ops.ones((1, 3)),
    ):
        y = layer(x)
        assert y.dtype == "float32" and y.numpy().tolist() == [[3.0, 3.0]]
    with pytest.raises(TypeError, match="got strings, not numbers; StringLookup or TextVectorization reads them"):
        layer(np.array([["a", "b", "c"]]))


@pytest.mark.kernels
def test_integers_reach_call_as_integers():
    seen = []

    class Look(layers.Layer):
        def call(self, inputs):
            seen.append(inputs.dtype)
            return ops.cast(inputs, "float32")

    for dtype in ("int64", "int32", "uint8", "bool", "float64", "float16"):
        Look()(np.ones((2, 2), dtype))
    assert seen == ["int32", "int32", "uint8", "bool", "float32", "float32"]


def test_training_is_inherited_and_may_be_overridden():
    seen = {}

    class Inner(layers.Layer):
        def call(self, x, training=None):
            seen[self.name] = training
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.follows, self.fixed = Inner(name="follows"), Inner(name="fixed")

        def call(self, x):
            return self.follows(self.fixed(x, training=False))

    outer, x = Outer(), data(1, 2)
    for training in (True, False, None):
        outer(x, training=training)
        assert seen == {"follows": training, "fixed": False}
    Inner(name="alone")(x, True)
    assert seen["alone"] is True
    outer(x, training=True)
    Inner(name="after")(x)
    assert seen["after"] is None  # nothing is left of the earlier call


def test_training_default_of_a_layer_counts_outside():
    class Always(layers.Layer):
        def call(self, x, training=True):
            return ops.convert_to_tensor(float(training))

    assert float(Always()(data(1, 1))) == 1.0
    assert float(Always()(data(1, 1), training=False)) == 0.0


def test_the_context_survives_an_error():
    class Fails(layers.Layer):
        def call(self, x, training=None):
            raise RuntimeError("inside")

    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"^inside$"):
            Fails()(data(1, 1), training=True)
    x = ops.ones((1, 2))
    assert layers.Dropout(0.5)(x) is x


def test_threads_do_not_share_training():
    layer, x = layers.Dropout(0.5, seed=1), ops.ones((1, 1000))

    class Holds(layers.Layer):
        def call(self, inputs):
            started.set()
            finish.wait(10)
            return layer(inputs)

    started, finish = threading.Event(), threading.Event()
    results = {}
    thread = threading.Thread(target=lambda: results.update(y=Holds()(x, training=True)))
    thread.start()
    assert started.wait(10)
    assert layer(x) is x
    finish.set()
    thread.join(10)
    assert (np.asarray(results["y"]) == 0).any()


def test_threads_may_meet_at_the_first_call():
    layer, x = layers.Dense(64), data(2, 64)
    barrier, results = threading.Barrier(4), []

    def run():
        barrier.wait()
        results.append(np.asarray(layer(x)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(layer.weights) == 2 and len(results) == 4
    assert all(np.array_equal(r, results[0]) for r in results)


# ---- names, weights, trainable ----


def test_automatic_names_are_keras_names():
    class MyLayerABC(layers.Layer):
        pass

    reset_names()
    names = [layers.Dense(1).name, layers.Dense(1).name, layers.Conv2D(1, 1).name, layers.MaxPooling2D().name]
    assert names == ["dense", "dense_1", "conv2d", "max_pooling2d"]
    assert layers.GlobalAvgPool2D().name == "global_average_pooling2d"
    assert MyLayerABC().name == "my_layer_abc"
    assert cygrad.Input((3,)).name == "input_layer"
    reset_names()
    assert layers.Dense(1).name == "dense"


def test_paths_of_weights():
    outer = MLPBlock(2)
    outer(data(1, 3))
    assert [w.path for w in outer.weights][2:] == [f"{outer.name}/out/variable"] * 2
    layer = layers.Dense(2, name="d")
    layer.build((None, 3))
    assert [w.path for w in layer.weights] == ["d/kernel", "d/bias"]


def test_trainable_reaches_all_below():
    block = MLPBlock(2)
    block(data(1, 3))
    block.trainable = False
    assert block.trainable_weights == [] and len(block.non_trainable_weights) == 4
    assert not any(w.trainable for w in block.weights) and not block.layers_[0].trainable
    block.trainable = True
    assert len(block.trainable_weights) == 4
    block.layers_[0].trainable = False
    assert len(block.trainable_weights) == 2 and len(block.weights) == 4
    frozen = layers.Dense(2, trainable=False)
    frozen(data(1, 3))
    assert frozen.trainable_weights == [] and len(frozen.non_trainable_weights) == 2
    frozen.trainable = True
    assert len(frozen.trainable_weights) == 2
    summed = ComputeSum(2)
    summed.trainable = False
    summed.trainable = True
    assert summed.trainable_weights == []  # made so: stays so


def test_the_order_of_weights_does_not_change_with_trainable():
    class Norm(layers.Layer):
        def build(self, shape):
            self.mean = self.add_weight(name="mean", shape=(1,), initializer="zeros", trainable=False)
            self.gamma = self.add_weight(name="gamma", shape=(1,), initializer="ones")

        def call(self, x):
            return x * self.gamma - self.mean

    layer = Norm()
    layer(data(2, 1))
    assert [w.name for w in layer.weights] == ["gamma", "mean"]
    layer.trainable = False
    assert [w.name for w in layer.weights] == ["gamma", "mean"]


def test_variables_as_attributes_are_weights():
    class Direct(layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = Variable(np.ones(2), name="scale")
            self.more = [Variable(np.zeros(2), name="shift"), {"a": Variable(np.zeros(1), trainable=False)}]

        def call(self, x):
            return x * self.scale + self.more[0]

    layer = Direct()
    assert len(layer.weights) == 3 and len(layer.trainable_weights) == 2
    layer.trainable = False
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_shared_layers_count_once():
    class Shared(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a = self.b = layers.Dense(2)
            self.all = [self.a, self.b]

        def call(self, x):
            return self.a(self.b(x))

    layer = Shared()
    layer(data(1, 2))
    assert len(layer.weights) == 2


def test_get_and_set_weights():
    a, b = layers.Dense(3, name="a"), layers.Dense(3, name="b")
    x = data(2, 4)
    a(x), b(x)
    b.set_weights(a.get_weights())
    np.testing.assert_array_equal(a(x), b(x))
    kernel = a.get_weights()[0]
    kernel[...] = 0  # a copy
    assert a.get_weights()[0].any()
    with pytest.raises(
        ValueError, match=r'Dense "a": expected 2 weights \(a/kernel \(4, 3\), a/bias \(3,\)\); got 1\.'
    ):
        a.set_weights([kernel])
    with pytest.raises(ValueError, match=r'Dense "a": weight a/bias: expected shape \(3,\); got \(4,\)'):
        a.set_weights([np.zeros((4, 3)), np.zeros(4)])
    assert a.get_weights()[0].any()  # nothing was changed by the failed one
    with pytest.raises(ValueError, match=r'Dense "c": expected 0 weights \(none\); got 2\. The layer is not built yet'):
        layers.Dense(3, name="c").set_weights(a.get_weights())
    with pytest.raises(ValueError, match='Dense "c": count_params needs a built layer'):
        layers.Dense(3, name="c").count_params()


def test_shapes_of_a_built_layer():
    layer = layers.Dense(3, name="d")
    with pytest.raises(AttributeError, match="input_shape is not known before the layer is called or built"):
        _ = layer.input_shape
    assert not hasattr(layer, "output_shape")
    layer(data(5, 4))
    assert layer.input_shape == (None, 4) and layer.output_shape == (None, 3)
    assert repr(layer) == "<Dense name=d, built=True>"
    again = layers.Dense(3)
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    assert [w.shape for w in again.weights] == [(4, 3), (3,)]


def test_input_shape_argument_is_kept_for_sequential():
    assert layers.Dense(3, input_shape=(4,))._input_shape_arg == (4,)
    assert layers.Dense(3, input_dim=4)._input_shape_arg == (4,)
    assert layers.Dense(3, batch_input_shape=(None, 4))._input_shape_arg == (4,)


def test_add_weight():
    layer = layers.Layer(name="l")
    v = layer.add_weight(shape=(2, 3), name="v", regularizer="l2", constraint="non_neg")
    assert v.shape == (2, 3) and v.trainable and isinstance(v.regularizer, regularizers.L2)
    assert isinstance(v.constraint, cygrad.constraints.NonNeg)
    assert layer.add_weight("old_order", (2,)).name == "old_order"
    assert layer.add_weight().shape == ()
    count = layer.add_weight(shape=(), dtype="int32", trainable=False, name="count")
    assert count.dtype == "int32" and int(count) == 0
    made = layer.add_weight(shape=(2,), initializer=lambda shape, dtype=None: np.full(shape, 7.0))
    assert made.numpy().tolist() == [7.0, 7.0]
    with pytest.raises(
        ValueError, match=r'Layer "l": the weight \'w\' needs a shape of whole numbers; got \(None, 3\)'
    ):
        layer.add_weight(shape=(None, 3), name="w")
    with pytest.raises(ValueError, match=r"the initializer of 'w' gave shape \(3,\); expected \(2,\)"):
        layer.add_weight(shape=(2,), name="w", initializer=lambda shape, dtype=None: np.zeros(3))


def test_a_failed_build_leaves_nothing_behind():
    class Picky(layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(shape=(2,), initializer="zeros")
            if shape[-1] != 2:
                raise ValueError("only 2")

        def call(self, x):
            return x + self.a

    layer = Picky(name="p")
    with pytest.raises(ValueError, match='Picky "p": only 2'):
        layer(data(1, 3))
    assert not layer.built and layer._trainable_variables == []
    layer(data(1, 2))
    assert len(layer.weights) == 1


# ---- losses ----


def test_losses_of_regularizers_and_their_gradient():
    layer = layers.Dense(2, kernel_regularizer=regularizers.L1L2(0.1, 0.01), bias_regularizer="l2")
    x = data(3, 4)
    layer(x)
    kernel, bias = layer.get_weights()
    expected = [0.1 * np.abs(kernel).sum() + 0.01 * (kernel**2).sum(), 0.01 * (bias**2).sum()]
    np.testing.assert_allclose([float(loss) for loss in layer.losses], expected, rtol=1e-5)
    with GradientTape() as tape:
        total = layer.losses[0]
    gradient = tape.gradient(total, layer.kernel)
    np.testing.assert_allclose(gradient, 0.1 * np.sign(kernel) + 0.02 * kernel, rtol=1e-4, atol=1e-6)
    layer.trainable = False
    assert layer.losses == []
    layer.trainable = True
    assert len(layer.losses) == 2


def test_added_losses_belong_to_the_last_call():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.penalty = Penalty()

        def call(self, x):
            return self.penalty(self.penalty(x))

    other = Penalty()
    other(np.ones((1, 1)))
    layer = Twice()
    for _ in range(3):
        layer(np.ones((2, 2)))
        assert [float(loss) for loss in layer.losses] == [4.0, 4.0]
    assert [float(loss) for loss in other.losses] == [1.0]  # another model's losses stay


def test_activity_regularizer():
    layer = layers.Dense(2, kernel_initializer="ones", activity_regularizer=regularizers.L2(0.5))
    for _ in range(2):
        layer(np.ones((1, 3)))
        assert [float(loss) for loss in layer.losses] == [9.0]


def test_losses_see_layers_added_after():
    class Stack(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2, kernel_regularizer="l2")]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    stack = Stack()
    stack(data(1, 2))
    assert len(stack.losses) == 1
    stack.blocks.append(layers.Dense(2, kernel_regularizer="l2"))
    stack(data(1, 2))
    assert len(stack.losses) == 2
    assert len(copy.deepcopy(stack).losses) == 2


# ---- symbolic tensors ----


def test_symbolic_calls_make_a_graph():
    x = cygrad.Input((8, 8, 3), name="image")
    assert (x.shape, x.dtype, x.name) == ((None, 8, 8, 3), "float32", "image")
    conv = layers.Conv2D(4, 3)
    y = conv(x)
    z = layers.Dense(2)(layers.Flatten()(y))
    assert y.shape == (None, 6, 6, 4) and z.shape == (None, 2)
    assert conv.input is x and conv.output is y and conv.built
    assert conv.input_shape == (None, 8, 8, 3) and conv.output_shape == (None, 6, 6, 4)
    assert y._keras_history == (conv, 0, 0)
    conv(cygrad.Input((9, 9, 3)))
    assert len(conv._inbound_nodes) == 2
    assert conv.output is y  # of the first call
    with pytest.raises(AttributeError, match="has had no symbolic call"):
        _ = layers.Dense(2).output


def test_symbolic_operators():
    x, y = cygrad.Input((4,)), cygrad.Input((4,))
    for z, shape in (
        (x + y, (None, 4)),
        (2 * x - y / 3, (None, 4)),
        (-(abs(x) ** 2), (None, 4)),
        (x[:, :2], (None, 2)),
        (np.ones(4) * x, (None, 4)),
        (x @ np.ones((4, 3)), (None, 3)),
    ):
        assert z.shape == shape
    for use in (bool, len, list, np.asarray):
        with pytest.raises(TypeError, match="it is symbolic"):
            use(x)


def test_input_of_a_fixed_batch_and_of_integers():
    x = cygrad.Input((3,), batch_size=5, dtype="int32")
    assert x.shape == (5, 3) and x.dtype == "int32"
    assert cygrad.Input(batch_shape=(2, None)).shape == (2, None)
    assert cygrad.Input(()).shape == (None,)


def test_symbolic_shape_errors_name_the_layer():
    with pytest.raises(
        ValueError, match=r'Dense "d": the weight \'kernel\' needs a shape of whole numbers; got \(None, 3\)'
    ):
        layers.Dense(3, name="d")(cygrad.Input((None,)))
    with pytest.raises(
        ValueError, match=r'Conv2D "c": a window of 3 does not fit axis 1, 2; got shape \(None, 2, 2, 1\)'
    ):
        layers.Conv2D(3, 3, name="c")(cygrad.Input((2, 2, 1)))


def test_layers_leave_no_cycles_of_tensors():
    layer, x = layers.Dense(3, activation="relu"), ops.ones((2, 4))
    layer(x)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            layer(x)
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


def test_unseeded_layers_follow_the_global_seed():
    def values():
        random.set_seed(3)
        layer, drop = layers.Dense(3), layers.Dropout(0.5)
        return np.asarray(layer(np.ones((1, 4)))), np.asarray(drop(np.ones((1, 40)), training=True))

    first, second = values(), values()
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    other = layers.Dense(3)
    other.build((None, 4))
    assert not np.array_equal(other.get_weights()[0], np.zeros((4, 3)))


# ---- memory ----


def test_layers_and_graphs_are_freed_without_the_garbage_collector(monkeypatch):
    def alone():
        layer = layers.Dense(3)
        layer(np.ones((2, 4)))
        return [layer]

    def connected():
        x = cygrad.Input((4,))
        first, second = layers.Dense(3), layers.Dense(3, kernel_regularizer="l2")
        return [first, second, layers.Concatenate()([second(first(x) * 2.0), x])]

    def nested():
        inner = cygrad.Sequential([layers.Dense(3), layers.Dropout(0.5)])
        model = cygrad.Sequential([cygrad.Input((4,)), inner, layers.Dense(2)])
        assert len(model.weights) == 4 and len(model.losses) == 0 and model.seed_generators
        return [model, *model._flatten_layers()]

    gc.collect()
    gc.disable()
    try:
        for make in (alone, connected, nested):
            made = make()
            references = [weakref.ref(thing) for thing in made]
            del made
            assert [reference() for reference in references] == [None] * len(references), make
    finally:
        gc.enable()


def test_a_layer_gives_its_symbolic_output_also_when_nobody_kept_it():
    x = cygrad.Input((4,), name="x")
    layer = layers.Dense(3)
    y = layer(x)
    assert layer.output is y and layer.input is x
    name = y.name
    del y
    again = layer.output
    assert again is layer.output and again.name == name and again.shape == (None, 3)
    assert again._keras_history == (layer, 0, 0)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.output.shape == (None, 3) and copied.output._keras_history.operation is copied
        assert copied.input.name == "x" and copied.input is not x
        assert copied._inbound_nodes[0].layer is copied
