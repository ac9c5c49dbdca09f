"""Model: a layer that can be trained, saved and described."""

import json
import math
import re

from .. import _lookup
from ..layers.core import Operation
from ..layers.layer import Layer
from .container import parse_json
from .saving import from_bytes, load_weights, save_model, save_weights, to_bytes
from .serialization import custom_objects_of, deserialize_model, serialize_model, symbols_of
from .training import Trainer

__all__ = ["Model", "model_from_json"]


class Model(Trainer, Layer):
    """A model: Model(inputs, outputs, name=None) of a graph of layers, or a class of your own that makes layers in
    __init__ and uses them in call(inputs, training=None).

    inputs, outputs: symbolic tensors from Input and from calls of layers on them; one, or a list, tuple or dict. See
    models.Functional. A subclass may also give super().__init__ its inputs= and outputs=. compile, fit, evaluate,
    predict, save and summary come with every model; train_step, test_step, predict_step, compute_loss and
    compute_metrics can be overridden as in Keras.

    >>> x = cygrad.Input((4,))
    >>> hidden = cygrad.layers.Dense(8, activation="relu")(x)
    >>> model = cygrad.Model(x, cygrad.layers.Dense(2)(hidden) + 1.0)
    >>> model.predict(np.zeros((3, 4), "float32"), verbose=0).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]

    >>> class Classifier(cygrad.Model):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.hidden = cygrad.layers.Dense(8, activation="relu")
    ...         self.out = cygrad.layers.Dense(2, activation="softmax")
    ...     def call(self, inputs):
    ...         return self.out(self.hidden(inputs))
    >>> model = Classifier()
    >>> model.predict(np.zeros((3, 4), "float32"), verbose=0).shape
    (3, 2)
    """

    _carries_masks = True

    # Keras 2's methods
    fit_generator = _lookup.Absent("fit takes generators, too")
    evaluate_generator = _lookup.Absent("evaluate takes generators, too")
    predict_generator = _lookup.Absent("predict takes generators, too")
    predict_proba = _lookup.Absent("predict gives the probabilities of a softmax or sigmoid")
    predict_classes = _lookup.Absent("predict(x).argmax(-1) gives classes, predict(x) > 0.5 those of one sigmoid unit")

    def __new__(cls, *args, **kwargs):
        if cls is Model and _is_graph(args, kwargs):
            from .functional import Functional

            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, trainable=True, name=None, **kwargs):
        if _is_graph(args, kwargs):
            from .functional import Functional

            if not isinstance(self, Functional):
                _make_functional(type(self), Functional)
            Functional.__init__(self, *args, trainable=trainable, name=name, **kwargs)
            return
        if args:
            raise TypeError(
                f"{type(self).__name__}: expected inputs and outputs, or neither; got {len(args)} positional argument"
            )
        Layer.__init__(self, trainable=trainable, name=name, **kwargs)
        self._init_training()

    # ---- building ----

    _called = False  # building for a call that is under way

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from get_config's result, with new weights; Model itself makes a functional one of its graph."""
        if cls is Model and "input_layers" in config:
            from .functional import Functional

            return Functional.from_config(config, custom_objects)
        return super().from_config(config)

    def build(self, input_shape):
        """Makes the weights for inputs of that shape, batch axis included, by trying call on zeros."""
        if not self._called:
            self.built = True
            self._trial((symbols_of(input_shape),), {})

    def _build_for(self, args, kwargs):
        self._called = True
        try:
            super()._build_for(args, kwargs)
        finally:
            self._called = False

    # ---- layers ----

    @property
    def layers(self):
        """The layers directly below, in the order of the attributes."""
        return self._parts()[2]

    def get_layer(self, name=None, index=None):
        """The layer of that name, or at that place. ValueError, with the names that there are, when it does not
        exist."""
        layers, operations = self.layers, getattr(self, "operations", ())
        if (name is None) == (index is None):
            raise ValueError(f"get_layer: give a name or an index; got name={name!r}, index={index!r}")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f'get_layer: index {index} does not exist; model "{self.name}" has {len(layers)} layers'
                )
            return layers[index]
        for layer in (*layers, *operations):
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        hint = _lookup.did_you_mean(name, names) or f" It has {', '.join(names) or 'none yet'}."
        raise ValueError(f'get_layer: model "{self.name}" has no layer {name!r}.{hint}')

    # ---- a table ----

    def summary(
        self,
        line_length=None,
        positions=None,
        print_fn=None,
        expand_nested=False,
        show_trainable=False,
        layer_range=None,
    ):
        """Prints the layers, their output shapes and parameters, and the totals with the memory that they take; for a
        graph that is no chain also what each layer is connected to.

        print_fn gets one line at a time (print where absent). expand_nested lists the layers of models inside;
        layer_range=(first, last) limits the table to layers from one name to another (regular expressions).
        positions, the relative ends of the columns in line_length, are as in Keras. A model that is not built yet
        shows what is known.

        >>> cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1, name="out")], name="net").summary()
        Model: "net"
        ┌──────────────┬──────────────┬─────────┐
        │ Layer (type) │ Output Shape │ Param # │
        ├──────────────┼──────────────┼─────────┤
        │ out (Dense)  │ (None, 1)    │       3 │
        └──────────────┴──────────────┴─────────┘
         Total params: 3 (... B)
         Trainable params: 3 (... B)
         Non-trainable params: 0 (0.00 B)
        """
        for line in _summary_lines(self, line_length, positions, expand_nested, show_trainable, layer_range):
            (print_fn or print)(line)

    # ---- files and configurations ----

    def save(self, filepath, overwrite=True, **kwargs):
        """Writes the whole model to one `.cygrad` file: architecture, weights, what compile got, the optimizer's
        state, random states. models.load_model is the reverse. The file is complete or not there. FileExistsError
        where overwrite is False and there is one; ValueError for a name that ends otherwise.

        >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
        >>> model.save("model.cygrad")
        >>> cygrad.models.load_model("model.cygrad").count_params()
        3
        """
        save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True):
        """Writes the weights alone to one `.safetensors` file, named layer/variable. FileExistsError where overwrite
        is False and there is one.

        >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
        >>> model.save_weights("model.safetensors")
        >>> model.load_weights("model.safetensors")
        """
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, skip_mismatch=False, by_name=False):
        """Reads weights from a file of save_weights or save, by name, or from one that Keras wrote, `.weights.h5`,
        `.keras` or legacy `.h5`, by the layers' places or order. Keras's files need h5py, the extra `keras`.

        by_name=True: only the layers that the file and the model both have, by their names (ours and legacy `.h5`).
        skip_mismatch=True: what is missing, extra or of another shape is left out, with a warning. ValueError names it
        otherwise, and a file that is damaged, cut short or of another kind; nothing is changed then. A file's code,
        links and other files are never followed.
        """
        load_weights(self, filepath, skip_mismatch, by_name)

    def freeze(self):
        """A new model for inference: the same outputs within rounding, from fewer layers and weights.

        A BatchNormalization right after a Dense layer or convolution (plain, depthwise, separable, transposed) without
        activation goes into that one's kernel and bias: kernel * gamma / sqrt(moving_variance + epsilon), and so on.
        Dropout and noise layers are gone. All others, weights included, are shared with this model; models inside are
        frozen too. Names stay. The result is not compiled; it saves and loads like any model. ValueError for a model
        that is not built, and for one whose call is code of its own.

        >>> layers = cygrad.layers
        >>> model = cygrad.Sequential([cygrad.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
        >>> frozen = model.freeze()
        >>> [layer.name == model.layers[0].name for layer in frozen.layers], frozen.count_params()
        ([True], 112)
        """
        from .freezing import freeze

        return freeze(self)

    def to_json(self, **kwargs):
        """The architecture as JSON text, for model_from_json; kwargs as for json.dumps."""
        return json.dumps(serialize_model(self), allow_nan=False, **kwargs)

    def __reduce_ex__(self, protocol):
        return from_bytes, (to_bytes(self), custom_objects_of(self))


