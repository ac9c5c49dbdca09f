"""Numbers as categories: CategoryEncoding, Discretization, Hashing."""

import numpy as np

from .. import ops
from ..ops._backend import from_array
from .arguments import positive
from .layer import Layer
from .lookup import no_sparse
from .strings import as_strings
from .symbolic import KerasTensor
from .vocabulary import checked_mode, checked_salt, encoded, encoded_shape, hash_bins

_ROWS = ("one_hot", "multi_hot", "count")


class CategoryEncoding(Layer):
    """Whole numbers in 0 .. num_tokens-1 as rows: CategoryEncoding(num_tokens, output_mode="multi_hot", sparse=False).

    "one_hot": a row of num_tokens values for each number, 1 at its place (a last axis of 1 goes); "multi_hot": one row
    for all numbers along the second axis; "count": likewise, how often each appears, or the sums of count_weights, a
    second argument of the call. Raises ValueError for numbers outside.

    >>> cygrad.layers.CategoryEncoding(num_tokens=4)([[0, 1], [0, 0], [1, 2]]).numpy().tolist()
    [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """

    integer_input = True

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        if num_tokens is None:
            raise ValueError("CategoryEncoding: num_tokens is needed; where it is not known, IntegerLookup finds it")
        self.num_tokens = positive(self, "num_tokens", num_tokens)
        self.output_mode = checked_mode("CategoryEncoding", output_mode, _ROWS)
        self.sparse = no_sparse(self, sparse)

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"{self._title()}: count_weights go with output_mode='count'; it is {self.output_mode!r}")
        numbers = np.asarray(inputs).astype(np.int64)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < self.num_tokens):
            wrong = numbers[(numbers < 0) | (numbers >= self.num_tokens)].flat[0]
            raise ValueError(f"{self._title()}: expected numbers in 0..{self.num_tokens - 1}; got {wrong}")
        if self.output_mode == "one_hot":
            last = numbers.ndim > 1 and numbers.shape[-1] == 1
            return ops.one_hot(numbers[..., 0] if last else numbers, self.num_tokens)
        weights = None if count_weights is None else np.asarray(count_weights)
        return from_array(encoded(numbers, self.output_mode, self.num_tokens, weights))

    def compute_output_shape(self, input_shape):
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_tokens)


