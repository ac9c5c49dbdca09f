"""Models as files. A file is data: loading never runs code from it.

A `.cygrad` file is one safetensors file. Its metadata holds two texts: "format", and "cygrad", strict JSON with

    version     of this layout
    model       {"class_name", "config"}: the architecture, by names from a closed table
    input_shape of a subclassed model, which shows its layers only when it is called
    tensors     [[name, CRC-32], ...] in the order of model.weights, then the optimizer's slots
    compile     what compile got; optimizer the trained variables' names and the step count, where there were steps
    seeds       [key, counter] of every random stream

Weights are named layer/variable. A `.safetensors` file of weights has only "tensors"; one that another program wrote
has not even that.

What is checked before anything large is allocated: the header's length against the file's, the JSON (no NaN, no
duplicate or unknown keys, at most 4 MiB), and, while layers are built, that every weight they declare has a tensor of
that shape in the file.
"""

import json
import os
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import losses, metrics, optimizers
from ..layers.context import context
from .container import File, check_keys, checksum, write
from .serialization import deserialize_model, named_weights, serialize_model

VERSION = 1


def _slots(model, names):
    """{"optimizer/layer/variable/slot": tensor} of the optimizer, and the names of the variables that it trains."""
    optimizer = model.optimizer
    if not model.compiled or optimizer is None or not optimizer.built:
        return {}, None
    by_id = {id(variable): name for name, variable in names.items()}
    trained = [by_id.get(id(v)) for v in optimizer._variables]
    if None in trained:
        return {}, None  # trained for another model: its state means nothing here
    views = list(optimizer._slot_views().values())
    keys = [f"optimizer/{name}/{slot}" for name in trained for slot in optimizer.slots]
    return dict(zip(keys, views)), trained


# ---- writing ----


def _document(model, tensors, names, trained):
    """The JSON of a model file."""
    document = {
        "version": VERSION,
        "model": serialize_model(model),
        "tensors": [[name, checksum(a)] for name, a in tensors.items()],
        "seeds": [list(map(int, g.state)) for g in model.seed_generators],
    }
    if model.compiled:
        document["compile"] = _serialize_compile(model)
        if trained is not None:
            document["optimizer"] = {"trained": trained, "iterations": int(model.optimizer.steps_taken)}
    return document


def _plain(value, serialize, name):
    """A nest of losses or metrics as plain data; name: the model's."""
    if isinstance(value, (list, tuple)):
        return [_plain(v, serialize, name) for v in value]
    if isinstance(value, dict):
        return {key: _plain(v, serialize, name) for key, v in value.items()}
    if value is None or isinstance(value, (str, int, float)):
        return value
    found = serialize(value)
    if found == "<lambda>":
        warnings.warn(
            f'save: model "{name}" is compiled with a lambda, which a file cannot name: '
            "load it with compile=False, or give load_model custom_objects={'<lambda>': ...}",
            stacklevel=6,
        )
    return found


def _serialize_compile(model):
    arguments, name = model._compile_arguments, model.name
    return {
        "optimizer": None if model.optimizer is None else optimizers.serialize(model.optimizer),
        "loss": _plain(arguments["loss"], losses.serialize, name),
        "loss_weights": _plain(arguments["loss_weights"], float, name),
        "metrics": _plain(arguments["metrics"], metrics.serialize, name),
        "weighted_metrics": _plain(arguments["weighted_metrics"], metrics.serialize, name),
        "jit_compile": arguments["jit_compile"],
    }


def _contents(model):
    """(tensors, metadata) of a model file."""
    names = named_weights(model)
    slots, trained = _slots(model, names)
    tensors = {name: np.asarray(v) for name, v in {**names, **slots}.items()}
    try:
        text = json.dumps(_document(model, tensors, names, trained), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f'save: the configuration of model "{model.name}" is not plain data: {error}') from error
    return tensors, {"format": "cygrad", "cygrad": text}


def to_bytes(model):
    """The bytes of a `.cygrad` file."""
    from safetensors.numpy import save

    return save(*_contents(model))


