# _program.pyx: what a recorder noted (see _core.pyx.in, 4), made into a program: the same kernels in the same order, without Python between them.
#
# Memory. Every pointer among the recorded arguments points into a block, and every block is one of these:
#   an input      the caller brings a new one at each replay, and the pointers are set to it
#   an output     each replay makes a new one
#   temporary     born and gone within the recording: it gets a place in the arena, planned so that only blocks whose lives overlap
#                 lie apart: a replay needs no more memory than the step did
#   lasting       all others (variables, gradients, constants): they stay where they are, and the program keeps them alive
# Calls. They are read back from their arguments as Python objects, so that _fusion.py and _rows.py can make one of several; what
# they leave alone runs from the recorder's own memory.
# Random numbers: each draw's function is asked again, and its key and counter are set where the first ones stood.
"""Program: recorded kernel calls, replayed. Programs: those of one function."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from cygrad._core cimport (
    CG_ROW_WORDS, MAX_RANK, Argument, Array, Block, Draw, Pointer, Recorder, RowCall, Rows, Step, attach, fail, new_block,
    run_conv2d_fused_forward, run_rows, version,
)
from cygrad._core import KERNELS
from cygrad._fusion import Call, Fusion, Memory, Place
from cygrad._rows import chains
from cygrad._tensor import Tensor, recording

cdef enum:
    ALIGNMENT = 64
    MOST_INPUTS = 32
    LASTING = -1                 # what a block is: its input's number, or one of these
    TEMPORARY = -2
    OUTPUT = -3                  # and below: OUTPUT - its output's number


FLOAT = ord("f")                 # of float32 in signatures


class CannotReplay(Exception):
    """Why a recording cannot be replayed."""


cdef struct Fix:
    void **place
    Py_ssize_t of                # the input's or output block's number
    Py_ssize_t offset


def signature(tuple arrays):
    """What a program depends on: the shapes and types of tensors, float32 arrays and None; None if there is something else."""
    cdef list found = []
    for a in arrays:
        if isinstance(a, Array):
            found.append(((<Array>a).shape, (<Array>a).code))
        elif a is None:
            found.append(None)
        elif isinstance(a, (list, tuple, dict)):
            return None
        else:
            found.append((a.shape, FLOAT))
    return tuple(found)


# ---- calls as Python objects ----

# the kernels' parameters, and those of the recorder's own two
PARAMETERS = KERNELS | {"copy": (("void", "y", "array", False), ("void", "x", "array", True)), "fill_zero": (("void", "y", "array", False),)}


def fields(str kernel):
    """([(parameter, type, kind, is written to, its first argument's number)], the number of arguments) of a kernel."""
    cdef list found = []
    cdef Py_ssize_t place = 0
    for type_, name, kind, const in PARAMETERS[kernel]:
        found.append((name, type_, kind, kind == "array" and not const, place))
        place += MAX_RANK if kind == "dims" else 1
    return found, place


def changed_by(str kernel):
    """The names of the arguments that it writes to."""
    return {name for name, _, _, writes, _ in fields(kernel)[0] if writes}


cdef object scalar_in(Argument a, str type_):
    if type_ == "float":
        return a.real
    if type_ == "int":
        return a.integer
    return a.uint64 if type_ == "uint64_t" else a.int64


cdef int set_scalar(Argument *a, str type_, value) except -1:
    if type_ == "float":
        a.real = value
    elif type_ == "int":
        a.integer = value
    elif type_ == "uint64_t":
        a.uint64 = value
    else:
        a.int64 = value
    return 0


cdef class Arena:
    """Memory for the temporary blocks of programs that never run at the same time: taken says that one runs (whoever reads or
    sets it holds Python's lock, so no two threads take it)."""
    cdef Array memory
    cdef bint taken

    cdef char *at_least(self, Py_ssize_t nbytes) except? NULL:
        if self.memory is None or self.memory.size < nbytes:
            self.memory = Array((nbytes,), "uint8")
        return <char *>self.memory.data

    @property
    def nbytes(self):
        """Its size so far."""
        return 0 if self.memory is None else self.memory.size


cdef class Program:
    """Program(recorder, inputs, outputs, arena, result): inputs and outputs are the tensors that the recorded function took and gave;
    result(outputs), a list, is what it returns.

    replay(inputs) gives the result for other inputs of the same shapes and types. Raises CannotReplay where that could give
    something else than the function itself."""
    cdef Recorder recorder
    cdef Arena arena
    cdef Step *steps             # the recorder's, but for what is fused
    cdef Pointer *pointers       # likewise
    cdef Py_ssize_t step_count, pointer_count
    cdef list names, memory      # of the steps; of the fused ones' arguments
    cdef char *base              # where the arena was when its pointers were set
    cdef Fix *input_fixes
    cdef Fix *output_fixes
    cdef Fix *arena_fixes
    cdef Py_ssize_t input_count, output_count, arena_count
    cdef readonly Py_ssize_t arena_bytes
    cdef readonly dict places    # of the temporary blocks in the arena
    cdef list output_bytes       # of each output block
    cdef list outputs            # (output block, offset, shape, type) of each output tensor
    cdef list draws              # (function, [indices into recorder.draws])
    cdef list lasting
    cdef object result

    def __init__(self, Recorder recorder, tuple inputs, tuple outputs, Arena arena, result):
        if recorder.reason is not None:
            raise CannotReplay(recorder.reason)
        if len(inputs) > MOST_INPUTS:
            raise CannotReplay(f"there are more than {MOST_INPUTS} inputs")
        self.recorder, self.arena, self.result = recorder, arena, result
        kinds, input_offsets = self.kinds_of_blocks(inputs, outputs)
        fusion = self.fuse(kinds)
        self.places = self.plan([i for i in range(len(kinds)) if kinds[i] == TEMPORARY and i not in fusion.dropped], fusion)
        self.link(kinds, input_offsets)
        self.draws = self.sources_of_draws()

    def __dealloc__(self):
        free(self.steps)
        free(self.pointers)
        free(self.input_fixes)
        free(self.output_fixes)
        free(self.arena_fixes)

    @property
    def kernels(self):
        """The names of the kernels, in order; those that run as one are joined by " + "."""
        return list(self.names)

    cdef tuple kinds_of_blocks(self, tuple inputs, tuple outputs):
        cdef Recorder r = self.recorder
        cdef Array array
        cdef Block block
        cdef list kinds, input_offsets = []
        self.lasting, self.outputs, self.output_bytes = [], [], []
        kinds = []
        for held, nbytes, born, gone, constant, written, address in r.blocks:
            if constant and written:
                raise CannotReplay("a kernel writes into a tensor that was filled from Python")
            kinds.append(TEMPORARY if gone is not None else LASTING)
            if gone is None:
                self.lasting.append(<object><PyObject *><size_t>address)
        for number, array in enumerate(inputs):
            if array is None:
                input_offsets.append(0)
                continue
            block = <Block?>array.block
            input_offsets.append(<char *>array.data - <char *>block.data)
            if block.recording != r.number:
                continue         # no kernel looks at it
            if kinds[block.entry] != LASTING:
                raise CannotReplay("two inputs share their memory")
            if r.blocks[block.entry][5]:
                raise CannotReplay("a kernel writes into an input")
            kinds[block.entry] = number
            self.lasting.remove(block)
        slots = {}
        for array in outputs:
            block = <Block?>array.block
            entry = block.entry
            if block.recording != r.number or r.blocks[entry][2] < 0 or r.blocks[entry][4]:
                raise CannotReplay("an output is an input, a variable or a constant")
            if entry not in slots:
                slots[entry] = len(slots)
                kinds[entry] = OUTPUT - slots[entry]
                self.output_bytes.append((r.blocks[entry][1], array.shape))
                self.lasting.remove(block)
            self.outputs.append((slots[entry], <char *>array.data - <char *>block.data, array.shape, array.code))
        return kinds, input_offsets

    cdef object fuse(self, list kinds):
        """Makes steps and pointers: the recorder's, but for what _fusion.py makes one call of."""
        cdef Recorder r = self.recorder
        cdef Py_ssize_t i
        cdef dict places = {<size_t>r.pointers[i].place: Place(r.pointers[i].entry, r.pointers[i].offset) for i in range(r.pointer_count)}
        cdef dict addresses = {places[<size_t>r.pointers[i].place]: <size_t>r.pointers[i].place[0] for i in range(r.pointer_count)}
        cdef dict calls = {i: self.call(i, places) for i in range(r.step_count)}
        blocks = [Memory(block[2] >= 0, kind == TEMPORARY, [], []) for block, kind in zip(r.blocks, kinds)]
        for i, call in calls.items():
            for name, _, kind, written, _ in fields(call.kernel)[0]:
                place = call.arguments[name]
                if kind == "array" and place is not None:
                    (blocks[place.block].writers if written else blocks[place.block].readers).append(i)
        fusion = Fusion(calls, blocks)
        self.names, self.memory = [], []
        self.steps = <Step *>calloc(max(r.step_count, 1), sizeof(Step))
        self.pointers = <Pointer *>calloc(max(r.pointer_count, 1), sizeof(Pointer))  # a fused call has fewer than what it is made of
        if self.steps == NULL or self.pointers == NULL:
            raise MemoryError()
        trains = any([kind == LASTING and block[5] for block, kind in zip(r.blocks, kinds)])
        found = {chain.first: chain for chain in chains(fusion.calls, changed_by, trains)}
        followers = {number for chain in found.values() for number in chain.calls} - found.keys()
        for i, chain in found.items():  # all its calls run there, at the same time
            fusion.moved.update({block: min(i, fusion.moved.get(block, i)) for block in chain.blocks})
        for i in range(r.step_count):
            if i in found:
                self.add_chain(found[i], fusion.calls, calls, addresses)
            elif fusion.calls[i] is not None and i not in followers:
                self.add(self.step(fusion.calls[i], None if fusion.calls[i] is calls[i] else addresses, r.steps[i]), fusion.calls[i].kernel)
        return fusion

    cdef int add(self, Step step, str name) except -1:
        self.steps[self.step_count] = step
        self.step_count += 1
        self.names.append(name)
        return 0

    cdef int add_chain(self, chain, dict calls, dict recorded, dict addresses) except -1:
        """One more step, of calls on the same rows."""
        cdef Recorder r = self.recorder
        cdef Py_ssize_t number, place, size, count = len(chain.calls), k = 0
        cdef Array memory = Array((sizeof(Rows) + count * (sizeof(RowCall) + CG_ROW_WORDS * sizeof(int64_t)),), "uint8")
        cdef Rows *rows = <Rows *>memory.data
        cdef RowCall *row_calls = <RowCall *>(rows + 1)
        cdef int64_t *each = <int64_t *>(row_calls + count)
        cdef Step step
        memset(memory.data, 0, memory.size)
        rows[0] = Rows(row_calls, count, chain.rows, chain.flops, chain.bytes)
        for number, of_a_row in chain.calls.items():
            call = calls[number]
            step = self.step(call, None if call is recorded[number] else addresses, r.steps[number])
            found, size = fields(call.kernel)
            for name, _, _, _, place in found:
                each[place] = of_a_row.get(name, 0)
            row_calls[k] = RowCall(step.run, <uint64_t *>step.arguments, each, size)
            each += CG_ROW_WORDS
            k += 1
        self.memory.append(memory)
        return self.add(Step(run_rows, memory.data), " + ".join([calls[number].kernel for number in chain.calls]))

    cdef object call(self, Py_ssize_t number, dict places):
        """A recorded call as a Python object."""
        cdef Argument *a = <Argument *>self.recorder.steps[number].arguments
        cdef Py_ssize_t place, i
        cdef str kernel = self.recorder.names[number]
        arguments = {}
        for name, type_, kind, _, place in fields(kernel)[0]:
            if kind == "array":
                arguments[name] = places.get(<size_t>&a[place].array)
            elif kind == "dims":
                arguments[name] = [a[place + i].int64 for i in range(MAX_RANK)]
            else:
                arguments[name] = scalar_in(a[place], type_)
        return Call(kernel, arguments)

    cdef Step step(self, call, dict addresses, Step step) except *:
        """A step and its pointers: the recorded one, or, given the addresses of Places, a fused one."""
        cdef Py_ssize_t place, size
        cdef Array memory
        cdef Argument *a
        found, size = fields(call.kernel)
        if addresses is not None:
            memory = Array((size * sizeof(Argument),), "uint8")
            self.memory.append(memory)
            step = Step(run_conv2d_fused_forward, memory.data)
        for name, type_, kind, _, place in found:
            value, a = call.arguments[name], <Argument *>step.arguments + place
            if kind == "array":
                if addresses is not None:
                    a.array = <void *><size_t>addresses.get(value, 0)
                if value is not None:
                    self.pointers[self.pointer_count] = Pointer(&a.array, value.block, value.offset)
                    self.pointer_count += 1
            elif addresses is not None:
                set_scalar(a, type_, value)
        return step

    cdef dict plan(self, list temporary, fusion):
        """An offset in the arena for each block: the largest first, each at the lowest place that is free during its life."""
        blocks = self.recorder.blocks
        placed, places = [], {}
        self.arena_bytes = 0
        for i in sorted(temporary, key=lambda i: -blocks[i][1]):
            _, nbytes, born, gone = blocks[i][:4]
            born, gone = min(born, fusion.moved.get(i, born)), max(gone, fusion.kept.get(i, -1) + 1)
            room = -(-max(nbytes, 1) // ALIGNMENT) * ALIGNMENT
            offset = 0
            for start, end, first, last in placed:  # in the order of their places
                if first < gone and born < last:  # gone at s: no kernel from number s on looks at it
                    if start - offset >= room:
                        break
                    offset = max(offset, end)
            placed.append((offset, offset + room, born, gone))
            placed.sort()
            places[i] = offset
            self.arena_bytes = max(self.arena_bytes, offset + room)
        return places

    cdef int link(self, list kinds, list input_offsets) except -1:
        """Sorts the pointers by what has to be done about them at a replay."""
        cdef Py_ssize_t i, kind, size = max(self.pointer_count, 1) * sizeof(Fix)
        cdef Pointer *p
        self.input_fixes, self.output_fixes, self.arena_fixes = <Fix *>malloc(size), <Fix *>malloc(size), <Fix *>malloc(size)
        if self.input_fixes == NULL or self.output_fixes == NULL or self.arena_fixes == NULL:
            raise MemoryError()
        for i in range(self.pointer_count):
            p = &self.pointers[i]
            kind = kinds[p.entry]
            if kind >= 0:
                self.input_fixes[self.input_count] = Fix(p.place, kind, p.offset - <Py_ssize_t>input_offsets[kind])
                self.input_count += 1
            elif kind <= OUTPUT:
                self.output_fixes[self.output_count] = Fix(p.place, OUTPUT - kind, p.offset)
                self.output_count += 1
            elif kind == TEMPORARY:
                self.arena_fixes[self.arena_count] = Fix(p.place, 0, <Py_ssize_t>self.places[p.entry] + p.offset)
                self.arena_count += 1
        return 0

    cdef list sources_of_draws(self):
        cdef Recorder r = self.recorder
        cdef Py_ssize_t i
        found = [(function, []) for function, _, _ in r.sources]
        for i in range(r.draw_count):
            key, counter = r.draws[i].key[0], r.draws[i].counter[0]
            same_key = [j for j, source in enumerate(r.sources) if source[1] == key]
            exact = [j for j in same_key if r.sources[j][2] == counter]
            if exact:
                found[exact[0]][1].append(i)
            elif same_key:
                raise CannotReplay("random numbers are drawn at a counter of their own")
        return found

    cpdef replay(self, tuple inputs):
        """The result, of fresh tensors, for these inputs: tensors or contiguous buffers of the recorded shapes and types."""
        cdef Recorder r = self.recorder
        cdef Py_ssize_t i
        cdef int status = 0
        cdef uint64_t key, counter
        cdef Fix *fix
        cdef Block block
        cdef Array y
        cdef char code
        cdef char *data[MOST_INPUTS]
        cdef Py_buffer view
        cdef char *base = self.arena.at_least(self.arena_bytes) if self.arena_bytes else NULL
        if base != self.base:
            for i in range(self.arena_count):
                self.arena_fixes[i].place[0] = base + self.arena_fixes[i].offset
            self.base = base
        for function, indices in self.draws:
            key, counter = function()
            for i in indices:
                r.draws[i].key[0], r.draws[i].counter[0] = key, counter
        for i, x in enumerate(inputs):
            if isinstance(x, Array):
                data[i] = <char *>(<Array>x).data
            elif x is not None:
                PyObject_GetBuffer(x, &view, PyBUF_C_CONTIGUOUS)  # the caller keeps x alive
                data[i] = <char *>view.buf
                PyBuffer_Release(&view)
        for i in range(self.input_count):
            fix = &self.input_fixes[i]
            fix.place[0] = data[fix.of] + fix.offset
        blocks = [new_block(nbytes, shape) for nbytes, shape in self.output_bytes]
        for i in range(self.output_count):
            fix = &self.output_fixes[i]
            fix.place[0] = <char *>(<Block>blocks[fix.of]).data + fix.offset
        with nogil:
            for i in range(self.step_count):
                status = self.steps[i].run(self.steps[i].arguments)
                if status:
                    break
        if status:
            fail(status, self.names[i])
        results = []
        for number, offset, shape, code in self.outputs:
            block = <Block>blocks[number]
            y = Tensor.__new__(Tensor)
            attach(y, <char *>block.data + <Py_ssize_t>offset, block, shape, code)
            results.append(y)
        return self.result(results)


cdef class Programs:
    """The programs of one function by the signature of its inputs, in one arena."""
    cdef readonly Arena arena
    cdef readonly dict programs          # or, for a signature without a program, anything else
    cdef public int64_t version          # of what recordings take for constant, when these were made
    cdef readonly Py_ssize_t replays     # how many there have been

    def __cinit__(self, Arena arena, *_, **__):
        self.arena, self.programs, self.version = arena, {}, version()

    def replay(self, tuple inputs, tuple key):
        """The result for tensors or contiguous float32 arrays; None where no program can give it."""
        program = self.programs.get(key)
        if type(program) is not Program or self.version != version() or recording():
            return None
        if self.arena.taken:     # another thread computes with this model
            return None
        self.arena.taken = True
        try:
            result = (<Program>program).replay(inputs)
        except IndexError:       # a label or an index: op by op, the error says where
            return None
        finally:
            self.arena.taken = False
        self.replays += 1
        return result
