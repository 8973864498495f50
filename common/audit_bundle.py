"""`auditing`, a verb of every bundle: which labels are wrong, by networks that did not see them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from common.audit.annotators import audit_annotators, print_annotators
from common.audit.inputs import probability_files
from common.audit.order import check_order, read_order
from common.audit.run import audit_cases, print_audit
from common.audit.second import read_audit
from common.audit.summary import LEAST_CERTAINTY, SUSPICIOUS, check_limits
from common.audit.tool_files import tool_faults
from common.command import threads_of_each
from common.consensus.sources import FusionCase, Sources
from common.datasets.dataset import Dataset
from common.datasets.images_by_case import images_of
from common.datasets.plan import Plan
from common.errors import InputError
from common.folds import cross_validate
from common.from_training import datalist, held_out, inference_options, segment
from common.io.folder_lock import locked_folder
from common.io.formats import is_picture
from common.io.label_meaning import LabelMeaning
from common.workflow.distributed import require_one_process
from common.workflow.kept_split import SPLIT_FILE, read_split
from common.workflow.monai_internals import ID_SEP_KEY, given_files, given_overrides
from common.workflow.planning import load_plan
from common.workflow.trainings import Places, training_folders

__all__ = ["audit_bundle", "labels_of"]

OWN = ("audit", "dataset_dir", "output_dir", "ckpt_dir", "fold", "num_folds", "resume")  # no options of a fold


def audit_bundle(
    dataset: Dataset,
    dataset_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    ckpt_dir: Places,
    num_folds: int | None = 5,
    annotator: str | None = None,
    folds_dir: str | os.PathLike[str] | None = None,
    parallel: int = 1,
    maps_of_false_labels: bool = False,
    least_certainty: float = LEAST_CERTAINTY,
    suspicious: float = SUSPICIOUS,
    previous: str | os.PathLike[str] | None = None,
    order: str | os.PathLike[str] | None = None,
    output_format: str | None = None,
    images: str | os.PathLike[str] | None = None,
    network_options: Mapping[str, Any] | None = None,
) -> None:
    """Audits the labels of a data set by a bundle's networks, and prints what was found.

    The folds are those of `common.folds.cross_validate`: finished ones of the same options are taken. All options that
    the command was given are handed on to their training.

    Args:
        dataset: whose labels are audited.
        dataset_dir: from which it was read.
        output_dir: ``audit/`` is written in it, see `common.audit.audit_cases`.
        ckpt_dir: folder of the network at hand, or of several, for ``num_folds`` None.
        num_folds: number of folds, at least 2; None takes the probability maps of the network at hand, which is weaker:
            it may have learned wrong labels by heart.
        annotator: whose labels are audited, where several have drawn; None audits all of them and compares them.
        folds_dir: where the folds are, or are written; None: ``folds/`` in ``output_dir``.
        parallel: trainings side by side.
        maps_of_false_labels: writes ``false_labels/CASE``, how probable it is in each voxel that the label is false.
        least_certainty: a case is not judged if the expected Dice of its prediction, from 0 to 1, is lower than this.
        suspicious: a label is that is wrong with at least this probability, above 0 and up to 1.
        previous: ``audit/`` of an earlier audit: what has changed since is said.
        order: CSV file with the columns ``case`` and ``order``, to look for a drift; None takes the order of the names.
        output_format: writes each suspicious label, with the regions that are likely to be false, for the tool that
            corrects it (`common.audit.tool_files`); None writes none.
        images: folder of the images that this tool shows, such as the DICOM series of which the data set was made; None
            for those of the data set.
        network_options: of trainings and inferences for an audit, where the command does not give them.

    Raises:
        InputError: it was not started by ``monai.bundle.run``; it was given a fold, or to resume; folds learned
            different classes; some cases could not be audited or written; as `labels_of`, `cross_validate` and
            `audit_cases`.

    Example:
        It is what this verb of a bundle calls, here with the data that the bundle generates:

            python -m monai.bundle run auditing --config_file "['configs/train.yaml','configs/audit.yaml']"
    """
    check_limits(least_certainty, suspicious)
    target = Path(output_dir).resolve() / "audit"
    require_one_process(target / "audit.html")
    configs = [Path(path).resolve() for path in given_files() if Path(path).stem != "audit"]
    if not configs:
        raise InputError(
            "auditing starts other processes with its own command line: run it by python -m monai.bundle run, with "
            "the options in the command and not in an args_file."
        )
    several = annotator is None and len(dataset.annotators) > 1
    drawn = dict(labels_of(dataset, name)[::-1] for name in (dataset.annotators if several else (annotator,)))
    labels = {case: path for files in drawn.values() for case, path in files.items()}
    told = given_overrides()
    if wrong := [name for name in ("fold", "resume") if told.get(name) not in (None, False)]:
        raise InputError(
            f"{wrong[0]}: expected none, since auditing trains all folds and takes those that are finished; got "
            f"{told[wrong[0]]!r}."
        )
    given = {key: value for key, value in told.items() if key.split(ID_SEP_KEY)[0] not in OWN}
    given = {**(network_options or {}), **given}
    places = None if order is None else read_order(Path(order).expanduser())  # before networks are trained
    check_order(places, labels)
    before = None if previous is None else Path(previous).expanduser()
    if before is not None:
        for folder in [before / name for name in drawn] if several else [before]:
            read_audit(folder)
    items = [item for item in dataset.items if item["case"] in labels]
    own = {item["case"]: Path(ensure_tuple(item["image"])[0]) for item in items}
    tool_images = own if images is None else images_of(Path(images).expanduser(), list(labels))
    tool_faults(labels, tool_images, output_format)
    if num_folds is None:
        folders, maps = [folder.resolve() for folder in training_folders(ckpt_dir)], [target / "maps"]
        shared = inference_options(configs, given)
        segment(configs, datalist(items), folders, maps[0], threads_of_each(1), overwrite=True, **shared)
        caution = training_overlap(folders, labels)
    else:
        runs = Path(output_dir, "folds") if folds_dir is None else Path(folds_dir)
        data = Path(dataset_dir).expanduser().resolve()
        folders = cross_validate(configs, data, dataset, runs.resolve(), num_folds, parallel, **given)
        maps = [folder / "out_of_fold" for folder in folders]
        judged = {case["case"] for folder in folders for case in held_out(folder, dataset.items)}
        apart = len(labels.keys() - judged)
        caution = f"{apart} labeled cases are kept apart for tests, in no fold, and are not audited." if apart else ""
        labels = {case: path for case, path in labels.items() if case in judged}
    plan, *others = [load_plan(folder) for folder in folders]
    if any(other.class_names != plan.class_names for other in others):
        raise InputError(
            f"{folders[0].parent}: each fold took its classes from its own training cases, and they differ; give all "
            "folds the same by --class_names and --class_values."
        )
    found = probability_files(list(labels), maps, plan.class_names)
    shown = {item["case"]: path for item in items if (path := _shown(item["image"], plan)) is not None}
    title = Path(dataset_dir).name
    options: dict[str, Any] = {
        "class_names": plan.class_names,
        "caution": caution,
        "maps_of_false_labels": bool(maps_of_false_labels),
        "least_certainty": float(least_certainty),
        "suspicious": float(suspicious),
        "previous": before,
        "order": places,
        "output_format": output_format,
        "tool_images": tool_images,
    }
    meanings = {name: LabelMeaning.from_json(plan.labels.get(name) or plan.labels.get("", {})) for name in drawn}
    if "" in plan.labels:
        meanings.setdefault("", LabelMeaning.from_json(plan.labels[""]))
    if several:
        cases = [
            FusionCase(case, {name: str(files[case]) for name, files in drawn.items() if case in files})
            for case in sorted(labels)
        ]
        sources = Sources(tuple(cases), tuple(drawn), (), (dataset.root,))
        with locked_folder(target):
            content = audit_annotators(sources, found, target, title, shown, meanings=meanings, **options)
        print_annotators(content, target)
        return
    name = next(iter(drawn))
    with locked_folder(target):
        content = audit_cases(labels, found, target, title, shown, meaning=meanings[name], **options)
    print_audit(content, target)


def labels_of(dataset: Dataset, annotator: str | None = None) -> tuple[dict[str, Path], str]:
    """The label files that are audited.

    Args:
        dataset: with a label for each case, or with several annotators.
        annotator: whose labels; None where there is one label for each case, or one annotator.

    Returns:
        The file of each case that has one, and the annotator; empty text without annotators.

    Raises:
        InputError: several annotators have drawn and none is named, there is no such annotator, or no label is a file.

    Example:
        >>> items = ({"case": "a", "annotators": {"AR": "a_AR.png"}}, {"case": "b", "annotators": {}})
        >>> labels, annotator = labels_of(Dataset("plain", Path("/data"), items, annotators=("AR",)))
        >>> labels["a"].name, len(labels), annotator
        ('a_AR.png', 1, 'AR')
    """
    names = dataset.annotators
    if annotator is None and len(names) > 1:
        raise InputError(
            f"{dataset.root}: there are labels by {', '.join(names)}; choose the annotator to audit by "
            "--audit#annotator."
        )
    if annotator is not None and str(annotator) not in names:
        raise InputError(
            f"{dataset.root}: audit#annotator: expected one of {', '.join(names) or 'none'}, got {annotator!r}."
        )
    name = str(annotator) if annotator is not None else "".join(names)
    found = {
        item["case"]: (item.get("annotators") or {}).get(name) if names else item.get("label") for item in dataset.items
    }
    labels = {str(case): Path(path) for case, path in found.items() if isinstance(path, str | os.PathLike)}
    if not labels:
        raise InputError(f"{dataset.root}: expected a label file for each case to audit, got none.")
    return labels, name


def training_overlap(folders: Sequence[Path], labels: Mapping[str, Path]) -> str:
    """How many of the labels a network, or several, were trained with, and what follows.

    Args:
        folders: of the trainings; one without ``split.json`` may have seen every label.
        labels: of the audit, by case.

    Returns:
        A sentence for the log and the page; empty if they were trained with none of the labels.

    Example:
        >>> training_overlap([Path("nowhere")], {"a": Path("a.png")})[:68]
        'The network in nowhere was trained with 1 of these 1 labels and may '
    """
    splits = [folder / SPLIT_FILE for folder in folders]
    names = {name for split in splits if split.is_file() for name in read_split(split, labels)[0]["training"]}
    count = len(labels.keys() & names) if all(split.is_file() for split in splits) else len(labels)
    if not count:
        return ""
    return (
        f"The network in {', '.join(map(str, folders))} was trained with {count} of these {len(labels)} labels and may "
        "have learned wrong ones by heart, so that fewer of them are found: --num_folds 5 judges each label by a "
        "network that did not see it."
    )


def _shown(image: Any, plan: Plan) -> Path | None:
    """The file that the page shows of an image: its first channel, or none of a volume that holds several."""
    path = Path(image[0] if isinstance(image, list) else image)
    single = isinstance(image, list) or plan.channels == 1 or is_picture(path)
    return path if single and path.is_file() else None