def _target(filepath, suffix, overwrite, caller):
    path = Path(filepath)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{caller}: there is no folder {str(path.parent)!r} to write {path.name!r} to")
    if path.suffix != suffix:
        hint = {
            ".h5": " Keras's files are read, by load_weights, but not written.",
            ".keras": f' "{path.stem}.cygrad" is the format of cygrad.',
        }.get(path.suffix, "")
        raise ValueError(f"{caller}: expected a name that ends in {suffix}; got {str(path)!r}.{hint}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{caller}: {path} exists; overwrite=True replaces it")
    return Path(os.path.realpath(path))  # through a link, its target is replaced, not the link


def save_model(model, filepath, overwrite=True, **kwargs):
    """Writes a model to one `.cygrad` file: architecture, weights, what compile got, the optimizer's state, random
    states.

    The file is complete or not there. ValueError for another ending and for configurations that are not plain data,
    FileExistsError where overwrite is False.

    filepath: the file.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.cygrad")
    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> cygrad.models.save_model(model, path)
    >>> x = np.ones((1, 2), "float32")
    >>> bool((cygrad.models.load_model(path).predict(x) == model.predict(x)).all())
    True
    """
    if kwargs.pop("include_optimizer", True) is not True or kwargs.pop("zipped", None) or kwargs:
        raise ValueError(
            f"save_model: unknown or unsupported arguments {sorted(kwargs) or ['include_optimizer or zipped']}"
        )
    path = _target(filepath, ".cygrad", overwrite, "save")
    if not model.built:
        warnings.warn(
            f'save: model "{model.name}" is not built: the file has its architecture and no weights. Call it, or its '
            "build(input_shape), first if it is to have some",
            stacklevel=3,
        )
    write(path, *_contents(model))


def save_weights(model, filepath, overwrite=True):
    """Writes the weights of a model to one `.safetensors` file at filepath, named layer/variable.

    FileExistsError where overwrite is False and there is one.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> cygrad.saving.save_weights(model, "weights.safetensors")
    """
    path = _target(filepath, ".safetensors", overwrite, "save_weights")
    if not model.built:
        raise ValueError(
            f'save_weights: model "{model.name}" is not built, it has no weights yet; call it or its build first'
        )
    tensors = {name: np.asarray(v) for name, v in named_weights(model).items()}
    listed = [[name, checksum(a)] for name, a in tensors.items()]
    document = {"version": VERSION, "tensors": listed}
    write(path, tensors, {"format": "cygrad weights", "cygrad": json.dumps(document)})


# ---- reading ----


def _check_there(filepath, caller):
    if not os.path.exists(filepath):
        raise FileNotFoundError(f"{caller}: there is no file {str(filepath)!r}")
    if os.path.isdir(filepath):
        raise IsADirectoryError(f"{caller}: {str(filepath)!r} is a folder; expected a file")


@contextmanager
def _declared_shapes(file):
    """While layers are built inside: a weight must have its shape among the file's tensors, and starts as zeros."""
    left = Counter(shape for name, shape in file.shapes.items() if not name.startswith("optimizer/"))

    def initial(layer, name, shape, dtype):
        if not left[shape]:
            raise ValueError(
                f'layer "{layer.name}" declares a weight {name!r} of shape {shape}; no tensor of the file has it'
            )
        left[shape] -= 1
        return np.zeros(shape, dtype)

    outer, context.initial_value = context.initial_value, initial
    try:
        yield
    finally:
        context.initial_value = outer


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model of a `.cygrad` file, as it was saved: architecture, weights, compile's arguments, optimizer and
    random states.

    custom_objects: {name: class or function} of what is not cygrad's own: layers, losses, metrics, activations.
    compile=False leaves out what compile got. Loading never runs code from the file (safe_mode is always on).
    FileNotFoundError; ValueError names the file and the problem: not a model, cut short, damaged, unknown names,
    shapes that do not fit.

    filepath: the file.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> model.save('model.cygrad')
    >>> cygrad.models.load_model('model.cygrad').count_params()
    3
    """
    _check_there(filepath, "load_model")
    return _load(File(filepath), custom_objects, compile)


def from_bytes(data, custom_objects=None):
    """The model of to_bytes's result. Pickle and deepcopy use it."""
    return _load(File(data), custom_objects, True)


