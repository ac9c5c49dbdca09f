"""Making and converting tensors, with keras.ops's names."""

import builtins

import numpy as np

from ._backend import K, Tensor, Variable, as_float, constant_array, from_array, record, scalar, view
from ._backend import empty as _empty
from ._backend import zeros as _zeros


def _whole_dtype(array):
    """The type for whole numbers of another one's: int32 where it holds them all, else int64."""
    least, most = int(array.min(initial=0)), int(array.max(initial=0))
    if most >= 2**63:
        raise TypeError(f"convert_to_tensor: expected whole numbers below 2^63 for x; got {most}")
    return "int32" if least >= -(2**31) and most < 2**31 else "int64"


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """x as a tensor: itself if it is one of that dtype, else a copy.

    dtype None: kept for tensors; Python numbers and lists become float32, bool or int32 (int64 where one is too large
    for it); arrays keep their integer type (uint8, int32, int64), all floats become float32. sparse and ragged must be
    None or False. Raises TypeError for what is not numbers.

    >>> cygrad.ops.convert_to_tensor([1, 2]).dtype
    'int32'
    """
    if isinstance(x, Tensor):
        return x if dtype is None else cast(x, dtype)
    if sparse or ragged:
        raise ValueError("convert_to_tensor: sparse and ragged tensors are not supported; expected None or False")
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        x = np.from_dlpack(x)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"convert_to_tensor: expected numbers for x; got rows of unequal lengths ({error})") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"convert_to_tensor: expected numbers for x; got {type(x).__name__} of {array.dtype}")
    if dtype is None and array.dtype.kind != "f":
        name = array.dtype.name
        known = name in ("bool", "uint8", "int32") or (name == "int64" and isinstance(x, (np.ndarray, np.generic)))
        dtype = name if known else _whole_dtype(array)
    plain = isinstance(x, (int, float, list, tuple, range))
    return constant_array(array, dtype) if plain else from_array(array, dtype)


def convert_to_numpy(x):
    """x as a NumPy array that does not share its memory.

    >>> type(cygrad.ops.convert_to_numpy(cygrad.ops.ones(2))) is np.ndarray
    True
    """
    return np.array(x)


def is_tensor(x):
    """Is x a cygrad Tensor (or a Variable, which is one)?

    >>> cygrad.ops.is_tensor(np.ones(2))
    False
    """
    return isinstance(x, Tensor)


def cast(x, dtype):
    """x in another dtype: float32, float64, int32, int64, uint8 or bool; x itself if it has that dtype. None: float32.

    The gradient passes from float to float; floats lose their fraction on the way to integers.

    >>> cygrad.ops.cast([1.7, -1.7], "int32").numpy().tolist()
    [1, -1]
    """
    x = convert_to_tensor(x)
    y = _empty(x.shape, dtype)
    old, new = x.dtype, y.dtype
    if old == new:
        return x
    if new == "float32" and old in ("uint8", "bool"):
        K.cast_uint8(y, x, x.size)
    elif new == "float32" and old == "int32":
        K.cast_int32(y, x, x.size)
    elif new == "int32" and old.startswith("float"):
        K.truncate(y, x, x.size)
    elif new == "bool" and old == "int32":
        K.nonzero(y, x, x.size)
    elif new == "bool" and old == "uint8":
        K.logical(y, x, x, 1, (x.size,), (1,), (1,), 1)
    elif new == "bool" and old == "float32":
        K.compare(y, as_float(x), scalar(0.0), 1, (x.size,), (1,), (0,), 1)
    elif new == "uint8" and old == "float32":
        return cast(cast(x, "int32"), "uint8")
    elif new != "bool" and not new.startswith("float") and not old.startswith("float"):
        K.convert_integers(y, x, x.size, y.itemsize, x.itemsize)
    else:  # to and from float64, and int64 with floats
        with np.errstate(invalid="ignore"):  # NaN to an integer: NumPy's value, without its warning
            np.copyto(np.asarray(y), np.asarray(x), casting="unsafe")
    if not (old.startswith("float") and new.startswith("float")):
        return y

    def backward(dy):  # gradients are of the default float, whatever x was
        return dy

    return record(y, (x,), backward)


def size_of(shape, op):
    """A shape argument (an int or several) as a tuple of ints."""
    try:
        if isinstance(shape, (int, np.integer)):
            return (int(shape),)
        return tuple(int(n) for n in shape)
    except TypeError:
        raise TypeError(f"{op}: expected an integer or several for shape; got {shape!r}") from None


def zeros(shape, dtype=None):
    """A tensor of zeros. dtype None: float32.

    shape: the sizes, as a tuple.

    >>> cygrad.ops.zeros((2, 1)).numpy().tolist()
    [[0.0], [0.0]]
    """
    return _zeros(size_of(shape, "zeros"), dtype)


def ones(shape, dtype=None):
    """A tensor of ones. dtype None: float32.

    shape: the sizes, as a tuple.

    >>> cygrad.ops.ones(2).numpy().tolist()
    [1.0, 1.0]
    """
    return full(shape, 1, dtype)


