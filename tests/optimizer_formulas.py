"""The papers' formulas of all optimizers in float64, and what the tests of optimizers share."""

import math

import numpy as np

from cygrad import Variable, optimizers

SHAPES = [(3,), (2, 5), (), (17, 1), (0, 4), (16,)]


def variables_of(rng, shapes=SHAPES):
    variables = [Variable(rng.normal(size=shape), name=f"v{i}") for i, shape in enumerate(shapes)]
    for variable in variables:
        variable.path = f"layer/{variable.name}"
    return variables


def gradients_of(rng, variables, steps):
    return [[np.asarray(rng.normal(size=v.shape), np.float32) for v in variables] for _ in range(steps)]


def run(optimizer, variables, steps):
    for gradients in steps:
        optimizer.apply(gradients, variables)
    return [v.numpy() for v in variables]


# ---- the papers' formulas, one variable, float64: step(w, g, state, t) with t from 1; state starts empty ----


def sgd(learning_rate, momentum=0.0, nesterov=False):
    def step(w, g, s, t):
        s["v"] = momentum * s.get("v", 0) - learning_rate * g
        return w + (momentum * s["v"] - learning_rate * g if nesterov else s["v"])

    return step


def adam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        s["vhat"] = np.maximum(s.get("vhat", 0), s["v"]) if amsgrad else s["v"]
        rate = learning_rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return w - rate * s["m"] / (np.sqrt(s["vhat"]) + epsilon)

    return step


