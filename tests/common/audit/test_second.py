"""What a second audit says, pairs of exchanged files, and maps of false labels."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from common.audit import audit_folders, read_audit
from common.errors import InputError
from common.io.files import read_csv

CASES = 12


def mask(case: int) -> np.ndarray:
    label = np.zeros((40, 40), bool)
    label[4 + 2 * case % 13 : 14 + 2 * case % 13, 6 + case : 20 + case] = True
    return label


def save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((array.T * 255).astype(np.uint8)).save(path)


@pytest.fixture
def exchanged(tmp_path: Path) -> Path:
    """The files of 02 and 08 are exchanged; networks are sure of the truth."""
    for case in range(CASES):
        save(mask({2: 8, 8: 2}.get(case, case)), tmp_path / f"labels/{case:02}.png")
        save(mask(case) * 0.94 + 0.03, tmp_path / f"maps/{case:02}.png")
    return tmp_path


def test_exchanged_labels_of_files_with_other_axes(tmp_path: Path) -> None:
    """Where a label lies counts, not in which order its file has the voxels."""
    for case in range(CASES):
        turn = nib.orientations.axcodes2ornt(("RAS", "SLP", "ARS")[case % 3])
        for folder, drawn in (("labels", {2: 9, 9: 2}.get(case, case)), ("maps", case)):
            solid = np.zeros((40, 40, 12), np.float32)
            solid[..., 3:9] = mask(drawn)[..., None]
            image = nib.Nifti1Image(solid if folder == "labels" else solid * 0.98 + 0.001, np.eye(4))
            (tmp_path / folder).mkdir(exist_ok=True)
            nib.save(image.as_reoriented(turn), tmp_path / folder / f"{case:02}.nii.gz")
    summary = audit_folders(tmp_path / "labels", [tmp_path / "maps"], tmp_path / "audit", border_mm=0.5)["summary"]
    assert summary["exchanged"] == [("02", "09")]


def test_a_label_far_off_is_named_even_if_it_is_not_suspicious(exchanged: Path) -> None:
    """One wrong label among few may pass for the end of a long tail."""
    save(mask(11), exchanged / "labels/00.png")
    options = {"border_mm": 0.5, "suspicious": 1.0}
    summary = audit_folders(exchanged / "labels", [exchanged / "maps"], exchanged / "audit", **options)["summary"]
    assert summary["suspicious"] == 0 and summary["far_off"] == ["00"]
    assert "Not suspicious, but with an expected Dice below one half: 00." in summary["advice"]


def test_exchanged_files_and_what_a_second_audit_says(exchanged: Path) -> None:
    labels, maps = exchanged / "labels", exchanged / "maps"
    first = audit_folders(labels, [maps], exchanged / "first", border_mm=0.5)
    assert first["summary"]["exchanged"] == [("02", "08")]
    rows = {row["case"]: row for row in read_csv(exchanged / "first/audit.csv")}
    assert (rows["02"]["exchanged_with"], rows["08"]["exchanged_with"]) == ("08", "02")
    assert float(rows["02"]["wrong_probability"]) > 0.9 > 0.2 > float(rows["05"]["wrong_probability"])
    assert float(rows["02"]["expected_dice"]) < 0.6 < 0.95 < float(rows["05"]["expected_dice"])

    save(mask(2), labels / "02.png")  # corrected
    save(mask(11), labels / "05.png")  # spoiled
    (labels / "11.png").unlink()
    second = audit_folders(
        labels, [maps], exchanged / "second", border_mm=0.5, previous=exchanged / "first", maps_of_false_labels=True
    )
    changes = second["summary"]["changes"]
    assert changes["changed"] == ["05", "02"] and changes["gone"] == ["11"] and changes["added"] == []
    assert (changes["cleared"], changes["still"], changes["new"]) == (["02"], ["08"], ["05"])
    assert "Since the previous audit 2 labels have changed." in changes["said"]
    assert changes["said"] in (exchanged / "second/audit.html").read_text(encoding="utf-8")
    rows = {row["case"]: row for row in read_csv(exchanged / "second/audit.csv")}
    assert rows["02"]["previous_status"] == "suspicious" and rows["02"]["changed"] == "True"
    assert float(rows["02"]["previous_expected_dice"]) < float(rows["02"]["expected_dice"])

    false = np.asarray(Image.open(exchanged / "second/false_labels/05.png")).T / 255
    assert false[mask(5) & ~mask(11)].mean() > 0.6 and false[:3].mean() < 0.05


def test_maps_of_volumes_have_the_geometry_of_the_label(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1.5, 3.0, 1.0])
    (tmp_path / "labels").mkdir()
    (tmp_path / "maps").mkdir()
    for case in range(3):
        label = np.zeros((16, 14, 8), np.uint8)
        label[3 + case : 10, 4:11, 2:6] = 1
        nib.save(nib.Nifti1Image(label, affine), tmp_path / f"labels/{case}.nii.gz")
        nib.save(nib.Nifti1Image(label * 0.9 + 0.05, affine), tmp_path / f"maps/{case}.nii.gz")
    options = {"border_mm": 0.5, "maps_of_false_labels": True}
    audit_folders(tmp_path / "labels", [tmp_path / "maps"], tmp_path / "audit", **options)
    written = nib.load(tmp_path / "audit/false_labels/1.nii.gz")
    np.testing.assert_array_equal(written.affine, affine)
    assert written.shape == (16, 14, 8) and 0 <= written.get_fdata().min() < written.get_fdata().max() < 0.5
    (tmp_path / "audit/false_labels/1.nii.gz").unlink()
    audit_folders(tmp_path / "labels", [tmp_path / "maps"], tmp_path / "audit", **options)
    assert (tmp_path / "audit/false_labels/1.nii.gz").is_file(), "it is made again though the case is finished"


def test_what_is_no_previous_audit(tmp_path: Path) -> None:
    older = {"case": "a", "label_digest": "0f"}  # of the label as its file has it
    (tmp_path / "audit.json").write_text(json.dumps({"cases": [older]}), encoding="utf-8")
    with pytest.raises(InputError, match="expected an audit by this version, got an older one"):
        read_audit(tmp_path)
    (tmp_path / "audit.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as an audit"):
        read_audit(tmp_path)
