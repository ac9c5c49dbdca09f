"""The smaller cases of cases.py in every framework that this Python can import, one group a case.

benchmarks.report does all of them, with a process for each framework, which is fairer: here their thread pools meet.
"""

import functools

import numpy as np
import pytest

from .cases import Predict, Train, all_cases
from .frameworks import FRAMEWORKS, Unsupported, available, load

CASES = [case for case in all_cases() if case.flops < 3e8 and case.bytes < 4e6 and not case.rest]
framework = functools.cache(load)
NAMES = [name for name in FRAMEWORKS if available(name) and name != "sklearn"]  # whose training has nothing to compare
PAIRS = [(case, name) for case in CASES for name in NAMES if hasattr(framework(name), case.kind)]


@functools.cache
def expected(case):
    return case.expected(case.inputs())


@pytest.mark.parametrize(("case", "name"), PAIRS, ids=[f"{case.name}-{name}" for case, name in PAIRS])
def test_case(benchmark, note, case, name):
    data = case.inputs()
    try:
        run, results = framework(name).prepare(case, data)
    except Unsupported as reason:
        pytest.skip(str(reason))
    run()
    found = results()
    if found is not None:
        case.verify(found, data, expected(case))
        assert all(np.isfinite(np.asarray(values)).all() for values in found)
    benchmark.group = case.name
    calls = getattr(run, "calls", 1)
    benchmark.pedantic(run, rounds=1 if calls > 1 else 7, iterations=1 if calls > 1 else 3)
    note(benchmark, case.flops * calls, case.bytes * calls)


def test_every_kind_is_measured_in_cygrad():
    """A kind of case without a method of that name would be left out in silence."""
    kinds = {case.kind for case in all_cases()}
    assert not [kind for kind in kinds if not hasattr(framework("cygrad"), kind)]


@pytest.mark.parametrize("case", [c for c in CASES if not isinstance(c, Train | Predict)], ids=lambda case: case.name)
def test_a_wrong_result_is_found(case):
    """One value that is off by a thousandth of the largest fails the verification."""
    data = case.inputs()
    if case.kind in ("elementwise", "dropout"):
        try:
            run, results = framework("cygrad").prepare(case, data)
        except Unsupported as reason:
            pytest.skip(str(reason))
        run()
        wanted, found = None, [np.array(values) for values in results()]
    else:
        wanted = expected(case)
        found = [values.copy() for values in wanted]
        if case.kind == "conv2d":  # the verification takes the first and the last image out of all
            shapes = [data["dy"].shape, data["x"].shape]
            found[:2] = [np.concatenate([v[:1]] * (n[0] - 1) + [v[-1:]]) for v, n in zip(found, shapes)]
    case.verify(found, data, wanted)
    for values in found:
        right, scale = values.flat[-1], np.abs(values).max() + 1e-3
        values.flat[-1] += scale * 1e-3
        with pytest.raises(AssertionError):
            case.verify(found, data, wanted)
        values.flat[-1] = right
