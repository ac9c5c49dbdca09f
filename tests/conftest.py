"""What several test files use."""

import os
from pathlib import Path

import pytest

CYGRAD_DATA = os.environ.get("CYGRAD_DATA")  # read once: some tests unset it


@pytest.fixture
def data_folder():
    """The folder with real data that CYGRAD_DATA names: mnist/, cifar10-sample/."""
    if not CYGRAD_DATA:
        pytest.skip("CYGRAD_DATA does not name a folder with mnist/ and cifar10-sample/")
    return Path(CYGRAD_DATA)
