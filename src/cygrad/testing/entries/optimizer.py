"""Entries of csrc/kernels/optimizer.c."""

import math

import numpy as np

from .common import ALL_SIZES, ENTRIES, MANY, Entry, case, normal, single


def sgd_step(rng, n, lr=0.1, momentum=0.9, nesterov=0, velocity=True):
    return {
        **{"w": normal(rng, n), "velocity": normal(rng, n) if velocity else None, "g": normal(rng, n)},
        **{"n": n, "lr": single(lr), "momentum": single(momentum), "nesterov": nesterov},
    }


def adam_step(rng, n, lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-7, step=3, vhat=False):
    return {
        **{
            "w": normal(rng, n),
            "m": normal(rng, n),
            "v": normal(rng, n) ** 2,
            "vhat": normal(rng, n) ** 2 if vhat else None,
        },
        **{"g": normal(rng, n), "n": n, "lr": single(lr), "beta1": single(beta1), "beta2": single(beta2)},
        **{"epsilon": single(epsilon), "step": step},
    }


def rmsprop_step(rng, n, lr=0.01, rho=0.9, momentum=0.8, epsilon=1e-7, a=False, b=False):
    mean = normal(rng, n)
    return {
        **{"w": normal(rng, n), "v": mean**2 + np.float32(0.5) + normal(rng, n) ** 2, "a": mean if a else None},
        **{"b": normal(rng, n) if b else None, "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "rho": single(rho), "momentum": single(momentum), "epsilon": single(epsilon)},
    }


def sgd_magnitude(a, expected):
    step = a["lr"] * np.abs(a["g"])
    if a["velocity"] is None:
        return {"w": np.abs(a["w"]) + step}
    velocity = a["momentum"] * np.abs(a["velocity"]) + step
    return {"w": np.abs(a["w"]) + velocity + step, "velocity": velocity}


def adam_magnitude(a, expected):
    m, v = np.abs(a["m"]) + np.abs(a["g"]), a["v"] + (1 - a["beta2"]) * (a["g"] ** 2 + a["v"])
    second = expected["v" if a["vhat"] is None else "vhat"]
    rate = a["lr"] * math.sqrt(1 - a["beta2"] ** a["step"]) / (1 - a["beta1"] ** a["step"])
    return {"w": np.abs(a["w"]) + rate * m / (np.sqrt(second) + a["epsilon"]), "m": m, "v": v}


def rmsprop_magnitude(a, expected):
    mean = 0 if a["a"] is None else expected["a"] ** 2
    d = expected["v"] + a["epsilon"]
    update = a["lr"] * np.abs(a["g"]) / np.sqrt(d - mean) * d / (d - mean)  # the difference cancels
    old = 0 if a["b"] is None else a["momentum"] * np.abs(a["b"])
    average = np.abs(a["rho"] * (0 if a["a"] is None else a["a"])) + np.abs(a["g"])
    return {"w": np.abs(a["w"]) + old + update, "a": average, "b": old + update}


ENTRIES["sgd_step"] = Entry(
    sgd_step,
    [
        *ALL_SIZES,
        case(n=100, nesterov=1),
        case(n=MANY, nesterov=1),
        case(n=100, velocity=False),
        case(n=MANY, velocity=False),
    ],
    2,
    sgd_magnitude,
    lambda a: (2 if a["velocity"] is None else 4) * a["n"],
    in_out=("w", "velocity"),
)
ENTRIES["adam_step"] = Entry(
    adam_step,
    [
        *ALL_SIZES,
        *(case(n=n, vhat=vhat, step=step) for n in (100, MANY) for vhat in (False, True) for step in (1, 10, 100000)),
    ],
    6,
    adam_magnitude,
    lambda a: 11 * a["n"],
    in_out=("w", "m", "v", "vhat"),
)
ENTRIES["rmsprop_step"] = Entry(
    rmsprop_step,
    [*ALL_SIZES, *(case(n=n, a=a, b=b) for n in (100, MANY) for a in (False, True) for b in (False, True))],
    6,
    rmsprop_magnitude,
    lambda a: 8 * a["n"],
    in_out=("w", "v", "a", "b"),
)


def adagrad_step(rng, n, lr=0.1, epsilon=1e-7):
    return {
        **{"w": normal(rng, n), "a": normal(rng, n) ** 2, "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "epsilon": single(epsilon)},
    }


def adadelta_step(rng, n, lr=0.5, rho=0.9, epsilon=1e-6):
    return {
        **{"w": normal(rng, n), "a": normal(rng, n) ** 2, "d": normal(rng, n) ** 2, "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "rho": single(rho), "epsilon": single(epsilon)},
    }


def adamax_step(rng, n, lr=0.01, beta1=0.9, beta2=0.99, epsilon=1e-7, step=3):
    return {
        **{"w": normal(rng, n), "m": normal(rng, n), "u": np.abs(normal(rng, n)), "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "beta1": single(beta1), "beta2": single(beta2), "epsilon": single(epsilon), "step": step},
    }


def nadam_step(rng, n, lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-7, m_part=0.8, g_part=0.4, step=3):
    return {
        **{"w": normal(rng, n), "m": normal(rng, n), "v": normal(rng, n) ** 2, "g": normal(rng, n), "n": n},
        **{"lr": single(lr), "beta1": single(beta1), "beta2": single(beta2), "epsilon": single(epsilon)},
        **{"m_part": single(m_part), "g_part": single(g_part), "step": step},
    }


def lion_step(rng, n, lr=0.01, beta1=0.9, beta2=0.99):
    """Gradients of zero too, where momentum decides, and both zero; no sum so near 0 that rounding decides its sign."""
    m, g = normal(rng, n), normal(rng, n)
    g[1::5] = 0
    m[1::10] = 0
    near = np.abs(beta1 * m + (1 - beta1) * g) < 1e-3
    m[near & (m != 0)] = 1
    return {
        **{"w": normal(rng, n), "m": m, "g": g, "n": n},
        **{"lr": single(lr), "beta1": single(beta1), "beta2": single(beta2)},
    }


def adagrad_magnitude(a, expected):
    return {"w": np.abs(a["w"]) + a["lr"] * np.abs(a["g"]) / np.sqrt(expected["a"] + a["epsilon"])}


def adadelta_magnitude(a, expected):
    u = np.sqrt(a["d"] + a["epsilon"]) / np.sqrt(expected["a"] + a["epsilon"]) * np.abs(a["g"])
    return {"w": np.abs(a["w"]) + a["lr"] * u}


def adamax_magnitude(a, expected):
    m = np.abs(a["m"]) + np.abs(a["g"])
    rate = a["lr"] / (1 - a["beta1"] ** a["step"])
    return {"w": np.abs(a["w"]) + rate * m / (expected["u"] + a["epsilon"]), "m": m}


def nadam_magnitude(a, expected):
    m, v = np.abs(a["m"]) + np.abs(a["g"]), a["v"] + (1 - a["beta2"]) * (a["g"] ** 2 + a["v"])
    update = a["lr"] * (a["m_part"] * m + a["g_part"] * np.abs(a["g"]))
    second = np.sqrt(expected["v"] / (1 - a["beta2"] ** a["step"])) + a["epsilon"]
    return {"w": np.abs(a["w"]) + update / second, "m": m, "v": v}


def lion_magnitude(a, expected):
    return {"w": np.abs(a["w"]) + a["lr"], "m": np.abs(a["m"]) + np.abs(a["g"])}


STEPS = [*ALL_SIZES, *(case(n=n, step=step) for n in (100, MANY) for step in (1, 10, 100000))]
ENTRIES["adagrad_step"] = Entry(
    adagrad_step, [*ALL_SIZES, case(n=MANY)], 5, adagrad_magnitude, lambda a: 7 * a["n"], in_out=("w", "a")
)
ENTRIES["adadelta_step"] = Entry(
    adadelta_step, [*ALL_SIZES, case(n=MANY)], 6, adadelta_magnitude, lambda a: 15 * a["n"], in_out=("w", "a", "d")
)
ENTRIES["adamax_step"] = Entry(adamax_step, STEPS, 6, adamax_magnitude, lambda a: 9 * a["n"], in_out=("w", "m", "u"))
ENTRIES["nadam_step"] = Entry(nadam_step, STEPS, 7, nadam_magnitude, lambda a: 14 * a["n"], in_out=("w", "m", "v"))
ENTRIES["lion_step"] = Entry(
    lion_step, [*ALL_SIZES, case(n=MANY)], 3, lion_magnitude, lambda a: 8 * a["n"], in_out=("w", "m")
)


def ftrl_step(rng, n, lr=0.1, lr_power=-0.5, l1=0.2, l2=0.1, shrinkage=0.05, beta=0.3):
    return {
        **{"w": normal(rng, n), "a": normal(rng, n) ** 2 + np.float32(0.1), "z": normal(rng, n), "g": normal(rng, n)},
        **{"n": n, "lr": single(lr), "lr_power": single(lr_power), "l1": single(l1), "l2": single(l2)},
        **{"shrinkage": single(shrinkage), "beta": single(beta)},
    }


def lamb_update(rng, n, beta1=0.9, beta2=0.999, epsilon=1e-6, step=3):
    return {
        **{"u": (n,), "m": normal(rng, n), "v": normal(rng, n) ** 2, "g": normal(rng, n), "n": n},
        **{"beta1": single(beta1), "beta2": single(beta2), "epsilon": single(epsilon), "step": step},
    }


def ftrl_magnitude(a, expected):
    roots = expected["a"] ** -a["lr_power"] + a["a"] ** -a["lr_power"]
    z = np.abs(a["z"]) + np.abs(a["g"]) + (2 * a["shrinkage"] + roots / a["lr"]) * np.abs(a["w"])
    slope = expected["a"] ** -a["lr_power"] / a["lr"] + 2 * a["l2"] + a["beta"] / a["lr"]
    return {"z": z, "w": (z + a["l1"]) / slope}


def lamb_magnitude(a, expected):
    m, v = np.abs(a["m"]) + np.abs(a["g"]), a["v"] + (1 - a["beta2"]) * (a["g"] ** 2 + a["v"])
    second = np.sqrt(expected["v"] / (1 - a["beta2"] ** a["step"])) + a["epsilon"]
    return {"u": m / (1 - a["beta1"] ** a["step"]) / second, "m": m, "v": v}


ENTRIES["ftrl_step"] = Entry(
    ftrl_step,
    [
        *ALL_SIZES,
        *(case(n=n, lr_power=p) for n in (100, MANY) for p in (-0.5, -0.7, 0.0)),
        case(n=100, l1=0.0, beta=0.0),
    ],
    6,
    ftrl_magnitude,
    lambda a: 16 * a["n"],
    in_out=("w", "a", "z"),
)
ENTRIES["lamb_update"] = Entry(lamb_update, STEPS, 7, lamb_magnitude, lambda a: 12 * a["n"], in_out=("m", "v"))
