"""docs/keras_compatibility.md: what there is of each public name of Keras 3, found by looking into both packages.

    python tests/interop/compatibility.py    # writes it anew, where Keras is installed

What a name's presence does not tell, how it differs, stands in DIFFERENCES here.
"""

import importlib
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "keras_compatibility.md"

MODULES = [
    "applications", "layers", "activations", "initializers", "regularizers", "constraints", "losses", "metrics",
    "optimizers", "optimizers.schedules", "callbacks", "models", "saving", "utils", "preprocessing", "random", "ops",
    "ops.image", "distillation", "backend", "config",
]  # fmt: skip

_LOGITS = "of a sigmoid's or softmax's own output it starts from the logits, exact where Keras clips at 1e-7"
_STRINGS = "needs no TensorFlow; numbers are int32; with several OOV indices, another hash chooses"
_PICTURES = "gives a PyDataset; 'bicubic', 'lanczos3' and 'area' are Pillow's, other filters are not there; no format"
_OWN_FILES = "files are `.cygrad` (models) and `.safetensors` (weights)"

DIFFERENCES = {
    "activations.sparsemax": "as in the paper: rows sum to 1",
    "callbacks.BackupAndRestore": "one file of its own; after the end of an epoch training goes on bit for bit",
    "callbacks.ModelCheckpoint": _OWN_FILES,
    "callbacks.ProgbarLogger": "drawn by tqdm; in a log file, a line an epoch",
    "distillation.LogitsDistillation": "the default loss compares probabilities, as the class KLDivergence does; Keras "
    "compares bare logits when 'kl_divergence' is given by its name",
    "layers.Hashing": "the hash is BLAKE2b, so the bins are others",
    "layers.IntegerLookup": "numbers are int32; with several OOV indices, another hash (not farmhash) chooses",
    "layers.RandomSaturation": "the saturation is clipped to 0 .. 1, not to value_range",
    "layers.Solarization": "the lower limits of both factors are parts of 255, as the upper ones",
    "layers.StringLookup": _STRINGS,
    "layers.TextVectorization": _STRINGS + "; no ragged or sparse results",
    "losses.BinaryCrossentropy": _LOGITS,
    "losses.CategoricalCrossentropy": _LOGITS,
    "losses.Loss": "weights [N] fit losses [N,T]; with reduction 'mean_with_sample_weight' the divisor counts a weight "
    "for each value that it multiplies",
    "losses.SparseCategoricalCrossentropy": _LOGITS + "; labels outside the classes are an error",
    "metrics.Metric": "result() is a Python float, or an array; names are not numbered: `precision`, not `precision_1`",
    "metrics.SparseCategoricalCrossentropy": "with ignore_class, the mean is over the samples that are left",
    "models.load_model": _OWN_FILES,
    "models.save_model": _OWN_FILES,
    "ops.argpartition": "sorts wholly",
    "ops.image.affine_transform": "no perspective: the last two numbers of a transform are 0",
    "ops.image.resize": "'bilinear' and 'nearest' alone, no antialias",
    "ops.ctc_decode": "strategy='greedy' alone",
    "ops.max": "the gradient goes to the first of equal maxima",
    "ops.min": "the gradient goes to the first of equal minima",
    "ops.sparsemax": "as in the paper: rows sum to 1",
    "optimizers.Optimizer": "state lives in one arena; a custom optimizer defines slot_names and update_step",
    "saving.load_model": _OWN_FILES,
    "saving.load_weights": "from `.safetensors`, `.cygrad`, `.weights.h5`, `.keras` and legacy `.h5`; all or nothing",
    "saving.save_model": _OWN_FILES,
    "saving.save_weights": _OWN_FILES,
    "utils.PyDataset": "batches are made in the training thread; workers has no effect",
    "utils.Sequence": "batches are made in the training thread; workers has no effect",
    "utils.set_random_seed": "the numbers are other than Keras's, and the same on every machine",
    "utils.split_dataset": "of arrays, not of tf.data",
    "utils.timeseries_dataset_from_array": "gives a PyDataset; no format argument",
    "preprocessing.image_dataset_from_directory": _PICTURES,
    "utils.image_dataset_from_directory": _PICTURES,
    "preprocessing.timeseries_dataset_from_array": "gives a PyDataset; no format argument",
}


