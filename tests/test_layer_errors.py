"""What layers say to wrong arguments and shapes, and to numbers that went wrong."""

import numpy as np
import pytest

import cygrad
from cygrad import config, layers, ops

rng = np.random.default_rng(0)


def data(*shape):
    return rng.normal(size=shape).astype(np.float32)


# ---- errors by their text ----


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: layers.Dense(-1), ValueError, "Dense: units must be a positive integer; got -1"),
        (lambda: layers.Dense(2.5), ValueError, "Dense: units must be a positive integer; got 2.5"),
        (lambda: layers.Dense(True), ValueError, "Dense: units must be a positive integer; got True"),
        (lambda: layers.Dense(3, use_bias="no"), ValueError, "Dense: use_bias must be True or False; got 'no'"),
        (
            lambda: layers.Dense(3, activaton="relu"),
            TypeError,
            "Dense: unknown argument 'activaton'. Did you mean 'activation'?",
        ),
        (lambda: layers.Dense(3, activation="rellu"), ValueError, "unknown activation 'rellu'. Did you mean 'relu'"),
        (
            lambda: layers.Dense(3, kernel_initializer="he_norml"),
            ValueError,
            "unknown initializer 'he_norml'. Did you mean 'he_normal'",
        ),
        (lambda: layers.Dense(3, kernel_regularizer="l9"), ValueError, "unknown regularizer 'l9'. Known: L1,"),
        (
            lambda: layers.Dense(3, kernel_constraint="nonneg"),
            ValueError,
            "unknown constraint 'nonneg'. Did you mean 'NonNeg'",
        ),
        (lambda: layers.Dense(3, name="a/b"), ValueError, "Dense: name must be a string without '/'; got 'a/b'"),
        (lambda: layers.Dense(3, trainable=1), ValueError, "Dense: trainable must be True or False; got 1"),
        (lambda: layers.Dense(3, dtype="float16"), ValueError, 'Dense: dtype must be "float32"'),
        (lambda: layers.Conv2D(0, 3), ValueError, "Conv2D: filters must be a positive integer; got 0"),
        (
            lambda: layers.Conv2D(4, (3, 3, 3)),
            ValueError,
            "Conv2D: kernel_size must be an integer or 2 of them, each positive; got (3, 3, 3)",
        ),
        (
            lambda: layers.Conv2D(4, 0),
            ValueError,
            "Conv2D: kernel_size must be an integer or 2 of them, each positive; got 0",
        ),
        (lambda: layers.Conv2D(4, 3, strides="2"), ValueError, "Conv2D: strides must be an integer or 2 of them"),
        (lambda: layers.Conv2D(4, 3, padding="full"), ValueError, "unknown Conv2D padding 'full'. Known: same, valid"),
        (
            lambda: layers.Conv2D(4, 3, data_format="channels_first"),
            ValueError,
            'Conv2D: data_format="channels_first" is not supported',
        ),
        (lambda: layers.Conv2D(4, 3, data_format="NHWC"), ValueError, "unknown Conv2D data_format 'NHWC'"),
        (
            lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2),
            ValueError,
            "strides and dilation_rate cannot both be above 1; got (2, 2) and (2, 2)",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=3),
            ValueError,
            "Conv2D: groups must divide filters; got groups=3 and filters=4",
        ),
        (
            lambda: layers.MaxPooling2D(0),
            ValueError,
            "MaxPooling2D: pool_size must be an integer or 2 of them, each positive; got 0",
        ),
        (
            lambda: layers.AveragePooling2D(2, strides=-1),
            ValueError,
            "AveragePooling2D: strides must be an integer or 2 of them",
        ),
        (
            lambda: layers.GlobalMaxPooling2D(keepdims=1),
            ValueError,
            "GlobalMaxPooling2D: keepdims must be True or False; got 1",
        ),
        (lambda: layers.Dropout(1.0), ValueError, "Dropout: rate must lie in [0, 1); got 1.0"),
        (lambda: layers.Dropout(-0.1), ValueError, "Dropout: rate must lie in [0, 1); got -0.1"),
        (lambda: layers.Dropout(0.5, seed="x"), ValueError, "seed must be an integer or None; got 'x'"),
        (
            lambda: layers.Reshape((-1, -1)),
            ValueError,
            "Reshape: target_shape must hold sizes, at most one of them -1; got (-1, -1)",
        ),
        (lambda: layers.InputLayer(), ValueError, "InputLayer: expected shape (without the batch axis) or batch_shape"),
        (
            lambda: cygrad.Input((3, "x")),
            ValueError,
            "a shape holds whole numbers, and None for what is open; got (None, 3, 'x')",
        ),
        (lambda: cygrad.Input((3,), sparse=True), ValueError, "InputLayer: sparse is not supported"),
        (lambda: cygrad.Input((3,), dtype="complex64"), ValueError, "InputLayer: dtype must be float32, int32"),
    ],
)
def test_wrong_arguments(make, error, text):
    with pytest.raises(error) as raised:
        make()
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("make", "built_for", "called_with", "text"),
    [
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            (1, 9, 9, 3),
            (28, 28, 3),
            'Conv2D "c": expected x[N,H,W,3], as built; got shape (28, 28, 3). Is the batch axis missing?',
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (28, 28, 3),
            'Conv2D "c": expected x[N,H,W,C]; got shape (28, 28, 3). Is the batch axis missing?',
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            (1, 9, 9, 1),
            (32, 28, 28),
            "got shape (32, 28, 28). Is the axis of channels missing?",
        ),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (32, 28, 28),
            "got shape (32, 28, 28). Is the axis of channels missing?",
        ),
        (lambda: layers.Conv2D(2, 3, name="c"), (1, 9, 9, 3), (2, 3, 9, 9), "Do the channels come first?"),
        (
            lambda: layers.Conv2D(2, 3, name="c"),
            None,
            (1, 2, 9, 3),
            'Conv2D "c": conv: the height of the input is 2, less than the window',
        ),
        (
            lambda: layers.Conv2D(2, 3, groups=2, name="c"),
            None,
            (1, 9, 9, 3),
            'Conv2D "c": groups must divide the input\'s channels; got groups=2',
        ),
        (
            lambda: layers.Dense(2, name="d"),
            (1, 784),
            (5, 28, 28),
            'Dense "d": expected x[N,...,784], as built; got shape (5, 28, 28). Is a Flatten layer missing before it?',
        ),
        (
            lambda: layers.Dense(2, name="d"),
            (1, 4),
            (4,),
            'Dense "d": expected x[N,...,4], as built; got shape (4,). Is the batch axis missing?',
        ),
        (lambda: layers.Dense(2, name="d"), (1, 4), (4, 7), "Is x transposed?"),
        (
            lambda: layers.MaxPooling2D(name="m"),
            None,
            (2, 3),
            'MaxPooling2D "m": expected x[N,H,W,C]; got shape (2, 3).',
        ),
        (
            lambda: layers.Reshape((5, 7), name="r"),
            None,
            (1, 4, 5),
            'Reshape "r": x[N,4,5] has 20 values a sample, which do not go into target_shape (5, 7)',
        ),
        (lambda: layers.Flatten(name="f"), None, (), 'Flatten "f": expected x[N'),
    ],
)
def test_wrong_shapes(make, built_for, called_with, text):
    layer = make()
    if built_for:
        layer(np.zeros(built_for))
    with pytest.raises(ValueError) as raised:
        layer(np.zeros(called_with))
    assert text in str(raised.value)


