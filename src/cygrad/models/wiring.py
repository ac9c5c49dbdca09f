"""The graph of a functional model as plain data, and back: layers by name, and for each the calls that it has had.

    layers         [{"class_name", "config", "name", "inbound_nodes": [{"args", "kwargs"}, ...]}, ...]
    input_layers   [layer's name, which call, which output] in the structure of the inputs; output_layers likewise

as in Keras's files. In args and kwargs a tensor is {"class_name": "__keras_tensor__", ...}; what JSON has no form for
(tuples, slices, arrays, infinity) stands under such a name too.
"""

import math
from collections import deque

import numpy as np

from .._tensor import Tensor, Variable
from ..layers.core import InputLayer, Operation
from ..layers.structure import flatten
from ..layers.symbolic import KerasTensor
from .container import check_keys
from .serialization import MOST_LAYERS, MOST_VALUES, deserialize_layer, serialize_layer

# ---- writing ----


def serialize_graph(model):
    """{"layers", "input_layers", "output_layers"} of a functional model."""
    graph = model._graph
    own = {}  # the calls of a layer that belong to this model
    for call in graph.calls:
        own.setdefault(id(call.layer), []).append(call)
    for calls in own.values():
        calls.sort(key=lambda call: call.index)
    numbers = {(id(c.layer), c.index): n for calls in own.values() for n, c in enumerate(calls)}
    names = {id(layer): layer.name for layer in graph.layers}

    def place(tensor):
        layer, index, output = graph.key(tensor)
        return [names[layer], numbers.get((layer, index), 0), output]

    def structure(value):
        if isinstance(value, KerasTensor):
            return place(value)
        if isinstance(value, dict):
            return {key: structure(v) for key, v in value.items()}
        items = [structure(v) for v in value]
        return items if isinstance(value, list) else {"class_name": "__tuple__", "items": items}

    layers = []
    for layer in graph.layers:
        nodes = [
            {
                "args": [_encoded(a, place, layer) for a in call.node.args],
                "kwargs": {k: _encoded(v, place, layer) for k, v in call.node.kwargs.items()},
            }
            for call in own.get(id(layer), ())
        ]
        data = serialize_layer(layer)
        data.update(name=layer.name, inbound_nodes=nodes)
        layers.append(data)
    return {
        "layers": layers,
        "input_layers": structure(model._inputs_struct),
        "output_layers": structure(model._outputs_struct),
    }


def _encoded(value, place, layer):
    """An argument of a call as plain data."""
    if isinstance(value, KerasTensor):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": place(value)}}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return value if math.isfinite(value) else {"class_name": "__float__", "config": str(value)}
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, list):
        return [_encoded(v, place, layer) for v in value]
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "items": [_encoded(v, place, layer) for v in value]}
    if isinstance(value, dict) and all(isinstance(k, str) and k != "class_name" for k in value):
        return {key: _encoded(v, place, layer) for key, v in value.items()}
    if isinstance(value, slice):
        return {"class_name": "__slice__", "items": [_encoded(v, place, layer) for v in
                                                     (value.start, value.stop, value.step)]}  # fmt: skip
    if value is Ellipsis:
        return {"class_name": "__ellipsis__"}
    if isinstance(value, (np.ndarray, Tensor)) and not isinstance(value, Variable):
        array = np.asarray(value)
        return {
            "class_name": "__numpy__",
            "config": {
                "value": [_encoded(v, place, layer) for v in array.reshape(-1).tolist()],
                "shape": list(array.shape),
                "dtype": array.dtype.name,
            },
        }
    cause = " A variable belongs in a layer." if isinstance(value, Variable) else ""
    raise NotImplementedError(
        f"{layer._title()}: a call in the model has an argument of type {type(value).__name__}, which a configuration "
        f"cannot hold.{cause}"
    )


# ---- reading ----


def deserialize_graph(config, custom_objects=None):
    """(inputs, outputs) of new layers, connected as serialize_graph's result says."""
    check_keys("Functional", config, {"name", "layers", "input_layers", "output_layers"}, {"trainable", "dtype"})
    made = {}  # by name
    calls, found = [], {}  # found: the outputs' tensors by layer's name, call, output
    if not isinstance(config["layers"], list):
        raise ValueError("Functional: layers is not a list")
    for data in config["layers"]:
        check_keys("layer", data, {"class_name", "config", "name", "inbound_nodes"}, {"shared_id"})
        name, nodes = data["name"], data["inbound_nodes"]
        if not isinstance(name, str) or name in made or not isinstance(nodes, list):
            raise ValueError(f"Functional: the layer name {name!r:.60} is broken or there twice")
        layer = made[name] = deserialize_layer(
            {key: data[key] for key in ("class_name", "config", "shared_id") if key in data}, custom_objects
        )
        if isinstance(layer, InputLayer):
            _check_size(name, layer.batch_shape)
            found[name, 0, 0] = layer.output
        calls += [(name, number, node) for number, node in enumerate(nodes)]
    if len(calls) > 10 * MOST_LAYERS:
        raise ValueError(f"Functional: {len(calls)} calls of layers are too many")
    _make_calls(calls, made, found)

    def structure(value):
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
            return _found(value, found)
        if isinstance(value, list):
            return [structure(v) for v in value]
        if isinstance(value, dict) and value.get("class_name") == "__tuple__":
            check_keys("Functional", value, {"class_name", "items"})
            return tuple([structure(v) for v in value["items"]])
        if isinstance(value, dict):
            return {key: structure(v) for key, v in value.items()}
        raise ValueError(f"Functional: expected [layer, call, output]; got {value!r:.60}")

    return structure(config["input_layers"]), structure(config["output_layers"])


