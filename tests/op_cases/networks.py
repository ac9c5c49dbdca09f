"""What layers and losses are made of."""

import numpy as np
from cygrad._tensor import Variable

from cygrad import ops

from .inputs import distinct, normal, positive, rows

LABELS = np.array([1, 0, 3, 3, 2])
STEPS = np.array([[True, False, True], [True, True, False]])  # of recurrent layers: those that count

CASES = {
    # matmul
    "matmul": (ops.matmul, normal(3, 5), normal(5, 4)),
    "matmul vectors": (ops.matmul, normal(5), normal(5)),
    "matmul row": (ops.matmul, normal(5), normal(5, 4)),
    "matmul column": (ops.matmul, normal(2, 3, 5), normal(5)),
    "matmul folded": (ops.matmul, normal(2, 3, 5), normal(5, 4)),
    "matmul batch": (ops.matmul, normal(2, 3, 5), normal(2, 5, 4)),
    "matmul broadcast": (ops.matmul, normal(2, 1, 3, 5), normal(3, 5, 2)),
    "matmul batch of b": (ops.matmul, normal(3, 5), normal(2, 5, 2)),
    "matmul batch of rows": (ops.matmul, normal(5), normal(2, 5, 2)),
    "dot": (ops.dot, normal(3, 5), normal(5)),
    "dot of ranks 2 and 3": (ops.dot, normal(3, 5), normal(2, 5, 4)),
    "tensordot": (lambda a, b: ops.tensordot(a, b, axes=((0, 2), (1, 0))), normal(3, 2, 4), normal(4, 3, 5)),
    "dense": (ops.dense, normal(4, 3), normal(3, 5), normal(5)),
    "dense ranks": (ops.dense, normal(2, 4, 3), normal(3, 5), normal(5)),
    "dense without bias": (lambda x, w: ops.dense(x, w, activation="tanh"), normal(4, 3), normal(3, 5)),
    "dense function": (lambda x, w: ops.dense(x, w, activation=ops.square), normal(4, 3), normal(3, 5)),
    # conv2d
    "conv": (ops.conv, normal(2, 5, 6, 3), normal(3, 2, 3, 4)),
    "conv same strides": (
        lambda x, k: ops.conv(x, k, strides=(2, 3), padding="same"),
        normal(2, 5, 7, 3),
        normal(3, 4, 3, 2),
    ),
    "conv dilation": (
        lambda x, k: ops.conv(x, k, dilation_rate=2, padding="same"),
        normal(1, 6, 5, 2),
        normal(3, 3, 2, 2),
    ),
    "conv padding": (
        lambda x, k: ops.conv(x, k, 2, [(1, 0), [2, 3]]),
        normal(2, 4, 5, 3),
        normal(3, 2, 3, 4),
    ),
    "conv 1d padding": (lambda x, k: ops.conv(x, k, padding=((4, 0),)), normal(2, 7, 3), normal(5, 3, 2)),
    "conv groups": (lambda x, k: ops.conv(x, k, 2), normal(2, 5, 5, 6), normal(2, 2, 2, 9)),
    "conv depthwise": (lambda x, k: ops.conv(x, k, padding="same"), normal(2, 4, 4, 3), normal(3, 3, 1, 6)),
    "conv bias": (
        lambda x, k, b: ops.conv(x, k, bias=b, activation="softplus"),
        normal(2, 4, 4, 3),
        normal(3, 3, 3, 4),
        normal(4),
    ),
    "conv after": (
        lambda x, k, b: ops.conv(x, k, bias=b, activation="silu"),
        normal(2, 4, 4, 3),
        normal(3, 3, 3, 4),
        normal(4),
    ),
    "conv 1d": (lambda x, k: ops.conv(x, k, strides=2, padding="same"), normal(2, 7, 3), normal(3, 3, 4)),
    "conv strides as a list": (
        lambda x, k: ops.conv(x, k, [2, 1], dilation_rate=[1, 2]),
        normal(1, 5, 5, 2),
        normal(2, 2, 2, 2),
    ),
    "depthwise_conv": (lambda x, k: ops.depthwise_conv(x, k, 2, "same"), normal(2, 5, 5, 3), normal(3, 3, 3, 2)),
    "depthwise_conv 1d": (ops.depthwise_conv, normal(2, 5, 3), normal(3, 3, 2)),
    "separable_conv": (ops.separable_conv, normal(2, 5, 5, 3), normal(3, 3, 3, 2), normal(1, 1, 6, 4)),
    "conv_transpose": (lambda x, k: ops.conv_transpose(x, k, 2), normal(2, 3, 4, 3), normal(3, 3, 2, 3)),
    "conv_transpose same": (
        lambda x, k, b: ops.conv_transpose(x, k, (2, 3), "same", dilation_rate=2, bias=b),
        normal(1, 3, 4, 3),
        normal(3, 2, 2, 3),
        normal(2),
    ),
    "conv_transpose output_padding": (
        lambda x, k: ops.conv_transpose(x, k, 3, "same", output_padding=1),
        normal(1, 3, 4, 2),
        normal(4, 3, 2, 2),
    ),
    "conv_transpose 1d": (lambda x, k: ops.conv_transpose(x, k, 3), normal(2, 4, 3), normal(2, 2, 3)),
    # pool2d
    "max_pool": (lambda x: ops.max_pool(x, 2), distinct(2, 5, 4, 3)),
    "max_pool same": (lambda x: ops.max_pool(x, (3, 2), strides=(2, 1), padding="same"), distinct(2, 5, 4, 3)),
    "max_pool 1d": (lambda x: ops.max_pool(x, 3, 2), distinct(2, 7, 3)),
    "max_pool of a large window": (lambda x: ops.max_pool(x, 17, padding="same"), distinct(1, 20, 18, 2)),
    "adaptive_average_pool": (lambda x: ops.adaptive_average_pool(x, (2, 5)), normal(2, 5, 4, 3)),
    "adaptive_max_pool": (lambda x: ops.adaptive_max_pool(x, (2, 5)), distinct(2, 5, 4, 3)),
    "adaptive_max_pool 1d": (lambda x: ops.adaptive_max_pool(x, 3), distinct(2, 7, 3)),
    "average_pool": (lambda x: ops.average_pool(x, 2), normal(2, 5, 4, 3)),
    "average_pool same": (lambda x: ops.average_pool(x, 3, strides=2, padding="same"), normal(2, 5, 4, 3)),
    "average_pool 1d": (lambda x: ops.average_pool(x, 2, padding="same"), normal(2, 5, 3)),
    # normalization
    "batch_normalization": (
        lambda x, m, v, o, s: ops.batch_normalization(x, m, ops.exp(v), -1, o, s),
        normal(5, 2, 3),
        normal(3),
        normal(3),
        normal(3),
        normal(3),
    ),
    "batch_normalization axis": (
        lambda x, m, v: ops.batch_normalization(x, m, ops.exp(v), 1),
        normal(2, 3, 4),
        normal(3),
        normal(3),
    ),
    "batch_normalization_training": (
        lambda x, o, s: ops.batch_normalization_training(x, Variable(np.zeros(3)), Variable(np.ones(3)), 1, o, s),
        normal(4, 3, 2),
        normal(3),
        normal(3),
    ),
    "layer_normalization": (lambda x, g, b: ops.layer_normalization(x, g, b), normal(3, 5), normal(5), normal(5)),
    "layer_normalization axis": (
        lambda x, g: ops.layer_normalization(x, g, axis=(0, 2)),
        normal(3, 4, 2),
        normal(3, 2),
    ),
    "rms_normalization": (lambda x, s: ops.rms_normalization(x, s, axis=(1, 2)), normal(2, 4, 3), normal(4, 3)),
    # softmax
    "softmax": (ops.softmax, normal(3, 5)),
    "softmax axis": (lambda x: ops.softmax(x, axis=1), normal(2, 3, 4)),
    "softmax axes": (lambda x: ops.softmax(x, axis=(0, 2)), normal(2, 3, 4)),
    "log_softmax": (ops.log_softmax, normal(3, 5)),
    "log_softmax axis": (lambda x: ops.log_softmax(x, axis=0), normal(3, 5)),
    "sparsemax": (ops.sparsemax, normal(4, 5)),
    "sparsemax axis": (lambda x: ops.sparsemax(3.0 * x, axis=1), normal(2, 3, 4)),
    # loss
    "binary_crossentropy": (lambda t, p: ops.binary_crossentropy(t, p), positive(3, 5), rows(3, 5)),
    "binary_crossentropy logits": (lambda t, x: ops.binary_crossentropy(t, x, True), positive(3, 5), normal(3, 5)),
    "binary_crossentropy of sigmoid": (lambda t, x: ops.binary_crossentropy(t, ops.sigmoid(x)), positive(4), normal(4)),
    "categorical_crossentropy": (lambda p: ops.categorical_crossentropy(np.eye(4)[LABELS], p), positive(5, 4)),
    "categorical_crossentropy of both": (ops.categorical_crossentropy, rows(5, 4), positive(5, 4)),
    "categorical_crossentropy axis": (
        lambda t, p: ops.categorical_crossentropy(t, p, axis=1),
        rows(2, 4, 3),
        positive(2, 4, 3),
    ),
    "categorical_crossentropy logits": (
        lambda x: ops.categorical_crossentropy(0.3 + np.eye(4)[LABELS], x, from_logits=True),
        normal(5, 4),
    ),
    "categorical_crossentropy of softmax": (
        lambda x: ops.categorical_crossentropy(np.eye(4)[LABELS], ops.softmax(x)),
        normal(5, 4),
    ),
    "categorical_crossentropy targets": (
        lambda t, x: ops.categorical_crossentropy(t, x, True),
        rows(5, 4),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy": (lambda p: ops.sparse_categorical_crossentropy(LABELS, p), positive(5, 4)),
    "sparse_categorical_crossentropy logits": (
        lambda x: ops.sparse_categorical_crossentropy(LABELS[:, None], x, from_logits=True),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy of softmax": (
        lambda x: ops.sparse_categorical_crossentropy(LABELS, ops.softmax(x)),
        normal(5, 4),
    ),
    "sparse_categorical_crossentropy axis": (
        lambda x: ops.sparse_categorical_crossentropy(np.array([[0, 2, 1]]), x, from_logits=True, axis=1),
        normal(1, 4, 3),
    ),
    # attention and recurrent layers
    "dot_product_attention": (
        lambda q, k, v: ops.dot_product_attention(q, k, v, is_causal=True, scale=0.7),
        normal(2, 3, 4, 2),
        normal(2, 5, 2, 2),
        normal(2, 5, 2, 3),
    ),
    "simple_rnn": (
        lambda x, w, u, b, h: ops.concatenate(ops.simple_rnn(x, w, u, b, h, STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 2),
        normal(2, 2),
        normal(2),
        normal(2, 2),
    ),
    "gru": (
        lambda x, w, u, b, h: ops.concatenate(ops.gru(x, w, u, b, h, STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 6),
        normal(2, 6),
        normal(2, 6),
        normal(2, 2),
    ),
    "lstm": (
        lambda x, w, u, b, h, c: ops.concatenate(ops.lstm(x, w, u, b, (h, c), STEPS), axis=-1),
        normal(2, 3, 4),
        normal(4, 8),
        normal(2, 8),
        normal(8),
        normal(2, 2),
        normal(2, 2),
    ),
    # pictures
    "image extract_patches": (lambda x: ops.image.extract_patches(x, (2, 3), 2, 1, "same"), normal(2, 5, 4, 3)),
    "image crop_images": (lambda x: ops.image.crop_images(x, 1, 0, 1, 2), normal(2, 5, 4, 3)),
    "image pad_images": (lambda x: ops.image.pad_images(x, 1, 0, 1, 2), normal(5, 4, 3)),
    "image rgb_to_grayscale": (ops.image.rgb_to_grayscale, normal(2, 2, 4, 3)),
    "image rgb_to_hsv": (ops.image.rgb_to_hsv, positive(2, 2, 4, 3)),
    "image hsv_to_rgb": (lambda x: ops.image.hsv_to_rgb(x * 0.7), positive(2, 2, 4, 3)),
}
