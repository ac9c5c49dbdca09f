"""One class a framework: prepare(case, data) gives (run, results) or None where the framework has no such thing.

run() does the work once and is what gets timed; results() gives NumPy arrays for the verification before.
Every framework gets the setting in which it is fastest: PyTorch channels-last and fused Adam, JAX one jitted step
with donated buffers.
"""

import os
import sys

import numpy as np

from . import shapes
from .cases import CHECKED_STEPS


def activation_layers(model):
    """The layers of a model as (kind, size, activation)."""
    return [(k, s, "relu") for k, s in shapes.MODELS[model]["layers"]] + [("dense", 10, "softmax")]


def keras_model(keras, name, weights=None):
    """The model in Keras's words, for Keras and for cygrad."""
    made = [keras.Input(shapes.MODELS[name]["input"])]
    for kind, size, activation in activation_layers(name):
        if kind == "dense":
            made.append(keras.layers.Dense(size, activation=activation))
        elif kind == "conv":
            made.append(keras.layers.Conv2D(size, 3, activation=activation))
        else:
            made.append(keras.layers.MaxPooling2D(size) if kind == "pool" else keras.layers.Flatten())
    model = keras.Sequential(made)
    if weights is not None:
        model.set_weights(weights)
    return model


def threads():
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))


class Numpy:
    name = "numpy"

    def prepare(self, case, data):
        if case.kind == "matmul":
            y = np.empty((case.args[0], case.args[2]), "f4")
            return lambda: np.matmul(data["a"], data["b"], out=y), lambda: [y]
        if case.kind == "elementwise" and case.args[0] in ("relu", "tanh", "exp"):
            x, y = data["x"], np.empty_like(data["x"])
            run = {
                "relu": lambda: np.maximum(x, 0, out=y),
                "tanh": lambda: np.tanh(x, out=y),
                "exp": lambda: np.exp(x, out=y),
            }
            return run[case.args[0]], lambda: [y]
        return None


