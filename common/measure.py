"""Masks that a bundle, or any other program, wrote against the labels of a data set, in the geometry of their files.

The verb ``evaluating`` measures on the grid of the plan, on which a network works. Here nothing is resampled: what is
measured is what a user gets.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from monai.utils import ensure_tuple
from tqdm import tqdm

from common.command import REQUIRED, run_command
from common.datasets import Dataset, annotated, consensus, drawn_by, read_dataset, reading
from common.datasets.by_annotators import ONLY_ANNOTATOR
from common.datasets.images_by_case import FIRST_CHANNEL
from common.datasets.listing import split_suffix
from common.datasets.measured_plan import measured_plan
from common.errors import InputError, counted, shown_names
from common.io import read_label_values
from common.io.checks import geometry_finding, voxel_size
from common.io.files import write_csv
from common.io.formats import IMAGE_SUFFIXES, is_picture
from common.io.orientation import reoriented
from common.metrics import dice_score, hausdorff_distance_95, mean_interval, paired_permutation_test, structure_pair
from common.report.tables import markdown_table
from common.workflow import as_bool, load_plan, training_folders
from common.workflow.kept_split import SPLIT_FILE, read_split

__all__ = ["measure", "measure_case"]

logger = logging.getLogger(__name__)
SECTIONS = ("training", "validation", "test", "new")
COMPARED = "compared_"  # begins the columns of the other network


def measure_case(mask: torch.Tensor, label: torch.Tensor, class_names: Sequence[str]) -> dict[str, float]:
    """Dice and 95 % Hausdorff distance of each class of one case.

    Args:
        mask: class indices ``(1, *spatial)``, of a file with its affine: axes that are stored in another order or
            direction than those of the label are turned (`common.io.reoriented`).
        label: likewise, −1 where nobody labeled; with an affine (`MetaTensor`) distances are in its unit, mm, without
            one in pixels.
        class_names: of all classes, background first.

    Returns:
        ``dice_CLASS`` in [0, 1] and ``hd95_CLASS`` from 0 up, for each class but the background; nan where neither has
        it, and for a missed or false class 0 and the diagonal of the image (`common.metrics.hausdorff_distance_95`).

    Raises:
        InputError: the two are not on one grid, or the mask holds other values than those of the classes.

    Example:
        >>> label = torch.tensor([[[0, 1, 1, 0]]])
        >>> measure_case(torch.tensor([[[0, 1, 0, 0]]]), label, ["background", "tumor"])
        {'dice_tumor': 0.6667, 'hd95_tumor': 0.95}
    """
    mask = reoriented(mask, label)
    finding = geometry_finding(label, mask)
    if finding is not None and finding.unusable:
        raise InputError(f"expected a mask on the grid of the label, but {finding.message.replace('image', 'label')}")
    unknown = sorted(set(mask.unique().tolist()) - set(range(len(class_names))))
    if unknown:
        raise InputError(
            f"expected a mask with the numbers of {len(class_names)} classes, 0 to {len(class_names) - 1}, "
            f"got {', '.join(f'{value:g}' for value in unknown[:5])} too"
        )
    pair = structure_pair(mask[None], label[None], len(class_names), include_background=False)
    spacing = voxel_size(label) if isinstance(label, MetaTensor) else None
    measures = {"dice": dice_score(*pair)[0], "hd95": hausdorff_distance_95(*pair, spacing)[0]}
    return {
        f"{measure}_{name}": round(float(value), 4)
        for measure, values in measures.items()
        for name, value in zip(class_names[1:], values, strict=True)
    }


def measure(
    masks: Annotated[str | None, REQUIRED] = None,
    dataset_dir: Annotated[str | None, REQUIRED] = None,
    ckpt_dir: Annotated[str | None, REQUIRED] = None,
    layout: str | None = None,
    new_cases: bool = False,
    ignore_value: int | str | None = None,
    class_values: Any = None,
    output: str | None = None,
    compare_with: str | None = None,
    **options: Any,
) -> str:
    """Measures the masks of a folder with the labels of a data set, in the geometry of the files.

    Nothing is resampled, unlike in ``evaluating``, which measures on the grid on which the network works. Distances
    are in mm, those of pictures in pixels. A case with the labels of several annotators and no ground truth is measured
    with their majority, in which those whom the training left out have no vote. If ``--truth`` names whose labels
    count, cases without one are left out; ``--annotators`` chooses among annotators. What a label leaves out is left
    out.

    ``measures.csv`` has Dice and 95 % Hausdorff distance of each class for each case. The table that is printed has
    their means, apart for the cases of training, validation and test, and for those that the training did not know.

    Args:
        masks: folder with ``CASE_mask``, or ``CASE``, in any format, or named as ``inferring`` names them, after the
            image: below the data set, or below one of its folders where no other image has the name. Class numbers,
            with two classes anything but 0 is the foreground; fractions and numbers below 0 are refused.
        dataset_dir: folder of the data set with the labels.
        ckpt_dir: folder of the training, whose plan says what the values of labels mean.
        layout: of the data set; by default it is recognized.
        new_cases: all cases are new, also those with the name of a case of the training.
        ignore_value: value in the label files that means not labeled, where the training had none.
        class_values: value of each class by name, as in a training that was told so against its data set.
        output: the CSV file; by default ``measures.csv`` in the folder of the masks.
        compare_with: folder with masks of the same cases by another network: printed is how much better the first are,
            for each class the mean difference with its 95 % interval (bootstrap over cases) and a p-value (paired
            permutation test), without the cases of the training. The CSV file has both.
        **options: of the layout, as in the training: ``--organ``, ``--modalities``, ``--truth``.

    Returns:
        The table, as Markdown.

    Raises:
        InputError: no labeled case has a mask, or some could not be measured; all others are measured.

    Example:
        Masks that `inferring` wrote:

            python -m common.measure --masks output/inference --dataset_dir /data/mine --ckpt_dir models
    """
    folder = Path(str(masks))
    other = None if compare_with is None else Path(str(compare_with))
    for option, place in (("masks", folder), ("compare_with", other)):
        if place is not None and not place.is_dir():
            raise InputError(f"{option}: expected a folder of masks, got {place}.")
    plan = load_plan(str(ckpt_dir), {"class_values": class_values})
    dataset = read_dataset(str(dataset_dir), layout=layout, **options)
    if class_values is not None:
        dataset = replace(dataset, class_names=None)
    if not dataset.annotators and plan.annotators == (ONLY_ANNOTATOR,):  # one label was learned as an annotator's
        dataset = annotated(dataset)
    if options.get("truth") is None:
        dataset = drawn_by(dataset, plan.annotators)
        labeled = [item for item in dataset.items if "label" in item or item.get("annotators")]
    else:
        items = [{key: value for key, value in item.items() if key != "annotators"} for item in dataset.items]
        labeled = [item for item in items if "label" in item]
    names = {item["case"]: _mask_names(item, dataset.root) for item in dataset.items}
    times = Counter(name for known in names.values() for name in known)
    own = {case: [name for name in known if name == case or times[name] == 1] for case, known in names.items()}
    found = [(item, path) for item in labeled if (path := _mask_of(folder, own[item["case"]])) is not None]
    if not found:
        raise InputError(
            f"{folder}: expected CASE_mask of labeled cases of {dataset_dir}, such as "
            f"{labeled[0]['case'] + '_mask' if labeled else 'none, as no case there has a label'}, got none."
        )
    if len(found) < len(labeled):
        logger.info("%s of %s have a mask in %s.", len(found), counted(len(labeled), "labeled case"), folder)
    others = {item["case"]: other and _mask_of(other, own[item["case"]]) for item, _ in found}
    if other and (without := [case for case, path in others.items() if path is None]):
        raise InputError(
            f"compare_with: expected masks of the same cases in {other}, got none of {shown_names(without)}."
        )
    plan = measured_plan(plan, dataset, ignore_value)
    load = Compose(reading(plan) + consensus(plan, replace=False))
    sections = {} if as_bool("new_cases", new_cases) else _sections(dataset, str(ckpt_dir))
    rows: list[dict[str, Any]] = []
    unusable: list[str] = []
    for item, path in tqdm(found, desc="measuring", unit="case", disable=None):
        try:
            label = load(item)["label"]
            measures = measure_case(_class_map(path, plan.binary), label, plan.class_names)
            if (path := others[item["case"]]) is not None:
                compared = measure_case(_class_map(path, plan.binary), label, plan.class_names)
                measures |= {f"{COMPARED}{name}": value for name, value in compared.items()}
        except Exception as error:  # decoders of damaged files raise whatever they meet
            unusable.append(f"{item['case']} ({' '.join(str(error.__cause__ or error).split()).rstrip('.')})")
            continue
        rows.append({"case": item["case"], "section": sections.get(item["case"], "new"), **measures})
    if rows:
        write_csv(Path(output or folder / "measures.csv"), [_without_nan(row) for row in rows])
    if unusable:
        raise InputError(f"{len(unusable)} of {len(found)} cases could not be measured: {'; '.join(unusable)}.")
    pictures = all(is_picture(ensure_tuple(item["image"])[0]) for item, _ in found)
    unit, classes = "pixels" if pictures else "mm", plan.class_names[1:]
    table = _table(rows, classes, unit)
    voted = sum("label" not in item for item, _ in found) if len(dataset.annotators) > 1 else 0
    if voted:
        whose = f"the majority of {', '.join(dataset.annotators)}"
        table = f"Label of {counted(voted, 'case')} of {len(found)}: {whose}.\n\n{table}"
    if other is None:
        return table
    learned = sum(row["section"] == "training" for row in rows)
    caution = (
        f"Compared are the cases that the training in {ckpt_dir} did not learn from ({counted(learned, 'case')} left "
        f"out). It is not known here which cases the network of {other} learned from; its masks of these look better "
        "than they are."
    )
    return "\n\n".join([table, *([caution] if sections else []), _comparison(rows, classes, unit)])


def _mask_names(item: Mapping[str, Any], root: Path) -> dict[str, None]:
    """What a case's mask may be called: as the case, or as its image below the data set, or below a folder of it."""
    names = [item["case"]]
    image = Path(ensure_tuple(item["image"])[0])
    if image.is_relative_to(root):
        parts = split_suffix(image.relative_to(root).as_posix())[0].split("/")
        for place in ("/".join(parts[start:]) for start in range(len(parts))):
            names += [place, place.removesuffix(FIRST_CHANNEL)]
    return dict.fromkeys(names)


