"""A data set that a trained network is measured with must call classes and channels as the training did."""

from __future__ import annotations

from common.datasets.dataset import Dataset
from common.datasets.layouts.totalsegmentator import require_organ
from common.datasets.plan import Plan
from common.errors import InputError
from common.io.label_meaning import LabelMeaning

__all__ = ["require_same_names"]


def require_same_names(dataset: Dataset, plan: Plan) -> None:
    """Refuses a data set whose names say that its label values or its channels are others than in the training.

    Values and channels themselves look alike: anterior and posterior exchanged would be measured without a word. Names
    that the training does not know say nothing, for a class may be called otherwise.

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
    alike = sorted(name.casefold() for name in found) == sorted(name.casefold() for name in expected)
    if alike and [name.casefold() for name in found] != [name.casefold() for name in expected]:
        raise InputError(
            f"{dataset.root} has the channels {', '.join(found)}, where the training had {', '.join(expected)}. Give "
            "them in the order of the training."
        )
