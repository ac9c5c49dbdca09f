"""Random numbers from counter-based streams (Philox): a value follows from key and counter, whatever ran before.

One global stream hands out keys, in the order in which they are asked for: to initializers and layers made without a
seed, and to the functions below called without one. set_seed starts it anew; before that it starts from the system's
entropy.
"""

import contextlib
import os
import threading

import numpy as np

from . import _core
from ._tensor import from_array, ones
from .ops._backend import K, as_float, empty, gradient_over, record, shell

_MASK = (1 << 64) - 1
# Initial weights take counters from here up, so that an initializer and a Dropout of one seed do not share their
# numbers.
INITIALIZER_COUNTER = 1 << 63


def _scrambled(number):
    """A 64-bit number whose bits depend on all of another's: SplitMix64's output function (Steele et al. 2014)."""
    z = number & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class _GlobalStream:
    def __init__(self, key):
        self.key, self.count, self.lock = key, 0, threading.Lock()

    def next_key(self):
        with self.lock:
            self.count += 1
            return _scrambled(self.key + self.count * 0x9E3779B97F4A7C15)


_global = _GlobalStream(int.from_bytes(os.urandom(8), "little"))


def _seed_number(seed, who):
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"{who}: seed must be an integer or None; got {seed!r}")
    return int(seed) & _MASK


def set_seed(seed):
    """Starts the global stream from a seed: what is random from there on is the same each time.

    >>> cygrad.random.set_seed(7)
    >>> a = cygrad.random.normal((3,)).numpy()
    >>> cygrad.random.set_seed(7)
    >>> bool((a == cygrad.random.normal((3,)).numpy()).all())
    True
    """
    _global.key, _global.count = _scrambled(_seed_number(seed, "set_seed") + 1), 0


@contextlib.contextmanager
def seeded(seed):
    """The global stream, started from a seed for the time of a with block; then it goes on where it was.

    >>> with cygrad.random.seeded(3):
    ...     a = cygrad.random.normal((2,))
    >>> with cygrad.random.seeded(3):
    ...     bool((a.numpy() == cygrad.random.normal((2,)).numpy()).all())
    True
    """
    before = _global.key, _global.count
    set_seed(seed)
    try:
        yield
    finally:
        _global.key, _global.count = before


def next_seed():
    """A new 64-bit key from the global stream.

    >>> cygrad.utils.set_random_seed(1)
    >>> cygrad.random.next_seed() == cygrad.random.next_seed()
    False
    """
    return _global.next_key()


class SeedGenerator:
    """A stream of random draws: SeedGenerator(seed=None). Each next() gives the (key, counter) of an independent draw.

    The same seed gives the same draws; None takes the key from the global stream, in order of creation. state is the
    whole of it, as two uint64 numbers: a saved model keeps it, so that resumed training goes on with the same numbers.

    >>> generator = cygrad.random.SeedGenerator(1)
    >>> generator.next(), generator.next()
    ((1, 0), (1, 1))
    """

    def __init__(self, seed=None, name=None):
        self.seed = None if seed is None else int(_seed_number(seed, "SeedGenerator"))
        self.name = name or "seed_generator"
        self.key = next_seed() if seed is None else self.seed
        self.counter = 0

    def next(self):
        counter = self.counter
        self.counter = counter + 1
        return self.key, counter

    @property
    def state(self):
        """key and counter, as an array of two uint64."""
        return np.array([self.key, self.counter], np.uint64)

    @state.setter
    def state(self, state):
        key, counter = np.asarray(state, np.uint64).tolist()
        self.key, self.counter = key, counter

    def get_config(self):
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<SeedGenerator key={self.key} counter={self.counter}>"


def draw_seed(seed, who="random"):
    """(key, counter) of a seed argument: a SeedGenerator's next, an integer's own, None's from the global stream.

    who: the function's name, for errors.

    >>> key, counter = cygrad.random.draw_seed(7, 'normal')
    >>> int(key)
    7
    """
    if seed is not None and not isinstance(seed, SeedGenerator):
        return _seed_number(seed, who), 0
    draw = seed.next if seed is not None else _draw_from_global
    pair = draw()
    if _core.is_recording():
        _core.drawn(draw, *pair)
    return pair


def _draw_from_global():
    return next_seed(), 0


def _shape(shape, who):
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(isinstance(s, bool) or not isinstance(s, (int, np.integer)) or s < 0 for s in shape):
        raise ValueError(f"{who}: shape must hold whole numbers; got {shape}")
    return tuple([int(s) for s in shape])


