"""StringLookup and IntegerLookup: tokens as numbers, or as rows of zeros and ones."""

import numpy as np

from ..ops._backend import Tensor, from_array
from .arguments import flag
from .layer import Layer
from .strings import Strings, as_strings
from .symbolic import KerasTensor
from .vocabulary import Vocabulary, checked_mode, checked_salt, documents, encoded_shape


def no_sparse(layer, sparse):
    """False; ValueError for anything else."""
    if sparse:
        raise ValueError(f"{type(layer).__name__}: sparse=True is not supported: tensors here are dense")
    return False


class _WithVocabulary(Layer):
    """What has a Vocabulary, in `words`. The vocabulary is part of the configuration, so it is saved with the model."""

    words = None

    def adapt(self, data, steps=None):
        """Finds the vocabulary in data: an array or a list, or an iterable of batches, of which steps count."""
        self.words.forget()
        self.words.count(documents(data, steps, self._documents))
        self.words.learn()

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Takes a given vocabulary: a list, an array, or the path of a text file with one token in a line."""
        self.words.set(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens=True):
        """The tokens in the order of their numbers, which begin with those of the special tokens."""
        return self.words.listed(include_special_tokens)

    def vocabulary_size(self):
        """How many numbers there are, those of special tokens too."""
        return self.words.size

    @property
    def vocabulary(self):
        """The tokens, without special ones; None where there are none yet."""
        return self.words.tokens

    @property
    def idf_weights(self):
        """The weights of the tokens for output_mode="tf_idf"."""
        return None if self.words.weights is None else self.words.weights.tolist()

    @classmethod
    def from_config(cls, config):
        if isinstance(config.get("vocabulary"), str):
            raise ValueError(f"{cls.__name__}: a configuration holds tokens; a file's path is not opened from there")
        config = {k: v for k, v in config.items() if k not in ("vocabulary_size", "has_input_vocabulary")}
        return cls(**config)

    def build(self, input_shape=None):
        pass

    def compute_output_spec(self, inputs, *args, **kwargs):
        kind = ("string" if not self.words.whole else "int32") if getattr(self, "invert", False) else "int32"
        return KerasTensor(self.compute_output_shape(inputs.shape), kind if self.output_mode == "int" else "float32")


class _Lookup(_WithVocabulary):
    def _prepare_lookup(self, whole, arguments):
        """Checks and keeps the arguments that both have."""
        for name in ("max_tokens", "num_oov_indices", "mask_token", "oov_token"):
            setattr(self, name, arguments[name])
        self.output_mode = checked_mode(type(self).__name__, arguments["output_mode"])
        self.invert = flag(self, "invert", arguments["invert"])
        self.pad_to_max_tokens = flag(self, "pad_to_max_tokens", arguments["pad_to_max_tokens"])
        self.sparse = no_sparse(self, arguments["sparse"])
        self.salt = checked_salt(type(self).__name__, arguments["salt"])
        if self.invert and self.output_mode != "int":
            raise ValueError(f"{type(self).__name__}: invert goes with output_mode='int'; got {self.output_mode!r}")
        special = self.num_oov_indices, self.mask_token, self.oov_token
        self.words = Vocabulary(
            self._title(), whole, self.output_mode, self.max_tokens, *special, self.pad_to_max_tokens, self.salt
        )
        if arguments["vocabulary"] is not None:
            self.words.set(arguments["vocabulary"], arguments["idf_weights"])
        elif arguments["idf_weights"] is not None:
            raise ValueError(f"{type(self).__name__}: idf_weights go with a vocabulary; got None for it")

    def _documents(self, batch):
        values = self._values(batch)
        return values.reshape(-1, 1).tolist() if values.ndim < 2 else values.reshape(len(values), -1).tolist()

    def call(self, inputs):
        if self.invert:
            numbers = np.asarray(inputs).astype(np.int64)
            names = self.words.names(numbers.reshape(-1).tolist())
            if self.words.whole:
                return from_array(np.array(names, np.int64).reshape(numbers.shape), "int32")
            return Strings(np.array([*names, None], object)[:-1].reshape(numbers.shape))
        values = self._values(inputs)
        numbers = self.words.lookup(values.reshape(-1).tolist()).reshape(values.shape)
        return from_array(numbers, "int32") if self.output_mode == "int" else from_array(self.words.rows(numbers))

    def compute_output_shape(self, input_shape):
        return encoded_shape(tuple(input_shape), self.output_mode, self.words.depth)


class StringLookup(_Lookup):
    """Strings as numbers, by a vocabulary that is given, or found by adapt(data).

    StringLookup(max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None,
    idf_weights=None, invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False, encoding="utf-8", ...).

    Numbers: 0 for mask_token, if there is one, and output_mode is "int"; then num_oov_indices for what is not in the
    vocabulary (with several, a hash chooses, other than Keras's); then the tokens, the most frequent first.
    output_mode: "int" (int32, in the shape of the input), "one_hot", or over the second axis "multi_hot", "count", and
    "tf_idf", counts times log(1 + documents / (1 + documents with the token)). invert: numbers to strings. Inputs:
    strings, bytes, or lists and NumPy arrays of them. salt: one or two integers for the hash. Raises ValueError for
    unknown tokens where num_oov_indices is 0.

    >>> layer = cygrad.layers.StringLookup()
    >>> layer.adapt(["cat", "dog", "dog"])
    >>> layer(["dog", "cat", "bird"]).numpy().tolist()
    [1, 2, 0]
    """

    takes_strings = True

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token="[UNK]",
        vocabulary=None,
        idf_weights=None,
        invert=False,
        output_mode="int",
        pad_to_max_tokens=False,
        sparse=False,
        encoding="utf-8",
        name=None,
        salt=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.encoding = encoding
        self._prepare_lookup(False, locals())

    def _values(self, inputs):
        values = as_strings(inputs, self.encoding)
        if values is None:
            raise TypeError(f"{self._title()}: expected strings; got {_kind(inputs)}. IntegerLookup takes integers")
        return values


class IntegerLookup(_Lookup):
    """Integers as numbers from 0 on, by a vocabulary that is given, or found by adapt(data).

    IntegerLookup(max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None,
    vocabulary_dtype="int64", idf_weights=None, invert=False, output_mode="int", sparse=False, pad_to_max_tokens=False,
    oov_method="floormod", salt=None, ...): as StringLookup, but for integers; with several num_oov_indices, an unknown
    integer's is its remainder (oov_method "farmhash": chosen by a hash, other than Keras's).

    >>> layer = cygrad.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer([[12, 1138, 42], [42, 1000, 36]]).numpy().tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token=-1,
        vocabulary=None,
        vocabulary_dtype="int64",
        idf_weights=None,
        invert=False,
        output_mode="int",
        sparse=False,
        pad_to_max_tokens=False,
        oov_method="floormod",
        salt=None,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if vocabulary_dtype != "int64":
            raise ValueError(f"IntegerLookup: vocabulary_dtype must be 'int64'; got {vocabulary_dtype!r}")
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"IntegerLookup: oov_method must be 'floormod' or 'farmhash'; got {oov_method!r}")
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"IntegerLookup: salt goes with oov_method='farmhash'; got {oov_method!r}")
        self.vocabulary_dtype, self.oov_method = vocabulary_dtype, oov_method
        self._prepare_lookup(True, locals())
        if oov_method == "farmhash" and self.salt is None:
            self.words.salt = [0, 0]

    def _values(self, inputs):
        values = np.asarray(inputs)
        if values.dtype.kind not in "iu" and not (
            values.dtype.kind == "f" and np.array_equal(values, np.floor(values))
        ):
            raise TypeError(f"{self._title()}: expected integers; got {_kind(inputs)}")
        return values.astype(np.int64)


def _kind(inputs):
    dtype = getattr(inputs, "dtype", None)
    return f"a tensor of {dtype}" if isinstance(inputs, Tensor) else f"{type(inputs).__name__} of {dtype}"