def test_a_wrong_shape_after_a_good_one_of_the_same_call_is_seen():
    layer = layers.Dense(2)
    x = ops.ones((3, 4))
    layer(x), layer(x)
    with pytest.raises(ValueError, match="got shape"):
        layer(ops.ones((3, 5)))
    assert layer(ops.ones((7, 4))).shape == (7, 2)


def test_an_error_inside_names_the_innermost_layer():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = layers.Conv2D(1, 3, name="inner")

        def call(self, x):
            return self.inner(x)

    with pytest.raises(ValueError, match=r'^Conv2D "inner": conv'):
        Outer()(np.zeros((1, 2, 2, 1)))


def test_forgotten_parts_of_a_custom_layer():
    class NoSuper(layers.Layer):
        def __init__(self):
            self.units = 3

    class NoCall(layers.Layer):
        pass

    with pytest.raises(RuntimeError, match=r"NoSuper: its __init__ must begin with super\(\).__init__\(\)"):
        NoSuper()(data(1, 1))
    with pytest.raises(NotImplementedError, match="NoCall has no call method"):
        NoCall()(data(1, 1))


def test_from_config_names_what_it_cannot_take():
    with pytest.raises(TypeError, match=r"Dense.from_config: Dense: unknown argument 'unit'.*'units'"):
        layers.Dense.from_config({"units": 3, "unit": 3})
    with pytest.raises(TypeError, match=r"Dense.from_config: .*missing 1 required positional argument: 'units'"):
        layers.Dense.from_config({"name": "d"})


