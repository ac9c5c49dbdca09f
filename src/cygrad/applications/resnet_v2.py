"""ResNet V2. He, Zhang, Ren and Sun (2016), Identity Mappings in Deep Residual Networks, figure 4 (e)."""

from ..layers import Add, Conv2D, MaxPooling2D, ZeroPadding2D
from ._building import application, normalized
from .imagenet_utils import decode_predictions, preprocessing
from .resnet import stem

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

preprocess_input = preprocessing("tf")


def bottleneck(x, filters, stride, projected, name):
    """x plus convolutions of its normalized and rectified self: nothing but the sum is on the way of identity."""
    before = normalized(x, f"{name}_preact")
    if projected:
        shortcut = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    y = normalized(Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before), f"{name}_1")
    y = ZeroPadding2D(1, name=f"{name}_2_pad")(y)
    y = normalized(Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(y), f"{name}_2")
    y = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(y)
    return Add(name=f"{name}_out")([shortcut, y])


def stages(x, depths):
    """Four stages of so many bottlenecks; the last of each but the last stage halves the picture."""
    x = stem(x, preactivated=True)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            stride = 2 if i == depth and stage < 5 else 1
            x = bottleneck(x, 2 ** (stage + 4), stride, projected=i == 1, name=f"conv{stage}_block{i}")
    return normalized(x, "post")


@application("resnet50v2")
def ResNet50V2(x):
    """ResNet-50 V2: 16 bottlenecks with normalization and relu before each convolution; 25.6 million weights.

    Source: He et al. (2016).
    """
    return stages(x, (3, 4, 6, 3))


@application("resnet101v2")
def ResNet101V2(x):
    """ResNet-101 V2: 33 bottlenecks with normalization and relu before each convolution; 44.7 million weights.

    Source: He et al. (2016).
    """
    return stages(x, (3, 4, 23, 3))


@application("resnet152v2")
def ResNet152V2(x):
    """ResNet-152 V2: 50 bottlenecks with normalization and relu before each convolution; 60.4 million weights.

    Source: He et al. (2016).
    """
    return stages(x, (3, 8, 36, 3))
