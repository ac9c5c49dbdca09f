"""MobileNet. Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto and Adam (2017), MobileNets: Efficient
Convolutional Neural Networks for Mobile Vision Applications, table 1."""

from functools import partial

from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from ._building import Arguments, Network, build, describe, input_shape_of, size_among
from ._weights import not_downloaded
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

BLOCKS = (  # table 1: channels, stride
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
)  # fmt: skip
SIZES = (128, 160, 192, 224)  # of pictures that there are weights for
WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}  # and how their files call them
preprocess_input = preprocessing("tf")


def activated(x, name):
    return ReLU(6.0, name=f"{name}_relu")(BatchNormalization(name=f"{name}_bn")(x))


def separable(x, filters, stride, depth_multiplier, number):
    """Each channel by 3 x 3, then all by 1 x 1. (figure 3)"""
    name = f"conv_dw_{number}"
    if stride == 2:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    padding = "same" if stride == 1 else "valid"
    x = DepthwiseConv2D(3, stride, padding, depth_multiplier, use_bias=False, name=name)(x)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(activated(x, name))
    return activated(x, f"conv_pw_{number}")


def features(x, alpha, depth_multiplier):
    """The layers under the pooling."""
    x = Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    x = activated(x, "conv1")
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        x = separable(x, int(filters * alpha), stride, depth_multiplier, number)
    return x


def classifier(x, given, dropout):
    """A convolution of one pixel, in Keras's layers."""
    x = Dropout(dropout, name="dropout")(GlobalAveragePooling2D(keepdims=True)(x))
    x = Conv2D(given.classes, 1, padding="same", name="conv_preds")(x)
    x = Reshape((given.classes,), name="reshape_2")(x)
    return Activation(given.classifier_activation, name="predictions")(x)


def published(alpha, depth_multiplier, size, include_top):
    """Raises: there is nothing that a download could be compared with."""
    if alpha not in WIDTHS or depth_multiplier != 1:
        raise ValueError(
            f"MobileNet: there are weights for alpha {', '.join(map(str, WIDTHS))} and depth_multiplier 1; got "
            f"{alpha!r} and {depth_multiplier!r}"
        )
    end = "" if include_top else "_no_top"
    raise not_downloaded("MobileNet", f"mobilenet/mobilenet_{WIDTHS[alpha]}_{size}_tf{end}.h5")


def MobileNet(
    input_shape=None,
    alpha=1.0,
    depth_multiplier=1,
    dropout=1e-3,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
):
    """MobileNet: 13 separable convolutions; 4.3 million weights at alpha=1.

    alpha: the channels of all layers, relative to the paper's. depth_multiplier: results of each channel of a depthwise
    convolution. dropout: of the averages under the classifier.

    >>> model = cygrad.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, classes=10)
    >>> model.name, model.count_params(), model.output_shape
    ('mobilenet_0.25_32', 221114, (None, 10))

    Source: Howard et al. (2017), table 1; alpha as in section 3.3.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 1 / 32 <= alpha < 100:
        raise ValueError(f"MobileNet: alpha must be a number of at least 1/32; got {alpha!r}")
    given = Arguments(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation)
    size = size_among(SIZES, given)
    network = Network(
        "MobileNet",
        partial(features, alpha=alpha, depth_multiplier=depth_multiplier),
        None,
        partial(published, alpha, depth_multiplier, size),
        named_pools=False,
        size=size,
        classifier=partial(classifier, dropout=dropout),
    )
    return build(network, given, name or f"mobilenet_{alpha:0.2f}_{input_shape_of(network, given)[0]}")


MobileNet.__doc__ = describe(MobileNet.__doc__, Network("", None, None, None))
