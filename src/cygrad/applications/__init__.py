"""Networks for pictures, with Keras's arguments, names of layers and order of weights, so that Keras's files of weights
load: each in a module of its own, with its preprocess_input and decode_predictions. See docs/applications.md."""

from . import densenet, imagenet_utils, inception_v3, mobilenet_v2, resnet, resnet50, resnet_v2, vgg16, vgg19
from .densenet import DenseNet121, DenseNet169, DenseNet201
from .inception_v3 import InceptionV3
from .mobilenet_v2 import MobileNetV2
from .resnet import ResNet50, ResNet101, ResNet152
from .resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from .vgg16 import VGG16
from .vgg19 import VGG19

__all__ = [
    "VGG16", "VGG19", "DenseNet121", "DenseNet169", "DenseNet201", "InceptionV3", "MobileNetV2", "ResNet50",
    "ResNet50V2", "ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "densenet", "imagenet_utils", "inception_v3",
    "mobilenet_v2", "resnet", "resnet50", "resnet_v2", "vgg16", "vgg19",
]  # fmt: skip
