"""Inputs, checkpoints and arguments with which nothing can be segmented, and odd ones with which it can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES
from PIL import Image
from warm_python import WarmPython

from common.io.files import read_csv

NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/inference.yaml"))
VOLUMES = [name for name in NAMES if name not in ("t_loss", "disentangling_annotators")]  # the others take pictures too
EYE = np.eye(4)


def hostile(names: list[str] = NAMES) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.hostile(name)) for name in names]


def volume(path: Path, array: np.ndarray, affine: np.ndarray = EYE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


@pytest.fixture
def infer(trained: Callable, run_tiny: Callable, tmp_path: Path) -> Callable[..., Path]:
    """Segments what is given by the bundle's tiny model; returns the folder of the results."""

    def run(bundle: str, data: Path, **overrides: Any) -> Path:
        places = {"ckpt_dir": str(trained(bundle)), "phantom": ""}
        output = tmp_path / "results"
        run_tiny(bundle, "inferring", ["inference"], data, output, **{**places, **overrides})
        return output

    return run


@pytest.mark.parametrize("bundle", hostile())
def test_nothing_to_segment(bundle: str, infer: Callable, refused: Callable, tmp_path: Path) -> None:
    with refused(str(tmp_path / "scans"), "does not exist", unchanged=tmp_path):
        infer(bundle, tmp_path / "scans")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/notes.txt").write_text("nothing here")
    with refused(str(tmp_path / "scans"), "holds no image to segment", unchanged=tmp_path):
        infer(bundle, tmp_path / "scans")


@pytest.mark.parametrize("bundle", hostile())
def test_every_unusable_input_is_named(bundle: str, infer: Callable, refused: Callable, tmp_path: Path) -> None:
    """One sentence names them all; with none left, nothing is written."""
    folder = tmp_path / "scans"
    values = np.random.default_rng(0).normal(size=(12, 12, 4)).astype(np.float32)
    cut = volume(folder / "cut.nii.gz", values)
    cut.write_bytes(cut.read_bytes()[:400])
    (folder / "text.nii.gz").write_text("no image")
    (folder / "picture.png").write_text("no image")
    volume(folder / "series.nii.gz", np.stack([values] * 2, -1))
    volume(folder / "colors.nii.gz", np.zeros((8, 8, 3), dtype=[(channel, "u1") for channel in "RGB"]))
    volume(folder / "nan.nii.gz", np.where(values > 1, np.nan, values))
    volume(folder / "infinite.nii.gz", np.where(values > 1, np.inf, values))
    names = ["cut", "text", "picture", "series", "colors", "nan", "infinite"]
    with refused("7 of 7 inputs were left out", *(f"{name}." for name in names), unchanged=tmp_path):
        infer(bundle, folder)


@pytest.mark.parametrize("bundle", hostile(VOLUMES))
def test_a_picture_where_volumes_are_segmented(bundle: str, infer: Callable, refused: Callable, tmp_path: Path) -> None:
    Image.new("L", (16, 16)).save(tmp_path / "a.png")
    with refused("a.png: it has 2 dimensions, where 3 were expected", unchanged=tmp_path):
        infer(bundle, tmp_path / "a.png")


@pytest.mark.hostile("t_loss")
def test_two_inputs_of_one_name(infer: Callable, refused: Callable, tmp_path: Path) -> None:
    """The second would overwrite the first's mask; the first is segmented."""
    for name in ("a.png", "a.jpg"):
        Image.new("L", (16, 16), 7).save(tmp_path / name)
    with refused("1 of 2 inputs were left out", "would have the same name as that of"):
        infer("t_loss", tmp_path)
    assert [row["case"] for row in read_csv(tmp_path / "results/summary.csv")] == ["a"]


@pytest.mark.parametrize("bundle", hostile())
def test_odd_inputs_are_segmented(bundle: str, infer: Callable, tmp_path: Path) -> None:
    """Masks lie where the images lie: one voxel, smaller than the stride, constant, left-handed, sheared, odd names."""
    folder = tmp_path / "Köln Süd – 数据"
    values = np.random.default_rng(0).integers(0, 200, (11, 9, 3)).astype(np.int16)
    sheared = np.array([[2.0, 0.6, 0, 5], [0, 2, 0, -3], [0, 0, 4, 1], [0, 0, 0, 1]])
    files = [
        volume(folder / "a voxel.nii.gz", values[:1, :1, :1]),
        volume(folder / "klein Ä.nii.gz", values[:3, :3, :2]),
        volume(folder / "constant.nii.gz", np.full_like(values, 40)),
        volume(folder / "left handed.nii.gz", values, np.diag([-3.0, 3.0, 4.0, 1.0])),
        volume(folder / "sheared.nii.gz", values, sheared),
    ]
    output = infer(bundle, folder)
    for path in files:
        image, mask = nib.load(path), nib.load(output / path.name.replace(".nii.gz", "_mask.nii.gz"))
        assert mask.shape == image.shape
        np.testing.assert_allclose(mask.affine, image.affine, atol=1e-5)
        assert set(np.unique(mask.dataobj)) <= {0, 1, 2, 3}
    assert sorted(row["case"] for row in read_csv(output / "summary.csv")) == sorted(
        path.name.removesuffix(".nii.gz") for path in files
    )


