"""The command cygrad: train, evaluate, predict and info, over the public API.

Errors are one line on stderr. Exit codes: 0 done, 1 it failed, 2 wrong use.
"""

import argparse
import difflib
import math
import os
import platform
import re
import sys
import time
from pathlib import Path

__all__ = ["main"]

DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10")
MODELS = ("mlp", "cnn")


class WrongUse(Exception):
    """What the command line asks for makes no sense: exit code 2."""


class Parser(argparse.ArgumentParser):
    """Reports wrong use in one line instead of the usage and a line."""

    def error(self, message):
        raise WrongUse(f"{self.prog}: {message}")


def main(argv=None):
    """Runs the command; returns its exit code. argv: the arguments after the command's name; None: the process's."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        options = parse(argv)
        return options.run(options) or 0
    except WrongUse as error:
        return fail(error, 2)
    except BrokenPipeError:  # the reader of a pipe has left, as head does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - or the interpreter complains when it flushes at exit
        return 0
    except KeyboardInterrupt:
        return fail("cygrad: interrupted", 130)
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return fail(f"cygrad: {text}", 1)


def fail(message, code):
    print(message, file=sys.stderr)
    return code


# ---- the command line ----


def parse(argv):
    from . import __version__

    parser = Parser(prog="cygrad", description="A small, fast deep-learning framework for the CPU.")
    parser.add_argument("--version", action="version", version=f"cygrad {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )

    data = "digits, mnist, fashion_mnist, cifar10, or an .npz file with x_train, y_train[, x_test, y_test] or x, y"
    train = commands.add_parser("train", help="train a classifier and print its test accuracy")
    train.set_defaults(run=run_train)
    train.add_argument("data", metavar="DATA", type=data_name, help=data)
    train.add_argument("--model", metavar="NAME", type=model_name, default="mlp", help="mlp (default) or cnn")
    train.add_argument("--epochs", metavar="N", type=count, default=20, help="passes over the data (default 20)")
    train.add_argument("--batch-size", metavar="N", type=count, default=32, help="samples a step (default 32)")
    train.add_argument("--learning-rate", metavar="X", type=positive, default=0.001, help="Adam's (default 0.001)")
    train.add_argument("--seed", metavar="N", type=seed, default=0, help="same seed, same weights (default 0)")
    train.add_argument("--save", metavar="FILE.cygrad", type=model_file, help="write the trained model there")
    train.add_argument("--plot", metavar="FILE.png", type=plot_file, help="draw loss and accuracy by epoch")

    evaluate = commands.add_parser("evaluate", help="print a saved model's loss and metrics on data's test part")
    evaluate.set_defaults(run=run_evaluate)
    predict = commands.add_parser("predict", help="print the class of each sample, or write all outputs to a file")
    predict.set_defaults(run=run_predict)
    for command in (evaluate, predict):
        command.add_argument("model", metavar="FILE", help="a model file that train --save wrote")
        command.add_argument("data", metavar="DATA", type=data_name, help=data)
    predict.add_argument("--output", metavar="FILE", type=array_file, help="write the outputs to FILE.npy or FILE.csv")

    info = commands.add_parser("info", help="print versions, instruction sets and threads")
    info.set_defaults(run=run_info)

    if argv and not argv[0].startswith("-") and argv[0] not in commands.choices:
        parser.error(f"unknown command {argv[0]!r}{nearest(argv[0], commands.choices)}")
    options, extra = parser.parse_known_args(argv)
    if extra:
        command = commands.choices[options.command]
        names = dict.fromkeys(re.findall(r"--[a-z-]+", command.format_help()))
        command.error(f"unknown argument {extra[0]!r}{nearest(extra[0].partition('=')[0], names)}")
    return options


def nearest(name, names):
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(names)}"


def data_name(text):
    if text in DATASETS or text.endswith(".npz"):
        return text
    close = nearest(text, DATASETS)
    raise argparse.ArgumentTypeError(
        f"unknown data set {text!r}{close if 'mean' in close else f'{close} or an .npz file'}"
    )


def model_name(text):
    if text in MODELS:
        return text
    raise argparse.ArgumentTypeError(f"unknown model {text!r}{nearest(text, MODELS)}")


def count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1; got {text!r}")
    return int(text)


def seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer in 0 .. 2^32 - 1; got {text!r}")
    return int(text)


def positive(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number; got {text!r}")
    return value


def model_file(text):
    if not text.endswith(".cygrad"):
        raise argparse.ArgumentTypeError(f"expected a name that ends in .cygrad; got {text!r}")
    return text


def plot_file(text):
    if not text.endswith((".png", ".pdf", ".svg")):
        raise argparse.ArgumentTypeError(f"expected a name that ends in .png, .pdf or .svg; got {text!r}")
    return text


def array_file(text):
    if not text.endswith((".npy", ".csv")):
        raise argparse.ArgumentTypeError(f"expected a name that ends in .npy or .csv; got {text!r}")
    return text


# ---- data ----


def load_arrays(name):
    """The arrays of a data set or an .npz file: x_train, y_train, x_test, y_test, x, y; some may be absent."""
    from . import datasets
    from .datasets._idx import read_npz

    if name in DATASETS:
        (x_train, y_train), (x_test, y_test) = getattr(datasets, name).load_data()
        return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    if not Path(name).is_file():
        raise FileNotFoundError(f"there is no file {name!r} in {Path.cwd()}")
    return read_npz(name)


def labelled(arrays, x_name, y_name, source):
    """One pair of images or features and class labels, checked."""
    import numpy as np

    missing = [name for name in (x_name, y_name) if name not in arrays]
    if missing:
        has = ", ".join(arrays) or "nothing"
        raise ValueError(f"{source}: expected x_train and y_train, or x and y; it has {has}")
    x, y = arrays[x_name], arrays[y_name]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "biu" or (y.size and y.min() < 0):
        raise ValueError(
            f"{source}: expected {y_name} to hold whole class numbers from 0, one a sample; "
            f"got {y.dtype} of shape {y.shape}"
        )
    if x.ndim < 2 or x.dtype.kind not in "biuf" or len(x) != len(y) or not x.size:
        raise ValueError(
            f"{source}: expected {x_name} to hold numbers of shape [{len(y)}, ...], as {y_name}; "
            f"got {x.dtype} of shape {x.shape}"
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise ValueError(f"{source}: {x_name} has {(~np.isfinite(x)).sum()} NaN or infinite values among {x.size}")
    return x, y.astype("int32")


def train_and_test(arrays, source, seed):
    """((x_train, y_train), (x_test, y_test)); where there is no test part, a fifth of the samples, drawn by seed."""
    import numpy as np

    if "x_test" in arrays:
        return labelled(arrays, "x_train", "y_train", source), labelled(arrays, "x_test", "y_test", source)
    x, y = labelled(arrays, *(("x_train", "y_train") if "x_train" in arrays else ("x", "y")), source)
    if len(x) < 5:
        raise ValueError(
            f"{source}: expected at least 5 samples, so that a fifth can be kept for the test; got {len(x)}"
        )
    order = np.random.RandomState(seed).permutation(len(x))
    test, train = order[: len(x) // 5], order[len(x) // 5 :]
    return (x[train], y[train]), (x[test], y[test])


# ---- commands ----


def build_model(name, x, classes):
    """A model that takes the raw values, so that the saved file needs no recipe beside it."""
    import numpy as np

    from . import layers, models

    shape = x.shape[1:]
    model = models.Sequential([layers.Input(shape)])
    if x.dtype == "uint8":  # pixels: 0 .. 255, or 0 .. 16 in digits
        model.add(layers.Rescaling(1 / max(int(x.max()), 1)))
    else:  # each feature or channel to mean 0 and variance 1
        axes = tuple(range(x.ndim - 1))
        mean, deviation = x.mean(axis=axes, dtype="float64"), x.std(axis=axes, dtype="float64")
        scale = 1 / np.where(deviation > 0, deviation, 1)
        model.add(layers.Rescaling(scale.tolist(), offset=(-mean * scale).tolist()))
    if name == "mlp":
        if len(shape) > 1:
            model.add(layers.Flatten())
        model.add(layers.Dense(64, activation="relu"))
        model.add(layers.Dense(64, activation="relu"))
    else:
        if len(shape) not in (2, 3):
            raise ValueError(
                f"--model cnn needs images, x of shape [N,H,W] or [N,H,W,C]; got [N,{','.join(map(str, shape))}]"
            )
        if len(shape) == 2:
            model.add(layers.Reshape((*shape, 1)))
        for filters in (32, 64):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
            model.add(layers.MaxPooling2D(2, padding="same"))
        model.add(layers.Flatten())
        model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def run_train(options):
    from . import optimizers, utils

    for name in (options.save, options.plot):  # before the work, not after it
        if name and not Path(name).resolve().parent.is_dir():
            raise WrongUse(f"cygrad train: {name}: there is no folder {Path(name).resolve().parent}")
    if options.plot:
        require_matplotlib()
    (x_train, y_train), (x_test, y_test) = train_and_test(load_arrays(options.data), options.data, options.seed)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"{options.data}: expected samples of the same shape; "
            f"x_train has {x_train.shape[1:]}, x_test {x_test.shape[1:]}"
        )
    utils.set_random_seed(options.seed)
    model = build_model(options.model, x_train, int(max(y_train.max(), y_test.max())) + 1)
    model.compile(
        optimizer=optimizers.Adam(learning_rate=options.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    parameters = f"{model.count_params():,} parameters"
    print(f"{options.data}: {len(x_train)} samples to train on, {len(x_test)} to test; {parameters}")
    start = time.perf_counter()
    history = model.fit(
        x_train,
        y_train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=(x_test, y_test) if options.plot else None,
        verbose=2,
    )
    seconds = time.perf_counter() - start
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    if options.save:
        model.save(options.save)
        print(f"model written to {options.save}")
    if options.plot:
        utils.plot_history(history, options.plot)
        print(f"plot written to {options.plot}")
    print(f"trained in {seconds:.2f} s; test loss {loss:.4f}, test accuracy {accuracy:.4f}")


def require_matplotlib():
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("--plot needs matplotlib: pip install 'cygrad[plot]'")


def run_evaluate(options):
    from . import models

    model = models.load_model(options.model)
    arrays = load_arrays(options.data)
    names = next((pair for pair in (("x_test", "y_test"), ("x", "y")) if pair[0] in arrays), ("x_train", "y_train"))
    x, y = labelled(arrays, *names, options.data)
    results = model.evaluate(x, y, batch_size=256, verbose=0, return_dict=True)
    values = ", ".join(f"{name} {value:.4f}" for name, value in results.items())
    print(f"{options.data}, {len(x)} samples ({names[0]}): {values}")


def run_predict(options):
    import numpy as np

    from . import models

    model = models.load_model(options.model)
    arrays = load_arrays(options.data)
    x = next((arrays[name] for name in ("x", "x_test", "x_train") if name in arrays), None)
    if x is None:
        raise ValueError(f"{options.data}: expected x, x_test or x_train; it has {', '.join(arrays) or 'nothing'}")
    outputs = np.asarray(model.predict(x, batch_size=256, verbose=0))
    rows = outputs.reshape(len(outputs), -1)
    if options.output is None:
        print("\n".join(map(str, rows.argmax(axis=1) if rows.shape[1] > 1 else rows[:, 0])))
    elif options.output.endswith(".npy"):
        np.save(options.output, outputs)
    else:
        np.savetxt(options.output, rows, fmt="%.9g", delimiter=",")


def run_info(options):
    import numpy as np

    from . import __version__, _core

    rows = {
        "cygrad": __version__,
        "instruction set": f"{_core.isa()} (available: {', '.join(_core.available_isas())})",
        "threads": _core.get_num_threads(),
        "compiler": _core.compiler(),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
    }
    for name, value in rows.items():
        print(f"{name:16} {value}")
