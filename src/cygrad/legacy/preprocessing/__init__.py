"""Keras 3's legacy preprocessing: cygrad.preprocessing's modules."""

from ...preprocessing import sequence
from . import image

__all__ = ["image", "sequence"]
