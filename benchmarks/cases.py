"""The cases: what is computed, on which numbers, with which result. No framework is imported here but NumPy.

One class a kind of work. A case has a name ("matmul 512x512x512", "conv2d mnist1 forward+backward", "train mlp-b32");
inputs() gives the same numbers to every framework, and expected() the result in float64. Models have none: their
losses and predictions in the different frameworks are held against each other. flops and bytes are what the work needs
at least: each operand read once, each result written once.
"""

import math
from dataclasses import dataclass, fields

import numpy as np

from . import shapes
from .networks import model_flops, weights_of


class Case:
    kind = ""  # the name of the method of a framework that does it
    section = ""  # of the report
    isa = None  # cygrad's instruction set, if it is pinned
    rest = 0.0  # seconds of sleep before every call
    flops = bytes = 0

    def generator(self):
        """Random numbers that depend on the case alone."""
        return np.random.default_rng([ord(c) for c in self.kind + repr([getattr(self, f.name) for f in fields(self)])])

    def normal(self, *shapes_):
        rng = self.generator()
        return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes_]

    def expected(self, data):
        """The results in float64, as a list of arrays; None where there is no formula for them."""

    def verify(self, results, data, wanted):
        """Raises AssertionError unless a framework's results are those of expected() within float32's reach."""
        for got, want in zip(results, wanted or (), strict=bool(wanted)):
            close(self.name, got, want)


def close(name, got, want):
    got = np.asarray(got, "f8")
    assert got.shape == want.shape, f"{name}: shape {got.shape} instead of {want.shape}"
    error = np.abs(got - want).max() / (np.abs(want).max() + 1e-30)
    assert error < 1e-4, f"{name}: off by {error:.1e} of the largest value"


def doubles(data):
    return {key: value.astype("f8") for key, value in data.items()}


@dataclass(frozen=True)
class Matmul(Case):
    kind, section = "matmul", "matmul"
    M: int
    K: int
    N: int
    transposed: str = "NN"  # T: the left or the right operand lies transposed in memory
    isa: str | None = None

    @property
    def name(self):
        return " ".join(
            [
                f"matmul {self.M}x{self.K}x{self.N}",
                *([self.transposed] if self.transposed != "NN" else []),
                *([self.isa] if self.isa else []),
            ]
        )

    @property
    def flops(self):
        return 2 * self.M * self.K * self.N

    @property
    def bytes(self):
        return 4 * (self.M * self.K + self.K * self.N + self.M * self.N)

    def inputs(self):
        turned = [letter == "T" for letter in self.transposed]
        a, b = self.normal(
            *(s[::-1] if t else s for s, t in zip(((self.M, self.K), (self.K, self.N)), turned, strict=True))
        )
        return {"a": a, "b": b}

    def factors(self, a, b):
        """What is multiplied: a and b as they lie, or views of them."""
        return [v.T if letter == "T" else v for v, letter in zip((a, b), self.transposed, strict=True)]

    def expected(self, data):
        a, b = self.factors(data["a"].astype("f8"), data["b"].astype("f8"))
        return [a @ b]


