from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import curves, draw_memorisation, draw_nu_path, drawing

KINDS = ("none", "erosion", "dilation", "displacement")


def write_run(folder: Path, kinds: tuple[str, ...] = KINDS, epochs: int = 5, start: float = 0.0) -> Path:
    rows: list[dict[str, Any]] = [
        {"epoch": e, "noise_kind": kind, "cases": 3, "dice_clean": 0.1 * i + e / 100, "dice_noisy": 0.5}
        for e in range(1, epochs + 1)
        for i, kind in enumerate(kinds)
    ]
    write_csv(folder / "memorisation.csv", rows)
    rows = [
        {"epoch": e, "loss": 1.0, "nu_tilde": start + e, "val_mean_dice": "" if e % 2 else e / 10}
        for e in range(1, epochs + 1)
    ]
    write_csv(folder / "metrics.csv", rows)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    return {name: write_run(tmp_path / name, start=i) for i, name in enumerate(("T-Loss", "GCE", "MAE"))}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures instead of their files."""
    drawn: list[Figure] = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def assert_picture(path: Path) -> None:
    assert path.stat().st_size < 300_000
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1400  # twice 700
        assert np.asarray(picture.convert("L")).std() > 5


def test_memorization_file(runs: dict[str, Path], tmp_path: Path) -> None:
    path = draw_memorisation(runs, tmp_path / "new" / "memorisation.png", highlight="T-Loss")
    assert path == tmp_path / "new" / "memorisation.png"
    assert_picture(path)


def test_memorization_lines(runs: dict[str, Path], figures: list[Figure]) -> None:
    draw_memorisation(runs, "unused.png", highlight="GCE")
    panels = figures[0].axes
    assert [panel.get_title(loc="left").split()[0] for panel in panels] == [
        "Eroded",
        "Dilated",
        "Displaced",
        "Unchanged",
    ]
    for panel, offset in zip(panels, (0.1, 0.2, 0.3, 0.0), strict=True):
        assert [line.get_label() for line in panel.lines] == list(runs)
        for line in panel.lines:
            assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
            np.testing.assert_allclose(line.get_ydata(), [offset + e / 100 for e in range(1, 6)])
    widths = {line.get_label(): line.get_linewidth() for line in panels[0].lines}
    assert widths["GCE"] > widths["MAE"] == widths["T-Loss"]


@pytest.mark.parametrize("kinds", [("none",), ("none", "erosion", "dilation"), ("erosion", "smudge")])
def test_memorization_has_a_panel_for_each_kind_that_occurs(
    kinds: tuple[str, ...], tmp_path: Path, figures: list[Figure]
) -> None:
    draw_memorisation({"run": write_run(tmp_path, kinds)}, "unused.png")
    assert len(figures[0].axes) == len(kinds)
    figures[0].canvas.draw()
    for panel in figures[0].axes:
        assert all(float(tick).is_integer() for tick in panel.get_xticks())


def test_nu_path_file(runs: dict[str, Path], tmp_path: Path) -> None:
    assert_picture(draw_nu_path(runs, tmp_path / "nu.png", starts=runs))
    assert_picture(draw_nu_path({"T-Loss": runs["T-Loss"]}, tmp_path / "one.png"))


def test_nu_path_lines(runs: dict[str, Path], figures: list[Figure]) -> None:
    draw_nu_path(runs, "unused.png", starts={"0": runs["T-Loss"], "1": runs["GCE"]})
    left, center, right = figures[0].axes[:3]
    np.testing.assert_allclose(left.lines[2].get_ydata(), [3, 4, 5, 6, 7])
    np.testing.assert_allclose(center.lines[1].get_ydata(), [2, 3, 4, 5, 6])
    assert [line.get_label() for line in center.lines] == ["0", "1"]
    assert list(right.lines[0].get_xdata()) == [2, 4]  # epochs with a validation
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.2, 0.4])
    draw_nu_path({}, "unused.png", starts=runs)
    assert len(figures[1].axes) == 4  # two panels and their legends


def test_a_single_epoch_is_a_dot(runs: dict[str, Path], figures: list[Figure], tmp_path: Path) -> None:
    first = (runs["T-Loss"] / "metrics.csv").read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "metrics.csv").write_text("\n".join(first), encoding="utf-8")
    draw_nu_path({"many": runs["T-Loss"], "one": tmp_path}, "unused.png")
    assert [line.get_marker() for line in figures[0].axes[0].lines] == ["", "o"]


def test_every_line_has_its_own_style() -> None:
    styles = drawing.line_styles([str(i) for i in range(18)])
    seen = [(style["color"], style["linestyle"]) for style in styles.values()]
    assert all(a != b for a, b in itertools.combinations(seen, 2))


def test_colors_differ_without_red_or_green() -> None:
    """Distances in the planes of Viénot, Brettel and Mollon (1999): what protanopes and deuteranopes see."""
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    colors = np.array([to_rgb(color) for color in (*drawing.COLORS, "black")]) ** 2.2
    for plane in (np.eye(3), protan, deutan):
        seen = np.clip(colors @ plane.T, 0, 1) ** (1 / 2.2)
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.1


def test_few_colors_keep_what_they_must(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    pixels[:20] = pixels[:20, :, :1]
    pixels[3, 4], pixels[30, 4] = (255, 255, 255), (18, 52, 86)
    image = drawing.few_colors(pixels, ("#FFFFFF", "#123456"))
    assert image.mode == "P"
    seen = np.asarray(image.convert("RGB")).astype(int)
    assert tuple(seen[3, 4]) == (255, 255, 255)
    assert tuple(seen[30, 4]) == (18, 52, 86)
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(seen - pixels).mean() < 20


def test_no_global_state(runs: dict[str, Path], tmp_path: Path) -> None:
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    before = dict(matplotlib.rcParams)
    draw_memorisation(runs, tmp_path / "a.png")
    assert dict(matplotlib.rcParams) == before
    assert not Gcf.figs


def test_equal_runs_give_equal_files(runs: dict[str, Path], tmp_path: Path) -> None:
    first = draw_nu_path(runs, tmp_path / "a.png").read_bytes()
    assert draw_nu_path(runs, tmp_path / "b.png").read_bytes() == first


def test_exceptions(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty/memorisation\.csv does not exist"):
        draw_memorisation({"run": tmp_path / "empty"}, tmp_path / "a.png")
    with pytest.raises(InputError, match=r"empty/metrics\.csv does not exist"):
        draw_nu_path({"run": tmp_path / "empty"}, tmp_path / "a.png")
    with pytest.raises(InputError, match="at least one run"):
        draw_memorisation({}, tmp_path / "a.png")
    with pytest.raises(InputError, match="at least one run"):
        draw_nu_path({}, tmp_path / "a.png")
    with pytest.raises(InputError, match="highlight must be one of T-Loss, GCE, MAE, got SCE"):
        draw_memorisation(runs, tmp_path / "a.png", highlight="SCE")
    with pytest.raises(InputError, match=r"PNG.*a\.pdf"):
        draw_memorisation(runs, tmp_path / "a.pdf")
    write_csv(runs["GCE"] / "metrics.csv", [{"epoch": 1, "loss": 2.0}])
    with pytest.raises(InputError, match=r"GCE/metrics\.csv must have.*it lacks nu_tilde"):
        draw_nu_path(runs, tmp_path / "a.png")
    (runs["GCE"] / "metrics.csv").write_text("")
    with pytest.raises(InputError, match=r"GCE/metrics\.csv must have rows"):
        draw_nu_path(runs, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
