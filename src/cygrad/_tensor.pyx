# _tensor.pyx: Tensor, Variable and the tape. Small and fast: a network's step passes here about twenty times.
#
# How autograd works here. An op computes y from its inputs, then says record(y, inputs, backward). If a tape is open and an input is
# tracked (a trainable variable, or the result of a recorded op), y gets a number, and a Record (number, inputs, backward) goes onto the
# tape. tape.gradient walks the records from last to first: backward(dy) gives one gradient an input (None: not wanted); gradients that
# meet at the same input are added. Only the tape holds a record, and drops it when it has been used: activations are freed as the walk
# goes, and a tape that is thrown away leaves no cycle behind.
#
# Rules for backward closures: ask tracked(x) before computing a gradient nobody needs; take the memory for a gradient of input x from
# gradient_like(x), which for a variable in an optimizer's arena is its slice of the gradient arena, so that nothing has to be copied;
# never write into dy but through gradient_over(x, dy), which gives dy's own memory where nobody else holds it, and then read dy no
# more; keep shell(x) of an input whose values are not needed, so that they can go.
#
# A relu keeps its output, which the next op keeps too, unless that is a max pooling: then nobody but the relu wants those values, and
# what it wants of them shows in the maxima (relu_output). A convolution's output, the largest thing of a step, is gone after the pooling.
"""Tensor, Variable and GradientTape."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport PyObject

from cygrad._core cimport Array, Block, allocate, attach, changed, code_of, constant, copy, default_float, fill_zero
from cygrad._core import refuse
from threading import local

import numpy as _np


cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *)


cdef object _ops = None            # cygrad.ops, for the operators; set by cygrad.ops itself
cdef object _kernels = None        # cygrad.ops's K; set by cygrad.ops itself
cdef object _thread = local()      # .tapes: this thread's open tapes
cdef int open_tapes = 0            # of all threads: a fast "no" when predicting
cdef int64_t last_node = 0         # results are numbered from 1 as they are recorded


def set_ops(module):
    global _ops
    _ops = module


def set_kernels(kernels):
    global _kernels
    _kernels = kernels


cdef class Tensor(Array)


cdef class Record:
    """One recorded operation."""
    cdef int64_t node
    cdef list inputs               # of each: a variable, the number of a result, or None where it is not tracked
    cdef object backward


cdef class ReluOutput:
    """A relu's output, for its backward; y is None as long as only max poolings have taken it, whose backward then does the relu's part."""
    cdef readonly Tensor y


cdef class Tensor(Array):
    """A dense array that ops can differentiate. Made by ops, cygrad.ops.convert_to_tensor, or Tensor(shape, dtype) (uninitialised).

    NumPy reads it without a copy: numpy.asarray(tensor). shape, dtype, ndim and size are as in NumPy; + - * / ** @, comparisons and
    indexing are differentiable ops where they can be; float(t) and t.item() read a single value.

    >>> x = cygrad.ops.convert_to_tensor([1.0, 2.0])
    >>> (x * x).numpy().tolist(), x.shape
    ([1.0, 4.0], (2,))
    """
    cdef int64_t node              # its number on the tapes; 0: made by no recorded op
    cdef readonly object logits    # of a softmax or sigmoid: its input, so that a cross-entropy can skip the round trip
    cdef readonly str logits_of    # which of the two: "softmax" or "sigmoid"
    cdef public object _keras_mask # of a sequence, [N,T]: which steps count; layers hand it on, as in Keras
    cdef bint spare                # in a walk: a gradient whose memory the backward at work may take
    cdef ReluOutput pending        # of a relu: who waits for these values, until an op other than a max pooling takes them

    def set_logits(self, logits, str logits_of):
        self.logits = logits
        self.logits_of = logits_of
        return self

    def numpy(self):
        """A NumPy array that shares this tensor's memory."""
        return _np.asarray(self)

    def __array__(self, dtype=None, copy=None):
        array = _np.frombuffer(self, dtype=self.dtype).reshape(self.shape) if self.size else _np.empty(self.shape, self.dtype)
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a {self.dtype} tensor cannot become {_np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """The memory, shared, for other libraries: torch.from_dlpack(tensor). The other side of convert_to_tensor's."""
        given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        return self.__array__().__dlpack__(**{name: value for name, value in given.items() if value is not None})

    def __dlpack_device__(self):
        return self.__array__().__dlpack_device__()

    cdef double value(self) except? -1:
        if self.size != 1:
            raise TypeError(f"only a tensor of one value can become a number; this one has shape {self.shape}")
        refuse("a tensor's value is read in Python")
        if self.code == b"f":
            return (<float *>self.data)[0]
        return _np.asarray(self).item()

    def item(self):
        """The value of a one-element tensor as a Python number."""
        if self.size != 1:
            raise TypeError(f"item() needs a tensor of one value; this one has shape {self.shape}")
        return _np.asarray(self).item()

    def __float__(self):
        return self.value()

    def __int__(self):
        return int(self.value())

    def __index__(self):
        if self.code == b"f" or self.code == b"d":
            raise TypeError("a float tensor cannot be an index; cast it to int32 first")
        return int(self.value())

    def __bool__(self):
        return bool(self.value())

    def __format__(self, spec):
        return format(self.item(), spec) if self.size == 1 and spec else format(str(self), spec)

    def __len__(self):
        if not self.shape:
            raise TypeError("a tensor of shape () has no length")
        return self.shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("a tensor of shape () cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __hash__(self):
        return <Py_hash_t><size_t><void *>self >> 4

    def __repr__(self):
        return f"<{type(self).__name__} shape={self.shape} dtype={self.dtype} {_np.array2string(_np.asarray(self), threshold=20)}>"

    def __reduce__(self):
        return _from_numpy, (_np.array(self),)

    def __copy__(self):
        return _from_numpy(_np.array(self))

    def __deepcopy__(self, memo):
        return _from_numpy(_np.array(self))

    def __add__(self, other): return _ops.add(self, other)
    def __radd__(self, other): return _ops.add(other, self)
    def __sub__(self, other): return _ops.subtract(self, other)
    def __rsub__(self, other): return _ops.subtract(other, self)
    def __mul__(self, other): return _ops.multiply(self, other)
    def __rmul__(self, other): return _ops.multiply(other, self)
    def __truediv__(self, other): return _ops.divide(self, other)
    def __rtruediv__(self, other): return _ops.divide(other, self)
    def __pow__(self, other, modulo): return _ops.power(self, other)
    def __rpow__(self, other, modulo): return _ops.power(other, self)
    def __matmul__(self, other): return _ops.matmul(self, other)
    def __rmatmul__(self, other): return _ops.matmul(other, self)
    def __neg__(self): return _ops.negative(self)
    def __pos__(self): return self
    def __abs__(self): return _ops.abs(self)
    def __getitem__(self, index): return _ops.get_item(self, index)
    def __eq__(self, other): return _ops.equal(self, other)
    def __ne__(self, other): return _ops.not_equal(self, other)
    def __lt__(self, other): return _ops.less(self, other)
    def __le__(self, other): return _ops.less_equal(self, other)
    def __gt__(self, other): return _ops.greater(self, other)
    def __ge__(self, other): return _ops.greater_equal(self, other)
    __array_priority__ = 100       # numpy_array * tensor is a tensor

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return numpy_function(lambda name, *operands: getattr(_ops, name)(*operands), ufunc, method, inputs, options)


def numpy_function(apply, ufunc, method, inputs, options):
    """What NumPy's ufunc does with a tensor among its inputs. An operator between an array and a tensor is apply(name, *inputs), the
    op of that name; TypeError for the rest, which would cut the gradient."""
    name = {"absolute": "abs", "remainder": "mod"}.get(ufunc.__name__, ufunc.__name__)
    if method == "__call__" and ufunc.nin == 2 and not options and hasattr(_ops, name):
        return apply(name, *inputs)
    hint = f"cygrad.ops.{name}" if hasattr(_ops, name) else "one of cygrad.ops"
    raise TypeError(
        f"numpy.{ufunc.__name__} got a tensor, and its result would have no gradient: use {hint}, or the tensor's .numpy()"
    )


def _from_numpy(array):
    return from_array(array, str(array.dtype))


cpdef Tensor empty(tuple shape, dtype=None):
    """An uninitialised tensor; dtype None is float32."""
    cdef Tensor t = Tensor.__new__(Tensor)
    allocate(t, shape, default_float() if dtype is None else code_of(dtype))
    return t


cpdef Tensor zeros(tuple shape, dtype=None):
    cdef Tensor t = empty(shape, dtype)
    fill_zero(t)
    return t


cpdef Tensor ones(tuple shape):
    """A float tensor of ones."""
    cdef Tensor t = empty(shape)
    cdef int64_t i
    for i in range(t.size):
        if t.code == b"f":
            (<float *>t.data)[i] = 1
        else:
            (<double *>t.data)[i] = 1
    constant(t)
    return t


cpdef Tensor scalar(double value):
    """A float tensor of shape ()."""
    cdef Tensor t = empty(())
    if t.code == b"f":
        (<float *>t.data)[0] = <float>value
    else:
        (<double *>t.data)[0] = value
    constant(t)
    return t


def fill_zeros(Tensor t):
    """Sets all values to 0; a captured step does it too."""
    fill_zero(t)


def from_array(array, dtype=None):
    """A tensor with a copy of an array-like's values; dtype None is float32."""
    cdef Tensor t
    array = _np.asarray(array)
    t = empty(array.shape, dtype)
    _np.copyto(_np.asarray(t), array, casting="unsafe")
    return t


def constant_array(array, dtype=None):
    """The same of values that follow from Python's arguments alone, as those of scalar do: a recording takes them for constant."""
    cdef Tensor t
    cdef Py_buffer buffer
    array = _np.asarray(array)
    t = empty(array.shape, dtype)
    array = _np.ascontiguousarray(array.astype(_np.dtype(t.dtype), copy=False))
    PyObject_GetBuffer(array, &buffer, PyBUF_C_CONTIGUOUS)
    memcpy(t.data, buffer.buf, t.size * t.itemsize)
    PyBuffer_Release(&buffer)
    constant(t)
    return t


cpdef Tensor view(Array base, tuple shape, int64_t offset=0):
    """A tensor of that shape on base's memory, offset elements in. Not recorded: for optimizers and ops, not for models."""
    cdef Tensor t = Tensor.__new__(Tensor)
    attach(t, NULL, base.block, shape, base.code)
    if offset < 0 or offset + t.size > base.size:
        raise ValueError(f"a view of shape {shape} at {offset} leaves the {base.size} elements of its base")
    t.data = <char *>base.data + offset * base.itemsize
    return t


cpdef Tensor as_float(x, op="convert_to_tensor", argument="x"):
    """x as a tensor of the default float: itself if it is one, else a converted copy (a cast that is recorded, for a tensor)."""
    if isinstance(x, Tensor):
        return x if (<Tensor>x).code == default_float() else _ops.cast(x, None)
    if isinstance(x, (int, float)):
        return scalar(x)
    try:
        array = _np.asarray(x)
        if array.dtype.kind not in "biuf":
            raise TypeError
        return constant_array(array) if isinstance(x, (list, tuple)) else from_array(array)
    except (TypeError, ValueError):
        kind = f"{type(x).__name__} of {x.dtype}" if isinstance(x, _np.ndarray) else type(x).__name__
        raise TypeError(f"{op}: expected numbers for {argument}; got {kind}") from None


cdef bint is_integer(x):
    if isinstance(x, Tensor):
        return (<Tensor>x).code != b"f" and (<Tensor>x).code != b"d"
    return isinstance(x, int) or (not isinstance(x, float) and _np.asarray(x).dtype.kind in "biu")


cpdef tuple operands(x1, x2, op, on_integers=None):
    """Two operands as float tensors. Where neither is float: (on_integers(x1, x2), None)."""
    cdef char code = default_float()
    if isinstance(x1, Tensor) and isinstance(x2, Tensor) and (<Tensor>x1).code == code and (<Tensor>x2).code == code:
        return x1, x2
    if on_integers is not None and is_integer(x1) and is_integer(x2):
        return on_integers(x1, x2), None
    return as_float(x1, op, "x1"), as_float(x2, op, "x2")


def integer_result(function, *inputs):
    """function of tensors or arrays, computed by NumPy, as a tensor: for what has no float to differentiate."""
    y = _np.asarray(function(*[x if isinstance(x, (int, float)) else _np.asarray(x) for x in inputs]))
    name = y.dtype.name
    if name == "int64" and not any([getattr(x, "dtype", None) == "int64" for x in inputs]):
        if not y.size or (-(2**31) <= y.min() and y.max() < 2**31):
            name = "int32"  # Python's integers have no type of their own
    if name.startswith("float"):
        return from_array(y)
    return from_array(y, name if name in ("bool", "uint8", "int32", "int64") else "int32")


cdef class Variable(Tensor):
    """A tensor that a model owns and training changes: Variable(initial_value, trainable=True, name="variable").

    initial_value: a tensor, an array or numbers. dtype None is float32. regularizer: a function whose value joins the losses. An
    optimizer moves trainable variables into one arena (bind); value and identity stay the same.

    >>> w = cygrad.Variable([1.0, 2.0], name="w")
    >>> w.assign([3.0, 4.0]).numpy().tolist()
    [3.0, 4.0]
    """
    cdef bint trains
    cdef object penalty              # the regularizer
    cdef public str name
    cdef public object path          # set by the layer that owns it
    cdef public object constraint    # a function that an optimizer's step ends with
    cdef Tensor gradient_slot        # this variable's slice of the gradient arena
    cdef bint slot_free              # in a walk that fills the arena: nobody has written there yet

    def __init__(self, initial_value, trainable=True, dtype=None, name="variable", regularizer=None):
        array = _np.asarray(initial_value)
        allocate(self, array.shape, code_of("float32" if dtype is None else dtype) if dtype is not None else default_float())
        _np.copyto(_np.asarray(self), array, casting="unsafe")
        self.trains = trainable
        self.name = name
        self.path = name
        self.penalty = regularizer

    @property
    def trainable(self):
        """Is it trained?"""
        return self.trains

    @trainable.setter
    def trainable(self, bint trainable):
        self.trains = trainable
        changed()

    @property
    def regularizer(self):
        """The function whose value for this variable is added to the loss, or None."""
        return self.penalty

    @regularizer.setter
    def regularizer(self, regularizer):
        self.penalty = regularizer
        changed()

    def assign(self, value):
        """Replaces the value; the shape must stay. Returns self."""
        array = _np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"variable {self.path!r}: expected a value of shape {self.shape}; got shape {array.shape}")
        _np.copyto(_np.frombuffer(self, dtype=self.dtype).reshape(self.shape) if self.size else _np.empty(self.shape),
                   array, casting="unsafe")
        return self

    def assign_add(self, value):
        return self.assign(_np.asarray(self) + _np.asarray(value))

    def assign_sub(self, value):
        return self.assign(_np.asarray(self) - _np.asarray(value))

    @property
    def value(self):
        return self

    @property
    def gradient(self):
        """The slice of the gradient arena, once an optimizer is bound; None before."""
        return self.gradient_slot

    def numpy(self):
        """A copy of the value as a NumPy array (a Tensor's numpy() shares memory; a variable's memory changes in training)."""
        return _np.array(self)

    def bind(self, Array values, Array gradients, int64_t offset):
        """Moves the value into values[offset:] and takes gradients[offset:] for the gradient."""
        cdef Tensor slot = view(values, self.shape, offset)
        memcpy(slot.data, self.data, self.size * self.itemsize)
        self.data = slot.data
        self.block = slot.block
        self.gradient_slot = view(gradients, self.shape, offset)
        changed()

    def __reduce__(self):
        return _make_variable, (_np.array(self), self.trainable, self.dtype, self.name, self.path, self.regularizer, self.constraint)

    def __copy__(self):
        return _make_variable(*self.__reduce__()[1])

    def __deepcopy__(self, memo):
        return _make_variable(*self.__reduce__()[1])

    def __repr__(self):
        return f"<Variable path={self.path} shape={self.shape} dtype={self.dtype} trainable={bool(self.trainable)}>"


def _make_variable(value, trainable, dtype, name, path, regularizer, constraint):
    variable = Variable(value, trainable, dtype, name, regularizer)
    variable.path = path
    variable.constraint = constraint
    return variable


# ---- the tape ----

cpdef bint tracked(x):
    """Does x want a gradient: is it the result of a recorded op, a watched tensor, or a trainable variable?"""
    if not isinstance(x, Tensor):
        return False
    return (<Tensor>x).node != 0 or (isinstance(x, Variable) and (<Variable>x).trains)


cpdef bint recording():
    """Is a tape open in this thread?"""
    return open_tapes != 0 and bool(getattr(_thread, "tapes", None))


cdef inline void number(Tensor x) noexcept:
    global last_node
    last_node += 1
    x.node = last_node


cdef inline object key_of(Tensor x):
    """What the gradient of x is filed under during a walk: its number, or its address for a variable."""
    return x.node if x.node else -<int64_t><size_t><void *>x


cdef inline void settle(Tensor x):
    """A relu's output x is needed for more than max poolings: the relu keeps it."""
    if x.pending is not None:
        x.pending.y = x
        x.pending = None


cpdef ReluOutput relu_output(Tensor y):
    """What a relu with the output y keeps for its backward, which passes dy on as it is while that has no y."""
    cdef ReluOutput output = ReluOutput.__new__(ReluOutput)
    if open_tapes != 0:
        y.pending = output
    return output


cpdef ReluOutput relu_before(Tensor x):
    """For a max pooling of x: what the relu with the output x has kept, None where x is none or taken by another op already.
    If that has no y when backward runs, dx must be 0 where x is."""
    return x.pending


cpdef Tensor shell(Tensor x):
    """x without its memory: its shape and number, for tracked and gradient_like. A variable is itself."""
    cdef Tensor t
    if open_tapes == 0 or isinstance(x, Variable):
        return x
    t = Tensor.__new__(Tensor)
    t.shape = x.shape
    t.size = x.size
    t.code = x.code
    t.itemsize = x.itemsize
    t.node = x.node
    return t


cpdef Tensor record(Tensor y, tuple inputs, backward, bint max_pooling=False):
    """Notes that y = op(*inputs) on the open tapes; backward(dy) gives one gradient an input, or a single one for a single input.
    max_pooling: backward heeds relu_before.

    Returns y. Costs next to nothing when no tape is open."""
    cdef Record entry
    if open_tapes == 0:
        return y
    tapes = getattr(_thread, "tapes", None)
    if not tapes:
        return y
    for x in inputs:
        if tracked(x):
            break
    else:
        return y
    number(y)
    entry = Record.__new__(Record)
    entry.node = y.node
    entry.inputs = []
    for x in inputs:
        if isinstance(x, Tensor) and not max_pooling:
            settle(<Tensor>x)
        entry.inputs.append(x if isinstance(x, Variable) else (<Tensor>x).node if tracked(x) else None)
    entry.backward = backward
    for tape in tapes:
        (<GradientTape>tape).records.append(entry)
    return y


cpdef Tensor gradient_like(Tensor x):
    """Memory for a gradient of x: its slice of the gradient arena where that is free, else a fresh tensor."""
    cdef Variable variable
    if isinstance(x, Variable):
        variable = <Variable>x
        if variable.slot_free:
            variable.slot_free = False
            return variable.gradient_slot
    return empty(x.shape)


cpdef Tensor gradient_over(Tensor x, Tensor dy):
    """Memory for a gradient of x, of dy's shape, from a kernel that reads each value of dy before it writes there: dy itself where
    nobody else holds it, else as gradient_like."""
    if dy.spare and not (isinstance(x, Variable) and (<Variable>x).slot_free):
        dy.spare = False
        return dy
    return gradient_like(x)


def last_walk():
    """For a backward function: will nobody call it again? Then it may overwrite what forward saved for it."""
    return _thread.last_walk


cdef class KernelGradient:
    """The backward that gradient_from gives."""
    cdef str kernel
    cdef Tensor saved
    cdef tuple parameters

    def __call__(self, Tensor dy):
        dx = gradient_over(self.saved, dy)
        getattr(_kernels, self.kernel)(dx, dy, self.saved, self.saved.size, *self.parameters)
        return dx


def gradient_from(str kernel, Tensor saved, *parameters):
    """The backward of an elementwise function whose kernel takes (dx, dy, saved, n, *parameters); None while no tape is open, for a
    closure costs a call of a few values a tenth of its time."""
    cdef KernelGradient backward
    if open_tapes == 0:
        return None
    backward = KernelGradient.__new__(KernelGradient)
    backward.kernel = kernel
    backward.saved = saved
    backward.parameters = parameters
    return backward


def unary(str op, str kernel, x, str saved, *parameters):
    """y = the elementwise function of a float tensor x that kernel_forward computes, (y, x, n, *parameters) -> y, recorded with
    kernel_backward on what is saved for it: "x", "y", or "values": y's without what y holds on to. One call, for with few values
    Python's calls are the work."""
    cdef Tensor source = as_float(x, op), y = empty(source.shape)
    forward, backward = _pair(kernel)
    if parameters:
        getattr(_kernels, forward)(y, source, source.size, *parameters)
    else:
        getattr(_kernels, forward)(y, source, source.size)
    if open_tapes == 0:
        return y
    return record(y, (source,), gradient_from(backward, source if saved == "x" else y if saved == "y" else view(y, y.shape), *parameters))


cdef dict _pairs = {}

cdef tuple _pair(str kernel):
    """The names of a function's kernels."""
    cdef object pair = _pairs.get(kernel)
    if pair is None:
        pair = _pairs[kernel] = (kernel + "_forward", kernel + "_backward")
    return pair


cdef bint held_once(Tensor t, Py_ssize_t references) noexcept:
    """Does nobody hold t but so many references known to the caller, and nobody its memory but t? (A view, an export to NumPy and a
    recorder that takes it for constant would hold it.)"""
    return Py_REFCNT(<PyObject *>t) == references and isinstance(t.block, Block) and Py_REFCNT(<PyObject *>t.block) == 1


cdef class GradientTape:
    """Records ops while open, for automatic differentiation: `with GradientTape() as tape: ...`, then tape.gradient(y, x).

    persistent=True: gradient may be called more than once. Trainable variables are watched by themselves
    (watch_accessed_variables=False turns that off: then only tensors given to watch count). Gradients of gradients
    are not recorded. The tape belongs to the thread that opened it.

    >>> x = cygrad.ops.convert_to_tensor([1.0, 2.0])
    >>> with cygrad.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = cygrad.ops.sum(x * x)
    >>> tape.gradient(y, x).numpy().tolist()
    [2.0, 4.0]
    """
    cdef list records
    cdef bint persistent, used, watch_variables
    cdef dict watched              # id: tensor, kept alive

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self.records = []
        self.persistent = persistent
        self.watch_variables = watch_accessed_variables
        self.watched = {}

    def __enter__(self):
        global open_tapes
        if getattr(_thread, "tapes", None) is None:
            _thread.tapes = []
        if self in _thread.tapes:
            raise RuntimeError("GradientTape: this tape is open already")
        _thread.tapes.append(self)
        open_tapes += 1
        return self

    def __exit__(self, *error):
        global open_tapes
        _thread.tapes.remove(self)
        open_tapes -= 1

    def watch(self, tensor):
        """Asks for gradients with respect to a tensor that is not a trainable variable."""
        for t in tensor if isinstance(tensor, (list, tuple)) else [tensor]:
            if not isinstance(t, Tensor):
                raise TypeError(f"GradientTape.watch: expected a Tensor; got {type(t).__name__} (cygrad.ops.convert_to_tensor makes one)")
            self.watched[id(t)] = t
            if (<Tensor>t).node == 0:
                number(<Tensor>t)

    def reset(self):
        """Forgets what was recorded."""
        self.records = []
        self.used = False

    def gradient(self, target, sources, output_gradients=None):
        """d(sum of target) / d(source) for each source, in the structure of sources (a tensor, or a list or tuple of them).

        A source that target does not depend on gets None. output_gradients: d(final) / d(target), ones if absent.
        Raises RuntimeError at a second call on a tape that is not persistent.
        """
        targets = list(target) if isinstance(target, (list, tuple)) else [target]
        seeds = list(output_gradients) if isinstance(output_gradients, (list, tuple)) else [output_gradients] * len(targets)
        if len(seeds) != len(targets):
            raise ValueError(f"GradientTape.gradient: got {len(targets)} targets, but {len(seeds)} output_gradients")
        single = isinstance(sources, Tensor)
        listed = [sources] if single else list(sources)
        for role, tensors in (("target", targets), ("source", listed)):
            for tensor in tensors:
                if not isinstance(tensor, Tensor):
                    raise TypeError(f"GradientTape.gradient: expected a Tensor as {role}; got {type(tensor).__name__}")
        for tensor in listed:
            settle(<Tensor>tensor)
        keys = [key_of(<Tensor>s) for s in listed]
        found = self.walk(targets, seeds, set(keys))
        if not self.watch_variables:
            for source in listed:
                if isinstance(source, Variable) and id(source) not in self.watched:
                    found.pop(key_of(<Tensor>source), None)
        results = [found.get(key) for key in keys]
        return results[0] if single else tuple(results) if isinstance(sources, tuple) else results

    def gradient_into_arena(self, target, list variables):
        """Like gradient, for variables bound to an arena: each gradient ends in its variable's slice, zeros where there is none.
        ValueError where there are variables, and the target comes from nothing that the tape has seen."""
        cdef Variable variable
        cdef Tensor gradient
        if variables and not tracked(target):
            raise ValueError(
                "the loss does not depend on the variables: it was not computed by cygrad's operations inside the tape. A loss or "
                "layer that computes with NumPy (np.mean, float(), .numpy()) has no gradient; use cygrad.ops"
            )
        for variable in variables:
            if variable.gradient_slot is None:
                raise ValueError(f"GradientTape.gradient_into_arena: variable {variable.path!r} is bound to no arena")
            variable.slot_free = True
        try:
            found = self.walk([target], [None], set())
        finally:
            for variable in variables:
                variable.slot_free = False
        for variable in variables:
            gradient = found.get(key_of(variable))
            if gradient is None:
                fill_zero(variable.gradient_slot)
            elif gradient.data != variable.gradient_slot.data:
                copy(variable.gradient_slot, gradient)

    cdef dict walk(self, list targets, list seeds, set wanted):
        """The gradients of variables, and of the results whose keys are wanted, by key."""
        cdef dict gradients = {}
        cdef Record entry
        cdef Tensor x, dy
        cdef list held = []            # the seeds: they may be constants, or the caller's
        cdef Py_ssize_t i
        if self.used and not self.persistent:
            raise RuntimeError("GradientTape.gradient was called before on this tape; use GradientTape(persistent=True) to call it again")
        self.used = True
        for x, seed in zip(targets, seeds):
            if seed is None:
                seed = ones(x.shape)
            else:
                seed = as_float(seed, "GradientTape.gradient", "output_gradients")
                if (<Tensor>seed).shape != x.shape:
                    raise ValueError(f"GradientTape.gradient: an output gradient has shape {seed.shape}, its target {x.shape}")
            settle(x)
            held.append(seed)
            add_gradient(gradients, x if isinstance(x, Variable) else key_of(x), seed)
        records = self.records
        if not self.persistent:
            self.records = []
        tapes = getattr(_thread, "tapes", None)
        _thread.tapes = None           # what backward does is not recorded
        _thread.last_walk = not self.persistent
        try:
            for i in range(len(records) - 1, -1, -1):
                entry = <Record>(records[i] if self.persistent else records.pop())
                key = entry.node
                dy = gradients.get(key) if key in wanted else gradients.pop(key, None)
                if dy is None:
                    continue
                dy.spare = held_once(dy, 1)
                found = entry.backward(dy)
                dy.spare = False
                dy = None
                if isinstance(found, tuple):
                    for source, dx in zip(entry.inputs, <tuple>found):
                        if dx is not None and source is not None:
                            add_gradient(gradients, source, <Tensor?>dx)
                elif found is not None and entry.inputs[0] is not None:
                    add_gradient(gradients, entry.inputs[0], <Tensor?>found)
                found = dx = None      # or it would seem to be held
        finally:
            _thread.tapes = tapes
        return gradients


cdef int add_gradient(dict gradients, source, Tensor dx) except -1:
    """Adds dx to the gradient of source, a variable or a result's number: in place where nobody else holds that."""
    key = key_of(<Tensor>source) if isinstance(source, Variable) else source
    cdef Tensor total = gradients.get(key)
    if total is None:
        gradients[key] = dx
    elif held_once(total, 2) or (isinstance(source, Variable) and total is (<Variable>source).gradient_slot):
        _ops.add_to_gradient(total, dx)
    else:
        gradients[key] = _ops.sum_of_gradients(total, dx)
    return 0
