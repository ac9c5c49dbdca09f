"""Pictures of a training run and of the activations. matplotlib is imported when one is drawn, not before.

Figures are made through matplotlib's objects, not through pyplot, so nothing global changes and no window system is
needed; only show=True asks for one. Curves differ in line style and marker as well as in colour, for black and white
prints.
"""

import numpy as np

__all__ = ["plot_activations", "plot_history"]

BLUE, ORANGE = "#0072B2", "#D55E00"  # from Okabe and Ito's palette, distinct for colour-blind readers too
GREY = "#666666"


def _figure(width, height, show):
    try:
        if show:
            from matplotlib.pyplot import figure as Figure
        else:
            from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"plots need matplotlib (pip install 'cygrad[plot]'): {error}") from None
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return figure


def _finish(figure, path, show):
    if path is not None:
        figure.savefig(path)
    if show:
        from matplotlib import pyplot

        pyplot.show()
    return figure


def _style(axes):
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def plot_history(history, path=None, show=False):
    """Draws loss and metrics by epoch, training beside validation: one panel for each.

    history: what fit returns, or its dictionary {name: one value an epoch}. path: a file to write, whose suffix gives
    the format (png, pdf, svg). show=True opens a window. Returns the matplotlib figure. Raises ImportError without
    matplotlib (pip install 'cygrad[plot]'), ValueError for a history without an epoch.

    >>> figure = cygrad.utils.plot_history({"loss": [0.9, 0.5], "val_loss": [1.0, 0.7]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss']
    """
    values = getattr(history, "history", history)
    names = [name for name in values if not name.startswith("val_")]
    names += [name[4:] for name in values if name.startswith("val_") and name[4:] not in values]
    if not any(len(series) for series in values.values()):
        raise ValueError("plot_history: the history has no epoch; was fit called?")
    validated = any(name.startswith("val_") for name in values)
    epoch = list(getattr(history, "epoch", ()))
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = _figure(4.6 * columns, 3.4 * rows, show)
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, columns, place)
        _style(axes)
        for key, label, colour, line, marker in (
            (name, "training", BLUE, "-", "o"),
            (f"val_{name}", "validation", ORANGE, "--", "s"),
        ):
            series = np.asarray(values.get(key, ()), dtype=float)
            if series.size:
                x = np.asarray(epoch) + 1 if len(epoch) == len(series) else np.arange(1, len(series) + 1)
                few = len(series) <= 30  # beyond, markers hide the curve
                axes.plot(x, series, line, color=colour, label=label, marker=marker if few else None, markersize=4)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        if f"val_{name}" in values or not validated:  # a learning rate beside validated metrics is not "training"
            axes.legend(frameon=False)
    return _finish(figure, path, show)


def plot_activations(path=None, show=False):
    """Draws the activations and their derivatives, one panel for each, as ops and GradientTape compute them.

    path: a file to write, whose suffix gives the format (png, pdf, svg). show=True opens a window. Returns the
    matplotlib figure. Raises ImportError without matplotlib (pip install 'cygrad[plot]').

    >>> len(cygrad.utils.plot_activations().axes)
    12
    """
    from .. import ops
    from .._tensor import GradientTape

    bounded = ["sigmoid", "hard_sigmoid", "tanh", "softsign"]
    names = ["relu", "leaky_relu", "elu", "selu", *bounded, "softplus", "gelu", "silu", "exp"]
    points = np.linspace(-4, 4, 1601, dtype=np.float32)  # a step of 1/200: 0 is among them, kinks are sharp
    figure = _figure(11.5, 8, show)
    for place, name in enumerate(names, 1):
        x = ops.convert_to_tensor(points)
        with GradientTape() as tape:
            tape.watch(x)
            y = getattr(ops, name)(x)
        axes = figure.add_subplot(3, 4, place)
        _style(axes)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.plot(points, y.numpy(), "-", color=BLUE, label="value", linewidth=1.8)
        axes.plot(points, tape.gradient(y, x).numpy(), "--", color=ORANGE, label="derivative", linewidth=1.5)
        axes.set_title(name)
        axes.set_ylim((-1.25, 1.25) if name in bounded else (-2, 4))
        axes.set_xlim(-4, 4)
        axes.set_xlabel("x")
        if place == 1:
            axes.legend(loc="upper left", facecolor="white", edgecolor="white", framealpha=1)
    return _finish(figure, path, show)
