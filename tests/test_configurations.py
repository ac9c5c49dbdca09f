"""Random arguments of every layer, loss, metric, optimizer, schedule, initializer, regularizer and constraint survive:
in their configuration, in JSON, in a copy and in a pickle."""

import copy
import inspect
import json
import pickle
import random
import warnings

import pytest

import cygrad
from cygrad import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from cygrad.models.serialization import deserialize_layer, serialize_layer

FAMILIES = {
    "layers": (layers, layers.Layer, serialize_layer, deserialize_layer),
    "losses": (losses, losses.Loss, losses.serialize, losses.deserialize),
    "metrics": (metrics, metrics.Metric, metrics.serialize, metrics.deserialize),
    "optimizers": (optimizers, optimizers.Optimizer, optimizers.serialize, optimizers.deserialize),
    "schedules": (
        optimizers.schedules,
        optimizers.schedules.LearningRateSchedule,
        optimizers.schedules.serialize,
        optimizers.schedules.deserialize,
    ),
    "initializers": (initializers, initializers.Initializer, initializers.serialize, initializers.deserialize),
    "regularizers": (regularizers, regularizers.Regularizer, regularizers.serialize, regularizers.deserialize),
    "constraints": (constraints, constraints.Constraint, constraints.serialize, constraints.deserialize),
}
CLASSES = [
    (family, name)
    for family, (module, base, *_) in FAMILIES.items()
    for name, value in sorted(vars(module).items())
    if isinstance(value, type) and issubclass(value, base) and value is not base and name[0] != "_"
]

BY_SUFFIX = {
    "_initializer": ["zeros", initializers.Constant(0.3), initializers.VarianceScaling(2.0, "fan_out", "uniform", 5)],
    "_regularizer": ["l2", regularizers.L1L2(0.1, 0.2), regularizers.OrthogonalRegularizer(0.02, "columns")],
    "_constraint": ["non_neg", constraints.MaxNorm(3, axis=[0]), constraints.MinMaxNorm(0.1, 2.0, 0.5, 0)],
}
BY_NAME = {
    "activation": ["relu", "mish", "linear"],
    "recurrent_activation": ["sigmoid", "hard_sigmoid"],
    "reduction": ["sum", "none", "sum_over_batch_size"],
    "padding": ["valid", "same"],
    "fill_mode": ["nearest", "constant"],
    "interpolation": ["nearest", "bilinear"],
    "average": ["micro", "macro"],
    "noise_shape": [(None, 1, 3)],
    "thresholds": [[0.3, 0.6]],
    "value_range": [(0, 1)],
    "shared_axes": [[1]],
    "exclude_layers": [["a"]],
    "bias_axes": ["c"],
    "seed": [7],
    **dict.fromkeys(["clipnorm", "loss_scale_factor"], (1.5, 2.0)),
    **dict.fromkeys(["ema_overwrite_frequency", "gradient_accumulation_steps", "sliding_window", "top_k"], (2, 3)),
    **dict.fromkeys(["class_id", "ignore_class", "attention_axes"], (1,)),
    **dict.fromkeys(
        ["weight_decay", "rms_rate", "max_value", "mean", "variance", "dropout", "recurrent_dropout"], (0.25,)
    ),
}
NEEDED = {
    **dict.fromkeys(["units", "output_dim", "key_dim", "num_tokens", "output_shape", "num_classes", "num_bins"], 3),
    **dict.fromkeys(["kernel_size", "pool_size", "n", "height", "num_heads", "head_dim", "num_key_value_heads"], 2),
    **dict.fromkeys(
        ["recall", "precision", "specificity", "sensitivity", "rate", "decay_rate", "scale", "stddev"], 0.5
    ),
    **dict.fromkeys(["factor", "height_factor", "width_factor", "l1", "learning_rate", "initial_learning_rate"], 0.1),
    **dict.fromkeys(["filters", "num_query_heads"], 4),
    "width": 3,
    "input_dim": 9,
    "axes": 1,
    "dims": (2, 1),
    "target_shape": (2, 3),
    "equation": "ab,bc->ac",
    "function": cygrad.activations.relu,
    "activation": "relu",
    "target_class_ids": [0, 1],
    "decay_steps": 10,
    "first_decay_steps": 5,
    "boundaries": [3, 6],
    "values": [0.3, 0.2, 0.1],
    "layer": layers.LSTM(2, name="inner"),
    "cell": layers.GRUCell(2, name="inner"),
    "fn": cygrad.losses.huber,
}


def some_value(rng, name, default):
    """A value for an argument that need not be given."""
    for suffix, values in BY_SUFFIX.items():
        if name.endswith(suffix):
            return rng.choice(values)
    if isinstance(default, bool):
        return not default
    if name in BY_NAME and (default is None or not isinstance(default, (int, float, tuple))):
        return rng.choice(BY_NAME[name])
    if isinstance(default, float):
        return rng.choice([default * 0.5, default * 0.75 + 0.01])
    return default + 1 if isinstance(default, int) else default


def some_arguments(rng, cls):
    """Arguments of a class, each that need not be given with a chance of a half; None for a class that needs others."""
    arguments = {}
    for p in inspect.signature(cls.__init__).parameters.values():
        if p.name == "self" or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            continue
        if p.default is not p.empty:
            if rng.random() < 0.5 and p.name not in ("name", "dtype"):
                arguments[p.name] = some_value(rng, p.name, p.default)
        elif p.name in NEEDED:
            arguments[p.name] = NEEDED[p.name]
        else:
            return None
    return arguments


def made(rng, cls, family):
    """Up to eight objects with their arguments, of those that the class accepts."""
    named = {"name": "named", "trainable": False} if family == "layers" else {}
    found = []
    for _ in range(40):
        arguments = some_arguments(rng, cls)
        if arguments is None or len(found) == 8:
            break
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append((cls(**arguments, **named), arguments))
        except (TypeError, ValueError, NotImplementedError):  # they do not go together
            continue
    return found


@pytest.mark.parametrize(("family", "name"), CLASSES)
def test_random_arguments_survive(family, name):
    module, _, serialize, deserialize = FAMILIES[family]
    for thing, arguments in made(random.Random(f"{family} {name}"), getattr(module, name), family):
        data = serialize(thing)
        text = json.dumps(data)
        copies = [deserialize(json.loads(text)), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))]
        assert [json.dumps(serialize(other)) for other in copies] == [text] * 3
        unsaved = getattr(type(thing), "_unsaved", ())
        for argument, value in arguments.items():
            if value is not None and argument not in (*unsaved, "use_cudnn"):  # has no meaning
                assert argument in data["config"], f"{name} loses {argument}"
                kept = data["config"][argument]
                single = isinstance(value, (bool, int, float, str)) and isinstance(kept, (bool, int, float, str))
                assert not single or kept == value or (name, argument) == ("AUC", "num_thresholds")


def test_most_classes_take_part():
    taken = [name for family, name in CLASSES if made(random.Random(0), getattr(FAMILIES[family][0], name), family)]
    assert len(taken) > 200
