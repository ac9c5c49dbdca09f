"""plot_history and plot_activations: what is drawn, and that nothing global changes."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cygrad.utils import plot_activations, plot_history

matplotlib = pytest.importorskip("matplotlib")

HISTORY = {
    "loss": [0.9, 0.5, 0.4],
    "val_loss": [1.0, 0.7, 0.8],
    "accuracy": [0.5, 0.8, 0.9],
    "val_accuracy": [0.4, 0.7, 0.7],
    "learning_rate": [0.1, 0.1, 0.01],
}


def test_history_panels_and_curves():
    figure = plot_history(HISTORY)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "learning rate"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch"] * 3
    loss = figure.axes[0].lines
    assert [line.get_label() for line in loss] == ["training", "validation"]
    assert loss[0].get_linestyle() != loss[1].get_linestyle()  # told apart in a black and white print
    np.testing.assert_array_equal(loss[1].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(loss[1].get_ydata(), HISTORY["val_loss"])


def test_history_object_with_its_epochs():
    history = SimpleNamespace(history={"loss": [0.5, 0.4]}, epoch=[5, 6])  # as with initial_epoch=5
    figure = plot_history(history)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [6, 7])


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_history_without_an_epoch(history):
    with pytest.raises(ValueError, match="the history has no epoch"):
        plot_history(history)


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_files(tmp_path, suffix, magic):
    plot_history(HISTORY, tmp_path / f"history.{suffix}")
    assert (tmp_path / f"history.{suffix}").read_bytes().startswith(magic)


def test_activations_are_the_formulas(tmp_path):
    figure = plot_activations(tmp_path / "activations.png")
    assert (tmp_path / "activations.png").stat().st_size > 10_000
    panels = {axes.get_title(): axes for axes in figure.axes}
    assert len(panels) == 12
    for name, value, derivative in (
        ("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        ("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    ):
        curves = {line.get_label(): line for line in panels[name].lines}
        x = curves["value"].get_xdata().astype(float)
        np.testing.assert_allclose(curves["value"].get_ydata(), value(x), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(curves["derivative"].get_ydata(), derivative(x), rtol=1e-5, atol=1e-6)


def test_pyplot_is_not_imported(tmp_path):
    program = f"""
import sys
from cygrad.utils import plot_history
assert "matplotlib" not in sys.modules
plot_history({{"loss": [1.0]}}, {str(tmp_path / "loss.png")!r})
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'cygrad\[plot\]'"):
        plot_history(HISTORY)
