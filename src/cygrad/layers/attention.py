"""Attention: MultiHeadAttention, GroupQueryAttention, Attention, AdditiveAttention."""

import math

import numpy as np

from .. import ops, random
from ..ops.attention import attention_scores
from .arguments import flag, positive
from .einsum_dense import EinsumDense
from .layer import Layer
from .regularization import Dropout
from .structure import shapes_of
from .symbolic import KerasTensor


def _rate(layer, dropout):
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ValueError(f"{type(layer).__name__}: dropout must lie in [0, 1); got {dropout!r}")
    return dropout


def _all_of(*masks):
    """Where all of the masks hold, those that are None left out; None where there is none."""
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else ops.logical_and(found, mask)
    return found


class _MultiHead(Layer):
    """What MultiHeadAttention and GroupQueryAttention share: projections into heads, attention, and back.

    The number of query heads is _heads, that of key heads _key_heads; a head has _size features and _value_size of
    values; the axes along which a query attends are _axes, None: all between the batch's and the features'.
    """

    _axes = None

    def _keep(
        self, dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed,
    ):  # fmt: skip
        self.dropout = _rate(self, dropout)
        self.use_bias, self.use_gate = flag(self, "use_bias", use_bias), flag(self, "use_gate", use_gate)
        self.sliding_window = (
            sliding_window if sliding_window is None else positive(self, "sliding_window", sliding_window)
        )
        self.flash_attention = flash_attention  # in Keras, which kernel to use; there is one
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.seed = seed
        self.supports_masking = True
        self._dropout_layer = Dropout(dropout, seed=seed)
        self._bands = {}

    # ---- the projections ----

    def _projection(self, name, shape, summed, made, activation=None):
        """An EinsumDense over the last `summed` axes of x, whose output ends with the sizes `made`; built for x."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        lead = letters[: len(shape) - summed]
        inner, outer = letters[len(lead) : len(shape)], letters[len(shape) : len(shape) + len(made)]
        layer = EinsumDense(
            f"{lead}{inner},{inner}{outer}->{lead}{outer}",
            (*[None] * (len(lead) - 1), *made),
            activation=activation,
            bias_axes=outer if self.use_bias else None,
            kernel_initializer=_copied(self.kernel_initializer),
            bias_initializer=_copied(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
        )
        layer._carries_masks = True  # they are handed on here, and no warning is due there
        layer.build((*[None] * len(lead), *shape[len(lead) :]))
        return layer

    def _build_projections(self, query_shape, value_shape, key_shape, output_shape):
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        self._query_dense = self._projection("query", query_shape, 1, (self._heads, self._size))
        self._key_dense = self._projection("key", key_shape, 1, (self._key_heads, self._size))
        gate = (self._heads, self._value_size)
        self._gate_dense = self._projection("gate", query_shape, 1, gate, "sigmoid") if self.use_gate else None
        self._value_dense = self._projection("value", value_shape, 1, (self._key_heads, self._value_size))
        heads = (*query_shape[:-1], self._heads, self._value_size)
        self._output_dense = self._projection("attention_output", heads, 2, output_shape)

    def _check_shapes(self, query_shape, value_shape, key_shape):
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]) or len(query_shape) != len(value_shape):
            raise ValueError(
                f"{self._title()}: value and key must be of one shape but for their features, and of the query's rank; "
                f"got query {tuple(query_shape)}, value {tuple(value_shape)}, key {tuple(key_shape)}"
            )

    # ---- the call ----

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        key = value if key is None else key
        axes = tuple(range(1, len(query.shape) - 1)) if self._axes is None else self._axes
        if len(axes) > 1 and (use_causal_mask or self.sliding_window is not None):
            raise ValueError(
                f"{self._title()}: a causal mask and sliding_window are for one attention axis; it has {axes}"
            )
        T, S = (math.prod(x.shape[a] for a in axes) for x in (query, key))
        mask = _all_of(
            None if query_mask is None else ops.expand_dims(ops.cast(query_mask, "bool"), -1),
            *[None if m is None else ops.expand_dims(ops.cast(m, "bool"), -2) for m in (value_mask, key_mask)],
            None if self.sliding_window is None else self._band(T, S),
        )
        if attention_mask is not None:
            if mask is not None and len(attention_mask.shape) == 4 and len(axes) == 1:
                mask = ops.expand_dims(mask, 1)  # of heads
            mask = _all_of(mask, ops.cast(attention_mask, "bool"))
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        y, scores = self._attend(q, k, v, mask, axes, T, S, use_causal_mask, return_attention_scores, training)
        if self.use_gate:
            y = ops.multiply(y, self._gate_dense(query))
        y = self._output_dense(y)
        return (y, scores) if return_attention_scores else y

    def _attend(self, q, k, v, mask, axes, T, S, causal, scores_wanted, training):
        """(y, weights or None) of projected q, k, v [B, ..., heads, size]. Axes that do not attend join the batch."""
        rank = len(q.shape) - 2
        apart = [a for a in range(rank) if a not in axes]
        order = (*apart, *axes, rank, rank + 1)
        lead = tuple([q.shape[a] for a in apart])
        plain = order == tuple(range(rank + 2))
        if mask is not None:  # [B, T..., S...] to [B', heads, T, S]
            inner = 2 * len(axes)
            shape = tuple(mask.shape)
            outer = shape[: len(shape) - inner]
            outer = (*outer, *[1] * (rank - len(axes) + 1 - len(outer)))
            if len(lead) > 1 and any(n > 1 for n in outer[:-1]):
                mask = ops.broadcast_to(
                    ops.reshape(mask, (*outer, *shape[-inner:])), (*lead, outer[-1], *shape[-inner:])
                )
                shape, outer = tuple(mask.shape), (*lead, outer[-1])
            rows, columns = shape[-inner : -len(axes)], shape[-len(axes) :]
            mask = ops.reshape(mask, (math.prod(outer[:-1]), outer[-1], math.prod(rows), math.prod(columns)))

        def flat(x, n):
            x = x if plain else ops.transpose(x, order)
            return x if rank == 2 and len(axes) == 1 else ops.reshape(x, (math.prod(lead), n, *x.shape[-2:]))

        tensors, options = (flat(q, T), flat(k, S), flat(v, S)), {"mask": mask, "scale": 1 / math.sqrt(self._size)}
        dropped = bool(training) and self.dropout > 0
        weights = None
        if scores_wanted or dropped:
            drop = (lambda w: self._dropout_layer(w, training=True)) if dropped else None
            y, weights = attention_scores(*tensors, is_causal=causal, dropout=drop, **options)
            sizes = [tuple([x.shape[a] for a in axes]) for x in (q, k)]
            weights = ops.reshape(weights, (*lead, self._heads, *sizes[0], *sizes[1]))
        else:
            y = ops.dot_product_attention(*tensors, is_causal=causal, **options)
        shape = tuple([q.shape[a] for a in order[:-2]])
        y = ops.reshape(y, (*shape, *y.shape[-2:])) if y.shape[:-2] != shape else y
        return y if plain else ops.transpose(y, sorted(range(rank + 2), key=order.__getitem__)), weights

    def _band(self, T, S):
        """[1,T,S]: keys less than sliding_window away from the query."""
        if (T, S) not in self._bands:
            distance = np.abs(np.arange(T)[:, None] - np.arange(S))
            self._bands[T, S] = ops.convert_to_tensor((distance < self.sliding_window)[None])
        return self._bands[T, S]

    def compute_mask(self, query, mask=None):
        """The query's mask."""
        return mask[0] if isinstance(mask, (list, tuple)) else mask

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        self._check_shapes(query_shape, value_shape, value_shape if key_shape is None else key_shape)
        return tuple(query_shape)

    def _symbolic_outputs(self, args, kwargs):
        given = dict(zip(self._call_parameters, args)) | kwargs
        if given.get("return_attention_scores"):
            return self._trial(args, kwargs)
        shapes = [shapes_of(given[name]) for name in ("query", "value", "key") if given.get(name) is not None]
        return KerasTensor(self.compute_output_shape(*shapes))


