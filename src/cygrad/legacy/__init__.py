"""keras.legacy's names: what Keras keeps for old programs."""

from . import preprocessing

__all__ = ["preprocessing"]
