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

import inspect
import json
import os
import struct
import warnings
import zlib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import _lookup, layers, losses, metrics, optimizers
from ..layers.layer import _NOT_PARTS, Layer, _context, _is_ours
from ..layers.symbolic import KerasTensor

VERSION = 1
HEADER_LIMIT = 4 << 20  # bytes of JSON that are parsed; a thousand layers take some 300 KB
MOST_LAYERS = 10_000
_DTYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}


# ---- strict JSON ----


def parse_json(text, where):
    """Plain data from JSON text. ValueError for text that is too long, NaN, infinite or endless numbers, and
    duplicate keys."""
    if isinstance(text, str):
        text = text.encode()
    if not isinstance(text, (bytes, bytearray)):
        raise TypeError(f"{where}: expected JSON text; got {type(text).__name__}")
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"{where}: {len(text)} bytes of JSON are more than {HEADER_LIMIT}")

    def unique(pairs):
        result = dict(pairs)
        if len(result) != len(pairs):
            twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
            raise ValueError(f"the key {twice!r} is there twice")
        return result

    def refuse(token):
        raise ValueError(f"{token} is not JSON")

    def integer(digits):
        if len(digits) > 21:
            raise ValueError("a number is too long")
        return int(digits)

    def real(digits):
        value = float(digits)
        if not np.isfinite(value):
            raise ValueError(f"the number {digits[:20]} is too large")
        return value

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_int=integer, parse_float=real)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: broken JSON: {error}") from None


def check_keys(what, data, required, optional=()):
    """ValueError unless data is a dict with all required keys and no unknown ones."""
    if not isinstance(data, dict):
        raise ValueError(f"{what}: expected an object; got {type(data).__name__}")
    missing, unknown = sorted(set(required) - set(data)), sorted(set(data) - set(required) - set(optional))
    if missing or unknown:
        told = [
            f"{word} {', '.join(map(repr, keys[:5]))}"
            for word, keys in (("missing", missing), ("unknown", unknown))
            if keys
        ]
        raise ValueError(f"{what}: {'; '.join(told)} in its configuration")


# ---- architecture ----


def serialize_layer(layer):
    """{"class_name", "config"} of a layer or model: plain data, the reverse of deserialize_layer."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def _table():
    """The closed table of what a file can name."""
    from .sequential import Sequential

    found = {
        name: value
        for name, value in vars(layers).items()
        if isinstance(value, type) and issubclass(value, Layer) and value is not Layer and value.__name__ == name
    }
    return {**found, "InputLayer": layers.core.InputLayer, "Sequential": Sequential}


def deserialize_layer(data, custom_objects=None):
    """A layer from serialize_layer's result; ValueError names a class that is unknown and arguments that do not fit."""
    check_keys("layer", data, {"class_name", "config"})
    name, config = data["class_name"], data["config"]
    if not isinstance(name, str) or not isinstance(config, dict):
        raise ValueError(
            f"layer: expected a class name and its configuration; got {name!r:.60} and {type(config).__name__}"
        )
    if isinstance(config.get("layers"), list) and len(config["layers"]) > MOST_LAYERS:
        raise ValueError(f"{name}: {len(config['layers'])} layers are more than {MOST_LAYERS}")
    custom = (custom_objects or {}).get(name) or _lookup.custom_object(name)
    cls = custom or _table().get(name)
    if cls is None:
        near = _lookup.did_you_mean(name, _table())
        raise ValueError(
            f"unknown layer {name!r}.{near} If it is a class of your own, give custom_objects={{{name!r}: {name}}}"
        )
    label = f"{name} {config.get('name', '')!r}"
    try:
        with _lookup.custom_object_scope(custom_objects or {}):
            if "custom_objects" in inspect.signature(cls.from_config).parameters:
                return cls.from_config(config, custom_objects=custom_objects)
            return cls.from_config(config)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError, NotImplementedError) as error:
        raise ValueError(f"{label}: {error}") from error


def serialize_model(model):
    """The architecture of a model as plain data."""
    data = serialize_layer(model)
    if not _builds_itself(model) and model._build_shapes is not None:
        data["input_shape"] = _as_lists(model.input_shape)
    return data


def deserialize_model(data, custom_objects=None):
    """A new model from serialize_model's result; built where the other was."""
    check_keys("model", data, {"class_name", "config"}, {"input_shape"})
    model = deserialize_layer({key: data[key] for key in ("class_name", "config")}, custom_objects)
    from .model import Model

    if not isinstance(model, Model):
        raise ValueError(f"{data['class_name']} is a layer, not a model")
    if "input_shape" in data and not model.built:
        model._trial((_symbols(data["input_shape"]),), {})
    return model


def _builds_itself(model):
    from .sequential import Sequential

    return isinstance(model, Sequential)