def _drawn(kernel, who, shape, seed, dtype, *parameters, counter=0):
    if dtype is not None and not str(np.dtype(dtype)).startswith("float"):
        raise ValueError(f"{who}: dtype must be a float type; got {dtype!r}")
    y = empty(_shape(shape, who))
    key, first = draw_seed(seed, who)
    getattr(K, kernel)(y, y.size, key, first + counter, *parameters)
    return y


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None, *, counter=0):
    """A tensor of normally distributed numbers.

    seed: an integer (the same numbers at each call), a SeedGenerator (new ones at each call) or None (the global
    stream). counter is added to the stream's own, for those who keep counters themselves.

    mean: the mean. stddev: the standard deviation.

    >>> cygrad.random.normal((2, 3), seed=1).shape
    (2, 3)
    """
    return _drawn("random_normal", "normal", shape, seed, dtype, mean, stddev, counter=counter)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None, *, counter=0):
    """A tensor of normally distributed numbers, those more than two standard deviations from the mean left out.

    shape: the sizes, as a tuple. stddev: the standard deviation. seed: an integer for the same random numbers each
    time. counter: where in the seed's stream to begin.

    >>> bool((abs(cygrad.random.truncated_normal((100,)).numpy()) <= 2).all())
    True
    """
    return _drawn("random_truncated_normal", "truncated_normal", shape, seed, dtype, mean, stddev, counter=counter)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None, *, counter=0):
    """A tensor of numbers that are equally likely everywhere in [minval, maxval).

    shape: the sizes, as a tuple. seed: an integer for the same random numbers each time. counter: where in the seed's
    stream to begin.

    >>> cygrad.random.uniform((2, 3)).shape
    (2, 3)
    """
    return _drawn("random_uniform", "uniform", shape, seed, dtype, minval, maxval, counter=counter)


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """A tensor of whole numbers that are equally likely in minval .. maxval - 1.

    shape: the sizes, as a tuple. seed: an integer for the same random numbers each time.

    >>> cygrad.random.randint((4,), 3, 4).numpy().tolist()
    [3, 3, 3, 3]
    """
    if minval >= maxval:
        raise ValueError(f"randint: expected minval < maxval; got {minval} and {maxval}")
    return from_array(_numpy_generator(seed, "randint").integers(minval, maxval, _shape(shape, "randint")), dtype)


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Draws from rows of unnormalised log-probabilities: logits[M,K] gives samples[M,num_samples] in 0 .. K-1.

    seed: an integer for the same random numbers each time.

    >>> cygrad.random.categorical([[0.0, -np.inf]], 3).numpy().tolist()
    [[0, 0, 0]]
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2:
        raise ValueError(f"categorical: expected logits[M,K]; got shape {logits.shape}")
    # The largest of logit + Gumbel noise is distributed as the softmax (Maddison, Tarlow and Minka 2014).
    noise = _numpy_generator(seed, "categorical").gumbel(size=(num_samples, *logits.shape))
    return from_array((logits + noise).argmax(-1).T, dtype)


def shuffle(x, axis=0, seed=None):
    """x with its slices along an axis in random order.

    seed: an integer for the same random numbers each time.

    >>> sorted(cygrad.random.shuffle(np.arange(3.0)).numpy().tolist())
    [0.0, 1.0, 2.0]
    """
    x = np.asarray(x)
    return from_array(
        _numpy_generator(seed, "shuffle").permutation(x, axis=axis), None if x.dtype.kind == "f" else x.dtype
    )


def beta(shape, alpha, beta, dtype=None, seed=None):
    """A tensor of numbers in 0 .. 1 from beta distributions; alpha and beta, numbers or arrays, broadcast to shape.

    seed: an integer for the same random numbers each time.

    >>> cygrad.random.beta((2, 3), 0.2, 0.2, seed=1).shape
    (2, 3)
    """
    return _by_numpy("beta", shape, seed, dtype, np.asarray(alpha), np.asarray(beta))


def gamma(shape, alpha, dtype=None, seed=None):
    """A tensor of numbers from gamma distributions of parameter alpha, a number or array that broadcasts, and scale 1.

    shape: the sizes, as a tuple. seed: an integer for the same random numbers each time.

    >>> cygrad.random.gamma((2, 3), 2.0, seed=1).shape
    (2, 3)
    """
    return _by_numpy("gamma", shape, seed, dtype, np.asarray(alpha))


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """A tensor of how often each of counts trials succeeded, as floats; counts and probabilities broadcast to shape.

    seed: an integer for the same random numbers each time.

    >>> cygrad.random.binomial((3,), 4, 1.0, seed=1).numpy().tolist()
    [4.0, 4.0, 4.0]
    """
    return _by_numpy("binomial", shape, seed, dtype, np.asarray(counts).astype(np.int64), np.asarray(probabilities))


def _by_numpy(who, shape, seed, dtype, *parameters):
    draw = getattr(_numpy_generator(seed, who), who)
    return from_array(draw(*parameters, size=_shape(shape, who)), dtype)


def _numpy_generator(seed, who):
    key, counter = draw_seed(seed, who)
    return np.random.Generator(np.random.Philox(key=key, counter=counter << 128))


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Sets values to 0 with probability rate, and divides the others by 1 - rate, so that the expected sum stays.

    Shapes: inputs of any shape, the result alike. noise_shape: the shape in which kept and dropped are drawn, broadcast
    over inputs; None or an axis of None takes the size of inputs. Saved for backward: the key and counter, from which
    the same choice is made again. Raises ValueError for a rate outside [0, 1). (Srivastava et al. 2014)

    >>> float(cygrad.random.dropout(np.ones(8), 0.5, seed=3).numpy().max())
    2.0
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: rate must lie in [0, 1); got {rate!r}")
    x = as_float(inputs, "dropout", "inputs")
    key, counter = draw_seed(seed, "dropout")
    if noise_shape is not None:
        shape = _noise_shape(tuple(noise_shape), x.shape)
        if shape != x.shape:
            from . import ops

            noise = empty(shape)
            K.dropout(noise, ones(shape), noise.size, key, counter, rate)
            return ops.multiply(x, noise)
    y = empty(x.shape)
    K.dropout(y, x, x.size, key, counter, rate)
    source = shell(x)

    def backward(dy):
        dx = gradient_over(source, dy)
        K.dropout(dx, dy, dx.size, key, counter, rate)
        return dx

    return record(y, (x,), backward)


def _noise_shape(noise_shape, shape):
    full = tuple([s if n is None else n for n, s in zip(noise_shape, shape)])
    if len(noise_shape) != len(shape) or any(n not in (1, s) for n, s in zip(full, shape)):
        raise ValueError(f"dropout: noise_shape {noise_shape} does not broadcast to the inputs' shape {shape}")
    return full
