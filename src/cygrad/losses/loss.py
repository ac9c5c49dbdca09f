"""Loss, the base of all, and what the families share: the shapes of y_true and y_pred, weights, masks, the reduction.

Everything between y_pred and the reduced loss is made of ops, so that a training step can be captured and replayed
(models/capture.py): no NumPy, and no Python that asks what the numbers are.
"""

import re

from .. import ops
from .._core import changed
from .._tensor import Tensor, as_float, empty, gradient_like, record
from ..ops._backend import K

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)

EPSILON = 1e-7  # keras.config.epsilon(): what keeps logarithms and quotients finite


# ---- shapes ----


def match_shapes(y_true, y_pred, name):
    """y_true and y_pred with one shape, as in Keras: a last axis of 1 is dropped, or added to a vector.

    Never broadcast: y_true[N] with y_pred[N,1] is N pairs, not N x N. ValueError where the shapes differ otherwise.

    >>> y_true, y_pred = cygrad.ops.zeros((4,)), cygrad.ops.zeros((4, 1))
    >>> [y.shape for y in cygrad.losses.match_shapes(y_true, y_pred, 'mse')]
    [(4, 1), (4, 1)]
    """
    true, pred = y_true.shape, y_pred.shape
    if true == pred:
        return y_true, y_pred
    if pred == (*true, 1):
        return (ops.reshape(y_true, pred), y_pred) if len(true) == 1 else (y_true, _reshape_prediction(y_pred, true))
    if true == (*pred, 1):
        return (y_true, _reshape_prediction(y_pred, true)) if len(pred) == 1 else (ops.reshape(y_true, pred), y_pred)
    if true[:1] != pred[:1]:
        cause = "Are these different batches?"
    elif true in (pred[:-1], (*pred[:-1], 1)):
        cause = f"Should the last layer have 1 unit instead of {pred[-1]}, or are these labels for a crossentropy?"
    else:
        cause = "Does the last layer give what y_true holds?"
    raise ValueError(f"{name}: y_true has shape {true}, y_pred {pred}; they must be equal. {cause}")


def _reshape_prediction(y_pred, shape):
    reshaped = ops.reshape(y_pred, shape)
    if y_pred.logits_of != "sigmoid":  # a softmax has its axis
        return reshaped
    return reshaped.set_logits(ops.reshape(y_pred.logits, shape), "sigmoid")


def floats(y_true, y_pred, name):
    """y_true and y_pred as float tensors of one shape."""
    y_pred = as_float(y_pred, name, "y_pred")
    return match_shapes(as_float(y_true, name, "y_true"), y_pred, name)


# ---- reduction ----


def scaled_sum(values, scale):
    """scale * sum of all values, a scalar: the last op of a training step's forward pass."""
    n = values.size
    y = empty(())
    K.reduce_sum(y, values, 1, n, 1, scale)

    def backward(dy):
        one, dx = empty(()), gradient_like(values)
        K.affine(one, dy, 1, scale, 0.0)
        K.gather_strided(dx, one, 1, (n,), (0,), 0)
        return dx

    return record(y, (values,), backward)


def is_nonzero(x):
    """1 where |x| is above 1e-30, 0 where x is 0, elementwise: what a comparison would say, as an op."""
    return ops.clip(ops.multiply(ops.abs(x), 1e30), 0.0, 1.0)


def fit_weights(sample_weight, shape, name):
    """sample_weight ready to multiply values of this shape: one weight for all, one a sample, or one a value.

    >>> cygrad.losses.fit_weights([1.0, 2.0], (2, 3), 'mse').shape
    (2, 1)
    """
    w = as_float(sample_weight, name, "sample_weight")
    given = w.shape[:-1] if w.shape[-1:] == (1,) and len(w.shape) == len(shape) + 1 else w.shape
    padded = given + (1,) * (len(shape) - len(given))
    if shape and (len(padded) > len(shape) or any(g not in (1, s) for g, s in zip(padded, shape))):
        wanted = f"{shape[:1]} or {shape}" if len(shape) > 1 else f"{shape}"
        raise ValueError(f"{name}: sample_weight has shape {w.shape}; expected one weight a sample, shape {wanted}")
    return w if padded == w.shape else ops.reshape(w, padded)


def _weighted_mean(values, weights):
    """values, which are weighted already, divided by the sum of the weights; 0 where that is 0."""
    if weights is None:
        return scaled_sum(values, 1.0 / values.size)
    divisor = scaled_sum(weights, values.size / weights.size)
    return ops.divide(scaled_sum(values, 1.0), ops.add(divisor, ops.subtract(1.0, is_nonzero(divisor))))


class Loss:
    """Base of all losses: Loss(name=None, reduction="sum_over_batch_size"). A new loss defines call(y_true, y_pred).

    loss(y_true, y_pred, sample_weight=None) multiplies call's values by the weights, then reduces them:
    "sum_over_batch_size" or "mean" divides their sum by how many they are, "mean_with_sample_weight" by the sum of the
    weights, "sum" does not divide, "none" or None gives the values as they are.

    >>> class Cubed(cygrad.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return cygrad.ops.abs(y_true - y_pred) ** 3
    >>> float(Cubed(reduction="sum")(np.array([1.0, 2.0]), np.array([2.0, 4.0])))
    9.0
    """

    _options = ()  # the constructor's other arguments, attributes of the same names

    def __setattr__(self, name, value):
        """An argument that is set anew makes captured steps (models/capture.py) out of date."""
        if name in self.__dict__:
            changed()
        object.__setattr__(self, name, value)

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        if reduction not in REDUCTIONS:
            raise ValueError(f"{type(self).__name__}: reduction must be one of {REDUCTIONS}; got {reduction!r}")
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.reduction = reduction

    @property
    def dtype(self):
        """Losses are computed in float32."""
        return "float32"

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self._prepare(y_true), as_float(y_pred, self.name, "y_pred")
        values = self.call(y_true, y_pred)
        if not isinstance(values, Tensor):
            values = as_float(values, self.name, "what call returned")
        weights = None
        if sample_weight is not None:
            weights = fit_weights(sample_weight, values.shape, self.name)
        mask = self._mask(y_true, y_pred, values)
        if mask is not None:
            mask = fit_weights(mask, values.shape, self.name)
            if self.reduction in ("sum_over_batch_size", "mean"):  # the mean is over what the mask leaves
                kept = ops.clip(scaled_sum(mask, 1.0 / mask.size), 1e-30, None)
                mask = ops.divide(mask, kept)
            weights = mask if weights is None else ops.multiply(weights, mask)
        if weights is not None:
            values = ops.multiply(values, weights)
        if self.reduction is None or self.reduction == "none" or not values.shape:
            return values
        if self.reduction == "sum" or not values.size:
            return scaled_sum(values, 1.0)
        if self.reduction == "mean_with_sample_weight":
            return _weighted_mean(values, weights)
        return scaled_sum(values, 1.0 / values.size)

    def _prepare(self, y_true):
        return as_float(y_true, self.name, "y_true")

    def _mask(self, y_true, y_pred, values):
        """1 for the values that count, 0 for those that do not, a float tensor; None: all count.

        Here: what y_pred's mask, which layers such as Masking have made, leaves."""
        mask = y_pred._keras_mask
        return None if mask is None else ops.cast(mask, None)

    def call(self, y_true, y_pred):
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def get_config(self):
        """The constructor's arguments as a dict that JSON can hold; from_config is the reverse."""
        config = {"name": self.name, "reduction": self.reduction}
        return {**config, **{option: getattr(self, option) for option in self._options}}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} {', '.join(f'{k}={v!r}' for k, v in self.get_config().items())}>"
