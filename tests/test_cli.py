"""The command cygrad: what it prints, its exit codes, one line for an error."""

import subprocess
import sys

import numpy as np
import pytest

import cygrad
from cygrad.cli import main


def run(capsys, *arguments):
    """(exit code, stdout, stderr) of a command in this process."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:  # --help, --version
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """An .npz of two classes of points that a network tells apart at once."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = rng.normal(size=(200, 3)) * 0.3 + y[:, None] * 4 + 100
    path = tmp_path_factory.mktemp("data") / "blobs.npz"
    np.savez(path, x=x, y=y)
    return path


def test_train_digits_prints_the_test_accuracy(capsys):
    code, out, err = run(capsys, "train", "digits", "--epochs", 12)
    assert code == 0 and err == ""
    assert float(out.split()[-1]) > 0.93
    assert "test accuracy" in out.splitlines()[-1]


def test_the_same_seed_gives_the_same_result(capsys):
    accuracy = [run(capsys, "train", "digits", "--epochs", 1, "--seed", s)[1].split("test loss")[1] for s in (3, 3, 4)]
    assert accuracy[0] == accuracy[1] != accuracy[2]


def test_train_save_evaluate_predict(capsys, tmp_path, blobs):
    model, plot = tmp_path / "model.cygrad", tmp_path / "history.png"
    arguments = ("--epochs", 5, "--batch-size", 10, "--learning-rate", 0.01, "--save", model, "--plot", plot)
    code, out, err = run(capsys, "train", blobs, *arguments)
    assert code == 0 and err == ""
    assert out.rstrip().endswith("test accuracy 1.0000")
    assert plot.read_bytes().startswith(b"\x89PNG")

    code, out, err = run(capsys, "evaluate", model, blobs)
    assert code == 0 and err == ""
    assert "200 samples" in out and "accuracy 1.0000" in out

    y = np.load(blobs)["y"]
    code, out, err = run(capsys, "predict", model, blobs)
    assert code == 0 and err == ""
    assert [int(line) for line in out.split()] == y.tolist()
    for name, read in (("p.npy", np.load), ("p.csv", lambda path: np.loadtxt(path, delimiter=","))):
        code, out, err = run(capsys, "predict", model, blobs, "--output", tmp_path / name)
        assert (code, out, err) == (0, "", "")
        probabilities = read(tmp_path / name)
        assert probabilities.shape == (200, 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        assert probabilities.argmax(axis=1).tolist() == y.tolist()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("digits", "--plot", "history.txt"), 2, "expected a name that ends in .png, .pdf or .svg; got 'history.txt'"),
        (("nowhere.npz",), 1, "there is no file 'nowhere.npz' in "),
        (("nan.npz",), 1, "nan.npz: x has 2 NaN or infinite values among 20"),
    ],
)
def test_what_is_wrong_is_said_before_training(capsys, tmp_path, monkeypatch, arguments, code, text):
    monkeypatch.chdir(tmp_path)
    np.savez("nan.npz", x=np.r_[np.nan, np.inf, np.ones(18)].reshape(10, 2), y=np.arange(10) % 2)
    returned, out, err = run(capsys, "train", *arguments)
    assert returned == code and out == "" and text in err


def test_cnn_on_images(capsys, tmp_path):
    (x_train, y_train), (x_test, y_test) = cygrad.datasets.digits.load_data()
    arrays = {"x_train": x_train[:300], "y_train": y_train[:300], "x_test": x_test[:100], "y_test": y_test[:100]}
    np.savez(tmp_path / "some.npz", **arrays)
    code, out, err = run(capsys, "train", tmp_path / "some.npz", "--model", "cnn", "--epochs", 8)
    assert code == 0 and err == ""
    assert "300 samples to train on, 100 to test" in out
    assert float(out.split()[-1]) > 0.8


def test_info(capsys):
    code, out, _ = run(capsys, "info")
    assert code == 0
    for word in (cygrad.__version__, cygrad._core.isa(), "threads", "compiler", np.__version__):
        assert word in out


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"cygrad {cygrad.__version__}\n", "")


