"""Pictures to which the exports of web tools belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    for case in ("a", "b"):
        Image.fromarray(np.full((6, 8), 90, np.uint8)).save(tmp_path / f"scans/{case}.png")
    (tmp_path / "scans/a.txt").write_text("about a", encoding="utf-8")
    return tmp_path / "scans"