def _copied(initializer):
    """One of its own for each projection: two weights of one seed would be equal."""
    return (
        type(initializer).from_config(initializer.get_config()) if hasattr(initializer, "get_config") else initializer
    )


class MultiHeadAttention(_MultiHead):
    """Each query's mean of the values, weighted by how its projection fits those of the keys; several heads of it.

    y = sum over heads of softmax(q k^T / sqrt(key_dim)) v W_o, q = query W_q, k = key W_k, v = value W_v, each with its
    bias. (Vaswani et al. 2017)

    Call: layer(query, value, key=value, query_mask, value_mask, key_mask, attention_mask,
    return_attention_scores=False, training, use_causal_mask=False). Shapes: query[B,T,E], value[B,S,...],
    key[B,S,...], y[B,T,E]; kernels query[E,heads,key_dim], key and value alike, attention_output[heads,value_dim,E].
    attention_mask: booleans [B,T,S], or [B,heads,T,S]; masks of the inputs (from Embedding, Masking) are taken into
    account, and the query's is the output's. output_shape: other sizes than E. attention_axes: the axes that attend, of
    inputs [B,...,E]; others are like the batch's. sliding_window: keys at that distance and beyond are left out.
    use_gate: the heads' values are multiplied by a sigmoid of another projection of the query. All scores are in memory
    at once only where they are returned or, in training, dropout applies to them. flash_attention has no meaning here.

    use_bias: False leaves the bias out. seed: an integer for the same random numbers each time. kernel_initializer,
    bias_initializer: how the weights start (initializers). kernel_regularizer, bias_regularizer: penalties on them
    (regularizers). kernel_constraint, bias_constraint: what holds after each step (constraints). activity_regularizer:
    a penalty on the output.

    >>> layer = cygrad.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> x = np.zeros((3, 5, 8))
    >>> y, scores = layer(x, x, return_attention_scores=True, use_causal_mask=True)
    >>> y.shape, scores.shape
    ((3, 5, 8), (3, 2, 5, 5))
    """

    _unsaved = ("output_shape", "flash_attention")

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads = self._heads = self._key_heads = positive(self, "num_heads", num_heads)
        self.key_dim = self._size = positive(self, "key_dim", key_dim)
        self.value_dim = self._value_size = positive(self, "value_dim", key_dim if value_dim is None else value_dim)
        if output_shape is not None:
            output_shape = (output_shape,) if isinstance(output_shape, (int, np.integer)) else tuple(output_shape)
            output_shape = tuple([positive(self, "output_shape", n) for n in output_shape])
        self._shape_of_output = output_shape
        axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        if axes is not None and not (
            isinstance(axes, (list, tuple)) and axes and all(isinstance(a, int) for a in axes)
        ):
            raise ValueError(f"MultiHeadAttention: attention_axes must be an axis or several; got {attention_axes!r}")
        self.attention_axes = axes if axes is None else tuple(axes)
        self._keep(
            dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed,
        )  # fmt: skip

    def build(self, query_shape, value_shape, key_shape=None):
        rank = len(query_shape)
        if self.attention_axes is not None:
            self._axes = tuple([a + rank if a < 0 else a for a in self.attention_axes])
            if not all(0 < a < rank - 1 for a in self._axes):
                raise ValueError(
                    f"{self._title()}: attention_axes must lie between the batch's and the features'; "
                    f"got {self.attention_axes} for shape {tuple(query_shape)}"
                )
        out = self._shape_of_output or (query_shape[-1],)
        self._build_projections(query_shape, value_shape, key_shape, out)

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        shape = super().compute_output_shape(query_shape, value_shape, key_shape)
        return shape if self._shape_of_output is None else (*shape[:-1], *self._shape_of_output)

    def get_config(self):
        return {**super().get_config(), "output_shape": self._shape_of_output}


