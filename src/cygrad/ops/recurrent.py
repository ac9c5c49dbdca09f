"""Sequences through SimpleRNN, GRU and LSTM: one matrix product for the input of all steps, one kernel call for the
steps, and the same back. Not in keras.ops. Kernels: csrc/kernels/recurrent.c, gru.c, lstm.c."""

from functools import lru_cache

import numpy as np

from ._backend import K, Tensor, as_float, empty, from_array, gradient_like, last_walk, record, recording, tracked, view
from .matmul import FUSED

# those activations whose derivative follows from the value, by their numbers in enum cg_activation
_GATES = {name: number for name, (number, *_) in FUSED.items() if name not in ("gelu", "silu", "swish")}


def runs_as_gate(activation):
    """Can the kernels apply an activation, given as None or a name? (The others go through the cell, step by step.)"""
    return (activation is None or isinstance(activation, str)) and activation in _GATES


def _gate(activation, op):
    if not runs_as_gate(activation):
        known = ", ".join(sorted(name for name in _GATES if name))
        raise ValueError(f"{op}: activation {activation!r} is not one that its kernel has; expected one of {known}")
    return _GATES[activation]


@lru_cache(maxsize=4096)
def _sizes(op, gates, x, kernel, recurrent_kernel, bias, bias_shape, states, kept, mask):
    """(N, T, C, U) for shapes, once they have been checked."""
    if len(x) != 3:
        raise ValueError(f"{op}: expected x[N,T,C]; got shape {x}. Is the batch axis missing?")
    N, T, C = x
    U = recurrent_kernel[0] if recurrent_kernel else 0
    if kernel is None and gates * U != C:
        raise ValueError(f"{op}: expected x[N,T,{gates * U}], its product, where kernel is None; got shape {x}")
    expected = {
        "kernel": (kernel, (C, gates * U)),
        "recurrent_kernel": (recurrent_kernel, (U, gates * U)),
        "bias": (bias, tuple(n * U if n == gates else n for n in bias_shape)),
        "recurrent_dropout_mask": (kept, (gates, N, U)),
        "mask": (mask, (N, T)),
        **{f"initial_state[{i}]": (state, (N, U)) for i, state in enumerate(states)},
    }
    for argument, (shape, wanted) in expected.items():
        if shape is not None and shape != wanted:
            raise ValueError(f"{op}: expected {argument} of shape {wanted} for x of shape {x}; got shape {shape}")
    return N, T, C, U


def _mask(mask):
    """A mask as bytes: 0 where a step does not count."""
    if mask is None or (isinstance(mask, Tensor) and mask.dtype in ("bool", "uint8")):
        return mask
    return from_array(np.asarray(mask) != 0, "bool")


def _record_several(outputs, inputs, backward):
    """record for an op with several outputs: backward gets a list of their gradients, None for one that has none.

    The outputs follow from a tensor without meaning, and it from the inputs: the walk meets all of them before it."""
    found = [None] * len(outputs)

    def all_found(_):
        gradients = list(found)
        found[:] = [None] * len(found)
        return backward(gradients)

    joint = record(empty((1,)), inputs, all_found)

    def keep(i, dy):
        first = all(d is None for d in found)
        found[i] = dy
        return empty((1,)) if first else None

    for i, y in enumerate(outputs):
        record(y, (joint,), lambda dy, i=i: keep(i, dy))


def _over(z):
    """Memory for dz: that of the gates, where nobody will ask for them again, for what fits in cache costs less."""
    return z if last_walk() else empty(z.shape)


