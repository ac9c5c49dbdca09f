"""The models in Keras's words: the same lines for Keras and for cygrad."""

import re
from functools import partial
from operator import itemgetter

import numpy as np

from .. import shapes
from .base import Framework, Unsupported


def keras_model(keras, name, weights=None, dropout=True):
    """A model of shapes.MODELS, by keras or by cygrad; dropout False leaves its dropout out."""
    description = shapes.MODELS[name]
    if "application" in description:
        model = getattr(keras.applications, description["application"])(weights=None)
        set_weights = partial(set_as_made, model)
    elif name == "resnet50":
        model, set_weights = resnet(keras, description)
    else:
        made = [keras.Input(description["input"])]
        for kind, size in description["layers"]:
            if kind == "dense":
                made.append(keras.layers.Dense(size, activation="relu"))
            elif kind == "conv":
                made.append(keras.layers.Conv2D(size, 3, activation="relu"))
            elif kind == "pool":
                made.append(keras.layers.MaxPooling2D(size))
            elif kind == "flatten":
                made.append(keras.layers.Flatten())
            elif dropout:
                made.append(keras.layers.Dropout(size))
        model = keras.Sequential([*made, keras.layers.Dense(description["classes"], activation="softmax")])
        set_weights = model.set_weights
    if weights is not None:
        set_weights(weights)
    return model


def set_as_made(model, weights):
    """Sets a model's weights, which come in the order in which its layers were made: where these have no names of
    their own, convolutions and normalizations in turn, by the numbers in their names; else that of the model."""
    numbered = {"conv2d": [], "batch_normalization": []}
    for layer in model.layers:
        match = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", layer.name)
        if match:
            numbered[match[1]].append((int(match[2] or 0), layer))
    pairs = zip(*(sorted(layers, key=itemgetter(0)) for layers in numbered.values()), strict=True)
    order = [layer for pair in pairs for _, layer in pair]
    weights = list(weights)
    for layer in [*order, *(layer for layer in model.layers if layer not in order)]:
        layer.set_weights([weights.pop(0) for _ in layer.weights])


def has_dropout(name):
    return any(kind == "dropout" for kind, _ in shapes.MODELS[name].get("layers", ()))


def resnet(keras, description):
    """He et al. 2015, with the stride at the 3x3 convolution, and PyTorch's padding of strided windows."""
    if not hasattr(keras.layers, "BatchNormalization"):
        raise Unsupported("no BatchNormalization layer")
    layers, parts = keras.layers, []

    def convolution(x, filters, size, stride=1, relu=True):
        """Convolution without bias, batch normalisation, ReLU."""
        if stride > 1 and size > 1:
            x = layers.ZeroPadding2D(size // 2)(x)
        padding = "same" if stride == 1 else "valid"
        parts.append((layers.Conv2D(filters, size, stride, padding, use_bias=False), layers.BatchNormalization()))
        for layer in parts[-1]:
            x = layer(x)
        return layers.ReLU()(x) if relu else x

    inputs = keras.Input(description["input"])
    x, channels = convolution(inputs, 64, 7, 2), 64
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # after ReLU, zeros never win
    for filters, repeats, first_stride in shapes.RESNET50:
        for stride in [first_stride] + [1] * (repeats - 1):
            y = convolution(convolution(x, filters, 1), filters, 3, stride)
            y = convolution(y, 4 * filters, 1, relu=False)
            if channels != 4 * filters:
                x = convolution(x, 4 * filters, 1, stride, relu=False)
            x, channels = layers.ReLU()(layers.Add()([x, y])), 4 * filters
    top = layers.Dense(description["classes"], activation="softmax")
    model = keras.Model(inputs, top(layers.GlobalAveragePooling2D()(x)))

    def set_weights(weights):
        """In the order of construction; `weights` lists trainable and moving ones of a layer together."""
        weights = list(weights)
        for kernel, normalization in parts:
            kernel.set_weights([weights.pop(0)])
            normalization.set_weights([weights.pop(0) for _ in range(4)])
        top.set_weights(weights)

    return model, set_weights


class KerasWords(Framework):
    """Models through fit and predict, as users run them."""

    keras = None

    def compiled(self, case, data, dropout=True):
        model = keras_model(self.keras, case.model, data["weights"], dropout)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def predict(self, case, data):
        model, out = keras_model(self.keras, case.model, data["weights"]), [None]

        def run():
            out[0] = model.predict(data["x"], verbose=0, batch_size=case.batch)

        return run, lambda: out

    def train(self, case, data):
        model, losses = self.compiled(case, data, dropout=False), []
        for _ in range(case.checked_steps):
            model.reset_metrics()  # what is returned is the running mean of the losses since then
            losses.append(float(model.train_on_batch(data["x"], data["y"], return_dict=True)["loss"]))
        if has_dropout(case.model):
            model = self.compiled(case, data)
        x, y = np.concatenate([data["x"]] * case.steps), np.concatenate([data["y"]] * case.steps)

        def run():
            model.fit(x, y, batch_size=case.batch, verbose=0)

        run.calls = case.steps
        return run, lambda: [np.array(losses)]

    def one_step(self, case, data):
        """A function that makes one training step."""
        model, x, y = self.compiled(case, data), data["x"], data["y"]
        return lambda: model.train_on_batch(x, y)
