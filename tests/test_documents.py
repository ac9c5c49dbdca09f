"""Documents: README's code and every docstring's example run, and what README points at is there."""

import doctest
import importlib
import inspect
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


# ---- what every public name says of itself ----

FAMILIES = (
    "activations backend callbacks config constraints initializers layers losses metrics models ops optimizers "
    "optimizers.schedules random regularizers saving utils"
)
PUBLIC_MODULES = ["cygrad", *[f"cygrad.{family}" for family in FAMILIES.split()]]
INTERNAL = {"cygrad.ops.add_to_gradient", "cygrad.ops.sum_of_gradients"}  # what the tape calls
FOR_ALL = {"name", "dtype", "trainable"}  # said once, in the base classes


def public():
    """{name: class or function}, each object once."""
    found = {}
    for name in PUBLIC_MODULES:
        module = importlib.import_module(name)
        for attribute in getattr(module, "__all__", None) or [key for key in vars(module) if key[0] != "_"]:
            thing = getattr(module, attribute)
            home = getattr(thing, "__module__", None) or ""
            if not (inspect.isclass(thing) or inspect.isroutine(thing)) or not home.startswith("cygrad"):
                continue
            if hasattr(module, "__all__") or home == name:
                found.setdefault(id(thing), (f"{name}.{attribute}", thing))
    return dict(found.values())


PUBLIC = {name: thing for name, thing in public().items() if name not in INTERNAL}


def test_the_walk_finds_what_is_public():
    assert len(PUBLIC) > 450
    assert {"cygrad.layers.Dense", "cygrad.ops.matmul", "cygrad.utils.set_random_seed"} <= PUBLIC.keys()


def own_docstring(thing):
    return (thing.__dict__.get("__doc__") if inspect.isclass(thing) else thing.__doc__) or ""


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_say_what_it_is_its_arguments_and_show_an_example(name):
    text = own_docstring(PUBLIC[name])
    first = text.strip().split("\n\n")[0]
    assert first, f"{name} has no docstring of its own"
    assert len(first) < 600, f"{name}: its docstring begins with a long paragraph, not with a line"
    try:
        parameters = inspect.signature(
            PUBLIC[name].__init__ if inspect.isclass(PUBLIC[name]) else PUBLIC[name]
        ).parameters
    except ValueError:  # a class written in C
        parameters = {}
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {p.name for p in parameters.values() if p.kind not in kinds} - FOR_ALL - {"self"}
    if "options of Optimizer" in text:
        named -= inspect.signature(cygrad.optimizers.Optimizer.__init__).parameters.keys()
    missing = sorted(argument for argument in named if not re.search(rf"\b{argument}\b", text))
    assert not missing, f"{name}: its docstring does not mention {', '.join(missing)}"
    assert ">>>" in text, f"{name}: its docstring has no example"


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


@pytest.mark.parametrize("name", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text)
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_every_document_example_and_picture_is_pointed_at():
    documents = list((ROOT / "docs").glob("*.md"))
    links = re.findall(r"\]\(([^)]+)\)", "".join(path.read_text(encoding="utf-8") for path in documents))
    pictures = [path.name for path in (ROOT / "docs" / "pictures").iterdir()]
    guides = [path.name for path in (ROOT / "examples" / "guides").glob("*.py")]
    assert pictures and guides
    assert [name for name in pictures if f"pictures/{name}" not in links] == []
    assert [name for name in guides if f"../examples/guides/{name}" not in links] == []
    assert [path.name for path in documents if f"](docs/{path.name})" not in README] == []


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
