"""Text and categorical layers: values, vocabularies, strings in models, files, errors."""

import copy
import pickle

import numpy as np
import pytest

from cygrad import Input, Model, Sequential, layers, models, utils

TEXTS = np.array(["the cat sat on the mat", "a dog ate my homework", "the dog sat", "my cat ate"] * 8)
LABELS = np.array([0, 1, 0, 1] * 8)


def vectorizer(**arguments):
    layer = layers.TextVectorization(**{"max_tokens": 50, "output_sequence_length": 6, **arguments})
    layer.adapt(TEXTS)
    return layer


def classifier(layer):
    texts = Input((1,), dtype="string")
    x = layers.Embedding(50, 8)(layer(texts))
    return Model(texts, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x)))


def test_a_model_learns_from_texts_and_predicts_texts(tmp_path):
    utils.set_random_seed(1)
    model = classifier(vectorizer())
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.02
    assert model.fit(TEXTS, LABELS, epochs=30, verbose=0).history["accuracy"][-1] == 1
    some = ["the mat", "my homework"]
    p = model.predict(some, verbose=0)
    assert p[0] < 0.5 < p[1]
    for x in (np.array(some), np.array(some)[:, None], np.array(some, object), np.array(some, "S")):
        np.testing.assert_array_equal(model.predict(x, verbose=0), p)
        np.testing.assert_array_equal(model(x).numpy(), p)
    np.testing.assert_allclose(model.predict((np.array([s]) for s in some), verbose=0), p, rtol=1e-6)
    assert model.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["accuracy"] == 1
    model.save(tmp_path / "texts.cygrad")
    np.testing.assert_array_equal(models.load_model(tmp_path / "texts.cygrad").predict(some, verbose=0), p)


