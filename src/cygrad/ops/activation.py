"""Activations: elementwise functions with keras.ops's names. Kernels: csrc/kernels/activation.c."""

from ._backend import K, as_float, empty, gradient_like, record


def relu(x):
    """Rectified linear unit: y = max(x, 0), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy where y > 0, else 0.

    >>> cygrad.ops.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    x = as_float(x, "relu")
    y = empty(x.shape)
    K.relu_forward(y, x, x.size)

    def backward(dy):
        dx = gradient_like(x)
        K.relu_backward(dx, dy, y, x.size)
        return dx

    return record(y, (x,), backward)
