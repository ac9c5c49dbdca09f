"""cygrad.config: Keras's settings, and the environment's check of numbers."""

import os
import subprocess
import sys

import pytest

from cygrad import config


def test_keras_settings():
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == ("float32", 1e-7, "channels_last")
    assert config.backend() == "cygrad"
    config.set_epsilon(1e-7)
    with pytest.raises(ValueError, match=r"set_epsilon: it is 1e-7 everywhere; got 0\.1"):
        config.set_epsilon(0.1)
    config.set_floatx("float32")
    config.set_image_data_format("channels_last")
    with pytest.raises(ValueError, match="set_floatx: layers compute in float32 only; got 'float16'"):
        config.set_floatx("float16")
    with pytest.raises(ValueError, match="set_image_data_format: images are"):
        config.set_image_data_format("channels_first")


@pytest.mark.parametrize(("value", "expected"), [("1", "True"), ("0", "False"), ("", "False"), ("on", "True")])
def test_environment(value, expected):
    run = subprocess.run(
        [sys.executable, "-c", "import cygrad; print(cygrad.config.numerics)"],
        env={**os.environ, "CYGRAD_CHECK_NUMERICS": value},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == expected


def test_environment_typo():
    run = subprocess.run(
        [sys.executable, "-c", "import cygrad.config"],
        env={**os.environ, "CYGRAD_CHECK_NUMERICS": "maybe"},
        capture_output=True,
        text=True,
    )
    assert "CYGRAD_CHECK_NUMERICS is 'maybe'; expected 1 or 0" in run.stderr


@pytest.mark.parametrize(("value", "expected"), [("0", "False"), ("1", "True"), ("", "True")])
def test_winograd(value, expected):
    """The environment's choice, and what a call returns: the old setting."""
    run = subprocess.run(
        [sys.executable, "-c", "import cygrad; print(cygrad.config.winograd(False), cygrad.config.winograd())"],
        env={**os.environ, "CYGRAD_WINOGRAD": value},
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == [expected, "False"]
