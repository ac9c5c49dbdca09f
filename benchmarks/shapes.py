"""What is measured: shapes from real networks, as data. Small and odd ones are among them, so that a cliff shows."""

from typing import NamedTuple

# M, K, N
MATMUL = [
    # dense layers of small networks and squares
    (32, 784, 64), (32, 64, 64), (128, 784, 512), (32, 1600, 128), (1, 784, 128),
    (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
    # LeNet's dense layers, VGG's and ResNet-50's last ones
    (32, 400, 120), (32, 120, 84), (32, 84, 10), (8, 4096, 4096), (32, 2048, 1000),
    # convolutions as products: 3x3 of an MNIST network, 1x1 of ResNet-50's first and last stage
    (3136, 576, 64), (6272, 288, 64), (3136, 256, 64), (49, 2048, 512),
    # one step of an LSTM of 128 units: input and state
    (32, 64, 512), (32, 128, 512),
    # odd ones: tiny, off every tile, a short sum, a column
    (1, 1, 1), (7, 5, 3), (17, 31, 13), (129, 257, 127), (513, 511, 509), (1000, 3, 1000), (1024, 1024, 1),
]  # fmt: skip
# as backward passes have them: squares, gradients of dense layers' inputs (NT) and weights (TN)
MATMUL_TRANSPOSED = [
    *((t, (n, n, n)) for t in ("NT", "TN") for n in (512, 1024, 2048)),
    ("NT", (32, 64, 64)), ("NT", (128, 512, 784)), ("NT", (8, 4096, 4096)),
    ("TN", (64, 32, 64)), ("TN", (784, 32, 64)), ("TN", (784, 128, 512)),
]  # fmt: skip
# also with the instruction set pinned
MATMUL_PINNED = [
    *(("avx2", "NN", (n, n, n)) for n in (256, 512, 1024, 2048)),
    ("avx2", "NT", (1024, 1024, 1024)), ("avx2", "TN", (1024, 1024, 1024)),
]  # fmt: skip


class Conv(NamedTuple):
    """x[N,H,H,C] with F filters of kernel[R,S], padded by pad[0] rows and pad[1] columns on either side."""

    N: int
    H: int
    C: int
    F: int
    kernel: tuple
    stride: int = 1
    pad: tuple = (0, 0)
    groups: int = 1

    @property
    def output(self):
        return tuple((self.H + 2 * p - r) // self.stride + 1 for p, r in zip(self.pad, self.kernel, strict=True))


CONV2D = {
    "mnist1": Conv(32, 28, 1, 32, (3, 3)),
    "mnist2": Conv(32, 13, 32, 64, (3, 3)),
    "img224": Conv(8, 224, 3, 32, (3, 3)),
    "vgg56": Conv(8, 56, 64, 64, (3, 3), pad=(1, 1)),
    "res28": Conv(8, 28, 128, 128, (3, 3), pad=(1, 1)),
    "res14": Conv(8, 14, 256, 256, (3, 3), pad=(1, 1)),
    "res7": Conv(8, 7, 512, 512, (3, 3), pad=(1, 1)),
    "pw56": Conv(8, 56, 64, 256, (1, 1)),
    "stem": Conv(8, 224, 3, 64, (7, 7), 2, (3, 3)),
    "lenet5x5": Conv(32, 14, 6, 16, (5, 5)),
    # the same kinds in other places of their networks
    "lenet1": Conv(32, 28, 1, 6, (5, 5), pad=(2, 2)),
    "alexnet1": Conv(8, 227, 3, 96, (11, 11), 4),
    "alexnet2": Conv(8, 27, 96, 256, (5, 5), pad=(2, 2)),
    "vgg224": Conv(1, 224, 64, 64, (3, 3), pad=(1, 1)),
    "vgg14": Conv(4, 14, 512, 512, (3, 3), pad=(1, 1)),
    "res56-strided": Conv(4, 56, 128, 128, (3, 3), 2, (1, 1)),
    "res56-shortcut": Conv(4, 56, 256, 512, (1, 1), 2),
    "res7-pointwise": Conv(8, 7, 2048, 512, (1, 1)),
    "res14-b1": Conv(1, 14, 256, 256, (3, 3), pad=(1, 1)),
    "inception35-5x5": Conv(8, 35, 48, 64, (5, 5), pad=(2, 2)),
    "inception35-reduce": Conv(4, 35, 288, 384, (3, 3), 2),
    "inception17-1x7": Conv(8, 17, 128, 192, (1, 7), pad=(0, 3)),
    "inception17-7x1": Conv(8, 17, 128, 192, (7, 1), pad=(3, 0)),
    "mobilenet112-depthwise": Conv(8, 112, 32, 32, (3, 3), pad=(1, 1), groups=32),
    "mobilenet112-pointwise": Conv(8, 112, 32, 64, (1, 1)),
    "mobilenet56-depthwise-strided": Conv(8, 56, 128, 128, (3, 3), 2, (1, 1), groups=128),
    "mobilenet14-depthwise": Conv(8, 14, 512, 512, (3, 3), pad=(1, 1), groups=512),
    "resnext14-grouped": Conv(8, 14, 256, 256, (3, 3), pad=(1, 1), groups=32),
    "odd19": Conv(3, 19, 5, 7, (3, 3), pad=(1, 1)),
    "odd31": Conv(2, 31, 17, 33, (3, 3), pad=(1, 1)),
    "odd9-b1": Conv(1, 9, 3, 10, (5, 5)),
}


class Conv1D(NamedTuple):
    """x[N,W,C] with F filters of so many taps, padded on either side."""

    N: int
    W: int
    C: int
    F: int
    taps: int
    stride: int = 1
    pad: int = 0

    @property
    def output(self):
        return (self.W + 2 * self.pad - self.taps) // self.stride + 1


CONV1D = {
    "imdb": Conv1D(32, 400, 50, 250, 3),  # Keras's example of a convolution over words
    "tcn": Conv1D(16, 256, 64, 64, 3, pad=1),
    "m5": Conv1D(8, 8000, 1, 128, 80, 4),  # M5's first layer: sound
    "wav2vec": Conv1D(1, 3199, 512, 512, 3, 2),
}

ELEMENTWISE = ["relu", "sigmoid", "tanh", "exp", "gelu", "silu"]
SIZES = [1000, 1 << 14, 250_007, 1 << 20, 1 << 24]
BACKWARD_SIZES = [1 << 14, 1 << 20]
# rows, columns: biases of a dense layer and of NHWC images, the mean of RGB; a scale for each row of a batch and of RGB
BROADCAST = [(128, 10, "row"), (25088, 64, "row"), (401_408, 3, "row"), (4096, 512, "column"), (401_408, 3, "column")]
SOFTMAX = [(7, 33), (32, 10), (128, 10), (128, 1000), (1024, 128), (4096, 512), (16384, 512)]  # rows, columns
SOFTMAX_BACKWARD = [(128, 1000), (16384, 512)]
EMBEDDING = [(32, 100, 10_000, 64), (8, 128, 30_522, 256)]  # sequences, steps, words, features: reviews; small BERT
LAYER_NORM = [(7, 33), (128, 1000), (1024, 768), (4096, 512)]
BATCH_NORM = [(32, 26, 32), (8, 14, 256), (8, 7, 2048), (32, 112, 64)]  # N, H = W, C
MAX_POOL2D = [  # N, H = W, C, window, stride
    (32, 26, 32, 2, 2), (32, 11, 64, 2, 2), (8, 55, 96, 3, 2), (32, 112, 64, 2, 2),
]  # fmt: skip
AVERAGE_POOL2D = [(32, 13, 64), (32, 112, 64)]  # N, H = W, C
DROPOUT = [1 << 14, 1 << 20, 1 << 24]
ADAM = [55_050, 1 << 22]  # the parameters of the MLP below, and many
ATTENTION = [  # N, T, features, heads, causal: self-attention without its projections
    (8, 128, 256, 8, False), (8, 128, 256, 4, False), (8, 128, 256, 8, True), (1, 1024, 512, 8, True),
    (32, 20, 64, 4, False),
]  # fmt: skip
RECURRENT = [(32, 100, 64, 128), (32, 28, 28, 64)]  # N, T, C, units

# Layers as (kind, size); each model ends in a softmax over its classes; Adam, sparse categorical cross-entropy
_CNN = [("conv", 32), ("pool", 2), ("conv", 64), ("pool", 2), ("flatten", 0), ("dense", 128)]
MODELS = {
    "mlp": {"input": (784,), "layers": [("dense", 64), ("dense", 64)], "classes": 10},
    "cnn": {"input": (28, 28, 1), "layers": _CNN, "classes": 10},
    "cnn224": {"input": (224, 224, 3), "layers": [*_CNN, ("dropout", 0.5)], "classes": 10},
    # of networks.py; "application": their names in Keras's and cygrad's applications
    "resnet50": {"input": (224, 224, 3), "classes": 1000},
    "vgg16": {"input": (224, 224, 3), "classes": 1000, "application": "VGG16"},
    "inception_v3": {"input": (299, 299, 3), "classes": 1000, "application": "InceptionV3"},
    "mobilenet_v2": {"input": (224, 224, 3), "classes": 1000, "application": "MobileNetV2"},
}
RESNET50 = [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]  # bottlenecks as (filters, repeats, stride)
VGG16 = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]  # blocks as (filters, convolutions)
MOBILENET_V2 = [  # inverted residuals as (expansion, filters, repeats, stride)
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
]  # fmt: skip
# (model, batch): training steps in one call of fit (so many that what a call costs besides does not count), and of
# those at the start whose losses must agree between the frameworks
TRAIN = {
    ("mlp", 32): (1000, 4),
    ("mlp", 128): (400, 4),
    ("cnn", 32): (200, 4),
    ("cnn", 128): (50, 4),
    ("cnn224", 32): (4, 2),
    ("resnet50", 8): (1, 1),
}
PREDICT = [
    ("mlp", 1), ("mlp", 32), ("mlp", 128), ("cnn", 1), ("cnn", 8), ("cnn", 32), ("cnn", 128), ("resnet50", 1),
    ("resnet50", 8), ("vgg16", 1), ("vgg16", 8), ("inception_v3", 1), ("inception_v3", 8), ("mobilenet_v2", 1),
    ("mobilenet_v2", 8),
]  # fmt: skip
PREDICT_AFTER_REST = [("cnn", 8, 0.1)]  # seconds of sleep before every call
PEAK_MEMORY = [("cnn224", 32), ("resnet50", 8)]  # of a training step in a process of its own
