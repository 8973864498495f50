"""What a data set is, whatever its layout: cases with their files, and what the data set says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Dataset:
    """The cases of a data set and what is known of them before a file is opened.

    Attributes:
        layout: name of the layout that it was read by, such as ``"nnunet"``.
        root: folder of the data set, absolute.
        items: a dictionary for each case, sorted by case: ``case`` (unique name), ``subject``, ``image`` (path, or a
            list with a path per channel), ``label`` (path) and/or ``annotators`` (path by name), and where the data set
            says so ``section`` (``"training"``, ``"validation"`` or ``"test"``), ``fold`` (int) and ``stratum`` (str).
        channel_names: of the image's channels; empty where the data set does not name them.
        class_names: name of each value in the label files, background included; None where the data set does not say.
        ignore_value: value in the label files that marks what was not labeled; None where there is none.
        annotators: names of all annotators, in a fixed order; empty where every case has one label.
        folds: the data set's own splits, ``{"train": [case, …], "val": [case, …]}`` each.
        notes: what was decided while reading, a sentence each.
        left_out: (path, reason) of what lies in the folder and is not read.

    Example:
        >>> Dataset("plain", Path("/data"), ({"case": "a", "subject": "a", "image": "a.png", "label": "m.png"},)).cases
        ('a',)
    """

    layout: str
    root: Path
    items: tuple[dict[str, Any], ...]
    channel_names: tuple[str, ...] = ()
    class_names: Mapping[int, str] | None = None
    ignore_value: int | None = None
    annotators: tuple[str, ...] = ()
    folds: tuple[Mapping[str, list[str]], ...] = ()
    notes: tuple[str, ...] = field(default=())
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases.

        Returns:
            One for each item, sorted.
        """
        return tuple(item["case"] for item in self.items)
