"""A DICOM series in, and results that open in annotators' tools out: the same voxels at the same place."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from monai.data import MetaTensor
from PIL import Image

pytest.importorskip("highdicom")

import highdicom
import pydicom
import SimpleITK

from common.datasets import InferenceInputs
from common.errors import InputError
from common.formats import Grid, SaveInFormatd, label_studio, read_dicom_seg, read_seg_nrrd, read_series
from common.formats.dicom_seg_writing import segment_code
from common.formats.save_result import write_in_format
from common.io import LoadCased
from common.transforms import SaveProbabilitiesd
from common.workflow import InferenceProgress
from common.workflow.inference_progress import weights_digest
from tests.common.formats.made_dicom import SLICES, affine, slices, write_enhanced, write_slices

BUNDLES = sorted(Path(__file__).parents[3].glob("bundles/*/configs/inference.yaml"))
NAMES = ["background", "liver", "kidney_right"]


def segmented(folder: Path, name: str, output_format: str | None) -> tuple[dict, np.ndarray]:
    """The item that an inference of the image ends with, whose probabilities say the classes; and the classes."""
    (item,) = InferenceInputs(folder / name, output_format=output_format, dimensions=(2, 3)).items
    item = LoadCased("image", channels=1)(item)
    classes = np.random.default_rng(0).integers(0, 3, item["image"].shape[1:])
    shares = torch.nn.functional.one_hot(torch.from_numpy(classes), 3).movedim(-1, 0).float()
    item["pred"] = MetaTensor(shares, meta=item["image"].meta)
    output = str(folder / "out")
    save = SaveInFormatd("pred", output, NAMES, "t_loss", output_format)
    return save(SaveProbabilitiesd("pred", output, NAMES[1:], True, False)(item)), classes


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A series with a structure set, a file of notes, and slices whose names run backwards."""
    folder = write_slices(tmp_path / "ct", slices())
    beside = slices()[0]
    beside.Modality, beside.SOPInstanceUID = "RTSTRUCT", "1.2.3"
    beside.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    beside.save_as(folder / "structures.dcm", enforce_file_format=True)
    return folder


@pytest.mark.file_format("DICOM SEG", "written", "by inference")
@pytest.mark.file_format("DICOM series", "read", "by inference")
def test_a_series_in_and_a_dicom_seg_out(tmp_path: Path, scan: Path) -> None:
    item, classes = segmented(tmp_path, "ct", "dicom_seg")
    series = read_series(scan)
    np.testing.assert_array_equal(item["image"][0], series.voxels)
    np.testing.assert_allclose(item["image"].affine, affine(), atol=1e-4)
    path = tmp_path / "out/ct_mask.dcm"
    ours = read_dicom_seg(path, series)
    assert list(ours.masks) == NAMES[1:] and not ours.problems

    theirs = highdicom.seg.segread(path)
    uids = [pydicom.dcmread(file).SOPInstanceUID for file in series.paths]
    masks = theirs.get_pixels_by_source_instance(uids)  # slices, rows, columns, segments
    for index, name in enumerate(NAMES[1:]):
        np.testing.assert_array_equal(ours.masks[name], classes == index + 1)
        np.testing.assert_array_equal(masks[..., index].T, classes == index + 1)
    described = theirs.get_segment_description(2)
    assert described.segmented_property_type.meaning == "Kidney" and described.segment_label == "kidney_right"
    assert described.algorithm_identification.name == "t_loss"
    assert theirs.ReferencedSeriesSequence[0].SeriesInstanceUID == series.series_uid

    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).ravel()  # without the bits of half a byte
    whole = frames.size // 8 * 8
    np.testing.assert_array_equal(frames[:whole] > 0, theirs.pixel_array.ravel()[:whole])
    shares = nib.load(tmp_path / "out/ct_probabilities.nii.gz")
    np.testing.assert_array_equal(np.argmax(shares.dataobj, -1), classes)
    np.testing.assert_allclose(shares.affine, affine(), atol=1e-4)


