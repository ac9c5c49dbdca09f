"""What goes into a network that was trained on ImageNet, and what comes out."""

from pathlib import Path

import numpy as np

from .. import ops
from .._tensor import Tensor
from ..layers.symbolic import KerasTensor
from ..models.container import parse_json
from ._weights import CLASS_INDEX, published_file

__all__ = ["decode_predictions", "preprocess_input"]

MEAN = {
    "caffe": (103.939, 116.779, 123.68),
    "torch": (0.485, 0.456, 0.406),
}  # of ImageNet's channels: BGR; RGB in 0 .. 1
DEVIATION = (0.229, 0.224, 0.225)


def preprocess_input(x, data_format=None, mode="caffe"):
    """Pictures with values in 0 .. 255 as a network wants them.

    mode "caffe": RGB to BGR, minus ImageNet's means. "tf": x / 127.5 - 1. "torch": x / 255, minus ImageNet's means,
    over its deviations. The module of each network has its own, with the mode that it was trained with.

    Shapes: x[N,H,W,3] or [H,W,3], with data_format="channels_first" [N,3,H,W] or [3,H,W]; the result as x, float32, and
    of x's kind: an array (a new one: x stays as it is), a tensor, or a symbolic tensor. ValueError for others.

    >>> preprocess = cygrad.applications.imagenet_utils.preprocess_input
    >>> preprocess(np.full((1, 1, 1, 3), 255), mode="tf").tolist()
    [[[[1.0, 1.0, 1.0]]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f'preprocess_input: mode must be "caffe", "tf" or "torch"; got {mode!r}')
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f'preprocess_input: data_format must be "channels_last" or "channels_first"; got {data_format!r}'
        )
    if isinstance(x, (Tensor, KerasTensor)):
        x = ops.cast(x, "float32")
    else:
        x = np.asarray(x, np.float32)
    if mode == "tf":
        return x / np.float32(127.5) - np.float32(1)
    first = data_format == "channels_first"
    axis = (-3 if first else -1) + len(x.shape)
    if len(x.shape) not in (3, 4) or x.shape[axis] not in (3, None):
        expected = "x[N,3,H,W] or x[3,H,W]" if first else "x[N,H,W,3] or x[H,W,3]"
        raise ValueError(f"preprocess_input: expected pictures in colour, {expected}; got shape {tuple(x.shape)}")

    def along(values):  # to be broadcast over the other axes
        return np.array(values, np.float32).reshape((3, 1, 1) if first else (3,))

    if mode == "torch":
        return (x / np.float32(255) - along(MEAN[mode])) / along(DEVIATION)
    reverse = [slice(None)] * len(x.shape)
    reverse[axis] = slice(None, None, -1)
    return x[tuple(reverse)] - along(MEAN[mode])


def decode_predictions(preds, top=5, path=None):
    """The likeliest classes of each sample: [[(class's number in WordNet, its name, probability), ...], ...].

    preds[N,1000], array or tensor: what a network with ImageNet's classes predicts; top: how many. path: a JSON file
    {"0": ["n01440764", "tench"], ...} of as many classes as preds has; without it Keras's imagenet_class_index.json,
    from CYGRAD_DATA's subfolder applications or a download that is verified and kept. ValueError for other shapes and
    files; FileNotFoundError says what to fetch where there is none.
    """
    preds = np.asarray(preds)
    labels = _labels(path or published_file(*CLASS_INDEX, "path="))
    if preds.ndim != 2 or preds.shape[1] != len(labels):
        raise ValueError(
            f"decode_predictions: expected preds[N,{len(labels)}], one column a class; got shape {preds.shape}"
        )
    order = np.argsort(-preds, axis=1, kind="stable")[:, :top]
    return [[(*labels[i], float(row[i])) for i in best] for row, best in zip(preds, order)]


def _labels(path):
    """[(number in WordNet, name)] of a file, by class."""
    table = parse_json(Path(path).read_bytes(), str(path))
    if not isinstance(table, dict) or not table or table.keys() != set(map(str, range(len(table)))):
        raise ValueError(f'{path}: expected an object with the keys "0", "1", ... of all classes')
    labels = [table[str(i)] for i in range(len(table))]
    if not all(isinstance(e, list) and len(e) == 2 and all(isinstance(s, str) for s in e) for e in labels):
        raise ValueError(f'{path}: expected ["number in WordNet", "name"] for each class')
    return [tuple(e) for e in labels]


def preprocessing(mode):
    """The preprocess_input of a network that was trained with a mode."""

    def preprocess(x, data_format=None):
        return preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = f'imagenet_utils.preprocess_input with mode="{mode}", as this network was trained.'
    return preprocess
