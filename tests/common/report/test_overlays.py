from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from monai.data import Dataset
from PIL import Image

from common.errors import InputError
from common.report import Example, draw_examples, draw_overlay, examples_from_dataset, overlays


def square(height: int, width: int, low: int, high: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[low:high, low:high] = 1
    return mask


def example(shape: tuple[int, ...] = (24, 32)) -> Example:
    image = np.random.default_rng(0).normal(size=shape)
    height, width = shape[:2]
    return Example("case_1", image, *(square(height, width, low, 20) for low in (4, 10, 6)))


def items(kinds: list[str], channels: int = 1) -> list[dict[str, Any]]:
    """Images 12 wide and 8 high, bright in the columns that belong to the mask."""
    made = []
    for i, kind in enumerate(kinds):
        image = torch.full((channels, 12, 8), -1.0)
        image[:, 2:9, 1:6] = 1.0
        clean = (image[:1] > 0).float()
        made.append({"image": image, "label": 1 - clean, "clean_label": clean, "noise_kind": kind, "case": f"case_{i}"})
    return made


class Bright(torch.nn.Module):
    """Foreground where the first channel is positive; in training mode everywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert not torch.is_grad_enabled()
        return x[:, :1] if not self.training else torch.ones_like(x[:, :1])


def assert_picture(path: Path, color: str | None = None) -> None:
    assert path.stat().st_size < 300_000
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.std() > 5
    if color:
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=2) < 12).sum() > 50


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[Example]:
    """What is to be drawn, instead of drawing it."""
    kept: list[Example] = []
    monkeypatch.setattr(overlays, "draw_examples", lambda path, rows: kept.extend(rows))
    return kept


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    drawn: list[Figure] = []
    monkeypatch.setattr(overlays, "save_figure", lambda figure, path, **options: drawn.append(figure))
    return drawn


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3), (32, 20)])
def test_examples_file(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = draw_examples(tmp_path / "new" / "examples.png", [example(shape), example(shape)])
    assert_picture(path)
    for color in (overlays.CLEAN, overlays.NOISY, overlays.PREDICTION):
        assert_picture(path, color)


def test_examples_say_dice(figures: list[Figure]) -> None:
    row = example()
    draw_examples("unused.png", [row])
    image, clean, noisy, prediction = figures[0].axes
    assert image.get_ylabel() == "case_1"
    assert not image.texts
    assert not clean.texts
    sizes = {"clean": 16 * 16, "noisy": 10 * 10, "prediction": 14 * 14}
    expected = 2 * sizes["noisy"] / (sizes["clean"] + sizes["noisy"])
    assert noisy.texts[0].get_text() == f"Dice {expected:.2f}"
    expected = 2 * sizes["prediction"] / (sizes["clean"] + sizes["prediction"])
    assert prediction.texts[0].get_text() == f"Dice {expected:.2f}"


def test_outlines_follow_the_border_of_the_mask(figures: list[Figure]) -> None:
    draw_examples("unused.png", [example()])
    (outline,) = figures[0].axes[1].collections
    corners = outline.get_paths()[0].vertices
    assert (corners.min(), corners.max()) == (3.5, 19.5)  # pixels 4 … 19 and half a pixel around


def test_empty_and_full_masks_and_flat_images(tmp_path: Path) -> None:
    empty, full = np.zeros((8, 8)), np.ones((8, 8))
    row = Example("flat", np.zeros((8, 8)), full, empty, full)
    assert_picture(draw_examples(tmp_path / "flat.png", [row]), overlays.PREDICTION)
    one = Example("pixel", np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)))
    assert_picture(draw_examples(tmp_path / "pixel.png", [one]))


def test_examples_exceptions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one example"):
        draw_examples(tmp_path / "a.png", [])
    row = example()
    wrong = Example(row.title, row.image, row.clean, row.noisy, row.prediction.T)
    with pytest.raises(InputError, match=r"predicted mask of case_1 .*\(24, 32\), got \(32, 24\)"):
        draw_examples(tmp_path / "a.png", [wrong])


def test_first_cases_of_every_kind(rows: list[Example]) -> None:
    dataset = Dataset(items(["none", "displacement", "none", "erosion", "none", "smudge"]))
    network = Bright().train()
    examples_from_dataset(network, dataset, "unused.png")
    assert [row.title.splitlines()[1] for row in rows] == ["case_3", "case_1", "case_0", "case_5"]
    assert network.training
    del rows[:]
    examples_from_dataset(network, dataset, "unused.png", count=2)
    assert [row.title.splitlines()[1] for row in rows] == ["case_3", "case_1", "case_0", "case_2", "case_5"]


@pytest.mark.parametrize("channels", [1, 3])
def test_first_axis_is_x(channels: int, rows: list[Example]) -> None:
    examples_from_dataset(Bright(), items(["none"], channels), "unused.png", device="cpu")
    expected = np.zeros((8, 12), dtype=bool)
    expected[1:6, 2:9] = True
    np.testing.assert_array_equal(rows[0].clean, expected)
    np.testing.assert_array_equal(rows[0].noisy, ~expected)
    np.testing.assert_array_equal(rows[0].prediction, expected)
    assert rows[0].image.shape == ((8, 12) if channels == 1 else (8, 12, 3))
    np.testing.assert_array_equal((rows[0].image if channels == 1 else rows[0].image[..., 2]) > 0, expected)


def test_channels_of_labels_are_united(rows: list[Example]) -> None:
    item = items(["none"])[0]
    empty = torch.zeros_like(item["clean_label"])
    item["clean_label"] = torch.cat([empty, item["clean_label"]])
    examples_from_dataset(Bright(), [item], "unused.png")
    assert rows[0].clean.sum() == 35


def test_examples_of_a_data_set_are_drawn(tmp_path: Path) -> None:
    path = examples_from_dataset(Bright(), items(["none", "erosion"]), tmp_path / "examples.png")
    assert_picture(path, overlays.PREDICTION)


def test_data_sets_that_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one example"):
        examples_from_dataset(Bright(), [], tmp_path / "a.png")
    item = items(["none"])[0]
    del item["noise_kind"]
    with pytest.raises(InputError, match=r"item 0 .*needs noise_kind, but has image, label"):
        examples_from_dataset(Bright(), [item], tmp_path / "a.png")
    item = items(["none"])[0] | {"image": torch.zeros(1, 4, 4, 4)}
    with pytest.raises(InputError, match=r"case_0 must be a 2-D image .*\(1, 4, 4, 4\)"):
        examples_from_dataset(Bright(), [item], tmp_path / "a.png")


def save_picture(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def save_nifti(path: Path, array: np.ndarray, axes: str = "RAS", spacing: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Path:
    orientation = nib.orientations.axcodes2ornt(axes)
    affine = np.diag([*spacing, 1.0]) @ nib.orientations.inv_ornt_aff(orientation, (*array.shape, 1)[:3])
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_overlay_of_pictures(mode: str, tmp_path: Path) -> None:
    ramp = np.tile(np.arange(32), (24, 1))
    array = (ramp * 1000).astype(np.uint16) if mode == "I;16" else (ramp * 8).astype(np.uint8)
    picture = Image.fromarray(array)
    (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / "image.png")
    mask = save_picture(tmp_path / "mask.png", square(24, 32, 5, 15) * 255)
    assert_picture(draw_overlay(tmp_path / "image.png", mask, tmp_path / "overlay.png"), overlays.PREDICTION)
    planes, _ = overlays.read_slices(tmp_path / "image.png")
    assert planes[0].reshape(24, 32, -1)[3, 20, 0] == array[3, 20]


def test_overlay_shows_the_slice_with_most_foreground(tmp_path: Path, figures: list[Figure]) -> None:
    volume = np.arange(6 * 5 * 9, dtype=np.float32).reshape(6, 5, 9)
    mask = np.zeros(volume.shape, dtype=np.uint8)
    mask[1:3, 1, [2, 4, 6]] = 1
    mask[1, 1, 7] = 1
    image = save_nifti(tmp_path / "image.nii.gz", volume)
    draw_overlay(image, save_nifti(tmp_path / "mask.nii.gz", mask), "unused.png")
    left, right = figures[0].axes
    assert left.get_title() == "image.nii.gz, slice 5 of 9"
    shown = left.images[0].get_array()
    assert shown.shape == (5, 6)
    np.testing.assert_array_equal(np.argsort(shown.ravel()), np.argsort(volume[::-1, ::-1, 4].T.ravel()))
    corners = right.collections[0].get_paths()[0].vertices
    assert (corners[:, 0].min(), corners[:, 0].max()) == (2.5, 4.5)  # x = 1, 2 of 6, seen from the feet
    draw_overlay(image, save_nifti(tmp_path / "empty.nii.gz", np.zeros_like(mask)), "unused.png")
    assert figures[1].axes[0].get_title() == "image.nii.gz, slice 5 of 9"
    assert not figures[1].axes[1].collections


def test_an_overlay_has_an_outline_of_each_class(tmp_path: Path, figures: list[Figure]) -> None:
    """The border between two classes is drawn; values without end, as of a map, are one mask."""
    image = save_nifti(tmp_path / "image.nii.gz", np.zeros((6, 6, 1), np.float32))
    mask = np.zeros((6, 6, 1), np.uint8)
    mask[1:3, 1:5], mask[3:5, 1:5] = 1, 2
    draw_overlay(image, save_nifti(tmp_path / "mask.nii.gz", mask), "unused.png")
    assert len(figures[0].axes[1].collections) == 2
    many = np.arange(36, dtype=np.uint8).reshape(6, 6, 1)
    draw_overlay(image, save_nifti(tmp_path / "many.nii.gz", many), "unused.png")
    assert len(figures[1].axes[1].collections) == 1


def test_stored_orientation_does_not_matter(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    expected, _ = overlays.read_slices(save_nifti(tmp_path / "ras.nii.gz", volume))
    stored = nib.Nifti1Image.from_filename(tmp_path / "ras.nii.gz")
    for axes in ("LPS", "SAR", "PIL"):
        turned = stored.as_reoriented(
            nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes))
        )
        nib.save(turned, tmp_path / "turned.nii.gz")
        np.testing.assert_array_equal(overlays.read_slices(tmp_path / "turned.nii.gz")[0], expected)
    assert expected.shape == (6, 5, 4)


@pytest.mark.parametrize("axes", ["RAS", "RAI", "IPL", "PIL", "LSA"])
def test_slices_are_counted_as_the_file_stores_them(axes: str, tmp_path: Path, figures: list[Figure]) -> None:
    volume = np.zeros((4, 5, 6), np.uint8)
    volume[:, :, 1] = 1
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes))
    turned = nib.Nifti1Image(volume, np.eye(4)).as_reoriented(turn)
    nib.save(turned, tmp_path / "a.nii.gz")
    draw_overlay(tmp_path / "a.nii.gz", tmp_path / "a.nii.gz", "unused.png")
    stored = np.asarray(turned.dataobj)
    across = next(axis for axis in range(3) if axes[axis] in "SI")
    number = 1 + int(np.flatnonzero(np.moveaxis(stored, across, 0).any((1, 2)))[0])
    assert figures[0].axes[0].get_title() == f"a.nii.gz, slice {number} of 6"


@pytest.mark.parametrize(
    ("spacing", "view"),
    [
        ((3.0, 0.5, 0.5), (0, 2, 1)),  # sagittal: superior up, anterior left
        ((0.5, 3.0, 0.5), (1, 2, 0)),  # coronal
        ((0.5, 0.5, 3.0), (2, 1, 0)),
        ((1.0, 1.0, 1.0), (2, 1, 0)),
    ],
)
def test_slices_are_those_that_were_acquired(spacing: tuple[float, ...], view: tuple[int, ...], tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    slices, aspect = overlays.read_slices(save_nifti(tmp_path / "a.nii.gz", volume, spacing=spacing))
    np.testing.assert_array_equal(slices, volume.transpose(view)[:, ::-1, ::-1])
    assert aspect == 1


def test_spacing_is_shown(tmp_path: Path, figures: list[Figure]) -> None:
    array = np.ones((10, 4, 3), dtype=np.uint8)
    file = save_nifti(tmp_path / "a.nii.gz", array, spacing=(1.0, 2.5, 4.0))
    draw_overlay(file, file, "unused.png")
    assert figures[0].axes[0].get_aspect() == pytest.approx(2.5)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 1, 1), (6, 5, 3, 1)])
def test_overlay_of_nifti_shapes(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.zeros(shape, dtype=np.uint8)
    array[2:4, 2:4] = 1
    file = save_nifti(tmp_path / "a.nii", array)
    assert_picture(draw_overlay(file, file, tmp_path / "overlay.png"), overlays.PREDICTION)


def test_overlay_exceptions(tmp_path: Path) -> None:
    image = save_picture(tmp_path / "image.png", square(8, 8, 2, 5))
    with pytest.raises(InputError, match=r"missing\.png does not exist"):
        draw_overlay(image, tmp_path / "missing.png", tmp_path / "a.png")
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.nii\.gz cannot be read"):
        draw_overlay(tmp_path / "broken.nii.gz", image, tmp_path / "a.png")
    wrong = save_picture(tmp_path / "wrong.png", square(8, 9, 2, 5))
    with pytest.raises(InputError, match=r"wrong\.png must have the size .*\(1, 8, 8\).*\(1, 8, 9\)"):
        draw_overlay(image, wrong, tmp_path / "a.png")
    channels = save_nifti(tmp_path / "channels.nii.gz", np.zeros((4, 4, 4, 2), dtype=np.uint8))
    with pytest.raises(InputError, match=r"channels\.nii\.gz must be .*\(4, 4, 4, 2\)"):
        draw_overlay(channels, channels, tmp_path / "a.png")
