"""Tables of boundary-weighted consistency, from made-up runs whose values are known."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from warm_python import WarmPython

from benchmarks import bwcr_table
from benchmarks.report.tables import load_results, results_table
from common.errors import InputError
from common.io.files import write_csv

REPOSITORY = Path(__file__).parents[2]
METHODS = {"baseline": 0.4, "da": 0.3, "svls": 0.29, "mls": 0.31, "cr_1": 0.2, "bwcr_1": 0.15}  # ECE of the foreground
SUBJECTS = [f"patient{number:03d}" for number in range(1, 13)]
CLASSES = ["background", "right_ventricle", "myocardium", "left_ventricle"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Images and labels: a ball in a shell beside a box."""
    z, y, x = np.indices((4, 40, 36))
    ball = (y - 20) ** 2 + (x - 20) ** 2 + 9 * (z - 2) ** 2
    label = np.where(ball < 25, 3, np.where(ball < 64, 2, np.where((x < 12) & (x > 6) & (abs(y - 20) < 6), 1, 0))).T
    for subject in SUBJECTS:
        folder = tmp_path / "acdc" / subject
        folder.mkdir(parents=True)
        for frame in ("01", "12"):
            stem = folder / f"{subject}_frame{frame}"
            nib.save(nib.Nifti1Image(label.astype(np.uint8), np.eye(4)), f"{stem}_gt.nii.gz")
            nib.save(nib.Nifti1Image((50.0 * label).astype(np.float32), np.eye(4)), f"{stem}.nii.gz")
    return tmp_path / "acdc"


def summary(level: float, seed: int) -> list[dict[str, object]]:
    """Rows of two frames per subject; a subject's values are its level, moved by subject, frame and seed."""
    return [
        {
            "case": f"{subject}_frame{frame}",
            "subject": subject,
            "dice": 0.8 - level / 10 + number / 100,
            "dice_right_ventricle": "",
            "ece_all": level / 10,
            "ece_foreground": level + number / 100 + (0.02 if frame == "01" else -0.02) + seed / 1000,
            "ece_paper": level + number / 90,
            "ece_band": "" if number == 0 else level,
            "tace": level / 2,
            "ece_top_all": level / 5,
            "brier_all": level / 4,
            "nll_all": level * 2,
        }
        for number, subject in enumerate(SUBJECTS)
        for frame in ("01", "12")
    ]


def write_runs(folder: Path, methods: Mapping[str, float], seeds: int) -> None:
    reliability = [
        {"class": name, "bin": b, "count": 10, "confidence": b / 4, "accuracy": b / 5}
        for name in CLASSES
        for b in range(1, 4)
    ]
    for method, level in methods.items():
        for seed in range(seeds):
            run = folder / method / f"seed{seed}"
            write_csv(run / "evaluation/summary.csv", summary(level, seed))
            write_csv(run / "evaluation/reliability.csv", reliability)


def write_examples(folder: Path, data: Path, case: str) -> None:
    label = np.asarray(nib.load(data / case[:10] / f"{case}_gt.nii.gz").dataobj)
    for method in METHODS:
        path = folder / method / "seed0/example" / f"{case}_probabilities.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.eye(4, dtype=np.float32)[label], np.eye(4)), path)


def test_table_2(data: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_runs(runs, METHODS, seeds=3)
    case = Path(bwcr_table.example(runs / "da/seed0/evaluation/summary.csv", data)).name.removesuffix(".nii.gz")
    assert case == "patient006_frame12", "the lower median of 24"
    write_examples(runs, data, case)
    bwcr_table.write_table("bwcr_acdc", "desk", list(METHODS), [0, 1, 2], {"max_epochs": 2}, runs, tmp_path, data=data)
    results = load_results(tmp_path / "bwcr_acdc.json")
    assert results["seeds"] == [0, 1, 2] and results["configuration"] == {"max_epochs": 2}
    settings = {entry["setting"]["measure"]: entry for entry in results["settings"]}
    assert list(settings) == list(bwcr_table.MEASURES) and list(settings)[3] == "ECE of the paper"
    cell = settings["ECE, foreground"]["methods"]["BWCR"]
    assert cell["values"] == pytest.approx([0.205, 0.206, 0.207]) and cell["std"] == pytest.approx(0.001)
    assert [entry["best"] for entry in settings.values()] == ["BWCR"] * 9
    assert [entry.get("lower_is_better", False) for entry in settings.values()] == [False] + [True] * 8
    pairs = {found["methods"][1]: found for found in settings["ECE, foreground"]["comparisons"]}
    assert list(pairs) == ["Baseline", "DA", "SVLS", "MLS", "CR"], "the paper tests against all"
    assert pairs["CR"]["relative_change"] == pytest.approx(0.206 / 0.256 - 1)
    found = pairs["DA"]
    assert found["relative_change"] == pytest.approx(0.206 / 0.356 - 1)
    assert (found["subjects"], found["p"]) == (12, pytest.approx(2 / 2**12)), "all 12 subjects improve"
    assert settings["ECE near boundaries"]["comparisons"][0]["subjects"] == 11, "one has no value"
    paper = settings["ECE of the paper"]["comparisons"][1]
    of_da, of_bwcr = (level + sum(range(12)) / 12 / 90 for level in (0.3, 0.15))
    assert paper["relative_change"] == pytest.approx(of_bwcr / of_da - 1, abs=1e-5)
    assert results["subjects"]["TACE"]["DA"]["patient004"] == pytest.approx(0.15)
    assert results["subjects"]["ECE near boundaries"]["DA"]["patient001"] is None
    assert "| BWCR against DA | " in results_table(results)
    for figure in ("reliability", "improvement", "probabilities"):
        assert (tmp_path / f"bwcr_acdc_{figure}.png").stat().st_size > 10_000


def test_table_1(tmp_path: Path) -> None:
    methods = {"da": 0.3, "cr_0.1": 0.28, "cr_10": 0.25, "bwcr_0.1": 0.2}
    write_runs(tmp_path / "runs", methods, seeds=1)
    methods |= {"bwcr_1_cosine": 0.25}
    write_runs(tmp_path / "runs", {"bwcr_1_cosine": 0.25}, seeds=1)
    bwcr_table.write_table("bwcr_lambda", "paper", list(methods), [0], {}, tmp_path / "runs", tmp_path, "NCI", True)
    results = load_results(tmp_path / "bwcr_lambda_paper.json")
    assert results["title"] == "12 test subjects of NCI"
    lines = results_table(results).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:7]] == [
        "DA, λ = 0",
        "CR, λ = 0.1",
        "CR, λ = 10",
        "BWCR, λ = 0.1",
        "BWCR, λ = 1, cosine",
    ]
    assert not list(tmp_path.glob("*.png"))


