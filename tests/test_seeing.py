"""Pictures of networks: what is drawn, and what is refused; histograms, learning rates, TensorBoard's files."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import cygrad
from cygrad import layers, utils
from cygrad.callbacks import Histograms, TensorBoard

RNG = np.random.default_rng(0)
needs_matplotlib = pytest.mark.skipif(
    pytest.importorskip("importlib.util").find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def small():
    cygrad.utils.set_random_seed(1)
    model = cygrad.Sequential([cygrad.Input((3,)), layers.Dense(8, "relu", name="a"), layers.Dense(1, name="b")])
    model.compile("sgd", "mse")
    return model


X = RNG.normal(size=(64, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def branched():
    x = cygrad.Input((4,), name="x")
    a = layers.Dense(4, name="a")(x)
    b = layers.Dense(4, name="b")(a)
    c = layers.Add(name="c")([b, x])
    return cygrad.Model(x, [layers.Dense(2, name="<d>")(c), layers.Dense(3, name="e")(c)])


# ---- plot_model ----


def test_text_shows_what_is_connected():
    expected = """\
o    x (InputLayer)
|
+-o  a (Dense)
| |
| o  b (Dense)
| |
o-+  c (Add)
|
+-o  <d> (Dense)
|
o    e (Dense)"""
    assert str(utils.plot_model(branched())) == expected


def test_svg_has_a_box_for_each_layer_and_no_two_overlap():
    diagram = utils.plot_model(branched(), show_shapes=True)
    root = ElementTree.fromstring(diagram.svg)
    tag = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{tag}text")]
    assert texts == ["x (InputLayer)", "(?, 4)", "a (Dense)", "(?, 4)", "b (Dense)", "(?, 4)", "c (Add)", "(?, 4)",
                     "<d> (Dense)", "(?, 2)", "e (Dense)", "(?, 3)"]  # fmt: skip
    boxes = [
        [float(rect.get(key)) for key in ("x", "y", "width", "height")]
        for rect in root.iter(f"{tag}rect")
        if rect.get("x")
    ]
    assert len(boxes) == 6
    width, height = float(root.get("width")), float(root.get("height"))
    for i, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for p, q, v, g in boxes[:i]:
            assert x + w <= p or p + v <= x or y + h <= q or q + g <= y


def test_plot_model_of_sequentials():
    assert str(utils.plot_model(small())).count("\n") == 4
    unbuilt = cygrad.Sequential([layers.Dense(3, name="one"), layers.ReLU(name="two")])
    assert str(utils.plot_model(unbuilt, show_layer_names=False)) == "o  Dense\n|\no  ReLU"
    frozen = small()
    frozen.get_layer("a").trainable = False
    assert str(utils.plot_model(frozen, show_trainable=True, show_shapes=True)).splitlines()[2:] == [
        "o  a (Dense)  (?, 8)  frozen", "|", "o  b (Dense)  (?, 1)",
    ]  # fmt: skip


@needs_matplotlib
@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<svg"), ("txt", b"o ")])
def test_files_of_plot_model(tmp_path, suffix, magic):
    utils.plot_model(branched(), tmp_path / f"m.{suffix}")
    assert (tmp_path / f"m.{suffix}").read_bytes().startswith(magic)


class Own(cygrad.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((Own(name="own"),), '"own" is not made of inputs and outputs'),
        ((small(), "m.jpeg"), "to_file must end in .svg, .txt, .png or .pdf; got 'm.jpeg'"),
        ((small(), None, False, True, False, "LR"), "rankdir must be 'TB'; got 'LR'"),
    ],
)
def test_plot_model_says_what_it_cannot_draw(arguments, text):
    with pytest.raises(ValueError, match=text):
        utils.plot_model(*arguments)


# ---- filters, maps, confusion ----


@needs_matplotlib
def test_confusion_matrix_counts(tmp_path):
    y, said = RNG.integers(0, 4, 200), RNG.normal(size=(200, 4))
    figure = utils.plot_confusion_matrix(y, said, path=tmp_path / "c.png")
    shown = np.array([float(t.get_text()) for t in figure.axes[0].texts]).reshape(4, 4)
    expected = np.array([[np.sum((y == i) & (said.argmax(1) == j)) for j in range(4)] for i in range(4)])
    np.testing.assert_array_equal(shown, expected)
    figure = utils.plot_confusion_matrix(np.eye(4)[y], said, ["a", "b", "c", "long name"], normalize=True)
    shown = np.array([float(t.get_text()) for t in figure.axes[0].texts]).reshape(4, 4)
    np.testing.assert_allclose(shown, expected / expected.sum(1, keepdims=True), atol=0.005)
    for arguments, text in (
        (([0, 1], [0]), "y_true has 2 samples, y_pred has 1"),
        (([0, 3], [0, 1], ["a", "b"]), "class_names has 2 names for 4 classes"),
        (([0, 0.5], [0, 1]), "y_true must be classes"),
    ):
        with pytest.raises(ValueError, match=text):
            utils.plot_confusion_matrix(*arguments)


@needs_matplotlib
def test_filters_and_feature_maps_show_the_values():
    model = cygrad.Sequential([cygrad.Input((6, 6, 1)), layers.Conv2D(3, 2, name="conv"), layers.Flatten(name="flat")])
    kernel = np.asarray(model.get_layer("conv").kernel)
    figure = utils.plot_filters(model.get_layer("conv"))
    for f, axes in enumerate(figure.axes):
        np.testing.assert_allclose(axes.images[0].get_array(), 0.5 + 0.5 * kernel[:, :, 0, f] / np.abs(kernel).max())
    x = RNG.normal(size=(6, 6, 1)).astype("float32")
    expected = cygrad.Model(model.inputs, model.get_layer("conv").output).predict(x[None], verbose=0)[0]
    figure = utils.plot_feature_maps(model, x, "conv")
    for c, axes in enumerate(figure.axes):
        np.testing.assert_array_equal(axes.images[0].get_array(), expected[..., c])
    with pytest.raises(ValueError, match="layer 'flat' has no kernel"):
        utils.plot_filters(model.get_layer("flat"))
    with pytest.raises(ValueError, match="layer 'flat' gives"):
        utils.plot_feature_maps(model, x, "flat")


# ---- histograms ----


@needs_matplotlib
def test_histograms_of_weights_and_gradients(tmp_path):
    model, kept = small(), Histograms(bins=7)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[kept])
    assert list(kept.weights) == [w.path for w in model.weights]
    for weight in model.weights:
        for found, values in ((kept.weights, weight), (kept.gradients, weight.gradient)):
            assert len(found[weight.path]) == 3
            counts, edges = found[weight.path][-1]
            expected = np.histogram(np.asarray(values), 7)
            np.testing.assert_array_equal(counts, expected[0])
            np.testing.assert_array_equal(edges, expected[1])
    utils.plot_histograms(kept, tmp_path / "h.png")
    with pytest.raises(ValueError, match="no epoch was seen"):
        utils.plot_histograms(Histograms())
    with pytest.raises(ValueError, match="bins must be"):
        Histograms(0)


# ---- a learning rate ----


@needs_matplotlib
def test_find_learning_rate_finds_one_that_learns_and_leaves_the_model_alone():
    model = small()
    model.fit(X, Y, epochs=1, verbose=0)
    weights, rate, steps = model.get_weights(), model.optimizer.learning_rate, model.optimizer.iterations
    found = utils.find_learning_rate(model, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))
    assert (model.optimizer.learning_rate, model.optimizer.iterations) == (rate, steps)
    assert len(found.rates) == len(found.losses) == len(found.smooth) <= 100
    assert np.all(np.diff(found.rates) > 0) and 1e-3 < found.suggestion < 1
    before = model.evaluate(X, Y, verbose=0)
    model.optimizer.learning_rate = found.suggestion
    model.fit(X, Y, epochs=10, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < 0.3 * before
    assert len(utils.plot_learning_rates(found).axes[0].lines) == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"lowest": 1, "highest": 0.1}, "0 < lowest < highest"),
        ({"steps": 3}, "steps must be an integer of at least 10"),
        ({"y": Y[:5]}, "x has 64 samples, y has 5"),
        ({"x": X * np.inf}, "not finite"),
        ({"model": cygrad.Sequential([layers.Dense(1)])}, "not compiled"),
    ],
)
def test_find_learning_rate_says_what_is_wrong(arguments, text):
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=text):
        utils.find_learning_rate(**{"model": small(), "x": X, "y": Y, **arguments})


# ---- TensorBoard ----


def scalars(folder):
    """{tag: [(step, value)]} of the events in a folder."""
    from tensorboardX.event_file_writer import EventFileWriter  # noqa: F401, the package whose format it is
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.glob("events*")):
        data, at = path.read_bytes(), 0
        while at < len(data):  # a record: length, its checksum, data, their checksum
            length = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += 16 + length
    return found


def test_tensorboard_files_hold_the_history(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    model = small()
    board = TensorBoard(tmp_path, histogram_freq=1, write_images=True, update_freq=2, write_steps_per_second=True)
    history = model.fit(X, Y, epochs=3, verbose=0, validation_split=0.25, callbacks=[board]).history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert [step for step, _ in train["epoch_loss"]] == [0, 1, 2]
    np.testing.assert_allclose([v for _, v in train["epoch_loss"]], history["loss"], rtol=1e-6)
    np.testing.assert_allclose([v for _, v in validation["epoch_loss"]], history["val_loss"], rtol=1e-6)
    assert [step for step, _ in train["batch_loss"]] == [1, 3, 5]  # two batches an epoch
    kernel = model.get_layer("a").kernel.path
    tags = {"epoch_learning_rate", "epoch_steps_per_second", f"{kernel}/histogram", f"{kernel}/image"}
    assert tags <= train.keys()
    assert len(validation["evaluation_loss_vs_iterations"]) == 3
    model.evaluate(X, Y, verbose=0, callbacks=[board])
    assert len(scalars(tmp_path / "validation")["evaluation_loss_vs_iterations"]) == 4


def test_tensorboard_says_what_it_cannot_do(monkeypatch):
    with pytest.raises(ValueError, match="update_freq must be 'epoch', 'batch' or a number; got 'step'"):
        TensorBoard(update_freq="step")
    with pytest.raises(ValueError, match="profile_batch=5 is not supported"):
        TensorBoard(profile_batch=5)
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'cygrad\[tensorboard\]'"):
        TensorBoard()
