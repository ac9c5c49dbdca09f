"""RNN: a cell over the steps of a sequence."""

import numpy as np

from ... import ops
from ..._tensor import Variable, zeros
from ...ops._backend import K, Tensor
from ..arguments import flag
from ..context import context
from ..layer import Layer
from ..structure import flatten, map_structure
from .cells import GatedCell, StackedRNNCells, check_cell, deserialized, initial_states, output_size, step


def _listed(states):
    return list(states) if isinstance(states, (list, tuple)) else [states]


class RNN(Layer):
    """Runs a cell over sequences x[N,T,C]: RNN(cell), or RNN([cells...]) for StackedRNNCells.

    return_sequences: outputs[N,T,units] of all steps, not only the last one's [N,units]. return_state: (output, state,
    ...), the states at the end too. go_backwards: from the last step to the first; the outputs come in that order.
    stateful: each batch starts from the states at the end of the one before, until reset_state; the batch's size is
    fixed. unroll is taken and has no meaning here. zero_output_for_mask: a step that the mask leaves out gives 0, not
    the output of the step before.

    call takes initial_state (a tensor, or a list with one a state), mask[N,T] and training. A cell is a layer, or any
    object, with call(inputs, states) and state_size. Raises ValueError for what is no cell, and for a stateful batch
    of another size.

    >>> class Sum(cygrad.layers.Layer):
    ...     state_size = 2
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> cygrad.layers.RNN(Sum())(np.ones((1, 5, 2))).numpy().tolist()
    [[5.0, 5.0]]
    """

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(self, cell)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = flag(self, "return_sequences", return_sequences)
        self.return_state = flag(self, "return_state", return_state)
        self.go_backwards = flag(self, "go_backwards", go_backwards)
        self.stateful = flag(self, "stateful", stateful)
        self.unroll = flag(self, "unroll", unroll)
        self.zero_output_for_mask = flag(self, "zero_output_for_mask", zero_output_for_mask)
        self.supports_masking = True
        self.state_size = _listed(cell.state_size)
        self._running = None

    # ---- shapes and masks ----

    def build(self, sequences_shape, initial_state_shape=None):
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and sequences_shape[0] is None:
            raise ValueError(
                f"{self._title()}: with stateful=True the batch's size must be known; got shape {sequences_shape}. "
                "Input takes it as batch_size"
            )
        self._batch = sequences_shape[0]

    def compute_output_shape(self, sequences_shape, initial_state_shape=None, mask_shape=None):
        batch, units = sequences_shape[0], output_size(self.cell)
        output = (batch, sequences_shape[1], units) if self.return_sequences else (batch, units)
        if not self.return_state:
            return output
        return (output, *map_structure(lambda size: (batch, size), self.state_size))

    def compute_mask(self, inputs, mask):
        first = flatten(mask)[0]
        kept = first if self.return_sequences else None
        return [kept, *[None for _ in self.state_size]] if self.return_state else kept

    # ---- states between batches ----

    @property
    def states(self):
        """With stateful, the variables that hold the states between batches; None otherwise and before the first."""
        return self._running

    def reset_state(self):
        """Sets the states that stateful keeps to 0."""
        for variable in flatten(self._running or []):
            variable.assign(np.zeros(variable.shape))

    def reset_states(self):
        """As reset_state."""
        self.reset_state()

    def get_initial_state(self, batch_size):
        """The states of the first step where none are given, as a list."""
        return _listed(initial_states(self.cell, batch_size))

    def _check_batch(self, batch):
        """Makes the states at the first batch, whose size all must have that the layer was built with."""
        size = self._batch if self._running is None else flatten(self._running)[0].shape[0]
        if batch != size:
            raise ValueError(
                f"{self._title()}: with stateful=True all batches have the size that it was built with, {size}; got "
                f"{batch}"
            )
        if self._running is None:
            states = _listed(initial_states(self.cell, batch))
            self._running = map_structure(lambda s: Variable(s, trainable=False, name="rnn_state"), states)

    def _keep_states(self, states):
        for variable, state in zip(flatten(self._running), flatten(states)):
            K.affine(variable, state, state.size, 1.0, 0.0)  # a kernel that copies: a captured step does it too

    # ---- call ----

    def call(self, sequences, initial_state=None, mask=None, training=False):
        stateful = self.stateful and not context.trying
        if stateful:
            self._check_batch(sequences.shape[0])
            if initial_state is None:
                initial_state = self._running
        if initial_state is not None:
            initial_state = self._checked_states(initial_state)
        mask = flatten(mask)[0]
        output, states = self._run(sequences, initial_state, mask, bool(training))
        if stateful:
            self._keep_states(states)
        return (output, *states) if self.return_state else output

    def _checked_states(self, initial_state):
        states = _listed(initial_state)
        if len(states) != len(self.state_size):
            raise ValueError(
                f"{self._title()}: initial_state must hold {len(self.state_size)} states; got {len(states)}"
            )
        return states

    def _run(self, sequences, initial_state, mask, training):
        """(output, states): the cell's call for each step."""
        states = self.get_initial_state(sequences.shape[0]) if initial_state is None else initial_state
        steps = ops.unstack(sequences, axis=1)
        masks = [None] * len(steps) if mask is None else list(np.asarray(mask).astype(bool).reshape(len(mask), -1).T)
        if self.go_backwards:
            steps.reverse()
            masks.reverse()
        self._forget_dropout(self.cell)
        outputs, last = [], None
        for inputs, live in zip(steps, masks):
            output, new = step(self.cell, inputs, states, training)
            new = _listed(new)
            if live is None:
                states, last = new, output
            else:
                before = 0.0 if last is None or self.zero_output_for_mask else last
                last = ops.where(live[:, None], output, before)
                states = _chosen(live, new, states)
            outputs.append(last)
        self._forget_dropout(self.cell)
        if not outputs:
            last = zeros((sequences.shape[0], output_size(self.cell)))
        if not self.return_sequences:
            return last, states
        empty = zeros((sequences.shape[0], 0, output_size(self.cell)))
        return ops.stack(outputs, axis=1) if outputs else empty, states

    def _forget_dropout(self, cell):
        for part in cell.cells if isinstance(cell, StackedRNNCells) else [cell]:
            if isinstance(part, GatedCell):
                part.reset_dropout_mask()
                part.reset_recurrent_dropout_mask()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**{**config, "cell": deserialized(config["cell"], custom_objects)})


def _chosen(live, new, old):
    """The new states of the samples whose step counts, the old ones of the others, in nested lists."""
    if isinstance(new, Tensor):
        return ops.where(live.reshape(-1, *[1] * (len(new.shape) - 1)), new, old)
    return [_chosen(live, n, o) for n, o in zip(new, old)]
