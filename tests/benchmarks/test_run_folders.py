"""The folder of a table's runs changes with all that they are told, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import run_folders
from benchmarks.run_folders import runs_folder

TOLD = ("desk", "bwcr", ("acdc",), "/data/acdc", {"max_epochs": 20}, {"rows": ["da"]})


@pytest.mark.parametrize(
    ("index", "other"),
    [(0, "paper"), (1, "t_loss"), (2, ()), (3, "/elsewhere"), (3, None), (4, {"max_epochs": 21}), (5, {})],
)
def test_other_runs_have_another_folder(index: int, other: object) -> None:
    told = list(TOLD)
    told[index] = other
    if other == "t_loss":
        told[2] = ()
    assert runs_folder(*told) != runs_folder(*TOLD)  # type: ignore[arg-type]


def test_the_folder_is_a_function() -> None:
    first = runs_folder("desk", "bwcr", ["acdc"], None, {"seed": 0, "radius": 3.0})
    assert first == runs_folder("desk", "bwcr", ("acdc",), None, {"radius": 3.0, "seed": 0})
    assert first.startswith("desk-") and len(first) == 15


def test_values_of_the_configuration_files_count_and_comments_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run_folders.BUNDLES / "bwcr/configs", tmp_path / "bwcr/configs")
    monkeypatch.setattr(run_folders, "BUNDLES", tmp_path)
    before, file = runs_folder(*TOLD), tmp_path / "bwcr/configs/acdc.yaml"
    text = file.read_text(encoding="ascii")
    file.write_text("# a comment\n" + text, encoding="ascii")
    assert runs_folder(*TOLD) == before
    file.write_text(text.replace("radius: 10.0", "radius: 9.0"), encoding="ascii")
    assert runs_folder(*TOLD) != before
