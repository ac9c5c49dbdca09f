"""SwapEMAWeights: evaluation with the averages of the variables that an optimizer with use_ema keeps."""

from .callback import Callback


class SwapEMAWeights(Callback):
    """The model has the averages' values while it is evaluated or predicts: SwapEMAWeights(swap_on_epoch=False).

    swap_on_epoch: also from the end of an epoch to the beginning of the next, so that callbacks after this one
    (ModelCheckpoint) save the averages. ValueError unless the optimizer has use_ema=True.

    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile(cygrad.optimizers.SGD(use_ema=True), "mse")
    >>> x = np.ones((4, 1))
    >>> _ = model.fit(x, x, validation_data=(x, x), callbacks=[cygrad.callbacks.SwapEMAWeights()], verbose=0)
    """

    def __init__(self, swap_on_epoch=False):
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _swap(self, wanted):
        """The averages into the model (True), or its own weights back (False)."""
        if self._swapped != wanted:
            self.model.optimizer.swap_averages()
            self._swapped = wanted

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(True)

    def on_train_end(self, logs=None):
        self._swapped = False  # fit has ended with the averages in the model

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    def on_predict_begin(self, logs=None):
        self._swap(True)

    def on_predict_end(self, logs=None):
        self._swap(False)
