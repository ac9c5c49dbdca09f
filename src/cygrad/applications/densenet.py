"""DenseNet. Huang, Liu, van der Maaten and Weinberger (2016), Densely Connected Convolutional Networks, table 1."""

from ..layers import AveragePooling2D, Concatenate, Conv2D, MaxPooling2D, ZeroPadding2D
from ._building import application, normalized
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

GROWTH = 32  # channels that each layer of a block adds
preprocess_input = preprocessing("torch")


def dense_layer(x, name):
    """x beside a bottleneck of it: normalized 1 x 1 and 3 x 3 convolutions. (section 3)"""
    y = Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(normalized(x, f"{name}_0"))
    y = Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(normalized(y, f"{name}_1"))
    return Concatenate(name=f"{name}_concat")([x, y])


def transition(x, name):
    """Half the channels, half the height and width. (section 3, compression)"""
    x = normalized(x, name)
    x = Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, name=f"{name}_pool")(x)


def blocks(x, depths):
    """Four blocks of so many dense layers, with transitions between them."""
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(ZeroPadding2D(3)(x))
    x = MaxPooling2D(3, strides=2, name="pool1")(ZeroPadding2D(1)(normalized(x, "conv1")))
    for block, depth in enumerate(depths, 2):
        if block > 2:
            x = transition(x, f"pool{block - 1}")
        for i in range(1, depth + 1):
            x = dense_layer(x, f"conv{block}_block{i}")
    return normalized(x)


@application("densenet121")
def DenseNet121(x):
    """DenseNet-121: 58 dense layers in four blocks; 8.1 million weights.

    Source: Huang et al. (2016), table 1.
    """
    return blocks(x, (6, 12, 24, 16))


@application("densenet169")
def DenseNet169(x):
    """DenseNet-169: 82 dense layers in four blocks; 14.3 million weights.

    Source: Huang et al. (2016), table 1.
    """
    return blocks(x, (6, 12, 32, 32))


@application("densenet201")
def DenseNet201(x):
    """DenseNet-201: 98 dense layers in four blocks; 20.2 million weights.

    Source: Huang et al. (2016), table 1.
    """
    return blocks(x, (6, 12, 48, 32))
