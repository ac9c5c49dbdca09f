"""Where the weights of a model stand in files that Keras wrote. Weights alone are read, no configuration and no code.

Three kinds:

    .weights.h5   a weight is known by its layer's place in the model and its number in the layer, as in
                  layers/conv2d_1/vars/0: the second Conv2D, whatever its name (Keras 2.13: another word for layers)
    .keras        a zip archive with such a file in it, uncompressed
    legacy .h5    lists of names in attributes, layer_names and for each layer weight_names: in the order of the model,
                  or by name; alone, as keras.applications publishes weights, or below model_weights in a model's file

The result has the model's names, "layer/variable", and under its own path what the model has no weight for. Nothing is
read before all of that was compared (saving.load_weights).
"""

import contextlib
import io
import os
import zipfile
from collections import Counter

from ..layers.layer import Layer
from ..layers.naming import snake_case
from ..layers.weights import NOT_PARTS
from .hdf5 import SIGNATURE, opened
from .serialization import named_weights

MEMBER = "model.weights.h5"  # in a .keras archive
NO_WEIGHTS = ("vars", "generator", "seed_generator")  # the names below layers without weights: random states are none
RENAMED = {"group_query_attention": "grouped_query_attention"}  # classes that Keras itself calls otherwise
_ZIP = b"PK\x03\x04"


class KerasFile:
    """The weights in a file by the model's names, as container.File has tensors. extra: the paths of further ones."""

    document = None

    def __init__(self, name, datasets, extra):
        self.name, self._datasets = name, datasets
        self.shapes = {key: dataset.shape for key, dataset in datasets.items()} | dict.fromkeys(extra)
        self.dtypes = {key: dataset.dtype for key, dataset in datasets.items()}

    def tensors(self):
        """Yields (name, array), one array in memory at a time."""
        for name, dataset in self._datasets.items():
            yield name, dataset.read()


def is_keras_file(path):
    """Whether a file begins as HDF5 or as a zip archive does."""
    with open(path, "rb") as file:
        start = file.read(len(SIGNATURE))
    return start == SIGNATURE or start.startswith(_ZIP)


@contextlib.contextmanager
def keras_file(model, path, by_name):
    """The KerasFile of a path for a model. ValueError for a file of another kind, and where layers do not fit."""
    name = str(path)
    with open(path, "rb") as file:
        in_archive = file.read(len(_ZIP)) == _ZIP
    with opened(_member(path) if in_archive else path, name) as root:
        legacy = root if root.strings("layer_names") is not None else root.group("model_weights")
        if legacy is not None:
            found = _legacy_by_name(model, legacy) if by_name else _legacy_by_order(model, legacy)
        elif by_name:
            raise ValueError(f"{name}: by_name needs a legacy .h5 file; this one knows layers by their places only")
        else:
            found = _by_place(model, root)
        yield KerasFile(name, *found)


def _member(path):
    """The weights' file in an archive, in memory: no larger than the archive, for it must not be compressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                raise ValueError(f"{path}: a zip archive without {MEMBER}, so not a .keras file")
            info = archive.getinfo(MEMBER)
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > os.path.getsize(path):
                raise ValueError(f"{path}: {MEMBER} is compressed; Keras writes it as it is")
            return io.BytesIO(archive.read(info))
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{path}: damaged or cut short: {error}") from None


# ---- by the layers' places ----


def _by_place(model, root):
    """({name: Dataset}, paths of others)."""
    from .functional import Functional
    from .sequential import Sequential

    names = {id(variable): name for name, variable in named_weights(model).items()}
    found, extra, seen = {}, [], set()

    def visit(layer, group):
        if id(layer) in seen:
            return
        seen.add(id(layer))
        trainable, fixed, _, _ = layer._parts()
        own, stored = dict(enumerate(trainable + fixed)), group.group("vars")
        for number in stored.names() if stored is not None else ():
            variable = own.get(int(number)) if number.isdecimal() and len(number) < 6 else None
            dataset = stored.dataset(number)
            if variable is None or dataset is None:
                extra.append(f"{stored.path}/{number}")
            else:
                found[names[id(variable)]] = dataset
        if isinstance(layer, (Functional, Sequential)):
            places, inner = (
                _numbered(layer.layers),
                group.group("layers") or group.group("_layer_checkpoint_dependencies"),
            )
            visit_all(places, inner)
            for place in inner.names() if inner is not None else ():
                if place not in places and _holds_weights(inner.group(place)):
                    extra.append(f"{inner.path}/{place}")
        else:
            visit_all({k: v for k, v in vars(layer).items() if k not in NOT_PARTS}, group)

    def visit_all(places, group):
        """Visits layers, and those in lists and dicts, by their names in a group."""
        for place, part in places.items() if group is not None else ():
            inner = isinstance(part, (Layer, list, tuple, dict)) and (
                group.group(place) or group.group(place.lstrip("_"))
            )
            if inner:  # Keras strips MultiHeadAttention's _query_dense, but not GroupQueryAttention's
                if isinstance(part, Layer):
                    visit(part, inner)
                else:
                    visit_all(_numbered(part.values() if isinstance(part, dict) else part), inner)

    visit(model, root)
    return found, extra


def _numbered(parts):
    """{place: layer}: the class's name in snake case, with a number from the second on."""
    counts, found = Counter(), {}
    for part in parts:
        if isinstance(part, Layer):
            name = snake_case(type(part).__name__)
            name = RENAMED.get(name, name)
            found[f"{name}_{counts[name]}" if counts[name] else name] = part
            counts[name] += 1
    return found