@pytest.mark.parametrize("count", [1, SLICES])
def test_a_series_of_one_slice_or_without_thickness_in_the_header(tmp_path: Path, count: int) -> None:
    made = slices()[:count]
    for dataset in made:
        dataset.SliceThickness = 2.5
        if count > 1:
            del dataset.SliceThickness  # positions say it
    write_slices(tmp_path / "ct", made)
    item, classes = segmented(tmp_path, "ct", "dicom_seg")
    series = read_series(tmp_path / "ct")
    np.testing.assert_allclose(item["image"].affine, series.affine, atol=1e-4)
    assert np.linalg.norm(series.affine[:3, 2]) == pytest.approx(2.5)
    masks = read_dicom_seg(tmp_path / "out/ct_mask.dcm", series).masks
    for index, name in enumerate(NAMES[1:], start=1):
        np.testing.assert_array_equal(masks[name], classes == index)
    if count == 1:
        assert float(item["summary"]["volume_mm3_liver"]) == pytest.approx((classes == 1).sum() * 1.5 * 0.75 * 2.5)


@pytest.mark.file_format(".seg.nrrd", "written", "by inference")
def test_a_volume_in_and_a_seg_nrrd_out(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.random.default_rng(1).random((4, 5, 3)), affine()), tmp_path / "a.nii.gz")
    _, classes = segmented(tmp_path, "a.nii.gz", "seg.nrrd")
    path = tmp_path / "out/a_mask.seg.nrrd"
    masks, problems = read_seg_nrrd(path, Grid((4, 5, 3), affine()))
    assert not problems and all(np.array_equal(masks[name], classes == k) for k, name in enumerate(NAMES) if k)
    image, mask = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(tmp_path / "out/a_mask.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), SimpleITK.GetArrayFromImage(mask))
    np.testing.assert_allclose(image.GetOrigin(), mask.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), mask.GetDirection(), atol=1e-4)
    assert image.GetMetaData("Segment1_Name") == "kidney_right" and image.GetMetaData("Segment1_Color")


@pytest.mark.file_format("Label Studio JSON", "written", "by inference")
def test_a_picture_in_and_pre_annotations_out(tmp_path: Path) -> None:
    Image.fromarray(np.arange(35, dtype=np.uint8).reshape(5, 7)).save(tmp_path / "a.png")
    _, classes = segmented(tmp_path, "a.png", "label_studio")
    (task,) = json.loads((tmp_path / "out/a_mask.json").read_text(encoding="utf-8"))
    assert "/" + parse_qs(urlparse(task["data"]["image"]).query)["d"][0] == str(tmp_path / "a.png")
    picture = tmp_path / "a & b#1+%20.png"
    picture.write_bytes((tmp_path / "a.png").read_bytes())
    named = dict(enumerate(NAMES))
    odd = write_in_format(tmp_path / "odd", "label_studio", classes, np.eye(4), named, picture, None)
    address = json.loads(odd.read_text(encoding="utf-8"))[0]["data"]["image"]
    assert "/" + parse_qs(urlparse(address).query)["d"][0] == str(picture)
    (prediction,) = task.pop("predictions")
    assert prediction["model_version"] == "t_loss"
    task["annotations"] = [{"completed_by": 1, "result": prediction["result"]}]
    (tmp_path / "done.json").write_text(json.dumps([task]), encoding="utf-8")
    (found,) = label_studio.read(tmp_path / "done.json", {"a": tmp_path / "a.png"}, print)
    assert all(np.array_equal(found.masks[name].T, classes == k) for k, name in enumerate(NAMES) if k)


@pytest.mark.parametrize(
    ("name", "output_format", "match"),
    [
        ("a.png", "seg.nrrd", r"a\.png: its result cannot be written as seg\.nrrd, which is for volumes"),
        ("a.nii", "dicom_seg", r"a\.nii: its result .* as dicom_seg, which is for folders of DICOM series"),
        ("ct", "label_studio", "ct: its result cannot be written as label_studio, which is for pictures"),
        ("a.png", "nifti", "output_format: expected seg.nrrd, dicom_seg, label_studio or null, got 'nifti'"),
        (
            "a.png",
            ["seg.nrrd"],
            "output_format: expected seg.nrrd, dicom_seg, label_studio or null, got \\['seg.nrrd'\\]",
        ),
    ],
)
def test_what_does_not_fit_is_said_at_once(scan: Path, name: str, output_format: str, match: str) -> None:
    Image.new("L", (4, 4)).save(scan.parent / "a.png")
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2)), np.eye(4)), scan.parent / "a.nii")
    with pytest.raises(InputError, match=match):
        InferenceInputs(scan.parent / name, output_format=output_format)


