"""The models of shapes.py: their weights, arithmetic and, of the large ones, layers.

A large network is a function of a builder and a picture. Sizes below follows the picture's shape; PyTorch's builder
(frameworks/torch.py) makes and runs the layers. cygrad and Keras have these networks in their applications.
"""

import math

import numpy as np

from . import shapes

NORMALISED = ("gamma", "beta", "mean", "variance")  # the weights of a batch normalisation


def padding(size, window, stride, pad):
    """Rows or columns before and behind: as given, or "same", which is Keras's: the odd one behind."""
    if pad != "same":
        return pad
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


class Sizes:
    """The shapes (H, W, C) along a network, and its layers that have weights."""

    def __init__(self):
        self.layers = []  # (kind, kernel's shape, output's shape, names of what follows the kernel)

    def windows(self, x, window, stride, pad):
        """Height and width of the outputs of windows."""
        return [(n + sum(padding(n, w, stride, pad)) - w) // stride + 1 for n, w in zip(x, window)]

    def convolution(self, x, filters, window, stride=1, pad="same", after=NORMALISED, relu=math.inf):
        """A convolution, its bias or batch normalisation, and relu up to a bound; None: none.
        filters None: a depthwise one."""
        kernel = (*window, x[2], filters) if filters else (*window, x[2], 1)
        y = *self.windows(x, window, stride, pad), filters or x[2]
        self.layers.append(("conv", kernel, y, after))
        return y

    def dense(self, x, units, relu=None):
        self.layers.append(("dense", (math.prod(x), units), (units,), ("bias",)))
        return (units,)

    def max_pool(self, x, window, stride, pad=(0, 0)):
        return *self.windows(x, (window, window), stride, pad), x[2]

    def average_pool(self, x):
        """Windows of 3 x 3 at every pixel, without the padding."""
        return x

    def mean(self, x):
        """Of all pixels."""
        return x[2:]

    def add(self, x, y, relu=None):
        return x

    def concatenate(self, parts):
        return *parts[0][:2], sum(part[2] for part in parts)


def resnet50(net, x):
    """He et al. 2015, with the stride at the 3 x 3 convolution and the shortcut's convolution last."""
    x = net.convolution(x, 64, (7, 7), 2, (3, 3))
    x, channels = net.max_pool(x, 3, 2, (1, 1)), 64
    for filters, repeats, first_stride in shapes.RESNET50:
        for stride in [first_stride] + [1] * (repeats - 1):
            y = net.convolution(x, filters, (1, 1))
            y = net.convolution(y, filters, (3, 3), stride, (1, 1))
            y = net.convolution(y, 4 * filters, (1, 1), relu=None)
            if channels != 4 * filters:
                x, channels = net.convolution(x, 4 * filters, (1, 1), stride, (0, 0), relu=None), 4 * filters
            x = net.add(x, y, relu=math.inf)
    return net.mean(x)


def vgg16(net, x):
    """Simonyan and Zisserman 2014."""
    for filters, depth in shapes.VGG16:
        for _ in range(depth):
            x = net.convolution(x, filters, (3, 3), after=("bias",))
        x = net.max_pool(x, 2, 2)
    return net.dense(net.dense(x, 4096, relu=math.inf), 4096, relu=math.inf)


def inception_v3(net, x):
    """Szegedy et al. 2015; figures 5, 10, 6, 10 and 7."""

    def conv(x, filters, rows, columns, stride=1, pad="same"):
        return net.convolution(x, filters, (rows, columns), stride, pad, after=NORMALISED[1:])

    def branch(x, *sizes):
        for size in sizes:
            x = conv(x, *size)
        return x

    def halved(x, filters):
        return conv(x, filters, 3, 3, 2, (0, 0))

    x = branch(halved(x, 32), (32, 3, 3, 1, (0, 0)), (64, 3, 3))
    x = branch(net.max_pool(x, 3, 2), (80, 1, 1), (192, 3, 3, 1, (0, 0)))
    x = net.max_pool(x, 3, 2)
    for filters in (32, 64, 64):
        parts = [conv(x, 64, 1, 1), branch(x, (48, 1, 1), (64, 5, 5)), branch(x, (64, 1, 1), (96, 3, 3), (96, 3, 3))]
        x = net.concatenate([*parts, conv(net.average_pool(x), filters, 1, 1)])
    x = net.concatenate([halved(x, 384), halved(branch(x, (64, 1, 1), (96, 3, 3)), 96), net.max_pool(x, 3, 2)])
    for n in (128, 160, 160, 192):
        parts = [conv(x, 192, 1, 1), branch(x, (n, 1, 1), (n, 1, 7), (192, 7, 1))]
        parts += [branch(x, (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7))]
        x = net.concatenate([*parts, conv(net.average_pool(x), 192, 1, 1)])
    parts = [halved(conv(x, 192, 1, 1), 320), halved(branch(x, (192, 1, 1), (192, 1, 7), (192, 7, 1)), 192)]
    x = net.concatenate([*parts, net.max_pool(x, 3, 2)])
    for _ in range(2):
        parts = [conv(x, 320, 1, 1)]
        for sizes in ([(384, 1, 1)], [(448, 1, 1), (384, 3, 3)]):
            y = branch(x, *sizes)
            parts += [conv(y, 384, 1, 3), conv(y, 384, 3, 1)]
        x = net.concatenate([*parts, conv(net.average_pool(x), 192, 1, 1)])
    return net.mean(x)


def mobilenet_v2(net, x):
    """Sandler et al. 2018, with Keras's padding of strided windows: behind only."""
    x, before = net.convolution(x, 32, (3, 3), 2, relu=6.0), 32
    for expansion, filters, repeats, first_stride in shapes.MOBILENET_V2:
        for stride in [first_stride] + [1] * (repeats - 1):
            y = net.convolution(x, expansion * before, (1, 1), relu=6.0) if expansion > 1 else x
            y = net.convolution(y, None, (3, 3), stride, relu=6.0)
            y = net.convolution(y, filters, (1, 1), relu=None)
            x, before = net.add(x, y) if (stride, before) == (1, filters) else y, filters
    return net.mean(net.convolution(x, 1280, (1, 1), relu=6.0))


NETWORKS = {"resnet50": resnet50, "vgg16": vgg16, "inception_v3": inception_v3, "mobilenet_v2": mobilenet_v2}


def logits(net, model, x):
    """A network with its classifier, without softmax."""
    return net.dense(NETWORKS[model](net, x), shapes.MODELS[model]["classes"])


def weighted_layers(model):
    """The convolutions and dense layers of a model: (kind, kernel's shape, output's shape, what follows the kernel)."""
    description = shapes.MODELS[model]
    if model in NETWORKS:
        sizes = Sizes()
        logits(sizes, model, description["input"])
        yield from sizes.layers
        return
    shape = description["input"]
    for kind, size in [*description["layers"], ("dense", description["classes"])]:
        if kind == "pool":
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "flatten":
            shape = (math.prod(shape),)
        elif kind == "conv":
            kernel, shape = (3, 3, shape[2], size), (shape[0] - 2, shape[1] - 2, size)
            yield "conv", kernel, shape, ("bias",)
        elif kind == "dense":
            kernel, shape = (shape[0], size), (size,)
            yield "dense", kernel, shape, ("bias",)


def weights_of(model, rng):
    """Random weights, kernels in Keras's layout, [in, out] or [R, S, C, F]; each is followed by its bias, or by its
    batch normalisation's. Large networks' are such that values neither vanish nor grow on their way, and that each
    matters."""
    weights, large = [], model in NETWORKS
    for _, kernel, output, after in weighted_layers(model):
        fan_in, fan_out = math.prod(kernel) / output[-1], math.prod(kernel) / kernel[-2]
        limit = math.sqrt(6 / fan_in if large else 6 / (fan_in + fan_out))
        weights.append((rng.random(kernel, np.float32) * 2 - 1) * np.float32(limit))
        for name in after:
            spread = rng.random(output[-1], np.float32) - np.float32(0.5) if large else np.zeros(output[-1], "f4")
            weights.append(spread + {"gamma": 0.75 if large else 1, "variance": 1}.get(name, 0))
    if large:
        weights[-2] /= 4  # logits of a size that leaves more than one class its chance
    return weights


def model_flops(model):
    """Multiplications and additions of one sample's forward pass."""
    flops = 0
    for kind, kernel, output, _ in weighted_layers(model):
        flops += 2 * math.prod(kernel) * (math.prod(output[:2]) if kind == "conv" else 1)
    return flops
