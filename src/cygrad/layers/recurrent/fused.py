"""SimpleRNN, GRU and LSTM: RNN with their cells, a whole sequence in one kernel call."""

from operator import attrgetter

from ... import _lookup, activations, ops
from ..._tensor import zeros
from ...ops.recurrent import runs_as_gate
from ..arguments import given
from ..layer import InputSpec
from .cells import GRUCell, LSTMCell, SimpleRNNCell
from .rnn import RNN


class _Fused(RNN):
    """What the three share: the cell is made of the layer's arguments, and steps aside for the kernels."""

    _cell, _op = None, None  # its class, and the function of cygrad.ops
    _letters = "NTC"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "_cell" in cls.__dict__:
            for name in _lookup.parameters_of(cls._cell.__init__):
                setattr(cls, name, property(attrgetter(f"cell.{name}"), doc=f"The cell's {name}."))

    def _make(self, arguments):
        """The rest of __init__, from all its arguments by name."""
        kind = type(self).__name__
        cudnn = arguments.pop("use_cudnn", "auto")
        if cudnn not in ("auto", False):
            raise ValueError(f'{kind}: use_cudnn must be "auto" or False: there is no cuDNN here; got {cudnn!r}')
        own = {name: arguments.pop(name) for name in _lookup.parameters_of(self._cell.__init__)}
        own |= {name: arguments[name] for name in ("dtype", "trainable") if name in arguments}
        own |= {"implementation": arguments.pop("implementation", 2), "name": f"{self._op}_cell"}
        RNN.__init__(self, self._cell(**own), **arguments)
        self.use_cudnn = cudnn
        self.input_spec = InputSpec(ndim=3)

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape)
        self.input_spec = InputSpec(ndim=3, axes={-1: sequences_shape[-1]})

    def _run(self, sequences, initial_state, mask, training):
        cell = self.cell
        gates = {name: activations.fusable(getattr(cell, name)) for name in self._activations()}
        if not all(runs_as_gate(gate) for gate in gates.values()):
            return super()._run(sequences, initial_state, mask, training)
        kernel, kept = cell.kernel, None
        if training:
            sequences, kernel, kept = self._dropped(sequences)
        output, *states = getattr(ops, self._op)(
            sequences,
            kernel,
            cell.recurrent_kernel,
            cell.bias,
            **self._options(initial_state),
            **gates,
            mask=mask,
            return_sequences=self.return_sequences,
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
            recurrent_dropout_mask=kept,
        )
        return output, states

    def _dropped(self, sequences):
        """What the op gets in training: (x, kernel, recurrent_dropout_mask). Where each gate drops inputs of its own, x
        is their product, and kernel None."""
        cell, (N, _, C) = self.cell, sequences.shape
        inputs = cell.get_dropout_mask(zeros((N, C)))
        states = cell.get_recurrent_dropout_mask(zeros((N, cell.units)))
        self._forget_dropout(cell)
        if states is not None:
            states = ops.stack(states if isinstance(states, list) else [states])
        if isinstance(inputs, list):
            kept = [ops.expand_dims(gate, 1) for gate in inputs]
            return cell._product(sequences, cell.kernel, kept, None), None, states
        if inputs is not None:
            sequences = sequences * ops.expand_dims(inputs, 1)
        return sequences, cell.kernel, states

    def _activations(self):
        return ("activation", "recurrent_activation")

    def _options(self, initial_state):
        """Arguments that only this op has."""
        return {} if initial_state is None else {"initial_state": initial_state[0]}

    def get_config(self):
        saved = super().get_config()
        saved.pop("use_cudnn", None)
        return saved | {"zero_output_for_mask": self.zero_output_for_mask}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class SimpleRNN(_Fused):
    """A fully connected recurrent layer: h = activation(x_t @ kernel + h @ recurrent_kernel + bias) for each step t.

    Shapes: x[N,T,C], kernel[C,units], recurrent_kernel[units,units], bias[units]; output h[N,units] after the last
    step, or h[N,T,units] with return_sequences. dropout, recurrent_dropout: the rates at which inputs and states are
    dropped in training, the same ones at all steps. The other arguments are those of cygrad.layers.RNN. One kernel
    call runs all steps, unless an activation without a kernel asks for the cell, step by step.

    use_bias: False leaves the bias out. return_state: the last states too. go_backwards: reads from the last step.
    stateful: a batch goes on from the last one's states. unroll: has no effect. seed: an integer for the same random
    numbers each time. kernel_initializer, recurrent_initializer, bias_initializer: how the weights start
    (initializers). kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on them (regularizers).
    kernel_constraint, recurrent_constraint, bias_constraint: what holds after each step (constraints).
    activity_regularizer: a penalty on the output.

    >>> cygrad.layers.SimpleRNN(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    _cell, _op = SimpleRNNCell, "simple_rnn"

    def __init__(
        self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
        recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, return_sequences=False,
        return_state=False, go_backwards=False, stateful=False, unroll=False, seed=None, **kwargs,
    ):  # fmt: skip
        self._make(given(locals()))

    def _activations(self):
        return ("activation",)


class GRU(_Fused):
    """A gated recurrent unit: h = u h + (1 - u) g, with the gates u (update), r (reset) and the new state g.

    With a = x_t @ kernel and p = h @ recurrent_kernel, each with its bias: u and r = recurrent_activation(a + p),
    g = activation(a + r p); without reset_after, g = activation(a + (r h) @ recurrent_kernel). Shapes: x[N,T,C],
    kernel[C,3 units], recurrent_kernel[units,3 units], bias[2,3 units] (without reset_after [3 units]); output
    h[N,units], or h[N,T,units] with return_sequences. Other arguments as those of SimpleRNN. (Cho et al. 2014)

    use_bias: False leaves the bias out. dropout: the share of the inputs that training sets to 0. recurrent_dropout:
    the share of the states that training sets to 0. seed: an integer for the same random numbers each time.
    return_state: the last states too. go_backwards: reads from the last step. stateful: a batch goes on from the last
    one's states. unroll: has no effect. use_cudnn: has no effect. kernel_initializer, recurrent_initializer,
    bias_initializer: how the weights start (initializers). kernel_regularizer, recurrent_regularizer, bias_regularizer:
    penalties on them (regularizers). kernel_constraint, recurrent_constraint, bias_constraint: what holds after each
    step (constraints). activity_regularizer: a penalty on the output.

    >>> cygrad.layers.GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    _cell, _op = GRUCell, "gru"

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
        seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
        reset_after=True, use_cudnn="auto", **kwargs,
    ):  # fmt: skip
        self._make(given(locals()))

    def _options(self, initial_state):
        return super()._options(initial_state) | {"reset_after": self.cell.reset_after}


