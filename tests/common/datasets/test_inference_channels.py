"""Images of several files, one for each channel, as inputs: what is good is listed, what is not is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dataset_files import cases, picture, volume

from common.datasets import InferenceInputs
from common.errors import InputError

CHANNELS = ["_flair", "_t1", "_t1ce", "_t2"]


def modalities(folder: Path, case: str, names: list[str] = CHANNELS, **options) -> list[str]:
    return [volume(folder / f"{case}{name}.nii.gz", **options) for name in names]


def test_an_image_of_several_files_is_named_by_its_case_or_its_first_file(tmp_path):
    one, two = modalities(tmp_path / "p1", "a"), modalities(tmp_path / "p2", "b", names=CHANNELS[::-1])
    inputs = InferenceInputs([{"image": one}, {"image": two, "case": "second/b"}], channels=4)
    assert inputs.items == [{"image": one, "case": "p1/a_flair"}, {"image": two, "case": "second/b"}]
    (tmp_path / "list.json").write_text(
        json.dumps([{"image": [Path(path).relative_to(tmp_path).as_posix() for path in one], "case": "a"}])
    )
    assert InferenceInputs(tmp_path / "list.json", channels=4).items == [{"image": one, "case": "a"}]


def test_a_list_of_one_file_is_that_file(tmp_path):
    path = picture(tmp_path / "a.png")
    assert InferenceInputs([{"image": [path]}]).items == [{"image": path, "case": "a"}]


@pytest.mark.parametrize("case", ["", ".", "..", "a/../../b", "/a", 3])
def test_a_case_that_names_no_file_below_the_output_folder(tmp_path, case):
    with pytest.raises(InputError, match=r"Entry 1 of source: expected a file name without suffix as its case, got"):
        InferenceInputs([picture(tmp_path / "a.png"), {"image": picture(tmp_path / "b.png"), "case": case}])


@pytest.mark.parametrize("image", [[], [3], {"a": "b"}, [["a.nii"]]])
def test_a_list_that_holds_no_files(image):
    with pytest.raises(InputError, match="Entry 0"):
        InferenceInputs([{"image": image}])


def test_files_that_make_no_image_together_are_named(tmp_path):
    good = volume(tmp_path / "good.nii.gz")
    moved = np.array([[1, 0, 0, 2.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    faults = {
        volume(tmp_path / "shape.nii.gz", (4, 5, 4)): "its shape is 4 × 5 × 4, that of the image 4 × 5 × 3",
        volume(tmp_path / "moved.nii.gz", affine=moved): "its affine puts it up to 2 mm from the image",
        volume(tmp_path / "nan.nii.gz", value=np.nan): "not finite",
        picture(tmp_path / "a.png"): "one of .nii, .nii.gz, .nrrd",
        str(tmp_path / "none.nii.gz"): "there is no such file",
    }
    lists = [{"image": [good, path], "case": Path(path).stem} for path in faults]
    inputs = InferenceInputs([*lists, {"image": [good, good], "case": "good"}], channels=2)
    assert cases(inputs) == ["good"]
    assert [path for path, _ in inputs.failures] == list(faults)
    for path, reason in inputs.failures:
        assert faults[path] in reason
    with pytest.raises(InputError, match=r"a.nii, .+b.nii: together they have 2 channels .* the network expects 3\.$"):
        InferenceInputs([{"image": [volume(tmp_path / "a.nii"), volume(tmp_path / "b.nii")]}], channels=3)
    with pytest.raises(InputError, match="together they have 2 channels"):
        InferenceInputs([{"image": [picture(tmp_path / "a.png"), picture(tmp_path / "b.png")]}], channels=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_picture_for_a_network_of_four_channels(tmp_path, mode):
    path = picture(tmp_path / "a.png", mode)
    with pytest.raises(InputError) as refused:
        InferenceInputs(path, channels=4)
    reason = "a picture has 1 channel or 3, where the network expects 4"
    assert str(refused.value) == f"1 of 1 inputs were left out: {path}: {reason}."


def test_a_folder_of_images_with_a_file_for_each_channel(tmp_path):
    """What else lies there is ignored; t1 and t1ce are told apart; an image may be a folder of its own."""
    deep, high = modalities(tmp_path / "x/b", "b"), modalities(tmp_path, "a", CHANNELS[1:])
    high.insert(0, volume(tmp_path / "a_flair.nii"))
    modalities(tmp_path / "x/b", "b", names=["_seg", ""])
    picture(tmp_path / "c_t1.png")
    inputs = InferenceInputs(tmp_path, 4, channel_files=CHANNELS)
    assert inputs.items == [{"image": high, "case": "a"}, {"image": deep, "case": "x/b/b"}]
    assert inputs.failures == []
    plain = modalities(tmp_path / "y/c", "", names=["t1", "t2"])
    inputs = InferenceInputs(tmp_path / "y", 2, channel_files=["t1", "t2"])
    assert inputs.items == [{"image": plain, "case": "c"}]
    assert cases(InferenceInputs(tmp_path / "y/c", 2, channel_files=["t1", "t2"])) == ["c"]


def test_the_channels_of_a_folder_come_in_the_order_asked_for(tmp_path):
    names = ["_t2", "", "_t1"]
    modalities(tmp_path, "a", names)
    inputs = InferenceInputs(tmp_path, 3, channel_files=names)
    assert inputs.items == [{"image": [str(tmp_path / f"a{name}.nii.gz") for name in names], "case": "a"}]
    assert inputs.failures == []


def test_a_missing_channel_is_named_and_the_other_images_are_kept(tmp_path):
    modalities(tmp_path, "a", names=["_flair", "_t1", "_t2"])
    modalities(tmp_path, "b")
    inputs = InferenceInputs(tmp_path, 4, channel_files=CHANNELS)
    assert cases(inputs) == ["b"]
    assert inputs.failures == [(str(tmp_path / "a_t1ce.nii.gz"), "there is no such file")]


def test_channel_files_that_cannot_be_understood_or_found(tmp_path):
    volume(tmp_path / "a.nii.gz")
    with pytest.raises(InputError, match=r"holds no image to segment \(\*_t1\.nii\.gz, \*_t2\.nii\.gz\)"):
        InferenceInputs(tmp_path, 2, channel_files=["_t1", "_t2"])
    with pytest.raises(InputError, match="channel_files: expected a list"):
        InferenceInputs(tmp_path, channel_files="_t1")
