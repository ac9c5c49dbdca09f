"""keras.preprocessing's names."""

from ..utils.sequences import timeseries_dataset_from_array
from . import sequence

__all__ = ["sequence", "timeseries_dataset_from_array"]
