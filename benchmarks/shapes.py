"""What is measured: shapes from real networks, as data."""

# M, K, N: dense layers of small networks, squares, and what convolutions of an MNIST network amount to
MATMUL = [
    (32, 784, 64), (32, 64, 64), (128, 784, 512), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024),
    (2048, 2048, 2048), (3136, 576, 64), (6272, 288, 64), (32, 1600, 128), (1, 784, 128),
]  # fmt: skip

CONV2D = {  # N, H = W, C, F, R = S, stride, padding on each side
    "mnist1": (32, 28, 1, 32, 3, 1, 0),
    "mnist2": (32, 13, 32, 64, 3, 1, 0),
    "img224": (8, 224, 3, 32, 3, 1, 0),
    "vgg56": (8, 56, 64, 64, 3, 1, 1),
    "res28": (8, 28, 128, 128, 3, 1, 1),
    "res14": (8, 14, 256, 256, 3, 1, 1),
    "res7": (8, 7, 512, 512, 3, 1, 1),
    "pw56": (8, 56, 64, 256, 1, 1, 0),
    "stem": (8, 224, 3, 64, 7, 2, 3),
    "lenet5x5": (32, 14, 6, 16, 5, 1, 0),
}

ELEMENTWISE = ["relu", "sigmoid", "tanh", "exp", "gelu", "silu"]
SIZES = [1 << 14, 1 << 20, 1 << 24]
ROWS = [(32, 10), (128, 1000), (4096, 512)]  # softmax
POOL2D = [(32, 26, 32), (32, 112, 64)]  # N, H = W, C; 2x2, stride 2
ADAM = [1 << 22]

# Layers as (kind, size); every model ends in a softmax over 10 classes; Adam, sparse categorical cross-entropy
MODELS = {
    "mlp": {"input": (784,), "layers": [("dense", 64), ("dense", 64)]},
    "cnn": {
        "input": (28, 28, 1),
        "layers": [("conv", 32), ("pool", 2), ("conv", 64), ("pool", 2), ("flatten", 0), ("dense", 128)],
    },
}
BATCHES = [1, 32, 128]
