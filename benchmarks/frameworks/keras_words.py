"""The models in Keras's words: the same lines for Keras and for cygrad."""

import numpy as np

from .. import shapes
from .base import Framework, Unsupported


def keras_model(keras, name, weights=None, dropout=True):
    """A model of shapes.MODELS, by keras or by cygrad; dropout False leaves its dropout out."""
    description = shapes.MODELS[name]
    if "stages" in description:
        model = resnet(keras, description)
        model(np.zeros((1, *description["input"]), "f4"))
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
    if weights is not None:
        model.set_weights(weights)
    return model


def has_dropout(name):
    return any(kind == "dropout" for kind, _ in shapes.MODELS[name].get("layers", ()))


def resnet(keras, description):
    """He et al. 2015, with the stride at the 3x3 convolution, and PyTorch's padding of strided windows."""
    if not hasattr(keras.layers, "BatchNormalization"):
        raise Unsupported("no BatchNormalization layer")
    layers = keras.layers

    class Convolution(layers.Layer):
        """Convolution without bias, batch normalisation, ReLU."""

        def __init__(self, filters, size, stride=1, relu=True):
            super().__init__()
            self.pad = layers.ZeroPadding2D(size // 2) if size > 1 else None
            self.conv = layers.Conv2D(filters, size, stride, use_bias=False)
            self.normalise = layers.BatchNormalization()
            self.relu = layers.ReLU() if relu else None

        def call(self, x, training=False):
            x = x if self.pad is None else self.pad(x)
            y = self.normalise(self.conv(x), training=training)
            return y if self.relu is None else self.relu(y)

    class Bottleneck(layers.Layer):
        def __init__(self, filters, stride, project):
            super().__init__()
            self.reduce = Convolution(filters, 1)
            self.middle = Convolution(filters, 3, stride)
            self.expand = Convolution(4 * filters, 1, relu=False)
            self.shortcut = Convolution(4 * filters, 1, stride, relu=False) if project else None
            self.add, self.relu = layers.Add(), layers.ReLU()

        def call(self, x, training=False):
            y = self.expand(self.middle(self.reduce(x, training=training), training=training), training=training)
            x = x if self.shortcut is None else self.shortcut(x, training=training)
            return self.relu(self.add([x, y]))

    class ResNet(keras.Model):
        def __init__(self):
            super().__init__()
            self.stem, self.pad, self.pool = Convolution(64, 7, 2), layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)
            self.blocks, channels = [], 64
            for filters, repeats, stride in description["stages"]:
                for i in range(repeats):
                    self.blocks.append(Bottleneck(filters, stride if i == 0 else 1, channels != 4 * filters))
                    channels = 4 * filters
            self.mean = layers.GlobalAveragePooling2D()
            self.top = layers.Dense(description["classes"], activation="softmax")

        def call(self, x, training=False):
            x = self.pool(self.pad(self.stem(x, training=training)))  # after ReLU, zeros never win
            for block in self.blocks:
                x = block(x, training=training)
            return self.top(self.mean(x))

        def set_weights(self, weights):
            """In the order of construction; `weights` lists trainable and moving ones of a layer together."""
            weights = list(weights)
            for part in self.convolutions():
                part.conv.set_weights([weights.pop(0)])
                part.normalise.set_weights([weights.pop(0) for _ in range(4)])
            self.top.set_weights(weights)

        def convolutions(self):
            yield self.stem
            for block in self.blocks:
                yield from (block.reduce, block.middle, block.expand)
                if block.shortcut is not None:
                    yield block.shortcut

    return ResNet()


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
