"""What SimpleITK would read wrongly without a word is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from common.errors import InputError
from common.io import read_header, read_image
from common.io.simple_itk import read_itk

CODES = {
    "0008|0060": "CT",
    "0020|000d": "1.2.3",
    "0020|000e": "1.2.3.4",
    "0020|0037": "\\".join("100010"),
}


def write_series(folder: Path, places: list[float]) -> None:
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, place in enumerate(places):
        image = sitk.GetImageFromArray(np.full((4, 5), number, np.int16))
        for code, value in CODES.items():
            image.SetMetaData(code, value)
        image.SetMetaData("0020|0032", "\\".join(("0", "0", str(place))))
        image.SetMetaData("0020|0013", str(number))
        image.SetMetaData("0008|0018", f"1.2.3.4.{number + 1}")
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(image)


def test_a_series_with_a_gap(tmp_path: Path) -> None:
    write_series(tmp_path / "whole", [0, 0.6, 1.3, 1.9, 2.5])  # 0.625 mm, rounded
    assert read_itk(tmp_path / "whole").GetSize() == (5, 4, 5)
    for number, places in enumerate(([0, 2, 4, 8], [0, 4, 6, 8], [0, 2, 2, 4], [2, 2])):
        write_series(tmp_path / f"gap{number}", places)
        with pytest.raises(InputError, match=r"gap\d: expected slices at equal distances, got distances from"):
            read_itk(tmp_path / f"gap{number}")


@pytest.mark.parametrize(
    ("elements", "distance"),
    [({}, 1.0), ({"SliceThickness": 5}, 5.0), ({"SliceThickness": 5, "SpacingBetweenSlices": 6}, 6.0)],
)
def test_a_slice_that_is_alone_has_its_thickness(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, elements: dict[str, float], distance: float
) -> None:
    """From which volumes in mm³ follow; SimpleITK gives it 1 mm."""
    write_series(tmp_path / "ct", [3])
    dataset = pydicom.dcmread(tmp_path / "ct/0.dcm")
    dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.5], None
    dataset.pop("SpacingBetweenSlices", None)  # which SimpleITK writes
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "ct/0.dcm")
    for affine in (read_image(tmp_path / "ct").affine.numpy(), read_header(tmp_path / "ct").affine):
        np.testing.assert_allclose(affine, [[-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, distance, 3], [0, 0, 0, 1]])
    assert ("its only slice has no thickness; 1 mm" in caplog.text) == (not elements)


def test_a_thickness_that_is_no_number_is_named(tmp_path: Path) -> None:
    """As written by hand with a comma, which pydicom would not write."""
    write_series(tmp_path / "ct", [3])
    dataset = pydicom.dcmread(tmp_path / "ct/0.dcm")
    dataset.SliceThickness = "5.25"
    dataset.pop("SpacingBetweenSlices", None)
    dataset.save_as(tmp_path / "ct/0.dcm")
    content = (tmp_path / "ct/0.dcm").read_bytes()
    assert content.count(b"5.25") == 1
    (tmp_path / "ct/0.dcm").write_bytes(content.replace(b"5.25", b"5,25"))
    with pytest.raises(InputError, match=r"ct: expected the thickness of its only slice as a number \(.*'5,25'\)"):
        read_itk(tmp_path / "ct")


def test_a_series_with_one_file_of_frames(tmp_path: Path) -> None:
    """The file with the frames need not be the first."""
    write_series(tmp_path / "ct", [0, 1, 2])
    dataset = pydicom.dcmread(tmp_path / "ct/2.dcm")
    dataset.NumberOfFrames, dataset.PixelData = 3, 3 * dataset.PixelData
    dataset.save_as(tmp_path / "ct/2.dcm")
    with pytest.raises(InputError, match=r"ct: expected one slice in a file, got 3 frames \(enhanced DICOM\)"):
        read_itk(tmp_path / "ct")


@pytest.mark.parametrize("read", [read_image, read_header])
def test_units_and_slopes(tmp_path: Path, read) -> None:
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5), np.int16))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"), useCompression=False)
    text = (tmp_path / "a.nrrd").read_bytes()
    for units, right in ((b'"mm" "mm" "mm"', True), (b'"um" "um" "um"', False)):
        (tmp_path / "a.nrrd").write_bytes(text.replace(b"endian:", b"space units: " + units + b"\nendian:", 1))
        if right:
            read(tmp_path / "a.nrrd")
        else:
            with pytest.raises(InputError, match=r'a\.nrrd: expected space units "mm"'):
                read(tmp_path / "a.nrrd")
    sitk.WriteImage(image, str(tmp_path / "a.mha"), useCompression=False)
    text = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(text.replace(b"NDims", b"ElementToIntensityFunctionSlope = 2\nNDims", 1))
    with pytest.raises(InputError, match=r"a\.mha: expected ElementToIntensityFunctionSlope 1"):
        read(tmp_path / "a.mha")
    (tmp_path / "a.mha").write_bytes(text.replace(b"NDims", b"ElementToIntensityFunctionSlope = 1.000\nNDims", 1))
    read(tmp_path / "a.mha")
