"""PyTorch: channels last, fused Adam; eager, but for predictions of large networks, which may be quicker frozen."""

import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .. import shapes
from ..cases import NORM_EPSILON
from ..networks import NETWORKS, NORMALISED, logits, padding
from .base import Framework, Output, thread_count


def images(array):
    """NHWC numbers as a channels-last tensor."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def tensor(array):
    return images(array) if array.ndim == 4 else torch.from_numpy(array)


def numbers(value):
    """The NumPy array of a tensor; of images, NHWC."""
    value = value.detach()
    return (value.permute(0, 2, 3, 1) if value.ndim == 4 else value).numpy()


class Torch(Framework):
    name = package = "torch"

    def __init__(self):
        torch.set_num_threads(thread_count())

    def differentiable(self, case, data, function, parameters=()):
        """function(x), or that with the gradients of x and parameters."""
        x, out = tensor(data["x"]).requires_grad_(), Output()
        sources = (x, *(p.requires_grad_() for p in parameters))

        def forward():
            with torch.no_grad():
                out.keep(function(x))

        def both():
            y = function(x)
            out.keep(y, *torch.autograd.grad(y, sources, dy))

        dy = tensor(data["dy"]) if getattr(case, "backward", False) else None
        return forward if dy is None else both, lambda: [numbers(v) for v in out.values]

    def matmul(self, case, data):
        a, b = case.factors(torch.from_numpy(data["a"]), torch.from_numpy(data["b"]))
        y = torch.empty(case.M, case.N)
        return lambda: torch.mm(a, b, out=y), lambda: [y.numpy()]

    def conv2d(self, case, data):
        conv, kernel = case.conv, torch.from_numpy(data["kernel"]).permute(3, 2, 0, 1)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        bias = torch.from_numpy(data["bias"].copy())
        function = lambda x: F.conv2d(x, kernel, bias, conv.stride, conv.pad, groups=conv.groups)  # noqa: E731
        run, results = self.differentiable(case, data, function, (kernel, bias))

        def in_our_layout():
            y, *gradients = results()
            if gradients:  # dkernel[F,R,S,C/G] came out as an image would
                gradients[1] = gradients[1].transpose(1, 2, 3, 0)
            return [y, *gradients]

        return run, in_our_layout

    def conv1d(self, case, data):  # channels first: it has no other layout for sequences
        first = {name: np.ascontiguousarray(data[name].swapaxes(1, 2)) for name in ("x", "dy")}
        kernel, bias = torch.from_numpy(data["kernel"].transpose(2, 1, 0).copy()), torch.from_numpy(data["bias"].copy())
        function = lambda x: F.conv1d(x, kernel, bias, case.conv.stride, case.conv.pad)  # noqa: E731
        run, results = self.differentiable(case, first, function, (kernel, bias))

        def in_our_layout():
            y, *gradients = results()
            if gradients:
                gradients[:2] = gradients[0].swapaxes(1, 2), gradients[1].transpose(2, 1, 0)
            return [y.swapaxes(1, 2), *gradients]

        return run, in_our_layout

    def elementwise(self, case, data):
        functions = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp}
        return self.differentiable(case, data, {**functions, "gelu": F.gelu, "silu": F.silu}[case.function])

    def embedding(self, case, data):
        indices = torch.from_numpy(data["indices"])
        return self.differentiable(case, data, lambda x: F.embedding(indices, x))

    def softmax(self, case, data):
        return self.differentiable(case, data, lambda x: F.softmax(x, -1))

    def dropout(self, case, data):
        return self.differentiable(case, data, lambda x: F.dropout(x, 0.5, True))

    def max_pool2d(self, case, data):
        return self.differentiable(case, data, lambda x: F.max_pool2d(x, case.window, case.stride))

    def average_pool2d(self, case, data):
        return self.differentiable(case, data, lambda x: F.avg_pool2d(x, case.window, case.stride))

    def broadcast(self, case, data):
        b = torch.from_numpy(data["b"])
        return self.differentiable(case, data, lambda x: x + b)

    def layer_norm(self, case, data):
        gamma, beta = torch.from_numpy(data["gamma"]), torch.from_numpy(data["beta"])
        function = lambda x: F.layer_norm(x, gamma.shape, gamma, beta, NORM_EPSILON)  # noqa: E731
        return self.differentiable(case, data, function, (gamma, beta))

    def batch_norm(self, case, data):
        gamma, beta = torch.from_numpy(data["gamma"]), torch.from_numpy(data["beta"])
        mean, variance = torch.zeros_like(gamma), torch.ones_like(gamma)
        function = lambda x: F.batch_norm(x, mean, variance, gamma, beta, True, 0.01, NORM_EPSILON)  # noqa: E731
        return self.differentiable(case, data, function, (gamma, beta))

    def lstm(self, case, data):
        return self.recurrent(case, data, nn.LSTM)

    def gru(self, case, data):
        return self.recurrent(case, data, nn.GRU)

    def simple_rnn(self, case, data):
        return self.recurrent(case, data, nn.RNN)

    def recurrent(self, case, data, kind):
        layer, two = kind(case.C, case.units, batch_first=True), case.kind == "gru"

        def turned(v):  # weights of PyTorch's GRU have the reset gate first; its own inverse
            parts = np.split(v, case.gates, axis=-1)
            return np.concatenate([parts[1], parts[0], parts[2]], -1) if two else v

        with torch.no_grad():
            layer.weight_ih_l0.copy_(torch.from_numpy(turned(data["kernel"]).T))
            layer.weight_hh_l0.copy_(torch.from_numpy(turned(data["recurrent"]).T))
            bias = turned(data["bias"])
            layer.bias_ih_l0.copy_(torch.from_numpy(bias[0] if two else bias))
            layer.bias_hh_l0.copy_(torch.from_numpy(bias[1] if two else np.zeros_like(bias)))
        parameters = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, *([layer.bias_hh_l0] if two else []))
        run, results = self.differentiable(case, data, lambda x: layer(x)[0], parameters)

        def in_our_layout():
            found = results()
            if not case.backward:
                return found
            y, dx, dkernel, drecurrent, *dbias = found
            return [y, dx, turned(dkernel.T), turned(drecurrent.T), turned(np.stack(dbias) if two else dbias[0])]

        return run, in_our_layout

    def attention(self, case, data):
        k, v = torch.from_numpy(data["k"].copy()), torch.from_numpy(data["v"].copy())

        def function(x):
            heads = [a.view(case.N, case.T, case.heads, -1).transpose(1, 2) for a in (x, k, v)]
            y = F.scaled_dot_product_attention(*heads, is_causal=case.causal)
            return y.transpose(1, 2).reshape(x.shape)

        return self.differentiable(case, data, function, (k, v))

    def adam(self, case, data):
        def fresh():
            w = torch.from_numpy(data["w"].copy()).requires_grad_()
            w.grad = torch.from_numpy(data["g"])
            return w, torch.optim.Adam([w], eps=1e-7, fused=True)

        def results():
            w, once = fresh()
            once.step()
            return [w.detach().numpy()]

        return fresh()[1].step, results

    def predict(self, case, data):
        model, x, out = (
            nn.Sequential(build(case.model, data["weights"]), nn.Softmax(-1)).eval(),
            tensor(data["x"]),
            [None],
        )
        if case.model in NETWORKS:
            model = quicker(model, x)

        def run():
            with torch.no_grad():
                out[0] = model(x)

        return run, lambda: [out[0].numpy()]

    def stepper(self, case, data, dropout=True):
        model, x, y = build(case.model, data["weights"], dropout), tensor(data["x"]), torch.from_numpy(data["y"])
        adam, criterion = torch.optim.Adam(model.parameters(), eps=1e-7, fused=True), nn.CrossEntropyLoss()

        def step():
            adam.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            adam.step()
            return loss.item()

        return step

    def train(self, case, data):
        def results():
            step = self.stepper(case, data, dropout=False)
            return [np.array([step() for _ in range(case.checked_steps)])]

        return self.stepper(case, data), results

    def one_step(self, case, data):
        """A function that makes one training step."""
        return self.stepper(case, data)


@torch.no_grad()
def quicker(model, x, calls=3):
    """The model, or its frozen trace, which has the normalisations in the convolutions' weights. (torch.compile gains
    a tenth more, for one picture of MobileNetV2, and takes half a minute.)"""
    seconds = {}
    for candidate in (model, torch.jit.freeze(torch.jit.trace(model, x))):
        times = []
        for _ in range(3 + calls):  # the first ones optimise
            start = time.perf_counter()
            candidate(x)
            times.append(time.perf_counter() - start)
        seconds[candidate] = min(times[-calls:])
    return min(seconds, key=seconds.get)


def build(name, weights, dropout=True):
    """A model of shapes.MODELS, without its softmax."""
    images = len(shapes.MODELS[name]["input"]) == 3
    with torch.no_grad():
        model = Network(name, weights) if name in NETWORKS else _sequential(name, list(weights), dropout)
    return model.to(memory_format=torch.channels_last) if images else model


def _sequential(name, weights, dropout):
    description = shapes.MODELS[name]
    made, shape = [], description["input"]
    for kind, size in description["layers"]:
        if kind == "pool":
            made.append(nn.MaxPool2d(size))
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "flatten":
            made.append(nn.Flatten())
        elif kind == "conv":
            made += [_convolution(weights.pop(0), weights.pop(0)), nn.ReLU()]
            shape = (shape[0] - 2, shape[1] - 2, size)
        elif kind == "dense":
            made += [_dense(weights.pop(0), weights.pop(0), shape), nn.ReLU()]
            shape = (size,)
        elif dropout:
            made.append(nn.Dropout(size))
    return nn.Sequential(*made, _dense(weights.pop(0), weights.pop(0), shape))


def _convolution(kernel, bias=None, stride=1, pad=0, groups=1):
    *window, channels, filters = kernel.shape
    layer = nn.Conv2d(channels * groups, filters, window, stride, pad, groups=groups, bias=bias is not None)
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))))
    if bias is not None:
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def _dense(kernel, bias, shape):
    """shape: of the samples that were flattened, which PyTorch does channels first."""
    if len(shape) == 3:
        kernel = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    layer = nn.Linear(*kernel.shape)
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel.T)))
    layer.bias.copy_(torch.from_numpy(bias))
    return layer


class Network(nn.Module):
    """A network of networks.py, whose builder it is: a first pass makes the layers, each pass runs them in order."""

    def __init__(self, name, weights):
        super().__init__()
        self.name, self.weights, self.layers = name, list(weights), nn.ModuleList()
        self.eval()(torch.zeros(1, 3, *shapes.MODELS[name]["input"][:2]))
        self.train()

    def forward(self, x):
        self.number = 0
        return logits(self, self.name, x)

    def layer(self, make):
        """The next layer; make() gives it at the first pass."""
        if self.weights:
            self.layers.append(make().eval())
        self.number += 1
        return self.layers[self.number - 1]

    def convolution(self, x, filters, window, stride=1, pad="same", after=NORMALISED, relu=math.inf):
        (top, bottom), (left, right) = (padding(n, w, stride, pad) for n, w in zip(x.shape[2:], window))
        if (top, left) != (bottom, right):
            x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0

        def make():
            kernel, *others = (self.weights.pop(0) for _ in range(1 + len(after)))
            depthwise = filters is None
            if depthwise:
                kernel = kernel.transpose(0, 1, 3, 2)
            bias = others[0] if after == ("bias",) else None
            made = [_convolution(kernel, bias, stride, (top, left), kernel.shape[3] if depthwise else 1)]
            if bias is None:
                made.append(_normalisation(dict(zip(after, others)), kernel.shape[3]))
            if relu is not None:
                made.append(_relu(relu))
            return nn.Sequential(*made)

        return self.layer(make)(x)

    def dense(self, x, units, relu=None):
        def make():
            layer = _dense(self.weights.pop(0), self.weights.pop(0), (*x.shape[2:], x.shape[1]))
            return nn.Sequential(nn.Flatten(), layer, *([] if relu is None else [_relu(relu)]))

        return self.layer(make)(x)

    def max_pool(self, x, window, stride, pad=(0, 0)):
        return F.max_pool2d(x, window, stride, pad[0])

    def average_pool(self, x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def mean(self, x):
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)

    def add(self, x, y, relu=None):
        return x + y if relu is None else torch.relu(x + y)

    def concatenate(self, parts):
        return torch.cat(parts, 1)


def _relu(bound):
    return nn.ReLU() if bound == math.inf else nn.ReLU6()


def _normalisation(weights, channels):
    layer = nn.BatchNorm2d(channels, NORM_EPSILON, 0.01)
    places = {"gamma": layer.weight, "beta": layer.bias, "mean": layer.running_mean, "variance": layer.running_var}
    for name, value in weights.items():
        places[name].copy_(torch.from_numpy(value))
    return layer