def _as_lists(shape):
    if isinstance(shape, dict):
        return {key: _as_lists(value) for key, value in shape.items()}
    return [_as_lists(s) for s in shape] if isinstance(shape, (tuple, list)) else shape


def _symbols(shape):
    """Symbolic inputs for a nest of shapes."""
    if isinstance(shape, dict):
        return {key: _symbols(value) for key, value in shape.items()}
    if isinstance(shape, list) and all(s is None or isinstance(s, int) for s in shape):
        return KerasTensor(tuple(shape))
    if isinstance(shape, list):
        return [_symbols(s) for s in shape]
    raise ValueError(f"input_shape: expected lists of numbers; got {shape!r:.60}")


def custom_objects_of(model):
    """{name: object} of the classes and functions that a model's configuration names and this package does not have."""
    found = {}

    def visit(value):
        if isinstance(value, (list, tuple, set)):
            for v in value:
                visit(v)
        elif isinstance(value, dict):
            for v in value.values():
                visit(v)
        elif inspect.isfunction(value):
            if not value.__module__.startswith("cygrad."):
                found[value.__name__] = value
        elif hasattr(value, "get_config") and not isinstance(value, type) and not _is_ours(type(value)):
            found[type(value).__name__] = type(value)

    for layer in model._flatten_layers():
        visit(layer)
        for key, value in vars(layer).items():
            if not key.startswith("_"):
                visit(value)
    visit([model._compile_arguments, model.optimizer])
    return found


# ---- weights by name ----


def named_weights(model):
    """{"layer/variable": variable} of a model. A layer in a Sequential goes by its name, in other layers by the
    attribute that holds it, for automatic names differ from one instance to the next. What has the same name gets a
    number."""
    found, prefixes, seen = {}, {}, set()

    def visit(layer, prefix):
        trainable, fixed, sublayers, _ = layer._parts()
        for variable in trainable + fixed:
            if id(variable) not in seen:
                seen.add(id(variable))
                found[_unused(prefix + variable.name, found)] = variable
        places = dict(_places(layer))
        for child in sublayers:
            if id(child) not in seen:
                seen.add(id(child))
                child_prefix = _unused(prefix + places.get(id(child), child.name), prefixes)
                prefixes[child_prefix] = None
                visit(child, child_prefix + "/")

    visit(model, "")
    return found


def _places(layer):
    """(id of sublayer, its place): "attribute", "attribute/0", "attribute/key". None for a Sequential's."""
    from .sequential import Sequential

    if isinstance(layer, Sequential):
        return

    def walk(value, place):
        if isinstance(value, Layer):
            yield id(value), place
        elif isinstance(value, (list, tuple, dict)):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield from walk(item, f"{place}/{key}")

    for name, value in vars(layer).items():
        if name not in _NOT_PARTS:
            yield from walk(value, name.lstrip("_"))


def _unused(name, taken):
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


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
        "tensors": [
            [name, zlib.crc32(np.ascontiguousarray(a).reshape(-1).view(np.uint8))] for name, a in tensors.items()
        ],
        "seeds": [list(map(int, g.state)) for g in model.seed_generators],
    }
    if model.compiled:
        document["compile"] = _serialize_compile(model)
        if trained is not None:
            document["optimizer"] = {"trained": trained, "iterations": int(model.optimizer.iterations)}
    return document


