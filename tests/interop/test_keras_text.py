"""Text and categorical layers against Keras, whose own need TensorFlow's strings."""

import importlib.util
import inspect

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")
needs_tensorflow = pytest.mark.skipif(
    not importlib.util.find_spec("tensorflow"), reason="Keras's text layers need TensorFlow, which is not installed"
)
TEXTS = [
    "The cat sat, on the mat.",
    "A dog!  ate my\thomework?",
    "the dog sat",
    "",
    "Ünïcode É stays É",
    "one-two three",
]
OTHERS = ["the cat ate", "an unknown   thing", "dog dog dog", "É"]
NAMES = ["CategoryEncoding", "Discretization", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"]


def pair(name, **arguments):
    return [getattr(package.layers, name)(**arguments) for package in (cygrad, keras)]


def numpy(x):
    return np.asarray(x.numpy() if hasattr(x, "numpy") else keras.ops.convert_to_numpy(x))


def same(mine, theirs, data):
    a, b = numpy(mine(data)), numpy(theirs(data))
    assert a.shape == tuple(b.shape)
    if b.dtype.kind == "O":
        assert a.tolist() == [s.decode() for s in b.tolist()] if b.ndim == 1 else [[s.decode() for s in r] for r in b]
    else:
        np.testing.assert_allclose(a, b, rtol=1e-6)
    declared = mine.compute_output_shape(np.shape(data))  # Keras's is not always what comes
    assert len(declared) == a.ndim and all(s is None or s == w for s, w in zip(declared, a.shape))


@needs_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_tokens": 6},
        {"output_sequence_length": 4},
        {"output_sequence_length": 12},
        {"standardize": "lower"},
        {"standardize": "strip_punctuation"},
        {"standardize": None, "split": "character"},
        {"ngrams": 2},
        {"ngrams": (1, 3)},
        {"output_mode": "multi_hot"},
        {"output_mode": "count", "ngrams": 2},
        {"output_mode": "tf_idf"},
        {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True},
        {"output_mode": "multi_hot", "max_tokens": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("rank", [1, 2])
def test_text_vectorization(arguments, rank):
    mine, theirs = pair("TextVectorization", **arguments)
    texts, others = (np.array(t) if rank == 1 else np.array(t)[:, None] for t in (TEXTS, OTHERS))
    for layer in (mine, theirs):
        layer.adapt(texts)
    assert mine.get_vocabulary() == list(theirs.get_vocabulary())
    assert mine.get_vocabulary(False) == list(theirs.get_vocabulary(False))
    assert mine.vocabulary_size() == theirs.vocabulary_size()
    for data in (texts, others):
        same(mine, theirs, data)


@needs_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_token": ""},
        {"max_tokens": 4},
        {"output_mode": "one_hot"},
        {"output_mode": "multi_hot", "mask_token": "d"},
        {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
        {"output_mode": "tf_idf"},
    ],
    ids=str,
)
def test_string_lookup(arguments):
    mine, theirs = pair("StringLookup", **arguments)
    data = np.array([["a", "b", "b"], ["c", "d", "b"], ["a", "", "d"]])
    for layer in (mine, theirs):
        layer.adapt(data)
    assert mine.get_vocabulary() == list(theirs.get_vocabulary())
    same(mine, theirs, data)
    same(mine, theirs, np.array([["z", "a", "d"], ["a", "a", "b"]]))


@needs_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        {"vocabulary": ["a", "b", "c"]},
        {"vocabulary": ["[UNK]", "a", "b"]},
        {"vocabulary": ["a", "b"], "num_oov_indices": 0},
        {"vocabulary": ["a", "b"], "mask_token": "", "oov_token": "?"},
        {"vocabulary": ["a", "b"], "output_mode": "tf_idf", "idf_weights": [0.5, 2.0]},
    ],
    ids=str,
)
def test_given_vocabulary(arguments):
    mine, theirs = pair("StringLookup", **arguments)
    assert mine.get_vocabulary() == list(theirs.get_vocabulary())
    same(mine, theirs, np.array([["a", "b"], ["b", "a"]]))
    if arguments.get("output_mode") is None:
        back, forth = pair("StringLookup", **arguments, invert=True)
        same(back, forth, np.array([0, 1, 2, 7]))


@needs_tensorflow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_token": 0},
        {"num_oov_indices": 3},
        {"max_tokens": 3},
        {"output_mode": "multi_hot"},
        {"output_mode": "count"},
        {"output_mode": "one_hot"},
    ],
    ids=str,
)
def test_integer_lookup(arguments):
    mine, theirs = pair("IntegerLookup", **arguments)
    data = np.array([[5, 3, 3], [9, 0, 5], [-7, 5, 0]])
    for layer in (mine, theirs):
        layer.adapt(data)
    assert mine.get_vocabulary() == list(theirs.get_vocabulary())
    same(mine, theirs, data)
    same(mine, theirs, np.array([[1, 2, 3], [-4, 9, 100]]))


@pytest.mark.parametrize("output_mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (5,), (2, 3, 4)])
def test_category_encoding(output_mode, shape):
    mine, theirs = pair("CategoryEncoding", num_tokens=6, output_mode=output_mode)
    same(mine, theirs, np.random.default_rng(0).integers(0, 6, shape))


def test_category_encoding_with_weights():
    mine, theirs = pair("CategoryEncoding", num_tokens=4, output_mode="count")
    numbers, weights = np.array([[0, 1, 1], [3, 3, 0]]), np.float32([[0.1, 0.2, 0.3], [1, 2, 4]])
    result = numpy(mine(numbers, count_weights=weights))
    np.testing.assert_allclose(result, numpy(theirs(numbers, count_weights=weights)), rtol=1e-6)


@pytest.mark.parametrize("output_mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(6, 3), (6, 1), (6,)])
def test_discretization(output_mode, shape):
    mine, theirs = pair("Discretization", bin_boundaries=[-0.5, 0.0, 1.0], output_mode=output_mode)
    data = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    data.flat[:2] = -0.5, 1.0
    same(mine, theirs, data)


@needs_tensorflow  # Keras's adapt asks for it, even of arrays
@pytest.mark.parametrize(("num_bins", "epsilon", "n"), [(4, 0.01, 50), (10, 0.01, 3000), (3, 0.1, 1000), (7, 0.01, 5)])
@pytest.mark.parametrize("parts", [1, 3])
def test_discretization_adapts(num_bins, epsilon, n, parts):
    data = np.random.default_rng(1).normal(size=(n, 2)).astype(np.float32)
    mine, theirs = pair("Discretization", num_bins=num_bins, epsilon=epsilon)
    for layer in (mine, theirs):
        layer.adapt(data if parts == 1 else iter(np.array_split(data, parts)))
    np.testing.assert_allclose(mine.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
    same(mine, theirs, data)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    mine, theirs = (inspect.signature(getattr(package.layers, name).__init__).parameters for package in (cygrad, keras))
    assert [(n, p.default) for n, p in mine.items()] == [(n, p.default) for n, p in theirs.items()]
