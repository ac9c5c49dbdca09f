"""cygrad: operations through cygrad.ops and cygrad.layers; models in Keras's words."""

import numpy as np

import cygrad
from cygrad import _core, layers, ops, random

from ..cases import NORM_EPSILON
from .base import Output, Unsupported
from .keras_words import KerasWords


class Cygrad(KerasWords):
    name = package = "cygrad"
    keras = cygrad

    def __init__(self):
        self.isa = _core.isa()

    def prepare(self, case, data):
        if case.isa and case.isa not in _core.available_isas():
            raise Unsupported(f"this CPU has no {case.isa}")
        _core.set_isa(case.isa or self.isa)
        return super().prepare(case, data)

    def versions(self):
        return {"cygrad": f"{cygrad.__version__} ({self.isa}, {_core.compiler()})"}

    def differentiable(self, case, data, function, variables=()):
        """function(x), or that with the gradients of x and variables. Its arguments are tensors."""
        x, out = ops.convert_to_tensor(data["x"]), Output()
        sources = (x, *variables)

        def forward():
            out.keep(function(x))

        def both():
            with cygrad.GradientTape() as tape:
                tape.watch(sources)
                y = function(x)
            out.keep(y, *tape.gradient(y, sources, output_gradients=dy))

        dy = ops.convert_to_tensor(data["dy"]) if getattr(case, "backward", False) else None
        return forward if dy is None else both, lambda: [np.asarray(v) for v in out.values]

    def matmul(self, case, data):  # into memory that is there, as NumPy's and PyTorch's out=
        a, b, y = ops.convert_to_tensor(data["a"]), ops.convert_to_tensor(data["b"]), ops.zeros((case.M, case.N))
        turned = [letter == "T" for letter in case.transposed]
        return lambda: _core.matmul(y, a, b, None, case.M, case.N, case.K, *turned, 0), lambda: [np.array(y)]

    def conv2d(self, case, data):
        conv, kernel, bias = case.conv, ops.convert_to_tensor(data["kernel"]), ops.convert_to_tensor(data["bias"])
        pad_h, pad_w = conv.pad
        padding = ((pad_h, pad_h), (pad_w, pad_w))
        function = lambda x: ops.conv(x, kernel, conv.stride, padding, bias=bias)  # noqa: E731
        return self.differentiable(case, data, function, (kernel, bias))

    def conv1d(self, case, data):
        conv, kernel, bias = case.conv, ops.convert_to_tensor(data["kernel"]), ops.convert_to_tensor(data["bias"])
        function = lambda x: ops.conv(x, kernel, conv.stride, ((conv.pad, conv.pad),), bias=bias)  # noqa: E731
        return self.differentiable(case, data, function, (kernel, bias))

    def elementwise(self, case, data):
        function = getattr(ops, case.function)
        if case.function == "gelu":
            return self.differentiable(case, data, lambda x: ops.gelu(x, approximate=False))
        return self.differentiable(case, data, function)

    def embedding(self, case, data):
        indices = ops.convert_to_tensor(data["indices"])
        return self.differentiable(case, data, lambda x: ops.embed(indices, x))

    def softmax(self, case, data):
        return self.differentiable(case, data, ops.softmax)

    def dropout(self, case, data):
        seed = random.SeedGenerator(1)
        return self.differentiable(case, data, lambda x: random.dropout(x, 0.5, None, seed))

    def max_pool2d(self, case, data):
        return self.differentiable(case, data, lambda x: ops.max_pool(x, case.window, case.stride))

    def average_pool2d(self, case, data):
        return self.differentiable(case, data, lambda x: ops.average_pool(x, case.window, case.stride))

    def broadcast(self, case, data):
        b = ops.convert_to_tensor(data["b"])
        return self.differentiable(case, data, lambda x: ops.add(x, b))

    def layer_norm(self, case, data):
        return self.normalization(case, data, "LayerNormalization")

    def batch_norm(self, case, data):
        return self.normalization(case, data, "BatchNormalization")

    def normalization(self, case, data, name):
        layer = self.layer(name, epsilon=NORM_EPSILON)
        layer.build(case.shape)
        layer.gamma.assign(data["gamma"])
        layer.beta.assign(data["beta"])
        return self.differentiable(case, data, lambda x: layer(x, training=True), (layer.gamma, layer.beta))

    def lstm(self, case, data):
        return self.recurrent(case, data, "LSTM")

    def gru(self, case, data):
        return self.recurrent(case, data, "GRU")

    def simple_rnn(self, case, data):
        return self.recurrent(case, data, "SimpleRNN")

    def recurrent(self, case, data, name):
        layer = self.layer(name, case.units, return_sequences=True)
        layer.build(data["x"].shape)
        layer.set_weights([data["kernel"], data["recurrent"], data["bias"]])
        return self.differentiable(case, data, layer, layer.trainable_variables)

    def layer(self, name, *args, **kwargs):
        if not hasattr(layers, name):
            raise Unsupported(f"cygrad has no layer {name}")
        return getattr(layers, name)(*args, **kwargs)

    def attention(self, case, data):
        k, v = ops.convert_to_tensor(data["k"]), ops.convert_to_tensor(data["v"])
        heads = (case.N, case.T, case.heads, case.features // case.heads)

        def function(x):
            y = ops.dot_product_attention(*[ops.reshape(a, heads) for a in (x, k, v)], is_causal=case.causal)
            return ops.reshape(y, x.shape)

        return self.differentiable(case, data, function, (k, v))

    def adam(self, case, data):
        w, g, m, v = (ops.convert_to_tensor(a) for a in (data["w"], data["g"], *np.zeros((2, case.n), "f4")))
        step = [0]

        def run():
            step[0] += 1
            _core.adam_step(w, m, v, None, g, case.n, 1e-3, 0.9, 0.999, 1e-7, step[0])

        def results():  # one step from the start
            np.copyto(w.numpy(), data["w"])
            m.numpy()[...] = v.numpy()[...] = step[0] = 0
            run()
            return [np.array(w)]

        return run, results
