"""The consensus of one image from annotators' label files."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image
from warm_python import WarmPython

from common.errors import InputError
from common.fuse import fuse, performance_rows
from common.fusion import majority_vote, mean_label, spatial_staple, staple
from common.transforms.fuse_annotators import Consensus
from tests.common.label_files import AFFINE, annotators, read, save, save_all


def test_the_command_writes_the_consensus_and_prints_how_annotators_compare(tmp_path: Path, warm_monai: WarmPython):
    labels = annotators(8, 7, 6).astype(np.uint8)
    paths = save_all(tmp_path, labels)
    maps = tmp_path / "out" / "probability.nii.gz"
    output = tmp_path / "out" / "consensus.nii.gz"
    options = ("--method", "staple", "--output", str(output), "--probabilities", str(maps))
    process = warm_monai.start("-m", "common.fuse", "--labels", *paths, *options, folder=Path.cwd())
    assert process.wait(timeout=100) == 0, process.output()

    expected = staple(torch.from_numpy(labels))
    saved = nib.Nifti1Image.from_filename(output)
    np.testing.assert_array_equal(read(output), expected.probabilities.argmax(0))
    assert read(output).dtype == np.uint8
    np.testing.assert_array_equal(saved.affine, AFFINE)
    assert (saved.header["qform_code"], saved.header["sform_code"]) == (1, 2)
    np.testing.assert_allclose(read(maps), expected.probabilities[1], atol=1e-6)

    head, *lines = process.output().splitlines()
    assert head.split() == ["annotator", "says", "truth", "0", "truth", "1", "sensitivity", "specificity"]
    assert [line.rsplit(maxsplit=5)[0].strip() for line in lines] == [path for path in paths for _ in range(2)]
    for line, matrix in zip(lines[1::2], expected.confusion.tolist(), strict=True):
        values = [float(value) for value in line.split()[-4:]]
        assert values == pytest.approx([*matrix[1], matrix[1][1], matrix[0][0]], abs=5e-5)


@pytest.mark.parametrize("method", ["mean", "majority", "staple", "spatial_staple"])
def test_every_method_on_gapped_classes_of_a_plane(tmp_path: Path, method: str):
    labels = annotators(9, 8, classes=3)
    values = np.array([0, 2, 700])
    paths = save_all(tmp_path, values[labels].astype(np.int16), ".nii")
    options = {"half_window": 2} if method == "spatial_staple" else {}
    fuse(paths, str(tmp_path / "c.nii"), method, str(tmp_path / "p.nii.gz"), **options)
    tensor = torch.from_numpy(labels)
    probabilities = {
        "mean": mean_label(tensor),
        "majority": torch.nn.functional.one_hot(majority_vote(tensor), 3).movedim(-1, 0).double(),
        "staple": staple(tensor).probabilities,
        "spatial_staple": spatial_staple(tensor, 2).probabilities,
    }[method]
    maps = read(tmp_path / "p.nii.gz")
    assert maps.shape == (9, 8, 1, 3)
    np.testing.assert_allclose(maps[:, :, 0], probabilities.movedim(0, -1), atol=1e-6)
    consensus = read(tmp_path / "c.nii")
    if method == "mean":
        np.testing.assert_array_equal(consensus, maps)
    else:
        np.testing.assert_array_equal(consensus, values[probabilities.argmax(0)])
        assert (consensus.dtype, consensus.shape) == (np.uint16, (9, 8))


def test_pictures_keep_their_values_and_their_orientation(tmp_path: Path):
    labels = annotators(9, 6)
    for suffix, values in (("mask", [0, 255]), ("classes", [0, 1])):
        paths = save_all(tmp_path / suffix, np.array(values)[labels], ".png")
        target = tmp_path / suffix / "out.png"
        fuse(",".join(paths), str(target), "majority", str(tmp_path / suffix / "p.png"))
        with Image.open(target) as image:
            assert (image.mode, image.size) == ("L", (9, 6))
            np.testing.assert_array_equal(
                np.asarray(image).T, np.array(values)[majority_vote(torch.from_numpy(labels))]
            )
    fuse(paths, str(tmp_path / "mean.png"), "mean")
    with Image.open(tmp_path / "mean.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, np.rint(255 * labels.mean(0)))

    palette = Image.fromarray(labels[0].astype(np.uint8).T).convert("P")
    palette.putdata(labels[0].T.ravel().tolist())
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "palette.png")
    fuse([str(tmp_path / "palette.png"), paths[0]], str(tmp_path / "out.png"), "majority")
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, labels[0])


def test_absent_annotators_and_empty_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    labels = annotators(6, 5, 4)
    labels[2] = -1
    labels[:, 0] = -1
    fuse(save_all(tmp_path, labels.astype(np.float32)), str(tmp_path / "c.nii.gz"))
    np.testing.assert_array_equal(read(tmp_path / "c.nii.gz")[0], -1)
    np.testing.assert_array_equal(
        read(tmp_path / "c.nii.gz")[1:], staple(torch.from_numpy(labels[:, 1:])).probabilities.argmax(0)
    )
    table = capsys.readouterr().out.splitlines()
    assert table[-1].split()[-5:] == ["1", "–", "–", "–", "–"]

    for method in ("staple", "mean"):
        fuse(save_all(tmp_path / "empty", np.zeros((2, 5, 5, 5), np.uint8)), str(tmp_path / "e.nii.gz"), method)
        assert not read(tmp_path / "e.nii.gz").any()
    assert capsys.readouterr().out.splitlines()[-1].split()[-5:] == ["1", "0.0000", "–", "–", "1.0000"]


def test_an_unfinished_estimate_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fuse(save_all(tmp_path, annotators(8, 8).astype(np.uint8)), str(tmp_path / "c.nii"), "staple", max_iterations=1)
    assert "staple did not converge" in capsys.readouterr().err


def test_what_cannot_be_known_of_one_image_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """As of a data set (docs/fusing.md, What STAPLE cannot know)."""
    mask = np.zeros((1, 40, 40), np.uint8)
    mask[0, 18:21, 18:21] = 1
    said = {}
    for name, others in {"equal": [mask, mask], "two": [np.zeros_like(mask)], "few": [mask, np.roll(mask, 1)]}.items():
        fuse(save_all(tmp_path / name, np.concatenate([mask, *others])), str(tmp_path / f"{name}.nii"), "staple")
        said[name] = capsys.readouterr().err
    assert "In 1 of 1 cases (equal.nii) all annotators agree" in said["equal"] and "marked nothing" not in said["equal"]
    assert "have two annotators who differ" in said["two"] and "marked nothing in 1 of 1 cases (two.nii)" in said["two"]
    assert "less than 1 % of the voxels are disputed" in said["few"] and "two annotators" not in said["few"]


def test_sensitivity_and_specificity_of_several_classes():
    labels = torch.tensor([[0, 0, 1, 1, 2, 2, 2, -1], [0, 1, 1, 1, 2, 2, 0, 0]])
    truth = torch.nn.functional.one_hot(torch.tensor([0, 0, 1, 1, 2, 2, 2, 1]), 3).T.double()
    confusion = torch.tensor(
        [np.eye(3).tolist(), [[0.5, 1 / 3, 1 / 3], [0.5, 2 / 3, 0], [0, 0, 2 / 3]]], dtype=torch.float64
    )
    fused = Consensus(truth.argmax(0), truth, confusion, True, 0)
    rows = performance_rows(labels.numpy(), fused, [0, 4, 9], ["a", "b"])
    assert [row["sensitivity"] for row in rows] == pytest.approx([1, 1, 1, 1 / 2, 2 / 3, 2 / 3])
    assert [row["specificity"] for row in rows] == pytest.approx([1, 1, 1, 4 / 6, 4 / 5, 1])
    assert list(rows[4].items())[:2] == [("annotator", "b"), ("says", 4)]
    assert [rows[3][f"truth {value}"] for value in (0, 4, 9)] == pytest.approx([0.5, 1 / 3, 1 / 3])


def test_files_that_do_not_match_are_named_before_anything_is_written(tmp_path: Path):
    labels = annotators(6, 5, 4).astype(np.uint8)
    good = save_all(tmp_path, labels)
    shifted = AFFINE.copy()
    shifted[0, 3] += 1
    bad = {
        "size.nii.gz": (labels[0, :-1], AFFINE, "its shape is 5 × 5 × 4, that of .*r0.* 6 × 5 × 4"),
        "affine.nii.gz": (labels[0], shifted, "its affine puts it up to 1 mm from .*r0"),
        "half.nii.gz": (labels[0] / 2, AFFINE, "whole numbers"),
        "nan.nii.gz": (np.full((6, 5, 4), np.nan), AFFINE, "not finite"),
        "negative.nii.gz": (labels[0].astype(np.int16) - 2, AFFINE, "values from 0 up"),
        "complex.nii.gz": (labels[0].astype(np.complex64), AFFINE, "got complex64"),
    }
    output = tmp_path / "out.nii.gz"
    for name, (array, affine, message) in bad.items():
        path = str(save(tmp_path / name, array, affine))
        with pytest.raises(InputError, match=message) as raised:
            fuse([*good, path], str(output))
        assert path in str(raised.value)
    many = save_all(tmp_path / "many", np.arange(600, dtype=np.int16).reshape(2, 10, 30))
    with pytest.raises(InputError, match=r"at most 256.*got 600 values from 0 to 599"):
        fuse(many, str(output))
    (tmp_path / "text.nii.gz").write_text("text")
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "notes").write_text("text")
    picture = str(save(tmp_path / "p.png", labels[0, :, :, 0]))
    for paths, target, message in (
        ([good[0], str(tmp_path / "text.nii.gz")], output, "text.nii.gz cannot be read"),
        ([picture, str(tmp_path / "text.png")], tmp_path / "o.png", "text.png cannot be read"),
        ([good[0], str(tmp_path / "missing.nii")], output, "missing.nii cannot be read"),
        ([good[0], picture], output, "p.png: expected a volume as .*r0.* is, got a picture"),
        ([*good, "x.jpg"], output, "x.jpg: expected a volume as"),
        (["/nowhere/a", "/nowhere/b"], output, "/nowhere/a is no folder: expected one that holds an annotator"),
        ([good[0], "/nowhere/b"], output, "/nowhere/b is no folder"),
        ([good[0], str(tmp_path / "notes")], output, r"notes: expected a name that ends with one of \.png"),
        (good[:1], output, "at least two annotators"),
        (good, tmp_path / "out.png", "out.png: expected a name that ends with .nii or .nii.gz"),
        (good, good[1], "r1.nii.gz: expected a new file"),
    ):
        with pytest.raises(InputError, match=message):
            fuse(paths, str(target))
    with pytest.raises(InputError, match="half_window: expected one of staple's options"):
        fuse(good, str(output), half_window=3)
    with pytest.raises(InputError, match="3 classes, got pictures"):
        fuse(save_all(tmp_path / "three", annotators(5, 5, classes=3), ".png"), str(tmp_path / "o.png"), "mean")
    assert not output.exists()
    assert not list(tmp_path.glob("o.png"))


def test_annotators_with_values_of_their_own(tmp_path: Path):
    """Masks of 255, of 1 and of 2 are masks, as they are for the bundles; the consensus has the values of the first."""
    labels = annotators(9, 8)
    drawn = zip((255, 1, 2), labels, strict=True)
    paths = [str(save(tmp_path / f"{value}.png", value * label)) for value, label in drawn]
    fuse(paths, str(tmp_path / "out.png"), "majority")
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, 255 * majority_vote(torch.from_numpy(labels)).numpy())


def test_255_may_be_ignored(tmp_path: Path):
    labels = annotators(9, 8)
    labels[:, 0] = 255
    paths = save_all(tmp_path, labels, ".png")
    with pytest.raises(InputError, match="--ignore_value 255"):
        fuse(paths, str(tmp_path / "out.png"), "majority")
    labels[:, 0] = 254
    fuse(save_all(tmp_path, labels, ".png"), str(tmp_path / "out.png"), "majority", ignore_value=254)
    with Image.open(tmp_path / "out.png") as image:
        assert set(np.asarray(image).T[0]) == {254}, "not 255, which is -1 in 8 bits"
    labels[:, 0] = 255
    volumes = save_all(tmp_path, labels.astype(np.uint8))
    fuse(volumes, str(tmp_path / "out.nii.gz"), "majority", ignore_value=255)
    np.testing.assert_array_equal(read(tmp_path / "out.nii.gz")[0], -1)


def test_colors_become_the_numbers_of_their_classes(tmp_path: Path):
    labels = annotators(9, 8)
    paths = []
    for name, label in zip("abc", labels, strict=True):
        picture = np.where(label.T[..., None], np.uint8([0, 255, 0]), np.uint8([9, 9, 9]))
        picture[0] = (255, 0, 0)
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    with pytest.raises(InputError, match="give --class_colors"):
        fuse(paths, str(tmp_path / "out.png"), "majority")
    colors = {"disc": "#00ff00", "background": "#090909", "cup": "#FF0000"}
    fuse(paths, str(tmp_path / "out.png"), "majority", class_colors=colors)
    expected = majority_vote(torch.from_numpy(labels)).numpy()
    expected[:, 0] = 2
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, expected)
    del colors["cup"]  # nobody labeled what has its color
    fuse(paths, str(tmp_path / "out.png"), "majority", class_colors=colors, ignore_value="#ff0000")
    expected[:, 0] = 255
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, expected)


def test_what_nobody_labeled_is_no_object_of_a_picture(tmp_path: Path):
    labels = annotators(9, 8) * 255
    labels[:, 0] = 128
    fuse(save_all(tmp_path, labels, ".png"), str(tmp_path / "out.png"), "majority", ignore_value=128)
    found = np.asarray(Image.open(tmp_path / "out.png")).T
    np.testing.assert_array_equal(found[0], 128)
    assert set(found[1:].ravel()) == {0, 255}
    for name in "ab":  # which says −1 itself
        Image.fromarray(np.where(labels[0] == 128, -1, labels[0]).astype(np.float32)).save(tmp_path / f"{name}.tif")
    with pytest.raises(InputError, match=r"out2\.png: expected numbers from 0 up, .* got -1 where nobody has labeled"):
        fuse([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], str(tmp_path / "out2.png"), "majority")


def test_affines_that_differ_by_rounding_are_one_grid(tmp_path: Path, warm_monai: WarmPython):
    labels = annotators(8, 7, 6).astype(np.uint8)
    moved = AFFINE.copy()
    moved[0, 3] += 0.005
    paths = [str(save(tmp_path / "a.nii.gz", labels[0])), str(save(tmp_path / "b.nii.gz", labels[1], moved))]
    fuse(paths, str(tmp_path / "out.nii.gz"), "majority")
    assert (tmp_path / "out.nii.gz").is_file()


def test_cases_with_a_ground_truth_alone_are_not_fused_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "data").mkdir()
    for name in ("image", "truth", "anna", "ben"):
        Image.fromarray(np.eye(4, 5, dtype=np.uint8)).save(tmp_path / f"data/{name}.png")
    drawn = {"case": "a", "image": "image.png", "annotators": {"anna": "anna.png", "ben": "ben.png"}}
    entries = [drawn, {"case": "b", "image": "image.png", "label": "truth.png"}]
    (tmp_path / "data/list.json").write_text(json.dumps({"training": entries}))
    fuse(dataset_dir=str(tmp_path / "data/list.json"), output=str(tmp_path / "out"), method="majority")
    said = capsys.readouterr().out
    assert "Left out: 1 case with a ground truth and no annotator's label to fuse, the first is b.\n" in said
    assert "nobody labeled" not in said and "1 case in " in said
