"""Activations: elementwise functions with keras.ops's names. Kernels: csrc/kernels/activation.c."""

from ._backend import K, as_float, empty, gradient_over, record, recording, relu_output, unary


def relu_gradient(y):
    """The backward of relu, which keeps y only where more than max poolings take it (see _tensor.pyx)."""
    output = relu_output(y)

    def backward(dy):
        y = output.y
        if y is None:
            return dy
        dx = gradient_over(y, dy)
        K.relu_backward(dx, dy, y, y.size)
        return dx

    return backward


def relu(x):
    """Rectified linear unit: y = max(x, 0), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy where y > 0, else 0.

    >>> cygrad.ops.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    x = as_float(x, "relu")
    y = empty(x.shape)
    K.relu_forward(y, x, x.size)
    return record(y, (x,), relu_gradient(y)) if recording() else y


def relu6(x):
    """Rectified linear unit with a ceiling: y = min(max(x, 0), 6), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x. dx = dy where 0 <= x <= 6, else 0.

    >>> cygrad.ops.relu6([-1.0, 2.0, 9.0]).numpy().tolist()
    [0.0, 2.0, 6.0]
    """
    return unary("relu6", "clip", x, "x", 0.0, 6.0)


def leaky_relu(x, negative_slope=0.2):
    """Leaky rectifier: y = x where x >= 0, else negative_slope * x, elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x.

    >>> cygrad.ops.leaky_relu([-1.0, 2.0], negative_slope=0.5).numpy().tolist()
    [-0.5, 2.0]
    """
    return unary("leaky_relu", "leaky_relu", x, "x", negative_slope)


def elu(x, alpha=1.0):
    """Exponential linear unit: y = x where x > 0, else alpha * (exp(x) - 1), elementwise (Clevert et al. 2016).

    Shapes: x of any shape, y alike. Saved for backward: y. Raises ValueError for a negative alpha, for then x does not
    follow from y.

    >>> cygrad.ops.elu([0.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    if alpha < 0:
        raise ValueError(f"elu: expected alpha >= 0; got {alpha}")
    return unary("elu", "elu", x, "y", alpha)


def selu(x):
    """Scaled exponential linear unit: y = 1.0507 * elu(x, 1.6733), elementwise (Klambauer et al. 2017).

    Shapes: x of any shape, y alike. Saved for backward: y.

    >>> round(cygrad.ops.selu(1.0).item(), 4)
    1.0507
    """
    return unary("selu", "selu", x, "y")


def sigmoid(x):
    """Logistic function: y = 1 / (1 + exp(-x)), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. y remembers x as its logits, so that binary_crossentropy is
    computed from x, without the loss of precision near 0 and 1.

    >>> cygrad.ops.sigmoid(0.0).item()
    0.5
    """
    x = as_float(x, "sigmoid")
    return unary("sigmoid", "sigmoid", x, "values").set_logits(x, "sigmoid")


def tanh(x):
    """Hyperbolic tangent, elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy (1 - y^2).

    >>> cygrad.ops.tanh(0.0).item()
    0.0
    """
    return unary("tanh", "tanh", x, "y")


def softplus(x):
    """Smooth rectifier: y = log(1 + exp(x)), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy (1 - exp(-y)).

    >>> round(cygrad.ops.softplus(0.0).item(), 4)
    0.6931
    """
    return unary("softplus", "softplus", x, "y")


def softsign(x):
    """y = x / (1 + |x|), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x. dx = dy / (1 + |x|)^2.

    >>> cygrad.ops.softsign([-1.0, 3.0]).numpy().tolist()
    [-0.5, 0.75]
    """
    return unary("softsign", "softsign", x, "x")


def gelu(x, approximate=True):
    """Gaussian error linear unit: y = x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    approximate: y = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2. True by default, as in keras.ops; the activation
    named "gelu" in a layer is the exact form, as in keras.activations. Shapes: x of any shape, y alike. Saved for
    backward: x.

    >>> round(cygrad.ops.gelu(1.0, approximate=False).item(), 4)
    0.8413
    """
    return unary("gelu", "gelu_tanh" if approximate else "gelu", x, "x")


def silu(x):
    """Sigmoid linear unit, also called swish: y = x sigmoid(x), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: x.

    >>> cygrad.ops.silu(0.0).item()
    0.0
    """
    return unary("silu", "silu", x, "x")


swish = silu


def exp(x):
    """y = exp(x), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy y.

    >>> cygrad.ops.exp(0.0).item()
    1.0
    """
    return unary("exp", "exp", x, "y")


def hard_sigmoid(x):
    """Piecewise linear sigmoid: y = min(max(x / 6 + 1/2, 0), 1), elementwise.

    Shapes: x of any shape, y alike. Saved for backward: y. dx = dy / 6 where 0 < y < 1, else 0.

    >>> cygrad.ops.hard_sigmoid([-4.0, 0.0, 4.0]).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    return unary("hard_sigmoid", "hard_sigmoid", x, "y")
