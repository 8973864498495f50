"""One process, one version of `common`: bundles that bring another one are refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from monai.bundle import ConfigWorkflow

import common
from common.errors import InputError, find_input_error
from common.workflow.one_version import require_one_version


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a bundle on the path, with a copy of `common` of this version."""
    for name in ("configs/metadata.json", "common/__init__.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{}" if name.endswith("json") else f'__version__ = "{common.__version__}"\n')
    (tmp_path / "configs/train.yaml").write_text("run:\n- {_target_: common.workflow.begin_run}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_same_version_is_shared(other: Path) -> None:
    require_one_version()


def test_other_version_is_named(other: Path) -> None:
    (other / "common/__init__.py").write_text('__version__ = "9.9.9"\n')
    with pytest.raises(InputError, match=rf"version 9\.9\.9 of common.*loaded version {common.__version__}") as caught:
        require_one_version()
    assert str(other.resolve()) in str(caught.value) and str(caught.value).count(". ") == 0


def test_configuration(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder gets onto the path as MONAI runs the bundle."""
    (other / "common/__init__.py").write_text('__version__ = "9.9.9"\n')
    monkeypatch.setattr("sys.path", [folder for folder in sys.path if folder != str(other)])
    workflow = ConfigWorkflow(config_file=str(other / "configs/train.yaml"), logging_file=False)
    workflow.initialize()
    with pytest.raises(Exception) as caught:  # MONAI wraps it
        workflow.run()
    assert "9.9.9" in str(find_input_error(caught.value))


def test_only_bundles_count(other: Path) -> None:
    """An installed copy that a bundle's own hides is no clash."""
    (other / "common/__init__.py").write_text('__version__ = "9.9.9"\n')
    (other / "configs/metadata.json").unlink()
    require_one_version()
