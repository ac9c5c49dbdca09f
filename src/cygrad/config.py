"""Settings of the process, with keras.config's names where Keras has them."""

import os

from . import _core

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")

_asked = os.environ.get("CYGRAD_CHECK_NUMERICS", "").lower()
if _asked not in _TRUE + _FALSE:
    raise ValueError(f"CYGRAD_CHECK_NUMERICS is {_asked!r}; expected 1 or 0")
numerics = _asked in _TRUE  # read by Layer.__call__


def check_numerics(enable=True):
    """Whether every layer checks its input and output, and raises FloatingPointError at the first NaN or infinity.

    The error names the layer. It costs a pass over every activation, so it is off by default; the environment variable
    CYGRAD_CHECK_NUMERICS=1 turns it on at the start. Returns the old setting.

    enable: True or False; None asks.

    >>> old = cygrad.config.check_numerics(True)
    >>> cygrad.layers.Dense(2, name="head")(np.array([[np.nan, 1.0]]))
    Traceback (most recent call last):
    ...
    FloatingPointError: Dense "head": its input has 1 NaN and 0 infinite among 2 values, shape (1, 2)
    >>> _ = cygrad.config.check_numerics(old)
    """
    global numerics
    old, numerics = numerics, bool(enable)
    return old


def winograd(enable=True):
    """Whether 3 x 3 and 5 x 5 convolutions of stride 1 may take Winograd's algorithm. Returns the old setting.

    It needs a quarter or a third of the multiplications and is two to three times as fast. Its rounding errors are one
    to three times those of direct sums, up to six in the kernel's gradient; NaN or infinity in x reach all of their
    patch of 4 x 4 or 2 x 2 outputs. By default it is on, and taken where it pays, which follows from the size of one
    sample: the batch does not change a result. The environment variable CYGRAD_WINOGRAD=0 turns it off. (Lavin and
    Gray 2016)

    enable: True or False.

    >>> old = cygrad.config.winograd(False)
    >>> _ = cygrad.config.winograd(old)
    """
    return _core.set_winograd(enable)


def floatx():
    """The float type of layers: always "float32".

    >>> cygrad.config.floatx()
    'float32'
    """
    return "float32"


def set_floatx(value):
    """Accepts "float32", the only float type of layers.

    value: the value.

    >>> cygrad.config.set_floatx('float32')
    """
    if value != "float32":
        raise ValueError(f"set_floatx: layers compute in float32 only; got {value!r}")


def epsilon():
    """The small number that keeps logarithms and quotients finite: 1e-7.

    >>> cygrad.config.epsilon()
    1e-07
    """
    return 1e-7


def set_epsilon(value):
    """Accepts 1e-7, the only one: the kernels know it.

    value: the value.

    >>> cygrad.config.set_epsilon(1e-7)
    """
    if value != epsilon():
        raise ValueError(
            f"set_epsilon: it is 1e-7 everywhere; got {value!r}. Many layers and ops take one as an argument"
        )


def image_data_format():
    """Images are x[N,H,W,C]: always "channels_last".

    >>> cygrad.config.image_data_format()
    'channels_last'
    """
    return "channels_last"


def set_image_data_format(data_format):
    """Accepts "channels_last", the only format.

    data_format: None or "channels_last", the only one.

    >>> cygrad.config.set_image_data_format('channels_last')
    """
    if data_format != "channels_last":
        raise ValueError(f'set_image_data_format: images are x[N,H,W,C], "channels_last"; got {data_format!r}')


def backend():
    """The name of what computes: "cygrad".

    >>> cygrad.config.backend()
    'cygrad'
    """
    return "cygrad"
