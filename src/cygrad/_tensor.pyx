# _tensor.pyx: Tensor, Variable and the tape. Small and fast: a network's step passes here about twenty times.
#
# How autograd works here. An op computes y from its inputs, then says record(y, inputs, backward). If a tape is open and an input is
# tracked (a trainable variable, or the result of a recorded op), a Node (inputs, backward) goes onto the tape and y points at
# it. tape.gradient walks the nodes from last to first: node.backward(dy) gives one gradient an input (None: not wanted); gradients that
# meet at the same input are added. A node is emptied when it has been used, so activations are freed as the walk goes.
#
# Rules for backward closures: never write into dy (others may hold it); ask tracked(x) before computing a gradient nobody needs;
# take the memory for a gradient of input x from gradient_like(x), which for a variable in an optimizer's arena is its
# slice of the gradient arena, so that nothing has to be copied.
"""Tensor, Variable and GradientTape."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset

from cygrad._core cimport Array, Block, allocate, attach, code_of, default_float
from threading import local

import numpy as _np

cdef object _ops = None            # cygrad.ops, for the operators; set by cygrad.ops itself
cdef object _thread = local()      # .tapes: this thread's open tapes
cdef int open_tapes = 0            # of all threads: a fast "no" when predicting


def set_ops(module):
    global _ops
    _ops = module


cdef class Node:
    """One recorded operation."""
    cdef tuple inputs
    cdef object backward

    def __init__(self, inputs, backward):
        self.inputs = inputs
        self.backward = backward


cdef class Tensor(Array):
    """A dense array that ops can differentiate. Made by ops, cygrad.ops.convert_to_tensor, or Tensor(shape, dtype) (uninitialised).

    NumPy reads it without a copy: numpy.asarray(tensor). shape, dtype, ndim and size are as in NumPy; + - * / ** @, comparisons and
    indexing are differentiable ops where they can be; float(t) and t.item() read a single value.
    """
    cdef Node node                 # the op that made it, if that was recorded
    cdef readonly object logits    # of a softmax or sigmoid: its input, so that a cross-entropy can skip the round trip

    def set_logits(self, logits):
        self.logits = logits
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

    cdef double value(self) except? -1:
        if self.size != 1:
            raise TypeError(f"only a tensor of one value can become a number; this one has shape {self.shape}")
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
    __array_ufunc__ = None


def _from_numpy(array):
    return from_array(array, str(array.dtype))


cpdef Tensor empty(tuple shape, dtype=None):
    """An uninitialised tensor; dtype None is float32."""
    cdef Tensor t = Tensor.__new__(Tensor)
    allocate(t, shape, default_float() if dtype is None else code_of(dtype))
    return t


cpdef Tensor zeros(tuple shape, dtype=None):
    cdef Tensor t = empty(shape, dtype)
    memset(t.data, 0, t.size * t.itemsize)
    return t


cpdef Tensor scalar(double value):
    """A float tensor of shape ()."""
    cdef Tensor t = empty(())
    if t.code == b"f":
        (<float *>t.data)[0] = <float>value
    else:
        (<double *>t.data)[0] = value
    return t


def from_array(array, dtype=None):
    """A tensor with a copy of an array-like's values."""
    cdef Tensor t
    array = _np.asarray(array)
    t = empty(array.shape, dtype)
    _np.copyto(_np.asarray(t), array, casting="unsafe")
    return t


cpdef Tensor view(Array base, tuple shape, int64_t offset=0):
    """A tensor of that shape on base's memory, offset elements in. Not recorded: for optimizers and ops, not for models."""
    cdef Tensor t = Tensor.__new__(Tensor)
    attach(t, NULL, base.block, shape, base.code)
    if offset < 0 or offset + t.size > base.size:
        raise ValueError(f"a view of shape {shape} at {offset} leaves the {base.size} elements of its base")
    t.data = <char *>base.data + offset * base.itemsize
    return t


cdef class Variable(Tensor):
    """A tensor that a model owns and training changes: Variable(initial_value, trainable=True, name="variable").

    An optimizer moves trainable variables into one arena (bind); value and identity stay the same.
    """
    cdef public bint trainable
    cdef public str name
    cdef public object path          # set by the layer that owns it
    cdef public object regularizer
    cdef Tensor gradient_slot        # this variable's slice of the gradient arena
    cdef bint slot_free              # in a walk that fills the arena: nobody has written there yet

    def __init__(self, initial_value, trainable=True, dtype=None, name="variable", regularizer=None):
        array = _np.asarray(initial_value)
        allocate(self, array.shape, code_of("float32" if dtype is None else dtype) if dtype is not None else default_float())
        _np.copyto(_np.asarray(self), array, casting="unsafe")
        self.trainable = trainable
        self.name = name
        self.path = name
        self.regularizer = regularizer

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

    def __reduce__(self):
        return _make_variable, (_np.array(self), self.trainable, self.dtype, self.name, self.path, self.regularizer)

    def __copy__(self):
        return _make_variable(*self.__reduce__()[1])

    def __deepcopy__(self, memo):
        return _make_variable(*self.__reduce__()[1])

    def __repr__(self):
        return f"<Variable path={self.path} shape={self.shape} dtype={self.dtype} trainable={bool(self.trainable)}>"


def _make_variable(value, trainable, dtype, name, path, regularizer):
    variable = Variable(value, trainable, dtype, name, regularizer)
    variable.path = path
    return variable


# ---- the tape ----

