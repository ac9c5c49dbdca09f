"""plot_model: a model's layers and what is connected to what, as SVG, as text, or through matplotlib.

The drawing is Sugiyama's (IEEE Trans. SMC 11, 1981): each call of a layer stands one row below the lowest of its
inputs; a connection over several rows gets a point in each, so that it bends around the boxes; within a row, boxes are
sorted by the mean place of their neighbours, a few times down and up, and moved to it as far as the others leave room.
"""

import os
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from .plotting import _figure

__all__ = ["plot_model"]

LETTER, LINE, MARGIN = 6.6, 15, 10  # of a 11 px monospaced font: width, height; the space around a text
GAP, ROW = 24, 34  # between boxes side by side, and between rows
SWEEPS = 6


@dataclass
class Box:
    """A call of a layer, or a point (no lines) where a long connection passes a row."""

    lines: list = field(default_factory=list)
    inputs: list = field(default_factory=list)  # the places of boxes
    row: int = 0
    x: float = 0.0  # of the middle
    y: float = 0.0
    passed: float = 0.0  # how high the row is that a point passes

    @property
    def width(self):
        return max(map(len, self.lines)) * LETTER + 2 * MARGIN if self.lines else 8.0

    @property
    def height(self):
        return len(self.lines) * LINE + MARGIN if self.lines else self.passed


class Diagram:
    """What plot_model returns: svg and text; a notebook shows the first."""

    def __init__(self, boxes):
        self.text = _text(boxes)
        self._boxes = _layout(boxes)
        self.svg = _svg(self._boxes)

    def _repr_svg_(self):
        return self.svg

    def __str__(self):
        return self.text


def plot_model(model, to_file=None, show_shapes=False, show_layer_names=True, show_trainable=False, rankdir="TB"):
    """Draws a model's layers from the inputs down: a box each call of a layer, a line each tensor.

    model: a Sequential, or a model made of inputs and outputs. to_file: a file to write, by its suffix: .svg and .txt
    need no other package, .png and .pdf need matplotlib (pip install 'cygrad[plot]'). show_shapes: the shape of each
    output; show_layer_names: beside the class; show_trainable: which layers are frozen. rankdir: only "TB", from top
    to bottom. Returns an object with .svg and .text, which a notebook shows. ValueError for other models, whose
    connections are known only while they run, for another suffix and another rankdir.

    >>> x = cygrad.Input((4,), name="x")
    >>> a, b = cygrad.layers.Dense(3, name="a")(x), cygrad.layers.Dense(3, name="b")(x)
    >>> print(cygrad.utils.plot_model(cygrad.Model(x, cygrad.layers.Add(name="sum")([a, b]))).text)
    o    x (InputLayer)
    |
    +-o  a (Dense)
    | |
    o |  b (Dense)
    | |
    o-+  sum (Add)
    """
    if rankdir != "TB":
        raise ValueError(f"plot_model: rankdir must be 'TB'; got {rankdir!r}")
    boxes = _boxes(model, show_shapes, show_layer_names, show_trainable)
    diagram = Diagram(boxes)
    if to_file is not None:
        suffix = os.path.splitext(os.fspath(to_file))[1].lower()
        if suffix in (".svg", ".txt"):
            with open(to_file, "w", encoding="utf-8") as file:
                file.write(diagram.svg if suffix == ".svg" else diagram.text + "\n")
        elif suffix in (".png", ".pdf"):
            _draw(diagram._boxes, to_file)
        else:
            raise ValueError(f"plot_model: to_file must end in .svg, .txt, .png or .pdf; got {os.fspath(to_file)!r}")
    return diagram


# ---- from the model ----


def _boxes(model, shapes, names, trainable):
    """A Box for each call, each after its inputs."""
    from ..models import Functional, Model, Sequential

    graph = getattr(model, "_graph", None)
    if graph is None and isinstance(model, Sequential):
        if not model.built:
            return [
                Box(_lines(layer, None, names, trainable), [i - 1] if i else []) for i, layer in enumerate(model.layers)
            ]
        graph = Model(model.inputs, model.outputs[0])._graph
    if graph is None or not isinstance(model, (Functional, Sequential)):
        raise ValueError(
            f'plot_model: "{getattr(model, "name", model)}" is not made of inputs and outputs, so what is connected is '
            "known only while it runs; model.summary() lists its layers"
        )
    boxes, places = [], {}
    for key, slot in graph.slots.items():
        if slot < len(graph.input_layers):
            layer = graph.input_layers[slot]
            places[key] = len(boxes)
            boxes.append(Box(_lines(layer, layer.batch_shape if shapes else None, names, trainable)))
    for call in graph.calls:
        outputs = call.node.outputs
        shape = None if not shapes else outputs[0].shape if len(outputs) == 1 else [t.shape for t in outputs]
        inputs = list(dict.fromkeys(places[key] for key in call.inputs))
        places.update(dict.fromkeys(call.outputs, len(boxes)))
        boxes.append(Box(_lines(call.layer, shape, names, trainable), inputs))
    return boxes


def _lines(layer, shape, names, trainable):
    from ..models.model import _class_text

    kind = _class_text(layer)
    lines = [f"{layer.name} ({kind})" if names else kind]
    if shape is not None:
        lines.append(str(shape).replace("None", "?"))
    if trainable and layer.weights and not layer.trainable:
        lines.append("frozen")
    return lines


# ---- text ----


