"""The cases of cases.py in every framework that this Python can import, one group a case.

benchmarks.report does the same with a process for each framework, which is fairer: here their thread pools meet.
"""

import pytest

from .cases import all_cases, expected, inputs, verify
from .frameworks import FRAMEWORKS, available

_instances = {}


def framework(name):
    if name not in _instances:
        _instances[name] = FRAMEWORKS[name]()
    return _instances[name]


PAIRS = [(case, name) for case in all_cases() for name in FRAMEWORKS if available(name)]


@pytest.mark.parametrize(("case", "name"), PAIRS, ids=[f"{case.name}-{name}" for case, name in PAIRS])
def test_case(benchmark, note, case, name):
    data = inputs(case)
    prepared = framework(name).prepare(case, data)
    if prepared is None:
        pytest.skip(f"{name} has nothing for {case.kind}")
    run, results = prepared
    run()
    wanted = expected(case, data)
    if wanted is not None:
        verify(case, results(), wanted)
    benchmark.group = case.name
    benchmark.pedantic(run, rounds=7, iterations=1 if case.kind == "train" else 3, warmup_rounds=2)
    calls = getattr(run, "calls", 1)
    note(benchmark, case.flops * calls, case.bytes * calls)