def _load(file, custom_objects, compile):
    document = file.document
    if document is None or file.metadata.get("format") != "cygrad":
        kind = "weights alone; load_weights reads them into a model" if file.shapes else "not written by cygrad"
        raise ValueError(f"{file.name}: not a model file: {kind}")
    try:
        if isinstance(document, dict) and document.get("version") != VERSION:
            raise ValueError(
                f"its layout is version {document.get('version')!r:.20}; this cygrad reads version {VERSION}"
            )
        check_keys("model file", document, {"version", "model", "tensors", "seeds"}, {"compile", "optimizer"})
        file.verify()
        with _declared_shapes(file):
            model = deserialize_model(document["model"], custom_objects)
        names = named_weights(model)
        trained = None
        if compile and document.get("compile") is not None:
            _compile(model, document["compile"], custom_objects)
            trained = document.get("optimizer")
        targets = dict(names)
        if trained is not None:
            targets.update(_restore_slots(model, trained, names, file))
        ignored = (
            {name for name in file.shapes if name.startswith("optimizer/")} - targets.keys()
            if trained is None
            else set()
        )
        _assign(file, targets, ignored)
        _restore_seeds(model, document["seeds"])
        return model
    except (
        TypeError,
        ValueError,
        AttributeError,
        KeyError,
        IndexError,
        ArithmeticError,
        NotImplementedError,
        RecursionError,
    ) as error:
        text = str(error)
        raise ValueError(text if text.startswith(file.name) else f"{file.name}: {text}") from error


def _made(value, make, custom_objects):
    """The losses or metrics that _plain turned into data."""
    if isinstance(value, list):
        return [_made(v, make, custom_objects) for v in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _made(v, make, custom_objects) for key, v in value.items()}
    if isinstance(value, str) and value not in (custom_objects or {}):
        return value
    return None if value is None else make(value, custom_objects)


def _compile(model, config, custom_objects):
    check_keys("compile", config, {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "jit_compile"})
    try:
        optimizer = None if config["optimizer"] is None else optimizers.deserialize(config["optimizer"], custom_objects)
        model.compile(
            optimizer=optimizer,
            loss=_made(config["loss"], losses.deserialize, custom_objects),
            loss_weights=config["loss_weights"],
            metrics=_made(config["metrics"], metrics.deserialize, custom_objects),
            weighted_metrics=_made(config["weighted_metrics"], metrics.deserialize, custom_objects),
            jit_compile=config["jit_compile"],
        )
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ValueError(
            f"compile: {error}. Functions and classes of your own come through custom_objects; "
            "compile=False leaves them out"
        ) from error


def _restore_slots(model, saved, names, file):
    """Builds the optimizer for the variables that it had; returns its slots by their names in the file."""
    check_keys("optimizer", saved, {"trained", "iterations"})
    trained, iterations = saved["trained"], saved["iterations"]
    if (
        not isinstance(trained, list)
        or not all(isinstance(n, str) and n in names for n in trained)
        or len(set(trained)) != len(trained)
    ):
        raise ValueError("optimizer: the variables that it trains are not those of the model")
    if type(iterations) is not int or iterations < 0:
        raise ValueError(f"optimizer: the step count is {iterations!r:.20}")
    optimizer = model.optimizer
    for name in trained:
        for slot in optimizer.state_names:
            if file.shapes.get(f"optimizer/{name}/{slot}") != names[name].shape:
                raise ValueError(f"optimizer: no tensor 'optimizer/{name}/{slot}' of shape {names[name].shape}")
    optimizer.build([names[n] for n in trained])
    optimizer.steps_taken = iterations
    return _slots(model, names)[0]


def _restore_seeds(model, seeds):
    generators = model.seed_generators
    fits = isinstance(seeds, list) and len(seeds) == len(generators)
    if not fits or not all(
        isinstance(s, list) and len(s) == 2 and all(type(n) is int and 0 <= n < 2**64 for n in s) for s in seeds
    ):
        raise ValueError(f"seeds: expected [key, counter] of {len(generators)} random streams")
    for generator, state in zip(generators, seeds):
        generator.state = np.array(state, np.uint64)


