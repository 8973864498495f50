from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fire
import pytest

from benchmarks.report.__main__ import COMMANDS
from benchmarks.report.tables import summarize_runs
from common.errors import InputError


def command(*arguments: object) -> Any:
    return fire.Fire(COMMANDS, command=[str(argument) for argument in arguments])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = [{"method": "T-Loss", "setting": {"alpha": 0.7}, "seed": seed, "value": 0.87 + seed} for seed in (0, 1)]
    (tmp_path / "t_loss.json").write_text(json.dumps(summarize_runs(made, "Dice")), encoding="utf-8")
    return tmp_path / "t_loss.json"


def test_figure_and_table_of_results(results: Path, tmp_path: Path) -> None:
    assert "**1.370 ± 0.707**" in command("table", results)
    command("dice", results, "--output", tmp_path / "dice.png")
    assert (tmp_path / "dice.png").exists()


def test_documents_are_updated_and_checked(results: Path, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("<!-- results:t_loss --><!-- /results:t_loss -->", encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md must show the numbers of .*t_loss\.json"):
        command("table", results, document, "--check")
    assert command("table", results, document).endswith("README.md: updated")
    assert "1.370 ± 0.707" in document.read_text(encoding="utf-8")
    assert command("table", results, document, "--check").endswith("README.md: up to date")
