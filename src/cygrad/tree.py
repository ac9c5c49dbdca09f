"""Nests of lists, tuples, named tuples and dicts, and functions of their leaves, with keras.tree's names.

A leaf is anything else, None too. Dicts are walked in the order of their sorted keys, and keep their own.
"""

__all__ = [
    "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested", "lists_to_tuples",
    "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip


def is_nested(structure):
    """Is it a list, a tuple or a dict?

    >>> cygrad.tree.is_nested([1, 2]), cygrad.tree.is_nested("ab")
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def _keys(structure):
    """The places of its parts, in the order in which they are walked."""
    if isinstance(structure, dict):
        try:
            return sorted(structure)
        except TypeError:  # keys of several types
            return list(structure)
    return range(len(structure))


def _rebuilt(structure, parts):
    """A structure of the same kind with these parts, which come in the order of _keys."""
    if isinstance(structure, dict):
        found = dict(zip(_keys(structure), parts))
        values = {key: found[key] for key in structure}
        if hasattr(structure, "default_factory"):
            return type(structure)(structure.default_factory, values)
        return type(structure)(values)
    return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)


def flatten_with_path(structure):
    """A list of (path, leaf); a path is a tuple of indices and keys.

    >>> cygrad.tree.flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key in _keys(structure) for path, leaf in flatten_with_path(structure[key])]


def flatten(structure):
    """A list of the leaves.

    >>> cygrad.tree.flatten([1, (2, {"b": 4, "a": 3})])
    [1, 2, 3, 4]
    """
    if not is_nested(structure):
        return [structure]
    return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]


def traverse(func, structure, top_down=True):
    """The structure with func(part) in the place of each part for which func does not give None, leaves included.

    top_down: func sees a part before its parts, which are walked where it gives None; else after.

    >>> cygrad.tree.traverse(lambda part: 0 if part == 1 else None, [1, (1, 2)])
    [0, (0, 2)]
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return found
    if is_nested(structure):
        structure = _rebuilt(structure, [traverse(func, structure[key], top_down) for key in _keys(structure)])
    if top_down:
        return structure
    found = func(structure)
    return structure if found is None else found


def map_structure(func, *structures, none_is_leaf=True):
    """func(leaf, ...) of the leaves in one place, in the structure of the first.

    ValueError where the structures differ. none_is_leaf=False: None stays, func is not called with it.

    >>> cygrad.tree.map_structure(lambda a, b: a + b, {"x": 1}, {"x": 10})
    {'x': 11}
    """
    if not structures:
        raise ValueError("map_structure: expected at least one structure")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _mapped(func, structures, none_is_leaf)


def _mapped(func, structures, none_is_leaf=True):
    first = structures[0]
    if not is_nested(first):
        return None if first is None and not none_is_leaf else func(*structures)
    return _rebuilt(first, [_mapped(func, [s[key] for s in structures], none_is_leaf) for key in _keys(first)])


def map_structure_up_to(shallow_structure, func, *structures):
    """map_structure over the places that shallow_structure has; below them, structures may go on.

    >>> cygrad.tree.map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    for other in structures:
        _check_alike(shallow_structure, other, False, True)

    def walk(shallow, parts):
        if not is_nested(shallow):
            return func(*parts)
        return _rebuilt(shallow, [walk(shallow[key], [p[key] for p in parts]) for key in _keys(shallow)])

    return walk(shallow_structure, structures)


def assert_same_structure(a, b, check_types=None):
    """Raises ValueError unless a and b are nested in the same way: lists as lists, tuples as tuples, with equal keys.

    check_types has no effect, as in Keras.

    >>> cygrad.tree.assert_same_structure([1, (2,)], [3, (4,)])
    """
    _check_alike(a, b, True, False)


def _check_alike(a, b, kinds, shallow):
    nested = is_nested(a), is_nested(b)
    if nested == (False, False) or (shallow and not nested[0]):
        return
    same = nested == (True, True) and len(a) == len(b)
    if same and isinstance(a, dict):
        same = isinstance(b, dict) and set(a) == set(b)
    elif same:
        same = not isinstance(b, dict) and (not kinds or type(a) is type(b))
    if not same:
        raise ValueError(f"tree: the structures differ: {_short(a)} and {_short(b)}")
    for key in _keys(a):
        _check_alike(a[key], b[key], kinds, shallow)


def _short(structure):
    text = repr(structure)
    return text if len(text) <= 80 else text[:77] + "..."


def assert_same_paths(a, b):
    """Raises ValueError unless a and b have leaves at the same paths, in lists or tuples.

    >>> cygrad.tree.assert_same_paths([1, 2], (3, 4))
    """
    paths = [{path for path, _ in flatten_with_path(structure)} for structure in (a, b)]
    if paths[0] != paths[1]:
        missing, extra = paths[0] - paths[1], paths[1] - paths[0]
        raise ValueError(f"tree: leaves have different paths: {_short(missing)}, {_short(extra)}")


def pack_sequence_as(structure, flat_sequence):
    """The leaves of flat_sequence in the structure of another nest.

    ValueError unless there are as many as it has.

    >>> cygrad.tree.pack_sequence_as([0, (0, 0)], [1, 2, 3])
    [1, (2, 3)]
    """
    leaves, wanted = list(flat_sequence), len(flatten(structure))
    if len(leaves) != wanted:
        raise ValueError(f"pack_sequence_as: the structure has {wanted} leaves; got {len(leaves)}")
    in_order = iter(leaves)
    return _mapped(lambda _: next(in_order), [structure])


def lists_to_tuples(structure):
    """The structure with tuples in the place of lists.

    >>> cygrad.tree.lists_to_tuples([1, [2]])
    (1, (2,))
    """
    if not is_nested(structure):
        return structure
    parts = [lists_to_tuples(structure[key]) for key in _keys(structure)]
    return tuple(parts) if isinstance(structure, list) else _rebuilt(structure, parts)


def map_shape_structure(func, structure):
    """func of each shape, a tuple or list of numbers and None.

    >>> cygrad.tree.map_shape_structure(len, [(None, 3), (2,)])
    [2, 1]
    """
    shape = isinstance(structure, (list, tuple)) and all(isinstance(size, (int, type(None))) for size in structure)
    if shape or not is_nested(structure):
        return func(tuple(structure) if shape else structure)
    return _rebuilt(structure, [map_shape_structure(func, structure[key]) for key in _keys(structure)])
