"""What the ops are tried on, by family: {"name of the op, and what is special": (function of tensors, a generator for
each input)}. The ops are differentiated and compared with the reference in tests/test_ops.py."""

from . import arithmetic, layout, networks, reductions

CASES = {}
for _family in (arithmetic, reductions, layout, networks):
    CASES |= _family.CASES