def _serialize_compile(model):
    arguments = model._compile_arguments

    def plain(value, serialize):
        if isinstance(value, (list, tuple)):
            return [plain(v, serialize) for v in value]
        if isinstance(value, dict):
            return {key: plain(v, serialize) for key, v in value.items()}
        if value is None or isinstance(value, (str, int, float)):
            return value
        found = serialize(value)
        if found == "<lambda>":
            warnings.warn(
                f'save: model "{model.name}" is compiled with a lambda, which a file cannot name: '
                "load it with compile=False, or give load_model custom_objects={'<lambda>': ...}",
                stacklevel=6,
            )
        return found

    return {
        "optimizer": None if model.optimizer is None else optimizers.serialize(model.optimizer),
        "loss": plain(arguments["loss"], losses.serialize),
        "loss_weights": plain(arguments["loss_weights"], float),
        "metrics": plain(arguments["metrics"], metrics.serialize),
        "weighted_metrics": plain(arguments["weighted_metrics"], metrics.serialize),
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
    if path.suffix != suffix:
        hint = {
            ".h5": " Keras's files are read by a later version.",
            ".keras": f' "{path.stem}.cygrad" is the format of cygrad.',
        }.get(path.suffix, "")
        raise ValueError(f"{caller}: expected a name that ends in {suffix}; got {str(path)!r}.{hint}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{caller}: {path} exists; overwrite=True replaces it")
    return Path(os.path.realpath(path))  # through a link, its target is replaced, not the link


def _write(path, tensors, metadata):
    """Writes to a file beside the target, then renames: a reader sees the old file or the new one."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    with open(temporary, "xb") as file:  # tells at once whether the folder can be written, and with which mode
        mode = os.fstat(file.fileno()).st_mode
    try:
        if path.exists():
            mode = path.stat().st_mode
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:
            raise OSError(f"{path}: {error}") from error
        os.chmod(temporary, mode & 0o7777)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save_model(model, filepath, overwrite=True, **kwargs):
    """Writes a model to one `.cygrad` file: architecture, weights, what compile got, the optimizer's state, random
    states.

    The file is complete or not there. ValueError for another ending and for configurations that are not plain data,
    FileExistsError where overwrite is False.

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
    _write(path, *_contents(model))


def save_weights(model, filepath, overwrite=True):
    """Writes the weights of a model to one `.safetensors` file."""
    path = _target(filepath, ".safetensors", overwrite, "save_weights")
    if not model.built:
        raise ValueError(
            f'save_weights: model "{model.name}" is not built, it has no weights yet; call it or its build first'
        )
    tensors = {name: np.asarray(v) for name, v in named_weights(model).items()}
    listed = [[name, zlib.crc32(np.ascontiguousarray(a).reshape(-1).view(np.uint8))] for name, a in tensors.items()]
    document = {"version": VERSION, "tensors": listed}
    _write(path, tensors, {"format": "cygrad weights", "cygrad": json.dumps(document)})


# ---- reading ----


class _File:
    """A safetensors file, or the bytes of one: its JSON, checked, and its tensors, one at a time."""

    def __init__(self, source):
        if isinstance(source, (bytes, bytearray)):
            self.name, self.source = "the bytes of a model", bytes(source)
            length, start = len(source), self.source[:8]
        else:
            self.name, self.source = str(source), os.fspath(source)
            with open(source, "rb") as file:
                length, start = os.fstat(file.fileno()).st_size, file.read(8)
        if len(start) < 8:
            raise ValueError(f"{self.name}: {length} bytes are too few for a model file; is it complete?")
        header = struct.unpack("<Q", start)[0]
        if header > length - 8:
            raise ValueError(f"{self.name}: not a safetensors file, or cut short{_kind_of_file(start)}")
        if header > HEADER_LIMIT:
            raise ValueError(f"{self.name}: a header of {header} bytes is more than {HEADER_LIMIT}")
        if isinstance(self.source, bytes):
            text = self.source[8 : 8 + header]
        else:
            with open(source, "rb") as file:
                file.seek(8)
                text = file.read(header)
        entries = parse_json(text, self.name)
        if not isinstance(entries, dict):
            raise ValueError(f"{self.name}: not a safetensors file: its header is a {type(entries).__name__}")
        metadata = entries.pop("__metadata__", {})
        check_keys(f"{self.name}, metadata", metadata, (), metadata)
        self.metadata = metadata
        self.shapes, self.dtypes = {}, {}
        for name, entry in entries.items():
            check_keys(f"{self.name}, tensor {name!r}", entry, {"dtype", "shape", "data_offsets"})
            if entry["dtype"] not in _DTYPES:
                kind = f"{entry['dtype']!r:.20}"
                raise ValueError(f"{self.name}: tensor {name!r} has dtype {kind}; expected {', '.join(_DTYPES)}")
            shape = entry["shape"]
            if not isinstance(shape, list) or not all(type(s) is int and s >= 0 for s in shape):
                raise ValueError(f"{self.name}: tensor {name!r} has a broken shape")
            self.shapes[name], self.dtypes[name] = tuple(shape), _DTYPES[entry["dtype"]]
        self.document = None
        if "cygrad" in metadata:
            self.document = parse_json(metadata["cygrad"], self.name)

    def tensors(self):
        """Yields (name, array), one array in memory at a time."""
        from safetensors import SafetensorError, deserialize, safe_open

        try:
            if isinstance(self.source, bytes):
                for name, entry in deserialize(self.source):
                    yield name, np.frombuffer(entry["data"], self.dtypes[name]).reshape(self.shapes[name])
                return
            with safe_open(self.source, framework="numpy") as file:
                for name in self.shapes:
                    yield name, file.get_tensor(name)
        except SafetensorError as error:
            raise ValueError(f"{self.name}: damaged: {error}") from None

    def verify(self):
        """Reads everything once: ValueError where a tensor's bytes are not those that were written."""
        if self.document is None:
            for _ in self.tensors():
                pass
            return
        listed = self.document.get("tensors")
        if not isinstance(listed, list) or not all(
            isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) and type(e[1]) is int for e in listed
        ):
            raise ValueError(f"{self.name}: its list of tensors is broken")
        checksums = dict(listed)
        if checksums.keys() != self.shapes.keys() or len(checksums) != len(listed):
            raise ValueError(f"{self.name}: damaged: its tensors are not those that its metadata lists")
        for name, array in self.tensors():
            if zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8)) != checksums[name]:
                raise ValueError(f"{self.name}: damaged: the bytes of tensor {name!r} do not have their checksum")
        self.shapes = {name: self.shapes[name] for name in checksums}  # in the order of the model


