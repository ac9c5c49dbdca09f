"""The state of a training run in one file: weights, the optimizer's slots and step count, random states, and how far it
has come. Not the architecture: it goes back into the model that is being trained (callbacks.BackupAndRestore)."""

import json
from pathlib import Path

import numpy as np

from .container import File, check_keys, checksum, write
from .saving import VERSION, _assign, _restore_seeds, _restore_slots, _slots
from .serialization import named_weights

FORMAT = "cygrad checkpoint"


def _numbered_weights(model):
    """The weights by their places: automatic layer names depend on what else the process has made."""
    return {str(i): variable for i, variable in enumerate(named_weights(model).values())}


def write_checkpoint(model, path, progress):
    """Writes a model's state and progress, plain data, to a file, which is complete or not there."""
    names = _numbered_weights(model)
    slots, trained = _slots(model, names)
    tensors = {name: np.asarray(v) for name, v in {**names, **slots}.items()}
    document = {
        "version": VERSION,
        "tensors": [[name, checksum(a)] for name, a in tensors.items()],
        "seeds": [list(map(int, g.state)) for g in model.seed_generators],
        "progress": progress,
    }
    if trained is not None:
        optimizer = model.optimizer
        document["optimizer"] = {"trained": trained, "iterations": int(optimizer.steps_taken)}
        if isinstance(optimizer._learning_rate, float):  # which callbacks may have changed
            document["learning_rate"] = optimizer._learning_rate
    write(Path(path), tensors, {"format": FORMAT, "cygrad": json.dumps(document)})


def read_checkpoint(model, path):
    """Puts the state back and returns progress. ValueError for a damaged file, and where it is not this model's."""
    file = File(path)
    if file.metadata.get("format") != FORMAT or file.document is None:
        raise ValueError(f"{file.name}: not a checkpoint of a training run")
    file.verify()
    document, required = file.document, {"version", "tensors", "seeds", "progress"}
    check_keys("checkpoint", document, required, {"optimizer", "learning_rate"})
    targets = names = _numbered_weights(model)
    if "optimizer" in document and model.optimizer is not None:
        targets = {**names, **_restore_slots(model, document["optimizer"], names, file)}
    ignored = {name for name in file.shapes if name.startswith("optimizer/")} - targets.keys()
    _assign(file, targets, ignored)
    _restore_seeds(model, document["seeds"])
    if "learning_rate" in document and isinstance(model.optimizer._learning_rate, float):
        model.optimizer.learning_rate = document["learning_rate"]
    return document["progress"]