@pytest.mark.parametrize("command", ["", "train", "evaluate", "predict", "info"])
def test_help(capsys, command):
    code, out, _ = run(capsys, *filter(None, (command, "--help")))
    assert code == 0
    assert "usage: cygrad" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "arguments are required: COMMAND"),
        ("trian digits", "unknown command 'trian'; did you mean 'train'?"),
        ("train", "arguments are required: DATA"),
        ("train mnsit", "unknown data set 'mnsit'; did you mean 'mnist'?"),
        ("train what", "expected one of digits, mnist, fashion_mnist, cifar10 or an .npz file"),
        ("train digits --model cn", "unknown model 'cn'; did you mean 'cnn'?"),
        ("train digits --epocs 3", "unknown argument '--epocs'; did you mean '--epochs'?"),
        ("train digits --epochs 0", "--epochs: expected an integer of at least 1; got '0'"),
        ("train digits --batch-size 1.5", "--batch-size: expected an integer of at least 1; got '1.5'"),
        ("train digits --learning-rate nan", "--learning-rate: expected a positive number; got 'nan'"),
        ("train digits --seed -1", "--seed: expected an integer in 0 .. 2^32 - 1; got '-1'"),
        ("train digits --save model.h5", "--save: expected a name that ends in .cygrad; got 'model.h5'"),
        ("train digits --save /no/such/folder/m.cygrad", "there is no folder /no/such/folder"),
        ("predict m.cygrad digits --output p.txt", "--output: expected a name that ends in .npy or .csv; got 'p.txt'"),
    ],
)
def test_wrong_use(capsys, arguments, message):
    code, out, err = run(capsys, *arguments.split())
    assert code == 2 and out == ""
    assert message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "expected x_train and y_train, or x and y; it has nothing"),
        ({"x": np.ones((9, 2))}, "it has x"),
        ({"x": np.ones((9, 2)), "y": np.ones(8, int)}, "numbers of shape [8, ...], as y; got float64 of shape (9, 2)"),
        ({"x": np.ones((9, 2)), "y": np.ones(9)}, "whole class numbers from 0, one a sample; got float64"),
        ({"x": np.ones((9, 2)), "y": np.full(9, -1)}, "whole class numbers from 0"),
        ({"x": np.ones((4, 2)), "y": np.ones(4, int)}, "at least 5 samples"),
        ({"x": np.array(["a"] * 9)[:, None], "y": np.ones(9, int)}, "got <U1"),
        (
            {
                "x_train": np.ones((9, 2)),
                "y_train": np.ones(9, int),
                "x_test": np.ones((9, 3)),
                "y_test": np.ones(9, int),
            },
            "expected samples of the same shape; x_train has (2,), x_test (3,)",
        ),
    ],
)
def test_data_that_cannot_be_trained_on(capsys, tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    code, _, err = run(capsys, "train", tmp_path / "data.npz")
    assert code == 1
    assert message in err and err.count("\n") == 1


def test_cnn_needs_images(capsys, blobs):
    code, _, err = run(capsys, "train", blobs, "--model", "cnn")
    assert code == 1
    assert "--model cnn needs images" in err


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_model_file_that_cannot_be_loaded(capsys, tmp_path, content):
    path = tmp_path / "model.cygrad"
    if content is not None:
        path.write_bytes(content)
    for command in ("evaluate", "predict"):
        code, out, err = run(capsys, command, path, "digits")
        assert code == 1 and out == ""
        assert str(path) in err and err.count("\n") == 1


def test_data_that_does_not_fit_the_model(capsys, tmp_path, blobs):
    model = tmp_path / "model.cygrad"
    assert run(capsys, "train", blobs, "--epochs", 1, "--save", model)[0] == 0
    code, _, err = run(capsys, "evaluate", model, "digits")
    assert code == 1
    assert "(3" in err or "3)" in err  # what the model was built for
    assert err.count("\n") == 1


def test_as_a_process():
    done = subprocess.run([sys.executable, "-m", "cygrad", "train", "nothing.npz"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "nothing.npz" in done.stderr and done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error(tmp_path, blobs, capsys):
    model = tmp_path / "model.cygrad"
    assert run(capsys, "train", blobs, "--epochs", 1, "--save", model)[0] == 0
    command = f"{sys.executable} -m cygrad predict {model} {blobs} | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.strip() in ("0", "1")
