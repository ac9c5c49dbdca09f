"""VGG19. Simonyan and Zisserman (2014), Very Deep Convolutional Networks for Large-Scale Image Recognition, table 1."""

from ._building import application
from .vgg16 import blocks, decode_predictions, fully_connected, preprocess_input

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]


@application("vgg19", head=fully_connected, named_pools=False)
def VGG19(x):
    """VGG19: 16 convolutions of 3 x 3 in five blocks, and three dense layers; 144 million weights.

    Source: Simonyan and Zisserman (2014), configuration E.
    """
    return blocks(x, (2, 2, 4, 4, 4))
