"""The plan and the split of a run: made when a training starts, kept beside its weights, read by all that follows."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from common.datasets.by_annotators import drawn_by, truth_alone
from common.datasets.case_weights import leave_out, read_case_weights
from common.datasets.dataset import Dataset
from common.datasets.fingerprint import take_fingerprint
from common.datasets.given import OPTION_KINDS, checked_given
from common.datasets.given_items import GIVEN, dataset_of_items
from common.datasets.measured_plan import measured_plan
from common.datasets.plan import OF_LABELS, OF_MEMORY, Plan
from common.datasets.plan_classes import label_meanings
from common.datasets.plan_rules import NOT_OF, make_plan
from common.datasets.split import Split, split_dataset
from common.errors import InputError, counted
from common.io.files import whole_file
from common.workflow.begin import require_verb
from common.workflow.checkpoint import WEIGHTS_FILE
from common.workflow.kept_split import SECTIONS, SPLIT_FILE, load_split
from common.workflow.monai_internals import given_overrides, loaded_weights
from common.workflow.trainings import Places, training_folders

__all__ = ["KeepPlan", "announce_measured", "load_plan", "plan_of", "split_of"]

PLAN_FILE = "plan.json"
OF_THE_NETWORK = (  # what a network keeps when it learns from other images
    *("spatial_dims", "channels", "channel_names", "class_names", "orientation", "spacing", "image_size"),
    *("patch_size", "crop", "normalization", "features", "method"),
)

logger = logging.getLogger(__name__)


def plan_of(
    dataset: Dataset,
    items: Sequence[Mapping[str, Any]],
    folder: Places,
    resume: bool = False,
    trained: bool = False,
    **options: Any,
) -> Plan:
    """The plan of a training: made from the training cases, or when it resumes or is evaluated, the one it began with.

    A program such as MONAI Label puts images of its own in the place of the training cases and goes on with the weights
    that lie in ``folder``. The network then stays as their plan describes it, whatever is given besides; only what the
    labels mean is found out anew.

    Args:
        dataset: data set of `read_dataset`.
        items: its training cases.
        folder: folder of the weights, where a training leaves its plan; of several trainings their folders.
        resume: read the plan in ``folder``, if there is one.
        trained: read the plan in ``folder``.
        options: options of `make_plan`, and by name of a `Plan`'s attribute what shall not be found out; None counts
            as not given.

    Returns:
        The plan. What it decided is logged, a line each. Training cases that cannot be used are its ``faults``, so that
        `checking` can find all that is wrong, and `Samples` refuses to train.

    Raises:
        InputError: as `take_fingerprint` and `make_plan`, where no training case is left;
            what is given, or what the data set is called, contradicts the plan that is resumed or evaluated; and as
            `require_verb`.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     image, label = f"{folder}/image.png", f"{folder}/label.png"
        ...     Image.new("L", (8, 8)).save(image)
        ...     Image.linear_gradient("L").resize((8, 8)).point(lambda value: 255 * (value > 99)).save(label)
        ...     item = {"case": "a", "subject": "a", "image": image, "label": label}
        ...     plan_of(Dataset("plain", Path(folder), (item,)), [item], folder).class_names
        ('background', 'foreground')
    """
    require_verb()
    given = {name: value for name, value in options.items() if name not in OPTION_KINDS}
    rules = {name: options[name] for name in OPTION_KINDS.keys() & options.keys() if options[name] is not None}
    asked = checked_given(given)  # before an image is read
    checked_given(rules, OPTION_KINDS)
    first = training_folders(folder)[0]
    if trained or loaded_weights() or (resume and (first / PLAN_FILE).is_file()):
        overrides = given_overrides()  # not the defaults of a configuration
        said = [name for name in OF_MEMORY if name in overrides]
        if trained and given.get("method"):  # the network is that of the plan
            given["method"] = {name: value for name, value in given["method"].items() if name in overrides}
        ignore_value = rules.pop("ignore_value", None) if trained else None  # test labels may have one of their own
        kept = load_plan(folder, given | {name: rules[name] for name in (*OF_LABELS, *said) if name in rules})
        if any(rules.get(name) for name in ("class_values", "class_colors")) or given.get("class_names"):
            dataset = replace(dataset, class_names=None)  # what is given, and was compared, goes before
        return measured_plan(kept, dataset, ignore_value) if trained else kept
    known = {str(item["image"]) for item in dataset.items}
    if any(str(item["image"]) not in known for item in items):  # a program has put images of its own in their place
        dataset = dataset_of_items(items)
    faults: list[str] = []
    meanings: Any = partial(
        label_meanings,
        dataset,
        annotators=asked.get("annotators", dataset.annotators),
        said={name: rules.get(name) for name in OF_LABELS},
        faults=[],  # they are told when the plan is made
    )
    served_images = dataset.layout == GIVEN and (first / PLAN_FILE).is_file() and (first / WEIGHTS_FILE).is_file()
    if served_images:  # whose labels are understood by the plan; its normalization stays
        meanings = None
    fingerprint = take_fingerprint(items, faults=faults, meanings_of=meanings)
    if served_images:
        served = load_plan(folder, {"method": given.get("method")})
        fitting = [name for name in OF_THE_NETWORK if name not in NOT_OF[fingerprint.image_dims]]
        rules.pop("default_method", None)  # which may be another one than this network has
        given |= {name: value for name in fitting if (value := getattr(served, name))}
        if served.several_classes:  # labels hold the numbers of the maps that the network gives
            dataset = replace(dataset, class_names=dict(enumerate(served.class_names)))
    if any(item.get("annotators") for item in dataset.items) and (alone := truth_alone(items)):
        some = f"{counted(len(alone), 'training case')} with a ground truth and no annotator's label, the first is "
        dataset = replace(dataset, notes=(*dataset.notes, f"{some}{alone[0]}: the ground truth is learned there."))
    plan = make_plan(dataset, fingerprint, given, faults=faults, **rules)
    for note in plan.notes:
        logger.info("%s", note)
    return plan


def load_plan(
    folder: Places,
    given: Mapping[str, Any] | None = None,
    untrained: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan that lies beside a network's weights.

    Args:
        folder: of the weights; of several trainings (`training_folders`), whose plans must agree.
            ``monai.bundle.load``, which does not say where the bundle is, has its file beside those that it loads.
        given: what the command line or a configuration says besides; it must not contradict the plan.
        untrained: the plan, by the names of its attributes, of a bundle that has no weights yet.

    Returns:
        The plan.

    Raises:
        InputError: there is no plan, it cannot be read, or what is given, or the plan of another of the trainings,
            contradicts it; both values are named.

    Example:
        >>> import tempfile
        >>> from common.datasets.plan import example_plan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "plan.json").write_text(example_plan().to_json(), encoding="utf-8")
        ...     load_plan(folder).class_names
        ('background', 'foreground')
    """
    first, *others = training_folders(folder)
    if first.is_file():
        raise InputError(f"ckpt_dir: expected the folder of a training, got the file {first}.")
    loaded = loaded_weights()
    path = loaded.with_name(PLAN_FILE) if loaded else first / PLAN_FILE
    try:
        if untrained is not None and not path.is_file() and not path.with_name(WEIGHTS_FILE).is_file():
            return Plan.from_mapping(untrained)
        plan = Plan.from_json(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError(
            f"{path}: expected the plan that a training writes beside its weights, but it cannot be read "
            f"({error.strerror}); train first, or copy {PLAN_FILE} together with model.pt."
        ) from error
    found = plan.contradictions(given or {})
    if found:
        raise InputError(f"{'; '.join(found)} ({path}). Leave it out, or give what it was trained with.")
    for other in others:
        differing = plan.differences(load_plan(other))
        if differing:
            raise InputError(
                f"{path} and {other / PLAN_FILE} differ in {'; '.join(differing)}. Networks can be averaged only if "
                "all of them prepare an image in the same way; python -m common.folds gives all folds the same plan."
            )
    return plan


def split_of(
    dataset: Dataset,
    folder: Places,
    resume: bool = False,
    trained: bool = False,
    case_weights: str | os.PathLike[str] | None = None,
    new_cases: bool = False,
    **options: Any,
) -> Split:
    """The split of a training: drawn, or when it resumes or is evaluated, the one it began with.

    Args:
        dataset: data set of `read_dataset`.
        folder: folder of the weights.
        resume: read the split in ``folder``, if there is one.
        trained: read the split in ``folder``; then ``case_weights`` does not matter, and of the annotators those count
            whom the network knows.
        case_weights: file of `read_case_weights`. Cases of weight 0 are left out of the training cases, and so of the
            plan, which is made from these; validation and test cases stay, whatever their weight.
        new_cases: of a trained network every case is a test case, also those that are called as one of the training.
        options: options of `split_dataset`.

    Returns:
        The split.

    Raises:
        InputError: as `split_dataset`, `load_split`, `read_case_weights` and `leave_out`; a training that resumes began
            with other weights; a trained network has neither validation nor test cases.

    Example:
        >>> items = tuple({"case": name, "subject": name, "image": name, "label": name} for name in "abcdefghij")
        >>> split = split_of(Dataset("plain", Path("/data"), items), "no_such_folder", fractions=(0.8, 0.2, 0))
        >>> len(split.training), len(split.validation)
        (8, 2)
    """
    if trained and dataset.annotators:  # others may have drawn, too
        known = drawn_by(dataset, load_plan(folder).annotators)
        if known is not dataset:
            logger.info("%s", known.notes[-1])
        dataset = known
    if trained and new_cases:
        logger.warning("%s: all of its %d cases are test cases, by --new_cases.", dataset.root, len(dataset.cases))
        return Split([], [], list(dataset.items), f"all cases of {dataset.root} are tested")
    if trained:
        split = load_split(dataset, folder)
        sizes = [len(section) for section in (split.training, split.validation, split.test)]
        left = len(dataset.items) - sum(sizes)
        behind = f"; {counted(left, 'case')} of {dataset.root} in none of them" if left else ""
        logger.info("The network has %d training, %d validation and %d test cases, %s%s.", *sizes, split.origin, behind)
        if not split.validation and not split.test:
            raise InputError(
                f"{dataset.root}: the network in {folder} was trained on all {len(split.training)} cases, so none is "
                "left for validation or test; give a data set with other cases."
            )
        return split
    weights = {} if case_weights is None else read_case_weights(case_weights, dataset)
    if resume and Path(training_folders(folder)[0], SPLIT_FILE).is_file():
        split = load_split(dataset, folder)
        _require_same_weights(split, weights, case_weights or "case_weights", folder)
        return split
    split = split_dataset(dataset, **options)
    if case_weights is not None:
        split = leave_out(split, weights, case_weights)
    logger.info("%s", split.origin)
    if not split.validation:
        logger.warning("No case is left for validation: nothing is measured, and model.pt is that of the last epoch.")
    return split


def announce_measured(items: Sequence[Mapping[str, Any]], split: Split) -> None:
    """Says at the start of an evaluation which cases it measures: names of metrics begin with ``val_`` in any case.

    Args:
        items: that are measured.
        split: that they are from.

    Example:
        >>> announce_measured([{"case": "a"}], Split(test=[{"case": "a"}]))
    """
    section = "test" if items == split.test else "validation"
    behind = "" if split.test else ", by which the epoch to keep may have been chosen; there are no test cases"
    logger.info("Measured: %s%s.", counted(len(items), f"{section} case"), behind)


def _require_same_weights(
    split: Split, weights: Mapping[str, float], source: str | os.PathLike[str], folder: Places
) -> None:
    began = split.weights or {str(item["case"]): 1.0 for item in split.training}
    for case, weight in began.items():
        if weights.get(case, 1.0) != weight:
            raise InputError(
                f"{source}: the training in {folder} began with the weight {weight:g} of the case {case}, got "
                f"{weights.get(case, 1.0):g}; give the weights that it began with, or train anew in another ckpt_dir."
            )


class KeepPlan:
    """Ignite handler of a trainer: writes ``plan.json`` and ``split.json`` when the training starts.

    Args:
        folder: folder of the weights.
        plan: plan of this training.
        split: split of this training.

    Example:
        >>> import tempfile
        >>> from common.datasets.plan import example_plan
        >>> from common.workflow.kept_split import read_split
        >>> engine = Engine(lambda engine, batch: None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     KeepPlan(folder, example_plan(), Split([{"case": "a"}])).attach(engine)
        ...     _ = engine.run([0])
        ...     read_split(Path(folder, "split.json"), [])[0]["training"], load_plan(folder) == example_plan()
        (['a'], True)
    """

    def __init__(self, folder: str | os.PathLike[str], plan: Plan, split: Split) -> None:
        self.folder, self.plan, self.split = Path(folder), plan, split

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.write)

    def write(self, engine: Engine) -> None:
        if idist.get_rank() > 0:
            return
        with whole_file(self.folder / PLAN_FILE) as file:
            file.write_text(self.plan.to_json(), encoding="utf-8")
        names: dict[str, Any] = {
            section: [item["case"] for item in getattr(self.split, section)] for section in SECTIONS
        }
        if self.split.weights:
            names["weights"] = self.split.weights
        with whole_file(self.folder / SPLIT_FILE) as file:
            file.write_text(json.dumps(names, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
