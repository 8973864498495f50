"""Tables as users run them: Table 1 of marginal thresholding on a miniature of TotalSegmentator, others planned."""

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from warm_python import WarmPython

from benchmarks.run_folders import runs_folder

REPOSITORY = Path(__file__).parents[2]
TABLE = "marginal_thresholding_totalsegmentator"


def copy_checkout(folder: Path) -> Path:
    """What a table reads and writes, elsewhere: results go into docs/ of the checkout."""
    ignore = shutil.ignore_patterns("output", "phantom", ".*", "models", "__pycache__")
    for name in ("benchmarks", "bundles", "common", "docs"):
        shutil.copytree(REPOSITORY / name, folder / "checkout" / name, ignore=ignore)
    return folder / "checkout"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path)


@pytest.fixture
def totalsegmentator(tmp_path: Path) -> Path:
    """Six cases of 16 voxels a side: a bright rod in noise."""
    rng = np.random.default_rng(0)
    affine = np.diag([-3.0, -3.0, 3.0, 1.0])
    for case in range(6):
        folder = tmp_path / "totalsegmentator" / f"s{case:04d}"
        (folder / "segmentations").mkdir(parents=True)
        mask = np.zeros((16, 16, 16), dtype=np.uint8)
        mask[6:10, 5:9, 2:-2] = 1
        image = rng.normal(0, 25, mask.shape) + 120 * mask
        nib.save(nib.Nifti1Image(image.astype(np.int16), affine), folder / "ct.nii.gz")
        nib.save(nib.Nifti1Image(mask, affine), folder / "segmentations/esophagus.nii.gz")
    return tmp_path / "totalsegmentator"


def snakemake(
    warm_snakemake: WarmPython, checkout: Path, data: Path, part: dict, *options: str, table: str = TABLE
) -> str:
    (checkout / "part.json").write_text(json.dumps({"part": part}))
    command = ["-m", "snakemake", "--snakefile", "benchmarks/Snakefile", "--cores", "2", *options]
    command += ["--configfile", "part.json", "--config", "scale=paper", f"data={data}", "--", *table.split()]
    jobs = warm_snakemake.write_command(checkout / "python")
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    process = warm_snakemake.start(*command, folder=checkout, environment=environment, executable=jobs)
    assert process.wait(timeout=600) == 0, process.output()
    return process.output()


ALL_ROWS = (15 + 12) * 3  # dense labels and one label, three seeds
RUNS_OF_ANNOTATORS = dict.fromkeys(("mnist", "mnist_full", "ms_lesion", "brats", "lidc", "phantom"), ALL_ROWS)
RUNS_OF_ANNOTATORS |= {"hippocampus": ALL_ROWS, "oocytes": 5 * 3, "rank": 3 * 3, "rank_heart": 3 * 3} | dict.fromkeys(
    [f"noise_{share:g}" for share in (0.25, 0.5, 0.75, 1)], 6 + 4
)
RUNS_OF_SOFT_LABELS = {  # trainings: networks × rows × seeds; evaluations: once per reference
    "phantom": (2 * 9 * 3, 2 * 9 * 3),
    "beside": (3 * 3, 3 * 3),
    "seeds": (2 * 5, 2 * 5),
    "oai": (12 * 3, 12 * 3),
    "oocytes": (3 * 3, 3 * 3 * 4),
    "hippocampus": (3 * 3, 3 * 3),
}


