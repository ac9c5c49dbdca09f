"""The cases: what is computed, on which numbers, with which result. No framework is imported here but NumPy.

A case is identified by its name ("matmul 512x512x512", "conv2d mnist1 forward+backward", "train mlp-b32"). inputs()
gives the same numbers to every framework, and expected() the result in float64. A model has none: its losses and
predictions in the different frameworks are held against each other.
"""

from dataclasses import dataclass, field

import numpy as np

from . import shapes


@dataclass(frozen=True)
class Case:
    name: str
    kind: str  # matmul, conv2d, elementwise, softmax, max_pool2d, adam, train, predict
    args: tuple = ()
    backward: bool = False
    flops: float = 0.0
    bytes: float = 0.0
    data: dict = field(default=None, compare=False, hash=False, repr=False)


def all_cases():
    cases = []
    for m, k, n in shapes.MATMUL:
        cases.append(
            Case(f"matmul {m}x{k}x{n}", "matmul", (m, k, n), flops=2 * m * k * n, bytes=4 * (m * k + k * n + m * n))
        )
    for name, (n, hw, c, f, r, stride, pad) in shapes.CONV2D.items():
        p = (hw + 2 * pad - r) // stride + 1
        flops = 2 * n * p * p * f * r * r * c
        for backward in (False, True):
            label = f"conv2d {name} forward" + "+backward" * backward
            cases.append(
                Case(label, "conv2d", (n, hw, c, f, r, stride, pad), backward, flops=flops * (3 if backward else 1))
            )
    for n in shapes.SIZES:
        cases += [Case(f"{name} {n}", "elementwise", (name, n), bytes=8 * n) for name in shapes.ELEMENTWISE]
    for m, k in shapes.ROWS:
        cases.append(Case(f"softmax {m}x{k}", "softmax", (m, k), bytes=8 * m * k))
    for n, hw, c in shapes.POOL2D:
        values = n * hw * hw * c
        for backward in (False, True):
            label = f"max_pool2d {n}x{hw}x{hw}x{c} forward" + "+backward" * backward
            cases.append(Case(label, "max_pool2d", (n, hw, c), backward, bytes=values * (11.5 if backward else 5.25)))
    cases += [Case(f"adam {n}", "adam", (n,), bytes=28 * n) for n in shapes.ADAM]
    for kind in ("train", "predict"):
        for model in shapes.MODELS:
            for batch in shapes.BATCHES:
                if kind == "predict" or batch > 1:
                    flops = batch * model_flops(model) * (3 if kind == "train" else 1)
                    cases.append(Case(f"{kind} {model}-b{batch}", kind, (model, batch), flops=flops))
    return cases


def weights_of(model, rng):
    """Keras's layout: kernels [in, out] or [R, S, C, F], each followed by its bias, Glorot-sized random numbers."""
    description = shapes.MODELS[model]
    shape, weights = description["input"], []
    for kind, size in description["layers"] + [("dense", 10)]:
        if kind == "pool":
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "flatten":
            shape = (int(np.prod(shape)),)
        else:
            kernel = (3, 3, shape[2], size) if kind == "conv" else (shape[0], size)
            shape = (shape[0] - 2, shape[1] - 2, size) if kind == "conv" else (size,)
            limit = np.sqrt(6 / (np.prod(kernel[:-1]) + np.prod(kernel) / kernel[-2]))
            weights += [rng.uniform(-limit, limit, kernel).astype("f4"), np.zeros(size, "f4")]
    return weights


def model_flops(model):
    """Multiplications and additions of one sample's forward pass."""
    shape, flops = shapes.MODELS[model]["input"], 0
    for kind, size in shapes.MODELS[model]["layers"] + [("dense", 10)]:
        if kind == "conv":
            flops += 2 * (shape[0] - 2) * (shape[1] - 2) * 9 * shape[2] * size
            shape = (shape[0] - 2, shape[1] - 2, size)
        elif kind == "pool":
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "flatten":
            shape = (int(np.prod(shape)),)
        else:
            flops += 2 * shape[0] * size
            shape = (size,)
    return flops


CHECKED_STEPS = 4  # training steps whose losses must agree between the frameworks