def test_input_spec():
    class Picky(layers.Layer):
        def __init__(self):
            super().__init__(name="p")
            self.input_spec = layers.InputSpec(shape=(None, 28, 28, 1), allow_last_axis_squeeze=True)

        def call(self, x):
            return x

    Picky()(data(2, 28, 28, 1)), Picky()(data(2, 28, 28))
    with pytest.raises(ValueError, match=r'Picky "p": expected x\[N,28,28,1\]; got shape \(2, 27, 28, 1\)\.'):
        Picky()(data(2, 27, 28, 1))
    spec = layers.InputSpec(min_ndim=2, axes={-1: 4})
    assert repr(spec) == "InputSpec(min_ndim=2, axes={-1: 4})"
    assert spec.accepts((3, 4)) and spec.accepts((None, 4)) and not spec.accepts((4,)) and not spec.accepts((3, 5))


# ---- numbers that went wrong ----


def test_check_numerics_names_the_first_layer():
    class Explodes(layers.Layer):
        def call(self, x):
            return ops.log(x)

    class Net(layers.Layer):
        def __init__(self):
            super().__init__(name="net")
            self.a, self.b, self.c = layers.Dense(3, name="a"), Explodes(name="b"), layers.Dense(2, name="c")

        def call(self, x):
            return self.c(self.b(self.a(x)))

    net = Net()
    net(-np.ones((2, 3)))
    assert config.check_numerics(True) is False
    try:
        net.a.set_weights([np.eye(3), np.zeros(3)])
        with pytest.raises(FloatingPointError) as raised:
            net(-np.ones((2, 3)))
        assert str(raised.value) == (
            'Explodes "b": its output has 6 NaN and 0 infinite among 6 values, shape (2, 3); '
            "its input and its weights are finite"
        )
        with pytest.raises(FloatingPointError, match='Net "net": its input has 0 NaN and 1 infinite among 3 values'):
            net(np.array([[1.0, np.inf, 2.0]]))
        net.a.set_weights([np.full((3, 3), np.nan), np.zeros(3)])
        with pytest.raises(
            FloatingPointError, match=r'Dense "a": its output has 6 NaN .*; so have its weights net/a/kernel'
        ):
            net(np.ones((2, 3)))
    finally:
        assert config.check_numerics(False) is True
    net(np.ones((2, 3)))


WEIGHTS = [
    (lambda: layers.Dense(3), "kernel"),
    (lambda: layers.EinsumDense("ab,bc->ac", 3), "kernel"),
    (lambda: layers.Conv2D(3, 2), "kernel"),
    (lambda: layers.DepthwiseConv1D(2), "kernel"),
    (lambda: layers.Conv1DTranspose(3, 2), "kernel"),
    (lambda: layers.SeparableConv2D(3, 2), "pointwise_kernel"),
    (lambda: layers.Embedding(3, 2), "embeddings"),
    (lambda: layers.LSTMCell(3), "recurrent_kernel"),
]


@pytest.mark.parametrize(("make", "name"), WEIGHTS)
def test_a_weight_is_not_there_before_build(make, name):
    with pytest.raises(AttributeError, match=f"`{name}` is made by build; call the layer or its build first"):
        getattr(make(), name)
