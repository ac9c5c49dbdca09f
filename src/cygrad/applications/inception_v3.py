"""Inception V3. Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2015), Rethinking the Inception Architecture for Computer
Vision, table 1; the mixtures are those of figures 5, 6, 7 and 10."""

from ..layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from ._building import application
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

preprocess_input = preprocessing("tf")


def convolved(x, filters, rows=1, columns=1, strides=1, padding="same"):
    """A convolution without bias, normalized without a scale, and relu."""
    x = Conv2D(filters, (rows, columns), strides=strides, padding=padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(scale=False)(x))


def halved(x, filters):
    """A 3 x 3 convolution of stride 2."""
    return convolved(x, filters, 3, 3, strides=2, padding="valid")


def branch(x, *convolutions):
    """Convolutions, each (filters, rows, columns), one after the other."""
    for sizes in convolutions:
        x = convolved(x, *sizes)
    return x


def averaged(x, filters):
    """The branch of an average pooling."""
    return convolved(AveragePooling2D(3, strides=1, padding="same")(x), filters)


def maxima(x):
    return MaxPooling2D(3, strides=2)(x)


def small(x, filters, name):
    """Figure 5: 5 x 5 kernels as two of 3 x 3; filters: of the pooling's branch."""
    return Concatenate(name=name)([
        convolved(x, 64),
        branch(x, (48, 1, 1), (64, 5, 5)),
        branch(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        averaged(x, filters),
    ])  # fmt: skip


def factorized(x, n, name):
    """Figure 6: 7 x 7 kernels as 1 x 7 and 7 x 1; n: channels within."""
    return Concatenate(name=name)([
        convolved(x, 192),
        branch(x, (n, 1, 1), (n, 1, 7), (192, 7, 1)),
        branch(x, (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)),
        averaged(x, 192),
    ])  # fmt: skip


def split(x, name):
    """1 x 3 beside 3 x 1."""
    return Concatenate(name=name)([convolved(x, 384, 1, 3), convolved(x, 384, 3, 1)])


def expanded(x, name, inner):
    """Figure 7: wide, for the coarsest maps."""
    return Concatenate(name=name)([
        convolved(x, 320),
        split(convolved(x, 384), inner),
        split(branch(x, (448, 1, 1), (384, 3, 3)), None),
        averaged(x, 192),
    ])  # fmt: skip


@application("inception_v3", named_pools=False, size=299, smallest=75)
def InceptionV3(x):
    """Inception V3: eleven mixtures of parallel convolutions; 23.9 million weights.

    Source: Szegedy et al. (2015), without the auxiliary classifier.
    """
    x = branch(halved(x, 32), (32, 3, 3, 1, "valid"), (64, 3, 3))
    x = branch(maxima(x), (80, 1, 1), (192, 3, 3, 1, "valid"))
    x = maxima(x)
    for i, filters in enumerate((32, 64, 64)):
        x = small(x, filters, f"mixed{i}")
    x = Concatenate(name="mixed3")(  # to half the height and width, as figure 10 does it
        [halved(x, 384), halved(branch(x, (64, 1, 1), (96, 3, 3)), 96), maxima(x)]
    )
    for i, n in enumerate((128, 160, 160, 192), 4):
        x = factorized(x, n, f"mixed{i}")
    x = Concatenate(name="mixed8")(
        [halved(convolved(x, 192), 320), halved(branch(x, (192, 1, 1), (192, 1, 7), (192, 7, 1)), 192), maxima(x)]
    )
    x = expanded(x, "mixed9", "mixed9_0")
    return expanded(x, "mixed10", "mixed9_1")