class Discretization(Layer):
    """Numbers as those of the bins that they fall into: Discretization(bin_boundaries=None, num_bins=None, ...).

    The others: epsilon=0.01, output_mode="int" (int32; or rows, as CategoryEncoding makes them), sparse=False.

    y = how many bin_boundaries are at most x: boundaries [0, 1, 2] make the bins below 0, [0, 1), [1, 2), from 2 on.
    With num_bins instead, adapt(data) finds boundaries that part the data into as many equally large shares, to within
    epsilon. Raises ValueError unless one of the two is given.

    >>> cygrad.layers.Discretization([0.0, 1.0, 2.0])([-1.5, 1.0, 3.4, 0.5]).numpy().tolist()
    [0, 2, 3, 1]
    """

    def __init__(
        self,
        bin_boundaries=None,
        num_bins=None,
        epsilon=0.01,
        output_mode="int",
        sparse=False,
        dtype=None,
        name=None,
    ):
        super().__init__(dtype=dtype, name=name)
        if (bin_boundaries is None) == (num_bins is None):
            given = f"{bin_boundaries!r} and {num_bins!r}"
            raise ValueError(f"Discretization: expected bin_boundaries or num_bins, one of them; got {given}")
        self.num_bins = None if num_bins is None else positive(self, "num_bins", num_bins)
        self.bin_boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries, np.float64).tolist()
        if bin_boundaries is not None and sorted(self.bin_boundaries) != self.bin_boundaries:
            raise ValueError(f"Discretization: bin_boundaries must go up; got {bin_boundaries!r}")
        self.epsilon, self.sparse = epsilon, no_sparse(self, sparse)
        self.output_mode = checked_mode("Discretization", output_mode, ("int", *_ROWS))

    def adapt(self, data, steps=None):
        """Finds num_bins - 1 boundaries in data: an array, or an iterable of batches, of which steps count."""
        if self.num_bins is None:
            raise ValueError(f"{self._title()}: bin_boundaries were given; adapt has nothing to find")
        whole, summary = hasattr(data, "__array__"), np.zeros((2, 0), np.float32)
        for done, batch in enumerate([data] if whole else data):
            if steps is not None and done >= steps and not whole:
                break
            summary = _thinned(_merged(_summary(batch, self.epsilon), summary), self.epsilon)
        if not summary.size:
            raise ValueError(f"{self._title()}: adapt got no data")
        self.bin_boundaries = _thinned(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(f"{self._title()}: it has no boundaries; call adapt(data), or give bin_boundaries")
        bins = np.digitize(np.asarray(inputs), np.float32(self.bin_boundaries))
        if self.output_mode == "int":
            return from_array(bins, "int32")
        return from_array(encoded(bins, self.output_mode, len(self.bin_boundaries) + 1))

    def compute_output_shape(self, input_shape):
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(tuple(input_shape), self.output_mode, depth)

    def compute_output_spec(self, inputs):
        kind = "int32" if self.output_mode == "int" else "float32"
        return KerasTensor(self.compute_output_shape(inputs.shape), kind)

    @classmethod
    def from_config(cls, config):
        config = {name: value for name, value in config.items() if name != "trainable"}
        found = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        layer = cls(**{**config, "bin_boundaries": None} if found is not None else config)
        if found is not None:  # by adapt
            layer.bin_boundaries = list(found)
        return layer


def _summary(values, epsilon):
    """[2,n]: values from small to large, at equal distances in the order of all, and how many each stands for."""
    values = np.sort(np.asarray(values, np.float32).reshape(-1))
    step = max(values.size * epsilon, 1)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _merged(a, b):
    both = np.concatenate([a, b], axis=1)
    return both[:, np.argsort(both[0])]


def _thinned(summary, share):
    """A summary at the shares share, 2 share, ... 1 of all values; as it is where it has no more than these."""
    if summary.shape[1] * share < 1:
        return summary
    wanted = share + np.arange(0.0, 1.0, share)
    counted = summary[1].cumsum()
    reached = counted / counted[-1]
    totals = np.interp(wanted, reached, counted)
    return np.stack([np.interp(wanted, reached, summary[0]), np.diff(totals, prepend=0)]).astype(np.float32)


class Hashing(Layer):
    """Strings or whole numbers as those of num_bins bins, by a hash of their text: no vocabulary, but collisions.

    Hashing(num_bins, mask_value=None, salt=None, output_mode="int", sparse=False). mask_value gets bin 0, the others
    then 1 .. num_bins-1; salt, an integer or two, gives another hash; output_mode: "int" (int32), or rows as
    CategoryEncoding makes them. The hash is BLAKE2b, so the bins are others than Keras's.

    >>> bins = cygrad.layers.Hashing(num_bins=3)([["A"], ["B"], ["A"]]).numpy()
    >>> bool(bins[0, 0] == bins[2, 0]), bins.shape
    (True, (3, 1))
    """

    takes_strings = True

    def __init__(self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs):
        super().__init__(**kwargs)
        self.num_bins, self.mask_value = positive(self, "num_bins", num_bins), mask_value
        self.salt, self.sparse = checked_salt("Hashing", salt), no_sparse(self, sparse)
        self.output_mode = checked_mode("Hashing", output_mode, ("int", *_ROWS))

    def call(self, inputs):
        values = as_strings(inputs)
        if values is None:
            values = np.asarray(inputs).astype(np.int64)
        flat, masked = values.reshape(-1).tolist(), self.mask_value is not None and self.num_bins > 1
        bins = hash_bins(flat, self.num_bins - masked, self.salt) + masked
        if masked:
            bins[np.array([value == self.mask_value for value in flat], bool)] = 0
        bins = bins.reshape(values.shape)
        if self.output_mode == "int":
            return from_array(bins, "int32")
        return from_array(encoded(bins, self.output_mode, self.num_bins))

    def compute_output_shape(self, input_shape):
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs):
        kind = "int32" if self.output_mode == "int" else "float32"
        return KerasTensor(self.compute_output_shape(inputs.shape), kind)
