"""Masks of sequences: which steps count. A tensor carries its mask, bool [N,T], as `_keras_mask`; layers hand it on.

As in Keras 3: a layer whose call takes `mask` (or NAME_mask, where it has several tensor arguments) gets the masks of
its inputs; a layer with supports_masking gives its outputs the result of compute_mask, which is the first input's mask
unless the layer says otherwise; any other layer loses the mask, with a warning. Losses, and the metrics that are means,
leave out the steps that y_pred's mask does not hold.
"""

import warnings

from .._tensor import Tensor
from .conversion import holds_tensors
from .structure import flatten, map_structure


def mask_of(value):
    """The masks of nested tensors, None for what has none."""
    return map_structure(lambda leaf: getattr(leaf, "_keras_mask", None), value)


class Masks:
    """The part of Layer that takes masks from the inputs and gives them to the outputs."""

    supports_masking = False
    _mask_arguments = ()  # those of call's parameters that are masks
    _makes_masks = False  # may compute_mask give a mask where the inputs have none?

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "compute_mask" in cls.__dict__:
            cls._makes_masks = cls.__dict__.get("_makes_masks", True)
            if "supports_masking" not in cls.__dict__:
                cls.supports_masking = True

    @classmethod
    def _note_mask_arguments(cls):
        names = cls._call_parameters
        cls._mask_arguments = tuple([n for n in names if n == "mask" or n.endswith("_mask")])

    def compute_mask(self, inputs, previous_mask):
        """The outputs' mask for the inputs and their masks, where supports_masking: here the inputs' mask."""
        return previous_mask

    def _take_masks(self, args, kwargs):
        """Gives call the masks that it takes and that nobody gave; returns the masks of the first argument, None where
        there are none."""
        if self._mask_arguments:
            given = dict(zip(self._call_parameters, args)) | kwargs
            tensors = {name: v for name, v in given.items() if name not in self._mask_arguments and holds_tensors(v)}
            for name in self._mask_arguments:
                if given.get(name) is not None:
                    continue
                if name == "mask":
                    of = next(iter(tensors), None) if len(tensors) == 1 else None
                else:
                    of = name[: -len("_mask")] if len(tensors) > 1 else None
                if of in tensors and name not in self._call_parameters[: len(args)]:
                    kwargs[name] = mask_of(tensors[of])
        masks = kwargs.get("mask")
        if masks is None:
            masks = mask_of(args[0] if args else next(iter(kwargs.values()), None))
        return masks if any(m is not None for m in flatten(masks)) else None

    def _hand_on_masks(self, args, kwargs, outputs, masks):
        """Gives the outputs their masks; masks: those of the first argument."""
        first = args[0] if args else next(iter(kwargs.values()), None)
        if not self.supports_masking:
            if masks is not None and not self._carries_masks:
                warnings.warn(
                    f"{self._title()} does not support masking: the mask of its input ends here, and the layers after "
                    "it see none",
                    stacklevel=4,
                )
            return
        leaves = [y for y in flatten(outputs) if isinstance(y, Tensor)]
        if all(y._keras_mask is not None for y in leaves):
            return
        if masks is None:
            masks = mask_of(first)
        found = self.compute_mask(first, masks)
        if found is None:
            return
        for y, mask in zip(leaves, flatten(found)):
            if mask is not None and y._keras_mask is None:
                y._keras_mask = mask

    _carries_masks = False  # models: their layers have done it
