"""The consensus as a data set: a datalist that names the images where they lie, so that nothing is copied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common.consensus.one_case import Settings, result_path
from common.consensus.run import Outcome
from common.consensus.sources import Sources
from common.io.files import whole_file

__all__ = ["write_datalist"]

NAME = "datalist.json"
LISTS = {"training": "training", "validation": "validation", "test": "testing"}  # by section


def write_datalist(outcome: Outcome, sources: Sources, settings: Settings) -> Path | None:
    """Writes ``datalist.json``, from which every bundle reads the consensus and the images.

    It keeps what the data set says of its cases (section, subject, fold, stratum), and the names of classes and
    channels.

    Args:
        outcome: of `fuse_cases`.
        sources: the cases with their images.
        settings: of the data set.

    Returns:
        The file; None where no case has an image, or the consensus is no label (of the method mean).
    """
    if settings.method == "mean":
        return None
    finished = {record["case"] for record in outcome.records}
    lists: dict[str, Any] = {}
    for case in sources.cases:
        if case.name in finished and case.image:
            known = {key: value for key, value in case.known.items() if key != "section"}
            label = result_path(case, settings).relative_to(settings.output).as_posix()
            images = [str(Path(path).absolute()) for path in case.image]
            entry = {"case": case.name, "image": images if len(images) > 1 else images[0], "label": label, **known}
            lists.setdefault(LISTS[case.known.get("section", "training")], []).append(entry)
    if not lists:
        return None
    content: dict[str, Any] = {}
    if sources.channel_names:
        content["channel_names"] = {str(index): name for index, name in enumerate(sources.channel_names)}
    if settings.class_names != tuple(map(str, settings.values)):
        content["labels"] = {str(value): n for value, n in zip(settings.values, settings.class_names, strict=True)}
    path = Path(settings.output, NAME)
    with whole_file(path) as partial:
        partial.write_text(json.dumps({**content, **lists}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
