"""MobileNetV2. Sandler, Howard, Zhu, Zhmoginov and Chen (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks,
tables 1 and 2."""

from functools import partial

from ..layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, ReLU, ZeroPadding2D
from ._building import Arguments, Network, build, describe, input_shape_of, size_among
from ._weights import not_downloaded
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

STAGES = (  # table 2: expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
SIZES = (96, 128, 160, 192, 224)  # of pictures that there are weights for
WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
preprocess_input = preprocessing("tf")


def channels(n):
    """The nearest multiple of 8, at least 8, and not less than nine tenths of n."""
    near = max(8, int(n + 4) // 8 * 8)
    return near + 8 if near < 0.9 * n else near


def scaled(x, name):
    return BatchNormalization(momentum=0.999, name=name)(x)


def inverted_residual(x, filters, stride, expansion, name):
    """Expand by 1 x 1, filter each channel by 3 x 3, project without relu; plus x where the shape allows. (table 1)"""
    y, before = x, x.shape[-1]
    if expansion > 1:
        y = Conv2D(expansion * before, 1, padding="same", use_bias=False, name=f"{name}_expand")(y)
        y = ReLU(6.0, name=f"{name}_expand_relu")(scaled(y, f"{name}_expand_BN"))
    if stride == 2:  # an odd number of rows or columns is padded on both sides, an even one at its end
        y = ZeroPadding2D([((size or 0) % 2, 1) for size in y.shape[1:3]], name=f"{name}_pad")(y)
    padding = "same" if stride == 1 else "valid"
    y = DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{name}_depthwise")(y)
    y = ReLU(6.0, name=f"{name}_depthwise_relu")(scaled(y, f"{name}_depthwise_BN"))
    y = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(y)
    y = scaled(y, f"{name}_project_BN")
    return Add(name=f"{name}_add")([x, y]) if stride == 1 and before == filters else y


def features(x, alpha):
    """The layers under the pooling."""
    x = Conv2D(channels(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = ReLU(6.0, name="Conv1_relu")(scaled(x, "bn_Conv1"))
    number = 0
    for expansion, filters, blocks, stride in STAGES:
        for i in range(blocks):
            name = f"block_{number}" if number else "expanded_conv"
            x = inverted_residual(x, channels(int(filters * alpha)), 1 if i else stride, expansion, name)
            number += 1
    x = Conv2D(channels(1280 * alpha) if alpha > 1 else 1280, 1, use_bias=False, name="Conv_1")(x)
    return ReLU(6.0, name="out_relu")(scaled(x, "Conv_1_bn"))


def pooled(x):
    return GlobalAveragePooling2D()(x)


def published(alpha, size, include_top):
    """Raises: there is nothing that a download could be compared with."""
    if alpha not in WIDTHS:
        raise ValueError(f"MobileNetV2: there are weights for alpha {', '.join(map(str, WIDTHS))}; got {alpha!r}")
    file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}{'' if include_top else '_no_top'}.h5"
    raise not_downloaded("MobileNetV2", f"mobilenet_v2/{file}")


def MobileNetV2(
    input_shape=None,
    alpha=1.0,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
):
    """MobileNetV2: 17 inverted residuals on depthwise convolutions; 3.5 million weights at alpha=1.

    alpha: the channels of all layers but the last, relative to the paper's.

    >>> model = cygrad.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=10)
    >>> model.name, model.count_params(), model.output_shape
    ('mobilenetv2_0.35_32', 423018, (None, 10))

    Source: Sandler et al. (2018), table 2; alpha as in section 6.1.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 100:
        raise ValueError(f"MobileNetV2: alpha must be a number above 0; got {alpha!r}")
    given = Arguments(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation)
    size = size_among(SIZES, given)
    network = Network(
        "MobileNetV2", partial(features, alpha=alpha), pooled, partial(published, alpha, size), False, size
    )
    name = name or f"mobilenetv2_{alpha:0.2f}_{input_shape_of(network, given)[0]}"
    return build(network, given, name)


MobileNetV2.__doc__ = describe(MobileNetV2.__doc__, Network("", None, None, None))
