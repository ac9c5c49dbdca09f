"""What batch and layer normalization share. The C side: csrc/kernels/moments.c.

xhat is x less its mean, over its standard deviation: y = xhat scale + offset. Its derivative subtracts from g = dy
scale what a change of x does to the mean and to the deviation: dx = rstd (g - mean(g) - xhat mean(g xhat)).
"""


def normalized(x, mean, rstd, scale, offset):
    y = (x - mean) * rstd
    if scale is not None:
        y = y * scale.ravel()
    return y if offset is None else y + offset.ravel()


def moments(x, axis):
    """(mean, variance) along an axis that stays, with size 1; zeros where there is nothing."""
    count = max(x.shape[axis], 1)
    mean = x.sum(axis=axis, keepdims=True) / count
    return mean, ((x - mean) ** 2).sum(axis=axis, keepdims=True) / count


def gradient(dy, xhat, rstd, scale, axis, centered=True):
    """dx, and the terms of dscale."""
    g = dy if scale is None else dy * scale.ravel()
    count = max(dy.shape[axis], 1)
    dx = g - xhat * ((g * xhat).sum(axis=axis, keepdims=True) / count)
    if centered:
        dx = dx - g.sum(axis=axis, keepdims=True) / count
    return dx * rstd, dy * xhat


def write(output, value):
    if output is not None:
        output.reshape(value.shape)[...] = value
