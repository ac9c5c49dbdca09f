"""Initializers against Keras: what is fixed is equal, what is random has the same moments and bounds.

Runs where Keras is installed.
"""

import inspect

import numpy as np
import pytest
from frameworks import close

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")

SHAPES = [(200, 300), (3, 3, 60, 100)]  # 54 000 and 60 000 numbers
FIXED = [("Zeros", {}), ("Ones", {}), ("Constant", {"value": 0.3}), ("Identity", {"gain": 2.0})]
RANDOM = [
    ("RandomNormal", {"mean": 0.5, "stddev": 0.2}),
    ("RandomNormal", {}),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 0.2}),
    ("TruncatedNormal", {}),
    ("RandomUniform", {"minval": -0.5, "maxval": 2.0}),
    ("RandomUniform", {}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    *[
        ("VarianceScaling", {"scale": 0.7, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ],
]


def pair(name, arguments):
    return [getattr(package.initializers, name)(**arguments) for package in (cygrad, keras)]


@pytest.mark.parametrize(("name", "arguments"), FIXED)
def test_fixed(name, arguments):
    mine, theirs = pair(name, arguments)
    for shape in ((3, 5), (5, 3)):
        np.testing.assert_array_equal(mine(shape), keras.ops.convert_to_numpy(theirs(shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "arguments"), RANDOM)
def test_moments_and_bounds(name, arguments, shape):
    """Of n numbers, the mean is off by s / sqrt(n) and the standard deviation by less: 6 times that, in both. The
    largest values of a uniform or cut distribution lie within a thousandth of their limit."""
    mine, theirs = pair(name, {**arguments, "seed": 1})
    own, foreign = np.asarray(mine(shape)), keras.ops.convert_to_numpy(theirs(shape))
    error = 6 * np.sqrt(2 / own.size)
    assert own.mean() == pytest.approx(foreign.mean(), abs=float(error * foreign.std()))
    assert own.std() == pytest.approx(foreign.std(), rel=error)
    normalised = [(w - w.mean()) / w.std() for w in (own, foreign)]
    kurtosis, expected = ((w**4).mean() for w in normalised)
    assert kurtosis == pytest.approx(expected, rel=0.06)  # 1.8 uniform, 2.1 cut, 3 normal
    if "untruncated" not in str(arguments) and name != "RandomNormal":
        for limit in (np.min, np.max):
            assert limit(own) == pytest.approx(limit(foreign), abs=2e-3 * float(np.abs(foreign).max()))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 5)])
def test_orthogonal(shape):
    """The rows or the columns, whichever are fewer, times gain, are orthonormal in both."""
    for initializer in pair("Orthogonal", {"gain": 1.5, "seed": 1}):
        w = keras.ops.convert_to_numpy(np.asarray(initializer(shape))).reshape(-1, shape[-1])
        gram = w.T @ w if len(w) >= shape[-1] else w @ w.T
        close(gram, 2.25 * np.eye(len(gram), dtype=np.float32), 20)


@pytest.mark.parametrize("name", sorted({name for name, _ in (*FIXED, *RANDOM)} | {"Orthogonal"}))
def test_signatures(name):
    mine, theirs = (inspect.signature(getattr(package.initializers, name)) for package in (cygrad, keras))
    listed = [(p.name, p.default) for p in mine.parameters.values()]
    assert listed == [(p.name, p.default) for p in theirs.parameters.values()][: len(listed)]


def test_names():
    """A name gives the initializer that it gives in Keras; every initializer is compared here."""
    for name, value in cygrad.initializers._NAMES.items():
        if value is not cygrad.initializers.Constant:  # Keras has no default for its value
            assert type(keras.initializers.get(name)).__name__ == value.__name__
    classes = {value.__name__ for value in cygrad.initializers._NAMES.values()}
    assert classes == {name for name, _ in (*FIXED, *RANDOM)} | {"Orthogonal"}
