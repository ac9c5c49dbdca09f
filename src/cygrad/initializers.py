"""Initial values of weights: initializer(shape, dtype=None) gives a tensor. Names, arguments and formulas are Keras's.

A random initializer without a seed takes one from the global stream when it is made; called twice, it gives the same
values twice.
"""

import math

import numpy as np

from . import _lookup, random
from ._tensor import from_array


class Initializer(_lookup.Configurable):
    """The base of all initializers: a subclass defines __call__(shape, dtype=None), and get_config where it must.

    >>> class Ramp(cygrad.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.arange(np.prod(shape)).reshape(shape)
    >>> cygrad.layers.Dense(2, kernel_initializer=Ramp())(np.ones((1, 2))).numpy().tolist()
    [[2.0, 4.0]]
    """

    def __call__(self, shape, dtype=None):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype=None)")

    def clone(self):
        """A new initializer with the same arguments; without a seed it will give other values."""
        return type(self).from_config(self.get_config())


class Constant(Initializer):
    """One number everywhere, or an array that broadcasts to the shape.

    value: the value.

    >>> cygrad.initializers.Constant(3.0)((2,)).numpy().tolist()
    [3.0, 3.0]
    """

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return from_array(np.broadcast_to(np.asarray(self.value), tuple(shape)), None)

    def get_config(self):
        return {"value": np.asarray(self.value).tolist()}


class Zeros(Initializer):
    """0 everywhere.

    >>> cygrad.initializers.Zeros()((2,)).numpy().tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape, dtype=None):
        return from_array(np.zeros(tuple(shape)))


class Ones(Initializer):
    """1 everywhere.

    >>> cygrad.initializers.Ones()((2,)).numpy().tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape, dtype=None):
        return from_array(np.ones(tuple(shape)))


class Identity(Initializer):
    """gain times the identity matrix, of a shape with two axes.

    >>> cygrad.initializers.Identity(2.0)((2, 2)).numpy().tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"Identity: expected a shape of two axes; got {tuple(shape)}")
        return from_array(self.gain * np.eye(*shape))


class _Random(Initializer):
    """What the random ones share: the seed. `seed` stays what was given; the stream's key is drawn once."""

    def __init__(self, seed=None):
        if not (seed is None or isinstance(seed, random.SeedGenerator)):
            seed = int(seed) if isinstance(seed, np.integer) else seed
            if isinstance(seed, dict):  # a SeedGenerator's configuration
                seed = random.SeedGenerator(**seed.get("config", {}))
            elif isinstance(seed, bool) or not isinstance(seed, int):
                raise ValueError(
                    f"{type(self).__name__}: seed must be an integer, a SeedGenerator or None; got {seed!r}"
                )
        self.seed = seed
        self._stream = random.next_seed() if seed is None else seed

    def _draw(self, distribution, shape, *parameters):
        return distribution(tuple(shape), *parameters, seed=self._stream, counter=random.INITIALIZER_COUNTER)


class RandomNormal(_Random):
    """Normally distributed numbers.

    mean: the mean. stddev: the standard deviation. seed: an integer for the same random numbers each time.

    >>> initializer = cygrad.initializers.RandomNormal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape, dtype=None):
        return self._draw(random.normal, shape, self.mean, self.stddev)


class TruncatedNormal(_Random):
    """Normally distributed numbers, those beyond two standard deviations left out.

    mean: the mean. stddev: the standard deviation. seed: an integer for the same random numbers each time.

    >>> initializer = cygrad.initializers.TruncatedNormal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape, dtype=None):
        return self._draw(random.truncated_normal, shape, self.mean, self.stddev)


