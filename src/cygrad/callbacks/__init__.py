"""Callbacks: what happens around training, evaluation and prediction; History and the progress bar are such, too."""

from .averaging import SwapEMAWeights
from .backup import BackupAndRestore
from .callback import HOOKS, Callback, History, LambdaCallback
from .callback_list import CallbackList
from .csv_logger import CSVLogger
from .histograms import Histograms
from .learning_rate import LearningRateScheduler, ReduceLROnPlateau
from .monitoring import EarlyStopping, ModelCheckpoint, MonitorCallback, TerminateOnNaN
from .progress import ProgbarLogger
from .tensorboard import TensorBoard

__all__ = [
    "HOOKS",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "Histograms",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
