"""Histograms: how weights and their gradients are spread, epoch by epoch."""

import numpy as np

from .callback import Callback


class Histograms(Callback):
    """Keeps a histogram of each trainable weight, and of its gradient in the epoch's last step: Histograms(bins=40).

    weights, gradients: {path: [(counts, edges), ...]}, an entry an epoch, as numpy.histogram gives them. With clipping
    the gradient is the clipped one. utils.plot_histograms draws them. A gradient that is not finite counts in no bin.
    ValueError unless bins is at least 1.

    >>> model = cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(2, name="d")])
    >>> model.compile("sgd", "mse")
    >>> kept = cygrad.callbacks.Histograms(bins=5)
    >>> _ = model.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0, callbacks=[kept])
    >>> [len(kept.gradients[path]) for path in kept.weights]
    [2, 2]
    """

    def __init__(self, bins=40):
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
            raise ValueError(f"Histograms: bins must be an integer of at least 1; got {bins!r}")
        self.bins = bins
        self.weights, self.gradients = {}, {}

    def on_train_begin(self, logs=None):
        self.weights, self.gradients = {}, {}

    def on_epoch_end(self, epoch, logs=None):
        for variable in self.model.trainable_variables:
            for kept, values in ((self.weights, variable), (self.gradients, variable.gradient)):
                values = np.asarray(values)
                kept.setdefault(variable.path, []).append(np.histogram(values[np.isfinite(values)], self.bins))
