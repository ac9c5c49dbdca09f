"""The specification: every kernel of csrc/kernels.def as a NumPy function of the same name and parameters.

Each function writes its result into the output arrays it is given, computes in the dtype of its arrays (float64 where
gradients are checked by finite differences), and is written for reading, not for speed. The files are those of
csrc/kernels. cygrad.testing compares the compiled kernels with these functions; ops._backend.use_reference runs whole
models on them.

>>> y = np.empty(3)
>>> cygrad.reference.relu_forward(y, np.array([-1.0, 0.0, 2.0]), 3)
>>> y.tolist()
[0.0, 0.0, 2.0]
"""
# ruff: noqa: F401

from .activation import (
    elu_backward,
    elu_forward,
    exp_backward,
    exp_forward,
    gelu_backward,
    gelu_forward,
    gelu_tanh_backward,
    gelu_tanh_forward,
    hard_sigmoid_backward,
    hard_sigmoid_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    relu_backward,
    relu_forward,
    selu_backward,
    selu_forward,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    softplus_backward,
    softplus_forward,
    softsign_backward,
    softsign_forward,
    tanh_backward,
    tanh_forward,
)
from .attention import attention_backward, attention_forward
from .batch_normalization import (
    batch_normalization_backward,
    batch_normalization_forward,
    batch_normalization_inference_backward,
    batch_normalization_inference_forward,
)
from .compare import compare, compare_int32, logical, where
from .conv2d import conv2d_backward_input, conv2d_backward_kernel, conv2d_forward, conv2d_fused_forward
from .ctc import ctc_backward, ctc_forward
from .elementwise import (
    absolute_backward,
    absolute_forward,
    accumulate,
    add,
    affine,
    clip_backward,
    clip_forward,
    divide,
    log_backward,
    log_forward,
    maximum,
    minimum,
    multiply,
    power,
    sqrt_backward,
    sqrt_forward,
    square_backward,
    square_forward,
    subtract,
)
from .functions import function, function_pair
from .image import affine_transform_backward, affine_transform_forward, augment_images
from .integer import integer, reduce_int32, reduce_logical
from .layer_normalization import (
    layer_normalization_backward,
    layer_normalization_forward,
    rms_normalization_backward,
    rms_normalization_forward,
)
from .layout import (
    cast_int32,
    cast_uint8,
    convert_integers,
    gather_elements,
    gather_rows,
    gather_strided,
    nonzero,
    one_hot,
    pad,
    scatter_elements,
    scatter_strided,
    truncate,
)
from .loss import (
    absolute_error_backward,
    absolute_error_forward,
    binary_matches,
    categorical_matches,
    sigmoid_cross_entropy_backward,
    sigmoid_cross_entropy_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
    sparse_categorical_matches,
    sparse_softmax_cross_entropy_backward,
    sparse_softmax_cross_entropy_forward,
    sparse_top_k_matches,
    squared_error_backward,
    squared_error_forward,
)
from .matmul import batched_matmul, matmul
from .optimizer import (
    adadelta_step,
    adagrad_step,
    adam_step,
    adamax_step,
    ftrl_step,
    lamb_update,
    lion_step,
    nadam_step,
    rmsprop_step,
    sgd_step,
)
from .pool2d import average_pool2d_backward, average_pool2d_forward, max_pool2d_backward, max_pool2d_forward
from .random import dropout, random_normal, random_truncated_normal, random_uniform
from .recurrent import gru_backward, gru_forward, lstm_backward, lstm_forward, simple_rnn_backward, simple_rnn_forward
from .reduce import reduce_max, reduce_max_backward, reduce_min, reduce_sum
from .scan import cumulative_sum, cumulative_sum_int32, reduce_product_backward, reduce_product_forward
from .softmax import log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward
from .sort import argsort, argsort_int32
from .take import take_backward, take_forward

__all__ = [name for name, value in vars().items() if callable(value)]