def _text(boxes):
    """A line each box beside lanes, one for each output that is still needed, as version control systems draw it."""
    last = {i: j for j, box in enumerate(boxes) for i in box.inputs}
    lanes, rows = [], []
    for j, box in enumerate(boxes):
        joined = [k for k, i in enumerate(lanes) if i in box.inputs]
        ending = [k for k in joined if last[lanes[k]] == j]
        free = [k for k, i in enumerate(lanes) if i is None]
        place = ending[0] if ending else free[0] if free else len(lanes)
        low, high = min([*joined, place]), max([*joined, place])
        row = ""
        for k in range(max(len(lanes), place + 1)):
            inside = low < k < high
            held = k < len(lanes) and lanes[k] is not None
            row += "o" if k == place else "+" if k in joined else "|" if held else "-" if inside else " "
            row += "-" if low <= k < high else " "
        for k in ending:
            lanes[k] = None
        lanes += [None] * (place + 1 - len(lanes))
        lanes[place] = j if j in last else None
        rows.append((row.rstrip(), "  ".join(box.lines)))
        rows.append(("".join("| " if lane is not None else "  " for lane in lanes).rstrip(), ""))
    width = max(len(row) for row, _ in rows)
    return "\n".join(f"{row.ljust(width)}  {text}".rstrip() for row, text in rows[:-1])


# ---- places ----


def _layout(boxes):
    """The boxes with points added, all with x and y."""
    boxes = [Box(list(box.lines), list(box.inputs)) for box in boxes]
    for box in boxes:
        box.row = 1 + max((boxes[i].row for i in box.inputs), default=-1)
    for i, box in enumerate(boxes):  # an input stands just above what needs it first
        below = [other.row for other in boxes if i in other.inputs]
        if not box.inputs and below:
            box.row = min(below) - 1
    for box in list(boxes):
        for k, i in enumerate(box.inputs):
            for row in range(boxes[i].row + 1, box.row):
                boxes.append(Box([], [i], row))
                i = len(boxes) - 1
            box.inputs[k] = i
    outputs = [[] for _ in boxes]
    for j, box in enumerate(boxes):
        for i in box.inputs:
            outputs[i].append(j)
    rows = [[] for _ in range(max(box.row for box in boxes) + 1)]
    for i, box in enumerate(boxes):
        rows[box.row].append(i)
    for row in rows:
        _spread(boxes, row)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            for i in row:
                near = boxes[i].inputs if down else outputs[i]
                if near:
                    boxes[i].x = sum(boxes[k].x for k in near) / len(near)
            row.sort(key=lambda i: boxes[i].x)
            _spread(boxes, row)
    top = MARGIN
    for row in rows:
        height = max(boxes[i].height for i in row)
        for i in row:
            boxes[i].y, boxes[i].passed = top + height / 2, height
        top += height + ROW
    left = min(box.x - box.width / 2 for box in boxes)
    for box in boxes:
        box.x += MARGIN - left
    return boxes


def _spread(boxes, row):
    """Moves boxes of a row apart, in their order, as little to both sides as it takes."""
    wanted = [boxes[i].x for i in row]
    for k in range(1, len(row)):
        a, b = boxes[row[k - 1]], boxes[row[k]]
        b.x = max(b.x, a.x + (a.width + b.width) / 2 + GAP)
    shift = sum(w - boxes[i].x for w, i in zip(wanted, row)) / len(row)
    for i in row:
        boxes[i].x += shift


# ---- drawing ----


def _curves(boxes):
    """((x, y) of the end of a connection above, the same below, whether it ends in a box)."""
    for box in boxes:
        if not box.lines:
            yield (box.x, box.y - box.height / 2), (box.x, box.y + box.height / 2), False
        for i in box.inputs:
            above = boxes[i]
            yield (above.x, above.y + above.height / 2), (box.x, box.y - box.height / 2), bool(box.lines)


def _svg(boxes):
    width = max(box.x + box.width / 2 for box in boxes) + MARGIN
    height = max(box.y + box.height / 2 for box in boxes) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for (x0, y0), (x1, y1), ends in _curves(boxes):
        middle = (y0 + y1) / 2
        curve = f"M{x0:.1f} {y0:.1f}C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        parts.append(f'<path d="{curve}" fill="none" stroke="#555"/>')
        if ends:
            parts.append(f'<path d="M{x1 - 3:.1f} {y1 - 6:.1f}h6l-3 6z" fill="#555"/>')
    for box in boxes:
        if not box.lines:
            continue
        x, y = box.x - box.width / 2, box.y - box.height / 2
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="3" fill="#f4f6f8" '
            'stroke="#333"/>'
        )
        for k, line in enumerate(box.lines):
            text = y + MARGIN / 2 + LINE * k + 11
            parts.append(f'<text x="{box.x:.1f}" y="{text:.1f}" text-anchor="middle">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw(boxes, path):
    """The same through matplotlib."""
    width = max(box.x + box.width / 2 for box in boxes) + MARGIN
    height = max(box.y + box.height / 2 for box in boxes) + MARGIN
    figure = _figure(width / 72, height / 72, False)
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for (x0, y0), (x1, y1), ends in _curves(boxes):
        middle = (y0 + y1) / 2
        codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        curve = Path([(x0, y0), (x0, middle), (x1, middle), (x1, y1)], codes)
        axes.add_patch(PathPatch(curve, fill=False, edgecolor="#555555"))
        if ends:
            axes.fill([x1 - 3, x1 + 3, x1], [y1 - 6, y1 - 6, y1], color="#555555", linewidth=0)
    for box in boxes:
        if box.lines:
            corner = (box.x - box.width / 2, box.y - box.height / 2)
            style = {"boxstyle": "round,pad=0,rounding_size=3", "facecolor": "#f4f6f8", "edgecolor": "#333333"}
            axes.add_patch(FancyBboxPatch(corner, box.width, box.height, **style))
            text = "\n".join(box.lines)
            axes.text(box.x, box.y, text, ha="center", va="center", family="monospace", fontsize=10, linespacing=1.2)
    figure.savefig(path)
