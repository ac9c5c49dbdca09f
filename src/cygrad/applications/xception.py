"""Xception. Chollet (2016), Xception: Deep Learning with Depthwise Separable Convolutions, figure 5."""

from ..layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D
from ._building import application
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

preprocess_input = preprocessing("tf")


def separable(x, filters, name):
    """Each channel by 3 x 3, then all by 1 x 1; normalized."""
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return BatchNormalization(name=f"{name}_bn")(x)


def halved(x, *filters, name, relu_first=True):
    """Two separable convolutions and a pooling of stride 2, beside a 1 x 1 convolution of stride 2."""
    beside = BatchNormalization()(Conv2D(filters[-1], 1, strides=2, padding="same", use_bias=False)(x))
    for i, n in enumerate(filters, 1):
        if i > 1 or relu_first:
            x = Activation("relu", name=f"{name}_sepconv{i}_act")(x)
        x = separable(x, n, f"{name}_sepconv{i}")
    return Add()([MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x), beside])


@application("xception", named_pools=False, size=299, smallest=71)
def Xception(x):
    """Xception: Inception with separable convolutions only, and residuals; 22.9 million weights.

    Source: Chollet (2016).
    """
    for i, (filters, stride) in enumerate(((32, 2), (64, 1)), 1):
        x = Conv2D(filters, 3, strides=stride, use_bias=False, name=f"block1_conv{i}")(x)
        x = BatchNormalization(name=f"block1_conv{i}_bn")(x)
        x = Activation("relu", name=f"block1_conv{i}_act")(x)
    for number, filters in enumerate((128, 256, 728), 2):
        x = halved(x, filters, filters, name=f"block{number}", relu_first=number > 2)
    for number in range(5, 13):
        y = x
        for i in range(1, 4):
            name = f"block{number}_sepconv{i}"
            y = separable(Activation("relu", name=f"{name}_act")(y), 728, name)
        x = Add()([y, x])
    x = halved(x, 728, 1024, name="block13")
    for i, filters in enumerate((1536, 2048), 1):
        x = separable(x, filters, f"block14_sepconv{i}")
        x = Activation("relu", name=f"block14_sepconv{i}_act")(x)
    return x
