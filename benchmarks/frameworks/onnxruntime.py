"""ONNX Runtime: inference of the models, exported from PyTorch, and of single operators."""

import io
import warnings

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

from .base import Framework, Unsupported, thread_count
from .torch import build

OPSET, IR_VERSION = 20, 10  # the first with Gelu; what many released runtimes read


class Onnxruntime(Framework):
    name = package = "onnxruntime"

    def session(self, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def timed(self, session, feeds, layout=lambda y: y):
        out = [None]

        def run():
            out[0] = session.run(None, feeds)

        return run, lambda: [layout(y) for y in out[0]]

    def operators(self, case, feeds, nodes, constants=(), layout=lambda y: y):
        """The graph of nodes (operator, inputs, attributes): each gives the value "y", the next one's input. Constants
        by name are weights, which the runtime may pack."""
        if getattr(case, "backward", False):
            raise Unsupported("onnxruntime is measured forward only")
        made = [
            helper.make_node(op, inputs, [f"y{i}"], **attributes) for i, (op, inputs, attributes) in enumerate(nodes)
        ]
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
        weights = [
            helper.make_tensor(k, TensorProto.FLOAT, v.shape, v.ravel().tolist()) for k, v in dict(constants).items()
        ]
        inputs, output = [value(k, v.shape) for k, v in feeds.items()], value(f"y{len(nodes) - 1}", None)
        graph = helper.make_graph(made, case.kind, inputs, [output], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return self.timed(self.session(model.SerializeToString()), feeds, layout)

    def matmul(self, case, data):
        turned = {f"trans{k}": int(letter == "T") for k, letter in zip("AB", case.transposed, strict=True)}
        node = ("Gemm", ["a", "b"], turned) if any(turned.values()) else ("MatMul", ["a", "b"], {})
        return self.operators(case, {"a": data["a"], "b": data["b"]}, [node])

    def conv2d(self, case, data):
        conv, channels_first = case.conv, np.ascontiguousarray(data["x"].transpose(0, 3, 1, 2))
        weights = {"kernel": data["kernel"].transpose(3, 2, 0, 1), "bias": data["bias"]}
        attributes = {"strides": [conv.stride] * 2, "pads": [*conv.pad] * 2, "group": conv.groups}
        node = ("Conv", ["x", "kernel", "bias"], attributes)
        return self.operators(case, {"x": channels_first}, [node], weights, lambda y: y.transpose(0, 2, 3, 1))

    def conv1d(self, case, data):
        conv, channels_first = case.conv, np.ascontiguousarray(data["x"].swapaxes(1, 2))
        weights = {"kernel": data["kernel"].transpose(2, 1, 0), "bias": data["bias"]}
        node = ("Conv", ["x", "kernel", "bias"], {"strides": [conv.stride], "pads": [conv.pad] * 2})
        return self.operators(case, {"x": channels_first}, [node], weights, lambda y: y.swapaxes(1, 2))

    def max_pool2d(self, case, data):
        channels_first = np.ascontiguousarray(data["x"].transpose(0, 3, 1, 2))
        attributes = {"kernel_shape": [case.window] * 2, "strides": [case.stride] * 2}
        return self.operators(
            case, {"x": channels_first}, [("MaxPool", ["x"], attributes)], layout=lambda y: y.transpose(0, 2, 3, 1)
        )

    def elementwise(self, case, data):
        nodes = [(case.function.capitalize(), ["x"], {})]
        if case.function == "silu":
            nodes = [("Sigmoid", ["x"], {}), ("Mul", ["x", "y0"], {})]
        return self.operators(case, {"x": data["x"]}, nodes)

    def softmax(self, case, data):
        return self.operators(case, {"x": data["x"]}, [("Softmax", ["x"], {"axis": -1})])

    def layer_norm(self, case, data):
        node = ("LayerNormalization", ["x", "gamma", "beta"], {"axis": -1, "epsilon": 1e-3})
        return self.operators(case, {"x": data["x"]}, [node], {k: data[k] for k in ("gamma", "beta")})

    def predict(self, case, data):
        model = torch.nn.Sequential(build(case.model, data["weights"]), torch.nn.Softmax(-1)).eval()
        x = data["x"] if data["x"].ndim == 2 else np.ascontiguousarray(data["x"].transpose(0, 3, 1, 2))
        file, example = io.BytesIO(), (torch.from_numpy(x),)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, example, file, input_names=["x"], dynamic_axes={"x": {0: "n"}}, dynamo=False)
        return self.timed(self.session(file.getvalue()), {"x": x})
