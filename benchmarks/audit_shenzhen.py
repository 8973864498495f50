"""Which score finds wrong labels of real radiographs: the audit's against simple ones, on the same probabilities.

    python -m benchmarks.audit_shenzhen --dataset_dir SHENZHEN --folder WORK [--cases 120] [--max_epochs 30] [--seed 0]

Cases are resized; 5 % each get a label that is eroded, dilated or displaced by half of the object, mirrored, of another
case, or of one lung only. ``t_loss`` is trained in two folds, once on the clean labels and once on the wrong ones, and
every case gets the probabilities of the network that did not see it. Prints JSON: for each training AUROC and average
precision of every score (wrong label against right), the share flagged by default of clean and of wrong labels, how
often the kind was named as it was injected, how many labels are wrong of those with a low, a middle and a high
probability, the mean absolute error of the expected Dice of the label with the clean one, and the average precision of
the maps of false labels for pixels, beside 1 − p of the labeled class. ``softmin`` is the score of cleanlab's
``segmentation.rank.get_label_quality_scores``, reimplemented.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from monai.bundle import run
from PIL import Image
from scipy.ndimage import label as components

from benchmarks.label_audit.results import average_precision, placements
from common.audit import audit_folders
from common.noise import morphological_noise

BUNDLE = Path(__file__).parents[1] / "bundles/t_loss"
INJECTED = ("erosion", "dilation", "displacement", "mirrored", "another case", "one lung")
NAMED = dict(zip(INJECTED, ("too small", "too large", "displaced", "left and right flipped"), strict=False))
NAMED |= {"another case": "another case's label", "one lung": "missing"}
SCORES = ("surprise", "score", "expected_dice", "dice", "soft_dice", "softmin", "entropy_corrected")
LIMITS = (0.0, 0.1, 0.5, 0.9, 1.0)  # of probabilities
SHARE = 0.05
FEATURES = (16, 32, 64, 128)


def prepare(dataset_dir: str | Path, folder: Path, cases: int, size: int, seed: int) -> dict[str, str]:
    """Resized images, clean and wrong labels, the two folds; returns what was injected, by case."""
    root = Path(dataset_dir)
    names = sorted(path.name for path in (root / "masks").glob("*.png"))
    random = np.random.default_rng(seed)
    chosen = sorted(random.permutation(names)[:cases])
    each = round(SHARE * cases)
    wrong = random.permutation(chosen)[: each * len(INJECTED)]
    injected = {name: INJECTED[place // each] for place, name in enumerate(wrong)}
    generator = torch.Generator().manual_seed(seed)
    masks = {name: resized(root / "masks" / name, size) > 127 for name in chosen}
    for place, name in enumerate(chosen):
        image = Image.fromarray(resized(root / "images" / name, size))
        other = masks[chosen[(place + 1 + int(random.integers(len(chosen) - 1))) % len(chosen)]]
        noisy = spoil(masks[name], injected[name], other, generator) if name in injected else masks[name]
        for kind, mask in (("clean", masks[name]), ("wrong", noisy)):
            save(image, folder / kind / "images" / name)
            save(Image.fromarray(mask.astype(np.uint8) * 255), folder / kind / "masks" / name)
        save(image, folder / f"fold{place % 2}" / name)
    stems = [Path(name).stem for name in chosen]
    folds = [{"train": stems[1 - fold :: 2], "val": stems[fold::2]} for fold in (0, 1)]
    (folder / "folds.json").write_text(json.dumps(folds), encoding="utf-8")
    found = {Path(name).stem: kind for name, kind in injected.items()}
    (folder / "injected.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def spoil(mask: np.ndarray, kind: str, other: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """The mask with the error ``kind`` (one of `INJECTED`); ``other`` is the mask of another case."""
    if kind == "mirrored":
        return mask[:, ::-1]
    if kind == "another case":
        return other
    if kind == "one lung":
        numbered, count = components(mask)
        sizes = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
        right = np.arange(mask.shape[1]) > mask.shape[1] / 2
        return numbered == 1 + int(sizes.argmax()) if count > 1 else mask & right
    return morphological_noise(torch.from_numpy(mask.astype(np.uint8)), kind, 0.5, generator).numpy() > 0


def train(folder: Path, kind: str, max_epochs: int, **options: Any) -> list[Path]:
    """Two networks of two folds, and the folders with the probabilities of the cases that they did not see.

    ``options`` are of the training.
    """
    targets = [folder / f"probabilities_{kind}_{fold}" for fold in (0, 1)]
    for fold in (0, 1):
        run = folder / f"run_{kind}_{fold}"
        models = {"ckpt_dir": str(run / "models")}
        if not (run / "models/model.pt").is_file():
            given: dict[str, Any] = {
                "dataset_dir": str(folder / kind),
                "split_file": str(folder / "folds.json"),
                "fold": fold,
            }
            given |= {"max_epochs": max_epochs, "features": list(FEATURES), "val_interval": 10}
            run_verb("training", ["train"], output_dir=str(run / "output"), **models, **(given | options))
        places = {"dataset_dir": str(folder / f"fold{fold}"), "output_dir": str(targets[fold])}
        run_verb("inferring", ["inference"], save_probability=True, **models, **places)
    return targets


def run_verb(verb: str, configs: Sequence[str], **options: Any) -> None:
    """Runs a verb of T-Loss in this process; what it prints goes to stderr, so that stdout is the result's."""
    files = [str(BUNDLE / f"configs/{name}.yaml") for name in configs]
    options |= {"logging_file": False, "bundle_root": str(BUNDLE)}
    with redirect_stdout(sys.stderr):
        run(run_id=verb, config_file=files, **options)


