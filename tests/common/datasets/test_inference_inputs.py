"""Files, folders and lists as inputs: what is good is listed, what is not is named."""

from __future__ import annotations

import json
import logging
import unicodedata
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dataset_files import cases, picture, volume
from PIL import Image

from common.datasets import InferenceInputs
from common.errors import InputError


def said(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """By us: where MONAI lacks an optional decoder it says so, too, once in a process."""
    return [record for record in caplog.records if record.name.startswith("common.")]


@pytest.mark.parametrize("name", ["a.png", "b.JPG", "c.jpeg", "d.nii", "e.nii.gz"])
def test_a_single_file(tmp_path, name):
    path = (volume if ".nii" in name else picture)(tmp_path / name)
    inputs = InferenceInputs(path)
    assert inputs.items == [{"image": path, "case": name[0]}]
    assert inputs.failures == []
    inputs.raise_failures()


def test_a_folder_is_searched_with_its_subfolders_in_order(tmp_path):
    picture(tmp_path / "z.png")
    picture(tmp_path / "b" / "x.v2.jpg")
    volume(tmp_path / "a" / "deep" / "y.nii.gz")
    picture(tmp_path / ".cache" / "hidden.png")
    picture(tmp_path / "._z.png")
    (tmp_path / "notes.txt").write_text("not an image")
    inputs = InferenceInputs(tmp_path)
    assert cases(inputs) == ["a/deep/y", "b/x.v2", "z"]
    assert inputs.failures == []
    assert len(inputs) == 3


def test_a_python_list_of_paths_and_items(tmp_path):
    one, two = picture(tmp_path / "p1" / "scan.png"), picture(tmp_path / "p2" / "scan.png")
    inputs = InferenceInputs([one, {"image": two, "label": "ignored"}])
    assert inputs.items == [{"image": one, "case": "p1/scan"}, {"image": two, "case": "p2/scan"}]


@pytest.mark.parametrize(
    "datalist", [["p/a.png", "b.nii"], [{"image": "p/a.png"}, "b.nii"], {"testing": [{"image": "./p/a.png"}, "b.nii"]}]
)
def test_the_paths_of_a_datalist_file_are_relative_to_it(tmp_path, datalist):
    picture(tmp_path / "p" / "a.png")
    volume(tmp_path / "b.nii")
    (tmp_path / "list.json").write_text(json.dumps(datalist))
    inputs = InferenceInputs(str(tmp_path / "list.json"))
    assert cases(inputs) == ["p/a", "b"]
    assert inputs.items[0]["image"] == str(tmp_path / "p" / "a.png")


def broken_files(folder: Path) -> dict[str, str]:
    """Files that cannot be segmented, and what must be said about each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.png").write_text("just text")
    (folder / "empty.jpg").touch()
    (folder / "text.nii.gz").write_text("just text")
    (folder / "zero.nii").touch()
    Image.effect_noise((64, 64), 50).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:900])
    for name in ("cut_volume.nii", "cut_archive.nii.gz"):
        nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(size=(20, 20, 20)), np.eye(4)), folder / name)
        (folder / name).write_bytes((folder / name).read_bytes()[:9000])
    volume(folder / "series.nii", shape=(4, 5, 3, 6))
    volume(folder / "nan.nii", value=np.nan)
    volume(folder / "hollow.nii", shape=(4, 0, 3))
    nib.save(nib.Nifti1Image(np.ones((4, 5, 3), np.complex64), np.eye(4)), folder / "complex.nii")
    volume(folder / "flat.nii", affine=np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1.0]]))
    return {
        "text.png": "cannot be read",
        "empty.jpg": "cannot be read",
        "text.nii.gz": "cannot be read",
        "zero.nii": "cannot be read",
        "cut.png": "cannot be read",
        "cut_volume.nii": "cannot be read",
        "cut_archive.nii.gz": "cannot be read",
        "series.nii": "6 channels or time points",
        "nan.nii": "not finite",
        "hollow.nii": "no voxel",
        "complex.nii": "complex",
        "flat.nii": "affine",
    }


def test_every_broken_file_is_named_and_the_rest_is_kept(tmp_path, caplog):
    expected = broken_files(tmp_path)
    picture(tmp_path / "good.png")
    volume(tmp_path / "good_volume.nii.gz")
    with caplog.at_level(logging.WARNING):
        inputs = InferenceInputs(tmp_path)
    assert cases(inputs) == ["good", "good_volume"]
    reasons = {Path(path).name: reason for path, reason in inputs.failures}
    for name, reason in expected.items():
        assert reason in reasons.pop(name), name
    assert not reasons
    assert len(said(caplog)) == len(expected)
    with pytest.raises(InputError, match=f"^{len(expected)} of {len(expected) + 2} inputs were left out") as caught:
        inputs.raise_failures()
    assert all(str(tmp_path / name) in str(caught.value) for name in expected)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"were left out: .*\. 1 of 2 masks are not in the .*--output_format: a: b\.$"):
        inputs.raise_failures([("a", "b")])


def test_the_second_of_two_files_with_one_result_name_is_left_out(tmp_path):
    first, second = picture(tmp_path / "x.jpg"), picture(tmp_path / "x.png")
    inputs = InferenceInputs(tmp_path)
    assert inputs.items == [{"image": first, "case": "x"}]
    ((path, reason),) = inputs.failures
    assert path == second
    assert first in reason


def test_names_that_differ_in_the_form_of_an_accent_are_one(tmp_path):
    first, second = (picture(tmp_path / f"{unicodedata.normalize(form, 'é')}.png") for form in ("NFD", "NFC"))
    inputs = InferenceInputs([first, second])
    assert inputs.items == [{"image": first, "case": "é"}] and inputs.failures[0][0] == second


def test_a_good_file_takes_the_name_that_a_broken_one_would_have_had(tmp_path):
    (tmp_path / "x.jpg").write_text("no image")
    picture(tmp_path / "x.png")
    inputs = InferenceInputs(tmp_path)
    assert cases(inputs) == ["x"]
    assert [path for path, _ in inputs.failures] == [str(tmp_path / "x.jpg")]


def test_missing_files_of_a_list_are_failures(tmp_path):
    inputs = InferenceInputs([picture(tmp_path / "a.png"), str(tmp_path / "b.png"), str(tmp_path)])
    assert cases(inputs) == [f"{tmp_path.name}/a"]
    assert inputs.failures[0][1] == "there is no such file"
    assert "must hold the files of one DICOM series, but it holds 0 series" in inputs.failures[1][1]


def test_channels_of_pictures_are_converted_and_those_of_volumes_must_fit(tmp_path):
    gray, color = picture(tmp_path / "gray.png"), picture(tmp_path / "color.png", "RGB")
    one, three = volume(tmp_path / "one.nii"), volume(tmp_path / "three.nii", shape=(4, 5, 3, 3))
    for channels, expected in ((1, [gray, color, one]), (3, [gray, color, three])):
        inputs = InferenceInputs([gray, color, one, three], channels)
        assert [item["image"] for item in inputs.items] == expected


@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (4, 5, 1), (4, 5, 3, 1)])
def test_two_and_three_dimensional_volumes_down_to_one_pixel(tmp_path, shape):
    assert cases(InferenceInputs(volume(tmp_path / "a.nii.gz", shape))) == ["a"]


def test_many_files_with_one_reason_are_one_clause(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "e.png").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        InferenceInputs(tmp_path, dimensions=[3])
    said = f"5 of 5 inputs were left out: {tmp_path}/a.png and 3 others: it has 2 dimensions, where 3 were expected; "
    assert str(caught.value).startswith(f"{said}{tmp_path}/e.png: it cannot be read")


def test_nothing_usable_is_an_error_that_names_the_files(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(InputError, match=r"1 of 1 inputs were left out: .*a\.png"):
        InferenceInputs(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[", "cannot be read as a JSON datalist"),
        ('{"training": []}', 'under "testing"'),
        ('"a.png"', 'under "testing"'),
        ("[]", "names no image"),
        ('[{"label": "a.png"}]', "Entry 0"),
        ("[3]", "Entry 0"),
    ],
)
def test_a_datalist_that_cannot_be_understood(tmp_path, content, expected):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(InputError, match=expected) as caught:
        InferenceInputs(tmp_path / "list.json")
    assert "list.json" in str(caught.value)


def test_sources_that_cannot_be_understood(tmp_path):
    with pytest.raises(InputError, match="holds no image"):
        InferenceInputs(tmp_path)
    with pytest.raises(InputError, match=r"missing\.png does not exist"):
        InferenceInputs(tmp_path / "missing.png")
    with pytest.raises(InputError, match="got NoneType"):
        InferenceInputs(None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="names no image"):
        InferenceInputs([])
    (tmp_path / "a.webp").touch()
    with pytest.raises(InputError, match=r"one of \.png"):
        InferenceInputs(tmp_path / "a.webp")


def test_a_network_of_volumes_takes_no_pictures(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "scan.png")
    with pytest.raises(InputError, match=r"scan.png: it has 2 dimensions, where 3 were expected"):
        InferenceInputs(tmp_path, dimensions=[3])


def reasons(inputs: InferenceInputs, folder: Path) -> dict[str, str]:
    return {Path(path).relative_to(folder).as_posix(): reason for path, reason in inputs.failures}


def test_labels_in_a_folder_are_left_out_and_said(tmp_path, caplog):
    labels = [
        "masks/a.png",
        "labelsTr/b.png",
        "a_mask.png",
        "x/c_seg.png",
        "d_gt.png",
        "e_1stHO.png",
        "1st_manual/a.png",
    ]
    for name in ("a.png", "x/c.png", "e.png", "a_2.png", "mask.png", *labels):
        picture(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        inputs = InferenceInputs(tmp_path)
    assert cases(inputs) == ["a", "a_2", "e", "mask", "x/c"]
    assert sorted(path for path, _ in inputs.left_out) == sorted(str(tmp_path / name) for name in labels)
    assert len(said(caplog)) == 1 and "7 files or folders are left out, since they are not images;" in caplog.text
    assert inputs.failures == []
    assert cases(InferenceInputs(tmp_path / "a_mask.png")) == ["a_mask"]  # asked for by name
    assert cases(InferenceInputs(tmp_path / "masks")) == ["a"]


def test_folders_of_annotators_beside_the_images_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever they are called: what has the name of an image beside its folder is somebody's label."""
    labels = ["Dr Mayer/a.png", "student-3/sub/b.png", "x/Dr Ng/c.png"]
    others = ["images/a.png", "images/sub/b.png", "x/imgs/c.png", "Dr Mayer/other.png", "y/a.png", "x/a.png"]
    for name in (*labels, *others):
        picture(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        inputs = InferenceInputs(tmp_path)
    assert sorted(path for path, _ in inputs.left_out) == sorted(
        str(tmp_path / name) for name in (*labels, "y/a.png", "x/a.png")
    )
    assert "an image beside its folder Dr Mayer has its name" in caplog.text
    assert cases(InferenceInputs(tmp_path / "Dr Mayer")) == ["a", "other"]  # asked for by name


def test_colors_that_are_read_as_gray_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in "ab":
        Image.new("RGB", (4, 3), (250, 200, 0)).save(tmp_path / f"{name}.png")
    Image.new("RGB", (4, 3), (9, 9, 9)).save(tmp_path / "gray.png")
    with caplog.at_level(logging.WARNING):
        InferenceInputs(tmp_path)
    (message,) = caplog.messages
    assert message.startswith(f"2 files are not read as they are stored; the first is {tmp_path / 'a.png'}: its colors")
    caplog.clear()
    InferenceInputs(tmp_path, channels=3)
    assert caplog.messages == []


def test_a_folder_of_labels_alone_is_said(tmp_path):
    picture(tmp_path / "a_mask.png")
    with pytest.raises(InputError, match=r"holds no image to segment .*; 1 files are taken for labels"):
        InferenceInputs(tmp_path)


def test_results_of_an_earlier_run_are_no_inputs(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "results" / "a_probabilities.png")
    inputs = InferenceInputs(tmp_path, output_dir=tmp_path / "results")
    assert cases(inputs) == ["a"]
    assert inputs.left_out == [(str(tmp_path / "results"), "results are written there")]
    assert cases(InferenceInputs(tmp_path / "results", output_dir=tmp_path / "results")) == ["a_probabilities"]


def test_results_of_another_run_are_no_inputs(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "first/x/a_entropy.png")
    (tmp_path / "first/inference.json").touch()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/inference.json").touch()
    inputs = InferenceInputs(tmp_path, output_dir=tmp_path / "second")
    assert cases(inputs) == ["a"]
    assert inputs.left_out == [(str(tmp_path / "first"), "results of an inference lie there")]
    assert cases(InferenceInputs(tmp_path / "first")) == ["x/a_entropy"], "asked for by name"


def test_files_numbered_as_channels_are_one_image(tmp_path):
    files = [volume(tmp_path / f"a_000{k}.nii.gz") for k in range(2)]
    inputs = InferenceInputs(tmp_path, channels=2)
    assert inputs.items == [{"image": files, "case": "a"}]
    with pytest.raises(InputError, match="together they have 2 channels or time points, where the network expects 1"):
        InferenceInputs(tmp_path, channels=1)


@pytest.mark.parametrize("check_values", [True, False])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_pictures_numbered_as_channels_are_one_image_of_as_many(tmp_path, channels, check_values):
    for channel in range(channels):
        picture(tmp_path / f"a_{channel:04d}.png")
    inputs = InferenceInputs(tmp_path, channels=channels, check_values=check_values)
    assert cases(inputs) == ["a"] and len(inputs.items[0]["image"]) == channels


def test_numbers_that_are_no_channels(tmp_path):
    for name in ("NEW_0001", "NEW_0002", "b_0000"):
        picture(tmp_path / f"{name}.png")
    assert cases(InferenceInputs(tmp_path)) == ["NEW_0001", "NEW_0002", "b_0000"]


def test_what_is_in_a_folder_but_not_read_is_named(tmp_path):
    picture(tmp_path / "a.png")
    training = ("model.pt", "last.ckpt", "events.out.tfevents.1764400000.host.42.0")  # weights and TensorBoard's file
    for name in ("b.dcm", "c.webp", "d.img", "notes.txt", "list.csv", "README", *training):
        (tmp_path / name).write_text("x")
    (tmp_path / "IM0001").write_bytes(bytes(200))
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    inputs = InferenceInputs(tmp_path)
    found = reasons(inputs, tmp_path)
    assert cases(inputs) == ["a"]
    assert set(found) == {"b.dcm", "c.webp", "d.img", "IM0001", "lost", "loop"}
    assert "no preamble of a DICOM file" in found["b.dcm"] and "no suffix" in found["IM0001"]


def test_linked_folders_are_searched(tmp_path):
    picture(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    assert cases(InferenceInputs(tmp_path / "in")) == ["link/a"]


def test_one_name_in_two_spellings(tmp_path):
    path = picture(tmp_path / "a.png")
    names = ["a", "./a", "b/c", "b//c", "b/./c"]
    inputs = InferenceInputs([{"image": path, "case": name} for name in names])
    assert cases(inputs) == ["a", "b/c"]
    assert len(inputs.failures) == 3
    assert all("would have the same name" in reason for _, reason in inputs.failures)


@pytest.mark.parametrize(
    ("case", "reason"),
    [("a\0b", "NUL"), ("\ud800", "not valid Unicode"), ("x" * 300, "300 bytes"), ("ä/" * 9 + "ü" * 101, "202")],
)
def test_a_name_that_no_file_can_have_is_named_and_the_others_go_on(tmp_path, case, reason):
    path = picture(tmp_path / "a.png")
    inputs = InferenceInputs([{"image": path, "case": case}, {"image": path, "case": "good"}])
    assert cases(inputs) == ["good"]
    assert reason in inputs.failures[0][1]
    with pytest.raises(InputError) as refused:
        inputs.raise_failures()
    str(refused.value).encode()
    assert cases(InferenceInputs([path, {"image": "a\0.png", "case": "b"}])) == ["a"]


def test_headers_alone(tmp_path, monkeypatch):
    expected = broken_files(tmp_path)
    picture(tmp_path / "good.png")
    volume(tmp_path / "good_volume.nii.gz")
    inputs = InferenceInputs(tmp_path, check_values=False)
    unseen = {"cut.png", "cut_volume.nii", "cut_archive.nii.gz", "nan.nii"}
    found = reasons(inputs, tmp_path)
    assert set(found) == set(expected) - unseen
    assert all(expected[name] in reason for name, reason in found.items())
    color = picture(tmp_path / "sub" / "color.png", "RGB")
    four = volume(tmp_path / "sub" / "four.nii", (4, 5, 3, 4))
    assert len(InferenceInputs(color, 3, check_values=False)) == len(InferenceInputs(four, 4, check_values=False)) == 1
    with pytest.raises(InputError, match="a picture has 1 channel or 3"):
        InferenceInputs(color, 4, check_values=False)
    shapes = ((1, 1), (4, 5), (4, 5, 1), (4, 5, 3, 1))
    assert all(len(InferenceInputs(volume(tmp_path / "s.nii", shape), check_values=False)) for shape in shapes)


def test_images_of_a_data_set_in_a_layout(tmp_path):
    image = volume(tmp_path / "patient001" / "patient001_frame01.nii.gz")
    volume(tmp_path / "patient001" / "patient001_frame01_gt.nii.gz")
    inputs = InferenceInputs(tmp_path, layout="acdc")
    assert inputs.items == [{"image": image, "case": "patient001_frame01"}]