class RandomUniform(_Random):
    """Numbers that are equally likely everywhere in [minval, maxval).

    seed: an integer for the same random numbers each time.

    >>> initializer = cygrad.initializers.RandomUniform(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape, dtype=None):
        return self._draw(random.uniform, shape, self.minval, self.maxval)


def compute_fans(shape, input_axes=None, output_axes=None):
    """(fan_in, fan_out): how many inputs an output of a weight of that shape sums, and how many outputs an input feeds.

    A kernel's last two axes are its input and output channels, the axes before them its window. input_axes and
    output_axes name other axes; what is in neither counts as window.

    >>> cygrad.initializers.compute_fans((3, 3, 8, 16))
    (72, 144)
    """
    shape, rank = tuple(shape), len(shape)
    if input_axes is not None or output_axes is not None:
        ins = {a % rank for a in (input_axes if input_axes is not None else [-2])}
        outs = {a % rank for a in (output_axes if output_axes is not None else [-1])}
        window = math.prod(s for a, s in enumerate(shape) if a not in ins | outs)
        return window * math.prod(shape[a] for a in ins), window * math.prod(shape[a] for a in outs)
    if rank < 2:
        return (shape[0],) * 2 if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


# The standard deviation of a standard normal cut at -2 and 2.
_CUT_STDDEV = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


class VarianceScaling(_Random):
    """Random numbers of variance scale / n; n by mode: "fan_in", "fan_out" or "fan_avg", their mean.

    distribution: "truncated_normal" (its standard deviation enlarged by what the cut takes), "untruncated_normal", or
    "uniform" in +-sqrt(3 scale / n). The others of this family are named settings of it.

    input_axes: the weight's axes that count as inputs. output_axes: the weight's axes that count as outputs.

    >>> w = cygrad.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=1)((1000, 100)).numpy()
    >>> bool(abs(w.std() - (2 / 1000) ** 0.5) < 1e-3)
    True
    """

    _MODES = ("fan_in", "fan_out", "fan_avg")
    _DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None, output_axes=None
    ):
        super().__init__(seed)
        name = type(self).__name__
        if scale <= 0:
            raise ValueError(f"{name}: scale must be positive; got {scale!r}")
        if mode not in self._MODES:
            raise _lookup.unknown(f"{name} mode", mode, self._MODES)
        distribution = "truncated_normal" if str(distribution).lower() == "normal" else str(distribution).lower()
        if distribution not in self._DISTRIBUTIONS:
            raise _lookup.unknown(f"{name} distribution", distribution, self._DISTRIBUTIONS)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return self._draw(random.uniform, shape, -limit, limit)
        if self.distribution == "untruncated_normal":
            return self._draw(random.normal, shape, 0.0, math.sqrt(variance))
        return self._draw(random.truncated_normal, shape, 0.0, math.sqrt(variance) / _CUT_STDDEV)


class GlorotUniform(VarianceScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)). (Glorot and Bengio 2010)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.GlorotUniform(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Cut normal of variance 2 / (fan_in + fan_out). (Glorot and Bengio 2010)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.GlorotNormal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """Uniform in +-sqrt(6 / fan_in). (He et al. 2015)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.HeUniform(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """Cut normal of variance 2 / fan_in. (He et al. 2015)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.HeNormal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """Uniform in +-sqrt(3 / fan_in). (LeCun et al. 1998)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.LecunUniform(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """Cut normal of variance 1 / fan_in. (LeCun et al. 1998)

    seed: an integer for the same random numbers each time. input_axes: the weight's axes that count as inputs.
    output_axes: the weight's axes that count as outputs.

    >>> initializer = cygrad.initializers.LecunNormal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class Orthogonal(_Random):
    """gain times a random matrix with orthonormal rows or columns, whichever are fewer. (Saxe et al. 2014)

    All axes but the last are taken together as rows. At least two axes.

    seed: an integer for the same random numbers each time.

    >>> initializer = cygrad.initializers.Orthogonal(seed=1)
    >>> initializer((3, 2)).shape, bool((initializer((3, 2)) == initializer((3, 2))).numpy().all())
    ((3, 2), True)
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected a shape of at least two axes; got {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = np.asarray(self._draw(random.normal, (max(rows, columns), min(rows, columns))), np.float64)
        q, r = np.linalg.qr(matrix)
        q = q * np.where(
            np.diag(r) < 0, -1.0, 1.0
        )  # QR leaves signs open: this choice makes all orthogonal matrices equally likely
        return from_array(self.gain * (q.T if rows < columns else q).reshape(shape))


IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
constant, zeros, ones, identity, orthogonal = Constant, Zeros, Ones, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

_NAMES = {
    name: value for name, value in list(globals().items()) if isinstance(value, type) and issubclass(value, Initializer)
}
del _NAMES["Initializer"], _NAMES["_Random"]
_NAMES |= {"normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros}


def get(identifier):
    """The initializer that a name, a configuration, a class or a function stands for; None stays None.

    identifier: what stands for it, see above.

    >>> cygrad.initializers.get("he_normal")
    HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    return _lookup.get(identifier, "initializer", _NAMES, Initializer)


def serialize(initializer):
    """{"class_name", "config"} of an initializer.

    >>> cygrad.initializers.serialize(cygrad.initializers.Zeros())
    {'class_name': 'Zeros', 'config': {}}
    """
    return _lookup.serialize(initializer, "initializers.serialize", "initializer")


def deserialize(config, custom_objects=None):
    """The counterpart of serialize.

    config: what serialize gives, or a name. custom_objects: {name: object} of the caller's own.

    >>> cygrad.initializers.deserialize({'class_name': 'Constant', 'config': {'value': 2.0}})
    Constant(value=2.0)
    """
    with _lookup.custom_object_scope(custom_objects):
        return get(config)