def test_mistakes(data: Path, tmp_path: Path) -> None:
    write_runs(tmp_path, {"da": 0.3, "cr_1": 0.2}, seeds=1)
    write_csv(tmp_path / "cr_1/seed0/evaluation/summary.csv", summary(0.2, 0)[2:])
    with pytest.raises(InputError, match=r"cr_1.*must have the test subjects of the other runs"):
        bwcr_table.collect(tmp_path, ["da", "cr_1"], [0], False)
    with pytest.raises(InputError, match=r"must have the column nll_all, but has case.*evaluate again"):
        bwcr_table.subject_means([{"case": "a", "subject": "a", "dice": "1"}], "nll_all")
    with pytest.raises(InputError, match="expected BWCR among them, got DA, CR"):
        bwcr_table.compare({"DA": {"a": 1.0}, "CR": {"a": 1.0}})
    with pytest.raises(InputError, match=r"must hold patient\d+_frame\d+\.nii\.gz"):
        bwcr_table.example(tmp_path / "da/seed0/evaluation/summary.csv", data / "patient001")


SIZES = {"bwcr_acdc_10": 10, "bwcr_acdc_95": 95, "bwcr_nci_12": 12, "bwcr_nci_36": 36}  # of training sets


@pytest.mark.parametrize(
    ("tables", "scale", "trainings", "examples"),
    [
        (["bwcr_acdc"], "desk", 6 * 3, 6),
        (["bwcr_nci_lambda"], "desk", (1 + 2 * 4) * 3, 0),
        (["bwcr_acdc", "bwcr_lambda", "bwcr_distances", "bwcr_nci", *SIZES], "paper", (16 + 6 + 4 * 6) * 3, 6),
    ],
)
def test_the_whole_table_is_planned(
    tables: list[str],
    scale: str,
    trainings: int,
    examples: int,
    warm_snakemake: WarmPython,
    data: Path,
    tmp_path: Path,
) -> None:
    """3 seeds of 6 methods, of 1 + 2 methods × 4 weights, of 2 + 2 distances × 2 weights; a run is shared by tables."""
    command = ["-m", "snakemake", "--snakefile", "benchmarks/Snakefile", "--cores", "1", "--dry-run"]
    command += ["--forceall", "--nolock", "--printshellcmds", "--config", f"data={data}", f"scale={scale}"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(tmp_path)}
    process = warm_snakemake.start(*command, "--", *tables, folder=REPOSITORY, environment=environment)
    assert process.wait(timeout=300) == 0, process.output()
    plan = process.output().splitlines()
    counts = dict(line.split() for line in plan if line.startswith("bwcr_") and len(line.split()) == 2)
    assert counts["bwcr_train"] == counts["bwcr_evaluate"] == str(trainings)
    assert int(counts.get("bwcr_example", 0)) == examples
    told = [line for line in plan if "bundle run training" in line]
    assert sum("configs/nci.yaml" in line for line in told) == sum("nci" in table for table in tables) * (
        trainings if len(tables) == 1 else 18
    )
    for table in SIZES.keys() & set(tables):
        size = [line for line in told if f"--counts#training {SIZES[table]} " in line]
        assert len(size) == 18 and all(f"configs/{table.split('_')[1]}.yaml" in line for line in size)
