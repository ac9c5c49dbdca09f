"""TextVectorization: texts as rows of numbers."""

import re

import numpy as np

from .. import _lookup
from ..ops._backend import from_array
from .arguments import choice, flag
from .lookup import _WithVocabulary, no_sparse
from .strings import as_strings
from .vocabulary import Vocabulary, checked_mode, encoded_shape

_PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}  # ASCII's letters only, as in Keras
_STANDARDIZE = {
    "lower": str.maketrans(_LOWER),
    "strip_punctuation": str.maketrans("", "", _PUNCTUATION),
    "lower_and_strip_punctuation": str.maketrans({**_LOWER, **dict.fromkeys(map(ord, _PUNCTUATION))}),
}
_WORDS = re.compile(r"[^ \t\n\v\f\r]+")


class TextVectorization(_WithVocabulary):
    """Texts as rows of token numbers, or of counts, by a vocabulary that is given, or found by adapt(texts).

    TextVectorization(max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
    output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None, idf_weights=None,
    sparse=False, ragged=False, encoding="utf-8", ...).

    A text is made uniform (standardize: also "lower", "strip_punctuation", None, or a function of an array of strings),
    cut into tokens (split: also "character", None, or a function that gives a list of tokens for each string), which
    may be joined to ngrams (a number n for 1 .. n, or a tuple of them). Shapes: texts [N] or [N,1]; output_mode "int":
    y[N,T] int32, T the longest text's or output_sequence_length; 0 fills up, 1 stands for unknown tokens, the most
    frequent one is 2. "multi_hot", "count", "tf_idf": y[N,vocabulary_size] (max_tokens where pad_to_max_tokens). In
    models: the first layer of a Sequential, or after Input((1,), dtype="string"); predict then takes texts.

    >>> layer = cygrad.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["The cat sat.", "The cat ran!"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'cat', 'sat', 'ran']
    >>> layer(["the dog sat"]).numpy().tolist()
    [[2, 1, 4, 0]]
    """

    takes_strings = True

    def __init__(
        self,
        max_tokens=None,
        standardize="lower_and_strip_punctuation",
        split="whitespace",
        ngrams=None,
        output_mode="int",
        output_sequence_length=None,
        pad_to_max_tokens=False,
        vocabulary=None,
        idf_weights=None,
        sparse=False,
        ragged=False,
        encoding="utf-8",
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.max_tokens, self.encoding, self.ragged = max_tokens, encoding, False
        if ragged:
            raise ValueError("TextVectorization: ragged=True is not supported: tensors here are dense")
        self.sparse = no_sparse(self, sparse)
        self.standardize, self.split = (
            value if value is None or callable(value) else choice(self, argument, value, known)
            for argument, value, known in (
                ("standardize", standardize, _STANDARDIZE),
                ("split", split, ("whitespace", "character")),
            )
        )
        widths = ngrams if isinstance(ngrams, (tuple, list)) else () if ngrams is None else (ngrams,)
        if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in widths):
            raise ValueError(f"TextVectorization: ngrams must be None, an integer or a tuple of them; got {ngrams!r}")
        self.ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        self._widths = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else tuple(widths)
        self.output_mode = mode = checked_mode("TextVectorization", output_mode)
        length = output_sequence_length
        if length is not None and (mode != "int" or isinstance(length, bool) or not isinstance(length, int)):
            raise ValueError(
                "TextVectorization: output_sequence_length must be None or an integer, and goes with "
                f"output_mode='int' alone; got {length!r} and {mode!r}"
            )
        self.output_sequence_length = length
        self.pad_to_max_tokens = flag(self, "pad_to_max_tokens", pad_to_max_tokens)
        self.words = Vocabulary(self._title(), False, mode, max_tokens, 1, "", "[UNK]", self.pad_to_max_tokens)
        if vocabulary is not None:
            self.words.set(vocabulary, idf_weights)

    def adapt(self, data, batch_size=None, steps=None):
        """Finds the vocabulary in texts: an array or a list, or an iterable of batches, of which steps count."""
        super().adapt(data, steps)

    def _texts(self, inputs):
        """A flat list of strings, or, where they are tokens already, an array of them."""
        texts = as_strings(inputs, self.encoding)
        if texts is None:
            raise TypeError(
                f"{self._title()}: expected strings; got {type(inputs).__name__}. Are these numbers already?"
            )
        if self.split is not None and texts.ndim > 1 and texts.shape[-1] != 1:
            raise ValueError(
                f"{self._title()}: expected texts of shape [N] or [N,1]; got {texts.shape}. With split=None, each "
                "string is a token"
            )
        return texts

    def _tokens(self, texts):
        """A list of tokens for each text."""
        if self.standardize in _STANDARDIZE:
            table = _STANDARDIZE[self.standardize]
            uniform = [text.translate(table) for text in texts.flat]
        elif callable(self.standardize):
            uniform = np.asarray(self.standardize(texts.astype(str)), object).reshape(-1).tolist()
        else:
            uniform = texts.reshape(-1).tolist()
        if self.split is None:
            width = texts.shape[-1] if texts.ndim > 1 else 1
            rows = [uniform[i : i + width] for i in range(0, len(uniform), width)] if width else []
        elif self.split == "whitespace":
            rows = [_WORDS.findall(text) for text in uniform]
        elif self.split == "character":
            rows = [list(text) for text in uniform]
        else:
            rows = [list(tokens) for tokens in self.split(np.array(uniform, str))]
        if self._widths:
            rows = [[" ".join(row[i : i + n]) for n in self._widths for i in range(len(row) - n + 1)] for row in rows]
        return rows

    def _documents(self, batch):
        return self._tokens(self._texts(batch))

    def call(self, inputs):
        texts = self._texts(inputs)
        rows = self._tokens(texts.reshape(1) if texts.ndim == 0 else texts)
        lengths = np.array([len(row) for row in rows], np.int64)
        width = self.output_sequence_length if self.output_sequence_length is not None else lengths.max(initial=0)
        if self.output_mode != "int":
            width = lengths.max(initial=0)
        numbers = np.full((len(rows), width), 0 if self.output_mode == "int" else -1, np.int64)
        numbers[np.arange(width) < lengths[:, None]] = self.words.lookup([t for row in rows for t in row[:width]])
        if self.output_mode == "int":
            return from_array(numbers[0] if texts.ndim == 0 else numbers, "int32")
        if self.output_mode == "one_hot":
            return from_array(self.words.rows(numbers[..., None]))
        result = self.words.rows(numbers)
        return from_array(result[0] if texts.ndim == 0 else result)

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        width = input_shape[1] if self.split is None and len(input_shape) > 1 else 1 if self.split is None else None
        if self.output_mode == "one_hot":
            return (input_shape[0], width, self.words.depth)
        return encoded_shape((input_shape[0], width), self.output_mode, self.words.depth)

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for argument, known in (("standardize", _STANDARDIZE), ("split", ("whitespace", "character"))):
            value = config.get(argument)
            if value is not None and not callable(value) and value not in known:  # a function of the caller's own
                found = _lookup.custom_object(value["config"] if isinstance(value, dict) else value)
                if found is None:
                    raise _lookup.unknown(f"{cls.__name__} {argument}", str(value), known)
                config[argument] = found
        return super().from_config(config)
