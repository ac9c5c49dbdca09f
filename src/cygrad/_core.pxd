# _core.pxd: what other Cython code may cimport: arrays and their memory.
from libc.stdint cimport int64_t

cdef enum:
    MAX_RANK = 8

cdef class Block:
    cdef void *data
    cdef size_t nbytes

cdef class Array:
    cdef void *data
    cdef object block        # keeps data alive: a Block, or a memoryview of somebody else's array
    cdef readonly tuple shape
    cdef readonly int64_t size
    cdef char code           # the buffer protocol's letter: f d i q B
    cdef int itemsize

cdef int allocate(Array self, tuple shape, char code) except -1
cdef int attach(Array self, void *data, object block, tuple shape, char code) except -1
cdef char default_float() noexcept
cdef char code_of(object dtype) except 0
