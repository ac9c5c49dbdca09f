"""csrc/vmath.h through the kernels: errors over all exponents, on every instruction set; the same bits where FMA is."""

import numpy as np
import pytest

from cygrad import _core, reference
from cygrad.testing import settings

# Largest error in units in the last place of the result; vmath.h states what was measured.
ULPS = {"exp": 1.3, "tanh": 1.9, "sigmoid": 2.5, "softplus": 1.9, "log": 1.0, "elu": 1.4}
# Largest |error| / |x| (of a backward: / |dy|) in units of 2^-24: gelu's factor is accurate absolutely
SCALED = {"gelu": 4.0, "gelu_backward": 4.6}
FMA = [isa for isa in _core.available_isas() if isa != "baseline"]


def floats():
    """512 floats of every exponent and sign, with zeros, infinities and NaN, and 2^17 where the functions bend."""
    rng = np.random.default_rng(0)
    bits = (np.arange(512, dtype=np.uint32)[:, None] << 23) | rng.integers(0, 1 << 23, (512, 512), dtype=np.uint32)
    bits[:, 0] &= 0xFF800000
    bits[255::256, 1:] |= 0x400000  # quiet NaNs
    return np.concatenate([bits.ravel().view(np.float32), rng.uniform(-20, 20, 1 << 17).astype(np.float32)])


X = floats()


def run(name, x, isa):
    y = np.empty_like(x)
    with settings(isa):
        if name == "gelu_backward":
            _core.gelu_backward(y, np.ones_like(x), x, x.size)
        else:
            getattr(_core, f"{name}_forward")(y, x, x.size, *([1.0] if name == "elu" else []))
    return y


def exact(name, x):
    y = np.empty(x.size)
    with np.errstate(all="ignore"):
        if name == "gelu_backward":
            reference.gelu_backward(y, np.ones(x.size), np.float64(x), x.size)
        else:
            getattr(reference, f"{name}_forward")(y, np.float64(x), x.size, *([1.0] if name == "elu" else []))
    return y


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("name", [*ULPS, *SCALED])
def test_error(name, isa):
    x = X[np.isfinite(X)] if name in SCALED else X
    got, want = run(name, x, isa).astype(np.float64), exact(name, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    with np.errstate(all="ignore"):
        if name in ULPS:
            # sigmoid and softplus of what is nearly lost are factors of denormals
            unit = np.maximum(2.0 ** (np.floor(np.log2(np.abs(want))) - 23), 2.0**-149)
        else:
            unit = 2.0**-24 * (np.abs(np.float64(x)) if name == "gelu" else 1) + 2.0**-149
        right = (got == want) | np.isnan(want) | (np.isinf(got) & (np.abs(want) > 3.4028235e38))
        error = np.where(right, 0, np.abs(got - want) / unit)
    worst = np.argmax(error)
    bound = {**ULPS, **SCALED}[name] * (1 if isa in FMA else 1.1)
    assert error[worst] <= bound, f"{name}({x[worst]!r}) = {got[worst]!r}, not {want[worst]!r}"


@pytest.mark.skipif(len(FMA) < 2, reason="one instruction set with fused multiply-add")
@pytest.mark.parametrize("name", [*ULPS, *SCALED])
def test_same_bits(name):
    first, *others = [run(name, X, isa) for isa in FMA]
    for other in others:
        same = (first.view("i4") == other.view("i4")) | (np.isnan(first) & np.isnan(other))
        assert same.all(), X[~same]


@pytest.mark.parametrize("isa", _core.available_isas())
def test_gelu_far_from_zero(isa):
    """Its factor is exactly 0 or 1, so that the error does not grow with x."""
    x = np.float32([6, 7, 20, 1e4, 3e38])
    np.testing.assert_array_equal(run("gelu", x, isa), x)
    np.testing.assert_array_equal(run("gelu", -x, isa), 0 * x)
    np.testing.assert_array_equal(run("gelu_backward", np.concatenate([x, -x]), isa), [1] * 5 + [0] * 5)


def powers():
    """Bases and exponents: all pairs of special ones, random bits, and what gives moderate results."""
    tiny, large = 1e-45, 3.4e38
    special = [0, 1, 2, 3, 0.5, 1.5, np.inf, tiny, 1e-39, large, 16777215, 16777217, 8388608.5, 0.99999994, 1e30]
    special = np.float32([np.nan, *special, *(-s for s in special)])
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 1 << 32, (2, 1 << 17), dtype=np.uint32).view(np.float32)
    near, wide = rng.uniform(0.5, 2, 1 << 17), np.exp(rng.uniform(-20, 20, 1 << 17))
    steep, gentle = rng.uniform(-150, 150, 1 << 17), rng.uniform(-8, 8, 1 << 17)
    pairs = [np.meshgrid(special, special), bits, (near, steep), (wide, gentle), (-near, np.round(steep))]
    x, y = (np.concatenate([np.float32(np.ravel(p[i])) for p in pairs]) for i in (0, 1))
    return x, y


def test_power():
    """Within 0.51 units in the last place, with the special cases of C, and the same bits on every instruction set."""
    x, y = powers()
    found = []
    for isa in _core.available_isas():
        found.append(np.empty_like(x))
        with settings(isa):
            _core.power(found[-1], x, y, 1, x.shape, (1,), (1,))
    with np.errstate(all="ignore"):
        want = np.power(np.float64(x), np.float64(y))
        unit = np.maximum(2.0 ** (np.floor(np.log2(np.abs(want))) - 23), 2.0**-149)
        got = np.float64(found[0])
        close = np.abs(got - want) <= 0.51 * unit
        right = close | (got == np.float32(want)) | (np.isnan(got) & np.isnan(want))
    right &= (np.signbit(got) == np.signbit(want)) | np.isnan(want)
    assert right.all(), list(zip(x[~right], y[~right], got[~right], want[~right]))[:5]
    for other in found[1:]:
        same = (found[0].view("i4") == other.view("i4")) | np.isnan(got)
        assert same.all(), list(zip(x[~same], y[~same]))[:5]
