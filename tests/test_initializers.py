"""Initializers: the distributions that their formulas promise, fans, seeds, lookup by name, errors."""

import json
import math
import pickle

import numpy as np
import pytest

from cygrad import initializers, random
from cygrad._lookup import custom_object_scope

CUT = 0.8796256610342398  # the standard deviation of a standard normal cut at -2 and 2

# name: (fans' scale, mode, distribution)
SCALED = {
    "GlorotUniform": (1, "fan_avg", "uniform"),
    "GlorotNormal": (1, "fan_avg", "truncated_normal"),
    "HeUniform": (2, "fan_in", "uniform"),
    "HeNormal": (2, "fan_in", "truncated_normal"),
    "LecunUniform": (1, "fan_in", "uniform"),
    "LecunNormal": (1, "fan_in", "truncated_normal"),
}


def snake(name):
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [((300, 200), 300, 200), ((3, 3, 40, 100), 360, 900)])
@pytest.mark.kernels
def test_variance_follows_the_fans(name, shape, fan_in, fan_out):
    scale, mode, distribution = SCALED[name]
    n = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
    stddev = math.sqrt(scale / n)
    values = np.asarray(getattr(initializers, name)(seed=3)(shape))
    assert values.shape == shape and values.dtype == np.float32
    assert abs(values.mean()) < 4 * stddev / math.sqrt(values.size)
    assert values.std() == pytest.approx(stddev, rel=0.02)
    limit = math.sqrt(3) * stddev if distribution == "uniform" else 2 * stddev / CUT
    assert 0.97 * limit < np.abs(values).max() <= limit * (1 + 1e-6)


def test_variance_scaling_modes_and_distributions():
    shape = (100, 400)
    for mode, n in (("fan_in", 100), ("fan_out", 400), ("fan_avg", 250)):
        for distribution in ("truncated_normal", "untruncated_normal", "uniform", "Normal"):
            values = np.asarray(initializers.VarianceScaling(3.0, mode, distribution, seed=1)(shape))
            assert values.std() == pytest.approx(math.sqrt(3 / n), rel=0.02)
    beyond = np.abs(initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=1)(shape).numpy())
    assert (beyond > 3 / math.sqrt(100)).any()


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((5,), (5, 5)), ((5, 7), (5, 7)), ((3, 5, 7), (15, 21)), ((2, 3, 5, 7), (30, 42))],
)
def test_fans(shape, fans):
    assert initializers.compute_fans(shape) == fans


def test_fans_of_other_axes():
    assert initializers.compute_fans((4, 5, 6), input_axes=[0], output_axes=[1, 2]) == (4, 30)
    assert initializers.compute_fans((4, 5, 6), input_axes=[0, 1], output_axes=[-1]) == (20, 6)
    assert initializers.GlorotUniform(input_axes=[0], output_axes=[1]).get_config()["input_axes"] == [0]


def test_simple_distributions():
    shape = (400, 300)
    normal = np.asarray(initializers.RandomNormal(1.0, 0.5, seed=1)(shape))
    assert normal.mean() == pytest.approx(1, abs=0.01) and normal.std() == pytest.approx(0.5, rel=0.01)
    cut = np.asarray(initializers.TruncatedNormal(1.0, 0.5, seed=1)(shape))
    assert cut.mean() == pytest.approx(1, abs=0.01) and cut.std() == pytest.approx(0.5 * CUT, rel=0.01)
    assert np.abs(cut - 1).max() <= 1.0 + 1e-6 and (np.abs(cut - 1) == 1).mean() < 1e-4  # left out, not piled up
    uniform = np.asarray(initializers.RandomUniform(-1.0, 3.0, seed=1)(shape))
    assert uniform.min() >= -1 and uniform.max() < 3 and uniform.mean() == pytest.approx(1, abs=0.02)
    assert uniform.std() == pytest.approx(4 / math.sqrt(12), rel=0.01)


def test_constants():
    assert np.array_equal(initializers.Zeros()((2, 3)), np.zeros((2, 3)))
    assert np.array_equal(initializers.Ones()((2, 3)), np.ones((2, 3)))
    assert np.array_equal(initializers.Constant(2.5)((2, 3)), np.full((2, 3), 2.5))
    assert np.array_equal(initializers.Constant([1.0, 2.0])((3, 2)), [[1, 2]] * 3)
    assert np.array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    assert float(np.asarray(initializers.Ones()(()))) == 1
    with pytest.raises(ValueError, match=r"Identity: expected a shape of two axes; got \(2,\)"):
        initializers.Identity()((2,))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4)])