def _make_calls(calls, made, found):
    """Makes each call when its tensors are there, those of one layer in their order; their outputs go into found."""
    waiting, missing = {}, []  # the calls that wait for a place; how many places each waits for
    ready = deque()
    for i, (name, number, node) in enumerate(calls):
        check_keys(f"a call of layer {name!r}", node, {"args", "kwargs"})
        needed = {tuple(place) for place in _places((node["args"], node["kwargs"]))} - found.keys()
        if number:
            needed.add((name, number - 1, 0))  # a call keeps its number
        missing.append(len(needed))
        for place in needed:
            waiting.setdefault(place, []).append(i)
        if not needed:
            ready.append(i)
    done = 0
    while ready:
        name, number, node = calls[ready.popleft()]
        done += 1
        args, kwargs = _decoded(node["args"], found), _decoded(node["kwargs"], found)
        layer = made[name]
        if type(layer) is Operation:
            _check_growth(layer, args, kwargs)
        for output, tensor in enumerate(flatten(layer(*args, **kwargs))):
            place = (name, number, output)
            found[place] = tensor
            for i in waiting.get(place, ()):
                missing[i] -= 1
                if not missing[i]:
                    ready.append(i)
    if done < len(calls):
        left = sorted({calls[i][0] for i in range(len(calls)) if missing[i] > 0})
        raise ValueError(f"Functional: the graph has a loop or loose ends at the layers {', '.join(left[:5])}")


def _places(value):
    """The [layer, call, output] of the tensors in encoded arguments."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            place = value.get("config", {}).get("keras_history")
            if not (
                isinstance(place, list)
                and len(place) == 3
                and isinstance(place[0], str)
                and all(type(n) is int for n in place[1:])
            ):
                raise ValueError(f"Functional: expected [layer, call, output]; got {place!r:.60}")
            yield place
            return
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from _places(v)


def _found(place, found):
    tensor = found.get(tuple(place))
    if tensor is None:
        raise ValueError(f"Functional: there is no output {place[2]!r} of call {place[1]!r} of layer {place[0]!r:.60}")
    return tensor


def _decoded(value, found):
    """The reverse of _encoded."""
    if isinstance(value, list):
        return [_decoded(v, found) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if kind is None:
        return {key: _decoded(v, found) for key, v in value.items()}
    if kind == "__keras_tensor__":
        return _found(next(_places(value)), found)
    if kind in ("__tuple__", "__slice__"):
        check_keys("Functional", value, {"class_name", "items"})
        items = [_decoded(v, found) for v in value["items"]]
        return tuple(items) if kind == "__tuple__" else slice(*items)
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == "__float__":
        return float(value["config"])
    if kind == "__numpy__":
        check_keys("Functional", value["config"], {"value", "shape", "dtype"})
        values = [_decoded(v, found) for v in value["config"]["value"]]
        return np.array(values, np.dtype(value["config"]["dtype"])).reshape(value["config"]["shape"])
    raise ValueError(f"Functional: unknown kind of argument {kind!r:.60}")


# ---- what a file may ask for ----


def _check_size(name, shape):
    if math.prod(1 if s is None else s for s in shape) > MOST_VALUES:
        raise ValueError(f"Functional: the input {name!r} of shape {tuple(shape)} has more than {MOST_VALUES} values")


def _check_growth(layer, args, kwargs):
    """An operation is tried on zeros to see its output's shape: not where that would be huge."""
    leaves = flatten((args, kwargs))
    shapes = [[48 if s is None else s for s in t.shape] for t in leaves if isinstance(t, KerasTensor)]
    shapes += [list(a.shape) for a in leaves if isinstance(a, np.ndarray)]
    rank = max(map(len, shapes), default=0)
    aligned = [[1] * (rank - len(s)) + s for s in shapes]
    size = math.prod(max(sizes) for sizes in zip(*aligned))
    numbers = [abs(n) for n in leaves if isinstance(n, int) and not isinstance(n, bool)]
    if layer.function in ("tile", "repeat", "one_hot"):
        size *= math.prod(max(1, n) for n in numbers)
    elif layer.function == "pad":
        size = math.prod(s + sum(numbers) for s in aligned[0])
    elif layer.function == "broadcast_to":
        size = math.prod(max(1, n) for n in numbers)
    if size > 16 * MOST_VALUES:
        raise ValueError(f"{layer._title()}: {layer.function} would make {size} values of a sample")