def resized(path: Path, size: int) -> np.ndarray:
    """The gray picture, ``size`` × ``size``, uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR))


def save(image: Image.Image, path: Path) -> None:
    """Writes a picture and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def compared(cases: Sequence[Mapping[str, Any]], injected: Mapping[str, str]) -> dict[str, Any]:
    """AUROC, in all and by what was injected, and average precision of every score."""
    found: dict[str, Any] = {}
    for name in SCORES:
        by: dict[str, list[float]] = {}
        for row in cases:
            value = -row[name] if name == "surprise" else row[name]  # the lower, the more suspicious
            by.setdefault(injected.get(row["case"], ""), []).append(float(value))
        right = np.array(by.pop(""))
        wrong = np.concatenate([np.array(values) for values in by.values()])
        which = np.arange(len(wrong) + len(right)) < len(wrong)
        found[name] = {
            "AUROC": round(float(placements(wrong, right).mean()), 4),
            "average precision": round(average_precision(np.concatenate([wrong, right]), which), 4),
            **{kind: round(float(placements(np.array(one), right).mean()), 3) for kind, one in sorted(by.items())},
        }
    return found


def decided(cases: Sequence[Mapping[str, Any]], injected: Mapping[str, str]) -> dict[str, Any]:
    """What the default flags, and the names that it gives."""
    flagged = [row for row in cases if row["status"] == "suspicious"]
    hits = [row for row in flagged if row["case"] in injected]
    named = [row for row in hits if row["kind"] == NAMED[injected[row["case"]]]]
    return {
        "wrong labels flagged": f"{len(hits)} of {len(injected)}",
        "right labels flagged": f"{len(flagged) - len(hits)} of {len(cases) - len(injected)}",
        "kind as injected": f"{len(named)} of {len(hits)}",
    }


def calibrated(cases: Sequence[Mapping[str, Any]], injected: Mapping[str, str]) -> dict[str, str]:
    """How many labels are wrong of those in each range of the probability, and how many are to expect."""
    found = {}
    for low, high in itertools.pairwise(LIMITS):
        within = [
            (float(row["wrong_probability"]), row["case"] in injected)
            for row in cases
            if row["status"] != "not judged" and low <= row["wrong_probability"] < high + (high == 1)
        ]
        wrong, expected = sum(one for _, one in within), sum(probability for probability, _ in within)
        found[f"{low:g} to {high:g}"] = f"{wrong} of {len(within)} wrong, {expected:.1f} expected"
    return found


def located(
    cases: Sequence[Mapping[str, Any]], work: Path, audit: Path, maps: Sequence[Path]
) -> dict[str, dict[str, float]]:
    """Errors of the expected Dice, and average precision for pixels, of a finished audit of the wrong labels."""
    found = {
        path.name.removesuffix("_probability.png"): path for folder in maps for path in folder.rglob("*_prob*.png")
    }
    errors: dict[str, list[float]] = {"expected_dice": [], "dice": [], "soft_dice": []}
    false, doubt, truth = [], [], []
    for row in cases:
        name = f"{row['case']}.png"
        clean, drawn = (np.asarray(Image.open(work / kind / "masks" / name)) > 127 for kind in ("clean", "wrong"))
        p = np.asarray(Image.open(found[row["case"]])) / 255
        true = 2 * int((clean & drawn).sum()) / int(clean.sum() + drawn.sum())
        for key, values in errors.items():
            values.append(abs(float(row[key]) - true))
        false.append(np.asarray(Image.open(audit / "false_labels" / name)).ravel() / 255)
        doubt.append(np.where(drawn, 1 - p, p).ravel())
        truth.append((clean != drawn).ravel())
    pixels = [np.concatenate(parts) for parts in (false, doubt, truth)]
    return {
        "mean error of the Dice with the clean label": {key: round(float(np.mean(v)), 4) for key, v in errors.items()},
        "average precision of pixels": {
            "false label": round(average_precision(-pixels[0], pixels[2]), 4),
            "1 - p": round(average_precision(-pixels[1], pixels[2]), 4),
        },
    }


def main(
    dataset_dir: str,
    folder: str,
    cases: int = 120,
    size: int = 128,
    max_epochs: int = 30,
    seed: int = 0,
    trainings: str = "clean,wrong",
) -> None:
    """Prepares, trains, audits and prints.

    Args:
        dataset_dir: the Shenzhen set, with images/ and masks/.
        folder: to work in; what is finished there is not done again.
        cases: number of cases.
        size: of the resized images in pixels.
        max_epochs: of each training, of which there are two for each kind of labels.
        seed: of the choice of cases and of the injected errors.
        trainings: on which labels, ``clean``, ``wrong`` or both.
    """
    work = Path(folder).resolve()
    if (work / "injected.json").is_file():
        injected = json.loads((work / "injected.json").read_text(encoding="utf-8"))
    else:
        injected = prepare(dataset_dir, work, cases, size, seed)
    result: dict[str, Any] = {"cases": cases, "wrong": len(injected), "size": size, "epochs": max_epochs, "seed": seed}
    for kind in trainings.split(",") if isinstance(trainings, str) else trainings:
        maps = train(work, kind, max_epochs)
        spoiled, clean = (
            audit_folders(
                work / labels / "masks",
                maps,
                work / f"audit_{kind}_{labels}",
                work / "clean/images",
                maps_of_false_labels=labels == "wrong",
            )
            for labels in ("wrong", "clean")
        )
        result[f"trained on {kind} labels"] = {
            **compared(spoiled["cases"], injected),
            **decided(spoiled["cases"], injected),
            "probability": calibrated(spoiled["cases"], injected),
            **located(spoiled["cases"], work, work / f"audit_{kind}_wrong", maps),
            "flagged without injected errors": f"{clean['summary']['suspicious']} of {len(clean['cases'])}",
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    fire.Fire(main)
