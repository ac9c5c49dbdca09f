"""Entries of csrc/kernels/activation.c."""

import math

import numpy as np

from ... import reference
from .common import ALL_SIZES, ENTRIES, EXACT, EXTREMES, LIMITS, ROUNDED, Entry, case, normal, single


def unary(name, saved, forward, backward, forward_magnitude=None, backward_magnitude=None, limits=LIMITS, domain=None,
          flops=(10, 4), **scalars):  # fmt: skip
    """Adds NAME_forward and NAME_backward, whose ulps are forward and backward; backward takes saved, "x" or "y".

    forward_magnitude(x) and backward_magnitude(dy, saved): where the formula adds. domain maps normal numbers to the
    function's domain. limits: the infinities at which the formula has a value.
    """
    function = getattr(reference, f"{name}_forward")
    scalars = {key: single(value) for key, value in scalars.items()}

    def inputs(rng, n, values):
        x = 2 * rng.standard_normal(n)
        x = (x if domain is None else domain(x)).astype(np.float32)
        x[: len(values)] = values
        return x

    def make_forward(rng, n, values=()):
        return {"y": (n,), "x": inputs(rng, n, values), "n": n, **scalars}

    def make_backward(rng, n, values=()):
        given = inputs(rng, n, values)
        if saved == "y":
            y = np.empty(n)
            with np.errstate(all="ignore"):
                function(y, given.astype(np.float64), n, **scalars)
                given = y.astype(np.float32)
        return {"dx": (n,), "dy": normal(rng, n), saved: given, "n": n, **scalars}

    ENTRIES[f"{name}_forward"] = Entry(
        make_forward,
        [*ALL_SIZES, case(n=97, values=(*EXTREMES, *limits, math.nan))],
        forward,
        forward_magnitude and (lambda a, expected: {"y": forward_magnitude(a["x"])}),
        lambda a: flops[0] * a["n"],
        in_place=(("y", "x"),),
    )
    ENTRIES[f"{name}_backward"] = Entry(
        make_backward,
        [*ALL_SIZES, case(n=97, values=EXTREMES)],
        backward,
        backward_magnitude and (lambda a, expected: {"dx": backward_magnitude(np.abs(a["dy"]), a[saved])}),
        lambda a: flops[1] * a["n"],
        in_place=(("dx", "dy"),),
    )


def gelu_backward_magnitude(dy, x):
    return dy * (1 + np.abs(x) * np.exp(-(x**2) / 2))


def gelu_tanh_backward_magnitude(dy, x):
    x = np.minimum(np.abs(x), 6)  # tanh is 1 beyond, in float32, and 1 - tanh^2 is 0
    return dy * (1 + x * 0.8 * (1 + 0.13 * x**2))


def silu_backward_magnitude(dy, x):
    s = np.exp(-np.logaddexp(0, -x))
    return dy * s * (1 + np.abs(x) * (1 - s))


unary("relu", "y", EXACT, EXACT, flops=(1, 1))
unary("leaky_relu", "x", ROUNDED, ROUNDED, flops=(1, 1), negative_slope=0.3)
unary("elu", "y", 3, 2, None, lambda dy, y: dy * np.where(y > 0, 1, np.abs(y) + 0.7), alpha=0.7)
unary("selu", "y", 4, 3, None, lambda dy, y: dy * np.where(y > 0, 1.1, np.abs(y) + 1.8))
unary("sigmoid", "y", 4, 2)
unary("tanh", "y", 4, 2, None, lambda dy, y: dy * (1 + y**2))
unary("softplus", "y", 4, 4)
unary("softsign", "x", 2, 3, limits=(), flops=(3, 4))
unary("gelu", "x", 6, 6, np.abs, gelu_backward_magnitude, limits=LIMITS[:1], flops=(25, 35))
unary("gelu_tanh", "x", 8, 10, np.abs, gelu_tanh_backward_magnitude, limits=LIMITS[:1], flops=(20, 30))
unary("silu", "x", 4, 6, None, silu_backward_magnitude, limits=LIMITS[:1])
unary("exp", "y", 3, ROUNDED, flops=(10, 1))
unary("hard_sigmoid", "y", 2, 1, lambda x: np.minimum(np.abs(x), 3) / 6 + 0.5, flops=(3, 3))
