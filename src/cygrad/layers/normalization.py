"""Normalizations: over the batch, a sample's features, groups of them; by the root mean square; to unit length."""

import math

from .. import initializers, ops
from .arguments import flag
from .layer import InputSpec, Layer

TINY = 1e-7  # keras.config.epsilon(), which keeps a mean over an empty mask finite


class _Normalization(Layer):
    """What they share: the axis, and the learned scale gamma and offset beta."""

    def __init__(self, axis, epsilon, **kwargs):
        super().__init__(**kwargs)
        axes = axis if isinstance(axis, (list, tuple)) else [axis]
        if not axes or not all(isinstance(a, int) and not isinstance(a, bool) for a in axes):
            raise TypeError(f"{type(self).__name__}: axis must be an integer or several; got {axis!r}")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 <= epsilon < math.inf:
            raise ValueError(f"{type(self).__name__}: epsilon must be a number of at least 0; got {epsilon!r}")
        self.epsilon = epsilon
        self.supports_masking = True
        self.gamma = self.beta = None

    def _keep(
        self, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint,
    ):  # fmt: skip
        """Keeps whether there are gamma and beta, and how they are made."""
        self.center, self.scale = flag(self, "center", center), flag(self, "scale", scale)
        self._keep_weight("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._keep_weight("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)

    def _sizes(self, input_shape):
        """The input's sizes along axis, in the order of the axes."""
        rank = len(input_shape)
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if any(not -rank <= a < rank for a in axes):
            raise ValueError(
                f"{self._title()}: axis {self.axis} does not exist in an input of shape {tuple(input_shape)}"
            )
        return tuple(input_shape[a] for a in sorted({a % rank for a in axes}))

    def _make_gamma_and_beta(self, shape):
        if self.scale:
            self.gamma = self._make_weight("gamma", shape)
        if self.center:
            self.beta = self._make_weight("beta", shape)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class BatchNormalization(_Normalization):
    """y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, for each channel. (Ioffe and Szegedy 2015)

    In training, mean and variance are those of the batch, over all axes but `axis`, and the moving ones follow them:
    moving = momentum * moving + (1 - momentum) * the batch's. Otherwise, and with trainable=False, the moving ones
    normalize. center, scale: whether there are beta and gamma.

    Shapes: x[...,C] with C along axis, gamma, beta, moving_mean and moving_variance[C], the last two not trainable.
    mask, with x's axes but the last: what counts in mean and variance. renorm and synchronized must be False; Raises
    ValueError otherwise, and for a momentum outside [0, 1].

    renorm_clipping, renorm_momentum: have no effect. beta_initializer, gamma_initializer,
    moving_mean_initializer, moving_variance_initializer: how the weights start (initializers). beta_regularizer,
    gamma_regularizer: penalties on them (regularizers). beta_constraint, gamma_constraint: what holds after each step
    (constraints).

    >>> layer = cygrad.layers.BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]]), training=True).numpy().tolist()
    [[-1.0], [1.0]]
    >>> round(layer.moving_mean.numpy().item(), 4)
    0.02
    """

    _leaf = True

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm=False,
        renorm_clipping=None,
        renorm_momentum=0.99,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(axis, epsilon, **kwargs)
        if isinstance(axis, (list, tuple)):
            raise TypeError(f"BatchNormalization: axis must be one integer; got {axis!r}")
        if isinstance(momentum, bool) or not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(f"BatchNormalization: momentum must lie in [0, 1]; got {momentum!r}")
        if renorm or synchronized:
            raise ValueError("BatchNormalization: renorm and synchronized are not supported; they must be False")
        self.momentum = momentum
        self._keep(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint,
        )  # fmt: skip
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm, self.renorm_clipping, self.renorm_momentum = False, renorm_clipping, renorm_momentum
        self.synchronized = False
        self.moving_mean = self.moving_variance = None

    def build(self, input_shape):
        shape = self._sizes(input_shape)
        self._make_gamma_and_beta(shape)
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer=self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer=self.moving_variance_initializer, trainable=False
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=None, mask=None):
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            if mask is None:
                return ops.batch_normalization_training(
                    inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon, self.momentum
                )
            mean, variance = self._masked_moments(inputs, mask)
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(self.momentum * moving.numpy() + (1 - self.momentum) * batch.numpy())
        return ops.batch_normalization(inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)

    def _masked_moments(self, inputs, mask):
        """Mean and variance of what the mask holds true."""
        if len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"{self._title()}: expected a mask of one axis less than the input; "
                f"got shapes {mask.shape} and {inputs.shape}"
            )
        kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "float32"), -1), inputs.shape)
        rank = len(inputs.shape)
        axes = [a for a in range(rank) if a != self.axis % rank]
        count = ops.add(ops.sum(kept, axes, keepdims=True), TINY)
        mean = ops.divide(ops.sum(ops.multiply(inputs, kept), axes, keepdims=True), count)
        squares = ops.multiply(ops.square(ops.subtract(inputs, mean)), kept)
        variance = ops.divide(ops.sum(squares, axes, keepdims=True), count)
        return ops.ravel(mean), ops.ravel(variance)


