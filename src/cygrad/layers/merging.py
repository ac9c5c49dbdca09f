"""Layers of several inputs: sums, products, means and extremes of equal or broadcast shapes; Concatenate; Dot.

Each has a function of its name in small letters: add([a, b]) is Add()([a, b]).
"""

import functools

from .. import ops
from .layer import Layer
from .masking import mask_of


class _Merge(Layer):
    """What the elementwise ones share: a list of at least two inputs whose shapes broadcast."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, inputs):
        return functools.reduce(self._combine, inputs)

    def compute_output_shape(self, input_shape):
        return functools.reduce(self._broadcast, self._listed(input_shape))

    def compute_mask(self, inputs, mask=None):
        """What any of the masks holds; None where an input has none."""
        if mask is None or any(m is None for m in mask):
            return None
        return functools.reduce(ops.logical_or, mask)

    def _listed(self, shapes):
        several = isinstance(shapes, (list, tuple)) and all(isinstance(s, (list, tuple)) for s in shapes)
        if not several or len(shapes) < 2:
            got = f"a list of {len(shapes)}" if several else f"one input of shape {shapes}"
            raise ValueError(f"{self._title()}: expected a list of at least two inputs; got {got}")
        return shapes

    def _broadcast(self, a, b):
        rank = max(len(a), len(b))
        result = []
        for m, n in zip((1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)):
            if m != n and 1 not in (m, n) and None not in (m, n):
                raise ValueError(
                    f"{self._title()}: expected inputs of equal shapes, or 1 where they differ; got {tuple(a)} and "
                    f"{tuple(b)}, where {m} meets {n}.{_why_apart(a, b)}"
                )
            result.append(n if m == 1 else m if n == 1 or n is None else n)
        return tuple(result)


def _why_apart(a, b):
    """The usual reason why two shapes do not go together, and what helps."""
    if len(a) != len(b):
        return " Is a Flatten, a Reshape or a pooling layer missing before one of them?"
    apart = [i for i, (m, n) in enumerate(zip(a, b)) if m != n and m is not None and n is not None]
    if apart == [0]:
        return " Do they come from batches of different sizes?"
    if apart == [len(a) - 1]:
        return " A Dense layer with as many units, or a 1x1 convolution with as many filters, makes them equal."
    return " Do strides, padding or cropping differ on the way to them?"


class Add(_Merge):
    """The sum of its inputs.

    >>> cygrad.layers.Add()([np.ones((1, 2)), np.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    """

    _combine = staticmethod(lambda a, b: ops.add(a, b))


class Subtract(_Merge):
    """The first of two inputs less the second.

    >>> cygrad.layers.Subtract()([np.array([[3.0]]), np.array([[1.0]])]).numpy().tolist()
    [[2.0]]
    """

    _combine = staticmethod(lambda a, b: ops.subtract(a, b))

    def _listed(self, shapes):
        if len(super()._listed(shapes)) != 2:
            raise ValueError(f"{self._title()}: expected two inputs; got {len(shapes)}")
        return shapes


class Multiply(_Merge):
    """The product of its inputs, elementwise.

    >>> cygrad.layers.Multiply()([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[6.0]]
    """

    _combine = staticmethod(lambda a, b: ops.multiply(a, b))


class Average(_Merge):
    """The mean of its inputs.

    >>> cygrad.layers.Average()([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[2.5]]
    """

    def call(self, inputs):
        return ops.multiply(functools.reduce(ops.add, inputs), 1 / len(inputs))


class _Extreme(_Merge):
    """An input's steps that its mask leaves out count for nothing."""

    def call(self, inputs):
        y, seen = inputs[0], mask_of(inputs[0])
        for x, mask in zip(inputs[1:], mask_of(inputs[1:])):
            x = x if mask is None else ops.where(ops.expand_dims(mask, -1), x, y)
            y = y if seen is None else ops.where(ops.expand_dims(seen, -1), y, x)
            seen = None if seen is None or mask is None else ops.logical_or(seen, mask)
            y = self._combine(y, x)
        return y


class Maximum(_Extreme):
    """The largest of its inputs, elementwise.

    >>> cygrad.layers.Maximum()([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[3.0]]
    """

    _combine = staticmethod(lambda a, b: ops.maximum(a, b))


class Minimum(_Extreme):
    """The smallest of its inputs, elementwise.

    >>> cygrad.layers.Minimum()([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[2.0]]
    """

    _combine = staticmethod(lambda a, b: ops.minimum(a, b))


class Concatenate(_Merge):
    """Its inputs one after the other along axis; their other sizes agree.

    >>> cygrad.layers.Concatenate()([np.zeros((1, 2)), np.zeros((1, 3))]).shape
    (1, 5)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int) or axis == 0:
            raise ValueError(f"{type(self).__name__}: axis must be an axis other than 0, the batch's; got {axis!r}")
        self.axis = axis

    def call(self, inputs):
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs, mask=None):
        """The masks joined as their inputs are; an input without one counts everywhere."""
        if mask is None or all(m is None for m in mask):
            return None
        joined = []
        for x, m in zip(inputs, mask):
            kept = ops.ones((1,) * x.ndim, "bool") if m is None else ops.cast(m, "bool")
            joined.append(ops.broadcast_to(ops.reshape(kept, kept.shape + (1,) * (x.ndim - kept.ndim)), x.shape))
        return ops.any(ops.concatenate(joined, axis=self.axis), axis=-1)

    def compute_output_shape(self, input_shape):
        shapes = [list(s) for s in self._listed(input_shape)]
        rank = len(shapes[0])
        if not -rank <= self.axis < rank or any(len(s) != rank for s in shapes):
            told = ", ".join(str(tuple(s)) for s in input_shape)
            cause = "".join(_why_apart(shapes[0], s) for s in shapes if len(s) != rank)[:80]
            raise ValueError(
                f"{self._title()}: expected inputs of one rank, with an axis {self.axis} to join them along; "
                f"got shapes {told}.{cause}"
            )
        joined = [s.pop(self.axis) for s in shapes]
        for other in shapes[1:]:
            if any(m != n and m is not None and n is not None for m, n in zip(shapes[0], other)):
                told = ", ".join(str(tuple(s)) for s in input_shape)
                raise ValueError(
                    f"{self._title()}: expected inputs that differ at axis {self.axis} only, along which they are "
                    f"joined; got shapes {told}. Is it another axis=?"
                )
        result = [next((s[i] for s in shapes if s[i] is not None), None) for i in range(rank - 1)]
        result.insert(self.axis % rank, None if None in joined else sum(joined))
        return tuple(result)


class Dot(_Merge):
    """The product of two inputs, summed over one axis of each: axes, one for both or a pair. The batch axis stays.

    normalize=True: cosines, the inputs being brought to length 1 along those axes.

    >>> cygrad.layers.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 3))]).numpy().tolist()
    [[3.0], [3.0]]
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        pair = list(axes) if isinstance(axes, (list, tuple)) else [axes] * 2
        if len(pair) != 2 or not all(isinstance(a, int) and a != 0 for a in pair):
            raise ValueError(f"Dot: axes must be an axis other than 0, the batch's, or two; got {axes!r}")
        self.axes = list(axes) if isinstance(axes, (list, tuple)) else axes
        self.normalize = normalize

    def _places(self, shapes):
        """The two axes, counted from the left."""
        if len(self._listed(shapes)) != 2:
            raise ValueError(f"{self._title()}: expected two inputs; got {len(shapes)}")
        pair = self.axes if isinstance(self.axes, list) else [self.axes] * 2
        places = []
        for axis, shape in zip(pair, shapes):
            if not -len(shape) < axis < len(shape):
                raise ValueError(f"{self._title()}: axis {axis} is not one of an input of shape {tuple(shape)}")
            places.append(axis % len(shape))
        m, n = shapes[0][places[0]], shapes[1][places[1]]
        if m is not None and n is not None and m != n:
            raise ValueError(
                f"{self._title()}: expected axes of one size to sum over; axes={self.axes} have {m} and {n} in shapes "
                f"{tuple(shapes[0])} and {tuple(shapes[1])}"
            )
        return places

    def call(self, inputs):
        a, b = inputs
        i, j = self._places([a.shape, b.shape])
        if self.normalize:
            a, b = (
                x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=k, keepdims=True), 1e-12))
                for x, k in ((a, i), (b, j))
            )
        shape = self.compute_output_shape([a.shape, b.shape])
        size, batch = a.shape[i], a.shape[0]
        left = ops.reshape(ops.moveaxis(a, i, -1), (batch, a.size // max(batch * size, 1), size))
        right = ops.reshape(ops.moveaxis(b, j, 1), (batch, size, b.size // max(batch * size, 1)))
        return ops.reshape(ops.matmul(left, right), shape)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        i, j = self._places(input_shape)
        a, b = list(input_shape[0]), list(input_shape[1])
        rest = a[:i] + a[i + 1 :] + b[1:j] + b[j + 1 :]
        return tuple(rest if len(rest) > 1 else [*rest, 1])


def add(inputs, **kwargs):
    """Add(**kwargs)(inputs)

    >>> cygrad.layers.add([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[5.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """Subtract(**kwargs)(inputs)

    >>> cygrad.layers.subtract([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[1.0]]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """Multiply(**kwargs)(inputs)

    >>> cygrad.layers.multiply([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[6.0]]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """Average(**kwargs)(inputs)

    >>> cygrad.layers.average([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[2.5]]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """Maximum(**kwargs)(inputs)

    >>> cygrad.layers.maximum([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[3.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """Minimum(**kwargs)(inputs)

    >>> cygrad.layers.minimum([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[2.0]]
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """Concatenate(axis, **kwargs)(inputs)

    >>> cygrad.layers.concatenate([np.array([[3.0]]), np.array([[2.0]])]).numpy().tolist()
    [[3.0, 2.0]]
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Dot(axes, **kwargs)(inputs)

    >>> cygrad.layers.dot([np.ones((1, 3)), np.ones((1, 3))], axes=1).numpy().tolist()
    [[3.0]]
    """
    return Dot(axes, **kwargs)(inputs)
