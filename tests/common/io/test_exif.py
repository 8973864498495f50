"""Pictures as viewers show them: turned by their EXIF orientation, beside labels that are not, or with 0 as white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from common.checking import check_cases
from common.datasets.plan import example_plan
from common.io.checks import geometry_finding
from common.io.files import read_csv
from common.io.formats import read_image

ORIENTATION = 274


def save(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    if pixels.dtype != np.uint8:
        tifffile.imwrite(path, pixels, extratags=[(ORIENTATION, "H", 1, orientation, True)])
        return path
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[ORIENTATION] = orientation
    picture.save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("name", "dtype"), [("a.png", np.uint8), ("a.tif", np.uint8), ("a.tif", np.uint16)])
def test_a_label_of_the_same_size_that_is_not_turned_is_named(
    tmp_path: Path, name: str, dtype: type, orientation: int
) -> None:
    """A square, or one that stands on its head: nothing else tells that they do not belong together."""
    pixels = np.arange(36).reshape(6, 6).astype(dtype)
    image = read_image(save(tmp_path / name, pixels, orientation))
    label = read_image(save(tmp_path / "label.png", pixels.astype(np.uint8), 1))
    assert torch.equal(image, label) == (orientation == 1)
    found = geometry_finding(image, label, "label.png")
    if orientation == 1:
        assert found is None
    else:
        assert found is not None and (found.kind, found.unusable, found.file) == ("orientation", False, "label.png")
        assert f"it has the EXIF orientation 1, its image {orientation}" in found.message
    assert geometry_finding(image, read_image(save(tmp_path / f"b{name}", pixels, orientation))) is None


def test_a_number_that_is_no_orientation_is_none(tmp_path: Path) -> None:
    image, label = (read_image(save(tmp_path / f"{n}.png", np.eye(4, dtype=np.uint8), n)) for n in (0, 1))
    assert torch.equal(image, label) and geometry_finding(image, label) is None


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_whose_0_is_white_is_shown_as_viewers_do(tmp_path: Path, dtype: type, orientation: int) -> None:
    pixels = (20 * np.arange(12).reshape(3, 4)).astype(dtype)
    tag = [(ORIENTATION, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "white.tif", np.iinfo(dtype).max - pixels, photometric="miniswhite", extratags=tag)
    tifffile.imwrite(tmp_path / "black.tif", pixels, photometric="minisblack", extratags=tag)
    torch.testing.assert_close(
        read_image(tmp_path / "white.tif").as_tensor(), read_image(tmp_path / "black.tif").as_tensor()
    )


def test_checking_lists_it(tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4, 1:6] = 255
    item = {"case": "a", "image": str(save(tmp_path / "a.jpg", mask // 2, 3))}
    item["label"] = str(save(tmp_path / "a_label.png", mask, 1))
    check_cases({"training": [item]}, {}, tmp_path, example_plan())
    assert [row["finding"] for row in read_csv(tmp_path / "checking/findings.csv")] == ["orientation"]
