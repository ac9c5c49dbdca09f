"""Layers around a layer: Wrapper, TimeDistributed, Bidirectional."""

from ... import _lookup, ops
from ..configuration import is_ours
from ..layer import Layer
from ..normalization import BatchNormalization
from .cells import deserialized
from .rnn import RNN


class Wrapper(Layer):
    """The base of layers around another one, which is kept as `layer`. Raises ValueError for what is no layer.

    >>> class Twice(cygrad.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> float(Twice(cygrad.layers.Rescaling(3.0))(1.0))
    9.0
    """

    def __init__(self, layer, **kwargs):
        check_layer(self, "layer", layer)
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**{**config, "layer": deserialized(config["layer"], custom_objects)})


def check_layer(owner, argument, layer):
    if not isinstance(layer, Layer):
        hint = f". Did you mean {layer.__name__}(...)?" if isinstance(layer, type) and issubclass(layer, Layer) else ""
        raise ValueError(f"{type(owner).__name__}: {argument} must be a layer; got {layer!r}{hint}")


class TimeDistributed(Wrapper):
    """The same layer at each step: y[:, t] = layer(x[:, t]) for x[N,T,...].

    Where the layer treats each sample by itself, all steps are one batch of N T samples. Raises ValueError for an input
    of less than three axes.

    >>> cygrad.layers.TimeDistributed(cygrad.layers.Dense(4))(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _step_shape(self, shape):
        if len(shape) < 3:
            raise ValueError(f"{self._title()}: expected x[N,T,...] with at least three axes; got shape {shape}")
        return (shape[0], *shape[2:])

    def build(self, input_shape):
        super().build(self._step_shape(input_shape))

    def compute_output_shape(self, input_shape, mask_shape=None):
        step = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (step[0], input_shape[1], *step[1:])

    def call(self, inputs, training=None, mask=None):
        N, T = inputs.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (N, T):
            raise ValueError(
                f"{self._title()}: expected mask[{N},{T}] for inputs of shape {inputs.shape}; got {tuple(mask.shape)}"
            )
        options = {"training": training} if self.layer._takes_training else {}
        masked = mask is not None and "mask" in self.layer._call_parameters
        if T and not masked and all(map(_each_by_itself, self.layer._flatten_layers())):
            y = self.layer.call(ops.reshape(inputs, (N * T, *inputs.shape[2:])), **options)
            return ops.reshape(y, (N, T, *y.shape[1:]))
        steps = ops.unstack(inputs, axis=1)
        masks = [{"mask": m} for m in ops.unstack(mask, axis=1)] if masked else [{}] * T
        return ops.stack([self.layer.call(x, **options, **m) for x, m in zip(steps, masks)], axis=1)


def _each_by_itself(layer):
    """Does a layer give a sample the same, whatever else is in the batch, and keep nothing from call to call?"""
    known = is_ours(type(layer)) and not isinstance(layer, BatchNormalization)
    return known and not getattr(layer, "stateful", False)


class Bidirectional(Layer):
    """A recurrent layer in both directions: one copy reads x[N,T,...] forwards, the other backwards.

    merge_mode: how their outputs are joined: "concat" (along the last axis), "sum", "mul", "ave", or None for both as a
    tuple. backward_layer: the one that reads backwards, if it is not to be a copy of layer; it must have go_backwards
    and the same return_sequences, return_state and stateful. With return_sequences, steps that a mask leaves out give
    0. return_state: (output, the states of the first, those of the second); initial_state likewise. Raises ValueError
    where the two do not fit. (Schuster and Paliwal 1997)

    weights: first values, as get_weights gives them.

    >>> layer = cygrad.layers.Bidirectional(cygrad.layers.LSTM(4, return_sequences=True))
    >>> layer(np.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        check_layer(self, "layer", layer)
        _check_direction("layer", layer)
        if backward_layer is not None:
            check_layer(self, "backward_layer", backward_layer)
            _check_direction("backward_layer", backward_layer)
        super().__init__(**kwargs)
        if merge_mode not in ("concat", "sum", "mul", "ave", None):
            raise ValueError(
                f'Bidirectional: merge_mode must be one of "concat", "sum", "mul", "ave", None; got {merge_mode!r}'
            )
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, name="forward_" + layer.name.removeprefix("forward_"))
        if backward_layer is None:
            name = "backward_" + layer.name.removeprefix("backward_")
            backward_layer = _copy(layer, name=name, go_backwards=True)
        self.backward_layer = backward_layer
        self._check_pair()
        for one in (self.forward_layer, self.backward_layer):
            if isinstance(one, RNN):
                one.zero_output_for_mask = one.return_sequences
        self.stateful, self.return_sequences = layer.stateful, layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._first_weights = weights

    def _check_pair(self):
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise ValueError(
                "Bidirectional: layer and backward_layer must read in opposite directions; both have go_backwards="
                f"{one.go_backwards}"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(one, name) != getattr(other, name):
                raise ValueError(
                    f"Bidirectional: layer and backward_layer must agree in {name}; got {getattr(one, name)} and "
                    f"{getattr(other, name)}"
                )

    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)
            self._first_weights = None

    def compute_output_shape(self, sequences_shape, initial_state_shape=None, mask_shape=None):
        shape, states = self.forward_layer.compute_output_shape(sequences_shape), ()
        if self.return_state:
            shape, states = shape[0], tuple(shape[1:]) * 2
        if self.merge_mode is None:
            return (shape, shape, *states)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], 2 * shape[-1])
        return (shape, *states) if states else shape

    def compute_mask(self, inputs, mask):
        kept = (mask[0] if isinstance(mask, list) else mask) if self.return_sequences else None
        return (kept, kept) if self.merge_mode is None else (kept,)

    def call(self, sequences, initial_state=None, mask=None, training=None):
        found, states = [], []
        half = 0 if initial_state is None else len(initial_state) // 2
        for layer, own in ((self.forward_layer, slice(0, half)), (self.backward_layer, slice(half, None))):
            options = {"training": training} if layer._takes_training and training is not None else {}
            if mask is not None and "mask" in layer._call_parameters:
                options["mask"] = mask
            if initial_state is not None:
                options["initial_state"] = list(initial_state)[own]
            y = layer(sequences, **options)
            if self.return_state:
                y, *own_states = y
                states += own_states
            found.append(y)
        y, backward = found
        if self.return_sequences:
            backward = ops.flip(backward, axis=1)
        if self.merge_mode is None:
            return (y, backward, *states)
        if self.merge_mode == "concat":
            y = ops.concatenate([y, backward], axis=-1)
        elif self.merge_mode == "mul":
            y = ops.multiply(y, backward)
        else:
            y = ops.add(y, backward)
            y = ops.multiply(y, 0.5) if self.merge_mode == "ave" else y
        return (y, *states) if self.return_state else y

    @property
    def states(self):
        """With stateful, the variables that hold the states between batches; None otherwise and before the first."""
        one, other = self.forward_layer.states, self.backward_layer.states
        return (*one, *other) if one and other else None

    def reset_state(self):
        """Sets the states that stateful keeps to 0. AttributeError where the layers are not stateful."""
        if not self.stateful:
            raise AttributeError(f"{self._title()}: only a stateful layer has a state to reset")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self):
        """As reset_state."""
        self.reset_state()

    def get_config(self):
        found = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype, "merge_mode": self.merge_mode}
        arguments = {"layer": self.forward_layer, "backward_layer": self.backward_layer}
        if self.activity_regularizer is not None:
            arguments["activity_regularizer"] = self.activity_regularizer
        return found | {name: _lookup.serialize(value, self._title(), name) for name, value in arguments.items()}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        layers = {
            name: deserialized(config[name], custom_objects)
            for name in ("layer", "backward_layer")
            if config.get(name) is not None
        }
        return cls(**{**config, **layers})


def _check_direction(argument, layer):
    """Has a layer what Bidirectional asks for?"""
    needed = ("go_backwards", "return_sequences", "return_state", "stateful")
    if any(not hasattr(layer, name) for name in needed):
        raise ValueError(
            f"Bidirectional: {argument} must be a recurrent layer (LSTM, GRU, SimpleRNN, RNN, or one of your own with "
            f"{', '.join(needed)}); got a {type(layer).__name__}"
        )


def _copy(layer, **changes):
    """A layer of the same configuration but for some arguments, with weights of its own."""
    from ...models.serialization import custom_objects_in  # which imports the layers

    known = custom_objects_in(layer)
    with _lookup.custom_object_scope(known):
        return type(layer).from_config({**layer.get_config(), **changes})
