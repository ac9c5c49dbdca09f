"""Vocabulary: tokens with numbers, found by counting or given; and categories as rows of zeros and ones, or counts."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def checked_mode(owner, mode, known=OUTPUT_MODES):
    """The mode under its present name; ValueError for an unknown one."""
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in known:
        raise ValueError(f"{owner}: output_mode must be one of {', '.join(map(repr, known))}; got {mode!r}")
    return mode


def hash_bins(tokens, bins, salt=None):
    """A bin in 0 .. bins-1 for each token, the same on every machine: BLAKE2b of its text, salted."""
    key = b"" if salt is None else ",".join(str(s) for s in salt).encode()
    digests = [hashlib.blake2b(str(token).encode(), digest_size=8, key=key[:64]).digest() for token in tokens]
    return np.array([int.from_bytes(digest, "little") % bins for digest in digests], np.int64)


def checked_salt(owner, salt):
    """None, or two whole numbers."""
    pair = [salt, salt] if isinstance(salt, int) else list(salt) if isinstance(salt, (list, tuple)) else salt
    if pair is not None and (not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(s, int) for s in pair)):
        raise ValueError(f"{owner}: salt must be an integer or two of them; got {salt!r}")
    return pair


def encoded(indices, mode, depth, weights=None):
    """Indices as rows of depth floats; what is not in 0 .. depth-1 leaves no trace.

    one_hot: a row an index; a last axis of 1 goes. multi_hot and count: the second axis (of a vector, its only one)
    becomes one row, of ones or of counts, or of sums of weights."""
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        rows, values = indices.reshape(-1, 1), None
        shape = (*indices.shape, depth)
    else:
        at = min(1, indices.ndim - 1)
        if indices.ndim == 0:
            indices, at = indices.reshape(1), 0
        rows = np.moveaxis(indices, at, -1)
        shape = (*rows.shape[:-1], depth)
        rows = rows.reshape(-1, rows.shape[-1])
        values = None if weights is None else np.moveaxis(np.broadcast_to(weights, indices.shape), at, -1).reshape(-1)
    inside = ((rows >= 0) & (rows < depth)).reshape(-1)
    places = (np.arange(len(rows))[:, None] * depth + rows).reshape(-1)[inside]
    counts = np.bincount(places, None if values is None else values[inside], minlength=len(rows) * depth)
    if mode != "count":
        counts = counts > 0
    return counts.astype(np.float32).reshape(shape)


def encoded_shape(shape, mode, depth):
    """The shape of encoded's result."""
    if mode == "int":
        return tuple(shape)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*(shape[:1] + shape[2:] if len(shape) > 1 else ()), depth)