@dataclass(frozen=True)
class Conv2D(Case):
    kind, section = "conv2d", "conv2d"
    label: str
    conv: shapes.Conv
    backward: bool

    @property
    def name(self):
        return f"conv2d {self.label} forward" + "+backward" * self.backward

    @property
    def flops(self):
        c, (p, q), (r, s) = self.conv, self.conv.output, self.conv.kernel
        return 2 * c.N * p * q * c.F * r * s * (c.C // c.groups) * (3 if self.backward else 1)

    @property
    def bytes(self):
        c, (p, q), (r, s) = self.conv, self.conv.output, self.conv.kernel
        x, y, kernel = c.N * c.H**2 * c.C, c.N * p * q * c.F, r * s * c.C // c.groups * c.F
        return 4 * (x + y + kernel) * (3 if self.backward else 1)  # forward; dx of dy and kernel; dkernel of dy and x

    def inputs(self):
        c = self.conv
        kernel = (*c.kernel, c.C // c.groups, c.F)
        x, k, bias, dy = self.normal((c.N, c.H, c.H, c.C), kernel, (c.F,), (c.N, *c.output, c.F))
        return {"x": x, "kernel": k / np.float32(math.sqrt(math.prod(kernel[:3]))), "bias": bias, "dy": dy}

    def expected(self, data):
        """y and dx of the first and the last image, and all of dkernel and dbias."""
        c, (p, q), (pad_h, pad_w) = self.conv, self.conv.output, self.conv.pad
        grouped = lambda v: v.reshape(-1, c.groups, v.shape[-1] // c.groups).transpose(1, 0, 2)  # noqa: E731
        joined = lambda v, shape: v.transpose(1, 0, 2).reshape(shape)  # noqa: E731
        f8 = doubles(data)
        x = np.pad(f8["x"], ((0, 0), (pad_h, pad_h), (pad_w, pad_w), (0, 0)))
        ends = self.ends
        y, dx, dkernel = f8["bias"] + np.zeros_like(f8["dy"][ends]), np.zeros_like(x[ends]), np.zeros_like(f8["kernel"])
        dy, dy_ends = grouped(f8["dy"]), grouped(f8["dy"][ends])
        for i in range(c.kernel[0]):
            for j in range(c.kernel[1]):
                rows = slice(i, i + c.stride * (p - 1) + 1, c.stride)
                window = (slice(None), rows, slice(j, j + c.stride * (q - 1) + 1, c.stride))
                kernel = grouped(f8["kernel"][i, j])  # [G, C/G, F/G]
                y += joined(grouped(x[ends][window]) @ kernel, y.shape)
                if self.backward:
                    dx[window] += joined(dy_ends @ kernel.transpose(0, 2, 1), dx[window].shape)
                    dkernel[i, j] = joined(grouped(x[window]).transpose(0, 2, 1) @ dy, dkernel[i, j].shape)
        if not self.backward:
            return [y]
        return [y, dx[:, pad_h : pad_h + c.H, pad_w : pad_w + c.H], dkernel, f8["dy"].sum((0, 1, 2))]

    @property
    def ends(self):
        return slice(None, None, max(1, self.conv.N - 1))

    def verify(self, results, data, wanted):
        y, *gradients = results
        if gradients:
            gradients[0] = gradients[0][self.ends]
        super().verify([y[self.ends], *gradients], data, wanted)


@dataclass(frozen=True)
class Conv1D(Case):
    kind, section = "conv1d", "conv1d"
    label: str
    conv: shapes.Conv1D
    backward: bool

    @property
    def name(self):
        return f"conv1d {self.label} forward" + "+backward" * self.backward

    @property
    def flops(self):
        c = self.conv
        return 2 * c.N * c.output * c.F * c.taps * c.C * (3 if self.backward else 1)

    @property
    def bytes(self):
        c = self.conv
        return 4 * (c.N * (c.W * c.C + c.output * c.F) + c.taps * c.C * c.F) * (3 if self.backward else 1)

    def inputs(self):
        c = self.conv
        x, k, bias, dy = self.normal((c.N, c.W, c.C), (c.taps, c.C, c.F), (c.F,), (c.N, c.output, c.F))
        return {"x": x, "kernel": k / np.float32(math.sqrt(c.taps * c.C)), "bias": bias, "dy": dy}

    def expected(self, data):
        c, f8 = self.conv, doubles(data)
        x = np.pad(f8["x"], ((0, 0), (c.pad, c.pad), (0, 0)))
        y, dx, dkernel = f8["bias"] + np.zeros_like(f8["dy"]), np.zeros_like(x), np.zeros_like(f8["kernel"])
        for i in range(c.taps):
            window = (slice(None), slice(i, i + c.stride * (c.output - 1) + 1, c.stride))
            y += x[window] @ f8["kernel"][i]
            if self.backward:
                dx[window] += f8["dy"] @ f8["kernel"][i].T
                dkernel[i] = np.tensordot(x[window], f8["dy"], ((0, 1), (0, 1)))
        return [y, dx[:, c.pad : c.pad + c.W], dkernel, f8["dy"].sum((0, 1))] if self.backward else [y]


@dataclass(frozen=True)
class Elementwise(Case):
    kind, section = "elementwise", "memory-bound"
    function: str
    n: int
    backward: bool = False

    @property
    def name(self):
        return f"{self.function} {self.n}" + " forward+backward" * self.backward

    @property
    def bytes(self):
        return self.n * (20 if self.backward else 8)

    def inputs(self):
        x, dy = self.normal(self.n, self.n)
        return {"x": x, "dy": dy} if self.backward else {"x": x}

    def verify(self, results, data, wanted):
        places = slice(None, None, max(1, self.n // 1000 - 1))  # some values, also of the end
        some = lambda v: np.append(v[places], v[-1]).astype("f8")  # noqa: E731
        x = some(data["x"])
        with np.errstate(over="ignore"):
            sigmoid = 1 / (1 + np.exp(-x))
        cdf = (1 + np.array([math.erf(v / math.sqrt(2)) for v in x])) / 2
        wanted = {  # the function and its derivative
            "relu": (np.maximum(x, 0), x > 0),
            "sigmoid": (sigmoid, sigmoid * (1 - sigmoid)),
            "tanh": (np.tanh(x), 1 - np.tanh(x) ** 2),
            "exp": (np.exp(x), np.exp(x)),
            "silu": (x * sigmoid, sigmoid * (1 + x * (1 - sigmoid))),
            "gelu": (x * cdf, cdf + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)),
        }[self.function]
        close(self.name, some(np.asarray(results[0])), wanted[0])
        if self.backward:
            close(self.name, some(np.asarray(results[1])), some(data["dy"]) * wanted[1])


@dataclass(frozen=True)
class Broadcast(Case):
    """x[rows, columns] + a row, or a column."""

    kind, section = "broadcast", "memory-bound"
    rows: int
    columns: int
    other: str

    @property
    def name(self):
        return f"{self.rows}x{self.columns} + a {self.other}"

    @property
    def bytes(self):
        return 8 * self.rows * self.columns

    def inputs(self):
        shape = (1, self.columns) if self.other == "row" else (self.rows, 1)
        x, b = self.normal((self.rows, self.columns), shape)
        return {"x": x, "b": b}

    def expected(self, data):
        return [data["x"].astype("f8") + data["b"]]


@dataclass(frozen=True)
class Dropout(Case):
    """Half of the values, drawn anew at each call, are 0 and the others twice as large."""

    kind, section = "dropout", "memory-bound"
    n: int

    @property
    def name(self):
        return f"dropout {self.n}"

    @property
    def bytes(self):
        return 8 * self.n

    def inputs(self):
        return {"x": self.normal(self.n)[0]}

    def verify(self, results, data, wanted):
        y = np.asarray(results[0])
        kept = y != 0
        assert np.allclose(y[kept], 2 * data["x"][kept]), f"{self.name}: a value is neither 0 nor twice x"
        assert abs(kept.mean() - 0.5) < 3 / math.sqrt(self.n), f"{self.name}: {kept.mean():.4f} of the values are kept"


@dataclass(frozen=True)
class Softmax(Case):
    kind, section = "softmax", "memory-bound"
    rows: int
    columns: int
    backward: bool = False

    @property
    def name(self):
        return f"softmax {self.rows}x{self.columns}" + " forward+backward" * self.backward

    @property
    def bytes(self):
        return (20 if self.backward else 8) * self.rows * self.columns

    def inputs(self):
        x, dy = self.normal(*[(self.rows, self.columns)] * 2)
        return {"x": x, "dy": dy} if self.backward else {"x": x}

    def expected(self, data):
        e = np.exp(data["x"].astype("f8") - data["x"].max(-1, keepdims=True))
        y = e / e.sum(-1, keepdims=True)
        return [y, y * (data["dy"] - (data["dy"] * y).sum(-1, keepdims=True))] if self.backward else [y]


@dataclass(frozen=True)
class Embedding(Case):
    """The rows of a table at the words of sequences; backward gives the gradient of the table."""

    kind, section = "embedding", "memory-bound"
    batch: int
    steps: int
    words: int
    features: int
    backward: bool = False

    @property
    def name(self):
        table = f"{self.words}x{self.features}"
        return f"embedding {self.batch}x{self.steps} of {table} forward" + "+backward" * self.backward

    @property
    def bytes(self):
        """Forward copies rows; backward clears the table's gradient and adds rows to it."""
        row = 4 * self.features
        return row * (2 * self.batch * self.steps + (3 * self.batch * self.steps + self.words) * self.backward)

    def inputs(self):
        x, dy = self.normal((self.words, self.features), (self.batch, self.steps, self.features))
        words = self.generator().integers(0, self.words, (self.batch, self.steps), dtype=np.int32)
        return {"x": x, "indices": words} | ({"dy": dy} if self.backward else {})

    def expected(self, data):
        y = data["x"][data["indices"]].astype("f8")
        if not self.backward:
            return [y]
        gradient = np.zeros(data["x"].shape)
        np.add.at(gradient, data["indices"], data["dy"])
        return [y, gradient]


NORM_EPSILON = 1e-3  # Keras's


class Normalization(Case):
    """(x - mean) / sqrt(variance + epsilon) gamma + beta, over `over`: what layer and batch normalisation share."""

    section = "memory-bound"
    backward = False

    @property
    def name(self):
        return f"{self.kind} {'x'.join(map(str, self.shape))} forward" + "+backward" * self.backward

    @property
    def bytes(self):
        """Forward reads x for the sums and again for y; backward reads x and dy twice and writes dx."""
        return 4 * math.prod(self.shape) * (3 + 5 * self.backward)

    def inputs(self):
        x, dy, gamma, beta = self.normal(self.shape, self.shape, self.shape[-1:], self.shape[-1:])
        return {"x": x, "dy": dy, "gamma": gamma + 1, "beta": beta}

    def expected(self, data):
        f8 = doubles(data)
        x, dy, gamma = f8["x"], f8["dy"], f8["gamma"]
        mean = lambda v: v.mean(self.over, keepdims=True)  # noqa: E731
        scale = 1 / np.sqrt(mean((x - mean(x)) ** 2) + NORM_EPSILON)
        normal = (x - mean(x)) * scale
        y = normal * gamma + f8["beta"]
        if not self.backward:
            return [y]
        dnormal, others = dy * gamma, tuple(range(x.ndim - 1))
        dx = (dnormal - mean(dnormal) - normal * mean(dnormal * normal)) * scale
        return [y, dx, (dy * normal).sum(others), dy.sum(others)]


@dataclass(frozen=True)
class LayerNorm(Normalization):
    kind, over = "layer_norm", (-1,)
    shape: tuple
    backward: bool


@dataclass(frozen=True)
class BatchNorm(Normalization):
    """In training: the batch's own mean and variance, and the moving ones updated."""

    kind, over = "batch_norm", (0, 1, 2)
    shape: tuple
    backward: bool


@dataclass(frozen=True)
class MaxPool2D(Case):
    kind, section = "max_pool2d", "memory-bound"
    N: int
    H: int
    C: int
    window: int
    stride: int
    backward: bool

    @property
    def P(self):
        return (self.H - self.window) // self.stride + 1

    @property
    def name(self):
        window = f" {self.window}x{self.window}" if (self.window, self.stride) != (2, 2) else ""
        return f"max_pool2d {self.N}x{self.H}x{self.H}x{self.C}{window} forward" + "+backward" * self.backward

    @property
    def bytes(self):
        """x and y, and a byte a window for where the maximum was; backward as much again."""
        return self.N * self.C * (4 * self.H**2 + 5 * self.P**2) * (1 + self.backward)

    def inputs(self):
        x, dy = self.normal((self.N, self.H, self.H, self.C), (self.N, self.P, self.P, self.C))
        return {"x": x, "dy": dy}

    def expected(self, data):
        x, last, positions = data["x"], self.stride * (self.P - 1) + 1, []
        for i in range(self.window):
            for j in range(self.window):
                positions.append((slice(None), slice(i, i + last, self.stride), slice(j, j + last, self.stride)))
        y, winner = x[positions[0]].copy(), np.zeros(data["dy"].shape, np.int8)
        for k, place in enumerate(positions):
            winner[x[place] > y] = k
            np.maximum(y, x[place], out=y)
        if not self.backward:
            return [y]
        dx = np.zeros_like(x)
        for k, place in enumerate(positions):
            dx[place] += data["dy"] * (winner == k)
        return [y, dx]


@dataclass(frozen=True)
class AveragePool2D(MaxPool2D):
    """Windows of 2x2, side by side."""

    kind = "average_pool2d"
    window: int = 2
    stride: int = 2
    backward: bool = False

    @property
    def name(self):
        return super().name.replace("max", "average")

    @property
    def bytes(self):
        return 4 * self.N * self.C * (self.H**2 + self.P**2) * (1 + self.backward)

    def expected(self, data):
        x, dy, n = data["x"].astype("f8"), data["dy"].astype("f8"), self.P
        y = x[:, : 2 * n, : 2 * n].reshape(self.N, n, 2, n, 2, self.C).mean((2, 4))
        if not self.backward:
            return [y]
        dx = np.zeros_like(x)
        dx[:, : 2 * n, : 2 * n] = np.repeat(np.repeat(dy, 2, 1), 2, 2) / 4
        return [y, dx]


@dataclass(frozen=True)
class Adam(Case):
    kind, section = "adam", "memory-bound"
    n: int

    @property
    def name(self):
        return f"adam {self.n}"

    @property
    def bytes(self):
        return 28 * self.n  # weight, gradient and two moments read, all but the gradient written

    def inputs(self):
        w, g = self.normal(self.n, self.n)  # g away from 0, where the frameworks' epsilons stand in different places
        return {"w": w, "g": g + np.copysign(np.float32(0.1), g)}

    def expected(self, data):  # one step from zero moments: w - lr g / (|g| + epsilon')
        return [data["w"].astype("f8") - 1e-3 * np.sign(data["g"])]


@dataclass(frozen=True)
class Attention(Case):
    """softmax(q k^T / sqrt(D)) v of each head; backward gives the gradients of q, k and v[N,T,features]."""

    kind, section = "attention", "attention"
    N: int
    T: int
    features: int
    heads: int
    causal: bool
    backward: bool

    @property
    def name(self):
        what = f"{self.N}x{self.T}x{self.features} {self.heads} heads{' causal' * self.causal}"
        return f"attention {what} forward" + "+backward" * self.backward

    @property
    def flops(self):  # where causal, of half of the scores
        pairs = self.T * (self.T + 1) // 2 if self.causal else self.T**2
        return 4 * self.N * pairs * self.features + (10 * self.N * pairs * self.features if self.backward else 0)

    def inputs(self):
        return dict(zip(("x", "k", "v", "dy"), self.normal(*[(self.N, self.T, self.features)] * 4)))

    def expected(self, data):
        split = lambda a: a.astype("f8").reshape(self.N, self.T, self.heads, -1).transpose(0, 2, 1, 3)  # noqa: E731
        joined = lambda a: a.transpose(0, 2, 1, 3).reshape(self.N, self.T, self.features)  # noqa: E731
        turned = lambda a: a.transpose(0, 1, 3, 2)  # noqa: E731
        q, k, v, dy = (split(data[name]) for name in ("x", "k", "v", "dy"))
        scale = 1 / math.sqrt(q.shape[-1])
        scores = q @ turned(k) * scale
        if self.causal:
            scores[..., ~np.tri(self.T, dtype=bool)] = -np.inf
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        if not self.backward:
            return [joined(p @ v)]
        dp = dy @ turned(v)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * scale
        return [joined(a) for a in (p @ v, ds @ k, turned(ds) @ q, turned(p) @ dy)]


@dataclass(frozen=True)
class Recurrent(Case):
    """All outputs of a layer; backward gives all gradients. Gates in Keras's order."""

    section, gates = "recurrent", 1
    N: int
    T: int
    C: int
    units: int
    backward: bool

    @property
    def name(self):
        return f"{self.kind} {self.N}x{self.T} {self.C} to {self.units} forward" + "+backward" * self.backward

    @property
    def flops(self):
        return 2 * self.N * self.T * (self.C + self.units) * self.gates * self.units * (3 if self.backward else 1)

    def inputs(self):
        u, columns = self.units, self.gates * self.units
        x, kernel, recurrent, bias, dy = self.normal(
            (self.N, self.T, self.C), (self.C, columns), (u, columns), self.bias_shape(columns), (self.N, self.T, u)
        )
        scale = np.float32(1 / math.sqrt(u))
        return {"x": x, "kernel": kernel * scale, "recurrent": recurrent * scale, "bias": bias * scale, "dy": dy}

    def bias_shape(self, columns):
        return (columns,)

    def expected(self, data):
        f8 = doubles(data)
        states, steps, y = [np.zeros((self.N, self.units))] * 2, [], []
        bias = f8["bias"].reshape(-1, self.gates * self.units)
        for t in range(self.T):
            products = f8["x"][:, t] @ f8["kernel"] + bias[0], states[0] @ f8["recurrent"] + sum(bias[1:])
            after, kept = self.step(*products, *states)
            steps.append((states, kept))
            states = after
            y.append(states[0])
        if not self.backward:
            return [np.stack(y, axis=1)]
        dx, found, dstates = np.empty_like(f8["x"]), [0, 0, np.zeros_like(bias)], [0, 0]
        for t in reversed(range(self.T)):
            before, kept = steps[t]
            of_input, of_state, dstates = self.step_backward(dstates[0] + f8["dy"][:, t], dstates[1], before, kept)
            dx[:, t] = of_input @ f8["kernel"].T
            dstates[0] = dstates[0] + of_state @ f8["recurrent"].T
            found[0], found[1] = found[0] + f8["x"][:, t].T @ of_input, found[1] + before[0].T @ of_state
            found[2] = found[2] + np.stack([of_input.sum(0), of_state.sum(0)])[: len(bias)]
        return [np.stack(y, axis=1), dx, *found[:2], found[2].reshape(f8["bias"].shape)]


class SimpleRNN(Recurrent):
    kind = "simple_rnn"

    def step(self, a, p, h, _):
        h = np.tanh(a + p)
        return [h, 0], h

    def step_backward(self, dh, _, before, h):
        d = dh * (1 - h**2)
        return d, d, [0, 0]


class GRU(Recurrent):
    kind, gates = "gru", 3

    def bias_shape(self, columns):
        return (2, columns)

    def step(self, a, p, h, _):
        (a_u, a_r, a_g), (p_u, p_r, p_g) = np.split(a, 3, axis=1), np.split(p, 3, axis=1)
        u, r = sigmoid(a_u + p_u), sigmoid(a_r + p_r)
        g = np.tanh(a_g + r * p_g)
        return [u * h + (1 - u) * g, 0], (u, r, g, p_g)

    def step_backward(self, dh, _, before, kept):
        u, r, g, p = kept
        dg = dh * (1 - u) * (1 - g**2)
        first = [dh * (before[0] - g) * u * (1 - u), dg * p * r * (1 - r)]
        return np.concatenate([*first, dg], 1), np.concatenate([*first, dg * r], 1), [dh * u, 0]


class LSTM(Recurrent):
    kind, gates = "lstm", 4

    def step(self, a, p, h, c):
        i, f, g, o = np.split(a + p, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        return [o * np.tanh(c), c], (i, f, g, o, np.tanh(c))

    def step_backward(self, dh, dc, before, kept):
        i, f, g, o, tanh = kept
        dc = dc + dh * o * (1 - tanh**2)
        d = [dc * g * i * (1 - i), dc * before[1] * f * (1 - f), dc * i * (1 - g**2), dh * tanh * o * (1 - o)]
        d = np.concatenate(d, axis=1)
        return d, d, [0, dc * f]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class ModelCase(Case):
    model: str
    batch: int

    def inputs(self):
        rng = self.generator()
        shape, classes = shapes.MODELS[self.model]["input"], shapes.MODELS[self.model]["classes"]
        x = rng.standard_normal((self.batch, *shape), dtype=np.float32)
        return {"x": x, "y": rng.integers(0, classes, self.batch), "weights": weights_of(self.model, rng)}


@dataclass(frozen=True)
class Train(ModelCase):
    """Training steps: Adam, sparse categorical cross-entropy. The results are the first losses, without dropout."""

    kind, section = "train", "train"

    @property
    def name(self):
        return f"train {self.model}-b{self.batch}"

    @property
    def steps(self):
        return shapes.TRAIN[self.model, self.batch][0]

    @property
    def checked_steps(self):
        return shapes.TRAIN[self.model, self.batch][1]

    @property
    def flops(self):
        return 3 * self.batch * model_flops(self.model)


@dataclass(frozen=True)
class Predict(ModelCase):
    """Probabilities of a batch that is in memory, from Python."""

    kind, section = "predict", "predict"
    rest: float = 0.0

    @property
    def name(self):
        rest = f" after {self.rest * 1e3:.0f} ms of rest" if self.rest else ""
        return f"predict {self.model}-b{self.batch}{rest}"

    @property
    def flops(self):
        return self.batch * model_flops(self.model)

    def verify(self, results, data, wanted):
        """Probabilities that are all alike, or 0 and 1 only, would agree with wrong ones."""
        largest = results[0].max(-1)
        assert (results[0].mean(-1) < 0.9 * largest).all() and (largest < 0.999).any(), (
            f"{self.name}: nothing to compare"
        )


def all_cases():
    both = (False, True)
    return [
        *(Matmul(*s) for s in shapes.MATMUL),
        *(Matmul(*s, transposed) for transposed, s in shapes.MATMUL_TRANSPOSED),
        *(Matmul(*s, transposed, isa) for isa, transposed, s in shapes.MATMUL_PINNED),
        *(Conv2D(label, conv, backward) for label, conv in shapes.CONV2D.items() for backward in both),
        *(Conv1D(label, conv, backward) for label, conv in shapes.CONV1D.items() for backward in both),
        *(Elementwise(f, n) for f in shapes.ELEMENTWISE for n in shapes.SIZES),
        *(Elementwise(f, n, True) for f in shapes.ELEMENTWISE for n in shapes.BACKWARD_SIZES),
        *(Broadcast(*s) for s in shapes.BROADCAST),
        *(Softmax(*s) for s in shapes.SOFTMAX),
        *(Softmax(*s, True) for s in shapes.SOFTMAX_BACKWARD),
        *(Embedding(*s, backward) for s in shapes.EMBEDDING for backward in (False, True)),
        *(LayerNorm(s, backward) for s in shapes.LAYER_NORM for backward in both),
        *(BatchNorm((n, h, h, c), backward) for n, h, c in shapes.BATCH_NORM for backward in both),
        *(MaxPool2D(*s, backward) for s in shapes.MAX_POOL2D for backward in both),
        *(AveragePool2D(*s, backward=backward) for s in shapes.AVERAGE_POOL2D for backward in both),
        *(Dropout(n) for n in shapes.DROPOUT),
        *(Adam(n) for n in shapes.ADAM),
        *(Attention(*s, backward) for s in shapes.ATTENTION for backward in both),
        *(layer(*s, backward) for layer in (LSTM, GRU, SimpleRNN) for s in shapes.RECURRENT for backward in both),
        *(Train(*s) for s in shapes.TRAIN),
        *(Predict(*s) for s in shapes.PREDICT),
        *(Predict(*s) for s in shapes.PREDICT_AFTER_REST),
    ]
