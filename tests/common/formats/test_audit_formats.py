"""Suspicious labels as files of the annotators' tool: the label as drawn, and what is likely to be false about it."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("highdicom")

import highdicom
import pydicom
import SimpleITK

from common.audit.__main__ import audit
from common.audit.inputs import LoadedCase
from common.audit.tool_files import MISSING, TOO_MUCH, write_suspicious
from common.convert import convert
from common.errors import InputError
from common.formats import image_grid, label_studio, read_dicom_seg, read_seg_nrrd, read_series
from common.io.files import read_csv
from tests.common.formats.made_dicom import affine, slices, write_slices

SHAPE = (7, 6, 5)
NAMES = ["background", "kidney", "liver"]
TURN = np.array([[-1.0, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def volume() -> tuple[np.ndarray, LoadedCase]:
    """The truth, and a case of which a liver is missing and a kidney too long; its voxels run from right to left."""
    truth, label = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.int16)
    truth[1:3, 1:4, 1:4], truth[4:6, 1:4, 1:4] = 1, 2
    label[1:3, 1:6, 1:4] = 1
    label[6, 5, 4] = -1
    maps = np.where(np.stack([truth == k for k in range(3)]), 0.98, 0.01).astype(np.float32)
    words = (("a", "b"),) * 3
    return label, LoadedCase(label[::-1], maps[:, ::-1], (1.5, 0.75, 2.5), affine() @ TURN, words, False)


def written(output: Path, image: Path, output_format: str) -> dict[str, str]:
    """Why the case was not written, if it was not."""
    label, case = volume()
    nib.save(nib.Nifti1Image(label[::-1], affine() @ TURN), output.parent / "p1.nii.gz")
    places = {"p1": output.parent / "p1.nii.gz"}, {"p1": image}
    return write_suspicious(output, ["p1"], lambda _: case, *places, 0.5, NAMES, output_format)


def expected() -> dict[str, np.ndarray]:
    label, _ = volume()
    missing, much = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    missing[4:6, 1:4, 1:4], much[1:3, 4:6, 1:4] = True, True
    return {"kidney": label == 1, "liver": label == 2, "not labeled": label == -1, MISSING: missing, TOO_MUCH: much}


@pytest.mark.file_format("DICOM SEG", "written", "by the audit: segments that overlap")
def test_dicom_seg(tmp_path: Path) -> None:
    write_slices(tmp_path / "p1", slices())
    assert not written(tmp_path / "audit", tmp_path / "p1", "dicom_seg")
    path, series = tmp_path / "audit/tool_files/p1.dcm", read_series(tmp_path / "p1")
    ours, theirs = read_dicom_seg(path, series), highdicom.seg.segread(path)
    uids = [pydicom.dcmread(file).SOPInstanceUID for file in series.paths]
    masks = theirs.get_pixels_by_source_instance(uids)
    assert list(ours.masks) == list(expected()) and not ours.problems
    for index, (name, mask) in enumerate(expected().items()):
        np.testing.assert_array_equal(ours.masks[name], mask)
        np.testing.assert_array_equal(masks[..., index].T, mask)
    kinds = [theirs.get_segment_description(number).algorithm_type.value for number in (1, 4)]
    assert kinds == ["MANUAL", "SEMIAUTOMATIC"]
    assert theirs.get_segment_description(5).algorithm_identification.name == "audit"


@pytest.mark.file_format(".seg.nrrd", "written", "by the audit: layers that overlap")
def test_seg_nrrd_and_back_without_the_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scans").mkdir()
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random(SHAPE), affine()), tmp_path / "scans/p1.nii.gz")
    assert not written(tmp_path / "audit", tmp_path / "scans/p1.nii.gz", "seg.nrrd")
    path = tmp_path / "audit/tool_files/p1.seg.nrrd"
    masks, problems = read_seg_nrrd(path, image_grid(tmp_path / "scans/p1.nii.gz"))
    image = SimpleITK.ReadImage(str(path))
    layers = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0, 3)
    assert list(masks) == list(expected()) and not problems and layers.shape[3] == 3
    for index, (name, mask) in enumerate(expected().items()):
        np.testing.assert_array_equal(masks[name], mask)
        layer, value = (int(image.GetMetaData(f"Segment{index}_{field}")) for field in ("Layer", "LabelValue"))
        np.testing.assert_array_equal(layers[..., layer] == value, mask)
    convert(str(tmp_path / "scans"), str(tmp_path / "data"), {"AR": str(path)})
    label = np.asarray(nib.Nifti1Image.from_filename(tmp_path / "data/AR/p1.nii.gz").dataobj)
    np.testing.assert_array_equal(label, np.where(volume()[0] == -1, 255, volume()[0]))
    assert "Segments that an audit added (audit: …) are not classes; left out: 2." in capsys.readouterr().out


@pytest.mark.file_format("Label Studio JSON", "written", "by the audit")
def test_the_command_on_pictures(tmp_path: Path) -> None:
    """One label of ten lies elsewhere; the file of a corrected label is taken away, an edited one is kept."""
    for case in range(10):
        truth = np.zeros((24, 20), bool)
        truth[4 : 12 + case % 3, 5:15] = True
        label = truth if case != 3 else np.roll(truth, 11, 0)
        for folder, plane in (("labels", 255 * label), ("maps", np.where(truth, 247, 8)), ("images", 200 * truth)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(plane.astype(np.uint8).T).save(tmp_path / folder / f"{case}.png")
    folders = [str(tmp_path / name) for name in ("labels", "maps", "audit")]
    with pytest.raises(InputError, match="0 and all other cases: there is no image of it, which label_studio needs"):
        audit(*folders, output_format="label_studio")
    given = {"images": str(tmp_path / "images"), "class_names": ["background", "disc"], "output_format": "label_studio"}
    audit(*folders, **given)
    suspicious = [row["case"] for row in read_csv(tmp_path / "audit/audit.csv") if row["status"] == "suspicious"]
    path = tmp_path / "audit/tool_files/3.json"
    assert suspicious == ["3"] and list(path.parent.iterdir()) == [path]
    (task,) = json.loads(path.read_text(encoding="utf-8"))
    task["annotations"] = [{"completed_by": 1, "result": task.pop("predictions")[0]["result"]}]
    (tmp_path / "done.json").write_text(json.dumps([task]), encoding="utf-8")
    (found,) = label_studio.read(tmp_path / "done.json", {"3": tmp_path / "images/3.png"}, print)
    label, truth = (np.asarray(Image.open(tmp_path / name / "3.png")) > 99 for name in ("labels", "maps"))
    np.testing.assert_array_equal(found.masks["disc"], label)
    np.testing.assert_array_equal(found.masks[MISSING], truth & ~label)
    np.testing.assert_array_equal(found.masks[TOO_MUCH], label & ~truth)

    wrong = (tmp_path / "labels/3.png").read_bytes()
    Image.fromarray((255 * truth).astype(np.uint8)).save(tmp_path / "labels/3.png")
    audit(*folders, **given)
    assert not path.exists()
    (tmp_path / "labels/3.png").write_bytes(wrong)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"1 of 1 suspicious labels were not written: 3 \(.*3\.json is kept, since it"):
        audit(*folders, **given)
    assert path.read_text(encoding="utf-8") == "[]"


def test_a_case_beside_its_image_is_named(tmp_path: Path) -> None:
    moved = affine()
    moved[1, 3] += 0.5
    nib.save(nib.Nifti1Image(np.ones(SHAPE), moved), tmp_path / "scan.nii.gz")
    said = written(tmp_path / "audit", tmp_path / "scan.nii.gz", "seg.nrrd")
    assert "expected the voxels of" in said["p1"] and not (tmp_path / "audit/tool_files").exists()
