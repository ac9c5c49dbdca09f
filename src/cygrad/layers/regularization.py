"""Layers that act in training only: Dropout and its kin, noise; and ActivityRegularization."""

import math

from .. import ops, random, regularizers
from .arguments import channels_last
from .layer import InputSpec, Layer


class _Noise(Layer):
    """What they share: a stream of random draws, and silence when not training."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(seed, dict):  # a SeedGenerator's configuration
            seed = random.SeedGenerator(**seed.get("config", {}))
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
        self.supports_masking = True

    def _rate(self, rate):
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ValueError(f"{type(self).__name__}: rate must lie in [0, 1); got {rate!r}")
        return rate

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class Dropout(_Noise):
    """In training, sets each value to 0 with probability rate and divides the others by 1 - rate; otherwise y = x.

    noise_shape: the shape in which kept and dropped are drawn, broadcast over x: (None, 1, None) for x[N,T,C] drops
    the same channels at every step. seed: an integer, a SeedGenerator, or None (from the global stream). Each training
    call draws anew. Raises ValueError for a rate outside [0, 1). (Srivastava et al. 2014)

    >>> layer = cygrad.layers.Dropout(0.5, seed=1)
    >>> layer(np.ones((1, 4))).numpy().tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    >>> sorted({float(v) for v in layer(np.ones(100), training=True)})
    [0.0, 2.0]
    """

    _leaf = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = self._rate(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class SpatialDropout1D(_Noise):
    """Dropout of whole channels: of x[N,T,C], in training, a channel of a sample is kept or dropped at all steps.

    rate: the share that is dropped, in [0, 1).

    >>> y = cygrad.layers.SpatialDropout1D(0.5, seed=1)(np.ones((1, 3, 20)), training=True).numpy()
    >>> bool((y == y[:, :1]).all())
    True
    """

    _leaf = True
    _letters = "NTC"

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = self._rate(rate)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, (None, 1, None), self.seed_generator)


class SpatialDropout2D(_Noise):
    """Dropout of whole channels: of x[N,H,W,C], in training, a channel of a sample is kept or dropped everywhere.

    rate: the share that is dropped, in [0, 1). data_format: None or "channels_last", the only one. seed: an integer for
    the same random numbers each time.

    >>> layer = cygrad.layers.SpatialDropout2D(0.5)
    >>> x = np.ones((1, 2, 2, 1), 'float32')
    >>> bool((layer(x).numpy() == x).all()), layer(x, training=True).shape
    (True, (1, 2, 2, 1))
    """

    _leaf = True
    _letters = "NHWC"

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = self._rate(rate)
        self.data_format = channels_last(self, data_format)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, (None, 1, 1, None), self.seed_generator)


class GaussianNoise(_Noise):
    """In training, x plus normal noise of mean 0 and the given standard deviation; otherwise x.

    stddev: the standard deviation. seed: an integer for the same random numbers each time.

    >>> layer = cygrad.layers.GaussianNoise(0.1)
    >>> x = np.ones((2, 3), 'float32')
    >>> bool((layer(x).numpy() == x).all()), layer(x, training=True).shape
    (True, (2, 3))
    """

    _leaf = True

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        if isinstance(stddev, bool) or not isinstance(stddev, (int, float)) or not 0 <= stddev < math.inf:
            raise ValueError(f"GaussianNoise: stddev must not be negative; got {stddev!r}")
        self.stddev = stddev

    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        return ops.add(inputs, random.normal(inputs.shape, 0.0, self.stddev, seed=self.seed_generator))


class GaussianDropout(_Noise):
    """In training, x times normal noise of mean 1 and variance rate / (1 - rate); otherwise x.

    seed: an integer for the same random numbers each time.

    >>> layer = cygrad.layers.GaussianDropout(0.5)
    >>> x = np.ones((2, 3), 'float32')
    >>> bool((layer(x).numpy() == x).all()), layer(x, training=True).shape
    (True, (2, 3))
    """

    _leaf = True

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = self._rate(rate)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, random.normal(inputs.shape, 1.0, stddev, seed=self.seed_generator))


class AlphaDropout(_Noise):
    """Dropout for selu: what is dropped takes selu's lower limit; mean and variance stay. (Klambauer et al. 2017)

    rate: the share that is dropped, in [0, 1). noise_shape: the shape of the drawn numbers, 1 where they are shared.
    seed: an integer for the same random numbers each time.

    >>> layer = cygrad.layers.AlphaDropout(0.5)
    >>> x = np.ones((2, 3), 'float32')
    >>> bool((layer(x).numpy() == x).all()), layer(x, training=True).shape
    (True, (2, 3))
    """

    _leaf = True
    _LIMIT = -1.0507009873554805 * 1.6732632423543772  # of selu

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = self._rate(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        rate, limit = self.rate, self._LIMIT
        kept = random.dropout(ops.ones(inputs.shape), rate, self.noise_shape, self.seed_generator)
        kept = ops.multiply(kept, 1 - rate)  # 1 where kept, else 0
        scale = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
        mixed = ops.add(ops.multiply(ops.subtract(inputs, limit), kept), limit)
        return ops.add(ops.multiply(mixed, scale), -scale * limit * rate)


class ActivityRegularization(Layer):
    """y = x; adds (l1 * sum |x| + l2 * sum x^2) / N to the losses, N the batch's size.

    >>> layer = cygrad.layers.ActivityRegularization(l2=0.5)
    >>> _ = layer(np.array([[1.0, 3.0]]))
    >>> float(layer.losses[0])
    5.0
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        saved = super().get_config()
        saved.pop("activity_regularizer")
        return saved | {"l1": self.l1, "l2": self.l2}
