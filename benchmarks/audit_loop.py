"""Closing the loop: audit wrong labels, leave out what it suspects, train again; what is gained on clean test labels.

    python -m benchmarks.audit_loop --dataset_dir SHENZHEN --folder WORK [--seeds 0,1,2]

As in `benchmarks.audit_shenzhen` 5 % of the training cases each have one of six errors, and T-Loss in two folds,
trained on these labels, gives the probabilities by which they are audited. Then ``training`` and ``evaluating`` on all
labels, with the audit's ``weights.csv`` as ``--case_weights``, and with the list of the labels that are truly wrong.
Prints a table of Dice with the clean labels of the test cases, mean and standard deviation over seeds, as Markdown, and
the number of wrong and of right labels that the audit suspects.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import fire
import numpy as np
from PIL import Image

from benchmarks.audit_shenzhen import prepare, resized, run_verb, save, train
from common.audit import audit_folders
from common.io.files import read_csv, write_csv

SMALL = {"features": [8, 16, 32, 64], "learning_rate": 3e-3}  # for a CPU, at 64 × 64 pixels
LOSSES = {"bce": "cross-entropy", "t_loss": "T-Loss"}
LISTS = {"all": "all labels", "audit": "the audit's `weights.csv`", "oracle": "without the truly wrong"}


def prepare_tests(dataset_dir: Path, work: Path, tests: int, size: int, seed: int) -> None:
    """Adds clean test cases to the wrong training cases of `prepare`, and writes the split."""
    chosen = {path.name for path in (work / "wrong/masks").iterdir()}
    others = sorted({path.name for path in (dataset_dir / "masks").glob("*.png")} - chosen)
    tested = sorted(np.random.default_rng(seed).permutation(others)[:tests])
    for kind in ("images", "masks"):
        for name in chosen:
            save(Image.open(work / "wrong" / kind / name), work / "all" / kind / name)
        for name in tested:
            picture = resized(dataset_dir / kind / name, size)
            picture = picture if kind == "images" else (picture > 127).astype(np.uint8) * 255
            save(Image.fromarray(picture), work / "all" / kind / name)
    stems = [Path(name).stem for name in tested]
    split = {"training": sorted(Path(name).stem for name in chosen), "validation": stems[:2], "test": stems[2:]}
    (work / "split.json").write_text(json.dumps(split), encoding="utf-8")


def run_seed(
    dataset_dir: Path, work: Path, losses: Sequence[str], cases: int, tests: int, size: int, max_epochs: int, seed: int
) -> dict:
    """Dice by (loss, list), and what the audit suspects; what is finished in the folder is not done again."""
    if not (work / "split.json").is_file():
        prepare(dataset_dir, work, cases, size, seed)
        prepare_tests(dataset_dir, work, tests, size, seed)
    injected: Mapping[str, str] = json.loads((work / "injected.json").read_text(encoding="utf-8"))
    if not (work / "audit/weights.csv").is_file():
        maps = train(work, "wrong", max_epochs, **SMALL)
        audit_folders(work / "wrong/masks", maps, work / "audit", work / "wrong/images")
    suspected = {row["case"] for row in read_csv(work / "audit/weights.csv") if float(row["weight"]) == 0}
    write_csv(work / "oracle/weights.csv", [{"case": case, "weight": 0} for case in injected])
    found: dict = {"hits": len(suspected & injected.keys()), "false": len(suspected - injected.keys())}
    options = {"max_epochs": max_epochs, "val_interval": max_epochs, "seed": seed, **SMALL}
    options |= {"dataset_dir": str(work / "all"), "split_file": str(work / "split.json")}
    for loss in losses:
        for name in LISTS:
            folder = work / f"{loss}_{name}"
            table = folder / "evaluation/val_mean_dice_raw.csv"
            if not table.is_file():
                given = options | {"loss_name": loss, "ckpt_dir": str(folder), "output_dir": str(folder)}
                given |= {} if name == "all" else {"case_weights": str(work / name / "weights.csv")}
                run_verb("training", ["train"], overwrite=True, **given)
                run_verb("evaluating", ["train", "evaluate"], **given)
            found[loss, name] = statistics.mean(float(row["mean"]) for row in read_csv(table))
    return found


def table(seeds: Sequence[dict], losses: Sequence[str], wrong: int, cases: int) -> str:
    """The results of all seeds as Markdown."""
    lines = [
        "| trained on | " + " | ".join(LOSSES[loss] for loss in losses) + " |",
        "| :--- |" + " ---: |" * len(losses),
    ]
    for name, text in LISTS.items():
        cells = [[found[loss, name] for found in seeds] for loss in losses]
        shown = [f"{statistics.mean(values):.3f} ± {statistics.pstdev(values):.3f}" for values in cells]
        lines.append(f"| {text} | {' | '.join(shown)} |")
    lines.append("")
    for loss in losses:
        for name, text in LISTS.items():
            shown = [f"{found[loss, name]:.3f}" for found in seeds]
            lines.append(f"{LOSSES[loss]}, {text}, by seed: {', '.join(shown)}")
    suspected = [f"{found['hits']} of {wrong} and {found['false']} of {cases - wrong}" for found in seeds]
    return "\n".join([*lines, f"Wrong and right labels that the audit suspects, by seed: {'; '.join(suspected)}"])


def main(
    dataset_dir: str,
    folder: str,
    cases: int = 120,
    tests: int = 82,
    size: int = 64,
    max_epochs: int = 30,
    seeds: Sequence[int] = (0, 1, 2),
    losses: Sequence[str] = tuple(LOSSES),
) -> None:
    """Prepares, audits, trains, evaluates and prints.

    Args:
        dataset_dir: the Shenzhen set, with images/ and masks/.
        folder: to work in; what is finished there is not done again.
        cases: number of training cases, of which 30 % get a wrong label.
        tests: number of cases with clean labels, of which two are validated while training.
        size: of the resized images in pixels.
        max_epochs: of each training; a seed has two of the audit, and three of each loss.
        seeds: of the choice of cases, the injected errors, and the trainings.
        losses: of the trainings after the audit, bce and t_loss.
    """
    root = Path(dataset_dir).resolve()
    numbers = [seeds] if isinstance(seeds, int) else list(seeds)
    names = [losses] if isinstance(losses, str) else list(losses)
    works = [Path(folder).resolve() / f"seed_{seed}" for seed in numbers]
    found = [
        run_seed(root, work, names, cases, tests, size, max_epochs, seed)
        for work, seed in zip(works, numbers, strict=True)
    ]
    wrong = len(json.loads((works[0] / "injected.json").read_text(encoding="utf-8")))
    print(table(found, names, wrong, cases))


if __name__ == "__main__":
    fire.Fire(main)
