"""A training whose cases a program puts into the configuration, as MONAI Label does."""

from __future__ import annotations

from monai.bundle import ConfigParser

from common.workflow.monai_internals import replace_value

__all__ = ["take_given_items"]

TRAINING, VALIDATION = "train::dataset::data", "validate::dataset::data"


def take_given_items(parser: ConfigParser) -> None:
    """Makes the lists of items at ``train#dataset#data`` and ``validate#dataset#data`` the data set of the training.

    The bundle's own data set is then not read, nor its phantom written, and ``split.json`` names the given cases. Where
    only the training's are given, validation stays with cases of the bundle's own data set. Does nothing to a
    configuration that takes both from its split.

    Args:
        parser: parser of the run, of which nothing but folders has been built.

    Example:
        >>> own = {"_target_": "common.datasets.read_dataset", "dataset_dir": "phantom"}
        >>> items = [{"image": "/data/a.png", "label": "/data/b.png"}]
        >>> parser = ConfigParser({"data": own, "train": {"dataset": {"data": items}},
        ...                        "validate": {"dataset": {"data": []}}})
        >>> take_given_items(parser)
        >>> parser.get_parsed_content("data").cases
        ('a',)
    """
    if not isinstance(parser.get(TRAINING), list):
        return
    if not isinstance(parser.get(VALIDATION), list):
        own = parser.get("split")
        given = {"_target_": "common.datasets.with_training_items", "split": own, "training": f"@{TRAINING}"}
        replace_value(parser, "split", given)
        return
    given = {"_target_": "common.datasets.dataset_of_items", "training": f"@{TRAINING}", "validation": f"@{VALIDATION}"}
    for place in ("data::dataset", "data"):
        if str((parser.get(place) or {}).get("_target_", "")).endswith(".read_dataset"):
            replace_value(parser, place, given)