class _Call:
    """One call of an op: its arguments as tensors, and what forward and backward share."""

    def __init__(self, op, gates, x, kernel, recurrent_kernel, bias, bias_shape, states, kept, mask):
        self.x, self.kernel = as_float(x, op), None if kernel is None else as_float(kernel, op, "kernel")
        self.recurrent_kernel = as_float(recurrent_kernel, op, "recurrent_kernel")
        self.bias = None if bias is None else as_float(bias, op, "bias")
        self.states = [None if state is None else as_float(state, op, "initial_state") for state in states]
        self.kept = None if kept is None else as_float(kept, op, "recurrent_dropout_mask")
        self.mask, self.gates = _mask(mask), gates
        shapes = [getattr(t, "shape", None) for t in (self.x, self.kernel, self.recurrent_kernel, self.bias)]
        given = tuple(getattr(state, "shape", None) for state in self.states)
        given = given, getattr(self.kept, "shape", None), getattr(self.mask, "shape", None)
        self.sizes = self.N, self.T, self.C, self.U = _sizes(op, gates, *shapes, bias_shape, *given)
        self.everything = (self.x, self.kernel, self.recurrent_kernel, self.bias, *self.states)
        self.inputs = tuple(t for t in self.everything if t is not None)
        self.trains = recording() and any(tracked(t) for t in self.inputs)

    def start(self, sequences, bias):
        """(y, the states at the end, z): uninitialised but z, which is the input's product."""
        N, T, C, U = self.sizes
        z, rows, columns = empty((N, T, self.gates * U)), N * T, self.gates * U
        if self.kernel is not None:
            K.matmul(z, self.x, self.kernel, bias, rows, columns, C, 0, 0, 0)
        elif bias is not None:
            K.add(z, self.x, bias, 2, (rows, columns), (columns, 1), (0, 1))
        else:
            K.affine(z, self.x, rows * columns, 1.0, 0.0)
        return empty((N, T, U) if sequences else (N, U)), [empty((N, U)) for _ in self.states], z

    def saved(self):
        """Room for a state before each step, if that will be wanted."""
        return empty((self.N, self.T, self.U)) if self.trains else None

    def gradients(self, dz, dstates, drecurrent_kernel, dbias):
        """The gradients of the inputs. The last two are functions that write theirs."""
        N, T, C, U = self.sizes
        found = [gradient_like(t) if t is not None and tracked(t) else None for t in self.everything[:4]]
        dx, dkernel, drecurrent, db = found
        if dkernel is not None:
            K.matmul(dkernel, self.x, dz, None, C, self.gates * U, N * T, 1, 0, 0)
        if drecurrent is not None:
            drecurrent_kernel(drecurrent)
        if db is not None:
            dbias(db)
        if dx is not None and self.kernel is None:
            K.affine(dx, dz, dz.size, 1.0, 0.0)
        elif dx is not None:
            K.matmul(dx, dz, self.kernel, None, N * T, C, self.gates * U, 0, 1, 0)
        return tuple(d for d, t in zip([*found, *dstates], self.everything) if t is not None)

    def state_gradients(self):
        return [gradient_like(state) if state is not None and tracked(state) else None for state in self.states]

    def product(self, result, states, dz):
        """result[U, gates U] = states^T dz over all samples and steps, of what of them each gate's product met."""
        N, T, _, U = self.sizes
        if self.kept is None:
            K.matmul(result, states, dz, None, U, self.gates * U, N * T, 1, 0, 0)
            return
        met = empty(states.shape)
        for gate in range(self.gates):
            kept = view(self.kept, (N, U), gate * N * U)
            K.multiply(met, states, kept, 3, (N, T, U), (T * U, U, 1), (U, 0, 1))
            self.gate_product(result, met, dz, gate)

    def gate_product(self, result, states, dz, gate):
        """The columns of one gate."""
        N, T, _, U = self.sizes
        columns, part, row = empty((N, T, U)), empty((U, U)), self.gates * U
        K.gather_strided(columns, dz, 2, (N * T, U), (row, 1), gate * U)
        K.matmul(part, states, columns, None, U, U, N * T, 1, 0, 0)
        K.scatter_strided(result, part, 2, (U, U), (row, 1), gate * U)

    def total(self, result, dz):
        K.reduce_sum(result, dz, 1, self.N * self.T, dz.shape[-1], 1.0)


def _flags(go_backwards, return_sequences, zero_output_for_mask):
    return int(go_backwards), int(return_sequences), int(zero_output_for_mask)


