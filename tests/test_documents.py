"""Documents: README's code and every docstring's example run, and what README points at is there."""

import doctest
import importlib
import pkgutil
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import cygrad
from cygrad.ops._backend import use_reference

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(cygrad.__path__, "cygrad.") if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("backend", [nullcontext, use_reference], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", ["cygrad", *MODULES])
def test_docstring_examples_run(name, backend, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    cygrad.utils.clear_session()  # examples show automatic names
    monkeypatch.chdir(tmp_path)  # an example may write a file
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    failures = []
    with backend():
        for test in doctest.DocTestFinder().find(module, globs={"cygrad": cygrad, "np": np}):
            runner.run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder()
    examples = sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert examples > 100


def test_readme_python_code_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_table_of_what_is_where_is_true():
    section = README.split("## What's where")[1].split("\n## ")[0]
    paths = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_readme_lists_every_environment_variable():
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("src", "csrc")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".in", ".c", ".h")
    )
    used = set(re.findall(r"[\"'](CYGRAD_[A-Z_]+)[\"']", source))
    assert used
    assert sorted(name for name in used if f"`{name}`" not in README) == []


def test_readme_commands_are_those_of_the_package():
    commands = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert any("cygrad train digits" in block for block in commands)
    assert any("-m pytest" in block for block in commands)


def test_changelog_names_this_version():
    assert f"## {cygrad.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
