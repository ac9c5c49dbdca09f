"""What compile and fit get for several outputs, one entry for each: losses, weights, metrics, targets, sample weights.

Each may be given as for Keras: one for all outputs, a list in the order of the outputs, a dict by the outputs' names
(the keys of a dict of outputs, else the names of the layers that make them), or a nest like the outputs themselves.
Inside, everything is a flat list, one entry an output.
"""

import numpy as np

from .. import _lookup
from .graph import flat


class Outputs:
    """The outputs of a model, by name where they have names.

    names: one an output; None for the outputs of a subclassed model that are not in a dict. nested: deeper than one
    list or dict.
    """

    def __init__(self, y_pred, names=None):
        self.count = len(flat(y_pred))
        self.structure = y_pred
        several = isinstance(y_pred, (list, tuple, dict))
        self.nested = several and len(y_pred) != self.count
        if isinstance(y_pred, dict) and not self.nested:
            names = sorted(y_pred)
        if names is None or len(names) != self.count:
            names = [None] * self.count
        self.names = list(names)

    def title(self, i):
        """What an error calls an output."""
        if self.count == 1:
            return "the output"
        return f'output "{self.names[i]}"' if self.names[i] else f"output {i}"

    def listed(self):
        return ", ".join(repr(name) if name else str(i) for i, name in enumerate(self.names))

    def by_name(self, given, where, complete=False):
        """The entries of a dict, one an output, None where it has none. ValueError for names that are no outputs'."""
        unknown = [key for key in given if key not in self.names]
        missing = [name for name in self.names if name not in given] if complete else []
        if unknown or missing:
            told = "; ".join(
                f"{word} {', '.join(map(repr, keys))}"
                for word, keys in (("unknown", unknown), ("missing", missing))
                if keys
            )
            near = _lookup.did_you_mean(unknown[0], filter(None, self.names)) if unknown else ""
            raise ValueError(f"{where}: expected the outputs' names {self.listed()} as keys; {told}.{near}")
        return [given.get(name) for name in self.names]

    def each(self, given, where, leaf):
        """One entry an output, of a list, a dict or a nest like the outputs; leaf(value) tells what is no nest."""
        if isinstance(given, dict) and not self.nested:
            return self.by_name(given, where)
        if isinstance(given, (list, tuple)) and not self.nested and len(given) == self.count:
            return list(given)
        found = self._like(given, self.structure, leaf) if self.nested else None
        if found is None:
            raise ValueError(
                f"{where}: expected {self.count} entries, in a list or a dict with the outputs' names {self.listed()}; "
                f"got {_told(given)}"
            )
        return found

    def _only(self, given, where):
        """The entries of a list, or of a dict for one output, whose key is its name where it has one."""
        if not isinstance(given, dict):
            return list(given)
        known = [*filter(None, self.names), *(self.structure if isinstance(self.structure, dict) else ())]
        unknown = [key for key in given if known and key not in known]
        if unknown:
            raise ValueError(
                f"{where}: expected the output's name {' or '.join(map(repr, dict.fromkeys(known)))} as key; got "
                f"{', '.join(map(repr, unknown))}.{_lookup.did_you_mean(unknown[0], known)}"
            )
        return list(given.values())

    def _like(self, given, structure, leaf):
        if isinstance(structure, dict):
            if not isinstance(given, dict) or given.keys() != structure.keys():
                return None
            parts = [(given[key], structure[key]) for key in sorted(structure)]
        elif isinstance(structure, (list, tuple)):
            if not isinstance(given, (list, tuple)) or len(given) != len(structure):
                return None
            parts = list(zip(given, structure))
        else:
            return [given] if leaf(given) else None
        found = [self._like(g, s, leaf) for g, s in parts]
        return None if None in found else [entry for entries in found for entry in entries]

    # ---- what compile gets ----

    def losses(self, given):
        """The losses, one an output; None for outputs without."""
        if given is None or not isinstance(given, (list, tuple, dict)) or "class_name" in given:
            return [given] * self.count
        if self.count == 1:
            entries = [v for v in self._only(given, "compile, loss") if v is not None]
            if len(entries) > 1:
                raise ValueError(f"compile: loss has {len(entries)} entries; the model has one output")
            return entries or [None]
        return self.each(given, "compile, loss", lambda value: not isinstance(value, (list, tuple)))

    def weights(self, given, losses):
        """The factors of the losses, one an output; None for 1."""
        where = "compile, loss_weights"
        if given is None:
            return [None] * self.count
        if not isinstance(given, (list, tuple, dict)):
            given = [given]
        elif isinstance(given, dict) and self.count > 1:
            given = self.each(given, where, np.isscalar)
        given = self._only(given, where)
        lossy = [i for i, loss in enumerate(losses) if loss is not None]
        if len(given) == len(lossy) < self.count:
            spread = [None] * self.count
            for i, weight in zip(lossy, given):
                spread[i] = weight
            given = spread
        if len(given) != self.count == 1:
            raise ValueError(f"compile: loss_weights must hold one number, as there is one output; got {given!r}")
        if len(given) != self.count:
            raise ValueError(
                f"{where}: expected one number for each of {self.count} output{'s' * (self.count > 1)} "
                f"({self.listed()}); got {_told(given)}"
            )
        return [None if weight is None else weight_of(weight, given) for weight in given]

    def metrics(self, given, argument):
        """A list of metrics for each output."""
        if not given:
            return [[] for _ in range(self.count)]
        where = f"compile, {argument}"
        if self.count == 1:
            return [every(self._only(given, where))]
        if isinstance(given, (list, tuple)) and not self.nested and len(given) != self.count:
            raise ValueError(
                f"{where}: expected a list with one entry (a metric, a list of them or None) for each of "
                f"{self.count} outputs, or a dict with the names {self.listed()}; got {len(given)} entries"
            )
        return [every(entry) for entry in self.each(given, where, lambda value: True)]

    # ---- what fit gets ----

    def targets(self, y, losses, where):
        """y, one entry an output; None for outputs that need none."""
        if isinstance(y, dict) and not self.nested:
            found = self.by_name(y, f"{where}, y")
        elif isinstance(y, (list, tuple)) or (self.nested and isinstance(y, dict)):
            found = flat(y) if self.nested else list(y)
        else:
            found = [y]
        lossy = [i for i, loss in enumerate(losses) if loss is not None]
        if len(found) == len(lossy) < self.count:
            spread = [None] * self.count
            for i, target in zip(lossy, found):
                spread[i] = target
            found = spread
        if len(found) != self.count:
            raise ValueError(
                f"{where}: the model has {self.count} outputs ({self.listed()}), and y must hold one array for each; "
                f"got {_told(y)}"
            )
        for i in lossy:
            if found[i] is None:
                raise ValueError(f"{where}: {self.title(i)} has a loss, but y holds no targets for it")
        return found

    def sample_weights(self, given, where):
        """Sample weights, one entry an output: the same for all where one array is given."""
        if given is None:
            return None
        if isinstance(given, dict):
            where = f"{where}, sample_weight"
            return self._only(given, where) if self.count == 1 else self.by_name(given, where)
        if isinstance(given, (list, tuple)) and any(w is not None and np.ndim(w) > 0 for w in given):
            if len(given) != self.count:
                raise ValueError(
                    f"{where}: expected one sample_weight for all outputs or one for each of {self.count} "
                    f"({self.listed()}); got {len(given)}"
                )
            return list(given)
        return [given] * self.count


def every(given):
    """Metrics, however nested, as a list."""
    if given is None:
        return []
    if isinstance(given, dict):
        given = list(given.values())
    if not isinstance(given, (list, tuple)):
        return [given]
    return [m for entry in given for m in ([None] if entry is None else every(entry))]


def weight_of(weight, given):
    """A factor of a loss as a float."""
    if isinstance(weight, (bool, str)) or not np.isscalar(weight) or not np.isfinite(weight):
        raise ValueError(f"compile: loss_weights must hold numbers; got {given!r}")
    return float(weight)


def _told(given):
    if isinstance(given, dict):
        return f"a dict with the keys {', '.join(map(repr, given))}"
    if isinstance(given, (list, tuple)):
        return f"a {type(given).__name__} of {len(given)}"
    shape = getattr(given, "shape", None)
    return f"one array of shape {tuple(shape)}" if shape is not None else repr(given)[:60]
