"""Radiographs, photographs and other pictures in DICOM: their values as shown, and the data set that they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.convert import convert
from common.datasets import InferenceInputs
from common.errors import InputError
from common.formats import is_dicom_picture, read_dicom_picture, read_series, write_dicom_picture

pydicom = pytest.importorskip("pydicom")
DIGITAL_XRAY, CT = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"


def write(path: Path, pixels: np.ndarray, modality: str = "DX", **elements: Any) -> Path:
    """A DICOM file of uncompressed pixels, ``(H, W)`` or ``(H, W, 3)``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT if modality == "CT" else DIGITAL_XRAY
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = pydicom.uid.generate_uid(), "1.2.840.10008.1.2.1"
    image = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    image.Modality, image.Rows, image.Columns = modality, *pixels.shape[:2]
    image.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    image.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8 * pixels.itemsize
    image.PixelRepresentation = int(pixels.dtype.kind == "i")
    if pixels.ndim == 3:
        image.PlanarConfiguration = 0
    for name, value in elements.items():
        setattr(image, name, value)
    image.HighBit = image.BitsStored - 1
    image.PixelData = pixels.tobytes()
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("stored", "elements", "shown"),
    [
        (np.array([[0, 4095], [7, 100]], np.uint16), {"BitsStored": 12}, np.array([[0, 4095], [7, 100]], np.uint16)),
        (
            np.array([[0, 4095], [7, 100]], np.uint16),
            {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1"},
            np.array([[4095, 0], [4088, 3995]], np.uint16),
        ),
        (np.array([[0, 255]], np.uint8), {}, np.array([[0, 255]], np.uint8)),
        (np.array([[7 + 4096, 9]], np.uint16), {"BitsStored": 12}, np.array([[7, 9]], np.uint16)),  # an overlay's bit
        (np.array([[1, 3]], np.uint16), {"RescaleSlope": 2, "RescaleIntercept": 5}, np.array([[7, 11]], np.uint16)),
        (np.array([[1, 3]], np.uint16), {"RescaleSlope": 0.5, "RescaleIntercept": 0}, np.array([[0.5, 1.5]], "f4")),
        (np.array([[-3, 2]], np.int16), {}, np.array([[-3, 2]], "f4")),
        (
            np.array([[-2048, 2047]], np.int16),  # of a signed file of 12 bits the lowest and the highest value
            {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 1, "RescaleIntercept": 2048},
            np.array([[4095, 0]], np.uint16),
        ),
    ],
)
@pytest.mark.file_format("DICOM pictures", "read", "slope and intercept; inverted gray (MONOCHROME1)")
@pytest.mark.file_format("DICOM pictures", "written", "as PNG, other than whole numbers as TIFF")
def test_gray_values_are_those_that_are_shown(
    tmp_path: Path, stored: np.ndarray, elements: dict[str, Any], shown: np.ndarray
) -> None:
    path = write(tmp_path / "a.dcm", stored, **elements)
    found = read_dicom_picture(path)
    assert found.dtype == shown.dtype and np.array_equal(found, shown)
    written = write_dicom_picture(tmp_path / "a", found)
    again = tifffile.imread(written) if written.suffix == ".tif" else np.asarray(Image.open(written))
    assert np.array_equal(again, shown)


@pytest.mark.file_format("DICOM pictures", "read", "colors, of palettes and YBR too")
def test_colors(tmp_path: Path) -> None:
    colors = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(read_dicom_picture(write(tmp_path / "a.dcm", colors, modality="XC")), colors)
    red, green, blue = (np.array(values, np.uint16) << 8 for values in ([0, 255, 9], [0, 1, 8], [0, 2, 7]))
    palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, values in (("Red", red), ("Green", green), ("Blue", blue)):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [3, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = values.tobytes()
    indices = np.array([[0, 1], [2, 1]], np.uint8)
    found = read_dicom_picture(write(tmp_path / "b.dcm", indices, modality="US", **palette))
    assert np.array_equal(found, np.array([[0, 0, 0], [255, 1, 2], [9, 8, 7]], np.uint8)[indices])
    gray_in_ybr = np.stack([np.array([[10, 200]], np.uint8), *2 * [np.full((1, 2), 128, np.uint8)]], -1)
    path = write(tmp_path / "c.dcm", gray_in_ybr, modality="ES", PhotometricInterpretation="YBR_FULL")
    assert np.array_equal(read_dicom_picture(path), np.repeat(gray_in_ybr[..., :1], 3, -1))


@pytest.mark.parametrize("compression", ["JPEG", "JPEG2000"])
@pytest.mark.file_format("DICOM pictures", "read", "compressed: lossless JPEG, JPEG 2000")
@pytest.mark.file_format("DICOM pictures", "tested against", "SimpleITK")
@pytest.mark.file_format("DICOM series", "read", "compressed: lossless JPEG, JPEG 2000")
def test_compressed_files(tmp_path: Path, compression: str) -> None:
    """Written by SimpleITK; the same file is a picture without a place, and a slice with one."""
    sitk = pytest.importorskip("SimpleITK")
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 56)).astype(np.uint16)
    image = sitk.GetImageFromArray(pixels[None])
    image.SetMetaData("0008|0060", "DX")
    image.SetMetaData("0008|0016", DIGITAL_XRAY)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "a.dcm"))
    writer.UseCompressionOn()
    writer.SetCompressor(compression)
    writer.Execute(image)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    assert dataset.file_meta.TransferSyntaxUID.is_compressed
    assert is_dicom_picture(tmp_path / "a.dcm") and np.array_equal(read_dicom_picture(tmp_path / "a.dcm"), pixels)
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 2
    dataset.save_as(tmp_path / "b.dcm")
    voxels = read_series([tmp_path / "b.dcm"]).voxels
    assert voxels is not None and np.array_equal(voxels[:, :, 0], pixels.T)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless"])
