"""The consensus of a whole data set, and how its annotators compare."""

from __future__ import annotations

import concurrent.futures
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from common.checking.pictures import CasePanel, draw_cases
from common.consensus import page
from common.datasets import read_dataset
from common.errors import InputError
from common.fuse import fuse
from common.fusion import majority_vote, mean_label, most_probable_class, spatial_staple, staple
from common.fusion.patterns import is_disputed
from common.io.files import read_csv
from common.metrics import fleiss_kappa, krippendorff_alpha, pairwise_dice
from tests.common.label_files import AFFINE, annotators, read, save

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


@pytest.mark.parametrize("method", ["majority", "mean", "staple"])
@pytest.mark.parametrize(("suffix", "values"), [(".png", (0, 255)), (".nii.gz", (0, 3, 7))])
def test_the_consensus_is_drawn_with_the_annotators(
    method: str, suffix: str, values: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    data_set(tmp_path / "data", suffix, values)
    panels: list[CasePanel] = []
    monkeypatch.setattr(page, "draw_cases", lambda path, drawn, *more: panels.extend(drawn) or draw_cases(path, drawn))
    fuse(output=str(tmp_path / "out"), dataset_dir=str(tmp_path / "data"), method=method)
    assert len(panels) == len(CASES)
    for panel in panels:
        masks = dict(panel.masks)
        consensus = masks.pop(panel.broad)
        labels = np.stack([*masks.values()])
        assert list(masks) == list(WHO[: len(masks)]) and panel.image is not None
        assert panel.image.shape == consensus.shape == labels.shape[1:]
        assert is_disputed(torch.from_numpy(labels)).any()
        shares = np.stack([(labels == one).mean(0) for one in range(len(values))])
        if method != "staple":  # one that has more than half is the majority, too
            clear = shares.max(0) > 0.5
            np.testing.assert_array_equal(consensus[clear], shares.argmax(0)[clear])
        if method == "mean":
            assert not consensus[~clear].any()


def test_the_most_disputed_slice_is_cut_out_around_what_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, width in (("AR", 6), ("HS", 8)):
        label = np.zeros((90, 80, 5), np.uint8)
        label[40:46, 30:40], label[40:50, 30:45, 3] = 1, 0
        label[40 : 40 + width, 30:36, 1] = 1
        (tmp_path / name).mkdir()
        save(tmp_path / name / "a.nii.gz", label)
    panels: list[CasePanel] = []
    monkeypatch.setattr(page, "draw_cases", lambda path, drawn, *more: panels.extend(drawn) or draw_cases(path, drawn))
    fuse([str(tmp_path / name) for name in ("AR", "HS")], str(tmp_path / "out"), "majority")
    masks = panels[0].masks
    assert (masks["HS"] > 0).sum() - (masks["AR"] > 0).sum() == 12  # of slice 1
    assert max(masks["HS"].shape) < 40 and (masks["AR"] > 0).sum() == 60


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


@pytest.mark.parametrize(("first", "second"), [("staple", "mean"), ("mean", "majority")])
def test_labels_do_not_lie_beside_the_tables_of_the_mean(first: str, second: str, tmp_path: Path):
    data_set(tmp_path / "data")
    out = tmp_path / "out"
    arguments: dict[str, Any] = {"dataset_dir": str(tmp_path / "data"), "output": str(out)}
    fuse(**arguments, method=first)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=f"expected a folder for {second} alone, got .* of an earlier command"):
        fuse(**arguments, method=second)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    (out / "labels" if first == "mean" else out / "probabilities").mkdir()
    fuse(**arguments, method=first)  # the other folder is the user's


def test_cases_that_are_no_longer_there_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data_set(tmp_path / "data")
    arguments: dict[str, Any] = {"dataset_dir": str(tmp_path / "data"), "output": str(tmp_path / "out")}
    fuse(**arguments)
    assert "also holds" not in capsys.readouterr().out
    for folder in (*WHO, "images"):
        (tmp_path / "data" / folder / "b/1.png").unlink()
    fuse(**arguments)
    assert "also holds 1 case of an earlier command, not of this one: b/1." in capsys.readouterr().out
    assert (tmp_path / "out/labels/b/1.png").is_file()


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
    assert "Finished before and kept: 1 case." in capsys.readouterr().out
    changed = {path.stem for path, time in first.items() if path.stat().st_mtime_ns != time}
    assert changed == {"a", "c"}
    assert table_of(tmp_path / "out") == before
    save(tmp_path / "data/AR/a.png", np.zeros((14, 12), np.uint8))
    fuse(**arguments)
    assert "Finished before and kept: 2 cases." in capsys.readouterr().out
    fuse(**arguments, region="disputed")
    assert "Finished before" not in capsys.readouterr().out