@pytest.fixture(scope="module")
def plan(warm_snakemake: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Snakemake would do for all of these tables."""
    checkout = copy_checkout(tmp_path_factory.mktemp("plan"))
    tables = [f"disentangling_annotators_{name}" for name in RUNS_OF_ANNOTATORS if not name.startswith("noise")]
    tables += ["disentangling_annotators_noise", "disentangling_annotators_trace"]
    tables += [TABLE, "atlas", *(f"soft_label_apl_{name}" for name in RUNS_OF_SOFT_LABELS)]
    return snakemake(warm_snakemake, checkout, checkout, {}, "--dry-run", "--printshellcmds", table=" ".join(tables))


def test_the_whole_table_is_planned(plan: str) -> None:
    """3 organs × 4 noise levels × 2 losses × 5 folds, each trained and evaluated once."""
    counts = dict(line.split() for line in plan.splitlines() if line.startswith("marginal_thresholding_"))
    assert counts["marginal_thresholding_train"] == counts["marginal_thresholding_evaluate"] == "120"
    asked = [line for line in plan.splitlines() if line.strip().startswith("resources:")]  # of a cluster
    assert len(asked) > 240 and all("mem_mb=8000," in line and "runtime=720" in line for line in asked)


def test_tables_of_several_annotators_are_planned(plan: str) -> None:
    """What is trained and evaluated for each; of the figure over λ the trainings alone."""
    assert "'from common.phantoms import write_lesion_phantom; write_lesion_phantom(\"benchmarks/output/" in plan
    assert re.findall(r"-c '[^'\n]*\$\(.*", plan) == [], "within single quotes a shell replaces nothing"
    made = re.findall(
        r"output: benchmarks/output/disentangling_annotators_([^/]+)/\S+/seed\d/(?:evaluation/)?(\S+)\n", plan
    )
    counts = Counter(made)
    for table, runs in RUNS_OF_ANNOTATORS.items():
        assert counts[table, "done"] == counts[table, "summary.csv"] == runs, table
    assert counts["trace", "done"] == 7 and counts["trace", "summary.csv"] == 0


def test_nodules_with_their_consensus_for_the_truth(warm_snakemake: WarmPython, checkout: Path, tmp_path: Path) -> None:
    """Two of three crops for training; three of four radiologists agree."""
    for section, patients in (("train", "ABC"), ("val", "D"), ("test", "EF")):
        for patient in patients:
            for name in ("images", "gt"):
                (tmp_path / "crops" / section / name / patient).mkdir(parents=True)
            picture = np.full((16, 16), 60, dtype=np.uint8)
            picture[5:11, 5:11] = 200
            Image.fromarray(picture).save(tmp_path / "crops" / section / "images" / patient / "c0.png")
            for number in range(4):
                label = 255 * (picture > 100).astype(np.uint8) * (number < 3)
                Image.fromarray(label).save(tmp_path / "crops" / section / "gt" / patient / f"c0_l{number}.png")
    values = {"layout": "datalist", "max_epochs": 1, "image_size": [16, 16], "features": [4, 8], "num_workers": 0}
    part = {"rows": {"one": ["matrices"]}, "seeds": [0], "crops": {"paper": [2, 1, 2]}, "paper": values}
    snakemake(warm_snakemake, checkout, tmp_path / "crops", part, table="disentangling_annotators_lidc")
    results = json.loads((checkout / "docs/results/disentangling_annotators_lidc_one_paper.json").read_text())
    assert results["confusion"].keys() == {"l0", "l1", "l2", "l3"}
    assert {entry["setting"]["measure"] for entry in results["settings"]} >= {"Dice", "CM error", "GED²"}
    (written,) = (checkout / "benchmarks/output/disentangling_annotators_lidc").glob("data-*")
    lists = json.loads((written / "datalist.json").read_text())
    assert {name: len(entries) for name, entries in lists.items()} == {"training": 2, "validation": 1, "testing": 2}
    for entry in (entry for entries in lists.values() for entry in entries):
        consensus = np.asarray(Image.open(written / entry["label"]))
        assert np.array_equal(consensus, np.asarray(Image.open(entry["annotators"]["l0"])))


def test_the_atlas_is_planned(plan: str) -> None:
    """Four data sets, each with its learning rates and three seeds."""
    counts = dict(line.split() for line in plan.splitlines() if line.startswith("atlas_"))
    assert counts == {"atlas_rates": "4", "atlas_runs": "12"}


def test_accuracy_over_the_quality_of_labels(warm_snakemake: WarmPython, checkout: Path, tmp_path: Path) -> None:
    """Annotators who err half as much as in the sample; the best of them is the truth."""
    for section, count in (("train", 4), ("validate", 2), ("test", 2)):
        for name in ("image", "truth"):
            (tmp_path / "digits" / section / name).mkdir(parents=True)
            for case in range(count):
                digit = np.zeros((28, 28), dtype=np.uint8)
                digit[4 + case : 20, 10:16] = 255
                Image.fromarray(digit).save(tmp_path / "digits" / section / name / f"{case}.tif")
    part = {"shares": [0.5], "rows": {"dense": ["mean", "oracle"]}, "paper": {"max_epochs": 1}}
    snakemake(warm_snakemake, checkout, tmp_path / "digits", part, table="disentangling_annotators_noise")
    results = json.loads((checkout / "docs/results/disentangling_annotators_noise_paper.json").read_text())
    (entry,) = results["settings"]
    assert entry["methods"].keys() == {"Mean label", "Oracle (known matrices)"}
    (spoiled,) = (checkout / "benchmarks/output/disentangling_annotators_noise").glob("data-*/0.5/train")
    truth, over, under = (np.asarray(Image.open(spoiled / name / "0.tif")) > 0 for name in ("truth", "over", "under"))
    assert over.sum() == pytest.approx(2 * truth.sum(), rel=0.2) and (over >= truth).all()
    assert under.sum() == pytest.approx(0.65 * truth.sum(), rel=0.2) and (under <= truth).all()
    assert 0.7 < entry["setting"]["quality"] < 0.9
    assert (checkout / "docs/results/disentangling_annotators_noise_paper.png").is_file()


def test_tables_of_soft_labels_are_planned(plan: str) -> None:
    """Of one seed of the first table the example of Fig. 2."""
    output = r"    output: benchmarks/output/soft_label_apl_(\w+?)/"
    counts = Counter(re.findall(rf"rule soft_label_apl_(\w+):\n(?:    .*\n)*?{output}", plan))
    for table, (runs, evaluations) in RUNS_OF_SOFT_LABELS.items():
        assert (counts["train", table], counts["evaluate", table]) == (runs, evaluations), table
        assert counts["example", table] == (18 if table == "phantom" else 0)


def test_runs_of_another_configuration_are_not_taken_for_its_own(
    warm_snakemake: WarmPython, checkout: Path, tmp_path: Path
) -> None:
    """The runs of five subjects are finished, one of ten is planned."""
    five, ten = ({"counts": {"training": subjects, "validation": 5, "test": 50}} for subjects in (5, 10))
    folders = [runs_folder("paper", "bwcr", ["acdc", "evaluate"], str(tmp_path), values) for values in (five, ten)]
    for file in ("done", "evaluation/summary.csv", "evaluation/reliability.csv"):
        path = checkout / "benchmarks/output/bwcr" / folders[0] / "da/seed0" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    part = {"methods": ["da"], "lambdas": [], "paper": ten}
    plan = snakemake(warm_snakemake, checkout, tmp_path, part, "--dry-run", table="bwcr_lambda")
    assert f"benchmarks/output/bwcr/{folders[1]}/da/seed0/done" in plan
    assert folders[0] not in plan


def test_a_part_of_the_table_is_made(warm_snakemake: WarmPython, checkout: Path, totalsegmentator: Path) -> None:
    sizes = {"max_cases": 6, "patch_size": [16, 16, 16], "spacing": 3.0, "features": [4, 8], "max_epochs": 2}
    sizes |= {"val_interval": 2, "shift": 1, "num_workers": 0, "num_folds": 3}
    part = {"organs": ["esophagus"], "levels": [0.03], "runs": [0], "paper": sizes}
    snakemake(warm_snakemake, checkout, totalsegmentator, part)
    file = checkout / f"docs/results/{TABLE}_paper.json"
    results = json.loads(file.read_text(encoding="utf-8"))
    (setting,) = results["settings"]
    assert setting["setting"] == {"a": 0.03}
    assert set(setting["methods"]) == {f"{loss} {rule}" for loss in ("CE", "SD") for rule in ("at 1/2", "Dice-optimal")}
    for method in setting["methods"].values():
        assert method["seeds"] == [0] and 0 <= method["mean"] <= 1
    assert file.with_name(f"{TABLE}_paper.png").is_file() and file.with_name(f"{TABLE}_clean_paper.json").is_file()