def _mask_of(folder: Path, names: Iterable[str]) -> Path | None:
    """The file ``NAME_mask``, else ``NAME``, of any format, of the first name that there is."""
    files = (f"{name}{ending}{suffix}" for name in names for ending in ("_mask", "") for suffix in IMAGE_SUFFIXES)
    return next((path for file in files if (path := folder / file).is_file()), None)


def _class_map(path: Path, binary: bool) -> torch.Tensor:
    """A mask's numbers of classes ``(1, *spatial)``; of two classes 1 where it is not 0."""
    mask = read_label_values(path)
    if len(mask) != 1:
        raise InputError(f"{path}: expected a mask with one channel, got {len(mask)}")
    if (least := float(mask.min())) < 0:  # of a fusion, where nobody labeled; it would be foreground
        raise InputError(f"{path}: expected a mask that says a class everywhere, numbers from 0, got {least:g} too")
    if (parts := mask[mask != mask.round()]).numel():  # a probability map, of which all above 0 would be foreground
        raise InputError(f"{path}: expected a mask, whole numbers, got {float(parts[0]):g} too")
    if not binary:
        return mask
    drawn = mask[mask != 0]
    if drawn.numel() and drawn.min() != drawn.max():  # an image, or a map of 8 bits
        lossy = "; the compression of JPEG makes further ones" if path.suffix.lower() in (".jpg", ".jpeg") else ""
        raise InputError(
            f"{path}: expected a mask of two classes, 0 and one other value, got {float(drawn.min()):g} and "
            f"{float(drawn.max()):g}{lossy}"
        )
    return (mask != 0).to(mask.dtype)


