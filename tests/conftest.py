"""What several test files use."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_folder():
    """The folder with real data that CYGRAD_DATA names: mnist/, cifar10-sample/."""
    root = os.environ.get("CYGRAD_DATA")
    if not root:
        pytest.skip("CYGRAD_DATA does not name a folder with mnist/ and cifar10-sample/")
    return Path(root)
