"""ResNet. He, Zhang, Ren and Sun (2015), Deep Residual Learning for Image Recognition, table 1 and section 4.1."""

from ..layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from ._building import application, normalized
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

preprocess_input = preprocessing("caffe")


def stem(x, preactivated=False):
    """7 x 7 convolution and 3 x 3 pooling, each of stride 2, their padding made explicit."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if not preactivated:
        x = normalized(x, "conv1")
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    return MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def bottleneck(x, filters, stride, projected, name):
    """x plus 1 x 1, 3 x 3, 1 x 1 convolutions of it (figure 5, right); projected: the shortcut is a convolution."""

    def convolved(y, i, filters, size=1, strides=1):
        return Conv2D(filters, size, strides=strides, padding="same", name=f"{name}_{i}_conv")(y)

    def scaled(y, i):
        return BatchNormalization(epsilon=1.001e-5, name=f"{name}_{i}_bn")(y)

    shortcut = scaled(convolved(x, 0, 4 * filters, strides=stride), 0) if projected else x
    y = normalized(convolved(x, 1, filters, strides=stride), f"{name}_1")
    y = normalized(convolved(y, 2, filters, 3), f"{name}_2")
    y = scaled(convolved(y, 3, 4 * filters), 3)
    return Activation("relu", name=f"{name}_out")(Add(name=f"{name}_add")([shortcut, y]))


def stages(x, depths):
    """Four stages of so many bottlenecks; the first of each but the first stage halves the picture."""
    x = stem(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            stride = 2 if i == 1 and stage > 2 else 1
            x = bottleneck(x, 2 ** (stage + 4), stride, projected=i == 1, name=f"conv{stage}_block{i}")
    return x


@application("resnet50")
def ResNet50(x):
    """ResNet-50: 16 bottlenecks; 25.6 million weights. The stride is at the first 1 x 1 convolution, as in the paper.

    Source: He et al. (2015), table 1.
    """
    return stages(x, (3, 4, 6, 3))


@application("resnet101")
def ResNet101(x):
    """ResNet-101: 33 bottlenecks; 44.7 million weights.

    Source: He et al. (2015), table 1.
    """
    return stages(x, (3, 4, 23, 3))


@application("resnet152")
def ResNet152(x):
    """ResNet-152: 50 bottlenecks; 60.4 million weights.

    Source: He et al. (2015), table 1.
    """
    return stages(x, (3, 8, 36, 3))