class Vocabulary:
    """Tokens and their numbers: first 0 for the mask (where mode is "int" and there is one), then those of unknown
    tokens, then the tokens, in the order of their counts."""

    def __init__(self, owner, whole, mode, max_tokens, unknown_count, mask, unknown, pad=False, salt=None):
        """owner: for messages. whole: are tokens integers, and not strings? pad: rows are max_tokens wide."""
        self.owner, self.whole, self.mode, self.max_tokens = owner, whole, mode, max_tokens
        self.unknown_count, self.mask, self.unknown, self.pad, self.salt = unknown_count, mask, unknown, pad, salt
        if max_tokens is not None and (isinstance(max_tokens, bool) or not max_tokens > 1):
            raise ValueError(f"{owner}: max_tokens must be above 1, or None; got {max_tokens!r}")
        if pad and max_tokens is None:
            raise ValueError(f"{owner}: pad_to_max_tokens needs max_tokens; got None")
        if isinstance(unknown_count, bool) or not unknown_count >= 0:
            raise ValueError(f"{owner}: num_oov_indices must be at least 0; got {unknown_count!r}")
        self.first_unknown = 1 if mask is not None and mode == "int" else 0
        self.first = self.first_unknown + unknown_count
        self.tokens, self.weights, self.numbers = None, None, {}
        self.forget()

    # ---- how tokens are found ----

    def forget(self):
        """Starts counting anew."""
        self._counts, self._documents, self._document_count = Counter(), Counter(), 0

    def count(self, documents):
        """Adds the tokens of documents, each an iterable of them."""
        for document in documents:
            self._counts.update(document)
            if self.mode == "tf_idf":
                self._documents.update(set(document))
                self._document_count += 1

    def learn(self):
        """Numbers what was counted: the most frequent first; of equally frequent ones the last in the alphabet."""
        for special in (self.mask, self.unknown):
            self._counts.pop(special, None)
        if not self._counts:
            return
        spelled = (lambda t: t) if self.whole else str.encode
        tokens = sorted(self._counts, key=lambda t: (self._counts[t], spelled(t)), reverse=True)
        if self.max_tokens is not None:
            tokens = tokens[: max(self.max_tokens - self.first, 0)]
        weights = None
        if self.mode == "tf_idf":
            found = np.array([self._documents[t] for t in tokens])
            weights = np.log(1 + self._document_count / (1 + found)).astype(np.float32)
        self._number(tokens, weights)
        self.forget()

    def set(self, tokens, weights=None):
        """Takes given tokens: a list, an array, or the path of a text file with one in a line; the special ones may
        stand before them."""
        if isinstance(tokens, (str, Path)):
            tokens = Path(tokens).read_text(encoding="utf-8").splitlines()
            tokens = [int(t) for t in tokens] if self.whole else tokens
        tokens = [t.item() if hasattr(t, "item") else t for t in tokens]
        tokens = [t.decode() if isinstance(t, bytes) else t for t in tokens]
        if not tokens:
            raise ValueError(f"{self.owner}: vocabulary is empty")
        if self.mode == "tf_idf" and weights is None:
            raise ValueError(f"{self.owner}: a vocabulary with output_mode='tf_idf' needs idf_weights")
        if self.mode != "tf_idf" and weights is not None:
            raise ValueError(f"{self.owner}: idf_weights go with output_mode='tf_idf' alone; it is {self.mode!r}")
        if weights is not None:
            weights = np.asarray(weights, np.float32)
            if weights.shape != (len(tokens),):
                raise ValueError(
                    f"{self.owner}: expected one of idf_weights for each of {len(tokens)} tokens; got {weights.shape}"
                )
        special = [self.mask] * self.first_unknown + [self.unknown] * self.unknown_count
        if tokens[: self.first] == special:
            tokens, weights = tokens[self.first :], None if weights is None else weights[self.first :]
        wrong = next((t for t in tokens if isinstance(t, bool) or not isinstance(t, int if self.whole else str)), None)
        if wrong is not None:
            raise ValueError(
                f"{self.owner}: the vocabulary must hold {'integers' if self.whole else 'strings'}; got {wrong!r}"
            )
        repeated = [t for t, n in Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError(f"{self.owner}: the vocabulary has tokens twice: {repeated[:5]}")
        if self.mask is not None and self.mask in tokens:
            raise ValueError(
                f"{self.owner}: the mask token {self.mask!r} stands among the tokens; special tokens may come first, "
                f"as {special}, or not at all"
            )
        if self.max_tokens is not None and self.first + len(tokens) > self.max_tokens:
            raise ValueError(
                f"{self.owner}: a vocabulary of {self.first + len(tokens)} with its special tokens; max_tokens is "
                f"{self.max_tokens}"
            )
        self._number(tokens, weights)

    def _number(self, tokens, weights):
        self.tokens, self.weights = tokens, weights
        self.numbers = {token: self.first + i for i, token in enumerate(tokens)}
        if self.mask is not None:
            self.numbers[self.mask] = 0 if self.mode == "int" else -1  # -1 leaves no trace in a row

    # ---- what is known ----

    @property
    def size(self):
        """How many numbers there are, those of special tokens too."""
        return self.first + len(self.tokens or ())

    @property
    def depth(self):
        """How wide rows are."""
        return self.max_tokens if self.pad else self.size

    def listed(self, special=True):
        """The tokens in the order of their numbers."""
        first = [self.mask] * self.first_unknown + [self.unknown] * self.unknown_count
        return [*(first if special else []), *(self.tokens or [])]

    def lookup(self, tokens):
        """The numbers of a flat list of tokens, int64."""
        if self.tokens is None and not self.unknown_count:
            raise ValueError(f"{self.owner}: it has no vocabulary; call adapt(data), or give vocabulary=")
        get = self.numbers.get
        if self.unknown_count == 1:
            unknown = self.first_unknown
            return np.array([get(token, unknown) for token in tokens], np.int64)
        numbers = np.array([get(token, -2) for token in tokens], np.int64)
        missing = np.flatnonzero(numbers == -2)
        if missing.size and not self.unknown_count:
            raise ValueError(
                f"{self.owner}: {tokens[missing[0]]!r} is not in the vocabulary, and num_oov_indices=0 leaves no "
                "number for it"
            )
        if missing.size:
            strange = [tokens[i] for i in missing]
            plain = self.whole and self.salt is None
            count = self.unknown_count
            bins = np.array(strange) % count if plain else hash_bins(strange, count, self.salt)
            numbers[missing] = self.first_unknown + bins
        return numbers

    def rows(self, numbers):
        """Numbers as rows of what mode says; padding is -1."""
        counts = encoded(numbers, "count" if self.mode == "tf_idf" else self.mode, self.depth)
        if self.mode != "tf_idf":
            return counts
        scale = np.zeros(self.depth, np.float32)
        scale[: self.first] = self.weights.mean()  # of unknown tokens nobody knows the true one
        scale[self.first : self.size] = self.weights
        return counts * scale

    def names(self, numbers):
        """The tokens of a flat array of numbers; what has none is the unknown one's."""
        listed = self.listed()
        return [listed[i] if 0 <= i < len(listed) else self.unknown for i in numbers]


def documents(data, steps, convert):
    """What adapt is given as documents: of an array or a list, each row is one; else of each batch of an iterable."""
    whole = isinstance(data, (list, tuple)) or hasattr(data, "__array__")
    for done, batch in enumerate([data] if whole else data):
        if steps is not None and done >= steps and not whole:
            break
        yield from convert(batch[0] if not whole and isinstance(batch, tuple) else batch)
