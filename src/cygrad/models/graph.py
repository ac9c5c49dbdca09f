"""The graph of a functional model: found from its outputs, put in order once, and run as a list of calls.

A symbolic tensor holds the layer and the call that made it (layers/symbolic.py), so walking back from the outputs finds
every call in between. Tensors are known by key_of, not by identity, for a call makes its outputs anew when nobody
holds them. The order of layers is Keras's: by distance from the outputs, the farthest first; then weights have the
same order too.

run() is what a training step passes: one list of values, one tuple a call, no look-ups by name. A value is dropped
after its last use, so that without a tape its memory is free for the next one.
"""

from ..layers.core import InputLayer, Operation
from ..layers.structure import map_structure
from ..layers.symbolic import KerasTensor


def key_of(tensor):
    """What a symbolic tensor is known by: its layer, the call, the output."""
    layer, node, index = tensor._keras_history
    return id(layer), node, index


def flat(structure):
    """The leaves of nested lists, tuples and dicts; those of a dict in the order of its keys, as in Keras."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flat(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in flat(value)]
    return [structure]


def pack_like(structure, leaves):
    """The reverse of flat: leaves, an iterator, in the places of a structure."""
    if isinstance(structure, dict):
        return {key: pack_like(structure[key], leaves) for key in sorted(structure)}
    if isinstance(structure, (list, tuple)):
        values = [pack_like(value, leaves) for value in structure]
        return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)
    return next(leaves)


class _Slot(int):
    """The place of a tensor among the values of a run, in the arguments of a call."""


class Call:
    """One call in a graph: of its layer's Node, with the keys of what goes in and comes out."""

    def __init__(self, layer, index, keys):
        self.layer, self.index = layer, index
        self.node = layer._inbound_nodes[index]
        self.inputs = keys
        self.outputs = [key_of(t) for t in self.node.outputs]


