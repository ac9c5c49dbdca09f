"""PyDataset: a data set that makes one batch at a time."""


class PyDataset:
    """A data set for fit, evaluate and predict that makes batch number i when asked, so that it need not fit into
    memory.

    Override __len__ (the number of batches) and __getitem__(index), which returns (x, y) or (x, y, sample_weight) as
    arrays; on_epoch_end() is called after each epoch. fit(shuffle=True) shuffles the order of the batches. Batches
    are made in the training thread: workers, use_multiprocessing and max_queue_size are accepted and have no effect.

    >>> class Squares(cygrad.utils.PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         x = np.full((4, 1), index, "float32")
    ...         return x, x**2
    >>> model = cygrad.Sequential([cygrad.Input((1,)), cygrad.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(Squares(), verbose=0)

    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__}: define __len__, the number of batches")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__}: define __getitem__(index), which returns a batch")

    def on_epoch_end(self):
        """Called after each epoch; override it to reshuffle, for example."""

    @property
    def num_batches(self):
        return len(self)
