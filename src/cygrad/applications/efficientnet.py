"""EfficientNet. Tan and Le (2019), EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, table 1;
the blocks are MobileNetV2's with squeeze and excitation (Hu, Shen and Sun 2017)."""

import math

from .. import layers
from ..initializers import VarianceScaling
from ._building import application, average
from .imagenet_utils import decode_predictions
from .mobilenet_v2 import channels

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

STAGES = (  # table 1: kernel, expansion, channels, blocks, stride of the first
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
MOST_DROPPED = 0.2  # of the last block's results, for stochastic depth
RGB_DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's pictures


def preprocess_input(x, data_format=None):
    """x as it is: pixels of 0 .. 255, which the network scales by itself."""
    return x


def initializer():
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def convolution(x, filters, name, **arguments):
    return layers.Conv2D(filters, **{"kernel_size": 1, "kernel_initializer": initializer(), **arguments}, name=name)(x)


def activated(x, name):
    """Batch normalization and swish, called NAMEbn and NAMEactivation."""
    return layers.Activation("swish", name=f"{name}activation")(layers.BatchNormalization(name=f"{name}bn")(x))


def framed(x, window, name):
    """Zeros for a window of stride 2: half of it on both sides, one less before an even number of rows or columns."""
    half = window // 2
    return layers.ZeroPadding2D([(half - 1 + (size or 0) % 2, half) for size in x.shape[1:3]], name=name)(x)


def excited(x, squeezed, name):
    """Each channel times what two layers make of all channels' averages. (Hu et al. 2017, figure 3)"""
    filters = x.shape[-1]
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape((1, 1, filters), name=f"{name}se_reshape")(y)
    y = convolution(y, squeezed, f"{name}se_reduce", activation="swish")
    y = convolution(y, filters, f"{name}se_expand", activation="sigmoid")
    return layers.Multiply(name=f"{name}se_excite")([x, y])


def block(x, window, expansion, filters, stride, dropped, name):
    """Expand, filter each channel, excite, project; plus x where the shape allows, often enough."""
    y, before = x, x.shape[-1]
    if expansion > 1:
        y = convolution(y, expansion * before, f"{name}expand_conv", use_bias=False)
        y = activated(y, f"{name}expand_")
    if stride == 2:
        y = framed(y, window, f"{name}dwconv_pad")
    y = layers.DepthwiseConv2D(
        window, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        depthwise_initializer=initializer(), name=f"{name}dwconv",
    )(y)  # fmt: skip
    y = excited(activated(y, name), max(1, before // 4), name)
    y = convolution(y, filters, f"{name}project_conv", use_bias=False)
    y = layers.BatchNormalization(name=f"{name}project_bn")(y)
    if stride > 1 or before != filters:
        return y
    if dropped > 0:
        y = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(y)
    return layers.Add(name=f"{name}add")([y, x])


def efficient(x, weights, width, depth):
    """The layers under the pooling: STAGES with so many times the channels and blocks. (section 3.3)"""
    x = layers.Normalization(axis=3)(layers.Rescaling(1 / 255)(x))
    if weights == "imagenet":  # whose variances were those deviations when the weights were trained
        x = layers.Rescaling([1 / math.sqrt(deviation) for deviation in RGB_DEVIATIONS])(x)
    x = framed(x, 3, "stem_conv_pad")
    x = convolution(x, channels(32 * width), "stem_conv", kernel_size=3, strides=2, use_bias=False)
    x = activated(x, "stem_")
    repeats = [math.ceil(depth * blocks) for _, _, _, blocks, _ in STAGES]
    number = 0
    for stage, (window, expansion, filters, _, stride) in enumerate(STAGES):
        for i in range(repeats[stage]):
            dropped, name = MOST_DROPPED * number / sum(repeats), f"block{stage + 1}{chr(ord('a') + i)}_"
            x = block(x, window, expansion, channels(filters * width), 1 if i else stride, dropped, name)
            number += 1
    return activated(convolution(x, channels(1280 * width), "top_conv", use_bias=False), "top_")


def scaled(name, size, dropout):
    """application(), with a head that drops some of the averages."""

    def head(x):
        return layers.Dropout(dropout, name="top_dropout")(average(x))

    return application(name, head=head, size=size, by_weights=True, top=VarianceScaling(1 / 3, "fan_out", "uniform"))


@scaled("efficientnetb0", 224, 0.2)
def EfficientNetB0(x, weights):
    """EfficientNet-B0: the network that the others are scaled from; 5.3 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.0, 1.0)


@scaled("efficientnetb1", 240, 0.2)
def EfficientNetB1(x, weights):
    """EfficientNet-B1: 1.1 times B0's blocks; 7.9 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.0, 1.1)


@scaled("efficientnetb2", 260, 0.3)
def EfficientNetB2(x, weights):
    """EfficientNet-B2: 1.1 times B0's channels and 1.2 times its blocks; 9.2 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.1, 1.2)


@scaled("efficientnetb3", 300, 0.3)
def EfficientNetB3(x, weights):
    """EfficientNet-B3: 1.2 times B0's channels and 1.4 times its blocks; 12.3 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.2, 1.4)


@scaled("efficientnetb4", 380, 0.4)
def EfficientNetB4(x, weights):
    """EfficientNet-B4: 1.4 times B0's channels and 1.8 times its blocks; 19.5 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.4, 1.8)


@scaled("efficientnetb5", 456, 0.4)
def EfficientNetB5(x, weights):
    """EfficientNet-B5: 1.6 times B0's channels and 2.2 times its blocks; 30.6 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.6, 2.2)


@scaled("efficientnetb6", 528, 0.5)
def EfficientNetB6(x, weights):
    """EfficientNet-B6: 1.8 times B0's channels and 2.6 times its blocks; 43.3 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 1.8, 2.6)


@scaled("efficientnetb7", 600, 0.5)
def EfficientNetB7(x, weights):
    """EfficientNet-B7: 2 times B0's channels and 3.1 times its blocks; 66.7 million weights.

    Source: Tan and Le (2019).
    """
    return efficient(x, weights, 2.0, 3.1)
