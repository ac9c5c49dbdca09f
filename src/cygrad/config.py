"""Settings of the process, with keras.config's names where Keras has them."""

import os

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")

_asked = os.environ.get("CYGRAD_CHECK_NUMERICS", "").lower()
if _asked not in _TRUE + _FALSE:
    raise ValueError(f"CYGRAD_CHECK_NUMERICS is {_asked!r}; expected 1 or 0")
numerics = _asked in _TRUE  # read by Layer.__call__


def check_numerics(enable=True):
    """Whether every layer checks its input and output, and raises FloatingPointError at the first NaN or infinity.

    The error names the layer. It costs a pass over every activation, so it is off by default; the environment variable
    CYGRAD_CHECK_NUMERICS=1 turns it on at the start. Returns the old setting.

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


def floatx():
    """The float type of layers: always "float32"."""
    return "float32"


def set_floatx(value):
    """Accepts "float32", the only float type of layers."""
    if value != "float32":
        raise ValueError(f"set_floatx: layers compute in float32 only; got {value!r}")


def epsilon():
    """The small number that keeps logarithms and quotients finite: 1e-7."""
    return 1e-7


def image_data_format():
    """Images are x[N,H,W,C]: always "channels_last"."""
    return "channels_last"


def set_image_data_format(data_format):
    """Accepts "channels_last", the only format."""
    if data_format != "channels_last":
        raise ValueError(f'set_image_data_format: images are x[N,H,W,C], "channels_last"; got {data_format!r}')


def backend():
    """The name of what computes: "cygrad"."""
    return "cygrad"
