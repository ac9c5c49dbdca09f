"""Cells: one step of a recurrent layer. SimpleRNNCell, GRUCell, LSTMCell, and StackedRNNCells.

A cell's call(inputs[N,C], states) gives (output, new states); state_size says how many units each state has. Layers of
your own can be cells: RNN(cell) runs them over a sequence.
"""

from ... import activations, initializers, ops, random
from ..._tensor import ones, zeros
from ..arguments import flag, positive
from ..layer import Layer
from ..structure import flatten, map_structure
from ..weights import BuiltLater


def deserialized(config, custom_objects):
    """A layer or cell from its configuration; itself where it is one already."""
    if not isinstance(config, dict):
        return config
    from ...models.serialization import deserialize_layer  # which imports the layers

    return deserialize_layer(config, custom_objects)


def zero_states(size, batch_size):
    """Zeros[N,units] for a state_size: a number, or a list of numbers or lists."""
    return map_structure(lambda units: zeros((batch_size, units)), list(size) if isinstance(size, tuple) else size)


def initial_states(cell, batch_size):
    """The states that a cell starts from, in the structure of its state_size."""
    own = getattr(cell, "get_initial_state", None)
    return own(batch_size=batch_size) if own else zero_states(cell.state_size, batch_size)


def output_size(cell):
    size = getattr(cell, "output_size", None)
    return flatten(cell.state_size)[0] if size is None else size


