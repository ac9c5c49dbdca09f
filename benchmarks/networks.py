"""The models of shapes.py as lists of layers with weights: their shapes, random weights and arithmetic."""

import math

import numpy as np

from . import shapes


def weighted_layers(model):
    """The convolutions and dense layers of a model: (kind, kernel's shape, output's shape, is batch-normalised)."""
    description = shapes.MODELS[model]
    if "stages" in description:
        yield from _resnet_layers(description)
        return
    shape = description["input"]
    for kind, size in [*description["layers"], ("dense", description["classes"])]:
        if kind == "pool":
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "flatten":
            shape = (math.prod(shape),)
        elif kind == "conv":
            kernel, shape = (3, 3, shape[2], size), (shape[0] - 2, shape[1] - 2, size)
            yield "conv", kernel, shape, False
        elif kind == "dense":
            kernel, shape = (shape[0], size), (size,)
            yield "dense", kernel, shape, False


def _resnet_layers(description):
    """He et al. 2015: the stem, then bottlenecks of 1x1, 3x3 (with the stride) and 1x1, the shortcut last."""
    size, channels = description["input"][0] // 2, 64
    yield "conv", (7, 7, 3, 64), (size, size, 64), True
    size //= 2
    for filters, repeats, first_stride in description["stages"]:
        for stride in [first_stride] + [1] * (repeats - 1):
            yield "conv", (1, 1, channels, filters), (size, size, filters), True
            size //= stride
            yield "conv", (3, 3, filters, filters), (size, size, filters), True
            yield "conv", (1, 1, filters, 4 * filters), (size, size, 4 * filters), True
            if channels != 4 * filters:
                yield "conv", (1, 1, channels, 4 * filters), (size, size, 4 * filters), True
            channels = 4 * filters
    yield "dense", (channels, description["classes"]), (description["classes"],), False


def weights_of(model, rng):
    """Glorot-sized random kernels in Keras's layout, [in, out] or [R, S, C, F]; each is followed by its bias, or by its
    batch normalisation's gamma, beta, mean and variance."""
    weights = []
    for _, kernel, _, normalised in weighted_layers(model):
        limit = math.sqrt(6 / (math.prod(kernel[:-1]) + math.prod(kernel) / kernel[-2]))
        weights.append((rng.random(kernel, np.float32) * 2 - 1) * np.float32(limit))
        zeros = np.zeros(kernel[-1], "f4")
        weights += [zeros + 1, zeros, zeros, zeros + 1] if normalised else [zeros]
    return weights


def model_flops(model):
    """Multiplications and additions of one sample's forward pass."""
    flops = 0
    for kind, kernel, output, _ in weighted_layers(model):
        flops += 2 * math.prod(kernel) * (math.prod(output[:2]) if kind == "conv" else 1)
    return flops
