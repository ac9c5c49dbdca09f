"""Every kernel of kernels.def has a reference of its signature and an entry in cygrad.testing; nothing is left over."""

import re
from pathlib import Path

import pytest

from cygrad import _core, reference, testing

DEFINITIONS = Path(__file__).parent.parent / "csrc" / "kernels.def"


def test_floors_match():
    assert testing.unmatched() == []


def test_unmatched_names_what_is_missing():
    kernels = {name: parameters for name, parameters in _core.KERNELS.items() if name != "relu_forward"}
    kernels["new_forward"] = kernels["relu_backward"]
    kernels["matmul"] = kernels["matmul"][::-1]
    problems = "\n".join(testing.unmatched(kernels))
    for expected in (
        "new_forward: cygrad.reference has no such function",
        "new_forward: cygrad.testing has no entry",
        "matmul: cygrad.reference takes (y, a, b,",
        "relu_forward: not in kernels.def",
    ):
        assert expected in problems


def test_the_list_is_kernels_def():
    names = re.findall(r"^CG_KERNEL\((\w+), ", DEFINITIONS.read_text(), flags=re.M)
    assert len(names) > 80
    assert list(_core.KERNELS) == names


@pytest.mark.parametrize("name", _core.KERNELS)
def test_reference_stands_in_the_file_of_its_kernel(name):
    family = getattr(reference, name).__module__.rpartition(".")[2]
    section = re.search(rf"---- {family}\.c(.*?)(/\* ---- |\Z)", DEFINITIONS.read_text(), flags=re.S).group(1)
    assert f"CG_KERNEL({name}, " in section


@pytest.mark.parametrize("name", _core.KERNELS)
def test_entry_has_cases(name):
    entry = testing.ENTRIES[name]
    outputs = testing.outputs_of(name)
    assert len(entry.cases) >= 5
    assert {*entry.in_out} <= {*outputs}
    assert all(output in outputs for output, _ in entry.in_place)
    sizes = [p[1] for p in _core.KERNELS[name] if p[2] == "scalar" and p[1] in ("n", "M", "N", "O")]
    assert not sizes or any(case.get(sizes[0]) == 0 for case in entry.cases), "no case of size 0"
