"""Consensus files from annotators' label files."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from common.datasets import read_dataset
from common.errors import InputError
from common.fuse import fuse, performance_rows
from common.fusion import majority_vote, mean_label, most_probable_class, spatial_staple, staple
from common.io.files import read_csv
from common.metrics import fleiss_kappa, krippendorff_alpha, pairwise_dice
from common.transforms.fuse_annotators import Consensus

AFFINE = np.array([[0.0, -1.5, 0, 10], [2.0, 0, 0, -7], [0, 0, 2.5, 3], [0, 0, 0, 1]])


def annotators(*spatial: int, classes: int = 2) -> np.ndarray:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, classes, spatial)
    return np.stack([np.where(generator.random(spatial) < 0.85, truth, 0) for _ in range(3)])


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array.astype(np.uint8).T).save(path)
    else:
        image = nib.Nifti1Image(array, affine)
        image.set_qform(affine, code=1)
        nib.save(image, path)
    return path


def save_all(folder: Path, arrays: np.ndarray, suffix: str = ".nii.gz") -> list[str]:
    return [str(save(folder / f"r{number}{suffix}", array)) for number, array in enumerate(arrays)]


def read(path: Path) -> np.ndarray:
    return np.asarray(nib.Nifti1Image.from_filename(path).dataobj)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "common.fuse", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )


def test_the_command_writes_the_consensus_and_prints_how_annotators_compare(tmp_path: Path):
    labels = annotators(8, 7, 6).astype(np.uint8)
    paths = save_all(tmp_path, labels)
    maps = tmp_path / "out" / "probability.nii.gz"
    output = tmp_path / "out" / "consensus.nii.gz"
    result = run("--labels", *paths, "--method", "staple", "--output", str(output), "--probabilities", str(maps))
    assert (result.returncode, result.stderr) == (0, "")

    expected = staple(torch.from_numpy(labels))
    saved = nib.Nifti1Image.from_filename(output)
    np.testing.assert_array_equal(read(output), expected.probabilities.argmax(0))
    assert read(output).dtype == np.uint8
    np.testing.assert_array_equal(saved.affine, AFFINE)
    assert (saved.header["qform_code"], saved.header["sform_code"]) == (1, 2)
    np.testing.assert_allclose(read(maps), expected.probabilities[1], atol=1e-6)

    head, *lines = result.stdout.splitlines()
    assert head.split() == ["annotator", "says", "truth", "0", "truth", "1", "sensitivity", "specificity"]
    assert [line.split()[0] for line in lines] == [path for path in paths for _ in range(2)]
    for line, matrix in zip(lines[1::2], expected.confusion.tolist(), strict=True):
        values = [float(value) for value in line.split()[2:]]
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
    assert table[-1].split()[1:] == ["1", "–", "–", "–", "–"]

    for method in ("staple", "mean"):
        fuse(save_all(tmp_path / "empty", np.zeros((2, 5, 5, 5), np.uint8)), str(tmp_path / "e.nii.gz"), method)
        assert not read(tmp_path / "e.nii.gz").any()
    assert capsys.readouterr().out.splitlines()[-1].split()[1:] == ["1", "0.0000", "–", "–", "1.0000"]


def test_an_unfinished_estimate_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fuse(save_all(tmp_path, annotators(8, 8).astype(np.uint8)), str(tmp_path / "c.nii"), "staple", max_iterations=1)
    assert "staple did not converge" in capsys.readouterr().err


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
    picture = str(save(tmp_path / "p.png", labels[0, :, :, 0]))
    for paths, target, message in (
        ([good[0], str(tmp_path / "text.nii.gz")], output, "text.nii.gz cannot be read"),
        ([picture, str(tmp_path / "text.png")], tmp_path / "o.png", "text.png cannot be read"),
        ([good[0], str(tmp_path / "missing.nii")], output, "missing.nii cannot be read"),
        ([good[0], picture], output, "p.png: expected a volume as .*r0.* is, got a picture"),
        ([*good, "x.jpg"], output, "x.jpg: expected a volume as"),
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
    volumes = save_all(tmp_path, labels.astype(np.uint8))
    fuse(volumes, str(tmp_path / "out.nii.gz"), "majority", ignore_value=255)
    np.testing.assert_array_equal(read(tmp_path / "out.nii.gz")[0], -1)


def test_affines_that_differ_by_rounding_are_one_grid(tmp_path: Path):
    labels = annotators(8, 7, 6).astype(np.uint8)
    moved = AFFINE.copy()
    moved[0, 3] += 0.005
    paths = [str(save(tmp_path / "a.nii.gz", labels[0])), str(save(tmp_path / "b.nii.gz", labels[1], moved))]
    fuse(paths, str(tmp_path / "out.nii.gz"), "majority")
    assert (tmp_path / "out.nii.gz").is_file()


CASES = ("a", "b/1", "c")
WHO = ("AR", "HS", "SG")


def data_set(root: Path, suffix: str = ".png", values: tuple[int, ...] = (0, 255)) -> dict[str, np.ndarray]:
    """Three annotators of three cases of shapes of their own, in a folder each beside the images; SG skipped one."""
    drawn = {}
    for number, case in enumerate(CASES):
        shape = (14 + number, 12) if suffix == ".png" else (8 + number, 7, 6)
        labels = np.stack([np.roll(annotators(*shape, classes=len(values))[0], step, 0) for step in (0, 1, 2)])
        drawn[case] = labels
        for name, label in zip(WHO, labels, strict=True):
            if (case, name) != ("c", "SG"):
                path = root / name / f"{case}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                save(path, np.array(values)[label].astype(np.uint8))
        image = root / "images" / f"{case}{suffix}"
        image.parent.mkdir(parents=True, exist_ok=True)
        save(image, np.arange(np.prod(shape)).reshape(shape).astype(np.uint8))
    drawn["c"][2] = -1
    return drawn


def table_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "annotators.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("given", ["dataset_dir", "labels"])
def test_a_data_set_of_pictures(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    drawn, out = data_set(tmp_path / "data"), tmp_path / "out"
    source: dict[str, Any] = {"dataset_dir": str(tmp_path / "data")}
    if given == "labels":
        source = {"labels": [str(tmp_path / "data" / name) for name in WHO]}
    fuse(output=str(out), method="staple", **source)
    joint = np.zeros((3, 2, 2))
    for case, labels in drawn.items():
        expected = staple(torch.from_numpy(labels))
        with Image.open(out / "labels" / f"{case}.png") as image:
            np.testing.assert_array_equal(np.asarray(image).T, 255 * most_probable_class(expected.probabilities))
        for row, label in enumerate(labels):
            for said in (0, 1):
                joint[row, said] += expected.probabilities[:, torch.from_numpy(label == said)].sum(1).numpy()
    found = table_of(out)
    for row, (name, matrix) in enumerate(zip(WHO, joint, strict=True)):
        line = found["annotators"][2 * row + 1]
        assert (line["annotator"], line["says"], line["cases"]) == (name, "255", 3 - (name == "SG"))
        assert line["sensitivity"] == pytest.approx(matrix[1, 1] / matrix[:, 1].sum())
        assert line["specificity"] == pytest.approx(matrix[0, 0] / matrix[:, 0].sum())
        assert line["sensitivity_low"] <= line["sensitivity"] <= line["sensitivity_high"]
    pooled = torch.cat([torch.from_numpy(labels).flatten(1) for labels in drawn.values()], 1)
    assert found["agreement"]["fleiss_kappa"] == pytest.approx(fleiss_kappa(pooled).item())
    assert found["agreement"]["krippendorff_alpha"] == pytest.approx(krippendorff_alpha(pooled).item())
    dice = np.nanmean([pairwise_dice(torch.from_numpy(labels)).numpy() for labels in drawn.values()], axis=0)
    np.testing.assert_allclose(found["agreement"]["dice"], dice)
    assert found["agreement"]["cases_of_both"] == [[3, 3, 2], [3, 3, 2], [2, 2, 2]]
    page = (out / "annotators.html").read_text(encoding="utf-8")
    assert "The most disputed cases" in page and "data:image/png" in page
    rows = read_csv(out / "annotators.csv")
    assert [row["annotator"] for row in rows] == [name for name in WHO for _ in range(2)]
    printed = capsys.readouterr().out
    assert "two annotators who differ" in printed and "(c)" in printed
    assert not list(out.rglob(".partial*"))


def test_volumes_have_milliliters_and_millimeters(tmp_path: Path):
    for name, width in (("AR", 6), ("HS", 6), ("SG", 8)):
        label = np.zeros((12, 10, 5), np.uint8)
        label[:width] = 1
        (tmp_path / name).mkdir()
        save(tmp_path / name / "a.nii.gz", label)
    fuse([str(tmp_path / name) for name in WHO], str(tmp_path / "out"), "majority")
    np.testing.assert_array_equal(read(tmp_path / "out/labels/a.nii.gz")[:, 0, 0], [1] * 6 + [0] * 6)
    saved = nib.Nifti1Image.from_filename(tmp_path / "out/labels/a.nii.gz")
    np.testing.assert_array_equal(saved.affine, AFFINE)
    found = table_of(tmp_path / "out")
    assert (found["volume_unit"], found["border_unit"]) == ("mL", "mm")
    lines = [line for line in found["annotators"] if line["says"] == "1"]
    # the first axis has steps of 2 mm, a voxel has 2 × 1.5 × 2.5 mm³
    assert [line["volume_bias"] for line in lines] == pytest.approx([0, 0, 2 * 10 * 5 * 7.5 / 1000])
    assert [line["border_shift"] for line in lines] == pytest.approx([0, 0, 2 * 2])
    assert lines[2]["border_shift_low"] is None


@pytest.mark.parametrize("method", ["mean", "spatial_staple"])
def test_methods_of_whole_images_on_classes_with_gaps(method: str, tmp_path: Path):
    drawn, out = data_set(tmp_path / "data", ".nii.gz", (0, 3, 7)), tmp_path / "out"
    options = {"half_window": 2} if method == "spatial_staple" else {}
    fuse(dataset_dir=str(tmp_path / "data"), output=str(out), method=method, **options)
    for case, labels in drawn.items():
        if method == "mean":
            maps = read(out / f"probabilities/{case}.nii.gz")
            np.testing.assert_allclose(maps, mean_label(torch.from_numpy(labels), 3).movedim(0, -1), atol=1e-6)
        else:
            expected = most_probable_class(spatial_staple(torch.from_numpy(labels), 2, num_classes=3).probabilities)
            np.testing.assert_array_equal(read(out / f"labels/{case}.nii.gz"), np.array([0, 3, 7])[expected])
    assert [line["says"] for line in table_of(out)["annotators"][:3]] == ["0", "3", "7"]


def test_finished_cases_are_kept_and_others_are_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data_set(tmp_path / "data")
    arguments: dict[str, Any] = {"dataset_dir": str(tmp_path / "data"), "output": str(tmp_path / "out")}
    fuse(**arguments)
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/labels").rglob("*.png")}
    before = table_of(tmp_path / "out")
    (tmp_path / "out/labels/c.png").unlink()  # as after a crash
    (tmp_path / "out/cases/a.json").write_text('{"key": ')
    capsys.readouterr()
    fuse(**arguments)
    assert "1 cases were finished before and are kept" in capsys.readouterr().out
    changed = {path.stem for path, time in first.items() if path.stat().st_mtime_ns != time}
    assert changed == {"a", "c"}
    assert table_of(tmp_path / "out") == before
    save(tmp_path / "data/AR/a.png", np.zeros((14, 12), np.uint8))
    fuse(**arguments)
    assert "2 cases were finished before" in capsys.readouterr().out
    fuse(**arguments, region="disputed")
    assert "finished before" not in capsys.readouterr().out


def test_a_file_of_somebody_else_is_kept_and_a_stale_one_is_not(tmp_path: Path):
    data_set(tmp_path / "data")
    arguments: dict[str, Any] = {"dataset_dir": str(tmp_path / "data"), "output": str(tmp_path / "out")}
    mine = save(tmp_path / "out" / "a.png", np.eye(3)).rename(tmp_path / "out" / "mine.png")
    (tmp_path / "out/labels").mkdir()
    mine = mine.rename(tmp_path / "out/labels/a.png")
    content = mine.read_bytes()
    with pytest.raises(InputError, match=r"1 of 3 cases could not be fused: a: .*a.png: expected a new file or one of"):
        fuse(**arguments)
    assert mine.read_bytes() == content
    mine.unlink()
    fuse(**arguments)
    (tmp_path / "data/AR/a.png").write_text("text")
    with pytest.raises(InputError, match="1 of 3 cases"):
        fuse(**arguments, method="majority")
    assert not mine.exists()


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("region", ["all", "disputed"])
def test_crops_of_one_class(value: int, region: str, tmp_path: Path):
    """SimpleITK 2.5.7 gives NaN for masks that are all full or all empty."""
    folders = []
    for name in WHO:
        for case, label in (("a", np.full((6, 5), value)), ("b", 255 * np.eye(5))):
            folders.append(save(tmp_path / name / f"{case}.png", label).parent)
    fuse([str(folder) for folder in folders[::2]], str(tmp_path / "out"), region=region)
    with Image.open(tmp_path / "out/labels/a.png") as image:
        assert (np.asarray(image) == value).all()


def test_one_failing_case_is_named_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    drawn, out = data_set(tmp_path / "data"), tmp_path / "out"
    save(tmp_path / "data/HS/a.png", np.zeros((9, 9), np.uint8))
    (tmp_path / "data/AR/c.png").write_text("text")
    with pytest.raises(
        InputError, match=r"2 of 3 cases could not be fused: a: .*HS/a.png: its shape is 9 × 9.*; c: .*c"
    ):
        fuse(dataset_dir=str(tmp_path / "data"), output=str(out))
    assert [path.name for path in (out / "labels").rglob("*.png")] == ["1.png"]
    assert sorted(table_of(out)["failed"]) == ["a", "c"]
    assert "Case a: " in capsys.readouterr().err
    assert table_of(out)["cases"] == 1
    assert drawn["b/1"].shape == (3, 15, 12)


def test_troubles_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    square = np.zeros((60, 60), np.uint8)
    square[20:24, 20:24] = 255
    wide = np.zeros((60, 60), np.uint8)
    wide[20:24, 20:25] = 255
    for name, labels in (
        ("AR", (square, square, square)),
        ("HS", (square, wide, wide)),
        ("SG", (square, square, 0 * square)),
    ):
        (tmp_path / name).mkdir()
        for case, label in zip("abc", labels, strict=True):
            save(tmp_path / name / f"{case}.png", label)
    folders = [str(tmp_path / name) for name in WHO]
    fuse(folders, str(tmp_path / "all"))
    printed = " ".join(capsys.readouterr().out.split())
    assert "In 1 of 3 cases (a) all annotators agree" in printed
    assert "SG marked nothing in 1 of 3 cases (c)" in printed
    assert "In 2 of 3 cases (first: b) less than 1 % of the voxels are disputed" in printed
    fuse(folders, str(tmp_path / "disputed"), region="disputed")
    printed = " ".join(capsys.readouterr().out.split())
    assert "less than 1 %" not in printed and "The region is where annotators disagree" in printed
    fuse(folders[:2], str(tmp_path / "two"))
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 of 3 cases (first: b) have two annotators who differ. Two annotators do not tell who is right" in printed
    assert "8 voxels of 2 of 3 cases (first: b) have several equally probable classes" in printed
    with Image.open(tmp_path / "two/labels/b.png") as image:
        np.testing.assert_array_equal(np.asarray(image).T, square)


def test_what_nobody_labeled_has_the_ignored_value(tmp_path: Path):
    labels = annotators(9, 8)
    labels[:, 0] = 255
    for name, label in zip(WHO, labels, strict=True):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "a.png", label)
    fuse([str(tmp_path / name) for name in WHO], str(tmp_path / "out"), ignore_value=255)
    with Image.open(tmp_path / "out/labels/a.png") as image:
        array = np.asarray(image).T
    np.testing.assert_array_equal(array[0], 255)
    assert set(array[1:].ravel()) == {0, 1}


def test_arguments_for_data_sets(tmp_path: Path):
    data_set(tmp_path / "data")
    data, out = str(tmp_path / "data"), str(tmp_path / "out")
    one = tmp_path / "one"
    for name in ("images", "labels"):
        (one / name).mkdir(parents=True)
        save(one / name / "a.png", np.eye(4))
    for arguments, message in (
        ({"dataset_dir": data}, "output: expected a file"),
        ({"output": out}, "expected one of the two, got none"),
        ({"output": out, "dataset_dir": data, "labels": [data]}, "expected one of the two, got both"),
        ({"output": f"{data}/out", "dataset_dir": data}, "expected a folder outside of"),
        ({"output": out, "dataset_dir": data, "method": "vote"}, "method: expected one of mean, majority, staple"),
        ({"output": out, "dataset_dir": data, "region": "border"}, "region: expected one of all, disputed"),
        ({"output": out, "dataset_dir": data, "half_window": 3}, "half_window: expected one of staple's options"),
        ({"output": out, "dataset_dir": data, "processes": 0}, "processes: expected a whole number from 1 up"),
        ({"output": out, "dataset_dir": data, "probabilities": "p.nii"}, "probabilities: expected the labels of one"),
        (
            {"output": out, "dataset_dir": data, "method": "spatial_staple", "region": "disputed"},
            "region: expected all",
        ),
        ({"output": out, "dataset_dir": str(one)}, "at least two annotators, got the layout plain with one label"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/AR/a.png"]}, "a.png: expected a folder as .*AR is"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/AR"]}, "at least two folders of different names"),
        (
            {"output": "o.png", "labels": [f"{data}/AR/a.png", f"{data}/HS/a.png"], "processes": 2},
            "processes: expected",
        ),
    ):
        with pytest.raises(InputError, match=message):
            fuse(**arguments)
    assert not (tmp_path / "out").exists()


def test_the_output_with_images_is_a_data_set(tmp_path: Path):
    drawn, out = data_set(tmp_path / "data", ".nii.gz"), tmp_path / "out"
    fuse(dataset_dir=str(tmp_path / "data"), output=str(out), method="majority")
    (out / "images").symlink_to(tmp_path / "data" / "images")
    dataset = read_dataset(out)
    assert (dataset.layout, dataset.cases, dataset.annotators) == ("plain", CASES, ())
    for item in dataset.items:
        label = read(Path(item["label"]))
        np.testing.assert_array_equal(label, 255 * majority_vote(torch.from_numpy(drawn[item["case"]])).numpy())


def test_two_processes_do_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With threads in place of processes, which take seconds to start."""
    data_set(tmp_path / "data")
    fuse(dataset_dir=str(tmp_path / "data"), output=str(tmp_path / "one"), processes=1)
    monkeypatch.setattr(
        "common.consensus.run.ProcessPoolExecutor", lambda count, **_: concurrent.futures.ThreadPoolExecutor(count)
    )
    fuse(dataset_dir=str(tmp_path / "data"), output=str(tmp_path / "two"), processes=2)
    assert table_of(tmp_path / "one") == table_of(tmp_path / "two")
    one, two = (
        sorted(path.relative_to(root) for path in root.rglob("*.png")) for root in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two and len(one) == 3
