# _core.pxd: what other Cython code may cimport: arrays and their memory.
from libc.stdint cimport int64_t, uint64_t

ctypedef int (*runner)(void *arguments) noexcept nogil

cdef extern from "cygrad.h":
    enum: CG_ROW_WORDS
    struct RowCall "cg_row_call":
        runner run
        uint64_t *words
        const int64_t *each
        int64_t count
    struct Rows "cg_rows":
        const RowCall *calls
        int64_t count, rows
        double flops, bytes

cdef enum:
    MAX_RANK = 8

cdef class Block:
    cdef void *data
    cdef size_t nbytes
    cdef Py_ssize_t entry    # where a recorder has noted it; -1: nowhere
    cdef int64_t recording   # the number of that recorder

cdef class Array:
    cdef void *data
    cdef object block        # keeps data alive: a Block, or a memoryview of somebody else's array
    cdef readonly tuple shape
    cdef readonly int64_t size
    cdef char code           # the buffer protocol's letter: f d i q B
    cdef readonly int itemsize

cdef Block new_block(size_t nbytes, object shape)
cdef int allocate(Array self, tuple shape, char code) except -1
cdef int attach(Array self, void *data, object block, tuple shape, char code) except -1
cdef char default_float() noexcept
cdef char code_of(object dtype) except 0

# ---- recording, see section 4 of _core.pyx.in ----

cdef union Argument:             # of a kernel; a list of sizes takes MAX_RANK of them
    void *array
    int64_t int64
    uint64_t uint64
    int integer
    float real

cdef struct Step:
    runner run
    void *arguments

cdef struct Pointer:             # a pointer among a step's arguments, into a block
    void **place
    Py_ssize_t entry             # of the block in Recorder.blocks
    Py_ssize_t offset

cdef struct Draw:                # a pair of random key and counter among a step's arguments
    uint64_t *key
    uint64_t *counter

cdef class Recorder:
    cdef Step *steps
    cdef Pointer *pointers
    cdef Draw *draws
    cdef readonly Py_ssize_t step_count, pointer_count, draw_count
    cdef readonly list names     # of the steps
    # [block if older or constant, bytes, born at step (older: -1), gone at step or None, constant, written, address]
    cdef readonly list blocks
    cdef readonly list sources   # of draws: (function, key, counter)
    cdef readonly object reason  # why this cannot be replayed
    cdef int64_t number
    cdef unsigned long thread
    cdef void *add(self, runner run, size_t size, str name) except NULL
    cdef int point(self, void **place, object x, bint writes) except -1
    cdef int draw(self, uint64_t *key, uint64_t *counter) except -1
    cdef int born(self, Block block) except -1
    cdef int gone(self, Py_ssize_t entry) except -1
    cdef Py_ssize_t entry_of(self, Block block) except -1

cdef int run_conv2d_fused_forward(void *arguments) noexcept nogil
cdef int run_rows(void *rows) noexcept nogil

cpdef changed()
cpdef int64_t version()
cdef Recorder recorder()
cdef int copy(Array to, Array source) except -1
cdef int fill_zero(Array a) except -1
cdef int constant(Array a) except -1
cdef fail(int status, str kernel)