class Graph:
    """What lies between symbolic inputs and outputs, flat lists. replaced: {key of a tensor: the input for it}.

    calls: in an order that can be run. layers: in Keras's order, with the InputLayers and Operations.
    ValueError for outputs that need an input that is not there, and for two layers of one name.
    """

    def __init__(self, inputs, outputs, replaced, title):
        self.replaced, self.title = replaced, title
        self.slots = {key_of(t): i for i, t in enumerate(inputs)}
        self.input_layers = [t._keras_history.operation for t in inputs]
        self.calls, seen = self._find(outputs)
        self.layers = self._in_order(seen)
        self._check_names()
        self.used = {key for call in self.calls for key in call.inputs} | {self.key(t) for t in outputs}
        for call in self.calls:
            for key in call.outputs:
                self.slots.setdefault(key, len(self.slots))
        self.outputs = [self.key(t) for t in outputs]
        self.results = [self.slots[key] for key in self.outputs]
        self.free = [None] * (len(self.slots) - len(inputs))
        self.steps = self._steps()

    def key(self, tensor):
        """key_of, of the input in its place where there is one."""
        key = key_of(tensor)
        return key_of(self.replaced[key]) if key in self.replaced else key

    # ---- finding ----

    def _find(self, outputs):
        """The calls from the inputs to the outputs, each after those that it needs; {layer: when it was first met}."""
        calls, done, seen = [], set(), {}
        for output in outputs:
            waiting = [(output, None)]
            path = []
            while waiting:
                tensor, call = waiting.pop()
                if call is not None:  # all that it needs is there
                    path.pop()
                    calls.append(call)
                    continue
                layer, index, _ = self.replaced.get(key_of(tensor), tensor)._keras_history
                if (id(layer), index) in done:
                    continue
                done.add((id(layer), index))
                seen.setdefault(layer, len(seen))
                if isinstance(layer, InputLayer):
                    if key_of(tensor) not in self.slots and key_of(tensor) not in self.replaced:
                        self._refuse(layer, path)
                    continue
                needed = layer._inbound_nodes[index].inputs
                path.append(layer)
                waiting.append((tensor, Call(layer, index, [self.key(t) for t in needed])))
                waiting.extend((t, None) for t in reversed(needed))
        return calls, seen

    def _refuse(self, missing, path):
        names = [f'"{layer.name}"' for layer in reversed(path)]
        way = f" by way of {' -> '.join(names)}" if names else ""
        given = ", ".join(f'"{layer.name}"' for layer in self.input_layers)
        raise ValueError(
            f'{self.title}: the graph is disconnected: the outputs need the input "{missing.name}" '
            f"(shape {missing.batch_shape}){way}, but inputs has only {given}. Add it to inputs."
        )

    def _in_order(self, seen):
        """All layers, the farthest from the outputs first; those as far as each other as they were met."""
        of_call, of_layer = {}, {}
        makers = {key: call for call in self.calls for key in call.outputs}
        for call in reversed(self.calls):
            depth = of_layer[call.layer] = of_call[call] = max(of_call.get(call, 0), of_layer.get(call.layer, 0))
            for key in call.inputs:
                maker = makers.get(key)
                if maker is None:
                    maker = self.input_layers[self.slots[key]]
                    of_layer[maker] = max(depth + 1, of_layer.get(maker, 0))
                else:
                    of_call[maker] = max(depth + 1, of_call.get(maker, 0))
        for layer in self.input_layers:  # those that nothing needs are last but for the outputs, as in Keras
            of_layer.setdefault(layer, 0)
            seen.setdefault(layer, -1)
        depths = [*of_call.values(), *[of_layer[layer] for layer in self.input_layers]]
        self.is_chain = (  # one call after the other, as in a Sequential
            len(set(depths)) == len(depths)
            and all(len(call.inputs) == 1 for call in self.calls)
            and len({call.layer for call in self.calls}) == len(self.calls)
        )
        return sorted(of_layer, key=lambda layer: (-of_layer[layer], seen[layer]))

    def _check_names(self):
        names = {}
        for layer in self.layers:
            other = names.setdefault(layer.name, layer)
            if other is not layer:
                raise ValueError(
                    f'{self.title}: two layers are called "{layer.name}" ({type(other).__name__} and '
                    f"{type(layer).__name__}); names must be unique in a model: give one of them another name="
                )

    def connections(self, layer):
        """What goes into a layer's calls, as Keras writes it: "name[call][output], ..."."""
        names = {id(other): other.name for other in self.layers}
        places = [key for call in self.calls if call.layer is layer for key in call.inputs]
        return ", ".join(f"{names[maker]}[{call}][{output}]" for maker, call, output in places) or "-"

    # ---- running ----

    def _steps(self):
        """(function, where its arguments are, where its results go, what nobody needs after it) for each call."""
        last = {}
        for i, call in enumerate(self.calls):
            for key in call.inputs:
                last[self.slots[key]] = i
        kept, steps = set(self.results), []
        for i, call in enumerate(self.calls):
            slots = [self.slots[key] for key in call.outputs]
            dropped = {self.slots[key] for key in call.inputs if last[self.slots[key]] == i}
            unused = [s for s in slots if s not in last]
            dead = tuple([s for s in (*dropped, *unused) if s not in kept])
            single = isinstance(call.node.output_structure, KerasTensor)
            function = call.layer._operation if type(call.layer) is Operation else call.layer
            steps.append((function, call.layer, self._source(call), slots[0] if single else tuple(slots), dead))
        return steps

    def _source(self, call):
        """Where a call's arguments are: a slot where there is one tensor; else a function of the values."""
        args, kwargs = map_structure(
            lambda a: _Slot(self.slots[self.key(a)]) if isinstance(a, KerasTensor) else a,
            (call.node.args, call.node.kwargs),
        )
        if len(args) == 1 and not kwargs:
            if isinstance(args[0], _Slot):
                return int(args[0])
            if isinstance(args[0], (list, tuple)) and all(isinstance(a, _Slot) for a in args[0]):
                kind, places = type(args[0]), [int(a) for a in args[0]]
                return lambda values: ((kind([values[i] for i in places]),), {})

        def filled(values):
            return map_structure(lambda a: values[a] if type(a) is _Slot else a, (args, kwargs))

        return filled

    def run(self, values, by_layer=False):
        """The outputs, a list, for the inputs' values, a list. by_layer: Operations as the layers that they are."""
        values = values + self.free
        for function, layer, source, target, dead in self.steps:
            if by_layer:
                function = layer
            if type(source) is int:
                y = function(values[source])
            else:
                args, kwargs = source(values)
                y = function(*args, **kwargs)
            if type(target) is int:
                values[target] = y
            else:
                for slot, leaf in zip(target, _leaves(y)):
                    values[slot] = leaf
            for slot in dead:
                values[slot] = None
        return [values[slot] for slot in self.results]

    def connect(self, tensors, call):
        """The outputs of the same calls on other symbolic tensors for the inputs, flat lists: call(layer, args, kwargs)
        is made in place of layer(*args, **kwargs)."""
        found = dict(zip(self.slots, tensors))
        for step in self.calls:
            args, kwargs = map_structure(
                lambda a: found[self.key(a)] if isinstance(a, KerasTensor) else a, (step.node.args, step.node.kwargs)
            )
            results = call(step.layer, args, kwargs)
            found.update(zip(step.outputs, _leaves(results)))
        return [found[key] for key in self.outputs]


def _leaves(structure):
    """The outputs of a call in the order of its Node's."""
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in _leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in _leaves(value)]
    return [structure]