def _assign(file, targets, ignored=frozenset()):
    """Copies the file's tensors into variables of the same names; nothing is changed where one does not fit."""
    _check_names(file, targets, ignored)
    for name, array in file.tensors():
        if name not in ignored:
            np.copyto(np.asarray(targets[name]), array, casting="same_kind")


def _check_names(file, targets, ignored=frozenset()):
    present = file.shapes.keys() - ignored
    missing, extra = (
        [n for n in targets if n not in present],
        [n for n in file.shapes if n in present and n not in targets],
    )
    problems = [f"{word} {', '.join(f'{n!r}' for n in names[:5])}{', ...' if len(names) > 5 else ''}" for word, names in
                (("missing", missing), ("not in the model", extra)) if names]  # fmt: skip
    wrong = [n for n in targets if n in present and file.shapes[n] != targets[n].shape]
    problems += [f"{n!r} has shape {file.shapes[n]}, expected {targets[n].shape}" for n in wrong[:5]]
    if problems:
        raise ValueError(
            f"{file.name}: the weights do not fit the model ({len(present)} in the file, {len(targets)} in the model): "
            f"{'; '.join(problems)}. Is it another architecture's file?"
        )
    for n in targets:
        if np.dtype(file.dtypes[n]).kind != np.asarray(targets[n]).dtype.kind:
            raise ValueError(
                f"{file.name}: tensor {n!r} is {np.dtype(file.dtypes[n])}; expected {np.asarray(targets[n]).dtype}"
            )


@contextmanager
def _weights_file(model, filepath, by_name):
    """The file of weights at a path, of whatever kind, by the model's names."""
    from .keras_weights import is_keras_file, keras_file  # brings zipfile, which a first model need not wait for

    if is_keras_file(filepath):
        with keras_file(model, filepath, by_name) as file:
            yield file
    else:
        file = File(filepath)
        file.verify()
        yield file


def load_weights(model, filepath, skip_mismatch=False, by_name=False):
    """Reads weights into a model: from a `.safetensors` file, out of a `.cygrad` file, or from Keras's `.weights.h5`,
    `.keras` and legacy `.h5` files.

    By name; where layers have other automatic names than in the file (dense_3 for dense), by order, if all shapes
    agree. Keras's files by place or order (keras_weights.py). skip_mismatch, by_name: as for Model.load_weights.

    >>> model = cygrad.Sequential([cygrad.Input((2,)), cygrad.layers.Dense(1)])
    >>> model.save_weights("weights.safetensors")
    >>> cygrad.saving.load_weights(model, filepath="weights.safetensors")
    """
    _check_there(filepath, "load_weights")
    if not model.built:
        raise ValueError(
            f'load_weights: model "{model.name}" is not built, it has no weights to fill; call it or its build first'
        )
    with _weights_file(model, filepath, by_name) as file:
        names = named_weights(model)
        ignored = {n for n in file.shapes if n.startswith("optimizer/")} - names.keys()
        listed = [n for n in file.shapes if n not in ignored]
        if by_name:
            names, listed = _of_common_layers(model, file, names, listed)
        elif set(listed) != names.keys() and file.document is not None:
            same_order = len(listed) == len(names) and all(
                a.rpartition("/")[2] == b.rpartition("/")[2] for a, b in zip(listed, names)
            )
            if same_order:
                names = dict(zip(listed, names.values()))
        if skip_mismatch:
            skipped = [n for n in names if file.shapes.get(n) != names[n].shape] + [n for n in listed if n not in names]
            if skipped:
                warnings.warn(f"load_weights: {file.name}: skipped {', '.join(dict.fromkeys(skipped))}", stacklevel=3)
            names = {n: v for n, v in names.items() if n not in skipped}
            listed = [n for n in listed if n in names]
        _assign(file, names, file.shapes.keys() - set(listed))


def _of_common_layers(model, file, names, listed):
    """The weights, and the file's names, of layers that both have."""
    layers = {n.rpartition("/")[0] for n in names} & {n.rpartition("/")[0] for n in listed}
    if not layers:
        raise ValueError(f'{file.name}: no layer of model "{model.name}" has the name of one in the file')
    return (
        {n: v for n, v in names.items() if n.rpartition("/")[0] in layers},
        [n for n in listed if n.rpartition("/")[0] in layers],
    )