class LayerNormalization(_Normalization):
    """y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, for each sample: mean and variance over axis.
    (Ba, Kiros and Hinton 2016)

    axis: an integer or several. center, scale: whether there are beta and gamma.

    Shapes: x of any shape, gamma and beta of its sizes along axis, y as x.

    beta_initializer, gamma_initializer: how the weights start (initializers). beta_regularizer, gamma_regularizer:
    penalties on them (regularizers). beta_constraint, gamma_constraint: what holds after each step (constraints).

    >>> cygrad.layers.LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    _leaf = True

    def __init__(
        self,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(axis, epsilon, **kwargs)
        self._keep(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape):
        self._make_gamma_and_beta(self._sizes(input_shape))

    def call(self, inputs):
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)


class RMSNormalization(_Normalization):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, the mean over axis, an integer or several. (Zhang and Sennrich 2019)

    Shapes: x of any shape, scale of its sizes along axis, y as x.

    >>> cygrad.layers.RMSNormalization(epsilon=0.0)(np.array([[3.0, 3.0]])).numpy().tolist()
    [[1.0, 1.0]]
    """

    _leaf = True

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(axis, epsilon, **kwargs)
        self.scale = None

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=self._sizes(input_shape), initializer="ones")

    def call(self, inputs):
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)


class UnitNormalization(_Normalization):
    """y = x / |x|, the length over axis, an integer or several.

    >>> [round(y, 4) for y in cygrad.layers.UnitNormalization()(np.array([[3.0, 4.0]])).numpy()[0].tolist()]
    [0.6, 0.8]
    """

    _leaf = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(axis, 0, **kwargs)

    def call(self, inputs):
        return ops.normalize(inputs, self.axis, 2, 1e-12)


class GroupNormalization(_Normalization):
    """LayerNormalization over all axes of a sample, but for each of some groups of neighbouring channels.
    (Wu and He 2018)

    groups: how many; -1: one for each channel. axis: that of the channels. gamma and beta[C] follow, unless scale or
    center are False.

    Shapes: x[N,...,C], y as x. Raises ValueError where groups does not divide C.

    beta_initializer, gamma_initializer: how the weights start (initializers). beta_regularizer, gamma_regularizer:
    penalties on them (regularizers). beta_constraint, gamma_constraint: what holds after each step (constraints).

    >>> cygrad.layers.GroupNormalization(2, epsilon=0.0)(np.array([[1.0, 3.0, 10.0, 30.0]])).numpy().tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    _leaf = True

    def __init__(
        self,
        groups=32,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(axis, epsilon, **kwargs)
        if isinstance(axis, (list, tuple)):
            raise TypeError(f"GroupNormalization: axis must be one integer; got {axis!r}")
        if isinstance(groups, bool) or not isinstance(groups, int) or (groups < 1 and groups != -1):
            raise ValueError(f"GroupNormalization: groups must be a positive integer, or -1; got {groups!r}")
        self.groups = groups
        self._keep(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape):
        shape = self._sizes(input_shape)
        if shape[0] is None or (self.groups != -1 and shape[0] % self.groups):
            raise ValueError(
                f"{self._title()}: groups must divide the input's channels; "
                f"got groups={self.groups} and shape {tuple(input_shape)}"
            )
        self._make_gamma_and_beta(shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs):
        x = ops.moveaxis(inputs, self.axis, -1)
        channels = x.shape[-1]
        groups = channels if self.groups == -1 else self.groups
        grouped = ops.swapaxes(ops.reshape(x, (x.shape[0], -1, groups, channels // groups)), 1, 2)
        y = ops.layer_normalization(grouped, axis=(2, 3), epsilon=self.epsilon)
        y = ops.reshape(ops.swapaxes(y, 1, 2), x.shape)
        if self.gamma is not None:
            y = ops.multiply(y, self.gamma)
        if self.beta is not None:
            y = ops.add(y, self.beta)
        return ops.moveaxis(y, -1, self.axis)