def test_a_file_of_somebody_else_is_kept_and_a_stale_one_is_not(tmp_path: Path):
    data_set(tmp_path / "data")
    arguments: dict[str, Any] = {"dataset_dir": str(tmp_path / "data"), "output": str(tmp_path / "out")}
    mine = save(tmp_path / "out" / "a.png", np.eye(3)).rename(tmp_path / "out" / "mine.png")
    (tmp_path / "out/labels").mkdir()
    mine = mine.rename(tmp_path / "out/labels/a.png")
    content = mine.read_bytes()
    with pytest.raises(InputError, match=r"1 of 3 cases could not be fused: a: .*a.png: expected no file or one that"):
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


def test_nothing_is_left_of_cases_that_all_fail(tmp_path: Path):
    for name, width in (("AR", 4), ("HS", 5)):
        (tmp_path / name / "b").mkdir(parents=True)
        save(tmp_path / name / "b/a.png", np.ones((width, 6), np.uint8))
    with pytest.raises(InputError, match="1 of 1 cases could not be fused"):
        fuse([str(tmp_path / "AR"), str(tmp_path / "HS")], str(tmp_path / "out"), "majority")
    assert list((tmp_path / "out").rglob("*")) == []


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


def test_what_all_agree_on_and_the_consensus_does_not_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """With the prior of the whole image spatial STAPLE hollows out an object that is larger than its windows."""
    rows, columns = np.indices((64, 96))
    disc = np.hypot(rows - 32, columns - 48) < 18
    generator = np.random.default_rng(0)
    for third, name in enumerate(WHO):
        (tmp_path / name).mkdir()
        wrong = generator.random(disc.shape) < np.where(columns // 32 == third, 0.3, 0.02)
        save(tmp_path / name / "a.png", (disc ^ wrong).astype(np.uint8) * 255)
    folders, options = [str(tmp_path / name) for name in WHO], {"method": "spatial_staple"}
    labels = [f"{folder}/a.png" for folder in folders]
    prior = [1 - disc.mean(), disc.mean()]
    fuse(folders, str(tmp_path / "out"), prior=prior, **options)
    overruled = json.loads((tmp_path / "out/cases/a.json").read_text())["overruled"]
    said = "In 1 of 1 cases (a) voxels on whose class all annotators agree have another class in the consensus"
    assert overruled > 100 and f"{said} ({overruled} voxels" in " ".join(capsys.readouterr().out.split())
    fuse(labels, str(tmp_path / "a.png"), prior=prior, **options)
    assert f"another class in the consensus ({overruled} voxels in all)" in capsys.readouterr().err
    fuse(folders, str(tmp_path / "near"), **options)
    fuse(labels, str(tmp_path / "near.png"), **options)
    printed = capsys.readouterr()
    assert "on whose class all" not in printed.out + printed.err


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
        ({"dataset_dir": data}, "output: expected the file to write"),
        ({"output": out}, "expected one of the two, got none"),
        ({"output": out, "dataset_dir": data, "labels": [data]}, "expected one of the two, got both"),
        ({"output": f"{data}/out", "dataset_dir": data}, "expected a folder outside of"),
        ({"output": out, "dataset_dir": data, "method": "vote"}, "method: expected one of mean, majority, staple"),
        ({"output": out, "dataset_dir": data, "region": "border"}, "region: expected one of all, disputed"),
        ({"output": out, "dataset_dir": data, "half_window": 3}, "half_window: expected one of staple's options"),
        ({"output": out, "dataset_dir": data, "processes": 0}, "processes: expected a whole number from 1 up"),
        ({"output": data, "labels": [f"{data}/AR", f"{data}/HS"]}, "expected a new folder, got that in which .* lies"),
        ({"output": out, "dataset_dir": data, "max_iterations": 0}, "^max_iterations: expected at least 1, got 0"),
        ({"output": out, "dataset_dir": data, "tolerance": -1}, "^tolerance: expected a number from 0 up, got -1"),
        (
            {"output": out, "dataset_dir": data, "method": "spatial_staple", "half_window": [1, -2]},
            "^half_window: expected a whole number from 0 up, or one for each axis, got",
        ),
        (
            {"output": out, "dataset_dir": data, "probabilities": "p.nii"},
            "probabilities: expected it with the label files of one",
        ),
        (
            {"output": out, "dataset_dir": data, "method": "spatial_staple", "region": "disputed"},
            "region: expected all",
        ),
        ({"output": out, "dataset_dir": str(one)}, "at least two annotators, got the layout plain with one label"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/AR/a.png"]}, "a.png: expected a folder, like .*AR"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/AR"]}, "at least two folders of different names"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/HS"], "annotators": "AR"}, "annotators: expected it with"),
        ({"output": out, "labels": [f"{data}/AR", f"{data}/HS"], "layout": "plain"}, "layout: expected it with"),
        (
            {"output": "o.png", "labels": [f"{data}/AR/a.png", f"{data}/HS/a.png"], "processes": 2},
            "processes: expected it with several cases",
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
