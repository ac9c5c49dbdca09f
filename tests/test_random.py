"""Random streams: reproducible, independent, with keras.random's names."""

import subprocess
import sys

import numpy as np
import pytest

from cygrad import random


def test_seed_generator():
    a, b = random.SeedGenerator(7), random.SeedGenerator(7)
    assert [a.next() for _ in range(3)] == [(7, 0), (7, 1), (7, 2)]
    b.state = a.state
    assert b.next() == (7, 3) and a.state.dtype == np.uint64
    assert random.SeedGenerator(-1).key == 2**64 - 1
    assert random.SeedGenerator().key != random.SeedGenerator().key
    assert random.SeedGenerator(7).get_config() == {"seed": 7} and random.SeedGenerator().get_config() == {"seed": None}
    for wrong in (1.5, True, "x"):
        with pytest.raises(ValueError, match="seed must be an integer or None"):
            random.SeedGenerator(wrong)


def test_set_seed_starts_the_stream_again():
    def draws():
        random.set_seed(3)
        generator = random.SeedGenerator()
        return generator.key, np.asarray(random.normal((3,))), np.asarray(random.randint((3,), 0, 100))

    first, second = draws(), draws()
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    random.set_seed(4)
    assert random.SeedGenerator().key != first[0]


def test_programs_start_with_entropy():
    code = "import cygrad; print(cygrad.random.SeedGenerator().key)"
    keys = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("draw", "mean", "stddev"),
    [
        (lambda seed: random.normal((200, 100), 1.0, 2.0, seed=seed), 1, 2),
        (lambda seed: random.uniform((200, 100), -1.0, 1.0, seed=seed), 0, 2 / np.sqrt(12)),
        (lambda seed: random.truncated_normal((200, 100), 1.0, 2.0, seed=seed), 1, 2 * 0.8796256610342398),
        (lambda seed: random.randint((200, 100), 0, 10, seed=seed), 4.5, np.sqrt(99 / 12)),
    ],
)
def test_distributions(draw, mean, stddev):
    values = np.asarray(draw(1), np.float64)
    assert values.mean() == pytest.approx(mean, abs=5 * stddev / np.sqrt(values.size))
    assert values.std() == pytest.approx(stddev, rel=0.02)
    assert np.array_equal(draw(1), draw(1)) and not np.array_equal(draw(1), draw(2))
    assert not np.array_equal(draw(None), draw(None))
    generator = random.SeedGenerator(1)
    assert np.array_equal(draw(generator), draw(1))  # its first draw
    assert not np.array_equal(draw(generator), draw(1))
    neighbours = np.corrcoef(values.ravel()[:-1], values.ravel()[1:])[0, 1]
    assert abs(neighbours) < 0.05


def test_categorical():
    drawn = np.asarray(random.categorical(np.log([[0.2, 0.8, 1e-30], [0.5, 0.25, 0.25]]), 4000, seed=2))
    assert drawn.shape == (2, 4000) and drawn.dtype == np.int32
    shares = [np.bincount(row, minlength=3) / 4000 for row in drawn]
    np.testing.assert_allclose(shares, [[0.2, 0.8, 0], [0.5, 0.25, 0.25]], atol=0.03)
    with pytest.raises(ValueError, match=r"categorical: expected logits\[M,K\]; got shape \(3,\)"):
        random.categorical([0.0, 0.0, 0.0], 2)


def test_shuffle():
    x = np.arange(20).reshape(10, 2)
    y = np.asarray(random.shuffle(x, seed=1))
    assert sorted(map(tuple, y)) == sorted(map(tuple, x)) and not np.array_equal(x, y)
    assert np.array_equal(random.shuffle(x, seed=1), y)
    assert np.array_equal(np.sort(random.shuffle(x, axis=1, seed=3), axis=1), x)


@pytest.mark.kernels
def test_dropout():
    x = np.ones((50, 60), np.float32)
    y = np.asarray(random.dropout(x, 0.3, seed=4))
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)} and (y == 0).mean() == pytest.approx(0.3, abs=0.04)
    assert np.array_equal(random.dropout(x, 0.3, seed=4), y)
    rows = np.asarray(random.dropout(x, 0.5, noise_shape=(50, 1), seed=4))
    assert np.array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape))
    assert np.array_equal(random.dropout(x, 0.0), x)
    with pytest.raises(ValueError, match=r"dropout: rate must lie in \[0, 1\); got 1"):
        random.dropout(x, 1)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"normal: shape must hold whole numbers; got \(2, -1\)"):
        random.normal((2, -1))
    with pytest.raises(ValueError, match="uniform: dtype must be a float type; got 'int32'"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="randint: expected minval < maxval; got 3 and 3"):
        random.randint((2,), 3, 3)
    with pytest.raises(ValueError, match="normal: seed must be an integer or None; got 'x'"):
        random.normal((2,), seed="x")
    assert random.normal(3).shape == (3,) and random.normal(()).shape == ()


def test_beta_gamma_and_binomial():
    draws = {
        "beta": (random.beta((4000,), 2.0, 3.0, seed=1), 0.4, (0.4 * 0.6 / 6) ** 0.5),
        "gamma": (random.gamma((4000,), 2.0, seed=1), 2.0, 2.0**0.5),
        "binomial": (random.binomial((4000,), 10, 0.3, seed=1), 3.0, 2.1**0.5),
    }
    for x, mean, spread in draws.values():
        assert x.dtype == "float32"
        np.testing.assert_allclose([x.numpy().mean(), x.numpy().std()], [mean, spread], rtol=0.06)
    y = random.gamma((2, 3), np.float32([1.0, 50.0, 900.0]), seed=3).numpy()
    assert (y[:, 0] < y[:, 1]).all() and (y[:, 1] < y[:, 2]).all()
    np.testing.assert_array_equal(y, random.gamma((2, 3), np.float32([1.0, 50.0, 900.0]), seed=3))
