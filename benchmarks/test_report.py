"""The report itself: what it measures, how it judges, and that nothing wrong is timed."""

import os
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cygrad
from cygrad import _core

from . import machine, report, shapes, threads
from .cases import Matmul, all_cases
from .frameworks import load
from .goals import CLIFF, CONVOLUTIONS, GOALS, Goal, geometric_mean, goals_of
from .networks import model_flops, weights_of
from .report import Worker, disagreement
from .table import Row, render
from .worker import calls_for, time_after_rest, time_calls

PEAKS = """avx512 1 100.0 GFLOP/s
avx2 1 90.0 GFLOP/s
triad:1000 1 300.0 GB/s
triad:100000 1 10.0 GB/s
avx512 2 200.0 GFLOP/s
avx2 2 180.0 GFLOP/s
triad:2000 2 600.0 GB/s
triad:100000 2 20.0 GB/s
"""
OPTIONS = SimpleNamespace(threads=2, rounds=2, isa=None)


@pytest.fixture
def peaks():
    return machine.parse_peaks(PEAKS, 2)


def row(name="tanh 1000", cygrad=(2.0, 1.0), section="memory-bound", **peers):
    made = Row(name, section)
    for framework, values in {"cygrad": cygrad, **peers}.items():
        for value in values:
            made.add(framework, value, 1.5)
    return made


def test_names_are_unique():
    names = [case.name for case in all_cases()]
    assert len(names) == len(set(names))


def test_every_goal_has_rows():
    names = [case.name for case in all_cases()] + [*report.FOOTPRINT]
    names += [
        f"peak memory of train {m}-b{b}{beyond}, MB"
        for m, b in shapes.PEAK_MEMORY
        for beyond in ("", " beyond the import")
    ]
    for goal in GOALS:
        assert any(goal in goals_of(name) for name in names), goal
    assert sum(bool(re.fullmatch(CONVOLUTIONS, name)) for name in names) == 10


@pytest.mark.parametrize(
    ("goal", "mine", "peers", "expected"),
    [
        (Goal("", 2), 1.0, {"torch": 1.4, "numpy": 3.0}, ("2", "1.40", False)),
        (Goal("", 2, "numpy"), 1.0, {"torch": 1.4, "numpy": 3.0}, ("2 x numpy", "3.00", True)),
        (Goal("", 2, "jax"), 1.0, {"torch": 1.4}, None),
        (Goal("", 1, "numpy", plus=0.02), 0.119, {"numpy": 0.1}, ("1 x numpy + 0.02", "+ 0.019", True)),
        (Goal("", 1, "numpy", plus=0.02), 0.121, {"numpy": 0.1}, ("1 x numpy + 0.02", "+ 0.021", False)),
        (Goal("", at_most=3), 3.5, {}, ("at most 3", "3.5", False)),
    ],
)
def test_goals(goal, mine, peers, expected):
    assert goal.judge(mine, peers) == expected


def test_a_goal_beyond_the_limit():
    """The peer takes 1.4, the machine needs 0.9 at least: twice as fast cannot be."""
    assert Goal("", 2).judge(1.0, {"torch": 1.4}, 0.9) == ("2", "1.40, the limit allows 1.56", False)
    assert Goal("", 2).judge(1.0, {"torch": 1.4}, 0.6) == ("2", "1.40", False)


def test_a_row_without_a_goal_has_the_cliff():
    assert goals_of("conv2d odd19 forward") == [CLIFF]
    assert row("conv2d odd19 forward", torch=[0.9]).judged() == [("0.95", "0.90", False)]


def test_row():
    best = row(torch=[3.0, 1.4], numpy=[2.5])
    assert (best.mine, best.peers, best.ratio) == (1.0, {"torch": 1.4, "numpy": 2.5}, 1.4)
    best.median = True
    assert (best.mine, best.ratio) == (2.0, 1.25)


def test_limits(peaks):
    assert (peaks.gflops(), peaks.gflops(threads=1), peaks.gflops(isa="avx2")) == (200, 100, 180)
    assert [peaks.gbytes(n) for n in (1, 2000, 99_999, 100_000, 10**9)] == [600, 600, 600, 20, 20]
    assert peaks.seconds(200e9, 0) == 1 and peaks.seconds(1, 40e9) == 2
    noisy = machine.parse_peaks(PEAKS.replace("200.0", "70.0").replace("600.0", "700.0"), 2)
    assert (noisy.best_of(peaks).gflops(), peaks.best_of(noisy).gbytes(1)) == (200, 700)
    assert len({line.count("|") for line in peaks.describe()}) == 1


def test_disagreement():
    right, wrong = [0.5, 0.25], [0.5, 0.35]
    assert disagreement({"cygrad": right, "torch": right}) == {}
    assert list(disagreement({"cygrad": right, "torch": right, "jax": wrong})) == ["jax"]
    assert list(disagreement({"cygrad": wrong, "torch": right, "jax": right})) == ["cygrad"]
    assert list(disagreement({"cygrad": wrong, "torch": right})) == ["cygrad", "torch"]
    assert list(disagreement({"cygrad": right, "torch": [0.5, float("nan")]})) == ["cygrad", "torch"]