def rmsprop(learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    def step(w, g, s, t):
        s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g
        s["b"] = momentum * s.get("b", 0) + learning_rate * g / np.sqrt(
            s["v"] - (s["a"] ** 2 if centered else 0) + epsilon
        )
        return w - s["b"]

    return step


def adagrad(learning_rate, initial_accumulator_value=0.1, epsilon=1e-7):
    def step(w, g, s, t):
        s["a"] = s.get("a", initial_accumulator_value) + g * g
        return w - learning_rate * g / np.sqrt(s["a"] + epsilon)

    return step


def adadelta(learning_rate, rho=0.95, epsilon=1e-7):
    def step(w, g, s, t):
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g * g
        u = np.sqrt(s.get("d", 0) + epsilon) / np.sqrt(s["a"] + epsilon) * g
        s["d"] = rho * s.get("d", 0) + (1 - rho) * u * u
        return w - learning_rate * u

    return step


def adamax(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["u"] = np.maximum(beta_2 * s.get("u", 0), np.abs(g))
        return w - learning_rate / (1 - beta_1**t) * s["m"] / (s["u"] + epsilon)

    return step


def nadam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def part(t):
        return beta_1 * (1 - 0.5 * 0.96**t)

    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        product = math.prod(part(i) for i in range(1, t + 1))
        m = part(t + 1) * s["m"] / (1 - product * part(t + 1)) + (1 - part(t)) * g / (1 - product)
        return w - learning_rate * m / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)

    return step


def lion(learning_rate, beta_1=0.9, beta_2=0.99):
    def step(w, g, s, t):
        update = np.sign(beta_1 * s.get("m", 0) + (1 - beta_1) * g)
        s["m"] = beta_2 * s.get("m", 0) + (1 - beta_2) * g
        return w - learning_rate * update

    return step


def ftrl(
    learning_rate,
    learning_rate_power=-0.5,
    initial_accumulator_value=0.1,
    l1_regularization_strength=0.0,
    l2_regularization_strength=0.0,
    l2_shrinkage_regularization_strength=0.0,
    beta=0.0,
):
    def step(w, g, s, t):
        old = s.get("a", initial_accumulator_value)
        s["a"] = old + g * g
        root, before = s["a"] ** -learning_rate_power, old**-learning_rate_power
        s["z"] = s.get("z", 0) + g + 2 * l2_shrinkage_regularization_strength * w - (root - before) / learning_rate * w
        ridge = 2 * l2_regularization_strength + beta / learning_rate
        l1 = l1_regularization_strength
        return (np.clip(s["z"], -l1, l1) - s["z"]) / (root / learning_rate + ridge)

    return step


def lamb(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def step(w, g, s, t):
        s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * g
        s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * g * g
        u = s["m"] / (1 - beta_1**t) / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)
        sizes = np.sqrt(np.sum(w * w)), np.sqrt(np.sum(u * u))
        return w - learning_rate * (sizes[0] / sizes[1] if min(sizes) > 0 else 1) * u

    return step


def adafactor(learning_rate, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0):
    def rms(x):
        return np.sqrt(np.mean(x * x))

    def step(w, g, s, t):
        if not w.size:
            return w
        b, squares = 1 - t**beta_2_decay, g * g + epsilon_1
        if w.ndim < 2:
            v = s["v"] = b * s.get("v", 0) + (1 - b) * squares
        else:
            s["r"] = b * s.get("r", 0) + (1 - b) * squares.mean(-1)
            s["c"] = b * s.get("c", 0) + (1 - b) * squares.mean(-2)
            v = (s["r"] / s["r"].mean(-1, keepdims=True))[..., None] * s["c"][..., None, :]
        u = g / np.sqrt(v)
        rate = max(epsilon_2, rms(w)) * min(learning_rate, 1 / math.sqrt(t))
        return w - rate * u / max(1, rms(u) / clip_threshold)

    return step


def muon(learning_rate, weight_decay, adam_weight_decay, momentum=0.95, nesterov=True, rms_rate=0.2, ns_steps=5):
    adams = adam(learning_rate)

    def step(w, g, s, t):
        if w.ndim != 2:
            return adams(w, g, s, t)
        if not w.size:
            return w
        s["m"] = momentum * s.get("m", 0) + g
        x = g + momentum * s["m"] if nesterov else s["m"]
        x = x / (np.sqrt(np.sum(x * x)) + 1e-7)
        for _ in range(ns_steps):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        return w - learning_rate * x * (1 if rms_rate is None else rms_rate * math.sqrt(max(w.shape)))

    return step


NO_DECAY = {"weight_decay": None, "adam_weight_decay": None}  # which is not in the formulas here
CASES = {
    "ftrl": (optimizers.Ftrl, ftrl, {"learning_rate": 0.1}),
    "ftrl all": (
        optimizers.Ftrl,
        ftrl,
        {
            "learning_rate": 0.2,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "l1_regularization_strength": 0.2,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.4,
        },
    ),
    "lamb": (optimizers.Lamb, lamb, {"learning_rate": 0.02, "beta_2": 0.9}),
    "adafactor": (optimizers.Adafactor, adafactor, {"learning_rate": 0.3}),
    "adafactor all": (
        optimizers.Adafactor,
        adafactor,
        {"learning_rate": 0.2, "beta_2_decay": -0.5, "epsilon_1": 0.1, "epsilon_2": 0.8, "clip_threshold": 0.5},
    ),
    "muon": (optimizers.Muon, muon, {"learning_rate": 0.02, **NO_DECAY}),
    "muon plain": (
        optimizers.Muon,
        muon,
        {"learning_rate": 0.02, "momentum": 0.5, "nesterov": False, "rms_rate": None, "ns_steps": 3, **NO_DECAY},
    ),
    "adagrad": (optimizers.Adagrad, adagrad, {"learning_rate": 0.1}),
    "adagrad start": (optimizers.Adagrad, adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.0}),
    "adadelta": (optimizers.Adadelta, adadelta, {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    "adamax": (optimizers.Adamax, adamax, {"learning_rate": 0.02, "beta_2": 0.7}),
    "nadam": (optimizers.Nadam, nadam, {"learning_rate": 0.02, "beta_1": 0.8}),
    "lion": (optimizers.Lion, lion, {"learning_rate": 0.02, "beta_1": 0.6}),
    "sgd": (optimizers.SGD, sgd, {"learning_rate": 0.1}),
    "sgd momentum": (optimizers.SGD, sgd, {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": (optimizers.SGD, sgd, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    "adam": (optimizers.Adam, adam, {"learning_rate": 0.02}),
    "adam betas": (optimizers.Adam, adam, {"learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01}),
    "amsgrad": (optimizers.Adam, adam, {"learning_rate": 0.1, "beta_2": 0.5, "amsgrad": True}),
    "rmsprop": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02}),
    "rmsprop momentum": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02, "rho": 0.6, "momentum": 0.7}),
    "rmsprop centered": (optimizers.RMSprop, rmsprop, {"learning_rate": 0.02, "epsilon": 0.01, "centered": True}),
    "rmsprop all": (
        optimizers.RMSprop,
        rmsprop,
        {"learning_rate": 0.02, "momentum": 0.5, "epsilon": 0.1, "centered": True},
    ),
}


def expected(formula, starts, steps, change=lambda w, gradients: (w, gradients)):
    weights, states = [np.asarray(w, np.float64) for w in starts], [{} for _ in starts]
    for t, gradients in enumerate(steps, 1):
        weights, gradients = change(weights, [np.asarray(g, np.float64) for g in gradients])
        weights = [formula(w, g, s, t) for w, g, s in zip(weights, gradients, states)]
    return weights


def agree(got, wanted, tolerance=2e-5):
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
