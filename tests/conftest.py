"""What several test files use."""

import os
from pathlib import Path

import pytest

ABOUT_KERNELS = {  # whole files; in others, tests are marked
    *(
        "test_capture",
        "test_cli",
        "test_embed",
        "test_examples",
        "test_fusion",
        "test_kernels",
        "test_parity",
        "test_plotting",
        "test_rows",
    ),
    *("test_reproducibility", "test_tape_memory", "test_threads", "test_vmath"),
}
CYGRAD_DATA = os.environ.get("CYGRAD_DATA")  # read once: some tests unset it


def pytest_collection_modifyitems(items):
    """With CYGRAD_BACKEND=reference everything runs on NumPy in float64: not what is about the kernels."""
    if os.environ.get("CYGRAD_BACKEND", "kernels") == "kernels":
        return
    skip = pytest.mark.skip(reason="about the kernels; CYGRAD_BACKEND=reference runs without them")
    for item in items:
        if item.get_closest_marker("kernels") or item.path.stem in ABOUT_KERNELS:
            item.add_marker(skip)


@pytest.fixture
def data_folder():
    """The folder with real data that CYGRAD_DATA names: mnist/, cifar10-sample/."""
    if not CYGRAD_DATA:
        pytest.skip("CYGRAD_DATA does not name a folder with mnist/ and cifar10-sample/")
    return Path(CYGRAD_DATA)
