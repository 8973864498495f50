"""A data set that a trained network is measured with must call classes and channels as the training did."""

from __future__ import annotations

import logging

from common.datasets.dataset import Dataset
from common.datasets.layouts.totalsegmentator import require_organ
from common.datasets.plan import Plan
from common.errors import InputError
from common.io.label_meaning import LabelMeaning

__all__ = ["require_same_names"]

logger = logging.getLogger(__name__)


def require_same_names(dataset: Dataset, plan: Plan) -> None:
    """Refuses a data set whose names say that its label values or its channels are others than in the training.

    Values and channels themselves look alike: anterior and posterior exchanged would be measured without a word. A
    class may be called otherwise; of channels with names that the training does not know a warning is logged.

    Args:
        dataset: of any layout, such as one with a ``dataset.json`` that names its classes and channels.
        plan: of the training.

    Raises:
        InputError: a label value is called as a class of another value, the channels are called alike in another order,
            or the masks are those of another organ.

    Example:
        >>> from pathlib import Path
        >>> from common.datasets.plan import example_plan
        >>> exchanged = Dataset("msd", Path("/data"), (), class_names={0: "foreground", 255: "background"})
        >>> require_same_names(exchanged, example_plan())
        Traceback (most recent call last):
        common.errors.InputError: /data calls the label value 0 foreground, which is background in the training. ...
    """
    require_organ(dataset, plan.class_names)
    numbers = {name.casefold(): number for number, name in enumerate(plan.class_names)}
    meanings = [LabelMeaning.from_json(meaning).values or {} for meaning in plan.labels.values()]
    for value, name in (dataset.class_names or {}).items():
        number = numbers.get(str(name).casefold())
        for known in (values[value] for values in meanings if value in values):
            if number is not None and number != known:
                raise InputError(
                    f"{dataset.root} calls the label value {value} {name}, which is {plan.class_names[known]} in the "
                    "training. Give it the label values of the training."
                )
    found, expected = dataset.channel_names, plan.channel_names
    ours, theirs = ([name.casefold() for name in names] for names in (found, expected))
    if not found or not expected or ours == theirs:
        return
    sentence = f"{dataset.root} has the channels {', '.join(found)}, where the training had {', '.join(expected)}."
    if sorted(ours) == sorted(theirs):
        raise InputError(f"{sentence} Give them in the order of the training.")
    logger.warning("%s", sentence)