class GroupQueryAttention(_MultiHead):
    """MultiHeadAttention in which several query heads share the keys and values of one. (Ainslie et al. 2023)

    Shapes: query[B,T,E], value[B,S,E], key[B,S,E], y[B,T,E]; kernels query[E,num_query_heads,head_dim], key and
    value[E,num_key_value_heads,head_dim], attention_output[num_query_heads,head_dim,E]. Raises ValueError where
    num_key_value_heads does not divide num_query_heads.

    dropout: the share of the inputs that training sets to 0. use_bias: False leaves the bias out. sliding_window: not
    supported. flash_attention: has no effect. use_gate: a gate for the output. seed: an integer for the same random
    numbers each time. kernel_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer,
    bias_regularizer: penalties on them (regularizers). kernel_constraint, bias_constraint: what holds after each step
    (constraints). activity_regularizer: a penalty on the output.

    >>> layer = cygrad.layers.GroupQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
    >>> layer(np.zeros((3, 5, 8)), np.zeros((3, 7, 8))).shape
    (3, 5, 8)
    """

    _unsaved = ("flash_attention",)

    def __init__(
        self,
        head_dim,
        num_query_heads,
        num_key_value_heads,
        dropout=0.0,
        use_bias=True,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.head_dim = self._size = self._value_size = positive(self, "head_dim", head_dim)
        self.num_query_heads = self._heads = positive(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = self._key_heads = positive(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"GroupQueryAttention: num_key_value_heads must divide num_query_heads; "
                f"got {num_key_value_heads} and {num_query_heads}"
            )
        self._keep(
            dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed,
        )  # fmt: skip

    def build(self, query_shape, value_shape, key_shape=None):
        self._build_projections(query_shape, value_shape, key_shape, (query_shape[-1],))


class Attention(Layer):
    """Each query's mean of the values, weighted by how it fits the keys: y = softmax(scores) value. (Luong et al. 2015)

    Call: layer([query, value]) or layer([query, value, key]), mask=[query_mask, value_mask], training,
    return_attention_scores=False, use_causal_mask=False. Shapes: query[B,T,D], value[B,S,V], key[B,S,D], y[B,T,V].
    score_mode: "dot", q k^T, times a trained scale with use_scale; or "concat", a trained number times the sum over D
    of tanh(scale (q + k)). dropout: of the weights, in training. Where the query's mask is False, y is 0. Raises
    ValueError for other inputs than two or three.

    seed: an integer for the same random numbers each time.

    >>> layer = cygrad.layers.Attention()
    >>> layer([np.zeros((2, 3, 4)), np.zeros((2, 5, 6)), np.zeros((2, 5, 4))]).shape
    (2, 3, 6)
    """

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.use_scale = flag(self, "use_scale", use_scale)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f'{type(self).__name__}: score_mode must be "dot" or "concat"; got {score_mode!r}')
        self.score_mode, self.dropout, self.seed = score_mode, _rate(self, dropout), seed
        self.seed_generator = random.SeedGenerator(seed)
        self.scale = self.concat_score_weight = None

    def build(self, input_shape):
        self._listed(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    def _listed(self, inputs, what="inputs"):
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            got = f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else type(inputs).__name__
            raise ValueError(f"{self._title()}: expected {what} [query, value] or [query, value, key]; got {got}")
        return inputs

    def _scores(self, query, key):
        """The scores[B,T,S] op by op, where dot_product_attention does not make them; None where it does."""
        if self.score_mode == "dot":
            return None
        x = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        x = ops.tanh(x if self.scale is None else ops.multiply(x, self.scale))
        return ops.multiply(self.concat_score_weight, ops.sum(x, axis=-1))

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        query, value, *rest = self._listed(inputs)
        key = rest[0] if rest else value
        query_mask, value_mask = self._listed(mask, "masks")[:2] if mask is not None else (None, None)
        if value_mask is not None:  # [B,S] to [B,1,1,S]
            value_mask = ops.expand_dims(ops.cast(value_mask, "bool"), (1, 2))
        dropped = bool(training) and self.dropout > 0
        drop = (lambda w: random.dropout(w, self.dropout, seed=self.seed_generator)) if dropped else None
        scores, bias = self._scores(query, key), None
        if scores is not None:  # of no products, and a bias
            bias = ops.expand_dims(scores, 1)
            query, key = query[..., :1] * 0.0, key[..., :1] * 0.0
        elif self.scale is not None:
            query = ops.multiply(query, self.scale)
        heads = [ops.expand_dims(x, 2) for x in (query, key, value)]
        options = {"bias": bias, "mask": value_mask, "scale": 1.0, "is_causal": use_causal_mask}
        weights = None
        if return_attention_scores or dropped:
            y, weights = attention_scores(*heads, dropout=drop, **options)
        else:
            y = ops.dot_product_attention(*heads, **options)
        y = ops.squeeze(y, 2)
        if query_mask is not None:
            y = ops.multiply(y, ops.cast(ops.expand_dims(query_mask, -1), "float32"))
        return (y, ops.squeeze(weights, 1)) if return_attention_scores else y

    def compute_mask(self, inputs, mask=None):
        """The query's mask."""
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape):
        query, value, *_ = self._listed(input_shape)
        return (*query[:-1], value[-1])

    def _symbolic_outputs(self, args, kwargs):
        if kwargs.get("return_attention_scores"):
            return self._trial(args, kwargs)
        return super()._symbolic_outputs(args, kwargs)


class AdditiveAttention(Attention):
    """Attention by scores that are a sum over D of scale[D] tanh(q + k); scale is trained. (Bahdanau et al. 2015)

    Shapes, masks and call as Attention's; without use_scale, scale is 1.

    dropout: the share of the inputs that training sets to 0.

    >>> cygrad.layers.AdditiveAttention()([np.zeros((2, 3, 4)), np.zeros((2, 5, 4))]).shape
    (2, 3, 4)
    """

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        query, *_ = self._listed(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(query[-1],), initializer="glorot_uniform")

    def _scores(self, query, key):
        x = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(x if self.scale is None else ops.multiply(x, self.scale), axis=-1)
