"""The plan and the split of a run: made when a training starts, kept beside its weights, read by all that follows."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from common.datasets.dataset import Dataset
from common.datasets.fingerprint import take_fingerprint
from common.datasets.given import OPTION_KINDS, checked_given
from common.datasets.plan import Plan
from common.datasets.plan_rules import make_plan
from common.datasets.split import Split, split_dataset
from common.errors import InputError
from common.io.files import whole_file
from common.workflow.checkpoint import WEIGHTS_FILE
from common.workflow.monai_internals import loaded_weights

__all__ = ["KeepPlan", "load_plan", "load_split", "plan_of", "split_of"]

PLAN_FILE = "plan.json"
SPLIT_FILE = "split.json"
SECTIONS = ("training", "validation", "test")
OF_THE_NETWORK = (  # what a network keeps when it learns from other images
    *("spatial_dims", "channels", "channel_names", "class_names", "orientation", "spacing", "image_size"),
    *("patch_size", "crop", "normalization", "features", "method"),
)

logger = logging.getLogger(__name__)


def plan_of(
    dataset: Dataset,
    items: Sequence[Mapping[str, Any]],
    folder: str | os.PathLike[str],
    resume: bool = False,
    trained: bool = False,
    **options: Any,
) -> Plan:
    """The plan of a training: made from the training cases, or when it resumes or is evaluated, the one it began with.

    A program such as MONAI Label puts images of its own in the place of the training cases and goes on with the weights
    that lie in ``folder``. The network then stays as their plan describes it, whatever is given besides; only what the
    labels mean is found out anew.

    Args:
        dataset: of `read_dataset`.
        items: its training cases.
        folder: of the weights, where a training leaves its plan.
        resume: read the plan in ``folder``, if there is one.
        trained: read the plan in ``folder``.
        options: of `make_plan`, and by name of a `Plan`'s attribute what shall not be found out; None is not given.

    Returns:
        The plan. What it decided is logged, a line each. Training cases that cannot be used are its ``faults``, so that
        `checking` can find all that is wrong, and `Samples` refuses to train.

    Raises:
        InputError: as `take_fingerprint` and `make_plan`, where no training case is left;
            what is given contradicts the plan that is resumed.
    """
    given = {name: value for name, value in options.items() if name not in OPTION_KINDS}
    rules = {name: options[name] for name in OPTION_KINDS.keys() & options.keys() if options[name] is not None}
    checked_given(given)  # before an image is read
    checked_given(rules, OPTION_KINDS)
    if trained or loaded_weights() or (resume and Path(folder, PLAN_FILE).is_file()):
        return load_plan(folder, given)
    known = {str(item["image"]) for item in dataset.items}
    if any(str(item["image"]) not in known for item in items):  # a program has put images of its own in their place
        dataset = Dataset("given", dataset.root, tuple(map(dict, items)))
        if Path(folder, PLAN_FILE).is_file() and Path(folder, WEIGHTS_FILE).is_file():
            served = load_plan(folder, {"method": given.get("method")})
            given |= {name: value for name in OF_THE_NETWORK if (value := getattr(served, name))}
            if served.several_classes:  # labels hold the numbers of the maps that the network gives
                dataset = replace(dataset, class_names=dict(enumerate(served.class_names)))
    faults: list[str] = []
    plan = make_plan(dataset, take_fingerprint(items, faults=faults), given, faults=faults, **rules)
    for note in plan.notes:
        logger.info("%s", note)
    return plan


def load_plan(
    folder: str | os.PathLike[str],
    given: Mapping[str, Any] | None = None,
    untrained: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan that lies beside a network's weights.

    Args:
        folder: of the weights; ``monai.bundle.load``, which does not say where the bundle is, has its file beside those
            that it loads.
        given: what the command line or a configuration says besides; it must not contradict the plan.
        untrained: the plan, by the names of its attributes, of a bundle that has no weights yet.

    Returns:
        The plan.

    Raises:
        InputError: there is no plan, it cannot be read, or what is given contradicts it; both values are named.
    """
    loaded = loaded_weights()
    path = loaded.with_name(PLAN_FILE) if loaded else Path(folder, PLAN_FILE)
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
        raise InputError(f"{'; '.join(found)} ({path}). Leave it out, or train again.")
    return plan


def split_of(
    dataset: Dataset, folder: str | os.PathLike[str], resume: bool = False, trained: bool = False, **options: Any
) -> Split:
    """The split of a training: drawn, or when it resumes or is evaluated, the one it began with.

    Args:
        dataset: of `read_dataset`.
        folder: of the weights.
        resume: read the split in ``folder``, if there is one.
        trained: read the split in ``folder``.
        options: of `split_dataset`.

    Returns:
        The split.

    Raises:
        InputError: as `split_dataset` and `load_split`.
    """
    if trained or (resume and Path(folder, SPLIT_FILE).is_file()):
        return load_split(dataset, folder)
    split = split_dataset(dataset, **options)
    logger.info("%s", split.where)
    return split


def load_split(dataset: Dataset, folder: str | os.PathLike[str]) -> Split:
    """The split with which a network was trained.

    Args:
        dataset: the same as in training, or another: of a data set that shares no case with it, every labeled case is a
            test case.
        folder: of the weights.

    Returns:
        The split.

    Raises:
        InputError: the file is damaged, or cases of the training are no longer in the data set.
    """
    path = Path(folder, SPLIT_FILE)
    if not path.is_file():
        raise InputError(f"{path}: expected the split that a training writes beside its weights; train first.")
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        sections = {section: list(names[section]) for section in SECTIONS}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as the split of a training: {error}.") from error
    by_case = {item["case"]: item for item in dataset.items}
    known = [name for section in SECTIONS for name in sections[section]]
    missing = [name for name in known if name not in by_case]
    if len(missing) == len(known):
        logger.warning("%s shares no case with the training: all %d cases are tested.", dataset.root, len(by_case))
        return Split([], [], list(dataset.items), f"all cases of {dataset.root} are tested")
    if missing:
        raise InputError(
            f"{dataset.root} lacks {len(missing)} of the {len(known)} cases of the training, {missing[0]} among them "
            f"({path})."
        )
    training, validation, test = ([by_case[name] for name in sections[section]] for section in SECTIONS)
    return Split(training, validation, test, f"as in {path}")


class KeepPlan:
    """Ignite handler of a trainer: writes ``plan.json`` and ``split.json`` when the training starts.

    Args:
        folder: of the weights.
        plan: of this training.
        split: of this training.
    """

    def __init__(self, folder: str | os.PathLike[str], plan: Plan, split: Split) -> None:
        self.folder, self.plan, self.split = Path(folder), plan, split

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.write)

    def write(self, engine: Engine) -> None:
        if idist.get_rank() > 0:
            return
        with whole_file(self.folder / PLAN_FILE) as partial:
            partial.write_text(self.plan.to_json(), encoding="utf-8")
        names = {section: [item["case"] for item in getattr(self.split, section)] for section in SECTIONS}
        with whole_file(self.folder / SPLIT_FILE) as partial:
            partial.write_text(json.dumps(names, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