def _is_graph(args, kwargs):
    """Are these the arguments of Model(inputs, outputs)?"""
    return len(args) >= 2 or ("outputs" in kwargs and (len(args) == 1 or "inputs" in kwargs))


def _make_functional(cls, functional):
    """Puts Functional in the place of Model among the bases of a subclass, whose __init__ has turned out to give inputs
    and outputs."""
    if Model in cls.__bases__:
        cls.__bases__ = tuple([functional if base is Model else base for base in cls.__bases__])
        return
    for base in cls.__bases__:
        if issubclass(base, Model):
            _make_functional(base, functional)


def model_from_json(json_string, custom_objects=None):
    """A new model, with new weights, from to_json's text. ValueError for text that is not such a model.

    json_string: the text. custom_objects: {name: object} of the caller's own.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> cygrad.models.model_from_json(model.to_json()).count_params()
    3
    """
    return deserialize_model(parse_json(json_string, "model_from_json"), custom_objects)


# ---- the summary ----


def _shape_text(layer):
    try:
        shape = layer.output_shape
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return "?"
    return str(shape)


def _size_text(count, nbytes):
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if nbytes < 1024 or unit == "TB":
            return f"{count:,} ({nbytes:.2f} {unit})"
        nbytes /= 1024


def _class_text(layer):
    """The class of a layer; of an operation, its function's name in the same style."""
    kind = type(layer)
    if kind is Operation:
        return "".join(p.capitalize() for p in layer.function.removeprefix("image.").split("_"))
    return kind.__name__


