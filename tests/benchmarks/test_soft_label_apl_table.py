"""Tables of soft labels, from made-up runs whose values are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from benchmarks import soft_label_apl_table
from benchmarks.report.tables import load_results
from common.errors import InputError
from common.io.files import write_csv
from common.methods import prepare_soft_labels
from common.phantoms import write_knee_phantom

REPOSITORY = Path(__file__).parents[2]
COLUMNS = ["box_ap50", "box_ap75", "mask_ap50", "mask_ap75", "detection_precision", "detection_recall"]
COLUMNS += ["detection_iou", "precision", "recall", "iou", "dice"]


def write_run(folder: Path, value: float) -> None:
    folder.mkdir(parents=True)
    lines = [f"val_{name},{value + number / 100}" for number, name in enumerate(COLUMNS)]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")


def test_table_1_and_its_figures(tmp_path: Path) -> None:
    data = Path(write_knee_phantom(tmp_path / "phantom", num_cases=4, size=48, num_slices=3))
    cases = [path.name for path in sorted((data / "images").iterdir())]
    for row, level in {"mae": 0.45, "soft_bce": 0.5, "bce": 0.4}.items():
        for seed in range(3):
            run = tmp_path / f"runs/unet/{row}/seed{seed}"
            evaluation = run / "truth/evaluation"
            write_run(evaluation, level + seed / 10)
            split = {"test": [name.removesuffix(".nii.gz") for name in cases[seed:]]}
            (run / "split.json").write_text(json.dumps(split), encoding="utf-8")
            dice = [0.3, "", 0.1, 0.2]
            write_csv(
                evaluation / "summary.csv",
                [{"case": name.removesuffix(".nii.gz"), "dice": d} for name, d in zip(cases, dice, strict=True)],
            )
        truth = nib.load(data / "truth" / cases[3])
        maps = np.eye(3, dtype=np.float32)[np.asarray(truth.dataobj)]
        (tmp_path / f"runs/unet/{row}/seed0/example").mkdir()
        path = tmp_path / f"runs/unet/{row}/seed0/example" / cases[3].replace(".nii", "_probabilities.nii")
        nib.save(nib.Nifti1Image(maps, truth.affine), path)
    soft_label_apl_table.table(
        "soft_label_apl_phantom", "desk", {"unet": {"max_epochs": 2}}, tmp_path / "runs", tmp_path, data, figures=True
    )
    results = load_results(tmp_path / "soft_label_apl_phantom_unet.json")
    assert results["seeds"] == [0, 1, 2] and results["configuration"] == {"max_epochs": 2}
    settings = {entry["setting"]["measure"]: entry for entry in results["settings"]}
    assert list(settings)[:4] == ["Box AP50", "Box AP75", "Mask AP50", "Mask AP75"]
    assert list(settings)[-4:] == ["IoU", "Recall", "Precision", "Dice"]
    ours = ["BCE (baseline)", "Soft BCE", "MAE"]
    assert list(settings["Dice"]["methods"]) == [*ours, soft_label_apl_table.ITSELF]
    assert list(settings["Box AP50"]["methods"]) == ours and settings["Dice"]["best"] in ours
    assert settings["Dice"]["methods"]["Soft BCE"]["values"] == pytest.approx([0.6, 0.7, 0.8])
    for figure in ("unet", "pipeline"):
        assert 10_000 < (tmp_path / f"soft_label_apl_phantom_{figure}.png").stat().st_size < 300_000


def test_the_soft_label_itself_is_compared_with_the_truth(tmp_path: Path) -> None:
    """By voxels counted one by one, of the files that ``preparing`` writes for users."""
    data = Path(write_knee_phantom(tmp_path / "phantom", num_cases=4, size=48, num_slices=3))
    cases = [path.name.removesuffix(".nii.gz") for path in sorted((data / "images").iterdir())]
    split = tmp_path / "seed7/split.json"
    split.parent.mkdir()
    split.write_text(json.dumps({"test": cases[1:]}), encoding="utf-8")
    prepared = Path(prepare_soft_labels(data, tmp_path / "labels"))
    both = found = true = 0
    for case in cases[1:]:
        soft = np.asarray(nib.load(prepared / f"{case}.nii.gz").dataobj)
        truth = np.asarray(nib.load(data / "truth" / f"{case}.nii.gz").dataobj)
        for index in np.ndindex(truth.shape):
            for structure in (1, 2):
                marked, lesion = soft[*index, structure - 1] > 0.5, truth[index] == structure
                both, found, true = both + (marked and lesion), found + marked, true + lesion
    runs = soft_label_apl_table.soft_labels_themselves(data, [split])
    assert {run["seed"] for run in runs} == {7}
    values = {run["setting"]["measure"]: run["value"] for run in runs}
    wanted = {"Precision": both / found, "Recall": both / true, "Dice": 2 * both / (found + true)}
    assert values == pytest.approx(wanted | {"IoU": both / (found + true - both)})
    assert 0.3 < values["Dice"] < 1


def test_several_references_are_columns_of_dice(tmp_path: Path) -> None:
    for number, reference in enumerate(("AR", "majority")):
        write_run(tmp_path / f"runs/unet/majority_bce/seed0/{reference}/evaluation", number / 10)
    soft_label_apl_table.table("soft_label_apl_oocytes", "paper", {"unet": {}}, tmp_path / "runs", tmp_path)
    results = load_results(tmp_path / "soft_label_apl_oocytes_unet_paper.json")
    assert [entry["setting"]["measure"] for entry in results["settings"]] == ["Dice with majority", "Dice with AR"]


def test_what_could_not_be_measured_is_not_zero(tmp_path: Path) -> None:
    (tmp_path / "bce/seed0/truth/evaluation").mkdir(parents=True)
    (tmp_path / "bce/seed0/truth/evaluation/metrics.csv").write_text("val_precision,nan\nval_dice,0\n")
    runs = {run["setting"]["measure"]: run["value"] for run in soft_label_apl_table.collect(tmp_path)}
    assert math.isnan(runs["Precision"]) and runs["Dice"] == 0


def test_the_example_must_be_there(tmp_path: Path) -> None:
    write_csv(tmp_path / "summary.csv", [{"case": "9000001_V00", "dice": 0.5}])
    with pytest.raises(InputError, match=r"must hold 9000001_V00\.nii\.gz in images/"):
        soft_label_apl_table.example(str(tmp_path), str(tmp_path))