class LSTM(_Fused):
    """Long short-term memory: c = f c + i g and h = o activation(c), with gates i, f, o and the new value g.

    i, f, o = recurrent_activation(z) and g = activation(z) of z = x_t @ kernel + h @ recurrent_kernel + bias. Shapes:
    x[N,T,C], kernel[C,4 units], recurrent_kernel[units,4 units], bias[4 units]; output h[N,units], or h[N,T,units] with
    return_sequences; the states are h and c. unit_forget_bias: the bias of f starts at 1. Other arguments as those of
    SimpleRNN. (Hochreiter and Schmidhuber 1997)

    use_bias: False leaves the bias out. dropout: the share of the inputs that training sets to 0. recurrent_dropout:
    the share of the states that training sets to 0. seed: an integer for the same random numbers each time.
    go_backwards: reads from the last step. stateful: a batch goes on from the last one's states. unroll: has no effect.
    use_cudnn: has no effect. kernel_initializer, recurrent_initializer, bias_initializer: how the weights start
    (initializers). kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on them (regularizers).
    kernel_constraint, recurrent_constraint, bias_constraint: what holds after each step (constraints).
    activity_regularizer: a penalty on the output.

    >>> output, h, c = cygrad.layers.LSTM(4, return_state=True)(np.ones((2, 5, 3)))
    >>> output.shape, bool((output.numpy() == h.numpy()).all())
    ((2, 4), True)
    """

    _cell, _op = LSTMCell, "lstm"

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
        activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
        recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
        stateful=False, unroll=False, use_cudnn="auto", **kwargs,
    ):  # fmt: skip
        self._make(given(locals()))

    def _options(self, initial_state):
        return {} if initial_state is None else {"initial_state": initial_state}