def _kind_of_file(start):
    if start.startswith(b"PK"):
        return "; it looks like a .keras archive or another zip file"
    return "; it looks like an HDF5 file" if start.startswith(b"\x89HDF") else ""


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

    outer, _context.initial_value = _context.initial_value, initial
    try:
        yield
    finally:
        _context.initial_value = outer


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model of a `.cygrad` file, as it was saved: architecture, weights, compile's arguments, optimizer and
    random states.

    custom_objects: {name: class or function} of what is not cygrad's own: layers, losses, metrics, activations.
    compile=False leaves out what compile got. Loading never runs code from the file (safe_mode is always on).
    FileNotFoundError; ValueError names the file and the problem: not a model, cut short, damaged, unknown names,
    shapes that do not fit.
    """
    if not os.path.exists(filepath):
        raise FileNotFoundError(f"load_model: there is no file {str(filepath)!r}")
    return _load(_File(filepath), custom_objects, compile)


def from_bytes(data, custom_objects=None):
    """The model of to_bytes's result. Pickle and deepcopy use it."""
    return _load(_File(data), custom_objects, True)


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


def _compile(model, config, custom_objects):
    check_keys("compile", config, {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"})

    def made(value, make):
        if isinstance(value, list):
            return [made(v, make) for v in value]
        if isinstance(value, dict) and "class_name" not in value:
            return {key: made(v, make) for key, v in value.items()}
        if isinstance(value, str) and value not in (custom_objects or {}):
            return value
        return None if value is None else make(value, custom_objects)

    try:
        optimizer = None if config["optimizer"] is None else optimizers.deserialize(config["optimizer"], custom_objects)
        model.compile(
            optimizer=optimizer,
            loss=made(config["loss"], losses.deserialize),
            loss_weights=config["loss_weights"],
            metrics=made(config["metrics"], metrics.deserialize),
            weighted_metrics=made(config["weighted_metrics"], metrics.deserialize),
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
        for slot in optimizer.slot_names:
            if file.shapes.get(f"optimizer/{name}/{slot}") != names[name].shape:
                raise ValueError(f"optimizer: no tensor 'optimizer/{name}/{slot}' of shape {names[name].shape}")
    optimizer.build([names[n] for n in trained])
    optimizer.iterations = iterations
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
        raise ValueError(f"{file.name}: the weights do not fit the model: {'; '.join(problems)}")
    for n in targets:
        if np.dtype(file.dtypes[n]).kind != np.asarray(targets[n]).dtype.kind:
            raise ValueError(
                f"{file.name}: tensor {n!r} is {np.dtype(file.dtypes[n])}; expected {np.asarray(targets[n]).dtype}"
            )


def load_weights(model, filepath, skip_mismatch=False):
    """Reads weights into a model, from a `.safetensors` file or out of a `.cygrad` file.

    By name; where layers have other automatic names than in the file (dense_3 for dense), by order, if all shapes
    agree.
    """
    if not os.path.exists(filepath):
        raise FileNotFoundError(f"load_weights: there is no file {str(filepath)!r}")
    if not model.built:
        raise ValueError(
            f'load_weights: model "{model.name}" is not built, it has no weights to fill; call it or its build first'
        )
    file = _File(filepath)
    file.verify()
    names = named_weights(model)
    ignored = {n for n in file.shapes if n.startswith("optimizer/")} - names.keys()
    listed = [n for n in file.shapes if n not in ignored]
    if set(listed) != names.keys() and file.document is not None:
        same_order = len(listed) == len(names) and all(
            a.rpartition("/")[2] == b.rpartition("/")[2] and file.shapes[a] == names[b].shape
            for a, b in zip(listed, names)
        )
        if same_order:
            names = dict(zip(listed, names.values()))
    if skip_mismatch:
        skipped = [n for n in names if file.shapes.get(n) != names[n].shape] + [n for n in listed if n not in names]
        if skipped:
            warnings.warn(f"load_weights: {file.name}: skipped {', '.join(dict.fromkeys(skipped))}", stacklevel=3)
        names = {n: v for n, v in names.items() if n not in skipped}
        ignored |= set(listed) - names.keys()
    _assign(file, names, ignored)
