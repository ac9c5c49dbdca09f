"""Checks of constructor arguments: each gives its argument in uniform form, or an error that names both."""

import numpy as np

from .. import _lookup


def given(arguments, *but):
    """The arguments of the __init__ whose locals() these are, some of them left out, to be handed on to its base."""
    own = ("self", "kwargs", "__class__", *but)
    return {name: value for name, value in arguments.items() if name not in own} | arguments["kwargs"]


def positive(layer, argument, value, least=1):
    """A whole number of at least `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{type(layer).__name__}: {argument} must be {kind}; got {value!r}")
    return int(value)


def numbers(layer, argument, value, n, least=1):
    """A tuple of n whole numbers; one number stands for n equal ones."""
    values = value if isinstance(value, (tuple, list)) else (value,) * n
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values)
    if not whole or len(values) != n or any(v < least for v in values):
        kind = "positive" if least == 1 else f"at least {least}"
        raise ValueError(
            f"{type(layer).__name__}: {argument} must be an integer or {n} of them, each {kind}; got {value!r}"
        )
    return tuple([int(v) for v in values])


def choice(layer, argument, value, known):
    """One of a few strings, in any case of letters."""
    chosen = value.lower() if isinstance(value, str) else value
    if chosen not in known:
        raise _lookup.unknown(f"{type(layer).__name__} {argument}", value, known)
    return chosen


def channels_last(layer, data_format):
    """None and "channels_last"; nothing else is there."""
    if data_format == "channels_first":
        raise ValueError(
            f'{type(layer).__name__}: data_format="channels_first" is not supported: images are x[N,H,W,C], '
            '"channels_last". numpy.moveaxis(x, 1, -1) moves the channels there.'
        )
    choice(layer, "data_format", data_format or "channels_last", ("channels_last",))
    return "channels_last"


def flag(layer, argument, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{type(layer).__name__}: {argument} must be True or False; got {value!r}")
    return bool(value)


def window_output(layer, shape, window, strides, padding, dilation=(1, 1)):
    """The output's sizes of a window that slides over axes 1, 2, ... of shape; None where the input's is open."""
    sizes = []
    for axis, (size, width, stride, spread) in enumerate(zip(shape[1:], window, strides, dilation), start=1):
        if size is None:
            sizes.append(None)
            continue
        reach = (width - 1) * spread + 1
        out = -(-size // stride) if padding == "same" else (size - reach) // stride + 1
        if out < 1:
            raise ValueError(
                f'{type(layer).__name__} "{layer.name}": a window of {reach} does not fit axis {axis}, {size}; '
                f'got shape {tuple(shape)}. Is padding="same" missing, or the input smaller than meant?'
            )
        sizes.append(out)
    return tuple(sizes)
