"""EinsumDense: a dense layer whose axes are named by letters."""

import math
import string

from .. import activations, initializers, ops
from .core import ActivationMixin
from .layer import InputSpec, Layer
from .weights import BuiltLater


class EinsumDense(ActivationMixin, Layer):
    """y = activation(einsum(equation, x, kernel) + bias).

    equation: "abc,cde->abde": letters of x, of the kernel, of y; "..." may stand for axes at the beginning, or at the
    end, of x and y. output_shape: y's without the batch axis, and without what "..." stands for; None where a size is
    x's. bias_axes: the letters of y along which there is a bias, or None for none. Shapes: kernel as its letters say;
    bias as y from the first of its letters on, 1 where the letter is not among them. Where the kernel's axes that are
    summed over are x's last, its other axes y's last, this is one matrix product. Raises ValueError where letters or
    sizes do not fit.

    kernel_initializer, bias_initializer: how the weights start (initializers). kernel_regularizer, bias_regularizer:
    penalties on them (regularizers). kernel_constraint, bias_constraint: what holds after each step (constraints).

    >>> layer = cygrad.layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5), bias_axes="de")
    >>> layer(np.zeros((3, 4, 6))).shape, layer.bias.shape
    ((3, 4, 2, 5), (2, 5))
    """

    kernel = BuiltLater()

    _leaf = True
    _unsaved = ("output_shape",)  # as a property, the shape of what comes out

    def __init__(
        self,
        equation,
        output_shape,
        activation=None,
        bias_axes=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        parts = str(equation).replace("->", ",").split(",")
        letters = [part.replace("...", "", 1) for part in parts]
        ends = {(part.startswith("..."), part.endswith("...")) for part in (parts[0], parts[-1])}
        if (
            len(parts) != 3
            or str(equation).count("->") != 1
            or not all(part.isalpha() and len(set(part)) == len(part) for part in letters)
            or len(ends) > 1
            or "..." in parts[1]
        ):
            raise ValueError(
                f'EinsumDense: equation must be letters as in "ab,bc->ac", "...b,bc->...c" or "ab...,bc->ac..."; '
                f"got {equation!r}"
            )
        unknown = (set(letters[1]) - set(letters[0] + letters[2])) | (set(letters[2]) - set(letters[0] + letters[1]))
        if unknown:
            raise ValueError(f"EinsumDense: {min(unknown)!r} stands once only in the equation {equation!r}")
        if bias_axes is not None and not set(bias_axes) <= set(letters[2]):
            raise ValueError(f"EinsumDense: bias_axes {bias_axes!r} must be letters of the output {letters[2]!r}")
        self.equation, self.bias_axes = equation, bias_axes
        self._parts_of_equation = letters, parts[0].startswith("..."), parts[0].endswith("...")
        self._size_of_output = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activation
        self._keep_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.bias = None

    def _sizes(self, input_shape):
        """(letters of x, kernel and y with those that '...' stands for, {letter: size}, shape of y)."""
        (x, kernel, y), before, after = self._parts_of_equation
        hidden = len(input_shape) - len(x)
        if hidden < 0 or (hidden and not (before or after)):
            raise ValueError(
                f"{self._title()}: the equation {self.equation!r} is for inputs of {len(x)} axes; "
                f"got shape {tuple(input_shape)}"
            )
        free = "".join(c for c in string.ascii_letters if c not in x + kernel + y)[:hidden]
        x, y = (free + x, free + y) if before else (x + free, y + free)
        sizes = dict(zip(x, input_shape))
        told = (input_shape[0], *self._size_of_output)
        if hidden:
            told = (*input_shape[:hidden], *self._size_of_output) if before else (*told, *input_shape[-hidden:])
        if len(told) != len(y):
            raise ValueError(
                f"{self._title()}: output_shape {self._size_of_output} has {len(self._size_of_output)} sizes; the "
                f"equation {self.equation!r} gives {len(y) - len(told) + len(self._size_of_output)} besides the batch's"
            )
        for letter, size in zip(y, told):
            if letter not in sizes:
                sizes[letter] = size
            elif None not in (size, sizes[letter]) and size != sizes[letter]:
                raise ValueError(
                    f"{self._title()}: {letter!r} is {sizes[letter]} in the input of shape {tuple(input_shape)} and "
                    f"{size} in the output"
                )
        return (x, kernel, y), sizes, tuple([sizes[letter] for letter in y])

    def build(self, input_shape):
        (_, kernel, y), sizes, _ = self._sizes(input_shape)
        initializer = self.kernel_initializer
        if isinstance(initializer, initializers.VarianceScaling) and None in (
            initializer.input_axes,
            initializer.output_axes,
        ):
            axes = {"output_axes": [i for i, c in enumerate(kernel) if c in y]}
            axes["input_axes"] = [i for i, c in enumerate(kernel) if c not in y]
            initializer = type(initializer).from_config(initializer.get_config() | axes)
        self.kernel = self.add_weight(
            name="kernel",
            shape=tuple([sizes[c] for c in kernel]),
            initializer=initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.bias_axes is not None:
            first = min(y.index(c) for c in self.bias_axes)
            self.bias = self._make_weight("bias", tuple([sizes[c] if c in self.bias_axes else 1 for c in y[first:]]))
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs):
        (x, kernel, y), sizes, shape = self._sizes(inputs.shape)
        summed = [c for c in kernel if c not in y]
        n = len(summed)
        made = kernel[n:]
        if n and made and kernel[:n] == x[len(x) - n :] and y == x[: len(x) - n] + made:
            K, N = math.prod(sizes[c] for c in summed), math.prod(sizes[c] for c in made)
            whole = self.bias is not None and self.bias.shape == shape[-len(made) :]
            bias = ops.reshape(self.bias, (N,)) if whole else None
            last = len(made) == 1 and (whole or self.bias is None)  # else an activation along the last axis would err
            flat = ops.reshape(inputs, (math.prod(shape[: -len(made)]), K))
            z = ops.dense(flat, ops.reshape(self.kernel, (K, N)), bias, self._fused if last else None)
            z = ops.reshape(z, (*shape[: -len(made)], *z.shape[1:]) if last else shape)
            if last:
                return z
            if whole:
                return self.activation(z)
        else:
            z = ops.einsum(f"{x},{kernel}->{y}", inputs, self.kernel)
        if self.bias is not None:
            z = ops.add(z, self.bias)
        return self.activation(z)

    def compute_output_shape(self, input_shape):
        return activations.output_shape(self.activation, self._sizes(input_shape)[2])

    def get_config(self):
        return {**super().get_config(), "output_shape": self._size_of_output}