def _holds_weights(group):
    """Whether a layer that the model does not have is more than a name."""
    stored = group and group.group("vars")
    return bool(stored and stored.names()) or any(name not in NO_WEIGHTS for name in (group and group.names()) or ())


# ---- by lists of names ----


def _saved_layers(group):
    """[(layer's name, [(weight's name, Dataset), ...]), ...] of the layers that have weights."""
    layers = []
    for name in group.strings("layer_names") or ():
        layer = group.group(name)
        weights = [(w, layer and layer.dataset(w)) for w in (layer and layer.strings("weight_names")) or ()]
        if any(dataset is None for _, dataset in weights):
            raise ValueError(f"{group.file}: damaged: an array of layer {name!r} is missing")
        if weights:
            layers.append((name, weights))
    return layers


def _legacy_by_order(model, group):
    saved = _saved_layers(group)
    layers = [layer for layer in model.layers if layer.weights]
    if len(saved) != len(layers):
        raise ValueError(
            f'{group.file}: {len(saved)} layers with weights; model "{model.name}" has {len(layers)}. Is it another '
            "network's, or one with another top? by_name=True loads the layers that have the same names"
        )
    return _legacy(model, group, zip(saved, layers))


def _legacy_by_name(model, group):
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    pairs = [((name, weights), layers[name]) for name, weights in _saved_layers(group) if name in layers]
    if not pairs:
        raise ValueError(f'{group.file}: no layer of model "{model.name}" has the name of one in the file')
    return _legacy(model, group, pairs)


def _legacy(model, group, pairs):
    """({name: Dataset}, paths of others) for pairs of saved layers and the model's."""
    names = {id(variable): name for name, variable in named_weights(model).items()}
    found, extra = {}, []
    for (name, weights), layer in pairs:
        variables = _in_order(group.file, name, [path for path, _ in weights], layer)
        for (path, dataset), variable in zip(weights, variables):
            if variable is None:
                extra.append(f"{name}/{path.rpartition('/')[2]}")
            else:
                found[names[id(variable)]] = dataset
    return found, extra


def _in_order(file, name, paths, layer):
    """The variables of a layer, in the order of a saved layer's weights: by the ends of their paths where these tell
    them apart, for in a nested model the order depends on what was frozen; else as they stand."""
    variables = layer.trainable_weights + layer.non_trainable_weights
    for depth in (2, 1):
        stored = [_end(path, depth) for path in paths]
        own = {_end(variable.path, depth): variable for variable in variables}
        if sorted(stored) == sorted(own) and len(own) == len(variables):
            return [own[end] for end in stored]
    kinds = [variable.name for variable in variables]
    for path, kind in zip(stored, kinds):
        if path in kinds and path != kind:
            raise ValueError(
                f"{file}: layer {name!r} has a {path!r} where layer {layer.name!r} has a {kind!r}. Were other layers "
                "in it frozen when it was saved? Then set trainable as it was, and load again"
            )
    return [*variables, *[None] * len(paths)]


def _end(path, depth):
    """The last parts of a variable's path, without the number of an output (":0")."""
    return "/".join(path.partition(":")[0].split("/")[-depth:])