def _rows(model, expand_nested, depth=0):
    graph = getattr(model, "_graph", None)
    for layer in graph.layers if graph else model.layers:
        name = f"{'   ' * depth}{'└ ' if depth else ''}{layer.name} ({_class_text(layer)})"
        params = f"{layer.count_params():,}" if layer.built or type(layer) is Operation else "0 (unbuilt)"
        trainable = "-" if not layer.weights else "Y" if layer.trainable else "N"
        connected = graph.connections(layer) if graph else "-"
        yield layer.name, [name, _shape_text(layer), params, connected, trainable]
        if expand_nested and isinstance(layer, Model):
            yield from _rows(layer, True, depth + 1)


def _between(rows, layer_range):
    if layer_range is None:
        return rows
    if len(layer_range) != 2 or not all(isinstance(r, str) for r in layer_range):
        raise ValueError(f"summary: layer_range must be two layer names; got {layer_range!r}")
    places = [[i for i, (name, _) in enumerate(rows) if re.fullmatch(r, name)] for r in layer_range]
    if not all(places):
        raise ValueError(f"summary: no layer matches layer_range={tuple(layer_range)}")
    low, high = min(places[0][0], places[1][-1]), max(places[0][0], places[1][-1])
    return rows[low : high + 1]


def _summary_lines(model, line_length, positions, expand_nested, show_trainable, layer_range):
    header = ["Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable"]
    is_chain = not hasattr(model, "_graph") or model._graph.is_chain
    shown = [True, True, True, not is_chain, show_trainable]
    rows = [cells for _, cells in _between(list(_rows(model, expand_nested)), layer_range)]
    header, *rows = [[cell for cell, show in zip(cells, shown) if show] for cells in [header, *rows]]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    if line_length:
        ends = positions or [(i + 1) / len(header) for i in range(len(header))]
        ends = [end if end > 1 else end * line_length for end in ends]
        given = [int(b - a) - 3 for a, b in zip([0, *ends], ends)]
        widths = [max(w, g) for w, g in zip(widths, given)]

    def line(cells):
        right = {2}  # counts are easier to compare right-aligned
        return (
            "│ "
            + " │ ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths)))
            + " │"
        )

    def rule(left, middle, right):
        return left + middle.join("─" * (w + 2) for w in widths) + right

    yield f'Model: "{model.name}"'
    yield rule("┌", "┬", "┐")
    yield line(header)
    yield rule("├", "┼", "┤")
    for row in rows:
        yield line(row)
    yield rule("└", "┴", "┘")
    if not model.built:
        yield " Not built yet: shapes and parameters are known after the first call, fit, or build(input_shape);"
        yield " with an Input first, as layers are added."
        return
    trainable, others = model.trainable_weights, model.non_trainable_weights
    optimizer = model.optimizer if model.compiled and model.optimizer is not None and model.optimizer.built else None
    slots = list(optimizer._slot_views().values()) if optimizer else []

    def total(title, arrays):
        sizes = [math.prod(a.shape) for a in arrays]
        return f" {title} params: {_size_text(sum(sizes), sum(a.nbytes for a in arrays))}"

    yield total("Total", [*trainable, *others, *slots])
    yield total("Trainable", trainable)
    yield total("Non-trainable", others)
    if optimizer:
        yield total("Optimizer", slots)