def test_the_table_says_what_is_not_reached(peaks):
    rows = [
        row(torch=[1.4]),
        row("exp 1000", torch=[2.5]),
        row("relu 1000", torch=[0.9]),
        Row("softmax 7x33", "memory-bound"),
    ]
    rows[2].wrong["jax"] = "off by 1"
    rows[3].skipped["cygrad"] = "no such layer"
    convolutions = [row(c.name, section="conv2d", torch=[t]) for c, t in zip(convolution_cases(), (1.0, 2.25))]
    text = render(rows + convolutions, {"cygrad": "0.1"}, peaks, OPTIONS)
    assert "**2: is 1.40**" in text and "2: reached" in text and "**0.95: is 0.90**" in text
    assert "3 of 4 goals are reached." in text and "Not reached: tanh 1000 (2: 1.40)." in text
    assert "1 of 5 rows are slower than 0.95 of the best peer: relu 1000 (0.90)." in text
    assert "Geometric mean of the ratios of 2 rows of conv2d forward+backward: 1.50 (1.5: reached)." in text
    assert "- softmax 7x33: no such layer" in text and "- relu 1000: jax: off by 1" in text
    assert "| 100% |" in text  # the spread of 2 and 1


def convolution_cases():
    return [
        case for case in all_cases() if case.name in ("conv2d mnist1 forward+backward", "conv2d pw56 forward+backward")
    ]


def test_geometric_mean():
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2)


def process_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


@pytest.fixture
def worker(tmp_path):
    with open(tmp_path / "log", "w") as log:
        made = Worker("numpy", sys.executable, dict(os.environ), log)
        yield made
        made.end()


def test_worker(worker, tmp_path):
    """A worker verifies, times, and is stopped while it is not asked."""
    assert worker.ask("versions") == {"numpy": np.__version__}
    assert worker.ask("prepare", "matmul 7x5x3", str(tmp_path)) == {"check": None}
    answer = worker.ask("time", 0.001, 3)
    assert 0 < answer["seconds"] < 1e-3 and 0 <= answer["cpu"] < 1e-2
    deadline = time.monotonic() + 5
    while process_state(worker.process.pid) != "T" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_state(worker.process.pid) == "T"
    assert "skip" in worker.ask("prepare", "train mlp-b32", str(tmp_path))
    again = worker.again()
    assert again.ask("versions") == {"numpy": np.__version__}
    again.end()


def test_what_is_wrong_is_not_timed(worker, tmp_path, monkeypatch):
    case = Matmul(7, 5, 3)
    np.save(tmp_path / "0.npy", case.expected(case.inputs())[0] + 1)
    answer = worker.ask("prepare", case.name, str(tmp_path))
    assert "off by" in answer["error"]
    monkeypatch.setattr(report.tempfile, "TemporaryDirectory", lambda: report.contextlib.nullcontext(str(tmp_path)))
    measured = Row(case.name, case.section)
    report.measure(case, measured, {"cygrad": worker}, SimpleNamespace(rounds=1, fast=True), lambda: 50)
    assert not measured.rounds and "off by" in measured.wrong["cygrad"]


def test_timing():
    run = lambda: time.sleep(0.002)  # noqa: E731
    assert 2 <= calls_for(run, 0.01) <= 16
    seconds, cpu = time_calls(run, 2, batches=3)
    assert 0.002 <= seconds < 0.05 and cpu < seconds
    seconds, _ = time_after_rest(run, 0.001, 3)
    assert 0.002 <= seconds < 0.05


def test_models():
    """784 x 64 + 64 x 64 + 64 x 10 products; ResNet-50 has 25.6 million weights and 4.1 thousand million products."""
    assert model_flops("mlp") == 2 * (784 * 64 + 64 * 64 + 64 * 10)
    for model, flops in (("resnet50", 8.2e9), ("vgg16", 30.9e9), ("inception_v3", 11.4e9), ("mobilenet_v2", 0.60e9)):
        assert model_flops(model) == pytest.approx(flops, rel=0.01)
    sizes = sum(w.size for w in weights_of("mlp", np.random.default_rng(0)))
    assert sizes == shapes.ADAM[0] == 55_050
    assert sum(w.size for w in weights_of("resnet50", np.random.default_rng(0))) == pytest.approx(25.6e6, rel=0.01)


@pytest.mark.parametrize("model", ["inception_v3", "mobilenet_v2"])
def test_networks_of_the_applications(model):
    """The peers' network has weights of the same shapes as cygrad's."""
    weights = weights_of(model, np.random.default_rng(0))
    application = getattr(cygrad.applications, shapes.MODELS[model]["application"])(weights=None)
    assert sorted(w.shape for w in weights) == sorted(w.shape for w in application.weights)


def test_threads_that_hurt_are_found():
    """A call that sleeps longer on two threads is beyond the limit, one that does not is within it."""
    hurts = threads.compare_threads("hurts", lambda: time.sleep(0.001 * _core.get_num_threads()), 2)
    assert hurts.broken and hurts.figure > 1.5
    assert not threads.compare_threads("helps", lambda: time.sleep(0.002 / _core.get_num_threads()), 2).broken
    text = "\n".join(threads.table([hurts], "Kernels"))
    assert "1 of 1 are beyond." in text and "**beyond**" in text


def test_threads_has_every_kernel():
    names = {name.partition(" ")[0] for name, _ in threads.kernel_runs(re.compile(""))}
    assert names == set(_core.KERNELS)


@pytest.mark.parametrize("part", threads.PARTS)
def test_threads(part):
    """Each part runs and gives its figures."""
    wanted = re.compile("^(relu_forward|train mlp-b32|predict mlp-b1)$")
    results = list(threads.PARTS[part][0](load("cygrad"), wanted, fast=True))
    assert results and all(result.figure >= 0 and result.columns for result in results)


@pytest.fixture(autouse=True)
def same_threads():
    before = _core.get_num_threads()
    yield
    _core.set_num_threads(before)
