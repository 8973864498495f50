"""The consensus as a file of the annotators' tool: read by the tool's library and by ours, voxel by voxel."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("highdicom")

import highdicom
import pydicom
import SimpleITK

from common.datasets import read_dataset
from common.errors import InputError
from common.formats import image_grid, read_dicom_seg, read_seg_nrrd, read_series, write_in_format
from common.formats.exports import read_export
from common.fuse import fuse
from tests.common.formats.made_dicom import affine, slices, write_slices

WHO = ("AR", "HS", "SG")
NAMES = {"background": 0, "kidney": 1, "liver": 4}
SHAPE = (7, 6, 5)


@pytest.fixture(autouse=True)
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the annotators is another subject, and takes seconds to draw."""
    monkeypatch.setattr("common.fuse.write_tables", lambda *_: [])


def drawn(seed: int = 0) -> np.ndarray:
    """(3, X, Y, Z): values 0, 1 and 4 of three annotators, two of whom agree everywhere; one corner nobody labeled."""
    first = np.random.default_rng(seed).choice([0, 1, 4], SHAPE)
    labels = np.stack([first, first, np.roll(first, 1, 0)]).astype(np.int16)
    labels[:, 0, 0, 0] = -1
    return labels


def volumes(root: Path, case: str, labels: np.ndarray) -> None:
    """A file by each annotator; that of the first is stored from right to left."""
    turn = np.diag([-1.0, 1, 1, 1])
    turn[0, 3] = SHAPE[0] - 1
    for name, label in zip(WHO, labels, strict=True):
        (root / name).mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(label[::-1], affine() @ turn), root / name / f"{case}.nii.gz")


def folders(root: Path) -> list[str]:
    return [str(root / name) for name in WHO]


@pytest.mark.file_format("DICOM SEG", "written", "by fusion")
def test_dicom_seg_on_the_series(tmp_path: Path) -> None:
    write_slices(tmp_path / "scans/p1", slices())
    volumes(tmp_path, "p1", drawn())
    volumes(tmp_path, "p2", drawn(1))  # of which there is no series
    options = {"output_format": "dicom_seg", "images": str(tmp_path / "scans"), "class_values": NAMES}
    with pytest.raises(InputError, match=r"1 of 2 cases could not be fused: p2: there is no image of it"):
        fuse(folders(tmp_path), str(tmp_path / "out"), "majority", **options)
    assert [path.name for path in (tmp_path / "out/labels").iterdir()] == ["p1.nii.gz"]
    path, series = tmp_path / "out/tool_files/p1.dcm", read_series(tmp_path / "scans/p1")
    ours, theirs = read_dicom_seg(path, series), highdicom.seg.segread(path)
    uids = [pydicom.dcmread(file).SOPInstanceUID for file in series.paths]
    masks = theirs.get_pixels_by_source_instance(uids)
    assert list(ours.masks) == ["kidney", "liver", "not labeled"] and not ours.problems
    for index, value in enumerate((1, 4, -1)):
        np.testing.assert_array_equal(masks[..., index].T, drawn()[0] == value)
        np.testing.assert_array_equal(list(ours.masks.values())[index], drawn()[0] == value)
    described = theirs.get_segment_description(2)
    assert described.algorithm_type.value == "SEMIAUTOMATIC" and described.algorithm_identification.name == "majority"
    assert described.segmented_property_type.meaning == "Liver"
    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).ravel()
    whole = frames.size // 8 * 8
    np.testing.assert_array_equal(frames[:whole] > 0, theirs.pixel_array.ravel()[:whole])