def _sections(dataset: Dataset, ckpt_dir: str) -> dict[str, str]:
    """What each case was to the training; one that any of several networks learned from is one of training."""
    sections: dict[str, str] = {}
    for path in (folder / SPLIT_FILE for folder in training_folders(ckpt_dir)):
        split = read_split(path, dataset.cases)[0] if path.is_file() else {}
        for section in SECTIONS:
            for case in split.get(section, ()):
                known = sections.setdefault(case, section)
                sections[case] = min(known, section, key=SECTIONS.index)
    return sections


def _without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a CSV file, empty where nothing could be measured."""
    return {name: "" if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], unit: str) -> str:
    """Means of each section and class, over the cases in which the class could be measured."""

    def lines() -> Iterator[list[str]]:
        for section in SECTIONS:
            chosen = [row for row in rows if row["section"] == section]
            for name in names if chosen else ():
                known = [row for row in chosen if not np.isnan(row[f"dice_{name}"])]
                dice, distance = (
                    f"{np.mean([row[f'{measure}_{name}'] for row in known]):.{digits}f}" if known else "–"
                    for measure, digits in (("dice", 3), ("hd95", 2))
                )
                yield [section, name, str(len(known)), dice, distance]

    return markdown_table(["cases of", "class", "measured", "Dice", f"HD95 ({unit})"], list(lines()))


def _comparison(rows: Sequence[Mapping[str, Any]], names: Sequence[str], unit: str) -> str:
    """The mean differences of each class, over the cases that the training did not learn from and that have it."""
    new = [row for row in rows if row["section"] != "training"]
    lines = []
    for name in names:
        cells = []
        for measure, digits in (("dice", 3), ("hd95", 2)):
            pairs = np.array([[row[f"{prefix}{measure}_{name}"] for prefix in ("", COMPARED)] for row in new])
            pairs = pairs[np.isfinite(pairs).all(1)] if len(pairs) else np.zeros((0, 2))
            cells += [str(len(pairs))] if measure == "dice" else []
            cells += _difference(pairs, digits)
        lines.append([name, *cells])
    head = ["class", "cases", "Dice, difference", "p", f"HD95, difference ({unit})", "p"]
    said = "--masks minus --compare_with: above 0 in Dice and below 0 in HD95, those of --masks are the better ones."
    return f"{said}\n\n{markdown_table(head, lines)}"


def _difference(pairs: np.ndarray, digits: int) -> list[str]:
    """Mean difference with its interval, and p, of (n, 2) measures; of fewer than two cases nothing is known."""
    if len(pairs) < 2:
        return ["–", "–"]
    first, second = pairs.T
    low, high = mean_interval((first - second).tolist())
    p = paired_permutation_test(first.tolist(), second.tolist())
    return [f"{(first - second).mean():+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]", f"{p:.2g}"]


if __name__ == "__main__":
    run_command(measure)
