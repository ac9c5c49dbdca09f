"""JAX: each case is one jitted function; a training step with optax's Adam and donated buffers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import shapes
from ..cases import NORM_EPSILON
from .base import Framework, Output, Unsupported

CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")


class Jax(Framework):
    name = package = "jax"

    def differentiable(self, case, data, function, *parameters):
        """function(x, *parameters), or that with the gradients of all arguments, jitted."""
        arguments, out = [jnp.asarray(v) for v in (data["x"], *parameters)], Output()
        if getattr(case, "backward", False):
            arguments.append(jnp.asarray(data["dy"]))

            def computed(*arguments):
                y, backward = jax.vjp(function, *arguments[:-1])
                return y, *backward(arguments[-1])
        else:

            def computed(*arguments):
                return (function(*arguments),)

        jitted = jax.jit(computed)

        def run():
            out.keep(*jax.block_until_ready(jitted(*arguments)))

        return run, lambda: [np.asarray(v) for v in out.values]

    def matmul(self, case, data):
        return self.differentiable(case, {"x": data["a"]}, lambda a, b: jnp.matmul(*case.factors(a, b)), data["b"])

    def conv2d(self, case, data):
        conv = case.conv
        if conv.groups > 1:  # tens of milliseconds to seconds: it would only take the report's time
            raise Unsupported("jax is not measured on grouped convolutions")

        def function(x, kernel, bias):
            pad = [(p, p) for p in conv.pad]
            return (
                jax.lax.conv_general_dilated(x, kernel, [conv.stride] * 2, pad, dimension_numbers=CHANNELS_LAST) + bias
            )

        return self.differentiable(case, data, function, data["kernel"], data["bias"])

    def conv1d(self, case, data):
        def function(x, kernel, bias):
            window = ([case.conv.stride], [(case.conv.pad, case.conv.pad)])
            return jax.lax.conv_general_dilated(x, kernel, *window, dimension_numbers=("NWC", "WIO", "NWC")) + bias

        return self.differentiable(case, data, function, data["kernel"], data["bias"])

    def elementwise(self, case, data):
        functions = {"tanh": jnp.tanh, "exp": jnp.exp, "gelu": lambda x: jax.nn.gelu(x, approximate=False)}
        return self.differentiable(case, data, functions.get(case.function) or getattr(jax.nn, case.function))

    def embedding(self, case, data):
        indices = jnp.asarray(data["indices"])
        return self.differentiable(case, data, lambda x: x[indices])

    def softmax(self, case, data):
        return self.differentiable(case, data, jax.nn.softmax)

    def max_pool2d(self, case, data):
        window, strides = (1, case.window, case.window, 1), (1, case.stride, case.stride, 1)
        function = lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "VALID")  # noqa: E731
        return self.differentiable(case, data, function)

    def average_pool2d(self, case, data):
        window, strides = (1, case.window, case.window, 1), (1, case.stride, case.stride, 1)
        function = lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, window, strides, "VALID") / case.window**2  # noqa: E731
        return self.differentiable(case, data, function)

    def broadcast(self, case, data):
        b = jnp.asarray(data["b"])
        return self.differentiable(case, data, lambda x: x + b)

    def layer_norm(self, case, data):
        return self.normalization(case, data)

    def batch_norm(self, case, data):
        return self.normalization(case, data)

    def normalization(self, case, data):
        def function(x, gamma, beta):
            mean, variance = x.mean(case.over, keepdims=True), x.var(case.over, keepdims=True)
            return (x - mean) * jax.lax.rsqrt(variance + NORM_EPSILON) * gamma + beta

        return self.differentiable(case, data, function, data["gamma"], data["beta"])

    def lstm(self, case, data):
        def step(states, a, p):
            i, f, g, o = jnp.split(a + p, 4, axis=1)
            c = jax.nn.sigmoid(f) * states[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c

        return self.recurrent(case, data, step)

    def gru(self, case, data):
        def step(states, a, p):
            (a_u, a_r, a_g), (p_u, p_r, p_g) = jnp.split(a, 3, axis=1), jnp.split(p, 3, axis=1)
            u, r = jax.nn.sigmoid(a_u + p_u), jax.nn.sigmoid(a_r + p_r)
            return (u * states[0] + (1 - u) * jnp.tanh(a_g + r * p_g),)

        return self.recurrent(case, data, step)

    def simple_rnn(self, case, data):
        return self.recurrent(case, data, lambda states, a, p: (jnp.tanh(a + p),))

    def recurrent(self, case, data, step):
        """The input's product for all steps at once, then a scan."""

        def function(x, kernel, recurrent, bias):
            bias = bias.reshape(-1, kernel.shape[1])

            def scanned(states, a):
                states = step(states, a, states[0] @ recurrent + sum(bias[1:]))
                return states, states[0]

            start = (jnp.zeros((case.N, case.units)),) * (2 if case.kind == "lstm" else 1)
            return jax.lax.scan(scanned, start, (x @ kernel + bias[0]).swapaxes(0, 1))[1].swapaxes(0, 1)

        return self.differentiable(case, data, function, data["kernel"], data["recurrent"], data["bias"])

    def attention(self, case, data):
        def function(x, k, v):
            heads = [a.reshape(case.N, case.T, case.heads, -1) for a in (x, k, v)]
            return jax.nn.dot_product_attention(*heads, is_causal=case.causal).reshape(x.shape)

        return self.differentiable(case, data, function, data["k"], data["v"])

    def predict(self, case, data):
        weights = [jnp.asarray(w) for w in data["weights"]]
        return self.differentiable(case, data, lambda x: jax.nn.softmax(forward(case.model, weights, x)))

    def train(self, case, data):
        x, y, adam = jnp.asarray(data["x"]), jnp.asarray(data["y"]), optax.adam(1e-3, eps=1e-7)

        def loss(weights, x, y, key):
            logits = forward(case.model, weights, x, key)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        def step(weights, state, x, y, key):
            value, gradient = jax.value_and_grad(loss)(weights, x, y, key)
            update, state = adam.update(gradient, state, weights)
            return optax.apply_updates(weights, update), state, value, None if key is None else jax.random.split(key)[0]

        jitted = jax.jit(step, donate_argnums=(0, 1))

        def trainer(key):
            weights = [jnp.array(v) for v in data["weights"]]
            held = [weights, adam.init(weights), key]

            def train():
                held[0], held[1], value, held[2] = jitted(held[0], held[1], x, y, held[2])
                return float(value)

            return train

        def results():
            train = trainer(None)
            return [np.array([train() for _ in range(case.checked_steps)])]

        return trainer(jax.random.key(0)), results

    def one_step(self, case, data):
        """A function that makes one training step."""
        return self.train(case, data)[0]


def forward(model, weights, x, key=None):
    """Logits of a model of shapes.MODELS; with a key, its dropout is drawn."""
    description, weights = shapes.MODELS[model], list(weights)
    if "layers" not in description:
        raise Unsupported(f"jax is not measured on {model}")
    for kind, size in [*description["layers"], ("last", description["classes"])]:
        if kind == "pool":
            window = (1, size, size, 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        elif kind == "flatten":
            x = x.reshape(x.shape[0], -1)
        elif kind == "conv":
            y = jax.lax.conv_general_dilated(x, weights.pop(0), (1, 1), "VALID", dimension_numbers=CHANNELS_LAST)
            x = jax.nn.relu(y + weights.pop(0))
        elif kind == "dropout":
            x = x if key is None else jnp.where(jax.random.bernoulli(key, 1 - size, x.shape), x / (1 - size), 0)
        else:
            x = x @ weights.pop(0) + weights.pop(0)
            x = jax.nn.relu(x) if kind == "dense" else x
    return x
