"""Maps of what annotators do at each pixel: what is compared with what, and which slice is shown."""

from __future__ import annotations

from pathlib import Path

import fire
import nibabel as nib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.report import annotator_maps
from benchmarks.report.__main__ import COMMANDS
from benchmarks.report.annotator_maps import COMPARED, DRAWN, PREDICTED, draw_annotator_maps, draw_maps_of_case
from common.errors import InputError


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, instead of its file."""
    drawn: list[Figure] = []
    monkeypatch.setattr(annotator_maps, "save_figure", lambda figure, path, **options: drawn.append(figure))
    return drawn


def maps(figure: Figure) -> dict[tuple[str, str], np.ndarray]:
    """The map of each row and annotator."""
    grid = np.array(figure.axes).reshape(-1, 3)
    names = [panel.get_title() for panel in grid[0]]
    return {
        (line[0].get_ylabel(), name): panel.images[0].get_array()
        for line in grid
        for panel, name in zip(line[1:], names[1:], strict=True)
        if panel.get_visible()
    }


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A picture 5 wide and 4 high, of which two columns are taken for the truth; AR draws one more, HS one less."""
    columns = {"out/a_mask": (1, 3), "out/a_annotator_AR": (1, 4), "out/a_annotator_HS": (1, 2), "AR": (2, 4)}
    (tmp_path / "out").mkdir()
    for name, (first, last) in columns.items():
        mask = np.zeros((4, 5), dtype=np.uint8)
        mask[:, first:last] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(tmp_path / "a.png")
    return tmp_path


def test_predictions_and_labels_are_compared(case: Path, figures: list[Figure]) -> None:
    draw_maps_of_case(case / "out", "a", case / "a.png", "unused.png")
    shown = maps(figures[0])
    assert {title for title, _ in shown} == {PREDICTED}
    assert shown[PREDICTED, "AR"].tolist() == [[0, 3, 3, 2, 0]] * 4
    assert shown[PREDICTED, "HS"].tolist() == [[0, 3, 1, 0, 0]] * 4

    labels = {"AR": case / "AR.png", "HS": case / "out/a_annotator_HS.png"}
    draw_maps_of_case(case / "out", "a", case / "a.png", "unused.png", labels, truth=case / "out/a_mask.png")
    shown = maps(figures[1])
    assert shown[DRAWN, "AR"].tolist() == [[0, 1, 3, 2, 0]] * 4
    assert shown[COMPARED, "AR"].tolist() == [[0, 2, 3, 3, 0]] * 4
    assert set(np.unique(shown[COMPARED, "HS"])) == {0, 3}


def test_the_slice_with_most_foreground_of_a_class(tmp_path: Path, figures: list[Figure]) -> None:
    """Class 2 fills slice 1; anterior is up and the right side on the left."""
    volume = np.ones((4, 6, 3), dtype=np.uint8)
    volume[0, 5, :] = 2
    volume[0, 4, 1] = 2
    for name in ("mask", "annotator_AR", "annotator_HS"):
        nib.save(nib.Nifti1Image(volume, np.diag([1, 2, 3, 1])), tmp_path / f"a_{name}.nii.gz")
    nib.save(nib.Nifti1Image(volume.astype(np.float32), np.diag([1, 2, 3, 1])), tmp_path / "image.nii.gz")
    draw_maps_of_case(tmp_path, "a", tmp_path / "image.nii.gz", "unused.png", value=2)
    shown = maps(figures[0])[PREDICTED, "AR"]
    assert shown.shape == (6, 4) and np.argwhere(shown == 3).tolist() == [[0, 3], [1, 3]]
    assert figures[0].axes[1].get_aspect() == 2


def test_command_and_mistakes(case: Path) -> None:
    image, output = str(case / "a.png"), str(case / "maps.png")
    arguments = ["annotator_maps", str(case / "out"), "a", image, f"AR:{case}/AR.png", "--output", output]
    assert fire.Fire(COMMANDS, command=arguments) == output
    with Image.open(output) as picture:
        assert picture.width == 1400
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
        assert {(0xD5, 0x5E, 0x00), (0x56, 0xB4, 0xE9)} <= colors
    with pytest.raises(InputError, match="expected b_mask and b_annotator_NAME"):
        draw_maps_of_case(case / "out", "b", image, output)
    with pytest.raises(InputError, match="labels: expected those of AR, HS, got one of XY"):
        draw_maps_of_case(case / "out", "a", image, output, {"XY": case / "AR.png"})
    with pytest.raises(InputError, match="label 'AR': expected NAME:FILE"):
        fire.Fire(COMMANDS, command=["annotator_maps", str(case / "out"), "a", image, "AR"])
    Image.fromarray(np.zeros((3, 3), dtype=np.uint8)).save(case / "small.png")
    with pytest.raises(InputError, match=r"a: expected masks of the image's shape \(3, 3\), got \(4, 5\)"):
        draw_maps_of_case(case / "out", "a", case / "small.png", output)
    with pytest.raises(InputError, match="at least one row"):
        draw_annotator_maps(np.zeros((4, 5)), {}, {}, output)