def inputs(case):
    """The numbers of a case: a dict of float32 arrays (labels are int64)."""
    rng = np.random.default_rng(sum(map(ord, case.name)))
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)  # noqa: E731
    if case.kind == "matmul":
        m, k, n = case.args
        return {"a": normal(m, k), "b": normal(k, n)}
    if case.kind == "conv2d":
        n, hw, c, f, r, stride, pad = case.args
        p = (hw + 2 * pad - r) // stride + 1
        return {"x": normal(n, hw, hw, c), "kernel": normal(r, r, c, f) / np.float32(r * np.sqrt(c)), "bias": normal(f),
                "dy": normal(n, p, p, f)}  # fmt: skip
    if case.kind == "elementwise":
        return {"x": normal(case.args[1])}
    if case.kind == "softmax":
        return {"x": normal(*case.args)}
    if case.kind == "max_pool2d":
        n, hw, c = case.args
        return {"x": normal(n, hw, hw, c), "dy": normal(n, hw // 2, hw // 2, c)}
    if case.kind == "adam":
        g = normal(case.args[0])  # away from 0, where the frameworks' epsilons stand in different places
        return {"w": normal(case.args[0]), "g": g + np.copysign(np.float32(0.1), g)}
    model, batch = case.args
    return {
        "x": normal(batch, *shapes.MODELS[model]["input"]),
        "y": rng.integers(0, 10, batch),
        "weights": weights_of(model, rng),
    }


def expected(case, data):
    """The result in float64, as a list of arrays; None for models."""
    f8 = {k: v.astype("f8") for k, v in data.items() if k not in ("y", "weights")}
    if case.kind == "matmul":
        return [f8["a"] @ f8["b"]]
    if case.kind == "conv2d":
        return _conv2d(case, f8)
    if case.kind == "elementwise":
        x = f8["x"]
        with np.errstate(over="ignore"):
            sigmoid = 1 / (1 + np.exp(-x))
        if case.args[0] == "gelu":
            import math

            sample = x[:1000]
            return [sample * (1 + np.array([math.erf(v / math.sqrt(2)) for v in sample])) / 2]
        return [
            {"relu": np.maximum(x, 0), "sigmoid": sigmoid, "tanh": np.tanh(x), "exp": np.exp(x), "silu": x * sigmoid}[
                case.args[0]
            ]
        ]
    if case.kind == "softmax":
        e = np.exp(f8["x"] - f8["x"].max(-1, keepdims=True))
        return [e / e.sum(-1, keepdims=True)]
    if case.kind == "max_pool2d":
        n, hw, c = case.args
        windows = f8["x"].reshape(n, hw // 2, 2, hw // 2, 2, c)
        y = windows.max((2, 4))
        if not case.backward:
            return [y]
        winner = windows == y[:, :, None, :, None]
        return [y, (winner * f8["dy"][:, :, None, :, None]).reshape(n, hw, hw, c)]
    if case.kind == "adam":  # one step from zero slots: w - lr g / (|g| + epsilon')
        return [f8["w"] - 1e-3 * np.sign(f8["g"])]
    return None


def _conv2d(case, f8):
    _, hw, c, f, r, stride, pad = case.args
    p = f8["dy"].shape[1]
    x = np.pad(f8["x"], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    y, dx, dkernel = np.zeros_like(f8["dy"]) + f8["bias"], np.zeros_like(x), np.zeros_like(f8["kernel"])
    for i in range(r):
        for j in range(r):
            window = (
                slice(None),
                slice(i, i + stride * (p - 1) + 1, stride),
                slice(j, j + stride * (p - 1) + 1, stride),
            )
            y += x[window] @ f8["kernel"][i, j]
            if case.backward:
                dx[window] += f8["dy"] @ f8["kernel"][i, j].T
                dkernel[i, j] = x[window].reshape(-1, c).T @ f8["dy"].reshape(-1, f)
    inner = slice(pad, pad + hw)
    return [y, dx[:, inner, inner], dkernel, f8["dy"].sum((0, 1, 2))] if case.backward else [y]


def verify(case, results, wanted):
    """Raises AssertionError unless a framework's results are the expected ones within float32's reach."""
    for got, want in zip(results, wanted, strict=True):
        got = np.asarray(got, "f8")[: len(want)] if case.kind == "elementwise" else np.asarray(got, "f8")
        assert got.shape == want.shape, f"{case.name}: shape {got.shape} instead of {want.shape}"
        scale = np.abs(want).max() + 1e-30
        error = np.abs(got - want).max() / scale
        assert error < 1e-4, f"{case.name}: off by {error:.1e} of the largest value"
