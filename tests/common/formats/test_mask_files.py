"""Masks of one structure or object each become one label map of each image, as public data sets have them."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError

KIND = "masks of one structure"


def draw(path: Path, mask: np.ndarray, value: int = 255) -> Path:
    """A picture that has the value where a mask (rows, columns) is true."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.uint8(value * mask)).save(path)
    return path


def store(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def random_masks(count: int, *shape: int, share: float = 0.3) -> list[np.ndarray]:
    return list(np.random.default_rng(count).random((count, *shape)) < share)


def label_of(folder: Path, case: str) -> np.ndarray:
    (path,) = folder.glob(f"{case}.*")
    return np.asarray(Image.open(path)) if path.suffix == ".png" else np.asarray(nib.load(path).dataobj)


def run(images: Path | str, masks: list[str], output: Path, **options: str) -> None:
    convert(str(images), str(output), masks=masks, **options)


@pytest.mark.file_format(KIND, "read", "several masks of one structure, joined; folders of images of several kinds")
def test_further_lesions_have_further_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in BUSI: images and masks side by side in a folder of each kind, of some images several masks."""
    first, second, other = random_masks(3, 5, 7)
    for case, kind in (("benign (1)", "benign"), ("benign (10)", "benign"), ("normal (1)", "normal")):
        draw(tmp_path / f"set/{kind}/{case}.png", np.ones((5, 7), bool), 9)
    draw(tmp_path / "set/benign/benign (1)_mask.png", first)
    draw(tmp_path / "set/benign/benign (1)_mask_1.png", second)
    draw(tmp_path / "set/benign/benign (10)_mask.png", other, 1)
    draw(tmp_path / "set/normal/normal (1)_mask.png", np.zeros((5, 7), bool))
    folder = tmp_path / "set/*"
    run(f"{folder}/{{case}}.png", [f"lesion={folder}/{{case}}_mask*.png"], tmp_path / "out")

    said = capsys.readouterr().out
    assert "labels: 3 of 3 images" in said
    assert "lesion: 1 of 3 labels have several files of it, which are joined." in said
    labels = tmp_path / "out/labels"
    assert np.array_equal(label_of(labels, "benign (1)"), first | second)
    assert np.array_equal(label_of(labels, "benign (10)"), other)
    assert not label_of(labels, "normal (1)").any()
    assert [item["case"] for item in read_dataset(tmp_path / "out").items] == [
        "benign (1)",
        "benign (10)",
        "normal (1)",
    ]


@pytest.mark.file_format(KIND, "read", "a folder for each image, with a mask for each nucleus")
def test_a_mask_for_each_nucleus(tmp_path: Path) -> None:
    """As in the Data Science Bowl 2018, whose files have no name in common with their image's."""
    masks = {"a1": random_masks(3, 4, 6), "b2": random_masks(2, 4, 6)}
    for case, drawn in masks.items():
        draw(tmp_path / f"train/{case}/images/{case}.png", np.ones((4, 6), bool))
        for number, mask in enumerate(drawn):
            draw(tmp_path / f"train/{case}/masks/{number}f.png", mask)
    place = tmp_path / "train/{case}"
    run(f"{place}/images/{{case}}.png", [f"nucleus={place}/masks/*.png"], tmp_path / "out")
    for case, drawn in masks.items():
        assert np.array_equal(label_of(tmp_path / "out/labels", case), np.any(drawn, axis=0))


@pytest.mark.file_format(KIND, "read", "volumes, with other axes than the image's; some structures of many")
def test_a_volume_for_each_organ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As TotalSegmentator writes them; a mask that another program has turned lies on its image all the same."""
    affine = np.diag([-1.5, 2, 3, 1])
    affine[:3, 3] = 4, 5, 6
    flipped = affine @ np.array([[-1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # of five voxels
    liver, spleen, kidney = random_masks(3, 5, 4, 3)
    for case in ("s0001", "s0002"):
        store(tmp_path / f"{case}/ct.nii.gz", np.zeros((5, 4, 3), np.int16), affine)
        store(tmp_path / f"{case}/segmentations/spleen.nii.gz", np.uint8(spleen)[::-1], flipped)
        store(tmp_path / f"{case}/segmentations/kidney_left.nii.gz", np.uint8(kidney), affine)
    store(tmp_path / "s0001/segmentations/liver.nii.gz", liver.astype(np.float32), affine)
    pattern = f"{tmp_path}/{{case}}/segmentations/{{structure}}.nii.gz"
    run(f"{tmp_path}/{{case}}/ct.nii.gz", [pattern], tmp_path / "out", classes="spleen,liver")

    expected = np.where(liver, 2, spleen)  # where they overlap, the class that is named last
    assert np.array_equal(label_of(tmp_path / "out/labels", "s0001"), expected)
    assert np.array_equal(label_of(tmp_path / "out/labels", "s0002"), spleen)
    assert np.array_equal(nib.load(tmp_path / "out/labels/s0001.nii.gz").affine, affine)
    said = capsys.readouterr().out
    assert "liver: 1 of 2 labels have no file of it, and none of it." in said
    assert "Files of structures that --classes does not name are left out: kidney_left (2)." in said
    assert f"Classes overlap in {(liver & spleen).sum()} pixels or voxels; there the later class" in said


@pytest.mark.file_format(KIND, "read", "annotators by folder or ending; names that another begins")
def test_annotators_and_names_that_begin_alike(tmp_path: Path) -> None:
    """``a_1_left_lung`` is of the case ``a_1`` where there is one, else of ``a``; who drew nothing has no label."""
    masks = random_masks(4, 3, 5)
    for case in ("a", "a_1"):
        draw(tmp_path / f"images/{case}.png", np.ones((3, 5), bool))
    for name, mask in zip(
        ("anna/a_1_left_lung", "anna/a_1_heart", "anna/a_heart", "ben/a_1_heart"), masks, strict=True
    ):
        draw(tmp_path / f"{name}.png", mask)
    run(tmp_path / "images", [f"{tmp_path}/{{annotator}}/{{case}}_{{structure}}.png"], tmp_path / "out")
    assert np.array_equal(label_of(tmp_path / "out/anna", "a_1"), np.where(masks[0], 2, masks[1]))
    assert np.array_equal(label_of(tmp_path / "out/anna", "a"), masks[2])
    assert np.array_equal(label_of(tmp_path / "out/ben", "a_1"), masks[3])
    assert [path.name for path in (tmp_path / "out/ben").iterdir()] == ["a_1.png"]


def test_a_structure_in_two_folders_and_masks_of_other_kinds(tmp_path: Path) -> None:
    """Lungs on both sides as one structure; a palette counts by its indices, JPEG by the half of its range."""
    left, right = np.zeros((2, 16, 16), bool)
    left[2:9, :8], right[4:12, 8:] = True, True
    draw(tmp_path / "images/a.png", np.ones((16, 16), bool))
    draw(tmp_path / "left/a.jpg", left)
    (tmp_path / "right").mkdir()
    picture = Image.fromarray(np.uint8(right)).convert("P")
    picture.putpalette([255, 255, 255, 0, 0, 0])  # the background is white
    picture.save(tmp_path / "right/a.png")
    run(tmp_path / "images", [f"lung={tmp_path}/{side}/{{case}}.*" for side in ("left", "right")], tmp_path / "out")
    assert np.array_equal(label_of(tmp_path / "out/labels", "a"), left | right)


@pytest.mark.file_format(KIND, "refused", "several values in a file; another size or grid; files of no image")
def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    for case in ("a", "b", "c"):
        draw(tmp_path / f"images/{case}.png", np.ones((3, 5), bool))
    draw(tmp_path / "masks/a.png", np.eye(3, 5, dtype=bool))
    draw(tmp_path / "masks/b.png", np.arange(15).reshape(3, 5) % 3 / 3)
    draw(tmp_path / "masks/c.png", np.eye(4, 5, dtype=bool))
    draw(tmp_path / "masks/d.png", np.eye(3, 5, dtype=bool))
    with pytest.raises(InputError, match="the rest was written, but look at this") as caught:
        run(tmp_path / "images", [f"lesion={tmp_path}/masks/{{case}}.png"], tmp_path / "out")
    said = str(caught.value)
    assert f"{tmp_path}/masks/d.png is of no image." in said
    assert "b.png: expected the mask of one structure, 0 and one other value, got 85, 170, …. The label of b is" in said
    assert "c.png: expected the size (5, 3) of" in said
    assert [path.name for path in (tmp_path / "out/labels").iterdir()] == ["a.png"]


def test_a_mask_beside_the_grid_is_refused(tmp_path: Path) -> None:
    store(tmp_path / "images/a.nii.gz", np.zeros((4, 4, 4), np.int16), np.eye(4))
    store(tmp_path / "masks/a.nii.gz", np.ones((4, 4, 4), np.uint8), np.diag([1, 1, 2, 1]))
    with pytest.raises(InputError, match=r"a.nii.gz: expected the voxels of .*a.nii.gz, got others"):
        run(tmp_path / "images", [f"lesion={tmp_path}/masks/{{case}}.nii.gz"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        ("images", "lesion=masks/*.png", r"--masks: expected \{case\} in the pattern, where the case's name is"),
        (
            "images",
            "masks/{case}.png",
            r"--masks: expected STRUCTURE=PATTERN, or \{structure\} in the pattern",
        ),
        (
            "images",
            "lesion=masks/{name}.png",
            r"--masks: expected \{case\}, \{structure\}, \{annotator\}",
        ),
        ("images", "a=masks/{structure}/{case}.png", r"expected one name of the structure, got a and \{structure\}"),
        ("images", "lesion=mask/{case}.png", r"expected files whose paths are like mask/\{case\}.png, found none\."),
        ("images/{id}.png", "lesion=masks/{case}.png", r"--images: expected \{case\} in the pattern, got \{id\}"),
        (
            "image/{case}.png",
            "lesion=masks/{case}.png",
            r"--images: expected images whose paths are like image/\{case\}",
        ),
        ("*/{case}.*", "lesion=other/{case}.png", r"expected one image of the case a, got images/a.png and mas"),
    ],
)
def test_patterns_that_fit_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: str, masks: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    draw(Path("images/a.png"), np.ones((3, 5), bool))
    draw(Path("masks/a.png"), np.eye(3, 5, dtype=bool))
    with pytest.raises(InputError, match=message):
        convert(images, "out", masks=masks)
    assert not Path("out").exists()


def test_other_mistakes(tmp_path: Path) -> None:
    draw(tmp_path / "images/a.png", np.ones((3, 5), bool))
    draw(tmp_path / "masks/a.png", np.eye(3, 5, dtype=bool))
    masks = f"lesion={tmp_path}/masks/{{case}}.png"
    with pytest.raises(InputError, match="--masks: expected none beside --exports"):
        convert(str(tmp_path / "images"), str(tmp_path / "out"), str(tmp_path / "masks/a.png"), masks)
    with pytest.raises(InputError, match=r"expected files of liver whose paths .* found none; there are lesion\."):
        convert(str(tmp_path / "images"), str(tmp_path / "out"), masks=masks, classes="liver")
    with pytest.raises(InputError, match="--output: expected another folder than"):
        convert(str(tmp_path / "images"), str(tmp_path), masks=masks, overwrite=True)
    for options in ({"crowd": "ignored"}, {"attribute": "reader"}, {"annotator_by": "file"}, {"polygons": "centers"}):
        with pytest.raises(InputError, match=f"--{next(iter(options))}: expected none without --exports"):
            convert(str(tmp_path / "images"), str(tmp_path / "out"), masks=masks, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("images", ["{folder}/images", "{folder}/images/{{case}}.png"])
def test_masks_of_images_that_end_as_nnunets_do(tmp_path: Path, images: str) -> None:
    for case in ("a_0000", "b_0000"):
        draw(tmp_path / f"images/{case}.png", np.ones((3, 5), bool))
        draw(tmp_path / f"masks/{case}_mask.png", np.eye(3, 5, dtype=bool))
    run(images.format(folder=tmp_path), [f"disc={tmp_path}/masks/{{case}}_mask.png"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/labels").iterdir()) == ["a_0000.png", "b_0000.png"]


def test_a_folder_may_have_braces_in_its_name(tmp_path: Path) -> None:
    draw(tmp_path / "im{1}/a.png", np.ones((3, 5), bool))
    convert(str(tmp_path / "im{1}"), str(tmp_path / "out"))
    assert (tmp_path / "out/images/a.png").is_file()


def test_a_class_without_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "images/a.png", np.ones((3, 5), bool))
    draw(tmp_path / "masks/a_liver.png", np.eye(3, 5, dtype=bool))
    run(tmp_path / "images", [f"{tmp_path}/masks/{{case}}_{{structure}}.png"], tmp_path / "out", classes="liver,kidny")
    assert "kidny, which --classes names: there is no file of it." in capsys.readouterr().out
    assert json.loads((tmp_path / "out/classes.json").read_text()) == {"background": 0, "liver": 1, "kidny": 2}


def test_classes_do_not_depend_on_which_files_can_be_read(tmp_path: Path) -> None:
    for case in ("a", "b"):
        draw(tmp_path / f"images/{case}.png", np.ones((3, 5), bool))
        draw(tmp_path / f"masks/{case}_liver.png", np.eye(3, 5, dtype=bool))
    draw(tmp_path / "masks/a_kidney.png", np.eye(4, 5, dtype=bool))  # of another size
    draw(tmp_path / "masks/b_background.png", ~np.eye(3, 5, dtype=bool))
    with pytest.raises(InputError, match="the rest was written, but look at this"):
        run(tmp_path / "images", [f"{tmp_path}/masks/{{case}}_{{structure}}.png"], tmp_path / "out")
    assert json.loads((tmp_path / "out/classes.json").read_text()) == {"background": 0, "kidney": 1, "liver": 2}
    assert label_of(tmp_path / "out/labels", "b").max() == 2