def full(shape, fill_value, dtype=None):
    """A tensor filled with a value (a number, or an array that broadcasts to shape). dtype None: float32.

    fill_value: the number.

    >>> cygrad.ops.full(2, 7.0).numpy().tolist()
    [7.0, 7.0]
    """
    sizes = size_of(shape, "full")
    if isinstance(fill_value, (builtins.int, float)):
        return constant_array(np.full(sizes, fill_value), dtype)
    y = _empty(sizes, dtype)
    np.asarray(y)[...] = np.asarray(fill_value)
    return y


def empty(shape, dtype=None):
    """A tensor to be filled, here with zeros. dtype None: float32.

    shape: the sizes, as a tuple.

    >>> cygrad.ops.empty((2, 1)).shape
    (2, 1)
    """
    return zeros(shape, dtype)


def zeros_like(x, dtype=None):
    """Zeros of x's shape; dtype None: x's.

    >>> cygrad.ops.zeros_like([1, 2]).numpy().tolist()
    [0, 0]
    """
    x = convert_to_tensor(x)
    return _zeros(x.shape, dtype or x.dtype)


def ones_like(x, dtype=None):
    """Ones of x's shape; dtype None: x's.

    >>> cygrad.ops.ones_like([1.0, 2.0]).numpy().tolist()
    [1.0, 1.0]
    """
    x = convert_to_tensor(x)
    return full(x.shape, 1, dtype or x.dtype)


def empty_like(x, dtype=None):
    """A tensor of x's shape to be filled, here with zeros; dtype None: x's.

    >>> cygrad.ops.empty_like([1.0, 2.0]).shape
    (2,)
    """
    return zeros_like(x, dtype)


def full_like(x, fill_value, dtype=None):
    """x's shape, filled with a value; dtype None: x's.

    fill_value: the number.

    >>> cygrad.ops.full_like([1.0, 2.0], 3).numpy().tolist()
    [3.0, 3.0]
    """
    x = convert_to_tensor(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def arange(start, stop=None, step=None, dtype=None):
    """start, start + step, ... below stop; with one argument 0, 1, ... below it. dtype None: int32, or float32 if any
    argument is a float.

        >>> cygrad.ops.arange(3).numpy().tolist()
        [0, 1, 2]
    """
    if stop is None:
        start, stop = 0, start
    values = np.arange(start, stop, 1 if step is None else step)
    return constant_array(values, dtype or ("int32" if values.dtype.kind == "i" else None))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """num values from start to stop at equal distances, stop included unless endpoint is False. dtype None: float32.

    start and stop may be arrays; axis is then where the values lie. retstep: gives (values, distance).

    >>> cygrad.ops.linspace(0, 1, 3).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    values, step = np.linspace(start, stop, num, endpoint, retstep=True, axis=axis)
    values = constant_array(values, dtype)
    return (values, constant_array(step)) if retstep else values


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """num powers of base, their exponents from start to stop at equal distances.

    It is base ** linspace(start, stop, num, endpoint, axis=axis).

    >>> cygrad.ops.logspace(0, 2, 3).numpy().tolist()
    [1.0, 10.0, 100.0]
    """
    return constant_array(np.logspace(start, stop, num, endpoint, base, axis=axis), dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """num values from start to stop, each the same multiple of the one before.

    endpoint: is stop the last one? start and stop may be arrays; axis is then where the values lie.

    >>> cygrad.ops.geomspace(1, 100, 3).numpy().tolist()
    [1.0, 10.0, 100.0]
    """
    return constant_array(np.geomspace(start, stop, num, endpoint, axis=axis), dtype)


def eye(N, M=None, k=0, dtype=None):
    """Ones on the k-th diagonal of a matrix of zeros, N rows and M columns (None: N). dtype None: float32.

    >>> cygrad.ops.eye(2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return constant_array(np.eye(N, M, k), dtype)


def shape(x):
    """The shape of x as a tuple.

    >>> cygrad.ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return x.shape if hasattr(x, "shape") else np.shape(x)


def dtype(x):
    """The name of x's type.

    >>> cygrad.ops.dtype([1, 2])
    'int32'
    """
    return (
        x.dtype if isinstance(x, Tensor) or isinstance(getattr(x, "dtype", None), str) else convert_to_tensor(x).dtype
    )


def ndim(x):
    """How many axes x has.

    >>> cygrad.ops.ndim([[1, 2, 3]])
    2
    """
    return len(shape(x))


def size(x):
    """How many values x has.

    >>> cygrad.ops.size([[1, 2, 3]])
    3
    """
    return x.size if isinstance(x, Tensor) else builtins.int(np.size(x))


def stop_gradient(variable):
    """The same values, as a constant: no gradient passes here. Shares memory with a tensor; a variable is copied.

    >>> cygrad.ops.stop_gradient(cygrad.ops.ones(1)).numpy().tolist()
    [1.0]
    """
    x = convert_to_tensor(variable)
    return from_array(x, x.dtype) if isinstance(x, Variable) else view(x, x.shape)
