from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.report import curves
from benchmarks.report.curves import draw_dice_by_setting
from benchmarks.report.tables import summarize_runs
from benchmarks.t_loss_table import highest_epochs
from common.errors import InputError


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures instead of their files."""
    drawn: list[Figure] = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def results(seeds: int = 3) -> dict[str, Any]:
    return summarize_runs(
        [
            {"method": name, "setting": {"alpha": alpha}, "seed": seed, "value": 0.9 - alpha / 10 - i / 20 + seed / 100}
            for i, name in enumerate(("GCE", "T-Loss"))
            for alpha in (0.0, 0.3, 0.7)
            for seed in range(seeds)
            if (name, alpha) != ("GCE", 0.7)
        ],
        "Dice on clean labels",
    )


def assert_picture(path: Path) -> None:
    assert path.stat().st_size < 300_000
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1400  # twice 700
        assert np.asarray(picture.convert("L")).std() > 5


def test_dice_by_setting_file(tmp_path: Path) -> None:
    assert_picture(draw_dice_by_setting(results(), tmp_path / "dice.png", highlight="T-Loss"))
    assert_picture(draw_dice_by_setting(results(seeds=1), tmp_path / "one_seed.png"))


def test_dice_by_setting_lines(figures: list[Figure]) -> None:
    draw_dice_by_setting(results(), "unused.png")
    panel = figures[0].axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["α = 0.0", "α = 0.3", "α = 0.7"]
    gce, t_loss = (container.lines[0] for container in panel.containers)
    np.testing.assert_allclose(np.asarray(gce.get_ydata(), dtype=float), [0.91, 0.88])
    np.testing.assert_allclose(np.asarray(t_loss.get_ydata(), dtype=float), [0.86, 0.83, 0.79])
    assert (np.asarray(gce.get_xdata(), dtype=float) < [0, 1]).all()
    (bars,) = panel.containers[0].lines[2]
    np.testing.assert_allclose(np.ptp(bars.get_segments()[0][:, 1]), 0.02)  # one sample standard deviation either way


def test_an_unknown_method_cannot_be_highlighted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="highlight must be one of GCE, T-Loss, got SCE"):
        draw_dice_by_setting(results(), tmp_path / "dice.png", highlight="SCE")
    assert not (tmp_path / "dice.png").exists()


def test_the_best_epoch_is_one_that_was_validated(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,val_mean_dice\n1,\n2,0.25\n3,\n4,0.125\n", encoding="utf-8")
    runs = [{"method": "T-Loss", "setting": {"alpha": 0.7, "beta": 0.7}, "seed": 0, "value": 0.1, "folder": tmp_path}]
    assert [run["value"] for run in highest_epochs(runs, "val_mean_dice")] == [0.25]