class GatedCell(Layer):
    """What the three cells share: weights for all gates side by side, and dropout of the inputs and the states.

    The choice of what is dropped is drawn once a sequence: the first step makes it, reset_dropout_mask forgets it.
    """

    kernel = BuiltLater()
    recurrent_kernel = BuiltLater()

    _gates = 1
    _states = 1

    def __init__(
        self, units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
    ):  # fmt: skip
        self.implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.units = positive(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = flag(self, "use_bias", use_bias)
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_weight("recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        self._keep_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        if isinstance(seed, dict):  # a SeedGenerator's configuration
            seed = random.SeedGenerator(**seed.get("config", {}))
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
        self.state_size = self.units if self._states == 1 else [self.units] * self._states
        self.output_size = self.units
        self.bias = None
        self._dropout_mask = self._recurrent_dropout_mask = None

    def build(self, input_shape):
        columns = self._gates * self.units
        self.kernel = self._make_weight("kernel", (input_shape[-1], columns))
        self.recurrent_kernel = self._make_weight("recurrent_kernel", (self.units, columns), kept="recurrent")
        if self.use_bias:
            self.bias = self._make_weight("bias", self._bias_shape())

    def _bias_shape(self):
        return (self._gates * self.units,)

    def get_initial_state(self, batch_size=None):
        """Zeros, one tensor[N,units] a state."""
        return [zeros((batch_size, self.units)) for _ in range(self._states)]

    # ---- dropout ----

    def _drawn(self, like, rate):
        """What is kept, scaled: one tensor, or one a gate, where each gate drops others (with recurrent_dropout)."""
        apart = self._gates > 1 and (self.recurrent_dropout or self.implementation == 1)
        drawn = [
            random.dropout(ones(like.shape), rate, None, self.seed_generator)
            for _ in range(self._gates if apart else 1)
        ]
        return drawn if apart else drawn[0]

    def get_dropout_mask(self, step_input):
        """By what a step's inputs[N,C] are multiplied in training, None without dropout; the same for all steps."""
        if self._dropout_mask is None and 0 < self.dropout < 1:
            self._dropout_mask = self._drawn(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input):
        """By what a state[N,units] is multiplied in training, None without recurrent_dropout; alike for all steps."""
        if self._recurrent_dropout_mask is None and 0 < self.recurrent_dropout < 1:
            self._recurrent_dropout_mask = self._drawn(step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self):
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self):
        self._recurrent_dropout_mask = None

    def _input_product(self, x, training, bias):
        return self._product(x, self.kernel, self.get_dropout_mask(x) if training else None, bias)

    def _recurrent_product(self, h, training, bias=None):
        return self._product(h, self.recurrent_kernel, self.get_recurrent_dropout_mask(h) if training else None, bias)

    def _product(self, x, kernel, kept, bias):
        """x kernel + bias for all gates, of what is kept of x."""
        if isinstance(kept, list):
            pieces = ops.split(kernel, len(kept), axis=1)
            product = ops.concatenate([ops.matmul(x * k, piece) for k, piece in zip(kept, pieces)], axis=-1)
            return product if bias is None else product + bias
        return ops.dense(x if kept is None else x * kept, kernel, bias)


class SimpleRNNCell(GatedCell):
    """One step of a SimpleRNN: h = activation(x @ kernel + h @ recurrent_kernel + bias).

    Shapes: x[N,C], states one h[N,units], kernel[C,units], recurrent_kernel[units,units], bias[units]. dropout and
    recurrent_dropout: the rates at which inputs and states are dropped in training. Returns (h, [h]).

    use_bias: False leaves the bias out. seed: an integer for the same random numbers each time. kernel_initializer,
    recurrent_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer,
    recurrent_regularizer, bias_regularizer: penalties on them (regularizers). kernel_constraint, recurrent_constraint,
    bias_constraint: what holds after each step (constraints).

    >>> cell = cygrad.layers.SimpleRNNCell(4)
    >>> h, states = cell(np.ones((2, 3)), cell.get_initial_state(batch_size=2))
    >>> h.shape
    (2, 4)
    """

    def __init__(
        self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
        recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
        bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def call(self, sequence, states, training=False):
        listed = isinstance(states, (list, tuple))
        h = states[0] if listed else states
        product = self._input_product(sequence, training, self.bias) + self._recurrent_product(h, training)
        h = self.activation(product)
        return h, [h] if listed else h

    def compute_output_shape(self, sequence_shape, states_shape=None):
        return _step_shapes(self, sequence_shape, states_shape)


class GRUCell(GatedCell):
    """One step of a GRU, with gates u (update), r (reset), g; see cygrad.layers.GRU for the formula.

    Shapes: x[N,C], states one h[N,units], kernel[C,3 units], recurrent_kernel[units,3 units], bias[2,3 units], or
    without reset_after [3 units]. Returns (h, [h]).

    activation: what the output goes through, a name or a function. recurrent_activation: the gates' function. use_bias:
    False leaves the bias out. dropout: the share of the inputs that training sets to 0. recurrent_dropout: the share of
    the states that training sets to 0. seed: an integer for the same random numbers each time. kernel_initializer,
    recurrent_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer,
    recurrent_regularizer, bias_regularizer: penalties on them (regularizers). kernel_constraint, recurrent_constraint,
    bias_constraint: what holds after each step (constraints).

    >>> cell = cygrad.layers.GRUCell(4)
    >>> h, states = cell(np.ones((2, 3)), cell.get_initial_state(batch_size=2))
    >>> h.shape
    (2, 4)
    """

    _gates = 3

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
        recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, reset_after=True,
        seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = flag(self, "reset_after", reset_after)

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs, states, training=False):
        listed = isinstance(states, (list, tuple))
        h = states[0] if listed else states
        own, other = (self.bias[0], self.bias[1]) if self.use_bias and self.reset_after else (self.bias, None)
        x_update, x_reset, x_new = ops.split(self._input_product(inputs, training, own), 3, axis=1)
        if self.reset_after:
            update, reset, new = ops.split(self._recurrent_product(h, training, other), 3, axis=1)
        else:
            kept = self.get_recurrent_dropout_mask(h) if training else None
            first, last = ops.split(self.recurrent_kernel, [2 * self.units], axis=1)
            apart = isinstance(kept, list)
            update, reset = ops.split(self._product(h, first, kept[:2] if apart else kept, None), 2, axis=1)
        update = self.recurrent_activation(x_update + update)
        reset = self.recurrent_activation(x_reset + reset)
        if self.reset_after:
            new = reset * new
        else:
            new = self._product(reset * h, last, kept[2] if apart else kept, None)
        new = self.activation(x_new + new)
        h = update * h + (1 - update) * new
        return h, [h] if listed else h

    def compute_output_shape(self, inputs_shape, states_shape=None):
        return _step_shapes(self, inputs_shape, states_shape)


class LSTMCell(GatedCell):
    """One step of an LSTM, with gates i, f, g, o; see cygrad.layers.LSTM for the formula.

    Shapes: x[N,C], states h and c[N,units], kernel[C,4 units], recurrent_kernel[units,4 units], bias[4 units].
    unit_forget_bias: the bias of f starts at 1 (Jozefowicz et al. 2015). Returns (h, [h, c]).

    activation: what the output goes through, a name or a function. recurrent_activation: the gates' function. use_bias:
    False leaves the bias out. dropout: the share of the inputs that training sets to 0. recurrent_dropout: the share of
    the states that training sets to 0. seed: an integer for the same random numbers each time. kernel_initializer,
    recurrent_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer,
    recurrent_regularizer, bias_regularizer: penalties on them (regularizers). kernel_constraint, recurrent_constraint,
    bias_constraint: what holds after each step (constraints).

    >>> cell = cygrad.layers.LSTMCell(4)
    >>> h, states = cell(np.ones((2, 3)), cell.get_initial_state(batch_size=2))
    >>> len(states)
    2
    """

    _gates = 4
    _states = 2

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
        kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
        seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = flag(self, "unit_forget_bias", unit_forget_bias)

    def _make_weight(self, name, shape, kept=None):
        if name != "bias" or not self.unit_forget_bias:
            return super()._make_weight(name, shape, kept)

        def initializer(shape, dtype=None):
            parts = [(self.bias_initializer, 1), (initializers.Ones(), 1), (self.bias_initializer, 2)]
            return ops.concatenate([ops.convert_to_tensor(make((n * self.units,), dtype=dtype)) for make, n in parts])

        return self.add_weight(
            name=name, shape=shape, initializer=initializer, regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )  # fmt: skip

    def call(self, inputs, states, training=False):
        h, c = states
        product = self._input_product(inputs, training, self.bias) + self._recurrent_product(h, training)
        i, f, new, out = ops.split(product, 4, axis=1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(new)
        h = self.recurrent_activation(out) * self.activation(c)
        return h, [h, c]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        return _step_shapes(self, inputs_shape, states_shape)


def _step_shapes(cell, inputs_shape, states_shape):
    """The shapes of a step's output and states."""
    one = (inputs_shape[0], cell.units)
    listed = states_shape is None or isinstance(states_shape[0], (list, tuple))
    return one, [one] * cell._states if listed else one


class StackedRNNCells(Layer):
    """Cells one above the other, as one cell: the output of each is the next one's input.

    states: a list with the states of each cell, which are a list or a tensor. Raises ValueError for what is no cell.

    cells: the cells, from the lowest.

    >>> cell = cygrad.layers.StackedRNNCells([cygrad.layers.LSTMCell(4), cygrad.layers.GRUCell(5)])
    >>> cell.state_size, cygrad.layers.RNN(cell)(np.zeros((2, 3, 6))).shape
    ([[4, 4], 5], (2, 5))
    """

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        cells = list(cells)
        for cell in cells:
            check_cell(self, cell)
        if not cells:
            raise ValueError("StackedRNNCells: cells must hold at least one cell")
        self.cells = cells

    @property
    def state_size(self):
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size=None):
        return [initial_states(cell, batch_size) for cell in self.cells]

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs, states, training=False):
        found = []
        for cell, state in zip(self.cells, states):
            inputs, state = step(cell, inputs, state, training)
            found.append(state)
        return inputs, found

    @classmethod
    def from_config(cls, config, custom_objects=None):
        cells = [deserialized(cell, custom_objects) for cell in config["cells"]]
        return cls(**{**config, "cells": cells})


def check_cell(owner, cell):
    """Raises ValueError where cell has no call or no state_size."""
    for needed in ("call", "state_size"):
        if getattr(cell, needed, None) is None:
            raise ValueError(
                f"{type(owner).__name__}: a cell needs `call(inputs, states)` and `state_size`, a number or a list of "
                f"numbers; {cell!r} has no {needed}"
            )


def step(cell, inputs, states, training):
    """(output, states) of one step; the states keep their structure: a list, or one tensor."""
    listed = isinstance(states, (list, tuple))
    options = {"training": training} if isinstance(cell, Layer) and cell._takes_training else {}
    output, new = (cell if callable(cell) else cell.call)(inputs, list(states) if listed else [states], **options)
    new = list(new) if isinstance(new, (list, tuple)) else [new]
    return output, new if listed or len(new) > 1 else new[0]
