"""Embedding: vectors for words."""

import warnings

from .. import ops
from .arguments import flag, positive
from .layer import Layer
from .weights import BuiltLater


class Embedding(Layer):
    """A vector for each of input_dim words: y = embeddings[x], x whole numbers in 0 .. input_dim-1.

    Shapes: x of any shape, embeddings[input_dim,output_dim], y[*x,output_dim]. mask_zero: 0 is no word but padding; the
    layers that follow get a mask of what is not 0. weights: first values for the embeddings (they are not part of the
    configuration, but of what is saved). x may be of any type; fractions are cut off. Raises IndexError for a number
    out of range, ValueError for sizes that are not positive integers and for lora_rank, lora_alpha and
    quantization_config, which are not supported.

    embeddings_initializer: how the weights start (initializers). embeddings_regularizer: penalties on them
    (regularizers). embeddings_constraint: what holds after each step (constraints).

    >>> layer = cygrad.layers.Embedding(3, 2, weights=np.array([[0, 0], [1, 2], [3, 4]]))
    >>> layer(np.array([[2, 1]])).numpy().tolist()
    [[[3.0, 4.0], [1.0, 2.0]]]
    """

    embeddings = BuiltLater()

    _leaf = True
    integer_input = True  # fit and predict need not make floats of the numbers
    _unsaved = ("weights",)

    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        weights=None,
        **kwargs,
    ):
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding: input_length has no meaning; leave it out", stacklevel=2)
        for name in ("lora_rank", "lora_alpha", "quantization_config"):  # None: in Keras's configurations
            if kwargs.pop(name, None) is not None:
                raise ValueError(f"Embedding: {name} is not supported; leave it out")
        super().__init__(**kwargs)
        self.input_dim = positive(self, "input_dim", input_dim)
        self.output_dim = positive(self, "output_dim", output_dim)
        self._keep_weight("embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.mask_zero = self.supports_masking = flag(self, "mask_zero", mask_zero)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape=None):
        if "embeddings" not in self.__dict__:
            self.embeddings = self._make_weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs):
        try:
            return ops.embed(ops.cast(inputs, "int32"), self.embeddings)
        except IndexError as error:
            raise IndexError(
                f"{self._title()}: expected whole numbers in 0 .. {self.input_dim - 1}, for input_dim is "
                f"{self.input_dim}; got {str(error).split()[2]}. Is input_dim the number of words plus those with a "
                "meaning of their own (padding, unknown words)?"
            ) from None

    def compute_mask(self, inputs, mask=None):
        return ops.cast(ops.cast(inputs, "int32"), "bool") if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)
