"""Cases of files of every kind, as they are read and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from common.checking.collect import CaseFiles, collect_cases, read_case
from common.checking.examine import CaseRecord, compare_cases, examine_case
from common.datasets.plan import example_plan
from common.io.regions import Region

MASKS = replace(example_plan(), labels={"": {"values": {"0": 0, "255": 1}}})
CLASSES = replace(example_plan(), labels={"": {"values": {"0": 0, "1": 1}}})
BONES = replace(example_plan(), class_names=("background", "femur", "tibia"))


def volume(path: Path, values: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 1.0, 3.0, 1.0])), path)
    return str(path)


def picture(path: Path, values: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (6, 5, 4)).astype(np.int16)


def test_slices_of_a_volume_are_one_case_in_each_section():
    items = [{"image": "a.nii", "label": "b.nii", "case": f"a_{k}", "volume": "a", "slice": k} for k in range(3)]
    cases = collect_cases({"training": items, "test": items[:1]})
    assert [(case.section, case.name, len(case.items)) for case in cases] == [("training", "a", 3), ("test", "a", 1)]
    simulated = collect_cases({"training": [{"image": ["a", "b"], "annotators": ["good"], "case": "c"}]})
    assert simulated[0].images == ("a", "b") and not simulated[0].annotators


def test_one_damaged_file_hides_nothing_else(tmp_path, noise):
    (tmp_path / "bad.png").write_text("no picture")
    files = {"AR": picture(tmp_path / "AR.png", 255 * (noise[..., 0] > 90)), "HS": str(tmp_path / "bad.png")}
    case = CaseFiles("training", "a", (picture(tmp_path / "a.png", noise[..., 0]),), annotators=files)
    record = examine_case(case, MASKS)
    assert [(found.kind, found.file, found.unusable) for found in record.findings] == [
        ("unreadable", files["HS"], True)
    ]
    assert record.shape == (5, 6) and record.voxel is None and record.unit == 1
    assert record.annotators["AR"].sizes == {1: int((noise[..., 0] > 90).sum())} and "HS" not in record.annotators


def test_volumes_have_sizes_in_mm3(tmp_path, noise):
    labels = {"label": volume(tmp_path / "l.nii.gz", (noise > 150).astype(np.uint8))}
    case = CaseFiles("training", "a", (volume(tmp_path / "i.nii.gz", noise),), labels)
    record = examine_case(case, CLASSES)
    assert record.findings == [] and record.shape == (6, 5, 4) and record.voxel == (1.0, 1.0, 3.0)
    assert record.labels["label"].sizes[1] * record.unit == pytest.approx(3 * (noise > 150).sum())
    assert (record.lowest, record.highest) == (noise.min(), noise.max())


def test_annotators_are_compared_and_an_empty_one_is_no_fault(tmp_path, noise):
    left, empty = np.zeros((6, 5)), np.zeros((6, 5))
    left[:, :2] = 255
    files = {
        "AR": picture(tmp_path / "AR.png", left),
        "HS": picture(tmp_path / "HS.png", np.roll(left, 1, axis=1)),
        "SG": picture(tmp_path / "SG.png", empty),
    }
    case = CaseFiles("training", "a", (picture(tmp_path / "a.png", noise[..., 0]),), annotators=files)
    record = examine_case(case, MASKS)
    assert record.findings == []
    assert record.agreement == {("AR", "HS"): 0.5, ("AR", "SG"): 0.0, ("HS", "SG"): 0.0}
    case.annotators = {"SG": files["SG"]}
    assert [found.kind for found in examine_case(case, MASKS).findings] == ["empty label"]


def test_regions_are_class_maps_of_readers(tmp_path, noise):
    marked = (Region("a", "AR", 1, "tibia", 0, 0, 2, 3), Region("a", "HS"))
    case = CaseFiles("training", "a", (volume(tmp_path / "i.nii.gz", noise),), regions=marked)
    record = examine_case(case, BONES)
    assert record.annotators["AR"].sizes == {1: 0, 2: 6} and record.annotators["HS"].sizes == {1: 0, 2: 0}
    assert record.findings == [] and record.agreement == {("AR", "HS"): 0.0}
    case.regions = (Region("a", "AR", 9, "tibia", 0, 0, 2, 3),)
    (found,) = read_case(case, BONES).findings
    assert found.unusable and "ends outside the image" in found.message


def test_modalities_must_share_their_grid_and_be_complete(tmp_path, noise):
    images = (volume(tmp_path / "t1.nii", noise), volume(tmp_path / "t2.nii", noise[1:]))
    record = examine_case(CaseFiles("training", "a", images), replace(MASKS, channels=2))
    assert [(found.kind, found.file) for found in record.findings] == [("shape", images[1])]
    record = examine_case(CaseFiles("training", "a", images[:1]), replace(MASKS, channels=2))
    assert "1 channels where 2 is expected" in record.findings[0].message


def test_what_only_all_cases_show(tmp_path, noise):
    records = [
        examine_case(CaseFiles(section, name, (volume(tmp_path / f"{name}.nii", values),)), MASKS)
        for section, name, values in [
            ("training", "a", noise),
            ("training", "b", noise),
            ("training", "c", noise + 1),
            ("test", "d", noise + 1),
            ("test", "e", noise[..., 0]),
            ("test", "f", noise + 2),
        ]
    ]
    compare_cases(records)
    found = {record.case.name: [finding.kind for finding in record.findings] for record in records}
    assert found == {
        "a": ["duplicate"],
        "b": ["duplicate"],
        "c": ["in two sections"],
        "d": ["in two sections"],
        "e": ["shape"],
        "f": [],
    }
    assert "d (test)" in records[2].findings[0].message and not records[2].unusable
    assert records[4].unusable
    compare_cases([])


def test_names_of_two_visits_in_two_sections(noise):
    """Where the data set says whose a case is, names do not matter."""
    names = {"01_a": "training", "02_a": "training", "03_a": "training", "01_b": "test", "02_b": "training"}
    for subject, expected in ((None, {"01_a", "01_b"}), ("somebody", set())):
        items = [{"subject": subject}] if subject else []
        records = [CaseRecord(CaseFiles(section, name, (), items=items)) for name, section in names.items()]
        compare_cases(records)
        found = {record.case.name: record.findings for record in records if record.findings}
        assert found.keys() == expected
    assert not any(finding.unusable for findings in found.values() for finding in findings)


def test_values_of_a_nrrd_mean_what_the_plan_says(tmp_path, noise):
    sitk = pytest.importorskip("SimpleITK")
    for name, values in (("image", noise), ("label", np.where(noise > 150, 255, 0).astype(np.uint8))):
        sitk.WriteImage(sitk.GetImageFromArray(values), tmp_path / f"{name}.nrrd")
    case = CaseFiles("training", "a", (f"{tmp_path}/image.nrrd",), {"label": f"{tmp_path}/label.nrrd"})
    record = examine_case(case, MASKS)
    assert record.findings == [] and record.labels["label"].sizes == {1: int((noise > 150).sum())}
    (found,) = examine_case(case, CLASSES).findings
    assert (found.kind, found.unusable, found.file) == ("label values", True, case.labels["label"])
    assert f"expected the values 0, 1, got 255 ({(noise > 150).sum()} voxels)" in found.message


def test_series_and_their_labels_lie_on_one_grid(tmp_path, noise):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(noise)
    image.SetSpacing((2.0, 1.0, 1.0))
    sitk.WriteImage(image, tmp_path / "image.nrrd")
    label = sitk.Cast(image > 150, sitk.sitkUInt8)
    sitk.WriteImage(label[:, :, 1:3], tmp_path / "label.nrrd")  # of some of the slices
    case = CaseFiles("training", "a", (f"{tmp_path}/image.nrrd",), {"label": f"{tmp_path}/label.nrrd"})
    record = examine_case(case, CLASSES)
    assert record.findings == [] and record.unit == 2
    assert record.labels["label"].sizes == {1: int((noise[1:3] > 150).sum())}
    label.SetSpacing((2.1, 1.0, 1.0))
    sitk.WriteImage(label, tmp_path / "label.nrrd")
    (found,) = examine_case(case, CLASSES).findings
    assert found.unusable and "its voxels are not the image's" in found.message and found.file == case.labels["label"]
