"""Which modules a bundle's zip holds, and two bundles whose copies of `common` hold different ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from warm_python import WarmPython

from common.errors import InputError
from common.reached_modules import COMMON, reached_files

MODULES = {
    "__init__.py": "",
    "py.typed": "",
    "errors.py": "",
    "losses/__init__.py": "",
    "losses/__init__.pyi": "from .robust import Mae, gce\nfrom .t_loss import TLoss\n__all__ = []",
    "losses/robust.py": "from common.errors import InputError",
    "losses/t_loss.py": "def f():\n    from common.noise import seed",
    "noise/__init__.py": "",
    "noise/__init__.pyi": "from .fields import seed",
    "noise/fields.py": "from .morphology import erode\nTARGET = 'common.metrics.Dice'",
    "noise/morphology.py": "",
    "metrics/__init__.py": "from common.metrics.dice import Dice",
    "metrics/dice.py": "",
    "report/__init__.py": "",
    "report/__main__.py": "import common.report.page",
    "report/page.py": "",
    "datasets/__init__.py": "",
    "datasets/__init__.pyi": "from .layouts.recognize import read",
    "datasets/layouts/__init__.py": "",
    "datasets/layouts/recognize.py": "import_module(f'common.datasets.layouts.{name}')",
    "datasets/layouts/bids.py": "",
}
BASE = {"__init__.py", "py.typed"}
LOSSES = {"losses/__init__.py", "losses/__init__.pyi"}
NOISE = {"noise/__init__.py", "noise/__init__.pyi", "noise/fields.py", "noise/morphology.py"}
DATASETS = {"datasets/__init__.py", "datasets/__init__.pyi", "datasets/layouts/__init__.py"}
DATASETS |= {"datasets/layouts/recognize.py", "datasets/layouts/bids.py"}
METRICS = {"metrics/__init__.py", "metrics/dice.py"}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "common"
    for name, text in MODULES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("a: 1", set()),
        ("_target_: common.errors.InputError", {"errors.py"}),
        ("_target_: common.losses.gce", LOSSES | {"losses/robust.py", "errors.py"}),
        ("loss: $common.losses.robust.Mae()", LOSSES | {"losses/robust.py", "errors.py"}),
        ("# from common.losses import gce, Mae", LOSSES | {"losses/robust.py", "errors.py"}),
        ("{_target_: common.losses.TLoss, b: 1}", LOSSES | {"losses/t_loss.py"} | NOISE | METRICS),
        ("python -m common.report", {"report/__init__.py", "report/__main__.py", "report/page.py"}),
        ("_target_: common.metrics.Dice", METRICS),
        ("_target_: common.datasets.read", DATASETS),
    ],
)
def test_what_a_text_reaches(package: Path, text: str, reached: set[str]) -> None:
    found = {path.relative_to(package).as_posix() for path in reached_files({"train.yaml": text}, package)}
    assert found == BASE | reached


def test_a_name_that_is_not_there(package: Path) -> None:
    for name in ("common.loses.TLoss", "common.losses.Tloss", "common.metrics.Dise"):
        with pytest.raises(InputError, match=f"^train.yaml: it names {name}, which is not there"):
            reached_files({"train.yaml": f"_target_: {name}"}, package)


def test_every_room_finds_modules_in_other_copies() -> None:
    for room in sorted(COMMON.rglob("*/__init__.py")):
        text = room.read_text(encoding="utf-8")
        assert "__path__ = SearchPath(__path__, __name__)" in text, room.parent.name


def test_every_layout_is_in_the_zip_of_what_reads_data_sets() -> None:
    """Layouts are imported by name when a folder fits them."""
    reached = reached_files({"train.yaml": "_target_: common.datasets.read_dataset"})
    assert set((COMMON / "datasets/layouts").glob("*.py")) <= reached


TWO_COPIES = """
import sys
sys.path.insert(0, FIRST)
from common.losses import TLoss
import common.losses
sys.path.insert(1, SECOND)
from common.losses import GeneralizedCrossEntropyLoss
from common.decision import dice_optimal_threshold
sys.path.remove(SECOND)
from common.losses.label_smoothing import MarginLabelSmoothingLoss
assert sys.modules["common.losses.t_loss"].__file__.startswith(FIRST)
for name in ("losses.robust", "losses.label_smoothing", "decision"):
    assert sys.modules[f"common.{name}"].__file__.startswith(SECOND), name
"""


def test_two_copies_supplement_each_other(tmp_path: Path, warm_monai: WarmPython) -> None:
    """The second copy comes onto `sys.path` later, and has gone from it again when its last module is asked for."""
    targets = {"first": ["TLoss"], "second": ["GeneralizedCrossEntropyLoss", "MarginLabelSmoothingLoss"]}
    for folder, names in targets.items():
        text = " ".join(f"common.losses.{name}" for name in names) + " common.decision" * (folder == "second")
        for path in reached_files({"train.yaml": text}):
            target = tmp_path / folder / path.relative_to(COMMON.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    places = f"FIRST, SECOND = {str(tmp_path / 'first')!r}, {str(tmp_path / 'second')!r}\n"
    places += f"import sys; sys.path[:] = [path for path in sys.path if path not in ('', {str(COMMON.parent)!r})]"
    process = warm_monai.start("-c", places + TWO_COPIES, folder=tmp_path)
    assert process.wait(timeout=100) == 0, process.output()
