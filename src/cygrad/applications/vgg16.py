"""VGG16. Simonyan and Zisserman (2014), Very Deep Convolutional Networks for Large-Scale Image Recognition, table 1."""

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from ._building import application
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

FILTERS = (64, 128, 256, 512, 512)  # of the blocks
preprocess_input = preprocessing("caffe")


def blocks(x, depths):
    """Blocks of so many 3 x 3 convolutions; each ends with a pooling that halves the picture. (section 2.1)"""
    for block, (depth, filters) in enumerate(zip(depths, FILTERS), 1):
        for i in range(1, depth + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D(2, name=f"block{block}_pool")(x)
    return x


def fully_connected(x):
    """The two layers below the classifier; their dropout in training, of section 3.1, is not Keras's."""
    x = Flatten(name="flatten")(x)
    x = Dense(4096, activation="relu", name="fc1")(x)
    return Dense(4096, activation="relu", name="fc2")(x)


@application("vgg16", head=fully_connected, named_pools=False)
def VGG16(x):
    """VGG16: 13 convolutions of 3 x 3 in five blocks, and three dense layers; 138 million weights.

    Source: Simonyan and Zisserman (2014), configuration D.

    >>> model = cygrad.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    >>> model.count_params(), model.output_shape
    (14714688, (None, 512))
    """
    return blocks(x, (2, 2, 3, 3, 3))