@pytest.mark.file_format("DICOM pictures", "read", "compressed: RLE, JPEG-LS")
def test_files_that_pydicom_compresses(tmp_path: Path, syntax: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 56)).astype(np.uint16)
    dataset = pydicom.dcmread(write(tmp_path / "a.dcm", pixels, BitsStored=12))
    dataset.compress(getattr(pydicom.uid, syntax))
    dataset.save_as(tmp_path / "a.dcm")
    assert np.array_equal(read_dicom_picture(tmp_path / "a.dcm"), pixels)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"NumberOfFrames": 2}, "expected one picture, got 2 frames that have no place"),
        ({"ModalityLUTSequence": [pydicom.Dataset()]}, "lookup table of values"),
        ({"Rows": 40}, "its pixels cannot be decoded"),
    ],
)
@pytest.mark.file_format("DICOM pictures", "refused", "films, lookup tables, damaged files")
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, elements: dict[str, Any], reason: str) -> None:
    path = write(tmp_path / "a.dcm", np.ones((2, 3), np.uint16), **elements)
    with pytest.raises(InputError, match=rf"a\.dcm: .*{reason}"):
        read_dicom_picture(path)


def test_a_slice_without_a_place_is_no_picture(tmp_path: Path) -> None:
    assert is_dicom_picture(write(tmp_path / "a.dcm", np.ones((2, 3), np.uint16)))
    assert not is_dicom_picture(write(tmp_path / "b.dcm", np.ones((2, 3), np.uint16), modality="CT"))
    placed = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    assert not is_dicom_picture(write(tmp_path / "c.dcm", np.ones((2, 3), np.uint16), modality="OT", **placed))
    (tmp_path / "d.png").write_bytes(b"")
    assert not is_dicom_picture(tmp_path / "d.png") and not is_dicom_picture(tmp_path)


@pytest.mark.file_format("DICOM pictures", "read", "by common.convert, of any folders, with exports and masks")
def test_an_archive_of_radiographs_becomes_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files beside one another, a folder for each as a PACS writes them, and two in a folder."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    places = ("a.dcm", "P2/1.2.3/1.2.3.4/1.2.3.4.5", "P3/s1/i1.dcm", "P3/s2/i1.dcm", "P4/front.dcm", "P4/side.dcm")
    for number, place in enumerate(places):
        write(tmp_path / "scans" / place, pixels + number)
    convert(str(tmp_path / "scans"), str(tmp_path / "data"))
    found = {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / "data/images").iterdir()}
    names = ("a", "P2", "P3_s1", "P3_s2", "P4_front", "P4_side")
    assert found.keys() == set(names)
    assert all(np.array_equal(found[name], pixels + number) for number, name in enumerate(names))
    assert "6 of 6 images, 0 of them DICOM series, 6 DICOM pictures" in capsys.readouterr().out


def test_what_was_drawn_on_radiographs(tmp_path: Path) -> None:
    """COCO names the files of DICOM; a file that cannot be read does not stop the others."""
    write(tmp_path / "scans/a.dcm", np.ones((6, 8), np.uint16))
    write(tmp_path / "scans/b.dcm", np.ones((6, 8), np.uint16), Rows=60)
    content = {
        "images": [{"id": 1, "file_name": "a.dcm", "height": 6, "width": 8}],
        "categories": [{"id": 1, "name": "lung"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]]}],
    }
    (tmp_path / "anna.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"b\.dcm: its pixels cannot be decoded"):
        convert(str(tmp_path / "scans"), str(tmp_path / "data"), exports=str(tmp_path / "anna.json"))
    drawn = np.zeros((6, 8), np.uint8)
    drawn[1:4, 2:6] = 1
    assert np.array_equal(np.asarray(Image.open(tmp_path / "data/anna/a.png")), drawn)
    assert np.asarray(Image.open(tmp_path / "data/images/a.png")).dtype == np.uint16

    (tmp_path / "masks").mkdir()
    Image.fromarray(drawn * 255).save(tmp_path / "masks/a.png")
    images, masks = f"{tmp_path}/scans/{{case}}.dcm", f"lung={tmp_path}/masks/{{case}}.png"
    with pytest.raises(InputError, match="the rest was written"):
        convert(images, str(tmp_path / "joined"), masks=masks)
    (label,) = [path for path in (tmp_path / "joined").glob("*/a.png") if path.parent.name != "images"]
    assert np.array_equal(np.asarray(Image.open(label)), drawn)


def test_inference_says_what_to_do_with_them(tmp_path: Path) -> None:
    path = write(tmp_path / "scans/a.dcm", np.ones((6, 8), np.uint16))
    write(tmp_path / "scans/b.dcm", np.ones((6, 8), np.uint16))
    for source in (path, path.parent):
        with pytest.raises(InputError, match=r"radiographs or other pictures in DICOM: python -m common\.convert"):
            InferenceInputs(str(source))
