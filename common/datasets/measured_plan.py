"""The plan of a trained network, for the data set that it is measured with."""

from __future__ import annotations

import logging
from dataclasses import replace

from common.datasets.dataset import Dataset
from common.datasets.layouts.totalsegmentator import require_organ
from common.datasets.plan import Plan
from common.errors import InputError
from common.io.class_numbers import contradicted_meanings
from common.io.label_meaning import LabelMeaning

__all__ = ["measured_plan"]

logger = logging.getLogger(__name__)


def measured_plan(plan: Plan, dataset: Dataset, ignore_value: int | str | None = None) -> Plan:
    """How the labels of a data set are read with which a trained network is compared.

    They are read as those of the training, but for what a training need not have seen: several annotators where it had
    one label for each case (their majority is taken where there is no ground truth), and a value that means not
    labeled.

    Args:
        plan: of the training.
        dataset: of any layout. Where it names its classes or channels, the names must be those of the training: values
            look alike, and anterior and posterior exchanged would be measured without a word. A class may be called
            otherwise; of channels with names that the training does not know a warning is logged.
        ignore_value: of its label files; None: what the data set says, if the training knew none.

    Returns:
        The plan; what differs from that of the training is logged.

    Raises:
        InputError: a label value is called as a class of another value, the channels are called alike in another order,
            the masks are those of another organ, or the value that means not labeled is another one in the training.

    Example:
        >>> from pathlib import Path
        >>> from common.datasets.plan import example_plan
        >>> measured_plan(example_plan(), Dataset("plain", Path("/data"), (), annotators=("AR", "HS"))).annotators
        ('AR', 'HS')
    """
    require_organ(dataset, plan.class_names)
    _require_same_classes(plan, dataset)
    _require_same_channels(plan, dataset)
    return _with_ignore_value(_with_annotators(plan, dataset), dataset, ignore_value)


def _require_same_classes(plan: Plan, dataset: Dataset) -> None:
    numbers = {name.casefold(): number for number, name in enumerate(plan.class_names)}
    meanings = [LabelMeaning.from_json(meaning).values or {} for meaning in plan.labels.values()]
    for value, name in (dataset.class_names or {}).items():
        number = numbers.get(str(name).casefold())
        known = [values[value] for values in meanings if value in values]
        if number is not None and known and number not in known:  # annotators may have values of their own
            raise InputError(
                f"{dataset.root} calls the label value {value} {name}, which is {plan.class_names[known[0]]} in the "
                "training. Give it the label values of the training, or say that they are by --class_values."
            )


def _require_same_channels(plan: Plan, dataset: Dataset) -> None:
    found, expected = dataset.channel_names, plan.channel_names
    ours, theirs = ([name.casefold() for name in names] for names in (found, expected))
    if not found or not expected or ours == theirs:
        return
    sentence = f"{dataset.root} has the channels {', '.join(found)}, where the training had {', '.join(expected)}."
    if sorted(ours) == sorted(theirs):
        raise InputError(f"{sentence} Give them in the order of the training.")
    logger.warning("%s", sentence)


def _with_annotators(plan: Plan, dataset: Dataset) -> Plan:
    if plan.annotators or not dataset.annotators:
        return plan
    logger.info(
        "The network learned from one label; cases without a ground truth are measured with the majority of %s.",
        ", ".join(dataset.annotators),
    )
    return replace(plan, annotators=dataset.annotators)


def _with_ignore_value(plan: Plan, dataset: Dataset, ignore_value: int | str | None) -> Plan:
    meanings = {name: LabelMeaning.from_json(meaning) for name, meaning in plan.labels.items()}
    known = {name: meaning for name, meaning in meanings.items() if meaning.ignore is not None}
    classes = {value: number for meaning in meanings.values() for value, number in (meaning.values or {}).items()}
    value = dataset.ignore_value if ignore_value is None else ignore_value
    if value is None or (ignore_value is None and (known or value in classes)):
        return plan  # what the training was told goes before what its data set says
    if contradicted_meanings(known, ignore_value=value):
        raise InputError(f"ignore_value: the training left out {next(iter(known.values())).ignore}, got {value}.")
    if value in classes:
        name = plan.class_names[classes[value]]
        raise InputError(f"ignore_value: expected a value that is no class, got {value}, which is {name}.")
    if len(known) == len(meanings):
        return plan
    logger.info("%s in the labels of %s is left out.", value, dataset.root)
    return replace(plan, labels={name: replace(one, ignore=value).to_json() for name, one in meanings.items()})