_COMPLEX = "there are no complex numbers"
_VOLUMES = "there are no kernels for volumes"
_OTHERS = "of another framework"
ABSENT = {  # names that are not meant to be there
    _VOLUMES: "AdaptiveAveragePooling3D AdaptiveMaxPooling3D AveragePooling3D AvgPool3D Conv3D Conv3DTranspose "
    "ConvLSTM3D Convolution3D Convolution3DTranspose Cropping3D GlobalAveragePooling3D GlobalAvgPool3D "
    "GlobalMaxPool3D GlobalMaxPooling3D MaxPool3D MaxPooling3D SpatialDropout3D UpSampling3D ZeroPadding3D "
    "extract_patches_3d",
    _OTHERS: "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper OrbaxCheckpoint",
    _COMPLEX: "angle conj conjugate eig fft fft2 ifft2 imag isreal polar real view_as_complex view_as_real",
    "gradients are computed backwards only": "jvp",
    "layers compute in float32: no loss needs scaling": "LossScaleOptimizer",
    "pictures have no bounding boxes here": "MaxNumBoundingBoxes",
    "`Sequential` does it": "Pipeline",
    "`plot_model` draws without Graphviz": "model_to_dot",
    "there is one backend": "set_backend is_nnx_enabled",
    "attention is computed block by block in any case": "disable_flash_attention enable_flash_attention "
    "is_flash_attention_enabled",
    "loading runs no code": "enable_unsafe_deserialization",
    "layers compute in float32": "dtype_policy set_dtype_policy",
    "a file is data: `safetensors` reads and writes it": "KerasFileEditor",
}
_REASONS = {name: reason for reason, names in ABSENT.items() for name in names.split()}


def public(module):
    """The public names of a Keras module, without modules inside it."""
    return sorted(
        (name for name, value in vars(module).items() if name[0] != "_" and not hasattr(value, "__path__")),
        key=lambda name: (name.lower(), name),
    )


def table():
    """The document's text for the installed Keras and this cygrad."""
    import keras

    version = ".".join(keras.__version__.split(".")[:2])
    lines = [
        "# What there is of Keras 3",
        "",
        f"Each public name of Keras {version}'s modules. `python tests/interop/compatibility.py` writes this file, and",
        "a test compares it with both packages, so that it is true. What works has Keras's arguments, defaults and",
        "results, which `tests/interop` compares.",
        "",
    ]
    for path in MODULES:
        theirs, mine = importlib.import_module(f"keras.{path}"), importlib.import_module(f"cygrad.{path}")
        names = public(theirs)
        there = [name for name in names if hasattr(mine, name)]
        differing = [name for name in there if f"{path}.{name}" in DIFFERENCES]
        missing = [name for name in names if name not in there and name not in _REASONS]
        refused = [name for name in names if name not in there and name in _REASONS]
        lines += [f"## keras.{path}", ""]
        works = [name for name in there if name not in differing]
        lines += [f"**Works** ({len(works)}): {_listed(works)}", ""]
        if differing:
            lines += ["**Differs**:", ""]
            lines += [f"- `{name}`: {DIFFERENCES[f'{path}.{name}']}" for name in differing]
            lines += [""]
        if missing:
            lines += [f"**Not there** ({len(missing)}): {_listed(missing)}", ""]
        if refused:
            lines += ["**Not meant to be there**:", ""]
            reasons = dict.fromkeys(_REASONS[name] for name in refused)
            lines += [f"- {_listed([n for n in refused if _REASONS[n] == reason])}: {reason}" for reason in reasons]
            lines += [""]
    return "\n".join(lines)


def _listed(names):
    return ", ".join(f"`{name}`" for name in names) or "none"


if __name__ == "__main__":
    DOCUMENT.write_text(table(), encoding="utf-8")
