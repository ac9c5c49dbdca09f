"""Embedding: values, gradients that add up, masks, errors by text, in a model that is trained and replayed."""

import numpy as np
import pytest

import cygrad
from cygrad import GradientTape, layers, ops
from cygrad.models.serialization import deserialize_layer, serialize_layer


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(4,), (2, 5), (2, 3, 2), (0, 3)])
def test_rows_of_a_table(shape, dtype):
    rng = np.random.default_rng(1)
    x, table = rng.integers(0, 7, shape), rng.normal(size=(7, 3)).astype("float32")
    layer = layers.Embedding(7, 3, weights=[table])
    y = layer(x.astype(dtype))
    np.testing.assert_array_equal(y, table[x])
    assert layer.compute_output_shape(x.shape) == y.shape
    assert [w.path for w in layer.weights] == [f"{layer.name}/embeddings"]


@pytest.mark.kernels
def test_gradients_add_up_in_order():
    """Bit for bit the sum of a loop over the words, also where the threads are more than one."""
    rng = np.random.default_rng(2)
    x, layer = rng.integers(0, 50, (40, 64)) ** 2 % 50, layers.Embedding(50, 33)
    weights = rng.normal(size=(40, 64, 33)).astype("float32")
    with GradientTape() as tape:
        y = ops.sum(ops.multiply(layer(x), weights))
    expected = np.zeros((50, 33), "float32")
    np.add.at(expected, x.ravel(), weights.reshape(-1, 33))
    np.testing.assert_array_equal(tape.gradient(y, layer.embeddings), expected)


def test_mask_of_what_is_not_padding():
    layer = layers.Embedding(5, 2, mask_zero=True)
    mask = layer.compute_mask(np.array([[1, 0, 4]]))
    assert mask.dtype == "bool" and mask.numpy().tolist() == [[True, False, True]]
    assert layer.compute_mask(np.array([[1.0, 0.0]])).numpy().tolist() == [[True, False]]
    assert layers.Embedding(5, 2).compute_mask(np.array([1])) is None


@pytest.mark.parametrize("steps", [1, 3])  # the third runs from the recording of the second
def test_an_index_out_of_range_names_the_layer(steps):
    model = cygrad.Sequential([layers.Embedding(10, 2, name="words"), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    good, y = np.arange(10).reshape(2, 5), np.zeros((2, 1))
    for _ in range(steps):
        model.train_on_batch(good, y)
        model.predict_on_batch(good)
    for wrong in (10, -1):
        text = rf'Embedding "words": expected whole numbers in 0 .. 9, for input_dim is 10; got {wrong}. Is input_dim'
        for call in (model.predict_on_batch, lambda x: model.train_on_batch(x, y), model.layers[0]):
            with pytest.raises(IndexError, match=text):
                call(np.full((2, 5), wrong))
    model.train_on_batch(good, y)


@pytest.mark.kernels
def test_training_is_captured_and_learns():
    """The class of a sequence is whether word 3 occurs."""
    rng = np.random.default_rng(3)
    cygrad.utils.set_random_seed(3)
    x = rng.integers(0, 20, (512, 8))
    y = (x == 3).any(1).astype("float32")
    model = cygrad.Sequential([layers.Embedding(20, 8), layers.GlobalMaxPooling1D(), layers.Dense(1)])
    model.compile(cygrad.optimizers.Adam(0.03), cygrad.losses.BinaryCrossentropy(from_logits=True))
    losses = model.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.05 < 0.4 < losses[0]
    assert "replays" in model.explain_capture()["train"][0]


def test_arguments():
    options = {
        "input_dim": 4, "output_dim": 3, "embeddings_initializer": "ones", "embeddings_regularizer": "l2",
        "embeddings_constraint": "unit_norm", "mask_zero": True, "name": "e", "trainable": False,
    }  # fmt: skip
    layer = layers.Embedding(**options, weights=np.zeros((4, 3)))
    again = deserialize_layer(serialize_layer(layer))
    assert again.get_config() == layer.get_config()
    again(np.zeros((1, 2)))
    assert again.get_weights()[0].tolist() == np.ones((4, 3)).tolist()
    assert layer.get_weights()[0].tolist() == np.zeros((4, 3)).tolist()
    for wrong, text in [
        ({"input_dim": 0}, "Embedding: input_dim must be a positive integer; got 0"),
        ({"output_dim": 2.5}, "Embedding: output_dim must be a positive integer; got 2.5"),
        ({"lora_rank": 4}, "Embedding: lora_rank is not supported"),
        ({"lora_alpha": 4}, "Embedding: lora_alpha is not supported"),
        ({"quantization_config": {}}, "Embedding: quantization_config is not supported"),
        ({"mask_zero": 1}, "Embedding: mask_zero must be True or False; got 1"),
        ({"weights": np.zeros((3, 4))}, r"weight .*embeddings: expected shape \(4, 3\); got \(3, 4\)"),
    ]:
        with pytest.raises(ValueError, match=text):
            layers.Embedding(**options | wrong)
    with pytest.warns(UserWarning, match="input_length has no meaning"):
        layers.Embedding(4, 3, input_length=7)