@pytest.mark.file_format(".seg.nrrd", "written", "by fusion")
def test_seg_nrrd_of_a_data_set_and_what_is_of_another_kind(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    volumes(data, "a", drawn())
    volumes(data, "beside", drawn(1))
    moved = affine()
    moved[0, 3] += 0.5
    (data / "images").mkdir()
    for case, place in (("a", affine()), ("beside", moved)):
        nib.save(nib.Nifti1Image(np.random.default_rng(2).random(SHAPE), place), data / f"images/{case}.nii.gz")
    for folder in ("images", *WHO):
        Image.fromarray(np.eye(4, dtype=np.uint8)).save(data / folder / "picture.png")
    with pytest.raises(InputError, match=r"2 of 3 cases .* beside: .*expected the voxels of .*beside.* picture: .*vol"):
        fuse(dataset_dir=str(data), output=str(out), method="majority", output_format="seg.nrrd", class_values=NAMES)
    assert sorted(path.name for path in out.glob("*/*.n*")) == ["a.nii.gz", "a.seg.nrrd"]
    masks, problems = read_seg_nrrd(out / "tool_files/a.seg.nrrd", image_grid(data / "images/a.nii.gz"))
    assert not problems and list(masks) == ["kidney", "liver", "not labeled"]
    assert all(
        np.array_equal(mask, drawn()[0] == value) for mask, value in zip(masks.values(), (1, 4, -1), strict=True)
    )
    image = SimpleITK.ReadImage(str(out / "tool_files/a.seg.nrrd"))
    scan = SimpleITK.ReadImage(str(data / "images/a.nii.gz"))
    np.testing.assert_allclose(image.GetOrigin(), scan.GetOrigin(), atol=1e-4)
    stored = SimpleITK.GetArrayFromImage(image).T
    np.testing.assert_array_equal(np.where(stored == 3, -1, np.array([0, 1, 4, 0])[stored]), drawn()[0])
    entries = json.loads((out / "datalist.json").read_text(encoding="utf-8"))["training"]
    assert [(entry["case"], entry["label"]) for entry in entries] == [("a", "labels/a.nii.gz")]


@pytest.mark.file_format("Label Studio JSON", "written", "by fusion")
def test_pre_annotations_and_a_data_set_in_sections(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for section, case in (("train", "b.1"), ("test", "c")):
        for name, plane in zip(("images", *WHO), (drawn()[0, :, :, 1], *drawn()[:, :, :, 1]), strict=True):
            (data / section / name).mkdir(parents=True)
            Image.fromarray((255 * (plane > 0)).astype(np.uint8).T).save(data / section / name / f"{case}.png")
    given = {"dataset_dir": str(data), "output": str(out), "method": "majority", "output_format": "label_studio"}
    fuse(**given, class_values={"background": 0, "oocyte": 255})
    expected = drawn()[0, :, :, 1] > 0
    for section, case in (("train", "b.1"), ("test", "c")):
        (task,) = json.loads((out / f"tool_files/{case}.json").read_text(encoding="utf-8"))
        assert "/" + unquote(task["data"]["image"].split("?d=")[1]) == str(data / section / f"images/{case}.png")
        (prediction,) = task.pop("predictions")
        task["annotations"] = [{"completed_by": 1, "result": prediction["result"]}]
        (tmp_path / "done.json").write_text(json.dumps([task]), encoding="utf-8")
        (found,) = read_export(tmp_path / "done.json", {case: data / section / f"images/{case}.png"}, [])
        assert prediction["model_version"] == "majority"
        np.testing.assert_array_equal(found.masks["oocyte"].T, expected)
    consensus = read_dataset(out / "datalist.json")
    assert [(item["case"], item["section"]) for item in consensus.items] == [("b.1", "training"), ("c", "test")]
    assert dict(consensus.class_names or {}) == {0: "background", 255: "oocyte"}
    for item in consensus.items:
        assert Path(item["image"]).is_file()
        np.testing.assert_array_equal(np.asarray(Image.open(item["label"])).T > 0, expected)

    edited = out / "tool_files/c.json"
    fuse(**given, class_values={"background": 0, "oocyte": 255})  # kept
    edited.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"c\.json: expected the file that was written, got one that was edited"):
        fuse(**given | {"output_format": None})
    assert edited.read_text(encoding="utf-8") == "[]" and not (out / "tool_files/b.1.json").exists()


def test_one_image(tmp_path: Path) -> None:
    volumes(tmp_path, "a", drawn())
    write_slices(tmp_path / "scan", slices())
    files = [str(tmp_path / name / "a.nii.gz") for name in WHO]
    given = {"method": "majority", "output_format": "dicom_seg", "images": str(tmp_path / "scan")}
    fuse(files, str(tmp_path / "one.nii.gz"), **given)
    masks = read_dicom_seg(tmp_path / "one.dcm", read_series(tmp_path / "scan")).masks
    np.testing.assert_array_equal(masks["4"], drawn()[0] == 4)
    (tmp_path / "scan/01.dcm").unlink()
    with pytest.raises(InputError, match=r"other\.dcm: expected the voxels of .*scan, got the size \(7, 6, 5\)"):
        fuse(files, str(tmp_path / "other.nii.gz"), **given)
    assert not list(tmp_path.glob("other*"))


@pytest.mark.parametrize("kind", ["folders", "files"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_format": "nifti"}, "output_format: expected seg.nrrd, dicom_seg, label_studio or null, got 'nifti'"),
        ({"output_format": "seg.nrrd", "method": "mean"}, "output_format: expected a method that gives labels"),
        ({"output_format": "dicom_seg"}, "there is no image of it, which dicom_seg needs; --images"),
        ({"output_format": "label_studio", "images": "scans"}, "scans/a.* as label_studio, which is for pictures"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(
    tmp_path: Path, kind: str, options: dict[str, str], message: str
) -> None:
    volumes(tmp_path, "a", drawn())
    write_slices(tmp_path / "scans/a", slices())
    labels, output, images = folders(tmp_path), tmp_path / "out", tmp_path / "scans"
    if kind == "files":
        labels, output, images = [f"{name}/a.nii.gz" for name in labels], tmp_path / "out.nii.gz", images / "a"
    given = options | {"images": str(images)} if "images" in options else options
    with pytest.raises(InputError, match=message):
        fuse(labels, str(output), **given)
    assert not list(tmp_path.glob("out*"))


def test_images_of_other_names_are_refused(tmp_path: Path) -> None:
    volumes(tmp_path, "a", drawn())
    given = {"output": str(tmp_path / "out"), "output_format": "seg.nrrd"}
    with pytest.raises(InputError, match="nowhere is no folder: expected one that holds images"):
        fuse(folders(tmp_path), **given, images=str(tmp_path / "nowhere"))
    write_slices(tmp_path / "scans/b", slices())
    with pytest.raises(InputError, match="scans: expected images of the names of the cases, such as a, got none"):
        fuse(folders(tmp_path), **given, images=str(tmp_path / "scans"))
    assert not (tmp_path / "out").exists()


def test_what_nobody_labeled_comes_back_from_label_studio(tmp_path: Path) -> None:
    Image.new("L", SHAPE[:2]).save(tmp_path / "a.png")
    places = tmp_path / "tasks", "label_studio", drawn()[0, :, :, 0], np.eye(4), {1: "one", 4: "four"}
    path = write_in_format(*places, tmp_path / "a.png", None)
    (task,) = json.loads(path.read_text(encoding="utf-8"))
    task["annotations"] = [{"completed_by": 1, "result": task.pop("predictions")[0]["result"]}]
    path.write_text(json.dumps([task]), encoding="utf-8")
    (found,) = read_export(path, {"a": tmp_path / "a.png"}, [])
    assert found.ignored is not None and sorted(found.masks) == ["four", "one"]
    np.testing.assert_array_equal(found.ignored.T, drawn()[0, :, :, 0] == -1)
    with pytest.raises(InputError, match=r"b\.json: expected the size \(7, 6\) of .*a\.png, got \(6, 7\)"):
        write_in_format(tmp_path / "b", "label_studio", np.ones((6, 7), int), *places[3:], tmp_path / "a.png", None)