@pytest.mark.file_format(
    "DICOM series", "refused", "several series in a folder; by inference and training, enhanced DICOM"
)
def test_folders_of_series(tmp_path: Path, scan: Path) -> None:
    """Each is an image, or is named with what is wrong about it."""
    for folder, kept in (("gap", [0, 1, 3, 4]), ("p/deep", range(SLICES))):
        made = slices()
        write_slices(tmp_path / folder, [made[index] for index in kept])
    write_slices(tmp_path / "two", [slices()[0], slices()[1]])
    inputs = InferenceInputs(tmp_path)
    assert {item["case"]: item["image"] for item in inputs.items} == {
        "ct": str(scan),
        "p/deep": str(tmp_path / "p/deep"),
    }
    said = {Path(path).name: reason for path, reason in inputs.failures}
    assert "slices are missing, such as between" in said["gap"] and "it holds 2 DICOM series" in said["two"]
    assert cases_of_headers(tmp_path) == ["ct", "p/deep"]
    with pytest.raises(InputError, match="it is one file of DICOM, where the folder of a series was expected"):
        InferenceInputs(scan / "01.dcm")
    frames = slices(NumberOfFrames=5)[:1]
    with pytest.raises(InputError, match=r"01\.dcm: expected the place of each of its 5 frames, got 0"):
        InferenceInputs(write_slices(tmp_path / "frames", frames))
    with pytest.raises(InputError, match=r"frames in one file, enhanced DICOM: python -m common\.convert --images"):
        InferenceInputs(write_enhanced(tmp_path / "enhanced/a.dcm", slices()).parent)


def cases_of_headers(folder: Path) -> list[str]:
    return [item["case"] for item in InferenceInputs(folder, check_values=False).items]


@pytest.mark.parametrize("library", ["highdicom", "SimpleITK"])
def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    output_format = {"highdicom": "dicom_seg", "SimpleITK": "seg.nrrd"}[library]
    with pytest.raises(InputError, match=rf"--output_format {output_format} needs {library}.*'\.\[formats\]'"):
        SaveInFormatd("pred", "out", NAMES, "t_loss", output_format)


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.parents[1].name)
def test_every_bundle_writes_them(path: Path) -> None:
    """The last step of its post-processing, with the class names of the plan and the bundle's own name."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert config["output_format"] is None and config["inputs"]["output_format"] == "@output_format"
    assert config["postprocessing"]["transforms"][-1] == "@in_format"
    assert config["inferring"][-1] == "$@inputs.raise_failures(@in_format.failures)"
    assert config["in_format"] == {
        "_target_": "common.formats.SaveInFormatd",
        "keys": "pred",
        "output_dir": "@output_dir",
        "output_format": "@output_format",
        "class_names": "$@plan.class_names",
        "algorithm": path.parents[1].name,
        "keep_going": True,
    }


def test_a_slice_that_has_changed_is_segmented_anew(tmp_path: Path, scan: Path) -> None:
    item = {"case": "ct", "image": str(scan)}
    record = {"weights": weights_digest(torch.nn.ReLU()), "settings": {}}
    fresh = InferenceProgress([item], str(tmp_path / "out"), torch.nn.ReLU(), settings={})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/ct_mask.dcm").touch()
    record["cases"] = {"ct": {"image": fresh.images["ct"], "files": ["ct_mask.dcm"], "tables": {}}}
    (tmp_path / "out/inference.json").write_text(json.dumps(record), encoding="utf-8")
    assert not InferenceProgress([item], str(tmp_path / "out"), torch.nn.ReLU(), settings={}).items
    (scan / "01.dcm").write_bytes((scan / "01.dcm").read_bytes() + b"\0")
    assert InferenceProgress([item], str(tmp_path / "out"), torch.nn.ReLU(), settings={}).items == [item]


def test_codes_by_name() -> None:
    assert segment_code("Left ventricle").kind == ("87878005", "SCT", "Left ventricle")
    assert segment_code("edema").category[2] == "Morphologically Abnormal Structure"
    assert segment_code("foreground").kind[2] == "Tissue"
