"""Pictures of what a network holds and sees: filters, feature maps, histograms of weights and gradients, and what a
classifier confuses."""

import math

import numpy as np

from .plotting import BLUE, GREY, ORANGE, _figure, _finish, _style

__all__ = ["plot_confusion_matrix", "plot_feature_maps", "plot_filters", "plot_histograms", "plot_learning_rates"]

MOST_PANELS = 64


def plot_confusion_matrix(y_true, y_pred, class_names=None, normalize=False, path=None, show=False):
    """Draws how many samples of each class (rows) are taken for which (columns), with the counts.

    y_true: whole numbers [N], or one-hot [N,K]. y_pred: the same, or probabilities or logits [N,K], of which the
    largest counts. class_names: K names. normalize: shares of each row instead of counts. path, show, ImportError: as
    for plot_history. Returns the figure. ValueError for lengths that differ.

    >>> figure = cygrad.utils.plot_confusion_matrix([0, 1, 1], [0, 1, 0], class_names=["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '1']
    """
    true, taken = _classes("y_true", y_true), _classes("y_pred", y_pred)
    if len(true) != len(taken) or not len(true):
        raise ValueError(f"plot_confusion_matrix: y_true has {len(true)} samples, y_pred has {len(taken)}")
    count = max(true.max(), taken.max()) + 1
    if class_names is not None:
        if len(class_names) < count:
            raise ValueError(f"plot_confusion_matrix: class_names has {len(class_names)} names for {count} classes")
        count = len(class_names)
    matrix = np.zeros((count, count))
    np.add.at(matrix, (true, taken), 1)
    if normalize:
        matrix /= np.maximum(matrix.sum(1, keepdims=True), 1)
    size = max(3.2, 0.5 * count + 1.4)
    figure = _figure(size + 0.4, size, show)
    axes = figure.add_subplot()
    axes.imshow(matrix, cmap="Blues")
    names = [str(i) for i in range(count)] if class_names is None else list(class_names)
    long = max(map(len, names)) > 3
    axes.set_xticks(range(count), names, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(range(count), names)
    axes.set_xlabel("taken for")
    axes.set_ylabel("class")
    for (i, j), value in np.ndenumerate(matrix):
        dark = value > 0.6 * matrix.max()
        text = f"{value:.2f}" if normalize else f"{value:.0f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    return _finish(figure, path, show)


def plot_filters(layer, path=None, show=False):
    """Draws the filters of a convolution, one panel each, at most 64: red-green-blue where the layer has three input
    channels, else the mean over them; grey is 0.

    layer: a built layer with a kernel [r,s,C,F]. path, show, ImportError: as for plot_history. Returns the figure.
    ValueError for other layers.

    >>> layer = cygrad.layers.Conv2D(6, 3)
    >>> layer.build((None, 8, 8, 3))
    >>> len(cygrad.utils.plot_filters(layer).axes)
    6
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None or len(kernel.shape) != 4:
        raise ValueError(
            f"plot_filters: layer {getattr(layer, 'name', layer)!r} has no kernel [r,s,C,F]; give a built Conv2D"
        )
    kernel = np.asarray(kernel)
    if kernel.shape[2] != 3:
        kernel = kernel.mean(2, keepdims=True)
    scale = np.abs(kernel).max() or 1.0
    panels = [0.5 + 0.5 * kernel[..., f] / scale for f in range(kernel.shape[3])]
    return _finish(_grid(panels, f"filters of {layer.name}", show, (0, 1)), path, show)


def plot_feature_maps(model, x, layer_name, path=None, show=False):
    """Draws what a layer gives for one sample, one panel a channel, at most 64; dark is large.

    model: a Sequential that is built, or one made of inputs and outputs. x: one sample, with its batch axis or without.
    layer_name: a layer whose output is [N,h,w,C]. path, show, ImportError: as for plot_history. Returns the figure.

    >>> model = cygrad.Sequential([cygrad.Input((8, 8, 1)), cygrad.layers.Conv2D(4, 3, name="c")])
    >>> len(cygrad.utils.plot_feature_maps(model, np.ones((8, 8, 1)), "c").axes)
    4
    """
    from ..models import Model

    layer, x = model.get_layer(layer_name), np.asarray(x, np.float32)
    if len(layer.output.shape) != 4:
        raise ValueError(f"plot_feature_maps: layer {layer_name!r} gives {layer.output.shape}; expected [N,h,w,C]")
    x = x if x.ndim == len(model.inputs[0].shape) else x[None]
    maps = Model(model.inputs, layer.output).predict(x[:1], verbose=0)[0]
    panels = [maps[..., c] for c in range(maps.shape[-1])]
    return _finish(_grid(panels, f"output of {layer_name}", show), path, show)


def plot_histograms(histograms, path=None, show=False):
    """Draws histograms, a callbacks.Histograms that fit was given: a row for each weight, its values left and its
    gradients right, an epoch a line, the first at the top.

    path, show, ImportError: as for plot_history. Returns the figure. ValueError without an epoch.

    >>> model = cygrad.Sequential([cygrad.Input((3,)), cygrad.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> kept = cygrad.callbacks.Histograms()
    >>> _ = model.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0, callbacks=[kept])
    >>> len(cygrad.utils.plot_histograms(kept).axes)
    4
    """
    weights = histograms.weights
    if not weights:
        raise ValueError("plot_histograms: no epoch was seen; give fit the callback")
    figure = _figure(8, 1.7 * len(weights) + 0.3, show)
    panels = figure.subplots(len(weights), 2, squeeze=False)
    for row, name in zip(panels, weights):
        for axes, kept, colour in zip(row, (weights[name], histograms.gradients[name]), (BLUE, ORANGE)):
            _ridges(axes, kept, colour)
        row[0].set_ylabel(name, fontsize=8)
    for axes, title in zip(panels[0], ("values", "gradients")):
        axes.set_title(title)
    figure.supylabel("weight; a line each epoch, the first at the top", fontsize=9)
    return _finish(figure, path, show)


def plot_learning_rates(found, path=None, show=False):
    """Draws what find_learning_rate has found: the loss by the learning rate, and the rate that it suggests.

    path, show, ImportError: as for plot_history. Returns the figure.

    >>> rates, losses = np.geomspace(1e-3, 1, 20), np.linspace(2, 1, 20)
    >>> figure = cygrad.utils.plot_learning_rates(cygrad.utils.LearningRates(rates, losses, losses, 0.1))
    >>> figure.axes[0].get_xlabel()
    'learning rate'
    """
    figure = _figure(5, 3.4, show)
    axes = figure.add_subplot()
    _style(axes)
    axes.plot(found.rates, found.losses, color=GREY, linewidth=0.8, label="loss")
    axes.plot(found.rates, found.smooth, color=BLUE, linewidth=2, label="smoothed")
    axes.axvline(found.suggestion, color=ORANGE, linestyle="--", label=f"suggestion: {found.suggestion:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    low, first = np.nanmin(found.smooth), found.smooth[0]
    axes.set_ylim(low - 0.1 * abs(first - low), first + 0.5 * abs(first - low) + 1e-12)
    axes.legend(frameon=False)
    return _finish(figure, path, show)


# ---- pieces ----


def _classes(name, y):
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        return y.argmax(1)
    y = y.reshape(len(y), -1)[:, 0] if y.ndim else y.reshape(-1)
    if not np.array_equal(y, np.round(y)) or (len(y) and y.min() < 0):
        raise ValueError(f"plot_confusion_matrix: {name} must be classes 0, 1, ... or have a column for each class")
    return y.astype(int)


def _grid(panels, title, show, limits=(None, None)):
    """Panels of pictures, each [h,w] or [h,w,3]."""
    panels = panels[:MOST_PANELS]
    columns = min(8, math.ceil(math.sqrt(len(panels))))
    rows = -(-len(panels) // columns)
    figure = _figure(1.1 * columns, 1.1 * rows + 0.4, show)
    figure.suptitle(title)
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place, xticks=[], yticks=[])
        panel = panel[..., 0] if panel.ndim == 3 and panel.shape[-1] == 1 else panel
        axes.imshow(panel, cmap="gray" if limits[0] is not None else "gray_r", vmin=limits[0], vmax=limits[1])
    return figure


def _ridges(axes, kept, colour):
    """Histograms above each other, those of later epochs lower and in front."""
    highest = max(counts.max() for counts, _ in kept) or 1
    for epoch, (counts, edges) in enumerate(kept):
        base = (len(kept) - 1 - epoch) * 0.4
        middles = (edges[1:] + edges[:-1]) / 2
        heights = base + counts / highest
        axes.fill_between(middles, base, heights, color="white", zorder=epoch)
        axes.plot(middles, heights, color=colour, linewidth=0.9, zorder=epoch)
    axes.set_yticks([])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7)
