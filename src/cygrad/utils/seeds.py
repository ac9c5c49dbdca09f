"""Starting anew: seeds and automatic names."""

import random as _random

import numpy as np

from .. import random
from ..layers.naming import reset_names


def set_random_seed(seed):
    """Seeds Python's random, NumPy's np.random, and cygrad: initial weights, dropout and the order of samples are
    then the same each time, on every machine and for any number of threads. seed: 0 .. 2^32 - 1.

    >>> def weights():
    ...     cygrad.utils.set_random_seed(1)
    ...     return cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(2)]).get_weights()[0]
    >>> bool((weights() == weights()).all())
    True

    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: expected an integer in 0 .. 2**32 - 1; got {seed!r}")
    _random.seed(int(seed))
    np.random.seed(int(seed))
    random.set_seed(int(seed))


def clear_session(free_memory=True):
    """Starts the numbering of automatic layer names again (dense, dense_1, ...). free_memory: gives cached memory
    back to the system.

    >>> cygrad.utils.clear_session()
    >>> cygrad.layers.Dense(1).name
    'dense'
    """
    reset_names()
    if free_memory:
        from .. import _core

        _core.alloc_trim()
