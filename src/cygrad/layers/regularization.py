"""Layers that act in training only."""

from .. import random
from .layer import Layer


class Dropout(Layer):
    """In training, sets each value to 0 with probability rate and divides the others by 1 - rate; otherwise y = x.

    noise_shape: the shape in which kept and dropped are drawn, broadcast over x: (None, 1, None) for x[N,T,C] drops the
    same channels at every step. seed: an integer, a SeedGenerator, or None (from the global stream). Each training call
    draws anew. Raises ValueError for a rate outside [0, 1). (Srivastava et al. 2014)

    >>> layer = cygrad.layers.Dropout(0.5, seed=1)
    >>> layer(np.ones((1, 4))).numpy().tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    >>> sorted({float(v) for v in layer(np.ones(100), training=True)})
    [0.0, 2.0]
    """

    _leaf = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ValueError(f"Dropout: rate must lie in [0, 1); got {rate!r}")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