def simple_rnn(
    x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, activation="tanh", return_sequences=False,
    go_backwards=False, zero_output_for_mask=False, recurrent_dropout_mask=None,
):  # fmt: skip
    """h = activation(x_t kernel + h recurrent_kernel + bias) for the steps t of x; returns (output, h at the end).

    Shapes: x[N,T,C], kernel[C,U], recurrent_kernel[U,U], bias[U], initial_state[N,U] (None: zeros), mask[N,T] (None:
    all steps count). output: h after each step, [N,T,U], or, return_sequences=False, after the last one, [N,U].
    go_backwards: from the last step to the first; so are the outputs. A step that the mask leaves out keeps h, and its
    output is that of the last step, 0 where there is none or with zero_output_for_mask. kernel None: x is the product
    already. recurrent_dropout_mask[gates,N,U]: what h is multiplied by before each gate's product. activation: None or
    a name: relu, leaky_relu, elu, selu, sigmoid, tanh, softplus, softsign, exponential, hard_sigmoid. Saved for
    backward: x, kernels, h and activation of each step. Raises ValueError where a shape does not fit, and for other
    activations.

    >>> x = [[[1.0], [2.0]]]
    >>> cygrad.ops.simple_rnn(x, [[1.0]], [[10.0]], activation=None, return_sequences=True)[0].numpy().tolist()
    [[[1.0], [12.0]]]
    """
    op = "simple_rnn"
    c = _Call(op, 1, x, kernel, recurrent_kernel, bias, (1,), (initial_state,), recurrent_dropout_mask, mask)
    options = (_gate(activation, op), *_flags(go_backwards, return_sequences, zero_output_for_mask))
    N, T, _, U = c.sizes
    y, (h,), z = c.start(return_sequences, c.bias)
    states = c.saved()
    K.simple_rnn_forward(y, h, states, z, c.recurrent_kernel, c.states[0], c.kept, c.mask, N, T, U, *options)
    if c.trains:

        def backward(gradients):
            dz, (dh0,) = _over(z), c.state_gradients()
            K.simple_rnn_backward(dz, dh0, *gradients, z, c.recurrent_kernel, c.kept, c.mask, N, T, U, *options)
            return c.gradients(dz, (dh0,), lambda d: c.product(d, states, dz), lambda d: c.total(d, dz))

        _record_several((y, h), c.inputs, backward)
    return y, h


def gru(
    x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, activation="tanh",
    recurrent_activation="sigmoid", reset_after=True, return_sequences=False, go_backwards=False,
    zero_output_for_mask=False, recurrent_dropout_mask=None,
):  # fmt: skip
    """A gated recurrent unit over the steps of x; returns (output, h at the end). Arguments as of simple_rnn.

    Shapes: kernel[C,3U] and recurrent_kernel[U,3U] of the gates u (update), r (reset), g; bias[2,3U] for both
    products where reset_after, else bias[3U] for the first; recurrent_dropout_mask[3,N,U]. With a = x_t kernel and
    p = h recurrent_kernel, each with its bias: u, r = recurrent_activation(a + p), g = activation(a + r p), or
    without reset_after activation(a + (r h) recurrent_kernel), and h becomes u h + (1 - u) g. (Cho et al. 2014;
    reset_after: as in cuDNN and Keras)

    mask: bool[N,T], the steps that count. return_sequences: all steps' outputs, not the last alone. go_backwards: reads
    from the last step. zero_output_for_mask: 0 for the steps that a mask leaves out.

    recurrent_dropout_mask[gates,N,U]: what h is multiplied by before each gate's product.

    >>> weights = np.ones((1, 3)), np.ones((1, 3))
    >>> output, h = cygrad.ops.gru(np.zeros((1, 2, 1)), *weights, initial_state=[[0.0]])
    >>> output.numpy().tolist(), h.numpy().tolist()
    ([[0.0]], [[0.0]])
    """
    op = "gru"
    c = _Call(
        op,
        3,
        x,
        kernel,
        recurrent_kernel,
        bias,
        (2, 3) if reset_after else (3,),
        (initial_state,),
        recurrent_dropout_mask,
        mask,
    )
    options = (
        _gate(activation, op), _gate(recurrent_activation, op), int(reset_after),
        *_flags(go_backwards, return_sequences, zero_output_for_mask),
    )  # fmt: skip
    N, T, _, U = c.sizes
    rows = (3 * U,)
    split = c.bias is not None and reset_after
    own, other = (view(c.bias, rows), view(c.bias, rows, 3 * U)) if split else (c.bias, None)
    y, (h,), z = c.start(return_sequences, own)
    states, inner = c.saved(), c.saved()
    K.gru_forward(y, h, states, inner, z, c.recurrent_kernel, other, c.states[0], c.kept, c.mask, N, T, U, *options)
    if c.trains:

        def backward(gradients):
            dz, (dh0,) = _over(z), c.state_gradients()
            dinner = empty(z.shape) if reset_after else None
            K.gru_backward(
                dz, dinner, dh0, *gradients, z, states, inner, c.recurrent_kernel, c.kept, c.mask, N, T, U, *options
            )

            def drecurrent_kernel(d):
                c.product(d, states, dinner if reset_after else dz)
                if not reset_after:  # the last U columns are those of the state after its reset
                    c.gate_product(d, inner, dz, 2)

            def dbias(d):
                c.total(view(d, rows), dz)
                if reset_after:
                    c.total(view(d, rows, 3 * U), dinner)

            return c.gradients(dz, (dh0,), drecurrent_kernel, dbias)

        _record_several((y, h), c.inputs, backward)
    return y, h


