"""docs/keras_compatibility.md says what is true of this cygrad beside the installed Keras."""

import importlib

import compatibility
import pytest

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")


def test_the_table_is_true():
    written = compatibility.DOCUMENT.read_text(encoding="utf-8")
    version = written.split("public name of Keras ")[1].split("'s")[0]
    if not keras.__version__.startswith(version + "."):
        pytest.skip(f"the table is of Keras {version}")
    assert written == compatibility.table(), "run python tests/interop/compatibility.py"


def test_every_difference_is_about_a_name_that_is_there():
    for name in compatibility.DIFFERENCES:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"cygrad.{module}"), attribute), name
