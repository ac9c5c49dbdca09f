"""One entry a kernel: how to make its arguments, how exact it must be, what it costs.

An entry's make(rng, **parameters) gives the arguments by name: arrays, dims, scalars; for an output that is written
whole, its shape; None for a NULL pointer. cases lists the parameters that tests use; benchmarks give their own.

The tolerance of a result is ulps * 2^-23 * magnitude. magnitude is the sum of the absolute values of the terms that the
formula adds (|result| where nothing cancels). ulps is 0 where the result must be equal, 0.51 for one correctly rounded
operation, a few for a vector polynomial, and 4 + sqrt(length) for a sum, whose rounding errors grow like a random walk
(Higham and Mary 2019): a dropped or doubled term is larger by orders of magnitude.
"""

from . import (  # noqa: F401
    activation,
    attention,
    compare,
    conv2d,
    ctc,
    elementwise,
    functions,
    image,
    integer,
    layout,
    loss,
    matmul,
    normalization,
    optimizer,
    pool2d,
    random,
    recurrent,
    reduce,
    scan,
    softmax,
    sort,
    take,
)
from .common import ENTRIES, Entry

__all__ = ["ENTRIES", "Entry"]