@pytest.mark.hostile("marginal_thresholding")
def test_the_side_on_which_a_scan_is_stored_does_not_matter(
    data_sets: Callable, infer: Callable, tmp_path: Path
) -> None:
    scan = nib.load(data_sets("marginal_thresholding") / "new/NEW_0001.nii.gz")
    array, affine = np.asarray(scan.dataobj), scan.affine.copy()
    volume(tmp_path / "scans/right.nii.gz", array, affine)
    affine[:, 3] += (len(array) - 1) * affine[:, 0]
    affine[:, 0] *= -1
    volume(tmp_path / "scans/left.nii.gz", array[::-1], affine)
    output = infer("marginal_thresholding", tmp_path / "scans")
    right, left = (np.asarray(nib.load(output / f"{side}_marginal.nii.gz").dataobj) for side in ("right", "left"))
    np.testing.assert_allclose(left[::-1], right, atol=1e-3)


class Malicious:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("bundle", hostile())
@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "foreign", "malicious"])
def test_a_model_that_is_none(
    bundle: str, kind: str, data_sets: Callable, trained: Callable, infer: Callable, refused: Callable, tmp_path: Path
) -> None:
    model = tmp_path / "model.pt"
    if kind != "missing":
        shutil.copy(trained(bundle) / "plan.json", tmp_path)
    sentence = "is truncated or not a PyTorch checkpoint"
    if kind == "missing":
        sentence = "there is no such checkpoint; train first"
    elif kind == "text":
        model.write_text("no weights")
    elif kind == "truncated":
        content = (trained(bundle) / "model.pt").read_bytes()
        model.write_bytes(content[: len(content) // 2])
    elif kind == "foreign":
        torch.save({"layer.weight": torch.zeros(3)}, model)
        sentence = "does not fit the network of this configuration"
    else:
        torch.save({"network": Malicious(tmp_path / "made")}, model)
    with refused(str(model), sentence, unchanged=tmp_path):
        infer(bundle, data_sets(bundle) / "new", ckpt_dir=str(tmp_path))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("bundle", hostile())
@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (None, "expected the plan that a training writes beside its weights"),
        ("{", "cannot be read as JSON"),
        ('{"format": 1, "channels": 1}', "expected the entries of a plan; missing: "),
        ('{"format": 99}', "expected a plan of format 1, got 99"),
    ],
    ids=["missing", "truncated", "incomplete", "of another format"],
)
def test_a_plan_that_is_none(
    bundle: str, plan: str | None, sentence: str, data_sets: Callable, trained: Callable, infer: Callable,
    refused: Callable, tmp_path: Path,
) -> None:  # fmt: skip
    shutil.copy(trained(bundle) / "model.pt", tmp_path)
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with refused(str(tmp_path / "plan.json"), sentence, unchanged=tmp_path):
        infer(bundle, data_sets(bundle) / "new", ckpt_dir=str(tmp_path))


@pytest.mark.parametrize("bundle", hostile())
def test_resuming_from_what_is_no_checkpoint(
    bundle: str, data_sets: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path
) -> None:
    torch.save({"objects": Malicious(tmp_path / "made")}, tmp_path / "checkpoint.pt")
    with refused(str(tmp_path / "checkpoint.pt"), "not a PyTorch checkpoint", unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data_sets(bundle), tmp_path, resume=True)


ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("t_loss", {"threshold": 1.5}, "threshold"),
    ("t_loss", {"orientation": "RAR"}, "orientation: expected"),
    ("t_loss", {"overlap": 1.5}, "overlap: expected"),
    ("t_loss", {"image_size": [32, 32]}, "--image_size: nothing in this configuration uses such a key"),
    ("marginal_thresholding", {"decision": "dice"}, "decision"),
    ("marginal_thresholding", {"decision": 2}, "decision"),
    ("bwcr", {"temperature": -1}, "temperature: expected fitted or a positive number"),
    ("bwcr", {"temperature": "fitted"}, "there is no fitted temperature"),
    ("disentangling_annotators", {"method": "majorty"}, "did you mean 'majority'?"),
    ("disentangling_annotators", {"readout": "votes"}, "readout"),
    ("soft_label_apl", {"threshold": -0.5}, "threshold"),
    ("soft_label_apl", {"min_voxels": -1}, "min_voxels"),
]


@pytest.mark.parametrize(
    ("bundle", "overrides", "message"),
    [
        pytest.param(*case, id=f"{case[0]}-{next(iter(case[1]))}", marks=pytest.mark.hostile(case[0]))
        for case in ARGUMENTS
    ],
)
def test_an_argument_is_out_of_range(
    bundle: str,
    overrides: dict[str, Any],
    message: str,
    data_sets: Callable,
    infer: Callable,
    refused: Callable,
    tmp_path: Path,
) -> None:
    with refused(message, unchanged=tmp_path):
        infer(bundle, data_sets(bundle) / "new", **overrides)


@pytest.mark.parametrize("off", ["false", False])
def test_a_switch_from_the_command_line(off: Any, data_sets: Callable, infer: Callable) -> None:
    output = infer("bwcr", data_sets("bwcr") / "new/NEW_0001.nii.gz", save_entropy=off)
    assert {path.name for path in output.glob("*.gz")} == {"NEW_0001_mask.nii.gz", "NEW_0001_probabilities.nii.gz"}


@pytest.mark.hostile("bwcr")
def test_the_command_prints_one_sentence(tmp_path: Path, warm_python: WarmPython) -> None:
    """What `refused` finds in the chain of exceptions is all that a user sees."""
    command = ["-m", "monai.bundle", "run", "inferring", "--config_file", "configs/inference.yaml"]
    command += ["--dataset_dir", str(tmp_path / "scans"), "--output_dir", str(tmp_path / "results"), "--ckpt_di", "x"]
    process = warm_python.start(*command, folder=BUNDLES / "bwcr")
    assert process.wait(timeout=60) == 1
    sentence = "Error: --ckpt_di: nothing in this configuration uses such a key; did you mean --ckpt_dir?\n"
    assert process.output().endswith(sentence) and "Traceback" not in process.output()
    assert list(tmp_path.iterdir()) == []
