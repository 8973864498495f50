"""What every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # pytest-xdist fills the cores with processes


@pytest.fixture
def real_data() -> Path:
    """The folder of real images, or the test is skipped."""
    folder = os.environ.get("REAL_DATA_DIR", "")
    if not Path(folder or "missing").is_dir():
        pytest.skip(f"REAL_DATA_DIR is {folder!r}, not a folder of real images")
    return Path(folder)
