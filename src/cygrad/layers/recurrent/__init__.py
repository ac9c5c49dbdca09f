"""Recurrent layers: cells, RNN, which runs any of them, SimpleRNN, GRU and LSTM, and the wrappers around layers."""

from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .fused import GRU, LSTM, SimpleRNN
from .rnn import RNN
from .wrappers import Bidirectional, TimeDistributed, Wrapper

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
    "Wrapper",
]