class Cygrad:
    name = "cygrad"

    def __init__(self):
        import cygrad

        self.c = cygrad

    def prepare(self, case, data):
        ops = self.c.ops
        tensors = {k: ops.convert_to_tensor(v) for k, v in data.items() if k not in ("weights", "y")}
        if case.kind in ("train", "predict"):
            return self.model(case, data)
        out = [None]

        def keep(*values):
            out[0] = values

        results = lambda: [np.asarray(v) for v in out[0]]  # noqa: E731
        if case.kind == "matmul":  # into memory that is there, as NumPy's and PyTorch's out=
            from cygrad import _core

            (m, k, n), y = case.args, ops.zeros((case.args[0], case.args[2]))
            a, b = tensors["a"], tensors["b"]
            return lambda: _core.matmul(y, a, b, None, m, n, k, 0, 0, 0), lambda: [np.array(y)]
        if case.kind == "elementwise":
            if case.args[0] == "gelu":
                return lambda: keep(ops.gelu(tensors["x"], approximate=False)), results
            function = getattr(ops, case.args[0])
            return lambda: keep(function(tensors["x"])), results
        if case.kind == "softmax":
            return lambda: keep(ops.softmax(tensors["x"])), results
        if case.kind == "adam":
            from cygrad import _core

            w, g, m, v = tensors["w"], tensors["g"], ops.zeros(case.args), ops.zeros(case.args)
            first = np.array(w)

            def step():
                step.count += 1
                _core.adam_step(w, m, v, None, g, case.args[0], 1e-3, 0.9, 0.999, 1e-7, step.count)

            step.count = 0

            def result():  # one step from the start
                np.copyto(w.numpy(), first)
                np.asarray(m)[...] = 0
                np.asarray(v)[...] = 0
                step.count = 0
                step()
                return [np.array(w)]

            return step, result
        if case.kind == "conv2d":
            pad = case.args[6]
            x, kernel, bias = tensors["x"], tensors["kernel"], tensors["bias"]
            stride, padding = case.args[5], "valid" if pad == 0 else "same"
            if case.name.split()[1] == "stem":  # PyTorch's padding of 3 on both sides: "same" would be 2 and 3
                from cygrad.ops import pad as pad_op

                forward = lambda: ops.conv(pad_op(x, [(0, 0), (3, 3), (3, 3), (0, 0)]), kernel, stride, bias=bias)  # noqa: E731
            else:
                forward = lambda: ops.conv(x, kernel, stride, padding, bias=bias)  # noqa: E731
            sources = (x, kernel, bias)
        else:
            x = tensors["x"]
            forward = lambda: ops.max_pool(x, 2, 2)  # noqa: E731
            sources = (x,)
        if not case.backward:
            return lambda: keep(forward()), results

        def both():
            with self.c.GradientTape() as tape:
                tape.watch(sources)
                y = forward()
            keep(y, *tape.gradient(y, sources, output_gradients=tensors["dy"]))

        return both, results

    def model(self, case, data):
        name, batch = case.args
        model = keras_model(self.c, name, data["weights"])
        if case.kind == "predict":
            out = [None]

            def predict():
                out[0] = model.predict(data["x"], verbose=0, batch_size=batch)

            return predict, lambda: [out[0]]
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        steps = max(1, 3200 // batch)
        x, y = np.concatenate([data["x"]] * steps), np.concatenate([data["y"]] * steps)

        def results():
            model.set_weights(data["weights"])
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return [
                [model.train_on_batch(data["x"], data["y"], return_dict=True)["loss"] for _ in range(CHECKED_STEPS)]
            ]

        run = lambda: model.fit(x, y, batch_size=batch, verbose=0)  # noqa: E731
        run.calls = steps
        return run, results


class Torch:
    name = "torch"

    def __init__(self):
        import torch

        torch.set_num_threads(threads())
        self.t = torch

    def images(self, array):
        """NHWC numbers as a channels-last tensor."""
        return self.t.from_numpy(array).permute(0, 3, 1, 2)

    def prepare(self, case, data):
        t, F = self.t, self.t.nn.functional
        if case.kind in ("train", "predict"):
            return self.model(case, data)
        out = [None]

        def keep(*values):
            out[0] = values

        results = lambda: [v.detach().numpy() for v in out[0]]  # noqa: E731
        if case.kind == "matmul":
            a, b, y = t.from_numpy(data["a"]), t.from_numpy(data["b"]), t.empty(case.args[0], case.args[2])
            return lambda: t.mm(a, b, out=y), lambda: [y.numpy()]
        if case.kind in ("elementwise", "softmax"):
            x = t.from_numpy(data["x"])
            functions = {"relu": t.relu, "sigmoid": t.sigmoid, "tanh": t.tanh, "exp": t.exp}
            functions |= {"gelu": F.gelu, "silu": F.silu, "softmax": lambda v: F.softmax(v, -1)}
            function = functions["softmax" if case.kind == "softmax" else case.args[0]]

            def apply():
                with t.no_grad():
                    keep(function(x))

            return apply, results
        if case.kind == "adam":

            def fresh():
                w = t.from_numpy(data["w"].copy()).requires_grad_()
                w.grad = t.from_numpy(data["g"])
                return w, t.optim.Adam([w], eps=1e-7, fused=True)

            _, optimizer = fresh()

            def result():
                w, once = fresh()
                once.step()
                return [w.detach().numpy()]

            return optimizer.step, result
        x = self.images(data["x"]).requires_grad_()
        dy = self.images(data["dy"])
        nhwc = lambda v: v.detach().permute(0, 2, 3, 1).numpy()  # noqa: E731
        if case.kind == "conv2d":
            *_, stride, pad = case.args
            kernel = (
                t.from_numpy(data["kernel"])
                .permute(3, 2, 0, 1)
                .contiguous(memory_format=t.channels_last)
                .requires_grad_()
            )
            bias = t.from_numpy(data["bias"]).requires_grad_()
            forward, sources = lambda: F.conv2d(x, kernel, bias, stride=stride, padding=pad), (x, kernel, bias)

            def results():
                y, *gradients = out[0]
                back = (
                    [nhwc(gradients[0]), gradients[1].permute(2, 3, 1, 0).numpy(), gradients[2].numpy()]
                    if gradients
                    else []
                )
                return [nhwc(y), *back]
        else:
            forward, sources = lambda: F.max_pool2d(x, 2), (x,)
            results = lambda: [nhwc(v) for v in out[0]]  # noqa: E731

        def run():
            if not case.backward:
                with t.no_grad():
                    keep(forward())
                return
            y = forward()
            keep(y, *t.autograd.grad(y, sources, dy))

        return run, results

    def build(self, name, weights):
        t, nn = self.t, self.t.nn
        made, shape, weights = [], shapes.MODELS[name]["input"], list(weights)
        for kind, size, activation in activation_layers(name):
            if kind == "pool":
                made.append(nn.MaxPool2d(size))
                shape = (shape[0] // size, shape[1] // size, shape[2])
            elif kind == "flatten":
                made.append(nn.Flatten())
            else:
                kernel, bias = weights.pop(0), weights.pop(0)
                if kind == "conv":
                    layer = nn.Conv2d(shape[2], size, 3)
                    kernel = kernel.transpose(3, 2, 0, 1)
                    shape = (shape[0] - 2, shape[1] - 2, size)
                else:
                    layer = nn.Linear(kernel.shape[0], size)
                    if len(shape) == 3:  # PyTorch flattens channels first
                        kernel = kernel.reshape(*shape, size).transpose(2, 0, 1, 3).reshape(-1, size)
                    kernel, shape = kernel.T, (size,)
                with t.no_grad():
                    layer.weight.copy_(t.from_numpy(np.ascontiguousarray(kernel)))
                    layer.bias.copy_(t.from_numpy(bias))
                made.append(layer)
                if activation == "relu":
                    made.append(nn.ReLU())
        model = nn.Sequential(*made)
        return model.to(memory_format=t.channels_last) if len(shapes.MODELS[name]["input"]) == 3 else model

    def model(self, case, data):
        t = self.t
        model = self.build(case.args[0], data["weights"])
        x = self.images(data["x"]) if data["x"].ndim == 4 else t.from_numpy(data["x"])
        if case.kind == "predict":
            out = [None]

            def predict():
                with t.no_grad():
                    out[0] = t.softmax(model(x), -1)

            return predict, lambda: [out[0].numpy()]
        y, criterion = t.from_numpy(data["y"]), t.nn.CrossEntropyLoss()

        def stepper(model):
            adam = t.optim.Adam(model.parameters(), eps=1e-7, fused=True)

            def step():
                adam.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                adam.step()
                return loss.item()

            return step

        def results():
            step = stepper(self.build(case.args[0], data["weights"]))
            return [[step() for _ in range(CHECKED_STEPS)]]

        return stepper(model), results


class Keras:
    """Keras 3 on the backend that KERAS_BACKEND names; fit and predict, as its users run it."""

    name = "keras"

    def __init__(self):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras

        self.k = keras
        self.name = f"keras-{keras.backend.backend()}"
        if self.name == "keras-torch":
            import torch

            torch.set_num_threads(threads())

    def prepare(self, case, data):
        if case.kind not in ("train", "predict"):
            return None
        name, batch = case.args
        model = keras_model(self.k, name, data["weights"])
        if case.kind == "predict":
            out = [None]

            def predict():
                out[0] = model.predict(data["x"], verbose=0, batch_size=batch)

            return predict, lambda: [out[0]]
        steps = max(1, 3200 // batch)
        x, y = np.concatenate([data["x"]] * steps), np.concatenate([data["y"]] * steps)

        def results():
            model.set_weights(data["weights"])
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            losses = [float(model.train_on_batch(data["x"], data["y"], return_dict=True)["loss"])]
            for _ in range(CHECKED_STEPS - 1):  # Keras returns the running mean of the losses since the last reset
                model.reset_metrics()
                losses.append(float(model.train_on_batch(data["x"], data["y"], return_dict=True)["loss"]))
            return [losses]

        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        run = lambda: model.fit(x, y, batch_size=batch, verbose=0)  # noqa: E731
        run.calls = steps
        return run, results


class Jax:
    name = "jax"

    def __init__(self):
        import jax
        import optax

        self.jax, self.optax = jax, optax

    def prepare(self, case, data):
        jax, jnp = self.jax, self.jax.numpy
        if case.kind == "matmul":
            a, b, f, out = jnp.asarray(data["a"]), jnp.asarray(data["b"]), jax.jit(jnp.matmul), [None]

            def run():
                out[0] = f(a, b).block_until_ready()

            return run, lambda: [np.asarray(out[0])]
        if case.kind not in ("train", "predict"):
            return None

        def forward(weights, x):
            weights = list(weights)
            for kind, size, activation in activation_layers(case.args[0]):
                if kind == "pool":
                    window = (1, size, size, 1)
                    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
                elif kind == "flatten":
                    x = x.reshape(x.shape[0], -1)
                else:
                    kernel, bias = weights.pop(0), weights.pop(0)
                    if kind == "conv":
                        x = (
                            jax.lax.conv_general_dilated(
                                x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
                            )
                            + bias
                        )
                    else:
                        x = x @ kernel + bias
                    x = jax.nn.relu(x) if activation == "relu" else x
            return x

        x, y, out = jnp.asarray(data["x"]), jnp.asarray(data["y"]), [None]
        if case.kind == "predict":
            f, weights = jax.jit(lambda w, x: jax.nn.softmax(forward(w, x))), [jnp.asarray(w) for w in data["weights"]]

            def run():
                out[0] = f(weights, x).block_until_ready()

            return run, lambda: [np.asarray(out[0])]
        adam = self.optax.adam(1e-3, eps=1e-7)

        def loss(w, x, y):
            return self.optax.softmax_cross_entropy_with_integer_labels(forward(w, x), y).mean()

        def step(w, state, x, y):
            value, g = jax.value_and_grad(loss)(w, x, y)
            update, state = adam.update(g, state, w)
            return self.optax.apply_updates(w, update), state, value

        step = jax.jit(step, donate_argnums=(0, 1))

        def start():
            w = [jnp.array(v) for v in data["weights"]]
            return [w, adam.init(w)]

        def trainer(held):
            def train():
                held[0], held[1], value = step(*held, x, y)
                return float(value)

            return train

        def results():
            train = trainer(start())
            return [[train() for _ in range(CHECKED_STEPS)]]

        return trainer(start()), results


class Sklearn:
    name = "sklearn"

    def prepare(self, case, data):
        if case.kind != "train" or case.args[0] != "mlp":
            return None
        from sklearn.neural_network import MLPClassifier

        steps, batch = 3200 // case.args[1], case.args[1]
        x, y = np.concatenate([data["x"]] * steps), np.concatenate([data["y"]] * steps)
        model = MLPClassifier((64, 64), batch_size=batch, max_iter=1)
        model.partial_fit(x, y, classes=np.arange(10))
        run = lambda: model.partial_fit(x, y)  # noqa: E731
        run.calls = steps
        return run, lambda: None  # its weights cannot be set before the first step: timed, not compared


class Onnxruntime:
    """Inference of the models, exported from PyTorch."""

    name = "onnxruntime"

    def __init__(self):
        import onnxruntime

        self.ort, self.torch = onnxruntime, Torch()

    def prepare(self, case, data):
        if case.kind != "predict":
            return None
        import io
        import warnings

        warnings.filterwarnings("ignore")
        t = self.torch.t
        model = t.nn.Sequential(self.torch.build(case.args[0], data["weights"]), t.nn.Softmax(-1)).eval()
        x = data["x"] if data["x"].ndim == 2 else np.ascontiguousarray(data["x"].transpose(0, 3, 1, 2))
        file = io.BytesIO()
        t.onnx.export(model, (t.from_numpy(x),), file, input_names=["x"], dynamic_axes={"x": {0: "n"}}, dynamo=False)
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = threads()
        session, out = self.ort.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"]), [None]

        def run():
            out[0] = session.run(None, {"x": x})

        return run, lambda: [out[0][0]]


FRAMEWORKS = {f.name: f for f in (Cygrad, Numpy, Torch, Keras, Jax, Sklearn, Onnxruntime)}


def available(name):
    """Can this Python import it?"""
    import importlib.util

    needs = {"jax": ["jax", "optax"], "onnxruntime": ["onnxruntime", "onnx", "torch"]}.get(name, [name])
    return all(n in sys.modules or importlib.util.find_spec(n) for n in needs)
