"""keras.preprocessing.sequence's names."""

from ..utils.sequences import pad_sequences

__all__ = ["pad_sequences"]
