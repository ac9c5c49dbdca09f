"""Nested lists, tuples and dicts: of tensors, as calls take and give them, and of shapes."""


def map_structure(function, value):
    """value with function applied to everything that is not a list, a tuple or a dict."""
    if isinstance(value, (list, tuple)):
        mapped = [map_structure(function, v) for v in value]
        return type(value)(*mapped) if hasattr(value, "_fields") else type(value)(mapped)
    if isinstance(value, dict):
        return {k: map_structure(function, v) for k, v in value.items()}
    return function(value)


def flatten(value):
    """The leaves of nested lists, tuples and dicts, in order."""
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flatten(v)]
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in flatten(v)]
    return [value]


def map_shapes(function, shapes):
    """shapes with function applied to each shape; a shape is a tuple or list of integers and None."""
    if isinstance(shapes, dict):
        return {k: map_shapes(function, v) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shapes):
        return type(shapes)([map_shapes(function, s) for s in shapes])
    return None if shapes is None else function(shapes)


def shapes_of(value):
    """The shapes of nested tensors; None for what has none."""
    return map_structure(lambda leaf: getattr(leaf, "shape", None), value)