cpdef bint tracked(x):
    """Does x want a gradient: is it the result of a recorded op, a watched tensor, or a trainable variable?"""
    if not isinstance(x, Tensor):
        return False
    if (<Tensor>x).node is not None:
        return True
    return isinstance(x, Variable) and (<Variable>x).trainable


cpdef bint recording():
    """Is a tape open in this thread?"""
    return open_tapes != 0 and bool(getattr(_thread, "tapes", None))


cpdef Tensor record(Tensor y, tuple inputs, backward):
    """Notes that y = op(*inputs) on the open tapes; backward(dy) gives one gradient an input, or a single one for a single input.

    Returns y. Costs next to nothing when no tape is open."""
    cdef Node node
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
    node = Node.__new__(Node)
    node.inputs = inputs
    node.backward = backward
    y.node = node
    for tape in tapes:
        (<GradientTape>tape).nodes.append(node)
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


cdef class GradientTape:
    """Records ops while open, for automatic differentiation: `with GradientTape() as tape: ...`, then tape.gradient(y, x).

    persistent=True: gradient may be called more than once. Trainable variables are watched by themselves
    (watch_accessed_variables=False turns that off: then only tensors given to watch count). Gradients of gradients
    are not recorded. The tape belongs to the thread that opened it.
    """
    cdef list nodes
    cdef bint persistent, used, watch_variables
    cdef dict watched              # id: tensor, kept alive

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self.nodes = []
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
            if (<Tensor>t).node is None:
                (<Tensor>t).node = Node((), None)

    def reset(self):
        """Forgets what was recorded."""
        self.nodes = []
        self.used = False

    def gradient(self, target, sources, output_gradients=None):
        """d(sum of target) / d(source) for each source, in the structure of sources (a tensor, or a list or tuple of them).

        A source that target does not depend on gets None. output_gradients: d(final) / d(target), ones if absent.
        Raises RuntimeError at a second call on a tape that is not persistent.
        """
        targets = list(target) if isinstance(target, (list, tuple)) else [target]
        seeds = list(output_gradients) if isinstance(output_gradients, (list, tuple)) else [output_gradients] * len(targets)
        single = isinstance(sources, Tensor)
        listed = [sources] if single else list(sources)
        for source in listed:
            if not isinstance(source, Tensor):
                raise TypeError(f"GradientTape.gradient: expected tensors as sources; got {type(source).__name__}")
        found = self.walk(targets, seeds)
        if not self.watch_variables:
            for source in listed:
                if id(source) not in self.watched and isinstance(source, Variable):
                    found.pop(id(source), None)
        results = [found.get(id((<Tensor>s).node) if (<Tensor>s).node is not None else id(s)) for s in listed]
        return results[0] if single else type(sources)(results) if isinstance(sources, (list, tuple)) else results

    def gradient_into_arena(self, target, list variables):
        """Like gradient, for variables bound to an arena: each gradient ends in its variable's slice, zeros where there is none."""
        cdef Variable variable
        cdef Tensor gradient
        for variable in variables:
            variable.slot_free = True
        try:
            found = self.walk([target], [None])
        finally:
            for variable in variables:
                variable.slot_free = False
        for variable in variables:
            gradient = found.get(id(variable))
            if gradient is None:
                memset(variable.gradient_slot.data, 0, variable.size * variable.itemsize)
            elif gradient.data != variable.gradient_slot.data:
                memcpy(variable.gradient_slot.data, gradient.data, variable.size * variable.itemsize)

    cdef dict walk(self, list targets, list seeds):
        """The gradients of everything that was recorded, by id of node or variable."""
        cdef dict gradients = {}, kept = {}
        cdef Node node
        cdef Tensor x
        cdef Py_ssize_t i
        if self.used and not self.persistent:
            raise RuntimeError("GradientTape.gradient was called before on this tape; use GradientTape(persistent=True) to call it again")
        if self in (getattr(_thread, "tapes", None) or ()) and not self.persistent:
            self.used = True
        self.used = True
        for x, seed in zip(targets, seeds):
            if seed is None:
                seed = empty(x.shape)
                _np.asarray(seed)[...] = 1
            elif not isinstance(seed, Tensor) or (<Tensor>seed).shape != x.shape:
                seed = _np.asarray(seed)
                if seed.shape != x.shape:
                    raise ValueError(f"GradientTape.gradient: an output gradient has shape {seed.shape}, its target {x.shape}")
                seed = from_array(seed)
            _add(gradients, id(x.node) if x.node is not None else id(x), seed)
        for node in self.watched_nodes():
            kept[id(node)] = None
        nodes = self.nodes
        for i in range(len(nodes) - 1, -1, -1):
            node = nodes[i]
            key = id(node)
            dy = gradients.get(key)
            if dy is None or node.backward is None:
                if not self.persistent:
                    node.inputs, node.backward = (), None
                continue
            found = node.backward(dy)
            if not isinstance(found, tuple):
                found = (found,)
            for x_, dx in zip(node.inputs, found):
                if dx is None or not isinstance(x_, Tensor):
                    continue
                x = <Tensor>x_
                _add(gradients, id(x.node) if x.node is not None else id(x), dx)
            if not self.persistent:
                node.inputs, node.backward = (), None
        if not self.persistent:
            self.nodes = []
        return gradients

    cdef list watched_nodes(self):
        return [(<Tensor>t).node for t in self.watched.values()]


cdef _add(dict gradients, key, Tensor dx):
    """Adds where two gradients meet: into fresh memory, for either may be held by others."""
    cdef Tensor total = gradients.get(key)
    if total is None:
        gradients[key] = dx
    else:
        gradients[key] = _ops.sum_of_gradients(total, dx)