def test_orthogonal(shape):
    w = np.asarray(initializers.Orthogonal(0.5, seed=2)(shape), np.float64).reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(product, 0.25 * np.eye(len(product)), atol=1e-6)
    with pytest.raises(ValueError, match="Orthogonal: expected a shape of at least two axes"):
        initializers.Orthogonal()((3,))


# ---- seeds ----

RANDOM = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal", *SCALED]


@pytest.mark.parametrize("name", RANDOM)
def test_same_seed_same_values(name):
    make = getattr(initializers, name)
    first = np.asarray(make(seed=5)((4, 3)))
    assert np.array_equal(make(seed=5)((4, 3)), first)
    assert not np.array_equal(make(seed=6)((4, 3)), first)
    unseeded = make()
    assert np.array_equal(unseeded((4, 3)), unseeded((4, 3)))  # as in Keras: one instance, one set of values
    assert not np.array_equal(unseeded((4, 3)), make()((4, 3)))
    generator = random.SeedGenerator(5)
    moving = make(seed=generator)
    assert not np.array_equal(moving((4, 3)), moving((4, 3)))
    assert generator.counter == 2


def test_global_seed_and_order_of_creation():
    random.set_seed(11)
    a, b = initializers.HeNormal(), initializers.HeNormal()
    first = np.asarray(b((3, 2)))  # creation order decides, not use
    random.set_seed(11)
    again_a, again_b = initializers.HeNormal(), initializers.HeNormal()
    assert np.array_equal(again_a((3, 2)), a((3, 2))) and np.array_equal(again_b((3, 2)), first)


def test_a_seed_is_not_a_dropouts_stream():
    key = random.SeedGenerator(5).next()
    assert key == (5, 0)
    first = np.asarray(random.uniform((100,), seed=5))
    assert not np.allclose(np.asarray(initializers.RandomUniform(0.0, 1.0, seed=5)((100,))), first)


@pytest.mark.parametrize("name", RANDOM)
def test_configurations(name):
    make = getattr(initializers, name)
    initializer = make(seed=5)
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer))))
    assert type(again) is make and again.get_config() == initializer.get_config()
    assert np.array_equal(again((4, 3)), initializer((4, 3)))
    assert np.array_equal(pickle.loads(pickle.dumps(initializer))((4, 3)), initializer((4, 3)))
    assert make().get_config()["seed"] is None
    assert make(seed=random.SeedGenerator(4)).get_config()["seed"] == {
        "class_name": "SeedGenerator",
        "config": {"seed": 4},
    }


def test_a_seed_generators_configuration_is_read():
    saved = initializers.serialize(initializers.HeNormal(seed=random.SeedGenerator(4)))
    again = initializers.deserialize(json.loads(json.dumps(saved)))
    assert isinstance(again.seed, random.SeedGenerator) and again.seed.key == 4


# ---- lookup ----


def test_get():
    for name in [*RANDOM, "Zeros", "Ones", "Constant", "Identity"]:
        make = getattr(initializers, name)
        assert type(initializers.get(name)) is type(initializers.get(snake(name))) is make
        assert getattr(initializers, snake(name)) is make
        assert type(initializers.get(make)) is make
    assert initializers.get(None) is None
    own = initializers.Zeros()
    assert initializers.get(own) is own

    def mine(shape, dtype=None):
        return np.full(shape, 4.0)

    assert initializers.get(mine) is mine
    with custom_object_scope({"mine": mine}):
        assert initializers.get("mine") is mine
    with pytest.raises(ValueError, match=r"unknown initializer 'glorot_unifrom'\. Did you mean 'glorot_uniform'"):
        initializers.get("glorot_unifrom")
    with pytest.raises(
        TypeError, match="initializer: expected a name, a configuration, an instance or a callable; got int"
    ):
        initializers.get(3)
    with pytest.raises(ValueError, match="a configuration needs the key 'class_name'; got the keys \\['name'\\]"):
        initializers.get({"name": "zeros"})


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"HeNormal: seed must be an integer, a SeedGenerator or None; got 1\.5"):
        initializers.HeNormal(seed=1.5)
    with pytest.raises(ValueError, match="VarianceScaling: scale must be positive; got 0"):
        initializers.VarianceScaling(0)
    with pytest.raises(ValueError, match=r"unknown VarianceScaling mode 'fanin'\. Did you mean 'fan_in'"):
        initializers.VarianceScaling(1.0, "fanin")
    with pytest.raises(ValueError, match=r"unknown VarianceScaling distribution 'unifrom'\. Did you mean 'uniform'"):
        initializers.VarianceScaling(1.0, "fan_in", "unifrom")


def test_repr():
    assert repr(initializers.Constant(2)) == "Constant(value=2)"
    assert repr(initializers.Zeros()) == "Zeros()"
