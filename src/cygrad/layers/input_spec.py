"""InputSpec: what a layer accepts."""

from .. import _lookup


class InputSpec:
    """What a layer accepts: a rank, sizes of axes, or a shape whose None axes are open.

    InputSpec(shape=(None, 28, 28)), InputSpec(min_ndim=2, axes={-1: 64}); dtype, name and optional are kept, not
    checked.

    ndim: the rank. max_ndim: the largest rank. allow_last_axis_squeeze: a last axis of 1 may be missing or more.

    >>> cygrad.layers.InputSpec(min_ndim=2, axes={-1: 64}).accepts((None, 64))
    True
    """

    def __init__(
        self,
        dtype=None,
        shape=None,
        ndim=None,
        max_ndim=None,
        min_ndim=None,
        axes=None,
        allow_last_axis_squeeze=False,
        name=None,
        optional=False,
    ):
        self.dtype, self.name, self.optional = dtype, name, optional
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze

    def accepts(self, shape):
        """Does a shape meet it? None, an open axis, meets every size."""
        rank = len(shape)
        if self.shape is not None:
            wanted = self.shape
            if self.allow_last_axis_squeeze and wanted[-1:] == (1,) and rank == len(wanted) - 1:
                wanted = wanted[:-1]
            elif self.allow_last_axis_squeeze and shape[-1:] == (1,) and rank == len(wanted) + 1:
                shape = shape[:-1]
            return len(shape) == len(wanted) and all(map(_meet, shape, wanted))
        return (
            self.ndim in (None, rank)
            and (self.max_ndim is None or rank <= self.max_ndim)
            and (self.min_ndim is None or rank >= self.min_ndim)
            and all(-rank <= axis < rank and _meet(shape[axis], size) for axis, size in self.axes.items())
        )

    def describe(self, letters=""):
        """The accepted shape in letters: x[N,H,W,3]. letters names the axes, as in "NHWC" or "N...C"."""
        if self.shape is not None:
            return f"x[{','.join('N' if i == 0 and s is None else str(s) for i, s in enumerate(self.shape))}]"
        if letters:
            names = list(letters.replace("...", "…"))
        else:
            names = ["N", "…", "?"] if self.ndim is None else ["N"] + ["?"] * (self.ndim - 1)
        for axis, size in self.axes.items():
            if size is not None and -len(names) <= axis < len(names):
                names[axis] = str(size)
        return f"x[{','.join(names)}]".replace("…", "...")

    def get_config(self):
        result = {name: getattr(self, name) for name in _lookup.parameters_of(InputSpec.__init__)}
        return result if self.shape is None else {**result, "ndim": None}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        said = [f"{k}={v}" for k, v in self.get_config().items() if v not in (None, False, {})]
        return f"InputSpec({', '.join(said)})"


def _meet(a, b):
    return a is None or b is None or a == b
