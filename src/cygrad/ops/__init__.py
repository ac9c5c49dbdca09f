"""Differentiable functions on tensors: keras.ops's names, arguments and results, and a few more for the layers.

Every op checks its arguments, allocates the result, calls a kernel and records how to differentiate it.
Tensors, NumPy arrays, lists and numbers are all taken; floats are float32. Gradients of gradients are not recorded.
One module a family, named as in csrc/kernels: activation, elementwise, functions, layout, matmul, conv2d, pool2d,
normalization, softmax, attention, recurrent, reduce, loss; and indexing, logic (comparisons), creation (making and
converting tensors), control (choices and loops), linalg (by NumPy). Formulas of other ops: elementary (elementwise),
places (diagonals, grids, pieces), scattering (slices replaced, values by segment), sorting (and searching), statistics,
nan (reductions without it), products (vectors, tensors, einsum), integers (bits, divisors, categories),
signals (windows, pieces).

Kernels compute, so that a step can be captured (models/capture.py), but for these, which NumPy computes: results whose
shape depends on values (nonzero, where without choices, x[booleans]); arrays from NumPy, which may differ at each call
(Python's numbers and lists count as constant); several index arrays in one x[...]; int64, uint8 arithmetic, powers,
bits and divisors of whole numbers, which no layer needs; unique, and segments whose number is not given; sparsemax;
linalg; and in cygrad.random randint, categorical and shuffle.
"""

# ruff: noqa: F401 (the names are public: __all__ is all of them)

import sys as _sys

from .. import _tensor
from . import image
from ._symbolic import on_symbolic as _on_symbolic
from .activation import (
    elu,
    exp,
    gelu,
    hard_sigmoid,
    leaky_relu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    swish,
    tanh,
)
from .attention import (
    dot_product_attention,
)
from .control import (
    associative_scan,
    cond,
    custom_gradient,
    fori_loop,
    map,
    scan,
    switch,
    vectorized_map,
    while_loop,
)
from .conv2d import (
    conv,
    conv_transpose,
    depthwise_conv,
    separable_conv,
)
from .creation import (
    arange,
    cast,
    convert_to_numpy,
    convert_to_tensor,
    dtype,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    geomspace,
    is_tensor,
    linspace,
    logspace,
    ndim,
    ones,
    ones_like,
    shape,
    size,
    stop_gradient,
    zeros,
    zeros_like,
)
from .ctc import (
    ctc_decode,
    ctc_loss,
)
from .elementary import (
    allclose,
    cbrt,
    celu,
    deg2rad,
    divide_no_nan,
    erfc,
    exp2,
    fabs,
    fmax,
    fmin,
    fmod,
    glu,
    hard_shrink,
    hard_silu,
    hard_swish,
    hard_tanh,
    heaviside,
    isneginf,
    isposinf,
    ldexp,
    log_sigmoid,
    logaddexp2,
    nan_to_num,
    rad2deg,
    saturate_cast,
    signbit,
    sinc,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    tanh_shrink,
    threshold,
)
from .elementwise import (
    abs,
    absolute,
    add,
    add_to_gradient,
    clip,
    divide,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    reciprocal,
    rsqrt,
    sqrt,
    square,
    subtract,
    sum_of_gradients,
    true_divide,
)
from .functions import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    ceil,
    cos,
    cosh,
    erf,
    erfinv,
    expm1,
    floor,
    floor_divide,
    hypot,
    log1p,
    log2,
    log10,
    logaddexp,
    mod,
    round,
    sign,
    sin,
    sinh,
    tan,
    trunc,
)
from .indexing import (
    embed,
    get_item,
    one_hot,
    pad,
    repeat,
    take,
)
from .integers import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    gcd,
    lcm,
    left_shift,
    multi_hot,
    right_shift,
    unravel_index,
)
from .layout import (
    array,
    broadcast_to,
    concatenate,
    copy,
    expand_dims,
    flatten,
    flip,
    hstack,
    moveaxis,
    ravel,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    transpose,
    unstack,
    vstack,
)
from .linalg import (
    cholesky,
    cholesky_inverse,
    det,
    eigh,
    inv,
    logdet,
    lstsq,
    matrix_rank,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
)
from .logic import (
    all,
    any,
    equal,
    greater,
    greater_equal,
    isclose,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    nonzero,
    not_equal,
    where,
)
from .loss import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from .matmul import (
    dense,
    dot,
    matmul,
    tensordot,
)
from .nan import (
    nanargmax,
    nanargmin,
    nancumprod,
    nancumsum,
    nanmax,
    nanmean,
    nanmedian,
    nanmin,
    nanpercentile,
    nanprod,
    nanquantile,
    nanstd,
    nansum,
    nanvar,
)
from .normalization import (
    batch_normalization,
    batch_normalization_training,
    layer_normalization,
    rms_normalization,
)
from .places import (
    append,
    array_split,
    depth_to_space,
    diag,
    diagflat,
    diagonal,
    diff,
    dsplit,
    dstack,
    fliplr,
    flipud,
    hsplit,
    identity,
    meshgrid,
    roll,
    rot90,
    select,
    space_to_depth,
    trace,
    tri,
    tril,
    triu,
    vsplit,
)
from .pool2d import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    max_pool,
)
from .products import (
    cdist,
    correlate,
    cross,
    einsum,
    inner,
    kron,
    outer,
    psnr,
    rearrange,
    trapezoid,
    vander,
    vdot,
)
from .recurrent import (
    gru,
    lstm,
    simple_rnn,
)
from .reduce import (
    argmax,
    argmin,
    logsumexp,
    max,
    mean,
    min,
    norm,
    normalize,
    prod,
    std,
    sum,
    var,
)
from .scattering import (
    bincount,
    scatter,
    scatter_update,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    slice,
    slice_update,
)
from .signals import bartlett, blackman, extract_sequences, hamming, hanning, kaiser
from .softmax import (
    log_softmax,
    softmax,
    sparsemax,
)
from .sorting import (
    argpartition,
    argsort,
    digitize,
    in_top_k,
    isin,
    searchsorted,
    sort,
    take_along_axis,
    top_k,
    unique,
)
from .statistics import (
    amax,
    amin,
    average,
    corrcoef,
    count_nonzero,
    cumprod,
    cumsum,
    histogram,
    median,
    moments,
    percentile,
    ptp,
    quantile,
)

__all__ = sorted(_name for _name, _value in globals().items() if _name[0] != "_" and callable(_value))

# These take no symbolic tensors: they make tensors, or layers and the tape call them, where a microsecond counts.
_DIRECT = {
    "associative_scan", "cond", "fori_loop", "map", "scan", "switch", "vectorized_map", "while_loop",
    "add_to_gradient", "arange", "batch_normalization_training", "dense", "eye", "flatten", "full", "is_tensor",
    "gru", "linspace", "lstm", "ndim", "ones", "shape", "simple_rnn", "sum_of_gradients", "zeros", "identity", "tri",
    "custom_gradient", "dtype", "empty", "geomspace", "logspace", "bartlett", "blackman", "hamming", "hanning",
    "kaiser",
}  # fmt: skip
for _name in __all__:
    if _name not in _DIRECT:
        globals()[_name] = _on_symbolic(globals()[_name])
for _name in image.__all__:
    setattr(image, _name, _on_symbolic(getattr(image, _name), "image"))

_tensor.set_ops(_sys.modules[__name__])