def test_a_stack_begins_with_texts(tmp_path):
    model = Sequential([vectorizer(), layers.Embedding(50, 4), layers.GlobalMaxPooling1D(), layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(TEXTS, np.zeros((32, 2)), verbose=0, validation_split=0.25)
    assert model.predict(["the cat", "a dog"], verbose=0).shape == (2, 2)
    model.save(tmp_path / "stack.cygrad")
    again = models.load_model(tmp_path / "stack.cygrad")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_a_trained_model_is_wrapped_to_take_texts():
    """As in Keras's tutorial: training on numbers, then an end-to-end model."""
    layer = vectorizer()
    inner = Sequential([Input((6,)), layers.Embedding(50, 4), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    texts = Input((1,), dtype="string")
    whole = Model(texts, inner(layer(texts)))
    wanted = inner.predict(np.asarray(layer(TEXTS)), verbose=0)
    np.testing.assert_allclose(whole.predict(TEXTS, verbose=0), wanted, rtol=1e-6)


def test_several_inputs_strings_and_numbers():
    colour, size = Input((1,), dtype="string", name="colour"), Input((1,), name="size")
    encoded = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot")(colour)
    model = Model([colour, size], layers.Dense(1)(layers.Concatenate()([encoded, size])))
    data = {"colour": np.array(["red", "green"]), "size": np.array([1.0, 2.0])}
    assert model.predict(data, verbose=0).shape == (2, 1)


@pytest.mark.parametrize(
    "layer",
    [
        layers.TextVectorization(output_mode="tf_idf"),
        layers.TextVectorization(ngrams=(1, 2), standardize="lower"),
        layers.StringLookup(mask_token="", num_oov_indices=3),
        layers.StringLookup(output_mode="tf_idf"),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", [pickle, copy, "config"])
def test_copies_keep_the_vocabulary(layer, way):
    layer.adapt(TEXTS)
    if way is pickle:
        again = pickle.loads(pickle.dumps(layer))
    else:
        again = copy.deepcopy(layer) if way is copy else type(layer).from_config(layer.get_config())
    assert again.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(again(TEXTS[:3]).numpy(), layer(TEXTS[:3]).numpy())


def test_adapt_by_batches_is_adapt_at_once():
    once, batches = layers.TextVectorization(), layers.TextVectorization()
    once.adapt(TEXTS)
    batches.adapt(iter(np.array_split(TEXTS, 5)))
    assert once.get_vocabulary() == batches.get_vocabulary()
    batches.adapt(iter(np.array_split(TEXTS, 4)), steps=1)
    assert "homework" in batches.get_vocabulary() and batches.vocabulary_size() == once.vocabulary_size()


def test_a_vocabulary_from_a_file_is_saved_as_tokens(tmp_path):
    (tmp_path / "words.txt").write_text("cat\ndog\n")
    layer = layers.StringLookup(vocabulary=str(tmp_path / "words.txt"))
    assert layer(["dog", "cow"]).numpy().tolist() == [2, 0]
    config = layer.get_config()
    assert config["vocabulary"] == ["cat", "dog"]
    with pytest.raises(ValueError, match="a file's path is not opened from there"):
        layers.StringLookup.from_config({**config, "vocabulary": str(tmp_path / "words.txt")})


def test_functions_of_the_user_s_own():
    def shout(texts):
        return np.char.upper(texts)

    layer = layers.TextVectorization(standardize=shout, split=lambda texts: [text.split("-") for text in texts])
    layer.adapt(["a-b", "b"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "A"]


def test_single_texts():
    layer = vectorizer(output_sequence_length=None)
    assert layer("the dog").numpy().tolist() == layer(["the dog"]).numpy()[0].tolist()


def test_inverted_lookups():
    layer = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    assert layer([[1, 2], [0, 9]]).numpy().tolist() == [["a", "b"], ["[UNK]", "[UNK]"]]
    assert layers.IntegerLookup(vocabulary=[7, 8], invert=True)([1, 2, 0]).numpy().tolist() == [7, 8, -1]


@pytest.mark.parametrize("salt", [None, 5, [5, 6]])
def test_hashing(salt):
    layer = layers.Hashing(num_bins=5, salt=salt, mask_value="")
    words = np.array([[f"word {i}", ""] for i in range(200)])
    bins = layer(words).numpy()
    assert (bins[:, 1] == 0).all() and set(bins[:, 0]) == {1, 2, 3, 4}
    again = layers.Hashing.from_config(layer.get_config())
    np.testing.assert_array_equal(again(words).numpy(), bins)
    assert (layers.Hashing(num_bins=5, salt=7, mask_value="")(words).numpy() != bins).any()
    numbers = layers.Hashing(num_bins=3, output_mode="count")(np.arange(12).reshape(3, 4)).numpy()
    assert numbers.shape == (3, 3) and (numbers.sum(1) == 4).all()


def test_the_hash_is_the_same_everywhere():
    assert layers.Hashing(num_bins=1000)(["a", "b", "Ü"]).numpy().tolist() == [928, 668, 937]


def test_categories_in_a_model_are_kept_through_files(tmp_path):
    binned = layers.Discretization(num_bins=3, output_mode="one_hot")
    binned.adapt(np.arange(30.0))
    model = Sequential([Input((1,)), binned, layers.Dense(1)])
    x = np.array([[1.0], [15.0], [29.0]])
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "bins.cygrad")
    again = models.load_model(tmp_path / "bins.cygrad")
    np.testing.assert_array_equal(again.predict(x, verbose=0), y)
    assert again.layers[0].num_bins == 3 and again.layers[0].bin_boundaries == binned.bin_boundaries


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Dense(2)(["a", "b"]), TypeError, "got strings, not numbers; StringLookup or"),
        (lambda: layers.TextVectorization(vocabulary=["a"])([1, 2]), TypeError, "expected strings; got Tensor"),
        (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), ValueError, r"shape \[N\] or \[N,1\]"),
        (lambda: layers.TextVectorization(output_mode="counts"), ValueError, "output_mode must be one of 'int'"),
        (lambda: layers.TextVectorization(standardize="uper"), ValueError, "unknown TextVectorization standardize"),
        (lambda: layers.TextVectorization(ngrams=0), ValueError, "ngrams must be None, an integer or a tuple"),
        (lambda: layers.TextVectorization(ragged=True), ValueError, "ragged=True is not supported"),
        (
            lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3),
            ValueError,
            "goes with output_mode='int' alone",
        ),
        (lambda: layers.StringLookup(sparse=True), ValueError, "sparse=True is not supported"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), ValueError, r"has tokens twice: \['a'\]"),
        (lambda: layers.StringLookup(vocabulary=[1, 2]), ValueError, "must hold strings; got 1"),
        (lambda: layers.IntegerLookup(vocabulary=["a"]), ValueError, "must hold integers; got 'a'"),
        (lambda: layers.StringLookup(max_tokens=2, vocabulary=["a", "b"]), ValueError, "max_tokens is 2"),
        (lambda: layers.StringLookup(max_tokens=1), ValueError, "max_tokens must be above 1"),
        (lambda: layers.StringLookup(vocabulary=[]), ValueError, "vocabulary is empty"),
        (
            lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["z"]),
            ValueError,
            "'z' is not in the vocabulary, and num_oov_indices=0",
        ),
        (lambda: layers.StringLookup(num_oov_indices=0)(["z"]), ValueError, r"has no vocabulary; call adapt\(data\)"),
        (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), ValueError, "needs idf_weights"),
        (
            lambda: layers.StringLookup(invert=True, output_mode="count"),
            ValueError,
            "invert goes with output_mode='int'",
        ),
        (lambda: layers.IntegerLookup(vocabulary=[1])([0.5]), TypeError, "expected integers; got a tensor of float32"),
        (lambda: layers.IntegerLookup(salt=3), ValueError, "salt goes with oov_method='farmhash'"),
        (lambda: layers.CategoryEncoding(), ValueError, "num_tokens is needed"),
        (lambda: layers.CategoryEncoding(3)([0, 3]), ValueError, r"expected numbers in 0\.\.2; got 3"),
        (lambda: layers.CategoryEncoding(3)([0], count_weights=[1.0]), ValueError, "count_weights go with"),
        (lambda: layers.Discretization(), ValueError, "expected bin_boundaries or num_bins, one of them"),
        (lambda: layers.Discretization([2.0, 1.0]), ValueError, "bin_boundaries must go up"),
        (lambda: layers.Discretization(num_bins=3)([1.0]), ValueError, r"has no boundaries; call adapt\(data\)"),
        (lambda: layers.Discretization([0.0]).adapt(np.ones(3)), ValueError, "bin_boundaries were given"),
        (lambda: layers.Hashing(0), ValueError, "num_bins must be a positive integer"),
        (lambda: layers.Hashing(3, salt="x"), ValueError, "salt must be an integer or two of them"),
    ],
)
@pytest.mark.kernels
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_strings_where_a_model_takes_numbers():
    model = Sequential([Input((1,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="expected numbers in x; got an array of dtype <U1"):
        model.predict(np.array(["a", "b"]), verbose=0)
    with pytest.raises(ValueError, match='expected strings for the input "text"; got numbers'):
        text = Input((1,), dtype="string", name="text")
        Model(text, layers.TextVectorization(vocabulary=["a"], output_sequence_length=2)(text)).predict(np.ones((2, 1)))
