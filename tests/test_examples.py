"""The programs in examples/: each runs from its file, as a user starts it, and its figures make sense."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[1] / "examples" / "tutorials"
GUIDES = TUTORIALS.parent / "guides"


def run(name, *arguments, folder=TUTORIALS, warning=""):
    """The figures that a program prints, by name. warning: part of the one that it gives."""
    command = [sys.executable, "-W", "default" if warning else "error", folder / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert warning in done.stderr
    return {
        key: float(value) for key, value in re.findall(r"^(\w[\w ]*): +([-+\d.e]+)(?: s)?$", done.stdout, re.MULTILINE)
    }


def guide(name, *arguments):
    return run(name, *arguments, folder=GUIDES)


def plot(folder):
    """Arguments that ask for a picture, where matplotlib is there to draw it."""
    return ("--plot", folder / "plot.png") if find_spec("matplotlib") else ()


def test_every_program_is_tested():
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in TUTORIALS.glob("*.py") if f'run("{path.name}"' not in tested] == []
    assert [path.name for path in GUIDES.glob("*.py") if f'guide("{path.name}"' not in tested] == []
    assert {path.name[0] for path in TUTORIALS.glob("*.py")} == set("12345")


def test_1_mlp_validation_split(data_folder):
    pytest.importorskip("sklearn")
    figures = run("1_mlp_validation_split.py", "--epochs", 1, "--samples", 4000)
    assert figures["Test accuracy"] > 0.75
    assert figures["Test loss"] < 1


def test_1_mlp_mnist(data_folder):
    pytest.importorskip("sklearn")
    figures = run("1_mlp_mnist.py", "--epochs", 1, "--samples", 4000)
    assert figures["Test accuracy"] > 0.75
    assert figures["Test loss"] < 1


def test_2_linear_regression():
    figures = run("2_linear_regression.py")
    assert figures["Mean squared error"] == pytest.approx(figures["Least squares"], rel=0.05)


def test_3_small_regression():
    figures = run("3_small_regression.py", warning="'accuracy' counts equal classes")
    assert figures["Loss"] < figures["Variance of the targets"] / 4


def test_4_cnn_mnist(data_folder):
    figures = run("4_cnn_mnist.py", "--epochs", 1, "--samples", 4000)
    assert figures["Test accuracy"] > 0.85


def test_5_image_folder(data_folder):
    pytest.importorskip("PIL")
    folder = data_folder / "cifar10-sample"
    if not folder.is_dir():
        pytest.skip("CYGRAD_DATA has no folder cifar10-sample")
    figures = run("5_image_folder.py", folder, "--epochs", 1, "--samples", 40)
    assert 0 <= figures["Test accuracy"] <= 1
    assert figures["Test loss"] < 100  # 40 images teach nothing: the program runs, and nothing overflows


def test_functional_two_inputs():
    figures = guide("functional_two_inputs.py", "--epochs", 15)
    assert figures["Accuracy of digits"] > 0.9 and figures["Accuracy of sums"] > 0.3  # by chance: 0.1 and 0.1


def test_custom_training_loop():
    assert guide("custom_training_loop.py", "--epochs", 5)["Test accuracy"] > 0.9


def test_custom_layer_and_loss():
    figures = guide("custom_layer_and_loss.py")
    assert 0.85 < figures["Targets below the prediction"] < 0.95
    assert figures["Difference after loading"] == 0


def test_lstm_text():
    assert guide("lstm_text.py", "--epochs", 8, "--samples", 4000)["Test accuracy"] > 0.9


def test_transformer_text():
    assert guide("transformer_text.py")["Test accuracy"] > 0.9


def test_autoencoder(tmp_path):
    figures = guide("autoencoder.py", *plot(tmp_path))
    assert figures["Mean squared error"] < figures["Principal components"]


def test_gan(tmp_path):
    figures = guide("gan.py", *plot(tmp_path))
    assert figures["Mean radius"] == pytest.approx(1, abs=0.1)
    assert figures["Deviation of the radius"] < 0.2 and figures["Smallest share of a quarter"] > 0.1


def test_transfer_learning(data_folder, tmp_path):
    pytest.importorskip("PIL")
    if not (data_folder / "cifar10-sample").is_dir():
        pytest.skip("CYGRAD_DATA has no folder cifar10-sample")
    figures = guide("transfer_learning.py", "--epochs", 10, "--few", 10, *plot(tmp_path))
    assert figures["Weights in training"] == 5 * (128 + 1)
    frozen, tuned = figures["Accuracy with a frozen base"], figures["Accuracy fine tuned"]
    assert min(frozen, tuned) > max(0.4, figures["Accuracy from scratch"] + 0.1)  # by chance: 0.2


def test_time_series_gru(tmp_path):
    figures = guide("time_series_gru.py", "--epochs", 3, *plot(tmp_path))
    assert figures["Mean error of the GRU"] < figures["Mean error of yesterday"] < figures["Mean error of no change"]


def test_distillation(tmp_path):
    figures = guide("distillation.py", *plot(tmp_path))
    assert figures["Accuracy of the teacher"] > 0.97
    assert figures["Accuracy of the student taught"] > figures["Accuracy of the student alone"] + 0.02


def test_vision():
    assert guide("vision.py", "--epochs", 6)["Test accuracy"] > 0.9


def test_sklearn_search(tmp_path):
    pytest.importorskip("sklearn")
    figures = guide("sklearn_search.py", "--jobs", 1, *plot(tmp_path))
    assert min(figures["Accuracy in the search"], figures["Test accuracy"]) > 0.93


def test_anomaly_autoencoder():
    figures = guide("anomaly_autoencoder.py", "--digit", 3)
    assert figures["Area under the curve"] > 0.97
    assert figures["False alarms"] < 0.25 < 0.8 < figures["Anomalies found"]


def test_character_language_model():
    figures = guide("character_language_model.py", "--epochs", 3, "--characters", 60_000)
    assert figures["Bits a character by the network"] < figures["Bits a character by frequencies"] - 0.5


def test_audio_vowels():
    figures = guide("audio_vowels.py", "--epochs", 6)
    assert figures["Accuracy for other speakers"] > 0.85


def test_game_policy_gradient():
    figures = guide("game_policy_gradient.py", "--updates", 30)
    assert figures["Mean score after"] > 3 * figures["Mean score before"]


def test_game_q_learning():
    figures = guide("game_q_learning.py")
    assert figures["Caught after learning"] > 0.9 > 0.5 > figures["Caught by chance"]


def test_explain_digits():
    figures = guide("explain_digits.py")
    assert figures["Test accuracy"] > 0.9
    assert figures["Accuracy without important pixels"] < figures["Accuracy without other pixels"] - 0.1


def test_look_inside(tmp_path):
    figures = guide("look_inside.py", "--folder", tmp_path)
    assert figures["Test accuracy"] > 0.93
    assert len(list(tmp_path.glob("*.png"))) == 7


def test_image_folder(data_folder, tmp_path):
    pytest.importorskip("PIL")
    pytest.importorskip("matplotlib")
    folder = data_folder / "cifar10-sample"
    if not folder.is_dir():
        pytest.skip("CYGRAD_DATA has no folder cifar10-sample")
    figures = guide("image_folder.py", folder, "--epochs", 3, "--size", 16, "--plot", tmp_path / "plot.png")
    assert figures["Training accuracy of pictures as they are"] > 0.2  # by chance: 0.1
    assert figures["Training accuracy of pictures augmented"] > 0.15
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_tabular_regression(tmp_path):
    figures = guide("tabular_regression.py", "--epochs", 15, *plot(tmp_path))
    assert figures["Noise alone"] < figures["Network error"] < 1.25 * figures["Noise alone"]
    assert figures["Linear error"] > 2 * figures["Noise alone"]