def lstm(
    x, kernel, recurrent_kernel, bias=None, initial_state=(None, None), mask=None, activation="tanh",
    recurrent_activation="sigmoid", return_sequences=False, go_backwards=False, zero_output_for_mask=False,
    recurrent_dropout_mask=None,
):  # fmt: skip
    """A long short-term memory over the steps of x; returns (output, h and c at the end). Arguments as of simple_rnn.

    Shapes: kernel[C,4U], recurrent_kernel[U,4U] and bias[4U] of the gates i, f, g, o; initial_state: h and c, [N,U];
    recurrent_dropout_mask[4,N,U].
    With z = x_t kernel + h recurrent_kernel + bias: i, f, o = recurrent_activation(z), g = activation(z), c becomes
    f c + i g, and h becomes o activation(c). (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000)

    mask: bool[N,T], the steps that count. return_sequences: all steps' outputs, not the last alone. go_backwards: reads
    from the last step. zero_output_for_mask: 0 for the steps that a mask leaves out.

    recurrent_dropout_mask[gates,N,U]: what h is multiplied by before each gate's product.

    >>> x, weights = np.zeros((1, 3, 1)), (np.ones((1, 4)), np.zeros((1, 4)), np.zeros(4))
    >>> output, h, c = cygrad.ops.lstm(x, *weights, initial_state=([[0.0]], [[1.0]]))
    >>> c.numpy().tolist()
    [[0.125]]
    """
    op = "lstm"
    c = _Call(op, 4, x, kernel, recurrent_kernel, bias, (4,), tuple(initial_state), recurrent_dropout_mask, mask)
    options = (
        _gate(activation, op), _gate(recurrent_activation, op),
        *_flags(go_backwards, return_sequences, zero_output_for_mask),
    )  # fmt: skip
    N, T, _, U = c.sizes
    y, (h, carry), z = c.start(return_sequences, c.bias)
    states, cells = c.saved(), c.saved()
    K.lstm_forward(y, h, carry, states, cells, z, c.recurrent_kernel, *c.states, c.kept, c.mask, N, T, U, *options)
    if c.trains:

        def backward(gradients):
            dz, dstates = _over(z), c.state_gradients()
            K.lstm_backward(dz, *dstates, *gradients, z, cells, c.recurrent_kernel, c.kept, c.mask, N, T, U, *options)
            return c.gradients(dz, dstates, lambda d: c.product(d, states, dz), lambda d: c.total(d, dz))

        _record_several((y, h, carry), c.inputs, backward)
    return y, h, carry
