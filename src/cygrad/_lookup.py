"""Names to objects: what activations, initializers, regularizers, layers and their configs have in common."""

import contextlib
import inspect
import threading


class _Scopes(threading.local):
    def __init__(self):
        self.stack = []


_scopes = _Scopes()


@contextlib.contextmanager
def custom_object_scope(*custom_objects):
    """Inside the with block, the names in the given dicts are known wherever a configuration is read.

    >>> def double(x):
    ...     return 2 * x
    >>> with cygrad.utils.custom_object_scope({"double": double}):
    ...     layer = cygrad.layers.Activation("double")
    >>> float(layer(3.0))
    6.0
    """
    for objects in custom_objects:
        if objects is not None and not isinstance(objects, dict):
            raise TypeError(f"custom_object_scope: expected dicts of name: object; got {type(objects).__name__}")
    _scopes.stack.append({name: value for objects in custom_objects for name, value in (objects or {}).items()})
    try:
        yield
    finally:
        _scopes.stack.pop()


registered = {}  # {name: class or function} of the whole process, "package>name" for what was registered


def register_keras_serializable(package="Custom", name=None):
    """A decorator: the class or function is known by "package>name" wherever a configuration or a file is read.

    name: the object's own where absent. ValueError for a class without get_config, and for a name that is taken.

    >>> @cygrad.saving.register_keras_serializable(package="demo")
    ... class Twice(cygrad.layers.Layer):
    ...     def call(self, x):
    ...         return 2 * x
    >>> cygrad.saving.get_registered_name(Twice)
    'demo>Twice'
    """

    def register(thing):
        full = f"{package}>{name or thing.__name__}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"register_keras_serializable: the class {thing.__name__} has no get_config method")
        other = registered.get(full)
        same = other is not None and (other.__module__, other.__qualname__) == (thing.__module__, thing.__qualname__)
        if other is not None and not same:  # the same place defined again, as in a notebook, replaces it
            raise ValueError(f"register_keras_serializable: {full!r} is taken by {other!r}")
        registered[full] = thing
        return thing

    return register


def get_custom_objects():
    """The dict of all objects known by name in this process; what is put into it is known, too.

    >>> cygrad.utils.get_custom_objects()['Own'] = cygrad.layers.Dense
    >>> _ = cygrad.utils.get_custom_objects().pop('Own')
    """
    return registered


def get_registered_name(obj):
    """The name that a class or function was registered by; its own where it was not.

    obj: a class or function.

    >>> cygrad.utils.get_registered_name(cygrad.layers.Dense)
    'Dense'
    """
    for name, thing in registered.items():
        if thing is obj:
            return name
    return obj.__name__


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The class or function of that name: in the open scopes, among the registered, in two further dicts; else None.

    custom_objects: {name: object} of the caller's own. module_objects: a second dict of that kind.

    >>> cygrad.utils.get_registered_object('Own', {'Own': cygrad.layers.Dense}) is cygrad.layers.Dense
    True
    """
    found = custom_object(name)
    for objects in (custom_objects, module_objects):
        if found is None and objects:
            found = objects.get(name)
    return found


def custom_object(name):
    """What the innermost open scope, else the registered objects, call by that name, with its package or without;
    else None."""
    bare = name.rpartition(">")[2] if isinstance(name, str) else name
    for objects in reversed(_scopes.stack):
        for key in (name, bare):
            if key in objects:
                return objects[key]
    if name in registered or not registered or not isinstance(name, str):
        return registered.get(name)
    alike = [thing for key, thing in registered.items() if key.rpartition(">")[2] == name]
    return alike[0] if len(alike) == 1 else None


class Absent:
    """A name that Keras 2's or TensorFlow's class has and ours has not: its AttributeError says what to do instead."""

    def __init__(self, instead):
        self.instead = instead

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        raise AttributeError(f"{owner.__name__} has no {self.name}: {self.instead}")


def did_you_mean(name, known):
    """' Did you mean ...?' with the nearest known names, or those that it shortens; '' when none is near."""
    import difflib  # here, for only errors need it

    name, lower = str(name).lower(), {k.lower(): k for k in known}
    near = difflib.get_close_matches(name, lower, n=3, cutoff=0.6)
    near = [lower[k] for k in near or [k for k in lower if len(name) > 2 and k.startswith(name)][:3]]
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def unknown(what, name, known):
    """The ValueError for a name that nobody knows."""
    hint = did_you_mean(name, known) or f" Known: {', '.join(sorted(known))}."
    return ValueError(f"unknown {what} {name!r}.{hint}")


def check_keywords(owner, known, keywords):
    """Raises TypeError for keyword arguments that nobody takes; known are the names of those that somebody does."""
    for name in keywords:
        raise TypeError(
            f"{owner}: unknown argument {name!r}.{did_you_mean(name, known) or ' Known: ' + ', '.join(known) + '.'}"
        )


def parameters_of(function):
    """The names of the parameters, without self, *args and **kwargs."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind not in kinds and p.name != "self"]


def get(identifier, what, table, base):
    """What an identifier stands for: a name, {"class_name", "config"}, a class or an instance; None stays None.

    table maps names to classes of the kind `what` (for messages); base is their common class.
    """
    if identifier is None or isinstance(identifier, base):
        return identifier
    config = {}
    if isinstance(identifier, dict):
        if "class_name" not in identifier:
            raise ValueError(f"{what}: a configuration needs the key 'class_name'; got the keys {sorted(identifier)}")
        config = identifier.get("config") or {}
        identifier = identifier["class_name"]
        if identifier == "function":
            identifier, config = config, {}
    if isinstance(identifier, str):
        found = custom_object(identifier) or table.get(identifier)
        if found is None:
            raise unknown(what, identifier, table)
    else:
        found = identifier
    if isinstance(found, type):
        return found.from_config(dict(config)) if hasattr(found, "from_config") else found(**config)
    if callable(found):
        return found
    raise TypeError(
        f"{what}: expected a name, a configuration, an instance or a callable; got {type(identifier).__name__}"
    )


def serialize(value, owner="", argument=""):
    """A constructor argument as numbers, strings, lists and dicts. NotImplementedError where it has no such form."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)([serialize(v, owner, argument) for v in value])
    if isinstance(value, dict):
        return {k: serialize(v, owner, argument) for k, v in value.items()}
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return value.item()
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if inspect.isroutine(value) and value.__name__ != "<lambda>":
        from . import activations

        return activations.serialize(value)
    raise NotImplementedError(
        f"{owner}: the argument {argument!r} is {_kind(value)}, which a configuration cannot hold; "
        f"override get_config and from_config to say how it is saved"
    )


class Configurable:
    """The base of what keeps its constructor's arguments as attributes of the same names, and of nothing else."""

    def get_config(self):
        """The constructor's arguments as plain data."""
        names = parameters_of(type(self).__init__) if type(self).__init__ is not object.__init__ else []
        return {name: serialize(getattr(self, name), type(self).__name__, name) for name in names}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def _kind(value):
    return "a lambda" if inspect.isroutine(value) else f"of type {type(value).__name__}"
